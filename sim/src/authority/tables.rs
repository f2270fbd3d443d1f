//! The tables and ledgers, and the undo journal of a transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use sync_server::witness::Run;
use uuid::Uuid;
use waystation_model::chain::{CHAIN_START, CONTENT_HASH_BYTES, Chain};
use waystation_model::merge::Edits;
use waystation_model::registry::Entity;

use super::epoch::Postgres;
use waystation_model::wire::NumberedOutcome;

use super::feed::Feeds;

/// A stored row.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its organization.
    pub organization_id: Uuid,
    /// New with every change.
    pub stamp: i64,
    /// When it was created, in milliseconds.
    pub created_at: i64,
    /// When it was changed, in milliseconds.
    pub updated_at: i64,
    /// Values of the registered columns, in order.
    pub values: Vec<Value>,
    /// The last edit of each tracked group.
    pub edits: Edits,
    /// `conflicts.lost_device`, which is not a registered column.
    pub lost_device: Option<Uuid>,
    /// `conflicts.lost_stood_from`, `lost_stood_upto` and `lost_stood_before`, likewise.
    pub stood: Vec<(i64, i64)>,
}

/// A person who offers the same state as another: the offer, the row's stamp as text, and the person.
pub type Seconded = (Uuid, String, Uuid);

/// Rows of one table by id.
pub type Table = BTreeMap<Uuid, Arc<Row>>;

/// One push in a ledger.
#[derive(Debug, Clone)]
pub struct StoredPush {
    /// The number of its first mutation.
    pub first_n: i64,
    /// The number of its last.
    pub last_n: i64,
    /// Content hashes of its mutations.
    pub hashes: Vec<[u8; CONTENT_HASH_BYTES]>,
    /// All outcomes but `applied`.
    pub outcomes: Vec<NumberedOutcome>,
}

/// The ledger of one device's mutations.
#[derive(Debug, Clone)]
pub struct DeviceState {
    /// The number of the last mutation.
    pub last_n: i64,
    /// The chain there.
    pub chain: Chain,
    /// Its mutations up to here are in a backup.
    pub backed_up_n: i64,
    /// The pushes whose outcomes the device may not have seen.
    pub pushes: Arc<Vec<StoredPush>>,
    /// When it was last told of the end of a subscription, in milliseconds, if it has not confirmed that yet.
    pub losses_sent_ms: Option<i64>,
    /// When it was last told of the end of a subscription, in milliseconds, and confirmed it.
    pub losses_told_ms: Option<i64>,
}

impl Default for DeviceState {
    fn default() -> DeviceState {
        DeviceState { last_n: 0, chain: CHAIN_START, backed_up_n: 0, pushes: Arc::default(), losses_sent_ms: None, losses_told_ms: None }
    }
}

/// The whole content of the database.
#[derive(Clone)]
pub struct State {
    /// The server's clock.
    pub now_ms: i64,
    /// Maximum number of rows in one page.
    pub page_rows_max: usize,
    /// The server crashes after this number of further steps of a transaction.
    pub steps_left: Option<u32>,
    /// The current epoch.
    pub epoch: i64,
    /// The PostgreSQL that runs the database. It is not part of the stored state.
    pub postgres: Postgres,
    /// The PostgreSQL that ran the database when the epoch was last compared.
    pub compared: Postgres,
    /// Every start of PostgreSQL, the newest last.
    pub runs: Vec<Run>,
    /// The position in the write-ahead log: the number of committed transactions.
    pub lsn: i64,
    /// The last stamp given.
    pub last_stamp: i64,
    /// Ranges of stamps that were lost with earlier epochs: above the first, up to the second.
    pub lost_stamps: Vec<(i64, i64)>,
    /// Tables by code.
    pub tables: BTreeMap<i16, Table>,
    /// Ledgers by device.
    pub devices: BTreeMap<Uuid, DeviceState>,
    /// Each user's last computed scopes, and when they were computed.
    pub known_rights: BTreeMap<Uuid, (Vec<String>, i64)>,
    /// Each user's former scopes, and when they lost them.
    pub former_rights: BTreeMap<Uuid, BTreeMap<String, i64>>,
    /// People counted as seconders of an offered row's state.
    pub seconded: BTreeSet<Seconded>,
    /// Rows that a parent's cascade deleted.
    pub cascaded: BTreeSet<Uuid>,
    /// References, by row and column, that were emptied because the row that they named was deleted.
    pub emptied: BTreeSet<(Uuid, &'static str)>,
    /// Heads and feeds.
    pub feeds: Feeds,
}

impl State {
    /// An empty database at this time.
    pub fn new(now_ms: i64) -> State {
        let epoch = now_ms / 1000;
        State {
            now_ms,
            page_rows_max: waystation_model::limits::PAGE_ROWS_MAX,
            steps_left: None,
            epoch,
            postgres: Postgres::default(),
            compared: Postgres::default(),
            runs: vec![Run { epoch, started_us: 0, first_lsn: 0, first_stamp: epoch << 30, upto_stamp: epoch << 30 }],
            lsn: 0,
            last_stamp: epoch << 30,
            lost_stamps: Vec::new(),
            tables: BTreeMap::new(),
            devices: BTreeMap::new(),
            known_rights: BTreeMap::new(),
            former_rights: BTreeMap::new(),
            seconded: BTreeSet::new(),
            cascaded: BTreeSet::new(),
            emptied: BTreeSet::new(),
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

    /// Stores or removes a row, and returns the previous one.
    pub fn replace(&mut self, code: i16, id: Uuid, row: Option<Arc<Row>>) -> Option<Arc<Row>> {
        let table = self.tables.entry(code).or_default();
        match row {
            Some(row) => table.insert(id, row),
            None => table.remove(&id),
        }
    }
}

/// One entry of the undo journal.
pub enum Undo {
    /// The previous row.
    Row(i16, Uuid, Option<Arc<Row>>),
    /// The previous ledger.
    Device(Uuid, Option<DeviceState>),
    /// A seconder who was not counted before.
    Seconded(Seconded),
}

impl Undo {
    /// Undoes the step.
    pub fn undo(self, state: &mut State) {
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
