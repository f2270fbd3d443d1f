//! A database that goes back in time by stock tools, under a server that is restarted or lives through it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use uuid::Uuid;

use crate::cluster::Durability;
use crate::cluster::node::{DATABASE, Node};
use crate::school::School;
use crate::server::ServerProcess;
use crate::virtual_address::VirtualAddress;
use crate::{Outcome, places};

/// How a database gets back to an earlier state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WayBack {
    /// The primary dies, and an asynchronous standby is promoted that had not got the last of it.
    Promotion,
    /// Point-in-time recovery from a base backup and archived log.
    Recovery,
    /// A dump is loaded into a new database of the same cluster, which then takes the old one's name.
    DumpBeside,
    /// A dump is loaded into another cluster.
    DumpElsewhere,
    /// `CREATE DATABASE … TEMPLATE`, and later the copy takes the old one's name.
    Template,
    /// The files of the stopped cluster are copied, and later put back: nothing in its identity differs.
    FileCopy,
}

/// A state of a database that was set aside.
#[derive(Debug)]
pub enum Kept {
    /// A standby that was stopped.
    Standby(Box<Node>),
    /// A base backup; a restore point in the archive has the state.
    Base(PathBuf),
    /// A dump, and whether it is for another cluster.
    Dump(PathBuf, WayBack),
    /// A database beside the first.
    Database,
    /// The files.
    Files(PathBuf),
}

/// The restore point of a recovery.
const RESTORE_POINT: &str = "kept";
/// A database that waits to take the name of the first.
const BESIDE: &str = "waystation_beside";
/// The name that the database gets which lost its own.
const FORMER: &str = "waystation_former";

/// PostgreSQL behind an address that can be led elsewhere, an organization in it, and a real server that knows the address alone.
pub struct Site {
    /// What the address leads to.
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
        let organization = School::found(&node.database()).await?.organization;
        let folder = tempfile::tempdir()?;
        let server = server_of(address.address(), folder.path())?;
        let mut site = Site { node, address, server, organization, folder };
        site.server.start().await?;
        Ok(site)
    }

    /// The organization, by a connection past the address. Close it before the database goes back.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn school(&self) -> Outcome<School> {
        Ok(School { organization: self.organization, sql: self.node.connect(DATABASE).await? })
    }

    /// The server's logs, all lives one after the other.
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

    /// What `sync-server verify` prints.
    ///
    /// # Errors
    /// When it finds faults.
    pub fn verify(&self) -> Outcome<String> {
        server_of(self.node.address(), self.folder.path())?.chore(&["verify"])?;
        Ok(std::fs::read_to_string(self.folder.path().join("sync-server-verify.log"))?)
    }

    /// Sets the state of the database aside, as it is now.
    ///
    /// # Errors
    /// When PostgreSQL's tools fail.
    pub async fn keep(&mut self, way: WayBack) -> Outcome<Kept> {
        Ok(match way {
            WayBack::Promotion => {
                let mut standby = self.node.standby(Durability::Process).await?;
                standby.stop();
                Kept::Standby(Box::new(standby))
            }
            WayBack::Recovery => {
                let base = self.node.base_backup().await?;
                self.node.run(format!("SELECT pg_create_restore_point('{RESTORE_POINT}')")).await?;
                Kept::Base(base)
            }
            WayBack::DumpBeside | WayBack::DumpElsewhere => Kept::Dump(self.node.dump().await?, way),
            WayBack::Template => {
                // PostgreSQL copies only what nobody is connected to.
                self.address.lead_nowhere();
                self.node.rename_database(DATABASE, FORMER).await?;
                self.node.run(format!("CREATE DATABASE {BESIDE} TEMPLATE {FORMER}")).await?;
                self.node.rename_database(FORMER, DATABASE).await?;
                self.lead();
                Kept::Database
            }
            WayBack::FileCopy => {
                self.node.stop();
                let files = self.node.copy_files().await?;
                self.node.start().await?;
                Kept::Files(files)
            }
        })
    }

    /// Puts what was set aside in the place of the database. Whatever happened since is lost. The address leads nowhere until
    /// [`Site::lead`].
    ///
    /// # Errors
    /// When PostgreSQL's tools fail.
    pub async fn go_back(&mut self, kept: Kept) -> Outcome<()> {
        self.address.lead_nowhere();
        match kept {
            Kept::Standby(mut standby) => {
                self.node.kill();
                standby.start().await?;
                standby.promote().await?;
                self.node = *standby;
            }
            Kept::Base(base) => {
                self.node.is_archived().await?;
                let recovered = self.node.recovered(&base, &format!("recovery_target_name = '{RESTORE_POINT}'")).await?;
                self.node = recovered;
            }
            Kept::Dump(dump, WayBack::DumpElsewhere) => {
                let other = Node::unrelated().await?;
                other.load(&dump, DATABASE).await?;
                self.node = other;
            }
            Kept::Dump(dump, _) => {
                self.node.load(&dump, BESIDE).await?;
                self.exchange().await?;
            }
            Kept::Database => self.exchange().await?,
            Kept::Files(files) => {
                self.node.stop();
                self.node.put_files_back(&files).await?;
                self.node.start().await?;
            }
        }
        Ok(())
    }

    /// The database beside the first takes its name.
    async fn exchange(&self) -> Outcome<()> {
        self.node.rename_database(DATABASE, FORMER).await?;
        self.node.rename_database(BESIDE, DATABASE).await
    }

    /// From now on the address leads to the database.
    pub fn lead(&self) {
        self.address.lead_to(self.node.address());
    }
}

/// A server that knows the database by this address.
///
/// # Errors
/// When there is no free port.
pub fn server_of(address: SocketAddr, folder: &Path) -> Outcome<ServerProcess> {
    let database = Node::database_at(address);
    let port = places::free_port()?;
    Ok(ServerProcess::new(database.url().to_owned(), folder.join("content"), folder.to_path_buf(), port))
}
