//! Heads and subscriptions in memory, so that an unchanged pull costs no database look-up, and the pokes.
//!
//! All of it can be rebuilt from PostgreSQL at any time. It may make an answer late, never wrong: a page is always read
//! from the database. What another instance committed may not have been heard of yet, so the heads here say of a scope only
//! that it has moved, never that it has not.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, RwLock, Weak};

use tokio::sync::broadcast;
use uuid::Uuid;
use waystation_model::access::{Actor, Role};
use waystation_model::hash::cursor_hash;
use waystation_model::wire::Poke;

use crate::handed_out::{Cursors, HandedOut};

/// Pokes that a slow stream may lag behind before it is told to pull everything.
const POKES_BUFFERED_MAX: usize = 256;
/// Streams of one person on one instance: a laptop has one, and one that broke off may be noticed late.
const STREAMS_PER_USER_MAX: usize = 32;
/// The scope name of a poke that means: what you may hear has changed, or more moved than fits a stream.
pub const EVERYTHING: &str = "*";

/// What one user hears, with the digest of the heads.
#[derive(Debug)]
pub struct Subscription {
    /// The user, their role, and the scopes as a set.
    pub actor: Actor,
    /// The scopes in the order in which a first sync fetches them.
    pub scopes: Vec<String>,
    /// Their places among all scopes that this instance knows.
    pub places: Arc<[u32]>,
    /// Told apart from every other subscription of this instance, also of the same person, by this number.
    pub number: u64,
    /// The sum of the heads of [`access_scopes`] when it was computed.
    pub rights_at: i64,
    digest: AtomicI64,
}

impl Subscription {
    /// The sum of the hashes of every scope at its head.
    pub fn digest(&self) -> i64 {
        self.digest.load(Ordering::Acquire)
    }
}

/// The scopes, heard by nobody, whose heads move when this person's subscription may change. What administrators hear changes
/// with every course and group of the organization; everybody else's subscription does not.
pub fn access_scopes(actor: &Actor) -> Vec<String> {
    let [user, everybody, administrators] = all_access_scopes(actor.user_id, actor.organization_id);
    if actor.role == Role::Admin { vec![user, everybody, administrators] } else { vec![user, everybody] }
}

/// The access scopes of a person of any role. The sum of their heads never falls, also when the role changes.
pub fn all_access_scopes(user: Uuid, organization: Uuid) -> [String; 3] {
    [format!("access:{user}"), format!("access_all:{organization}"), format!("access_org:{organization}")]
}

/// Every scope that was heard of, with its head. A place is a number, and thousands of them take little room.
#[derive(Default)]
struct Known {
    places: HashMap<Arc<str>, u32>,
    scopes: Vec<(Arc<str>, i64)>,
}

impl Known {
    fn place(&mut self, scope: &str) -> u32 {
        if let Some(place) = self.places.get(scope) {
            return *place;
        }
        let place = u32::try_from(self.scopes.len()).expect("a row of the database for each of four thousand million scopes is too many");
        let name: Arc<str> = scope.into();
        self.places.insert(Arc::clone(&name), place);
        self.scopes.push((name, 0));
        place
    }

    fn at(&self, place: u32) -> &(Arc<str>, i64) {
        &self.scopes[place as usize]
    }
}

#[derive(Default)]
struct Inner {
    known: Known,
    subscriptions_made: u64,
    subscriptions: HashMap<Uuid, Arc<Subscription>>,
    listeners: HashMap<String, Vec<Weak<Subscription>>>,
    streams: HashMap<Uuid, broadcast::Sender<Poke>>,
}

/// Heads, subscriptions and open streams of this instance.
#[derive(Default)]
pub struct Heads {
    inner: RwLock<Inner>,
    access_changes: AtomicU64,
    /// The cursors that devices were given.
    pub handed_out: HandedOut,
}

impl Heads {
    /// A number that grows whenever somebody's subscription may have changed. Read it before computing one.
    pub fn access_changes(&self) -> u64 {
        self.access_changes.load(Ordering::Acquire)
    }

    /// The user's subscription, when it is known.
    pub fn subscription(&self, user: Uuid) -> Option<Arc<Subscription>> {
        self.read().subscriptions.get(&user).cloned()
    }

    /// Keeps a freshly computed subscription, unless somebody's access changed while it was computed.
    pub fn remember(&self, actor: Actor, scopes: Vec<String>, rights_at: i64, computed_at: u64) -> Arc<Subscription> {
        let mut inner = self.write();
        let places: Arc<[u32]> = scopes.iter().map(|scope| inner.known.place(scope)).collect();
        let hash = |place: &u32| {
            let (scope, head) = inner.known.at(*place);
            cursor_hash(scope, *head)
        };
        let digest = places.iter().fold(0i64, |sum, place| sum.wrapping_add(hash(place)));
        let user = actor.user_id;
        inner.subscriptions_made += 1;
        let number = inner.subscriptions_made;
        let subscription = Arc::new(Subscription { actor, scopes, places, number, rights_at, digest: AtomicI64::new(digest) });
        if self.access_changes() == computed_at {
            for scope in &subscription.scopes {
                let listeners = inner.listeners.entry(scope.clone()).or_default();
                listeners.retain(|listener| listener.strong_count() > 0);
                listeners.push(Arc::downgrade(&subscription));
            }
            inner.subscriptions.insert(user, Arc::clone(&subscription));
        }
        subscription
    }

    /// A stream of pokes for one user; none when they have as many as one person may.
    pub fn listen(&self, user: Uuid) -> Option<broadcast::Receiver<Poke>> {
        let mut inner = self.write();
        inner.streams.retain(|_, stream| stream.receiver_count() > 0);
        let stream = inner.streams.entry(user).or_insert_with(|| broadcast::channel(POKES_BUFFERED_MAX).0);
        (stream.receiver_count() < STREAMS_PER_USER_MAX).then(|| stream.subscribe())
    }

    /// Takes note of heads that moved, in this instance's own commit or in somebody else's. A head that is not among them
    /// stays as it is known: what was read a moment ago does not have what was made since.
    pub fn advance(&self, moved: &[(String, i64)]) {
        let mut inner = self.write();
        for (scope, head) in moved {
            let place = inner.known.place(scope);
            let before = inner.known.at(place).1;
            if *head <= before {
                continue;
            }
            inner.known.scopes[place as usize].1 = *head;
            if let Some(user) = scope.strip_prefix("access:").and_then(|id| Uuid::parse_str(id).ok()) {
                self.forget(&mut inner, |subscription| subscription.actor.user_id == user);
            } else if let Some(organization) = scope.strip_prefix("access_org:").and_then(|id| Uuid::parse_str(id).ok()) {
                self.forget(&mut inner, |subscription| {
                    subscription.actor.organization_id == organization && subscription.actor.role == Role::Admin
                });
            } else if let Some(organization) = scope.strip_prefix("access_all:").and_then(|id| Uuid::parse_str(id).ok()) {
                self.forget(&mut inner, |subscription| subscription.actor.organization_id == organization);
            } else {
                move_head(&inner, scope, before, *head);
            }
        }
    }

    /// Every head that is known.
    pub fn known(&self) -> Vec<(String, i64)> {
        self.read().known.scopes.iter().map(|(scope, head)| (scope.to_string(), *head)).collect()
    }

    /// Whether a head that was known before is further than the database has it now. Heads never go back, and none is removed.
    pub fn any_is_above(known: &[(String, i64)], read: &[(String, i64)]) -> bool {
        let read: HashMap<&str, i64> = read.iter().map(|(scope, head)| (scope.as_str(), *head)).collect();
        known.iter().any(|(scope, head)| *head > read.get(scope.as_str()).copied().unwrap_or(0))
    }

    /// Takes these heads for the only ones there are, and forgets what was computed with others: the database is another one.
    pub fn begin_again(&self, read: &[(String, i64)]) {
        {
            let mut inner = self.write();
            self.forget(&mut inner, |_| true);
            for (_, head) in &mut inner.known.scopes {
                *head = 0;
            }
            for user in inner.streams.keys() {
                poke(&inner, *user, &Poke { scope: EVERYTHING.to_owned(), head: 0 });
            }
        }
        self.advance(read);
    }

    /// Which of a subscription's scopes are known to have moved past these cursors, by their order in it.
    pub fn moved_past(&self, cursors: &Cursors) -> Vec<usize> {
        let inner = self.read();
        let scopes = cursors.places.iter().zip(&*cursors.versions).enumerate();
        scopes.filter(|(_, (place, version))| inner.known.at(**place).1 > **version).map(|(order, _)| order).collect()
    }

    /// Cursors by the names of their scopes.
    pub fn by_name(&self, cursors: &Cursors) -> BTreeMap<String, i64> {
        let inner = self.read();
        cursors.places.iter().zip(&*cursors.versions).map(|(place, version)| (inner.known.at(*place).0.to_string(), *version)).collect()
    }

    /// Drops one subscription whose rights have moved without this instance having been told, so that it is computed anew.
    pub fn forget_subscription(&self, outdated: &Subscription) {
        let mut inner = self.write();
        self.forget(&mut inner, |subscription| subscription.number == outdated.number);
    }

    /// Drops every subscription, so that each is computed anew.
    pub fn forget_everybody(&self) {
        let mut inner = self.write();
        self.forget(&mut inner, |_| true);
    }

    fn forget(&self, inner: &mut Inner, whom: impl Fn(&Subscription) -> bool) {
        self.access_changes.fetch_add(1, Ordering::AcqRel);
        let users: Vec<Uuid> = inner.subscriptions.iter().filter(|(_, s)| whom(s)).map(|(user, _)| *user).collect();
        for user in users {
            inner.subscriptions.remove(&user);
            poke(inner, user, &Poke { scope: EVERYTHING.to_owned(), head: 0 });
        }
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn move_head(inner: &Inner, scope: &str, before: i64, head: i64) {
    let change = cursor_hash(scope, head).wrapping_sub(cursor_hash(scope, before));
    let listeners: Vec<Arc<Subscription>> =
        inner.listeners.get(scope).map(|listeners| listeners.iter().filter_map(Weak::upgrade).collect()).unwrap_or_default();
    for subscription in listeners {
        subscription.digest.fetch_add(change, Ordering::AcqRel);
        poke(inner, subscription.actor.user_id, &Poke { scope: scope.to_owned(), head });
    }
}

fn poke(inner: &Inner, user: Uuid, poke: &Poke) {
    if let Some(stream) = inner.streams.get(&user) {
        // Nobody listening any more is no failure.
        let _ = stream.send(poke.clone());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use waystation_model::hash::cursors_digest;

    fn actor(user: u128, role: Role) -> Actor {
        Actor { user_id: Uuid::from_u128(user), organization_id: Uuid::from_u128(9), role, scopes: HashSet::new() }
    }

    #[test]
    fn the_digest_follows_the_heads() {
        let heads = Heads::default();
        heads.advance(&[("course:1".into(), 3)]);
        let subscription = heads.remember(actor(1, Role::Learner), vec!["course:1".into(), "user:1".into()], 0, heads.access_changes());
        assert_eq!(subscription.digest(), cursors_digest([("course:1", 3), ("user:1", 0)]));
        heads.advance(&[("user:1".into(), 2), ("course:1".into(), 2), ("course:7".into(), 1)]);
        assert_eq!(subscription.digest(), cursors_digest([("course:1", 3), ("user:1", 2)]), "a head never goes back");
    }

    #[test]
    fn a_subscription_computed_during_a_change_of_access_is_not_kept() {
        let heads = Heads::default();
        let before = heads.access_changes();
        heads.advance(&[(format!("access:{}", Uuid::from_u128(1)), 1)]);
        heads.remember(actor(1, Role::Learner), vec![], 0, before);
        assert!(heads.subscription(Uuid::from_u128(1)).is_none());
    }

    #[test]
    fn heads_that_were_read_too_early_take_nothing_away() {
        let heads = Heads::default();
        let read: Vec<(String, i64)> = vec![("user:1".into(), 4)];
        heads.advance(&[("course:new".into(), 3)]);
        let subscription = heads.remember(actor(1, Role::Learner), vec!["course:new".into(), "user:1".into()], 0, heads.access_changes());
        heads.advance(&read);
        heads.advance(&[("course:new".into(), 5)]);
        assert_eq!(subscription.digest(), cursors_digest([("course:new", 5), ("user:1", 4)]));
    }

    #[test]
    fn a_person_has_so_many_streams_and_no_more() {
        let heads = Heads::default();
        let mut streams: Vec<_> = (0..STREAMS_PER_USER_MAX).map(|_| heads.listen(Uuid::from_u128(1)).expect("a stream")).collect();
        assert!(heads.listen(Uuid::from_u128(1)).is_none());
        assert!(heads.listen(Uuid::from_u128(2)).is_some(), "somebody else has their own");
        streams.pop();
        assert!(heads.listen(Uuid::from_u128(1)).is_some());
    }

    #[test]
    fn a_change_of_the_organization_forgets_everybody_in_it() {
        let heads = Heads::default();
        for (user, role) in [(1, Role::Admin), (2, Role::Learner)] {
            heads.remember(actor(user, role), vec![], 0, heads.access_changes());
        }
        heads.advance(&[(format!("access_all:{}", Uuid::from_u128(9)), 1)]);
        assert!((1..3).all(|user| heads.subscription(Uuid::from_u128(user)).is_none()));
    }

    #[test]
    fn a_change_of_access_pokes_and_forgets_only_whom_it_concerns() {
        let heads = Heads::default();
        for (user, role) in [(1, Role::Admin), (2, Role::Learner)] {
            heads.remember(actor(user, role), vec![], 0, heads.access_changes());
        }
        let mut stream = heads.listen(Uuid::from_u128(1)).expect("the first stream");
        heads.advance(&[(format!("access_org:{}", Uuid::from_u128(9)), 1)]);
        assert!(heads.subscription(Uuid::from_u128(1)).is_none());
        assert!(heads.subscription(Uuid::from_u128(2)).is_some());
        assert_eq!(stream.try_recv().expect("a poke").scope, EVERYTHING);
    }
}
