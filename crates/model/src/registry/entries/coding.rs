//! Coding tasks, their test cases, and the programs that learners hand in.

use super::super::*;
use crate::access::{Role, Rules, Who};

/// Everybody's while the task is published, the staff's otherwise.
const OF_TASK: &[ScopeRule] = &[
    in_scope(ScopeKind::Org, "organization_id").when(When::True("published")),
    in_scope(ScopeKind::OrgStaff, "organization_id").when(When::False("published")),
];

const THE_LEARNER: Rules = &[&[Who::Is("user_id")]];

/// Who says what became of a submission. A learner who could would decide the ranking.
const THE_TEACHER: Rules = &[&[Who::Subscribes(ScopeKind::Roster, "group_id")], &[Who::Has(Role::Admin)]];

/// A subject of coding tasks.
pub static CODING_TOPICS: Entity = Entity {
    name: "coding_topics",
    code: 59,
    columns: &[column("name", Kind::Text, Merge::Ask).length_max(255).required().format(Format::NotEmpty)],
    id: IdRule::Generated,
    scopes: &[in_scope(ScopeKind::Org, "organization_id")],
    write: &[&[Who::Staff]],
    delete: &[&[Who::Staff]],
    access: &[],
    constraints: constraints().unique(&[unique(&["name"])]),
    record: record(Section::Coding, Label::First(&["name"])),
};

/// A program to write.
pub static CODING_TASKS: Entity = Entity {
    name: "coding_tasks",
    code: 60,
    columns: &[
        column("coding_topic_id", Kind::Uuid, Merge::Latest).references("coding_topics", OnDelete::SetNull, &[]).optional(),
        column("title", Kind::Text, Merge::Latest).length_max(255),
        column("description", Kind::Text, Merge::Latest),
        column("starter_code", Kind::Text, Merge::Latest).length_max(100_000),
        column("difficulty", Kind::Choice(&["easy", "medium", "hard"]), Merge::Latest).default("\"easy\""),
        column("points", Kind::Int, Merge::Latest).optional().at_least(0),
        column("position", Kind::Int, Merge::LatestQuiet),
        column("is_active", Kind::Bool, Merge::Latest).default("true"),
        column("deleted_at", Kind::Timestamp, Merge::Ask).optional(),
        key("created_by").references("users", OnDelete::Restrict, &[]).optional().names_author(),
        // Active and not deleted. The server copies it to the test cases.
        column("published", Kind::Bool, Merge::Server),
    ],
    id: IdRule::Generated,
    scopes: OF_TASK,
    write: &[&[Who::Staff]],
    delete: &[],
    access: &[],
    constraints: constraints(),
    record: record(Section::Coding, Label::First(&["title"])).search(&["description"]),
};

/// An input of a coding task and the output that is expected.
pub static CODING_TEST_CASES: Entity = Entity {
    name: "coding_test_cases",
    code: 61,
    columns: &[
        key("coding_task_id").references("coding_tasks", OnDelete::Cascade, &["published"]),
        column("input", Kind::Text, Merge::Latest).length_max(100_000),
        column("expected", Kind::Text, Merge::Latest).length_max(100_000),
        column("explanation", Kind::Text, Merge::Latest).optional(),
        column("position", Kind::Int, Merge::LatestQuiet),
        // Learners never receive it.
        column("is_hidden", Kind::Bool, Merge::Ask),
        column("published", Kind::Bool, Merge::Server),
        // Not hidden, and the task is published.
        column("shown", Kind::Bool, Merge::Server),
    ],
    id: IdRule::Generated,
    scopes: &[
        in_scope(ScopeKind::Org, "organization_id").when(When::True("shown")),
        in_scope(ScopeKind::OrgStaff, "organization_id").when(When::False("shown")),
    ],
    write: &[&[Who::Staff]],
    delete: &[&[Who::Staff]],
    access: &[],
    constraints: constraints(),
    record: record(Section::Coding, Label::First(&["input", "expected"])).search(&["explanation"]).part_of("coding_task_id"),
};

/// A program that a learner has handed in, and what became of it.
pub static CODING_SUBMISSIONS: Entity = Entity {
    name: "coding_submissions",
    code: 62,
    columns: &[
        key("coding_task_id").references("coding_tasks", OnDelete::Restrict, &[]),
        key("user_id").references("users", OnDelete::Restrict, &[]).by(THE_LEARNER),
        column("submitted_at", Kind::Timestamp, Merge::Key),
        column("submitted_code", Kind::Text, Merge::Key).length_max(100_000).required().format(Format::NotEmpty),
        // 1 is the first. Empty on a laptop until the server has counted.
        column("attempt_number", Kind::Int, Merge::Server).optional().at_least(1),
        // The learner's group when they handed it in: its teacher reads it.
        column("group_id", Kind::Uuid, Merge::Server).references("groups", OnDelete::SetNull, &[]).optional(),
        // Empty until somebody has run it.
        column("status", Kind::Choice(&["passed", "failed", "error", "timeout"]), Merge::Ask).optional().group("result").by(THE_TEACHER),
        column("passed_count", Kind::Int, Merge::Ask).optional().group("result").by(THE_TEACHER).at_least(0),
        column("failed_count", Kind::Int, Merge::Ask).optional().group("result").by(THE_TEACHER).at_least(0),
        column("error_message", Kind::Text, Merge::Ask).optional().group("result").by(THE_TEACHER),
        column("runtime_ms", Kind::Int, Merge::Ask).optional().group("result").by(THE_TEACHER).at_least(0),
    ],
    id: IdRule::Generated,
    scopes: &[
        in_scope(ScopeKind::Learner, "user_id"),
        in_scope(ScopeKind::Roster, "group_id"),
        in_scope(ScopeKind::People, "organization_id").when(When::Null("group_id")),
    ],
    write: &[&[Who::Is("user_id")], &[Who::Subscribes(ScopeKind::Roster, "group_id")], &[Who::Has(Role::Admin)]],
    delete: &[],
    access: &[],
    constraints: constraints(),
    record: record(Section::Coding, Label::All(&["user_id", "coding_task_id", "attempt_number"]))
        .part_of("coding_task_id")
        .earns("user_id"),
};
