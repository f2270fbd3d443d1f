//! `/api/teacher/tests`: tests and their answer keys.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use super::*;

/// Tests that were not deleted.
///
/// # Errors
/// As for a list under `/v1/records`.
#[utoipa::path(get, path = "/api/teacher/tests", security(("access_token" = []), ("personal_token" = [])),
    params(
        ("sort" = Option<String>, Query, description = "Up to three columns, separated by commas; `-` before one sorts in descending order."),
        ("after" = Option<String>, Query, description = "`next` of the page before."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "Rows of a page; 100 by default."),
    ),
    responses((status = 200, body = crate::records::RecordList), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn list_tests(State(app): State<App>, ApiSession(token): ApiSession, pairs: Pairs) -> Result<Json<RecordList>, Failure> {
    list(&app, token, "assessments", parameters(pairs, &[], &[])?, &[condition("deleted_at", "empty", Value::Null)]).await
}

/// Makes a test.
///
/// # Errors
/// As for a new row under `/v1/records`.
#[utoipa::path(post, path = "/api/teacher/tests", security(("access_token" = []), ("personal_token" = [])),
    request_body(content = crate::records::Record, description = "Columns and values."),
    responses((status = 202, body = crate::records::HeldAnswer, description = "The right was lost; the change waits for a decision."), (status = 201, body = crate::records::Record, description = "The row as the person sees it."), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn make_test(State(app): State<App>, ApiSession(token): ApiSession, body: Fields) -> Result<Response, Failure> {
    make(&app, token, "assessments", read(&app, body)?).await
}

async fn answer_key(app: &App, token: TokenSession, path: IdPath, body: Fields) -> Result<Response, Failure> {
    let test = id_of(path)?;
    let mut fields = read(app, body)?;
    let of = row(app, token, "assessments", test).await?.ok_or_else(records::not_found)?;
    fields.insert("assessment_id".to_owned(), json!(test));
    // A row takes it from its test when it is made.
    fields.insert("course_id".to_owned(), of.get("course_id").cloned().unwrap_or(Value::Null));
    put(app, token, "answer_keys", fields).await
}

/// Saves the answer key of a test, whether or not there was one.
///
/// # Errors
/// `not_found`, and as for a write under `/v1/records`.
#[utoipa::path(post, path = "/api/teacher/tests/{id}/answer-key", security(("access_token" = []), ("personal_token" = [])),
    params(
        ("id" = String, Path, description = "The row's id."),
    ),
    request_body(content = crate::records::Record, description = "Columns of `answer_keys` and their values."),
    responses((status = 202, body = crate::records::HeldAnswer, description = "The right was lost; the change waits for a decision."), (status = 201, body = crate::records::Record, description = "The test had no key before."), (status = 200, body = crate::records::Record, description = "The row as the person sees it."), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn make_answer_key(
    State(app): State<App>,
    ApiSession(token): ApiSession,
    path: IdPath,
    body: Fields,
) -> Result<Response, Failure> {
    answer_key(&app, token, path, body).await
}

/// Saves the answer key of a test, whether or not there was one.
///
/// # Errors
/// `not_found`, and as for a write under `/v1/records`.
#[utoipa::path(put, path = "/api/teacher/tests/{id}/answer-key", security(("access_token" = []), ("personal_token" = [])),
    params(
        ("id" = String, Path, description = "The row's id."),
    ),
    request_body(content = crate::records::Record, description = "Columns of `answer_keys` and their values."),
    responses((status = 202, body = crate::records::HeldAnswer, description = "The right was lost; the change waits for a decision."), (status = 201, body = crate::records::Record, description = "The test had no key before."), (status = 200, body = crate::records::Record, description = "The row as the person sees it."), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn put_answer_key(
    State(app): State<App>,
    ApiSession(token): ApiSession,
    path: IdPath,
    body: Fields,
) -> Result<Response, Failure> {
    answer_key(&app, token, path, body).await
}
