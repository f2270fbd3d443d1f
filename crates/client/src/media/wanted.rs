//! Which person on this laptop wants which files. Files are stored once for all people, and each person's database is
//! encrypted: so each person's list is stored unencrypted beside the files, and a file is removed when no list contains it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::app::make_private_folder;
use crate::error::{ClientError, Result};
use crate::files;
use crate::unlocked::STORE_FILE;

/// Largest list that is read: 64 hex digits for each of some tens of thousands of files.
const LIST_BYTES_MAX: u64 = 16 * 1024 * 1024;

#[derive(Debug, Default, Serialize, Deserialize)]
struct List {
    files: BTreeSet<String>,
}

/// The files that one person wants, and access to the others' lists.
#[derive(Debug)]
pub struct WantedFiles {
    user_id: Uuid,
    folder: PathBuf,
    people: PathBuf,
    mine: RwLock<BTreeSet<String>>,
}

impl WantedFiles {
    /// Opens the list of a person. Without a list it is made from `before`: the files that an earlier version fetched for them.
    ///
    /// # Errors
    /// Those of `before`, or when the disk fails.
    pub async fn open(
        media: &Path,
        people: &Path,
        user_id: Uuid,
        before: impl Future<Output = Result<BTreeSet<String>>>,
    ) -> Result<WantedFiles> {
        let wanted = WantedFiles { user_id, folder: media.join("wanted"), people: people.to_owned(), mine: RwLock::default() };
        make_private_folder(&wanted.folder)?;
        match read(&wanted.path_of(&user_id.to_string())) {
            Some(list) => *wanted.mine.write().unwrap_or_else(PoisonError::into_inner) = list,
            None => wanted.change(before.await?, &BTreeSet::new())?,
        }
        Ok(wanted)
    }

    fn path_of(&self, user_id: &str) -> PathBuf {
        self.folder.join(format!("{user_id}.json"))
    }

    /// Whether this person wants the file.
    pub fn has(&self, sha256: &str) -> bool {
        self.mine.read().unwrap_or_else(PoisonError::into_inner).contains(sha256)
    }

    /// Adds files to this person's list and removes others.
    ///
    /// # Errors
    /// When the disk fails; the list is unchanged then.
    pub fn change(&self, more: BTreeSet<String>, less: &BTreeSet<String>) -> Result<()> {
        let mut mine = self.mine.write().unwrap_or_else(PoisonError::into_inner);
        let changed: BTreeSet<String> = mine.union(&more).filter(|sha256| !less.contains(*sha256)).cloned().collect();
        files::write_json(&self.path_of(&self.user_id.to_string()), &List { files: changed.clone() })?;
        *mine = changed;
        Ok(())
    }

    /// Those of these files that another person on this laptop wants, or may want when their list is missing.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn wanted_by_others(&self, hashes: &BTreeSet<String>) -> Result<BTreeSet<String>> {
        let mut theirs = BTreeSet::new();
        for entry in fs::read_dir(&self.people).map_err(ClientError::disk(&self.people))? {
            let entry = entry.map_err(ClientError::disk(&self.people))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name == self.user_id.to_string() || !entry.path().join(STORE_FILE).exists() {
                continue;
            }
            match read(&self.path_of(&name)) {
                Some(list) => theirs.extend(hashes.intersection(&list).cloned()),
                // Their list is missing, because an earlier version kept none: all files may be wanted and stay.
                None => return Ok(hashes.clone()),
            }
        }
        Ok(theirs)
    }
}

/// Reads a list; none when it is missing or not readable.
fn read(path: &Path) -> Option<BTreeSet<String>> {
    let bytes = files::read_small(path, LIST_BYTES_MAX).ok().flatten()?;
    serde_json::from_slice::<List>(&bytes).ok().map(|list| list.files)
}
