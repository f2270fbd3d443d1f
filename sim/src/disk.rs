//! One laptop's disk: what is synced to it, and what a power cut leaves of unsynced writes.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use waystation_client::store::{DatabaseKey, open};

use crate::random::Random;

/// The name of the database in its folder.
const DATABASE: &str = "store.db";
/// SQLite's write-ahead log.
const LOG: &str = "store.db-wal";
/// SQLite's shared memory file. The first connection recreates it.
const SHARED: &str = "store.db-shm";

/// A folder that is removed on drop.
pub struct Folder(PathBuf);

impl Folder {
    /// Creates an empty folder, in memory where the system supports that.
    ///
    /// # Errors
    /// When it cannot be created.
    #[expect(clippy::disallowed_methods, reason = "the folder has a name of its own and is removed when it is dropped")]
    pub fn new() -> std::io::Result<Folder> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let shared = Path::new("/dev/shm");
        let base = if shared.is_dir() { shared.to_owned() } else { std::env::temp_dir() };
        let path = base.join(format!("waystation-sim-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
        fs::create_dir_all(&path)?;
        Ok(Folder(path))
    }
}

impl Folder {
    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder that cannot be removed is in memory or in the temporary folder: the system clears it.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A database's files at one moment.
#[derive(Clone)]
pub struct Files {
    database: Vec<u8>,
    log: Vec<u8>,
}

/// One laptop's disk.
pub struct Disk {
    folder: Folder,
    /// Bytes of the log that are synced to the disk.
    synced: u64,
}

/// The key of every simulated database: nothing here is secret.
pub fn key() -> DatabaseKey {
    DatabaseKey::new([7; 32])
}

fn template() -> &'static Vec<u8> {
    static TEMPLATE: OnceLock<Vec<u8>> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let folder = Folder::new().expect("a folder in memory");
        let path = folder.0.join(DATABASE);
        drop(open::open_writer(&path, &key()).expect("an empty database"));
        fs::read(&path).expect("the database that was just made")
    })
}

impl Disk {
    /// A disk with an empty database of this program's version.
    ///
    /// # Errors
    /// When the system's disk fails.
    pub fn new() -> std::io::Result<Disk> {
        let disk = Disk { folder: Folder::new()?, synced: 0 };
        fs::write(disk.database(), template())?;
        Ok(disk)
    }

    /// A disk with these files.
    ///
    /// # Errors
    /// When the system's disk fails.
    pub fn with(files: &Files) -> std::io::Result<Disk> {
        let mut disk = Disk { folder: Folder::new()?, synced: 0 };
        disk.put(files)?;
        Ok(disk)
    }

    /// The path of the database.
    pub fn database(&self) -> PathBuf {
        self.folder.0.join(DATABASE)
    }

    fn log(&self) -> PathBuf {
        self.folder.0.join(LOG)
    }

    /// The size of the log in bytes.
    pub fn log_bytes(&self) -> u64 {
        fs::metadata(self.log()).map_or(0, |log| log.len())
    }

    /// Marks the whole log as synced.
    pub fn sync(&mut self) {
        self.synced = self.log_bytes();
    }

    /// The connection was closed: SQLite has written the log into the database.
    pub fn closed(&mut self) {
        self.synced = 0;
    }

    /// The files as a running program sees them.
    ///
    /// # Errors
    /// When the system's disk fails.
    pub fn files(&self) -> std::io::Result<Files> {
        Ok(Files { database: fs::read(self.database())?, log: fs::read(self.log()).unwrap_or_default() })
    }

    /// The files as a power cut leaves them: everything synced, a part of the rest, and sometimes damaged bytes at the end.
    ///
    /// # Errors
    /// When the system's disk fails.
    pub fn files_after_power_cut(&self, random: &mut Random) -> std::io::Result<Files> {
        let mut files = self.files()?;
        let synced = usize::try_from(self.synced).unwrap_or(usize::MAX).min(files.log.len());
        let kept = synced + random.below(files.log.len() - synced + 1);
        files.log.truncate(kept);
        if kept > synced && random.one_in(2) {
            let torn = synced + random.below(kept - synced);
            for byte in &mut files.log[torn..] {
                *byte ^= random.number() as u8;
            }
        }
        Ok(files)
    }

    /// Replaces the files. No connection may have them open.
    ///
    /// # Errors
    /// When the system's disk fails.
    pub fn put(&mut self, files: &Files) -> std::io::Result<()> {
        let _ = fs::remove_file(self.folder.0.join(SHARED));
        fs::write(self.database(), &files.database)?;
        if files.log.is_empty() {
            let _ = fs::remove_file(self.log());
        } else {
            fs::write(self.log(), &files.log)?;
        }
        self.sync();
        Ok(())
    }
}
