//! Heads and subscriptions in memory, so that an unchanged pull needs no database look-up, and the streams of pokes.
//!
//! All of it can be rebuilt from PostgreSQL at any time. It may make an answer late but never wrong: a page is always read from the
//! database. Another instance's commit may not have been announced yet, so the heads here can show that a scope has moved, but
//! never that it has not.

use std::collections::{BTreeMap, HashMap, HashSet};
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
/// The most laptops of one person with follows of their own whose subscriptions one instance keeps. One beyond it costs a look-up for
/// each request, and its followed scopes are pulled with the slow poll.
const FOLLOWING_PER_USER_MAX: usize = 16;
/// The scope of a poke for everything: the user's subscription has changed, or more heads moved than fit the stream.
pub const EVERYTHING: &str = "*";

/// What one laptop asked to follow beside its person's subscription.
#[derive(Debug, Default)]
pub struct Follows {
    /// The scopes that it asked for, sorted.
    pub asked: Vec<String>,
    /// Those of them that are followed and not in the person's subscription anyway.
    pub granted: Vec<String>,
    /// Those that the person may not follow.
    pub refused: Vec<String>,
}

/// The scopes that a user subscribes to, with the digest of their heads. With follows it is for reading alone: rights to write are
/// decided by the subscription without them.
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
    /// Number of the subscription without the follows: its own number where there are none.
    pub without_follows: u64,
    /// What the laptop follows beside it.
    pub follows: Follows,
    /// The sum of the heads of [`access_scopes`] when it was computed.
    pub rights_at: i64,
    digest: AtomicI64,
}

impl Subscription {
    /// The sum of the hashes of every scope at its head.
    pub fn digest(&self) -> i64 {
        self.digest.load(Ordering::Acquire)
    }

    /// Whether the user is poked for this scope because of this subscription. One with follows pokes for those alone, because the one
    /// without pokes for the others.
    fn pokes_for(&self, scope: &str) -> bool {
        self.number == self.without_follows || self.follows.granted.iter().any(|followed| followed == scope)
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
    /// Subscriptions with follows, the newest last.
    following: HashMap<Uuid, Vec<Arc<Subscription>>>,
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
        let subscription = make(&mut inner, actor, scopes, rights_at, None);
        if self.access_changes() == computed_at {
            listen_to_heads(&mut inner, &subscription);
            inner.subscriptions.insert(subscription.actor.user_id, Arc::clone(&subscription));
        }
        subscription
    }

    /// The user's subscription with these follows, if it is cached.
    pub fn following(&self, own: &Subscription, asked: &[String]) -> Option<Arc<Subscription>> {
        let inner = self.read();
        let known = inner.following.get(&own.actor.user_id)?;
        known.iter().find(|known| known.without_follows == own.number && known.follows.asked == asked).cloned()
    }

    /// A subscription with follows. It is cached unless any access changed while it was computed. One with a refusal is never cached:
    /// the person or the right that was missing may be there at the next request.
    pub fn remember_following(&self, own: &Subscription, scopes: Vec<String>, follows: Follows, computed_at: u64) -> Arc<Subscription> {
        let mut inner = self.write();
        let mut actor = own.actor.clone();
        actor.scopes.extend(follows.granted.iter().cloned());
        let subscription = make(&mut inner, actor, scopes, own.rights_at, Some((own.number, follows)));
        if self.access_changes() == computed_at && subscription.follows.refused.is_empty() {
            listen_to_heads(&mut inner, &subscription);
            let known = inner.following.entry(own.actor.user_id).or_default();
            known.retain(|known| known.without_follows == own.number);
            known.push(Arc::clone(&subscription));
            if known.len() > FOLLOWING_PER_USER_MAX {
                known.remove(0);
            }
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

    /// Drops one subscription, with and without follows, whose rights have changed without this instance having been notified, so that it is computed again.
    pub fn forget_subscription(&self, outdated: &Subscription) {
        let mut inner = self.write();
        self.forget(&mut inner, |subscription| subscription.without_follows == outdated.without_follows);
    }

    /// Drops every subscription, so that each is computed again.
    pub fn forget_all_subscriptions(&self) {
        let mut inner = self.write();
        self.forget(&mut inner, |_| true);
    }

    fn forget(&self, inner: &mut Inner, whom: impl Fn(&Subscription) -> bool) {
        self.access_changes.fetch_add(1, Ordering::AcqRel);
        let all = inner.subscriptions.values().chain(inner.following.values().flatten());
        let users: HashSet<Uuid> = all.filter(|subscription| whom(subscription)).map(|subscription| subscription.actor.user_id).collect();
        inner.subscriptions.retain(|_, subscription| !whom(subscription));
        for user in users {
            if let Some(following) = inner.following.get_mut(&user) {
                following.retain(|subscription| !whom(subscription));
                if following.is_empty() {
                    inner.following.remove(&user);
                }
            }
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

/// A new subscription; with follows, the number of the one without them and what is followed.
fn make(inner: &mut Inner, actor: Actor, scopes: Vec<String>, rights_at: i64, follows: Option<(u64, Follows)>) -> Arc<Subscription> {
    let ordinals: Arc<[u32]> = scopes.iter().map(|scope| inner.known.ordinal(scope)).collect();
    let hash = |ordinal: &u32| {
        let (scope, head) = inner.known.at(*ordinal);
        cursor_hash(scope, *head)
    };
    let digest = AtomicI64::new(ordinals.iter().fold(0i64, |sum, ordinal| sum.wrapping_add(hash(ordinal))));
    inner.subscriptions_made += 1;
    let number = inner.subscriptions_made;
    let (without_follows, follows) = follows.unwrap_or_else(|| (number, Follows::default()));
    Arc::new(Subscription { actor, scopes, ordinals, number, without_follows, follows, rights_at, digest })
}

/// From now on the digest of the subscription follows the heads of its scopes.
fn listen_to_heads(inner: &mut Inner, subscription: &Arc<Subscription>) {
    for scope in &subscription.scopes {
        let listeners = inner.listeners.entry(scope.clone()).or_default();
        listeners.retain(|listener| listener.strong_count() > 0);
        listeners.push(Arc::downgrade(subscription));
    }
}

fn move_head(inner: &Inner, scope: &str, before: i64, head: i64) {
    let change = cursor_hash(scope, head).wrapping_sub(cursor_hash(scope, before));
    let listeners: Vec<Arc<Subscription>> =
        inner.listeners.get(scope).map(|listeners| listeners.iter().filter_map(Weak::upgrade).collect()).unwrap_or_default();
    for subscription in listeners {
        subscription.digest.fetch_add(change, Ordering::AcqRel);
        if subscription.pokes_for(scope) {
            poke(inner, subscription.actor.user_id, &Poke { scope: scope.to_owned(), head });
        }
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

    fn follows(granted: &[&str], refused: &[&str]) -> Follows {
        let texts = |list: &[&str]| list.iter().map(|scope| (*scope).to_owned()).collect::<Vec<_>>();
        Follows { asked: [texts(granted), texts(refused)].concat(), granted: texts(granted), refused: texts(refused) }
    }

    /// A person's subscription and the one of a laptop of theirs that follows a scope.
    fn following(heads: &Heads) -> (Arc<Subscription>, Arc<Subscription>) {
        let own = heads.remember(actor(1, Role::Admin), vec!["user:1".into()], 0, heads.access_changes());
        let scopes = vec!["user:1".into(), "learner:7".into()];
        let with = heads.remember_following(&own, scopes, follows(&["learner:7"], &[]), heads.access_changes());
        (own, with)
    }

    #[test]
    fn a_laptop_that_follows_has_a_digest_of_its_own_and_pokes_for_what_it_follows() {
        let heads = Heads::default();
        let (own, with) = following(&heads);
        let mut stream = heads.listen(Uuid::from_u128(1)).expect("the first stream");
        heads.advance(&[("learner:7".into(), 3), ("user:1".into(), 2)]);
        assert_eq!(own.digest(), cursors_digest([("user:1", 2)]));
        assert_eq!(with.digest(), cursors_digest([("user:1", 2), ("learner:7", 3)]));
        let poked: Vec<String> = std::iter::from_fn(|| stream.try_recv().ok()).map(|poke| poke.scope).collect();
        assert_eq!(poked, ["learner:7", "user:1"], "each once");
        assert!(!heads.subscription(Uuid::from_u128(1)).expect("the own one").actor.scopes.contains("learner:7"));
    }

    #[test]
    fn what_is_followed_is_forgotten_with_the_subscription_it_was_added_to() {
        let heads = Heads::default();
        let asked = ["learner:7".to_owned()];
        let (own, with) = following(&heads);
        assert_eq!(heads.following(&own, &asked).map(|known| known.number), Some(with.number));
        assert!(heads.following(&own, &[]).is_none());
        heads.forget_subscription(&with);
        assert!(heads.subscription(Uuid::from_u128(1)).is_none() && heads.following(&own, &asked).is_none());
        let (own, _) = following(&heads);
        heads.advance(&[(format!("access:{}", Uuid::from_u128(1)), 1)]);
        assert!(heads.following(&own, &asked).is_none());
    }

    #[test]
    fn a_refusal_is_not_cached_and_laptops_beyond_the_limit_replace_the_first() {
        let heads = Heads::default();
        let own = heads.remember(actor(1, Role::Admin), vec![], 0, heads.access_changes());
        heads.remember_following(&own, vec![], follows(&[], &["learner:8"]), heads.access_changes());
        assert!(heads.following(&own, &["learner:8".to_owned()]).is_none());
        for number in 0..=FOLLOWING_PER_USER_MAX {
            heads.remember_following(&own, vec![], follows(&[&format!("learner:{number}")], &[]), heads.access_changes());
        }
        let known = |number: usize| heads.following(&own, &[format!("learner:{number}")]).is_some();
        assert_eq!([known(0), known(1), known(FOLLOWING_PER_USER_MAX)], [false, true, true]);
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
