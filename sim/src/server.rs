//! Instances of the server over one authority: the real rules between bytes and bytes.

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
use sync_server::push::{Batch, Constraints};
use sync_server::witness::{Run, Witness};
use sync_server::{settle, slices};
use uuid::Uuid;
use waystation_model::limits::PROTOCOL_VERSION;
use waystation_model::wire::{NumberedOutcome, Operation, PullRequest, PushRequest, SlicesRequest};
use waystation_model::{Code, Problem};

use crate::authority::{Backup, Memory, constraints, scopes_heard as readable_scopes, table};
use crate::faults::{Fault, Faults, Finding};
use crate::random::Random;

/// What a request asks.
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

/// Where a server crashes while it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// After so many steps of its transaction.
    Within(u32),
    /// After its commit and before its answer.
    AfterCommit,
}

/// One instance: what it keeps in memory.
struct Instance {
    heads: Heads,
    epoch: i64,
    /// When the PostgreSQL was started that it knows.
    run_us: i64,
    /// Whether the database may be another one by now.
    is_doubtful: bool,
    /// Heads that others moved and that it was not told of yet.
    untold: Vec<(String, i64)>,
}

/// Every instance, over one authority.
pub struct Servers {
    /// The authority.
    pub memory: Memory,
    instances: Vec<Instance>,
    constraints: Constraints,
    faults: Faults,
    backup: Option<Backup>,
    /// What a standby or a copy of the files has.
    elsewhere: Option<Backup>,
    /// What signs witnesses, where they are given.
    tokens: Option<Tokens>,
    /// What became of each number of each device, in this life of the server.
    outcomes: BTreeMap<(Uuid, i64), String>,
    /// Ids of devices that were made.
    devices_made: u128,
    newest: u32,
    protocols: Protocols,
}

fn problem(failure: Failure) -> Problem {
    match failure {
        Failure::Problem(problem) => problem,
        other => Problem::new(Code::Internal, other.to_string()),
    }
}

impl Servers {
    /// So many instances.
    pub fn new(memory: Memory, count: usize, faults: Faults) -> Servers {
        let mut servers = Servers {
            memory,
            instances: Vec::new(),
            constraints: constraints(),
            faults,
            backup: None,
            elsewhere: None,
            tokens: None,
            outcomes: BTreeMap::new(),
            devices_made: 0,
            newest: PROTOCOL_VERSION,
            protocols: Protocols::OURS,
        };
        for _ in 0..count {
            let instance = servers.started();
            servers.instances.push(instance);
        }
        servers
    }

    /// A program of later years, which speaks this version too.
    pub fn up_to(mut self, newest: u32) -> Servers {
        self.newest = newest;
        self.protocols = Protocols::up_to(newest);
        self
    }

    /// … that gives out witnesses.
    pub fn with_witnesses(mut self) -> Servers {
        self.tokens = Some(Tokens::new("the secret of every instance"));
        self
    }

    /// The version of the protocol that it speaks best.
    pub fn newest(&self) -> u32 {
        self.newest
    }

    /// Whether a program of this version may push and nothing else.
    pub fn is_too_old(&self, protocol: u32) -> bool {
        self.protocols.check_pull(protocol).is_err()
    }

    /// How many instances run.
    pub fn count(&self) -> usize {
        self.instances.len()
    }

    fn started(&self) -> Instance {
        let heads = Heads::default();
        self.memory.settle();
        let state = self.memory.state();
        heads.advance(&state.feeds.scopes.iter().map(|(scope, feed)| (scope.clone(), feed.version)).collect::<Vec<_>>());
        Instance { heads, epoch: state.epoch, run_us: state.place.run_us, is_doubtful: false, untold: Vec::new() }
    }

    /// An instance starts again, with nothing in its memory.
    pub fn restart(&mut self, instance: usize) {
        let started = self.started();
        self.instances[instance] = started;
    }

    /// Remembers everything.
    pub fn back_up(&mut self) {
        let backup = self.memory.back_up();
        // Nobody puts in place of the database what is older than the newest backup.
        self.elsewhere = Some(backup.clone());
        self.backup = Some(backup);
    }

    /// Goes back to the backup, if there is one.
    pub fn restore(&mut self) -> bool {
        let Some(backup) = self.backup.clone() else { return false };
        self.memory.restore(&backup);
        self.elsewhere = None;
        self.outcomes.clear();
        for instance in 0..self.instances.len() {
            self.restart(instance);
        }
        true
    }

    /// A standby, or a copy of the files, has everything that was committed.
    pub fn replicate(&mut self) {
        self.elsewhere = Some(self.memory.snapshot_of_all());
    }

    /// The database goes back to what is elsewhere, if anything is, and nobody says so. Returns the last stamp there and how many
    /// transactions are lost.
    pub fn go_back(&mut self, identity_changes: bool, random: &mut Random) -> Option<(i64, i64)> {
        let to = self.elsewhere.clone()?;
        let lsn = self.memory.state().lsn;
        self.memory.go_back(&to, identity_changes);
        let state = self.memory.state();
        let (last_stamp, lost) = (state.last_stamp, (lsn - state.lsn).max(0));
        self.outcomes.retain(|(device, n), _| state.devices.get(device).is_some_and(|device| *n <= device.last_n));
        drop(state);
        for instance in 0..self.instances.len() {
            // Whoever was to be told of heads was connected to a database that is gone.
            self.instances[instance].untold.clear();
            match random.below(3) {
                0 => self.restart(instance),
                1 => self.instances[instance].is_doubtful = !self.faults.has(Fault::HeadsTrusted),
                // It finds out later.
                _ => {}
            }
        }
        Some((last_stamp, lost))
    }

    fn heads_there(&self) -> Vec<(String, i64)> {
        self.memory.state().feeds.scopes.iter().map(|(scope, feed)| (scope.clone(), feed.version)).collect()
    }

    /// Learns the epoch from the database, as a server does whose database may be another one.
    fn settle(&mut self, place: usize) {
        let mut epoch = self.memory.settle();
        let run_us = self.memory.state().place.run_us;
        let known = &mut self.instances[place];
        if (known.epoch, known.run_us) == (epoch, run_us) {
            known.is_doubtful = false;
            return;
        }
        let there = self.heads_there();
        let known = &self.instances[place];
        if !self.faults.has(Fault::HeadsTrusted) {
            if epoch == known.epoch && Heads::any_is_above(&known.heads.known(), &there) && !self.faults.has(Fault::EpochUnnoticed) {
                let newest = self.memory.state().runs.last().copied();
                if let Some(newest) = newest {
                    self.memory.went_back(newest, 0);
                }
                epoch = self.memory.epoch();
            }
            self.instances[place].heads.begin_again(&self.heads_there());
        }
        self.instances[place].heads.advance(&self.heads_there());
        let known = &mut self.instances[place];
        known.epoch = epoch;
        known.run_us = run_us;
        known.is_doubtful = false;
    }

    /// Takes note of what a laptop proves to have seen.
    fn note_witness(&mut self, place: usize, session: &Session, witness: Option<&str>) {
        let (Some(tokens), Some(witness)) = (&self.tokens, witness.and_then(Witness::parse)) else { return };
        let known = &self.instances[place];
        let says_nothing_new = witness.epoch < known.epoch || (witness.epoch, witness.run_us) == (known.epoch, known.run_us);
        if says_nothing_new || !witness.is_signed(tokens, session.device_id) || self.faults.has(Fault::EpochUnnoticed) {
            return;
        }
        let runs: Vec<Run> = self.memory.state().runs.iter().rev().copied().collect();
        if let Some(run) = witness.proves(&runs) {
            self.memory.went_back(run, witness.epoch + 1);
        }
        self.settle(place);
    }

    /// What an instance knows that has heard everything is what the database says.
    ///
    /// # Errors
    /// The first head that is another one.
    pub fn heads_agree(&self) -> Result<(), Finding> {
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

    /// Heads that moved: at once for whoever moved them, later for the others.
    pub fn moved(&mut self, by: Option<usize>, moved: Vec<(String, i64)>) {
        let stale = |scope: &str| self.faults.has(Fault::StaleAccess) && scope.starts_with("access");
        let moved: Vec<(String, i64)> = moved.into_iter().filter(|(scope, _)| !stale(scope)).collect();
        for (place, instance) in self.instances.iter_mut().enumerate() {
            if Some(place) == by {
                instance.heads.advance(&moved);
            } else {
                instance.untold.extend(moved.iter().cloned());
            }
        }
    }

    /// Tells an instance what the others have moved.
    pub fn announce(&mut self, instance: usize) {
        self.settle(instance);
        let instance = &mut self.instances[instance];
        instance.heads.advance(&std::mem::take(&mut instance.untold));
    }

    fn subscription(&self, instance: usize, user: Uuid) -> Result<Arc<Subscription>, Failure> {
        now(subscription_of(&self.memory, &self.instances[instance].heads, user))
    }

    /// Answers a request, or crashes. `None`: the server is gone before it answered.
    ///
    /// # Errors
    /// What must never happen, whatever was asked.
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
        let gone = self.memory.state().steps_left.take() == Some(0) || crash == Some(Crash::AfterCommit);
        if gone {
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
            self.see_everything(&mut request);
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
            self.protocols.admit_push(&mut request, if self.faults.has(Fault::StrandTheOld) { -1 } else { epoch })?;
            self.note_witness(instance, &session, request.witness.as_deref());
            let batch = Batch::read(request, epoch)?;
            let subscription = self.subscription(instance, session.user_id)?;
            // Whose faults keep old rights keeps them here too.
            let fresh = !self.faults.has(Fault::StaleAccess);
            let batch = if fresh { batch.with_rights_of(subscription.rights_at) } else { batch };
            now(batch.take(&self.memory, &self.constraints, self.tokens.as_ref(), session, &subscription.actor))
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
                self.instances[instance].heads.handed_out.owe_page(session.device_id);
                self.moved(Some(instance), moved);
                Ok(serde_json::to_vec(&answer).map_err(|error| Problem::new(Code::Internal, error.to_string())))
            }
        }
    }

    /// Versions are dense: a head moves by what it moved, or by one for whoever has no row.
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

    /// Every mutation has one outcome and no other.
    fn note_outcomes(&mut self, device: Uuid, from: i64, to: i64, outcomes: &[NumberedOutcome]) -> Result<(), Finding> {
        for n in from..=to {
            let outcome =
                outcomes.iter().find(|outcome| outcome.n == n).map_or_else(|| "Applied".to_owned(), |o| format!("{:?}", o.outcome));
            if let Some(first) = self.outcomes.insert((device, n), outcome) {
                return Finding::of(format!("mutation {n} of {device} took effect again, and was {first} before"));
            }
        }
        Ok(())
    }

    /// The number alone says what was sent before.
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

    fn see_everything(&self, request: &mut PushRequest) {
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
        Ok(if is_older { of_later_years(&page.text) } else { page.text })
    }

    fn page(&self, instance: usize, session: &Session, request: PullRequest) -> Result<Page, Failure> {
        let Instance { heads, epoch, is_doubtful, .. } = &self.instances[instance];
        let known = settle::Instance { heads, epoch: *epoch, is_doubtful: *is_doubtful, tokens: self.tokens.as_ref() };
        now(pull::answer(&self.memory, known, session, request))
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
        now(slices::answer(&self.memory, heads, *epoch, &session, &request)).map_err(problem)
    }

    /// Holds that the rows of an answer are of scopes that the caller may read at this moment, whether or not the instance has
    /// been told of every change of rights.
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

    /// A new device for a user, with a ledger of its own.
    ///
    /// # Errors
    /// When the account is closed, or the server is gone meanwhile.
    pub fn new_device(&mut self, instance: Option<usize>, session: Session) -> Result<Uuid, Problem> {
        self.devices_made += 1;
        let id = Uuid::from_u128(0xde00_0000_0000_4000_8000_0000_0000_0000 + self.devices_made);
        let open = self.memory.state().row(table("users"), &session.user_id).is_some();
        if !open {
            return Err(Problem::new(Code::AccountClosed, "the account is closed"));
        }
        if self.memory.state().steps_left == Some(0) {
            return Err(Problem::new(Code::NotReady, "the server is gone"));
        }
        let user: Value = json!(session.user_id.to_string());
        let made = self.memory.by_hand(|writing| {
            writing.open_ledger(id);
            writing.make(table("devices"), session.organization_id, id, &[("user_id", user.clone()), ("name", json!("laptop"))])
        });
        let (_, moved) = made.map_err(problem)?;
        self.moved(instance, moved);
        Ok(id)
    }

    /// What one user may see right now, read afresh: `(table, row)` and the tuple, and the heads.
    ///
    /// # Errors
    /// When the server fails.
    pub fn fresh(&self, user: Uuid) -> Result<Arc<Subscription>, Failure> {
        now(subscription_of(&self.memory, &Heads::default(), user))
    }

    /// What became of every mutation, in a few words.
    pub fn outcomes(&self) -> Vec<String> {
        self.outcomes.values().map(|outcome| outcome.split(", field").next().unwrap_or_default().to_owned()).collect()
    }

    /// The server's clock.
    pub fn now_ms(&self) -> i64 {
        self.memory.now_ms()
    }
}

/// A page as a later program may say it: with fields, lines and columns that nobody has heard of yet.
fn of_later_years(page: &[u8]) -> Vec<u8> {
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
        // What a line is stands first, as the server writes it.
        let kind = line.remove("line").unwrap_or_default();
        let rest = Value::Object(line).to_string();
        text.extend(format!("{{\"line\":{kind},{}\n", &rest[1..]).into_bytes());
        if kind == "page" {
            text.extend(b"{\"line\":\"of_later_years\",\"more\":\"than can be read\"}\n");
        }
    }
    text
}

/// What is ready at once, because nothing here waits.
fn now<R>(future: impl Future<Output = R>) -> R {
    future.now_or_never().expect("nothing in memory waits")
}
