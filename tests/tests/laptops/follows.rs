//! Scopes on demand, on real laptops: an administrator opens a learner whose work their laptop did not hold.

use serde_json::{Value, json};
use uuid::Uuid;
use waystation_model::Code;
use waystation_tests::Outcome;
use waystation_tests::laptop::Laptop;
use waystation_tests::school::{Course, School, open};
use waystation_tests::server::LocalServer;

struct Office {
    server: LocalServer,
    school: School,
    learner: Uuid,
    course: Course,
    admin: Laptop,
}

/// An administrator's laptop, and a learner with progress and a graded attempt.
async fn office() -> Outcome<Office> {
    let (server, mut school) = open().await?;
    school.person("admin", "admin").await?;
    let instructor = school.person("instructor", "teaches").await?;
    let learner = school.person("learner", "learns").await?;
    let course = school.course(Some(instructor), "published", 2).await?;
    school.enrol(learner, &course).await?;
    let test = school.test(&course, "quiz", "server", &[]).await?;
    let attempt = json!({
        "id": Uuid::now_v7(), "assessment_id": test.id, "course_id": course.id, "user_id": learner, "attempt_number": 1, "status": "graded",
        "score_percent": 80.0, "passed": true, "started_at": "2026-03-02T09:00:00Z", "submitted_at": "2026-03-02T09:10:00Z", "answers": {},
    });
    school.insert("assessment_attempts", attempt).await?;
    let admin = Laptop::of("admin", &server.url()).await?;
    Ok(Office { server, school, learner, course, admin })
}

impl Office {
    fn person(&self) -> Value {
        json!({"id": self.learner})
    }

    /// Whether the learner's own rows are on the administrator's laptop.
    async fn rows(&self) -> Outcome<usize> {
        let page = self.admin.call("records", json!({"table": "assessment_attempts", "limit": 10})).await?;
        Ok(page["rows"].as_array().ok_or("a page has rows")?.len())
    }
}

fn is_here(page: &Value) -> bool {
    page["standing"] == "here"
}

#[tokio::test]
async fn an_opened_learner_arrives_stays_current_and_leaves_when_let_go() -> Outcome<()> {
    let mut office = office().await?;
    assert_eq!(office.rows().await?, 0, "nobody's laptop holds what they only look up");
    let page = office.admin.call("open_person", office.person()).await?;
    assert_eq!((&page["full_name"], &page["followed"], &page["pinned"]), (&json!("Full learns"), &json!(true), &json!(false)));
    let page = office.admin.until("person_page", office.person(), is_here).await?;
    assert_eq!((&page["results"][0]["score_percent"], &page["results"][0]["passed"]), (&json!(80.0), &json!(true)));
    assert_eq!((&page["courses"][0]["topics_done"], &page["courses"][0]["topics_all"]), (&json!(0), &json!(2)));

    // What the learner does from now on arrives too, and after a restart.
    let learner = Laptop::of("learns", &office.server.url()).await?;
    office.school.run("UPDATE topics SET requires_previous = false").await?;
    learner.call("mark_topic", json!({"topic_id": office.course.topics[0], "completed": true})).await?;
    office.admin.until("person_page", office.person(), |page| page["courses"][0]["topics_done"] == 1).await?;
    office.admin.call("pin_person", json!({"id": office.learner, "pinned": true})).await?;
    office.admin = office.admin.restart().await?;
    learner.call("mark_topic", json!({"topic_id": office.course.topics[1], "completed": true})).await?;
    let page = office.admin.until("person_page", office.person(), |page| page["courses"][0]["topics_done"] == 2).await?;
    assert_eq!((&page["pinned"], &page["standing"]), (&json!(true), &json!("here")));

    office.admin.call("let_go_of_person", office.person()).await?;
    let page = office.admin.call("person_page", office.person()).await?;
    assert_eq!((&page["followed"], &page["standing"], &page["results"]), (&json!(false), &json!("coming"), &json!([])));
    assert_eq!(office.rows().await?, 0);
    office.admin.call("sync_now", json!({})).await?;
    assert_eq!(office.rows().await?, 0, "no pull brings them back");
    Ok(())
}

#[tokio::test]
async fn without_a_network_an_opened_learner_comes_later() -> Outcome<()> {
    let office = office().await?;
    let (database, port) = (office.server.database().clone(), office.server.server().address().port());
    office.server.stop().await;
    office.admin.wait_until_offline().await?;
    let person = json!({"id": office.learner});
    let page = office.admin.call("open_person", person.clone()).await?;
    assert_eq!((&page["standing"], &page["results"]), (&json!("coming"), &json!([])));
    let admin = office.admin.restart().await?;
    assert_eq!(admin.call("person_page", person.clone()).await?["standing"], "coming");
    let _server = LocalServer::start_on(&database, port).await?;
    let page = admin.until("person_page", person, is_here).await?;
    assert_eq!(page["results"].as_array().map(Vec::len), Some(1));
    Ok(())
}

#[tokio::test]
async fn a_lost_right_removes_the_rows_of_whom_one_followed() -> Outcome<()> {
    let mut office = office().await?;
    office.admin.call("open_person", office.person()).await?;
    office.admin.until("person_page", office.person(), is_here).await?;
    assert_eq!(office.rows().await?, 1);
    // The group's name card stays, so the page can still be named.
    let admin = office.school.value("SELECT id FROM users WHERE user_name = 'admin'").await?;
    office.school.group(serde_json::from_value(admin)?, &[office.learner]).await?;
    office.school.run("UPDATE users SET role = 'teacher' WHERE user_name = 'admin'").await?;
    let page = office.admin.until("person_page", office.person(), |page| page["standing"] == "refused").await?;
    assert_eq!((&page["followed"], &page["results"]), (&json!(false), &json!([])));
    assert_eq!(office.rows().await?, 0);
    Ok(())
}

#[tokio::test]
async fn teachers_see_their_own_part_and_learners_no_page() -> Outcome<()> {
    let mut office = office().await?;
    let teacher = office.school.person("teacher", "teacher").await?;
    let group = office.school.group(teacher, &[office.learner]).await?;
    let mark = json!({"group_id": group, "student_id": office.learner, "lesson_date": "2026-03-02", "status": "late", "marked_by": teacher, "marked_at": "2026-03-02T12:00:00Z"});
    office.school.insert("attendance_records", mark).await?;
    let laptop = Laptop::of("teacher", &office.server.url()).await?;
    let page = laptop.call("open_person", office.person()).await?;
    assert_eq!((&page["standing"], &page["followed"], &page["results"]), (&json!("partly"), &json!(false), &json!([])));
    assert_eq!((&page["marks"][0]["status"], &page["marks"][0]["lesson_date"]), (&json!("late"), &json!("2026-03-02")));

    let learner = Laptop::of("learns", &office.server.url()).await?;
    let refused = learner.call("open_person", office.person()).await.expect_err("no staff");
    assert_eq!(refused.code, Code::NotAllowed);
    let unknown = office.admin.call("open_person", json!({"id": Uuid::now_v7()})).await.expect_err("nobody");
    assert_eq!(unknown.code, Code::NotFound);
    let bad = office.admin.call("open_person", json!({"id": "x"})).await.expect_err("no id");
    assert_eq!((bad.code, bad.fields), (Code::BadRequest, vec!["id".to_owned()]));
    Ok(())
}
