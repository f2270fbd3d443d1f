//! The database: opened, edited, pulled into, pushed from.

use crate::support::server::Core;
use crate::support::*;
use serde_json::{Value, json};
use waystation_client::error::ClientError;
use waystation_client::store::apply::{self, Verdict};
use waystation_client::store::outbox;
use waystation_client::store::page::{self, Answer};
use waystation_client::store::{Edit, Writer, held, scopes, slices};
use waystation_model::access::Role;
use waystation_model::registry;
use waystation_model::wire::{Base, PullRequest, PushRequest, into_runs};
use waystation_model::{Code, Problem};

/// Pulls one page from the server into the database.
fn pull_page(writer: &mut Writer, core: &mut Core) -> Verdict {
    let cursors = scopes::cursors(writer.connection()).unwrap();
    let device = writer.device().clone();
    let request = PullRequest {
        protocol: 1,
        device: device.device_id,
        epoch: device.epoch,
        digest: None,
        cursors: Some(cursors),
        follows: Vec::new(),
        witness: None,
    };
    let bytes = core.pull(&request);
    let Answer::Page(outline) = page::outline(&bytes).unwrap() else { panic!("not a page") };
    writer.relaxed_transaction(|connection, device| apply::apply(connection, device, NOW_MS, Some(0), &bytes, &outline)).unwrap()
}

/// Pulls everything from the server into the database.
fn pull(writer: &mut Writer, core: &mut Core) {
    for _ in 0..1_000 {
        match pull_page(writer, core) {
            Verdict::Applied(applied) if applied.more || !applied.reread.is_empty() => {}
            Verdict::Applied(_) => return,
            Verdict::StartAgain => {}
            Verdict::Copied => panic!("taken for a copy"),
        }
    }
    panic!("the pull does not end");
}

fn take(writer: &mut Writer) -> Option<outbox::Batch> {
    writer.durable_transaction(|connection, device| outbox::take(connection, device)).unwrap()
}

fn send(writer: &Writer, core: &mut Core, batch: &outbox::Batch) -> Result<waystation_model::wire::PushAnswer, Problem> {
    let device = writer.device();
    core.push(PushRequest {
        protocol: 1,
        device: device.device_id,
        epoch: device.epoch,
        first_n: batch.first_n,
        chain: hex::encode(batch.chain_before),
        seen_n: device.acknowledged_n,
        sent_at: NOW_MS,
        witness: device.witness.clone(),
        runs: into_runs(batch.mutations.clone()),
    })
}

/// Sends all pending changes to the server.
fn push(writer: &mut Writer, core: &mut Core) {
    while let Some(batch) = take(writer) {
        let answer = send(writer, core, &batch).unwrap();
        writer.durable_transaction(|connection, device| outbox::store_answer(connection, device, &batch, &answer)).unwrap();
    }
}

fn teacher() -> (tempfile::TempDir, Writer, Core) {
    let folder = tempfile::tempdir().unwrap();
    let writer = open_writer(folder.path(), Role::Teacher, &[]);
    let mut core = Core::new(Role::Teacher, &[roster()]);
    let mut writer = writer;
    pull(&mut writer, &mut core);
    (folder, writer, core)
}

fn code<T: std::fmt::Debug>(result: Result<T, ClientError>) -> Code {
    result.unwrap_err().code()
}

#[test]
fn a_database_opens_only_with_its_key_and_stays_encrypted() {
    let folder = tempfile::tempdir().unwrap();
    drop(open_writer(folder.path(), Role::Teacher, &[]));
    let other = waystation_client::store::DatabaseKey::new([8; 32]);
    assert_eq!(Writer::open(&folder.path().join("store.db"), &other).err().map(|error| error.code()), Some(Code::StoreDamaged));
    assert!(Writer::open(&folder.path().join("store.db"), &key()).is_ok());
    let bytes = std::fs::read(folder.path().join("store.db")).unwrap();
    assert!(!bytes.windows(6).any(|window| window == b"SQLite" || window == b"device"));
}

#[test]
fn a_database_of_a_later_program_is_refused_with_its_own_code() {
    let folder = tempfile::tempdir().unwrap();
    let writer = open_writer(folder.path(), Role::Teacher, &[]);
    writer
        .connection()
        .execute(
            "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) VALUES (9999, 'later', '2030-01-01T00:00:00Z', '1')",
            [],
        )
        .unwrap();
    drop(writer);
    assert_eq!(Writer::open(&folder.path().join("store.db"), &key()).err().map(|error| error.code()), Some(Code::StoreTooNew));
}

#[test]
fn every_registered_table_has_its_columns() {
    let folder = tempfile::tempdir().unwrap();
    let writer = open_writer(folder.path(), Role::Teacher, &[]);
    for entity in registry::all() {
        waystation_client::store::rows::read(writer.connection(), entity, "nothing").unwrap();
    }
}

#[test]
fn an_edit_is_seen_at_once_and_waits_in_the_outbox() {
    let (_folder, mut writer, _core) = teacher();
    let numbers = writer.edit(NOW_MS, &[mark(100, 5, json!("present")), mark(101, 5, json!("late"))]).unwrap();
    assert_eq!(numbers, [1, 2]);
    assert_eq!(visible(&writer, "attendance_records", mark_id(101, 5), "status"), Some(json!("late")));
    assert_eq!(writer.device().waiting(), 2);
}

#[test]
fn mutation_numbers_and_time_continue_after_reopening() {
    let (folder, mut writer, _core) = teacher();
    writer.edit(NOW_MS, &[mark(100, 5, json!("present"))]).unwrap();
    let last_at = writer.device().last_at;
    drop(writer);
    let mut writer = Writer::open(&folder.path().join("store.db"), &key()).unwrap();
    assert_eq!(writer.edit(NOW_MS - 60_000, &[mark(100, 6, json!("late"))]).unwrap(), [2]);
    assert!(writer.device().last_at > last_at, "the clock went back and the time of changes did not");
}

#[test]
fn a_corrected_clock_does_not_affect_later_changes() {
    const YEAR_MS: i64 = 365 * 86_400_000;
    let (folder, mut writer, mut core) = teacher();
    let at = |writer: &Writer| count(writer, "SELECT at FROM outbox ORDER BY n DESC LIMIT 1");
    writer.edit(NOW_MS + YEAR_MS, &[mark(100, 5, json!("present"))]).unwrap();
    writer.edit(NOW_MS, &[mark(100, 6, json!("present"))]).unwrap();
    assert!(at(&writer) > (NOW_MS + YEAR_MS) * 1000, "pending changes keep their order");
    push(&mut writer, &mut core);
    let mut reopened = {
        drop(writer);
        Writer::open(&folder.path().join("store.db"), &key()).unwrap()
    };
    reopened.edit(NOW_MS + 1_000, &[mark(100, 7, json!("late"))]).unwrap();
    assert_eq!(at(&reopened), (NOW_MS + 1_000) * 1000, "the server dated the others at their receipt");

    reopened.edit(NOW_MS + YEAR_MS, &[mark(100, 5, json!("late"))]).unwrap();
    push(&mut reopened, &mut core);
    pull(&mut reopened, &mut core);
    reopened.edit(NOW_MS + 2_000, &[mark(100, 5, json!("excused"))]).unwrap();
    assert_eq!(at(&reopened), (NOW_MS + 2_000) * 1000);
}

#[test]
fn a_column_that_the_person_may_not_set_is_refused_locally() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open_writer(folder.path(), Role::Learner, &[]);
    let mut core = Core::new(Role::Learner, &[learner_scope(), course_scope()]);
    core.put("enrollments", None, &[("user_id", json!(id(USER))), ("course_id", json!(id(COURSE))), ("due_at", json!(NOW_MS))]);
    pull(&mut writer, &mut core);
    let enrollments = registry::entity("enrollments").unwrap();
    let keys = [("user_id", json!(id(USER))), ("course_id", json!(id(COURSE)))];
    let change = |name: &'static str, value: Value| Edit::put(enrollments, None, keys.iter().cloned().chain([(name, value)]).collect());
    let Err(ClientError::Refused(problem)) = writer.edit(NOW_MS, &[change("due_at", json!(NOW_MS + 1))]) else { panic!("taken") };
    assert_eq!((problem.code, problem.fields.as_slice()), (Code::NotAllowed, &["due_at".to_owned()][..]));
    assert_eq!(count(&writer, "SELECT count(n) FROM outbox"), 0);
    assert_eq!(count(&writer, "SELECT due_at FROM enrollments"), NOW_MS);
}

#[test]
fn a_delete_does_not_hide_a_concurrent_edit() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open_writer(folder.path(), Role::Admin, &[]);
    let mut core = Core::new(Role::Admin, &[format!("org:{}", id(ORGANIZATION))]);
    let pump = |name: &str| [("station_id", json!(id(70))), ("name", json!(name)), ("position", json!(1))];
    core.put("station_equipment", Some(id(71)), &pump("Pump"));
    core.put("station_equipment", Some(id(72)), &pump("Hose"));
    pull(&mut writer, &mut core);
    let equipment = registry::entity("station_equipment").unwrap();
    writer.edit(NOW_MS, &[Edit::delete(equipment, id(71)), Edit::delete(equipment, id(72))]).unwrap();
    core.put("station_equipment", Some(id(71)), &pump("New pump"));
    pull(&mut writer, &mut core);
    assert_eq!(visible(&writer, "station_equipment", id(71), "name"), Some(json!("New pump")));
    assert_eq!(visible(&writer, "station_equipment", id(72), "name"), None);
    push(&mut writer, &mut core);
    pull(&mut writer, &mut core);
    assert_eq!(visible(&writer, "station_equipment", id(71), "name"), Some(json!("New pump")));
    assert_eq!(count(&writer, "SELECT count(number) FROM attention WHERE code = 'changed_meanwhile'"), 1);
    assert_eq!(core.value("station_equipment", id(72), "name"), None);
}

#[test]
fn the_base_of_a_delete_excludes_what_an_own_change_hid() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open_writer(folder.path(), Role::Admin, &[]);
    let mut core = Core::new(Role::Admin, &[format!("org:{}", id(ORGANIZATION))]);
    let pump = |name: &str| [("station_id", json!(id(70))), ("name", json!(name)), ("position", json!(1))];
    core.put("station_equipment", Some(id(71)), &pump("Pump"));
    pull(&mut writer, &mut core);
    let equipment = registry::entity("station_equipment").unwrap();
    writer.edit(NOW_MS, &[Edit::put(equipment, Some(id(71)), vec![("name", json!("My pump"))])]).unwrap();
    core.put("station_equipment", Some(id(71)), &pump("New pump"));
    pull(&mut writer, &mut core);
    assert_eq!(visible(&writer, "station_equipment", id(71), "name"), Some(json!("My pump")));
    writer.edit(NOW_MS, &[Edit::delete(equipment, id(71))]).unwrap();
    let bases: Vec<Base> = take(&mut writer).unwrap().mutations.iter().map(|mutation| mutation.base).collect();
    assert_eq!((bases[1].stamp, bases[1].own), (bases[0].stamp, Some(1)));
}

#[test]
fn changes_that_the_server_would_refuse_are_refused_locally() {
    let (_folder, mut writer, _core) = teacher();
    assert_eq!(code(writer.edit(NOW_MS, &[mark(100, 5, json!("asleep"))])), Code::BadValue);
    let mut elsewhere = mark(100, 5, json!("late"));
    elsewhere.fields[0].1 = json!(id(999));
    assert_eq!(code(writer.edit(NOW_MS, &[mark(100, 4, json!("late")), elsewhere])), Code::NotAllowed);
    let mut unknown = mark(100, 5, json!("late"));
    unknown.fields.push(("mood", json!("fine")));
    assert_eq!(code(writer.edit(NOW_MS, &[unknown])), Code::UnknownColumn);
    assert_eq!(
        code(writer.edit(NOW_MS, &[Edit::delete(registry::entity("attendance_records").unwrap(), mark_id(100, 5))])),
        Code::NotFound
    );
    assert_eq!(count(&writer, "SELECT count(n) FROM outbox"), 0);
    assert_eq!(count(&writer, "SELECT count(id) FROM attendance_records"), 0, "the good one of a bad set is not stored either");
    assert_eq!(writer.edit(NOW_MS, &[mark(100, 5, json!("late"))]).unwrap(), [1], "no number is lost");
}

#[test]
fn a_change_stays_visible_from_edit_to_pull() {
    let (_folder, mut writer, mut core) = teacher();
    writer.edit(NOW_MS, &[mark(100, 5, json!("present"))]).unwrap();
    push(&mut writer, &mut core);
    assert_eq!(core.value("attendance_records", mark_id(100, 5), "status"), Some(json!("present")));
    assert_eq!(visible(&writer, "attendance_records", mark_id(100, 5), "status"), Some(json!("present")), "acknowledged and still on top");
    pull(&mut writer, &mut core);
    assert_eq!(visible(&writer, "attendance_records", mark_id(100, 5), "status"), Some(json!("present")));
    assert_eq!(count(&writer, "SELECT count(row_id) FROM shadows"), 0);
    assert_eq!(count(&writer, "SELECT count(n) FROM outbox WHERE state < 3"), 0);
    assert_eq!(writer.device().waiting(), 0);
}

#[test]
fn a_lost_answer_is_requested_again_and_stored_once() {
    let (_folder, mut writer, mut core) = teacher();
    core.refuse.insert(mark_id(101, 5));
    writer.edit(NOW_MS, &[mark(100, 5, json!("present")), mark(101, 5, json!("late"))]).unwrap();
    let batch = take(&mut writer).unwrap();
    send(&writer, &mut core, &batch).unwrap();
    // The answer is lost, and a pull precedes the next push.
    pull(&mut writer, &mut core);
    assert_eq!(writer.device().waiting(), 2, "their outcomes are unknown yet");
    push(&mut writer, &mut core);
    assert_eq!(count(&writer, "SELECT count(number) FROM attention"), 1, "the refusal is received after all");
    assert_eq!(visible(&writer, "attendance_records", mark_id(101, 5), "status"), None);
    assert_eq!(core.last_n(id(DEVICE)), 2);
}

#[test]
fn a_number_misread_by_an_earlier_program_is_resent_as_it_was_sent() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open_writer(folder.path(), Role::Instructor, &[]);
    let stations = registry::entity("stations").unwrap();
    let fields = |latitude: f64| vec![("name", json!("Ucar")), ("latitude", json!(latitude)), ("longitude", json!(49.5))];
    for latitude in [15.313339332965427, 40.25] {
        let edit = Edit::put(stations, Some(uuid::Uuid::now_v7()), fields(latitude));
        writer.edit(NOW_MS, &[edit]).unwrap();
    }
    let sent = take(&mut writer).unwrap();
    assert_eq!(sent.mutations[0].values[1], json!(15.313339332965427), "what was typed is sent");

    // The previous program read the number one representable step off, sent that, and stored the chain over it.
    let mut chain = sent.chain_before;
    for mutation in &sent.mutations {
        chain = waystation_model::chain::extend(&chain, &mutation.misread().old_content_hash());
        writer
            .durable_transaction(|connection, _| {
                connection.execute("UPDATE outbox SET chain = ?2 WHERE n = ?1", rusqlite::params![mutation.n, chain.as_slice()])?;
                Ok::<_, ClientError>(())
            })
            .unwrap();
    }
    let again = take(&mut writer).unwrap();
    assert_ne!(again.mutations[0].values, sent.mutations[0].values);
    assert_eq!(again.mutations[0], sent.mutations[0].misread());
    assert_eq!(again.mutations[1], sent.mutations[1]);
    assert_eq!(again.chain_after, chain, "the chain that was sent is kept");

    // A change that was never sent is shown as it was typed.
    writer
        .durable_transaction(|connection, _| Ok::<_, ClientError>(connection.execute("UPDATE outbox SET state = 0, chain = NULL", [])?))
        .unwrap();
    assert_eq!(take(&mut writer).unwrap(), sent);
}

#[test]
fn a_refused_change_is_undone_and_waits_for_the_person() {
    let (_folder, mut writer, mut core) = teacher();
    core.put("attendance_records", None, &mark(100, 5, json!("absent")).fields);
    pull(&mut writer, &mut core);
    core.refuse.insert(mark_id(100, 5));
    writer.edit(NOW_MS, &[mark(100, 5, json!("present"))]).unwrap();
    assert_eq!(visible(&writer, "attendance_records", mark_id(100, 5), "status"), Some(json!("present")));
    push(&mut writer, &mut core);
    assert_eq!(
        visible(&writer, "attendance_records", mark_id(100, 5), "status"),
        Some(json!("absent")),
        "the server's value is visible again"
    );
    let kept: String = writer.connection().query_row("SELECT vals FROM attention WHERE code = 'taken'", [], |row| row.get(0)).unwrap();
    assert!(kept.contains("present"), "the entered values are kept: {kept}");
}

#[test]
fn a_change_based_on_a_refused_one_is_blocked_and_kept() {
    let (_folder, mut writer, mut core) = teacher();
    writer.edit(NOW_MS, &[mark(100, 5, json!("present"))]).unwrap();
    let note = Edit::put(registry::entity("attendance_records").unwrap(), Some(mark_id(100, 5)), vec![("note", json!("came by bus"))]);
    writer.edit(NOW_MS, &[note]).unwrap();
    core.refuse.insert(mark_id(100, 5));
    let batch = take(&mut writer).unwrap();
    core.refuse.clear();
    core.refuse.insert(mark_id(100, 5));
    let answer = send(&writer, &mut core, &batch).unwrap();
    writer.durable_transaction(|connection, device| outbox::store_answer(connection, device, &batch, &answer)).unwrap();
    assert_eq!(count(&writer, "SELECT count(number) FROM attention"), 2);
    assert_eq!(visible(&writer, "attendance_records", mark_id(100, 5), "status"), None);
}

#[test]
fn a_remote_change_is_placed_below_pending_changes() {
    let (_folder, mut writer, mut core) = teacher();
    core.put("attendance_records", None, &mark(100, 5, json!("absent")).fields);
    pull(&mut writer, &mut core);
    let note = Edit::put(registry::entity("attendance_records").unwrap(), Some(mark_id(100, 5)), vec![("note", json!("ill"))]);
    writer.edit(NOW_MS, &[note]).unwrap();
    core.put("attendance_records", Some(mark_id(100, 5)), &[("status", json!("excused"))]);
    pull(&mut writer, &mut core);
    assert_eq!(visible(&writer, "attendance_records", mark_id(100, 5), "status"), Some(json!("excused")));
    assert_eq!(visible(&writer, "attendance_records", mark_id(100, 5), "note"), Some(json!("ill")));
    push(&mut writer, &mut core);
    pull(&mut writer, &mut core);
    assert_eq!(core.value("attendance_records", mark_id(100, 5), "note"), Some(json!("ill")));
    assert_eq!(visible(&writer, "attendance_records", mark_id(100, 5), "status"), Some(json!("excused")));
}

#[test]
fn the_base_of_a_change_is_what_was_visible_and_excludes_what_an_own_change_hid() {
    let (_folder, mut writer, mut core) = teacher();
    let key = [("group_id", json!(id(GROUP))), ("student_id", json!(id(100))), ("lesson_date", json!("2026-01-05"))];
    let note = |text: &str| {
        let fields = key.iter().cloned().chain([("note", json!(text))]).collect();
        Edit::put(registry::entity("attendance_records").unwrap(), None, fields)
    };
    writer.edit(NOW_MS, &[mark(100, 5, json!("late"))]).unwrap();
    core.put("attendance_records", None, &[key.as_slice(), &[("status", json!("present")), ("note", json!("ill"))]].concat());
    pull(&mut writer, &mut core);
    writer.edit(NOW_MS, &[mark(100, 5, json!("absent"))]).unwrap();
    writer.edit(NOW_MS, &[note("well")]).unwrap();
    let pulled = writer.connection().query_row("SELECT stamp FROM shadows", [], |row| row.get(0)).unwrap();
    let bases: Vec<Base> = take(&mut writer).unwrap().mutations.iter().map(|mutation| mutation.base).collect();
    let base = |stamp: Option<i64>, own| Base { stamp, own };
    assert_eq!(bases, [base(None, None), base(None, Some(1)), base(Some(pulled), Some(2))]);
}

#[test]
fn a_truncated_page_is_discarded() {
    let (_folder, writer, mut core) = teacher();
    core.put("attendance_records", None, &mark(100, 5, json!("absent")).fields);
    let device = writer.device().clone();
    let request = PullRequest {
        protocol: 1,
        device: device.device_id,
        epoch: device.epoch,
        digest: None,
        cursors: Some(scopes::cursors(writer.connection()).unwrap()),
        follows: Vec::new(),
        witness: None,
    };
    let bytes = core.pull(&request);
    for end in 0..bytes.len() - 1 {
        assert!(page::outline(&bytes[..end]).is_err(), "a page of {end} bytes of {} was accepted", bytes.len());
    }
}

#[test]
fn rows_are_removed_when_deleted_moved_or_unsubscribed() {
    let (_folder, mut writer, mut core) = teacher();
    for day in 5..9 {
        core.put("attendance_records", None, &mark(100, day, json!("absent")).fields);
    }
    core.subscribed.insert(learner_scope());
    core.put("attendance_records", None, &mark(USER, 5, json!("late")).fields);
    pull(&mut writer, &mut core);
    assert_eq!(count(&writer, "SELECT count(id) FROM attendance_records"), 5);

    core.delete("attendance_records", mark_id(100, 5));
    pull(&mut writer, &mut core);
    assert_eq!(count(&writer, "SELECT count(id) FROM attendance_records"), 4);

    // The learner's row is in two scopes, and one of them still contains it.
    core.subscribed.remove(&roster());
    pull(&mut writer, &mut core);
    assert_eq!(visible(&writer, "attendance_records", mark_id(USER, 5), "status"), Some(json!("late")));
    assert_eq!(count(&writer, "SELECT count(id) FROM attendance_records"), 1);
    core.subscribed.remove(&learner_scope());
    pull(&mut writer, &mut core);
    assert_eq!(count(&writer, "SELECT count(id) FROM attendance_records"), 0);
    assert_eq!(count(&writer, "SELECT count(scope) FROM scope_sums WHERE sum <> 0"), 0);
}

#[test]
fn a_lost_scope_keeps_pending_changes_until_the_server_answers() {
    let (_folder, mut writer, mut core) = teacher();
    core.put("attendance_records", None, &mark(100, 5, json!("absent")).fields);
    pull(&mut writer, &mut core);
    writer.edit(NOW_MS, &[mark(100, 5, json!("present"))]).unwrap();
    core.subscribed.clear();
    pull(&mut writer, &mut core);
    assert_eq!(visible(&writer, "attendance_records", mark_id(100, 5), "status"), Some(json!("present")));
    push(&mut writer, &mut core);
    assert_eq!(count(&writer, "SELECT count(number) FROM attention WHERE code = 'not_allowed'"), 1);
    assert_eq!(visible(&writer, "attendance_records", mark_id(100, 5), "status"), None);
}

#[test]
fn a_corrupted_row_is_detected_and_fetched_again() {
    let (_folder, mut writer, mut core) = teacher();
    for day in 1..20 {
        core.put("attendance_records", None, &mark(100, day, json!("absent")).fields);
    }
    pull(&mut writer, &mut core);
    // A row is lost and another one appears, and the sum of the hashes is unchanged.
    let ghost = mark_id(666, 5).to_string();
    writer.connection().execute("DELETE FROM attendance_records WHERE id = ?1", [mark_id(100, 7).to_string()]).unwrap();
    writer
        .connection()
        .execute(
            "INSERT INTO attendance_records (id, stamp, created_at, updated_at, group_id, student_id, lesson_date) VALUES (?1, 5, 0, 0, ?2, ?3, '2026-01-05')",
            [&ghost, &id(GROUP).to_string(), &id(666).to_string()],
        )
        .unwrap();
    writer.connection().execute("UPDATE scope_sums SET sum = sum + 1", []).unwrap();
    core.put("attendance_records", None, &mark(100, 20, json!("late")).fields);
    let Verdict::Applied(applied) = pull_page(&mut writer, &mut core) else { panic!("not applied") };
    assert_eq!((applied.mismatched, applied.reread), (vec![roster()], Vec::new()), "slices are requested first");
    assert_eq!(slices::damaged(writer.connection()).unwrap(), [roster()]);
    // A server without slices.
    writer.relaxed_transaction(|connection, _| slices::read_again(connection, &roster())).unwrap();
    pull(&mut writer, &mut core);
    assert_eq!(slices::damaged(writer.connection()).unwrap(), Vec::<String>::new());
    assert_eq!(count(&writer, "SELECT count(id) FROM attendance_records"), 20);
    assert_eq!(visible(&writer, "attendance_records", mark_id(100, 7), "status"), Some(json!("absent")));
    assert_eq!(visible(&writer, "attendance_records", mark_id(666, 5), "status"), None);
    assert_eq!(count(&writer, "SELECT rereads FROM scopes"), 0);
}

#[test]
fn a_scope_whose_checksum_never_matches_keeps_its_rows_through_later_changes() {
    let (_folder, mut writer, mut core) = teacher();
    for day in 1..6 {
        core.put("attendance_records", None, &mark(100, day, json!("absent")).fields);
    }
    core.checksum_off = 1;
    pull(&mut writer, &mut core);
    assert_eq!(slices::damaged(writer.connection()).unwrap(), [roster()]);
    writer.relaxed_transaction(|connection, _| slices::read_again(connection, &roster())).unwrap();
    pull(&mut writer, &mut core);
    for day in 6..9 {
        core.put("attendance_records", None, &mark(100, day, json!("late")).fields);
        let Verdict::Applied(applied) = pull_page(&mut writer, &mut core) else { panic!("not applied") };
        assert_eq!(
            (applied.reread, applied.damaged),
            (Vec::new(), vec![roster()]),
            "the damage is reported, and the scope is not read again endlessly"
        );
        assert_eq!(count(&writer, "SELECT count(id) FROM attendance_records"), i64::from(day));
    }
    core.checksum_off = 0;
    core.put("attendance_records", None, &mark(100, 9, json!("late")).fields);
    pull(&mut writer, &mut core);
    assert_eq!(count(&writer, "SELECT rereads FROM scopes"), 0);
    assert_eq!(count(&writer, "SELECT count(row_id) FROM reread_rows"), 0);
}

#[test]
fn a_scope_with_an_unknown_table_is_read_again_once_the_table_is_known() {
    let (folder, mut writer, mut core) = teacher();
    core.later_table = Some("moods");
    core.put("attendance_records", None, &mark(100, 5, json!("absent")).fields);
    pull(&mut writer, &mut core);
    // From here on the server sends nothing of the table, and still counts it.
    for day in 6..9 {
        core.put("attendance_records", None, &mark(100, day, json!("late")).fields);
        let Verdict::Applied(applied) = pull_page(&mut writer, &mut core) else { panic!("not applied") };
        assert_eq!((applied.reread, applied.damaged), (Vec::new(), Vec::new()));
    }
    assert_eq!(count(&writer, "SELECT count(id) FROM attendance_records"), 4);

    // The next program has the table.
    writer.connection().execute("UPDATE unknown_tables SET entity = 'courses'", []).unwrap();
    drop(writer);
    let writer = Writer::open(&folder.path().join("store.db"), &key()).unwrap();
    assert_eq!(scopes::cursors(writer.connection()).unwrap()[&roster()], 0);
    assert_eq!(count(&writer, "SELECT count(entity) FROM unknown_tables"), 0);
}

/// A page as a later server may send it: more columns, more fields, and unknown kinds of line.
fn as_sent_by_a_later_server(page: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for line in page.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let mut line: Value = serde_json::from_slice(line).unwrap();
        line["said_besides"] = json!({"any": ["thing"]});
        if line["line"] == "rows" {
            line["columns"].as_array_mut().unwrap().insert(0, json!("mood"));
            for row in line["rows"].as_array_mut().unwrap() {
                row.as_array_mut().unwrap().insert(0, json!({"is": "fine"}));
            }
        }
        if line["line"] == "end" {
            text.extend_from_slice(b"{\"line\":\"weather\",\"rows\":7}\n");
        }
        serde_json::to_writer(&mut text, &line).unwrap();
        text.push(b'\n');
    }
    text
}

#[test]
fn unknown_additions_of_a_later_server_are_skipped_and_a_new_column_is_read_once_known() {
    let (folder, mut writer, mut core) = teacher();
    core.put("attendance_records", None, &mark(100, 5, json!("absent")).fields);
    let device = writer.device().clone();
    let cursors = Some(scopes::cursors(writer.connection()).unwrap());
    let bytes = as_sent_by_a_later_server(&core.pull(&PullRequest {
        protocol: 1,
        device: device.device_id,
        epoch: device.epoch,
        digest: None,
        cursors,
        follows: Vec::new(),
        witness: None,
    }));
    let Answer::Page(outline) = page::outline(&bytes).unwrap() else { panic!("not a page") };
    let verdict =
        writer.relaxed_transaction(|connection, device| apply::apply(connection, device, NOW_MS, Some(0), &bytes, &outline)).unwrap();
    let Verdict::Applied(applied) = verdict else { panic!("not applied") };
    assert_eq!((applied.reread, applied.damaged), (Vec::new(), Vec::new()), "the checksum includes the row, whatever its columns");
    assert_eq!(count(&writer, "SELECT count(id) FROM attendance_records WHERE status = 'absent'"), 1);

    // With the same program, no scope starts again.
    drop(writer);
    let writer = Writer::open(&folder.path().join("store.db"), &key()).unwrap();
    let read_upto = scopes::cursors(writer.connection()).unwrap()[&roster()];
    assert!(read_upto > 0);
    // The next program has the column.
    assert_eq!(count(&writer, "SELECT count(name) FROM unknown_columns WHERE entity = 'attendance_records' AND name = 'mood'"), 1);
    writer.connection().execute("UPDATE unknown_columns SET name = 'status'", []).unwrap();
    drop(writer);
    let mut writer = Writer::open(&folder.path().join("store.db"), &key()).unwrap();
    assert_eq!(scopes::cursors(writer.connection()).unwrap()[&roster()], 0);
    writer.connection().execute("UPDATE attendance_records SET status = NULL", []).unwrap();
    pull(&mut writer, &mut core);
    assert_eq!(count(&writer, "SELECT count(id) FROM attendance_records WHERE status = 'absent'"), 1, "rows of the same stamp are stored");
    assert_eq!(count(&writer, "SELECT count(name) FROM unknown_columns"), 0);
}

#[test]
fn a_scope_missing_from_a_restored_server_becomes_empty_and_complete() {
    let (_folder, mut writer, mut core) = teacher();
    let backup = core.clone();
    core.put("attendance_records", None, &mark(100, 5, json!("absent")).fields);
    pull(&mut writer, &mut core);
    core.restore(&backup);
    pull(&mut writer, &mut core);
    assert_eq!(count(&writer, "SELECT count(id) FROM attendance_records"), 0);
    assert!(scopes::is_complete(writer.connection(), &roster()).unwrap());
}

#[test]
fn a_first_sync_of_many_pages_resumes_at_any_page() {
    let folder = tempfile::tempdir().unwrap();
    let mut core = Core::new(Role::Teacher, &[roster(), learner_scope()]);
    core.page_rows_max = 7;
    for student in 100..110 {
        for day in 1..11 {
            core.put("attendance_records", None, &mark(student, day, json!("present")).fields);
        }
    }
    let mut writer = open_writer(folder.path(), Role::Teacher, &[]);
    for _ in 0..5 {
        let Verdict::Applied(applied) = pull_page(&mut writer, &mut core) else { panic!("not applied") };
        assert!(applied.more);
    }
    assert!(!scopes::is_complete(writer.connection(), &roster()).unwrap());
    drop(writer);
    let mut writer = Writer::open(&folder.path().join("store.db"), &key()).unwrap();
    core.put("attendance_records", None, &mark(100, 1, json!("late")).fields);
    pull(&mut writer, &mut core);
    assert_eq!(count(&writer, "SELECT count(id) FROM attendance_records"), 100);
    assert_eq!(visible(&writer, "attendance_records", mark_id(100, 1), "status"), Some(json!("late")));
    assert!(scopes::is_complete(writer.connection(), &roster()).unwrap());
    assert!(writer.device().first_sync_done);
}

#[test]
fn a_restored_server_receives_its_lost_changes_again() {
    let (_folder, mut writer, mut core) = teacher();
    writer.edit(NOW_MS, &[mark(100, 5, json!("present"))]).unwrap();
    push(&mut writer, &mut core);
    pull(&mut writer, &mut core);
    let backup = core.clone();
    writer.edit(NOW_MS, &[mark(100, 5, json!("late")), mark(100, 6, json!("absent"))]).unwrap();
    push(&mut writer, &mut core);
    pull(&mut writer, &mut core);
    core.restore(&backup);
    pull(&mut writer, &mut core);
    assert_eq!(visible(&writer, "attendance_records", mark_id(100, 6), "status"), Some(json!("absent")), "the changes stay visible");
    push(&mut writer, &mut core);
    pull(&mut writer, &mut core);
    assert_eq!(core.value("attendance_records", mark_id(100, 5), "status"), Some(json!("late")));
    assert_eq!(core.value("attendance_records", mark_id(100, 6), "status"), Some(json!("absent")));
    assert_eq!(count(&writer, "SELECT count(row_id) FROM shadows"), 0);
}

#[test]
fn a_server_that_lost_more_than_is_retained_receives_all_retained_changes() {
    let (_folder, mut writer, mut core) = teacher();
    let backup = core.clone();
    for day in 5..8 {
        writer.edit(NOW_MS, &[mark(100, day, json!("late"))]).unwrap();
        push(&mut writer, &mut core);
    }
    pull(&mut writer, &mut core);
    // The oldest change is no longer retained.
    writer.connection().execute("DELETE FROM outbox WHERE n = 1", []).unwrap();
    core.restore(&backup);
    assert_eq!(pull_page(&mut writer, &mut core), Verdict::Copied);
    assert_eq!(visible(&writer, "attendance_records", mark_id(100, 7), "status"), Some(json!("late")), "the value stays visible");
    writer.durable_transaction(|connection, device| outbox::become_device(connection, device, id(77))).unwrap();
    assert_eq!(writer.device().waiting(), 2);
    push(&mut writer, &mut core);
    pull(&mut writer, &mut core);
    for day in 6..8 {
        assert_eq!(core.value("attendance_records", mark_id(100, day), "status"), Some(json!("late")));
    }
    assert_eq!(count(&writer, "SELECT count(row_id) FROM shadows"), 0);
}

#[test]
fn a_server_with_more_mutations_than_were_sent_is_detected_from_its_page() {
    let (_folder, mut writer, mut core) = teacher();
    writer.edit(NOW_MS, &[mark(100, 5, json!("late"))]).unwrap();
    let batch = take(&mut writer).unwrap();
    send(&writer, &mut core, &batch).unwrap();
    // Like a database that was restored to before the push.
    writer.connection().execute("UPDATE outbox SET state = 0, chain = NULL", []).unwrap();
    assert_eq!(pull_page(&mut writer, &mut core), Verdict::Copied);
}

#[test]
fn a_copied_database_is_detected_and_its_changes_are_renumbered() {
    let (folder, mut writer, mut core) = teacher();
    writer.edit(NOW_MS, &[mark(100, 5, json!("present"))]).unwrap();
    push(&mut writer, &mut core);
    drop(writer);
    let copied = tempfile::tempdir().unwrap();
    std::fs::copy(folder.path().join("store.db"), copied.path().join("store.db")).unwrap();
    let mut original = Writer::open(&folder.path().join("store.db"), &key()).unwrap();
    let mut copy = Writer::open(&copied.path().join("store.db"), &key()).unwrap();
    original.edit(NOW_MS, &[mark(100, 6, json!("late"))]).unwrap();
    push(&mut original, &mut core);
    copy.edit(NOW_MS + 5, &[mark(100, 7, json!("absent")), mark(100, 7, json!("excused"))]).unwrap();
    let batch = take(&mut copy).unwrap();
    assert_eq!(send(&copy, &mut core, &batch).unwrap_err().code, Code::NumberReused);
    copy.durable_transaction(|connection, device| outbox::become_device(connection, device, id(77))).unwrap();
    push(&mut copy, &mut core);
    pull(&mut copy, &mut core);
    pull(&mut original, &mut core);
    for laptop in [&original, &copy] {
        assert_eq!(visible(laptop, "attendance_records", mark_id(100, 6), "status"), Some(json!("late")));
        assert_eq!(visible(laptop, "attendance_records", mark_id(100, 7), "status"), Some(json!("excused")));
    }
    assert_eq!((core.last_n(id(DEVICE)), core.last_n(id(77))), (2, 2));
}

#[test]
fn a_copy_of_a_copy_keeps_what_both_devices_sent() {
    let (_folder, mut writer, mut core) = teacher();
    for (device, day) in [(77, 5), (78, 6), (79, 7)] {
        writer.edit(NOW_MS, &[mark(100, day, json!("late")), mark(101, day, json!("late"))]).unwrap();
        push(&mut writer, &mut core);
        writer.durable_transaction(|connection, known| outbox::become_device(connection, known, id(device))).unwrap();
    }
    writer.edit(NOW_MS, &[mark(100, 5, json!("absent"))]).unwrap();
    assert_eq!(count(&writer, "SELECT count(n) FROM outbox WHERE n < 0"), 6);
    for (day, status) in [(5, "absent"), (6, "late"), (7, "late")] {
        assert_eq!(visible(&writer, "attendance_records", mark_id(100, day), "status"), Some(json!(status)));
    }
    push(&mut writer, &mut core);
    pull(&mut writer, &mut core);
    assert_eq!(count(&writer, "SELECT count(n) FROM outbox WHERE state < 3"), 0);
    assert_eq!(visible(&writer, "attendance_records", mark_id(100, 5), "status"), Some(json!("absent")));
}

#[test]
fn a_pull_detects_a_copy_before_it_sends_anything() {
    let (folder, mut writer, mut core) = teacher();
    drop(writer);
    let copied = tempfile::tempdir().unwrap();
    std::fs::copy(folder.path().join("store.db"), copied.path().join("store.db")).unwrap();
    writer = Writer::open(&folder.path().join("store.db"), &key()).unwrap();
    writer.edit(NOW_MS, &[mark(100, 6, json!("late"))]).unwrap();
    push(&mut writer, &mut core);
    let mut copy = Writer::open(&copied.path().join("store.db"), &key()).unwrap();
    assert_eq!(pull_page(&mut copy, &mut core), Verdict::Copied);
    // The server cannot have a change under this number that was made here and never sent.
    copy.edit(NOW_MS, &[mark(100, 6, json!("absent"))]).unwrap();
    assert_eq!(pull_page(&mut copy, &mut core), Verdict::Copied);
    assert_eq!(visible(&copy, "attendance_records", mark_id(100, 6), "status"), Some(json!("absent")));
}

#[test]
fn changes_of_an_unfinished_pull_are_not_resent_by_another_device() {
    let (folder, mut original, mut core) = teacher();
    original.edit(NOW_MS, &[mark(100, 5, json!("late"))]).unwrap();
    let batch = take(&mut original).unwrap();
    // Its answer is lost.
    send(&original, &mut core, &batch).unwrap();
    drop(original);
    let copied = tempfile::tempdir().unwrap();
    std::fs::copy(folder.path().join("store.db"), copied.path().join("store.db")).unwrap();
    let mut original = Writer::open(&folder.path().join("store.db"), &key()).unwrap();
    let mut copy = Writer::open(&copied.path().join("store.db"), &key()).unwrap();
    push(&mut original, &mut core);
    // The copy receives its own mark with the first page of two.
    core.put(
        "attendance_records",
        None,
        &[
            ("group_id", json!(id(GROUP))),
            ("student_id", json!(id(100))),
            ("lesson_date", json!("2026-01-06")),
            ("status", json!("present")),
        ],
    );
    core.page_rows_max = 1;
    let Verdict::Applied(applied) = pull_page(&mut copy, &mut core) else { panic!("not applied") };
    assert!(applied.more);
    original.edit(NOW_MS, &[mark(100, 7, json!("absent"))]).unwrap();
    push(&mut original, &mut core);
    assert_eq!(pull_page(&mut copy, &mut core), Verdict::Copied);
    copy.durable_transaction(|connection, device| outbox::become_device(connection, device, id(77))).unwrap();
    assert_eq!(copy.device().waiting(), 0);
    pull(&mut copy, &mut core);
    assert_eq!(count(&copy, "SELECT count(n) FROM outbox WHERE state < 3"), 0);
    assert_eq!(visible(&copy, "attendance_records", mark_id(100, 5), "status"), Some(json!("late")));
    assert_eq!(visible(&copy, "attendance_records", mark_id(100, 7), "status"), Some(json!("absent")));
}

fn note(percent: i64, seconds: i64, page: i64) -> Edit {
    Edit::put(
        registry::entity("content_progress").unwrap(),
        None,
        vec![
            ("user_id", json!(id(USER))),
            ("content_item_id", json!(id(50))),
            ("course_id", json!(id(COURSE))),
            ("reset_number", json!(0)),
            ("percent", json!(percent)),
            ("page", json!(page)),
            ("second", Value::Null),
            ("time_spent_seconds", json!(seconds)),
        ],
    )
    .coalescing()
}

#[test]
fn unsent_notes_coalesce_into_one_and_add_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open_writer(folder.path(), Role::Learner, &[]);
    let mut core = Core::new(Role::Learner, &[learner_scope(), course_scope()]);
    pull(&mut writer, &mut core);
    writer.edit(NOW_MS, &[note(10, 5, 2)]).unwrap();
    writer.edit(NOW_MS, &[note(30, 7, 4)]).unwrap();
    writer.edit(NOW_MS, &[note(20, 1, 3)]).unwrap();
    assert_eq!(count(&writer, "SELECT count(n) FROM outbox"), 1);
    let batch = take(&mut writer).unwrap();
    writer.edit(NOW_MS, &[note(40, 2, 5)]).unwrap();
    assert_eq!(count(&writer, "SELECT count(n) FROM outbox"), 2, "a sent change does not coalesce");
    let answer = send(&writer, &mut core, &batch).unwrap();
    writer.durable_transaction(|connection, device| outbox::store_answer(connection, device, &batch, &answer)).unwrap();
    push(&mut writer, &mut core);
    pull(&mut writer, &mut core);
    let row =
        waystation_model::ids::derived_id("content_progress", [Some(id(USER).to_string().as_str()), Some(id(50).to_string().as_str())]);
    for (column, value) in [("percent", 40), ("page", 5), ("time_spent_seconds", 15)] {
        assert_eq!(core.value("content_progress", row, column), Some(json!(value)), "{column}");
        assert_eq!(visible(&writer, "content_progress", row, column), Some(json!(value)), "{column}");
    }
}

#[test]
fn backed_up_changes_are_dropped_except_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open_writer(folder.path(), Role::Learner, &[]);
    let mut core = Core::new(Role::Learner, &[learner_scope(), course_scope()]);
    pull(&mut writer, &mut core);
    for percent in [10, 20, 30, 40] {
        writer.edit(NOW_MS, &[note(percent, 5, 2)]).unwrap();
        push(&mut writer, &mut core);
    }
    pull(&mut writer, &mut core);
    assert_eq!(count(&writer, "SELECT count(n) FROM outbox WHERE state = 3"), 4, "without a backup everything is kept");
    core.safe_upto = 3;
    writer.edit(NOW_MS, &[note(50, 5, 2)]).unwrap();
    push(&mut writer, &mut core);
    pull(&mut writer, &mut core);
    assert_eq!(count(&writer, "SELECT min(n) FROM outbox"), 3, "its chain identifies the state of a restored server");
    assert_eq!(count(&writer, "SELECT count(n) FROM outbox"), 3);
    core.safe_upto = i64::MAX;
    writer.edit(NOW_MS, &[note(60, 5, 2)]).unwrap();
    writer.edit(NOW_MS, &[note(70, 5, 2)]).unwrap();
    push(&mut writer, &mut core);
    writer.edit(NOW_MS, &[note(80, 5, 2)]).unwrap();
    pull(&mut writer, &mut core);
    let waiting = count(&writer, "SELECT count(n) FROM outbox WHERE state < 3");
    assert_eq!(waiting, 1, "a pending change is in no backup, whatever the server sends");
    // The answer to a push is lost: a page still covers what is sent again.
    let batch = take(&mut writer).unwrap();
    send(&writer, &mut core, &batch).unwrap();
    writer.edit(NOW_MS, &[note(90, 5, 2)]).unwrap();
    pull(&mut writer, &mut core);
    assert_eq!(take(&mut writer).unwrap().mutations.len(), 2);
}

#[test]
fn without_a_backup_a_limited_number_of_changes_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open_writer(folder.path(), Role::Learner, &[]);
    let mut core = Core::new(Role::Learner, &[learner_scope(), course_scope()]);
    pull(&mut writer, &mut core);
    writer.edit(NOW_MS, &[note(10, 5, 2)]).unwrap();
    push(&mut writer, &mut core);
    pull(&mut writer, &mut core);
    // Older changes, below the only one of this history.
    writer
        .connection()
        .execute(
            "INSERT INTO outbox (n, entity, row_id, op, at, columns, vals, state, chain)
             WITH RECURSIVE numbers (n) AS (SELECT 2 - ?1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 0)
             SELECT numbers.n, o.entity, o.row_id, o.op, o.at, o.columns, o.vals, 3, zeroblob(32) FROM numbers, outbox o",
            [outbox::KEPT_MUTATIONS_MAX + 10],
        )
        .unwrap();
    let before = count(&writer, "SELECT count(n) FROM outbox");
    assert_eq!(before, outbox::KEPT_MUTATIONS_MAX + 10);
    writer.edit(NOW_MS, &[note(20, 5, 2)]).unwrap();
    push(&mut writer, &mut core);
    pull(&mut writer, &mut core);
    assert_eq!(count(&writer, "SELECT count(n) FROM outbox WHERE state = 3"), outbox::KEPT_MUTATIONS_MAX);
}

#[test]
fn an_own_offer_awaits_a_decision_only_after_the_server_stored_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open_writer(folder.path(), Role::Admin, &[]);
    let mut core = Core::new(Role::Admin, &[format!("people:{}", id(ORGANIZATION))]);
    pull(&mut writer, &mut core);
    let offer = |row: u128| {
        let key = [("entity", json!("topics")), ("row_id", json!(id(row))), ("offered_by", json!(id(USER)))];
        let said = [("row_stamp", json!("7")), ("changed_at", json!(NOW_MS)), ("fields", json!({"title": "Lost"}))];
        Edit::put(registry::entity("offered_rows").unwrap(), None, key.into_iter().chain(said).collect())
    };
    let to_decide = |writer: &Writer| {
        let listed = held::offered(writer.connection()).unwrap().into_iter().map(|row| row.row_id).collect::<Vec<_>>();
        (held::count_to_decide(writer.connection(), &writer.device().owner).unwrap(), listed)
    };
    writer.edit(NOW_MS, &[offer(60), offer(61)]).unwrap();
    assert_eq!(to_decide(&writer), (0, vec![]), "not sent");
    // Another laptop has offered the second row before: the server accepts this offer and stores nothing.
    let twice = registry::entity("offered_rows").unwrap();
    let twice = twice.id_of(&[json!("topics"), json!(id(61)), json!(id(USER))]).unwrap();
    push(&mut writer, &mut core);
    core.delete("offered_rows", twice);
    assert_eq!(to_decide(&writer), (0, vec![]), "acknowledged, and not yet received");
    pull(&mut writer, &mut core);
    assert_eq!(to_decide(&writer), (1, vec![id(60).to_string()]));
    assert_eq!(visible(&writer, "offered_rows", twice, "state"), None);
}

#[test]
fn writes_of_another_program_are_detected() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open_writer(folder.path(), Role::Teacher, &[]);
    assert!(!writer.was_written_by_others().unwrap());
    writer
        .relaxed_transaction(|connection, _| Ok(connection.execute("INSERT INTO settings (name, value) VALUES ('a', '1')", [])?))
        .unwrap();
    assert!(!writer.was_written_by_others().unwrap(), "its own changes are not reported");
    let mut other = open_writer(folder.path(), Role::Teacher, &[]);
    other.relaxed_transaction(|connection, _| Ok(connection.execute("UPDATE settings SET value = '2'", [])?)).unwrap();
    assert!(writer.was_written_by_others().unwrap());
    assert!(!writer.was_written_by_others().unwrap(), "once");
}

mod histories {
    use super::*;
    use proptest::prelude::*;

    /// One step of a history.
    #[derive(Debug, Clone)]
    enum Step {
        Edit { student: u128, day: u32, status: usize },
        Note { student: u128, day: u32, note: u8 },
        Elsewhere { student: u128, day: u32, status: usize },
        Deleted { student: u128, day: u32 },
        Refuse { student: u128, day: u32 },
        Send,
        Lost,
        Page,
        Reopen,
    }

    const STATUSES: [&str; 4] = ["present", "late", "absent", "excused"];

    fn step() -> impl Strategy<Value = Step> {
        let cell = (100_u128..103, 1_u32..4);
        prop_oneof![
            4 => (cell.clone(), 0_usize..4).prop_map(|((student, day), status)| Step::Edit { student, day, status }),
            2 => (cell.clone(), 0_u8..9).prop_map(|((student, day), note)| Step::Note { student, day, note }),
            3 => (cell.clone(), 0_usize..4).prop_map(|((student, day), status)| Step::Elsewhere { student, day, status }),
            1 => cell.clone().prop_map(|(student, day)| Step::Deleted { student, day }),
            1 => cell.prop_map(|(student, day)| Step::Refuse { student, day }),
            3 => Just(Step::Send),
            1 => Just(Step::Lost),
            4 => Just(Step::Page),
            1 => Just(Step::Reopen),
        ]
    }

    /// The expected view of the person: the server's state with the pending changes on top.
    fn check_overlay(writer: &Writer) {
        let records = registry::entity("attendance_records").unwrap();
        let mut statement = writer.connection().prepare("SELECT DISTINCT row_id FROM outbox WHERE state < 3").unwrap();
        let pending: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
        let mut statement = writer.connection().prepare("SELECT row_id FROM shadows").unwrap();
        let shadows: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
        let sorted = |mut ids: Vec<String>| {
            ids.sort();
            ids
        };
        assert_eq!(sorted(pending.clone()), sorted(shadows), "a shadow for each row with something on top, and for no other");
        for row_id in pending {
            use waystation_client::store::overlay;
            let server = overlay::read_shadow(writer.connection(), records, &row_id).unwrap().unwrap();
            let changes = overlay::pending_of(writer.connection(), records, &row_id).unwrap();
            let expected = overlay::apply_pending(records, server, &changes).map(|row| row.values);
            let seen = waystation_client::store::rows::read(writer.connection(), records, &row_id).unwrap().map(|row| row.values);
            assert_eq!(seen, expected);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 400, ..ProptestConfig::default() })]

        #[test]
        fn any_history_shows_the_server_state_with_pending_changes_and_converges(steps in prop::collection::vec(step(), 1..60)) {
            let (folder, mut writer, mut core) = teacher();
            core.page_rows_max = 3;
            let mut now = NOW_MS;
            for step in steps {
                now += 1_000;
                core.now_ms = now;
                match step {
                    Step::Edit { student, day, status } => {
                        writer.edit(now, &[mark(student, day, json!(STATUSES[status]))]).unwrap();
                    }
                    Step::Note { student, day, note } => {
                        let mut edit = mark(student, day, Value::Null);
                        edit.fields.truncate(3);
                        edit.fields.push(("note", json!(format!("note {note}"))));
                        writer.edit(now, &[edit]).unwrap();
                    }
                    Step::Elsewhere { student, day, status } => {
                        core.put("attendance_records", None, &mark(student, day, json!(STATUSES[status])).fields);
                    }
                    Step::Deleted { student, day } => core.delete("attendance_records", mark_id(student, day)),
                    Step::Refuse { student, day } => {
                        if !core.refuse.remove(&mark_id(student, day)) {
                            core.refuse.insert(mark_id(student, day));
                        }
                    }
                    Step::Send => push(&mut writer, &mut core),
                    Step::Lost => {
                        if let Some(batch) = take(&mut writer) {
                            send(&writer, &mut core, &batch).unwrap();
                        }
                    }
                    Step::Page => {
                        let verdict = pull_page(&mut writer, &mut core);
                        prop_assert!(matches!(verdict, Verdict::Applied(ref applied) if applied.reread.is_empty()), "{verdict:?}");
                    }
                    Step::Reopen => {
                        drop(writer);
                        writer = Writer::open(&folder.path().join("store.db"), &key()).unwrap();
                    }
                }
                check_overlay(&writer);
            }
            push(&mut writer, &mut core);
            pull(&mut writer, &mut core);
            check_overlay(&writer);
            prop_assert_eq!(writer.device().waiting(), 0);
            let records = registry::entity("attendance_records").unwrap();
            let mut here = std::collections::BTreeMap::new();
            let mut statement = writer.connection().prepare("SELECT id FROM attendance_records").unwrap();
            let ids: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
            for row_id in ids {
                let row = waystation_client::store::rows::read(writer.connection(), records, &row_id).unwrap().unwrap();
                here.insert(("attendance_records".to_owned(), uuid::Uuid::parse_str(&row_id).unwrap()), row.values);
            }
            prop_assert_eq!(here, core.visible_rows());
        }
    }
}
