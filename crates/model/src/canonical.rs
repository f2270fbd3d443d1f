//! Writes JSON values in the canonical form that is hashed. `docs/PROTOCOL.md` describes it under "The chain".

use serde::Serialize;
use serde_json::Value;

/// Integers up to this one are exact as doubles, so ECMAScript writes them with the same digits.
const EXACT_MAX: u64 = 1 << 53;

/// How integers beyond 2^53 are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Integers {
    /// As the nearest double, like every other number.
    AsDoubles,
    /// With all their digits, as builds before the rule of RFC 8785 did.
    InDigits,
}

/// Appends a value as `serde_json` writes it.
pub(crate) fn write_json(text: &mut Vec<u8>, value: &impl Serialize) {
    serde_json::to_writer(text, value).expect("plain JSON values always serialize into memory");
}

/// Appends a list of values.
pub(crate) fn write_items(text: &mut Vec<u8>, items: &[Value], integers: Integers) {
    text.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            text.push(b',');
        }
        write(text, item, integers);
    }
    text.push(b']');
}

/// Appends one value. Keys are sorted here: whether `serde_json` sorts them depends on a Cargo feature that any dependency
/// may enable.
fn write(text: &mut Vec<u8>, value: &Value, integers: Integers) {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<(&String, &Value)> = map.iter().collect();
            entries.sort_by(|a, b| a.0.cmp(b.0));
            text.push(b'{');
            for (index, (key, value)) in entries.into_iter().enumerate() {
                if index > 0 {
                    text.push(b',');
                }
                write_json(text, key);
                text.push(b':');
                write(text, value, integers);
            }
            text.push(b'}');
        }
        Value::Array(items) => write_items(text, items, integers),
        Value::Number(number) => {
            let keeps_digits = match integers {
                Integers::AsDoubles => {
                    number.as_u64().or(number.as_i64().map(i64::unsigned_abs)).is_some_and(|magnitude| magnitude <= EXACT_MAX)
                }
                Integers::InDigits => !number.is_f64(),
            };
            match number.as_f64() {
                Some(real) if !keeps_digits => text.extend_from_slice(number_text(real).as_bytes()),
                _ => write_json(text, value),
            }
        }
        _ => write_json(text, value),
    }
}

/// A number as ECMAScript writes it (RFC 8785), which clients in every language can reproduce. Rust's shortest digits differ
/// where two texts of the same length are equally near: ECMAScript takes the even one.
fn number_text(real: f64) -> String {
    ryu_js::Buffer::new().format(real).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn written(value: &Value) -> String {
        let mut text = Vec::new();
        write(&mut text, value, Integers::AsDoubles);
        String::from_utf8(text).expect("text")
    }

    #[test]
    fn numbers_are_written_as_ecmascript_writes_them() {
        // The expected texts are the results of `JSON.stringify(JSON.parse(…))`.
        for (sent, text) in [
            ("0.0", "0"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("1.0", "1"),
            ("-2.5", "-2.5"),
            ("70.0", "70"),
            ("70", "70"),
            ("0.1", "0.1"),
            ("15.313339332965427", "15.313339332965427"),
            ("0.000001", "0.000001"),
            ("0.0000001", "1e-7"),
            ("1.5e-9", "1.5e-9"),
            ("1e16", "10000000000000000"),
            ("123456789012345680000.0", "123456789012345680000"),
            ("1e21", "1e+21"),
            ("-1.25e300", "-1.25e+300"),
            ("5e-324", "5e-324"),
            ("-1143184647699130.25", "-1143184647699130.2"),
            ("5e-7", "5e-7"),
            ("4.35", "4.35"),
            ("1.7976931348623157e308", "1.7976931348623157e+308"),
            ("9007199254740992", "9007199254740992"),
            ("9007199254740993", "9007199254740992"),
            ("-9007199254740993", "-9007199254740992"),
            ("18446744073709551615", "18446744073709552000"),
            ("123456789012345678901234567890", "1.2345678901234568e+29"),
        ] {
            let value: Value = serde_json::from_str(sent).expect("a number");
            assert_eq!(written(&json!([value])), format!("[{text}]"), "{sent}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 5_000, ..ProptestConfig::default() })]

        #[test]
        fn a_number_is_written_with_the_fewest_digits_that_read_back(bits in any::<u64>(), degrees in -180.0..180.0f64) {
            for real in [f64::from_bits(bits), degrees] {
                if real.is_finite() {
                    let digits = |text: &str| {
                        let mantissa = text.split('e').next().unwrap_or(text);
                        let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
                        digits.trim_start_matches('0').trim_end_matches('0').len()
                    };
                    prop_assert_eq!(digits(&number_text(real)), digits(&format!("{real:e}")));
                }
            }
        }

        #[test]
        fn every_integer_is_written_as_its_double(whole in any::<i64>(), unsigned in any::<u64>()) {
            prop_assert_eq!(written(&json!(whole)), number_text(whole as f64));
            prop_assert_eq!(written(&json!(unsigned)), number_text(unsigned as f64));
        }

        #[test]
        fn a_number_reads_back_as_it_was_written(bits in any::<u64>(), degrees in -180.0..180.0f64) {
            for real in [f64::from_bits(bits), degrees] {
                if real.is_finite() {
                    let read: Value = serde_json::from_str(&json!(real).to_string()).expect("a number");
                    prop_assert_eq!(read.as_f64().map(f64::to_bits), Some(real.to_bits()));
                    let read: f64 = serde_json::from_str(&number_text(real)).expect("a number");
                    prop_assert_eq!(read, real);
                }
            }
        }
    }
}
