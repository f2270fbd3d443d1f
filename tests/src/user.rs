//! Users of the operating system: `initdb` refuses to run as root, so root runs it as `postgres`.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::Outcome;

/// A user of the system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemUser {
    /// The name.
    pub name: String,
    uid: u32,
    gid: u32,
}

impl SystemUser {
    /// The user that must run PostgreSQL: `postgres` for root, otherwise none.
    ///
    /// # Errors
    /// When this process runs as root and there is no user `postgres`.
    pub fn for_postgres() -> Outcome<Option<SystemUser>> {
        if number(&["-u"]) != Some(0) {
            return Ok(None);
        }
        let uid = number(&["-u", "postgres"]);
        let gid = number(&["-g", "postgres"]);
        match (uid, gid) {
            (Some(uid), Some(gid)) => Ok(Some(SystemUser { name: "postgres".to_owned(), uid, gid })),
            _ => Err("there is no user `postgres`: install the package `postgresql`".into()),
        }
    }

    /// Makes this user the owner of a file or a folder.
    ///
    /// # Errors
    /// When that is not permitted.
    #[cfg(unix)]
    pub fn take_over(&self, path: &Path) -> Outcome<()> {
        Ok(std::os::unix::fs::chown(path, Some(self.uid), Some(self.gid))?)
    }

    /// Other systems do not switch users.
    ///
    /// # Errors
    /// Always.
    #[cfg(not(unix))]
    pub fn take_over(&self, _path: &Path) -> Outcome<()> {
        Err("there are no such users on this system".into())
    }

    /// Whether this user can traverse a folder.
    pub fn can_reach(&self, folder: &Path) -> bool {
        let (program, arguments) = self.prefix();
        let mut test = Command::new(program);
        test.args(arguments).arg("test").arg("-x").arg(folder).stdin(Stdio::null()).stderr(Stdio::null());
        test.status().is_ok_and(|status| status.success())
    }

    /// The command prefix that runs a command as this user.
    pub fn prefix(&self) -> (&'static str, Vec<String>) {
        ("setpriv", vec![format!("--reuid={}", self.uid), format!("--regid={}", self.gid), "--init-groups".to_owned(), "--".to_owned()])
    }
}

fn number(arguments: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    if !output.status.success() {
        return None;
    }
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}
