//! The tables, the ledgers, and how a transaction takes back what it did.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use sync_server::witness::Run;
use uuid::Uuid;
use waystation_model::chain::{CHAIN_START, CONTENT_HASH_BYTES, Chain};
use waystation_model::merge::Edits;
use waystation_model::registry::Entity;

use super::epoch::Place;
use waystation_model::wire::NumberedOutcome;

use super::feed::Feeds;

/// A row.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Whose it is.
    pub organization_id: Uuid,
    /// New with every change.
    pub stamp: i64,
    /// When it was made, in milliseconds.
    pub created_at: i64,
    /// When it was changed, in milliseconds.
    pub updated_at: i64,
    /// The registered columns.
    pub values: Vec<Value>,
    /// Who changed what.
    pub edits: Edits,
    /// `conflicts.lost_device`, which the registry does not know.
    pub lost_device: Option<Uuid>,
    /// `conflicts.lost_stood_from`, `lost_stood_upto` and `lost_stood_before`, likewise.
    pub stood: Vec<(i64, i64)>,
}

/// Who offers the same as another: the offer, the row's stamp in digits, and the person.
pub type Seconded = (Uuid, String, Uuid);

/// Rows of one table by id.
pub type Table = BTreeMap<Uuid, Arc<Row>>;

/// One remembered push.
#[derive(Debug, Clone)]
pub struct StoredPush {
    /// The number of its first mutation.
    pub first_n: i64,
    /// The number of its last.
    pub last_n: i64,
    /// Content hashes.
    pub hashes: Vec<[u8; CONTENT_HASH_BYTES]>,
    /// What is not plainly applied.
    pub outcomes: Vec<NumberedOutcome>,
}

/// What the server knows of one device's mutations.
#[derive(Debug, Clone)]
pub struct DeviceState {
    /// The last number.
    pub last_n: i64,
    /// The chain there.
    pub chain: Chain,
    /// Its mutations up to here are in a backup.
    pub backed_up_n: i64,
    /// The pushes whose outcomes the device may not have seen.
    pub pushes: Arc<Vec<StoredPush>>,
    /// When it was last told of something that is heard no more, in milliseconds, and has not shown that it knows.
    pub losses_sent_ms: Option<i64>,
    /// When it was last told of something that is heard no more, in milliseconds, and knows.
    pub losses_told_ms: Option<i64>,
}

impl Default for DeviceState {
    fn default() -> DeviceState {
        DeviceState { last_n: 0, chain: CHAIN_START, backed_up_n: 0, pushes: Arc::default(), losses_sent_ms: None, losses_told_ms: None }
    }
}

/// Everything that the database holds.
#[derive(Clone)]
pub struct State {
    /// The server's clock.
    pub now_ms: i64,
    /// Rows of one page.
    pub page_rows_max: usize,
    /// The server is gone after so many more steps of a transaction.
    pub steps_left: Option<u32>,
    /// Which epoch this is.
    pub epoch: i64,
    /// The PostgreSQL that holds the database. It is no part of the database.
    pub place: Place,
    /// The PostgreSQL that held it when the epoch was last compared.
    pub settled: Place,
    /// Every start of PostgreSQL, the newest last.
    pub runs: Vec<Run>,
    /// Where the log is: how many transactions were committed.
    pub lsn: i64,
    /// The last stamp given.
    pub last_stamp: i64,
    /// Stamps of lives that backups took the place of: after the first, up to the second.
    pub lost_lives: Vec<(i64, i64)>,
    /// By the tables' codes.
    pub tables: BTreeMap<i16, Table>,
    /// By device.
    pub devices: BTreeMap<Uuid, DeviceState>,
    /// What each person was last known to hear.
    pub known_rights: BTreeMap<Uuid, (Vec<String>, i64)>,
    /// What they lost, and when.
    pub former_rights: BTreeMap<Uuid, BTreeMap<String, i64>>,
    /// Who was counted for which state of an offered row.
    pub seconded: BTreeSet<Seconded>,
    /// Rows that went with their parent.
    pub went_with_parent: BTreeSet<Uuid>,
    /// Heads and feeds.
    pub feeds: Feeds,
}

impl State {
    /// Nothing, at this moment.
    pub fn new(now_ms: i64) -> State {
        let epoch = now_ms / 1000;
        State {
            now_ms,
            page_rows_max: waystation_model::limits::PAGE_ROWS_MAX,
            steps_left: None,
            epoch,
            place: Place::default(),
            settled: Place::default(),
            runs: vec![Run { epoch, started_us: 0, first_lsn: 0, first_stamp: epoch << 30, upto_stamp: epoch << 30 }],
            lsn: 0,
            last_stamp: epoch << 30,
            lost_lives: Vec::new(),
            tables: BTreeMap::new(),
            devices: BTreeMap::new(),
            known_rights: BTreeMap::new(),
            former_rights: BTreeMap::new(),
            seconded: BTreeSet::new(),
            went_with_parent: BTreeSet::new(),
            feeds: Feeds::default(),
        }
    }

    /// The rows of a table.
    pub fn rows(&self, entity: &Entity) -> impl Iterator<Item = (&Uuid, &Arc<Row>)> {
        self.tables.get(&entity.code).into_iter().flatten()
    }

    /// One row.
    pub fn row(&self, entity: &Entity, id: &Uuid) -> Option<&Arc<Row>> {
        self.tables.get(&entity.code)?.get(id)
    }

    /// Puts or removes a row and returns what was there.
    pub fn replace(&mut self, code: i16, id: Uuid, row: Option<Arc<Row>>) -> Option<Arc<Row>> {
        let table = self.tables.entry(code).or_default();
        match row {
            Some(row) => table.insert(id, row),
            None => table.remove(&id),
        }
    }
}

/// How to take one step back.
pub enum Undo {
    /// The row as it was.
    Row(i16, Uuid, Option<Arc<Row>>),
    /// The ledger as it was.
    Device(Uuid, Option<DeviceState>),
    /// This person was not counted.
    Seconded(Seconded),
}

impl Undo {
    /// Takes it back.
    pub fn take_back(self, state: &mut State) {
        match self {
            Undo::Row(code, id, row) => {
                state.replace(code, id, row);
            }
            Undo::Device(id, Some(device)) => {
                state.devices.insert(id, device);
            }
            Undo::Seconded(seconded) => {
                state.seconded.remove(&seconded);
            }
            Undo::Device(id, None) => {
                state.devices.remove(&id);
            }
        }
    }
}

/// A column's value by its name.
pub fn value<'v>(entity: &Entity, values: &'v [Value], name: &str) -> &'v Value {
    &values[entity.column_index(name).expect("a column of the table")]
}

/// An id column's value by its name.
pub fn id_in(entity: &Entity, values: &[Value], name: &str) -> Option<Uuid> {
    value(entity, values, name).as_str().and_then(|text| Uuid::parse_str(text).ok())
}

/// Sets a column by its name.
pub fn set(entity: &Entity, values: &mut [Value], name: &str, new: impl Into<Value>) {
    values[entity.column_index(name).expect("a column of the table")] = new.into();
}
