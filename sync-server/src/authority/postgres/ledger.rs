//! Storage of the ledger: one row per device, and one per push whose outcomes the device may not have seen.

use serde_json::Value;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;
use waystation_model::chain::{CONTENT_HASH_BYTES, Chain};
use waystation_model::{Code, Problem};

use super::{LedgerEntry, LockedLedger, Pushed};
use crate::epoch::LogPosition;
use crate::failure::Failure;

#[derive(FromRow)]
struct Stored {
    first_n: i64,
    hashes: Vec<u8>,
    outcomes: Value,
}

/// Parses a stored chain.
pub fn chain(bytes: Vec<u8>) -> Result<Chain, Failure> {
    bytes.try_into().map_err(|_| Failure::broken("a stored chain has not 32 bytes"))
}

/// The error for a device without a ledger, such as after rows were deleted by hand: it is unknown which of its changes the server
/// has. As with a copied database, the laptop continues as a new device with its unsent changes.
pub fn no_ledger() -> Problem {
    Problem::new(Code::ChainMismatch, "the server has no ledger of this device")
}

/// Reads and locks a device's row, so that two pushes of one device never run at the same time. From here on the audit log names
/// the device for whatever the transaction changes.
pub async fn lock(connection: &mut PgConnection, device: Uuid) -> Result<LockedLedger, Failure> {
    let (last_n, bytes, epoch, run_us, last_stamp): (i64, Vec<u8>, Option<i64>, i64, i64) = sqlx::query_as(
        "SELECT d.last_n, d.chain, epoch_current(), (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint, \
         (SELECT s.last_value FROM stamp_seq s) FROM device_states d, \
         set_config('waystation.device', $1::text, true) WHERE d.device_id = $1 FOR UPDATE OF d",
    )
    .bind(device)
    .fetch_optional(connection)
    .await?
    .ok_or_else(no_ledger)?;
    Ok(LockedLedger { last_n, chain: chain(bytes)?, reached: LogPosition { epoch, run_us, lsn: 0 }, last_stamp })
}

/// The stored pushes that contain any of these numbers.
pub async fn pushes(connection: &mut PgConnection, device: Uuid, first_n: i64, last_n: i64) -> Result<Vec<Pushed>, Failure> {
    let stored: Vec<Stored> = sqlx::query_as(
        "SELECT first_n, hashes, outcomes FROM device_pushes WHERE device_id = $1 AND first_n <= $3 AND last_n >= $2 ORDER BY first_n",
    )
    .bind(device)
    .bind(first_n)
    .bind(last_n)
    .fetch_all(connection)
    .await?;
    stored
        .into_iter()
        .map(|Stored { first_n, hashes, outcomes }| {
            let outcomes = serde_json::from_value(outcomes).map_err(Failure::broken)?;
            Ok(Pushed { first_n, hashes: hashes.as_chunks::<CONTENT_HASH_BYTES>().0.to_vec(), outcomes })
        })
        .collect()
}

/// Stores a push, in one statement with the device's new state.
pub async fn store(connection: &mut PgConnection, entry: LedgerEntry<'_>) -> Result<i64, Failure> {
    let lsn = sqlx::query_scalar(include_str!("../../sql/store_push.sql"))
        .bind(entry.device)
        .bind(entry.first_n)
        .bind(entry.last_n)
        .bind(entry.hashes.concat())
        .bind(serde_json::to_value(entry.outcomes).map_err(Failure::broken)?)
        .bind(entry.chain.as_slice())
        .bind(entry.forget_upto)
        .fetch_one(connection)
        .await?;
    Ok(lsn)
}
