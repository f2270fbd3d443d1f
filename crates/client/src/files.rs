//! Small files that are replaced atomically.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{ClientError, Result};

static WRITING: Mutex<()> = Mutex::new(());

/// Largest JSON file that is read.
const JSON_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Reads a small file; none when it does not exist.
///
/// # Errors
/// When it is larger than `bytes_max` or the disk fails.
pub fn read_small(path: &Path, bytes_max: u64) -> Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ClientError::disk(path)(error)),
    };
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(ClientError::disk(path))?;
    if bytes.len() as u64 > bytes_max {
        return Err(ClientError::Damaged(format!("{} is larger than it can be", path.display())));
    }
    Ok(Some(bytes))
}

/// Writes a file so that after a crash it is either the old one or the new one.
///
/// # Errors
/// When the disk fails.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    write_with(File::options().create(true).truncate(true).write(true), path, bytes)
}

fn write_with(options: &OpenOptions, path: &Path, bytes: &[u8]) -> Result<()> {
    // One writer at a time, and each process uses its own temporary name: otherwise one writer would rename the other's
    // unfinished file.
    let _gate = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let temporary = path.with_extension(format!("{}.new", std::process::id()));
    let mut file = options.open(&temporary).map_err(ClientError::disk(&temporary))?;
    file.write_all(bytes).map_err(ClientError::disk(&temporary))?;
    file.sync_all().map_err(ClientError::disk(&temporary))?;
    drop(file);
    rename(&temporary, path)
}

/// Renames a file that is already synced, and syncs the folder so that the new name survives a crash.
///
/// # Errors
/// When the disk fails.
pub fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(ClientError::disk(to))?;
    // Not every system can open a folder as a file; where it can, the new name is synced.
    if let Some(folder) = to.parent()
        && let Ok(folder) = File::open(folder)
    {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// Reads a JSON file; its default when it is missing or not readable, because these files hold no work of a person.
pub fn read_json<T: DeserializeOwned + Default>(path: &Path) -> T {
    match read_small(path, JSON_BYTES_MAX) {
        Ok(Some(bytes)) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
            tracing::warn!(path = %path.display(), %error, "a file is damaged and starts again");
            T::default()
        }),
        Ok(None) => T::default(),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "a file cannot be read and starts again");
            T::default()
        }
    }
}

/// Writes a JSON file.
///
/// # Errors
/// When the disk fails.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let bytes = serde_json::to_vec_pretty(value).map_err(|error| ClientError::Damaged(error.to_string()))?;
    write_whole(path, &bytes)
}

/// Writes a JSON file that only this laptop's user may read.
///
/// # Errors
/// When the disk fails.
pub fn write_private_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let bytes = serde_json::to_vec_pretty(value).map_err(|error| ClientError::Damaged(error.to_string()))?;
    let mut options = File::options();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    write_with(&options, path, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concurrent_writes_of_one_file_all_succeed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("look.json");
        std::thread::scope(|scope| {
            for number in 0..8 {
                let path = &path;
                scope.spawn(move || {
                    for _ in 0..20 {
                        write_json(path, &number).expect("written");
                    }
                });
            }
        });
        assert!(read_json::<i32>(&path) < 8);
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "no temporary file is left");
    }
}
