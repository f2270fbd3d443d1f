//! Concurrent changes give the same row and the same conflicts in whatever order they arrive.

use std::collections::BTreeMap;

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
    /// The stamp of the row that it was made on; none when its device had no such row.
    base: Option<i64>,
}

/// The server as far as one row goes: it gives stamps as the database's trigger does.
#[derive(Clone)]
struct Server {
    entity: &'static Entity,
    /// None until the first change makes the row.
    stored: Option<Stored>,
    stamp: i64,
    /// What each device holds beside what stands, by group.
    conflicts: BTreeMap<(String, Option<Uuid>), Beside>,
}

/// A row's values, and what each device holds beside them, by group.
type Settled = (Vec<Value>, BTreeMap<(String, Option<Uuid>), String>);

/// A value that is held, and the stamps under which it stood.
type Beside = (String, Vec<(i64, i64)>);

impl Server {
    fn empty(entity: &'static Entity) -> Server {
        Server { entity, stored: None, stamp: 0, conflicts: BTreeMap::new() }
    }

    fn new(entity: &'static Entity, first: &[(&str, Value)]) -> Server {
        let mut values = entity.empty_values();
        for (name, value) in first {
            values[entity.column_index(name).expect("a column")] = value.clone();
        }
        let stored = Some(Stored { stamp: Some(1), values, edits: Edits::new() });
        Server { stored, stamp: 1, ..Server::empty(entity) }
    }

    fn stored(&self) -> &Stored {
        self.stored.as_ref().expect("a row")
    }

    fn take(&mut self, made: &Made) -> Verdict {
        let fields: Vec<(usize, Value)> =
            made.fields.iter().map(|(name, value)| (self.entity.column_index(name).expect("a column"), value.clone())).collect();
        let own = (made.n > 1).then_some(made.n - 1);
        let change = Change {
            device: Uuid::from_u128(made.device),
            n: made.n,
            user: Uuid::from_u128(made.device + 100),
            base: Base { stamp: made.base, own },
            at: made.at,
            fields: &fields,
        };
        let merged = merge(self.entity, self.stored.as_ref(), &change).expect("nothing here is refused");
        let verdict = merged.verdict;
        if merged.changed {
            self.stamp += 1;
            let mut edits = merged.edits;
            edits.values_mut().for_each(|edit| edit.fill_stamps(self.stamp));
            self.stored = Some(Stored { stamp: Some(self.stamp), values: merged.values, edits });
        }
        for held in merged.held {
            self.hold(held);
        }
        verdict
    }

    fn hold(&mut self, held: Held) {
        match held {
            Held::Spoke { group, device } => drop(self.conflicts.remove(&(group.to_owned(), Some(device)))),
            Held::Saw { group, stamp } => {
                let saw = |(first, last): &(i64, i64)| (*first..=*last).contains(&stamp);
                self.conflicts.retain(|(of, _), (_, stood)| of != group || !stood.iter().any(saw));
            }
            Held::Ended { group, value, seen_upto, stood, seconders } => {
                let value = value.to_string();
                self.conflicts.retain(|(of, device), (held, times)| {
                    if of != group || *held != value {
                        return true;
                    }
                    let second = seconders.iter().find(|seconder| Some(seconder.device) == *device);
                    let Some(since) = second.map(|seconder| seconder.stamp).or(stood.map(|(first, _)| first)) else { return true };
                    times.extend(stood.map(|(_, last)| (since, last)));
                    seen_upto.is_none_or(|seen| since > seen)
                });
            }
            Held::Kept(lost) => {
                let held = (lost.values[0].1.to_string(), lost.stood);
                self.conflicts.insert((lost.group.to_owned(), lost.edit.device), held);
            }
        }
    }

    /// The row, and who holds what else beside it.
    fn settled_state(&self) -> Settled {
        let stored = self.stored();
        let stands = |group: &str| {
            let (lead, _) = self.entity.group_columns(group).next().expect("a group has a column");
            stored.values[lead].to_string()
        };
        // What stands is no conflict.
        let held = self.conflicts.iter().filter(|((group, _), (value, _))| *value != stands(group));
        (stored.values.clone(), held.map(|(key, (value, _))| (key.clone(), value.clone())).collect())
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
                        Made { device: device as u128 + 1, n, at, fields, base: Some(1) }
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
            server.take(&Made { device: 9, n: 1, at: 0, fields: vec![("status", json!("excused"))], base: Some(1) });
            let heard = server.stamp;
            for made in interleave(&devices, picks) {
                let base = Some(if saw[made.device as usize % saw.len()] { heard } else { 1 });
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
            let kept = conflicts.get(&("mark".to_owned(), Some(Uuid::from_u128(device)))) == Some(&value.to_string());
            // A device that says what stood before anybody changed it has not entered anything.
            let nothing_new = value.is_null();
            prop_assert!(*stands == value || kept || nothing_new, "device {} said {}, {} stands, conflicts {:?}", device, value, stands, conflicts);
        }
    }
}

/// A change before it is known which of the stamps so far it was made on: the device, the time, how much of the row was seen,
/// and what is said.
type Sketch = (u128, i64, usize, Vec<(&'static str, Value)>);

fn sketches(fields: impl Strategy<Value = Vec<(&'static str, Value)>> + 'static) -> impl Strategy<Value = Vec<Sketch>> {
    prop::collection::vec((1..5u128, 0..60i64, 0..9usize, fields), 1..10)
}

/// Plays the first changes in their order, and lets the others, which have seen the row as one of the first left it or not at
/// all, arrive as the picks say. Two edits of one time and device are one, so each gets a time of its own.
fn arrive(table: &'static Entity, sketches: &[Sketch], common: usize, orders: [&[usize]; 2]) -> [Server; 2] {
    let mut server = Server::empty(table);
    let mut stamps: Vec<Option<i64>> = vec![None];
    let mut made: BTreeMap<u128, (i64, usize)> = BTreeMap::new();
    let mut waiting: BTreeMap<u128, Vec<Made>> = BTreeMap::new();
    for (place, (device, at, seen, fields)) in sketches.iter().enumerate() {
        let (n, seen_before) = made.get(device).copied().unwrap_or((0, 0));
        // What a device has seen once, it has seen.
        let seen = seen_before.max(seen % stamps.len());
        made.insert(*device, (n + 1, seen));
        let at = at * 100 + i64::try_from(place).expect("few");
        let change = Made { device: *device, n: n + 1, at, fields: fields.clone(), base: stamps[seen] };
        if place < common {
            server.take(&change);
            if stamps.last() != Some(&Some(server.stamp)) {
                stamps.push(Some(server.stamp));
            }
        } else {
            waiting.entry(*device).or_default().push(change);
        }
    }
    let devices: Vec<Vec<Made>> = waiting.into_values().collect();
    orders.map(|picks| {
        let mut server = server.clone();
        for made in interleave(&devices, picks) {
            server.take(&made);
        }
        server
    })
}

fn with_key(key: &[(&'static str, Value)], mut fields: Vec<(&'static str, Value)>) -> Vec<(&'static str, Value)> {
    fields.extend(key.iter().cloned());
    fields
}

fn id(number: u128) -> Value {
    json!(Uuid::from_u128(number).to_string())
}

/// Marks and notes of one cell, each said or not, and each may be said to be nothing.
fn cell_changes() -> impl Strategy<Value = Vec<(&'static str, Value)>> {
    let status = prop::sample::select(vec![json!("present"), json!("late"), json!("absent"), Value::Null]);
    let note = prop::sample::select(vec![json!("earlier"), json!("later"), Value::Null]);
    (prop::option::of(status), prop::option::of(note)).prop_map(|(status, note)| {
        let key = [("group_id", id(1)), ("student_id", id(2)), ("lesson_date", json!("2026-03-01"))];
        let said = [("status", status), ("note", note)];
        with_key(&key, said.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
    })
}

/// Changes of one enrollment: its status has a value at first.
fn enrollment_changes() -> impl Strategy<Value = Vec<(&'static str, Value)>> {
    let status = prop::sample::select(vec![json!("enrolled"), json!("dropped"), json!("completed")]);
    let due = prop::sample::select(vec![json!(5), json!(6), Value::Null]);
    (prop::option::of(status), prop::option::of(due)).prop_map(|(status, due)| {
        let said = [("status", status), ("due_at", due)];
        with_key(&[("user_id", id(1)), ("course_id", id(2))], said.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
    })
}

/// Progress in one topic, of which each part may be left out.
fn partial_progress() -> impl Strategy<Value = Vec<(&'static str, Value)>> {
    let reset = prop::option::of(0..3i64);
    let parts = (prop::option::of(any::<bool>()), prop::option::of(0..=100i64), prop::option::of(0..500i64), prop::option::of(1..1000i64));
    (reset, parts, 0..60i64).prop_map(|(reset, (completed, percent, seconds, completed_at), spent)| {
        let said = [
            ("reset_number", reset.map(|reset| json!(reset))),
            ("completed", completed.map(|completed| json!(completed))),
            ("percent", percent.map(|percent| json!(percent))),
            ("seconds_watched", seconds.map(|seconds| json!(seconds))),
            ("completed_at", completed_at.map(|at| json!(at))),
            ("time_spent_seconds", Some(json!(spent))),
        ];
        let key = [("user_id", id(1)), ("topic_id", id(2)), ("course_id", id(3))];
        with_key(&key, said.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn rows_that_are_made_and_seen_in_part_are_the_same_in_whatever_order_changes_arrive(
        cell in sketches(cell_changes()),
        enrollment in sketches(enrollment_changes()),
        topic in sketches(partial_progress()),
        common in 0..5usize,
        one in prop::collection::vec(0..9usize, 12),
        other in prop::collection::vec(0..9usize, 12),
    ) {
        for (table, sketches) in [("attendance_records", cell), ("enrollments", enrollment), ("topic_progress", topic)] {
            let table = entity(table).expect("registered");
            let common = common.min(sketches.len() - 1);
            let [one, other] = arrive(table, &sketches, common, [&one, &other]);
            prop_assert_eq!(one.settled_state(), other.settled_state());
        }
    }
}

/// Both orders of two changes of one cell, each made where there was no row.
fn both_orders(table: &'static str, changes: [Made; 2]) -> [Server; 2] {
    [[0, 1], [1, 0]].map(|order| {
        let mut server = Server::empty(entity(table).expect("registered"));
        for place in order {
            server.take(&changes[place]);
        }
        server
    })
}

fn first(device: u128, at: i64, key: &[(&'static str, Value)], said: (&'static str, Value)) -> Made {
    Made { device, n: 1, at, fields: with_key(key, vec![said]), base: None }
}

#[test]
fn nothing_that_is_said_later_stands_over_something_that_was_said_earlier() {
    let key = [("group_id", id(1)), ("student_id", id(2)), ("lesson_date", json!("2026-03-01"))];
    let made = [first(1, 9, &key, ("note", Value::Null)), first(2, 5, &key, ("note", json!("earlier")))];
    for server in both_orders("attendance_records", made) {
        let (values, conflicts) = server.settled_state();
        assert_eq!(values[server.entity.column_index("note").expect("a column")], Value::Null);
        assert_eq!(conflicts.into_values().collect::<Vec<_>>(), ["\"earlier\""]);
    }
}

#[test]
fn a_row_that_is_made_says_nothing_of_what_it_does_not_name() {
    let key = [("user_id", id(1)), ("course_id", id(2))];
    let made = [first(1, 9, &key, ("due_at", json!(5))), first(2, 5, &key, ("status", json!("dropped")))];
    for server in both_orders("enrollments", made) {
        let (values, conflicts) = server.settled_state();
        assert_eq!(values[server.entity.column_index("status").expect("a column")], json!("dropped"));
        assert!(conflicts.is_empty(), "{conflicts:?}");
    }
}

#[test]
fn progress_without_a_reset_number_belongs_to_the_first_start() {
    let key = [("user_id", id(1)), ("topic_id", id(2)), ("course_id", id(3))];
    let made = [first(1, 9, &key, ("reset_number", json!(1))), first(2, 5, &key, ("completed", json!(true)))];
    for server in both_orders("topic_progress", made) {
        assert_eq!(server.stored().values[server.entity.column_index("completed").expect("a column")], json!(false));
    }
}

#[test]
fn who_says_the_same_as_another_hides_nothing_of_what_a_third_has_seen() {
    let table = entity("attendance_records").expect("registered");
    let said = |device, at, base, status: &str| Made { device, n: 1, at, fields: vec![("status", json!(status))], base: Some(base) };
    let mut before = Server::new(table, &[]);
    before.take(&said(1, 50, 1, "late"));
    let seen = before.stamp;
    let (knows, same) = (said(2, 40, seen, "present"), said(3, 20, 1, "late"));
    for order in [[&knows, &same], [&same, &knows]] {
        let mut server = before.clone();
        for made in order {
            server.take(made);
        }
        let (values, conflicts) = server.settled_state();
        assert_eq!(values[table.column_index("status").expect("a column")], json!("present"), "its maker knew of the mark");
        let held: Vec<_> = conflicts.into_keys().map(|(_, device)| device).collect();
        assert_eq!(held, [Some(Uuid::from_u128(3))], "the first has been answered, the third has not");
    }
}

#[test]
fn a_clock_that_is_behind_does_not_put_a_change_before_what_its_maker_saw() {
    let table = entity("attendance_records").expect("registered");
    let said = |device, at, base, status: &str| Made { device, n: 1, at, fields: vec![("status", json!(status))], base: Some(base) };
    let mut before = Server::new(table, &[]);
    before.take(&said(1, 100, 1, "late"));
    let seen = before.stamp;
    let (behind, between) = (said(2, 50, seen, "present"), said(3, 75, 1, "absent"));
    for order in [[&behind, &between], [&between, &behind]] {
        let mut server = before.clone();
        for made in order {
            server.take(made);
        }
        let (values, conflicts) = server.settled_state();
        assert_eq!(values[table.column_index("status").expect("a column")], json!("present"));
        assert_eq!(conflicts.into_values().collect::<Vec<_>>(), ["\"absent\""]);
    }
}

fn progress(fields: &[(&'static str, Value)], n: i64) -> Made {
    Made { device: 1, n, at: n, fields: fields.to_vec(), base: Some(1) }
}

#[test]
fn undoing_is_a_new_start_and_doing_it_again_is_kept() {
    let table = entity("topic_progress").expect("registered");
    let mut server = Server::new(table, &[]);
    let column = |server: &Server, name: &str| server.stored().values[table.column_index(name).expect("a column")].clone();
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
    server.take(&Made { device: 2, n: 1, at: 9, fields: old, base: Some(1) });
    assert_eq!(column(&server, "completed_at"), json!(70));
}

#[test]
fn a_chain_of_own_edits_is_never_a_conflict_with_oneself() {
    let table = entity("attendance_records").expect("registered");
    let mut server = Server::new(table, &[]);
    for (n, status) in ["present", "late", "absent", "present"].into_iter().enumerate() {
        let n = i64::try_from(n).expect("small") + 1;
        // The clock may even stand still or go back: within one device the order is what counts.
        let verdict = server.take(&Made { device: 1, n, at: 5, fields: vec![("status", json!(status))], base: Some(1) });
        assert_eq!(verdict, Verdict::Applied);
    }
    assert!(server.conflicts.is_empty());
    assert_eq!(server.stored().values[table.column_index("status").expect("a column")], json!("present"));
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
    server.take(&Made { device: 1, n: 1, at: 5, fields: vec![("course_code", json!("A-2"))], base: Some(1) });
    let fields = [(table.column_index("course_code").expect("a column"), json!("A-3"))];
    let change =
        Change { device: Uuid::from_u128(2), n: 1, user: Uuid::nil(), base: Base { stamp: Some(1), own: None }, at: 9, fields: &fields };
    let refused = merge(table, Some(server.stored()), &change).expect_err("changed meanwhile");
    assert_eq!((refused.code, refused.fields), (Code::ChangedMeanwhile, vec!["course_code".to_owned()]));
    // Another column of the same row is nobody's business.
    let fields = [(table.column_index("title").expect("a column"), json!("New"))];
    let change = Change { fields: &fields, ..change };
    assert!(merge(table, Some(server.stored()), &change).is_ok());
}

#[test]
fn half_a_price_is_asked_about_like_a_whole_one() {
    let table = entity("courses").expect("registered");
    let place = |name: &str| table.column_index(name).expect("a column");
    for theirs in [vec![("currency", json!("AZN"))], vec![("price_minor", json!(4_000)), ("currency", json!("AZN"))]] {
        let mut server = Server::new(table, &[("price_minor", json!(5_000))]);
        server.take(&Made { device: 1, n: 1, at: 5, fields: vec![("price_minor", json!(4_000))], base: Some(1) });
        let fields: Vec<(usize, Value)> = theirs.iter().map(|(name, value)| (place(name), value.clone())).collect();
        let (device, base) = (Uuid::from_u128(2), Base { stamp: Some(1), own: None });
        let change = Change { device, n: 1, user: Uuid::nil(), base, at: 9, fields: &fields };
        let refused = merge(table, Some(server.stored()), &change).expect_err("nobody has said 4000 AZN");
        assert_eq!((refused.code, refused.fields), (Code::ChangedMeanwhile, vec!["currency".to_owned()]));
        let same = [(place("currency"), json!("EUR"))];
        assert!(merge(table, Some(server.stored()), &Change { fields: &same, ..change }).is_ok(), "saying the same asks nobody");
    }
}

#[test]
fn half_a_figure_that_comes_late_is_kept_beside_the_whole_one() {
    let table = entity("station_specifications").expect("registered");
    let mut server = Server::new(table, &[("value", json!("5")), ("unit", json!("t"))]);
    server.take(&Made { device: 1, n: 1, at: 9, fields: vec![("value", json!("7")), ("unit", json!("m³"))], base: Some(1) });
    let verdict = server.take(&Made { device: 2, n: 1, at: 5, fields: vec![("unit", json!("kg"))], base: Some(1) });
    assert_eq!(verdict, Verdict::Superseded);
    assert_eq!(server.conflicts.len(), 1);
    assert_eq!(server.stored().values[table.column_index("unit").expect("a column")], json!("m³"));
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
    let spent = |device, seconds: i64| Made { device, n: 1, at: 1, fields: vec![("time_spent_seconds", json!(seconds))], base: None };
    let changes = [spent(1, MOST), spent(2, MOST), spent(3, 5)];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let mut server = Server::new(entity, &[]);
        for index in order {
            server.take(&changes[index]);
        }
        assert_eq!(server.stored().values[entity.column_index("time_spent_seconds").expect("a column")], json!(MOST));
    }
}
