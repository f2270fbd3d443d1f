//! A snapshot in memory. Nothing else runs while a page is built, so it reads the state itself.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use sync_server::accounts::Session;
use sync_server::authority::{DeviceState, FeedFrom, FeedRow, FeedRowKey, FeedState, Head, RowTuples, Snapshot};
use sync_server::failure::Failure;
use uuid::Uuid;
use waystation_model::access::Role;
use waystation_model::registry::{IdRule, entity_by_code};
use waystation_model::{Code, Problem};

use super::feed::{DELETED, FeedEntry, LIVE};
use super::tables::{State, value};
use super::{Memory, access, table};
use crate::faults::Fault;

/// A read-only snapshot.
pub struct MemorySnapshot {
    memory: Memory,
}

impl MemorySnapshot {
    /// A snapshot of the current state.
    pub fn of(memory: Memory) -> MemorySnapshot {
        MemorySnapshot { memory }
    }

    /// The live rows of one feed, by table and id.
    fn live(&self, feed: i64) -> Vec<((i16, Uuid), FeedEntry)> {
        let state = self.memory.state();
        let rows = state.feeds.scopes.values().filter(|of| of.id == feed).flat_map(|of| of.rows.iter());
        rows.filter(|(_, entry)| entry.state == LIVE).map(|(row, entry)| (*row, *entry)).collect()
    }
}

/// Refuses a revoked device and a closed account.
pub fn check_alive(state: &State, session: &Session) -> Result<(), Failure> {
    let devices = table("devices");
    // The device is missing when it was registered after the restored backup.
    let Some(device) = state.row(devices, &session.device_id) else {
        return Err(Problem::new(Code::SessionEnded, "the session was ended").into());
    };
    if !value(devices, &device.values, "revoked_at").is_null() {
        return Err(Problem::new(Code::DeviceRevoked, "the device was revoked").into());
    }
    if access::account(state, session.user_id).is_some() { Ok(()) } else { Err(access::refusal(state, session.user_id).into()) }
}

impl Snapshot for MemorySnapshot {
    async fn check_alive(&mut self, session: &Session) -> Result<(), Failure> {
        check_alive(&self.memory.state(), session)
    }

    async fn device_state(&mut self, device: Uuid) -> Result<DeviceState, Failure> {
        let state = self.memory.state();
        let device = state.devices.get(&device).ok_or_else(|| Failure::broken("no such device"))?;
        Ok(DeviceState {
            last_n: device.last_n,
            chain: device.chain,
            backed_up_n: device.backed_up_n,
            losses_sent: device.losses_sent_ms.map(|ms| ms * 1000),
            reached: state.reached(),
        })
    }

    async fn heads(&mut self, scopes: &[String]) -> Result<Vec<Head>, Failure> {
        let state = self.memory.state();
        let is_told = |scope: &&String| !self.memory.faults.has(Fault::StaleAccess) || !scope.starts_with("access");
        let head = |scope: &String| {
            state.feeds.scopes.get(scope).map(|feed| Head {
                id: feed.id,
                scope: scope.clone(),
                version: feed.version,
                checksum: feed.checksum,
            })
        };
        Ok(scopes.iter().filter(is_told).filter_map(head).collect())
    }

    async fn feed(&mut self, from: &[FeedFrom], rows_max: usize) -> Result<Vec<FeedRow>, Failure> {
        let state = self.memory.state();
        let mut rows = Vec::new();
        for from in from {
            let Some(feed) = state.feeds.scopes.values().find(|feed| feed.id == from.id) else { continue };
            for (version, (entity, row_id)) in feed.versions.range(from.after + 1..) {
                if rows.len() == rows_max {
                    return Ok(rows);
                }
                let state = match feed.rows[&(*entity, *row_id)].state {
                    LIVE => FeedState::Live,
                    DELETED => FeedState::Deleted,
                    _ => FeedState::Left,
                };
                rows.push(FeedRow { place: from.place, entity: *entity, row_id: *row_id, version: *version, state });
            }
        }
        Ok(rows)
    }

    async fn tuples(&mut self, ids: &HashMap<i16, Vec<Uuid>>) -> Result<RowTuples, Failure> {
        let state = self.memory.state();
        let mut tuples = RowTuples::new();
        for (code, ids) in ids {
            let entity = entity_by_code(*code).ok_or_else(|| Failure::broken("unknown table"))?;
            for id in ids {
                let Some(row) = state.row(entity, id) else { continue };
                let mut tuple: Vec<Value> = Vec::with_capacity(entity.columns.len() + 4);
                if entity.id == IdRule::Generated {
                    tuple.push(id.to_string().into());
                }
                tuple.extend([row.stamp.into(), row.created_at.into(), row.updated_at.into()]);
                tuple.extend(row.values.iter().cloned());
                tuples.insert((*code, *id), Value::Array(tuple).to_string());
            }
        }
        Ok(tuples)
    }

    async fn account(&mut self, user: Uuid) -> Result<Option<(Uuid, Role)>, Failure> {
        let state = self.memory.state();
        match access::account(&state, user) {
            Some(account) => Ok(Some(account)),
            None => match access::refusal(&state, user) {
                suspended if suspended.code == Code::OrganizationSuspended => Err(suspended.into()),
                _ => Ok(None),
            },
        }
    }

    async fn scopes(&mut self, user: Uuid) -> Result<Vec<String>, Failure> {
        Ok(access::scopes(&self.memory.state(), user).into_iter().collect())
    }

    async fn people(&mut self, organization: Uuid, ids: &[Uuid]) -> Result<Vec<Uuid>, Failure> {
        let state = self.memory.state();
        Ok(ids.iter().copied().filter(|id| access::is_person_of(&state, organization, *id)).collect())
    }

    async fn slice_sums(&mut self, feed: i64) -> Result<Vec<(u8, i64)>, Failure> {
        let mut sums: BTreeMap<u8, i64> = BTreeMap::new();
        for ((_, id), entry) in self.live(feed) {
            let sum = sums.entry(id.as_bytes()[15]).or_default();
            *sum = sum.wrapping_add(entry.hash);
        }
        Ok(sums.into_iter().collect())
    }

    async fn slice_rows_but(&mut self, feed: i64, slices: &[u8], named: &[i64], rows_max: usize) -> Result<Vec<FeedRowKey>, Failure> {
        let wanted = |((_, id), entry): &((i16, Uuid), FeedEntry)| slices.contains(&id.as_bytes()[15]) && !named.contains(&entry.hash);
        let place =
            |((entity, row_id), entry): ((i16, Uuid), FeedEntry)| FeedRowKey { scope_id: feed, entity, row_id, version: entry.version };
        Ok(self.live(feed).into_iter().filter(wanted).map(place).take(rows_max).collect())
    }

    async fn known_hashes(&mut self, feed: i64, named: &[i64]) -> Result<Vec<i64>, Failure> {
        Ok(self.live(feed).into_iter().map(|(_, entry)| entry.hash).filter(|hash| named.contains(hash)).collect())
    }

    async fn lost_epochs(&mut self) -> Result<Vec<(i64, i64)>, Failure> {
        Ok(self.memory.state().lost_stamps.clone())
    }

    async fn known_rights(&mut self, user: Uuid) -> Result<Option<Vec<String>>, Failure> {
        Ok(self.memory.state().known_rights.get(&user).map(|(scopes, _)| scopes.clone()))
    }

    async fn end(self) -> Result<(), Failure> {
        Ok(())
    }
}
