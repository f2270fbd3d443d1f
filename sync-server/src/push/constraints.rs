//! A SQL constraint becomes a code by its name, and the column at fault with it.

use std::collections::HashMap;

use serde_json::Value;
use sqlx::error::{DatabaseError, ErrorKind};
use sqlx::{AssertSqlSafe, PgConnection, PgPool};
use uuid::Uuid;
use waystation_model::access::Actor;
use waystation_model::registry::{Entity, Kind};
use waystation_model::wire::{Mutation, NumberedOutcome, Outcome};
use waystation_model::{Code, Problem};

use super::rejected;
use crate::failure::Failure;

/// Numbers tried for a free name.
const SUGGESTIONS_MAX: u32 = 50;

/// The columns of every constraint and unique index, by name.
#[derive(Debug, Default)]
pub struct Constraints {
    columns: HashMap<String, Vec<String>>,
}

/// Whether the database refused the data, as opposed to failing.
pub fn is_refusal(error: &(dyn DatabaseError + 'static)) -> bool {
    !matches!(error.kind(), ErrorKind::Other) || error.code().is_some_and(|code| code.starts_with("WS") || code.starts_with("22"))
}

impl Constraints {
    /// Reads them from the database's own catalogue.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn read(pool: &PgPool) -> Result<Constraints, sqlx::Error> {
        let rows: Vec<(String, Vec<String>)> = sqlx::query_as(include_str!("../sql/constraints.sql")).fetch_all(pool).await?;
        Ok(Constraints { columns: rows.into_iter().collect() })
    }

    /// The outcome of a mutation that the database refused.
    pub async fn refusal(
        &self,
        connection: &mut PgConnection,
        actor: &Actor,
        entity: &Entity,
        mutation: &Mutation,
        error: &(dyn DatabaseError + 'static),
    ) -> Result<NumberedOutcome, Failure> {
        let name = error.constraint().unwrap_or("");
        let field = self.columns.get(name).and_then(|columns| at_fault(entity, name, columns)).cloned();
        let code = match (error.kind(), error.code().as_deref()) {
            (ErrorKind::UniqueViolation, _) => Code::Taken,
            (ErrorKind::ForeignKeyViolation, _) => Code::MissingReference,
            (ErrorKind::NotNullViolation, _) => Code::MissingValue,
            (_, Some("WS001")) => Code::KeyChanged,
            (_, Some("WS003")) => Code::NoAttemptsLeft,
            (_, Some("WS004")) => Code::CourseFull,
            (ErrorKind::CheckViolation, _) => Code::RuleBroken,
            _ => Code::BadValue,
        };
        tracing::info!(constraint = name, entity = entity.name, n = mutation.n, %error, "the database refused a mutation");
        let mut problem =
            Problem::new(code, if name.is_empty() { "the database refused the row".to_owned() } else { format!("{name} does not hold") });
        problem.fields.extend(field.clone());
        let mut outcome = rejected(mutation.n, problem);
        if let (Code::Taken, Some(field), Outcome::Rejected { suggestion, .. }) = (code, &field, &mut outcome.outcome) {
            let within = self.columns.get(name).is_some_and(|columns| columns.iter().any(|column| column == "organization_id"));
            *suggestion = suggest(connection, within.then_some(actor.organization_id), entity, mutation, field).await?;
        }
        Ok(outcome)
    }
}

/// The column that a constraint is about. A composite one carries others along, so its name says which is meant.
fn at_fault<'a>(entity: &Entity, name: &str, columns: &'a [String]) -> Option<&'a String> {
    let known = || columns.iter().filter(|column| entity.column(column).is_some());
    let named = name.strip_prefix(entity.name).and_then(|rest| rest.strip_prefix('_')).unwrap_or("");
    known().filter(|column| named.starts_with(column.as_str())).max_by_key(|column| column.len()).or_else(|| known().next_back())
}

/// A free value near the one that is taken, for text: free in the organization, or everywhere. An address is not one to
/// make up.
async fn suggest(
    connection: &mut PgConnection,
    organization: Option<Uuid>,
    entity: &Entity,
    mutation: &Mutation,
    field: &str,
) -> Result<Option<String>, Failure> {
    let Some(column) = entity.column(field).filter(|column| column.kind == Kind::Text) else { return Ok(None) };
    let given = mutation.columns.iter().position(|name| name == field).and_then(|place| mutation.values.get(place)).and_then(Value::as_str);
    let Some(given) = given.filter(|text| !text.contains('@')) else { return Ok(None) };
    let tries: Vec<String> = (2..2 + SUGGESTIONS_MAX)
        .map(|number| format!("{given}-{number}"))
        .filter(|text| text.chars().count() <= column.length_max)
        .collect();
    // The table and the column are names from the registry.
    let sql = format!(
        "SELECT t.text FROM unnest($1::text[]) WITH ORDINALITY AS t(text, place) \
         WHERE NOT EXISTS (SELECT FROM {} r WHERE ($2::uuid IS NULL OR r.organization_id = $2) AND lower(r.{field}) = lower(t.text)) ORDER BY t.place LIMIT 1",
        entity.name
    );
    Ok(sqlx::query_scalar(AssertSqlSafe(sql)).bind(tries).bind(organization).fetch_optional(connection).await?)
}
