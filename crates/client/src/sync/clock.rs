//! How far the server's clock is from this laptop's, by an answer that came soon enough to tell.

use crate::environment::Clock;

/// An answer that was longer on its way says too little about the time. A lid that was closed meanwhile makes it long.
const ANSWER_MS_MAX: i64 = 10_000;

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
        (soon.contains(&wall) && soon.contains(&(clock.monotonic_ms() - self.monotonic_ms))).then(|| server_time - self.wall_ms - wall / 2)
    }
}
