//! Rows over HTTP: lists are complete, filters and sort orders are as described, and invalid requests are refused with their field.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;
use waystation_tests::Outcome;
use waystation_tests::caller::Caller;
use waystation_tests::program::{Program, answer};
use waystation_tests::school::{School, open};
use waystation_tests::server::LocalServer;

async fn admin() -> Outcome<(LocalServer, School, Program)> {
    let (server, mut school) = open().await?;
    school.person("admin", "vusal").await?;
    let program = Program::sign_in(&server.url(), "vusal").await?;
    Ok((server, school, program))
}

fn texts(rows: &[Value], column: &str) -> Vec<String> {
    rows.iter().map(|row| row[column].as_str().unwrap_or("-").to_owned()).collect()
}

/// Stations with names and brands; a null brand sorts last.
async fn stations(school: &mut School, rows: &[(&str, Option<&str>)]) -> Outcome<Vec<Uuid>> {
    let mut ids = Vec::new();
    for (name, brand) in rows {
        ids.push(school.insert("stations", json!({"id": Uuid::now_v7(), "name": name, "brand": brand, "status": "active"})).await?);
    }
    Ok(ids)
}

#[tokio::test]
async fn a_list_is_filtered_and_sorted() -> Outcome<()> {
    let (_server, mut school, program) = admin().await?;
    stations(&mut school, &[("Ələt", Some("A")), ("Ucar", None), ("Bakı", Some("B")), ("Şəki", Some("A"))]).await?;
    school
        .run("UPDATE stations SET latitude = 41.2, longitude = 47.2, opened_on = '2020-05-01', status = 'closed' WHERE name = 'Şəki'")
        .await?;
    let names = async |pairs: &[(&str, &str)]| -> Outcome<Vec<String>> { Ok(texts(&program.list("stations", pairs).await?, "name")) };
    let filtered = async |filter: Value| -> Outcome<Vec<String>> {
        let filter = filter.to_string();
        let mut found = names(&[("filter", filter.as_str())]).await?;
        found.sort();
        Ok(found)
    };
    assert_eq!(names(&[("brand", "A"), ("sort", "-created_at")]).await?, ["Şəki", "Ələt"]);
    assert_eq!(names(&[("sort", "brand,-created_at")]).await?, ["Şəki", "Ələt", "Bakı", "Ucar"]);
    assert_eq!(names(&[("sort", "-brand,created_at")]).await?, ["Ucar", "Bakı", "Ələt", "Şəki"]);
    for limit in ["1", "2", "3", "500"] {
        for (sort, expected) in
            [("brand,-created_at", ["Şəki", "Ələt", "Bakı", "Ucar"]), ("-brand,created_at", ["Ucar", "Bakı", "Ələt", "Şəki"])]
        {
            assert_eq!(names(&[("sort", sort), ("limit", limit)]).await?, expected, "{sort} by {limit}");
        }
    }
    assert_eq!(names(&[("latitude", "41.2")]).await?, ["Şəki"]);
    let one = |column: &str, comparison: &str, value: Value| json!([{"column": column, "comparison": comparison, "value": value}]);
    for (filter, expected) in [
        (one("name", "contains", json!("EKI")), vec!["Şəki"]),
        (one("name", "starts_with", json!("ele")), vec!["Ələt"]),
        (one("name", "one_of", json!(["Ucar", "Bakı"])), vec!["Bakı", "Ucar"]),
        (one("brand", "empty", Value::Null), vec!["Ucar"]),
        (one("brand", "filled", Value::Null), vec!["Bakı", "Ələt", "Şəki"]),
        (one("brand", "is", Value::Null), vec!["Ucar"]),
        (one("brand", "is_not", json!("A")), vec!["Bakı", "Ucar"]),
        (one("latitude", "greater", json!(41)), vec!["Şəki"]),
        (one("latitude", "greater", json!(41.2)), vec![]),
        (one("latitude", "at_least", json!(41.2)), vec!["Şəki"]),
        (one("opened_on", "less", json!("2020-05-02")), vec!["Şəki"]),
        (one("opened_on", "at_most", json!("2020-04-30")), vec![]),
        (one("status", "is_not", json!("active")), vec!["Şəki"]),
        (one("created_at", "greater", json!(4_000_000_000_000_i64)), vec![]),
        (one("name", "contains", json!("' OR true --")), vec![]),
        (
            json!([{"column": "brand", "comparison": "is", "value": "A"}, {"column": "status", "comparison": "is", "value": "active"}]),
            vec!["Ələt"],
        ),
        (json!([]), vec!["Bakı", "Ucar", "Ələt", "Şəki"]),
    ] {
        let (found, mut expected) = (filtered(filter.clone()).await?, expected);
        expected.sort_unstable();
        assert_eq!(found, expected, "{filter}");
    }
    // A time is compared with the precision in which it is sent.
    let row = program.list("stations", &[("name", "Ucar")]).await?.remove(0);
    let updated = row["updated_at"].to_string();
    assert_eq!(names(&[("updated_at", updated.as_str()), ("name", "Ucar")]).await?, ["Ucar"]);
    Ok(())
}

#[tokio::test]
async fn paging_has_no_gap_and_no_double_while_rows_are_inserted() -> Outcome<()> {
    let (_server, mut school, program) = admin().await?;
    // Many rows share a name, and some a time: the id separates them.
    school.run(format!(
        "INSERT INTO stations (id, organization_id, name, brand) \
         SELECT gen_random_uuid(), '{}', 'Station ' || n % 7, CASE WHEN n % 5 = 0 THEN NULL ELSE 'B' || n % 3 END FROM generate_series(1, 230) n",
        school.organization
    ))
    .await?;
    let before: BTreeSet<String> = texts(&program.list("stations", &[("limit", "500")]).await?, "id").into_iter().collect();
    assert_eq!(before.len(), 230);
    for sort in ["", "name", "-brand,name", "created_at", "-updated_at,-id", "opened_on"] {
        let mut seen: Vec<String> = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let mut pairs = vec![("limit", "17")];
            if !sort.is_empty() {
                pairs.push(("sort", sort));
            }
            pairs.extend(after.as_deref().map(|after| ("after", after)));
            let page = program.page("stations", &pairs).await??;
            seen.extend(texts(page["rows"].as_array().ok_or("no rows")?, "id"));
            let Some(next) = page["next"].as_str() else { break };
            after = Some(next.to_owned());
            let row = json!({"name": format!("Station {}", seen.len() % 7), "brand": if seen.len().is_multiple_of(2) { json!("B1") } else { Value::Null }});
            assert_eq!(program.make("stations", row).await?.status, StatusCode::CREATED);
        }
        let distinct: BTreeSet<String> = seen.iter().cloned().collect();
        assert_eq!(distinct.len(), seen.len(), "sorted by {sort:?}: a row came twice");
        assert_eq!(before.difference(&distinct).count(), 0, "sorted by {sort:?}: a row is missing");
    }
    Ok(())
}

#[tokio::test]
async fn invalid_lists_are_refused_with_their_field() -> Outcome<()> {
    let (server, mut school, program) = admin().await?;
    stations(&mut school, &[("a", None), ("b", None)]).await?;
    let condition =
        |column: &str, comparison: &str, value: Value| json!([{"column": column, "comparison": comparison, "value": value}]).to_string();
    let cases: Vec<(&str, String, &str, &str)> = vec![
        ("filter", condition("password_hash", "is", json!("x")), "unknown_column", "password_hash"),
        ("filter", condition("name; DROP TABLE stations", "filled", Value::Null), "unknown_column", "name; DROP TABLE stations"),
        ("filter", condition("latitude", "is", json!("north")), "bad_value", "latitude"),
        ("filter", condition("latitude", "contains", json!("4")), "bad_value", "latitude"),
        ("filter", condition("name", "contains", json!(4)), "bad_value", "name"),
        ("filter", condition("name", "contains", json!("a\u{0}")), "bad_value", "name"),
        ("filter", condition("name", "is", json!("a\u{0}")), "bad_value", "name"),
        ("filter", condition("name", "contains", json!("a".repeat(201))), "bad_value", "name"),
        ("filter", condition("name", "one_of", json!("a")), "bad_value", "name"),
        ("filter", condition("name", "one_of", json!([])), "bad_value", "name"),
        ("filter", condition("name", "one_of", json!(vec!["a"; 501])), "bad_value", "name"),
        ("filter", condition("status", "less", json!("active")), "bad_value", "status"),
        ("filter", condition("latitude", "less", Value::Null), "bad_value", "latitude"),
        ("filter", condition("name", "resembles", json!("a")), "bad_request", "filter"),
        ("filter", "not json".to_owned(), "bad_request", "filter"),
        ("filter", "[".repeat(10_000), "bad_request", "filter"),
        ("sort", "stamp".to_owned(), "unknown_column", "stamp"),
        ("limit", "501".to_owned(), "bad_value", "limit"),
        ("organization_id", school.organization.to_string(), "unknown_column", "organization_id"),
        ("after", "nonsense".to_owned(), "bad_request", "after"),
        ("after", "WyJzdGF0aW9ucyJd.c2lnbmF0dXJl".to_owned(), "bad_request", "after"),
    ];
    for (name, text, code, field) in &cases {
        assert_eq!(program.list_refusal("stations", &[(*name, text.as_str())]).await?, (*code, (*field).to_owned()), "{name}={text}");
    }
    for table in ["conflicts", "held_changes", "offered_rows", "staff_cards", "feed", "personal_tokens", "nowhere", "stations;"] {
        assert_eq!(program.list_refusal(table, &[]).await?.0, "unknown_entity", "{table}");
    }
    // A cursor belongs to its list and to its person, and is not to be edited.
    let page = program.page("stations", &[("limit", "1"), ("sort", "name")]).await??;
    let next = page["next"].as_str().ok_or("a second page")?;
    assert_eq!(program.list_refusal("stations", &[("after", next)]).await?.0, "bad_request");
    assert_eq!(program.list_refusal("station_equipment", &[("after", next), ("sort", "name")]).await?.0, "bad_request");
    let edited = next.replacen(&next[..4], "AAAA", 1);
    assert_eq!(program.list_refusal("stations", &[("after", edited.as_str()), ("sort", "name")]).await?.0, "bad_request");
    school.person("admin", "orxan").await?;
    let other = Program::sign_in(&server.url(), "orxan").await?;
    assert_eq!(other.list_refusal("stations", &[("after", next), ("sort", "name")]).await?.0, "bad_request");
    assert_eq!(program.page("stations", &[("after", next), ("sort", "name")]).await??["rows"].as_array().map(Vec::len), Some(1));
    Ok(())
}

#[tokio::test]
async fn a_row_is_made_read_changed_and_deleted() -> Outcome<()> {
    let (_server, mut school, program) = admin().await?;
    let made = program.make("stations", json!({"name": "Ucar", "latitude": 40})).await?;
    let id = made.id();
    assert_eq!((made.status, made.location.as_str()), (StatusCode::CREATED, format!("/v1/records/stations/{id}").as_str()));
    assert_eq!(made.tag, format!("\"{}\"", made.body["stamp"].as_str().ok_or("a stamp")?));
    assert_eq!((&made.body["name"], &made.body["latitude"], &made.body["status"]), (&json!("Ucar"), &json!(40), &json!("active")));
    assert_eq!(school.column("stations", id, "edits -> 'name' ->> 'user'").await?, school.value("SELECT id FROM users").await?);

    let read = program.get("stations", id).await?;
    assert_eq!((read.status, &read.tag, &read.body), (StatusCode::OK, &made.tag, &made.body));
    let changed = program.change_if("stations", id, &read.tag, json!({"name": "Ucar 2"})).await?;
    assert_eq!((changed.status, &changed.body["name"]), (StatusCode::OK, &json!("Ucar 2")));
    assert_ne!(changed.tag, read.tag);
    assert_eq!(program.get("stations", id).await?.tag, changed.tag);

    let stale = program.change_if("stations", id, &read.tag, json!({"name": "Ucar 3", "latitude": 40})).await?;
    assert_eq!((stale.status, stale.code()), (StatusCode::CONFLICT, Some("changed_meanwhile")));
    assert_eq!(stale.body["values"]["name"], json!({"given": "Ucar 3", "current": "Ucar 2"}));
    assert_eq!(json!(format!("\"{}\"", stale.body["stamp"].as_str().ok_or("a stamp")?)), json!(changed.tag));
    assert!(stale.body["fields"].as_array().is_some_and(|fields| fields.contains(&json!("name"))), "{}", stale.body);
    assert_eq!(school.column("stations", id, "name").await?, "Ucar 2");

    // Without If-Match, the change is made on the row as it is: nothing becomes a conflict.
    assert_eq!(program.change("stations", id, json!({"name": "Ucar 4", "code": "U"})).await?.status, StatusCode::OK);
    assert_eq!(program.change("stations", id, json!({"code": "V"})).await?.status, StatusCode::OK);
    assert_eq!(school.count("conflicts").await?, 0);

    let request = |tag: &str| program.request(Method::DELETE, &format!("/v1/records/stations/{id}")).header("if-match", tag);
    assert_eq!(answer(request(&changed.tag)).await?.code(), Some("changed_meanwhile"));
    assert_eq!(answer(request("nonsense")).await?.code(), Some("bad_request"));
    assert_eq!(program.delete("stations", id).await?.status, StatusCode::NO_CONTENT);
    for gone in [
        program.get("stations", id).await?,
        program.change("stations", id, json!({"name": "x"})).await?,
        program.delete("stations", id).await?,
    ] {
        assert_eq!((gone.status, gone.code()), (StatusCode::NOT_FOUND, Some("not_found")));
    }
    assert_eq!(school.count("stations").await?, 0);
    Ok(())
}

#[tokio::test]
async fn invalid_rows_are_refused_with_their_field() -> Outcome<()> {
    let (_server, mut school, program) = admin().await?;
    let station = stations(&mut school, &[("Ucar", None)]).await?[0];
    school.run(format!("UPDATE stations SET code = 'U-1' WHERE id = '{station}'")).await?;
    let long = "x".repeat(256);
    for (table, row, status, code, field) in [
        ("stations", json!({"name": long}), 422, "bad_value", "name"),
        ("stations", json!({"name": "x", "latitude": 200, "longitude": 1}), 422, "rule_broken", "latitude"),
        ("stations", json!({"name": "x", "status": "open"}), 422, "bad_value", "status"),
        ("stations", json!({"name": "x", "colour": "red"}), 422, "unknown_column", "colour"),
        ("stations", json!({"name": "x", "id": Uuid::now_v7()}), 422, "unknown_column", "id"),
        ("stations", json!({"name": "x", "legacy_number": 1}), 422, "server_column", "legacy_number"),
        ("stations", json!({"name": "x", "code": "U-1"}), 409, "taken", "code"),
        ("station_equipment", json!({"name": "x"}), 422, "missing_value", "station_id"),
        ("station_equipment", json!({"name": "x", "station_id": Uuid::now_v7()}), 422, "missing_reference", "station_id"),
        ("group_memberships", json!({"group_id": Uuid::now_v7()}), 422, "missing_value", "group_id"),
        ("conflicts", json!({}), 422, "unknown_entity", ""),
    ] {
        let refused = program.make(table, row.clone()).await?;
        let at = refused.body["fields"][0].as_str().unwrap_or_default();
        assert_eq!((refused.status.as_u16(), refused.code(), at), (status, Some(code), field), "{row}");
        assert!(refused.body["request_id"].is_string());
    }
    let suggested = program.make("stations", json!({"name": "x", "code": "U-1"})).await?;
    assert_eq!(suggested.body["suggestion"], "U-1-2");
    let path = "/v1/records/stations";
    let oversized = program.make("stations", json!({"name": "x", "description": "y".repeat(600_000)})).await?;
    assert_eq!((oversized.status, oversized.code()), (StatusCode::PAYLOAD_TOO_LARGE, Some("body_too_large")));
    for (body, code) in [("[]", "bad_request"), ("{\"name\":", "body_truncated"), ("name=x", "not_json"), ("", "body_truncated")] {
        let request = program.request(Method::POST, path).header("content-type", "application/json").body(body);
        assert_eq!(answer(request).await?.code(), Some(code), "{body}");
    }
    let form = program.request(Method::POST, path).header("content-type", "application/x-www-form-urlencoded").body("name=x");
    assert_eq!(answer(form).await?.code(), Some("unsupported_encoding"));
    for id in ["1", "%FF", "00000000-0000-0000-0000-000000000000"] {
        let read = answer(program.request(Method::GET, &format!("{path}/{id}"))).await?;
        assert!(matches!(read.code(), Some("not_found" | "unknown_entity")), "{id}: {}", read.body);
    }
    assert_eq!(answer(program.request(Method::PUT, path).json(&json!({}))).await?.code(), Some("no_such_route"));
    Ok(())
}

#[tokio::test]
async fn a_derived_row_is_made_once() -> Outcome<()> {
    let (_server, mut school, program) = admin().await?;
    let (teacher, learner) = (school.person("teacher", "sabina").await?, school.person("learner", "aysel").await?);
    let group = school.group(teacher, &[]).await?;
    let membership = json!({"group_id": group, "user_id": learner, "joined_at": 1_767_254_400_000_i64});
    let made = program.make("group_memberships", membership.clone()).await?;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    assert_eq!(made.body["display_name"], "Full aysel");
    let again = program.make("group_memberships", membership).await?;
    assert_eq!((again.status, again.code()), (StatusCode::CONFLICT, Some("taken")));
    assert!(again.body["fields"].as_array().is_some_and(|fields| fields.contains(&json!("user_id"))), "{}", again.body);
    assert_eq!(school.count("group_memberships").await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_repeated_request_makes_one_row() -> Outcome<()> {
    let (server, mut school, program) = admin().await?;
    let post = |key: &str, row: &Value| program.request(Method::POST, "/v1/records/stations").header("idempotency-key", key).json(row);
    let row = json!({"name": "Ucar"});
    let first = answer(post("a", &row)).await?;
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.body);
    let again = answer(post("a", &row)).await?;
    assert_eq!(again, first);
    assert_eq!(answer(post("a", &json!({"name": "Other"}))).await?.code(), Some("bad_request"));
    let at_once = futures_util::future::try_join_all((0..8).map(|_| answer(post("b", &row)))).await?;
    assert!(at_once.iter().all(|one| one.status == StatusCode::CREATED && one.id() == at_once[0].id()), "{at_once:?}");
    assert_eq!(school.count("stations").await?, 2);
    // A refused request has done nothing: with the value corrected, the key serves again.
    assert_eq!(answer(post("c", &json!({"name": "x", "status": "open"}))).await?.code(), Some("bad_value"));
    assert_eq!(answer(post("c", &row)).await?.status, StatusCode::CREATED);
    // Another person's token has keys of its own.
    school.person("admin", "orxan").await?;
    let other = Program::sign_in(&server.url(), "orxan").await?;
    let theirs = answer(other.request(Method::POST, "/v1/records/stations").header("idempotency-key", "a").json(&row)).await?;
    assert_ne!(theirs.id(), first.id());
    for bad in ["", &"k".repeat(201)] {
        assert_eq!(answer(post(bad, &row)).await?.code(), Some("bad_request"));
    }
    // A day later the key is free.
    school.run("UPDATE idempotency_keys SET made_at = made_at - interval '25 hours'").await?;
    let later = answer(post("a", &row)).await?;
    assert_ne!(later.id(), first.id());
    let forgotten = sync_server::records::idempotency::forget_old_keys(&server.server().app().pool, server.server().app().now_ms()).await?;
    assert_eq!((forgotten, school.count("idempotency_keys").await?), (3, 1));
    Ok(())
}

#[tokio::test]
async fn writes_at_once_with_one_token_are_all_made() -> Outcome<()> {
    let (_server, mut school, program) = admin().await?;
    let made =
        futures_util::future::try_join_all((0..20).map(|number| program.make("stations", json!({"name": format!("S {number}")})))).await?;
    assert!(made.iter().all(|one| one.status == StatusCode::CREATED), "{made:?}");
    let id = made[0].id();
    let changes = (0..10).map(|number| program.change("stations", id, json!({"description": format!("{number}")})));
    let changed = futures_util::future::try_join_all(changes).await?;
    assert!(changed.iter().all(|one| one.status == StatusCode::OK), "{changed:?}");
    assert_eq!(school.count("stations").await?, 20);
    assert_eq!(school.count("conflicts").await?, 0);
    // The ledger numbers each change once and keeps no more than the last.
    let state = school.value("SELECT jsonb_build_array(max(last_n), (SELECT count(*) FROM device_pushes)) FROM device_states").await?;
    assert_eq!(state, json!([30, 1]));
    Ok(())
}

#[tokio::test]
async fn a_row_that_laptops_are_not_sent_is_not_listed() -> Outcome<()> {
    let (server, mut school, program) = admin().await?;
    stations(&mut school, &[("a", None), ("b", None), ("c", None)]).await?;
    school.run("UPDATE stations SET description = repeat('x', 1100000) WHERE name = 'b'").await?;
    assert_eq!(texts(&program.list("stations", &[("sort", "name"), ("limit", "1")]).await?, "name"), ["a", "c"]);
    let mut caller = Caller::sign_in(&server.url(), "vusal").await?;
    caller.pull().await?;
    assert_eq!(caller.all("stations").len(), 2);
    Ok(())
}
