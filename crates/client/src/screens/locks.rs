//! Why topics and tests of a course are locked for the person, and the refusal to open them.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension};
use waystation_model::Code;
use waystation_model::rules::unlocking::{Course, Lock as Rule};

use super::Snapshot;
use crate::environment::Clock;
use crate::error::{ClientError, Result};
use crate::facts::{Whose, locks_of};
use crate::store::Device;
use crate::store::device::clock_offset_ms;
use crate::view_models::ContentLock;

/// The locks of one course for one person. Nothing is locked to somebody who does not study it.
pub(super) struct Locks {
    course: Option<Course>,
    topics: HashMap<String, Rule>,
}

impl Locks {
    /// For a screen.
    pub fn read(snapshot: &Snapshot<'_>, course_id: &str) -> Result<Locks> {
        let now_ms = snapshot.clock.now_ms() + clock_offset_ms(snapshot.connection)?;
        let whose = Whose { user_id: &snapshot.me(), now_ms, today: snapshot.today() };
        Ok(Locks::of(locks_of(snapshot.connection, course_id, whose)?))
    }

    /// For a change.
    pub fn of_change(connection: &Connection, device: &Device, clock: &dyn Clock, course_id: &str) -> Result<Locks> {
        let user_id = device.owner.user_id.to_string();
        let whose = Whose { user_id: &user_id, now_ms: clock.now_ms() + device.clock_offset_ms, today: super::today(clock) };
        Ok(Locks::of(locks_of(connection, course_id, whose)?))
    }

    fn of(course: Option<Course>) -> Locks {
        let locks = course.iter().flat_map(Course::locks);
        let topics = locks.filter_map(|(topic, lock)| Some((topic.to_owned(), lock?))).collect();
        Locks { course, topics }
    }

    fn of_test(&self, module_id: Option<&str>, topic_id: Option<&str>) -> Option<Rule> {
        self.course.as_ref()?.lock_of_test(module_id, topic_id)
    }

    /// Why a topic is locked, for the screen.
    pub fn topic(&self, connection: &Connection, topic_id: &str) -> Result<Option<ContentLock>> {
        self.topics.get(topic_id).map(|lock| told(connection, lock)).transpose()
    }

    /// Why a test is locked, for the screen.
    pub fn test(&self, connection: &Connection, module_id: Option<&str>, topic_id: Option<&str>) -> Result<Option<ContentLock>> {
        self.of_test(module_id, topic_id).map(|lock| told(connection, &lock)).transpose()
    }

    /// Refuses a locked topic.
    pub fn check_topic(&self, topic_id: &str) -> Result<()> {
        self.topics.get(topic_id).map_or(Ok(()), |lock| Err(refused(lock)))
    }

    /// Refuses what is in a locked topic, or in a locked module without a topic.
    pub fn check_item(&self, module_id: &str, topic_id: Option<&str>) -> Result<()> {
        self.check_test(Some(module_id), topic_id)
    }

    /// Refuses a locked test.
    pub fn check_test(&self, module_id: Option<&str>, topic_id: Option<&str>) -> Result<()> {
        self.of_test(module_id, topic_id).map_or(Ok(()), |lock| Err(refused(&lock)))
    }
}

fn refused(lock: &Rule) -> ClientError {
    ClientError::refused(Code::ContentLocked, format!("locked: {lock:?}"))
}

/// A lock with the titles of what opens it.
fn told(connection: &Connection, lock: &Rule) -> Result<ContentLock> {
    let (kind, table, ids) = match lock {
        Rule::Payment => ("payment", "", &[][..]),
        Rule::Unreadable => ("unreadable", "", &[][..]),
        Rule::Until(day) => return Ok(ContentLock { kind: "until".to_owned(), titles: Vec::new(), day: Some(day.to_string()) }),
        Rule::Courses(ids) => ("courses", "courses", ids.as_slice()),
        Rule::Modules(ids) => ("modules", "modules", ids.as_slice()),
        Rule::Assessments(ids) => ("assessments", "assessments", ids.as_slice()),
        Rule::Topic(id) => ("topic", "topics", std::slice::from_ref(id)),
    };
    let titles = ids.iter().map(|id| title(connection, table, id)).collect::<Result<_>>()?;
    Ok(ContentLock { kind: kind.to_owned(), titles, day: None })
}

fn title(connection: &Connection, table: &'static str, id: &str) -> Result<String> {
    let sql = format!("SELECT title FROM {table} WHERE id = ?1");
    Ok(connection.prepare_cached(&sql)?.query_row([id], |row| row.get(0)).optional()?.unwrap_or_default())
}
