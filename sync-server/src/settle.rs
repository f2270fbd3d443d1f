//! How a running server learns of another epoch: it asks its database again and again, compares each new connection, and reads
//! the witnesses of laptops.

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

/// How often a server asks its database whether it is still the same one. An answer of `unchanged` is late by this at most.
pub const WATCH_EVERY: Duration = Duration::from_secs(1);
/// Runs that a witness is compared with, the newest first.
const RUNS_MAX: i64 = 1_000;

/// What one instance knows besides the rows, while it answers one request.
#[derive(Clone, Copy)]
pub struct Instance<'a> {
    /// Heads and subscriptions.
    pub heads: &'a Heads,
    /// The epoch.
    pub epoch: i64,
    /// Whether the database may be another one by now.
    pub is_doubtful: bool,
    /// What signs witnesses; none gives none.
    pub tokens: Option<&'a Tokens>,
}

impl App {
    /// What this instance knows besides the rows.
    pub fn instance(&self) -> Instance<'_> {
        Instance { heads: &self.heads, epoch: self.epoch.number(), is_doubtful: self.epoch.is_doubtful(), tokens: Some(&self.tokens) }
    }
}

/// Asks the database now and then whether it is still the same one, and at once when something speaks against it.
pub async fn watch(app: App, stopping: CancellationToken) {
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = app.epoch.doubted() => {}
            () = tokio::time::sleep(WATCH_EVERY) => {}
        }
        let found = match app.pool.acquire().await {
            Ok(mut connection) => epoch::read(&mut connection).await,
            Err(error) => Err(error),
        };
        match found {
            Ok(found) if app.epoch.fits(found.as_ref()) => app.epoch.trust(),
            Ok(_) => {
                if let Err(error) = app.settle().await {
                    tracing::warn!(%error, "cannot tell which epoch this is");
                }
            }
            Err(_) => app.epoch.lose(),
        }
    }
}

impl App {
    /// Learns the epoch from the database, and forgets what was kept in memory of another one. A head that lies below what
    /// this instance knows proves that a file copy took the place of the database.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn settle(&self) -> Result<(), Failure> {
        let _one_at_a_time = self.settling.lock().await;
        let before = self.epoch.number();
        let mut at = epoch::settle(&self.pool).await?;
        if self.epoch.fits(Some(&at)) {
            self.epoch.set(at);
            return Ok(());
        }
        let known = self.heads.known();
        let heads = read_heads(&self.pool).await?;
        if at.epoch == before && Heads::any_is_above(&known, &heads) {
            let [newest] = runs(&self.pool, 1).await?[..] else { return Err(Failure::broken("a run that was settled is not there")) };
            at.epoch = went_back(&self.pool, newest, 0).await?;
        }
        self.heads.begin_again(&heads);
        self.epoch.set(at);
        // What was committed between the reading and now was told to nobody's heads.
        self.heads.advance(&read_heads(&self.pool).await?);
        let why: Option<String> =
            sqlx::query_scalar("SELECT r.why FROM database_runs r ORDER BY r.ordinal DESC LIMIT 1").fetch_optional(&self.pool).await?;
        // At a start too: plain SQL may have been the first to notice, and nobody was told.
        if let Some(why @ ("moved" | "went_back")) = why.as_deref() {
            tracing::warn!(
                epoch = at.epoch,
                why,
                "the database has gone back in time or is another one: a new epoch has begun, laptops read it again and send again what it has lost"
            );
        }
        Ok(())
    }

    /// Takes note of a witness. One that proves that the database has gone back begins a new epoch.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn note_witness(&self, session: &Session, witness: Option<&str>) -> Result<(), Failure> {
        let Some(witness) = witness.and_then(Witness::parse) else { return Ok(()) };
        let (epoch, run_us) = (self.epoch.number(), self.epoch.run_us());
        // Almost every request: of the same run, or of an epoch that is known to be gone. Nothing has to be looked up.
        if witness.epoch < epoch || witness.epoch == epoch && witness.run_us == run_us {
            return Ok(());
        }
        if !witness.is_signed(&self.tokens, session.device_id) {
            return Ok(());
        }
        {
            // Two laptops that prove the same begin one epoch.
            let _one_at_a_time = self.settling.lock().await;
            let runs = runs(&self.pool, RUNS_MAX).await?;
            // Older than the oldest run that is looked at: that it is not among them proves nothing.
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

/// Begins a new epoch: what was given before this run, and after the state that it began with, is lost.
async fn went_back(pool: &PgPool, run: Run, epoch_min: i64) -> Result<i64, Failure> {
    let sql = "SELECT epoch_begin('went_back', $1 - 65536, $2, $3)";
    Ok(sqlx::query_scalar(sql).bind(run.first_stamp).bind(run.upto_stamp).bind(epoch_min).fetch_one(pool).await?)
}
