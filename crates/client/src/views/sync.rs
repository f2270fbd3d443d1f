//! Where a person's work is.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use ts_rs::TS;
use waystation_model::Code;

/// What the chip in the header tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct SyncStatus {
    /// Whether the server answered the last time it was asked.
    pub online: bool,
    /// Whether something is being sent or fetched right now.
    pub busy: bool,
    /// When the last sync ended well.
    #[ts(type = "number | null")]
    pub last_sync_at: Option<i64>,
    /// Changes that the server does not have yet.
    #[ts(type = "number")]
    pub waiting: i64,
    /// Rows of which a change was refused and needs the person.
    #[ts(type = "number")]
    pub attention: i64,
    /// Conflicts that this person may settle.
    #[ts(type = "number")]
    pub conflicts: i64,
    /// Held changes of others, and rows that the server has lost, that this person may decide about.
    #[ts(type = "number")]
    pub held: i64,
    /// Rows of a first sync still to come; none when it is done.
    #[ts(type = "number | null")]
    pub rows_left: Option<i64>,
    /// How far this laptop's clock is from the server's, in milliseconds, when that is too much.
    #[ts(type = "number | null")]
    pub clock_off_ms: Option<i64>,
    /// The disk is nearly full.
    pub disk_low: bool,
    /// The session was ended elsewhere: sign in again to send.
    pub signed_out: bool,
    /// Everything is sent and stored: the lid may close.
    pub safe_to_close: bool,
    /// Why the last sync failed, when it did and not for want of a network.
    pub problem: Option<Code>,
}

/// The Sync centre.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct SyncCentre {
    /// The chip's state.
    pub status: SyncStatus,
    /// What waits to be sent, the oldest first; at most 200.
    pub waiting: Vec<WaitingChange>,
    /// What the server refused, the newest first.
    pub attention: Vec<AttentionItem>,
    /// What was merged with or lost against somebody else's change lately, the newest first; at most 100.
    pub merged: Vec<MergedItem>,
    /// Conflicts that this person may settle, the newest first.
    pub conflicts: Vec<ConflictItem>,
    /// Held changes of others that this person may decide about, the oldest first; at most 200.
    pub held: Vec<HeldItem>,
    /// This person's own held changes, decided ones too, the newest first; at most 200.
    pub own_held: Vec<HeldItem>,
    /// Rows that somebody's laptop still had and the server has lost, about which an administrator decides, the oldest first; at
    /// most 200. `author` is whose laptop offered it, `at` when the row had last changed.
    pub offered: Vec<HeldItem>,
    /// Rows of this laptop that the server has lost, and that are not offered yet: whoever entered them may send them again.
    #[ts(type = "number")]
    pub lost_rows: i64,
    /// Rows that the server has and cannot send, because another program wrote them too large or put something into them that
    /// this one cannot read. They are missing here.
    #[ts(type = "number")]
    pub withheld_rows: i64,
    /// Damaged rows that were found on this laptop and put right, the newest first; at most 20.
    pub repairs: Vec<Repair>,
    /// Where this laptop's data lies.
    pub folder: String,
}

/// Damaged rows that were put right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Repair {
    /// When.
    #[ts(type = "number")]
    pub at: i64,
    /// How many rows were fetched again or taken away.
    #[ts(type = "number")]
    pub rows: i64,
}

/// One change on its way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct WaitingChange {
    /// Its number on this laptop.
    #[ts(type = "number")]
    pub n: i64,
    /// The table; the screen says it in people's words.
    pub entity: String,
    /// What it is about, such as a topic's or a student's name; empty when that is not on this laptop.
    pub about: String,
    /// When it was made.
    #[ts(type = "number")]
    pub at: i64,
    /// Whether the server has it and only the confirmation is on its way.
    pub sent: bool,
}

/// What the server refused of one row: all changes of it, laid one over the other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct AttentionItem {
    /// The number on this laptop of the change that says why; sending it again or discarding it means all of them.
    #[ts(type = "number")]
    pub n: i64,
    /// The table.
    pub entity: String,
    /// The row.
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
    /// A value that would be taken.
    pub suggestion: Option<String>,
    /// What was to be stored, for editing: column and value, in the table's order.
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
    /// Whether the screen may let them change it (text, number, choice, truth, date).
    pub editable: bool,
    /// `text`, `whole`, `real`, `truth`, `date`, `choice` or `other`.
    pub kind: String,
    /// The words to choose from, for `choice`.
    pub choices: Vec<String>,
}

/// Sends a refused change again, mended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct SendAgain {
    /// The refused change.
    #[ts(type = "number")]
    pub n: i64,
    /// The mended values by column; columns left out stay as they were.
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
    /// Where it lies.
    pub path: String,
}

/// One change that met somebody else's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct MergedItem {
    /// Its number on this laptop.
    #[ts(type = "number")]
    pub n: i64,
    /// The table.
    pub entity: String,
    /// What it is about.
    pub about: String,
    /// When it was made.
    #[ts(type = "number")]
    pub at: i64,
    /// `merged` or `superseded`.
    pub outcome: String,
}

/// Two people's words about one thing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct ConflictItem {
    /// The conflict.
    pub id: String,
    /// The table.
    pub entity: String,
    /// The row.
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
    /// What stands now.
    pub kept: ConflictSide,
    /// What lost.
    pub lost: ConflictSide,
}

/// One of two values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct ConflictSide {
    /// The value, such as `present`.
    #[ts(type = "unknown")]
    pub value: Value,
    /// Who entered it; empty when that is not known here.
    pub by: String,
    /// When.
    #[ts(type = "number | null")]
    pub at: Option<i64>,
}

/// A change whose author had lost the right by the time it arrived.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct HeldItem {
    /// The held change.
    pub id: String,
    /// The table.
    pub entity: String,
    /// What it is about, such as the student and the day.
    pub about: String,
    /// The group that it belongs to; empty when it belongs to none, or to one that is not on this laptop.
    pub group: String,
    /// Whether the row was to be deleted.
    pub deletes: bool,
    /// What was entered, and what stands now.
    pub fields: Vec<HeldField>,
    /// Who made it.
    pub author: String,
    /// When.
    #[ts(type = "number")]
    pub at: i64,
    /// `waiting`, `accepted` or `refused`.
    pub state: String,
    /// Whether it decides what somebody may see or do, or is of what people decide one by one, such as money: such a change is
    /// not accepted together with others.
    pub alone: bool,
    /// How many other people have offered the very same row: with 0, one person's laptop alone says so. 0 for a held change.
    #[ts(type = "number")]
    pub others: i64,
    /// Who decided; empty when nobody did, or that is not known here.
    pub decided_by: String,
    /// When.
    #[ts(type = "number | null")]
    pub decided_at: Option<i64>,
}

/// One column of a held change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct HeldField {
    /// The column.
    pub name: String,
    /// What was entered.
    #[ts(type = "unknown")]
    pub value: Value,
    /// What stands now.
    #[ts(type = "unknown")]
    pub server_value: Value,
    /// As an attention field's; also `moment`, in milliseconds.
    pub kind: String,
}

/// Decides about a held change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct DecideHeld {
    /// The held change.
    pub id: String,
    /// True: it happens. False: what stands stays.
    pub accept: bool,
}

/// Settles a conflict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Settle {
    /// The conflict.
    pub id: String,
    /// True: take the value that had lost. False: what stands is right.
    pub take_lost: bool,
}

/// What the window hears without asking.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// Rows of these tables changed on this laptop: views that show them ask again.
    Changed {
        /// The tables.
        entities: Vec<String>,
    },
    /// The chip's state.
    Sync {
        /// The new state.
        status: SyncStatus,
    },
    /// Downloads moved.
    Downloads {
        /// Their state.
        downloads: super::Downloads,
    },
    /// Somebody was unlocked, locked or removed.
    People,
}
