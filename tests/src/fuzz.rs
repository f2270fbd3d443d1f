//! Arbitrary bytes may only be refused. Each function takes any bytes, panics when an invariant breaks, and returns whether the bytes could
//! be parsed.
//! `cargo fuzz` calls them for hours, the tests for a moment.

use std::cell::RefCell;

use rusqlite::Connection;
use serde_json::Value;
use uuid::Uuid;
use waystation_client::error::ClientError;
use waystation_client::store::page::{Answer, outline};
use waystation_client::store::{Owner, Writer, apply, rows, scopes};
use waystation_model::access::Role;
use waystation_model::limits::{PUSH_MUTATIONS_MAX, ROW_WRITTEN_BYTES_MAX};
use waystation_model::merge::{Change, Merged, Stored, apply_pending_fields, merge, read_fields};
use waystation_model::registry::{self, Entity, check_value, is_readable_tuple};
use waystation_model::wire::{Base, Mutation, PullRequest, PushRequest, into_runs};

/// The clock; the result does not depend on it.
const NOW_MS: i64 = 1_800_000_000_000;
/// Steps of one script of [`mutations`].
const STEPS_MAX: usize = 64;

/// A push body: every mutation that can be parsed keeps its numbers and its hash on the way through runs, and every merge that is accepted
/// fits its columns.
pub fn push(bytes: &[u8]) -> bool {
    let Ok(request) = serde_json::from_slice::<PushRequest>(bytes) else { return false };
    if request.runs.iter().map(|run| run.rows.len()).sum::<usize>() > PUSH_MUTATIONS_MAX || request.first_n.checked_add(500).is_none() {
        return false;
    }
    let mutations = request.clone().into_mutations();
    let again = PushRequest { runs: into_runs(mutations.clone()), ..request };
    assert_eq!(again.into_mutations(), mutations, "runs preserve their mutations");
    for mutation in &mutations {
        assert_eq!(mutation.content_hash(), mutation.clone().content_hash());
        assert!(serde_json::from_slice::<Value>(&mutation.canonical()).is_ok(), "the canonical text is JSON");
        take(mutation);
    }
    true
}

fn take(mutation: &Mutation) {
    let Some(entity) = registry::entity(&mutation.entity) else { return };
    let Ok(fields) = read_fields(entity, &mutation.columns, &mutation.values) else { return };
    let change =
        |base| Change { device: Uuid::from_u128(1), n: mutation.n, user: Uuid::from_u128(2), base, at: mutation.at, fields: &fields };
    let Ok(made) = merge(entity, None, &change(mutation.base)) else { return };
    fits(entity, &made);
    let stored = Stored { stamp: Some(7), values: made.values.clone(), edits: made.edits };
    for base in [Base::default(), Base { stamp: Some(7), own: None }, mutation.base] {
        if let Ok(merged) = merge(entity, Some(&stored), &change(base)) {
            fits(entity, &merged);
        }
    }
    let mut shown = made.values;
    apply_pending_fields(entity, &mut shown, &fields);
}

/// JSON as PostgreSQL writes it: spaces between tokens, and no number with an exponent.
fn write_in_full(text: &mut String, value: &Value) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                text.push_str(if index == 0 { "[" } else { ", " });
                write_in_full(text, item);
            }
            text.push_str(if items.is_empty() { "[]" } else { "]" });
        }
        Value::Object(map) => {
            for (index, (key, item)) in map.iter().enumerate() {
                text.push_str(if index == 0 { "{" } else { ", " });
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push_str(": ");
                write_in_full(text, item);
            }
            text.push_str(if map.is_empty() { "{}" } else { "}" });
        }
        Value::Number(number) if number.is_f64() => text.push_str(&number.as_f64().unwrap_or_default().to_string()),
        _ => text.push_str(&value.to_string()),
    }
}

fn fits(entity: &Entity, merged: &Merged) {
    let mut tuple = String::new();
    write_in_full(&mut tuple, &Value::Array(merged.values.clone()));
    assert!(tuple.len() <= ROW_WRITTEN_BYTES_MAX, "an accepted row fits a page: {} bytes", tuple.len());
    assert!(is_readable_tuple(&tuple), "an accepted row can be read: {tuple}");
    for (column, value) in entity.columns.iter().zip(&merged.values) {
        let is_given = !value.is_null();
        assert!(!is_given || check_value(column, value).is_ok(), "{}.{} became {value}", entity.name, column.name);
    }
}

/// A pull's answer and its request: a refused page changes nothing, and the rows of an accepted one can be read.
pub fn page(bytes: &[u8]) -> bool {
    if let Ok(request) = serde_json::from_slice::<PullRequest>(bytes)
        && let Some(cursors) = &request.cursors
    {
        assert_eq!(scopes::digest(cursors).len(), 16);
    }
    let Ok(Answer::Page(outline)) = outline(bytes) else { return false };
    let mut taken = false;
    LAPTOP.with_borrow_mut(|laptop| {
        let before = laptop.writer.device().clone();
        let refused = laptop.writer.relaxed_transaction(|connection, device| {
            if apply::apply(connection, device, NOW_MS, Some(0), bytes, &outline).is_ok() {
                taken = true;
                read_all(connection);
            }
            // Every script starts from the same laptop.
            Err::<(), _>(ClientError::Closed)
        });
        assert!(refused.is_err());
        assert_eq!(*laptop.writer.device(), before);
    });
    taken
}

/// Checks that every stored row can be read and that the digest of the cursors can be computed.
fn read_all(connection: &Connection) {
    for entity in registry::all() {
        let ids: Vec<String> = connection
            .prepare(&format!("SELECT id FROM {}", entity.name))
            .and_then(|mut select| select.query_map([], |row| row.get(0))?.collect())
            .expect("a table of ids");
        for id in ids {
            assert!(matches!(rows::read(connection, entity, &id), Ok(Some(_))), "{} {id} cannot be read", entity.name);
        }
    }
    let cursors = scopes::cursors(connection).expect("cursors");
    assert_eq!(scopes::digest(&cursors).len(), 16);
}

struct Laptop {
    writer: Writer,
    _folder: tempfile::TempDir,
}

thread_local! {
    static LAPTOP: RefCell<Laptop> = RefCell::new(laptop());
}

fn laptop() -> Laptop {
    let folder = tempfile::tempdir().expect("a folder");
    let owner = Owner {
        user_id: Uuid::from_u128(2),
        organization_id: Uuid::from_u128(3),
        organization_name: "Fuzz".into(),
        user_name: "fuzz".into(),
        full_name: "Fuzz Person".into(),
        role: Role::Instructor,
        server: "http://127.0.0.1:1".into(),
    };
    let key = waystation_client::store::DatabaseKey::new([5; 32]);
    let writer = Writer::open_for(&folder.path().join("store.db"), &key, Uuid::from_u128(1), &owner).expect("a database");
    Laptop { writer, _folder: folder }
}

/// A script of marks by up to four devices, each byte pair one mark. The first mark creates the row; of the others, each device has seen it
/// or not, whatever its clock. Merged from the first device to the last or from the last to the first, the result is the same.
pub fn mutations(bytes: &[u8]) -> bool {
    let entity = registry::entity("attendance_records").expect("a registered table");
    let words = [Value::from("present"), Value::from("late"), Value::from("absent"), Value::from("excused"), Value::Null];
    let mut devices: [Vec<Mark>; 4] = Default::default();
    let mut made = None;
    for pair in bytes.as_chunks::<2>().0.iter().take(STEPS_MAX) {
        let marks = &mut devices[usize::from(pair[0] & 3)];
        // A device's own times only grow, and it keeps having seen what it has seen.
        let (last_at, has_seen) = marks.last().map_or((0, false), |last| (last.at, last.has_seen));
        let mark = Mark {
            at: last_at + 1 + i64::from(pair[0] >> 2),
            word: words[usize::from(pair[1] & 0x7f) % words.len()].clone(),
            has_seen: has_seen || pair[1] & 0x80 != 0,
        };
        match made {
            None => made = Some(mark),
            Some(_) => marks.push(mark),
        }
    }
    // The row is created by a device of its own.
    let made: Vec<Mark> = made.into_iter().collect();
    let maker = || std::iter::once((devices.len(), &made));
    let forwards = merged_status(entity, maker().chain(devices.iter().enumerate()));
    let backwards = merged_status(entity, maker().chain(devices.iter().enumerate().rev()));
    assert_eq!(forwards, backwards, "the result depends on the order of arrival");
    true
}

#[derive(Debug, Clone)]
struct Mark {
    at: i64,
    word: Value,
    has_seen: bool,
}

fn merged_status<'d>(entity: &Entity, devices: impl Iterator<Item = (usize, &'d Vec<Mark>)>) -> Value {
    let status = entity.column_index("status").expect("a column");
    let key = ["group_id", "student_id", "lesson_date"].map(|name| entity.column_index(name).expect("a column"));
    let key = key.into_iter().zip([Uuid::from_u128(1).to_string(), Uuid::from_u128(2).to_string(), "2026-03-01".to_owned()]);
    let key: Vec<(usize, Value)> = key.map(|(index, value)| (index, Value::from(value))).collect();
    let mut stored: Option<Stored> = None;
    for (device, marks) in devices {
        for (Mark { at, word, has_seen }, n) in marks.iter().zip(1..) {
            let fields: Vec<(usize, Value)> = key.iter().cloned().chain([(status, word.clone())]).collect();
            let base = Base { stamp: (*has_seen && stored.is_some()).then_some(1), own: (n > 1).then_some(n - 1) };
            let user = Uuid::from_u128(100 + device as u128);
            let change = Change { device: Uuid::from_u128(10 + device as u128), n, user, base, at: *at, fields: &fields };
            let merged = merge(entity, stored.as_ref(), &change).expect("a mark is never refused");
            let stamp = stored.as_ref().and_then(|stored| stored.stamp).unwrap_or(0) + 1;
            let mut edits = merged.edits;
            edits.values_mut().for_each(|edit| edit.fill_stamps(stamp));
            stored = Some(Stored { stamp: Some(stamp), values: merged.values, edits });
        }
    }
    stored.map_or(Value::Null, |stored| stored.values[status].clone())
}
