//! Where a page starts: the laptop's cursor in each scope that its user subscribes to.

use std::collections::BTreeMap;

use crate::cursor_cache::Cursors;
use crate::heads::{Heads, Subscription};

/// Where a page starts.
pub struct Start {
    /// Cursor of each scope of the subscription, in its order; none for one that the laptop has not read.
    pub cursors: Vec<Option<i64>>,
    /// Scopes that the laptop has and its user no longer subscribes to.
    pub removed: Vec<String>,
    /// Whether the laptop's cursors are of another epoch.
    pub other_epoch: bool,
    /// Whether the laptop has requested the page; false when it is read ahead.
    pub is_requested: bool,
    /// The digest of those cursors, when it is known.
    pub digest: Option<i64>,
    /// The scopes that may have moved; none when all have to be checked.
    pub moved: Option<Moved>,
}

/// The scopes that have moved since this device had read every scope to its head, as far as this instance has been notified.
///
/// A commit at another instance may be missing. That makes the page late and not wrong, with one exception: the page says up to
/// which of the device's own mutations it contains everything. So this is used only while the device has pushed nothing.
pub struct Moved {
    /// Their order in the subscription.
    pub scopes: Vec<usize>,
    /// The number of the device's last mutation then.
    pub last_n: i64,
}

impl Start {
    /// From cursors that the laptop sent. Cursors of another epoch are ignored.
    pub fn from_cursors(subscription: &Subscription, cursors: BTreeMap<String, i64>, same_epoch: bool) -> Start {
        let of = |scope: &String| cursors.get(scope).copied().filter(|_| same_epoch);
        Start {
            cursors: subscription.scopes.iter().map(of).collect(),
            removed: cursors.into_keys().filter(|scope| !subscription.actor.scopes.contains(scope)).collect(),
            other_epoch: !same_epoch,
            is_requested: true,
            digest: None,
            moved: None,
        }
    }

    /// From cursors that the laptop named by their digest.
    pub fn from_cache(heads: &Heads, subscription: &Subscription, digest: i64, cursors: &Cursors) -> Start {
        if cursors.subscription != subscription.number {
            return Start::from_cursors(subscription, heads.by_name(cursors), true);
        }
        Start {
            cursors: cursors.versions.iter().copied().map(Some).collect(),
            removed: Vec::new(),
            other_epoch: false,
            is_requested: true,
            digest: Some(digest),
            moved: cursors.complete_at.map(|last_n| Moved { scopes: heads.moved_past(cursors), last_n }),
        }
    }
}
