//! Laptops of every protocol version: the current server answers them as the server of their time did, and a later server accepts their
//! changes.
//!
//! The files below `tests/conversations` hold the answers of the server of that version. Those of a released version never change; for a
//! version in development, `WAYSTATION_RECORD=1` records them again.

use std::path::PathBuf;

use serde_json::{Value, json};
use uuid::Uuid;
use waystation_model::Code;
use waystation_model::limits::{PROTOCOL_VERSION, PROTOCOL_VERSIONS_BACK};
use waystation_model::wire::{Outcome as MutationOutcome, PushAnswer};
use waystation_tests::caller::{Caller, code, put};
use waystation_tests::cluster::{Cluster, Database};
use waystation_tests::conversation::{self, Stage};
use waystation_tests::laptop::Laptop;
use waystation_tests::school::{Course, School};
use waystation_tests::server::LocalServer;
use waystation_tests::{Outcome, paths};

/// Bytes of each of the content items that fill more than one page.
const LARGE_BYTES: usize = 195_000;

/// An id that is the same in every conversation.
fn fixed(number: u32) -> Uuid {
    Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0000 + u128::from(number))
}

/// The school of the conversations: everything in it has the same ids each time.
async fn school_of_the_conversations(database: &Database) -> Outcome<School> {
    let mut school = School { organization: fixed(1), sql: database.connect().await? };
    let insert = "INSERT INTO organizations (id, organization_id, name, slug, status) VALUES ($1, $1, 'School', 'school', 'active')";
    sqlx::query(insert).bind(school.organization).execute(&mut school.sql).await?;
    for (number, (name, role)) in (11..).zip([("rauf", "instructor"), ("aysel", "learner"), ("vusal", "admin"), ("sabina", "teacher")]) {
        let (user, device) = (school.person_of(fixed(number), role, name).await?, fixed(number + 10));
        let row = json!({"id": device, "user_id": user, "name": "laptop", "platform": "linux", "recovery_secret": format!("\\x{}", "07".repeat(32))});
        school.insert("devices", row).await?;
        school.run(format!("INSERT INTO device_states (device_id) VALUES ('{device}')")).await?;
    }
    let course = Course { id: fixed(31), module: fixed(32), topics: vec![fixed(33), fixed(34)] };
    let row = json!({"id": course.id, "title": "Gas", "status": "published", "instructor_id": fixed(11), "is_public": false, "price_minor": 100, "currency": "EUR", "is_certified": false, "tags": [], "metadata": {}, "description": "", "language": "en", "course_code": "GAS"});
    school.insert("courses", row).await?;
    school.insert("modules", json!({"id": course.module, "course_id": course.id, "title": "Module", "position": 0})).await?;
    for (position, topic) in course.topics.iter().enumerate() {
        let title = format!("Topic {position}");
        school
            .insert(
                "topics",
                json!({"id": topic, "module_id": course.module, "course_id": course.id, "title": title, "position": position}),
            )
            .await?;
    }
    for number in 51..62 {
        let body = json!({"text": "x".repeat(LARGE_BYTES)});
        school.insert("content_items", json!({"id": fixed(number), "module_id": course.module, "course_id": course.id, "kind": "text", "title": "Large", "body": body, "position": number, "is_required": true})).await?;
    }
    school.enrol(fixed(12), &course).await?;
    let row = json!({"id": fixed(41), "teacher_id": fixed(14), "name": "Group", "days_of_week": [1, 3], "start_time": "11:00"});
    school.insert("groups", row).await?;
    school
        .insert(
            "group_memberships",
            json!({"id": fixed(42), "group_id": fixed(41), "user_id": fixed(12), "joined_at": "2026-01-01T08:00:00Z"}),
        )
        .await?;
    Ok(school)
}

/// Every conversation of one version, by its file.
fn conversations(version: u32) -> Outcome<Vec<PathBuf>> {
    let folder = paths::root().join(format!("tests/conversations/v{version}"));
    let mut files = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Outcome<Vec<_>>>()?;
    files.sort();
    Ok(files)
}

#[tokio::test]
async fn every_supported_version_receives_its_recorded_answers() -> Outcome<()> {
    let records = std::env::var_os("WAYSTATION_RECORD").is_some();
    for version in PROTOCOL_VERSION.saturating_sub(PROTOCOL_VERSIONS_BACK).max(1)..=PROTOCOL_VERSION {
        let files = conversations(version)?;
        assert!(files.len() >= 3, "version {version} has conversations");
        for file in files {
            let database = Cluster::shared().await?.database().await?;
            school_of_the_conversations(&database).await?;
            let server = LocalServer::start(&database).await?;
            let mut stage = Stage::new(server.url());
            let mut exchanges = conversation::read(&file)?;
            let mut faults = Vec::new();
            for (number, exchange) in exchanges.iter_mut().enumerate() {
                let (status, answer) = stage.ask(exchange, version).await.map_err(|error| format!("{}: {error}", exchange.about))?;
                assert!(status < 500, "{}: {answer}", exchange.about);
                let at = format!("{} {number} ({})", file.display(), exchange.about);
                if records && version == PROTOCOL_VERSION {
                    (exchange.status, exchange.answer) = (status, answer);
                } else {
                    faults.extend((exchange.status != status).then(|| format!("{at}: {status} instead of {}: {answer}", exchange.status)));
                    faults.extend(conversation::lacks(&exchange.answer, &answer, &at));
                }
            }
            assert!(faults.is_empty(), "{}", faults.join("\n"));
            if records && version == PROTOCOL_VERSION {
                conversation::write(&file, &exchanges)?;
            }
            server.stop().await;
        }
    }
    Ok(())
}

#[test]
fn missing_fields_are_found_and_additional_fields_are_accepted() {
    let recorded = json!([{"line": "rows", "rows": [{"title": "x"}]}, {"line": "end", "more": false}]);
    let more = json!([{"line": "rows", "rows": [{"title": "x", "mood": 1}]}, {"line": "weather"}, {"line": "end", "more": false, "z": 1}]);
    assert_eq!(conversation::lacks(&recorded, &more, ""), Vec::<String>::new());
    for wrong in [
        json!([{"line": "rows", "rows": [{"title": "y"}]}, {"line": "end", "more": false}]),
        json!([{"line": "rows", "rows": [{"mood": "x"}]}, {"line": "end", "more": false}]),
        json!([{"line": "rows", "rows": [{"title": "x"}]}]),
        json!([{"line": "rows", "rows": [{"title": "x"}]}, {"line": "gone"}, {"line": "end", "more": false}]),
        json!([{"line": "rows", "rows": [{"title": "x"}]}, {"line": "end", "more": true}]),
    ] {
        assert_eq!(conversation::lacks(&recorded, &wrong, "").len(), 1, "{wrong}");
    }
}

#[tokio::test]
async fn a_version_too_old_to_pull_may_push_everything_also_after_a_restore() -> Outcome<()> {
    let database = Cluster::shared().await?.database().await?;
    let mut school = School::create(&database).await?;
    let rauf = school.person("instructor", "rauf").await?;
    let course = school.course(Some(rauf), "published", 1).await?;
    let mut server = LocalServer::start(&database).await?;
    let mut caller = Caller::sign_in(&server.url(), "rauf").await?;
    caller.pull().await?;
    let topic =
        |title: &str| put("topics").id(Uuid::now_v7()).link("module_id", course.module).link("course_id", course.id).set("title", title);
    assert_eq!(caller.push_one(topic("in its time")).await?, MutationOutcome::Applied);
    server.stop().await;

    // The last server version that supports this device, and the next one.
    for (newest, pulls) in [(PROTOCOL_VERSION + PROTOCOL_VERSIONS_BACK, true), (PROTOCOL_VERSION + PROTOCOL_VERSIONS_BACK + 1, false)] {
        server = LocalServer::start_with_protocol(&database, newest).await?;
        caller.url = server.url();
        let page = caller.ask_page().await?;
        assert_eq!(page.as_ref().err().map(|problem| problem.code), (!pulls).then_some(Code::ProtocolTooOld));
        assert_eq!(caller.push_one(topic("years later")).await?, MutationOutcome::Applied);
        assert!(Caller::sign_in(&server.url(), "rauf").await.is_ok(), "a device with pending changes may sign in");
        server.stop().await;
    }

    // Only a pull would return the new epoch; the numbers and the chain are sufficient.
    school.run("UPDATE epoch SET epoch = epoch + 1").await?;
    server = LocalServer::start_with_protocol(&database, PROTOCOL_VERSION + PROTOCOL_VERSIONS_BACK).await?;
    caller.url = server.url();
    let push = caller.push_of(vec![topic("after a restore")]);
    assert_eq!(code(caller.send(&push).await?), Code::EpochChanged, "a device that may pull pulls first");
    server.stop().await;
    server = LocalServer::start_with_protocol(&database, PROTOCOL_VERSION + PROTOCOL_VERSIONS_BACK + 1).await?;
    caller.url = server.url();
    assert_eq!(caller.push_one(topic("after a restore")).await?, MutationOutcome::Applied);
    assert_eq!(school.value("SELECT count(*) FROM topics WHERE title <> 'Topic 0'").await?, 4);
    server.stop().await;
    Ok(())
}

#[tokio::test]
async fn an_outdated_laptop_says_so_and_its_changes_arrive() -> Outcome<()> {
    let database = Cluster::shared().await?.database().await?;
    let mut school = School::create(&database).await?;
    let learner = school.person("learner", "aysel").await?;
    let course = school.course(None, "published", 1).await?;
    school.enrol(learner, &course).await?;
    let server = LocalServer::start(&database).await?;
    let port = server.server().address().port();
    let laptop = Laptop::of("aysel", &server.url()).await?;
    server.stop().await;
    laptop.wait_until_offline().await?;
    laptop.call("mark_topic", json!({"topic_id": course.topics[0], "completed": true})).await?;
    let newest = PROTOCOL_VERSION + PROTOCOL_VERSIONS_BACK + 1;
    let server = LocalServer::start_with_protocol_on(&database, newest, port).await?;
    let status = laptop.until("sync_status", json!({}), |status| status["problem"] == "protocol_too_old").await?;
    assert_eq!(status["online"], true);
    waystation_tests::wait::until("the changes are at the server", waystation_tests::laptop::SYNC_TIME_MAX, || async {
        let mut sql = database.connect().await?;
        let completed: Option<bool> = sqlx::query_scalar("SELECT completed FROM topic_progress").fetch_optional(&mut sql).await?;
        Ok((completed == Some(true)).then_some(()))
    })
    .await?;
    laptop.until("sync_status", json!({}), |status| status["safe_to_close"] == true).await?;
    server.stop().await;
    Ok(())
}

#[tokio::test]
async fn unknown_fields_and_columns_are_skipped_and_preserved() -> Outcome<()> {
    let database = Cluster::shared().await?.database().await?;
    let mut school = School::create(&database).await?;
    let rauf = school.person("instructor", "rauf").await?;
    let course = school.course(Some(rauf), "published", 1).await?;
    let topic = course.topics[0];
    // A column that is unknown to the laptop is one that it never sends.
    school.run(format!("UPDATE topics SET description = 'what an older program has no word for' WHERE id = '{topic}'")).await?;
    let server = LocalServer::start(&database).await?;
    let mut caller = Caller::sign_in(&server.url(), "rauf").await?;
    caller.pull().await?;
    let push = caller.push_of(vec![put("topics").id(topic).on(caller.stamp("topics", topic)).set("title", "new")]);
    let mut body = serde_json::to_value(&push)?;
    body["said_besides"] = json!({"by": "a later program"});
    body["runs"][0]["said_besides"] = json!([1]);
    let answer = caller.post::<PushAnswer>("/v1/sync/push", &body).await??;
    caller.acknowledge(&push, &answer);
    assert_eq!(answer.outcomes, []);
    let stored = school.column("topics", topic, "jsonb_build_array(title, description)").await?;
    assert_eq!(stored, json!(["new", "what an older program has no word for"]));
    let body = json!({"protocol": PROTOCOL_VERSION, "device": caller.device, "epoch": caller.epoch, "cursors": {}, "said_besides": 1});
    let answer = caller.request(reqwest::Method::POST, "/v1/sync/pull").json(&body).send().await?;
    assert!(answer.status().is_success());
    // Known fields are still read strictly.
    let push = json!({"protocol": PROTOCOL_VERSION, "device": caller.device, "said_besides": 1});
    assert_eq!(code(caller.post::<Value>("/v1/sync/push", &push).await?), Code::BadRequest);
    Ok(())
}
