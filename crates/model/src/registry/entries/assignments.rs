//! Work that learners hand in, and tests that they have to take.

use super::super::*;
use super::courses::{COURSE_STAFF, OF_COURSE};
use crate::access::{Role, Rules, Who};

/// Only the learner hands in: otherwise the staff could do it in a learner's name.
const THE_LEARNER: Rules = &[&[Who::Is("user_id")]];
const THE_INSTRUCTOR: Rules = &[&[Who::Subscribes(ScopeKind::Results, "course_id")]];

/// The group's teacher; for one learner, the member of the staff who assigns the test; the administrators.
const ASSIGNERS: Rules = &[
    &[Who::Subscribes(ScopeKind::Roster, "group_id")],
    &[Who::Staff, Who::Is("created_by"), Who::Empty("group_id")],
    &[Who::Has(Role::Admin)],
];

/// Work that learners hand in to their instructor.
pub static ASSIGNMENTS: Entity = Entity {
    name: "assignments",
    code: 52,
    columns: &[
        key("course_id").references("courses", OnDelete::Cascade, &["published"]),
        key("module_id").references("modules", OnDelete::Cascade, &["course_id"]).optional(),
        column("title", Kind::Text, Merge::Latest).length_max(255),
        column("description", Kind::Text, Merge::Latest),
        column("instructions", Kind::Text, Merge::Latest),
        column("due_at", Kind::Timestamp, Merge::Latest).optional(),
        column("score_max", Kind::Int, Merge::Ask).default("100").at_least(1),
        // Counts for completing the course.
        column("is_required", Kind::Bool, Merge::Latest).default("true"),
        key("created_by").references("users", OnDelete::Restrict, &[]).optional().names_author(),
        column("published", Kind::Bool, Merge::Server),
    ],
    id: IdRule::Generated,
    scopes: OF_COURSE,
    write: COURSE_STAFF,
    delete: COURSE_STAFF,
    access: &[],
    constraints: constraints(),
    record: record(Section::Courses, Label::First(&["title"])).search(&["description", "instructions"]).part_of("course_id"),
};

/// What one learner has handed in for one assignment, and the instructor's grade.
pub static ASSIGNMENT_SUBMISSIONS: Entity = Entity {
    name: "assignment_submissions",
    code: 53,
    columns: &[
        key("assignment_id").references("assignments", OnDelete::Restrict, &["course_id"]),
        key("user_id").references("users", OnDelete::Restrict, &[]),
        carried("course_id").references("courses", OnDelete::Keep, &[]),
        column("submission_text", Kind::Text, Merge::Latest).optional().length_max(100_000).by(THE_LEARNER),
        // A list of ids of media assets.
        column("media_asset_ids", Kind::Json, Merge::Latest).default("[]").by(THE_LEARNER).format(Format::List),
        column("submitted_at", Kind::Timestamp, Merge::LatestQuiet).by(THE_LEARNER),
        column("status", Kind::Choice(&["submitted", "graded", "returned"]), Merge::Ask).default("\"submitted\""),
        column("score_raw", Kind::Float, Merge::Ask).optional().group("grade").by(THE_INSTRUCTOR).at_least(0),
        column("graded_at", Kind::Timestamp, Merge::Ask).optional().group("grade").by(THE_INSTRUCTOR),
        column("graded_by", Kind::Uuid, Merge::Ask)
            .references("users", OnDelete::Restrict, &[])
            .optional()
            .group("grade")
            .names_author()
            .by(THE_INSTRUCTOR),
        column("feedback", Kind::Text, Merge::Ask).optional().by(THE_INSTRUCTOR),
    ],
    id: IdRule::Derived(&["assignment_id", "user_id"]),
    scopes: &[in_scope(ScopeKind::Learner, "user_id"), in_scope(ScopeKind::Results, "course_id")],
    write: &[
        &[Who::Subscribes(ScopeKind::Results, "course_id")],
        // A learner changes what they handed in until it is graded, and again once it is returned. The rule holds for the stored
        // row too.
        &[Who::Is("user_id"), Who::Subscribes(ScopeKind::Course, "course_id"), Who::Equals("status", "submitted")],
        &[Who::Is("user_id"), Who::Subscribes(ScopeKind::Course, "course_id"), Who::Equals("status", "returned")],
    ],
    delete: &[],
    access: &[],
    constraints: constraints(),
    record: record(Section::Courses, Label::All(&["user_id", "assignment_id"]))
        .search(&["submission_text", "feedback"])
        .part_of("assignment_id"),
};

/// A test that a group or a learner has to take, within a window of time.
pub static ASSESSMENT_ASSIGNMENTS: Entity = Entity {
    name: "assessment_assignments",
    code: 54,
    columns: &[
        key("assessment_id").references("assessments", OnDelete::Cascade, &[]),
        key("group_id").references("groups", OnDelete::Cascade, &[]).optional(),
        key("user_id").references("users", OnDelete::Cascade, &[]).optional(),
        column("available_from", Kind::Timestamp, Merge::Latest).optional().group("window"),
        column("available_to", Kind::Timestamp, Merge::Latest).optional().group("window"),
        key("created_by").references("users", OnDelete::Restrict, &[]).optional().names_author(),
    ],
    id: IdRule::Generated,
    scopes: &[
        in_scope(ScopeKind::Group, "group_id"),
        in_scope(ScopeKind::Roster, "group_id"),
        in_scope(ScopeKind::Learner, "user_id"),
        in_scope(ScopeKind::User, "created_by"),
        in_scope(ScopeKind::People, "organization_id").when(When::Null("group_id")),
    ],
    write: ASSIGNERS,
    delete: ASSIGNERS,
    access: &[],
    constraints: constraints().checks(&[
        check("available_to", "available_to", &[Rule::After("available_to", "available_from")]),
        check("group_id", "group_id", &[Rule::SomeSet(&["group_id", "user_id"])]),
    ]),
    record: record(Section::Tests, Label::All(&["assessment_id", "group_id", "user_id"])).part_of("assessment_id"),
};
