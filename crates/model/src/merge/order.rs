//! Decides which of two edits of one group is the later one.
//!
//! The later time wins, and the larger device id when the times are equal. But a change counts as later than every edit that
//! its author had seen, even when the author's clock is behind. So an edit stores the edits that its author had seen and whose
//! time is later than its own, each with the stamp that it gave the row. Two edits compare by these lists, with the edit itself
//! appended to each. A change that arrives after another finds in the other's list the edits that both authors had seen, so
//! the comparison has the same result in both orders of arrival.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Change, Edit};

/// Maximum length of [`Edit::after`]. Only a device whose clock goes back at every change reaches it.
const AFTER_MAX: usize = 16;

/// The time of an edit, and the stamp that it gave the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditTime {
    /// Corrected hybrid time (microseconds).
    pub at: i64,
    /// The device; none for plain SQL.
    pub device: Option<Uuid>,
    /// The row's stamp; 0 when the same push changed the row again, so that no other device could see it.
    pub stamp: i64,
}

impl EditTime {
    fn time(&self) -> (i64, Option<Uuid>) {
        (self.at, self.device)
    }
}

/// The result of comparing a change with the current edit.
pub(super) struct Comparison {
    /// The author of the change had seen the current edit, or made it.
    pub seen: bool,
    /// The change is the later one.
    pub later: bool,
    /// [`Edit::after`] for the change's own edit.
    pub after: Vec<EditTime>,
}

/// Compares a change with the current edit. `by_stamp`: the base stamp of the change proves that its author had seen that edit.
pub(super) fn compare(change: &Change<'_>, edit: &Edit, by_stamp: bool) -> Comparison {
    let own = EditTime { at: change.at, device: Some(change.device), stamp: 0 };
    let standing: Vec<EditTime> =
        edit.after.iter().copied().chain([EditTime { at: edit.at, device: edit.device, stamp: edit.stamp }]).collect();
    let is_seen = |turn: &EditTime| {
        turn.device == Some(change.device) || (turn.stamp != 0 && change.base.stamp.is_some_and(|base| turn.stamp <= base))
    };
    // The author of each edit in the list had seen those before it.
    let seen_count = if by_stamp { standing.len() } else { standing.iter().rposition(is_seen).map_or(0, |last| last + 1) };
    let mut after = standing[..seen_count].to_vec();
    while after.last().is_some_and(|last| last.time() <= own.time()) {
        after.pop();
    }
    after.truncate(AFTER_MAX);
    let seen = seen_count == standing.len();
    let later = seen || after.iter().chain([&own]).map(EditTime::time).gt(standing.iter().map(EditTime::time));
    Comparison { seen, later, after }
}
