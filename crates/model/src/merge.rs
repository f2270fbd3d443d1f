//! What a change makes of a row, and of whoever changed it meanwhile. The same function runs on the server for real
//! and on the laptop as a preview.
//!
//! For `furthest`, `sum` and `latest` columns, concurrent changes give the same row and the same conflicts in whatever
//! order they arrive, as long as each device's own order is kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::error::{Code, Problem};
use crate::limits::ROW_BYTES_MAX;
use crate::registry::{Column, Entity, Kind, Merge, check_value, normal, written_bytes};
use crate::wire::Base;

/// Who last changed a tracked column, and when. Stored beside the row on the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Edit {
    /// The row's stamp from then on. The database fills it in; 0 until then.
    pub stamp: i64,
    /// Corrected hybrid time (microseconds). Plain SQL counts as the server's time.
    pub at: i64,
    /// The device; none for plain SQL.
    pub device: Option<Uuid>,
    /// The device's number of the change.
    pub n: i64,
    /// The person; none for plain SQL.
    pub user: Option<Uuid>,
    /// How often somebody else said the same without knowing of it. It makes each time a new edit with a new stamp, so
    /// that a change made before has not seen it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub seconded: i64,
}

fn is_zero(count: &i64) -> bool {
    *count == 0
}

/// The tracked columns' last edits, by group name.
pub type Edits = BTreeMap<String, Edit>;

/// A row as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Its stamp. `None` for a row that this very push has changed: the stamp comes with the commit.
    pub stamp: Option<i64>,
    /// Its values, in the registry's order.
    pub values: Vec<Value>,
    /// Who last changed what.
    pub edits: Edits,
}

/// One person's change of one row.
#[derive(Debug, Clone)]
pub struct Change<'a> {
    /// The device that it was made on.
    pub device: Uuid,
    /// Its number there.
    pub n: i64,
    /// Who made it.
    pub user: Uuid,
    /// What it was made on.
    pub base: Base,
    /// When, already corrected and not after its receipt (microseconds).
    pub at: i64,
    /// The columns' places and their new values.
    pub fields: &'a [(usize, Value)],
}

/// A value that somebody holds beside the one that stands, kept until somebody settles it. It may equal the one that
/// stands: then it is no conflict yet, and becomes one when the other changes their mind.
#[derive(Debug, Clone, PartialEq)]
pub struct Lost {
    /// The tracked group.
    pub group: &'static str,
    /// The group's columns and the held values, the deciding one first.
    pub values: Vec<(&'static str, Value)>,
    /// Who had entered them, where and when.
    pub edit: Edit,
    /// The row's stamps under which they stood, the first and the last; none when they never stood.
    pub stood: Option<(i64, i64)>,
}

/// What a change does to the values that are held beside a row, one step after the other. A device holds at most one
/// value of a group: the last that it said.
#[derive(Debug, Clone, PartialEq)]
pub enum Held {
    /// The device said something new: what it held before is past.
    Spoke {
        /// The tracked group.
        group: &'static str,
        /// The device.
        device: Uuid,
    },
    /// Somebody changed the group who had the row of this stamp before them: what stood then, they have answered.
    Saw {
        /// The tracked group.
        group: &'static str,
        /// The row's stamp.
        stamp: i64,
    },
    /// Somebody who knew of it replaced this value: nobody holds it any more.
    Replaced {
        /// The tracked group.
        group: &'static str,
        /// Its deciding column's value.
        value: Value,
    },
    /// This is held beside what stands.
    Kept(Lost),
}

/// How a change fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It stands as it was made.
    Applied,
    /// It stands together with somebody else's.
    Merged,
    /// Something of it did not make it.
    Superseded,
}

/// The row after a change.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged {
    /// Its values.
    pub values: Vec<Value>,
    /// Who last changed what.
    pub edits: Edits,
    /// Whether anything differs from before.
    pub changed: bool,
    /// How the change fared.
    pub verdict: Verdict,
    /// What happens to `conflicts`, in order.
    pub held: Vec<Held>,
}

/// Reads named values as places and values of `entity`, refusing what a laptop may not write.
///
/// # Errors
/// `unknown_column`, `server_column` or `bad_value`, with the column at fault.
pub fn read_fields(entity: &Entity, columns: &[String], values: &[Value]) -> Result<Vec<(usize, Value)>, Problem> {
    if columns.len() != values.len() {
        return Err(Problem::new(Code::BadRequest, "a row has not as many values as columns"));
    }
    let mut fields: Vec<(usize, Value)> = Vec::with_capacity(columns.len());
    for (name, value) in columns.iter().zip(values) {
        let Some(index) = entity.column_index(name) else {
            return Err(Problem::new(Code::UnknownColumn, format!("{} has no column {name}", entity.name)).field(name));
        };
        if fields.iter().any(|(seen, _)| *seen == index) {
            return Err(Problem::new(Code::BadRequest, format!("{name} is given twice")).field(name));
        }
        let column = &entity.columns[index];
        if column.merge == Merge::Server {
            return Err(Problem::new(Code::ServerColumn, format!("only the server fills {name}")).field(name));
        }
        check_value(column, value).map_err(|reason| Problem::new(Code::BadValue, format!("{name} {reason}")).field(name))?;
        fields.push((index, normal(column, value.clone())));
    }
    Ok(fields)
}

/// The row that comes of `change` on `current`.
///
/// # Errors
/// A refusal with its code and field: the row stays as it is.
pub fn merge(entity: &Entity, current: Option<&Stored>, change: &Change<'_>) -> Result<Merged, Problem> {
    let merged = match current {
        None => create(entity, change)?,
        Some(stored) => update(entity, stored, change)?,
    };
    let size: usize = merged.values.iter().map(written_bytes).sum();
    if size > ROW_BYTES_MAX {
        return Err(Problem::new(Code::RowTooLarge, "the row is larger than the limit"));
    }
    Ok(merged)
}

fn create(entity: &Entity, change: &Change<'_>) -> Result<Merged, Problem> {
    let mut values = entity.empty_values();
    for (index, value) in change.fields {
        values[*index] = value.clone();
    }
    for (column, value) in entity.columns.iter().zip(&values) {
        if value.is_null() && !column.nullable && column.merge != Merge::Server {
            return Err(Problem::new(Code::MissingValue, format!("{} needs {}", entity.name, column.name)).field(column.name));
        }
    }
    let mut edits = Edits::new();
    for group in entity.tracked_groups() {
        if entity.group_columns(group).any(|(index, _)| !values[index].is_null()) {
            edits.insert(group.to_owned(), edit_of(change));
        }
    }
    Ok(Merged { values, edits, changed: true, verdict: Verdict::Applied, held: Vec::new() })
}

fn update(entity: &Entity, stored: &Stored, change: &Change<'_>) -> Result<Merged, Problem> {
    let same_base = stored.stamp.is_some() && stored.stamp == change.base.stamp;
    let mut merged = Merged {
        values: stored.values.clone(),
        edits: stored.edits.clone(),
        changed: false,
        verdict: if same_base { Verdict::Applied } else { Verdict::Merged },
        held: Vec::new(),
    };
    let reset = reset_step(entity, stored, change);
    let mut groups_done: Vec<&'static str> = Vec::new();
    let mut all_took = true;
    for (index, value) in change.fields {
        let column = &entity.columns[*index];
        let old = &stored.values[*index];
        match column.merge {
            Merge::Key => {
                if value != old {
                    return Err(Problem::new(Code::KeyChanged, format!("{} never changes", column.name)).field(column.name));
                }
            }
            // The server's cascade is the only one to change it; a laptop that has not heard of it yet is no reason to refuse.
            Merge::Carried | Merge::Server => {}
            Merge::Once => match once(column, old, value)? {
                Some(new) => merged.values[*index] = new,
                None => continue,
            },
            Merge::Sum => merged.values[*index] = add(column, old, value),
            Merge::Furthest | Merge::Earliest | Merge::Reset => {
                let (new, took) = furthest(column, reset, old, value);
                all_took &= took;
                merged.values[*index] = new;
            }
            Merge::Latest | Merge::LatestQuiet | Merge::Ask => {
                let group = column.tracked_group().expect("these rules are tracked");
                if !groups_done.contains(&group) {
                    groups_done.push(group);
                    tracked(entity, group, column.merge, same_base, stored, change, &mut merged)?;
                }
            }
        }
    }
    if reset == Reset::Newer {
        // A deliberate new start: what the change does not say starts again as well.
        for (index, column) in entity.columns.iter().enumerate() {
            if matches!(column.merge, Merge::Furthest | Merge::Earliest) && !change.fields.iter().any(|(given, _)| *given == index) {
                merged.values[index] = column.default_value();
            }
        }
    }
    merged.changed = merged.values != stored.values || merged.edits != stored.edits;
    let untouched_meanwhile = merged.verdict == Verdict::Merged
        && merged.held.iter().all(|held| !matches!(held, Held::Kept(_)))
        && all_took
        && merged.values == laid_over(entity, &stored.values, change);
    if untouched_meanwhile && only_own_since(stored, change.device, change.base) {
        merged.verdict = Verdict::Applied;
    }
    Ok(merged)
}

fn only_own_since(stored: &Stored, device: Uuid, base: Base) -> bool {
    stored.edits.values().all(|edit| edit.device == Some(device) || base.stamp.is_some_and(|base| edit.stamp <= base))
}

/// Whether whoever deletes the row knew it as it is: as the base has it, or with their own changes on top and nobody else's.
pub fn was_seen(stored: &Stored, device: Uuid, base: Base) -> bool {
    stored.stamp.is_none() || stored.stamp == base.stamp || (base.own.is_some() && only_own_since(stored, device, base))
}

fn laid_over(entity: &Entity, values: &[Value], change: &Change<'_>) -> Vec<Value> {
    let mut values = values.to_vec();
    lay_over(entity, &mut values, change.fields);
    values
}

fn edit_of(change: &Change<'_>) -> Edit {
    Edit { stamp: 0, at: change.at, device: Some(change.device), n: change.n, user: Some(change.user), seconded: 0 }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reset {
    Older,
    Same,
    Newer,
}

fn reset_step(entity: &Entity, stored: &Stored, change: &Change<'_>) -> Reset {
    let Some(index) = entity.columns.iter().position(|column| column.merge == Merge::Reset) else { return Reset::Same };
    let current = stored.values[index].as_i64().unwrap_or(0);
    let given = change.fields.iter().find(|(given, _)| *given == index).and_then(|(_, value)| value.as_i64()).unwrap_or(current);
    match given.cmp(&current) {
        std::cmp::Ordering::Less => Reset::Older,
        std::cmp::Ordering::Equal => Reset::Same,
        std::cmp::Ordering::Greater => Reset::Newer,
    }
}

/// The new value, and whether the change's own value counted at all.
fn furthest(column: &Column, reset: Reset, old: &Value, new: &Value) -> (Value, bool) {
    match reset {
        Reset::Newer => (new.clone(), true),
        Reset::Older => (old.clone(), false),
        Reset::Same => (further(column, old, new), true),
    }
}

fn further(column: &Column, old: &Value, new: &Value) -> Value {
    if old.is_null() {
        return new.clone();
    }
    if new.is_null() {
        return old.clone();
    }
    let take_new = match (column.merge, column.kind) {
        (Merge::Earliest, _) => new.as_i64() < old.as_i64(),
        (_, Kind::Truth) => new.as_bool() == Some(true),
        _ => new.as_f64() > old.as_f64(),
    };
    if take_new { new.clone() } else { old.clone() }
}

fn add(column: &Column, old: &Value, delta: &Value) -> Value {
    if column.kind == Kind::Real {
        return Value::from(old.as_f64().unwrap_or(0.0) + delta.as_f64().unwrap_or(0.0));
    }
    Value::from(old.as_i64().unwrap_or(0).saturating_add(delta.as_i64().unwrap_or(0)))
}

fn is_empty(column: &Column, value: &Value) -> bool {
    value.is_null() || *value == column.default_value()
}

fn once(column: &Column, old: &Value, new: &Value) -> Result<Option<Value>, Problem> {
    if old == new {
        return Ok(None);
    }
    if is_empty(column, old) {
        return Ok(Some(new.clone()));
    }
    Err(Problem::new(Code::AlreadySet, format!("{} is given once", column.name)).field(column.name))
}

/// Merges the columns of one tracked group, which stand or fall together.
fn tracked(
    entity: &Entity,
    group: &'static str,
    rule: Merge,
    same_base: bool,
    stored: &Stored,
    change: &Change<'_>,
    merged: &mut Merged,
) -> Result<(), Problem> {
    let given = |index: usize| change.fields.iter().find(|(given, _)| *given == index).map(|(_, value)| value);
    let (lead, lead_column) = entity.group_columns(group).next().expect("a group has a column");
    let other = |index: usize| given(index).is_some_and(|value| *value != stored.values[index]);
    // The deciding column decides; where it is not said, or where a person is asked anyway, every column of the group does.
    let differs =
        if rule == Merge::Ask || given(lead).is_none() { entity.group_columns(group).any(|(index, _)| other(index)) } else { other(lead) };
    let edit = stored.edits.get(group);
    let seen_by_stamp = same_base || edit.is_none_or(|edit| change.base.stamp.is_some_and(|base| edit.stamp != 0 && edit.stamp <= base));
    // A device knows its own words; what others said beside them is kept on its own.
    let seen_as_own = edit.is_some_and(|edit| edit.device == Some(change.device));
    let mut new_edit = edit_of(change);
    if rule == Merge::Latest {
        merged.held.push(Held::Spoke { group, device: change.device });
        merged.held.extend(change.base.stamp.map(|stamp| Held::Saw { group, stamp }));
    }
    if seen_by_stamp || seen_as_own {
        if seen_by_stamp && differs && rule == Merge::Latest {
            merged.held.push(Held::Replaced { group, value: stored.values[lead].clone() });
        }
    } else {
        if differs && rule == Merge::Ask {
            let asked = entity.group_columns(group).find(|(index, _)| other(*index)).map_or(lead_column, |(_, column)| column);
            return Err(Problem::new(Code::ChangedMeanwhile, format!("{} was changed meanwhile", asked.name)).field(asked.name));
        }
        let edit = edit.expect("an unseen group has an edit");
        let later = (change.at, Some(change.device)) > (edit.at, edit.device);
        if rule == Merge::Latest {
            let values =
                |of: &dyn Fn(usize) -> Value| entity.group_columns(group).map(|(index, column)| (column.name, of(index))).collect();
            let theirs = |index: usize| stored.values[index].clone();
            merged.held.push(Held::Kept(if later {
                Lost { group, values: values(&theirs), edit: edit.clone(), stood: stood(stored, edit) }
            } else {
                // What the change leaves out, it leaves as it is.
                let ours = |index: usize| given(index).cloned().unwrap_or_else(|| theirs(index));
                Lost { group, values: values(&ours), edit: edit_of(change), stood: None }
            }));
        }
        if !differs {
            new_edit.seconded = edit.seconded + 1;
        }
        if !later {
            if differs {
                merged.verdict = if rule == Merge::Latest { Verdict::Superseded } else { merged.verdict };
            } else {
                merged.edits.insert(group.to_owned(), Edit { seconded: edit.seconded + 1, ..edit.clone() });
            }
            return Ok(());
        }
    }
    for (index, _) in entity.group_columns(group) {
        if let Some(value) = given(index) {
            merged.values[index] = value.clone();
        }
    }
    // Also when the value is the same as before: that it was said, and when, decides against whoever comes next.
    merged.edits.insert(group.to_owned(), new_edit);
    Ok(())
}

/// The row's stamps under which an edit stood, the first and the last. Of a row that this very push has changed before, the
/// last is the newest that its edits know.
fn stood(stored: &Stored, edit: &Edit) -> Option<(i64, i64)> {
    let last = stored.stamp.or_else(|| stored.edits.values().map(|edit| edit.stamp).max())?;
    (edit.stamp != 0).then_some((edit.stamp, last))
}

/// Lays a person's own pending change on top of a row, as the laptop shows it until the server has spoken.
pub fn lay_over(entity: &Entity, values: &mut [Value], fields: &[(usize, Value)]) {
    let current = Stored { stamp: Some(0), values: values.to_vec(), edits: Edits::new() };
    let change = Change { device: Uuid::nil(), n: 0, user: Uuid::nil(), base: Base { stamp: Some(0), own: None }, at: 0, fields };
    let reset = reset_step(entity, &current, &change);
    for (index, value) in fields {
        let column = &entity.columns[*index];
        values[*index] = match column.merge {
            Merge::Sum => add(column, &current.values[*index], value),
            Merge::Furthest | Merge::Earliest | Merge::Reset => furthest(column, reset, &current.values[*index], value).0,
            _ => value.clone(),
        };
    }
    if reset == Reset::Newer {
        for (index, column) in entity.columns.iter().enumerate() {
            if matches!(column.merge, Merge::Furthest | Merge::Earliest) && !fields.iter().any(|(given, _)| *given == index) {
                values[index] = column.default_value();
            }
        }
    }
}
