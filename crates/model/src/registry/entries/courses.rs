//! Courses and their tree: course, module, topic.

use super::super::*;
use crate::access::{Role, Rules, Who};

/// The instructor of the course, and the administrators.
pub(super) const COURSE_STAFF: Rules = &[&[Who::Subscribes(ScopeKind::CourseStaff, "course_id")]];

/// A part of a course: in the course's scope once the course is published, in its staff's scope before that.
pub(super) const OF_COURSE: &[ScopeRule] = &[
    in_scope(ScopeKind::Course, "course_id").when(When::True("published")),
    in_scope(ScopeKind::CourseStaff, "course_id").when(When::False("published")),
];

/// A part of a course, or a row without a course: all staff of the organization subscribe to the latter.
pub(super) const OF_COURSE_OR_STAFF: &[ScopeRule] = &[
    in_scope(ScopeKind::Course, "course_id").when(When::True("published")),
    in_scope(ScopeKind::CourseStaff, "course_id").when(When::False("published")),
    in_scope(ScopeKind::OrgStaff, "organization_id").when(When::Null("course_id")),
];

/// The instructor of the course and the administrators; for a row without a course, all staff of the organization.
pub(super) const COURSE_STAFF_OR_STAFF: Rules =
    &[&[Who::Subscribes(ScopeKind::CourseStaff, "course_id")], &[Who::Staff, Who::Empty("course_id")]];

/// The public description of a course. Its contents are in other tables and in smaller scopes.
pub static COURSES: Entity = Entity {
    name: "courses",
    code: 18,
    columns: &[
        column("title", Kind::Text, Merge::Latest).length_max(255),
        // When empty, the server derives it from the title.
        column("slug", Kind::Text, Merge::Ask).optional().length_max(255),
        column("course_code", Kind::Text, Merge::Ask).optional().length_max(100),
        column("description", Kind::Text, Merge::Latest),
        column("status", Kind::Choice(&["draft", "published", "archived"]), Merge::Ask).default("\"draft\""),
        // Published and not deleted. The server copies it to every row that belongs to the course.
        column("published", Kind::Bool, Merge::Server),
        column("published_at", Kind::Timestamp, Merge::Server).optional(),
        // BCP 47, such as `az`.
        column("language", Kind::Text, Merge::Latest).length_max(20).default("\"en\""),
        column("level", Kind::Choice(&["beginner", "intermediate", "advanced"]), Merge::Latest).optional(),
        column("instructor_id", Kind::Uuid, Merge::Ask).references("users", OnDelete::Restrict, &[]).optional(),
        column("station_id", Kind::Uuid, Merge::Latest).references("stations", OnDelete::SetNull, &[]).optional(),
        column("department_id", Kind::Uuid, Merge::Latest).references("departments", OnDelete::SetNull, &[]).optional(),
        column("thumbnail_url", Kind::Text, Merge::Latest).optional().length_max(2_000),
        column("estimated_seconds", Kind::Int, Merge::Latest).optional().at_least(0),
        column("price_minor", Kind::Int, Merge::Ask).group("price").wide().at_least(0),
        column("currency", Kind::Text, Merge::Ask).group("price").length_max(3).default("\"EUR\"").format(Format::Currency),
        column("enrollments_max", Kind::Int, Merge::Latest).optional().at_least(1),
        column("is_certified", Kind::Bool, Merge::Latest),
        column("certificate_template_id", Kind::Uuid, Merge::Latest).references("certificate_templates", OnDelete::SetNull, &[]).optional(),
        // Everybody in the organization may enroll themselves if it is free of charge.
        column("is_public", Kind::Bool, Merge::Latest),
        // A list of words.
        column("tags", Kind::Json, Merge::Latest).default("[]").format(Format::List),
        column("metadata", Kind::Json, Merge::Latest),
        column("deleted_at", Kind::Timestamp, Merge::Ask).optional(),
    ],
    id: IdRule::Generated,
    scopes: &[
        in_scope(ScopeKind::Org, "organization_id").when(When::True("published")),
        in_scope(ScopeKind::OrgStaff, "organization_id").when(When::False("published")),
    ],
    // Nobody subscribes to a new course yet, so its creator has to be its instructor or an administrator.
    write: &[&[Who::Subscribes(ScopeKind::CourseStaff, "id")], &[Who::Staff, Who::Is("instructor_id")], &[Who::Has(Role::Admin)]],
    delete: &[&[Who::Has(Role::Admin)]],
    // Learners subscribe to a course only while it is published.
    access: &[
        AccessRule::User("instructor_id"),
        AccessRule::Administrators,
        AccessRule::Through { table: "enrollments", link: "course_id", when: "published" },
    ],
    constraints: constraints().unique(&[unique(&["slug"]), unique(&["course_code"])]),
    record: record(Section::Courses, Label::First(&["title"])).search(&["course_code", "slug", "description"]),
};

/// A learning outcome, a requirement or a target audience of a course.
pub static COURSE_FACTS: Entity = Entity {
    name: "course_facts",
    code: 19,
    columns: &[
        key("course_id").references("courses", OnDelete::Cascade, &["published"]),
        column("kind", Kind::Choice(&["learning_outcome", "requirement", "target_audience"]), Merge::Key),
        column("position", Kind::Int, Merge::LatestQuiet),
        column("text", Kind::Text, Merge::Latest).length_max(2_000),
        column("published", Kind::Bool, Merge::Server),
    ],
    id: IdRule::Generated,
    scopes: OF_COURSE,
    write: COURSE_STAFF,
    delete: COURSE_STAFF,
    access: &[],
    constraints: constraints(),
    record: record(Section::Courses, Label::First(&["text"])).part_of("course_id"),
};

/// A part of a course.
pub static MODULES: Entity = Entity {
    name: "modules",
    code: 20,
    columns: &[
        key("course_id").references("courses", OnDelete::Cascade, &["published"]),
        // Not unique, because two people may move modules at once. Order by position and then by id.
        column("position", Kind::Int, Merge::LatestQuiet),
        column("title", Kind::Text, Merge::Latest).length_max(255),
        column("description", Kind::Text, Merge::Latest),
        column("estimated_seconds", Kind::Int, Merge::Latest).optional().at_least(0),
        // Counts for completing the course.
        column("is_required", Kind::Bool, Merge::Latest).default("true"),
        column("unlock_condition", Kind::Json, Merge::Latest).optional(),
        column("published", Kind::Bool, Merge::Server),
    ],
    id: IdRule::Generated,
    scopes: OF_COURSE,
    write: COURSE_STAFF,
    delete: COURSE_STAFF,
    access: &[],
    constraints: constraints(),
    record: record(Section::Courses, Label::First(&["title"])).search(&["description"]).part_of("course_id"),
};

/// A part of a module that is learned in one session.
pub static TOPICS: Entity = Entity {
    name: "topics",
    code: 21,
    columns: &[
        // A topic may move to another module of its course.
        column("module_id", Kind::Uuid, Merge::Latest).references("modules", OnDelete::Cascade, &["course_id"]),
        key("course_id").references("courses", OnDelete::Cascade, &["published"]),
        column("position", Kind::Int, Merge::LatestQuiet),
        column("title", Kind::Text, Merge::Latest).length_max(255),
        column("description", Kind::Text, Merge::Latest),
        column("estimated_seconds", Kind::Int, Merge::Latest).optional().at_least(0),
        // Locked until the topic before it is done.
        column("requires_previous", Kind::Bool, Merge::Latest).default("true"),
        column("is_free", Kind::Bool, Merge::Latest),
        column("published", Kind::Bool, Merge::Server),
    ],
    id: IdRule::Generated,
    scopes: OF_COURSE,
    write: COURSE_STAFF,
    delete: COURSE_STAFF,
    access: &[],
    constraints: constraints(),
    record: record(Section::Courses, Label::First(&["title"])).search(&["description"]).part_of("module_id"),
};
