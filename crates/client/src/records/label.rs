//! What names a row, as the registry's entry says, read from the rows that this laptop has.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension};
use waystation_model::registry::{Column, Entity, Kind, Label};

use crate::error::Result;

/// Between the parts of a label.
pub(super) const BETWEEN: &str = " · ";

/// SQL for the label of the row `alias`. Null when the row has none.
pub fn sql(entity: &Entity, alias: &str) -> String {
    sql_at(entity, alias, 0)
}

/// SQL for the label of the row that a column of `alias` names. Null when this laptop has neither the row nor its name.
pub fn referred_sql(column: &Column, entity: &Entity, alias: &str) -> String {
    referred_at(entity, &format!("{alias}.{}", column.name), 0)
}

fn sql_at(entity: &Entity, alias: &str, depth: usize) -> String {
    let parts: Vec<String> = entity
        .record
        .label
        .columns()
        .iter()
        .filter_map(|name| entity.column(name))
        .map(|column| match column.referred() {
            Some(target) => referred_at(target, &format!("{alias}.{}", column.name), depth),
            None if column.kind == Kind::Text => format!("nullif({alias}.{}, '')", column.name),
            None => format!("CAST({alias}.{} AS TEXT)", column.name),
        })
        .collect();
    match (entity.record.label, parts.as_slice()) {
        (_, [one]) => one.clone(),
        (Label::First(_), parts) => format!("coalesce({})", parts.join(", ")),
        (Label::All(_), parts) => format!("nullif(concat_ws('{BETWEEN}', {}), '')", parts.join(", ")),
    }
}

fn referred_at(target: &Entity, id: &str, depth: usize) -> String {
    let alias = format!("l{depth}");
    let own = format!("(SELECT {} FROM {} {alias} WHERE {alias}.id = {id})", sql_at(target, &alias, depth + 1), target.name);
    let elsewhere = target.record.named_in.iter().map(|named| {
        let (table, key, name) = (named.table, named.id, named.name);
        format!("(SELECT nullif({alias}.{name}, '') FROM {table} {alias} WHERE {alias}.{key} = {id} LIMIT 1)")
    });
    let all: Vec<String> = std::iter::once(own).chain(elsewhere).collect();
    if all.len() == 1 { all.into_iter().collect() } else { format!("coalesce({})", all.join(", ")) }
}

/// Labels that were read once are not read again for the same answer.
#[derive(Default)]
pub struct Labels {
    known: HashMap<(&'static str, String), Option<String>>,
}

impl Labels {
    /// The label of the row of `entity` with this id.
    ///
    /// # Errors
    /// When the database fails.
    pub fn of(&mut self, connection: &Connection, entity: &'static Entity, id: &str) -> Result<Option<String>> {
        let key = (entity.name, id.to_owned());
        if let Some(label) = self.known.get(&key) {
            return Ok(label.clone());
        }
        let label: Option<Option<String>> =
            connection.prepare_cached(&format!("SELECT {}", referred_at(entity, "?1", 0)))?.query_row([id], |row| row.get(0)).optional()?;
        let label = label.flatten();
        self.known.insert(key, label.clone());
        Ok(label)
    }
}
