//! Lists as files, and files as rows: export and import of any table.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;
use waystation_model::Code;

use super::RecordsQuery;

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum FileFormat {
    /// Comma-separated text in UTF-8 with a byte order mark.
    Csv,
    /// An Excel workbook with one sheet.
    Xlsx,
}

/// What one language calls the values that are not written out as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ValueWords {
    /// The word for a true value.
    pub yes: String,
    /// The word for a false value.
    pub no: String,
    /// For each column that is a choice: the words of its values, by value.
    #[serde(default)]
    pub choices: BTreeMap<String, BTreeMap<String, String>>,
}

/// Asks for a list as a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct ExportRecords {
    /// The list. All of its rows are written: `after` and `limit` do not count.
    pub query: RecordsQuery,
    /// What the table is called on the screen: the sheet's name, and the file's together with the day.
    pub title: String,
    /// The columns in their order; `id`, `created_at` and `updated_at` too.
    pub columns: Vec<String>,
    /// The titles of these columns on the screen.
    pub titles: Vec<String>,
    /// The words of the screen's language.
    pub words: ValueWords,
    /// The kind of file.
    pub format: FileFormat,
}

/// Asks what a file contains, before it is imported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct ReadImport {
    /// The table that it shall be imported into.
    pub table: String,
    /// The file's name.
    pub name: String,
    /// Its bytes in base64; at most 16 MiB before that.
    pub content: String,
    /// For each language the titles of the table's columns, by column: they are looked for in the file.
    pub titles: Vec<BTreeMap<String, String>>,
}

/// What a file contains.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct ImportFile {
    /// Its columns, in their order.
    pub columns: Vec<ImportColumn>,
    /// The line of its first row, after title and header. It goes into `import_records` as it is.
    pub first_line: u32,
    /// Its rows.
    pub rows: u32,
    /// The first rows as text, a text for each column.
    pub sample: Vec<Vec<String>>,
    /// How it is written: `xlsx`, `utf-8`, `utf-16le`, `utf-16be` or `windows-1251`.
    pub encoding: String,
}

/// A column of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ImportColumn {
    /// Its title in the file.
    pub title: String,
    /// The table's column (or `id`) that this title names; empty when it names none that a person gives.
    pub column: String,
}

/// Imports a file, or says what an import would do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct ImportRecords {
    /// The table.
    pub table: String,
    /// The file's name.
    pub name: String,
    /// Its bytes in base64, as for `read_import`.
    pub content: String,
    /// `first_line` of what `read_import` answered.
    pub first_line: u32,
    /// For each column of the file the table's column (or `id`) that it fills; empty for one that is left out.
    pub mapping: Vec<String>,
    /// The words of every language that the file may be written in.
    pub words: Vec<ValueWords>,
    /// Whether an empty cell empties the value of an existing row. Otherwise the value stays.
    #[serde(default)]
    pub clear_empty: bool,
    /// Only say what would happen.
    pub dry_run: bool,
}

/// What an import did, or would do. With refused rows nothing is stored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS)]
pub struct ImportReport {
    /// Rows that are new.
    pub new: u32,
    /// Rows that exist and change.
    pub changed: u32,
    /// Rows that exist and have all these values.
    pub same: u32,
    /// Rows that cannot be imported as they are.
    pub refused: u32,
    /// The rows in the file's order: of each fate the first 2,000.
    pub lines: Vec<ImportLine>,
    /// Whether it was stored.
    pub stored: bool,
    /// Takes it back, given to `undo_records`; none when nothing was stored.
    pub undo: Option<u32>,
}

/// What becomes of a row of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ImportFate {
    /// It makes a row.
    New,
    /// It changes a row.
    Changed,
    /// It changes nothing.
    Same,
    /// It is refused.
    Refused,
}

/// One row of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct ImportLine {
    /// Its line in the file, the first is 1.
    pub line: u32,
    /// What becomes of it.
    pub fate: ImportFate,
    /// What names the row: of an existing one its label, else what the file says.
    pub label: String,
    /// The existing row.
    pub id: Option<String>,
    /// What it changes in an existing row.
    pub changes: Vec<ImportChange>,
    /// Why it is refused.
    pub problems: Vec<ImportProblem>,
}

/// A value of an existing row that changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct ImportChange {
    /// The column.
    pub column: String,
    /// The value that stands there.
    #[ts(type = "unknown")]
    pub from: Value,
    /// The value that comes.
    #[ts(type = "unknown")]
    pub to: Value,
    /// The label of the row that `from` names, when it names one.
    pub from_label: Option<String>,
    /// The label of the row that `to` names, when it names one.
    pub to_label: Option<String>,
}

/// Why a row of a file is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ImportProblem {
    /// The column of the table; empty when the whole line is at fault.
    pub column: String,
    /// What is wrong with it. `taken`: another line of the file, or a row, has this value already.
    pub code: Code,
    /// What stands in the cell.
    pub value: String,
    /// The other line of the file that is about the same row.
    pub other_line: Option<u32>,
}
