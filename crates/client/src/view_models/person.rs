//! A person's page for staff: results, progress, attendance and payments, from the rows that are on this laptop.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{AttemptCard, CourseCard, PersonRecord};

/// How much of a person's own rows this laptop has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum PersonStanding {
    /// All of them, as of the last sync.
    Here,
    /// The server has been or will be asked for them, and they have not all arrived.
    Coming,
    /// The server does not give them to whoever is unlocked here.
    Refused,
    /// Those that belong to the own groups and courses, and no others: more may not be asked for.
    Partly,
}

/// A person's page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct PersonPage {
    /// The person.
    pub user_id: String,
    /// Their name.
    pub full_name: String,
    /// How much of their rows is here.
    pub standing: PersonStanding,
    /// Whether their rows were asked for by opening this page, so that they may be pinned or let go.
    pub followed: bool,
    /// Whether they stay on this laptop, however many other people are opened.
    pub pinned: bool,
    /// Graded and unfinished attempts, the newest first.
    pub results: Vec<AttemptCard>,
    /// The courses that they study, with progress.
    pub courses: Vec<CourseCard>,
    /// The latest marks, the newest first.
    pub marks: Vec<PersonMark>,
    /// The latest payments, the newest first.
    pub payments: Vec<PersonPayment>,
    /// Totals of attendance, balances, certificates and badges.
    pub record: PersonRecord,
    /// The tables that this was read from, and `follows`.
    pub tables: Vec<String>,
}

/// One mark of attendance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct PersonMark {
    /// The row.
    pub id: String,
    /// The day of the lesson.
    pub lesson_date: String,
    /// `present`, `late`, `absent` or `excused`.
    pub status: String,
    /// The group; empty when it is not on this laptop.
    pub group_name: String,
    /// The teacher's note.
    pub note: String,
}

/// One payment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct PersonPayment {
    /// The row.
    pub id: String,
    /// The day.
    pub payment_date: String,
    /// What it is for.
    pub title: String,
    /// In minor units.
    #[ts(type = "number")]
    pub amount_minor: i64,
    /// Such as `EUR`.
    pub currency: String,
    /// `paid`, `unpaid`, `partial` or `cancelled`.
    pub status: String,
    /// The receipt's number; empty until the server has given it.
    pub receipt_number: String,
}

/// Pins a person's rows to this laptop or unpins them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PinPerson {
    /// The person.
    pub id: String,
    /// Whether their rows stay.
    pub pinned: bool,
}
