//! Rules over several rows: when a topic is unlocked, whether somebody may take a course, what somebody owes. Each rule is a pure
//! function of plain facts, so the laptop and the server decide the same. Whoever calls it reads the facts from its own database.
//!
//! Where the server decides in SQL, a test gives the same random facts to the SQL and to the rule and compares the answers.
//!
//! ```
//! use waystation_model::rules::attempts;
//! // Two of three attempts were made.
//! assert_eq!(attempts::left(Some(3), 2), Some(1));
//! assert!(!attempts::may_begin(Some(3), 4));
//! ```

pub mod attempts;
pub mod attendance;
pub mod badges;
pub mod balance;
pub mod certificates;
pub mod completion;
pub mod entitlement;
mod percent;
pub mod ranking;
pub mod unlocking;

pub use percent::percent;
