//! Tables that sync itself needs: devices, conflicts, held changes and offered rows.

use super::super::*;
use crate::access::{NOBODY, Role, Who};
use crate::limits::ROW_BYTES_MAX;

/// One person's database on one laptop. Only the server creates it, at a sign-in.
pub static DEVICES: Entity = Entity {
    name: "devices",
    code: 33,
    columns: &[
        key("user_id").references("users", OnDelete::Cascade, &[]).by(NOBODY),
        column("name", Kind::Text, Merge::Latest).length_max(100),
        column("platform", Kind::Text, Merge::Server).length_max(100),
        // From then on its sessions are refused.
        column("revoked_at", Kind::Timestamp, Merge::Server).optional(),
    ],
    id: IdRule::Generated,
    scopes: &[in_scope(ScopeKind::People, "organization_id"), in_scope(ScopeKind::User, "user_id")],
    write: &[&[Who::Is("user_id")], &[Who::Has(Role::Admin)]],
    delete: &[],
    access: &[],
    constraints: constraints(),
    record: record(Section::Organization, Label::First(&["name"]))
        .never_held("only its owner and the administrators may write it, and neither right waits for a decision")
        .never_offered("the server makes a device again at the next sign-in"),
};

/// A value that lost against a later one, kept until a person settles the conflict. Only the server creates it.
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
        // Exactly one of these three is set; it decides the scope.
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
    id: IdRule::Generated,
    // A course without an instructor has only administrators in its staff scope: they settle its conflicts.
    scopes: &[
        in_scope(ScopeKind::Roster, "group_id"),
        in_scope(ScopeKind::CourseStaff, "course_id"),
        in_scope(ScopeKind::User, "author_id"),
    ],
    write: &[
        &[Who::Subscribes(ScopeKind::Roster, "group_id")],
        &[Who::Subscribes(ScopeKind::CourseStaff, "course_id")],
        &[Who::Is("author_id")],
    ],
    delete: &[],
    access: &[],
    constraints: constraints().checks(&[check("audience", "author_id", &[Rule::ExactlyOne(&["group_id", "course_id", "author_id"])])]),
    record: record(Section::Organization, Label::First(&["field"]))
        .bookkeeping("the Sync centre shows it and settles it")
        .never_held("who may not settle a conflict leaves it to those who may")
        .never_offered("it is about values that went with the lost rows")
        .unaudited("it is itself a record of changes, and the changes are audited"),
};

/// A change whose author had lost the right when it arrived. It waits for a decision by a person who has the right now.
pub static HELD_CHANGES: Entity = Entity {
    name: "held_changes",
    code: 36,
    columns: &[
        column("entity", Kind::Text, Merge::Server),
        column("row_id", Kind::Uuid, Merge::Server).references_row_of("entity"),
        column("op", Kind::Choice(&["put", "delete"]), Merge::Server),
        // The change's columns and values.
        column("fields", Kind::Json, Merge::Server),
        column("author_id", Kind::Uuid, Merge::Server).references("users", OnDelete::Cascade, &[]),
        column("author_name", Kind::Text, Merge::Server),
        // The person whom the row is about, such as the student of a mark. The author's laptop may not have that user any more.
        column("person_id", Kind::Uuid, Merge::Server).references("users", OnDelete::Keep, &[]).optional(),
        column("person_name", Kind::Text, Merge::Server).optional(),
        // The input of the merge: the device, the change's number, its base as it was sent, and its time.
        column("device_id", Kind::Uuid, Merge::Server).references("devices", OnDelete::Keep, &[]),
        column("n", Kind::Int, Merge::Server).wide(),
        column("base", Kind::Json, Merge::Server).optional(),
        column("at_us", Kind::Int, Merge::Server).wide(),
        column("held_at", Kind::Timestamp, Merge::Server),
        // Who decides, besides the administrators: the group's staff, else the course's staff.
        column("group_id", Kind::Uuid, Merge::Server).references("groups", OnDelete::Keep, &[]).optional(),
        column("course_id", Kind::Uuid, Merge::Server).references("courses", OnDelete::Keep, &[]).optional(),
        column("state", Kind::Choice(&["waiting", "accepted", "refused"]), Merge::Once).default("\"waiting\""),
        column("decided_by", Kind::Uuid, Merge::Server).references("users", OnDelete::Keep, &[]).optional(),
        column("decided_at", Kind::Timestamp, Merge::Server).optional(),
    ],
    id: IdRule::Generated,
    // The administrators subscribe to every held change, because its group or course may not exist any more.
    scopes: &[
        in_scope(ScopeKind::Roster, "group_id"),
        in_scope(ScopeKind::CourseStaff, "course_id"),
        in_scope(ScopeKind::People, "organization_id"),
        in_scope(ScopeKind::User, "author_id"),
    ],
    // Push also checks that who accepts has the right to the row, and that the author does not decide.
    write: &[
        &[Who::Subscribes(ScopeKind::Roster, "group_id")],
        &[Who::Subscribes(ScopeKind::CourseStaff, "course_id")],
        &[Who::Has(Role::Admin)],
    ],
    delete: &[],
    access: &[],
    constraints: constraints().checks(&[
        check("decided", "decided_at", &[Rule::NullWhile("decided_at", When::Equals("state", "waiting"))]),
        check("place", "course_id", &[Rule::AtMostOne(&["group_id", "course_id"])]),
    ]),
    record: record(Section::Organization, Label::First(&["author_name"]))
        .bookkeeping("the Sync centre shows it and decides about it")
        .never_held("a decision about a change is not itself decided about")
        .never_offered("it is about a change that its author's laptop sends again")
        .unaudited("it is itself a record of changes, and the changes are audited"),
};

/// A row that a laptop still has and the server has lost, because the server was restored from a backup. It waits for an
/// administrator's decision. Offers merge by rules of their own: a later state replaces the same person's earlier one, and
/// never another person's.
pub static OFFERED_ROWS: Entity = Entity {
    name: "offered_rows",
    code: 37,
    columns: &[
        column("entity", Kind::Text, Merge::Key).length_max(63).format(Format::TableName),
        key("row_id").references_row_of("entity"),
        key("offered_by").references("users", OnDelete::Cascade, &[]),
        // The row's stamp on the laptop: the larger one is the later state. As decimal text, because stamps exceed the largest
        // integer that a column may hold.
        column("row_stamp", Kind::Text, Merge::LatestQuiet).length_max(20).required().group("offer").format(Format::Stamp),
        column("changed_at", Kind::Timestamp, Merge::LatestQuiet).optional().group("offer"),
        // The columns and values in which the server's row differs.
        column("fields", Kind::Json, Merge::LatestQuiet).length_max(ROW_BYTES_MAX).group("offer"),
        // The stamp of the server's row when the offer arrived; null when it had no such row.
        column("base_stamp", Kind::Text, Merge::Server).length_max(20).optional(),
        column("offered_by_name", Kind::Text, Merge::Server).optional(),
        // The person whom the row is about. Erasing that user deletes this row.
        column("person_id", Kind::Uuid, Merge::Server).references("users", OnDelete::Cascade, &[]).optional(),
        column("person_name", Kind::Text, Merge::Server).optional(),
        column("state", Kind::Choice(&["waiting", "accepted", "refused"]), Merge::Once).default("\"waiting\""),
        column("decided_by", Kind::Uuid, Merge::Server).references("users", OnDelete::Keep, &[]).optional(),
        column("decided_at", Kind::Timestamp, Merge::Server).optional(),
        // How many other people have offered the same state.
        column("seconded", Kind::Int, Merge::Server),
    ],
    id: IdRule::Derived(&["entity", "row_id", "offered_by"]),
    scopes: &[in_scope(ScopeKind::People, "organization_id")],
    // Push checks the offered row's own table: who may write a row may offer it. Only administrators decide.
    write: &[&[]],
    delete: &[],
    access: &[],
    constraints: constraints().checks(&[check(
        "decided",
        "decided_at",
        &[Rule::NullWhile("decided_at", When::Equals("state", "waiting"))],
    )]),
    record: record(Section::Organization, Label::First(&["offered_by_name"]))
        .bookkeeping("the Sync centre shows it and decides about it")
        .never_held("a decision about an offer is not itself decided about")
        .never_offered("it is about rows that the laptops which have them offer again")
        .unaudited("it is itself a record of changes, and the changes are audited"),
};
