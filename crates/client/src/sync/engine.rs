//! Sync of one unlocked person: an exchange up and an exchange down, each on its own, neither waiting for the other.

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
use crate::views::{Event, SyncStatus};

/// Below this the disk counts as nearly full.
pub const DISK_LOW_BYTES: u64 = 512 * 1024 * 1024;

/// Called with a new device, to wrap the database's key with its secret.
pub type NewSecret = Arc<dyn Fn(&DeviceSecret) -> Result<()> + Send + Sync>;

/// Sync of one unlocked person.
pub struct Engine {
    /// Their database.
    pub store: Store,
    /// Their session.
    pub session: Arc<Session>,
    /// Clock, randomness and disk.
    pub environment: Environment,
    /// The folder whose disk has to have room.
    pub folder: std::path::PathBuf,
    pub(super) network: Mutex<Network>,
    events: broadcast::Sender<Event>,
    last_told: Mutex<Option<SyncStatus>>,
    new_secret: NewSecret,
    /// Whether a scope may be damaged. After a start nobody knows.
    pub(super) damage_known: AtomicBool,
    /// One push at a time.
    pub(super) push_gate: tokio::sync::Mutex<()>,
    /// One pull at a time.
    pub(super) pull_gate: tokio::sync::Mutex<()>,
    /// One new device at a time.
    device_gate: tokio::sync::Mutex<()>,
    /// Something waits to be sent.
    pub wake_push: Notify,
    /// Something new is at the server.
    pub wake_pull: Notify,
    /// The server is reachable again.
    pub back_online: Notify,
    /// The chip's state may be another one.
    pub status_moved: Notify,
}

/// Work that the chip shows as busy until this is dropped.
pub(super) struct Busy<'e>(&'e Engine);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.network().busy -= 1;
    }
}

impl Engine {
    /// An engine at rest.
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
            last_told: Mutex::default(),
            new_secret,
            damage_known: AtomicBool::new(true),
            push_gate: tokio::sync::Mutex::default(),
            pull_gate: tokio::sync::Mutex::default(),
            device_gate: tokio::sync::Mutex::default(),
            wake_push: Notify::new(),
            wake_pull: Notify::new(),
            back_online: Notify::new(),
            status_moved: Notify::new(),
        }
    }

    pub(super) fn network(&self) -> MutexGuard<'_, Network> {
        self.network.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn busy(&self) -> Busy<'_> {
        self.network().busy += 1;
        let busy = Busy(self);
        self.tell_status().await;
        busy
    }

    /// The chip's state.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn status(&self) -> Result<SyncStatus> {
        // From the connection that writes: another one would have to decrypt again whatever was written since.
        let (counts, device) = self.store.write(|writer| Ok((status::counts(writer)?, writer.device().clone()))).await?;
        let disk_low = self.environment.disk.free_bytes(&self.folder).is_some_and(|free| free < DISK_LOW_BYTES);
        Ok(status::status(&self.network(), counts, &device, self.session.ended(), disk_low))
    }

    /// Tells the window the chip's state, when it is another one than the last.
    pub async fn tell_status(&self) {
        let Ok(status) = self.status().await else { return };
        let mut last = self.last_told.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref() != Some(&status) {
            *last = Some(status.clone());
            // Nobody listening is no failure.
            let _ = self.events.send(Event::Sync { status });
        }
    }

    /// Tells the window that rows of these tables changed.
    pub fn tell_changed(&self, entities: &BTreeSet<&'static str>) {
        if !entities.is_empty() {
            let _ = self.events.send(Event::Changed { entities: entities.iter().map(|name| (*name).to_owned()).collect() });
        }
    }

    /// Both exchanges, now. The state afterwards says how they went.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sync_now(&self) -> Result<SyncStatus> {
        let pushed = self.push_all().await;
        let pulled = if matches!(&pushed, Ok(sent) if *sent > 0) { Ok(()) } else { self.pull_all(true).await };
        if pushed.is_ok() && pulled.is_ok() {
            self.back_online.notify_waiters();
        }
        self.tell_status().await;
        self.status().await
    }

    /// This database is a copy of another one's: it becomes a device of its own before anything is sent.
    pub(super) async fn become_new_device(&self, known_as: Uuid) -> Result<()> {
        let _gate = self.device_gate.lock().await;
        if self.store.device().await?.device_id != known_as {
            // The other exchange has found out too, and was first.
            return Ok(());
        }
        tracing::warn!("this database is a copy of another laptop's; it becomes a device of its own");
        let device = self.session.with_token(|link, token| async move { link.new_device(&token).await }).await?;
        // First the key, then the number: after a crash between, the next sign-in names the device that the key file names.
        (self.new_secret)(&DeviceSecret { device_id: device.device_id, secret: device.recovery_secret })?;
        let id: Uuid = device.device_id;
        let tokens =
            Tokens { access_token: device.access_token, access_expires_at: device.access_expires_at, refresh_token: device.refresh_token };
        let stored = tokens.clone();
        self.store
            .write(move |writer| {
                writer.person(|connection, device| {
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
