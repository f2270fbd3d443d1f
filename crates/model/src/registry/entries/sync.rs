//! What sync itself keeps for people.

use super::super::*;
use crate::access::{NOBODY, Role, Who};
use crate::limits::ROW_BYTES_MAX;

/// One person's database on one laptop. Made by the server alone, at a sign-in.
pub static DEVICES: Entity = Entity {
    name: "devices",
    code: 33,
    columns: &[
        key("user_id").references("users", OnDelete::Cascade, &[]).by(NOBODY),
        column("name", Kind::Text, Merge::Latest).length_max(100),
        column("platform", Kind::Text, Merge::Server).length_max(100),
        // From then on it is not let in any more.
        column("revoked_at", Kind::Timestamp, Merge::Server).optional(),
    ],
    id: IdRule::Made,
    scopes: &[lives_in(ScopeKind::People, "organization_id"), lives_in(ScopeKind::User, "user_id")],
    write: &[&[Who::Is("user_id")], &[Who::Has(Role::Admin)]],
    delete: &[],
    access: &[],
    record: record(Section::Organization, Label::First(&["name"])),
};

/// A value that lost against a later one, kept until somebody settles it. Made by the server alone.
pub static CONFLICTS: Entity = Entity {
    name: "conflicts",
    code: 34,
    columns: &[
        column("entity", Kind::Text, Merge::Server),
        column("row_id", Kind::Uuid, Merge::Server).references_row_of("entity"),
        // The tracked group, such as `mark`.
        column("field", Kind::Text, Merge::Server),
        column("lost_values", Kind::Json, Merge::Server),
        column("lost_by", Kind::Uuid, Merge::Server).references("users", OnDelete::Keep, &[]).optional(),
        column("lost_at", Kind::Timestamp, Merge::Server),
        column("kept_values", Kind::Json, Merge::Server),
        column("kept_by", Kind::Uuid, Merge::Server).references("users", OnDelete::Keep, &[]).optional(),
        column("kept_at", Kind::Timestamp, Merge::Server).optional(),
        // Exactly one of these three says who hears it.
        column("group_id", Kind::Uuid, Merge::Server).references("groups", OnDelete::Cascade, &[]).optional(),
        column("course_id", Kind::Uuid, Merge::Server).references("courses", OnDelete::Cascade, &[]).optional(),
        column("author_id", Kind::Uuid, Merge::Server).references("users", OnDelete::Cascade, &[]).optional(),
        column("settled_by", Kind::Uuid, Merge::LatestQuiet)
            .references("users", OnDelete::Keep, &[])
            .optional()
            .group("settled")
            .names_author(),
        column("settled_at", Kind::Timestamp, Merge::LatestQuiet).optional().group("settled"),
    ],
    id: IdRule::Made,
    // A course need not have an instructor: then the administrators settle what is disputed in it.
    scopes: &[
        lives_in(ScopeKind::Roster, "group_id"),
        lives_in(ScopeKind::CourseStaff, "course_id"),
        lives_in(ScopeKind::User, "author_id"),
    ],
    write: &[&[Who::Hears(ScopeKind::Roster, "group_id")], &[Who::Hears(ScopeKind::CourseStaff, "course_id")], &[Who::Is("author_id")]],
    delete: &[],
    access: &[],
    record: record(Section::Organization, Label::First(&["field"])).bookkeeping("the Sync centre shows it and settles it"),
};

/// A change whose author had lost the right by the time it arrived. It waits for whoever has the right now.
pub static HELD_CHANGES: Entity = Entity {
    name: "held_changes",
    code: 36,
    columns: &[
        column("entity", Kind::Text, Merge::Server),
        column("row_id", Kind::Uuid, Merge::Server).references_row_of("entity"),
        column("op", Kind::Choice(&["put", "delete"]), Merge::Server),
        // What was to be stored: column and value.
        column("fields", Kind::Json, Merge::Server),
        column("author_id", Kind::Uuid, Merge::Server).references("users", OnDelete::Cascade, &[]),
        column("author_name", Kind::Text, Merge::Server),
        // Whom the row is about, such as the student of a mark: the author's laptop may not know them any more.
        column("person_id", Kind::Uuid, Merge::Server).references("users", OnDelete::Keep, &[]).optional(),
        column("person_name", Kind::Text, Merge::Server).optional(),
        // What the merge needs to do what it would have done: the device, its number, the base as it was sent, and the time.
        column("device_id", Kind::Uuid, Merge::Server).references("devices", OnDelete::Keep, &[]),
        column("n", Kind::Whole, Merge::Server),
        column("base", Kind::Json, Merge::Server).optional(),
        column("at_us", Kind::Whole, Merge::Server),
        column("held_at", Kind::Timestamp, Merge::Server),
        // Who decides, beside the administrators: the group's staff, else the course's.
        column("group_id", Kind::Uuid, Merge::Server).references("groups", OnDelete::Keep, &[]).optional(),
        column("course_id", Kind::Uuid, Merge::Server).references("courses", OnDelete::Keep, &[]).optional(),
        column("state", Kind::Choice(&["waiting", "accepted", "refused"]), Merge::Once).default("\"waiting\""),
        column("decided_by", Kind::Uuid, Merge::Server).references("users", OnDelete::Keep, &[]).optional(),
        column("decided_at", Kind::Timestamp, Merge::Server).optional(),
    ],
    id: IdRule::Made,
    // A group may be closed and a course be gone by then: the administrators hear of every change that waits.
    scopes: &[
        lives_in(ScopeKind::Roster, "group_id"),
        lives_in(ScopeKind::CourseStaff, "course_id"),
        lives_in(ScopeKind::People, "organization_id"),
        lives_in(ScopeKind::User, "author_id"),
    ],
    // Accepting needs the right to the row itself as well, and never is the author the one who decides: push asks for both.
    write: &[&[Who::Hears(ScopeKind::Roster, "group_id")], &[Who::Hears(ScopeKind::CourseStaff, "course_id")], &[Who::Has(Role::Admin)]],
    delete: &[],
    access: &[],
    record: record(Section::Organization, Label::First(&["author_name"])).bookkeeping("the Sync centre shows it and decides about it"),
};

/// A row that a laptop still has and the server has lost, because a backup took its place. It waits for an administrator.
/// What a laptop sends of it is judged by rules of its own: a later state that the same person offers takes the place of their
/// earlier one, and nobody's takes the place of another's.
pub static OFFERED_ROWS: Entity = Entity {
    name: "offered_rows",
    code: 37,
    columns: &[
        column("entity", Kind::Text, Merge::Key).length_max(63),
        key("row_id").references_row_of("entity"),
        key("offered_by").references("users", OnDelete::Cascade, &[]),
        // The stamp under which the laptop had the row: the larger one is the later state. In digits, because a value of a row is
        // no larger than every JSON reader keeps exactly.
        column("row_stamp", Kind::Text, Merge::LatestQuiet).length_max(20).group("offer"),
        column("changed_at", Kind::Timestamp, Merge::LatestQuiet).optional().group("offer"),
        // Column and value, of what the server does not have so.
        column("fields", Kind::Json, Merge::LatestQuiet).length_max(ROW_BYTES_MAX).group("offer"),
        // What the server had of the row when it was offered; none when it had no such row.
        column("base_stamp", Kind::Text, Merge::Server).length_max(20).optional(),
        column("offered_by_name", Kind::Text, Merge::Server).optional(),
        // Whom the row is about: when they are erased, so is this.
        column("person_id", Kind::Uuid, Merge::Server).references("users", OnDelete::Cascade, &[]).optional(),
        column("person_name", Kind::Text, Merge::Server).optional(),
        column("state", Kind::Choice(&["waiting", "accepted", "refused"]), Merge::Once).default("\"waiting\""),
        column("decided_by", Kind::Uuid, Merge::Server).references("users", OnDelete::Keep, &[]).optional(),
        column("decided_at", Kind::Timestamp, Merge::Server).optional(),
        // How many others have offered the very same: with 0, one person alone says so.
        column("seconded", Kind::Whole, Merge::Server),
    ],
    id: IdRule::Derived(&["entity", "row_id", "offered_by"]),
    scopes: &[lives_in(ScopeKind::People, "organization_id")],
    // Who may write a row may offer it: push asks its table's rules. Only administrators decide.
    write: &[&[]],
    delete: &[],
    access: &[],
    record: record(Section::Organization, Label::First(&["offered_by_name"])).bookkeeping("the Sync centre shows it and decides about it"),
};
