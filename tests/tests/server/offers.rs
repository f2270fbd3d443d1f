//! Rows that the server has lost and a laptop still has: they are offered, and an administrator decides.

use serde_json::{Value, json};
use uuid::Uuid;
use waystation_model::Code;
use waystation_model::ids::derived_id;
use waystation_model::limits::OFFERED_ROWS_MAX;
use waystation_model::wire::Outcome as Fate;
use waystation_tests::Outcome;
use waystation_tests::caller::{Caller, Change, delete, put};
use waystation_tests::school::{Course, School, open};
use waystation_tests::server::LocalServer;

const DAY: &str = "2026-03-02";

/// A server that has lost a life, a teacher with a group of one, and two administrators. All have pulled.
struct Class {
    _server: LocalServer,
    school: School,
    course: Course,
    group: Uuid,
    learner: Uuid,
    teacher: Caller,
    admin: Caller,
    colleague: Caller,
    /// A stamp of the life that was lost.
    lost: i64,
}

async fn class() -> Outcome<Class> {
    let (server, mut school) = open().await?;
    let teaches = school.person("teacher", "kamran").await?;
    for name in ["vusal", "leyla"] {
        school.person("admin", name).await?;
    }
    let learner = school.person("learner", "aysel").await?;
    let group = school.group(teaches, &[learner]).await?;
    let course = school.course(Some(teaches), "published", 2).await?;
    let after = school.value("SELECT nextval('stamp_seq')").await?.as_i64().ok_or("a stamp")?;
    school.run(format!("SELECT setval('stamp_seq', {0}); INSERT INTO lost_lives VALUES ({after}, {0})", after + 1_000)).await?;
    let mut callers = Vec::new();
    for name in ["kamran", "vusal", "leyla"] {
        let mut caller = Caller::sign_in(&server.url(), name).await?;
        caller.pull().await?;
        callers.push(caller);
    }
    let [teacher, admin, colleague] = <[Caller; 3]>::try_from(callers).map_err(|_| "three callers")?;
    Ok(Class { _server: server, school, course, group, learner, teacher, admin, colleague, lost: after + 10 })
}

fn offer(entity: &str, row: Uuid, stamp: i64, fields: Value) -> Change {
    put("offered_rows")
        .set("entity", entity)
        .link("row_id", row)
        .set("row_stamp", stamp.to_string())
        .set("changed_at", 1_772_000_000_000_i64)
        .set("fields", fields)
}

fn decide(id: Uuid, state: &str) -> Change {
    put("offered_rows").id(id).set("state", state)
}

fn id_of(entity: &str, row: Uuid) -> Uuid {
    derived_id("offered_rows", [Some(entity), Some(row.to_string().as_str())])
}

impl Class {
    fn mark(&self) -> (Uuid, Value) {
        let (group, learner) = (self.group.to_string(), self.learner.to_string());
        let id = derived_id("attendance_records", [Some(group.as_str()), Some(learner.as_str()), Some(DAY)]);
        (id, json!({"group_id": group, "student_id": learner, "lesson_date": DAY, "status": "late", "note": "the bus"}))
    }

    /// What waits, as the administrators hear it.
    async fn waiting(&mut self) -> Outcome<Vec<(Uuid, Value)>> {
        self.admin.pull().await?;
        let offered = self.admin.all("offered_rows").into_iter();
        Ok(offered.filter(|(_, row)| row.columns["state"] == "waiting").map(|(id, row)| (id, json!(row.columns))).collect())
    }
}

#[tokio::test]
async fn a_row_that_the_server_has_lost_waits_for_an_administrator_and_comes_back() -> Outcome<()> {
    let mut class = class().await?;
    let (cell, fields) = class.mark();
    let lost = class.lost;
    assert_eq!(class.teacher.push_one(offer("attendance_records", cell, lost, fields.clone())).await?, Fate::Applied);
    assert_eq!(class.school.count("attendance_records").await?, 0, "nothing stands that nobody has accepted");
    let (id, waits) = class.waiting().await?.pop().ok_or("nothing was heard")?;
    assert_eq!(id, id_of("attendance_records", cell));
    assert_eq!(waits["fields"], fields);
    assert_eq!(json!([waits["offered_by_name"], waits["person_name"], waits["base_stamp"]]), json!(["Full kamran", "Full aysel", null]));
    class.teacher.pull().await?;
    assert!(class.teacher.all("offered_rows").is_empty(), "only the administrators hear of it");

    assert_eq!(class.teacher.refusal(decide(id, "accepted")).await?.0, Code::NotAllowed);
    assert_eq!(class.admin.push_one(decide(id, "accepted")).await?, Fate::Applied);
    let row = class.school.column("attendance_records", cell, "jsonb_build_array(status, note)").await?;
    assert_eq!(row, json!(["late", "the bus"]));
    let decided = class.school.column("offered_rows", id, "jsonb_build_array(state, decided_by, decided_at IS NOT NULL)").await?;
    assert_eq!(decided, json!(["accepted", class.admin.user, true]));
    // Two who agree without knowing of each other have nothing to mend.
    class.colleague.pull().await?;
    assert_eq!(class.colleague.push_one(decide(id, "accepted")).await?, Fate::Applied);
    assert_eq!(class.colleague.refusal(decide(id, "refused")).await?, (Code::AlreadySet, Some("state".to_owned())));
    // The teacher's laptop gets it as any row.
    class.teacher.pull_until("the mark is here", |caller, _| caller.row("attendance_records", cell).is_some()).await?;
    Ok(())
}

#[tokio::test]
async fn only_what_differs_waits_and_what_somebody_said_since_is_not_lost() -> Outcome<()> {
    let mut class = class().await?;
    let topic = class.course.topics[0];
    let title = class.school.column("topics", topic, "title").await?;
    let fields = json!({"title": title, "description": "as it was", "course_id": class.course.id});
    let lost = class.lost;
    assert_eq!(class.teacher.push_one(offer("topics", topic, lost, fields)).await?, Fate::Applied);
    let (id, waits) = class.waiting().await?.pop().ok_or("nothing was heard")?;
    assert_eq!(waits["fields"], json!({"description": "as it was"}));
    assert_eq!(waits["base_stamp"], class.school.column("topics", topic, "stamp::text").await?);
    // Somebody says something else before the administrator decides, who does not know of it.
    let said = put("topics").id(topic).on(class.teacher.stamp("topics", topic)).set("description", "newer");
    assert_eq!(class.teacher.push_one(said).await?, Fate::Applied);
    assert!(matches!(class.admin.push_one(decide(id, "accepted")).await?, Fate::Applied));
    assert_eq!(class.school.column("topics", topic, "description").await?, "as it was", "the later word is the administrator's");
    assert_eq!(class.school.value("SELECT lost_values ->> 'description' FROM conflicts").await?, "newer", "and the other one is kept");
    Ok(())
}

#[tokio::test]
async fn the_latest_state_waits_and_what_the_server_never_lost_does_not() -> Outcome<()> {
    let mut class = class().await?;
    let topic = class.course.topics[0];
    let lost = class.lost;
    let said = |words: &str| json!({"description": words});
    assert_eq!(class.teacher.push_one(offer("topics", topic, lost + 1, said("second"))).await?, Fate::Applied);
    assert_eq!(class.colleague.push_one(offer("topics", topic, lost, said("first"))).await?, Fate::Applied);
    assert_eq!(class.waiting().await?.pop().ok_or("nothing was heard")?.1["fields"], said("second"));
    assert_eq!(class.colleague.push_one(offer("topics", topic, lost + 2, said("third"))).await?, Fate::Applied);
    let (id, waits) = class.waiting().await?.pop().ok_or("nothing was heard")?;
    assert_eq!(waits["fields"], said("third"));
    // Decided is decided, until a later state turns up.
    assert_eq!(class.admin.push_one(decide(id, "refused")).await?, Fate::Applied);
    assert_eq!(class.teacher.push_one(offer("topics", topic, lost + 2, said("third"))).await?, Fate::Applied);
    assert_eq!(class.waiting().await?, []);
    assert_eq!(class.teacher.push_one(offer("topics", topic, lost + 3, said("fourth"))).await?, Fate::Applied);
    assert_eq!(class.waiting().await?.len(), 1);

    // Stamps that this server knows, or has never given.
    let other = class.course.topics[1];
    let known = class.teacher.stamp("topics", other);
    for stamp in [known, lost + 100_000, 0, -1] {
        assert_eq!(class.teacher.push_one(offer("topics", other, stamp, said("forged"))).await?, Fate::Applied);
    }
    // What stands already.
    let title = class.school.column("topics", other, "title").await?;
    assert_eq!(class.teacher.push_one(offer("topics", other, lost, json!({"title": title}))).await?, Fate::Applied);
    assert_eq!(class.waiting().await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn no_offer_says_what_only_the_server_says_nor_makes_a_person_again() -> Outcome<()> {
    let mut class = class().await?;
    let (cell, fields) = class.mark();
    let lost = class.lost;
    let refused = [
        (offer("assessment_attempts", Uuid::now_v7(), lost, json!({"score_percent": 100})), Code::ServerColumn),
        (offer("topics", class.course.topics[0], lost, json!({"nothing": 1})), Code::UnknownColumn),
        (offer("topics", class.course.topics[0], lost, json!({"title": 7})), Code::BadValue),
        (offer("attendance_records", Uuid::now_v7(), lost, fields), Code::IdMismatch),
        (offer("conflicts", Uuid::now_v7(), lost, json!({})), Code::NotAllowed),
        (offer("offered_rows", Uuid::now_v7(), lost, json!({})), Code::NotAllowed),
        (offer("no_such_table", Uuid::now_v7(), lost, json!({})), Code::UnknownEntity),
        (put("offered_rows").set("entity", "topics").link("row_id", cell).set("row_stamp", lost.to_string()), Code::MissingValue),
        (
            put("offered_rows").set("entity", "topics").link("row_id", cell).set("row_stamp", "soon").set("fields", json!({})),
            Code::BadValue,
        ),
        (offer("topics", cell, lost, json!({"title": "x"})).set("offered_by", class.admin.user.to_string()), Code::ServerColumn),
        (decide(id_of("topics", cell), "accepted"), Code::NotFound),
    ];
    for (change, code) in refused {
        let sent = format!("{change:?}");
        assert_eq!(class.admin.refusal(change).await?.0, code, "{sent}");
    }
    // Whoever is gone stays gone, and time spent is added again by whoever spent it.
    let person = json!({"user_name": "gone", "full_name": "Gone", "role": "learner", "status": "active"});
    assert_eq!(class.admin.push_one(offer("users", Uuid::now_v7(), lost, person)).await?, Fate::Applied);
    let (topic, learner) = (class.course.topics[0].to_string(), class.learner.to_string());
    let progress = derived_id("topic_progress", [Some(learner.as_str()), Some(topic.as_str())]);
    let said = json!({"user_id": learner, "topic_id": topic, "course_id": class.course.id, "percent": 50, "time_spent_seconds": 900});
    assert_eq!(class.teacher.push_one(offer("topic_progress", progress, lost, said)).await?, Fate::Applied);
    let (id, waits) = class.waiting().await?.pop().ok_or("nothing was heard")?;
    assert_eq!(waits["fields"]["time_spent_seconds"], Value::Null);
    assert_eq!(class.school.count("offered_rows").await?, 1);
    // Nobody but the learner writes their progress, and an administrator may decide about it.
    assert_eq!(class.admin.push_one(decide(id, "accepted")).await?, Fate::Applied);
    assert_eq!(class.school.column("topic_progress", progress, "percent").await?, 50);
    assert_eq!(class.admin.refusal(delete("offered_rows", id)).await?.0, Code::NotAllowed);
    Ok(())
}

#[tokio::test]
async fn a_row_whose_parent_is_lost_too_waits_until_that_is_back() -> Outcome<()> {
    let mut class = class().await?;
    let (module, topic) = (Uuid::now_v7(), Uuid::now_v7());
    let lost = class.lost;
    let child = json!({"module_id": module, "course_id": class.course.id, "title": "Lost topic", "position": 0});
    let parent = json!({"course_id": class.course.id, "title": "Lost module", "position": 1});
    assert_eq!(class.teacher.push_one(offer("topics", topic, lost + 1, child)).await?, Fate::Applied);
    class.waiting().await?;
    let refused = class.admin.refusal(decide(id_of("topics", topic), "accepted")).await?;
    assert_eq!(class.waiting().await?.len(), 1, "{refused:?}, and it goes on waiting");
    assert_eq!(class.colleague.push_one(offer("modules", module, lost, parent)).await?, Fate::Applied);
    let all = vec![decide(id_of("modules", module), "accepted"), decide(id_of("topics", topic), "accepted")];
    assert_eq!(class.admin.push(all).await?, [Fate::Applied, Fate::Applied]);
    assert_eq!(class.school.column("topics", topic, "title").await?, "Lost topic");
    Ok(())
}

#[tokio::test]
async fn another_organization_is_out_of_reach_and_nobody_floods_the_administrators() -> Outcome<()> {
    let mut class = class().await?;
    let lost = class.lost;
    let database = class._server.database();
    let mut other = School::found(database).await?;
    let foreign = other.course(None, "published", 1).await?;
    let said = offer("topics", foreign.topics[0], lost, json!({"title": "theirs"}));
    assert_eq!(class.teacher.refusal(said).await?.0, Code::NotFound);
    class
        .school
        .run(format!(
            "INSERT INTO offered_rows (organization_id, entity, row_id, row_stamp, fields, offered_by, created_at, updated_at, stamp) \
             SELECT '{}', 'topics', gen_random_uuid(), '{lost}', '{{}}', '{}', now(), now(), 0 FROM generate_series(1, {})",
            class.school.organization, class.teacher.user, OFFERED_ROWS_MAX
        ))
        .await?;
    let one_more = offer("topics", class.course.topics[0], lost, json!({"title": "one more"}));
    assert_eq!(class.teacher.refusal(one_more.clone()).await?.0, Code::TooManyHeld);
    assert_eq!(class.colleague.push_one(one_more).await?, Fate::Applied, "somebody else may");
    Ok(())
}
