//! Who somebody is: passwords, tokens, sessions and devices.

mod imported;
mod limiter;
mod names;
mod passwords;
mod renewal;
mod routes;
mod session;
mod tokens;

pub use imported::MostRounds;
pub use limiter::SignInLimiter;
pub use passwords::{hash_password, passwords_at_once};
pub use renewal::*;
pub use routes::*;
pub use session::Session;
pub use tokens::{Claims, Tokens};
