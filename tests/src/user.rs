//! The system's users: `initdb` refuses to run as root, so as root it runs as `postgres`.

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
    /// Whom PostgreSQL has to run as: somebody else when we are root, otherwise none.
    ///
    /// # Errors
    /// When we are root and there is no user `postgres`.
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

    /// Gives a file or a folder to this user.
    ///
    /// # Errors
    /// When that is not allowed.
    #[cfg(unix)]
    pub fn take_over(&self, path: &Path) -> Outcome<()> {
        Ok(std::os::unix::fs::chown(path, Some(self.uid), Some(self.gid))?)
    }

    /// Nobody changes users elsewhere.
    ///
    /// # Errors
    /// Always.
    #[cfg(not(unix))]
    pub fn take_over(&self, _path: &Path) -> Outcome<()> {
        Err("there are no such users on this system".into())
    }

    /// Whether this user can pass through a folder.
    pub fn can_reach(&self, folder: &Path) -> bool {
        let (program, arguments) = self.prefix();
        let mut test = Command::new(program);
        test.args(arguments).arg("test").arg("-x").arg(folder).stdin(Stdio::null()).stderr(Stdio::null());
        test.status().is_ok_and(|status| status.success())
    }

    /// What to put before a command so that this user runs it.
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
