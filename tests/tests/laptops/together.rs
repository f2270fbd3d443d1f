//! Laptops and a server, without a window: changes of one laptop arrive on the other.

use serde_json::{Value, json};
use uuid::Uuid;
use waystation_model::Code;
use waystation_tests::cluster::Cluster;
use waystation_tests::laptop::Laptop;
use waystation_tests::lossy::LossyNetwork;
use waystation_tests::school::{Course, School, open};
use waystation_tests::server::{LocalServer, ServerProcess};
use waystation_tests::{Outcome, paths};

/// An instructor's published course with one learner.
async fn course_with_a_learner(school: &mut School, topics: usize) -> Outcome<Course> {
    let instructor = school.person("instructor", "teaches").await?;
    let learner = school.person("learner", "learns").await?;
    let course = school.course(Some(instructor), "published", topics).await?;
    school.enrol(learner, &course).await?;
    // Topics are marked in any order.
    school.run("UPDATE topics SET requires_previous = false").await?;
    Ok(course)
}

fn percents(learners: &Value) -> &Value {
    &learners["learners"][0]["topics"]
}

#[tokio::test]
async fn progress_travels_from_a_click_to_the_instructors_screen() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let course = course_with_a_learner(&mut school, 2).await?;
    let (learner, instructor) = (Laptop::of("learns", &server.url()).await?, Laptop::of("teaches", &server.url()).await?);
    let topic = learner.call("mark_topic", json!({"topic_id": course.topics[1], "completed": true})).await?;
    assert_eq!(topic["card"]["completed"], true);
    let learners = instructor.until("course_learners", json!({"id": course.id}), |answer| *percents(answer) == json!([0, 100])).await?;
    assert_eq!(learners["learners"][0]["display_name"], "Full learns");
    let stored = school.value("SELECT completed FROM topic_progress").await?;
    assert_eq!(stored, json!(true));
    Ok(())
}

#[tokio::test]
async fn three_offline_edits_of_one_row_arrive_as_the_last() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let course = course_with_a_learner(&mut school, 1).await?;
    let learner = Laptop::of("learns", &server.url()).await?;
    let (database, port) = (server.database().clone(), server.server().address().port());
    server.stop().await;
    learner.wait_until_offline().await?;
    for completed in [true, false, true] {
        let topic = learner.call("mark_topic", json!({"topic_id": course.topics[0], "completed": completed})).await?;
        assert_eq!(topic["card"]["completed"], completed);
    }
    let learner = learner.restart().await?;
    let topic = learner.call("topic", json!({"id": course.topics[0]})).await?;
    assert_eq!(topic["card"]["completed"], true);
    let _server = LocalServer::start_on(&database, port).await?;
    learner.wait_until_synced().await?;
    let stored = school.value("SELECT jsonb_build_array(count(*), bool_and(completed), max(reset_number)) FROM topic_progress").await?;
    assert_eq!(stored, json!([1, true, 1]));
    Ok(())
}

#[tokio::test]
async fn two_marks_of_one_cell_conflict_and_the_teacher_settles_it() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let teacher = school.person("teacher", "teaches").await?;
    let pupil = school.person("learner", "pupil").await?;
    let group = school.group(teacher, &[pupil]).await?;
    let (one, other) = (Laptop::of("teaches", &server.url()).await?, Laptop::of("teaches", &server.url()).await?);
    let (database, port) = (server.database().clone(), server.server().address().port());
    server.stop().await;
    for (laptop, status) in [(&one, "late"), (&other, "absent")] {
        laptop.wait_until_offline().await?;
        let marks = json!([{"student_id": pupil, "lesson_date": "2026-03-02", "status": status}]);
        laptop.call("set_marks", json!({"group_id": group, "marks": marks})).await?;
    }
    let _server = LocalServer::start_on(&database, port).await?;
    let range = json!({"group_id": group, "from": "2026-03-02", "to": "2026-03-02"});
    let cell = |grid: &Value| grid["students"][0]["cells"][0].clone();
    let in_conflict = |grid: &Value| cell(grid)["conflict_id"].is_string() && cell(grid)["waiting"] == false;
    let on_one = cell(&one.until("grid", range.clone(), in_conflict).await?);
    let on_other = cell(&other.until("grid", range.clone(), in_conflict).await?);
    assert_eq!((&on_one["status"], &on_one["conflict_id"]), (&on_other["status"], &on_other["conflict_id"]));

    let centre = other.call("sync_centre", json!({})).await?;
    let (kept, lost) = (&centre["conflicts"][0]["kept"]["value"], &centre["conflicts"][0]["lost"]["value"]);
    assert_ne!(kept, lost);
    other.call("settle", json!({"id": on_other["conflict_id"], "take_lost": true})).await?;
    for laptop in [&one, &other] {
        let settled = |grid: &Value| cell(grid)["conflict_id"].is_null() && cell(grid)["status"] != on_one["status"];
        laptop.until("grid", range.clone(), settled).await?;
    }
    Ok(())
}

#[tokio::test]
async fn equal_marks_of_two_people_make_no_conflict() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let teacher = school.person("teacher", "teaches").await?;
    let pupil = school.person("learner", "pupil").await?;
    let group = school.group(teacher, &[pupil]).await?;
    let (one, other) = (Laptop::of("teaches", &server.url()).await?, Laptop::of("teaches", &server.url()).await?);
    let (database, port) = (server.database().clone(), server.server().address().port());
    server.stop().await;
    for laptop in [&one, &other] {
        laptop.wait_until_offline().await?;
        let marks = json!([{"student_id": pupil, "lesson_date": "2026-03-02", "status": "absent"}]);
        laptop.call("set_marks", json!({"group_id": group, "marks": marks})).await?;
    }
    let _server = LocalServer::start_on(&database, port).await?;
    for laptop in [&one, &other] {
        laptop.wait_until_synced().await?;
    }
    assert_eq!(school.count("conflicts").await?, 1, "the server keeps the common value");
    for laptop in [&one, &other] {
        laptop.call("sync_now", json!({})).await?;
        let centre = laptop.call("sync_centre", json!({})).await?;
        assert_eq!((&centre["conflicts"], &centre["status"]["conflicts"]), (&json!([]), &json!(0)));
        let range = json!({"group_id": group, "from": "2026-03-02", "to": "2026-03-02"});
        let cell = laptop.call("grid", range).await?["students"][0]["cells"][0].clone();
        assert_eq!((&cell["status"], &cell["conflict_id"]), (&json!("absent"), &Value::Null));
    }
    Ok(())
}

#[tokio::test]
async fn a_refused_change_blocks_nothing_and_is_corrected() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let course = course_with_a_learner(&mut school, 1).await?;
    let other = school.course(None, "draft", 0).await?;
    let instructor = Laptop::of("teaches", &server.url()).await?;
    let (database, port) = (server.database().clone(), server.server().address().port());
    server.stop().await;
    instructor.wait_until_offline().await?;
    // Meanwhile the code is given to another course, which the laptop cannot know.
    school.run(format!("UPDATE courses SET course_code = 'TAKEN' WHERE id = '{}'", other.id)).await?;
    instructor.call("edit_course", json!({"id": course.id, "course_code": "TAKEN"})).await?;
    instructor.call("edit_course", json!({"id": course.id, "title": "A better title"})).await?;
    let _server = LocalServer::start_on(&database, port).await?;
    let centre =
        instructor.until("sync_centre", json!({}), |centre| centre["attention"].as_array().is_some_and(|list| list.len() == 1)).await?;
    let item = &centre["attention"][0];
    assert_eq!((&item["code"], &item["field"]), (&json!("taken"), &json!("course_code")));
    instructor.wait_until_synced().await?;
    assert_eq!(school.column("courses", course.id, "title").await?, "A better title");
    let known = instructor.call("edit_course", json!({"id": course.id, "course_code": "TAKEN"})).await;
    assert_eq!(known.expect_err("a code that the laptop knows of").code, Code::Taken);

    instructor.call("send_again", json!({"n": item["n"], "fields": {"course_code": "FREE"}})).await?;
    instructor.until("sync_status", json!({}), |status| status["attention"] == 0 && status["waiting"] == 0).await?;
    assert_eq!(school.column("courses", course.id, "course_code").await?, "FREE");
    Ok(())
}

#[tokio::test]
async fn lost_answers_apply_nothing_twice() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let course = course_with_a_learner(&mut school, 1).await?;
    let item = json!({"id": Uuid::now_v7(), "course_id": course.id, "module_id": course.module, "topic_id": course.topics[0], "kind": "document", "title": "PDF"});
    let item = school.insert("content_items", item).await?;
    let network = LossyNetwork::to(server.server().address()).await?;
    let learner = Laptop::of("learns", &network.url()).await?;
    network.lose_answers(3);
    let position = json!({"content_item_id": item, "page": 1, "second": null, "percent": 10, "seconds_spent": 7});
    for _ in 0..4 {
        learner.call("note_position", position.clone()).await?;
    }
    learner.wait_until_synced().await?;
    assert_eq!(network.lost(), 3);
    // Time spent is summed, so a change that is applied twice shows.
    assert_eq!(school.value("SELECT time_spent_seconds FROM content_progress").await?, json!(28));
    Ok(())
}

#[tokio::test]
async fn a_server_killed_during_pushes_stores_everything_once() -> Outcome<()> {
    let database = Cluster::shared().await?.database().await?;
    let mut school = School::create(&database).await?;
    let course = course_with_a_learner(&mut school, 30).await?;
    let folder = tempfile::tempdir()?;
    let port = paths::free_port()?;
    let mut server = ServerProcess::new(database.url().to_owned(), folder.path().join("content"), folder.path().to_path_buf(), port);
    server.start().await?;
    let learner = Laptop::of("learns", &server.url()).await?;
    for (index, topic) in course.topics.iter().enumerate() {
        learner.call("mark_topic", json!({"topic_id": topic, "completed": true})).await?;
        if index == 15 {
            server.kill();
        }
    }
    server.start().await?;
    learner.wait_until_synced().await?;
    let stored = school.value("SELECT jsonb_build_array(count(*), bool_and(completed)) FROM topic_progress").await?;
    assert_eq!(stored, json!([30, true]));
    server.stop();
    Ok(())
}
