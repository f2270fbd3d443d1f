//! Paths of the workspace.

use std::path::{Path, PathBuf};

use crate::Outcome;

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests is in the workspace").to_path_buf()
}

/// The folder of the programs that were built together with this one.
///
/// # Errors
/// When the system does not report the path of this program.
pub fn programs() -> Outcome<PathBuf> {
    let this = std::env::current_exe()?;
    let folder = this.parent().ok_or("this program is in no folder")?;
    // Test programs are one folder deeper than other programs.
    let folder = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
    Ok(folder.to_path_buf())
}

/// A program of the workspace.
///
/// # Errors
/// When it has not been built.
pub fn program(name: &str) -> Outcome<PathBuf> {
    let path = programs()?.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    if path.is_file() {
        Ok(path)
    } else {
        Err(format!("{} is not built: `cargo xtask test` and `cargo xtask demo` build it", path.display()).into())
    }
}

/// The target folder: everything that tests and the demonstration write is below it.
///
/// # Errors
/// When the system does not report the path of this program.
pub fn target() -> Outcome<PathBuf> {
    let programs = programs()?;
    Ok(programs.parent().ok_or("the programs are in no folder")?.to_path_buf())
}

/// A folder below the target folder, created when it is missing.
///
/// # Errors
/// When it cannot be created.
pub fn folder(name: &str) -> Outcome<PathBuf> {
    let folder = target()?.join(name);
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder)
}

/// Ports below the range of outgoing connections: such a port stays free while its server is stopped.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// A port of the loopback that is free right now.
///
/// # Errors
/// When there is none.
pub fn free_port() -> Outcome<u16> {
    let is_free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    // Several test programs look for ports at the same time, so each begins elsewhere.
    let first = rand::random_range(PORTS);
    let around = (first..PORTS.end).chain(PORTS.start..first);
    Ok(around.into_iter().find(is_free).ok_or("every port is taken")?)
}
