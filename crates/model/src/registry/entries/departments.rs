//! Departments of an organization.

use super::super::*;
use crate::access::{Role, Who};

/// A part of an organization, with the person who leads it.
pub static DEPARTMENTS: Entity = Entity {
    name: "departments",
    code: 40,
    columns: &[
        column("name", Kind::Text, Merge::Latest).length_max(255),
        column("code", Kind::Text, Merge::Ask).length_max(50).required().format(Format::NotEmpty),
        column("description", Kind::Text, Merge::Latest).optional().length_max(5_000),
        column("manager_id", Kind::Uuid, Merge::Ask).references("users", OnDelete::SetNull, &[]).optional(),
        column("is_active", Kind::Bool, Merge::Latest).default("true"),
    ],
    id: IdRule::Generated,
    scopes: &[in_scope(ScopeKind::Org, "organization_id")],
    write: &[&[Who::Has(Role::Admin)]],
    delete: &[&[Who::Has(Role::Admin)]],
    access: &[],
    constraints: constraints().unique(&[unique(&["code"])]),
    record: record(Section::Organization, Label::First(&["name"])).search(&["code", "description"]),
};
