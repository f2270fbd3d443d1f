//! The device that this database is registered as at the server: one row, read once and cached beside the writer's connection.

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

/// The owner of the database.
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
    /// Their full name.
    pub full_name: String,
    /// Their role.
    pub role: Role,
    /// The address of their server.
    pub server: String,
}

/// The device's state. It is stored in the `device` row, except for `rewinds`; `next_n` and `last_at` follow from the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// The device's id at the server.
    pub device_id: Uuid,
    /// The owner of the database.
    pub owner: Owner,
    /// The server's epoch that the cursors belong to; 0 before the first answer.
    pub epoch: i64,
    /// The server has acknowledged mutations up to this number.
    pub acknowledged_n: i64,
    /// The chain after mutation `acknowledged_n`.
    pub acknowledged_chain: Chain,
    /// The last complete pull contained mutations up to this number.
    pub applied_upto: i64,
    /// The server's clock minus this laptop's.
    pub clock_offset_ms: i64,
    /// When the last sync succeeded, by this laptop's clock.
    pub last_sync_at: Option<i64>,
    /// Whether a complete pull has ever been made.
    pub first_sync_done: bool,
    /// The server's newest witness, an opaque text by which the server can tell that it has gone back in time.
    pub witness: Option<String>,
    /// How often the numbers were rewound since the database was opened. An answer to a request from before a rewind is about
    /// outdated numbers.
    pub rewinds: u32,
    /// The number of the next mutation.
    pub next_n: i64,
    /// The time of the latest mutation.
    pub last_at: At,
}

impl Device {
    /// How many changes the server has not acknowledged. Numbers have no gaps, so the difference is the count.
    pub fn waiting(&self) -> i64 {
        self.next_n - 1 - self.acknowledged_n
    }

    /// Keeps the server's witness. Without one in the answer the last one stays; one beyond the size limit is ignored, and the
    /// rest of the answer is still used.
    pub fn receive_witness(&mut self, witness: Option<&str>) {
        if let Some(witness) = witness.filter(|witness| witness.len() <= WITNESS_BYTES_MAX) {
            self.witness = Some(witness.to_owned());
        }
    }

    /// Limits `last_at` to the server's time once the server has all changes, so that a clock that was ahead for a while does
    /// not push later changes into the future: the server dates changes from the future at their receipt.
    pub fn receive_server_time(&mut self, server_time_ms: i64) {
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

/// Reads the device row; none when there is none.
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
                rewinds: 0,
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
    let synced_at = device.last_sync_at.map(|at| at + device.clock_offset_ms);
    let taken_at = synced_at.map_or(At(taken_at), |synced_at| At(taken_at).not_after(synced_at));
    device.last_at = taken_at.max(At(waiting_at));
    Ok(Some(device))
}

/// Writes the owner of the database, and the device id when there is none yet.
///
/// # Errors
/// When the database belongs to another person, or fails.
pub fn store_owner(connection: &Connection, device_id: Uuid, owner: &Owner) -> Result<Device> {
    if let Some(present) = load(connection)?
        && present.owner.user_id != owner.user_id
    {
        return Err(ClientError::Damaged("the database belongs to another person".into()));
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

/// Writes the device's state.
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
