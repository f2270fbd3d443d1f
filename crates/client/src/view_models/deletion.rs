//! The preview of a delete.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Names one row of any table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RowOf {
    /// The table's name.
    pub entity: String,
    /// The row's id.
    pub id: String,
}

/// The effect of a delete on other rows, as far as they are on this laptop. The server may have more of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Deletion {
    /// Rows that are deleted too.
    pub deletes: Vec<RowsOf>,
    /// Rows that stay, with their reference cleared.
    pub empties: Vec<RowsOf>,
    /// Rows that must be deleted before; otherwise the server refuses the delete.
    pub refused_by: Vec<RowsOf>,
}

/// Rows of one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RowsOf {
    /// The table's name.
    pub entity: String,
    /// The column that refers to the deleted row; empty in `deletes`.
    pub column: String,
    /// Number of rows.
    pub rows: u32,
}
