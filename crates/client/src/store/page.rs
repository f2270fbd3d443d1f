//! Reading a pulled page. The outline (what moves, whether it is whole) is read first and cheaply; rows are read where
//! they are stored, straight from the bytes.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use uuid::Uuid;

use super::cell::Cell;
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
    /// Those up to here are in a backup.
    pub safe_upto: i64,
    /// The chain at `applied_upto`, 64 hex digits.
    pub chain: String,
    /// The server's clock.
    pub server_time: i64,
    /// Rows still to come after this page.
    pub rows_left: i64,
    /// Stamps that the server has lost: after the first, up to the second of each pair.
    pub lost: Vec<(i64, i64)>,
    /// What the server is shown again, to tell by it whether it has gone back in time.
    pub witness: Option<String>,
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
    #[serde(default)]
    safe_upto: i64,
    chain: String,
    server_time: i64,
    rows_left: i64,
    #[serde(default)]
    lost: Vec<(i64, i64)>,
    #[serde(default)]
    witness: Option<String>,
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
            // Rows are read where they are stored. What a later server has to say besides is not for this program.
            _ => {}
        }
    }
    match (page, more) {
        (Some(page), Some(more)) => Ok(Answer::Page(Outline {
            epoch: page.epoch,
            applied_upto: page.applied_upto,
            safe_upto: page.safe_upto,
            chain: page.chain,
            server_time: page.server_time,
            rows_left: page.rows_left,
            lost: page.lost,
            witness: page.witness,
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
    /// Rows that the server has and cannot send.
    Withheld(WithheldLine<'a>),
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

/// Rows of one table in one scope that the server has and cannot send.
#[derive(Debug, Deserialize)]
pub struct WithheldLine<'a> {
    /// The scope.
    #[serde(borrow)]
    pub scope: Cow<'a, str>,
    /// The table.
    #[serde(borrow)]
    pub entity: Cow<'a, str>,
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
            "withheld" => Some(read(line).map(Change::Withheld)),
            _ => None,
        }
    })
}

/// What a question about slices was answered with.
#[derive(Debug)]
pub enum Slices<'a> {
    /// The scope is elsewhere by now.
    Moved,
    /// The sum of each slice.
    Sums(Vec<i64>),
    /// What is missing and what is not known.
    Differences(SliceAnswer<'a>),
}

/// What is missing of slices, and what is not known there.
#[derive(Debug, Default)]
pub struct SliceAnswer<'a> {
    /// Rows that were not named.
    pub rows: Vec<RowsLine<'a>>,
    /// Hashes that were named and belong to no row.
    pub unknown: Vec<i64>,
    /// Whether more is missing.
    pub more: bool,
}

#[derive(Deserialize)]
struct SumsLine {
    sums: Vec<i64>,
}

#[derive(Deserialize)]
struct UnknownLine {
    hashes: Vec<i64>,
}

/// Reads an answer about slices.
///
/// # Errors
/// `bad_answer` when it was cut off or is none.
pub fn slices(bytes: &[u8]) -> Result<Slices<'_>> {
    let mut answer = SliceAnswer::default();
    for line in lines(bytes) {
        match kind_of(line)?.as_ref() {
            "moved" => return Ok(Slices::Moved),
            "sums" => return Ok(Slices::Sums(read::<SumsLine>(line)?.sums)),
            "rows" => answer.rows.push(read(line)?),
            "unknown" => answer.unknown.extend(read::<UnknownLine>(line)?.hashes),
            "end" => {
                answer.more = read::<EndLine>(line)?.more;
                return Ok(Slices::Differences(answer));
            }
            _ => {}
        }
    }
    Err(ClientError::BadAnswer("the answer about slices was cut off".into()))
}
