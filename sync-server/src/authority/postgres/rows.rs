//! Reads, inserts and updates rows of any synced table by its registry entry.

use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection, Row};
use uuid::Uuid;
use waystation_model::Code;
use waystation_model::merge::{Edits, Stored};
use waystation_model::registry::{Column, Entity, Kind, normal};
use waystation_model::sql::{changeable, insert_rows, select_for_change, update_rows};

use super::Found;
use crate::failure::{Failure, Refusal};

/// Reads and locks the rows with these ids.
pub async fn read(connection: &mut PgConnection, entity: &Entity, ids: &[Uuid]) -> Result<Vec<Found>, Failure> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let rows = sqlx::query(AssertSqlSafe(select_for_change(entity))).bind(ids).fetch_all(connection).await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let Value::Array(values) = row.try_get::<Option<Value>, _>("tuple").map_err(unreadable)?.ok_or_else(no_wire_form)? else {
            return Err(Failure::broken("a tuple is not an array"));
        };
        let values = entity.columns.iter().zip(values).map(|(column, value)| normal(column, value)).collect();
        let edits: Edits = match row.try_get::<Option<Value>, _>("edits").map_err(unreadable)? {
            None => Edits::new(),
            Some(edits) => serde_json::from_value(edits).map_err(Failure::broken)?,
        };
        let stored = Stored { stamp: Some(row.try_get("stamp")?), values, edits };
        found.push(Found { id: row.try_get("row_id")?, organization_id: row.try_get("organization_id")?, stored });
    }
    Ok(found)
}

/// Maps an undecodable column, such as a number past every `double`, to a refusal of this row: changing it is refused, and the rest
/// of the push goes on.
pub fn unreadable(error: sqlx::Error) -> Failure {
    match error {
        sqlx::Error::ColumnDecode { .. } => {
            Failure::Refused(Refusal { code: Code::RowUnreadable, constraint: String::new(), text: error.to_string() })
        }
        other => other.into(),
    }
}

fn no_wire_form() -> Failure {
    let text = "a moment, day or number of the row has no form on the wire".to_owned();
    Failure::Refused(Refusal { code: Code::RowUnreadable, constraint: String::new(), text })
}

/// Inserts rows in one statement. A primary key violation means that the row was created since it was looked for; `ON CONFLICT` in
/// the statement would slow down every insert for a rare case.
pub async fn insert(
    connection: &mut PgConnection,
    entity: &Entity,
    organization: Uuid,
    ids: &[Uuid],
    rows: &[&Stored],
) -> Result<(), Failure> {
    let query = sqlx::query(AssertSqlSafe(insert_rows(entity))).bind(ids).bind(organization);
    match bind_rows(query, entity, entity.columns.iter().enumerate(), rows)?.execute(connection).await {
        Err(sqlx::Error::Database(error)) if error.constraint().is_some_and(|name| name.strip_suffix("_pkey") == Some(entity.name)) => {
            Err(Failure::InsertedConcurrently)
        }
        other => Ok(other.map(|_| ())?),
    }
}

/// Updates rows in one statement.
pub async fn update(connection: &mut PgConnection, entity: &Entity, ids: &[Uuid], rows: &[&Stored]) -> Result<(), Failure> {
    if changeable(entity).next().is_some() {
        let query = sqlx::query(AssertSqlSafe(update_rows(entity))).bind(ids);
        bind_rows(query, entity, changeable(entity), rows)?.execute(connection).await?;
    }
    Ok(())
}

type Statement<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;

/// Binds one array per column, then the edits where the table tracks them.
fn bind_rows<'q, 'e>(
    mut query: Statement<'q>,
    entity: &Entity,
    columns: impl Iterator<Item = (usize, &'e Column)>,
    rows: &[&Stored],
) -> Result<Statement<'q>, Failure> {
    for (index, column) in columns {
        let values = rows.iter().map(|stored| &stored.values[index]);
        query = match column.kind {
            Kind::Uuid => query.bind(values.map(|value| value.as_str().and_then(|text| Uuid::parse_str(text).ok())).collect::<Vec<_>>()),
            Kind::Bool => query.bind(values.map(Value::as_bool).collect::<Vec<_>>()),
            Kind::Int | Kind::Timestamp => query.bind(values.map(Value::as_i64).collect::<Vec<_>>()),
            Kind::Float => query.bind(values.map(Value::as_f64).collect::<Vec<_>>()),
            Kind::Json => query.bind(values.map(|value| (!value.is_null()).then(|| value.clone())).collect::<Vec<Option<Value>>>()),
            Kind::Text | Kind::Choice(_) | Kind::Date | Kind::Time => {
                query.bind(values.map(|value| value.as_str().map(str::to_owned)).collect::<Vec<_>>())
            }
        };
    }
    if !entity.tracked_groups().is_empty() {
        let edits: Vec<Value> =
            rows.iter().map(|stored| serde_json::to_value(&stored.edits)).collect::<Result<_, _>>().map_err(Failure::broken)?;
        query = query.bind(edits);
    }
    Ok(query)
}
