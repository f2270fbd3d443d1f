//! Scopes that a laptop follows: opened, pinned, let go, refused, and kept over a restart.

use crate::support::server::Core;
use crate::support::*;
use serde_json::json;
use waystation_client::error::ClientError;
use waystation_client::store::apply::Verdict;
use waystation_client::store::follows::{self, Opened, Standing};
use waystation_client::store::page::{self, Answer};
use waystation_client::store::{Edit, Writer, scopes};
use waystation_client::sync::exchange::{self, Fetched, Position};
use waystation_model::Code;
use waystation_model::access::Role;
use waystation_model::limits::{FOLLOWS_MAX, FOLLOWS_PINNED_MAX};
use waystation_model::scope::ScopeKind;

const LEARNER: u128 = 600;

fn scope() -> String {
    scope_of(LEARNER)
}

fn scope_of(learner: u128) -> String {
    ScopeKind::Learner.of(id(learner))
}

/// An administrator's laptop, and a server on which a learner is enrolled.
fn administrator() -> (tempfile::TempDir, Writer, Core) {
    let folder = tempfile::tempdir().unwrap();
    let writer = open_writer(folder.path(), Role::Admin, &[]);
    let mut core = Core::new(Role::Admin, &[ScopeKind::Org.of(id(ORGANIZATION)), ScopeKind::People.of(id(ORGANIZATION))]);
    core.followable.insert(scope());
    core.put(
        "enrollments",
        None,
        &[("user_id", json!(id(LEARNER))), ("course_id", json!(id(COURSE))), ("display_name", json!("Some One"))],
    );
    let payment = [
        ("student_id", json!(id(LEARNER))),
        ("payment_date", json!("2026-01-01")),
        ("amount_minor", json!(100)),
        ("currency", json!("EUR")),
        ("status", json!("paid")),
    ];
    core.put("payments", Some(id(700)), &payment);
    let mut laptop = (folder, writer, core);
    pull(&mut laptop.1, &mut laptop.2);
    laptop
}

/// The pages of a pull, not yet stored.
fn fetch(writer: &Writer, core: &mut Core) -> (exchange::Requester, Fetched) {
    let position = Position::of(writer).unwrap();
    let bytes = bytes::Bytes::from(core.pull(&position.ask_page()));
    let Answer::Page(outline) = page::outline(&bytes).unwrap() else { panic!("not a page") };
    (position.requester(), Fetched { bytes, outline, asked_with_cursors: true, offset_ms: Some(0) })
}

fn pull(writer: &mut Writer, core: &mut Core) {
    for _ in 0..100 {
        let (requester, page) = fetch(writer, core);
        match exchange::apply(writer, &requester, NOW_MS, &[page]).unwrap() {
            Some(Verdict::Applied(applied)) if !applied.more && applied.reread.is_empty() => {
                assert_eq!((applied.mismatched, applied.damaged), (Vec::<String>::new(), Vec::new()));
                return;
            }
            _ => {}
        }
    }
    panic!("the pull does not end");
}

fn open(writer: &mut Writer, scope: &str) -> Opened {
    writer.durable_transaction(|connection, device| follows::open(connection, device, scope)).unwrap()
}

fn let_go(writer: &mut Writer, scope: &str) {
    writer.durable_transaction(|connection, device| follows::let_go(connection, device, scope)).unwrap();
}

fn pin(writer: &mut Writer, scope: &str, pinned: bool) -> Result<(), ClientError> {
    writer.durable_transaction(|connection, _| follows::pin(connection, scope, pinned))
}

fn standing(writer: &Writer, scope: &str) -> (Standing, bool) {
    follows::standing(writer.connection(), scope).unwrap()
}

fn count(writer: &Writer, table: &str) -> i64 {
    writer.connection().query_row(&format!("SELECT count(id) FROM {table}"), [], |row| row.get(0)).unwrap()
}

#[test]
fn an_opened_scope_arrives_with_the_next_pull_and_leaves_at_once_when_let_go() {
    let (_folder, mut writer, mut core) = administrator();
    assert_eq!((count(&writer, "enrollments"), standing(&writer, &scope()).0), (0, Standing::Elsewhere));
    assert!(open(&mut writer, &scope()).is_new);
    assert_eq!(standing(&writer, &scope()), (Standing::Coming, false));
    pull(&mut writer, &mut core);
    assert_eq!((count(&writer, "enrollments"), standing(&writer, &scope())), (1, (Standing::Here, false)));
    assert!(!open(&mut writer, &scope()).is_new, "it is followed already");

    let_go(&mut writer, &scope());
    assert_eq!((count(&writer, "enrollments"), standing(&writer, &scope()).0), (0, Standing::Elsewhere));
    assert_eq!(count(&writer, "payments"), 1, "another scope holds these");
    pull(&mut writer, &mut core);
    assert_eq!(count(&writer, "enrollments"), 0);
    assert!(!scopes::is_subscribed(writer.connection(), &scope()).unwrap());
}

#[test]
fn the_least_recently_opened_is_let_go_first_and_a_pinned_one_stays() {
    let (_folder, mut writer, _core) = administrator();
    let first = 1_000;
    let all: Vec<String> = (first..first + FOLLOWS_MAX as u128).map(scope_of).collect();
    for scope in &all {
        assert_eq!(open(&mut writer, scope).let_go, Vec::<String>::new());
    }
    open(&mut writer, &all[0]);
    pin(&mut writer, &all[1], true).unwrap();
    assert_eq!(open(&mut writer, &scope_of(2_000)).let_go, [all[2].clone()]);
    assert_eq!(open(&mut writer, &scope_of(2_001)).let_go, [all[3].clone()]);
    pin(&mut writer, &all[1], false).unwrap();
    assert_eq!(open(&mut writer, &scope_of(2_002)).let_go, [all[1].clone()]);
    assert_eq!(follows::asked(writer.connection()).unwrap().len(), FOLLOWS_MAX);
}

#[test]
fn pins_have_a_limit_that_leaves_room_for_others() {
    let (_folder, mut writer, _core) = administrator();
    for learner in 0..=FOLLOWS_PINNED_MAX as u128 {
        open(&mut writer, &scope_of(1_000 + learner));
    }
    for learner in 0..FOLLOWS_PINNED_MAX as u128 {
        pin(&mut writer, &scope_of(1_000 + learner), true).unwrap();
    }
    let one_more = scope_of(1_000 + FOLLOWS_PINNED_MAX as u128);
    assert_eq!(pin(&mut writer, &one_more, true).unwrap_err().code(), Code::TooManyFollows);
    pin(&mut writer, &scope_of(1_000), true).expect("it is pinned already");
    pin(&mut writer, &scope_of(1_000), false).unwrap();
    pin(&mut writer, &one_more, true).unwrap();
    assert_eq!(pin(&mut writer, &scope_of(9), true).unwrap_err().code(), Code::NotFound);
}

#[test]
fn follows_and_pins_are_kept_over_a_restart() {
    let (folder, mut writer, mut core) = administrator();
    open(&mut writer, &scope());
    pull(&mut writer, &mut core);
    pin(&mut writer, &scope(), true).unwrap();
    drop(writer);
    let mut writer = Writer::open(&folder.path().join("store.db"), &key()).unwrap();
    assert_eq!(standing(&writer, &scope()), (Standing::Here, true));
    core.put("enrollments", None, &[("user_id", json!(id(LEARNER))), ("course_id", json!(id(COURSE))), ("status", json!("completed"))]);
    pull(&mut writer, &mut core);
    let status: String = writer.connection().query_row("SELECT status FROM enrollments", [], |row| row.get(0)).unwrap();
    assert_eq!(status, "completed");
}

#[test]
fn a_refused_scope_is_not_asked_for_again_until_it_is_opened_again() {
    let (_folder, mut writer, mut core) = administrator();
    open(&mut writer, &scope());
    pull(&mut writer, &mut core);
    pin(&mut writer, &scope(), true).unwrap();
    core.followable.clear();
    pull(&mut writer, &mut core);
    assert_eq!((standing(&writer, &scope()), count(&writer, "enrollments")), ((Standing::Refused, false), 0));
    assert_eq!(follows::asked(writer.connection()).unwrap(), Vec::<String>::new());
    assert_eq!(pin(&mut writer, &scope(), true).unwrap_err().code(), Code::NotFound);
    core.followable.insert(scope());
    assert!(open(&mut writer, &scope()).is_new);
    pull(&mut writer, &mut core);
    assert_eq!((standing(&writer, &scope()).0, count(&writer, "enrollments")), (Standing::Here, 1));
}

#[test]
fn a_scope_of_the_own_subscription_is_neither_followed_nor_let_go() {
    let (_folder, mut writer, mut core) = administrator();
    core.subscribed.insert(scope());
    pull(&mut writer, &mut core);
    assert_eq!(open(&mut writer, &scope()), Opened::default());
    let_go(&mut writer, &scope());
    assert_eq!((standing(&writer, &scope()).0, count(&writer, "enrollments")), (Standing::Subscribed, 1));
    assert_eq!(follows::asked(writer.connection()).unwrap(), Vec::<String>::new());
}

#[test]
fn a_page_requested_before_a_scope_was_let_go_does_not_bring_it_back() {
    let (_folder, mut writer, mut core) = administrator();
    open(&mut writer, &scope());
    let (requester, page) = fetch(&writer, &mut core);
    let_go(&mut writer, &scope());
    assert_eq!(exchange::apply(&mut writer, &requester, NOW_MS, &[page]).unwrap(), None);
    pull(&mut writer, &mut core);
    assert_eq!(count(&writer, "enrollments"), 0);
}

#[test]
fn a_change_that_waits_to_be_sent_outlives_the_scope() {
    let (_folder, mut writer, mut core) = administrator();
    open(&mut writer, &scope());
    pull(&mut writer, &mut core);
    let entity = waystation_model::registry::entity("payments").unwrap();
    writer.edit(NOW_MS, &[Edit::put(entity, Some(id(700)), vec![("title", json!("Spring"))])]).unwrap();
    let_go(&mut writer, &scope());
    let title: String = writer.connection().query_row("SELECT title FROM payments", [], |row| row.get(0)).unwrap();
    assert_eq!((title.as_str(), writer.device().waiting()), ("Spring", 1));
}

#[test]
fn following_gives_no_right_to_write() {
    let (_folder, mut writer, _core) = administrator();
    let entity = waystation_model::registry::entity("attendance_records").unwrap();
    let may = |writer: &Writer| {
        let mut values = entity.empty_values();
        values[entity.column_index("group_id").unwrap()] = json!(id(GROUP));
        let owner = writer.device().owner.clone();
        waystation_client::store::edit::may(writer.connection(), &owner, entity, entity.write, &id(1), &values).unwrap()
    };
    writer.connection().execute("INSERT INTO scopes (scope) VALUES (?1)", [ScopeKind::Roster.of(id(GROUP))]).unwrap();
    assert!(may(&writer), "a teacher of the group");
    // No kind that gives a right can be followed today, so the row is made by hand.
    writer.connection().execute("INSERT INTO follows (scope, used) VALUES (?1, 1)", [ScopeKind::Roster.of(id(GROUP))]).unwrap();
    assert!(!may(&writer));
    let _ = &mut writer;
}
