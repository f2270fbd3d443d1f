//! Files that are imported on one laptop: the server takes their rows, and other laptops show them.

use base64::Engine as _;
use serde_json::{Value, json};
use waystation_tests::Outcome;
use waystation_tests::laptop::Laptop;
use waystation_tests::school::open;

async fn import(laptop: &Laptop, table: &str, text: &str, mapping: Value) -> Outcome<Value> {
    let content = base64::engine::general_purpose::STANDARD.encode(text);
    let words = json!([{"yes": "yes", "no": "no"}]);
    let arguments = json!({"table": table, "name": "list.csv", "content": content, "first_line": 2, "mapping": mapping, "words": words, "dry_run": false});
    Ok(laptop.call("import_records", arguments).await?)
}

#[tokio::test]
async fn imported_rows_are_accepted_by_the_server_and_arrive_on_another_laptop() -> Outcome<()> {
    let (server, mut school) = open().await?;
    school.person("admin", "boss").await?;
    let (one, other) = (Laptop::of("boss", &server.url()).await?, Laptop::of("boss", &server.url()).await?);
    let stations = "name;code;latitude;opened_on;status\nŞəki;S-1;41,1975;31.12.2019;active\nGəncə;S-2;;;closed\n";
    let report = import(&one, "stations", stations, json!(["name", "code", "latitude", "opened_on", "status"])).await?;
    assert_eq!((&report["new"], &report["stored"]), (&json!(2), &json!(true)), "{report:#}");
    let mut people = String::from("user name,full name,station,e-mail,role\n");
    for number in 0..1_200 {
        people.push_str(&format!("u{number},Person Ə{number},s-{},u{number}@example.org,learner\n", 1 + number % 2));
    }
    let columns = json!(["user_name", "full_name", "station_id", "email", "role"]);
    let report = import(&one, "users", &people, columns.clone()).await?;
    assert_eq!((&report["new"], &report["refused"]), (&json!(1_200), &json!(0)));
    one.wait_until_synced().await?;
    let refused = one.call("sync_status", json!({})).await?;
    assert_eq!(refused["attention"], 0, "the server takes every row");
    assert_eq!(school.count("users").await?, 1_201);
    let named = "SELECT to_jsonb(count(*)) FROM users u JOIN stations s ON s.id = u.station_id WHERE s.name = 'Şəki'";
    assert_eq!(school.value(named).await?, json!(600));
    other.until("records", json!({"table": "users", "limit": 1}), |page| page["total"] == 1_201).await?;

    let again = import(&one, "users", &people, columns).await?;
    assert_eq!((&again["same"], &again["undo"]), (&json!(1_200), &Value::Null), "the same file twice changes nothing");
    one.call("undo_records", json!({"undo": report["undo"]})).await?;
    one.wait_until_synced().await?;
    let left = "SELECT to_jsonb(count(*)) FROM users WHERE deleted_at IS NULL";
    assert_eq!(school.value(left).await?, json!(1), "one undo takes all of them back, at the server too");
    Ok(())
}
