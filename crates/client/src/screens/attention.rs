//! What the server refused: shown, mended and sent again, or let go.

use rusqlite::Connection;
use serde_json::Value;
use waystation_model::registry::{self, Column, Entity, Kind, Merge};
use waystation_model::{Code, Problem};

use super::Desk;
use super::sync::about;
use crate::app::App;
use crate::error::Result;
use crate::store::attention::{self, Refused};
use crate::store::rows::id_text;
use crate::store::{Edit, rows};
use crate::views::*;

/// Tables whose rows a card may be about: a refused change is of one that the screens write to, and what is held or was lost
/// by the server may be of any. Nobody but the server makes rows of the others.
fn shown_tables() -> impl Iterator<Item = &'static Entity> {
    registry::all().iter().copied().filter(|entity| entity.name != "devices")
}

/// Every column that such a card shows, for the test that each has its words.
pub(crate) fn shown_columns() -> Vec<&'static str> {
    let columns = shown_tables().flat_map(|table| table.columns);
    sorted(columns.filter(|column| column.merge != Merge::Server).map(|column| column.name))
}

/// Every table that such a card names.
pub(crate) fn shown_entities() -> Vec<&'static str> {
    sorted(shown_tables().map(|table| table.name))
}

/// Every word that such a card shows of a column with a choice of them.
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
            let entity = refused.known_entity().ok_or_else(|| Problem::new(Code::UnknownEntity, "the table is gone"))?;
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
            Ok(vec![Edit { entity, id: Some(refused.row_id), op: refused.op, fields, coalesce: false }])
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

pub(super) fn items(desk: &Desk<'_>) -> Result<Vec<AttentionItem>> {
    attention::all(desk.connection)?.into_iter().map(|refused| item(desk.connection, refused)).collect()
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
        let Some(place) = refused.columns.iter().position(|name| name == column.name) else { continue };
        let (kind, choices) = field_kind(column);
        fields.push(AttentionField {
            name: column.name.to_owned(),
            value: refused.values.get(place).cloned().unwrap_or(Value::Null),
            server_value: server.as_ref().map_or(Value::Null, |row| row.values[index].clone()),
            editable: is_for_people(column),
            kind: kind.to_owned(),
            choices: choices.iter().map(|word| (*word).to_owned()).collect(),
        });
    }
    Ok(fields)
}

/// Whether a person may mend a column. What people decide merges in one of these two ways; the rest is the program's, such
/// as the time that a test took.
fn is_for_people(column: &Column) -> bool {
    field_kind(column).0 != "other" && matches!(column.merge, Merge::Latest | Merge::Ask)
}

/// How a column is shown in a form, and what there is to choose from.
pub(super) fn field_kind(column: &Column) -> (&'static str, &'static [&'static str]) {
    match column.kind {
        Kind::Text => ("text", &[]),
        Kind::Choice(words) => ("choice", words),
        Kind::Truth => ("truth", &[]),
        Kind::Whole => ("whole", &[]),
        Kind::Real => ("real", &[]),
        Kind::Date => ("date", &[]),
        Kind::Uuid | Kind::Time | Kind::Timestamp | Kind::Json => ("other", &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_people_decide_can_be_mended() {
        let mendable = |table: &str| {
            let columns = registry::entity(table).expect("a registered table").columns;
            columns.iter().filter(|column| is_for_people(column)).map(|column| column.name).collect::<Vec<_>>()
        };
        assert_eq!(mendable("attendance_records"), ["status", "note"]);
        assert_eq!(mendable("assessment_attempts"), ["feedback"]);
        assert_eq!(mendable("content_progress"), [""; 0]);
    }
}
