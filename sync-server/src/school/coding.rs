//! `/api/teacher/coding`: coding tasks, what was handed in, and the ranking.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::HashMap;
use utoipa::ToSchema;
use waystation_model::rules::ranking::{Submission, rank};

use super::*;

/// Coding tasks that were not deleted.
///
/// # Errors
/// As for a list under `/v1/records`.
#[utoipa::path(get, path = "/api/teacher/coding/tasks", security(("access_token" = []), ("personal_token" = [])),
    params(
        ("sort" = Option<String>, Query, description = "Up to three columns, separated by commas; `-` before one sorts in descending order."),
        ("after" = Option<String>, Query, description = "`next` of the page before."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "Rows of a page; 100 by default."),
    ),
    responses((status = 200, body = crate::records::RecordList), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn list_tasks(State(app): State<App>, ApiSession(token): ApiSession, pairs: Pairs) -> Result<Json<RecordList>, Failure> {
    list(&app, token, "coding_tasks", parameters(pairs, &[], &[])?, &[condition("deleted_at", "empty", Value::Null)]).await
}

/// Makes a coding task.
///
/// # Errors
/// As for a new row under `/v1/records`.
#[utoipa::path(post, path = "/api/teacher/coding/tasks", security(("access_token" = []), ("personal_token" = [])),
    request_body(content = crate::records::Record, description = "Columns and values."),
    responses((status = 202, body = crate::records::HeldAnswer, description = "The right was lost; the change waits for a decision."), (status = 201, body = crate::records::Record, description = "The row as the person sees it."), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn make_task(State(app): State<App>, ApiSession(token): ApiSession, body: Fields) -> Result<Response, Failure> {
    make(&app, token, "coding_tasks", read(&app, body)?).await
}

/// Changes a coding task.
///
/// # Errors
/// As for a change under `/v1/records`.
#[utoipa::path(patch, path = "/api/teacher/coding/tasks/{id}", security(("access_token" = []), ("personal_token" = [])),
    params(
        ("id" = String, Path, description = "The row's id."),
    ),
    request_body(content = crate::records::Record, description = "Columns and their new values."),
    responses((status = 202, body = crate::records::HeldAnswer, description = "The right was lost; the change waits for a decision."), (status = 204, description = "Changed, and the person does not see the row any more."), (status = 200, body = crate::records::Record, description = "The row as the person sees it."), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn change_task(State(app): State<App>, ApiSession(token): ApiSession, path: IdPath, body: Fields) -> Result<Response, Failure> {
    change(&app, token, "coding_tasks", id_of(path)?, read(&app, body)?).await
}

/// Marks a coding task as deleted.
///
/// # Errors
/// As for a change under `/v1/records`.
#[utoipa::path(delete, path = "/api/teacher/coding/tasks/{id}", security(("access_token" = []), ("personal_token" = [])),
    params(
        ("id" = String, Path, description = "The row's id."),
    ),
    responses((status = 202, body = crate::records::HeldAnswer, description = "The right was lost; the change waits for a decision."), (status = 204, description = "Deleted, and the person does not see the row any more."), (status = 200, body = crate::records::Record, description = "The row as the person sees it."), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn delete_task(State(app): State<App>, ApiSession(token): ApiSession, path: IdPath) -> Result<Response, Failure> {
    mark_deleted(&app, token, "coding_tasks", id_of(path)?).await
}

/// What was handed in.
///
/// # Errors
/// As for a list under `/v1/records`.
#[utoipa::path(get, path = "/api/teacher/coding/submissions", security(("access_token" = []), ("personal_token" = [])),
    params(
        ("studentId" = Option<String>, Query, description = "Only by this student."),
        ("sort" = Option<String>, Query, description = "Up to three columns, separated by commas; `-` before one sorts in descending order."),
        ("after" = Option<String>, Query, description = "`next` of the page before."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "Rows of a page; 100 by default."),
    ),
    responses((status = 200, body = crate::records::RecordList), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn list_submissions(State(app): State<App>, ApiSession(token): ApiSession, pairs: Pairs) -> Result<Json<RecordList>, Failure> {
    list(&app, token, "coding_submissions", parameters(pairs, &[("studentId", "user_id")], &[])?, &[]).await
}

/// One learner of a ranking.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RankedStudent {
    /// The learner.
    pub student_id: String,
    /// From 1; equal learners share a place.
    pub place: u32,
    /// Tasks solved.
    pub solved: u32,
    /// Points earned.
    pub points: i64,
    /// Submissions.
    pub attempts: u32,
}

/// The learners of a group, or all that the person sees, by their points.
///
/// # Errors
/// `bad_value` with its field, and as for a list under `/v1/records`.
#[utoipa::path(get, path = "/api/teacher/coding/ranking", security(("access_token" = []), ("personal_token" = [])),
    params(
        ("groupId" = Option<String>, Query, description = "Only of this group."),
    ),
    responses((status = 200, body = Vec<RankedStudent>), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn coding_ranking(
    State(app): State<App>,
    ApiSession(token): ApiSession,
    pairs: Pairs,
) -> Result<Json<Vec<RankedStudent>>, Failure> {
    let group = parameter(&pairs, "groupId");
    parameters(pairs, &[], &["groupId"])?;
    let of_group: Vec<Value> = group.into_iter().map(|group| condition("group_id", "is", json!(group))).collect();
    let renamed = |failure: Failure| match failure {
        Failure::Problem(problem) if problem.fields == ["group_id"] => Problem { fields: vec!["groupId".to_owned()], ..problem }.into(),
        other => other,
    };
    let handed_in =
        all(&app, token, "coding_submissions", &of_group, Some(&["coding_task_id", "user_id", "status"])).await.map_err(renamed)?;
    let tasks = all(&app, token, "coding_tasks", &[condition("deleted_at", "empty", Value::Null)], Some(&["id", "points"])).await?;
    let points: HashMap<String, i64> =
        tasks.iter().map(|task| (text(task, "id"), task.get("points").and_then(Value::as_i64).unwrap_or(0))).collect();
    let submissions = handed_in.iter().filter_map(|row| {
        let task_id = text(row, "coding_task_id");
        let points = *points.get(&task_id)?;
        Some(Submission { user_id: text(row, "user_id"), task_id, points, passed: text(row, "status") == "passed" })
    });
    let ranked = rank(submissions).into_iter().map(|row| RankedStudent {
        student_id: row.user_id,
        place: row.place,
        solved: row.solved,
        points: row.points,
        attempts: row.attempts,
    });
    Ok(Json(ranked.collect()))
}
