//! A server that is restored to an earlier state without a new epoch, and laptops that detect it over HTTP.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::support::http::Server;
use crate::support::*;
use crate::sync::{app, call, cell, school, set_mark, sign_in, status};
use serde_json::{Value, json};
use waystation_client::app::App;
use waystation_client::keys::{DeviceSecret, Keys};
use waystation_model::Code;
use waystation_model::access::Role;

fn stored(server: &Server, day: u32) -> Option<Value> {
    server.core.lock().unwrap().value("attendance_records", mark_id(100, day), "status")
}

async fn nothing_waits(app: &App) {
    until(async || status(app).await["waiting"] == json!(0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_changes_that_the_server_lost_count_as_waiting_and_are_resent() {
    let (server, _laptop, app) = school().await;
    set_mark(&app, 100, 1, json!("present")).await.unwrap();
    nothing_waits(&app).await;
    let before = server.core.lock().unwrap().clone();
    for day in 5..9 {
        set_mark(&app, 100, day, json!("late")).await.unwrap();
    }
    nothing_waits(&app).await;
    call(&app, "sync_now", json!({})).await.unwrap();
    assert_eq!(status(&app).await["safe_to_close"], json!(true));

    // The same epoch and the same stamps, and no laptop can send for a while.
    *server.refuse_pushes.lock().unwrap() = Some(Code::NotReady);
    *server.core.lock().unwrap() = before;
    call(&app, "sync_now", json!({})).await.unwrap();
    let told = status(&app).await;
    assert_eq!((&told["waiting"], &told["safe_to_close"]), (&json!(4), &json!(false)));
    assert_eq!(cell(&app, 100, 7).await["status"], json!("late"), "the value stays visible");

    // From here on the person does nothing.
    *server.refuse_pushes.lock().unwrap() = None;
    until(async || (5..9).all(|day| stored(&server, day) == Some(json!("late")))).await;
    until(async || status(&app).await["safe_to_close"] == json!(true)).await;
    assert_eq!(server.core.lock().unwrap().last_n(id(1000)), 5, "each of them once");
    app.shutdown().await;
}

/// A teacher whose first sign-in is later than the restored state, and whose marks were acknowledged.
async fn unknown_to_server() -> (Arc<Server>, Laptop, App) {
    let server = Server::start(Role::Teacher, &[roster()]).await;
    let before = server.core.lock().unwrap().clone();
    let laptop = Laptop::new();
    let app = app(&laptop).await;
    sign_in(&app, &server, "right").await.unwrap();
    call(&app, "sync_now", json!({})).await.unwrap();
    set_mark(&app, 100, 5, json!("late")).await.unwrap();
    nothing_waits(&app).await;
    call(&app, "sync_now", json!({})).await.unwrap();
    server.session_ended.store(true, Ordering::SeqCst);
    server.secrets.lock().unwrap().clear();
    *server.core.lock().unwrap() = before;
    // Made without a session.
    set_mark(&app, 100, 6, json!("absent")).await.unwrap();
    set_mark(&app, 100, 5, json!("excused")).await.unwrap();
    until(async || status(&app).await["signed_out"] == json!(true)).await;
    (server, laptop, app)
}

async fn changes_return(server: &Server, app: &App, device: u128) {
    until(async || (stored(server, 5), stored(server, 6)) == (Some(json!("excused")), Some(json!("absent")))).await;
    nothing_waits(app).await;
    let mut core = server.core.lock().unwrap();
    assert_eq!((core.last_n(id(1000)), core.last_n(id(device))), (0, 3), "all of it once, by the new device");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_device_resends_all_its_changes_after_a_sign_in() {
    let (server, _laptop, app) = unknown_to_server().await;
    sign_in(&app, &server, "right").await.unwrap();
    changes_return(&server, &app, 1001).await;
    assert_eq!(pending_on_top(&app).await, 0, "no change is on top of the rows any more");
    app.shutdown().await;
}

async fn pending_on_top(app: &App) -> i64 {
    call(app, "sync_now", json!({})).await.unwrap();
    let store = app.store().unwrap();
    store.read(|connection| Ok(connection.query_row("SELECT count(row_id) FROM shadows", [], |row| row.get(0))?)).await.unwrap()
}

/// A device that the server created and only the key file names, as after a crash before the database recorded it.
async fn crash_before_the_database(server: &Server, laptop: &Laptop, app: &App) {
    call(app, "lock", json!({})).await.unwrap();
    let keys = Keys::of(&laptop.folder.path().join("people").join(id(USER).to_string()), id(USER), &laptop.environment);
    let open = keys.open("right").await.unwrap();
    server.secrets.lock().unwrap().insert(id(2000), vec![9; 32]);
    let secret = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, [9; 32]);
    keys.replace_recovery(&open.key, &DeviceSecret { device_id: id(2000), secret }).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_the_key_file_and_the_database_loses_nothing_of_an_unknown_device() {
    let (server, laptop, app) = unknown_to_server().await;
    crash_before_the_database(&server, &laptop, &app).await;
    sign_in(&app, &server, "right").await.unwrap();
    changes_return(&server, &app, 2000).await;
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_known_device_keeps_it_whatever_the_key_file_names() {
    let (server, laptop, app) = school().await;
    set_mark(&app, 100, 5, json!("late")).await.unwrap();
    nothing_waits(&app).await;
    crash_before_the_database(&server, &laptop, &app).await;
    sign_in(&app, &server, "right").await.unwrap();
    set_mark(&app, 100, 6, json!("late")).await.unwrap();
    nothing_waits(&app).await;
    assert_eq!(server.core.lock().unwrap().last_n(id(1000)), 2);
    call(&app, "lock", json!({})).await.unwrap();
    call(&app, "unlock", json!({"user_id": id(USER), "password": "right"})).await.unwrap();
    app.shutdown().await;
}
