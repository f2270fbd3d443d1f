//! The end of a history: all laptops are switched on and sync without failures, and then everything has to agree.

use std::collections::BTreeMap;

use serde_json::Value;
use sync_server::heads::Heads;
use sync_server::settle::Instance;
use uuid::Uuid;
use waystation_client::store::lost::{self, OFFER_AFTER_MS};
use waystation_client::store::{rows, scopes};
use waystation_model::registry::{Entity, all, entity};
use waystation_model::wire::{Operation, PullLine, PullRequest};

use futures_util::FutureExt;

use crate::authority::{Row, subscribed_scopes, table, value};
use crate::entered::Refused;
use crate::faults::Finding;
use crate::laptop::Laptop;
use crate::random::Random;
use crate::world::World;

/// Maximum number of rounds in which all laptops push and pull until nothing changes.
const ROUNDS_MAX: usize = 24;
/// Pushes of a laptop that cannot pull: it may have to become another device or repair its state first.
const PUSHES_MAX: usize = 4;

fn broken(error: impl std::fmt::Display) -> Finding {
    Finding(error.to_string())
}

impl World {
    /// Syncs all laptops until nothing changes.
    ///
    /// # Errors
    /// A violated invariant, or that changes do not end.
    pub fn sync_all(&mut self) -> Result<(), Finding> {
        let mut random = Random::of(self.serial());
        self.push_from_old_laptops()?;
        for laptop in &mut self.laptops {
            laptop.cancel_exchanges();
            laptop.switch_on()?;
            laptop.protocol = self.servers.newest();
            if self.has_days {
                laptop.download(&mut random)?;
            }
        }
        self.deliver_all()?;
        self.reactivate_accounts()?;
        self.sync_until_stable()?;
        if self.has_days {
            // Authors have sent their own lost changes again by now. After this time laptops offer the other lost rows.
            self.pass(OFFER_AFTER_MS);
            self.sync_until_stable()?;
        }
        Ok(())
    }

    /// Checks that laptops whose protocol is too old to pull can push all their changes.
    fn push_from_old_laptops(&mut self) -> Result<(), Finding> {
        for index in 0..self.laptops.len() {
            if !self.servers.is_too_old(self.laptops[index].protocol) {
                continue;
            }
            self.deliver_all()?;
            self.reactivate_accounts()?;
            self.laptops[index].cancel_exchanges();
            self.sign_in(index)?;
            for _ in 0..PUSHES_MAX {
                self.with(index, |laptop, now| laptop.start_push(now))?;
                self.finish(index)?;
            }
            if self.laptops[index].writer().device().waiting() > 0 {
                return Finding::of(format!("laptop {index} is too old to pull and cannot push its changes"));
            }
        }
        Ok(())
    }

    fn sync_until_stable(&mut self) -> Result<(), Finding> {
        for _ in 0..ROUNDS_MAX {
            self.announce_all();
            let mut moved = false;
            for index in 0..self.laptops.len() {
                if self.laptops[index].signed_out {
                    self.sign_in(index)?;
                }
                moved |= self.sync(index)?;
            }
            if !moved {
                return Ok(());
            }
        }
        Finding::of("changes do not end")
    }

    fn reactivate_accounts(&mut self) -> Result<(), Finding> {
        let users = table("users");
        let closed: Vec<Uuid> = {
            let state = self.servers.memory.state();
            state.rows(users).filter(|(_, row)| value(users, &row.values, "status") != "active").map(|(id, _)| *id).collect()
        };
        self.write_by_hand(|writing| {
            for id in closed {
                writing.change(users, id, &[("status", "active".into())])?;
            }
            Ok(())
        })
    }

    /// Runs one push and one pull to their ends. True: something changed.
    ///
    /// # Errors
    /// The violated invariant.
    pub fn sync(&mut self, index: usize) -> Result<bool, Finding> {
        let before = self.laptops[index].writer().device().clone();
        let cursors = scopes::cursors(self.laptops[index].writer().connection()).map_err(broken)?;
        self.with(index, |laptop, now| laptop.start_push(now))?;
        self.finish(index)?;
        self.with(index, |laptop, _| laptop.start_pull(true))?;
        self.finish(index)?;
        self.laptops[index].check()?;
        let after = self.laptops[index].writer().device();
        let cursors_after = scopes::cursors(self.laptops[index].writer().connection()).map_err(broken)?;
        let is_stable = (after.device_id, after.acknowledged_n, after.applied_upto, after.epoch)
            == (before.device_id, before.acknowledged_n, before.applied_upto, before.epoch)
            && cursors == cursors_after
            && after.waiting() == 0
            && !self.laptops[index].signed_out;
        Ok(!is_stable)
    }

    fn finish(&mut self, index: usize) -> Result<(), Finding> {
        for _ in 0..10_000 {
            self.deliver_all()?;
            if !self.laptops[index].is_busy() {
                return Ok(());
            }
            self.with(index, |laptop, now| laptop.apply(now, 3))?;
        }
        Finding::of("an exchange does not end")
    }

    /// Checks all invariants of the final state.
    ///
    /// # Errors
    /// The first violated invariant.
    pub fn check_final_state(&mut self) -> Result<(), Finding> {
        for outcome in self.servers.outcomes() {
            *self.tally.entry(format!("outcome {outcome}")).or_default() += 1;
        }
        let kept = self.servers.memory.state().rows(table("conflicts")).count();
        *self.tally.entry("conflicts".into()).or_default() += kept as u64;
        let held = table("held_changes");
        for (_, row) in self.servers.memory.state().rows(held) {
            let state = value(held, &row.values, "state").as_str().unwrap_or_default();
            *self.tally.entry(format!("held {state}")).or_default() += 1;
        }
        self.servers.memory.verify()?;
        self.servers.check_all_heads()?;
        for (index, laptop) in self.laptops.iter().enumerate() {
            self.check_laptop(laptop).map_err(|Finding(what)| Finding(format!("laptop {index}: {what}")))?;
        }
        let refused = self.refused()?;
        let state = self.servers.memory.state();
        *self.tally.entry("rows that a server had lost".into()).or_default() += self.lost.check_none_lost(&state)? as u64;
        self.entered.check_none_lost(&state, &refused)?;
        self.entered.check_sums(&state, &refused, !self.inexact)
    }

    fn check_laptop(&self, laptop: &Laptop) -> Result<(), Finding> {
        let (writer, connection) = (laptop.writer(), laptop.writer().connection());
        if !laptop.mismatches.is_empty() {
            return Finding::of(format!("checksums did not fit: {:?}", laptop.mismatches));
        }
        let left: i64 = connection
            .query_row("SELECT (SELECT count(*) FROM outbox WHERE state < 3) + (SELECT count(*) FROM shadows)", [], |row| row.get(0))
            .map_err(broken)?;
        if left != 0 || writer.device().waiting() != 0 {
            return Finding::of(format!("{left} changes or shadows are left over"));
        }
        if self.has_days && lost::count(connection).map_err(broken)? != 0 {
            return Finding::of("rows that the server has lost are not offered");
        }
        let subscribed = subscribed_scopes(&self.servers.memory.state(), laptop.user);
        let cursors = scopes::cursors(connection).map_err(broken)?;
        if !cursors.keys().eq(subscribed.iter()) {
            return Finding::of(format!("it subscribes to {:?} and may subscribe to {subscribed:?}", cursors.keys()));
        }
        for (scope, cursor) in &cursors {
            let state = self.servers.memory.state();
            let (head, checksum) = state.feeds.scopes.get(scope).map_or((0, 0), |feed| (feed.version, feed.checksum));
            if *cursor != head {
                return Finding::of(format!("{scope} was read to {cursor} of {head}"));
            }
            if scopes::sum(connection, scope).map_err(broken)? != checksum {
                return Finding::of(format!("{scope}: the sums differ"));
            }
        }
        let wanted = self.visible_to(laptop.user);
        for table in all() {
            self.check_rows(laptop, table, &wanted)?;
        }
        self.check_first_pull(laptop, &wanted)
    }

    /// The rows that a user may see, computed from the tables.
    fn visible_to(&self, user: Uuid) -> BTreeMap<(i16, Uuid), Row> {
        let state = self.servers.memory.state();
        let subscribed = subscribed_scopes(&state, user);
        let mut visible = BTreeMap::new();
        for entity in all() {
            for (id, row) in state.rows(entity) {
                if entity.scopes_of(id, &row.organization_id, &row.values).iter().any(|scope| subscribed.contains(scope)) {
                    visible.insert((entity.code, *id), Row::clone(row));
                }
            }
        }
        visible
    }

    fn check_rows(&self, laptop: &Laptop, entity: &'static Entity, wanted: &BTreeMap<(i16, Uuid), Row>) -> Result<(), Finding> {
        let connection = laptop.writer().connection();
        let mut statement = connection.prepare_cached(&format!("SELECT id FROM {} ORDER BY id", entity.name)).map_err(broken)?;
        let ids: Vec<String> = statement.query_map([], |row| row.get(0)).map_err(broken)?.collect::<Result<_, _>>().map_err(broken)?;
        let first = (entity.code, Uuid::nil());
        let last = (entity.code, Uuid::max());
        let mut expected = wanted.range(first..=last);
        for text in ids {
            let id = Uuid::parse_str(&text).map_err(broken)?;
            let Some(((_, wanted_id), row)) = expected.next() else {
                return Finding::of(format!("it holds {} {id}, which it may not see", entity.name));
            };
            if *wanted_id != id {
                return Finding::of(format!("{}: it holds {id} where {wanted_id} belongs", entity.name));
            }
            let found = rows::read(connection, entity, &text).map_err(broken)?.ok_or_else(|| broken("a row is missing"))?;
            if (found.stamp, found.created_at, found.updated_at, &found.values) != (row.stamp, row.created_at, row.updated_at, &row.values)
            {
                return Finding::of(format!("{} {id}: it holds {found:?} and not {row:?}", entity.name));
            }
        }
        if let Some(((_, id), _)) = expected.next() {
            return Finding::of(format!("{} {id} is missing", entity.name));
        }
        Ok(())
    }

    /// Checks that a first pull would return exactly the rows that the user may see.
    fn check_first_pull(&self, laptop: &Laptop, wanted: &BTreeMap<(i16, Uuid), Row>) -> Result<(), Finding> {
        let memory = &self.servers.memory;
        let device = laptop.device();
        let session = sync_server::accounts::Session {
            user_id: laptop.user,
            organization_id: laptop.organization,
            device_id: device,
            session_id: Uuid::nil(),
        };
        let heads = Heads::default();
        let instance = Instance { heads: &heads, epoch: memory.epoch(), is_uncertain: false, tokens: None };
        let mut cursors = BTreeMap::new();
        let mut found: BTreeMap<(i16, Uuid), i64> = BTreeMap::new();
        loop {
            let request = PullRequest {
                protocol: 1,
                device,
                epoch: memory.epoch(),
                digest: None,
                cursors: Some(cursors.clone()),
                follows: Vec::new(),
                witness: None,
            };
            let page = sync_server::pull::answer(memory, instance, &session, request)
                .now_or_never()
                .ok_or_else(|| broken("it waits"))?
                .map_err(broken)?;
            let mut more = false;
            for line in page.text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                match serde_json::from_slice(line).map_err(broken)? {
                    PullLine::Rows { entity: name, columns, rows, .. } => {
                        let entity = entity(&name).ok_or_else(|| broken("an unknown table"))?;
                        found.extend(rows.iter().filter_map(|tuple| stamp_of(entity, &columns, tuple)));
                    }
                    PullLine::Scope { scope, cursor, .. } => {
                        cursors.insert(scope, cursor);
                    }
                    PullLine::End { more: is_more } => more = is_more,
                    _ => {}
                }
            }
            if !more {
                break;
            }
        }
        let expected: BTreeMap<(i16, Uuid), i64> = wanted.iter().map(|(key, row)| (*key, row.stamp)).collect();
        if found == expected { Ok(()) } else { Finding::of("a first pull returns other rows") }
    }

    /// All changes under "Needs attention" on all laptops.
    fn refused(&self) -> Result<Vec<Refused>, Finding> {
        let mut all = Vec::new();
        for laptop in &self.laptops {
            let by = laptop.writer().device().owner.user_id;
            let connection = laptop.writer().connection();
            let mut statement = connection.prepare("SELECT entity, row_id, op, columns, vals, at FROM attention").map_err(broken)?;
            let rows = statement
                .query_map([], |row| {
                    Ok((
                        row.get::<_, String>(0)?,
                        row.get::<_, String>(1)?,
                        row.get::<_, String>(2)?,
                        row.get::<_, String>(3)?,
                        row.get::<_, String>(4)?,
                        row.get(5)?,
                    ))
                })
                .map_err(broken)?;
            for row in rows {
                let (entity, id, op, columns, values, at) = row.map_err(broken)?;
                all.push(Refused {
                    by,
                    entity,
                    row: Uuid::parse_str(&id).map_err(broken)?,
                    op: if op == "delete" { Operation::Delete } else { Operation::Put },
                    columns: serde_json::from_str(&columns).map_err(broken)?,
                    values: serde_json::from_str(&values).map_err(broken)?,
                    at,
                });
            }
        }
        Ok(all)
    }
}

fn stamp_of(entity: &Entity, columns: &[String], tuple: &[Value]) -> Option<((i16, Uuid), i64)> {
    let cell = |name: &str| columns.iter().position(|column| column == name).and_then(|index| tuple.get(index));
    let id = match cell("id").and_then(Value::as_str) {
        Some(id) => Uuid::parse_str(id).ok()?,
        None => {
            let values: Vec<Value> = entity.columns.iter().map(|column| cell(column.name).cloned().unwrap_or(Value::Null)).collect();
            entity.id_of(&values)?
        }
    };
    Some(((entity.code, id), cell("stamp")?.as_i64()?))
}
