//! What a person has paid, and whether they may enroll themselves.

use rusqlite::{Connection, OptionalExtension, params};
use waystation_model::rules::entitlement::{Offer, Paid, Refusal, Subscription, may_enroll_oneself};
use waystation_model::{Code, Problem};

use super::course::missing_prerequisites;
use crate::error::Result;

/// A course, as far as it matters for taking it; none when it is not on this laptop.
pub(super) fn offer(connection: &Connection, course_id: &str) -> Result<Option<Offer>> {
    Ok(connection
        .prepare_cached("SELECT coalesce(published, 0) AS published, is_public, price_minor FROM courses WHERE id = ?1")?
        .query_row([course_id], |row| {
            Ok(Offer {
                course_id: course_id.to_owned(),
                published: row.get("published")?,
                is_public: row.get("is_public")?,
                price_minor: row.get("price_minor")?,
            })
        })
        .optional()?)
}

/// What a person has paid for a course. An inactive plan is not on a learner's laptop, so a subscription to one
/// counts as including every course; the server decides.
pub(super) fn paid(connection: &Connection, course_id: &str, user_id: &str) -> Result<Paid> {
    let bought = connection
        .prepare_cached("SELECT EXISTS (SELECT id FROM purchases WHERE user_id = ?1 AND course_id = ?2 AND status = 'completed')")?
        .query_row(params![user_id, course_id], |row| row.get(0))?;
    let mut statement = connection.prepare_cached(
        "SELECT s.status AS status, s.starts_at AS starts_at, s.ends_at AS ends_at, p.features AS features
         FROM subscriptions s LEFT JOIN subscription_plans p ON p.id = s.subscription_plan_id WHERE s.user_id = ?1",
    )?;
    let subscriptions = statement
        .query_map([user_id], |row| {
            let features: Option<String> = row.get("features")?;
            Ok(Subscription {
                status: row.get("status")?,
                starts_at_ms: row.get("starts_at")?,
                ends_at_ms: row.get("ends_at")?,
                features: features.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(Paid { bought, subscriptions })
}

/// Refuses a self-enrollment that the server would refuse, as far as this laptop can know. Seats are counted by the server.
///
/// # Errors
/// `rule_broken`, `payment_needed` or `prerequisite_missing`, with the column.
pub(crate) fn check_self_enrollment(connection: &Connection, course_id: &str, user_id: &str, now_ms: i64) -> Result<()> {
    let Some(offer) = offer(connection, course_id)? else { return Ok(()) };
    let paid = paid(connection, course_id, user_id)?;
    let misses = !missing_prerequisites(connection, course_id, user_id)?.is_empty();
    let (code, message) = match may_enroll_oneself(&offer, &paid, misses, None, now_ms) {
        Ok(()) => return Ok(()),
        Err(Refusal::NotOpen) => (Code::RuleBroken, "the course is not open to everybody"),
        Err(Refusal::Payment) => (Code::PaymentNeeded, "the course has to be bought or subscribed to"),
        Err(Refusal::Prerequisite) => (Code::PrerequisiteMissing, "a course that comes before this one is not completed"),
        Err(Refusal::Seats) => (Code::NoSeat, "the organization has more people than seats"),
    };
    Err(Problem::new(code, message).field("course_id").into())
}
