//! One laptop of a storm: the app without a window, in a process of its own, which works without a pause.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use waystation_client::app::{App, Config};
use waystation_client::commands;
use waystation_client::environment::Environment;
use waystation_client::keys::{KeyCost, LaptopSecrets};

use super::journal::JournalWriter;
use crate::caller::PASSWORD;
use crate::{Outcome, wait};

/// The file that ends the work.
pub const STOP: &str = "stop";
/// How long a sign-in may be retried.
const SIGN_IN_TIME_MAX: Duration = Duration::from_secs(120);
/// How long sending the last changes may take.
const HOME_TIME_MAX: Duration = Duration::from_secs(480);
/// The share of actions that remove the course's files and download them again.
const FETCH_AGAIN: f64 = 0.01;
/// Longest pause between two edits.
const PAUSE_MAX: Duration = Duration::from_millis(40);

/// Arguments of one run of a laptop.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The person's user name.
    #[arg(long)]
    name: String,
    /// The server's URL.
    #[arg(long)]
    server: String,
    /// The data folder.
    #[arg(long)]
    folder: PathBuf,
    /// The course.
    #[arg(long)]
    course: String,
    /// Topics that may be marked.
    #[arg(long, value_delimiter = ',')]
    topics: Vec<String>,
    /// Documents that may be read.
    #[arg(long, value_delimiter = ',')]
    items: Vec<String>,
    /// The seed of the actions of this run.
    #[arg(long)]
    seed: u64,
}

/// Works until it is killed, or until the stop file exists and everything is sent.
///
/// # Errors
/// A refusal by the app.
pub async fn run(arguments: Arguments) -> Outcome<()> {
    let secrets: Arc<dyn LaptopSecrets> = Arc::new(FolderSecrets(arguments.folder.join("keyring")));
    let environment = Environment { secrets, key_cost: KeyCost::TESTS_ONLY, ..Environment::system() };
    let app = App::new(Config::new(arguments.folder.join("data")), environment).await?;
    enter(&app, &arguments).await?;
    let mut random = StdRng::seed_from_u64(arguments.seed);
    let mut journal = JournalWriter::open(&arguments.folder)?;
    let course = json!({"id": arguments.course});
    commands::call(&app, "download_course", course.clone()).await?;
    while !arguments.folder.join(STOP).exists() {
        if random.random_bool(FETCH_AGAIN) {
            commands::call(&app, "remove_downloads", course.clone()).await?;
            commands::call(&app, "download_course", course.clone()).await?;
        }
        let index = random.random_range(0..arguments.topics.len());
        if random.random_bool(0.5) {
            let (item, seconds) = (&arguments.items[index], random.random_range(1..100_i64));
            journal.write("begin", "seconds", item, seconds)?;
            let note = json!({"content_item_id": item, "page": 1, "second": null, "percent": 10, "seconds_spent": seconds});
            commands::call(&app, "note_position", note).await?;
            journal.write("done", "seconds", item, seconds)?;
        } else {
            let (topic, completed) = (&arguments.topics[index], random.random_bool(0.5));
            journal.write("begin", "mark", topic, i64::from(completed))?;
            commands::call(&app, "mark_topic", json!({"topic_id": topic, "completed": completed})).await?;
            journal.write("done", "mark", topic, i64::from(completed))?;
        }
        // A person's pace, so that a run is long enough to be killed in the middle.
        tokio::time::sleep(PAUSE_MAX.mul_f64(random.random())).await;
    }
    wait::until("everything is sent", HOME_TIME_MAX, || async {
        let status = commands::call(&app, "sync_now", json!({})).await?;
        if status["safe_to_close"] == true && status["attention"] == 0 && status["waiting"] == 0 {
            Ok(Some(()))
        } else {
            Err(status.to_string().into())
        }
    })
    .await?;
    wait::until("every file is here", HOME_TIME_MAX, || async {
        let downloads = commands::call(&app, "resume_downloads", json!({})).await?;
        Ok(downloads["items"].as_array().is_some_and(Vec::is_empty).then_some(()))
    })
    .await?;
    app.shutdown().await;
    Ok(())
}

/// Unlocks, or signs in for the first time; retries both while the network fails.
async fn enter(app: &App, arguments: &Arguments) -> Outcome<()> {
    let start = commands::call(app, "start", json!({})).await?;
    if let Some(person) = start["people"][0]["user_id"].as_str() {
        commands::call(app, "unlock", json!({"user_id": person, "password": PASSWORD})).await?;
    } else {
        let sign_in = json!({"server": arguments.server, "name": arguments.name, "password": PASSWORD});
        wait::until("a sign-in", SIGN_IN_TIME_MAX, || async { Ok(Some(commands::call(app, "sign_in", sign_in.clone()).await?)) }).await?;
    }
    wait::until("the topics are there", SIGN_IN_TIME_MAX, || async {
        for topic in &arguments.topics {
            let _: Value = commands::call(app, "topic", json!({"id": topic})).await?;
        }
        Ok(Some(()))
    })
    .await
}

/// A keyring in a folder, which survives kills of the process.
struct FolderSecrets(PathBuf);

impl FolderSecrets {
    fn file(&self, entry: &str) -> PathBuf {
        self.0.join(entry.replace(|character: char| !character.is_ascii_alphanumeric(), "_"))
    }
}

impl LaptopSecrets for FolderSecrets {
    fn get(&self, entry: &str) -> Option<Vec<u8>> {
        std::fs::read(self.file(entry)).ok()
    }

    fn set(&self, entry: &str, secret: &[u8]) -> Option<()> {
        std::fs::create_dir_all(&self.0).ok()?;
        replace_atomically(&self.file(entry), secret).ok()
    }

    fn is_available(&self) -> bool {
        true
    }
}

/// Replaces a secret atomically, as a keyring does.
fn replace_atomically(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let beside = file.with_extension("new");
    std::fs::write(&beside, bytes)?;
    std::fs::rename(beside, file)
}
