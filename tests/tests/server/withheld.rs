//! A row that no laptop can receive blocks nothing: a push that would make one is refused, and one made by plain SQL is withheld from its
//! feeds, reported and counted, while all other rows arrive.

use serde_json::{Value, json};
use sync_server::verify::{repair, verify};
use uuid::Uuid;
use waystation_model::Code;
use waystation_model::wire::Outcome as MutationOutcome;
use waystation_tests::Outcome;
use waystation_tests::caller::{Caller, put};
use waystation_tests::laptop::Laptop;
use waystation_tests::school::{Course, School, Test, open};
use waystation_tests::server::LocalServer;

struct Class {
    server: LocalServer,
    school: School,
    course: Course,
    test: Test,
    instructor: Caller,
    learner: Caller,
}

async fn class() -> Outcome<Class> {
    let (server, mut school) = open().await?;
    let rauf = school.person("instructor", "rauf").await?;
    let aysel = school.person("learner", "aysel").await?;
    let course = school.course(Some(rauf), "published", 3).await?;
    school.enrol(aysel, &course).await?;
    let test = school.test(&course, "exam", "server", &["single"]).await?;
    let mut instructor = Caller::sign_in(&server.url(), "rauf").await?;
    let learner = Caller::sign_in(&server.url(), "aysel").await?;
    instructor.pull().await?;
    Ok(Class { server, school, course, test, instructor, learner })
}

impl Class {
    fn topic(&self, number: usize) -> Uuid {
        self.course.topics[number]
    }

    async fn rename(&mut self, number: usize, title: &str) -> Outcome<MutationOutcome> {
        let topic = self.topic(number);
        self.instructor.push_one(put("topics").id(topic).set("title", title)).await
    }

    /// The instructor receives everything in the course except this row, which is reported.
    async fn is_withheld(&mut self, entity: &str, id: Uuid) -> Outcome<()> {
        self.rename(0, "beside it").await?;
        let pulled = self.instructor.pull().await?;
        assert!(pulled.withheld.iter().any(|(_, of, row)| of == entity && *row == id), "{entity} {id}: {:?}", pulled.withheld);
        assert!(self.instructor.row(entity, id).is_none());
        assert_eq!(self.instructor.row("topics", self.topic(0)).ok_or("not received")?.columns["title"], json!("beside it"));
        // A later laptop reads the whole scope from the beginning, and its checksum matches as well.
        let mut later = Caller::sign_in(&self.server.url(), "rauf").await?;
        later.pull().await?;
        assert!(later.row(entity, id).is_none());
        assert!(later.row("topics", self.topic(1)).is_some());
        let report = verify(&self.server.server().app().pool).await?;
        assert_eq!((report.faults.as_slice(), report.withheld), ([].as_slice(), 1));
        Ok(())
    }
}

fn attempt(class: &Class, id: Uuid, number: i64, answers: Value) -> waystation_tests::caller::Change {
    put("assessment_attempts")
        .id(id)
        .link("assessment_id", class.test.id)
        .link("user_id", class.learner.user)
        .link("course_id", class.course.id)
        .set("attempt_number", number)
        .set("started_at", 1_770_000_000_000_i64)
        .set("answers", answers)
}

fn is_applied(outcome: &MutationOutcome) -> bool {
    matches!(outcome, MutationOutcome::Applied | MutationOutcome::Merged)
}

fn nested(levels: usize) -> Value {
    (0..levels).fold(json!(1), |inside, _| json!([inside]))
}

#[tokio::test]
async fn answers_that_expand_fifty_times_are_refused_and_the_rest_of_the_push_is_applied() -> Outcome<()> {
    let mut class = class().await?;
    let (large, fine) = (Uuid::now_v7(), Uuid::now_v7());
    let grows = attempt(&class, large, 1, json!({"q": vec![1e308; 28_500]}));
    let stays = attempt(&class, fine, 2, json!({"q": "yes"}));
    let outcomes = class.learner.push(vec![grows, stays]).await?;
    assert!(
        matches!(&outcomes[0], MutationOutcome::Rejected { code: Code::BadValue, field: Some(field), .. } if field == "answers"),
        "{outcomes:?}"
    );
    assert_eq!(outcomes[1], MutationOutcome::Applied);
    class.instructor.pull().await?;
    assert!(class.instructor.row("assessment_attempts", fine).is_some());
    assert!(class.instructor.row("assessment_attempts", large).is_none());
    Ok(())
}

#[tokio::test]
async fn a_row_of_twelve_megabytes_by_plain_sql_is_withheld_and_a_laptop_continues() -> Outcome<()> {
    let mut class = class().await?;
    let course = class.course.id;
    let row =
        json!({"id": Uuid::now_v7(), "module_id": class.course.module, "course_id": course, "kind": "text", "title": "Text", "body": {}});
    let item = class.school.insert("content_items", row).await?;
    class.instructor.pull().await?;
    assert!(class.instructor.row("content_items", item).is_some());
    let laptop = Laptop::of("rauf", &class.server.url()).await?;

    class
        .school
        .run(format!("UPDATE content_items SET body = jsonb_build_object('text', repeat('x', 12000000)) WHERE id = '{item}'"))
        .await?;
    class.is_withheld("content_items", item).await?;
    laptop.until("topic", json!({"id": class.topic(0)}), |topic| topic.to_string().contains("beside it")).await?;
    let status = laptop.wait_until_synced().await?;
    assert_eq!(status["problem"], Value::Null);
    assert_eq!(laptop.call("sync_centre", json!({})).await?["withheld_rows"], json!(1), "the person is informed");

    // Corrected, it returns without further action.
    class.school.run(format!("UPDATE content_items SET body = '{{}}' WHERE id = '{item}'")).await?;
    class.instructor.pull_until("the row is back", |caller, _| caller.row("content_items", item).is_some()).await?;
    assert_eq!(verify(&class.server.server().app().pool).await?.withheld, 0);
    laptop.until("sync_centre", json!({}), |centre| centre["withheld_rows"] == 0).await?;
    Ok(())
}

#[tokio::test]
async fn a_number_beyond_every_double_blocks_no_page_and_no_outbox() -> Outcome<()> {
    let mut class = class().await?;
    let course = class.course.id;
    class.school.run(format!("UPDATE courses SET metadata = '{{\"a\": 1e400}}' WHERE id = '{course}'")).await?;
    let change = put("courses").id(course).set("title", "Another");
    let outcomes = class.instructor.push(vec![change, put("topics").id(class.topic(1)).set("title", "after it")]).await?;
    assert!(matches!(&outcomes[0], MutationOutcome::Rejected { code: Code::RowUnreadable, .. }), "{outcomes:?}");
    assert!(is_applied(&outcomes[1]), "the following change is accepted: {outcomes:?}");
    class.is_withheld("courses", course).await
}

#[tokio::test]
async fn the_largest_double_never_makes_a_row_unwritable() -> Outcome<()> {
    let mut class = class().await?;
    let course = class.course.id;
    let outcome = class.instructor.push_one(put("courses").id(course).set("metadata", json!({"a": f64::MAX}))).await?;
    assert!(is_applied(&outcome) || matches!(outcome, MutationOutcome::Rejected { code: Code::BadValue, .. }), "{outcome:?}");
    let outcome = class.instructor.push_one(put("courses").id(course).set("title", "Goes on")).await?;
    assert!(is_applied(&outcome), "{outcome:?}");
    class.instructor.pull().await?;
    assert_eq!(class.instructor.row("courses", course).ok_or("not received")?.columns["title"], json!("Goes on"));
    Ok(())
}

#[tokio::test]
async fn json_nesting_is_limited() -> Outcome<()> {
    let mut class = class().await?;
    let course = class.course.id;
    let metadata = |levels| put("courses").id(course).set("metadata", nested(levels));
    assert_eq!(class.instructor.refusal(metadata(65)).await?, (Code::BadValue, Some("metadata".to_owned())));
    assert!(is_applied(&class.instructor.push_one(metadata(64)).await?));
    let mut later = Caller::sign_in(&class.server.url(), "rauf").await?;
    later.pull().await?;
    assert_eq!(later.row("courses", course).ok_or("not received")?.columns["metadata"], nested(64));
    let deep = nested(200).to_string();
    class.school.run(format!("UPDATE courses SET metadata = '{deep}' WHERE id = '{course}'")).await?;
    class.is_withheld("courses", course).await
}

#[tokio::test]
async fn infinity_by_plain_sql_blocks_no_page_and_no_outbox() -> Outcome<()> {
    let mut class = class().await?;
    let enrolment = class.school.value("SELECT id FROM enrollments").await?;
    let enrolment: Uuid = enrolment.as_str().ok_or("no id")?.parse()?;
    class.school.run(format!("UPDATE enrollments SET due_at = 'infinity' WHERE id = '{enrolment}'")).await?;
    class.is_withheld("enrollments", enrolment).await?;
    class.school.run(format!("UPDATE enrollments SET due_at = NULL WHERE id = '{enrolment}'")).await?;
    class.instructor.pull_until("the row is back", |caller, _| caller.row("enrollments", enrolment).is_some()).await?;
    class.school.run(format!("UPDATE enrollments SET due_at = '-infinity' WHERE id = '{enrolment}'")).await?;
    class.is_withheld("enrollments", enrolment).await?;
    let (code, _) = class.instructor.refusal(put("enrollments").id(enrolment).set("status", "dropped")).await?;
    assert_eq!(code, Code::RowUnreadable);
    Ok(())
}

#[tokio::test]
async fn an_unreadable_key_refuses_no_attempt() -> Outcome<()> {
    let mut class = class().await?;
    class.school.run("UPDATE answer_keys SET keys = '{\"a\": 1e400}'").await?;
    let id = Uuid::now_v7();
    let handed_in = attempt(&class, id, 1, json!({"q": "yes"})).set("submitted_at", 1_770_000_600_000_i64);
    assert_eq!(class.learner.push_one(handed_in).await?, MutationOutcome::Applied);
    assert_eq!(class.school.column("assessment_attempts", id, "score_percent").await?, Value::Null);
    Ok(())
}

#[tokio::test]
async fn a_name_with_a_nul_character_is_one_outcome_and_no_server_error() -> Outcome<()> {
    let mut class = class().await?;
    let (code, _) = class.instructor.refusal(put("to\0pics").id(Uuid::now_v7()).set("title", "x")).await?;
    assert_eq!(code, Code::UnknownEntity);
    let (code, field) = class.instructor.refusal(put("topics").id(class.topic(0)).set("ti\0tle", "x")).await?;
    assert_eq!((code, field.as_deref()), (Code::UnknownColumn, Some("ti\u{fffd}tle")));
    Ok(())
}

#[tokio::test]
async fn repair_retries_withheld_rows() -> Outcome<()> {
    let mut class = class().await?;
    let course = class.course.id;
    class.school.run(format!("UPDATE courses SET metadata = '{{\"a\": 1e400}}' WHERE id = '{course}'")).await?;
    class.is_withheld("courses", course).await?;
    let pool = &class.server.server().app().pool;
    repair(pool).await?;
    assert_eq!(verify(pool).await?.withheld, 0, "it is live again until a page includes it");
    class.is_withheld("courses", course).await
}

#[tokio::test]
async fn the_size_of_a_value_is_that_of_postgresqls_json_without_spaces() -> Outcome<()> {
    let (_server, mut school) = open().await?;
    let values = [
        json!({"a": [true, false, null, "\u{1}\"\\\n\t\u{7f}ə"], "b": {"c": {}}, "d": []}),
        json!([0, 1, -1, i64::MAX, u64::MAX, 0.1, -2.5, 100.0, 1e15, 1e16, 1e21, 1.5e300, -1e308, f64::MAX]),
        json!([1e-5, 1e-7, -1.5e-7, 5e-324, f64::MIN_POSITIVE, 123_456.789]),
    ];
    for value in values {
        let written: String = sqlx::query_scalar("SELECT $1::jsonb::text").bind(&value).fetch_one(&mut school.sql).await?;
        let spaces = written.matches(", ").count() + written.matches(": ").count();
        assert_eq!(waystation_model::registry::written_bytes(&value), written.len() - spaces, "{written}");
    }
    Ok(())
}
