//! Changes whose author had the right once and has lost it. They are kept until whoever has the right now decides.
//!
//! What somebody formerly heard is remembered. What they did before their laptop was told of the loss counts as done with the
//! right: it learns of it at its next pull and not before. The time is the laptop's word, so a person decides.

use std::collections::HashMap;

use serde_json::{Map, Value, json};
use uuid::Uuid;
use waystation_model::access::Actor;
use waystation_model::ids::DERIVED_ID_NAMESPACE;
use waystation_model::limits::{FORMER_RIGHTS_DAYS_MAX, HELD_CHANGES_MAX};
use waystation_model::merge::{Edits, Stored};
use waystation_model::registry::{Entity, entity};
use waystation_model::wire::{Operation, Outcome};
use waystation_model::{Code, Problem};

use super::deed::Deed;
use super::rows::Rows;
use super::sets::Context;
use crate::access::{right_role, role_right};
use crate::authority::{FormerRight, Writing};
use crate::failure::Failure;

/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// The table of held changes.
pub fn table() -> &'static Entity {
    entity("held_changes").expect("a registered table")
}

/// What a push knows of its author's past, once it has asked.
#[derive(Default)]
pub struct Holding {
    /// What they heard and were, and do not or are not any more.
    lost: Option<Vec<FormerRight>>,
    /// Who they have been, as the rules ask: before their device was told of a loss, and after.
    formerly: [Option<Vec<Actor>>; 2],
    /// How many of their changes wait.
    waiting: Option<usize>,
    /// How many rows they have offered, and their bytes.
    pub offered: Option<(usize, usize)>,
    /// What people are called, as far as it was asked.
    names: HashMap<Uuid, Option<String>>,
}

impl Holding {
    /// Asks anew from here on: rights moved, or something was taken back.
    pub fn forget(&mut self) {
        *self = Holding::default();
    }
}

/// The held changes of one set.
#[derive(Default)]
pub struct HeldChanges {
    ids: Vec<Uuid>,
    rows: Vec<Stored>,
}

impl HeldChanges {
    /// Writes them down.
    pub async fn write<W: Writing>(&self, keeper: &mut W, context: &Context<'_>) -> Result<(), Failure> {
        if self.ids.is_empty() {
            return Ok(());
        }
        keeper.insert(table(), context.actor.organization_id, &self.ids, &self.rows.iter().collect::<Vec<_>>()).await
    }
}

/// One row per change.
pub fn held_id(device: Uuid, n: i64) -> Uuid {
    Uuid::new_v5(&DERIVED_ID_NAMESPACE, format!("held_changes:{device}:{n}").as_bytes())
}

/// What becomes of a change that its author has no right to: held when they had it once, refused for another reason when it
/// could not have stood then either. None: they never had it.
pub async fn instead<W: Writing>(
    keeper: &mut W,
    context: &mut Context<'_>,
    deed: &Deed<'_>,
    op: Operation,
    rows: &Rows,
    held: &mut HeldChanges,
) -> Result<Option<Result<Outcome, Problem>>, Failure> {
    if deed.entity.is_about_sync() {
        return Ok(None);
    }
    let current = rows.current(deed.id);
    let mut values = None;
    for actor in formerly(keeper, context, deed.change.at).await? {
        let judged = match (op, current) {
            (Operation::Put, _) => deed.put(current, actor).map(|merged| merged.values),
            (Operation::Delete, Some(stored)) => deed.delete(stored, actor).map(|()| stored.values.clone()),
            (Operation::Delete, None) => return Ok(None),
        };
        match judged {
            Ok(judged) => values = Some(judged),
            Err(problem) if problem.code == Code::NotAllowed => continue,
            Err(problem) => return Ok(Some(Err(problem))),
        }
        break;
    }
    match values {
        Some(values) => keep(keeper, context, deed, op, Place::of(deed.entity, deed.id, &values), held).await.map(Some),
        None => Ok(None),
    }
}

/// Whether a device's change of this number is held, and was neither accepted nor is it unknown. The ledger forgets what the
/// device has heard of; this does not.
pub async fn stays_held<W: Writing>(keeper: &mut W, device: Uuid, n: i64) -> Result<bool, Failure> {
    let found = keeper.rows(table(), &[held_id(device, n)]).await?;
    Ok(found.first().is_some_and(|found| found.stored.values[place("state")] != "accepted"))
}

/// What becomes of a change that says too little to make its row, or takes it back, because an earlier one of the same device
/// makes it and is held: it waits with it. None: nothing waits there.
pub async fn with_first<W: Writing>(
    keeper: &mut W,
    context: &mut Context<'_>,
    deed: &Deed<'_>,
    op: Operation,
    first_n: i64,
    held: &mut HeldChanges,
) -> Result<Option<Result<Outcome, Problem>>, Failure> {
    let id = held_id(deed.change.device, first_n);
    let of_set = held.ids.iter().position(|known| *known == id).map(|index| held.rows[index].values.clone());
    let first = match of_set {
        Some(values) => Some(values),
        None => keeper.rows(table(), &[id]).await?.pop().map(|found| found.stored.values),
    };
    let Some(first) = first.filter(|first| first[place("state")] == "waiting") else { return Ok(None) };
    // It was the first one's row that its author had the right to. What only some people may give is judged with a whole row.
    let same_row = first[place("entity")] == deed.entity.name && first[place("row_id")] == json!(deed.id.to_string());
    if !same_row || deed.change.fields.iter().any(|(index, _)| deed.entity.columns[*index].by.is_some()) {
        return Ok(None);
    }
    let named = |name: &str| first[place(name)].as_str().and_then(|text| Uuid::parse_str(text).ok());
    let found = Place { group_id: named("group_id"), course_id: named("course_id"), person_id: named("person_id") };
    keep(keeper, context, deed, op, found, held).await.map(Some)
}

async fn keep<W: Writing>(
    keeper: &mut W,
    context: &mut Context<'_>,
    deed: &Deed<'_>,
    op: Operation,
    place: Place,
    held: &mut HeldChanges,
) -> Result<Result<Outcome, Problem>, Failure> {
    let already = match context.holding.waiting {
        Some(count) => count,
        None => keeper.waiting_changes(context.actor.user_id).await?,
    };
    if already >= HELD_CHANGES_MAX {
        return Ok(Err(Problem::new(Code::TooManyHeld, format!("{already} changes of this person wait for a decision"))));
    }
    let row = row_of(keeper, context, deed, op, place).await?;
    held.ids.push(held_id(deed.change.device, deed.change.n));
    held.rows.push(Stored { stamp: None, values: row, edits: Edits::new() });
    context.holding.waiting = Some(already + 1);
    Ok(Ok(Outcome::Held))
}

/// What the author has lost, as far as it is remembered. What they gave away in this very push they gave away knowing it.
async fn lost<'c, W: Writing>(keeper: &mut W, context: &'c mut Context<'_>) -> Result<&'c [FormerRight], Failure> {
    if context.holding.lost.is_none() {
        let since_ms = context.received_ms - FORMER_RIGHTS_DAYS_MAX * DAY_MS;
        let mut lost = keeper.former_rights(context.actor.user_id, context.device, since_ms).await?;
        let begun_as = role_right(context.begun_with.role);
        lost.retain(|right| right.scope != begun_as && !context.begun_with.scopes.contains(&right.scope));
        context.holding.lost = Some(lost);
    }
    Ok(context.holding.lost.as_deref().unwrap_or_default())
}

/// Whether the author hears one of these scopes, or has heard it.
pub async fn has_heard<W: Writing>(keeper: &mut W, context: &mut Context<'_>, scopes: &[String]) -> Result<bool, Failure> {
    if scopes.iter().any(|scope| context.actor.scopes.contains(scope)) {
        return Ok(true);
    }
    Ok(lost(keeper, context).await?.iter().any(|right| scopes.contains(&right.scope)))
}

/// Who the author has been since the losses that are remembered, one for each role.
pub async fn formerly<'c, W: Writing>(keeper: &mut W, context: &'c mut Context<'_>, at_us: i64) -> Result<&'c [Actor], Failure> {
    lost(keeper, context).await?;
    let Holding { lost, formerly, .. } = &mut context.holding;
    let lost = lost.as_deref().unwrap_or_default();
    // A device is told of all its losses at once, so there is one moment for all of them.
    let knew = lost.iter().any(|right| right.told_us.is_some_and(|told_us| at_us > told_us));
    let actors = formerly[usize::from(knew)].get_or_insert_with(|| {
        let counts: Vec<&str> = lost.iter().filter(|right| !knew || right.told_us.is_none()).map(|right| right.scope.as_str()).collect();
        if counts.is_empty() {
            return Vec::new();
        }
        let mut scopes = context.actor.scopes.clone();
        scopes.extend(counts.iter().map(|scope| (*scope).to_owned()));
        let roles = std::iter::once(context.actor.role).chain(counts.iter().filter_map(|right| right_role(right)));
        roles.map(|role| Actor { role, scopes: scopes.clone(), ..Actor::clone(&context.actor) }).collect()
    });
    Ok(actors)
}

/// Who decides about a change, and whom it is about.
pub struct Place {
    group_id: Option<Uuid>,
    course_id: Option<Uuid>,
    /// Whom the row is about.
    pub person_id: Option<Uuid>,
}

impl Place {
    /// Of a row with these values, as the change would have made it.
    pub fn of(entity: &Entity, id: Uuid, values: &[Value]) -> Place {
        let named =
            |name: &str| entity.column_index(name).and_then(|index| values[index].as_str()).and_then(|text| Uuid::parse_str(text).ok());
        let itself = |table: &str| (entity.name == table).then_some(id);
        let group_id = named("group_id").or_else(|| itself("groups"));
        let course_id = if group_id.is_some() { None } else { named("course_id").or_else(|| itself("courses")) };
        Place { group_id, course_id, person_id: named("student_id").or_else(|| named("user_id")).or_else(|| itself("users")) }
    }
}

/// The place of a column of held changes.
pub fn place(name: &str) -> usize {
    table().column_index(name).expect("a column of the table")
}

/// The row that keeps a change.
async fn row_of<W: Writing>(
    keeper: &mut W,
    context: &mut Context<'_>,
    deed: &Deed<'_>,
    op: Operation,
    of: Place,
) -> Result<Vec<Value>, Failure> {
    let Deed { entity, id, change } = deed;
    let Place { group_id, course_id, person_id } = of;
    let text = |id: Option<Uuid>| id.map_or(Value::Null, |id| json!(id.to_string()));
    let fields: Map<String, Value> =
        change.fields.iter().map(|(index, value)| (entity.columns[*index].name.to_owned(), value.clone())).collect();
    let author_name = name_of(keeper, context, change.user).await?.unwrap_or_default();
    let person_name = match person_id {
        Some(person) => name_of(keeper, context, person).await?,
        None => None,
    };
    let mut row = table().empty_values();
    for (name, value) in [
        ("entity", json!(entity.name)),
        ("row_id", text(Some(*id))),
        ("op", json!(op)),
        ("fields", Value::Object(fields)),
        ("author_id", text(Some(change.user))),
        ("author_name", json!(author_name)),
        ("person_id", text(person_id)),
        ("person_name", json!(person_name)),
        ("device_id", text(Some(change.device))),
        ("n", json!(change.n)),
        ("base", serde_json::to_value(change.base).map_err(Failure::broken)?),
        ("at_us", json!(change.at)),
        ("held_at", json!(context.received_ms)),
        ("group_id", text(group_id)),
        ("course_id", text(course_id)),
    ] {
        row[place(name)] = value;
    }
    Ok(row)
}

/// What a person is called, asked once.
pub async fn name_of<W: Writing>(keeper: &mut W, context: &mut Context<'_>, user: Uuid) -> Result<Option<String>, Failure> {
    if let Some(known) = context.holding.names.get(&user) {
        return Ok(known.clone());
    }
    let name = keeper.name(context.actor.organization_id, user).await?;
    context.holding.names.insert(user, name.clone());
    Ok(name)
}
