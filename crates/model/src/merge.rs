//! What a change makes of a row, and of whoever changed it meanwhile. The same function runs on the server for real
//! and on the laptop as a preview.
//!
//! For `furthest`, `sum` and `latest` columns, concurrent changes give the same row and the same conflicts in whatever
//! order they arrive, as long as each device's own order is kept and a change names all columns of a group that it changes.

mod order;
mod tracked;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::error::{Code, Problem};
use crate::limits::ROW_BYTES_MAX;
use crate::registry::{Column, Entity, Kind, Merge, WHOLE_MAX, check_value, normal, written_bytes};
use crate::wire::Base;
pub use order::Turn;
use tracked::{edit_of, merge_group};

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
    /// The row was made without a word of this group: it has the value that it has at first, and nobody has said so.
    #[serde(default, rename = "unsaid", skip_serializing_if = "std::ops::Not::not")]
    pub is_unsaid: bool,
    /// Edits of a later time that this one was made knowing, the latest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<Turn>,
    /// Devices that said the same at an earlier time and without knowing of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seconders: Vec<Seconder>,
}

/// A device that said what stands already. Who has not seen the row since has not seen that it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seconder {
    /// The device.
    pub device: Uuid,
    /// The device's number of the change.
    pub n: i64,
    /// The row's stamp from then on. The database fills it in; 0 until then.
    pub stamp: i64,
}

impl Edit {
    /// Plain SQL's edit at this time.
    pub fn of_sql(at: i64) -> Edit {
        Edit { stamp: 0, at, device: None, n: 0, user: None, is_unsaid: false, after: Vec::new(), seconders: Vec::new() }
    }

    /// Whether somebody has said what the group holds.
    pub fn says(&self) -> bool {
        !self.is_unsaid
    }

    /// Whether this device has said what the group holds, in a change after its number `n`.
    pub fn was_said_after(&self, device: Uuid, n: i64) -> bool {
        let is_own = self.says() && self.device == Some(device) && self.n > n;
        is_own || self.seconders.iter().any(|seconder| seconder.device == device && seconder.n > n)
    }

    /// Gives the new row's stamp to what is new of it.
    pub fn fill_stamps(&mut self, stamp: i64) {
        let seconders = self.seconders.iter_mut().map(|seconder| &mut seconder.stamp);
        for new in seconders.chain([&mut self.stamp]).filter(|stamp| **stamp == 0) {
            *new = stamp;
        }
    }
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
    /// The row's stamps under which they stood, the first and the last of each time; none when they never stood.
    pub stood: Vec<(i64, i64)>,
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
    /// An edit stands no more. Others may hold the same value: for as long as the edit stood, theirs did as well.
    Ended {
        /// The tracked group.
        group: &'static str,
        /// Its deciding column's value.
        value: Value,
        /// Who ended it had seen the row up to this stamp: what was held by then, they have answered. None: they had not seen
        /// the edit.
        seen_upto: Option<i64>,
        /// The row's stamps under which it stood, the first and the last; none when no other push has seen it.
        stood: Option<(i64, i64)>,
        /// Devices that hold the value since a later stamp.
        seconders: Vec<Seconder>,
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
    lay_over(entity, &mut values, change.fields);
    for (column, value) in entity.columns.iter().zip(&values) {
        if value.is_null() && !column.nullable && column.merge != Merge::Server {
            return Err(Problem::new(Code::MissingValue, format!("{} needs {}", entity.name, column.name)).field(column.name));
        }
    }
    let mut edits = Edits::new();
    for group in entity.tracked_groups() {
        // A null that is named is said, and a default that is not named is not.
        let is_unsaid = !entity.group_columns(group).any(|(index, _)| change.fields.iter().any(|(given, _)| *given == index));
        if !is_unsaid || entity.group_columns(group).any(|(index, _)| !values[index].is_null()) {
            edits.insert(group.to_owned(), Edit { is_unsaid, ..edit_of(change) });
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
                    merge_group(entity, group, column.merge, same_base, stored, change, &mut merged)?;
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reset {
    Older,
    Same,
    Newer,
}

fn reset_step(entity: &Entity, stored: &Stored, change: &Change<'_>) -> Reset {
    let Some(index) = entity.columns.iter().position(|column| column.merge == Merge::Reset) else { return Reset::Same };
    let number = |value: &Value| value.as_i64().unwrap_or(0);
    let current = number(&stored.values[index]);
    // Which number stands when a change arrives depends on what arrived before, so a change without one has the first.
    let given = change.fields.iter().find(|(given, _)| *given == index).map(|(_, value)| number(value));
    let given = given.unwrap_or_else(|| number(&entity.columns[index].default_value()));
    match given.cmp(&current) {
        std::cmp::Ordering::Less => Reset::Older,
        std::cmp::Ordering::Equal => Reset::Same,
        std::cmp::Ordering::Greater => Reset::Newer,
    }
}

/// The new value, and whether the change's own value counted at all.
fn furthest(column: &Column, reset: Reset, old: &Value, new: &Value) -> (Value, bool) {
    match reset {
        Reset::Newer => (further(column, &column.default_value(), new), true),
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
        let sum = old.as_f64().unwrap_or(0.0) + delta.as_f64().unwrap_or(0.0);
        return Value::from(sum.clamp(f64::MIN, f64::MAX));
    }
    // A sum stays at the largest number that every JSON reader keeps exactly, as every other whole number does.
    let sum = old.as_i64().unwrap_or(0).saturating_add(delta.as_i64().unwrap_or(0));
    Value::from(sum.clamp(-WHOLE_MAX.cast_signed(), WHOLE_MAX.cast_signed()))
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
