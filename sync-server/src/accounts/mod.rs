//! Authentication: passwords, tokens, sessions and devices.

mod imported;
mod limiter;
mod names;
mod password_queue;
mod passwords;
mod personal_tokens;
mod renewal;
mod routes;
mod session;
mod tokens;

pub use imported::MostRounds;
pub use limiter::SignInLimiter;
pub use password_queue::{PasswordQueue, UNKNOWN_DEVICES_WAITING_MAX, passwords_at_once};
pub use passwords::{Memory, check_password, hash_password};
pub use personal_tokens::*;
pub use renewal::*;
pub use routes::*;
pub use session::Session;
pub use tokens::{Claims, Tokens};
