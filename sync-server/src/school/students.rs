//! `/api/teacher/students`: the accounts of learners.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};
use waystation_model::Problem;

use super::*;

/// Learners, those who were not deleted or those who were.
///
/// # Errors
/// As for a list under `/v1/records`.
#[utoipa::path(get, path = "/api/teacher/students", security(("access_token" = []), ("personal_token" = [])),
    params(
        ("status" = Option<String>, Query, description = "`active` (also when it is missing) or `deleted`."),
        ("sort" = Option<String>, Query, description = "Up to three columns, separated by commas; `-` before one sorts in descending order."),
        ("after" = Option<String>, Query, description = "`next` of the page before."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "Rows of a page; 100 by default."),
    ),
    responses((status = 200, body = crate::records::RecordList), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn list_students(State(app): State<App>, ApiSession(token): ApiSession, pairs: Pairs) -> Result<Json<RecordList>, Failure> {
    let deleted = match parameter(&pairs, "status").as_deref() {
        None | Some("active") => "empty",
        Some("deleted") => "filled",
        Some(_) => return Err(Problem::new(Code::BadValue, "status is active or deleted").field("status").into()),
    };
    list(
        &app,
        token,
        "users",
        parameters(pairs, &[], &["status"])?,
        &[condition("role", "is", json!("learner")), condition("deleted_at", deleted, Value::Null)],
    )
    .await
}

/// Marks a learner as deleted.
///
/// # Errors
/// As for a change under `/v1/records`.
#[utoipa::path(delete, path = "/api/teacher/students/{id}", security(("access_token" = []), ("personal_token" = [])),
    params(
        ("id" = String, Path, description = "The row's id."),
    ),
    responses((status = 202, body = crate::records::HeldAnswer, description = "The right was lost; the change waits for a decision."), (status = 204, description = "Deleted, and the person does not see the row any more."), (status = 200, body = crate::records::Record, description = "The row as the person sees it."), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn delete_student(State(app): State<App>, ApiSession(token): ApiSession, path: IdPath) -> Result<Response, Failure> {
    mark_deleted(&app, token, "users", learner(&app, token, path).await?).await
}

/// The id of a learner whom the person sees: a wrong id must not delete somebody else's account.
async fn learner(app: &App, token: TokenSession, path: IdPath) -> Result<Uuid, Failure> {
    let id = id_of(path)?;
    let account = row(app, token, "users", id).await?.filter(|account| text(account, "role") == "learner");
    account.map(|_| id).ok_or_else(|| records::not_found().into())
}

/// Deletes a learner for good, where the table of rights lets somebody. Today it lets nobody: `not_allowed`.
///
/// # Errors
/// As for a change under `/v1/records`.
#[utoipa::path(delete, path = "/api/teacher/students/{id}/hard", security(("access_token" = []), ("personal_token" = [])),
    params(
        ("id" = String, Path, description = "The row's id."),
    ),
    responses((status = 202, body = crate::records::HeldAnswer, description = "The right was lost; the change waits for a decision."), (status = 204, description = "The row is deleted."), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn erase_student(State(app): State<App>, ApiSession(token): ApiSession, path: IdPath) -> Result<Response, Failure> {
    delete(&app, token, "users", learner(&app, token, path).await?).await
}
