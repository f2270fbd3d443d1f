//! Slows down guessing: a bucket of attempts per name, refilled over time.

use std::collections::HashMap;
use std::sync::Mutex;

/// Attempts that a name has at once.
const ATTEMPTS_MAX: f64 = 10.0;
/// One attempt comes back after this many milliseconds.
const REFILL_MS: f64 = 6_000.0;
/// Names remembered at most; past it the fullest buckets are forgotten, which only forgives.
const NAMES_MAX: usize = 50_000;

/// Slows down guessing of passwords.
#[derive(Debug, Default)]
pub struct SignInLimiter {
    buckets: Mutex<HashMap<String, (f64, i64)>>,
}

impl SignInLimiter {
    /// Takes one attempt of `name`, if one is left.
    pub fn take(&self, name: &str, now_ms: i64) -> bool {
        let mut buckets = self.buckets.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if buckets.len() >= NAMES_MAX {
            buckets.retain(|_, (left, at)| refilled(*left, *at, now_ms) < ATTEMPTS_MAX);
        }
        let (left, at) = buckets.get(name).copied().unwrap_or((ATTEMPTS_MAX, now_ms));
        let left = refilled(left, at, now_ms);
        let allowed = left >= 1.0;
        buckets.insert(name.to_owned(), (if allowed { left - 1.0 } else { left }, now_ms));
        allowed
    }

    /// A right password gives the attempts back.
    pub fn forgive(&self, name: &str) {
        self.buckets.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(name);
    }
}

fn refilled(left: f64, at: i64, now_ms: i64) -> f64 {
    (left + (now_ms - at).max(0) as f64 / REFILL_MS).min(ATTEMPTS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guessing_runs_dry_and_comes_back_with_time() {
        let limiter = SignInLimiter::default();
        assert!((0..10).all(|_| limiter.take("aysel", 0)));
        assert!(!limiter.take("aysel", 0));
        assert!(limiter.take("murad", 0), "another name has its own attempts");
        assert!(limiter.take("aysel", 6_000));
        assert!(!limiter.take("aysel", 6_000));
        limiter.forgive("aysel");
        assert!(limiter.take("aysel", 6_000));
    }
}
