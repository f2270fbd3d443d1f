//! Decisions about held changes: accepting one applies it with the decider's rights and in its author's name, refusing one leaves
//! the row as it is. Either way the held change stays as a record.

use serde_json::{Map, Value, json};
use uuid::Uuid;
use waystation_model::access::{Actor, allows};
use waystation_model::merge::{Change, Merged, Stored, Verdict};
use waystation_model::registry::{Entity, entity, normal};
use waystation_model::wire::{Base, Outcome};
use waystation_model::{Code, Problem};

use super::change::{Fields, RowChange};
use super::facts::Facts;
use super::held::{column_index, is_held, table};
use super::rows::{Rows, load, write};
use super::sets::Context;
use super::{conflicts, grades};
use crate::authority::Writing;
use crate::failure::Failure;

/// State of a held change that is not decided.
const WAITING: &str = "waiting";
/// State of a held change that was accepted.
pub const ACCEPTED: &str = "accepted";

/// Whether mutations of this table are decisions.
pub fn applies_to(of: &Entity) -> bool {
    of.code == table().code
}

/// Whether a decision changes the state. Repeating the same decision does not.
///
/// # Errors
/// `already_set` when the opposite was decided.
pub fn is_new(state: &str, decided: &str) -> Result<bool, Problem> {
    match state {
        _ if decided == state => Ok(false),
        WAITING => Ok(true),
        _ => Err(Problem::new(Code::AlreadySet, "somebody has decided otherwise").field("state")),
    }
}

/// A held change as it is stored.
struct Kept<'a>(&'a [Value]);

impl Kept<'_> {
    fn of(&self, name: &str) -> &Value {
        &self.0[column_index(name)]
    }

    fn text(&self, name: &str) -> &str {
        self.of(name).as_str().unwrap_or_default()
    }

    fn id(&self, name: &str) -> Result<Uuid, Failure> {
        Uuid::parse_str(self.text(name)).map_err(Failure::broken)
    }

    fn number(&self, name: &str) -> i64 {
        self.of(name).as_i64().unwrap_or_default()
    }
}

/// Applies one decision. Repeating the same decision changes nothing; another one is `already_set`.
pub async fn take<W: Writing>(
    transaction: &mut W,
    context: &mut Context<'_>,
    decision: &RowChange<'_>,
    rows: &mut Rows,
) -> Result<Result<Outcome, Problem>, Failure> {
    let Some(stored) = rows.current(decision.id).cloned() else {
        return Ok(Err(Problem::new(Code::NotFound, "no such change is held")));
    };
    let kept = Kept(&stored.values);
    let is_subscribed = allows(table().write, table(), &decision.id, &stored.values, &context.actor);
    if !is_subscribed || kept.id("author_id")? == context.actor.user_id {
        return Ok(Err(Problem::new(Code::NotAllowed, "somebody else decides about this change")));
    }
    let decided = decision.change.fields.iter().find(|(index, _)| *index == column_index("state")).and_then(|(_, value)| value.as_str());
    let Some(decided) = decided else { return Ok(Ok(Outcome::Applied)) };
    match is_new(kept.text("state"), decided) {
        Ok(true) => {}
        Ok(false) => return Ok(Ok(Outcome::Applied)),
        Err(problem) => return Ok(Err(problem)),
    }
    if decided == ACCEPTED
        && let Err(problem) = apply_held_change(transaction, context, &kept).await?
    {
        return Ok(Err(problem));
    }
    let mut values = stored.values.clone();
    values[column_index("state")] = json!(decided);
    values[column_index("decided_by")] = json!(context.actor.user_id.to_string());
    values[column_index("decided_at")] = json!(context.received_ms);
    let edits = stored.edits.clone();
    rows.take(decision.id, Merged { values, edits, changed: true, verdict: Verdict::Applied, conflict_steps: Vec::new() });
    Ok(Ok(Outcome::Applied))
}

/// Applies a held change: it merges as it would have done when it was made.
async fn apply_held_change<W: Writing>(
    transaction: &mut W,
    context: &Context<'_>,
    kept: &Kept<'_>,
) -> Result<Result<(), Problem>, Failure> {
    let Some(entity) = entity(kept.text("entity")) else {
        return Ok(Err(Problem::new(Code::UnknownEntity, "no such table is synced any more")));
    };
    let id = kept.id("row_id")?;
    let mut rows = load(transaction, entity, context.actor.organization_id, &[id]).await?;
    rows.find_elsewhere(transaction, entity, &[id]).await?;
    if rows.is_foreign(id) {
        return Ok(Err(Problem::new(Code::NotFound, "the row is not in this organization")));
    }
    let device = kept.id("device_id")?;
    let base: Base = serde_json::from_value(kept.of("base").clone()).map_err(Failure::broken)?;
    let n = kept.number("n");
    let fields = fields_of(entity, kept.of("fields"), rows.current(id), device, n);
    let change = Change { device, n, user: kept.id("author_id")?, base, at: kept.number("at_us"), fields: &fields };
    let row_change = RowChange { entity, id, change };
    if kept.text("op") == "delete" {
        let Some(stored) = rows.current(id) else {
            // The change that creates the row may be held too: then there is nothing to delete yet.
            let waits = match row_change.change.base.own.filter(|own| *own < n) {
                Some(own) => is_held(transaction, device, own).await?,
                None => false,
            };
            return Ok(if waits { Err(Problem::new(Code::Blocked, "what it takes back did not happen")) } else { Ok(()) });
        };
        let may = with_rights(context, &row_change, |actor| row_change.delete(stored, actor));
        if may.is_ok() {
            transaction.delete(entity, id).await?;
        }
        return Ok(may);
    }
    let facts = Facts::read(transaction, entity, std::iter::once((id, &fields)), &rows).await?;
    let current = rows.current(id);
    match with_rights(context, &row_change, |actor| {
        row_change.put(current, actor).and_then(|merged| facts.check(&row_change, current).map(|()| merged))
    }) {
        // It sets only some columns of a row that an earlier held change creates.
        Err(problem) if problem.code == Code::MissingValue && row_change.change.base.own.is_some() => {
            return Ok(Err(Problem::new(Code::Blocked, "the change that it builds on did not happen")));
        }
        Err(problem) => return Ok(Err(problem)),
        Ok(merged) => rows.take(id, merged),
    }
    grades::complete(transaction, entity, &mut rows, context.received_ms).await?;
    write(transaction, entity, context.actor.organization_id, &rows).await?;
    conflicts::keep(transaction, context, entity, &rows).await?;
    Ok(Ok(()))
}

/// Runs `ask` with the decider's rights, first as the decider and then as the author: some rows may be written only by the person
/// they are about, and then the decider's subscription counts.
fn with_rights<R>(context: &Context<'_>, row_change: &RowChange<'_>, ask: impl Fn(&Actor) -> Result<R, Problem>) -> Result<R, Problem> {
    match ask(&context.actor) {
        Err(problem) if problem.code == Code::NotAllowed => ask(&Actor { user_id: row_change.change.user, ..Actor::clone(&context.actor) }),
        other => other,
    }
}

/// The fields of the change, without those that the same device has written later: the merge assumes that a device's changes arrive
/// in order, and decisions may come in any order.
fn fields_of(entity: &Entity, fields: &Value, current: Option<&Stored>, device: Uuid, n: i64) -> Fields {
    let none = Map::new();
    let given = fields.as_object().unwrap_or(&none).iter();
    given
        .filter_map(|(name, value)| {
            let index = entity.column_index(name)?;
            let column = &entity.columns[index];
            let edit = column.tracked_group().and_then(|group| current?.edits.get(group));
            let written_later = edit.is_some_and(|edit| edit.was_written_after(device, n));
            (!written_later).then(|| (index, normal(column, value.clone())))
        })
        .collect()
}
