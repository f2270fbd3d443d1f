//! Percentages.

/// Hundredths of a percent in the whole.
const HUNDREDTHS: u64 = 10_000;

/// `100 × part / whole`, rounded half up to two places: from 0 to 100, also when the part is larger than the whole. None when the
/// whole is 0.
pub fn percent(part: u32, whole: u32) -> Option<f64> {
    if whole == 0 {
        return None;
    }
    let (part, whole) = (u64::from(part.min(whole)), u64::from(whole));
    let hundredths = (2 * HUNDREDTHS * part + whole) / (2 * whole);
    Some(f64::from(u32::try_from(hundredths).unwrap_or(u32::MAX)) / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_half_hundredth_is_rounded_up_and_nothing_has_no_percentage() {
        assert_eq!((percent(1, 3), percent(2, 3), percent(0, 3), percent(3, 3)), (Some(33.33), Some(66.67), Some(0.0), Some(100.0)));
        assert_eq!(percent(1, 800), Some(0.13), "0.125");
        assert_eq!(percent(5, 0), None);
    }

    proptest! {
        #[test]
        fn a_percentage_is_within_its_limits_grows_with_the_part_and_is_full_only_for_the_whole_of_a_small_number(
            whole in 1_u32..5_000, part in 0_u32..6_000,
        ) {
            let of = |part| percent(part, whole).expect("there is a whole");
            prop_assert!((0.0..=100.0).contains(&of(part)));
            prop_assert!(of(part) <= of(part + 1));
            prop_assert_eq!(of(part) == 100.0, part >= whole);
            prop_assert!((of(part) - 100.0 * f64::from(part.min(whole)) / f64::from(whole)).abs() <= 0.005 + 1e-9);
        }
    }
}
