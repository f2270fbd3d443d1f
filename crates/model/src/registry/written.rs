//! Checks values as PostgreSQL writes them out as JSON: size, number range and depth. PostgreSQL writes every number of a
//! `jsonb` in full (`1e308` as 309 digits), so a short value can come back as a long one. Laptop and server use the same checks.

use serde_json::{Number, Value};

use crate::limits::JSON_DEPTH_MAX;

/// No finite number has more digits before its decimal point.
const DIGITS_MAX: usize = 309;
/// From here on a number is so close to the largest one that a parser may round it to infinity.
const LARGE: f64 = 1e300;
/// Levels around a value in a tuple: the tuple itself, and the object in which a conflict or a held change stores values.
const TUPLE_DEPTH: usize = 2;

/// Bytes of a column's value as a page writes it, without the spaces that PostgreSQL puts between tokens. A text column
/// counts without its quotes.
pub fn written_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => escaped_bytes(text),
        Value::Array(_) | Value::Object(_) => json_bytes(value),
        // Numbers, truth values and null are short: an estimate is enough.
        _ => 8,
    }
}

/// Bytes of JSON with every number written in full.
pub fn json_bytes(value: &Value) -> usize {
    match value {
        Value::Null => 4,
        Value::Bool(truth) => 5 - usize::from(*truth),
        Value::Number(number) => number_bytes(number),
        Value::String(text) => escaped_bytes(text) + 2,
        Value::Array(items) => items.iter().map(json_bytes).sum::<usize>() + items.len().saturating_sub(1) + 2,
        Value::Object(map) => {
            let entries: usize = map.iter().map(|(key, value)| escaped_bytes(key) + 3 + json_bytes(value)).sum();
            entries + map.len().saturating_sub(1) + 2
        }
    }
}

/// Checks that a JSON value can be stored and read back.
///
/// # Errors
/// A short reason for the log.
pub fn check_json(value: &Value) -> Result<(), &'static str> {
    check_level(value, 1)
}

fn check_level(value: &Value, depth: usize) -> Result<(), &'static str> {
    const ZERO: &str = "must not contain the zero character";
    if matches!(value, Value::Array(_) | Value::Object(_)) && depth > JSON_DEPTH_MAX {
        return Err("is nested too deeply");
    }
    match value {
        Value::String(text) if text.contains('\0') => Err(ZERO),
        Value::Number(number) if !is_readable_number(number) => Err("has a number out of range"),
        Value::Array(items) => items.iter().try_for_each(|item| check_level(item, depth + 1)),
        Value::Object(map) => map.iter().try_for_each(|(key, value)| {
            if key.contains('\0') {
                return Err(ZERO);
            }
            check_level(value, depth + 1)
        }),
        _ => Ok(()),
    }
}

/// Whether every JSON parser can read a tuple that the database wrote: no number out of range, and nothing nested deeper than
/// what a laptop may send. One pass over the bytes; the tuple is parsed only when a number has hundreds of digits.
pub fn is_readable_tuple(tuple: &str) -> bool {
    let (mut depth, mut digits) = (0_usize, 0_usize);
    let mut long_number = false;
    let mut bytes = tuple.bytes();
    while let Some(byte) = bytes.next() {
        if byte.is_ascii_digit() {
            digits += 1;
            long_number |= digits >= DIGITS_MAX;
            continue;
        }
        digits = 0;
        match byte {
            b'"' => {
                // A string ends at the next unescaped quote.
                while let Some(inside) = bytes.next() {
                    match inside {
                        b'\\' => drop(bytes.next()),
                        b'"' => break,
                        _ => {}
                    }
                }
            }
            b'[' | b'{' => {
                depth += 1;
                if depth > JSON_DEPTH_MAX + TUPLE_DEPTH {
                    return false;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    !long_number || serde_json::from_str::<Value>(tuple).is_ok()
}

fn is_readable_number(number: &Number) -> bool {
    match number.as_f64() {
        Some(real) if real.abs() < LARGE => true,
        // Write it in full and parse it again, as the next reader does.
        Some(real) => real.is_finite() && serde_json::from_str::<f64>(&format!("{real}")).is_ok_and(f64::is_finite),
        None => false,
    }
}

/// Bytes of a number written without an exponent.
fn number_bytes(number: &Number) -> usize {
    let as_sent = number.to_string();
    match number.as_f64() {
        // Rust writes a float in full, as PostgreSQL does.
        Some(real) if as_sent.contains(['e', 'E']) => format!("{real}").len(),
        _ => as_sent.len(),
    }
}

/// Bytes of a text with JSON escapes, without its quotes.
fn escaped_bytes(text: &str) -> usize {
    let more: usize = text
        .bytes()
        .map(|byte| match byte {
            b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 8 | 12 => 1,
            0..0x20 => 5,
            _ => 0,
        })
        .sum();
    text.len() + more
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn nested(levels: usize) -> Value {
        (0..levels).fold(json!(1), |inside, _| json!([inside]))
    }

    #[test]
    fn a_number_counts_as_it_is_written_in_full() {
        for (value, bytes) in [
            (json!([1e308]), 311),
            (json!([-1e308]), 312),
            (json!([1e-300]), 2 + 302),
            (json!([1.5e-7]), 2 + 10),
            (json!([0.1, 12.5]), 10),
            (json!([100.0]), 7),
            (json!({"a": "x"}), 9),
            (json!("a\"\n\u{1}ə"), 1 + 2 + 2 + 6 + 2),
        ] {
            assert_eq!(written_bytes(&value), bytes, "{value}");
        }
        assert!(json_bytes(&json!(vec![1e308; 28_500])) > 8_000_000);
    }

    #[test]
    fn an_ordinary_value_counts_as_compact_json() {
        for value in [json!({"a": [true, false, null, 1, -2.5], "b": {"c": "d"}}), json!([]), json!({})] {
            assert_eq!(json_bytes(&value), value.to_string().len(), "{value}");
        }
    }

    #[test]
    fn nesting_is_limited() {
        assert!(check_json(&nested(JSON_DEPTH_MAX)).is_ok());
        assert!(check_json(&nested(JSON_DEPTH_MAX + 1)).is_err());
        let tuple = |levels| json!(["id", 1, nested(levels)]).to_string();
        assert!(is_readable_tuple(&tuple(JSON_DEPTH_MAX)));
        assert!(!is_readable_tuple(&tuple(JSON_DEPTH_MAX + TUPLE_DEPTH)));
        assert!(is_readable_tuple(&json!(["[".repeat(1_000), "\\\"[["]).to_string()));
    }

    #[test]
    fn a_number_out_of_range_makes_a_tuple_unreadable() {
        let of_digits = |digits: usize| format!("[1, {{\"a\": 9{}}}]", "0".repeat(digits - 1));
        assert!(is_readable_tuple(&of_digits(308)));
        assert!(!is_readable_tuple(&of_digits(309)));
        assert!(!is_readable_tuple(&of_digits(401)));
        assert!(is_readable_tuple(&format!("[\"{}\"]", "9".repeat(500))), "digits inside text are not a number");
        assert!(is_readable_tuple(&format!("[0.{}]", "1".repeat(400))), "many decimal places are in range");
    }
}
