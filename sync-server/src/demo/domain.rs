//! A few rows of every other table, as `domain.json` lists them: names stand for ids, and days from today for times.

use std::path::Path;

use chrono::{Days, NaiveDate};
use serde_json::{Map, Value};
use sqlx::PgConnection;
use uuid::Uuid;
use waystation_model::registry::{Column, Entity, Kind, all};

use super::demo_id;
use super::insert::insert;
use crate::failure::Failure;

/// Inserts the rows of every table that the file names, parents before children.
pub async fn rows(connection: &mut PgConnection, organization: Uuid, folder: &Path, today: NaiveDate) -> Result<(), Failure> {
    let text = std::fs::read_to_string(folder.join("domain.json")).map_err(Failure::broken)?;
    let mut tables: Map<String, Value> = serde_json::from_str(&text).map_err(Failure::broken)?;
    for entity in all() {
        let Some(Value::Array(rows)) = tables.remove(entity.name) else { continue };
        // One by one: a row names only what it needs, and the database has the defaults.
        for row in rows {
            insert(connection, organization, entity.name, vec![filled(entity, row, today)?]).await?;
        }
    }
    match tables.keys().next() {
        Some(unknown) => Err(Failure::broken(format!("domain.json: no table {unknown}"))),
        None => Ok(()),
    }
}

fn filled(entity: &Entity, row: Value, today: NaiveDate) -> Result<Value, Failure> {
    let Value::Object(row) = row else { return Err(Failure::broken(format!("domain.json: a row of {} is no object", entity.name))) };
    let value = |(name, value): (String, Value)| {
        let Some(text) = value.as_str() else { return Ok((name, value)) };
        let kind = entity.column(&name).map(|column: &Column| column.kind);
        let value = match kind {
            None | Some(Kind::Uuid) => Value::from(demo_id(text).to_string()),
            Some(Kind::Date | Kind::Timestamp) => {
                let moment =
                    moment(text, today).ok_or_else(|| Failure::broken(format!("domain.json: {}.{name} is {text}", entity.name)))?;
                Value::from(moment)
            }
            Some(_) => value,
        };
        Ok((name, value))
    };
    Ok(Value::Object(row.into_iter().map(value).collect::<Result<_, Failure>>()?))
}

/// `-7 10:00` as a moment seven days ago, `-7` as that day.
fn moment(text: &str, today: NaiveDate) -> Option<String> {
    let (days, time) = text.split_once(' ').map_or((text, None), |(days, time)| (days, Some(time)));
    let days: i64 = days.parse().ok()?;
    let distance = Days::new(days.unsigned_abs());
    let day = if days < 0 { today.checked_sub_days(distance)? } else { today.checked_add_days(distance)? };
    Some(time.map_or_else(|| day.to_string(), |time| format!("{day}T{time}:00Z")))
}
