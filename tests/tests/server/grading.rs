//! The server grades every submitted test, and no client sets its columns.

use serde_json::{Map, Value, json};
use uuid::Uuid;
use waystation_model::Code;
use waystation_model::wire::Outcome as MutationOutcome;
use waystation_tests::Outcome;
use waystation_tests::caller::{Caller, Change, put};
use waystation_tests::school::{School, Test, open};
use waystation_tests::server::LocalServer;

struct Class {
    _server: LocalServer,
    school: School,
    course: Uuid,
    test: Test,
    instructor: Caller,
    learner: Caller,
}

async fn class(kind: &str, graded_by: &str, types: &[&str]) -> Outcome<Class> {
    let (server, mut school) = open().await?;
    let instructor = school.person("instructor", "rauf").await?;
    let learner = school.person("learner", "aysel").await?;
    let course = school.course(Some(instructor), "published", 1).await?;
    school.enrol(learner, &course).await?;
    let test = school.test(&course, kind, graded_by, types).await?;
    let instructor = Caller::sign_in(&server.url(), "rauf").await?;
    let learner = Caller::sign_in(&server.url(), "aysel").await?;
    Ok(Class { _server: server, school, course: course.id, test, instructor, learner })
}

impl Class {
    fn attempt(&self, id: Uuid, number: i64) -> Change {
        put("assessment_attempts")
            .id(id)
            .link("assessment_id", self.test.id)
            .link("user_id", self.learner.user)
            .link("course_id", self.course)
            .set("attempt_number", number)
            .set("started_at", 1_770_000_000_000_i64)
    }

    fn handed_in(&self, id: Uuid, number: i64, answers: &[Value]) -> Change {
        let answers: Map<String, Value> =
            self.test.questions.iter().zip(answers).map(|(question, answer)| (question.to_string(), answer.clone())).collect();
        self.attempt(id, number).set("submitted_at", 1_770_000_600_000_i64).set("answers", answers).set("time_taken_seconds", 600)
    }

    async fn graded(&mut self, id: Uuid) -> Outcome<Value> {
        let columns = "jsonb_build_array(status, score_raw, score_max, score_percent, passed, graded_at IS NOT NULL)";
        self.school.column("assessment_attempts", id, columns).await
    }
}

#[tokio::test]
async fn a_final_test_is_graded_on_push() -> Outcome<()> {
    let mut class = class("exam", "server", &["single", "numeric", "short_answer"]).await?;
    let (full, half) = (Uuid::now_v7(), Uuid::now_v7());
    let all_right = class.handed_in(full, 1, &[json!("yes"), json!("2,55"), json!(" FIRE ")]);
    let one_right = class.handed_in(half, 2, &[json!("no"), json!(9), json!("fire")]);
    assert_eq!(class.learner.push(vec![all_right, one_right]).await?, [MutationOutcome::Applied, MutationOutcome::Applied]);
    assert_eq!(class.graded(full).await?, json!(["graded", 6, 6, 100, true, true]));
    assert_eq!(class.graded(half).await?, json!(["graded", 2, 6, 33.33, false, true]));
    class.learner.pull().await?;
    assert_eq!(class.learner.row("assessment_attempts", full).ok_or("not received")?.columns["score_percent"], json!(100));
    class.instructor.pull().await?;
    assert_eq!(class.instructor.row("assessment_attempts", half).ok_or("not received")?.columns["passed"], json!(false));
    Ok(())
}

#[tokio::test]
async fn a_written_answer_is_graded_by_a_person() -> Outcome<()> {
    let mut class = class("exam", "server", &["single", "written"]).await?;
    let (written, empty) = (Uuid::now_v7(), Uuid::now_v7());
    let waits = class.handed_in(written, 1, &[json!("yes"), json!("Because.")]);
    let nothing = class.handed_in(empty, 2, &[json!("yes"), json!("  ")]);
    assert_eq!(class.learner.push(vec![waits, nothing]).await?, [MutationOutcome::Applied, MutationOutcome::Applied]);
    assert_eq!(class.graded(written).await?, json!(["submitted", null, 4, null, null, false]));
    assert_eq!(class.graded(empty).await?, json!(["graded", 2, 4, 50, true, true]));
    Ok(())
}

#[tokio::test]
async fn a_lesson_test_graded_by_the_laptop_is_graded_again() -> Outcome<()> {
    let mut class = class("quiz", "laptop", &["single", "multiple"]).await?;
    class.learner.pull().await?;
    assert_eq!(class.learner.all("answer_keys").len(), 1, "the laptop needs the key to grade");
    let id = Uuid::now_v7();
    let own_score = class.handed_in(id, 1, &[json!("yes"), json!(["no"])]).set("score_percent", 100.0);
    let (code, field) = class.learner.refusal(own_score).await?;
    assert_eq!((code, field.as_deref()), (Code::ServerColumn, Some("score_percent")));
    let handed_in = class.handed_in(id, 1, &[json!("yes"), json!(["no"])]);
    assert_eq!(class.learner.push_one(handed_in).await?, MutationOutcome::Applied);
    assert_eq!(class.graded(id).await?, json!(["graded", 2, 4, 50, true, true]));
    // The learner's answers stay as they were sent.
    let said = "jsonb_build_array(time_taken_seconds, date_part('epoch', submitted_at)::bigint)";
    assert_eq!(class.school.column("assessment_attempts", id, said).await?, json!([600, 1_770_000_600]));
    Ok(())
}

#[tokio::test]
async fn answers_are_given_once() -> Outcome<()> {
    let mut class = class("exam", "server", &["single"]).await?;
    let id = Uuid::now_v7();
    let begun = class.attempt(id, 1);
    assert_eq!(class.learner.push_one(begun).await?, MutationOutcome::Applied);
    assert_eq!(class.graded(id).await?, json!(["started", null, null, null, null, false]));
    let wrong = class.handed_in(id, 1, &[json!("no")]).on_own(1);
    assert_eq!(class.learner.push_one(wrong.clone()).await?, MutationOutcome::Applied);
    let right = class.handed_in(id, 1, &[json!("yes")]).on_own(2);
    let (code, field) = class.learner.refusal(right).await?;
    assert_eq!((code, field.as_deref()), (Code::AlreadySet, Some("answers")));
    assert!(
        matches!(class.learner.push_one(wrong).await?, MutationOutcome::Applied | MutationOutcome::Merged),
        "repeating an answer is no error"
    );
    assert_eq!(class.graded(id).await?, json!(["graded", 0, 2, 0, false, true]));
    Ok(())
}

#[tokio::test]
async fn attempts_are_limited_by_the_test() -> Outcome<()> {
    let mut class = class("exam", "server", &["single"]).await?;
    let third = class.attempt(Uuid::now_v7(), 3);
    assert_eq!(class.learner.refusal(third).await?.0, Code::NoAttemptsLeft);
    let first = Uuid::now_v7();
    let attempts = vec![class.attempt(first, 1), class.attempt(Uuid::now_v7(), 1), class.attempt(Uuid::now_v7(), 0)];
    let outcomes = class.learner.push(attempts).await?;
    assert_eq!(outcomes[0], MutationOutcome::Applied);
    assert!(
        matches!(&outcomes[1], MutationOutcome::Rejected { code: Code::Taken, field: Some(field), .. } if field == "attempt_number"),
        "{outcomes:?}"
    );
    assert!(matches!(outcomes[2], MutationOutcome::Rejected { code: Code::RuleBroken, .. }), "{outcomes:?}");
    // Fewer are allowed from now on: an attempt that was begun can still be submitted.
    class.school.run("UPDATE assessments SET attempts_max = 1; UPDATE assessment_attempts SET attempt_number = attempt_number").await?;
    let handed_in = class.handed_in(first, 1, &[json!("yes")]);
    assert!(matches!(class.learner.push_one(handed_in).await?, MutationOutcome::Applied | MutationOutcome::Merged));
    Ok(())
}

#[tokio::test]
async fn an_attempt_in_anothers_name_is_refused() -> Outcome<()> {
    let mut class = class("exam", "server", &["single"]).await?;
    let forged = class.handed_in(Uuid::now_v7(), 1, &[json!("no")]);
    let (code, field) = class.instructor.refusal(forged).await?;
    assert_eq!((code, field.as_deref()), (Code::NotAllowed, Some("user_id")));
    let id = Uuid::now_v7();
    let begun = class.attempt(id, 1);
    assert_eq!(class.learner.push_one(begun).await?, MutationOutcome::Applied);
    let answered = class.handed_in(id, 1, &[json!("no")]);
    let (code, field) = class.instructor.refusal(answered).await?;
    assert_eq!((code, field.as_deref()), (Code::NotAllowed, Some("submitted_at")));
    // Feedback is the instructor's, and learners cannot write it about themselves.
    class.instructor.pull().await?;
    let stamp = class.instructor.stamp("assessment_attempts", id);
    let feedback = put("assessment_attempts").id(id).on(stamp).set("feedback", "Try again.");
    let (code, field) = class.learner.refusal(feedback.clone()).await?;
    assert_eq!((code, field.as_deref()), (Code::NotAllowed, Some("feedback")));
    assert_eq!(class.instructor.push_one(feedback).await?, MutationOutcome::Applied);
    assert_eq!(class.school.count("assessment_attempts").await?, 1);
    assert_eq!(class.graded(id).await?, json!(["started", null, null, null, null, false]));
    Ok(())
}

#[tokio::test]
async fn a_late_test_counts_and_is_flagged() -> Outcome<()> {
    let mut class = class("exam", "server", &["single"]).await?;
    class.school.run("UPDATE assessments SET time_limit_seconds = 539").await?;
    let (late, in_time) = (Uuid::now_v7(), Uuid::now_v7());
    let answered = class.handed_in(late, 1, &[json!("yes")]);
    let sooner =
        class.attempt(in_time, 2).set("submitted_at", 1_770_000_599_000_i64).set("answers", json!({})).set("time_taken_seconds", 540);
    assert_eq!(class.learner.push(vec![answered, sooner]).await?, [MutationOutcome::Applied, MutationOutcome::Applied]);
    assert_eq!(class.graded(late).await?, json!(["graded", 2, 2, 100, true, true]));
    assert_eq!(class.school.column("assessment_attempts", late, "handed_in_late").await?, true);
    assert_eq!(class.school.column("assessment_attempts", in_time, "handed_in_late").await?, false);
    let forged = class.attempt(Uuid::now_v7(), 1).set("handed_in_late", false);
    assert_eq!(class.learner.refusal(forged).await?.0, Code::ServerColumn);
    Ok(())
}

#[tokio::test]
async fn the_instructor_gives_points_for_written_answers() -> Outcome<()> {
    let mut class = class("exam", "server", &["single", "written"]).await?;
    let id = Uuid::now_v7();
    let handed_in = class.handed_in(id, 1, &[json!("yes"), json!("Because.")]);
    assert_eq!(class.learner.push_one(handed_in).await?, MutationOutcome::Applied);
    class.instructor.pull().await?;
    let points = |stamp: i64, points: Value| put("assessment_attempts").id(id).on(stamp).set("given_points", points);
    let question = class.test.questions[1].to_string();
    let stamp = class.instructor.stamp("assessment_attempts", id);
    let (code, field) = class.learner.refusal(points(stamp, json!({&question: 2}))).await?;
    assert_eq!((code, field.as_deref()), (Code::NotAllowed, Some("given_points")));
    assert_eq!(class.instructor.refusal(points(stamp, json!(["2"]))).await?.0, Code::RuleBroken);
    assert_eq!(class.instructor.push_one(points(stamp, json!({&question: 1.5}))).await?, MutationOutcome::Applied);
    assert_eq!(class.graded(id).await?, json!(["graded", 3.5, 4, 87.5, true, true]));
    assert_eq!(class.school.column("assessment_attempts", id, "graded_by").await?, json!(class.instructor.user));
    // Another instructor who had not received it must choose.
    assert_eq!(
        class.instructor.push_one(points(stamp, json!({&question: 0})).on_own(2)).await?,
        MutationOutcome::Applied,
        "their own value again"
    );
    assert_eq!(class.graded(id).await?, json!(["graded", 2, 4, 50, true, true]));
    // Feedback changes no grade, and points that are removed await a grade again.
    class.school.run("UPDATE answer_keys SET keys = '{}'").await?;
    class.instructor.pull().await?;
    let feedback = put("assessment_attempts").id(id).on(class.instructor.stamp("assessment_attempts", id)).set("feedback", "Well.");
    assert_eq!(class.instructor.push_one(feedback).await?, MutationOutcome::Applied);
    assert_eq!(class.graded(id).await?, json!(["graded", 2, 4, 50, true, true]));
    class.instructor.pull().await?;
    let taken_back = points(class.instructor.stamp("assessment_attempts", id), Value::Null);
    assert_eq!(class.instructor.push_one(taken_back).await?, MutationOutcome::Applied);
    assert_eq!(class.graded(id).await?, json!(["submitted", null, 4, null, null, false]));
    class.learner.pull().await?;
    Ok(())
}

#[tokio::test]
async fn a_test_on_paper_is_not_graded_automatically() -> Outcome<()> {
    let mut class = class("exam", "server", &[]).await?;
    let id = Uuid::now_v7();
    let handed_in = class.handed_in(id, 1, &[]);
    assert_eq!(class.learner.push_one(handed_in).await?, MutationOutcome::Applied);
    assert_eq!(class.graded(id).await?, json!(["submitted", null, null, null, null, false]));
    Ok(())
}

/// What the learner receives for each question: for every attempt, whether each answer was right; null where nothing is sent.
async fn told(class: &mut Class) -> Outcome<Vec<Value>> {
    class.learner.pull().await?;
    let attempts = class.learner.all("assessment_attempts");
    let mut told: Vec<(i64, Value)> = attempts
        .values()
        .map(|row| {
            let right: Option<Vec<Value>> =
                row.columns["answer_grades"].as_array().map(|grades| grades.iter().map(|grade| grade["is_correct"].clone()).collect());
            (row.columns["attempt_number"].as_i64().unwrap_or(0), json!(right))
        })
        .collect();
    told.sort_by_key(|(number, _)| *number);
    Ok(told.into_iter().map(|(_, right)| right).collect())
}

#[tokio::test]
async fn question_results_of_a_final_test_are_sent_after_the_last_attempt() -> Outcome<()> {
    let mut class = class("exam", "server", &["single", "numeric"]).await?;
    let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
    let tried = class.handed_in(first, 1, &[json!("no"), json!(2.5)]);
    assert_eq!(class.learner.push_one(tried).await?, MutationOutcome::Applied);
    assert_eq!(class.graded(first).await?, json!(["graded", 2, 4, 50, true, true]), "the total is sent at once");
    assert_eq!(told(&mut class).await?, [Value::Null]);
    let last = class.handed_in(second, 2, &[json!("yes"), json!(1)]);
    assert_eq!(class.learner.push_one(last).await?, MutationOutcome::Applied);
    assert_eq!(told(&mut class).await?, [Value::Null, json!([true, false])]);
    Ok(())
}

#[tokio::test]
async fn question_results_that_reveal_a_key_are_never_sent() -> Outcome<()> {
    let mut class = class("exam", "server", &["single"]).await?;
    class.school.run("UPDATE assessments SET attempts_max = NULL").await?;
    let attempts: Vec<Change> = (1..=3).map(|number| class.handed_in(Uuid::now_v7(), number, &[json!("yes")])).collect();
    assert!(class.learner.push(attempts).await?.iter().all(|outcome| *outcome == MutationOutcome::Applied));
    assert_eq!(told(&mut class).await?, [Value::Null, Value::Null, Value::Null], "another attempt is always left");
    class.school.run("DELETE FROM assessment_attempts; UPDATE assessments SET attempts_max = 1, shows_explanations = false").await?;
    class.learner.pull_until("the attempts are gone", |learner, _| learner.all("assessment_attempts").is_empty()).await?;
    let only = class.handed_in(Uuid::now_v7(), 1, &[json!("yes")]);
    assert_eq!(class.learner.push_one(only).await?, MutationOutcome::Applied);
    assert_eq!(told(&mut class).await?, [Value::Null], "the test reveals no answers");
    Ok(())
}

#[tokio::test]
async fn question_results_of_a_lesson_test_are_sent_at_once() -> Outcome<()> {
    let mut class = class("quiz", "laptop", &["single", "numeric"]).await?;
    let tried = class.handed_in(Uuid::now_v7(), 1, &[json!("yes"), json!(1)]);
    assert_eq!(class.learner.push_one(tried).await?, MutationOutcome::Applied);
    assert_eq!(told(&mut class).await?, [json!([true, false])], "its key is on the laptop");
    Ok(())
}

#[tokio::test]
async fn a_closed_test_is_neither_begun_nor_graded() -> Outcome<()> {
    for closing in ["is_active = false", "deleted_at = now()"] {
        let mut class = class("exam", "server", &["single"]).await?;
        let begun = Uuid::now_v7();
        let attempt = class.attempt(begun, 1);
        assert_eq!(class.learner.push_one(attempt).await?, MutationOutcome::Applied);
        class.school.run(format!("UPDATE assessments SET {closing}")).await?;
        let new = class.handed_in(Uuid::now_v7(), 2, &[json!("yes")]);
        let refused = class.learner.refusal(new).await?;
        assert_eq!(refused, (Code::TestClosed, Some("assessment_id".to_owned())), "{closing}");
        // An attempt that was begun before is submitted, and a person grades it.
        let handed_in = class.handed_in(begun, 1, &[json!("yes")]);
        assert!(matches!(class.learner.push_one(handed_in).await?, MutationOutcome::Applied | MutationOutcome::Merged), "{closing}");
        assert_eq!(class.graded(begun).await?, json!(["submitted", null, null, null, null, false]), "{closing}");
        class.instructor.pull().await?;
        let stamp = class.instructor.stamp("assessment_attempts", begun);
        let points = json!({class.test.questions[0].to_string(): 1});
        let given = put("assessment_attempts").id(begun).on(stamp).set("given_points", points);
        assert_eq!(class.instructor.push_one(given).await?, MutationOutcome::Applied, "{closing}");
        assert_eq!(class.graded(begun).await?, json!(["graded", 1, 2, 50, true, true]), "{closing}");
    }
    Ok(())
}
