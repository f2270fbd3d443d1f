//! The order of courses: what a course asks for before it, and learning paths.

use super::super::*;
use super::courses::COURSE_STAFF;
use crate::access::{Role, Rules, Who};

/// As the card of a course: everybody's once the course is published, the staff's before that.
const OF_COURSE_CARD: &[ScopeRule] = &[
    in_scope(ScopeKind::Org, "organization_id").when(When::True("published")),
    in_scope(ScopeKind::OrgStaff, "organization_id").when(When::False("published")),
];

/// As the card of a course.
const OF_PATH: &[ScopeRule] = OF_COURSE_CARD;

const PATH_WRITERS: Rules = &[&[Who::Has(Role::Admin)], &[Who::Has(Role::Instructor)]];

/// A course that has to be completed before another one.
pub static COURSE_PREREQUISITES: Entity = Entity {
    name: "course_prerequisites",
    code: 41,
    columns: &[
        key("course_id").references("courses", OnDelete::Cascade, &["published"]),
        key("prerequisite_course_id").references("courses", OnDelete::Cascade, &[]),
        // Without it nobody may enroll; otherwise it is advice.
        column("is_mandatory", Kind::Bool, Merge::Latest).default("true"),
        column("published", Kind::Bool, Merge::Server),
    ],
    id: IdRule::Derived(&["course_id", "prerequisite_course_id"]),
    scopes: OF_COURSE_CARD,
    write: COURSE_STAFF,
    delete: COURSE_STAFF,
    access: &[],
    constraints: constraints().checks(&[check(
        "prerequisite_course_id",
        "prerequisite_course_id",
        &[Rule::Differ("prerequisite_course_id", "course_id")],
    )]),
    record: record(Section::Courses, Label::All(&["prerequisite_course_id"])).part_of("course_id"),
};

/// Courses and tests that are taken one after the other.
pub static LEARNING_PATHS: Entity = Entity {
    name: "learning_paths",
    code: 42,
    columns: &[
        column("title", Kind::Text, Merge::Latest).length_max(255),
        column("description", Kind::Text, Merge::Latest),
        column("thumbnail_url", Kind::Text, Merge::Latest).optional().length_max(2_000),
        key("author_id").references("users", OnDelete::Restrict, &[]).optional().names_author(),
        column("status", Kind::Choice(&["draft", "published", "archived"]), Merge::Ask).default("\"draft\""),
        // Follows from the status. The server copies it to the steps.
        column("published", Kind::Bool, Merge::Server),
    ],
    id: IdRule::Generated,
    scopes: OF_PATH,
    write: PATH_WRITERS,
    delete: PATH_WRITERS,
    access: &[],
    constraints: constraints(),
    record: record(Section::Courses, Label::First(&["title"])).search(&["description"]),
};

/// One step of a learning path: a course or a test.
pub static PATH_STEPS: Entity = Entity {
    name: "path_steps",
    code: 43,
    columns: &[
        key("learning_path_id").references("learning_paths", OnDelete::Cascade, &["published"]),
        column("position", Kind::Int, Merge::LatestQuiet),
        key("course_id").references("courses", OnDelete::Cascade, &[]).optional(),
        key("assessment_id").references("assessments", OnDelete::Cascade, &[]).optional(),
        column("published", Kind::Bool, Merge::Server),
    ],
    id: IdRule::Generated,
    scopes: OF_PATH,
    write: PATH_WRITERS,
    delete: PATH_WRITERS,
    access: &[],
    constraints: constraints().checks(&[check("course_id", "course_id", &[Rule::ExactlyOne(&["course_id", "assessment_id"])])]),
    record: record(Section::Courses, Label::All(&["course_id", "assessment_id"])).part_of("learning_path_id"),
};
