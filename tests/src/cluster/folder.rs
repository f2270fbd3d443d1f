//! A cluster's folder: created once, owned by the user that runs PostgreSQL, removed when it is no longer used.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::programs::bin;
use super::{Durability, OWNER};
use crate::children::Program;
use crate::user::SystemUser;
use crate::{Outcome, paths};

/// How long `initdb` may take.
const INIT_TIME_MAX: Duration = Duration::from_secs(120);

/// Settings that PostgreSQL is started with.
pub fn settings(port: u16, durability: Durability) -> Vec<String> {
    let mut settings = vec![
        format!("port={port}"),
        "listen_addresses=127.0.0.1".to_owned(),
        // A path in the target folder may exceed the maximum length of a socket's path; the loopback is enough.
        "unix_socket_directories=".to_owned(),
        "max_connections=300".to_owned(),
        "shared_buffers=256MB".to_owned(),
        "timezone=UTC".to_owned(),
        "log_timezone=UTC".to_owned(),
        "logging_collector=off".to_owned(),
    ];
    if durability != Durability::Full {
        settings.extend(["fsync=off", "full_page_writes=off"].map(str::to_owned));
    }
    if durability == Durability::None {
        settings.push("synchronous_commit=off".to_owned());
    }
    settings.into_iter().flat_map(|setting| ["-c".to_owned(), setting]).collect()
}

/// Creates an empty folder owned by the user that runs PostgreSQL.
pub fn own_folder(folder: &Path, user: Option<&SystemUser>) -> Outcome<()> {
    let problem = |error: std::io::Error| format!("{}: {error}", folder.display());
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(problem)?;
    }
    std::fs::create_dir_all(folder).map_err(problem)?;
    if let Some(user) = user {
        user.take_over(folder)?;
    }
    #[cfg(unix)]
    std::fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700)).map_err(problem)?;
    Ok(())
}

/// Creates a new cluster with this password in a folder; removes what an interrupted attempt left there.
pub fn make(folder: &Path, password: &str, user: Option<&SystemUser>) -> Outcome<()> {
    let problem = |error: std::io::Error| format!("{}: {error}", folder.display());
    own_folder(folder, user)?;
    let password_file = folder.join("password");
    std::fs::write(&password_file, format!("{password}\n")).map_err(problem)?;
    if let Some(user) = user {
        user.take_over(&password_file)?;
    }
    Program::new("initdb", bin("initdb")?)
        .arguments(["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"])
        .argument(format!("--username={OWNER}"))
        .argument(format!("--pwfile={}", password_file.display()))
        .argument("-D")
        .argument(folder.join("data"))
        .user(user.cloned())
        .run(&folder.join("initdb.log"), INIT_TIME_MAX)?;
    std::fs::write(folder.join("made"), "").map_err(problem)?;
    Ok(())
}

/// A folder below the target folder; below the system's temporary folder when the user `postgres` cannot reach that.
pub fn reachable(name: &str) -> Outcome<PathBuf> {
    let folder = paths::folder(name)?;
    let Some(user) = SystemUser::for_postgres()? else { return Ok(folder) };
    if user.can_reach(&folder) {
        return Ok(folder);
    }
    let flat: String = folder.to_string_lossy().chars().map(|character| if character == '/' { '-' } else { character }).collect();
    let fallback = Path::new("/var/tmp").join(format!("waystation{flat}"));
    std::fs::create_dir_all(&fallback).map_err(|error| format!("{}: {error}", fallback.display()))?;
    if user.can_reach(&fallback) { Ok(fallback) } else { Err(format!("{} cannot reach {}", user.name, fallback.display()).into()) }
}

/// Removes clusters of processes that have ended. Their PostgreSQL ended with them.
pub fn remove_stale(parent: &Path) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        // The name holds the process id and the number of the folder.
        let process = name.split('-').next().unwrap_or_default();
        let is_running = Path::new("/proc").join(process).exists();
        let is_ours = !process.is_empty() && process.bytes().all(|byte| byte.is_ascii_digit());
        if is_ours && !is_running {
            // A folder that cannot be removed does no harm.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}
