//! The key of a person's database, and who can open it.
//!
//! A random key encrypts the database. The key file holds it wrapped twice: in the *password slot* (password, and the
//! laptop's secret from the system's keyring where there is one), and in the *recovery slot* (the device's secret, which
//! the server gives to whoever signs in). So a new password or a lost keyring strands nothing, and a stolen disk without
//! the laptop's secret cannot even be guessed at.

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

/// One person's key file and the means to open and to rewrite it.
#[derive(Clone)]
pub struct Keys {
    folder: PathBuf,
    user_id: Uuid,
    environment: Environment,
}

/// An open key.
pub struct OpenKey {
    /// The database's key.
    pub key: DatabaseKey,
    /// Whether the laptop's secret guards it beside the password.
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

    /// Makes a new key and its file.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn make(&self, password: &str, recovery_secret: &str) -> Result<OpenKey> {
        let key = Zeroizing::new(self.environment.random_bytes::<32>());
        let guarded_by_keyring = self.rewrite(&key, password, recovery_secret).await?;
        Ok(OpenKey { key, guarded_by_keyring })
    }

    /// Opens with the password, without the server.
    ///
    /// # Errors
    /// `cannot_unlock` for a wrong password, `no_keyring` when the slot needs a keyring that is not there, `store_damaged`.
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
        let user_id = self.user_id;
        let opened =
            blocking(move || file.open_with_password(&user_id, &password, laptop.as_ref().map(|secret| secret.as_slice()))).await?;
        match opened {
            Opened::Key(key) => Ok(OpenKey { key, guarded_by_keyring }),
            Opened::Wrong => Err(ClientError::refused(Code::CannotUnlock, "the password does not open this person's data")),
        }
    }

    /// Opens with the device's secret, after a sign-in, and wraps the key with the password that was just accepted.
    ///
    /// # Errors
    /// `store_damaged` when the secret does not open it either.
    pub async fn recover(&self, password: &str, recovery_secret: &str) -> Result<OpenKey> {
        let file = file::read(&self.folder)?;
        let secret = read_secret(recovery_secret)?;
        let Opened::Key(key) = file.open_with_secret(&self.user_id, &secret)? else {
            return Err(ClientError::Damaged("neither the password nor the recovery secret opens the key file".into()));
        };
        let guarded_by_keyring = self.rewrite(&key, password, recovery_secret).await?;
        Ok(OpenKey { key, guarded_by_keyring })
    }

    /// Writes both slots anew. Tells whether the laptop's secret guards the password slot.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn rewrite(&self, key: &DatabaseKey, password: &str, recovery_secret: &str) -> Result<bool> {
        let entry = format!("{}:{}", self.user_id, hex::encode(self.environment.random_bytes::<8>()));
        let fresh = self.environment.random_bytes::<32>().to_vec();
        let laptop = ask(self.environment.secrets.clone(), entry.clone(), Some(fresh)).await;
        let guarded = laptop.is_some();
        let secret = read_secret(recovery_secret)?;
        let (key, password, user_id, environment) =
            (key.clone(), Zeroizing::new(password.to_owned()), self.user_id, self.environment.clone());
        let made = blocking(move || {
            let laptop = laptop.as_ref().map(|secret| (entry.as_str(), secret.as_slice()));
            KeyFile::make(&environment, &user_id, &key, &password, laptop, &secret)
        })
        .await?;
        file::write(&self.folder, &made)?;
        Ok(guarded)
    }

    /// Wraps the key with the secret of another device, leaving the password slot as it is.
    ///
    /// # Errors
    /// When the disk fails or the file is damaged.
    pub fn replace_recovery(&self, key: &DatabaseKey, recovery_secret: &str) -> Result<()> {
        let mut file = file::read(&self.folder)?;
        file.set_recovery(&self.environment, &self.user_id, key, &read_secret(recovery_secret)?)?;
        file::write(&self.folder, &file)
    }
}

/// A secret of the server, from base64.
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

/// Asks the keyring for an entry, making it from `fresh` when it is not there. None: there is no usable keyring, or no such
/// entry. A keyring may panic or wait for ever, so it is asked on a thread of its own that is given up after a while.
async fn ask(secrets: Arc<dyn LaptopSecrets>, entry: String, fresh: Option<Vec<u8>>) -> Option<Arc<Zeroizing<Vec<u8>>>> {
    keyring::within_time(KEYRING_TIME_MAX, move || match fresh {
        None => secrets.get(&entry),
        Some(fresh) => {
            secrets.set(&entry, &fresh)?;
            // A keyring that forgets at once guards nothing.
            secrets.get(&entry).filter(|kept| *kept == fresh)
        }
    })
    .await
    .map(|secret| Arc::new(Zeroizing::new(secret)))
}

/// Whether there is a keyring that answers.
pub async fn keyring_answers(secrets: Arc<dyn LaptopSecrets>) -> bool {
    keyring::within_time(KEYRING_TIME_MAX, move || secrets.answers().then_some(())).await.is_some()
}
