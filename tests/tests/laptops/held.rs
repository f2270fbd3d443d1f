//! A substitute's week of marks waits on their laptop while the group is given to another teacher: the complete sequence, on real laptops.

use serde_json::{Value, json};
use waystation_model::Code;
use waystation_tests::Outcome;
use waystation_tests::laptop::Laptop;
use waystation_tests::school::open;
use waystation_tests::server::LocalServer;

const WEEK: [&str; 5] = ["2026-03-02", "2026-03-03", "2026-03-04", "2026-03-05", "2026-03-06"];

fn states(centre: &Value) -> Vec<String> {
    let items = centre["own_held"].as_array().into_iter().flatten();
    let mut states: Vec<String> = items.map(|item| item["state"].as_str().unwrap_or_default().to_owned()).collect();
    states.sort();
    states
}

#[tokio::test]
async fn a_substitutes_week_is_decided_by_the_new_teacher_and_leaves_the_substitutes_laptop() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let substitute_id = school.person("teacher", "substitute").await?;
    let teacher_id = school.person("teacher", "teaches").await?;
    let pupil = school.person("learner", "pupil").await?;
    let group = school.group(substitute_id, &[pupil]).await?;
    let substitute = Laptop::of("substitute", &server.url()).await?;
    let teacher = Laptop::of("teaches", &server.url()).await?;
    let (database, port) = (server.database().clone(), server.server().address().port());
    server.stop().await;
    substitute.wait_until_offline().await?;
    for day in WEEK {
        let marks = json!([{"student_id": pupil, "lesson_date": day, "status": "late"}]);
        substitute.call("set_marks", json!({"group_id": group, "marks": marks})).await?;
    }
    school.run(format!("UPDATE groups SET teacher_id = '{teacher_id}' WHERE id = '{group}'")).await?;
    let server = LocalServer::start_on(&database, port).await?;

    // The author's laptop: nothing is refused, five changes wait for another person's decision, and the group has left.
    let centre = substitute.until("sync_centre", json!({}), |centre| states(centre).len() == 5).await?;
    assert_eq!((&centre["attention"], &centre["held"], &centre["merged"]), (&json!([]), &json!([]), &json!([])));
    let item = &centre["own_held"][4];
    assert_eq!((&item["state"], &item["about"], &item["deletes"]), (&json!("waiting"), &json!("Full pupil · 2026-03-02"), &json!(false)));
    assert_eq!(item["fields"], json!([{"name": "status", "value": "late", "server_value": null, "kind": "choice"}]));
    substitute.wait_until_synced().await?;
    substitute.until("groups", json!({}), |groups| *groups == json!([])).await?;
    let refused = substitute.call("decide_held", json!({"id": item["id"], "accept": true})).await.expect_err("one's own");
    assert_eq!(refused.code, Code::NotAllowed);
    let state = substitute.until("sync_status", json!({}), |state| state["safe_to_close"] == true).await?;
    assert_eq!((&state["held"], &state["attention"]), (&json!(0), &json!(0)));

    // The new teacher's laptop: the chip counts the changes, the card names their author and content.
    // The status is read before the list, and may be older.
    let all_told = |centre: &Value| centre["held"].as_array().is_some_and(|held| held.len() == 5) && centre["status"]["held"] == 5;
    let centre = teacher.until("sync_centre", json!({}), all_told).await?;
    assert_eq!((&centre["status"]["held"], &centre["own_held"]), (&json!(5), &json!([])));
    let held = centre["held"].as_array().cloned().unwrap_or_default();
    let group_name = school.column("groups", group, "display_name").await?;
    assert_eq!(
        (&held[0]["author"], &held[0]["group"], &held[0]["about"]),
        (&json!("Full substitute"), &group_name, &json!("Full pupil · 2026-03-02"))
    );
    for (index, item) in held.iter().take(4).enumerate() {
        teacher.call("decide_held", json!({"id": item["id"], "accept": index < 2})).await?;
    }
    let left = teacher.call("sync_centre", json!({})).await?;
    assert_eq!(left["held"].as_array().map(Vec::len), Some(1), "a decided change leaves the list at once");
    let again = teacher.call("decide_held", json!({"id": held[0]["id"], "accept": false})).await.expect_err("decided");
    assert_eq!(again.code, Code::AlreadySet);
    let range = json!({"group_id": group, "from": WEEK[0], "to": WEEK[4]});
    let status = |grid: &Value| -> Vec<Value> {
        grid["students"][0]["cells"].as_array().into_iter().flatten().map(|cell| cell["status"].clone()).collect()
    };
    teacher.until("grid", range, |grid| status(grid).iter().filter(|status| **status == "late").count() == 2).await?;

    // After a restart of the server the author learns who decided, and the marks are still not visible to them.
    let _server = server.restart().await?;
    let decided = ["accepted", "accepted", "refused", "refused", "waiting"];
    let centre = substitute.until("sync_centre", json!({}), |centre| states(centre) == decided).await?;
    assert_eq!(centre["own_held"][4]["decided_by"], "Full teaches");
    assert_eq!(substitute.call("groups", json!({})).await?, json!([]));
    assert_eq!(school.count("attendance_records").await?, 2);
    Ok(())
}
