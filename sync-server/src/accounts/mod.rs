//! Who somebody is: passwords, tokens, sessions and devices.

mod desk;
mod limiter;
mod passwords;
mod routes;
mod session;
mod tokens;

pub use desk::{PasswordDesk, STRANGERS_WAITING_MAX, passwords_at_once};
pub use limiter::SignInLimiter;
pub use passwords::{Memory, hash_password, verify_password};
pub use routes::*;
pub use session::Session;
pub use tokens::{Claims, Tokens};
