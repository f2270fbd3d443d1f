//! Pages that are read before they are asked for. Whoever was given a page that another one follows asks for that one next,
//! so the database reads it while the first is on its way and is being stored.
//!
//! A page that was read ahead is what a pull would have been answered with a moment earlier. Nothing but speed hangs on it.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use uuid::Uuid;

use super::Packed;
use crate::failure::Failure;

/// Pages read ahead at a time. Each takes a connection while it is read, and at most a page's memory until it is fetched.
const PAGES_MAX: usize = 8;
/// Of them, pages of one device: while one is put together, the next is read.
const PAGES_PER_DEVICE_MAX: usize = 2;
/// How long a page that was read ahead is still given out.
const FRESH_FOR: Duration = Duration::from_secs(1);

/// What a page that was read ahead answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    /// The session that asks.
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
    asked: Asked,
    since: Instant,
    page: JoinHandle<Result<Packed, Failure>>,
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.page.abort();
    }
}

/// The pages that are being read ahead.
pub struct Ahead {
    readings: Mutex<Vec<Reading>>,
    fresh_for: Duration,
}

impl Default for Ahead {
    fn default() -> Ahead {
        Ahead { readings: Mutex::default(), fresh_for: FRESH_FOR }
    }
}

impl Ahead {
    /// Begins to read the page that will be asked for, unless it or enough others are being read.
    pub(super) fn read(&self, asked: Asked, page: impl Future<Output = Result<Packed, Failure>> + Send + 'static) {
        let mut readings = self.lock();
        readings.retain(|reading| reading.since.elapsed() < self.fresh_for);
        let of_device = readings.iter().filter(|reading| reading.asked.device == asked.device).count();
        let known = readings.iter().any(|reading| reading.asked == asked);
        if !known && readings.len() < PAGES_MAX && of_device < PAGES_PER_DEVICE_MAX {
            readings.push(Reading { asked, since: Instant::now(), page: tokio::spawn(page) });
        }
    }

    /// The page that is asked for, when it is being read. A device that asks for another one is not where it was thought to be.
    pub(super) async fn take(&self, asked: Asked) -> Option<Result<Packed, Failure>> {
        let mut reading = {
            let mut readings = self.lock();
            let Some(place) = readings.iter().position(|reading| reading.asked == asked && reading.since.elapsed() < self.fresh_for) else {
                readings.retain(|reading| reading.asked.device != asked.device);
                return None;
            };
            readings.remove(place)
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

    const ASKED: Asked = Asked { session: Uuid::nil(), device: Uuid::nil(), digest: 5, subscription: 1, zstd: true };

    async fn page() -> Result<Packed, Failure> {
        Ok(Packed { bytes: b"next".to_vec(), zstd: false, next: None })
    }

    /// One whose pages stay fresh, however busy the machine is.
    fn ahead() -> Ahead {
        Ahead { fresh_for: Duration::from_secs(3_600), ..Ahead::default() }
    }

    async fn taken(ahead: &Ahead, asked: Asked) -> bool {
        ahead.take(asked).await.is_some_and(|page| page.is_ok_and(|page| page.bytes == b"next"))
    }

    #[tokio::test]
    async fn a_page_is_given_once_and_only_to_whoever_asks_for_it() {
        let ahead = ahead();
        ahead.read(ASKED, page());
        assert!(!taken(&ahead, Asked { device: Uuid::max(), ..ASKED }).await);
        assert!(taken(&ahead, ASKED).await);
        assert!(!taken(&ahead, ASKED).await, "it was given");
    }

    #[tokio::test]
    async fn a_page_for_another_question_is_dropped() {
        for other in [Asked { digest: 6, ..ASKED }, Asked { subscription: 2, ..ASKED }, Asked { zstd: false, ..ASKED }] {
            let ahead = ahead();
            ahead.read(ASKED, page());
            assert!(!taken(&ahead, other).await);
            assert!(!taken(&ahead, ASKED).await);
        }
    }

    #[tokio::test]
    async fn a_page_that_is_no_longer_fresh_is_dropped() {
        let ahead = Ahead { fresh_for: Duration::ZERO, ..Ahead::default() };
        ahead.read(ASKED, page());
        assert!(!taken(&ahead, ASKED).await);
        assert!(ahead.lock().is_empty());
    }

    #[tokio::test]
    async fn no_more_are_read_than_the_limits() {
        let ahead = ahead();
        for digest in 0..=PAGES_PER_DEVICE_MAX as i64 {
            ahead.read(Asked { digest, ..ASKED }, page());
        }
        for device in 1..=PAGES_MAX as u128 {
            ahead.read(Asked { device: Uuid::from_u128(device), ..ASKED }, page());
        }
        assert_eq!(ahead.lock().len(), PAGES_MAX);
        assert_eq!(ahead.lock().iter().filter(|reading| reading.asked.device.is_nil()).count(), PAGES_PER_DEVICE_MAX);
    }
}
