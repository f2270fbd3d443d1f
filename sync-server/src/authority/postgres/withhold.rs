//! Removes rows that cannot be sent to laptops from their feeds, and logs them.

use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;
use waystation_model::registry::entity_by_code;
use waystation_model::sql::written_bytes_of;

use crate::authority::FeedRowKey;
use crate::database::commit;
use crate::failure::Failure;
use crate::uninterrupted::begin;

/// Removes the rows from their feeds in a transaction of its own. Returns the heads that moved.
pub async fn withhold(pool: &PgPool, rows: &[FeedRowKey]) -> Result<Vec<(String, i64)>, Failure> {
    let mut transaction = begin(pool).await?;
    let taken: Vec<(i16, Uuid)> = sqlx::query_as("SELECT withheld_entity, withheld_row FROM feed_withhold($1, $2, $3, $4)")
        .bind(rows.iter().map(|row| row.scope_id).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.entity).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.row_id).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.version).collect::<Vec<_>>())
        .fetch_all(&mut *transaction)
        .await?;
    for (code, row) in taken {
        let Some(entity) = entity_by_code(code) else { continue };
        let bytes: Option<Option<i32>> =
            sqlx::query_scalar(AssertSqlSafe(written_bytes_of(entity))).bind(row).fetch_optional(&mut *transaction).await?;
        match bytes {
            None => {
                tracing::error!(table = entity.name, id = %row, "a feed lists a row that does not exist: run `sync-server verify --repair`")
            }
            Some(bytes) => tracing::error!(
                table = entity.name,
                id = %row,
                bytes,
                "a row cannot be sent to laptops and is withheld: it is too large, or has a value that JSON has no form for"
            ),
        }
    }
    let moved = commit(transaction).await?;
    if !moved.is_empty() {
        // Notified here: the caller advances only the heads of its own instance. Withholding is rare, so the notification is not
        // coalesced.
        let payload = serde_json::to_string(&moved).map_err(Failure::broken)?;
        let payload = if payload.len() < NOTICE_BYTES_MAX { payload } else { "*".to_owned() };
        sqlx::query("SELECT pg_notify('waystation_feed', $1)").bind(payload).execute(pool).await?;
    }
    Ok(moved)
}

/// PostgreSQL takes notices below 8,000 bytes.
const NOTICE_BYTES_MAX: usize = 7_500;
