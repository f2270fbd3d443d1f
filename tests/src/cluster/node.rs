//! A PostgreSQL of its own for one test, which may be stopped, killed, copied, promoted and restored by stock tools.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::sync::OnceCell;

use super::folder::{make, own_folder, reachable, remove_stale, settings};
use super::programs::bin;
use super::{Database, Durability, OWNER, START_TIME_MAX, STOP_TIME_MAX};
use crate::children::{Child, Program, Signal};
use crate::user::SystemUser;
use crate::{Outcome, paths, wait};

/// The name of the migrated database.
pub const DATABASE: &str = "waystation";
/// How long one of PostgreSQL's tools may take.
pub(super) const TOOL_TIME_MAX: Duration = Duration::from_secs(120);

/// A PostgreSQL that may be stopped. Dropped, it ends at once and its folder is removed.
#[derive(Debug)]
pub struct Node {
    pub(super) folder: PathBuf,
    durability: Durability,
    port: Option<u16>,
    starts: u32,
    tools: AtomicU32,
    running: Option<Child>,
    is_kept: bool,
}

impl Node {
    /// A running node with a migrated database: a copy of files that are made once per process.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn new(durability: Durability) -> Outcome<Node> {
        let mut node = Node::without_data(durability)?;
        node.tool("cp", "cp", &["-a".into(), base().await?.join("data"), node.data()]).await?;
        node.start().await?;
        Ok(node)
    }

    /// A running node that shares no history with any other: a new system identifier, and no database of the project in it.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn unrelated() -> Outcome<Node> {
        let mut node = Node::without_data(Durability::Process)?;
        node.initialize()?;
        node.start().await?;
        Ok(node)
    }

    /// A node with an empty folder.
    pub(super) fn without_data(durability: Durability) -> Outcome<Node> {
        static NODES: AtomicU32 = AtomicU32::new(0);
        let number = NODES.fetch_add(1, Ordering::Relaxed);
        let folder = reachable("tests/clusters")?.join(format!("{}-{number}", std::process::id()));
        own_folder(&folder, SystemUser::for_postgres()?.as_ref())?;
        let archive = folder.join("archive");
        own_folder(&archive, SystemUser::for_postgres()?.as_ref())?;
        Ok(Node { folder, durability, port: None, starts: 0, tools: AtomicU32::new(0), running: None, is_kept: false })
    }

    fn initialize(&self) -> Outcome<()> {
        make(&self.folder, password(), SystemUser::for_postgres()?.as_ref())?;
        own_folder(&self.archive(), SystemUser::for_postgres()?.as_ref())
    }

    /// Its data folder.
    pub(super) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The folder of its archived write-ahead log.
    pub(super) fn archive(&self) -> PathBuf {
        self.folder.join("archive")
    }

    /// Its address.
    ///
    /// # Panics
    /// Before its first start.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port.expect("it was started")))
    }

    /// The migrated database.
    pub fn database(&self) -> Database {
        Node::database_at(self.address())
    }

    /// The migrated database at another address.
    pub fn database_at(address: SocketAddr) -> Database {
        Database { url: url(address, DATABASE), name: DATABASE.to_owned() }
    }

    /// The URL of a database in it.
    pub fn url(&self, database: &str) -> String {
        url(self.address(), database)
    }

    /// A connection to a database in it.
    ///
    /// # Errors
    /// When the database does not exist.
    pub async fn connect(&self, database: &str) -> Outcome<PgConnection> {
        Ok(PgConnection::connect(&self.url(database)).await?)
    }

    /// Runs one statement outside of any transaction, in the database `postgres`.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn run(&self, sql: impl Into<String>) -> Outcome<()> {
        let mut connection = self.connect("postgres").await?;
        sqlx::query(AssertSqlSafe(sql.into())).execute(&mut connection).await?;
        Ok(connection.close().await?)
    }

    /// Queries one boolean, in the database `postgres`.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn query_bool(&self, sql: impl Into<String>) -> Outcome<bool> {
        let mut connection = self.connect("postgres").await?;
        let answer: Option<bool> = sqlx::query_scalar(AssertSqlSafe(sql.into())).fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok(answer.unwrap_or(false))
    }

    /// Starts it, and waits until it answers. After the first start it keeps its port.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn start(&mut self) -> Outcome<()> {
        let begun = Instant::now();
        loop {
            let port = match self.port {
                Some(port) => port,
                None => paths::free_port()?,
            };
            let outcome = self.start_on(port).await;
            if outcome.is_ok() {
                self.port = Some(port);
            }
            // Another process may have taken the port meanwhile, or processes of a killed PostgreSQL have not all ended.
            if outcome.is_ok() || begun.elapsed() > START_TIME_MAX {
                return outcome;
            }
            self.kill();
        }
    }

    async fn start_on(&mut self, port: u16) -> Outcome<()> {
        self.starts += 1;
        let archive = self.archive();
        let archive = archive.display();
        let child = Program::new("PostgreSQL", bin("postgres")?)
            .argument("-D")
            .argument(self.data())
            .arguments(settings(port, self.durability))
            .arguments(["-c", "shared_buffers=32MB", "-c", "max_connections=100", "-c", "wal_level=replica"])
            .arguments(["-c", "archive_mode=on", "-c"])
            .argument(format!("archive_command=test -f \"{archive}/%f\" || cp \"%p\" \"{archive}/%f\""))
            .user(SystemUser::for_postgres()?)
            .on_parent_exit(Signal::Quit)
            .start(&self.folder.join(format!("log-{}", self.starts)))?;
        let child: &Child = self.running.insert(child);
        let url = url(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), "postgres");
        let answers = wait::until("PostgreSQL answers", START_TIME_MAX, || async {
            if child.ended()?.is_some() {
                return Ok(Some(false));
            }
            Ok(Some(PgConnection::connect(&url).await.map(|_| true)?))
        });
        if answers.await? { Ok(()) } else { Err(child.report("did not start").into()) }
    }

    /// Shuts it down cleanly; its data stays.
    pub fn stop(&mut self) {
        self.end(Signal::Interrupt);
    }

    /// Kills it abruptly, as a power cut does.
    pub fn kill(&mut self) {
        self.end(Signal::Kill);
    }

    fn end(&mut self, signal: Signal) {
        if let Some(child) = self.running.take() {
            child.stop(signal, STOP_TIME_MAX);
        }
    }

    /// PostgreSQL's `pgbench` over the migrated database, not yet started: `sessions` sessions with `each` transactions each.
    ///
    /// # Errors
    /// When it is not installed.
    pub fn pgbench(&self, synchronous_commit: &str, sessions: usize, each: usize, script: &Path) -> Outcome<Program> {
        Ok(Program::new("pgbench", bin("pgbench")?)
            .arguments(["--no-vacuum", "--protocol=prepared", "--jobs=2"])
            .argument(format!("--client={sessions}"))
            .argument(format!("--transactions={each}"))
            .argument("--file")
            .argument(script)
            .argument(self.url(DATABASE))
            .variable("PGOPTIONS", format!("-c synchronous_commit={synchronous_commit}")))
    }

    /// Runs one of PostgreSQL's tools, or another program, as the user that runs PostgreSQL.
    pub(super) async fn tool(&self, name: &str, path: impl Into<PathBuf>, arguments: &[PathBuf]) -> Outcome<()> {
        let number = self.tools.fetch_add(1, Ordering::Relaxed);
        let log = self.folder.join(format!("{name}-{number}.log"));
        let program = Program::new(name, path).arguments(arguments).user(SystemUser::for_postgres()?);
        tokio::task::spawn_blocking(move || program.run(&log, TOOL_TIME_MAX)).await?
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.end(Signal::Quit);
        if !self.is_kept {
            // What cannot be removed now is removed by the next run.
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

fn url(address: SocketAddr, database: &str) -> String {
    format!("postgres://{OWNER}:{}@{address}/{database}", password())
}

/// All nodes of a process share one password, so one address can lead to any of them.
fn password() -> &'static str {
    static PASSWORD: OnceLock<String> = OnceLock::new();
    PASSWORD.get_or_init(|| uuid::Uuid::new_v4().simple().to_string())
}

/// The folder of a stopped node with the migrated database.
async fn base() -> Outcome<&'static Path> {
    static BASE: OnceCell<PathBuf> = OnceCell::const_new();
    let folder = BASE.get_or_try_init(|| async {
        remove_stale(&reachable("tests/clusters")?);
        let mut node = Node::without_data(Durability::Process)?;
        node.is_kept = true;
        node.initialize()?;
        node.start().await?;
        node.run(format!("CREATE DATABASE \"{DATABASE}\" TEMPLATE template0")).await?;
        let pool = sync_server::database::connect(&node.url(DATABASE), 1).await?;
        let migrated = sync_server::database::migrate(&pool).await;
        pool.close().await;
        migrated?;
        node.stop();
        Outcome::Ok(node.folder.clone())
    });
    Ok(folder.await?)
}
