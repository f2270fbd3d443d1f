//! A digest of each row's values, written with the row. A row that does not match its digest was changed by something else.
//!
//! The encryption already detects bytes that the disk has changed. The digest detects every other writer that does not update
//! it: a fault of this program, or a person with a database tool.

use std::cell::RefCell;

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use twox_hash::XxHash3_64;

use crate::error::Result;

/// The SQL function. Its arguments are a row's values in the order of its columns.
pub const FUNCTION: &str = "row_digest";

/// Registers the function on a connection.
///
/// # Errors
/// When the database fails.
pub fn register_function(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function(FUNCTION, -1, flags, |context| Ok(digest(context)))?;
    Ok(())
}

fn digest(context: &Context<'_>) -> i64 {
    BYTES.with_borrow_mut(|bytes| {
        bytes.clear();
        for index in 0..context.len() {
            match context.get_raw(index) {
                ValueRef::Null => bytes.push(0),
                ValueRef::Integer(number) => add(bytes, 1, &number.to_le_bytes()),
                // A REAL column stores 2 as 2.0, and both must have the same digest.
                ValueRef::Real(number) if number.fract() == 0.0 && number.abs() < 9e15 => add(bytes, 1, &(number as i64).to_le_bytes()),
                ValueRef::Real(number) => add(bytes, 2, &number.to_bits().to_le_bytes()),
                ValueRef::Text(text) | ValueRef::Blob(text) => {
                    add(bytes, 3, &(text.len() as u64).to_le_bytes());
                    bytes.extend_from_slice(text);
                }
            }
        }
        XxHash3_64::oneshot(bytes).cast_signed()
    })
}

fn add(bytes: &mut Vec<u8>, kind: u8, value: &[u8]) {
    bytes.push(kind);
    bytes.extend_from_slice(value);
}

thread_local! {
    /// Buffer for a row's values, reused between calls.
    static BYTES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_depends_on_every_value_but_not_on_a_numbers_storage_class() {
        let connection = Connection::open_in_memory().expect("a database");
        register_function(&connection).expect("a function");
        let of = |values: &str| -> i64 {
            connection.query_row(&format!("SELECT {FUNCTION}({values})"), [], |row| row.get(0)).expect("a digest")
        };
        assert_eq!(of("'a', 2, NULL"), of("'a', 2.0, NULL"));
        for other in
            ["'b', 2, NULL", "'a', 3, NULL", "'a', 2.5, NULL", "'a', 2, ''", "'a', 2, 0", "'a', '2', NULL", "'a2', NULL, NULL", "'a', 2"]
        {
            assert_ne!(of("'a', 2, NULL"), of(other), "{other}");
        }
    }
}
