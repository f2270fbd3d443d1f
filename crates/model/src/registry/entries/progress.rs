//! Enrollments, and progress in topics and content items.

use super::super::*;
use crate::access::{Role, Rules, Who};

/// Who enrolls others in a course.
const ENROLLING_STAFF: Rules = &[&[Who::Subscribes(ScopeKind::Results, "course_id")], &[Who::Has(Role::Admin)]];

/// Staff set the time of completion. A learner may only leave it null: their laptop sends the whole `status` group when they
/// begin the course.
const COMPLETION_WRITERS: Rules =
    &[&[Who::Subscribes(ScopeKind::Results, "course_id")], &[Who::Has(Role::Admin)], &[Who::Empty("completed_at")]];

/// Who sets which enrollment type: `self` the learner, the other types the staff that enroll them.
const ENROLLMENT_TYPE_WRITERS: Rules = &[
    &[Who::Is("user_id"), Who::Equals("enrollment_type", "self")],
    &[Who::Subscribes(ScopeKind::Results, "course_id"), Who::Equals("enrollment_type", "assigned")],
    &[Who::Subscribes(ScopeKind::Results, "course_id"), Who::Equals("enrollment_type", "bulk")],
    &[Who::Has(Role::Admin), Who::Equals("enrollment_type", "assigned")],
    &[Who::Has(Role::Admin), Who::Equals("enrollment_type", "bulk")],
];

/// One person's enrollment in one course.
pub static ENROLLMENTS: Entity = Entity {
    name: "enrollments",
    code: 28,
    columns: &[
        key("user_id").references("users", OnDelete::Restrict, &[]),
        key("course_id").references("courses", OnDelete::Restrict, &[]),
        // The user's full name, for readers who do not subscribe to the user.
        column("display_name", Kind::Text, Merge::Server).length_max(255),
        column("enrolled_by", Kind::Uuid, Merge::LatestQuiet)
            .references("users", OnDelete::Restrict, &[])
            .optional()
            .group("enrolling")
            .names_author()
            .by(ENROLLMENT_TYPE_WRITERS),
        column("enrollment_type", Kind::Choice(&["self", "assigned", "bulk"]), Merge::LatestQuiet)
            .group("enrolling")
            .default("\"self\"")
            .default_by_others("user_id", "\"assigned\"")
            .by(ENROLLMENT_TYPE_WRITERS),
        column("status", Kind::Choice(&["enrolled", "in_progress", "completed", "dropped"]), Merge::Latest)
            .group("status")
            .default("\"enrolled\""),
        column("started_at", Kind::Timestamp, Merge::Latest).optional().group("status"),
        column("completed_at", Kind::Timestamp, Merge::Latest).optional().group("status").by(COMPLETION_WRITERS),
        column("due_at", Kind::Timestamp, Merge::Latest).optional().by(ENROLLING_STAFF),
    ],
    id: IdRule::Derived(&["user_id", "course_id"]),
    scopes: &[in_scope(ScopeKind::Learner, "user_id"), in_scope(ScopeKind::Results, "course_id")],
    write: &[
        &[Who::Subscribes(ScopeKind::Results, "course_id")],
        &[Who::Has(Role::Admin)],
        // An enrolled learner may begin or drop the course but not complete it. Anybody else may only enroll themselves, if the
        // server finds the course open to all. A dropped learner cannot return alone: a rule must hold for the stored row too.
        &[Who::Is("user_id"), Who::Subscribes(ScopeKind::Course, "course_id"), Who::Equals("status", "enrolled")],
        &[Who::Is("user_id"), Who::Subscribes(ScopeKind::Course, "course_id"), Who::Equals("status", "in_progress")],
        &[Who::Is("user_id"), Who::Subscribes(ScopeKind::Course, "course_id"), Who::Equals("status", "dropped")],
        &[Who::Is("user_id"), Who::Equals("enrollment_type", "self"), Who::Equals("status", "enrolled")],
    ],
    delete: &[],
    access: &[AccessRule::User("user_id")],
    constraints: constraints(),
    record: record(Section::Courses, Label::All(&["user_id", "course_id"])).search(&["display_name"]).part_of("course_id").earns("user_id"),
};

/// One learner's progress in one topic.
pub static TOPIC_PROGRESS: Entity = Entity {
    name: "topic_progress",
    code: 30,
    columns: &[
        key("user_id").references("users", OnDelete::Restrict, &[]),
        key("topic_id").references("topics", OnDelete::Restrict, &["course_id"]),
        carried("course_id").references("courses", OnDelete::Keep, &[]),
        column("reset_number", Kind::Int, Merge::Reset).at_least(0),
        column("completed", Kind::Bool, Merge::Furthest),
        column("percent", Kind::Int, Merge::Furthest).between(0, 100),
        column("seconds_watched", Kind::Int, Merge::Furthest).wide().at_least(0),
        column("completed_at", Kind::Timestamp, Merge::Earliest).optional(),
        column("time_spent_seconds", Kind::Int, Merge::Sum).wide().at_least(0),
    ],
    id: IdRule::Derived(&["user_id", "topic_id"]),
    scopes: &[in_scope(ScopeKind::Learner, "user_id"), in_scope(ScopeKind::Results, "course_id")],
    write: &[&[Who::Is("user_id"), Who::Subscribes(ScopeKind::Course, "course_id")]],
    delete: &[],
    access: &[],
    constraints: constraints(),
    record: record(Section::Courses, Label::All(&["user_id", "topic_id"]))
        .part_of("topic_id")
        .earns("user_id")
        .unaudited("it only follows where somebody is in a file and how long they were there"),
};

/// One learner's progress in one content item, and the position where they stopped.
pub static CONTENT_PROGRESS: Entity = Entity {
    name: "content_progress",
    code: 31,
    columns: &[
        key("user_id").references("users", OnDelete::Restrict, &[]),
        key("content_item_id").references("content_items", OnDelete::Restrict, &["course_id"]),
        carried("course_id").references("courses", OnDelete::Keep, &[]),
        column("reset_number", Kind::Int, Merge::Reset).at_least(0),
        column("completed", Kind::Bool, Merge::Furthest),
        column("percent", Kind::Int, Merge::Furthest).between(0, 100),
        column("page", Kind::Int, Merge::LatestQuiet).optional().group("position").at_least(1),
        column("second", Kind::Int, Merge::LatestQuiet).optional().group("position").at_least(0),
        column("seconds_watched", Kind::Int, Merge::Furthest).wide().at_least(0),
        column("completed_at", Kind::Timestamp, Merge::Earliest).optional(),
        column("time_spent_seconds", Kind::Int, Merge::Sum).wide().at_least(0),
    ],
    id: IdRule::Derived(&["user_id", "content_item_id"]),
    scopes: &[in_scope(ScopeKind::Learner, "user_id"), in_scope(ScopeKind::Results, "course_id")],
    write: &[&[Who::Is("user_id"), Who::Subscribes(ScopeKind::Course, "course_id")]],
    delete: &[],
    access: &[],
    constraints: constraints(),
    record: record(Section::Courses, Label::All(&["user_id", "content_item_id"]))
        .part_of("content_item_id")
        .earns("user_id")
        .unaudited("it only follows where somebody is in a file and how long they were there"),
};
