//! What a learner has done with topics and content items.

use super::super::*;
use crate::access::Who;

/// One learner's way through one topic.
pub static TOPIC_PROGRESS: Entity = Entity {
    name: "topic_progress",
    code: 30,
    columns: &[
        key("user_id"),
        key("topic_id"),
        carried("course_id"),
        column("reset_number", Kind::Whole, Merge::Reset),
        column("completed", Kind::Truth, Merge::Furthest),
        column("percent", Kind::Whole, Merge::Furthest),
        column("seconds_watched", Kind::Whole, Merge::Furthest),
        column("completed_at", Kind::Timestamp, Merge::Earliest).optional(),
        column("time_spent_seconds", Kind::Whole, Merge::Sum),
    ],
    id: IdRule::Derived(&["user_id", "topic_id"]),
    scopes: &[lives_in(ScopeKind::Learner, "user_id"), lives_in(ScopeKind::Results, "course_id")],
    write: &[&[Who::Is("user_id"), Who::Hears(ScopeKind::Course, "course_id")]],
    delete: &[],
    access: &[],
};
