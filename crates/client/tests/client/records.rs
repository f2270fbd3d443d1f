//! Rows of any table on a laptop: lists, opening, saving, deleting, taking back.

use std::sync::Arc;

use crate::support::http::Server;
use crate::support::*;
use serde_json::{Value, json};
use waystation_client::app::{App, Config};
use waystation_client::commands;
use waystation_model::access::Role;
use waystation_model::{Code, Problem};

async fn call(app: &App, name: &str, arguments: Value) -> Result<Value, Problem> {
    commands::call(app, name, arguments).await
}

async fn signed_in(server: &Server) -> (Laptop, App) {
    let laptop = Laptop::new();
    let app = App::new(Config::new(laptop.folder.path()), laptop.environment.clone()).await.unwrap();
    call(&app, "sign_in", json!({"server": server.url(), "name": "somebody", "password": "right"})).await.unwrap();
    call(&app, "sync_now", json!({})).await.unwrap();
    (laptop, app)
}

async fn sent(app: &App) {
    until(async || call(app, "sync_now", json!({})).await.unwrap()["waiting"] == json!(0)).await;
}

fn scopes() -> Vec<String> {
    vec![format!("org:{}", id(ORGANIZATION)), format!("people:{}", id(ORGANIZATION)), format!("org_staff:{}", id(ORGANIZATION))]
}

/// An administrator's laptop with these stations.
async fn office(role: Role, names: &[&str]) -> (Arc<Server>, Laptop, App) {
    let server = Server::start(role, &scopes()).await;
    for (n, name) in names.iter().enumerate() {
        let fields = [("name", json!(name)), ("address", json!("Bakı")), ("latitude", json!(40.0 + n as f64))];
        server.core.lock().unwrap().put("stations", Some(id(700 + n as u128)), &fields);
    }
    let (laptop, app) = signed_in(&server).await;
    (server, laptop, app)
}

async fn listed(app: &App, query: Value) -> Vec<String> {
    let page = call(app, "records", query).await.unwrap();
    page["rows"].as_array().unwrap().iter().map(|row| row["label"].as_str().unwrap().to_owned()).collect()
}

async fn labels(app: &App, table: &str) -> Vec<String> {
    listed(app, json!({"table": table, "limit": 100})).await
}

#[tokio::test]
async fn a_list_is_sorted_by_letters_and_searched_without_marks() {
    let (_server, _laptop, app) = office(Role::Admin, &["Station 10", "Şəki", "Station 9", "Çinar", "Cəlilabad"]).await;
    assert_eq!(labels(&app, "stations").await, ["Cəlilabad", "Çinar", "Şəki", "Station 9", "Station 10"]);
    assert_eq!(listed(&app, json!({"table": "stations", "limit": 9, "search": "seki"})).await, ["Şəki"]);
    assert_eq!(listed(&app, json!({"table": "stations", "limit": 9, "search": "bak stat"})).await, ["Station 9", "Station 10"]);
    let by_latitude = json!([{"column": "latitude", "descending": true}]);
    assert_eq!(listed(&app, json!({"table": "stations", "limit": 2, "sort": by_latitude})).await, ["Cəlilabad", "Çinar"]);
}

#[tokio::test]
async fn pages_follow_one_another_without_gaps_also_where_values_are_missing() {
    let (_server, _laptop, app) = office(Role::Admin, &["A", "B", "C", "D", "E", "F", "G"]).await;
    let first = call(&app, "records", json!({"table": "stations", "limit": 3})).await.unwrap();
    let rows = |page: &Value| page["rows"].as_array().unwrap().iter().map(|row| row["id"].clone()).collect::<Vec<_>>();
    let empty = json!({"table": "stations", "rows": [{"id": rows(&first)[1], "fields": {"latitude": null}}, {"id": rows(&first)[2], "fields": {"latitude": null}}]});
    call(&app, "save_records", empty).await.unwrap();
    for descending in [false, true] {
        let mut seen = Vec::new();
        let mut after = Value::Null;
        loop {
            let sort = json!([{"column": "latitude", "descending": descending}]);
            let page = call(&app, "records", json!({"table": "stations", "limit": 2, "sort": sort, "after": after})).await.unwrap();
            assert_eq!(page["total"].is_null(), !after.is_null(), "the first page counts");
            seen.extend(rows(&page));
            after = page["next"].clone();
            if after.is_null() {
                break;
            }
        }
        let distinct: std::collections::HashSet<_> = seen.iter().map(Value::to_string).collect();
        assert_eq!((seen.len(), distinct.len()), (7, 7), "{seen:?}");
    }
}

#[tokio::test]
async fn conditions_fit_their_column() {
    let (_server, _laptop, app) = office(Role::Admin, &["A", "B", "C"]).await;
    let found = async |column: &str, comparison: &str, value: Value| {
        let filter = json!([{"column": column, "comparison": comparison, "value": value}]);
        call(&app, "records", json!({"table": "stations", "limit": 9, "filter": filter})).await.map(|page| page["total"].clone())
    };
    assert_eq!(found("latitude", "at_least", json!(41)).await.unwrap(), json!(2));
    assert_eq!(found("status", "one_of", json!(["active", "closed"])).await.unwrap(), json!(3));
    assert_eq!(found("code", "empty", Value::Null).await.unwrap(), json!(3));
    assert_eq!(found("address", "starts_with", json!("baki")).await.unwrap(), json!(3));
    let refused = [
        ("nothing", "is", json!(1), Code::UnknownColumn),
        ("status", "is", json!("burnt"), Code::BadValue),
        ("latitude", "less", json!("north"), Code::BadValue),
        ("latitude", "contains", json!("4"), Code::BadValue),
        ("name.name", "is", json!("A"), Code::UnknownColumn),
    ];
    for (column, comparison, value, code) in refused {
        let problem = found(column, comparison, value).await.unwrap_err();
        assert_eq!((problem.code, problem.fields), (code, vec![column.to_owned()]));
    }
    let other = call(&app, "records", json!({"table": "stations", "limit": 9, "after": "[1]"})).await.unwrap_err();
    assert_eq!(other.code, Code::BadRequest);
    assert_eq!(call(&app, "records", json!({"table": "conflicts", "limit": 9})).await.unwrap_err().code, Code::UnknownEntity);
}

#[tokio::test]
async fn a_condition_may_ask_the_row_that_a_reference_names() {
    let (server, _laptop, app) = office(Role::Admin, &["Quba", "Gəncə"]).await;
    for (n, name) in ["Pump", "Tank"].iter().enumerate() {
        let fields = json!({"station_id": id(700 + n as u128), "name": name});
        call(&app, "save_records", json!({"table": "station_equipment", "rows": [{"id": null, "fields": fields}]})).await.unwrap();
    }
    let filter = json!([{"column": "station_id.name", "comparison": "contains", "value": "genc"}]);
    let page = call(&app, "records", json!({"table": "station_equipment", "limit": 9, "filter": filter})).await.unwrap();
    assert_eq!(page["rows"][0]["label"], "Tank");
    assert_eq!(page["rows"][0]["labels"][0], "Gəncə", "a reference is shown by the label of its row");
    assert!(page["tables"].as_array().unwrap().contains(&json!("stations")));
    sent(&app).await;
    assert_eq!(server.core.lock().unwrap().visible_rows().iter().filter(|((table, _), _)| table == "station_equipment").count(), 2);
}

#[tokio::test]
async fn what_is_saved_is_sent_and_can_be_taken_back_and_done_again() {
    let (server, _laptop, app) = office(Role::Admin, &[]).await;
    let new = json!({"table": "stations", "rows": [{"id": null, "fields": {"name": "Quba", "code": "Q-1"}}]});
    let saved = call(&app, "save_records", new).await.unwrap();
    let station = saved["ids"][0].clone();
    let opened = call(&app, "record", json!({"entity": "stations", "id": station})).await.unwrap();
    assert_eq!((&opened["may_change"], &opened["may_delete"], &opened["row"]["unsent"]), (&json!(true), &json!(true), &json!(true)));
    assert!(opened["unsent"].as_array().unwrap().contains(&json!("name")));
    sent(&app).await;

    let change = json!({"table": "stations", "rows": [{"id": station, "fields": {"name": "Quba 2", "longitude": 48.5}}]});
    let changed = call(&app, "save_records", change).await.unwrap();
    sent(&app).await;
    let undone = call(&app, "undo_records", json!({"undo": changed["undo"]})).await.unwrap();
    assert_eq!(labels(&app, "stations").await, ["Quba"]);
    sent(&app).await;
    let id = uuid::Uuid::parse_str(station.as_str().unwrap()).unwrap();
    let stored = |column| server.core.lock().unwrap().value("stations", id, column);
    assert_eq!((stored("name"), stored("longitude")), (Some(json!("Quba")), Some(Value::Null)));
    call(&app, "undo_records", json!({"undo": undone["undo"]})).await.unwrap();
    assert_eq!(labels(&app, "stations").await, ["Quba 2"], "taking back is taken back");
    let twice = call(&app, "undo_records", json!({"undo": undone["undo"]})).await.unwrap_err();
    assert_eq!(twice.code, Code::NotFound);

    let changed_since = call(&app, "undo_records", json!({"undo": saved["undo"]})).await.unwrap_err();
    assert_eq!((changed_since.code, changed_since.fields), (Code::ChangedMeanwhile, vec!["name".to_owned()]));
}

#[tokio::test]
async fn a_deleted_row_comes_back_with_its_parts() {
    let (server, _laptop, app) = office(Role::Admin, &["Quba"]).await;
    let parts = [
        ("station_equipment", json!({"station_id": id(700), "name": "Pump"})),
        ("station_safety_systems", json!({"station_id": id(700), "name": "Sprinkler"})),
    ];
    for (table, fields) in parts {
        call(&app, "save_records", json!({"table": table, "rows": [{"id": null, "fields": fields}]})).await.unwrap();
    }
    sent(&app).await;
    let removed = call(&app, "remove_records", json!({"table": "stations", "ids": [id(700)]})).await.unwrap();
    sent(&app).await;
    for table in ["stations", "station_equipment", "station_safety_systems"] {
        assert_eq!(labels(&app, table).await, [""; 0], "{table}");
    }
    call(&app, "undo_records", json!({"undo": removed["undo"]})).await.unwrap();
    sent(&app).await;
    assert_eq!(labels(&app, "stations").await, ["Quba"]);
    assert_eq!(labels(&app, "station_equipment").await, ["Pump"]);
    assert_eq!(labels(&app, "station_safety_systems").await, ["Sprinkler"]);
    let rows = server.core.lock().unwrap().visible_rows();
    assert_eq!(rows.keys().filter(|(table, _)| table.starts_with("station")).count(), 3, "the server has them as well");
}

#[tokio::test]
async fn a_row_that_somebody_changed_since_is_not_taken_back() {
    let (server, _laptop, app) = office(Role::Admin, &["Quba"]).await;
    let change = json!({"table": "stations", "rows": [{"id": id(700), "fields": {"name": "Quba 2"}}]});
    let changed = call(&app, "save_records", change).await.unwrap();
    sent(&app).await;
    server.core.lock().unwrap().put("stations", Some(id(700)), &[("name", json!("Quba 3"))]);
    sent(&app).await;
    until(async || labels(&app, "stations").await == ["Quba 3"]).await;
    let problem = call(&app, "undo_records", json!({"undo": changed["undo"]})).await.unwrap_err();
    assert_eq!((problem.code, problem.fields), (Code::ChangedMeanwhile, vec!["name".to_owned()]));
    assert_eq!(labels(&app, "stations").await, ["Quba 3"]);
}

#[tokio::test]
async fn a_value_that_does_not_fit_is_refused_with_its_field_and_nothing_is_stored() {
    let (_server, _laptop, app) = office(Role::Admin, &["Quba"]).await;
    let cases = [
        (json!({"name": ""}), Code::MissingValue, "name"),
        (json!({"name": "A", "status": "burnt"}), Code::BadValue, "status"),
        (json!({"name": "A", "opened_on": "31.12.2026"}), Code::BadValue, "opened_on"),
        (json!({"name": "A", "legacy_number": 5}), Code::ServerColumn, "legacy_number"),
        (json!({"name": "A", "nothing": 5}), Code::UnknownColumn, "nothing"),
        (json!({"name": "x".repeat(300)}), Code::BadValue, "name"),
    ];
    for (fields, code, field) in cases {
        let good = json!({"id": null, "fields": {"name": "Good"}});
        let save = json!({"table": "stations", "rows": [good, {"id": null, "fields": fields}]});
        let problem = call(&app, "save_records", save).await.unwrap_err();
        assert_eq!((problem.code, problem.fields), (code, vec![field.to_owned()]));
    }
    assert_eq!(labels(&app, "stations").await, ["Quba"], "all or nothing");
    let gone = json!({"table": "stations", "rows": [{"id": id(9), "fields": {"name": "A"}}]});
    assert_eq!(call(&app, "save_records", gone).await.unwrap_err().code, Code::NotFound);
}

#[tokio::test]
async fn who_may_not_write_sees_and_changes_nothing() {
    let (_server, _laptop, app) = office(Role::Learner, &["Quba"]).await;
    assert_eq!(labels(&app, "stations").await, ["Quba"]);
    let opened = call(&app, "record", json!({"entity": "stations", "id": id(700)})).await.unwrap();
    assert_eq!((&opened["may_change"], &opened["may_delete"]), (&json!(false), &json!(false)));
    for (command, arguments) in [
        ("save_records", json!({"table": "stations", "rows": [{"id": id(700), "fields": {"name": "Mine"}}]})),
        ("save_records", json!({"table": "stations", "rows": [{"id": null, "fields": {"name": "Mine"}}]})),
        ("remove_records", json!({"table": "stations", "ids": [id(700)]})),
    ] {
        assert_eq!(call(&app, command, arguments).await.unwrap_err().code, Code::NotAllowed);
    }
    let tables = call(&app, "tables", json!({})).await.unwrap();
    let stations = tables.as_array().unwrap().iter().find(|table| table["name"] == "stations").unwrap();
    assert_eq!((&stations["may_insert"], &stations["may_change"], &stations["rows"]), (&json!(false), &json!(false), &json!(1)));
}

#[tokio::test]
async fn a_new_row_takes_what_follows_from_its_parent() {
    let (_server, _laptop, app) = office(Role::Admin, &[]).await;
    let course = json!({"title": "Safety", "slug": "safety", "instructor_id": id(USER)});
    let saved = call(&app, "save_records", json!({"table": "courses", "rows": [{"id": null, "fields": course}]})).await;
    // Who makes a course is its instructor or an administrator; its parts need the course's own scope.
    let course = saved.unwrap()["ids"][0].clone();
    let found = call(&app, "find_references", json!({"table": "courses", "search": "saf", "limit": 5})).await.unwrap();
    assert_eq!(found, json!([{"entity": "courses", "id": course, "label": "Safety"}]));
}

#[tokio::test]
async fn a_new_question_is_of_the_course_of_its_test() {
    let (course, test, outside) = (id(600), id(601), id(602));
    let all = scopes().into_iter().chain(["course", "course_staff"].map(|kind| format!("{kind}:{course}"))).collect::<Vec<_>>();
    let server = Server::start(Role::Instructor, &all).await;
    {
        let mut core = server.core.lock().unwrap();
        core.put("courses", Some(course), &[("title", json!("Safety")), ("instructor_id", json!(id(USER)))]);
        core.put("assessments", Some(test), &[("course_id", json!(course)), ("title", json!("Quiz"))]);
        core.put("assessments", Some(outside), &[("title", json!("Entrance"))]);
    }
    let (_laptop, app) = signed_in(&server).await;
    for (test, text) in [(test, "of the course"), (outside, "of none")] {
        let question = json!({"assessment_id": test, "text": text});
        call(&app, "save_records", json!({"table": "questions", "rows": [{"id": null, "fields": question}]})).await.unwrap();
    }
    let of = |comparison: &str, value: Value| json!([{"column": "course_id", "comparison": comparison, "value": value}]);
    for (filter, text) in [(of("is", json!(course)), "of the course"), (of("empty", Value::Null), "of none")] {
        assert_eq!(listed(&app, json!({"table": "questions", "limit": 5, "filter": filter})).await, [text]);
    }
}
