//! Rows that a laptop still has and this server has lost, because a backup took its place. What people did comes back from
//! their own laptops with their own rights; what nobody sends again is offered by whoever has it, and waits for an
//! administrator. An accepted row is the administrator's own change from then on.

use serde_json::{Value, json};
use uuid::Uuid;
use waystation_model::access::{Actor, Role};
use waystation_model::limits::{OFFERED_BYTES_MAX, OFFERED_ROWS_MAX};
use waystation_model::merge::{Change, Edit, Edits, Merged, Stored, Verdict, read_fields};
use waystation_model::offers;
use waystation_model::registry::{Entity, Merge, entity};
use waystation_model::wire::{Base, Outcome};
use waystation_model::{Code, Problem};

use super::deed::{Deed, Fields};
use super::facts::Facts;
use super::held::{self, Place, name_of};
use super::rows::{Rows, load, write};
use super::sets::Context;
use super::{conflicts, decisions, grades};
use crate::authority::{OfferKey, OfferedState, Writing};
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
        let text = |name: &str| given(name).and_then(Value::as_str).ok_or_else(|| missing(name));
        let id = |name: &str| text(name).and_then(|text| Uuid::parse_str(text).map_err(|_| missing(name)));
        if id("offered_by")? != deed.change.user {
            return Err(Problem::new(Code::NotAllowed, "nobody offers in another's name").field("offered_by"));
        }
        let stamp = text("row_stamp")?.parse().map_err(|_| Problem::new(Code::BadValue, "no stamp").field("row_stamp"))?;
        let said = given("fields").ok_or_else(|| missing("fields"))?;
        let of = offered_table(text("entity")?)?;
        let (id, fields) = (id("row_id")?, fields_in(of, said)?);
        if of.id_of_fields(&fields).is_some_and(|derived| derived != id) {
            return Err(Problem::new(Code::IdMismatch, "the id does not follow from the key").field("row_id"));
        }
        Ok(Offer { of, id, stamp, fields })
    }
}

/// The table of this name, if its rows may be offered.
fn offered_table(name: &str) -> Result<&'static Entity, Problem> {
    let of = entity(name).ok_or_else(|| Problem::new(Code::UnknownEntity, format!("no table {name} is synced")))?;
    if !offers::may_be_offered(of) {
        return Err(Problem::new(Code::NotAllowed, format!("rows of {name} are not offered")));
    }
    Ok(of)
}

/// What may come back of a row: nothing that the server fills, and no sum, to which its author adds again.
fn fields_in(of: &Entity, said: &Value) -> Result<Fields, Problem> {
    let said = said.as_object().ok_or_else(|| Problem::new(Code::BadValue, "columns and values").field("fields"))?;
    let (columns, values): (Vec<String>, Vec<Value>) = said.iter().map(|(column, value)| (column.clone(), value.clone())).unzip();
    let mut fields = read_fields(of, &columns, &values)?;
    fields.retain(|(index, _)| offers::is_offered(&of.columns[*index]));
    Ok(fields)
}

/// Keeps what the server does not have. What it has, or has never lost, is no offer, nor is what is about somebody who is gone,
/// what the person who offers has never heard of, or what they could not have written: none of these is told from the others.
async fn offer<W: Writing>(
    keeper: &mut W,
    context: &mut Context<'_>,
    deed: &Deed<'_>,
    rows: &mut Rows,
) -> Result<Result<Outcome, Problem>, Failure> {
    const NOTHING: Result<Outcome, Problem> = Ok(Outcome::Applied);
    let Offer { of, id, stamp, mut fields } = match Offer::read(deed) {
        Ok(offer) => offer,
        Err(problem) => return Ok(Err(problem)),
    };
    if rows.is_foreign(deed.id) {
        return Ok(Err(Problem::new(Code::NotFound, "the offer is not in this organization")));
    }
    let known = rows.current(deed.id);
    if known.is_some_and(|known| stamp_in(&known.values, "row_stamp").is_some_and(|before| before >= stamp)) {
        return Ok(NOTHING);
    }
    let is_first = known.is_none();
    let (count, bytes) = match context.holding.offered {
        Some(already) => already,
        None => keeper.offers(context.actor.user_id).await?,
    };
    let more = deed.change.fields.iter().map(|(_, value)| value.to_string().len()).sum::<usize>();
    if (is_first && count >= OFFERED_ROWS_MAX) || bytes + more > OFFERED_BYTES_MAX {
        return Ok(Err(Problem::new(Code::TooManyHeld, "as many rows as one person may offer wait for a decision")));
    }
    context.holding.offered = Some((count + usize::from(is_first), bytes + more));
    let key = OfferKey { entity: of.name, row_id: id, row_stamp: stamp };
    if !keeper.is_of_lost_life(stamp).await? || names_another_row(keeper, context, rows, &key).await? {
        return Ok(NOTHING);
    }
    let there = load(keeper, of, context.actor.organization_id, &[id]).await?;
    let current = there.current(id);
    let mut whole = current.map_or_else(|| of.empty_values(), |current| current.values.clone());
    let organization = context.actor.organization_id;
    let lives_in = match current {
        Some(_) => of.scopes_of(&id, &organization, &whole),
        None => {
            lay(&mut whole, &fields);
            published_or_not(of, id, organization, &whole)
        }
    };
    if there.is_foreign(id) || !held::has_heard(keeper, context, &lives_in).await? {
        return Ok(NOTHING);
    }
    if let Some(current) = current {
        fields.retain(|(index, value)| current.values[*index] != *value && is_changeable(of, *index));
    }
    let stands = current.map(|current| current.values.as_slice());
    let fields = of_writer(keeper, context, (of, id, stands), &fields, changed_us(deed)).await?;
    let mut whole = stands.map_or_else(|| of.empty_values(), <[Value]>::to_vec);
    lay(&mut whole, &fields);
    let person_id = Place::of(of, id, &whole).person_id;
    let person_name = match person_id {
        Some(person) => name_of(keeper, context, person).await?,
        None => None,
    };
    if fields.is_empty() || (person_id.is_some() && person_name.is_none()) {
        return Ok(NOTHING);
    }
    let said = Value::Object(fields.iter().map(|(index, value)| (of.columns[*index].name.to_owned(), value.clone())).collect());
    // Many laptops had the same row. What was decided about it is decided for all of them, and who decides sees whether more
    // than one person says so.
    let same = |offered: &OfferedState| offered.row_stamp.parse() == Ok(stamp) && offered.fields == said;
    if let Some(offered) = keeper.offers_of(of, id).await?.into_iter().find(same) {
        // This push may be deciding about it: then nobody asks for more.
        if offered.id != deed.id && rows.current(offered.id).is_none() {
            keeper.second_offer(offered.id, context.actor.user_id).await?;
        }
        return Ok(NOTHING);
    }
    let name = name_of(keeper, context, context.actor.user_id).await?;
    let mut values = table().empty_values();
    lay(&mut values, deed.change.fields);
    let text = |id: Option<Uuid>| id.map_or(Value::Null, |id| json!(id.to_string()));
    for (name, value) in [
        ("fields", said),
        ("base_stamp", json!(current.and_then(|current| current.stamp).map(|stamp| stamp.to_string()))),
        ("offered_by_name", json!(name)),
        ("person_id", text(person_id)),
        ("person_name", json!(person_name)),
    ] {
        values[place(name)] = value;
    }
    let Change { at, device, n, user, .. } = deed.change;
    let edit = Edit { device: Some(device), n, user: Some(user), ..Edit::of_sql(at) };
    let edits = Edits::from([("offer".to_owned(), edit)]);
    rows.take(deed.id, Merged { values, edits, changed: true, verdict: Verdict::Applied, held: Vec::new() });
    Ok(NOTHING)
}

/// When the row was last changed, as the laptop says, in microseconds.
fn changed_us(deed: &Deed<'_>) -> i64 {
    let changed = deed.change.fields.iter().find(|(index, _)| *index == place("changed_at")).and_then(|(_, value)| value.as_i64());
    changed.map_or(deed.change.at, |ms| ms.saturating_mul(1000).min(deed.change.at))
}

/// Whether this person offers another row under the same stamp. No two rows ever had one stamp, so one of the two is made up.
/// What others offer under it does not count, or anybody could keep a true offer away with a false one.
async fn names_another_row<W: Writing>(keeper: &mut W, context: &Context<'_>, rows: &Rows, key: &OfferKey) -> Result<bool, Failure> {
    let is_other = |values: &[Value]| {
        let is_same = values[place("entity")] == key.entity && values[place("row_id")] == json!(key.row_id.to_string());
        stamp_in(values, "row_stamp") == Some(key.row_stamp) && !is_same
    };
    if rows.any(|stored| stored.values[place("offered_by")] == json!(context.actor.user_id.to_string()) && is_other(&stored.values)) {
        return Ok(true);
    }
    keeper.offers_under(context.actor.user_id, key).await
}

/// Of what is offered of a row, what this person may write, or might as long as they had the rights that are remembered: as
/// with held changes, an administrator decides.
async fn of_writer<W: Writing>(
    keeper: &mut W,
    context: &mut Context<'_>,
    (of, id, stands): (&'static Entity, Uuid, Option<&[Value]>),
    fields: &[(usize, Value)],
    at_us: i64,
) -> Result<Fields, Failure> {
    let kept = offers::of_writer(of, &id, stands, fields, &context.actor);
    if !kept.is_empty() || fields.is_empty() {
        return Ok(kept);
    }
    let formerly = held::formerly(keeper, context, at_us).await?;
    let kept = formerly.iter().map(|actor| offers::of_writer(of, &id, stands, fields, actor)).find(|kept| !kept.is_empty());
    Ok(kept.unwrap_or_default())
}

/// The scopes of a row that is not there: whether it is published only the server says, when it makes it.
fn published_or_not(of: &Entity, id: Uuid, organization: Uuid, values: &[Value]) -> Vec<String> {
    let mut scopes = of.scopes_of(&id, &organization, values);
    if let Some(index) = of.column_index("published") {
        let mut other = values.to_vec();
        other[index] = json!(values[index] != json!(true));
        scopes.extend(of.scopes_of(&id, &organization, &other));
    }
    scopes
}

fn lay(values: &mut [Value], fields: &[(usize, Value)]) {
    for (index, value) in fields {
        values[*index] = value.clone();
    }
}

/// Whether a row that is there may still get another value of the column.
fn is_changeable(of: &Entity, index: usize) -> bool {
    !matches!(of.columns[index].merge, Merge::Key | Merge::Carried)
}

/// Whether who decides has looked at this state of the row. That others second it meanwhile makes it no other.
fn saw_offer(stored: &Stored, base: Base) -> bool {
    let offered_at = stored.edits.get("offer").map_or(i64::MAX, |edit| edit.stamp);
    stored.stamp.is_none() || base.stamp.is_some_and(|base| offered_at <= base)
}

async fn decide<W: Writing>(
    keeper: &mut W,
    context: &mut Context<'_>,
    decision: &Deed<'_>,
    said: &str,
    rows: &mut Rows,
) -> Result<Result<Outcome, Problem>, Failure> {
    // Asked first: whoever may not decide learns nothing of what is offered.
    if context.actor.role != Role::Admin {
        return Ok(Err(Problem::new(Code::NotAllowed, "an administrator decides about this row")));
    }
    let Some(stored) = rows.current(decision.id).cloned() else {
        return Ok(Err(Problem::new(Code::NotFound, "no such row is offered")));
    };
    match decisions::is_new(stored.values[place("state")].as_str().unwrap_or_default(), said) {
        Ok(true) => {}
        Ok(false) => return Ok(Ok(Outcome::Applied)),
        Err(problem) => return Ok(Err(problem)),
    }
    // A later state of the row may have taken the place of the one that was decided about.
    if !saw_offer(&stored, decision.change.base) {
        return Ok(Err(Problem::new(Code::ChangedMeanwhile, "another state of the row is offered by now").field("fields")));
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

/// Makes an offered row what it was, in the administrator's name and at its own time, on what the server had when it was
/// offered: what somebody has said later stands.
async fn happen<W: Writing>(
    keeper: &mut W,
    context: &Context<'_>,
    decision: &Deed<'_>,
    offered: &[Value],
) -> Result<Result<(), Problem>, Failure> {
    let text = |name: &str| offered[place(name)].as_str().unwrap_or_default();
    let (of, mut fields) = match offered_table(text("entity")).and_then(|of| Ok((of, fields_in(of, &offered[place("fields")])?))) {
        Ok(read) => read,
        Err(problem) => return Ok(Err(problem)),
    };
    let id = Uuid::parse_str(text("row_id")).map_err(Failure::broken)?;
    let mut rows = load(keeper, of, context.actor.organization_id, &[id]).await?;
    if rows.is_foreign(id) {
        return Ok(Err(Problem::new(Code::NotFound, "there is no such row in this organization")));
    }
    let changed_us = offered[place("changed_at")].as_i64().map_or(i64::MAX, |ms| ms.max(0).saturating_mul(1000));
    let at = changed_us.min(decision.change.at);
    // An offer names what differs: without a reset number it belongs to the one that stands.
    if let Some(index) = of.columns.iter().position(|column| column.merge == Merge::Reset)
        && let Some(current) = rows.current(id)
        && !fields.iter().any(|(given, _)| *given == index)
    {
        fields.push((index, current.values[index].clone()));
    }
    // Nobody had seen what was said since the restore when the row was lost, though it stood when the row was offered.
    let is_later = |(index, _): &(usize, Value)| {
        let column = &of.columns[*index];
        let group = column.tracked_group().filter(|_| column.merge != Merge::Ask);
        group.and_then(|group| rows.current(id)?.edits.get(group)).is_some_and(|edit| edit.says() && edit.at > at)
    };
    let seen = if fields.iter().any(is_later) { None } else { stamp_in(offered, "base_stamp") };
    let base = Base { stamp: seen, own: None };
    // It was nobody's device: the administrator's own words are to it as everybody else's.
    let change = Change { device: decision.id, n: 0, user: context.actor.user_id, base, at, fields: &fields };
    let deed = Deed { entity: of, id, change };
    let facts = Facts::read(keeper, of, std::iter::once((id, &fields)), &rows).await?;
    let stands = in_the_name_of_the_place(context, &deed, &rows);
    match stands.and_then(|merged| facts.check(&deed, rows.current(id)).map(|()| merged)) {
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
    lay(&mut values, deed.change.fields);
    let mut actor = Actor::clone(&context.actor);
    actor.scopes.extend(published_or_not(deed.entity, deed.id, actor.organization_id, &values));
    match deed.put(current, &actor) {
        Err(problem) if problem.code == Code::NotAllowed => match Place::of(deed.entity, deed.id, &values).person_id {
            Some(person) => deed.put(current, &Actor { user_id: person, ..actor }),
            None => Err(problem),
        },
        other => other,
    }
}
