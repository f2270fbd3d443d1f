//! People on this laptop, signing in and unlocking.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use waystation_model::access::Role;

/// What the window shows before anybody is unlocked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Start {
    /// Who has data on this laptop, the last one first.
    pub people: Vec<PersonTile>,
    /// Who is unlocked now.
    pub unlocked: Option<Person>,
    /// The server to offer in the sign-in form.
    pub server: String,
    /// Whether the system's keyring can keep this laptop's secret. Without it a password alone guards the data.
    pub keyring: bool,
    /// How the window looks and speaks.
    pub look: Look,
    /// Names to offer for a try, when this laptop was started by the demonstration.
    pub demonstration: Vec<DemonstrationPerson>,
}

/// A demonstration user, listed on the sign-in screen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct DemonstrationPerson {
    /// The name to sign in with.
    pub user_name: String,
    /// The password to sign in with.
    pub password: String,
    /// What they are called.
    pub full_name: String,
    /// What they are.
    pub role: Role,
}

/// One person who has data on this laptop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct PersonTile {
    /// Their account.
    pub user_id: String,
    /// What they are called.
    pub full_name: String,
    /// The name they sign in with.
    pub user_name: String,
    /// What they are.
    pub role: Role,
    /// The server they belong to.
    pub server: String,
    /// Changes of theirs that the server does not have yet, when they were last unlocked.
    #[ts(type = "number")]
    pub waiting: i64,
    /// When they were last here.
    #[ts(type = "number")]
    pub last_here_at: i64,
}

/// The unlocked person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Person {
    /// Their account.
    pub user_id: String,
    /// What they are called.
    pub full_name: String,
    /// The name they sign in with.
    pub user_name: String,
    /// What they are.
    pub role: Role,
    /// Their organization's name.
    pub organization_name: String,
    /// The server they belong to.
    pub server: String,
    /// Whether the server ended the session: work goes on here, and a new sign-in sends it.
    pub signed_out: bool,
    /// Whether the laptop's secret guards the key beside the password.
    pub guarded_by_keyring: bool,
}

/// Signs in at the server and makes this person's database, or opens it when it is here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct SignIn {
    /// Address of the server; `https://` is added when there is no scheme.
    pub server: String,
    /// User name or e-mail.
    pub name: String,
    /// Password.
    pub password: String,
    /// The password before this one, when `old_password_needed` asked for it.
    #[serde(default)]
    #[ts(optional)]
    pub old_password: Option<String>,
}

/// Unlocks a person's data, without the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Unlock {
    /// Whom.
    pub user_id: String,
    /// The password.
    pub password: String,
}

/// How the window looks and speaks. Kept beside the databases, not inside one.
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
    /// As the system.
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
    /// About them.
    pub bio: String,
    /// Language in which they want to be written to: `en`, `ru`, `az` or empty.
    pub language: String,
}
