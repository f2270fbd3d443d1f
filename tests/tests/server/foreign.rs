//! A push that names rows of another organization gets the same answer as one that names missing rows.

use serde_json::json;
use uuid::Uuid;
use waystation_model::wire::Outcome as MutationOutcome;
use waystation_tests::Outcome;
use waystation_tests::caller::{Caller, Change, delete, put};
use waystation_tests::school::{Course, School, open};

/// The rows that are named, in another organization or invented.
struct Asked {
    person: Uuid,
    other: Uuid,
    course: Course,
    group: Uuid,
    test: Uuid,
    station: Uuid,
}

fn made_up() -> Asked {
    let id = Uuid::now_v7;
    Asked {
        person: id(),
        other: id(),
        course: Course { id: id(), module: id(), topics: vec![id()] },
        group: id(),
        test: id(),
        station: id(),
    }
}

async fn elsewhere(school: &mut School) -> Outcome<Asked> {
    let (person, other) = (school.person("teacher", "theirs").await?, school.person("parent", "theirs too").await?);
    let course = school.course(Some(person), "published", 1).await?;
    school.enrol(person, &course).await?;
    school.insert("topic_progress", json!({"user_id": person, "topic_id": course.topics[0], "course_id": course.id})).await?;
    let group = school.group(person, &[other]).await?;
    school
        .insert("attendance_records", json!({"group_id": group, "student_id": other, "lesson_date": "2026-03-02", "status": "late"}))
        .await?;
    let test = school.test(&course, "quiz", "server", &["single"]).await?.id;
    for table in ["user_profiles", "student_profiles", "student_notes", "parent_profiles", "teacher_profiles"] {
        school
            .run(format!(
                "INSERT INTO {table} (organization_id, user_id) VALUES ('{}', '{person}') ON CONFLICT DO NOTHING",
                school.organization
            ))
            .await?;
    }
    school.insert("guardian_links", json!({"parent_id": other, "student_id": person})).await?;
    let station = school.insert("stations", json!({"id": Uuid::now_v7(), "name": "Theirs", "description": "", "status": "active"})).await?;
    Ok(Asked { person, other, course, group, test, station })
}

impl Asked {
    /// Every way to name a row, with rights and references that hold or do not.
    fn changes(&self, me: Uuid, own_course: &Course, own_station: Uuid) -> Vec<Change> {
        let Asked { person, other, course, group, test, station } = self;
        let mut changes = Vec::new();
        for table in ["user_profiles", "student_profiles", "student_notes", "parent_profiles", "teacher_profiles"] {
            changes.push(put(table).link("user_id", *person));
        }
        let enrollment = put("enrollments").link("user_id", *person).link("course_id", course.id);
        changes.extend([
            enrollment.clone(),
            enrollment.set("status", "dropped").set("enrollment_type", "assigned"),
            put("guardian_links").link("parent_id", *other).link("student_id", *person),
            put("topic_progress").link("user_id", *person).link("topic_id", course.topics[0]).link("course_id", course.id),
            put("group_memberships").link("group_id", *group).link("user_id", *other).set("joined_at", 0),
            put("answer_keys").link("assessment_id", *test),
            put("answer_keys").link("assessment_id", *test).link("course_id", own_course.id),
            put("attendance_records").link("group_id", *group).link("student_id", *other).set("lesson_date", "2026-03-02"),
        ]);
        // Missing rows that refer to rows of the other organization.
        let own = |kind: &str| put("enrollments").link("user_id", me).link("course_id", course.id).set("enrollment_type", kind);
        let attempt =
            put("assessment_attempts").id(Uuid::now_v7()).link("assessment_id", *test).link("user_id", me).set("attempt_number", 1);
        let question = put("questions").id(Uuid::now_v7()).link("assessment_id", *test).set("text", "?");
        changes.extend([
            own("self"),
            own("assigned"),
            put("enrollments").link("user_id", *person).link("course_id", own_course.id).set("enrollment_type", "assigned"),
            attempt.clone().set("started_at", 0),
            attempt.set("started_at", 0).link("course_id", own_course.id),
            question.clone(),
            question.link("course_id", own_course.id),
            put("question_options").id(Uuid::now_v7()).link("question_id", *test).set("text", "?").link("course_id", own_course.id),
            put("topic_progress").link("user_id", me).link("topic_id", course.topics[0]).link("course_id", own_course.id),
            put("content_items")
                .id(Uuid::now_v7())
                .link("topic_id", course.topics[0])
                .link("module_id", course.module)
                .link("course_id", own_course.id)
                .set("kind", "text")
                .set("title", "x"),
            put("assessments").id(Uuid::now_v7()).link("topic_id", course.topics[0]).link("course_id", own_course.id).set("title", "x"),
            put("assessments").id(Uuid::now_v7()).link("module_id", course.module).link("course_id", own_course.id).set("title", "x"),
            put("topics").id(Uuid::now_v7()).link("module_id", course.module).link("course_id", own_course.id).set("title", "x"),
            put("group_memberships").link("group_id", *group).link("user_id", me).set("joined_at", 0),
        ]);
        let topic = put("topics").id(course.topics[0]).set("title", "x");
        changes.extend([
            topic.clone(),
            topic.clone().on(7),
            topic.clone().on_own(1),
            // The module does not exist here: an earlier version revealed whether the topic exists anywhere.
            topic.clone().link("module_id", Uuid::from_u128(5)).link("course_id", own_course.id),
            topic.clone().link("module_id", Uuid::from_u128(5)).link("course_id", course.id),
            topic.set("title", 7),
            delete("topics", course.topics[0]),
            delete("topics", course.topics[0]).on(7),
            delete("topics", course.topics[0]).on_own(1),
            put("courses").id(course.id).set("title", "x").on(7),
            delete("courses", course.id),
            put("station_equipment").id(*station).set("name", "x").link("station_id", Uuid::from_u128(5)),
            put("station_equipment").id(*station).set("name", "x").set("quantity", -1).link("station_id", own_station),
            put("stations").id(*station).on(1).set("name", "x"),
            delete("stations", *station),
            put("users").id(*person).on(1).set("role", "learner"),
            put("groups").id(*group).set("name", "x").link("teacher_id", *person),
            put("conflicts").id(*test).link("settled_by", *person),
            put("held_changes").id(*test).set("state", "accepted"),
            put("devices").id(*test).set("name", "x"),
        ]);
        changes
    }
}

#[tokio::test]
async fn rows_of_another_organization_are_answered_as_missing_rows() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let rauf = school.person("instructor", "rauf").await?;
    school.person("admin", "vusal").await?;
    school.person("learner", "aysel").await?;
    let own_course = school.course(Some(rauf), "published", 1).await?;
    let own_station =
        school.insert("stations", json!({"id": Uuid::now_v7(), "name": "Ours", "description": "", "status": "active"})).await?;
    let theirs = elsewhere(&mut School::create(server.database()).await?).await?;
    for name in ["vusal", "rauf", "aysel"] {
        let mut caller = Caller::sign_in(&server.url(), name).await?;
        // A number to build on.
        caller.push(vec![put("unicorns").id(Uuid::now_v7())]).await?;
        let mut said = Vec::new();
        for asked in [&theirs, &made_up()] {
            let changes = asked.changes(caller.user, &own_course, own_station);
            let one_by_one = caller.push(changes.clone()).await?;
            let ids = [asked.person, asked.other, asked.course.id, asked.course.topics[0], asked.group, asked.test, asked.station];
            let told = |outcome: &MutationOutcome| ids.iter().fold(format!("{outcome:?}"), |text, id| text.replace(&id.to_string(), "…"));
            said.push(changes.iter().zip(&one_by_one).map(|(change, outcome)| (format!("{change:?}"), told(outcome))).collect::<Vec<_>>());
        }
        let [theirs, made_up] = said.try_into().map_err(|_| "two lists")?;
        for ((change, told), (_, expected)) in theirs.into_iter().zip(made_up) {
            assert_eq!(told, expected, "{name}: {change}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_new_row_under_the_id_of_another_organizations_row_changes_neither() -> Outcome<()> {
    let (server, mut school) = open().await?;
    school.person("admin", "vusal").await?;
    let mut other = School::create(server.database()).await?;
    let theirs = elsewhere(&mut other).await?;
    let mut caller = Caller::sign_in(&server.url(), "vusal").await?;
    let taken = put("stations").id(theirs.station).set("name", "Mine");
    let good = put("stations").id(Uuid::now_v7()).set("name", "Good");
    let outcomes = caller.push(vec![good.clone().id(Uuid::now_v7()), taken, good]).await?;
    assert!(
        matches!(
            &outcomes[..],
            [MutationOutcome::Applied, MutationOutcome::Rejected { code: waystation_model::Code::Taken, .. }, MutationOutcome::Applied]
        ),
        "{outcomes:?}"
    );
    assert_eq!(other.column("stations", theirs.station, "name").await?, "Theirs");
    assert_eq!(school.value(format!("SELECT count(*) FROM stations WHERE organization_id = '{}'", school.organization)).await?, 2);
    Ok(())
}
