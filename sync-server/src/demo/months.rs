//! Two months of school and training: attendance, progress and results.

use chrono::{Datelike, Days, NaiveDate};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;
use waystation_model::grading::{GradedQuestion, grade};

use super::courses::{answer, course_id, keys, topic_id};
use super::demo_id;
use super::insert::insert;
use super::people::{enrolled, person_id};
use super::source::{CourseSource, Source};
use crate::failure::Failure;

/// Days of attendance before today.
const DAYS_BACK: u64 = 61;
/// Learners without progress, so that a demonstration can start at the beginning.
const BEGINNERS: &[&str] = &["aysel"];

/// A pseudo-random number from 0 to 99, derived from a name and the same on every machine.
fn chance(name: &str) -> u8 {
    Sha256::digest(name.as_bytes())[0] % 100
}

/// A mark per member and lesson day, up to yesterday.
pub async fn attendance(connection: &mut PgConnection, organization: Uuid, source: &Source, today: NaiveDate) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for group in &source.organization.school.groups {
        for back in 1..=DAYS_BACK {
            let day = today - Days::new(back);
            if !group.days_of_week.contains(&u8::try_from(day.weekday().number_from_monday()).unwrap_or(0)) {
                continue;
            }
            for member in &group.members {
                let diligent = chance(&format!("diligence:{member}"));
                let status = match chance(&format!("mark:{member}:{day}")) {
                    // Attendance varies per member: some are often absent, most rarely.
                    n if n < 4 + diligent / 9 => "absent",
                    n if n < 9 + diligent / 6 => "late",
                    n if n > 96 => "excused",
                    _ => "present",
                };
                rows.push(json!({
                    "group_id": demo_id(&format!("group:{}", group.code)), "student_id": person_id(member), "lesson_date": day.to_string(), "status": status,
                    "marked_by": person_id(&group.teacher), "marked_at": format!("{day}T{}:00+04:00", group.start_time), "note": null,
                }));
            }
        }
    }
    insert(connection, organization, "attendance_records", rows).await
}

/// Topic progress of every learner, and attempts at lesson tests.
pub async fn progress(connection: &mut PgConnection, organization: Uuid, source: &Source, today: NaiveDate) -> Result<(), Failure> {
    let (mut progress, mut attempts) = (Vec::new(), Vec::new());
    for (person, slug) in enrolled(source) {
        let Some(course) = source.courses.iter().find(|course| course.slug == slug) else { continue };
        if BEGINNERS.contains(&person.as_str()) {
            continue;
        }
        let reach = usize::from(chance(&format!("reach:{person}:{slug}")));
        let topics: Vec<(usize, usize)> = course
            .modules
            .iter()
            .enumerate()
            .flat_map(|(module, module_source)| (0..module_source.topics.len()).map(move |index| (module, index)))
            .collect();
        let done = topics.len() * reach / 100;
        for (at, (module, index)) in topics.iter().take(done + 1).enumerate() {
            progress.push(topic_row(
                course,
                &person,
                *module,
                *index,
                at < done,
                today - Days::new(u64::try_from(2 * (topics.len() - at)).unwrap_or(0)),
            ));
        }
        for (module, module_source) in course.modules.iter().enumerate() {
            let last_topic = topics.iter().position(|topic| *topic == (module, module_source.topics.len() - 1)).unwrap_or(usize::MAX);
            if last_topic < done {
                attempts.push(attempt_row(
                    course,
                    &person,
                    module,
                    today - Days::new(u64::try_from(2 * (topics.len() - last_topic)).unwrap_or(0)),
                ));
            }
        }
    }
    insert(connection, organization, "topic_progress", progress).await?;
    insert(connection, organization, "assessment_attempts", attempts).await
}

fn topic_row(course: &CourseSource, person: &str, module: usize, index: usize, done: bool, day: NaiveDate) -> Value {
    let name = format!("{person}:{}:{module}:{index}", course.slug);
    json!({
        "user_id": person_id(person), "topic_id": topic_id(course, module, index), "course_id": course_id(course), "reset_number": 0, "completed": done,
        "percent": if done { 100 } else { 10 + chance(&name) / 2 }, "seconds_watched": 0, "completed_at": done.then(|| format!("{day}T14:{:02}:00Z", chance(&name) % 60)),
        "time_spent_seconds": 240 + 12 * i64::from(chance(&format!("time:{name}"))),
    })
}

fn attempt_row(course: &CourseSource, person: &str, module: usize, day: NaiveDate) -> Value {
    let test_name = format!("lesson:{}:{module}", course.slug);
    let test = &course.modules[module].lesson_test;
    let mut answers = Map::new();
    let mut questions = Vec::new();
    for (position, question) in test.questions.iter().enumerate() {
        let id = demo_id(&format!("question:{test_name}:{position}")).to_string();
        let right = chance(&format!("right:{person}:{test_name}:{position}")) < 78;
        answers.insert(id.clone(), answer(&test_name, position, question, right));
        questions.push(GradedQuestion { id, question_type: question.question_type.clone(), points: question.points });
    }
    let answers = Value::Object(answers);
    let graded = grade(&questions, &keys(&test_name, test), &answers);
    let minutes = 4 + i64::from(chance(&format!("minutes:{person}:{test_name}")) / 12);
    json!({
        "id": demo_id(&format!("attempt:{person}:{test_name}")), "assessment_id": demo_id(&format!("assessment:{test_name}")), "user_id": person_id(person), "course_id": course_id(course),
        "attempt_number": 1, "started_at": format!("{day}T15:00:00Z"), "submitted_at": format!("{day}T15:{minutes:02}:00Z"), "answers": answers, "time_taken_seconds": minutes * 60,
        "clock_moved": false, "status": "graded", "score_raw": graded.score_raw, "score_max": graded.score_max, "score_percent": graded.score_percent,
        "passed": graded.score_percent >= test.passing_percent, "graded_at": format!("{day}T15:{minutes:02}:30Z"), "answer_grades": graded.answers,
    })
}
