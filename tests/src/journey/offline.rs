//! What works without a server: studying, surviving a kill, marking a day.

use std::time::Duration;

use serde_json::json;

use super::Journey;
use super::people::{ANSWER_TEXT, number};
use crate::Outcome;
use crate::wait::SOON;
use crate::window::hands::{CONTROL, ENTER, HOME, RIGHT, SEE_TIME_MAX, TAB};

/// How long a video may take to play its first seconds.
const PLAY_TIME_MAX: Duration = SOON;
/// The topic with a PDF and a video, by its ordinal in the course.
const TOPIC: &str = "topic-7";
/// The second up to which the trainee watches.
const WATCHED_SECONDS: u64 = 3;
/// The question after which the app is killed.
const KILLED_AT: usize = 2;
/// Maximum number of Tab presses around the whole screen.
const TABS_MAX: u32 = 80;
/// The teacher's note beside a mark.
const NOTE: &str = "bus";
/// Maximum number of periods that are searched for a day without marks.
const PERIODS_MAX: u32 = 3;

/// The first column without any mark; a day outside of all memberships does not count.
const UNMARKED_COLUMN: &str = r#"
for (let col = 0; ; col++) {
  const cells = [...document.querySelectorAll(`[data-testid^="cell-"][data-col="${col}"]`)];
  if (cells.length === 0) return -1;
  if (cells.every((cell) => cell.dataset.status === "" && cell.dataset.outside === "false")) return col;
}
"#;

impl Journey<'_> {
    /// Step 2.
    pub(super) async fn study_offline(&mut self) -> Outcome<()> {
        self.stage.server.stop();
        self.a.wait_until_offline().await?;
        self.open_course("SAF-101").await?;
        let window = self.a.window()?;
        window.press(TOPIC).await?;
        self.read().await?;
        self.watch().await?;
        for done in ["true", "false", "true"] {
            window.press("topic-done").await?;
            window.attribute("topic-done", "aria-pressed", SEE_TIME_MAX, |pressed| pressed == done).await?;
        }
        self.a.waiting(|changes| changes > 0).await?;
        self.a.shot(2, "done").await?;

        self.open_course("SAF-101").await?;
        let last = self.final_test().await?;
        self.take_test(0).await?;
        window.attribute("attempt-state", "data-state", SEE_TIME_MAX, |state| state == "graded").await?;
        window.attribute("attempt-state", "data-provisional", SEE_TIME_MAX, |provisional| provisional == "true").await?;
        window.see("attempt-score").await?;
        self.a.shot(2, "lesson-test").await?;

        self.open_course("SAF-101").await?;
        self.take_test(last).await?;
        window.attribute("attempt-state", "data-state", SEE_TIME_MAX, |state| state == "submitted").await?;
        self.a.shot(2, "final-test").await
    }

    async fn read(&self) -> Outcome<()> {
        let window = self.a.window()?;
        window.attribute("pdf", "data-state", SEE_TIME_MAX, |state| state == "ready").await?;
        window.attribute("pdf-pages", "data-pages", SEE_TIME_MAX, |pages| pages == "3").await?;
        for (button, page) in [("pdf-next", "2"), ("pdf-next", "3"), ("pdf-previous", "2")] {
            window.press(button).await?;
            window.attribute("pdf-canvas", "data-page", SEE_TIME_MAX, |drawn| drawn == page).await?;
        }
        self.a.shot(2, "pdf").await
    }

    async fn watch(&self) -> Outcome<()> {
        let window = self.a.window()?;
        window.press("item-1").await?;
        window.press("video-play").await?;
        let watched = |second: &str| second.parse::<u64>().is_ok_and(|second| second >= WATCHED_SECONDS);
        window.attribute("video-time", "data-second", PLAY_TIME_MAX, watched).await?;
        self.a.shot(2, "video").await?;
        window.press("video-play").await?;
        window.attribute("video-player", "data-state", SEE_TIME_MAX, |state| state == "paused").await?;
        Ok(())
    }

    /// Step 3.
    pub(super) async fn survive_a_kill(&mut self) -> Outcome<()> {
        self.open_course("SAF-101").await?;
        let window = self.a.window()?;
        let second = self.second().await;
        self.open_course("SAF-101").await?;
        window.press("assessment-start-1").await?;
        for index in 0..=KILLED_AT {
            self.answer(index, 1).await?;
            if index < KILLED_AT {
                window.press("next-question").await?;
            }
        }
        self.a.shot(3, "before").await?;
        self.a.kill().await?;

        self.a.open().await?;
        self.a.unlock("aysel").await?;
        self.a.wait_until_offline().await?;
        self.open_course("SAF-101").await?;
        let window = self.a.window()?;
        window.press("assessment-start-1").await?;
        window.attribute("attempt-question", "data-place", SEE_TIME_MAX, |index| index == KILLED_AT.to_string()).await?;
        for index in 0..=KILLED_AT {
            window.press(&format!("strip-{index}")).await?;
            window.attribute(&format!("strip-{index}"), "data-answered", SEE_TIME_MAX, |answered| answered == "true").await?;
            if window.shown("answer-text").await?.is_some() {
                let text = window.value("answer-text").await?;
                if text != ANSWER_TEXT {
                    return Err(format!("the written answer {ANSWER_TEXT:?} is now {text:?}").into());
                }
            } else {
                window.attribute("option-1", "data-chosen", SEE_TIME_MAX, |chosen| chosen == "true").await?;
            }
        }
        self.a.shot(3, "after").await?;
        self.open_course("SAF-101").await?;
        window.press(TOPIC).await?;
        window.attribute("pdf-canvas", "data-page", SEE_TIME_MAX, |page| page == "2").await?;
        self.a.shot(3, "page").await?;
        let again = self.second().await?;
        let before = second?;
        if again.abs_diff(before) > 1 {
            return Err(format!("the video was left at second {before} and is at {again}").into());
        }
        self.a.shot(3, "second").await
    }

    /// The current second of the video of the topic.
    async fn second(&self) -> Outcome<u64> {
        self.open_course("SAF-101").await?;
        let window = self.a.window()?;
        window.press(TOPIC).await?;
        window.press("item-1").await?;
        let has_started = |second: &str| second.parse::<u64>().is_ok_and(|second| second > 0);
        let second = window.attribute("video-time", "data-second", SEE_TIME_MAX, has_started).await?;
        Ok(second.parse()?)
    }

    /// Step 4.
    pub(super) async fn mark_a_day_offline(&mut self) -> Outcome<()> {
        self.b.unlock("nigar").await?;
        self.b.wait_until_offline().await?;
        let window = self.b.window()?;
        window.press("nav-group-0").await?;
        window.see("cell-0-0").await?;
        let (periods, column) = self.unmarked_day().await?;
        self.periods = periods;
        self.column = column;
        let rows = window.count("[data-testid^=\"row-\"]").await?;

        self.focus_grid().await?;
        window.chord(CONTROL, HOME).await?;
        window.keys(std::iter::repeat_n(RIGHT, column)).await?;
        self.b.mark(&format!("cell-0-{column}"), '1', "present").await?;
        for row in 1..rows {
            // The mark moves the cursor down.
            window.keys([['1', '2', '3', '4'][row % 4]]).await?;
        }
        for row in 0..rows {
            let expected = ["present", "late", "absent", "excused"][row % 4];
            let cell = format!("cell-{row}-{column}");
            window.attribute(&cell, "data-status", SEE_TIME_MAX, |status| status == expected).await?;
            window.attribute(&cell, "data-waiting", SEE_TIME_MAX, |waiting| waiting == "true").await?;
        }
        // A note is stored when the teacher goes to another cell, without an explicit save.
        window.press(&format!("cell-1-{column}")).await?;
        window.keys([ENTER]).await?;
        window.has_focus("note-text").await?;
        window.keys(NOTE.chars()).await?;
        window.press(&format!("cell-0-{column}")).await?;
        window.attribute(&format!("cell-1-{column}"), "data-note", SEE_TIME_MAX, |note| note == NOTE).await?;
        // Every mark, and the note.
        let waiting = self.b.waiting(|changes| changes > rows as u64).await?;
        self.b.shot(4, "marked").await?;

        self.b.hand_over("rustam").await?;
        self.b.window()?.see("course-card-SAF-101").await?;
        self.b.waiting(|changes| changes == 0).await?;
        self.b.shot(4, "taken-over").await?;
        self.b.lock().await?;
        let count = waiting.to_string();
        self.b.window()?.text_matching("person-nigar", SEE_TIME_MAX, |text| text.contains(&count)).await?;
        self.b.shot(4, "people").await?;
        self.b.unlock("nigar").await?;
        self.b.waiting(|changes| changes == waiting).await?;
        Ok(())
    }

    /// Pages to a day without marks: returns the number of pages and its column.
    async fn unmarked_day(&self) -> Outcome<(u32, usize)> {
        let window = self.b.window()?;
        for periods in 0..PERIODS_MAX {
            let column = window.script(UNMARKED_COLUMN, Vec::new()).await?;
            if column != json!(-1) {
                return Ok((periods, number(&column)?));
            }
            let from = window.attribute("grid", "data-from", SEE_TIME_MAX, |from| !from.is_empty()).await?;
            window.press("period-next").await?;
            // The heading changes with the key, the cells when their answer arrives.
            window.attribute("grid", "data-from", SEE_TIME_MAX, |now| now != from).await?;
        }
        Err("every day of the schedule is marked".into())
    }

    /// Moves the focus to the grid with the Tab key: the grid is one tab stop.
    async fn focus_grid(&self) -> Outcome<()> {
        let window = self.b.window()?;
        let focused = "return document.activeElement?.dataset.testid ?? ''";
        for _ in 0..TABS_MAX {
            if window.script(focused, Vec::new()).await? == json!("grid") {
                return Ok(());
            }
            window.keys([TAB]).await?;
        }
        Err("the Tab key does not lead to the grid".into())
    }
}
