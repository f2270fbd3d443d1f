//! Rules over several rows: what the database decides and counts in SQL is what the laptops' rules say about the same facts, and
//! certificates and badges are given when they are due.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use sync_server::awards;
use uuid::Uuid;
use waystation_model::Code;
use waystation_model::rules::attempts;
use waystation_model::rules::attendance::{Excused, Marks};
use waystation_model::rules::balance::{Payment, balances};
use waystation_model::rules::certificates::{Times, Validity, validity};
use waystation_model::rules::completion::{self, ModuleFacts};
use waystation_model::rules::entitlement::{Offer, Paid, Refusal, Seats, Subscription, is_paid_for, may_enroll_oneself};
use waystation_model::rules::ranking::{Submission, rank};
use waystation_model::wire::Outcome as MutationOutcome;
use waystation_tests::Outcome;
use waystation_tests::caller::{Caller, put};
use waystation_tests::school::{Course, School, open};

/// Random facts that are the same in every run.
fn random() -> StdRng {
    StdRng::seed_from_u64(7)
}

fn one_of<'a>(random: &mut StdRng, words: &[&'a str]) -> &'a str {
    words[random.random_range(0..words.len())]
}

/// The code under which the database refuses statements; none when it takes them. Either way nothing stays.
async fn refusal_of(school: &mut School, sql: &str) -> Outcome<Option<String>> {
    school.run("BEGIN").await?;
    let said = school.run(sql).await;
    school.run("ROLLBACK").await?;
    let Err(error) = said else { return Ok(None) };
    let error = error.downcast::<sqlx::Error>()?;
    let code = error.as_database_error().and_then(|error| error.code().map(|code| code.into_owned()));
    Ok(Some(code.ok_or_else(|| error.to_string())?))
}

/// A module with random parts, and how much of each a learner has done.
async fn module(school: &mut School, course: &Course, learner: Uuid, random: &mut StdRng) -> Outcome<(Uuid, ModuleFacts)> {
    let is_required = random.random_bool(0.7);
    let row = json!({"id": Uuid::now_v7(), "course_id": course.id, "title": "M", "position": 0, "is_required": is_required});
    let id = school.insert("modules", row).await?;
    let mut facts = ModuleFacts { is_required, parts: 0, parts_done: 0 };
    // A learner is likely to have done all or nothing.
    let diligence = if random.random_bool(0.5) { 1.0 } else { 0.4 };
    for _ in 0..random.random_range(0..3) {
        let topic = json!({"id": Uuid::now_v7(), "module_id": id, "course_id": course.id, "title": "T", "position": 0});
        let topic = school.insert("topics", topic).await?;
        let done = random.random_bool(diligence);
        facts.parts += 1;
        facts.parts_done += u32::from(done);
        if done || random.random_bool(0.5) {
            let row = json!({"user_id": learner, "topic_id": topic, "course_id": course.id, "completed": done, "percent": 100});
            school.insert("topic_progress", row).await?;
        }
        // What belongs to a topic is no part of its own.
        let item = json!({"id": Uuid::now_v7(), "module_id": id, "course_id": course.id, "topic_id": topic, "kind": "text", "title": "I", "position": 0, "is_required": true});
        school.insert("content_items", item).await?;
    }
    for _ in 0..random.random_range(0..2) {
        let counts = random.random_bool(0.6);
        let item = json!({"id": Uuid::now_v7(), "module_id": id, "course_id": course.id, "kind": "text", "title": "I", "position": 0, "is_required": counts});
        let item = school.insert("content_items", item).await?;
        let done = random.random_bool(diligence);
        if done {
            let row = json!({"user_id": learner, "content_item_id": item, "course_id": course.id, "completed": true});
            school.insert("content_progress", row).await?;
        }
        facts.parts += u32::from(counts);
        facts.parts_done += u32::from(counts && done);
    }
    for _ in 0..random.random_range(0..2) {
        let (is_required, is_active) = (random.random_bool(0.7), random.random_bool(0.8));
        let test = json!({"id": Uuid::now_v7(), "course_id": course.id, "module_id": id, "kind": "quiz", "graded_by": "server", "title": "Test", "passing_percent": 50.0, "is_required": is_required, "is_active": is_active});
        let test = school.insert("assessments", test).await?;
        let passed = random.random_bool(diligence);
        for number in 1..=random.random_range(1..3) {
            let row = json!({"id": Uuid::now_v7(), "assessment_id": test, "course_id": course.id, "user_id": learner, "attempt_number": number, "passed": passed && number == 1});
            school.insert("assessment_attempts", row).await?;
        }
        let counts = is_required && is_active;
        facts.parts += u32::from(counts);
        facts.parts_done += u32::from(counts && passed);
    }
    Ok((id, facts))
}

#[tokio::test]
async fn completion_is_counted_alike() -> Outcome<()> {
    let (_server, mut school) = open().await?;
    let mut random = random();
    let (mut full, mut empty) = (0, 0);
    for round in 0..30 {
        let course = school.course(None, "published", 0).await?;
        let learner = school.person("learner", &format!("learner{round}")).await?;
        school.enrol(learner, &course).await?;
        let mut modules = BTreeMap::new();
        for _ in 0..random.random_range(0..4) {
            let (id, facts) = module(&mut school, &course, learner, &mut random).await?;
            modules.insert(id, facts);
        }
        for (id, facts) in &modules {
            let said =
                school.value(format!("SELECT jsonb_build_array(percent, completed) FROM module_progress WHERE module_id = '{id}'")).await?;
            let expected = completion::module(*facts).map_or(Value::Null, |progress| json!([progress.percent, progress.completed]));
            assert_eq!(as_floats(&said), as_floats(&expected), "{facts:?}");
        }
        let progress = completion::course(modules.into_values());
        let of = format!("FROM course_progress WHERE user_id = '{learner}' AND course_id = '{}'", course.id);
        let said = school.value(format!("SELECT jsonb_build_array(modules_total, modules_completed, percent) {of}")).await?;
        assert_eq!(as_floats(&said), as_floats(&json!([progress.modules, progress.modules_completed, progress.percent])));
        let status = one_of(&mut random, &["enrolled", "in_progress", "completed", "dropped"]);
        school.run(format!("UPDATE enrollments SET status = '{status}' WHERE user_id = '{learner}'")).await?;
        let completed = school.value(format!("SELECT course_is_completed('{learner}', '{}')", course.id)).await?;
        assert_eq!(completed, json!(completion::is_completed(status, &progress)), "{status} {progress:?}");
        full += u32::from(progress.completed());
        empty += u32::from(progress.modules == 0);
    }
    assert!(full > 2 && empty > 0, "both ends occurred: {full} {empty}");
    Ok(())
}

/// JSON numbers as floats: SQL writes 100 where Rust writes 100.0.
fn as_floats(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(values) => values.iter().map(as_floats).collect(),
        other => other.clone(),
    }
}

#[tokio::test]
async fn attempts_are_refused_alike() -> Outcome<()> {
    let (_server, mut school) = open().await?;
    let course = school.course(None, "published", 1).await?;
    let learner = school.person("learner", "learns").await?;
    let test = school.test(&course, "quiz", "server", &[]).await?;
    let organization = school.organization;
    for max in [None, Some(1_i64), Some(2), Some(5)] {
        let limit = max.map_or("NULL".to_owned(), |max| max.to_string());
        school.run(format!("UPDATE assessments SET attempts_max = {limit} WHERE id = '{}'", test.id)).await?;
        for number in 1..=6_i64 {
            let attempt = format!(
                "INSERT INTO assessment_attempts (organization_id, assessment_id, course_id, user_id, attempt_number) \
                 VALUES ('{organization}', '{}', '{}', '{learner}', {number})",
                test.id, course.id
            );
            let said = refusal_of(&mut school, &attempt).await?;
            let expected = (!attempts::may_begin(max, number)).then(|| "WS003".to_owned());
            assert_eq!(said, expected, "attempt {number} of {max:?}");
        }
    }
    Ok(())
}

/// Facts about one person and one course, in the database and for the rule.
async fn offered(school: &mut School, learner: Uuid, random: &mut StdRng) -> Outcome<(Offer, Paid, bool)> {
    let course = school.course(None, one_of(random, &["published", "published", "published", "draft"]), 0).await?;
    let (is_public, price_minor) = (random.random_bool(0.7), i64::from(random.random_bool(0.6)) * 500);
    school.run(format!("UPDATE courses SET is_public = {is_public}, price_minor = {price_minor} WHERE id = '{}'", course.id)).await?;
    let published = school.column("courses", course.id, "published").await? == json!(true);
    let mut paid = Paid::default();
    if random.random_bool(0.3) {
        let status = one_of(random, &["pending", "completed", "failed", "refunded"]);
        let row = json!({"id": Uuid::now_v7(), "user_id": learner, "course_id": course.id, "amount_minor": 500, "currency": "EUR", "status": status, "purchased_at": "2026-01-01T00:00:00Z"});
        school.insert("purchases", row).await?;
        paid.bought = status == "completed";
    }
    school.run("DELETE FROM subscriptions").await?;
    for _ in 0..random.random_range(0..3) {
        let features = match random.random_range(0..6) {
            0 => json!({"courses": [course.id]}),
            1 => json!({"courses": [Uuid::now_v7()]}),
            2 => json!({"courses": course.id}),
            3 => json!(["courses"]),
            4 => json!({"courses": {course.id.to_string(): true}}),
            _ => json!({"support": true}),
        };
        let plan = json!({"id": Uuid::now_v7(), "name": "Plan", "price_minor": 1, "currency": "EUR", "billing_cycle": "yearly", "features": features, "is_active": random.random_bool(0.5)});
        let plan = school.insert("subscription_plans", plan).await?;
        let status = one_of(random, &["trialing", "active", "active", "past_due", "cancelled", "expired"]);
        // Years from now, so that the moment of the test does not matter.
        let (from, to) = (random.random_range(-3..2) * 2 + 1, random.random_range(-3..2) * 2 + 1);
        let ends = (to > from).then_some(to);
        let at = |years: i64| format!("{}-01-01T00:00:00Z", 2100 + years);
        let row = json!({"id": Uuid::now_v7(), "user_id": learner, "subscription_plan_id": plan, "status": status, "starts_at": at(from), "ends_at": ends.map(at)});
        school.insert("subscriptions", row).await?;
        let ms = |text: &str| chrono::DateTime::parse_from_rfc3339(text).map(|at| at.timestamp_millis());
        paid.subscriptions.push(Subscription {
            status: status.into(),
            starts_at_ms: ms(&at(from))?,
            ends_at_ms: ends.map(|to| ms(&at(to))).transpose()?,
            features,
        });
    }
    let mut misses = false;
    if random.random_bool(0.4) {
        let before = school.course(None, one_of(random, &["published", "draft"]), 1).await?;
        let is_mandatory = random.random_bool(0.7);
        let row = json!({"course_id": course.id, "prerequisite_course_id": before.id, "is_mandatory": is_mandatory});
        school.insert("course_prerequisites", row).await?;
        let status = one_of(random, &["none", "in_progress", "completed"]);
        if status != "none" {
            let row = json!({"user_id": learner, "course_id": before.id, "enrollment_type": "assigned", "status": status});
            school.insert("enrollments", row).await?;
        }
        let is_published = school.column("courses", before.id, "published").await? == json!(true);
        misses = is_mandatory && is_published && status != "completed";
    }
    Ok((Offer { course_id: course.id.to_string(), published, is_public, price_minor }, paid, misses))
}

#[tokio::test]
async fn enrolling_oneself_is_refused_alike() -> Outcome<()> {
    let (_server, mut school) = open().await?;
    let mut random = random();
    let organization = school.organization;
    let now_ms = chrono::DateTime::parse_from_rfc3339("2100-01-01T00:00:00Z")?.timestamp_millis();
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let mut used = 0;
    for round in 0..120 {
        let learner = school.person("learner", &format!("learner{round}")).await?;
        used += 1;
        let (offer, paid, misses) = offered(&mut school, learner, &mut random).await?;
        let counts = random.random_bool(0.3);
        let purchased = used - i64::from(random.random_bool(0.5));
        let tier = if counts { "basic" } else { "free" };
        school.run(format!("UPDATE organizations SET subscription_tier = '{tier}', seats_purchased = {purchased}")).await?;
        let seats = Seats { counts, purchased, used };
        // The database reads its own clock, so its functions are asked at the moment of the facts, in the order of the rule.
        let is_paid =
            school.value(format!("SELECT course_is_paid_for('{learner}', '{}', '2100-01-01T00:00:00Z')", offer.course_id)).await?;
        assert_eq!(is_paid, json!(is_paid_for(&offer, &paid, now_ms)), "{offer:?} {paid:?}");
        // For the trigger itself the subscriptions move to the present.
        school.run("UPDATE subscriptions SET starts_at = now() + (starts_at - '2100-01-01T00:00:00Z'), ends_at = now() + (ends_at - '2100-01-01T00:00:00Z')").await?;
        let enroll = format!(
            "INSERT INTO enrollments (organization_id, user_id, course_id, enrollment_type, status) \
             VALUES ('{organization}', '{learner}', '{}', 'self', 'enrolled')",
            offer.course_id
        );
        let said = refusal_of(&mut school, &enroll).await?;
        let expected = may_enroll_oneself(&offer, &paid, misses, Some(seats), now_ms).err().map(|refusal| match refusal {
            Refusal::NotOpen => "23514",
            Refusal::Payment => "WS005",
            Refusal::Prerequisite => "WS006",
            Refusal::Seats => "WS007",
        });
        assert_eq!(said.as_deref(), expected, "{offer:?} {paid:?} {misses} {seats:?}");
        *seen.entry(said.unwrap_or_default()).or_default() += 1;
        let assigned = enroll.replace("'self'", "'assigned'");
        assert_eq!(refusal_of(&mut school, &assigned).await?, None, "the organization gives what it likes");
    }
    assert_eq!(seen.len(), 5, "every answer occurred: {seen:?}");
    Ok(())
}

#[tokio::test]
async fn a_push_says_why_somebody_may_not_enroll_themselves() -> Outcome<()> {
    let (server, mut school) = open().await?;
    school.person("learner", "learns").await?;
    let course = school.course(None, "published", 0).await?;
    let before = school.course(None, "published", 1).await?;
    school
        .insert("course_prerequisites", json!({"course_id": course.id, "prerequisite_course_id": before.id, "is_mandatory": true}))
        .await?;
    school.run(format!("UPDATE courses SET is_public = true, price_minor = 500 WHERE id = '{}'", course.id)).await?;
    let mut caller = Caller::sign_in(&server.url(), "learns").await?;
    let me = caller.user;
    let enroll = || put("enrollments").link("user_id", me).link("course_id", course.id);
    let mut refused = async |school: &mut School, sql: &str| -> Outcome<Option<(Code, Option<String>)>> {
        school.run(sql).await?;
        Ok(match caller.push_one(enroll()).await? {
            MutationOutcome::Rejected { code, field, .. } => Some((code, field)),
            _ => None,
        })
    };
    let at = |code| Some((code, Some("course_id".to_owned())));
    assert_eq!(refused(&mut school, "SELECT 1").await?, at(Code::PaymentNeeded));
    let organization = school.organization;
    let buy = format!(
        "INSERT INTO purchases (organization_id, user_id, course_id, amount_minor, status) VALUES ('{organization}', '{me}', '{}', 500, 'completed')",
        course.id
    );
    assert_eq!(refused(&mut school, &buy).await?, at(Code::PrerequisiteMissing));
    let complete = format!(
        "INSERT INTO enrollments (organization_id, user_id, course_id, status) VALUES ('{organization}', '{me}', '{}', 'completed')",
        before.id
    );
    school.run(complete).await?;
    assert_eq!(refused(&mut school, "UPDATE organizations SET subscription_tier = 'basic', seats_purchased = 0").await?, at(Code::NoSeat));
    assert_eq!(refused(&mut school, "UPDATE organizations SET seats_purchased = 1").await?, None);
    Ok(())
}

#[tokio::test]
async fn balances_are_counted_alike() -> Outcome<()> {
    let (_server, mut school) = open().await?;
    let mut random = random();
    for round in 0..8 {
        let learner = school.person("learner", &format!("learner{round}")).await?;
        let mut payments = Vec::new();
        for _ in 0..random.random_range(0..12) {
            let payment = Payment {
                currency: one_of(&mut random, &["EUR", "AZN"]).into(),
                amount_minor: random.random_range(1..100_000),
                status: one_of(&mut random, &["paid", "unpaid", "partial", "cancelled"]).into(),
                is_deleted: random.random_bool(0.2),
            };
            let Payment { currency, amount_minor, status, is_deleted } = &payment;
            let row = json!({"id": Uuid::now_v7(), "student_id": learner, "payment_date": "2026-03-02", "amount_minor": amount_minor, "currency": currency, "method": "cash", "status": status, "deleted_at": is_deleted.then_some("2026-03-03T00:00:00Z")});
            school.insert("payments", row).await?;
            payments.push(payment);
        }
        let sql = format!(
            "SELECT coalesce(jsonb_object_agg(currency, jsonb_build_array(paid_minor, owed_minor, balance_minor)), '{{}}') FROM student_balances WHERE student_id = '{learner}'"
        );
        let expected: BTreeMap<String, Value> = balances(payments.clone())
            .into_iter()
            .map(|(currency, balance)| (currency, json!([balance.paid_minor, balance.owed_minor, balance.balance_minor()])))
            .collect();
        assert_eq!(school.value(sql).await?, json!(expected), "{payments:?}");
    }
    Ok(())
}

#[tokio::test]
async fn attendance_is_counted_alike() -> Outcome<()> {
    let (_server, mut school) = open().await?;
    let mut random = random();
    let teacher = school.person("teacher", "teaches").await?;
    for round in 0..8 {
        let learner = school.person("learner", &format!("learner{round}")).await?;
        let group = school.group(teacher, &[learner]).await?;
        let mut marks = Marks::default();
        for day in 1..=random.random_range(1..28) {
            let status = one_of(&mut random, &["present", "late", "absent", "excused", ""]);
            marks.add(status, 1);
            let status = Some(status).filter(|status| !status.is_empty());
            let row = json!({"group_id": group, "student_id": learner, "lesson_date": format!("2026-03-{day:02}"), "status": status});
            school.insert("attendance_records", row).await?;
        }
        let said = school
            .value(format!(
                "SELECT jsonb_build_array(present, late, absent, excused, marked, percent_attended, percent_attended_unexcused) \
                 FROM attendance_statistics WHERE student_id = '{learner}'"
            ))
            .await?;
        let Marks { present, late, absent, excused } = marks;
        let (counted, left_out) = (marks.percent_attended(Excused::Counts), marks.percent_attended(Excused::LeftOut));
        assert_eq!(as_floats(&said), as_floats(&json!([present, late, absent, excused, marks.marked(), counted, left_out])));
    }
    Ok(())
}

#[tokio::test]
async fn coding_is_ranked_alike() -> Outcome<()> {
    let (_server, mut school) = open().await?;
    let mut random = random();
    let mut tasks = Vec::new();
    for number in 0..4 {
        let points = (number > 0).then_some(number * 5);
        let deleted = (number == 3).then_some("2026-03-03T00:00:00Z");
        let task = json!({"id": Uuid::now_v7(), "title": "Task", "description": "", "starter_code": "", "difficulty": "easy", "points": points, "position": 0, "is_active": true, "deleted_at": deleted});
        tasks.push((school.insert("coding_tasks", task).await?, points.unwrap_or(0), deleted.is_some()));
    }
    let mut submissions = Vec::new();
    for round in 0..10 {
        let learner = school.person("learner", &format!("learner{round}")).await?;
        for _ in 0..random.random_range(1..6) {
            let (task, points, is_deleted) = tasks[random.random_range(0..tasks.len())];
            let status = one_of(&mut random, &["passed", "failed", "error", ""]);
            let row = json!({"id": Uuid::now_v7(), "coding_task_id": task, "user_id": learner, "submitted_at": "2026-03-02T09:00:00Z", "submitted_code": "x", "status": Some(status).filter(|status| !status.is_empty())});
            school.insert("coding_submissions", row).await?;
            if !is_deleted {
                submissions.push(Submission {
                    user_id: learner.to_string(),
                    task_id: task.to_string(),
                    points,
                    passed: status == "passed",
                });
            }
        }
    }
    let said = school
        .value("SELECT jsonb_agg(jsonb_build_array(user_id, place, solved, points, attempts) ORDER BY place, user_id) FROM coding_ranking")
        .await?;
    let expected: Vec<Value> =
        rank(submissions).into_iter().map(|row| json!([row.user_id, row.place, row.solved, row.points, row.attempts])).collect();
    assert_eq!(said, json!(expected));
    Ok(())
}

#[tokio::test]
async fn certificates_are_valid_alike() -> Outcome<()> {
    let (_server, mut school) = open().await?;
    let mut random = random();
    let course = school.course(None, "published", 0).await?;
    let learner = school.person("learner", "learns").await?;
    school.enrol(learner, &course).await?;
    for _ in 0..25 {
        let issued_at_ms = random.random_range(0..20);
        let times = Times {
            issued_at_ms,
            expires_at_ms: random.random_bool(0.6).then(|| issued_at_ms + random.random_range(1..20)),
            revoked_at_ms: random.random_bool(0.4).then(|| random.random_range(0..40)),
        };
        let at = |ms: i64| chrono::DateTime::from_timestamp_millis(ms).map(|at| at.to_rfc3339());
        let row = json!({"id": Uuid::now_v7(), "user_id": learner, "course_id": course.id, "issued_at": at(issued_at_ms), "expires_at": times.expires_at_ms.and_then(at), "revoked_at": times.revoked_at_ms.and_then(at)});
        let certificate = school.insert("certificates", row).await?;
        let now_ms = random.random_range(0..50);
        let said = school
            .value(format!(
                "SELECT certificate_is_valid(c, timestamptz 'epoch' + make_interval(secs => {now_ms}::float8 / 1000)) FROM certificates c WHERE c.id = '{certificate}'"
            ))
            .await?;
        assert_eq!(said, json!(validity(times, now_ms) == Validity::Valid), "{times:?} at {now_ms}");
    }
    Ok(())
}

#[tokio::test]
async fn a_certificate_is_issued_once_when_completion_is_recorded() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let (instructor, learner) = (school.person("instructor", "teaches").await?, school.person("learner", "learns").await?);
    let course = school.course(Some(instructor), "published", 1).await?;
    school.run("UPDATE courses SET is_certified = true").await?;
    let enrollment = school.enrol(learner, &course).await?;
    let mut learns = Caller::sign_in(&server.url(), "learns").await?;
    let done = put("topic_progress").link("user_id", learner).link("topic_id", course.topics[0]).link("course_id", course.id);
    learns.push_one(done.set("completed", true).set("percent", 100)).await?;
    awards::give_all(server.server().app()).await?;
    assert_eq!(school.count("certificates").await?, 0, "a learner's own word is not enough");

    let mut teaches = Caller::sign_in(&server.url(), "teaches").await?;
    teaches.pull().await?;
    let stamp = teaches.stamp("enrollments", enrollment);
    let completed = put("enrollments").id(enrollment).on(stamp).set("status", "completed").set("completed_at", 1_772_500_000_000_i64);
    assert_eq!(teaches.push_one(completed).await?, MutationOutcome::Applied);
    learns.pull_until("the certificate arrives", |caller, _| caller.all("certificates").len() == 1).await?;
    let number = school.value("SELECT certificate_number FROM certificates").await?;
    assert!(number.as_str().is_some_and(|number| number.starts_with("CERT-")), "{number}");

    school.run("UPDATE certificates SET revoked_at = now()").await?;
    awards::give_all(server.server().app()).await?;
    assert_eq!(school.count("certificates").await?, 1, "a revoked one is renewed by people");
    Ok(())
}

#[tokio::test]
async fn badges_are_given_by_their_criteria() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let (instructor, learner) = (school.person("instructor", "teaches").await?, school.person("learner", "learns").await?);
    let course = school.course(Some(instructor), "published", 2).await?;
    school.enrol(learner, &course).await?;
    let mut badges = BTreeMap::new();
    for (name, criteria) in [
        ("one topic", json!({"topics_completed": 1})),
        ("two topics", json!({"topics_completed": 2})),
        ("the course", json!({"course": course.id})),
        ("by people", json!({})),
        ("unreadable", json!({"speed": 1})),
    ] {
        let row = json!({"id": Uuid::now_v7(), "name": name, "image_url": "https://example.org/b.png", "criteria": criteria});
        badges.insert(school.insert("badges", row).await?, name);
    }
    let mut learns = Caller::sign_in(&server.url(), "learns").await?;
    let earned = "SELECT coalesce(jsonb_agg(jsonb_build_array(b.name, e.course_id, e.awarded_by) ORDER BY b.name), '[]') FROM user_badges e JOIN badges b ON b.id = e.badge_id";
    for (topic, expected) in [
        (0, json!([["one topic", null, null]])),
        (1, json!([["one topic", null, null], ["the course", course.id, null], ["two topics", null, null]])),
    ] {
        let done = put("topic_progress").link("user_id", learner).link("topic_id", course.topics[topic]).link("course_id", course.id);
        assert_eq!(learns.push_one(done.set("completed", true).set("percent", 100)).await?, MutationOutcome::Applied);
        let count = expected.as_array().map_or(0, Vec::len);
        learns.pull_until("the badges arrive", |caller, _| caller.all("user_badges").len() == count).await?;
        assert_eq!(school.value(earned).await?, expected);
    }
    awards::give_all(server.server().app()).await?;
    assert_eq!(school.count("user_badges").await?, 3, "given once");
    Ok(())
}
