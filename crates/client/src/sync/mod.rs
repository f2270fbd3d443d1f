//! Sync with the server. `docs/PROTOCOL.md` is the contract.
//!
//! [`link`] sends HTTP requests and keeps no state; [`session`] keeps the tokens; [`engine`] runs push and pull;
//! [`exchange`] and [`repair`] make their decisions, without network; [`automatic`] starts them.

pub mod accounts;
pub mod automatic;
pub mod clock;
pub mod engine;
pub mod exchange;
pub mod link;
mod live;
mod pull;
mod push;
pub mod reach;
mod repair;
pub mod scope_repair;
pub mod session;
pub mod status;
