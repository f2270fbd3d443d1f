//! What a person does: one transaction that changes the visible row and puts the change into the outbox.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;
use uuid::Uuid;
use waystation_model::access::{Actor, Rules, Who, allows, refused_column};
use waystation_model::merge::{Change, Edits, Stored, lay_over, merge, read_fields};
use waystation_model::registry::{Entity, Merge};
use waystation_model::wire::{Base, Operation};
use waystation_model::{Code, Problem};

use super::device::{Device, Owner};
use super::overlay::{Pending, lay, operation_word, pending_of, start_shadow};
use super::rows::{self, Row, id_text};
use crate::error::Result;

/// One change to make.
#[derive(Debug, Clone)]
pub struct Edit {
    /// The table.
    pub entity: &'static Entity,
    /// The row; none when the id follows from key columns among the fields.
    pub id: Option<Uuid>,
    /// What is done.
    pub op: Operation,
    /// The columns and their new values; what to add for a `sum` column.
    pub fields: Vec<(&'static str, Value)>,
    /// Whether it may melt into this row's last change while that was never sent.
    pub coalesce: bool,
}

impl Edit {
    /// Makes a row or changes some of its columns.
    pub fn put(entity: &'static Entity, id: Option<Uuid>, fields: Vec<(&'static str, Value)>) -> Edit {
        Edit { entity, id, op: Operation::Put, fields, coalesce: false }
    }

    /// Deletes a row.
    pub fn delete(entity: &'static Entity, id: Uuid) -> Edit {
        Edit { entity, id: Some(id), op: Operation::Delete, fields: Vec::new(), coalesce: false }
    }

    /// … and melts into the row's last change while that was never sent.
    pub fn coalescing(mut self) -> Edit {
        self.coalesce = true;
        self
    }
}

/// Makes one change within the caller's transaction and returns its number.
///
/// # Errors
/// A refusal that the server would have given too; nothing is changed then, once the caller rolls back.
pub fn make(connection: &Connection, device: &mut Device, now_ms: i64, edit: &Edit) -> Result<i64> {
    let entity = edit.entity;
    let names: Vec<String> = edit.fields.iter().map(|(name, _)| (*name).to_owned()).collect();
    let values: Vec<Value> = edit.fields.iter().map(|(_, value)| value.clone()).collect();
    let fields = read_fields(entity, &names, &values)?;
    let row_id = row_id(edit, &fields)?;
    let id = id_text(&row_id);
    let current = rows::read(connection, entity, &id)?;
    let at = device.last_at.next(now_ms + device.clock_offset_ms);

    let wanted = wanted_row(connection, device, edit, &row_id, &fields, current.clone(), at.as_ms())?;
    let base = base_of(connection, edit, &fields, &id, current.as_ref())?;
    match (&current, &wanted) {
        (Some(before), Some(after)) => rows::write_changes(connection, entity, &id, before, after)?,
        (None, Some(row)) => rows::write(connection, entity, &id, row)?,
        (_, None) => rows::delete(connection, entity, &id)?,
    }

    if edit.coalesce
        && let Some(own) = base.own
        && melt(connection, entity, own, &fields, at.0)?
    {
        device.last_at = at;
        return Ok(own);
    }
    let n = device.next_n;
    connection
        .prepare_cached(
            "INSERT INTO outbox (n, entity, row_id, op, base_stamp, base_own, at, columns, vals) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            n,
            entity.name,
            id,
            operation_word(edit.op),
            base.stamp,
            base.own,
            at.0,
            Value::from(names).to_string(),
            Value::from(values).to_string()
        ])?;
    device.next_n = n + 1;
    device.last_at = at;
    Ok(n)
}

fn row_id(edit: &Edit, fields: &[(usize, Value)]) -> Result<Uuid> {
    if let Some(id) = edit.id {
        return Ok(id);
    }
    let mut values = edit.entity.empty_values();
    for (index, value) in fields {
        values[*index] = value.clone();
    }
    Ok(edit.entity.id_of(&values).ok_or_else(|| Problem::new(Code::MissingValue, "a new row of this table needs an id").field("id"))?)
}

/// The visible row after the change, or why there is none.
fn wanted_row(
    connection: &Connection,
    device: &Device,
    edit: &Edit,
    id: &Uuid,
    fields: &[(usize, Value)],
    current: Option<Row>,
    at_ms: i64,
) -> Result<Option<Row>> {
    let entity = edit.entity;
    match edit.op {
        Operation::Delete => {
            let current = current.ok_or_else(|| Problem::new(Code::NotFound, "the row is not on this laptop"))?;
            permit(connection, &device.owner, entity, entity.delete, id, &current.values)?;
            Ok(None)
        }
        Operation::Put => {
            // On its own row a change never meets anybody else's, so the merge is the check that the server makes as well.
            let base = Base { stamp: Some(0), own: None };
            let stored = current.as_ref().map(|row| Stored { stamp: Some(0), values: row.values.clone(), edits: Edits::new() });
            let change = Change { device: device.device_id, n: device.next_n, user: device.owner.user_id, base, at: 0, fields };
            merge(entity, stored.as_ref(), &change)?;
            if let Some(row) = &current {
                permit(connection, &device.owner, entity, entity.write, id, &row.values)?;
            }
            let wanted = lay(entity, current.clone(), Operation::Put, fields, at_ms);
            if let Some(row) = &wanted {
                let rules = fields.iter().filter_map(|(index, _)| entity.columns[*index].by);
                let actor = actor_for(connection, &device.owner, entity, rules, id, &row.values)?;
                let before = current.as_ref().map(|row| row.values.as_slice());
                if let Some(column) = refused_column(entity, id, before, fields, &row.values, &actor) {
                    let message = format!("{} is not this person's to give", column.name);
                    return Err(Problem::new(Code::NotAllowed, message).field(column.name).into());
                }
            }
            if let Some(row) = &wanted
                && current.is_none_or(|before| decides_rights(entity.write, entity, &before.values, &row.values))
            {
                permit(connection, &device.owner, entity, entity.write, id, &row.values)?;
            }
            Ok(wanted)
        }
    }
}

/// The server's row that the change is made on, and the own change that still lies on it.
fn base_of(connection: &Connection, edit: &Edit, fields: &[(usize, Value)], id: &str, current: Option<&Row>) -> Result<Base> {
    let entity = edit.entity;
    let stamp = current.map(|row| row.stamp).filter(|stamp| *stamp != 0);
    if start_shadow(connection, entity, id, current)? {
        return Ok(Base { stamp, own: None });
    }
    // Deleted here before: whatever is put now is a new row.
    if current.is_none() {
        return Ok(Base::default());
    }
    let pending = pending_of(connection, entity, id)?;
    // Numbers below 1 belong to a device that this laptop no longer is.
    let own = pending.last().map(|change| change.n).filter(|n| *n > 0);
    Ok(Base { stamp: seen_stamp(entity, edit.op, fields, &pending, stamp), own })
}

/// The newest stamp of the server's row of which the person saw what they now change. What a pull put under an own change they
/// saw only beside it: under the changed columns still lies what that change was made on.
fn seen_stamp(entity: &Entity, op: Operation, fields: &[(usize, Value)], pending: &[Pending], pulled: Option<i64>) -> Option<i64> {
    let group = |index: &usize| entity.columns[*index].tracked_group();
    let hides = |change: &Pending, wanted: &str| change.fields.iter().any(|(index, _)| group(index) == Some(wanted));
    let concerned: Vec<&str> = match op {
        Operation::Put => fields.iter().filter_map(|(index, _)| group(index)).collect(),
        Operation::Delete => entity.tracked_groups(),
    };
    let hidden_since = concerned.into_iter().filter_map(|wanted| pending.iter().rev().find(|change| hides(change, wanted)));
    // None, the laptop had no such row, is the oldest.
    hidden_since.map(|change| change.base.stamp).fold(pulled, std::cmp::min)
}

/// Melts the change into mutation `n` when that was never sent and both only carry values that add up.
fn melt(connection: &Connection, entity: &Entity, n: i64, fields: &[(usize, Value)], at: i64) -> Result<bool> {
    let found = connection
        .prepare_cached("SELECT columns, vals FROM outbox WHERE n = ?1 AND state = 0 AND op = 'put'")?
        .query_row([n], |row| {
            Ok((super::value::read_json::<Vec<String>>(row, "columns")?, super::value::read_json::<Vec<Value>>(row, "vals")?))
        })
        .optional()?;
    let Some((mut names, mut given)) = found else { return Ok(false) };
    let adds_up = |merge: Merge| {
        matches!(merge, Merge::Key | Merge::Carried | Merge::Furthest | Merge::Earliest | Merge::Reset | Merge::Sum | Merge::LatestQuiet)
    };
    let all_add_up = names.iter().all(|name| entity.column(name).is_some_and(|column| adds_up(column.merge)))
        && fields.iter().all(|(index, _)| adds_up(entity.columns[*index].merge));
    // A reset is a deliberate new start and stays a change of its own.
    let same_reset = fields.iter().filter(|(index, _)| entity.columns[*index].merge == Merge::Reset).all(|(index, value)| {
        names.iter().position(|name| name == entity.columns[*index].name).is_some_and(|place| given[place] == *value)
    });
    if !all_add_up || !same_reset {
        return Ok(false);
    }
    let (later, values): (Vec<String>, Vec<Value>) =
        fields.iter().map(|(index, value)| (entity.columns[*index].name.to_owned(), value.clone())).unzip();
    laid_together(entity, &mut names, &mut given, &later, &values);
    connection.prepare_cached("UPDATE outbox SET columns = ?2, vals = ?3, at = ?4 WHERE n = ?1")?.execute(params![
        n,
        Value::from(names).to_string(),
        Value::from(given).to_string(),
        at
    ])?;
    Ok(true)
}

/// Lays a later change of the same row over an earlier one, so that the two are one.
pub(super) fn laid_together(entity: &Entity, names: &mut Vec<String>, given: &mut Vec<Value>, later: &[String], values: &[Value]) {
    let mut together = entity.empty_values();
    let place = |name: &String| entity.column_index(name);
    for (name, value) in names.iter().zip(given.iter()) {
        if let Some(index) = place(name) {
            together[index] = value.clone();
        }
    }
    let fields: Vec<(usize, Value)> = later.iter().zip(values).filter_map(|(name, value)| Some((place(name)?, value.clone()))).collect();
    lay_over(entity, &mut together, &fields);
    for name in later {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    *given = names.iter().map(|name| place(name).map_or(Value::Null, |index| together[index].clone())).collect();
}

/// Whether this person may write the row, by what they hear.
///
/// # Errors
/// `not_allowed`.
pub fn permit(connection: &Connection, owner: &Owner, entity: &Entity, rules: Rules, id: &Uuid, values: &[Value]) -> Result<()> {
    if may(connection, owner, entity, rules, id, values)? {
        return Ok(());
    }
    Err(Problem::new(Code::NotAllowed, format!("{} of this row are not this person's to write", entity.name)).into())
}

/// Whether two states of a row differ in a column that these rules name.
fn decides_rights(rules: Rules, entity: &Entity, before: &[Value], after: &[Value]) -> bool {
    rules.iter().copied().flatten().any(|who| match who {
        Who::Is(column) | Who::Hears(_, column) | Who::Empty(column) | Who::Equals(column, _) => {
            entity.column_index(column).is_some_and(|index| before[index] != after[index])
        }
        Who::Has(_) | Who::Staff => false,
    })
}

/// Whether these rules let this person at the row, by what they hear.
///
/// # Errors
/// When the database fails.
pub fn may(connection: &Connection, owner: &Owner, entity: &Entity, rules: Rules, id: &Uuid, values: &[Value]) -> Result<bool> {
    Ok(allows(rules, entity, id, values, &actor_for(connection, owner, entity, [rules], id, values)?))
}

/// The person with those of their scopes that a row's rules ask about, those of its columns too.
///
/// # Errors
/// When the database fails.
pub fn writer_of(connection: &Connection, owner: &Owner, entity: &Entity, id: &Uuid, values: &[Value]) -> Result<Actor> {
    let rules = entity.columns.iter().filter_map(|column| column.by).chain([entity.write]);
    actor_for(connection, owner, entity, rules, id, values)
}

/// The person with those of their scopes that these rules ask about.
fn actor_for(
    connection: &Connection,
    owner: &Owner,
    entity: &Entity,
    rules: impl IntoIterator<Item = Rules>,
    id: &Uuid,
    values: &[Value],
) -> Result<Actor> {
    let mut scopes = HashSet::new();
    let mut statement = connection.prepare_cached("SELECT EXISTS (SELECT scope FROM scopes WHERE scope = ?1)")?;
    for who in rules.into_iter().flatten().copied().flatten() {
        if let Who::Hears(kind, column) = who
            && let Some(key) = scope_key(entity, column, id, values)
        {
            let scope = kind.of(key);
            if statement.query_row([&scope], |row| row.get::<_, bool>(0))? {
                scopes.insert(scope);
            }
        }
    }
    Ok(Actor { user_id: owner.user_id, organization_id: owner.organization_id, role: owner.role, scopes })
}

fn scope_key(entity: &Entity, column: &str, id: &Uuid, values: &[Value]) -> Option<String> {
    if column == "id" {
        return Some(id_text(id));
    }
    entity.column_index(column).and_then(|index| values.get(index)).and_then(Value::as_str).map(str::to_owned)
}
