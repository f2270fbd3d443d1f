//! Announcements and messages.

use super::super::*;
use crate::access::{Role, Rules, Who};

/// The staff of the course; for other announcements the administrators.
const ANNOUNCERS: Rules = &[&[Who::Subscribes(ScopeKind::CourseStaff, "course_id")], &[Who::Has(Role::Admin)]];

/// Nobody writes in somebody else's name.
const THE_SENDER: Rules = &[&[Who::Is("sender_id")]];

const THE_RECIPIENT: Rules = &[&[Who::Is("recipient_id")]];

/// News for everybody, for the people of one course, or about one department. Without a time of publication it is a draft.
pub static ANNOUNCEMENTS: Entity = Entity {
    name: "announcements",
    code: 48,
    columns: &[
        key("course_id").references("courses", OnDelete::Cascade, &["published"]).optional(),
        key("department_id").references("departments", OnDelete::Cascade, &[]).optional(),
        column("title", Kind::Text, Merge::Latest).length_max(255),
        column("content", Kind::Text, Merge::Latest).required().format(Format::NotEmpty),
        column("priority", Kind::Choice(&["low", "normal", "high", "urgent"]), Merge::Latest).default("\"normal\""),
        column("is_pinned", Kind::Bool, Merge::Latest),
        // Laptops receive it before this time and show it from then on, with or without a network.
        column("published_at", Kind::Timestamp, Merge::Latest).optional().group("period"),
        column("expires_at", Kind::Timestamp, Merge::Latest).optional().group("period"),
        key("created_by").references("users", OnDelete::Restrict, &[]).optional().names_author(),
        // Who may read it now. Follows from the course and the time of publication.
        column("audience", Kind::Choice(&["organization", "administrators", "course", "course_staff"]), Merge::Server)
            .default("\"administrators\""),
        column("published", Kind::Bool, Merge::Server),
    ],
    id: IdRule::Generated,
    scopes: &[
        in_scope(ScopeKind::Org, "organization_id").when(When::Equals("audience", "organization")),
        in_scope(ScopeKind::People, "organization_id").when(When::Equals("audience", "administrators")),
        in_scope(ScopeKind::Course, "course_id").when(When::Equals("audience", "course")),
        in_scope(ScopeKind::CourseStaff, "course_id").when(When::Equals("audience", "course_staff")),
    ],
    write: ANNOUNCERS,
    delete: ANNOUNCERS,
    access: &[],
    constraints: constraints().checks(&[
        check("department_id", "department_id", &[Rule::AtMostOne(&["course_id", "department_id"])]),
        check("expires_at", "expires_at", &[Rule::After("expires_at", "published_at")]),
    ]),
    record: record(Section::Messages, Label::First(&["title"])).search(&["content"]),
};

/// A message to one person, or to everybody in a course. What was sent never changes.
pub static MESSAGES: Entity = Entity {
    name: "messages",
    code: 49,
    columns: &[
        key("sender_id").references("users", OnDelete::Restrict, &[]).by(THE_SENDER),
        key("recipient_id").references("users", OnDelete::Restrict, &[]).optional(),
        key("course_id").references("courses", OnDelete::Cascade, &["published"]).optional(),
        // The message that this one answers.
        key("parent_message_id").references("messages", OnDelete::Restrict, &[]).optional(),
        column("subject", Kind::Text, Merge::Key).optional().length_max(255),
        column("content", Kind::Text, Merge::Key).required().format(Format::NotEmpty),
        column("read_at", Kind::Timestamp, Merge::Once).optional().by(THE_RECIPIENT),
        column("is_archived", Kind::Bool, Merge::LatestQuiet).by(THE_RECIPIENT),
        // The names when it was sent, for readers who do not subscribe to the users.
        column("sender_name", Kind::Text, Merge::Server).length_max(255),
        column("recipient_name", Kind::Text, Merge::Server).optional().length_max(255),
        // Who may read it, beside the sender and the recipient.
        column("audience", Kind::Choice(&["person", "course", "course_staff"]), Merge::Server).default("\"person\""),
        column("published", Kind::Bool, Merge::Server),
    ],
    id: IdRule::Generated,
    scopes: &[
        in_scope(ScopeKind::User, "sender_id"),
        in_scope(ScopeKind::User, "recipient_id"),
        in_scope(ScopeKind::Course, "course_id").when(When::Equals("audience", "course")),
        in_scope(ScopeKind::CourseStaff, "course_id").when(When::Equals("audience", "course_staff")),
    ],
    write: &[
        &[Who::Is("sender_id"), Who::Empty("course_id")],
        &[Who::Is("sender_id"), Who::Subscribes(ScopeKind::Course, "course_id")],
        &[Who::Is("recipient_id")],
    ],
    delete: &[],
    access: &[],
    constraints: constraints().checks(&[
        check("read_at", "read_at", &[Rule::Needs("read_at", "recipient_id")]),
        check("recipient_id", "recipient_id", &[Rule::SomeSet(&["recipient_id", "course_id"])]),
    ]),
    record: record(Section::Messages, Label::First(&["subject", "content"]))
        .search(&["content", "sender_name", "recipient_name"])
        .never_offered("administrators read every offer, and may not read messages"),
};
