//! What the app takes from outside: time, randomness, the laptop's secrets and its disk. A test supplies its own.

use std::path::Path;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use uuid::Uuid;

use crate::keys::{KeyCost, LaptopSecrets, SystemKeyring};

/// How often a pull is made although the live stream announced nothing.
const SLOW_POLL_MS: u64 = 60_000;

/// The laptop's clocks.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970. The person may have set it wrong.
    fn now_ms(&self) -> i64;
    /// Milliseconds that never decrease. Counts time with a closed lid where the system provides it.
    fn monotonic_ms(&self) -> i64;
    /// Id of the laptop's current boot. Values of `monotonic_ms` are comparable only within one boot.
    fn boot(&self) -> String;
    /// Milliseconds since 1970 in the laptop's local time zone.
    fn local_ms(&self) -> i64;
    /// How far the laptop's local time is ahead of UTC at a moment, in milliseconds.
    fn offset_ms_at(&self, _ms: i64) -> i64 {
        // The two readings are not of the same millisecond, and no zone has an offset of seconds.
        let ahead = self.local_ms() - self.now_ms();
        (ahead + MINUTE_MS / 2).div_euclid(MINUTE_MS) * MINUTE_MS
    }
}

const MINUTE_MS: i64 = 60_000;

/// Cryptographically secure randomness.
pub trait Randomness: Send + Sync {
    /// Fills with random bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// What the app needs from the disk besides files.
pub trait Disk: Send + Sync {
    /// Free bytes on the disk that holds this folder; none when the system does not report it.
    fn free_bytes(&self, folder: &Path) -> Option<u64>;
}

/// All dependencies on the system.
#[derive(Clone)]
pub struct Environment {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Randomness>,
    /// The system's keyring.
    pub secrets: Arc<dyn LaptopSecrets>,
    /// The disk.
    pub disk: Arc<dyn Disk>,
    /// The cost of one password guess.
    pub key_cost: KeyCost,
    /// A pull is made this often although the live stream announced nothing.
    pub slow_poll_ms: u64,
}

impl Environment {
    /// The real laptop.
    pub fn system() -> Environment {
        Environment {
            clock: Arc::new(SystemClock::default()),
            random: Arc::new(SystemRandomness),
            secrets: Arc::new(SystemKeyring),
            disk: Arc::new(SystemDisk),
            key_cost: KeyCost::SAFE,
            slow_poll_ms: SLOW_POLL_MS,
        }
    }

    /// `N` random bytes.
    pub fn random_bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes);
        bytes
    }

    /// A new id for a row that has no natural key.
    pub fn new_id(&self) -> Uuid {
        let ms = u64::try_from(self.clock.now_ms()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(ms, &self.random_bytes()).into_uuid()
    }

    /// A random time between half of `full_ms` and all of it, so that many laptops do not send requests at the same moment.
    pub fn jittered(&self, full_ms: u64) -> u64 {
        let half = full_ms / 2;
        half + u64::from_be_bytes(self.random_bytes()) % (full_ms - half + 1)
    }
}

/// The system's clocks.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
    boot: String,
    /// Whether the system reports its uptime, time with a closed lid included.
    uptime: bool,
}

impl Default for SystemClock {
    fn default() -> SystemClock {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok().map(|text| text.trim().to_owned());
        SystemClock {
            started: Instant::now(),
            uptime: boot.is_some() && uptime_ms().is_some(),
            boot: boot.unwrap_or_else(|| Uuid::new_v4().to_string()),
        }
    }
}

/// Linux counts suspended time in `/proc/uptime`, but not in its monotonic clock.
fn uptime_ms() -> Option<i64> {
    let text = std::fs::read_to_string("/proc/uptime").ok()?;
    let seconds: f64 = text.split_whitespace().next()?.parse().ok()?;
    Some((seconds * 1000.0) as i64)
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
    fn now_ms(&self) -> i64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn monotonic_ms(&self) -> i64 {
        let since_start = || i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX);
        if self.uptime { uptime_ms().unwrap_or_else(since_start) } else { since_start() }
    }

    fn boot(&self) -> String {
        self.boot.clone()
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's zone")]
    fn local_ms(&self) -> i64 {
        let now = chrono::Local::now();
        now.timestamp_millis() + i64::from(now.offset().local_minus_utc()) * 1000
    }

    /// By the zone's rules at that moment: in summer another one than in winter.
    fn offset_ms_at(&self, ms: i64) -> i64 {
        let moment = chrono::DateTime::from_timestamp_millis(ms).unwrap_or_default().with_timezone(&chrono::Local);
        i64::from(moment.offset().local_minus_utc()) * 1000
    }
}

/// The system's randomness.
#[derive(Debug)]
pub struct SystemRandomness;

impl Randomness for SystemRandomness {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's randomness")]
    fn fill(&self, bytes: &mut [u8]) {
        rand::fill(bytes);
    }
}

/// The system's disk.
#[derive(Debug)]
pub struct SystemDisk;

impl Disk for SystemDisk {
    fn free_bytes(&self, folder: &Path) -> Option<u64> {
        fs4::available_space(folder).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_environment_provides_time_disk_space_and_unique_ids() {
        let environment = Environment::system();
        assert!(environment.clock.now_ms() > 1_700_000_000_000);
        assert!(environment.clock.monotonic_ms() <= environment.clock.monotonic_ms());
        assert_ne!(environment.new_id(), environment.new_id());
        assert!(environment.disk.free_bytes(Path::new(".")).is_some_and(|bytes| bytes > 0));
        for _ in 0..50 {
            assert!((50..=100).contains(&environment.jittered(100)));
        }
    }
}
