//! The database's triggers of messages, sessions, hand-ins, certificates, payments and coding: see `migrations/server`.

use std::collections::BTreeSet;

use serde_json::Value;
use sync_server::failure::{Failure, Refusal};
use uuid::Uuid;
use waystation_model::Code;
use waystation_model::registry::Entity;

use super::table;
use super::tables::{Row, id_in, set, value};
use super::triggers::{day, display_name};
use super::writing::MemoryWriting;

/// Fewest digits of a receipt's or certificate's number.
const NUMBER_DIGITS: usize = 8;

fn refused(code: Code, constraint: &str) -> Failure {
    Failure::Refused(Refusal { code, constraint: constraint.to_owned(), text: constraint.to_owned() })
}

/// BEFORE triggers of these tables: they fill in columns, or refuse the row.
pub fn before(writing: &MemoryWriting, entity: &'static Entity, id: &Uuid, before: Option<&Row>, row: &mut Row) -> Result<(), Failure> {
    match entity.name {
        "course_prerequisites" if before.is_none() => {
            let closes = (id_in(entity, &row.values, "prerequisite_course_id"), id_in(entity, &row.values, "course_id"));
            let (Some(start), Some(end)) = closes else { return Ok(()) };
            let next = |course: Uuid| {
                let needed = writing.find(entity, |row| id_in(entity, &row.values, "course_id") == Some(course));
                needed.iter().filter_map(|(_, row)| id_in(entity, &row.values, "prerequisite_course_id")).collect()
            };
            check_no_cycle(start, end, next, "course_prerequisites_prerequisite_course_id_check")
        }
        "messages" => message(writing, entity, id, before, row),
        "session_attendances" if before.is_none() => {
            display_name(writing, entity, row);
            session_room(writing, entity, id, row)
        }
        "assignment_submissions" => {
            if before.is_none() {
                check_enrolled(writing, entity, row)?;
            }
            check_score(writing, entity, row)
        }
        "certificates" => certificate(writing, entity, before, row),
        "coding_submissions" if before.is_none() => {
            coding_submission(writing, entity, row);
            Ok(())
        }
        "payments" => payment(writing, entity, before, row),
        _ => Ok(()),
    }
}

/// Refuses what leads back to its start.
fn check_no_cycle(start: Uuid, end: Uuid, next: impl Fn(Uuid) -> Vec<Uuid>, constraint: &str) -> Result<(), Failure> {
    let mut seen = BTreeSet::new();
    let mut open = vec![start];
    while let Some(id) = open.pop() {
        if id == end {
            return Err(refused(Code::RuleBroken, constraint));
        }
        if seen.insert(id) {
            open.extend(next(id));
        }
    }
    Ok(())
}

fn message(writing: &MemoryWriting, entity: &'static Entity, id: &Uuid, before: Option<&Row>, row: &mut Row) -> Result<(), Failure> {
    if before.is_none() {
        let sender = name_of(writing, entity, row, "sender_id").unwrap_or_else(|| "".into());
        set(entity, &mut row.values, "sender_name", sender);
        let recipient = name_of(writing, entity, row, "recipient_id").unwrap_or_default();
        set(entity, &mut row.values, "recipient_name", recipient);
    }
    let of = |name: &str| value(entity, &row.values, name);
    let audience = match (of("recipient_id").is_null(), *of("published") == true) {
        (false, _) => "person",
        (true, true) => "course",
        (true, false) => "course_staff",
    };
    set(entity, &mut row.values, "audience", audience);
    let Some(parent) = id_in(entity, &row.values, "parent_message_id").filter(|_| before.is_none()) else { return Ok(()) };
    let next = |message: Uuid| {
        let answered = writing.row(entity, message).and_then(|row| id_in(entity, &row.values, "parent_message_id"));
        answered.into_iter().collect()
    };
    check_no_cycle(parent, *id, next, "messages_parent_message_id_check")
}

/// The full name of the user that a column names, within the row's own organization.
fn name_of(writing: &MemoryWriting, entity: &Entity, row: &Row, column: &str) -> Option<Value> {
    let users = table("users");
    let user = id_in(entity, &row.values, column).and_then(|id| writing.row(users, id))?;
    (user.organization_id == row.organization_id).then(|| value(users, &user.values, "full_name").clone())
}

/// Refuses a registration for a full session.
fn session_room(writing: &MemoryWriting, entity: &Entity, id: &Uuid, row: &Row) -> Result<(), Failure> {
    let sessions = table("training_sessions");
    let Some(session) = id_in(entity, &row.values, "training_session_id") else { return Ok(()) };
    let places = writing.row(sessions, session).and_then(|session| value(sessions, &session.values, "participants_max").as_i64());
    let Some(places) = places.and_then(|places| usize::try_from(places).ok()) else { return Ok(()) };
    let registers = value(entity, &row.values, "status") == "registered";
    let others = writing.find(entity, |row| id_in(entity, &row.values, "training_session_id") == Some(session));
    let taken = others.iter().filter(|(other, _)| other != id).count();
    if registers && taken >= places { Err(refused(Code::RuleBroken, "session_attendances_room_check")) } else { Ok(()) }
}

/// Refuses what a person gets in a course without being enrolled in it.
fn check_enrolled(writing: &MemoryWriting, entity: &Entity, row: &Row) -> Result<(), Failure> {
    let enrollments = table("enrollments");
    let mut values = enrollments.empty_values();
    for name in ["user_id", "course_id"] {
        set(enrollments, &mut values, name, value(entity, &row.values, name).clone());
    }
    let found = enrollments.id_of(&values).and_then(|id| writing.row(enrollments, id));
    if found.is_some_and(|found| found.organization_id == row.organization_id) {
        return Ok(());
    }
    Err(refused(Code::MissingReference, &format!("{}_user_id_fkey", entity.name)))
}

/// Refuses a score above the assignment's maximum.
fn check_score(writing: &MemoryWriting, entity: &Entity, row: &Row) -> Result<(), Failure> {
    let assignments = table("assignments");
    let Some(score) = value(entity, &row.values, "score_raw").as_f64() else { return Ok(()) };
    let assignment = id_in(entity, &row.values, "assignment_id").and_then(|id| writing.row(assignments, id));
    let most = assignment.and_then(|assignment| value(assignments, &assignment.values, "score_max").as_f64());
    if most.is_some_and(|most| score > most) {
        return Err(refused(Code::RuleBroken, "assignment_submissions_score_raw_check"));
    }
    Ok(())
}

/// Numbers a new certificate. PostgreSQL counts with a sequence, which also counts what was rolled back; here it is the next number.
fn certificate(writing: &MemoryWriting, entity: &Entity, before: Option<&Row>, row: &mut Row) -> Result<(), Failure> {
    let number = |row: &Row| value(entity, &row.values, "certificate_number").clone();
    if let Some(before) = before {
        return if number(before) == number(row) { Ok(()) } else { Err(refused(Code::RuleBroken, "certificates_number_stays_check")) };
    }
    check_enrolled(writing, entity, row)?;
    if number(row).is_null() {
        let year = day(value(entity, &row.values, "issued_at").as_i64().unwrap_or_default());
        let next = next_number(writing, entity, "certificate_number", |_| true);
        set(entity, &mut row.values, "certificate_number", format!("CERT-{}-{next:0NUMBER_DIGITS$}", &year[..4]));
    }
    let holder = name_of(writing, entity, row, "user_id").unwrap_or_else(|| "".into());
    set(entity, &mut row.values, "holder_name", holder);
    Ok(())
}

/// Numbers a new payment, and refuses to number one again.
fn payment(writing: &MemoryWriting, entity: &Entity, before: Option<&Row>, row: &mut Row) -> Result<(), Failure> {
    let number = |row: &Row| value(entity, &row.values, "receipt_number").clone();
    if let Some(before) = before {
        return if number(before) == number(row) { Ok(()) } else { Err(refused(Code::RuleBroken, "payments_append_only_check")) };
    }
    if number(row).is_null() {
        let organization = row.organization_id;
        let next = next_number(writing, entity, "receipt_number", |there| there.organization_id == organization);
        set(entity, &mut row.values, "receipt_number", format!("R-{next:0NUMBER_DIGITS$}"));
    }
    Ok(())
}

/// The number after the highest in these rows.
fn next_number(writing: &MemoryWriting, entity: &Entity, column: &str, counts: impl Fn(&Row) -> bool) -> u64 {
    let of = |row: &Row| value(entity, &row.values, column).as_str()?.rsplit('-').next()?.parse::<u64>().ok();
    let numbers = writing.find(entity, |row| counts(row) && of(row).is_some());
    numbers.iter().filter_map(|(_, row)| of(row)).max().unwrap_or(0) + 1
}

/// Counts an attempt, and finds the group whose teacher reads it: the one that the learner joined last.
fn coding_submission(writing: &MemoryWriting, entity: &Entity, row: &mut Row) {
    let key = |row: &Row| (id_in(entity, &row.values, "user_id"), id_in(entity, &row.values, "coding_task_id"));
    if value(entity, &row.values, "attempt_number").is_null() {
        let attempts = writing.find(entity, |there| key(there) == key(row));
        let last = attempts.iter().filter_map(|(_, there)| value(entity, &there.values, "attempt_number").as_i64()).max();
        set(entity, &mut row.values, "attempt_number", last.unwrap_or(0) + 1);
    }
    if value(entity, &row.values, "group_id").is_null() {
        let (memberships, groups) = (table("group_memberships"), table("groups"));
        let user = id_in(entity, &row.values, "user_id");
        let active = writing.find(memberships, |there| {
            id_in(memberships, &there.values, "user_id") == user && value(memberships, &there.values, "is_active") == true
        });
        // Looked up outside `find`, which holds the lock of the state.
        let is_open = |there: &Row| {
            let group = id_in(memberships, &there.values, "group_id").and_then(|id| writing.row(groups, id));
            group.is_some_and(|group| value(groups, &group.values, "deleted_at").is_null())
        };
        let joined = active.iter().filter(|(_, there)| is_open(there)).map(|(_, there)| {
            let at = value(memberships, &there.values, "joined_at").as_i64();
            (std::cmp::Reverse(at), id_in(memberships, &there.values, "group_id"))
        });
        let group = joined.min().and_then(|(_, group)| group).map_or(Value::Null, |group| group.to_string().into());
        set(entity, &mut row.values, "group_id", group);
    }
}
