//! The user interface: its packages and its build. Each is updated only when its input has changed.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use crate::{node, paths, run};

/// Folders that a build of the user interface does not read, or that it writes itself.
const NOT_SOURCES: &[&str] = &["node_modules", "dist", "paraglide", "test-results", "coverage", ".svelte-kit"];

/// Installs the packages of the user interface if the lock file has changed.
pub fn packages() -> Result<(), String> {
    node::ensure()?;
    let lock = hash(&[paths::ui().join("package-lock.json")])?;
    let is_there = paths::ui().join("node_modules/.package-lock.json").is_file();
    if is_there && read_stamp("npm-ci") == Some(lock) {
        return Ok(());
    }
    // Not `npm ci`: if a registry lacks packages of other platforms, npm leaves them out of the lock file, and `ci` then
    // refuses the file that npm itself wrote. `install` keeps the locked versions.
    if !run::shown(&mut node::npm(&["install", "--no-save", "--no-audit", "--no-fund"]))? {
        return Err("npm could not fetch the packages of the screens".to_owned());
    }
    write_stamp("npm-ci", lock)
}

/// Builds the user interface if its sources have changed; false when the build failed.
pub fn build() -> Result<bool, String> {
    packages()?;
    let sources = sources()?;
    if paths::ui().join("dist/index.html").is_file() && read_stamp("ui-build") == Some(sources) {
        return Ok(true);
    }
    if !run::shown(&mut node::npm(&["run", "build"]))? {
        return Ok(false);
    }
    write_stamp("ui-build", sources)?;
    Ok(true)
}

fn sources() -> Result<u64, String> {
    let mut files = Vec::new();
    collect(&paths::ui(), &mut files)?;
    files.sort();
    hash(&files)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let problem = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in std::fs::read_dir(folder).map_err(problem)? {
        let entry = entry.map_err(problem)?;
        let name = entry.file_name();
        if NOT_SOURCES.iter().any(|other| name == *other) {
            continue;
        }
        if entry.file_type().map_err(problem)?.is_dir() {
            collect(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

/// A hash of names and contents. File times would differ in a fresh clone with the same sources.
fn hash(files: &[PathBuf]) -> Result<u64, String> {
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.hash(&mut hasher);
        std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?.hash(&mut hasher);
    }
    Ok(hasher.finish())
}

fn read_stamp(name: &str) -> Option<u64> {
    std::fs::read_to_string(paths::stamp(name)).ok()?.trim().parse().ok()
}

fn write_stamp(name: &str, hash: u64) -> Result<(), String> {
    let path = paths::stamp(name);
    let folder = path.parent().expect("a stamp lies in a folder");
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&path, hash.to_string()))
        .map_err(|error| format!("{}: {error}", path.display()))
}
