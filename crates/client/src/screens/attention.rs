//! Refused changes: listed, corrected and sent again, or discarded.

use rusqlite::Connection;
use serde_json::Value;
use waystation_model::registry::{self, Column, Entity, Kind, Merge};
use waystation_model::{Code, Problem};

use super::Snapshot;
use super::sync::about;
use crate::app::App;
use crate::error::Result;
use crate::store::attention::{self, Refused};
use crate::store::rows::id_text;
use crate::store::{Edit, rows};
use crate::view_models::*;

/// Tables that a card may show: a refused change is of a table that the screens write to, and a held change or an offered row
/// may be of any other. Only the server writes `devices`.
fn shown_tables() -> impl Iterator<Item = &'static Entity> {
    registry::all().iter().copied().filter(|entity| entity.name != "devices")
}

/// Every column that such a card shows, for the test that each is translated.
pub(crate) fn shown_columns() -> Vec<&'static str> {
    let columns = shown_tables().flat_map(|table| table.columns);
    sorted(columns.filter(|column| column.merge != Merge::Server).map(|column| column.name))
}

/// Every table that such a card names.
pub(crate) fn shown_entities() -> Vec<&'static str> {
    sorted(shown_tables().map(|table| table.name))
}

/// Every choice value that such a card shows.
pub(crate) fn shown_choices() -> Vec<&'static str> {
    sorted(
        shown_tables()
            .flat_map(|table| table.columns)
            .filter(|column| column.merge != Merge::Server)
            .flat_map(|column| {
                let Kind::Choice(words) = column.kind else { return &[] as &[&str] };
                words
            })
            .copied(),
    )
}

fn sorted(words: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    let mut words: Vec<_> = words.collect();
    words.sort_unstable();
    words.dedup();
    words
}

impl App {
    pub(crate) async fn send_again(&self, arguments: SendAgain) -> Result<Nothing, Problem> {
        self.edit_with(move |connection, _| {
            let refused = attention::of_number(connection, arguments.n)?;
            let entity = refused.known_entity().ok_or_else(|| Problem::new(Code::UnknownEntity, "this program does not know the table"))?;
            let named = |name: &str| entity.column(name).ok_or_else(|| Problem::new(Code::UnknownColumn, "no such column").field(name));
            let mut fields: Vec<(&'static str, Value)> = Vec::new();
            for (name, value) in refused.columns.iter().zip(&refused.values) {
                fields.push((named(name)?.name, arguments.fields.get(name).unwrap_or(value).clone()));
            }
            for (name, value) in &arguments.fields {
                if !refused.columns.contains(name) {
                    fields.push((named(name)?.name, value.clone()));
                }
            }
            attention::forget(connection, &refused)?;
            Ok(vec![Edit { entity, id: Some(refused.row_id), op: refused.op, fields, coalesce: false, checks: true }])
        })
        .await?;
        Ok(Nothing {})
    }

    pub(crate) async fn discard(&self, arguments: ByNumber) -> Result<Nothing, Problem> {
        self.edit_with(move |connection, _| {
            let refused = attention::of_number(connection, arguments.n)?;
            attention::forget(connection, &refused)?;
            Ok(Vec::new())
        })
        .await?;
        Ok(Nothing {})
    }
}

pub(super) fn items(snapshot: &Snapshot<'_>) -> Result<Vec<AttentionItem>> {
    attention::all(snapshot.connection)?.into_iter().map(|refused| item(snapshot.connection, refused)).collect()
}

fn item(connection: &Connection, refused: Refused) -> Result<AttentionItem> {
    let row_id = id_text(&refused.row_id);
    Ok(AttentionItem {
        n: refused.number,
        about: about(connection, &refused.entity, &row_id)?,
        fields: fields(connection, &refused, &row_id)?,
        entity: refused.entity,
        row_id,
        at: refused.at.div_euclid(1000),
        code: refused.code,
        field: refused.field,
        suggestion: refused.suggestion,
    })
}

fn fields(connection: &Connection, refused: &Refused, row_id: &str) -> Result<Vec<AttentionField>> {
    let Some(entity) = refused.known_entity() else { return Ok(Vec::new()) };
    let server = rows::read(connection, entity, row_id)?;
    let mut fields = Vec::new();
    for (index, column) in entity.columns.iter().enumerate() {
        let Some(given) = refused.columns.iter().position(|name| name == column.name) else { continue };
        let (kind, choices) = field_kind(column);
        fields.push(AttentionField {
            name: column.name.to_owned(),
            value: refused.values.get(given).cloned().unwrap_or(Value::Null),
            server_value: server.as_ref().map_or(Value::Null, |row| row.values[index].clone()),
            editable: is_editable(column),
            kind: kind.to_owned(),
            choices: choices.iter().map(|word| (*word).to_owned()).collect(),
        });
    }
    Ok(fields)
}

/// Whether a person may correct a column. Columns that people enter have one of these two merge rules; the program fills in the
/// others, such as the time that a test took.
fn is_editable(column: &Column) -> bool {
    field_kind(column).0 != "other" && matches!(column.merge, Merge::Latest | Merge::Ask)
}

/// The kind of a column's form field, and its choices.
pub(super) fn field_kind(column: &Column) -> (&'static str, &'static [&'static str]) {
    match column.kind {
        Kind::Text => ("text", &[]),
        Kind::Choice(words) => ("choice", words),
        Kind::Bool => ("truth", &[]),
        Kind::Int => ("whole", &[]),
        Kind::Float => ("real", &[]),
        Kind::Date => ("date", &[]),
        Kind::Uuid | Kind::Time | Kind::Timestamp | Kind::Json => ("other", &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_columns_that_people_enter_can_be_corrected() {
        let editable = |table: &str| {
            let columns = registry::entity(table).expect("a registered table").columns;
            columns.iter().filter(|column| is_editable(column)).map(|column| column.name).collect::<Vec<_>>()
        };
        assert_eq!(editable("attendance_records"), ["status", "note"]);
        assert_eq!(editable("assessment_attempts"), ["feedback"]);
        assert_eq!(editable("content_progress"), [""; 0]);
    }
}
