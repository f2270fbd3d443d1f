//! Certificates and badges.

use super::super::*;
use crate::access::{Role, Rules, Who};

/// The instructor of the course, and the administrators.
const AWARDERS: Rules = &[&[Who::Subscribes(ScopeKind::Results, "course_id")], &[Who::Has(Role::Admin)]];

/// The layout of certificates.
pub static CERTIFICATE_TEMPLATES: Entity = Entity {
    name: "certificate_templates",
    code: 55,
    columns: &[
        column("name", Kind::Text, Merge::Latest).length_max(255),
        column("template_html", Kind::Text, Merge::Latest).length_max(100_000).required().format(Format::NotEmpty),
        column("template_css", Kind::Text, Merge::Latest).optional().length_max(100_000),
        // Which fields of a certificate the layout shows, and how.
        column("fields", Kind::Json, Merge::Latest),
        // The one that a course without a template of its own uses.
        column("is_default", Kind::Bool, Merge::Ask),
    ],
    id: IdRule::Generated,
    scopes: &[in_scope(ScopeKind::Org, "organization_id")],
    write: &[&[Who::Has(Role::Admin)]],
    delete: &[&[Who::Has(Role::Admin)]],
    access: &[],
    constraints: constraints().unique(&[unique(&["is_default"]).when(When::True("is_default"))]),
    record: record(Section::Courses, Label::First(&["name"])),
};

/// A certificate of one person for one course. The server numbers it.
pub static CERTIFICATES: Entity = Entity {
    name: "certificates",
    code: 56,
    columns: &[
        key("user_id").references("users", OnDelete::Restrict, &[]),
        key("course_id").references("courses", OnDelete::Restrict, &[]),
        key("certificate_template_id").references("certificate_templates", OnDelete::Restrict, &[]).optional(),
        // Empty on a laptop until the server has given it.
        column("certificate_number", Kind::Text, Merge::Server).optional().length_max(100),
        // The person's name when it was issued.
        column("holder_name", Kind::Text, Merge::Server).length_max(255),
        column("pdf_media_asset_id", Kind::Uuid, Merge::Latest).references("media_assets", OnDelete::Restrict, &[]).optional(),
        column("issued_at", Kind::Timestamp, Merge::Key),
        column("expires_at", Kind::Timestamp, Merge::Ask).optional(),
        // From then on it is invalid.
        column("revoked_at", Kind::Timestamp, Merge::Ask).optional().group("revocation"),
        column("revoked_reason", Kind::Text, Merge::Ask).optional().group("revocation").length_max(2_000),
    ],
    id: IdRule::Generated,
    scopes: &[
        in_scope(ScopeKind::Learner, "user_id"),
        in_scope(ScopeKind::Results, "course_id"),
        in_scope(ScopeKind::People, "organization_id"),
    ],
    write: AWARDERS,
    delete: &[],
    access: &[],
    constraints: constraints().unique(&[unique(&["certificate_number"]).everywhere()]).checks(&[
        check("expires_at", "expires_at", &[Rule::After("expires_at", "issued_at")]),
        check("revoked_reason", "revoked_reason", &[Rule::Needs("revoked_reason", "revoked_at")]),
    ]),
    record: record(Section::Courses, Label::All(&["certificate_number", "holder_name"]))
        .search(&["revoked_reason"])
        .part_of("user_id")
        .earns("user_id"),
};

/// A badge that people earn.
pub static BADGES: Entity = Entity {
    name: "badges",
    code: 57,
    columns: &[
        column("name", Kind::Text, Merge::Latest).length_max(255),
        column("description", Kind::Text, Merge::Latest).optional().length_max(5_000),
        column("image_url", Kind::Text, Merge::Latest).length_max(2_000).required().format(Format::NotEmpty),
        // Conditions for earning it.
        column("criteria", Kind::Json, Merge::Latest),
    ],
    id: IdRule::Generated,
    scopes: &[in_scope(ScopeKind::Org, "organization_id")],
    write: &[&[Who::Has(Role::Admin)]],
    delete: &[&[Who::Has(Role::Admin)]],
    access: &[],
    constraints: constraints(),
    record: record(Section::Courses, Label::First(&["name"])).search(&["description"]),
};

/// A badge that one person has earned, in a course or outside every course.
pub static USER_BADGES: Entity = Entity {
    name: "user_badges",
    code: 58,
    columns: &[
        key("user_id").references("users", OnDelete::Restrict, &[]),
        key("badge_id").references("badges", OnDelete::Restrict, &[]),
        key("course_id").references("courses", OnDelete::Restrict, &[]).optional(),
        column("earned_at", Kind::Timestamp, Merge::LatestQuiet).group("award"),
        // Empty: the criteria were met.
        column("awarded_by", Kind::Uuid, Merge::LatestQuiet)
            .references("users", OnDelete::Restrict, &[])
            .optional()
            .group("award")
            .names_author(),
    ],
    id: IdRule::Derived(&["user_id", "badge_id", "course_id"]),
    scopes: &[
        in_scope(ScopeKind::Learner, "user_id"),
        in_scope(ScopeKind::Results, "course_id"),
        in_scope(ScopeKind::People, "organization_id"),
    ],
    write: AWARDERS,
    delete: AWARDERS,
    access: &[],
    constraints: constraints(),
    record: record(Section::Courses, Label::All(&["user_id", "badge_id"])).part_of("user_id"),
};
