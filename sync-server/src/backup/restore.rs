//! Restoring a backup into an empty database, as a new epoch.

use object_store::ObjectStore;
use sqlx::{Connection, PgConnection, PgPool};

use super::{Backup, copy_files, dump_key, fetch, list, tools};
use crate::failure::Failure;
use crate::{database, verify};

/// Result of a restore.
#[derive(Debug)]
pub struct Restored {
    /// The backup.
    pub backup: Backup,
    /// The new epoch.
    pub epoch: i64,
    /// Files that neither store has.
    pub files_missing: u64,
    /// How the feeds compare with the tables.
    pub report: verify::Report,
}

/// Restores a backup by its name, or the newest one. The database has to exist and to be empty.
///
/// # Errors
/// When there is no such backup, it is damaged, or the database is not empty.
pub async fn restore(
    database_url: &str,
    files: &dyn ObjectStore,
    from: &dyn ObjectStore,
    from_is_files: bool,
    name: Option<&str>,
) -> Result<Restored, Failure> {
    let mut backups = list(from).await?;
    let index = match name {
        None => backups.len().checked_sub(1),
        Some(name) => backups.iter().position(|backup| backup.name == name),
    };
    let Some(index) = index else {
        return Err(Failure::broken(match name {
            None => "there is no backup".to_owned(),
            Some(name) => format!("there is no backup {name}"),
        }));
    };
    let backup = backups.swap_remove(index);
    let mut connection = PgConnection::connect(database_url).await?;
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'")
        .fetch_one(&mut connection)
        .await?;
    if tables > 0 {
        return Err(Failure::broken(
            "the database is not empty: nothing is restored over what is there. Make a new one and name it in DATABASE_URL",
        ));
    }
    let work = tempfile::tempdir().map_err(Failure::broken)?;
    let dump = work.path().join("database.dump");
    fetch(from, &dump_key(&backup.name), &dump, &backup.manifest).await?;
    tools::load(database_url, &dump).await?;
    let last_stamp = skip_stamps(&mut connection).await?;
    connection.close().await?;

    let pool = database::connect(database_url, 2).await?;
    database::migrate(&pool).await?;
    let epoch = begin_epoch(&pool, backup.manifest.last_stamp.map_or(last_stamp, |stamp| stamp.min(last_stamp))).await?;
    let hashes: Vec<String> =
        sqlx::query_scalar("SELECT DISTINCT sha256 FROM media_assets WHERE sha256 IS NOT NULL").fetch_all(&pool).await?;
    let files_missing = if from_is_files { super::missing(files, &hashes).await? } else { copy_files(from, files, &hashes).await? };
    let report = verify::verify(&pool).await?;
    pool.close().await;
    Ok(Restored { backup, epoch, files_missing, report })
}

/// Advances the stamp sequence past all issued stamps before anything is written: a migration may write. Returns the last stamp of
/// the backup.
async fn skip_stamps(connection: &mut PgConnection) -> Result<i64, Failure> {
    let last_stamp: i64 = sqlx::query_scalar("SELECT last_value FROM stamp_seq").fetch_one(&mut *connection).await?;
    sqlx::query("SELECT setval('stamp_seq', greatest((extract(epoch FROM clock_timestamp())::bigint) << 30, $1 + (1 << 30)))")
        .bind(last_stamp)
        .execute(connection)
        .await?;
    Ok(last_stamp)
}

/// Begins an epoch that no laptop has seen, so that each laptop reads its feeds from the beginning and sends again what the backup
/// lacks.
async fn begin_epoch(pool: &PgPool, last_stamp: i64) -> Result<i64, Failure> {
    let mut transaction = pool.begin().await?;
    let epoch: i64 = sqlx::query_scalar("SELECT epoch_begin('restored', $1)").bind(last_stamp).fetch_one(&mut *transaction).await?;
    // Backups made after this one belong to the replaced history.
    sqlx::query("UPDATE device_states SET backed_up_n = last_n").execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(epoch)
}
