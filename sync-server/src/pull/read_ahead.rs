//! Pages that are read before they are requested. A device whose page is followed by another one requests that one next, so it is
//! read while the first page is being transferred and stored.
//!
//! A page read ahead equals the answer to a pull a moment earlier. It affects only speed.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use uuid::Uuid;

use super::Packed;
use crate::failure::Failure;

/// Pages read ahead at a time. Each takes a connection while it is read, and at most a page's memory until it is fetched.
const PAGES_MAX: usize = 8;
/// The most of them per device: while one is being compressed, the next is read.
const PAGES_PER_DEVICE_MAX: usize = 2;
/// How long a page that was read ahead may be used.
const FRESH_FOR: Duration = Duration::from_secs(1);

/// Identifies the request that a page read ahead answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct PageKey {
    /// The session of the request.
    pub session: Uuid,
    /// The device.
    pub device: Uuid,
    /// The digest of the cursors before it.
    pub digest: i64,
    /// The number of the subscription that it was read for.
    pub subscription: u64,
    /// Whether it is compressed.
    pub zstd: bool,
}

struct Reading {
    key: PageKey,
    since: Instant,
    page: JoinHandle<Result<Packed, Failure>>,
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.page.abort();
    }
}

/// The pages that are being read ahead.
pub struct ReadAhead {
    readings: Mutex<Vec<Reading>>,
    fresh_for: Duration,
}

impl Default for ReadAhead {
    fn default() -> ReadAhead {
        ReadAhead { readings: Mutex::default(), fresh_for: FRESH_FOR }
    }
}

impl ReadAhead {
    /// Begins to read the page that will be requested, unless it or enough others are being read.
    pub(super) fn read(&self, key: PageKey, page: impl Future<Output = Result<Packed, Failure>> + Send + 'static) {
        let mut readings = self.lock();
        readings.retain(|reading| reading.since.elapsed() < self.fresh_for);
        let of_device = readings.iter().filter(|reading| reading.key.device == key.device).count();
        let known = readings.iter().any(|reading| reading.key == key);
        if !known && readings.len() < PAGES_MAX && of_device < PAGES_PER_DEVICE_MAX {
            readings.push(Reading { key, since: Instant::now(), page: tokio::spawn(page) });
        }
    }

    /// The requested page, if it is being read. When the device requests another one, its pages read ahead are dropped, because its
    /// cursors are not the expected ones.
    pub(super) async fn take(&self, key: PageKey) -> Option<Result<Packed, Failure>> {
        let mut reading = {
            let mut readings = self.lock();
            let Some(index) = readings.iter().position(|reading| reading.key == key && reading.since.elapsed() < self.fresh_for) else {
                readings.retain(|reading| reading.key.device != key.device);
                return None;
            };
            readings.remove(index)
        };
        (&mut reading.page).await.ok()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Reading>> {
        self.readings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: PageKey = PageKey { session: Uuid::nil(), device: Uuid::nil(), digest: 5, subscription: 1, zstd: true };

    async fn page() -> Result<Packed, Failure> {
        Ok(Packed { bytes: b"next".to_vec(), zstd: false, next: None })
    }

    /// Pages stay fresh, however slow the machine is.
    fn ahead() -> ReadAhead {
        ReadAhead { fresh_for: Duration::from_secs(3_600), ..ReadAhead::default() }
    }

    async fn taken(ahead: &ReadAhead, key: PageKey) -> bool {
        ahead.take(key).await.is_some_and(|page| page.is_ok_and(|page| page.bytes == b"next"))
    }

    #[tokio::test]
    async fn pages_are_used_once_and_only_by_their_device() {
        let ahead = ahead();
        ahead.read(KEY, page());
        assert!(!taken(&ahead, PageKey { device: Uuid::max(), ..KEY }).await);
        assert!(taken(&ahead, KEY).await);
        assert!(!taken(&ahead, KEY).await, "it was given");
    }

    #[tokio::test]
    async fn pages_for_another_request_are_dropped() {
        for other in [PageKey { digest: 6, ..KEY }, PageKey { subscription: 2, ..KEY }, PageKey { zstd: false, ..KEY }] {
            let ahead = ahead();
            ahead.read(KEY, page());
            assert!(!taken(&ahead, other).await);
            assert!(!taken(&ahead, KEY).await);
        }
    }

    #[tokio::test]
    async fn expired_pages_are_dropped() {
        let ahead = ReadAhead { fresh_for: Duration::ZERO, ..ReadAhead::default() };
        ahead.read(KEY, page());
        assert!(!taken(&ahead, KEY).await);
        assert!(ahead.lock().is_empty());
    }

    #[tokio::test]
    async fn pages_read_ahead_are_limited() {
        let ahead = ahead();
        for digest in 0..=PAGES_PER_DEVICE_MAX as i64 {
            ahead.read(PageKey { digest, ..KEY }, page());
        }
        for device in 1..=PAGES_MAX as u128 {
            ahead.read(PageKey { device: Uuid::from_u128(device), ..KEY }, page());
        }
        assert_eq!(ahead.lock().len(), PAGES_MAX);
        assert_eq!(ahead.lock().iter().filter(|reading| reading.key.device.is_nil()).count(), PAGES_PER_DEVICE_MAX);
    }
}
