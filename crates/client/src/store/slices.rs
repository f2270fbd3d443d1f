//! Puts a damaged scope right slice by slice: only the slices whose sums differ are compared row by row, and only rows that are
//! missing or changed are fetched.

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
use super::{overlay, scopes};
use crate::error::Result;

/// Repairs that are remembered for the person.
const REPAIRS_KEPT: i64 = 20;

/// Every scope in which something damaged was found.
///
/// # Errors
/// When the database fails.
pub fn damaged(connection: &Connection) -> Result<Vec<String>> {
    let mut statement = connection.prepare_cached("SELECT scope FROM scopes WHERE damaged = 1 ORDER BY scope")?;
    Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// Remembers that a scope is damaged. False: it is not whole, so it is being read anyway.
///
/// # Errors
/// When the database fails.
pub fn set_damaged(connection: &Connection, scope: &str) -> Result<bool> {
    let set = connection.execute("UPDATE scopes SET damaged = 1 WHERE scope = ?1 AND whole = 1 AND reading = 0", [scope])?;
    Ok(set == 1)
}

/// What to do next about a damaged scope.
#[derive(Debug, PartialEq)]
pub enum Next {
    /// Ask this.
    Ask(SlicesRequest),
    /// It is what the server says.
    Right,
    /// Slices do not help: it was told to start again from 0, unless it has done so too often.
    ReadAgain,
}

/// The first question about a scope: the sums of its slices.
///
/// # Errors
/// When the database fails.
pub fn begin(connection: &Connection, device: &Device, scope: &str) -> Result<Next> {
    let cursor: Option<i64> = connection
        .prepare_cached("SELECT cursor FROM scopes WHERE scope = ?1 AND damaged = 1 AND whole = 1 AND reading = 0")?
        .query_row([scope], |row| row.get(0))
        .optional()?;
    match cursor {
        // It is read again already, or heard no more.
        None => forget(connection, scope).map(|()| Next::ReadAgain),
        // No sum can fit.
        Some(_) if scopes::holds_unknown(connection, scope)? => read_again(connection, scope),
        Some(cursor) => Ok(Next::Ask(request(device, scope, cursor, None))),
    }
}

/// Compares the sums: names the rows in slices that differ, or finds that all is right.
///
/// # Errors
/// When the database fails.
pub fn compare(connection: &Connection, device: &Device, asked: &SlicesRequest, sums: &[i64]) -> Result<Next> {
    // The answers may have brought a table that this program does not know.
    if scopes::holds_unknown(connection, &asked.scope)? {
        return read_again(connection, &asked.scope);
    }
    let outline = outline_of(device);
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
        return Ok(Next::Ask(request(device, &asked.scope, asked.cursor, Some(named))));
    }
    let sum = (0..SLICES).fold(0_i64, |sum, slice| sum.wrapping_add(here.sum(slice)));
    scopes::set_sum(connection, &asked.scope, sum)?;
    let checksum: Option<i64> = connection
        .prepare_cached("SELECT checksum FROM scopes WHERE scope = ?1 AND cursor = ?2")?
        .query_row(params![asked.scope, asked.cursor], |row| row.get(0))
        .optional()?;
    match checksum {
        Some(checksum) if checksum != sum => read_again(connection, &asked.scope),
        _ => forget(connection, &asked.scope).map(|()| Next::Right),
    }
}

/// Stores what the answer brought and takes away what it does not know, at `now_ms`. Returns what changed.
///
/// # Errors
/// When the database fails or a row does not fit its table; the caller rolls back then.
pub fn apply(connection: &Connection, device: &Device, now_ms: i64, asked: &SlicesRequest, answer: &SliceAnswer<'_>) -> Result<Applied> {
    let outline = outline_of(device);
    let mut page = Page::begin(connection, &outline)?;
    // Meanwhile a page may have moved the scope: then none of this is known to be true.
    let still: bool = connection
        .prepare_cached("SELECT EXISTS (SELECT scope FROM scopes WHERE scope = ?1 AND cursor = ?2 AND damaged = 1)")?
        .query_row(params![asked.scope, asked.cursor], |row| row.get(0))?;
    if !still {
        return Ok(Applied::default());
    }
    let here = Scanned::scan(&page, &asked.scope)?;
    // Also a row whose stamp is the server's is written over.
    page.rereading.insert(asked.scope.clone());
    let mut mended = 0;
    for line in answer.rows.iter().filter(|line| line.scope == asked.scope) {
        mended += line.rows.len();
        page.rows(line)?;
    }
    let unknown: HashSet<i64> = answer.unknown.iter().copied().collect();
    let invented = here.slices.iter().flatten().filter(|(hash, _)| unknown.contains(hash)).map(|(_, row)| *row);
    let asked_for = |id: &Uuid| asked.slices.as_ref().is_some_and(|slices| slices.contains_key(&slice_of(id)));
    // A row that changed by itself and was not sent is none of the server's; as long as more is to come, it may be sent yet.
    let changed = here.changed.iter().filter(|(_, id)| !answer.more && asked_for(id)).copied();
    for (entity, id) in invented.chain(changed) {
        let is_right = stored(&page, entity, &id)?.is_none_or(|stored| stored.is_right && !unknown.contains(&stored.hash(entity, &id)));
        if !is_right {
            page.take_away(entity, &id, None)?;
            mended += 1;
        }
    }
    std::mem::take(&mut page.sums).store(connection)?;
    scopes::hold_unknown(connection, &page.unknown)?;
    scopes::hold_unknown_columns(connection, &page.unknown_columns)?;
    connection.execute("DELETE FROM reread_rows WHERE scope = ?1", [&asked.scope])?;
    if mended > 0 {
        connection.execute(
            "INSERT INTO repairs (at, scope, rows) VALUES (?1, ?2, ?3)",
            params![now_ms, asked.scope, i64::try_from(mended).unwrap_or(i64::MAX)],
        )?;
        connection.execute("DELETE FROM repairs WHERE number <= (SELECT max(number) FROM repairs) - ?1", [REPAIRS_KEPT])?;
    }
    // What cannot be put right so is not asked about again and again.
    if mended == 0 {
        read_again(connection, &asked.scope)?;
    }
    Ok(page.applied)
}

/// Slices do not help: the scope starts again from 0, unless it has done so too often.
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

fn request(device: &Device, scope: &str, cursor: i64, slices: Option<BTreeMap<u8, Vec<i64>>>) -> SlicesRequest {
    SlicesRequest {
        protocol: PROTOCOL_VERSION,
        device: device.device_id,
        epoch: device.epoch,
        scope: scope.to_owned(),
        cursor,
        slices,
        witness: device.witness.clone(),
    }
}

/// Nothing moves with an answer about slices: it is laid under the same pending changes as the last page.
fn outline_of(device: &Device) -> Outline {
    Outline {
        epoch: device.epoch,
        applied_upto: device.applied_upto,
        safe_upto: 0,
        chain: String::new(),
        server_time: 0,
        rows_left: 0,
        lost: Vec::new(),
        witness: None,
        scopes: Vec::new(),
        removed: Vec::new(),
        more: true,
    }
}

fn slice_of(id: &Uuid) -> u8 {
    id.as_bytes()[15]
}

/// A row of a table.
type RowOf = (&'static Entity, Uuid);

/// What is here of one scope.
struct Scanned {
    /// The sound rows of each slice, by their hashes.
    slices: Vec<HashMap<i64, RowOf>>,
    /// Rows whose values are not those that were stored.
    changed: Vec<RowOf>,
}

impl Scanned {
    fn scan(page: &Page<'_>, scope: &str) -> Result<Scanned> {
        let mut scanned = Scanned { slices: vec![HashMap::new(); SLICES], changed: Vec::new() };
        for (entity, id) in page.rows_living_in(scope)? {
            match stored(page, entity, &id)? {
                None => {}
                Some(row) if row.is_right => {
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

/// The server's row as it is here.
struct Stored {
    stamp: i64,
    is_right: bool,
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
        let is_right = overlay::is_sound(page.connection, entity, &text)?;
        return Ok(shadow.map(|row| Stored { stamp: row.stamp, is_right }));
    }
    let sql = format!("SELECT stamp, digest IS NULL OR {} FROM {} WHERE id = ?1", rows::sql(entity).whole, entity.name);
    let found = page.connection.prepare_cached(&sql)?.query_row([text], |row| Ok(Stored { stamp: row.get(0)?, is_right: row.get(1)? }));
    Ok(found.optional()?)
}
