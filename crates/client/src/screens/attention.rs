//! What the server refused: shown, mended and sent again, or let go.

use rusqlite::Connection;
use serde_json::Value;
use waystation_model::registry::{self, Kind};
use waystation_model::{Code, Problem};

use super::Desk;
use super::sync::about;
use crate::app::App;
use crate::error::Result;
use crate::store::attention::{self, Refused};
use crate::store::rows::id_text;
use crate::store::{Edit, rows};
use crate::views::*;

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
        let (kind, choices) = match column.kind {
            Kind::Text => ("text", Vec::new()),
            Kind::Choice(words) => ("choice", words.iter().map(|word| (*word).to_owned()).collect()),
            Kind::Truth => ("truth", Vec::new()),
            Kind::Whole => ("whole", Vec::new()),
            Kind::Real => ("real", Vec::new()),
            Kind::Date => ("date", Vec::new()),
            Kind::Uuid | Kind::Time | Kind::Timestamp | Kind::Json => ("other", Vec::new()),
        };
        fields.push(AttentionField {
            name: column.name.to_owned(),
            value: refused.values.get(place).cloned().unwrap_or(Value::Null),
            server_value: server.as_ref().map_or(Value::Null, |row| row.values[index].clone()),
            editable: kind != "other" && column.merge != registry::Merge::Key,
            kind: kind.to_owned(),
            choices,
        });
    }
    Ok(fields)
}
