//! What a device has sent before: its last number, the chain, and the outcomes that it may not have heard.

use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;
use waystation_model::chain::{CONTENT_HASH_BYTES, Chain};
use waystation_model::limits::LEDGER_MUTATIONS_MAX;
use waystation_model::wire::NumberedOutcome;
use waystation_model::{Code, Problem};

use crate::failure::Failure;

/// One device's ledger, locked until the transaction ends.
pub struct Ledger {
    device: Uuid,
    /// The last number that the server has.
    pub last_n: i64,
    /// The chain there.
    pub chain: Chain,
}

#[derive(sqlx::FromRow)]
struct Pushed {
    first_n: i64,
    hashes: Vec<u8>,
    outcomes: Value,
}

impl Ledger {
    /// Reads and locks a device's ledger, so that two pushes of one device never run at once.
    pub async fn lock(connection: &mut PgConnection, device: Uuid) -> Result<Ledger, Failure> {
        let (last_n, chain): (i64, Vec<u8>) = sqlx::query_as("SELECT last_n, chain FROM device_states WHERE device_id = $1 FOR UPDATE")
            .bind(device)
            .fetch_one(connection)
            .await?;
        let chain = chain.try_into().map_err(|_| Failure::broken("a stored chain has not 32 bytes"))?;
        Ok(Ledger { device, last_n, chain })
    }

    /// The outcomes of mutations that arrive again. A device does not send what it has seen the outcome of, so what is not in
    /// the ledger any more comes from a copy; but when the request reaches `last_n`, the chain tells, and the caller asks it.
    pub async fn repeat(
        &self,
        connection: &mut PgConnection,
        first_n: i64,
        hashes: &[[u8; CONTENT_HASH_BYTES]],
    ) -> Result<Vec<NumberedOutcome>, Failure> {
        if hashes.is_empty() {
            return Ok(Vec::new());
        }
        let last_n = first_n + i64::try_from(hashes.len()).unwrap_or(0) - 1;
        let stored: Vec<Pushed> = sqlx::query_as(
            "SELECT first_n, hashes, outcomes FROM device_pushes WHERE device_id = $1 AND first_n <= $3 AND last_n >= $2 ORDER BY first_n",
        )
        .bind(self.device)
        .bind(first_n)
        .bind(last_n)
        .fetch_all(connection)
        .await?;
        let reused = |n: i64, how: &str| Failure::from(Problem::new(Code::NumberReused, format!("number {n} {how}")).field(n.to_string()));
        let mut outcomes = Vec::new();
        let mut compared = 0;
        for pushed in stored {
            for (place, hash) in pushed.hashes.as_chunks::<CONTENT_HASH_BYTES>().0.iter().enumerate() {
                let n = pushed.first_n + i64::try_from(place).unwrap_or(0);
                let Some(sent) = usize::try_from(n - first_n).ok().and_then(|place| hashes.get(place)) else { continue };
                if sent != hash {
                    return Err(reused(n, "arrived before with other content"));
                }
                compared += 1;
            }
            let known: Vec<NumberedOutcome> = serde_json::from_value(pushed.outcomes).map_err(Failure::broken)?;
            outcomes.extend(known.into_iter().filter(|outcome| (first_n..=last_n).contains(&outcome.n)));
        }
        if compared < hashes.len() && last_n < self.last_n {
            return Err(reused(first_n, "arrived before, and its device knows what became of it"));
        }
        Ok(outcomes)
    }

    /// Writes down a push, and forgets what the device has seen.
    #[allow(clippy::too_many_arguments)]
    pub async fn store(
        &self,
        connection: &mut PgConnection,
        first_n: i64,
        last_n: i64,
        chain: &Chain,
        hashes: &[[u8; CONTENT_HASH_BYTES]],
        outcomes: &[NumberedOutcome],
        seen_n: i64,
    ) -> Result<(), Failure> {
        let forget_upto = seen_n.min(last_n).max(last_n - LEDGER_MUTATIONS_MAX);
        sqlx::query(include_str!("../sql/store_push.sql"))
            .bind(self.device)
            .bind(first_n)
            .bind(last_n)
            .bind(hashes.concat())
            .bind(serde_json::to_value(outcomes).map_err(Failure::broken)?)
            .bind(chain.as_slice())
            .bind(forget_upto)
            .execute(connection)
            .await?;
        Ok(())
    }
}
