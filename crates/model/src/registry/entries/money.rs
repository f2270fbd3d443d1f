//! Payments, and what people buy or subscribe to. Amounts are whole minor units of a currency.

use super::super::*;
use crate::access::{Role, Who};

/// A payment by or for a learner. What was paid never changes; the server numbers the receipt.
pub static PAYMENTS: Entity = Entity {
    name: "payments",
    code: 44,
    columns: &[
        key("student_id").references("users", OnDelete::Restrict, &[]),
        key("group_id").references("groups", OnDelete::Restrict, &[]).optional(),
        column("payment_date", Kind::Date, Merge::Key),
        column("title", Kind::Text, Merge::Latest).optional().length_max(255),
        // Whole minor units, such as cents.
        column("amount_minor", Kind::Int, Merge::Key).required().wide().at_least(1),
        // ISO 4217.
        column("currency", Kind::Text, Merge::Key).length_max(3).default("\"EUR\"").format(Format::Currency),
        column("method", Kind::Choice(&["cash", "card", "bank", "other"]), Merge::Key).default("\"cash\""),
        column("status", Kind::Choice(&["paid", "unpaid", "partial", "cancelled"]), Merge::Ask).default("\"paid\""),
        column("note", Kind::Text, Merge::Latest).optional().length_max(2_000),
        // Empty on a laptop until the server has given it.
        column("receipt_number", Kind::Text, Merge::Server).optional().length_max(100),
        key("created_by").references("users", OnDelete::Restrict, &[]).optional().names_author(),
        column("deleted_at", Kind::Timestamp, Merge::Ask).optional(),
    ],
    id: IdRule::Generated,
    scopes: &[in_scope(ScopeKind::Learner, "student_id"), in_scope(ScopeKind::People, "organization_id")],
    write: &[&[Who::Has(Role::Admin)]],
    delete: &[],
    access: &[],
    constraints: constraints().unique(&[unique(&["receipt_number"])]),
    record: record(Section::Money, Label::All(&["payment_date", "title", "receipt_number"]))
        .search(&["note", "student_id"])
        .part_of("student_id"),
};

/// A plan that people subscribe to.
pub static SUBSCRIPTION_PLANS: Entity = Entity {
    name: "subscription_plans",
    code: 45,
    columns: &[
        column("name", Kind::Text, Merge::Latest).length_max(100),
        column("description", Kind::Text, Merge::Latest).optional().length_max(5_000),
        // Whole minor units, such as cents, for each period.
        column("price_minor", Kind::Int, Merge::Ask).group("price").wide().at_least(0),
        // ISO 4217.
        column("currency", Kind::Text, Merge::Ask).group("price").length_max(3).default("\"EUR\"").format(Format::Currency),
        column("billing_cycle", Kind::Choice(&["weekly", "monthly", "quarterly", "yearly", "once"]), Merge::Ask).default("\"monthly\""),
        column("features", Kind::Json, Merge::Latest),
        // Whether somebody may subscribe to it now.
        column("is_active", Kind::Bool, Merge::Latest).default("true"),
    ],
    id: IdRule::Generated,
    scopes: &[in_scope(ScopeKind::Org, "organization_id").when(When::True("is_active")), in_scope(ScopeKind::People, "organization_id")],
    write: &[&[Who::Has(Role::Admin)]],
    delete: &[&[Who::Has(Role::Admin)]],
    access: &[],
    constraints: constraints(),
    record: record(Section::Money, Label::First(&["name"])).search(&["description"]),
};

/// The purchase of one course. The payment itself happens elsewhere.
pub static PURCHASES: Entity = Entity {
    name: "purchases",
    code: 46,
    columns: &[
        key("user_id").references("users", OnDelete::Restrict, &[]),
        key("course_id").references("courses", OnDelete::Restrict, &[]),
        // Whole minor units, such as cents.
        column("amount_minor", Kind::Int, Merge::Key).required().wide().at_least(0),
        // ISO 4217.
        column("currency", Kind::Text, Merge::Key).length_max(3).default("\"EUR\"").format(Format::Currency),
        column("status", Kind::Choice(&["pending", "completed", "failed", "refunded"]), Merge::Ask).group("status").default("\"pending\""),
        column("purchased_at", Kind::Timestamp, Merge::Ask).optional().group("status"),
    ],
    id: IdRule::Generated,
    scopes: &[in_scope(ScopeKind::Learner, "user_id"), in_scope(ScopeKind::People, "organization_id")],
    write: &[&[Who::Has(Role::Admin)]],
    delete: &[],
    access: &[],
    constraints: constraints().checks(&[check(
        "purchased_at",
        "purchased_at",
        &[Rule::SetFor("purchased_at", "status", &["completed", "refunded"])],
    )
    .completed_by_server()]),
    record: record(Section::Money, Label::All(&["user_id", "course_id"])).part_of("user_id"),
};

/// One person's subscription to a plan, for a period.
pub static SUBSCRIPTIONS: Entity = Entity {
    name: "subscriptions",
    code: 47,
    columns: &[
        key("user_id").references("users", OnDelete::Restrict, &[]),
        key("subscription_plan_id").references("subscription_plans", OnDelete::Restrict, &[]),
        column("status", Kind::Choice(&["trialing", "active", "past_due", "cancelled", "expired"]), Merge::Ask).default("\"active\""),
        column("starts_at", Kind::Timestamp, Merge::Ask).group("period"),
        column("ends_at", Kind::Timestamp, Merge::Ask).optional().group("period"),
    ],
    id: IdRule::Generated,
    scopes: &[in_scope(ScopeKind::Learner, "user_id"), in_scope(ScopeKind::People, "organization_id")],
    write: &[&[Who::Has(Role::Admin)]],
    delete: &[],
    access: &[],
    constraints: constraints().checks(&[check("ends_at", "ends_at", &[Rule::After("ends_at", "starts_at")])]),
    record: record(Section::Money, Label::All(&["user_id", "subscription_plan_id"])).part_of("user_id"),
};
