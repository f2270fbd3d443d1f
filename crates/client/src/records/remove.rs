//! Deleting rows: what goes with them goes in the same transaction, so that undo brings all of it back.

use std::collections::BTreeSet;

use rusqlite::Connection;
use serde_json::{Value, json};
use uuid::Uuid;
use waystation_model::registry::{Column, Entity, Kind, OnDelete, pointing_at};
use waystation_model::{Code, Problem};

use super::save::read_id;
use crate::error::Result;
use crate::store::rows::{self, id_text};
use crate::store::{Edit, Owner, edit};

/// The most rows that one delete may remove. A delete of more is refused.
pub const REMOVED_ROWS_MAX: usize = 5_000;
/// The column of tables whose rows are marked as deleted and stay.
pub const DELETED_AT: &str = "deleted_at";

/// The edits that deleting these rows needs, parts before the rows that they are parts of.
///
/// # Errors
/// `not_found`, `in_use` with the table that is in the way, `not_allowed` for a table without a delete rule.
pub fn plan(connection: &Connection, owner: &Owner, now_ms: i64, entity: &'static Entity, ids: &[String]) -> Result<Vec<Edit>> {
    let mut edits = Vec::new();
    if entity.delete.is_empty() {
        let column = deleted_at(entity).ok_or_else(|| Problem::new(Code::NotAllowed, format!("{} are not deleted", entity.name)))?;
        for id in ids {
            let id = known(connection, entity, id)?;
            edits.push(Edit::put(entity, Some(id), vec![(column.name, json!(now_ms))]));
        }
        return Ok(edits);
    }
    let mut going = Going { connection, owner, seen: BTreeSet::new(), edits: Vec::new() };
    for id in ids {
        let id = known(connection, entity, id)?;
        going.seen.insert((entity.name, id));
    }
    for id in ids {
        going.remove(entity, read_id(id)?)?;
    }
    Ok(going.edits)
}

/// The column that marks a row as deleted, where a person may set it.
pub fn deleted_at(entity: &'static Entity) -> Option<&'static Column> {
    entity.column(DELETED_AT).filter(|column| column.kind == Kind::Timestamp && column.is_changed_by_people())
}

fn known(connection: &Connection, entity: &Entity, id: &str) -> Result<Uuid> {
    let uuid = read_id(id)?;
    match rows::read(connection, entity, &id_text(&uuid))? {
        Some(_) => Ok(uuid),
        None => Err(Problem::new(Code::NotFound, format!("{} {id} is not on this laptop", entity.name)).into()),
    }
}

struct Going<'c> {
    connection: &'c Connection,
    owner: &'c Owner,
    seen: BTreeSet<(&'static str, Uuid)>,
    edits: Vec<Edit>,
}

impl Going<'_> {
    fn remove(&mut self, entity: &'static Entity, id: Uuid) -> Result<()> {
        for (child, column, on_delete) in pointing_at(entity.name) {
            for row in pointing(self.connection, child, column, &id)? {
                match on_delete {
                    OnDelete::Keep => {}
                    OnDelete::Restrict if self.seen.contains(&(child.name, row)) => {}
                    OnDelete::Restrict => {
                        return Err(Problem::new(Code::InUse, format!("{} point at it", child.name)).field(child.name).into());
                    }
                    OnDelete::Cascade => self.remove_part(child, row)?,
                    OnDelete::SetNull => self.empty(child, column, row)?,
                }
            }
        }
        self.push(Edit::delete(entity, id))
    }

    /// A part that its owner alone may not delete goes on the server with the row that it is a part of.
    fn remove_part(&mut self, child: &'static Entity, id: Uuid) -> Result<()> {
        if !self.seen.insert((child.name, id)) {
            return Ok(());
        }
        let Some(row) = rows::read(self.connection, child, &id_text(&id))? else { return Ok(()) };
        if edit::may(self.connection, self.owner, child, child.delete, &id, &row.values)? { self.remove(child, id) } else { Ok(()) }
    }

    /// A reference to what is deleted is emptied here too, where this person may; else the server does it alone.
    fn empty(&mut self, child: &'static Entity, column: &'static Column, id: Uuid) -> Result<()> {
        let Some(row) = rows::read(self.connection, child, &id_text(&id))? else { return Ok(()) };
        let may = edit::may(self.connection, self.owner, child, child.write, &id, &row.values)?;
        if may && column.is_changed_by_people() {
            self.push(Edit::put(child, Some(id), vec![(column.name, Value::Null)]))?;
        }
        Ok(())
    }

    fn push(&mut self, edit: Edit) -> Result<()> {
        if self.edits.len() >= REMOVED_ROWS_MAX {
            return Err(Problem::new(Code::RowTooLarge, format!("more than {REMOVED_ROWS_MAX} rows would go with it")).into());
        }
        self.edits.push(edit);
        Ok(())
    }
}

fn pointing(connection: &Connection, child: &Entity, column: &Column, id: &Uuid) -> Result<Vec<Uuid>> {
    let sql = format!("SELECT id FROM {} WHERE {} = ?1", child.name, column.name);
    let ids: Vec<String> = connection.prepare_cached(&sql)?.query_map([id_text(id)], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    Ok(ids.iter().filter_map(|id| Uuid::parse_str(id).ok()).collect())
}
