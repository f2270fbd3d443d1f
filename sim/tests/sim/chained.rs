//! One person changes one thing over and over: before the first sync, between sends, around lost answers. Everything arrives,
//! nothing is in conflict with itself, and nothing is refused.

use serde_json::{Value, json};
use uuid::Uuid;
use waystation_client::store::Edit;
use waystation_model::access::Role;
use waystation_sim::authority::{table, value};
use waystation_sim::faults::{Fault, Faults, Finding};
use waystation_sim::school::id;
use waystation_sim::steps::{Act, Step};
use waystation_sim::world::World;

/// Edits of one row in a row.
const EDITS: u64 = 300;
/// Laptops, enough for everybody to have one.
const LAPTOPS: usize = 14;

/// One laptop among those of a school, and the way between it and the server.
struct Chain {
    world: World,
    place: usize,
}

impl Chain {
    fn of(role: Role, faults: &Faults) -> Chain {
        let mut world = World::new(LAPTOPS, 0, faults).expect("a school");
        let place = world.laptops.iter().position(|laptop| laptop.writer().device().owner.role == role).expect("a laptop of theirs");
        world.sync(place).expect("it syncs");
        Chain { world, place }
    }

    fn user(&self) -> Value {
        json!(self.world.laptops[self.place].user.to_string())
    }

    /// Makes changes in one transaction.
    fn edit(&mut self, edits: &[Edit]) {
        self.world.pass(1_000);
        let made = self.world.with(self.place, |laptop, now| {
            laptop.edit(now, edits).map_err(|error| Finding(error.to_string()))?;
            Ok(None)
        });
        made.expect("the change is taken");
    }

    fn step(&mut self, act: Act) {
        self.world.step(Step { act, laptop: self.place as u32, pick: 1 }).expect("the step holds");
    }

    /// Sends what waits, and something goes wrong now and then.
    fn send(&mut self, round: u64) {
        self.step(Act::Push);
        match round % 4 {
            // The request is lost.
            0 => self.step(Act::Lose),
            // The server takes it, and the answer is lost.
            1 => {
                self.step(Act::Carry);
                self.step(Act::Lose);
            }
            // It arrives, and what it did is pulled.
            2 => self.sync(),
            // It arrives, and nothing is pulled.
            _ => self.world.carry_all().expect("it arrives"),
        }
    }

    fn sync(&mut self) {
        self.world.carry_all().expect("everything arrives");
        self.world.sync(self.place).expect("it syncs");
    }

    /// How many changes wait in the outbox for the first time.
    fn waiting(&self) -> i64 {
        self.world.laptops[self.place].writer().device().waiting()
    }

    /// What the server has of a row.
    fn stands(&self, entity: &'static str, row: Uuid, column: &str) -> Option<Value> {
        let state = self.world.servers.memory.state();
        state.row(table(entity), &row).map(|row| value(table(entity), &row.values, column).clone())
    }

    /// Everything comes to rest; every change was taken and nobody is asked anything.
    fn ends_well(&mut self) -> Result<(), Finding> {
        self.world.settle()?;
        self.world.agree()?;
        let refused: Vec<String> =
            self.world.servers.outcomes().into_iter().filter(|outcome| outcome != "Applied" && outcome != "Merged").collect();
        let state = self.world.servers.memory.state();
        let conflicts: Vec<Uuid> = state.rows(table("conflicts")).map(|(id, _)| *id).collect();
        if refused.is_empty() && conflicts.is_empty() { Ok(()) } else { Finding::of(format!("{refused:?}, conflicts {conflicts:?}")) }
    }
}

fn topic(number: u128, fields: Vec<(&'static str, Value)>) -> Edit {
    Edit::put(table("topics"), Some(id(8, number)), fields)
}

fn mark(chain: &Chain, word: u64) -> Edit {
    let status = ["present", "late", "absent", "excused"][word as usize % 4];
    let fields = vec![
        ("group_id", json!(id(3, 1).to_string())),
        ("student_id", json!(id(2, 3).to_string())),
        ("lesson_date", json!("2026-03-01")),
        ("status", json!(status)),
        ("note", json!(format!("w{word}"))),
        ("marked_by", chain.user()),
    ];
    Edit::put(table("attendance_records"), None, fields)
}

fn progress(chain: &Chain, percent: u64) -> Edit {
    let fields = vec![
        ("user_id", chain.user()),
        ("topic_id", json!(id(8, 11).to_string())),
        ("course_id", json!(id(6, 1).to_string())),
        ("reset_number", json!(0)),
        ("percent", json!(percent)),
        ("completed", json!(false)),
        ("time_spent_seconds", json!(1)),
    ];
    Edit::put(table("topic_progress"), None, fields)
}

fn id_of(edit: &Edit) -> Uuid {
    let mut values = edit.entity.empty_values();
    for (name, value) in &edit.fields {
        values[edit.entity.column_index(name).expect("a column")] = value.clone();
    }
    edit.entity.id_of(&values).expect("a derived id")
}

fn pump(row: Uuid, name: String) -> Edit {
    Edit::put(table("station_equipment"), Some(row), vec![("station_id", json!(id(4, 1).to_string())), ("name", json!(name))])
}

fn answers(number: u64) -> Edit {
    let keys = json!({ id(10, 1).to_string(): { "number": number, "tolerance": 0 } });
    let fields = vec![("assessment_id", json!(id(9, 1).to_string())), ("course_id", json!(id(6, 1).to_string())), ("keys", keys)];
    Edit::put(table("answer_keys"), None, fields)
}

#[test]
fn hundreds_of_edits_of_one_row_before_a_sync_arrive_as_the_last() {
    let mut chain = Chain::of(Role::Instructor, &Faults::default());
    let made = id(90, 1);
    for word in 0..EDITS {
        chain.edit(&[topic(11, vec![("title", json!(format!("w{word}")))]), pump(made, format!("w{word}"))]);
    }
    assert_eq!(chain.waiting(), 2 * EDITS as i64);
    chain.ends_well().expect("nobody is asked anything");
    let last = Some(json!(format!("w{}", EDITS - 1)));
    assert_eq!(chain.stands("topics", id(8, 11), "title"), last);
    assert_eq!(chain.stands("station_equipment", made, "name"), last);
}

#[test]
fn hundreds_of_edits_that_melt_into_one_add_up_as_those_that_do_not() {
    for melts in [true, false] {
        let mut chain = Chain::of(Role::Learner, &Faults::default());
        for percent in 0..EDITS {
            let edit = progress(&chain, percent.min(99));
            chain.edit(&[if melts { edit.coalescing() } else { edit }]);
        }
        assert_eq!(chain.waiting(), if melts { 1 } else { EDITS as i64 });
        chain.ends_well().expect("nobody is asked anything");
        let row = id_of(&progress(&chain, 0));
        assert_eq!(chain.stands("topic_progress", row, "time_spent_seconds"), Some(json!(EDITS)));
        assert_eq!(chain.stands("topic_progress", row, "percent"), Some(json!(99)));
    }
}

#[test]
fn edits_between_sends_whose_answers_are_lost_arrive_once_and_in_order() {
    let mut teacher = Chain::of(Role::Teacher, &Faults::default());
    for word in 0..EDITS {
        let edit = mark(&teacher, word);
        teacher.edit(&[edit]);
        if word % 3 == 0 {
            teacher.send(word / 3);
        }
    }
    teacher.ends_well().expect("nobody is asked anything");
    let row = id_of(&mark(&teacher, 0));
    assert_eq!(teacher.stands("attendance_records", row, "note"), Some(json!(format!("w{}", EDITS - 1))));

    let mut learner = Chain::of(Role::Learner, &Faults::default());
    for percent in 0..EDITS {
        let edit = progress(&learner, percent.min(99)).coalescing();
        learner.edit(&[edit]);
        if percent % 3 == 0 {
            learner.send(percent / 3);
        }
    }
    learner.ends_well().expect("nobody is asked anything");
    let row = id_of(&progress(&learner, 0));
    assert_eq!(learner.stands("topic_progress", row, "time_spent_seconds"), Some(json!(EDITS)));
}

#[test]
fn a_row_that_is_deleted_and_made_again_over_and_over_is_there_or_gone_as_it_was_left() {
    for (rounds, there) in [(40, true), (41, false)] {
        let mut chain = Chain::of(Role::Instructor, &Faults::default());
        let made = id(90, 2);
        let derived = id_of(&answers(0));
        for round in 0..=rounds {
            if round % 2 == 0 {
                // Each life of a row has a change after it was made.
                chain.edit(&[pump(made, format!("w{round}")), answers(round)]);
                chain.edit(&[pump(made, format!("x{round}")), answers(100 + round)]);
            } else {
                chain.edit(&[Edit::delete(table("station_equipment"), made), Edit::delete(table("answer_keys"), derived)]);
            }
            if round % 3 == 0 {
                chain.send(round / 3);
            }
        }
        chain.ends_well().expect("nobody is asked anything");
        assert_eq!(chain.stands("station_equipment", made, "name"), there.then(|| json!(format!("x{rounds}"))));
        let keys = answers(100 + rounds).fields[2].1.clone();
        assert_eq!(chain.stands("answer_keys", derived, "keys"), there.then_some(keys));
    }
}

#[test]
fn two_rows_that_change_places_over_and_over_end_in_their_last_places() {
    let mut chain = Chain::of(Role::Instructor, &Faults::default());
    for round in 0..101 {
        let (first, second) = if round % 2 == 0 { (1, 0) } else { (0, 1) };
        chain.edit(&[topic(11, vec![("position", json!(first))]), topic(12, vec![("position", json!(second))])]);
        if round % 5 == 0 {
            chain.send(round / 5);
        }
    }
    chain.ends_well().expect("nobody is asked anything");
    assert_eq!(chain.stands("topics", id(8, 11), "position"), Some(json!(1)));
    assert_eq!(chain.stands("topics", id(8, 12), "position"), Some(json!(0)));
}

#[test]
fn a_server_that_forgets_what_was_sent_does_not_end_well() {
    let mut chain = Chain::of(Role::Learner, &Faults::only(Fault::ForgetLedger));
    let mut played = || {
        for percent in 0..8 {
            let edit = progress(&chain, percent);
            chain.edit(&[edit]);
            // The answer is lost.
            chain.world.step(Step { act: Act::Push, laptop: chain.place as u32, pick: 1 })?;
            chain.world.step(Step { act: Act::Carry, laptop: chain.place as u32, pick: 1 })?;
            chain.world.step(Step { act: Act::Lose, laptop: chain.place as u32, pick: 1 })?;
        }
        chain.ends_well()
    };
    assert!(played().is_err());
}
