//! Keeps what is held beside the values that stand, until somebody settles it.
//!
//! One row stands for what one device last said of one field. It is a conflict as long as its value differs from the one
//! that stands: laptops compare. So the conflicts do not depend on the order in which changes arrived.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use uuid::Uuid;
use waystation_model::ids::DERIVED_ID_NAMESPACE;
use waystation_model::merge::{Held, Lost};
use waystation_model::registry::Entity;

use super::RowId;
use super::rows::Rows;
use super::sets::Context;
use crate::authority::{KeptConflict, OpenConflict, Writing};
use crate::failure::Failure;

/// What one device holds of one group of one row.
type Place = (RowId, String, Option<Uuid>);

/// Times in which one value stood that are remembered, the latest.
const STOOD_MAX: usize = 16;

enum Entry {
    /// In the database.
    Stored {
        id: Uuid,
        /// Its deciding value.
        value: Value,
        stood: Vec<(i64, i64)>,
        /// It stood longer than the database says.
        is_changed: bool,
    },
    /// New in this set.
    New(Lost),
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

/// Writes down what the set's changes did to the values held beside the rows.
pub async fn keep<W: Writing>(keeper: &mut W, context: &Context<'_>, entity: &Entity, rows: &Rows) -> Result<(), Failure> {
    if rows.held.is_empty() {
        return Ok(());
    }
    let mut entries = read_open(keeper, entity, rows).await?;
    let mut gone: Vec<Uuid> = Vec::new();
    let forget = |gone: &mut Vec<Uuid>, entry: Option<Entry>| {
        if let Some(Entry::Stored { id, .. }) = entry {
            gone.push(id);
        }
    };
    for (id, held) in &rows.held {
        match held {
            Held::Spoke { group, device } => {
                let entry = entries.remove(&(*id, (*group).to_owned(), Some(*device)));
                forget(&mut gone, entry);
            }
            Held::Saw { group, stamp } => {
                let saw = |entry: &Entry| entry.stood().iter().any(|(first, last)| (*first..=*last).contains(stamp));
                let places = places(&entries, *id, group, saw);
                // A stamp of a lost life says what somebody saw there, and nothing of what stands here.
                let were_seen = !places.is_empty() && !keeper.is_of_lost_life(*stamp).await?;
                for place in places.into_iter().filter(|_| were_seen) {
                    forget(&mut gone, entries.remove(&place));
                }
            }
            Held::Ended { group, value, seen_upto, stood, seconders } => {
                for place in places(&entries, *id, group, |entry| entry.value() == value) {
                    let second = seconders.iter().find(|seconder| Some(seconder.device) == place.2);
                    let since = second.map(|seconder| seconder.stamp).or(stood.map(|(first, _)| first));
                    let Some(since) = since.filter(|since| *since != 0) else { continue };
                    if seen_upto.is_some_and(|seen| since <= seen) {
                        forget(&mut gone, entries.remove(&place));
                    } else if let (Some((_, last)), Some(entry)) = (stood, entries.get_mut(&place)) {
                        entry.add_time(since, *last);
                    }
                }
            }
            Held::Kept(lost) => {
                // The same place keeps its id, so the row is written over.
                entries.insert((*id, lost.group.to_owned(), lost.edit.device), Entry::New(lost.clone()));
            }
        }
    }
    let new: Vec<(&Place, &Lost)> =
        entries.iter().filter_map(|(place, entry)| if let Entry::New(lost) = entry { Some((place, lost)) } else { None }).collect();
    let rewritten: Vec<Uuid> = new.iter().map(|(place, _)| conflict_id(entity, place)).collect();
    gone.retain(|id| !rewritten.contains(id));
    if !gone.is_empty() {
        keeper.forget_conflicts(gone).await?;
    }
    for entry in entries.values() {
        if let Entry::Stored { id, stood, is_changed: true, .. } = entry {
            keeper.note_stood(*id, stood).await?;
        }
    }
    for (place, lost) in new {
        if let Some(conflict) = kept(context, entity, rows, place, lost) {
            keeper.keep_conflict(conflict).await?;
        }
    }
    Ok(())
}

/// Where entries of this kind are, of one group of one row.
fn places(entries: &BTreeMap<Place, Entry>, id: RowId, group: &str, kind: impl Fn(&Entry) -> bool) -> Vec<Place> {
    let of_group = entries.iter().filter(|(place, entry)| place.0 == id && place.1 == group && kind(entry));
    of_group.map(|(place, _)| place.clone()).collect()
}

async fn read_open<W: Writing>(keeper: &mut W, entity: &Entity, rows: &Rows) -> Result<BTreeMap<Place, Entry>, Failure> {
    let mut ids: Vec<RowId> = rows.held.iter().map(|(id, _)| *id).collect();
    ids.sort_unstable();
    ids.dedup();
    let open = keeper.open_conflicts(entity, ids).await?;
    Ok(open
        .into_iter()
        .map(|OpenConflict { id, row_id, field, lost_device, lost_values, stood }| {
            let lead =
                entity.group_columns(&field).next().and_then(|(_, column)| lost_values.get(column.name)).cloned().unwrap_or(Value::Null);
            ((row_id, field, lost_device), Entry::Stored { id, value: lead, stood, is_changed: false })
        })
        .collect())
}

/// The row that stands for a held value; none when what it was said of is gone.
fn kept<'a>(context: &Context<'_>, entity: &'a Entity, rows: &Rows, place: &Place, lost: &'a Lost) -> Option<KeptConflict<'a>> {
    let id = place.0;
    let stored = rows.current(id)?;
    let kept_values: Map<String, Value> =
        entity.group_columns(lost.group).map(|(index, column)| (column.name.to_owned(), stored.values[index].clone())).collect();
    let kept_edit = stored.edits.get(lost.group);
    let lost_values: Map<String, Value> = lost.values.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let column =
        |name: &str| entity.column_index(name).and_then(|index| stored.values[index].as_str()).and_then(|text| Uuid::parse_str(text).ok());
    // Staff who hear the row settle it; where there are none, whoever had entered the value.
    let group_id = column("group_id").or_else(|| (entity.name == "groups").then_some(id));
    let course_id = if group_id.is_none() { column("course_id").or_else(|| (entity.name == "courses").then_some(id)) } else { None };
    let author_id = if group_id.is_none() && course_id.is_none() { lost.edit.user.or(Some(context.actor.user_id)) } else { None };
    Some(KeptConflict {
        id: conflict_id(entity, place),
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

/// One row per row, field and device.
fn conflict_id(entity: &Entity, place: &Place) -> Uuid {
    let device = place.2.map_or_else(|| "-".to_owned(), |device| device.to_string());
    Uuid::new_v5(&DERIVED_ID_NAMESPACE, format!("conflicts:{}:{}:{}:{device}", entity.name, place.0, place.1).as_bytes())
}
