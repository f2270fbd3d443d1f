//! `/api/auth`: signing in, and the session behind every other request.

use axum::extract::{FromRequestParts, State};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::{Extension, Json};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;
use waystation_model::limits::{PROTOCOL_VERSION, REQUEST_BODY_BYTES_MAX};
use waystation_model::{Code, Problem};

use super::records;
use crate::accounts::{DeviceGiven, Session, SignIn, SignedIn, TokenSession, has_personal_token, sign_in};
use crate::body::Body;
use crate::connections::Peer;
use crate::failure::Failure;
use crate::state::App;

/// The platform of a front end's device.
const PLATFORM: &str = "http";

/// The session of a request: of an access token or of a personal token.
#[derive(Debug, Clone, Copy)]
pub struct ApiSession(pub TokenSession);

impl FromRequestParts<App> for ApiSession {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        // Ignored, they would promise what does not happen.
        if let Some(header) = ["idempotency-key", "if-match"].into_iter().find(|header| parts.headers.contains_key(*header)) {
            return Err(Problem::new(Code::BadRequest, format!("{header} is read under /v1/records only")).field(header).into());
        }
        if has_personal_token(parts) {
            return TokenSession::from_request_parts(parts, app).await.map(ApiSession);
        }
        let session = Session::from_request_parts(parts, app).await?;
        let mut transaction = app.tenant(session.organization_id).begin().await?;
        session.check_alive(&mut transaction).await?;
        // A write takes the next number of the session's device: a laptop's own next push would meet it.
        let platform: Option<String> = sqlx::query_scalar("SELECT platform FROM devices WHERE id = $1")
            .bind(session.device_id)
            .fetch_optional(&mut *transaction)
            .await?;
        if platform.as_deref() != Some(PLATFORM) {
            return Err(Problem::new(Code::NotAllowed, "this token is a laptop's: sign in at /api/auth/login").into());
        }
        Ok(ApiSession(TokenSession { session, token_id: session.session_id, may_write: true }))
    }
}

/// `POST /api/auth/login`
#[derive(Debug, Deserialize, ToSchema)]
pub struct Login {
    /// User name or e-mail address.
    pub email: String,
    /// The password.
    pub password: String,
    /// `device_id` of an earlier answer. Without it each login is one more of the person's 100 devices.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Uuid)]
    pub device_id: Option<Uuid>,
}

/// Signs somebody in, as `/v1/accounts/sign-in` does.
///
/// # Errors
/// As a sign-in.
#[utoipa::path(post, path = "/api/auth/login", request_body = Login, responses((status = 200, body = SignedIn), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn login(
    State(app): State<App>,
    peer: Extension<Peer>,
    headers: HeaderMap,
    Body(Login { email, password, device_id }): Body<Login, REQUEST_BODY_BYTES_MAX>,
) -> Result<Json<SignedIn>, Failure> {
    let device = DeviceGiven { id: device_id, name: PLATFORM.to_owned(), platform: PLATFORM.to_owned(), secrets_of: Vec::new() };
    let request = SignIn { protocol: PROTOCOL_VERSION, name: email, password, device };
    sign_in(State(app), peer, headers, Body(request)).await
}

/// The person's own account.
///
/// # Errors
/// What concerns the token.
#[utoipa::path(get, path = "/api/auth/me", security(("access_token" = []), ("personal_token" = [])),
    responses((status = 200, body = crate::records::Record), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn me(
    State(app): State<App>,
    ApiSession(token): ApiSession,
) -> Result<Json<serde_json::Map<String, serde_json::Value>>, Failure> {
    super::row(&app, token, "users", token.session.user_id).await?.map(Json).ok_or_else(|| records::not_found().into())
}
