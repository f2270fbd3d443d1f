//! Signing in, and downloading a course.

use std::time::Duration;

use serde_json::Value;

use super::Journey;
use crate::Outcome;
use crate::wait::SOON;
use crate::window::hands::SEE_TIME_MAX;

/// How long a first sync may take until its first screen is complete.
const FIRST_SYNC_TIME_MAX: Duration = SOON;
/// How long a course of a few megabytes may take.
const DOWNLOAD_TIME_MAX: Duration = Duration::from_secs(120);

/// The text of every written answer.
pub(super) const ANSWER_TEXT: &str = "42";

/// Records every percentage that the download shows, because it may finish before the first look.
const WATCH_PROGRESS: &str = r#"
window.shownProgress = [];
new MutationObserver(() => {
  const bar = document.querySelector('[data-testid="download-progress"]');
  const percent = bar && bar.getAttribute('aria-valuenow');
  if (percent !== null && window.shownProgress.at(-1) !== percent) window.shownProgress.push(percent);
}).observe(document, { subtree: true, childList: true, attributes: true });
"#;

impl Journey<'_> {
    /// Step 1.
    pub(super) async fn sign_in_and_download(&mut self) -> Outcome<()> {
        let window = self.a.open().await?;
        window.see("signin-server").await?;
        self.a.shot(1, "signed-out").await?;
        self.a.sign_in("aysel").await?;
        let window = self.a.window()?;
        for course in ["course-card-SAF-101", "course-card-LPG-201"] {
            window.see_within(course, FIRST_SYNC_TIME_MAX).await?;
        }
        if window.shown("course-card-RIY-7").await?.is_some() {
            return Err("a course that the trainee does not study is on their first screen".into());
        }
        self.a.shot(1, "home").await?;
        self.download().await?;
        self.sign_in_on_the_other_laptop().await
    }

    async fn download(&self) -> Outcome<()> {
        let window = self.a.window()?;
        window.press("course-card-SAF-101").await?;
        window.see("course-title").await?;
        window.script(WATCH_PROGRESS, Vec::new()).await?;
        window.press("download-all").await?;
        window.see("download-confirm").await?;
        self.a.shot(1, "download").await?;
        window.press("download-confirm").await?;
        window.attribute("downloads", "data-state", DOWNLOAD_TIME_MAX, |state| state == "here").await?;
        let shown = window.script("return window.shownProgress.length", Vec::new()).await?;
        if shown.as_u64().is_none_or(|percents| percents == 0) {
            return Err("the download showed no progress".into());
        }
        self.a.shot(1, "downloaded").await
    }

    /// The teacher and the instructor sign in on the second laptop while the server is running.
    async fn sign_in_on_the_other_laptop(&mut self) -> Outcome<()> {
        self.b.open().await?;
        self.b.sign_in("nigar").await?;
        self.b.window()?.see_within("nav-group-0", FIRST_SYNC_TIME_MAX).await?;
        self.b.window()?.press("nav-group-0").await?;
        self.b.window()?.see_within("cell-0-0", FIRST_SYNC_TIME_MAX).await?;
        self.b.wait_until_synced().await?;
        self.b.shot(1, "grid").await?;
        self.b.lock().await?;
        self.b.sign_in("rustam").await?;
        self.b.window()?.see_within("course-card-SAF-101", FIRST_SYNC_TIME_MAX).await?;
        self.b.wait_until_synced().await?;
        self.b.shot(1, "instructor").await?;
        self.b.lock().await
    }

    /// Answers the question on the screen: the given option, or a text.
    pub(super) async fn answer(&self, index: usize, option: usize) -> Outcome<()> {
        let window = self.a.window()?;
        let expected = index.to_string();
        window.attribute("attempt-question", "data-place", SEE_TIME_MAX, |index| index == expected).await?;
        if window.shown("answer-text").await?.is_some() {
            window.write("answer-text", ANSWER_TEXT).await?;
        } else {
            window.press(&format!("option-{option}")).await?;
            window.attribute(&format!("option-{option}"), "data-chosen", SEE_TIME_MAX, |chosen| chosen == "true").await?;
        }
        let strip = format!("strip-{index}");
        window.attribute(&strip, "data-answered", SEE_TIME_MAX, |answered| answered == "true").await?;
        window.attribute("save-state", "data-state", SEE_TIME_MAX, |state| state == "saved").await?;
        Ok(())
    }

    /// Begins a test of the open course, answers everything and submits it.
    pub(super) async fn take_test(&self, test: usize) -> Outcome<()> {
        let window = self.a.window()?;
        self.a.start_test(test).await?;
        let questions = window.count("[data-testid^=\"strip-\"]").await?;
        for index in 0..questions {
            self.answer(index, 0).await?;
            if index + 1 < questions {
                window.press("next-question").await?;
            }
        }
        window.press("hand-in").await?;
        window.press("hand-in-confirm").await
    }

    /// The index of the final test among the tests of the open course: the last.
    pub(super) async fn final_test(&self) -> Outcome<usize> {
        let window = self.a.window()?;
        window.see("assessment-0").await?;
        let script = "return document.querySelectorAll('li[data-testid^=\"assessment-\"]').length";
        let tests = window.script(script, Vec::new()).await?;
        match tests.as_u64() {
            Some(tests) if tests > 1 => Ok(usize::try_from(tests)? - 1),
            _ => Err(format!("the course shows {tests} tests").into()),
        }
    }

    /// Opens a course by its entry in the sidebar.
    pub(super) async fn open_course(&self, code: &str) -> Outcome<()> {
        let window = self.a.window()?;
        window.press(&format!("nav-course-{code}")).await?;
        window.see("course-title").await?;
        Ok(())
    }

    /// The id of a person.
    pub(super) async fn user_id(&self, user_name: &str) -> Outcome<String> {
        let mut connection = self.stage.connect().await?;
        let query = sqlx::query_scalar("SELECT id::text FROM users WHERE user_name = $1").bind(user_name);
        Ok(query.fetch_one(&mut connection).await?)
    }
}

/// A number that a script returned.
pub(super) fn number(value: &Value) -> Outcome<usize> {
    value.as_u64().and_then(|number| usize::try_from(number).ok()).ok_or_else(|| format!("{value} is not a number").into())
}
