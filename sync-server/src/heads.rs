//! Heads and subscriptions in memory, so that an unchanged pull needs no database look-up, and the streams of pokes.
//!
//! All of it can be rebuilt from PostgreSQL at any time. It may make an answer late but never wrong: a page is always read from the
//! database. Another instance's commit may not have been announced yet, so the heads here can show that a scope has moved, but
//! never that it has not.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, RwLock, Weak};

use tokio::sync::broadcast;
use uuid::Uuid;
use waystation_model::access::{Actor, Role};
use waystation_model::hash::cursor_hash;
use waystation_model::wire::Poke;

use crate::cursor_cache::{CursorCache, Cursors};

/// Pokes that a slow stream may lag behind before it receives a poke for everything.
const POKES_BUFFERED_MAX: usize = 256;
/// The most streams of one person on one instance: each laptop has one, and a broken one may be detected late.
const STREAMS_PER_USER_MAX: usize = 32;
/// The scope of a poke for everything: the user's subscription has changed, or more heads moved than fit the stream.
pub const EVERYTHING: &str = "*";

/// The scopes that a user subscribes to, with the digest of their heads.
#[derive(Debug)]
pub struct Subscription {
    /// The user, their role, and the scopes as a set.
    pub actor: Actor,
    /// The scopes in the order in which a first sync fetches them.
    pub scopes: Vec<String>,
    /// Ordinals of the scopes among all scopes that this instance knows.
    pub ordinals: Arc<[u32]>,
    /// Number of this subscription, unique within this instance, also among subscriptions of the same person.
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

/// The access scopes: scopes without subscribers, whose heads move when this person's subscription may change. An administrator's
/// subscription also changes with every course and group of the organization.
pub fn access_scopes(actor: &Actor) -> Vec<String> {
    let [user, everybody, administrators] = all_access_scopes(actor.user_id, actor.organization_id);
    if actor.role == Role::Admin { vec![user, everybody, administrators] } else { vec![user, everybody] }
}

/// The access scopes of a person of any role. The sum of their heads never falls, also when the role changes.
pub fn all_access_scopes(user: Uuid, organization: Uuid) -> [String; 3] {
    [format!("access:{user}"), format!("access_all:{organization}"), format!("access_org:{organization}")]
}

/// All scopes that this instance has seen, with their heads. Ordinals instead of names keep sets of thousands of scopes small.
#[derive(Default)]
struct KnownScopes {
    ordinals: HashMap<Arc<str>, u32>,
    scopes: Vec<(Arc<str>, i64)>,
}

impl KnownScopes {
    fn ordinal(&mut self, scope: &str) -> u32 {
        if let Some(ordinal) = self.ordinals.get(scope) {
            return *ordinal;
        }
        let ordinal = u32::try_from(self.scopes.len()).expect("a row of the database for each of four thousand million scopes is too many");
        let name: Arc<str> = scope.into();
        self.ordinals.insert(Arc::clone(&name), ordinal);
        self.scopes.push((name, 0));
        ordinal
    }

    fn at(&self, ordinal: u32) -> &(Arc<str>, i64) {
        &self.scopes[ordinal as usize]
    }
}

#[derive(Default)]
struct Inner {
    known: KnownScopes,
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
    /// The cursors issued to devices.
    pub cursor_cache: CursorCache,
}

impl Heads {
    /// A counter that grows whenever any subscription may have changed. Read it before computing a subscription.
    pub fn access_changes(&self) -> u64 {
        self.access_changes.load(Ordering::Acquire)
    }

    /// The user's subscription, if it is cached.
    pub fn subscription(&self, user: Uuid) -> Option<Arc<Subscription>> {
        self.read().subscriptions.get(&user).cloned()
    }

    /// Caches a newly computed subscription, unless any access changed while it was computed.
    pub fn remember(&self, actor: Actor, scopes: Vec<String>, rights_at: i64, computed_at: u64) -> Arc<Subscription> {
        let mut inner = self.write();
        let ordinals: Arc<[u32]> = scopes.iter().map(|scope| inner.known.ordinal(scope)).collect();
        let hash = |ordinal: &u32| {
            let (scope, head) = inner.known.at(*ordinal);
            cursor_hash(scope, *head)
        };
        let digest = ordinals.iter().fold(0i64, |sum, ordinal| sum.wrapping_add(hash(ordinal)));
        let user = actor.user_id;
        inner.subscriptions_made += 1;
        let number = inner.subscriptions_made;
        let subscription = Arc::new(Subscription { actor, scopes, ordinals, number, rights_at, digest: AtomicI64::new(digest) });
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

    /// A stream of pokes for one user; none when the user has reached the limit.
    pub fn listen(&self, user: Uuid) -> Option<broadcast::Receiver<Poke>> {
        let mut inner = self.write();
        inner.streams.retain(|_, stream| stream.receiver_count() > 0);
        let stream = inner.streams.entry(user).or_insert_with(|| broadcast::channel(POKES_BUFFERED_MAX).0);
        (stream.receiver_count() < STREAMS_PER_USER_MAX).then(|| stream.subscribe())
    }

    /// Advances heads that moved, in this instance's own commit or in another one's. Heads that are not listed stay as they are,
    /// because a list that was read earlier lacks scopes created since.
    pub fn advance(&self, moved: &[(String, i64)]) {
        let mut inner = self.write();
        for (scope, head) in moved {
            let ordinal = inner.known.ordinal(scope);
            let before = inner.known.at(ordinal).1;
            if *head <= before {
                continue;
            }
            inner.known.scopes[ordinal as usize].1 = *head;
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

    /// All heads in memory.
    pub fn known(&self) -> Vec<(String, i64)> {
        self.read().known.scopes.iter().map(|(scope, head)| (scope.to_string(), *head)).collect()
    }

    /// Whether any known head is above the one in the database. Heads never move back and are never removed, so then the database
    /// has gone back in time.
    pub fn any_moved_back(known: &[(String, i64)], read: &[(String, i64)]) -> bool {
        let read: HashMap<&str, i64> = read.iter().map(|(scope, head)| (scope.as_str(), *head)).collect();
        known.iter().any(|(scope, head)| *head > read.get(scope.as_str()).copied().unwrap_or(0))
    }

    /// Replaces all heads and drops everything computed from the old ones, after the database was replaced by another one.
    pub fn replace_all(&self, read: &[(String, i64)]) {
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

    /// The scopes that are known to have moved past these cursors, as indexes into the subscription.
    pub fn moved_past(&self, cursors: &Cursors) -> Vec<usize> {
        let inner = self.read();
        let scopes = cursors.ordinals.iter().zip(&*cursors.versions).enumerate();
        scopes.filter(|(_, (ordinal, version))| inner.known.at(**ordinal).1 > **version).map(|(order, _)| order).collect()
    }

    /// Cursors by scope name.
    pub fn by_name(&self, cursors: &Cursors) -> BTreeMap<String, i64> {
        let inner = self.read();
        cursors
            .ordinals
            .iter()
            .zip(&*cursors.versions)
            .map(|(ordinal, version)| (inner.known.at(*ordinal).0.to_string(), *version))
            .collect()
    }

    /// Drops one subscription whose rights have changed without this instance having been notified, so that it is computed again.
    pub fn forget_subscription(&self, outdated: &Subscription) {
        let mut inner = self.write();
        self.forget(&mut inner, |subscription| subscription.number == outdated.number);
    }

    /// Drops every subscription, so that each is computed again.
    pub fn forget_all_subscriptions(&self) {
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
        // A stream without receivers is not an error.
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
    fn subscriptions_computed_during_an_access_change_are_not_cached() {
        let heads = Heads::default();
        let before = heads.access_changes();
        heads.advance(&[(format!("access:{}", Uuid::from_u128(1)), 1)]);
        heads.remember(actor(1, Role::Learner), vec![], 0, before);
        assert!(heads.subscription(Uuid::from_u128(1)).is_none());
    }

    #[test]
    fn advancing_with_an_older_list_of_heads_removes_none() {
        let heads = Heads::default();
        let read: Vec<(String, i64)> = vec![("user:1".into(), 4)];
        heads.advance(&[("course:new".into(), 3)]);
        let subscription = heads.remember(actor(1, Role::Learner), vec!["course:new".into(), "user:1".into()], 0, heads.access_changes());
        heads.advance(&read);
        heads.advance(&[("course:new".into(), 5)]);
        assert_eq!(subscription.digest(), cursors_digest([("course:new", 5), ("user:1", 4)]));
    }

    #[test]
    fn streams_per_person_are_limited() {
        let heads = Heads::default();
        let mut streams: Vec<_> = (0..STREAMS_PER_USER_MAX).map(|_| heads.listen(Uuid::from_u128(1)).expect("a stream")).collect();
        assert!(heads.listen(Uuid::from_u128(1)).is_none());
        assert!(heads.listen(Uuid::from_u128(2)).is_some(), "somebody else has their own");
        streams.pop();
        assert!(heads.listen(Uuid::from_u128(1)).is_some());
    }

    #[test]
    fn organization_changes_drop_all_its_subscriptions() {
        let heads = Heads::default();
        for (user, role) in [(1, Role::Admin), (2, Role::Learner)] {
            heads.remember(actor(user, role), vec![], 0, heads.access_changes());
        }
        heads.advance(&[(format!("access_all:{}", Uuid::from_u128(9)), 1)]);
        assert!((1..3).all(|user| heads.subscription(Uuid::from_u128(user)).is_none()));
    }

    #[test]
    fn access_changes_poke_and_drop_only_affected_subscriptions() {
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
