//! How far the server's clock is from this laptop's, by an answer that came soon enough to tell.

use crate::environment::Clock;

/// An answer that was longer on its way says too little about the time. A lid that was closed meanwhile makes it long.
const ANSWER_MS_MAX: i64 = 10_000;

/// A hundred years. Whatever says that the clocks are further apart is wrong itself, and no sum of two times may break of it.
const OFFSET_MS_MAX: i64 = 100 * 365 * 24 * 60 * 60 * 1000;

/// When something was asked, by both clocks of the laptop.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    wall_ms: i64,
    monotonic_ms: i64,
}

impl Asked {
    /// Asks now.
    pub fn now(clock: &dyn Clock) -> Asked {
        Asked { wall_ms: clock.now_ms(), monotonic_ms: clock.monotonic_ms() }
    }

    /// The answer is here now and says `server_time`: the server's clock minus the laptop's, in milliseconds. None when it
    /// was too long on its way, or somebody set the clock meanwhile.
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

    struct Still;

    impl Clock for Still {
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
    fn a_server_whose_clock_is_out_of_its_mind_breaks_no_sum() {
        let asked = Asked::now(&Still);
        assert_eq!(asked.offset_ms(&Still, Still.now_ms() + 5), Some(5));
        for (said, measured) in [(i64::MIN, -OFFSET_MS_MAX), (i64::MAX, OFFSET_MS_MAX)] {
            assert_eq!(asked.offset_ms(&Still, said), Some(measured));
            assert!(Still.now_ms().checked_add(measured).is_some());
        }
    }
}
