//! Laptops for the benches: an engine over an empty encrypted database, or a whole app that has signed in.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::broadcast;
use waystation_client::app::{App, Config};
use waystation_client::commands;
use waystation_client::environment::Environment;
use waystation_client::store::{DatabaseKey, Owner, Store, Writer};
use waystation_client::sync::engine::Engine;
use waystation_client::sync::session::{self, Session, Tokens};
use waystation_client::view_models::Event;
use waystation_model::access::Role;
use waystation_tests::Outcome;
use waystation_tests::server::LocalServer;

use waystation_tests::crowd::{INSTRUCTOR, PASSWORD, device, instructor, organization, token};

/// The key of every bench database.
pub fn key() -> DatabaseKey {
    DatabaseKey::new([9; 32])
}

/// An engine for the instructor over an empty database.
pub async fn instructors_engine(server: &LocalServer, folder: &Path) -> Outcome<Engine> {
    let path = folder.join("store.db");
    let owner = Owner {
        user_id: instructor(),
        organization_id: organization(),
        organization_name: "Bench".into(),
        user_name: "instructor".into(),
        full_name: "Bench Person".into(),
        role: Role::Instructor,
        server: server.url(),
    };
    let writer = Writer::open_for(&path, &key(), device(INSTRUCTOR), &owner)?;
    session::save(
        writer.connection(),
        &Tokens { access_token: token(INSTRUCTOR)?, access_expires_at: i64::MAX, refresh_token: "none".into() },
    )?;
    let store = Store::start(&path, &key(), writer)?;
    let environment = Environment::system();
    let session = Session::open(store.clone(), environment.clone()).await?;
    let (events, _) = broadcast::channel(1024);
    Ok(Engine::new(store, session, environment, folder.to_owned(), events, Arc::new(|_| Ok(()))))
}

/// An app whose person has signed in and whose first sync is complete.
pub async fn signed_in(server: &LocalServer, folder: &Path, user_name: &str) -> Outcome<App> {
    let app = App::new(Config::new(folder), Environment::system()).await?;
    let mut events = app.events();
    call(&app, "sign_in", json!({"server": server.url(), "name": user_name, "password": PASSWORD})).await?;
    while !up_to_date(&call(&app, "sync_status", json!({})).await?) {
        events.recv().await?;
    }
    Ok(app)
}

fn up_to_date(status: &Value) -> bool {
    status["online"] == true && status["busy"] == false && status["rows_left"].is_null() && status["last_sync_at"].is_number()
}

/// One command, as the window calls it.
pub async fn call(app: &App, name: &str, arguments: Value) -> Outcome<Value> {
    Ok(commands::call(app, name, arguments).await?)
}

/// Waits until rows of a table change on this laptop.
pub async fn changed(events: &mut broadcast::Receiver<Event>, table: &str) -> Outcome<()> {
    loop {
        if let Event::Changed { entities } = events.recv().await?
            && entities.iter().any(|entity| entity == table)
        {
            return Ok(());
        }
    }
}
