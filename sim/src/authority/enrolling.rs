//! Who may enroll themselves: the database's trigger calls SQL functions, this one the rules that they are compared with.

use serde_json::Value;
use sync_server::failure::Failure;
use uuid::Uuid;
use waystation_model::Code;
use waystation_model::registry::Entity;
use waystation_model::rules::completion::{self, ModuleFacts};
use waystation_model::rules::entitlement::{Offer, Paid, Refusal, Seats, Subscription, may_enroll_oneself};

use super::table;
use super::tables::{Row, id_in, value};
use super::writing::MemoryWriting;

/// Refuses a self-enrollment that the rules do not allow.
pub fn check_oneself(writing: &MemoryWriting, entity: &Entity, id: &Uuid, row: &Row) -> Result<(), Failure> {
    if value(entity, &row.values, "enrollment_type") != "self" || writing.row(entity, *id).is_some() {
        return Ok(());
    }
    let (courses, course_id) = (table("courses"), id_in(entity, &row.values, "course_id"));
    let Some((course_id, course)) = course_id.and_then(|id| Some((id, writing.row(courses, id)?))) else { return Ok(()) };
    let of = |name: &str| value(courses, &course.values, name);
    let offer = Offer {
        course_id: course_id.to_string(),
        published: *of("published") == true,
        is_public: *of("is_public") == true,
        price_minor: of("price_minor").as_i64().unwrap_or(0),
    };
    let Some(user) = id_in(entity, &row.values, "user_id") else { return Ok(()) };
    let (paid, misses) = (paid_by(writing, user, course_id), misses_prerequisite(writing, user, course_id));
    let refusal = may_enroll_oneself(&offer, &paid, misses, Some(seats(writing, row.organization_id)), writing.now_ms());
    let (code, constraint) = match refusal {
        Ok(()) => return Ok(()),
        Err(Refusal::NotOpen) => (Code::RuleBroken, "enrollments_self_check"),
        Err(Refusal::Payment) => (Code::PaymentNeeded, "enrollments_course_id_check"),
        Err(Refusal::Prerequisite) => (Code::PrerequisiteMissing, "enrollments_course_id_check"),
        Err(Refusal::Seats) => (Code::NoSeat, "enrollments_course_id_check"),
    };
    Err(Failure::Refused(sync_server::failure::Refusal { code, constraint: constraint.to_owned(), text: constraint.to_owned() }))
}

/// A person's purchases of a course, and their subscriptions.
fn paid_by(writing: &MemoryWriting, user: Uuid, course: Uuid) -> Paid {
    let (purchases, subscriptions, plans) = (table("purchases"), table("subscriptions"), table("subscription_plans"));
    let bought = writing.find(purchases, |row| {
        id_in(purchases, &row.values, "user_id") == Some(user)
            && id_in(purchases, &row.values, "course_id") == Some(course)
            && value(purchases, &row.values, "status") == "completed"
    });
    let features = |plan: Option<Uuid>| {
        plan.and_then(|id| writing.row(plans, id)).map_or(Value::Null, |plan| value(plans, &plan.values, "features").clone())
    };
    let subscribed = writing.find(subscriptions, |row| id_in(subscriptions, &row.values, "user_id") == Some(user));
    let subscriptions = subscribed
        .into_iter()
        .map(|(_, row)| Subscription {
            status: value(subscriptions, &row.values, "status").as_str().unwrap_or_default().to_owned(),
            starts_at_ms: value(subscriptions, &row.values, "starts_at").as_i64().unwrap_or(i64::MAX),
            ends_at_ms: value(subscriptions, &row.values, "ends_at").as_i64(),
            features: features(id_in(subscriptions, &row.values, "subscription_plan_id")),
        })
        .collect();
    Paid { bought: !bought.is_empty(), subscriptions }
}

fn seats(writing: &MemoryWriting, organization: Uuid) -> Seats {
    let (organizations, users) = (table("organizations"), table("users"));
    let found = writing.row(organizations, organization);
    let of = |name: &str| found.as_ref().map_or(Value::Null, |found| value(organizations, &found.values, name).clone());
    let has_seat = |row: &Row| {
        row.organization_id == organization
            && value(users, &row.values, "status") != "suspended"
            && value(users, &row.values, "deleted_at").is_null()
    };
    Seats {
        counts: of("subscription_tier") != "free",
        purchased: of("seats_purchased").as_i64().unwrap_or(0),
        used: i64::try_from(writing.find(users, has_seat).len()).unwrap_or(i64::MAX),
    }
}

/// Whether a published mandatory prerequisite of a course is not completed.
fn misses_prerequisite(writing: &MemoryWriting, user: Uuid, course: Uuid) -> bool {
    let (prerequisites, courses) = (table("course_prerequisites"), table("courses"));
    let asked = writing.find(prerequisites, |row| {
        id_in(prerequisites, &row.values, "course_id") == Some(course) && value(prerequisites, &row.values, "is_mandatory") == true
    });
    let asked = asked.iter().filter_map(|(_, row)| id_in(prerequisites, &row.values, "prerequisite_course_id"));
    let is_published = |id: &Uuid| writing.row(courses, *id).is_some_and(|course| value(courses, &course.values, "published") == true);
    asked.filter(is_published).any(|before| !is_completed(writing, user, before))
}

fn is_completed(writing: &MemoryWriting, user: Uuid, course: Uuid) -> bool {
    let enrollments = table("enrollments");
    let found = writing.find(enrollments, |row| {
        id_in(enrollments, &row.values, "user_id") == Some(user) && id_in(enrollments, &row.values, "course_id") == Some(course)
    });
    let Some((_, enrollment)) = found.first() else { return false };
    let modules = writing.find(table("modules"), |row| id_in(table("modules"), &row.values, "course_id") == Some(course));
    let progress = completion::course(modules.iter().map(|(id, module)| ModuleFacts {
        is_required: value(table("modules"), &module.values, "is_required") == true,
        ..parts(writing, user, *id)
    }));
    completion::is_completed(value(enrollments, &enrollment.values, "status").as_str().unwrap_or_default(), &progress)
}

/// The parts of a module, and how many of them a person has done.
fn parts(writing: &MemoryWriting, user: Uuid, module: Uuid) -> ModuleFacts {
    let (topics, items, tests) = (table("topics"), table("content_items"), table("assessments"));
    let is_own = |entity: &'static Entity, row: &Row| {
        id_in(entity, &row.values, "module_id") == Some(module)
            && id_in(entity, &row.values, "topic_id").is_none()
            && value(entity, &row.values, "is_required") == true
    };
    let of_topics = writing.find(topics, |row| id_in(topics, &row.values, "module_id") == Some(module));
    let of_items = writing.find(items, |row| is_own(items, row));
    let of_tests = writing.find(tests, |row| {
        is_own(tests, row) && value(tests, &row.values, "is_active") == true && value(tests, &row.values, "deleted_at").is_null()
    });
    let did = |entity: &'static Entity, column: &str, part: Uuid, fact: &str| {
        let is_done = |row: &Row| {
            id_in(entity, &row.values, "user_id") == Some(user)
                && id_in(entity, &row.values, column) == Some(part)
                && value(entity, &row.values, fact) == true
        };
        !writing.find(entity, is_done).is_empty()
    };
    let (topic_progress, content_progress, attempts) = (table("topic_progress"), table("content_progress"), table("assessment_attempts"));
    let topics_done = of_topics.iter().filter(|(id, _)| did(topic_progress, "topic_id", *id, "completed")).count();
    let items_done = of_items.iter().filter(|(id, _)| did(content_progress, "content_item_id", *id, "completed")).count();
    let tests_done = of_tests.iter().filter(|(id, _)| did(attempts, "assessment_id", *id, "passed")).count();
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    ModuleFacts {
        is_required: true,
        parts: number(of_topics.len() + of_items.len() + of_tests.len()),
        parts_done: number(topics_done + items_done + tests_done),
    }
}
