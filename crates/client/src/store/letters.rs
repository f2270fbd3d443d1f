//! Sorting and searching by letters, as a collation and a function of SQLite.

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;
use waystation_model::letters::{compare, folded};

use crate::error::Result;

/// The collation of names and titles. No index may use it: its order may change with a version of this program.
pub const COLLATION: &str = "letters";
/// The SQL function that folds a text for a search.
pub const FOLD: &str = "fold_letters";

/// Registers both on a connection.
///
/// # Errors
/// When the database fails.
pub fn register_functions(connection: &Connection) -> Result<()> {
    connection.create_collation(COLLATION, compare)?;
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function(FOLD, 1, flags, |context| {
        Ok(match context.get_raw(0) {
            ValueRef::Text(text) => folded(&String::from_utf8_lossy(text)),
            _ => String::new(),
        })
    })?;
    Ok(())
}
