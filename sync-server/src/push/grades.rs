//! The server grades every test that was handed in, also when a laptop has graded it before: its own word counts.

use serde_json::json;
use uuid::Uuid;
use waystation_model::grading::grade;
use waystation_model::registry::Entity;

use super::rows::Rows;
use crate::authority::Writing;
use crate::failure::Failure;

/// Fills the server's columns of attempts that were handed in.
pub async fn complete<W: Writing>(keeper: &mut W, entity: &Entity, rows: &mut Rows, now_ms: i64) -> Result<(), Failure> {
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
        let key = keeper.grading_key(assessment).await?;
        let grade = grade(&key.questions, &key.keys, &stored.values[place("answers")?]);
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
        values[place("passed")?] = json!(grade.score_percent >= key.passing_percent);
        values[place("graded_at")?] = json!(now_ms);
    }
    Ok(())
}
