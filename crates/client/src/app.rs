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
use tokio::sync::{Mutex, OnceCell, broadcast};
use waystation_model::{Code, Problem, registry};

use crate::environment::Environment;
use crate::error::{ClientError, Result};
use crate::media::MediaFolder;
use crate::media::server::{MediaServer, MediaTypeOf};
use crate::people::{self, People};
use crate::screens::Desk;
use crate::store::{Edit, Writer};
use crate::unlocked::Unlocked;
use crate::views::{DemonstrationPerson, Event};

/// Events that a slow window may lag behind before it misses some.
const EVENTS_BUFFERED_MAX: usize = 1_024;

/// Where the app's data lies, and what its sign-in form offers.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folder of this laptop's data.
    pub data_dir: PathBuf,
    /// The server to offer in the sign-in form.
    pub default_server: String,
    /// Names to offer for a try.
    pub demonstration: Vec<DemonstrationPerson>,
}

impl Config {
    /// Data in this folder; nothing offered.
    pub fn new(data_dir: impl Into<PathBuf>) -> Config {
        Config { data_dir: data_dir.into(), default_server: String::new(), demonstration: Vec::new() }
    }

    /// … with what the surroundings offer: `WAYSTATION_SERVER` is an address, `WAYSTATION_DEMONSTRATION` a file with people.
    pub fn from_surroundings(data_dir: impl Into<PathBuf>) -> Config {
        let variable = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        Config {
            data_dir: data_dir.into(),
            default_server: variable("WAYSTATION_SERVER").unwrap_or_default(),
            demonstration: variable("WAYSTATION_DEMONSTRATION")
                .map(|path| people::demonstration_people(Path::new(&path)))
                .unwrap_or_default(),
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
    /// One at a time is unlocked, locked or signed in.
    pub people_gate: Mutex<()>,
    pub media_server: MediaServer,
}

impl App {
    /// Opens the data folder. Nobody is unlocked yet. Needs a Tokio runtime around it.
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
                media_server,
            }),
        })
    }

    /// What the window hears without asking.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.inner.events.subscribe()
    }

    /// What a window needs to hear that has missed some events: all that they may have said.
    pub async fn everything(&self) -> Vec<Event> {
        let entities = registry::all().iter().map(|entity| entity.name.to_owned()).collect();
        let mut events = vec![Event::People, Event::Changed { entities }];
        if let Ok(unlocked) = self.unlocked() {
            events.extend(unlocked.engine.status().await.ok().map(|status| Event::Sync { status }));
            events.extend(unlocked.downloads.view().await.ok().map(|downloads| Event::Downloads { downloads }));
        }
        events
    }

    /// Puts everything away. What a person did is on the disk before any command answers.
    pub async fn shutdown(&self) {
        let _gate = self.inner.people_gate.lock().await;
        self.put_away().await;
    }

    /// The database of whoever is unlocked, for a test that looks at it or damages it.
    ///
    /// # Errors
    /// `locked` when nobody is.
    pub fn store(&self) -> Result<crate::store::Store> {
        Ok(self.unlocked()?.engine.store.clone())
    }

    /// Goes through the database of whoever is unlocked, as it is done once a day at a quiet moment, and tells which scopes
    /// were damaged and have been mended; none when somebody wrote meanwhile.
    ///
    /// # Errors
    /// `locked` when nobody is, and those of a pull.
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
            .ok_or_else(|| ClientError::refused(Code::Locked, "nobody is unlocked"))
    }

    pub(crate) fn set_unlocked(&self, unlocked: Option<Arc<Unlocked>>) -> Option<Arc<Unlocked>> {
        let mut present = self.inner.unlocked.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *present, unlocked)
    }

    /// Reads what a screen shows, from one snapshot.
    pub(crate) async fn read<R: Send + 'static>(&self, work: impl FnOnce(&Desk<'_>) -> Result<R> + Send + 'static) -> Result<R> {
        let unlocked = self.unlocked()?;
        let around = Around { inner: self.inner.clone(), unlocked: unlocked.clone() };
        unlocked.store.read(move |connection| work(&around.desk(connection))).await
    }

    /// Makes changes, all of them or none, tells the window and wakes the push.
    pub(crate) async fn edit(&self, edits: Vec<Edit>) -> Result<()> {
        self.edit_with(move |_, _| Ok(edits)).await
    }

    /// Makes the changes that `plan` finds to be needed, in the transaction in which it looked.
    pub(crate) async fn edit_with(
        &self,
        plan: impl FnOnce(&Connection, &crate::store::Device) -> Result<Vec<Edit>> + Send + 'static,
    ) -> Result<()> {
        self.edit_and_read(plan, |_| Ok(())).await
    }

    /// … and reads what the screen shows then. The connection that wrote still has in memory what is read.
    pub(crate) async fn edit_and_read<R: Send + 'static>(
        &self,
        plan: impl FnOnce(&Connection, &crate::store::Device) -> Result<Vec<Edit>> + Send + 'static,
        read: impl FnOnce(&Desk<'_>) -> Result<R> + Send + 'static,
    ) -> Result<R> {
        let unlocked = self.unlocked()?;
        let now_ms = self.inner.environment.clock.now_ms();
        let around = Around { inner: self.inner.clone(), unlocked: unlocked.clone() };
        let (changed, answer) = unlocked
            .store
            .write(move |writer| {
                let changed = make(writer, now_ms, plan)?;
                Ok((changed, read(&around.desk(writer.connection()))))
            })
            .await?;
        unlocked.engine.tell_changed(&changed);
        unlocked.engine.wake_push.notify_one();
        unlocked.engine.status_moved.notify_one();
        answer
    }
}

/// What a job on the database's thread takes along for the screens.
struct Around {
    inner: Arc<Inner>,
    unlocked: Arc<Unlocked>,
}

impl Around {
    fn desk<'d>(&'d self, connection: &'d Connection) -> Desk<'d> {
        Desk {
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
    writer.person(|connection, device| {
        let edits = plan(connection, device)?;
        for edit in &edits {
            crate::store::edit::make(connection, device, now_ms, edit)?;
        }
        Ok(edits.iter().map(|edit| edit.entity.name).collect())
    })
}

/// Makes a folder that only this laptop's user may read.
pub(crate) fn make_private_folder(path: &Path) -> Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(ClientError::disk(path))
}

/// The type of a file of which the unlocked person has a row.
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
