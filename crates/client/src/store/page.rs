//! Reading a pulled page. The outline (what moves, whether it is whole) is read first and cheaply; rows are read where
//! they are stored, straight from the bytes.

use std::borrow::Cow;
use std::fmt;

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de::value::MapAccessDeserializer, de::value::SeqAccessDeserializer};
use serde_json::Value;
use uuid::Uuid;
use waystation_model::registry::Kind;

use crate::error::{ClientError, Result};

/// How far a page brings one scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeMove {
    /// The scope.
    pub scope: String,
    /// Its new cursor.
    pub cursor: i64,
    /// Its head.
    pub head: i64,
    /// The checksum at the head.
    pub checksum: i64,
}

/// The outline of a whole page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// The server's epoch.
    pub epoch: i64,
    /// This device's mutations up to here are in the page's snapshot.
    pub applied_upto: i64,
    /// The chain there, 64 hex digits.
    pub chain: String,
    /// The server's clock.
    pub server_time: i64,
    /// Rows still to come after this page.
    pub rows_left: i64,
    /// The scopes that move.
    pub scopes: Vec<ScopeMove>,
    /// The scopes that are not heard any more.
    pub removed: Vec<String>,
    /// Whether to ask again at once.
    pub more: bool,
}

/// What a pull was answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Nothing is new.
    Unchanged {
        /// The server's clock.
        server_time: i64,
    },
    /// The digest differs: ask with cursors.
    SendCursors,
    /// A whole page.
    Page(Outline),
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    line: Cow<'a, str>,
}

#[derive(Deserialize)]
struct PageLine {
    epoch: i64,
    applied_upto: i64,
    chain: String,
    server_time: i64,
    rows_left: i64,
}

#[derive(Deserialize)]
struct ScopeLine {
    scope: String,
    cursor: i64,
    head: i64,
    checksum: i64,
}

#[derive(Deserialize)]
struct NamedScope {
    scope: String,
}

#[derive(Deserialize)]
struct EndLine {
    more: bool,
}

#[derive(Deserialize)]
struct ServerTime {
    server_time: i64,
}

fn bad(line: &[u8], error: impl fmt::Display) -> ClientError {
    let start = String::from_utf8_lossy(&line[..line.len().min(80)]).into_owned();
    ClientError::BadAnswer(format!("{error} in {start}"))
}

fn read<'a, T: Deserialize<'a>>(line: &'a [u8]) -> Result<T> {
    serde_json::from_slice(line).map_err(|error| bad(line, error))
}

/// What a line says that it is. This server writes it first, and then the rest of a long line is not looked at here.
fn kind_of(line: &[u8]) -> Result<Cow<'_, str>> {
    let first = line.strip_prefix(b"{\"line\":\"").and_then(|rest| {
        let end = rest.iter().position(|byte| *byte == b'"')?;
        std::str::from_utf8(&rest[..end]).ok().filter(|word| !word.contains('\\'))
    });
    match first {
        Some(word) => Ok(Cow::Borrowed(word)),
        None => Ok(read::<Head<'_>>(line)?.line),
    }
}

/// The lines of an answer, those that are not empty.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

/// Reads the outline of an answer.
///
/// # Errors
/// `bad_answer` when it was cut off or is not a pull's answer.
pub fn outline(bytes: &[u8]) -> Result<Answer> {
    let mut page: Option<PageLine> = None;
    let (mut scopes, mut removed, mut more) = (Vec::new(), Vec::new(), None);
    for line in lines(bytes) {
        if more.is_some() {
            return Err(bad(line, "a line after the end"));
        }
        match kind_of(line)?.as_ref() {
            "unchanged" => return Ok(Answer::Unchanged { server_time: read::<ServerTime>(line)?.server_time }),
            "send_cursors" => return Ok(Answer::SendCursors),
            "page" => page = Some(read(line)?),
            "removed" => removed.push(read::<NamedScope>(line)?.scope),
            "scope" => {
                let ScopeLine { scope, cursor, head, checksum } = read(line)?;
                scopes.push(ScopeMove { scope, cursor, head, checksum });
            }
            "end" => more = Some(read::<EndLine>(line)?.more),
            "rows" | "gone" => {}
            other => return Err(bad(line, format!("no line is called {other}"))),
        }
    }
    match (page, more) {
        (Some(page), Some(more)) => Ok(Answer::Page(Outline {
            epoch: page.epoch,
            applied_upto: page.applied_upto,
            chain: page.chain,
            server_time: page.server_time,
            rows_left: page.rows_left,
            scopes,
            removed,
            more,
        })),
        _ => Err(ClientError::BadAnswer("the page was cut off".into())),
    }
}

/// One line that changes rows.
#[derive(Debug)]
pub enum Change<'a> {
    /// Live rows.
    Rows(RowsLine<'a>),
    /// Rows that are gone from a scope.
    Gone(GoneLine<'a>),
    /// A scope that is gone as a whole.
    Removed(String),
}

/// Live rows of one table in one scope.
#[derive(Debug, Deserialize)]
pub struct RowsLine<'a> {
    /// The scope.
    #[serde(borrow)]
    pub scope: Cow<'a, str>,
    /// The table.
    #[serde(borrow)]
    pub entity: Cow<'a, str>,
    /// The tuples' columns.
    pub columns: Vec<String>,
    /// The tuples.
    #[serde(borrow)]
    pub rows: Vec<Vec<Cell<'a>>>,
}

/// Rows that are gone from a scope.
#[derive(Debug, Deserialize)]
pub struct GoneLine<'a> {
    /// The scope.
    #[serde(borrow)]
    pub scope: Cow<'a, str>,
    /// The table.
    #[serde(borrow)]
    pub entity: Cow<'a, str>,
    /// Everywhere, or only from this scope.
    pub deleted: bool,
    /// Which.
    pub ids: Vec<Uuid>,
}

/// The lines of a page that change rows, in order.
pub fn changes(bytes: &[u8]) -> impl Iterator<Item = Result<Change<'_>>> {
    lines(bytes).filter_map(|line| {
        let kind = match kind_of(line) {
            Ok(kind) => kind,
            Err(error) => return Some(Err(error)),
        };
        match kind.as_ref() {
            "rows" => Some(read(line).map(Change::Rows)),
            "gone" => Some(read(line).map(Change::Gone)),
            "removed" => Some(read::<NamedScope>(line).map(|named| Change::Removed(named.scope))),
            _ => None,
        }
    })
}

/// One value of a tuple, borrowed from the page wherever its text has no escapes.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell<'a> {
    /// Nothing.
    Null,
    /// True or false.
    Truth(bool),
    /// A whole number.
    Whole(i64),
    /// Any other number.
    Real(f64),
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
            Cell::Truth(truth) => Value::Bool(*truth),
            Cell::Whole(number) => Value::from(*number),
            Cell::Real(number) => Value::from(*number),
            Cell::Text(text) => Value::String(text.clone().into_owned()),
            Cell::Json(value) => value.clone(),
        }
    }

    /// The text, when it is text.
    pub fn as_str(&self) -> Option<&str> {
        if let Cell::Text(text) = self { Some(text) } else { None }
    }

    /// The number, when it is whole.
    pub fn as_i64(&self) -> Option<i64> {
        if let Cell::Whole(number) = self { Some(*number) } else { None }
    }

    /// The value as a column of this kind stores it.
    pub fn stored(&self, kind: Kind) -> StoredCell<'_> {
        match (kind, self) {
            (_, Cell::Null) => StoredCell::Plain(ValueRef::Null),
            (Kind::Json, cell) => StoredCell::Made(cell.to_value().to_string()),
            (Kind::Real, Cell::Whole(number)) => StoredCell::Plain(ValueRef::Real(*number as f64)),
            (_, Cell::Truth(truth)) => StoredCell::Plain(ValueRef::Integer(i64::from(*truth))),
            (_, Cell::Whole(number)) => StoredCell::Plain(ValueRef::Integer(*number)),
            (_, Cell::Real(number)) => StoredCell::Plain(ValueRef::Real(*number)),
            (_, Cell::Text(text)) => StoredCell::Plain(ValueRef::Text(text.as_bytes())),
            (_, Cell::Json(value)) => StoredCell::Made(value.to_string()),
        }
    }
}

/// A value on its way into SQLite.
pub enum StoredCell<'a> {
    /// Borrowed.
    Plain(ValueRef<'a>),
    /// JSON text that was made for it.
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

    fn visit_bool<E>(self, truth: bool) -> Result<Cell<'de>, E> {
        Ok(Cell::Truth(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Cell<'de>, E> {
        Ok(Cell::Whole(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Cell<'de>, E> {
        Ok(i64::try_from(number).map_or(Cell::Real(number as f64), Cell::Whole))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Cell<'de>, E> {
        Ok(Cell::Real(number))
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
