//! What waits for a decision: changes whose author has lost the right, to decide about and one's own, and rows that the server
//! has lost and a laptop still had.

use serde_json::{Value, json};
use uuid::Uuid;
use waystation_model::access::Role;
use waystation_model::registry::{self, Kind, Merge};
use waystation_model::{Code, Problem};

use super::Desk;
use super::attention::field_kind;
use super::sync::{about, name_of};
use crate::app::App;
use crate::error::Result;
use crate::store::held::HeldChange;
use crate::store::{Edit, held, rows};
use crate::views::*;

impl App {
    pub(crate) async fn decide_held(&self, arguments: DecideHeld) -> Result<Nothing, Problem> {
        self.edit_with(move |connection, device| {
            let table = registry::entity("held_changes").expect("a registered table");
            let not_found = || Problem::new(Code::NotFound, "no such change is held");
            let id = Uuid::parse_str(&arguments.id).map_err(|_| not_found())?;
            let row = rows::read(connection, table, &arguments.id)?.ok_or_else(not_found)?;
            let text = |name: &str| table.column_index(name).and_then(|index| row.values[index].as_str());
            if text("author_id") == Some(device.owner.user_id.to_string().as_str()) {
                return Err(Problem::new(Code::NotAllowed, "somebody else decides about this change").into());
            }
            if text("state") != Some("waiting") {
                return Err(Problem::new(Code::AlreadySet, "somebody has decided").field("state").into());
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
            // A row without a stamp is this laptop's own offer, of which the server has not said yet that it keeps it.
            let row = rows::read(connection, table, &arguments.id)?.filter(|row| row.stamp != 0).ok_or_else(not_found)?;
            if device.owner.role != Role::Admin {
                return Err(Problem::new(Code::NotAllowed, "an administrator decides about this row").into());
            }
            if table.column_index("state").and_then(|index| row.values[index].as_str()) != Some("waiting") {
                return Err(Problem::new(Code::AlreadySet, "somebody has decided").field("state").into());
            }
            let state = if arguments.accept { "accepted" } else { "refused" };
            Ok(vec![Edit::put(table, Some(id), vec![("state", json!(state))])])
        })
        .await?;
        Ok(Nothing {})
    }
}

/// What the server has lost and somebody's laptop still had, for an administrator.
pub(super) fn offered(desk: &Desk<'_>) -> Result<Vec<HeldItem>> {
    if desk.owner.role != Role::Admin {
        return Ok(Vec::new());
    }
    let item = |row: HeldChange| {
        let (alone, fields) = (is_decided_alone(&row), offered_fields(desk, &row)?);
        Ok(HeldItem { alone, fields, ..item(desk, row)? })
    };
    held::offered(desk.connection)?.into_iter().map(item).collect()
}

/// What waits for this person.
pub(super) fn to_decide(desk: &Desk<'_>) -> Result<Vec<HeldItem>> {
    let me = desk.me();
    held::to_decide(desk.connection, &me)?.into_iter().map(|change| item(desk, change)).collect()
}

/// What this person made and somebody else decides.
pub(super) fn own(desk: &Desk<'_>) -> Result<Vec<HeldItem>> {
    let me = desk.me();
    held::own(desk.connection, &me)?.into_iter().map(|change| item(desk, change)).collect()
}

fn item(desk: &Desk<'_>, change: HeldChange) -> Result<HeldItem> {
    let here = about(desk.connection, &change.entity, &change.row_id)?;
    let group = match &change.group_id {
        Some(group) => about(desk.connection, "groups", group)?,
        None => String::new(),
    };
    let decided_by = change.decided_by.as_deref().map_or(Ok(String::new()), |by| name_of(desk.connection, by))?;
    Ok(HeldItem {
        // A row that was never made has nothing to say of itself, and its author may know nobody of it any more.
        about: if here.is_empty() { told(&change) } else { here },
        fields: fields(desk, &change)?,
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

/// Whether an offered row decides what somebody may see or do, or says something that people decide one by one. Anybody may
/// offer, so nobody brings such a row back without having looked at it.
fn is_decided_alone(row: &HeldChange) -> bool {
    registry::entity(&row.entity).is_none_or(|entity| {
        let is_asked = |name: &String| entity.column(name).is_some_and(|column| column.merge == Merge::Ask || column.by.is_some());
        !entity.access.is_empty() || row.fields.keys().any(is_asked)
    })
}

/// What a change says of itself: whom it is about, and the day or the name.
fn told(change: &HeldChange) -> String {
    let said = ["lesson_date", "title", "name", "full_name"].iter().find_map(|name| change.fields.get(*name).and_then(Value::as_str));
    let parts = change.person_name.as_deref().into_iter().chain(said);
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

/// What was entered, and what stands there now. Keys and who marked when are told elsewhere on the card.
fn fields(desk: &Desk<'_>, change: &HeldChange) -> Result<Vec<HeldField>> {
    let Some(entity) = registry::entity(&change.entity) else { return Ok(Vec::new()) };
    let stands = rows::read(desk.connection, entity, &change.row_id)?;
    let mut fields = Vec::new();
    for (index, column) in entity.columns.iter().enumerate() {
        let kind = field_kind(column).0;
        let says_something = kind != "other" || matches!(column.kind, Kind::Json | Kind::Time);
        let shown = says_something && !matches!(column.merge, Merge::Key | Merge::Carried);
        if let (true, Some(value)) = (shown, change.fields.get(column.name)) {
            let server_value = stands.as_ref().map_or(Value::Null, |row| row.values[index].clone());
            fields.push(HeldField { name: column.name.to_owned(), value: value.clone(), server_value, kind: kind.to_owned() });
        }
    }
    Ok(fields)
}

/// Everything that an offered row says: also who and when, because nobody else has said it before.
fn offered_fields(desk: &Desk<'_>, row: &HeldChange) -> Result<Vec<HeldField>> {
    let Some(entity) = registry::entity(&row.entity) else { return Ok(Vec::new()) };
    let stands = rows::read(desk.connection, entity, &row.row_id)?;
    let mut fields = Vec::new();
    for (index, column) in entity.columns.iter().enumerate() {
        let Some(value) = row.fields.get(column.name) else { continue };
        let server_value = stands.as_ref().map_or(Value::Null, |row| row.values[index].clone());
        let (kind, value, server_value) = match column.kind {
            Kind::Uuid => ("text", named(desk, column.name, value)?, named(desk, column.name, &server_value)?),
            Kind::Timestamp => ("moment", value.clone(), server_value),
            _ => (field_kind(column).0, value.clone(), server_value),
        };
        fields.push(HeldField { name: column.name.to_owned(), value, server_value, kind: kind.to_owned() });
    }
    Ok(fields)
}

/// What an id stands for, in the words of the people who made it; the id itself where that is not on this laptop.
fn named(desk: &Desk<'_>, column: &str, id: &Value) -> Result<Value> {
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
    let name = if table == "users" { name_of(desk.connection, id)? } else { about(desk.connection, table, id)? };
    Ok(Value::from(if name.is_empty() { id.to_owned() } else { name }))
}
