//! Measures the offset between the server's clock and this laptop's, from answers that arrive quickly.

use crate::environment::Clock;

/// The offset of an answer that took longer is too inaccurate. A lid that was closed meanwhile makes it long.
const ANSWER_MS_MAX: i64 = 10_000;

/// A hundred years. A larger offset comes from a wrong clock, and is limited so that adding it to a time cannot overflow.
const OFFSET_MS_MAX: i64 = 100 * 365 * 24 * 60 * 60 * 1000;

/// When a request was sent, by both clocks of the laptop.
#[derive(Debug, Clone, Copy)]
pub struct RequestTime {
    wall_ms: i64,
    monotonic_ms: i64,
}

impl RequestTime {
    /// A request that is sent now.
    pub fn now(clock: &dyn Clock) -> RequestTime {
        RequestTime { wall_ms: clock.now_ms(), monotonic_ms: clock.monotonic_ms() }
    }

    /// The server's clock minus the laptop's, in milliseconds, from an answer that has arrived now with this `server_time`.
    /// None when the answer took too long or the laptop's clock was set meanwhile.
    pub fn offset_ms(self, clock: &dyn Clock, server_time: i64) -> Option<i64> {
        let wall = clock.now_ms() - self.wall_ms;
        let soon = 0..=ANSWER_MS_MAX;
        let offset_ms = server_time.saturating_sub(self.wall_ms).saturating_sub(wall / 2);
        let is_soon = soon.contains(&wall) && soon.contains(&(clock.monotonic_ms() - self.monotonic_ms));
        is_soon.then(|| offset_ms.clamp(-OFFSET_MS_MAX, OFFSET_MS_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct FixedClock;

    impl Clock for FixedClock {
        fn now_ms(&self) -> i64 {
            1_800_000_000_000
        }
        fn monotonic_ms(&self) -> i64 {
            7
        }
        fn boot(&self) -> String {
            String::new()
        }
        fn local_ms(&self) -> i64 {
            self.now_ms()
        }
    }

    #[test]
    fn extreme_server_times_are_limited_to_offsets_that_cannot_overflow() {
        let asked = RequestTime::now(&FixedClock);
        assert_eq!(asked.offset_ms(&FixedClock, FixedClock.now_ms() + 5), Some(5));
        for (server_time, measured) in [(i64::MIN, -OFFSET_MS_MAX), (i64::MAX, OFFSET_MS_MAX)] {
            assert_eq!(asked.offset_ms(&FixedClock, server_time), Some(measured));
            assert!(FixedClock.now_ms().checked_add(measured).is_some());
        }
    }
}
