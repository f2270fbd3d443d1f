//! Concurrent changes give the same rows and the same conflicts in every order of arrival, as long as each laptop's own order
//! is kept.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use uuid::Uuid;
use waystation_model::registry::Entity;
use waystation_model::wire::Operation;
use waystation_sim::authority::{table, value};
use waystation_sim::faults::Faults;
use waystation_sim::random::Random;
use waystation_sim::twin::{Draft, Op, Twin};
use waystation_sim::world::START_MS;

/// Number of sets of changes.
const SETS: u64 = 120;
/// Orders of arrival per set.
const ORDERS: u64 = 6;
/// The laptops that make changes: two of a teacher, two of an administrator, and two of a learner.
const LAPTOPS: [usize; 6] = [0, 3, 6, 7, 2, 8];
/// The learner's laptops.
const OF_LEARNER: [usize; 2] = [2, 8];

/// A part of a change that may be left out.
fn maybe(random: &mut Random, name: &'static str, values: &[Value]) -> Option<(&'static str, Value)> {
    let text = random.pick(values).cloned()?;
    (!random.one_in(3)).then_some((name, text))
}

/// Fields of a change of a row that may not exist yet; some columns are left out or null.
fn of_derived(random: &mut Random, twin: &Twin, device: usize) -> (&'static Entity, Vec<(&'static str, Value)>) {
    let id = |name: &str, index: usize| {
        let (id, _) = twin.memory.state().rows(table(name)).nth(index).map(|(id, row)| (*id, row.stamp)).expect("a row");
        json!(id.to_string())
    };
    let learner = json!(twin.devices[OF_LEARNER[0]].user.to_string());
    if OF_LEARNER.contains(&device) {
        let mut fields = vec![("user_id", learner), ("topic_id", id("topics", 0)), ("course_id", id("courses", 0))];
        fields.push(("time_spent_seconds", json!(random.between(0, 60))));
        fields.extend(maybe(random, "reset_number", &[json!(0), json!(1), json!(2)]));
        fields.extend(maybe(random, "percent", &[json!(10), json!(50), json!(100)]));
        fields.extend(maybe(random, "completed", &[json!(true), json!(false)]));
        return (table("topic_progress"), fields);
    }
    if random.one_in(3) {
        let mut fields = vec![("user_id", learner), ("course_id", id("courses", 1))];
        fields.extend(maybe(random, "due_at", &[json!(START_MS), Value::Null]));
        fields.extend(maybe(random, "status", &[json!("dropped"), json!("in_progress"), json!("enrolled")]));
        return (table("enrollments"), fields);
    }
    let mut fields = vec![("group_id", id("groups", 0)), ("student_id", learner), ("lesson_date", json!("2026-03-01"))];
    fields.extend(maybe(random, "status", &[json!("present"), json!("late"), json!("absent"), Value::Null]));
    fields.extend(maybe(random, "note", &[json!("earlier"), json!("later"), Value::Null]));
    (table("attendance_records"), fields)
}

fn drafts(random: &mut Random, twin: &Twin, device: usize) -> Vec<Draft> {
    let (groups, stations) = (table("groups"), table("stations"));
    let first = |entity: &'static Entity| twin.memory.state().rows(entity).next().map(|(id, _)| *id).expect("a row");
    (0..1 + random.below(3))
        .map(|number| {
            // A laptop's clock never goes back, and may be behind the times of changes that the laptop has seen.
            let at = (START_MS - 3_600_000 - random.between(1, 50) * 1000) * 1000 + number as i64 * 50_000_000 + device as i64;
            let text = json!(format!("{device}-{number}"));
            let (entity, row, fields) = match random.below(4) {
                0 if !OF_LEARNER.contains(&device) => (groups, Some(first(groups)), vec![("name", text)]),
                1 if !OF_LEARNER.contains(&device) => {
                    (stations, Some(first(stations)), vec![("name", text), ("phone", if number == 1 { Value::Null } else { json!("1") })])
                }
                _ => {
                    let (entity, fields) = of_derived(random, twin, device);
                    (entity, None, fields)
                }
            };
            let sends_id = row.is_some();
            let row = row.unwrap_or_else(|| {
                let mut values = entity.empty_values();
                for (name, value) in &fields {
                    values[entity.column_index(name).expect("a column")] = value.clone();
                }
                entity.id_of(&values).expect("a derived id")
            });
            Draft { entity, op: Operation::Put, row, sends_id, fields, seen: true, own: None, at }
        })
        .collect()
}

/// The rows without stamps and times, and the conflicts.
fn outcome(twin: &Twin) -> BTreeMap<(i16, Uuid), Value> {
    let state = twin.memory.state();
    let mut all = BTreeMap::new();
    for name in ["attendance_records", "enrollments", "groups", "stations", "topic_progress"] {
        let entity = table(name);
        for (id, row) in state.rows(entity) {
            let edits: BTreeMap<&String, Value> = row
                .edits
                .iter()
                .filter(|(_, edit)| edit.is_explicit())
                .map(|(group, edit)| (group, json!([edit.at, edit.device, edit.n])))
                .collect();
            all.insert((entity.code, *id), json!([row.values, edits]));
        }
    }
    let conflicts = table("conflicts");
    for (id, row) in state.rows(conflicts) {
        let of = |name: &str| value(conflicts, &row.values, name).clone();
        all.insert(
            (conflicts.code, *id),
            json!([of("row_id"), of("field"), of("lost_values"), of("lost_by"), of("lost_at"), row.lost_device]),
        );
    }
    all
}

#[test]
fn the_order_of_arrival_does_not_matter() {
    for seed in 0..SETS {
        let mut first: Option<BTreeMap<(i16, Uuid), Value>> = None;
        for order in 0..ORDERS {
            let mut twin = Twin::new(seed, 1, START_MS, Faults::default());
            for op in twin.setup() {
                twin.play(&op).expect("the school is founded");
            }
            let mut random = Random::of(seed);
            // The changes before: each laptop has seen some of them.
            let mut waiting: Vec<(usize, std::vec::IntoIter<Draft>)> = Vec::new();
            for device in LAPTOPS {
                twin.play(&Op::Pull(device)).expect("it sees");
                let mut drafts = drafts(&mut random, &twin, device);
                if random.one_in(2) {
                    let first = drafts.remove(0);
                    twin.play(&Op::Push(device, vec![first])).expect("the push is taken");
                }
                waiting.push((device, drafts.into_iter()));
            }
            let mut arrival = Random::of(seed << 8 | order);
            while !waiting.is_empty() {
                let index = arrival.below(waiting.len());
                match waiting[index].1.next() {
                    Some(draft) => {
                        let device = waiting[index].0;
                        twin.play(&Op::Push(device, vec![draft])).expect("the push is taken");
                    }
                    None => drop(waiting.swap_remove(index)),
                }
            }
            let outcome = outcome(&twin);
            match &first {
                None => first = Some(outcome),
                Some(first) => {
                    for (key, found) in &outcome {
                        assert_eq!(first.get(key), Some(found), "set {seed}, order {order}: {key:?}");
                    }
                    assert_eq!(first.len(), outcome.len(), "set {seed}, order {order}");
                }
            }
        }
    }
}
