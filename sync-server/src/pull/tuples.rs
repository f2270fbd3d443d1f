//! Rows as the database writes them: JSON tuples that pass through the server unread.

use std::collections::HashMap;

use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;
use waystation_model::registry::{Entity, entity_by_code};
use waystation_model::sql::{select_tuples, tuple_columns};

use crate::failure::Failure;

/// Tuples by table and row.
pub struct Tuples {
    tuples: HashMap<(i16, Uuid), String>,
}

impl Tuples {
    /// Reads the rows, one statement a table.
    pub async fn read(connection: &mut PgConnection, ids: &HashMap<i16, Vec<Uuid>>) -> Result<Tuples, Failure> {
        let mut tuples = HashMap::new();
        for (code, ids) in ids {
            let entity = entity_by_code(*code).ok_or_else(|| Failure::broken(format!("unknown table code {code}")))?;
            let rows: Vec<(Uuid, String)> =
                sqlx::query_as(AssertSqlSafe(select_tuples(entity))).bind(ids).fetch_all(&mut *connection).await?;
            tuples.extend(rows.into_iter().map(|(id, tuple)| ((*code, id), tuple)));
        }
        Ok(Tuples { tuples })
    }

    /// One row's tuple.
    pub fn get(&self, code: i16, id: &Uuid) -> Option<&str> {
        self.tuples.get(&(code, *id)).map(String::as_str)
    }
}

/// Writes a `rows` line around tuples that are JSON already.
pub fn rows_line(text: &mut Vec<u8>, scope: &str, entity: &Entity, tuples: &[&str]) -> Result<(), Failure> {
    text.extend_from_slice(b"{\"line\":\"rows\",\"scope\":");
    serde_json::to_writer(&mut *text, scope).map_err(Failure::broken)?;
    text.extend_from_slice(b",\"entity\":");
    serde_json::to_writer(&mut *text, entity.name).map_err(Failure::broken)?;
    text.extend_from_slice(b",\"columns\":");
    serde_json::to_writer(&mut *text, &tuple_columns(entity)).map_err(Failure::broken)?;
    text.extend_from_slice(b",\"rows\":[");
    for (place, tuple) in tuples.iter().enumerate() {
        if place > 0 {
            text.push(b',');
        }
        text.extend_from_slice(tuple.as_bytes());
    }
    text.extend_from_slice(b"]}\n");
    Ok(())
}
