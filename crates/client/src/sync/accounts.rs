//! Requests and answers of `/v1/accounts`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use waystation_model::access::Role;

use crate::view_models::{Invitation, OwnSession};

/// `POST /v1/accounts/sign-in`
#[derive(Debug, Clone, Serialize)]
pub struct SignInRequest<'a> {
    /// The protocol of this build.
    pub protocol: u32,
    /// User name or e-mail.
    pub name: &'a str,
    /// Password.
    pub password: &'a str,
    /// The device.
    pub device: DeviceRequest,
}

/// `POST /v1/accounts/sign-in-with-code`
#[derive(Debug, Clone, Serialize)]
pub struct CodeSignInRequest<'a> {
    /// The protocol of this build.
    pub protocol: u32,
    /// The one-time code, as it was typed or pasted.
    pub code: &'a str,
    /// The chosen user name; the server ignores it when the account has one.
    pub user_name: &'a str,
    /// The chosen password.
    pub password: &'a str,
    /// The device.
    pub device: DeviceRequest,
}

/// Whom a code invites.
#[derive(Debug, Clone, Deserialize)]
pub struct CodeAnswer {
    /// The account.
    pub user_id: Uuid,
    /// Their full name.
    pub full_name: String,
    /// Their user name; none: they choose one.
    pub user_name: Option<String>,
    /// Their organization's name.
    pub organization_name: String,
    /// When the code stops working: server time in milliseconds since 1970.
    pub expires_at: i64,
}

/// `POST /v1/accounts/password`
#[derive(Debug, Clone, Serialize)]
pub struct PasswordRequest<'a> {
    /// The present password.
    pub old_password: &'a str,
    /// The next one.
    pub new_password: &'a str,
    /// Whether every other session ends.
    pub end_other_sessions: bool,
}

/// `POST /v1/invitations`
#[derive(Debug, Clone, Serialize)]
pub struct InvitationsRequest {
    /// The people.
    pub people: Vec<Uuid>,
    /// Whether passwords stop working.
    pub reset_passwords: bool,
}

/// The device that signs in.
#[derive(Debug, Clone, Serialize)]
pub struct DeviceRequest {
    /// The device that the database here belongs to; none for a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// The laptop's host name.
    pub name: String,
    /// Its operating system.
    pub platform: &'static str,
    /// Devices whose secrets may be needed to open the database here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets_of: Vec<Uuid>,
}

impl DeviceRequest {
    /// Also asks for the secrets of these devices.
    pub fn with_secrets_of(self, devices: Vec<Uuid>) -> DeviceRequest {
        DeviceRequest { secrets_of: devices, ..self }
    }

    /// This laptop.
    pub fn this(id: Option<Uuid>) -> DeviceRequest {
        let name = ["HOSTNAME", "COMPUTERNAME"]
            .into_iter()
            .find_map(|name| std::env::var(name).ok())
            .or_else(|| std::fs::read_to_string("/etc/hostname").ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()));
        DeviceRequest { id, name: name.unwrap_or_else(|| "laptop".to_owned()), platform: std::env::consts::OS, secrets_of: Vec::new() }
    }
}

/// The answer to a sign-in.
#[derive(Debug, Clone, Deserialize)]
pub struct SignInAnswer {
    /// Authorizes requests until it expires.
    pub access_token: String,
    /// When it expires: server time in milliseconds since 1970.
    pub access_expires_at: i64,
    /// Exchanged for the next pair of tokens.
    pub refresh_token: String,
    /// The device.
    pub device_id: Uuid,
    /// The device's secret, base64.
    pub recovery_secret: String,
    /// Secrets of those devices in `secrets_of` that belong to this person, base64.
    #[serde(default)]
    pub secrets: BTreeMap<Uuid, String>,
    /// The person who signed in.
    pub user: SignedInUser,
    /// The server's epoch.
    pub epoch: i64,
    /// The server's clock, milliseconds since 1970.
    pub server_time: i64,
}

/// The person who signed in.
#[derive(Debug, Clone, Deserialize)]
pub struct SignedInUser {
    /// Their account.
    pub id: Uuid,
    /// The name they sign in with.
    pub user_name: Option<String>,
    /// Their full name.
    pub full_name: String,
    /// Their role.
    pub role: Role,
    /// Their organization.
    pub organization_id: Uuid,
    /// Its name.
    pub organization_name: String,
}

/// The answer to a refresh.
#[derive(Debug, Clone, Deserialize)]
pub struct RefreshAnswer {
    /// Authorizes requests until it expires.
    pub access_token: String,
    /// When it expires: server time in milliseconds since 1970; 0 when the server does not say.
    #[serde(default)]
    pub access_expires_at: i64,
    /// Exchanged for the next pair of tokens.
    pub refresh_token: String,
}

/// The answer to `POST /v1/accounts/device`.
#[derive(Debug, Clone, Deserialize)]
pub struct NewDevice {
    /// The device.
    pub device_id: Uuid,
    /// Its secret, base64.
    pub recovery_secret: String,
    /// Authorizes the new device's requests until it expires.
    pub access_token: String,
    /// When it expires: server time in milliseconds since 1970.
    pub access_expires_at: i64,
    /// Exchanged for the next pair of tokens.
    pub refresh_token: String,
}

/// The answer to `GET /v1/accounts/sessions`.
#[derive(Debug, Clone, Deserialize)]
pub struct SessionsAnswer {
    /// The sessions.
    pub sessions: Vec<OwnSession>,
}

/// The answer to `GET /v1/invitations`.
#[derive(Debug, Clone, Deserialize)]
pub struct InvitationsAnswer {
    /// The invitations.
    pub invitations: Vec<Invitation>,
}
