//! Rows of any table: listed, opened, changed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;
pub use waystation_model::records::{Comparison, Condition, SortBy};

use super::{RowOf, RowsOf};

/// A table that this person may see, with its columns: all that a list and a form need to know of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct RecordTable {
    /// Its name. Its words are `entity_<name>` and `entities_<name>`.
    pub name: String,
    /// Its section: `people`, `groups`, `courses`, `tests`, `coding`, `money`, `messages`, `stations` or `organization`.
    pub section: String,
    /// The column with the row that each of its rows is a part of, for tables that are listed there alone.
    pub part_of: Option<String>,
    /// The columns that name a row.
    pub label: Vec<String>,
    /// Its columns, in the order of the values of a row.
    pub columns: Vec<RecordColumn>,
    /// Whether this person may make rows of it, as far as their role says.
    pub may_insert: bool,
    /// Whether they may change rows of it, as far as their role says: at least one of the columns.
    pub may_change: bool,
    /// Whether they may delete rows of it, as far as their role says.
    pub may_delete: bool,
    /// Its rows on this laptop.
    pub rows: u32,
    /// Tables whose rows are parts of its rows or point at them, with the column that does.
    pub related: Vec<RelatedTable>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct RecordColumn {
    /// Its name. Its words are `column_<name>`.
    pub name: String,
    /// What it holds.
    pub kind: RecordKind,
    /// The words of a choice.
    pub choices: Vec<String>,
    /// The table whose row an id names; empty when it names none or rows of several tables.
    pub refers_to: String,
    /// Whether it may be empty.
    pub optional: bool,
    /// Whether a new row has to name it.
    pub needed: bool,
    /// Whether a person gives it when they make a row.
    pub given: bool,
    /// Whether a person may change it later.
    pub changeable: bool,
    /// Characters of text, or bytes of JSON.
    pub length_max: u32,
    /// The value of a new row that does not say.
    #[ts(type = "unknown")]
    pub default: Value,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum RecordKind {
    /// The id of another row.
    Reference,
    /// A line of text.
    Text,
    /// Text of several lines.
    LongText,
    /// One of some words.
    Choice,
    /// Yes or no.
    Bool,
    /// A whole number.
    Int,
    /// A whole number of hundredths of a currency.
    Money,
    /// A number.
    Float,
    /// A day.
    Date,
    /// A time of day.
    Time,
    /// A moment.
    Moment,
    /// Anything else, shown and not changed here.
    Json,
}

/// Rows of another table that belong to a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct RelatedTable {
    /// The other table.
    pub table: String,
    /// Its column that holds the row's id.
    pub column: String,
    /// Whether its rows are parts of the row.
    pub is_part: bool,
}

/// Asks for a page of a list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS)]
pub struct RecordsQuery {
    /// The table.
    pub table: String,
    /// Conditions that must all hold.
    #[serde(default)]
    pub filter: Vec<Condition>,
    /// The order; by label when there is none.
    #[serde(default)]
    pub sort: Vec<SortBy>,
    /// Words that must all be found.
    #[serde(default)]
    pub search: String,
    /// `next` of the page before.
    #[serde(default)]
    pub after: Option<String>,
    /// Rows wanted, 500 at most.
    #[serde(default)]
    pub limit: u32,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct RecordPage {
    /// The rows.
    pub rows: Vec<RecordRow>,
    /// Where the next page begins; none after the last.
    pub next: Option<String>,
    /// Rows of the whole list; on its first page only.
    pub total: Option<u32>,
    /// The tables that it was read from: a change of one of them may change it.
    pub tables: Vec<String>,
}

/// A row in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct RecordRow {
    /// Its id.
    pub id: String,
    /// What names it.
    pub label: String,
    /// Its values, in the order of the table's columns.
    #[ts(type = "unknown[]")]
    pub values: Vec<Value>,
    /// For each column that is a reference the label of the row that it names, when that is known here.
    pub labels: Vec<Option<String>>,
    /// When it last changed.
    #[ts(type = "number")]
    pub updated_at: i64,
    /// Whether a change of it has not been sent or has not come back yet.
    pub unsent: bool,
    /// Whether a change of it was refused and waits for this person.
    pub refused: bool,
}

/// A row, opened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct OpenedRecord {
    /// It, as a list shows it.
    pub row: RecordRow,
    /// When it was made.
    #[ts(type = "number")]
    pub created_at: i64,
    /// Whether this person may change it.
    pub may_change: bool,
    /// Whether they may delete it.
    pub may_delete: bool,
    /// Columns of it that they may not give, although they may change the row.
    pub not_given: Vec<String>,
    /// Columns that were changed here and have not come back from the server yet.
    pub unsent: Vec<String>,
    /// Columns of which another value lost against the one that stands.
    pub disputed: Vec<String>,
    /// How many rows of each related table belong to it.
    pub related: Vec<RowsOf>,
    /// The tables that it was read from.
    pub tables: Vec<String>,
}

/// Makes and changes rows of one table, all or none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct SaveRecords {
    /// The table.
    pub table: String,
    /// What to make and to change.
    pub rows: Vec<SaveRecord>,
}

/// A row to make or to change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct SaveRecord {
    /// The row to change; none makes one.
    pub id: Option<String>,
    /// Columns and their new values.
    #[ts(type = "Record<string, unknown>")]
    pub fields: BTreeMap<String, Value>,
}

/// Names rows of one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RowsNamed {
    /// The table.
    pub table: String,
    /// The rows.
    pub ids: Vec<String>,
}

/// What was done to rows, and how to take it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SavedRecords {
    /// The rows, in the order in which they were given.
    pub ids: Vec<String>,
    /// Takes it back, given to `undo_records`; none when there is nothing to take back.
    pub undo: Option<u32>,
}

/// Asks for an earlier change to be taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct UndoRecords {
    /// `undo` of what was done.
    pub undo: u32,
}

/// Asks for rows that a reference may name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct FindReferences {
    /// The table of the rows.
    pub table: String,
    /// Words that must all be found.
    pub search: String,
    /// Rows wanted, 50 at most.
    pub limit: u32,
}

/// Asks what happened to a row. It needs the server, and an administrator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct HistoryOf {
    /// The table.
    pub entity: String,
    /// The row.
    pub id: String,
    /// `next` of the part before.
    #[serde(default)]
    #[ts(type = "number | null")]
    pub before: Option<i64>,
}

/// A part of what happened to a row, the newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct RecordHistory {
    /// What happened.
    pub changes: Vec<HistoryChange>,
    /// Where what is older begins; none after the oldest.
    #[ts(type = "number | null")]
    pub next: Option<i64>,
}

/// One change in a history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct HistoryChange {
    /// When.
    #[ts(type = "number")]
    pub at: i64,
    /// `insert`, `update` or `delete`.
    pub op: String,
    /// Who; empty for another program.
    pub user_name: String,
    /// On which device, or by which program.
    pub device: String,
    /// The columns that changed, with their values before.
    #[ts(type = "Record<string, unknown>")]
    pub before: BTreeMap<String, Value>,
    /// … and after.
    #[ts(type = "Record<string, unknown>")]
    pub after: BTreeMap<String, Value>,
}

/// A row by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Named {
    /// Which.
    #[serde(flatten)]
    pub row: RowOf,
    /// What names it.
    pub label: String,
}
