//! What signing in sends and gets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use waystation_model::access::Role;

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

/// The device that signs in.
#[derive(Debug, Clone, Serialize)]
pub struct DeviceRequest {
    /// The device that the database here belongs to; none for a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// What the laptop is called.
    pub name: String,
    /// Its system.
    pub platform: &'static str,
    /// Devices whose secrets may be needed to open the database here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets_of: Vec<Uuid>,
}

impl DeviceRequest {
    /// … and the secrets of these devices as well.
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
    /// Opens the other routes for a while.
    pub access_token: String,
    /// Until when, in the server's milliseconds.
    pub access_expires_at: i64,
    /// Gets the next pair of tokens.
    pub refresh_token: String,
    /// The device.
    pub device_id: Uuid,
    /// The device's secret, base64.
    pub recovery_secret: String,
    /// Those of the devices in `secrets_of`, as far as they are this person's.
    #[serde(default)]
    pub secrets: BTreeMap<Uuid, String>,
    /// Who signed in.
    pub user: SignedInUser,
    /// The server's epoch.
    pub epoch: i64,
    /// The server's clock.
    pub server_time: i64,
}

/// Who signed in.
#[derive(Debug, Clone, Deserialize)]
pub struct SignedInUser {
    /// Their account.
    pub id: Uuid,
    /// The name they sign in with.
    pub user_name: Option<String>,
    /// What they are called.
    pub full_name: String,
    /// What they are.
    pub role: Role,
    /// Their organization.
    pub organization_id: Uuid,
    /// Its name.
    pub organization_name: String,
}

/// The answer to a refresh.
#[derive(Debug, Clone, Deserialize)]
pub struct RefreshAnswer {
    /// Opens the other routes for a while.
    pub access_token: String,
    /// Until when, in the server's milliseconds.
    #[serde(default)]
    pub access_expires_at: i64,
    /// Gets the next pair of tokens.
    pub refresh_token: String,
}

/// The answer to `POST /v1/accounts/device`.
#[derive(Debug, Clone, Deserialize)]
pub struct NewDevice {
    /// The device.
    pub device_id: Uuid,
    /// Its secret, base64.
    pub recovery_secret: String,
    /// Opens the other routes for a while, for the new device.
    pub access_token: String,
    /// Until when, in the server's milliseconds.
    pub access_expires_at: i64,
    /// Gets the next pair of tokens.
    pub refresh_token: String,
}
