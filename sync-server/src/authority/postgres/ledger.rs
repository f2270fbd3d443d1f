//! What a device has sent before, as it is stored: one row per device, and one per push that it may not have heard of.

use serde_json::Value;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;
use waystation_model::chain::{CONTENT_HASH_BYTES, Chain};

use super::{LedgerEntry, Pushed};
use crate::failure::Failure;

#[derive(FromRow)]
struct Stored {
    first_n: i64,
    hashes: Vec<u8>,
    outcomes: Value,
}

/// The chain of this row.
pub fn chain(bytes: Vec<u8>) -> Result<Chain, Failure> {
    bytes.try_into().map_err(|_| Failure::broken("a stored chain has not 32 bytes"))
}

/// Reads and locks a device's row, so that two pushes of one device never run at once.
pub async fn lock(connection: &mut PgConnection, device: Uuid) -> Result<(i64, Chain), Failure> {
    let (last_n, bytes): (i64, Vec<u8>) = sqlx::query_as("SELECT last_n, chain FROM device_states WHERE device_id = $1 FOR UPDATE")
        .bind(device)
        .fetch_one(connection)
        .await?;
    Ok((last_n, chain(bytes)?))
}

/// The pushes that hold any of these numbers.
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

/// Writes a push down, in one statement with all that follows from it.
pub async fn store(connection: &mut PgConnection, entry: LedgerEntry<'_>) -> Result<(), Failure> {
    sqlx::query(include_str!("../../sql/store_push.sql"))
        .bind(entry.device)
        .bind(entry.first_n)
        .bind(entry.last_n)
        .bind(entry.hashes.concat())
        .bind(serde_json::to_value(entry.outcomes).map_err(Failure::broken)?)
        .bind(entry.chain.as_slice())
        .bind(entry.forget_upto)
        .execute(connection)
        .await?;
    Ok(())
}
