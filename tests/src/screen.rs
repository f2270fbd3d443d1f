//! A virtual screen on a free display.

use std::time::Duration;

use crate::children::{Child, Program};
use crate::wait::SOON;
use crate::{Outcome, paths, wait};

/// How long the screen may take to start.
const START_TIME_MAX: Duration = SOON;
/// A common size. WebKit's driver cannot take pictures at 2600 × 1500.
const SIZE: &str = "1920x1080x24";

/// A running Xvfb.
#[derive(Debug)]
pub struct Screen {
    display: String,
    _server: Child,
}

impl Screen {
    /// Starts one.
    ///
    /// # Errors
    /// When Xvfb is missing or does not start.
    pub async fn start() -> Outcome<Screen> {
        let log = paths::folder("logs")?.join(format!("xvfb-{}.log", std::process::id()));
        let server = Program::new("Xvfb", "Xvfb")
            .arguments(["-displayfd", "1", "-screen", "0", SIZE, "-nolisten", "tcp", "-noreset"])
            .start(&log)
            .map_err(|error| format!("{error}: install the package `xvfb`"))?;
        let display = wait::until("Xvfb shows a display", START_TIME_MAX, || async {
            server.ensure_running()?;
            let text = std::fs::read_to_string(&log)?;
            let number =
                text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')).find_map(|line| line.trim().parse::<u32>().ok());
            Ok(number.map(|number| format!(":{number}")))
        })
        .await?;
        Ok(Screen { display, _server: server })
    }

    /// The value of `DISPLAY`.
    pub fn display(&self) -> &str {
        &self.display
    }
}
