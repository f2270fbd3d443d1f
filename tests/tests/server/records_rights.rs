//! Over HTTP a person sees exactly the rows that their laptop is sent, and writes what a push of theirs may write.

use reqwest::StatusCode;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;
use waystation_model::registry;
use waystation_tests::Outcome;
use waystation_tests::caller::{Caller, put};
use waystation_tests::laptop::Laptop;
use waystation_tests::program::{Program, RowAnswer};
use waystation_tests::school::{Course, School, Test, open};
use waystation_tests::server::LocalServer;

/// The user name of a person of each role.
const PEOPLE: [&str; 6] = ["vusal", "rauf", "sabina", "tofiq", "aysel", "leyla"];

/// An administrator, an instructor with a course and two tests, two teachers with a group each, a learner and her parent, and
/// another organization with the same.
struct Town {
    server: LocalServer,
    school: School,
    course: Course,
    exam: Test,
    group: Uuid,
    aysel: Uuid,
    mark: Uuid,
    station: Uuid,
    elsewhere: Elsewhere,
}

/// Rows of another organization.
struct Elsewhere {
    station: Uuid,
    person: Uuid,
    course: Uuid,
}

async fn town() -> Outcome<Town> {
    let (server, mut school) = open().await?;
    let mut other = School::create(server.database()).await?;
    let elsewhere = Elsewhere {
        station: other.insert("stations", json!({"id": Uuid::now_v7(), "name": "Elsewhere", "status": "active"})).await?,
        person: other.person("instructor", "nigar").await?,
        course: other.course(None, "published", 0).await?.id,
    };
    school.person("admin", "vusal").await?;
    let rauf = school.person("instructor", "rauf").await?;
    let (sabina, tofiq) = (school.person("teacher", "sabina").await?, school.person("teacher", "tofiq").await?);
    let aysel = school.person("learner", "aysel").await?;
    let murad = school.person("learner", "murad").await?;
    let parent = school.person("parent", "leyla").await?;
    school.insert("guardian_links", json!({"parent_id": parent, "student_id": aysel})).await?;
    let course = school.course(Some(rauf), "published", 1).await?;
    school.course(None, "draft", 1).await?;
    school.enrol(aysel, &course).await?;
    let group = school.group(sabina, &[aysel]).await?;
    let theirs = school.group(tofiq, &[murad]).await?;
    let exam = school.test(&course, "exam", "server", &["single"]).await?;
    school.test(&course, "quiz", "laptop", &["single"]).await?;
    let mark = json!({"group_id": group, "student_id": aysel, "lesson_date": "2026-03-02", "status": "late"});
    let mark = school.insert("attendance_records", mark).await?;
    let others = json!({"group_id": theirs, "student_id": murad, "lesson_date": "2026-03-02", "status": "present"});
    school.insert("attendance_records", others).await?;
    let station = school.insert("stations", json!({"id": Uuid::now_v7(), "name": "Ucar", "status": "active"})).await?;
    Ok(Town { server, school, course, exam, group, aysel, mark, station, elsewhere })
}

impl Town {
    async fn program(&self, name: &str) -> Outcome<Program> {
        Program::sign_in(&self.server.url(), name).await
    }
}

fn is(answer: &RowAnswer, code: &str) {
    assert_eq!(answer.code(), Some(code), "{} {}", answer.status, answer.body);
}

#[tokio::test]
async fn everybody_sees_over_http_what_their_laptop_is_sent() -> Outcome<()> {
    let town = town().await?;
    let mut counted = 0;
    for name in PEOPLE {
        let program = town.program(name).await?;
        let mut caller = Caller::sign_in(&town.server.url(), name).await?;
        caller.pull().await?;
        for entity in registry::listed() {
            let rows = program.list(entity.name, &[("limit", "2")]).await?;
            let received = caller.all(entity.name);
            let listed: BTreeSet<Uuid> = rows.iter().filter_map(|row| row["id"].as_str()?.parse().ok()).collect();
            let sent: BTreeSet<Uuid> = received.keys().copied().collect();
            assert_eq!(listed, sent, "{name}: {}", entity.name);
            assert_eq!(rows.len(), sent.len(), "{name}: {}: a row came twice", entity.name);
            for row in &rows {
                let id: Uuid = row["id"].as_str().ok_or("no id")?.parse()?;
                assert_eq!(row["stamp"], json!(received[&id].stamp.to_string()), "{name}: {}", entity.name);
                for column in entity.columns {
                    assert_eq!(row[column.name], received[&id].columns[column.name], "{name}: {}.{}", entity.name, column.name);
                }
                let names = row.as_object().ok_or("no object")?.len();
                assert_eq!(names, entity.columns.len() + 4, "{name}: {}: only the columns of its entry", entity.name);
                counted += 1;
            }
        }
    }
    assert!(counted > 60, "{counted}");
    Ok(())
}

#[tokio::test]
async fn a_learner_never_gets_the_key_of_a_test_that_the_server_grades() -> Outcome<()> {
    let mut town = town().await?;
    let key = town.school.value(format!("SELECT id FROM answer_keys WHERE assessment_id = '{}'", town.exam.id)).await?;
    let key: Uuid = key.as_str().ok_or("a key")?.parse()?;
    for (name, sees) in [("aysel", false), ("leyla", false), ("sabina", false), ("rauf", true), ("vusal", true)] {
        let program = town.program(name).await?;
        let expected = if sees { StatusCode::OK } else { StatusCode::NOT_FOUND };
        assert_eq!(program.get("answer_keys", key).await?.status, expected, "{name}");
        let exam = town.exam.id.to_string();
        let listed = program.list("answer_keys", &[("assessment_id", exam.as_str())]).await?;
        assert_eq!(listed.len(), usize::from(sees), "{name}");
        let written = program.change("answer_keys", key, json!({"written_instructions": "x"})).await?;
        assert_eq!(written.status, expected, "{name}: {}", written.body);
    }
    // The key of a test that laptops grade is theirs.
    assert_eq!(town.program("aysel").await?.list("answer_keys", &[]).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn each_role_writes_what_it_may() -> Outcome<()> {
    let mut town = town().await?;
    let station = json!({"name": "New"});
    let course = |instructor: Uuid| json!({"title": "New", "instructor_id": instructor});
    let person = json!({"user_name": "new", "full_name": "New"});
    let mark = |day: &str| json!({"group_id": town.group, "student_id": town.aysel, "lesson_date": day, "status": "present"});
    let mut day = 2;
    for (name, may) in [
        ("vusal", ["stations", "courses", "users", "attendance_records"].as_slice()),
        ("rauf", &["stations", "courses"]),
        ("sabina", &["courses", "attendance_records"]),
        ("tofiq", &["courses"]),
        ("aysel", &[]),
        ("leyla", &[]),
    ] {
        let caller = Caller::sign_in(&town.server.url(), name).await?;
        let program = Program::of(&caller, true).await?;
        day += 1;
        let day = format!("2026-03-{day:02}");
        let rows = [
            ("stations", station.clone()),
            ("courses", course(caller.user)),
            ("users", person.clone()),
            ("attendance_records", mark(&day)),
            ("answer_keys", json!({"assessment_id": Uuid::now_v7(), "course_id": town.course.id})),
        ];
        for (table, row) in rows {
            let made = program.make(table, row).await?;
            if may.contains(&table) {
                assert_eq!(made.status, StatusCode::CREATED, "{name}: {table}: {}", made.body);
            } else if table == "answer_keys" && ["vusal", "rauf"].contains(&name) {
                is(&made, "missing_reference");
            } else {
                is(&made, "not_allowed");
            }
        }
        // Changing and deleting: a row that one sees and may not write is not allowed, one that one does not see is not found.
        let changed = program.change("stations", town.station, json!({"phone": "1"})).await?;
        let may_change = may.contains(&"stations");
        assert_eq!(changed.code(), (!may_change).then_some("not_allowed"), "{name}: {}", changed.body);
        let marked = program.change("attendance_records", town.mark, json!({"status": "absent"})).await?;
        let expected = match name {
            "vusal" | "sabina" => None,
            "aysel" | "leyla" => Some("not_allowed"),
            _ => Some("not_found"),
        };
        assert_eq!(marked.code(), expected, "{name}: {}", marked.body);
        let role = program.change("users", caller.user, json!({"role": "admin"})).await?;
        assert_eq!(role.code(), (name != "vusal").then_some("not_allowed"), "{name}: {}", role.body);
        if name != "vusal" {
            is(&program.delete("stations", town.station).await?, "not_allowed");
        }
    }
    // The author columns are the token's person.
    let by = "SELECT jsonb_build_array(u.user_name, a.status) FROM attendance_records a JOIN users u ON u.id = a.marked_by WHERE a.id = ";
    assert_eq!(town.school.value(format!("{by}'{}'", town.mark)).await?, json!(["sabina", "absent"]));
    let forged =
        json!({"group_id": town.group, "student_id": town.aysel, "lesson_date": "2026-04-01", "status": "late", "marked_by": town.aysel});
    is(&town.program("sabina").await?.make("attendance_records", forged).await?, "not_allowed");
    let early = json!({"group_id": town.group, "student_id": town.aysel, "lesson_date": "2025-04-01", "status": "late"});
    is(&town.program("sabina").await?.make("attendance_records", early).await?, "not_a_member");
    Ok(())
}

#[tokio::test]
async fn a_row_of_another_organization_is_as_unknown_as_none() -> Outcome<()> {
    let mut town = town().await?;
    let program = town.program("vusal").await?;
    let missing = Uuid::now_v7();
    let without_id = |answer: RowAnswer| {
        let mut body = answer.body;
        body["request_id"] = Value::Null;
        (answer.status, body)
    };
    for (table, theirs) in [("stations", town.elsewhere.station), ("users", town.elsewhere.person), ("courses", town.elsewhere.course)] {
        let fields = json!({});
        assert_eq!(without_id(program.get(table, theirs).await?), without_id(program.get(table, missing).await?));
        let changed = without_id(program.change(table, theirs, fields.clone()).await?);
        assert_eq!(changed, without_id(program.change(table, missing, fields.clone()).await?));
        assert_eq!(changed.0, StatusCode::NOT_FOUND);
        let stale = without_id(program.change_if(table, theirs, "\"1\"", fields.clone()).await?);
        assert_eq!(stale, changed);
        assert_eq!(without_id(program.delete(table, theirs).await?), without_id(program.delete(table, missing).await?));
        let id = theirs.to_string();
        assert!(program.list(table, &[("id", id.as_str())]).await?.is_empty());
    }
    for station in [town.elsewhere.station, missing] {
        let refused = program.make("station_equipment", json!({"name": "x", "station_id": station})).await?;
        is(&refused, "missing_reference");
        assert_eq!(refused.body["fields"], json!(["station_id"]));
    }
    assert_eq!(town.school.column("stations", town.elsewhere.station, "name").await?, "Elsewhere");
    Ok(())
}

#[tokio::test]
async fn a_right_that_was_taken_away_ends_at_once() -> Outcome<()> {
    let mut town = town().await?;
    let sabina = town.program("sabina").await?;
    assert_eq!(sabina.list("attendance_records", &[]).await?.len(), 1);
    town.school
        .run(format!("UPDATE groups SET teacher_id = (SELECT id FROM users WHERE user_name = 'tofiq') WHERE id = '{}'", town.group))
        .await?;
    assert!(sabina.list("attendance_records", &[]).await?.is_empty(), "plain SQL has taken the group away");
    assert_eq!(sabina.get("attendance_records", town.mark).await?.status, StatusCode::NOT_FOUND);
    assert_eq!(town.program("tofiq").await?.list("attendance_records", &[]).await?.len(), 2);
    // As from a laptop that has not heard of it: the change waits for the new teacher.
    let held = sabina.change("attendance_records", town.mark, json!({"status": "absent"})).await?;
    assert_eq!((held.status, &held.body["held"]), (StatusCode::ACCEPTED, &json!(true)), "{}", held.body);
    assert_eq!(town.school.column("attendance_records", town.mark, "status").await?, "late");
    let mut tofiq = Caller::sign_in(&town.server.url(), "tofiq").await?;
    tofiq.pull().await?;
    let held = tofiq.all("held_changes");
    let id = *held.keys().next().ok_or("the change is held")?;
    tofiq.push_one(put("held_changes").id(id).set("state", "accepted")).await?;
    assert_eq!(town.school.column("attendance_records", town.mark, "status").await?, "absent");
    Ok(())
}

#[tokio::test]
async fn a_laptop_receives_a_change_over_http_without_asking() -> Outcome<()> {
    let mut town = town().await?;
    let laptop = Laptop::of("rauf", &town.server.url()).await?;
    let program = town.program("vusal").await?;
    let changed = program.change("stations", town.station, json!({"name": "Ucar 2"})).await?;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.body);
    let opened = json!({"entity": "stations", "id": town.station});
    laptop.until("record", opened.clone(), |opened| opened.to_string().contains("Ucar 2")).await?;
    let made = program.make("stations", json!({"name": "New"})).await?.id();
    laptop.until("record", json!({"entity": "stations", "id": made}), |opened| opened.to_string().contains("New")).await?;

    // Another person's offline change of the same field meets it as any laptop's does: the later one wins, the other is kept.
    let mut caller = Caller::sign_in(&town.server.url(), "rauf").await?;
    caller.pull().await?;
    let stamp = caller.stamp("stations", town.station);
    assert_eq!(program.change("stations", town.station, json!({"name": "From a program"})).await?.status, StatusCode::OK);
    caller.push_one(put("stations").id(town.station).on(stamp).set("name", "From a laptop")).await?;
    assert_eq!(town.school.column("stations", town.station, "name").await?, "From a laptop");
    let lost =
        town.school.value("SELECT jsonb_build_array(c.lost_values, u.user_name) FROM conflicts c JOIN users u ON u.id = c.lost_by").await?;
    assert_eq!(lost, json!([{"name": "From a program"}, "vusal"]));
    Ok(())
}
