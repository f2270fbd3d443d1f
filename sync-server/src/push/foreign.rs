//! New rows with an id that belongs to another organization's row. The answer is the one that the same change would get if the
//! other row did not exist, so it reveals nothing about other organizations, except that a taken id cannot be used again.

use uuid::Uuid;
use waystation_model::Code;
use waystation_model::ids::DERIVED_ID_NAMESPACE;
use waystation_model::merge::{Merged, Stored};
use waystation_model::registry::IdRule;

use super::change::RowChange;
use super::sets::Context;
use crate::authority::Writing;
use crate::failure::{Failure, Refusal};

/// Finds what would refuse the row. A trial row may be left behind for the caller to roll back.
pub async fn refusal<W: Writing>(
    transaction: &mut W,
    context: &Context<'_>,
    row_change: &RowChange<'_>,
    merged: Merged,
) -> Result<Failure, Failure> {
    let entity = row_change.entity;
    if let IdRule::Derived(keys) = entity.id {
        // The other row has the same key, so the rows that the key references belong to the other organization.
        let is_enforced = |key: &&&str| entity.column(key).is_some_and(|column| column.enforced().is_some());
        let constraint = keys.iter().find(is_enforced).map(|key| format!("{}_{key}_fkey", entity.name)).unwrap_or_default();
        return Ok(refused(Code::MissingReference, constraint));
    }
    let trial = Stored { stamp: None, values: merged.values, edits: merged.edits };
    let id = Uuid::new_v5(&DERIVED_ID_NAMESPACE, format!("elsewhere:{}:{}", entity.name, row_change.id).as_bytes());
    match transaction.insert(entity, context.actor.organization_id, &[id], &[&trial]).await {
        Ok(()) | Err(Failure::InsertedConcurrently) => Ok(refused(Code::Taken, format!("{}_pkey", entity.name))),
        Err(failure) => Err(failure),
    }
}

fn refused(code: Code, constraint: String) -> Failure {
    Failure::Refused(Refusal { code, text: "the id is another organization's".to_owned(), constraint })
}
