//! Repairs the numbers of mutations when the server and this database disagree on them: after the server went back in time, or
//! when this database is a copy.

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

/// Rewinds to `last_n`, the last mutation that the server has, so that later ones are sent again.
///
/// False when that is not possible, because some of the later mutations or the chain at `last_n` are no longer kept.
///
/// # Errors
/// When the database fails.
pub fn rewind_to(connection: &Connection, device: &mut Device, last_n: i64) -> Result<bool> {
    let chain = if last_n == 0 { Some(CHAIN_START) } else { chain_at(connection, last_n)? };
    let kept: i64 =
        connection
            .query_row("SELECT count(n) FROM outbox WHERE n > ?1 AND n <= ?2", params![last_n, device.acknowledged_n], |row| row.get(0))?;
    let Some(chain) = chain.filter(|_| last_n < device.acknowledged_n && kept == device.acknowledged_n - last_n) else {
        return Ok(false);
    };
    let rows = start_shadows(connection, last_n, device.acknowledged_n)?;
    connection.execute(
        "UPDATE outbox SET state = 1 WHERE n > ?1 AND n <= ?2
         AND NOT EXISTS (SELECT number FROM attention a WHERE a.row_id = outbox.row_id AND a.at = outbox.at)",
        params![last_n, device.acknowledged_n],
    )?;
    device.acknowledged_n = last_n;
    device.acknowledged_chain = chain;
    device.applied_upto = device.applied_upto.min(last_n);
    device.rewinds += 1;
    super::device::save(connection, device)?;
    rebuild_all(connection, &rows)?;
    Ok(true)
}

/// Starts shadows for the rows of mutations that are queued again, and returns the rows. Refused mutations are left out: the
/// person decides about them.
fn start_shadows(connection: &Connection, after_n: i64, upto_n: i64) -> Result<Vec<(String, String)>> {
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

/// Queues all kept mutations again, numbered from 1, for a new device to send: the server does not know this device, or has
/// fewer mutations of it than can be rewound to. Mutations with negative numbers belong to an earlier device; the database
/// that this one was copied from sends them again.
///
/// # Errors
/// When the database fails.
pub fn requeue_all(connection: &Connection, device: &mut Device) -> Result<()> {
    let rows = start_shadows(connection, 0, i64::MAX)?;
    connection.execute(
        "DELETE FROM outbox WHERE EXISTS (SELECT number FROM attention a WHERE a.row_id = outbox.row_id AND a.at = outbox.at)",
        [],
    )?;
    // Moves the numbers out of the range of the new ones.
    connection.execute("UPDATE outbox SET n = n + ?1 WHERE n > 0", [2 * OTHER_DEVICE_OFFSET])?;
    let waiting = number_from_one(connection, 2 * OTHER_DEVICE_OFFSET)?;
    device.acknowledged_n = 0;
    device.acknowledged_chain = CHAIN_START;
    device.applied_upto = 0;
    device.next_n = waiting + 1;
    device.rewinds += 1;
    super::device::save(connection, device)?;
    rebuild_all(connection, &rows)
}

/// Renumbers all mutations with positive numbers from 1 and marks them as unsent. `moved_by` was added to the numbers after
/// `base_own` was written. Returns how many there are.
fn number_from_one(connection: &Connection, moved_by: i64) -> Result<i64> {
    let mut statement = connection.prepare("SELECT n, base_own FROM outbox WHERE n > 0 ORDER BY n")?;
    let waiting: Vec<(i64, Option<i64>)> =
        statement.query_map([], |row| Ok((row.get("n")?, row.get("base_own")?)))?.collect::<Result<_, _>>()?;
    let mut numbers = HashMap::new();
    let mut update = connection.prepare("UPDATE outbox SET n = ?2, base_own = ?3, state = 0, chain = NULL WHERE n = ?1")?;
    for (new, (old, own)) in (1_i64..).zip(&waiting) {
        numbers.insert(*old - moved_by, new);
        // Smaller numbers are already renumbered, and a new number is never larger than the old one, so none collides.
        update.execute(params![old, new, own.and_then(|own| numbers.get(&own).copied())])?;
    }
    Ok(i64::try_from(waiting.len()).unwrap_or(i64::MAX - 1))
}

/// Subtracted from the numbers of an earlier device's mutations to make them negative. Their order stays.
const OTHER_DEVICE_OFFSET: i64 = 1 << 50;

/// Changes the device of this database, because it is a copy. Mutations that the server has from the old device get negative
/// numbers and wait for the next pull; all others are numbered from 1 again.
///
/// # Errors
/// When the database fails.
pub fn become_device(connection: &Connection, device: &mut Device, device_id: Uuid) -> Result<()> {
    let acknowledged = device.acknowledged_n.max(device.applied_upto.min(device.next_n - 1));
    // Covered mutations are at the server, even when the pull of that page did not complete.
    connection.execute("DELETE FROM outbox WHERE state = 3", [])?;
    move_below_zero(connection, acknowledged)?;
    let waiting = number_from_one(connection, 0)?;
    device.device_id = device_id;
    device.rewinds += 1;
    device.acknowledged_n = 0;
    device.acknowledged_chain = CHAIN_START;
    device.applied_upto = 0;
    device.next_n = waiting + 1;
    super::device::save(connection, device)?;
    // The changes' bases have been renumbered, so a pending deletion may no longer match its row.
    let mut statement = connection.prepare("SELECT entity, row_id FROM shadows")?;
    let rows: Vec<(String, String)> =
        statement.query_map([], |row| Ok((row.get("entity")?, row.get("row_id")?)))?.collect::<Result<_, _>>()?;
    rebuild_all(connection, &rows)
}

/// Gives mutations up to `upto_n` negative numbers, after those of earlier devices.
fn move_below_zero(connection: &Connection, upto_n: i64) -> Result<()> {
    let newest_below: Option<i64> = connection.query_row("SELECT max(n) FROM outbox WHERE n < 0", [], |row| row.get(0))?;
    let make_room = newest_below.map_or(0, |newest| (newest + OTHER_DEVICE_OFFSET).max(0));
    let mut statement = connection.prepare("SELECT n FROM outbox WHERE n < 0 ORDER BY n")?;
    let below: Vec<i64> = statement.query_map([], |row| row.get("n"))?.collect::<Result<_, _>>()?;
    // In ascending order, so that no number collides with one that is not moved yet.
    let mut update = connection.prepare("UPDATE outbox SET n = n - ?2 WHERE n = ?1")?;
    for n in below {
        update.execute(params![n, make_room])?;
    }
    connection.execute("UPDATE outbox SET n = n - ?2, base_own = NULL WHERE n BETWEEN 1 AND ?1", params![upto_n, OTHER_DEVICE_OFFSET])?;
    Ok(())
}

/// Replaces a device that the server does not know any more, because it went back to a time before the device was registered.
/// All kept mutations are queued again for the new device, and every scope is read again from 0.
///
/// # Errors
/// When the database fails.
pub fn replace_unknown_device(connection: &Connection, device: &mut Device, device_id: Uuid) -> Result<()> {
    requeue_all(connection, device)?;
    device.first_sync_done = false;
    scopes::start_again(connection)?;
    become_device(connection, device, device_id)
}

/// Acknowledges the mutations before `n`: the server has them with the same content, although it refused the push as a whole.
///
/// # Errors
/// When the database fails.
pub fn acknowledge_before(connection: &Connection, device: &mut Device, n: i64) -> Result<()> {
    connection.execute("UPDATE outbox SET state = 2 WHERE n > ?1 AND n < ?2 AND state < 2", params![device.acknowledged_n, n])?;
    if let Some(chain) = chain_at(connection, n - 1)?.filter(|_| n - 1 > device.acknowledged_n) {
        device.acknowledged_n = n - 1;
        device.acknowledged_chain = chain;
    }
    super::device::save(connection, device)
}
