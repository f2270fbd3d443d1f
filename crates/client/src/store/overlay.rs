//! What the person sees: the server's row with their own pending changes on top.
//!
//! A row has a *shadow*, the server's row as it was last pulled, exactly as long as pending changes lie on top of it.
//! Without one, the visible row is the server's row.

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;
use waystation_model::merge::lay_over;
use waystation_model::registry::{Entity, Merge};
use waystation_model::wire::{Base, Operation};

use super::rows::{self, Row};
use crate::error::Result;

/// A change that lies on top of the server's row.
#[derive(Debug, Clone, PartialEq)]
pub struct Pending {
    /// Its number.
    pub n: i64,
    /// What it does.
    pub op: Operation,
    /// Its columns' places and values.
    pub fields: Vec<(usize, Value)>,
    /// When it was made (microseconds).
    pub at: i64,
    /// What it was made on.
    pub base: Base,
}

/// The server's row under pending changes.
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
                    // A later version of the program may know more columns than the one that wrote the shadow.
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

/// Whether the server's row under pending changes is as it was stored.
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

/// Stores the server's row under pending changes.
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

/// Remembers the visible row as the server's, when no change lies on top of it yet. Tells whether that was so.
///
/// # Errors
/// When the database fails.
pub fn start_shadow(connection: &Connection, entity: &Entity, id: &str, row: Option<&Row>) -> Result<bool> {
    // A row without a stamp is not the server's; it is here because changes lie on top of nothing, and so has its shadow.
    let row = row.filter(|row| row.stamp != 0);
    let text = row.map(|row| Value::Array(row.values.clone()).to_string());
    // A row that has changed by itself does not become a sound one because somebody changes it too.
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

/// The changes that lie on top of a row, in their order.
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

/// The operation of this word. The column's check leaves only these two.
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
pub fn lay(entity: &Entity, row: Option<Row>, op: Operation, fields: &[(usize, Value)], at_ms: i64) -> Option<Row> {
    match (op, row) {
        (Operation::Delete, _) => None,
        (Operation::Put, Some(mut row)) => {
            lay_over(entity, &mut row.values, fields);
            row.updated_at = at_ms;
            Some(row)
        }
        (Operation::Put, None) => {
            let mut values = entity.empty_values();
            lay_over(entity, &mut values, fields);
            // A change of a few columns does not make a row. What it changed is not there, and the server will say so.
            let is_whole = entity
                .columns
                .iter()
                .zip(&values)
                .all(|(column, value)| column.nullable || column.merge == Merge::Server || !value.is_null());
            is_whole.then_some(Row { stamp: 0, created_at: at_ms, updated_at: at_ms, values })
        }
    }
}

/// The server's row with `pending` on top.
pub fn lay_all(entity: &Entity, server: Option<Row>, pending: &[Pending]) -> Option<Row> {
    let stamp = server.as_ref().map_or(0, |row| row.stamp);
    // The server refuses a delete that had not seen the row as it is. On an own change before it that cannot be told here.
    let unseen = |change: &Pending| {
        change.op == Operation::Delete && change.base.own.is_none() && change.base.stamp.is_some_and(|base| base != stamp)
    };
    let seen = pending.iter().filter(|change| !unseen(change));
    let row = seen.fold(server, |row, change| lay(entity, row, change.op, &change.fields, change.at.div_euclid(1000)));
    // A row that was deleted and made anew here still is the server's row with that stamp.
    row.map(|row| Row { stamp, ..row })
}

/// Makes the visible row again from the shadow and what is pending; the shadow goes when nothing is.
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
    match lay_all(entity, server, &pending) {
        Some(row) => rows::write(connection, entity, id, &row)?,
        None => rows::delete(connection, entity, id)?,
    }
    if pending.is_empty() && !sound {
        rows::spoil_digest(connection, entity, id)?;
    }
    Ok(())
}
