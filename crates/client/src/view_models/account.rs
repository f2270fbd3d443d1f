//! One-time codes, the own password, and sessions.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Asks whom a one-time code invites.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct LookAtCode {
    /// Address of the server.
    pub server: String,
    /// The code as it was typed or pasted; case, spaces and hyphens do not matter.
    pub code: String,
}

/// Whom a code invites.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Invitee {
    /// Their full name.
    pub full_name: String,
    /// Their user name; none: they choose one.
    pub user_name: Option<String>,
    /// Their organization's name.
    pub organization_name: String,
    /// When the code stops working.
    #[ts(type = "number")]
    pub expires_at: i64,
}

/// Signs in with a one-time code and chooses a password.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct SignInWithCode {
    /// Address of the server.
    pub server: String,
    /// The code.
    pub code: String,
    /// The account's user name, or the chosen one.
    pub user_name: String,
    /// The chosen password.
    pub password: String,
}

/// Changes the person's own password, at the server and for the data on this laptop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct ChangePassword {
    /// The present password.
    pub old_password: String,
    /// The next one.
    pub new_password: String,
    /// Whether the person is signed out on every other laptop.
    pub end_other_sessions: bool,
}

/// A laptop on which the person is signed in, or one of their personal tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct OwnSession {
    /// Its id.
    pub id: String,
    /// The laptop's name, or the token's.
    pub device_name: String,
    /// The operating system; `http` for a personal token.
    pub platform: String,
    /// Whether it is this laptop.
    pub is_this: bool,
    /// Since when.
    #[ts(type = "number")]
    pub created_at: i64,
    /// When the server last heard of it.
    #[ts(type = "number")]
    pub last_used_at: i64,
}

/// Makes one-time codes for people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Invite {
    /// The people.
    pub people: Vec<String>,
    /// Whether the passwords of those who have one stop working at once; otherwise these people are left out.
    pub reset_passwords: bool,
}

/// New invitations. The codes are shown once and stored nowhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct NewInvitations {
    /// The invitations, in the order of their people.
    pub invitations: Vec<NewInvitation>,
    /// People who have a password and were left out.
    pub left_out: Vec<String>,
}

/// A new invitation with its code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct NewInvitation {
    /// Its id.
    pub id: String,
    /// Whom it invites.
    pub user_id: String,
    /// Their full name.
    pub full_name: String,
    /// Their user name; none: they choose one.
    pub user_name: Option<String>,
    /// The one-time code.
    pub code: String,
    /// When it stops working.
    #[ts(type = "number")]
    pub expires_at: i64,
}

/// An invitation that was made before, without its code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Invitation {
    /// Its id.
    pub id: String,
    /// Whom it invites.
    pub user_id: String,
    /// The administrator who made it; none: the operator of the server.
    pub made_by: Option<String>,
    /// When it was made.
    #[ts(type = "number")]
    pub made_at: i64,
    /// When it stops working.
    #[ts(type = "number")]
    pub expires_at: i64,
    /// When it was used.
    #[ts(type = "number | null")]
    pub used_at: Option<i64>,
    /// When it was revoked or replaced.
    #[ts(type = "number | null")]
    pub revoked_at: Option<i64>,
}
