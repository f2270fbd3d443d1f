//! Repairs a damaged scope slice by slice: only slices whose sums differ are compared row by row, and only rows that are missing
//! or changed are fetched.

use std::collections::{BTreeMap, HashMap, HashSet};

use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;
use waystation_model::hash::row_hash;
use waystation_model::limits::{PROTOCOL_VERSION, SLICE_ROWS_MAX, SLICES};
use waystation_model::registry::Entity;
use waystation_model::wire::SlicesRequest;

use super::apply::{Applied, Page};
use super::device::Device;
use super::page::{Outline, SliceAnswer};
use super::rows::{self, id_text};
use super::{follows, overlay, scopes};
use crate::error::Result;

/// Repairs that are kept to show to the person.
const REPAIRS_KEPT: i64 = 20;

/// All scopes that are marked as damaged.
///
/// # Errors
/// When the database fails.
pub fn damaged(connection: &Connection) -> Result<Vec<String>> {
    let mut statement = connection.prepare_cached("SELECT scope FROM scopes WHERE damaged = 1 ORDER BY scope")?;
    Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// Marks a scope as damaged. False when it is not read to its end, so that its rows are still being pulled.
///
/// # Errors
/// When the database fails.
pub fn set_damaged(connection: &Connection, scope: &str) -> Result<bool> {
    let set = connection.execute("UPDATE scopes SET damaged = 1 WHERE scope = ?1 AND whole = 1 AND reading = 0", [scope])?;
    Ok(set == 1)
}

/// The next step of the repair of a damaged scope.
#[derive(Debug, PartialEq)]
pub enum Next {
    /// Send this request.
    Ask(SlicesRequest),
    /// The scope holds what the server holds.
    Repaired,
    /// Slices do not help: the scope was set to be read again from 0, unless the limit of rereads is reached.
    ReadAgain,
}

/// The first request about a scope: the sums of its slices.
///
/// # Errors
/// When the database fails.
pub fn begin(connection: &Connection, device: &Device, scope: &str) -> Result<Next> {
    let cursor: Option<i64> = connection
        .prepare_cached("SELECT cursor FROM scopes WHERE scope = ?1 AND damaged = 1 AND whole = 1 AND reading = 0")?
        .query_row([scope], |row| row.get(0))
        .optional()?;
    match cursor {
        // The scope is already being read again, or this laptop no longer subscribes to it.
        None => forget(connection, scope).map(|()| Next::ReadAgain),
        // With an unknown table the sums cannot match.
        Some(_) if scopes::has_unknown_tables(connection, scope)? => read_again(connection, scope),
        Some(cursor) => Ok(Next::Ask(request(connection, device, scope, cursor, None)?)),
    }
}

/// Compares the sums: requests the rows of the slices that differ, or ends the repair when all sums match.
///
/// # Errors
/// When the database fails.
pub fn compare(connection: &Connection, device: &Device, asked: &SlicesRequest, sums: &[i64]) -> Result<Next> {
    // An earlier answer may have brought a table that this build does not know.
    if scopes::has_unknown_tables(connection, &asked.scope)? {
        return read_again(connection, &asked.scope);
    }
    let outline = Outline::of_no_page(device);
    let here = Scanned::scan(&Page::begin(connection, &outline)?, &asked.scope)?;
    let changed: HashSet<usize> = here.changed.iter().map(|(_, id)| usize::from(slice_of(id))).collect();
    let differs = |slice: &usize| here.sum(*slice) != sums.get(*slice).copied().unwrap_or(0) || changed.contains(slice);
    let mut named: BTreeMap<u8, Vec<i64>> = BTreeMap::new();
    let mut count = 0;
    for slice in (0..SLICES).filter(differs) {
        let rows = &here.slices[slice];
        if count > 0 && count + rows.len() > SLICE_ROWS_MAX {
            break;
        }
        count += rows.len();
        named.insert(u8::try_from(slice).unwrap_or(u8::MAX), rows.keys().copied().collect());
    }
    if count > SLICE_ROWS_MAX {
        return read_again(connection, &asked.scope);
    }
    if !named.is_empty() {
        return Ok(Next::Ask(request(connection, device, &asked.scope, asked.cursor, Some(named))?));
    }
    let sum = (0..SLICES).fold(0_i64, |sum, slice| sum.wrapping_add(here.sum(slice)));
    scopes::set_sum(connection, &asked.scope, sum)?;
    let checksum: Option<i64> = connection
        .prepare_cached("SELECT checksum FROM scopes WHERE scope = ?1 AND cursor = ?2")?
        .query_row(params![asked.scope, asked.cursor], |row| row.get(0))
        .optional()?;
    match checksum {
        Some(checksum) if checksum != sum => read_again(connection, &asked.scope),
        _ => forget(connection, &asked.scope).map(|()| Next::Repaired),
    }
}

/// Stores the received rows and removes rows that the server does not have, at `now_ms`. Returns what changed.
///
/// # Errors
/// When the database fails or a row does not fit its table; the caller rolls back then.
pub fn apply(connection: &Connection, device: &Device, now_ms: i64, asked: &SlicesRequest, answer: &SliceAnswer<'_>) -> Result<Applied> {
    let outline = Outline::of_no_page(device);
    let mut page = Page::begin(connection, &outline)?;
    // A page may have moved the scope meanwhile: then the answer is outdated.
    let is_current: bool = connection
        .prepare_cached("SELECT EXISTS (SELECT scope FROM scopes WHERE scope = ?1 AND cursor = ?2 AND damaged = 1)")?
        .query_row(params![asked.scope, asked.cursor], |row| row.get(0))?;
    if !is_current {
        return Ok(Applied::default());
    }
    let here = Scanned::scan(&page, &asked.scope)?;
    // So that rows are overwritten even when their stamps are equal.
    page.rereading.insert(asked.scope.clone());
    let mut repaired = 0;
    for line in answer.rows.iter().filter(|line| line.scope == asked.scope) {
        repaired += line.rows.len();
        page.rows(line)?;
    }
    let unknown: HashSet<i64> = answer.unknown.iter().copied().collect();
    let surplus = here.slices.iter().flatten().filter(|(hash, _)| unknown.contains(hash)).map(|(_, row)| *row);
    let requested = |id: &Uuid| asked.slices.as_ref().is_some_and(|slices| slices.contains_key(&slice_of(id)));
    // A damaged row that the server did not send does not exist there. While more is to come, it may still be sent.
    let changed = here.changed.iter().filter(|(_, id)| !answer.more && requested(id)).copied();
    for (entity, id) in surplus.chain(changed) {
        let is_intact = stored(&page, entity, &id)?.is_none_or(|stored| stored.is_intact && !unknown.contains(&stored.hash(entity, &id)));
        if !is_intact {
            page.remove_row(entity, &id, None)?;
            repaired += 1;
        }
    }
    std::mem::take(&mut page.sums).store(connection)?;
    scopes::remember_unknown_tables(connection, &page.unknown)?;
    scopes::remember_unknown_columns(connection, &page.unknown_columns)?;
    connection.execute("DELETE FROM reread_rows WHERE scope = ?1", [&asked.scope])?;
    if repaired > 0 {
        connection.execute(
            "INSERT INTO repairs (at, scope, rows) VALUES (?1, ?2, ?3)",
            params![now_ms, asked.scope, i64::try_from(repaired).unwrap_or(i64::MAX)],
        )?;
        connection.execute("DELETE FROM repairs WHERE number <= (SELECT max(number) FROM repairs) - ?1", [REPAIRS_KEPT])?;
    }
    // Otherwise the same request would be repeated without effect.
    if repaired == 0 {
        read_again(connection, &asked.scope)?;
    }
    Ok(page.applied)
}

/// Gives up on slices: the scope is read again from 0, unless the limit of rereads is reached.
///
/// # Errors
/// When the database fails.
pub fn read_again(connection: &Connection, scope: &str) -> Result<Next> {
    forget(connection, scope)?;
    scopes::read_again(connection, scope)?;
    Ok(Next::ReadAgain)
}

fn forget(connection: &Connection, scope: &str) -> Result<()> {
    connection.execute("UPDATE scopes SET damaged = 0 WHERE scope = ?1", [scope])?;
    Ok(())
}

fn request(
    connection: &Connection,
    device: &Device,
    scope: &str,
    cursor: i64,
    slices: Option<BTreeMap<u8, Vec<i64>>>,
) -> Result<SlicesRequest> {
    Ok(SlicesRequest {
        protocol: PROTOCOL_VERSION,
        device: device.device_id,
        epoch: device.epoch,
        scope: scope.to_owned(),
        cursor,
        slices,
        follows: follows::asked(connection)?,
        witness: device.witness.clone(),
    })
}

fn slice_of(id: &Uuid) -> u8 {
    id.as_bytes()[15]
}

/// A row's table and id.
type RowOf = (&'static Entity, Uuid);

/// The rows of one scope on this laptop.
struct Scanned {
    /// The intact rows of each slice, by their hashes.
    slices: Vec<HashMap<i64, RowOf>>,
    /// Rows that do not match their digests.
    changed: Vec<RowOf>,
}

impl Scanned {
    fn scan(page: &Page<'_>, scope: &str) -> Result<Scanned> {
        let mut scanned = Scanned { slices: vec![HashMap::new(); SLICES], changed: Vec::new() };
        for (entity, id) in page.rows_in_scope(scope)? {
            match stored(page, entity, &id)? {
                None => {}
                Some(row) if row.is_intact => {
                    scanned.slices[usize::from(slice_of(&id))].insert(row.hash(entity, &id), (entity, id));
                }
                Some(_) => scanned.changed.push((entity, id)),
            }
        }
        Ok(scanned)
    }

    fn sum(&self, slice: usize) -> i64 {
        self.slices[slice].keys().fold(0, |sum, hash| sum.wrapping_add(*hash))
    }
}

/// The server's row as it is stored here.
struct Stored {
    stamp: i64,
    is_intact: bool,
}

impl Stored {
    fn hash(&self, entity: &Entity, id: &Uuid) -> i64 {
        row_hash(entity.name, id, self.stamp)
    }
}

fn stored(page: &Page<'_>, entity: &Entity, id: &Uuid) -> Result<Option<Stored>> {
    let text = id_text(id);
    if page.is_shadowed(entity, &text) {
        let shadow = overlay::read_shadow(page.connection, entity, &text)?.flatten();
        let is_intact = overlay::is_sound(page.connection, entity, &text)?;
        return Ok(shadow.map(|row| Stored { stamp: row.stamp, is_intact }));
    }
    let sql = format!("SELECT stamp, digest IS NULL OR {} FROM {} WHERE id = ?1", rows::sql(entity).digest_matches, entity.name);
    let found = page.connection.prepare_cached(&sql)?.query_row([text], |row| Ok(Stored { stamp: row.get(0)?, is_intact: row.get(1)? }));
    Ok(found.optional()?)
}
