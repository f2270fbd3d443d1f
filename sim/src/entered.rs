//! What people entered, and where each value is in the end: it stands, or somebody who saw it replaced it, or it lies in
//! `conflicts` or in `held_changes`, or under "Needs attention". Anything else is lost.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use uuid::Uuid;
use waystation_client::store::{Edit, Writer, rows};
use waystation_model::registry::{Entity, Merge};
use waystation_model::wire::Operation;

use crate::authority::{State, id_in, table, value};
use crate::faults::Finding;

/// One value that somebody entered.
struct Entry {
    entity: &'static Entity,
    row: Uuid,
    group: &'static str,
    value: Value,
    device: Uuid,
    deed: usize,
    /// The deeds that replaced it knowingly; none stands for somebody who writes to the database itself.
    replaced_by: Vec<Option<usize>>,
}

/// What one deed did to one row.
struct Deed {
    by: Uuid,
    entity: &'static Entity,
    row: Uuid,
    op: Operation,
    /// When, where it was the only one of its moment.
    at_us: Option<i64>,
    groups: Vec<(&'static str, Value)>,
}

/// What one change under "Needs attention" says.
pub struct Refused {
    /// Whose it is.
    pub by: Uuid,
    /// The table.
    pub entity: String,
    /// The row.
    pub row: Uuid,
    /// What was to be done.
    pub op: Operation,
    /// The columns.
    pub columns: Vec<String>,
    /// Their values.
    pub values: Vec<Value>,
    /// When, which names it on copies too.
    pub at: i64,
}

/// A change that did not happen because its author had lost the right: it waits, or somebody decided against it.
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

/// Everything that people entered.
#[derive(Default)]
pub struct Entered {
    entries: Vec<Entry>,
    deeds: Vec<Deed>,
    /// Time spent by learner and topic.
    sums: BTreeMap<Uuid, i64>,
    /// Reset number and percent by progress row.
    furthest: Vec<(Uuid, i64, i64)>,
}

fn lead(entity: &'static Entity, group: &str) -> (usize, &'static str) {
    entity.group_columns(group).next().map(|(index, column)| (index, column.name)).expect("a group has a column")
}

/// The groups whose values nobody may lose.
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

/// What the person sees of a row.
pub fn seen(writer: &Writer, entity: &Entity, row: &Uuid) -> Option<Vec<Value>> {
    rows::read(writer.connection(), entity, &row.to_string()).ok().flatten().map(|row| row.values)
}

impl Entered {
    /// A person did something on a device, alone at `at_us` or else together with more. `before` is what they saw of the row.
    pub fn did(&mut self, by: Uuid, device: Uuid, edit: &Edit, at_us: Option<i64>, before: Option<&[Value]>) {
        let Some(row) = row_of(edit) else { return };
        let entity = edit.entity;
        let deed = self.deeds.len();
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
                // A device's new word takes the place of its old one.
                if Some(&entry.value) == old || entry.device == device {
                    entry.replaced_by.push(Some(deed));
                }
            }
            if let Some(value) = value {
                groups.push((group, value.clone()));
                self.entries.push(Entry { entity, row, group, value, device, deed, replaced_by: Vec::new() });
            }
        }
        if entity.name == "topic_progress" {
            let number = |column: &str| given(column).and_then(|value| value.as_i64()).unwrap_or(0);
            *self.sums.entry(row).or_default() += number("time_spent_seconds");
            self.furthest.push((row, number("reset_number"), number("percent")));
        }
        self.deeds.push(Deed { by, entity, row, op: edit.op, at_us, groups });
    }

    /// Somebody wrote to the database itself: what stood there before was replaced knowingly. `after` is none for a row that
    /// is gone.
    pub fn overwritten(&mut self, entity: &'static Entity, row: Uuid, before: &[Value], after: Option<&[Value]>) {
        for entry in self.entries.iter_mut().filter(|entry| entry.row == row && entry.entity.code == entity.code) {
            let (index, _) = lead(entity, entry.group);
            if before[index] == entry.value && after.is_none_or(|after| after[index] != before[index]) {
                entry.replaced_by.push(None);
            }
        }
    }

    /// Whether a deed changed nothing: it was refused, or waits for somebody's decision, or was decided against.
    fn is_refused(&self, deed: usize, state: &State, refused: &[Refused]) -> bool {
        let deed = &self.deeds[deed];
        // A copy says it too. What stands was not refused, whatever became of the copy's word.
        let row = state.row(deed.entity, &deed.row);
        let stands = match deed.op {
            Operation::Delete => row.is_none(),
            Operation::Put => {
                row.is_some_and(|row| deed.groups.iter().all(|(group, value)| row.values[lead(deed.entity, group).0] == *value))
            }
        };
        if stands {
            return false;
        }
        let op = if deed.op == Operation::Delete { "delete" } else { "put" };
        // One deletion looks like another. What was changed is told apart by its values, as several changes may melt into one.
        let same_moment = |at_us: i64| deed.op == Operation::Put || deed.at_us.is_none_or(|own| own == at_us);
        let is_held = held(state)
            .filter(|held| {
                held.by == deed.by && held.row == deed.row && held.entity == deed.entity.name && held.op == op && same_moment(held.at_us)
            })
            .any(|held| deed.groups.iter().all(|(group, value)| held.fields.get(lead(deed.entity, group).1) == Some(value)));
        if is_held {
            return true;
        }
        let of_row = |refused: &&Refused| {
            refused.by == deed.by && refused.row == deed.row && refused.entity == deed.entity.name && refused.op == deed.op
        };
        // What several changes melt into is as late as the last of them, and never earlier than this one.
        let not_before = |refused: &&Refused| deed.at_us.is_none_or(|own| refused.at >= own);
        refused.iter().filter(of_row).filter(not_before).filter(|refused| same_moment(refused.at)).any(|refused| {
            deed.groups.iter().all(|(group, value)| {
                let (_, column) = lead(deed.entity, group);
                refused.columns.iter().position(|name| name == column).is_some_and(|place| refused.values[place] == *value)
            })
        })
    }

    /// Looks for every value.
    ///
    /// # Errors
    /// The first one that is nowhere.
    pub fn find_all(&self, state: &State, refused: &[Refused]) -> Result<(), Finding> {
        let conflicts = table("conflicts");
        'entries: for entry in &self.entries {
            let (index, column) = lead(entry.entity, entry.group);
            if state.row(entry.entity, &entry.row).is_some_and(|row| row.values[index] == entry.value) {
                continue;
            }
            // Whoever deletes a station knows that its equipment goes too, but not each of its rows.
            if state.row(entry.entity, &entry.row).is_none() && state.went_with_parent.contains(&entry.row) {
                continue;
            }
            let under_attention = refused.iter().any(|refused| {
                refused.row == entry.row
                    && refused.columns.iter().position(|name| name == column).is_some_and(|place| refused.values[place] == entry.value)
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
                if by.is_none_or(|deed| deed != entry.deed && !self.is_refused(deed, state, refused)) {
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

    /// Sums are exact, and nobody's progress went back. Copies and restores may count a time twice, never less than once.
    ///
    /// # Errors
    /// What does not hold.
    pub fn count_all(&self, state: &State, refused: &[Refused], exact: bool) -> Result<(), Finding> {
        let progress = table("topic_progress");
        // The same may be refused once and held once. Two may share their moment, because a server takes none to be later than
        // its own, or because two copies went on from the same one: everything that they say tells them apart.
        let mut given_back: BTreeSet<(Uuid, i64, String, i64)> = BTreeSet::new();
        for item in refused.iter().filter(|refused| refused.entity == progress.name) {
            let place = item.columns.iter().position(|name| name == "time_spent_seconds");
            let seconds = place.and_then(|place| item.values[place].as_i64()).unwrap_or(0);
            let said: BTreeMap<&String, &Value> = item.columns.iter().zip(&item.values).collect();
            given_back.insert((item.row, item.at, format!("{said:?}"), seconds));
        }
        for held in held(state).filter(|held| held.entity == progress.name) {
            let seconds = held.fields.get("time_spent_seconds").and_then(Value::as_i64).unwrap_or(0);
            let said: BTreeMap<&String, &Value> = held.fields.as_object().into_iter().flatten().collect();
            given_back.insert((held.row, held.at_us, format!("{said:?}"), seconds));
        }
        for (row, entered) in &self.sums {
            let stands = state.row(progress, row).and_then(|row| value(progress, &row.values, "time_spent_seconds").as_i64()).unwrap_or(0);
            let back: i64 = given_back.iter().filter(|(of, ..)| of == row).map(|(.., delta)| delta).sum();
            if stands + back < *entered || (exact && stands + back != *entered) {
                return Finding::of(format!("{row}: {entered} seconds were entered, {stands} stand and {back} were refused"));
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
