//! A database that is restored to an earlier state by stock tools, while the server is restarted or keeps running.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use uuid::Uuid;
use waystation_model::row_security::BOUND_ROLE;

use crate::cluster::Durability;
use crate::cluster::node::{DATABASE, Node};
use crate::school::School;
use crate::server::ServerProcess;
use crate::virtual_address::VirtualAddress;
use crate::{Outcome, paths};

/// How a database is restored to an earlier state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestoreMethod {
    /// The primary is killed, and an asynchronous standby is promoted that had not received the last changes.
    Promotion,
    /// Point-in-time recovery from a base backup and archived log.
    Recovery,
    /// A dump is loaded into a new database of the same cluster, which then takes the old one's name.
    DumpBeside,
    /// A dump is loaded into another cluster.
    DumpElsewhere,
    /// `CREATE DATABASE … TEMPLATE`, and later the copy takes the old one's name.
    Template,
    /// The files of the stopped cluster are copied, and later restored: its identity does not change.
    FileCopy,
}

/// A saved state of a database.
#[derive(Debug)]
pub enum SavedState {
    /// A stopped standby.
    Standby(Box<Node>),
    /// A base backup; a restore point in the archive marks the state.
    Base(PathBuf),
    /// A dump, and the method that loads it.
    Dump(PathBuf, RestoreMethod),
    /// A second database of the cluster.
    Database,
    /// A copy of the files.
    Files(PathBuf),
}

/// The restore point of a recovery.
const RESTORE_POINT: &str = "kept";
/// The second database, until it takes the name of the first.
const BESIDE: &str = "waystation_beside";
/// The name of the replaced database.
const FORMER: &str = "waystation_former";

/// PostgreSQL behind a movable address, an organization in it, and a real server that uses only that address.
pub struct Site {
    /// The node that the address leads to.
    pub node: Node,
    /// The address of the database.
    pub address: VirtualAddress,
    /// The server.
    pub server: ServerProcess,
    /// The organization.
    pub organization: Uuid,
    folder: TempDir,
}

impl Site {
    /// A site with a running server and an empty organization.
    ///
    /// # Errors
    /// When any part does not start.
    pub async fn open() -> Outcome<Site> {
        let node = Node::new(Durability::Process).await?;
        let address = VirtualAddress::new().await?;
        address.lead_to(node.address());
        let organization = School::create(&node.database()).await?.organization;
        let folder = tempfile::tempdir()?;
        let server = server_of(address.address(), folder.path())?;
        let mut site = Site { node, address, server, organization, folder };
        site.server.start().await?;
        Ok(site)
    }

    /// The organization, over a connection that bypasses the address. Close it before the database is restored.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn school(&self) -> Outcome<School> {
        Ok(School { organization: self.organization, sql: self.node.connect(DATABASE).await? })
    }

    /// The server's logs of all its runs, in order.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn logs(&self) -> Outcome<String> {
        let mut text = String::new();
        for entry in std::fs::read_dir(self.folder.path())? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "log") {
                text.push_str(&std::fs::read_to_string(path)?);
            }
        }
        Ok(text)
    }

    /// The output of `sync-server verify`.
    ///
    /// # Errors
    /// When it finds faults.
    pub fn verify(&self) -> Outcome<String> {
        server_of(self.node.address(), self.folder.path())?.chore(&["verify"])?;
        Ok(std::fs::read_to_string(self.folder.path().join("sync-server-verify.log"))?)
    }

    /// Saves the current state of the database.
    ///
    /// # Errors
    /// When PostgreSQL's tools fail.
    pub async fn save(&mut self, method: RestoreMethod) -> Outcome<SavedState> {
        Ok(match method {
            RestoreMethod::Promotion => {
                let mut standby = self.node.standby(Durability::Process).await?;
                standby.stop();
                SavedState::Standby(Box::new(standby))
            }
            RestoreMethod::Recovery => {
                let base = self.node.base_backup().await?;
                self.node.run(format!("SELECT pg_create_restore_point('{RESTORE_POINT}')")).await?;
                SavedState::Base(base)
            }
            RestoreMethod::DumpBeside | RestoreMethod::DumpElsewhere => SavedState::Dump(self.node.dump().await?, method),
            RestoreMethod::Template => {
                // PostgreSQL copies only a database without connections.
                self.address.lead_nowhere();
                self.node.rename_database(DATABASE, FORMER).await?;
                self.node.run(format!("CREATE DATABASE {BESIDE} TEMPLATE {FORMER}")).await?;
                self.node.rename_database(FORMER, DATABASE).await?;
                self.lead();
                SavedState::Database
            }
            RestoreMethod::FileCopy => {
                self.node.stop();
                let files = self.node.copy_files().await?;
                self.node.start().await?;
                SavedState::Files(files)
            }
        })
    }

    /// Replaces the database with a saved state. Later changes are lost. The address leads nowhere until [`Site::lead`].
    ///
    /// # Errors
    /// When PostgreSQL's tools fail.
    pub async fn restore(&mut self, saved: SavedState) -> Outcome<()> {
        self.address.lead_nowhere();
        match saved {
            SavedState::Standby(mut standby) => {
                self.node.kill();
                standby.start().await?;
                standby.promote().await?;
                self.node = *standby;
            }
            SavedState::Base(base) => {
                self.node.wait_until_archived().await?;
                let recovered = self.node.recovered(&base, &format!("recovery_target_name = '{RESTORE_POINT}'")).await?;
                self.node = recovered;
            }
            SavedState::Dump(dump, RestoreMethod::DumpElsewhere) => {
                let other = Node::unrelated().await?;
                // A dump has no roles in it, and names this one where it gives rights.
                other.run(format!("CREATE ROLE {BOUND_ROLE} NOLOGIN")).await?;
                other.load(&dump, DATABASE).await?;
                self.node = other;
            }
            SavedState::Dump(dump, _) => {
                self.node.load(&dump, BESIDE).await?;
                self.exchange().await?;
            }
            SavedState::Database => self.exchange().await?,
            SavedState::Files(files) => {
                self.node.stop();
                self.node.restore_files(&files).await?;
                self.node.start().await?;
            }
        }
        Ok(())
    }

    /// Gives the second database the name of the first.
    async fn exchange(&self) -> Outcome<()> {
        self.node.rename_database(DATABASE, FORMER).await?;
        self.node.rename_database(BESIDE, DATABASE).await
    }

    /// Leads the address to the database.
    pub fn lead(&self) {
        self.address.lead_to(self.node.address());
    }
}

/// A server that connects to the database by this address.
///
/// # Errors
/// When there is no free port.
pub fn server_of(address: SocketAddr, folder: &Path) -> Outcome<ServerProcess> {
    let database = Node::database_at(address);
    let port = paths::free_port()?;
    Ok(ServerProcess::new(database.url().to_owned(), folder.join("content"), folder.to_path_buf(), port))
}
