//! What marks and tests are checked against: group membership on a day, and how a test is graded.

use serde_json::Value;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;
use waystation_model::grading::GradedQuestion;

use crate::authority::{GradingKey, LessonDay};
use crate::failure::Failure;

/// Whether each of these students was in the group on that day.
pub async fn belongs_on(connection: &mut PgConnection, days: &[LessonDay]) -> Result<Vec<bool>, Failure> {
    let groups: Vec<Uuid> = days.iter().map(|day| day.group).collect();
    let students: Vec<Uuid> = days.iter().map(|day| day.student).collect();
    let dates: Vec<&str> = days.iter().map(|day| day.day.as_str()).collect();
    let belongs = "SELECT EXISTS (SELECT FROM group_membership_periods p \
             WHERE p.user_id = c.student AND p.group_id = c.group_id AND p.joined_on <= c.day::date AND coalesce(p.left_on >= c.day::date, true)) \
         FROM unnest($1::uuid[], $2::uuid[], $3::text[]) WITH ORDINALITY AS c(group_id, student, day, place) ORDER BY c.place";
    Ok(sqlx::query_scalar(belongs).bind(groups).bind(students).bind(dates).fetch_all(connection).await?)
}

/// Which of these tests are deleted or not active.
pub async fn closed(connection: &mut PgConnection, tests: &[Uuid]) -> Result<Vec<Uuid>, Failure> {
    let closed = "SELECT id FROM assessments WHERE id = ANY($1) AND (deleted_at IS NOT NULL OR NOT is_active)";
    Ok(sqlx::query_scalar(closed).bind(tests).fetch_all(connection).await?)
}

/// The attempts at a test that a person has handed in.
pub async fn handed_in(connection: &mut PgConnection, assessment: Uuid, user: Uuid) -> Result<Vec<Uuid>, Failure> {
    let handed_in = "SELECT id FROM assessment_attempts WHERE user_id = $1 AND assessment_id = $2 AND submitted_at IS NOT NULL";
    Ok(sqlx::query_scalar(handed_in).bind(user).bind(assessment).fetch_all(connection).await?)
}

#[derive(FromRow)]
struct Test {
    passing_percent: f64,
    graded_on_laptops: bool,
    shows_explanations: bool,
    attempts_max: Option<i32>,
    is_closed: bool,
    keys: Option<Value>,
}

/// How a test is graded.
pub async fn grading_key(connection: &mut PgConnection, assessment: Uuid) -> Result<GradingKey, Failure> {
    let found: Result<Option<Test>, sqlx::Error> = sqlx::query_as(
        "SELECT a.passing_percent, a.graded_by = 'laptop' AS graded_on_laptops, a.shows_explanations, a.attempts_max, \
             a.deleted_at IS NOT NULL OR NOT a.is_active AS is_closed, k.keys \
         FROM assessments a LEFT JOIN answer_keys k ON k.assessment_id = a.id WHERE a.id = $1",
    )
    .bind(assessment)
    .fetch_optional(&mut *connection)
    .await;
    let test = match found {
        // The author of the key has to repair it: a broken key is no reason to refuse an attempt or to lower its marks.
        Err(error @ sqlx::Error::ColumnDecode { .. }) => {
            tracing::error!(%assessment, %error, "the key of a test cannot be read: attempts at it are not graded");
            None
        }
        found => found?,
    };
    let Some(test) = test else { return Ok(GradingKey::none()) };
    let questions: Vec<(Uuid, String, f64)> =
        sqlx::query_as("SELECT id, question_type, points FROM questions WHERE assessment_id = $1 ORDER BY position, id")
            .bind(assessment)
            .fetch_all(connection)
            .await?;
    let questions =
        questions.into_iter().map(|(id, question_type, points)| GradedQuestion { id: id.to_string(), question_type, points }).collect();
    Ok(GradingKey {
        graded_on_laptops: test.graded_on_laptops,
        shows_explanations: test.shows_explanations,
        attempts_max: test.attempts_max.map(i64::from),
        is_closed: test.is_closed,
        passing_percent: test.passing_percent,
        keys: test.keys.unwrap_or(Value::Null),
        questions,
    })
}
