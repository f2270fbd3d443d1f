//! Reproduces how earlier builds parsed JSON numbers: up to one unit in the last place off the written value.
//!
//! Content hashes in ledgers and chains in outboxes were computed from numbers that were parsed that way. It is needed in two
//! cases only: a repeated mutation does not match its hash in the ledger, or a sent mutation does not match its outbox's chain.

use serde_json::{Number, Value};

use crate::canonical::Integers;
use crate::chain::{CONTENT_HASH_BYTES, content_hash};
use crate::wire::Mutation;

/// The largest power of ten in the table of the old parser.
const POWER_MAX: i32 = 308;

impl Mutation {
    /// This mutation as an old build parsed it from its JSON text.
    pub fn misread(&self) -> Mutation {
        Mutation { values: self.values.iter().map(misread).collect(), ..self.clone() }
    }

    /// The content hash that an old build computed for this mutation, from values that it had parsed as they are here.
    pub fn old_content_hash(&self) -> [u8; CONTENT_HASH_BYTES] {
        content_hash(&self.canonical_with(Integers::InDigits))
    }
}

fn misread(value: &Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => misread_number(number).map_or_else(|| value.clone(), Value::Number),
        Value::Array(items) => items.iter().map(misread).collect(),
        Value::Object(map) => Value::Object(map.iter().map(|(key, value)| (key.clone(), misread(value))).collect()),
        _ => value.clone(),
    }
}

/// The old parser read all digits as one integer, rounded it to a double, and multiplied or divided it by a power of ten,
/// which rounds again. None: it rejected the number.
fn misread_number(number: &Number) -> Option<Number> {
    let text = number.to_string();
    let (sign, text) = text.strip_prefix('-').map_or((1.0, text.as_str()), |rest| (-1.0, rest));
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: u64 = format!("{whole}{fraction}").parse().ok()?;
    let mut exponent = exponent.parse::<i32>().ok()? - i32::try_from(fraction.len()).ok()?;
    let mut real = digits as f64;
    if exponent < -POWER_MAX {
        real /= power_of_ten(POWER_MAX)?;
        exponent += POWER_MAX;
    }
    if exponent < 0 {
        real /= power_of_ten(-exponent)?;
    } else {
        real *= power_of_ten(exponent)?;
    }
    Number::from_f64(sign * real)
}

fn power_of_ten(exponent: i32) -> Option<f64> {
    format!("1e{exponent}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_misread_as_the_old_parser_did() {
        // The bits are what serde_json without `float_roundtrip` reads from the text.
        for (text, bits) in [
            ("15.313339332965427", 0x402e_a06e_0357_4621_u64),
            ("-15.313339332965427", 0xc02e_a06e_0357_4621),
            ("0.1", 0x3fb9_9999_9999_999a),
            ("70.0", 0x4051_8000_0000_0000),
            ("5e-324", 0x0000_0000_0000_0001),
            ("1.7976931348623157e+308", 0x7fef_ffff_ffff_ffff),
            ("2.2250738585072014e-308", 0x0010_0000_0000_0000),
            ("1234567890123456.8", 0x4311_8b54_f22a_eb03),
            ("9007199254740992.0", 0x4340_0000_0000_0000),
            ("1e+23", 0x44b5_2d02_c7e1_4af6),
            ("8.41e+21", 0x447c_7e83_209e_90b2),
            ("3e-310", 0x0000_3739_a252_b281),
            ("124260.19376612795", 0x40fe_5643_19aa_82eb),
            ("3.760671252071677e-8", 0x3e64_30a0_90fd_6764),
            ("9.853994928847811e-211", 0x1454_bbbc_3c59_f09c),
            ("1.5453794890237753e+88", 0x523f_12ee_0f0f_f352),
            ("9.244812504847787e-9", 0x3e43_da63_b137_2daf),
            ("123570.11074092971", 0x40fe_2b21_c598_47f8),
        ] {
            let value: Value = serde_json::from_str(text).expect("a number");
            let read = misread(&json!({"a": [value]}));
            assert_eq!(read["a"][0].as_f64().map(f64::to_bits), Some(bits), "{text}");
        }
    }

    #[test]
    fn integers_and_other_values_are_read_exactly() {
        for value in [json!(7), json!(-9_007_199_254_740_993_i64), json!("15.313339332965427"), json!(null), json!(true)] {
            assert_eq!(misread(&value), value);
        }
    }
}
