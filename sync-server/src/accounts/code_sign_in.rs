//! Signing in with the one-time code of an invitation: what the code is for, and its use, which chooses a password.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgConnection};
use utoipa::ToSchema;
use uuid::Uuid;
use waystation_model::limits::{PASSWORD_LENGTH_MIN, REQUEST_BODY_BYTES_MAX};
use waystation_model::{Code, Problem};

use super::codes::code_hash;
use super::invitations::attribute;
use super::names::Account;
use super::passwords::{PASSWORD_BYTES_MAX, hash_password};
use super::routes::{DeviceGiven, SignedIn, address_of, device_of, enter};
use super::session::{AccountState, suspended};
use crate::body::Body;
use crate::connections::Peer;
use crate::failure::Failure;
use crate::state::App;
use crate::uninterrupted::{begin, run_to_end};

/// The longest user name in characters.
const USER_NAME_LENGTH_MAX: usize = 150;

/// `POST /v1/accounts/code`
#[derive(Debug, Deserialize, ToSchema)]
pub struct CodeGiven {
    /// The sender's protocol.
    pub protocol: u32,
    /// The code as it was typed or pasted: case, spaces and hyphens do not matter.
    pub code: String,
}

/// Whom a code invites.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct CodeAnswer {
    /// The account.
    #[schema(value_type = String)]
    pub user_id: Uuid,
    /// Full name.
    pub full_name: String,
    /// The user name; null: choose one.
    pub user_name: Option<String>,
    /// The name of their organization.
    pub organization_name: String,
    /// Milliseconds since 1970.
    pub expires_at: i64,
}

/// `POST /v1/accounts/sign-in-with-code`
#[derive(Debug, Deserialize, ToSchema)]
pub struct CodeSignIn {
    /// The sender's protocol.
    pub protocol: u32,
    /// The code.
    pub code: String,
    /// The chosen user name, 1 to 150 characters; ignored when the account has one.
    #[serde(default)]
    pub user_name: Option<String>,
    /// The chosen password, at least 8 characters.
    pub password: String,
    /// The device.
    #[serde(default)]
    pub device: DeviceGiven,
}

/// An invitation with its account.
#[derive(FromRow)]
struct Found {
    id: Uuid,
    user_id: Uuid,
    organization_id: Uuid,
    organization_name: String,
    user_name: Option<String>,
    email: Option<String>,
    full_name: String,
    role: String,
    expires_ms: i64,
    is_used: bool,
    is_revoked: bool,
    is_expired: bool,
    is_closed: bool,
    is_suspended: bool,
}

impl Found {
    /// Refuses an invitation that does not work any more, or whose account is closed.
    fn check(&self) -> Result<(), Problem> {
        let refuse = |code, text: &str| Err(Problem::new(code, text));
        match self {
            Found { is_used: true, .. } => refuse(Code::CodeUsed, "the code was used before"),
            Found { is_revoked: true, .. } => refuse(Code::CodeRevoked, "the code was revoked or replaced"),
            Found { is_expired: true, .. } => refuse(Code::CodeExpired, "the code is too old"),
            Found { is_closed: true, .. } => refuse(Code::AccountClosed, "the account is closed"),
            Found { is_suspended: true, .. } => Err(suspended()),
            _ => Ok(()),
        }
    }

    /// The user name; none when the person has to choose one.
    fn user_name(&self) -> Option<String> {
        self.user_name.clone().filter(|name| !name.is_empty())
    }
}

/// The invitation of a code, with everything that decides whether it works. A code belongs to one organization and one person.
async fn find(connection: &mut PgConnection, hash: &[u8]) -> Result<Found, Failure> {
    let found: Option<Found> = sqlx::query_as(
        "SELECT i.id, i.user_id, i.organization_id, o.name AS organization_name, u.user_name, u.email, u.full_name, u.role, \
             (extract(epoch FROM i.expires_at) * 1000)::bigint AS expires_ms, i.used_at IS NOT NULL AS is_used, \
             i.revoked_at IS NOT NULL AS is_revoked, i.expires_at <= now() AS is_expired, \
             u.deleted_at IS NOT NULL OR u.status NOT IN ('active', 'pending') OR o.deleted_at IS NOT NULL OR o.status = 'closed' AS is_closed, \
             o.status = 'suspended' AS is_suspended \
         FROM invitations i JOIN users u ON u.id = i.user_id JOIN organizations o ON o.id = i.organization_id WHERE i.code_hash = $1",
    )
    .bind(hash)
    .fetch_optional(connection)
    .await?;
    Ok(found.ok_or_else(unknown)?)
}

fn unknown() -> Problem {
    Problem::new(Code::UnknownCode, "no invitation has this code")
}

/// Finds a code's invitation and refuses one that does not work. Every look takes an attempt of the address; a code that works gives
/// the attempts back, so that a class behind one address can sign in at once.
async fn checked(app: &App, address: IpAddr, code: &str) -> Result<(Found, Vec<u8>), Failure> {
    let bucket = format!("code:{address}");
    if !app.sign_ins.take(std::slice::from_ref(&bucket), app.now_ms()) {
        return Err(Problem::new(Code::TooManyAttempts, "too many codes from this address").into());
    }
    let hash = code_hash(code).ok_or_else(unknown)?;
    let mut connection = app.pool.acquire().await?;
    let found = find(&mut connection, &hash).await?;
    found.check()?;
    app.sign_ins.give_back(&bucket);
    Ok((found, hash))
}

/// Answers whom a code invites. The code is not used by this.
///
/// # Errors
/// `unknown_code`, `code_used`, `code_revoked`, `code_expired`, `account_closed`, `organization_suspended`, `too_many_attempts`.
#[utoipa::path(post, path = "/v1/accounts/code", request_body = CodeGiven, responses((status = 200, body = CodeAnswer), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn look_at_code(
    State(app): State<App>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
    Body(request): Body<CodeGiven, REQUEST_BODY_BYTES_MAX>,
) -> Result<Json<CodeAnswer>, Failure> {
    app.protocols.check(request.protocol)?;
    let (found, _) = checked(&app, address_of(peer, &headers), &request.code).await?;
    let user_name = found.user_name();
    Ok(Json(CodeAnswer {
        user_id: found.user_id,
        full_name: found.full_name,
        user_name,
        organization_name: found.organization_name,
        expires_at: found.expires_ms,
    }))
}

/// Uses a code: sets the password, and the user name where there is none, and signs in.
///
/// # Errors
/// As [`look_at_code`], and `password_too_short`, `bad_value` with `password` or `user_name`, `missing_value` or `taken` with
/// `user_name`, `device_not_yours`, `device_revoked`, `too_many_devices`. The code is used only by a success.
#[utoipa::path(post, path = "/v1/accounts/sign-in-with-code", request_body = CodeSignIn, responses((status = 200, body = SignedIn), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn sign_in_with_code(
    State(app): State<App>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
    Body(request): Body<CodeSignIn, REQUEST_BODY_BYTES_MAX>,
) -> Result<Json<SignedIn>, Failure> {
    app.protocols.check(request.protocol)?;
    request.device.check()?;
    let address = address_of(peer, &headers);
    let (found, hash) = checked(&app, address, &request.code).await?;
    check_password_text(&request.password, "password")?;
    let chosen = match found.user_name() {
        Some(_) => None,
        None => Some(user_name_of(request.user_name.as_deref())?),
    };
    let slot = app.passwords.take(Some(address)).await?;
    let password = request.password.clone();
    let (password_hash, slot) = slot.work(move |_| hash_password(&password)).await?;
    drop(slot);
    let use_of_code = UseOfCode { hash, user_id: found.user_id, chosen, password_hash: password_hash.map_err(Failure::broken)? };
    let shared = Arc::new((request.device, headers));
    run_to_end(async move { used(&app, use_of_code, &shared.0, &shared.1).await.map(Json) }).await
}

/// What the use of a code changes.
struct UseOfCode {
    hash: Vec<u8>,
    user_id: Uuid,
    /// The chosen user name; none when the account has one.
    chosen: Option<String>,
    password_hash: String,
}

async fn used(app: &App, change: UseOfCode, given: &DeviceGiven, headers: &HeaderMap) -> Result<SignedIn, Failure> {
    let mut transaction = begin(&app.pool).await?;
    // The account is locked before the invitation, as when one is made. The second of two uses of a code waits here.
    sqlx::query("SELECT id FROM users WHERE id = $1 FOR NO KEY UPDATE").bind(change.user_id).execute(&mut *transaction).await?;
    let found = find(&mut transaction, &change.hash).await?;
    found.check()?;
    let user_name = found.user_name().or(change.chosen.clone());
    let account = Account {
        id: found.user_id,
        organization_id: found.organization_id,
        organization_name: found.organization_name,
        user_name,
        email: found.email,
        full_name: found.full_name,
        role: found.role,
        state: AccountState { is_closed: false, is_suspended: false },
        password_hash: None,
    };
    let device = device_of(&mut transaction, &account, given).await?;
    attribute(&mut transaction, device.0).await?;
    sqlx::query("UPDATE invitations SET used_at = now() WHERE id = $1").bind(found.id).execute(&mut *transaction).await?;
    let stored = sqlx::query(
        "UPDATE users SET password_hash = $2, user_name = coalesce(nullif(user_name, ''), $3), \
             status = CASE WHEN status = 'pending' THEN 'active' ELSE status END WHERE id = $1",
    )
    .bind(account.id)
    .bind(&change.password_hash)
    .bind(&change.chosen)
    .execute(&mut *transaction)
    .await;
    if let Err(error) = stored {
        let failure = Failure::from(error);
        let is_taken = failure.refusal().is_some_and(|refusal| refusal.code == Code::Taken);
        return Err(if is_taken {
            Problem::new(Code::Taken, "another account has this user name").field("user_name").into()
        } else {
            failure
        });
    }
    enter(app, transaction, account, device, &given.secrets_of, headers).await
}

/// Refuses a password that nobody should choose.
///
/// # Errors
/// `password_too_short` or `bad_value`, with the field.
pub(super) fn check_password_text(password: &str, field: &str) -> Result<(), Problem> {
    if password.chars().count() < PASSWORD_LENGTH_MIN {
        return Err(Problem::new(Code::PasswordTooShort, format!("a password has at least {PASSWORD_LENGTH_MIN} characters")).field(field));
    }
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(Problem::new(Code::BadValue, format!("a password has at most {PASSWORD_BYTES_MAX} bytes")).field(field));
    }
    Ok(())
}

/// The chosen user name, without the spaces around it.
fn user_name_of(given: Option<&str>) -> Result<String, Problem> {
    let name = given.unwrap_or_default().trim();
    if name.is_empty() {
        return Err(Problem::new(Code::MissingValue, "choose a user name").field("user_name"));
    }
    if name.chars().count() > USER_NAME_LENGTH_MAX || name.chars().any(char::is_control) {
        return Err(Problem::new(Code::BadValue, format!("a user name has 1 to {USER_NAME_LENGTH_MAX} characters")).field("user_name"));
    }
    Ok(name.to_owned())
}
