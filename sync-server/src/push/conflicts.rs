//! Keeps what is held beside the values that stand, until somebody settles it.
//!
//! One row stands for what one device last said of one field. It is a conflict as long as its value differs from the one
//! that stands: laptops compare. So the conflicts do not depend on the order in which changes arrived.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;
use waystation_model::ids::DERIVED_ID_NAMESPACE;
use waystation_model::merge::{Held, Lost};
use waystation_model::registry::Entity;

use super::RowId;
use super::rows::Rows;
use super::sets::Context;
use crate::failure::Failure;

#[derive(FromRow)]
struct Open {
    id: Uuid,
    row_id: Uuid,
    field: String,
    lost_device: Option<Uuid>,
    lost_values: Value,
}

/// What one device holds of one group of one row.
type Place = (RowId, String, Option<Uuid>);

enum Entry {
    /// In the database, with its deciding value.
    Stored(Uuid, Value),
    /// New in this set.
    New(Lost),
}

/// Writes down what the set's changes did to the values held beside the rows.
pub async fn keep(connection: &mut PgConnection, context: &Context<'_>, entity: &Entity, rows: &Rows) -> Result<(), Failure> {
    if rows.held.is_empty() {
        return Ok(());
    }
    let mut entries = read_open(connection, entity, rows).await?;
    let mut gone: Vec<Uuid> = Vec::new();
    let forget = |gone: &mut Vec<Uuid>, entry: Option<Entry>| {
        if let Some(Entry::Stored(id, _)) = entry {
            gone.push(id);
        }
    };
    for (id, held) in &rows.held {
        match held {
            Held::Spoke { group, device } => {
                let entry = entries.remove(&(*id, (*group).to_owned(), Some(*device)));
                forget(&mut gone, entry);
            }
            Held::Saw { .. } => {}
            Held::Replaced { group, value } => {
                let places: Vec<Place> = entries
                    .iter()
                    .filter(|(place, entry)| place.0 == *id && place.1 == *group && decides(entry) == value)
                    .map(|(place, _)| place.clone())
                    .collect();
                for place in places {
                    let entry = entries.remove(&place);
                    forget(&mut gone, entry);
                }
            }
            Held::Kept(lost) => {
                // The same place keeps its id, so the row is written over.
                entries.insert((*id, lost.group.to_owned(), lost.edit.device), Entry::New(lost.clone()));
            }
        }
    }
    let new: Vec<(&Place, &Lost)> =
        entries.iter().filter_map(|(place, entry)| if let Entry::New(lost) = entry { Some((place, lost)) } else { None }).collect();
    let kept: Vec<Uuid> = new.iter().map(|(place, _)| conflict_id(entity, place)).collect();
    gone.retain(|id| !kept.contains(id));
    if !gone.is_empty() {
        sqlx::query("DELETE FROM conflicts WHERE id = ANY($1)").bind(gone).execute(&mut *connection).await?;
    }
    for (place, lost) in new {
        write(connection, context, entity, rows, place, lost).await?;
    }
    Ok(())
}

async fn read_open(connection: &mut PgConnection, entity: &Entity, rows: &Rows) -> Result<BTreeMap<Place, Entry>, Failure> {
    let mut ids: Vec<RowId> = rows.held.iter().map(|(id, _)| *id).collect();
    ids.sort_unstable();
    ids.dedup();
    let open: Vec<Open> = sqlx::query_as(
        "SELECT id, row_id, field, lost_device, lost_values FROM conflicts WHERE row_id = ANY($1) AND entity = $2 AND settled_at IS NULL ORDER BY id",
    )
    .bind(ids)
    .bind(entity.name)
    .fetch_all(connection)
    .await?;
    Ok(open
        .into_iter()
        .map(|open| {
            let lead = entity
                .group_columns(&open.field)
                .next()
                .and_then(|(_, column)| open.lost_values.get(column.name))
                .cloned()
                .unwrap_or(Value::Null);
            ((open.row_id, open.field, open.lost_device), Entry::Stored(open.id, lead))
        })
        .collect())
}

fn decides(entry: &Entry) -> &Value {
    match entry {
        Entry::Stored(_, value) => value,
        Entry::New(lost) => lost.values.first().map_or(&Value::Null, |(_, value)| value),
    }
}

async fn write(
    connection: &mut PgConnection,
    context: &Context<'_>,
    entity: &Entity,
    rows: &Rows,
    place: &Place,
    lost: &Lost,
) -> Result<(), Failure> {
    let id = place.0;
    let Some(stored) = rows.current(id) else { return Ok(()) };
    let kept: Map<String, Value> =
        entity.group_columns(lost.group).map(|(index, column)| (column.name.to_owned(), stored.values[index].clone())).collect();
    let kept_edit = stored.edits.get(lost.group);
    let lost_values: Map<String, Value> = lost.values.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let column =
        |name: &str| entity.column_index(name).and_then(|index| stored.values[index].as_str()).and_then(|text| Uuid::parse_str(text).ok());
    // Staff who hear the row settle it; where there are none, whoever had entered the value.
    let group_id = column("group_id").or_else(|| (entity.name == "groups").then_some(id));
    let course_id = if group_id.is_none() { column("course_id").or_else(|| (entity.name == "courses").then_some(id)) } else { None };
    let author_id = if group_id.is_none() && course_id.is_none() { lost.edit.user.or(Some(context.actor.user_id)) } else { None };
    sqlx::query(include_str!("../sql/keep_conflict.sql"))
        .bind(conflict_id(entity, place))
        .bind(context.actor.organization_id)
        .bind(entity.name)
        .bind(id)
        .bind(lost.group)
        .bind(Value::Object(lost_values))
        .bind(lost.edit.user)
        .bind(lost.edit.at.div_euclid(1000))
        .bind(Value::Object(kept))
        .bind(kept_edit.and_then(|edit| edit.user))
        .bind(kept_edit.map(|edit| edit.at.div_euclid(1000)))
        .bind(group_id)
        .bind(course_id)
        .bind(author_id)
        .bind(lost.edit.device)
        .execute(connection)
        .await?;
    Ok(())
}

/// One row per row, field and device.
fn conflict_id(entity: &Entity, place: &Place) -> Uuid {
    let device = place.2.map_or_else(|| "-".to_owned(), |device| device.to_string());
    Uuid::new_v5(&DERIVED_ID_NAMESPACE, format!("conflicts:{}:{}:{}:{device}", entity.name, place.0, place.1).as_bytes())
}
