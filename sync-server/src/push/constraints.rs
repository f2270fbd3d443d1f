//! Translates a violated SQL constraint into a code and the column at fault.

use serde_json::Value;
use uuid::Uuid;
use waystation_model::access::Actor;
use waystation_model::registry::rules::{column_of_constraint, unique_of_constraint};
use waystation_model::registry::{Entity, Kind};
use waystation_model::wire::{Mutation, NumberedOutcome, Operation, Outcome};
use waystation_model::{Code, Problem};

use super::rejected;
use crate::authority::{Candidates, Writing};
use crate::failure::{Failure, Refusal};

/// Suffixes tried to suggest a free name.
const SUGGESTIONS_MAX: u32 = 50;

/// The outcome of a mutation that the database refused. Names of constraints follow from the table's entry.
pub async fn refusal<W: Writing>(
    transaction: &mut W,
    actor: &Actor,
    entity: &'static Entity,
    mutation: &Mutation,
    refusal: Refusal,
) -> Result<NumberedOutcome, Failure> {
    let Refusal { code, constraint: name, text } = refusal;
    let name = name.as_str();
    let deleted = mutation.op == Operation::Delete && code == Code::MissingReference;
    let code = if deleted { Code::InUse } else { code };
    // A delete is refused by another table's constraint: its columns are not of this row.
    let field = if deleted { None } else { column_of_constraint(entity, name) };
    tracing::info!(constraint = name, entity = entity.name, n = mutation.n, error = text, "the database refused a mutation");
    let mut problem =
        Problem::new(code, if name.is_empty() { "the database refused the row".to_owned() } else { format!("{name} does not hold") });
    problem.fields.extend(field.map(str::to_owned));
    let mut outcome = rejected(mutation.n, problem);
    if let (Code::Taken, Some(field), Outcome::Rejected { suggestion, .. }) = (code, field, &mut outcome.outcome) {
        let within = unique_of_constraint(entity, name).is_some_and(|unique| unique.within_organization);
        *suggestion = suggest(transaction, within.then_some(actor.organization_id), entity, mutation, field).await?;
    }
    Ok(outcome)
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
