//! Conditions and sort orders of a list of rows, as the window and other programs send them.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

/// How a value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// The same.
    Is,
    /// Another one.
    IsNot,
    /// One of these.
    OneOf,
    /// Text or label that contains this, whatever its case and marks.
    Contains,
    /// Text or label that begins so.
    StartsWith,
    /// Smaller or earlier.
    Less,
    /// At most.
    AtMost,
    /// Larger or later.
    Greater,
    /// At least.
    AtLeast,
    /// Nothing stands there.
    Empty,
    /// Something stands there.
    Filled,
}

/// One condition of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Condition {
    /// The column, or `reference.column` of the row that a reference names.
    pub column: String,
    /// How it is compared.
    pub comparison: Comparison,
    /// With what; a list for `one_of`, nothing for `empty` and `filled`.
    #[serde(default)]
    #[ts(type = "unknown")]
    pub value: Value,
}

/// One column of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SortBy {
    /// The column, or `reference.column`. A reference sorts by the label of the row that it names.
    pub column: String,
    /// Whether the largest comes first.
    pub descending: bool,
}
