//! The session behind a request, read from its access token.

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use uuid::Uuid;
use waystation_model::{Code, Problem};

use crate::failure::Failure;
use crate::state::App;

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
    /// `session_ended`, `device_revoked` or `account_closed`.
    pub async fn check_alive(&self, connection: &mut sqlx::PgConnection) -> Result<(), Failure> {
        let row: Option<(bool, bool, bool)> = sqlx::query_as(
            "SELECT s.ended_at IS NOT NULL, d.revoked_at IS NOT NULL, u.status <> 'active' OR u.deleted_at IS NOT NULL \
                 OR o.deleted_at IS NOT NULL OR o.status IN ('suspended', 'closed') \
             FROM user_sessions s JOIN devices d ON d.id = s.device_id JOIN users u ON u.id = s.user_id \
             JOIN organizations o ON o.id = u.organization_id WHERE s.id = $1",
        )
        .bind(self.session_id)
        .fetch_optional(connection)
        .await?;
        match row {
            None | Some((true, _, _)) => Err(Problem::new(Code::SessionEnded, "the session was ended").into()),
            Some((_, true, _)) => Err(Problem::new(Code::DeviceRevoked, "the device was revoked").into()),
            Some((_, _, true)) => Err(Problem::new(Code::AccountClosed, "the account is closed").into()),
            Some(_) => Ok(()),
        }
    }
}

impl FromRequestParts<App> for Session {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let token = parts
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or_else(|| Problem::new(Code::TokenExpired, "there is no access token"))?;
        let claims = app.tokens.read(token)?;
        Ok(Session { user_id: claims.sub, organization_id: claims.org, device_id: claims.dev, session_id: claims.sid })
    }
}
