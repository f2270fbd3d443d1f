//! Behind a pooler, and in sessions without settings, the rules that protect money and rights hold all the same.

use serde_json::json;
use uuid::Uuid;
use waystation_model::Code;
use waystation_tests::Outcome;
use waystation_tests::caller::{Caller, put};
use waystation_tests::cluster::Cluster;
use waystation_tests::pooler::Pooler;
use waystation_tests::school::School;
use waystation_tests::server::LocalServer;

async fn closed_course(school: &mut School) -> Outcome<Uuid> {
    let course = school.course(None, "published", 1).await?;
    school.run("UPDATE courses SET price_minor = 99900").await?;
    Ok(course.id)
}

#[tokio::test]
async fn self_enrolment_in_a_paid_course_is_refused_behind_a_pooler_that_drops_start_options() -> Outcome<()> {
    let cluster = Cluster::shared().await?;
    let database = cluster.database().await?;
    let pooler = Pooler::start(cluster, &database, "session").await?;
    let mut school = School::create(&database).await?;
    let aysel = school.person("learner", "aysel").await?;
    let course = closed_course(&mut school).await?;
    let server = LocalServer::start(pooler.database()).await?;
    let settings = "SELECT array[current_setting('waystation.server'), current_setting('TimeZone'), current_setting('jit')]";
    let settings: Vec<String> = sqlx::query_scalar(settings).fetch_one(&server.server().app().pool).await?;
    assert_eq!(settings, ["on", "UTC", "off"]);
    let mut aysel_there = Caller::sign_in(&server.url(), "aysel").await?;
    let enrolled = put("enrollments").link("user_id", aysel).link("course_id", course);
    assert_eq!(aysel_there.refusal(enrolled).await?.0, Code::RuleBroken);
    assert_eq!(school.count("enrollments").await?, 0);
    server.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_server_does_not_start_behind_a_pooler_that_shares_sessions() -> Outcome<()> {
    let cluster = Cluster::shared().await?;
    let database = cluster.database().await?;
    let pooler = Pooler::start(cluster, &database, "transaction").await?;
    let refused = LocalServer::start(pooler.database()).await.err().ok_or("it started")?.to_string();
    assert!(refused.contains("session mode"), "{refused}");
    Ok(())
}

#[tokio::test]
async fn a_session_without_settings_obeys_the_rules() -> Outcome<()> {
    let database = Cluster::shared().await?.database().await?;
    let mut school = School::create(&database).await?;
    let (aysel, murad) = (school.person("learner", "aysel").await?, school.person("learner", "murad").await?);
    let course = closed_course(&mut school).await?;
    let enrol = |user: Uuid, kind: &str| {
        format!(
            "INSERT INTO enrollments (organization_id, user_id, course_id, enrollment_type) SELECT organization_id, id, '{course}', '{kind}' FROM users WHERE id = '{user}'"
        )
    };
    let said = school.run(enrol(aysel, "self")).await.err().ok_or("it was taken")?.to_string();
    assert!(said.contains("not open to everybody"), "{said}");
    school.run(enrol(aysel, "assigned")).await?;
    school.run("UPDATE courses SET enrollments_max = 1").await?;
    let said = school.run(enrol(murad, "assigned")).await.err().ok_or("it was taken")?.to_string();
    assert!(said.contains("full"), "{said}");
    let test = school.insert("assessments", json!({"id": Uuid::now_v7(), "title": "Test", "kind": "exam", "graded_by": "server", "passing_percent": 50.0, "attempts_max": 1, "description": "", "shows_explanations": true, "is_required": true, "is_active": true, "position": 0, "settings": {}})).await?;
    let second = format!(
        "INSERT INTO assessment_attempts (organization_id, assessment_id, user_id, attempt_number) SELECT organization_id, '{test}', id, 2 FROM users WHERE id = '{aysel}'"
    );
    let said = school.run(second.clone()).await.err().ok_or("it was taken")?.to_string();
    assert!(said.contains("no attempt is left"), "{said}");
    // A program that imports old data declares so.
    school.run(format!("SET waystation.unchecked = on; {}; {second}", enrol(murad, "self"))).await?;
    assert_eq!((school.count("enrollments").await?, school.count("assessment_attempts").await?), (2, 1));
    Ok(())
}
