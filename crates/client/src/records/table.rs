//! What a list and a form have to know of a table, from its entry.

use std::collections::BTreeSet;

use rusqlite::Connection;
use waystation_model::access::{Role, Rules, Who};
use waystation_model::registry::{self, Column, Entity, Kind};

use super::one::related_tables;
use crate::error::Result;
use crate::store::Owner;
use crate::view_models::{RecordColumn, RecordKind, RecordTable, RelatedTable};

/// From this many characters on, a text is written in several lines.
const LONG_TEXT_FROM: usize = 1_000;

/// The tables that this person may see: those of which rows are here, and those that they may make rows of.
///
/// # Errors
/// When the database fails.
pub fn tables(connection: &Connection, owner: &Owner) -> Result<Vec<RecordTable>> {
    let mut tables = Vec::new();
    for entity in registry::listed() {
        let rows: u32 = connection.prepare_cached(&format!("SELECT count(id) FROM {}", entity.name))?.query_row([], |row| row.get(0))?;
        let table = described(entity, owner.role, rows);
        if rows > 0 || table.may_insert {
            tables.push(table);
        }
    }
    Ok(tables)
}

/// Every table whose rows are listed: each needs its words in every language.
pub fn listed_tables() -> Vec<&'static str> {
    distinct(registry::listed().map(|entity| entity.name))
}

/// Every column of such a table.
pub fn listed_columns() -> Vec<&'static str> {
    distinct(registry::listed().flat_map(|entity| entity.columns).map(|column| column.name))
}

/// Every word of a choice in such a table.
pub fn listed_choices() -> Vec<&'static str> {
    let words = |column: &'static Column| if let Kind::Choice(words) = column.kind { words } else { &[] };
    distinct(registry::listed().flat_map(|entity| entity.columns).flat_map(words).copied())
}

fn distinct(words: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    words.collect::<BTreeSet<_>>().into_iter().collect()
}

/// A table as its entry describes it.
pub fn described(entity: &'static Entity, role: Role, rows: u32) -> RecordTable {
    RecordTable {
        name: entity.name.to_owned(),
        section: entity.record.section.word().to_owned(),
        part_of: entity.record.part_of.map(str::to_owned),
        label: entity.record.label.columns().iter().map(|name| (*name).to_owned()).collect(),
        columns: entity.columns.iter().map(column).collect(),
        may_insert: may(entity.write, role) && is_made_by_people(entity),
        may_change: may(entity.write, role) && entity.columns.iter().any(|column| may_change(column, role)),
        may_delete: may(entity.delete, role),
        rows,
        related: related_tables(entity)
            .map(|(child, column)| RelatedTable {
                table: child.name.to_owned(),
                column: column.to_owned(),
                is_part: child.record.part_of == Some(column),
            })
            .collect(),
    }
}

/// Whether a role can be enough for one of these rules. The row itself decides about the rest.
pub fn may(rules: Rules, role: Role) -> bool {
    rules.iter().any(|rule| {
        rule.iter().all(|who| match who {
            Who::Has(wanted) => *wanted == role,
            Who::Staff => role.is_staff(),
            _ => true,
        })
    })
}

/// Whether this role can be enough to change a column of a row that it may write.
fn may_change(column: &Column, role: Role) -> bool {
    column.is_changed_by_people() && column.by.is_none_or(|rules| may(rules, role))
}

/// Whether a person can name all that a new row needs.
fn is_made_by_people(entity: &Entity) -> bool {
    let nobody = |rules: Rules| rules.is_empty();
    entity.columns.iter().all(|column| !(column.is_needed() && column.by.is_some_and(nobody)))
        && entity.columns.iter().any(Column::is_given_by_people)
}

fn column(column: &'static Column) -> RecordColumn {
    let choices = if let Kind::Choice(words) = column.kind { words } else { &[] };
    RecordColumn {
        name: column.name.to_owned(),
        kind: kind(column),
        choices: choices.iter().map(|word| (*word).to_owned()).collect(),
        refers_to: column.referred().map(|entity| entity.name.to_owned()).unwrap_or_default(),
        optional: column.nullable,
        needed: column.is_needed() || column.required,
        given: column.is_given_by_people(),
        changeable: column.is_changed_by_people(),
        length_max: u32::try_from(column.length_max).unwrap_or(u32::MAX),
        default: column.default_value(),
    }
}

pub(super) fn kind(column: &Column) -> RecordKind {
    match column.kind {
        Kind::Uuid if column.referred().is_some() => RecordKind::Reference,
        Kind::Text if column.length_max >= LONG_TEXT_FROM => RecordKind::LongText,
        Kind::Text => RecordKind::Text,
        Kind::Choice(_) => RecordKind::Choice,
        Kind::Bool => RecordKind::Bool,
        Kind::Int if column.name.ends_with("_minor") => RecordKind::Money,
        Kind::Int => RecordKind::Int,
        Kind::Float => RecordKind::Float,
        Kind::Date => RecordKind::Date,
        Kind::Time => RecordKind::Time,
        Kind::Timestamp => RecordKind::Moment,
        Kind::Json | Kind::Uuid => RecordKind::Json,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_that_may_change_no_row_is_told_so() {
        let may_change = |table: &str, role| described(registry::entity(table).expect("a table"), role, 0).may_change;
        assert!(may_change("stations", Role::Admin));
        assert!(!may_change("stations", Role::Learner));
    }
}
