//! How many attempts at a test somebody has left.
//!
//! A test that may be tried three times has the attempts 1, 2 and 3, and each number exists once. The number decides and not how
//! many attempts exist: an import may bring the second attempt without the first.

/// Attempts left after the one with the number `last`; 0 is none so far. None: the test may be tried without a limit.
pub fn left(attempts_max: Option<i64>, last: i64) -> Option<i64> {
    attempts_max.map(|max| (max - last.max(0)).max(0))
}

/// Whether the attempt with this number may begin.
pub fn may_begin(attempts_max: Option<i64>, number: i64) -> bool {
    attempts_max.is_none_or(|max| number <= max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_test_without_a_limit_always_has_an_attempt_left() {
        assert_eq!(left(None, 1_000), None);
        assert!(may_begin(None, 1_001));
    }

    proptest! {
        #[test]
        fn the_next_attempt_may_begin_exactly_when_one_is_left(max in proptest::option::of(1_i64..9), last in 0_i64..12) {
            prop_assert_eq!(may_begin(max, last + 1), left(max, last) != Some(0));
        }

        #[test]
        fn an_attempt_uses_up_one_and_never_more_than_all(max in 1_i64..9, last in 0_i64..12) {
            let (before, after) = (left(Some(max), last).expect("a limit"), left(Some(max), last + 1).expect("a limit"));
            prop_assert_eq!(after, (before - 1).max(0));
            prop_assert!((0..=max).contains(&before));
        }
    }
}
