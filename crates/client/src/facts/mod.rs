//! Reads the facts that the rules over several rows need from this laptop's database: see [`waystation_model::rules`].
//!
//! A laptop has only a part of the organization's rows. What it cannot know, such as how many seats are taken, the server decides.

mod course;
mod paid;
mod record;

pub(crate) use course::{course_progress, locks_of, module_progress};
pub(crate) use paid::check_self_enrollment;
pub(crate) use record::{balances, excused, marks, submissions_of_group};

/// A person on this laptop, at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Whose<'a> {
    /// The person.
    pub user_id: &'a str,
    /// The server's time in milliseconds, as far as this laptop knows it.
    pub now_ms: i64,
    /// Today on this laptop.
    pub today: chrono::NaiveDate,
}
