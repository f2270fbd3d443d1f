//! Courses with their files and tests.

use std::path::Path;

use object_store::ObjectStore;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

use super::demo_id;
use super::insert::insert;
use super::people::person_id;
use super::source::{CourseSource, ItemSource, QuestionSource, Source, TestSource};
use crate::content::{object_key, store};
use crate::failure::Failure;

/// Stores every file, and fails when its hash is not the one in `courses.json`.
pub async fn store_files(files: &dyn ObjectStore, folder: &Path, source: &Source) -> Result<(), Failure> {
    for item in source.courses.iter().flat_map(|course| &course.modules).flat_map(|module| &module.topics).flat_map(|topic| &topic.items) {
        let path = folder.join("media").join(&item.file);
        let bytes = std::fs::read(&path).map_err(|error| Failure::broken(format!("{}: {error}", path.display())))?;
        if hex::encode(Sha256::digest(&bytes)) != item.sha256 {
            return Err(Failure::broken(format!("{} is not the file that courses.json describes", path.display())));
        }
        store(files, &item.sha256, bytes.into()).await?;
    }
    Ok(())
}

#[derive(Default)]
struct Tables {
    facts: Vec<Value>,
    modules: Vec<Value>,
    topics: Vec<Value>,
    media: Vec<Value>,
    items: Vec<Value>,
    assessments: Vec<Value>,
    questions: Vec<Value>,
    options: Vec<Value>,
    keys: Vec<Value>,
}

/// The courses and everything in them.
pub async fn courses(connection: &mut PgConnection, organization: Uuid, source: &Source) -> Result<(), Failure> {
    let mut rows = Vec::new();
    let mut tables = Tables::default();
    for course in &source.courses {
        let instructor = source.organization.people.iter().find(|person| person.instructor_of.contains(&course.slug));
        let station = instructor.and_then(|person| person.station.as_ref()).map(|code| demo_id(&format!("station:{code}")));
        rows.push(json!({
            "id": course_id(course), "title": course.title, "slug": course.slug, "course_code": course.code, "description": course.description,
            "status": "published", "language": course.language, "level": course.level, "estimated_seconds": course.estimated_seconds,
            "instructor_id": instructor.map(|person| person_id(&person.user_name)), "station_id": station, "price_minor": 0,
            "currency": source.organization.organization.currency, "is_certified": true, "is_public": true, "tags": course.tags, "metadata": {},
        }));
        tables.course(course);
    }
    insert(connection, organization, "courses", rows).await?;
    insert(connection, organization, "course_facts", tables.facts).await?;
    insert(connection, organization, "modules", tables.modules).await?;
    insert(connection, organization, "topics", tables.topics).await?;
    insert(connection, organization, "media_assets", tables.media).await?;
    insert(connection, organization, "content_items", tables.items).await?;
    insert(connection, organization, "assessments", tables.assessments).await?;
    insert(connection, organization, "questions", tables.questions).await?;
    insert(connection, organization, "question_options", tables.options).await?;
    insert(connection, organization, "answer_keys", tables.keys).await
}

/// The id of a course of the demonstration.
pub fn course_id(course: &CourseSource) -> Uuid {
    demo_id(&format!("course:{}", course.slug))
}

impl Tables {
    fn course(&mut self, course: &CourseSource) {
        let id = course_id(course);
        for (kind, texts) in [
            ("learning_outcome", &course.learning_outcomes),
            ("requirement", &course.requirements),
            ("target_audience", &course.target_audience),
        ] {
            for (position, text) in texts.iter().enumerate() {
                self.facts.push(json!({"id": demo_id(&format!("fact:{}:{kind}:{position}", course.slug)), "course_id": id, "kind": kind, "position": position, "text": text}));
            }
        }
        for (position, module) in course.modules.iter().enumerate() {
            let name = format!("{}:{position}", course.slug);
            let module_id = demo_id(&format!("module:{name}"));
            self.modules.push(json!({"id": module_id, "course_id": id, "position": position, "title": module.title, "description": module.description, "is_required": true}));
            for (index, topic) in module.topics.iter().enumerate() {
                let topic_id = topic_id(course, position, index);
                self.topics.push(json!({
                    "id": topic_id, "module_id": module_id, "course_id": id, "position": index, "title": topic.title, "description": topic.description,
                    "requires_previous": false, "is_free": index == 0,
                }));
                for (at, item) in topic.items.iter().enumerate() {
                    self.item(&format!("{name}:{index}:{at}"), id, module_id, topic_id, at, item);
                }
            }
            let test = json!({"course_id": id, "module_id": module_id, "kind": "quiz", "graded_by": "laptop", "attempts_max": null, "position": position});
            self.test(&format!("lesson:{name}"), id, test, &module.lesson_test);
        }
        let test = json!({"course_id": id, "module_id": null, "kind": "exam", "graded_by": "server", "attempts_max": 3, "position": course.modules.len()});
        self.test(&format!("final:{}", course.slug), id, test, &course.final_test);
    }

    fn item(&mut self, name: &str, course: Uuid, module: Uuid, topic: Uuid, position: usize, item: &ItemSource) {
        let media = demo_id(&format!("media:{name}"));
        let media_type = if item.kind == "video" { "video/mp4" } else { "application/pdf" };
        self.media.push(json!({
            "id": media, "course_id": course, "title": item.title, "object_key": object_key(&item.sha256).to_string(), "sha256": item.sha256,
            "size_bytes": item.size_bytes, "media_type": media_type, "duration_seconds": item.duration_seconds.map(|seconds| seconds.round() as i64), "pages": item.pages, "status": "ready",
        }));
        self.items.push(json!({
            "id": demo_id(&format!("item:{name}")), "course_id": course, "module_id": module, "topic_id": topic, "media_asset_id": media, "kind": item.kind,
            "role": item.role, "position": position, "title": item.title, "body": {}, "is_required": item.role == "main_pdf",
        }));
    }

    fn test(&mut self, name: &str, course: Uuid, mut row: Value, test: &TestSource) {
        let id = demo_id(&format!("assessment:{name}"));
        let shared = row["graded_by"] == "laptop";
        row["id"] = json!(id);
        row["title"] = json!(test.title);
        row["description"] = json!("");
        row["passing_percent"] = json!(test.passing_percent);
        row["time_limit_seconds"] = json!(test.time_limit_seconds);
        row["shows_explanations"] = json!(true);
        row["is_required"] = json!(true);
        row["settings"] = json!({});
        row["is_active"] = json!(true);
        self.assessments.push(row);
        let (mut keys, mut explanations) = (Map::new(), Map::new());
        for (position, question) in test.questions.iter().enumerate() {
            let question_id = demo_id(&format!("question:{name}:{position}"));
            self.questions.push(json!({
                "id": question_id, "assessment_id": id, "course_id": course, "position": position, "question_type": question.question_type, "text": question.text, "points": question.points,
            }));
            for (index, option) in question.options.iter().enumerate() {
                self.options.push(json!({"id": option_id(name, position, index), "question_id": question_id, "course_id": course, "position": index, "text": option.text}));
            }
            keys.insert(question_id.to_string(), key(name, position, question));
            explanations.insert(question_id.to_string(), json!(question.explanation));
        }
        self.keys.push(json!({"assessment_id": id, "course_id": course, "shared": shared, "keys": keys, "explanations": explanations}));
    }
}

/// The id of a topic by its module and index.
pub fn topic_id(course: &CourseSource, module: usize, index: usize) -> Uuid {
    demo_id(&format!("topic:{}:{module}:{index}", course.slug))
}

fn option_id(test: &str, question: usize, index: usize) -> Uuid {
    demo_id(&format!("option:{test}:{question}:{index}"))
}

/// The key entry of one question.
fn key(test: &str, position: usize, question: &QuestionSource) -> Value {
    match question.question_type.as_str() {
        "numeric" => json!({"number": question.answer, "tolerance": question.tolerance.unwrap_or(0.0)}),
        "short_answer" => json!({"accepted": question.accepted}),
        "written" => json!({}),
        _ => {
            let right: Vec<Uuid> = question
                .options
                .iter()
                .enumerate()
                .filter(|(_, option)| option.correct)
                .map(|(index, _)| option_id(test, position, index))
                .collect();
            json!({"options": right})
        }
    }
}

/// A correct or wrong answer to a question, in the form in which a learner gives it.
pub fn answer(test: &str, position: usize, question: &QuestionSource, right: bool) -> Value {
    let chosen: Vec<Uuid> = question
        .options
        .iter()
        .enumerate()
        .filter(|(_, option)| option.correct == right)
        .map(|(index, _)| option_id(test, position, index))
        .collect();
    match question.question_type.as_str() {
        "numeric" => json!(format!("{}", question.answer.unwrap_or(0.0) + if right { 0.0 } else { 1_000.0 })),
        "short_answer" => json!(if right { question.accepted.first().cloned().unwrap_or_default() } else { "?".to_owned() }),
        "written" => Value::Null,
        "multiple" => json!(chosen),
        _ => json!(chosen.first()),
    }
}

/// The key of one test, to grade the generated attempts.
pub fn keys(test: &str, source: &TestSource) -> Value {
    Value::Object(
        source
            .questions
            .iter()
            .enumerate()
            .map(|(position, question)| (demo_id(&format!("question:{test}:{position}")).to_string(), key(test, position, question)))
            .collect(),
    )
}
