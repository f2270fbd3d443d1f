//! The rows of one set, as they are read, merged in memory and written back.

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection, Row};
use uuid::Uuid;
use waystation_model::merge::{Edits, Held, Merged, Stored};
use waystation_model::registry::{Column, Entity, Kind, normal};
use waystation_model::sql::{changeable, insert_rows, select_for_change, update_rows};

use super::RowId;
use crate::failure::Failure;

/// The rows of one set.
#[derive(Default)]
pub struct Rows {
    rows: HashMap<RowId, Stored>,
    foreign: HashSet<RowId>,
    found: HashSet<RowId>,
    dirty: Vec<RowId>,
    /// What happens to the values held beside the rows, in order.
    pub held: Vec<(RowId, Held)>,
}

impl Rows {
    /// The row as it stands now, this push's own changes included.
    pub fn current(&self, id: RowId) -> Option<&Stored> {
        self.rows.get(&id)
    }

    /// Whether the id belongs to another organization's row.
    pub fn is_foreign(&self, id: RowId) -> bool {
        self.foreign.contains(&id)
    }

    /// Takes the result of a merge.
    pub fn take(&mut self, id: RowId, merged: Merged) {
        self.held.extend(merged.held.into_iter().map(|held| (id, held)));
        if merged.changed {
            self.rows.insert(id, Stored { stamp: None, values: merged.values, edits: merged.edits });
            self.dirty.push(id);
        }
    }

    /// The row is gone.
    pub fn forget(&mut self, id: RowId) {
        self.rows.remove(&id);
        self.dirty.retain(|dirty| *dirty != id);
    }

    /// The rows to write, each once, in id order: two pushes of the same rows then wait instead of deadlocking.
    pub fn dirty(&self) -> Vec<RowId> {
        let mut ids = self.dirty.clone();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// A row to complete before it is written.
    pub fn values_mut(&mut self, id: RowId) -> Option<&mut Vec<Value>> {
        self.rows.get_mut(&id).map(|stored| &mut stored.values)
    }
}

/// Reads and locks the rows with these ids.
pub async fn load(connection: &mut PgConnection, entity: &Entity, organization: Uuid, ids: &[RowId]) -> Result<Rows, Failure> {
    let mut rows = Rows::default();
    if ids.is_empty() {
        return Ok(rows);
    }
    for row in sqlx::query(AssertSqlSafe(select_for_change(entity))).bind(ids).fetch_all(connection).await? {
        let id: Uuid = row.try_get("row_id")?;
        if row.try_get::<Uuid, _>("organization_id")? != organization {
            rows.foreign.insert(id);
            continue;
        }
        let Value::Array(values) = row.try_get::<Value, _>("tuple")? else {
            return Err(Failure::broken("a tuple is not an array"));
        };
        let values = entity.columns.iter().zip(values).map(|(column, value)| normal(column, value)).collect();
        let edits: Edits = match row.try_get::<Option<Value>, _>("edits")? {
            None => Edits::new(),
            Some(edits) => serde_json::from_value(edits).map_err(Failure::broken)?,
        };
        rows.found.insert(id);
        rows.rows.insert(id, Stored { stamp: Some(row.try_get("stamp")?), values, edits });
    }
    Ok(rows)
}

/// Writes every changed row: one statement for those that were there, one for those that were not. A row that was not there
/// when it was looked for, and now is, was made by somebody else at the same moment: nothing was merged with theirs, so
/// everything has to run again.
pub async fn write(connection: &mut PgConnection, entity: &Entity, organization: Uuid, rows: &Rows) -> Result<(), Failure> {
    let (there, new): (Vec<RowId>, Vec<RowId>) = rows.dirty().into_iter().partition(|id| rows.found.contains(id));
    if !new.is_empty() {
        let query = sqlx::query(AssertSqlSafe(insert_rows(entity))).bind(&new).bind(organization);
        let made = bind_rows(query, entity, entity.columns.iter().enumerate(), rows, &new)?.execute(&mut *connection).await?;
        if made.rows_affected() < new.len() as u64 {
            return Err(Failure::MadeMeanwhile);
        }
    }
    if !there.is_empty() && changeable(entity).next().is_some() {
        let query = sqlx::query(AssertSqlSafe(update_rows(entity))).bind(&there);
        bind_rows(query, entity, changeable(entity), rows, &there)?.execute(connection).await?;
    }
    Ok(())
}

type Statement<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;

/// Binds one array per column, then the edits where the table tracks them.
fn bind_rows<'q, 'e>(
    mut query: Statement<'q>,
    entity: &Entity,
    columns: impl Iterator<Item = (usize, &'e Column)>,
    rows: &Rows,
    ids: &[RowId],
) -> Result<Statement<'q>, Failure> {
    let stored: Vec<&Stored> = ids.iter().filter_map(|id| rows.rows.get(id)).collect();
    for (place, column) in columns {
        let values = stored.iter().map(|stored| &stored.values[place]);
        query = match column.kind {
            Kind::Uuid => query.bind(values.map(|value| value.as_str().and_then(|text| Uuid::parse_str(text).ok())).collect::<Vec<_>>()),
            Kind::Truth => query.bind(values.map(Value::as_bool).collect::<Vec<_>>()),
            Kind::Whole | Kind::Timestamp => query.bind(values.map(Value::as_i64).collect::<Vec<_>>()),
            Kind::Real => query.bind(values.map(Value::as_f64).collect::<Vec<_>>()),
            Kind::Json => query.bind(values.map(|value| (!value.is_null()).then(|| value.clone())).collect::<Vec<Option<Value>>>()),
            Kind::Text | Kind::Choice(_) | Kind::Date | Kind::Time => {
                query.bind(values.map(|value| value.as_str().map(str::to_owned)).collect::<Vec<_>>())
            }
        };
    }
    if !entity.tracked_groups().is_empty() {
        let edits: Vec<Value> =
            stored.iter().map(|stored| serde_json::to_value(&stored.edits)).collect::<Result<_, _>>().map_err(Failure::broken)?;
        query = query.bind(edits);
    }
    Ok(query)
}

/// Deletes one row.
pub async fn delete_row(connection: &mut PgConnection, entity: &Entity, id: RowId) -> Result<(), Failure> {
    sqlx::query(AssertSqlSafe(format!("DELETE FROM {} WHERE id = $1", entity.name))).bind(id).execute(connection).await?;
    Ok(())
}
