//! Opens an encrypted database and migrates it to this program's version.

use std::path::Path;
use std::sync::LazyLock;

use rusqlite::{Connection, OpenFlags, OptionalExtension};
use zeroize::Zeroizing;

use crate::error::{ClientError, Result};

mod migrations {
    // The macro generates a public function without documentation.
    #![allow(missing_docs, clippy::unwrap_used)]
    refinery::embed_migrations!("../../migrations/client");
}

/// The raw key of one person's database.
pub type DatabaseKey = Zeroizing<[u8; 32]>;

/// The writer's page cache. SQLite allocates only as much as it uses.
const WRITER_CACHE_KIB: i64 = 64 * 1024;
/// Pages in the write-ahead log before a checkpoint: 16 MiB.
const CHECKPOINT_PAGES: i64 = 4_000;
/// Statements that one connection keeps prepared.
const PREPARED_MAX: usize = 512;
/// How long a connection waits for another's lock.
const BUSY_TIMEOUT_MS: u64 = 5_000;

/// Opens the one connection that writes, creating the database when there is none, and migrates it.
///
/// # Errors
/// `store_damaged` when the key does not open it, `store_too_new` when a later version of the program wrote it.
pub fn open_writer(path: &Path, key: &DatabaseKey) -> Result<Connection> {
    let mut connection = Connection::open(path)?;
    set_key(&connection, key)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Every page that leaves the cache costs an encryption, and a decryption when it is read again.
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    migrate(&mut connection)?;
    Ok(connection)
}

/// Opens a connection that only reads. The writer has to be open.
///
/// # Errors
/// As for the writer.
pub fn open_reader(path: &Path, key: &DatabaseKey) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(path, flags)?;
    set_key(&connection, key)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn set_key(connection: &Connection, key: &DatabaseKey) -> Result<()> {
    let hex = Zeroizing::new(hex::encode(key.as_slice()));
    let pragma = Zeroizing::new(format!("PRAGMA key = \"x'{}'\"", hex.as_str()));
    connection.execute_batch(&pragma)?;
    connection.busy_timeout(std::time::Duration::from_millis(BUSY_TIMEOUT_MS))?;
    connection.set_prepared_statement_cache_capacity(PREPARED_MAX);
    super::digest::register_function(connection)?;
    super::letters::register_functions(connection)?;
    // Temporary files on the disk would contain plain text.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // The first read fails when the key is wrong.
    connection.query_row("SELECT count(name) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
    Ok(())
}

/// The newest migration of this program.
pub fn known_version() -> u32 {
    // Every opening asks, and listing the migrations hashes the text of each.
    static KNOWN: LazyLock<u32> = LazyLock::new(|| {
        let runner = migrations::migrations::runner();
        runner.get_migrations().iter().map(|migration| migration.version()).max().map_or(0, |version| version as u32)
    });
    *KNOWN
}

fn migrate(connection: &mut Connection) -> Result<()> {
    let has_history: bool = connection.query_row(
        "SELECT EXISTS (SELECT name FROM sqlite_schema WHERE type = 'table' AND name = 'refinery_schema_history')",
        [],
        |row| row.get(0),
    )?;
    if has_history {
        let found: Option<u32> =
            connection.query_row("SELECT max(version) FROM refinery_schema_history", [], |row| row.get(0)).optional()?.flatten();
        let known = known_version();
        if let Some(found) = found
            && found > known
        {
            return Err(ClientError::StoreTooNew { found, known });
        }
        if found == Some(known) {
            return Ok(());
        }
    }
    // Grouped: the migration and its line in the history are one transaction, so a crash cannot separate them.
    migrations::migrations::runner().set_grouped(true).run(connection)?;
    Ok(())
}
