//! The end of a history: everything is switched on, nothing is lost any more, and then all of it has to agree.

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

use crate::authority::{Row, scopes_heard, table, value};
use crate::entered::Refused;
use crate::faults::Finding;
use crate::laptop::Laptop;
use crate::random::Random;
use crate::world::World;

/// Rounds in which everybody pushes and pulls until nothing moves any more.
const ROUNDS_MAX: usize = 24;
/// Pushes of a laptop that cannot pull: it may turn out to be a copy, and then to have been told otherwise.
const PUSHES_MAX: usize = 4;

fn broken(error: impl std::fmt::Display) -> Finding {
    Finding(error.to_string())
}

impl World {
    /// Lets everything come to rest.
    ///
    /// # Errors
    /// When it does not, or something does not hold on the way.
    pub fn settle(&mut self) -> Result<(), Finding> {
        let mut random = Random::of(self.word());
        self.old_ones_push()?;
        for laptop in &mut self.laptops {
            laptop.hang_up();
            laptop.switch_on()?;
            laptop.protocol = self.servers.newest();
            if self.has_days {
                laptop.settle(&mut random)?;
            }
        }
        self.carry_all()?;
        self.let_everybody_in()?;
        self.come_to_rest()?;
        if self.has_days {
            // Whoever entered something has sent it again by now. What is still lost is offered.
            self.pass(OFFER_AFTER_MS);
            self.come_to_rest()?;
        }
        Ok(())
    }

    /// Whoever is too old to be sent anything can always push what they hold.
    fn old_ones_push(&mut self) -> Result<(), Finding> {
        for place in 0..self.laptops.len() {
            if !self.servers.is_too_old(self.laptops[place].protocol) {
                continue;
            }
            self.carry_all()?;
            self.let_everybody_in()?;
            self.laptops[place].hang_up();
            self.sign_in(place)?;
            for _ in 0..PUSHES_MAX {
                self.with(place, |laptop, now| laptop.start_push(now))?;
                self.finish(place)?;
            }
            if self.laptops[place].writer().device().waiting() > 0 {
                return Finding::of(format!("laptop {place} is too old and cannot push what it holds"));
            }
        }
        Ok(())
    }

    fn come_to_rest(&mut self) -> Result<(), Finding> {
        for _ in 0..ROUNDS_MAX {
            self.announce_all();
            let mut moved = false;
            for place in 0..self.laptops.len() {
                if self.laptops[place].signed_out {
                    self.sign_in(place)?;
                }
                moved |= self.sync(place)?;
            }
            if !moved {
                return Ok(());
            }
        }
        Finding::of("it does not come to rest")
    }

    fn let_everybody_in(&mut self) -> Result<(), Finding> {
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

    /// One push and one pull to the end. Whether anything moved.
    ///
    /// # Errors
    /// What does not hold on the way.
    pub fn sync(&mut self, place: usize) -> Result<bool, Finding> {
        let before = self.laptops[place].writer().device().clone();
        let cursors = scopes::cursors(self.laptops[place].writer().connection()).map_err(broken)?;
        self.with(place, |laptop, now| laptop.start_push(now))?;
        self.finish(place)?;
        self.with(place, |laptop, _| laptop.start_pull(true))?;
        self.finish(place)?;
        self.laptops[place].check()?;
        let after = self.laptops[place].writer().device();
        let cursors_after = scopes::cursors(self.laptops[place].writer().connection()).map_err(broken)?;
        let rests = (after.device_id, after.acknowledged_n, after.applied_upto, after.epoch)
            == (before.device_id, before.acknowledged_n, before.applied_upto, before.epoch)
            && cursors == cursors_after
            && after.waiting() == 0
            && !self.laptops[place].signed_out;
        Ok(!rests)
    }

    fn finish(&mut self, place: usize) -> Result<(), Finding> {
        for _ in 0..10_000 {
            self.carry_all()?;
            if !self.laptops[place].is_busy() {
                return Ok(());
            }
            self.with(place, |laptop, now| laptop.apply(now, 3))?;
        }
        Finding::of("an exchange without an end")
    }

    /// Looks whether all of it agrees.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn agree(&mut self) -> Result<(), Finding> {
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
        self.servers.heads_agree()?;
        for (place, laptop) in self.laptops.iter().enumerate() {
            self.laptop_agrees(laptop).map_err(|Finding(what)| Finding(format!("laptop {place}: {what}")))?;
        }
        let refused = self.refused()?;
        let state = self.servers.memory.state();
        *self.tally.entry("rows that a server had lost".into()).or_default() += self.lost.find_all(&state)? as u64;
        self.entered.find_all(&state, &refused)?;
        self.entered.count_all(&state, &refused, !self.inexact)
    }

    fn laptop_agrees(&self, laptop: &Laptop) -> Result<(), Finding> {
        let (writer, connection) = (laptop.writer(), laptop.writer().connection());
        if !laptop.mismatches.is_empty() {
            return Finding::of(format!("checksums did not fit: {:?}", laptop.mismatches));
        }
        let left: i64 = connection
            .query_row("SELECT (SELECT count(*) FROM outbox WHERE state < 3) + (SELECT count(*) FROM shadows)", [], |row| row.get(0))
            .map_err(broken)?;
        if left != 0 || writer.device().waiting() != 0 {
            return Finding::of(format!("{left} changes are neither here nor there"));
        }
        if self.has_days && lost::count(connection).map_err(broken)? != 0 {
            return Finding::of("what the server has lost is offered by nobody");
        }
        let heard = scopes_heard(&self.servers.memory.state(), laptop.user);
        let cursors = scopes::cursors(connection).map_err(broken)?;
        if !cursors.keys().eq(heard.iter()) {
            return Finding::of(format!("it follows {:?} and may hear {heard:?}", cursors.keys()));
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
            self.rows_agree(laptop, table, &wanted)?;
        }
        self.fresh_pull_agrees(laptop, &wanted)
    }

    /// The rows that somebody may see, straight from the tables.
    fn visible_to(&self, user: Uuid) -> BTreeMap<(i16, Uuid), Row> {
        let state = self.servers.memory.state();
        let heard = scopes_heard(&state, user);
        let mut visible = BTreeMap::new();
        for entity in all() {
            for (id, row) in state.rows(entity) {
                if entity.scopes_of(id, &row.organization_id, &row.values).iter().any(|scope| heard.contains(scope)) {
                    visible.insert((entity.code, *id), Row::clone(row));
                }
            }
        }
        visible
    }

    fn rows_agree(&self, laptop: &Laptop, entity: &'static Entity, wanted: &BTreeMap<(i16, Uuid), Row>) -> Result<(), Finding> {
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
            let held = rows::read(connection, entity, &text).map_err(broken)?.ok_or_else(|| broken("a row is gone"))?;
            if (held.stamp, held.created_at, held.updated_at, &held.values) != (row.stamp, row.created_at, row.updated_at, &row.values) {
                return Finding::of(format!("{} {id}: it holds {held:?} and not {row:?}", entity.name));
            }
        }
        if let Some(((_, id), _)) = expected.next() {
            return Finding::of(format!("{} {id} is missing", entity.name));
        }
        Ok(())
    }

    /// What a laptop that has nothing would be told is exactly what may be seen.
    fn fresh_pull_agrees(&self, laptop: &Laptop, wanted: &BTreeMap<(i16, Uuid), Row>) -> Result<(), Finding> {
        let memory = &self.servers.memory;
        let device = laptop.device();
        let session = sync_server::accounts::Session {
            user_id: laptop.user,
            organization_id: laptop.organization,
            device_id: device,
            session_id: Uuid::nil(),
        };
        let heads = Heads::default();
        let instance = Instance { heads: &heads, epoch: memory.epoch(), is_doubtful: false, tokens: None };
        let mut cursors = BTreeMap::new();
        let mut found: BTreeMap<(i16, Uuid), i64> = BTreeMap::new();
        loop {
            let request =
                PullRequest { protocol: 1, device, epoch: memory.epoch(), digest: None, cursors: Some(cursors.clone()), witness: None };
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
        if found == expected { Ok(()) } else { Finding::of("a fresh pull tells something else") }
    }

    /// Everything that waits under "Needs attention", anywhere.
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
    let cell = |name: &str| columns.iter().position(|column| column == name).and_then(|place| tuple.get(place));
    let id = match cell("id").and_then(Value::as_str) {
        Some(id) => Uuid::parse_str(id).ok()?,
        None => {
            let values: Vec<Value> = entity.columns.iter().map(|column| cell(column.name).cloned().unwrap_or(Value::Null)).collect();
            entity.id_of(&values)?
        }
    };
    Some(((entity.code, id), cell("stamp")?.as_i64()?))
}
