//! Held changes: their author had the right once and has lost it. They are kept until a user who has the right decides.
//!
//! Former scopes and roles are stored. Changes made before the laptop was told of the loss count as made with the right, because a
//! laptop learns of a loss only by a pull. The time of a change is claimed by the laptop, so a person decides.

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

use super::change::RowChange;
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

/// What a push has read about its author's former rights and quotas, cached.
#[derive(Default)]
pub struct AuthorHistory {
    /// Rights that the author had and no longer has.
    lost_rights: Option<Vec<FormerRight>>,
    /// Former actors of the author: with the rights before the device was told of a loss, and after.
    former_actors: [Option<Vec<Actor>>; 2],
    /// Number of the author's undecided held changes.
    waiting: Option<usize>,
    /// Number of the author's undecided offers, and their bytes.
    pub offered: Option<(usize, usize)>,
    /// Names of people, as far as they were read.
    names: HashMap<Uuid, Option<String>>,
}

impl AuthorHistory {
    /// Clears the cache, because rights changed or a savepoint was rolled back.
    pub fn forget(&mut self) {
        *self = AuthorHistory::default();
    }
}

/// The held changes of one set.
#[derive(Default)]
pub struct HeldChanges {
    ids: Vec<Uuid>,
    rows: Vec<Stored>,
}

impl HeldChanges {
    /// Inserts them.
    pub async fn write<W: Writing>(&self, transaction: &mut W, context: &Context<'_>) -> Result<(), Failure> {
        if self.ids.is_empty() {
            return Ok(());
        }
        transaction.insert(table(), context.actor.organization_id, &self.ids, &self.rows.iter().collect::<Vec<_>>()).await
    }
}

/// The id of a held change, derived from device and number.
pub fn held_id(device: Uuid, n: i64) -> Uuid {
    Uuid::new_v5(&DERIVED_ID_NAMESPACE, format!("held_changes:{device}:{n}").as_bytes())
}

/// The outcome of a change that its author has no right to: held when they had it once, refused for another reason when it would
/// have been refused then too. None: they never had it.
pub async fn hold_if_formerly_allowed<W: Writing>(
    transaction: &mut W,
    context: &mut Context<'_>,
    row_change: &RowChange<'_>,
    op: Operation,
    rows: &Rows,
    held: &mut HeldChanges,
) -> Result<Option<Result<Outcome, Problem>>, Failure> {
    if !row_change.entity.may_be_held() {
        return Ok(None);
    }
    let current = rows.current(row_change.id);
    let mut values = None;
    for actor in former_actors(transaction, context, row_change.change.at).await? {
        let judged = match (op, current) {
            (Operation::Put, _) => row_change.put(current, actor).map(|merged| merged.values),
            (Operation::Delete, Some(stored)) => row_change.delete(stored, actor).map(|()| stored.values.clone()),
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
        Some(values) => {
            keep(transaction, context, row_change, op, RowScope::of(row_change.entity, row_change.id, &values), held).await.map(Some)
        }
        None => Ok(None),
    }
}

/// Whether a device's change with this number is stored as held and not accepted. The ledger deletes what the device has seen; this
/// table does not.
pub async fn is_held<W: Writing>(transaction: &mut W, device: Uuid, n: i64) -> Result<bool, Failure> {
    let found = transaction.rows(table(), &[held_id(device, n)]).await?;
    Ok(found.first().is_some_and(|found| found.stored.values[column_index("state")] != "accepted"))
}

/// The outcome of a change that sets too few columns to create its row, or deletes it, because an earlier held change of the same
/// device creates the row: it is held with that one. None: no such change is waiting.
pub async fn hold_with_first<W: Writing>(
    transaction: &mut W,
    context: &mut Context<'_>,
    row_change: &RowChange<'_>,
    op: Operation,
    first_n: i64,
    held: &mut HeldChanges,
) -> Result<Option<Result<Outcome, Problem>>, Failure> {
    let id = held_id(row_change.change.device, first_n);
    let of_set = held.ids.iter().position(|known| *known == id).map(|index| held.rows[index].values.clone());
    let first = match of_set {
        Some(values) => Some(values),
        None => transaction.rows(table(), &[id]).await?.pop().map(|found| found.stored.values),
    };
    let Some(first) = first.filter(|first| first[column_index("state")] == "waiting") else { return Ok(None) };
    // The author had the right to the row of the first change. Columns that only some users may set are checked with a whole row.
    let same_row =
        first[column_index("entity")] == row_change.entity.name && first[column_index("row_id")] == json!(row_change.id.to_string());
    if !same_row || row_change.change.fields.iter().any(|(index, _)| row_change.entity.columns[*index].by.is_some()) {
        return Ok(None);
    }
    let named = |name: &str| first[column_index(name)].as_str().and_then(|text| Uuid::parse_str(text).ok());
    let found = RowScope { group_id: named("group_id"), course_id: named("course_id"), person_id: named("person_id") };
    keep(transaction, context, row_change, op, found, held).await.map(Some)
}

async fn keep<W: Writing>(
    transaction: &mut W,
    context: &mut Context<'_>,
    row_change: &RowChange<'_>,
    op: Operation,
    scope: RowScope,
    held: &mut HeldChanges,
) -> Result<Result<Outcome, Problem>, Failure> {
    let already = match context.history.waiting {
        Some(count) => count,
        None => transaction.waiting_changes(context.actor.user_id).await?,
    };
    if already >= HELD_CHANGES_MAX {
        return Ok(Err(Problem::new(Code::TooManyHeld, format!("{already} changes of this person wait for a decision"))));
    }
    let row = row_of(transaction, context, row_change, op, scope).await?;
    held.ids.push(held_id(row_change.change.device, row_change.change.n));
    held.rows.push(Stored { stamp: None, values: row, edits: Edits::new() });
    context.history.waiting = Some(already + 1);
    Ok(Ok(Outcome::Held))
}

/// The author's lost rights, as far as they are stored. Rights given up in this push do not count: the author did so knowingly.
async fn lost_rights<'c, W: Writing>(transaction: &mut W, context: &'c mut Context<'_>) -> Result<&'c [FormerRight], Failure> {
    if context.history.lost_rights.is_none() {
        let since_ms = context.received_ms - FORMER_RIGHTS_DAYS_MAX * DAY_MS;
        let mut lost_rights = transaction.former_rights(context.actor.user_id, context.device, since_ms).await?;
        let begun_as = role_right(context.begun_with.role);
        lost_rights.retain(|right| right.scope != begun_as && !context.begun_with.scopes.contains(&right.scope));
        context.history.lost_rights = Some(lost_rights);
    }
    Ok(context.history.lost_rights.as_deref().unwrap_or_default())
}

/// Whether the author subscribes or has subscribed to one of these scopes.
pub async fn was_subscribed<W: Writing>(transaction: &mut W, context: &mut Context<'_>, scopes: &[String]) -> Result<bool, Failure> {
    if scopes.iter().any(|scope| context.actor.scopes.contains(scope)) {
        return Ok(true);
    }
    Ok(lost_rights(transaction, context).await?.iter().any(|right| scopes.contains(&right.scope)))
}

/// The author with the former rights, one actor for each role.
pub async fn former_actors<'c, W: Writing>(transaction: &mut W, context: &'c mut Context<'_>, at_us: i64) -> Result<&'c [Actor], Failure> {
    lost_rights(transaction, context).await?;
    let AuthorHistory { lost_rights, former_actors, .. } = &mut context.history;
    let lost_rights = lost_rights.as_deref().unwrap_or_default();
    // A device is told of all its losses at once, so one moment covers all of them.
    let knew = lost_rights.iter().any(|right| right.confirmed_us.is_some_and(|confirmed_us| at_us > confirmed_us));
    let actors = former_actors[usize::from(knew)].get_or_insert_with(|| {
        let counts: Vec<&str> =
            lost_rights.iter().filter(|right| !knew || right.confirmed_us.is_none()).map(|right| right.scope.as_str()).collect();
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

/// The scope that decides about a change, and the person that the row is about.
pub struct RowScope {
    group_id: Option<Uuid>,
    course_id: Option<Uuid>,
    /// The person that the row is about.
    pub person_id: Option<Uuid>,
}

impl RowScope {
    /// The scope of a row with these values, as the change would have made it.
    pub fn of(entity: &Entity, id: Uuid, values: &[Value]) -> RowScope {
        let named =
            |name: &str| entity.column_index(name).and_then(|index| values[index].as_str()).and_then(|text| Uuid::parse_str(text).ok());
        let itself = |table: &str| (entity.name == table).then_some(id);
        // A payment names a group too, and its teacher does not see it.
        let scoped = |name: &str| named(name).filter(|_| entity.is_scoped_by(name));
        let group_id = scoped("group_id").or_else(|| itself("groups"));
        let course_id = if group_id.is_some() { None } else { scoped("course_id").or_else(|| itself("courses")) };
        RowScope { group_id, course_id, person_id: named("student_id").or_else(|| named("user_id")).or_else(|| itself("users")) }
    }
}

/// Index of a column of `held_changes`.
pub fn column_index(name: &str) -> usize {
    table().column_index(name).expect("a column of the table")
}

/// The row of `held_changes` for a change.
async fn row_of<W: Writing>(
    transaction: &mut W,
    context: &mut Context<'_>,
    row_change: &RowChange<'_>,
    op: Operation,
    of: RowScope,
) -> Result<Vec<Value>, Failure> {
    let RowChange { entity, id, change } = row_change;
    let RowScope { group_id, course_id, person_id } = of;
    let text = |id: Option<Uuid>| id.map_or(Value::Null, |id| json!(id.to_string()));
    let fields: Map<String, Value> =
        change.fields.iter().map(|(index, value)| (entity.columns[*index].name.to_owned(), value.clone())).collect();
    let author_name = name_of(transaction, context, change.user).await?.unwrap_or_default();
    let person_name = match person_id {
        Some(person) => name_of(transaction, context, person).await?,
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
        row[column_index(name)] = value;
    }
    Ok(row)
}

/// A person's full name, cached.
pub async fn name_of<W: Writing>(transaction: &mut W, context: &mut Context<'_>, user: Uuid) -> Result<Option<String>, Failure> {
    if let Some(known) = context.history.names.get(&user) {
        return Ok(known.clone());
    }
    let name = transaction.name(context.actor.organization_id, user).await?;
    context.history.names.insert(user, name.clone());
    Ok(name)
}
