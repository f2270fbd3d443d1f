//! `GET /v1/records/{table}` and `GET /v1/records/{table}/{id}`.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;
use waystation_model::registry::{self, Entity};
use waystation_model::{Code, Problem};

use super::answer::{self, RecordList};
use super::list::{CursorValues, ListQuery, cursor_text, read_cursor_text};
use super::page::{Page, RecordRow, read_one, read_page};
use crate::access::{RIGHTS_TRIES_MAX, readable_subscription};
use crate::accounts::TokenSession;
use crate::failure::Failure;
use crate::state::App;

/// The table of a request: one whose rows people list.
///
/// # Errors
/// `unknown_entity`.
pub fn table(name: &str) -> Result<&'static Entity, Problem> {
    let listed = registry::entity(name).filter(|entity| entity.record.is_data());
    listed.ok_or_else(|| Problem::new(Code::UnknownEntity, format!("there is no table {name}")))
}

/// The row of a request.
///
/// # Errors
/// `unknown_entity`, `not_found` for what is no id.
pub fn row_of(path: Result<Path<(String, String)>, PathRejection>) -> Result<(&'static Entity, Uuid), Problem> {
    let Path((name, id)) = path.map_err(|_| Problem::new(Code::UnknownEntity, "there is no such table"))?;
    Ok((table(&name)?, Uuid::parse_str(&id).map_err(|_| not_found())?))
}

/// The problem of a row that does not exist for this person.
pub fn not_found() -> Problem {
    Problem::new(Code::NotFound, "there is no such row")
}

/// Lists rows of a table that the token's person may see. Every column is a parameter, such as `status=active`.
///
/// # Errors
/// `unknown_entity`, `unknown_column`, `bad_value`, `bad_request`, and what concerns the token.
#[utoipa::path(get, path = "/v1/records/{table}", security(("personal_token" = [])),
    params(
        ("table" = String, Path, description = "The table's name."),
        ("filter" = Option<String>, Query, description = "A JSON list of conditions `{column, comparison, value}`; docs/REST.md lists the comparisons."),
        ("sort" = Option<String>, Query, description = "Up to three columns, separated by commas; `-` before one sorts in descending order."),
        ("after" = Option<String>, Query, description = "`next` of the page before."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "Rows of a page; 100 by default."),
    ),
    responses((status = 200, body = RecordList), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn list_records(
    State(app): State<App>,
    token: TokenSession,
    path: Result<Path<String>, PathRejection>,
    pairs: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<Json<RecordList>, Failure> {
    let Path(name) = path.map_err(|_| Problem::new(Code::UnknownEntity, "there is no such table"))?;
    let entity = table(&name)?;
    let Query(pairs) = pairs.map_err(|error| Problem::new(Code::BadRequest, error.body_text()))?;
    list(&app, token, entity, &ListQuery::read(entity, &pairs)?).await.map(Json)
}

/// A page of the rows of a table that the token's person may see.
///
/// # Errors
/// As [`list_records`].
pub async fn list(app: &App, token: TokenSession, entity: &'static Entity, list: &ListQuery) -> Result<RecordList, Failure> {
    let after = list.after.as_ref().map(|cursor| read_cursor(app, token, entity, list, cursor)).transpose()?;
    let _permit = app.tenant_queues.take(token.session.organization_id).await?;
    let page = page_of(app, token, entity, list, after.as_ref()).await?;
    let next = page.next.map(|values| write_cursor(app, token, entity, list, &values)).transpose()?;
    Ok(RecordList { rows: page.rows.into_iter().map(|row| row.json).collect(), next })
}

async fn page_of(
    app: &App,
    token: TokenSession,
    entity: &'static Entity,
    list: &ListQuery,
    after: Option<&CursorValues>,
) -> Result<Page, Failure> {
    for _ in 0..RIGHTS_TRIES_MAX {
        let subscription = readable_subscription(app, &token.session, &[]).await?;
        let mut transaction = app.tenant(token.session.organization_id).begin().await?;
        match read_page(&mut transaction, entity, &subscription, list, after).await {
            Err(Failure::RightsMoved) => app.heads.forget_subscription(&subscription),
            read => return read,
        }
    }
    Err(Failure::RightsMoved)
}

/// Reads one row of a table. Its stamp is the `ETag`.
///
/// # Errors
/// `unknown_entity`, `not_found`, and what concerns the token.
#[utoipa::path(get, path = "/v1/records/{table}/{id}", security(("personal_token" = [])),
    params(("table" = String, Path, description = "The table's name."), ("id" = String, Path, description = "The row's id.")),
    responses((status = 200, body = super::Record), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn read_record(
    State(app): State<App>,
    token: TokenSession,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Response, Failure> {
    let (entity, id) = row_of(path)?;
    let _permit = app.tenant_queues.take(token.session.organization_id).await?;
    let row = visible_row(&app, token, entity, id).await?.ok_or_else(not_found)?;
    Ok(answer::row(StatusCode::OK, &row).into_response())
}

/// A row as the token's person sees it now.
///
/// # Errors
/// When the database fails or the rights move again and again.
pub async fn visible_row(app: &App, token: TokenSession, entity: &'static Entity, id: Uuid) -> Result<Option<RecordRow>, Failure> {
    for _ in 0..RIGHTS_TRIES_MAX {
        let subscription = readable_subscription(app, &token.session, &[]).await?;
        let mut transaction = app.tenant(token.session.organization_id).begin().await?;
        match read_one(&mut transaction, entity, &subscription, id).await {
            Err(Failure::RightsMoved) => app.heads.forget_subscription(&subscription),
            read => return read,
        }
    }
    Err(Failure::RightsMoved)
}

/// A cursor is signed for its person: its values become part of a query.
fn signed_text(token: TokenSession, text: &str) -> String {
    format!("cursor:{}:{text}", token.session.user_id)
}

fn write_cursor(app: &App, token: TokenSession, entity: &Entity, list: &ListQuery, values: &CursorValues) -> Result<String, Failure> {
    let text = cursor_text(entity, list, values);
    Ok(format!("{}.{}", URL_SAFE_NO_PAD.encode(&text), app.tokens.sign(&signed_text(token, &text))?))
}

fn read_cursor(app: &App, token: TokenSession, entity: &Entity, list: &ListQuery, cursor: &str) -> Result<CursorValues, Problem> {
    let read = || {
        let (text, signature) = cursor.split_once('.')?;
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let is_ours = app.tokens.has_signed(&signed_text(token, &text), signature);
        read_cursor_text(entity, list, &text).filter(|_| is_ours)
    };
    read().ok_or_else(|| Problem::new(Code::BadRequest, "the cursor is none of this list").field("after"))
}
