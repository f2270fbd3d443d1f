//! The journey: what people do with Waystation, in the real window, on two laptops.
//!
//! Nine steps, grouped into files. A step that fails reports why; the following steps run all the same, so that one run shows everything
//! that works.

mod gallery;
mod laptop;
mod offline;
mod people;
mod records;
mod stage;
mod together;

use std::path::Path;
use std::time::Instant;

pub use stage::{DEMONSTRATION, DEMONSTRATION_PASSWORD, Stage};

use crate::Outcome;
use crate::desk::{Desk, Keyring};
use crate::screen::Screen;
use laptop::Laptop;

/// What the steps share.
pub struct Journey<'a> {
    stage: &'a mut Stage,
    /// The trainee's laptop.
    a: Laptop,
    /// The laptop of the teacher and the instructor.
    b: Laptop,
    /// How many periods the teacher paged to the day that was marked, and its column.
    periods: u32,
    column: usize,
}

/// The number of steps and of failed steps.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Steps in all.
    pub steps: u32,
    /// Steps that failed.
    pub failed: u32,
}

macro_rules! steps {
    ($journey:expr, $tally:expr, $( $words:literal => $step:ident; )*) => {
        $(
            let begun = Instant::now();
            let outcome = $journey.$step().await;
            let number = $tally.steps + 1;
            if outcome.is_err() {
                $journey.picture_of_failure(number).await;
            }
            $tally.report($words, begun, outcome);
        )*
    };
}

/// Runs all steps. Pictures are written to `shots`, the laptops' data below `folder`.
///
/// # Errors
/// When the screen or a desk does not start; later failures are printed and counted.
pub async fn run(stage: &mut Stage, folder: &Path, shots: &Path, with_gallery: bool) -> Outcome<Tally> {
    let screen = Screen::start().await?;
    let a = Laptop::new("a", Desk::set_up(&folder.join("a"), Keyring::Unlocked).await?, &screen, shots, stage);
    let b = Laptop::new("b", Desk::set_up(&folder.join("b"), Keyring::Unlocked).await?, &screen, shots, stage);
    let mut journey = Journey { stage, a, b, periods: 0, column: 0 };
    let mut tally = Tally::default();
    steps! { journey, tally,
        "A trainee signs in, sees their courses and downloads one" => sign_in_and_download;
        "Without the server: PDF, video, a topic done, undone and done, a lesson test and a final test" => study_offline;
        "Killed in the middle of a test: every answer, the page and the second are still there" => survive_a_kill;
        "A teacher marks a day by keyboard, offline; another person takes the laptop over" => mark_a_day_offline;
        "The server comes back: both laptops sync by themselves, the final test comes back graded" => come_back_online;
        "The instructor sees the trainee's progress and result in their own course only" => look_at_learners;
        "A course renamed in SQL changes on the open screens within ten seconds" => receive_a_rename;
        "The same mark changed on both laptops: one value wins, the teacher settles the conflict" => settle_a_conflict;
        "A refused change is shown with its reason, corrected and sent; nothing waited for it" => correct_a_refusal;
        "A station made and renamed without a server survives a kill, is found and arrives" => make_a_station;
    }
    if with_gallery {
        steps! { journey, tally,
            "Every screen in light and dark, at 200 %, in Russian and Azerbaijani" => show_everything;
        }
    }
    journey.a.close().await?;
    journey.b.close().await?;
    Ok(tally)
}

impl Tally {
    fn report(&mut self, words: &str, begun: Instant, outcome: Outcome<()>) {
        self.steps += 1;
        let (number, seconds) = (self.steps, begun.elapsed().as_secs_f64());
        match outcome {
            Ok(()) => println!("ok {number:02} {words} ({seconds:.1} s)"),
            Err(why) => {
                self.failed += 1;
                // One line per step: the rest of the message follows separately.
                let text = why.to_string();
                let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
                println!("FAILED {number:02} {words}: {first} ({seconds:.1} s)");
                if !rest.is_empty() {
                    eprintln!("{rest}");
                }
            }
        }
    }
}

impl Journey<'_> {
    /// Takes pictures of both screens when a step failed.
    async fn picture_of_failure(&self, number: u32) {
        for laptop in [&self.a, &self.b] {
            if let Ok(window) = laptop.window() {
                // A closed window has no picture, and the step's own reason is what counts.
                let _ = window.shot(&format!("{number:02}-{}-failed", laptop.name())).await;
                for problem in window.problems().await.unwrap_or_default() {
                    eprintln!("laptop {}: {problem}", laptop.name());
                }
            }
        }
    }
}
