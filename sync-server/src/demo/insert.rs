//! Inserts rows given as JSON, keys as columns.

use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use crate::failure::Failure;

/// Inserts rows into a table. Every row has the same keys; `organization_id` is added.
pub async fn insert(connection: &mut PgConnection, organization: Uuid, table: &'static str, rows: Vec<Value>) -> Result<(), Failure> {
    let Some(first) = rows.first().and_then(Value::as_object) else { return Ok(()) };
    let columns: Vec<&str> = first.keys().map(String::as_str).collect();
    // The names are literals of this program.
    let names = columns.join(", ");
    let sql = format!("INSERT INTO {table} (organization_id, {names}) SELECT $1, {names} FROM jsonb_populate_recordset(NULL::{table}, $2)");
    sqlx::query(AssertSqlSafe(sql))
        .bind(organization)
        .bind(Value::Array(rows))
        .execute(connection)
        .await
        .map_err(|error| Failure::broken(format!("{table}: {error}")))?;
    Ok(())
}
