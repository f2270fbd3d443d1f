//! A file as lines of cells, whatever it is written in.

use std::borrow::Cow;

use chrono::NaiveDateTime;
use waystation_model::{Code, Problem};

use super::{text, workbook};

/// Bytes of a file.
pub const FILE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Rows of a file.
pub const ROWS_MAX: usize = 50_000;
/// Columns of a file.
pub const COLUMNS_MAX: usize = 200;
/// Lines before the rows: titles, notes and header.
pub const LINES_BEFORE_MAX: usize = 20;
/// Lines that a file is read to have. One more than allowed, so that it shows.
pub(super) const LINES_MAX: usize = ROWS_MAX + LINES_BEFORE_MAX + 1;

/// What stands in a cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Raw {
    /// Nothing.
    Empty,
    /// Text, without blanks around it; never empty.
    Text(String),
    /// A number of a workbook.
    Number(f64),
    /// A truth value of a workbook.
    Bool(bool),
    /// A day, a time or both, of a workbook.
    Moment(NaiveDateTime),
    /// An error of a workbook, such as `#N/A`.
    Error(String),
}

impl Raw {
    /// A text; empty when nothing but blanks stands there.
    pub fn of(text: &str) -> Raw {
        let text = text.trim();
        if text.is_empty() { Raw::Empty } else { Raw::Text(text.replace("\r\n", "\n")) }
    }

    /// As a person would write it.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Raw::Empty => Cow::Borrowed(""),
            Raw::Text(text) | Raw::Error(text) => Cow::Borrowed(text),
            Raw::Number(number) => Cow::Owned(number.to_string()),
            Raw::Bool(flag) => Cow::Owned(flag.to_string()),
            Raw::Moment(moment) => Cow::Owned(moment.to_string()),
        }
    }
}

/// A line that is not empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Its number in the file, the first is 1.
    pub number: u32,
    /// Its cells.
    pub cells: Vec<Raw>,
    /// Whether the file ends in the middle of it.
    pub is_cut: bool,
}

/// A file's lines.
#[derive(Debug)]
pub struct Sheet {
    /// Those that are not empty.
    pub lines: Vec<Line>,
    /// How it is written.
    pub encoding: &'static str,
    /// Whether its days are counted from 1904.
    pub from_1904: bool,
}

impl Sheet {
    /// Columns of the file behind those of its header. A workbook may have values under no title. In a text file a value behind
    /// the last title means that one before it is divided.
    pub fn columns_without_title(&self, titles: usize) -> usize {
        let widest = self.lines.iter().map(|line| line.cells.len()).max().unwrap_or(0);
        if self.encoding == workbook::ENCODING { widest.saturating_sub(titles) } else { 0 }
    }

    /// The rows from a line on.
    ///
    /// # Errors
    /// `file_too_large`.
    pub fn rows(&self, first_line: u32) -> Result<&[Line], Problem> {
        let rows = &self.lines[self.lines.partition_point(|line| line.number < first_line)..];
        if rows.len() > ROWS_MAX {
            return Err(Problem::new(Code::FileTooLarge, format!("more than {ROWS_MAX} rows")));
        }
        Ok(rows)
    }
}

/// Reads a file: a workbook or text, as its first bytes say. Its name may be wrong.
///
/// # Errors
/// `file_too_large`, `unreadable_file`, `file_cut`.
pub fn read(bytes: &[u8]) -> Result<Sheet, Problem> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(Problem::new(Code::FileTooLarge, format!("more than {FILE_BYTES_MAX} bytes")));
    }
    if bytes.starts_with(b"PK") { workbook::read(bytes) } else { text::read(bytes) }
}

pub(super) fn too_many_columns() -> Problem {
    Problem::new(Code::FileTooLarge, format!("more than {COLUMNS_MAX} columns"))
}
