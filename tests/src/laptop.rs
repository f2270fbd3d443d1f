//! A laptop without a window: the app over a folder, controlled by a test.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use waystation_client::app::{App, Config};
use waystation_client::commands;
use waystation_client::environment::Environment;
use waystation_client::keys::{KeyCost, LaptopSecrets, MemorySecrets};
use waystation_model::Problem;

use crate::caller::PASSWORD;
use crate::wait::SOON;
use crate::{Outcome, wait};

/// How long two sides may take to converge once they can reach each other, back-off included.
pub const SYNC_TIME_MAX: Duration = SOON;

/// A laptop.
pub struct Laptop {
    folder: TempDir,
    environment: Environment,
    app: App,
}

impl Laptop {
    /// A new laptop with a keyring of its own and no people.
    ///
    /// # Errors
    /// When the folder cannot be created.
    pub async fn new() -> Outcome<Laptop> {
        let secrets: Arc<dyn LaptopSecrets> = Arc::new(MemorySecrets::default());
        let environment = Environment { secrets, key_cost: KeyCost::TESTS_ONLY, ..Environment::system() };
        let folder = tempfile::tempdir()?;
        let app = App::new(Config::new(folder.path()), environment.clone()).await?;
        Ok(Laptop { folder, environment, app })
    }

    /// A new laptop on which a person has signed in and completed the first sync.
    ///
    /// # Errors
    /// When the sign-in is refused or the first sync does not end.
    pub async fn of(user_name: &str, server: &str) -> Outcome<Laptop> {
        let laptop = Laptop::new().await?;
        laptop.call("sign_in", json!({"server": server, "name": user_name, "password": PASSWORD})).await?;
        laptop.wait_until_synced().await?;
        Ok(laptop)
    }

    /// Ends the app, starts it again and unlocks the person.
    ///
    /// # Errors
    /// When the data cannot be opened.
    pub async fn restart(self) -> Outcome<Laptop> {
        let Laptop { folder, environment, app } = self;
        app.shutdown().await;
        drop(app);
        let app = App::new(Config::new(folder.path()), environment.clone()).await?;
        let laptop = Laptop { folder, environment, app };
        let start = laptop.call("start", json!({})).await?;
        let person = &start["people"][0]["user_id"];
        laptop.call("unlock", json!({"user_id": person, "password": PASSWORD})).await?;
        Ok(laptop)
    }

    /// The data folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The app itself.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// One command, as the window calls it.
    ///
    /// # Errors
    /// The command's refusal.
    pub async fn call(&self, name: &str, arguments: Value) -> Result<Value, Problem> {
        commands::call(&self.app, name, arguments).await
    }

    /// Repeats a command until the answer is as expected, and returns it.
    ///
    /// # Errors
    /// When it never is; the message has the last answer.
    pub async fn until(&self, name: &str, arguments: Value, expected: impl Fn(&Value) -> bool) -> Outcome<Value> {
        wait::until(&format!("{name} is as expected"), SYNC_TIME_MAX, || async {
            let answer = self.call(name, arguments.clone()).await?;
            if expected(&answer) { Ok(Some(answer)) } else { Err(format!("{answer:#}").into()) }
        })
        .await
    }

    /// Waits until the server has all changes of this person, and the laptop all of the server's.
    ///
    /// # Errors
    /// When that does not happen in time.
    pub async fn wait_until_synced(&self) -> Outcome<Value> {
        self.until("sync_status", json!({}), |status| {
            let has_pulled = status["last_sync_at"].is_number() && status["rows_left"].is_null();
            has_pulled && status["online"] == true && status["safe_to_close"] == true
        })
        .await
    }

    /// Waits until this laptop notices that the server is unreachable.
    ///
    /// # Errors
    /// When it does not notice in time.
    pub async fn wait_until_offline(&self) -> Outcome<Value> {
        self.until("sync_status", json!({}), |status| status["online"] == false).await
    }
}
