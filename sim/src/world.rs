//! The laptops, the server and the network between them, one step at a time.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sync_server::accounts::Session;
use sync_server::failure::Failure;
use uuid::Uuid;
use waystation_client::error::ClientError;
use waystation_model::Problem;
use waystation_model::access::Role;
use waystation_model::limits::PROTOCOL_VERSION;
use waystation_model::registry::Entity;

use crate::authority::{Memory, MemoryWriting, table, value};
use crate::deeds::Doer;
use crate::entered::{Entered, row_of, seen};
use crate::faults::{Fault, Faults, Finding};
use crate::laptop::{Laptop, Outgoing};
use crate::lost::LostRows;
use crate::random::Random;
use crate::school::School;
use crate::server::{Crash, Route, Servers};
use crate::steps::{Act, GOES_BACK_FROM, LATEST_FROM, Step};

/// When every history begins: 2026-03-01, in milliseconds.
pub const START_MS: i64 = 1_772_323_200_000;
/// How far a time may be from what the last exchange measured, in milliseconds.
const CLOCK_TOLERANCE_MS: i64 = 1_000;
/// A day.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// The version that a server of later years speaks best: it serves two before it, and one older still may push.
const NEWEST_PROTOCOL: u32 = 4;
/// Changes that another program makes before anybody notices that the database went back.
const WRITTEN_UNNOTICED_MAX: i64 = 20;
/// Laptops that copies may add.
const LAPTOPS_MAX: usize = 8;

/// How often what happened.
pub type Tally = BTreeMap<String, u64>;

/// A request or an answer under way.
struct Letter {
    laptop: usize,
    number: u64,
    body: Body,
}

#[derive(Clone)]
enum Body {
    Request { session: Session, route: Route, bytes: Vec<u8> },
    Answer(Result<Vec<u8>, Problem>),
}

/// Everything there is.
pub struct World {
    /// The server.
    pub servers: Servers,
    /// The laptops.
    pub laptops: Vec<Laptop>,
    /// Everybody.
    pub school: School,
    /// What people entered.
    pub entered: Entered,
    /// Whether a time spent may have been counted twice: a copy, or another life of the server.
    pub inexact: bool,
    /// How often what happened.
    pub tally: Tally,
    /// Whether days pass in it, so that what is lost is offered in the end.
    pub has_days: bool,
    /// What laptops had when the server lost it.
    pub lost: LostRows,
    /// What happened, in words, where somebody wants to read it.
    pub story: Option<Vec<String>>,
    letters: Vec<Letter>,
    true_ms: i64,
    word: u64,
    crash: Option<Crash>,
    faults: Faults,
}

/// A request as a program of this version of the protocol says it.
fn spoken(bytes: Vec<u8>, protocol: u32) -> Vec<u8> {
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
    /// A school with so many laptops.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new(clients: usize, seed: u64, faults: &Faults) -> Result<World, Finding> {
        let mut random = Random::of(seed ^ 0x5c00_1000);
        let memory = Memory::new(START_MS, faults.clone());
        memory.state().page_rows_max = *random.pick(&[1, 2, 3, 7, 20, 2_000]).unwrap_or(&20);
        let school = School::found(&memory).map_err(broken)?;
        let latest = seed >= LATEST_FROM;
        let newest = if latest { NEWEST_PROTOCOL } else { PROTOCOL_VERSION };
        let servers = Servers::new(memory, 1 + random.below(2), faults.clone()).up_to(newest);
        let servers = if seed >= GOES_BACK_FROM { servers.with_witnesses() } else { servers };
        let mut world = World {
            servers,
            laptops: Vec::new(),
            school,
            entered: Entered::default(),
            inexact: false,
            tally: Tally::new(),
            has_days: latest,
            lost: LostRows::default(),
            story: None,
            letters: Vec::new(),
            true_ms: START_MS,
            word: 0,
            crash: None,
            faults: faults.clone(),
        };
        // What a standby has at first knows some of the devices.
        let replicated_at = if seed >= GOES_BACK_FROM { random.below(clients) } else { clients };
        for place in 0..clients {
            if place == replicated_at {
                world.servers.replicate();
            }
            // Some people have two laptops.
            let people = &world.school.people;
            let (user, role) = people[if random.one_in(3) { random.below(people.len()) } else { place % people.len() }];
            world.add_laptop(user, role)?;
            if latest {
                // The oldest of them is too old to be sent anything.
                world.laptops[place].protocol = 1 + random.below(NEWEST_PROTOCOL as usize) as u32;
            }
            if !random.one_in(6) {
                world.sync(place)?;
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

    fn tell(&mut self, what: impl FnOnce() -> String) {
        if let Some(story) = &mut self.story {
            story.push(what());
        }
    }

    fn session(&self, user: Uuid, device: Uuid) -> Session {
        Session { user_id: user, organization_id: self.school.organization, device_id: device, session_id: Uuid::nil() }
    }

    /// Lets some time pass.
    pub fn pass(&mut self, ms: i64) {
        self.true_ms += ms;
        self.servers.memory.state().now_ms = self.true_ms;
    }

    /// A number that no two moments of a history share.
    pub fn word(&self) -> u64 {
        self.word
    }

    /// The true time.
    pub fn now_ms(&self) -> i64 {
        self.true_ms
    }

    /// Takes one step and looks whether everything still holds that has to hold at any moment.
    ///
    /// # Errors
    /// What does not hold.
    pub fn step(&mut self, step: Step) -> Result<(), Finding> {
        let mut random = Random::of(step.pick);
        self.pass(random.between(1, 2_000));
        *self.tally.entry(format!("step {:?}", step.act)).or_default() += 1;
        let laptop = step.laptop as usize % self.laptops.len();
        self.tell(|| format!("{:?} (laptop {laptop})", step.act));
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
            Act::Carry => self.carry(&mut random, false)?,
            Act::Repeat => self.carry(&mut random, true)?,
            Act::Lose => self.lose(&mut random, true),
            Act::GiveUp => self.lose(&mut random, false),
            Act::Truncate => self.truncate(&mut random),
            Act::Announce => self.announce_all(),
            Act::ByHand => self.by_hand(random)?,
            Act::Access => self.change_access(&mut random)?,
            Act::CutPower => {
                self.lost.forget();
                self.laptops[laptop].cut_power(&mut random)?;
                self.laptops[laptop].switch_on()?;
                self.laptops[laptop].may_reread = true;
                // The offset came with a page that the crash may have taken back.
                self.laptops[laptop].offset_ms = None;
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
            Act::PutBack => self.go_back(false, &mut random)?,
            Act::Forget => self.forget_gone(),
            Act::Day => self.pass(DAY_MS + random.between(0, DAY_MS)),
            Act::Damage => {
                self.lost.forget();
                self.laptops[laptop].damage(&mut random)?;
            }
            Act::Fetch => self.laptops[laptop].fetch(&mut random)?,
            Act::Update => self.laptops[laptop].protocol = self.servers.newest(),
        }
        if let Some(laptop) = self.laptops.get(laptop) {
            laptop.check()?;
        }
        Ok(())
    }

    /// Does something with a laptop that is on, and sends what comes of it.
    pub fn with(&mut self, place: usize, work: impl FnOnce(&mut Laptop, i64) -> Result<Option<Outgoing>, Finding>) -> Result<(), Finding> {
        let now = self.true_ms;
        let laptop = &mut self.laptops[place];
        if !laptop.is_on() {
            return Ok(());
        }
        let device = laptop.device();
        if let Some(Outgoing { number, route, bytes }) = work(laptop, now)? {
            // A session goes with its device: both are stored together.
            let device = if route == Route::NewDevice { device } else { laptop.device() };
            let session = self.session(self.laptops[place].user, device);
            let bytes = spoken(bytes, self.laptops[place].protocol);
            self.letters.push(Letter { laptop: place, number, body: Body::Request { session, route, bytes } });
        }
        Ok(())
    }

    fn edit(&mut self, place: usize, random: Random) -> Result<(), Finding> {
        self.word += 1;
        let (now, word) = (self.true_ms, self.word);
        let laptop = &mut self.laptops[place];
        if !laptop.is_on() {
            return Ok(());
        }
        let owner = &laptop.writer().device().owner;
        let mut doer =
            Doer { writer: laptop.writer(), user: laptop.user, role: owner.role, school: &self.school, random, word, now_ms: now };
        let edits = doer.deed();
        let before: Vec<Option<Vec<Value>>> =
            edits.iter().map(|edit| row_of(edit).and_then(|row| seen(laptop.writer(), edit.entity, &row))).collect();
        let last_at = laptop.writer().device().last_at;
        match laptop.edit(now, &edits) {
            Ok(_) => {
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
                    self.entered.did(by, device, edit, at_us, before.as_deref());
                }
                if let Some(offset) = laptop.offset_ms
                    && !edits.is_empty()
                    && at.as_ms() > last_at.as_ms() + 1
                {
                    let off = at.as_ms() - (now + laptop.skew_ms + offset);
                    if off.abs() > CLOCK_TOLERANCE_MS {
                        return Finding::of(format!("a synced laptop says a time that is {off} ms off"));
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

    /// Carries one letter. `again`: it also goes on travelling.
    fn carry(&mut self, random: &mut Random, again: bool) -> Result<(), Finding> {
        if self.letters.is_empty() {
            return Ok(());
        }
        let place = random.below(self.letters.len());
        let Letter { laptop, number, body } = if again {
            let letter = &self.letters[place];
            Letter { laptop: letter.laptop, number: letter.number, body: letter.body.clone() }
        } else {
            self.letters.swap_remove(place)
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
                self.tell(|| {
                    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).chars().take(600).collect::<String>();
                    let answered = match &answer {
                        None => "crash".to_owned(),
                        Some(Ok(bytes)) => text(bytes),
                        Some(Err(problem)) => problem.to_string(),
                    };
                    format!("    laptop {laptop} {route:?} {}\n      -> {answered}", text(&bytes))
                });
                match answer {
                    Some(answer) => self.letters.push(Letter { laptop, number, body: Body::Answer(answer) }),
                    None => self.laptops[laptop].give_up(number),
                }
                Ok(())
            }
            Body::Answer(answer) => self.with(laptop, |laptop, now| laptop.hear(now, number, answer)),
        }
    }

    /// Carries every letter, until none is under way.
    ///
    /// # Errors
    /// What does not hold.
    pub fn carry_all(&mut self) -> Result<(), Finding> {
        let mut random = Random::of(self.word);
        while !self.letters.is_empty() {
            self.pass(10);
            self.carry(&mut random, false)?;
        }
        Ok(())
    }

    /// The laptop waits no longer; the letter is lost, or goes on travelling.
    fn lose(&mut self, random: &mut Random, lost: bool) {
        if self.letters.is_empty() {
            return;
        }
        let place = random.below(self.letters.len());
        let (laptop, number) = (self.letters[place].laptop, self.letters[place].number);
        self.laptops[laptop].give_up(number);
        if lost {
            self.letters.swap_remove(place);
        }
    }

    fn truncate(&mut self, random: &mut Random) {
        if self.letters.is_empty() {
            return;
        }
        let place = random.below(self.letters.len());
        if let Body::Request { bytes, .. } | Body::Answer(Ok(bytes)) = &mut self.letters[place].body {
            bytes.truncate(random.below(bytes.len().max(1)));
        }
    }

    /// Everybody hears of every head.
    pub fn announce_all(&mut self) {
        for instance in 0..self.servers.count() {
            self.servers.announce(instance);
        }
    }

    fn copy(&mut self, place: usize) -> Result<(), Finding> {
        if self.laptops.len() < LAPTOPS_MAX && self.laptops[place].is_on() {
            let copy = self.laptops[place].copy()?;
            self.laptops.push(copy);
            self.inexact = true;
        }
        Ok(())
    }

    /// Somebody signs in, as the device that the database is where the server knows it.
    ///
    /// # Errors
    /// What does not hold.
    pub fn sign_in(&mut self, place: usize) -> Result<(), Finding> {
        self.laptops[place].switch_on()?;
        let (user, device) = (self.laptops[place].user, self.laptops[place].device());
        let users = table("users");
        let (open, role, known) = {
            let state = self.servers.memory.state();
            let Some(row) = state.row(users, &user) else { return Ok(()) };
            let role = value(users, &row.values, "role").as_str().and_then(Role::parse);
            (value(users, &row.values, "status") == "active", role, state.row(table("devices"), &device).is_some())
        };
        let (true, Some(role)) = (open, role) else { return Ok(()) };
        let device = if known { device } else { self.servers.new_device(None, self.session(user, device)).map_err(broken)? };
        let is_unknown = !known && !self.faults.has(Fault::UnknownForGood);
        self.laptops[place].sign_in(role, device, is_unknown)
    }

    fn restore(&mut self) -> Result<(), Finding> {
        if self.servers.restore() {
            self.inexact = true;
            for laptop in &mut self.laptops {
                laptop.may_reread = true;
            }
            let lost = self.servers.memory.state().lost_lives.last().copied();
            if let Some((last_stamp, _)) = lost.filter(|_| self.has_days) {
                let state = self.servers.memory.state().clone();
                self.lost.gather(last_stamp, &self.laptops, &state)?;
            }
        }
        Ok(())
    }

    /// What is elsewhere takes the place of the database, and nobody says so. In half of the cases another program writes as many
    /// changes as were lost before anybody notices.
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
                self.by_hand(Random::of(random.number()))?;
            }
        }
        Ok(())
    }

    /// Nobody is told any more of what is gone: whoever has it finds out by the checksums.
    fn forget_gone(&mut self) {
        self.servers.memory.forget_gone();
        for laptop in &mut self.laptops {
            laptop.may_reread = true;
        }
    }

    /// Another program changes rows.
    ///
    /// # Errors
    /// What does not hold. What the database refuses is no finding.
    pub fn write_by_hand(&mut self, work: impl FnOnce(&mut MemoryWriting) -> Result<(), Failure>) -> Result<(), Finding> {
        let before = self.servers.memory.back_up_rows();
        match self.servers.memory.by_hand(work) {
            Ok((_, moved)) => {
                let after = self.servers.memory.back_up_rows();
                for (code, rows) in &before {
                    let entity = waystation_model::registry::entity_by_code(*code).expect("a registered table");
                    for (id, row) in rows {
                        let now = after.get(code).and_then(|rows| rows.get(id));
                        if now.is_none_or(|now| now.stamp != row.stamp) {
                            self.entered.overwritten(entity, *id, &row.values, now.map(|now| now.values.as_slice()));
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

    fn by_hand(&mut self, mut random: Random) -> Result<(), Finding> {
        self.word += 1;
        let word = json!(format!("sql{}", self.word));
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

    /// How many letters are under way, by laptop.
    pub fn letters(&self) -> BTreeMap<usize, usize> {
        let mut count = BTreeMap::new();
        for letter in &self.letters {
            *count.entry(letter.laptop).or_default() += 1;
        }
        count
    }
}
