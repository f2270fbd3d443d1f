//! A server is restored from a backup. Rows that no author sends again are still on other laptops, which offer them, and they are restored.

use serde_json::json;
use sync_server::backup;
use waystation_tests::cluster::Cluster;
use waystation_tests::laptop::{Laptop, SYNC_TIME_MAX};
use waystation_tests::school::{School, open};
use waystation_tests::server::LocalServer;
use waystation_tests::{Outcome, wait};

/// Queries one number from the laptop's database.
async fn number(laptop: &Laptop, sql: &'static str) -> Outcome<i64> {
    Ok(laptop.app().store()?.read(move |connection| Ok(connection.query_row(sql, [], |row| row.get(0))?)).await?)
}

#[tokio::test]
async fn lost_rows_that_no_author_resends_are_offered_by_other_laptops() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let teaches = school.person("teacher", "kamran").await?;
    school.person("admin", "vusal").await?;
    let learns = school.person("learner", "aysel").await?;
    let group = school.group(teaches, &[learns]).await?;
    let course = school.course(Some(teaches), "published", 2).await?;
    school.enrol(learns, &course).await?;
    let learner = Laptop::of("aysel", &server.url()).await?;
    let admin = Laptop::of("vusal", &server.url()).await?;
    let files = server.server().app().files.clone();
    let store = tempfile::tempdir()?;
    let to = backup::folder(store.path())?;
    let made = backup::make(server.database().url(), &*files, &*to, false).await?;

    // After the backup: changes by plain SQL, and a teacher marks on a laptop that then breaks.
    let [retitled, deleted_since] = [course.topics[0], course.topics[1]];
    school.run(format!("UPDATE topics SET title = 'By hand' WHERE id IN ('{retitled}', '{deleted_since}')")).await?;
    // A row of the maximum size.
    let body = json!({"text": "x".repeat(190_000)});
    let item = json!({"module_id": course.module, "course_id": course.id, "kind": "text", "title": "Long", "body": body, "position": 0, "is_required": true});
    school.insert("content_items", item).await?;
    let broken = Laptop::of("kamran", &server.url()).await?;
    let mark = json!({"group_id": group, "marks": [{"student_id": learns, "lesson_date": "2026-03-02", "status": "late"}]});
    broken.call("set_marks", mark).await?;
    broken.wait_until_synced().await?;
    learner.call("mark_topic", json!({"topic_id": retitled, "completed": true})).await?;
    learner.wait_until_synced().await?;
    // The other laptops have received the changes.
    for (laptop, received) in [
        (&learner, "SELECT count(*) FROM topics WHERE title = 'By hand' AND EXISTS (SELECT id FROM content_items)"),
        (
            &admin,
            "SELECT 2 * count(*) FROM attendance_records WHERE EXISTS (SELECT id FROM content_items)
                 AND (SELECT count(*) FROM topics WHERE title = 'By hand') = 2",
        ),
    ] {
        wait::until("it is received", SYNC_TIME_MAX, || async { Ok((number(laptop, received).await? == 2).then_some(())) }).await?;
    }
    broken.app().shutdown().await;

    let port = server.server().address().port();
    server.stop().await;
    let database = Cluster::shared().await?.empty_database().await?;
    let restored = backup::restore(database.url(), &*files, &*to, false, Some(&made.name)).await?;
    assert!(restored.report.faults.is_empty(), "{}", restored.report);
    let mut after = School { organization: school.organization, sql: database.connect().await? };
    after.run(format!("DELETE FROM topics WHERE id = '{deleted_since}'")).await?;
    let _again = LocalServer::start_on(&database, port).await?;
    for laptop in [&learner, &admin] {
        wait::until("the loss is known", SYNC_TIME_MAX, || async {
            Ok((number(laptop, "SELECT count(*) FROM lost_rows").await? > 0).then_some(()))
        })
        .await?;
        laptop.wait_until_synced().await?;
    }
    assert_eq!(after.count("attendance_records").await?, 0);
    assert_eq!(after.value("SELECT count(*) FROM topic_progress WHERE completed").await?, json!(1), "the learner sent it again");
    assert_eq!(after.count("offered_rows").await?, 0, "authors have a day to send their changes again");
    assert!(learner.call("sync_centre", json!({})).await?["lost_rows"].as_i64() > Some(0), "and the person can see that");

    // A day passes.
    for laptop in [&learner, &admin] {
        let aged = "UPDATE lost_rows SET found_at = found_at - 86400000";
        laptop.app().store()?.write(move |writer| Ok(writer.connection().execute(aged, [])?)).await?;
        wait::until("the lost rows are offered", SYNC_TIME_MAX, || async {
            laptop.call("sync_now", json!({})).await?;
            Ok((number(laptop, "SELECT count(*) FROM lost_rows").await? == 0).then_some(()))
        })
        .await?;
        // The offers are answered: a row offered by two laptops awaits one decision.
        wait::until("every offer is answered", SYNC_TIME_MAX, || async {
            Ok((number(laptop, "SELECT count(*) FROM shadows").await? == 0).then_some(()))
        })
        .await?;
        laptop.wait_until_synced().await?;
    }
    let centre = admin
        .until("sync_centre", json!({}), |centre| {
            ["topics", "attendance_records", "content_items"]
                .iter()
                .all(|table| centre["offered"].as_array().is_some_and(|rows| rows.iter().any(|row| row["entity"] == *table)))
        })
        .await?;
    let offered = centre["offered"].as_array().ok_or("a list")?.clone();
    assert_eq!(centre["status"]["held"], json!(offered.len()), "{centre:#}");
    for row in &offered {
        let accept = row["entity"] != "topics" || row["fields"][0]["server_value"] != json!(null);
        admin.call("decide_offered", json!({"id": row["id"], "accept": accept})).await?;
    }
    admin.until("sync_centre", json!({}), |centre| centre["offered"] == json!([])).await?;
    admin.wait_until_synced().await?;
    assert_eq!(after.column("topics", retitled, "title").await?, "By hand");
    assert_eq!(after.value("SELECT status FROM attendance_records").await?, "late");
    assert_eq!(after.value("SELECT length(body ->> 'text') FROM content_items").await?, 190_000);
    assert_eq!(
        after.value("SELECT count(*) FROM topics").await?,
        json!(1),
        "what was deleted since stays so, unless somebody decides otherwise"
    );
    assert_eq!(after.value("SELECT count(*) FROM offered_rows WHERE state = 'waiting'").await?, json!(0));
    let refused = learner.call("decide_offered", json!({"id": offered[0]["id"], "accept": true})).await.expect_err("not theirs");
    assert_eq!(refused.code.word(), "not_found");
    Ok(())
}
