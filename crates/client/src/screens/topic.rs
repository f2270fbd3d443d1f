//! A topic: its files, where somebody is in them, and whether it is done.

use std::collections::{BTreeSet, HashMap};

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value, json};
use waystation_model::registry::{self, Entity};
use waystation_model::{Code, Problem};

use super::Desk;
use super::course::{FilesOf, course_title, files_of, studies};
use crate::app::App;
use crate::error::{ClientError, Result};
use crate::store::Edit;
use crate::store::value::to_json;
use crate::views::*;

impl App {
    pub(crate) async fn topic(&self, arguments: ById) -> Result<Topic, Problem> {
        Ok(self.read(move |desk| topic(desk, &arguments.id)).await?)
    }

    pub(crate) async fn mark_topic(&self, arguments: MarkTopic) -> Result<Topic, Problem> {
        let now_ms = self.inner.environment.clock.now_ms();
        let MarkTopic { topic_id, completed } = arguments;
        let id = topic_id.clone();
        self.edit_with(move |connection, device| {
            let me = device.owner.user_id.to_string();
            let course_id = course_of_topic(connection, &topic_id)?;
            let progress = registry::entity("topic_progress").expect("a registered table");
            let reset = reset_number(connection, progress, &[&me, &topic_id])?;
            let mut fields = vec![("user_id", json!(me)), ("topic_id", json!(topic_id)), ("course_id", json!(course_id))];
            if completed {
                fields.extend([
                    ("reset_number", json!(reset)),
                    ("completed", json!(true)),
                    ("percent", json!(100)),
                    ("completed_at", json!(now_ms + device.clock_offset_ms)),
                ]);
            } else {
                // A deliberate new start: a larger reset number wins over everything that was reached before.
                fields.extend([("reset_number", json!(reset + 1)), ("completed", json!(false)), ("percent", json!(0))]);
            }
            let mut edits = vec![Edit::put(progress, None, fields)];
            edits.extend(begin_course(connection, &me, &course_id, now_ms + device.clock_offset_ms)?);
            Ok(edits)
        })
        .await?;
        self.topic(ById { id }).await
    }

    pub(crate) async fn note_position(&self, arguments: NotePosition) -> Result<Nothing, Problem> {
        let now_ms = self.inner.environment.clock.now_ms();
        self.edit_with(move |connection, device| {
            let me = device.owner.user_id.to_string();
            position_edits(connection, &me, &arguments, now_ms + device.clock_offset_ms)
        })
        .await?;
        Ok(Nothing {})
    }
}

fn not_found() -> ClientError {
    ClientError::refused(Code::NotFound, "the topic is not on this laptop")
}

fn course_of_topic(connection: &Connection, topic_id: &str) -> Result<String> {
    connection
        .prepare_cached("SELECT course_id FROM topics WHERE id = ?1")?
        .query_row([topic_id], |row| row.get(0))
        .optional()?
        .ok_or_else(not_found)
}

fn is_enrolled(connection: &Connection, user_id: &str, course_id: &str) -> Result<Option<String>> {
    Ok(connection
        .prepare_cached("SELECT status FROM enrollments WHERE user_id = ?1 AND course_id = ?2 AND status <> 'dropped'")?
        .query_row([user_id, course_id], |row| row.get(0))
        .optional()?)
}

/// The reset number that a row of progress is at.
fn reset_number(connection: &Connection, progress: &Entity, keys: &[&str]) -> Result<i64> {
    let id = waystation_model::ids::derived_id(progress.name, keys.iter().map(|key| Some(*key)));
    let row = crate::store::rows::read(connection, progress, &id.to_string())?;
    let reset = row.and_then(|row| row.values[progress.column_index("reset_number")?].as_i64());
    Ok(reset.unwrap_or(0))
}

/// Whoever does something in a course has begun it.
fn begin_course(connection: &Connection, user_id: &str, course_id: &str, at_ms: i64) -> Result<Option<Edit>> {
    if is_enrolled(connection, user_id, course_id)?.as_deref() != Some("enrolled") {
        return Ok(None);
    }
    let enrollments = registry::entity("enrollments").expect("a registered table");
    let fields = vec![
        ("user_id", json!(user_id)),
        ("course_id", json!(course_id)),
        ("status", json!("in_progress")),
        ("started_at", json!(at_ms)),
        ("completed_at", Value::Null),
    ];
    Ok(Some(Edit::put(enrollments, None, fields)))
}

fn position_edits(connection: &Connection, me: &str, note: &NotePosition, at_ms: i64) -> Result<Vec<Edit>> {
    let (topic_id, course_id): (Option<String>, String) = connection
        .prepare_cached("SELECT topic_id, course_id FROM content_items WHERE id = ?1")?
        .query_row([&note.content_item_id], |row| Ok((row.get("topic_id")?, row.get("course_id")?)))
        .optional()?
        .ok_or_else(|| ClientError::refused(Code::NotFound, "the content item is not on this laptop"))?;
    if is_enrolled(connection, me, &course_id)?.is_none() {
        // Whoever only looks in leaves no trace.
        return Ok(Vec::new());
    }
    let percent = note.percent.min(100);
    let of_item = registry::entity("content_progress").expect("a registered table");
    let mut fields = vec![
        ("user_id", json!(me)),
        ("content_item_id", json!(note.content_item_id)),
        ("course_id", json!(course_id)),
        ("reset_number", json!(reset_number(connection, of_item, &[me, &note.content_item_id])?)),
        ("percent", json!(percent)),
        ("page", json!(note.page)),
        ("second", json!(note.second)),
        ("time_spent_seconds", json!(note.seconds_spent)),
    ];
    if let Some(second) = note.second {
        fields.push(("seconds_watched", json!(second)));
    }
    let mut edits = vec![Edit::put(of_item, None, fields).coalescing()];
    if let Some(topic_id) = topic_id {
        let of_topic = registry::entity("topic_progress").expect("a registered table");
        let mut fields = vec![
            ("user_id", json!(me)),
            ("topic_id", json!(topic_id)),
            ("course_id", json!(course_id)),
            ("reset_number", json!(reset_number(connection, of_topic, &[me, &topic_id])?)),
            ("percent", json!(topic_percent(connection, me, &topic_id, &note.content_item_id, percent)?)),
            ("time_spent_seconds", json!(note.seconds_spent)),
        ];
        if let Some(second) = note.second {
            fields.push(("seconds_watched", json!(second)));
        }
        edits.push(Edit::put(of_topic, None, fields).coalescing());
    }
    edits.extend(begin_course(connection, me, &course_id, at_ms)?);
    Ok(edits)
}

/// How far somebody is in a topic: the mean over what there is to read and to watch.
fn topic_percent(connection: &Connection, me: &str, topic_id: &str, noted_item: &str, noted_percent: u32) -> Result<u32> {
    let mut statement = connection.prepare_cached(
        "SELECT i.id AS id, coalesce(p.percent, 0) AS percent FROM content_items i
         LEFT JOIN content_progress p ON p.content_item_id = i.id AND p.user_id = ?2
         WHERE i.topic_id = ?1 AND i.kind IN ('document', 'video')",
    )?;
    let (mut sum, mut count) = (0_u32, 0);
    let mut rows = statement.query([topic_id, me])?;
    while let Some(row) = rows.next()? {
        let percent: u32 = row.get("percent")?;
        sum += if row.get::<_, String>("id")? == noted_item { percent.max(noted_percent) } else { percent };
        count += 1;
    }
    Ok(sum.checked_div(count).unwrap_or(noted_percent))
}

/// A topic in its place in the course.
pub(super) struct OrderedTopic {
    pub module_id: String,
    pub card: TopicCard,
}

/// The topics of a course in the order of reading, with this person's progress.
pub(super) fn topics_in_order(desk: &Desk<'_>, course_id: &str) -> Result<Vec<OrderedTopic>> {
    let studies = studies(desk, course_id)?;
    let kinds = kinds_by_topic(desk, course_id)?;
    let mut statement = desk.connection.prepare_cached(include_str!("../../sql/topics_in_order.sql"))?;
    let mut rows = statement.query(params![course_id, desk.me()])?;
    let mut topics: Vec<OrderedTopic> = Vec::new();
    while let Some(row) = rows.next()? {
        let id: String = row.get("id")?;
        let completed: bool = row.get("completed")?;
        let requires_previous: bool = row.get("requires_previous")?;
        let locked_by = topics
            .last()
            .filter(|previous| studies && requires_previous && !completed && !previous.card.completed)
            .map(|previous| previous.card.title.clone());
        let files = files_of(desk, FilesOf::Topic(&id))?;
        topics.push(OrderedTopic {
            module_id: row.get("module_id")?,
            card: TopicCard {
                title: row.get("title")?,
                completed,
                percent: if completed { 100 } else { row.get::<_, u32>("percent")?.min(100) },
                locked_by,
                kinds: kinds.get(&id).map(|kinds| kinds.iter().cloned().collect()).unwrap_or_default(),
                bytes_all: files.iter().map(|file| file.size_bytes).sum(),
                bytes_here: files.iter().filter(|file| desk.media.has(&file.sha256)).map(|file| file.size_bytes).sum(),
                id,
            },
        });
    }
    Ok(topics)
}

fn kinds_by_topic(desk: &Desk<'_>, course_id: &str) -> Result<HashMap<String, BTreeSet<String>>> {
    let mut statement = desk
        .connection
        .prepare_cached("SELECT DISTINCT topic_id, kind FROM content_items WHERE course_id = ?1 AND topic_id IS NOT NULL")?;
    let mut kinds: HashMap<String, BTreeSet<String>> = HashMap::new();
    let mut rows = statement.query([course_id])?;
    while let Some(row) = rows.next()? {
        kinds.entry(row.get("topic_id")?).or_default().insert(row.get("kind")?);
    }
    Ok(kinds)
}

fn topic(desk: &Desk<'_>, id: &str) -> Result<Topic> {
    let course_id = course_of_topic(desk.connection, id)?;
    let (description, module_title) = desk
        .connection
        .prepare_cached(
            "SELECT t.description AS description, coalesce(m.title, '') AS module_title
             FROM topics t LEFT JOIN modules m ON m.id = t.module_id WHERE t.id = ?1",
        )?
        .query_row([id], |row| Ok((row.get("description")?, row.get("module_title")?)))?;
    let topics = topics_in_order(desk, &course_id)?;
    let place = topics.iter().position(|topic| topic.card.id == id).ok_or_else(not_found)?;
    Ok(Topic {
        card: topics[place].card.clone(),
        description,
        course_title: course_title(desk, &course_id)?,
        module_title,
        items: items(desk, id)?,
        previous_id: place.checked_sub(1).map(|before| topics[before].card.id.clone()),
        next_id: topics.get(place + 1).map(|next| next.card.id.clone()),
        studies: studies(desk, &course_id)?,
        course_id,
    })
}

fn items(desk: &Desk<'_>, topic_id: &str) -> Result<Vec<ContentItem>> {
    let mut statement = desk.connection.prepare_cached(include_str!("../../sql/topic_items.sql"))?;
    let mut rows = statement.query(params![topic_id, desk.me()])?;
    let mut items = Vec::new();
    while let Some(row) = rows.next()? {
        let sha256: Option<String> = row.get("sha256")?;
        let is_wanted: bool = row.get("is_wanted")?;
        let kind: String = row.get("kind")?;
        let body = to_json(registry::Kind::Json, row.get_ref("body")?);
        let said = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let here = sha256.as_ref().filter(|sha256| desk.media.has(sha256));
        items.push(ContentItem {
            id: row.get("id")?,
            role: row.get::<_, Option<String>>("role")?.unwrap_or_default(),
            title: row.get("title")?,
            text: match kind.as_str() {
                "link" => said("url"),
                "quiz" => said("assessment_id"),
                _ => said("text"),
            },
            kind,
            url: here.map(|sha256| format!("{}/{sha256}", desk.media_address)),
            media_type: row.get::<_, Option<String>>("media_type")?.unwrap_or_default(),
            size_bytes: row.get::<_, Option<i64>>("size_bytes")?.unwrap_or(0),
            duration_seconds: row.get("duration_seconds")?,
            pages: row.get("pages")?,
            page: row.get("page")?,
            second: row.get("second")?,
            bytes_fetched: sha256
                .as_ref()
                .filter(|_| is_wanted)
                .map(|sha256| i64::try_from(desk.downloads.bytes_fetched(sha256)).unwrap_or(i64::MAX)),
        });
    }
    Ok(items)
}
