//! Who takes which course, and what they have done with its topics and content items.

use super::super::*;
use crate::access::{Role, Rules, Who};

/// Whoever lets others into a course.
const WHO_ENROLS: Rules = &[&[Who::Hears(ScopeKind::Results, "course_id")], &[Who::Has(Role::Admin)]];

/// When somebody was through is the word of who lets them in. Their own laptop says that they are not: it gives the status as a
/// whole when they begin.
const WHO_COMPLETES: Rules = &[&[Who::Hears(ScopeKind::Results, "course_id")], &[Who::Has(Role::Admin)], &[Who::Empty("completed_at")]];

/// `self` is a person's own word, the other types are the word of who lets them in.
const WHO_SAYS_HOW: Rules = &[
    &[Who::Is("user_id"), Who::Equals("enrollment_type", "self")],
    &[Who::Hears(ScopeKind::Results, "course_id"), Who::Equals("enrollment_type", "assigned")],
    &[Who::Hears(ScopeKind::Results, "course_id"), Who::Equals("enrollment_type", "bulk")],
    &[Who::Has(Role::Admin), Who::Equals("enrollment_type", "assigned")],
    &[Who::Has(Role::Admin), Who::Equals("enrollment_type", "bulk")],
];

/// One person's place in one course.
pub static ENROLLMENTS: Entity = Entity {
    name: "enrollments",
    code: 28,
    columns: &[
        key("user_id").references("users", OnDelete::Restrict, &[]),
        key("course_id").references("courses", OnDelete::Restrict, &[]),
        // The user's full name, for those who do not hear the user.
        column("display_name", Kind::Text, Merge::Server).length_max(255),
        column("enrolled_by", Kind::Uuid, Merge::LatestQuiet)
            .references("users", OnDelete::Restrict, &[])
            .optional()
            .group("enrolling")
            .names_author()
            .by(WHO_SAYS_HOW),
        column("enrollment_type", Kind::Choice(&["self", "assigned", "bulk"]), Merge::LatestQuiet)
            .group("enrolling")
            .default("\"self\"")
            .default_by_others("user_id", "\"assigned\"")
            .by(WHO_SAYS_HOW),
        column("status", Kind::Choice(&["enrolled", "in_progress", "completed", "dropped"]), Merge::Latest)
            .group("status")
            .default("\"enrolled\""),
        column("started_at", Kind::Timestamp, Merge::Latest).optional().group("status"),
        column("completed_at", Kind::Timestamp, Merge::Latest).optional().group("status").by(WHO_COMPLETES),
        column("due_at", Kind::Timestamp, Merge::Latest).optional().by(WHO_ENROLS),
    ],
    id: IdRule::Derived(&["user_id", "course_id"]),
    scopes: &[lives_in(ScopeKind::Learner, "user_id"), lives_in(ScopeKind::Results, "course_id")],
    write: &[
        &[Who::Hears(ScopeKind::Results, "course_id")],
        &[Who::Has(Role::Admin)],
        // Whoever is in goes on; whoever is not may only let themselves in, and the server asks whether the course is open.
        // Whoever was dropped does not come back alone.
        // Nobody says of themselves that they are through.
        &[Who::Is("user_id"), Who::Hears(ScopeKind::Course, "course_id"), Who::Equals("status", "enrolled")],
        &[Who::Is("user_id"), Who::Hears(ScopeKind::Course, "course_id"), Who::Equals("status", "in_progress")],
        &[Who::Is("user_id"), Who::Hears(ScopeKind::Course, "course_id"), Who::Equals("status", "dropped")],
        &[Who::Is("user_id"), Who::Equals("enrollment_type", "self"), Who::Equals("status", "enrolled")],
    ],
    delete: &[],
    access: &[AccessRule::User("user_id")],
    record: record(Section::Courses, Label::All(&["user_id", "course_id"])).search(&["display_name"]).part_of("course_id"),
};

/// One learner's way through one topic.
pub static TOPIC_PROGRESS: Entity = Entity {
    name: "topic_progress",
    code: 30,
    columns: &[
        key("user_id").references("users", OnDelete::Restrict, &[]),
        key("topic_id").references("topics", OnDelete::Restrict, &["course_id"]),
        carried("course_id").references("courses", OnDelete::Keep, &[]),
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
    record: record(Section::Courses, Label::All(&["user_id", "topic_id"])).part_of("topic_id"),
};

/// One learner's way through one content item, and where they stopped.
pub static CONTENT_PROGRESS: Entity = Entity {
    name: "content_progress",
    code: 31,
    columns: &[
        key("user_id").references("users", OnDelete::Restrict, &[]),
        key("content_item_id").references("content_items", OnDelete::Restrict, &["course_id"]),
        carried("course_id").references("courses", OnDelete::Keep, &[]),
        column("reset_number", Kind::Whole, Merge::Reset),
        column("completed", Kind::Truth, Merge::Furthest),
        column("percent", Kind::Whole, Merge::Furthest),
        column("page", Kind::Whole, Merge::LatestQuiet).optional().group("position"),
        column("second", Kind::Whole, Merge::LatestQuiet).optional().group("position"),
        column("seconds_watched", Kind::Whole, Merge::Furthest),
        column("completed_at", Kind::Timestamp, Merge::Earliest).optional(),
        column("time_spent_seconds", Kind::Whole, Merge::Sum),
    ],
    id: IdRule::Derived(&["user_id", "content_item_id"]),
    scopes: &[lives_in(ScopeKind::Learner, "user_id"), lives_in(ScopeKind::Results, "course_id")],
    write: &[&[Who::Is("user_id"), Who::Hears(ScopeKind::Course, "course_id")]],
    delete: &[],
    access: &[],
    record: record(Section::Courses, Label::All(&["user_id", "content_item_id"])).part_of("content_item_id"),
};
