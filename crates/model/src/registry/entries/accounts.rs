//! Organizations, their accounts, and the public cards of their staff.

use super::super::*;
use crate::access::{Role, Who};

/// The five roles, as `users.role` names them.
const ROLES: &[&str] = &["admin", "instructor", "teacher", "learner", "parent"];

/// A company or a school. Only the server creates one, and only its own administrators change it.
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
        column("seats_purchased", Kind::Int, Merge::Server).default("1").at_least(0),
        // BCP 47, such as `az`.
        column("default_language", Kind::Text, Merge::Latest).length_max(20).default("\"en\""),
        // IANA name. It decides to which day a timestamp belongs.
        column("time_zone", Kind::Text, Merge::Latest).length_max(60).default("\"UTC\"").format(Format::TimeZone),
        // ISO 4217.
        column("currency", Kind::Text, Merge::Latest).length_max(3).default("\"EUR\"").format(Format::Currency),
        // Such as the words on the screen for course, module and learner.
        column("settings", Kind::Json, Merge::Latest),
        column("deleted_at", Kind::Timestamp, Merge::Server).optional(),
    ],
    id: IdRule::Generated,
    scopes: &[in_scope(ScopeKind::Org, "id")],
    // Nobody subscribes to an organization that does not exist yet, so a laptop cannot create one.
    write: &[&[Who::Has(Role::Admin), Who::Subscribes(ScopeKind::Org, "id")]],
    delete: &[],
    // Suspending or closing an organization ends the subscription of everybody in it.
    access: &[AccessRule::Everybody],
    constraints: constraints().unique(&[unique(&["slug"]).everywhere(), unique(&["domain"]).everywhere()]),
    record: record(Section::Organization, Label::First(&["name"])),
};

/// One person's account, without its secrets.
pub static USERS: Entity = Entity {
    name: "users",
    code: 2,
    columns: &[
        column("user_name", Kind::Text, Merge::Ask).optional().length_max(150),
        column("email", Kind::Text, Merge::Ask).optional().length_max(255).format(Format::Email),
        column("first_name", Kind::Text, Merge::Latest).length_max(100),
        column("last_name", Kind::Text, Merge::Latest).length_max(100),
        // When empty, the server fills it with first and last name, else the user name, else the e-mail address.
        column("full_name", Kind::Text, Merge::Latest).length_max(255),
        column("phone", Kind::Text, Merge::Latest).optional().length_max(30),
        column("address", Kind::Text, Merge::Latest).optional().length_max(2_000),
        column("role", Kind::Choice(ROLES), Merge::Ask).default("\"learner\""),
        column("status", Kind::Choice(&["pending", "active", "suspended"]), Merge::Ask).default("\"active\""),
        column("employee_id", Kind::Text, Merge::Ask).optional().length_max(100),
        column("department_id", Kind::Uuid, Merge::Latest).references("departments", OnDelete::SetNull, &[]).optional(),
        column("position", Kind::Text, Merge::Latest).optional().length_max(100),
        column("station_id", Kind::Uuid, Merge::Latest).references("stations", OnDelete::SetNull, &[]).optional(),
        column("email_verified", Kind::Bool, Merge::Server),
        column("deleted_at", Kind::Timestamp, Merge::Ask).optional(),
    ],
    id: IdRule::Generated,
    scopes: &[in_scope(ScopeKind::People, "organization_id"), in_scope(ScopeKind::User, "id")],
    write: &[&[Who::Has(Role::Admin)]],
    delete: &[],
    access: &[AccessRule::User("id")],
    constraints: constraints()
        // People sign in with either, and nothing says to which organization they belong.
        .unique(&[
            unique(&["user_name"]).everywhere().ignoring_case(),
            unique(&["email"]).everywhere().ignoring_case(),
            unique(&["employee_id"]),
        ])
        // A person who is invited chooses a user name at the first sign-in, so any name is enough.
        .checks(&[check("name", "full_name", &[Rule::SomeText(&["user_name", "email", "full_name", "first_name", "last_name"])])]),
    record: record(Section::People, Label::First(&["full_name", "user_name", "email"])).search(&["phone", "employee_id"]).named_in(&[
        NamedIn { table: "staff_cards", id: "user_id", name: "full_name" },
        NamedIn { table: "group_memberships", id: "user_id", name: "display_name" },
        NamedIn { table: "enrollments", id: "user_id", name: "display_name" },
        NamedIn { table: "session_attendances", id: "user_id", name: "display_name" },
    ]),
};

/// What everybody in the organization may read about a member of the staff. Only the server writes it. It is kept when the
/// person leaves, so that a course still shows its instructor's name.
pub static STAFF_CARDS: Entity = Entity {
    name: "staff_cards",
    code: 3,
    columns: &[
        key("user_id").references("users", OnDelete::Cascade, &[]),
        column("full_name", Kind::Text, Merge::Server).length_max(255),
        column("role", Kind::Choice(ROLES), Merge::Server),
        column("position", Kind::Text, Merge::Server).optional().length_max(100),
        column("department_id", Kind::Uuid, Merge::Server).references("departments", OnDelete::SetNull, &[]).optional(),
        column("station_id", Kind::Uuid, Merge::Server).references("stations", OnDelete::Keep, &[]).optional(),
        // Whether they work there now.
        column("is_active", Kind::Bool, Merge::Server),
    ],
    id: IdRule::Derived(&["user_id"]),
    scopes: &[in_scope(ScopeKind::Org, "organization_id")],
    write: &[],
    delete: &[],
    access: &[],
    constraints: constraints(),
    record: record(Section::People, Label::First(&["full_name"])).bookkeeping("the server keeps it from the account, which is listed"),
};
