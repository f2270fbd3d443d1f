//! The commands of the screens, on a laptop that has pulled from the server.

use std::sync::Arc;

use crate::support::http::Server;
use crate::support::*;
use serde_json::{Value, json};
use waystation_client::app::{App, Config};
use waystation_client::commands;
use waystation_model::access::Role;
use waystation_model::{Code, Problem};

pub async fn call(app: &App, name: &str, arguments: Value) -> Result<Value, Problem> {
    commands::call(app, name, arguments).await
}

pub async fn signed_in(server: &Server) -> (Laptop, App) {
    let laptop = Laptop::new();
    let app = App::new(Config::new(laptop.folder.path()), laptop.environment.clone()).await.unwrap();
    call(&app, "sign_in", json!({"server": server.url(), "name": "somebody", "password": "right"})).await.unwrap();
    call(&app, "sync_now", json!({})).await.unwrap();
    (laptop, app)
}

pub async fn sent(app: &App) {
    until(async || call(app, "sync_now", json!({})).await.unwrap()["waiting"] == json!(0)).await;
}

pub fn org() -> String {
    format!("org:{}", id(ORGANIZATION))
}

/// A published course of two modules with two topics each, a lesson test that laptops grade and a final test.
pub fn fill_course(server: &Server) {
    let mut core = server.core.lock().unwrap();
    let (course, published) = (("course_id", json!(id(COURSE))), ("published", json!(true)));
    let station = [("name", json!("Station 7")), ("address", json!("Baku")), ("code", json!("S-7")), ("latitude", json!(40.4))];
    core.put("stations", Some(id(70)), &station);
    core.put(
        "station_equipment",
        None.or(Some(id(71))),
        &[("station_id", json!(id(70))), ("name", json!("Pump")), ("model", json!("P-1")), ("position", json!(1))],
    );
    core.put(
        "station_specifications",
        Some(id(72)),
        &[("station_id", json!(id(70))), ("name", json!("Tank")), ("value", json!("30000")), ("unit", json!("l"))],
    );
    core.put(
        "station_safety_systems",
        Some(id(73)),
        &[("station_id", json!(id(70))), ("name", json!("Sprinkler")), ("kind", json!("fire"))],
    );
    core.put("station_safety_system_features", Some(id(74)), &[("safety_system_id", json!(id(73))), ("text", json!("starts by itself"))]);
    core.put(
        "courses",
        Some(id(COURSE)),
        &[
            ("title", json!("Safety")),
            ("course_code", json!("SAF-101")),
            ("status", json!("published")),
            ("station_id", json!(id(70))),
            published.clone(),
        ],
    );
    core.put("course_facts", Some(id(21)), &[course.clone(), ("kind", json!("requirement")), ("text", json!("None")), published.clone()]);
    core.put(
        "enrollments",
        None,
        &[("user_id", json!(id(USER))), course.clone(), ("display_name", json!("Some Body")), ("due_at", json!(NOW_MS))],
    );
    for module in 0..2_u128 {
        core.put(
            "modules",
            Some(id(30 + module)),
            &[course.clone(), ("title", json!(format!("Module {module}"))), ("position", json!(module)), published.clone()],
        );
        for topic in 0..2_u128 {
            let topic_id = id(40 + module * 2 + topic);
            let fields = [
                course.clone(),
                ("module_id", json!(id(30 + module))),
                ("title", json!(format!("Topic {module}.{topic}"))),
                ("position", json!(topic)),
                ("requires_previous", json!(true)),
                published.clone(),
            ];
            core.put("topics", Some(topic_id), &fields);
            let fields = [
                course.clone(),
                ("module_id", json!(id(30 + module))),
                ("topic_id", json!(topic_id)),
                ("kind", json!("document")),
                ("role", json!("main_pdf")),
                ("title", json!("Reading")),
                ("position", json!(1)),
                published.clone(),
            ];
            core.put("content_items", Some(id(50 + module * 2 + topic)), &fields);
        }
    }
    let text = [
        course.clone(),
        ("module_id", json!(id(30))),
        ("topic_id", json!(id(40))),
        ("kind", json!("text")),
        ("title", json!("Remember")),
        ("body", json!({"text": "Stop, warn, call."})),
        ("position", json!(0)),
        published.clone(),
    ];
    core.put("content_items", Some(id(59)), &text);
    for (test, module, graded_by, attempts) in [(80_u128, Some(30_u128), "laptop", Value::Null), (90, None, "server", json!(1))] {
        let module_id = module.map_or(Value::Null, |module| json!(id(module)));
        let fields = [
            course.clone(),
            ("module_id", module_id),
            ("title", json!(format!("Test {test}"))),
            ("kind", json!("quiz")),
            ("graded_by", json!(graded_by)),
            ("attempts_max", attempts),
            ("time_limit_seconds", json!(600)),
            ("passing_percent", json!(50.0)),
            published.clone(),
        ];
        core.put("assessments", Some(id(test)), &fields);
        for question in 1..3_u128 {
            let kind = if question == 1 { "single" } else { "numeric" };
            let fields = [
                ("assessment_id", json!(id(test))),
                course.clone(),
                ("question_type", json!(kind)),
                ("text", json!("?")),
                ("points", json!(2.0)),
                ("position", json!(question)),
                published.clone(),
            ];
            core.put("questions", Some(id(test + question)), &fields);
        }
        for option in 5..7_u128 {
            let fields = [
                ("question_id", json!(id(test + 1))),
                course.clone(),
                ("text", json!(format!("Option {option}"))),
                ("position", json!(option)),
                published.clone(),
            ];
            core.put("question_options", Some(id(test + option)), &fields);
        }
    }
    let keys = json!({id(81).to_string(): {"options": [id(85)]}, id(82).to_string(): {"number": 20, "tolerance": 0}});
    let fields = [
        ("assessment_id", json!(id(80))),
        course,
        ("shared", json!(true)),
        ("keys", keys),
        ("explanations", json!({id(81).to_string(): "Because."})),
    ];
    core.put("answer_keys", None, &fields);
}

pub async fn learner() -> (Arc<Server>, Laptop, App) {
    let server = Server::start(Role::Learner, &[learner_scope(), course_scope(), org(), format!("user:{}", id(USER))]).await;
    fill_course(&server);
    let (laptop, app) = signed_in(&server).await;
    (server, laptop, app)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_learner_goes_through_a_course_and_may_start_again() {
    let (server, laptop, app) = learner().await;
    let course = call(&app, "course", json!({"id": id(COURSE)})).await.unwrap();
    assert_eq!(course["card"]["topics_all"], json!(4));
    assert_eq!((&course["card"]["ready"], &course["studies"], &course["may_edit"]), (&json!(true), &json!(true), &json!(false)));
    assert_eq!(course["modules"][0]["topics"][1]["lock"], json!({"kind": "topic", "titles": ["Topic 0.0"], "day": null}));
    assert_eq!(course["modules"][0]["assessments"][0]["graded_here"], json!(true));
    assert_eq!(course["assessments"][0]["attempts_left"], json!(1));
    assert_eq!((&course["station"]["name"], &course["facts"][0]["text"]), (&json!("Station 7"), &json!("None")));

    let home = call(&app, "home", json!({})).await.unwrap();
    assert_eq!(home["go_on"]["topic_title"], json!("Topic 0.0"));
    assert_eq!((&home["studying"][0]["title"], home["stations"].as_array().unwrap().len()), (&json!("Safety"), 1));

    let topic = call(&app, "topic", json!({"id": id(40)})).await.unwrap();
    assert_eq!(topic["items"][0]["role"], json!("main_pdf"), "the main file comes first");
    assert_eq!(topic["items"][1]["text"], json!("Stop, warn, call."));
    assert_eq!((&topic["previous_id"], &topic["next_id"]), (&json!(null), &json!(id(41))));

    laptop.clock.pass(1_000);
    call(&app, "note_position", json!({"content_item_id": id(50), "page": 3, "second": null, "percent": 40, "seconds_spent": 30}))
        .await
        .unwrap();
    call(&app, "note_position", json!({"content_item_id": id(50), "page": 5, "second": null, "percent": 60, "seconds_spent": 20}))
        .await
        .unwrap();
    let home = call(&app, "home", json!({})).await.unwrap();
    assert_eq!((&home["go_on"]["topic_id"], &home["go_on"]["page"]), (&json!(id(40)), &json!(5)));
    let topic = call(&app, "mark_topic", json!({"topic_id": id(40), "completed": true})).await.unwrap();
    assert_eq!((&topic["card"]["completed"], &topic["card"]["percent"]), (&json!(true), &json!(100)));
    let home = call(&app, "home", json!({})).await.unwrap();
    assert_eq!(home["go_on"]["topic_id"], json!(id(41)), "continues with the next one");
    sent(&app).await;
    {
        let core = server.core.lock().unwrap();
        let row =
            waystation_model::ids::derived_id("topic_progress", [Some(id(USER).to_string().as_str()), Some(id(40).to_string().as_str())]);
        assert_eq!(core.value("topic_progress", row, "time_spent_seconds"), Some(json!(50)));
        assert_eq!(core.value("topic_progress", row, "percent"), Some(json!(100)));
    }
    let topic = call(&app, "mark_topic", json!({"topic_id": id(40), "completed": false})).await.unwrap();
    assert_eq!((&topic["card"]["completed"], &topic["card"]["percent"]), (&json!(false), &json!(0)));
    sent(&app).await;
    let course = call(&app, "course", json!({"id": id(COURSE)})).await.unwrap();
    assert_eq!(course["card"]["topics_done"], json!(0));
    assert_eq!(course["modules"][0]["topics"][0]["completed"], json!(false), "nothing undoes the reset");
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lesson_test_is_taken_and_graded_on_the_laptop_at_once() {
    let (server, laptop, app) = learner().await;
    let attempt = call(&app, "start_attempt", json!({"assessment_id": id(80)})).await.unwrap();
    assert_eq!(
        (&attempt["card"]["state"], &attempt["card"]["attempt_number"], &attempt["seconds_left"]),
        (&json!("started"), &json!(1), &json!(600))
    );
    assert_eq!(attempt["questions"][0]["options"][0]["text"], json!("Option 5"));
    assert_eq!(attempt["questions"][0]["right_answer"], Value::Null, "not before it is handed in");
    let attempt_id = attempt["card"]["id"].clone();
    let answer = |question: u128, answer: Value| json!({"attempt_id": attempt_id, "question_id": id(question), "answer": answer, "flagged": question == 82, "at_question": 1});
    call(&app, "answer", answer(81, json!(id(86)))).await.unwrap();
    call(&app, "answer", answer(81, json!(id(85)))).await.unwrap();
    call(&app, "answer", answer(82, json!("21"))).await.unwrap();

    let again = call(&app, "start_attempt", json!({"assessment_id": id(80)})).await.unwrap();
    assert_eq!(again["card"]["id"], attempt_id, "an unfinished attempt continues");
    assert_eq!(
        (&again["questions"][0]["answer"], &again["questions"][1]["flagged"], &again["at_question"]),
        (&json!(id(85)), &json!(true), &json!(1))
    );
    laptop.clock.pass(60_000);
    let go_on = call(&app, "home", json!({})).await.unwrap()["go_on"].clone();
    assert_eq!(
        (&go_on["attempt_id"], &go_on["attempt_title"], &go_on["attempt_seconds_left"]),
        (&attempt_id, &json!("Test 80"), &json!(540)),
        "the test is named, and its clock runs on every screen"
    );

    let done = call(&app, "hand_in", json!({"id": attempt_id})).await.unwrap();
    assert_eq!(
        (&done["card"]["state"], &done["card"]["score_percent"], &done["card"]["passed"]),
        (&json!("graded"), &json!(50.0), &json!(true))
    );
    assert_eq!(done["card"]["provisional"], json!(true));
    assert_eq!((&done["questions"][0]["is_correct"], &done["questions"][0]["explanation"]), (&json!(true), &json!("Because.")));
    assert_eq!(done["questions"][1]["is_correct"], json!(false));
    assert_eq!(done["questions"][0]["right_answer"], json!({"options": [id(85)], "number": null, "accepted": []}));
    assert_eq!(done["questions"][1]["right_answer"], json!({"options": [], "number": 20.0, "accepted": []}));
    assert_eq!(call(&app, "hand_in", json!({"id": attempt_id})).await.unwrap_err().code, Code::AlreadySet);
    assert_eq!(call(&app, "answer", answer(81, json!(null))).await.unwrap_err().code, Code::AlreadySet);
    sent(&app).await;

    let row = uuid::Uuid::parse_str(attempt_id.as_str().unwrap()).unwrap();
    let told = [
        ("status", json!("graded")),
        ("score_raw", json!(4.0)),
        ("score_max", json!(4.0)),
        ("score_percent", json!(100.0)),
        ("passed", json!(true)),
    ];
    server.core.lock().unwrap().put("assessment_attempts", Some(row), &told);
    call(&app, "sync_now", json!({})).await.unwrap();
    let card = call(&app, "home", json!({})).await.unwrap()["results"][0].clone();
    assert_eq!((&card["score_percent"], &card["provisional"]), (&json!(100.0), &json!(false)), "the server's result counts");
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn right_answers_are_withheld_while_a_failed_test_may_be_tried_again() {
    let (server, _laptop, app) = learner().await;
    server.core.lock().unwrap().put("assessments", Some(id(80)), &[("attempts_max", json!(2))]);
    call(&app, "sync_now", json!({})).await.unwrap();
    let begin = async || call(&app, "start_attempt", json!({"assessment_id": id(80)})).await.unwrap()["card"]["id"].clone();
    let first = json!({"id": begin().await});
    let failed = call(&app, "hand_in", first.clone()).await.unwrap();
    assert_eq!((&failed["card"]["passed"], &failed["questions"][0]["is_correct"]), (&json!(false), &json!(false)));
    assert_eq!(failed["questions"][0]["right_answer"], Value::Null, "it would give the second attempt away");
    let last = begin().await;
    let opened = call(&app, "attempt", first.clone()).await.unwrap();
    assert_eq!((&opened["card"]["state"], &opened["questions"][0]["right_answer"]), (&json!("graded"), &Value::Null), "the last one runs");
    call(&app, "hand_in", json!({"id": last})).await.unwrap();
    let opened = call(&app, "attempt", first).await.unwrap();
    assert_eq!(opened["questions"][0]["right_answer"]["options"], json!([id(85)]), "no attempt is left");
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_final_test_is_graded_by_the_server_with_one_attempt_and_one_time_limit() {
    let (_server, laptop, app) = learner().await;
    let attempt = call(&app, "start_attempt", json!({"assessment_id": id(90)})).await.unwrap();
    let attempt_id = attempt["card"]["id"].clone();
    let answer = json!({"attempt_id": attempt_id, "question_id": id(91), "answer": id(95), "flagged": false, "at_question": 0});
    laptop.clock.pass(590_000);
    call(&app, "answer", answer.clone()).await.unwrap();
    laptop.clock.set_wall(-500_000);
    let open = call(&app, "attempt", json!({"id": attempt_id})).await.unwrap();
    assert_eq!((&open["seconds_left"], &open["clock_moved"]), (&json!(10), &json!(true)), "setting the clock back gains no time");
    laptop.clock.pass(20_000);
    assert_eq!(call(&app, "answer", answer).await.unwrap_err().code, Code::TimeOver);
    let done = call(&app, "hand_in", json!({"id": attempt_id})).await.unwrap();
    assert_eq!((&done["card"]["state"], &done["card"]["score_percent"]), (&json!("submitted"), &json!(null)));
    assert_eq!(done["questions"][0]["answer"], json!(id(95)));
    assert_eq!(done["questions"][0]["is_correct"], json!(null));
    assert_eq!(call(&app, "start_attempt", json!({"assessment_id": id(90)})).await.unwrap_err().code, Code::NoAttemptsLeft);
    sent(&app).await;
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_continues_on_another_laptop_with_a_wrong_clock() {
    for wrong_by_ms in [3_600_000, -3_600_000] {
        let (server, laptop, app) = learner().await;
        let attempt = call(&app, "start_attempt", json!({"assessment_id": id(80)})).await.unwrap();
        sent(&app).await;
        app.shutdown().await;
        server.core.lock().unwrap().now_ms += 60_000;
        let other = Laptop::new();
        other.clock.pass(60_000);
        other.clock.set_wall(wrong_by_ms);
        let app = App::new(Config::new(other.folder.path()), other.environment.clone()).await.unwrap();
        call(&app, "sign_in", json!({"server": server.url(), "name": "somebody", "password": "right"})).await.unwrap();
        call(&app, "sync_now", json!({})).await.unwrap();
        let open = call(&app, "attempt", json!({"id": attempt["card"]["id"]})).await.unwrap();
        assert_eq!(open["seconds_left"], json!(540), "{wrong_by_ms}");
        let answer =
            json!({"attempt_id": attempt["card"]["id"], "question_id": id(81), "answer": id(85), "flagged": false, "at_question": 0});
        call(&app, "answer", answer).await.unwrap();
        let open = call(&app, "attempt", json!({"id": attempt["card"]["id"]})).await.unwrap();
        assert_eq!((&open["seconds_left"], &open["clock_moved"]), (&json!(540), &json!(false)), "{wrong_by_ms}");
        app.shutdown().await;
        drop(laptop);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_survive_a_killed_app() {
    let (_server, laptop, app) = learner().await;
    let attempt = call(&app, "start_attempt", json!({"assessment_id": id(80)})).await.unwrap();
    let attempt_id = attempt["card"]["id"].clone();
    let answer = json!({"attempt_id": attempt_id, "question_id": id(81), "answer": id(85), "flagged": false, "at_question": 0});
    call(&app, "answer", answer).await.unwrap();
    let exported = call(&app, "export_changes", json!({})).await.unwrap();
    let exported: Value = serde_json::from_slice(&std::fs::read(exported["path"].as_str().unwrap()).unwrap()).unwrap();
    assert_eq!((&exported["tests"][0]["attempt_id"], &exported["tests"][0]["about"]), (&attempt_id, &json!("Test 80")));
    assert!(exported["tests"][0]["answers"].to_string().contains(&id(85).to_string()));
    // The files as a crash leaves them: nothing is closed.
    let crashed = Laptop::new();
    copy(laptop.folder.path(), crashed.folder.path());
    let mut environment = crashed.environment.clone();
    environment.secrets = laptop.secrets.clone();
    crashed.clock.pass(60_000);
    *crashed.clock.boot.lock().unwrap() = "second".into();
    let app_after = App::new(Config::new(crashed.folder.path()), environment).await.unwrap();
    call(&app_after, "unlock", json!({"user_id": id(USER), "password": "right"})).await.unwrap();
    let open = call(&app_after, "attempt", json!({"id": attempt_id})).await.unwrap();
    assert_eq!((&open["questions"][0]["answer"], &open["seconds_left"]), (&json!(id(85)), &json!(540)));
    app.shutdown().await;
    app_after.shutdown().await;
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_changes_their_own_profile() {
    let (server, _laptop, app) = learner().await;
    let profile = json!({"phone": "+994 1", "company": "", "position": "Operator", "bio": "", "language": "az"});
    assert_eq!(call(&app, "edit_profile", profile.clone()).await.unwrap(), profile);
    sent(&app).await;
    let row = waystation_model::ids::derived_id("user_profiles", [Some(id(USER).to_string().as_str())]);
    assert_eq!(server.core.lock().unwrap().value("user_profiles", row, "position"), Some(json!("Operator")));
    let look = json!({"theme": "dark", "language": "ru", "zoom_percent": 150});
    call(&app, "set_look", look.clone()).await.unwrap();
    assert_eq!(call(&app, "start", json!({})).await.unwrap()["look"], look);
    let wrong = json!({"theme": "dark", "language": "ru", "zoom_percent": 20});
    assert_eq!(call(&app, "set_look", wrong).await.unwrap_err().code, Code::BadValue);
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instructor_edits_a_course_and_sees_its_learners_and_the_station() {
    let staff = [format!("course_staff:{}", id(COURSE)), format!("results:{}", id(COURSE)), format!("org_staff:{}", id(ORGANIZATION))];
    let scopes: Vec<String> = [org(), course_scope()].into_iter().chain(staff).collect();
    let server = Server::start(Role::Instructor, &scopes).await;
    fill_course(&server);
    {
        let mut core = server.core.lock().unwrap();
        core.put(
            "enrollments",
            None,
            &[
                ("user_id", json!(id(100))),
                ("course_id", json!(id(COURSE))),
                ("display_name", json!("Ann")),
                ("status", json!("in_progress")),
            ],
        );
        core.put(
            "topic_progress",
            None,
            &[
                ("user_id", json!(id(100))),
                ("topic_id", json!(id(40))),
                ("course_id", json!(id(COURSE))),
                ("completed", json!(true)),
                ("percent", json!(100)),
                ("time_spent_seconds", json!(90)),
            ],
        );
        for (n, percent) in [(1, 40.0), (2, 90.0), (3, 60.0)] {
            let fields = [
                ("assessment_id", json!(id(80))),
                ("user_id", json!(id(100))),
                ("course_id", json!(id(COURSE))),
                ("attempt_number", json!(n)),
                ("started_at", json!(NOW_MS + n)),
                ("submitted_at", json!(NOW_MS + n + 5)),
                ("status", json!("graded")),
                ("score_percent", json!(percent)),
            ];
            core.put("assessment_attempts", Some(id(300 + n as u128)), &fields);
        }
    }
    let (_laptop, app) = signed_in(&server).await;
    let home = call(&app, "home", json!({})).await.unwrap();
    assert_eq!((&home["teaching"][0]["learners"], home["studying"].as_array().unwrap().len()), (&json!(2), 1));
    let course = call(&app, "edit_course", json!({"id": id(COURSE), "title": "Safety first", "course_code": "SAF-101"})).await.unwrap();
    assert_eq!(
        (&course["card"]["title"], &course["may_edit"], &course["may_see_learners"]),
        (&json!("Safety first"), &json!(true), &json!(true))
    );
    let centre = call(&app, "sync_centre", json!({})).await.unwrap();
    assert!(centre["waiting"].as_array().unwrap().len() <= 1, "an unchanged value is not sent");
    sent(&app).await;
    assert_eq!(server.core.lock().unwrap().value("courses", id(COURSE), "title"), Some(json!("Safety first")));

    let learners = call(&app, "course_learners", json!({"id": id(COURSE)})).await.unwrap();
    let ann = &learners["learners"][0];
    assert_eq!((&ann["display_name"], &ann["topics"], &ann["time_spent_seconds"]), (&json!("Ann"), &json!([100, 0, 0, 0]), &json!(90)));
    assert_eq!(learners["assessments"].as_array().unwrap().len(), 2);
    assert_eq!(ann["assessments"][0]["score_percent"], json!(90.0), "the best one");

    let station = call(&app, "station", json!({"id": id(70)})).await.unwrap();
    assert_eq!(station["specifications"][0], json!({"name": "Tank", "value": "30000 l"}));
    assert_eq!(station["equipment"][0]["particulars"][0], json!({"name": "model", "value": "P-1"}));
    assert_eq!(station["safety_systems"][0]["features"], json!(["starts by itself"]));
    assert_eq!(station["courses"][0]["id"], json!(id(COURSE)));
    assert!(station["particulars"].as_array().unwrap().contains(&json!({"name": "latitude", "value": "40.4"})));
    assert_eq!(call(&app, "station", json!({"id": id(999)})).await.unwrap_err().code, Code::NotFound);
    // The warning before the action, as far as the laptop can tell.
    let deletion = call(&app, "deletion", json!({"entity": "stations", "id": id(70)})).await.unwrap();
    let parts = ["equipment", "safety_system_features", "safety_systems", "specifications"];
    let parts: Vec<Value> = parts.iter().map(|part| json!({"entity": format!("station_{part}"), "column": "", "rows": 1})).collect();
    let names_it = json!([{"entity": "courses", "column": "station_id", "rows": 1}]);
    assert_eq!(deletion, json!({"deletes": parts, "empties": names_it, "refused_by": []}));
    let deletion = call(&app, "deletion", json!({"entity": "courses", "id": id(COURSE)})).await.unwrap();
    let refused_by = deletion["refused_by"].as_array().unwrap();
    let by_learners = |rows: &Value| rows["entity"] == "enrollments" && rows["column"] == "course_id" && rows["rows"].as_u64() > Some(0);
    assert!(refused_by.iter().any(by_learners), "{deletion}");
    assert_eq!(call(&app, "deletion", json!({"entity": "stations", "id": id(999)})).await.unwrap_err().code, Code::NotFound);
    assert_eq!(call(&app, "deletion", json!({"entity": "nothing", "id": id(70)})).await.unwrap_err().code, Code::UnknownEntity);
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_grid_shows_lesson_days_memberships_marks_and_former_members() {
    let server = Server::start(Role::Teacher, &[roster(), format!("group:{}", id(GROUP)), org()]).await;
    {
        let mut core = server.core.lock().unwrap();
        // 2026-01-01 is a Thursday.
        core.put(
            "groups",
            Some(id(GROUP)),
            &[("teacher_id", json!(id(USER))), ("name", json!("Qrup1")), ("days_of_week", json!([1, 4])), ("start_time", json!("11:00"))],
        );
        for (student, name, active) in [(100, "Ann", true), (101, "Bob", false), (102, "Cem", false)] {
            let membership = core.put(
                "group_memberships",
                None,
                &[
                    ("group_id", json!(id(GROUP))),
                    ("user_id", json!(id(student))),
                    ("display_name", json!(name)),
                    ("is_active", json!(active)),
                    ("joined_at", json!(NOW_MS - 86_400_000 * 90)),
                ],
            );
            let left = match student {
                101 => json!("2026-01-06"),
                102 => json!("2025-12-01"),
                _ => Value::Null,
            };
            core.put(
                "group_membership_periods",
                Some(id(200 + student)),
                &[
                    ("membership_id", json!(membership)),
                    ("group_id", json!(id(GROUP))),
                    ("user_id", json!(id(student))),
                    ("joined_on", json!("2025-10-01")),
                    ("left_on", left),
                ],
            );
        }
        core.put("attendance_records", None, &mark(100, 3, json!("late")).fields);
    }
    let (_laptop, app) = signed_in(&server).await;
    let range = json!({"group_id": id(GROUP), "from": "2026-01-01", "to": "2026-01-12"});
    let grid = call(&app, "grid", range.clone()).await.unwrap();
    assert_eq!(
        grid["days"],
        json!(["2026-01-01", "2026-01-03", "2026-01-05", "2026-01-08", "2026-01-12"]),
        "the schedule, and a Saturday with a mark"
    );
    let names: Vec<&str> = grid["students"].as_array().unwrap().iter().map(|row| row["display_name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Ann", "Bob"], "a former member without a mark is not shown");
    let outside: Vec<bool> =
        grid["students"][1]["cells"].as_array().unwrap().iter().map(|cell| cell["outside"].as_bool().unwrap()).collect();
    assert_eq!(outside, [false, false, false, true, true]);
    assert_eq!((&grid["group"]["members"], &grid["group"]["unmarked_today"], &grid["may_mark"]), (&json!(1), &json!(1), &json!(true)));
    assert_eq!(grid["students"][0]["cells"][1]["marked_by"], json!("Some Body"));

    let marks = json!([
        {"student_id": id(100), "lesson_date": "2026-01-01", "status": "present"},
        {"student_id": id(100), "lesson_date": "2026-01-03", "status": null},
        {"student_id": id(101), "lesson_date": "2026-01-05", "status": "excused", "note": "ill"},
    ]);
    call(&app, "set_marks", json!({"group_id": id(GROUP), "marks": marks})).await.unwrap();
    let grid = call(&app, "grid", range.clone()).await.unwrap();
    assert_eq!(grid["days"], json!(["2026-01-01", "2026-01-05", "2026-01-08", "2026-01-12"]), "a cleared mark is no mark");
    assert_eq!(grid["students"][1]["cells"][1]["note"], json!("ill"));
    assert_eq!(grid["group"]["unmarked_today"], json!(0));
    sent(&app).await;
    let before = server.core.lock().unwrap().last_n(id(1000));
    call(
        &app,
        "set_marks",
        json!({"group_id": id(GROUP), "marks": [{"student_id": id(100), "lesson_date": "2026-01-01", "status": "present"}]}),
    )
    .await
    .unwrap();
    sent(&app).await;
    assert_eq!(server.core.lock().unwrap().last_n(id(1000)), before, "the same mark again is no change");

    let bad = |from: &str, to: &str| json!({"group_id": id(GROUP), "from": from, "to": to});
    for (from, to) in [("2026-01-12", "2026-01-01"), ("2026-01-01", "2028-01-01"), ("2026-1-1", "soon")] {
        assert_eq!(call(&app, "grid", bad(from, to)).await.unwrap_err().code, Code::BadValue, "{from} {to}");
    }
    assert_eq!(
        call(&app, "grid", json!({"group_id": id(999), "from": "2026-01-01", "to": "2026-01-02"})).await.unwrap_err().code,
        Code::NotFound
    );
    let wrong = json!({"group_id": id(GROUP), "marks": [{"student_id": id(100), "lesson_date": "2026-01-01", "status": "asleep"}]});
    assert_eq!(call(&app, "set_marks", wrong).await.unwrap_err().code, Code::BadValue);
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_teacher_is_told_of_lessons_without_marks_and_of_absences_in_a_row() {
    let server = Server::start(Role::Teacher, &[roster(), format!("group:{}", id(GROUP)), org()]).await;
    {
        let mut core = server.core.lock().unwrap();
        let group = [("teacher_id", json!(id(USER))), ("name", json!("Qrup1")), ("days_of_week", json!([1, 4]))];
        core.put("groups", Some(id(GROUP)), &group);
        for (student, name, active) in [(100, "Ann", true), (101, "Bob", false)] {
            let fields = [
                ("group_id", json!(id(GROUP))),
                ("user_id", json!(id(student))),
                ("display_name", json!(name)),
                ("is_active", json!(active)),
                ("joined_at", json!(NOW_MS - 86_400_000 * 60)),
            ];
            core.put("group_memberships", None, &fields);
            // The excused lesson is skipped.
            for (day, status) in [(8, "present"), (11, "absent"), (15, "absent"), (18, "absent"), (22, "excused"), (25, "absent")] {
                let mut fields = mark(student, 5, json!(status)).fields;
                fields[2].1 = json!(format!("2025-12-{day:02}"));
                core.put("attendance_records", None, &fields);
            }
        }
    }
    let (_laptop, app) = signed_in(&server).await;
    let news = call(&app, "home", json!({})).await.unwrap()["group_news"].clone();
    let ann = json!({"student_id": id(100), "display_name": "Ann", "lessons": 4});
    let expected = json!([{"group_id": id(GROUP), "unmarked_days": ["2025-12-29"], "missing": [ann]}]);
    assert_eq!(news, expected, "without former members, and without today, which the card of the group counts");

    let marks = json!([{"student_id": id(100), "lesson_date": "2025-12-29", "status": "late"}]);
    call(&app, "set_marks", json!({"group_id": id(GROUP), "marks": marks})).await.unwrap();
    assert_eq!(call(&app, "home", json!({})).await.unwrap()["group_news"], json!([]), "a group that needs nothing is left out");
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parent_sees_the_child_and_nothing_else() {
    let child = format!("learner:{}", id(100));
    let server = Server::start(Role::Parent, &[org(), child, format!("user:{}", id(USER))]).await;
    fill_course(&server);
    {
        let mut core = server.core.lock().unwrap();
        core.put("guardian_links", None, &[("parent_id", json!(id(USER))), ("student_id", json!(id(100)))]);
        core.put("enrollments", None, &[("user_id", json!(id(100))), ("course_id", json!(id(COURSE))), ("display_name", json!("Ann"))]);
        core.put(
            "topic_progress",
            None,
            &[
                ("user_id", json!(id(100))),
                ("topic_id", json!(id(40))),
                ("course_id", json!(id(COURSE))),
                ("completed", json!(true)),
                ("percent", json!(100)),
            ],
        );
        let mut yesterday = mark(100, 5, json!("late")).fields;
        yesterday[2].1 = json!("2025-12-31");
        core.put("attendance_records", None, &yesterday);
    }
    let (_laptop, app) = signed_in(&server).await;
    let home = call(&app, "home", json!({})).await.unwrap();
    assert_eq!(home["children"][0]["full_name"], json!("Ann"));
    assert_eq!(home["children"][0]["courses"][0]["topics_done"], json!(1));
    assert_eq!(home["children"][0]["marks"], json!([0, 1, 0, 0]));
    assert_eq!(home["children"][0]["not_present"], json!([{"day": "2025-12-31", "status": "late", "note": ""}]));
    assert_eq!(home["group_news"], json!([]), "a teacher's");
    assert_eq!((home["studying"].as_array().unwrap().len(), home["teaching"].as_array().unwrap().len()), (0, 0));
    assert_eq!(call(&app, "course_learners", json!({"id": id(COURSE)})).await.unwrap_err().code, Code::NotAllowed);
    app.shutdown().await;
}
