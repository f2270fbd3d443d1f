//! View models: the arguments and answers of the commands, as the window receives them.
//!
//! Times are milliseconds since 1970, dates `YYYY-MM-DD`, durations whole seconds, sizes bytes. Ids are strings.
//! There are no texts for people here: the screens translate codes and choices.

mod account;
mod attendance;
mod course;
mod deletion;
mod imports;
mod people;
mod person;
mod record;
mod records;
mod station;
mod sync;
mod test;

pub use account::*;
pub use attendance::*;
pub use course::*;
pub use deletion::*;
pub use imports::*;
pub use people::*;
pub use person::*;
pub use record::*;
pub use records::*;
pub use station::*;
pub use sync::*;
pub use test::*;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// No arguments, or an empty answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Nothing {}

/// Asks for one thing by its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ById {
    /// Its id.
    pub id: String,
}
