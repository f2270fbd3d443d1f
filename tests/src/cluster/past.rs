//! Stock PostgreSQL methods to save a state of a database and to restore it.

use std::path::{Path, PathBuf};

use super::Durability;
use super::node::{DATABASE, Node};
use super::programs::bin;
use crate::user::SystemUser;
use crate::{Outcome, wait};

/// How long a standby may take to receive what was written, and a segment to be archived.
const SHIP_TIME_MAX: std::time::Duration = std::time::Duration::from_secs(60);

impl Node {
    /// A running standby to which this node streams asynchronously.
    ///
    /// # Errors
    /// When it does not start or catch up.
    pub async fn standby(&self, durability: Durability) -> Outcome<Node> {
        let mut standby = Node::without_data(durability)?;
        self.base_backup_to(&standby.data(), &["--write-recovery-conf"]).await?;
        standby.start().await?;
        standby.wait_until_caught_up(self).await?;
        Ok(standby)
    }

    /// Waits until a standby has replayed everything that its primary has written so far.
    ///
    /// # Errors
    /// When it does not catch up in time.
    pub async fn wait_until_caught_up(&self, primary: &Node) -> Outcome<()> {
        let mut connection = primary.connect("postgres").await?;
        let written: String = sqlx::query_scalar("SELECT pg_current_wal_lsn()::text").fetch_one(&mut connection).await?;
        let replayed = format!("SELECT pg_last_wal_replay_lsn() >= '{written}'");
        wait::until("the standby has caught up", SHIP_TIME_MAX, || async { Ok(self.query_bool(replayed.clone()).await?.then_some(())) })
            .await
    }

    /// Promotes a standby, and waits until it is the primary.
    ///
    /// # Errors
    /// When it does not become one.
    pub async fn promote(&self) -> Outcome<()> {
        self.tool("pg_ctl", bin("pg_ctl")?, &["promote".into(), "--wait".into(), "-D".into(), self.data()]).await?;
        self.wait_until_primary().await
    }

    async fn wait_until_primary(&self) -> Outcome<()> {
        wait::until("it is a primary", SHIP_TIME_MAX, || async {
            Ok(self.query_bool("SELECT NOT pg_is_in_recovery()").await?.then_some(()))
        })
        .await
    }

    /// A base backup, from which any later moment can be recovered.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn base_backup(&self) -> Outcome<PathBuf> {
        let to = self.folder.join("base");
        self.base_backup_to(&to, &[]).await?;
        Ok(to)
    }

    async fn base_backup_to(&self, to: &Path, more: &[&str]) -> Outcome<()> {
        let mut arguments: Vec<PathBuf> = ["--checkpoint=fast", "--wal-method=stream", "--no-sync"].map(PathBuf::from).to_vec();
        arguments.extend(more.iter().map(PathBuf::from));
        arguments.push(format!("--dbname={}", self.url("postgres")).into());
        arguments.extend(["--pgdata".into(), to.to_path_buf()]);
        self.tool("pg_basebackup", bin("pg_basebackup")?, &arguments).await
    }

    /// Waits until everything that was written so far is in the archive.
    ///
    /// # Errors
    /// When it is not archived in time.
    pub async fn wait_until_archived(&self) -> Outcome<()> {
        let mut connection = self.connect("postgres").await?;
        let switched = "SELECT pg_walfile_name(pg_switch_wal())";
        let segment: String = sqlx::query_scalar(switched).fetch_one(&mut connection).await?;
        let file = self.archive().join(segment);
        wait::until("the log is archived", SHIP_TIME_MAX, || async {
            // A file that is being copied exists before it is complete.
            let archived = "SELECT coalesce(last_archived_wal, '') >= $1 FROM pg_stat_archiver";
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let mut connection = self.connect("postgres").await?;
            let is_there: bool = sqlx::query_scalar(archived).bind(name).fetch_one(&mut connection).await?;
            Ok(is_there.then_some(()))
        })
        .await
    }

    /// A running node that was recovered from a base backup and the archive up to a target, such as `recovery_target_name = 'noon'`.
    ///
    /// # Errors
    /// When the target is not reached.
    pub async fn recovered(&self, base: &Path, target: &str) -> Outcome<Node> {
        let mut node = Node::without_data(Durability::Process)?;
        node.tool("cp", "cp", &["-a".into(), base.to_path_buf(), node.data()]).await?;
        let archive = self.archive();
        let recovery =
            format!("restore_command = 'cp \"{}/%f\" \"%p\"'\n{target}\nrecovery_target_action = 'promote'\n", archive.display());
        let user = SystemUser::for_postgres()?;
        for (name, text) in [("postgresql.auto.conf", recovery.as_str()), ("recovery.signal", "")] {
            let file = node.data().join(name);
            std::fs::write(&file, text)?;
            if let Some(user) = &user {
                user.take_over(&file)?;
            }
        }
        node.start().await?;
        node.wait_until_primary().await?;
        Ok(node)
    }

    /// Dumps a database to a file.
    ///
    /// # Errors
    /// When the tool fails.
    pub async fn dump(&self) -> Outcome<PathBuf> {
        let to = self.folder.join("dump");
        let arguments = ["--format=custom".into(), format!("--dbname={}", self.url(DATABASE)).into(), "--file".into(), to.clone()];
        self.tool("pg_dump", bin("pg_dump")?, &arguments).await?;
        Ok(to)
    }

    /// Loads a dump into a new database.
    ///
    /// # Errors
    /// When the tool fails.
    pub async fn load(&self, dump: &Path, database: &str) -> Outcome<()> {
        self.run(format!("CREATE DATABASE \"{database}\" TEMPLATE template0")).await?;
        let arguments = ["--exit-on-error".into(), format!("--dbname={}", self.url(database)).into(), dump.to_path_buf()];
        self.tool("pg_restore", bin("pg_restore")?, &arguments).await
    }

    /// Renames a database, and ends its connections.
    ///
    /// # Errors
    /// When the name is taken.
    pub async fn rename_database(&self, from: &str, to: &str) -> Outcome<()> {
        self.run(format!("ALTER DATABASE \"{from}\" ALLOW_CONNECTIONS false")).await?;
        wait::until("all connections are closed", SHIP_TIME_MAX, || async {
            self.query_bool(format!("SELECT bool_and(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{from}'")).await?;
            let gone = format!("SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = '{from}')");
            Ok(self.query_bool(gone).await?.then_some(()))
        })
        .await?;
        self.run(format!("ALTER DATABASE \"{from}\" RENAME TO \"{to}\"")).await?;
        self.run(format!("ALTER DATABASE \"{to}\" ALLOW_CONNECTIONS true")).await
    }

    /// Copies the files of a stopped node.
    ///
    /// # Errors
    /// When they cannot be copied.
    pub async fn copy_files(&self) -> Outcome<PathBuf> {
        let to = self.folder.join("copy");
        self.tool("cp", "cp", &["-a".into(), self.data(), to.clone()]).await?;
        Ok(to)
    }

    /// Replaces the files of the stopped node with a copy of them.
    ///
    /// # Errors
    /// When they cannot be copied.
    pub async fn restore_files(&self, copy: &Path) -> Outcome<()> {
        std::fs::remove_dir_all(self.data())?;
        self.tool("cp", "cp", &["-a".into(), copy.to_path_buf(), self.data()]).await
    }
}
