//! One unlocked person: their open database, sync and downloads. Locking ends it; the data stays.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Mutex, broadcast};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use waystation_model::Code;

use crate::environment::Environment;
use crate::error::{ClientError, Result};
use crate::keys::{DeviceSecret, Keys, OpenKey};
use crate::media::MediaFolder;
use crate::media::downloads::Downloads;
use crate::records::undo::History;
use crate::store::{DatabaseKey, Owner, Store, Writer};
use crate::sync::automatic;
use crate::sync::engine::Engine;
use crate::sync::session::Session;
use crate::view_models::{Event, Person};

/// The database's file in a person's folder.
pub const STORE_FILE: &str = "store.db";

/// One unlocked person.
pub struct Unlocked {
    /// The owner of the database.
    pub owner: Owner,
    /// Their database.
    pub store: Store,
    /// Their sync.
    pub engine: Arc<Engine>,
    /// Their downloads.
    pub downloads: Arc<Downloads>,
    /// What they did to records and can take back until they lock.
    pub history: std::sync::Mutex<History>,
    guarded_by_keyring: AtomicBool,
    keys: Keys,
    key: DatabaseKey,
    stop: CancellationToken,
    tasks: Mutex<JoinSet<()>>,
    /// File lock, held while the database is open: a second process would give its changes the same numbers.
    _lock: File,
}

/// A person's opened data, before sync and downloads start.
pub struct Opened {
    /// Their folder.
    pub folder: PathBuf,
    /// The lock of that folder.
    pub lock: File,
    /// Their key file.
    pub keys: Keys,
    /// Their key.
    pub open: OpenKey,
    /// Their database.
    pub writer: Writer,
}

/// Takes the lock of a person's folder.
///
/// # Errors
/// `already_open` when another program holds it.
pub fn take_lock(folder: &Path) -> Result<File> {
    let path = folder.join("lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(ClientError::disk(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => {
            Err(ClientError::refused(Code::AlreadyOpen, "this person's data is open in another window of Waystation"))
        }
        Err(std::fs::TryLockError::Error(error)) => Err(ClientError::disk(&path)(error)),
    }
}

impl Unlocked {
    /// Starts sync and downloads for an open writer.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn start(
        opened: Opened,
        environment: &Environment,
        media: Arc<MediaFolder>,
        events: broadcast::Sender<Event>,
    ) -> Result<Arc<Unlocked>> {
        let Opened { folder, lock, keys, open, writer } = opened;
        let owner = writer.device().owner.clone();
        let key: DatabaseKey = open.key;
        let store = Store::start(&folder.join(STORE_FILE), &key, writer)?;
        let session = Session::open(store.clone(), environment.clone()).await?;
        let (wrapping, wrapped) = (keys.clone(), key.clone());
        let new_secret = Arc::new(move |device: &DeviceSecret| wrapping.replace_recovery(&wrapped, device));
        let engine = Arc::new(Engine::new(store.clone(), session, environment.clone(), folder.clone(), events.clone(), new_secret));
        let people = folder.parent().unwrap_or(&folder);
        let downloads = Downloads::open(media, people, engine.clone(), events).await?;
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        automatic::start(&engine, &stop, &mut tasks);
        let (fetching, stopped) = (downloads.clone(), stop.clone());
        tasks.spawn(async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                () = fetching.run() => {}
            }
        });
        Ok(Arc::new(Unlocked {
            owner,
            store,
            engine,
            downloads,
            history: std::sync::Mutex::default(),
            guarded_by_keyring: AtomicBool::new(open.guarded_by_keyring),
            keys,
            key,
            stop,
            tasks: Mutex::new(tasks),
            _lock: lock,
        }))
    }

    /// Ends sync and downloads.
    pub async fn stop(&self) {
        self.stop.cancel();
        let mut tasks = self.tasks.lock().await;
        while tasks.join_next().await.is_some() {}
    }

    /// Wraps the database's key with another password, which the server has accepted before.
    ///
    /// # Errors
    /// When the disk fails or the key file is damaged; then the former password still opens the data here.
    pub async fn change_password(&self, password: &str) -> Result<()> {
        let guarded = self.keys.change_password(&self.key, password).await?;
        self.guarded_by_keyring.store(guarded, Ordering::Relaxed);
        Ok(())
    }

    /// The person as the window shows them.
    pub fn person(&self) -> Person {
        Person {
            user_id: self.owner.user_id.to_string(),
            full_name: self.owner.full_name.clone(),
            user_name: self.owner.user_name.clone(),
            role: self.owner.role,
            organization_name: self.owner.organization_name.clone(),
            server: self.owner.server.clone(),
            signed_out: self.engine.session.ended(),
            guarded_by_keyring: self.guarded_by_keyring.load(Ordering::Relaxed),
        }
    }
}
