//! Slows down guessing: buckets of attempts, refilled over time. Which ones a guess takes from is said in `names`.

use std::collections::HashMap;
use std::sync::Mutex;

/// Attempts that a name has at once.
const ATTEMPTS_MAX: f64 = 10.0;
/// One attempt comes back after this many milliseconds.
const REFILL_MS: f64 = 6_000.0;
/// Buckets remembered at most, in two generations.
const BUCKETS_MAX: usize = 100_000;

/// What is left of a bucket, and when that was so.
type Bucket = (f64, i64);

/// Slows down guessing of passwords.
#[derive(Debug, Default)]
pub struct SignInLimiter {
    buckets: Mutex<Generations>,
}

/// When the young are too many, they become the old ones, and who was old and never came again is forgotten: that only
/// forgives, and costs nothing however many names somebody makes up.
#[derive(Debug, Default)]
struct Generations {
    young: HashMap<String, Bucket>,
    old: HashMap<String, Bucket>,
}

impl Generations {
    fn get(&self, key: &str) -> Option<Bucket> {
        self.young.get(key).or_else(|| self.old.get(key)).copied()
    }

    fn put(&mut self, key: &str, bucket: Bucket) {
        if self.young.len() >= BUCKETS_MAX / 2 && !self.young.contains_key(key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key.to_owned(), bucket);
    }
}

impl SignInLimiter {
    /// Takes one attempt of each of these, if all of them have one left.
    pub fn take(&self, keys: &[String], now_ms: i64) -> bool {
        let mut buckets = self.buckets.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let left = |buckets: &Generations, key: &str| {
            let (left, at) = buckets.get(key).unwrap_or((ATTEMPTS_MAX, now_ms));
            refilled(left, at, now_ms)
        };
        let allowed = keys.iter().all(|key| left(&buckets, key) >= 1.0);
        for key in keys {
            let left = left(&buckets, key);
            buckets.put(key, (if allowed { left - 1.0 } else { left }, now_ms));
        }
        allowed
    }

    /// A right password gives the attempts back.
    pub fn forgive(&self, key: &str) {
        let mut buckets = self.buckets.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        buckets.young.remove(key);
        buckets.old.remove(key);
    }
}

fn refilled(left: f64, at: i64, now_ms: i64) -> f64 {
    (left + (now_ms - at).max(0) as f64 / REFILL_MS).min(ATTEMPTS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(limiter: &SignInLimiter, key: &str, now_ms: i64) -> bool {
        limiter.take(&[key.to_owned()], now_ms)
    }

    #[test]
    fn guessing_runs_dry_and_comes_back_with_time() {
        let limiter = SignInLimiter::default();
        assert!((0..10).all(|_| take(&limiter, "aysel", 0)));
        assert!(!take(&limiter, "aysel", 0));
        assert!(take(&limiter, "murad", 0), "another name has its own attempts");
        assert!(take(&limiter, "aysel", 6_000));
        assert!(!take(&limiter, "aysel", 6_000));
        limiter.forgive("aysel");
        assert!(take(&limiter, "aysel", 6_000));
    }

    #[test]
    fn a_guess_at_two_accounts_needs_an_attempt_of_each_and_the_one_that_opens_gives_back_its_own() {
        let limiter = SignInLimiter::default();
        let both = ["a".to_owned(), "b".to_owned()];
        for _ in 0..10 {
            assert!(limiter.take(&both, 0));
            limiter.forgive("a");
        }
        assert!(!limiter.take(&both, 0), "b has none left");
        assert!(take(&limiter, "a", 0));
    }

    #[test]
    fn names_that_are_made_up_are_forgotten_and_the_one_that_is_guessed_is_not() {
        let limiter = SignInLimiter::default();
        for number in 0..3 * BUCKETS_MAX {
            take(&limiter, &number.to_string(), 0);
            if number % 10_000 == 0 {
                take(&limiter, "aysel", 0);
            }
        }
        let buckets = limiter.buckets.lock().expect("nobody panicked");
        assert!(buckets.young.len() + buckets.old.len() <= BUCKETS_MAX);
        drop(buckets);
        assert!(!take(&limiter, "aysel", 0));
    }
}
