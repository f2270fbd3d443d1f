//! One of the journey's laptops, and the actions that several steps share.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::stage::{DEMONSTRATION_PASSWORD, Stage};
use crate::Outcome;
use crate::desk::Desk;
use crate::screen::Screen;
use crate::wait::{self, SOON};
use crate::window::Window;
use crate::window::hands::SEE_TIME_MAX;

/// How long two sides may take to converge once they can reach each other, back-off included.
pub const SYNC_TIME_MAX: Duration = SOON;
/// How long a laptop may take to notice that the server is unreachable.
const OFFLINE_TIME_MAX: Duration = SOON;
/// How long a debug build may take to check a password.
const UNLOCK_TIME_MAX: Duration = SOON;

/// A laptop.
pub struct Laptop {
    name: &'static str,
    desk: Desk,
    display: String,
    server: String,
    variables: Vec<(String, String)>,
    shots: PathBuf,
    window: Option<Window>,
}

impl Laptop {
    /// A laptop whose window is closed.
    pub fn new(name: &'static str, desk: Desk, screen: &Screen, shots: &Path, stage: &Stage) -> Laptop {
        Laptop {
            name,
            desk,
            display: screen.display().to_owned(),
            server: stage.server.url(),
            variables: stage.variables(),
            shots: shots.to_path_buf(),
            window: None,
        }
    }

    /// Its name in file names of pictures.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Opens the window.
    pub async fn open(&mut self) -> Outcome<&Window> {
        let window = Window::open(&self.display, &self.desk, &self.variables, &self.shots).await?;
        Ok(self.window.insert(window))
    }

    /// The open window.
    pub fn window(&self) -> Outcome<&Window> {
        self.window.as_ref().ok_or_else(|| format!("the window of laptop {} is not open", self.name).into())
    }

    /// Kills the app.
    pub async fn kill(&mut self) -> Outcome<()> {
        match self.window.take() {
            Some(window) => window.kill().await,
            None => Err(format!("the window of laptop {} is not open", self.name).into()),
        }
    }

    /// Closes the window, when it is open.
    pub async fn close(&mut self) -> Outcome<()> {
        match self.window.take() {
            Some(window) => window.close().await,
            None => Ok(()),
        }
    }

    /// Takes a picture of a step.
    pub async fn shot(&self, step: u32, what: &str) -> Outcome<()> {
        self.window()?.shot(&format!("{step:02}-{}-{what}", self.name)).await
    }

    /// Signs in a person who has no data on this laptop yet.
    pub async fn sign_in(&self, user_name: &str) -> Outcome<()> {
        let window = self.window()?;
        let form = wait::until("a form or the people are on the screen", SEE_TIME_MAX, || async {
            if window.shown("signin-server").await?.is_some() {
                return Ok(Some(true));
            }
            Ok(window.shown("somebody-else").await?.map(|_| false))
        })
        .await?;
        if !form {
            window.press("somebody-else").await?;
        }
        window.write("signin-server", &self.server).await?;
        window.write("signin-name", user_name).await?;
        window.write("signin-password", DEMONSTRATION_PASSWORD).await?;
        window.press("signin-submit").await?;
        self.inside("signin-error").await
    }

    /// Unlocks a person who has data on this laptop.
    pub async fn unlock(&self, user_name: &str) -> Outcome<()> {
        let window = self.window()?;
        window.press(&format!("person-{user_name}")).await?;
        window.write("unlock-password", DEMONSTRATION_PASSWORD).await?;
        window.press("unlock-submit").await?;
        self.inside("unlock-error").await
    }

    /// Waits for the first screen, or for the error message.
    async fn inside(&self, problem: &str) -> Outcome<()> {
        let window = self.window()?;
        let refused = wait::until("the first screen comes", UNLOCK_TIME_MAX, || async {
            if let Some(element) = window.shown(problem).await? {
                let code = element.attr("data-code").await?.unwrap_or_default();
                return Ok(Some(Some(code)));
            }
            Ok(window.shown("sync-chip").await?.map(|_| None))
        })
        .await?;
        match refused {
            None => Ok(()),
            Some(code) => Err(format!("`{problem}` is on the screen: {code}").into()),
        }
    }

    /// Locks.
    pub async fn lock(&self) -> Outcome<()> {
        let window = self.window()?;
        window.press("person-menu").await?;
        window.press("lock").await?;
        window.see("people").await?;
        Ok(())
    }

    /// Switches to another person.
    pub async fn hand_over(&self, user_name: &str) -> Outcome<()> {
        self.lock().await?;
        self.unlock(user_name).await
    }

    /// Begins or continues a test of the open course. Before a test that takes time or an attempt, what it takes is shown.
    pub async fn start_test(&self, test: usize) -> Outcome<()> {
        let window = self.window()?;
        window.press(&format!("assessment-start-{test}")).await?;
        wait::until("the test begins", SEE_TIME_MAX, || async {
            if window.shown("before-test").await?.is_some() {
                window.press("before-test-start").await?;
                window.disappears("before-test").await?;
            }
            Ok(window.shown("attempt-running").await?.map(|_| ()))
        })
        .await
    }

    /// Marks the cell under the cursor of the grid by its key. Answers the question whether a day after today is meant.
    pub async fn mark(&self, cell: &str, key: char, status: &str) -> Outcome<()> {
        let window = self.window()?;
        window.keys([key]).await?;
        wait::until(&format!("`{cell}` is marked as {status}"), SEE_TIME_MAX, || async {
            if window.shown("to-come-dialog").await?.is_some() {
                window.press("to-come-mark").await?;
                window.disappears("to-come-dialog").await?;
                window.has_focus("grid").await?;
            }
            let Some(element) = window.shown(cell).await? else { return Ok(None) };
            Ok((element.attr("data-status").await?.as_deref() == Some(status)).then_some(()))
        })
        .await
    }

    /// Waits until the chip shows that the server is unreachable.
    pub async fn wait_until_offline(&self) -> Outcome<()> {
        self.window()?.attribute("sync-chip", "data-online", OFFLINE_TIME_MAX, |online| online == "false").await?;
        Ok(())
    }

    /// Waits until everything is sent and the chip shows it.
    pub async fn wait_until_synced(&self) -> Outcome<()> {
        let window = self.window()?;
        window.attribute("sync-chip", "data-online", SYNC_TIME_MAX, |online| online == "true").await?;
        window.attribute("sync-chip", "data-waiting", SYNC_TIME_MAX, |waiting| waiting == "0").await?;
        window.attribute("sync-chip", "data-safe", SYNC_TIME_MAX, |safe| safe == "true").await?;
        Ok(())
    }

    /// The number of waiting changes that the chip shows.
    pub async fn waiting(&self, expected: impl Fn(u64) -> bool) -> Outcome<u64> {
        let number = |text: &str| text.parse::<u64>().ok();
        let text = self.window()?.attribute("sync-chip", "data-waiting", SEE_TIME_MAX, |text| number(text).is_some_and(&expected)).await?;
        number(&text).ok_or_else(|| format!("{text:?} is not a number").into())
    }
}
