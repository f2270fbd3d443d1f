//! Concurrent changes give the same rows and the same conflicts in whatever order they arrive, as long as each laptop's own
//! order is kept.

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

/// Sets of changes.
const SETS: u64 = 60;
/// Orders of arrival of each.
const ORDERS: u64 = 6;
/// The laptops that change things: two of one teacher, and two of administrators.
const LAPTOPS: [usize; 4] = [0, 3, 6, 7];

fn drafts(random: &mut Random, twin: &Twin, device: usize) -> Vec<Draft> {
    let id = |entity: &'static Entity, place: usize| twin.memory.state().rows(entity).nth(place).map(|(id, _)| *id).expect("a row");
    let (groups, people, stations) = (table("groups"), table("users"), table("stations"));
    (0..1 + random.below(3))
        .map(|number| {
            let at = (START_MS - 3_600_000 - random.between(1, 50) * 1000) * 1000;
            let word = json!(format!("{device}-{number}"));
            let mut draft = match random.below(3) {
                0 => {
                    let status = *random.pick(&["present", "late", "absent"]).expect("a status");
                    let fields = vec![
                        ("group_id", json!(id(groups, 0).to_string())),
                        ("student_id", json!(id(people, 2).to_string())),
                        ("lesson_date", json!("2026-03-01")),
                        ("status", json!(status)),
                        ("note", word),
                    ];
                    let entity = table("attendance_records");
                    let mut values = entity.empty_values();
                    for (name, value) in &fields {
                        values[entity.column_index(name).expect("a column")] = value.clone();
                    }
                    let row = entity.id_of(&values).expect("a derived id");
                    Draft { entity, op: Operation::Put, row, sends_id: false, fields, seen: true, own: None, at }
                }
                1 => {
                    let row = id(groups, 0);
                    Draft {
                        entity: groups,
                        op: Operation::Put,
                        row,
                        sends_id: true,
                        fields: vec![("name", word)],
                        seen: true,
                        own: None,
                        at,
                    }
                }
                _ => {
                    let row = id(stations, 0);
                    let fields = vec![("name", word), ("phone", json!("1"))];
                    Draft { entity: stations, op: Operation::Put, row, sends_id: true, fields, seen: true, own: None, at }
                }
            };
            // Each laptop's own clock never goes back.
            draft.at += number as i64 * 50_000_000;
            draft
        })
        .collect()
}

/// The rows without stamps and moments, and who holds what beside them.
fn outcome(twin: &Twin) -> BTreeMap<(i16, Uuid), Value> {
    let state = twin.memory.state();
    let mut all = BTreeMap::new();
    for name in ["attendance_records", "groups", "stations"] {
        let entity = table(name);
        for (id, row) in state.rows(entity) {
            let edits: BTreeMap<&String, Value> =
                row.edits.iter().map(|(group, edit)| (group, json!([edit.at, edit.device, edit.n]))).collect();
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
            let mut waiting: Vec<(usize, std::vec::IntoIter<Draft>)> = LAPTOPS
                .into_iter()
                .map(|device| {
                    twin.play(&Op::See(device)).expect("it sees");
                    (device, drafts(&mut random, &twin, device).into_iter())
                })
                .collect();
            let mut arrival = Random::of(seed << 8 | order);
            while !waiting.is_empty() {
                let place = arrival.below(waiting.len());
                match waiting[place].1.next() {
                    Some(draft) => {
                        let device = waiting[place].0;
                        twin.play(&Op::Push(device, vec![draft])).expect("the push is taken");
                    }
                    None => drop(waiting.swap_remove(place)),
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
