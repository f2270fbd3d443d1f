//! Rows of this laptop that the server has lost, because it was restored from a backup that is older than their stamps. The
//! authors' laptops send their changes again. Rows that are still missing after a while are offered to an administrator.

use rusqlite::{Connection, params};
use serde_json::{Map, Value, json};
use uuid::Uuid;
use waystation_model::offers;
use waystation_model::registry::{self, Entity};
use waystation_model::wire::Mutation;

use super::device::{Device, Owner};
use super::edit::{self, Edit};
use super::rows::{self, Row};
use super::{overlay, scopes};
use crate::error::{ClientError, Result};

/// How long the authors' laptops have to send a row again before others offer it: a laptop in use is online within a day.
pub const OFFER_AFTER_MS: i64 = 24 * 60 * 60 * 1000;
/// Rows that are offered at once. The others follow after the next pull.
pub const OFFERED_TOGETHER_MAX: i64 = 200;
/// Stores every row whose stamp is in one of the `lost` ranges (after the first, up to the second) and which this person may
/// write: the server accepts an offer only from a person with that right.
///
/// # Errors
/// When the database fails.
pub fn remember(connection: &Connection, owner: &Owner, lost: &[(i64, i64)], now_ms: i64) -> Result<()> {
    let mut keep = connection.prepare_cached(
        "INSERT INTO lost_rows (entity, row_id, row_stamp, changed_at, fields, found_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (entity, row_id) DO UPDATE SET row_stamp = excluded.row_stamp, changed_at = excluded.changed_at,
             fields = excluded.fields, found_at = excluded.found_at
         WHERE excluded.row_stamp > lost_rows.row_stamp",
    )?;
    for entity in registry::all().iter().copied().filter(|entity| offers::may_be_offered(entity)) {
        let mut statement = connection.prepare(&format!("SELECT id FROM {} WHERE stamp > ?1 AND stamp <= ?2", entity.name))?;
        for (after, upto) in lost {
            let ids: Vec<String> = statement.query_map([after, upto], |row| row.get("id"))?.collect::<Result<_, _>>()?;
            for id in ids {
                let Some(row) = server_row(connection, entity, &id)? else { continue };
                let fields = offerable_fields(connection, owner, entity, &id, &row)?;
                if fields.is_empty() {
                    continue;
                }
                keep.execute(params![entity.name, id, row.stamp, row.updated_at, Value::Object(fields).to_string(), now_ms])?;
            }
        }
    }
    Ok(())
}

/// The columns of a row that this person may offer, by the scopes that they subscribe to now.
///
/// # Errors
/// When the database fails.
pub fn offerable_fields(connection: &Connection, owner: &Owner, entity: &Entity, id: &str, row: &Row) -> Result<Map<String, Value>> {
    let Ok(id) = Uuid::parse_str(id) else { return Ok(Map::new()) };
    let columns = entity.columns.iter().enumerate().filter(|(_, column)| offers::is_offered(column));
    let fields: Vec<(usize, Value)> = columns.map(|(index, _)| (index, row.values[index].clone())).collect();
    let actor = edit::writer_of(connection, owner, entity, &id, &row.values)?;
    let offered = offers::writable_fields(entity, &id, Some(&row.values), &fields, &actor);
    Ok(offered.into_iter().map(|(index, value)| (entity.columns[index].name.to_owned(), value)).collect())
}

/// The server's last known row, without pending changes.
fn server_row(connection: &Connection, entity: &Entity, id: &str) -> Result<Option<Row>> {
    match overlay::read_shadow(connection, entity, id)? {
        Some(shadow) => Ok(shadow),
        None => rows::read(connection, entity, id),
    }
}

/// Whether lost rows are to be offered now: this laptop has sent its changes and pulled everything, and the authors had their
/// time to send the rows again.
///
/// # Errors
/// When the database fails.
pub fn is_due(connection: &Connection, device: &Device, now_ms: i64) -> Result<bool> {
    // The absolute difference, so that a clock that was set back does not lengthen the wait.
    let waited = "SELECT EXISTS (SELECT row_id FROM lost_rows WHERE abs(?1 - found_at) >= ?2)";
    let is_waiting: bool = connection.prepare_cached(waited)?.query_row(params![now_ms, OFFER_AFTER_MS], |row| row.get(0))?;
    Ok(is_waiting
        && device.first_sync_done
        && device.waiting() == 0
        && device.acknowledged_n <= device.applied_upto
        && !scopes::is_any_rereading(connection)?)
}

/// Offers the rows that the server still lacks, and deletes the others from the list. Returns how many rows are offered.
///
/// # Errors
/// When the database fails.
pub fn offer(connection: &Connection, device: &mut Device, now_ms: i64) -> Result<usize> {
    let mut statement = connection.prepare_cached(
        "SELECT entity, row_id, row_stamp, changed_at, fields FROM lost_rows WHERE abs(?1 - found_at) >= ?2
         ORDER BY row_stamp, entity, row_id LIMIT ?3",
    )?;
    let lost = statement.query_map(params![now_ms, OFFER_AFTER_MS, OFFERED_TOGETHER_MAX], |row| {
        Ok(Lost {
            entity: row.get("entity")?,
            row_id: row.get("row_id")?,
            stamp: row.get("row_stamp")?,
            changed_at: row.get("changed_at")?,
            fields: super::value::read_json(row, "fields")?,
        })
    })?;
    let mut offered = 0;
    for lost in lost.collect::<Result<Vec<_>, _>>()? {
        if let Some(edit) = lost.edit(connection, device)? {
            match edit::make(connection, device, now_ms, &edit) {
                Ok(_) => offered += 1,
                // One row that cannot be offered must not block the others.
                Err(ClientError::Refused(problem)) => {
                    tracing::error!(%problem, table = lost.entity, row = lost.row_id, "a row that the server lost cannot be offered");
                    connection.prepare_cached("UPDATE lost_rows SET found_at = ?3 WHERE entity = ?1 AND row_id = ?2")?.execute(params![
                        lost.entity,
                        lost.row_id,
                        now_ms
                    ])?;
                    continue;
                }
                Err(error) => return Err(error),
            }
        }
        connection.prepare_cached("DELETE FROM lost_rows WHERE entity = ?1 AND row_id = ?2")?.execute(params![lost.entity, lost.row_id])?;
    }
    super::device::save(connection, device)?;
    Ok(offered)
}

/// Puts a refused offer back on the list, to be made again later. The person does not have to correct anything.
///
/// # Errors
/// When the database fails.
pub fn take_back(connection: &Connection, mutation: &Mutation, now_ms: i64) -> Result<()> {
    let given = |name: &str| mutation.columns.iter().position(|column| column == name).and_then(|index| mutation.values.get(index));
    let text = |name: &str| given(name).and_then(Value::as_str);
    let (Some(entity), Some(row_id), Some(fields)) = (text("entity"), text("row_id"), given("fields")) else { return Ok(()) };
    let stamp: i64 = text("row_stamp").and_then(|digits| digits.parse().ok()).unwrap_or_default();
    connection
        .prepare_cached(
            "INSERT INTO lost_rows (entity, row_id, row_stamp, changed_at, fields, found_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (entity, row_id) DO NOTHING",
        )?
        .execute(params![entity, row_id, stamp, given("changed_at").and_then(Value::as_i64), fields.to_string(), now_ms])?;
    // The server has no room for the other rows either.
    connection.prepare_cached("UPDATE lost_rows SET found_at = ?1")?.execute([now_ms])?;
    Ok(())
}

/// Makes all lost rows due now, after a subscription has ended: they are offered at the end of this pull, so that they do not
/// stay on the laptop longer than the rows of that scope.
///
/// # Errors
/// When the database fails.
pub fn make_due_now(connection: &Connection) -> Result<()> {
    connection.prepare_cached("UPDATE lost_rows SET found_at = 0")?.execute([])?;
    Ok(())
}

/// Whether a change is an offer, as opposed to a decision about one.
pub fn is_offer(mutation: &Mutation) -> bool {
    &*mutation.entity == "offered_rows" && mutation.columns.iter().any(|column| column == "row_stamp")
}

/// How many lost rows are on the list, neither sent again nor offered, as far as this laptop knows.
///
/// # Errors
/// When the database fails.
pub fn count(connection: &Connection) -> Result<i64> {
    Ok(connection.prepare_cached("SELECT count(*) FROM lost_rows")?.query_row([], |row| row.get(0))?)
}

struct Lost {
    entity: String,
    row_id: String,
    stamp: i64,
    changed_at: Option<i64>,
    fields: Map<String, Value>,
}

impl Lost {
    /// The offer; none when the server has the row again, or already has an offer of this state of it from this person.
    fn edit(&self, connection: &Connection, device: &Device) -> Result<Option<Edit>> {
        let table = registry::entity("offered_rows").expect("a registered table");
        let (Some(entity), Ok(id)) = (registry::entity(&self.entity), Uuid::parse_str(&self.row_id)) else { return Ok(None) };
        let current = server_row(connection, entity, &self.row_id)?;
        let is_new = |name: &str, value: &Value| match (&current, entity.column_index(name)) {
            (_, None) => false,
            (None, Some(_)) => !value.is_null(),
            (Some(row), Some(index)) => row.values[index] != *value,
        };
        let fields: Map<String, Value> = self.fields.clone().into_iter().filter(|(name, value)| is_new(name, value)).collect();
        if fields.is_empty() {
            return Ok(None);
        }
        let by = device.owner.user_id.to_string();
        let values = vec![("entity", json!(self.entity)), ("row_id", json!(id.to_string())), ("offered_by", json!(by))];
        let mut key = table.empty_values();
        for (name, value) in &values {
            key[table.column_index(name).expect("a key column")] = value.clone();
        }
        let known = table.id_of(&key).map(|id| rows::read(connection, table, &id.to_string())).transpose()?.flatten();
        let known_stamp =
            known.and_then(|row| row.values[table.column_index("row_stamp").expect("a column")].as_str()?.parse::<i64>().ok());
        if known_stamp.is_some_and(|known| known >= self.stamp) {
            return Ok(None);
        }
        let offer =
            [("row_stamp", json!(self.stamp.to_string())), ("changed_at", json!(self.changed_at)), ("fields", Value::Object(fields))];
        Ok(Some(Edit::put(table, None, values.into_iter().chain(offer).collect())))
    }
}
