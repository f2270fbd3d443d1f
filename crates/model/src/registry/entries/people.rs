//! Profiles of one person, and guardian links.

use super::super::*;
use crate::access::{Role, Who};

/// What a person enters about themselves, and their notification settings.
pub static USER_PROFILES: Entity = Entity {
    name: "user_profiles",
    code: 4,
    columns: &[
        key("user_id").references("users", OnDelete::Cascade, &[]),
        column("avatar_url", Kind::Text, Merge::Latest).optional().length_max(2_000),
        column("phone", Kind::Text, Merge::Latest).optional().length_max(30),
        column("company", Kind::Text, Merge::Latest).optional().length_max(100),
        column("position", Kind::Text, Merge::Latest).optional().length_max(100),
        column("location", Kind::Text, Merge::Latest).optional().length_max(100),
        column("website", Kind::Text, Merge::Latest).optional().length_max(255),
        column("bio", Kind::Text, Merge::Latest).optional().length_max(5_000),
        // BCP 47, such as `az`.
        column("language", Kind::Text, Merge::Latest).optional().length_max(20),
        column("notify_by_email", Kind::Bool, Merge::Latest).default("true"),
        column("notify_about_courses", Kind::Bool, Merge::Latest).default("true"),
        column("notify_about_results", Kind::Bool, Merge::Latest).default("true"),
        column("notify_about_deadlines", Kind::Bool, Merge::Latest).default("true"),
    ],
    id: IdRule::Derived(&["user_id"]),
    scopes: &[in_scope(ScopeKind::User, "user_id"), in_scope(ScopeKind::People, "organization_id")],
    write: &[&[Who::Is("user_id")], &[Who::Has(Role::Admin)]],
    delete: &[],
    access: &[],
    constraints: constraints(),
    record: record(Section::People, Label::All(&["user_id"])).part_of("user_id"),
};

/// The school's record of a student.
pub static STUDENT_PROFILES: Entity = Entity {
    name: "student_profiles",
    code: 5,
    columns: &[
        key("user_id").references("users", OnDelete::Cascade, &[]),
        // The year or class, such as `10` or `5A`.
        column("grade", Kind::Text, Merge::Latest).optional().length_max(50),
        column("balance_minor", Kind::Int, Merge::Ask).group("balance").wide(),
        column("currency", Kind::Text, Merge::Ask).group("balance").length_max(3).default("\"EUR\"").format(Format::Currency),
        column("deleted_at", Kind::Timestamp, Merge::Ask).optional(),
    ],
    id: IdRule::Derived(&["user_id"]),
    scopes: &[
        in_scope(ScopeKind::User, "user_id"),
        in_scope(ScopeKind::People, "organization_id"),
        in_scope(ScopeKind::Learner, "user_id"),
    ],
    write: &[&[Who::Has(Role::Admin)]],
    delete: &[],
    access: &[],
    constraints: constraints(),
    record: record(Section::People, Label::All(&["user_id", "grade"])).part_of("user_id"),
};

/// Notes by the staff about a student. Unlike the profile, they are not in a scope of the student or the parents.
pub static STUDENT_NOTES: Entity = Entity {
    name: "student_notes",
    code: 35,
    columns: &[
        key("user_id").references("users", OnDelete::Cascade, &[]),
        column("notes", Kind::Text, Merge::Latest).optional().length_max(5_000),
    ],
    id: IdRule::Derived(&["user_id"]),
    scopes: &[in_scope(ScopeKind::People, "organization_id")],
    write: &[&[Who::Has(Role::Admin)]],
    delete: &[&[Who::Has(Role::Admin)]],
    access: &[],
    constraints: constraints(),
    record: record(Section::People, Label::All(&["user_id"])).search(&["notes"]).part_of("user_id"),
};

/// Marks an account as a parent.
pub static PARENT_PROFILES: Entity = Entity {
    name: "parent_profiles",
    code: 6,
    columns: &[key("user_id").references("users", OnDelete::Cascade, &[]), column("deleted_at", Kind::Timestamp, Merge::Ask).optional()],
    id: IdRule::Derived(&["user_id"]),
    scopes: &[in_scope(ScopeKind::User, "user_id"), in_scope(ScopeKind::People, "organization_id")],
    write: &[&[Who::Has(Role::Admin)]],
    delete: &[],
    access: &[],
    constraints: constraints(),
    record: record(Section::People, Label::All(&["user_id"])).part_of("user_id"),
};

/// What a teacher or an instructor enters about their work.
pub static TEACHER_PROFILES: Entity = Entity {
    name: "teacher_profiles",
    code: 7,
    columns: &[
        key("user_id").references("users", OnDelete::Cascade, &[]),
        column("display_title", Kind::Text, Merge::Latest).optional().length_max(100),
        // A list of words.
        column("expertise", Kind::Json, Merge::Latest).default("[]").format(Format::List),
    ],
    id: IdRule::Derived(&["user_id"]),
    scopes: &[in_scope(ScopeKind::User, "user_id"), in_scope(ScopeKind::People, "organization_id")],
    write: &[&[Who::Staff, Who::Is("user_id")], &[Who::Has(Role::Admin)]],
    delete: &[],
    access: &[],
    constraints: constraints(),
    record: record(Section::People, Label::All(&["user_id"])).search(&["display_title"]).part_of("user_id"),
};

/// Links a parent to a child. A parent subscribes to the child's `learner` scope.
pub static GUARDIAN_LINKS: Entity = Entity {
    name: "guardian_links",
    code: 8,
    columns: &[
        key("parent_id").references("users", OnDelete::Cascade, &[]),
        key("student_id").references("users", OnDelete::Cascade, &[]),
        column("relation", Kind::Text, Merge::Latest).optional().length_max(50),
    ],
    id: IdRule::Derived(&["parent_id", "student_id"]),
    scopes: &[in_scope(ScopeKind::People, "organization_id"), in_scope(ScopeKind::User, "parent_id")],
    write: &[&[Who::Has(Role::Admin)]],
    delete: &[&[Who::Has(Role::Admin)]],
    access: &[AccessRule::User("parent_id")],
    constraints: constraints().checks(&[check("student_id", "student_id", &[Rule::Differ("student_id", "parent_id")])]),
    record: record(Section::People, Label::All(&["parent_id", "student_id"])).search(&["relation"]).part_of("parent_id"),
};
