//! The home screen: where the person stopped, what they study and teach, and their children.

use rusqlite::OptionalExtension;
use waystation_model::Problem;
use waystation_model::access::Role;

use super::Snapshot;
use super::attendance::{group_cards, group_news};
use super::course::{CardsFor, course_cards, course_title};
use super::record::record_of;
use super::station::station_cards;
use super::sync::name_of;
use super::test::{AttemptsOf, attempt_cards, running_attempt};
use super::topic::topics_in_order;
use crate::app::App;
use crate::error::Result;
use crate::facts;
use crate::view_models::*;

/// Results that the home screen lists.
const RESULTS_MAX: usize = 10;
/// Days whose marks are counted for a parent.
const MARKS_DAYS: u64 = 30;

impl App {
    pub(crate) async fn home(&self, _arguments: Nothing) -> Result<Home, Problem> {
        Ok(self.read(home).await?)
    }
}

fn home(snapshot: &Snapshot<'_>) -> Result<Home> {
    let me = snapshot.me();
    let studying = course_cards(snapshot, CardsFor::Studying(&me), &me)?;
    Ok(Home {
        first_steps: first_steps(snapshot)?,
        go_on: go_on(snapshot, &studying)?,
        teaching: course_cards(snapshot, CardsFor::Teaching, &me)?,
        groups: group_cards(snapshot)?,
        group_news: if snapshot.owner.role == Role::Teacher { group_news(snapshot)? } else { Vec::new() },
        stations: station_cards(snapshot)?,
        results: results(snapshot, &me)?,
        record: if snapshot.owner.role == Role::Learner { Some(record_of(snapshot, &me)?) } else { None },
        children: if snapshot.owner.role == Role::Parent { children(snapshot)? } else { Vec::new() },
        studying,
    })
}

/// What is still to do for the administrator of a new organization. None before the first sync has ended: rows that have not
/// arrived yet would count as missing.
fn first_steps(snapshot: &Snapshot<'_>) -> Result<Option<FirstSteps>> {
    if snapshot.owner.role != Role::Admin || !crate::store::device::load(snapshot.connection)?.is_some_and(|device| device.first_sync_done)
    {
        return Ok(None);
    }
    let steps = snapshot
        .connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM users WHERE id <> ?1 AND deleted_at IS NULL) AS people,
                    EXISTS (SELECT 1 FROM groups WHERE deleted_at IS NULL) AS groups,
                    EXISTS (SELECT 1 FROM stations) AS stations,
                    EXISTS (SELECT 1 FROM courses WHERE deleted_at IS NULL) AS courses",
        )?
        .query_row([snapshot.me()], |row| {
            Ok(FirstSteps {
                people: row.get("people")?,
                groups: row.get("groups")?,
                stations: row.get("stations")?,
                courses: row.get("courses")?,
            })
        })?;
    let all_done = FirstSteps { people: true, groups: true, stations: true, courses: true };
    Ok(Some(steps).filter(|steps| *steps != all_done))
}

fn results(snapshot: &Snapshot<'_>, user_id: &str) -> Result<Vec<AttemptCard>> {
    let attempts = attempt_cards(snapshot, AttemptsOf::Person(user_id))?.into_iter().map(|(_, card)| card);
    let mut results: Vec<AttemptCard> = attempts.filter(|card| card.state == "graded").collect();
    results.sort_by_key(|card| std::cmp::Reverse(card.submitted_at));
    results.truncate(RESULTS_MAX);
    Ok(results)
}

/// Where a learner stopped: the topic of the last opened file, or the next topic when that one is done.
fn go_on(snapshot: &Snapshot<'_>, studying: &[CourseCard]) -> Result<Option<GoOn>> {
    let me = snapshot.me();
    let attempt = snapshot
        .connection
        .prepare_cached(include_str!("../../sql/running_attempt.sql"))?
        .query_row([&me], |row| Ok((row.get::<_, String>("id")?, row.get::<_, Option<String>>("course_id")?)))
        .optional()?;
    let last = snapshot
        .connection
        .prepare_cached(include_str!("../../sql/last_position.sql"))?
        .query_row([&me], |row| {
            Ok(Stopped {
                course_id: row.get("course_id")?,
                topic_id: row.get("topic_id")?,
                page: row.get("page")?,
                second: row.get("second")?,
            })
        })
        .optional()?;
    let in_course = attempt.as_ref().and_then(|(_, course)| course.clone()).or_else(|| last.as_ref().map(|last| last.course_id.clone()));
    let Some(course_id) = in_course.or_else(|| studying.iter().find(|card| card.topics_all > 0).map(|card| card.id.clone())) else {
        return Ok(None);
    };
    let last = last.filter(|last| last.course_id == course_id);
    let topics = topics_in_order(snapshot, &course_id)?;
    let stopped_at = last.as_ref().and_then(|last| topics.iter().position(|topic| topic.card.id == last.topic_id));
    let begin = stopped_at.unwrap_or(0);
    // From there to the end, and then the topics before it that were left out.
    let in_turn = topics.iter().skip(begin).chain(topics.iter().take(begin));
    let next = in_turn.into_iter().find(|topic| !topic.card.completed && topic.card.lock.is_none());
    let Some(topic) = next.or_else(|| topics.get(begin).filter(|_| attempt.is_some())) else { return Ok(None) };
    let here = last.filter(|last| last.topic_id == topic.card.id);
    let running = attempt.as_ref().map(|(id, _)| running_attempt(snapshot, id)).transpose()?;
    Ok(Some(GoOn {
        course_title: course_title(snapshot, &course_id)?,
        course_id,
        topic_id: topic.card.id.clone(),
        topic_title: topic.card.title.clone(),
        attempt_seconds_left: running.as_ref().and_then(|running| running.seconds_left),
        attempt_title: running.map(|running| running.title),
        attempt_id: attempt.map(|(id, _)| id),
        page: here.as_ref().and_then(|last| last.page),
        second: here.and_then(|last| last.second),
    }))
}

struct Stopped {
    course_id: String,
    topic_id: String,
    page: Option<u32>,
    second: Option<u32>,
}

fn children(snapshot: &Snapshot<'_>) -> Result<Vec<ChildCard>> {
    let mut statement =
        snapshot.connection.prepare_cached("SELECT student_id FROM guardian_links WHERE parent_id = ?1 ORDER BY created_at, id")?;
    let ids: Vec<String> = statement.query_map([&snapshot.me()], |row| row.get("student_id"))?.collect::<Result<_, _>>()?;
    ids.into_iter()
        .map(|user_id| {
            Ok(ChildCard {
                full_name: name_of(snapshot.connection, &user_id)?,
                courses: course_cards(snapshot, CardsFor::Studying(&user_id), &user_id)?,
                marks: recent_marks(snapshot, &user_id)?,
                not_present: not_present(snapshot, &user_id)?,
                record: record_of(snapshot, &user_id)?,
                results: results(snapshot, &user_id)?,
                user_id,
            })
        })
        .collect()
}

fn marks_since(snapshot: &Snapshot<'_>) -> chrono::NaiveDate {
    snapshot.today().checked_sub_days(chrono::Days::new(MARKS_DAYS)).unwrap_or_default()
}

/// The lessons of the last days that were not simply attended, the newest first.
fn not_present(snapshot: &Snapshot<'_>, user_id: &str) -> Result<Vec<LessonMark>> {
    let mut statement = snapshot.connection.prepare_cached(
        "SELECT lesson_date, status, coalesce(note, '') AS note FROM attendance_records
         WHERE student_id = ?1 AND lesson_date >= ?2 AND status IN ('late', 'absent', 'excused') ORDER BY lesson_date DESC, id",
    )?;
    let marks = statement
        .query_map([user_id, &marks_since(snapshot).to_string()], |row| {
            Ok(LessonMark { day: row.get("lesson_date")?, status: row.get("status")?, note: row.get("note")? })
        })?
        .collect::<Result<_, _>>()?;
    Ok(marks)
}

/// Marks of the last days: present, late, absent, excused.
fn recent_marks(snapshot: &Snapshot<'_>, user_id: &str) -> Result<[u32; 4]> {
    let marks = facts::marks(snapshot.connection, user_id, Some(marks_since(snapshot)))?;
    Ok([marks.present, marks.late, marks.absent, marks.excused])
}
