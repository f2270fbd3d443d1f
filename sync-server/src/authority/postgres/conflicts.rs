//! Reading and writing conflicts.

use serde_json::Value;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;
use waystation_model::registry::Entity;

use super::rows::unreadable;
use super::{KeptConflict, OpenConflict};
use crate::failure::Failure;

#[derive(FromRow)]
struct Open {
    id: Uuid,
    row_id: Uuid,
    field: String,
    lost_device: Option<Uuid>,
    lost_values: Value,
    lost_stood_from: Option<i64>,
    lost_stood_upto: Option<i64>,
    lost_stood_before: Option<Vec<i64>>,
}

impl Open {
    fn stood(&self) -> Vec<(i64, i64)> {
        let before = self.lost_stood_before.as_deref().unwrap_or_default().as_chunks::<2>().0;
        before.iter().map(|[from, upto]| (*from, *upto)).chain(self.lost_stood_from.zip(self.lost_stood_upto)).collect()
    }
}

/// The latest stamp range during which a value was current, and the earlier ones as a flat list.
fn columns_of(stood: &[(i64, i64)]) -> (Option<(i64, i64)>, Option<Vec<i64>>) {
    match stood.split_last() {
        None => (None, None),
        Some((latest, [])) => (Some(*latest), None),
        Some((latest, before)) => (Some(*latest), Some(before.iter().flat_map(|(from, upto)| [*from, *upto]).collect())),
    }
}

/// The open conflicts of these rows.
pub async fn open(connection: &mut PgConnection, entity: &Entity, rows: Vec<Uuid>) -> Result<Vec<OpenConflict>, Failure> {
    let open: Vec<Open> = sqlx::query_as(
        "SELECT id, row_id, field, lost_device, lost_values, lost_stood_from, lost_stood_upto, lost_stood_before FROM conflicts \
         WHERE row_id = ANY($1) AND entity = $2 AND settled_at IS NULL ORDER BY id",
    )
    .bind(rows)
    .bind(entity.name)
    .fetch_all(connection)
    .await
    .map_err(unreadable)?;
    Ok(open
        .into_iter()
        .map(|open| OpenConflict {
            stood: open.stood(),
            id: open.id,
            row_id: open.row_id,
            field: open.field,
            lost_device: open.lost_device,
            lost_values: open.lost_values,
        })
        .collect())
}

/// Inserts or overwrites one conflict.
pub async fn keep(connection: &mut PgConnection, conflict: KeptConflict<'_>) -> Result<(), Failure> {
    let (latest, before) = columns_of(&conflict.stood);
    sqlx::query(include_str!("../../sql/keep_conflict.sql"))
        .bind(conflict.id)
        .bind(conflict.organization_id)
        .bind(conflict.entity)
        .bind(conflict.row_id)
        .bind(conflict.field)
        .bind(Value::Object(conflict.lost_values))
        .bind(conflict.lost_by)
        .bind(conflict.lost_at_ms)
        .bind(Value::Object(conflict.kept_values))
        .bind(conflict.kept_by)
        .bind(conflict.kept_at_ms)
        .bind(conflict.group_id)
        .bind(conflict.course_id)
        .bind(conflict.author_id)
        .bind(conflict.lost_device)
        .bind(latest.map(|(from, _)| from))
        .bind(latest.map(|(_, upto)| upto))
        .bind(before)
        .execute(connection)
        .await?;
    Ok(())
}

/// Stores the stamp ranges during which the conflict's value was current.
pub async fn store_current_ranges(connection: &mut PgConnection, id: Uuid, stood: &[(i64, i64)]) -> Result<(), Failure> {
    let (latest, before) = columns_of(stood);
    sqlx::query("UPDATE conflicts SET lost_stood_from = $2, lost_stood_upto = $3, lost_stood_before = $4 WHERE id = $1")
        .bind(id)
        .bind(latest.map(|(from, _)| from))
        .bind(latest.map(|(_, upto)| upto))
        .bind(before)
        .execute(connection)
        .await?;
    Ok(())
}
