//! Taking a test.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

/// One attempt in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct AttemptCard {
    /// The attempt.
    pub id: String,
    /// Its test.
    pub assessment_id: String,
    /// Its test's title, or that of its course where the test is not on this laptop.
    pub assessment_title: String,
    /// Its number: 1 is the first.
    pub attempt_number: u32,
    /// `started`, `submitted` (handed in, waiting for the server or a person) or `graded`.
    pub state: String,
    /// Percent reached.
    pub score_percent: Option<f64>,
    /// Points reached.
    pub score_raw: Option<f64>,
    /// Points possible.
    pub score_max: Option<f64>,
    /// Passed or not.
    pub passed: Option<bool>,
    /// Whether this laptop graded it and the server has not confirmed it yet.
    pub provisional: bool,
    /// When it was begun.
    #[ts(type = "number")]
    pub started_at: i64,
    /// When it was handed in.
    #[ts(type = "number | null")]
    pub submitted_at: Option<i64>,
}

/// An attempt, opened: the questions, and the answers so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Attempt {
    /// The attempt's card.
    pub card: AttemptCard,
    /// Its course.
    pub course_id: Option<String>,
    /// `quiz`, `exam` or `assignment`.
    pub kind: String,
    /// What the test is about.
    pub description: String,
    /// Percent needed.
    pub passing_percent: f64,
    /// True when this laptop grades it at once, false when the server does.
    pub graded_here: bool,
    /// Seconds left at the time of the answer; none without a limit.
    #[ts(type = "number | null")]
    pub seconds_left: Option<i64>,
    /// Whether the laptop's clock was set during the test; noted for the grader.
    pub clock_moved: bool,
    /// The index of the question to show first: the one that the person was at.
    pub at_question: u32,
    /// The questions in order.
    pub questions: Vec<Question>,
    /// The grader's feedback.
    pub feedback: String,
}

/// One question of an attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Question {
    /// The question.
    pub id: String,
    /// `single`, `multiple`, `true_false`, `numeric`, `short_answer` or `written`.
    pub question_type: String,
    /// The text.
    pub text: String,
    /// Points for a right answer.
    pub points: f64,
    /// The options of a choice question.
    pub options: Vec<QuestionOption>,
    /// The answer so far: an option id, a list of them, or text. Null: none.
    #[ts(type = "string | string[] | null")]
    pub answer: Value,
    /// Whether the person flagged it.
    pub flagged: bool,
    /// After grading, where the test shows it: right or wrong.
    pub is_correct: Option<bool>,
    /// After grading: points earned.
    pub points_earned: Option<f64>,
    /// After grading, where the test shows it: why the answer is right.
    pub explanation: String,
    /// After grading, where the test shows explanations and no attempt is left that could copy it: the right answer.
    pub right_answer: Option<RightAnswer>,
}

/// What counts as right. Of the three, the one that fits the question's type is filled.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS)]
pub struct RightAnswer {
    /// The ids of the right options.
    pub options: Vec<String>,
    /// The right number.
    pub number: Option<f64>,
    /// The accepted texts.
    pub accepted: Vec<String>,
}

/// One option of a question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct QuestionOption {
    /// The option.
    pub id: String,
    /// The text.
    pub text: String,
}

/// Begins a test, or continues the unfinished attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct StartAttempt {
    /// The test.
    pub assessment_id: String,
}

/// Stores one answer at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Answer {
    /// The attempt.
    pub attempt_id: String,
    /// The question.
    pub question_id: String,
    /// As in [`Question::answer`].
    #[ts(type = "string | string[] | null")]
    pub answer: Value,
    /// Whether the person flagged it.
    pub flagged: bool,
    /// The index of the question on the screen, to return to.
    pub at_question: u32,
}
