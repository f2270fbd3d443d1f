//! Server instances over one authority: the real rules, from the bytes of a request to the bytes of its answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::FutureExt;
use serde_json::{Value, json};
use sync_server::access::subscription_of;
use sync_server::accounts::{Session, Tokens};
use sync_server::authority::Authority;
use sync_server::failure::Failure;
use sync_server::heads::{Heads, Subscription};
use sync_server::protocols::Protocols;
use sync_server::pull::{self, Page};
use sync_server::push::Batch;
use sync_server::witness::{Run, Witness};
use sync_server::{settle, slices};
use uuid::Uuid;
use waystation_model::limits::PROTOCOL_VERSION;
use waystation_model::registry::all;
use waystation_model::registry::rules::{Test, row_constraints};
use waystation_model::wire::{NumberedOutcome, Operation, Outcome, PullRequest, PushRequest, SlicesRequest};
use waystation_model::{Code, Problem};

use crate::authority::{Backup, Memory, subscribed_scopes as readable_scopes, table};
use crate::faults::{Fault, Faults, Finding};
use crate::random::Random;

/// The route of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// `POST /v1/sync/push`
    Push,
    /// `POST /v1/sync/pull`
    Pull,
    /// `POST /v1/sync/slices`
    Slices,
    /// `POST /v1/accounts/device`
    NewDevice,
}

/// The point at which a server crashes while it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// After this number of steps of its transaction.
    Within(u32),
    /// After its commit and before its answer.
    AfterCommit,
}

/// The memory of one instance.
struct Instance {
    heads: Heads,
    epoch: i64,
    /// The start time of the PostgreSQL that it last compared, in microseconds.
    run_us: i64,
    /// Whether the database may have been replaced.
    is_uncertain: bool,
    /// Heads that other instances moved and that were not announced to this one yet.
    unannounced: Vec<(String, i64)>,
}

/// Every instance, over one authority.
pub struct Servers {
    /// The authority.
    pub memory: Memory,
    instances: Vec<Instance>,
    faults: Faults,
    backup: Option<Backup>,
    /// The state of a standby or of a copy of the files.
    replica: Option<Backup>,
    /// Signs witnesses; none: no witnesses are issued.
    tokens: Option<Tokens>,
    /// The outcome of each mutation of each device in this epoch.
    outcomes: BTreeMap<(Uuid, i64), String>,
    /// The number of devices that were created.
    devices_made: u128,
    newest: u32,
    protocols: Protocols,
    /// Whether every laptop checks rules before it stores a change.
    laptops_check: bool,
}

/// Whether a constraint is about one column that a laptop checks. Conditions over several columns may be broken by two laptops
/// together.
fn is_checked_on_laptops(name: &str) -> bool {
    all().iter().any(|entity| {
        let of_name = row_constraints(entity).iter().find(|constraint| constraint.name == name);
        of_name.is_some_and(|constraint| !matches!(constraint.test, Test::Check(_)) && constraint.is_checked_on_laptops(entity))
    })
}

fn problem(failure: Failure) -> Problem {
    match failure {
        Failure::Problem(problem) => problem,
        other => Problem::new(Code::Internal, other.to_string()),
    }
}

impl Servers {
    /// Starts this number of instances.
    pub fn new(memory: Memory, count: usize, faults: Faults) -> Servers {
        let mut servers = Servers {
            memory,
            instances: Vec::new(),
            faults,
            backup: None,
            replica: None,
            tokens: None,
            outcomes: BTreeMap::new(),
            devices_made: 0,
            newest: PROTOCOL_VERSION,
            protocols: Protocols::OURS,
            laptops_check: false,
        };
        for _ in 0..count {
            let instance = servers.started();
            servers.instances.push(instance);
        }
        servers
    }

    /// Simulates a future server program, whose newest protocol is this one.
    pub fn up_to(mut self, newest: u32) -> Servers {
        self.newest = newest;
        self.protocols = Protocols::up_to(newest);
        self
    }

    /// Makes the server issue witnesses.
    pub fn with_witnesses(mut self) -> Servers {
        self.tokens = Some(Tokens::new("the secret of every instance"));
        self
    }

    /// Declares that every laptop checks rules before it stores a change.
    pub fn of_checking_laptops(mut self) -> Servers {
        self.laptops_check = true;
        self
    }

    /// The newest protocol version that it supports.
    pub fn newest(&self) -> u32 {
        self.newest
    }

    /// Whether a program of this protocol version may only push.
    pub fn is_too_old(&self, protocol: u32) -> bool {
        self.protocols.check_pull(protocol).is_err()
    }

    /// The number of instances.
    pub fn count(&self) -> usize {
        self.instances.len()
    }

    fn started(&self) -> Instance {
        let heads = Heads::default();
        self.memory.settle();
        let state = self.memory.state();
        heads.advance(&state.feeds.scopes.iter().map(|(scope, feed)| (scope.clone(), feed.version)).collect::<Vec<_>>());
        Instance { heads, epoch: state.epoch, run_us: state.postgres.run_us, is_uncertain: false, unannounced: Vec::new() }
    }

    /// Restarts an instance, which loses its memory.
    pub fn restart(&mut self, instance: usize) {
        let started = self.started();
        self.instances[instance] = started;
    }

    /// Takes a backup.
    pub fn back_up(&mut self) {
        let backup = self.memory.back_up();
        // A database is never replaced by a replica that is older than the newest backup.
        self.replica = Some(backup.clone());
        self.backup = Some(backup);
    }

    /// Restores the backup. False: there is none.
    pub fn restore(&mut self) -> bool {
        let Some(backup) = self.backup.clone() else { return false };
        self.memory.restore(&backup);
        self.replica = None;
        self.outcomes.clear();
        for instance in 0..self.instances.len() {
            self.restart(instance);
        }
        true
    }

    /// The replica receives everything committed so far.
    pub fn replicate(&mut self) {
        self.replica = Some(self.memory.snapshot_of_all());
    }

    /// Replaces the database with the replica, if there is one, without notice. Returns the replica's last stamp and the number
    /// of lost transactions.
    pub fn go_back(&mut self, identity_changes: bool, random: &mut Random) -> Option<(i64, i64)> {
        let to = self.replica.clone()?;
        let lsn = self.memory.state().lsn;
        self.memory.go_back(&to, identity_changes);
        let state = self.memory.state();
        let (last_stamp, lost) = (state.last_stamp, (lsn - state.lsn).max(0));
        self.outcomes.retain(|(device, n), _| state.devices.get(device).is_some_and(|device| *n <= device.last_n));
        drop(state);
        for instance in 0..self.instances.len() {
            // Announcements of heads were sent over connections to the old database.
            self.instances[instance].unannounced.clear();
            match random.below(3) {
                0 => self.restart(instance),
                1 => self.instances[instance].is_uncertain = !self.faults.has(Fault::TrustHeads),
                // The instance notices it later.
                _ => {}
            }
        }
        Some((last_stamp, lost))
    }

    fn database_heads(&self) -> Vec<(String, i64)> {
        self.memory.state().feeds.scopes.iter().map(|(scope, feed)| (scope.clone(), feed.version)).collect()
    }

    /// Compares the instance with the database, as a server does whose database may have been replaced.
    fn settle(&mut self, index: usize) {
        let mut epoch = self.memory.settle();
        let run_us = self.memory.state().postgres.run_us;
        let known = &mut self.instances[index];
        if (known.epoch, known.run_us) == (epoch, run_us) {
            known.is_uncertain = false;
            return;
        }
        let there = self.database_heads();
        let known = &self.instances[index];
        if !self.faults.has(Fault::TrustHeads) {
            if epoch == known.epoch && Heads::any_moved_back(&known.heads.known(), &there) && !self.faults.has(Fault::NoNewEpoch) {
                let newest = self.memory.state().runs.last().copied();
                if let Some(newest) = newest {
                    self.memory.went_back(newest, 0);
                }
                epoch = self.memory.epoch();
            }
            self.instances[index].heads.replace_all(&self.database_heads());
        }
        self.instances[index].heads.advance(&self.database_heads());
        let known = &mut self.instances[index];
        known.epoch = epoch;
        known.run_us = run_us;
        known.is_uncertain = false;
    }

    /// Compares a laptop's witness with the database, and begins a new epoch if the database went back.
    fn note_witness(&mut self, index: usize, session: &Session, witness: Option<&str>) {
        let (Some(tokens), Some(witness)) = (&self.tokens, witness.and_then(Witness::parse)) else { return };
        let known = &self.instances[index];
        let says_nothing_new = witness.epoch < known.epoch || (witness.epoch, witness.run_us) == (known.epoch, known.run_us);
        if says_nothing_new || !witness.is_signed(tokens, session.device_id) || self.faults.has(Fault::NoNewEpoch) {
            return;
        }
        let runs: Vec<Run> = self.memory.state().runs.iter().rev().copied().collect();
        if let Some(run) = witness.proves(&runs) {
            self.memory.went_back(run, witness.epoch + 1);
        }
        self.settle(index);
    }

    /// Checks that the heads in the memory of every instance equal those of the database, once all are announced.
    ///
    /// # Errors
    /// The first head that differs.
    pub fn check_all_heads(&self) -> Result<(), Finding> {
        let state = self.memory.state();
        for instance in &self.instances {
            for (scope, head) in instance.heads.known() {
                let there = state.feeds.scopes.get(&scope).map_or(0, |feed| feed.version);
                if head != there {
                    return Finding::of(format!("an instance takes {head} for the head of {scope}, which is {there}"));
                }
            }
        }
        Ok(())
    }

    /// Moves heads: at once in the instance that moved them, and at the next announcement in the others.
    pub fn moved(&mut self, by: Option<usize>, moved: Vec<(String, i64)>) {
        let stale = |scope: &str| self.faults.has(Fault::StaleAccess) && scope.starts_with("access");
        let moved: Vec<(String, i64)> = moved.into_iter().filter(|(scope, _)| !stale(scope)).collect();
        for (index, instance) in self.instances.iter_mut().enumerate() {
            if Some(index) == by {
                instance.heads.advance(&moved);
            } else {
                instance.unannounced.extend(moved.iter().cloned());
            }
        }
    }

    /// Announces to an instance the heads that others have moved.
    pub fn announce(&mut self, instance: usize) {
        self.settle(instance);
        let instance = &mut self.instances[instance];
        instance.heads.advance(&std::mem::take(&mut instance.unannounced));
    }

    fn subscription(&self, instance: usize, user: Uuid) -> Result<Arc<Subscription>, Failure> {
        ready(subscription_of(&self.memory, &self.instances[instance].heads, user))
    }

    /// Answers a request, or crashes. `None`: the server crashed before it answered.
    ///
    /// # Errors
    /// A violated invariant.
    pub fn answer(
        &mut self,
        instance: usize,
        session: Session,
        route: Route,
        bytes: &[u8],
        crash: Option<Crash>,
    ) -> Result<Option<Result<Vec<u8>, Problem>>, Finding> {
        if let Some(Crash::Within(steps)) = crash {
            self.memory.state().steps_left = Some(steps);
        }
        let answer = match route {
            Route::Push => self.push(instance, session, bytes),
            Route::Pull => self.readable_only(&session, |servers| servers.pull(instance, session, bytes)),
            Route::Slices => self.readable_only(&session, |servers| servers.slices(instance, session, bytes)),
            Route::NewDevice => Ok(self.new_device(Some(instance), session).map(|id| id.to_string().into_bytes())),
        };
        let crashed = self.memory.state().steps_left.take() == Some(0) || crash == Some(Crash::AfterCommit);
        if crashed {
            self.restart(instance);
            return answer.map(|_| None);
        }
        answer.map(Some)
    }

    fn push(&mut self, instance: usize, session: Session, bytes: &[u8]) -> Result<Result<Vec<u8>, Problem>, Finding> {
        let mut request: PushRequest = match serde_json::from_slice(bytes) {
            Ok(request) => request,
            Err(_) => return Ok(Err(Problem::new(Code::BodyTruncated, "the body is not whole"))),
        };
        if self.faults.has(Fault::SkipChain) {
            self.skip_chain(&session, &mut request);
        }
        if self.faults.has(Fault::DeleteUnseen) {
            self.mark_all_seen(&mut request);
        }
        let before: BTreeMap<String, i64> =
            self.memory.state().feeds.scopes.iter().map(|(scope, feed)| (scope.clone(), feed.version)).collect();
        let last_before = self.memory.state().devices.get(&session.device_id).map_or(0, |device| device.last_n);
        let first_n = request.first_n;
        let count = request.runs.iter().map(|run| run.rows.len() as i64).sum::<i64>();
        let result = (|| {
            if request.device != session.device_id {
                return Err(Problem::new(Code::DeviceNotYours, "the session belongs to another device").into());
            }
            let epoch = self.instances[instance].epoch;
            self.protocols.admit_push(&mut request, if self.faults.has(Fault::RefuseOldPush) { -1 } else { epoch })?;
            self.note_witness(instance, &session, request.witness.as_deref());
            let batch = Batch::read(request, epoch)?;
            let subscription = self.subscription(instance, session.user_id)?;
            // The injected fault keeps old rights here too.
            let fresh = !self.faults.has(Fault::StaleAccess);
            let batch = if fresh { batch.with_rights_at(subscription.rights_at) } else { batch };
            ready(batch.take(&self.memory, self.tokens.as_ref(), session, &subscription.actor))
        })();
        if let Err(Failure::EpochMoved) = result {
            self.settle(instance);
        }
        match result {
            Err(failure) => Ok(Err(problem(failure))),
            Ok((answer, moved)) => {
                self.check_heads(&before, &moved)?;
                let fresh_from = if self.faults.has(Fault::ForgetLedger) { first_n } else { last_before + 1 };
                self.note_outcomes(session.device_id, fresh_from.max(first_n), first_n + count - 1, &answer.outcomes)?;
                self.instances[instance].heads.cursor_cache.require_page(session.device_id);
                self.moved(Some(instance), moved);
                Ok(serde_json::to_vec(&answer).map_err(|error| Problem::new(Code::Internal, error.to_string())))
            }
        }
    }

    /// Checks that versions have no gaps: a head moves by its number of rows, or by one for an entry without a row.
    fn check_heads(&self, before: &BTreeMap<String, i64>, moved: &[(String, i64)]) -> Result<(), Finding> {
        let state = self.memory.state();
        for (scope, head) in moved {
            let old = before.get(scope).copied().unwrap_or(0);
            let rows = state.feeds.scopes[scope].versions.range(old + 1..).count() as i64;
            if *head - old != rows.max(1) {
                return Finding::of(format!("{scope} moved from {old} to {head} for {rows} rows"));
            }
        }
        Ok(())
    }

    /// Records outcomes, and checks that no mutation takes effect twice.
    fn note_outcomes(&mut self, device: Uuid, from: i64, to: i64, outcomes: &[NumberedOutcome]) -> Result<(), Finding> {
        for outcome in outcomes.iter().filter(|_| self.laptops_check) {
            if let Outcome::Rejected { code: Code::RuleBroken, message, .. } = &outcome.outcome
                && let Some(name) = message.strip_suffix(" does not hold")
                && is_checked_on_laptops(name)
            {
                return Finding::of(format!("mutation {} of {device} breaks {name}, which the laptop could tell", outcome.n));
            }
        }
        for n in from..=to {
            let outcome =
                outcomes.iter().find(|outcome| outcome.n == n).map_or_else(|| "Applied".to_owned(), |o| format!("{:?}", o.outcome));
            if let Some(first) = self.outcomes.insert((device, n), outcome) {
                return Finding::of(format!("mutation {n} of {device} took effect again, and was {first} before"));
            }
        }
        Ok(())
    }

    /// Applies [`Fault::SkipChain`]: mutations with a known number are dropped without a comparison of chains.
    fn skip_chain(&self, session: &Session, request: &mut PushRequest) {
        let Some((last_n, chain)) = self.memory.state().devices.get(&session.device_id).map(|device| (device.last_n, device.chain)) else {
            return;
        };
        let mut known = (last_n + 1 - request.first_n).max(0);
        for run in &mut request.runs {
            let skipped = usize::try_from(known).unwrap_or(0).min(run.rows.len());
            run.rows.drain(..skipped);
            known -= skipped as i64;
        }
        if request.first_n <= last_n + 1 {
            request.first_n = last_n + 1;
            request.chain = hex::encode(chain);
        }
    }

    fn mark_all_seen(&self, request: &mut PushRequest) {
        let state = self.memory.state();
        for run in request.runs.iter_mut().filter(|run| run.op == Operation::Delete) {
            for (id, base, _, _) in &mut run.rows {
                let row = id.and_then(|id| state.row(table(&run.entity), &id));
                base.stamp = row.map(|row| row.stamp).or(base.stamp);
            }
        }
    }

    fn pull(&mut self, instance: usize, session: Session, bytes: &[u8]) -> Result<Vec<u8>, Problem> {
        let request: PullRequest = serde_json::from_slice(bytes).map_err(|_| Problem::new(Code::BodyTruncated, "the body is not whole"))?;
        if request.device != session.device_id {
            return Err(Problem::new(Code::DeviceNotYours, "the session belongs to another device"));
        }
        self.protocols.check_pull(request.protocol)?;
        let is_older = request.protocol < self.newest;
        self.note_witness(instance, &session, request.witness.as_deref());
        let page = match self.page(instance, &session, request.clone()) {
            Err(Failure::EpochMoved) => {
                self.settle(instance);
                self.page(instance, &session, request)
            }
            page => page,
        };
        let page = page.map_err(problem)?;
        Ok(if is_older { from_future_server(&page.text) } else { page.text })
    }

    fn page(&self, instance: usize, session: &Session, request: PullRequest) -> Result<Page, Failure> {
        let Instance { heads, epoch, is_uncertain, .. } = &self.instances[instance];
        let known = settle::Instance { heads, epoch: *epoch, is_uncertain: *is_uncertain, tokens: self.tokens.as_ref() };
        ready(pull::answer(&self.memory, known, session, request))
    }

    fn slices(&mut self, instance: usize, session: Session, bytes: &[u8]) -> Result<Vec<u8>, Problem> {
        let request: SlicesRequest =
            serde_json::from_slice(bytes).map_err(|_| Problem::new(Code::BodyTruncated, "the body is not whole"))?;
        if request.device != session.device_id {
            return Err(Problem::new(Code::DeviceNotYours, "the session belongs to another device"));
        }
        self.protocols.check_pull(request.protocol)?;
        self.note_witness(instance, &session, request.witness.as_deref());
        let Instance { heads, epoch, .. } = &self.instances[instance];
        ready(slices::answer(&self.memory, heads, *epoch, &session, &request)).map_err(problem)
    }

    /// Checks that all rows of an answer are in scopes that the caller may read now, even if the latest changes of rights were
    /// not announced to the instance yet.
    fn readable_only(
        &mut self,
        session: &Session,
        answer: impl FnOnce(&mut Servers) -> Result<Vec<u8>, Problem>,
    ) -> Result<Result<Vec<u8>, Problem>, Finding> {
        let lines = match answer(self) {
            Ok(lines) => lines,
            Err(problem) => return Ok(Err(problem)),
        };
        let readable = readable_scopes(&self.memory.state(), session.user_id);
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let line: Value = serde_json::from_slice(line).map_err(|error| Finding(error.to_string()))?;
            if line["line"] == "rows" && line["scope"].as_str().is_some_and(|scope| !readable.contains(scope)) {
                return Finding::of(format!("rows of {} were read after the right was taken", line["scope"]));
            }
        }
        Ok(Ok(lines))
    }

    /// Creates a device for a user, with a ledger of its own.
    ///
    /// # Errors
    /// When the account is closed, or the server has crashed.
    pub fn new_device(&mut self, instance: Option<usize>, session: Session) -> Result<Uuid, Problem> {
        self.devices_made += 1;
        let id = Uuid::from_u128(0xde00_0000_0000_4000_8000_0000_0000_0000 + self.devices_made);
        let open = self.memory.state().row(table("users"), &session.user_id).is_some();
        if !open {
            return Err(Problem::new(Code::AccountClosed, "the account is closed"));
        }
        if self.memory.state().steps_left == Some(0) {
            return Err(Problem::new(Code::NotReady, "the server has crashed"));
        }
        let user: Value = json!(session.user_id.to_string());
        let made = self.memory.by_other_program(|writing| {
            writing.open_ledger(id);
            writing.make(table("devices"), session.organization_id, id, &[("user_id", user.clone()), ("name", json!("laptop"))])
        });
        let (_, moved) = made.map_err(problem)?;
        self.moved(instance, moved);
        Ok(id)
    }

    /// The current subscription of a user, computed without any cache.
    ///
    /// # Errors
    /// When the server fails.
    pub fn fresh(&self, user: Uuid) -> Result<Arc<Subscription>, Failure> {
        ready(subscription_of(&self.memory, &Heads::default(), user))
    }

    /// The outcome of every mutation, without its details.
    pub fn outcomes(&self) -> Vec<String> {
        self.outcomes.values().map(|outcome| outcome.split(", field").next().unwrap_or_default().to_owned()).collect()
    }

    /// The server's clock.
    pub fn now_ms(&self) -> i64 {
        self.memory.now_ms()
    }
}

/// A page as a future server may send it: with fields, lines and columns that this version does not know.
fn from_future_server(page: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(page.len() * 2);
    for line in page.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let Ok(Value::Object(mut line)) = serde_json::from_slice::<Value>(line) else { continue };
        if let Some(Value::Array(columns)) = line.get_mut("columns") {
            columns.insert(1, json!("of_later_years"));
        }
        for row in line.get_mut("rows").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Value::Array(row) = row {
                row.insert(1, json!({"nobody": ["knows"]}));
            }
        }
        line.insert("later".to_owned(), json!(true));
        // The kind of the line is its first field, as in the server's own pages.
        let kind = line.remove("line").unwrap_or_default();
        let rest = Value::Object(line).to_string();
        text.extend(format!("{{\"line\":{kind},{}\n", &rest[1..]).into_bytes());
        if kind == "page" {
            text.extend(b"{\"line\":\"of_later_years\",\"more\":\"than can be read\"}\n");
        }
    }
    text
}

/// The result of a future that is ready at once, because nothing in memory waits.
fn ready<R>(future: impl Future<Output = R>) -> R {
    future.now_or_never().expect("nothing in memory waits")
}
