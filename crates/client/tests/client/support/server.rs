//! An in-memory server that implements the protocol: feeds, checksums, merging, exactly once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value, json};
use uuid::Uuid;
use waystation_model::access::{Actor, Role, allows};
use waystation_model::chain::{CHAIN_START, Chain, extend};
use waystation_model::hash::row_hash;
use waystation_model::merge::{Change, Edits, Stored, Verdict, merge, read_fields, was_seen};
use waystation_model::registry::{self, Entity, IdRule};
use waystation_model::wire::{Mutation, NumberedOutcome, Operation, Outcome, PullLine, PullRequest, PushAnswer, PushRequest};
use waystation_model::{Code, Problem};

use super::{ORGANIZATION, USER, id};

#[derive(Debug, Default, Clone)]
struct Feed {
    version: i64,
    /// Version, and whether the row is live, has left or is deleted.
    rows: BTreeMap<(String, Uuid), (i64, State)>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Live,
    Left,
    Deleted,
}

#[derive(Debug, Clone)]
struct DeviceState {
    last_n: i64,
    chain: Chain,
    hashes: BTreeMap<i64, [u8; 8]>,
    outcomes: BTreeMap<i64, Outcome>,
}

/// The server.
#[derive(Debug, Clone)]
pub struct Core {
    pub epoch: i64,
    pub now_ms: i64,
    /// Mutations up to this number are in a backup.
    pub safe_upto: i64,
    /// The witness that it sends.
    pub witness: Option<String>,
    pub subscribed: BTreeSet<String>,
    /// Scopes that the person may follow beside them.
    pub followable: BTreeSet<String>,
    pub page_rows_max: usize,
    pub role: Role,
    stamp: i64,
    rows: BTreeMap<(String, Uuid), Stored>,
    feeds: BTreeMap<String, Feed>,
    devices: HashMap<Uuid, DeviceState>,
    /// Refuses mutations of rows with these ids.
    pub refuse: BTreeSet<Uuid>,
    /// Added to every checksum.
    pub checksum_off: i64,
    /// Every scope also contains a row of this table, which no laptop has.
    pub later_table: Option<&'static str>,
}

impl Core {
    pub fn new(role: Role, subscribed: &[String]) -> Core {
        Core {
            epoch: 1,
            now_ms: super::NOW_MS,
            safe_upto: 0,
            witness: None,
            subscribed: subscribed.iter().cloned().collect(),
            followable: BTreeSet::new(),
            page_rows_max: 1_000,
            role,
            stamp: 1 << 40,
            rows: BTreeMap::new(),
            feeds: BTreeMap::new(),
            devices: HashMap::new(),
            refuse: BTreeSet::new(),
            checksum_off: 0,
            later_table: None,
        }
    }

    fn scopes(entity: &Entity, id: &Uuid, values: Option<&Vec<Value>>) -> Vec<String> {
        values.map(|values| entity.scopes_of(id, &super::id(ORGANIZATION), values)).unwrap_or_default()
    }

    /// Writes or deletes a row without checks, and updates its feeds.
    pub fn store(&mut self, entity: &str, id: Uuid, values: Option<Vec<Value>>, edits: Edits) {
        let declared = registry::entity(entity).unwrap();
        let key = (entity.to_owned(), id);
        self.stamp += 1;
        let before = Core::scopes(declared, &id, self.rows.get(&key).map(|row| &row.values));
        let after = Core::scopes(declared, &id, values.as_ref());
        let gone = if values.is_some() { State::Left } else { State::Deleted };
        match values {
            Some(values) => {
                let mut edits = edits;
                edits.values_mut().for_each(|edit| edit.fill_stamps(self.stamp));
                self.rows.insert(key.clone(), Stored { stamp: Some(self.stamp), values, edits });
            }
            None => {
                self.rows.remove(&key);
            }
        }
        for (scope, state) in after
            .iter()
            .map(|scope| (scope, State::Live))
            .chain(before.iter().filter(|scope| !after.contains(scope)).map(|scope| (scope, gone)))
        {
            let feed = self.feeds.entry(scope.clone()).or_default();
            feed.version += 1;
            feed.rows.insert(key.clone(), (feed.version, state));
        }
    }

    /// Writes a row by its columns' names; other columns keep their value or start with their default.
    pub fn put(&mut self, entity: &str, id: Option<Uuid>, fields: &[(&str, Value)]) -> Uuid {
        let declared = registry::entity(entity).unwrap();
        let mut values = declared.empty_values();
        for (name, value) in fields {
            values[declared.column_index(name).unwrap()] = value.clone();
        }
        let id = id.or_else(|| declared.id_of(&values)).unwrap();
        if let Some(row) = self.rows.get(&(entity.to_owned(), id)) {
            values = row.values.clone();
            for (name, value) in fields {
                values[declared.column_index(name).unwrap()] = value.clone();
            }
        }
        self.store(entity, id, Some(values), Edits::new());
        id
    }

    pub fn delete(&mut self, entity: &str, id: Uuid) {
        self.store(entity, id, None, Edits::new());
    }

    pub fn value(&self, entity: &str, id: Uuid, column: &str) -> Option<Value> {
        let declared = registry::entity(entity).unwrap();
        self.rows.get(&(entity.to_owned(), id)).map(|row| row.values[declared.column_index(column).unwrap()].clone())
    }

    /// Every row in the subscribed scopes.
    pub fn visible_rows(&self) -> BTreeMap<(String, Uuid), Vec<Value>> {
        self.rows
            .iter()
            .filter(|((entity, id), row)| {
                let declared = registry::entity(entity).unwrap();
                Core::scopes(declared, id, Some(&row.values)).iter().any(|scope| self.subscribed.contains(scope))
            })
            .map(|(key, row)| (key.clone(), row.values.clone()))
            .collect()
    }

    fn device(&mut self, device: Uuid) -> &mut DeviceState {
        self.devices.entry(device).or_insert_with(|| DeviceState {
            last_n: 0,
            chain: CHAIN_START,
            hashes: BTreeMap::new(),
            outcomes: BTreeMap::new(),
        })
    }

    pub fn last_n(&mut self, device: Uuid) -> i64 {
        self.device(device).last_n
    }

    fn head_of(&self, scope: &str) -> (i64, i64) {
        let Some(feed) = self.feeds.get(scope) else { return (0, 0) };
        let live = feed.rows.iter().filter(|(_, (_, state))| *state == State::Live);
        let sum = live.fold(0_i64, |sum, (key, _)| sum.wrapping_add(row_hash(&key.0, &key.1, self.rows[key].stamp.unwrap())));
        let later = self.later_table.map_or(0, |table| row_hash(table, &id(1), 1));
        (feed.version, sum.wrapping_add(later).wrapping_add(self.checksum_off))
    }

    pub fn pull(&mut self, request: &PullRequest) -> Vec<u8> {
        let (followed, refused): (Vec<&String>, Vec<&String>) =
            request.follows.iter().filter(|scope| !self.subscribed.contains(*scope)).partition(|scope| self.followable.contains(*scope));
        let sent: BTreeSet<String> = self.subscribed.iter().chain(followed).cloned().collect();
        let Some(cursors) = &request.cursors else {
            let heads: BTreeMap<String, i64> = sent.iter().map(|scope| (scope.clone(), self.head_of(scope).0)).collect();
            let same = request.epoch == self.epoch
                && refused.is_empty()
                && request.digest.as_deref() == Some(&waystation_client::store::scopes::digest(&heads));
            let line = if same { PullLine::Unchanged { server_time: self.now_ms } } else { PullLine::SendCursors };
            return line_of(&line);
        };
        let same_epoch = request.epoch == self.epoch;
        let (applied_upto, chain) = (self.device(request.device).last_n, self.device(request.device).chain);
        let mut body = Vec::new();
        let mut room = self.page_rows_max;
        let mut ends = Vec::new();
        let mut rows_left = 0;
        for scope in &sent {
            let (head, checksum) = self.head_of(scope);
            let given = cursors.get(scope).copied().filter(|_| same_epoch);
            let from = given.filter(|cursor| *cursor <= head).unwrap_or(0);
            let mut changed: Vec<_> = self
                .feeds
                .get(scope)
                .map(|feed| feed.rows.iter().filter(|(_, (version, _))| *version > from).collect())
                .unwrap_or_default();
            changed.sort_by_key(|(_, (version, _))| *version);
            let all = changed.len();
            changed.truncate(room);
            room -= changed.len();
            rows_left += all - changed.len();
            let cursor = if changed.len() == all { head } else { changed.last().map_or(from, |(_, (version, _))| *version) };
            for (key, (_, state)) in &changed {
                body.extend(self.change_line(scope, key, *state));
            }
            if let Some(table) = self.later_table.filter(|_| from == 0) {
                let columns = ["id", "stamp", "mood"].map(str::to_owned).to_vec();
                let rows = vec![vec![json!(id(1)), json!(1), json!("fine")]];
                body.extend(line_of(&PullLine::Rows { scope: scope.clone(), entity: table.into(), columns, rows }));
            }
            if given != Some(cursor) {
                ends.extend(line_of(&PullLine::Scope { scope: scope.clone(), cursor, head, checksum }));
            }
        }
        let mut text = line_of(&PullLine::Page {
            epoch: self.epoch,
            applied_upto,
            safe_upto: self.safe_upto,
            chain: hex::encode(chain),
            server_time: self.now_ms,
            rows_left: rows_left as i64,
            lost: Vec::new(),
            witness: self.witness.clone(),
        });
        for scope in cursors.keys().filter(|scope| !sent.contains(*scope)) {
            text.extend(line_of(&PullLine::Removed { scope: scope.clone() }));
        }
        for scope in refused {
            text.extend(line_of(&PullLine::NotFollowed { scope: scope.clone() }));
        }
        text.extend(body);
        text.extend(ends);
        text.extend(line_of(&PullLine::End { more: rows_left > 0 }));
        text
    }

    fn change_line(&self, scope: &str, key: &(String, Uuid), state: State) -> Vec<u8> {
        let entity = registry::entity(&key.0).unwrap();
        if state != State::Live {
            let line = PullLine::Gone { scope: scope.into(), entity: key.0.clone(), deleted: state == State::Deleted, ids: vec![key.1] };
            return line_of(&line);
        }
        let row = &self.rows[key];
        let mut tuple = Vec::new();
        if entity.id == IdRule::Generated {
            tuple.push(json!(key.1));
        }
        tuple.extend([json!(row.stamp), json!(self.now_ms), json!(self.now_ms)]);
        tuple.extend(row.values.iter().cloned());
        let columns = waystation_model::sql::tuple_columns(entity).into_iter().map(str::to_owned).collect();
        line_of(&PullLine::Rows { scope: scope.into(), entity: key.0.clone(), columns, rows: vec![tuple] })
    }

    pub fn push(&mut self, request: PushRequest) -> Result<PushAnswer, Problem> {
        if request.epoch != self.epoch {
            return Err(Problem::new(Code::EpochChanged, "another epoch"));
        }
        let (device, first_n, chain) = (request.device, request.first_n, request.chain.clone());
        let state = self.device(device).clone();
        if first_n > state.last_n + 1 {
            return Err(Problem::new(Code::NumberGap, "a gap").field((state.last_n + 1).to_string()));
        }
        if first_n == state.last_n + 1 && chain != hex::encode(state.chain) {
            return Err(Problem::new(Code::ChainMismatch, "another chain"));
        }
        let mut outcomes = Vec::new();
        for mutation in request.into_mutations() {
            let hash = mutation.content_hash();
            let n = mutation.n;
            if let Some(known) = self.device(device).hashes.get(&n) {
                if *known != hash {
                    return Err(Problem::new(Code::NumberReused, "other content").field(n.to_string()));
                }
                outcomes.push(NumberedOutcome { n, outcome: self.device(device).outcomes[&n].clone() });
                continue;
            }
            let outcome = self.take(device, &mutation).unwrap_or_else(|problem| Outcome::Rejected {
                code: problem.code,
                field: problem.fields.first().cloned(),
                message: problem.message,
                suggestion: None,
            });
            let state = self.device(device);
            state.chain = extend(&state.chain, &hash);
            state.last_n = n;
            state.hashes.insert(n, hash);
            state.outcomes.insert(n, outcome.clone());
            outcomes.push(NumberedOutcome { n, outcome });
        }
        let state = self.device(device);
        let (last_n, chain) = (state.last_n, hex::encode(state.chain));
        outcomes.retain(|outcome| outcome.outcome != Outcome::Applied);
        Ok(PushAnswer { last_n, chain, outcomes, server_time: self.now_ms, witness: self.witness.clone() })
    }

    fn take(&mut self, device: Uuid, mutation: &Mutation) -> Result<Outcome, Problem> {
        let entity = registry::entity(&mutation.entity).unwrap();
        let fields = read_fields(entity, &mutation.columns, &mutation.values)?;
        let mut given = entity.empty_values();
        for (index, value) in &fields {
            given[*index] = value.clone();
        }
        let row_id = mutation.id.or_else(|| entity.id_of(&given)).ok_or_else(|| Problem::new(Code::MissingValue, "no id"))?;
        if self.refuse.contains(&row_id) {
            return Err(Problem::new(Code::Taken, "refused on purpose").field(mutation.columns.last().cloned().unwrap_or_default()));
        }
        let current = self.rows.get(&(mutation.entity.to_string(), row_id)).cloned();
        let actor = Actor {
            user_id: id(USER),
            organization_id: id(ORGANIZATION),
            role: self.role,
            scopes: self.subscribed.iter().cloned().collect(),
        };
        if mutation.op == Operation::Delete {
            if let Some(stored) = &current {
                if !was_seen(stored, device, mutation.base) {
                    return Err(Problem::new(Code::ChangedMeanwhile, "changed meanwhile"));
                }
                self.delete(&mutation.entity, row_id);
            }
            return Ok(Outcome::Applied);
        }
        if current.is_none()
            && let Some(blocked_by) = mutation.base.own.filter(|_| mutation.base.stamp.is_none())
        {
            return Ok(Outcome::BlockedBy { blocked_by });
        }
        let change = Change { device, n: mutation.n, user: id(USER), base: mutation.base, at: mutation.at, fields: &fields };
        let merged = merge(entity, current.as_ref(), &change)?;
        if !allows(entity.write, entity, &row_id, &merged.values, &actor) {
            return Err(Problem::new(Code::NotAllowed, "no right"));
        }
        let outcome = match merged.verdict {
            Verdict::Applied => Outcome::Applied,
            Verdict::Merged => Outcome::Merged,
            Verdict::Superseded => Outcome::Superseded,
        };
        if merged.changed {
            self.store(&mutation.entity, row_id, Some(merged.values), merged.edits);
        }
        Ok(outcome)
    }

    /// Restores an earlier state of itself, like a server restored from a backup.
    pub fn restore(&mut self, backup: &Core) {
        let stamp = self.stamp + 1_000_000;
        *self = backup.clone();
        self.stamp = stamp;
        self.epoch += 1;
    }
}

fn line_of(line: &PullLine) -> Vec<u8> {
    let mut text = serde_json::to_vec(line).unwrap();
    text.push(b'\n');
    text
}
