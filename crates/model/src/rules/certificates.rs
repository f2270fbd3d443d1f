//! When a certificate is due, and whether one is valid.
//!
//! The server issues a certificate when it is recorded that somebody has completed a course that certifies. Its instructor or an
//! administrator records that: a learner's own word for each topic is not enough for a certificate. The server does so once: a
//! certificate that was revoked or has expired is renewed by people, who know why.

/// What decides whether a certificate is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Whether the course certifies its learners.
    pub is_certified: bool,
    /// Whether the enrollment is recorded as completed.
    pub completed: bool,
    /// Whether the person has or had a certificate for the course, valid or not.
    pub has_one: bool,
    /// Whether the account is active.
    pub is_active: bool,
}

/// Whether a certificate is to be issued.
pub fn is_due(facts: Facts) -> bool {
    facts.is_certified && facts.completed && facts.is_active && !facts.has_one
}

/// The times of a certificate, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// When it was issued.
    pub issued_at_ms: i64,
    /// When it ends; none: never.
    pub expires_at_ms: Option<i64>,
    /// When it became invalid; none: it did not.
    pub revoked_at_ms: Option<i64>,
}

/// What a certificate is worth at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// It counts.
    Valid,
    /// It was issued for a later moment.
    NotYet,
    /// It has ended.
    Expired,
    /// Somebody has declared it invalid, which also counts for one that has ended since.
    Revoked,
}

impl Validity {
    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Validity::Valid => "valid",
            Validity::NotYet => "not_yet",
            Validity::Expired => "expired",
            Validity::Revoked => "revoked",
        }
    }
}

/// The validity of a certificate at a moment. Its end and its revocation do not belong to the time in which it is valid.
pub fn validity(times: Times, now_ms: i64) -> Validity {
    let passed = |at: Option<i64>| at.is_some_and(|at| at <= now_ms);
    if passed(times.revoked_at_ms) {
        Validity::Revoked
    } else if passed(times.expires_at_ms) {
        Validity::Expired
    } else if times.issued_at_ms > now_ms {
        Validity::NotYet
    } else {
        Validity::Valid
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_certificate_is_due_once_for_a_completed_certified_course() {
        let due = Facts { is_certified: true, completed: true, has_one: false, is_active: true };
        assert!(is_due(due));
        for not in [
            Facts { is_certified: false, ..due },
            Facts { completed: false, ..due },
            Facts { has_one: true, ..due },
            Facts { is_active: false, ..due },
        ] {
            assert!(!is_due(not), "{not:?}");
        }
    }

    proptest! {
        #[test]
        fn a_certificate_that_has_become_invalid_stays_so(
            issued_at_ms in 0_i64..20, life in proptest::option::of(1_i64..20), revoked_at_ms in proptest::option::of(0_i64..40), now in 0_i64..50,
        ) {
            let times = Times { issued_at_ms, expires_at_ms: life.map(|life| issued_at_ms + life), revoked_at_ms };
            if matches!(validity(times, now), Validity::Expired | Validity::Revoked) {
                prop_assert!(matches!(validity(times, now + 1), Validity::Expired | Validity::Revoked));
            }
            let valid = issued_at_ms <= now && times.expires_at_ms.is_none_or(|end| now < end) && revoked_at_ms.is_none_or(|at| now < at);
            prop_assert_eq!(validity(times, now) == Validity::Valid, valid);
        }
    }
}
