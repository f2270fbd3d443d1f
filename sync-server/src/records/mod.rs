//! `/v1/records`: rows of any table for other programs, with a personal token.
//!
//! Reading follows the feeds: a person sees exactly the rows that their laptop would be sent. Writing is a push of one change by the
//! token's device. There is no rule of its own here about who may see or write what.

mod answer;
mod filter;
pub mod idempotency;
mod list;
mod page;
mod read;
mod write;

pub use answer::{Expected, RecordList, RecordProblem, Values};
pub use list::ListQuery;
pub use read::*;
pub use write::*;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// Columns and values of a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Record(pub BTreeMap<String, Value>);
