//! A private PostgreSQL cluster on a free port, with its own data and password, which ends with the test program.

mod folder;
pub mod node;
mod past;
mod programs;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::sync::OnceCell;

use crate::children::{Child, Program, Signal};
use crate::user::SystemUser;
use crate::wait::SOON;
use crate::{Outcome, paths, wait};

use folder::{make, reachable, remove_stale, settings};
use programs::bin;

/// How long a cluster may take until it answers, also after a crash.
const START_TIME_MAX: Duration = SOON;
/// How long a cluster may take to stop.
const STOP_TIME_MAX: Duration = SOON;
/// Another process may take the port between the choice and the start; then another one is tried.
const START_ATTEMPTS_MAX: u32 = 3;
/// The owner of everything in the cluster.
const OWNER: &str = "waystation";
/// The migrated database that tests copy.
const TEMPLATE: &str = "waystation_template";

/// Whether committed data survives a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// For tests: commits do not wait for a flush.
    None,
    /// Committed data survives killed processes but no power cut: for tests that kill PostgreSQL.
    Process,
    /// As in production: for the demonstration and for figures.
    Full,
}

/// A running cluster. Dropped, it stops at once.
#[derive(Debug)]
pub struct Cluster {
    port: u16,
    password: String,
    folder: PathBuf,
    durability: Durability,
    server: Child,
    template: OnceCell<()>,
    databases: AtomicU64,
}

impl Cluster {
    /// The one cluster that all tests of this process share. PostgreSQL ends with the process; the folder, tens of megabytes, stays until
    /// the next test program starts and removes the folders of ended processes.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn shared() -> Outcome<&'static Cluster> {
        static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
        CLUSTER
            .get_or_try_init(|| async {
                let parent = reachable("tests/clusters")?;
                remove_stale(&parent);
                Cluster::start(&parent.join(std::process::id().to_string()), Durability::None).await
            })
            .await
    }

    /// Starts the cluster in a folder below the target folder, and creates it when it is missing.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn kept(name: &str) -> Outcome<Cluster> {
        let path = Path::new(name);
        let parent = reachable(&path.parent().unwrap_or(path).to_string_lossy())?;
        Cluster::start(&parent.join(path.file_name().ok_or("a cluster needs a name")?), Durability::Full).await
    }

    /// Starts the cluster in a folder, and creates it when it is missing.
    async fn start(folder: &Path, durability: Durability) -> Outcome<Cluster> {
        let user = SystemUser::for_postgres()?;
        if !folder.join("made").exists() {
            make(folder, &uuid::Uuid::new_v4().simple().to_string(), user.as_ref())?;
        }
        let password = std::fs::read_to_string(folder.join("password"))?.trim().to_owned();
        let mut last = None;
        for _ in 0..START_ATTEMPTS_MAX {
            let port = paths::free_port()?;
            let server = start_server(folder, port, durability)?;
            let cluster = Cluster {
                port,
                password: password.clone(),
                folder: folder.to_path_buf(),
                durability,
                server,
                template: OnceCell::new(),
                databases: AtomicU64::new(0),
            };
            match cluster.answers().await {
                Ok(()) => return Ok(cluster),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| "no attempt was made".into()))
    }

    async fn answers(&self) -> Outcome<()> {
        let url = self.url("postgres");
        wait::until("PostgreSQL answers", START_TIME_MAX, || async {
            if self.server.ended()?.is_some() {
                return Ok(Some(false));
            }
            Ok(Some(PgConnection::connect(&url).await.map(|_| true)?))
        })
        .await?
        .then_some(())
        .ok_or_else(|| self.server.report("did not start").into())
    }

    /// The URL of a database in it.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{OWNER}:{}@127.0.0.1:{}/{database}", self.password, self.port)
    }

    /// Kills it abruptly, as a power cut does, and starts it again on the same port.
    ///
    /// # Errors
    /// When it does not start again.
    pub async fn crash(&mut self) -> Outcome<()> {
        self.server.stop(Signal::Kill, STOP_TIME_MAX);
        let begun = Instant::now();
        loop {
            // The children of the killed process end by themselves; until then their shared memory blocks a start.
            self.server = start_server(&self.folder, self.port, self.durability)?;
            match self.answers().await {
                Ok(()) => return Ok(()),
                Err(error) if begun.elapsed() > START_TIME_MAX => return Err(error),
                Err(_) => self.server.stop(Signal::Kill, STOP_TIME_MAX),
            }
        }
    }

    /// The id of PostgreSQL's first process.
    pub fn process(&self) -> u32 {
        self.server.pid()
    }

    /// The folder of its files and its log.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A connection to one of its databases.
    ///
    /// # Errors
    /// When the database does not exist.
    pub async fn connect(&self, database: &str) -> Outcome<PgConnection> {
        Ok(PgConnection::connect(&self.url(database)).await?)
    }

    /// Whether a database exists.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub async fn has(&self, database: &str) -> Outcome<bool> {
        let mut connection = self.connect("postgres").await?;
        let query = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)").bind(database);
        Ok(query.fetch_one(&mut connection).await?)
    }

    /// Creates a database as a copy of another one.
    ///
    /// # Errors
    /// When it already exists.
    pub async fn make_database(&self, name: &str, template: &str) -> Outcome<()> {
        let mut connection = self.connect("postgres").await?;
        // Names come from this harness, and SQL cannot bind them.
        let statement = format!("CREATE DATABASE \"{name}\" TEMPLATE \"{template}\"");
        sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await?;
        Ok(())
    }

    /// Removes a database if it exists, and ends its connections.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub async fn remove_database(&self, name: &str) -> Outcome<()> {
        let mut connection = self.connect("postgres").await?;
        let statement = format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)");
        sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await?;
        Ok(())
    }

    /// Renames a database.
    ///
    /// # Errors
    /// When there are connections to it, or the name is taken.
    pub async fn rename_database(&self, from: &str, to: &str) -> Outcome<()> {
        let mut connection = self.connect("postgres").await?;
        let statement = format!("ALTER DATABASE \"{from}\" RENAME TO \"{to}\"");
        sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await?;
        Ok(())
    }

    /// Names of databases that match a pattern of SQL's `LIKE`.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub async fn databases_like(&self, pattern: &str) -> Outcome<Vec<String>> {
        let mut connection = self.connect("postgres").await?;
        let query = sqlx::query_scalar("SELECT datname::text FROM pg_database WHERE datname LIKE $1").bind(pattern);
        Ok(query.fetch_all(&mut connection).await?)
    }

    /// A migrated database for one test: a copy of the template, which is migrated once.
    ///
    /// # Errors
    /// When the migrations fail.
    pub async fn database(&self) -> Outcome<Database> {
        self.template.get_or_try_init(|| self.make_template()).await?;
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.make_database(&name, TEMPLATE).await?;
        Ok(Database { url: self.url(&name), name })
    }

    /// An empty database of its own.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub async fn empty_database(&self) -> Outcome<Database> {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.make_database(&name, "template0").await?;
        Ok(Database { url: self.url(&name), name })
    }

    /// A migrated database of this name; replaces one that an earlier run left.
    ///
    /// # Errors
    /// When the migrations fail.
    pub async fn migrated(&self, name: &str) -> Outcome<Database> {
        self.template.get_or_try_init(|| self.make_template()).await?;
        self.copy(name, TEMPLATE).await
    }

    /// A copy of a database; replaces one that an earlier run left.
    ///
    /// # Errors
    /// When there are connections to the template.
    pub async fn copy(&self, name: &str, template: &str) -> Outcome<Database> {
        self.remove_database(name).await?;
        self.make_database(name, template).await?;
        let mut connection = self.connect(name).await?;
        reset_identity(&mut connection).await?;
        Ok(Database { url: self.url(name), name: name.to_owned() })
    }

    async fn make_template(&self) -> Outcome<()> {
        // What a failed attempt left behind would hide why it failed.
        self.remove_database(TEMPLATE).await?;
        self.make_database(TEMPLATE, "template0").await?;
        let pool = sync_server::database::connect(&self.url(TEMPLATE), 1).await?;
        let migrated = sync_server::database::migrate(&pool).await;
        reset_identity(&mut *pool.acquire().await?).await?;
        // PostgreSQL copies only a database without connections.
        pool.close().await;
        Ok(migrated?)
    }

    /// Stops it and waits until it has stopped; its data stays.
    pub fn stop(self) {
        self.server.stop(Signal::Interrupt, STOP_TIME_MAX);
    }
}

/// A copy of a template counts as a new database, not as a restored one.
async fn reset_identity(connection: &mut PgConnection) -> Outcome<()> {
    sqlx::raw_sql("UPDATE epoch SET run_started_at = NULL; DELETE FROM database_runs").execute(connection).await?;
    Ok(())
}

fn start_server(folder: &Path, port: u16, durability: Durability) -> Outcome<Child> {
    Program::new("PostgreSQL", bin("postgres")?)
        .argument("-D")
        .argument(folder.join("data"))
        .arguments(settings(port, durability))
        .user(SystemUser::for_postgres()?)
        .on_parent_exit(Signal::Interrupt)
        .start(&folder.join("log"))
}

/// A database for a test.
#[derive(Debug, Clone)]
pub struct Database {
    name: String,
    url: String,
}

impl Database {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The same database under another URL, such as that of a pooler in front of it.
    pub fn at(&self, url: String) -> Database {
        Database { name: self.name.clone(), url }
    }

    /// A direct connection, as a `psql` session would have it.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub async fn connect(&self) -> Outcome<PgConnection> {
        Ok(PgConnection::connect(&self.url).await?)
    }
}
