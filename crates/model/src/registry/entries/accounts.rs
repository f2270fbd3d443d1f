//! Organizations, the accounts in them, and what everybody may know of those who work there.

use super::super::*;
use crate::access::{Role, Who};

/// The five roles, as `users.role` names them.
const ROLES: &[&str] = &["admin", "instructor", "teacher", "learner", "parent"];

/// A company or a school. Only its own administrators change it; only the server makes one.
pub static ORGANIZATIONS: Entity = Entity {
    name: "organizations",
    code: 1,
    columns: &[
        column("name", Kind::Text, Merge::Latest).length_max(255),
        column("slug", Kind::Text, Merge::Server).length_max(100),
        column("domain", Kind::Text, Merge::Server).optional().length_max(255),
        column("description", Kind::Text, Merge::Latest),
        column("logo_url", Kind::Text, Merge::Latest).optional().length_max(2_000),
        column("status", Kind::Choice(&["trial", "active", "suspended", "closed"]), Merge::Server).default("\"trial\""),
        column("isolation_strategy", Kind::Choice(&["SHARED", "DEDICATED"]), Merge::Server).default("\"SHARED\""),
        column("subscription_tier", Kind::Choice(&["free", "basic", "premium", "enterprise"]), Merge::Server).default("\"free\""),
        column("subscription_status", Kind::Choice(&["trialing", "active", "past_due", "cancelled"]), Merge::Server)
            .default("\"trialing\""),
        column("seats_purchased", Kind::Whole, Merge::Server).default("1"),
        // BCP 47, such as `az`.
        column("default_language", Kind::Text, Merge::Latest).length_max(20).default("\"en\""),
        // IANA name. What day a moment belongs to is said by it.
        column("time_zone", Kind::Text, Merge::Latest).length_max(60).default("\"UTC\""),
        // ISO 4217.
        column("currency", Kind::Text, Merge::Latest).length_max(3).default("\"EUR\""),
        // The words that people see (programme, chapter, trainee, …) and the like.
        column("settings", Kind::Json, Merge::Latest),
        column("deleted_at", Kind::Timestamp, Merge::Server).optional(),
    ],
    id: IdRule::Made,
    scopes: &[lives_in(ScopeKind::Org, "id")],
    // Nobody hears an organization that is not there yet, so a laptop cannot make one.
    write: &[&[Who::Has(Role::Admin), Who::Hears(ScopeKind::Org, "id")]],
    delete: &[],
    // Nobody works in an organization that is suspended or closed.
    access: &[AccessRule::Everybody],
    record: record(Section::Organization, Label::First(&["name"])),
};

/// One person's account, without its secrets.
pub static USERS: Entity = Entity {
    name: "users",
    code: 2,
    columns: &[
        column("user_name", Kind::Text, Merge::Ask).optional().length_max(150),
        column("email", Kind::Text, Merge::Ask).optional().length_max(255),
        column("first_name", Kind::Text, Merge::Latest).length_max(100),
        column("last_name", Kind::Text, Merge::Latest).length_max(100),
        // Made from the parts, or else from the user name or the e-mail address, when it is empty.
        column("full_name", Kind::Text, Merge::Latest).length_max(255),
        column("phone", Kind::Text, Merge::Latest).optional().length_max(30),
        column("address", Kind::Text, Merge::Latest).optional().length_max(2_000),
        column("role", Kind::Choice(ROLES), Merge::Ask).default("\"learner\""),
        column("status", Kind::Choice(&["pending", "active", "suspended"]), Merge::Ask).default("\"active\""),
        column("employee_id", Kind::Text, Merge::Ask).optional().length_max(100),
        column("department_id", Kind::Uuid, Merge::Latest).references("departments", OnDelete::Keep, &[]).optional(),
        column("position", Kind::Text, Merge::Latest).optional().length_max(100),
        column("station_id", Kind::Uuid, Merge::Latest).references("stations", OnDelete::SetNull, &[]).optional(),
        column("email_verified", Kind::Truth, Merge::Server),
        column("deleted_at", Kind::Timestamp, Merge::Ask).optional(),
    ],
    id: IdRule::Made,
    scopes: &[lives_in(ScopeKind::People, "organization_id"), lives_in(ScopeKind::User, "id")],
    write: &[&[Who::Has(Role::Admin)]],
    delete: &[],
    access: &[AccessRule::User("id")],
    record: record(Section::People, Label::First(&["full_name", "user_name", "email"]))
        .search(&["phone", "employee_id"])
        .named_in(&[
            NamedIn { table: "staff_cards", id: "user_id", name: "full_name" },
            NamedIn { table: "group_memberships", id: "user_id", name: "display_name" },
            NamedIn { table: "enrollments", id: "user_id", name: "display_name" },
        ]),
};

/// What everybody in the organization knows of one who works there. Made by the server alone, and kept when they leave,
/// so that a course goes on naming its instructor.
pub static STAFF_CARDS: Entity = Entity {
    name: "staff_cards",
    code: 3,
    columns: &[
        key("user_id").references("users", OnDelete::Cascade, &[]),
        column("full_name", Kind::Text, Merge::Server).length_max(255),
        column("role", Kind::Choice(ROLES), Merge::Server),
        column("position", Kind::Text, Merge::Server).optional().length_max(100),
        column("department_id", Kind::Uuid, Merge::Server).references("departments", OnDelete::Keep, &[]).optional(),
        column("station_id", Kind::Uuid, Merge::Server).references("stations", OnDelete::Keep, &[]).optional(),
        // Whether they work there now.
        column("is_active", Kind::Truth, Merge::Server),
    ],
    id: IdRule::Derived(&["user_id"]),
    scopes: &[lives_in(ScopeKind::Org, "organization_id")],
    write: &[],
    delete: &[],
    access: &[],
    record: record(Section::People, Label::First(&["full_name"])).bookkeeping("the server keeps it from the account, which is listed"),
};
