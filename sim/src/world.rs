//! The laptops, the server and the network between them, one step at a time.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sync_server::accounts::Session;
use sync_server::failure::Failure;
use uuid::Uuid;
use waystation_client::error::ClientError;
use waystation_client::store::Edit;
use waystation_model::Problem;
use waystation_model::access::Role;
use waystation_model::limits::PROTOCOL_VERSION;
use waystation_model::registry::{Entity, check_value};
use waystation_model::wire::Operation;

use crate::any_table::{AnyChange, AnyTable};
use crate::authority::{Memory, MemoryWriting, table, value};
use crate::edits::Author;
use crate::entered::{Entered, row_of, seen};
use crate::faults::{Fault, Faults, Finding};
use crate::laptop::{Laptop, Outgoing};
use crate::lost::LostRows;
use crate::random::Random;
use crate::school::School;
use crate::server::{Crash, Route, Servers};
use crate::steps::{Act, EVERY_TABLE_FROM, GOES_BACK_FROM, LATEST_FROM, Step, TAKES_BACK_FROM};

/// The time at which every history begins: 2026-03-01, in milliseconds since 1970.
pub const START_MS: i64 = 1_772_323_200_000;
/// Largest difference between a change's time and the clock measured by the last exchange, in milliseconds.
const CLOCK_TOLERANCE_MS: i64 = 1_000;
/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// The newest protocol of a future server: the two versions before it may pull, and the oldest one may only push.
const NEWEST_PROTOCOL: u32 = 4;
/// Changes that another program makes before the server notices that the database went back.
const WRITTEN_UNNOTICED_MAX: i64 = 20;
/// Number of laptops up to which a laptop may be copied.
const LAPTOPS_MAX: usize = 8;

/// Counts of events by their description.
pub type Tally = BTreeMap<String, u64>;

/// A request or an answer in transit.
struct Message {
    laptop: usize,
    number: u64,
    body: Body,
}

#[derive(Clone)]
enum Body {
    Request { session: Session, route: Route, bytes: Vec<u8> },
    Answer(Result<Vec<u8>, Problem>),
}

/// The whole simulated system.
pub struct World {
    /// The server instances.
    pub servers: Servers,
    /// The laptops.
    pub laptops: Vec<Laptop>,
    /// The people and rows at the start.
    pub school: School,
    /// Every value that people entered.
    pub entered: Entered,
    /// Whether time spent may have been counted twice: after a copy or a restore.
    pub inexact: bool,
    /// Counts of events.
    pub tally: Tally,
    /// Whether enough time passes at the end that laptops offer lost rows.
    pub has_days: bool,
    /// Whether people change rows of every table, and laptops check rules before they store a change.
    is_every_table: bool,
    /// Whether people take back what they did, and import files.
    is_taking_back: bool,
    /// Rows that laptops had when the server lost them.
    pub lost: LostRows,
    /// A trace in English, if it is wanted.
    pub story: Option<Vec<String>>,
    messages: Vec<Message>,
    true_ms: i64,
    serial: u64,
    crash: Option<Crash>,
    faults: Faults,
}

/// A request with its protocol version replaced by this one.
fn with_protocol(bytes: Vec<u8>, protocol: u32) -> Vec<u8> {
    let ours = format!("{{\"protocol\":{PROTOCOL_VERSION},");
    match bytes.strip_prefix(ours.as_bytes()) {
        Some(rest) if protocol != PROTOCOL_VERSION => [format!("{{\"protocol\":{protocol},").as_bytes(), rest].concat(),
        _ => bytes,
    }
}

fn broken(failure: impl std::fmt::Display) -> Finding {
    Finding(failure.to_string())
}

impl World {
    /// Creates a school with this number of laptops.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn new(clients: usize, seed: u64, faults: &Faults) -> Result<World, Finding> {
        let mut random = Random::of(seed ^ 0x5c00_1000);
        let memory = Memory::new(START_MS, faults.clone());
        memory.state().page_rows_max = *random.pick(&[1, 2, 3, 7, 20, 2_000]).unwrap_or(&20);
        let mut school = School::found(&memory).map_err(broken)?;
        let is_every_table = seed >= EVERY_TABLE_FROM;
        if is_every_table {
            school.found_neighbour(&memory).map_err(broken)?;
        }
        let latest = seed >= LATEST_FROM;
        let newest = if latest { NEWEST_PROTOCOL } else { PROTOCOL_VERSION };
        let servers = Servers::new(memory, 1 + random.below(2), faults.clone()).up_to(newest);
        let servers = if seed >= GOES_BACK_FROM { servers.with_witnesses() } else { servers };
        let servers = if is_every_table { servers.of_checking_laptops() } else { servers };
        let mut world = World {
            servers,
            laptops: Vec::new(),
            school,
            entered: Entered::default(),
            inexact: false,
            tally: Tally::new(),
            has_days: latest,
            lost: LostRows::default(),
            is_every_table,
            is_taking_back: seed >= TAKES_BACK_FROM,
            story: None,
            messages: Vec::new(),
            true_ms: START_MS,
            serial: 0,
            crash: None,
            faults: faults.clone(),
        };
        // The first replica contains only some of the devices.
        let replicate_before = if seed >= GOES_BACK_FROM { random.below(clients) } else { clients };
        for index in 0..clients {
            if index == replicate_before {
                world.servers.replicate();
            }
            // Some people have two laptops.
            let people = &world.school.people;
            let (user, role) = people[if random.one_in(3) { random.below(people.len()) } else { index % people.len() }];
            world.add_laptop(user, role)?;
            if latest {
                // The oldest version is too old to pull.
                world.laptops[index].protocol = 1 + random.below(NEWEST_PROTOCOL as usize) as u32;
            }
            if !random.one_in(6) {
                world.sync(index)?;
            }
        }
        Ok(world)
    }

    fn add_laptop(&mut self, user: Uuid, role: Role) -> Result<(), Finding> {
        let session = self.session(user, Uuid::nil());
        let device = self.servers.new_device(None, session).map_err(broken)?;
        self.laptops.push(Laptop::new(user, self.school.organization, role, device, self.faults.clone())?);
        Ok(())
    }

    fn log(&mut self, what: impl FnOnce() -> String) {
        if let Some(story) = &mut self.story {
            story.push(what());
        }
    }

    fn session(&self, user: Uuid, device: Uuid) -> Session {
        Session { user_id: user, organization_id: self.school.organization, device_id: device, session_id: Uuid::nil() }
    }

    /// Advances the true time.
    pub fn pass(&mut self, ms: i64) {
        self.true_ms += ms;
        self.servers.memory.state().now_ms = self.true_ms;
    }

    /// A number that grows with every change of the history.
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// The true time.
    pub fn now_ms(&self) -> i64 {
        self.true_ms
    }

    /// Takes one step and checks the invariants that hold after every step.
    ///
    /// # Errors
    /// The violated invariant.
    pub fn step(&mut self, step: Step) -> Result<(), Finding> {
        let mut random = Random::of(step.pick);
        self.pass(random.between(1, 2_000));
        *self.tally.entry(format!("step {:?}", step.act)).or_default() += 1;
        let laptop = step.laptop as usize % self.laptops.len();
        self.log(|| format!("{:?} (laptop {laptop})", step.act));
        match step.act {
            Act::Pass => self.pass(random.between(1_000, 60_000)),
            Act::Edit => self.edit(laptop, random)?,
            Act::Push => self.with(laptop, |laptop, now| laptop.start_push(now))?,
            Act::Pull => {
                let full = random.one_in(2);
                self.with(laptop, |laptop, _| laptop.start_pull(full))?;
            }
            Act::Apply => {
                let count = 1 + random.below(4);
                self.with(laptop, |laptop, now| laptop.apply(now, count))?;
            }
            Act::Deliver => self.deliver(&mut random, false)?,
            Act::Repeat => self.deliver(&mut random, true)?,
            Act::Lose => self.lose(&mut random, true),
            Act::GiveUp => self.lose(&mut random, false),
            Act::Truncate => self.truncate(&mut random),
            Act::Announce => self.announce_all(),
            Act::ByOtherProgram => self.by_other_program(random)?,
            Act::Access => self.change_access(&mut random)?,
            Act::CutPower => {
                self.laptops[laptop].cut_power(&mut random)?;
                self.power_was_cut(laptop)?;
            }
            Act::Switch if self.laptops[laptop].is_on() => self.laptops[laptop].switch_off(),
            Act::Switch => self.laptops[laptop].switch_on()?,
            Act::CrashServer => {
                self.crash = Some(if random.one_in(3) { Crash::AfterCommit } else { Crash::Within(random.below(14) as u32) });
            }
            Act::SetClock => {
                self.laptops[laptop].skew_ms = if random.one_in(4) { 0 } else { random.between(-5 * 3_600_000, 5 * 3_600_000) };
                self.laptops[laptop].offset_ms = None;
            }
            Act::Copy => self.copy(laptop)?,
            Act::SignIn => self.sign_in(laptop)?,
            Act::BackUp => self.servers.back_up(),
            Act::Restore => self.restore()?,
            Act::Replicate => self.servers.replicate(),
            Act::Promote => self.go_back(true, &mut random)?,
            Act::RestoreFiles => self.go_back(false, &mut random)?,
            Act::Forget => self.delete_tombstones(),
            Act::Day => self.pass(DAY_MS + random.between(0, DAY_MS)),
            Act::Damage => {
                self.lost.forget();
                self.laptops[laptop].damage(&mut random)?;
            }
            Act::Fetch => self.laptops[laptop].fetch(&mut random)?,
            Act::Update => self.laptops[laptop].protocol = self.servers.newest(),
            Act::Undo => self.take_back(laptop, random)?,
            Act::Import => self.import(laptop, random)?,
        }
        if let Some(laptop) = self.laptops.get(laptop) {
            laptop.check()?;
        }
        Ok(())
    }

    /// Switches a laptop on after its power was cut.
    ///
    /// # Errors
    /// When the database does not open.
    pub(crate) fn power_was_cut(&mut self, laptop: usize) -> Result<(), Finding> {
        self.lost.forget();
        self.laptops[laptop].switch_on()?;
        self.laptops[laptop].may_reread = true;
        // The crash may have rolled back the page with which the offset came.
        self.laptops[laptop].offset_ms = None;
        Ok(())
    }

    /// Numbers a change of the history, so that its texts differ from those of all others.
    pub(crate) fn number_change(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// Runs `work` on a laptop that is switched on, and sends the resulting request.
    pub fn with(&mut self, index: usize, work: impl FnOnce(&mut Laptop, i64) -> Result<Option<Outgoing>, Finding>) -> Result<(), Finding> {
        let now = self.true_ms;
        let laptop = &mut self.laptops[index];
        if !laptop.is_on() {
            return Ok(());
        }
        let device = laptop.device();
        if let Some(Outgoing { number, route, bytes }) = work(laptop, now)? {
            // The session belongs to the device of the database, because both are stored together.
            let device = if route == Route::NewDevice { device } else { laptop.device() };
            let session = self.session(self.laptops[index].user, device);
            let bytes = with_protocol(bytes, self.laptops[index].protocol);
            self.messages.push(Message { laptop: index, number, body: Body::Request { session, route, bytes } });
        }
        Ok(())
    }

    fn edit(&mut self, index: usize, random: Random) -> Result<(), Finding> {
        let (serial, now) = (self.number_change(), self.true_ms);
        let laptop = &mut self.laptops[index];
        if !laptop.is_on() {
            return Ok(());
        }
        let owner = &laptop.writer().device().owner;
        let mut author =
            Author { writer: laptop.writer(), user: laptop.user, role: owner.role, school: &self.school, random, serial, now_ms: now };
        let mut edits = if self.is_every_table && author.random.one_in(2) { author.any_table() } else { author.change() };
        if !self.is_every_table || self.faults.has(Fault::ForgetCheck) {
            edits = edits.into_iter().map(Edit::unchecked).collect();
        }
        let before: Vec<Option<Vec<Value>>> =
            edits.iter().map(|edit| row_of(edit).and_then(|row| seen(laptop.writer(), edit.entity, &row))).collect();
        let last_at = laptop.writer().device().last_at;
        let edited = if self.is_taking_back { laptop.command(now, edits.clone()) } else { laptop.edit(now, &edits).map(drop) };
        match edited {
            Ok(()) => {
                *self.tally.entry(format!("edits {}", edits.len().min(1))).or_default() += 1;
                let (by, device) = (laptop.writer().device().owner.user_id, laptop.device());
                if let Some(story) = &mut self.story {
                    for edit in &edits {
                        story.push(format!("    {device} {:?} {} {:?} {:?}", edit.op, edit.entity.name, row_of(edit), edit.fields));
                    }
                }
                let at = laptop.writer().device().last_at;
                for (edit, before) in edits.iter().zip(&before) {
                    let at_us = (edits.len() == 1).then_some(at.0);
                    self.entered.record(by, device, edit, at_us, before.as_deref());
                }
                if let Some(offset) = laptop.offset_ms
                    && !edits.is_empty()
                    && at.as_ms() > last_at.as_ms() + 1
                {
                    let off = at.as_ms() - (now + laptop.skew_ms + offset);
                    if off.abs() > CLOCK_TOLERANCE_MS {
                        return Finding::of(format!("a synced laptop gives a change a time that is {off} ms off"));
                    }
                }
                Ok(())
            }
            Err(ClientError::Refused(problem)) => {
                *self.tally.entry(format!("edit refused here {}", problem.code.word())).or_default() += 1;
                Ok(())
            }
            Err(error) => Finding::of(format!("an edit failed: {error}")),
        }
    }

    /// Delivers one message. `again`: it also stays in transit.
    fn deliver(&mut self, random: &mut Random, again: bool) -> Result<(), Finding> {
        if self.messages.is_empty() {
            return Ok(());
        }
        let index = random.below(self.messages.len());
        let Message { laptop, number, body } = if again {
            let message = &self.messages[index];
            Message { laptop: message.laptop, number: message.number, body: message.body.clone() }
        } else {
            self.messages.swap_remove(index)
        };
        match body {
            Body::Request { session, route, bytes } => {
                let instance = random.below(self.servers.count());
                let crash = self.crash.take();
                let answer = self.servers.answer(instance, session, route, &bytes, crash)?;
                let how = match &answer {
                    None => "crash".to_owned(),
                    Some(Ok(_)) => "ok".to_owned(),
                    Some(Err(problem)) => problem.code.word().to_owned(),
                };
                *self.tally.entry(format!("{route:?} {how}")).or_default() += 1;
                self.log(|| {
                    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).chars().take(600).collect::<String>();
                    let answered = match &answer {
                        None => "crash".to_owned(),
                        Some(Ok(bytes)) => text(bytes),
                        Some(Err(problem)) => problem.to_string(),
                    };
                    format!("    laptop {laptop} {route:?} {}\n      -> {answered}", text(&bytes))
                });
                match answer {
                    Some(answer) => self.messages.push(Message { laptop, number, body: Body::Answer(answer) }),
                    None => self.laptops[laptop].give_up(number),
                }
                Ok(())
            }
            Body::Answer(answer) => self.with(laptop, |laptop, now| laptop.receive(now, number, answer)),
        }
    }

    /// Delivers messages until none is in transit.
    ///
    /// # Errors
    /// The violated invariant.
    pub fn deliver_all(&mut self) -> Result<(), Finding> {
        let mut random = Random::of(self.serial);
        while !self.messages.is_empty() {
            self.pass(10);
            self.deliver(&mut random, false)?;
        }
        Ok(())
    }

    /// The laptop stops waiting for a message. `lost`: the message is lost, otherwise it stays in transit.
    fn lose(&mut self, random: &mut Random, lost: bool) {
        if self.messages.is_empty() {
            return;
        }
        let index = random.below(self.messages.len());
        let (laptop, number) = (self.messages[index].laptop, self.messages[index].number);
        self.laptops[laptop].give_up(number);
        if lost {
            self.messages.swap_remove(index);
        }
    }

    fn truncate(&mut self, random: &mut Random) {
        if self.messages.is_empty() {
            return;
        }
        let index = random.below(self.messages.len());
        if let Body::Request { bytes, .. } | Body::Answer(Ok(bytes)) = &mut self.messages[index].body {
            bytes.truncate(random.below(bytes.len().max(1)));
        }
    }

    /// Tells every instance the current heads.
    pub fn announce_all(&mut self) {
        for instance in 0..self.servers.count() {
            self.servers.announce(instance);
        }
    }

    fn copy(&mut self, index: usize) -> Result<(), Finding> {
        if self.laptops.len() < LAPTOPS_MAX && self.laptops[index].is_on() {
            let copy = self.laptops[index].copy()?;
            self.laptops.push(copy);
            self.inexact = true;
        }
        Ok(())
    }

    /// A person signs in on a laptop: as the database's device if the server knows it, otherwise as a new device.
    ///
    /// # Errors
    /// The violated invariant.
    pub fn sign_in(&mut self, index: usize) -> Result<(), Finding> {
        self.laptops[index].switch_on()?;
        let (user, device) = (self.laptops[index].user, self.laptops[index].device());
        let users = table("users");
        let (open, role, known) = {
            let state = self.servers.memory.state();
            let Some(row) = state.row(users, &user) else { return Ok(()) };
            let role = value(users, &row.values, "role").as_str().and_then(Role::parse);
            (value(users, &row.values, "status") == "active", role, state.row(table("devices"), &device).is_some())
        };
        let (true, Some(role)) = (open, role) else { return Ok(()) };
        let device = if known { device } else { self.servers.new_device(None, self.session(user, device)).map_err(broken)? };
        let is_unknown = !known && !self.faults.has(Fault::KeepUnknownAcknowledged);
        self.laptops[index].sign_in(role, device, is_unknown)
    }

    fn restore(&mut self) -> Result<(), Finding> {
        if self.servers.restore() {
            self.inexact = true;
            for laptop in &mut self.laptops {
                laptop.may_reread = true;
            }
            let lost = self.servers.memory.state().lost_stamps.last().copied();
            if let Some((last_stamp, _)) = lost.filter(|_| self.has_days) {
                let state = self.servers.memory.state().clone();
                self.lost.gather(last_stamp, &self.laptops, &state)?;
            }
        }
        Ok(())
    }

    /// The replica replaces the database without notice. In half of the cases another program writes as many changes as were
    /// lost, before the server notices.
    fn go_back(&mut self, identity_changes: bool, random: &mut Random) -> Result<(), Finding> {
        let Some((last_stamp, lost)) = self.servers.go_back(identity_changes, random) else { return Ok(()) };
        *self.tally.entry("transactions that went back unsaid".into()).or_default() += lost.unsigned_abs();
        for laptop in &mut self.laptops {
            laptop.may_reread = true;
        }
        let state = self.servers.memory.state().clone();
        self.lost.gather(last_stamp, &self.laptops, &state)?;
        if random.one_in(2) {
            for _ in 0..lost.min(WRITTEN_UNNOTICED_MAX) {
                self.by_other_program(Random::of(random.number()))?;
            }
        }
        Ok(())
    }

    /// The server deletes its tombstones. Laptops that still have such rows detect it by the checksums.
    fn delete_tombstones(&mut self) {
        self.servers.memory.delete_tombstones();
        for laptop in &mut self.laptops {
            laptop.may_reread = true;
        }
    }

    /// Another program changes rows. A change that the database refuses is ignored.
    ///
    /// # Errors
    /// The violated invariant.
    pub fn write_by_hand(&mut self, work: impl FnOnce(&mut MemoryWriting) -> Result<(), Failure>) -> Result<(), Finding> {
        let before = self.servers.memory.back_up_rows();
        match self.servers.memory.by_other_program(work) {
            Ok((_, moved)) => {
                let after = self.servers.memory.back_up_rows();
                let table = |code: i16| waystation_model::registry::entity_by_code(code).expect("a registered table");
                for (code, rows) in &after {
                    for (id, row) in rows.iter().filter(|(id, _)| before.get(code).is_none_or(|before| !before.contains_key(*id))) {
                        self.entered.record_made(table(*code), *id, &row.values);
                    }
                }
                for (code, rows) in &before {
                    let entity = table(*code);
                    for (id, row) in rows {
                        let now = after.get(code).and_then(|rows| rows.get(id));
                        if now.is_none_or(|now| now.stamp != row.stamp) {
                            self.entered.record_overwrite(entity, *id, &row.values, now.map(|now| now.values.as_slice()));
                        }
                    }
                }
                self.servers.moved(None, moved);
                Ok(())
            }
            Err(Failure::Refused(_)) => Ok(()),
            Err(failure) => Finding::of(format!("plain SQL failed: {failure}")),
        }
    }

    fn any_row(&self, random: &mut Random, entity: &Entity) -> Option<Uuid> {
        let state = self.servers.memory.state();
        let ids: Vec<Uuid> = state.rows(entity).map(|(id, _)| *id).collect();
        random.pick(&ids).copied()
    }

    /// Another program changes a row of any table, validly or not.
    fn any_table_by_other_program(&mut self, mut random: Random) -> Result<(), Finding> {
        let memory = self.servers.memory.clone();
        let mut any = |entity: &'static Entity, random: &mut Random| {
            let state = memory.state();
            let rows: Vec<_> = state.rows(entity).map(|(id, row)| (*id, row.values.clone())).collect();
            random.pick(&rows).cloned()
        };
        let school = self.school.clone();
        let elsewhere = |name: &str| school.elsewhere(name);
        let people: Vec<Uuid> = school.people.iter().map(|(user, _)| *user).collect();
        let author = random.pick(&people).copied().unwrap_or_default();
        let new_id = crate::school::id(15, u128::from(self.serial));
        let (serial, now_ms) = (self.serial, self.true_ms);
        let mut generic = AnyTable { random, serial, now_ms, author, keys: "k".to_owned(), new_id, any: &mut any, elsewhere: &elsewhere };
        let Some(AnyChange { entity, op, row, fields, .. }) = generic.change(|_| true) else { return Ok(()) };
        // A database takes no value of another kind, and those checks are the columns' own.
        let fits = |(name, value): &(&str, Value)| entity.column(name).is_some_and(|column| check_value(column, value).is_ok());
        if !fields.iter().all(fits) {
            return Ok(());
        }
        let organization = self.school.organization;
        self.write_by_hand(|writing| match op {
            Operation::Delete => writing.delete_row(entity, row),
            Operation::Put if writing.change(entity, row, &fields)? => Ok(()),
            Operation::Put => writing.make(entity, organization, row, &fields).map(drop),
        })
    }

    fn by_other_program(&mut self, mut random: Random) -> Result<(), Finding> {
        self.serial += 1;
        if self.is_every_table && random.one_in(2) {
            return self.any_table_by_other_program(random);
        }
        let word = json!(format!("sql{}", self.serial));
        let (name, column) = *random
            .pick(&[
                ("topics", "title"),
                ("modules", "title"),
                ("courses", "title"),
                ("stations", "name"),
                ("groups", "name"),
                ("attendance_records", "note"),
                ("users", "phone"),
                ("student_profiles", "grade"),
            ])
            .unwrap_or(&("topics", "title"));
        let entity = table(name);
        let Some(id) = self.any_row(&mut random, entity) else { return Ok(()) };
        let deletes = random.one_in(6) && matches!(name, "topics" | "modules" | "stations");
        self.write_by_hand(
            |writing| {
                if deletes { writing.delete_row(entity, id) } else { writing.change(entity, id, &[(column, word)]).map(drop) }
            },
        )
    }

    fn change_access(&mut self, random: &mut Random) -> Result<(), Finding> {
        let name = *random.pick(&["group_memberships", "enrollments", "courses", "groups", "users", "guardian_links"]).unwrap_or(&"users");
        let entity = table(name);
        let Some(id) = self.any_row(random, entity) else { return Ok(()) };
        let people: Vec<(Uuid, Role)> = self.school.people.clone();
        let of = |role: Role, random: &mut Random| -> Value {
            let some: Vec<Uuid> = people.iter().filter(|(_, is)| *is == role).map(|(user, _)| *user).collect();
            random.pick(&some).map_or(Value::Null, |user| json!(user.to_string()))
        };
        let change: Vec<(&str, Value)> = match name {
            "group_memberships" => vec![("is_active", json!(random.one_in(2)))],
            "enrollments" => vec![("status", json!(random.pick(&["dropped", "enrolled"]).unwrap_or(&"dropped")))],
            "courses" if random.one_in(2) => vec![("instructor_id", of(Role::Instructor, random))],
            "courses" if random.one_in(2) => vec![("instructor_id", of(Role::Teacher, random))],
            "courses" => vec![("status", json!(random.pick(&["draft", "published"]).unwrap_or(&"draft")))],
            "groups" => vec![("teacher_id", of(Role::Teacher, random))],
            "users" if random.one_in(2) => vec![("status", json!(random.pick(&["active", "suspended"]).unwrap_or(&"active")))],
            "users" => vec![("role", json!(random.pick(&["admin", "teacher", "instructor", "learner", "parent"]).unwrap_or(&"learner")))],
            _ => Vec::new(),
        };
        self.write_by_hand(
            |writing| {
                if change.is_empty() { writing.delete_row(entity, id) } else { writing.change(entity, id, &change).map(drop) }
            },
        )
    }

    /// The number of messages in transit, by laptop.
    pub fn messages(&self) -> BTreeMap<usize, usize> {
        let mut count = BTreeMap::new();
        for message in &self.messages {
            *count.entry(message.laptop).or_default() += 1;
        }
        count
    }
}
