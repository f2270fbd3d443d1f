//! How far each scope was read, and the sums that tell whether a laptop holds what its scopes hold.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;
use waystation_model::hash::{cursor_hash, cursors_digest, row_hash};
use waystation_model::registry::{self, Entity};

use super::page::{Outline, ScopeMove};
use super::withheld;
use crate::error::Result;

/// How often a scope is read again in a row before it is left as it is and reported.
pub const REREADS_MAX: i64 = 3;

/// The cursors of every scope that was read.
///
/// # Errors
/// When the database fails.
pub fn cursors(connection: &Connection) -> Result<BTreeMap<String, i64>> {
    let mut statement = connection.prepare_cached("SELECT scope, cursor FROM scopes")?;
    let cursors = statement.query_map([], |row| Ok((row.get("scope")?, row.get("cursor")?)))?.collect::<Result<_, _>>()?;
    Ok(cursors)
}

/// The digest of cursors as it is sent.
pub fn digest(cursors: &BTreeMap<String, i64>) -> String {
    format!("{:016x}", cursors_digest(cursors.iter().map(|(scope, version)| (scope.as_str(), *version))))
}

/// Whether the scope is heard and whole on this laptop.
///
/// # Errors
/// When the database fails.
pub fn is_whole(connection: &Connection, scope: &str) -> Result<bool> {
    let whole = connection.prepare_cached("SELECT whole FROM scopes WHERE scope = ?1")?.query_row([scope], |row| row.get(0)).optional()?;
    Ok(whole.unwrap_or(false))
}

/// Whether the scope is heard on this laptop.
///
/// # Errors
/// When the database fails.
pub fn is_heard(connection: &Connection, scope: &str) -> Result<bool> {
    Ok(connection.prepare_cached("SELECT EXISTS (SELECT scope FROM scopes WHERE scope = ?1)")?.query_row([scope], |row| row.get(0))?)
}

/// How far all scopes were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// Their cursors.
    pub cursors: Arc<BTreeMap<String, i64>>,
    /// The digest of these.
    pub digest: Arc<str>,
    /// Whether any scope is being read once more from 0.
    pub rereading: bool,
}

impl Reached {
    /// What the database says.
    ///
    /// # Errors
    /// When the database fails.
    pub fn read(connection: &Connection) -> Result<Reached> {
        let cursors = cursors(connection)?;
        Ok(Reached { digest: digest(&cursors).into(), cursors: Arc::new(cursors), rereading: any_is_read_again(connection)? })
    }

    /// Goes where a page has moved the scopes.
    pub fn pass(&mut self, page: &Outline) {
        // This program wrote it, so it is a number.
        let mut digest = u64::from_str_radix(&self.digest, 16).unwrap_or_default().cast_signed();
        let cursors = Arc::make_mut(&mut self.cursors);
        for step in &page.scopes {
            let before = cursors.insert(step.scope.clone(), step.cursor);
            digest = digest.wrapping_add(cursor_hash(&step.scope, step.cursor));
            digest = digest.wrapping_sub(before.map_or(0, |before| cursor_hash(&step.scope, before)));
        }
        for scope in &page.removed {
            digest = digest.wrapping_sub(cursors.remove(scope).map_or(0, |before| cursor_hash(scope, before)));
        }
        self.digest = format!("{digest:016x}").into();
    }
}

/// Whether any scope is being read once more from 0.
///
/// # Errors
/// When the database fails.
pub fn any_is_read_again(connection: &Connection) -> Result<bool> {
    Ok(connection.prepare_cached("SELECT EXISTS (SELECT scope FROM scopes WHERE reading <> 0)")?.query_row([], |row| row.get(0))?)
}

/// Whether something damaged was found in the scope.
///
/// # Errors
/// When the database fails.
pub fn is_damaged(connection: &Connection, scope: &str) -> Result<bool> {
    let is = "SELECT EXISTS (SELECT scope FROM scopes WHERE scope = ?1 AND damaged = 1)";
    Ok(connection.prepare_cached(is)?.query_row([scope], |row| row.get(0))?)
}

/// Every scope starts again from 0. What it holds stays until it has been read again.
///
/// # Errors
/// When the database fails.
pub fn start_again(connection: &Connection) -> Result<()> {
    connection.execute("DELETE FROM reread_rows", [])?;
    withheld::forget_all(connection)?;
    connection.execute("UPDATE scopes SET cursor = 0, whole = 0, reading = 1, rereads = 0, damaged = 0", [])?;
    Ok(())
}

/// One scope starts again from 0, because what is here is not what its checksum says. False: it was tried often enough,
/// and from here on it is read as any other.
///
/// # Errors
/// When the database fails.
pub fn read_again(connection: &Connection, scope: &str) -> Result<bool> {
    connection.execute("DELETE FROM reread_rows WHERE scope = ?1", [scope])?;
    withheld::forget_scope(connection, scope)?;
    let again = connection.execute(
        "UPDATE scopes SET cursor = 0, whole = 0, reading = 1, rereads = rereads + 1 WHERE scope = ?1 AND rereads < ?2",
        params![scope, REREADS_MAX],
    )?;
    if again == 0 {
        connection.execute("UPDATE scopes SET reading = 0 WHERE scope = ?1", [scope])?;
    }
    Ok(again == 1)
}

/// Whether the scope was read again as often as helps anybody.
///
/// # Errors
/// When the database fails.
pub fn was_read_often_enough(connection: &Connection, scope: &str) -> Result<bool> {
    let is = "SELECT EXISTS (SELECT scope FROM scopes WHERE scope = ?1 AND rereads >= ?2)";
    Ok(connection.prepare_cached(is)?.query_row(params![scope, REREADS_MAX], |row| row.get(0))?)
}

/// The scope is what its checksum says: whatever it took to get there is over.
///
/// # Errors
/// When the database fails.
pub fn fits(connection: &Connection, scope: &str) -> Result<()> {
    connection
        .prepare_cached("UPDATE scopes SET reading = 0, rereads = 0 WHERE scope = ?1 AND (reading <> 0 OR rereads <> 0)")?
        .execute([scope])?;
    Ok(())
}

/// Remembers which scopes hold tables that this program does not know.
///
/// # Errors
/// When the database fails.
pub fn hold_unknown(connection: &Connection, unknown: &BTreeSet<(String, String)>) -> Result<()> {
    for (scope, entity) in unknown {
        connection
            .prepare_cached(
                "INSERT INTO unknown_tables (scope, entity) SELECT scope, ?2 FROM scopes WHERE scope = ?1 ON CONFLICT DO NOTHING",
            )?
            .execute([scope, entity])?;
    }
    Ok(())
}

/// Remembers which scopes hold rows with columns that this program does not know.
///
/// # Errors
/// When the database fails.
pub fn hold_unknown_columns(connection: &Connection, unknown: &BTreeSet<(String, &str, String)>) -> Result<()> {
    for (scope, entity, column) in unknown {
        connection
            .prepare_cached(
                "INSERT INTO unknown_columns (scope, entity, name) SELECT scope, ?2, ?3 FROM scopes WHERE scope = ?1 \
                 ON CONFLICT DO NOTHING",
            )?
            .execute([scope, *entity, column])?;
    }
    Ok(())
}

/// Whether the scope holds rows of a table that this program does not know: no checksum can fit then.
///
/// # Errors
/// When the database fails.
pub fn holds_unknown(connection: &Connection, scope: &str) -> Result<bool> {
    Ok(connection
        .prepare_cached("SELECT EXISTS (SELECT entity FROM unknown_tables WHERE scope = ?1)")?
        .query_row([scope], |row| row.get(0))?)
}

/// Scopes start again from 0 that held a table, or rows with a column, which an earlier program did not know and this one
/// does.
///
/// # Errors
/// When the database fails.
pub fn read_what_is_known_now(connection: &Connection) -> Result<()> {
    let mut statement = connection.prepare("SELECT scope, entity FROM unknown_tables")?;
    let held: Vec<(String, String)> =
        statement.query_map([], |row| Ok((row.get("scope")?, row.get("entity")?)))?.collect::<Result<_, _>>()?;
    let mut statement = connection.prepare("SELECT scope, entity, name FROM unknown_columns")?;
    let columns: Vec<(String, String, String)> =
        statement.query_map([], |row| Ok((row.get("scope")?, row.get("entity")?, row.get("name")?)))?.collect::<Result<_, _>>()?;
    let is_known = |entity: &str, name: &str| registry::entity(entity).is_some_and(|entity| entity.column(name).is_some());
    let of_tables = held.iter().filter(|(_, entity)| registry::entity(entity).is_some()).map(|(scope, _)| scope);
    let of_columns = columns.iter().filter(|(_, entity, name)| is_known(entity, name)).map(|(scope, ..)| scope);
    for scope in of_tables.chain(of_columns) {
        connection.execute("DELETE FROM reread_rows WHERE scope = ?1", [scope])?;
        connection.execute("DELETE FROM unknown_tables WHERE scope = ?1", [scope])?;
        connection.execute("DELETE FROM unknown_columns WHERE scope = ?1", [scope])?;
        connection.execute("UPDATE scopes SET cursor = 0, whole = 0, reading = 1 WHERE scope = ?1", [scope])?;
    }
    Ok(())
}

/// Stores how far a page brought one scope.
///
/// # Errors
/// When the database fails.
pub fn move_to(connection: &Connection, step: &ScopeMove) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO scopes (scope, cursor, head, checksum, whole) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (scope) DO UPDATE SET cursor = ?2, head = ?3, checksum = ?4, whole = ?5",
        )?
        .execute(params![step.scope, step.cursor, step.head, step.checksum, step.cursor == step.head])?;
    Ok(())
}

/// What a page changes about the sums, gathered and written once.
#[derive(Debug, Default)]
pub struct Sums {
    deltas: HashMap<String, i64>,
}

impl Sums {
    /// A row came into these scopes.
    pub fn add(&mut self, entity: &Entity, id: &Uuid, stamp: i64, scopes: &[String]) {
        self.change(scopes, row_hash(entity.name, id, stamp));
    }

    /// A row went out of these scopes.
    pub fn subtract(&mut self, entity: &Entity, id: &Uuid, stamp: i64, scopes: &[String]) {
        self.change(scopes, row_hash(entity.name, id, stamp).wrapping_neg());
    }

    fn change(&mut self, scopes: &[String], hash: i64) {
        for scope in scopes {
            match self.deltas.get_mut(scope) {
                Some(delta) => *delta = delta.wrapping_add(hash),
                None => {
                    self.deltas.insert(scope.clone(), hash);
                }
            }
        }
    }

    /// Writes what was gathered. SQLite's own addition does not wrap, so it is not asked to add.
    ///
    /// # Errors
    /// When the database fails.
    pub fn store(self, connection: &Connection) -> Result<()> {
        let mut write = connection
            .prepare_cached("INSERT INTO scope_sums (scope, sum) VALUES (?1, ?2) ON CONFLICT (scope) DO UPDATE SET sum = excluded.sum")?;
        for (scope, delta) in self.deltas {
            if delta != 0 {
                write.execute(params![scope, sum(connection, &scope)?.wrapping_add(delta)])?;
            }
        }
        Ok(())
    }
}

/// Writes a sum that was counted from the rows.
///
/// # Errors
/// When the database fails.
pub fn set_sum(connection: &Connection, scope: &str, sum: i64) -> Result<()> {
    connection
        .prepare_cached("INSERT INTO scope_sums (scope, sum) VALUES (?1, ?2) ON CONFLICT (scope) DO UPDATE SET sum = excluded.sum")?
        .execute(params![scope, sum])?;
    Ok(())
}

/// The sum of the hashes of a scope's rows on this laptop.
///
/// # Errors
/// When the database fails.
pub fn sum(connection: &Connection, scope: &str) -> Result<i64> {
    let sum = connection.prepare_cached("SELECT sum FROM scope_sums WHERE scope = ?1")?.query_row([scope], |row| row.get(0)).optional()?;
    Ok(sum.unwrap_or(0))
}
