//! The routes, and their common layers: a request id, a log line, and errors for unknown routes.

use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, patch, post};
use sqlx::{Connection, PgConnection};
use tracing::Instrument;
use uuid::Uuid;
use waystation_model::{Code, Problem};

use crate::accounts::{
    change_password, end_session, list_invitations, list_sessions, list_tokens, look_at_code, make_invitations, make_token, new_device,
    refresh, revoke_invitation, revoke_token, sign_in, sign_in_with_code, sign_out, sign_out_everywhere, sign_out_others,
};
use crate::content::content;
use crate::database::is_migrated;
use crate::failure::{Failure, REQUEST_ID};
use crate::history::history;
use crate::live::live;
use crate::pull::pull;
use crate::push::push;
use crate::records::{change_record, delete_record, list_records, make_record, read_record};
use crate::school;
use crate::slices::slices;
use crate::state::App;
use crate::unread::drain_unread;

/// Every route.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/v1/accounts/sign-in", post(sign_in))
        .route("/v1/accounts/refresh", post(refresh))
        .route("/v1/accounts/sign-out", post(sign_out))
        .route("/v1/accounts/sign-out-everywhere", post(sign_out_everywhere))
        .route("/v1/accounts/sign-out-others", post(sign_out_others))
        .route("/v1/accounts/device", post(new_device))
        .route("/v1/accounts/code", post(look_at_code))
        .route("/v1/accounts/sign-in-with-code", post(sign_in_with_code))
        .route("/v1/accounts/password", post(change_password))
        .route("/v1/accounts/sessions", get(list_sessions))
        .route("/v1/accounts/sessions/{id}", delete(end_session))
        .route("/v1/invitations", post(make_invitations).get(list_invitations))
        .route("/v1/invitations/{id}", delete(revoke_invitation))
        .route("/v1/sync/push", post(push))
        .route("/v1/sync/pull", post(pull))
        .route("/v1/sync/slices", post(slices))
        .route("/v1/sync/live", get(live))
        .route("/v1/content/{sha256}", get(content))
        .route("/v1/history/{entity}/{id}", get(history))
        .route("/v1/tokens", post(make_token).get(list_tokens))
        .route("/v1/tokens/{id}", delete(revoke_token))
        .route("/v1/records/{table}", get(list_records).post(make_record))
        .route("/v1/records/{table}/{id}", get(read_record).patch(change_record).delete(delete_record))
        .route("/api/auth/login", post(school::login))
        .route("/api/auth/me", get(school::me))
        .route("/api/teacher/groups", get(school::list_groups).post(school::make_group))
        .route("/api/teacher/groups/{id}", patch(school::change_group).delete(school::delete_group))
        .route("/api/teacher/groups/{id}/students", post(school::add_member).delete(school::remove_member))
        .route("/api/teacher/students", get(school::list_students))
        .route("/api/teacher/students/{id}", delete(school::delete_student))
        .route("/api/teacher/students/{id}/hard", delete(school::erase_student))
        .route("/api/teacher/attendance", get(school::attendance_grid).patch(school::change_cell).put(school::put_cell))
        .route("/api/teacher/payments", get(school::list_payments).post(school::make_payment))
        .route("/api/teacher/payments/{id}", delete(school::delete_payment))
        .route("/api/teacher/bulk-import/users", post(school::import_users))
        .route("/api/teacher/coding/import", post(school::import_tasks))
        .route("/api/teacher/coding/tasks", get(school::list_tasks).post(school::make_task))
        .route("/api/teacher/coding/tasks/{id}", patch(school::change_task).delete(school::delete_task))
        .route("/api/teacher/coding/submissions", get(school::list_submissions))
        .route("/api/teacher/coding/ranking", get(school::coding_ranking))
        .route("/api/teacher/tests", get(school::list_tests).post(school::make_test))
        .route("/api/teacher/tests/{id}/answer-key", post(school::make_answer_key).put(school::put_answer_key))
        .route("/api/student/attendance", get(school::own_attendance))
        .route("/api/parent/children", get(school::children))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_route)
        .layer(from_fn(with_request_id))
        .layer(from_fn_with_state(app.waits, drain_unread))
        .with_state(app)
}

/// The process runs.
#[utoipa::path(get, path = "/healthz", responses((status = 200, description = "The process runs.")))]
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// Readiness: the database answers and has the schema.
#[utoipa::path(get, path = "/readyz", responses((status = 200, description = "The database answers and has the schema."), (status = 503, body = waystation_model::Problem)))]
pub(crate) async fn readyz(State(app): State<App>) -> Result<&'static str, Failure> {
    if app.stopping.is_cancelled() {
        return Err(Problem::new(Code::NotReady, "the server is stopping").into());
    }
    // An open connection does not show that another one can be opened.
    check_connections(&app).await?;
    if !is_migrated(&app.pool).await? {
        return Err(Problem::new(Code::NotReady, "the database has not been migrated").into());
    }
    Ok("ready\n")
}

/// Time-out of the readiness check.
const READY_WAIT: Duration = Duration::from_secs(5);

/// Whether a request can get a connection: a free one and, while the pool may grow, a new one.
async fn check_connections(app: &App) -> Result<(), Failure> {
    let pool = &app.pool;
    let probe = async {
        // Serialized, so that frequent checks take no more than one connection.
        let _one_at_a_time = app.readiness_probe.lock().await;
        drop(pool.acquire().await?);
        if pool.size() < pool.options().get_max_connections() {
            // Outside the pool, so that the check occupies no slot of it.
            PgConnection::connect_with(&pool.connect_options()).await?.close().await?;
        }
        Ok::<(), sqlx::Error>(())
    };
    let no_connection = || Problem::new(Code::NotReady, "the database gives no connection");
    match tokio::time::timeout(READY_WAIT, probe).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => {
            tracing::warn!(%error, "not ready: the database gives no connection");
            Err(no_connection().into())
        }
        Err(_) => Err(no_connection().into()),
    }
}

async fn no_such_route() -> Failure {
    Problem::new(Code::NoSuchRoute, "no route of this name and method").into()
}

async fn with_request_id(request: Request, next: Next) -> Response {
    let id = Uuid::now_v7().to_string();
    // Thousands of laptops pull every minute: successful pulls are logged at debug level only.
    let quiet = request.uri().path() == "/v1/sync/pull";
    let span = tracing::info_span!("request", id = %id, method = %request.method(), path = %request.uri().path());
    let answer = REQUEST_ID.scope(id.clone(), async move {
        let started = std::time::Instant::now();
        let answer = next.run(request).await;
        let (status, took_us) = (answer.status().as_u16(), u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX));
        if quiet && answer.status().is_success() {
            tracing::debug!(status, took_us, "answered");
        } else {
            tracing::info!(status, took_us, "answered");
        }
        answer
    });
    let mut answer = answer.instrument(span).await;
    if let Ok(value) = HeaderValue::from_str(&id) {
        answer.headers_mut().insert("x-request-id", value);
    }
    if answer.status() == StatusCode::INTERNAL_SERVER_ERROR && answer.headers().get("content-type").is_none() {
        return Failure::broken("an answer without a body").into_response();
    }
    answer
}
