//! Rows of any table, by its entry in the registry: listed, filtered, sorted, searched, opened, made, changed, deleted, and
//! all of it taken back. No table is named here.
//!
//! What a person may do follows from the entry's rules, which [`crate::store::edit`] asks again for each change.

mod cells;
pub mod export;
mod filter;
pub mod import;
pub mod label;
mod one;
mod query;
mod remove;
mod save;
mod table;
pub mod undo;

pub use filter::{CHOICES_MAX, CONDITIONS_MAX, SEARCH_LENGTH_MAX, SORTS_MAX, searched};
pub use label::Labels;
pub use one::record;
pub use query::{PAGE_ROWS_MAX, ids, page};
pub use remove::{REMOVED_ROWS_MAX, deleted_at, plan as plan_remove};
pub use save::{SAVE_ROWS_MAX, plan as plan_save, read_id};
pub use table::{described, listed_choices, listed_columns, listed_tables, tables};

use waystation_model::registry::{self, Entity};
use waystation_model::{Code, Problem};

/// The table of this name, when its rows are listed.
///
/// # Errors
/// `unknown_entity`, also for tables that only keep books.
pub fn listed(name: &str) -> Result<&'static Entity, Problem> {
    registry::entity(name)
        .filter(|entity| entity.record.is_data())
        .ok_or_else(|| Problem::new(Code::UnknownEntity, format!("no table {name}")).field("table"))
}
