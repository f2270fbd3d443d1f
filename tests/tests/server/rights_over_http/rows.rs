//! Rows to ask about: for each person and each table, one of every kind that its rules tell apart.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Days, NaiveDate};
use serde_json::{Value, json};
use uuid::Uuid;
use waystation_model::access::{Rules, Who};
use waystation_model::registry::rules::broken;
use waystation_model::registry::{Column, Entity, Format, IdRule, Kind, Merge, When};
use waystation_tests::Outcome;

use super::people::{Facts, Fields, Person};

/// Rows that are tried for one person and one table before those of the same kind are dropped.
const ROWS_MAX: usize = 50_000;
/// Rows of another table to which one row may refer.
const PARENTS_MAX: usize = 12;

/// One corner of the school: a course, a group, and the people and rows that belong to them.
#[derive(Debug, Clone, Default)]
pub struct Corner {
    /// Its learner, its instructor and its teacher.
    pub people: Vec<Uuid>,
    /// Its rows, the one to refer to first.
    pub rows: BTreeMap<&'static str, Vec<Fields>>,
}

/// The conditions of a rule.
fn conditions(rules: Rules) -> impl Iterator<Item = Who> {
    rules.iter().flat_map(|rule| rule.iter().copied())
}

/// The rules of every column that has some.
fn column_rules(entity: &'static Entity) -> impl Iterator<Item = Rules> {
    entity.columns.iter().filter_map(|column| column.by)
}

/// The column that a condition reads.
fn column_of(who: Who) -> Option<&'static str> {
    match who {
        Who::Is(column) | Who::Subscribes(_, column) | Who::Empty(column) | Who::Equals(column, _) => Some(column),
        Who::Has(_) | Who::Staff => None,
    }
}

/// The columns on which rights to the row depend.
pub fn deciding(entity: &'static Entity) -> BTreeSet<&'static str> {
    let rules = [entity.write, entity.delete].into_iter().chain(column_rules(entity));
    let of_rules = rules.flat_map(conditions).filter_map(column_of);
    let of_scopes = entity.scopes.iter().flat_map(|rule| [Some(rule.column), rule.when.map(When::column)]).flatten();
    of_rules.chain(of_scopes).collect()
}

/// Whether `own` repeats a column of the row to which `parent` refers.
fn copies(own: &Column, parent: &Column) -> bool {
    own.merge == Merge::Carried && parent.referred().is_some_and(|table| table.column(own.name).is_some())
}

/// Whether a row that is always named has the column too.
fn is_copied(entity: &Entity, column: &Column) -> bool {
    entity.columns.iter().any(|parent| parent.name != column.name && !parent.nullable && copies(column, parent))
}

/// Which conditions of these rules hold. Rows with the same answer are of one kind.
pub fn kind_of(facts: &Facts, rules: &[Rules], person: Person, row: &Fields) -> Vec<bool> {
    rules.iter().flat_map(|rules| conditions(rules)).map(|who| facts.holds(who, person, row)).collect()
}

/// Which rules put the row into a scope of the person, and which conditions on the row hold.
pub fn kind_to_read(facts: &Facts, entity: &Entity, person: Person, row: &Fields) -> Vec<bool> {
    entity.scopes.iter().flat_map(|rule| <[bool; 2]>::from(facts.reads_by(entity, rule, person, row))).collect()
}

/// The rules that a change of these columns has to meet.
pub fn rules_of(entity: &'static Entity, given: &Fields) -> Vec<Rules> {
    let of_columns = entity.columns.iter().filter(|column| given.contains_key(column.name)).filter_map(|column| column.by);
    std::iter::once(entity.write).chain(of_columns).collect()
}

/// Makes rows whose keys differ.
#[derive(Debug, Default)]
pub struct Rows {
    serial: u64,
}

impl Rows {
    /// New rows of a table for a person who asks, each with the number of its corner: one of each kind that `kind` tells apart.
    pub fn of<K: Ord>(
        &mut self,
        entity: &'static Entity,
        person: Person,
        corners: &[Corner],
        kind: impl Fn(usize, &Fields, &Fields) -> K,
    ) -> Vec<(usize, Fields)> {
        let mut kinds = BTreeSet::new();
        let mut rows = Vec::new();
        for (place, corner) in corners.iter().enumerate() {
            for row in self.in_corner(entity, person, corner) {
                let whole = completed(entity, &row);
                let values: Vec<Value> = entity.columns.iter().map(|column| whole[column.name].clone()).collect();
                if broken(entity, &values).is_none() && kinds.insert(kind(place, &row, &whole)) {
                    rows.push((place, row));
                }
            }
        }
        rows.into_iter().map(|(place, row)| (place, self.with_keys(entity, row))).collect()
    }

    fn in_corner(&mut self, entity: &'static Entity, person: Person, corner: &Corner) -> Vec<Fields> {
        let deciding = deciding(entity);
        let mut rows = vec![Fields::new()];
        for column in entity.columns.iter().filter(|column| column.merge != Merge::Server) {
            let Some(options) = self.options(entity, column, person, corner, &deciding) else { continue };
            let with =
                |row: &Fields, option: &Fields| row.iter().chain(option).map(|(name, value)| (name.clone(), value.clone())).collect();
            rows = rows.iter().flat_map(|row| options.iter().map(move |option| with(row, option)).collect::<Vec<Fields>>()).collect();
            assert!(rows.len() <= ROWS_MAX, "{}", entity.name);
        }
        // Columns that not everybody may give, one at a time.
        let limited = entity.columns.iter().filter(|column| column.by.is_some() && !column.names_author);
        let limited: Vec<&Column> = limited.filter(|column| !deciding.contains(column.name) && column.references.is_none()).collect();
        let with_one = |row: &Fields, column: &Column, value: Value| {
            let mut row = row.clone();
            row.insert(column.name.to_owned(), value);
            row
        };
        let values: Vec<Value> = limited.iter().map(|column| self.value(column)).collect();
        let more = rows.iter().flat_map(|row| limited.iter().zip(&values).map(|(column, value)| with_one(row, column, value.clone())));
        let more: Vec<Fields> = more.collect();
        rows.into_iter().chain(more).collect()
    }

    /// What a column may hold, with the columns that follow from it; empty when it needs a row that the corner does not have. None: it
    /// is left out.
    fn options(
        &mut self,
        entity: &'static Entity,
        column: &'static Column,
        person: Person,
        corner: &Corner,
        deciding: &BTreeSet<&str>,
    ) -> Option<Vec<Fields>> {
        let decides = deciding.contains(column.name);
        let is_name = entity.record.label.columns().first() == Some(&column.name);
        let is_given = decides || is_name || column.is_needed() || matches!(column.merge, Merge::Key | Merge::Carried);
        if !is_given || is_copied(entity, column) {
            return None;
        }
        let only = |value: Value| Fields::from_iter([(column.name.to_owned(), value)]);
        let mut options: Vec<Fields> = match (column.references.and_then(|reference| reference.table()), column.kind) {
            _ if column.names_author => vec![only(json!(person.id.to_string()))],
            (Some("users"), _) if decides => {
                let others = [person.id].into_iter().filter(|id| !corner.people.contains(id));
                corner.people.iter().copied().chain(others).map(|id| only(json!(id.to_string()))).collect()
            }
            (Some("users"), _) => vec![only(json!(corner.people[0].to_string()))],
            (Some(table), _) => {
                let same = column.references.map_or(&[][..], |reference| reference.same);
                let follows = |own: &&Column| {
                    own.name != column.name && (same.contains(&own.name) && own.merge != Merge::Server || copies(own, column))
                };
                let followed: Vec<&Column> = entity.columns.iter().filter(follows).collect();
                // What is copied decides, and differs from row to row.
                let is_varied = followed.iter().any(|own| is_copied(entity, own) && deciding.contains(own.name));
                let parents = corner.rows.get(table).map_or(&[][..], Vec::as_slice);
                // A second column with the same table names another row.
                let earlier = entity.columns.iter().take_while(|earlier| earlier.name != column.name);
                let earlier = earlier.filter(|earlier| earlier.references.and_then(|to| to.table()) == Some(table)).count();
                let parents = parents.iter().skip(earlier).take(if is_varied { PARENTS_MAX } else { 1 });
                parents
                    .map(|parent| {
                        let mut option = only(parent["id"].clone());
                        option.extend(followed.iter().map(|own| (own.name.to_owned(), parent.get(own.name).cloned().unwrap_or_default())));
                        option
                    })
                    .collect()
            }
            (None, Kind::Choice(words)) if decides => words.iter().map(|word| only(json!(word))).collect(),
            (None, Kind::Bool) if decides => vec![only(json!(true)), only(json!(false))],
            _ => vec![only(self.value(column))],
        };
        if column.nullable {
            options.push(only(Value::Null));
        }
        Some(options)
    }

    /// A value of a column that refers to nothing.
    fn value(&mut self, column: &Column) -> Value {
        self.serial += 1;
        let number = column.range.map_or(1, |range| range.least.max(1));
        match (column.kind, column.format) {
            (_, Some(Format::Currency)) => json!("EUR"),
            (_, Some(Format::Email)) => json!(format!("a{}@example.az", self.serial)),
            (_, Some(Format::Sha256)) => json!(format!("{:064x}", self.serial)),
            (_, Some(Format::TimeZone)) => json!("UTC"),
            (_, Some(Format::List)) => json!([]),
            (_, Some(Format::Weekdays)) => json!([1]),
            (Kind::Choice(words), _) => json!(words[0]),
            (Kind::Bool, _) => json!(true),
            (Kind::Int, _) => json!(number),
            (Kind::Float, _) => json!(number as f64),
            (Kind::Date, _) => json!(self.day()),
            (Kind::Time, _) => json!("10:00"),
            (Kind::Timestamp, _) => json!(1_770_000_000_000_i64 + self.serial.cast_signed() * 60_000),
            (Kind::Json, _) => json!({}),
            (Kind::Uuid, _) => Value::Null,
            (Kind::Text, _) => json!(format!("a{}", self.serial)),
        }
    }

    fn day(&self) -> String {
        let first = NaiveDate::from_ymd_opt(2026, 2, 1).unwrap_or_default();
        (first + Days::new(self.serial)).to_string()
    }

    /// The row with values of its own in its keys.
    pub fn with_keys(&mut self, entity: &Entity, mut row: Fields) -> Fields {
        self.serial += 1;
        for column in entity.columns {
            if row.get(column.name).is_none_or(Value::is_null) {
                continue;
            }
            let derived = matches!(entity.id, IdRule::Derived(keys) if keys.contains(&column.name));
            let is_key = derived || entity.constraints.unique.iter().any(|unique| unique.columns.contains(&column.name));
            match column.kind {
                Kind::Text if is_key => row[column.name] = self.value(column),
                Kind::Int if is_key => row[column.name] = json!(self.serial),
                Kind::Date if is_key => row[column.name] = json!(self.day()),
                _ => {}
            }
        }
        row
    }
}

/// The row with the defaults of what it does not name.
pub fn completed(entity: &Entity, row: &Fields) -> Fields {
    let value = |column: &Column| row.get(column.name).cloned().unwrap_or_else(|| column.default_value());
    entity.columns.iter().map(|column| (column.name.to_owned(), value(column))).collect()
}

/// The id that follows from the row's key.
pub fn derived_id(entity: &Entity, row: &Fields) -> Option<Uuid> {
    let values: Vec<Value> = entity.columns.iter().map(|column| row.get(column.name).cloned().unwrap_or_default()).collect();
    entity.id_of(&values)
}

/// A row of a request as PostgreSQL reads it.
pub fn for_sql(entity: &Entity, row: &Fields) -> Fields {
    let value = |(name, value): (&String, &Value)| {
        let moment = entity.column(name).filter(|column| column.kind == Kind::Timestamp).and(value.as_i64());
        let moment = moment.and_then(DateTime::from_timestamp_millis);
        (name.clone(), moment.map_or_else(|| value.clone(), |moment| json!(moment.to_rfc3339())))
    };
    row.iter().map(value).collect()
}

/// A value that PostgreSQL wrote as a request gives it.
pub fn from_sql(column: &Column, value: &Value) -> Outcome<Value> {
    Ok(match (column.kind, value.as_str()) {
        (Kind::Timestamp, Some(text)) => json!(DateTime::parse_from_rfc3339(text)?.timestamp_millis()),
        (Kind::Time, Some(text)) => json!(text[..5]),
        _ => value.clone(),
    })
}
