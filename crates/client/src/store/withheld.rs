//! Rows that the server has and cannot send. Only their ids are stored here, to show the person how many there are.

use rusqlite::{Connection, params};
use uuid::Uuid;

use super::rows::id_text;
use crate::error::Result;

/// How many rows are withheld.
///
/// # Errors
/// When the database fails.
pub fn count(connection: &Connection) -> Result<i64> {
    let sql = "SELECT count(*) FROM (SELECT DISTINCT entity, row_id FROM withheld_rows)";
    Ok(connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}

/// Stores the ids of withheld rows of one table in one scope.
///
/// # Errors
/// When the database fails.
pub fn remember(connection: &Connection, scope: &str, entity: &str, ids: &[Uuid]) -> Result<()> {
    let sql = "INSERT INTO withheld_rows (scope, entity, row_id) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    let mut insert = connection.prepare_cached(sql)?;
    for id in ids {
        insert.execute(params![scope, entity, id_text(id)])?;
    }
    Ok(())
}

/// Deletes an id, after the row was received or deleted.
///
/// # Errors
/// When the database fails.
pub fn forget(connection: &Connection, entity: &str, id: &Uuid) -> Result<()> {
    let sql = "DELETE FROM withheld_rows WHERE entity = ?1 AND row_id = ?2";
    connection.prepare_cached(sql)?.execute(params![entity, id_text(id)])?;
    Ok(())
}

/// Deletes the ids of a scope, when the subscription ends or it is read again from 0.
///
/// # Errors
/// When the database fails.
pub fn forget_scope(connection: &Connection, scope: &str) -> Result<()> {
    connection.prepare_cached("DELETE FROM withheld_rows WHERE scope = ?1")?.execute([scope])?;
    Ok(())
}

/// Deletes all ids, when everything is read again from 0.
///
/// # Errors
/// When the database fails.
pub fn forget_all(connection: &Connection) -> Result<()> {
    connection.prepare_cached("DELETE FROM withheld_rows")?.execute([])?;
    Ok(())
}
