//! Decisions about held changes: accepting one makes it happen with the accepter's rights and in its author's name, refusing
//! one leaves the row as it is. Either way the held change stays as a record.

use serde_json::{Map, Value, json};
use uuid::Uuid;
use waystation_model::access::{Actor, allows};
use waystation_model::merge::{Change, Merged, Stored, Verdict};
use waystation_model::registry::{Entity, entity, normal};
use waystation_model::wire::{Base, Outcome};
use waystation_model::{Code, Problem};

use super::deed::{Deed, Fields};
use super::facts::Facts;
use super::held::{place, stays_held, table};
use super::rows::{Rows, load, write};
use super::sets::Context;
use super::{conflicts, grades};
use crate::authority::Writing;
use crate::failure::Failure;

/// The word of a change that nobody has decided about.
const WAITING: &str = "waiting";
/// The word of one that happens.
pub const ACCEPTED: &str = "accepted";

/// Whether changes of this table are decisions.
pub fn are(of: &Entity) -> bool {
    of.code == table().code
}

/// Whether a decision is one. The same again is none.
///
/// # Errors
/// `already_set` when somebody has decided otherwise.
pub fn is_new(state: &str, said: &str) -> Result<bool, Problem> {
    match state {
        _ if said == state => Ok(false),
        WAITING => Ok(true),
        _ => Err(Problem::new(Code::AlreadySet, "somebody has decided otherwise").field("state")),
    }
}

/// A held change as it is stored.
struct Kept<'a>(&'a [Value]);

impl Kept<'_> {
    fn of(&self, name: &str) -> &Value {
        &self.0[place(name)]
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

/// Takes one decision. The same decision again is none; another one is `already_set`.
pub async fn take<W: Writing>(
    keeper: &mut W,
    context: &mut Context<'_>,
    decision: &Deed<'_>,
    rows: &mut Rows,
) -> Result<Result<Outcome, Problem>, Failure> {
    let Some(stored) = rows.current(decision.id).cloned() else {
        return Ok(Err(Problem::new(Code::NotFound, "no such change is held")));
    };
    let kept = Kept(&stored.values);
    let hears = allows(table().write, table(), &decision.id, &stored.values, &context.actor);
    if !hears || kept.id("author_id")? == context.actor.user_id {
        return Ok(Err(Problem::new(Code::NotAllowed, "somebody else decides about this change")));
    }
    let said = decision.change.fields.iter().find(|(index, _)| *index == place("state")).and_then(|(_, value)| value.as_str());
    let Some(said) = said else { return Ok(Ok(Outcome::Applied)) };
    match is_new(kept.text("state"), said) {
        Ok(true) => {}
        Ok(false) => return Ok(Ok(Outcome::Applied)),
        Err(problem) => return Ok(Err(problem)),
    }
    if said == ACCEPTED
        && let Err(problem) = happen(keeper, context, &kept).await?
    {
        return Ok(Err(problem));
    }
    let mut values = stored.values.clone();
    values[place("state")] = json!(said);
    values[place("decided_by")] = json!(context.actor.user_id.to_string());
    values[place("decided_at")] = json!(context.received_ms);
    let edits = stored.edits.clone();
    rows.take(decision.id, Merged { values, edits, changed: true, verdict: Verdict::Applied, held: Vec::new() });
    Ok(Ok(Outcome::Applied))
}

/// Makes a held change happen: the merge does what it would have done in time.
async fn happen<W: Writing>(keeper: &mut W, context: &Context<'_>, kept: &Kept<'_>) -> Result<Result<(), Problem>, Failure> {
    let Some(entity) = entity(kept.text("entity")) else {
        return Ok(Err(Problem::new(Code::UnknownEntity, "no such table is synced any more")));
    };
    let id = kept.id("row_id")?;
    let mut rows = load(keeper, entity, context.actor.organization_id, &[id]).await?;
    if rows.is_foreign(id) {
        return Ok(Err(Problem::new(Code::NotFound, "the row is not in this organization")));
    }
    let device = kept.id("device_id")?;
    let base: Base = serde_json::from_value(kept.of("base").clone()).map_err(Failure::broken)?;
    let n = kept.number("n");
    let fields = fields_of(entity, kept.of("fields"), rows.current(id), device, n);
    let change = Change { device, n, user: kept.id("author_id")?, base, at: kept.number("at_us"), fields: &fields };
    let deed = Deed { entity, id, change };
    if kept.text("op") == "delete" {
        let Some(stored) = rows.current(id) else {
            // What would be taken back waits itself, so there is nothing to take back yet.
            let waits = match deed.change.base.own.filter(|own| *own < n) {
                Some(own) => stays_held(keeper, device, own).await?,
                None => false,
            };
            return Ok(if waits { Err(Problem::new(Code::Blocked, "what it takes back did not happen")) } else { Ok(()) });
        };
        let may = with_rights(context, &deed, |actor| deed.delete(stored, actor));
        if may.is_ok() {
            keeper.delete(entity, id).await?;
        }
        return Ok(may);
    }
    let facts = Facts::read(keeper, entity, std::iter::once((id, &fields)), &rows).await?;
    let current = rows.current(id);
    match with_rights(context, &deed, |actor| deed.put(current, actor).and_then(|merged| facts.check(&deed, current).map(|()| merged))) {
        // It says only what it changed of a row that an earlier held change makes.
        Err(problem) if problem.code == Code::MissingValue && deed.change.base.own.is_some() => {
            return Ok(Err(Problem::new(Code::Blocked, "the change that it builds on did not happen")));
        }
        Err(problem) => return Ok(Err(problem)),
        Ok(merged) => rows.take(id, merged),
    }
    grades::complete(keeper, entity, &mut rows, context.received_ms).await?;
    write(keeper, entity, context.actor.organization_id, &rows).await?;
    conflicts::keep(keeper, context, entity, &rows).await?;
    Ok(Ok(()))
}

/// Asks with the accepter's rights, for themselves and then on behalf of the author: some rows are written by nobody but the
/// person whom they are about, and then whoever hears the place speaks for what that person did.
fn with_rights<R>(context: &Context<'_>, deed: &Deed<'_>, ask: impl Fn(&Actor) -> Result<R, Problem>) -> Result<R, Problem> {
    match ask(&context.actor) {
        Err(problem) if problem.code == Code::NotAllowed => ask(&Actor { user_id: deed.change.user, ..Actor::clone(&context.actor) }),
        other => other,
    }
}

/// What the change gives. What the same device has said later stands already: a merge counts on a device's own order, and a
/// decision may come in any.
fn fields_of(entity: &Entity, fields: &Value, current: Option<&Stored>, device: Uuid, n: i64) -> Fields {
    let none = Map::new();
    let given = fields.as_object().unwrap_or(&none).iter();
    given
        .filter_map(|(name, value)| {
            let index = entity.column_index(name)?;
            let column = &entity.columns[index];
            let edit = column.tracked_group().and_then(|group| current?.edits.get(group));
            let said_later = edit.is_some_and(|edit| edit.was_said_after(device, n));
            (!said_later).then(|| (index, normal(column, value.clone())))
        })
        .collect()
}
