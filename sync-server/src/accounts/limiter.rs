//! Rate limit for password guesses: token buckets, refilled over time. Module `names` decides which buckets a guess takes from.

use std::collections::HashMap;
use std::sync::Mutex;

/// Capacity of a bucket.
const ATTEMPTS_MAX: f64 = 10.0;
/// A bucket regains one attempt after this many milliseconds.
const REFILL_MS: f64 = 6_000.0;
/// The most buckets in memory, over two generations.
const BUCKETS_MAX: usize = 100_000;

/// Attempts left, and the time in milliseconds at which they were counted.
type Bucket = (f64, i64);

/// Limits how fast passwords can be guessed.
#[derive(Debug, Default)]
pub struct SignInLimiter {
    buckets: Mutex<Generations>,
}

/// When `young` is full it replaces `old`, and buckets that were not used meanwhile are dropped. Dropping one only restores its
/// attempts, and memory stays bounded however many names an attacker invents.
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
    /// Takes one attempt from each of these buckets if each has one left; otherwise takes none and returns false.
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

    /// Refills a bucket after a correct password.
    pub fn give_back(&self, key: &str) {
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
    fn attempts_run_out_and_are_refilled_over_time() {
        let limiter = SignInLimiter::default();
        assert!((0..10).all(|_| take(&limiter, "aysel", 0)));
        assert!(!take(&limiter, "aysel", 0));
        assert!(take(&limiter, "murad", 0), "another name has its own attempts");
        assert!(take(&limiter, "aysel", 6_000));
        assert!(!take(&limiter, "aysel", 6_000));
        limiter.give_back("aysel");
        assert!(take(&limiter, "aysel", 6_000));
    }

    #[test]
    fn guesses_at_two_accounts_take_an_attempt_of_each_and_a_success_refills_only_its_own() {
        let limiter = SignInLimiter::default();
        let both = ["a".to_owned(), "b".to_owned()];
        for _ in 0..10 {
            assert!(limiter.take(&both, 0));
            limiter.give_back("a");
        }
        assert!(!limiter.take(&both, 0), "b has none left");
        assert!(take(&limiter, "a", 0));
    }

    #[test]
    fn invented_names_are_evicted_and_a_guessed_one_is_kept() {
        let limiter = SignInLimiter::default();
        for number in 0..3 * BUCKETS_MAX {
            take(&limiter, &number.to_string(), 0);
            if number % 10_000 == 0 {
                take(&limiter, "aysel", 0);
            }
        }
        let buckets = limiter.buckets.lock().expect("no panic");
        assert!(buckets.young.len() + buckets.old.len() <= BUCKETS_MAX);
        drop(buckets);
        assert!(!take(&limiter, "aysel", 0));
    }
}
