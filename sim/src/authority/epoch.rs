//! The epoch as the database keeps it: what `epoch_settle()`, `epoch_note_run()` and `epoch_begin()` do.

use sync_server::epoch::Reached;
use sync_server::witness::Run;

use super::tables::State;
use super::{Backup, Memory};
use crate::faults::Fault;

/// Stamps below the newest one that may be lost with it: transactions that are open at the same time commit in any order. Here
/// they run one after the other, so a few are enough.
const OPEN_STAMPS: i64 = 8;
/// How far the stamps of two runs are apart.
const STAMPS_APART: i64 = 1 << 30;

/// Which PostgreSQL holds the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// System identifier, timeline and oid of the database together.
    pub identity: u64,
    /// When this PostgreSQL was started, in microseconds since 1970.
    pub run_us: i64,
}

impl State {
    /// Where the database is.
    pub fn reached(&self) -> Reached {
        Reached { epoch: (self.place == self.settled).then_some(self.epoch), run_us: self.place.run_us, lsn: self.lsn }
    }

    /// Writes down that this run holds the database now, with stamps above all that may have been given before. False for
    /// `are_apart`: a planted fault.
    fn note_run(&mut self, are_apart: bool) {
        let first_stamp = self.last_stamp;
        if are_apart {
            self.last_stamp = (self.now_ms / 1000 * STAMPS_APART).max(first_stamp + STAMPS_APART);
        }
        self.settled = self.place;
        let Place { run_us, .. } = self.place;
        let (epoch, first_lsn, upto_stamp) = (self.epoch, self.lsn, self.last_stamp);
        self.runs.push(Run { epoch, started_us: run_us, first_lsn, first_stamp, upto_stamp });
    }

    /// Begins an epoch. Stamps after the first one and up to the second, or up to where the new ones begin, count as lost.
    pub(super) fn begin_epoch(&mut self, lost_after: i64, lost_upto: Option<i64>, epoch_min: i64, are_apart: bool) {
        self.epoch = (self.epoch + 1).max(self.now_ms / 1000).max(epoch_min);
        self.note_run(are_apart);
        let lost_upto = lost_upto.unwrap_or(self.last_stamp);
        match self.lost_lives.iter_mut().find(|(_, upto)| *upto == lost_upto) {
            Some((after, _)) => *after = lost_after.min(*after),
            None => self.lost_lives.push((lost_after, lost_upto)),
        }
    }
}

impl State {
    /// Everything as it was, in another PostgreSQL.
    pub(super) fn set_back(&mut self, to: &State, identity_changes: bool) {
        let (now_ms, page_rows_max) = (self.now_ms, self.page_rows_max);
        // Two are not started in the same microsecond.
        let run_us = (now_ms * 1000).max(self.place.run_us + 1);
        // A new identity is one that no other history of this database has had.
        let identity = if identity_changes { run_us.unsigned_abs() } else { to.place.identity };
        *self = State { now_ms, page_rows_max, place: Place { identity, run_us }, ..to.clone() };
    }
}

impl Memory {
    fn stamps_are_apart(&self) -> bool {
        !self.faults.has(Fault::StampsAgain)
    }

    /// Everything as it is now, as a standby or a copy of the files has it. Devices are told nothing of it.
    pub fn snapshot_of_all(&self) -> Backup {
        Backup(self.state().clone())
    }

    /// Everything as it was, in another PostgreSQL or in the same one, and nobody is told.
    pub fn go_back(&self, to: &Backup, identity_changes: bool) {
        self.state().set_back(&to.0, identity_changes);
    }

    /// The epoch, after a new one has begun where the database is another.
    pub fn settle(&self) -> i64 {
        let mut state = self.state();
        let are_apart = self.stamps_are_apart();
        if state.place != state.settled {
            if state.place.identity == state.settled.identity || self.faults.has(Fault::EpochUnnoticed) {
                state.note_run(are_apart);
            } else {
                let lost_after = state.last_stamp - OPEN_STAMPS;
                state.begin_epoch(lost_after, None, 0, are_apart);
            }
        }
        state.epoch
    }

    /// Begins a new epoch because the database has been further than it was when this run began.
    pub fn went_back(&self, run: Run, epoch_min: i64) {
        self.state().begin_epoch(run.first_stamp - OPEN_STAMPS, Some(run.upto_stamp), epoch_min, self.stamps_are_apart());
    }
}
