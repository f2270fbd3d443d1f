//! Taking back what was done to rows. Each step keeps the row before and after; a row that somebody has changed since is left
//! alone and named.

use std::collections::VecDeque;

use rusqlite::Connection;
use serde_json::{Value, json};
use uuid::Uuid;
use waystation_model::registry::{Entity, Merge};
use waystation_model::{Code, Problem};

use super::remove::deleted_at;
use crate::error::Result;
use crate::store::rows::{self, id_text};
use crate::store::{Edit, Owner};

/// Steps that can be taken back, the newest. Those before are forgotten.
pub const UNDO_MAX: usize = 100;

/// What happened to one row.
#[derive(Debug, Clone)]
pub struct Change {
    entity: &'static Entity,
    id: Uuid,
    before: Option<Vec<Value>>,
    after: Option<Vec<Value>>,
}

impl Change {
    /// A row that had and has these values; none when it did or does not exist.
    pub fn new(entity: &'static Entity, id: Uuid, before: Option<Vec<Value>>, after: Option<Vec<Value>>) -> Change {
        Change { entity, id, before, after }
    }
}

/// The rows that these edits are about, as they are now: each once, in the order of the edits.
///
/// # Errors
/// When the database fails.
pub fn images(connection: &Connection, edits: &[Edit]) -> Result<Vec<(&'static Entity, Uuid, Option<Vec<Value>>)>> {
    let mut images: Vec<(&'static Entity, Uuid, Option<Vec<Value>>)> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for edit in edits {
        let Some(id) = edit.id else { continue };
        if seen.insert((edit.entity.name, id)) {
            images.push((edit.entity, id, rows::read(connection, edit.entity, &id_text(&id))?.map(|row| row.values)));
        }
    }
    Ok(images)
}

/// What happened between the images and now.
///
/// # Errors
/// When the database fails.
pub fn changes(connection: &Connection, before: Vec<(&'static Entity, Uuid, Option<Vec<Value>>)>) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    for (entity, id, before) in before {
        let after = rows::read(connection, entity, &id_text(&id))?.map(|row| row.values);
        if before != after {
            changes.push(Change { entity, id, before, after });
        }
    }
    Ok(changes)
}

/// The edits that take changes back.
///
/// # Errors
/// `changed_meanwhile` with the column, when a value is another one by now; `not_allowed` for a row that nobody deletes.
pub fn plan(connection: &Connection, owner: &Owner, now_ms: i64, changes: &[Change]) -> Result<Vec<Edit>> {
    changes.iter().rev().filter_map(|change| back(connection, owner, now_ms, change).transpose()).collect()
}

fn back(connection: &Connection, owner: &Owner, now_ms: i64, change: &Change) -> Result<Option<Edit>> {
    let entity = change.entity;
    let now = rows::read(connection, entity, &id_text(&change.id))?.map(|row| row.values);
    let moved =
        |name: &str| Problem::new(Code::ChangedMeanwhile, format!("{} {} was changed meanwhile", entity.name, change.id)).field(name);
    match (&change.before, &change.after, now) {
        (Some(before), Some(after), Some(now)) => {
            let changed: Vec<usize> =
                (0..entity.columns.len()).filter(|index| before[*index] != after[*index] && goes_back(entity, *index)).collect();
            if let Some(index) = changed.iter().find(|index| now[**index] != after[**index]) {
                return Err(moved(entity.columns[*index].name).into());
            }
            let groups: Vec<&str> = changed.iter().filter_map(|index| entity.columns[*index].tracked_group()).collect();
            let mut fields = Vec::new();
            for (index, column) in entity.columns.iter().enumerate() {
                let in_group = column.tracked_group().is_some_and(|group| groups.contains(&group));
                if changed.contains(&index) || in_group && column.merge != Merge::Server {
                    fields.push((column.name, given(owner, entity, index, &before[index])));
                }
            }
            Ok((!fields.is_empty()).then(|| Edit::put(entity, Some(change.id), fields)))
        }
        (None, Some(after), Some(now)) => {
            if let Some(name) = changed_by_people(entity, after, &now) {
                return Err(moved(name).into());
            }
            match deleted_at(entity) {
                _ if !entity.delete.is_empty() => Ok(Some(Edit::delete(entity, change.id))),
                Some(column) => Ok(Some(Edit::put(entity, Some(change.id), vec![(column.name, json!(now_ms))]))),
                None => Err(Problem::new(Code::NotAllowed, format!("{} are not deleted", entity.name)).into()),
            }
        }
        (Some(before), None, None) => {
            let given_columns = entity.columns.iter().enumerate().filter(|(_, column)| column.merge != Merge::Server);
            let fields = given_columns.map(|(index, column)| (column.name, given(owner, entity, index, &before[index]))).collect();
            Ok(Some(Edit::put(entity, Some(change.id), fields)))
        }
        // Somebody took it back already.
        (None, Some(_), None) | (_, None, Some(_)) => Ok(None),
        _ => Err(moved("id").into()),
    }
}

/// The first column that a person has changed between two states of a row. What the server fills in is no change.
fn changed_by_people(entity: &Entity, before: &[Value], after: &[Value]) -> Option<&'static str> {
    let mut columns = entity.columns.iter().enumerate();
    columns.find(|(index, column)| column.is_given_by_people() && before[*index] != after[*index]).map(|(_, column)| column.name)
}

/// Whether a column of a stored row can take its earlier value. What only grows cannot.
fn goes_back(entity: &Entity, index: usize) -> bool {
    matches!(entity.columns[index].merge, Merge::Latest | Merge::Ask | Merge::LatestQuiet) && !entity.columns[index].names_author
}

/// A value as this person may give it: whoever takes something back is its author.
fn given(owner: &Owner, entity: &Entity, index: usize, value: &Value) -> Value {
    if entity.columns[index].names_author { Value::from(owner.user_id.to_string()) } else { value.clone() }
}

/// What one person can take back, the newest last.
#[derive(Debug, Default)]
pub struct History {
    steps: VecDeque<(u32, Vec<Change>)>,
    last_number: u32,
}

impl History {
    /// Keeps what was done and names it. Nothing done, nothing to name.
    pub fn keep(&mut self, changes: Vec<Change>) -> Option<u32> {
        if changes.is_empty() {
            return None;
        }
        self.last_number += 1;
        self.steps.push_back((self.last_number, changes));
        if self.steps.len() > UNDO_MAX {
            self.steps.pop_front();
        }
        Some(self.last_number)
    }

    /// What was done under this number.
    pub fn step(&self, number: u32) -> Option<Vec<Change>> {
        self.steps.iter().find(|(kept, _)| *kept == number).map(|(_, changes)| changes.clone())
    }

    /// It was taken back, and is not taken back twice.
    pub fn forget(&mut self, number: u32) {
        self.steps.retain(|(kept, _)| *kept != number);
    }
}
