//! Applies mutations set by set: consecutive ones of one table are read, merged and written together.

use uuid::Uuid;
use waystation_model::access::{Actor, allows, refused_column};
use waystation_model::clock::At;
use waystation_model::merge::{Change, Merged, Stored, Verdict, merge, read_fields, was_seen};
use waystation_model::registry::{Entity, IdRule, entity};
use waystation_model::wire::{Mutation, NumberedOutcome, Operation, Outcome};
use waystation_model::{Code, Problem};

use super::rows::{Rows, load, write};
use super::{Constraints, RowId, conflicts, grades, rejected};
use crate::authority::Writing;
use crate::failure::Failure;

/// What every set of one push shares.
pub struct Context<'a> {
    /// The database's constraints by name.
    pub constraints: &'a Constraints,
    /// Who pushes.
    pub actor: &'a Actor,
    /// From which device.
    pub device: Uuid,
    /// When the push arrived.
    pub received_ms: i64,
    /// Whether each set gets a savepoint, to find the mutation that the database refuses.
    pub careful: bool,
}

/// Applies all mutations in their order. Returns the outcomes that are not plainly `applied`.
pub async fn apply<W: Writing>(keeper: &mut W, context: &Context<'_>, mutations: &[Mutation]) -> Result<Vec<NumberedOutcome>, Failure> {
    let mut outcomes = Vec::new();
    let mut rest = mutations;
    while let Some(first) = rest.first() {
        let length = rest.iter().take_while(|next| next.entity == first.entity && next.op == first.op).count();
        let (set, after) = rest.split_at(length);
        rest = after;
        match entity(&first.entity) {
            None => {
                outcomes.extend(set.iter().map(|mutation| {
                    rejected(mutation.n, Problem::new(Code::UnknownEntity, format!("no table {} is synced", first.entity)))
                }))
            }
            Some(entity) => outcomes.extend(apply_set(keeper, context, entity, set).await?),
        }
    }
    Ok(outcomes)
}

/// Applies one set. Where the database refuses it, it is halved until the mutation at fault stands alone.
async fn apply_set<W: Writing>(
    keeper: &mut W,
    context: &Context<'_>,
    entity: &'static Entity,
    set: &[Mutation],
) -> Result<Vec<NumberedOutcome>, Failure> {
    if !context.careful {
        return run_set(keeper, context, entity, set).await;
    }
    keeper.savepoint().await?;
    let failure = match run_set(keeper, context, entity, set).await {
        Ok(outcomes) => {
            keeper.release().await?;
            return Ok(outcomes);
        }
        Err(failure) => failure,
    };
    let Some(refusal) = failure.refusal() else { return Err(failure) };
    keeper.roll_back().await?;
    if let [only] = set {
        return Ok(vec![context.constraints.refusal(keeper, context.actor, entity, only, refusal).await?]);
    }
    let (left, right) = set.split_at(set.len() / 2);
    let mut outcomes = Box::pin(apply_set(keeper, context, entity, left)).await?;
    outcomes.extend(Box::pin(apply_set(keeper, context, entity, right)).await?);
    Ok(outcomes)
}

async fn run_set<W: Writing>(
    keeper: &mut W,
    context: &Context<'_>,
    entity: &'static Entity,
    set: &[Mutation],
) -> Result<Vec<NumberedOutcome>, Failure> {
    let mut outcomes = Vec::new();
    let mut read = Vec::with_capacity(set.len());
    for mutation in set {
        match read_mutation(entity, mutation) {
            Ok((id, fields)) => read.push((mutation, id, fields)),
            Err(problem) => outcomes.push(rejected(mutation.n, problem)),
        }
    }
    let ids: Vec<RowId> = read.iter().map(|(_, id, _)| *id).collect();
    let mut rows = load(keeper, entity, context.actor.organization_id, &ids).await?;
    for (mutation, id, fields) in &read {
        let outcome = match mutation.op {
            Operation::Put => put(context, entity, mutation, *id, fields, &mut rows),
            Operation::Delete => delete(keeper, context, entity, mutation, *id, &mut rows).await?,
        };
        match outcome {
            Ok(Outcome::Applied) => {}
            Ok(outcome) => outcomes.push(NumberedOutcome { n: mutation.n, outcome }),
            Err(problem) => outcomes.push(rejected(mutation.n, problem)),
        }
    }
    grades::complete(keeper, entity, &mut rows, context.received_ms).await?;
    write(keeper, entity, context.actor.organization_id, &rows).await?;
    conflicts::keep(keeper, context, entity, &rows).await?;
    Ok(outcomes)
}

type Fields = Vec<(usize, serde_json::Value)>;

fn read_mutation(entity: &'static Entity, mutation: &Mutation) -> Result<(RowId, Fields), Problem> {
    let fields = read_fields(entity, &mutation.columns, &mutation.values)?;
    let id = match entity.id {
        IdRule::Made => mutation.id.ok_or_else(|| Problem::new(Code::MissingValue, "the row has no id").field("id"))?,
        IdRule::Derived(keys) => {
            let derived = entity.id_of_fields(&fields);
            match (mutation.id, derived) {
                (Some(id), Some(derived)) if id != derived => {
                    return Err(Problem::new(Code::IdMismatch, "the id does not follow from the key").field("id"));
                }
                (_, Some(derived)) => derived,
                (Some(id), None) => id,
                (None, None) => return Err(Problem::new(Code::MissingValue, format!("{} needs its key", entity.name)).field(keys[0])),
            }
        }
    };
    Ok((id, fields))
}

fn put(
    context: &Context<'_>,
    entity: &'static Entity,
    mutation: &Mutation,
    id: RowId,
    fields: &Fields,
    rows: &mut Rows,
) -> Result<Outcome, Problem> {
    if rows.is_foreign(id) {
        return Err(Problem::new(Code::NotFound, "the row is not in this organization"));
    }
    let current = rows.current(id);
    if current.is_none()
        && let Some(blocked_by) = mutation.base.own.filter(|_| mutation.base.stamp.is_none())
    {
        // The mutation that would have made the row was refused.
        return Ok(Outcome::BlockedBy { blocked_by });
    }
    if current.is_none() && mutation.base.stamp.is_some() {
        return Err(Problem::new(Code::NotFound, "the row was deleted meanwhile"));
    }
    if let Some(stored) = current
        && !allows(entity.write, entity, &id, &stored.values, context.actor)
    {
        return Err(Problem::new(Code::NotAllowed, "the writer has no right to this row"));
    }
    let merged = merge_change(context, entity, mutation, current, fields)?;
    if !allows(entity.write, entity, &id, &merged.values, context.actor) {
        return Err(Problem::new(Code::NotAllowed, "the writer has no right to this row"));
    }
    let stored = current.map(|stored| stored.values.as_slice());
    if let Some(column) = refused_column(entity, &id, stored, fields, &merged.values, context.actor) {
        return Err(Problem::new(Code::NotAllowed, format!("the writer has no right to give {}", column.name)).field(column.name));
    }
    let outcome = match merged.verdict {
        Verdict::Applied => Outcome::Applied,
        Verdict::Merged => Outcome::Merged,
        Verdict::Superseded => Outcome::Superseded,
    };
    rows.take(id, merged);
    Ok(outcome)
}

fn merge_change(
    context: &Context<'_>,
    entity: &Entity,
    mutation: &Mutation,
    current: Option<&Stored>,
    fields: &Fields,
) -> Result<Merged, Problem> {
    let change = Change {
        device: context.device,
        n: mutation.n,
        user: context.actor.user_id,
        base: mutation.base,
        at: At(mutation.at).not_after(context.received_ms).0,
        fields,
    };
    merge(entity, current, &change)
}

/// A delete never beats an edit that it had not seen.
async fn delete<W: Writing>(
    keeper: &mut W,
    context: &Context<'_>,
    entity: &'static Entity,
    mutation: &Mutation,
    id: RowId,
    rows: &mut Rows,
) -> Result<Result<Outcome, Problem>, Failure> {
    if rows.is_foreign(id) {
        return Ok(Err(Problem::new(Code::NotFound, "the row is not in this organization")));
    }
    let Some(stored) = rows.current(id) else { return Ok(Ok(Outcome::Applied)) };
    if !allows(entity.delete, entity, &id, &stored.values, context.actor) {
        return Ok(Err(Problem::new(Code::NotAllowed, "the writer has no right to delete this row")));
    }
    if !was_seen(stored, context.device, mutation.base) {
        return Ok(Err(Problem::new(Code::ChangedMeanwhile, "the row was changed meanwhile")));
    }
    keeper.delete(entity, id).await?;
    rows.forget(id);
    Ok(Ok(Outcome::Applied))
}
