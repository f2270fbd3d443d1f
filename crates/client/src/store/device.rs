//! Who this database is to the server: one row, read once and kept beside the connection that writes it.

use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;
use waystation_model::access::Role;
use waystation_model::chain::{CHAIN_START, Chain};
use waystation_model::clock::At;
use waystation_model::limits::WITNESS_BYTES_MAX;

use super::value::{read_role, read_uuid};
use crate::error::{ClientError, Result};

/// The server's clock minus this laptop's.
///
/// # Errors
/// When the database fails.
pub fn clock_offset_ms(connection: &Connection) -> Result<i64> {
    Ok(connection.prepare_cached("SELECT clock_offset_ms FROM device")?.query_row([], |row| row.get(0))?)
}

/// Whose database this is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Their account.
    pub user_id: Uuid,
    /// Their organization.
    pub organization_id: Uuid,
    /// Its name.
    pub organization_name: String,
    /// The name they sign in with.
    pub user_name: String,
    /// What they are called.
    pub full_name: String,
    /// What they are.
    pub role: Role,
    /// The server they belong to.
    pub server: String,
}

/// The device's state. What has a number here is also in the database; `next_n` and `last_at` follow from the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// The device at the server.
    pub device_id: Uuid,
    /// Whose it is.
    pub owner: Owner,
    /// The server's life that the cursors belong to; 0 before the first answer.
    pub epoch: i64,
    /// The server has mutations up to here.
    pub acknowledged_n: i64,
    /// The chain there.
    pub acknowledged_chain: Chain,
    /// A complete pull covered mutations up to here.
    pub applied_upto: i64,
    /// Server's clock minus this laptop's.
    pub clock_offset_ms: i64,
    /// When the last sync ended well.
    pub last_sync_at: Option<i64>,
    /// Whether a complete pull has ever been made.
    pub first_sync_done: bool,
    /// The newest text by which the server can tell that it has gone back in time. Nothing here looks into it.
    pub witness: Option<String>,
    /// How often this program went back to an earlier number since it opened the database. What was asked before says nothing
    /// about the numbers after.
    pub went_back: u32,
    /// The number of the next mutation.
    pub next_n: i64,
    /// The time of the latest mutation.
    pub last_at: At,
}

impl Device {
    /// How many changes the server does not have yet. Numbers are dense, so nothing has to be counted.
    pub fn waiting(&self) -> i64 {
        self.next_n - 1 - self.acknowledged_n
    }

    /// Keeps what the server says of how far it has come. One that says nothing leaves what is kept; one that says more than
    /// it may is not believed, and its answer counts all the same.
    pub fn hear_witness(&mut self, witness: Option<&str>) {
        if let Some(witness) = witness.filter(|witness| witness.len() <= WITNESS_BYTES_MAX) {
            self.witness = Some(witness.to_owned());
        }
    }

    /// The server's clock, heard when it has everything. A clock that was ahead once stays in no later change: what it had
    /// dated later than this was taken at its receipt.
    pub fn hear_time(&mut self, server_time_ms: i64) {
        if self.waiting() == 0 {
            self.last_at = self.last_at.not_after(server_time_ms);
        }
    }
}

const SELECT: &str = "SELECT device_id, user_id, organization_id, organization_name, user_name, full_name, role, server, epoch,
    acknowledged_n, acknowledged_chain, applied_upto, clock_offset_ms, last_sync_at, first_sync_done, witness FROM device";

const INSERT: &str = "INSERT INTO device (only_row, device_id, user_id, organization_id, organization_name, user_name, full_name,
    role, server) VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
    ON CONFLICT (only_row) DO UPDATE SET organization_name = excluded.organization_name, user_name = excluded.user_name,
    full_name = excluded.full_name, role = excluded.role, server = excluded.server,
    witness = CASE WHEN (device.server, device.organization_id) = (excluded.server, excluded.organization_id) THEN device.witness END";

const UPDATE: &str = "UPDATE device SET device_id = ?1, epoch = ?2, acknowledged_n = ?3, acknowledged_chain = ?4, applied_upto = ?5,
    clock_offset_ms = ?6, last_sync_at = ?7, first_sync_done = ?8, witness = ?9";

/// The device row, when there is one.
///
/// # Errors
/// When the database fails or the row is not readable.
pub fn load(connection: &Connection) -> Result<Option<Device>> {
    let device = connection
        .query_row(SELECT, [], |row| {
            let chain: Vec<u8> = row.get("acknowledged_chain")?;
            Ok(Device {
                device_id: read_uuid(row, "device_id")?,
                owner: Owner {
                    user_id: read_uuid(row, "user_id")?,
                    organization_id: read_uuid(row, "organization_id")?,
                    organization_name: row.get("organization_name")?,
                    user_name: row.get("user_name")?,
                    full_name: row.get("full_name")?,
                    role: read_role(row, "role")?,
                    server: row.get("server")?,
                },
                epoch: row.get("epoch")?,
                acknowledged_n: row.get("acknowledged_n")?,
                acknowledged_chain: chain.try_into().unwrap_or(CHAIN_START),
                applied_upto: row.get("applied_upto")?,
                clock_offset_ms: row.get("clock_offset_ms")?,
                last_sync_at: row.get("last_sync_at")?,
                first_sync_done: row.get("first_sync_done")?,
                witness: row.get("witness")?,
                went_back: 0,
                next_n: 1,
                last_at: At::default(),
            })
        })
        .optional()?;
    let Some(mut device) = device else { return Ok(None) };
    let (last_n, taken_at, waiting_at): (i64, i64, i64) = connection.query_row(
        "SELECT coalesce(max(n), 0), coalesce(max(at) FILTER (WHERE n <= ?1), 0), coalesce(max(at) FILTER (WHERE n > ?1), 0) FROM outbox",
        [device.acknowledged_n],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    device.next_n = last_n.max(device.acknowledged_n) + 1;
    let heard = device.last_sync_at.map(|at| at + device.clock_offset_ms);
    let taken_at = heard.map_or(At(taken_at), |heard| At(taken_at).not_after(heard));
    device.last_at = taken_at.max(At(waiting_at));
    Ok(Some(device))
}

/// Writes whose database this is; the device id only when there is none yet.
///
/// # Errors
/// When the database belongs to somebody else, or fails.
pub fn introduce(connection: &Connection, device_id: Uuid, owner: &Owner) -> Result<Device> {
    if let Some(present) = load(connection)?
        && present.owner.user_id != owner.user_id
    {
        return Err(ClientError::Damaged("the database belongs to somebody else".into()));
    }
    connection.execute(
        INSERT,
        params![
            device_id.to_string(),
            owner.user_id.to_string(),
            owner.organization_id.to_string(),
            owner.organization_name,
            owner.user_name,
            owner.full_name,
            owner.role.word(),
            owner.server
        ],
    )?;
    load(connection)?.ok_or_else(|| ClientError::Damaged("the device row is not there".into()))
}

/// Writes what changed about the device.
///
/// # Errors
/// When the database fails.
pub fn save(connection: &Connection, device: &Device) -> Result<()> {
    connection.prepare_cached(UPDATE)?.execute(params![
        device.device_id.to_string(),
        device.epoch,
        device.acknowledged_n,
        device.acknowledged_chain.as_slice(),
        device.applied_upto,
        device.clock_offset_ms,
        device.last_sync_at,
        device.first_sync_done,
        device.witness
    ])?;
    Ok(())
}
