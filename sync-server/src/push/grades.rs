//! The server grades every test that was handed in, also when a laptop has graded it before: its own word counts.

use serde_json::{Value, json};
use uuid::Uuid;
use waystation_model::grading::grade_with;
use waystation_model::registry::Entity;

use super::rows::Rows;
use crate::authority::Writing;
use crate::failure::Failure;

/// Fills the server's columns of attempts that were handed in, or that a person has given points for.
pub async fn complete<W: Writing>(keeper: &mut W, entity: &Entity, rows: &mut Rows, now_ms: i64) -> Result<(), Failure> {
    if entity.name != "assessment_attempts" {
        return Ok(());
    }
    let place = |name: &str| entity.column_index(name).ok_or_else(|| Failure::broken(format!("assessment_attempts has no {name}")));
    for id in rows.dirty() {
        let Some(stored) = rows.current(id) else { continue };
        // Its stamp comes with the commit: a person has given points just now.
        let given_by = stored.edits.get("given_points").filter(|edit| edit.stamp == 0).map(|edit| edit.user);
        let is_graded = !stored.values[place("score_percent")?].is_null();
        if stored.values[place("submitted_at")?].is_null() || (is_graded && given_by.is_none()) {
            continue;
        }
        let assessment = stored.values[place("assessment_id")?].as_str().and_then(|text| Uuid::parse_str(text).ok());
        let Some(assessment) = assessment else { continue };
        let key = keeper.grading_key(assessment).await?;
        if key.questions.is_empty() {
            // A test on paper: there is nothing here to grade it by.
            continue;
        }
        let given = &stored.values[place("given_points")?];
        let grade = grade_with(&key.questions, &key.keys, &stored.values[place("answers")?], given);
        let grader = if given.is_null() { json!(null) } else { json!(given_by.unwrap_or_default()) };
        let passed = grade.score_percent >= key.passing_percent;
        let graded = |value: Value| if grade.waits_for_person { Value::Null } else { value };
        let completed = [
            ("answer_grades", serde_json::to_value(&grade.answers).map_err(Failure::broken)?),
            ("score_max", json!(grade.score_max)),
            ("status", json!(if grade.waits_for_person { "submitted" } else { "graded" })),
            ("score_raw", graded(json!(grade.score_raw))),
            ("score_percent", graded(json!(grade.score_percent))),
            ("passed", graded(json!(passed))),
            ("graded_at", graded(json!(now_ms))),
            ("graded_by", graded(grader)),
        ];
        let Some(values) = rows.values_mut(id) else { continue };
        for (name, value) in completed {
            values[place(name)?] = value;
        }
    }
    Ok(())
}
