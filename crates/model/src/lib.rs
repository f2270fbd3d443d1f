//! The data model of Waystation: error codes, tables, merge rules, access rules and wire types.
//!
//! Everything here is a pure function of its arguments. There is no clock, no randomness, no network,
//! no disk and no SQL driver in this crate, so the laptop and the server run the same rules, and
//! property tests run them thousands of times.
//!
//! The central module is [`registry`]: one [`registry::Entity`] per synced table declares its columns, how each
//! column merges, how a row's id is made, which scopes contain a row and who may write it. Push, pull, the
//! laptop's apply, the server's feed triggers and the TypeScript types all follow from that entry.
//!
//! ```
//! use waystation_model::registry;
//! let progress = registry::entity("topic_progress").expect("a registered table");
//! assert!(progress.column("completed").is_some());
//! ```

pub mod access;
pub mod attribution;
pub mod audit;
pub mod canonical;
pub mod chain;
pub mod clock;
pub mod error;
pub mod grading;
pub mod hash;
pub mod ids;
pub mod letters;
pub mod limits;
pub mod merge;
pub mod misread;
pub mod offers;
pub mod records;
pub mod registry;
pub mod row_security;
pub mod rules;
pub mod scope;
pub mod sql;
pub mod wire;

pub use error::{Code, Problem};
pub use ids::{DeviceId, OrganizationId, UserId};
