//! Checks whether a value fits its column. Laptop and server use it before they store a value.

use chrono::{NaiveDate, NaiveTime};
use serde_json::Value;
use uuid::Uuid;

use super::written::{check_json, json_bytes};
use super::{Column, Kind};

/// The largest integer that every JSON parser keeps exactly.
pub const INTEGER_MAX: u64 = (1 << 53) - 1;
/// 9999-12-31T23:59:59.999Z in milliseconds: the last time that both databases write in the same form.
pub(crate) const TIMESTAMP_MS_MAX: i64 = 253_402_300_799_999;

/// Checks that `value` fits.
///
/// # Errors
/// A short English reason for the log and for authors of other clients. The screen's text comes from the error code.
pub fn check_value(column: &Column, value: &Value) -> Result<(), &'static str> {
    if value.is_null() {
        return if column.nullable { Ok(()) } else { Err("must not be empty") };
    }
    let fits = match column.kind {
        Kind::Uuid => is_canonical_uuid(value),
        Kind::Text => return check_text(value, column.length_max),
        Kind::Choice(words) => value.as_str().is_some_and(|word| words.contains(&word)),
        Kind::Bool => value.is_boolean(),
        Kind::Int if column.is_wide => value.as_i64().is_some_and(|number| number.unsigned_abs() <= INTEGER_MAX),
        Kind::Int => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        Kind::Float => value.as_f64().is_some_and(f64::is_finite),
        // Derived ids hash the text, so only one spelling of a day is accepted; the parser alone accepts spaces.
        Kind::Date => value.as_str().is_some_and(|text| {
            NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok_and(|date| text.len() == 10 && date.format("%Y-%m-%d").to_string() == text)
        }),
        Kind::Time => value
            .as_str()
            .is_some_and(|text| NaiveTime::parse_from_str(text, "%H:%M").is_ok_and(|time| time.format("%H:%M").to_string() == text)),
        Kind::Timestamp => read_timestamp_ms(value).is_some(),
        Kind::Json => {
            check_json(value)?;
            return if json_bytes(value) <= column.length_max { Ok(()) } else { Err("is too long") };
        }
    };
    if fits { Ok(()) } else { Err("is not a value of this column's kind") }
}

/// The normal form of a value: an integer in a [`Kind::Float`] column may arrive as `70` or as `70.0`.
pub fn normal(column: &Column, value: Value) -> Value {
    match (column.kind, value.as_f64()) {
        (Kind::Float, Some(number)) => Value::from(number),
        _ => value,
    }
}

/// A wire timestamp in milliseconds since 1970; none when one of the databases cannot store it.
pub fn read_timestamp_ms(value: &Value) -> Option<i64> {
    value.as_i64().filter(|ms| (-TIMESTAMP_MS_MAX..=TIMESTAMP_MS_MAX).contains(ms))
}

fn is_canonical_uuid(value: &Value) -> bool {
    // Derived ids hash the text, so only one spelling of an id is accepted.
    value
        .as_str()
        .is_some_and(|text| Uuid::parse_str(text).is_ok_and(|id| id.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text))
}

fn check_text(value: &Value, length_max: usize) -> Result<(), &'static str> {
    let Some(text) = value.as_str() else { return Err("is not text") };
    // PostgreSQL cannot store this character. Without this check the whole batch would fail there.
    if text.contains('\0') {
        return Err("must not contain the zero character");
    }
    // A text has at most as many characters as bytes, so only long text has to be counted.
    if text.len() > length_max && text.chars().count() > length_max {
        return Err("is too long");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Merge, column};
    use super::*;
    use serde_json::json;

    #[test]
    fn only_the_canonical_spelling_of_an_id_is_taken() {
        let id = column("user_id", Kind::Uuid, Merge::Key);
        assert!(check_value(&id, &json!("0192a000-0000-7000-8000-00000000abcd")).is_ok());
        for wrong in
            ["0192A000-0000-7000-8000-00000000ABCD", "0192a00000007000800000000000abcd", "{0192a000-0000-7000-8000-00000000abcd}", ""]
        {
            assert!(check_value(&id, &json!(wrong)).is_err(), "{wrong}");
        }
        assert!(check_value(&id, &Value::Null).is_err());
        assert!(check_value(&id.optional(), &Value::Null).is_ok());
    }

    #[test]
    fn values_of_the_wrong_kind_are_refused() {
        let wrong = [
            (Kind::Bool, json!(1)),
            (Kind::Int, json!(1.5)),
            (Kind::Int, json!(9_007_199_254_740_992_i64)),
            (Kind::Int, json!(i64::MIN)),
            (Kind::Int, json!(i64::from(i32::MAX) + 1)),
            (Kind::Float, json!("1")),
            (Kind::Date, json!("2026-02-30")),
            (Kind::Date, json!("2026-2-3")),
            (Kind::Date, json!("2026-2-  3")),
            (Kind::Date, json!(" 2026-2-3 ")),
            (Kind::Time, json!(" 9:00")),
            (Kind::Time, json!("9:000")),
            (Kind::Time, json!("24:00")),
            (Kind::Timestamp, json!("2026-01-01T00:00:00Z")),
            (Kind::Timestamp, json!(i64::MAX)),
            (Kind::Choice(&["a", "b"]), json!("c")),
            (Kind::Text, json!("zero \0 inside")),
            (Kind::Json, json!({"a": "\0"})),
            (Kind::Json, json!({"a": [{"\0": 1}]})),
        ];
        for (kind, value) in wrong {
            assert!(check_value(&column("x", kind, Merge::Latest), &value).is_err(), "{kind:?} took {value}");
        }
    }

    #[test]
    fn only_a_wide_column_takes_integers_of_more_than_32_bits() {
        let position = column("x", Kind::Int, Merge::Latest);
        for (value, fits) in [(json!(i32::MAX), true), (json!(i32::MIN), true), (json!(i64::from(i32::MIN) - 1), false)] {
            assert_eq!(check_value(&position, &value).is_ok(), fits, "{value}");
        }
        let bytes = position.wide();
        assert!(check_value(&bytes, &json!(INTEGER_MAX)).is_ok());
        assert!(check_value(&bytes, &json!(INTEGER_MAX + 1)).is_err());
    }

    #[test]
    fn an_escaped_backslash_before_u0000_is_accepted() {
        assert!(check_value(&column("x", Kind::Json, Merge::Latest), &json!({"regex": "\\u0000"})).is_ok());
    }

    #[test]
    fn a_real_number_has_one_normal_form() {
        let points = column("x", Kind::Float, Merge::Latest);
        assert_eq!(normal(&points, json!(70)), json!(70.0));
        assert_eq!(normal(&points, Value::Null), Value::Null);
        assert_eq!(normal(&column("x", Kind::Int, Merge::Latest), json!(70)), json!(70));
    }

    #[test]
    fn length_counts_characters_and_not_bytes() {
        let short = column("x", Kind::Text, Merge::Latest).length_max(3);
        assert!(check_value(&short, &json!("əğı")).is_ok());
        assert!(check_value(&short, &json!("əğış")).is_err());
    }
}
