//! Forgets what has been gone for long. A laptop that was away for longer hears of it from nobody; it finds at the end of its
//! pull that a checksum does not fit, and mends that scope while its own work stays.

use std::time::Duration;

use chrono::{Days, NaiveDate, Utc};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use waystation_model::limits::{OFFERED_DAYS_MAX, TOMBSTONE_DAYS};

use crate::failure::Failure;

/// How often the heads are written down. So much longer may something be remembered than it has to.
const MARK_EVERY_DAYS: u64 = 10;
/// Rows that one statement forgets: it is over before anybody notices.
const STEP_ROWS: i64 = 2_000;
/// Statements of one run; the rest is the next run's.
const STEPS_MAX: usize = 500;
/// How often a server looks.
const LOOK_EVERY: Duration = Duration::from_secs(3_600);

/// Forgets now and then, until the server stops. Several instances may: each statement stands for itself.
pub async fn forget_now_and_then(pool: PgPool, stopping: CancellationToken) {
    loop {
        match forget(&pool, Utc::now().date_naive()).await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(rows, "forgot what has been gone for long"),
            Err(error) => tracing::warn!(%error, "could not forget what has been gone for long; it is tried again"),
        }
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// Writes the heads down when it is time, and forgets what was gone [`TOMBSTONE_DAYS`] before `today`. Returns how many rows.
///
/// # Errors
/// When the database fails; what was forgotten until then is.
pub async fn forget(pool: &PgPool, today: NaiveDate) -> Result<u64, Failure> {
    mark(pool, today).await?;
    let long_ago = today - Days::new(TOMBSTONE_DAYS);
    let mut forgotten = 0;
    for _ in 0..STEPS_MAX {
        // Whoever brings a row back at this moment has it: this waits for nobody, and what has moved since is not what it found.
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

/// Writes down the head of every feed in which something is gone.
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
