//! What people change about their own account: the password, and the sessions of their other laptops.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgConnection};
use utoipa::ToSchema;
use uuid::Uuid;
use waystation_model::limits::REQUEST_BODY_BYTES_MAX;
use waystation_model::{Code, Problem};

use super::code_sign_in::check_password_text;
use super::invitations::attribute;
use super::passwords::{check_password, hash_password};
use super::routes::{store_hash, wrong};
use super::session::Session;
use crate::body::Body;
use crate::failure::Failure;
use crate::state::App;
use crate::uninterrupted::run_to_end;

/// `POST /v1/accounts/password`
#[derive(Debug, Deserialize, ToSchema)]
pub struct PasswordChange {
    /// The present password.
    pub old_password: String,
    /// The next one, at least 8 characters.
    pub new_password: String,
    /// Whether every other session of this person ends, those of personal tokens too.
    #[serde(default)]
    pub end_other_sessions: bool,
}

/// Changes the person's own password. This session goes on.
///
/// The same request again, after its answer was lost, succeeds again.
///
/// # Errors
/// `wrong_password` for the old one, `password_too_short` or `bad_value` for the new one, `too_many_attempts`, or when the session ended.
#[utoipa::path(post, path = "/v1/accounts/password", security(("access_token" = [])), request_body = PasswordChange, responses((status = 204, description = "The password is changed."), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn change_password(
    State(app): State<App>,
    session: Session,
    Body(request): Body<PasswordChange, REQUEST_BODY_BYTES_MAX>,
) -> Result<StatusCode, Failure> {
    let stored = stored_hash(&app, &session).await?;
    check_password_text(&request.new_password, "new_password")?;
    // As for a sign-in with a known device: guessing from elsewhere takes none of these attempts.
    let bucket = format!("device:{}", session.device_id);
    if !app.sign_ins.take(std::slice::from_ref(&bucket), app.now_ms()) {
        return Err(Problem::new(Code::TooManyAttempts, "too many attempts for this account").into());
    }
    let slot = app.passwords.take(None).await?;
    let (most, hash) = (Arc::clone(&app.most_rounds), stored.clone());
    let (old, new) = (request.old_password, request.new_password);
    let (hashed, slot) = slot
        .work(move |memory| {
            let mut fits = |password: &str| check_password(password, hash.as_deref(), &most, memory).0;
            // With the new password stored already, this is the same request again.
            (fits(&old) || fits(&new)).then(|| hash_password(&new))
        })
        .await?;
    drop(slot);
    let new_hash = hashed.ok_or_else(wrong)?.map_err(Failure::broken)?;
    app.sign_ins.give_back(&bucket);
    let ends_others = request.end_other_sessions;
    run_to_end(async move {
        let mut transaction = app.tenant(session.organization_id).begin().await?;
        session.check_alive(&mut transaction).await?;
        let now: Option<String> = sqlx::query_scalar("SELECT password_hash FROM users WHERE id = $1 FOR NO KEY UPDATE")
            .bind(session.user_id)
            .fetch_one(&mut *transaction)
            .await?;
        if now != stored {
            return Err(Problem::new(Code::ChangedMeanwhile, "the password was changed at the same moment").into());
        }
        attribute(&mut transaction, session.device_id).await?;
        store_hash(&mut transaction, session.user_id, &new_hash).await?;
        if ends_others {
            end_others(&mut transaction, &session).await?;
        }
        let moved = crate::database::commit(transaction).await?;
        app.moved(moved);
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

async fn stored_hash(app: &App, session: &Session) -> Result<Option<String>, Failure> {
    let mut transaction = app.tenant(session.organization_id).begin().await?;
    session.check_alive(&mut transaction).await?;
    let sql = "SELECT password_hash FROM users WHERE id = $1";
    Ok(sqlx::query_scalar(sql).bind(session.user_id).fetch_one(&mut *transaction).await?)
}

/// Ends every other session of a person.
async fn end_others(connection: &mut PgConnection, session: &Session) -> Result<(), Failure> {
    sqlx::query("UPDATE user_sessions SET ended_at = now() WHERE user_id = $1 AND id <> $2 AND ended_at IS NULL")
        .bind(session.user_id)
        .bind(session.session_id)
        .execute(connection)
        .await?;
    Ok(())
}

/// An open session of the person.
#[derive(Debug, Serialize, Deserialize, FromRow, ToSchema)]
pub struct OwnSession {
    /// Its id.
    #[schema(value_type = String)]
    pub id: Uuid,
    /// Its device.
    #[schema(value_type = String)]
    pub device_id: Uuid,
    /// Such as the laptop's name; a personal token's is the token's.
    pub device_name: String,
    /// Such as `linux`; `http` for a personal token.
    pub platform: String,
    /// Whether this request uses it.
    pub is_this: bool,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Milliseconds since 1970.
    pub last_used_at: i64,
}

/// The person's open sessions.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct OwnSessions {
    /// The last used first.
    pub sessions: Vec<OwnSession>,
}

/// Lists the person's open sessions: one for each laptop that is signed in, and one for each personal token.
///
/// # Errors
/// When the session ended.
#[utoipa::path(get, path = "/v1/accounts/sessions", security(("access_token" = [])), responses((status = 200, body = OwnSessions), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn list_sessions(State(app): State<App>, session: Session) -> Result<Json<OwnSessions>, Failure> {
    let mut transaction = app.tenant(session.organization_id).begin().await?;
    session.check_alive(&mut transaction).await?;
    let sessions = sqlx::query_as(
        "SELECT s.id, s.device_id, d.name AS device_name, d.platform, s.id = $2 AS is_this, \
             (extract(epoch FROM s.created_at) * 1000)::bigint AS created_at, \
             (extract(epoch FROM greatest(s.last_used_at, t.last_seen_at)) * 1000)::bigint AS last_used_at \
         FROM user_sessions s JOIN devices d ON d.id = s.device_id LEFT JOIN device_states t ON t.device_id = d.id \
         WHERE s.user_id = $1 AND s.ended_at IS NULL AND s.expires_at > now() AND d.revoked_at IS NULL \
         ORDER BY last_used_at DESC, s.id DESC",
    )
    .bind(session.user_id)
    .bind(session.session_id)
    .fetch_all(&mut *transaction)
    .await?;
    Ok(Json(OwnSessions { sessions }))
}

/// Ends one of the person's sessions. Data on its laptop stays, and the laptop goes on offline. Ending it again changes nothing.
///
/// # Errors
/// `not_found` for a session that is not this person's.
#[utoipa::path(delete, path = "/v1/accounts/sessions/{id}", security(("access_token" = [])), params(("id" = String, Path, description = "The session's id.")), responses((status = 204, description = "The session is ended."), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn end_session(State(app): State<App>, session: Session, id: Result<Path<Uuid>, PathRejection>) -> Result<StatusCode, Failure> {
    let not_found = || Problem::new(Code::NotFound, "there is no such session");
    let Path(id) = id.map_err(|_| not_found())?;
    run_to_end(async move {
        let mut transaction = app.tenant(session.organization_id).begin().await?;
        session.check_alive(&mut transaction).await?;
        let ended = sqlx::query("UPDATE user_sessions SET ended_at = coalesce(ended_at, now()) WHERE id = $1 AND user_id = $2")
            .bind(id)
            .bind(session.user_id)
            .execute(&mut *transaction)
            .await?;
        if ended.rows_affected() == 0 {
            return Err(not_found().into());
        }
        let moved = crate::database::commit(transaction).await?;
        app.moved(moved);
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// Ends every other session of the person, on every device. This one goes on.
///
/// # Errors
/// When the session ended.
#[utoipa::path(post, path = "/v1/accounts/sign-out-others", security(("access_token" = [])), responses((status = 204, description = "Every other session of this person is ended."), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn sign_out_others(State(app): State<App>, session: Session) -> Result<StatusCode, Failure> {
    run_to_end(async move {
        let mut transaction = app.tenant(session.organization_id).begin().await?;
        session.check_alive(&mut transaction).await?;
        end_others(&mut transaction, &session).await?;
        let moved = crate::database::commit(transaction).await?;
        app.moved(moved);
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}
