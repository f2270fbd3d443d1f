//! Courses: the card, the contents, the learners.

use std::collections::{HashMap, HashSet};

use rusqlite::{OptionalExtension, params};
use serde_json::json;
use uuid::Uuid;
use waystation_model::rules::completion::{self, CourseProgress};
use waystation_model::scope::ScopeKind;
use waystation_model::{Code, Problem, registry};

use super::Snapshot;
use super::station::station_card;
use super::test::{assessment_cards, attempt_cards};
use super::topic::{OrderedTopic, fill_contents, topics_in_order};
use crate::app::App;
use crate::error::{ClientError, Result};
use crate::facts::{course_progress, module_progress};
use crate::store::{Edit, edit, rows, scopes};
use crate::view_models::*;

impl App {
    pub(crate) async fn course(&self, arguments: ById) -> Result<Course, Problem> {
        Ok(self.read(move |snapshot| course(snapshot, &arguments.id)).await?)
    }

    pub(crate) async fn edit_course(&self, arguments: EditCourse) -> Result<Course, Problem> {
        let id = Uuid::parse_str(&arguments.id).map_err(|_| not_found())?;
        let key = arguments.id.clone();
        self.edit_with(move |connection, _| {
            let courses = registry::entity("courses").expect("a registered table");
            let row = rows::read(connection, courses, &arguments.id)?.ok_or_else(not_found)?;
            let wanted = [("title", arguments.title), ("description", arguments.description), ("course_code", arguments.course_code)];
            let fields: Vec<_> = wanted
                .into_iter()
                .filter_map(|(name, value)| Some((name, json!(value?))))
                .filter(|(name, value)| courses.column_index(name).is_some_and(|index| row.values[index] != *value))
                .collect();
            Ok(if fields.is_empty() { Vec::new() } else { vec![Edit::put(courses, Some(id), fields)] })
        })
        .await?;
        self.course(ById { id: key }).await
    }

    pub(crate) async fn course_learners(&self, arguments: ById) -> Result<CourseLearners, Problem> {
        Ok(self.read(move |snapshot| course_learners(snapshot, &arguments.id)).await?)
    }
}

fn not_found() -> ClientError {
    ClientError::refused(Code::NotFound, "the course is not on this laptop")
}

/// The courses to list as cards.
#[derive(Clone, Copy)]
pub(super) enum CardsFor<'a> {
    One(&'a str),
    /// The courses about a station.
    Station(&'a str),
    /// The courses that a user studies, the last used first.
    Studying(&'a str),
    /// The courses that this person teaches.
    Teaching,
}

impl CardsFor<'_> {
    fn sql(self) -> &'static str {
        match self {
            CardsFor::One(_) => include_str!("../../sql/courses_one.sql"),
            CardsFor::Station(_) => include_str!("../../sql/courses_of_station.sql"),
            CardsFor::Studying(_) => include_str!("../../sql/courses_studied.sql"),
            CardsFor::Teaching => include_str!("../../sql/courses_taught.sql"),
        }
    }

    fn key(&self) -> &str {
        match self {
            CardsFor::One(key) | CardsFor::Station(key) | CardsFor::Studying(key) => key,
            CardsFor::Teaching => "course_staff:",
        }
    }
}

/// Cards of courses, with the progress of `user_id`.
pub(super) fn course_cards(snapshot: &Snapshot<'_>, which: CardsFor<'_>, user_id: &str) -> Result<Vec<CourseCard>> {
    let mut statement = snapshot.connection.prepare_cached(which.sql())?;
    let mut cards = statement
        .query_map([which.key()], |row| {
            Ok(CourseCard {
                id: row.get("id")?,
                title: row.get("title")?,
                course_code: row.get::<_, Option<String>>("course_code")?.unwrap_or_default(),
                status: row.get("status")?,
                language: row.get("language")?,
                topics_done: 0,
                topics_all: 0,
                due_at: None,
                bytes_here: 0,
                bytes_all: 0,
                learners: 0,
                ready: false,
            })
        })?
        .collect::<Result<Vec<_>, _>>()?;
    for card in &mut cards {
        fill_card(snapshot, card, user_id)?;
    }
    Ok(cards)
}

fn fill_card(snapshot: &Snapshot<'_>, card: &mut CourseCard, user_id: &str) -> Result<()> {
    let numbers =
        snapshot.connection.prepare_cached(include_str!("../../sql/course_numbers.sql"))?.query_row(params![card.id, user_id], |row| {
            Ok((
                row.get::<_, u32>("topics_all")?,
                row.get::<_, u32>("topics_done")?,
                row.get::<_, u32>("topics_begun")?,
                row.get::<_, Option<i64>>("due_at")?,
                row.get::<_, u32>("learners")?,
            ))
        })?;
    // A parent receives a child's progress, but not the topics.
    card.topics_all = if numbers.0 > 0 { numbers.0 } else { numbers.2 };
    card.topics_done = numbers.1.min(card.topics_all);
    card.due_at = numbers.3;
    card.learners = if scopes::is_subscribed(snapshot.connection, &ScopeKind::Results.of(&card.id))? { numbers.4 } else { 0 };
    let files = files_of(snapshot, FilesOf::Course(&card.id))?;
    card.bytes_all = files.iter().map(|file| file.size_bytes).sum();
    card.bytes_here = files.iter().filter(|file| snapshot.downloads.has(&file.sha256)).map(|file| file.size_bytes).sum();
    card.ready = scopes::is_complete(snapshot.connection, &ScopeKind::Course.of(&card.id))?
        && (card.status == "published" || scopes::is_complete(snapshot.connection, &ScopeKind::CourseStaff.of(&card.id))?);
    Ok(())
}

/// The owner of the files to list.
#[derive(Clone, Copy)]
pub(super) enum FilesOf<'a> {
    Course(&'a str),
    Topic(&'a str),
}

/// The files of a course or a topic in reading order, each content once.
pub(super) fn files_of(snapshot: &Snapshot<'_>, of: FilesOf<'_>) -> Result<Vec<crate::media::downloads::File>> {
    let (course, topic) = match of {
        FilesOf::Course(id) => (Some(id), None),
        FilesOf::Topic(id) => (None, Some(id)),
    };
    let mut statement = snapshot.connection.prepare_cached(include_str!("../../sql/files.sql"))?;
    let mut seen = HashSet::new();
    let files = statement
        .query_map(params![course, topic], |row| {
            Ok(crate::media::downloads::File {
                sha256: row.get("sha256")?,
                content_item_id: row.get("content_item_id")?,
                course_id: row.get("course_id")?,
                title: row.get("title")?,
                size_bytes: row.get("size_bytes")?,
            })
        })?
        .collect::<Result<Vec<_>, _>>()?;
    Ok(files.into_iter().filter(|file| seen.insert(file.sha256.clone())).collect())
}

/// Whether this person is enrolled.
pub(super) fn studies(snapshot: &Snapshot<'_>, course_id: &str) -> Result<bool> {
    let id = waystation_model::ids::derived_id("enrollments", [Some(snapshot.me().as_str()), Some(course_id)]);
    Ok(snapshot
        .connection
        .prepare_cached("SELECT EXISTS (SELECT id FROM enrollments WHERE id = ?1 AND status <> 'dropped')")?
        .query_row([id.to_string()], |row| row.get(0))?)
}

fn course(snapshot: &Snapshot<'_>, id: &str) -> Result<Course> {
    let card = course_cards(snapshot, CardsFor::One(id), &snapshot.me())?.pop().ok_or_else(not_found)?;
    let (description, level, estimated_seconds, station_id) = snapshot
        .connection
        .prepare_cached("SELECT description, level, estimated_seconds, station_id FROM courses WHERE id = ?1")?
        .query_row([id], |row| {
            Ok((
                row.get("description")?,
                row.get::<_, Option<String>>("level")?.unwrap_or_default(),
                row.get("estimated_seconds")?,
                row.get::<_, Option<String>>("station_id")?,
            ))
        })?;
    let mut topics = topics_in_order(snapshot, id)?;
    fill_contents(snapshot, id, &mut topics)?;
    let assessments = assessment_cards(snapshot, id)?;
    Ok(Course {
        description,
        level,
        estimated_seconds,
        facts: facts(snapshot, id)?,
        station: station_id.map(|station| station_card(snapshot, &station)).transpose()?.flatten(),
        modules: modules(snapshot, id, &topics, &assessments)?,
        progress: progress(snapshot, id)?,
        assessments: assessments.into_iter().filter(|(module, _)| module.is_none()).map(|(_, card)| card).collect(),
        may_edit: may_edit(snapshot, id)?,
        may_see_learners: scopes::is_subscribed(snapshot.connection, &ScopeKind::Results.of(id))?,
        studies: studies(snapshot, id)?,
        card,
    })
}

fn may_edit(snapshot: &Snapshot<'_>, id: &str) -> Result<bool> {
    let courses = registry::entity("courses").expect("a registered table");
    let (Some(row), Ok(uuid)) = (rows::read(snapshot.connection, courses, id)?, Uuid::parse_str(id)) else { return Ok(false) };
    edit::may(snapshot.connection, snapshot.owner, courses, courses.write, &uuid, &row.values)
}

fn facts(snapshot: &Snapshot<'_>, id: &str) -> Result<Vec<CourseFact>> {
    let mut statement =
        snapshot.connection.prepare_cached("SELECT kind, text FROM course_facts WHERE course_id = ?1 ORDER BY kind, position, id")?;
    let facts =
        statement.query_map([id], |row| Ok(CourseFact { kind: row.get("kind")?, text: row.get("text")? }))?.collect::<Result<_, _>>()?;
    Ok(facts)
}

fn progress(snapshot: &Snapshot<'_>, id: &str) -> Result<Progress> {
    let CourseProgress { modules, modules_completed, percent } = course_progress(snapshot.connection, id, &snapshot.me())?;
    Ok(Progress { modules, modules_completed, percent })
}

fn modules(
    snapshot: &Snapshot<'_>,
    id: &str,
    topics: &[OrderedTopic],
    assessments: &[(Option<String>, AssessmentCard)],
) -> Result<Vec<CourseModule>> {
    let rows = module_progress(snapshot.connection, id, &snapshot.me())?;
    let progress: HashMap<String, f64> =
        rows.into_iter().filter_map(|row| Some((row.id, completion::module(row.facts)?.percent))).collect();
    let mut statement =
        snapshot.connection.prepare_cached("SELECT id, title, description FROM modules WHERE course_id = ?1 ORDER BY position, id")?;
    let modules = statement
        .query_map([id], |row| {
            let id: String = row.get("id")?;
            Ok(CourseModule {
                title: row.get("title")?,
                description: row.get("description")?,
                percent: progress.get(&id).copied(),
                topics: topics.iter().filter(|topic| topic.module_id == id).map(|topic| topic.card.clone()).collect(),
                assessments: assessments
                    .iter()
                    .filter(|(module, _)| module.as_deref() == Some(id.as_str()))
                    .map(|(_, card)| card.clone())
                    .collect(),
                id,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(modules)
}

fn course_learners(snapshot: &Snapshot<'_>, id: &str) -> Result<CourseLearners> {
    if !scopes::is_subscribed(snapshot.connection, &ScopeKind::Results.of(id))? {
        return Err(ClientError::refused(Code::NotAllowed, "the learners of this course are not this person's to see"));
    }
    let course = course_cards(snapshot, CardsFor::One(id), &snapshot.me())?.pop().ok_or_else(not_found)?;
    let topics: Vec<LearnerColumn> =
        topics_in_order(snapshot, id)?.into_iter().map(|topic| LearnerColumn { id: topic.card.id, title: topic.card.title }).collect();
    let assessments: Vec<LearnerColumn> =
        assessment_cards(snapshot, id)?.into_iter().map(|(_, card)| LearnerColumn { id: card.id, title: card.title }).collect();
    let index_by_id = |columns: &[LearnerColumn]| -> HashMap<String, usize> {
        columns.iter().enumerate().map(|(index, column)| (column.id.clone(), index)).collect()
    };
    let (topic_index, assessment_index) = (index_by_id(&topics), index_by_id(&assessments));

    let mut statement = snapshot
        .connection
        .prepare_cached("SELECT user_id, display_name, status FROM enrollments WHERE course_id = ?1 ORDER BY display_name, user_id")?;
    let mut learners = statement
        .query_map([id], |row| {
            Ok(LearnerRow {
                user_id: row.get("user_id")?,
                display_name: row.get::<_, Option<String>>("display_name")?.unwrap_or_default(),
                status: row.get("status")?,
                topics: vec![0; topics.len()],
                assessments: vec![None; assessments.len()],
                last_active_at: None,
                time_spent_seconds: 0,
            })
        })?
        .collect::<Result<Vec<_>, _>>()?;
    let row_of: HashMap<String, usize> = learners.iter().enumerate().map(|(index, row)| (row.user_id.clone(), index)).collect();

    let mut statement = snapshot.connection.prepare_cached(
        "SELECT user_id, topic_id, completed, percent, time_spent_seconds, updated_at FROM topic_progress WHERE course_id = ?1",
    )?;
    let mut rows = statement.query([id])?;
    while let Some(row) = rows.next()? {
        let Some(learner) = row_of.get(&row.get::<_, String>("user_id")?).map(|index| &mut learners[*index]) else { continue };
        if let Some(topic) = topic_index.get(&row.get::<_, String>("topic_id")?) {
            learner.topics[*topic] = completion::topic_percent(row.get("completed")?, row.get("percent")?);
        }
        learner.time_spent_seconds += row.get::<_, i64>("time_spent_seconds")?;
        learner.last_active_at = learner.last_active_at.max(row.get("updated_at")?);
    }
    for (user_id, attempt) in attempt_cards(snapshot, super::test::AttemptsOf::Course(id))? {
        let Some(learner) = row_of.get(&user_id).map(|index| &mut learners[*index]) else { continue };
        learner.last_active_at = learner.last_active_at.max(attempt.submitted_at.or(Some(attempt.started_at)));
        let Some(index) = assessment_index.get(&attempt.assessment_id) else { continue };
        let best = &mut learner.assessments[*index];
        if best.as_ref().is_none_or(|best| attempt.score_percent.unwrap_or(-1.0) > best.score_percent.unwrap_or(-1.0)) {
            *best = Some(attempt);
        }
    }
    Ok(CourseLearners { course, topics, assessments, learners })
}

/// A course's title; empty when the course is not on this laptop.
pub(super) fn course_title(snapshot: &Snapshot<'_>, id: &str) -> Result<String> {
    let title =
        snapshot.connection.prepare_cached("SELECT title FROM courses WHERE id = ?1")?.query_row([id], |row| row.get(0)).optional()?;
    Ok(title.unwrap_or_default())
}
