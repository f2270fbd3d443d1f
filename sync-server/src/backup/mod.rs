//! `sync-server backup` and `restore`: the whole database and the files, to a folder or to S3, verified when written.
//!
//! A backup is a folder named by its moment: `database.dump` (PostgreSQL's own format) and `manifest.json`, which is written last.
//! A folder without a manifest is not a backup.

mod restore;
mod tools;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use futures_util::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt, WriteMultipart};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sqlx::{Connection, PgConnection};
use tokio::io::AsyncReadExt;
use uuid::Uuid;

pub use restore::{Restored, restore};

use crate::content::object_key;
use crate::failure::Failure;

/// Version of the manifest's format.
const FORMAT: u32 = 1;
/// The folder of all backups in their store.
const FOLDER: &str = "backups";
/// Bytes of a dump that are hashed and sent per step.
const PIECE_BYTES: usize = 1024 * 1024;

/// Describes a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the file format.
    pub format: u32,
    /// The moment of its snapshot.
    pub made_at: DateTime<Utc>,
    /// The epoch in which it was made.
    pub epoch: i64,
    /// No stamp up to this one was issued after the snapshot. Manifests without it use the dump's last stamp.
    #[serde(default)]
    pub last_stamp: Option<i64>,
    /// The newest migration of its schema.
    pub schema: i64,
    /// Bytes of the dump.
    pub dump_bytes: u64,
    /// The dump's SHA-256.
    pub dump_sha256: String,
    /// The last change of each device in the backup.
    pub devices: BTreeMap<Uuid, i64>,
    /// Files that rows reference and the store does not have.
    pub files_missing: u64,
}

/// A backup's name and manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// Name of the folder: the moment of the snapshot.
    pub name: String,
    /// The manifest.
    pub manifest: Manifest,
}

/// Pause between checks for transactions that were open when the backup began, and the most checks.
const WRITERS_LOOK_EVERY: Duration = Duration::from_millis(100);
const WRITERS_LOOKS_MAX: usize = 3_000;

/// A store of backups: a folder.
///
/// # Errors
/// When the folder cannot be made.
pub fn folder(path: &Path) -> Result<Arc<dyn ObjectStore>, Failure> {
    std::fs::create_dir_all(path).map_err(|error| Failure::broken(format!("{}: {error}", path.display())))?;
    Ok(Arc::new(LocalFileSystem::new_with_prefix(path)?))
}

/// Makes a backup of the database, and of the files when they are in another store. Records for every laptop which of its changes
/// it contains.
///
/// # Errors
/// When PostgreSQL's tools are missing, the store refuses, or what was written does not read back as it was.
pub async fn make(database_url: &str, files: &dyn ObjectStore, to: &dyn ObjectStore, to_is_files: bool) -> Result<Backup, Failure> {
    let mut connection = PgConnection::connect(database_url).await?;
    let last_stamp = settled_stamp(&mut connection).await?;
    let mut snapshot = connection.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    // Read from the same snapshot as the dump.
    let name: String = sqlx::query_scalar("SELECT pg_export_snapshot()").fetch_one(&mut *snapshot).await?;
    let (made_at, epoch): (DateTime<Utc>, i64) = sqlx::query_as("SELECT now(), epoch FROM epoch").fetch_one(&mut *snapshot).await?;
    let schema: i64 = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations WHERE success").fetch_one(&mut *snapshot).await?;
    let devices: Vec<(Uuid, i64)> = sqlx::query_as("SELECT device_id, last_n FROM device_states").fetch_all(&mut *snapshot).await?;
    let hashes: Vec<String> =
        sqlx::query_scalar("SELECT DISTINCT sha256 FROM media_assets WHERE sha256 IS NOT NULL").fetch_all(&mut *snapshot).await?;
    let work = tempfile::tempdir().map_err(Failure::broken)?;
    let dump = work.path().join("database.dump");
    tools::dump(database_url, &name, &dump).await?;
    snapshot.commit().await?;

    let backup_name = made_at.to_rfc3339_opts(SecondsFormat::Millis, true).replace(':', "-");
    let key = dump_key(&backup_name);
    let (dump_bytes, dump_sha256) = send(&dump, to, &key).await?;
    let files_missing = if to_is_files { missing(files, &hashes).await? } else { copy_files(files, to, &hashes).await? };
    let devices: BTreeMap<Uuid, i64> = devices.into_iter().collect();
    let manifest =
        Manifest { format: FORMAT, made_at, epoch, last_stamp: Some(last_stamp), schema, dump_bytes, dump_sha256, devices, files_missing };
    // Read back in full: only a backup that was read is known to be readable.
    let back = work.path().join("read-back.dump");
    fetch(to, &key, &back, &manifest).await?;
    tools::list(&back).await?;
    to.put(&manifest_key(&backup_name), serde_json::to_vec_pretty(&manifest).map_err(Failure::broken)?.into()).await?;
    tell_laptops(&mut connection, &manifest).await?;
    Ok(Backup { name: backup_name, manifest })
}

/// A stamp up to which every row is in any snapshot taken from here on. A sequence is not transactional, so a transaction that took
/// a stamp may not have committed yet: such transactions are waited for.
async fn settled_stamp(connection: &mut PgConnection) -> Result<i64, Failure> {
    let stamp: i64 = sqlx::query_scalar("SELECT last_value FROM stamp_seq").fetch_one(&mut *connection).await?;
    // A transaction that took a stamp gets its transaction id with its first row, a moment later.
    tokio::time::sleep(WRITERS_LOOK_EVERY).await;
    // For sessions of other roles, only this column is visible without further privileges.
    let writing = "SELECT backend_xid::text FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_xid IS NOT NULL";
    let begun: Vec<String> = sqlx::query_scalar(writing).fetch_all(&mut *connection).await?;
    for _ in 0..WRITERS_LOOKS_MAX {
        let now: Vec<String> = sqlx::query_scalar(writing).fetch_all(&mut *connection).await?;
        if !begun.iter().any(|transaction| now.contains(transaction)) {
            return Ok(stamp);
        }
        tokio::time::sleep(WRITERS_LOOK_EVERY).await;
    }
    tracing::warn!(
        "a transaction has been writing for minutes: what it writes and this backup lacks, laptops do not offer after a restore"
    );
    Ok(stamp)
}

/// All complete backups, the oldest first.
///
/// # Errors
/// When the store does not answer.
pub async fn list(from: &dyn ObjectStore) -> Result<Vec<Backup>, Failure> {
    let found: Vec<_> = from.list(Some(&ObjectPath::from(FOLDER))).try_collect().await?;
    let mut backups = Vec::new();
    for meta in found.into_iter().filter(|meta| meta.location.filename() == Some("manifest.json")) {
        let Some(name) = meta.location.parts().nth(1).map(|part| part.as_ref().to_owned()) else { continue };
        let bytes = from.get(&meta.location).await?.bytes().await?;
        let manifest: Manifest = serde_json::from_slice(&bytes).map_err(|error| Failure::broken(format!("{}: {error}", meta.location)))?;
        if manifest.format != FORMAT {
            return Err(Failure::broken(format!("{} was written by a later version", meta.location)));
        }
        backups.push(Backup { name, manifest });
    }
    backups.sort_by_key(|backup| backup.manifest.made_at);
    Ok(backups)
}

fn dump_key(name: &str) -> ObjectPath {
    ObjectPath::from(format!("{FOLDER}/{name}/database.dump"))
}

fn manifest_key(name: &str) -> ObjectPath {
    ObjectPath::from(format!("{FOLDER}/{name}/manifest.json"))
}

/// Writes a local file to the store. Returns its size and SHA-256.
async fn send(file: &Path, to: &dyn ObjectStore, key: &ObjectPath) -> Result<(u64, String), Failure> {
    let mut file = tokio::fs::File::open(file).await.map_err(Failure::broken)?;
    let mut upload = WriteMultipart::new(to.put_multipart(key).await?);
    let (mut hasher, mut size) = (Sha256::new(), 0);
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let length = file.read(&mut piece).await.map_err(Failure::broken)?;
        if length == 0 {
            break;
        }
        hasher.update(&piece[..length]);
        size += length as u64;
        upload.write(&piece[..length]);
    }
    upload.finish().await?;
    Ok((size, hex::encode(hasher.finalize())))
}

/// Downloads a dump, and fails when size or hash differ from the manifest.
async fn fetch(from: &dyn ObjectStore, key: &ObjectPath, file: &Path, manifest: &Manifest) -> Result<(), Failure> {
    use tokio::io::AsyncWriteExt;
    let mut to = tokio::fs::File::create(file).await.map_err(Failure::broken)?;
    let mut pieces = from.get(key).await?.into_stream();
    let (mut hasher, mut size) = (Sha256::new(), 0);
    while let Some(piece) = pieces.try_next().await? {
        hasher.update(&piece);
        size += piece.len() as u64;
        to.write_all(&piece).await.map_err(Failure::broken)?;
    }
    to.flush().await.map_err(Failure::broken)?;
    if size != manifest.dump_bytes || hex::encode(hasher.finalize()) != manifest.dump_sha256 {
        return Err(Failure::broken(format!("{key} is damaged: it is not what its manifest says")));
    }
    Ok(())
}

async fn missing(files: &dyn ObjectStore, hashes: &[String]) -> Result<u64, Failure> {
    let mut missing = 0;
    for sha256 in hashes {
        missing += u64::from(!has(files, sha256).await?);
    }
    Ok(missing)
}

/// Copies files that the other store does not have. Returns how many were missing in both.
async fn copy_files(from: &dyn ObjectStore, to: &dyn ObjectStore, hashes: &[String]) -> Result<u64, Failure> {
    let mut missing = 0;
    for sha256 in hashes {
        if has(to, sha256).await? {
            continue;
        }
        let key = object_key(sha256);
        match from.get(&key).await {
            Ok(found) => {
                let mut upload = WriteMultipart::new(to.put_multipart(&key).await?);
                let mut pieces = found.into_stream();
                while let Some(piece) = pieces.try_next().await? {
                    upload.put(piece);
                }
                upload.finish().await?;
            }
            Err(object_store::Error::NotFound { .. }) => {
                tracing::warn!(sha256, "a file that a row references is missing");
                missing += 1;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(missing)
}

async fn has(files: &dyn ObjectStore, sha256: &str) -> Result<bool, Failure> {
    match files.head(&object_key(sha256)).await {
        Ok(_) => Ok(true),
        Err(object_store::Error::NotFound { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Records what the backup contains: laptops may delete those changes from their outbox.
async fn tell_laptops(connection: &mut PgConnection, manifest: &Manifest) -> Result<(), Failure> {
    let (devices, numbers): (Vec<Uuid>, Vec<i64>) = manifest.devices.iter().unzip();
    sqlx::query(
        "UPDATE device_states d SET backed_up_n = b.n FROM unnest($1::uuid[], $2::bigint[]) AS b(device_id, n) WHERE d.device_id = b.device_id AND d.backed_up_n < b.n",
    )
    .bind(devices)
    .bind(numbers)
    .execute(connection)
    .await?;
    Ok(())
}
