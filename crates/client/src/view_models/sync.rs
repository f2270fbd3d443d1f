//! The state of sync: the chip and the Sync centre.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use ts_rs::TS;
use waystation_model::Code;

/// The state that the chip in the header shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct SyncStatus {
    /// Whether the server answered the last request.
    pub online: bool,
    /// Whether something is being sent or fetched right now.
    pub busy: bool,
    /// When the last sync succeeded.
    #[ts(type = "number | null")]
    pub last_sync_at: Option<i64>,
    /// Changes that the server does not have yet.
    #[ts(type = "number")]
    pub waiting: i64,
    /// Rows with a refused change, which the person has to correct.
    #[ts(type = "number")]
    pub attention: i64,
    /// Conflicts that this person may settle.
    #[ts(type = "number")]
    pub conflicts: i64,
    /// Held changes of others and offered rows that this person may decide about.
    #[ts(type = "number")]
    pub held: i64,
    /// Whether the first sync has not ended yet: what is missing here may still come.
    pub first_sync: bool,
    /// Rows of a first sync still to come; none when it is done.
    #[ts(type = "number | null")]
    pub rows_left: Option<i64>,
    /// The server's clock minus this laptop's, in milliseconds, when the difference is too large; otherwise none.
    #[ts(type = "number | null")]
    pub clock_off_ms: Option<i64>,
    /// The disk is nearly full.
    pub disk_low: bool,
    /// The session has ended: the person has to sign in again before changes are sent.
    pub signed_out: bool,
    /// All changes are sent and stored, so the laptop may be closed.
    pub safe_to_close: bool,
    /// Why the last sync failed; none when it succeeded or the server was not reachable.
    pub problem: Option<Code>,
}

/// The Sync centre.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct SyncCentre {
    /// The chip's state.
    pub status: SyncStatus,
    /// Changes that are not confirmed yet, the oldest first; at most 200.
    pub waiting: Vec<WaitingChange>,
    /// Refused changes, the newest first.
    pub attention: Vec<AttentionItem>,
    /// Recent changes that were merged with another person's change or superseded by it, the newest first; at most 100.
    pub merged: Vec<MergedItem>,
    /// Conflicts that this person may settle, the newest first.
    pub conflicts: Vec<ConflictItem>,
    /// Held changes of others that this person may decide about, the oldest first; at most 200.
    pub held: Vec<HeldItem>,
    /// This person's own held changes, decided ones too, the newest first; at most 200.
    pub own_held: Vec<HeldItem>,
    /// Offered rows, which the server has lost and a laptop still has, and about which an administrator decides, the oldest
    /// first; at most 200. `author` is the person whose laptop offered the row, `at` is when the row last changed.
    pub offered: Vec<HeldItem>,
    /// Number of rows of this laptop that the server has lost and that are not offered yet: their authors may still send them.
    #[ts(type = "number")]
    pub lost_rows: i64,
    /// Number of rows that the server has and cannot send, because another program made them too large or wrote values that
    /// the server cannot read. They are missing here.
    #[ts(type = "number")]
    pub withheld_rows: i64,
    /// Repairs of damaged rows on this laptop, the newest first; at most 20.
    pub repairs: Vec<Repair>,
    /// The folder of this laptop's data.
    pub folder: String,
}

/// One repair of damaged rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Repair {
    /// When the rows were repaired.
    #[ts(type = "number")]
    pub at: i64,
    /// How many rows were fetched again or removed.
    #[ts(type = "number")]
    pub rows: i64,
}

/// One change that is not confirmed yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct WaitingChange {
    /// Its number on this laptop.
    #[ts(type = "number")]
    pub n: i64,
    /// The table; the screen translates its name.
    pub entity: String,
    /// What it is about, such as a topic's or a student's name; empty when that is not on this laptop.
    pub about: String,
    /// When it was made.
    #[ts(type = "number")]
    pub at: i64,
    /// Whether the server has acknowledged it and only the next pull is missing.
    pub sent: bool,
}

/// All refused changes of one row, combined; later values override earlier ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct AttentionItem {
    /// The number on this laptop of the change whose code is shown. `send_again` and `discard` with it apply to all of them.
    #[ts(type = "number")]
    pub n: i64,
    /// The table's name.
    pub entity: String,
    /// The row's id.
    pub row_id: String,
    /// What it is about.
    pub about: String,
    /// When the last of them was made.
    #[ts(type = "number")]
    pub at: i64,
    /// Why it was refused.
    pub code: Code,
    /// The column at fault.
    pub field: Option<String>,
    /// A value that the server would accept.
    pub suggestion: Option<String>,
    /// The refused columns with their values, to edit, in the table's order.
    pub fields: Vec<AttentionField>,
}

/// One column of a refused change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct AttentionField {
    /// The column.
    pub name: String,
    /// What the person had entered.
    #[ts(type = "unknown")]
    pub value: Value,
    /// What the server has.
    #[ts(type = "unknown")]
    pub server_value: Value,
    /// Whether the person may edit it.
    pub editable: bool,
    /// `text`, `whole`, `real`, `truth`, `date`, `choice` or `other`.
    pub kind: String,
    /// The possible values, for `choice`.
    pub choices: Vec<String>,
}

/// Sends a refused change again, corrected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct SendAgain {
    /// The refused change.
    #[ts(type = "number")]
    pub n: i64,
    /// The corrected values by column; columns that are left out keep their values.
    #[ts(type = "Record<string, unknown>")]
    pub fields: BTreeMap<String, Value>,
}

/// Names a change by its number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct ByNumber {
    /// The change.
    #[ts(type = "number")]
    pub n: i64,
}

/// A file that was written for the person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct WrittenFile {
    /// The file's path.
    pub path: String,
}

/// One change that was merged with another person's change or superseded by it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct MergedItem {
    /// Its number on this laptop.
    #[ts(type = "number")]
    pub n: i64,
    /// The table's name.
    pub entity: String,
    /// What it is about.
    pub about: String,
    /// When it was made.
    #[ts(type = "number")]
    pub at: i64,
    /// `merged` or `superseded`.
    pub outcome: String,
}

/// A conflict: two values of one field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct ConflictItem {
    /// The conflict.
    pub id: String,
    /// The table's name.
    pub entity: String,
    /// The row's id.
    pub row_id: String,
    /// The field or group of fields, such as `mark`.
    pub field: String,
    /// What it is about, such as the student and the day.
    pub about: String,
    /// The group, for an attendance mark.
    pub group_id: Option<String>,
    /// The student, for an attendance mark.
    pub student_id: Option<String>,
    /// The day, for an attendance mark.
    pub lesson_date: Option<String>,
    /// The current value.
    pub kept: ConflictSide,
    /// The losing value.
    pub lost: ConflictSide,
}

/// One of two values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct ConflictSide {
    /// The value, such as `present`.
    #[ts(type = "unknown")]
    pub value: Value,
    /// The name of the person who entered it; empty when that is not known here.
    pub by: String,
    /// When it was entered.
    #[ts(type = "number | null")]
    pub at: Option<i64>,
    /// Whether it is known to have been entered on this laptop.
    pub here: bool,
}

/// A held change, whose author had lost the right when it arrived at the server, or an offered row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct HeldItem {
    /// The held change.
    pub id: String,
    /// The table's name.
    pub entity: String,
    /// What it is about, such as the student and the day.
    pub about: String,
    /// The group that it belongs to; empty when it belongs to none, or to one that is not on this laptop.
    pub group: String,
    /// Whether the change deletes the row.
    pub deletes: bool,
    /// The entered and the current values.
    pub fields: Vec<HeldField>,
    /// The name of the person who made it.
    pub author: String,
    /// When it was made.
    #[ts(type = "number")]
    pub at: i64,
    /// `waiting`, `accepted` or `refused`.
    pub state: String,
    /// Whether it must be decided alone and not together with others: it affects access rights, or a column such as money that
    /// people decide one by one.
    pub alone: bool,
    /// How many other people have offered an identical row: with 0, only one person's laptop has it. 0 for a held change.
    #[ts(type = "number")]
    pub others: i64,
    /// The name of the person who decided; empty when it is undecided or that is not known here.
    pub decided_by: String,
    /// When it was decided.
    #[ts(type = "number | null")]
    pub decided_at: Option<i64>,
}

/// One column of a held change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct HeldField {
    /// The column.
    pub name: String,
    /// The entered value.
    #[ts(type = "unknown")]
    pub value: Value,
    /// The current value.
    #[ts(type = "unknown")]
    pub server_value: Value,
    /// As in [`AttentionField::kind`]; also `moment`, in milliseconds.
    pub kind: String,
}

/// Decides about a held change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct DecideHeld {
    /// The held change.
    pub id: String,
    /// True applies the change, false keeps the current values.
    pub accept: bool,
}

/// Settles a conflict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Settle {
    /// The conflict.
    pub id: String,
    /// True takes the losing value, false keeps the current one.
    pub take_lost: bool,
}

/// What the app sends to the window without a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// Rows of these tables changed on this laptop: views that show them reload.
    Changed {
        /// The tables.
        entities: Vec<String>,
    },
    /// The chip's state.
    Sync {
        /// The new state.
        status: SyncStatus,
    },
    /// The state of the downloads.
    Downloads {
        /// The new state.
        downloads: super::Downloads,
    },
    /// A person was unlocked or locked.
    People,
}
