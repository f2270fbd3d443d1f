//! Reads, writes and deletes rows of any synced table, with SQL built from the registry.

use std::collections::HashMap;
use std::sync::LazyLock;

use rusqlite::{Connection, OptionalExtension};
use serde_json::Value;
use uuid::Uuid;
use waystation_model::registry::{self, Entity, ScopeRule};

use super::digest;
use super::value::{to_json, to_stored};
use crate::error::Result;

/// A row of a synced table.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The server's stamp; 0 when the server has no such row yet.
    pub stamp: i64,
    /// When it was created, in milliseconds.
    pub created_at: i64,
    /// When it last changed, in milliseconds.
    pub updated_at: i64,
    /// Its values in the registry's order.
    pub values: Vec<Value>,
}

/// The SQL of one table, built once from its registry entry.
pub struct Sql {
    /// Reads one row.
    pub select: String,
    /// Inserts or overwrites a row.
    pub upsert: String,
    /// Inserts a row unless it exists.
    pub insert: String,
    /// Overwrites an existing row.
    pub update: String,
    /// Deletes one row.
    pub delete: String,
    /// Reads the stamp and the columns that decide in which scopes a row is.
    pub select_scope_columns: String,
    /// The registry indices of those columns.
    pub scope_columns: Vec<usize>,
    /// An expression: whether a row's digest matches its values.
    pub digest_matches: String,
    /// Reads whether a row has no digest or one that matches its values.
    is_sound: String,
    /// Stores the digest of a row's current values.
    store_digest: String,
}

static SQL: LazyLock<HashMap<&'static str, Sql>> =
    LazyLock::new(|| registry::all().iter().map(|entity| (entity.name, sql_of(entity))).collect());

/// The SQL of a registered table.
pub fn sql(entity: &Entity) -> &'static Sql {
    SQL.get(entity.name).expect("every registered table has its SQL")
}

/// The registry indices of the columns that decide in which scopes a row is.
fn scope_column_indices(entity: &Entity) -> Vec<usize> {
    let mut indices: Vec<usize> = Vec::new();
    for ScopeRule { column, when, .. } in entity.scopes {
        indices
            .extend([Some(*column), when.map(registry::When::column)].into_iter().flatten().filter_map(|name| entity.column_index(name)));
    }
    indices.sort_unstable();
    indices.dedup();
    indices
}

fn sql_of(entity: &Entity) -> Sql {
    let name = entity.name;
    let columns: Vec<&str> = ["id", "stamp", "created_at", "updated_at"].into_iter().chain(entity.columns.iter().map(|c| c.name)).collect();
    let list = columns.join(", ");
    let parameters = (1..=columns.len()).map(|number| format!("?{number}")).collect::<Vec<_>>().join(", ");
    let sets =
        columns.iter().enumerate().skip(1).map(|(ordinal, column)| format!("{column} = ?{}", ordinal + 1)).collect::<Vec<_>>().join(", ");
    let scope_columns = scope_column_indices(entity);
    let scope_column_list =
        ["stamp"].into_iter().chain(scope_columns.iter().map(|index| entity.columns[*index].name)).collect::<Vec<_>>().join(", ");
    let digest = format!("{}({parameters})", digest::FUNCTION);
    let insert = format!("INSERT INTO {name} ({list}, digest) VALUES ({parameters}, {digest}) ON CONFLICT (id)");
    let sets = format!("{sets}, digest = {digest}");
    Sql {
        select: format!("SELECT {} FROM {name} WHERE id = ?1", columns[1..].join(", ")),
        upsert: format!("{insert} DO UPDATE SET {sets}"),
        insert: format!("{insert} DO NOTHING"),
        update: format!("UPDATE {name} SET {sets} WHERE id = ?1"),
        delete: format!("DELETE FROM {name} WHERE id = ?1"),
        select_scope_columns: format!("SELECT {scope_column_list} FROM {name} WHERE id = ?1"),
        scope_columns,
        digest_matches: format!("digest IS {}({list})", digest::FUNCTION),
        is_sound: format!("SELECT digest IS NULL OR digest IS {}({list}) FROM {name} WHERE id = ?1", digest::FUNCTION),
        store_digest: format!("UPDATE {name} SET digest = {}({list}) WHERE id = ?1", digest::FUNCTION),
    }
}

/// The row with this id.
///
/// # Errors
/// When the database fails.
pub fn read(connection: &Connection, entity: &Entity, id: &str) -> Result<Option<Row>> {
    let row = connection
        .prepare_cached(&sql(entity).select)?
        .query_row([id], |row| {
            let mut values = Vec::with_capacity(entity.columns.len());
            for (ordinal, column) in entity.columns.iter().enumerate() {
                values.push(to_json(column.kind, row.get_ref(ordinal + 3)?));
            }
            Ok(Row { stamp: row.get(0)?, created_at: row.get(1)?, updated_at: row.get(2)?, values })
        })
        .optional()?;
    Ok(row)
}

/// Inserts or overwrites a row.
///
/// # Errors
/// When the database fails.
pub fn write(connection: &Connection, entity: &Entity, id: &str, row: &Row) -> Result<()> {
    let mut statement = connection.prepare_cached(&sql(entity).upsert)?;
    statement.raw_bind_parameter(1, id)?;
    statement.raw_bind_parameter(2, row.stamp)?;
    statement.raw_bind_parameter(3, row.created_at)?;
    statement.raw_bind_parameter(4, row.updated_at)?;
    for (ordinal, (column, value)) in entity.columns.iter().zip(&row.values).enumerate() {
        statement.raw_bind_parameter(ordinal + 5, to_stored(column.kind, value))?;
    }
    statement.raw_execute()?;
    Ok(())
}

/// Writes only the columns that differ between two states of a row, so that indexes of unchanged columns are not written.
///
/// # Errors
/// When the database fails.
pub fn write_changes(connection: &Connection, entity: &Entity, id: &str, before: &Row, after: &Row) -> Result<()> {
    let changed: Vec<usize> = (0..entity.columns.len()).filter(|index| before.values[*index] != after.values[*index]).collect();
    let sets: String =
        changed.iter().enumerate().map(|(ordinal, index)| format!(", {} = ?{}", entity.columns[*index].name, ordinal + 4)).collect();
    let mut statement =
        connection.prepare_cached(&format!("UPDATE {} SET stamp = ?2, updated_at = ?3{sets} WHERE id = ?1", entity.name))?;
    statement.raw_bind_parameter(1, id)?;
    statement.raw_bind_parameter(2, after.stamp)?;
    statement.raw_bind_parameter(3, after.updated_at)?;
    for (ordinal, index) in changed.iter().enumerate() {
        statement.raw_bind_parameter(ordinal + 4, to_stored(entity.columns[*index].kind, &after.values[*index]))?;
    }
    statement.raw_execute()?;
    Ok(())
}

/// Stores the digest of a row's current values.
///
/// # Errors
/// When the database fails.
pub fn store_digest(connection: &Connection, entity: &Entity, id: &str) -> Result<()> {
    connection.prepare_cached(&sql(entity).store_digest)?.execute([id])?;
    Ok(())
}

/// Whether a row matches its digest. True for a row without a digest and for one that does not exist.
///
/// # Errors
/// When the database fails.
pub fn is_sound(connection: &Connection, entity: &Entity, id: &str) -> Result<bool> {
    let sound = connection.prepare_cached(&sql(entity).is_sound)?.query_row([id], |row| row.get(0)).optional()?;
    Ok(sound.unwrap_or(true))
}

/// Changes a row's digest so that it does not match, which marks the row as damaged.
///
/// # Errors
/// When the database fails.
pub fn invalidate_digest(connection: &Connection, entity: &Entity, id: &str) -> Result<()> {
    let spoil = format!("UPDATE {} SET digest = ~digest WHERE id = ?1", entity.name);
    connection.prepare_cached(&spoil)?.execute([id])?;
    Ok(())
}

/// Deletes a row, if it exists.
///
/// # Errors
/// When the database fails.
pub fn delete(connection: &Connection, entity: &Entity, id: &str) -> Result<()> {
    connection.prepare_cached(&sql(entity).delete)?.execute([id])?;
    Ok(())
}

/// The stamp of the visible row and the values that decide in which scopes it is; all other values are null.
///
/// # Errors
/// When the database fails.
pub fn read_scope_columns(connection: &Connection, entity: &Entity, id: &str) -> Result<Option<(i64, Vec<Value>)>> {
    let sql = sql(entity);
    let found = connection
        .prepare_cached(&sql.select_scope_columns)?
        .query_row([id], |row| {
            let mut values = vec![Value::Null; entity.columns.len()];
            for (ordinal, index) in sql.scope_columns.iter().enumerate() {
                values[*index] = to_json(entity.columns[*index].kind, row.get_ref(ordinal + 1)?);
            }
            Ok((row.get(0)?, values))
        })
        .optional()?;
    Ok(found)
}

/// An id in canonical text form.
pub fn id_text(id: &Uuid) -> String {
    id.hyphenated().to_string()
}
