//! Pictures of every screen for visual review: every role, light and dark, large, and in three languages.

use super::Journey;
use super::laptop::{Laptop, SYNC_TIME_MAX};
use crate::window::hands::{CONTROL, ENTER, ESCAPE, SEE_TIME_MAX};
use crate::{Outcome, wait};

/// A look: its name, its theme, its language, and the number of zoom steps above 100 %.
type Look = (&'static str, &'static str, &'static str, u32);

const LOOKS: &[Look] = &[
    ("light", "light", "en", 0),
    ("dark", "dark", "en", 0),
    ("large", "light", "en", 5),
    ("ru", "light", "ru", 0),
    ("az", "dark", "az", 0),
];

/// Whether the video on the screen, if any, shows a picture.
const PICTURE_IS_THERE: &str =
    "return (document.querySelector('video')?.readyState ?? 4) >= 2 && !document.querySelector('video')?.seeking";

/// One step that leads to a screen.
#[derive(Clone, Copy)]
enum Step {
    Press(&'static str),
    Key(char),
    Scroll(&'static str),
}

use Step::{Key, Press, Scroll};

/// Screens of a person: a name, the steps that lead there, and an element that is then visible.
type Screens = &'static [(&'static str, &'static [Step], &'static str)];

const TRAINEE: Screens = &[
    ("home", &[Press("nav-home")], "home-studying"),
    ("settings", &[Press("nav-home"), Press("person-menu")], "person-settings"),
    ("course", &[Press("nav-course-SAF-102")], "course-title"),
    ("download", &[Press("nav-course-LPG-201"), Press("download-all")], "download-dialog"),
    ("pdf", &[Press("nav-course-SAF-102"), Press("topic-7"), Press("item-0")], "pdf-canvas"),
    ("video", &[Press("nav-course-SAF-102"), Press("topic-7"), Press("item-1")], "video-duration"),
    ("test", &[Press("nav-course-SAF-102"), Press("assessment-start-1")], "attempt-running"),
    ("hand-in", &[Press("nav-course-SAF-102"), Press("assessment-start-1"), Press("hand-in")], "hand-in-dialog"),
    ("result", &[Press("nav-course-SAF-102"), Press("assessment-attempt-0-1")], "attempt-result"),
    ("sync", &[Press("sync-chip")], "sync-centre"),
];
const TEACHER: Screens = &[
    ("home", &[Press("nav-home")], "home-groups"),
    ("grid", &[Press("nav-group-0")], "cell-0-0"),
    ("note", &[Press("nav-group-0"), Press("cell-2-1"), Key(ENTER)], "note-popover"),
    ("keys", &[Press("nav-group-0"), Press("keys")], "keys-dialog"),
];
const INSTRUCTOR: Screens = &[
    ("home", &[Press("nav-home")], "home-teaching"),
    ("course", &[Press("nav-course-SAF-102")], "course-title"),
    ("edit", &[Press("nav-course-SAF-102"), Press("edit-course")], "edit-course-save"),
    ("learners", &[Press("nav-home"), Press("course-learners-SAF-102")], "learners-summary"),
    ("stuck", &[Press("nav-home"), Press("course-learners-SAF-102"), Press("learners-stuck")], "learners-stuck-names"),
    ("stations", &[Press("nav-stations")], "record-row"),
    ("record", &[Press("nav-stations"), Press("record-row")], "record-pane"),
    ("new-record", &[Press("nav-stations"), Press("records-new")], "new-dialog"),
    ("palette", &[Press("nav-home"), Press("nav-search")], "palette"),
    ("station", &[Press("nav-home"), Press("station-0")], "station-equipment"),
    ("safety", &[Press("nav-home"), Press("station-0"), Scroll("station-safety")], "station-safety"),
    ("sync", &[Press("sync-chip")], "sync-conflicts"),
];
const SUBSTITUTE: Screens = &[("sync", &[Press("sync-chip")], "own-held-item")];
const COLLEAGUE: Screens = &[("sync", &[Press("sync-chip")], "held-item")];
const PARENT: Screens = &[("home", &[Press("nav-home")], "child-0")];
const ADMINISTRATOR: Screens =
    &[("home", &[Press("nav-home")], "home"), ("sync", &[Press("sync-chip"), Scroll("sync-offered")], "offered-item")];

impl Journey<'_> {
    pub(super) async fn show_everything(&mut self) -> Outcome<()> {
        self.a.hand_over("aysel").await?;
        self.a.wait_until_synced().await?;
        show(&self.a, "trainee", TRAINEE).await?;
        show_the_sign_in(&self.a, "aysel").await?;

        self.disagree().await?;
        show(&self.b, "instructor", INSTRUCTOR).await?;
        self.b.hand_over("nigar").await?;
        show(&self.b, "teacher", TEACHER).await?;
        let colleague = self.lose_a_group("nigar").await?;
        show(&self.b, "substitute", SUBSTITUTE).await?;
        self.b.lock().await?;
        self.b.sign_in(&colleague).await?;
        self.b.wait_until_synced().await?;
        show(&self.b, "colleague", COLLEAGUE).await?;
        self.offer().await?;
        for (user_name, role, screens) in [("sevda", "parent", PARENT), ("gulnar", "administrator", ADMINISTRATOR)] {
            self.b.lock().await?;
            self.b.sign_in(user_name).await?;
            self.b.wait_until_synced().await?;
            show(&self.b, role, screens).await?;
        }
        Ok(())
    }

    /// The instructor gives the Sync centre something to show: a conflict between two laptops, and a refused change.
    async fn disagree(&mut self) -> Outcome<()> {
        self.a.lock().await?;
        self.a.sign_in("rustam").await?;
        for laptop in [&self.a, &self.b] {
            laptop.wait_until_synced().await?;
            laptop.window()?.see_within("nav-course-SAF-102", SYNC_TIME_MAX).await?;
        }
        self.stage.server.stop();
        let texts = ["Rules of the forecourt, for those who begin.", "Rules of the forecourt, with what is new this year."];
        for (laptop, text) in [&self.a, &self.b].into_iter().zip(texts) {
            laptop.wait_until_offline().await?;
            edit(laptop, "edit-course-description", text).await?;
        }
        self.take_code("SAF-902").await?;
        edit(&self.b, "edit-course-code", "SAF-902").await?;
        self.stage.server.start().await?;
        let window = self.b.window()?;
        window.attribute("sync-chip", "data-attention", SYNC_TIME_MAX, |attention| attention != "0").await?;
        window.press("sync-chip").await?;
        window.see_within("conflict-item", SYNC_TIME_MAX).await?;
        window.see_within("attention-item", SYNC_TIME_MAX).await?;
        Ok(())
    }
}

impl Journey<'_> {
    /// The teacher on the second laptop marks two learners offline; meanwhile their groups are given to a colleague, whose user name is
    /// returned.
    async fn lose_a_group(&mut self, user_name: &str) -> Outcome<String> {
        let window = self.b.window()?;
        window.press("nav-group-0").await?;
        window.see_within("cell-0-1", SYNC_TIME_MAX).await?;
        self.stage.server.stop();
        self.b.wait_until_offline().await?;
        for (cell, key, status) in [("cell-0-1", '2', "late"), ("cell-1-1", '3', "absent")] {
            window.press(cell).await?;
            self.b.mark(cell, key, status).await?;
        }
        let mut connection = self.stage.connect().await?;
        let hand_over = "WITH colleague AS (SELECT id, user_name FROM users WHERE role = 'teacher' AND user_name <> $1 ORDER BY user_name LIMIT 1) \
             UPDATE groups g SET teacher_id = c.id FROM colleague c, users u WHERE u.user_name = $1 AND g.teacher_id = u.id \
             RETURNING c.user_name";
        let colleague: String = sqlx::query_scalar(hand_over).bind(user_name).fetch_one(&mut connection).await?;
        self.stage.server.start().await?;
        self.b.wait_until_synced().await?;
        window.press("sync-chip").await?;
        window.see_within("own-held-item", SYNC_TIME_MAX).await?;
        Ok(colleague)
    }
}

impl Journey<'_> {
    /// Offers two rows that a server has lost, as after a restore: one that it has in another state, and one that it lacks.
    async fn offer(&mut self) -> Outcome<()> {
        let columns = "organization_id, entity, row_id, row_stamp, changed_at, fields, offered_by, offered_by_name, person_name, \
             created_at, updated_at, stamp";
        let offers = [
            format!(
                "INSERT INTO offered_rows ({columns}) \
                 SELECT t.organization_id, 'topics', t.id, '1', now(), jsonb_build_object('title', t.title || ' (2026)'), u.id, u.full_name, \
                     NULL, now(), now(), 0 FROM topics t, users u WHERE u.user_name = 'aysel' ORDER BY t.id LIMIT 1"
            ),
            format!(
                "INSERT INTO offered_rows ({columns}) \
                 SELECT m.organization_id, 'attendance_records', gen_random_uuid(), '2', now(), jsonb_build_object('group_id', m.group_id, \
                     'student_id', m.user_id, 'lesson_date', '2026-11-16', 'status', 'late', 'note', 'The bus'), u.id, u.full_name, \
                     m.display_name, now(), now(), 0 FROM group_memberships m, users u WHERE u.user_name = 'sevda' ORDER BY m.id LIMIT 1"
            ),
        ];
        let mut connection = self.stage.connect().await?;
        for offer in offers {
            sqlx::raw_sql(sqlx::AssertSqlSafe(offer)).execute(&mut connection).await?;
        }
        Ok(())
    }
}

async fn edit(laptop: &Laptop, field: &str, text: &str) -> Outcome<()> {
    let window = laptop.window()?;
    window.press("nav-course-SAF-102").await?;
    window.press("edit-course").await?;
    window.write(field, text).await?;
    window.press("edit-course-save").await?;
    window.disappears("edit-course-save").await
}

async fn show(laptop: &Laptop, who: &str, screens: Screens) -> Outcome<()> {
    for look in LOOKS {
        choose(laptop, *look).await?;
        for (name, way, there) in screens {
            for step in *way {
                reach(laptop, *step).await.map_err(|error| format!("{who}'s {name} in {}: {error}", look.0))?;
            }
            let window = laptop.window()?;
            window.see(there).await.map_err(|error| format!("{who}'s {name} in {}: {error}", look.0))?;
            wait::until("a video shows its picture", SEE_TIME_MAX, || async {
                Ok((window.script(PICTURE_IS_THERE, Vec::new()).await? == true).then_some(()))
            })
            .await?;
            window.shot(&format!("gallery-{who}-{name}-{}", look.0)).await?;
            // Closes what covers the screen.
            window.keys([ESCAPE]).await?;
        }
    }
    choose(laptop, LOOKS[0]).await
}

/// The screens before the sign-in, in the look of the person who locked.
async fn show_the_sign_in(laptop: &Laptop, user_name: &str) -> Outcome<()> {
    for look in LOOKS {
        choose(laptop, *look).await?;
        let window = laptop.window()?;
        reach(laptop, Press("person-menu")).await?;
        window.press("lock").await?;
        window.see("people").await?;
        window.shot(&format!("gallery-door-people-{}", look.0)).await?;
        window.press("somebody-else").await?;
        window.see("signin-server").await?;
        window.shot(&format!("gallery-door-sign-in-{}", look.0)).await?;
        window.press("signin-back").await?;
        window.press(&format!("person-{user_name}")).await?;
        window.see("unlock-password").await?;
        window.shot(&format!("gallery-door-unlock-{}", look.0)).await?;
        window.press("unlock-back").await?;
        laptop.unlock(user_name).await?;
    }
    choose(laptop, LOOKS[0]).await
}

/// Chooses a look, by keyboard where the menu is out of sight on a screen this large.
async fn choose(laptop: &Laptop, (_, theme, language, larger): Look) -> Outcome<()> {
    let window = laptop.window()?;
    window.chord(CONTROL, '0').await?;
    reach(laptop, Press("person-menu")).await?;
    window.press(&format!("theme-{theme}")).await?;
    window.press(&format!("language-{language}")).await?;
    window.keys([ESCAPE]).await?;
    window.attribute("person-menu", "aria-expanded", SEE_TIME_MAX, |expanded| expanded != "true").await?;
    for _ in 0..larger {
        window.chord(CONTROL, '=').await?;
    }
    Ok(())
}

/// Performs a step, also on an element that a narrow screen keeps in its folded sidebar.
async fn reach(laptop: &Laptop, step: Step) -> Outcome<()> {
    let window = laptop.window()?;
    let thing = match step {
        Press(thing) => thing,
        Key(key) => return window.keys([key]).await,
        Scroll(thing) => {
            window.see(thing).await?;
            let script = "document.querySelector(`[data-testid=\"${arguments[0]}\"]`).scrollIntoView()";
            return window.script(script, vec![thing.into()]).await.map(|_| ());
        }
    };
    let in_sidebar = thing.starts_with("nav-") || thing == "person-menu";
    if in_sidebar && window.shown("nav-home").await?.is_none() {
        window.press("sidebar-toggle").await?;
    }
    window.press(thing).await
}
