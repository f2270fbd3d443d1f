//! The visible row: the server's row with the person's pending changes on top.
//!
//! While a row has pending changes it has a *shadow*: a copy of the server's row as it was last pulled. Without a shadow, the
//! visible row is the server's row.

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;
use waystation_model::merge::apply_pending_fields;
use waystation_model::registry::{Entity, Merge};
use waystation_model::wire::{Base, Operation};

use super::rows::{self, Row};
use crate::error::Result;

/// A change that is applied on top of the server's row.
#[derive(Debug, Clone, PartialEq)]
pub struct Pending {
    /// Its number.
    pub n: i64,
    /// Its operation.
    pub op: Operation,
    /// The indices of its columns in the registry, with their values.
    pub fields: Vec<(usize, Value)>,
    /// When it was made (microseconds).
    pub at: i64,
    /// The row and the own change that it was based on.
    pub base: Base,
}

/// Reads a row's shadow. The outer `None`: it has none. The inner `None`: the server has no such row.
///
/// # Errors
/// When the database fails.
pub fn read_shadow(connection: &Connection, entity: &Entity, id: &str) -> Result<Option<Option<Row>>> {
    let shadow = connection
        .prepare_cached("SELECT stamp, created_at, updated_at, row FROM shadows WHERE entity = ?1 AND row_id = ?2")?
        .query_row([entity.name, id], |row| {
            let text: Option<String> = row.get("row")?;
            let values: Option<Vec<Value>> = text.and_then(|text| serde_json::from_str(&text).ok());
            Ok(match values {
                None => None,
                Some(mut values) => {
                    // An earlier version of the program with fewer columns may have written the shadow.
                    for column in entity.columns.iter().skip(values.len()) {
                        values.push(column.default_value());
                    }
                    Some(Row { stamp: row.get("stamp")?, created_at: row.get("created_at")?, updated_at: row.get("updated_at")?, values })
                }
            })
        })
        .optional()?;
    Ok(shadow)
}

/// Whether the shadow's row matched its digest when the shadow was started.
///
/// # Errors
/// When the database fails.
pub fn is_sound(connection: &Connection, entity: &Entity, id: &str) -> Result<bool> {
    let sound = connection
        .prepare_cached("SELECT sound FROM shadows WHERE entity = ?1 AND row_id = ?2")?
        .query_row([entity.name, id], |row| row.get(0))
        .optional()?;
    Ok(sound.unwrap_or(true))
}

/// Writes a row's shadow.
///
/// # Errors
/// When the database fails.
pub fn write_shadow(connection: &Connection, entity: &Entity, id: &str, row: Option<&Row>) -> Result<()> {
    let text = row.map(|row| Value::Array(row.values.clone()).to_string());
    connection
        .prepare_cached(
            "INSERT INTO shadows (entity, row_id, stamp, created_at, updated_at, row) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (entity, row_id) DO UPDATE SET stamp = ?3, created_at = ?4, updated_at = ?5, row = ?6, sound = 1",
        )?
        .execute(params![
            entity.name,
            id,
            row.map_or(0, |row| row.stamp),
            row.map(|row| row.created_at),
            row.map(|row| row.updated_at),
            text
        ])?;
    Ok(())
}

/// Copies the visible row into a shadow, when the row has none yet. True when the shadow is new.
///
/// # Errors
/// When the database fails.
pub fn start_shadow(connection: &Connection, entity: &Entity, id: &str, row: Option<&Row>) -> Result<bool> {
    // A row without a stamp is not the server's: it consists of pending changes only, and has an empty shadow.
    let row = row.filter(|row| row.stamp != 0);
    let text = row.map(|row| Value::Array(row.values.clone()).to_string());
    // A damaged row stays damaged when the person changes it.
    let sound = row.is_none() || rows::is_sound(connection, entity, id)?;
    let inserted = connection
        .prepare_cached(
            "INSERT INTO shadows (entity, row_id, stamp, created_at, updated_at, row, sound) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (entity, row_id) DO NOTHING",
        )?
        .execute(params![
            entity.name,
            id,
            row.map_or(0, |row| row.stamp),
            row.map(|row| row.created_at),
            row.map(|row| row.updated_at),
            text,
            sound
        ])?;
    Ok(inserted == 1)
}

/// The pending changes of a row, in their order.
///
/// # Errors
/// When the database fails.
pub fn pending_of(connection: &Connection, entity: &Entity, id: &str) -> Result<Vec<Pending>> {
    let mut statement = connection.prepare_cached(
        "SELECT n, op, base_stamp, base_own, columns, vals, at FROM outbox WHERE row_id = ?1 AND entity = ?2 AND state < 3 ORDER BY n",
    )?;
    let pending = statement
        .query_map([id, entity.name], |row| {
            let columns: Vec<String> = super::value::read_json(row, "columns")?;
            let values: Vec<Value> = super::value::read_json(row, "vals")?;
            let op: String = row.get("op")?;
            Ok(Pending {
                n: row.get("n")?,
                op: read_operation(&op),
                fields: columns.iter().zip(values).filter_map(|(name, value)| Some((entity.column_index(name)?, value))).collect(),
                at: row.get("at")?,
                base: Base { stamp: row.get("base_stamp")?, own: row.get("base_own")? },
            })
        })?
        .collect::<Result<Vec<_>, _>>()?;
    Ok(pending)
}

/// The operation of this word. The column's CHECK allows only these two.
pub fn read_operation(word: &str) -> Operation {
    if word == "delete" { Operation::Delete } else { Operation::Put }
}

/// The word of an operation.
pub fn operation_word(op: Operation) -> &'static str {
    match op {
        Operation::Put => "put",
        Operation::Delete => "delete",
    }
}

/// The row after one change.
pub fn apply_change(entity: &Entity, row: Option<Row>, op: Operation, fields: &[(usize, Value)], at_ms: i64) -> Option<Row> {
    match (op, row) {
        (Operation::Delete, _) => None,
        (Operation::Put, Some(mut row)) => {
            apply_pending_fields(entity, &mut row.values, fields);
            row.updated_at = at_ms;
            Some(row)
        }
        (Operation::Put, None) => {
            let mut values = entity.empty_values();
            apply_pending_fields(entity, &mut values, fields);
            // A change of a few columns does not create a row. Its row does not exist, and the server will refuse the change.
            let is_whole = entity
                .columns
                .iter()
                .zip(&values)
                .all(|(column, value)| column.nullable || column.merge == Merge::Server || !value.is_null());
            is_whole.then_some(Row { stamp: 0, created_at: at_ms, updated_at: at_ms, values })
        }
    }
}

/// The server's row with `pending` applied.
pub fn apply_pending(entity: &Entity, server: Option<Row>, pending: &[Pending]) -> Option<Row> {
    let stamp = server.as_ref().map_or(0, |row| row.stamp);
    // The server refuses a delete that is based on an older state of the row. For a delete that is based on an own change this
    // cannot be checked here.
    let unseen = |change: &Pending| {
        change.op == Operation::Delete && change.base.own.is_none() && change.base.stamp.is_some_and(|base| base != stamp)
    };
    let seen = pending.iter().filter(|change| !unseen(change));
    let row = seen.fold(server, |row, change| apply_change(entity, row, change.op, &change.fields, change.at.div_euclid(1000)));
    // A row that was deleted and created again here keeps the stamp of the server's row.
    row.map(|row| Row { stamp, ..row })
}

/// Rebuilds the visible row from the shadow and the pending changes. Without pending changes the shadow is deleted.
///
/// # Errors
/// When the database fails.
pub fn rebuild(connection: &Connection, entity: &Entity, id: &str) -> Result<()> {
    let Some(server) = read_shadow(connection, entity, id)? else { return Ok(()) };
    let pending = pending_of(connection, entity, id)?;
    let sound = is_sound(connection, entity, id)?;
    if pending.is_empty() {
        connection.prepare_cached("DELETE FROM shadows WHERE entity = ?1 AND row_id = ?2")?.execute([entity.name, id])?;
    }
    match apply_pending(entity, server, &pending) {
        Some(row) => rows::write(connection, entity, id, &row)?,
        None => rows::delete(connection, entity, id)?,
    }
    if pending.is_empty() && !sound {
        rows::invalidate_digest(connection, entity, id)?;
    }
    Ok(())
}
