//! A server that is restored to an earlier state within one epoch, as by a copy of its files: changes that it acknowledged and lost are
//! sent again, once.

use std::collections::BTreeMap;
use std::path::Path;

use crate::support::server::Core;
use crate::support::*;
use bytes::Bytes;
use serde_json::{Value, json};
use waystation_client::error::ClientError;
use waystation_client::store::apply::Verdict;
use waystation_client::store::outbox;
use waystation_client::store::page::{self, Answer, Outline};
use waystation_client::store::slices::{self, Next};
use waystation_client::store::{Edit, Writer};
use waystation_client::sync::exchange::{self, Fetched, Position, Repair, Requester};
use waystation_model::Code;
use waystation_model::access::Role;
use waystation_model::limits::WITNESS_BYTES_MAX;
use waystation_model::registry;
use waystation_model::wire::{Base, PullRequest, PushAnswer};

fn teacher() -> (tempfile::TempDir, Writer, Core) {
    let folder = tempfile::tempdir().unwrap();
    let writer = open_writer(folder.path(), Role::Teacher, &[]);
    settled(writer, folder, Core::new(Role::Teacher, &[roster()]))
}

fn learner() -> (tempfile::TempDir, Writer, Core) {
    let folder = tempfile::tempdir().unwrap();
    let writer = open_writer(folder.path(), Role::Learner, &[]);
    settled(writer, folder, Core::new(Role::Learner, &[learner_scope(), course_scope()]))
}

fn settled(mut writer: Writer, folder: tempfile::TempDir, mut core: Core) -> (tempfile::TempDir, Writer, Core) {
    pull(&mut writer, &mut core);
    (folder, writer, core)
}

/// A request with the cursors, and the page that answers it now.
fn fetch(writer: &Writer, core: &mut Core) -> (Requester, Fetched) {
    let position = Position::of(writer).unwrap();
    (position.requester(), answered(&position.ask_page(), core))
}

fn answered(request: &PullRequest, core: &mut Core) -> Fetched {
    let bytes = Bytes::from(core.pull(request));
    let outline = outline(&bytes);
    Fetched { bytes, outline, asked_with_cursors: request.cursors.is_some(), offset_ms: Some(0) }
}

fn outline(bytes: &Bytes) -> Outline {
    let Answer::Page(outline) = page::outline(bytes).unwrap() else { panic!("not a page") };
    outline
}

fn apply(writer: &mut Writer, requester: Requester, page: Fetched) -> Verdict {
    exchange::apply(writer, &requester, NOW_MS, &[page]).unwrap().unwrap()
}

fn pull_page(writer: &mut Writer, core: &mut Core) -> Verdict {
    let (requester, page) = fetch(writer, core);
    apply(writer, requester, page)
}

fn pull(writer: &mut Writer, core: &mut Core) {
    for _ in 0..20 {
        match pull_page(writer, core) {
            Verdict::Applied(applied) if applied.more || !applied.reread.is_empty() => {}
            Verdict::Applied(_) => return,
            Verdict::StartAgain => {}
            Verdict::Copied => panic!("taken for a copy"),
        }
    }
    panic!("the pull does not end");
}

/// Sends all pending changes, and returns the last answer.
fn push(writer: &mut Writer, core: &mut Core) -> Option<PushAnswer> {
    let mut last = None;
    while let Some(sending) = exchange::take(writer, NOW_MS).unwrap() {
        let answer = core.push(sending.request).unwrap();
        exchange::store(writer, &sending.batch, &answer, Some(0)).unwrap();
        last = Some(answer);
    }
    last
}

fn note(seconds: i64) -> Edit {
    Edit::put(
        registry::entity("content_progress").unwrap(),
        None,
        vec![
            ("user_id", json!(id(USER))),
            ("content_item_id", json!(id(50))),
            ("course_id", json!(id(COURSE))),
            ("reset_number", json!(0)),
            ("percent", json!(seconds)),
            ("time_spent_seconds", json!(seconds)),
        ],
    )
}

fn note_id() -> uuid::Uuid {
    let (user, item) = (id(USER).to_string(), id(50).to_string());
    waystation_model::ids::derived_id("content_progress", [Some(user.as_str()), Some(item.as_str())])
}

fn status(core: &Core, day: u32) -> Option<Value> {
    core.value("attendance_records", mark_id(100, day), "status")
}

/// The base of each numbered change, by its number.
fn own_bases(writer: &Writer) -> BTreeMap<i64, Option<i64>> {
    let mut statement = writer.connection().prepare("SELECT n, base_own FROM outbox").unwrap();
    statement.query_map([], |row| Ok((row.get("n")?, row.get("base_own")?))).unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn acknowledged_changes_missing_from_a_fresh_page_are_resent_within_one_epoch() {
    let (_folder, mut writer, mut core) = teacher();
    writer.edit(NOW_MS, &[mark(100, 5, json!("present"))]).unwrap();
    push(&mut writer, &mut core);
    pull(&mut writer, &mut core);
    let before = core.clone();
    writer.edit(NOW_MS, &[mark(100, 5, json!("late")), mark(100, 6, json!("absent"))]).unwrap();
    push(&mut writer, &mut core);
    pull(&mut writer, &mut core);
    assert_eq!(writer.device().waiting(), 0);
    core = before;
    assert_eq!(pull_page(&mut writer, &mut core), Verdict::StartAgain);
    assert_eq!(writer.device().waiting(), 2, "what the server has lost counts as waiting");
    for (day, word) in [(5, "late"), (6, "absent")] {
        assert_eq!(visible(&writer, "attendance_records", mark_id(100, day), "status"), Some(json!(word)), "the value stays visible");
    }
    push(&mut writer, &mut core);
    pull(&mut writer, &mut core);
    assert_eq!((status(&core, 5), status(&core, 6)), (Some(json!("late")), Some(json!("absent"))));
    assert_eq!((core.last_n(id(DEVICE)), writer.device().waiting()), (3, 0));
    assert_eq!(count(&writer, "SELECT count(row_id) FROM shadows"), 0);
}

#[test]
fn rows_of_others_that_the_server_lost_are_removed() {
    let (_folder, mut writer, mut core) = teacher();
    writer.edit(NOW_MS, &[mark(100, 5, json!("present"))]).unwrap();
    let before = core.clone();
    push(&mut writer, &mut core);
    core.put("attendance_records", None, &mark(101, 9, json!("late")).fields);
    pull(&mut writer, &mut core);
    core = before;
    // As many changes as were lost: the cursor alone would not show the loss.
    core.put("attendance_records", None, &mark(102, 8, json!("absent")).fields);
    core.put("attendance_records", None, &mark(102, 9, json!("absent")).fields);
    pull(&mut writer, &mut core);
    push(&mut writer, &mut core);
    pull(&mut writer, &mut core);
    let days: Vec<Option<Value>> = [(100, 5), (101, 9), (102, 8), (102, 9)]
        .map(|(student, day)| visible(&writer, "attendance_records", mark_id(student, day), "status"))
        .to_vec();
    assert_eq!(days, [Some(json!("present")), None, Some(json!("absent")), Some(json!("absent"))]);
}

#[test]
fn an_answer_overtaken_by_a_push_proves_no_loss() {
    let (_folder, mut writer, mut core) = teacher();
    let (requester, page) = fetch(&writer, &mut core);
    writer.edit(NOW_MS, &[mark(100, 5, json!("late"))]).unwrap();
    push(&mut writer, &mut core);
    assert!(matches!(apply(&mut writer, requester, page), Verdict::Applied(_)));
    assert_eq!(writer.device().waiting(), 0);
}

#[test]
fn a_page_that_may_have_been_read_ahead_proves_no_loss() {
    let (_folder, mut writer, mut core) = teacher();
    let (_, mut early) = fetch(&writer, &mut core);
    early.asked_with_cursors = false;
    writer.edit(NOW_MS, &[mark(100, 5, json!("late"))]).unwrap();
    push(&mut writer, &mut core);
    let position = Position::of(&writer).unwrap();
    assert!(position.needs_confirmation(&Answer::Page(early.outline.clone())));
    let (_, fresh) = fetch(&writer, &mut core);
    assert!(!position.needs_confirmation(&Answer::Page(fresh.outline)));
    assert!(matches!(apply(&mut writer, position.requester(), early), Verdict::Applied(_)));
    assert_eq!(writer.device().waiting(), 0);
}

#[test]
fn a_request_from_before_the_renumbering_proves_no_loss_afterwards() {
    let (_folder, mut writer, mut core) = teacher();
    let before = core.clone();
    writer.edit(NOW_MS, &[mark(100, 5, json!("late"))]).unwrap();
    push(&mut writer, &mut core);
    core = before;
    let (requester, page) = fetch(&writer, &mut core);
    // The other exchange detects it and sends everything again, while the page is on its way.
    writer.durable_transaction(|connection, device| outbox::rewind_to(connection, device, 0)).unwrap();
    push(&mut writer, &mut core);
    assert_eq!(exchange::apply(&mut writer, &requester, NOW_MS, &[page]).unwrap(), None);
    assert_eq!(writer.device().waiting(), 0);
}

#[test]
fn a_push_answer_from_before_the_renumbering_acknowledges_and_repairs_nothing() {
    let (_folder, mut writer, mut core) = teacher();
    let before = core.clone();
    writer.edit(NOW_MS, &[mark(100, 5, json!("late"))]).unwrap();
    push(&mut writer, &mut core);
    writer.edit(NOW_MS, &[mark(100, 6, json!("late"))]).unwrap();
    let sending = exchange::take(&mut writer, NOW_MS).unwrap().unwrap();
    let taken = core.push(sending.request.clone()).unwrap();
    core = before;
    let refused = core.push(sending.request).unwrap_err();
    assert_eq!(refused.code, Code::NumberGap);
    assert_eq!(pull_page(&mut writer, &mut core), Verdict::StartAgain);

    exchange::store(&mut writer, &sending.batch, &taken, Some(0)).unwrap();
    assert_eq!(writer.device().waiting(), 2);
    let rewinds = sending.batch.rewinds;
    assert_eq!(exchange::repair(&mut writer, rewinds, ClientError::Refused(refused.clone())).unwrap(), Repair::Again);
    // Repeated for the current numbers, it is not a reason to renumber either.
    let rewinds = writer.device().rewinds;
    assert_eq!(exchange::repair(&mut writer, rewinds, ClientError::Refused(refused)).unwrap(), Repair::Again);
    push(&mut writer, &mut core);
    pull(&mut writer, &mut core);
    assert_eq!((core.last_n(id(DEVICE)), status(&core, 5), status(&core, 6)), (2, Some(json!("late")), Some(json!("late"))));
}

#[test]
fn after_a_loss_beyond_retention_a_new_device_sends_the_retained_changes() {
    let (_folder, mut writer, mut core) = teacher();
    let before = core.clone();
    for day in 5..8 {
        writer.edit(NOW_MS, &[mark(100, day, json!("late"))]).unwrap();
        push(&mut writer, &mut core);
    }
    pull(&mut writer, &mut core);
    writer.connection().execute("DELETE FROM outbox WHERE n = 1", []).unwrap();
    core = before;
    assert_eq!(pull_page(&mut writer, &mut core), Verdict::Copied);
    writer.durable_transaction(|connection, device| outbox::become_device(connection, device, id(77))).unwrap();
    assert_eq!(writer.device().waiting(), 2);
    push(&mut writer, &mut core);
    pull(&mut writer, &mut core);
    assert_eq!((status(&core, 6), status(&core, 7)), (Some(json!("late")), Some(json!("late"))));
}

#[test]
fn an_unknown_device_sends_acknowledged_and_pending_changes_under_new_numbers() {
    let (folder, mut writer, mut core) = teacher();
    let before = core.clone();
    writer.edit(NOW_MS, &[mark(100, 5, json!("present"))]).unwrap();
    push(&mut writer, &mut core);
    pull(&mut writer, &mut core);
    writer.edit(NOW_MS, &[mark(100, 6, json!("late"))]).unwrap();
    push(&mut writer, &mut core);
    // Based on an own change that no pull has covered, and one that was never sent.
    writer.edit(NOW_MS, &[mark(100, 6, json!("excused"))]).unwrap();
    assert_eq!(own_bases(&writer), BTreeMap::from([(1, None), (2, None), (3, Some(2))]));
    core = before;
    writer.durable_transaction(|connection, device| outbox::replace_unknown_device(connection, device, id(77))).unwrap();
    assert_eq!((writer.device().device_id, writer.device().waiting(), writer.device().next_n), (id(77), 3, 4));
    assert_eq!(own_bases(&writer), BTreeMap::from([(1, None), (2, None), (3, Some(2))]));
    // All of it is on the disk.
    drop(writer);
    let mut writer = Writer::open(&folder.path().join("store.db"), &key()).unwrap();
    push(&mut writer, &mut core);
    pull(&mut writer, &mut core);
    assert_eq!((status(&core, 5), status(&core, 6)), (Some(json!("present")), Some(json!("excused"))));
    assert_eq!((core.last_n(id(77)), core.last_n(id(DEVICE))), (3, 0));
    assert_eq!(visible(&writer, "attendance_records", mark_id(100, 6), "status"), Some(json!("excused")));
    assert_eq!(count(&writer, "SELECT count(row_id) FROM shadows"), 0);
}

#[test]
fn a_base_on_an_own_change_follows_its_new_number() {
    let (_folder, mut writer, mut core) = teacher();
    writer.edit(NOW_MS, &[mark(101, 5, json!("late"))]).unwrap();
    push(&mut writer, &mut core);
    pull(&mut writer, &mut core);
    core.safe_upto = 1;
    writer.edit(NOW_MS, &[mark(100, 6, json!("late"))]).unwrap();
    push(&mut writer, &mut core);
    writer.edit(NOW_MS, &[mark(100, 6, json!("excused"))]).unwrap();
    // The first of them is no longer retained.
    writer.connection().execute("DELETE FROM outbox WHERE n = 1", []).unwrap();
    writer.durable_transaction(|connection, device| outbox::replace_unknown_device(connection, device, id(77))).unwrap();
    assert_eq!(own_bases(&writer), BTreeMap::from([(1, None), (2, Some(1))]));
    let sending = exchange::take(&mut writer, NOW_MS).unwrap().unwrap();
    assert_eq!(sending.batch.mutations[1].base, Base { stamp: None, own: Some(1) });
}

#[test]
fn time_spent_counts_once_whatever_the_server_lost() {
    let (_folder, mut writer, mut core) = learner();
    let before = core.clone();
    for seconds in [10, 20] {
        writer.edit(NOW_MS, &[note(seconds)]).unwrap();
        push(&mut writer, &mut core);
    }
    let half = core.clone();
    writer.edit(NOW_MS, &[note(30)]).unwrap();
    push(&mut writer, &mut core);
    pull(&mut writer, &mut core);
    for (index, earlier) in [half, before].into_iter().enumerate() {
        core = earlier;
        if index == 1 {
            writer.durable_transaction(|connection, device| outbox::replace_unknown_device(connection, device, id(77))).unwrap();
        }
        pull(&mut writer, &mut core);
        push(&mut writer, &mut core);
        pull(&mut writer, &mut core);
        assert_eq!(core.value("content_progress", note_id(), "time_spent_seconds"), Some(json!(60)));
        assert_eq!(visible(&writer, "content_progress", note_id(), "time_spent_seconds"), Some(json!(60)));
    }
}

fn copy_of(writer: Writer, from: &Path, to: &Path) -> (Writer, Writer) {
    drop(writer);
    std::fs::copy(from.join("store.db"), to.join("store.db")).unwrap();
    (Writer::open(&from.join("store.db"), &key()).unwrap(), Writer::open(&to.join("store.db"), &key()).unwrap())
}

#[test]
fn a_copy_whose_new_device_was_lost_sends_only_its_own_changes() {
    let (folder, mut writer, mut core) = learner();
    // Acknowledged, and on top of its row until the next pull.
    writer.edit(NOW_MS, &[note(10)]).unwrap();
    push(&mut writer, &mut core);
    let copied = tempfile::tempdir().unwrap();
    let (mut original, mut copy) = copy_of(writer, folder.path(), copied.path());
    let before = core.clone();
    original.edit(NOW_MS, &[note(20)]).unwrap();
    push(&mut original, &mut core);
    copy.durable_transaction(|connection, device| outbox::become_device(connection, device, id(77))).unwrap();
    copy.edit(NOW_MS, &[note(40)]).unwrap();
    push(&mut copy, &mut core);
    core = before;
    copy.durable_transaction(|connection, device| outbox::replace_unknown_device(connection, device, id(78))).unwrap();
    for writer in [&mut original, &mut copy] {
        pull(writer, &mut core);
        push(writer, &mut core);
    }
    for writer in [&mut original, &mut copy] {
        pull(writer, &mut core);
        assert_eq!(visible(writer, "content_progress", note_id(), "time_spent_seconds"), Some(json!(70)));
    }
    assert_eq!(core.value("content_progress", note_id(), "time_spent_seconds"), Some(json!(70)));
}

#[test]
fn the_newest_witness_is_stored_and_sent_with_every_request() {
    let (folder, mut writer, mut core) = teacher();
    assert_eq!(writer.device().witness, None);
    core.witness = Some("page".into());
    pull(&mut writer, &mut core);
    let position = Position::of(&writer).unwrap();
    assert_eq!(position.ask().witness.as_deref(), Some("page"));
    assert_eq!(position.ask_page().witness.as_deref(), Some("page"));

    let (requester, early) = fetch(&writer, &mut core);
    core.witness = Some("push".into());
    writer.edit(NOW_MS, &[mark(100, 5, json!("late"))]).unwrap();
    assert_eq!(exchange::take(&mut writer, NOW_MS).unwrap().unwrap().request.witness.as_deref(), Some("page"));
    push(&mut writer, &mut core);
    assert_eq!(writer.device().witness.as_deref(), Some("push"));
    apply(&mut writer, requester, early);
    assert_eq!(writer.device().witness.as_deref(), Some("push"), "an overtaken answer has the older witness");

    core.witness = None;
    pull(&mut writer, &mut core);
    assert_eq!(writer.device().witness.as_deref(), Some("push"), "an answer without a witness keeps the old one");
    core.witness = Some("w".repeat(WITNESS_BYTES_MAX + 1));
    pull(&mut writer, &mut core);
    assert_eq!(writer.device().witness.as_deref(), Some("push"), "a witness that is too long is not stored, and its page is applied");
    let longest = "ə".repeat(WITNESS_BYTES_MAX / 2);
    core.witness = Some(longest.clone());
    pull(&mut writer, &mut core);
    drop(writer);
    let writer = Writer::open(&folder.path().join("store.db"), &key()).unwrap();
    slices::set_damaged(writer.connection(), &roster()).unwrap();
    let Next::Ask(asked) = slices::begin(writer.connection(), writer.device(), &roster()).unwrap() else { panic!("no request is made") };
    assert_eq!(asked.witness, Some(longest));
}

#[test]
fn a_witness_survives_a_new_epoch_but_not_a_change_of_server() {
    let (folder, mut writer, mut core) = teacher();
    let before = core.clone();
    core.witness = Some("later".into());
    writer.edit(NOW_MS, &[mark(100, 5, json!("late"))]).unwrap();
    push(&mut writer, &mut core);
    core = before.clone();
    core.witness = Some("earlier".into());
    assert_eq!(pull_page(&mut writer, &mut core), Verdict::StartAgain);
    assert_eq!(writer.device().witness.as_deref(), Some("later"), "the witness shows the server that it was restored");

    core.restore(&before);
    core.witness = None;
    assert_eq!(pull_page(&mut writer, &mut core), Verdict::StartAgain);
    assert_eq!(writer.device().witness.as_deref(), Some("later"));
    drop(writer);
    let path = folder.path().join("store.db");
    let writer = Writer::open_for(&path, &key(), id(DEVICE), &owner(Role::Teacher)).unwrap();
    assert_eq!(writer.device().witness.as_deref(), Some("later"), "signing in again keeps the witness");
    drop(writer);
    let elsewhere = waystation_client::store::Owner { server: "http://127.0.0.1:10".into(), ..owner(Role::Teacher) };
    let writer = Writer::open_for(&path, &key(), id(DEVICE), &elsewhere).unwrap();
    assert_eq!(writer.device().witness, None);
}
