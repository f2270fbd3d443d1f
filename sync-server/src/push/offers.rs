//! Offered rows: rows that laptops still have and this server has lost by going back to a backup. People's own changes come back
//! from their own laptops, with their own rights; what no laptop sends again is offered by users who have the row, and an
//! administrator decides. An accepted row becomes the administrator's change.

use serde_json::{Value, json};
use uuid::Uuid;
use waystation_model::access::{Actor, Role};
use waystation_model::limits::{OFFERED_BYTES_MAX, OFFERED_ROWS_MAX};
use waystation_model::merge::{Change, Edit, Edits, Merged, Stored, Verdict, read_fields};
use waystation_model::offers;
use waystation_model::registry::{Entity, Merge, entity};
use waystation_model::wire::{Base, Outcome};
use waystation_model::{Code, Problem};

use super::change::{Fields, RowChange};
use super::facts::Facts;
use super::held::{self, RowScope, name_of};
use super::rows::{Rows, load, write};
use super::sets::Context;
use super::{conflicts, decisions, grades};
use crate::authority::{OfferKey, OfferedState, Writing};
use crate::failure::Failure;

/// The table of offered rows.
fn table() -> &'static Entity {
    entity("offered_rows").expect("a registered table")
}

/// Whether mutations of this table are offers, or decisions about them.
pub fn applies_to(of: &Entity) -> bool {
    of.code == table().code
}

fn column_index(name: &str) -> usize {
    table().column_index(name).expect("a column of the table")
}

fn stamp_in(values: &[Value], name: &str) -> Option<i64> {
    values[column_index(name)].as_str().and_then(|digits| digits.parse().ok())
}

/// Applies one offer, or one decision.
pub async fn take<W: Writing>(
    transaction: &mut W,
    context: &mut Context<'_>,
    row_change: &RowChange<'_>,
    rows: &mut Rows,
) -> Result<Result<Outcome, Problem>, Failure> {
    let decided = row_change.change.fields.iter().find(|(index, _)| *index == column_index("state"));
    match decided.map(|(_, value)| value.as_str().unwrap_or_default()) {
        Some(decided) => decide(transaction, context, row_change, decided, rows).await,
        None => offer(transaction, context, row_change, rows).await,
    }
}

/// A parsed offer.
struct Offer {
    of: &'static Entity,
    id: Uuid,
    stamp: i64,
    fields: Fields,
}

impl Offer {
    fn read(row_change: &RowChange<'_>) -> Result<Offer, Problem> {
        let given = |name: &str| row_change.change.fields.iter().find(|(index, _)| *index == column_index(name)).map(|(_, value)| value);
        let missing = |name: &str| Problem::new(Code::MissingValue, format!("an offer needs {name}")).field(name);
        let text = |name: &str| given(name).and_then(Value::as_str).ok_or_else(|| missing(name));
        let id = |name: &str| text(name).and_then(|text| Uuid::parse_str(text).map_err(|_| missing(name)));
        if id("offered_by")? != row_change.change.user {
            return Err(Problem::new(Code::NotAllowed, "nobody offers in another's name").field("offered_by"));
        }
        let stamp = text("row_stamp")?.parse().map_err(|_| Problem::new(Code::BadValue, "no stamp").field("row_stamp"))?;
        let offered_fields = given("fields").ok_or_else(|| missing("fields"))?;
        let of = offered_table(text("entity")?)?;
        let (id, fields) = (id("row_id")?, fields_in(of, offered_fields)?);
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

/// The columns of a row that may be offered: none that the server fills, and no sum, because its author's own changes add to it
/// again.
fn fields_in(of: &Entity, offered_fields: &Value) -> Result<Fields, Problem> {
    let offered_fields = offered_fields.as_object().ok_or_else(|| Problem::new(Code::BadValue, "columns and values").field("fields"))?;
    let (columns, values): (Vec<String>, Vec<Value>) = offered_fields.iter().map(|(column, value)| (column.clone(), value.clone())).unzip();
    let mut fields = read_fields(of, &columns, &values)?;
    fields.retain(|(index, _)| offers::is_offered(&of.columns[*index]));
    Ok(fields)
}

/// Stores an offer if the server has lost the row. Not stored, with the same answer in all cases: rows that the server has or has
/// never lost, rows about a person who no longer exists, rows to which the offerer never subscribed, and columns that the offerer
/// could not have written.
async fn offer<W: Writing>(
    transaction: &mut W,
    context: &mut Context<'_>,
    row_change: &RowChange<'_>,
    rows: &mut Rows,
) -> Result<Result<Outcome, Problem>, Failure> {
    const NOT_KEPT: Result<Outcome, Problem> = Ok(Outcome::Applied);
    let Offer { of, id, stamp, mut fields } = match Offer::read(row_change) {
        Ok(offer) => offer,
        Err(problem) => return Ok(Err(problem)),
    };
    if rows.is_foreign(row_change.id) {
        return Ok(Err(Problem::new(Code::NotFound, "the offer is not in this organization")));
    }
    let known = rows.current(row_change.id);
    if known.is_some_and(|known| stamp_in(&known.values, "row_stamp").is_some_and(|before| before >= stamp)) {
        return Ok(NOT_KEPT);
    }
    let is_first = known.is_none();
    let (count, bytes) = match context.history.offered {
        Some(already) => already,
        None => transaction.offers(context.actor.user_id).await?,
    };
    let more = row_change.change.fields.iter().map(|(_, value)| value.to_string().len()).sum::<usize>();
    if (is_first && count >= OFFERED_ROWS_MAX) || bytes + more > OFFERED_BYTES_MAX {
        return Ok(Err(Problem::new(Code::TooManyHeld, "as many rows as one person may offer wait for a decision")));
    }
    context.history.offered = Some((count + usize::from(is_first), bytes + more));
    let key = OfferKey { entity: of.name, row_id: id, row_stamp: stamp };
    if !transaction.is_of_lost_epoch(stamp).await? || names_another_row(transaction, context, rows, &key).await? {
        return Ok(NOT_KEPT);
    }
    let mut there = load(transaction, of, context.actor.organization_id, &[id]).await?;
    there.find_elsewhere(transaction, of, &[id]).await?;
    let current = there.current(id);
    let mut whole = current.map_or_else(|| of.empty_values(), |current| current.values.clone());
    let organization = context.actor.organization_id;
    let scopes = match current {
        Some(_) => of.scopes_of(&id, &organization, &whole),
        None => {
            set_fields(&mut whole, &fields);
            scopes_published_or_not(of, id, organization, &whole)
        }
    };
    if there.is_foreign(id) || !held::was_subscribed(transaction, context, &scopes).await? {
        return Ok(NOT_KEPT);
    }
    if let Some(current) = current {
        fields.retain(|(index, value)| current.values[*index] != *value && is_changeable(of, *index));
    }
    let current_values = current.map(|current| current.values.as_slice());
    let fields = writable_fields(transaction, context, (of, id, current_values), &fields, changed_us(row_change)).await?;
    let mut whole = current_values.map_or_else(|| of.empty_values(), <[Value]>::to_vec);
    set_fields(&mut whole, &fields);
    let person_id = RowScope::of(of, id, &whole).person_id;
    let person_name = match person_id {
        Some(person) => name_of(transaction, context, person).await?,
        None => None,
    };
    if fields.is_empty() || (person_id.is_some() && person_name.is_none()) {
        return Ok(NOT_KEPT);
    }
    let offered_fields = Value::Object(fields.iter().map(|(index, value)| (of.columns[*index].name.to_owned(), value.clone())).collect());
    // Many laptops may offer the same state. One decision covers all of them, and the administrator sees whether more than one
    // person offers it.
    let same = |offered: &OfferedState| offered.row_stamp.parse() == Ok(stamp) && offered.fields == offered_fields;
    if let Some(offered) = transaction.offers_of(of, id).await?.into_iter().find(same) {
        // If this push decides about the offer, it is not counted.
        if offered.id != row_change.id && rows.current(offered.id).is_none() {
            transaction.second_offer(offered.id, context.actor.user_id).await?;
        }
        return Ok(NOT_KEPT);
    }
    let name = name_of(transaction, context, context.actor.user_id).await?;
    let mut values = table().empty_values();
    set_fields(&mut values, row_change.change.fields);
    let text = |id: Option<Uuid>| id.map_or(Value::Null, |id| json!(id.to_string()));
    for (name, value) in [
        ("fields", offered_fields),
        ("base_stamp", json!(current.and_then(|current| current.stamp).map(|stamp| stamp.to_string()))),
        ("offered_by_name", json!(name)),
        ("person_id", text(person_id)),
        ("person_name", json!(person_name)),
    ] {
        values[column_index(name)] = value;
    }
    let Change { at, device, n, user, .. } = row_change.change;
    let edit = Edit { device: Some(device), n, user: Some(user), ..Edit::of_sql(at) };
    let edits = Edits::from([("offer".to_owned(), edit)]);
    rows.take(row_change.id, Merged { values, edits, changed: true, verdict: Verdict::Applied, conflict_steps: Vec::new() });
    Ok(NOT_KEPT)
}

/// When the row was last changed, as the laptop claims, in microseconds.
fn changed_us(row_change: &RowChange<'_>) -> i64 {
    let changed =
        row_change.change.fields.iter().find(|(index, _)| *index == column_index("changed_at")).and_then(|(_, value)| value.as_i64());
    changed.map_or(row_change.change.at, |ms| ms.saturating_mul(1000).min(row_change.change.at))
}

/// Whether this person offers a different row under the same stamp. A stamp belongs to one row, so one of the two is invented.
/// Offers of other people are not compared, or a false offer could block a true one.
async fn names_another_row<W: Writing>(transaction: &mut W, context: &Context<'_>, rows: &Rows, key: &OfferKey) -> Result<bool, Failure> {
    let is_other = |values: &[Value]| {
        let is_same = values[column_index("entity")] == key.entity && values[column_index("row_id")] == json!(key.row_id.to_string());
        stamp_in(values, "row_stamp") == Some(key.row_stamp) && !is_same
    };
    if rows.any(|stored| stored.values[column_index("offered_by")] == json!(context.actor.user_id.to_string()) && is_other(&stored.values))
    {
        return Ok(true);
    }
    transaction.offers_under(context.actor.user_id, key).await
}

/// The offered columns that this person may write, or might with their former rights: as with held changes, an administrator
/// decides.
async fn writable_fields<W: Writing>(
    transaction: &mut W,
    context: &mut Context<'_>,
    (of, id, current_values): (&'static Entity, Uuid, Option<&[Value]>),
    fields: &[(usize, Value)],
    at_us: i64,
) -> Result<Fields, Failure> {
    let kept = offers::writable_fields(of, &id, current_values, fields, &context.actor);
    if !kept.is_empty() || fields.is_empty() {
        return Ok(kept);
    }
    let former_actors = held::former_actors(transaction, context, at_us).await?;
    let kept =
        former_actors.iter().map(|actor| offers::writable_fields(of, &id, current_values, fields, actor)).find(|kept| !kept.is_empty());
    Ok(kept.unwrap_or_default())
}

/// The scopes of a row that does not exist. Whether it is published is set by the server when it creates the row, so both cases are
/// included.
fn scopes_published_or_not(of: &Entity, id: Uuid, organization: Uuid, values: &[Value]) -> Vec<String> {
    let mut scopes = of.scopes_of(&id, &organization, values);
    if let Some(index) = of.column_index("published") {
        let mut other = values.to_vec();
        other[index] = json!(values[index] != json!(true));
        scopes.extend(of.scopes_of(&id, &organization, &other));
    }
    scopes
}

fn set_fields(values: &mut [Value], fields: &[(usize, Value)]) {
    for (index, value) in fields {
        values[*index] = value.clone();
    }
}

/// Whether the column of an existing row can still change.
fn is_changeable(of: &Entity, index: usize) -> bool {
    !matches!(of.columns[index].merge, Merge::Key | Merge::Carried)
}

/// Whether the decision is based on this state of the offer. Further people offering the same state do not change it.
fn saw_offer(stored: &Stored, base: Base) -> bool {
    let offered_at = stored.edits.get("offer").map_or(i64::MAX, |edit| edit.stamp);
    stored.stamp.is_none() || base.stamp.is_some_and(|base| offered_at <= base)
}

async fn decide<W: Writing>(
    transaction: &mut W,
    context: &mut Context<'_>,
    decision: &RowChange<'_>,
    decided: &str,
    rows: &mut Rows,
) -> Result<Result<Outcome, Problem>, Failure> {
    // Checked first, so that other roles learn nothing about offers.
    if context.actor.role != Role::Admin {
        return Ok(Err(Problem::new(Code::NotAllowed, "an administrator decides about this row")));
    }
    let Some(stored) = rows.current(decision.id).cloned() else {
        return Ok(Err(Problem::new(Code::NotFound, "no such row is offered")));
    };
    match decisions::is_new(stored.values[column_index("state")].as_str().unwrap_or_default(), decided) {
        Ok(true) => {}
        Ok(false) => return Ok(Ok(Outcome::Applied)),
        Err(problem) => return Ok(Err(problem)),
    }
    // A later state of the row may have replaced the one that was decided about.
    if !saw_offer(&stored, decision.change.base) {
        return Ok(Err(Problem::new(Code::ChangedMeanwhile, "another state of the row is offered by now").field("fields")));
    }
    if decided == decisions::ACCEPTED
        && let Err(problem) = apply_offered_row(transaction, context, decision, &stored.values).await?
    {
        return Ok(Err(problem));
    }
    let mut values = stored.values;
    values[column_index("state")] = json!(decided);
    values[column_index("decided_by")] = json!(context.actor.user_id.to_string());
    values[column_index("decided_at")] = json!(context.received_ms);
    rows.take(decision.id, Merged { values, edits: stored.edits, changed: true, verdict: Verdict::Applied, conflict_steps: Vec::new() });
    Ok(Ok(Outcome::Applied))
}

/// Applies an offered row as the administrator's change, with the row's own time, on the state that the server had when it was
/// offered: values written later stay.
async fn apply_offered_row<W: Writing>(
    transaction: &mut W,
    context: &Context<'_>,
    decision: &RowChange<'_>,
    offered: &[Value],
) -> Result<Result<(), Problem>, Failure> {
    let text = |name: &str| offered[column_index(name)].as_str().unwrap_or_default();
    let (of, mut fields) = match offered_table(text("entity")).and_then(|of| Ok((of, fields_in(of, &offered[column_index("fields")])?))) {
        Ok(read) => read,
        Err(problem) => return Ok(Err(problem)),
    };
    let id = Uuid::parse_str(text("row_id")).map_err(Failure::broken)?;
    let mut rows = load(transaction, of, context.actor.organization_id, &[id]).await?;
    rows.find_elsewhere(transaction, of, &[id]).await?;
    if rows.is_foreign(id) {
        return Ok(Err(Problem::new(Code::NotFound, "there is no such row in this organization")));
    }
    let changed_us = offered[column_index("changed_at")].as_i64().map_or(i64::MAX, |ms| ms.max(0).saturating_mul(1000));
    let at = changed_us.min(decision.change.at);
    // An offer contains only differing columns: without a reset number it belongs to the current one.
    if let Some(index) = of.columns.iter().position(|column| column.merge == Merge::Reset)
        && let Some(current) = rows.current(id)
        && !fields.iter().any(|(given, _)| *given == index)
    {
        fields.push((index, current.values[index].clone()));
    }
    // The lost row had not seen edits made since the restore, although they were current when the row was offered.
    let is_later = |(index, _): &(usize, Value)| {
        let column = &of.columns[*index];
        let group = column.tracked_group().filter(|_| column.merge != Merge::Ask);
        group.and_then(|group| rows.current(id)?.edits.get(group)).is_some_and(|edit| edit.is_explicit() && edit.at > at)
    };
    let seen = if fields.iter().any(is_later) { None } else { stamp_in(offered, "base_stamp") };
    let base = Base { stamp: seen, own: None };
    // The offer has no device of its own; its id is used, so that the administrator's own edits count as another device's.
    let change = Change { device: decision.id, n: 0, user: context.actor.user_id, base, at, fields: &fields };
    let row_change = RowChange { entity: of, id, change };
    let facts = Facts::read(transaction, of, std::iter::once((id, &fields)), &rows).await?;
    let merged = put_for_subscribers(context, &row_change, &rows);
    match merged.and_then(|merged| facts.check(&row_change, rows.current(id)).map(|()| merged)) {
        Err(problem) => return Ok(Err(problem)),
        Ok(merged) => rows.take(id, merged),
    }
    grades::complete(transaction, of, &mut rows, context.received_ms).await?;
    write(transaction, of, context.actor.organization_id, &rows).await?;
    conflicts::keep(transaction, context, of, &rows).await?;
    Ok(Ok(()))
}

/// Puts the change with the rights of all subscribers of the row, and then of the person it is about, because some rows may be
/// written only by that person.
fn put_for_subscribers(context: &Context<'_>, row_change: &RowChange<'_>, rows: &Rows) -> Result<Merged, Problem> {
    let current = rows.current(row_change.id);
    let mut values = current.map_or_else(|| row_change.entity.empty_values(), |stored| stored.values.clone());
    set_fields(&mut values, row_change.change.fields);
    let mut actor = Actor::clone(&context.actor);
    actor.scopes.extend(scopes_published_or_not(row_change.entity, row_change.id, actor.organization_id, &values));
    match row_change.put(current, &actor) {
        Err(problem) if problem.code == Code::NotAllowed => match RowScope::of(row_change.entity, row_change.id, &values).person_id {
            Some(person) => row_change.put(current, &Actor { user_id: person, ..actor }),
            None => Err(problem),
        },
        other => other,
    }
}
