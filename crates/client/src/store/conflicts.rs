//! Conflicts that are still ones: a value that somebody holds, beside another one that stands. The server keeps what was
//! held until somebody settles it; whether it differs from what stands now is only known where the row is.

use rusqlite::Connection;
use serde_json::Value;
use waystation_model::registry::{self, Entity, Kind};

use super::rows::{self, Row};
use super::value::to_json;
use crate::error::Result;

/// A conflict that waits for somebody.
#[derive(Debug, Clone)]
pub struct OpenConflict {
    /// The conflict.
    pub id: String,
    /// The table.
    pub entity: &'static Entity,
    /// The row.
    pub row_id: String,
    /// The field, or group of fields.
    pub field: String,
    /// What stands now.
    pub kept: Said,
    /// What lost.
    pub lost: Said,
}

/// What somebody said of one field.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Said {
    /// The value that decides, of a group its first column's.
    pub value: Value,
    /// The account of whoever said it, when that is known.
    pub by: Option<String>,
    /// When, in milliseconds.
    pub at: Option<i64>,
}

/// The conflicts whose lost value is not the one that stands, the newest first.
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
        // Of a row that is not here nothing stands; of a table that is not known nobody here can speak.
        let Some(entity) = registry::entity(&text("entity")?) else { continue };
        let Some(stands) = rows::read(connection, entity, &row_id)? else { continue };
        let values = |name: &str| Ok::<_, rusqlite::Error>(lead_value(entity, &field, &to_json(Kind::Json, row.get_ref(name)?)));
        let lost = Said { value: values("lost_values")?, by: row.get("lost_by")?, at: row.get("lost_at")? };
        let kept = Said { value: values("kept_values")?, by: row.get("kept_by")?, at: row.get("kept_at")? };
        let kept = standing(entity, &field, &stands, kept);
        if !is_same(&kept.value, &lost.value) {
            open.push(OpenConflict { id: row.get("id")?, entity, row_id, field, kept, lost });
        }
    }
    Ok(open)
}

/// What stands of a field. `kept` is what stood when the server noted the conflict, which may be long ago.
fn standing(entity: &Entity, field: &str, row: &Row, kept: Said) -> Said {
    let Some((lead, _)) = entity.group_columns(field).next() else { return kept };
    let value = row.values[lead].clone();
    // Some groups say themselves who wrote them, and when.
    let told = |kind: Kind| entity.group_columns(field).find(|(_, column)| column.kind == kind).map(|(index, _)| &row.values[index]);
    if let (Some(by), Some(at)) = (told(Kind::Uuid), told(Kind::Timestamp)) {
        return Said { value, by: by.as_str().map(str::to_owned), at: at.as_i64() };
    }
    if is_same(&value, &kept.value) { Said { value, ..kept } } else { Said { value, by: None, at: Some(row.updated_at) } }
}

/// The value that decides about a conflict of a group: its first column's.
fn lead_value(entity: &Entity, field: &str, values: &Value) -> Value {
    match (entity.group_columns(field).next(), values) {
        (Some((_, column)), Value::Object(values)) => values.get(column.name).cloned().unwrap_or(Value::Null),
        _ => values.clone(),
    }
}

/// Whether two values say the same. A number may have come as `5` and lie here as `5.0`.
fn is_same(one: &Value, other: &Value) -> bool {
    one == other || matches!((one.as_f64(), other.as_f64()), (Some(one), Some(other)) if one == other)
}
