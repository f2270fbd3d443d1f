//! Both laptops and the server synchronize again.

use std::time::{Duration, Instant};

use super::Journey;
use super::laptop::{Laptop, SYNC_TIME_MAX};
use crate::window::hands::{ENTER, SEE_TIME_MAX};
use crate::{Outcome, wait};

/// Longest time until a change in SQL is on the open screens: half of the interval at which a laptop polls, which proves that it was poked.
const RENAME_TIME_MAX: Duration = Duration::from_secs(30);
/// The column of the trainee's topic in the matrix of learners.
const TOPIC_COLUMN: usize = 6;
/// The code that is taken, and the one that is free.
const TAKEN_CODE: &str = "SAF-901";
const FREE_CODE: &str = "SAF-102";

impl Journey<'_> {
    /// Step 5.
    pub(super) async fn come_back_online(&mut self) -> Outcome<()> {
        self.stage.server.start().await?;
        self.a.wait_until_synced().await?;
        self.b.wait_until_synced().await?;
        self.b.shot(5, "in-step").await?;
        self.open_course("SAF-101").await?;
        let last = self.final_test().await?;
        let window = self.a.window()?;
        window.press(&format!("assessment-attempt-{last}-1")).await?;
        window.attribute("attempt-state", "data-state", SYNC_TIME_MAX, |state| state == "graded").await?;
        window.attribute("attempt-state", "data-provisional", SEE_TIME_MAX, |provisional| provisional == "false").await?;
        window.see("attempt-score").await?;
        self.a.shot(5, "graded").await?;

        let mut connection = self.stage.connect().await?;
        let done = "SELECT count(*) FROM topic_progress p JOIN users u ON u.id = p.user_id WHERE u.user_name = 'aysel' AND p.completed";
        let done: i64 = sqlx::query_scalar(done).fetch_one(&mut connection).await?;
        if done != 1 {
            return Err(format!("the server has {done} topics done by the trainee, not 1").into());
        }
        Ok(())
    }

    /// Step 6.
    pub(super) async fn look_at_learners(&mut self) -> Outcome<()> {
        let trainee = self.user_id("aysel").await?;
        self.b.hand_over("rustam").await?;
        let window = self.b.window()?;
        window.see("course-card-SAF-101").await?;
        for other in ["course-learners-LPG-201", "course-learners-RIY-7", "course-learners-SRV-110"] {
            if window.shown(other).await?.is_some() {
                return Err(format!("`{other}` is on the screen of an instructor of another course").into());
            }
        }
        window.press("course-learners-SAF-101").await?;
        let row = wait::until("the trainee is among the learners", SYNC_TIME_MAX, || async {
            let script =
                "return document.querySelector(`[data-user=\"${arguments[0]}\"]`)?.dataset.testid.slice('learner-'.length) ?? null";
            Ok(window.script(script, vec![trainee.clone().into()]).await?.as_str().map(str::to_owned))
        })
        .await?;
        let topic = format!("learner-cell-{row}-{TOPIC_COLUMN}");
        window.attribute(&topic, "data-percent", SYNC_TIME_MAX, |percent| percent == "100").await?;
        let graded = format!("[data-user=\"{trainee}\"] [data-state=\"graded\"]");
        wait::until("both results of the trainee are shown", SYNC_TIME_MAX, || async {
            Ok((window.count(&graded).await? >= 2).then_some(()))
        })
        .await?;
        self.b.shot(6, "learners").await
    }

    /// Step 7.
    pub(super) async fn receive_a_rename(&mut self) -> Outcome<()> {
        self.open_course("SAF-101").await?;
        let window = self.b.window()?;
        window.press("nav-course-SAF-101").await?;
        window.see("course-title").await?;
        let title = "Safety at the filling station, new edition";
        let mut connection = self.stage.connect().await?;
        let rename = sqlx::query("UPDATE courses SET title = $1 WHERE course_code = 'SAF-101'").bind(title);
        rename.execute(&mut connection).await?;
        // Both within the same time; pictures are taken afterwards.
        let renamed = Instant::now();
        for laptop in [&self.a, &self.b] {
            let left = RENAME_TIME_MAX.saturating_sub(renamed.elapsed());
            laptop.window()?.text_matching("course-title", left, |text| text.contains(title)).await?;
        }
        for laptop in [&self.a, &self.b] {
            laptop.shot(7, "renamed").await?;
        }
        Ok(())
    }

    /// Step 8.
    pub(super) async fn settle_a_conflict(&mut self) -> Outcome<()> {
        let cell = format!("cell-0-{}", self.column);
        self.a.lock().await?;
        self.a.sign_in("nigar").await?;
        self.b.hand_over("nigar").await?;
        for laptop in [&self.a, &self.b] {
            laptop.wait_until_synced().await?;
            laptop.window()?.see_within("nav-group-0", SYNC_TIME_MAX).await?;
            laptop.window()?.press("nav-group-0").await?;
            for _ in 0..self.periods {
                laptop.window()?.press("period-next").await?;
            }
            laptop.window()?.attribute(&cell, "data-status", SYNC_TIME_MAX, |status| status == "present").await?;
        }
        self.stage.server.stop();
        for (laptop, key, status) in [(&self.a, '2', "late"), (&self.b, '3', "absent")] {
            laptop.wait_until_offline().await?;
            let window = laptop.window()?;
            window.press(&cell).await?;
            laptop.mark(&cell, key, status).await?;
        }
        self.a.shot(8, "offline").await?;
        self.b.shot(8, "offline").await?;
        self.stage.server.start().await?;
        let kept = self.same_mark(&cell).await?;
        self.b.shot(8, "conflict").await?;
        self.settle(&cell, &kept).await
    }

    /// Waits until both laptops show the same mark and its conflict, and returns the mark.
    async fn same_mark(&self, cell: &str) -> Outcome<String> {
        let mut marks = Vec::new();
        for laptop in [&self.a, &self.b] {
            let window = laptop.window()?;
            laptop.wait_until_synced().await?;
            window.attribute(cell, "data-conflict", SYNC_TIME_MAX, |conflict| !conflict.is_empty()).await?;
            marks.push(window.attribute(cell, "data-status", SEE_TIME_MAX, |status| !status.is_empty()).await?);
        }
        match marks.as_slice() {
            [one, other] if one == other => Ok(one.clone()),
            _ => Err(format!("the laptops show {marks:?}").into()),
        }
    }

    /// The teacher takes the losing value; both laptops show it and no conflict.
    async fn settle(&self, cell: &str, kept: &str) -> Outcome<()> {
        let window = self.b.window()?;
        window.press(cell).await?;
        window.keys([ENTER]).await?;
        window.see("conflict-take-kept").await?;
        self.b.shot(8, "both-values").await?;
        window.press("conflict-take-lost").await?;
        for laptop in [&self.b, &self.a] {
            let window = laptop.window()?;
            window.attribute(cell, "data-conflict", SYNC_TIME_MAX, str::is_empty).await?;
            window.attribute(cell, "data-status", SYNC_TIME_MAX, |status| !status.is_empty() && status != kept).await?;
        }
        self.a.shot(8, "settled").await?;
        self.b.shot(8, "settled").await
    }

    /// Step 9.
    pub(super) async fn correct_a_refusal(&mut self) -> Outcome<()> {
        self.b.hand_over("rustam").await?;
        self.b.wait_until_synced().await?;
        self.stage.server.stop();
        self.b.wait_until_offline().await?;
        self.take_code(TAKEN_CODE).await?;
        edit(&self.b, "edit-course-code", TAKEN_CODE, "SAF-101").await?;
        self.stage.server.start().await?;
        let laptop = &self.b;
        let window = laptop.window()?;
        window.attribute("sync-chip", "data-attention", SYNC_TIME_MAX, |attention| attention == "1").await?;
        laptop.shot(9, "refused").await?;
        // Another change, made after the refused one, is accepted. The course shows the server's values again.
        window.press("nav-course-SAF-101").await?;
        let description = "What everyone who works on a forecourt must know.";
        window.press("edit-course").await?;
        window.write("edit-course-description", description).await?;
        window.press("edit-course-save").await?;
        self.on_server("description", description).await?;

        window.press("sync-chip").await?;
        window.see("sync-centre").await?;
        window.attribute("attention-item", "data-code", SEE_TIME_MAX, |code| code == "taken").await?;
        window.see("attention-why").await?;
        laptop.shot(9, "why").await?;
        window.write("attention-field-course_code", FREE_CODE).await?;
        window.press("attention-send").await?;
        window.disappears("attention-item").await?;
        self.on_server("course_code", FREE_CODE).await?;
        laptop.wait_until_synced().await?;
        laptop.shot(9, "corrected").await
    }

    /// Gives the code to a new course, which a laptop that is offline cannot know of.
    pub(super) async fn take_code(&self, code: &str) -> Outcome<()> {
        let new_course = "INSERT INTO courses (organization_id, title, course_code) \
             SELECT c.organization_id, 'A new course', $1 FROM courses c WHERE c.title LIKE 'Safety at the filling station%'";
        sqlx::query(new_course).bind(code).execute(&mut self.stage.connect().await?).await?;
        Ok(())
    }

    /// Waits until the server has this value in the instructor's course.
    async fn on_server(&self, column: &str, expected: &str) -> Outcome<()> {
        let query = "SELECT to_jsonb(c) ->> $1 FROM courses c WHERE title LIKE 'Safety at the filling station%'";
        wait::until(&format!("the server has {expected:?} as {column}"), SYNC_TIME_MAX, || async {
            let mut connection = self.stage.connect().await?;
            let value: Option<String> = sqlx::query_scalar(query).bind(column).fetch_one(&mut connection).await?;
            if value.as_deref() == Some(expected) { Ok(Some(())) } else { Err(format!("it has {value:?}").into()) }
        })
        .await
    }
}

/// Changes one field of a course's card.
async fn edit(laptop: &Laptop, field: &str, text: &str, code: &str) -> Outcome<()> {
    let window = laptop.window()?;
    window.press(&format!("nav-course-{code}")).await?;
    window.press("edit-course").await?;
    window.write(field, text).await?;
    window.press("edit-course-save").await?;
    window.disappears("edit-course-save").await
}
