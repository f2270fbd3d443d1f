//! Tests and the attempts at them. Taking a test is in [`taking`].

mod attempt;
mod draft;
mod taking;

use rusqlite::{Row, params};
use waystation_model::grading::Grade;
use waystation_model::rules::attempts;

use super::Snapshot;
use super::locks::Locks;
use crate::error::Result;
use crate::view_models::*;

pub(super) use attempt::running_attempt;
pub(super) use draft::LocalGrade;

/// The attempts to list.
#[derive(Clone, Copy)]
pub(super) enum AttemptsOf<'a> {
    One(&'a str),
    /// All attempts at the tests of a course.
    Course(&'a str),
    /// The attempts of one person.
    Person(&'a str),
}

/// Attempts with their users' ids, the newest first.
pub(super) fn attempt_cards(snapshot: &Snapshot<'_>, of: AttemptsOf<'_>) -> Result<Vec<(String, AttemptCard)>> {
    let (one, course, person) = match of {
        AttemptsOf::One(id) => (Some(id), None, None),
        AttemptsOf::Course(id) => (None, Some(id), None),
        AttemptsOf::Person(id) => (None, None, Some(id)),
    };
    let mut statement = snapshot.connection.prepare_cached(include_str!("../../sql/attempts.sql"))?;
    let cards = statement.query_map(params![one, course, person], read_attempt_card)?.collect::<Result<_, _>>()?;
    Ok(cards)
}

fn read_attempt_card(row: &Row<'_>) -> rusqlite::Result<(String, AttemptCard)> {
    let submitted_at: Option<i64> = row.get("submitted_at")?;
    let status: Option<String> = row.get("status")?;
    let mut card = AttemptCard {
        id: row.get("id")?,
        assessment_id: row.get("assessment_id")?,
        assessment_title: row.get::<_, Option<String>>("assessment_title")?.unwrap_or_default(),
        attempt_number: row.get("attempt_number")?,
        state: match (status.as_deref(), submitted_at) {
            (Some("graded"), _) => "graded",
            (Some("submitted"), _) | (_, Some(_)) => "submitted",
            _ => "started",
        }
        .to_owned(),
        score_percent: row.get("score_percent")?,
        score_raw: row.get("score_raw")?,
        score_max: row.get("score_max")?,
        passed: row.get("passed")?,
        provisional: false,
        started_at: row.get("started_at")?,
        submitted_at,
    };
    if card.state == "submitted"
        && let Some(local) = row.get::<_, Option<String>>("grade")?.and_then(|text| serde_json::from_str::<LocalGrade>(&text).ok())
    {
        show_local(&mut card, &local);
    }
    Ok((row.get("user_id")?, card))
}

/// Shows this laptop's grade until the server has graded the attempt.
fn show_local(card: &mut AttemptCard, local: &LocalGrade) {
    let Grade { score_raw, score_max, score_percent, waits_for_person, .. } = local.grade;
    card.score_max = Some(score_max);
    if !waits_for_person {
        card.state = "graded".to_owned();
        card.score_raw = Some(score_raw);
        card.score_percent = Some(score_percent);
        card.passed = Some(local.passed);
        card.provisional = true;
    }
}

/// The tests of a course with this person's attempts, each with the module that it belongs to.
pub(super) fn assessment_cards(snapshot: &Snapshot<'_>, course_id: &str) -> Result<Vec<(Option<String>, AssessmentCard)>> {
    let me = snapshot.me();
    let mine: Vec<AttemptCard> = attempt_cards(snapshot, AttemptsOf::Person(&me))?.into_iter().map(|(_, card)| card).collect();
    let mut statement = snapshot.connection.prepare_cached(include_str!("../../sql/assessments_of_course.sql"))?;
    let cards = statement
        .query_map([course_id], |row| {
            let id: String = row.get("id")?;
            let attempts: Vec<AttemptCard> = mine.iter().filter(|attempt| attempt.assessment_id == id).cloned().collect();
            let last = attempts.iter().map(|attempt| i64::from(attempt.attempt_number)).max().unwrap_or(0);
            let left = attempts::left(row.get("attempts_max")?, last);
            Ok((
                row.get("module_id")?,
                row.get::<_, Option<String>>("topic_id")?,
                AssessmentCard {
                    id,
                    title: row.get("title")?,
                    kind: row.get("kind")?,
                    questions: row.get("questions")?,
                    time_limit_seconds: row.get("time_limit_seconds")?,
                    passing_percent: row.get("passing_percent")?,
                    attempts_left: left.map(|left| u32::try_from(left).unwrap_or(u32::MAX)),
                    lock: None,
                    attempts,
                    graded_here: row.get("graded_here")?,
                },
            ))
        })?
        .collect::<Result<Vec<(Option<String>, Option<String>, AssessmentCard)>, _>>()?;
    let locks = Locks::read(snapshot, course_id)?;
    cards
        .into_iter()
        .map(|(module_id, topic_id, mut card)| {
            card.lock = locks.test(snapshot.connection, module_id.as_deref(), topic_id.as_deref())?;
            Ok((module_id, card))
        })
        .collect()
}
