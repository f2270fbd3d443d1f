//! Rows of the domain's tables: whoever may make one does so on their laptop, and it arrives on the laptops of everybody who may
//! see it and on no other.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;
use waystation_model::{Code, Problem};
use waystation_tests::Outcome;
use waystation_tests::laptop::Laptop;
use waystation_tests::school::{Course, School, open};
use waystation_tests::server::LocalServer;

/// 2026-03-02T09:00:00Z.
const MORNING_MS: i64 = 1_772_442_000_000;
const HOUR_MS: i64 = 3_600_000;

/// The people of a school, each with a laptop. The learner takes the instructor's course and is in the teacher's group; the parent
/// is the learner's; the other learner is in neither.
struct Town {
    _server: LocalServer,
    school: School,
    people: Vec<(&'static str, Uuid, Laptop)>,
    course: Course,
    group: Uuid,
}

const EVERYBODY: &[&str] = &["admin", "instructor", "teacher", "learner", "parent", "other"];
const STAFF: &[&str] = &["admin", "instructor", "teacher"];
const OF_COURSE: &[&str] = &["admin", "instructor", "learner"];

impl Town {
    async fn open() -> Outcome<Town> {
        let (server, mut school) = open().await?;
        let mut ids = Vec::new();
        for name in EVERYBODY {
            let role = if *name == "other" { "learner" } else { name };
            ids.push((*name, school.person(role, name).await?));
        }
        let id = |wanted: &str| ids.iter().find(|(name, _)| *name == wanted).expect("a person of the town").1;
        let course = school.course(Some(id("instructor")), "published", 1).await?;
        school.enrol(id("learner"), &course).await?;
        let group = school.group(id("teacher"), &[id("learner")]).await?;
        school.insert("guardian_links", json!({"parent_id": id("parent"), "student_id": id("learner")})).await?;
        let mut people = Vec::new();
        for (name, id) in &ids {
            people.push((*name, *id, Laptop::of(name, &server.url()).await?));
        }
        Ok(Town { _server: server, school, people, course, group })
    }

    fn id(&self, wanted: &str) -> Uuid {
        self.people.iter().find(|(name, ..)| *name == wanted).expect("a person of the town").1
    }

    fn laptop(&self, wanted: &str) -> &Laptop {
        &self.people.iter().find(|(name, ..)| *name == wanted).expect("a person of the town").2
    }

    async fn save(&self, who: &str, table: &str, id: Option<Uuid>, fields: Value) -> Result<Uuid, Problem> {
        let saved = self.laptop(who).call("save_records", json!({"table": table, "rows": [{"id": id, "fields": fields}]})).await?;
        Ok(serde_json::from_value(saved["ids"][0].clone()).expect("a save answers with ids"))
    }

    async fn make(&self, who: &str, table: &str, fields: Value) -> Outcome<Uuid> {
        Ok(self.save(who, table, None, fields).await.map_err(|problem| format!("{who} makes {table}: {problem:?}"))?)
    }

    async fn change(&self, who: &str, table: &str, id: Uuid, fields: Value) -> Outcome<()> {
        self.save(who, table, Some(id), fields).await.map_err(|problem| format!("{who} changes {table}: {problem:?}"))?;
        self.laptop(who).wait_until_synced().await?;
        Ok(())
    }

    async fn refusal(&self, who: &str, table: &str, id: Option<Uuid>, fields: Value) -> Code {
        match self.save(who, table, id, fields).await {
            Ok(_) => panic!("{who} may write {table}"),
            Err(problem) => problem.code,
        }
    }

    async fn has(&self, who: &str, table: &str, id: Uuid) -> Outcome<bool> {
        let page = self.laptop(who).call("records", json!({"table": table, "limit": 100})).await?;
        Ok(page["rows"].as_array().ok_or("a page has rows")?.iter().any(|row| row["id"] == json!(id)))
    }

    /// Waits until the row is on the laptops of these people, and checks that it is on no other.
    async fn only_these_have(&self, table: &str, id: Uuid, these: &[&str]) -> Outcome<()> {
        for who in these {
            let here = |page: &Value| page["rows"].as_array().is_some_and(|rows| rows.iter().any(|row| row["id"] == json!(id)));
            let waited = self.laptop(who).until("records", json!({"table": table, "limit": 100}), here).await;
            waited.map_err(|error| format!("{who} has no {table}: {error}"))?;
        }
        let mut have = BTreeSet::new();
        for who in EVERYBODY {
            self.laptop(who).call("sync_now", json!({})).await?;
            if self.has(who, table, id).await? {
                have.insert(*who);
            }
        }
        assert_eq!(have, these.iter().copied().collect(), "{table}");
        Ok(())
    }

    /// Waits until a column of the row has this value on somebody's laptop.
    async fn until_value(&self, who: &str, table: &str, id: Uuid, column: &str, value: Value) -> Outcome<()> {
        let entity = waystation_model::registry::entity(table).ok_or("a registered table")?;
        let index = entity.column_index(column).ok_or("a column")?;
        let is_there = |page: &Value| {
            let rows = page["rows"].as_array();
            rows.is_some_and(|rows| rows.iter().any(|row| row["id"] == json!(id) && row["values"][index] == value))
        };
        self.laptop(who).until("records", json!({"table": table, "limit": 100}), is_there).await?;
        Ok(())
    }
}

#[tokio::test]
async fn departments_prerequisites_and_paths_reach_who_sees_their_courses() -> Outcome<()> {
    let mut town = Town::open().await?;
    let department =
        town.make("admin", "departments", json!({"name": "Fire safety", "code": "FS", "manager_id": town.id("teacher")})).await?;
    town.only_these_have("departments", department, EVERYBODY).await?;
    assert_eq!(town.refusal("teacher", "departments", None, json!({"name": "Mine", "code": "M"})).await, Code::NotAllowed);
    assert_eq!(town.refusal("admin", "departments", None, json!({"name": "No code"})).await, Code::MissingValue);

    let before = town.school.course(None, "published", 0).await?;
    town.laptop("instructor").call("sync_now", json!({})).await?;
    let needed = json!({"course_id": town.course.id, "prerequisite_course_id": before.id});
    let prerequisite = town.make("instructor", "course_prerequisites", needed).await?;
    town.only_these_have("course_prerequisites", prerequisite, EVERYBODY).await?;
    let not_theirs = json!({"course_id": before.id, "prerequisite_course_id": town.course.id});
    assert_eq!(town.refusal("teacher", "course_prerequisites", None, not_theirs).await, Code::NotAllowed);

    let path = town.make("instructor", "learning_paths", json!({"title": "New at the station"})).await?;
    town.only_these_have("learning_paths", path, STAFF).await?;
    assert_eq!(town.school.column("learning_paths", path, "author_id").await?, json!(town.id("instructor")));
    let step = town.make("instructor", "path_steps", json!({"learning_path_id": path, "course_id": before.id, "position": 1})).await?;
    town.only_these_have("path_steps", step, STAFF).await?;
    town.change("instructor", "learning_paths", path, json!({"status": "published"})).await?;
    town.only_these_have("learning_paths", path, EVERYBODY).await?;
    town.only_these_have("path_steps", step, EVERYBODY).await
}

#[tokio::test]
async fn money_reaches_the_learner_the_parents_and_the_administrators() -> Outcome<()> {
    let family = &["admin", "learner", "parent"];
    let town = Town::open().await?;
    let paid = json!({"student_id": town.id("learner"), "group_id": town.group, "payment_date": "2026-03-02", "amount_minor": 12_050, "currency": "AZN"});
    let payment = town.make("admin", "payments", paid.clone()).await?;
    town.only_these_have("payments", payment, family).await?;
    town.until_value("parent", "payments", payment, "receipt_number", json!("R-00000001")).await?;
    assert_eq!(town.refusal("teacher", "payments", None, paid).await, Code::NotAllowed);
    assert_eq!(town.refusal("admin", "payments", Some(payment), json!({"amount_minor": 1})).await, Code::KeyChanged);
    assert_eq!(town.refusal("learner", "payments", Some(payment), json!({"status": "paid", "note": "x"})).await, Code::NotAllowed);
    town.change("admin", "payments", payment, json!({"status": "cancelled"})).await?;
    town.until_value("learner", "payments", payment, "status", json!("cancelled")).await?;

    let plan = town.make("admin", "subscription_plans", json!({"name": "School year", "price_minor": 90_000, "currency": "AZN"})).await?;
    town.only_these_have("subscription_plans", plan, EVERYBODY).await?;
    town.change("admin", "subscription_plans", plan, json!({"is_active": false})).await?;
    town.only_these_have("subscription_plans", plan, &["admin"]).await?;
    let subscription = json!({"user_id": town.id("learner"), "subscription_plan_id": plan, "starts_at": MORNING_MS});
    let subscription = town.make("admin", "subscriptions", subscription).await?;
    town.only_these_have("subscriptions", subscription, family).await?;
    let purchase = json!({"user_id": town.id("learner"), "course_id": town.course.id, "amount_minor": 4_900, "status": "completed"});
    let purchase = town.make("admin", "purchases", purchase).await?;
    town.only_these_have("purchases", purchase, family).await
}

#[tokio::test]
async fn announcements_messages_and_sessions_reach_their_audience() -> Outcome<()> {
    let mut town = Town::open().await?;
    let news = town.make("admin", "announcements", json!({"title": "Closed on Friday", "content": "Novruz."})).await?;
    town.only_these_have("announcements", news, &["admin"]).await?;
    town.change("admin", "announcements", news, json!({"published_at": MORNING_MS})).await?;
    town.only_these_have("announcements", news, EVERYBODY).await?;
    let of_course =
        json!({"course_id": town.course.id, "title": "Bring gloves", "content": "For the exercise.", "published_at": MORNING_MS});
    let of_course = town.make("instructor", "announcements", of_course).await?;
    town.only_these_have("announcements", of_course, OF_COURSE).await?;
    town.school.run(format!("UPDATE courses SET status = 'archived' WHERE id = '{}'", town.course.id)).await?;
    town.only_these_have("announcements", of_course, &["admin", "instructor"]).await?;
    town.school.run(format!("UPDATE courses SET status = 'published' WHERE id = '{}'", town.course.id)).await?;
    town.only_these_have("announcements", of_course, OF_COURSE).await?;
    let not_mine = json!({"course_id": town.course.id, "title": "x", "content": "x"});
    assert_eq!(town.refusal("teacher", "announcements", None, not_mine).await, Code::NotAllowed);

    let (learner, instructor) = (town.id("learner"), town.id("instructor"));
    let question = json!({"sender_id": learner, "recipient_id": instructor, "content": "When is the exam?"});
    let question = town.make("learner", "messages", question).await?;
    town.only_these_have("messages", question, &["learner", "instructor"]).await?;
    town.until_value("instructor", "messages", question, "sender_name", json!("Full learner")).await?;
    assert_eq!(town.refusal("learner", "messages", Some(question), json!({"read_at": MORNING_MS})).await, Code::NotAllowed);
    town.change("instructor", "messages", question, json!({"read_at": MORNING_MS})).await?;
    town.until_value("learner", "messages", question, "read_at", json!(MORNING_MS)).await?;
    let answer = json!({"sender_id": instructor, "recipient_id": learner, "content": "On Monday.", "parent_message_id": question});
    let answer = town.make("instructor", "messages", answer).await?;
    town.only_these_have("messages", answer, &["learner", "instructor"]).await?;
    let forged = json!({"sender_id": instructor, "recipient_id": town.id("other"), "content": "x"});
    assert_eq!(town.refusal("other", "messages", None, forged).await, Code::NotAllowed);
    let to_all =
        town.make("learner", "messages", json!({"sender_id": learner, "course_id": town.course.id, "content": "Who has notes?"})).await?;
    town.only_these_have("messages", to_all, OF_COURSE).await?;
    let outside = json!({"sender_id": town.id("other"), "course_id": town.course.id, "content": "x"});
    assert_eq!(town.refusal("other", "messages", None, outside).await, Code::NotAllowed);

    let session = json!({"course_id": town.course.id, "title": "Exercise", "instructor_id": instructor, "starts_at": MORNING_MS, "ends_at": MORNING_MS + HOUR_MS});
    let session = town.make("instructor", "training_sessions", session).await?;
    town.only_these_have("training_sessions", session, OF_COURSE).await?;
    let open_to_all = json!({"title": "Meeting", "session_type": "meeting", "instructor_id": town.id("teacher"), "starts_at": MORNING_MS, "ends_at": MORNING_MS + HOUR_MS});
    let open_to_all = town.make("teacher", "training_sessions", open_to_all).await?;
    town.only_these_have("training_sessions", open_to_all, EVERYBODY).await?;

    let registration = json!({"training_session_id": session, "user_id": learner});
    let registration = town.make("learner", "session_attendances", registration).await?;
    town.only_these_have("session_attendances", registration, &["admin", "instructor", "learner", "parent"]).await?;
    assert_eq!(town.refusal("learner", "session_attendances", Some(registration), json!({"status": "attended"})).await, Code::NotAllowed);
    town.change("instructor", "session_attendances", registration, json!({"status": "attended"})).await?;
    town.until_value("parent", "session_attendances", registration, "status", json!("attended")).await?;
    town.until_value("learner", "session_attendances", registration, "status", json!("attended")).await?;
    assert_eq!(town.refusal("learner", "session_attendances", Some(registration), json!({"status": "registered"})).await, Code::NotAllowed);
    Ok(())
}

#[tokio::test]
async fn submissions_belong_to_their_learner_and_grades_to_the_instructor() -> Outcome<()> {
    let mut town = Town::open().await?;
    let learner = town.id("learner");
    let assignment =
        json!({"course_id": town.course.id, "module_id": town.course.module, "title": "Draw the valves", "due_at": MORNING_MS});
    let assignment = town.make("instructor", "assignments", assignment).await?;
    town.only_these_have("assignments", assignment, OF_COURSE).await?;
    let work = json!({"assignment_id": assignment, "user_id": learner, "submission_text": "See the drawing.", "submitted_at": MORNING_MS});
    let submission = town.make("learner", "assignment_submissions", work.clone()).await?;
    town.only_these_have("assignment_submissions", submission, &["instructor", "learner", "parent"]).await?;
    assert_eq!(
        town.refusal("instructor", "assignment_submissions", Some(submission), json!({"submission_text": "x"})).await,
        Code::NotAllowed
    );
    assert_eq!(town.refusal("learner", "assignment_submissions", Some(submission), json!({"score_raw": 100.0})).await, Code::NotAllowed);
    assert_eq!(town.refusal("learner", "assignment_submissions", None, work).await, Code::Taken);

    let grade = json!({"score_raw": 90.0, "graded_at": MORNING_MS + HOUR_MS, "feedback": "Neat.", "status": "graded"});
    town.change("instructor", "assignment_submissions", submission, grade).await?;
    town.until_value("learner", "assignment_submissions", submission, "score_raw", json!(90.0)).await?;
    assert_eq!(town.school.column("assignment_submissions", submission, "graded_by").await?, json!(town.id("instructor")));
    assert_eq!(
        town.refusal("learner", "assignment_submissions", Some(submission), json!({"submission_text": "x"})).await,
        Code::NotAllowed
    );
    town.change("instructor", "assignment_submissions", submission, json!({"status": "returned"})).await?;
    town.until_value("learner", "assignment_submissions", submission, "status", json!("returned")).await?;
    town.change("learner", "assignment_submissions", submission, json!({"submission_text": "Again.", "status": "submitted"})).await?;
    town.until_value("instructor", "assignment_submissions", submission, "submission_text", json!("Again.")).await?;

    let test = town.school.insert("assessments", json!({"id": Uuid::now_v7(), "title": "On paper"})).await?;
    for who in STAFF {
        town.laptop(who).call("sync_now", json!({})).await?;
    }
    let given = json!({"assessment_id": test, "group_id": town.group, "available_from": MORNING_MS, "available_to": MORNING_MS + HOUR_MS});
    let to_group = town.make("teacher", "assessment_assignments", given.clone()).await?;
    town.only_these_have("assessment_assignments", to_group, &["admin", "teacher", "learner"]).await?;
    assert_eq!(town.refusal("instructor", "assessment_assignments", None, given).await, Code::NotAllowed);
    let to_learner = town.make("instructor", "assessment_assignments", json!({"assessment_id": test, "user_id": town.id("other")})).await?;
    town.only_these_have("assessment_assignments", to_learner, &["admin", "instructor", "other"]).await
}

#[tokio::test]
async fn certificates_and_badges_reach_the_person_and_who_awards_them() -> Outcome<()> {
    let concerned = &["admin", "instructor", "learner", "parent"];
    let town = Town::open().await?;
    let (learner, course) = (town.id("learner"), town.course.id);
    let template = town.make("admin", "certificate_templates", json!({"name": "Plain", "template_html": "<p>{holder_name}</p>"})).await?;
    town.only_these_have("certificate_templates", template, EVERYBODY).await?;
    let certificate = json!({"user_id": learner, "course_id": course, "certificate_template_id": template, "issued_at": MORNING_MS});
    let certificate = town.make("instructor", "certificates", certificate).await?;
    town.only_these_have("certificates", certificate, concerned).await?;
    town.until_value("learner", "certificates", certificate, "certificate_number", json!("CERT-2026-00000001")).await?;
    town.until_value("learner", "certificates", certificate, "holder_name", json!("Full learner")).await?;
    let own = json!({"user_id": learner, "course_id": course, "issued_at": MORNING_MS});
    assert_eq!(town.refusal("learner", "certificates", None, own.clone()).await, Code::NotAllowed);
    assert_eq!(town.refusal("teacher", "certificates", None, own).await, Code::NotAllowed);
    town.change("admin", "certificates", certificate, json!({"revoked_at": MORNING_MS, "revoked_reason": "Copied."})).await?;
    town.until_value("parent", "certificates", certificate, "revoked_reason", json!("Copied.")).await?;

    let badge = town.make("admin", "badges", json!({"name": "First aid", "image_url": "https://example.org/aid.png"})).await?;
    town.only_these_have("badges", badge, EVERYBODY).await?;
    let earned = json!({"user_id": learner, "badge_id": badge, "course_id": course, "earned_at": MORNING_MS});
    let earned = town.make("instructor", "user_badges", earned).await?;
    town.only_these_have("user_badges", earned, concerned).await?;
    let without_course = json!({"user_id": learner, "badge_id": badge, "earned_at": MORNING_MS});
    assert_eq!(town.refusal("instructor", "user_badges", None, without_course.clone()).await, Code::NotAllowed);
    let without_course = town.make("admin", "user_badges", without_course).await?;
    town.only_these_have("user_badges", without_course, &["admin", "learner", "parent"]).await
}

#[tokio::test]
async fn hidden_test_cases_never_reach_learners_and_programs_only_their_teacher() -> Outcome<()> {
    let town = Town::open().await?;
    let topic = town.make("teacher", "coding_topics", json!({"name": "Loops"})).await?;
    town.only_these_have("coding_topics", topic, EVERYBODY).await?;
    let task = json!({"coding_topic_id": topic, "title": "Sum", "description": "Add the numbers.", "points": 10});
    let task = town.make("teacher", "coding_tasks", task).await?;
    town.only_these_have("coding_tasks", task, EVERYBODY).await?;
    let case = town.make("teacher", "coding_test_cases", json!({"coding_task_id": task, "input": "1 2", "expected": "3"})).await?;
    let hidden = json!({"coding_task_id": task, "input": "2 2", "expected": "4", "is_hidden": true});
    let hidden = town.make("teacher", "coding_test_cases", hidden).await?;
    town.only_these_have("coding_test_cases", case, EVERYBODY).await?;
    town.only_these_have("coding_test_cases", hidden, STAFF).await?;
    town.change("teacher", "coding_test_cases", case, json!({"is_hidden": true})).await?;
    town.only_these_have("coding_test_cases", case, STAFF).await?;
    assert_eq!(town.refusal("learner", "coding_tasks", None, json!({"title": "Mine"})).await, Code::NotAllowed);

    let program = json!({"coding_task_id": task, "user_id": town.id("learner"), "submitted_code": "print(3)", "submitted_at": MORNING_MS});
    let program = town.make("learner", "coding_submissions", program).await?;
    town.only_these_have("coding_submissions", program, &["admin", "teacher", "learner", "parent"]).await?;
    town.until_value("learner", "coding_submissions", program, "attempt_number", json!(1)).await?;
    assert_eq!(town.refusal("learner", "coding_submissions", Some(program), json!({"status": "passed"})).await, Code::NotAllowed);
    town.change("teacher", "coding_submissions", program, json!({"status": "passed", "passed_count": 2, "failed_count": 0})).await?;
    town.until_value("learner", "coding_submissions", program, "status", json!("passed")).await?;

    town.change("teacher", "coding_tasks", task, json!({"is_active": false})).await?;
    town.only_these_have("coding_tasks", task, STAFF).await
}
