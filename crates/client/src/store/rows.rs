//! Rows of any synced table, by the registry: read, written and deleted without knowing which table it is.

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
    /// When it was made, in milliseconds.
    pub created_at: i64,
    /// When it last changed, in milliseconds.
    pub updated_at: i64,
    /// Its values in the registry's order.
    pub values: Vec<Value>,
}

/// The SQL of one table, made once from its entry.
pub struct Sql {
    /// Reads one row.
    pub select: String,
    /// Writes a row, whatever was there.
    pub upsert: String,
    /// Writes a row unless there is one.
    pub insert: String,
    /// Writes over the row that is there.
    pub update: String,
    /// Deletes one row.
    pub delete: String,
    /// Reads the stamp and the columns that decide where a row lives.
    pub select_place: String,
    /// The places of those columns among the values.
    pub place: Vec<usize>,
    /// Whether a row's digest is the one of its values.
    pub whole: String,
    /// Reads whether a row's digest is the one of its values, or none.
    is_sound: String,
    /// Gives a row the digest of its values.
    learn_digest: String,
}

static SQL: LazyLock<HashMap<&'static str, Sql>> =
    LazyLock::new(|| registry::all().iter().map(|entity| (entity.name, sql_of(entity))).collect());

/// The SQL of a registered table.
pub fn sql(entity: &Entity) -> &'static Sql {
    SQL.get(entity.name).expect("every registered table has its SQL")
}

/// The places of the columns that decide where a row lives.
fn place_columns(entity: &Entity) -> Vec<usize> {
    let mut places: Vec<usize> = Vec::new();
    for ScopeRule { column, when, .. } in entity.scopes {
        places.extend([Some(*column), when.map(registry::When::column)].into_iter().flatten().filter_map(|name| entity.column_index(name)));
    }
    places.sort_unstable();
    places.dedup();
    places
}

fn sql_of(entity: &Entity) -> Sql {
    let name = entity.name;
    let columns: Vec<&str> = ["id", "stamp", "created_at", "updated_at"].into_iter().chain(entity.columns.iter().map(|c| c.name)).collect();
    let list = columns.join(", ");
    let places = (1..=columns.len()).map(|place| format!("?{place}")).collect::<Vec<_>>().join(", ");
    let sets =
        columns.iter().enumerate().skip(1).map(|(place, column)| format!("{column} = ?{}", place + 1)).collect::<Vec<_>>().join(", ");
    let place = place_columns(entity);
    let place_list = ["stamp"].into_iter().chain(place.iter().map(|index| entity.columns[*index].name)).collect::<Vec<_>>().join(", ");
    let digest = format!("{}({places})", digest::FUNCTION);
    let insert = format!("INSERT INTO {name} ({list}, digest) VALUES ({places}, {digest}) ON CONFLICT (id)");
    let sets = format!("{sets}, digest = {digest}");
    Sql {
        select: format!("SELECT {} FROM {name} WHERE id = ?1", columns[1..].join(", ")),
        upsert: format!("{insert} DO UPDATE SET {sets}"),
        insert: format!("{insert} DO NOTHING"),
        update: format!("UPDATE {name} SET {sets} WHERE id = ?1"),
        delete: format!("DELETE FROM {name} WHERE id = ?1"),
        select_place: format!("SELECT {place_list} FROM {name} WHERE id = ?1"),
        place,
        whole: format!("digest IS {}({list})", digest::FUNCTION),
        is_sound: format!("SELECT digest IS NULL OR digest IS {}({list}) FROM {name} WHERE id = ?1", digest::FUNCTION),
        learn_digest: format!("UPDATE {name} SET digest = {}({list}) WHERE id = ?1", digest::FUNCTION),
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
            for (place, column) in entity.columns.iter().enumerate() {
                values.push(to_json(column.kind, row.get_ref(place + 3)?));
            }
            Ok(Row { stamp: row.get(0)?, created_at: row.get(1)?, updated_at: row.get(2)?, values })
        })
        .optional()?;
    Ok(row)
}

/// Writes a row, whatever was there.
///
/// # Errors
/// When the database fails.
pub fn write(connection: &Connection, entity: &Entity, id: &str, row: &Row) -> Result<()> {
    let mut statement = connection.prepare_cached(&sql(entity).upsert)?;
    statement.raw_bind_parameter(1, id)?;
    statement.raw_bind_parameter(2, row.stamp)?;
    statement.raw_bind_parameter(3, row.created_at)?;
    statement.raw_bind_parameter(4, row.updated_at)?;
    for (place, (column, value)) in entity.columns.iter().zip(&row.values).enumerate() {
        statement.raw_bind_parameter(place + 5, to_stored(column.kind, value))?;
    }
    statement.raw_execute()?;
    Ok(())
}

/// Writes what differs between the row that is there and the one that shall be. An index whose columns stay is not touched.
///
/// # Errors
/// When the database fails.
pub fn write_changes(connection: &Connection, entity: &Entity, id: &str, before: &Row, after: &Row) -> Result<()> {
    let changed: Vec<usize> = (0..entity.columns.len()).filter(|index| before.values[*index] != after.values[*index]).collect();
    let sets: String =
        changed.iter().enumerate().map(|(place, index)| format!(", {} = ?{}", entity.columns[*index].name, place + 4)).collect();
    let mut statement =
        connection.prepare_cached(&format!("UPDATE {} SET stamp = ?2, updated_at = ?3{sets} WHERE id = ?1", entity.name))?;
    statement.raw_bind_parameter(1, id)?;
    statement.raw_bind_parameter(2, after.stamp)?;
    statement.raw_bind_parameter(3, after.updated_at)?;
    for (place, index) in changed.iter().enumerate() {
        statement.raw_bind_parameter(place + 4, to_stored(entity.columns[*index].kind, &after.values[*index]))?;
    }
    statement.raw_execute()?;
    Ok(())
}

/// Takes a row's values as they are for those that were stored.
///
/// # Errors
/// When the database fails.
pub fn learn_digest(connection: &Connection, entity: &Entity, id: &str) -> Result<()> {
    connection.prepare_cached(&sql(entity).learn_digest)?.execute([id])?;
    Ok(())
}

/// Whether a row is as it was stored, as far as that is known. A row that is not there is.
///
/// # Errors
/// When the database fails.
pub fn is_sound(connection: &Connection, entity: &Entity, id: &str) -> Result<bool> {
    let sound = connection.prepare_cached(&sql(entity).is_sound)?.query_row([id], |row| row.get(0)).optional()?;
    Ok(sound.unwrap_or(true))
}

/// Remembers that a row is not as it was stored.
///
/// # Errors
/// When the database fails.
pub fn spoil_digest(connection: &Connection, entity: &Entity, id: &str) -> Result<()> {
    let spoil = format!("UPDATE {} SET digest = ~digest WHERE id = ?1", entity.name);
    connection.prepare_cached(&spoil)?.execute([id])?;
    Ok(())
}

/// Deletes a row, if it is there.
///
/// # Errors
/// When the database fails.
pub fn delete(connection: &Connection, entity: &Entity, id: &str) -> Result<()> {
    connection.prepare_cached(&sql(entity).delete)?.execute([id])?;
    Ok(())
}

/// The stamp and, sparsely, the values that decide where the visible row lives.
///
/// # Errors
/// When the database fails.
pub fn read_place(connection: &Connection, entity: &Entity, id: &str) -> Result<Option<(i64, Vec<Value>)>> {
    let sql = sql(entity);
    let found = connection
        .prepare_cached(&sql.select_place)?
        .query_row([id], |row| {
            let mut values = vec![Value::Null; entity.columns.len()];
            for (place, index) in sql.place.iter().enumerate() {
                values[*index] = to_json(entity.columns[*index].kind, row.get_ref(place + 1)?);
            }
            Ok((row.get(0)?, values))
        })
        .optional()?;
    Ok(found)
}

/// An id as its text. Every id here was made from one, so it always reads back.
pub fn id_text(id: &Uuid) -> String {
    id.hyphenated().to_string()
}
