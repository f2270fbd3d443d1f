//! Numbers as people write them: `1 234,50`, `1,234.50`, `1.234,50`, `-12.5`.

/// Digits between two separators of thousands.
const GROUP: usize = 3;

/// A number as it is written.
#[derive(Debug, PartialEq, Eq)]
struct Written {
    is_negative: bool,
    whole: String,
    fraction: String,
    /// One separator with three digits behind it: `1,234` is one and a bit, or more than a thousand.
    either: Option<char>,
}

/// A whole number. `1,234` is more than a thousand, because nobody writes a whole number with three digits behind the comma.
pub fn int(text: &str) -> Option<i64> {
    let written = written(text)?;
    let digits = if written.either.is_some() {
        written.whole + &written.fraction
    } else {
        written.fraction.chars().all(|digit| digit == '0').then_some(written.whole)?
    };
    signed(&digits, written.is_negative)
}

/// Hundredths of a currency.
pub fn hundredths(text: &str) -> Option<i64> {
    let written = written(text)?;
    if written.either.is_some() {
        return signed(&format!("{}{}00", written.whole, written.fraction), written.is_negative);
    }
    let fraction = written.fraction.trim_end_matches('0');
    (fraction.len() <= 2).then_some(())?;
    signed(&format!("{}{fraction:0<2}", written.whole), written.is_negative)
}

/// A number. `1,234` is refused, because it may be either; `1.234` is one and a bit, as programs write it.
pub fn float(text: &str) -> Option<f64> {
    let plain = text.trim();
    if plain.chars().all(|letter| letter.is_ascii_digit() || "+-.eE".contains(letter))
        && let Ok(number) = plain.parse::<f64>()
    {
        return Some(number).filter(|number| number.is_finite());
    }
    let written = written(text).filter(|written| written.either != Some(','))?;
    let sign = if written.is_negative { "-" } else { "" };
    format!("{sign}{}.{}", written.whole, written.fraction).parse().ok()
}

/// A number of a workbook that is whole.
pub fn whole(number: f64) -> Option<i64> {
    let limit = waystation_model::registry::INTEGER_MAX as f64;
    (number.fract() == 0.0 && number.abs() <= limit).then_some(number as i64)
}

fn signed(digits: &str, is_negative: bool) -> Option<i64> {
    let number: i64 = digits.parse().ok()?;
    Some(if is_negative { -number } else { number })
}

fn is_space(letter: char) -> bool {
    letter.is_whitespace()
}

fn written(text: &str) -> Option<Written> {
    let text = text.trim();
    let (is_negative, digits) = match text.strip_prefix(['-', '\u{2212}']) {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text.strip_prefix('+').unwrap_or(text).trim_start()),
    };
    if digits.is_empty() || !digits.chars().all(|letter| letter.is_ascii_digit() || ".,".contains(letter) || is_space(letter)) {
        return None;
    }
    let has_spaces = digits.chars().any(is_space);
    let (decimal, either) = decimal_separator(digits, has_spaces)?;
    let (whole, fraction) = match decimal {
        Some(separator) => digits.rsplit_once(separator)?,
        None => (digits, ""),
    };
    // A separator without digits behind it is a number that was cut.
    let is_number = |text: &str| text.chars().all(|letter| letter.is_ascii_digit());
    if !is_number(fraction) || (decimal.is_some() && fraction.is_empty()) {
        return None;
    }
    let groups: Vec<&str> = whole.split(|letter: char| !letter.is_ascii_digit()).collect();
    let kinds: std::collections::HashSet<char> =
        whole.chars().filter(|letter| !letter.is_ascii_digit()).map(|letter| if is_space(letter) { ' ' } else { letter }).collect();
    let first = groups.first()?.len();
    let are_thousands = groups.len() == 1 || ((1..=GROUP).contains(&first) && groups[1..].iter().all(|group| group.len() == GROUP));
    (are_thousands && kinds.len() <= 1 && first > 0).then(|| Written {
        is_negative,
        whole: groups.concat(),
        fraction: fraction.to_owned(),
        either,
    })
}

/// The separator before the fraction, and whether it may be one of thousands as well.
fn decimal_separator(digits: &str, has_spaces: bool) -> Option<(Option<char>, Option<char>)> {
    let count = |separator: char| digits.chars().filter(|letter| *letter == separator).count();
    let last = digits.chars().rev().find(|letter| ".,".contains(*letter));
    let Some(last) = last else { return Some((None, None)) };
    let other = if last == '.' { ',' } else { '.' };
    match (count(last), count(other)) {
        (1, 0) => {
            let (before, behind) = digits.split_once(last)?;
            let may_be_thousands = !has_spaces && behind.len() == GROUP && (1..=GROUP).contains(&before.len()) && before != "0";
            Some((Some(last), may_be_thousands.then_some(last)))
        }
        (1, _) => Some((Some(last), None)),
        (_, 0) => Some((None, None)),
        // `1,234.567.890`
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn money_is_read_as_it_is_written_here_and_elsewhere() {
        for text in ["1234,50", "1 234,50", "1\u{a0}234,5", "1,234.50", "1.234,50", "1234.5", "+1234.50"] {
            assert_eq!(hundredths(text), Some(123_450), "{text}");
        }
        assert_eq!((hundredths("1,234"), hundredths("-0,05"), hundredths("\u{2212}7")), (Some(123_400), Some(-5), Some(-700)));
        for text in ["", "-", "12.345,6,7", "1,23,4", "12 34", "1.5.5", "12,", "12 AZN", "0,005", "1e3", "1 234.567,89", "0x10"] {
            assert_eq!(hundredths(text), None, "{text}");
        }
    }

    #[test]
    fn a_number_that_may_be_either_is_refused() {
        assert_eq!((float("1,234"), float("40,123")), (None, None));
        assert_eq!(
            (float("40,1234"), float("0,123"), float("40.123"), float("1 234,567")),
            (Some(40.1234), Some(0.123), Some(40.123), Some(1234.567))
        );
        assert_eq!(
            (int("1,234"), int("1.000"), int("12.0"), int("12.5"), int("1 000 000")),
            (Some(1234), Some(1000), Some(12), None, Some(1_000_000))
        );
        assert_eq!((float("nan"), float("1e999"), float("inf"), int("99999999999999999999")), (None, None, None, None));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(money in -1_000_000_000_000_i64..1_000_000_000_000, number in -1e9..1e9_f64) {
            prop_assert_eq!(hundredths(&super::super::super::cells::Cell::Money(money).text()), Some(money));
            prop_assert_eq!(float(&number.to_string()), Some(number));
            prop_assert_eq!(int(&money.to_string()), Some(money));
        }

        #[test]
        fn no_text_breaks_it(text in "[-+0-9.,eE \u{a0}']{0,12}") {
            let _ = (int(&text), hundredths(&text), float(&text));
        }
    }
}
