//! Tests, their answer keys and the learners' attempts.

use super::super::*;
use super::courses::{COURSE_STAFF_OR_STAFF, OF_COURSE_OR_STAFF};
use crate::access::{Rules, Who};
use crate::grading::QUESTION_TYPES;

/// A test of a topic, a module or a course, or without a course. Only the server grades an exam.
pub static ASSESSMENTS: Entity = Entity {
    name: "assessments",
    code: 24,
    columns: &[
        key("course_id").references("courses", OnDelete::Cascade, &["published"]).optional(),
        // Follows its topic to another module.
        carried("module_id").references("modules", OnDelete::Cascade, &["course_id"]).optional(),
        key("topic_id").references("topics", OnDelete::Cascade, &["module_id"]).optional(),
        column("kind", Kind::Choice(&["quiz", "exam", "assignment"]), Merge::Ask).default("\"quiz\""),
        column("title", Kind::Text, Merge::Latest).length_max(255),
        column("description", Kind::Text, Merge::Latest),
        column("passing_percent", Kind::Float, Merge::Ask).default("70.0").between(0, 100),
        column("attempts_max", Kind::Int, Merge::Ask).optional().at_least(1),
        column("time_limit_seconds", Kind::Int, Merge::Ask).optional().at_least(1),
        // `laptop`: then the answer key is in the course's scope.
        column("graded_by", Kind::Choice(&["laptop", "server"]), Merge::Ask).default("\"server\""),
        column("shows_explanations", Kind::Bool, Merge::Latest).default("true"),
        column("is_required", Kind::Bool, Merge::Latest).default("true"),
        column("position", Kind::Int, Merge::LatestQuiet),
        column("settings", Kind::Json, Merge::Latest),
        // Questions on paper, with the answers in the key.
        column("pdf_media_asset_id", Kind::Uuid, Merge::Latest).references("media_assets", OnDelete::Restrict, &[]).optional(),
        column("is_active", Kind::Bool, Merge::Latest).default("true"),
        column("created_by", Kind::Uuid, Merge::Key).references("users", OnDelete::Restrict, &[]).optional().names_author(),
        column("deleted_at", Kind::Timestamp, Merge::Ask).optional(),
        column("published", Kind::Bool, Merge::Server),
    ],
    id: IdRule::Generated,
    scopes: OF_COURSE_OR_STAFF,
    write: COURSE_STAFF_OR_STAFF,
    delete: COURSE_STAFF_OR_STAFF,
    access: &[],
    constraints: constraints().checks(&[
        check("exam", "graded_by", &[Rule::Implies(When::Equals("kind", "exam"), When::Equals("graded_by", "server"))]),
        check("place", "topic_id", &[Rule::Needs("module_id", "course_id"), Rule::Needs("topic_id", "module_id")]),
    ]),
    record: record(Section::Tests, Label::First(&["title"])).search(&["description"]),
};

/// One question. The right answer and its explanation are in the answer key.
pub static QUESTIONS: Entity = Entity {
    name: "questions",
    code: 25,
    columns: &[
        key("assessment_id").references("assessments", OnDelete::Cascade, &[]),
        carried("course_id").references("courses", OnDelete::Cascade, &["published"]).optional(),
        column("position", Kind::Int, Merge::LatestQuiet),
        column("question_type", Kind::Choice(QUESTION_TYPES), Merge::Latest).default("\"single\""),
        column("text", Kind::Text, Merge::Latest),
        column("points", Kind::Float, Merge::Latest).default("1.0").at_least(0),
        column("published", Kind::Bool, Merge::Server),
    ],
    id: IdRule::Generated,
    scopes: OF_COURSE_OR_STAFF,
    write: COURSE_STAFF_OR_STAFF,
    delete: COURSE_STAFF_OR_STAFF,
    access: &[],
    constraints: constraints(),
    record: record(Section::Tests, Label::First(&["text"])).part_of("assessment_id"),
};

/// One option of a question.
pub static QUESTION_OPTIONS: Entity = Entity {
    name: "question_options",
    code: 26,
    columns: &[
        key("question_id").references("questions", OnDelete::Cascade, &[]),
        carried("course_id").references("courses", OnDelete::Cascade, &["published"]).optional(),
        column("position", Kind::Int, Merge::LatestQuiet),
        column("text", Kind::Text, Merge::Latest).length_max(5_000),
        column("published", Kind::Bool, Merge::Server),
    ],
    id: IdRule::Generated,
    scopes: OF_COURSE_OR_STAFF,
    write: COURSE_STAFF_OR_STAFF,
    delete: COURSE_STAFF_OR_STAFF,
    access: &[],
    constraints: constraints(),
    record: record(Section::Tests, Label::First(&["text"])).part_of("question_id"),
};

/// The right answers of one test, with explanations.
pub static ANSWER_KEYS: Entity = Entity {
    name: "answer_keys",
    code: 27,
    columns: &[
        key("assessment_id").references("assessments", OnDelete::Cascade, &[]),
        carried("course_id").references("courses", OnDelete::Cascade, &[]).optional(),
        // The test is graded on laptops.
        column("shared", Kind::Bool, Merge::Server),
        // {question id: {"options": [ids]} | {"number", "tolerance"} | {"accepted": [texts]}}
        column("keys", Kind::Json, Merge::Latest).length_max(100_000).format(Format::Object),
        // {question id: text}
        column("explanations", Kind::Json, Merge::Latest).length_max(100_000).format(Format::Object),
        // Of a test on paper: {"1": "A"}, {"11": "25"}.
        column("mcq_answers", Kind::Json, Merge::Latest).optional(),
        column("numeric_answers", Kind::Json, Merge::Latest).optional(),
        column("written_instructions", Kind::Text, Merge::Latest).optional(),
    ],
    id: IdRule::Derived(&["assessment_id"]),
    scopes: &[
        in_scope(ScopeKind::CourseStaff, "course_id"),
        in_scope(ScopeKind::Course, "course_id").when(When::True("shared")),
        in_scope(ScopeKind::OrgStaff, "organization_id").when(When::Null("course_id")),
    ],
    write: COURSE_STAFF_OR_STAFF,
    delete: COURSE_STAFF_OR_STAFF,
    access: &[],
    constraints: constraints(),
    record: record(Section::Tests, Label::All(&["assessment_id"])).part_of("assessment_id"),
};

/// Only the learner creates and answers an attempt: otherwise the staff could answer in a learner's name.
const THE_LEARNER: Rules = &[&[Who::Is("user_id")]];
const THE_INSTRUCTOR: Rules = &[&[Who::Subscribes(ScopeKind::Results, "course_id")]];

/// One learner's attempt at one test. The server computes the score.
pub static ASSESSMENT_ATTEMPTS: Entity = Entity {
    name: "assessment_attempts",
    code: 29,
    columns: &[
        key("assessment_id").references("assessments", OnDelete::Restrict, &[]),
        key("user_id").references("users", OnDelete::Restrict, &[]).by(THE_LEARNER),
        carried("course_id").references("courses", OnDelete::Restrict, &[]).optional(),
        // 1 is the first.
        column("attempt_number", Kind::Int, Merge::Key).required().at_least(1),
        column("started_at", Kind::Timestamp, Merge::Key),
        column("submitted_at", Kind::Timestamp, Merge::Once).optional().by(THE_LEARNER),
        // {question id: answer}
        column("answers", Kind::Json, Merge::Once).length_max(200_000).default("{}").by(THE_LEARNER).format(Format::Object),
        column("time_taken_seconds", Kind::Int, Merge::Once).optional().by(THE_LEARNER).at_least(0),
        column("clock_moved", Kind::Bool, Merge::Once).by(THE_LEARNER),
        column("status", Kind::Choice(&["started", "submitted", "graded"]), Merge::Server).default("\"started\""),
        column("score_raw", Kind::Float, Merge::Server).optional().at_least(0),
        column("score_max", Kind::Float, Merge::Server).optional().at_least(0),
        column("score_percent", Kind::Float, Merge::Server).optional().between(0, 100),
        column("passed", Kind::Bool, Merge::Server).optional(),
        column("graded_at", Kind::Timestamp, Merge::Server).optional(),
        // The person who gave points; null: the server graded it.
        column("graded_by", Kind::Uuid, Merge::Server).references("users", OnDelete::Restrict, &[]).optional(),
        // A list of `GradedAnswer`. Null while the server grades the test and the learner has an attempt left: grades per question
        // would reveal the right answers.
        column("answer_grades", Kind::Json, Merge::Server).optional().length_max(200_000),
        column("feedback", Kind::Text, Merge::Ask).optional().by(THE_INSTRUCTOR),
        // {question id: points}: points by a person, which replace those of the answer key in the score.
        column("given_points", Kind::Json, Merge::Ask).optional().by(THE_INSTRUCTOR).format(Format::Object),
        // After the time limit, by the laptop's clock. The attempt is graded all the same, and the instructor decides.
        column("handed_in_late", Kind::Bool, Merge::Server),
    ],
    id: IdRule::Generated,
    scopes: &[in_scope(ScopeKind::Learner, "user_id"), in_scope(ScopeKind::Results, "course_id")],
    write: &[&[Who::Is("user_id"), Who::Subscribes(ScopeKind::Course, "course_id")], &[Who::Subscribes(ScopeKind::Results, "course_id")]],
    delete: &[],
    access: &[],
    constraints: constraints().unique(&[unique(&["user_id", "assessment_id", "attempt_number"]).everywhere()]),
    record: record(Section::Tests, Label::All(&["user_id", "assessment_id", "attempt_number"]))
        .search(&["feedback"])
        .part_of("assessment_id")
        .earns("user_id"),
};
