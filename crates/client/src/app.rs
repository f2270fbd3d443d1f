//! The app without a window: people, store, sync, downloads, and what every command has in common. The commands
//! themselves are in [`crate::screens`].
//!
//! ```no_run
//! # async fn example() -> Result<(), waystation_model::Problem> {
//! use waystation_client::{app::{App, Config}, commands, environment::Environment};
//! let app = App::new(Config::new("/home/somebody/.local/share/waystation"), Environment::system()).await?;
//! let mut events = app.events();
//! let start = commands::call(&app, "start", serde_json::json!({})).await?;
//! app.shutdown().await;
//! # Ok(()) }
//! ```

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rusqlite::Connection;
use tokio::sync::{Mutex, Notify, OnceCell, broadcast};
use waystation_model::{Code, Problem, registry};

use crate::environment::Environment;
use crate::error::{ClientError, Result};
use crate::media::MediaFolder;
use crate::media::server::{MediaServer, MediaTypeOf};
use crate::people::{self, People};
use crate::screens::Snapshot;
use crate::store::{Edit, Writer};
use crate::unlocked::Unlocked;
use crate::view_models::{DemonstrationPerson, Event};

/// Events that a slow window may lag behind before it misses some.
const EVENTS_BUFFERED_MAX: usize = 1_024;

/// Where the app's data is stored, and what its sign-in form offers.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folder of this laptop's data.
    pub data_dir: PathBuf,
    /// The server to offer in the sign-in form.
    pub default_server: String,
    /// Demonstration users that the sign-in screen lists.
    pub demonstration: Vec<DemonstrationPerson>,
    /// Where exported lists go; none: into a private folder beside the person's data.
    pub exports_dir: Option<PathBuf>,
}

impl Config {
    /// Data in this folder; no default server and no demonstration users.
    pub fn new(data_dir: impl Into<PathBuf>) -> Config {
        Config { data_dir: data_dir.into(), default_server: String::new(), demonstration: Vec::new(), exports_dir: None }
    }

    /// Like [`Config::new`], with two environment variables: `WAYSTATION_SERVER` is an address, `WAYSTATION_DEMONSTRATION`
    /// the path of a JSON file with people.
    pub fn from_environment_variables(data_dir: impl Into<PathBuf>) -> Config {
        let variable = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        Config {
            data_dir: data_dir.into(),
            default_server: variable("WAYSTATION_SERVER").unwrap_or_default(),
            demonstration: variable("WAYSTATION_DEMONSTRATION")
                .map(|path| people::demonstration_people(Path::new(&path)))
                .unwrap_or_default(),
            exports_dir: None,
        }
    }
}

/// The app without a window. Cheap to clone; every clone is the same app.
#[derive(Clone)]
pub struct App {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub config: Config,
    pub environment: Environment,
    pub people: People,
    pub media: Arc<MediaFolder>,
    pub events: broadcast::Sender<Event>,
    pub keyring: OnceCell<bool>,
    unlocked: Arc<RwLock<Option<Arc<Unlocked>>>>,
    /// Held while a person is unlocked, locked or signed in: one at a time.
    pub people_gate: Mutex<()>,
    /// Told when the person does not want to wait for the server any longer.
    pub sign_in_cancelled: Notify,
    pub media_server: MediaServer,
}

impl App {
    /// Opens the data folder. No person is unlocked yet. Must run inside a Tokio runtime.
    ///
    /// # Errors
    /// `disk_failed` or `disk_full`.
    pub async fn new(config: Config, environment: Environment) -> Result<App, Problem> {
        make_private_folder(&config.data_dir)?;
        let media = Arc::new(MediaFolder::open(&config.data_dir.join("media"))?);
        let unlocked: Arc<RwLock<Option<Arc<Unlocked>>>> = Arc::default();
        let media_server = MediaServer::start(media.clone(), &environment, media_type_of(unlocked.clone())).await?;
        let (events, _) = broadcast::channel(EVENTS_BUFFERED_MAX);
        Ok(App {
            inner: Arc::new(Inner {
                people: People::in_folder(&config.data_dir),
                config,
                environment,
                media,
                events,
                keyring: OnceCell::new(),
                unlocked,
                people_gate: Mutex::default(),
                sign_in_cancelled: Notify::new(),
                media_server,
            }),
        })
    }

    /// Subscribes to the events that the app sends to the window.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.inner.events.subscribe()
    }

    /// Events that replace every event which a slow window may have missed.
    pub async fn catch_up_events(&self) -> Vec<Event> {
        let entities = registry::all().iter().map(|entity| entity.name.to_owned()).collect();
        let mut events = vec![Event::People, Event::Changed { entities }];
        if let Ok(unlocked) = self.unlocked() {
            events.extend(unlocked.engine.status().await.ok().map(|status| Event::Sync { status }));
            events.extend(unlocked.downloads.view().await.ok().map(|downloads| Event::Downloads { downloads }));
        }
        events
    }

    /// Stops sync and downloads and closes the database. Every change is on the disk before its command answers, so nothing
    /// is lost without this call.
    pub async fn shutdown(&self) {
        let _gate = self.inner.people_gate.lock().await;
        self.close_unlocked().await;
    }

    /// The unlocked person's database, for tests that inspect or damage it.
    ///
    /// # Errors
    /// `locked`.
    pub fn store(&self) -> Result<crate::store::Store> {
        Ok(self.unlocked()?.engine.store.clone())
    }

    /// Runs the daily audit of the unlocked person's database now. Returns the scopes that were damaged and have been
    /// repaired; none when a write interrupted the audit.
    ///
    /// # Errors
    /// `locked`, and those of a pull.
    pub async fn audit(&self) -> Result<Option<Vec<String>>> {
        let engine = self.unlocked()?.engine.clone();
        engine.audit().await
    }

    /// The unlocked person.
    ///
    /// # Errors
    /// `locked`.
    pub(crate) fn unlocked(&self) -> Result<Arc<Unlocked>> {
        self.inner
            .unlocked
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
            .ok_or_else(|| ClientError::refused(Code::Locked, "no person is unlocked"))
    }

    pub(crate) fn set_unlocked(&self, unlocked: Option<Arc<Unlocked>>) -> Option<Arc<Unlocked>> {
        let mut present = self.inner.unlocked.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *present, unlocked)
    }

    /// Runs `work` on one snapshot of the database.
    pub(crate) async fn read<R: Send + 'static>(&self, work: impl FnOnce(&Snapshot<'_>) -> Result<R> + Send + 'static) -> Result<R> {
        let unlocked = self.unlocked()?;
        let context = JobContext { inner: self.inner.clone(), unlocked: unlocked.clone() };
        unlocked.store.read(move |connection| work(&context.snapshot(connection))).await
    }

    /// Makes changes in one transaction, sends the events to the window and wakes the push.
    pub(crate) async fn edit(&self, edits: Vec<Edit>) -> Result<()> {
        self.edit_with(move |_, _| Ok(edits)).await
    }

    /// Makes the changes that `plan` returns, in the same transaction that `plan` reads from.
    pub(crate) async fn edit_with(
        &self,
        plan: impl FnOnce(&Connection, &crate::store::Device) -> Result<Vec<Edit>> + Send + 'static,
    ) -> Result<()> {
        self.edit_and_read(plan, |_| Ok(())).await
    }

    /// Like [`App::edit_with`], and then reads what the screen shows. The read uses the writer's connection, because its cache
    /// already holds the pages.
    pub(crate) async fn edit_and_read<R: Send + 'static>(
        &self,
        plan: impl FnOnce(&Connection, &crate::store::Device) -> Result<Vec<Edit>> + Send + 'static,
        read: impl FnOnce(&Snapshot<'_>) -> Result<R> + Send + 'static,
    ) -> Result<R> {
        let unlocked = self.unlocked()?;
        let now_ms = self.inner.environment.clock.now_ms();
        let context = JobContext { inner: self.inner.clone(), unlocked: unlocked.clone() };
        let (changed, answer) = unlocked
            .store
            .write(move |writer| {
                let changed = make(writer, now_ms, plan)?;
                Ok((changed, read(&context.snapshot(writer.connection()))))
            })
            .await?;
        unlocked.engine.emit_changed(&changed);
        unlocked.engine.wake_push.notify_one();
        unlocked.engine.status_changed.notify_one();
        answer
    }
}

/// What a job on the database's thread needs to build a [`Snapshot`].
struct JobContext {
    inner: Arc<Inner>,
    unlocked: Arc<Unlocked>,
}

impl JobContext {
    fn snapshot<'d>(&'d self, connection: &'d Connection) -> Snapshot<'d> {
        Snapshot {
            connection,
            owner: &self.unlocked.owner,
            media_address: self.inner.media_server.address(),
            downloads: &self.unlocked.downloads,
            clock: self.inner.environment.clock.as_ref(),
        }
    }
}

fn make(
    writer: &mut Writer,
    now_ms: i64,
    plan: impl FnOnce(&Connection, &crate::store::Device) -> Result<Vec<Edit>>,
) -> Result<BTreeSet<&'static str>> {
    writer.durable_transaction(|connection, device| {
        let edits = plan(connection, device)?;
        for edit in &edits {
            crate::store::edit::make(connection, device, now_ms, edit)?;
        }
        Ok(edits.iter().map(|edit| edit.entity.name).collect())
    })
}

/// Creates a folder that only this laptop's user may read.
pub(crate) fn make_private_folder(path: &Path) -> Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(ClientError::disk(path))
}

/// Looks up a file's media type in the unlocked person's rows.
fn media_type_of(unlocked: Arc<RwLock<Option<Arc<Unlocked>>>>) -> MediaTypeOf {
    Arc::new(move |sha256| {
        let store = unlocked.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(|unlocked| unlocked.store.clone());
        Box::pin(async move {
            store?
                .read(move |connection| {
                    let mut statement = connection.prepare_cached("SELECT media_type FROM media_assets WHERE sha256 = ?1 LIMIT 1")?;
                    let mut rows = statement.query([&sha256])?;
                    Ok(match rows.next()? {
                        None => None,
                        Some(row) => {
                            Some(row.get::<_, Option<String>>("media_type")?.unwrap_or_else(|| "application/octet-stream".to_owned()))
                        }
                    })
                })
                .await
                .ok()
                .flatten()
        })
    })
}
