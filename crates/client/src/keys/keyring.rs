//! The system's keyring, which stores the laptop's own secret.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

/// How long a keyring may take. It may be asking the person for permission.
pub const KEYRING_TIME_MAX: Duration = Duration::from_secs(20);
/// The name under which the keyring lists this program.
const SERVICE: &str = "Waystation";

/// A store of secrets for this laptop's user. Every `None` means that it is not available or refused.
pub trait LaptopSecrets: Send + Sync {
    /// The secret of this name.
    fn get(&self, entry: &str) -> Option<Vec<u8>>;
    /// Stores a secret under this name.
    fn set(&self, entry: &str, secret: &[u8]) -> Option<()>;
    /// Whether it is available.
    fn is_available(&self) -> bool;
}

/// The system's keyring.
#[derive(Debug)]
pub struct SystemKeyring;

impl LaptopSecrets for SystemKeyring {
    fn get(&self, entry: &str) -> Option<Vec<u8>> {
        keyring::Entry::new(SERVICE, entry).ok()?.get_secret().ok()
    }

    fn set(&self, entry: &str, secret: &[u8]) -> Option<()> {
        keyring::Entry::new(SERVICE, entry).ok()?.set_secret(secret).ok()
    }

    fn is_available(&self) -> bool {
        match keyring::Entry::new(SERVICE, "answers").map(|entry| entry.get_secret()) {
            Ok(Ok(_) | Err(keyring::Error::NoEntry)) => true,
            Ok(Err(_)) | Err(_) => false,
        }
    }
}

/// A laptop without a keyring.
#[derive(Debug)]
pub struct NoSecrets;

impl LaptopSecrets for NoSecrets {
    fn get(&self, _entry: &str) -> Option<Vec<u8>> {
        None
    }

    fn set(&self, _entry: &str, _secret: &[u8]) -> Option<()> {
        None
    }

    fn is_available(&self) -> bool {
        false
    }
}

/// A keyring in memory, for tests.
#[derive(Debug, Default)]
pub struct MemorySecrets {
    entries: Mutex<HashMap<String, Vec<u8>>>,
}

impl MemorySecrets {
    /// Deletes all entries, as a reinstalled system does.
    pub fn forget(&self) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl LaptopSecrets for MemorySecrets {
    fn get(&self, entry: &str) -> Option<Vec<u8>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).get(entry).cloned()
    }

    fn set(&self, entry: &str, secret: &[u8]) -> Option<()> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).insert(entry.to_owned(), secret.to_vec());
        Some(())
    }

    fn is_available(&self) -> bool {
        true
    }
}

/// Runs `work` on a thread of its own; none when it panics or takes too long. A thread that takes too long is abandoned.
pub(super) async fn within_time<R: Send + 'static>(time_max: Duration, work: impl FnOnce() -> Option<R> + Send + 'static) -> Option<R> {
    let (answer, answered) = oneshot::channel();
    std::thread::Builder::new()
        .name("keyring".into())
        .spawn(move || {
            let _ = answer.send(catch_unwind(AssertUnwindSafe(work)).ok().flatten());
        })
        .ok()?;
    tokio::time::timeout(time_max, answered).await.ok()?.ok()?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_keyring_that_panics_or_hangs_counts_as_unavailable() {
        assert_eq!(within_time::<()>(KEYRING_TIME_MAX, || panic!("no secret service")).await, None);
        let (_keep, never) = std::sync::mpsc::channel::<()>();
        assert_eq!(within_time(Duration::from_millis(1), move || never.recv().ok()).await, None);
        assert_eq!(within_time(KEYRING_TIME_MAX, || Some(7)).await, Some(7));
    }
}
