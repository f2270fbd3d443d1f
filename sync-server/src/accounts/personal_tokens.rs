//! Personal tokens: other programs read and write a person's rows over HTTP with them. Each has a device and a session of its own,
//! so that its changes are numbered like a laptop's, and whatever ends the person's sessions ends it.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sqlx::{FromRow, PgConnection};
use utoipa::ToSchema;
use uuid::Uuid;
use waystation_model::limits::REQUEST_BODY_BYTES_MAX;
use waystation_model::{Code, Problem};

use super::routes::make_device;
use super::session::{Session, SessionState, bearer, session_state};
use crate::body::Body;
use crate::failure::Failure;
use crate::state::App;
use crate::uninterrupted::run_to_end;

/// What every personal token begins with, so that a leaked one is recognized.
const PREFIX: &str = "wst_";
/// Random bytes of a token.
const SECRET_BYTES: usize = 32;
/// The longest lifetime of a token in days.
const EXPIRES_IN_DAYS_MAX: i64 = 365;
/// The longest name of a token in characters.
const NAME_LENGTH_MAX: usize = 100;
/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// The platform of a token's device.
const PLATFORM: &str = "http";
/// How old the stored time of the last use may be: reading must not write each time.
const LAST_USED_OLD_MS: i64 = 60_000;

/// The session of a request with a personal token.
#[derive(Debug, Clone, Copy)]
pub struct TokenSession {
    /// The session; its device numbers the token's changes.
    pub session: Session,
    /// The token.
    pub token_id: Uuid,
    /// Whether it may write.
    pub may_write: bool,
}

impl TokenSession {
    /// Refuses a token that may only read.
    ///
    /// # Errors
    /// `not_allowed`.
    pub fn check_writes(&self) -> Result<(), Problem> {
        if self.may_write { Ok(()) } else { Err(Problem::new(Code::NotAllowed, "this token may only read")) }
    }
}

/// Whether a request has a personal token, and no access token.
pub fn has_personal_token(parts: &Parts) -> bool {
    bearer(parts).is_ok_and(|token| token.starts_with(PREFIX))
}

#[derive(FromRow)]
struct Known {
    id: Uuid,
    user_id: Uuid,
    organization_id: Uuid,
    device_id: Uuid,
    session_id: Uuid,
    may_write: bool,
    expires_ms: i64,
    last_used_ms: i64,
    epoch: Option<i64>,
    #[sqlx(flatten)]
    state: SessionState,
}

impl FromRequestParts<App> for TokenSession {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let token = bearer(parts)?;
        let unknown = || Problem::new(Code::TokenExpired, "this is no valid personal token");
        let hash = token.strip_prefix(PREFIX).map(|_| token_hash(token)).ok_or_else(unknown)?;
        let mut connection = app.pool.acquire().await?;
        let known = find(&mut connection, &hash).await?.ok_or_else(unknown)?;
        let now_ms = app.now_ms();
        if known.expires_ms <= now_ms {
            return Err(Problem::new(Code::TokenExpired, "the personal token has expired").into());
        }
        known.state.check()?;
        if known.last_used_ms <= now_ms - LAST_USED_OLD_MS {
            let sql = "UPDATE personal_tokens SET last_used_at = to_timestamp($2 / 1000.0) WHERE id = $1";
            sqlx::query(sql).bind(known.id).bind(now_ms as f64).execute(&mut *connection).await?;
        }
        drop(connection);
        if known.epoch != Some(app.epoch.number()) {
            // The database was replaced: cached subscriptions belong to the former one.
            app.settle().await?;
        }
        let Known { id, user_id, organization_id, device_id, session_id, may_write, .. } = known;
        Ok(TokenSession { session: Session { user_id, organization_id, device_id, session_id }, token_id: id, may_write })
    }
}

async fn find(connection: &mut PgConnection, hash: &[u8]) -> Result<Option<Known>, Failure> {
    let sql = concat!(
        "SELECT p.id, p.user_id, p.organization_id, p.device_id, p.session_id, p.may_write, epoch_current() AS epoch, \
         (extract(epoch FROM p.expires_at) * 1000)::bigint AS expires_ms, \
         coalesce((extract(epoch FROM p.last_used_at) * 1000)::bigint, 0) AS last_used_ms, ",
        session_state!(),
        " JOIN personal_tokens p ON p.session_id = s.id WHERE p.token_hash = $1"
    );
    Ok(sqlx::query_as(sql).bind(hash).fetch_optional(connection).await?)
}

fn token_hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

/// `POST /v1/tokens`
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewToken {
    /// What the token is for, 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// Days until it expires.
    #[schema(minimum = 1, maximum = 365)]
    pub expires_in_days: i64,
    /// Whether it may write; otherwise it only reads.
    #[serde(default)]
    pub may_write: bool,
}

/// A personal token, without its secret.
#[derive(Debug, Serialize, Deserialize, FromRow, ToSchema)]
pub struct PersonalToken {
    /// Its id.
    #[schema(value_type = String)]
    pub id: Uuid,
    /// What it is for.
    pub name: String,
    /// Whether it may write.
    pub may_write: bool,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Milliseconds since 1970.
    pub expires_at: i64,
    /// Milliseconds since 1970, to the minute; null when it was never used.
    pub last_used_at: Option<i64>,
}

/// A new personal token. Its secret is in this answer only.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct MadeToken {
    /// For `Authorization: Bearer`.
    pub secret: String,
    /// The token.
    pub token: PersonalToken,
}

/// The person's personal tokens.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PersonalTokens {
    /// Those that are neither expired nor revoked, the newest first.
    pub tokens: Vec<PersonalToken>,
}

/// Makes a personal token.
///
/// # Errors
/// `bad_value` with its field, `too_many_devices`, or when the session ended.
#[utoipa::path(post, path = "/v1/tokens", security(("access_token" = [])), request_body = NewToken, responses((status = 201, body = MadeToken), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn make_token(
    State(app): State<App>,
    session: Session,
    Body(request): Body<NewToken, REQUEST_BODY_BYTES_MAX>,
) -> Result<(StatusCode, Json<MadeToken>), Failure> {
    let request = checked(request)?;
    run_to_end(async move { made_token(&app, session, request).await.map(|made| (StatusCode::CREATED, Json(made))) }).await
}

fn checked(request: NewToken) -> Result<NewToken, Problem> {
    let name: String = request.name.trim().to_owned();
    if name.is_empty() || name.chars().count() > NAME_LENGTH_MAX || name.chars().any(char::is_control) {
        return Err(Problem::new(Code::BadValue, format!("the name needs 1 to {NAME_LENGTH_MAX} characters")).field("name"));
    }
    if !(1..=EXPIRES_IN_DAYS_MAX).contains(&request.expires_in_days) {
        return Err(Problem::new(Code::BadValue, format!("a token lasts 1 to {EXPIRES_IN_DAYS_MAX} days")).field("expires_in_days"));
    }
    Ok(NewToken { name, ..request })
}

async fn made_token(app: &App, session: Session, request: NewToken) -> Result<MadeToken, Failure> {
    let secret: [u8; SECRET_BYTES] = rand::random();
    let secret = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(secret));
    let now_ms = app.now_ms();
    let token = PersonalToken {
        id: Uuid::now_v7(),
        name: request.name,
        may_write: request.may_write,
        created_at: now_ms,
        expires_at: now_ms + request.expires_in_days * DAY_MS,
        last_used_at: None,
    };
    let mut transaction = app.tenant(session.organization_id).begin().await?;
    session.check_alive(&mut transaction).await?;
    revoke_devices(&mut transaction, session.user_id, now_ms).await?;
    let (device, _) = make_device(&mut transaction, session.organization_id, session.user_id, &token.name, PLATFORM).await?;
    let device_session = make_session(&mut transaction, session.user_id, device, token.expires_at).await?;
    sqlx::query(
        "INSERT INTO personal_tokens (id, organization_id, user_id, device_id, session_id, name, may_write, token_hash, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, to_timestamp($9 / 1000.0), to_timestamp($10 / 1000.0))",
    )
    .bind(token.id)
    .bind(session.organization_id)
    .bind(session.user_id)
    .bind(device)
    .bind(device_session)
    .bind(&token.name)
    .bind(token.may_write)
    .bind(token_hash(&secret))
    .bind(token.created_at as f64)
    .bind(token.expires_at as f64)
    .execute(&mut *transaction)
    .await?;
    let moved = crate::database::commit(transaction).await?;
    app.moved(moved);
    Ok(MadeToken { secret, token })
}

/// The session of a token's device. Its refresh token is random and unknown to everybody: nobody gets an access token from it.
async fn make_session(connection: &mut PgConnection, user: Uuid, device: Uuid, expires_ms: i64) -> Result<Uuid, Failure> {
    let id = Uuid::now_v7();
    let nobodys: [u8; 32] = rand::random();
    sqlx::query(
        "INSERT INTO user_sessions (id, user_id, device_id, refresh_token_hash, created_at, last_used_at, expires_at) \
         VALUES ($1, $2, $3, $4, now(), now(), to_timestamp($5 / 1000.0))",
    )
    .bind(id)
    .bind(user)
    .bind(device)
    .bind(nobodys.as_slice())
    .bind(expires_ms as f64)
    .execute(connection)
    .await?;
    Ok(id)
}

/// Revokes the devices of a person's tokens that have ended, so that these do not count towards the limit of devices.
async fn revoke_devices(connection: &mut PgConnection, user: Uuid, now_ms: i64) -> Result<(), Failure> {
    sqlx::query(
        "UPDATE devices d SET revoked_at = to_timestamp($2 / 1000.0) FROM personal_tokens p JOIN user_sessions s ON s.id = p.session_id \
         WHERE p.user_id = $1 AND d.id = p.device_id AND d.revoked_at IS NULL AND (s.ended_at IS NOT NULL OR p.expires_at <= to_timestamp($2 / 1000.0))",
    )
    .bind(user)
    .bind(now_ms as f64)
    .execute(connection)
    .await?;
    Ok(())
}

/// Lists the person's personal tokens.
///
/// # Errors
/// When the session ended.
#[utoipa::path(get, path = "/v1/tokens", security(("access_token" = [])), responses((status = 200, body = PersonalTokens), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn list_tokens(State(app): State<App>, session: Session) -> Result<Json<PersonalTokens>, Failure> {
    let mut transaction = app.tenant(session.organization_id).begin().await?;
    session.check_alive(&mut transaction).await?;
    let tokens = sqlx::query_as(
        "SELECT p.id, p.name, p.may_write, (extract(epoch FROM p.created_at) * 1000)::bigint AS created_at, \
             (extract(epoch FROM p.expires_at) * 1000)::bigint AS expires_at, \
             (extract(epoch FROM p.last_used_at) * 1000)::bigint AS last_used_at \
         FROM personal_tokens p JOIN user_sessions s ON s.id = p.session_id JOIN devices d ON d.id = p.device_id \
         WHERE p.user_id = $1 AND s.ended_at IS NULL AND d.revoked_at IS NULL AND p.expires_at > to_timestamp($2 / 1000.0) \
         ORDER BY p.created_at DESC, p.id DESC",
    )
    .bind(session.user_id)
    .bind(app.now_ms() as f64)
    .fetch_all(&mut *transaction)
    .await?;
    Ok(Json(PersonalTokens { tokens }))
}

/// Revokes a personal token of this person. Revoking it again changes nothing.
///
/// # Errors
/// `not_found` for a token that is not this person's.
#[utoipa::path(delete, path = "/v1/tokens/{id}", security(("access_token" = [])), params(("id" = String, Path, description = "The token's id.")), responses((status = 204, description = "The token is revoked."), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn revoke_token(State(app): State<App>, session: Session, id: Result<Path<Uuid>, PathRejection>) -> Result<StatusCode, Failure> {
    let not_found = || Problem::new(Code::NotFound, "there is no such token");
    let Path(id) = id.map_err(|_| not_found())?;
    run_to_end(async move {
        let mut transaction = app.tenant(session.organization_id).begin().await?;
        session.check_alive(&mut transaction).await?;
        let found: Option<Uuid> = sqlx::query_scalar("SELECT session_id FROM personal_tokens WHERE id = $1 AND user_id = $2")
            .bind(id)
            .bind(session.user_id)
            .fetch_optional(&mut *transaction)
            .await?;
        let token_session = found.ok_or_else(not_found)?;
        sqlx::query("UPDATE user_sessions SET ended_at = now() WHERE id = $1 AND ended_at IS NULL")
            .bind(token_session)
            .execute(&mut *transaction)
            .await?;
        revoke_devices(&mut transaction, session.user_id, app.now_ms()).await?;
        let moved = crate::database::commit(transaction).await?;
        app.moved(moved);
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}
