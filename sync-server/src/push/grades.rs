//! The server grades every test that was handed in, also when a laptop has graded it before: its own word counts.

use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;
use waystation_model::grading::{Grade, GradedQuestion, grade};
use waystation_model::registry::Entity;

use super::rows::Rows;
use crate::failure::Failure;

/// Fills the server's columns of attempts that were handed in.
pub async fn complete(connection: &mut PgConnection, entity: &Entity, rows: &mut Rows, now_ms: i64) -> Result<(), Failure> {
    if entity.name != "assessment_attempts" {
        return Ok(());
    }
    let place = |name: &str| entity.column_index(name).ok_or_else(|| Failure::broken(format!("assessment_attempts has no {name}")));
    for id in rows.dirty() {
        let Some(stored) = rows.current(id) else { continue };
        if stored.values[place("submitted_at")?].is_null() || !stored.values[place("score_percent")?].is_null() {
            continue;
        }
        let assessment = stored.values[place("assessment_id")?].as_str().and_then(|text| Uuid::parse_str(text).ok());
        let Some(assessment) = assessment else { continue };
        let (grade, passing) = grade_attempt(connection, assessment, &stored.values[place("answers")?]).await?;
        let Some(values) = rows.values_mut(id) else { continue };
        values[place("answer_grades")?] = serde_json::to_value(&grade.answers).map_err(Failure::broken)?;
        values[place("score_max")?] = json!(grade.score_max);
        if grade.waits_for_person {
            values[place("status")?] = json!("submitted");
            continue;
        }
        values[place("status")?] = json!("graded");
        values[place("score_raw")?] = json!(grade.score_raw);
        values[place("score_percent")?] = json!(grade.score_percent);
        values[place("passed")?] = json!(grade.score_percent >= passing);
        values[place("graded_at")?] = json!(now_ms);
    }
    Ok(())
}

async fn grade_attempt(connection: &mut PgConnection, assessment: Uuid, answers: &Value) -> Result<(Grade, f64), Failure> {
    let (passing, keys): (f64, Option<Value>) = sqlx::query_as(
        "SELECT a.passing_percent::double precision, k.keys FROM assessments a LEFT JOIN answer_keys k ON k.assessment_id = a.id WHERE a.id = $1",
    )
    .bind(assessment)
    .fetch_optional(&mut *connection)
    .await?
    .unwrap_or((100.0, None));
    let questions: Vec<(Uuid, String, f64)> =
        sqlx::query_as("SELECT id, question_type, points::double precision FROM questions WHERE assessment_id = $1 ORDER BY position, id")
            .bind(assessment)
            .fetch_all(connection)
            .await?;
    let questions: Vec<GradedQuestion> =
        questions.into_iter().map(|(id, question_type, points)| GradedQuestion { id: id.to_string(), question_type, points }).collect();
    Ok((grade(&questions, &keys.unwrap_or(Value::Null), answers), passing))
}
