//! Concurrent changes give the same row and the same conflicts in whatever order they arrive.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;
use waystation_model::Code;
use waystation_model::merge::{Change, Edits, Held, Stored, Verdict, lay_over, merge};
use waystation_model::registry::{Entity, entity};
use waystation_model::wire::Base;

/// One device's change, as it was made on the common first row or on the device's own earlier change.
#[derive(Debug, Clone)]
struct Made {
    device: u128,
    n: i64,
    at: i64,
    fields: Vec<(&'static str, Value)>,
    /// The stamp of the row that it was made on.
    base: i64,
}

/// The server as far as one row goes: it gives stamps as the database's trigger does.
struct Server {
    entity: &'static Entity,
    stored: Stored,
    stamp: i64,
    /// What each device holds beside what stands, by group.
    conflicts: BTreeMap<(String, Option<Uuid>), Beside>,
}

/// A value that is held, and the stamps under which it stood.
type Beside = (String, Option<(i64, i64)>);

impl Server {
    fn new(entity: &'static Entity, first: &[(&str, Value)]) -> Server {
        let mut values = entity.empty_values();
        for (name, value) in first {
            values[entity.column_index(name).expect("a column")] = value.clone();
        }
        Server { entity, stored: Stored { stamp: Some(1), values, edits: Edits::new() }, stamp: 1, conflicts: BTreeMap::new() }
    }

    fn take(&mut self, made: &Made) -> Verdict {
        let fields: Vec<(usize, Value)> =
            made.fields.iter().map(|(name, value)| (self.entity.column_index(name).expect("a column"), value.clone())).collect();
        let own = (made.n > 1).then_some(made.n - 1);
        let change = Change {
            device: Uuid::from_u128(made.device),
            n: made.n,
            user: Uuid::from_u128(made.device + 100),
            base: Base { stamp: Some(made.base), own },
            at: made.at,
            fields: &fields,
        };
        let merged = merge(self.entity, Some(&self.stored), &change).expect("nothing here is refused");
        let verdict = merged.verdict;
        if merged.changed {
            self.stamp += 1;
            let mut edits = merged.edits;
            for (group, edit) in &mut edits {
                if self.stored.edits.get(group) != Some(edit) {
                    edit.stamp = self.stamp;
                }
            }
            self.stored = Stored { stamp: Some(self.stamp), values: merged.values, edits };
        }
        for held in merged.held {
            match held {
                Held::Spoke { group, device } => drop(self.conflicts.remove(&(group.to_owned(), Some(device)))),
                Held::Saw { group, stamp } => {
                    let saw = |stood: &(i64, i64)| (stood.0..=stood.1).contains(&stamp);
                    self.conflicts.retain(|(of, _), (_, stood)| of != group || !stood.as_ref().is_some_and(saw));
                }
                Held::Replaced { group, value } => {
                    let value = value.to_string();
                    self.conflicts.retain(|(of, _), (held, _)| of != group || *held != value);
                }
                Held::Kept(lost) => {
                    let held = (lost.values[0].1.to_string(), lost.stood);
                    self.conflicts.insert((lost.group.to_owned(), lost.edit.device), held);
                }
            }
        }
        verdict
    }

    fn settled_state(&self) -> (Vec<Value>, BTreeSet<(String, String)>) {
        // What stands is no conflict.
        let stands: BTreeSet<(String, String)> = (self.entity.tracked_groups().into_iter())
            .filter_map(|group| {
                self.entity.group_columns(group).next().map(|(lead, _)| (group.to_owned(), self.stored.values[lead].to_string()))
            })
            .collect();
        let held = self.conflicts.iter().map(|((group, _), (value, _))| (group.clone(), value.clone()));
        (self.stored.values.clone(), held.filter(|key| !stands.contains(key)).collect())
    }
}

/// Every device's changes in its own order, the devices mixed as `picks` says.
fn interleave(devices: &[Vec<Made>], picks: &[usize]) -> Vec<Made> {
    let mut queues: Vec<std::collections::VecDeque<Made>> = devices.iter().map(|changes| changes.iter().cloned().collect()).collect();
    let mut mixed = Vec::new();
    for pick in picks.iter().chain(std::iter::repeat(&0)) {
        let open: Vec<usize> = (0..queues.len()).filter(|at| !queues[*at].is_empty()).collect();
        let Some(at) = open.get(pick % open.len().max(1)) else { break };
        mixed.extend(queues[*at].pop_front());
    }
    mixed
}

fn progress_changes() -> impl Strategy<Value = Vec<(&'static str, Value)>> {
    (0..3i64, any::<bool>(), 0..=100i64, 0..500i64, prop::option::of(1..1000i64), 0..60i64).prop_map(
        |(reset, completed, percent, seconds, completed_at, spent)| {
            vec![
                ("reset_number", json!(reset)),
                ("completed", json!(completed)),
                ("percent", json!(percent)),
                ("seconds_watched", json!(seconds)),
                ("completed_at", json!(completed_at)),
                ("time_spent_seconds", json!(spent)),
            ]
        },
    )
}

fn mark_changes() -> impl Strategy<Value = Vec<(&'static str, Value)>> {
    let status = prop::sample::select(vec![json!("present"), json!("late"), json!("absent"), Value::Null]);
    (status, 0..1000i64).prop_map(|(status, at)| vec![("status", status), ("marked_at", json!(at))])
}

fn devices(fields: impl Strategy<Value = Vec<(&'static str, Value)>> + 'static) -> impl Strategy<Value = Vec<Vec<Made>>> {
    prop::collection::vec(prop::collection::vec((fields, 1..50i64), 1..4), 2..4).prop_map(|devices| {
        devices
            .into_iter()
            .enumerate()
            .map(|(device, changes)| {
                let mut at = 0;
                changes
                    .into_iter()
                    .zip(1..)
                    .map(|((fields, later), n)| {
                        at += later;
                        Made { device: device as u128 + 1, n, at, fields, base: 1 }
                    })
                    .collect()
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn progress_is_the_same_in_whatever_order_it_arrives(devices in devices(progress_changes()), one in prop::collection::vec(0..9usize, 12), other in prop::collection::vec(0..9usize, 12)) {
        let table = entity("topic_progress").expect("registered");
        let run = |picks: &[usize]| {
            let mut server = Server::new(table, &[]);
            for made in interleave(&devices, picks) {
                server.take(&made);
            }
            server.settled_state()
        };
        prop_assert_eq!(run(&one), run(&other));
    }

    #[test]
    fn marks_and_conflicts_are_the_same_in_whatever_order_they_arrive(devices in devices(mark_changes()), one in prop::collection::vec(0..9usize, 12), other in prop::collection::vec(0..9usize, 12)) {
        let table = entity("attendance_records").expect("registered");
        let run = |picks: &[usize]| {
            let mut server = Server::new(table, &[]);
            for made in interleave(&devices, picks) {
                server.take(&made);
            }
            let place = table.column_index("status").expect("a column");
            let (values, conflicts) = server.settled_state();
            (values[place].clone(), conflicts)
        };
        prop_assert_eq!(run(&one), run(&other));
    }

    #[test]
    fn who_has_seen_a_mark_answers_it_in_whatever_order_the_others_arrive(devices in devices(mark_changes()), saw in prop::collection::vec(any::<bool>(), 4), one in prop::collection::vec(0..9usize, 12), other in prop::collection::vec(0..9usize, 12)) {
        let table = entity("attendance_records").expect("registered");
        let run = |picks: &[usize]| {
            let mut server = Server::new(table, &[]);
            // Everybody else either heard of this mark before they said theirs, or not.
            server.take(&Made { device: 9, n: 1, at: 0, fields: vec![("status", json!("excused"))], base: 1 });
            let heard = server.stamp;
            for made in interleave(&devices, picks) {
                let base = if saw[made.device as usize % saw.len()] { heard } else { 1 };
                server.take(&Made { base, ..made });
            }
            let (values, conflicts) = server.settled_state();
            (values[table.column_index("status").expect("a column")].clone(), conflicts)
        };
        prop_assert_eq!(run(&one), run(&other));
    }

    #[test]
    fn no_mark_vanishes_without_a_trace(devices in devices(mark_changes()), picks in prop::collection::vec(0..9usize, 12)) {
        let table = entity("attendance_records").expect("registered");
        let mut server = Server::new(table, &[]);
        let mut last_of_device: BTreeMap<u128, Value> = BTreeMap::new();
        for made in interleave(&devices, &picks) {
            last_of_device.insert(made.device, made.fields[0].1.clone());
            server.take(&made);
        }
        let (values, conflicts) = server.settled_state();
        let stands = &values[table.column_index("status").expect("a column")];
        for (device, value) in last_of_device {
            let kept = conflicts.contains(&("mark".to_owned(), value.to_string()));
            // A device that says what stood before anybody changed it has not entered anything.
            let nothing_new = value.is_null();
            prop_assert!(*stands == value || kept || nothing_new, "device {} said {}, {} stands, conflicts {:?}", device, value, stands, conflicts);
        }
    }
}

fn progress(fields: &[(&'static str, Value)], n: i64) -> Made {
    Made { device: 1, n, at: n, fields: fields.to_vec(), base: 1 }
}

#[test]
fn undoing_is_a_new_start_and_doing_it_again_is_kept() {
    let table = entity("topic_progress").expect("registered");
    let mut server = Server::new(table, &[]);
    let column = |server: &Server, name: &str| server.stored.values[table.column_index(name).expect("a column")].clone();
    server.take(&progress(
        &[("reset_number", json!(0)), ("completed", json!(true)), ("percent", json!(100)), ("completed_at", json!(50))],
        1,
    ));
    server.take(&progress(&[("reset_number", json!(1)), ("completed", json!(false)), ("percent", json!(0))], 2));
    assert_eq!((column(&server, "completed"), column(&server, "completed_at")), (json!(false), Value::Null));
    server.take(&progress(
        &[("reset_number", json!(1)), ("completed", json!(true)), ("percent", json!(100)), ("completed_at", json!(70))],
        3,
    ));
    assert_eq!((column(&server, "completed"), column(&server, "completed_at")), (json!(true), json!(70)));
    // Another laptop that has not heard of the new start does not undo it.
    let old = vec![("reset_number", json!(0)), ("completed", json!(true)), ("completed_at", json!(10))];
    server.take(&Made { device: 2, n: 1, at: 9, fields: old, base: 1 });
    assert_eq!(column(&server, "completed_at"), json!(70));
}

#[test]
fn a_chain_of_own_edits_is_never_a_conflict_with_oneself() {
    let table = entity("attendance_records").expect("registered");
    let mut server = Server::new(table, &[]);
    for (n, status) in ["present", "late", "absent", "present"].into_iter().enumerate() {
        let n = i64::try_from(n).expect("small") + 1;
        // The clock may even stand still or go back: within one device the order is what counts.
        let verdict = server.take(&Made { device: 1, n, at: 5, fields: vec![("status", json!(status))], base: 1 });
        assert_eq!(verdict, Verdict::Applied);
    }
    assert!(server.conflicts.is_empty());
    assert_eq!(server.stored.values[table.column_index("status").expect("a column")], json!("present"));
}

#[test]
fn what_is_given_once_stays() {
    let table = entity("assessment_attempts").expect("registered");
    let place = table.column_index("answers").expect("a column");
    let stored = Stored { stamp: Some(1), values: table.empty_values(), edits: Edits::new() };
    let change = |fields| Change { device: Uuid::nil(), n: 1, user: Uuid::nil(), base: Base { stamp: Some(1), own: None }, at: 1, fields };
    let first = [(place, json!({"q": "a"}))];
    let merged = merge(table, Some(&stored), &change(&first)).expect("from empty to a value");
    let stored = Stored { stamp: Some(2), values: merged.values, edits: merged.edits };
    assert!(merge(table, Some(&stored), &change(&first)).is_ok(), "the same again is nothing new");
    let other = [(place, json!({"q": "b"}))];
    assert_eq!(merge(table, Some(&stored), &change(&other)).expect_err("other content").code, Code::AlreadySet);
}

#[test]
fn what_must_be_asked_goes_back_when_somebody_else_changed_it() {
    let table = entity("courses").expect("registered");
    let mut server = Server::new(table, &[("course_code", json!("A-1"))]);
    server.take(&Made { device: 1, n: 1, at: 5, fields: vec![("course_code", json!("A-2"))], base: 1 });
    let fields = [(table.column_index("course_code").expect("a column"), json!("A-3"))];
    let change =
        Change { device: Uuid::from_u128(2), n: 1, user: Uuid::nil(), base: Base { stamp: Some(1), own: None }, at: 9, fields: &fields };
    let refused = merge(table, Some(&server.stored), &change).expect_err("changed meanwhile");
    assert_eq!((refused.code, refused.fields), (Code::ChangedMeanwhile, vec!["course_code".to_owned()]));
    // Another column of the same row is nobody's business.
    let fields = [(table.column_index("title").expect("a column"), json!("New"))];
    let change = Change { fields: &fields, ..change };
    assert!(merge(table, Some(&server.stored), &change).is_ok());
}

#[test]
fn half_a_price_is_asked_about_like_a_whole_one() {
    let table = entity("courses").expect("registered");
    let place = |name: &str| table.column_index(name).expect("a column");
    for theirs in [vec![("currency", json!("AZN"))], vec![("price_minor", json!(4_000)), ("currency", json!("AZN"))]] {
        let mut server = Server::new(table, &[("price_minor", json!(5_000))]);
        server.take(&Made { device: 1, n: 1, at: 5, fields: vec![("price_minor", json!(4_000))], base: 1 });
        let fields: Vec<(usize, Value)> = theirs.iter().map(|(name, value)| (place(name), value.clone())).collect();
        let (device, base) = (Uuid::from_u128(2), Base { stamp: Some(1), own: None });
        let change = Change { device, n: 1, user: Uuid::nil(), base, at: 9, fields: &fields };
        let refused = merge(table, Some(&server.stored), &change).expect_err("nobody has said 4000 AZN");
        assert_eq!((refused.code, refused.fields), (Code::ChangedMeanwhile, vec!["currency".to_owned()]));
        let same = [(place("currency"), json!("EUR"))];
        assert!(merge(table, Some(&server.stored), &Change { fields: &same, ..change }).is_ok(), "saying the same asks nobody");
    }
}

#[test]
fn half_a_figure_that_comes_late_is_kept_beside_the_whole_one() {
    let table = entity("station_specifications").expect("registered");
    let mut server = Server::new(table, &[("value", json!("5")), ("unit", json!("t"))]);
    server.take(&Made { device: 1, n: 1, at: 9, fields: vec![("value", json!("7")), ("unit", json!("m³"))], base: 1 });
    let verdict = server.take(&Made { device: 2, n: 1, at: 5, fields: vec![("unit", json!("kg"))], base: 1 });
    assert_eq!(verdict, Verdict::Superseded);
    assert_eq!(server.conflicts.len(), 1);
    assert_eq!(server.stored.values[table.column_index("unit").expect("a column")], json!("m³"));
}

#[test]
fn the_preview_on_the_laptop_is_what_the_server_makes_of_it() {
    let table = entity("topic_progress").expect("registered");
    let fields: Vec<(usize, Value)> = [("reset_number", json!(1)), ("completed", json!(true)), ("time_spent_seconds", json!(30))]
        .into_iter()
        .map(|(name, value)| (table.column_index(name).expect("a column"), value))
        .collect();
    let mut values = table.empty_values();
    values[table.column_index("percent").expect("a column")] = json!(40);
    values[table.column_index("time_spent_seconds").expect("a column")] = json!(12);
    let stored = Stored { stamp: Some(1), values: values.clone(), edits: Edits::new() };
    let change = Change { device: Uuid::nil(), n: 1, user: Uuid::nil(), base: Base { stamp: Some(1), own: None }, at: 1, fields: &fields };
    lay_over(table, &mut values, &fields);
    assert_eq!(values, merge(table, Some(&stored), &change).expect("merges").values);
}

#[test]
fn a_sum_stays_within_what_every_json_reader_keeps_exactly() {
    const MOST: i64 = (1 << 53) - 1;
    let entity = entity("topic_progress").expect("a registered table");
    let spent = |device, seconds: i64| Made { device, n: 1, at: 1, fields: vec![("time_spent_seconds", json!(seconds))], base: 1 };
    let changes = [spent(1, MOST), spent(2, MOST), spent(3, 5)];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let mut server = Server::new(entity, &[]);
        for index in order {
            server.take(&changes[index]);
        }
        assert_eq!(server.stored.values[entity.column_index("time_spent_seconds").expect("a column")], json!(MOST));
    }
}
