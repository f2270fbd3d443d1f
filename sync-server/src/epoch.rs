//! The epoch, and how a server notices that its database has gone back in time.
//!
//! The database compares its own identity (system identifier, timeline, oid) in `epoch_settle()` and begins a new epoch where
//! it differs: a promoted standby, a point-in-time recovery, a dump loaded by hand, a copy. A file copy that is put in place of
//! the database has the same identity. It is found by what lies outside of the database: the heads in the memory of a server
//! that runs on, and the witnesses that laptops keep.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use sqlx::{FromRow, PgConnection, PgPool};
use tokio::sync::Notify;

use crate::failure::Failure;
use crate::uncut::begin;

/// How long a server waits for a writer that begins an epoch with its own transaction. Until that ends, the database counts as out
/// of reach.
const LOCK_WAIT: &str = "SET LOCAL lock_timeout = '3s'";

/// What this instance knows of the epoch.
#[derive(Debug, Default)]
pub struct Epoch {
    number: AtomicI64,
    run_us: AtomicI64,
    is_doubtful: AtomicBool,
    check_now: Notify,
}

impl Epoch {
    /// The epoch; 0 before the database was asked.
    pub fn number(&self) -> i64 {
        self.number.load(Ordering::Acquire)
    }

    /// When the PostgreSQL was started that holds the database, in microseconds since 1970.
    pub fn run_us(&self) -> i64 {
        self.run_us.load(Ordering::Acquire)
    }

    /// Whether the database may be another one by now: nothing is answered from memory then.
    pub fn is_doubtful(&self) -> bool {
        self.is_doubtful.load(Ordering::Acquire)
    }

    /// Something was seen that another database would explain: it is asked at once.
    pub fn doubt(&self) {
        self.is_doubtful.store(true, Ordering::Release);
        self.check_now.notify_one();
    }

    /// Takes this for what is known.
    pub fn set(&self, at: At) {
        self.run_us.store(at.run_us, Ordering::Release);
        self.number.store(at.epoch, Ordering::Release);
        self.is_doubtful.store(false, Ordering::Release);
    }

    /// Waits until somebody doubts.
    pub async fn doubted(&self) {
        self.check_now.notified().await;
    }

    /// The database does not answer: who stands behind its address when it answers again is not known.
    pub fn lose(&self) {
        self.is_doubtful.store(true, Ordering::Release);
    }

    /// The database is the one that is known.
    pub fn trust(&self) {
        self.is_doubtful.store(false, Ordering::Release);
    }

    /// Compares what a new connection leads to with what is known.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn compare(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        // Before the first answer there is nothing to compare with, and perhaps no such function.
        if self.number() != 0 && !self.fits(read(connection).await?.as_ref()) {
            self.doubt();
        }
        Ok(())
    }

    /// Whether the database is the one that is known.
    pub fn fits(&self, found: Option<&At>) -> bool {
        found.is_some_and(|at| at.epoch == self.number() && at.run_us == self.run_us())
    }
}

/// The epoch and the run of PostgreSQL that a connection leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub struct At {
    /// The epoch.
    pub epoch: i64,
    /// When this PostgreSQL was started, in microseconds since 1970.
    pub run_us: i64,
}

/// Where a database was when something was read from it or written to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reached {
    /// The epoch; none while the database is another one than the epoch began with.
    pub epoch: Option<i64>,
    /// When this PostgreSQL was started, in microseconds since 1970.
    pub run_us: i64,
    /// How far its log was, as a number that only grows within a run.
    pub lsn: i64,
}

/// Where a connection leads to; none while the database is another one than the epoch began with.
///
/// # Errors
/// When the database does not answer.
pub async fn read(connection: &mut PgConnection) -> Result<Option<At>, sqlx::Error> {
    let sql = "SELECT c.epoch, (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint AS run_us \
         FROM (SELECT epoch_current() AS epoch) c WHERE c.epoch IS NOT NULL";
    sqlx::query_as(sql).fetch_optional(connection).await
}

/// The epoch, after a new one has begun where the database is another.
///
/// # Errors
/// When the database does not answer.
pub async fn settle(pool: &PgPool) -> Result<At, Failure> {
    // Without its row nothing tells which epoch this is, so it is one that no laptop has seen.
    let made = sqlx::query(
        "INSERT INTO epoch (epoch) SELECT greatest(extract(epoch FROM clock_timestamp())::bigint, (SELECT max(r.epoch) + 1 FROM database_runs r)) \
         WHERE NOT EXISTS (SELECT FROM epoch) ON CONFLICT (only_row) DO NOTHING",
    );
    if made.execute(pool).await?.rows_affected() > 0 {
        tracing::error!("the row of the epoch was gone: a new epoch has begun");
    }
    let sql = "SELECT epoch_settle() AS epoch, (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint AS run_us";
    let mut transaction = begin(pool).await?;
    sqlx::query(LOCK_WAIT).execute(&mut *transaction).await?;
    let at = sqlx::query_as(sql).fetch_one(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(at)
}

/// A pool's connections are compared with this as they are opened.
pub type Watched = Arc<Epoch>;
