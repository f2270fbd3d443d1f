//! Keeps what lost against a later value, until somebody settles it.
//!
//! One conflict stands for one distinct value of one field that is not the one that stands, with the latest person who
//! held it. So the set of conflicts does not depend on the order in which changes arrived.

use serde_json::{Map, Value};
use sqlx::PgConnection;
use uuid::Uuid;
use waystation_model::ids::DERIVED_ID_NAMESPACE;
use waystation_model::merge::{Edit, Lost};
use waystation_model::registry::Entity;

use super::RowId;
use super::rows::Rows;
use super::sets::Context;
use crate::failure::Failure;

/// Writes the set's conflicts, and removes those whose value stands again.
pub async fn keep(connection: &mut PgConnection, context: &Context<'_>, entity: &Entity, rows: &Rows) -> Result<(), Failure> {
    for (id, group) in &rows.regained {
        let Some(stored) = rows.current(*id) else { continue };
        if let Some(lead) = lead_value(entity, group, |index| stored.values[index].clone()) {
            sqlx::query("DELETE FROM conflicts WHERE id = $1 AND settled_at IS NULL")
                .bind(conflict_id(entity, *id, group, &lead))
                .execute(&mut *connection)
                .await?;
        }
    }
    for (id, lost) in &rows.lost {
        keep_one(connection, context, entity, rows, *id, lost).await?;
    }
    Ok(())
}

async fn keep_one(
    connection: &mut PgConnection,
    context: &Context<'_>,
    entity: &Entity,
    rows: &Rows,
    id: RowId,
    lost: &Lost,
) -> Result<(), Failure> {
    let Some(stored) = rows.current(id) else { return Ok(()) };
    let lost_lead = lost.values.first().map_or(Value::Null, |(_, value)| value.clone());
    if lead_value(entity, lost.group, |index| stored.values[index].clone()).as_ref() == Some(&lost_lead) {
        return Ok(());
    }
    let kept: Map<String, Value> =
        entity.group_columns(lost.group).map(|(index, column)| (column.name.to_owned(), stored.values[index].clone())).collect();
    let kept_edit = stored.edits.get(lost.group);
    let lost_values: Map<String, Value> = lost.values.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let column =
        |name: &str| entity.column_index(name).and_then(|index| stored.values[index].as_str()).and_then(|text| Uuid::parse_str(text).ok());
    let group_id = column("group_id");
    let course_id = if group_id.is_none() { column("course_id").or_else(|| (entity.name == "courses").then_some(id)) } else { None };
    let author_id = if group_id.is_none() && course_id.is_none() { lost.edit.user.or(Some(context.actor.user_id)) } else { None };
    sqlx::query(include_str!("../sql/keep_conflict.sql"))
        .bind(conflict_id(entity, id, lost.group, &lost_lead))
        .bind(context.actor.organization_id)
        .bind(entity.name)
        .bind(id)
        .bind(lost.group)
        .bind(Value::Object(lost_values))
        .bind(lost.edit.user)
        .bind(as_ms(&lost.edit))
        .bind(Value::Object(kept))
        .bind(kept_edit.and_then(|edit| edit.user))
        .bind(kept_edit.map(as_ms))
        .bind(group_id)
        .bind(course_id)
        .bind(author_id)
        .execute(connection)
        .await?;
    Ok(())
}

fn as_ms(edit: &Edit) -> i64 {
    edit.at.div_euclid(1000)
}

fn lead_value(entity: &Entity, group: &str, value: impl Fn(usize) -> Value) -> Option<Value> {
    entity.group_columns(group).next().map(|(index, _)| value(index))
}

/// One conflict per row, field and distinct lost value.
fn conflict_id(entity: &Entity, id: RowId, group: &str, lead: &Value) -> Uuid {
    Uuid::new_v5(&DERIVED_ID_NAMESPACE, format!("conflicts:{}:{id}:{group}:{lead}", entity.name).as_bytes())
}
