//! Translates a violated SQL constraint into a code and the column at fault.

use std::collections::HashMap;

use serde_json::Value;
use uuid::Uuid;
use waystation_model::access::Actor;
use waystation_model::registry::{Entity, Kind};
use waystation_model::wire::{Mutation, NumberedOutcome, Operation, Outcome};
use waystation_model::{Code, Problem};

use super::rejected;
use crate::authority::{Candidates, Writing};
use crate::failure::{Failure, Refusal};

/// Suffixes tried to suggest a free name.
const SUGGESTIONS_MAX: u32 = 50;

/// The columns of every constraint and unique index, by name.
#[derive(Debug, Default)]
pub struct Constraints {
    columns: HashMap<String, Vec<String>>,
}

impl Constraints {
    /// From a map of constraint name to columns.
    pub fn new(columns: HashMap<String, Vec<String>>) -> Constraints {
        Constraints { columns }
    }

    /// Whether a constraint has this name.
    pub fn is_known(&self, name: &str) -> bool {
        self.columns.contains_key(name)
    }

    /// The outcome of a mutation that the database refused.
    pub async fn refusal<W: Writing>(
        &self,
        transaction: &mut W,
        actor: &Actor,
        entity: &Entity,
        mutation: &Mutation,
        refusal: Refusal,
    ) -> Result<NumberedOutcome, Failure> {
        let Refusal { code, constraint: name, text } = refusal;
        let name = name.as_str();
        let mut field = self.columns.get(name).and_then(|columns| at_fault(entity, name, columns)).cloned();
        let deleted = mutation.op == Operation::Delete && code == Code::MissingReference;
        let code = if deleted { Code::InUse } else { code };
        if deleted {
            // The constraint belongs to another table: its columns are not of this row.
            field = None;
        }
        tracing::info!(constraint = name, entity = entity.name, n = mutation.n, error = text, "the database refused a mutation");
        let mut problem =
            Problem::new(code, if name.is_empty() { "the database refused the row".to_owned() } else { format!("{name} does not hold") });
        problem.fields.extend(field.clone());
        let mut outcome = rejected(mutation.n, problem);
        if let (Code::Taken, Some(field), Outcome::Rejected { suggestion, .. }) = (code, &field, &mut outcome.outcome) {
            let within = self.columns.get(name).is_some_and(|columns| columns.iter().any(|column| column == "organization_id"));
            *suggestion = suggest(transaction, within.then_some(actor.organization_id), entity, mutation, field).await?;
        }
        Ok(outcome)
    }
}

/// The column that a constraint is about. A composite one also contains other columns, so the column in its name decides.
fn at_fault<'a>(entity: &Entity, name: &str, columns: &'a [String]) -> Option<&'a String> {
    let known = || columns.iter().filter(|column| entity.column(column).is_some());
    let named = name.strip_prefix(entity.name).and_then(|rest| rest.strip_prefix('_')).unwrap_or("");
    known().filter(|column| named.starts_with(column.as_str())).max_by_key(|column| column.len()).or_else(|| known().next_back())
}

/// Suggests a free value similar to the taken one, for text: free in the organization, or everywhere. No suggestion for e-mail
/// addresses.
async fn suggest<W: Writing>(
    transaction: &mut W,
    organization: Option<Uuid>,
    entity: &Entity,
    mutation: &Mutation,
    field: &str,
) -> Result<Option<String>, Failure> {
    let Some(column) = entity.column(field).filter(|column| column.kind == Kind::Text) else { return Ok(None) };
    let given = mutation.columns.iter().position(|name| name == field).and_then(|index| mutation.values.get(index)).and_then(Value::as_str);
    let Some(given) = given.filter(|text| !text.contains('@')) else { return Ok(None) };
    let texts = (2..2 + SUGGESTIONS_MAX)
        .map(|number| format!("{given}-{number}"))
        .filter(|text| text.chars().count() <= column.length_max)
        .collect();
    transaction.first_free(Candidates { entity, field, organization, texts }).await
}
