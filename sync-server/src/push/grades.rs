//! Grades every test that was handed in, also when a laptop has graded it: the server's grade counts.

use std::collections::HashSet;

use serde_json::{Value, json};
use uuid::Uuid;
use waystation_model::grading::grade_with;
use waystation_model::registry::Entity;

use super::rows::Rows;
use crate::authority::Writing;
use crate::failure::Failure;

/// Fills the server's columns of attempts that were handed in or that a person has given points for.
pub async fn complete<W: Writing>(transaction: &mut W, entity: &Entity, rows: &mut Rows, now_ms: i64) -> Result<(), Failure> {
    if entity.name != "assessment_attempts" {
        return Ok(());
    }
    let column_index = |name: &str| entity.column_index(name).ok_or_else(|| Failure::broken(format!("assessment_attempts has no {name}")));
    for id in rows.dirty() {
        let Some(stored) = rows.current(id) else { continue };
        // A stamp of 0 is replaced at the commit: the points were given in this push.
        let given_by = stored.edits.get("given_points").filter(|edit| edit.stamp == 0).map(|edit| edit.user);
        let is_graded = !stored.values[column_index("score_percent")?].is_null();
        if stored.values[column_index("submitted_at")?].is_null() || (is_graded && given_by.is_none()) {
            continue;
        }
        let assessment = stored.values[column_index("assessment_id")?].as_str().and_then(|text| Uuid::parse_str(text).ok());
        let Some(assessment) = assessment else { continue };
        let key = transaction.grading_key(assessment).await?;
        // A test on paper has no questions to grade. An attempt that began before its test was closed is accepted, and a person
        // gives the points.
        if key.questions.is_empty() || (key.is_closed && given_by.is_none()) {
            continue;
        }
        let user = stored.values[column_index("user_id")?].as_str().and_then(|text| Uuid::parse_str(text).ok()).unwrap_or_default();
        let handed_in = handed_in(transaction, entity, rows, assessment, user).await?;
        let Some(stored) = rows.current(id) else { continue };
        let given = &stored.values[column_index("given_points")?];
        let grade = grade_with(&key.questions, &key.keys, &stored.values[column_index("answers")?], given);
        let grader = if given.is_null() { json!(null) } else { json!(given_by.unwrap_or_default()) };
        let passed = grade.score_percent >= key.passing_percent;
        let graded = |value: Value| if grade.waits_for_person { Value::Null } else { value };
        let completed = [
            ("answer_grades", if key.may_tell_marks(handed_in) { json!(grade.answers) } else { Value::Null }),
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
            values[column_index(name)?] = value;
        }
    }
    Ok(())
}

/// Number of attempts at a test that a person has handed in, including those of this set.
async fn handed_in<W: Writing>(transaction: &mut W, entity: &Entity, rows: &Rows, assessment: Uuid, user: Uuid) -> Result<usize, Failure> {
    let mut handed_in: HashSet<Uuid> = transaction.handed_in(assessment, user).await?.into_iter().collect();
    let (assessment, user) = (json!(assessment.to_string()), json!(user.to_string()));
    handed_in.extend(rows.dirty().into_iter().filter(|id| {
        let of = |name: &str| entity.column_index(name).and_then(|index| rows.current(*id)?.values.get(index));
        of("assessment_id") == Some(&assessment) && of("user_id") == Some(&user) && of("submitted_at").is_some_and(|at| !at.is_null())
    }));
    Ok(handed_in.len())
}
