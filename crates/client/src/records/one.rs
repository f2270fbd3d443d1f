//! One row, opened: its values, who may change what, what has not been sent, and what belongs to it.

use rusqlite::Connection;
use serde_json::Value;
use uuid::Uuid;
use waystation_model::Code;
use waystation_model::access::{allows, refused_column};
use waystation_model::registry::{Entity, OnDelete, pointing_at};

use super::filter::tables_of_label;
use super::label::Labels;
use super::query;
use crate::error::{ClientError, Result};
use crate::store::{Owner, edit, overlay, rows};
use crate::view_models::{OpenedRecord, RowsOf};

/// The row with this id.
///
/// # Errors
/// `not_found`.
pub fn record(connection: &Connection, owner: &Owner, entity: &'static Entity, id: &str) -> Result<OpenedRecord> {
    let missing = || ClientError::refused(Code::NotFound, format!("{} {id} is not on this laptop", entity.name));
    let uuid = Uuid::parse_str(id).map_err(|_| missing())?;
    let stored = rows::read(connection, entity, id)?.ok_or_else(missing)?;
    let row = query::row(connection, entity, id, &mut Labels::default())?.ok_or_else(missing)?;
    let actor = edit::writer_of(connection, owner, entity, &uuid, &stored.values)?;
    let may_change = allows(entity.write, entity, &uuid, &stored.values, &actor);
    let not_given = |index: usize| {
        let given = [(index, stored.values[index].clone())];
        refused_column(entity, &uuid, Some(&stored.values), &given, &stored.values, &actor).is_some()
    };
    let pending = overlay::pending_of(connection, entity, id)?;
    let unsent = |index: &usize| pending.iter().any(|change| change.fields.iter().any(|(changed, _)| changed == index));
    let name = |index: usize| entity.columns[index].name.to_owned();
    let places = 0..entity.columns.len();
    let mut tables = vec![entity.name, "conflicts"];
    for column in entity.columns {
        tables.extend(column.referred().map(tables_of_label).unwrap_or_default());
    }
    let related = related(connection, entity, id)?;
    let mut tables: Vec<String> = tables.into_iter().map(str::to_owned).chain(related.iter().map(|rows| rows.entity.clone())).collect();
    tables.sort_unstable();
    tables.dedup();
    Ok(OpenedRecord {
        created_at: stored.created_at,
        may_change,
        may_delete: edit::may(connection, owner, entity, entity.delete, &uuid, &stored.values)?,
        not_given: places.clone().filter(|index| not_given(*index)).map(name).collect(),
        unsent: places.filter(unsent).map(name).collect(),
        disputed: disputed(connection, entity, id)?,
        related,
        tables,
        row,
    })
}

/// The columns of unsettled conflicts.
fn disputed(connection: &Connection, entity: &Entity, id: &str) -> Result<Vec<String>> {
    let mut statement =
        connection.prepare_cached("SELECT lost_values FROM conflicts WHERE row_id = ?1 AND entity = ?2 AND settled_at IS NULL")?;
    let lost: Vec<Value> =
        statement.query_map([id, entity.name], |row| crate::store::value::read_json(row, "lost_values"))?.collect::<Result<_, _>>()?;
    let mut columns: Vec<String> = lost.iter().filter_map(Value::as_object).flat_map(|fields| fields.keys().cloned()).collect();
    columns.sort_unstable();
    columns.dedup();
    Ok(columns)
}

/// Tables whose rows point at rows of `entity` and are listed with them.
pub fn related_tables(entity: &Entity) -> impl Iterator<Item = (&'static Entity, &'static str)> {
    pointing_at(entity.name)
        .filter(|(child, _, on_delete)| child.record.is_data() && *on_delete != OnDelete::Keep)
        .map(|(child, column, _)| (child, column.name))
}

fn related(connection: &Connection, entity: &Entity, id: &str) -> Result<Vec<RowsOf>> {
    let mut all = Vec::new();
    for (child, column) in related_tables(entity) {
        let sql = format!("SELECT count(id) FROM {} WHERE {column} = ?1", child.name);
        let rows: u32 = connection.prepare_cached(&sql)?.query_row([id], |row| row.get(0))?;
        all.push(RowsOf { entity: child.name.to_owned(), column: column.to_owned(), rows });
    }
    Ok(all)
}
