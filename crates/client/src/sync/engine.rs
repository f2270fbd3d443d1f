//! Sync of one unlocked person: push and pull, which run independently of each other.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, broadcast};
use uuid::Uuid;
use waystation_model::Code;

use super::session::{self, Session, Tokens};
use super::status::{self, Exchange, Network};
use crate::environment::Environment;
use crate::error::{ClientError, Result};
use crate::keys::DeviceSecret;
use crate::store::{Store, outbox};
use crate::view_models::{Event, SyncStatus};

/// With fewer free bytes the disk counts as nearly full.
pub const DISK_LOW_BYTES: u64 = 512 * 1024 * 1024;

/// Wraps the database's key with the secret of a new device.
pub type NewSecret = Arc<dyn Fn(&DeviceSecret) -> Result<()> + Send + Sync>;

/// Sync of one unlocked person.
pub struct Engine {
    /// Their database.
    pub store: Store,
    /// Their session.
    pub session: Arc<Session>,
    /// Clock, randomness and disk.
    pub environment: Environment,
    /// The data folder, on the disk whose free space is checked.
    pub folder: std::path::PathBuf,
    pub(super) network: Mutex<Network>,
    events: broadcast::Sender<Event>,
    last_emitted: Mutex<Option<SyncStatus>>,
    new_secret: NewSecret,
    /// Whether a scope may be damaged. True after a start, because the last run's state is not known.
    pub(super) maybe_damaged: AtomicBool,
    /// One push at a time.
    pub(super) push_gate: tokio::sync::Mutex<()>,
    /// One pull at a time.
    pub(super) pull_gate: tokio::sync::Mutex<()>,
    /// One new device at a time.
    device_gate: tokio::sync::Mutex<()>,
    /// Signals that changes wait to be sent.
    pub wake_push: Notify,
    /// Signals that the server has something new.
    pub wake_pull: Notify,
    /// Signals that the server is reachable again.
    pub back_online: Notify,
    /// Signals that the chip's state may have changed.
    pub status_changed: Notify,
}

/// Work that the chip shows as busy until this is dropped.
pub(super) struct Busy<'e>(&'e Engine);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.network().busy -= 1;
    }
}

impl Engine {
    /// An engine whose loops are not started.
    pub fn new(
        store: Store,
        session: Arc<Session>,
        environment: Environment,
        folder: std::path::PathBuf,
        events: broadcast::Sender<Event>,
        new_secret: NewSecret,
    ) -> Engine {
        Engine {
            store,
            session,
            environment,
            folder,
            network: Mutex::default(),
            events,
            last_emitted: Mutex::default(),
            new_secret,
            maybe_damaged: AtomicBool::new(true),
            push_gate: tokio::sync::Mutex::default(),
            pull_gate: tokio::sync::Mutex::default(),
            device_gate: tokio::sync::Mutex::default(),
            wake_push: Notify::new(),
            wake_pull: Notify::new(),
            back_online: Notify::new(),
            status_changed: Notify::new(),
        }
    }

    pub(super) fn network(&self) -> MutexGuard<'_, Network> {
        self.network.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn busy(&self) -> Busy<'_> {
        self.network().busy += 1;
        let busy = Busy(self);
        self.emit_status().await;
        busy
    }

    /// The chip's state.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn status(&self) -> Result<SyncStatus> {
        // The writer's connection has the recently written pages in its cache; the reader's would have to decrypt them again.
        let (counts, device) = self.store.write(|writer| Ok((status::counts(writer)?, writer.device().clone()))).await?;
        let disk_low = self.environment.disk.free_bytes(&self.folder).is_some_and(|free| free < DISK_LOW_BYTES);
        Ok(status::status(&self.network(), counts, &device, self.session.ended(), disk_low))
    }

    /// Sends the chip's state to the window when it differs from the last one sent.
    pub async fn emit_status(&self) {
        let Ok(status) = self.status().await else { return };
        let mut last = self.last_emitted.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref() != Some(&status) {
            *last = Some(status.clone());
            // A send without a subscriber is no failure.
            let _ = self.events.send(Event::Sync { status });
        }
    }

    /// Sends the window an event that rows of these tables changed.
    pub fn emit_changed(&self, entities: &BTreeSet<&'static str>) {
        if !entities.is_empty() {
            let _ = self.events.send(Event::Changed { entities: entities.iter().map(|name| (*name).to_owned()).collect() });
        }
    }

    /// Pushes and pulls now. Their failures are part of the returned state.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sync_now(&self) -> Result<SyncStatus> {
        let pushed = self.push_all().await;
        let pulled = if matches!(&pushed, Ok(sent) if *sent > 0) { Ok(()) } else { self.pull_all(true).await };
        if pushed.is_ok() && pulled.is_ok() {
            self.back_online.notify_waiters();
        }
        self.emit_status().await;
        self.status().await
    }

    /// Registers a new device for this database, because it is a copy of another laptop's, before anything is sent.
    /// `expected_id` is the device when the copy was noticed.
    pub(super) async fn become_new_device(&self, expected_id: Uuid) -> Result<()> {
        let _gate = self.device_gate.lock().await;
        if self.store.device().await?.device_id != expected_id {
            // The other exchange noticed the copy as well and has already registered a new device.
            return Ok(());
        }
        tracing::warn!("this database is a copy of another laptop's; it gets a device of its own");
        let device = self.session.with_token(|link, token| async move { link.new_device(&token).await }).await?;
        // First the key file, then the database: after a crash between the two, the next sign-in uses the key file's device.
        (self.new_secret)(&DeviceSecret { device_id: device.device_id, secret: device.recovery_secret })?;
        let id: Uuid = device.device_id;
        let tokens =
            Tokens { access_token: device.access_token, access_expires_at: device.access_expires_at, refresh_token: device.refresh_token };
        let stored = tokens.clone();
        self.store
            .write(move |writer| {
                writer.durable_transaction(|connection, device| {
                    session::save(connection, &stored)?;
                    outbox::become_device(connection, device, id)
                })
            })
            .await?;
        self.session.replace(tokens).await;
        Ok(())
    }

    pub(super) fn note<R>(&self, exchange: Exchange, result: &Result<R>) {
        let was_online = self.network().online;
        self.network().note(exchange, result);
        let ended = matches!(result, Err(ClientError::Refused(problem)) if problem.code == Code::SessionEnded);
        if let Err(error) = result
            && !ended
            && error.code() != Code::Offline
        {
            tracing::warn!(%error, "an exchange failed");
        }
        if !was_online && result.is_ok() {
            self.back_online.notify_waiters();
        }
    }
}
