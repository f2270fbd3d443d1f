//! The real sync-server: in this process for tests, or as a process that can be killed.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sync_server::connections::Waits;
use sync_server::protocols::Protocols;
use sync_server::settings::{ContentSettings, Settings};

use crate::children::{Child, Program, Signal};
use crate::cluster::Database;
use crate::wait::SOON;
use crate::{Outcome, paths, wait};

/// How long a server may take until it is ready.
const READY_TIME_MAX: Duration = SOON;
/// How long a server may take to finish its requests.
const STOP_TIME_MAX: Duration = SOON;
/// How long `migrate` and `demo-data` may take.
const CHORE_TIME_MAX: Duration = Duration::from_secs(300);
/// The secret for tokens of servers that only this machine reaches.
const TOKEN_SECRET: &str = "tests and the demonstration only, on the loopback";
/// Database connections of a server in a test; many servers share one cluster.
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

    /// Starts one over a database, on the port of a stopped one.
    ///
    /// # Errors
    /// When the server does not start.
    pub async fn start_on(database: &Database, port: u16) -> Outcome<LocalServer> {
        let content = tempfile::tempdir()?;
        let server = sync_server::Server::start(settings(database.url(), content.path(), port)).await?;
        Ok(LocalServer { server, content, database: database.clone() })
    }

    /// Starts one of a later version, whose own protocol version is `newest`.
    ///
    /// # Errors
    /// When the server does not start.
    pub async fn start_with_protocol(database: &Database, newest: u32) -> Outcome<LocalServer> {
        LocalServer::start_with_protocol_on(database, newest, 0).await
    }

    /// Starts one of a later version on the port of a stopped one.
    ///
    /// # Errors
    /// When the server does not start.
    pub async fn start_with_protocol_on(database: &Database, newest: u32, port: u16) -> Outcome<LocalServer> {
        let content = tempfile::tempdir()?;
        let settings = Settings { protocols: Protocols::up_to(newest), ..settings(database.url(), content.path(), port) };
        Ok(LocalServer { server: sync_server::Server::start(settings).await?, content, database: database.clone() })
    }

    /// Starts one with other time limits.
    ///
    /// # Errors
    /// When the server does not start.
    pub async fn start_with_waits(database: &Database, waits: Waits) -> Outcome<LocalServer> {
        let content = tempfile::tempdir()?;
        let settings = Settings { waits, ..settings(database.url(), content.path(), 0) };
        Ok(LocalServer { server: sync_server::Server::start(settings).await?, content, database: database.clone() })
    }

    /// Starts one with another file store.
    ///
    /// # Errors
    /// When the server does not start.
    pub async fn start_with_files(database: &Database, files: ContentSettings) -> Outcome<LocalServer> {
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

    /// Its URL, as a person types it.
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

    /// The folder of its files.
    pub fn content(&self) -> &Path {
        self.content.path()
    }

    /// Stops it.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

/// Settings of a server of this machine.
pub fn settings(database_url: &str, content: &Path, port: u16) -> Settings {
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

/// Makes and reads access tokens as every test server does.
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
    /// A server that is not running yet. Its files are in `content`, its logs in `logs`.
    pub fn new(database_url: String, content: PathBuf, logs: PathBuf, port: u16) -> ServerProcess {
        ServerProcess { database_url, content, logs, port, starts: 0, running: None }
    }

    /// Runs one of its commands, such as `migrate`, to its end.
    ///
    /// # Errors
    /// When it ends with an error; the message has its output.
    pub fn chore(&self, arguments: &[&str]) -> Outcome<()> {
        let name = arguments.first().copied().unwrap_or_default();
        let program = self.program(name)?.arguments(arguments.iter().copied());
        program.run(&self.logs.join(format!("sync-server-{name}.log")), CHORE_TIME_MAX)
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Errors
    /// When it ends or does not become ready.
    pub async fn start(&mut self) -> Outcome<()> {
        self.starts += 1;
        let log = self.logs.join(format!("sync-server-{}.log", self.starts));
        let child = self.program("serve")?.argument("serve").on_parent_exit(Signal::Terminate).start(&log)?;
        let url = format!("{}/readyz", self.url());
        let client = reqwest::Client::new();
        let ready = wait::until("the server is ready", READY_TIME_MAX, || async {
            if child.ended()?.is_some() {
                return Ok(Some(false));
            }
            Ok(client.get(&url).send().await?.status().is_success().then_some(true))
        })
        .await?;
        // Another process on the same port may have answered.
        if !ready || child.ended()?.is_some() {
            return Err(child.report("did not start").into());
        }
        self.running = Some(child);
        Ok(())
    }

    /// Stops it as the operating system does.
    pub fn stop(&mut self) {
        if let Some(child) = self.running.take() {
            child.stop(Signal::Terminate, STOP_TIME_MAX);
        }
    }

    /// Kills it in the middle of its work.
    pub fn kill(&mut self) {
        if let Some(child) = self.running.take() {
            child.stop(Signal::Kill, STOP_TIME_MAX);
        }
    }

    /// Its process, while it runs.
    pub fn process(&self) -> Option<u32> {
        self.running.as_ref().map(Child::pid)
    }

    /// Its URL, as a person types it.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    fn program(&self, name: &str) -> Outcome<Program> {
        Ok(Program::new(format!("sync-server {name}"), paths::program("sync-server")?)
            .argument("--log-text")
            .variable("DATABASE_URL", &self.database_url)
            .variable("WAYSTATION_LISTEN", format!("127.0.0.1:{}", self.port))
            .variable("WAYSTATION_TOKEN_SECRET", TOKEN_SECRET)
            .variable("WAYSTATION_CONTENT_DIR", &self.content))
    }
}
