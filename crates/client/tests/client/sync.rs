//! A laptop and a server over HTTP: signing in, working offline, sending, pulling, and every kind of interruption.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::support::http::Server;
use crate::support::*;
use serde_json::{Value, json};
use waystation_client::app::{App, Config};
use waystation_client::commands;
use waystation_model::access::Role;
use waystation_model::{Code, Problem};

pub async fn app(laptop: &Laptop) -> App {
    App::new(Config::new(laptop.folder.path()), laptop.environment.clone()).await.unwrap()
}

pub async fn call(app: &App, name: &str, arguments: Value) -> Result<Value, Problem> {
    commands::call(app, name, arguments).await
}

pub async fn sign_in(app: &App, server: &Server, password: &str) -> Result<Value, Problem> {
    call(app, "sign_in", json!({"server": server.url(), "name": "somebody", "password": password})).await
}

pub async fn set_mark(app: &App, student: u128, day: u32, status: Value) -> Result<Value, Problem> {
    let mark = json!({"student_id": id(student), "lesson_date": format!("2026-01-{day:02}"), "status": status});
    call(app, "set_marks", json!({"group_id": id(GROUP), "marks": [mark]})).await
}

/// A school with one group, and a teacher who has signed in and pulled everything.
pub async fn school() -> (Arc<Server>, Laptop, App) {
    let server = Server::start(Role::Teacher, &[roster(), format!("group:{}", id(GROUP)), format!("org:{}", id(ORGANIZATION))]).await;
    {
        let mut core = server.core.lock().unwrap();
        core.put(
            "groups",
            Some(id(GROUP)),
            &[
                ("teacher_id", json!(id(USER))),
                ("name", json!("Qrup1")),
                ("display_name", json!("Qrup1: 1-4 11:00")),
                ("days_of_week", json!([1, 4])),
            ],
        );
        for student in 100..103 {
            let fields = [
                ("group_id", json!(id(GROUP))),
                ("user_id", json!(id(student))),
                ("display_name", json!(format!("Student {student}"))),
                ("joined_at", json!(NOW_MS - 86_400_000 * 60)),
            ];
            core.put("group_memberships", None, &fields);
        }
    }
    let laptop = Laptop::new();
    let app = app(&laptop).await;
    sign_in(&app, &server, "right").await.unwrap();
    call(&app, "sync_now", json!({})).await.unwrap();
    (server, laptop, app)
}

pub async fn status(app: &App) -> Value {
    call(app, "sync_status", json!({})).await.unwrap()
}

pub async fn cell(app: &App, student: u128, day: u32) -> Value {
    let date = format!("2026-01-{day:02}");
    let grid = call(app, "grid", json!({"group_id": id(GROUP), "from": "2026-01-01", "to": "2026-01-31"})).await.unwrap();
    let index = grid["days"].as_array().unwrap().iter().position(|other| *other == json!(date)).unwrap();
    let row = grid["students"].as_array().unwrap().iter().find(|row| row["student_id"] == json!(id(student))).unwrap();
    row["cells"][index].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_reaches_the_server_by_itself() {
    let (server, _laptop, app) = school().await;
    set_mark(&app, 100, 5, json!("late")).await.unwrap();
    until(async || server.core.lock().unwrap().value("attendance_records", mark_id(100, 5), "status") == Some(json!("late"))).await;
    until(async || status(&app).await["safe_to_close"] == json!(true)).await;
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn offline_changes_are_sent_when_the_network_returns() {
    let (server, _laptop, app) = school().await;
    server.cut.store(true, Ordering::SeqCst);
    set_mark(&app, 100, 5, json!("late")).await.unwrap();
    let said = call(&app, "sync_now", json!({})).await.unwrap();
    assert_eq!((&said["online"], &said["waiting"], &said["problem"]), (&json!(false), &json!(1), &json!(null)));
    assert_eq!(cell(&app, 100, 5).await["waiting"], json!(true));
    let centre = call(&app, "sync_centre", json!({})).await.unwrap();
    assert_eq!(centre["waiting"][0]["about"], json!("Student 100 · 2026-01-05"));
    server.cut.store(false, Ordering::SeqCst);
    let said = call(&app, "sync_now", json!({})).await.unwrap();
    assert_eq!((&said["online"], &said["waiting"]), (&json!(true), &json!(0)));
    assert_eq!(cell(&app, 100, 5).await["waiting"], json!(false));
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_answer_was_lost_is_applied_once() {
    let (server, _laptop, app) = school().await;
    server.lose_answers.store(1, Ordering::SeqCst);
    set_mark(&app, 100, 5, json!("late")).await.unwrap();
    until(async || call(&app, "sync_now", json!({})).await.unwrap()["waiting"] == json!(0)).await;
    assert!(server.pushes.load(Ordering::SeqCst) >= 2);
    assert_eq!(server.core.lock().unwrap().last_n(id(1000)), 1);
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_change_is_corrected_and_resent_or_discarded() {
    let (server, _laptop, app) = school().await;
    server.core.lock().unwrap().refuse.insert(mark_id(100, 5));
    set_mark(&app, 100, 5, json!("late")).await.unwrap();
    until(async || status(&app).await["attention"] == json!(1)).await;
    let item = call(&app, "sync_centre", json!({})).await.unwrap()["attention"][0].clone();
    assert_eq!((&item["code"], &item["entity"]), (&json!("taken"), &json!("attendance_records")));
    let field = item["fields"].as_array().unwrap().iter().find(|field| field["name"] == json!("status")).unwrap().clone();
    assert_eq!((&field["value"], &field["kind"], &field["editable"]), (&json!("late"), &json!("choice"), &json!(true)));

    server.core.lock().unwrap().refuse.clear();
    call(&app, "send_again", json!({"n": item["n"], "fields": {"status": "excused"}})).await.unwrap();
    until(async || server.core.lock().unwrap().value("attendance_records", mark_id(100, 5), "status") == Some(json!("excused"))).await;

    server.core.lock().unwrap().refuse.insert(mark_id(100, 8));
    set_mark(&app, 100, 8, json!("late")).await.unwrap();
    until(async || status(&app).await["attention"] == json!(1)).await;
    let item = call(&app, "sync_centre", json!({})).await.unwrap()["attention"][0].clone();
    let file = call(&app, "export_changes", json!({})).await.unwrap();
    assert!(std::fs::read_to_string(file["path"].as_str().unwrap()).unwrap().contains("\"late\""));
    call(&app, "discard", json!({"n": item["n"]})).await.unwrap();
    assert_eq!(status(&app).await["attention"], json!(0));
    assert_eq!(call(&app, "discard", json!({"n": item["n"]})).await.unwrap_err().code, Code::NotFound);
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_changes_of_one_row_are_one_item_and_the_last_value_is_resent() {
    let (server, _laptop, app) = school().await;
    server.core.lock().unwrap().refuse.insert(mark_id(100, 5));
    server.cut.store(true, Ordering::SeqCst);
    for word in ["present", "late", "excused"] {
        set_mark(&app, 100, 5, json!(word)).await.unwrap();
    }
    let with_note = json!({"student_id": id(100), "lesson_date": "2026-01-05", "status": "excused", "note": "ill"});
    call(&app, "set_marks", json!({"group_id": id(GROUP), "marks": [with_note]})).await.unwrap();
    server.cut.store(false, Ordering::SeqCst);
    until(async || call(&app, "sync_now", json!({})).await.unwrap()["waiting"] == json!(0)).await;
    assert_eq!(status(&app).await["attention"], json!(1));
    let centre = call(&app, "sync_centre", json!({})).await.unwrap();
    assert_eq!(centre["attention"].as_array().unwrap().len(), 1);
    let item = centre["attention"][0].clone();
    let value = |name: &str| item["fields"].as_array().unwrap().iter().find(|field| field["name"] == json!(name)).unwrap()["value"].clone();
    assert_eq!((&item["code"], value("status"), value("note")), (&json!("taken"), json!("excused"), json!("ill")));

    server.core.lock().unwrap().refuse.clear();
    call(&app, "send_again", json!({"n": item["n"], "fields": {}})).await.unwrap();
    until(async || server.core.lock().unwrap().value("attendance_records", mark_id(100, 5), "status") == Some(json!("excused"))).await;
    assert_eq!(server.core.lock().unwrap().value("attendance_records", mark_id(100, 5), "note"), Some(json!("ill")));
    assert_eq!(status(&app).await["attention"], json!(0));
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_contains_the_pending_changes_in_the_persons_folder() {
    let (server, laptop, app) = school().await;
    server.cut.store(true, Ordering::SeqCst);
    for student in 100..350 {
        set_mark(&app, student, 5, json!("excused")).await.unwrap();
    }
    let path = call(&app, "export_changes", json!({})).await.unwrap()["path"].as_str().unwrap().to_owned();
    assert!(path.starts_with(laptop.folder.path().join("people").join(id(USER).to_string()).to_str().unwrap()), "{path}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0, "only the owner can read it");
    }
    let file: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let waiting = file["waiting"].as_array().unwrap();
    assert_eq!(waiting.len(), 250, "all of them");
    let first = &waiting[0];
    assert_eq!((&first["about"], &first["entity"]), (&json!("Student 100 · 2026-01-05"), &json!("attendance_records")));
    assert_eq!((&first["values"]["status"], &first["values"]["lesson_date"]), (&json!("excused"), &json!("2026-01-05")));
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_state_costs_one_small_request() {
    let server = Server::start(Role::Teacher, &[roster()]).await;
    let mut laptop = Laptop::new();
    laptop.environment.slow_poll_ms = 2;
    let app = app(&laptop).await;
    sign_in(&app, &server, "right").await.unwrap();
    let asked = || server.digests.lock().unwrap().clone();
    // After the first pull the timer asks with a digest only.
    until(async || asked().ends_with(&[true, true, true])).await;
    let before = asked().len();
    until(async || asked().len() > before + 10).await;
    assert!(asked()[before..].iter().all(|digest| *digest), "nothing was new");
    assert_eq!(status(&app).await["problem"], json!(null));

    // After a change: one digest detects it, and then it is fetched.
    server.core.lock().unwrap().put("attendance_records", None, &mark(100, 5, json!("late")).fields);
    until(async || asked()[before..].contains(&false)).await;
    until(async || asked().ends_with(&[true, true, true])).await;
    assert_eq!(asked()[before..].iter().filter(|digest| !**digest).count(), 1);
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_sync_of_many_pages_completes_and_reports_what_is_left() {
    use waystation_client::view_models::Event;
    let (server, laptop, app) = school().await;
    app.shutdown().await;
    {
        let mut core = server.core.lock().unwrap();
        core.page_rows_max = 10;
        for student in 200..220 {
            let member = [("group_id", json!(id(GROUP))), ("user_id", json!(id(student))), ("joined_at", json!(NOW_MS - 86_400_000 * 60))];
            core.put("group_memberships", None, &member);
            for day in 1..10 {
                core.put("attendance_records", None, &mark(student, day, json!("present")).fields);
            }
        }
    }
    drop((app, laptop));
    let laptop = Laptop::new();
    let app = self::app(&laptop).await;
    let mut events = app.events();
    sign_in(&app, &server, "right").await.unwrap();
    until(async || status(&app).await["last_sync_at"].is_number()).await;
    let grid = call(&app, "grid", json!({"group_id": id(GROUP), "from": "2026-01-01", "to": "2026-01-31"})).await.unwrap();
    let cells = grid["students"].as_array().unwrap().iter().flat_map(|student| student["cells"].as_array().unwrap());
    assert_eq!(cells.filter(|cell| cell["status"] == json!("present")).count(), 180);
    assert_eq!(status(&app).await["rows_left"], json!(null));
    let mut left = Vec::new();
    while let Ok(event) = events.try_recv() {
        if let Event::Sync { status } = event {
            left.extend(status.rows_left.filter(|left| *left > 0));
        }
    }
    assert!(!left.is_empty() && left.is_sorted_by(|one, next| one > next), "{left:?}");
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_refused_as_a_whole_is_reported_although_pulls_succeed() {
    let (server, _laptop, app) = school().await;
    *server.refuse_pushes.lock().unwrap() = Some(Code::BodyTooLarge);
    set_mark(&app, 100, 5, json!("late")).await.unwrap();
    let said = call(&app, "sync_now", json!({})).await.unwrap();
    assert_eq!((&said["online"], &said["waiting"], &said["problem"]), (&json!(true), &json!(1), &json!("body_too_large")));
    *server.refuse_pushes.lock().unwrap() = None;
    until(async || call(&app, "sync_now", json!({})).await.unwrap()["waiting"] == json!(0)).await;
    assert_eq!(status(&app).await["problem"], json!(null));
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_stream_that_breaks_often_is_reopened_without_growing_delays() {
    let (server, _laptop, app) = school().await;
    server.breaking_streams.store(usize::MAX, Ordering::SeqCst);
    call(&app, "lock", json!({})).await.unwrap();
    call(&app, "unlock", json!({"user_id": id(USER), "password": "right"})).await.unwrap();
    // Delays that doubled would exceed the time limit of a test.
    let before = server.streams.load(Ordering::SeqCst);
    until(async || server.streams.load(Ordering::SeqCst) >= before + 7).await;
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_missed_events_is_told_to_reload_everything() {
    use waystation_client::view_models::Event;
    let (_server, _laptop, app) = school().await;
    let told = app.catch_up_events().await;
    assert!(told.iter().any(|event| matches!(event, Event::Changed { entities } if entities.contains(&"media_assets".to_owned()))));
    assert!(told.iter().any(|event| matches!(event, Event::Sync { status } if status.waiting == 0)));
    assert!(told.iter().any(|event| matches!(event, Event::Downloads { .. })) && told.contains(&Event::People));
    app.shutdown().await;
    assert_eq!(app.catch_up_events().await.len(), 2, "nobody is unlocked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copied_laptop_becomes_a_new_device_and_both_continue() {
    let (server, laptop, app) = school().await;
    app.shutdown().await;
    drop(app);
    let copy = Laptop::new();
    copy_folder(laptop.folder.path(), copy.folder.path());
    let original = self::app(&laptop).await;
    let mut environment = copy.environment.clone();
    environment.secrets = laptop.secrets.clone();
    let copied = App::new(Config::new(copy.folder.path()), environment).await.unwrap();
    for app in [&original, &copied] {
        until(async || call(app, "unlock", json!({"user_id": id(USER), "password": "right"})).await.is_ok()).await;
    }
    set_mark(&original, 100, 5, json!("late")).await.unwrap();
    until(async || server.core.lock().unwrap().value("attendance_records", mark_id(100, 5), "status") == Some(json!("late"))).await;
    copy.clock.pass(1_000);
    set_mark(&copied, 101, 5, json!("absent")).await.unwrap();
    until(async || server.core.lock().unwrap().value("attendance_records", mark_id(101, 5), "status") == Some(json!("absent"))).await;
    until(async || call(&original, "sync_now", json!({})).await.unwrap()["waiting"] == json!(0)).await;
    assert_eq!(cell(&original, 101, 5).await["status"], json!("absent"));
    assert_eq!(server.core.lock().unwrap().last_n(id(1000)), 1, "the original continued unchanged");
    original.shutdown().await;
    copied.shutdown().await;
}

pub fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_restored_from_last_night_receives_todays_changes_again() {
    let (server, _laptop, app) = school().await;
    set_mark(&app, 100, 1, json!("present")).await.unwrap();
    until(async || status(&app).await["waiting"] == json!(0)).await;
    let backup = server.core.lock().unwrap().clone();
    set_mark(&app, 100, 5, json!("late")).await.unwrap();
    until(async || status(&app).await["waiting"] == json!(0)).await;
    server.core.lock().unwrap().restore(&backup);
    call(&app, "sync_now", json!({})).await.unwrap();
    until(async || call(&app, "sync_now", json!({})).await.unwrap()["waiting"] == json!(0)).await;
    assert_eq!(server.core.lock().unwrap().value("attendance_records", mark_id(100, 5), "status"), Some(json!("late")));
    assert_eq!(cell(&app, 100, 5).await["status"], json!("late"));
    app.shutdown().await;
}

/// Queries one number from the laptop's database.
async fn number(app: &App, sql: &'static str) -> i64 {
    let store = app.store().unwrap();
    store.read(move |connection| Ok(connection.query_row(sql, [], |row| row.get(0))?)).await.unwrap()
}

/// A laptop that lost a row without a trace, and a server with a new change: the checksums will differ.
async fn with_a_hole() -> (Arc<Server>, Laptop, App) {
    let (server, laptop, app) = school().await;
    set_mark(&app, 100, 5, json!("late")).await.unwrap();
    until(async || status(&app).await["waiting"] == json!(0)).await;
    call(&app, "sync_now", json!({})).await.unwrap();
    let store = app.store().unwrap();
    let forget = |sql: &'static str| store.write(move |writer| Ok(writer.connection().execute(sql, [])?));
    assert_eq!(forget("DELETE FROM attendance_records").await.unwrap(), 1);
    assert!(forget("UPDATE scope_sums SET sum = sum + 1").await.unwrap() > 0);
    server.core.lock().unwrap().put("attendance_records", None, &mark(101, 6, json!("absent")).fields);
    (server, laptop, app)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_with_a_missing_row_is_repaired_whatever_slices_are_answered() {
    let end = b"{\"line\":\"end\",\"more\":true}\n".to_vec();
    let answers = [
        None,
        Some((500, b"{\"code\":\"internal\",\"message\":\"broken\",\"retryable\":false}".to_vec())),
        Some((200, b"{\"line\":\"sums\",\"sums\":[1,2".to_vec())),
        Some((200, b"nonsense\n".to_vec())),
        Some((200, b"{\"line\":\"sums\",\"sums\":[7]}\n".to_vec())),
        Some((200, end)),
    ];
    for answer in answers {
        let (server, _laptop, app) = with_a_hole().await;
        *server.slices.lock().unwrap() = answer.clone();
        call(&app, "sync_now", json!({})).await.unwrap();
        until(async || number(&app, "SELECT count(*) FROM attendance_records").await == 2).await;
        assert!(server.slices_asked.load(Ordering::SeqCst) > 0, "slices are requested first");
        until(async || number(&app, "SELECT count(*) FROM scopes WHERE damaged = 1 OR reading <> 0").await == 0).await;
        assert_eq!(number(&app, "SELECT count(*) FROM reread_rows").await, 0, "{answer:?}");
        app.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_server_is_asked_later_and_nothing_is_read_again() {
    let (server, _laptop, app) = with_a_hole().await;
    let busy = b"{\"code\":\"too_many_requests\",\"message\":\"later\",\"retryable\":true}".to_vec();
    *server.slices.lock().unwrap() = Some((429, busy));
    call(&app, "sync_now", json!({})).await.unwrap();
    until(async || server.slices_asked.load(Ordering::SeqCst) > 0).await;
    assert_eq!(number(&app, "SELECT count(*) FROM scopes WHERE damaged = 1").await, 1);
    assert_eq!(number(&app, "SELECT max(rereads) FROM scopes").await, 0);
    // The server never sends the position of the scope: its rows are kept until the next pull, and pulls continue.
    *server.slices.lock().unwrap() = Some((200, b"{\"line\":\"moved\"}\n".to_vec()));
    let asked = server.slices_asked.load(Ordering::SeqCst);
    call(&app, "sync_now", json!({})).await.unwrap();
    until(async || server.slices_asked.load(Ordering::SeqCst) > asked).await;
    assert_eq!(number(&app, "SELECT max(rereads) FROM scopes").await, 0);
    *server.slices.lock().unwrap() = None;
    until(async || {
        call(&app, "sync_now", json!({})).await.unwrap();
        number(&app, "SELECT count(*) FROM attendance_records").await == 2
    })
    .await;
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_older_than_the_device_receives_its_changes_after_a_sign_in() {
    let server = Server::start(Role::Teacher, &[roster()]).await;
    let backup = server.core.lock().unwrap().clone();
    let laptop = Laptop::new();
    let app = app(&laptop).await;
    sign_in(&app, &server, "right").await.unwrap();
    call(&app, "sync_now", json!({})).await.unwrap();
    for (day, word) in [(5, "late"), (6, "absent")] {
        set_mark(&app, 100, day, json!(word)).await.unwrap();
    }
    set_mark(&app, 100, 5, json!("excused")).await.unwrap();
    until(async || call(&app, "sync_now", json!({})).await.unwrap()["waiting"] == json!(0)).await;
    server.core.lock().unwrap().refuse.insert(mark_id(100, 7));
    set_mark(&app, 100, 7, json!("late")).await.unwrap();
    until(async || status(&app).await["attention"] == json!(1)).await;
    call(&app, "sync_now", json!({})).await.unwrap();

    // Neither the device nor the session existed last night.
    server.core.lock().unwrap().restore(&backup);
    server.secrets.lock().unwrap().clear();
    server.session_ended.store(true, Ordering::SeqCst);
    call(&app, "sync_now", json!({})).await.unwrap();
    sign_in(&app, &server, "right").await.unwrap();
    until(async || call(&app, "sync_now", json!({})).await.unwrap()["waiting"] == json!(0)).await;
    for (day, word) in [(5, "excused"), (6, "absent")] {
        assert_eq!(server.core.lock().unwrap().value("attendance_records", mark_id(100, day), "status"), Some(json!(word)));
    }
    assert_eq!(status(&app).await["attention"], json!(1), "the refused change waits for the person");
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_session_is_reported_and_work_continues_until_the_next_sign_in() {
    let (server, _laptop, app) = school().await;
    server.session_ended.store(true, Ordering::SeqCst);
    set_mark(&app, 100, 5, json!("late")).await.unwrap();
    until(async || status(&app).await["signed_out"] == json!(true)).await;
    set_mark(&app, 100, 8, json!("absent")).await.unwrap();
    assert_eq!(status(&app).await["waiting"], json!(2));
    sign_in(&app, &server, "right").await.unwrap();
    until(async || status(&app).await["waiting"] == json!(0)).await;
    assert_eq!(server.core.lock().unwrap().last_n(id(1000)), 2, "the same device continues");
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_out_laptop_is_not_safe_to_close_although_nothing_waits() {
    let (server, _laptop, app) = school().await;
    until(async || status(&app).await["safe_to_close"] == json!(true)).await;
    server.session_ended.store(true, Ordering::SeqCst);
    call(&app, "sync_now", json!({})).await.unwrap();
    until(async || status(&app).await["signed_out"] == json!(true)).await;
    until(async || status(&app).await["busy"] == json!(false)).await;
    let signed_out = status(&app).await;
    assert_eq!((&signed_out["waiting"], &signed_out["safe_to_close"]), (&json!(0), &json!(false)));
    sign_in(&app, &server, "right").await.unwrap();
    until(async || status(&app).await["safe_to_close"] == json!(true)).await;
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_is_renewed_silently() {
    let (server, _laptop, app) = school().await;
    server.oldest_good_access.store(server.access_generation.load(Ordering::SeqCst) + 1, Ordering::SeqCst);
    set_mark(&app, 100, 5, json!("late")).await.unwrap();
    until(async || status(&app).await["waiting"] == json!(0)).await;
    assert_eq!(status(&app).await["signed_out"], json!(false));
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_password_unlocks_without_the_server_and_a_wrong_one_does_not() {
    let (server, laptop, app) = school().await;
    set_mark(&app, 100, 5, json!("late")).await.unwrap();
    call(&app, "lock", json!({})).await.unwrap();
    assert_eq!(call(&app, "groups", json!({})).await.unwrap_err().code, Code::Locked);
    server.cut.store(true, Ordering::SeqCst);
    app.shutdown().await;
    drop(app);
    let app = self::app(&laptop).await;
    let start = call(&app, "start", json!({})).await.unwrap();
    assert_eq!(
        (&start["people"][0]["full_name"], &start["unlocked"], &start["keyring"]),
        (&json!("Some Body"), &json!(null), &json!(true))
    );
    let unlock = |password: &'static str| call(&app, "unlock", json!({"user_id": id(USER), "password": password}));
    assert_eq!(unlock("wrong").await.unwrap_err().code, Code::CannotUnlock);
    assert_eq!(unlock("right").await.unwrap()["guarded_by_keyring"], json!(true));
    assert_eq!(cell(&app, 100, 5).await["status"], json!("late"));
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_changed_elsewhere_unlocks_the_laptop_after_a_sign_in() {
    let (server, laptop, app) = school().await;
    server.cut.store(true, Ordering::SeqCst);
    set_mark(&app, 100, 5, json!("late")).await.unwrap();
    call(&app, "lock", json!({})).await.unwrap();
    server.cut.store(false, Ordering::SeqCst);
    *server.password.lock().unwrap() = "changed".into();
    assert_eq!(sign_in(&app, &server, "right").await.unwrap_err().code, Code::WrongPassword);
    sign_in(&app, &server, "changed").await.unwrap();
    until(async || status(&app).await["waiting"] == json!(0)).await;
    call(&app, "lock", json!({})).await.unwrap();
    laptop.secrets.forget();
    let unlock = json!({"user_id": id(USER), "password": "changed"});
    assert_eq!(call(&app, "unlock", unlock.clone()).await.unwrap_err().code, Code::NoKeyring);
    sign_in(&app, &server, "changed").await.unwrap();
    assert_eq!(cell(&app, 100, 5).await["status"], json!("late"));
    call(&app, "lock", json!({})).await.unwrap();
    assert!(call(&app, "unlock", unlock).await.is_ok());
    app.shutdown().await;
}

/// A teacher whose account was recovered: a new password, and changes on the laptop that were never sent.
async fn recovered_account() -> (Arc<Server>, Laptop, App) {
    let (server, laptop, app) = school().await;
    server.session_ended.store(true, Ordering::SeqCst);
    set_mark(&app, 100, 5, json!("late")).await.unwrap();
    call(&app, "lock", json!({})).await.unwrap();
    *server.password.lock().unwrap() = "new".into();
    (server, laptop, app)
}

async fn arrived(server: &Server) {
    until(async || server.core.lock().unwrap().value("attendance_records", mark_id(100, 5), "status") == Some(json!("late"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_laptop_unlocks_with_a_new_password_and_sends_its_changes() {
    let (server, _laptop, app) = recovered_account().await;
    server.revoked.lock().unwrap().insert(id(1000));
    sign_in(&app, &server, "new").await.unwrap();
    arrived(&server).await;
    assert_eq!(server.core.lock().unwrap().last_n(id(1000)), 0, "from a new device");
    call(&app, "lock", json!({})).await.unwrap();
    call(&app, "unlock", json!({"user_id": id(USER), "password": "new"})).await.unwrap();
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_laptop_without_tile_keyring_and_password_unlocks_after_a_sign_in() {
    let (server, laptop, app) = recovered_account().await;
    std::fs::remove_file(laptop.folder.path().join("people").join(id(USER).to_string()).join("resident.json")).unwrap();
    laptop.secrets.forget();
    sign_in(&app, &server, "new").await.unwrap();
    arrived(&server).await;
    assert_eq!(server.core.lock().unwrap().last_n(id(1000)), 1, "the same device continues");
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_working_secret_the_old_password_is_requested() {
    let (server, _laptop, app) = recovered_account().await;
    // The server no longer has the device.
    server.secrets.lock().unwrap().clear();
    assert_eq!(sign_in(&app, &server, "new").await.unwrap_err().code, Code::OldPasswordNeeded);
    let with_old = |old: &'static str| {
        call(&app, "sign_in", json!({"server": server.url(), "name": "somebody", "password": "new", "old_password": old}))
    };
    assert_eq!(with_old("guess").await.unwrap_err().code, Code::OldPasswordNeeded);
    with_old("right").await.unwrap();
    arrived(&server).await;
    call(&app, "lock", json!({})).await.unwrap();
    assert_eq!(call(&app, "unlock", json!({"user_id": id(USER), "password": "right"})).await.unwrap_err().code, Code::CannotUnlock);
    call(&app, "unlock", json!({"user_id": id(USER), "password": "new"})).await.unwrap();
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_sign_in_interrupted_before_the_database_blocks_no_later_one() {
    let (server, laptop, app) = school().await;
    app.shutdown().await;
    drop(app);
    let folder = laptop.folder.path().join("people").join(id(USER).to_string());
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if !path.file_name().unwrap().to_str().unwrap().starts_with("keys") {
            std::fs::remove_file(path).unwrap();
        }
    }
    laptop.secrets.forget();
    *server.password.lock().unwrap() = "new".into();
    let app = self::app(&laptop).await;
    sign_in(&app, &server, "new").await.unwrap();
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_tile_affects_no_other_tile_and_the_earlier_format_is_read() {
    let (server, laptop, app) = school().await;
    call(&app, "sign_in", json!({"server": server.url(), "name": "other", "password": "right"})).await.unwrap();
    call(&app, "lock", json!({})).await.unwrap();
    let tiles = async || {
        let start = call(&app, "start", json!({})).await.unwrap();
        start["people"].as_array().unwrap().iter().map(|tile| tile["user_name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(tiles().await.len(), 2);
    let tile = |user: u128| laptop.folder.path().join("people").join(id(user).to_string()).join("resident.json");
    let kept: Value = serde_json::from_slice(&std::fs::read(tile(OTHER)).unwrap()).unwrap();
    std::fs::write(tile(OTHER), b"{").unwrap();
    assert_eq!(tiles().await, ["somebody"]);
    call(&app, "unlock", json!({"user_id": id(USER), "password": "right"})).await.unwrap();
    call(&app, "lock", json!({})).await.unwrap();
    // The format of a version that kept one list for everybody.
    std::fs::write(laptop.folder.path().join("people.json"), json!({"people": [kept]}).to_string()).unwrap();
    assert_eq!(tiles().await.len(), 2);
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_laptop_clock_is_corrected_and_reported() {
    let (server, laptop, app) = school().await;
    laptop.clock.set_wall(-3_600_000);
    call(&app, "sync_now", json!({})).await.unwrap();
    assert_eq!(status(&app).await["clock_off_ms"], json!(3_600_000));
    set_mark(&app, 100, 5, json!("late")).await.unwrap();
    until(async || server.core.lock().unwrap().value("attendance_records", mark_id(100, 5), "marked_at") == Some(json!(NOW_MS))).await;
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_delayed_by_sleep_does_not_correct_the_clock() {
    const NIGHT_MS: i64 = 36_000_000;
    let (server, laptop, app) = school().await;
    let clock = laptop.clock.clone();
    for name in ["pull", "push"] {
        let clock = clock.clone();
        *server.meanwhile.lock().unwrap() = Some(Box::new(move |core| {
            clock.pass(NIGHT_MS);
            core.now_ms += NIGHT_MS;
        }));
        if name == "push" {
            // Only the push's own answer arrives from the server.
            set_mark(&app, 101, 5, json!("absent")).await.unwrap();
            until(async || status(&app).await["waiting"] == json!(0)).await;
        } else {
            call(&app, "sync_now", json!({})).await.unwrap();
        }
        assert_eq!(status(&app).await["clock_off_ms"], json!(null), "{name}");
    }
    set_mark(&app, 100, 5, json!("late")).await.unwrap();
    assert_eq!(cell(&app, 100, 5).await["marked_at"], json!(NOW_MS + 2 * NIGHT_MS));
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nearly_full_disk_is_reported() {
    let (_server, laptop, app) = school().await;
    laptop.disk.0.store(1_000, Ordering::SeqCst);
    assert_eq!(status(&app).await["disk_low"], json!(true));
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_window_receives_change_and_status_events() {
    use waystation_client::view_models::Event;
    let (server, _laptop, app) = school().await;
    let mut events = app.events();
    server.core.lock().unwrap().put("attendance_records", None, &mark(101, 5, json!("absent")).fields);
    call(&app, "sync_now", json!({})).await.unwrap();
    let received = async {
        loop {
            if let Event::Changed { entities } = events.recv().await.unwrap()
                && entities.contains(&"attendance_records".to_owned())
            {
                return;
            }
        }
    };
    tokio::time::timeout(SOON, received).await.unwrap();
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_address_and_an_unreachable_server_have_different_codes() {
    let laptop = Laptop::new();
    let app = app(&laptop).await;
    let sign_in = |server: &'static str| call(&app, "sign_in", json!({"server": server, "name": "somebody", "password": "right"}));
    assert_eq!(sign_in("not an address").await.unwrap_err().code, Code::BadAddress);
    assert_eq!(sign_in("http://127.0.0.1:9").await.unwrap_err().code, Code::NoSuchServer);
    assert_eq!(call(&app, "no_such_command", json!({})).await.unwrap_err().code, Code::BadRequest);
    assert_eq!(call(&app, "unlock", json!({"user": 1})).await.unwrap_err().code, Code::BadRequest);
    app.shutdown().await;
}

/// A program that takes connections and answers each with this text, or never. Returns its port and the number of its connections.
async fn strange_server(answer: Option<&'static str>) -> (u16, Arc<std::sync::atomic::AtomicUsize>) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let (port, seen) = (listener.local_addr().unwrap().port(), Arc::default());
    let count: Arc<std::sync::atomic::AtomicUsize> = Arc::clone(&seen);
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            if let Some(answer) = answer {
                let _ = stream.read(&mut [0; 1024]).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            } else {
                open.push(stream);
            }
        }
    });
    (port, seen)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_https_is_told_from_one_that_cannot_be_reached() {
    let laptop = Laptop::new();
    let app = app(&laptop).await;
    let (port, _) = strange_server(Some("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")).await;
    let arguments = json!({"server": format!("127.0.0.1:{port}"), "name": "somebody", "password": "right"});
    assert_eq!(call(&app, "sign_in", arguments).await.unwrap_err().code, Code::NotSecure);
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_server_is_given_up_at_once_by_the_person_and_otherwise_soon() {
    let laptop = Laptop::new();
    let app = app(&laptop).await;
    let (port, seen) = strange_server(None).await;
    let server = format!("http://127.0.0.1:{port}");
    let sign_in = || call(&app, "sign_in", json!({"server": server, "name": "somebody", "password": "right"}));
    let cancel = async {
        until_true(|| seen.load(Ordering::SeqCst) == 1).await;
        call(&app, "cancel_sign_in", json!({})).await.unwrap();
    };
    assert_eq!(tokio::join!(sign_in(), cancel).0.unwrap_err().code, Code::Offline, "nothing is left to wait for");
    assert_eq!(sign_in().await.unwrap_err().code, Code::ServerSilent, "and the next try waits for nobody");
    let look = call(&app, "look_at_code", json!({"server": server, "code": "K7QM-4TXR-9HWD-2FBN"}));
    let cancel = async {
        until_true(|| seen.load(Ordering::SeqCst) == 3).await;
        call(&app, "cancel_sign_in", json!({})).await.unwrap();
    };
    assert_eq!(tokio::join!(look, cancel).0.unwrap_err().code, Code::Offline);
    app.shutdown().await;
}

/// Waits until something holds, looking again in between.
async fn until_true(holds: impl Fn() -> bool) {
    let held = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, held).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_window_says_that_the_data_is_open_already() {
    let (_server, laptop, first) = school().await;
    let second = app(&laptop).await;
    let unlock = || call(&second, "unlock", json!({"user_id": id(USER), "password": "right"}));
    assert_eq!(unlock().await.unwrap_err().code, Code::AlreadyOpen);
    first.shutdown().await;
    drop(first);
    unlock().await.unwrap();
    second.shutdown().await;
}

fn conflict(row: uuid::Uuid, lost: &str, kept: &str) -> [(&'static str, Value); 10] {
    [
        ("entity", json!("attendance_records")),
        ("row_id", json!(row)),
        ("field", json!("mark")),
        ("lost_values", json!({"status": lost, "marked_by": id(7), "marked_at": 5})),
        ("lost_by", json!(id(7))),
        ("lost_at", json!(NOW_MS)),
        ("kept_values", json!({"status": kept})),
        ("kept_by", json!(id(USER))),
        ("kept_at", json!(NOW_MS)),
        ("group_id", json!(id(GROUP))),
    ]
}

/// The number of conflicts that the chip counts, that the centre lists, and whether the cell shows one.
async fn shown(app: &App, student: u128, day: u32) -> (Value, usize, bool) {
    let centre = call(app, "sync_centre", json!({})).await.unwrap();
    let in_cell = cell(app, student, day).await["conflict_id"].is_string();
    (status(app).await["conflicts"].clone(), centre["conflicts"].as_array().unwrap().len(), in_cell)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_is_shown_only_while_the_losing_value_differs_from_the_current_one() {
    let (server, _laptop, app) = school().await;
    {
        let mut core = server.core.lock().unwrap();
        core.put("attendance_records", None, &mark(100, 5, json!("absent")).fields);
        core.put("conflicts", Some(id(505)), &conflict(mark_id(100, 5), "absent", "absent"));
        // A mark that is not on the laptop has no current value.
        core.put("conflicts", Some(id(506)), &conflict(mark_id(999, 5), "absent", "late"));
    }
    call(&app, "sync_now", json!({})).await.unwrap();
    assert_eq!(shown(&app, 100, 5).await, (json!(0), 0, false), "both values are equal");

    // The value changes at the server: now the values differ, and the current one is shown as kept.
    let other = [("status", json!("late")), ("marked_by", json!(id(9))), ("marked_at", json!(NOW_MS + 5))];
    let mut fields = mark(100, 5, json!("late")).fields;
    fields.retain(|(name, _)| !other.iter().any(|(column, _)| column == name));
    fields.extend(other);
    server.core.lock().unwrap().put("attendance_records", None, &fields);
    call(&app, "sync_now", json!({})).await.unwrap();
    assert_eq!(shown(&app, 100, 5).await, (json!(1), 1, true));
    let item = call(&app, "sync_centre", json!({})).await.unwrap()["conflicts"][0].clone();
    assert_eq!(
        (&item["kept"]["value"], &item["kept"]["at"], &item["lost"]["value"]),
        (&json!("late"), &json!(NOW_MS + 5), &json!("absent"))
    );
    assert_eq!((&item["kept"]["here"], &item["lost"]["here"]), (&json!(false), &json!(false)), "neither was entered on this laptop");

    // The mark is set to the losing value: there is nothing to decide, before and after it is sent.
    set_mark(&app, 100, 5, json!("absent")).await.unwrap();
    assert_eq!(shown(&app, 100, 5).await, (json!(0), 0, false));
    until(async || status(&app).await["waiting"] == json!(0)).await;
    assert_eq!(shown(&app, 100, 5).await, (json!(0), 0, false));
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_names_the_entry_of_this_laptop() {
    let (server, laptop, app) = school().await;
    laptop.clock.pass(1_000);
    set_mark(&app, 100, 5, json!("present")).await.unwrap();
    until(async || status(&app).await["waiting"] == json!(0)).await;
    let marked_at = cell(&app, 100, 5).await["marked_at"].clone();
    server.core.lock().unwrap().put("conflicts", Some(id(505)), &conflict(mark_id(100, 5), "late", "present"));
    call(&app, "sync_now", json!({})).await.unwrap();
    let item = call(&app, "sync_centre", json!({})).await.unwrap()["conflicts"][0].clone();
    assert_eq!((&item["kept"]["at"], &item["kept"]["here"]), (&marked_at, &json!(true)));
    assert_eq!(item["lost"]["here"], json!(false), "of another laptop, at another moment");
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conflicts_are_settled_either_way() {
    let (server, _laptop, app) = school().await;
    {
        let mut core = server.core.lock().unwrap();
        for day in [5, 8] {
            core.put("attendance_records", None, &mark(100, day, json!("absent")).fields);
            core.put("conflicts", Some(id(500 + u128::from(day))), &conflict(mark_id(100, day), "present", "absent"));
        }
    }
    call(&app, "sync_now", json!({})).await.unwrap();
    let centre = call(&app, "sync_centre", json!({})).await.unwrap();
    assert_eq!(centre["conflicts"].as_array().unwrap().len(), 2);
    let about = centre["conflicts"].as_array().unwrap().iter().find(|item| item["lesson_date"] == json!("2026-01-05")).unwrap().clone();
    assert_eq!(
        (&about["lost"]["value"], &about["kept"]["value"], &about["kept"]["by"]),
        (&json!("present"), &json!("absent"), &json!("Some Body"))
    );
    assert_eq!(cell(&app, 100, 5).await["conflict_id"], json!(id(505)));

    call(&app, "settle", json!({"id": id(505), "take_lost": true})).await.unwrap();
    call(&app, "settle", json!({"id": id(508), "take_lost": false})).await.unwrap();
    assert_eq!(cell(&app, 100, 5).await["status"], json!("present"));
    until(async || status(&app).await["waiting"] == json!(0)).await;
    let core = server.core.lock().unwrap();
    assert_eq!(core.value("attendance_records", mark_id(100, 5), "status"), Some(json!("present")));
    assert_eq!(core.value("attendance_records", mark_id(100, 8), "status"), Some(json!("absent")));
    assert_eq!(core.value("conflicts", id(505), "settled_by"), Some(json!(id(USER))));
}
