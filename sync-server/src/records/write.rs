//! `POST`, `PATCH` and `DELETE` under `/v1/records`: each is one change of the token's device, and the rules of a push apply.

use std::ops::DerefMut;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;
use waystation_model::limits::ROW_BYTES_MAX;
use waystation_model::merge::{Stored, read_fields};
use waystation_model::registry::{Entity, IdRule};
use waystation_model::wire::{Operation, Outcome};
use waystation_model::{Code, Problem};

use super::answer::{self, Expected, RecordProblem, expected};
use super::idempotency::{Before, IdempotencyKey};
use super::read::{not_found, row_of, table, visible_row};
use crate::access::subscription;
use crate::accounts::TokenSession;
use crate::authority::{Authority, Writing};
use crate::awards::{self, Touched};
use crate::body::RawBody;
use crate::failure::Failure;
use crate::heads::Subscription;
use crate::push::single::{Author, Single, lock};
use crate::push::{Pass, tried};
use crate::state::App;
use crate::tenant_queues::QueuePermit;
use crate::uninterrupted::run_to_end;

/// Bytes of a body: a row of the largest size, with room for escapes.
const BODY_BYTES_MAX: usize = 2 * ROW_BYTES_MAX;

/// The answer to a change that its author had the right to once: it waits for a person who has the right now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeldAnswer {
    /// Always true.
    pub held: bool,
    /// The row that the change is about.
    #[schema(value_type = String)]
    pub id: Uuid,
}

/// Makes a row. The server gives it an id, or the id follows from its key.
///
/// # Errors
/// As for a mutation of a push; `taken` when a row with this key exists.
#[utoipa::path(post, path = "/v1/records/{table}", security(("personal_token" = [])),
    params(
        ("table" = String, Path, description = "The table's name."),
        ("Idempotency-Key" = Option<String>, Header, description = "Text of 1 to 200 characters. A repeated request with the same key within a day makes no second row."),
    ),
    request_body(content = super::Record, description = "Columns and values."),
    responses(
        (status = 201, body = super::Record, description = "The row as the person sees it; `Location` is its address, `ETag` its stamp."),
        (status = 202, body = HeldAnswer, description = "The right was lost; the change waits for a decision."),
        (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = RecordProblem)))]
pub async fn make_record(
    State(app): State<App>,
    token: TokenSession,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: RawBody<BODY_BYTES_MAX>,
) -> Result<Response, Failure> {
    token.check_writes()?;
    let Path(name) = path.map_err(|_| Problem::new(Code::UnknownEntity, "there is no such table"))?;
    let entity = table(&name)?;
    let permit = app.tenant_queues.take(token.session.organization_id).await?;
    let fields: Map<String, Value> = body.read(app.protocols)?;
    let text = Value::from(fields.clone()).to_string();
    let key = IdempotencyKey::read(&headers, entity.name, &text)?;
    make(&app, token, permit, entity, fields, key).await
}

/// Makes a row.
///
/// # Errors
/// As [`make_record`].
pub async fn make(
    app: &App,
    token: TokenSession,
    permit: QueuePermit,
    entity: &'static Entity,
    fields: Map<String, Value>,
    key: Option<IdempotencyKey>,
) -> Result<Response, Failure> {
    let change = Single { id: new_id(entity, &fields)?, ..single(entity, Operation::Put, fields) };
    Write { token, change, action: Action::Make, expected: Expected::Any, key }.run(app, permit).await
}

/// Changes some columns of a row.
///
/// # Errors
/// As for a mutation of a push; `changed_meanwhile` with both values when `If-Match` is stale.
#[utoipa::path(patch, path = "/v1/records/{table}/{id}", security(("personal_token" = [])),
    params(
        ("table" = String, Path, description = "The table's name."), ("id" = String, Path, description = "The row's id."),
        ("If-Match" = Option<String>, Header, description = "The row's `ETag`: then the change is refused if the row has changed since."),
    ),
    request_body(content = super::Record, description = "Columns and their new values."),
    responses(
        (status = 200, body = super::Record, description = "The row as the person sees it."),
        (status = 202, body = HeldAnswer, description = "The right was lost; the change waits for a decision."),
        (status = 204, description = "Changed, and the person does not see the row any more."),
        (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = RecordProblem)))]
pub async fn change_record(
    State(app): State<App>,
    token: TokenSession,
    path: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
    body: RawBody<BODY_BYTES_MAX>,
) -> Result<Response, Failure> {
    token.check_writes()?;
    let (entity, id) = row_of(path)?;
    let expected = expected(&headers)?;
    let permit = app.tenant_queues.take(token.session.organization_id).await?;
    change(&app, token, permit, entity, (id, expected), body.read(app.protocols)?).await
}

/// Changes some columns of the row with this id, if it is in the expected state.
///
/// # Errors
/// As [`change_record`].
pub async fn change(
    app: &App,
    token: TokenSession,
    permit: QueuePermit,
    entity: &'static Entity,
    (id, expected): (Uuid, Expected),
    fields: Map<String, Value>,
) -> Result<Response, Failure> {
    let change = Single { id: Some(id), ..single(entity, Operation::Put, fields) };
    Write { token, change, action: Action::Change, expected, key: None }.run(app, permit).await
}

/// Deletes a row.
///
/// # Errors
/// As for a mutation of a push; `changed_meanwhile` when `If-Match` is stale.
#[utoipa::path(delete, path = "/v1/records/{table}/{id}", security(("personal_token" = [])),
    params(
        ("table" = String, Path, description = "The table's name."), ("id" = String, Path, description = "The row's id."),
        ("If-Match" = Option<String>, Header, description = "The row's `ETag`: then the row is not deleted if it has changed since."),
    ),
    responses(
        (status = 202, body = HeldAnswer, description = "The right was lost; the change waits for a decision."),
        (status = 204, description = "The row is deleted."),
        (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = RecordProblem)))]
pub async fn delete_record(
    State(app): State<App>,
    token: TokenSession,
    path: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    token.check_writes()?;
    let (entity, id) = row_of(path)?;
    let expected = expected(&headers)?;
    let permit = app.tenant_queues.take(token.session.organization_id).await?;
    delete(&app, token, permit, entity, (id, expected)).await
}

/// Deletes the row with this id, if it is in the expected state.
///
/// # Errors
/// As [`delete_record`].
pub async fn delete(
    app: &App,
    token: TokenSession,
    permit: QueuePermit,
    entity: &'static Entity,
    (id, expected): (Uuid, Expected),
) -> Result<Response, Failure> {
    let change = Single { id: Some(id), ..single(entity, Operation::Delete, Map::new()) };
    Write { token, change, action: Action::Delete, expected, key: None }.run(app, permit).await
}

fn single(entity: &'static Entity, op: Operation, fields: Map<String, Value>) -> Single {
    let (columns, values) = fields.into_iter().unzip();
    Single { entity, op, id: None, columns, values }
}

/// The id of a new row: a random one, or the one that follows from the key. None: the key is incomplete, which the change refuses.
fn new_id(entity: &Entity, fields: &Map<String, Value>) -> Result<Option<Uuid>, Problem> {
    match entity.id {
        IdRule::Generated => Ok(Some(Uuid::now_v7())),
        IdRule::Derived(_) => {
            let (columns, values): (Vec<String>, Vec<Value>) = fields.clone().into_iter().unzip();
            Ok(entity.id_of_fields(&read_fields(entity, &columns, &values)?))
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Make,
    Change,
    Delete,
}

/// One request that writes.
struct Write {
    token: TokenSession,
    change: Single,
    action: Action,
    expected: Expected,
    key: Option<IdempotencyKey>,
}

/// What became of a request.
enum Done {
    /// The change was made, now or by the same request before.
    Written,
    /// It waits for a decision.
    Held,
    /// It was refused; the transaction was rolled back.
    Refused(RecordProblem),
    /// The row has another stamp than the request expects.
    Stale,
    /// The row does not exist in this organization.
    Missing,
    /// The same request was answered before.
    Repeated(Before),
}

impl Write {
    fn touched(&self) -> Touched {
        let Single { entity, id, columns, values, .. } = &self.change;
        let mut touched = Touched::default();
        touched.add(entity.name, *id, columns, values);
        touched
    }

    /// Makes the change, also when the client goes away meanwhile.
    async fn run(self, app: &App, permit: QueuePermit) -> Result<Response, Failure> {
        let app = app.clone();
        run_to_end(async move {
            let _permit = permit;
            self.answer(&app).await
        })
        .await
    }

    async fn answer(&self, app: &App) -> Result<Response, Failure> {
        // Read first: a subscription that is read later is never of an older database.
        let epoch = app.epoch.number();
        let session = &self.token.session;
        let subscription = subscription(app, session).await?;
        let tenant = app.tenant(session.organization_id);
        let taken = tried(|pass| self.attempt(&tenant, &subscription, epoch, pass)).await;
        if let Err(Failure::EpochMoved) = taken {
            app.settle().await?;
        }
        let (done, moved) = taken?;
        app.moved(moved);
        let entity = self.change.entity;
        if matches!(done, Done::Written) {
            awards::after(app, self.token.session.organization_id, self.touched());
        }
        match done {
            Done::Written => self.written(app, self.change.id).await,
            Done::Held => Ok(held(self.change.id.unwrap_or_default())),
            Done::Repeated(Before { row_id, is_held: true }) => Ok(held(row_id)),
            Done::Repeated(Before { row_id, is_held: false }) => self.written(app, Some(row_id)).await,
            Done::Missing => Err(not_found().into()),
            Done::Stale => {
                let id = self.change.id.unwrap_or_default();
                let current = visible_row(app, self.token, entity, id).await?.ok_or_else(not_found)?;
                let given = self.change.columns.iter().cloned().zip(self.change.values.iter().cloned()).collect();
                Ok(RecordProblem::changed_meanwhile(&given, &current)?.into_response())
            }
            Done::Refused(problem) => {
                // A row that the person does not see is as unknown as one that does not exist.
                if self.action != Action::Make && problem.problem.code == Code::NotAllowed {
                    let id = self.change.id.unwrap_or_default();
                    visible_row(app, self.token, entity, id).await?.ok_or_else(not_found)?;
                }
                Ok(problem.into_response())
            }
        }
    }

    /// The row after the change, as its author sees it.
    async fn written(&self, app: &App, id: Option<Uuid>) -> Result<Response, Failure> {
        let Some(id) = id.filter(|_| self.action != Action::Delete) else { return Ok(StatusCode::NO_CONTENT.into_response()) };
        let entity = self.change.entity;
        let row = visible_row(app, self.token, entity, id).await?;
        if self.action == Action::Change {
            return Ok(row.map_or_else(|| StatusCode::NO_CONTENT.into_response(), |row| answer::row(StatusCode::OK, &row)));
        }
        let only_id = || (StatusCode::CREATED, Json(serde_json::json!({ "id": id }))).into_response();
        let mut answer = row.map_or_else(only_id, |row| answer::row(StatusCode::CREATED, &row));
        let address = HeaderValue::from_str(&format!("/v1/records/{}/{id}", entity.name)).map_err(Failure::broken)?;
        answer.headers_mut().insert(LOCATION, address);
        Ok(answer)
    }

    /// One transaction. Returns the heads that moved. Generic, because the compiler cannot prove for a transaction named by its type
    /// that the future may move between threads.
    async fn attempt<A: Authority>(
        &self,
        authority: &A,
        subscription: &Subscription,
        epoch: i64,
        pass: Pass,
    ) -> Result<(Done, Vec<(String, i64)>), Failure>
    where
        A::Writing: DerefMut<Target = PgConnection>,
    {
        let now_ms = authority.now_ms();
        let Subscription { actor, rights_at, .. } = subscription;
        let mut transaction = authority.write().await?;
        let device = lock(&mut transaction, &self.token.session, epoch).await?;
        if let Some(key) = &self.key
            && let Some(before) = key.find(&mut transaction, self.token.token_id, now_ms).await?
        {
            return Ok((Done::Repeated(before), Vec::new()));
        }
        let author = Author { session: self.token.session, actor, rights_at: *rights_at, now_ms, pass };
        let current = current(&mut transaction, &self.change, actor.organization_id).await?;
        let base = match (self.action, &current) {
            (Action::Make, Some(stored)) if self.change.id.is_some_and(|id| author.may_write(&self.change, id, stored)) => {
                return Ok((Done::Refused(taken(self.change.entity).into()), Vec::new()));
            }
            (Action::Make, _) => None,
            (_, None) => return Ok((Done::Missing, Vec::new())),
            (_, Some(stored)) => {
                if let Expected::Stamp(stamp) = self.expected
                    && stored.stamp != Some(stamp)
                {
                    return Ok((Done::Stale, Vec::new()));
                }
                stored.stamp
            }
        };
        let is_held = match author.write(&mut transaction, &device, &self.change, base).await? {
            Outcome::Rejected { code, field, message, suggestion } => {
                let mut problem = Problem::new(code, message);
                problem.fields.extend(field);
                return Ok((Done::Refused(RecordProblem { suggestion, ..problem.into() }), Vec::new()));
            }
            Outcome::Held => true,
            Outcome::Applied | Outcome::Merged | Outcome::Superseded | Outcome::BlockedBy { .. } => false,
        };
        if let (Some(key), Some(row_id)) = (&self.key, self.change.id) {
            key.store(&mut transaction, self.token.token_id, Before { row_id, is_held }, now_ms).await?;
        }
        let moved = transaction.commit().await?;
        Ok((if is_held { Done::Held } else { Done::Written }, moved))
    }
}

/// The row as it is stored, locked, if it is of this organization.
async fn current<W: Writing>(transaction: &mut W, change: &Single, organization: Uuid) -> Result<Option<Stored>, Failure> {
    let Some(id) = change.id else { return Ok(None) };
    let found = transaction.rows(change.entity, &[id]).await?;
    Ok(found.into_iter().find(|found| found.organization_id == organization).map(|found| found.stored))
}

fn taken(entity: &Entity) -> Problem {
    let keys: &[&str] = if let IdRule::Derived(keys) = entity.id { keys } else { &[] };
    let problem = Problem::new(Code::Taken, "a row with this key exists");
    keys.iter().fold(problem, |problem, key| problem.field(*key))
}

fn held(id: Uuid) -> Response {
    (StatusCode::ACCEPTED, Json(HeldAnswer { held: true, id })).into_response()
}
