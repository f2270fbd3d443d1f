//! PgBouncer in front of a database, as an operator may have configured it.

use std::path::PathBuf;
use std::time::Duration;

use sqlx::{Connection, PgConnection};

use crate::children::{Child, Program, Signal};
use crate::cluster::{Cluster, Database};
use crate::user::SystemUser;
use crate::{Outcome, paths, wait};

/// How long it may take until it answers.
const START_TIME_MAX: Duration = Duration::from_secs(60);
/// Another process may take the port between the choice and the start; then another one is tried.
const START_ATTEMPTS_MAX: u32 = 3;
/// The path on Debian, which is not in every user's `PATH`.
const PROGRAM: &str = "/usr/sbin/pgbouncer";

/// A running PgBouncer. Dropped, it ends.
pub struct Pooler {
    _child: Child,
    database: Database,
}

impl Pooler {
    /// Starts one in front of a database, in the mode `session` or `transaction`. It drops start options, which is a common configuration
    /// for other programs.
    ///
    /// # Errors
    /// When it is not installed or does not start.
    pub async fn start(cluster: &Cluster, database: &Database, mode: &str) -> Outcome<Pooler> {
        let mut last = None;
        for _ in 0..START_ATTEMPTS_MAX {
            match Pooler::start_once(cluster, database, mode).await {
                Ok(pooler) => return Ok(pooler),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| "no attempt was made".into()))
    }

    async fn start_once(cluster: &Cluster, database: &Database, mode: &str) -> Outcome<Pooler> {
        let port = paths::free_port()?;
        let (login, host_and_name) = database.url().strip_prefix("postgres://").and_then(|url| url.split_once('@')).ok_or("an address")?;
        let (user, password) = login.split_once(':').ok_or("a login")?;
        let (server, name) = host_and_name.split_once('/').ok_or("a database")?;
        let (host, server_port) = server.split_once(':').ok_or("a port")?;
        let settings = format!(
            "[databases]\n{name} = host={host} port={server_port} user={user} password={password}\n\n[pgbouncer]\n\
             listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = {mode}\n\
             default_pool_size = 40\nignore_startup_parameters = extra_float_digits,options\n"
        );
        let folder: PathBuf = cluster.folder().join(format!("pgbouncer-{port}"));
        std::fs::create_dir_all(&folder)?;
        let file = folder.join("pgbouncer.ini");
        std::fs::write(&file, settings)?;
        // It refuses to run as root.
        let owner = SystemUser::for_postgres()?;
        if let Some(owner) = &owner {
            owner.take_over(&folder)?;
            owner.take_over(&file)?;
        }
        #[cfg(unix)]
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        let program = if std::path::Path::new(PROGRAM).exists() { PROGRAM } else { "pgbouncer" };
        let child =
            Program::new("PgBouncer", program).argument(&file).user(owner).on_parent_exit(Signal::Interrupt).start(&folder.join("log"))?;
        let database = database.at(format!("postgres://{login}@127.0.0.1:{port}/{name}"));
        let url = database.url().to_owned();
        let answers = wait::until("PgBouncer answers", START_TIME_MAX, || async {
            if child.ended()?.is_some() {
                return Ok(Some(false));
            }
            Ok(Some(PgConnection::connect(&url).await.map(|_| true)?))
        })
        .await?;
        if answers { Ok(Pooler { _child: child, database }) } else { Err(child.report("did not start").into()) }
    }

    /// The database behind it, by its URL here.
    pub fn database(&self) -> &Database {
        &self.database
    }
}
