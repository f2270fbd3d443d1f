//! `/api/teacher/payments`: what was paid and what is owed.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde_json::Value;

use super::*;

/// Payments that were not deleted, the newest first where `sort` says so.
///
/// # Errors
/// As for a list under `/v1/records`.
#[utoipa::path(get, path = "/api/teacher/payments", security(("access_token" = []), ("personal_token" = [])),
    params(
        ("groupId" = Option<String>, Query, description = "Only of this group."),
        ("studentId" = Option<String>, Query, description = "Only of this student."),
        ("sort" = Option<String>, Query, description = "Up to three columns, separated by commas; `-` before one sorts in descending order."),
        ("after" = Option<String>, Query, description = "`next` of the page before."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "Rows of a page; 100 by default."),
    ),
    responses((status = 200, body = crate::records::RecordList), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn list_payments(State(app): State<App>, ApiSession(token): ApiSession, pairs: Pairs) -> Result<Json<RecordList>, Failure> {
    list(
        &app,
        token,
        "payments",
        parameters(pairs, &[("groupId", "group_id"), ("studentId", "student_id")], &[])?,
        &[condition("deleted_at", "empty", Value::Null)],
    )
    .await
}

/// Records a payment.
///
/// # Errors
/// As for a new row under `/v1/records`.
#[utoipa::path(post, path = "/api/teacher/payments", security(("access_token" = []), ("personal_token" = [])),
    request_body(content = crate::records::Record, description = "Columns and values."),
    responses((status = 202, body = crate::records::HeldAnswer, description = "The right was lost; the change waits for a decision."), (status = 201, body = crate::records::Record, description = "The row as the person sees it."), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn make_payment(State(app): State<App>, ApiSession(token): ApiSession, body: Fields) -> Result<Response, Failure> {
    make(&app, token, "payments", read(&app, body)?).await
}

/// Marks a payment as deleted.
///
/// # Errors
/// As for a change under `/v1/records`.
#[utoipa::path(delete, path = "/api/teacher/payments/{id}", security(("access_token" = []), ("personal_token" = [])),
    params(
        ("id" = String, Path, description = "The row's id."),
    ),
    responses((status = 202, body = crate::records::HeldAnswer, description = "The right was lost; the change waits for a decision."), (status = 204, description = "Deleted, and the person does not see the row any more."), (status = 200, body = crate::records::Record, description = "The row as the person sees it."), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn delete_payment(State(app): State<App>, ApiSession(token): ApiSession, path: IdPath) -> Result<Response, Failure> {
    mark_deleted(&app, token, "payments", id_of(path)?).await
}
