//! Merges a change into a row that others may have changed meanwhile. The server stores the result; the laptop shows it as
//! a preview.
//!
//! For `furthest`, `sum` and `latest` columns, concurrent changes give the same row and the same conflicts in every order of
//! arrival, as long as each device's own order is kept and a change names all columns of a group that it changes.

mod order;
mod tracked;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::error::{Code, Problem};
use crate::limits::ROW_BYTES_MAX;
use crate::registry::{Column, Entity, INTEGER_MAX, Kind, Merge, check_value, normal, written_bytes};
use crate::wire::Base;
pub use order::EditTime;
use tracked::{edit_of, merge_group};

/// The last change of a tracked group: its author and its time. The server stores it in the row's `edits`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Edit {
    /// The stamp that this edit gave the row. The database fills it in; 0 until then.
    pub stamp: i64,
    /// Corrected hybrid time (microseconds). For plain SQL, the server's time.
    pub at: i64,
    /// The device; none for plain SQL.
    pub device: Option<Uuid>,
    /// The number of the change on its device.
    pub n: i64,
    /// The person; none for plain SQL.
    pub user: Option<Uuid>,
    /// The row was created by a change that did not name this group: the group has its default, which no author has chosen.
    #[serde(default, rename = "unsaid", skip_serializing_if = "std::ops::Not::not")]
    pub is_unsaid: bool,
    /// Edits with a later time than this one that its author had seen, the latest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<EditTime>,
    /// Devices that set the same value at an earlier time, without having seen this edit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seconders: Vec<Seconder>,
}

/// A device that set the value which is current already. Only who has seen the row since then has seen that it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seconder {
    /// The device.
    pub device: Uuid,
    /// The number of the change on its device.
    pub n: i64,
    /// The stamp that this change gave the row. The database fills it in; 0 until then.
    pub stamp: i64,
}

impl Edit {
    /// An edit by plain SQL at this time (microseconds).
    pub fn of_sql(at: i64) -> Edit {
        Edit { stamp: 0, at, device: None, n: 0, user: None, is_unsaid: false, after: Vec::new(), seconders: Vec::new() }
    }

    /// Whether an author has chosen the group's value.
    pub fn is_explicit(&self) -> bool {
        !self.is_unsaid
    }

    /// Whether this device has set the current value of the group in a change after its number `n`.
    pub fn was_written_after(&self, device: Uuid, n: i64) -> bool {
        let is_own = self.is_explicit() && self.device == Some(device) && self.n > n;
        is_own || self.seconders.iter().any(|seconder| seconder.device == device && seconder.n > n)
    }

    /// Sets the row's new stamp where this edit or one of its seconders has none yet.
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
    /// Its stamp. `None` for a row that the same push has already changed: the commit gives the stamp.
    pub stamp: Option<i64>,
    /// Its values, in the registry's order.
    pub values: Vec<Value>,
    /// The last edit of each tracked group.
    pub edits: Edits,
}

/// One person's change of one row.
#[derive(Debug, Clone)]
pub struct Change<'a> {
    /// The device that it was made on.
    pub device: Uuid,
    /// Its number on that device.
    pub n: i64,
    /// The author.
    pub user: Uuid,
    /// The state of the row that its author saw.
    pub base: Base,
    /// Its time, corrected and not after its receipt (microseconds).
    pub at: i64,
    /// Column indexes and new values.
    pub fields: &'a [(usize, Value)],
}

/// A losing value: a device set it, and another value is current. It is kept until a person settles the conflict. It may equal
/// the current value: then it becomes a conflict when another device changes the current value.
#[derive(Debug, Clone, PartialEq)]
pub struct LosingValue {
    /// The tracked group.
    pub group: &'static str,
    /// The group's columns and their losing values, the deciding column first.
    pub values: Vec<(&'static str, Value)>,
    /// The edit that set them.
    pub edit: Edit,
    /// Ranges of row stamps, first and last, during which they were the current values; empty when they never were.
    pub stood: Vec<(i64, i64)>,
}

/// One step of what a change does to the losing values of a row; the steps apply in order. A device has at most one losing
/// value per group: the last one that it set.
#[derive(Debug, Clone, PartialEq)]
pub enum ConflictStep {
    /// The device set a new value: its earlier losing value is deleted.
    Restated {
        /// The tracked group.
        group: &'static str,
        /// The device.
        device: Uuid,
    },
    /// The author of a change had seen the row at this stamp: losing values that were current then are settled.
    Seen {
        /// The tracked group.
        group: &'static str,
        /// The row's stamp.
        stamp: i64,
    },
    /// An edit is not current any more. Losing values that equal its value were current during the same range of stamps.
    Replaced {
        /// The tracked group.
        group: &'static str,
        /// Its deciding column's value.
        value: Value,
        /// The author who replaced the edit had seen the row up to this stamp: losing values known by then are settled.
        /// None: they had not seen the edit.
        seen_upto: Option<i64>,
        /// The range of row stamps during which it was current, first and last; none when no other push has seen it.
        stood: Option<(i64, i64)>,
        /// Devices that set the same value at a later stamp.
        seconders: Vec<Seconder>,
    },
    /// A new losing value.
    Added(LosingValue),
}

/// The result of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Stored as sent.
    Applied,
    /// Stored together with other people's changes.
    Merged,
    /// A part of it lost against a later change.
    Superseded,
}

/// The row after a change.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged {
    /// Its values, in the registry's order.
    pub values: Vec<Value>,
    /// The last edit of each tracked group.
    pub edits: Edits,
    /// Whether values or edits differ from before.
    pub changed: bool,
    /// The result of the change.
    pub verdict: Verdict,
    /// The steps that update `conflicts`, in order.
    pub conflict_steps: Vec<ConflictStep>,
}

/// Converts named values to column indexes and values of `entity`. Refuses what a laptop may not write.
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

/// Merges `change` into `current`, or creates the row.
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
    apply_pending_fields(entity, &mut values, change.fields);
    for (column, value) in entity.columns.iter().zip(&values) {
        if value.is_null() && !column.nullable && column.merge != Merge::Server {
            return Err(Problem::new(Code::MissingValue, format!("{} needs {}", entity.name, column.name)).field(column.name));
        }
    }
    let mut edits = Edits::new();
    for group in entity.tracked_groups() {
        // A named null is the author's choice; a default of an unnamed group is not.
        let is_unsaid = !entity.group_columns(group).any(|(index, _)| change.fields.iter().any(|(given, _)| *given == index));
        if !is_unsaid || entity.group_columns(group).any(|(index, _)| !values[index].is_null()) {
            edits.insert(group.to_owned(), Edit { is_unsaid, ..edit_of(change) });
        }
    }
    Ok(Merged { values, edits, changed: true, verdict: Verdict::Applied, conflict_steps: Vec::new() })
}

fn update(entity: &Entity, stored: &Stored, change: &Change<'_>) -> Result<Merged, Problem> {
    let same_base = stored.stamp.is_some() && stored.stamp == change.base.stamp;
    let mut merged = Merged {
        values: stored.values.clone(),
        edits: stored.edits.clone(),
        changed: false,
        verdict: if same_base { Verdict::Applied } else { Verdict::Merged },
        conflict_steps: Vec::new(),
    };
    let reset = reset_step(entity, stored, change);
    let mut groups_done: Vec<&'static str> = Vec::new();
    let mut all_counted = true;
    for (index, value) in change.fields {
        let column = &entity.columns[*index];
        let old = &stored.values[*index];
        match column.merge {
            Merge::Key => {
                if value != old {
                    return Err(Problem::new(Code::KeyChanged, format!("{} never changes", column.name)).field(column.name));
                }
            }
            // Only the server's cascade changes it. A laptop that has not pulled the new value yet is not refused: it is ignored.
            Merge::Carried | Merge::Server => {}
            Merge::Once => match once(column, old, value)? {
                Some(new) => merged.values[*index] = new,
                None => continue,
            },
            Merge::Sum => merged.values[*index] = add(column, old, value),
            Merge::Furthest | Merge::Earliest | Merge::Reset => {
                let (new, counted) = furthest(column, reset, old, value);
                all_counted &= counted;
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
        // A higher reset number starts again: columns that the change does not name return to their defaults.
        for (index, column) in entity.columns.iter().enumerate() {
            if matches!(column.merge, Merge::Furthest | Merge::Earliest) && !change.fields.iter().any(|(given, _)| *given == index) {
                merged.values[index] = column.default_value();
            }
        }
    }
    merged.changed = merged.values != stored.values || merged.edits != stored.edits;
    let untouched_meanwhile = merged.verdict == Verdict::Merged
        && merged.conflict_steps.iter().all(|held| !matches!(held, ConflictStep::Added(_)))
        && all_counted
        && merged.values == values_after(entity, &stored.values, change);
    if untouched_meanwhile && only_own_since(stored, change.device, change.base) {
        merged.verdict = Verdict::Applied;
    }
    Ok(merged)
}

fn only_own_since(stored: &Stored, device: Uuid, base: Base) -> bool {
    stored.edits.values().all(|edit| edit.device == Some(device) || base.stamp.is_some_and(|base| edit.stamp <= base))
}

/// Whether the author of a delete had seen the current row: it is the base, or the base and only their own later changes.
pub fn was_seen(stored: &Stored, device: Uuid, base: Base) -> bool {
    stored.stamp.is_none() || stored.stamp == base.stamp || (base.own.is_some() && only_own_since(stored, device, base))
}

fn values_after(entity: &Entity, values: &[Value], change: &Change<'_>) -> Vec<Value> {
    let mut values = values.to_vec();
    apply_pending_fields(entity, &mut values, change.fields);
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
    // A change without a reset number belongs to the first one. The current number would depend on the order of arrival.
    let given = change.fields.iter().find(|(given, _)| *given == index).map(|(_, value)| number(value));
    let given = given.unwrap_or_else(|| number(&entity.columns[index].default_value()));
    match given.cmp(&current) {
        std::cmp::Ordering::Less => Reset::Older,
        std::cmp::Ordering::Equal => Reset::Same,
        std::cmp::Ordering::Greater => Reset::Newer,
    }
}

/// The new value, and whether the change's reset number allowed its value to count.
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
        (_, Kind::Bool) => new.as_bool() == Some(true),
        _ => new.as_f64() > old.as_f64(),
    };
    if take_new { new.clone() } else { old.clone() }
}

fn add(column: &Column, old: &Value, delta: &Value) -> Value {
    if column.kind == Kind::Float {
        let sum = old.as_f64().unwrap_or(0.0) + delta.as_f64().unwrap_or(0.0);
        return Value::from(sum.clamp(f64::MIN, f64::MAX));
    }
    // Like every integer, a sum stays within what every JSON parser keeps exactly.
    let sum = old.as_i64().unwrap_or(0).saturating_add(delta.as_i64().unwrap_or(0));
    Value::from(sum.clamp(-INTEGER_MAX.cast_signed(), INTEGER_MAX.cast_signed()))
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

/// Applies a pending change of this laptop to a row's values: what the screen shows until the server has answered.
pub fn apply_pending_fields(entity: &Entity, values: &mut [Value], fields: &[(usize, Value)]) {
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
