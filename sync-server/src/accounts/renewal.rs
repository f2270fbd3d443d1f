//! Refreshing access tokens, and ending a session whose older refresh token is used again.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, Postgres, Transaction};
use utoipa::ToSchema;
use uuid::Uuid;
use waystation_model::limits::REQUEST_BODY_BYTES_MAX;
use waystation_model::{Code, Problem};

use super::routes::access_token;
use super::session::Session;
use super::tokens::{SESSION_DAYS, refresh_hash, session_of};
use crate::body::Body;
use crate::failure::Failure;
use crate::state::App;
use crate::uninterrupted::{begin, run_to_end};

/// How long a request may be delayed while a later one overtakes it: longer than the time-outs of the server and of any proxy.
const OVERTAKEN_MINUTES_MAX: i32 = 10;

/// `POST /v1/accounts/refresh`
#[derive(Debug, Deserialize, ToSchema)]
pub struct Refresh {
    /// The newest refresh token that the laptop holds.
    pub refresh_token: String,
}

/// The answer to a refresh.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Refreshed {
    /// For `Authorization: Bearer`.
    pub access_token: String,
    /// Milliseconds since 1970.
    pub access_expires_at: i64,
    /// The next refresh token. The one that was sent stays valid until this one is used.
    pub refresh_token: String,
    /// The server's clock, in milliseconds.
    pub server_time: i64,
}

/// A session's row, read and locked for a refresh.
#[derive(sqlx::FromRow)]
struct Found {
    id: Uuid,
    user_id: Uuid,
    organization_id: Uuid,
    device_id: Uuid,
    refresh_token_hash: Vec<u8>,
    next_refresh_token_hash: Option<Vec<u8>>,
}

/// Reads and locks the open session that matches the condition. Each condition has its own index.
macro_rules! open_session_where {
    ($condition:literal) => {
        concat!(
            "SELECT s.id, s.user_id, u.organization_id, s.device_id, s.refresh_token_hash, s.next_refresh_token_hash ",
            "FROM user_sessions s JOIN users u ON u.id = s.user_id ",
            "WHERE s.ended_at IS NULL AND s.expires_at > now() AND ",
            $condition,
            " FOR UPDATE OF s"
        )
    };
}

/// Gives a new access token for a refresh token.
///
/// The session stores two hashes: the current token's and the next one's. Sending the current token again returns the same next
/// one, so a lost answer costs nothing. Sending the next token makes it the current one. An older token means that two programs use
/// the session and one of them is not its owner's: the session ends, and the owner signs in again. The exception is a token that
/// was replaced a moment ago: its request may have been overtaken, so it is refused without ending the session.
///
/// # Errors
/// `session_ended`, `device_revoked`, `account_closed`.
#[utoipa::path(post, path = "/v1/accounts/refresh", request_body = Refresh, responses((status = 200, body = Refreshed), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn refresh(State(app): State<App>, Body(request): Body<Refresh, REQUEST_BODY_BYTES_MAX>) -> Result<Json<Refreshed>, Failure> {
    run_to_end(async move { refreshed(&app, &request).await.map(Json) }).await
}

async fn refreshed(app: &App, request: &Refresh) -> Result<Refreshed, Failure> {
    let ended = || Problem::new(Code::SessionEnded, "the session was ended");
    let hash = refresh_hash(&request.refresh_token);
    let mut transaction = begin(&app.pool).await?;
    let found = find(&mut transaction, session_of(&request.refresh_token), &hash).await?.ok_or_else(ended)?;
    let Found { id: session_id, user_id, organization_id, device_id, .. } = found;
    if found.refresh_token_hash != hash && found.next_refresh_token_hash.as_ref() != Some(&hash) {
        if !was_replaced_recently(&mut transaction, session_id, &hash).await? {
            tracing::warn!(session = %session_id, user = %user_id, device = %device_id, "an older refresh token came back: the session is ended");
            end(app, transaction, session_id).await?;
        }
        return Err(ended().into());
    }
    let session = Session { user_id, organization_id, device_id, session_id };
    session.check_alive(&mut transaction).await?;
    let next_token = app.tokens.next_refresh_token(session_id, &request.refresh_token)?;
    if found.refresh_token_hash != hash {
        store_replaced_token(&mut transaction, session_id, &found.refresh_token_hash).await?;
    }
    sqlx::query(
        "UPDATE user_sessions SET \
             refresh_token_hash = $2, next_refresh_token_hash = $3, last_used_at = now(), expires_at = now() + make_interval(days => $4) \
         WHERE id = $1",
    )
    .bind(session_id)
    .bind(&hash)
    .bind(refresh_hash(&next_token))
    .bind(i32::try_from(SESSION_DAYS).unwrap_or(i32::MAX))
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    let (access_token, access_expires_at) = access_token(app, user_id, organization_id, device_id, session_id)?;
    Ok(Refreshed { access_token, access_expires_at, refresh_token: next_token, server_time: app.now_ms() })
}

/// The open session that a token names, locked; for a token in the old format, the session that has its hash.
async fn find(connection: &mut PgConnection, named: Option<Uuid>, hash: &[u8]) -> Result<Option<Found>, Failure> {
    let found = match named {
        Some(session) => sqlx::query_as(open_session_where!("s.id = $1")).bind(session),
        None => sqlx::query_as(open_session_where!("(s.refresh_token_hash = $1 OR s.next_refresh_token_hash = $1)")).bind(hash),
    };
    Ok(found.fetch_optional(connection).await?)
}

/// Whether this was the session's current token until [`OVERTAKEN_MINUTES_MAX`] ago.
async fn was_replaced_recently(connection: &mut PgConnection, session: Uuid, hash: &[u8]) -> Result<bool, Failure> {
    let sql = "SELECT EXISTS (SELECT FROM left_refresh_tokens \
         WHERE session_id = $1 AND hash = $2 AND left_at > now() - make_interval(mins => $3))";
    Ok(sqlx::query_scalar(sql).bind(session).bind(hash).bind(OVERTAKEN_MINUTES_MAX).fetch_one(connection).await?)
}

/// Stores the token that is being replaced, and deletes those that are older than any delayed request.
async fn store_replaced_token(connection: &mut PgConnection, session: Uuid, hash: &[u8]) -> Result<(), Failure> {
    sqlx::query("DELETE FROM left_refresh_tokens WHERE session_id = $1 AND left_at <= now() - make_interval(mins => $2)")
        .bind(session)
        .bind(OVERTAKEN_MINUTES_MAX)
        .execute(&mut *connection)
        .await?;
    sqlx::query("INSERT INTO left_refresh_tokens (session_id, hash) VALUES ($1, $2) ON CONFLICT (session_id, hash) DO NOTHING")
        .bind(session)
        .bind(hash)
        .execute(connection)
        .await?;
    Ok(())
}

/// Ends a session, and its open streams with it.
async fn end(app: &App, mut transaction: Transaction<'static, Postgres>, session: Uuid) -> Result<(), Failure> {
    sqlx::query("UPDATE user_sessions SET ended_at = now() WHERE id = $1 AND ended_at IS NULL")
        .bind(session)
        .execute(&mut *transaction)
        .await?;
    let moved = crate::database::commit(transaction).await?;
    app.moved(moved);
    Ok(())
}
