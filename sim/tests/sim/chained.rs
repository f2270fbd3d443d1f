//! One person changes the same rows repeatedly: before the first sync, between pushes, and around lost answers. All changes
//! arrive, they do not conflict with each other, and none is refused.

use serde_json::{Value, json};
use uuid::Uuid;
use waystation_client::store::Edit;
use waystation_model::access::Role;
use waystation_sim::authority::{table, value};
use waystation_sim::faults::{Fault, Faults, Finding};
use waystation_sim::school::id;
use waystation_sim::steps::{Act, Step};
use waystation_sim::world::World;

/// Successive edits of one row.
const EDITS: u64 = 300;
/// Number of laptops: enough for one per person.
const LAPTOPS: usize = 14;

/// A world, and the laptop in it that makes the changes.
struct Chain {
    world: World,
    index: usize,
}

impl Chain {
    fn of(role: Role, faults: &Faults) -> Chain {
        let mut world = World::new(LAPTOPS, 0, faults).expect("a school");
        let index = world.laptops.iter().position(|laptop| laptop.writer().device().owner.role == role).expect("a laptop of theirs");
        world.sync(index).expect("it syncs");
        Chain { world, index }
    }

    fn user(&self) -> Value {
        json!(self.world.laptops[self.index].user.to_string())
    }

    /// Makes changes in one transaction.
    fn edit(&mut self, edits: &[Edit]) {
        self.world.pass(1_000);
        let made = self.world.with(self.index, |laptop, now| {
            laptop.edit(now, edits).map_err(|error| Finding(error.to_string()))?;
            Ok(None)
        });
        made.expect("the change is taken");
    }

    fn step(&mut self, act: Act) {
        self.world.step(Step { act, laptop: self.index as u32, pick: 1 }).expect("the step holds");
    }

    /// Pushes pending changes. `round` selects a failure, or none.
    fn send(&mut self, round: u64) {
        self.step(Act::Push);
        match round % 4 {
            // The request is lost.
            0 => self.step(Act::Lose),
            // The server processes the request, and the answer is lost.
            1 => {
                self.step(Act::Deliver);
                self.step(Act::Lose);
            }
            // The push succeeds, and its result is pulled.
            2 => self.sync(),
            // The push succeeds, and nothing is pulled.
            _ => self.world.deliver_all().expect("it arrives"),
        }
    }

    fn sync(&mut self) {
        self.world.deliver_all().expect("everything arrives");
        self.world.sync(self.index).expect("it syncs");
    }

    /// The number of changes in the outbox that were not acknowledged.
    fn waiting(&self) -> i64 {
        self.world.laptops[self.index].writer().device().waiting()
    }

    /// A column's value in the server's row.
    fn stored(&self, entity: &'static str, row: Uuid, column: &str) -> Option<Value> {
        let state = self.world.servers.memory.state();
        state.row(table(entity), &row).map(|row| value(table(entity), &row.values, column).clone())
    }

    /// Syncs everything, and checks that no change was refused and no conflict remains.
    fn ends_without_refusals(&mut self) -> Result<(), Finding> {
        self.world.sync_all()?;
        self.world.check_final_state()?;
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

fn mark(chain: &Chain, number: u64) -> Edit {
    let status = ["present", "late", "absent", "excused"][number as usize % 4];
    let fields = vec![
        ("group_id", json!(id(3, 1).to_string())),
        ("student_id", json!(id(2, 3).to_string())),
        ("lesson_date", json!("2026-03-01")),
        ("status", json!(status)),
        ("note", json!(format!("w{number}"))),
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
fn of_hundreds_of_edits_before_a_sync_the_last_is_current() {
    let mut chain = Chain::of(Role::Instructor, &Faults::default());
    let made = id(90, 1);
    for number in 0..EDITS {
        chain.edit(&[topic(11, vec![("title", json!(format!("w{number}")))]), pump(made, format!("w{number}"))]);
    }
    assert_eq!(chain.waiting(), 2 * EDITS as i64);
    chain.ends_without_refusals().expect("no refusal and no conflict");
    let last = Some(json!(format!("w{}", EDITS - 1)));
    assert_eq!(chain.stored("topics", id(8, 11), "title"), last);
    assert_eq!(chain.stored("station_equipment", made, "name"), last);
}

#[test]
fn coalesced_edits_add_up_like_separate_ones() {
    for melts in [true, false] {
        let mut chain = Chain::of(Role::Learner, &Faults::default());
        for percent in 0..EDITS {
            let edit = progress(&chain, percent.min(99));
            chain.edit(&[if melts { edit.coalescing() } else { edit }]);
        }
        assert_eq!(chain.waiting(), if melts { 1 } else { EDITS as i64 });
        chain.ends_without_refusals().expect("no refusal and no conflict");
        let row = id_of(&progress(&chain, 0));
        assert_eq!(chain.stored("topic_progress", row, "time_spent_seconds"), Some(json!(EDITS)));
        assert_eq!(chain.stored("topic_progress", row, "percent"), Some(json!(99)));
    }
}

#[test]
fn edits_between_pushes_with_lost_answers_apply_once_and_in_order() {
    let mut teacher = Chain::of(Role::Teacher, &Faults::default());
    for number in 0..EDITS {
        let edit = mark(&teacher, number);
        teacher.edit(&[edit]);
        if number % 3 == 0 {
            teacher.send(number / 3);
        }
    }
    teacher.ends_without_refusals().expect("no refusal and no conflict");
    let row = id_of(&mark(&teacher, 0));
    assert_eq!(teacher.stored("attendance_records", row, "note"), Some(json!(format!("w{}", EDITS - 1))));

    let mut learner = Chain::of(Role::Learner, &Faults::default());
    for percent in 0..EDITS {
        let edit = progress(&learner, percent.min(99)).coalescing();
        learner.edit(&[edit]);
        if percent % 3 == 0 {
            learner.send(percent / 3);
        }
    }
    learner.ends_without_refusals().expect("no refusal and no conflict");
    let row = id_of(&progress(&learner, 0));
    assert_eq!(learner.stored("topic_progress", row, "time_spent_seconds"), Some(json!(EDITS)));
}

#[test]
fn a_row_deleted_and_recreated_repeatedly_ends_in_its_last_state() {
    for (rounds, there) in [(40, true), (41, false)] {
        let mut chain = Chain::of(Role::Instructor, &Faults::default());
        let made = id(90, 2);
        let derived = id_of(&answers(0));
        for round in 0..=rounds {
            if round % 2 == 0 {
                // Each time, the row is created and then changed once.
                chain.edit(&[pump(made, format!("w{round}")), answers(round)]);
                chain.edit(&[pump(made, format!("x{round}")), answers(100 + round)]);
            } else {
                chain.edit(&[Edit::delete(table("station_equipment"), made), Edit::delete(table("answer_keys"), derived)]);
            }
            if round % 3 == 0 {
                chain.send(round / 3);
            }
        }
        chain.ends_without_refusals().expect("no refusal and no conflict");
        assert_eq!(chain.stored("station_equipment", made, "name"), there.then(|| json!(format!("x{rounds}"))));
        let keys = answers(100 + rounds).fields[2].1.clone();
        assert_eq!(chain.stored("answer_keys", derived, "keys"), there.then_some(keys));
    }
}

#[test]
fn two_rows_that_swap_positions_repeatedly_end_in_their_last_positions() {
    let mut chain = Chain::of(Role::Instructor, &Faults::default());
    for round in 0..101 {
        let (first, second) = if round % 2 == 0 { (1, 0) } else { (0, 1) };
        chain.edit(&[topic(11, vec![("position", json!(first))]), topic(12, vec![("position", json!(second))])]);
        if round % 5 == 0 {
            chain.send(round / 5);
        }
    }
    chain.ends_without_refusals().expect("no refusal and no conflict");
    assert_eq!(chain.stored("topics", id(8, 11), "position"), Some(json!(1)));
    assert_eq!(chain.stored("topics", id(8, 12), "position"), Some(json!(0)));
}

#[test]
fn a_missing_ledger_is_detected() {
    let mut chain = Chain::of(Role::Learner, &Faults::only(Fault::ForgetLedger));
    let mut played = || {
        for percent in 0..8 {
            let edit = progress(&chain, percent);
            chain.edit(&[edit]);
            // The answer is lost.
            chain.world.step(Step { act: Act::Push, laptop: chain.index as u32, pick: 1 })?;
            chain.world.step(Step { act: Act::Deliver, laptop: chain.index as u32, pick: 1 })?;
            chain.world.step(Step { act: Act::Lose, laptop: chain.index as u32, pick: 1 })?;
        }
        chain.ends_without_refusals()
    };
    assert!(played().is_err());
}
