//! Concurrent changes give the same row and the same conflicts in every order of arrival.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;
use waystation_model::Code;
use waystation_model::merge::{Change, ConflictStep, Edits, Stored, Verdict, apply_pending_fields, merge};
use waystation_model::registry::{Entity, entity};
use waystation_model::wire::Base;

/// One device's change, made on the common first row or on the device's own earlier change.
#[derive(Debug, Clone)]
struct TestChange {
    device: u128,
    n: i64,
    at: i64,
    fields: Vec<(&'static str, Value)>,
    /// The stamp of the row that it was made on; none when its device had no such row.
    base: Option<i64>,
}

/// A model of the server for one row: it gives stamps as the database's trigger does.
#[derive(Clone)]
struct Server {
    entity: &'static Entity,
    /// None until the first change creates the row.
    stored: Option<Stored>,
    stamp: i64,
    /// The losing value of each device, by group and device.
    conflicts: BTreeMap<(String, Option<Uuid>), LosingValue>,
}

/// A row's values, and the losing value of each device, by group and device.
type RowAndConflicts = (Vec<Value>, BTreeMap<(String, Option<Uuid>), String>);

/// A losing value, and the ranges of stamps during which it was current.
type LosingValue = (String, Vec<(i64, i64)>);

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

    fn take(&mut self, made: &TestChange) -> Verdict {
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
        for held in merged.conflict_steps {
            self.apply_step(held);
        }
        verdict
    }

    fn apply_step(&mut self, held: ConflictStep) {
        match held {
            ConflictStep::Restated { group, device } => drop(self.conflicts.remove(&(group.to_owned(), Some(device)))),
            ConflictStep::Seen { group, stamp } => {
                let saw = |(first, last): &(i64, i64)| (*first..=*last).contains(&stamp);
                self.conflicts.retain(|(of, _), (_, stood)| of != group || !stood.iter().any(saw));
            }
            ConflictStep::Replaced { group, value, seen_upto, stood, seconders } => {
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
            ConflictStep::Added(lost) => {
                let held = (lost.values[0].1.to_string(), lost.stood);
                self.conflicts.insert((lost.group.to_owned(), lost.edit.device), held);
            }
        }
    }

    /// The row's values and the open conflicts.
    fn settled_state(&self) -> RowAndConflicts {
        let stored = self.stored();
        let current = |group: &str| {
            let (lead, _) = self.entity.group_columns(group).next().expect("a group has a column");
            stored.values[lead].to_string()
        };
        // A losing value that equals the current one is no conflict.
        let held = self.conflicts.iter().filter(|((group, _), (value, _))| *value != current(group));
        (stored.values.clone(), held.map(|(key, (value, _))| (key.clone(), value.clone())).collect())
    }
}

/// Interleaves the changes of all devices: each device's own order is kept, and `picks` chooses the next device.
fn interleave(devices: &[Vec<TestChange>], picks: &[usize]) -> Vec<TestChange> {
    let mut queues: Vec<std::collections::VecDeque<TestChange>> = devices.iter().map(|changes| changes.iter().cloned().collect()).collect();
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

fn devices(fields: impl Strategy<Value = Vec<(&'static str, Value)>> + 'static) -> impl Strategy<Value = Vec<Vec<TestChange>>> {
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
                        TestChange { device: device as u128 + 1, n, at, fields, base: Some(1) }
                    })
                    .collect()
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn progress_does_not_depend_on_the_order_of_arrival(devices in devices(progress_changes()), one in prop::collection::vec(0..9usize, 12), other in prop::collection::vec(0..9usize, 12)) {
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
    fn marks_and_conflicts_do_not_depend_on_the_order_of_arrival(devices in devices(mark_changes()), one in prop::collection::vec(0..9usize, 12), other in prop::collection::vec(0..9usize, 12)) {
        let table = entity("attendance_records").expect("registered");
        let run = |picks: &[usize]| {
            let mut server = Server::new(table, &[]);
            for made in interleave(&devices, picks) {
                server.take(&made);
            }
            let index = table.column_index("status").expect("a column");
            let (values, conflicts) = server.settled_state();
            (values[index].clone(), conflicts)
        };
        prop_assert_eq!(run(&one), run(&other));
    }

    #[test]
    fn a_change_on_a_seen_mark_settles_it_in_every_order_of_arrival(devices in devices(mark_changes()), saw in prop::collection::vec(any::<bool>(), 4), one in prop::collection::vec(0..9usize, 12), other in prop::collection::vec(0..9usize, 12)) {
        let table = entity("attendance_records").expect("registered");
        let run = |picks: &[usize]| {
            let mut server = Server::new(table, &[]);
            // Each other device had either pulled this mark before its change, or not.
            server.take(&TestChange { device: 9, n: 1, at: 0, fields: vec![("status", json!("excused"))], base: Some(1) });
            let seen_stamp = server.stamp;
            for made in interleave(&devices, picks) {
                let base = Some(if saw[made.device as usize % saw.len()] { seen_stamp } else { 1 });
                server.take(&TestChange { base, ..made });
            }
            let (values, conflicts) = server.settled_state();
            (values[table.column_index("status").expect("a column")].clone(), conflicts)
        };
        prop_assert_eq!(run(&one), run(&other));
    }

    #[test]
    fn every_last_mark_of_a_device_is_current_or_a_conflict(devices in devices(mark_changes()), picks in prop::collection::vec(0..9usize, 12)) {
        let table = entity("attendance_records").expect("registered");
        let mut server = Server::new(table, &[]);
        let mut last_of_device: BTreeMap<u128, Value> = BTreeMap::new();
        for made in interleave(&devices, &picks) {
            last_of_device.insert(made.device, made.fields[0].1.clone());
            server.take(&made);
        }
        let (values, conflicts) = server.settled_state();
        let current = &values[table.column_index("status").expect("a column")];
        for (device, value) in last_of_device {
            let kept = conflicts.get(&("mark".to_owned(), Some(Uuid::from_u128(device)))) == Some(&value.to_string());
            // A device that sets the initial value again has entered nothing new.
            let nothing_new = value.is_null();
            prop_assert!(*current == value || kept || nothing_new, "device {} set {}, {} is current, conflicts {:?}", device, value, current, conflicts);
        }
    }
}

/// A change without its base stamp: the device, the time, an index into the stamps so far that chooses the base, and the
/// fields.
type Sketch = (u128, i64, usize, Vec<(&'static str, Value)>);

fn sketches(fields: impl Strategy<Value = Vec<(&'static str, Value)>> + 'static) -> impl Strategy<Value = Vec<Sketch>> {
    prop::collection::vec((1..5u128, 0..60i64, 0..9usize, fields), 1..10)
}

/// Applies the first `common` changes in order, then the others in two orders. The others were made on the row after one of
/// the first changes, or on no row. Edits are identified by time and device, so each change gets a time of its own.
fn arrive(table: &'static Entity, sketches: &[Sketch], common: usize, orders: [&[usize]; 2]) -> [Server; 2] {
    let mut server = Server::empty(table);
    let mut stamps: Vec<Option<i64>> = vec![None];
    let mut made: BTreeMap<u128, (i64, usize)> = BTreeMap::new();
    let mut waiting: BTreeMap<u128, Vec<TestChange>> = BTreeMap::new();
    for (index, (device, at, seen, fields)) in sketches.iter().enumerate() {
        let (n, seen_before) = made.get(device).copied().unwrap_or((0, 0));
        // A device's view of the row never goes back.
        let seen = seen_before.max(seen % stamps.len());
        made.insert(*device, (n + 1, seen));
        let at = at * 100 + i64::try_from(index).expect("few");
        let change = TestChange { device: *device, n: n + 1, at, fields: fields.clone(), base: stamps[seen] };
        if index < common {
            server.take(&change);
            if stamps.last() != Some(&Some(server.stamp)) {
                stamps.push(Some(server.stamp));
            }
        } else {
            waiting.entry(*device).or_default().push(change);
        }
    }
    let devices: Vec<Vec<TestChange>> = waiting.into_values().collect();
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

/// Marks and notes of one attendance record: each is named or not, and may be null.
fn cell_changes() -> impl Strategy<Value = Vec<(&'static str, Value)>> {
    let status = prop::sample::select(vec![json!("present"), json!("late"), json!("absent"), Value::Null]);
    let note = prop::sample::select(vec![json!("earlier"), json!("later"), Value::Null]);
    (prop::option::of(status), prop::option::of(note)).prop_map(|(status, note)| {
        let key = [("group_id", id(1)), ("student_id", id(2)), ("lesson_date", json!("2026-03-01"))];
        let change = [("status", status), ("note", note)];
        with_key(&key, change.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
    })
}

/// Changes of one enrollment, whose status has a default.
fn enrollment_changes() -> impl Strategy<Value = Vec<(&'static str, Value)>> {
    let status = prop::sample::select(vec![json!("enrolled"), json!("dropped"), json!("completed")]);
    let due = prop::sample::select(vec![json!(5), json!(6), Value::Null]);
    (prop::option::of(status), prop::option::of(due)).prop_map(|(status, due)| {
        let change = [("status", status), ("due_at", due)];
        with_key(&[("user_id", id(1)), ("course_id", id(2))], change.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
    })
}

/// Progress in one topic; each column may be left out.
fn partial_progress() -> impl Strategy<Value = Vec<(&'static str, Value)>> {
    let reset = prop::option::of(0..3i64);
    let parts = (prop::option::of(any::<bool>()), prop::option::of(0..=100i64), prop::option::of(0..500i64), prop::option::of(1..1000i64));
    (reset, parts, 0..60i64).prop_map(|(reset, (completed, percent, seconds, completed_at), spent)| {
        let change = [
            ("reset_number", reset.map(|reset| json!(reset))),
            ("completed", completed.map(|completed| json!(completed))),
            ("percent", percent.map(|percent| json!(percent))),
            ("seconds_watched", seconds.map(|seconds| json!(seconds))),
            ("completed_at", completed_at.map(|at| json!(at))),
            ("time_spent_seconds", Some(json!(spent))),
        ];
        let key = [("user_id", id(1)), ("topic_id", id(2)), ("course_id", id(3))];
        with_key(&key, change.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn partial_changes_of_new_rows_do_not_depend_on_the_order_of_arrival(
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

/// Applies two changes of one row, each made on no row, in both orders.
fn both_orders(table: &'static str, changes: [TestChange; 2]) -> [Server; 2] {
    [[0, 1], [1, 0]].map(|order| {
        let mut server = Server::empty(entity(table).expect("registered"));
        for index in order {
            server.take(&changes[index]);
        }
        server
    })
}

fn first(device: u128, at: i64, key: &[(&'static str, Value)], change: (&'static str, Value)) -> TestChange {
    TestChange { device, n: 1, at, fields: with_key(key, vec![change]), base: None }
}

#[test]
fn a_later_null_wins_over_an_earlier_value() {
    let key = [("group_id", id(1)), ("student_id", id(2)), ("lesson_date", json!("2026-03-01"))];
    let made = [first(1, 9, &key, ("note", Value::Null)), first(2, 5, &key, ("note", json!("earlier")))];
    for server in both_orders("attendance_records", made) {
        let (values, conflicts) = server.settled_state();
        assert_eq!(values[server.entity.column_index("note").expect("a column")], Value::Null);
        assert_eq!(conflicts.into_values().collect::<Vec<_>>(), ["\"earlier\""]);
    }
}

#[test]
fn defaults_of_unnamed_columns_do_not_conflict() {
    let key = [("user_id", id(1)), ("course_id", id(2))];
    let made = [first(1, 9, &key, ("due_at", json!(5))), first(2, 5, &key, ("status", json!("dropped")))];
    for server in both_orders("enrollments", made) {
        let (values, conflicts) = server.settled_state();
        assert_eq!(values[server.entity.column_index("status").expect("a column")], json!("dropped"));
        assert!(conflicts.is_empty(), "{conflicts:?}");
    }
}

#[test]
fn progress_without_a_reset_number_has_the_first_one() {
    let key = [("user_id", id(1)), ("topic_id", id(2)), ("course_id", id(3))];
    let made = [first(1, 9, &key, ("reset_number", json!(1))), first(2, 5, &key, ("completed", json!(true)))];
    for server in both_orders("topic_progress", made) {
        assert_eq!(server.stored().values[server.entity.column_index("completed").expect("a column")], json!(false));
    }
}

#[test]
fn an_equal_value_of_another_device_does_not_hide_what_a_third_has_seen() {
    let table = entity("attendance_records").expect("registered");
    let change =
        |device, at, base, status: &str| TestChange { device, n: 1, at, fields: vec![("status", json!(status))], base: Some(base) };
    let mut before = Server::new(table, &[]);
    before.take(&change(1, 50, 1, "late"));
    let seen = before.stamp;
    let (after_seen, same) = (change(2, 40, seen, "present"), change(3, 20, 1, "late"));
    for order in [[&after_seen, &same], [&same, &after_seen]] {
        let mut server = before.clone();
        for made in order {
            server.take(made);
        }
        let (values, conflicts) = server.settled_state();
        assert_eq!(values[table.column_index("status").expect("a column")], json!("present"), "its author had seen the mark");
        let held: Vec<_> = conflicts.into_keys().map(|(_, device)| device).collect();
        assert_eq!(held, [Some(Uuid::from_u128(3))], "the first device's mark is settled, the third one's is not");
    }
}

#[test]
fn a_change_is_later_than_what_its_author_saw_despite_a_slow_clock() {
    let table = entity("attendance_records").expect("registered");
    let change =
        |device, at, base, status: &str| TestChange { device, n: 1, at, fields: vec![("status", json!(status))], base: Some(base) };
    let mut before = Server::new(table, &[]);
    before.take(&change(1, 100, 1, "late"));
    let seen = before.stamp;
    let (behind, between) = (change(2, 50, seen, "present"), change(3, 75, 1, "absent"));
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

fn progress(fields: &[(&'static str, Value)], n: i64) -> TestChange {
    TestChange { device: 1, n, at: n, fields: fields.to_vec(), base: Some(1) }
}

#[test]
fn a_reset_clears_progress_and_later_progress_is_kept() {
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
    // A change by a laptop that has not pulled the reset does not undo it.
    let old = vec![("reset_number", json!(0)), ("completed", json!(true)), ("completed_at", json!(10))];
    server.take(&TestChange { device: 2, n: 1, at: 9, fields: old, base: Some(1) });
    assert_eq!(column(&server, "completed_at"), json!(70));
}

#[test]
fn successive_edits_of_one_device_never_conflict() {
    let table = entity("attendance_records").expect("registered");
    let mut server = Server::new(table, &[]);
    for (n, status) in ["present", "late", "absent", "present"].into_iter().enumerate() {
        let n = i64::try_from(n).expect("small") + 1;
        // The clock does not advance: within one device the order of changes counts.
        let verdict = server.take(&TestChange { device: 1, n, at: 5, fields: vec![("status", json!(status))], base: Some(1) });
        assert_eq!(verdict, Verdict::Applied);
    }
    assert!(server.conflicts.is_empty());
    assert_eq!(server.stored().values[table.column_index("status").expect("a column")], json!("present"));
}

#[test]
fn a_once_column_keeps_its_first_value() {
    let table = entity("assessment_attempts").expect("registered");
    let index = table.column_index("answers").expect("a column");
    let stored = Stored { stamp: Some(1), values: table.empty_values(), edits: Edits::new() };
    let change = |fields| Change { device: Uuid::nil(), n: 1, user: Uuid::nil(), base: Base { stamp: Some(1), own: None }, at: 1, fields };
    let first = [(index, json!({"q": "a"}))];
    let merged = merge(table, Some(&stored), &change(&first)).expect("from empty to a value");
    let stored = Stored { stamp: Some(2), values: merged.values, edits: merged.edits };
    assert!(merge(table, Some(&stored), &change(&first)).is_ok(), "repeating the value is allowed");
    let other = [(index, json!({"q": "b"}))];
    assert_eq!(merge(table, Some(&stored), &change(&other)).expect_err("other content").code, Code::AlreadySet);
}

#[test]
fn an_ask_column_that_another_device_changed_is_refused() {
    let table = entity("courses").expect("registered");
    let mut server = Server::new(table, &[("course_code", json!("A-1"))]);
    server.take(&TestChange { device: 1, n: 1, at: 5, fields: vec![("course_code", json!("A-2"))], base: Some(1) });
    let fields = [(table.column_index("course_code").expect("a column"), json!("A-3"))];
    let change =
        Change { device: Uuid::from_u128(2), n: 1, user: Uuid::nil(), base: Base { stamp: Some(1), own: None }, at: 9, fields: &fields };
    let refused = merge(table, Some(server.stored()), &change).expect_err("changed meanwhile");
    assert_eq!((refused.code, refused.fields), (Code::ChangedMeanwhile, vec!["course_code".to_owned()]));
    // Another column of the same row may be changed.
    let fields = [(table.column_index("title").expect("a column"), json!("New"))];
    let change = Change { fields: &fields, ..change };
    assert!(merge(table, Some(server.stored()), &change).is_ok());
}

#[test]
fn a_change_of_a_part_of_an_ask_group_is_refused_too() {
    let table = entity("courses").expect("registered");
    let index = |name: &str| table.column_index(name).expect("a column");
    for theirs in [vec![("currency", json!("AZN"))], vec![("price_minor", json!(4_000)), ("currency", json!("AZN"))]] {
        let mut server = Server::new(table, &[("price_minor", json!(5_000))]);
        server.take(&TestChange { device: 1, n: 1, at: 5, fields: vec![("price_minor", json!(4_000))], base: Some(1) });
        let fields: Vec<(usize, Value)> = theirs.iter().map(|(name, value)| (index(name), value.clone())).collect();
        let (device, base) = (Uuid::from_u128(2), Base { stamp: Some(1), own: None });
        let change = Change { device, n: 1, user: Uuid::nil(), base, at: 9, fields: &fields };
        let refused = merge(table, Some(server.stored()), &change).expect_err("no author has set 4000 AZN");
        assert_eq!((refused.code, refused.fields), (Code::ChangedMeanwhile, vec!["currency".to_owned()]));
        let same = [(index("currency"), json!("EUR"))];
        assert!(merge(table, Some(server.stored()), &Change { fields: &same, ..change }).is_ok(), "repeating the value is allowed");
    }
}

#[test]
fn an_earlier_change_of_a_part_of_a_group_becomes_a_conflict() {
    let table = entity("station_specifications").expect("registered");
    let mut server = Server::new(table, &[("value", json!("5")), ("unit", json!("t"))]);
    server.take(&TestChange { device: 1, n: 1, at: 9, fields: vec![("value", json!("7")), ("unit", json!("m³"))], base: Some(1) });
    let verdict = server.take(&TestChange { device: 2, n: 1, at: 5, fields: vec![("unit", json!("kg"))], base: Some(1) });
    assert_eq!(verdict, Verdict::Superseded);
    assert_eq!(server.conflicts.len(), 1);
    assert_eq!(server.stored().values[table.column_index("unit").expect("a column")], json!("m³"));
}

#[test]
fn the_preview_on_the_laptop_equals_the_merge_on_the_server() {
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
    apply_pending_fields(table, &mut values, &fields);
    assert_eq!(values, merge(table, Some(&stored), &change).expect("merges").values);
}

#[test]
fn a_sum_stays_within_the_exact_integers_of_json() {
    const MOST: i64 = (1 << 53) - 1;
    let entity = entity("topic_progress").expect("a registered table");
    let spent = |device, seconds: i64| TestChange { device, n: 1, at: 1, fields: vec![("time_spent_seconds", json!(seconds))], base: None };
    let changes = [spent(1, MOST), spent(2, MOST), spent(3, 5)];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let mut server = Server::new(entity, &[]);
        for index in order {
            server.take(&changes[index]);
        }
        assert_eq!(server.stored().values[entity.column_index("time_spent_seconds").expect("a column")], json!(MOST));
    }
}
