//! Conflicts as they are stored.

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
}

/// The open conflicts of these rows.
pub async fn open(connection: &mut PgConnection, entity: &Entity, rows: Vec<Uuid>) -> Result<Vec<OpenConflict>, Failure> {
    let open: Vec<Open> = sqlx::query_as(
        "SELECT id, row_id, field, lost_device, lost_values, lost_stood_from, lost_stood_upto FROM conflicts \
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
            id: open.id,
            row_id: open.row_id,
            field: open.field,
            lost_device: open.lost_device,
            lost_values: open.lost_values,
            stood: open.lost_stood_from.zip(open.lost_stood_upto),
        })
        .collect())
}

/// Writes one conflict.
pub async fn keep(connection: &mut PgConnection, conflict: KeptConflict<'_>) -> Result<(), Failure> {
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
        .bind(conflict.stood.map(|(from, _)| from))
        .bind(conflict.stood.map(|(_, upto)| upto))
        .execute(connection)
        .await?;
    Ok(())
}
