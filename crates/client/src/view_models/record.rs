//! What is recorded about one person: attendance, payments, certificates, badges; and the coding ranking of a group.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What is recorded about one person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct PersonRecord {
    /// Attendance in all groups.
    pub attendance: AttendanceTotals,
    /// What was paid and is owed, by currency.
    pub balances: Vec<BalanceRow>,
    /// Certificates, the newest first.
    pub certificates: Vec<CertificateCard>,
    /// Badges, the newest first.
    pub badges: Vec<BadgeCard>,
}

/// Attendance of one person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct AttendanceTotals {
    /// Present, late, absent, excused.
    pub marks: [u32; 4],
    /// Attended lessons in percent of those that count; none when none counts.
    pub percent: Option<f64>,
    /// Whether excused lessons are left out of the percentage.
    pub leaves_out_excused: bool,
}

/// A balance in one currency, in minor units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct BalanceRow {
    /// Such as `EUR`.
    pub currency: String,
    /// What was paid.
    #[ts(type = "number")]
    pub paid_minor: i64,
    /// What is still to be paid.
    #[ts(type = "number")]
    pub owed_minor: i64,
    /// Paid less owed.
    #[ts(type = "number")]
    pub balance_minor: i64,
}

/// One certificate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct CertificateCard {
    /// The certificate.
    pub id: String,
    /// The title of its course; empty when the course is not on this laptop.
    pub course_title: String,
    /// Its number; empty until the server has given one.
    pub number: String,
    /// When it was issued.
    #[ts(type = "number")]
    pub issued_at: i64,
    /// When it ends.
    #[ts(type = "number | null")]
    pub expires_at: Option<i64>,
    /// `valid`, `not_yet`, `expired` or `revoked`.
    pub validity: String,
}

/// One badge that somebody has earned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct BadgeCard {
    /// The award.
    pub id: String,
    /// The badge's name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The title of its course; empty without one.
    pub course_title: String,
    /// When it was earned.
    #[ts(type = "number")]
    pub earned_at: i64,
}

/// The learners of a group by their points for coding tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct CodingRanking {
    /// The best first.
    pub learners: Vec<RankedLearner>,
    /// The tables that it was read from.
    pub tables: Vec<String>,
}

/// One learner in the coding ranking of a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct RankedLearner {
    /// The learner.
    pub user_id: String,
    /// Their name.
    pub display_name: String,
    /// From 1; equal learners share a place.
    pub place: u32,
    /// Tasks solved.
    pub solved: u32,
    /// Points earned.
    #[ts(type = "number")]
    pub points: i64,
    /// Submissions.
    pub attempts: u32,
}
