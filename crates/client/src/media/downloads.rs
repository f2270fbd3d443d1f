//! The downloads of one unlocked person: wanted files that are not on this laptop, fetched one after the other.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::params;
use tokio::sync::{Notify, broadcast};
use waystation_model::Code;

use super::MediaFolder;
use super::fetch::{Wanted, fetch};
use super::list::{known, list, next_wanted, set_setting, setting};
use super::wanted::WantedFiles;
use crate::environment::Environment;
use crate::error::{ClientError, Result};
use crate::store::Store;
use crate::sync::automatic::BackOff;
use crate::sync::engine::Engine;
use crate::view_models::Event;

/// Shortest time between two progress events to the window.
const EMIT_INTERVAL_MS: i64 = 100;
/// Files in the list that is sent to the window.
const LISTED_MAX: usize = 500;
/// The setting that stores the pause, so that it survives a restart.
const PAUSED: &str = "downloads_paused";

/// One file that the person wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// The SHA-256 of its content, in lower-case hex.
    pub sha256: String,
    /// The content item that shows it.
    pub content_item_id: String,
    /// The course.
    pub course_id: String,
    /// Its title.
    pub title: String,
    /// Its size.
    pub size_bytes: i64,
}

/// The downloads of one unlocked person.
pub struct Downloads {
    folder: Arc<MediaFolder>,
    wanted: WantedFiles,
    engine: Arc<Engine>,
    environment: Environment,
    store: Store,
    events: broadcast::Sender<Event>,
    paused: AtomicBool,
    wake: Notify,
    stop_current: Notify,
    /// Bytes fetched so far of the file that is being fetched, by SHA-256.
    under_way: Mutex<HashMap<String, u64>>,
    last_emitted_ms: Mutex<i64>,
}

impl Downloads {
    /// Opens the downloads of the last run.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open(
        folder: Arc<MediaFolder>,
        people: &Path,
        engine: Arc<Engine>,
        events: broadcast::Sender<Event>,
    ) -> Result<Arc<Downloads>> {
        let store = engine.store.clone();
        let user_id = store.device().await?.owner.user_id;
        let here = folder.clone();
        let before = store.read(move |connection| Ok(known(connection)?.into_iter().filter(|sha256| here.has(sha256)).collect()));
        let wanted = WantedFiles::open(folder.path(), people, user_id, before).await?;
        let paused = store.read(|connection| setting(connection, PAUSED)).await?.as_deref() == Some("true");
        Ok(Arc::new(Downloads {
            folder,
            wanted,
            environment: engine.environment.clone(),
            engine,
            store,
            events,
            paused: AtomicBool::new(paused),
            wake: Notify::new(),
            stop_current: Notify::new(),
            under_way: Mutex::default(),
            last_emitted_ms: Mutex::new(i64::MIN),
        }))
    }

    /// Adds files to the wanted ones.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn want(&self, files: Vec<File>) -> Result<()> {
        let files: Vec<File> = files.into_iter().filter(|file| super::folder::is_sha256(&file.sha256)).collect();
        self.wanted.change(files.iter().map(|file| file.sha256.clone()).collect(), &BTreeSet::new())?;
        // Files that another person has fetched are available at once.
        let (here, files): (Vec<File>, Vec<File>) = files.into_iter().partition(|file| self.folder.has(&file.sha256));
        if !here.is_empty() {
            let _ = self.events.send(Event::Changed { entities: vec!["media_assets".to_owned()] });
        }
        self.store
            .write(move |writer| {
                writer.durable_transaction(|connection, _| {
                    let mut insert = connection.prepare_cached(
                        "INSERT INTO downloads (sha256, content_item_id, course_id, title, size_bytes, position)
                         VALUES (?1, ?2, ?3, ?4, ?5, (SELECT coalesce(max(position), 0) + 1 FROM downloads))
                         ON CONFLICT (sha256) DO UPDATE SET state = 'waiting', problem = NULL",
                    )?;
                    for file in &files {
                        insert.execute(params![file.sha256, file.content_item_id, file.course_id, file.title, file.size_bytes])?;
                    }
                    Ok(())
                })
            })
            .await?;
        self.wake.notify_one();
        Ok(())
    }

    /// Stops fetching until `resume`, also after a restart.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pause(&self) -> Result<()> {
        self.set_paused(true).await?;
        self.stop_current.notify_waiters();
        Ok(())
    }

    /// Resumes fetching, and retries failed files.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn resume(&self) -> Result<()> {
        self.set_paused(false).await?;
        self.store
            .write(|writer| {
                writer.durable_transaction(|connection, _| {
                    connection.execute("UPDATE downloads SET state = 'waiting', problem = NULL", [])?;
                    Ok(())
                })
            })
            .await?;
        self.wake.notify_one();
        Ok(())
    }

    async fn set_paused(&self, paused: bool) -> Result<()> {
        self.paused.store(paused, Ordering::Relaxed);
        self.store
            .write(move |writer| {
                writer.durable_transaction(|connection, _| set_setting(connection, PAUSED, if paused { "true" } else { "false" }))
            })
            .await
    }

    /// Whether this person wants the file and it is on this laptop.
    pub fn has(&self, sha256: &str) -> bool {
        self.wanted.has(sha256) && self.folder.has(sha256)
    }

    /// Removes files from the list, and from this laptop unless another person on it wants them.
    ///
    /// # Errors
    /// When the database or the disk fails.
    pub async fn remove(&self, hashes: Vec<String>) -> Result<()> {
        let removed = hashes.clone();
        self.store
            .write(move |writer| {
                writer.durable_transaction(|connection, _| {
                    for sha256 in &removed {
                        connection.execute("DELETE FROM downloads WHERE sha256 = ?1", [sha256])?;
                    }
                    Ok(())
                })
            })
            .await?;
        self.stop_current.notify_waiters();
        let hashes: BTreeSet<String> = hashes.into_iter().filter(|sha256| super::folder::is_sha256(sha256)).collect();
        self.wanted.change(BTreeSet::new(), &hashes)?;
        let theirs = self.wanted.wanted_by_others(&hashes)?;
        for sha256 in hashes.difference(&theirs) {
            self.folder.remove(sha256)?;
        }
        self.wake.notify_one();
        Ok(())
    }

    /// Bytes of a file that have been fetched; 0 when there are none.
    pub fn bytes_fetched(&self, sha256: &str) -> u64 {
        let under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.get(sha256).copied().unwrap_or_else(|| self.folder.part_bytes(sha256))
    }

    /// All downloads, as the window shows them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn view(&self) -> Result<crate::view_models::Downloads> {
        let listed = self.store.read(list).await?;
        let fetching = self.under_way.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect::<Vec<_>>();
        let items = listed.into_iter().take(LISTED_MAX).map(|(sha256, mut download)| {
            download.bytes_fetched = i64::try_from(self.bytes_fetched(&sha256)).unwrap_or(i64::MAX);
            if fetching.contains(&sha256) {
                download.state = "fetching".to_owned();
            }
            download
        });
        Ok(crate::view_models::Downloads {
            paused: self.paused.load(Ordering::Relaxed),
            items: items.collect(),
            bytes_here: i64::try_from(self.folder.bytes()).unwrap_or(i64::MAX),
            bytes_free: self.environment.disk.free_bytes(self.folder.path()).and_then(|free| i64::try_from(free).ok()).unwrap_or(0),
        })
    }

    async fn emit(&self) {
        if let Ok(downloads) = self.view().await {
            let _ = self.events.send(Event::Downloads { downloads });
        }
    }

    /// Fetches what is wanted, for as long as the person is unlocked.
    pub async fn run(self: Arc<Self>) {
        let mut back_off = BackOff::default();
        loop {
            let next = if self.paused.load(Ordering::Relaxed) || self.engine.session.ended() { Ok(None) } else { self.next().await };
            match next {
                Ok(Some(wanted)) => self.fetch_one(wanted, &mut back_off).await,
                Ok(None) => self.wake.notified().await,
                Err(ClientError::Closed) => return,
                Err(error) => {
                    tracing::error!(%error, "the list of downloads cannot be read");
                    self.wait_out(&mut back_off).await;
                }
            }
        }
    }

    async fn next(&self) -> Result<Option<Wanted>> {
        self.store.read(next_wanted).await
    }

    async fn fetch_one(self: &Arc<Self>, wanted: Wanted, back_off: &mut BackOff) {
        self.note(&wanted.sha256, 0);
        // A separate task sends the progress events, so that the fetch does not wait for them.
        let (moved, mut moves) = tokio::sync::mpsc::unbounded_channel::<()>();
        let emitter = tokio::spawn({
            let downloads = self.clone();
            async move {
                while moves.recv().await.is_some() {
                    downloads.emit().await;
                }
            }
        });
        let progress = |bytes: u64| {
            self.note(&wanted.sha256, bytes);
            if self.may_emit() {
                let _ = moved.send(());
            }
        };
        let result = tokio::select! {
            result = fetch(&self.folder, self.environment.disk.as_ref(), self.engine.session.as_ref(), &wanted, &progress) => Some(result),
            () = self.stop_current.notified() => None,
        };
        drop(moved);
        let _ = emitter.await;
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&wanted.sha256);
        match result {
            None => {}
            Some(Ok(())) => {
                let _ = self.events.send(Event::Changed { entities: vec!["media_assets".to_owned()] });
                self.settle(&wanted.sha256, None, back_off).await;
            }
            Some(Err(error)) if is_transient(&error) => {
                self.emit().await;
                self.wait_out(back_off).await;
            }
            Some(Err(error)) => {
                tracing::warn!(%error, sha256 = wanted.sha256, "a download failed");
                self.settle(&wanted.sha256, Some(error.code()), back_off).await;
            }
        }
        self.emit().await;
    }

    /// Waits for the back-off, or until the list changes or the server is reachable again.
    async fn wait_out(&self, back_off: &mut BackOff) {
        let wait = Duration::from_millis(self.environment.jittered(back_off.next_ms()));
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = self.wake.notified() => {}
            () = self.engine.back_online.notified() => {}
        }
    }

    fn note(&self, sha256: &str, bytes: u64) {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).insert(sha256.to_owned(), bytes);
    }

    fn may_emit(&self) -> bool {
        let now = self.environment.clock.monotonic_ms();
        let mut last = self.last_emitted_ms.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_sub(*last) < EMIT_INTERVAL_MS {
            return false;
        }
        *last = now;
        true
    }

    /// Stores how a fetch ended.
    async fn settle(&self, sha256: &str, problem: Option<Code>, back_off: &mut BackOff) {
        let sha256 = sha256.to_owned();
        let stored = self
            .store
            .write(move |writer| {
                writer.relaxed_transaction(|connection, _| {
                    match problem {
                        None => connection.execute("DELETE FROM downloads WHERE sha256 = ?1", [&sha256])?,
                        Some(code) => connection.execute(
                            "UPDATE downloads SET state = 'failed', problem = ?2 WHERE sha256 = ?1",
                            params![sha256, code.word()],
                        )?,
                    };
                    Ok(())
                })
            })
            .await;
        match stored {
            Ok(()) => back_off.reset(),
            Err(error) => {
                tracing::error!(%error, "the list of downloads cannot be written");
                // The file is still listed as waiting, so without a wait it would be fetched again at once.
                self.wait_out(back_off).await;
            }
        }
    }
}

/// Whether the error is transient: a retry may succeed without any action of the person.
fn is_transient(error: &ClientError) -> bool {
    matches!(error.code(), Code::Offline | Code::NotReady | Code::TokenExpired | Code::TooManyAttempts)
}
