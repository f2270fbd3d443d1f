//! A topic: its files, the positions in them, and whether it is done.

use std::collections::{BTreeSet, HashMap, HashSet};

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value, json};
use waystation_model::registry::{self, Entity};
use waystation_model::rules::completion;
use waystation_model::{Code, Problem};

use super::Snapshot;
use super::course::{course_title, studies};
use super::locks::Locks;
use crate::app::App;
use crate::environment::Clock;
use crate::error::{ClientError, Result};
use crate::store::value::to_json;
use crate::store::{Device, Edit};
use crate::view_models::*;

impl App {
    pub(crate) async fn topic(&self, arguments: ById) -> Result<Topic, Problem> {
        Ok(self.read(move |snapshot| topic(snapshot, &arguments.id)).await?)
    }

    pub(crate) async fn mark_topic(&self, arguments: MarkTopic) -> Result<Topic, Problem> {
        let clock = self.inner.environment.clock.clone();
        let now_ms = clock.now_ms();
        let MarkTopic { topic_id, completed } = arguments;
        let id = topic_id.clone();
        let plan = move |connection: &Connection, device: &Device| {
            let me = device.owner.user_id.to_string();
            let course_id = course_of_topic(connection, &topic_id)?;
            if completed {
                Locks::of_change(connection, device, clock.as_ref(), &course_id)?.check_topic(&topic_id)?;
            }
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
                // A deliberate restart: a larger reset number overrides all earlier progress.
                fields.extend([("reset_number", json!(reset + 1)), ("completed", json!(false)), ("percent", json!(0))]);
            }
            let mut edits = vec![Edit::put(progress, None, fields)];
            edits.extend(begin_course(connection, &me, &course_id, now_ms + device.clock_offset_ms)?);
            Ok(edits)
        };
        Ok(self.edit_and_read(plan, move |snapshot| topic(snapshot, &id)).await?)
    }

    pub(crate) async fn note_position(&self, arguments: NotePosition) -> Result<Nothing, Problem> {
        let clock = self.inner.environment.clock.clone();
        self.edit_with(move |connection, device| position_edits(connection, device, clock.as_ref(), &arguments)).await?;
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
    let id = waystation_model::ids::derived_id("enrollments", [Some(user_id), Some(course_id)]);
    Ok(connection
        .prepare_cached("SELECT status FROM enrollments WHERE id = ?1 AND status <> 'dropped'")?
        .query_row([id.to_string()], |row| row.get(0))
        .optional()?)
}

/// The current reset number of a progress row.
fn reset_number(connection: &Connection, progress: &Entity, keys: &[&str]) -> Result<i64> {
    let id = waystation_model::ids::derived_id(progress.name, keys.iter().map(|key| Some(*key)));
    let sql = format!("SELECT reset_number FROM {} WHERE id = ?1", progress.name);
    let reset = connection.prepare_cached(&sql)?.query_row([id.to_string()], |row| row.get(0)).optional()?;
    Ok(reset.unwrap_or(0))
}

/// Marks a course as begun, at the learner's first activity in it.
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

fn position_edits(connection: &Connection, device: &Device, clock: &dyn Clock, note: &NotePosition) -> Result<Vec<Edit>> {
    let (me, at_ms) = (&*device.owner.user_id.to_string(), clock.now_ms() + device.clock_offset_ms);
    let (module_id, topic_id, course_id): (String, Option<String>, String) = connection
        .prepare_cached("SELECT module_id, topic_id, course_id FROM content_items WHERE id = ?1")?
        .query_row([&note.content_item_id], |row| Ok((row.get("module_id")?, row.get("topic_id")?, row.get("course_id")?)))
        .optional()?
        .ok_or_else(|| ClientError::refused(Code::NotFound, "the content item is not on this laptop"))?;
    if is_enrolled(connection, me, &course_id)?.is_none() {
        // The progress of people who are not enrolled is not recorded.
        return Ok(Vec::new());
    }
    let locks = Locks::of_change(connection, device, clock, &course_id)?;
    locks.check_item(&module_id, topic_id.as_deref())?;
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

/// A person's progress in a topic: the mean over its documents and videos.
fn topic_percent(connection: &Connection, me: &str, topic_id: &str, noted_item: &str, noted_percent: u32) -> Result<u32> {
    let mut statement = connection.prepare_cached(
        "SELECT i.id AS id, coalesce(p.percent, 0) AS percent FROM content_items i
         LEFT JOIN content_progress p ON p.course_id = i.course_id AND p.user_id = ?2 AND p.content_item_id = i.id
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

/// A topic with the module that it belongs to.
pub(super) struct OrderedTopic {
    pub module_id: String,
    /// Without its contents, until [`fill_contents`].
    pub card: TopicCard,
}

/// The topics of a course in reading order, with this person's progress.
pub(super) fn topics_in_order(snapshot: &Snapshot<'_>, course_id: &str) -> Result<Vec<OrderedTopic>> {
    let (progress, locks) = (progress_by_topic(snapshot, course_id)?, Locks::read(snapshot, course_id)?);
    let mut statement = snapshot.connection.prepare_cached(include_str!("../../sql/topics_in_order.sql"))?;
    let mut rows = statement.query([course_id])?;
    let mut topics: Vec<OrderedTopic> = Vec::new();
    while let Some(row) = rows.next()? {
        let id: String = row.get("id")?;
        let (completed, percent) = progress.get(&id).copied().unwrap_or((false, 0));
        topics.push(OrderedTopic {
            module_id: row.get("module_id")?,
            card: TopicCard {
                lock: locks.topic(snapshot.connection, &id)?,
                id,
                title: row.get("title")?,
                completed,
                percent: completion::topic_percent(completed, percent),
                kinds: Vec::new(),
                bytes_all: 0,
                bytes_here: 0,
            },
        });
    }
    Ok(topics)
}

/// This person's progress in the topics of a course: completed, and percent.
fn progress_by_topic(snapshot: &Snapshot<'_>, course_id: &str) -> Result<HashMap<String, (bool, u32)>> {
    let mut statement = snapshot
        .connection
        .prepare_cached("SELECT topic_id, completed, percent FROM topic_progress WHERE course_id = ?1 AND user_id = ?2")?;
    let progress = statement
        .query_map([course_id, &snapshot.me()], |row| Ok((row.get("topic_id")?, (row.get("completed")?, row.get("percent")?))))?
        .collect::<Result<_, _>>()?;
    Ok(progress)
}

/// Fills in each topic's kinds of items and the bytes of its files, in all and on this laptop.
pub(super) fn fill_contents(snapshot: &Snapshot<'_>, course_id: &str, topics: &mut [OrderedTopic]) -> Result<()> {
    let index_of: HashMap<String, usize> = topics.iter().enumerate().map(|(index, topic)| (topic.card.id.clone(), index)).collect();
    let mut statement = snapshot.connection.prepare_cached(include_str!("../../sql/topic_contents.sql"))?;
    let mut rows = statement.query([course_id])?;
    let mut seen = HashSet::new();
    while let Some(row) = rows.next()? {
        let Some(at) = index_of.get(&row.get::<_, String>("topic_id")?) else { continue };
        let card = &mut topics[*at].card;
        let kind: String = row.get("kind")?;
        if let Err(gap) = card.kinds.binary_search(&kind) {
            card.kinds.insert(gap, kind);
        }
        if let Some(sha256) = row.get::<_, Option<String>>("sha256")? {
            let size: i64 = row.get("size_bytes")?;
            let here = snapshot.downloads.has(&sha256);
            if seen.insert((*at, sha256)) {
                card.bytes_all += size;
                card.bytes_here += if here { size } else { 0 };
            }
        }
    }
    Ok(())
}

/// The topic's own row.
struct TopicRow {
    course_id: String,
    module_id: String,
    position: i64,
    title: String,
    description: String,
}

fn topic(snapshot: &Snapshot<'_>, id: &str) -> Result<Topic> {
    let topic_row = snapshot
        .connection
        .prepare_cached("SELECT course_id, module_id, position, title, description FROM topics WHERE id = ?1")?
        .query_row([id], |row| {
            Ok(TopicRow {
                course_id: row.get("course_id")?,
                module_id: row.get("module_id")?,
                position: row.get("position")?,
                title: row.get("title")?,
                description: row.get("description")?,
            })
        })
        .optional()?
        .ok_or_else(not_found)?;
    let studies = studies(snapshot, &topic_row.course_id)?;
    let (completed, percent) = progress_in(snapshot, id)?;
    let previous = neighbour(snapshot, include_str!("../../sql/topic_before.sql"), id, &topic_row)?;
    let next = neighbour(snapshot, include_str!("../../sql/topic_after.sql"), id, &topic_row)?;
    let lock = Locks::read(snapshot, &topic_row.course_id)?.topic(snapshot.connection, id)?;
    // What is locked is not handed to the screen.
    let items = if lock.is_some() { Vec::new() } else { items(snapshot, id)? };
    Ok(Topic {
        card: TopicCard {
            id: id.to_owned(),
            title: topic_row.title,
            completed,
            percent: completion::topic_percent(completed, percent),
            lock,
            kinds: items.iter().map(|item| item.kind.clone()).collect::<BTreeSet<_>>().into_iter().collect(),
            bytes_all: items.iter().map(|item| item.size_bytes).sum(),
            bytes_here: items.iter().filter(|item| item.url.is_some()).map(|item| item.size_bytes).sum(),
        },
        description: topic_row.description,
        course_title: course_title(snapshot, &topic_row.course_id)?,
        module_title: module_title(snapshot, &topic_row.module_id)?,
        items,
        previous_id: previous,
        next_id: next,
        studies,
        course_id: topic_row.course_id,
    })
}

/// The topic before or after one, in its module or else in the next module that has any.
fn neighbour(snapshot: &Snapshot<'_>, sql: &str, id: &str, topic_row: &TopicRow) -> Result<Option<String>> {
    Ok(snapshot
        .connection
        .prepare_cached(sql)?
        .query_row(params![topic_row.module_id, topic_row.position, id, topic_row.course_id], |row| row.get("id"))
        .optional()?)
}

fn module_title(snapshot: &Snapshot<'_>, id: &str) -> Result<String> {
    let title =
        snapshot.connection.prepare_cached("SELECT title FROM modules WHERE id = ?1")?.query_row([id], |row| row.get(0)).optional()?;
    Ok(title.unwrap_or_default())
}

/// This person's progress in one topic: completed, and percent.
fn progress_in(snapshot: &Snapshot<'_>, topic_id: &str) -> Result<(bool, u32)> {
    let id = waystation_model::ids::derived_id("topic_progress", [Some(snapshot.me().as_str()), Some(topic_id)]);
    let progress = snapshot
        .connection
        .prepare_cached("SELECT completed, percent FROM topic_progress WHERE id = ?1")?
        .query_row([id.to_string()], |row| Ok((row.get("completed")?, row.get("percent")?)))
        .optional()?;
    Ok(progress.unwrap_or((false, 0)))
}

fn items(snapshot: &Snapshot<'_>, topic_id: &str) -> Result<Vec<ContentItem>> {
    let mut statement = snapshot.connection.prepare_cached(include_str!("../../sql/topic_items.sql"))?;
    let mut rows = statement.query(params![topic_id, snapshot.me()])?;
    let mut items = Vec::new();
    while let Some(row) = rows.next()? {
        let sha256: Option<String> = row.get("sha256")?;
        let is_wanted: bool = row.get("is_wanted")?;
        let kind: String = row.get("kind")?;
        let body = to_json(registry::Kind::Json, row.get_ref("body")?);
        let text_of = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let here = sha256.as_ref().filter(|sha256| snapshot.downloads.has(sha256));
        items.push(ContentItem {
            id: row.get("id")?,
            role: row.get::<_, Option<String>>("role")?.unwrap_or_default(),
            title: row.get("title")?,
            text: match kind.as_str() {
                "link" => text_of("url"),
                "quiz" => text_of("assessment_id"),
                _ => text_of("text"),
            },
            kind,
            url: here.map(|sha256| format!("{}/{sha256}", snapshot.media_address)),
            media_type: row.get::<_, Option<String>>("media_type")?.unwrap_or_default(),
            size_bytes: row.get::<_, Option<i64>>("size_bytes")?.unwrap_or(0),
            duration_seconds: row.get("duration_seconds")?,
            pages: row.get("pages")?,
            page: row.get("page")?,
            second: row.get("second")?,
            bytes_fetched: sha256
                .as_ref()
                .filter(|_| is_wanted)
                .map(|sha256| i64::try_from(snapshot.downloads.bytes_fetched(sha256)).unwrap_or(i64::MAX)),
        });
    }
    Ok(items)
}
