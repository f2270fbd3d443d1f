//! One person's encrypted database: one connection that writes, one that reads, each on its own thread.
//!
//! Everything inside is synchronous and takes the time as an argument, so the simulator can drive [`edit`], [`outbox`] and
//! [`apply`] directly on a connection.

pub mod apply;
pub mod attention;
pub mod audit;
pub mod cell;
pub mod conflicts;
pub mod device;
pub mod digest;
pub mod edit;
pub mod follows;
pub mod held;
pub mod letters;
pub mod lost;
mod numbering;
pub mod open;
pub mod outbox;
pub mod overlay;
pub mod page;
mod plan;
pub mod rows;
mod rules;
pub mod scopes;
pub mod slices;
pub mod value;
mod whole;
pub mod withheld;
mod worker;

use std::cell::RefCell;
use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};
use uuid::Uuid;

pub use device::{Device, Owner};
pub use edit::Edit;
pub use open::DatabaseKey;
pub use worker::Worker;

use crate::error::{ClientError, Result};

/// The connection that writes, with the cached device row.
pub struct Writer {
    connection: Connection,
    device: Device,
    /// Whether every commit is synced to the disk (`synchronous = FULL`).
    full: bool,
    /// Cached cursors, and the connection's `total_changes` when they were read, so that a laptop with thousands of scopes does
    /// not read and hash them for every request.
    reached: RefCell<Option<(u64, scopes::Reached)>>,
    /// SQLite's `data_version`, which changes when another connection has written.
    written_by_others: i64,
}

impl Writer {
    /// Opens a database that has an owner.
    ///
    /// # Errors
    /// `store_damaged` when there is no owner yet.
    pub fn open(path: &Path, key: &DatabaseKey) -> Result<Writer> {
        let connection = open::open_writer(path, key)?;
        scopes::reread_newly_known_scopes(&connection)?;
        let device = device::load(&connection)?.ok_or_else(|| ClientError::Damaged("the database has no owner".into()))?;
        Writer::new(connection, device)
    }

    /// Opens the database, creating it when there is none, and writes its owner.
    ///
    /// # Errors
    /// When the database belongs to another person, or fails.
    pub fn open_for(path: &Path, key: &DatabaseKey, device_id: Uuid, owner: &Owner) -> Result<Writer> {
        let connection = open::open_writer(path, key)?;
        scopes::reread_newly_known_scopes(&connection)?;
        let device = device::store_owner(&connection, device_id, owner)?;
        Writer::new(connection, device)
    }

    fn new(connection: Connection, device: Device) -> Result<Writer> {
        let written_by_others = data_version(&connection)?;
        Ok(Writer { connection, device, full: true, reached: RefCell::default(), written_by_others })
    }

    /// Whether another connection has written to the database since the last call. Normally none does.
    ///
    /// # Errors
    /// When the database fails.
    pub fn was_written_by_others(&mut self) -> Result<bool> {
        let found = data_version(&self.connection)?;
        let wrote = std::mem::replace(&mut self.written_by_others, found) != found;
        if wrote {
            *self.reached.get_mut() = None;
        }
        Ok(wrote)
    }

    /// The cursors of all scopes, with their digest.
    ///
    /// # Errors
    /// When the database fails.
    pub fn reached(&self) -> Result<scopes::Reached> {
        let written = self.connection.total_changes();
        if let Some((at, reached)) = &*self.reached.borrow()
            && *at == written
        {
            return Ok(reached.clone());
        }
        let reached = scopes::Reached::read(&self.connection)?;
        *self.reached.borrow_mut() = Some((written, reached.clone()));
        Ok(reached)
    }

    /// [`Writer::relaxed_transaction`] for work that changes no scope, so that the cached cursors stay valid.
    ///
    /// # Errors
    /// Those of `work`; nothing is changed then.
    pub fn noted<R>(&mut self, work: impl FnOnce(&Connection, &mut Device) -> Result<R>) -> Result<R> {
        let written = self.connection.total_changes();
        let result = self.relaxed_transaction(work)?;
        if let Some((at, _)) = self.reached.get_mut()
            && *at == written
        {
            *at = self.connection.total_changes();
        }
        Ok(result)
    }

    /// Updates the cached cursors from applied pages: thousands of scopes need not be read again when one has moved. `written`
    /// is the connection's `total_changes` before the pages were applied.
    pub fn advance_reached<'p>(&mut self, written: u64, pages: impl Iterator<Item = &'p page::Outline>) {
        if let Some((at, reached)) = self.reached.get_mut()
            && *at == written
            && !reached.rereading
        {
            pages.for_each(|page| reached.pass(page));
            *at = self.connection.total_changes();
            debug_assert_eq!(Some(&*reached), scopes::Reached::read(&self.connection).ok().as_ref());
        }
    }

    /// The device's current state.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The connection, for reads.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Runs a transaction that is synced to the disk when it returns: for a person's changes.
    ///
    /// # Errors
    /// Those of `work`; nothing is changed then.
    pub fn durable_transaction<R>(&mut self, work: impl FnOnce(&Connection, &mut Device) -> Result<R>) -> Result<R> {
        self.transaction(true, work)
    }

    /// Runs a transaction that a crash may undo: for data that the server will send again.
    ///
    /// # Errors
    /// Those of `work`; nothing is changed then.
    pub fn relaxed_transaction<R>(&mut self, work: impl FnOnce(&Connection, &mut Device) -> Result<R>) -> Result<R> {
        self.transaction(false, work)
    }

    fn transaction<R>(&mut self, full: bool, work: impl FnOnce(&Connection, &mut Device) -> Result<R>) -> Result<R> {
        if self.full != full {
            self.connection.pragma_update(None, "synchronous", if full { "FULL" } else { "NORMAL" })?;
            self.full = full;
        }
        // The cached device changes only when the transaction is committed.
        let mut device = self.device.clone();
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let result = work(&transaction, &mut device)?;
        transaction.commit()?;
        self.device = device;
        Ok(result)
    }

    /// Makes changes in one transaction.
    ///
    /// # Errors
    /// The first refusal.
    pub fn edit(&mut self, now_ms: i64, edits: &[Edit]) -> Result<Vec<i64>> {
        self.durable_transaction(|connection, device| edits.iter().map(|edit| edit::make(connection, device, now_ms, edit)).collect())
    }
}

fn data_version(connection: &Connection) -> Result<i64> {
    Ok(connection.pragma_query_value(None, "data_version", |row| row.get(0))?)
}

/// An open database.
#[derive(Clone)]
pub struct Store {
    writer: Worker<Writer>,
    reader: Worker<Connection>,
}

impl Store {
    /// Starts the two threads around an open writer.
    ///
    /// # Errors
    /// When the database cannot be opened a second time, or a thread cannot be started.
    pub fn start(path: &Path, key: &DatabaseKey, writer: Writer) -> Result<Store> {
        let reader = open::open_reader(path, key)?;
        Ok(Store { writer: Worker::start("store-writer", writer)?, reader: Worker::start("store-reader", reader)? })
    }

    /// Reads from one snapshot.
    ///
    /// # Errors
    /// Those of `work`.
    pub async fn read<R: Send + 'static>(&self, work: impl FnOnce(&Connection) -> Result<R> + Send + 'static) -> Result<R> {
        self.reader
            .call(move |connection| {
                let transaction = connection.transaction()?;
                let result = work(&transaction)?;
                transaction.commit()?;
                Ok(result)
            })
            .await
    }

    /// Runs `work` on the writer's thread.
    ///
    /// # Errors
    /// Those of `work`.
    pub async fn write<R: Send + 'static>(&self, work: impl FnOnce(&mut Writer) -> Result<R> + Send + 'static) -> Result<R> {
        self.writer.call(work).await
    }

    /// Closes the database after all earlier jobs. Closing the last connection checkpoints the write-ahead log.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }

    /// The device's current state.
    ///
    /// # Errors
    /// When the database is closed or the thread has ended.
    pub async fn device(&self) -> Result<Device> {
        self.write(|writer| Ok(writer.device().clone())).await
    }
}
