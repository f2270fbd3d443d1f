//! Records every value that people enter, and checks where it is at the end: it is current, or was replaced by a person who
//! had seen it, or is in `conflicts`, in `held_changes` or under "Needs attention". Any other value is lost.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use uuid::Uuid;
use waystation_client::store::{Edit, Writer, rows};
use waystation_model::registry::{Entity, Merge, Target};
use waystation_model::wire::Operation;

use crate::authority::{State, id_in, table, value};
use crate::faults::Finding;

/// One value that a person entered.
struct Entry {
    entity: &'static Entity,
    row: Uuid,
    group: &'static str,
    value: Value,
    device: Uuid,
    change: usize,
    /// Changes by authors who had seen the value and replaced it; `None` is a change by another program.
    replaced_by: Vec<Option<usize>>,
}

/// One change of one row.
struct Change {
    by: Uuid,
    entity: &'static Entity,
    row: Uuid,
    op: Operation,
    /// Its time (microseconds); none when several changes share it.
    at_us: Option<i64>,
    groups: Vec<(&'static str, Value)>,
}

/// A refused change, which is under "Needs attention".
pub struct Refused {
    /// Its author.
    pub by: Uuid,
    /// The table.
    pub entity: String,
    /// The row.
    pub row: Uuid,
    /// The operation.
    pub op: Operation,
    /// The columns.
    pub columns: Vec<String>,
    /// Their values.
    pub values: Vec<Value>,
    /// Its time (microseconds). It identifies the change on copies of the laptop too.
    pub at: i64,
}

/// A change whose author had lost the right: it waits for a decision, or was refused.
struct HeldChange<'a> {
    by: Uuid,
    entity: &'a str,
    row: Uuid,
    op: &'a str,
    fields: &'a Value,
    at_us: i64,
}

fn held(state: &State) -> impl Iterator<Item = HeldChange<'_>> {
    let table = table("held_changes");
    state.rows(table).filter_map(move |(_, row)| {
        let text = |name: &str| value(table, &row.values, name).as_str().unwrap_or_default();
        (text("state") != "accepted").then_some(HeldChange {
            by: id_in(table, &row.values, "author_id")?,
            entity: text("entity"),
            row: id_in(table, &row.values, "row_id")?,
            op: text("op"),
            fields: value(table, &row.values, "fields"),
            at_us: value(table, &row.values, "at_us").as_i64()?,
        })
    })
}

/// All values that people entered.
#[derive(Default)]
pub struct Entered {
    entries: Vec<Entry>,
    changes: Vec<Change>,
    /// Time spent, in seconds, by progress row.
    sums: BTreeMap<Uuid, i64>,
    /// Progress row, reset number and percent of every change.
    furthest: Vec<(Uuid, i64, i64)>,
}

fn lead(entity: &'static Entity, group: &str) -> (usize, &'static str) {
    entity.group_columns(group).next().map(|(index, column)| (index, column.name)).expect("a group has a column")
}

/// Whether the value names a row that is not there any more.
fn is_of_deleted_row(state: &State, entry: &Entry) -> bool {
    let (index, _) = lead(entry.entity, entry.group);
    let Some(Target::Table(parent)) = entry.entity.columns[index].references.map(|reference| reference.target) else { return false };
    let named = entry.value.as_str().and_then(|id| Uuid::parse_str(id).ok());
    named.is_some_and(|id| state.row(table(parent), &id).is_none())
}

/// The groups whose values must not be lost.
fn kept_groups(entity: &'static Entity) -> impl Iterator<Item = &'static str> {
    let quiet = |group: &&str| entity.group_columns(group).any(|(_, column)| column.merge == Merge::LatestQuiet);
    entity.tracked_groups().into_iter().filter(move |group| !quiet(group))
}

/// The row that an edit is about.
pub fn row_of(edit: &Edit) -> Option<Uuid> {
    edit.id.or_else(|| {
        let mut values = edit.entity.empty_values();
        for (name, value) in &edit.fields {
            values[edit.entity.column_index(name)?] = value.clone();
        }
        edit.entity.id_of(&values)
    })
}

/// The values of a row as the person sees them.
pub fn seen(writer: &Writer, entity: &Entity, row: &Uuid) -> Option<Vec<Value>> {
    rows::read(writer.connection(), entity, &row.to_string()).ok().flatten().map(|row| row.values)
}

impl Entered {
    /// Records a person's change on a device. `at_us`: its time, if no other change shares it. `before`: the row that they saw.
    pub fn record(&mut self, by: Uuid, device: Uuid, edit: &Edit, at_us: Option<i64>, before: Option<&[Value]>) {
        let Some(row) = row_of(edit) else { return };
        let entity = edit.entity;
        let change = self.changes.len();
        let given = |column: &str| edit.fields.iter().find(|(name, _)| *name == column).map(|(_, value)| value.clone());
        let mut groups = Vec::new();
        for group in kept_groups(entity) {
            let (index, column) = lead(entity, group);
            let value = given(column);
            if value.is_none() && edit.op == Operation::Put {
                continue;
            }
            let old = before.map(|values| &values[index]);
            for entry in self.entries.iter_mut().filter(|entry| entry.row == row && entry.group == group) {
                // A device's new value replaces its old one.
                if Some(&entry.value) == old || entry.device == device {
                    entry.replaced_by.push(Some(change));
                }
            }
            if let Some(value) = value {
                groups.push((group, value.clone()));
                self.entries.push(Entry { entity, row, group, value, device, change, replaced_by: Vec::new() });
            }
        }
        if entity.name == "topic_progress" {
            let number = |column: &str| given(column).and_then(|value| value.as_i64()).unwrap_or(0);
            *self.sums.entry(row).or_default() += number("time_spent_seconds");
            self.furthest.push((row, number("reset_number"), number("percent")));
        }
        self.changes.push(Change { by, entity, row, op: edit.op, at_us, groups });
    }

    /// Records that another program changed a row: the previous values count as seen and replaced. `after` is none for a
    /// deleted row.
    pub fn record_overwrite(&mut self, entity: &'static Entity, row: Uuid, before: &[Value], after: Option<&[Value]>) {
        if entity.name == "topic_progress" {
            self.record_overwritten_progress(entity, row, before, after);
        }
        for entry in self.entries.iter_mut().filter(|entry| entry.row == row && entry.entity.code == entity.code) {
            let (index, _) = lead(entity, entry.group);
            if before[index] == entry.value && after.is_none_or(|after| after[index] != before[index]) {
                entry.replaced_by.push(None);
            }
        }
    }

    /// Another program may set progress back: what it had reached is not expected any more.
    fn record_overwritten_progress(&mut self, entity: &Entity, row: Uuid, before: &[Value], after: Option<&[Value]>) {
        let number = |values: &[Value], name: &str| value(entity, values, name).as_i64().unwrap_or(0);
        let reached = |values: &[Value]| (number(values, "reset_number"), number(values, "percent"));
        if after.is_none_or(|after| reached(after) < reached(before)) {
            self.furthest.retain(|(of, reset, percent)| *of != row || (*reset, *percent) > reached(before));
        }
        let seconds = |values: &[Value]| number(values, "time_spent_seconds");
        *self.sums.entry(row).or_default() += after.map_or(0, seconds) - seconds(before);
    }

    /// Records that another program made a row.
    pub fn record_made(&mut self, entity: &Entity, row: Uuid, values: &[Value]) {
        if entity.name == "topic_progress" {
            *self.sums.entry(row).or_default() += value(entity, values, "time_spent_seconds").as_i64().unwrap_or(0);
        }
    }

    /// Whether a change had no effect: it was refused, or it is held and waits or was decided against.
    fn had_no_effect(&self, change: usize, state: &State, refused: &[Refused]) -> bool {
        let change = &self.changes[change];
        // A copy of the laptop sends the same change. A current value was not refused, whatever the result of the copy's change.
        let row = state.row(change.entity, &change.row);
        let is_current = match change.op {
            Operation::Delete => row.is_none(),
            Operation::Put => {
                row.is_some_and(|row| change.groups.iter().all(|(group, value)| row.values[lead(change.entity, group).0] == *value))
            }
        };
        if is_current {
            return false;
        }
        let op = if change.op == Operation::Delete { "delete" } else { "put" };
        // Deletions are distinguished by their time. Other changes are distinguished by their values, because several of them may
        // be coalesced into one.
        let same_moment = |at_us: i64| change.op == Operation::Put || change.at_us.is_none_or(|own| own == at_us);
        let is_held = held(state)
            .filter(|held| {
                held.by == change.by
                    && held.row == change.row
                    && held.entity == change.entity.name
                    && held.op == op
                    && same_moment(held.at_us)
            })
            .any(|held| change.groups.iter().all(|(group, value)| held.fields.get(lead(change.entity, group).1) == Some(value)));
        if is_held {
            return true;
        }
        let of_row = |refused: &&Refused| {
            refused.by == change.by && refused.row == change.row && refused.entity == change.entity.name && refused.op == change.op
        };
        // A coalesced change has the time of its last part, so it is never earlier than this one.
        let not_before = |refused: &&Refused| change.at_us.is_none_or(|own| refused.at >= own);
        refused.iter().filter(of_row).filter(not_before).filter(|refused| same_moment(refused.at)).any(|refused| {
            change.groups.iter().all(|(group, value)| {
                let (_, column) = lead(change.entity, group);
                refused.columns.iter().position(|name| name == column).is_some_and(|index| refused.values[index] == *value)
            })
        })
    }

    /// Checks that no value is lost.
    ///
    /// # Errors
    /// The first lost value.
    pub fn check_none_lost(&self, state: &State, refused: &[Refused]) -> Result<(), Finding> {
        let conflicts = table("conflicts");
        'entries: for entry in &self.entries {
            let (index, column) = lead(entry.entity, entry.group);
            if state.row(entry.entity, &entry.row).is_some_and(|row| row.values[index] == entry.value) {
                continue;
            }
            // The author of a parent's deletion need not have seen each child that the cascade deletes.
            if state.row(entry.entity, &entry.row).is_none() && state.cascaded.contains(&entry.row) {
                continue;
            }
            // Nor need the author of a deletion have seen each reference to the deleted row.
            if state.emptied.contains(&(entry.row, column)) && is_of_deleted_row(state, entry) {
                continue;
            }
            let under_attention = refused.iter().any(|refused| {
                refused.row == entry.row
                    && refused.columns.iter().position(|name| name == column).is_some_and(|index| refused.values[index] == entry.value)
            });
            if under_attention {
                continue;
            }
            let is_held = held(state)
                .any(|held| held.row == entry.row && held.entity == entry.entity.name && held.fields.get(column) == Some(&entry.value));
            if is_held {
                continue;
            }
            for by in &entry.replaced_by {
                if by.is_none_or(|change| change != entry.change && !self.had_no_effect(change, state, refused)) {
                    continue 'entries;
                }
            }
            let row = entry.row.to_string();
            let in_conflicts = state.rows(conflicts).any(|(_, conflict)| {
                let of = |name: &str| value(conflicts, &conflict.values, name);
                *of("row_id") == row && *of("field") == entry.group && of("lost_values").get(column) == Some(&entry.value)
            });
            if !in_conflicts {
                return Finding::of(format!(
                    "{} {}: {} = {} of device {} is nowhere",
                    entry.entity.name, entry.row, column, entry.value, entry.device
                ));
            }
        }
        Ok(())
    }

    /// Checks that sums are exact and that no progress went back. After copies and restores a time may count twice, but never
    /// less than once.
    ///
    /// # Errors
    /// The violated invariant.
    pub fn check_sums(&self, state: &State, refused: &[Refused], exact: bool) -> Result<(), Finding> {
        let progress = table("topic_progress");
        // The same change may be refused once and held once. Two changes may have the same time, because the server limits times
        // to its own clock, or because two copies continued from the same time. So they are distinguished by all their fields.
        let mut given_back: BTreeSet<(Uuid, i64, String, i64)> = BTreeSet::new();
        for item in refused.iter().filter(|refused| refused.entity == progress.name) {
            let index = item.columns.iter().position(|name| name == "time_spent_seconds");
            let seconds = index.and_then(|index| item.values[index].as_i64()).unwrap_or(0);
            let fields: BTreeMap<&String, &Value> = item.columns.iter().zip(&item.values).collect();
            given_back.insert((item.row, item.at, format!("{fields:?}"), seconds));
        }
        for held in held(state).filter(|held| held.entity == progress.name) {
            let seconds = held.fields.get("time_spent_seconds").and_then(Value::as_i64).unwrap_or(0);
            let fields: BTreeMap<&String, &Value> = held.fields.as_object().into_iter().flatten().collect();
            given_back.insert((held.row, held.at_us, format!("{fields:?}"), seconds));
        }
        for (row, entered) in &self.sums {
            let stored_seconds =
                state.row(progress, row).and_then(|row| value(progress, &row.values, "time_spent_seconds").as_i64()).unwrap_or(0);
            let back: i64 = given_back.iter().filter(|(of, ..)| of == row).map(|(.., delta)| delta).sum();
            if stored_seconds + back < *entered || (exact && stored_seconds + back != *entered) {
                return Finding::of(format!("{row}: {entered} seconds were entered, {stored_seconds} are stored and {back} were refused"));
            }
        }
        for (row, reset, percent) in &self.furthest {
            if given_back.iter().any(|(of, ..)| of == row) {
                continue;
            }
            let Some(stored) = state.row(progress, row) else { return Finding::of(format!("progress {row} is not there")) };
            let number = |name: &str| value(progress, &stored.values, name).as_i64().unwrap_or(0);
            if (number("reset_number"), number("percent")) < (*reset, *percent) {
                return Finding::of(format!("{row}: progress went back from {percent} in {reset}"));
            }
        }
        Ok(())
    }
}
