//! A course as one learner finds it.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;
use waystation_model::ids::derived_id;
use waystation_model::rules::completion::{self, CourseProgress, ModuleFacts};
use waystation_model::rules::entitlement::is_entitled;
use waystation_model::rules::unlocking::{Course, Module, Topic};

use super::{Whose, paid};
use crate::error::Result;

/// A module with what one person has done of it.
pub(crate) struct ModuleRow {
    pub id: String,
    pub facts: ModuleFacts,
    condition: Value,
}

/// The modules of a course in reading order, with what a person has done of each.
pub(crate) fn module_progress(connection: &Connection, course_id: &str, user_id: &str) -> Result<Vec<ModuleRow>> {
    let mut statement = connection.prepare_cached(include_str!("../../sql/module_parts.sql"))?;
    let modules = statement
        .query_map(params![course_id, user_id], |row| {
            let condition: Option<String> = row.get("unlock_condition")?;
            Ok(ModuleRow {
                id: row.get("id")?,
                facts: ModuleFacts { is_required: row.get("is_required")?, parts: row.get("parts")?, parts_done: row.get("parts_done")? },
                condition: condition.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(modules)
}

/// How far a person is in a course.
pub(crate) fn course_progress(connection: &Connection, course_id: &str, user_id: &str) -> Result<CourseProgress> {
    Ok(completion::course(module_progress(connection, course_id, user_id)?.into_iter().map(|module| module.facts)))
}

/// The tests of a course that a person has passed. This laptop's own grade counts until the server has given one.
fn passed_tests(connection: &Connection, course_id: &str, user_id: &str) -> Result<BTreeSet<String>> {
    let mut statement = connection.prepare_cached(include_str!("../../sql/passed_tests.sql"))?;
    let tests = statement.query_map(params![course_id, user_id], |row| row.get("assessment_id"))?.collect::<Result<_, _>>()?;
    Ok(tests)
}

/// An enrollment that was not dropped: its status and its type.
fn enrollment(connection: &Connection, course_id: &str, user_id: &str) -> Result<Option<(String, String)>> {
    let id = derived_id("enrollments", [Some(user_id), Some(course_id)]);
    Ok(connection
        .prepare_cached(
            "SELECT status, coalesce(enrollment_type, 'self') AS enrollment_type FROM enrollments WHERE id = ?1 AND status <> 'dropped'",
        )?
        .query_row([id.to_string()], |row| Ok((row.get("status")?, row.get("enrollment_type")?)))
        .optional()?)
}

fn is_completed(connection: &Connection, course_id: &str, user_id: &str) -> Result<bool> {
    let Some((status, _)) = enrollment(connection, course_id, user_id)? else { return Ok(false) };
    Ok(completion::is_completed(&status, &course_progress(connection, course_id, user_id)?))
}

/// Mandatory prerequisites of a course that a person has not completed. One that is not published is not asked for.
pub(super) fn missing_prerequisites(connection: &Connection, course_id: &str, user_id: &str) -> Result<Vec<String>> {
    let mut statement = connection.prepare_cached(
        "SELECT c.id AS id FROM course_prerequisites r JOIN courses c ON c.id = r.prerequisite_course_id
         WHERE r.course_id = ?1 AND r.is_mandatory AND c.published ORDER BY c.title, c.id",
    )?;
    let asked: Vec<String> = statement.query_map([course_id], |row| row.get("id"))?.collect::<Result<_, _>>()?;
    let mut missing = Vec::new();
    for course in asked {
        if !is_completed(connection, &course, user_id)? {
            missing.push(course);
        }
    }
    Ok(missing)
}

/// A course as one learner finds it; none for somebody who is not enrolled, to whom nothing is locked.
pub(crate) fn locks_of(connection: &Connection, course_id: &str, whose: Whose<'_>) -> Result<Option<Course>> {
    let Whose { user_id, now_ms, today } = whose;
    let Some((_, enrollment_type)) = enrollment(connection, course_id, user_id)? else { return Ok(None) };
    let is_paid_for = match paid::offer(connection, course_id)? {
        Some(offer) => is_entitled(&enrollment_type, &offer, &paid::paid(connection, course_id, user_id)?, now_ms),
        None => true,
    };
    let mut topics = topics(connection, course_id, user_id)?;
    let modules = module_progress(connection, course_id, user_id)?
        .into_iter()
        .map(|row| Module {
            completed: completion::module(row.facts).is_none_or(|progress| progress.completed),
            condition: row.condition,
            topics: topics.remove(&row.id).unwrap_or_default(),
            id: row.id,
        })
        .collect();
    let mut statement =
        connection.prepare_cached("SELECT id FROM assessments WHERE course_id = ?1 AND is_active AND deleted_at IS NULL")?;
    let assessments = statement.query_map([course_id], |row| row.get("id"))?.collect::<Result<_, _>>()?;
    Ok(Some(Course {
        is_paid_for,
        missing_prerequisites: missing_prerequisites(connection, course_id, user_id)?,
        modules,
        assessments,
        passed: passed_tests(connection, course_id, user_id)?,
        today,
    }))
}

/// The topics of each module in reading order.
fn topics(connection: &Connection, course_id: &str, user_id: &str) -> Result<BTreeMap<String, Vec<Topic>>> {
    let mut statement = connection.prepare_cached(
        "SELECT t.id AS id, t.module_id AS module_id, t.requires_previous AS requires_previous, t.is_free AS is_free,
                coalesce(p.completed, 0) AS completed
         FROM topics t LEFT JOIN topic_progress p ON p.course_id = t.course_id AND p.user_id = ?2 AND p.topic_id = t.id
         WHERE t.course_id = ?1 ORDER BY t.position, t.id",
    )?;
    let mut rows = statement.query(params![course_id, user_id])?;
    let mut topics: BTreeMap<String, Vec<Topic>> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        topics.entry(row.get("module_id")?).or_default().push(Topic {
            id: row.get("id")?,
            completed: row.get("completed")?,
            requires_previous: row.get("requires_previous")?,
            is_free: row.get("is_free")?,
        });
    }
    Ok(topics)
}
