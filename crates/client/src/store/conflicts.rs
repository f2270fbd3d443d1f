//! Open conflicts: a losing value that differs from the current value. The server keeps the losing value until the conflict is
//! settled; only a laptop that has the row can tell whether it still differs.

use rusqlite::Connection;
use serde_json::Value;
use waystation_model::registry::{self, Entity, Kind};

use super::rows::{self, Row};
use super::value::to_json;
use crate::error::Result;

/// A conflict that is not settled.
#[derive(Debug, Clone)]
pub struct OpenConflict {
    /// The conflict.
    pub id: String,
    /// The table.
    pub entity: &'static Entity,
    /// The row's id.
    pub row_id: String,
    /// The field, or group of fields.
    pub field: String,
    /// The current value.
    pub kept: ConflictValue,
    /// The losing value.
    pub lost: ConflictValue,
}

/// One of the two values of a conflict.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConflictValue {
    /// The value; for a group of fields its first column's.
    pub value: Value,
    /// The account of its author, when it is known.
    pub by: Option<String>,
    /// When it was entered, in milliseconds.
    pub at: Option<i64>,
}

/// The conflicts whose losing value differs from the current one, the newest first.
///
/// # Errors
/// When the database fails.
pub fn open(connection: &Connection) -> Result<Vec<OpenConflict>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, entity, row_id, field, lost_values, lost_by, lost_at, kept_values, kept_by, kept_at FROM conflicts
         WHERE settled_at IS NULL ORDER BY lost_at DESC, id",
    )?;
    let mut found = statement.query([])?;
    let mut open = Vec::new();
    while let Some(row) = found.next()? {
        let text = |name: &str| row.get::<_, Option<String>>(name).map(Option::unwrap_or_default);
        let (row_id, field) = (text("row_id")?, text("field")?);
        // Skip unknown tables, because this build cannot interpret their rows, and rows that are not on this laptop.
        let Some(entity) = registry::entity(&text("entity")?) else { continue };
        let Some(current) = rows::read(connection, entity, &row_id)? else { continue };
        let values = |name: &str| Ok::<_, rusqlite::Error>(lead_value(entity, &field, &to_json(Kind::Json, row.get_ref(name)?)));
        let lost = ConflictValue { value: values("lost_values")?, by: row.get("lost_by")?, at: row.get("lost_at")? };
        let kept = ConflictValue { value: values("kept_values")?, by: row.get("kept_by")?, at: row.get("kept_at")? };
        let kept = current_value(entity, &field, &current, kept);
        if !is_same(&kept.value, &lost.value) {
            open.push(OpenConflict { id: row.get("id")?, entity, row_id, field, kept, lost });
        }
    }
    Ok(open)
}

/// The current value of a field. `kept` is its value when the server noted the conflict, which may be outdated.
fn current_value(entity: &Entity, field: &str, row: &Row, kept: ConflictValue) -> ConflictValue {
    let Some((lead, _)) = entity.group_columns(field).next() else { return kept };
    let value = row.values[lead].clone();
    // Some groups have columns for their author and time.
    let value_of = |kind: Kind| entity.group_columns(field).find(|(_, column)| column.kind == kind).map(|(index, _)| &row.values[index]);
    if let (Some(by), Some(at)) = (value_of(Kind::Uuid), value_of(Kind::Timestamp)) {
        return ConflictValue { value, by: by.as_str().map(str::to_owned), at: at.as_i64() };
    }
    if is_same(&value, &kept.value) { ConflictValue { value, ..kept } } else { ConflictValue { value, by: None, at: Some(row.updated_at) } }
}

/// The value that represents a group of fields: its first column's.
fn lead_value(entity: &Entity, field: &str, values: &Value) -> Value {
    match (entity.group_columns(field).next(), values) {
        (Some((_, column)), Value::Object(values)) => values.get(column.name).cloned().unwrap_or(Value::Null),
        _ => values.clone(),
    }
}

/// Whether two values are equal. A number may be received as `5` and stored as `5.0`.
fn is_same(one: &Value, other: &Value) -> bool {
    one == other || matches!((one.as_f64(), other.as_f64()), (Some(one), Some(other)) if one == other)
}
