//! How a running server detects another epoch: it checks its database regularly, compares each new connection, and verifies the
//! witnesses of laptops.

use std::time::Duration;

use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::accounts::{Session, Tokens};
use crate::epoch;
use crate::failure::Failure;
use crate::heads::Heads;
use crate::instances::read_heads;
use crate::state::App;
use crate::witness::{Run, Witness};

/// How often a server checks that its database is still the same one. An answer of `unchanged` is late by this at most.
pub const WATCH_EVERY: Duration = Duration::from_secs(1);
/// Runs that a witness is compared with, the newest first.
const RUNS_MAX: i64 = 1_000;

/// The in-memory state of an instance that answering a request needs.
#[derive(Clone, Copy)]
pub struct Instance<'a> {
    /// Heads and subscriptions.
    pub heads: &'a Heads,
    /// The epoch.
    pub epoch: i64,
    /// Whether the database may have been replaced.
    pub is_uncertain: bool,
    /// Signs witnesses; without it none are issued.
    pub tokens: Option<&'a Tokens>,
}

impl App {
    /// The in-memory state of this instance.
    pub fn instance(&self) -> Instance<'_> {
        Instance { heads: &self.heads, epoch: self.epoch.number(), is_uncertain: self.epoch.is_uncertain(), tokens: Some(&self.tokens) }
    }
}

/// Checks regularly that the database is still the same one, and at once when requested.
pub async fn watch(app: App, stopping: CancellationToken) {
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = app.epoch.check_requested() => {}
            () = tokio::time::sleep(WATCH_EVERY) => {}
        }
        let found = match app.pool.acquire().await {
            Ok(mut connection) => epoch::read(&mut connection).await,
            Err(error) => Err(error),
        };
        match found {
            Ok(found) if app.epoch.is_same(found.as_ref()) => app.epoch.confirm(),
            Ok(_) => {
                if let Err(error) = app.settle().await {
                    tracing::warn!(%error, "cannot tell which epoch this is");
                }
            }
            Err(_) => app.epoch.mark_unreachable(),
        }
    }
}

impl App {
    /// Reads the epoch from the database, and drops what was cached in another one. A head below the one that this instance knows
    /// proves that a file copy replaced the database.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn settle(&self) -> Result<(), Failure> {
        let _one_at_a_time = self.settle_lock.lock().await;
        let before = self.epoch.number();
        let mut at = epoch::settle(&self.pool).await?;
        if self.epoch.is_same(Some(&at)) {
            self.epoch.set(at);
            return Ok(());
        }
        let known = self.heads.known();
        let heads = read_heads(&self.pool).await?;
        if at.epoch == before && Heads::any_moved_back(&known, &heads) {
            let [newest] = runs(&self.pool, 1).await?[..] else { return Err(Failure::broken("a run that was settled is not there")) };
            at.epoch = went_back(&self.pool, newest, 0).await?;
        }
        self.heads.replace_all(&heads);
        self.epoch.set(at);
        // Commits between the first read and the reset were not applied to the heads.
        self.heads.advance(&read_heads(&self.pool).await?);
        let why: Option<String> =
            sqlx::query_scalar("SELECT r.why FROM database_runs r ORDER BY r.ordinal DESC LIMIT 1").fetch_optional(&self.pool).await?;
        // Also at a start: plain SQL may have begun the epoch without a log line.
        if let Some(why @ ("moved" | "went_back")) = why.as_deref() {
            tracing::warn!(
                epoch = at.epoch,
                why,
                "the database has gone back in time or is another one: a new epoch has begun, laptops read it again and send again what it has lost"
            );
        }
        Ok(())
    }

    /// Verifies a witness. If it proves that the database has gone back, a new epoch begins.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn note_witness(&self, session: &Session, witness: Option<&str>) -> Result<(), Failure> {
        let Some(witness) = witness.and_then(Witness::parse) else { return Ok(()) };
        let (epoch, run_us) = (self.epoch.number(), self.epoch.run_us());
        // Almost every witness is of the same run or of a former epoch: nothing has to be looked up.
        if witness.epoch < epoch || witness.epoch == epoch && witness.run_us == run_us {
            return Ok(());
        }
        if !witness.is_signed(&self.tokens, session.device_id) {
            return Ok(());
        }
        {
            // Serialized, so that two laptops with the same proof begin one epoch.
            let _one_at_a_time = self.settle_lock.lock().await;
            let runs = runs(&self.pool, RUNS_MAX).await?;
            // Older than the oldest loaded run: its absence proves nothing.
            let is_too_old = runs.len() == RUNS_MAX as usize && runs.last().is_some_and(|oldest| witness.run_us < oldest.started_us);
            if let Some(run) = witness.proves(&runs).filter(|_| !is_too_old) {
                tracing::warn!(device = %session.device_id, witness_epoch = witness.epoch, "a laptop has seen a later state of this database");
                went_back(&self.pool, run, witness.epoch + 1).await?;
            }
        }
        self.settle().await
    }
}

/// The runs of PostgreSQL with this database, the newest first.
async fn runs(pool: &PgPool, runs_max: i64) -> Result<Vec<Run>, Failure> {
    let sql = "SELECT r.epoch, (extract(epoch FROM r.started_at) * 1000000)::bigint AS started_us, r.first_lsn, r.first_stamp, r.upto_stamp \
         FROM database_runs r ORDER BY r.ordinal DESC LIMIT $1";
    Ok(sqlx::query_as(sql).bind(runs_max).fetch_all(pool).await?)
}

/// Begins a new epoch: stamps that were issued before this run, after the state with which it began, are lost.
async fn went_back(pool: &PgPool, run: Run, epoch_min: i64) -> Result<i64, Failure> {
    let sql = "SELECT epoch_begin('went_back', $1 - 65536, $2, $3)";
    Ok(sqlx::query_scalar(sql).bind(run.first_stamp).bind(run.upto_stamp).bind(epoch_min).fetch_one(pool).await?)
}
