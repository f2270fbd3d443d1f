//! One generic action that makes, changes and removes rows of any table, valid and not, as the registry declares them.

use serde_json::{Value, json};
use uuid::Uuid;
use waystation_model::registry::{Column, Entity, Format, IdRule, Kind, Merge, Purpose, Range, Target, all};
use waystation_model::wire::Operation;

use crate::authority::table;
use crate::random::Random;

/// One change in this many has a value that breaks a rule.
const INVALID_ONE_IN: usize = 8;
/// Keys are made of this many texts, so that they are often taken.
const KEYS: usize = 5;
/// The longest text that is made to be too long.
const TOO_LONG_MAX: usize = 1_000;

/// Columns that the action leaves alone, each with its reason.
const LEFT_ALONE: &[(&str, &[&str], &str)] = &[
    ("organizations", &["time_zone"], "the simulator computes days in UTC"),
    ("users", &["status", "deleted_at"], "a history ends with all accounts open"),
    ("courses", &["slug"], "the server fills in an empty one"),
    ("purchases", &["status", "purchased_at"], "the server fills in the moment"),
    ("group_memberships", &["is_active", "joined_at", "left_at"], "the server completes them, so a value need not stay as it was entered"),
];

/// A generated change of one row.
#[derive(Debug, Clone)]
pub struct AnyChange {
    /// The table.
    pub entity: &'static Entity,
    /// The operation.
    pub op: Operation,
    /// The row.
    pub row: Uuid,
    /// Whether the id is made, and not derived from the fields.
    pub is_made: bool,
    /// The columns.
    pub fields: Vec<(&'static str, Value)>,
}

/// A row by its id.
pub type Known = (Uuid, Vec<Value>);

/// The input from which a change is generated.
pub struct AnyTable<'a> {
    /// Chooses the change.
    pub random: Random,
    /// A number that makes generated texts unique.
    pub serial: u64,
    /// The time.
    pub now_ms: i64,
    /// Who makes the change.
    pub author: Uuid,
    /// What the texts of unique keys begin with.
    pub keys: String,
    /// The id of a new row.
    pub new_id: Uuid,
    /// One of the rows that the author sees.
    pub any: &'a mut dyn FnMut(&'static Entity, &mut Random) -> Option<Known>,
    /// The id of a row of another organization.
    pub elsewhere: &'a dyn Fn(&str) -> Option<Uuid>,
}

/// Whether the action is about this table: people do not list the others, whose rows follow from actions of their own.
fn is_varied(entity: &Entity) -> bool {
    entity.record.purpose == Purpose::Data && entity.name != "devices"
}

fn is_left_alone(entity: &Entity, column: &Column) -> bool {
    LEFT_ALONE.iter().any(|(table, columns, _)| *table == entity.name && columns.contains(&column.name))
}

impl AnyTable<'_> {
    /// A change of a row of any table whose rows this condition admits.
    pub fn change(&mut self, admits: impl Fn(&Entity) -> bool) -> Option<AnyChange> {
        let tables: Vec<&'static Entity> = all().iter().copied().filter(|entity| is_varied(entity) && admits(entity)).collect();
        let entity = *self.random.pick(&tables)?;
        match self.random.below(5) {
            0 if !entity.delete.is_empty() => {
                let (row, _) = (self.any)(entity, &mut self.random)?;
                Some(AnyChange { entity, op: Operation::Delete, row, is_made: true, fields: Vec::new() })
            }
            0..=2 => self.changed(entity),
            _ => self.made(entity),
        }
    }

    fn writable(entity: &'static Entity) -> Vec<&'static Column> {
        entity.columns.iter().filter(|column| column.merge != Merge::Server).collect()
    }

    fn changed(&mut self, entity: &'static Entity) -> Option<AnyChange> {
        let (row, _) = (self.any)(entity, &mut self.random)?;
        let is_changed = |column: &&Column| !matches!(column.merge, Merge::Key | Merge::Carried) && !is_left_alone(entity, column);
        let columns: Vec<&'static Column> = Self::writable(entity).into_iter().filter(is_changed).collect();
        let lead = *self.random.pick(&columns)?;
        let together: Vec<&Column> = columns.into_iter().filter(|column| column.tracked_group() == lead.tracked_group()).collect();
        let together = if lead.tracked_group().is_some() { together } else { vec![lead] };
        let mut fields: Vec<(&'static str, Value)> = Vec::new();
        for column in together {
            let value = self.value(entity, column);
            fields.push((column.name, value));
        }
        self.spoil(entity, &mut fields);
        Some(AnyChange { entity, op: Operation::Put, row, is_made: true, fields })
    }

    fn made(&mut self, entity: &'static Entity) -> Option<AnyChange> {
        // Only the server makes an organization, and rows of a table without a right to write.
        if entity.name == "organizations" || entity.write.is_empty() {
            return None;
        }
        let mut fields: Vec<(&'static str, Value)> = Vec::new();
        for column in Self::writable(entity) {
            let is_named = column.is_needed() || column.merge == Merge::Key || column.references.is_some() || self.random.one_in(3);
            // A parent that was chosen before may have named it.
            if !is_named || (is_left_alone(entity, column) && !column.is_needed()) || fields.iter().any(|(name, _)| *name == column.name) {
                continue;
            }
            if let Some(Target::Table(parent)) = column.references.map(|reference| reference.target)
                && !column.names_author
                && let Some(parent) = all().iter().find(|entity| entity.name == parent)
            {
                if column.nullable && self.random.one_in(3) {
                    continue;
                }
                let Some((id, values)) = (self.any)(parent, &mut self.random) else { continue };
                fields.push((column.name, json!(id.to_string())));
                // A row is of its parent's course and module.
                let is_part = column.is_needed() || matches!(column.merge, Merge::Key | Merge::Carried);
                let same = column.references.map_or(&[][..], |reference| reference.same);
                for name in ["course_id", "module_id"].iter().chain(same).filter(|_| is_part) {
                    if let (Some(own), Some(index)) = (entity.column(name), parent.column_index(name))
                        && own.merge != Merge::Server
                    {
                        fields.retain(|(given, _)| given != name);
                        fields.push((own.name, values[index].clone()));
                    }
                }
                continue;
            }
            let value = self.value(entity, column);
            fields.push((column.name, value));
        }
        self.spoil(entity, &mut fields);
        let mut values = entity.empty_values();
        for (name, value) in &fields {
            values[entity.column_index(name)?] = value.clone();
        }
        let derived = match entity.id {
            IdRule::Generated => None,
            IdRule::Derived(keys) => {
                let has_key = keys.iter().all(|key| fields.iter().any(|(name, _)| name == key));
                Some(entity.id_of(&values).filter(|_| has_key)?)
            }
        };
        Some(AnyChange { entity, op: Operation::Put, row: derived.unwrap_or(self.new_id), is_made: derived.is_none(), fields })
    }

    /// Gives one column a value that breaks a rule, in some changes.
    fn spoil(&mut self, entity: &'static Entity, fields: &mut [(&'static str, Value)]) {
        if fields.is_empty() || !self.random.one_in(INVALID_ONE_IN) {
            return;
        }
        let index = self.random.below(fields.len());
        let column = entity.column(fields[index].0).expect("a column of the table");
        if let Some(value) = self.invalid(column) {
            fields[index].1 = value;
        }
    }

    fn invalid(&mut self, column: &Column) -> Option<Value> {
        if let Some(Target::Table(parent)) = column.references.map(|reference| reference.target) {
            let elsewhere = (self.elsewhere)(parent).filter(|_| self.random.one_in(2));
            return Some(json!(elsewhere.unwrap_or(Uuid::from_u128(0xdead)).to_string()));
        }
        if let Some(Range { least, most }) = column.range {
            let past = most.filter(|_| self.random.one_in(2)).map_or(least - 1, |most| most + 1);
            return Some(if column.kind == Kind::Float { json!(past as f64) } else { json!(past) });
        }
        Some(match (column.kind, column.format) {
            (_, Some(Format::Currency)) => json!("eur"),
            (_, Some(Format::Email)) => json!("nobody"),
            (_, Some(Format::Sha256)) => json!("0F"),
            (_, Some(Format::TimeZone)) => json!("no zone"),
            (_, Some(Format::Object | Format::List)) => json!("a text"),
            (_, Some(Format::Weekdays)) => json!([1, 8]),
            (_, Some(Format::NotEmpty)) => json!(""),
            (Kind::Choice(_), _) => json!("no such word"),
            (Kind::Int, _) if !column.is_wide => json!(i64::from(i32::MAX) + 1),
            (Kind::Text, _) if column.length_max < TOO_LONG_MAX => json!("x".repeat(column.length_max + 1)),
            (Kind::Date, _) => json!("2026-02-30"),
            (Kind::Time, _) => json!("9:00"),
            _ => return None,
        })
    }

    /// A value that the column takes.
    fn value(&mut self, entity: &'static Entity, column: &Column) -> Value {
        if column.names_author {
            return json!(self.author.to_string());
        }
        if column.nullable && self.random.one_in(6) {
            return Value::Null;
        }
        if let Some(Target::Table(parent)) = column.references.map(|reference| reference.target) {
            let known = all().iter().any(|entity| entity.name == parent).then(|| table(parent));
            let found = known.and_then(|parent| (self.any)(parent, &mut self.random));
            return found.map_or(Value::Null, |(id, _)| json!(id.to_string()));
        }
        let is_key = entity.constraints.unique.iter().any(|unique| unique.columns.contains(&column.name));
        let text = if is_key { format!("{}{}", self.keys, self.random.below(KEYS)) } else { format!("a{}", self.serial) };
        let number = |random: &mut Random| match column.range {
            Some(Range { least, most }) => random.between(least, most.unwrap_or(least + 100)),
            None => random.between(0, 100),
        };
        match (column.kind, column.format) {
            (_, Some(Format::Currency)) => json!(*self.random.pick(&["EUR", "AZN"]).unwrap_or(&"EUR")),
            (_, Some(Format::Email)) => json!(format!("{text}@example.az")),
            (_, Some(Format::Sha256)) => json!(format!("{:064x}", self.serial)),
            (_, Some(Format::TimeZone)) => json!("UTC"),
            (_, Some(Format::List)) => json!([text]),
            (_, Some(Format::Weekdays)) => json!([1 + self.random.below(3), 5]),
            (Kind::Choice(words), _) => json!(*self.random.pick(words).unwrap_or(&"")),
            (Kind::Bool, _) => json!(self.random.one_in(2)),
            (Kind::Int, _) => json!(number(&mut self.random)),
            (Kind::Float, _) => json!(number(&mut self.random) as f64),
            (Kind::Date, _) => json!(format!("2026-03-0{}", 1 + self.random.below(3))),
            (Kind::Time, _) => json!(format!("09:{}", 10 + self.random.below(3))),
            (Kind::Timestamp, _) => json!(self.now_ms - self.random.between(0, 1_000) * 1_000),
            (Kind::Json, _) => json!({ "a": self.serial }),
            (Kind::Uuid, _) => Value::Null,
            (Kind::Text, _) => json!(text.chars().take(column.length_max).collect::<String>()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_are_left_alone_exist() {
        for (name, columns, _) in LEFT_ALONE {
            assert!(columns.iter().all(|column| table(name).column(column).is_some()), "{name}");
        }
    }
}
