//! The people who have data on this laptop, and the window's settings: small files beside the databases.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use waystation_model::access::Role;

use crate::error::Result;
use crate::files;
use crate::view_models::{DemonstrationPerson, Look, PersonTile, Theme};

/// The file with a person's tile, in their folder.
const RESIDENT: &str = "resident.json";
/// Largest tile that is read.
const RESIDENT_BYTES_MAX: u64 = 64 * 1024;

/// A person who has data on this laptop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resident {
    /// Their account.
    pub user_id: Uuid,
    /// The device of their database on this laptop.
    pub device_id: Uuid,
    /// Their full name.
    pub full_name: String,
    /// The name they sign in with.
    pub user_name: String,
    /// Their role.
    pub role: Role,
    /// The address of their server.
    pub server: String,
    /// Number of unsent changes when they were last unlocked.
    pub waiting: i64,
    /// When they were last unlocked, in milliseconds since 1970.
    pub last_here_at: i64,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct List {
    people: Vec<Resident>,
}

/// The files beside the databases.
#[derive(Debug, Clone)]
pub struct People {
    folder: PathBuf,
}

impl People {
    /// The files in this folder.
    pub fn in_folder(folder: &Path) -> People {
        People { folder: folder.to_owned() }
    }

    /// A person's own folder.
    pub fn folder_of(&self, user_id: &Uuid) -> PathBuf {
        self.folder.join("people").join(user_id.to_string())
    }

    /// All people, the last unlocked first. Each person's file is in their own folder, so one file that cannot be read, or
    /// that another window is writing, does not hide the other people's tiles.
    pub fn all(&self) -> Vec<Resident> {
        let mut people: Vec<Resident> = self.folders().iter().filter_map(|folder| read_resident(&folder.join(RESIDENT))).collect();
        // Earlier versions kept one list for everybody.
        for person in files::read_json::<List>(&self.folder.join("people.json")).people {
            if self.folder_of(&person.user_id).exists() && !people.iter().any(|known| known.user_id == person.user_id) {
                people.push(person);
            }
        }
        people.sort_by_key(|person| std::cmp::Reverse(person.last_here_at));
        people
    }

    fn folders(&self) -> Vec<PathBuf> {
        match std::fs::read_dir(self.folder.join("people")) {
            Ok(entries) => entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect(),
            Err(error) => {
                if error.kind() != std::io::ErrorKind::NotFound {
                    tracing::warn!(%error, "the people on this laptop cannot be listed");
                }
                Vec::new()
            }
        }
    }

    /// The person with this account.
    pub fn find(&self, user_id: &Uuid) -> Option<Resident> {
        self.all().into_iter().find(|person| person.user_id == *user_id)
    }

    /// The person who signs in at this server with this name.
    pub fn find_by_name(&self, server: &str, name: &str) -> Option<Resident> {
        let name = name.trim().to_lowercase();
        self.all().into_iter().find(|person| person.server == server && person.user_name.to_lowercase() == name)
    }

    /// Writes a person's tile.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn keep(&self, resident: &Resident) -> Result<()> {
        files::write_json(&self.folder_of(&resident.user_id).join(RESIDENT), resident)
    }

    /// The window's settings.
    pub fn look(&self) -> Look {
        files::read_json::<KeptLook>(&self.folder.join("look.json")).0
    }

    /// Writes the window's settings.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn save_look(&self, look: &Look) -> Result<()> {
        files::write_json(&self.folder.join("look.json"), look)
    }
}

fn read_resident(path: &Path) -> Option<Resident> {
    let bytes = match files::read_small(path, RESIDENT_BYTES_MAX) {
        Ok(bytes) => bytes?,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "a person's tile cannot be read");
            return None;
        }
    };
    serde_json::from_slice(&bytes).inspect_err(|error| tracing::warn!(path = %path.display(), %error, "a person's tile is damaged")).ok()
}

#[derive(Deserialize)]
struct KeptLook(Look);

impl Default for KeptLook {
    fn default() -> KeptLook {
        KeptLook(Look { theme: Theme::System, language: String::new(), zoom_percent: 100 })
    }
}

impl From<Resident> for PersonTile {
    fn from(resident: Resident) -> PersonTile {
        PersonTile {
            user_id: resident.user_id.to_string(),
            full_name: resident.full_name,
            user_name: resident.user_name,
            role: resident.role,
            server: resident.server,
            waiting: resident.waiting,
            last_here_at: resident.last_here_at,
        }
    }
}

/// Reads the demonstration users from a file that only the demonstration writes: a JSON list of people.
pub fn demonstration_people(path: &Path) -> Vec<DemonstrationPerson> {
    files::read_json(path)
}
