//! One value of a pulled tuple, parsed from JSON and bound to SQLite without an intermediate copy.

use std::borrow::Cow;
use std::fmt;

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use waystation_model::registry::Kind;

/// One value of a tuple, borrowed from the page wherever its text has no escapes.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell<'a> {
    /// JSON's null.
    Null,
    /// True or false.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    Text(Cow<'a, str>),
    /// A list or an object.
    Json(Value),
}

impl Cell<'_> {
    /// The value as JSON.
    pub fn to_value(&self) -> Value {
        match self {
            Cell::Null => Value::Null,
            Cell::Bool(flag) => Value::Bool(*flag),
            Cell::Int(number) => Value::from(*number),
            Cell::Float(number) => Value::from(*number),
            Cell::Text(text) => Value::String(text.clone().into_owned()),
            Cell::Json(value) => value.clone(),
        }
    }

    /// The text, when it is text.
    pub fn as_str(&self) -> Option<&str> {
        if let Cell::Text(text) = self { Some(text) } else { None }
    }

    /// The number, when it is an integer.
    pub fn as_i64(&self) -> Option<i64> {
        if let Cell::Int(number) = self { Some(*number) } else { None }
    }

    /// The value as a column of this kind stores it.
    pub fn stored(&self, kind: Kind) -> StoredCell<'_> {
        match (kind, self) {
            (_, Cell::Null) => StoredCell::Plain(ValueRef::Null),
            (Kind::Json, cell) => StoredCell::Made(cell.to_value().to_string()),
            (Kind::Float, Cell::Int(number)) => StoredCell::Plain(ValueRef::Real(*number as f64)),
            (_, Cell::Bool(flag)) => StoredCell::Plain(ValueRef::Integer(i64::from(*flag))),
            (_, Cell::Int(number)) => StoredCell::Plain(ValueRef::Integer(*number)),
            (_, Cell::Float(number)) => StoredCell::Plain(ValueRef::Real(*number)),
            (_, Cell::Text(text)) => StoredCell::Plain(ValueRef::Text(text.as_bytes())),
            (_, Cell::Json(value)) => StoredCell::Made(value.to_string()),
        }
    }
}

/// A value to bind to an SQLite parameter.
pub enum StoredCell<'a> {
    /// Borrowed.
    Plain(ValueRef<'a>),
    /// Owned JSON text.
    Made(String),
}

impl ToSql for StoredCell<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            StoredCell::Plain(value) => ToSqlOutput::Borrowed(*value),
            StoredCell::Made(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Cell<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CellVisitor)
    }
}

struct CellVisitor;

impl<'de> Visitor<'de> for CellVisitor {
    type Value = Cell<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Cell<'de>, E> {
        Ok(Cell::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Cell<'de>, E> {
        Ok(Cell::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Cell<'de>, E> {
        Ok(Cell::Int(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Cell<'de>, E> {
        Ok(i64::try_from(number).map_or(Cell::Float(number as f64), Cell::Int))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Cell<'de>, E> {
        Ok(Cell::Float(number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Cell<'de>, E> {
        Ok(Cell::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Cell<'de>, E> {
        Ok(Cell::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Cell<'de>, A::Error> {
        Value::deserialize(SeqAccessDeserializer::new(items)).map(Cell::Json)
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Cell<'de>, A::Error> {
        Value::deserialize(MapAccessDeserializer::new(entries)).map(Cell::Json)
    }
}
