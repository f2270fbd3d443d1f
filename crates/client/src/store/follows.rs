//! Scopes that this laptop follows beside those of its person's subscription: opened once, they stay current until they are let go.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, params};
use waystation_model::limits::{FOLLOWS_MAX, FOLLOWS_PINNED_MAX};
use waystation_model::{Code, Problem};

use super::apply;
use super::device::Device;
use super::scopes;
use crate::error::{ClientError, Result};

/// The name under which a change of what is followed is announced to the window, beside the tables' names.
pub const FOLLOWS: &str = "follows";

/// How a scope stands on this laptop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The scope is neither followed nor in the person's subscription.
    Elsewhere,
    /// The scope is in the person's subscription, so its rows are here without being followed.
    Subscribed,
    /// The scope is followed, and not all of its rows have arrived yet.
    Coming,
    /// The scope is followed, and all of its rows are here as of the last sync.
    Here,
    /// The server does not let this person follow the scope.
    Refused,
}

/// The scopes to ask the server for, sorted.
///
/// # Errors
/// When the database fails.
pub fn asked(connection: &Connection) -> Result<Vec<String>> {
    let mut statement = connection.prepare_cached("SELECT scope FROM follows WHERE refused = 0 ORDER BY scope")?;
    Ok(statement.query_map([], |row| row.get("scope"))?.collect::<Result<_, _>>()?)
}

/// How a scope stands, and whether it is pinned.
///
/// # Errors
/// When the database fails.
pub fn standing(connection: &Connection, scope: &str) -> Result<(Standing, bool)> {
    let followed: Option<(bool, bool)> = connection
        .prepare_cached("SELECT pinned, refused FROM follows WHERE scope = ?1")?
        .query_row([scope], |row| Ok((row.get("pinned")?, row.get("refused")?)))
        .optional()?;
    Ok(match followed {
        None if scopes::is_subscribed(connection, scope)? => (Standing::Subscribed, false),
        None => (Standing::Elsewhere, false),
        Some((_, true)) => (Standing::Refused, false),
        Some((pinned, false)) if scopes::is_complete(connection, scope)? => (Standing::Here, pinned),
        Some((pinned, false)) => (Standing::Coming, pinned),
    })
}

/// What opening a scope changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// Whether the server has to be asked for it.
    pub is_new: bool,
    /// The scopes that were let go for it.
    pub let_go: Vec<String>,
    /// The tables whose rows left with them.
    pub entities: BTreeSet<&'static str>,
}

/// Follows a scope from now on, and lets the least recently opened ones go while there are more than the limit. A scope of the
/// person's subscription is here anyway and is not followed.
///
/// # Errors
/// When the database fails.
pub fn open(connection: &Connection, device: &Device, scope: &str) -> Result<Opened> {
    let (standing, _) = standing(connection, scope)?;
    if standing == Standing::Subscribed {
        return Ok(Opened::default());
    }
    connection.execute(
        "INSERT INTO follows (scope, used) VALUES (?1, (SELECT coalesce(max(used), 0) + 1 FROM follows))
         ON CONFLICT (scope) DO UPDATE SET used = excluded.used, refused = 0",
        [scope],
    )?;
    let mut opened = Opened { is_new: matches!(standing, Standing::Elsewhere | Standing::Refused), ..Opened::default() };
    let mut statement = connection.prepare_cached(
        "SELECT scope FROM follows WHERE pinned = 0 AND scope <> ?1 ORDER BY used
         LIMIT max(0, (SELECT count(scope) FROM follows) - ?2)",
    )?;
    let over: Vec<String> = statement
        .query_map(params![scope, i64::try_from(FOLLOWS_MAX).unwrap_or(i64::MAX)], |row| row.get("scope"))?
        .collect::<Result<_, _>>()?;
    for scope in over {
        opened.entities.extend(let_go(connection, device, &scope)?);
        opened.let_go.push(scope);
    }
    Ok(opened)
}

/// Lets a scope go: its rows leave this laptop unless another scope holds them. Changes that
/// wait to be sent are still sent; a row that only this scope held is not shown until it comes again.
/// Returns the tables that changed.
///
/// # Errors
/// When the database fails.
pub fn let_go(connection: &Connection, device: &Device, scope: &str) -> Result<BTreeSet<&'static str>> {
    // A scope that is not followed is the person's own, and stays.
    if connection.execute("DELETE FROM follows WHERE scope = ?1", [scope])? == 0 {
        return Ok(BTreeSet::new());
    }
    apply::leave(connection, device, scope)
}

/// Pins a followed scope, so that it is never let go for another one, or unpins it.
///
/// # Errors
/// `not_found` for a scope that is not followed, `too_many_follows` when too many are pinned, or when the database fails.
pub fn pin(connection: &Connection, scope: &str, pinned: bool) -> Result<()> {
    if !matches!(standing(connection, scope)?.0, Standing::Coming | Standing::Here) {
        return Err(ClientError::refused(Code::NotFound, "this is not followed"));
    }
    let pins: i64 = connection.query_row("SELECT count(scope) FROM follows WHERE pinned = 1 AND scope <> ?1", [scope], |row| row.get(0))?;
    if pinned && usize::try_from(pins).unwrap_or(usize::MAX) >= FOLLOWS_PINNED_MAX {
        return Err(Problem::new(Code::TooManyFollows, format!("at most {FOLLOWS_PINNED_MAX} are pinned")).into());
    }
    connection.execute("UPDATE follows SET pinned = ?2 WHERE scope = ?1", params![scope, pinned])?;
    Ok(())
}

/// Notes that the server does not let this person follow a scope. True when this laptop followed it.
///
/// # Errors
/// When the database fails.
pub fn refuse(connection: &Connection, scope: &str) -> Result<bool> {
    Ok(connection.execute("UPDATE follows SET refused = 1, pinned = 0 WHERE scope = ?1", [scope])? > 0)
}

/// Whether any of these scopes is followed.
///
/// # Errors
/// When the database fails.
pub fn is_any_followed<'s>(connection: &Connection, scopes: impl Iterator<Item = &'s str>) -> Result<bool> {
    let mut is = connection.prepare_cached("SELECT EXISTS (SELECT scope FROM follows WHERE scope = ?1)")?;
    for scope in scopes {
        if is.query_row([scope], |row| row.get(0))? {
            return Ok(true);
        }
    }
    Ok(false)
}
