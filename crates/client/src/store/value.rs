//! Converts between the protocol's JSON values and SQLite's columns, by the column's kind in the registry.

use rusqlite::types::{Type, Value as Stored, ValueRef};
use rusqlite::{Error, Row};
use serde_json::Value;
use uuid::Uuid;
use waystation_model::access::Role;
use waystation_model::registry::Kind;

/// A JSON value as its column stores it.
pub fn to_stored(kind: Kind, value: &Value) -> Stored {
    match (kind, value) {
        (_, Value::Null) => Stored::Null,
        (Kind::Json, value) => Stored::Text(value.to_string()),
        (_, Value::Bool(flag)) => Stored::Integer(i64::from(*flag)),
        (Kind::Float, value) => Stored::Real(value.as_f64().unwrap_or(0.0)),
        (_, Value::Number(number)) => match number.as_i64() {
            Some(integer) => Stored::Integer(integer),
            None => Stored::Real(number.as_f64().unwrap_or(0.0)),
        },
        (_, Value::String(text)) => Stored::Text(text.clone()),
        (_, value) => Stored::Text(value.to_string()),
    }
}

/// A column's stored value as JSON.
pub fn to_json(kind: Kind, stored: ValueRef<'_>) -> Value {
    match (kind, stored) {
        (_, ValueRef::Null) => Value::Null,
        (Kind::Bool, ValueRef::Integer(number)) => Value::Bool(number != 0),
        (Kind::Json, ValueRef::Text(text)) => serde_json::from_slice(text).unwrap_or(Value::Null),
        (_, ValueRef::Integer(number)) => Value::from(number),
        (_, ValueRef::Real(number)) => Value::from(number),
        (_, ValueRef::Text(text)) => Value::String(String::from_utf8_lossy(text).into_owned()),
        (_, ValueRef::Blob(_)) => Value::Null,
    }
}

fn unreadable(name: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::FromSqlConversionFailure(0, Type::Text, format!("{name}: {error}").into())
}

/// An id column.
///
/// # Errors
/// When it is not an id.
pub fn read_uuid(row: &Row<'_>, name: &str) -> rusqlite::Result<Uuid> {
    let text: String = row.get(name)?;
    Uuid::parse_str(&text).map_err(|error| unreadable(name, error))
}

/// A JSON column.
///
/// # Errors
/// When it is not JSON of this shape.
pub fn read_json<T: serde::de::DeserializeOwned>(row: &Row<'_>, name: &str) -> rusqlite::Result<T> {
    let text: String = row.get(name)?;
    serde_json::from_str(&text).map_err(|error| unreadable(name, error))
}

/// A role column.
///
/// # Errors
/// When it is none of the roles.
pub fn read_role(row: &Row<'_>, name: &str) -> rusqlite::Result<Role> {
    let word: String = row.get(name)?;
    Role::parse(&word).ok_or_else(|| unreadable(name, std::fmt::Error))
}
