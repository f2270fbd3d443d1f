//! The real sync-server: in this process for tests, or as a process that can be killed.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sync_server::connections::Waits;
use sync_server::protocols::Protocols;
use sync_server::settings::{ContentSettings, Settings};

use crate::children::{Child, Program, Signal};
use crate::cluster::Database;
use crate::patience::SOON;
use crate::{Outcome, patience, places};

/// How long a server may take until it is ready.
const READY_TIME_MAX: Duration = SOON;
/// How long a server may take to end what it is doing.
const STOP_TIME_MAX: Duration = SOON;
/// How long `migrate` and `demo-data` may take.
const CHORE_TIME_MAX: Duration = Duration::from_secs(300);
/// Signs the tokens of servers that only this machine reaches.
const TOKEN_SECRET: &str = "tests and the demonstration only, on the loopback";
/// Connections of a server in a test; many servers share one cluster.
pub const TEST_CONNECTIONS: u32 = 8;

/// A server in this process, with files in a folder of its own.
pub struct LocalServer {
    server: sync_server::Server,
    content: tempfile::TempDir,
    database: Database,
}

impl LocalServer {
    /// Starts one over a database.
    ///
    /// # Errors
    /// When the server does not start.
    pub async fn start(database: &Database) -> Outcome<LocalServer> {
        LocalServer::start_on(database, 0).await
    }

    /// Starts one over a database, on the port of one that was stopped.
    ///
    /// # Errors
    /// When the server does not start.
    pub async fn start_on(database: &Database, port: u16) -> Outcome<LocalServer> {
        let content = tempfile::tempdir()?;
        let server = sync_server::Server::start(settings(database.url(), content.path(), port)).await?;
        Ok(LocalServer { server, content, database: database.clone() })
    }

    /// Starts one of later years, whose own protocol is `newest`.
    ///
    /// # Errors
    /// When the server does not start.
    pub async fn start_speaking(database: &Database, newest: u32) -> Outcome<LocalServer> {
        LocalServer::start_speaking_on(database, newest, 0).await
    }

    /// … on the port of one that was stopped.
    ///
    /// # Errors
    /// When the server does not start.
    pub async fn start_speaking_on(database: &Database, newest: u32, port: u16) -> Outcome<LocalServer> {
        let content = tempfile::tempdir()?;
        let settings = Settings { protocols: Protocols::up_to(newest), ..settings(database.url(), content.path(), port) };
        Ok(LocalServer { server: sync_server::Server::start(settings).await?, content, database: database.clone() })
    }

    /// Starts one that is kept waiting for so long and no longer.
    ///
    /// # Errors
    /// When the server does not start.
    pub async fn start_waiting(database: &Database, waits: Waits) -> Outcome<LocalServer> {
        let content = tempfile::tempdir()?;
        let settings = Settings { waits, ..settings(database.url(), content.path(), 0) };
        Ok(LocalServer { server: sync_server::Server::start(settings).await?, content, database: database.clone() })
    }

    /// Starts one that keeps its files elsewhere.
    ///
    /// # Errors
    /// When the server does not start.
    pub async fn start_with(database: &Database, files: ContentSettings) -> Outcome<LocalServer> {
        let content = tempfile::tempdir()?;
        let settings = Settings { content: files, ..settings(database.url(), content.path(), 0) };
        Ok(LocalServer { server: sync_server::Server::start(settings).await?, content, database: database.clone() })
    }

    /// Stops it and starts it again on the same port, over the same database and files.
    ///
    /// # Errors
    /// When the server does not start.
    pub async fn restart(self) -> Outcome<LocalServer> {
        let port = self.server.address().port();
        self.server.stop().await;
        let server = sync_server::Server::start(settings(self.database.url(), self.content.path(), port)).await?;
        Ok(LocalServer { server, content: self.content, database: self.database })
    }

    /// Its address, as a person would type it.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// The server itself.
    pub fn server(&self) -> &sync_server::Server {
        &self.server
    }

    /// Its database.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Where its files lie.
    pub fn content(&self) -> &Path {
        self.content.path()
    }

    /// Stops it.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

fn settings(database_url: &str, content: &Path, port: u16) -> Settings {
    Settings {
        database_url: database_url.to_owned(),
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        token_secret: TOKEN_SECRET.to_owned(),
        content: ContentSettings::Folder(content.to_path_buf()),
        database_connections_max: TEST_CONNECTIONS,
        waits: Waits::USUAL,
        protocols: Protocols::OURS,
    }
}

/// Makes and reads access tokens as every server here does.
pub fn tokens() -> sync_server::accounts::Tokens {
    sync_server::accounts::Tokens::new(TOKEN_SECRET)
}

/// A server as a process of its own.
pub struct ServerProcess {
    database_url: String,
    content: PathBuf,
    logs: PathBuf,
    port: u16,
    starts: u32,
    running: Option<Child>,
}

impl ServerProcess {
    /// One that is not running yet. Its files lie in `content`, its logs in `logs`.
    pub fn new(database_url: String, content: PathBuf, logs: PathBuf, port: u16) -> ServerProcess {
        ServerProcess { database_url, content, logs, port, starts: 0, running: None }
    }

    /// Runs one of its chores, such as `migrate`, to its end.
    ///
    /// # Errors
    /// When it ends badly, with what it said.
    pub fn chore(&self, arguments: &[&str]) -> Outcome<()> {
        let name = arguments.first().copied().unwrap_or_default();
        let program = self.program(name)?.arguments(arguments.iter().copied());
        program.run(&self.logs.join(format!("sync-server-{name}.log")), CHORE_TIME_MAX)
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Errors
    /// When it ends or does not get ready.
    pub async fn start(&mut self) -> Outcome<()> {
        self.starts += 1;
        let log = self.logs.join(format!("sync-server-{}.log", self.starts));
        let child = self.program("serve")?.argument("serve").when_we_die(Signal::Terminate).start(&log)?;
        let url = format!("{}/readyz", self.url());
        let client = reqwest::Client::new();
        let ready = patience::until("the server is ready", READY_TIME_MAX, || async {
            if child.ended()?.is_some() {
                return Ok(Some(false));
            }
            Ok(client.get(&url).send().await?.status().is_success().then_some(true))
        })
        .await?;
        // Whoever answered may have been somebody else on the same port.
        if !ready || child.ended()?.is_some() {
            return Err(child.says("did not start").into());
        }
        self.running = Some(child);
        Ok(())
    }

    /// Stops it as a system would.
    pub fn stop(&mut self) {
        if let Some(child) = self.running.take() {
            child.stop(Signal::Terminate, STOP_TIME_MAX);
        }
    }

    /// Kills it in the middle of whatever it does.
    pub fn kill(&mut self) {
        if let Some(child) = self.running.take() {
            child.stop(Signal::Kill, STOP_TIME_MAX);
        }
    }

    /// Its process, while it runs.
    pub fn process(&self) -> Option<u32> {
        self.running.as_ref().map(Child::pid)
    }

    /// Its address, as a person would type it.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    fn program(&self, name: &str) -> Outcome<Program> {
        Ok(Program::new(format!("sync-server {name}"), places::program("sync-server")?)
            .argument("--log-text")
            .variable("DATABASE_URL", &self.database_url)
            .variable("WAYSTATION_LISTEN", format!("127.0.0.1:{}", self.port))
            .variable("WAYSTATION_TOKEN_SECRET", TOKEN_SECRET)
            .variable("WAYSTATION_CONTENT_DIR", &self.content))
    }
}
