//! A row's value as a spreadsheet holds it, and when a text has to be guarded against being taken for a formula.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat};
use serde_json::Value;

use crate::environment::Clock;
use crate::view_models::{RecordKind, ValueWords};

/// A spreadsheet takes a text that begins with one of these for a formula, or for the start of another cell.
const FORMULA_STARTS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];
/// Stands before such a text in a CSV file.
const GUARD: char = '\'';
/// Hundredths of a unit of money.
const HUNDREDTHS: i64 = 100;

/// A value of a cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Nothing.
    Empty,
    /// Text.
    Text(String),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// Hundredths of a currency.
    Money(i64),
    /// A day.
    Date(NaiveDate),
    /// A time of day.
    Time(NaiveTime),
    /// A moment: in milliseconds since 1970, and as the laptop's clock shows it.
    Moment(i64, NaiveDateTime),
}

impl Cell {
    /// A moment in milliseconds since 1970.
    pub fn moment(ms: i64, clock: &dyn Clock) -> Cell {
        DateTime::from_timestamp_millis(ms + clock.offset_ms_at(ms)).map_or(Cell::Empty, |local| Cell::Moment(ms, local.naive_utc()))
    }

    /// A value of a column. `label` names the row that a reference means, `choices` the values of a choice.
    pub fn of(kind: RecordKind, column: &str, value: &Value, label: Option<String>, words: &ValueWords, clock: &dyn Clock) -> Cell {
        if value.is_null() {
            return Cell::Empty;
        }
        let text = || value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let known = match kind {
            RecordKind::Reference => label.map(Cell::Text),
            RecordKind::Choice => {
                let word = value.as_str().and_then(|word| words.choices.get(column)?.get(word));
                word.filter(|word| !word.is_empty()).map(|word| Cell::Text(word.clone()))
            }
            RecordKind::Bool => value.as_bool().map(|flag| if flag { &words.yes } else { &words.no }).cloned().map(Cell::Text),
            RecordKind::Int => value.as_i64().map(Cell::Int),
            RecordKind::Money => value.as_i64().map(Cell::Money),
            RecordKind::Float => value.as_f64().map(Cell::Float),
            RecordKind::Date => value.as_str().and_then(|text| text.parse().ok()).map(Cell::Date),
            RecordKind::Time => value.as_str().and_then(|text| NaiveTime::parse_from_str(text, "%H:%M").ok()).map(Cell::Time),
            RecordKind::Moment => value.as_i64().map(|ms| Cell::moment(ms, clock)),
            RecordKind::Text | RecordKind::LongText | RecordKind::Json => None,
        };
        known.unwrap_or_else(|| Cell::Text(text()))
    }

    /// The value as text, as a CSV file has it.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Cell::Empty => Cow::Borrowed(""),
            Cell::Text(text) => guarded(text),
            Cell::Int(number) => Cow::Owned(number.to_string()),
            Cell::Float(number) => Cow::Owned(number.to_string()),
            Cell::Money(hundredths) => {
                let (whole, rest) = (hundredths.unsigned_abs() / 100, hundredths.unsigned_abs() % 100);
                Cow::Owned(format!("{}{whole}.{rest:02}", if *hundredths < 0 { "-" } else { "" }))
            }
            Cell::Date(date) => Cow::Owned(date.format("%Y-%m-%d").to_string()),
            Cell::Time(time) => Cow::Owned(time.format("%H:%M").to_string()),
            Cell::Moment(ms, local) => Cow::Owned(moment_text(*ms, *local)),
        }
    }
}

/// Money as a number of whole units.
pub fn units(hundredths: i64) -> f64 {
    hundredths as f64 / HUNDREDTHS as f64
}

/// RFC 3339 with the laptop's offset, so that it is read alike everywhere.
fn moment_text(ms: i64, local: NaiveDateTime) -> String {
    let offset_seconds = (local.and_utc().timestamp_millis() - ms) / 1000;
    let offset = i32::try_from(offset_seconds).ok().and_then(chrono::FixedOffset::east_opt);
    match (DateTime::from_timestamp_millis(ms), offset) {
        (Some(moment), Some(offset)) => moment.with_timezone(&offset).to_rfc3339_opts(SecondsFormat::AutoSi, false),
        _ => ms.to_string(),
    }
}

/// A text for CSV: one that a spreadsheet would run as a formula begins with an apostrophe. So does one that would be read
/// back as guarded.
pub fn guarded(text: &str) -> Cow<'_, str> {
    if needs_guard(text) { Cow::Owned(format!("{GUARD}{text}")) } else { Cow::Borrowed(text) }
}

/// The text behind the guard.
pub fn unguarded(text: &str) -> &str {
    match text.strip_prefix(GUARD) {
        Some(rest) if needs_guard(rest) => rest,
        _ => text,
    }
}

fn needs_guard(text: &str) -> bool {
    text.trim_start_matches(GUARD).starts_with(FORMULA_STARTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_run_is_guarded_and_read_back_as_it_was() {
        for text in ["=1+1", "+994 50", "-5", "@SUM(A1)", "\tx", "\rx", "'=1", "''-x"] {
            assert!(guarded(text).starts_with(GUARD), "{text}");
            assert_eq!(unguarded(&guarded(text)), text);
        }
        for text in ["", "a=1", "'quoted'", "5-6", "'"] {
            assert_eq!(guarded(text), text);
            assert_eq!(unguarded(text), text);
        }
    }

    #[test]
    fn money_has_two_digits_and_its_sign() {
        for (hundredths, text) in [(1250, "12.50"), (5, "0.05"), (-5, "-0.05"), (-1250, "-12.50"), (0, "0.00")] {
            assert_eq!(Cell::Money(hundredths).text(), text);
        }
    }
}
