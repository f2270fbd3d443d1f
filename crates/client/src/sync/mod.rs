//! Sync with the server. `docs/PROTOCOL.md` is the contract.
//!
//! [`link`] speaks HTTP and knows no state; [`session`] keeps the tokens; [`engine`] makes the two exchanges,
//! [`exchange`] and [`mending`] decide in them and know no network; [`automatic`] decides when.

pub mod accounts;
pub mod automatic;
pub mod clock;
pub mod engine;
pub mod exchange;
pub mod link;
mod live;
pub mod mending;
mod pull;
mod push;
mod repair;
pub mod session;
pub mod status;
