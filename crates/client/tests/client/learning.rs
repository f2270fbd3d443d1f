//! Rules over several rows on the laptop: what is locked and what opens it, enrolling oneself, and what is recorded about a person.

use std::sync::Arc;

use crate::screens::{call, fill_course, learner, org, sent, signed_in};
use crate::support::http::Server;
use crate::support::*;
use serde_json::{Value, json};
use waystation_client::app::App;
use waystation_model::Code;
use waystation_model::access::Role;

/// Changes rows on the server and waits until the laptop has them.
async fn changed(server: &Server, app: &App, change: impl FnOnce(&mut server::Core)) {
    change(&mut server.core.lock().unwrap());
    call(app, "sync_now", json!({})).await.unwrap();
    sent(app).await;
}

async fn lock_of(app: &App, topic: u128) -> Value {
    call(app, "topic", json!({"id": id(topic)})).await.unwrap()["card"]["lock"].clone()
}

fn lock(kind: &str, titles: &[&str]) -> Value {
    json!({"kind": kind, "titles": titles, "day": null})
}

async fn code_of(app: &App, name: &str, arguments: Value) -> Option<Code> {
    call(app, name, arguments).await.err().map(|problem| problem.code)
}

async fn with_condition(condition: Value) -> (Arc<Server>, Laptop, App) {
    let (server, laptop, app) = learner().await;
    changed(&server, &app, |core| {
        core.put("modules", Some(id(31)), &[("unlock_condition", condition)]);
        for topic in 40..44_u128 {
            core.put("topics", Some(id(topic)), &[("requires_previous", json!(false))]);
        }
    })
    .await;
    (server, laptop, app)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_topic_is_refused_by_the_commands_and_says_what_opens_it() {
    let (_server, _laptop, app) = learner().await;
    let locked = call(&app, "topic", json!({"id": id(41)})).await.unwrap();
    assert_eq!(locked["card"]["lock"], lock("topic", &["Topic 0.0"]));
    assert_eq!(locked["items"], json!([]), "its contents are not handed to the screen");
    assert_eq!(code_of(&app, "mark_topic", json!({"topic_id": id(41), "completed": true})).await, Some(Code::ContentLocked));
    let note = json!({"content_item_id": id(51), "page": 1, "second": null, "percent": 10, "seconds_spent": 5});
    assert_eq!(code_of(&app, "note_position", note.clone()).await, Some(Code::ContentLocked));
    call(&app, "mark_topic", json!({"topic_id": id(40), "completed": true})).await.unwrap();
    assert_eq!(lock_of(&app, 41).await, Value::Null);
    assert_eq!(code_of(&app, "note_position", note).await, None);
    call(&app, "mark_topic", json!({"topic_id": id(41), "completed": true})).await.unwrap();
    call(&app, "mark_topic", json!({"topic_id": id(40), "completed": false})).await.unwrap();
    assert_eq!(lock_of(&app, 41).await, Value::Null, "what was completed stays open");
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_opens_when_another_is_completed_with_its_topics_and_its_test() {
    let (_server, _laptop, app) = with_condition(json!({"modules_completed": [id(30)]})).await;
    assert_eq!(lock_of(&app, 42).await, lock("modules", &["Module 0"]));
    for topic in [40, 41] {
        call(&app, "mark_topic", json!({"topic_id": id(topic), "completed": true})).await.unwrap();
    }
    let course = call(&app, "course", json!({"id": id(COURSE)})).await.unwrap();
    assert_eq!(course["modules"][0]["percent"], json!(66.67), "two topics of three parts: the test is one");
    assert_eq!(course["progress"], json!({"modules": 2, "modules_completed": 0, "percent": 0.0}));
    assert_eq!(lock_of(&app, 42).await, lock("modules", &["Module 0"]));
    // Graded on this laptop and not sent yet: it counts already.
    let attempt = call(&app, "start_attempt", json!({"assessment_id": id(80)})).await.unwrap();
    for (question, answer) in [(81, json!(id(85))), (82, json!(20))] {
        let answer =
            json!({"attempt_id": attempt["card"]["id"], "question_id": id(question), "answer": answer, "flagged": false, "at_question": 0});
        call(&app, "answer", answer).await.unwrap();
    }
    call(&app, "hand_in", json!({"id": attempt["card"]["id"]})).await.unwrap();
    assert_eq!(lock_of(&app, 42).await, Value::Null);
    let course = call(&app, "course", json!({"id": id(COURSE)})).await.unwrap();
    assert_eq!(course["progress"], json!({"modules": 2, "modules_completed": 1, "percent": 50.0}));
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_opens_on_its_day_and_stays_locked_when_its_condition_cannot_be_read() {
    let (server, laptop, app) = with_condition(json!({"opens_on": "2026-01-02"})).await;
    assert_eq!(lock_of(&app, 42).await, json!({"kind": "until", "titles": [], "day": "2026-01-02"}));
    laptop.clock.pass(86_400_000);
    assert_eq!(lock_of(&app, 42).await, Value::Null);
    changed(&server, &app, |core| {
        core.put("modules", Some(id(31)), &[("unlock_condition", json!({"modules": "all"}))]);
    })
    .await;
    assert_eq!(lock_of(&app, 42).await, lock("unreadable", &[]));
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prerequisite_locks_topics_and_tests_until_it_is_completed() {
    let (server, _laptop, app) = learner().await;
    changed(&server, &app, |core| {
        let before = [("title", json!("Basics")), ("status", json!("published")), ("published", json!(true))];
        core.put("courses", Some(id(25)), &before);
        core.put("courses", Some(id(26)), &[("title", json!("Draft")), ("published", json!(false))]);
        for (course, mandatory) in [(25, true), (26, true)] {
            let row = [
                ("course_id", json!(id(COURSE))),
                ("prerequisite_course_id", json!(id(course))),
                ("is_mandatory", json!(mandatory)),
                ("published", json!(true)),
            ];
            core.put("course_prerequisites", None, &row);
        }
    })
    .await;
    assert_eq!(lock_of(&app, 40).await, lock("courses", &["Basics"]), "a draft is not asked for");
    let course = call(&app, "course", json!({"id": id(COURSE)})).await.unwrap();
    assert_eq!(course["assessments"][0]["lock"], lock("courses", &["Basics"]));
    assert_eq!(code_of(&app, "start_attempt", json!({"assessment_id": id(90)})).await, Some(Code::ContentLocked));
    assert_eq!(call(&app, "home", json!({})).await.unwrap()["go_on"], Value::Null, "nothing is open to go on with");
    changed(&server, &app, |core| {
        core.put("enrollments", None, &[("user_id", json!(id(USER))), ("course_id", json!(id(25))), ("status", json!("completed"))]);
    })
    .await;
    assert_eq!(lock_of(&app, 40).await, Value::Null);
    assert_eq!(code_of(&app, "start_attempt", json!({"assessment_id": id(90)})).await, None);
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_course_that_is_not_paid_for_shows_its_free_topics_alone() {
    let (server, _laptop, app) = learner().await;
    changed(&server, &app, |core| {
        core.put("courses", Some(id(COURSE)), &[("price_minor", json!(500))]);
        core.put("topics", Some(id(41)), &[("is_free", json!(true))]);
    })
    .await;
    assert_eq!((lock_of(&app, 40).await, lock_of(&app, 41).await), (lock("payment", &[]), Value::Null));
    changed(&server, &app, |core| {
        core.put("subscription_plans", Some(id(60)), &[("name", json!("Year")), ("features", json!({"courses": [id(COURSE)]}))]);
        let row = [
            ("user_id", json!(id(USER))),
            ("subscription_plan_id", json!(id(60))),
            ("status", json!("active")),
            ("starts_at", json!(NOW_MS - 1)),
        ];
        core.put("subscriptions", Some(id(61)), &row);
    })
    .await;
    assert_eq!(lock_of(&app, 40).await, Value::Null);
    changed(&server, &app, |core| {
        core.put("subscriptions", Some(id(61)), &[("status", json!("expired"))]);
    })
    .await;
    assert_eq!(lock_of(&app, 40).await, lock("payment", &[]));
    changed(&server, &app, |core| {
        core.put(
            "enrollments",
            None,
            &[("user_id", json!(id(USER))), ("course_id", json!(id(COURSE))), ("enrollment_type", json!("assigned"))],
        );
    })
    .await;
    assert_eq!(lock_of(&app, 40).await, Value::Null, "the organization has given the course");
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn enrolling_oneself_is_refused_before_it_is_sent() {
    let (server, _laptop, app) = learner().await;
    changed(&server, &app, |core| {
        let course = [("title", json!("More")), ("status", json!("published")), ("published", json!(true)), ("price_minor", json!(500))];
        core.put("courses", Some(id(25)), &course);
    })
    .await;
    let enroll = json!({"table": "enrollments", "rows": [{"id": null, "fields": {"user_id": id(USER), "course_id": id(25)}}]});
    let refused = async || {
        let problem = call(&app, "save_records", enroll.clone()).await.err()?;
        Some((problem.code, problem.fields))
    };
    let at = |code| Some((code, vec!["course_id".to_owned()]));
    assert_eq!(refused().await, at(Code::RuleBroken), "not public");
    changed(&server, &app, |core| {
        core.put("courses", Some(id(25)), &[("is_public", json!(true))]);
    })
    .await;
    assert_eq!(refused().await, at(Code::PaymentNeeded));
    changed(&server, &app, |core| {
        core.put("courses", Some(id(25)), &[("price_minor", json!(0))]);
        let row = [("course_id", json!(id(25))), ("prerequisite_course_id", json!(id(COURSE))), ("published", json!(true))];
        core.put("course_prerequisites", None, &row);
    })
    .await;
    assert_eq!(refused().await, at(Code::PrerequisiteMissing));
    changed(&server, &app, |core| {
        core.put("enrollments", None, &[("user_id", json!(id(USER))), ("course_id", json!(id(COURSE))), ("status", json!("completed"))]);
    })
    .await;
    assert_eq!(refused().await, None);
    app.shutdown().await;
}

/// Marks, payments, a certificate and a badge of one person.
fn record(core: &mut server::Core, person: u128) {
    for (day, status) in [(2, "present"), (3, "late"), (4, "absent"), (5, "excused")] {
        core.put("attendance_records", None, &mark(person, day, json!(status)).fields);
    }
    let payments = [("AZN", 100, "paid"), ("AZN", 20, "partial"), ("AZN", 150, "unpaid"), ("AZN", 70, "cancelled"), ("EUR", 5, "paid")];
    for (number, (currency, amount, status)) in (300_u128..).zip(payments) {
        let row = [
            ("student_id", json!(id(person))),
            ("payment_date", json!("2026-01-02")),
            ("amount_minor", json!(amount)),
            ("currency", json!(currency)),
            ("status", json!(status)),
        ];
        core.put("payments", Some(id(number)), &row);
    }
    for (number, more) in [(310, ("certificate_number", json!("CERT-2026-00000001"))), (311, ("revoked_at", json!(NOW_MS)))] {
        let row = [("user_id", json!(id(person))), ("course_id", json!(id(COURSE))), ("issued_at", json!(NOW_MS - number)), more];
        core.put("certificates", Some(id(u128::try_from(number).unwrap())), &row);
    }
    core.put("badges", Some(id(320)), &[("name", json!("First steps")), ("image_url", json!("x"))]);
    core.put("user_badges", None, &[("user_id", json!(id(person))), ("badge_id", json!(id(320))), ("earned_at", json!(NOW_MS))]);
}

fn check_record(record: &Value) {
    assert_eq!(record["attendance"], json!({"marks": [1, 1, 1, 1], "percent": 50.0, "leaves_out_excused": false}));
    let balances = json!([
        {"currency": "AZN", "paid_minor": 120, "owed_minor": 150, "balance_minor": -30},
        {"currency": "EUR", "paid_minor": 5, "owed_minor": 0, "balance_minor": 5}
    ]);
    assert_eq!(record["balances"], balances);
    let certificates: Vec<Value> = record["certificates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|certificate| json!([certificate["number"], certificate["course_title"], certificate["validity"]]))
        .collect();
    assert_eq!(certificates, [json!(["CERT-2026-00000001", "Safety", "valid"]), json!(["", "Safety", "revoked"])]);
    assert_eq!((&record["badges"][0]["name"], &record["badges"][0]["course_title"]), (&json!("First steps"), &json!("")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_learner_sees_what_is_recorded_about_them() {
    let (server, _laptop, app) = learner().await;
    let empty = call(&app, "home", json!({})).await.unwrap()["record"].clone();
    assert_eq!(empty["attendance"]["percent"], Value::Null);
    assert_eq!((&empty["balances"], &empty["certificates"], &empty["badges"]), (&json!([]), &json!([]), &json!([])));
    changed(&server, &app, |core| record(core, USER)).await;
    check_record(&call(&app, "home", json!({})).await.unwrap()["record"]);
    changed(&server, &app, |core| {
        core.put(
            "organizations",
            Some(id(ORGANIZATION)),
            &[("name", json!("Demo")), ("settings", json!({"attendance_excused": "left_out"}))],
        );
    })
    .await;
    let attendance = call(&app, "home", json!({})).await.unwrap()["record"]["attendance"].clone();
    assert_eq!(attendance, json!({"marks": [1, 1, 1, 1], "percent": 66.67, "leaves_out_excused": true}));
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parent_sees_what_is_recorded_about_their_child() {
    let child = format!("learner:{}", id(100));
    let server = Server::start(Role::Parent, &[org(), child, format!("user:{}", id(USER))]).await;
    fill_course(&server);
    {
        let mut core = server.core.lock().unwrap();
        core.put("guardian_links", None, &[("parent_id", json!(id(USER))), ("student_id", json!(id(100)))]);
        record(&mut core, 100);
    }
    let (_laptop, app) = signed_in(&server).await;
    let home = call(&app, "home", json!({})).await.unwrap();
    assert_eq!(home["record"], Value::Null);
    check_record(&home["children"][0]["record"]);
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_teacher_sees_the_coding_ranking_of_their_group_alone() {
    let server = Server::start(Role::Teacher, &[roster(), format!("group:{}", id(GROUP)), org()]).await;
    {
        let mut core = server.core.lock().unwrap();
        core.put("groups", Some(id(GROUP)), &[("teacher_id", json!(id(USER))), ("name", json!("Qrup1"))]);
        for (student, name) in [(100, "Ann"), (101, "Bob"), (102, "Cem")] {
            let row = [
                ("group_id", json!(id(GROUP))),
                ("user_id", json!(id(student))),
                ("display_name", json!(name)),
                ("joined_at", json!(NOW_MS)),
            ];
            core.put("group_memberships", None, &row);
        }
        core.put("coding_tasks", Some(id(400)), &[("title", json!("Sum")), ("points", json!(10)), ("published", json!(true))]);
        for (number, (student, status)) in (410_u128..).zip([(101, "failed"), (101, "passed"), (100, "passed"), (102, "error")]) {
            let row = [
                ("coding_task_id", json!(id(400))),
                ("user_id", json!(id(student))),
                ("submitted_at", json!(NOW_MS)),
                ("submitted_code", json!("x")),
                ("group_id", json!(id(GROUP))),
                ("status", json!(status)),
            ];
            core.put("coding_submissions", Some(id(number)), &row);
        }
    }
    let (_laptop, app) = signed_in(&server).await;
    let ranking = call(&app, "coding_ranking", json!({"id": id(GROUP)})).await.unwrap();
    let rows: Vec<Value> = ranking["learners"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| json!([row["place"], row["display_name"], row["points"], row["attempts"]]))
        .collect();
    assert_eq!(rows, [json!([1, "Ann", 10, 1]), json!([2, "Bob", 10, 2]), json!([3, "Cem", 0, 1])]);
    assert_eq!(ranking["tables"], json!(["coding_submissions", "coding_tasks", "group_memberships"]));
    assert_eq!(code_of(&app, "coding_ranking", json!({"id": id(999)})).await, Some(Code::NotAllowed));
    app.shutdown().await;
}
