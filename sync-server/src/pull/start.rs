//! Where a page starts: what the laptop has of each scope that its person hears.

use std::collections::BTreeMap;

use crate::handed_out::Cursors;
use crate::heads::{Heads, Subscription};

/// Where a page starts.
pub struct Start {
    /// How far each scope of the subscription was read, in its order; none for one that the laptop does not know.
    pub cursors: Vec<Option<i64>>,
    /// Scopes that the laptop knows and its person no longer hears.
    pub removed: Vec<String>,
    /// Whether the laptop has read another life of this server until now.
    pub other_life: bool,
    /// Whether the laptop is there. It is not yet when a page is read ahead.
    pub asked_for: bool,
    /// The digest of those cursors, when it is known.
    pub digest: Option<i64>,
    /// The scopes that may have moved, when not all have to be looked at.
    pub moved: Option<Moved>,
}

/// The only scopes that have moved since this device was given everything, as far as this instance has heard.
///
/// It may not have heard of a commit at another instance. That makes the page late and not wrong, but for one thing: the page
/// says up to which of the device's own mutations it holds everything. So it counts only while the device has pushed nothing.
pub struct Moved {
    /// Their order in the subscription.
    pub scopes: Vec<usize>,
    /// The number of the device's last mutation then.
    pub last_n: i64,
}

impl Start {
    /// From cursors that the laptop sent. Those of another life of the server count for nothing.
    pub fn told(subscription: &Subscription, cursors: BTreeMap<String, i64>, same_life: bool) -> Start {
        let of = |scope: &String| cursors.get(scope).copied().filter(|_| same_life);
        Start {
            cursors: subscription.scopes.iter().map(of).collect(),
            removed: cursors.into_keys().filter(|scope| !subscription.actor.scopes.contains(scope)).collect(),
            other_life: !same_life,
            asked_for: true,
            digest: None,
            moved: None,
        }
    }

    /// From cursors that the laptop named by their digest.
    pub fn handed_out(heads: &Heads, subscription: &Subscription, digest: i64, cursors: &Cursors) -> Start {
        if cursors.subscription != subscription.number {
            return Start::told(subscription, heads.by_name(cursors), true);
        }
        Start {
            cursors: cursors.versions.iter().copied().map(Some).collect(),
            removed: Vec::new(),
            other_life: false,
            asked_for: true,
            digest: Some(digest),
            moved: cursors.whole_at.map(|last_n| Moved { scopes: heads.moved_past(cursors), last_n }),
        }
    }
}
