//! Cells as values of their columns.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{NaiveTime, Timelike};
use rusqlite::Connection;
use serde_json::{Value, json};
use uuid::Uuid;
use waystation_model::Code;
use waystation_model::letters::folded;
use waystation_model::registry::{Column, Entity, Kind, check_value};

use super::super::table;
use super::references::References;
use super::sheet::Raw;
use super::{day, number};
use crate::environment::Clock;
use crate::error::Result;
use crate::view_models::{RecordKind, ValueWords};

/// What a cell means: nothing, a value, or why it means none.
pub type Meaning = Result<Option<Value>, Code>;

/// Reads cells of one table.
pub struct Values {
    entity: &'static Entity,
    yes: HashSet<String>,
    no: HashSet<String>,
    /// For each choice: its values by their folded words.
    choices: HashMap<&'static str, HashMap<String, HashSet<&'static str>>>,
    clock: Arc<dyn Clock>,
    from_1904: bool,
    references: References,
}

impl Values {
    /// Knows the words of these languages.
    pub fn new(entity: &'static Entity, words: &[ValueWords], clock: Arc<dyn Clock>, from_1904: bool) -> Values {
        let all = |own: [&str; 2], word: fn(&ValueWords) -> &String| {
            let given = words.iter().map(|words| folded(word(words).trim()));
            own.into_iter().map(str::to_owned).chain(given).filter(|word| !word.is_empty()).collect()
        };
        let mut choices = HashMap::new();
        for column in entity.columns {
            if let Kind::Choice(codes) = column.kind {
                choices.insert(column.name, choice_words(column.name, codes, words));
            }
        }
        let (yes, no) = (all(["true", "1"], |words| &words.yes), all(["false", "0"], |words| &words.no));
        Values { entity, yes, no, choices, clock, from_1904, references: References::default() }
    }

    /// What a cell means in a column.
    ///
    /// # Errors
    /// When the database fails.
    pub fn read(&mut self, connection: &Connection, index: usize, raw: &Raw) -> Result<Meaning> {
        let column = &self.entity.columns[index];
        if *raw == Raw::Empty {
            return Ok(Ok(None));
        }
        if let Raw::Error(_) = raw {
            return Ok(Err(Code::BadValue));
        }
        let text = raw.text();
        let value = match (table::kind(column), column.referred()) {
            (_, Some(target)) => match self.references.find(connection, target, text.trim())? {
                Ok(id) => Some(Value::from(id)),
                Err(code) => return Ok(Err(code)),
            },
            (RecordKind::Choice, _) => match self.choice(column, &text) {
                Ok(word) => Some(Value::from(word)),
                Err(code) => return Ok(Err(code)),
            },
            (kind, None) => self.plain(column, kind, raw, &text),
        };
        Ok(match value {
            Some(value) if check_value(column, &value).is_ok() => Ok(Some(value)),
            _ => Err(Code::BadValue),
        })
    }

    fn plain(&self, column: &Column, kind: RecordKind, raw: &Raw, text: &str) -> Option<Value> {
        let workbook = || day::of_workbook(raw, self.from_1904);
        match (kind, raw) {
            (RecordKind::Bool, Raw::Bool(flag)) => Some(Value::from(*flag)),
            (RecordKind::Bool, _) => self.truth(text).map(Value::from),
            (RecordKind::Int, Raw::Number(number)) => number::whole(*number).map(Value::from),
            (RecordKind::Int, Raw::Text(_)) => number::int(text).map(Value::from),
            (RecordKind::Money, Raw::Number(number)) => money(*number).map(Value::from),
            (RecordKind::Money, Raw::Text(_)) => number::hundredths(text).map(Value::from),
            (RecordKind::Float, Raw::Number(number)) => Some(Value::from(*number)),
            (RecordKind::Float, Raw::Text(_)) => number::float(text).map(Value::from),
            (RecordKind::Date, Raw::Text(_)) => day::date(text).map(|date| json!(date.format("%Y-%m-%d").to_string())),
            // A day with a time is not cut to the day.
            (RecordKind::Date, _) => workbook()
                .filter(|moment| moment.time() == NaiveTime::MIN)
                .map(|moment| json!(moment.date().format("%Y-%m-%d").to_string())),
            (RecordKind::Time, Raw::Text(_)) => day::time(text).map(|time| json!(time.format("%H:%M").to_string())),
            (RecordKind::Time, _) => {
                let time = workbook()?.time();
                (time.second() == 0 && time.nanosecond() == 0).then(|| json!(time.format("%H:%M").to_string()))
            }
            (RecordKind::Moment, Raw::Text(_)) => day::moment_ms(text, self.clock.as_ref()).map(Value::from),
            (RecordKind::Moment, _) => workbook().map(|moment| Value::from(day::local_ms(moment, self.clock.as_ref()))),
            (RecordKind::Json, _) if column.kind == Kind::Uuid => Uuid::parse_str(text).ok().map(|id| Value::from(id.to_string())),
            (RecordKind::Json, _) => json_of(column, text),
            (RecordKind::Text | RecordKind::LongText, _) => Some(Value::from(text)),
            _ => None,
        }
    }

    fn truth(&self, text: &str) -> Option<bool> {
        let word = folded(text.trim());
        match (self.yes.contains(&word), self.no.contains(&word)) {
            (true, false) => Some(true),
            (false, true) => Some(false),
            _ => None,
        }
    }

    fn choice(&self, column: &'static Column, text: &str) -> Result<&'static str, Code> {
        if let Kind::Choice(codes) = column.kind
            && let Some(code) = codes.iter().find(|code| **code == text)
        {
            return Ok(code);
        }
        let found = self.choices.get(column.name).and_then(|words| words.get(&folded(text.trim())));
        match found.map(|codes| codes.iter().collect::<Vec<_>>()).as_deref() {
            Some([code]) => Ok(code),
            Some(_) => Err(Code::SeveralFit),
            None => Err(Code::BadValue),
        }
    }
}

fn choice_words(name: &str, codes: &'static [&'static str], words: &[ValueWords]) -> HashMap<String, HashSet<&'static str>> {
    let mut known: HashMap<String, HashSet<&'static str>> = HashMap::new();
    for code in codes {
        let languages = words.iter().filter_map(|words| words.choices.get(name)?.get(*code)).map(String::as_str);
        for word in languages.chain([*code]) {
            known.entry(folded(word.trim())).or_default().insert(code);
        }
    }
    known
}

/// Money of a workbook, which counts in whole units. More than two digits behind the point are no money.
fn money(units: f64) -> Option<i64> {
    const DIGITS_BEYOND: f64 = 1e-6;
    let hundredths = units * 100.0;
    ((hundredths - hundredths.round()).abs() < DIGITS_BEYOND).then(|| number::whole(hundredths.round())).flatten()
}

/// JSON as it is exported. A list may also be written as its words with commas between them.
fn json_of(column: &Column, text: &str) -> Option<Value> {
    match serde_json::from_str(text) {
        Ok(value @ (Value::Array(_) | Value::Object(_))) => Some(value),
        read if column.default_value().is_array() => {
            let item = |word: &str| word.parse::<i64>().map_or_else(|_| Value::from(word), Value::from);
            let words = text.split([',', ';']).map(str::trim).filter(|word| !word.is_empty());
            let looks_like_json = text.starts_with(['[', '{']) && read.is_err();
            (!looks_like_json).then(|| words.map(item).collect())
        }
        _ => None,
    }
}
