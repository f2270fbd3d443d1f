//! Stores losing values as conflicts until they are settled.
//!
//! A conflict is the last losing value of one device in one field. It is a conflict only while its value differs from the current
//! one, which laptops compare. So the conflicts do not depend on the order in which changes arrived.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use uuid::Uuid;
use waystation_model::ids::DERIVED_ID_NAMESPACE;
use waystation_model::merge::{ConflictStep, LosingValue};
use waystation_model::registry::Entity;

use super::RowId;
use super::rows::Rows;
use super::sets::Context;
use crate::authority::{KeptConflict, OpenConflict, Writing};
use crate::failure::Failure;

/// Key of a conflict: row, tracked group, device.
type ConflictKey = (RowId, String, Option<Uuid>);

/// The most stamp ranges stored per value, the latest ones.
const STOOD_MAX: usize = 16;

enum Entry {
    /// Stored in the database.
    Stored {
        id: Uuid,
        /// Value of the group's first column, which is compared.
        value: Value,
        stood: Vec<(i64, i64)>,
        /// A stamp range was added that the database does not have.
        is_changed: bool,
    },
    /// Created by this set.
    New(LosingValue),
}

impl Entry {
    fn value(&self) -> &Value {
        match self {
            Entry::Stored { value, .. } => value,
            Entry::New(lost) => lost.values.first().map_or(&Value::Null, |(_, value)| value),
        }
    }

    fn stood(&self) -> &[(i64, i64)] {
        match self {
            Entry::Stored { stood, .. } => stood,
            Entry::New(lost) => &lost.stood,
        }
    }

    fn add_time(&mut self, from: i64, upto: i64) {
        let stood = match self {
            Entry::Stored { stood, is_changed, .. } => {
                *is_changed = true;
                stood
            }
            Entry::New(lost) => &mut lost.stood,
        };
        if stood.len() >= STOOD_MAX {
            stood.remove(0);
        }
        stood.push((from, upto));
    }
}

/// Writes the effects of the set's changes on losing values.
pub async fn keep<W: Writing>(transaction: &mut W, context: &Context<'_>, entity: &Entity, rows: &Rows) -> Result<(), Failure> {
    if rows.held.is_empty() {
        return Ok(());
    }
    let mut entries = read_open(transaction, entity, rows).await?;
    let mut gone: Vec<Uuid> = Vec::new();
    let forget = |gone: &mut Vec<Uuid>, entry: Option<Entry>| {
        if let Some(Entry::Stored { id, .. }) = entry {
            gone.push(id);
        }
    };
    for (id, held) in &rows.held {
        match held {
            ConflictStep::Restated { group, device } => {
                let entry = entries.remove(&(*id, (*group).to_owned(), Some(*device)));
                forget(&mut gone, entry);
            }
            ConflictStep::Seen { group, stamp } => {
                let saw = |entry: &Entry| entry.stood().iter().any(|(first, last)| (*first..=*last).contains(stamp));
                let keys = keys_where(&entries, *id, group, saw);
                // A stamp of a lost epoch proves what its author saw then, but nothing about the current row.
                let were_seen = !keys.is_empty() && !transaction.is_of_lost_epoch(*stamp).await?;
                for key in keys.into_iter().filter(|_| were_seen) {
                    forget(&mut gone, entries.remove(&key));
                }
            }
            ConflictStep::Replaced { group, value, seen_upto, stood, seconders } => {
                for key in keys_where(&entries, *id, group, |entry| entry.value() == value) {
                    let second = seconders.iter().find(|seconder| Some(seconder.device) == key.2);
                    let since = second.map(|seconder| seconder.stamp).or(stood.map(|(first, _)| first));
                    let Some(since) = since.filter(|since| *since != 0) else { continue };
                    if seen_upto.is_some_and(|seen| since <= seen) {
                        forget(&mut gone, entries.remove(&key));
                    } else if let (Some((_, last)), Some(entry)) = (stood, entries.get_mut(&key)) {
                        entry.add_time(since, *last);
                    }
                }
            }
            ConflictStep::Added(lost) => {
                // The same key has the same id, so the stored row is overwritten.
                entries.insert((*id, lost.group.to_owned(), lost.edit.device), Entry::New(lost.clone()));
            }
        }
    }
    let new: Vec<(&ConflictKey, &LosingValue)> =
        entries.iter().filter_map(|(key, entry)| if let Entry::New(lost) = entry { Some((key, lost)) } else { None }).collect();
    let rewritten: Vec<Uuid> = new.iter().map(|(key, _)| conflict_id(entity, key)).collect();
    gone.retain(|id| !rewritten.contains(id));
    if !gone.is_empty() {
        transaction.forget_conflicts(gone).await?;
    }
    for entry in entries.values() {
        if let Entry::Stored { id, stood, is_changed: true, .. } = entry {
            transaction.store_current_ranges(*id, stood).await?;
        }
    }
    for (key, lost) in new {
        if let Some(conflict) = kept(context, entity, rows, key, lost) {
            transaction.keep_conflict(conflict).await?;
        }
    }
    Ok(())
}

/// The keys of matching entries of one group of one row.
fn keys_where(entries: &BTreeMap<ConflictKey, Entry>, id: RowId, group: &str, kind: impl Fn(&Entry) -> bool) -> Vec<ConflictKey> {
    let of_group = entries.iter().filter(|(key, entry)| key.0 == id && key.1 == group && kind(entry));
    of_group.map(|(key, _)| key.clone()).collect()
}

async fn read_open<W: Writing>(transaction: &mut W, entity: &Entity, rows: &Rows) -> Result<BTreeMap<ConflictKey, Entry>, Failure> {
    let mut ids: Vec<RowId> = rows.held.iter().map(|(id, _)| *id).collect();
    ids.sort_unstable();
    ids.dedup();
    let open = transaction.open_conflicts(entity, ids).await?;
    Ok(open
        .into_iter()
        .map(|OpenConflict { id, row_id, field, lost_device, lost_values, stood }| {
            let lead =
                entity.group_columns(&field).next().and_then(|(_, column)| lost_values.get(column.name)).cloned().unwrap_or(Value::Null);
            ((row_id, field, lost_device), Entry::Stored { id, value: lead, stood, is_changed: false })
        })
        .collect())
}

/// The conflict row of a losing value; none when the row was deleted.
fn kept<'a>(context: &Context<'_>, entity: &'a Entity, rows: &Rows, key: &ConflictKey, lost: &'a LosingValue) -> Option<KeptConflict<'a>> {
    let id = key.0;
    let stored = rows.current(id)?;
    let kept_values: Map<String, Value> =
        entity.group_columns(lost.group).map(|(index, column)| (column.name.to_owned(), stored.values[index].clone())).collect();
    let kept_edit = stored.edits.get(lost.group);
    let lost_values: Map<String, Value> = lost.values.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let column =
        |name: &str| entity.column_index(name).and_then(|index| stored.values[index].as_str()).and_then(|text| Uuid::parse_str(text).ok());
    // The staff who subscribe to the row settle it; where there are none, the author of the value. A payment names a group too,
    // and its teacher does not see it.
    let scoped = |name: &str| column(name).filter(|_| entity.is_scoped_by(name));
    let group_id = scoped("group_id").or_else(|| (entity.name == "groups").then_some(id));
    let course_id = if group_id.is_none() { scoped("course_id").or_else(|| (entity.name == "courses").then_some(id)) } else { None };
    let author_id = if group_id.is_none() && course_id.is_none() { lost.edit.user.or(Some(context.actor.user_id)) } else { None };
    Some(KeptConflict {
        id: conflict_id(entity, key),
        organization_id: context.actor.organization_id,
        entity: entity.name,
        row_id: id,
        field: lost.group,
        lost_values,
        lost_by: lost.edit.user,
        lost_at_ms: lost.edit.at.div_euclid(1000),
        lost_device: lost.edit.device,
        stood: lost.stood.clone(),
        kept_values,
        kept_by: kept_edit.and_then(|edit| edit.user),
        kept_at_ms: kept_edit.map(|edit| edit.at.div_euclid(1000)),
        group_id,
        course_id,
        author_id,
    })
}

/// The id of a conflict, derived from table, row, field and device.
fn conflict_id(entity: &Entity, key: &ConflictKey) -> Uuid {
    let device = key.2.map_or_else(|| "-".to_owned(), |device| device.to_string());
    Uuid::new_v5(&DERIVED_ID_NAMESPACE, format!("conflicts:{}:{}:{}:{device}", entity.name, key.0, key.1).as_bytes())
}
