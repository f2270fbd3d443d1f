//! The server's database in memory: it implements the behaviour of PostgreSQL and of the migrations' triggers.
//!
//! `tests/tests/sim_postgres.rs` plays the same histories on both and compares every feed row, head, checksum and outcome.

mod access;
mod constraints;
mod domain;
mod enrolling;
mod epoch;
mod feed;
mod snapshot;
mod tables;
mod triggers;
mod verify;
mod writing;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use sync_server::authority::{Authority, FeedRowKey};
use sync_server::failure::Failure;
use uuid::Uuid;
use waystation_model::merge::Edits;
use waystation_model::registry::{Entity, entity};

pub use access::{account, scopes as subscribed_scopes};
pub use epoch::Postgres;
pub use feed::{FeedEntry, Feeds, ScopeFeed};
pub use snapshot::MemorySnapshot;
pub use tables::{Row, State, id_in, value};
pub use writing::MemoryWriting;

use crate::faults::{Fault, Faults};

/// The authoritative rows, shared by every instance of the server.
#[derive(Clone)]
pub struct Memory {
    state: Arc<Mutex<State>>,
    faults: Faults,
}

/// A copy of the whole state.
#[derive(Clone)]
pub struct Backup(State);

impl Memory {
    /// Empty tables at this moment.
    pub fn new(now_ms: i64, faults: Faults) -> Memory {
        Memory { state: Arc::new(Mutex::new(State::new(now_ms))), faults }
    }

    /// Locks the state.
    pub fn state(&self) -> MutexGuard<'_, State> {
        // A panic ends its seed, so no other history sees a poisoned state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The epoch of the database.
    pub fn epoch(&self) -> i64 {
        self.state().epoch
    }

    /// Takes a backup. From now on pulls report these mutations as backed up.
    pub fn back_up(&self) -> Backup {
        let mut state = self.state();
        let backup = Backup(state.clone());
        for device in state.devices.values_mut() {
            device.backed_up_n = device.last_n;
        }
        backup
    }

    /// The rows as they are now, by table.
    pub fn back_up_rows(&self) -> BTreeMap<i16, tables::Table> {
        self.state().tables.clone()
    }

    /// Restores a backup and begins a new epoch, so that neither stamps nor epochs are used twice.
    pub fn restore(&self, backup: &Backup) {
        let mut state = self.state();
        let epoch = state.epoch;
        state.restore_state(&backup.0, true);
        let lost_after = state.last_stamp;
        state.begin_epoch(lost_after, None, epoch + 1, !self.faults.has(Fault::RepeatStamps));
    }

    /// Deletes all tombstones.
    pub fn delete_tombstones(&self) {
        for feed in self.state().feeds.scopes.values_mut() {
            feed.rows.retain(|_, entry| entry.state == feed::LIVE);
            let rows = &feed.rows;
            feed.versions.retain(|_, row| rows.contains_key(row));
        }
    }

    /// Changes rows as another program on the same database does. Returns the heads that moved.
    ///
    /// # Errors
    /// A refusal by the database; nothing is changed then.
    pub fn by_other_program<R>(
        &self,
        work: impl FnOnce(&mut MemoryWriting) -> Result<R, Failure>,
    ) -> Result<(R, Vec<(String, i64)>), Failure> {
        self.settle();
        let mut writing = MemoryWriting::begin(self.clone());
        let result = work(&mut writing)?;
        Ok((result, writing.commit_now()))
    }
}

/// The registered table of this name.
///
/// # Panics
/// When there is none: the simulator names its tables itself.
pub fn table(name: &str) -> &'static Entity {
    entity(name).expect("a registered table")
}

/// A new row's values: the given columns, and defaults for the others.
pub fn values_of(entity: &Entity, given: &[(&str, Value)]) -> Vec<Value> {
    let mut values = entity.empty_values();
    for (name, value) in given {
        values[entity.column_index(name).expect("a column of the table")] = value.clone();
    }
    values
}

impl MemoryWriting {
    /// `INSERT` of one row by another program.
    ///
    /// # Errors
    /// What the database would refuse.
    pub fn make(&mut self, entity: &'static Entity, organization: Uuid, id: Uuid, given: &[(&str, Value)]) -> Result<Uuid, Failure> {
        let values = values_of(entity, given);
        let id = entity.id_of(&values).unwrap_or(id);
        self.insert_row(entity, organization, id, values, Edits::new())?;
        Ok(id)
    }

    /// `UPDATE` of one row by another program. False: there is none.
    ///
    /// # Errors
    /// What the database would refuse.
    pub fn change(&mut self, entity: &'static Entity, id: Uuid, given: &[(&str, Value)]) -> Result<bool, Failure> {
        let Some(row) = self.row(entity, id) else { return Ok(false) };
        let mut values = row.values.clone();
        for (name, value) in given {
            values[entity.column_index(name).expect("a column of the table")] = value.clone();
        }
        self.update_row(entity, id, values, row.edits.clone())?;
        Ok(true)
    }
}

impl Authority for Memory {
    type Writing = MemoryWriting;
    type Snapshot = MemorySnapshot;

    fn now_ms(&self) -> i64 {
        self.state().now_ms
    }

    fn page_rows_max(&self) -> usize {
        self.state().page_rows_max
    }

    async fn write(&self) -> Result<MemoryWriting, Failure> {
        Ok(MemoryWriting::begin(self.clone()))
    }

    async fn store_rights(&self, user: Uuid, scopes: &[String], rights_at: i64) -> Result<(), Failure> {
        let mut state = self.state();
        let now_ms = state.now_ms;
        if state.known_rights.get(&user).is_some_and(|(_, known_at)| *known_at > rights_at) {
            return Ok(());
        }
        let before = state.known_rights.insert(user, (scopes.to_vec(), rights_at)).map(|(before, _)| before).unwrap_or_default();
        let former = state.former_rights.entry(user).or_default();
        former.retain(|scope, _| !scopes.contains(scope));
        former.extend(before.into_iter().filter(|scope| !scopes.contains(scope)).map(|scope| (scope, now_ms)));
        Ok(())
    }

    async fn mark_losses_sent(&self, device: Uuid) -> Result<(), Failure> {
        let mut state = self.state();
        let now_ms = state.now_ms;
        if let Some(device) = state.devices.get_mut(&device) {
            device.losses_sent_ms = Some(now_ms);
        }
        Ok(())
    }

    async fn confirm_losses(&self, device: Uuid, sent_us: i64) -> Result<(), Failure> {
        if let Some(device) = self.state().devices.get_mut(&device)
            && device.losses_sent_ms == Some(sent_us / 1000)
        {
            device.losses_told_ms = device.losses_sent_ms.take();
        }
        Ok(())
    }

    /// Every row in memory can be sent, so a feed entry without a readable row is a bug.
    async fn withhold(&self, rows: &[FeedRowKey]) -> Result<Vec<(String, i64)>, Failure> {
        Err(Failure::broken(format!("feeds have entries for rows that do not exist: {rows:?}")))
    }

    async fn snapshot(&self) -> Result<MemorySnapshot, Failure> {
        Ok(MemorySnapshot::of(self.clone()))
    }
}
