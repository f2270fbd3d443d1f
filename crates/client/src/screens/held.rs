//! What waits for a decision: held changes (others' and this person's own), and offered rows, which the server has lost and a
//! laptop still has.

use serde_json::{Value, json};
use uuid::Uuid;
use waystation_model::access::Role;
use waystation_model::registry::{self, Kind, Merge};
use waystation_model::{Code, Problem};

use super::Snapshot;
use super::attention::field_kind;
use super::sync::{about, name_of};
use crate::app::App;
use crate::error::Result;
use crate::store::held::HeldChange;
use crate::store::{Edit, held, rows};
use crate::view_models::*;

impl App {
    pub(crate) async fn decide_held(&self, arguments: DecideHeld) -> Result<Nothing, Problem> {
        self.edit_with(move |connection, device| {
            let table = registry::entity("held_changes").expect("a registered table");
            let not_found = || Problem::new(Code::NotFound, "no such change is held");
            let id = Uuid::parse_str(&arguments.id).map_err(|_| not_found())?;
            let row = rows::read(connection, table, &arguments.id)?.ok_or_else(not_found)?;
            let text = |name: &str| table.column_index(name).and_then(|index| row.values[index].as_str());
            if text("author_id") == Some(device.owner.user_id.to_string().as_str()) {
                return Err(Problem::new(Code::NotAllowed, "the author cannot decide about their own change").into());
            }
            if text("state") != Some("waiting") {
                return Err(Problem::new(Code::AlreadySet, "it is already decided").field("state").into());
            }
            let state = if arguments.accept { "accepted" } else { "refused" };
            Ok(vec![Edit::put(table, Some(id), vec![("state", json!(state))])])
        })
        .await?;
        Ok(Nothing {})
    }

    pub(crate) async fn decide_offered(&self, arguments: DecideHeld) -> Result<Nothing, Problem> {
        self.edit_with(move |connection, device| {
            let table = registry::entity("offered_rows").expect("a registered table");
            let not_found = || Problem::new(Code::NotFound, "no such row is offered");
            let id = Uuid::parse_str(&arguments.id).map_err(|_| not_found())?;
            // A row without a stamp is this laptop's own offer, which the server has not stored yet.
            let row = rows::read(connection, table, &arguments.id)?.filter(|row| row.stamp != 0).ok_or_else(not_found)?;
            if device.owner.role != Role::Admin {
                return Err(Problem::new(Code::NotAllowed, "an administrator decides about this row").into());
            }
            if table.column_index("state").and_then(|index| row.values[index].as_str()) != Some("waiting") {
                return Err(Problem::new(Code::AlreadySet, "it is already decided").field("state").into());
            }
            let state = if arguments.accept { "accepted" } else { "refused" };
            Ok(vec![Edit::put(table, Some(id), vec![("state", json!(state))])])
        })
        .await?;
        Ok(Nothing {})
    }
}

/// Offered rows, for an administrator.
pub(super) fn offered(snapshot: &Snapshot<'_>) -> Result<Vec<HeldItem>> {
    if snapshot.owner.role != Role::Admin {
        return Ok(Vec::new());
    }
    let item = |row: HeldChange| {
        let (alone, fields) = (must_be_decided_alone(&row), offered_fields(snapshot, &row)?);
        Ok(HeldItem { alone, fields, ..item(snapshot, row)? })
    };
    held::offered(snapshot.connection)?.into_iter().map(item).collect()
}

/// Held changes that wait for this person's decision.
pub(super) fn to_decide(snapshot: &Snapshot<'_>) -> Result<Vec<HeldItem>> {
    let me = snapshot.me();
    held::to_decide(snapshot.connection, &me)?.into_iter().map(|change| item(snapshot, change)).collect()
}

/// This person's own held changes.
pub(super) fn own(snapshot: &Snapshot<'_>) -> Result<Vec<HeldItem>> {
    let me = snapshot.me();
    held::own(snapshot.connection, &me)?.into_iter().map(|change| item(snapshot, change)).collect()
}

fn item(snapshot: &Snapshot<'_>, change: HeldChange) -> Result<HeldItem> {
    let here = about(snapshot.connection, &change.entity, &change.row_id)?;
    let group = match &change.group_id {
        Some(group) => about(snapshot.connection, "groups", group)?,
        None => String::new(),
    };
    let decided_by = change.decided_by.as_deref().map_or(Ok(String::new()), |by| name_of(snapshot.connection, by))?;
    Ok(HeldItem {
        // The row may not exist on this laptop: then the change's own values describe it.
        about: if here.is_empty() { description(&change) } else { here },
        fields: fields(snapshot, &change)?,
        id: change.id,
        entity: change.entity,
        group,
        deletes: change.deletes,
        author: change.author_name,
        at: change.at,
        state: change.state,
        alone: false,
        others: change.others,
        decided_by,
        decided_at: change.decided_at,
    })
}

/// Whether an offered row affects access rights, or has a column that people decide one by one. Such a row must be looked at
/// before it is restored, because any person may offer rows.
fn must_be_decided_alone(row: &HeldChange) -> bool {
    registry::entity(&row.entity).is_none_or(|entity| {
        let is_asked = |name: &String| entity.column(name).is_some_and(|column| column.merge == Merge::Ask || column.by.is_some());
        !entity.access.is_empty() || row.fields.keys().any(is_asked)
    })
}

/// Describes a change by its own values: the person that it is about, and the day or the name.
fn description(change: &HeldChange) -> String {
    let label = ["lesson_date", "title", "name", "full_name"].iter().find_map(|name| change.fields.get(*name).and_then(Value::as_str));
    let parts = change.person_name.as_deref().into_iter().chain(label);
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

/// The entered and the current values. Keys, author and time are shown elsewhere on the card.
fn fields(snapshot: &Snapshot<'_>, change: &HeldChange) -> Result<Vec<HeldField>> {
    let Some(entity) = registry::entity(&change.entity) else { return Ok(Vec::new()) };
    let current = rows::read(snapshot.connection, entity, &change.row_id)?;
    let mut fields = Vec::new();
    for (index, column) in entity.columns.iter().enumerate() {
        let kind = field_kind(column).0;
        let is_readable = kind != "other" || matches!(column.kind, Kind::Json | Kind::Time);
        let shown = is_readable && !matches!(column.merge, Merge::Key | Merge::Carried);
        if let (true, Some(value)) = (shown, change.fields.get(column.name)) {
            let server_value = current.as_ref().map_or(Value::Null, |row| row.values[index].clone());
            fields.push(HeldField { name: column.name.to_owned(), value: value.clone(), server_value, kind: kind.to_owned() });
        }
    }
    Ok(fields)
}

/// All values of an offered row, its author and times too, because the card shows them nowhere else.
fn offered_fields(snapshot: &Snapshot<'_>, row: &HeldChange) -> Result<Vec<HeldField>> {
    let Some(entity) = registry::entity(&row.entity) else { return Ok(Vec::new()) };
    let current = rows::read(snapshot.connection, entity, &row.row_id)?;
    let mut fields = Vec::new();
    for (index, column) in entity.columns.iter().enumerate() {
        let Some(value) = row.fields.get(column.name) else { continue };
        let server_value = current.as_ref().map_or(Value::Null, |row| row.values[index].clone());
        let (kind, value, server_value) = match column.kind {
            Kind::Uuid => ("text", named(snapshot, column.name, value)?, named(snapshot, column.name, &server_value)?),
            Kind::Timestamp => ("moment", value.clone(), server_value),
            _ => (field_kind(column).0, value.clone(), server_value),
        };
        fields.push(HeldField { name: column.name.to_owned(), value, server_value, kind: kind.to_owned() });
    }
    Ok(fields)
}

/// The name or title of the row that an id refers to; the id itself when that row is not on this laptop.
fn named(snapshot: &Snapshot<'_>, column: &str, id: &Value) -> Result<Value> {
    let Some(id) = id.as_str() else { return Ok(Value::Null) };
    let table = match column {
        "group_id" => "groups",
        "course_id" => "courses",
        "module_id" => "modules",
        "topic_id" => "topics",
        "content_item_id" => "content_items",
        "assessment_id" => "assessments",
        "station_id" => "stations",
        _ => "users",
    };
    let name = if table == "users" { name_of(snapshot.connection, id)? } else { about(snapshot.connection, table, id)? };
    Ok(Value::from(if name.is_empty() { id.to_owned() } else { name }))
}
