//! The folder of media: one file per content, named by its SHA-256. Only complete files have such a name.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use crate::error::{ClientError, Result};

/// Media on this laptop.
#[derive(Debug)]
pub struct MediaFolder {
    folder: PathBuf,
    here: RwLock<HashMap<String, u64>>,
}

/// Whether a text is a SHA-256 in lower-case hex, which is safe as a file name.
pub fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl MediaFolder {
    /// Opens the folder, creating it when there is none.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn open(folder: &Path) -> Result<MediaFolder> {
        fs::create_dir_all(folder).map_err(ClientError::disk(folder))?;
        let mut here = HashMap::new();
        for entry in fs::read_dir(folder).map_err(ClientError::disk(folder))? {
            let entry = entry.map_err(ClientError::disk(folder))?;
            if let (Some(name), Ok(metadata)) = (entry.file_name().to_str(), entry.metadata())
                && is_sha256(name)
                && metadata.is_file()
            {
                here.insert(name.to_owned(), metadata.len());
            }
        }
        Ok(MediaFolder { folder: folder.to_owned(), here: RwLock::new(here) })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// The path of a complete file. The caller has checked that the name is a hash.
    pub fn file(&self, sha256: &str) -> PathBuf {
        self.folder.join(sha256)
    }

    /// The path of a partial file.
    pub fn part(&self, sha256: &str) -> PathBuf {
        self.folder.join(format!("{sha256}.part"))
    }

    /// Whether the complete file is on this laptop.
    pub fn has(&self, sha256: &str) -> bool {
        self.here.read().unwrap_or_else(PoisonError::into_inner).contains_key(sha256)
    }

    /// Bytes of a partial file.
    pub fn part_bytes(&self, sha256: &str) -> u64 {
        fs::metadata(self.part(sha256)).map_or(0, |metadata| metadata.len())
    }

    /// Bytes of all complete files.
    pub fn bytes(&self) -> u64 {
        self.here.read().unwrap_or_else(PoisonError::into_inner).values().sum()
    }

    /// Gives a complete partial file its final name.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn keep(&self, sha256: &str) -> Result<()> {
        let file = self.file(sha256);
        crate::files::rename(&self.part(sha256), &file)?;
        let bytes = fs::metadata(&file).map_err(ClientError::disk(&file))?.len();
        self.here.write().unwrap_or_else(PoisonError::into_inner).insert(sha256.to_owned(), bytes);
        Ok(())
    }

    /// Removes a file, complete or partial.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn remove(&self, sha256: &str) -> Result<()> {
        self.here.write().unwrap_or_else(PoisonError::into_inner).remove(sha256);
        for path in [self.file(sha256), self.part(sha256)] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(ClientError::disk(&path)(error)),
                _ => {}
            }
        }
        Ok(())
    }
}
