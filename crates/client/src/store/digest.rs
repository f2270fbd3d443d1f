//! A digest of each row's own values, written with them: a row that changes by itself does not fit its digest any more.
//!
//! The encryption already notices a disk that changes single bytes. This notices whatever else writes to rows without knowing
//! how: a fault of this program, or somebody's hand.

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use sha2::{Digest, Sha256};

use crate::error::Result;

/// The SQL function. Its arguments are a row's values in the order of its columns.
pub const FUNCTION: &str = "row_digest";

/// Teaches a connection the function.
///
/// # Errors
/// When the database fails.
pub fn teach(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function(FUNCTION, -1, flags, |context| Ok(digest(context)))?;
    Ok(())
}

fn digest(context: &Context<'_>) -> i64 {
    let mut hasher = Sha256::new();
    for place in 0..context.len() {
        match context.get_raw(place) {
            ValueRef::Null => hasher.update([0]),
            ValueRef::Integer(number) => number_into(&mut hasher, number),
            // A column of real numbers stores 2 as 2.0.
            ValueRef::Real(number) if number.fract() == 0.0 && number.abs() < 9e15 => number_into(&mut hasher, number as i64),
            ValueRef::Real(number) => {
                hasher.update([2]);
                hasher.update(number.to_bits().to_le_bytes());
            }
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                hasher.update([3]);
                hasher.update((bytes.len() as u64).to_le_bytes());
                hasher.update(bytes);
            }
        }
    }
    let mut eight = [0; 8];
    eight.copy_from_slice(&hasher.finalize()[..8]);
    i64::from_le_bytes(eight)
}

fn number_into(hasher: &mut Sha256, number: i64) {
    hasher.update([1]);
    hasher.update(number.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_counts_and_how_a_number_is_stored_does_not() {
        let connection = Connection::open_in_memory().expect("a database");
        teach(&connection).expect("a function");
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
