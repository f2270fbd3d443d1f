//! Generates histories that can be played both on the authority in memory and on PostgreSQL, so that a test can compare the
//! result of every step.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::FutureExt;
use serde_json::{Value, json};
use sync_server::access::subscription_of;
use sync_server::accounts::Session;
use sync_server::failure::Failure;
use sync_server::heads::Heads;
use sync_server::push::Batch;
use uuid::Uuid;
use waystation_model::chain::{CHAIN_START, Chain, extend};
use waystation_model::registry::rules::broken_by_change;
use waystation_model::registry::{Entity, Merge, all, check_value};
use waystation_model::wire::{Base, Mutation, Operation, PushAnswer, PushRequest, into_runs};

use crate::any_table::{AnyChange, AnyTable};
use crate::authority::{Memory, table, value};
use crate::faults::Faults;
use crate::random::Random;

/// When all learners joined their groups: 2026-02-01, in milliseconds since 1970.
const JOINED_MS: i64 = 1_769_904_000_000;

/// The first seed of histories that change rows of every table, validly and not.
pub const EVERY_TABLE_FROM: u64 = 1_000_000;

/// A change of one row by another program.
#[derive(Debug, Clone)]
pub enum Change {
    /// `INSERT`
    Make(&'static Entity, Uuid, Vec<(&'static str, Value)>),
    /// `UPDATE`
    Set(&'static Entity, Uuid, Vec<(&'static str, Value)>),
    /// `DELETE`
    Delete(&'static Entity, Uuid),
}

/// One change of one laptop. Each authority fills in the base with its own stamp of the row.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The table.
    pub entity: &'static Entity,
    /// The operation.
    pub op: Operation,
    /// The row.
    pub row: Uuid,
    /// Whether the id is sent; otherwise it is derived from the key.
    pub sends_id: bool,
    /// The columns.
    pub fields: Vec<(&'static str, Value)>,
    /// Whether it is made on the row that the laptop last saw; otherwise on no row.
    pub seen: bool,
    /// The number of the device's own earlier change that it is made on.
    pub own: Option<i64>,
    /// Its time, in microseconds.
    pub at: i64,
}

/// One step of a history.
#[derive(Debug, Clone)]
pub enum Op {
    /// One transaction of another program.
    ByOtherProgram(Vec<Change>),
    /// A laptop sees the current rows.
    Pull(usize),
    /// A laptop pushes changes.
    Push(usize, Vec<Draft>),
    /// A laptop repeats its last push.
    RepeatPush(usize),
}

/// The stamps of rows as a laptop last saw them, by table and row.
pub type Seen = BTreeMap<(i16, Uuid), i64>;

/// The state of one device.
#[derive(Debug, Clone)]
pub struct Device {
    /// Its id.
    pub id: Uuid,
    /// Its session.
    pub session: Uuid,
    /// Its user.
    pub user: Uuid,
    /// The next number.
    pub next_n: i64,
    /// The chain before the next number.
    pub chain: Chain,
    /// Stamps that this authority gave.
    pub seen: Seen,
    /// The last push.
    pub last: Option<PushRequest>,
    /// The number of its latest own change since it saw the rows, by row.
    own: BTreeMap<Uuid, i64>,
}

impl Device {
    /// Builds the push request for these drafts, with this authority's stamps.
    pub fn request(&mut self, epoch: i64, drafts: &[Draft]) -> PushRequest {
        let first_n = self.next_n;
        let chain_before = self.chain;
        let mutations: Vec<Mutation> = (first_n..)
            .zip(drafts)
            .map(|(n, draft)| Mutation {
                n,
                entity: draft.entity.name.into(),
                op: draft.op,
                id: draft.sends_id.then_some(draft.row),
                base: Base { stamp: self.seen.get(&(draft.entity.code, draft.row)).copied().filter(|_| draft.seen), own: draft.own },
                at: draft.at,
                columns: draft.fields.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>().into(),
                values: draft.fields.iter().map(|(_, value)| value.clone()).collect(),
            })
            .collect();
        for mutation in &mutations {
            self.chain = extend(&self.chain, &mutation.content_hash());
        }
        self.next_n += mutations.len() as i64;
        let request = PushRequest {
            protocol: 1,
            device: self.id,
            epoch,
            first_n,
            chain: hex::encode(chain_before),
            seen_n: 0,
            sent_at: 0,
            witness: None,
            runs: into_runs(mutations),
        };
        self.last = Some(request.clone());
        request
    }
}

fn id_of(world: u32, kind: u128, number: u128) -> Uuid {
    Uuid::from_u128(kind << 112 | u128::from(world) << 80 | 0x7000 << 64 | 0x8000 << 48 | number)
}

/// The result of a step, in a form that both authorities share.
pub type Played = Result<Option<PushAnswer>, String>;

/// The code or text of a failure, equal on both authorities.
pub fn word(failure: &Failure) -> String {
    match (failure.refusal(), failure) {
        (Some(refusal), _) => refusal.code.word().to_owned(),
        (None, Failure::Problem(problem)) => problem.code.word().to_owned(),
        (None, other) => format!("broken: {other}"),
    }
}

/// Generates one history and plays it in memory.
pub struct Twin {
    /// The authority in memory.
    pub memory: Memory,
    /// The organization.
    pub organization: Uuid,
    /// The laptops.
    pub devices: Vec<Device>,
    world: u32,
    random: Random,
    serial: u64,
    start_ms: i64,
    is_every_table: bool,
}

impl Twin {
    /// Starts the history of a seed. `world` numbers its organization.
    pub fn new(seed: u64, world: u32, now_ms: i64, faults: Faults) -> Twin {
        let mut twin = Twin {
            memory: Memory::new(now_ms, faults),
            organization: Uuid::nil(),
            devices: Vec::new(),
            world,
            random: Random::of(seed),
            serial: 0,
            start_ms: now_ms,
            is_every_table: seed >= EVERY_TABLE_FROM,
        };
        twin.organization = twin.id(1, 1);
        twin
    }

    fn id(&self, kind: u128, number: u128) -> Uuid {
        id_of(self.world, kind, number)
    }

    fn text(&self, kind: u128, number: u128) -> Value {
        json!(self.id(kind, number).to_string())
    }

    /// The steps that create the people, the other rows and the devices.
    pub fn setup(&mut self) -> Vec<Op> {
        let make = |name: &str, id: Uuid, given: Vec<(&'static str, Value)>| Change::Make(table(name), id, given);
        let mut school = vec![make(
            "organizations",
            self.organization,
            vec![("name", json!("School")), ("slug", json!(format!("school-{}", self.world))), ("status", json!("active"))],
        )];
        for (number, role) in [(1, "teacher"), (2, "instructor"), (3, "learner"), (4, "admin"), (5, "teacher"), (6, "learner")] {
            let name = format!("p{}-{number}", self.world);
            let given = vec![("user_name", json!(name)), ("full_name", json!(name)), ("role", json!(role))];
            school.push(make("users", self.id(2, number), given));
        }
        let mut rest = Vec::new();
        for learner in [3, 6] {
            rest.push(make("student_profiles", self.id(0, 0), vec![("user_id", self.text(2, learner))]));
        }
        for (number, teacher) in [(1, 1), (2, 5)] {
            rest.push(make("groups", self.id(3, number), vec![("teacher_id", self.text(2, teacher)), ("name", json!("Group"))]));
            for learner in [3, 6] {
                let given = vec![
                    ("group_id", self.text(3, number)),
                    ("user_id", self.text(2, learner)),
                    ("joined_at", json!(JOINED_MS)),
                    ("is_active", json!(true)),
                ];
                rest.push(make("group_memberships", self.id(0, 0), given));
            }
            rest.push(make("stations", self.id(4, number), vec![("name", json!("Station")), ("code", json!(format!("S{number}")))]));
            rest.push(make("station_equipment", self.id(5, number), vec![("station_id", self.text(4, number)), ("name", json!("Pump"))]));
            let status = if number == 1 { "published" } else { "draft" };
            let given = vec![
                ("title", json!("A course")),
                ("instructor_id", self.text(2, 2)),
                ("status", json!(status)),
                ("is_public", json!(true)),
            ];
            rest.push(make("courses", self.id(6, number), given));
            rest.push(make("modules", self.id(7, number), vec![("course_id", self.text(6, number)), ("title", json!("Module"))]));
            for topic in 1..=2 {
                let given = vec![("course_id", self.text(6, number)), ("module_id", self.text(7, number)), ("title", json!("Topic"))];
                rest.push(make("topics", self.id(8, number * 10 + topic), given));
            }
        }
        for learner in [3, 6] {
            let given = vec![("user_id", self.text(2, learner)), ("course_id", self.text(6, 1)), ("enrollment_type", json!("assigned"))];
            rest.push(make("enrollments", self.id(0, 0), given));
        }
        let test =
            vec![("course_id", self.text(6, 1)), ("title", json!("Quiz")), ("attempts_max", json!(2)), ("passing_percent", json!(50.0))];
        rest.push(make("assessments", self.id(9, 1), test));
        let question = vec![
            ("assessment_id", self.text(9, 1)),
            ("course_id", self.text(6, 1)),
            ("question_type", json!("numeric")),
            ("points", json!(2.0)),
        ];
        rest.push(make("questions", self.id(10, 1), question));
        let keys = json!({ self.id(10, 1).to_string(): { "number": 7, "tolerance": 0 } });
        rest.push(make(
            "answer_keys",
            self.id(0, 0),
            vec![("assessment_id", self.text(9, 1)), ("course_id", self.text(6, 1)), ("keys", keys)],
        ));
        let mut devices = Vec::new();
        for user in [1, 2, 3, 4, 5, 6, 1, 4, 3] {
            let number = self.devices.len() as u128 + 1;
            let device = Device {
                id: self.id(11, number),
                session: self.id(12, number),
                user: self.id(2, user),
                next_n: 1,
                chain: CHAIN_START,
                seen: Seen::new(),
                last: None,
                own: BTreeMap::new(),
            };
            devices.push(make("devices", device.id, vec![("user_id", self.text(2, user)), ("name", json!("laptop"))]));
            self.devices.push(device);
        }
        vec![Op::ByOtherProgram(school), Op::ByOtherProgram(rest), Op::ByOtherProgram(devices)]
    }

    /// The session of a laptop.
    pub fn session(&self, device: usize) -> Session {
        let Device { id, session, user, .. } = self.devices[device];
        Session { user_id: user, organization_id: self.organization, device_id: id, session_id: session }
    }

    /// The subscription of a laptop's user, in memory.
    ///
    /// # Errors
    /// When the account is closed.
    pub fn hears(&self, device: usize) -> Result<Arc<sync_server::heads::Subscription>, Failure> {
        subscription_of(&self.memory, &Heads::default(), self.devices[device].user).now_or_never().expect("nothing in memory waits")
    }

    /// Plays a step in memory.
    pub fn play(&mut self, op: &Op) -> Played {
        self.memory.state().now_ms += 2;
        match op {
            Op::ByOtherProgram(changes) => {
                let organization = self.organization;
                let done = self.memory.by_other_program(|writing| {
                    for change in changes {
                        match change {
                            Change::Make(entity, id, given) => {
                                let made = writing.make(entity, organization, *id, given)?;
                                if entity.name == "devices" {
                                    writing.open_ledger(made);
                                }
                            }
                            Change::Set(entity, id, given) => drop(writing.change(entity, *id, given)?),
                            Change::Delete(entity, id) => writing.delete_row(entity, *id)?,
                        }
                    }
                    Ok(())
                });
                done.map(|_| None).map_err(|failure| word(&failure))
            }
            Op::Pull(device) => {
                self.devices[*device].seen = self.stamps();
                self.devices[*device].own.clear();
                Ok(None)
            }
            Op::Push(device, drafts) => {
                let request = self.devices[*device].request(self.memory.epoch(), drafts);
                for (n, draft) in (request.first_n..).zip(drafts) {
                    self.devices[*device].own.insert(draft.row, n);
                }
                self.take(*device, request)
            }
            Op::RepeatPush(device) => match self.devices[*device].last.clone() {
                Some(request) => self.take(*device, request),
                None => Ok(None),
            },
        }
    }

    fn take(&self, device: usize, request: PushRequest) -> Played {
        let taken = (|| {
            let batch = Batch::read(request, self.memory.epoch())?;
            let subscription = self.hears(device)?;
            batch.take(&self.memory, None, self.session(device), &subscription.actor).now_or_never().expect("nothing in memory waits")
        })();
        taken.map(|(answer, _)| Some(answer)).map_err(|failure: Failure| word(&failure))
    }

    fn stamps(&self) -> Seen {
        let state = self.memory.state();
        all().iter().flat_map(|entity| state.rows(entity).map(|(id, row)| ((entity.code, *id), row.stamp)).collect::<Vec<_>>()).collect()
    }

    fn any(&mut self, entity: &Entity) -> Option<Uuid> {
        let ids: Vec<Uuid> = self.memory.state().rows(entity).map(|(id, _)| *id).collect();
        self.random.pick(&ids).copied()
    }

    fn of(&self, entity: &Entity, id: Uuid, name: &str) -> Value {
        self.memory.state().row(entity, &id).map_or(Value::Null, |row| value(entity, &row.values, name).clone())
    }

    fn new_text(&mut self) -> Value {
        self.serial += 1;
        json!(format!("w{}", self.serial))
    }

    /// The next step.
    pub fn next_op(&mut self) -> Op {
        let device = self.random.below(self.devices.len());
        match self.random.below(12) {
            0 | 1 => Op::Pull(device),
            2 | 3 => Op::ByOtherProgram((0..1 + self.random.below(3)).filter_map(|_| self.change()).collect()),
            4 => Op::RepeatPush(device),
            _ => {
                let count = 1 + self.random.below(5);
                let mut drafts: Vec<Draft> = Vec::new();
                for _ in 0..count {
                    let next_n = self.devices[device].next_n + drafts.len() as i64;
                    drafts.extend(self.draft(device, next_n, &drafts));
                }
                Op::Push(device, drafts)
            }
        }
    }

    /// A change of a row of any table.
    fn any_change(&mut self, author: Uuid) -> Option<AnyChange> {
        self.new_text();
        let random = Random::of(self.random.number());
        let (memory, world, organization) = (self.memory.clone(), self.world, self.organization);
        let mut any = |entity: &'static Entity, random: &mut Random| {
            let state = memory.state();
            let rows: Vec<_> = state
                .rows(entity)
                .filter(|(_, row)| row.organization_id == organization)
                .map(|(id, row)| (*id, row.values.clone()))
                .collect();
            random.pick(&rows).cloned()
        };
        // PostgreSQL has the rows of the history before, of another organization. The simulator does not: the answers are equal.
        let kinds = [("users", 2, 1), ("groups", 3, 1), ("stations", 4, 1), ("courses", 6, 1), ("modules", 7, 1), ("topics", 8, 11)];
        let elsewhere = |name: &str| {
            let (_, kind, number) = kinds.iter().find(|(of, ..)| *of == name)?;
            Some(id_of(world.wrapping_sub(1), *kind, *number))
        };
        let mut generic = AnyTable {
            random,
            serial: self.serial,
            now_ms: self.start_ms,
            author,
            keys: format!("k{world}-"),
            new_id: self.id(13, u128::from(self.serial)),
            any: &mut any,
            elsewhere: &elsewhere,
        };
        generic.change(|_| true)
    }

    /// A change of a row of any table by another program. A database takes no value of another kind: those are left out.
    fn any_change_by_other_program(&mut self) -> Option<Change> {
        let number = 1 + self.random.below(6) as u128;
        let AnyChange { entity, op, row, mut fields, .. } = self.any_change(self.id(2, number))?;
        if !fields.iter().all(|(name, value)| entity.column(name).is_some_and(|column| check_value(column, value).is_ok())) {
            return None;
        }
        if op == Operation::Delete {
            return Some(Change::Delete(entity, row));
        }
        if self.memory.state().row(entity, &row).is_some() {
            let is_key = |name: &str| entity.column(name).is_some_and(|column| matches!(column.merge, Merge::Key | Merge::Carried));
            fields.retain(|(name, _)| !is_key(name));
            return (!fields.is_empty()).then_some(Change::Set(entity, row, fields));
        }
        // Plain SQL names every column that has no default in the database.
        for column in entity.columns.iter().filter(|column| column.merge != Merge::Server) {
            let default = column.default_value();
            if !default.is_null() && fields.iter().all(|(name, _)| *name != column.name) {
                fields.push((column.name, default));
            }
        }
        Some(Change::Make(entity, row, fields))
    }

    /// The column of a new row that a laptop would refuse; none when it would store the row.
    pub fn would_refuse(&self, draft: &Draft) -> Option<&'static str> {
        if draft.op == Operation::Delete || self.memory.state().row(draft.entity, &draft.row).is_some() {
            return None;
        }
        let mut values = draft.entity.empty_values();
        for (name, value) in &draft.fields {
            values[draft.entity.column_index(name)?] = value.clone();
        }
        broken_by_change(draft.entity, &values, |_| true).map(|broken| broken.column)
    }

    fn change(&mut self) -> Option<Change> {
        if self.is_every_table && self.random.one_in(2) {
            return self.any_change_by_other_program();
        }
        let text = self.new_text();
        let (name, column, new) = match self.random.below(14) {
            0 => ("topics", "title", text),
            1 => ("courses", "status", json!(*self.random.pick(&["draft", "published"])?)),
            2 => ("courses", "title", text),
            3 => ("stations", "name", text),
            4 => ("groups", "name", text),
            5 => ("users", "full_name", text),
            6 => ("users", "status", json!(*self.random.pick(&["active", "suspended", "active"])?)),
            7 => ("users", "role", json!(*self.random.pick(&["teacher", "admin", "learner", "instructor"])?)),
            8 => ("group_memberships", "is_active", json!(self.random.one_in(2))),
            9 => ("enrollments", "status", json!(*self.random.pick(&["dropped", "enrolled"])?)),
            10 => ("groups", "teacher_id", {
                let teacher = if self.random.one_in(2) { 1 } else { 5 };
                self.text(2, teacher)
            }),
            11 => ("attendance_records", "note", text),
            12 if self.random.one_in(2) => ("assessments", "is_active", json!(self.random.one_in(2))),
            12 => ("assessments", "graded_by", json!(*self.random.pick(&["laptop", "server"])?)),
            _ => {
                let name = *self.random.pick(&["topics", "modules", "stations", "station_equipment", "courses"])?;
                let entity = table(name);
                let id = self.any(entity)?;
                return Some(Change::Delete(entity, id));
            }
        };
        let entity = table(name);
        let id = self.any(entity)?;
        Some(Change::Set(entity, id, vec![(column, new)]))
    }

    fn draft(&mut self, device: usize, n: i64, before: &[Draft]) -> Option<Draft> {
        if self.is_every_table && self.random.one_in(2) {
            let AnyChange { entity, op, row, is_made, fields } = self.any_change(self.devices[device].user)?;
            let draft = Draft { entity, op, row, sends_id: is_made, fields, seen: true, own: None, at: 0 };
            return Some(self.based(device, n, before, draft));
        }
        let text = self.new_text();
        let user = json!(self.devices[device].user.to_string());
        let mut new_row = false;
        let number = self.random.between(0, 105);
        let which = 1 + self.random.below(2) as u128;
        let learner = if self.random.one_in(2) { 3 } else { 6 };
        let (name, fields): (&str, Vec<(&'static str, Value)>) = match self.random.below(19) {
            18 => ("held_changes", vec![("state", json!(*self.random.pick(&["accepted", "refused"])?))]),
            0..=3 => {
                // On this day nobody was a member yet, because all joined on the first of February.
                let day = if self.random.one_in(8) { "2026-01-31" } else { *self.random.pick(&["2026-03-01", "2026-03-02"])? };
                let mut fields =
                    vec![("group_id", self.text(3, which)), ("student_id", self.text(2, learner)), ("lesson_date", json!(day))];
                if self.random.one_in(3) {
                    // An explicit null counts as a change, also of a row that may not exist yet.
                    fields.push(("note", if number % 4 == 0 { Value::Null } else { text }));
                } else {
                    let status = *self.random.pick(&[Some("present"), Some("late"), Some("absent"), None])?;
                    fields.extend([("status", json!(status)), ("marked_by", user), ("marked_at", json!(self.start_ms))]);
                }
                ("attendance_records", fields)
            }
            4 | 5 => {
                let topics = table("topics");
                let topic = self.any(topics)?;
                let reset = self.random.between(0, 1);
                let mut fields = vec![
                    ("user_id", user),
                    ("topic_id", json!(topic.to_string())),
                    ("course_id", self.of(topics, topic, "course_id")),
                    ("percent", json!(number)),
                    ("completed", json!(number > 90)),
                    ("time_spent_seconds", json!(number)),
                ];
                if number % 3 != 0 {
                    fields.push(("reset_number", json!(reset)));
                }
                ("topic_progress", fields)
            }
            6 => ("topics", vec![("title", text), ("position", json!(number))]),
            7 => ("modules", vec![("description", text)]),
            8 => ("courses", vec![("status", json!(*self.random.pick(&["draft", "published"])?))]),
            9 => ("courses", vec![("title", text), ("course_code", json!(format!("C{}", number % 3)))]),
            10 => ("stations", vec![(*self.random.pick(&["name", "phone"])?, text)]),
            11 => {
                new_row = true;
                ("stations", vec![("name", text), ("code", json!(format!("S{}", number % 5)))])
            }
            12 => {
                new_row = true;
                let station = self.any(table("stations"))?;
                ("station_equipment", vec![("station_id", json!(station.to_string())), ("name", text)])
            }
            13 => ("users", vec![(*self.random.pick(&["phone", "full_name"])?, text)]),
            14 => ("enrollments", vec![("user_id", user), ("course_id", self.text(6, which))]),
            15 => ("student_profiles", vec![("balance_minor", json!(number)), ("currency", json!("EUR"))]),
            16 if self.random.one_in(2) => {
                new_row = true;
                let fields = vec![
                    ("assessment_id", self.text(9, 1)),
                    ("user_id", user),
                    ("course_id", self.text(6, 1)),
                    ("attempt_number", json!(self.random.between(1, 3))),
                    ("started_at", json!(self.start_ms)),
                ];
                ("assessment_attempts", fields)
            }
            16 => {
                let answers = json!({ self.id(10, 1).to_string(): self.random.between(6, 8) });
                ("assessment_attempts", vec![("answers", answers), ("submitted_at", json!(self.start_ms))])
            }
            _ => {
                let name = *self.random.pick(&["topics", "stations", "station_equipment", "modules"])?;
                let entity = table(name);
                let row = self.any(entity)?;
                return Some(self.based(
                    device,
                    n,
                    before,
                    Draft { entity, op: Operation::Delete, row, sends_id: true, fields: Vec::new(), seen: true, own: None, at: 0 },
                ));
            }
        };
        let entity = table(name);
        let mut values = entity.empty_values();
        for (column, value) in &fields {
            values[entity.column_index(column)?] = value.clone();
        }
        let derived = entity.id_of(&values).filter(|_| fields.iter().any(|(name, _)| entity.columns[0].name == *name));
        let row = match derived {
            Some(id) => id,
            None if new_row => self.id(13, u128::from(self.serial)),
            None => self.any(entity)?,
        };
        let draft = Draft { entity, op: Operation::Put, row, sends_id: derived.is_none(), fields, seen: true, own: None, at: 0 };
        Some(self.based(device, n, before, draft))
    }

    /// Fills in the time and the base of a change.
    fn based(&mut self, device: usize, _n: i64, before: &[Draft], mut draft: Draft) -> Draft {
        // Some changes have a future time, which the server limits to the time of receipt.
        draft.at = if self.random.one_in(8) {
            (self.start_ms + 3_600_000) * 1000
        } else {
            (self.start_ms - self.random.between(1, 3_600_000)) * 1000
        };
        draft.seen = !self.random.one_in(6);
        let first = self.devices[device].next_n;
        let within = before.iter().rposition(|earlier| earlier.row == draft.row).map(|index| first + index as i64);
        draft.own = within.or_else(|| self.devices[device].own.get(&draft.row).copied());
        draft
    }
}
