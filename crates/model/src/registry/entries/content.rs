//! What a topic consists of: files, texts and links.

use super::super::*;
use super::courses::{COURSE_STAFF, COURSE_STAFF_OR_STAFF, OF_COURSE, OF_COURSE_OR_STAFF};

/// One file in the object store, identified by its object key. Its URL is generated for each request.
pub static MEDIA_ASSETS: Entity = Entity {
    name: "media_assets",
    code: 22,
    columns: &[
        // Empty for a file of a test outside every course.
        key("course_id").references("courses", OnDelete::Cascade, &["published"]).optional(),
        column("title", Kind::Text, Merge::Latest).length_max(255),
        column("description", Kind::Text, Merge::Latest).optional().length_max(5_000),
        // Only the server sets it: a laptop could name a file of another organization.
        column("object_key", Kind::Text, Merge::Server).optional().length_max(500),
        // 64 lower-case hex digits.
        column("sha256", Kind::Text, Merge::Once).optional().length_max(64).format(Format::Sha256),
        column("size_bytes", Kind::Int, Merge::Once).optional().wide().at_least(0),
        column("media_type", Kind::Text, Merge::Once).optional().length_max(100),
        column("duration_seconds", Kind::Int, Merge::Once).optional().at_least(0),
        column("pages", Kind::Int, Merge::Once).optional().at_least(0),
        // A video at another service.
        column("provider", Kind::Text, Merge::Once).optional().length_max(50),
        column("provider_id", Kind::Text, Merge::Once).optional().length_max(255),
        column("status", Kind::Choice(&["processing", "ready", "failed"]), Merge::Server).default("\"processing\""),
        column("published", Kind::Bool, Merge::Server),
    ],
    id: IdRule::Generated,
    scopes: OF_COURSE_OR_STAFF,
    write: COURSE_STAFF_OR_STAFF,
    delete: COURSE_STAFF_OR_STAFF,
    access: &[],
    constraints: constraints(),
    record: record(Section::Courses, Label::First(&["title", "sha256"])).search(&["description"]).part_of("course_id"),
};

/// One thing to read, watch or open. It belongs to a module and optionally to a topic.
pub static CONTENT_ITEMS: Entity = Entity {
    name: "content_items",
    code: 23,
    columns: &[
        // Follows its topic to another module.
        carried("module_id").references("modules", OnDelete::Cascade, &["course_id"]),
        key("topic_id").references("topics", OnDelete::Cascade, &["module_id"]).optional(),
        key("course_id").references("courses", OnDelete::Cascade, &["published"]),
        column("media_asset_id", Kind::Uuid, Merge::Latest).references("media_assets", OnDelete::Restrict, &["course_id"]).optional(),
        column("kind", Kind::Choice(&["video", "document", "text", "link", "quiz"]), Merge::Latest),
        column("role", Kind::Choice(&["main_pdf", "additional_video", "additional_document"]), Merge::Latest).optional(),
        column("position", Kind::Int, Merge::LatestQuiet),
        column("title", Kind::Text, Merge::Latest).length_max(255),
        column("description", Kind::Text, Merge::Latest).optional().length_max(5_000),
        // By kind: {"text"}, {"url"}, {"assessment_id"}. Other keys are not interpreted.
        column("body", Kind::Json, Merge::Latest).length_max(200_000),
        // Counts for completing the module.
        column("is_required", Kind::Bool, Merge::Latest).default("true"),
        column("published", Kind::Bool, Merge::Server),
    ],
    id: IdRule::Generated,
    scopes: OF_COURSE,
    write: COURSE_STAFF,
    delete: COURSE_STAFF,
    access: &[],
    constraints: constraints(),
    record: record(Section::Courses, Label::First(&["title", "kind"])).search(&["description"]).part_of("topic_id"),
};
