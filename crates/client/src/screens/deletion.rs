//! Previews a delete: which other rows it deletes, clears or is refused by. The rules come from the registry, the rows from the
//! laptop's database.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, params};
use waystation_model::registry::{Column, Entity, OnDelete, entity, pointing_at};
use waystation_model::{Code, Problem};

use crate::app::App;
use crate::error::{ClientError, Result};
use crate::view_models::*;

impl App {
    pub(crate) async fn deletion(&self, arguments: RowOf) -> Result<Deletion, Problem> {
        let table = entity(&arguments.entity).ok_or_else(|| Problem::new(Code::UnknownEntity, format!("no table {}", arguments.entity)))?;
        Ok(self.read(move |snapshot| deletion(snapshot.connection, table, &arguments.id)).await?)
    }
}

/// Ids of rows by table.
type Rows = BTreeMap<&'static str, BTreeSet<String>>;
/// Ids of rows by table and the column that refers to a deleted row.
type Pointing = BTreeMap<(&'static str, &'static str), BTreeSet<String>>;

fn deletion(connection: &Connection, table: &'static Entity, id: &str) -> Result<Deletion> {
    let mut there = connection.prepare_cached(&format!("SELECT id FROM {} WHERE id = ?1", table.name))?;
    if there.query_row([id], |row| row.get::<_, String>(0)).optional()?.is_none() {
        return Err(ClientError::refused(Code::NotFound, "the row is not on this laptop"));
    }
    let (mut going, mut empties, mut refused_by) = (Rows::new(), Pointing::new(), Pointing::new());
    let first = BTreeSet::from([id.to_owned()]);
    going.insert(table.name, first.clone());
    let mut waiting = vec![(table.name, first)];
    // Terminates: each row is added to `going` once, and only new rows are followed.
    while let Some((parent, ids)) = waiting.pop() {
        for (child, column, on_delete) in pointing_at(parent) {
            let key = (child.name, column.name);
            let found = || rows_pointing(connection, child, column, &ids);
            match on_delete {
                OnDelete::Keep => {}
                OnDelete::SetNull => empties.entry(key).or_default().extend(found()?),
                OnDelete::Restrict => refused_by.entry(key).or_default().extend(found()?),
                OnDelete::Cascade => {
                    let known = going.entry(child.name).or_default();
                    let new: BTreeSet<String> = found()?.into_iter().filter(|id| known.insert(id.clone())).collect();
                    if !new.is_empty() {
                        waiting.push((child.name, new));
                    }
                }
            }
        }
    }
    let stays = |pointing: Pointing| {
        counted(pointing.into_iter().map(|((entity, column), mut ids)| {
            // A row that the same delete removes neither blocks the delete nor is cleared by it.
            ids.retain(|id| going.get(entity).is_none_or(|going| !going.contains(id)));
            (entity, column, ids.len())
        }))
    };
    let (empties, refused_by) = (stays(empties), stays(refused_by));
    if let Some(ids) = going.get_mut(table.name) {
        ids.remove(id);
    }
    Ok(Deletion { deletes: counted(going.into_iter().map(|(entity, ids)| (entity, "", ids.len()))), empties, refused_by })
}

fn rows_pointing(connection: &Connection, child: &Entity, column: &Column, ids: &BTreeSet<String>) -> Result<Vec<String>> {
    let sql = format!("SELECT c.id FROM {} c WHERE c.{} IN (SELECT i.value FROM json_each(?1) i)", child.name, column.name);
    let ids = serde_json::json!(ids).to_string();
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params![ids], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(rows)
}

fn counted(rows: impl Iterator<Item = (&'static str, &'static str, usize)>) -> Vec<RowsOf> {
    let count = |rows: usize| u32::try_from(rows).unwrap_or(u32::MAX);
    rows.filter(|(_, _, rows)| *rows > 0)
        .map(|(entity, column, rows)| RowsOf { entity: entity.to_owned(), column: column.to_owned(), rows: count(rows) })
        .collect()
}
