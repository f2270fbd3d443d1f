//! Rows as the database writes them: JSON tuples that the server forwards without parsing.

use waystation_model::registry::Entity;
use waystation_model::sql::tuple_columns;

use crate::failure::Failure;

/// Writes a `rows` line around tuples that are JSON already.
pub fn rows_line(text: &mut Vec<u8>, scope: &str, entity: &Entity, tuples: &[&str]) -> Result<(), Failure> {
    text.extend_from_slice(b"{\"line\":\"rows\",\"scope\":");
    serde_json::to_writer(&mut *text, scope).map_err(Failure::broken)?;
    text.extend_from_slice(b",\"entity\":");
    serde_json::to_writer(&mut *text, entity.name).map_err(Failure::broken)?;
    text.extend_from_slice(b",\"columns\":");
    serde_json::to_writer(&mut *text, &tuple_columns(entity)).map_err(Failure::broken)?;
    text.extend_from_slice(b",\"rows\":[");
    for (index, tuple) in tuples.iter().enumerate() {
        if index > 0 {
            text.push(b',');
        }
        text.extend_from_slice(tuple.as_bytes());
    }
    text.extend_from_slice(b"]}\n");
    Ok(())
}
