//! `keys.json`: the wrapped key. Written atomically and twice, because without it the data is lost.

use std::path::Path;

use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::seal::{self, KeyCost, NONCE_BYTES, SALT_BYTES};
use crate::environment::Environment;
use crate::error::{ClientError, Result};
use crate::files;
use crate::store::DatabaseKey;

const FILE: &str = "keys.json";
/// A copy, in case the disk damages the first file.
const COPY: &str = "keys.copy.json";
const VERSION: u32 = 1;
/// Largest key file that is read.
const BYTES_MAX: u64 = 64 * 1024;

/// The wrapped key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyFile {
    version: u32,
    /// Opened by the password.
    pub password: PasswordSlot,
    /// Opened by the device's secret.
    pub recovery: RecoverySlot,
    /// Opened by the secret of the device before that one, in case the server no longer knows the newer device.
    #[serde(default)]
    pub previous: Option<RecoverySlot>,
    /// SHA-256 of the slots, to tell a damaged file from a wrong password. Files of earlier versions have none.
    #[serde(default)]
    check: Option<String>,
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
    /// The device whose secret opens it.
    #[serde(default)]
    pub device_id: Option<Uuid>,
    #[serde(with = "text")]
    nonce: Vec<u8>,
    #[serde(with = "text")]
    sealed: Vec<u8>,
}

/// Whether a slot opened.
pub enum Opened {
    /// It opened, with this key.
    Key(DatabaseKey),
    /// The password or secret is wrong.
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

/// The associated data of a slot, so that it cannot be moved to another person's file.
fn purpose(user_id: &Uuid, slot: &str) -> Vec<u8> {
    format!("waystation:{VERSION}:{user_id}:{slot}").into_bytes()
}

impl KeyFile {
    /// Wraps `key` in both slots. The slot of another device in `before`, a file around the same key, is kept.
    pub(super) fn make(
        environment: &Environment,
        user_id: &Uuid,
        key: &DatabaseKey,
        password: &str,
        laptop: Option<(&str, &[u8])>,
        device: (Uuid, &[u8]),
        before: Option<KeyFile>,
    ) -> Result<KeyFile> {
        let mut file = KeyFile {
            version: VERSION,
            password: PasswordSlot::sealed(environment, user_id, key, password, laptop)?,
            recovery: RecoverySlot::sealed(environment, user_id, key, device),
            previous: None,
            check: None,
        };
        if let Some(before) = before {
            (file.recovery, file.previous) = (before.recovery, before.previous);
            file.set_recovery(environment, user_id, key, device);
        }
        Ok(file)
    }

    /// Wraps `key` with another password. The recovery slots stay.
    pub(super) fn set_password(
        &mut self,
        environment: &Environment,
        user_id: &Uuid,
        key: &DatabaseKey,
        password: &str,
        laptop: Option<(&str, &[u8])>,
    ) -> Result<()> {
        self.password = PasswordSlot::sealed(environment, user_id, key, password, laptop)?;
        Ok(())
    }

    /// Wraps `key` with a device's secret. The slot of another device becomes the previous one.
    pub(super) fn set_recovery(&mut self, environment: &Environment, user_id: &Uuid, key: &DatabaseKey, device: (Uuid, &[u8])) {
        let before = std::mem::replace(&mut self.recovery, RecoverySlot::sealed(environment, user_id, key, device));
        if before.device_id != Some(device.0) {
            self.previous = Some(before);
        }
    }

    /// The devices whose secrets open the file, the newest first.
    pub(super) fn devices(&self) -> Vec<Uuid> {
        self.slots().filter_map(|slot| slot.device_id).collect()
    }

    fn slots(&self) -> impl Iterator<Item = &RecoverySlot> {
        [&self.recovery].into_iter().chain(&self.previous)
    }

    /// Opens with the password, and with the laptop's secret when the slot uses it.
    pub(super) fn open_with_password(&self, user_id: &Uuid, password: &str, laptop: Option<&[u8]>) -> Result<Opened> {
        let slot = &self.password;
        let wrapping = seal::password_key(slot.cost, password, &slot.salt, laptop)?;
        Ok(opened(seal::open(&wrapping, &slot.nonce, &slot.sealed, &purpose(user_id, "password"))))
    }

    /// Opens with a device's secret.
    pub(super) fn open_with_secret(&self, user_id: &Uuid, secret: &[u8]) -> Opened {
        let wrapping = seal::secret_key(secret);
        opened(self.slots().find_map(|slot| seal::open(&wrapping, &slot.nonce, &slot.sealed, &purpose(user_id, "recovery"))))
    }

    /// Whether the file has a checksum.
    pub(super) fn is_checked(&self) -> bool {
        self.check.is_some()
    }

    /// The checksum of the fields that open the key. Fields that later versions add are not part of it.
    fn sum(&self) -> String {
        let (password, recovery) = (&self.password, &self.recovery);
        let cost = [password.cost.memory_kib, password.cost.passes, password.cost.lanes].map(u32::to_be_bytes).concat();
        let entry = password.keyring_entry.as_deref().unwrap_or_default().as_bytes();
        let mut hash = Sha256::new();
        for part in [&cost, &password.salt, &password.nonce, &password.sealed, entry, &recovery.nonce, &recovery.sealed] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hex::encode(hash.finalize())
    }
}

impl PasswordSlot {
    fn sealed(
        environment: &Environment,
        user_id: &Uuid,
        key: &DatabaseKey,
        password: &str,
        laptop: Option<(&str, &[u8])>,
    ) -> Result<PasswordSlot> {
        let (salt, nonce) = (environment.random_bytes::<SALT_BYTES>(), environment.random_bytes::<NONCE_BYTES>());
        let wrapping = seal::password_key(environment.key_cost, password, &salt, laptop.map(|(_, secret)| secret))?;
        Ok(PasswordSlot {
            cost: environment.key_cost,
            salt: salt.to_vec(),
            nonce: nonce.to_vec(),
            sealed: seal::seal(&wrapping, &nonce, key.as_slice(), &purpose(user_id, "password")),
            keyring_entry: laptop.map(|(entry, _)| entry.to_owned()),
        })
    }
}

impl RecoverySlot {
    fn sealed(environment: &Environment, user_id: &Uuid, key: &DatabaseKey, (device_id, secret): (Uuid, &[u8])) -> RecoverySlot {
        let nonce = environment.random_bytes::<NONCE_BYTES>();
        let sealed = seal::seal(&seal::secret_key(secret), &nonce, key.as_slice(), &purpose(user_id, "recovery"));
        RecoverySlot { device_id: Some(device_id), nonce: nonce.to_vec(), sealed }
    }
}

fn opened(key: Option<DatabaseKey>) -> Opened {
    key.map_or(Opened::Wrong, Opened::Key)
}

/// Whether a person's folder has a key file.
pub fn exists(folder: &Path) -> bool {
    folder.join(FILE).exists() || folder.join(COPY).exists()
}

/// Reads a person's key file, or its copy when the first is damaged; the first is then rewritten from the copy.
///
/// # Errors
/// `store_damaged` when both are.
pub fn read(folder: &Path) -> Result<KeyFile> {
    let first = match read_one(&folder.join(FILE)) {
        Err(error @ ClientError::Damaged(_)) => error,
        read => return read,
    };
    let Ok(copy) = read_one(&folder.join(COPY)) else { return Err(first) };
    tracing::warn!(error = %first, "the key file was damaged and is rewritten from its copy");
    if let Err(error) = write(folder, &copy) {
        tracing::warn!(%error, "the key file cannot be rewritten");
    }
    Ok(copy)
}

fn read_one(path: &Path) -> Result<KeyFile> {
    let bytes = files::read_small(path, BYTES_MAX)?.ok_or_else(|| ClientError::Damaged("the key file is not there".into()))?;
    let file: KeyFile = serde_json::from_slice(&bytes).map_err(|error| ClientError::Damaged(format!("the key file: {error}")))?;
    if file.version != VERSION {
        return Err(ClientError::StoreTooNew { found: file.version, known: VERSION });
    }
    if file.check.as_ref().is_some_and(|check| *check != file.sum()) {
        return Err(ClientError::Damaged("the key file is not what was written".into()));
    }
    Ok(file)
}

/// Writes a person's key file, and the copy after the first is synced, so that one valid file exists at every moment.
///
/// # Errors
/// When the disk fails.
pub fn write(folder: &Path, file: &KeyFile) -> Result<()> {
    let file = KeyFile { check: Some(file.sum()), ..file.clone() };
    let bytes = serde_json::to_vec_pretty(&file).map_err(|error| ClientError::Damaged(error.to_string()))?;
    files::write_whole(&folder.join(FILE), &bytes)?;
    files::write_whole(&folder.join(COPY), &bytes)
}
