//! The key of a person's database, and what opens it.
//!
//! A random key encrypts the database. The key file holds it wrapped twice: in the *password slot* (password, and the
//! laptop's secret from the system's keyring where there is one), and in the *recovery slot* (the device's secret, which
//! the server returns at sign-in). So the data stays accessible after a new password or a lost keyring, and passwords cannot
//! be guessed on a stolen disk without the laptop's secret.

mod file;
mod keyring;
mod seal;

pub use file::{KeyFile, Opened, read, write};
pub use keyring::{KEYRING_TIME_MAX, LaptopSecrets, MemorySecrets, NoSecrets, SystemKeyring};
pub use seal::KeyCost;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use uuid::Uuid;
use waystation_model::Code;
use zeroize::Zeroizing;

use crate::environment::Environment;
use crate::error::{ClientError, Result};
use crate::store::DatabaseKey;

/// One person's key file, with the operations that open and rewrite it.
#[derive(Clone)]
pub struct Keys {
    folder: PathBuf,
    user_id: Uuid,
    environment: Environment,
}

/// A device and its secret, which the server returns at sign-in.
#[derive(Clone)]
pub struct DeviceSecret {
    /// The device.
    pub device_id: Uuid,
    /// Its secret, base64.
    pub secret: String,
}

/// An open key.
pub struct OpenKey {
    /// The database's key.
    pub key: DatabaseKey,
    /// Whether the password slot also needs the laptop's secret.
    pub guarded_by_keyring: bool,
}

impl Keys {
    /// The keys of a person in their folder.
    pub fn of(folder: &Path, user_id: Uuid, environment: &Environment) -> Keys {
        Keys { folder: folder.to_owned(), user_id, environment: environment.clone() }
    }

    /// Whether there is a key file.
    pub fn exist(&self) -> bool {
        file::exists(&self.folder)
    }

    /// The devices whose secrets open the key, the newest first. Empty when there is no readable file, or when an early version
    /// wrote it.
    pub fn devices(&self) -> Vec<Uuid> {
        file::read(&self.folder).map(|file| file.devices()).unwrap_or_default()
    }

    /// Creates a new key and its file.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn make(&self, password: &str, device: &DeviceSecret) -> Result<OpenKey> {
        let key = Zeroizing::new(self.environment.random_bytes::<32>());
        let guarded_by_keyring = self.wrap(&key, password, device, None).await?;
        Ok(OpenKey { key, guarded_by_keyring })
    }

    /// Opens with the password, without the server.
    ///
    /// # Errors
    /// `cannot_unlock` for a wrong password, `no_keyring` when the slot needs a keyring that is not available, `store_damaged`.
    pub async fn open(&self, password: &str) -> Result<OpenKey> {
        let file = file::read(&self.folder)?;
        let laptop = match &file.password.keyring_entry {
            None => None,
            Some(entry) => {
                let found = ask(self.environment.secrets.clone(), entry.clone(), None).await;
                Some(found.ok_or_else(|| ClientError::refused(Code::NoKeyring, "the key needs the system's keyring"))?)
            }
        };
        let guarded_by_keyring = laptop.is_some();
        let password = Zeroizing::new(password.to_owned());
        let (user_id, trying) = (self.user_id, file.clone());
        let opened =
            blocking(move || trying.open_with_password(&user_id, &password, laptop.as_ref().map(|secret| secret.as_slice()))).await?;
        match opened {
            Opened::Key(key) => {
                if !file.is_checked() {
                    file::write(&self.folder, &file)?;
                }
                Ok(OpenKey { key, guarded_by_keyring })
            }
            Opened::Wrong => Err(ClientError::refused(Code::CannotUnlock, "the password does not open this person's data")),
        }
    }

    /// Opens with a secret that the server returned at sign-in, the device's or one of `others`, and wraps the key with the
    /// password that the server has just accepted.
    ///
    /// # Errors
    /// `old_password_needed` when no secret opens it.
    pub async fn recover(&self, password: &str, device: &DeviceSecret, others: &[String]) -> Result<OpenKey> {
        let file = file::read(&self.folder)?;
        for secret in std::iter::once(&device.secret).chain(others) {
            if let Opened::Key(key) = file.open_with_secret(&self.user_id, &read_secret(secret)?) {
                let guarded_by_keyring = self.rewrite(&key, password, device).await?;
                return Ok(OpenKey { key, guarded_by_keyring });
            }
        }
        Err(ClientError::refused(Code::OldPasswordNeeded, "neither the password nor a secret of the server opens the key"))
    }

    /// Wraps the same key again. True when the password slot needs the laptop's secret.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn rewrite(&self, key: &DatabaseKey, password: &str, device: &DeviceSecret) -> Result<bool> {
        let before = file::read(&self.folder).ok();
        self.wrap(key, password, device, before).await
    }

    /// Wraps the same key with another password; the recovery slots stay. True when the password slot needs the laptop's secret.
    ///
    /// # Errors
    /// When the disk fails or the file is damaged.
    pub async fn change_password(&self, key: &DatabaseKey, password: &str) -> Result<bool> {
        let mut file = file::read(&self.folder)?;
        let (entry, laptop) = self.new_laptop_secret().await;
        let guarded = laptop.is_some();
        let (key, password, user_id, environment) =
            (key.clone(), Zeroizing::new(password.to_owned()), self.user_id, self.environment.clone());
        let changed = blocking(move || {
            let laptop = laptop.as_ref().map(|secret| (entry.as_str(), secret.as_slice()));
            file.set_password(&environment, &user_id, &key, &password, laptop)?;
            Ok(file)
        })
        .await?;
        file::write(&self.folder, &changed)?;
        Ok(guarded)
    }

    /// A new secret of this laptop in the keyring, under a new name; none when there is no usable keyring.
    async fn new_laptop_secret(&self) -> (String, Option<Arc<Zeroizing<Vec<u8>>>>) {
        let entry = format!("{}:{}", self.user_id, hex::encode(self.environment.random_bytes::<8>()));
        let fresh = self.environment.random_bytes::<32>().to_vec();
        let laptop = ask(self.environment.secrets.clone(), entry.clone(), Some(fresh)).await;
        (entry, laptop)
    }

    async fn wrap(&self, key: &DatabaseKey, password: &str, device: &DeviceSecret, before: Option<KeyFile>) -> Result<bool> {
        let (entry, laptop) = self.new_laptop_secret().await;
        let guarded = laptop.is_some();
        let (device_id, secret) = (device.device_id, read_secret(&device.secret)?);
        let (key, password, user_id, environment) =
            (key.clone(), Zeroizing::new(password.to_owned()), self.user_id, self.environment.clone());
        let made = blocking(move || {
            let laptop = laptop.as_ref().map(|secret| (entry.as_str(), secret.as_slice()));
            KeyFile::make(&environment, &user_id, &key, &password, laptop, (device_id, &secret), before)
        })
        .await?;
        file::write(&self.folder, &made)?;
        Ok(guarded)
    }

    /// Wraps the key with the secret of another device, leaving the password slot as it is.
    ///
    /// # Errors
    /// When the disk fails or the file is damaged.
    pub fn replace_recovery(&self, key: &DatabaseKey, device: &DeviceSecret) -> Result<()> {
        let mut file = file::read(&self.folder)?;
        file.set_recovery(&self.environment, &self.user_id, key, (device.device_id, &read_secret(&device.secret)?));
        file::write(&self.folder, &file)
    }
}

/// Decodes a device's secret from base64.
fn read_secret(text: &str) -> Result<Zeroizing<Vec<u8>>> {
    let secret = STANDARD.decode(text).map_err(|_| ClientError::BadAnswer("the recovery secret is not base64".into()))?;
    if secret.len() != 32 {
        return Err(ClientError::BadAnswer("the recovery secret has another length".into()));
    }
    Ok(Zeroizing::new(secret))
}

async fn blocking<R: Send + 'static>(work: impl FnOnce() -> Result<R> + Send + 'static) -> Result<R> {
    tokio::task::spawn_blocking(work).await.map_err(|_| ClientError::WorkerStopped)?
}

/// Reads an entry of the keyring, or stores `fresh` under this name first. None when there is no usable keyring or no such
/// entry. A keyring may panic or block forever, so the call runs on a thread of its own with a time limit.
async fn ask(secrets: Arc<dyn LaptopSecrets>, entry: String, fresh: Option<Vec<u8>>) -> Option<Arc<Zeroizing<Vec<u8>>>> {
    keyring::within_time(KEYRING_TIME_MAX, move || match fresh {
        None => secrets.get(&entry),
        Some(fresh) => {
            secrets.set(&entry, &fresh)?;
            // A keyring that does not return what was just stored is not usable.
            secrets.get(&entry).filter(|kept| *kept == fresh)
        }
    })
    .await
    .map(|secret| Arc::new(Zeroizing::new(secret)))
}

/// Whether a keyring is available.
pub async fn is_keyring_available(secrets: Arc<dyn LaptopSecrets>) -> bool {
    keyring::within_time(KEYRING_TIME_MAX, move || secrets.is_available().then_some(())).await.is_some()
}
