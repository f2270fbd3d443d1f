//! `Idempotency-Key`: a request that made a row and is repeated within a day, because its answer was lost, makes no second one.

use axum::http::HeaderMap;
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;
use waystation_model::{Code, Problem};

use crate::failure::Failure;

/// The header's name.
pub const HEADER: &str = "idempotency-key";
/// The longest key in bytes.
const KEY_BYTES_MAX: usize = 200;
/// How long a key is kept, in milliseconds.
const KEPT_MS: i64 = 24 * 60 * 60 * 1000;
/// The most keys of one token.
const KEYS_PER_TOKEN_MAX: i64 = 10_000;

/// The key of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    text: String,
    request_hash: Vec<u8>,
}

/// What a request with this key has done before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Before {
    /// The row that it made.
    pub row_id: Uuid,
    /// Whether its change waits for a decision.
    pub is_held: bool,
}

impl IdempotencyKey {
    /// Reads the header of a request about this table with this body.
    ///
    /// # Errors
    /// `bad_request` for a key that is empty, too long, not visible ASCII, or given twice.
    pub fn read(headers: &HeaderMap, table: &str, body: &str) -> Result<Option<IdempotencyKey>, Problem> {
        let mut given = headers.get_all(HEADER).iter();
        let Some(value) = given.next() else { return Ok(None) };
        let bad = || {
            Problem::new(Code::BadRequest, format!("an Idempotency-Key has 1 to {KEY_BYTES_MAX} visible characters"))
                .field("Idempotency-Key")
        };
        let text = value.to_str().ok().filter(|text| !text.is_empty() && text.len() <= KEY_BYTES_MAX).ok_or_else(bad)?;
        if given.next().is_some() {
            return Err(bad());
        }
        let request_hash = Sha256::digest(format!("{table}\n{body}").as_bytes()).to_vec();
        Ok(Some(IdempotencyKey { text: text.to_owned(), request_hash }))
    }

    /// What a request with this key has done before. The token's ledger is locked, so a request at the same moment has ended.
    ///
    /// # Errors
    /// `bad_request` when the key was used for another request; `too_many_requests` when the token has used too many keys.
    pub async fn find(&self, connection: &mut PgConnection, token: Uuid, now_ms: i64) -> Result<Option<Before>, Failure> {
        let sql = "SELECT request_hash, row_id, is_held FROM idempotency_keys \
             WHERE token_id = $1 AND key = $2 AND made_at > to_timestamp($3 / 1000.0)";
        let found: Option<(Vec<u8>, Uuid, bool)> =
            sqlx::query_as(sql).bind(token).bind(&self.text).bind(kept_since(now_ms)).fetch_optional(&mut *connection).await?;
        if let Some((request_hash, row_id, is_held)) = found {
            if request_hash != self.request_hash {
                return Err(Problem::new(Code::BadRequest, "this key was used for another request").field("Idempotency-Key").into());
            }
            return Ok(Some(Before { row_id, is_held }));
        }
        let count: i64 =
            sqlx::query_scalar("SELECT count(*) FROM idempotency_keys WHERE token_id = $1 AND made_at > to_timestamp($2 / 1000.0)")
                .bind(token)
                .bind(kept_since(now_ms))
                .fetch_one(connection)
                .await?;
        if count >= KEYS_PER_TOKEN_MAX {
            return Err(Problem::new(Code::TooManyRequests, format!("a token uses at most {KEYS_PER_TOKEN_MAX} keys a day")).into());
        }
        Ok(None)
    }

    /// Stores what the request has done.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn store(&self, connection: &mut PgConnection, token: Uuid, done: Before, now_ms: i64) -> Result<(), Failure> {
        sqlx::query(
            "INSERT INTO idempotency_keys (token_id, key, request_hash, row_id, is_held, made_at) \
             VALUES ($1, $2, $3, $4, $5, to_timestamp($6 / 1000.0)) \
             ON CONFLICT (token_id, key) DO UPDATE SET request_hash = excluded.request_hash, row_id = excluded.row_id, \
                 is_held = excluded.is_held, made_at = excluded.made_at",
        )
        .bind(token)
        .bind(&self.text)
        .bind(&self.request_hash)
        .bind(done.row_id)
        .bind(done.is_held)
        .bind(now_ms as f64)
        .execute(connection)
        .await?;
        Ok(())
    }
}

fn kept_since(now_ms: i64) -> f64 {
    (now_ms - KEPT_MS) as f64
}

/// Deletes keys that are older than a day.
///
/// # Errors
/// When the database fails.
pub async fn forget_old_keys(pool: &PgPool, now_ms: i64) -> Result<u64, Failure> {
    let sql = "DELETE FROM idempotency_keys WHERE made_at <= to_timestamp($1 / 1000.0)";
    Ok(sqlx::query(sql).bind(kept_since(now_ms)).execute(pool).await?.rows_affected())
}
