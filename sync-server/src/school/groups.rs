//! `/api/teacher/groups`: groups and who belongs to them.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};
use waystation_model::Problem;

use super::*;

/// Groups that were not deleted.
///
/// # Errors
/// As for a list under `/v1/records`.
#[utoipa::path(get, path = "/api/teacher/groups", security(("access_token" = []), ("personal_token" = [])),
    params(
        ("sort" = Option<String>, Query, description = "Up to three columns, separated by commas; `-` before one sorts in descending order."),
        ("after" = Option<String>, Query, description = "`next` of the page before."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "Rows of a page; 100 by default."),
    ),
    responses((status = 200, body = crate::records::RecordList), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn list_groups(State(app): State<App>, ApiSession(token): ApiSession, pairs: Pairs) -> Result<Json<RecordList>, Failure> {
    list(&app, token, "groups", parameters(pairs, &[], &[])?, &[condition("deleted_at", "empty", Value::Null)]).await
}

/// Makes a group.
///
/// # Errors
/// As for a new row under `/v1/records`.
#[utoipa::path(post, path = "/api/teacher/groups", security(("access_token" = []), ("personal_token" = [])),
    request_body(content = crate::records::Record, description = "Columns and values."),
    responses((status = 202, body = crate::records::HeldAnswer, description = "The right was lost; the change waits for a decision."), (status = 201, body = crate::records::Record, description = "The row as the person sees it."), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn make_group(State(app): State<App>, ApiSession(token): ApiSession, body: Fields) -> Result<Response, Failure> {
    make(&app, token, "groups", read(&app, body)?).await
}

/// Changes a group.
///
/// # Errors
/// As for a change under `/v1/records`.
#[utoipa::path(patch, path = "/api/teacher/groups/{id}", security(("access_token" = []), ("personal_token" = [])),
    params(
        ("id" = String, Path, description = "The row's id."),
    ),
    request_body(content = crate::records::Record, description = "Columns and their new values."),
    responses((status = 202, body = crate::records::HeldAnswer, description = "The right was lost; the change waits for a decision."), (status = 204, description = "Changed, and the person does not see the row any more."), (status = 200, body = crate::records::Record, description = "The row as the person sees it."), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn change_group(State(app): State<App>, ApiSession(token): ApiSession, path: IdPath, body: Fields) -> Result<Response, Failure> {
    change(&app, token, "groups", id_of(path)?, read(&app, body)?).await
}

/// Marks a group as deleted.
///
/// # Errors
/// As for a change under `/v1/records`.
#[utoipa::path(delete, path = "/api/teacher/groups/{id}", security(("access_token" = []), ("personal_token" = [])),
    params(
        ("id" = String, Path, description = "The row's id."),
    ),
    responses((status = 202, body = crate::records::HeldAnswer, description = "The right was lost; the change waits for a decision."), (status = 204, description = "Deleted, and the person does not see the row any more."), (status = 200, body = crate::records::Record, description = "The row as the person sees it."), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn delete_group(State(app): State<App>, ApiSession(token): ApiSession, path: IdPath) -> Result<Response, Failure> {
    mark_deleted(&app, token, "groups", id_of(path)?).await
}

/// The columns of a membership that belong together.
fn stay(group: Uuid, student: Value, is_active: bool, joined_at: Value, left_at: Value) -> Columns {
    let columns =
        [("group_id", json!(group)), ("user_id", student), ("is_active", json!(is_active)), ("joined_at", joined_at), ("left_at", left_at)];
    columns.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Adds a student to a group, also one who has left it.
///
/// # Errors
/// `missing_value`, and as for a new row under `/v1/records`.
#[utoipa::path(post, path = "/api/teacher/groups/{id}/students", security(("access_token" = []), ("personal_token" = [])),
    params(
        ("id" = String, Path, description = "The row's id."),
    ),
    request_body(content = crate::records::Record, description = "`student_id`."),
    responses((status = 202, body = crate::records::HeldAnswer, description = "The right was lost; the change waits for a decision."), (status = 200, body = crate::records::Record, description = "The student had been in the group before."), (status = 201, body = crate::records::Record, description = "The row as the person sees it."), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn add_member(State(app): State<App>, ApiSession(token): ApiSession, path: IdPath, body: Fields) -> Result<Response, Failure> {
    let group = id_of(path)?;
    let student = read(&app, body)?.remove("student_id").ok_or_else(|| needed("student_id"))?;
    let named = |problem: Problem| Problem { fields: vec!["student_id".to_owned()], ..problem };
    let membership = membership_of(group, id_value(&student).map_err(named)?);
    // Asked twice, they have not joined twice: the lessons since they came stay theirs.
    let joined_at = match row(&app, token, "group_memberships", membership).await? {
        Some(mut known) if known.get("is_active") == Some(&json!(true)) => known.remove("joined_at").unwrap_or_default(),
        _ => json!(app.now_ms()),
    };
    put(&app, token, "group_memberships", stay(group, student, true, joined_at, Value::Null)).await
}

fn membership_of(group: Uuid, student: Uuid) -> Uuid {
    waystation_model::ids::derived_id("group_memberships", [Some(group.to_string().as_str()), Some(student.to_string().as_str())])
}

fn id_value(value: &Value) -> Result<Uuid, Problem> {
    let id = value.as_str().and_then(|text| Uuid::parse_str(text).ok());
    id.ok_or_else(|| Problem::new(Code::BadValue, "this is no id"))
}

/// Ends a student's membership in a group.
///
/// # Errors
/// `missing_value`, `not_found`, and as for a change under `/v1/records`.
#[utoipa::path(delete, path = "/api/teacher/groups/{id}/students", security(("access_token" = []), ("personal_token" = [])),
    params(
        ("id" = String, Path, description = "The row's id."),
        ("studentId" = Option<String>, Query, description = "The student. Needed."),
    ),
    responses((status = 202, body = crate::records::HeldAnswer, description = "The right was lost; the change waits for a decision."), (status = 204, description = "Ended, and the person does not see the row any more."), (status = 200, body = crate::records::Record, description = "The row as the person sees it."), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn remove_member(State(app): State<App>, ApiSession(token): ApiSession, path: IdPath, pairs: Pairs) -> Result<Response, Failure> {
    let group = id_of(path)?;
    let student = parameter(&pairs, "studentId").ok_or_else(|| needed("studentId"))?;
    parameters(pairs, &[], &["studentId"])?;
    let student = id_value(&json!(student)).map_err(|problem| problem.field("studentId"))?;
    let id = membership_of(group, student);
    let mut known = row(&app, token, "group_memberships", id).await?.ok_or_else(records::not_found)?;
    // Who has left already left then, and not now.
    let left_at = match known.get("is_active") {
        Some(Value::Bool(false)) => known.remove("left_at").unwrap_or_default(),
        _ => json!(app.now_ms()),
    };
    let joined_at = known.remove("joined_at").unwrap_or_default();
    change(&app, token, "group_memberships", id, stay(group, json!(student), false, joined_at, left_at)).await
}
