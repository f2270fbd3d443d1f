//! Groups and the attendance grid.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A group in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct GroupCard {
    /// The group.
    pub id: String,
    /// Its name with its schedule, such as "Qrup1: 1-4 11:00".
    pub display_name: String,
    /// Days of its lessons: 1 is Monday.
    pub days_of_week: Vec<u8>,
    /// When its lessons begin, `HH:MM`.
    pub start_time: Option<String>,
    /// Members now.
    pub members: u32,
    /// Members without a mark today, on a lesson day.
    pub unmarked_today: Option<u32>,
}

/// What a group needs from its teacher, beside today's roll-call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct GroupNews {
    /// The group.
    pub group_id: String,
    /// Lessons of the last two weeks on which a member has no mark, the oldest first. Today is not among them.
    pub unmarked_days: Vec<String>,
    /// Members who missed their last three lessons or more.
    pub missing: Vec<MissingStudent>,
}

/// A member who misses lessons in a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct MissingStudent {
    /// The student.
    pub student_id: String,
    /// Their name.
    pub display_name: String,
    /// How many lessons in a row.
    pub lessons: u32,
}

/// Asks for a part of the grid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct GridRange {
    /// The group.
    pub group_id: String,
    /// First day.
    pub from: String,
    /// Last day; at most 400 days after the first.
    pub to: String,
}

/// The attendance grid: students × lesson days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Grid {
    /// The group.
    pub group: GroupCard,
    /// First day asked for.
    pub from: String,
    /// Last day asked for.
    pub to: String,
    /// Today on this laptop.
    pub today: String,
    /// Lesson days of the schedule, and other days that have a mark.
    pub days: Vec<String>,
    /// The students by name. Former members are included when they have marks or days of membership in this range.
    pub students: Vec<GridStudent>,
    /// Whether this person may mark.
    pub may_mark: bool,
    /// Whether percentages leave excused lessons out, by the organization's setting.
    pub leaves_out_excused: bool,
}

/// One student's row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct GridStudent {
    /// The student.
    pub student_id: String,
    /// Their name.
    pub display_name: String,
    /// Whether they are a member now.
    pub active: bool,
    /// A cell per day, in the days' order.
    pub cells: Vec<GridCell>,
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, Default)]
pub struct GridCell {
    /// `present`, `late`, `absent` or `excused`; none when not marked.
    pub status: Option<String>,
    /// A note.
    pub note: String,
    /// The server does not have it yet.
    pub waiting: bool,
    /// The student was not a member on that day.
    pub outside: bool,
    /// An open conflict about this mark, to settle.
    pub conflict_id: Option<String>,
    /// The name of the person who marked it; empty when unknown.
    pub marked_by: String,
    /// When they marked it.
    #[ts(type = "number | null")]
    pub marked_at: Option<i64>,
}

/// Sets marks, all of them or none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct SetMarks {
    /// The group.
    pub group_id: String,
    /// The marks; at most 2,000.
    pub marks: Vec<SetMark>,
}

/// One mark to set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct SetMark {
    /// The student.
    pub student_id: String,
    /// The day.
    pub lesson_date: String,
    /// The mark; none clears it.
    pub status: Option<String>,
    /// A new note; when left out, the note stays.
    #[ts(optional)]
    pub note: Option<String>,
}
