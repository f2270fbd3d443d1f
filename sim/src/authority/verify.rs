//! Checks that feeds, heads and checksums agree with the tables.

use std::collections::BTreeMap;

use uuid::Uuid;
use waystation_model::hash::row_hash;
use waystation_model::registry::all;

use super::Memory;
use super::feed::LIVE;
use super::tables::{id_in, value};
use crate::faults::Finding;

impl Memory {
    /// Compares every feed with the tables.
    ///
    /// # Errors
    /// The first difference.
    pub fn verify(&self) -> Result<(), Finding> {
        let state = self.state();
        let mut live: BTreeMap<&str, BTreeMap<(i16, Uuid), i64>> = BTreeMap::new();
        let mut placed: Vec<(String, (i16, Uuid), i64)> = Vec::new();
        for entity in all() {
            for (id, row) in state.rows(entity) {
                for (column, parent) in entity.columns.iter().filter_map(|column| Some((column, column.enforced()?))) {
                    let Some(parent_id) = id_in(entity, &row.values, column.name) else { continue };
                    let found = state.row(parent, &parent_id).filter(|found| found.organization_id == row.organization_id);
                    let Some(found) = found else {
                        return Finding::of(format!("{} {id}: {} is not in its organization", entity.name, column.name));
                    };
                    let same = column.references.map_or(&[][..], |reference| reference.same);
                    // As in PostgreSQL, a key with a null part is not checked.
                    let of = |name: &str| (value(entity, &row.values, name), value(parent, &found.values, name));
                    if same.iter().all(|name| !of(name).0.is_null())
                        && let Some(name) = same.iter().find(|name| of(name).0 != of(name).1)
                    {
                        return Finding::of(format!("{} {id}: {name} is not that of its {}", entity.name, column.name));
                    }
                }
                let hash = row_hash(entity.name, id, row.stamp);
                for scope in entity.scopes_of(id, &row.organization_id, &row.values) {
                    placed.push((scope, (entity.code, *id), hash));
                }
            }
        }
        for (scope, key, hash) in &placed {
            live.entry(scope).or_default().insert(*key, *hash);
        }
        for (scope, rows) in &live {
            let Some(feed) = state.feeds.scopes.get(*scope) else { return Finding::of(format!("{scope} has rows and no feed")) };
            for (key, hash) in rows {
                match feed.rows.get(key) {
                    Some(entry) if entry.state == LIVE && entry.hash == *hash => {}
                    other => return Finding::of(format!("{scope}: the feed has {other:?} for {key:?}")),
                }
            }
        }
        for (scope, feed) in &state.feeds.scopes {
            let rows = live.get(scope.as_str());
            let sum = rows.into_iter().flatten().fold(0i64, |sum, (_, hash)| sum.wrapping_add(*hash));
            if sum != feed.checksum {
                return Finding::of(format!("{scope}: the checksum is not the sum of its live rows"));
            }
            let alive = feed.rows.values().filter(|entry| entry.state == LIVE).count();
            if alive != rows.map_or(0, BTreeMap::len) {
                return Finding::of(format!("{scope}: the feed has live entries for rows that do not exist"));
            }
            let last = feed.versions.last_key_value().map_or(0, |(version, _)| *version);
            if last > feed.version || feed.versions.len() != feed.rows.len() {
                return Finding::of(format!("{scope}: versions and head do not fit"));
            }
        }
        Ok(())
    }
}
