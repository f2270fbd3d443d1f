//! The cursor of each scope, and the sums that show whether this laptop has all rows of its scopes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;
use waystation_model::hash::{cursor_hash, cursors_digest, row_hash};
use waystation_model::registry::{self, Entity};

use super::page::{Outline, ScopeMove};
use super::withheld;
use crate::error::Result;

/// How often in succession a scope is read again before it is left as it is and reported.
pub const REREADS_MAX: i64 = 3;

/// The cursors of all scopes.
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

/// Whether this laptop subscribes to the scope and has all of its rows.
///
/// # Errors
/// When the database fails.
pub fn is_complete(connection: &Connection, scope: &str) -> Result<bool> {
    let whole = connection.prepare_cached("SELECT whole FROM scopes WHERE scope = ?1")?.query_row([scope], |row| row.get(0)).optional()?;
    Ok(whole.unwrap_or(false))
}

/// Whether this laptop subscribes to the scope.
///
/// # Errors
/// When the database fails.
pub fn is_subscribed(connection: &Connection, scope: &str) -> Result<bool> {
    Ok(connection.prepare_cached("SELECT EXISTS (SELECT scope FROM scopes WHERE scope = ?1)")?.query_row([scope], |row| row.get(0))?)
}

/// The cursors of all scopes, with their digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// Their cursors.
    pub cursors: Arc<BTreeMap<String, i64>>,
    /// The digest of the cursors.
    pub digest: Arc<str>,
    /// Whether any scope is being read again from 0.
    pub rereading: bool,
}

impl Reached {
    /// Reads them from the database.
    ///
    /// # Errors
    /// When the database fails.
    pub fn read(connection: &Connection) -> Result<Reached> {
        let cursors = cursors(connection)?;
        Ok(Reached { digest: digest(&cursors).into(), cursors: Arc::new(cursors), rereading: is_any_rereading(connection)? })
    }

    /// Advances the cursors by an applied page.
    pub fn pass(&mut self, page: &Outline) {
        // `digest` has formatted it, so it parses.
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

/// Whether any scope is being read again from 0.
///
/// # Errors
/// When the database fails.
pub fn is_any_rereading(connection: &Connection) -> Result<bool> {
    Ok(connection.prepare_cached("SELECT EXISTS (SELECT scope FROM scopes WHERE reading <> 0)")?.query_row([], |row| row.get(0))?)
}

/// Whether the scope is marked as damaged.
///
/// # Errors
/// When the database fails.
pub fn is_damaged(connection: &Connection, scope: &str) -> Result<bool> {
    let is = "SELECT EXISTS (SELECT scope FROM scopes WHERE scope = ?1 AND damaged = 1)";
    Ok(connection.prepare_cached(is)?.query_row([scope], |row| row.get(0))?)
}

/// Sets every scope to be read again from 0. Its rows stay until it has been read.
///
/// # Errors
/// When the database fails.
pub fn start_again(connection: &Connection) -> Result<()> {
    connection.execute("DELETE FROM reread_rows", [])?;
    withheld::forget_all(connection)?;
    connection.execute("UPDATE scopes SET cursor = 0, whole = 0, reading = 1, rereads = 0, damaged = 0", [])?;
    Ok(())
}

/// Sets one scope to be read again from 0, because its rows do not match its checksum. False when the limit of rereads is
/// reached: from then on it is read like any other.
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

/// Whether the limit of rereads is reached for the scope.
///
/// # Errors
/// When the database fails.
pub fn is_reread_limit_reached(connection: &Connection, scope: &str) -> Result<bool> {
    let is = "SELECT EXISTS (SELECT scope FROM scopes WHERE scope = ?1 AND rereads >= ?2)";
    Ok(connection.prepare_cached(is)?.query_row(params![scope, REREADS_MAX], |row| row.get(0))?)
}

/// Notes that the scope matches its checksum: ends its rereading and resets the counter.
///
/// # Errors
/// When the database fails.
pub fn mark_matching(connection: &Connection, scope: &str) -> Result<()> {
    connection
        .prepare_cached("UPDATE scopes SET reading = 0, rereads = 0 WHERE scope = ?1 AND (reading <> 0 OR rereads <> 0)")?
        .execute([scope])?;
    Ok(())
}

/// Stores which scopes hold tables that this build does not know.
///
/// # Errors
/// When the database fails.
pub fn remember_unknown_tables(connection: &Connection, unknown: &BTreeSet<(String, String)>) -> Result<()> {
    for (scope, entity) in unknown {
        connection
            .prepare_cached(
                "INSERT INTO unknown_tables (scope, entity) SELECT scope, ?2 FROM scopes WHERE scope = ?1 ON CONFLICT DO NOTHING",
            )?
            .execute([scope, entity])?;
    }
    Ok(())
}

/// Stores which scopes hold rows with columns that this build does not know.
///
/// # Errors
/// When the database fails.
pub fn remember_unknown_columns(connection: &Connection, unknown: &BTreeSet<(String, &str, String)>) -> Result<()> {
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

/// Whether the scope holds rows of a table that this build does not know: then its checksum cannot match.
///
/// # Errors
/// When the database fails.
pub fn has_unknown_tables(connection: &Connection, scope: &str) -> Result<bool> {
    Ok(connection
        .prepare_cached("SELECT EXISTS (SELECT entity FROM unknown_tables WHERE scope = ?1)")?
        .query_row([scope], |row| row.get(0))?)
}

/// Sets those scopes to be read again from 0 that hold tables or columns which an earlier build did not know and this one
/// knows.
///
/// # Errors
/// When the database fails.
pub fn reread_newly_known_scopes(connection: &Connection) -> Result<()> {
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

/// Stores the cursor to which a page has moved one scope.
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

/// The changes of a page to the sums, collected and written once.
#[derive(Debug, Default)]
pub struct Sums {
    deltas: HashMap<String, i64>,
}

impl Sums {
    /// Adds a row to the sums of these scopes.
    pub fn add(&mut self, entity: &Entity, id: &Uuid, stamp: i64, scopes: &[String]) {
        self.change(scopes, row_hash(entity.name, id, stamp));
    }

    /// Subtracts a row from the sums of these scopes.
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

    /// Writes the changed sums. Added here and not in SQL, because SQLite's addition does not wrap.
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

/// Writes a sum that was computed from the rows.
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
