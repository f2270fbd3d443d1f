//! The session behind a request, read from its access token.

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use uuid::Uuid;
use waystation_model::{Code, Problem};

use crate::failure::Failure;
use crate::state::App;

/// Columns that tell whether the account `u` of the organization `o` is open.
macro_rules! account_state {
    () => {
        "u.status <> 'active' OR u.deleted_at IS NOT NULL OR o.deleted_at IS NOT NULL OR o.status = 'closed' AS is_closed, \
             o.status = 'suspended' AS is_suspended"
    };
}
pub(super) use account_state;

/// Columns and joins that tell whether the session `s` may still be used.
macro_rules! session_state {
    () => {
        concat!(
            "s.ended_at IS NOT NULL AS is_ended, d.revoked_at IS NOT NULL AS is_revoked, ",
            $crate::accounts::session::account_state!(),
            " FROM user_sessions s JOIN devices d ON d.id = s.device_id JOIN users u ON u.id = s.user_id \
             JOIN organizations o ON o.id = u.organization_id"
        )
    };
}
pub(super) use session_state;

/// The session behind a request.
#[derive(Debug, Clone, Copy)]
pub struct Session {
    /// The user.
    pub user_id: Uuid,
    /// Their organization.
    pub organization_id: Uuid,
    /// The device.
    pub device_id: Uuid,
    /// The session.
    pub session_id: Uuid,
}

impl Session {
    /// Refuses a request that names a device other than the session's.
    ///
    /// # Errors
    /// `device_not_yours`.
    pub fn check_device(&self, device: Uuid) -> Result<(), Problem> {
        if device == self.device_id {
            return Ok(());
        }
        Err(Problem::new(Code::DeviceNotYours, "the session belongs to another device"))
    }

    /// Refuses a session that was ended, a device that was revoked, or an account or organization that was
    /// closed since the token was made.
    ///
    /// # Errors
    /// `session_ended`, `device_revoked`, `account_closed` or `organization_suspended`.
    pub async fn check_alive(&self, connection: &mut sqlx::PgConnection) -> Result<(), Failure> {
        let state: Option<SessionState> = sqlx::query_as(concat!("SELECT ", session_state!(), " WHERE s.id = $1"))
            .bind(self.session_id)
            .fetch_optional(connection)
            .await?;
        Ok(state.ok_or_else(ended)?.check()?)
    }
}

/// Whether an account is open.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub struct AccountState {
    /// The account or its organization is closed.
    pub is_closed: bool,
    /// The organization is suspended.
    pub is_suspended: bool,
}

impl AccountState {
    /// Refuses an account that is not open. A closed account stays closed when its organization is resumed, so that comes first.
    ///
    /// # Errors
    /// `account_closed` or `organization_suspended`.
    pub fn check(self) -> Result<(), Problem> {
        match self {
            AccountState { is_closed: true, .. } => Err(Problem::new(Code::AccountClosed, "the account is closed")),
            AccountState { is_suspended: true, .. } => Err(suspended()),
            _ => Ok(()),
        }
    }
}

/// The refusal of everybody in a suspended organization.
pub fn suspended() -> Problem {
    Problem::new(Code::OrganizationSuspended, "the organization is suspended")
}

/// Whether a session may still be used.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub(super) struct SessionState {
    is_ended: bool,
    is_revoked: bool,
    #[sqlx(flatten)]
    account: AccountState,
}

impl SessionState {
    /// Refuses what was ended, revoked or closed.
    pub(super) fn check(self) -> Result<(), Problem> {
        match self {
            SessionState { is_ended: true, .. } => Err(ended()),
            SessionState { is_revoked: true, .. } => Err(Problem::new(Code::DeviceRevoked, "the device was revoked")),
            SessionState { account, .. } => account.check(),
        }
    }
}

fn ended() -> Problem {
    Problem::new(Code::SessionEnded, "the session was ended")
}

/// The token of an `Authorization: Bearer` header.
pub(super) fn bearer(parts: &Parts) -> Result<&str, Problem> {
    let value = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    value.and_then(|value| value.strip_prefix("Bearer ")).ok_or_else(|| Problem::new(Code::TokenExpired, "there is no access token"))
}

impl FromRequestParts<App> for Session {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let token = bearer(parts)?;
        let claims = app.tokens.read(token)?;
        Ok(Session { user_id: claims.sub, organization_id: claims.org, device_id: claims.dev, session_id: claims.sid })
    }
}
