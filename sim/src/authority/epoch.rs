//! The epoch in the database: implements the SQL functions `epoch_settle()`, `epoch_note_run()` and `epoch_begin()`.

use sync_server::epoch::LogPosition;
use sync_server::witness::Run;

use super::tables::State;
use super::{Backup, Memory};
use crate::faults::Fault;

/// How many stamps below the newest one may be lost with it, because concurrent transactions commit in any order. Here they
/// run one after the other, so a few are enough.
const OPEN_STAMPS: i64 = 8;
/// The minimum distance between the stamps of two runs.
const STAMPS_APART: i64 = 1 << 30;

/// The PostgreSQL instance that runs the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Postgres {
    /// System identifier, timeline and oid of the database together.
    pub identity: u64,
    /// The start time of this PostgreSQL, in microseconds since 1970.
    pub run_us: i64,
}

impl State {
    /// The current position of the database.
    pub fn reached(&self) -> LogPosition {
        LogPosition { epoch: (self.postgres == self.compared).then_some(self.epoch), run_us: self.postgres.run_us, lsn: self.lsn }
    }

    /// Records that this run of PostgreSQL now runs the database, with stamps above all that may have been given before.
    /// `are_apart` is false for an injected fault.
    fn note_run(&mut self, are_apart: bool) {
        let first_stamp = self.last_stamp;
        if are_apart {
            self.last_stamp = (self.now_ms / 1000 * STAMPS_APART).max(first_stamp + STAMPS_APART);
        }
        self.compared = self.postgres;
        let Postgres { run_us, .. } = self.postgres;
        let (epoch, first_lsn, upto_stamp) = (self.epoch, self.lsn, self.last_stamp);
        self.runs.push(Run { epoch, started_us: run_us, first_lsn, first_stamp, upto_stamp });
    }

    /// Begins an epoch. Stamps after the first one and up to the second, or up to where the new ones begin, count as lost.
    pub(super) fn begin_epoch(&mut self, lost_after: i64, lost_upto: Option<i64>, epoch_min: i64, are_apart: bool) {
        self.epoch = (self.epoch + 1).max(self.now_ms / 1000).max(epoch_min);
        self.note_run(are_apart);
        let lost_upto = lost_upto.unwrap_or(self.last_stamp);
        match self.lost_stamps.iter_mut().find(|(_, upto)| *upto == lost_upto) {
            Some((after, _)) => *after = lost_after.min(*after),
            None => self.lost_stamps.push((lost_after, lost_upto)),
        }
    }
}

impl State {
    /// Restores a state in another run of PostgreSQL.
    pub(super) fn restore_state(&mut self, to: &State, identity_changes: bool) {
        let (now_ms, page_rows_max) = (self.now_ms, self.page_rows_max);
        // Two runs never start in the same microsecond.
        let run_us = (now_ms * 1000).max(self.postgres.run_us + 1);
        // A new identity is unique among all timelines of this database.
        let identity = if identity_changes { run_us.unsigned_abs() } else { to.postgres.identity };
        *self = State { now_ms, page_rows_max, postgres: Postgres { identity, run_us }, ..to.clone() };
    }
}

impl Memory {
    fn stamps_are_apart(&self) -> bool {
        !self.faults.has(Fault::RepeatStamps)
    }

    /// Copies the state for a standby or a copy of the files. Unlike a backup, pulls do not report it.
    pub fn snapshot_of_all(&self) -> Backup {
        Backup(self.state().clone())
    }

    /// Restores a state without notice, in a PostgreSQL with another identity or the same one.
    pub fn go_back(&self, to: &Backup, identity_changes: bool) {
        self.state().restore_state(&to.0, identity_changes);
    }

    /// Returns the epoch. Begins a new one first if the database has another identity than before.
    pub fn settle(&self) -> i64 {
        let mut state = self.state();
        let are_apart = self.stamps_are_apart();
        if state.postgres != state.compared {
            if state.postgres.identity == state.compared.identity || self.faults.has(Fault::NoNewEpoch) {
                state.note_run(are_apart);
            } else {
                let lost_after = state.last_stamp - OPEN_STAMPS;
                state.begin_epoch(lost_after, None, 0, are_apart);
            }
        }
        state.epoch
    }

    /// Begins a new epoch because the database had once been further than at the start of this run.
    pub fn went_back(&self, run: Run, epoch_min: i64) {
        self.state().begin_epoch(run.first_stamp - OPEN_STAMPS, Some(run.upto_stamp), epoch_min, self.stamps_are_apart());
    }
}
