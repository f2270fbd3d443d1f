//! What the screens show and what they ask for: the shapes that cross to the window.
//!
//! Times are milliseconds since 1970, dates `YYYY-MM-DD`, durations whole seconds, sizes bytes. An id is its text.
//! Words are never here: a screen translates codes and choices.

mod attendance;
mod course;
mod deletion;
mod people;
mod station;
mod sync;
mod test;

pub use attendance::*;
pub use course::*;
pub use deletion::*;
pub use people::*;
pub use station::*;
pub use sync::*;
pub use test::*;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// No arguments, or nothing to tell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Nothing {}

/// Asks for one thing by its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ById {
    /// Its id.
    pub id: String,
}
