//! The scopes of one user: `sync-server/src/sql/subscription.sql` over the tables in memory.

use std::collections::BTreeSet;

use sync_server::accounts::suspended;
use uuid::Uuid;
use waystation_model::access::Role;
use waystation_model::{Code, Problem};

use super::table;
use super::tables::{Row, State, id_in, value};

/// Why an account is not open.
pub fn refusal(state: &State, user: Uuid) -> Problem {
    let closed = Problem::new(Code::AccountClosed, "the account is closed");
    let (users, organizations) = (table("users"), table("organizations"));
    let Some(row) = state.row(users, &user) else { return closed };
    let is_open = value(users, &row.values, "status") == "active" && value(users, &row.values, "deleted_at").is_null();
    let is_suspended = state.row(organizations, &row.organization_id).is_some_and(|organization| {
        let of = |name: &str| value(organizations, &organization.values, name);
        of("deleted_at").is_null() && *of("status") == "suspended"
    });
    if is_open && is_suspended { suspended() } else { closed }
}

/// Organization and role of an account that is open.
pub fn account(state: &State, user: Uuid) -> Option<(Uuid, Role)> {
    let users = table("users");
    let row = state.row(users, &user)?;
    let open = value(users, &row.values, "status") == "active" && value(users, &row.values, "deleted_at").is_null();
    let role = Role::parse(value(users, &row.values, "role").as_str()?)?;
    let organizations = table("organizations");
    let organization = state.row(organizations, &row.organization_id)?;
    let of = |name: &str| value(organizations, &organization.values, name);
    let open = open && of("deleted_at").is_null() && *of("status") != "suspended" && *of("status") != "closed";
    open.then_some((row.organization_id, role))
}

/// Whether somebody is in the organization and was not deleted.
pub fn is_person_of(state: &State, organization: Uuid, id: Uuid) -> bool {
    let users = table("users");
    let row = state.row(users, &id).filter(|row| row.organization_id == organization);
    row.is_some_and(|row| value(users, &row.values, "deleted_at").is_null())
}

/// The scopes that a user subscribes to.
pub fn scopes(state: &State, user: Uuid) -> BTreeSet<String> {
    let mut scopes = BTreeSet::new();
    let Some((organization, role)) = account(state, user) else { return scopes };
    scopes.insert(format!("user:{user}"));
    scopes.insert(format!("org:{organization}"));
    if role.is_staff() {
        scopes.insert(format!("org_staff:{organization}"));
    }
    if role == Role::Admin {
        scopes.insert(format!("people:{organization}"));
    }
    scopes.insert(format!("learner:{user}"));
    let links = table("guardian_links");
    for (_, row) in state.rows(links).filter(|(_, row)| row.organization_id == organization) {
        if id_in(links, &row.values, "parent_id") == Some(user) {
            scopes.extend(id_in(links, &row.values, "student_id").map(|student| format!("learner:{student}")));
        }
    }
    courses(state, user, organization, role, &mut scopes);
    groups(state, user, organization, role, &mut scopes);
    scopes
}

fn courses(state: &State, user: Uuid, organization: Uuid, role: Role, scopes: &mut BTreeSet<String>) {
    let (courses, enrollments) = (table("courses"), table("enrollments"));
    for (_, row) in state.rows(enrollments).filter(|(_, row)| id_in(enrollments, &row.values, "user_id") == Some(user)) {
        let Some(course_id) = id_in(enrollments, &row.values, "course_id") else { continue };
        let Some(course) = state.row(courses, &course_id) else { continue };
        let open = value(courses, &course.values, "published") == true && value(courses, &course.values, "deleted_at").is_null();
        if open && value(enrollments, &row.values, "status") != "dropped" {
            scopes.insert(format!("course:{course_id}"));
        }
    }
    for (id, row) in state.rows(courses).filter(|(_, row)| row.organization_id == organization) {
        let teaches = id_in(courses, &row.values, "instructor_id") == Some(user) && role.is_staff();
        if teaches || role == Role::Admin {
            scopes.insert(format!("course:{id}"));
            scopes.insert(format!("course_staff:{id}"));
        }
        if teaches {
            scopes.insert(format!("results:{id}"));
        }
    }
}

fn groups(state: &State, user: Uuid, organization: Uuid, role: Role, scopes: &mut BTreeSet<String>) {
    let (groups, memberships) = (table("groups"), table("group_memberships"));
    let is_there = |row: &Row| value(groups, &row.values, "deleted_at").is_null();
    for (_, row) in state.rows(memberships).filter(|(_, row)| id_in(memberships, &row.values, "user_id") == Some(user)) {
        let Some(group) = id_in(memberships, &row.values, "group_id") else { continue };
        if value(memberships, &row.values, "is_active") == true && state.row(groups, &group).is_some_and(|row| is_there(row)) {
            scopes.insert(format!("group:{group}"));
        }
    }
    if !role.is_staff() {
        return;
    }
    for (id, row) in state.rows(groups).filter(|(_, row)| row.organization_id == organization && is_there(row)) {
        if role == Role::Admin || id_in(groups, &row.values, "teacher_id") == Some(user) {
            scopes.insert(format!("group:{id}"));
            scopes.insert(format!("roster:{id}"));
        }
    }
}
