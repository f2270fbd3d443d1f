//! People on this laptop, signing in and unlocking.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use waystation_model::access::Role;

/// What the window shows while no person is unlocked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Start {
    /// The people who have data on this laptop, the last unlocked first.
    pub people: Vec<PersonTile>,
    /// The unlocked person.
    pub unlocked: Option<Person>,
    /// The server to offer in the sign-in form.
    pub server: String,
    /// Whether the system's keyring can store this laptop's secret. Without it only the password protects the data.
    pub keyring: bool,
    /// Theme, language and zoom.
    pub look: Look,
    /// Demonstration users to list, when the demonstration started this laptop.
    pub demonstration: Vec<DemonstrationPerson>,
}

/// A demonstration user, listed on the sign-in screen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct DemonstrationPerson {
    /// The name to sign in with.
    pub user_name: String,
    /// The password to sign in with.
    pub password: String,
    /// Their full name.
    pub full_name: String,
    /// Their role.
    pub role: Role,
}

/// One person who has data on this laptop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct PersonTile {
    /// Their account.
    pub user_id: String,
    /// Their full name.
    pub full_name: String,
    /// The name they sign in with.
    pub user_name: String,
    /// Their role.
    pub role: Role,
    /// The address of their server.
    pub server: String,
    /// Number of their unsent changes when they were last unlocked.
    #[ts(type = "number")]
    pub waiting: i64,
    /// When they were last unlocked.
    #[ts(type = "number")]
    pub last_here_at: i64,
}

/// The unlocked person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Person {
    /// Their account.
    pub user_id: String,
    /// Their full name.
    pub full_name: String,
    /// The name they sign in with.
    pub user_name: String,
    /// Their role.
    pub role: Role,
    /// Their organization's name.
    pub organization_name: String,
    /// The address of their server.
    pub server: String,
    /// Whether the session has ended: work continues on this laptop, and is sent after the next sign-in.
    pub signed_out: bool,
    /// Whether unlocking also needs the laptop's secret from the keyring, besides the password.
    pub guarded_by_keyring: bool,
}

/// Signs in at the server and creates this person's database, or opens it when it exists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct SignIn {
    /// Address of the server; `https://` is added when there is no scheme.
    pub server: String,
    /// User name or e-mail.
    pub name: String,
    /// Password.
    pub password: String,
    /// The previous password, after a refusal with `old_password_needed`.
    #[serde(default)]
    #[ts(optional)]
    pub old_password: Option<String>,
}

/// Unlocks a person's data, without the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Unlock {
    /// The person's account.
    pub user_id: String,
    /// The password.
    pub password: String,
}

/// Theme, language and zoom of the window. Stored beside the databases, because they apply before a person is unlocked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Look {
    /// Light, dark, or as the system.
    pub theme: Theme,
    /// Language of the screens: `en`, `ru`, `az`, or empty for the system's.
    pub language: String,
    /// Zoom in percent: 50 to 300.
    pub zoom_percent: u16,
}

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// The system's setting.
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// The person's own profile, to read and to change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Profile {
    /// Telephone.
    pub phone: String,
    /// Where they work.
    pub company: String,
    /// What they do there.
    pub position: String,
    /// A text about them.
    pub bio: String,
    /// The language of messages to them: `en`, `ru`, `az` or empty.
    pub language: String,
}
