//! Who somebody is: passwords, tokens, sessions and devices.

mod limiter;
mod passwords;
mod routes;
mod session;
mod tokens;

pub use limiter::SignInLimiter;
pub use passwords::{hash_password, passwords_at_once, verify_password};
pub use routes::*;
pub use session::Session;
pub use tokens::{Claims, Tokens};
