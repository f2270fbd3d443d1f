//! Parses a pulled page. The outline (cursors, end line) is parsed first, which is cheap; rows are parsed from the bytes only
//! when they are stored.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use uuid::Uuid;

use super::cell::Cell;
use super::device::Device;
use crate::error::{ClientError, Result};

/// How far a page brings one scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeMove {
    /// The scope.
    pub scope: String,
    /// The scope's cursor after this page.
    pub cursor: i64,
    /// The scope's newest version at the server.
    pub head: i64,
    /// The checksum at the head.
    pub checksum: i64,
}

/// The outline of a complete page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// The server's epoch.
    pub epoch: i64,
    /// This device's mutations up to this number are in the page's snapshot.
    pub applied_upto: i64,
    /// This device's mutations up to this number are in a backup of the server.
    pub safe_upto: i64,
    /// The chain at `applied_upto`, 64 hex digits.
    pub chain: String,
    /// The server's clock, milliseconds since 1970.
    pub server_time: i64,
    /// Rows still to come after this page.
    pub rows_left: i64,
    /// Stamps that the server has lost: after the first, up to the second of each pair.
    pub lost: Vec<(i64, i64)>,
    /// The server's witness: sent back with later requests, so that the server can tell whether it has gone back in time.
    pub witness: Option<String>,
    /// The scopes that move.
    pub scopes: Vec<ScopeMove>,
    /// The scopes that this laptop no longer subscribes to.
    pub removed: Vec<String>,
    /// The scopes that this laptop asked to follow and may not.
    pub not_followed: Vec<String>,
    /// Whether another page follows.
    pub more: bool,
}

impl Outline {
    /// An outline that moves no scope and leaves pending changes as they are, for what is stored without a page.
    pub fn of_no_page(device: &Device) -> Outline {
        Outline {
            epoch: device.epoch,
            applied_upto: device.applied_upto,
            safe_upto: 0,
            chain: String::new(),
            server_time: 0,
            rows_left: 0,
            lost: Vec::new(),
            witness: None,
            scopes: Vec::new(),
            removed: Vec::new(),
            not_followed: Vec::new(),
            more: true,
        }
    }
}

/// An answer to a pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Nothing is new.
    Unchanged {
        /// The server's clock, milliseconds since 1970.
        server_time: i64,
    },
    /// The digest differs from the server's: ask again with cursors.
    SendCursors,
    /// A complete page.
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

/// The kind of a line. The server writes it as the first field, so the rest of a long line need not be parsed for it.
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

/// The lines of an answer that are not empty.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

/// Reads the outline of an answer.
///
/// # Errors
/// `bad_answer` when it was cut off or is not a pull's answer.
pub fn outline(bytes: &[u8]) -> Result<Answer> {
    let mut page: Option<PageLine> = None;
    let (mut scopes, mut removed, mut not_followed, mut more) = (Vec::new(), Vec::new(), Vec::new(), None);
    for line in lines(bytes) {
        if more.is_some() {
            return Err(bad(line, "a line after the end"));
        }
        match kind_of(line)?.as_ref() {
            "unchanged" => return Ok(Answer::Unchanged { server_time: read::<ServerTime>(line)?.server_time }),
            "send_cursors" => return Ok(Answer::SendCursors),
            "page" => page = Some(read(line)?),
            "removed" => removed.push(read::<NamedScope>(line)?.scope),
            "not_followed" => not_followed.push(read::<NamedScope>(line)?.scope),
            "scope" => {
                let ScopeLine { scope, cursor, head, checksum } = read(line)?;
                scopes.push(ScopeMove { scope, cursor, head, checksum });
            }
            "end" => more = Some(read::<EndLine>(line)?.more),
            // Rows are parsed when they are stored. Lines of a later protocol are ignored.
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
            not_followed,
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
    /// Rows that were deleted or have left a scope.
    Gone(GoneLine<'a>),
    /// A scope that this laptop no longer subscribes to.
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
    /// The names of the tuples' columns.
    pub columns: Vec<String>,
    /// The rows as tuples, in the order of `columns`.
    #[serde(borrow)]
    pub rows: Vec<Vec<Cell<'a>>>,
}

/// Rows of one table that were deleted or have left a scope.
#[derive(Debug, Deserialize)]
pub struct GoneLine<'a> {
    /// The scope.
    #[serde(borrow)]
    pub scope: Cow<'a, str>,
    /// The table.
    #[serde(borrow)]
    pub entity: Cow<'a, str>,
    /// Whether the rows were deleted; otherwise they have only left this scope.
    pub deleted: bool,
    /// The rows' ids.
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
    /// The rows' ids.
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

/// An answer about slices.
#[derive(Debug)]
pub enum Slices<'a> {
    /// The scope has changed at the server since the cursor of the request.
    Moved,
    /// The sum of each slice.
    Sums(Vec<i64>),
    /// Missing rows and unknown hashes.
    Differences(SliceAnswer<'a>),
}

/// The differences between a laptop's slices and the server's.
#[derive(Debug, Default)]
pub struct SliceAnswer<'a> {
    /// Rows whose hashes were not in the request.
    pub rows: Vec<RowsLine<'a>>,
    /// Hashes in the request that belong to no row of the server.
    pub unknown: Vec<i64>,
    /// Whether more rows are missing.
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
/// `bad_answer` when it was cut off or is not an answer about slices.
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
