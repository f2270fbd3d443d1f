//! An opened attempt: questions, answers so far, and grades.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension};
use serde_json::Value;
use waystation_model::Code;
use waystation_model::grading::{GradedAnswer, GradedQuestion};
use waystation_model::registry::Kind;
use waystation_model::rules::attempts;

use super::draft::Draft;
use super::{AttemptsOf, attempt_cards};
use crate::error::{ClientError, Result};
use crate::screens::Snapshot;
use crate::store::device::clock_offset_ms;
use crate::store::value::to_json;
use crate::view_models::*;

/// A test's own row.
pub(super) struct Assessment {
    pub course_id: Option<String>,
    pub module_id: Option<String>,
    pub topic_id: Option<String>,
    pub kind: String,
    pub description: String,
    pub passing_percent: f64,
    pub attempts_max: Option<i64>,
    pub time_limit_seconds: Option<i64>,
    pub shows_explanations: bool,
    pub graded_here: bool,
}

impl Assessment {
    /// Reads a test that is not deleted.
    pub fn load(connection: &Connection, id: &str) -> Result<Assessment> {
        connection
            .prepare_cached(
                "SELECT course_id, module_id, topic_id, kind, description, passing_percent, attempts_max, time_limit_seconds, shows_explanations,
                        graded_by = 'laptop' AND EXISTS (SELECT id FROM answer_keys WHERE assessment_id = ?1 AND shared) AS graded_here
                 FROM assessments WHERE id = ?1 AND deleted_at IS NULL",
            )?
            .query_row([id], |row| {
                Ok(Assessment {
                    course_id: row.get("course_id")?,
                    module_id: row.get("module_id")?,
                    topic_id: row.get("topic_id")?,
                    kind: row.get("kind")?,
                    description: row.get("description")?,
                    passing_percent: row.get("passing_percent")?,
                    attempts_max: row.get("attempts_max")?,
                    time_limit_seconds: row.get("time_limit_seconds")?,
                    shows_explanations: row.get("shows_explanations")?,
                    graded_here: row.get("graded_here")?,
                })
            })
            .optional()?
            .ok_or_else(|| ClientError::refused(Code::NotFound, "the test is not on this laptop"))
    }
}

/// The questions as grading needs them, in their order.
pub(super) fn graded_questions(connection: &Connection, assessment_id: &str) -> Result<Vec<GradedQuestion>> {
    let mut statement =
        connection.prepare_cached("SELECT id, question_type, points FROM questions WHERE assessment_id = ?1 ORDER BY position, id")?;
    let questions = statement
        .query_map([assessment_id], |row| {
            Ok(GradedQuestion { id: row.get("id")?, question_type: row.get("question_type")?, points: row.get("points")? })
        })?
        .collect::<Result<_, _>>()?;
    Ok(questions)
}

/// The test's answer keys and explanations, when this laptop has them.
pub(super) fn key_of(connection: &Connection, assessment_id: &str) -> Result<Option<(Value, Value)>> {
    Ok(connection
        .prepare_cached("SELECT keys, explanations FROM answer_keys WHERE assessment_id = ?1")?
        .query_row([assessment_id], |row| {
            Ok((to_json(Kind::Json, row.get_ref("keys")?), to_json(Kind::Json, row.get_ref("explanations")?)))
        })
        .optional()?)
}

/// Opens an attempt.
pub(super) fn open(snapshot: &Snapshot<'_>, id: &str) -> Result<Attempt> {
    let not_found = || ClientError::refused(Code::NotFound, "the attempt is not on this laptop");
    let (user_id, card) = attempt_cards(snapshot, AttemptsOf::One(id))?.pop().ok_or_else(not_found)?;
    let assessment = Assessment::load(snapshot.connection, &card.assessment_id)?;
    let (sent_answers, sent_grades, feedback, clock_moved) = snapshot
        .connection
        .prepare_cached("SELECT answers, answer_grades, feedback, clock_moved FROM assessment_attempts WHERE id = ?1")?
        .query_row([id], |row| {
            Ok((
                to_json(Kind::Json, row.get_ref("answers")?),
                to_json(Kind::Json, row.get_ref("answer_grades")?),
                row.get::<_, Option<String>>("feedback")?.unwrap_or_default(),
                row.get::<_, bool>("clock_moved")?,
            ))
        })?;
    let mine = user_id == snapshot.me();
    let mut draft = Draft::load(snapshot.connection, id)?.filter(|_| mine);
    let is_running = card.submitted_at.is_none() && card.state == "started";
    if is_running && let Some(draft) = &mut draft {
        draft.tick(snapshot.clock);
    }
    let grades = grades(&sent_grades, draft.as_ref());
    let (keys, explanations) = if card.state == "graded" && assessment.shows_explanations {
        key_of(snapshot.connection, &card.assessment_id)?.unwrap_or_default()
    } else {
        Default::default()
    };
    let tells_right_answers = tells_right_answers(snapshot, &assessment, &user_id, &card)?;
    let options = options(snapshot.connection, &card.assessment_id)?;
    let mut questions = questions(snapshot.connection, &card.assessment_id, options)?;
    for question in &mut questions {
        let drafted = draft.as_ref().filter(|_| is_running || sent_answers.as_object().is_none_or(serde_json::Map::is_empty));
        question.answer = drafted
            .and_then(|draft| draft.answers.get(&question.id).cloned())
            .or_else(|| sent_answers.get(&question.id).cloned())
            .unwrap_or(Value::Null);
        question.flagged = draft.as_ref().is_some_and(|draft| draft.flags.contains(&question.id));
        if let Some(grade) = grades.get(&question.id).filter(|_| !is_running) {
            question.points_earned = grade.points;
            question.is_correct = grade.is_correct.filter(|_| assessment.shows_explanations);
        }
        question.right_answer = right_answer(&keys[&question.id]).filter(|_| tells_right_answers);
        question.explanation = explanations[&question.id].as_str().unwrap_or_default().to_owned();
    }
    let seconds_left = if is_running { seconds_left(snapshot, &assessment, draft.as_ref(), card.started_at)? } else { None };
    Ok(Attempt {
        course_id: assessment.course_id,
        kind: assessment.kind,
        description: assessment.description,
        passing_percent: assessment.passing_percent,
        graded_here: assessment.graded_here,
        seconds_left,
        clock_moved: clock_moved || draft.as_ref().is_some_and(|draft| draft.clock_moved),
        at_question: draft.as_ref().map_or(0, |draft| draft.at_question),
        questions,
        feedback,
        card,
    })
}

/// Seconds left of a running attempt; none without a limit.
fn seconds_left(snapshot: &Snapshot<'_>, assessment: &Assessment, draft: Option<&Draft>, started_at: i64) -> Result<Option<i64>> {
    let elapsed_ms = match draft {
        Some(draft) => draft.elapsed_ms,
        None => snapshot.clock.now_ms() + clock_offset_ms(snapshot.connection)? - started_at,
    };
    Ok(assessment.time_limit_seconds.map(|limit| (limit * 1000 - elapsed_ms).max(0).div_euclid(1000)))
}

/// A running attempt, as screens beside the test show it.
pub struct RunningAttempt {
    /// Its test's title.
    pub title: String,
    /// Seconds left; none without a limit.
    pub seconds_left: Option<i64>,
}

/// Reads a running attempt of this person.
pub fn running_attempt(snapshot: &Snapshot<'_>, id: &str) -> Result<RunningAttempt> {
    let not_found = || ClientError::refused(Code::NotFound, "the attempt is not on this laptop");
    let (_, card) = attempt_cards(snapshot, AttemptsOf::One(id))?.pop().ok_or_else(not_found)?;
    let assessment = Assessment::load(snapshot.connection, &card.assessment_id)?;
    let mut draft = Draft::load(snapshot.connection, id)?;
    if let Some(draft) = &mut draft {
        draft.tick(snapshot.clock);
    }
    let seconds_left = seconds_left(snapshot, &assessment, draft.as_ref(), card.started_at)?;
    Ok(RunningAttempt { title: card.assessment_title, seconds_left })
}

/// Whether the result shows the right answers. They would give away an attempt that runs, and one that is left where a failed test
/// limits them. A test without a limit is for practice, and tells.
fn tells_right_answers(snapshot: &Snapshot<'_>, assessment: &Assessment, user_id: &str, card: &AttemptCard) -> Result<bool> {
    let of_person = attempt_cards(snapshot, AttemptsOf::Person(user_id))?;
    let of_test: Vec<_> = of_person.iter().map(|(_, other)| other).filter(|other| other.assessment_id == card.assessment_id).collect();
    if of_test.iter().any(|other| other.state == "started") {
        return Ok(false);
    }
    let last = of_test.iter().map(|other| i64::from(other.attempt_number)).max().unwrap_or(0);
    Ok(card.passed == Some(true) || attempts::left(assessment.attempts_max, last).is_none_or(|left| left == 0))
}

/// A question's entry in the key.
fn right_answer(entry: &Value) -> Option<RightAnswer> {
    let texts = |name: &str| entry[name].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    let answer = RightAnswer { options: texts("options"), number: entry["number"].as_f64(), accepted: texts("accepted") };
    Some(answer).filter(|answer| *answer != RightAnswer::default())
}

/// The grade of each answer: the server's, or otherwise this laptop's.
fn grades(sent: &Value, draft: Option<&Draft>) -> HashMap<String, GradedAnswer> {
    let stored: Option<Vec<GradedAnswer>> = serde_json::from_value(sent.clone()).ok();
    let local = || draft.and_then(|draft| draft.grade.as_ref()).map(|local| local.grade.answers.clone());
    stored.or_else(local).unwrap_or_default().into_iter().map(|grade| (grade.question_id.clone(), grade)).collect()
}

fn options(connection: &Connection, assessment_id: &str) -> Result<HashMap<String, Vec<QuestionOption>>> {
    let mut statement = connection.prepare_cached(
        "SELECT o.id AS id, o.question_id AS question_id, o.text AS text FROM question_options o
         JOIN questions q ON q.id = o.question_id WHERE q.assessment_id = ?1 ORDER BY o.position, o.id",
    )?;
    let mut options: HashMap<String, Vec<QuestionOption>> = HashMap::new();
    let mut rows = statement.query([assessment_id])?;
    while let Some(row) = rows.next()? {
        options.entry(row.get("question_id")?).or_default().push(QuestionOption { id: row.get("id")?, text: row.get("text")? });
    }
    Ok(options)
}

fn questions(connection: &Connection, assessment_id: &str, mut options: HashMap<String, Vec<QuestionOption>>) -> Result<Vec<Question>> {
    let mut statement = connection
        .prepare_cached("SELECT id, question_type, text, points FROM questions WHERE assessment_id = ?1 ORDER BY position, id")?;
    let questions = statement
        .query_map([assessment_id], |row| {
            let id: String = row.get("id")?;
            Ok(Question {
                question_type: row.get("question_type")?,
                text: row.get("text")?,
                points: row.get("points")?,
                options: options.remove(&id).unwrap_or_default(),
                answer: Value::Null,
                flagged: false,
                is_correct: None,
                points_earned: None,
                explanation: String::new(),
                right_answer: None,
                id,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(questions)
}
