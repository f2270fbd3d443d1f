//! What deleting a row takes along.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Names one row of any table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RowOf {
    /// The table.
    pub entity: String,
    /// The row.
    pub id: String,
}

/// What deleting a row does to others, as far as this laptop has them. The server may have more of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Deletion {
    /// Rows that are deleted too.
    pub deletes: Vec<RowsOf>,
    /// Rows that stay and lose a value.
    pub empties: Vec<RowsOf>,
    /// Rows that have to be gone before, or the server refuses the delete.
    pub refused_by: Vec<RowsOf>,
}

/// Rows of one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RowsOf {
    /// The table.
    pub entity: String,
    /// The column that points at what goes; empty where whole rows go.
    pub column: String,
    /// How many.
    pub rows: u32,
}
