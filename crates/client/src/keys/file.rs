//! `keys.json`: the wrapped key. Written whole or not at all, and twice, because without it the data is lost.

use std::path::Path;

use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::seal::{self, KeyCost, NONCE_BYTES, SALT_BYTES};
use crate::environment::Environment;
use crate::error::{ClientError, Result};
use crate::files;
use crate::store::DatabaseKey;

const FILE: &str = "keys.json";
/// The same once more, for a first file that a disk has damaged.
const COPY: &str = "keys.copy.json";
const VERSION: u32 = 1;
/// A key file is smaller than this.
const BYTES_MAX: u64 = 64 * 1024;

/// The wrapped key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyFile {
    version: u32,
    /// Opened by the password.
    pub password: PasswordSlot,
    /// Opened by the device's secret.
    pub recovery: RecoverySlot,
}

/// The key, wrapped with the password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordSlot {
    cost: KeyCost,
    #[serde(with = "text")]
    salt: Vec<u8>,
    #[serde(with = "text")]
    nonce: Vec<u8>,
    #[serde(with = "text")]
    sealed: Vec<u8>,
    /// The keyring's entry whose secret is mixed in; none when the password alone guards the key.
    pub keyring_entry: Option<String>,
}

/// The key, wrapped with the device's secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoverySlot {
    #[serde(with = "text")]
    nonce: Vec<u8>,
    #[serde(with = "text")]
    sealed: Vec<u8>,
}

/// Whether a slot opened.
pub enum Opened {
    /// It did.
    Key(DatabaseKey),
    /// The password or secret is another one.
    Wrong,
}

mod text {
    use super::STANDARD;
    use base64::Engine as _;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// What a slot is sealed for: nobody can move it to another person's file.
fn purpose(user_id: &Uuid, slot: &str) -> Vec<u8> {
    format!("waystation:{VERSION}:{user_id}:{slot}").into_bytes()
}

impl KeyFile {
    /// Wraps `key` in both slots.
    pub(super) fn make(
        environment: &Environment,
        user_id: &Uuid,
        key: &DatabaseKey,
        password: &str,
        laptop: Option<(&str, &[u8])>,
        secret: &[u8],
    ) -> Result<KeyFile> {
        let (salt, nonce) = (environment.random_bytes::<SALT_BYTES>(), environment.random_bytes::<NONCE_BYTES>());
        let wrapping = seal::password_key(environment.key_cost, password, &salt, laptop.map(|(_, secret)| secret))?;
        let mut file = KeyFile {
            version: VERSION,
            password: PasswordSlot {
                cost: environment.key_cost,
                salt: salt.to_vec(),
                nonce: nonce.to_vec(),
                sealed: seal::seal(&wrapping, &nonce, key.as_slice(), &purpose(user_id, "password")),
                keyring_entry: laptop.map(|(entry, _)| entry.to_owned()),
            },
            recovery: RecoverySlot { nonce: Vec::new(), sealed: Vec::new() },
        };
        file.set_recovery(environment, user_id, key, secret)?;
        Ok(file)
    }

    /// Wraps `key` with another device's secret.
    pub(super) fn set_recovery(&mut self, environment: &Environment, user_id: &Uuid, key: &DatabaseKey, secret: &[u8]) -> Result<()> {
        let nonce = environment.random_bytes::<NONCE_BYTES>();
        let sealed = seal::seal(&seal::secret_key(secret), &nonce, key.as_slice(), &purpose(user_id, "recovery"));
        self.recovery = RecoverySlot { nonce: nonce.to_vec(), sealed };
        Ok(())
    }

    /// Opens with the password, and the laptop's secret where the slot has one mixed in.
    pub(super) fn open_with_password(&self, user_id: &Uuid, password: &str, laptop: Option<&[u8]>) -> Result<Opened> {
        let slot = &self.password;
        let wrapping = seal::password_key(slot.cost, password, &slot.salt, laptop)?;
        Ok(opened(seal::open(&wrapping, &slot.nonce, &slot.sealed, &purpose(user_id, "password"))))
    }

    /// Opens with the device's secret.
    pub(super) fn open_with_secret(&self, user_id: &Uuid, secret: &[u8]) -> Result<Opened> {
        let slot = &self.recovery;
        Ok(opened(seal::open(&seal::secret_key(secret), &slot.nonce, &slot.sealed, &purpose(user_id, "recovery"))))
    }
}

fn opened(key: Option<DatabaseKey>) -> Opened {
    key.map_or(Opened::Wrong, Opened::Key)
}

/// Whether a person's folder has a key file.
pub fn exists(folder: &Path) -> bool {
    folder.join(FILE).exists() || folder.join(COPY).exists()
}

/// Reads a person's key file, or its copy when the first is damaged.
///
/// # Errors
/// `store_damaged` when both are.
pub fn read(folder: &Path) -> Result<KeyFile> {
    read_one(&folder.join(FILE)).or_else(|first| read_one(&folder.join(COPY)).map_err(|_| first))
}

fn read_one(path: &Path) -> Result<KeyFile> {
    let bytes = files::read_small(path, BYTES_MAX)?.ok_or_else(|| ClientError::Damaged("the key file is not there".into()))?;
    let file: KeyFile = serde_json::from_slice(&bytes).map_err(|error| ClientError::Damaged(format!("the key file: {error}")))?;
    if file.version != VERSION {
        return Err(ClientError::StoreTooNew { found: file.version, known: VERSION });
    }
    Ok(file)
}

/// Writes a person's key file. The copy follows once the first is safe, so one good file is there at every moment.
///
/// # Errors
/// When the disk fails.
pub fn write(folder: &Path, file: &KeyFile) -> Result<()> {
    let bytes = serde_json::to_vec_pretty(file).map_err(|error| ClientError::Damaged(error.to_string()))?;
    files::write_whole(&folder.join(FILE), &bytes)?;
    files::write_whole(&folder.join(COPY), &bytes)
}
