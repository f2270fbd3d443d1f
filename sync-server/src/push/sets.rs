//! Applies mutations set by set: consecutive ones of one table are read, merged and written together.

use std::borrow::Cow;

use uuid::Uuid;
use waystation_model::access::{Actor, Role};
use waystation_model::attribution::{attribute, is_attributed};
use waystation_model::clock::At;
use waystation_model::merge::{Change, Stored, Verdict, read_fields};
use waystation_model::registry::{AccessRule, Entity, IdRule, entity};
use waystation_model::wire::{Base, Mutation, NumberedOutcome, Operation, Outcome};
use waystation_model::{Code, Problem};

use super::deed::{Deed, Fields};
use super::facts::Facts;
use super::held::{self, HeldChanges, Holding};
use super::rows::{Rows, load, reload, write};
use super::{Constraints, RowId, conflicts, decisions, foreign, grades, offers, rejected};
use crate::authority::Writing;
use crate::failure::Failure;

/// What every set of one push shares.
pub struct Context<'a> {
    /// The database's constraints by name.
    pub constraints: &'a Constraints,
    /// Who pushes, with the rights that they have by now.
    pub actor: Cow<'a, Actor>,
    /// From which device.
    pub device: Uuid,
    /// When the push arrived.
    pub received_ms: i64,
    /// The last stamp that had been given when the push began. A base above it was never given by this database.
    pub last_stamp: i64,
    /// Whether each set gets a savepoint, to find the mutation that the database refuses.
    pub careful: bool,
    /// Who pushes, with the rights that they had when the push began.
    pub begun_with: Cow<'a, Actor>,
    /// What is known of changes that wait for somebody else.
    pub holding: Holding,
}

impl Context<'_> {
    /// Reads the rights anew.
    pub async fn read_rights<W: Writing>(&mut self, keeper: &mut W) -> Result<(), Failure> {
        if let Some(actor) = keeper.rights(self.actor.user_id).await? {
            self.actor = Cow::Owned(actor);
            self.holding.forget();
        }
        Ok(())
    }
}

/// Applies all mutations in their order. Returns the outcomes that are not plainly `applied`.
pub async fn apply<W: Writing>(keeper: &mut W, context: &mut Context<'_>, mutations: &[Mutation]) -> Result<Vec<NumberedOutcome>, Failure> {
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
                let new = apply_set(keeper, context, entity, set, &push).await?;
                outcomes.extend(new);
            }
        }
    }
    Ok(outcomes)
}

/// What this push has come to before a set.
struct Earlier<'a> {
    first_n: i64,
    outcomes: &'a [NumberedOutcome],
}

/// Applies one set. Where the database refuses it, it is halved until the mutation at fault stands alone.
async fn apply_set<W: Writing>(
    keeper: &mut W,
    context: &mut Context<'_>,
    entity: &'static Entity,
    set: &[Mutation],
    earlier: &Earlier<'_>,
) -> Result<Vec<NumberedOutcome>, Failure> {
    if !context.careful {
        return run_set(keeper, context, entity, set, earlier).await;
    }
    keeper.savepoint().await?;
    let failure = match run_set(keeper, context, entity, set, earlier).await {
        Ok(outcomes) => {
            keeper.release().await?;
            return Ok(outcomes);
        }
        Err(failure) => failure,
    };
    let Some(refusal) = failure.refusal() else { return Err(failure) };
    keeper.roll_back().await?;
    context.holding.forget();
    if let [only] = set {
        return Ok(vec![context.constraints.refusal(keeper, &context.actor, entity, only, refusal).await?]);
    }
    let (left, right) = set.split_at(set.len() / 2);
    let mut outcomes = Box::pin(apply_set(keeper, context, entity, left, earlier)).await?;
    let before: Vec<NumberedOutcome> = earlier.outcomes.iter().chain(&outcomes).cloned().collect();
    let earlier = Earlier { first_n: earlier.first_n, outcomes: &before };
    outcomes.extend(Box::pin(apply_set(keeper, context, entity, right, &earlier)).await?);
    Ok(outcomes)
}

async fn run_set<W: Writing>(
    keeper: &mut W,
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
    let mut rows = load(keeper, entity, context.actor.organization_id, &ids).await?;
    if is_attributed(entity) {
        read.retain_mut(|(mutation, id, fields)| {
            let stored = rows.current(*id).map(|stored| stored.values.as_slice());
            let makes = mutation.base == Base::default();
            let signed = attribute(entity, stored, makes, context.actor.user_id, fields);
            outcomes.extend(signed.as_ref().err().map(|problem| rejected(mutation.n, problem.clone())));
            signed.is_ok()
        });
    }
    let facts = Facts::read(keeper, entity, read.iter().map(|(_, id, fields)| (*id, fields)), &rows).await?;
    let mut rights_moved = false;
    let mut held = HeldChanges::default();
    for (place, (mutation, id, fields)) in read.iter().enumerate() {
        let concerned = concerns(entity, *id, &rows, &context.actor);
        let named = names(entity, *id, &rows, &context.actor);
        let decides = decisions::are(entity) || (offers::are(entity) && mutation.columns.iter().any(|column| column == "state"));
        let deed = deed(context, entity, mutation, *id, fields);
        let mut outcome = match mutation.op {
            Operation::Put if decisions::are(entity) => {
                rights_moved = true;
                decisions::take(keeper, context, &deed, &mut rows).await?
            }
            Operation::Put if offers::are(entity) => {
                rights_moved = true;
                offers::take(keeper, context, &deed, &mut rows).await?
            }
            Operation::Put if rows.builds_on_own(*id, mutation.base) => {
                match on_own(keeper, context, mutation, earlier, &outcomes).await? {
                    OnOwn::Held(first) => match put(context, &deed, &mut rows, &facts) {
                        Err(problem) if problem.code == Code::MissingValue => {
                            held::with_first(keeper, context, &deed, mutation.op, first, &mut held)
                                .await?
                                .unwrap_or(Ok(Outcome::BlockedBy { blocked_by: first }))
                        }
                        other => other,
                    },
                    OnOwn::Refused(own) => Ok(Outcome::BlockedBy { blocked_by: own }),
                    OnOwn::Gone => Err(Problem::new(Code::NotFound, "the row was deleted meanwhile")),
                }
            }
            Operation::Put if rows.is_foreign(*id) => match deed.put(None, &context.actor) {
                Err(problem) => Err(problem),
                Ok(merged) => return Err(foreign::refusal(keeper, context, &deed, merged).await?),
            },
            Operation::Put => put(context, &deed, &mut rows, &facts),
            // Whether there is one is nobody's to know.
            Operation::Delete if offers::are(entity) => Err(Problem::new(Code::NotAllowed, "offers are not deleted")),
            Operation::Delete if rows.builds_on_own(*id, mutation.base) => {
                match on_own(keeper, context, mutation, earlier, &outcomes).await? {
                    OnOwn::Held(first) => {
                        held::with_first(keeper, context, &deed, mutation.op, first, &mut held).await?.unwrap_or(Ok(Outcome::Applied))
                    }
                    OnOwn::Refused(_) | OnOwn::Gone => Ok(Outcome::Applied),
                }
            }
            Operation::Delete => delete(keeper, context, &deed, &mut rows).await?,
        };
        if let Err(problem) = &outcome
            && problem.code == Code::NotAllowed
            && let Some(formerly) = held::instead(keeper, context, &deed, mutation.op, &rows, &mut held).await?
        {
            outcome = formerly;
        }
        let taken = matches!(outcome, Ok(Outcome::Applied | Outcome::Merged | Outcome::Superseded));
        if taken {
            rights_moved |= concerned || concerns(entity, *id, &rows, &context.actor);
        }
        if taken && place + 1 < read.len() && (decides || named || names(entity, *id, &rows, &context.actor)) {
            // The next change of the same table is asked about with the rights that this one leaves.
            store(keeper, context, entity, &mut rows).await?;
            reload(keeper, entity, context.actor.organization_id, &mut rows).await?;
            context.read_rights(keeper).await?;
        }
        match outcome {
            Ok(Outcome::Applied) => {}
            Ok(outcome) => outcomes.push(NumberedOutcome { n: mutation.n, outcome }),
            Err(problem) => outcomes.push(rejected(mutation.n, problem)),
        }
    }
    store(keeper, context, entity, &mut rows).await?;
    held.write(keeper, context).await?;
    if rights_moved {
        // What somebody made a moment ago is theirs for the rest of the push, and what they gave away is not.
        context.read_rights(keeper).await?;
    }
    Ok(outcomes)
}

/// Writes what was merged, and what is held beside it.
async fn store<W: Writing>(keeper: &mut W, context: &Context<'_>, entity: &Entity, rows: &mut Rows) -> Result<(), Failure> {
    grades::complete(keeper, entity, rows, context.received_ms).await?;
    write(keeper, entity, context.actor.organization_id, rows).await?;
    conflicts::keep(keeper, context, entity, rows).await
}

/// Whether rights of the pusher follow from this row because it names them.
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

/// Whether the pusher's own rights may follow from this row.
fn concerns(entity: &Entity, id: RowId, rows: &Rows, actor: &Actor) -> bool {
    let Some(stored) = rows.current(id) else { return false };
    entity.access.iter().any(|rule| match rule {
        AccessRule::User(_) => rule_names(*rule, entity, id, stored, actor),
        AccessRule::Administrators => actor.role == Role::Admin,
        AccessRule::Everybody | AccessRule::Through { .. } => true,
    })
}

/// What became of the change of the same device that has made a row which is not there.
enum OnOwn {
    /// It waits for somebody's decision.
    Held(i64),
    /// It was refused.
    Refused(i64),
    /// Somebody has deleted the row since.
    Gone,
}

async fn on_own<W: Writing>(
    keeper: &mut W,
    context: &Context<'_>,
    mutation: &Mutation,
    earlier: &Earlier<'_>,
    of_set: &[NumberedOutcome],
) -> Result<OnOwn, Failure> {
    let Some(own) = mutation.base.own else { return Err(Failure::broken("a change builds on no other")) };
    let stands = |outcome: &&NumberedOutcome| outcome.n == own;
    let outcome = if own >= earlier.first_n {
        earlier.outcomes.iter().chain(of_set).find(stands).map(|known| known.outcome.clone())
    } else {
        let pushes = keeper.pushes(context.device, own, own).await?;
        pushes.iter().flat_map(|pushed| &pushed.outcomes).find(stands).map(|known| known.outcome.clone())
    };
    // A device names only what it has not heard the end of: what is not in the ledger any more is not what it builds on. What
    // is held it does not hear the end of until somebody decides.
    Ok(match outcome {
        _ if own >= mutation.n => OnOwn::Refused(own),
        Some(Outcome::Held) => OnOwn::Held(own),
        Some(Outcome::Rejected { .. } | Outcome::BlockedBy { .. }) => OnOwn::Refused(own),
        None if held::stays_held(keeper, context.device, own).await? => OnOwn::Held(own),
        _ => OnOwn::Gone,
    })
}

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

/// A change as the rules see it.
fn deed<'a>(context: &Context<'_>, entity: &'static Entity, mutation: &Mutation, id: RowId, fields: &'a Fields) -> Deed<'a> {
    let change = Change {
        device: context.device,
        n: mutation.n,
        user: context.actor.user_id,
        base: mutation.base.given_upto(context.last_stamp),
        at: At(mutation.at).not_after(context.received_ms).0,
        fields,
    };
    Deed { entity, id, change }
}

fn put(context: &Context<'_>, deed: &Deed<'_>, rows: &mut Rows, facts: &Facts) -> Result<Outcome, Problem> {
    let merged = deed.put(rows.current(deed.id), &context.actor)?;
    facts.check(deed, rows.current(deed.id))?;
    let outcome = match merged.verdict {
        Verdict::Applied => Outcome::Applied,
        Verdict::Merged => Outcome::Merged,
        Verdict::Superseded => Outcome::Superseded,
    };
    rows.take(deed.id, merged);
    Ok(outcome)
}

async fn delete<W: Writing>(
    keeper: &mut W,
    context: &Context<'_>,
    deed: &Deed<'_>,
    rows: &mut Rows,
) -> Result<Result<Outcome, Problem>, Failure> {
    // Of another organization's row as of one that is gone.
    let Some(stored) = rows.current(deed.id) else { return Ok(Ok(Outcome::Applied)) };
    if let Err(problem) = deed.delete(stored, &context.actor) {
        return Ok(Err(problem));
    }
    keeper.delete(deed.entity, deed.id).await?;
    rows.forget(deed.id);
    Ok(Ok(Outcome::Applied))
}
