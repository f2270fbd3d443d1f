//! Training sessions at a certain time, and who comes to them.

use super::super::*;
use crate::access::{Role, Rules, Who};

/// The staff of the course; without a course, the session's own instructor; the administrators.
const SESSION_STAFF: Rules = &[
    &[Who::Subscribes(ScopeKind::CourseStaff, "course_id")],
    &[Who::Staff, Who::Is("instructor_id"), Who::Empty("course_id")],
    &[Who::Has(Role::Admin)],
];

/// A lesson, webinar, workshop or meeting at a certain time.
pub static TRAINING_SESSIONS: Entity = Entity {
    name: "training_sessions",
    code: 50,
    columns: &[
        key("course_id").references("courses", OnDelete::Cascade, &["published"]).optional(),
        column("title", Kind::Text, Merge::Latest).length_max(255),
        column("description", Kind::Text, Merge::Latest),
        column("instructor_id", Kind::Uuid, Merge::Ask).references("users", OnDelete::Restrict, &[]),
        column("department_id", Kind::Uuid, Merge::Latest).references("departments", OnDelete::SetNull, &[]).optional(),
        column("session_type", Kind::Choice(&["live", "webinar", "workshop", "meeting"]), Merge::Latest).default("\"live\""),
        column("starts_at", Kind::Timestamp, Merge::Latest).group("time"),
        column("ends_at", Kind::Timestamp, Merge::Latest).group("time"),
        column("location", Kind::Text, Merge::Latest).optional().length_max(255),
        column("meeting_url", Kind::Text, Merge::Latest).optional().length_max(2_000),
        column("participants_max", Kind::Int, Merge::Latest).optional().at_least(1),
        column("status", Kind::Choice(&["scheduled", "ongoing", "completed", "cancelled"]), Merge::Latest).default("\"scheduled\""),
        column("published", Kind::Bool, Merge::Server),
    ],
    id: IdRule::Generated,
    scopes: &[
        in_scope(ScopeKind::Course, "course_id").when(When::True("published")),
        in_scope(ScopeKind::CourseStaff, "course_id").when(When::False("published")),
        in_scope(ScopeKind::Org, "organization_id").when(When::Null("course_id")),
        in_scope(ScopeKind::User, "instructor_id"),
    ],
    write: SESSION_STAFF,
    delete: SESSION_STAFF,
    access: &[],
    constraints: constraints().checks(&[check("ends_at", "ends_at", &[Rule::After("ends_at", "starts_at")])]),
    record: record(Section::Courses, Label::All(&["title", "starts_at"])).search(&["description", "location"]),
};

/// One person's registration for a training session, and whether they came.
pub static SESSION_ATTENDANCES: Entity = Entity {
    name: "session_attendances",
    code: 51,
    columns: &[
        key("training_session_id").references("training_sessions", OnDelete::Restrict, &["instructor_id"]),
        key("user_id").references("users", OnDelete::Restrict, &[]),
        // The session's instructor: decides who may mark this row.
        carried("instructor_id").references("users", OnDelete::Keep, &[]),
        // The user's full name, for readers who do not subscribe to the user.
        column("display_name", Kind::Text, Merge::Server).length_max(255),
        column("status", Kind::Choice(&["registered", "attended", "absent", "excused"]), Merge::Latest).default("\"registered\""),
        column("checked_in_at", Kind::Timestamp, Merge::Latest).optional().group("stay"),
        column("checked_out_at", Kind::Timestamp, Merge::Latest).optional().group("stay"),
        column("notes", Kind::Text, Merge::Latest).optional().length_max(2_000),
    ],
    id: IdRule::Derived(&["training_session_id", "user_id"]),
    scopes: &[
        in_scope(ScopeKind::Learner, "user_id"),
        in_scope(ScopeKind::User, "instructor_id"),
        in_scope(ScopeKind::People, "organization_id"),
    ],
    write: &[
        &[Who::Is("instructor_id")],
        &[Who::Has(Role::Admin)],
        // Everybody registers themselves, and changes nothing more once the instructor has marked them.
        &[Who::Is("user_id"), Who::Equals("status", "registered")],
    ],
    delete: &[&[Who::Is("instructor_id")], &[Who::Has(Role::Admin)]],
    access: &[],
    constraints: constraints().checks(&[check("checked_out_at", "checked_out_at", &[Rule::NotBefore("checked_out_at", "checked_in_at")])]),
    record: record(Section::Courses, Label::All(&["user_id", "training_session_id"]))
        .search(&["display_name", "notes"])
        .part_of("training_session_id"),
};
