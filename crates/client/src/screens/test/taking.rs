//! Taking a test: begin it, answer one question at a time, hand it in. None of these needs the network.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};
use serde_json::{Value, json};
use uuid::Uuid;
use waystation_model::grading::grade;
use waystation_model::rules::attempts;
use waystation_model::{Code, Problem, registry};

use super::attempt::{Assessment, graded_questions, key_of, open};
use super::draft::{Draft, LocalGrade};
use crate::app::App;
use crate::environment::Clock;
use crate::error::{ClientError, Result};
use crate::screens::locks::Locks;
use crate::store::Edit;
use crate::store::device::clock_offset_ms;
use crate::view_models::*;

/// How long after the end of the time an answer is still accepted, because it may have been given before the end.
const GRACE_MS: i64 = 3_000;
/// Bytes of one answer.
const ANSWER_BYTES_MAX: usize = 50_000;

impl App {
    pub(crate) async fn start_attempt(&self, arguments: StartAttempt) -> Result<Attempt, Problem> {
        let fresh = self.inner.environment.new_id();
        let clock = self.inner.environment.clock.clone();
        let (found, chosen) = tokio::sync::oneshot::channel();
        self.edit_with(move |connection, device| {
            let me = device.owner.user_id.to_string();
            if let Some(running) = running_attempt(connection, &me, &arguments.assessment_id)? {
                let _ = found.send(running);
                return Ok(Vec::new());
            }
            let now_ms = clock.now_ms() + device.clock_offset_ms;
            let assessment = Assessment::load(connection, &arguments.assessment_id)?;
            if let Some(course_id) = &assessment.course_id {
                let locks = Locks::of_change(connection, device, clock.as_ref(), course_id)?;
                locks.check_test(assessment.module_id.as_deref(), assessment.topic_id.as_deref())?;
            }
            let edit = begin(connection, &me, &arguments.assessment_id, assessment, fresh, now_ms)?;
            Draft::begin(clock.as_ref(), 0).save(connection, &fresh.to_string())?;
            let _ = found.send(fresh.to_string());
            Ok(vec![edit])
        })
        .await?;
        let id = chosen.await.map_err(|_| Problem::new(Code::Internal, "no attempt was chosen"))?;
        self.attempt(ById { id }).await
    }

    pub(crate) async fn attempt(&self, arguments: ById) -> Result<Attempt, Problem> {
        Ok(self.read(move |snapshot| open(snapshot, &arguments.id)).await?)
    }

    pub(crate) async fn answer(&self, arguments: Answer) -> Result<Nothing, Problem> {
        if arguments.answer.to_string().len() > ANSWER_BYTES_MAX {
            return Err(Problem::new(Code::BadValue, "the answer is too long").field("answer"));
        }
        let unlocked = self.unlocked()?;
        let clock = self.inner.environment.clock.clone();
        // Only this laptop has the answer until the test is handed in, so it is synced to the disk before the command returns.
        unlocked
            .store
            .write(move |writer| {
                writer.durable_transaction(|connection, device| {
                    let running = Running::load(connection, &device.owner.user_id.to_string(), &arguments.attempt_id, &clock)?;
                    let mut draft = running.in_time()?;
                    if arguments.answer.is_null() {
                        draft.answers.remove(&arguments.question_id);
                    } else {
                        draft.answers.insert(arguments.question_id.clone(), arguments.answer.clone());
                    }
                    if arguments.flagged {
                        draft.flags.insert(arguments.question_id.clone());
                    } else {
                        draft.flags.remove(&arguments.question_id);
                    }
                    draft.at_question = arguments.at_question;
                    draft.save(connection, &arguments.attempt_id)
                })
            })
            .await?;
        Ok(Nothing {})
    }

    pub(crate) async fn hand_in(&self, arguments: ById) -> Result<Attempt, Problem> {
        let clock = self.inner.environment.clock.clone();
        let id = arguments.id.clone();
        self.edit_with(move |connection, device| {
            let running = Running::load(connection, &device.owner.user_id.to_string(), &arguments.id, &clock)?;
            let submitted_at = clock.now_ms() + device.clock_offset_ms;
            Ok(vec![running.hand_in(connection, &arguments.id, submitted_at)?])
        })
        .await?;
        self.attempt(ById { id }).await
    }
}

fn running_attempt(connection: &Connection, me: &str, assessment_id: &str) -> Result<Option<String>> {
    Ok(connection
        .prepare_cached(
            "SELECT id FROM assessment_attempts WHERE user_id = ?1 AND assessment_id = ?2 AND submitted_at IS NULL
             ORDER BY attempt_number DESC LIMIT 1",
        )?
        .query_row([me, assessment_id], |row| row.get(0))
        .optional()?)
}

fn begin(connection: &Connection, me: &str, assessment_id: &str, assessment: Assessment, id: Uuid, now_ms: i64) -> Result<Edit> {
    let last: i64 = connection
        .prepare_cached("SELECT coalesce(max(attempt_number), 0) FROM assessment_attempts WHERE user_id = ?1 AND assessment_id = ?2")?
        .query_row([me, assessment_id], |row| row.get(0))?;
    if !attempts::may_begin(assessment.attempts_max, last + 1) {
        return Err(ClientError::refused(Code::NoAttemptsLeft, "no attempt is left for this test"));
    }
    let entity = registry::entity("assessment_attempts").expect("a registered table");
    let mut fields = vec![
        ("assessment_id", json!(assessment_id)),
        ("user_id", json!(me)),
        ("attempt_number", json!(last + 1)),
        ("started_at", json!(now_ms)),
    ];
    if let Some(course_id) = assessment.course_id {
        fields.push(("course_id", json!(course_id)));
    }
    Ok(Edit::put(entity, Some(id), fields))
}

/// An attempt that is still running, with its draft up to now.
struct Running {
    assessment_id: String,
    assessment: Assessment,
    draft: Draft,
}

impl Running {
    fn load(connection: &Connection, me: &str, attempt_id: &str, clock: &Arc<dyn Clock>) -> Result<Running> {
        let (user_id, assessment_id, started_at, submitted_at): (String, String, i64, Option<i64>) = connection
            .prepare_cached("SELECT user_id, assessment_id, started_at, submitted_at FROM assessment_attempts WHERE id = ?1")?
            .query_row([attempt_id], |row| {
                Ok((row.get("user_id")?, row.get("assessment_id")?, row.get("started_at")?, row.get("submitted_at")?))
            })
            .optional()?
            .ok_or_else(|| ClientError::refused(Code::NotFound, "the attempt is not on this laptop"))?;
        if user_id != me {
            return Err(ClientError::refused(Code::NotAllowed, "the attempt belongs to another person"));
        }
        if submitted_at.is_some() {
            return Err(ClientError::refused(Code::AlreadySet, "the test was handed in"));
        }
        // Without a draft the attempt was begun on another laptop: its elapsed time is known only from the wall clock.
        let mut draft = match Draft::load(connection, attempt_id)? {
            Some(draft) => draft,
            None => Draft::begin(clock.as_ref(), clock.now_ms() + clock_offset_ms(connection)? - started_at),
        };
        draft.tick(clock.as_ref());
        Ok(Running { assessment: Assessment::load(connection, &assessment_id)?, assessment_id, draft })
    }

    fn in_time(self) -> Result<Draft> {
        let limit = self.assessment.time_limit_seconds;
        if limit.is_some_and(|limit| self.draft.elapsed_ms > limit * 1000 + GRACE_MS) {
            return Err(ClientError::refused(Code::TimeOver, "the time of this test is over"));
        }
        Ok(self.draft)
    }

    /// Grades the test where this laptop may grade it, and returns the change that hands it in.
    fn hand_in(mut self, connection: &Connection, attempt_id: &str, submitted_at: i64) -> Result<Edit> {
        let answers = json!(self.draft.answers);
        if self.assessment.graded_here
            && let Some((key, _)) = key_of(connection, &self.assessment_id)?
        {
            let grade = grade(&graded_questions(connection, &self.assessment_id)?, &key, &answers);
            let passed = grade.score_percent >= self.assessment.passing_percent;
            self.draft.grade = Some(LocalGrade { grade, passed });
        }
        self.draft.save(connection, attempt_id)?;
        let spent = self.draft.elapsed_ms.div_euclid(1000);
        // Every stored answer was given in time, even when the test is handed in late.
        let spent = self.assessment.time_limit_seconds.map_or(spent, |limit| spent.min(limit));
        let attempts = registry::entity("assessment_attempts").expect("a registered table");
        let id = Uuid::parse_str(attempt_id).map_err(|_| ClientError::refused(Code::BadRequest, "not an id"))?;
        let fields: Vec<(&'static str, Value)> = vec![
            ("answers", answers),
            ("submitted_at", json!(submitted_at)),
            ("time_taken_seconds", json!(spent)),
            ("clock_moved", json!(self.draft.clock_moved)),
        ];
        Ok(Edit::put(attempts, Some(id), fields))
    }
}
