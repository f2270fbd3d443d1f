//! Grading of a test. The laptop and the server grade with this one function; the server's result is authoritative.
//!
//! An answer is JSON by question type: an option id (`single`, `true_false`), a list of option ids (`multiple`),
//! a number or its text (`numeric`), text (`short_answer`, `written`). A key entry is
//! `{"options": [ids]}`, `{"number": 2.5, "tolerance": 0.1}` or `{"accepted": ["…"]}`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The six types of question.
pub const QUESTION_TYPES: &[&str] = &["single", "multiple", "true_false", "numeric", "short_answer", "written"];

/// A question as grading needs it.
#[derive(Debug, Clone)]
pub struct GradedQuestion {
    /// Its id as text.
    pub id: String,
    /// One of [`QUESTION_TYPES`].
    pub question_type: String,
    /// Points for a right answer.
    pub points: f64,
}

/// The grade of one answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GradedAnswer {
    /// The question's id as text.
    pub question_id: String,
    /// Right or wrong; none until a person has graded it.
    pub is_correct: Option<bool>,
    /// Points earned; none until a person has graded it.
    pub points: Option<f64>,
}

/// The grades of a whole test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Grade {
    /// Points earned.
    pub score_raw: f64,
    /// Points possible.
    pub score_max: f64,
    /// `100 × raw / max`, rounded to two places. A test without points counts as 0.
    pub score_percent: f64,
    /// One entry per question, in the order of the questions.
    pub answers: Vec<GradedAnswer>,
    /// Whether a written answer still has to be graded by a person.
    pub waits_for_person: bool,
}

/// Grades `answers` (question id → answer) by `key` (question id → key entry).
pub fn grade(questions: &[GradedQuestion], key: &Value, answers: &Value) -> Grade {
    grade_with(questions, key, answers, &Value::Null)
}

/// Like [`grade`], but points that a person has `given` (question id → points) replace those of the key. They are clamped to
/// the range from 0 to the question's points.
pub fn grade_with(questions: &[GradedQuestion], key: &Value, answers: &Value, given: &Value) -> Grade {
    let mut graded = Vec::with_capacity(questions.len());
    let (mut raw, mut max, mut waits) = (0.0, 0.0, false);
    for question in questions {
        max += question.points;
        let answer = answers.get(&question.id).unwrap_or(&Value::Null);
        let is_correct = match question.question_type.as_str() {
            // An empty answer is wrong: no person has to grade it.
            "written" if answer.as_str().is_some_and(|text| !text.trim().is_empty()) => None,
            "written" => Some(false),
            _ => Some(is_right(&question.question_type, key.get(&question.id).unwrap_or(&Value::Null), answer)),
        };
        let given = given.get(&question.id).and_then(Value::as_f64).map(|points| points.clamp(0.0, question.points));
        let is_correct = given.map(|points| points >= question.points).or(is_correct);
        let points = given.or_else(|| is_correct.map(|right| if right { question.points } else { 0.0 }));
        raw += points.unwrap_or(0.0);
        waits |= points.is_none();
        graded.push(GradedAnswer { question_id: question.id.clone(), is_correct, points });
    }
    let percent = if max > 0.0 { (raw / max * 10_000.0).round() / 100.0 } else { 0.0 };
    Grade { score_raw: raw, score_max: max, score_percent: percent, answers: graded, waits_for_person: waits }
}

fn is_right(question_type: &str, key: &Value, answer: &Value) -> bool {
    match question_type {
        "single" | "true_false" => {
            answer.is_string() && key["options"].as_array().is_some_and(|right| right.len() == 1 && right[0] == *answer)
        }
        "multiple" => match (sorted_texts(&key["options"]), sorted_texts(answer)) {
            (Some(right), Some(given)) => !right.is_empty() && right == given,
            _ => false,
        },
        "numeric" => match (key["number"].as_f64(), read_number(answer)) {
            (Some(right), Some(given)) => (right - given).abs() <= key["tolerance"].as_f64().unwrap_or(0.0) + f64::EPSILON * right.abs(),
            _ => false,
        },
        "short_answer" => answer.as_str().is_some_and(|given| {
            let given = folded(given);
            !given.is_empty()
                && key["accepted"]
                    .as_array()
                    .is_some_and(|accepted| accepted.iter().filter_map(Value::as_str).any(|text| folded(text) == given))
        }),
        _ => false,
    }
}

fn sorted_texts(value: &Value) -> Option<Vec<&str>> {
    let mut texts = value.as_array()?.iter().map(Value::as_str).collect::<Option<Vec<_>>>()?;
    texts.sort_unstable();
    texts.dedup();
    Some(texts)
}

/// Parses a number as people write it: a decimal comma or point, spaces between thousands.
fn read_number(answer: &Value) -> Option<f64> {
    if let Some(number) = answer.as_f64() {
        return number.is_finite().then_some(number);
    }
    let text: String = answer.as_str()?.chars().filter(|c| !c.is_whitespace()).collect();
    text.replace(',', ".").replace('−', "-").parse::<f64>().ok().filter(|number| number.is_finite())
}

/// Folds case and spaces. `İ`, `I`, `ı` and `i` become one letter: Turkish and Azerbaijani typists confuse them.
fn folded(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .flat_map(char::to_lowercase)
        .filter(|c| *c != '\u{307}')
        .map(|c| if c == 'ı' { 'i' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn question(id: &str, question_type: &str) -> GradedQuestion {
        GradedQuestion { id: id.into(), question_type: question_type.into(), points: 2.0 }
    }

    #[test]
    fn every_type_is_graded_right_and_wrong() {
        let questions = [
            question("s", "single"),
            question("m", "multiple"),
            question("t", "true_false"),
            question("n", "numeric"),
            question("a", "short_answer"),
        ];
        let key = json!({"s": {"options": ["x"]}, "m": {"options": ["x", "y"]}, "t": {"options": ["yes"]}, "n": {"number": 2.5, "tolerance": 0.1}, "a": {"accepted": ["İşıq"]}});
        let right = json!({"s": "x", "m": ["y", "x"], "t": "yes", "n": " 2,55 ", "a": "  işıq "});
        let wrong = json!({"s": "y", "m": ["x"], "t": "no", "n": 2.7, "a": ""});
        assert_eq!(grade(&questions, &key, &right).score_percent, 100.0);
        assert_eq!(grade(&questions, &key, &wrong).score_percent, 0.0);
        assert_eq!(grade(&questions, &key, &json!({})).score_raw, 0.0);
        assert_eq!(grade(&questions, &json!({}), &right).score_raw, 0.0, "without a key no answer is right");
    }

    #[test]
    fn only_a_non_empty_written_answer_waits_for_a_person() {
        let questions = [question("w", "written"), question("s", "single")];
        let key = json!({"s": {"options": ["x"]}});
        let written = grade(&questions, &key, &json!({"w": "Because.", "s": "x"}));
        assert!(written.waits_for_person);
        assert_eq!((written.score_raw, written.score_max), (2.0, 4.0));
        assert!(!grade(&questions, &key, &json!({"w": "  ", "s": "x"})).waits_for_person);
    }

    #[test]
    fn points_given_by_a_person_replace_those_of_the_key() {
        let questions = [question("w", "written"), question("s", "single")];
        let (key, answers) = (json!({"s": {"options": ["x"]}}), json!({"w": "Because.", "s": "x"}));
        let given = |given: Value| {
            let grade = grade_with(&questions, &key, &answers, &given);
            (grade.score_raw, grade.waits_for_person)
        };
        assert_eq!(given(json!({"w": 1.5})), (3.5, false));
        assert_eq!(given(json!({"w": 9})), (4.0, false), "no more than the question has");
        assert_eq!(given(json!({"w": -1, "s": 0})), (0.0, false));
        assert_eq!(given(json!({"s": 1, "w": "many"})), (1.0, true), "a value that is not a number is ignored");
    }

    #[test]
    fn answers_of_a_wrong_shape_count_as_wrong() {
        let questions = [question("m", "multiple"), question("n", "numeric"), question("s", "single")];
        let key = json!({"m": {"options": ["x"]}, "n": {"number": 1}, "s": {"options": ["x"]}});
        let grade = grade(&questions, &key, &json!({"m": "x", "n": "1e999", "s": ["x"]}));
        assert_eq!(grade.score_raw, 0.0);
    }

    #[test]
    fn a_test_without_points_is_zero_percent() {
        assert_eq!(grade(&[], &json!({}), &json!({})).score_percent, 0.0);
    }
}
