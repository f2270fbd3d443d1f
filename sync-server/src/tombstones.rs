//! Deletes tombstones after a retention time. A laptop that was offline for longer does not receive them; at the end of its pull a
//! checksum differs, and it repairs that scope. Its own changes are kept.

use std::time::Duration;

use chrono::{Days, NaiveDate, Utc};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use waystation_model::limits::{OFFERED_DAYS_MAX, TOMBSTONE_DAYS};

use crate::failure::Failure;
use crate::records::idempotency::forget_old_keys;

/// How often the heads are recorded: tombstones may be kept this much longer than necessary.
const MARK_EVERY_DAYS: u64 = 10;
/// Rows that one statement deletes, few enough not to disturb others.
const STEP_ROWS: i64 = 2_000;
/// Statements per run; the next run continues.
const STEPS_MAX: usize = 500;
/// How often a server runs the deletion.
const LOOK_EVERY: Duration = Duration::from_secs(3_600);

/// Deletes expired tombstones regularly, until the server stops. Several instances may do so at once: each statement is
/// independent.
pub async fn forget_periodically(pool: PgPool, stopping: CancellationToken) {
    loop {
        match remove_old_tombstones(&pool, Utc::now().date_naive()).await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(rows, "deleted expired tombstones"),
            Err(error) => tracing::warn!(%error, "could not delete expired tombstones; the next run tries again"),
        }
        if let Err(error) = forget_old_keys(&pool, Utc::now().timestamp_millis()).await {
            tracing::warn!(%error, "could not delete old idempotency keys; the next run tries again");
        }
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// Records the heads when it is due, and deletes tombstones that are older than [`TOMBSTONE_DAYS`] before `today`. Returns the
/// number of rows.
///
/// # Errors
/// When the database fails; deletions made until then stay.
pub async fn remove_old_tombstones(pool: &PgPool, today: NaiveDate) -> Result<u64, Failure> {
    mark(pool, today).await?;
    sqlx::query("SELECT audit_make_partitions()").execute(pool).await?;
    let long_ago = today - Days::new(TOMBSTONE_DAYS);
    let mut forgotten = 0;
    for _ in 0..STEPS_MAX {
        // Skips locked rows, so that it waits for no writer, and compares the version, so that a row which has returned is kept.
        let rows = sqlx::query(
            "DELETE FROM feed f USING ( \
                 SELECT g.scope_id, g.entity, g.row_id, g.version FROM feed_marks m \
                 JOIN feed g ON g.scope_id = m.scope_id AND g.version <= m.version AND g.state <> 0 AND g.state <> 3 \
                 WHERE m.day <= $1 LIMIT $2 FOR UPDATE OF g SKIP LOCKED \
             ) old WHERE f.scope_id = old.scope_id AND f.entity = old.entity AND f.row_id = old.row_id AND f.version = old.version",
        )
        .bind(long_ago)
        .bind(STEP_ROWS)
        .execute(pool)
        .await?
        .rows_affected();
        forgotten += rows;
        if rows == 0 {
            break;
        }
    }
    sqlx::query(
        "DELETE FROM feed_marks m WHERE m.day <= $1 AND NOT EXISTS ( \
             SELECT FROM feed f WHERE f.scope_id = m.scope_id AND f.version <= m.version AND f.state <> 0 AND f.state <> 3)",
    )
    .bind(long_ago)
    .execute(pool)
    .await?;
    let decided_before = today - Days::new(OFFERED_DAYS_MAX);
    sqlx::query("DELETE FROM offered_rows WHERE decided_at < $1").bind(decided_before).execute(pool).await?;
    Ok(forgotten)
}

/// Records the head of every feed that has tombstones.
async fn mark(pool: &PgPool, today: NaiveDate) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO feed_marks (day, scope_id, version) SELECT $1, h.id, h.version FROM scope_heads h \
         WHERE NOT EXISTS (SELECT FROM feed_marks m WHERE m.day > $2) \
           AND EXISTS (SELECT FROM feed f WHERE f.scope_id = h.id AND f.state <> 0 AND f.state <> 3) \
         ON CONFLICT DO NOTHING",
    )
    .bind(today)
    .bind(today - Days::new(MARK_EVERY_DAYS))
    .execute(pool)
    .await?;
    Ok(())
}
