//! Feeds, heads and checksums: implements the SQL function `feed_drain_queue()`.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;
use waystation_model::hash::row_hash;
use waystation_model::registry::{AccessRule, Entity, entity};

use super::tables::{Row, State, id_in, value};
use crate::faults::{Fault, Faults};

/// State of a row that is in the scope. The numbers are those of the database.
pub const LIVE: i16 = 0;
/// State of a row that left the scope and exists.
pub const LEFT: i16 = 1;
/// State of a row that was deleted.
pub const DELETED: i16 = 2;

/// One row of one feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedEntry {
    /// Its version.
    pub version: i64,
    /// [`LIVE`], [`LEFT`] or [`DELETED`].
    pub state: i16,
    /// The live row's hash, or 0.
    pub hash: i64,
}

/// The feed of one scope.
#[derive(Debug, Clone, Default)]
pub struct ScopeFeed {
    /// A number in the order in which scopes first got an entry.
    pub id: i64,
    /// The head.
    pub version: i64,
    /// The sum over live rows.
    pub checksum: i64,
    /// By table and row.
    pub rows: BTreeMap<(i16, Uuid), FeedEntry>,
    /// By version.
    pub versions: BTreeMap<i64, (i16, Uuid)>,
}

/// All feeds by scope.
#[derive(Debug, Clone, Default)]
pub struct Feeds {
    /// By the scope's name.
    pub scopes: BTreeMap<String, ScopeFeed>,
}

/// A row's table, id, stamp, state and hash.
type Queued = (i16, Uuid, i64, i16, i64);

/// The feed entries of one transaction, until its commit. Of several entries for a row, the larger stamp wins, then the larger
/// state.
#[derive(Debug, Clone, Default)]
pub struct Queue {
    entries: Vec<(String, Option<Queued>)>,
}

impl Queue {
    /// The number of entries, for a savepoint.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Drops the entries after a savepoint.
    pub fn truncate(&mut self, length: usize) {
        self.entries.truncate(length);
    }

    /// Queues an inserted row.
    pub fn made(&mut self, state: &State, entity: &Entity, id: &Uuid, row: &Row) {
        self.live(entity, id, row);
        self.access(state, entity, id, None, Some(row));
    }

    /// Queues an updated row.
    pub fn changed(&mut self, state: &State, entity: &Entity, id: &Uuid, before: &Row, after: &Row) {
        let now = entity.scopes_of(id, &after.organization_id, &after.values);
        for scope in entity.scopes_of(id, &before.organization_id, &before.values) {
            if !now.contains(&scope) {
                self.entries.push((scope, Some((entity.code, *id, after.stamp, LEFT, 0))));
            }
        }
        self.live(entity, id, after);
        self.access(state, entity, id, Some(before), Some(after));
    }

    /// Queues a deleted row.
    pub fn deleted(&mut self, state: &State, entity: &Entity, id: &Uuid, row: &Row) {
        for scope in entity.scopes_of(id, &row.organization_id, &row.values) {
            self.entries.push((scope, Some((entity.code, *id, row.stamp, DELETED, 0))));
        }
        self.access(state, entity, id, Some(row), None);
    }

    fn live(&mut self, entity: &Entity, id: &Uuid, row: &Row) {
        let hash = row_hash(entity.name, id, row.stamp);
        for scope in entity.scopes_of(id, &row.organization_id, &row.values) {
            self.entries.push((scope, Some((entity.code, *id, row.stamp, LIVE, hash))));
        }
    }

    /// Moves the `access` heads of the users whose subscription may change. Such an entry has no row.
    fn access(&mut self, state: &State, of: &Entity, id: &Uuid, before: Option<&Row>, after: Option<&Row>) {
        for rule in of.access {
            match rule {
                AccessRule::User(column) => {
                    for row in [before, after].into_iter().flatten() {
                        let user = if *column == "id" { Some(*id) } else { id_in(of, &row.values, column) };
                        self.entries.extend(user.map(|user| (format!("access:{user}"), None)));
                    }
                }
                AccessRule::Administrators => {
                    let row = before.or(after).expect("one of them is there");
                    self.entries.push((format!("access_org:{}", row.organization_id), None));
                }
                AccessRule::Everybody => {
                    let row = before.or(after).expect("one of them is there");
                    self.entries.push((format!("access_all:{}", row.organization_id), None));
                }
                AccessRule::Through { table, link, when } => {
                    let (Some(before), Some(after)) = (before, after) else { continue };
                    if value(of, &before.values, when) == value(of, &after.values, when) {
                        continue;
                    }
                    let through = entity(table).expect("a registered table");
                    for (_, row) in state.rows(through).filter(|(_, row)| id_in(through, &row.values, link) == Some(*id)) {
                        self.entries.extend(id_in(through, &row.values, "user_id").map(|user| (format!("access:{user}"), None)));
                    }
                }
            }
        }
    }

    /// Gives every queued row a new version in its feeds. Returns the heads that moved, by scope.
    pub fn drain(self, feeds: &mut Feeds, faults: &Faults) -> Vec<(String, i64)> {
        type Latest = BTreeMap<(i16, Uuid), (i64, i16, i64)>;
        let mut scopes: BTreeMap<String, Latest> = BTreeMap::new();
        for (scope, row) in self.entries {
            let latest = scopes.entry(scope).or_default();
            let Some((code, id, stamp, state, hash)) = row else { continue };
            let entry = latest.entry((code, id)).or_insert((stamp, state, hash));
            if (stamp, state) > (entry.0, entry.1) {
                *entry = (stamp, state, hash);
            }
        }
        if faults.has(Fault::OneFeedOfTwo) {
            let mut seen = BTreeSet::new();
            for latest in scopes.values_mut() {
                latest.retain(|key, _| seen.insert(*key));
            }
        }
        let mut moved = Vec::with_capacity(scopes.len());
        for (scope, latest) in scopes {
            let next_id = feeds.scopes.len() as i64 + 1;
            let feed = feeds.scopes.entry(scope.clone()).or_insert_with(|| ScopeFeed { id: next_id, ..ScopeFeed::default() });
            if latest.is_empty() {
                feed.version += 1;
            }
            for (key, (_, state, hash)) in latest {
                if state == DELETED && faults.has(Fault::DropTombstone) {
                    continue;
                }
                feed.version += if faults.has(Fault::SkipVersions) { 2 } else { 1 };
                let before = feed.rows.insert(key, FeedEntry { version: feed.version, state, hash });
                if let Some(before) = before {
                    feed.versions.remove(&before.version);
                }
                feed.versions.insert(feed.version, key);
                feed.checksum = feed.checksum.wrapping_add(hash).wrapping_sub(before.map_or(0, |before| before.hash));
            }
            moved.push((scope, feed.version));
        }
        moved
    }
}
