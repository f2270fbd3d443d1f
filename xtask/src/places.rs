//! Where things are.

use std::path::PathBuf;

/// The repository: the one that cargo runs this program for, which need not be the one that it was built in when two
/// checkouts share a target folder.
pub fn root() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    package.parent().expect("xtask lies in the workspace").to_path_buf()
}

/// The screens' sources.
pub fn ui() -> PathBuf {
    root().join("ui")
}

/// What is built; cargo's own setting counts.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(path) => root().join(path),
        None => root().join("target"),
    }
}

/// Tools that were installed for this repository alone.
pub fn tools() -> PathBuf {
    target().join("tools")
}

/// A file that says what an earlier run did, so that it need not be done again.
pub fn stamp(name: &str) -> PathBuf {
    target().join("stamps").join(name)
}
