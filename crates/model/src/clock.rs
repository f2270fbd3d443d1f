//! Hybrid logical time: when a person made a change. It never goes back on one device, even when that device's clock does.
//!
//! A time is microseconds since 1970: the laptop's clock in milliseconds, corrected by the offset measured at
//! sync, times a thousand, plus a counter below a thousand. It fits a JavaScript number exactly.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Microseconds since 1970-01-01T00:00Z, the last three digits a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS, Default)]
#[serde(transparent)]
#[ts(type = "number")]
pub struct At(pub i64);

impl At {
    /// The next time after `self`, given the corrected wall clock in milliseconds. Never goes back.
    pub fn next(self, now_ms: i64) -> At {
        At(now_ms.saturating_mul(1000).max(self.0.saturating_add(1)))
    }

    /// Milliseconds since 1970, the counter dropped.
    pub fn as_ms(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This time, limited to the range from 1970 to the moment when the server received it. The database cannot store
    /// every earlier time, and it would fail on one when a later change has to record this one.
    pub fn not_after(self, received_ms: i64) -> At {
        At(self.0.min(received_ms.saturating_mul(1000).saturating_add(999)).max(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_goes_back_when_the_clock_does() {
        let first = At::default().next(5_000);
        let second = first.next(1_000);
        assert!(second > first);
        assert_eq!(second.next(9_000), At(9_000_000));
    }

    #[test]
    fn a_time_from_the_future_becomes_the_time_of_receipt() {
        assert_eq!(At(9_000_000).not_after(5_000), At(5_000_999));
        assert_eq!(At(4_000_000).not_after(5_000), At(4_000_000));
        assert_eq!(At(-9_000_000_000_000_000_000).not_after(5_000), At(0));
    }

    #[test]
    fn extreme_clock_values_do_not_overflow() {
        for wrong in [i64::MIN, -1, 0, i64::MAX] {
            assert!(At(4_000_000).not_after(wrong) >= At(0));
            assert!(At(4_000_000).next(wrong) > At(4_000_000));
        }
    }
}
