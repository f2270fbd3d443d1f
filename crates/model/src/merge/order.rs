//! Which of two edits of one group is the later one.
//!
//! Time decides, and the larger device id when the times are equal. But a change counts as later than everything that its
//! maker had seen, also when their clock says otherwise. So an edit remembers the seen edits whose time is later than its own,
//! each under the stamp from which on it could be seen. Two edits compare by those lists, each ended by the edit itself. A
//! change that arrives after somebody else's finds in that edit's list what both have seen. So the comparison is the same in
//! whatever order the two arrive.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Change, Edit};

/// Seen edits of a later time that one edit remembers. Only a device whose clock goes back at every change has so many.
const AFTER_MAX: usize = 16;

/// An edit's place in time, and from which stamp of its row on it could be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Corrected hybrid time (microseconds).
    pub at: i64,
    /// The device; none for plain SQL.
    pub device: Option<Uuid>,
    /// The row's stamp; 0 when it was followed by another change of the same push.
    pub stamp: i64,
}

impl Turn {
    fn time(&self) -> (i64, Option<Uuid>) {
        (self.at, self.device)
    }
}

/// How a change stands to the edit that it meets.
pub(super) struct Meeting {
    /// Its maker had seen the edit, or made it.
    pub seen: bool,
    /// It is the later one.
    pub later: bool,
    /// What the change's own edit remembers.
    pub after: Vec<Turn>,
}

/// Compares a change with the edit that stands. `by_stamp`: its base says that it was made knowing that edit.
pub(super) fn meet(change: &Change<'_>, edit: &Edit, by_stamp: bool) -> Meeting {
    let own = Turn { at: change.at, device: Some(change.device), stamp: 0 };
    let standing: Vec<Turn> = edit.after.iter().copied().chain([Turn { at: edit.at, device: edit.device, stamp: edit.stamp }]).collect();
    let is_seen =
        |turn: &Turn| turn.device == Some(change.device) || (turn.stamp != 0 && change.base.stamp.is_some_and(|base| turn.stamp <= base));
    // Each edit in the list was made knowing those before it.
    let seen_count = if by_stamp { standing.len() } else { standing.iter().rposition(is_seen).map_or(0, |last| last + 1) };
    let mut after = standing[..seen_count].to_vec();
    while after.last().is_some_and(|last| last.time() <= own.time()) {
        after.pop();
    }
    after.truncate(AFTER_MAX);
    let seen = seen_count == standing.len();
    let later = seen || after.iter().chain([&own]).map(Turn::time).gt(standing.iter().map(Turn::time));
    Meeting { seen, later, after }
}
