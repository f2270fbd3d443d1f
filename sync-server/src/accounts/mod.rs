//! Authentication: passwords, tokens, sessions and devices.

mod code_sign_in;
mod codes;
mod imported;
mod invitations;
mod limiter;
mod names;
mod own_account;
mod password_queue;
mod passwords;
mod personal_tokens;
mod renewal;
mod routes;
mod session;
mod tokens;

pub use code_sign_in::*;
pub use imported::MostRounds;
pub use invitations::*;
pub use limiter::SignInLimiter;
pub use own_account::*;
pub use password_queue::{PasswordQueue, UNKNOWN_DEVICES_WAITING_MAX, passwords_at_once};
pub use passwords::{Memory, check_password, hash_password};
pub use personal_tokens::*;
pub use renewal::*;
pub use routes::*;
pub use session::{AccountState, Session, suspended};
pub use tokens::{Claims, Tokens};
