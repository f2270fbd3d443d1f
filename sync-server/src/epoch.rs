//! The epoch, and how a server detects that its database has gone back in time.
//!
//! `epoch_settle()` compares the database's identity (system identifier, timeline, oid) with the stored one and begins a new epoch
//! where it differs: a promoted standby, a point-in-time recovery, a dump loaded by hand, a copy. A file copy put in place of the
//! database has the same identity. It is detected by state outside the database: the heads in the memory of a running server, and
//! the witnesses that laptops keep.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use sqlx::{FromRow, PgConnection, PgPool};
use tokio::sync::Notify;

use crate::failure::Failure;
use crate::uninterrupted::begin;

/// How long a server waits for another transaction that is beginning an epoch. Until that one ends, the database counts as
/// unreachable.
const LOCK_WAIT: &str = "SET LOCAL lock_timeout = '3s'";

/// The epoch as this instance knows it.
#[derive(Debug, Default)]
pub struct Epoch {
    number: AtomicI64,
    run_us: AtomicI64,
    is_uncertain: AtomicBool,
    check_now: Notify,
}

impl Epoch {
    /// The epoch; 0 before it was read for the first time.
    pub fn number(&self) -> i64 {
        self.number.load(Ordering::Acquire)
    }

    /// When PostgreSQL was started, in microseconds since 1970.
    pub fn run_us(&self) -> i64 {
        self.run_us.load(Ordering::Acquire)
    }

    /// Whether the database may have been replaced: then nothing is answered from memory.
    pub fn is_uncertain(&self) -> bool {
        self.is_uncertain.load(Ordering::Acquire)
    }

    /// Marks the epoch as doubtful and requests a check of the database at once.
    pub fn request_check(&self) {
        self.is_uncertain.store(true, Ordering::Release);
        self.check_now.notify_one();
    }

    /// Sets the known epoch and run, and clears the doubt.
    pub fn set(&self, at: DatabaseRun) {
        self.run_us.store(at.run_us, Ordering::Release);
        self.number.store(at.epoch, Ordering::Release);
        self.is_uncertain.store(false, Ordering::Release);
    }

    /// Waits for [`Epoch::request_check`].
    pub async fn check_requested(&self) {
        self.check_now.notified().await;
    }

    /// Marks the epoch as doubtful because the database does not answer: another one may answer next.
    pub fn mark_unreachable(&self) {
        self.is_uncertain.store(true, Ordering::Release);
    }

    /// Clears the doubt: the database is the known one.
    pub fn confirm(&self) {
        self.is_uncertain.store(false, Ordering::Release);
    }

    /// Compares the database behind a new connection with the known one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn compare(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        // Before the first read there is nothing to compare with, and the function may not exist yet.
        if self.number() != 0 && !self.is_same(read(connection).await?.as_ref()) {
            self.request_check();
        }
        Ok(())
    }

    /// Whether epoch and run are the known ones.
    pub fn is_same(&self, found: Option<&DatabaseRun>) -> bool {
        found.is_some_and(|at| at.epoch == self.number() && at.run_us == self.run_us())
    }
}

/// The epoch and the run of PostgreSQL behind a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub struct DatabaseRun {
    /// The epoch.
    pub epoch: i64,
    /// When this PostgreSQL was started, in microseconds since 1970.
    pub run_us: i64,
}

/// The log position of a database when something was read from it or written to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogPosition {
    /// The epoch; none while the database's identity differs from the stored one.
    pub epoch: Option<i64>,
    /// When this PostgreSQL was started, in microseconds since 1970.
    pub run_us: i64,
    /// Position of the write-ahead log, which only grows within a run.
    pub lsn: i64,
}

/// Epoch and run behind a connection; none while the database's identity differs from the stored one.
///
/// # Errors
/// When the database does not answer.
pub async fn read(connection: &mut PgConnection) -> Result<Option<DatabaseRun>, sqlx::Error> {
    let sql = "SELECT c.epoch, (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint AS run_us \
         FROM (SELECT epoch_current() AS epoch) c WHERE c.epoch IS NOT NULL";
    sqlx::query_as(sql).fetch_optional(connection).await
}

/// Reads the epoch, after beginning a new one where the database is another one.
///
/// # Errors
/// When the database does not answer.
pub async fn settle(pool: &PgPool) -> Result<DatabaseRun, Failure> {
    // Without its row the epoch is unknown, so a new one begins that no laptop has seen.
    let made = sqlx::query(
        "INSERT INTO epoch (epoch) SELECT greatest(extract(epoch FROM clock_timestamp())::bigint, (SELECT max(r.epoch) + 1 FROM database_runs r)) \
         WHERE NOT EXISTS (SELECT FROM epoch) ON CONFLICT (only_row) DO NOTHING",
    );
    if made.execute(pool).await?.rows_affected() > 0 {
        tracing::error!("the row of the epoch was missing: a new epoch has begun");
    }
    let sql = "SELECT epoch_settle() AS epoch, (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint AS run_us";
    let mut transaction = begin(pool).await?;
    sqlx::query(LOCK_WAIT).execute(&mut *transaction).await?;
    let at = sqlx::query_as(sql).fetch_one(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(at)
}

/// The epoch that a pool compares each new connection with.
pub type Watched = Arc<Epoch>;
