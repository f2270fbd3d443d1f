//! Rows that a laptop still has and this server has lost, because a backup took its place. What people did comes back from
//! their own laptops with their own rights; what nobody sends again is offered by whoever has it, and waits for an
//! administrator. An accepted row is the administrator's own change from then on.

use serde_json::{Value, json};
use uuid::Uuid;
use waystation_model::access::{Actor, Role};
use waystation_model::limits::OFFERED_ROWS_MAX;
use waystation_model::merge::{Change, Edit, Edits, Merged, Verdict, read_fields};
use waystation_model::registry::{Entity, Merge, entity, normal};
use waystation_model::wire::{Base, Outcome};
use waystation_model::{Code, Problem};

use super::deed::{Deed, Fields};
use super::held::{NEVER_HELD, Place, name_of};
use super::rows::{Rows, load, write};
use super::sets::Context;
use super::{conflicts, decisions, grades};
use crate::authority::Writing;
use crate::failure::Failure;

/// The table of offered rows.
fn table() -> &'static Entity {
    entity("offered_rows").expect("a registered table")
}

/// Whether changes of this table are offers, or decisions about them.
pub fn are(of: &Entity) -> bool {
    of.code == table().code
}

fn place(name: &str) -> usize {
    table().column_index(name).expect("a column of the table")
}

fn stamp_in(values: &[Value], name: &str) -> Option<i64> {
    values[place(name)].as_str().and_then(|digits| digits.parse().ok())
}

/// Takes one offer, or one decision.
pub async fn take<W: Writing>(
    keeper: &mut W,
    context: &mut Context<'_>,
    deed: &Deed<'_>,
    rows: &mut Rows,
) -> Result<Result<Outcome, Problem>, Failure> {
    let said = deed.change.fields.iter().find(|(index, _)| *index == place("state"));
    match said.map(|(_, value)| value.as_str().unwrap_or_default()) {
        Some(said) => decide(keeper, context, deed, said, rows).await,
        None => offer(keeper, context, deed, rows).await,
    }
}

/// An offer as it was sent.
struct Offer {
    of: &'static Entity,
    id: Uuid,
    stamp: i64,
    fields: Fields,
}

impl Offer {
    fn read(deed: &Deed<'_>) -> Result<Offer, Problem> {
        let given = |name: &str| deed.change.fields.iter().find(|(index, _)| *index == place(name)).map(|(_, value)| value);
        let missing = |name: &str| Problem::new(Code::MissingValue, format!("an offer needs {name}")).field(name);
        let name = given("entity").and_then(Value::as_str).ok_or_else(|| missing("entity"))?;
        let id = given("row_id").and_then(Value::as_str).and_then(|text| Uuid::parse_str(text).ok()).ok_or_else(|| missing("row_id"))?;
        let stamp = given("row_stamp").and_then(Value::as_str).ok_or_else(|| missing("row_stamp"))?;
        let stamp = stamp.parse().map_err(|_| Problem::new(Code::BadValue, "no stamp").field("row_stamp"))?;
        let said = given("fields").and_then(Value::as_object).ok_or_else(|| missing("fields"))?;
        let of = entity(name).ok_or_else(|| Problem::new(Code::UnknownEntity, format!("no table {name} is synced")))?;
        if NEVER_HELD.contains(&of.name) || are(of) {
            return Err(Problem::new(Code::NotAllowed, format!("rows of {name} are made by the server alone")));
        }
        let (columns, values): (Vec<String>, Vec<Value>) = said.iter().map(|(column, value)| (column.clone(), value.clone())).unzip();
        let mut fields = read_fields(of, &columns, &values)?;
        if of.id_of_fields(&fields).is_some_and(|derived| derived != id) {
            return Err(Problem::new(Code::IdMismatch, "the id does not follow from the key").field("row_id"));
        }
        // Whoever added something to a sum adds it again.
        fields.retain(|(index, _)| of.columns[*index].merge != Merge::Sum);
        Ok(Offer { of, id, stamp, fields })
    }
}

/// Keeps what the server does not have. What it has, or has never lost, is no offer.
async fn offer<W: Writing>(
    keeper: &mut W,
    context: &mut Context<'_>,
    deed: &Deed<'_>,
    rows: &mut Rows,
) -> Result<Result<Outcome, Problem>, Failure> {
    let Offer { of, id, stamp, mut fields } = match Offer::read(deed) {
        Ok(offer) => offer,
        Err(problem) => return Ok(Err(problem)),
    };
    let known = rows.current(deed.id).cloned();
    let is_newer = known.as_ref().is_none_or(|known| stamp_in(&known.values, "row_stamp").is_none_or(|before| before < stamp));
    if !is_newer || rows.is_foreign(deed.id) || !keeper.is_of_lost_life(stamp).await? {
        return Ok(Ok(Outcome::Applied));
    }
    let there = load(keeper, of, context.actor.organization_id, &[id]).await?;
    if there.is_foreign(id) {
        return Ok(Err(Problem::new(Code::NotFound, "the row is not in this organization")));
    }
    let current = there.current(id);
    match current {
        Some(current) => fields.retain(|(index, value)| current.values[*index] != *value && is_changeable(of, *index)),
        // An account that is gone may have been erased: only whoever makes accounts makes one again.
        None if of.name == "users" => fields.clear(),
        None => {}
    }
    if fields.is_empty() {
        return Ok(Ok(Outcome::Applied));
    }
    let already = match context.holding.offered {
        Some(count) => count,
        None => keeper.waiting_offers(context.actor.user_id).await?,
    };
    if already >= OFFERED_ROWS_MAX {
        return Ok(Err(Problem::new(Code::TooManyHeld, format!("{already} rows that this person offered wait for a decision"))));
    }
    context.holding.offered = Some(already + 1);
    let mut whole = current.map_or_else(|| of.empty_values(), |current| current.values.clone());
    for (index, value) in &fields {
        whole[*index] = value.clone();
    }
    let person_name = match Place::of(of, id, &whole).person_id {
        Some(person) => name_of(keeper, context, person).await?,
        None => None,
    };
    let offered_by = context.actor.user_id;
    let name = name_of(keeper, context, offered_by).await?;
    let mut values = table().empty_values();
    for (index, value) in deed.change.fields {
        values[*index] = value.clone();
    }
    let said: serde_json::Map<String, Value> =
        fields.iter().map(|(index, value)| (of.columns[*index].name.to_owned(), value.clone())).collect();
    for (name, value) in [
        ("fields", Value::Object(said)),
        ("base_stamp", json!(current.and_then(|current| current.stamp).map(|stamp| stamp.to_string()))),
        ("offered_by", json!(offered_by.to_string())),
        ("offered_by_name", json!(name)),
        ("person_name", json!(person_name)),
    ] {
        values[place(name)] = value;
    }
    let Change { at, device, n, user, .. } = deed.change;
    let edit = Edit { stamp: 0, at, device: Some(device), n, user: Some(user), seconded: 0 };
    let edits = Edits::from([("offer".to_owned(), edit)]);
    rows.take(deed.id, Merged { values, edits, changed: true, verdict: Verdict::Applied, held: Vec::new() });
    Ok(Ok(Outcome::Applied))
}

/// Whether a row that is there may still get another value of the column.
fn is_changeable(of: &Entity, index: usize) -> bool {
    !matches!(of.columns[index].merge, Merge::Key | Merge::Carried)
}

async fn decide<W: Writing>(
    keeper: &mut W,
    context: &mut Context<'_>,
    decision: &Deed<'_>,
    said: &str,
    rows: &mut Rows,
) -> Result<Result<Outcome, Problem>, Failure> {
    let Some(stored) = rows.current(decision.id).cloned() else {
        return Ok(Err(Problem::new(Code::NotFound, "no such row is offered")));
    };
    if context.actor.role != Role::Admin {
        return Ok(Err(Problem::new(Code::NotAllowed, "an administrator decides about this row")));
    }
    match decisions::is_new(stored.values[place("state")].as_str().unwrap_or_default(), said) {
        Ok(true) => {}
        Ok(false) => return Ok(Ok(Outcome::Applied)),
        Err(problem) => return Ok(Err(problem)),
    }
    if said == decisions::ACCEPTED
        && let Err(problem) = happen(keeper, context, decision, &stored.values).await?
    {
        return Ok(Err(problem));
    }
    let mut values = stored.values;
    values[place("state")] = json!(said);
    values[place("decided_by")] = json!(context.actor.user_id.to_string());
    values[place("decided_at")] = json!(context.received_ms);
    rows.take(decision.id, Merged { values, edits: stored.edits, changed: true, verdict: Verdict::Applied, held: Vec::new() });
    Ok(Ok(Outcome::Applied))
}

/// Makes an offered row what it was, as a change of the administrator's made on what the server had when it was offered.
async fn happen<W: Writing>(
    keeper: &mut W,
    context: &Context<'_>,
    decision: &Deed<'_>,
    offered: &[Value],
) -> Result<Result<(), Problem>, Failure> {
    let text = |name: &str| offered[place(name)].as_str().unwrap_or_default();
    let Some(of) = entity(text("entity")) else {
        return Ok(Err(Problem::new(Code::UnknownEntity, "no such table is synced any more")));
    };
    let id = Uuid::parse_str(text("row_id")).map_err(Failure::broken)?;
    let mut rows = load(keeper, of, context.actor.organization_id, &[id]).await?;
    if rows.is_foreign(id) {
        return Ok(Err(Problem::new(Code::NotFound, "the row is not in this organization")));
    }
    let fields: Fields = offered[place("fields")]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| of.column_index(name).map(|index| (index, normal(&of.columns[index], value.clone()))))
        .collect();
    let base = Base { stamp: stamp_in(offered, "base_stamp"), own: None };
    let change = Change { user: context.actor.user_id, base, fields: &fields, ..decision.change.clone() };
    let deed = Deed { entity: of, id, change };
    match in_the_name_of_the_place(context, &deed, &rows) {
        Err(problem) => return Ok(Err(problem)),
        Ok(merged) => rows.take(id, merged),
    }
    grades::complete(keeper, of, &mut rows, context.received_ms).await?;
    write(keeper, of, context.actor.organization_id, &rows).await?;
    conflicts::keep(keeper, context, of, &rows).await?;
    Ok(Ok(()))
}

/// An administrator speaks here for everybody who hears the row, and then for the person whom it is about: some rows are
/// written by nobody else.
fn in_the_name_of_the_place(context: &Context<'_>, deed: &Deed<'_>, rows: &Rows) -> Result<Merged, Problem> {
    let current = rows.current(deed.id);
    let mut values = current.map_or_else(|| deed.entity.empty_values(), |stored| stored.values.clone());
    for (index, value) in deed.change.fields {
        values[*index] = value.clone();
    }
    let mut actor = Actor::clone(&context.actor);
    actor.scopes.extend(deed.entity.scopes_of(&deed.id, &actor.organization_id, &values));
    match deed.put(current, &actor) {
        Err(problem) if problem.code == Code::NotAllowed => match Place::of(deed.entity, deed.id, &values).person_id {
            Some(person) => deed.put(current, &Actor { user_id: person, ..actor }),
            None => Err(problem),
        },
        other => other,
    }
}
