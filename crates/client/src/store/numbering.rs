//! Numbers of mutations when the server and this database no longer agree on them: a server that went back in time, a database
//! that turned out to be a copy.

use std::collections::HashMap;

use rusqlite::{Connection, params};
use uuid::Uuid;
use waystation_model::chain::CHAIN_START;
use waystation_model::registry;

use super::device::Device;
use super::outbox::chain_at;
use super::overlay::{self, rebuild};
use super::{rows, scopes};
use crate::error::Result;

/// The server has mutations only up to `last_n`. Goes back to there, so that the rest is sent again.
///
/// Tells whether that was possible; it is not when some of the rest, or the chain there, is no longer kept.
///
/// # Errors
/// When the database fails.
pub fn go_back_to(connection: &Connection, device: &mut Device, last_n: i64) -> Result<bool> {
    let chain = if last_n == 0 { Some(CHAIN_START) } else { chain_at(connection, last_n)? };
    let kept: i64 =
        connection
            .query_row("SELECT count(n) FROM outbox WHERE n > ?1 AND n <= ?2", params![last_n, device.acknowledged_n], |row| row.get(0))?;
    let Some(chain) = chain.filter(|_| last_n < device.acknowledged_n && kept == device.acknowledged_n - last_n) else {
        return Ok(false);
    };
    let rows = shadow_again(connection, last_n, device.acknowledged_n)?;
    connection.execute(
        "UPDATE outbox SET state = 1 WHERE n > ?1 AND n <= ?2
         AND NOT EXISTS (SELECT number FROM attention a WHERE a.row_id = outbox.row_id AND a.at = outbox.at)",
        params![last_n, device.acknowledged_n],
    )?;
    device.acknowledged_n = last_n;
    device.acknowledged_chain = chain;
    device.applied_upto = device.applied_upto.min(last_n);
    device.went_back += 1;
    super::device::save(connection, device)?;
    rebuild_all(connection, &rows)?;
    Ok(true)
}

/// Starts shadows under the rows of kept mutations that are about to wait again, and names the rows. What was refused waits
/// for the person instead.
fn shadow_again(connection: &Connection, after_n: i64, upto_n: i64) -> Result<Vec<(String, String)>> {
    let mut statement = connection.prepare(
        "SELECT DISTINCT o.entity AS entity, o.row_id AS row_id FROM outbox o
         WHERE o.n > ?1 AND o.n <= ?2 AND NOT EXISTS (SELECT a.number FROM attention a WHERE a.row_id = o.row_id AND a.at = o.at)",
    )?;
    let rows: Vec<(String, String)> =
        statement.query_map([after_n, upto_n], |row| Ok((row.get("entity")?, row.get("row_id")?)))?.collect::<Result<_, _>>()?;
    for (entity, id) in &rows {
        if let Some(entity) = registry::entity(entity) {
            let visible = rows::read(connection, entity, id)?;
            overlay::start_shadow(connection, entity, id, visible.as_ref().filter(|row| row.stamp != 0))?;
        }
    }
    Ok(rows)
}

fn rebuild_all(connection: &Connection, rows: &[(String, String)]) -> Result<()> {
    for (entity, id) in rows {
        if let Some(entity) = registry::entity(entity) {
            rebuild(connection, entity, id)?;
        }
    }
    Ok(())
}

/// The server does not know this device, or knows less of it than can be gone back to: everything of it that is still kept
/// waits again, numbered from 1, for a device of its own to send it. What lies below zero belongs to the device that this
/// database was before: the database that it was copied from sends that again.
///
/// # Errors
/// When the database fails.
pub fn wait_again(connection: &Connection, device: &mut Device) -> Result<()> {
    let rows = shadow_again(connection, 0, i64::MAX)?;
    connection.execute(
        "DELETE FROM outbox WHERE EXISTS (SELECT number FROM attention a WHERE a.row_id = outbox.row_id AND a.at = outbox.at)",
        [],
    )?;
    // Out of the way of the numbers that they get.
    connection.execute("UPDATE outbox SET n = n + ?1 WHERE n > 0", [2 * OTHER_DEVICE_OFFSET])?;
    let waiting = number_from_one(connection, 2 * OTHER_DEVICE_OFFSET)?;
    device.acknowledged_n = 0;
    device.acknowledged_chain = CHAIN_START;
    device.applied_upto = 0;
    device.next_n = waiting + 1;
    device.went_back += 1;
    super::device::save(connection, device)?;
    rebuild_all(connection, &rows)
}

/// Numbers everything above zero from 1, as never sent. `moved_by` is what was added to the numbers that `base_own` names.
/// Returns how many there are.
fn number_from_one(connection: &Connection, moved_by: i64) -> Result<i64> {
    let mut statement = connection.prepare("SELECT n, base_own FROM outbox WHERE n > 0 ORDER BY n")?;
    let waiting: Vec<(i64, Option<i64>)> =
        statement.query_map([], |row| Ok((row.get("n")?, row.get("base_own")?)))?.collect::<Result<_, _>>()?;
    let mut numbers = HashMap::new();
    let mut update = connection.prepare("UPDATE outbox SET n = ?2, base_own = ?3, state = 0, chain = NULL WHERE n = ?1")?;
    for (new, (old, own)) in (1_i64..).zip(&waiting) {
        numbers.insert(*old - moved_by, new);
        // Every smaller number was moved before, and the new one is never larger than the old.
        update.execute(params![old, new, own.and_then(|own| numbers.get(&own).copied())])?;
    }
    Ok(i64::try_from(waiting.len()).unwrap_or(i64::MAX - 1))
}

/// How far the numbers of another device's mutations are moved out of the way. Their order stays.
const OTHER_DEVICE_OFFSET: i64 = 1 << 50;

/// This database turned out to be a copy: it becomes a device of its own. What the server took from the old one waits
/// below zero for the next pull; everything else is numbered from 1 again.
///
/// # Errors
/// When the database fails.
pub fn become_device(connection: &Connection, device: &mut Device, device_id: Uuid) -> Result<()> {
    let acknowledged = device.acknowledged_n.max(device.applied_upto.min(device.next_n - 1));
    // What a page contained is at the server, also when the pull that the page was of did not come to its end.
    connection.execute("DELETE FROM outbox WHERE state = 3", [])?;
    move_below_zero(connection, acknowledged)?;
    let waiting = number_from_one(connection, 0)?;
    device.device_id = device_id;
    device.went_back += 1;
    device.acknowledged_n = 0;
    device.acknowledged_chain = CHAIN_START;
    device.applied_upto = 0;
    device.next_n = waiting + 1;
    super::device::save(connection, device)?;
    // What a change says that it was made on has moved, and a deletion may not have seen the row as it is any more.
    let mut statement = connection.prepare("SELECT entity, row_id FROM shadows")?;
    let rows: Vec<(String, String)> =
        statement.query_map([], |row| Ok((row.get("entity")?, row.get("row_id")?)))?.collect::<Result<_, _>>()?;
    rebuild_all(connection, &rows)
}

/// Moves mutations up to `upto_n` below zero, after those of devices that this database was before.
fn move_below_zero(connection: &Connection, upto_n: i64) -> Result<()> {
    let newest_below: Option<i64> = connection.query_row("SELECT max(n) FROM outbox WHERE n < 0", [], |row| row.get(0))?;
    let make_room = newest_below.map_or(0, |newest| (newest + OTHER_DEVICE_OFFSET).max(0));
    let mut statement = connection.prepare("SELECT n FROM outbox WHERE n < 0 ORDER BY n")?;
    let below: Vec<i64> = statement.query_map([], |row| row.get("n"))?.collect::<Result<_, _>>()?;
    // One after the other from the smallest, so that none takes a number that another still has.
    let mut update = connection.prepare("UPDATE outbox SET n = n - ?2 WHERE n = ?1")?;
    for n in below {
        update.execute(params![n, make_room])?;
    }
    connection.execute("UPDATE outbox SET n = n - ?2, base_own = NULL WHERE n BETWEEN 1 AND ?1", params![upto_n, OTHER_DEVICE_OFFSET])?;
    Ok(())
}

/// The server knows nothing of the device that this database was, although it once took what that device sent: it went back to
/// before the device was made. Everything that is kept of it waits again, for the device that takes its place, and every scope
/// is read again from 0.
///
/// # Errors
/// When the database fails.
pub fn replace_unknown_device(connection: &Connection, device: &mut Device, device_id: Uuid) -> Result<()> {
    wait_again(connection, device)?;
    device.first_sync_done = false;
    scopes::start_again(connection)?;
    become_device(connection, device, device_id)
}

/// The mutations before `n` are at the server as they are here, although the push as a whole was refused.
///
/// # Errors
/// When the database fails.
pub fn taken_before(connection: &Connection, device: &mut Device, n: i64) -> Result<()> {
    connection.execute("UPDATE outbox SET state = 2 WHERE n > ?1 AND n < ?2 AND state < 2", params![device.acknowledged_n, n])?;
    if let Some(chain) = chain_at(connection, n - 1)?.filter(|_| n - 1 > device.acknowledged_n) {
        device.acknowledged_n = n - 1;
        device.acknowledged_chain = chain;
    }
    super::device::save(connection, device)
}
