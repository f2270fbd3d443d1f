//! Paths in the repository and in the target folder.

use std::path::PathBuf;

/// The repository for which cargo runs this program. It differs from the one that it was built in when two checkouts share a
/// target folder.
pub fn root() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    package.parent().expect("xtask lies in the workspace").to_path_buf()
}

/// The sources of the user interface.
pub fn ui() -> PathBuf {
    root().join("ui")
}

/// The target folder, by cargo's own setting.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(path) => root().join(path),
        None => root().join("target"),
    }
}

/// Tools that are installed for this repository only.
pub fn tools() -> PathBuf {
    target().join("tools")
}

/// A file that records the input of an earlier run, so that an unchanged input is not processed again.
pub fn stamp(name: &str) -> PathBuf {
    target().join("stamps").join(name)
}
