//! The connection to PostgreSQL, and the schema.

use std::str::FromStr;
use std::time::Duration;

use sha2::{Digest, Sha256};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, Postgres, Transaction};
use waystation_model::row_security::policies;
use waystation_model::sql::feed_triggers;

use crate::bound_role;
use crate::epoch::Watched;
use crate::failure::Failure;
use crate::sessions;

/// Tries of a transaction that fails with a serialization error or deadlock.
pub const TRANSACTION_TRIES_MAX: usize = 8;
/// How long a request waits for a free connection.
const CONNECTION_WAIT: Duration = Duration::from_secs(10);
/// The advisory lock that lets one instance migrate at a time.
const MIGRATION_LOCK: i64 = 0x57_41_59;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations/server");

/// Opens a pool whose sessions are set up by [`sessions::prepare`].
///
/// # Errors
/// When the address is wrong, PostgreSQL does not answer, or a session is not what it has to be.
pub async fn connect(url: &str, connections_max: u32) -> Result<PgPool, sqlx::Error> {
    connect_watched(url, connections_max, &Watched::default()).await
}

/// As [`connect`], and compares each new connection with the known epoch.
///
/// # Errors
/// As [`connect`].
pub async fn connect_watched(url: &str, connections_max: u32, epoch: &Watched) -> Result<PgPool, sqlx::Error> {
    let epoch = Watched::clone(epoch);
    PgPoolOptions::new()
        .max_connections(connections_max)
        .acquire_timeout(CONNECTION_WAIT)
        .after_connect(move |session, _| {
            let epoch = Watched::clone(&epoch);
            Box::pin(async move {
                sessions::prepare(session).await?;
                epoch.compare(session).await
            })
        })
        .connect_with(PgConnectOptions::from_str(url)?)
        .await
}

/// Checks that two sessions with this database are separate: some poolers share them.
///
/// # Errors
/// When sessions are shared, or PostgreSQL does not answer.
pub async fn check_sessions(url: &str) -> Result<(), Failure> {
    let options = PgConnectOptions::from_str(url)?;
    let mut one = PgConnection::connect_with(&options).await?;
    let mut other = PgConnection::connect_with(&options).await?;
    for session in [&mut one, &mut other] {
        // Prepared here for a clear error: the pool would only report a time-out.
        sessions::prepare(session).await?;
    }
    sessions::check_apart(&mut one, &mut other).await?;
    one.close().await?;
    Ok(other.close().await?)
}

/// Brings the schema to this version: the migrations, then the triggers and policies that follow from the registry, then the role of
/// requests and its rights.
///
/// # Errors
/// When a migration fails or was edited after it ran, or the role cannot be made.
pub async fn migrate(pool: &PgPool) -> Result<(), Failure> {
    MIGRATIONS.run(pool).await.map_err(Failure::broken)?;
    let text = feed_triggers() + &policies();
    let hash = hex::encode(Sha256::digest(text.as_bytes()));
    let mut transaction = pool.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(MIGRATION_LOCK).execute(&mut *transaction).await?;
    let known: Option<String> = sqlx::query_scalar("SELECT sha256 FROM feed_generated").fetch_optional(&mut *transaction).await?;
    if known.as_deref() != Some(&hash) {
        // Triggers and policies that are not there yet are no news.
        let quietly = format!("SET LOCAL client_min_messages = warning;\n{text}");
        sqlx::raw_sql(AssertSqlSafe(quietly)).execute(&mut *transaction).await?;
        sqlx::query("INSERT INTO feed_generated (sha256) VALUES ($1) ON CONFLICT (only_row) DO UPDATE SET sha256 = excluded.sha256")
            .bind(hash)
            .execute(&mut *transaction)
            .await?;
    }
    bound_role::make(&mut transaction).await?;
    transaction.commit().await?;
    Ok(())
}

/// Whether the schema is at least the one that this program was built for.
///
/// # Errors
/// When the database does not answer.
pub async fn is_migrated(pool: &PgPool) -> Result<bool, sqlx::Error> {
    let newest = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0);
    let there: Option<i64> = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations WHERE success").fetch_one(pool).await?;
    Ok(there.is_some_and(|version| version >= newest))
}

/// Drains the feed queue, commits, and returns the heads that moved.
///
/// # Errors
/// When the commit fails; then nothing happened.
pub async fn commit(mut transaction: Transaction<'_, Postgres>) -> Result<Vec<(String, i64)>, Failure> {
    let moved =
        sqlx::query_as::<_, (String, i64)>("SELECT moved_scope, moved_head FROM feed_drain_queue()").fetch_all(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(moved)
}
