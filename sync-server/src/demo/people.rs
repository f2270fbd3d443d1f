//! People, groups and enrollments.

use chrono::{Days, NaiveDate};
use serde_json::{Value, json};
use sqlx::PgConnection;
use std::collections::BTreeSet;
use uuid::Uuid;

use super::demo_id;
use super::insert::insert;
use super::source::{PersonSource, Source};
use crate::failure::Failure;

/// Days ago that the members joined their groups and the learners were enrolled.
const JOINED_DAYS_AGO: u64 = 90;
/// Days from today until courses are due.
const DUE_IN_DAYS: u64 = 45;

/// The id of a person by their user name.
pub fn person_id(user_name: &str) -> Uuid {
    demo_id(&format!("user:{user_name}"))
}

/// All people, with profiles and guardian links.
pub async fn people(connection: &mut PgConnection, organization: Uuid, source: &Source, password_hash: &str) -> Result<(), Failure> {
    let people = &source.organization.people;
    let users = people.iter().enumerate().map(|(index, person)| user(person, index, password_hash)).collect();
    let profiles = people.iter().map(|person| json!({"user_id": person_id(&person.user_name), "language": person.language, "position": person.title, "notify_by_email": true, "notify_about_courses": true, "notify_about_results": true, "notify_about_deadlines": true})).collect();
    let of_role = |role: &'static str| people.iter().filter(move |person| person.role == role);
    let pupils: BTreeSet<&str> =
        source.organization.school.groups.iter().flat_map(|group| group.members.iter().map(String::as_str)).collect();
    let students = of_role("learner").map(|person| json!({"user_id": person_id(&person.user_name), "grade": pupils.contains(person.user_name.as_str()).then_some("7"), "balance_minor": 0, "currency": source.organization.organization.currency})).collect();
    let parents: Vec<Value> =
        of_role("parent").map(|person| json!({"user_id": person_id(&person.user_name), "deleted_at": null})).collect();
    let teachers = of_role("teacher")
        .map(|person| json!({"user_id": person_id(&person.user_name), "display_title": person.title, "expertise": []}))
        .collect();
    let links = of_role("parent")
        .flat_map(|parent| {
            parent
                .children
                .iter()
                .map(|child| json!({"parent_id": person_id(&parent.user_name), "student_id": person_id(child), "relation": null}))
        })
        .collect();
    insert(connection, organization, "users", users).await?;
    insert(connection, organization, "user_profiles", profiles).await?;
    insert(connection, organization, "student_profiles", students).await?;
    insert(connection, organization, "parent_profiles", parents).await?;
    insert(connection, organization, "teacher_profiles", teachers).await?;
    insert(connection, organization, "guardian_links", links).await
}

fn user(person: &PersonSource, index: usize, password_hash: &str) -> Value {
    let (first, last) = person.full_name.split_once(' ').unwrap_or((&person.full_name, ""));
    json!({
        "id": person_id(&person.user_name), "user_name": person.user_name, "email": person.email, "full_name": person.full_name,
        "first_name": first, "last_name": last, "role": person.role, "status": "active", "position": person.title,
        "employee_id": format!("P-{:03}", index + 1), "email_verified": true, "password_hash": password_hash,
        "station_id": person.station.as_ref().map(|code| demo_id(&format!("station:{code}"))),
    })
}

/// The school's groups and their members.
pub async fn groups(connection: &mut PgConnection, organization: Uuid, source: &Source, today: NaiveDate) -> Result<(), Failure> {
    let joined = today - Days::new(JOINED_DAYS_AGO);
    let groups = &source.organization.school.groups;
    let rows = groups
        .iter()
        .enumerate()
        .map(|(index, group)| {
            json!({
                "id": demo_id(&format!("group:{}", group.code)), "teacher_id": person_id(&group.teacher), "code": group.code, "name": group.code,
                "description": format!("{}", group.room), "days_of_week": group.days_of_week, "start_time": group.start_time, "is_active": true, "sort_order": index,
            })
        })
        .collect();
    let members = groups
        .iter()
        .flat_map(|group| {
            group.members.iter().map(move |member| {
                json!({"group_id": demo_id(&format!("group:{}", group.code)), "user_id": person_id(member), "joined_at": format!("{joined}T08:00:00Z"), "is_active": true})
            })
        })
        .collect();
    insert(connection, organization, "groups", rows).await?;
    insert(connection, organization, "group_memberships", members).await
}

/// Enrollments: those listed per person, and the members of a group in the group's course.
pub async fn enrollments(connection: &mut PgConnection, organization: Uuid, source: &Source, today: NaiveDate) -> Result<(), Failure> {
    let started = today - Days::new(JOINED_DAYS_AGO);
    let due = today + Days::new(DUE_IN_DAYS);
    let rows = enrolled(source)
        .into_iter()
        .map(|(person, course)| {
            json!({
                "user_id": person_id(&person), "course_id": demo_id(&format!("course:{course}")), "enrollment_type": "assigned", "status": "enrolled",
                "started_at": format!("{started}T08:00:00Z"), "due_at": format!("{due}T20:00:00Z"),
            })
        })
        .collect();
    insert(connection, organization, "enrollments", rows).await
}

/// Every pair of a learner and a course.
pub fn enrolled(source: &Source) -> BTreeSet<(String, String)> {
    let by_name = source
        .organization
        .people
        .iter()
        .flat_map(|person| person.enrolled_in.iter().map(|course| (person.user_name.clone(), course.clone())));
    let by_group = source
        .organization
        .school
        .groups
        .iter()
        .flat_map(|group| group.course.iter().flat_map(|course| group.members.iter().map(|member| (member.clone(), course.clone()))));
    by_name.chain(by_group).collect()
}
