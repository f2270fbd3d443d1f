//! Pictures of every screen, for whoever looks at them: light and dark, large, and in three languages.

use super::Journey;
use super::laptop::Laptop;
use crate::Outcome;
use crate::window::hands::{CONTROL, ESCAPE, SEE_TIME_MAX};

/// A look: its name, its theme, its language, and how many steps it is larger than 100 %.
const LOOKS: &[(&str, &str, &str, u32)] = &[
    ("light", "light", "en", 0),
    ("dark", "dark", "en", 0),
    ("large", "light", "en", 5),
    ("ru", "light", "ru", 0),
    ("az", "dark", "az", 0),
];

/// Screens of a person: a name, what to press to get there, and what is there then.
type Screens = &'static [(&'static str, &'static [&'static str], &'static str)];

const TRAINEE: Screens = &[
    ("home", &["nav-home"], "home"),
    ("course", &["nav-home", "course-card-LPG-201"], "course-title"),
    ("topic", &["nav-home", "course-card-LPG-201", "topic-1"], "topic"),
    ("sync", &["sync-chip"], "sync-centre"),
];
const TEACHER: Screens = &[("teacher-home", &["nav-home"], "home"), ("grid", &["nav-group-0"], "cell-0-0")];
const INSTRUCTOR: Screens = &[
    ("instructor-home", &["nav-home"], "home"),
    ("learners", &["nav-home", "course-learners-SAF-102"], "learners"),
    ("stations", &["nav-stations"], "stations"),
    ("station", &["nav-stations", "station-card"], "station-equipment"),
];

impl Journey<'_> {
    pub(super) async fn show_everything(&mut self) -> Outcome<()> {
        let laptop = &self.b;
        laptop.lock().await?;
        laptop.sign_in("aysel").await?;
        laptop.window()?.see_within("course-card-LPG-201", super::laptop::SYNC_TIME_MAX).await?;
        laptop.is_in_step().await?;
        show(laptop, TRAINEE).await?;
        laptop.hand_over("nigar").await?;
        show(laptop, TEACHER).await?;
        laptop.hand_over("rustam").await?;
        show(laptop, INSTRUCTOR).await?;
        choose(laptop, LOOKS[0]).await
    }
}

async fn show(laptop: &Laptop, screens: Screens) -> Outcome<()> {
    for look in LOOKS {
        choose(laptop, *look).await?;
        for (name, way, there) in screens {
            for step in *way {
                reach(laptop, step).await?;
            }
            laptop.window()?.see(there).await?;
            laptop.window()?.shot(&format!("gallery-{name}-{}", look.0)).await?;
        }
    }
    Ok(())
}

/// Looks different, by keyboard where the menu is out of sight on a screen this large.
async fn choose(laptop: &Laptop, (_, theme, language, larger): (&str, &str, &str, u32)) -> Outcome<()> {
    let window = laptop.window()?;
    window.chord(CONTROL, '0').await?;
    window.press("person-menu").await?;
    window.press(&format!("theme-{theme}")).await?;
    window.press(&format!("language-{language}")).await?;
    window.keys([ESCAPE]).await?;
    window.attribute("person-menu", "aria-expanded", SEE_TIME_MAX, |expanded| expanded != "true").await?;
    for _ in 0..larger {
        window.chord(CONTROL, '=').await?;
    }
    Ok(())
}

/// Presses something that a narrow screen may keep in its folded sidebar.
async fn reach(laptop: &Laptop, step: &str) -> Outcome<()> {
    let window = laptop.window()?;
    if step.starts_with("nav-") && window.shown(step).await?.is_none() {
        window.press("sidebar-toggle").await?;
    }
    window.press(step).await
}
