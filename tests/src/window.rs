//! A real window, controlled as a person would.
//!
//! WebKit's own driver starts the app: `TAURI_WEBVIEW_AUTOMATION` permits that. Every wait is for something visible, by its `data-testid`.

pub mod hands;

use std::path::{Path, PathBuf};
use std::time::Duration;

use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Map, Value, json};

use crate::children::{self, Child, Program, Signal};
use crate::desk::Desk;
use crate::wait::SOON;
use crate::{Outcome, paths, wait};

/// How long a window may take to open.
const OPEN_TIME_MAX: Duration = SOON;
/// How long the app may take to close.
const CLOSE_TIME_MAX: Duration = SOON;

/// Records the errors of the screens for a test.
const LISTEN_FOR_PROBLEMS: &str = r#"
window.problems = [];
const keep = (...words) => window.problems.push(words.map((word) => word?.message ? `${word.message}\n${word.stack}` : String(word)).join(' '));
const error = console.error;
console.error = (...words) => { keep(...words); error.apply(console, words); };
addEventListener('error', (event) => keep(event.error ?? event.message));
addEventListener('unhandledrejection', (event) => keep('unhandled', event.reason));
addEventListener('securitypolicyviolation', (event) => keep('refused by the policy', event.violatedDirective, event.blockedURI));
"#;

/// An open window.
#[derive(Debug)]
pub struct Window {
    client: Client,
    driver: Child,
    app_pid: u32,
    shots: PathBuf,
}

impl Window {
    /// Opens the app at a desk. `variables` are added to the desk's environment; pictures are written to `shots`.
    ///
    /// # Errors
    /// When the driver is missing or the app does not open a window.
    pub async fn open(display: &str, desk: &Desk, variables: &[(String, String)], shots: &Path) -> Outcome<Window> {
        let port = paths::free_port()?;
        let mut driver = Program::new("WebKitWebDriver", "WebKitWebDriver")
            .argument(format!("--port={port}"))
            .variables(desk.environment())
            .variable("DISPLAY", display)
            .variable("TAURI_WEBVIEW_AUTOMATION", "true");
        for (name, value) in variables {
            driver = driver.variable(name, value);
        }
        let log = desk.logs().join("window.log");
        let driver = driver.start(&log).map_err(|error| format!("{error}: install the package `webkit2gtk-driver`"))?;
        let address = format!("http://127.0.0.1:{port}");
        wait::until("WebKitWebDriver answers", OPEN_TIME_MAX, || async {
            driver.ensure_running()?;
            Ok(reqwest::get(format!("{address}/status")).await.is_ok_and(|answer| answer.status().is_success()).then_some(()))
        })
        .await?;
        let mut connect = ClientBuilder::new(HttpConnector::new());
        connect.capabilities(capabilities()?);
        let client = tokio::time::timeout(OPEN_TIME_MAX, async { connect.connect(&address).await })
            .await
            .map_err(|_| driver.report("opened no window in time"))?
            .map_err(|error| driver.report(&format!("opened no window ({error})")))?;
        let app_pid = child_of(driver.pid()).ok_or("the app is not a child of its driver")?;
        let window = Window { client, driver, app_pid, shots: shots.to_path_buf() };
        window.script(LISTEN_FOR_PROBLEMS, Vec::new()).await?;
        Ok(window)
    }

    /// The errors of the screens since the window opened.
    ///
    /// # Errors
    /// When the window is closed.
    pub async fn problems(&self) -> Outcome<Vec<String>> {
        let problems = self.script("return window.problems ?? []", Vec::new()).await?;
        Ok(serde_json::from_value(problems)?)
    }

    /// The app's own process.
    pub fn app_pid(&self) -> u32 {
        self.app_pid
    }

    /// Kills the app as a power cut does, and waits until it has ended.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn kill(self) -> Outcome<()> {
        children::send(self.app_pid, Signal::Kill);
        self.wait_until_closed().await
    }

    /// Closes the app as a person does who shuts the laptop down.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn close(self) -> Outcome<()> {
        children::send(self.app_pid, Signal::Terminate);
        self.wait_until_closed().await
    }

    async fn wait_until_closed(self) -> Outcome<()> {
        let pid = self.app_pid;
        wait::until("the app ends", CLOSE_TIME_MAX, || async { Ok(has_ended(pid).then_some(())) }).await?;
        self.driver.stop(Signal::Terminate, CLOSE_TIME_MAX);
        Ok(())
    }
}

/// The driver starts the app through `setpriv`, so that the app always ends with the driver.
fn capabilities() -> Outcome<Map<String, Value>> {
    let app = paths::program("waystation")?;
    let options = json!({ "binary": "/usr/bin/setpriv", "args": ["--pdeathsig", "KILL", "--", app] });
    let mut capabilities = Map::new();
    capabilities.insert("webkitgtk:browserOptions".to_owned(), options);
    Ok(capabilities)
}

/// The state letter and the parent of a process.
fn process(pid: &str) -> Option<(char, u32)> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may contain anything; the text after the last bracket is fixed.
    let (_, rest) = text.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

fn child_of(parent: u32) -> Option<u32> {
    let entries = std::fs::read_dir("/proc").ok()?;
    entries.flatten().find_map(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        let pid: u32 = name.parse().ok()?;
        process(&name).filter(|(_, of)| *of == parent).map(|_| pid)
    })
}

/// Ended, or a zombie that waits for its parent.
fn has_ended(pid: u32) -> bool {
    process(&pid.to_string()).is_none_or(|(state, _)| state == 'Z')
}
