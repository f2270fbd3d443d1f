//! The screens: their packages and their build, each only when what it is made of has changed.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use crate::{node, places, run};

/// What a build of the screens does not read, or writes itself.
const NOT_SOURCES: &[&str] = &["node_modules", "dist", "paraglide", "test-results", "coverage", ".svelte-kit"];

/// Sees to the packages of the screens.
pub fn packages() -> Result<(), String> {
    node::see_to()?;
    let lock = hash(&[places::ui().join("package-lock.json")])?;
    let is_there = places::ui().join("node_modules/.package-lock.json").is_file();
    if is_there && read_stamp("npm-ci") == Some(lock) {
        return Ok(());
    }
    // Not `npm ci`: where a registry does not have the packages of every platform, npm leaves those of the others out of
    // the lock file, and `ci` then refuses the file that npm itself wrote. `install` keeps to the versions that are locked.
    if !run::shown(&mut node::npm(&["install", "--no-save", "--no-audit", "--no-fund"]))? {
        return Err("npm could not fetch the packages of the screens".to_owned());
    }
    write_stamp("npm-ci", lock)
}

/// Builds the screens; true when they were built or need no build.
pub fn build() -> Result<bool, String> {
    packages()?;
    let sources = sources()?;
    if places::ui().join("dist/index.html").is_file() && read_stamp("ui-build") == Some(sources) {
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
    collect(&places::ui(), &mut files)?;
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

/// A hash of names and contents: a fresh clone has other times but the same sources.
fn hash(files: &[PathBuf]) -> Result<u64, String> {
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.hash(&mut hasher);
        std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?.hash(&mut hasher);
    }
    Ok(hasher.finish())
}

fn read_stamp(name: &str) -> Option<u64> {
    std::fs::read_to_string(places::stamp(name)).ok()?.trim().parse().ok()
}

fn write_stamp(name: &str, hash: u64) -> Result<(), String> {
    let path = places::stamp(name);
    let folder = path.parent().expect("a stamp lies in a folder");
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&path, hash.to_string()))
        .map_err(|error| format!("{}: {error}", path.display()))
}
