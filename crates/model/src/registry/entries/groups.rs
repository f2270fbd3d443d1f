//! Groups, their schedule, and who belongs to them.

use super::super::*;
use crate::access::{Role, Who};

/// A group that meets on certain days. Its teacher or an administrator creates it.
pub static GROUPS: Entity = Entity {
    name: "groups",
    code: 9,
    columns: &[
        column("teacher_id", Kind::Uuid, Merge::Ask).references("users", OnDelete::Restrict, &[]),
        column("code", Kind::Text, Merge::Latest).optional().length_max(50),
        column("name", Kind::Text, Merge::Latest).length_max(255),
        column("description", Kind::Text, Merge::Latest).optional().length_max(5_000),
        // Days of its lessons, 1 is Monday: a sorted list without duplicates.
        column("days_of_week", Kind::Json, Merge::Latest).length_max(100).default("[]").format(Format::Weekdays),
        column("start_time", Kind::Time, Merge::Latest).optional(),
        // Code or name, days and time: "Qrup1: 1-4 11:00".
        column("display_name", Kind::Text, Merge::Server).length_max(400),
        column("is_active", Kind::Bool, Merge::Latest).default("true"),
        column("sort_order", Kind::Int, Merge::LatestQuiet).optional(),
        column("deleted_at", Kind::Timestamp, Merge::Ask).optional(),
    ],
    id: IdRule::Generated,
    scopes: &[in_scope(ScopeKind::Group, "id"), in_scope(ScopeKind::Roster, "id")],
    write: &[&[Who::Subscribes(ScopeKind::Roster, "id")], &[Who::Staff, Who::Is("teacher_id")], &[Who::Has(Role::Admin)]],
    delete: &[],
    access: &[
        AccessRule::User("teacher_id"),
        AccessRule::Administrators,
        AccessRule::Through { table: "group_memberships", link: "group_id", when: "deleted_at" },
    ],
    constraints: constraints(),
    record: record(Section::Groups, Label::First(&["display_name", "name"])).search(&["code", "description"]).named_by(&["code"]),
};

/// One person's membership in one group. Leaving and coming back change the same row.
pub static GROUP_MEMBERSHIPS: Entity = Entity {
    name: "group_memberships",
    code: 10,
    columns: &[
        key("group_id").references("groups", OnDelete::Restrict, &[]),
        key("user_id").references("users", OnDelete::Restrict, &[]),
        // The user's full name, for readers who do not subscribe to the user.
        column("display_name", Kind::Text, Merge::Server).length_max(255),
        // A laptop that adds or removes a member sends all three: active if and only if `left_at` is null.
        column("is_active", Kind::Bool, Merge::Latest).group("stay").default("true"),
        column("joined_at", Kind::Timestamp, Merge::Latest).group("stay"),
        column("left_at", Kind::Timestamp, Merge::Latest).optional().group("stay"),
    ],
    id: IdRule::Derived(&["group_id", "user_id"]),
    scopes: &[in_scope(ScopeKind::Roster, "group_id"), in_scope(ScopeKind::Learner, "user_id")],
    write: &[&[Who::Subscribes(ScopeKind::Roster, "group_id")]],
    delete: &[],
    access: &[AccessRule::User("user_id")],
    constraints: constraints().checks(&[check(
        "left_at",
        "left_at",
        &[Rule::NullWhile("left_at", When::True("is_active")), Rule::NotBefore("left_at", "joined_at")],
    )
    .completed_by_server()]),
    record: record(Section::Groups, Label::All(&["user_id", "group_id"])).search(&["display_name"]).part_of("group_id"),
};

/// One period of one membership. The server derives it from changes of the membership, so that a member who leaves and comes
/// back does not change the old attendance grid.
pub static GROUP_MEMBERSHIP_PERIODS: Entity = Entity {
    name: "group_membership_periods",
    code: 11,
    columns: &[
        key("membership_id").references("group_memberships", OnDelete::Cascade, &[]),
        key("group_id").references("groups", OnDelete::Restrict, &[]),
        key("user_id").references("users", OnDelete::Restrict, &[]),
        column("joined_on", Kind::Date, Merge::Server),
        // The last day.
        column("left_on", Kind::Date, Merge::Server).optional(),
    ],
    id: IdRule::Generated,
    scopes: &[in_scope(ScopeKind::Roster, "group_id"), in_scope(ScopeKind::Learner, "user_id")],
    write: &[],
    delete: &[],
    access: &[],
    constraints: constraints().unique(&[unique(&["membership_id", "joined_on"]).everywhere()]).checks(&[check(
        "left_on",
        "left_on",
        &[Rule::NotBefore("left_on", "joined_on")],
    )]),
    record: record(Section::Groups, Label::All(&["user_id", "joined_on"])).part_of("membership_id"),
};
