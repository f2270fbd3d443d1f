//! A person's change: one transaction that changes the visible row and adds the change to the outbox.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;
use uuid::Uuid;
use waystation_model::access::{Actor, Rules, Who, allows, refused_column};
use waystation_model::merge::{Change, Edits, Stored, apply_pending_fields, merge, read_fields};
use waystation_model::registry::{Entity, Merge};
use waystation_model::wire::{Base, Operation};
use waystation_model::{Code, Problem};

use super::device::{Device, Owner};
use super::overlay::{Pending, apply_change, operation_word, pending_of, start_shadow};
use super::rows::{self, Row, id_text};
use crate::error::Result;

/// One change to make.
#[derive(Debug, Clone)]
pub struct Edit {
    /// The table.
    pub entity: &'static Entity,
    /// The row; none when the id follows from key columns among the fields.
    pub id: Option<Uuid>,
    /// The operation.
    pub op: Operation,
    /// The columns and their new values; what to add for a `sum` column.
    pub fields: Vec<(&'static str, Value)>,
    /// Whether it may be coalesced with this row's last change, while that one is not sent.
    pub coalesce: bool,
    /// Whether the laptop checks the table's rules before it stores the change. Otherwise only the server does.
    pub checks: bool,
}

impl Edit {
    /// Creates a row or changes some of its columns.
    pub fn put(entity: &'static Entity, id: Option<Uuid>, fields: Vec<(&'static str, Value)>) -> Edit {
        Edit { entity, id, op: Operation::Put, fields, coalesce: false, checks: true }
    }

    /// Deletes a row.
    pub fn delete(entity: &'static Entity, id: Uuid) -> Edit {
        Edit { entity, id: Some(id), op: Operation::Delete, fields: Vec::new(), coalesce: false, checks: true }
    }

    /// The same change, checked by the server alone.
    pub fn unchecked(mut self) -> Edit {
        self.checks = false;
        self
    }

    /// The same change, coalesced with the row's last change while that one is not sent.
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
    if edit.checks
        && let Some(wanted) = &wanted
    {
        super::rules::check(connection, entity, &id, current.as_ref().map(|row| row.values.as_slice()), &wanted.values)?;
        if current.is_none() {
            super::rules::check_enrollment(connection, &device.owner, entity, &wanted.values, now_ms + device.clock_offset_ms)?;
        }
    }
    let base = base_of(connection, edit, &fields, &id, current.as_ref())?;
    match (&current, &wanted) {
        (Some(before), Some(after)) => rows::write_changes(connection, entity, &id, before, after)?,
        (None, Some(row)) => rows::write(connection, entity, &id, row)?,
        (_, None) => rows::delete(connection, entity, &id)?,
    }

    if edit.coalesce
        && let Some(own) = base.own
        && coalesce_into(connection, entity, own, &fields, at.0)?
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

/// Asks whether a change would be made, and changes nothing.
///
/// # Errors
/// Those of [`make`].
pub fn check(connection: &Connection, device: &Device, edit: &Edit) -> Result<()> {
    let entity = edit.entity;
    let names: Vec<String> = edit.fields.iter().map(|(name, _)| (*name).to_owned()).collect();
    let values: Vec<Value> = edit.fields.iter().map(|(_, value)| value.clone()).collect();
    let fields = read_fields(entity, &names, &values)?;
    let row_id = row_id(edit, &fields)?;
    let current = rows::read(connection, entity, &id_text(&row_id))?;
    wanted_row(connection, device, edit, &row_id, &fields, current, device.last_at.as_ms()).map(|_| ())
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
            // On the laptop's own row a change meets no other change, so the merge only runs the checks that the server runs.
            let base = Base { stamp: Some(0), own: None };
            let stored = current.as_ref().map(|row| Stored { stamp: Some(0), values: row.values.clone(), edits: Edits::new() });
            let change = Change { device: device.device_id, n: device.next_n, user: device.owner.user_id, base, at: 0, fields };
            merge(entity, stored.as_ref(), &change)?;
            if let Some(row) = &current {
                permit(connection, &device.owner, entity, entity.write, id, &row.values)?;
            }
            let wanted = apply_change(entity, current.clone(), Operation::Put, fields, at_ms);
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
                && current.is_none_or(|before| changes_rights(entity.write, entity, &before.values, &row.values))
            {
                permit(connection, &device.owner, entity, entity.write, id, &row.values)?;
            }
            Ok(wanted)
        }
    }
}

/// The base of a change: the stamp of the server's row, and the row's last pending change.
fn base_of(connection: &Connection, edit: &Edit, fields: &[(usize, Value)], id: &str, current: Option<&Row>) -> Result<Base> {
    let entity = edit.entity;
    let stamp = current.map(|row| row.stamp).filter(|stamp| *stamp != 0);
    if start_shadow(connection, entity, id, current)? {
        return Ok(Base { stamp, own: None });
    }
    // The row was deleted here before, so this change creates a new row.
    if current.is_none() {
        return Ok(Base::default());
    }
    let pending = pending_of(connection, entity, id)?;
    // Numbers below 1 belong to a device that this database was registered as before.
    let own = pending.last().map(|change| change.n).filter(|n| *n > 0);
    Ok(Base { stamp: seen_stamp(entity, edit.op, fields, &pending, stamp), own })
}

/// The newest stamp of the server's row whose values the person saw in the columns that they now change. A pending change hides
/// the values that a pull stored under it, so for its columns the person saw only the row that this change was based on.
fn seen_stamp(entity: &Entity, op: Operation, fields: &[(usize, Value)], pending: &[Pending], pulled: Option<i64>) -> Option<i64> {
    let group = |index: &usize| entity.columns[*index].tracked_group();
    let hides = |change: &Pending, wanted: &str| change.fields.iter().any(|(index, _)| group(index) == Some(wanted));
    let concerned: Vec<&str> = match op {
        Operation::Put => fields.iter().filter_map(|(index, _)| group(index)).collect(),
        Operation::Delete => entity.tracked_groups(),
    };
    let hidden_since = concerned.into_iter().filter_map(|wanted| pending.iter().rev().find(|change| hides(change, wanted)));
    // `None` (the laptop had no such row) sorts as the oldest.
    hidden_since.map(|change| change.base.stamp).fold(pulled, std::cmp::min)
}

/// Coalesces the change into mutation `n`, when that one is not sent and all columns of both merge without loss.
fn coalesce_into(connection: &Connection, entity: &Entity, n: i64, fields: &[(usize, Value)], at: i64) -> Result<bool> {
    let found = connection
        .prepare_cached("SELECT columns, vals FROM outbox WHERE n = ?1 AND state = 0 AND op = 'put'")?
        .query_row([n], |row| {
            Ok((super::value::read_json::<Vec<String>>(row, "columns")?, super::value::read_json::<Vec<Value>>(row, "vals")?))
        })
        .optional()?;
    let Some((mut names, mut given)) = found else { return Ok(false) };
    let is_lossless = |merge: Merge| {
        matches!(merge, Merge::Key | Merge::Carried | Merge::Furthest | Merge::Earliest | Merge::Reset | Merge::Sum | Merge::LatestQuiet)
    };
    let all_lossless = names.iter().all(|name| entity.column(name).is_some_and(|column| is_lossless(column.merge)))
        && fields.iter().all(|(index, _)| is_lossless(entity.columns[*index].merge));
    // A reset is a deliberate restart and stays a separate change.
    let same_reset = fields.iter().filter(|(index, _)| entity.columns[*index].merge == Merge::Reset).all(|(index, value)| {
        names.iter().position(|name| name == entity.columns[*index].name).is_some_and(|index| given[index] == *value)
    });
    if !all_lossless || !same_reset {
        return Ok(false);
    }
    let (later, values): (Vec<String>, Vec<Value>) =
        fields.iter().map(|(index, value)| (entity.columns[*index].name.to_owned(), value.clone())).unzip();
    overlay_fields(entity, &mut names, &mut given, &later, &values);
    connection.prepare_cached("UPDATE outbox SET columns = ?2, vals = ?3, at = ?4 WHERE n = ?1")?.execute(params![
        n,
        Value::from(names).to_string(),
        Value::from(given).to_string(),
        at
    ])?;
    Ok(true)
}

/// Overlays the columns of a later change of the same row on those of an earlier one.
pub(super) fn overlay_fields(entity: &Entity, names: &mut Vec<String>, given: &mut Vec<Value>, later: &[String], values: &[Value]) {
    let mut together = entity.empty_values();
    let index_of = |name: &String| entity.column_index(name);
    for (name, value) in names.iter().zip(given.iter()) {
        if let Some(index) = index_of(name) {
            together[index] = value.clone();
        }
    }
    let fields: Vec<(usize, Value)> = later.iter().zip(values).filter_map(|(name, value)| Some((index_of(name)?, value.clone()))).collect();
    apply_pending_fields(entity, &mut together, &fields);
    for name in later {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    *given = names.iter().map(|name| index_of(name).map_or(Value::Null, |index| together[index].clone())).collect();
}

/// Refuses unless this person may write the row, by the scopes that they subscribe to.
///
/// # Errors
/// `not_allowed`.
pub fn permit(connection: &Connection, owner: &Owner, entity: &Entity, rules: Rules, id: &Uuid, values: &[Value]) -> Result<()> {
    if may(connection, owner, entity, rules, id, values)? {
        return Ok(());
    }
    Err(Problem::new(Code::NotAllowed, format!("{} of this row are not this person's to write", entity.name)).into())
}

/// Whether two states of a row differ in a column that these rules use.
fn changes_rights(rules: Rules, entity: &Entity, before: &[Value], after: &[Value]) -> bool {
    rules.iter().copied().flatten().any(|who| match who {
        Who::Is(column) | Who::Subscribes(_, column) | Who::Empty(column) | Who::Equals(column, _) => {
            entity.column_index(column).is_some_and(|index| before[index] != after[index])
        }
        Who::Has(_) | Who::Staff => false,
    })
}

/// Whether these rules permit the row to this person, by the scopes that they subscribe to.
///
/// # Errors
/// When the database fails.
pub fn may(connection: &Connection, owner: &Owner, entity: &Entity, rules: Rules, id: &Uuid, values: &[Value]) -> Result<bool> {
    Ok(allows(rules, entity, id, values, &actor_for(connection, owner, entity, [rules], id, values)?))
}

/// The person with those of their scopes that the row's write rules and its columns' rules use.
///
/// # Errors
/// When the database fails.
pub fn writer_of(connection: &Connection, owner: &Owner, entity: &Entity, id: &Uuid, values: &[Value]) -> Result<Actor> {
    let rules = entity.columns.iter().filter_map(|column| column.by).chain([entity.write]);
    actor_for(connection, owner, entity, rules, id, values)
}

/// The person with those of their scopes that these rules use.
fn actor_for(
    connection: &Connection,
    owner: &Owner,
    entity: &Entity,
    rules: impl IntoIterator<Item = Rules>,
    id: &Uuid,
    values: &[Value],
) -> Result<Actor> {
    let mut scopes = HashSet::new();
    // What is followed may be read, and gives no right to write.
    let mut statement = connection.prepare_cached(
        "SELECT EXISTS (SELECT scope FROM scopes WHERE scope = ?1) AND NOT EXISTS (SELECT scope FROM follows WHERE scope = ?1)",
    )?;
    for who in rules.into_iter().flatten().copied().flatten() {
        if let Who::Subscribes(kind, column) = who
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
