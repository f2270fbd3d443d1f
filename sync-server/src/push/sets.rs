//! Applies mutations in sets: consecutive ones of one table and operation are read, merged and written together.

use std::borrow::Cow;

use uuid::Uuid;
use waystation_model::access::{Actor, Role};
use waystation_model::attribution::{attribute, is_attributed};
use waystation_model::clock::At;
use waystation_model::merge::{Change, Stored, Verdict, read_fields};
use waystation_model::registry::{AccessRule, Entity, IdRule, entity};
use waystation_model::wire::{Base, Mutation, NumberedOutcome, Operation, Outcome};
use waystation_model::{Code, Problem};

use super::change::{Fields, RowChange};
use super::facts::Facts;
use super::held::{self, AuthorHistory, HeldChanges};
use super::rows::{Rows, load, reload, write};
use super::{Pass, RowId, conflicts, constraints, decisions, foreign, grades, offers, rejected};
use crate::authority::Writing;
use crate::failure::Failure;
use crate::heads::access_scopes;

/// What every set of one push shares.
pub struct Context<'a> {
    /// The pusher with their current rights.
    pub actor: Cow<'a, Actor>,
    /// From which device.
    pub device: Uuid,
    /// When the push arrived.
    pub received_ms: i64,
    /// The last stamp that was issued when the push began. A base above it was never issued by this database.
    pub last_stamp: i64,
    /// How this attempt goes about it.
    pub pass: Pass,
    /// The pusher with the rights at the beginning of the push.
    pub begun_with: Cow<'a, Actor>,
    /// The pusher's former rights and quotas.
    pub history: AuthorHistory,
}

impl<'a> Context<'a> {
    /// The context of changes that have just arrived.
    pub fn new(actor: &'a Actor, device: Uuid, received_ms: i64, last_stamp: i64, pass: Pass) -> Context<'a> {
        let (actor, begun_with) = (Cow::Borrowed(actor), Cow::Borrowed(actor));
        Context { actor, begun_with, device, received_ms, last_stamp, pass, history: AuthorHistory::default() }
    }

    /// Reads the rights again if they have moved since the actor's were read, at this sum of access heads.
    pub async fn begin<W: Writing>(&mut self, transaction: &mut W, rights_at: Option<i64>) -> Result<(), Failure> {
        if let Some(sum) = rights_at
            && transaction.moved_since(&access_scopes(&self.actor), sum).await?
        {
            self.read_rights(transaction).await?;
        }
        self.begun_with = self.actor.clone();
        Ok(())
    }

    /// Reads the rights again.
    pub async fn read_rights<W: Writing>(&mut self, transaction: &mut W) -> Result<(), Failure> {
        if let Some(actor) = transaction.rights(self.actor.user_id).await? {
            self.actor = Cow::Owned(actor);
            self.history.forget();
        }
        Ok(())
    }
}

/// Applies all mutations in order. Returns the outcomes other than `applied`.
pub async fn apply<W: Writing>(
    transaction: &mut W,
    context: &mut Context<'_>,
    mutations: &[Mutation],
) -> Result<Vec<NumberedOutcome>, Failure> {
    let first_n = mutations.first().map_or(0, |mutation| mutation.n);
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
            Some(entity) => {
                let push = Earlier { first_n, outcomes: &outcomes };
                let new = apply_set(transaction, context, entity, set, &push).await?;
                outcomes.extend(new);
            }
        }
    }
    Ok(outcomes)
}

/// The outcomes of this push before a set.
struct Earlier<'a> {
    first_n: i64,
    outcomes: &'a [NumberedOutcome],
}

/// Applies one set. If the database refuses it, the set is halved until the mutation at fault is found.
async fn apply_set<W: Writing>(
    transaction: &mut W,
    context: &mut Context<'_>,
    entity: &'static Entity,
    set: &[Mutation],
    earlier: &Earlier<'_>,
) -> Result<Vec<NumberedOutcome>, Failure> {
    if !context.pass.is_careful {
        return run_set(transaction, context, entity, set, earlier).await;
    }
    transaction.savepoint().await?;
    let failure = match run_set(transaction, context, entity, set, earlier).await {
        Ok(outcomes) => {
            transaction.release().await?;
            return Ok(outcomes);
        }
        Err(failure) => failure,
    };
    let Some(refusal) = failure.refusal() else { return Err(failure) };
    transaction.roll_back().await?;
    context.history.forget();
    if let [only] = set {
        return Ok(vec![constraints::refusal(transaction, &context.actor, entity, only, refusal).await?]);
    }
    let (left, right) = set.split_at(set.len() / 2);
    let mut outcomes = Box::pin(apply_set(transaction, context, entity, left, earlier)).await?;
    let before: Vec<NumberedOutcome> = earlier.outcomes.iter().chain(&outcomes).cloned().collect();
    let earlier = Earlier { first_n: earlier.first_n, outcomes: &before };
    outcomes.extend(Box::pin(apply_set(transaction, context, entity, right, &earlier)).await?);
    Ok(outcomes)
}

async fn run_set<W: Writing>(
    transaction: &mut W,
    context: &mut Context<'_>,
    entity: &'static Entity,
    set: &[Mutation],
    earlier: &Earlier<'_>,
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
    let mut rows = load(transaction, entity, context.actor.organization_id, &ids).await?;
    if context.pass.looks_elsewhere {
        rows.find_elsewhere(transaction, entity, &ids).await?;
    }
    if is_attributed(entity) {
        read.retain_mut(|(mutation, id, fields)| {
            let stored = rows.current(*id).map(|stored| stored.values.as_slice());
            let makes = mutation.base == Base::default();
            let signed = attribute(entity, stored, makes, context.actor.user_id, fields);
            outcomes.extend(signed.as_ref().err().map(|problem| rejected(mutation.n, problem.clone())));
            signed.is_ok()
        });
    }
    let facts = Facts::read(transaction, entity, read.iter().map(|(_, id, fields)| (*id, fields)), &rows).await?;
    let mut rights_moved = false;
    let mut held = HeldChanges::default();
    for (index, (mutation, id, fields)) in read.iter().enumerate() {
        let concerned = concerns(entity, *id, &rows, &context.actor);
        let named = names(entity, *id, &rows, &context.actor);
        let decides =
            decisions::applies_to(entity) || (offers::applies_to(entity) && mutation.columns.iter().any(|column| column == "state"));
        let row_change = row_change(context, entity, mutation, *id, fields);
        let mut outcome = match mutation.op {
            Operation::Put if decisions::applies_to(entity) => {
                rights_moved = true;
                decisions::take(transaction, context, &row_change, &mut rows).await?
            }
            Operation::Put if offers::applies_to(entity) => {
                rights_moved = true;
                offers::take(transaction, context, &row_change, &mut rows).await?
            }
            Operation::Put if rows.builds_on_own(*id, mutation.base) => {
                match base_outcome(transaction, context, mutation, earlier, &outcomes).await? {
                    BaseOutcome::Held(first) => match put(context, &row_change, &mut rows, &facts) {
                        Err(problem) if problem.code == Code::MissingValue => {
                            held::hold_with_first(transaction, context, &row_change, mutation.op, first, &mut held)
                                .await?
                                .unwrap_or(Ok(Outcome::BlockedBy { blocked_by: first }))
                        }
                        other => other,
                    },
                    BaseOutcome::Refused(own) => Ok(Outcome::BlockedBy { blocked_by: own }),
                    BaseOutcome::RowDeleted => Err(Problem::new(Code::NotFound, "the row was deleted meanwhile")),
                }
            }
            Operation::Put if rows.is_foreign(*id) => match row_change.put(None, &context.actor) {
                Err(problem) => Err(problem),
                Ok(merged) => return Err(foreign::refusal(transaction, context, &row_change, merged).await?),
            },
            Operation::Put => put(context, &row_change, &mut rows, &facts),
            // The answer does not reveal whether the offer exists.
            Operation::Delete if offers::applies_to(entity) => Err(Problem::new(Code::NotAllowed, "offers are not deleted")),
            Operation::Delete if rows.builds_on_own(*id, mutation.base) => {
                match base_outcome(transaction, context, mutation, earlier, &outcomes).await? {
                    BaseOutcome::Held(first) => held::hold_with_first(transaction, context, &row_change, mutation.op, first, &mut held)
                        .await?
                        .unwrap_or(Ok(Outcome::Applied)),
                    BaseOutcome::Refused(_) | BaseOutcome::RowDeleted => Ok(Outcome::Applied),
                }
            }
            Operation::Delete => delete(transaction, context, &row_change, &mut rows).await?,
        };
        if let Err(problem) = &outcome
            && problem.code == Code::NotAllowed
            && let Some(held_outcome) =
                held::hold_if_formerly_allowed(transaction, context, &row_change, mutation.op, &rows, &mut held).await?
        {
            outcome = held_outcome;
        }
        let taken = matches!(outcome, Ok(Outcome::Applied | Outcome::Merged | Outcome::Superseded));
        if taken {
            rights_moved |= concerned || concerns(entity, *id, &rows, &context.actor);
        }
        if taken && index + 1 < read.len() && (decides || named || names(entity, *id, &rows, &context.actor)) {
            // The next change of the same table is checked with the rights that result from this one.
            store(transaction, context, entity, &mut rows).await?;
            reload(transaction, entity, context.actor.organization_id, &mut rows).await?;
            context.read_rights(transaction).await?;
        }
        match outcome {
            Ok(Outcome::Applied) => {}
            Ok(outcome) => outcomes.push(NumberedOutcome { n: mutation.n, outcome }),
            Err(problem) => outcomes.push(rejected(mutation.n, problem)),
        }
    }
    store(transaction, context, entity, &mut rows).await?;
    held.write(transaction, context).await?;
    if rights_moved {
        // Rights gained or given up by this set apply to the rest of the push.
        context.read_rights(transaction).await?;
    }
    Ok(outcomes)
}

/// Writes the merged rows and the losing values.
async fn store<W: Writing>(transaction: &mut W, context: &Context<'_>, entity: &Entity, rows: &mut Rows) -> Result<(), Failure> {
    grades::complete(transaction, entity, rows, context.received_ms).await?;
    write(transaction, entity, context.actor.organization_id, rows).await?;
    conflicts::keep(transaction, context, entity, rows).await
}

/// Whether the row names the pusher in a column that grants rights.
fn names(entity: &Entity, id: RowId, rows: &Rows, actor: &Actor) -> bool {
    rows.current(id).is_some_and(|stored| entity.access.iter().any(|rule| rule_names(*rule, entity, id, stored, actor)))
}

fn rule_names(rule: AccessRule, entity: &Entity, id: RowId, stored: &Stored, actor: &Actor) -> bool {
    match rule {
        AccessRule::User("id") => id == actor.user_id,
        AccessRule::User(column) => {
            let user = entity.column_index(column).and_then(|index| stored.values[index].as_str());
            user.is_some_and(|user| Uuid::parse_str(user).is_ok_and(|user| user == actor.user_id))
        }
        AccessRule::Administrators | AccessRule::Everybody | AccessRule::Through { .. } => false,
    }
}

/// Whether the pusher's rights may depend on this row.
fn concerns(entity: &Entity, id: RowId, rows: &Rows, actor: &Actor) -> bool {
    let Some(stored) = rows.current(id) else { return false };
    entity.access.iter().any(|rule| match rule {
        AccessRule::User(_) => rule_names(*rule, entity, id, stored, actor),
        AccessRule::Administrators => actor.role == Role::Admin,
        AccessRule::Everybody | AccessRule::Through { .. } => true,
    })
}

/// What happened to the change of the same device that creates a missing row.
enum BaseOutcome {
    /// It is held.
    Held(i64),
    /// It was refused.
    Refused(i64),
    /// The row was created and deleted since.
    RowDeleted,
}

async fn base_outcome<W: Writing>(
    transaction: &mut W,
    context: &Context<'_>,
    mutation: &Mutation,
    earlier: &Earlier<'_>,
    of_set: &[NumberedOutcome],
) -> Result<BaseOutcome, Failure> {
    let Some(own) = mutation.base.own else { return Err(Failure::broken("a change builds on no other")) };
    let is_own = |outcome: &&NumberedOutcome| outcome.n == own;
    let outcome = if own >= earlier.first_n {
        earlier.outcomes.iter().chain(of_set).find(is_own).map(|known| known.outcome.clone())
    } else {
        let pushes = transaction.pushes(context.device, own, own).await?;
        pushes.iter().flat_map(|pushed| &pushed.outcomes).find(is_own).map(|known| known.outcome.clone())
    };
    // A device names only changes whose outcome it has not seen, so a change that is no longer in the ledger is not one it builds
    // on. The outcome of a held change is open until it is decided.
    Ok(match outcome {
        _ if own >= mutation.n => BaseOutcome::Refused(own),
        Some(Outcome::Held) => BaseOutcome::Held(own),
        Some(Outcome::Rejected { .. } | Outcome::BlockedBy { .. }) => BaseOutcome::Refused(own),
        None if held::is_held(transaction, context.device, own).await? => BaseOutcome::Held(own),
        _ => BaseOutcome::RowDeleted,
    })
}

fn read_mutation(entity: &'static Entity, mutation: &Mutation) -> Result<(RowId, Fields), Problem> {
    let fields = read_fields(entity, &mutation.columns, &mutation.values)?;
    let id = match entity.id {
        IdRule::Generated => mutation.id.ok_or_else(|| Problem::new(Code::MissingValue, "the row has no id").field("id"))?,
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

/// The change of one mutation, with its times and base checked.
fn row_change<'a>(context: &Context<'_>, entity: &'static Entity, mutation: &Mutation, id: RowId, fields: &'a Fields) -> RowChange<'a> {
    let change = Change {
        device: context.device,
        n: mutation.n,
        user: context.actor.user_id,
        base: mutation.base.limited_to(context.last_stamp),
        at: At(mutation.at).not_after(context.received_ms).0,
        fields,
    };
    RowChange { entity, id, change }
}

fn put(context: &Context<'_>, row_change: &RowChange<'_>, rows: &mut Rows, facts: &Facts) -> Result<Outcome, Problem> {
    let merged = row_change.put(rows.current(row_change.id), &context.actor)?;
    facts.check(row_change, rows.current(row_change.id))?;
    let outcome = match merged.verdict {
        Verdict::Applied => Outcome::Applied,
        Verdict::Merged => Outcome::Merged,
        Verdict::Superseded => Outcome::Superseded,
    };
    rows.take(row_change.id, merged);
    Ok(outcome)
}

async fn delete<W: Writing>(
    transaction: &mut W,
    context: &Context<'_>,
    row_change: &RowChange<'_>,
    rows: &mut Rows,
) -> Result<Result<Outcome, Problem>, Failure> {
    // Another organization's row is answered like a deleted one.
    let Some(stored) = rows.current(row_change.id) else { return Ok(Ok(Outcome::Applied)) };
    if let Err(problem) = row_change.delete(stored, &context.actor) {
        return Ok(Err(problem));
    }
    transaction.delete(row_change.entity, row_change.id).await?;
    rows.forget(row_change.id);
    Ok(Ok(Outcome::Applied))
}
