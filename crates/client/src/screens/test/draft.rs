//! A test that is being taken: its answers, stored one by one, and its time.
//!
//! Time is measured by two clocks. Within one boot of the laptop the monotonic clock counts, which cannot be set and which
//! continues while the lid is closed; across boots only the wall clock is available. Where the two disagree, the wall clock was
//! set, and that is noted for the grader.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use waystation_model::grading::Grade;

use crate::environment::Clock;
use crate::error::Result;
use crate::store::value::read_json;

/// With a larger difference between the two clocks the wall clock counts as set.
const CLOCK_DRIFT_MS_MAX: i64 = 5_000;

/// This laptop's grade of a test that was handed in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LocalGrade {
    /// The points.
    pub grade: Grade,
    /// Whether they are enough to pass.
    pub passed: bool,
}

/// A test that is being taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Answers by question.
    pub answers: BTreeMap<String, Value>,
    /// Questions with a flag.
    pub flags: BTreeSet<String>,
    /// The index of the question that the person is at.
    pub at_question: u32,
    /// Time spent up to the checkpoint.
    pub elapsed_ms: i64,
    /// The wall clock at the checkpoint.
    pub wall_ms: i64,
    /// The monotonic clock at the checkpoint.
    pub monotonic_ms: i64,
    /// The boot that the monotonic clock belongs to.
    pub boot: String,
    /// Whether the wall clock was set during the test.
    pub clock_moved: bool,
    /// This laptop's grade, once the test is handed in.
    pub grade: Option<LocalGrade>,
}

impl Draft {
    /// A draft that begins now, or `elapsed_ms` ago.
    pub fn begin(clock: &dyn Clock, elapsed_ms: i64) -> Draft {
        Draft {
            answers: BTreeMap::new(),
            flags: BTreeSet::new(),
            at_question: 0,
            elapsed_ms: elapsed_ms.max(0),
            wall_ms: clock.now_ms(),
            monotonic_ms: clock.monotonic_ms(),
            boot: clock.boot(),
            // A start in the future means that a clock is wrong.
            clock_moved: elapsed_ms < -CLOCK_DRIFT_MS_MAX,
            grade: None,
        }
    }

    /// Moves the checkpoint to now.
    pub fn tick(&mut self, clock: &dyn Clock) {
        let (wall, monotonic, boot) = (clock.now_ms(), clock.monotonic_ms(), clock.boot());
        let by_wall = wall - self.wall_ms;
        let spent = if boot == self.boot {
            let by_monotonic = (monotonic - self.monotonic_ms).max(0);
            self.clock_moved |= (by_wall - by_monotonic).abs() > CLOCK_DRIFT_MS_MAX;
            by_monotonic
        } else {
            self.clock_moved |= by_wall < -CLOCK_DRIFT_MS_MAX;
            by_wall.max(0)
        };
        self.elapsed_ms += spent;
        self.wall_ms = wall;
        self.monotonic_ms = monotonic;
        self.boot = boot;
    }

    /// The draft of an attempt.
    pub fn load(connection: &Connection, attempt_id: &str) -> Result<Option<Draft>> {
        Ok(connection
            .prepare_cached(
                "SELECT answers, flags, at_question, elapsed_ms, wall_ms, monotonic_ms, boot, clock_moved, grade
                 FROM attempt_drafts WHERE attempt_id = ?1",
            )?
            .query_row([attempt_id], |row| {
                Ok(Draft {
                    answers: read_json(row, "answers")?,
                    flags: read_json(row, "flags")?,
                    at_question: row.get("at_question")?,
                    elapsed_ms: row.get("elapsed_ms")?,
                    wall_ms: row.get("wall_ms")?,
                    monotonic_ms: row.get("monotonic_ms")?,
                    boot: row.get("boot")?,
                    clock_moved: row.get("clock_moved")?,
                    grade: row.get::<_, Option<String>>("grade")?.and_then(|text| serde_json::from_str(&text).ok()),
                })
            })
            .optional()?)
    }

    /// Stores the draft.
    pub fn save(&self, connection: &Connection, attempt_id: &str) -> Result<()> {
        let text = |value: serde_json::Result<String>| value.unwrap_or_else(|_| "null".to_owned());
        connection
            .prepare_cached(
                "INSERT INTO attempt_drafts (attempt_id, answers, flags, at_question, elapsed_ms, wall_ms, monotonic_ms, boot, clock_moved, grade)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
                 ON CONFLICT (attempt_id) DO UPDATE SET answers = ?2, flags = ?3, at_question = ?4, elapsed_ms = ?5, wall_ms = ?6,
                     monotonic_ms = ?7, boot = ?8, clock_moved = ?9, grade = ?10",
            )?
            .execute(params![
                attempt_id,
                text(serde_json::to_string(&self.answers)),
                text(serde_json::to_string(&self.flags)),
                self.at_question,
                self.elapsed_ms,
                self.wall_ms,
                self.monotonic_ms,
                self.boot,
                self.clock_moved,
                self.grade.as_ref().map(|grade| text(serde_json::to_string(grade)))
            ])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    struct ClockState {
        wall: i64,
        monotonic: i64,
        boot: &'static str,
    }

    struct SetClock(Mutex<ClockState>);

    impl SetClock {
        fn to(&self, wall: i64, monotonic: i64, boot: &'static str) {
            *self.0.lock().expect("not poisoned") = ClockState { wall, monotonic, boot };
        }
    }

    impl Clock for SetClock {
        fn now_ms(&self) -> i64 {
            self.0.lock().expect("not poisoned").wall
        }
        fn monotonic_ms(&self) -> i64 {
            self.0.lock().expect("not poisoned").monotonic
        }
        fn boot(&self) -> String {
            self.0.lock().expect("not poisoned").boot.to_owned()
        }
        fn local_ms(&self) -> i64 {
            self.now_ms()
        }
    }

    #[test]
    fn time_counts_through_a_closed_lid_and_a_restart_and_a_set_clock_is_noted() {
        let clock = SetClock(Mutex::new(ClockState { wall: 1_000_000, monotonic: 50, boot: "a" }));
        let mut draft = Draft::begin(&clock, 0);
        clock.to(1_060_000, 60_050, "a");
        draft.tick(&clock);
        assert_eq!((draft.elapsed_ms, draft.clock_moved), (60_000, false));

        clock.to(1_360_000, 7, "b");
        draft.tick(&clock);
        assert_eq!((draft.elapsed_ms, draft.clock_moved), (360_000, false), "after a restart the wall clock counts");

        clock.to(1_000_000, 10_007, "b");
        draft.tick(&clock);
        assert_eq!((draft.elapsed_ms, draft.clock_moved), (370_000, true), "setting the clock back wins no time");
    }
}
