//! Making and changing rows from what a form, a cell or an import gives: missing values that follow from others are filled in,
//! and the whole of a group is sent when one column of it changes.

use std::collections::BTreeMap;

use rusqlite::Connection;
use serde_json::Value;
use uuid::Uuid;
use waystation_model::registry::{Column, Entity, IdRule, Merge, check_value};
use waystation_model::{Code, Problem};

use crate::error::Result;
use crate::store::rows::{self, id_text};
use crate::store::{Edit, Owner};
use crate::view_models::SaveRecord;

/// Rows of one save.
pub const SAVE_ROWS_MAX: usize = 1_000;

/// The edits that a save needs, and the rows that it is about. A row that already has all values needs none.
///
/// # Errors
/// `unknown_column`, `server_column`, `bad_value`, `missing_value`, `missing_reference`, each with its field; `not_found`.
pub fn plan(
    connection: &Connection,
    owner: &Owner,
    entity: &'static Entity,
    given: &[SaveRecord],
    mut new_id: impl FnMut() -> Uuid,
) -> Result<(Vec<Edit>, Vec<Uuid>)> {
    if given.len() > SAVE_ROWS_MAX {
        return Err(Problem::new(Code::BadRequest, format!("at most {SAVE_ROWS_MAX} rows at once")).into());
    }
    let (mut edits, mut ids) = (Vec::new(), Vec::new());
    for row in given {
        let fields = read_fields(entity, &row.fields)?;
        let (edit, id) = match &row.id {
            Some(id) => change(connection, owner, entity, read_id(id)?, fields)?,
            None => make(connection, owner, entity, fields, &mut new_id)?,
        };
        edits.extend(edit);
        ids.push(id);
    }
    Ok((edits, ids))
}

/// An id that a caller names.
///
/// # Errors
/// `not_found`: a text that is no id names no row.
pub fn read_id(text: &str) -> Result<Uuid, Problem> {
    Uuid::parse_str(text).map_err(|_| Problem::new(Code::NotFound, format!("{text} is no id")).field("id"))
}

fn read_fields(entity: &'static Entity, given: &BTreeMap<String, Value>) -> Result<BTreeMap<usize, Value>, Problem> {
    let mut fields = BTreeMap::new();
    for (name, value) in given {
        let index = entity
            .column_index(name)
            .ok_or_else(|| Problem::new(Code::UnknownColumn, format!("{} has no column {name}", entity.name)).field(name))?;
        let column = &entity.columns[index];
        if !column.is_given_by_people() {
            return Err(Problem::new(Code::ServerColumn, format!("{name} is not given by a person")).field(name));
        }
        let value = tidied(column, value);
        check_value(column, &value).map_err(|why| Problem::new(Code::BadValue, format!("{name} {why}")).field(name))?;
        fields.insert(index, value);
    }
    Ok(fields)
}

/// An empty text in a column that may be empty is nothing.
fn tidied(column: &Column, value: &Value) -> Value {
    match value.as_str() {
        Some("") if column.nullable => Value::Null,
        _ => value.clone(),
    }
}

fn change(
    connection: &Connection,
    owner: &Owner,
    entity: &'static Entity,
    id: Uuid,
    fields: BTreeMap<usize, Value>,
) -> Result<(Option<Edit>, Uuid)> {
    let stored = rows::read(connection, entity, &id_text(&id))?
        .ok_or_else(|| Problem::new(Code::NotFound, format!("{} {id} is not on this laptop", entity.name)))?;
    Ok((change_of(entity, owner, id, &stored.values, fields)?, id))
}

/// The edit that gives a row with these values new ones; none when it has them all.
///
/// # Errors
/// `key_changed`.
pub(super) fn change_of(
    entity: &'static Entity,
    owner: &Owner,
    id: Uuid,
    stored: &[Value],
    mut fields: BTreeMap<usize, Value>,
) -> Result<Option<Edit>, Problem> {
    fields.retain(|index, value| stored[*index] != *value);
    if let Some(index) = fields.keys().find(|index| entity.columns[**index].merge == Merge::Key) {
        let name = entity.columns[*index].name;
        return Err(Problem::new(Code::KeyChanged, format!("{name} never changes")).field(name));
    }
    if fields.is_empty() {
        return Ok(None);
    }
    complete_groups(entity, owner, stored, &mut fields);
    Ok(Some(Edit::put(entity, Some(id), named(entity, fields))))
}

/// The edit that makes a row, and its id.
///
/// # Errors
/// `missing_value`, `missing_reference`, `taken`.
pub(super) fn make(
    connection: &Connection,
    owner: &Owner,
    entity: &'static Entity,
    mut fields: BTreeMap<usize, Value>,
    new_id: &mut impl FnMut() -> Uuid,
) -> Result<(Option<Edit>, Uuid)> {
    carry(connection, entity, &mut fields)?;
    // Author columns that are keys belong to no group, so nothing else fills them.
    for (index, column) in entity.columns.iter().enumerate() {
        if column.names_author && column.merge == Merge::Key {
            fields.insert(index, Value::from(owner.user_id.to_string()));
        }
    }
    if let Some(column) = (0..entity.columns.len()).find(|index| is_missing(entity, *index, &fields)) {
        let name = entity.columns[column].name;
        return Err(Problem::new(Code::MissingValue, format!("a new row needs {name}")).field(name).into());
    }
    let defaults = entity.empty_values();
    complete_groups(entity, owner, &defaults, &mut fields);
    let mut values = defaults;
    for (index, value) in &fields {
        values[*index] = value.clone();
    }
    let derived = entity.id_of(&values);
    let id = derived.unwrap_or_else(new_id);
    if derived.is_some() && rows::read(connection, entity, &id_text(&id))?.is_some() {
        let IdRule::Derived(keys) = entity.id else { unreachable!("only a derived id is derived") };
        return Err(Problem::new(Code::Taken, "there is such a row already").field(keys.last().copied().unwrap_or("id")).into());
    }
    Ok((Some(Edit::put(entity, Some(id), named(entity, fields))), id))
}

fn is_missing(entity: &Entity, index: usize, fields: &BTreeMap<usize, Value>) -> bool {
    let column = &entity.columns[index];
    let is_empty = |value: &Value| value.is_null() || value.as_str() == Some("");
    let needed = column.is_needed() || column.required || is_name(entity, column);
    needed && fields.get(&index).is_none_or(is_empty)
}

/// Whether the label consists of this column alone. A row without it would have no name in lists.
fn is_name(entity: &Entity, column: &Column) -> bool {
    let label = entity.record.label.columns();
    label.len() == 1 && label[0] == column.name && column.is_given_by_people()
}

/// Columns that follow from the row that a reference names take its values. The server copies them afterwards; a new row names them,
/// because its rights and its scopes follow from them.
fn carry(connection: &Connection, entity: &'static Entity, fields: &mut BTreeMap<usize, Value>) -> Result<()> {
    for column in entity.columns {
        let (Some(reference), Some(target), Some(index)) = (column.references, column.referred(), entity.column_index(column.name)) else {
            continue;
        };
        let Some(parent_id) = fields.get(&index).and_then(Value::as_str) else { continue };
        let follow = entity.columns.iter().enumerate().filter(|(_, other)| other.merge == Merge::Carried);
        // A question of a test outside every course has none, so no foreign key compares the two, and it is the test's all the same.
        let is_followed = |name: &str| reference.same.contains(&name) || target.column_index(name).is_some();
        let follow: Vec<(usize, &str)> = follow.map(|(place, other)| (place, other.name)).filter(|(_, name)| is_followed(name)).collect();
        if follow.is_empty() {
            continue;
        }
        let parent = rows::read(connection, target, parent_id)?
            .ok_or_else(|| Problem::new(Code::MissingReference, format!("{} is not on this laptop", column.name)).field(column.name))?;
        for (place, name) in follow {
            if let Some(at) = target.column_index(name) {
                fields.entry(place).or_insert_with(|| parent.values[at].clone());
            }
        }
    }
    Ok(())
}

/// Adds the other columns of each group that changes, with the values that they have, and the author where one is named.
fn complete_groups(entity: &Entity, owner: &Owner, values: &[Value], fields: &mut BTreeMap<usize, Value>) {
    let groups: Vec<&str> = fields.keys().filter_map(|index| entity.columns[*index].tracked_group()).collect();
    for (index, column) in entity.columns.iter().enumerate() {
        if column.tracked_group().is_some_and(|group| groups.contains(&group)) && column.merge != Merge::Server {
            let value = if column.names_author { Value::from(owner.user_id.to_string()) } else { values[index].clone() };
            fields.entry(index).or_insert(value);
        }
    }
}

fn named(entity: &'static Entity, fields: BTreeMap<usize, Value>) -> Vec<(&'static str, Value)> {
    fields.into_iter().map(|(index, value)| (entity.columns[index].name, value)).collect()
}
