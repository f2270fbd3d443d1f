//! Rows that the server has lost and a laptop still has: the laptop offers them, and an administrator decides.

use serde_json::{Value, json};
use sync_server::tombstones::remove_old_tombstones;
use uuid::Uuid;
use waystation_model::Code;
use waystation_model::ids::derived_id;
use waystation_model::limits::{OFFERED_DAYS_MAX, OFFERED_ROWS_MAX};
use waystation_model::wire::Outcome as MutationOutcome;
use waystation_tests::Outcome;
use waystation_tests::caller::{Caller, Change, delete, now_us, put};
use waystation_tests::school::{Course, School, open};
use waystation_tests::server::LocalServer;

const DAY: &str = "2026-03-02";

/// A server that has lost an epoch, a teacher with a group of one who is in their course, and two administrators. All have pulled.
struct Class {
    _server: LocalServer,
    school: School,
    course: Course,
    group: Uuid,
    teacher: Caller,
    learner: Caller,
    admin: Caller,
    colleague: Caller,
    /// A stamp of the lost epoch.
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
    school.enrol(learner, &course).await?;
    let after = school.value("SELECT nextval('stamp_seq')").await?.as_i64().ok_or("a stamp")?;
    school.run(format!("SELECT setval('stamp_seq', {0}); INSERT INTO lost_lives VALUES ({after}, {0})", after + 1_000)).await?;
    let mut callers = Vec::new();
    for name in ["kamran", "aysel", "vusal", "leyla"] {
        let mut caller = Caller::sign_in(&server.url(), name).await?;
        caller.pull().await?;
        callers.push(caller);
    }
    let [teacher, learner, admin, colleague] = <[Caller; 4]>::try_from(callers).map_err(|_| "four callers")?;
    Ok(Class { _server: server, school, course, group, teacher, learner, admin, colleague, lost: after + 10 })
}

/// An offer of a row that changed a moment ago.
fn offer(by: &Caller, entity: &str, row: Uuid, stamp: i64, fields: Value) -> Change {
    offer_at(by, entity, row, stamp, fields, now_us() / 1000)
}

fn offer_at(by: &Caller, entity: &str, row: Uuid, stamp: i64, fields: Value, changed_ms: i64) -> Change {
    let key = put("offered_rows").link("offered_by", by.user).set("entity", entity).link("row_id", row);
    key.set("row_stamp", stamp.to_string()).set("changed_at", changed_ms).set("fields", fields)
}

/// A decision about the offer in the state that this administrator has received.
fn decide(by: &Caller, id: Uuid, state: &str) -> Change {
    put("offered_rows").id(id).on(by.stamp("offered_rows", id)).set("state", state)
}

fn id_of(by: &Caller, entity: &str, row: Uuid) -> Uuid {
    derived_id("offered_rows", [Some(entity), Some(row.to_string().as_str()), Some(by.user.to_string().as_str())])
}

impl Class {
    fn mark(&self) -> (Uuid, Value) {
        let (group, learner) = (self.group.to_string(), self.learner.user.to_string());
        let id = derived_id("attendance_records", [Some(group.as_str()), Some(learner.as_str()), Some(DAY)]);
        (id, json!({"group_id": group, "student_id": learner, "lesson_date": DAY, "status": "late", "note": "the bus"}))
    }

    /// The pending offers as the administrators receive them.
    async fn waiting(&mut self) -> Outcome<Vec<(Uuid, Value)>> {
        self.admin.pull().await?;
        let offered = self.admin.all("offered_rows").into_iter();
        Ok(offered.filter(|(_, row)| row.columns["state"] == "waiting").map(|(id, row)| (id, json!(row.columns))).collect())
    }
}

#[tokio::test]
async fn a_lost_row_awaits_an_administrator_and_is_restored() -> Outcome<()> {
    let mut class = class().await?;
    let (cell, fields) = class.mark();
    let lost = class.lost;
    let by_teacher = offer(&class.teacher, "attendance_records", cell, lost, fields.clone());
    assert_eq!(class.teacher.push_one(by_teacher).await?, MutationOutcome::Applied);
    assert_eq!(class.school.count("attendance_records").await?, 0, "no row exists before it is accepted");
    let (id, waits) = class.waiting().await?.pop().ok_or("nothing was received")?;
    assert_eq!(id, id_of(&class.teacher, "attendance_records", cell));
    assert_eq!(waits["fields"], fields);
    assert_eq!(json!([waits["offered_by_name"], waits["person_name"], waits["base_stamp"]]), json!(["Full kamran", "Full aysel", null]));
    class.teacher.pull().await?;
    assert!(class.teacher.all("offered_rows").is_empty(), "only the administrators receive it");
    assert_eq!(waits["seconded"], 0, "only one laptop has offered it");
    // The same row from another laptop is one offer with one more supporter, however often it is sent.
    for _ in 0..2 {
        let by_colleague = offer(&class.colleague, "attendance_records", cell, lost, fields.clone());
        assert_eq!(class.colleague.push_one(by_colleague).await?, MutationOutcome::Applied);
    }
    assert_eq!(class.school.count("offered_rows").await?, 1);
    assert_eq!(class.school.column("offered_rows", id, "seconded").await?, 1);

    let accepted = decide(&class.admin, id, "accepted");
    let forged = class.teacher.refusal(accepted.clone()).await?;
    assert_eq!(forged.0, Code::NotAllowed);
    assert_eq!(class.admin.push_one(accepted).await?, MutationOutcome::Applied);
    let row = class.school.column("attendance_records", cell, "jsonb_build_array(status, note)").await?;
    assert_eq!(row, json!(["late", "the bus"]));
    let decided = class.school.column("offered_rows", id, "jsonb_build_array(state, decided_by, decided_at IS NOT NULL)").await?;
    assert_eq!(decided, json!(["accepted", class.admin.user, true]));
    // Two equal decisions made independently need no correction.
    class.colleague.pull().await?;
    let [agrees, disagrees] = ["accepted", "refused"].map(|state| decide(&class.colleague, id, state));
    assert_eq!(class.colleague.push_one(agrees).await?, MutationOutcome::Applied);
    assert_eq!(class.colleague.refusal(disagrees).await?, (Code::AlreadySet, Some("state".to_owned())));
    // The teacher's laptop receives it like any row.
    class.teacher.pull_until("the mark is here", |caller, _| caller.row("attendance_records", cell).is_some()).await?;
    Ok(())
}

#[tokio::test]
async fn only_differences_await_a_decision_and_later_changes_survive() -> Outcome<()> {
    let mut class = class().await?;
    let topic = class.course.topics[0];
    let title = class.school.column("topics", topic, "title").await?;
    let fields = json!({"title": title, "description": "as it was", "course_id": class.course.id});
    let offered = offer(&class.teacher, "topics", topic, class.lost, fields);
    assert_eq!(class.teacher.push_one(offered).await?, MutationOutcome::Applied);
    let (id, waits) = class.waiting().await?.pop().ok_or("nothing was received")?;
    assert_eq!(waits["fields"], json!({"description": "as it was"}));
    assert_eq!(waits["base_stamp"], class.school.column("topics", topic, "stamp::text").await?);
    // Its author sends it again and makes another change before the administrator decides without having seen it.
    let said = put("topics").id(topic).on(class.teacher.stamp("topics", topic)).set("description", "newer");
    assert_eq!(class.teacher.push_one(said).await?, MutationOutcome::Applied);
    let accepted = decide(&class.admin, id, "accepted");
    assert_eq!(class.admin.push_one(accepted).await?, MutationOutcome::Applied);
    assert_eq!(class.school.column("topics", topic, "description").await?, "newer", "the later change wins");
    assert_eq!(class.school.value("SELECT lost_values ->> 'description' FROM conflicts").await?, "as it was", "and the other one is kept");
    Ok(())
}

#[tokio::test]
async fn changes_since_the_restore_win_over_offers() -> Outcome<()> {
    let mut class = class().await?;
    let (cell, fields) = class.mark();
    let (group, learner, other_day) = (class.group, class.learner.user, "2026-03-03");
    let key = [group.to_string(), learner.to_string()];
    let other = derived_id("attendance_records", [Some(key[0].as_str()), Some(key[1].as_str()), Some(other_day)]);
    let other_fields = json!({"group_id": group, "student_id": learner, "lesson_date": other_day, "status": "late"});
    let offers = [
        offer(&class.teacher, "attendance_records", cell, class.lost, fields),
        offer(&class.teacher, "attendance_records", other, class.lost + 1, other_fields),
    ];
    // The teacher marks again after the restore, and the administrator too, before anything is offered.
    let mark = |by: Uuid, day: &str, status: &str| {
        let key = put("attendance_records").link("group_id", group).link("student_id", learner).set("lesson_date", day);
        key.set("status", status).link("marked_by", by).set("marked_at", now_us() / 1000)
    };
    let (by_teacher, by_admin) = (mark(class.teacher.user, DAY, "absent"), mark(class.admin.user, other_day, "excused"));
    assert_eq!(class.teacher.push_one(by_teacher).await?, MutationOutcome::Applied);
    assert_eq!(class.admin.push_one(by_admin).await?, MutationOutcome::Applied);
    assert_eq!(class.teacher.push(offers.into()).await?, [MutationOutcome::Applied, MutationOutcome::Applied]);
    let waiting = class.waiting().await?;
    assert_eq!(waiting.len(), 2);
    for (id, _) in waiting {
        let accepted = decide(&class.admin, id, "accepted");
        assert_eq!(class.admin.push_one(accepted).await?, MutationOutcome::Applied);
    }
    assert_eq!(class.school.column("attendance_records", cell, "status").await?, "absent");
    assert_eq!(class.school.column("attendance_records", other, "status").await?, "excused");
    let kept = class.school.value("SELECT count(*) FROM conflicts WHERE lost_values ->> 'status' = 'late'").await?;
    assert_eq!(kept, 2, "and it is visible");
    // A later offer of the same row is decided already: it has no effect.
    let again = offer(&class.learner, "attendance_records", other, class.lost, json!({"status": "late"}));
    assert_eq!(class.learner.push_one(again).await?, MutationOutcome::Applied);
    assert_eq!(class.waiting().await?, []);
    Ok(())
}

#[tokio::test]
async fn of_two_accepted_offers_the_later_state_wins() -> Outcome<()> {
    let mut class = class().await?;
    let topic = class.course.topics[0];
    let now = now_us() / 1000;
    let earlier = offer_at(&class.colleague, "topics", topic, class.lost, json!({"description": "earlier"}), now - 1);
    let later = offer_at(&class.teacher, "topics", topic, class.lost + 5, json!({"description": "later"}), now);
    assert_eq!(class.teacher.push_one(later).await?, MutationOutcome::Applied);
    assert_eq!(class.colleague.push_one(earlier).await?, MutationOutcome::Applied);
    class.waiting().await?;
    for id in [id_of(&class.teacher, "topics", topic), id_of(&class.colleague, "topics", topic)] {
        let accepted = decide(&class.admin, id, "accepted");
        assert_eq!(class.admin.push_one(accepted).await?, MutationOutcome::Applied);
    }
    assert_eq!(class.school.column("topics", topic, "description").await?, "later");
    Ok(())
}

#[tokio::test]
async fn the_latest_state_awaits_a_decision_and_an_unseen_one_is_not_decided() -> Outcome<()> {
    let mut class = class().await?;
    let topic = class.course.topics[0];
    let lost = class.lost;
    let said = |words: &str| json!({"description": words});
    for (stamp, words, waits) in [(lost + 1, "second", "second"), (lost, "first", "second"), (lost + 2, "third", "third")] {
        let offered = offer(&class.teacher, "topics", topic, stamp, said(words));
        assert_eq!(class.teacher.push_one(offered).await?, MutationOutcome::Applied);
        assert_eq!(class.waiting().await?.pop().ok_or("nothing was received")?.1["fields"], said(waits));
    }
    let id = id_of(&class.teacher, "topics", topic);
    // The state of another person's offer is listed beside it, however late its time is.
    let junk = offer(&class.colleague, "topics", topic, lost + 990, said("junk"));
    assert_eq!(class.colleague.push_one(junk).await?, MutationOutcome::Applied);
    assert_eq!(class.waiting().await?.len(), 2);
    // A person who has seen the third state decides about that one.
    let unseen = [decide(&class.admin, id, "accepted"), decide(&class.admin, id, "refused")];
    let fourth = offer(&class.teacher, "topics", topic, lost + 3, said("fourth"));
    assert_eq!(class.teacher.push_one(fourth).await?, MutationOutcome::Applied);
    for decision in unseen {
        assert_eq!(class.admin.refusal(decision).await?.0, Code::ChangedMeanwhile);
    }
    class.waiting().await?;
    let refused = decide(&class.admin, id, "refused");
    assert_eq!(class.admin.push_one(refused).await?, MutationOutcome::Applied);
    // A decision stands until a later state is offered.
    let fourth = offer(&class.teacher, "topics", topic, lost + 3, said("fourth"));
    assert_eq!(class.teacher.push_one(fourth).await?, MutationOutcome::Applied);
    assert_eq!(class.waiting().await?.len(), 1);
    let fifth = offer(&class.teacher, "topics", topic, lost + 4, said("fifth"));
    assert_eq!(class.teacher.push_one(fifth).await?, MutationOutcome::Applied);
    assert_eq!(class.waiting().await?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn rows_that_were_never_lost_or_never_sent_are_no_offers() -> Outcome<()> {
    let mut class = class().await?;
    let (lost, topic) = (class.lost, class.course.topics[0]);
    let title = class.school.column("topics", topic, "title").await?;
    let known = class.teacher.stamp("topics", topic);
    let mut nothing: Vec<Change> = [known, lost + 100_000, 0, -1, i64::MAX, i64::MIN]
        .map(|stamp| offer(&class.teacher, "topics", topic, stamp, json!({"title": "forged"})))
        .into();
    nothing.push(offer(&class.teacher, "topics", topic, lost, json!({"title": title})));
    // A missing person may have been erased, and the rows about them too.
    let (group, gone) = (class.group.to_string(), Uuid::now_v7().to_string());
    let cell = derived_id("attendance_records", [Some(group.as_str()), Some(gone.as_str()), Some(DAY)]);
    let fields = json!({"group_id": group, "student_id": gone, "lesson_date": DAY, "status": "late"});
    nothing.push(offer(&class.teacher, "attendance_records", cell, lost, fields));
    let other = School::create(class._server.database()).await?.course(None, "published", 1).await?;
    nothing.push(offer(&class.teacher, "topics", other.topics[0], lost, json!({"title": "theirs"})));
    // A learner receives neither the other members of the course nor the keys of tests.
    let test = Uuid::now_v7().to_string();
    let key = json!({"assessment_id": test, "course_id": class.course.id, "keys": {}});
    nothing.push(offer(&class.learner, "answer_keys", derived_id("answer_keys", [Some(test.as_str())]), lost, key));
    for change in nothing {
        let sent = format!("{change:?}");
        let by = if sent.contains(&class.learner.user.to_string()) {
            &mut class.learner
        } else if sent.contains(&class.admin.user.to_string()) {
            &mut class.admin
        } else {
            &mut class.teacher
        };
        assert_eq!(by.push_one(change).await?, MutationOutcome::Applied, "{sent}");
    }
    assert_eq!(class.school.count("offered_rows").await?, 0);
    Ok(())
}

#[tokio::test]
async fn an_offer_sets_no_server_columns_and_acts_for_no_other_person() -> Outcome<()> {
    let mut class = class().await?;
    let (cell, fields) = class.mark();
    let (lost, topic) = (class.lost, class.course.topics[0]);
    let by = &class.admin;
    let bare =
        |stamp: &str| put("offered_rows").link("offered_by", by.user).set("entity", "topics").link("row_id", cell).set("row_stamp", stamp);
    let refused = [
        (offer(by, "assessment_attempts", Uuid::now_v7(), lost, json!({"score_percent": 100})), Code::ServerColumn),
        (offer(by, "topics", topic, lost, json!({"nothing": 1})), Code::UnknownColumn),
        (offer(by, "topics", topic, lost, json!({"title": 7})), Code::BadValue),
        (offer(by, "topics", topic, lost, json!(["title"])), Code::BadValue),
        (offer(by, "attendance_records", Uuid::now_v7(), lost, fields), Code::IdMismatch),
        (offer(by, "conflicts", Uuid::now_v7(), lost, json!({})), Code::NotAllowed),
        (offer(by, "offered_rows", Uuid::now_v7(), lost, json!({})), Code::NotAllowed),
        (offer(by, "staff_cards", Uuid::now_v7(), lost, json!({})), Code::NotAllowed),
        // Rights follow from these rows, whoever offers them.
        (offer(by, "users", by.user, lost, json!({"role": "admin"})), Code::NotAllowed),
        (offer(by, "organizations", class.school.organization, lost, json!({"name": "x"})), Code::NotAllowed),
        (offer(by, "groups", class.group, lost, json!({"teacher_id": by.user})), Code::NotAllowed),
        (offer(by, "courses", class.course.id, lost, json!({"instructor_id": by.user})), Code::NotAllowed),
        (offer(by, "enrollments", Uuid::now_v7(), lost, json!({"status": "completed"})), Code::NotAllowed),
        (offer(by, "guardian_links", Uuid::now_v7(), lost, json!({"relation": "x"})), Code::NotAllowed),
        (offer(by, "group_memberships", Uuid::now_v7(), lost, json!({"is_active": true})), Code::NotAllowed),
        (offer(&class.teacher, "topics", topic, lost, json!({"title": "x"})), Code::NotAllowed),
        (offer(by, "no_such_table", Uuid::now_v7(), lost, json!({})), Code::UnknownEntity),
        (bare("1"), Code::MissingValue),
        (bare("soon").set("fields", json!({})), Code::BadValue),
        (offer(by, "topics", cell, lost, json!({"title": "x"})).set("offered_by_name", "x"), Code::ServerColumn),
        (put("offered_rows").id(cell).set("state", "accepted"), Code::NotFound),
    ];
    for (change, code) in refused {
        let sent = format!("{change:?}");
        assert_eq!(class.admin.refusal(change).await?.0, code, "{sent}");
    }
    // Time spent is added again by the person who spent it; only the learner writes and offers their progress.
    let (topic, learner) = (topic.to_string(), class.learner.user.to_string());
    let progress = derived_id("topic_progress", [Some(learner.as_str()), Some(topic.as_str())]);
    let said = json!({"user_id": learner, "topic_id": topic, "course_id": class.course.id, "percent": 50, "time_spent_seconds": 900});
    let offered = [
        offer(&class.teacher, "topic_progress", progress, lost, said.clone()),
        offer(&class.admin, "topic_progress", progress, lost, said.clone()),
    ];
    let [by_teacher, by_admin] = offered;
    assert_eq!(class.teacher.push_one(by_teacher).await?, MutationOutcome::Applied);
    assert_eq!(class.admin.push_one(by_admin).await?, MutationOutcome::Applied);
    assert_eq!(class.waiting().await?, []);
    let offered = offer(&class.learner, "topic_progress", progress, lost, said);
    assert_eq!(class.learner.push_one(offered).await?, MutationOutcome::Applied);
    let (id, waits) = class.waiting().await?.pop().ok_or("nothing was received")?;
    assert_eq!(waits["fields"]["time_spent_seconds"], Value::Null);
    let accepted = decide(&class.admin, id, "accepted");
    assert_eq!(class.admin.push_one(accepted).await?, MutationOutcome::Applied);
    assert_eq!(class.school.column("topic_progress", progress, "percent").await?, 50);
    // A refusal does not reveal whether anything is offered.
    for id in [id, Uuid::now_v7()] {
        assert_eq!(class.admin.refusal(delete("offered_rows", id)).await?.0, Code::NotAllowed);
        let decided = put("offered_rows").id(id).set("state", "accepted");
        assert_eq!(class.teacher.refusal(decided).await?.0, Code::NotAllowed);
    }
    Ok(())
}

#[tokio::test]
async fn without_the_right_no_offer_is_decided_and_none_is_held() -> Outcome<()> {
    let mut class = class().await?;
    let (cell, fields) = class.mark();
    let offered = offer(&class.teacher, "attendance_records", cell, class.lost, fields);
    assert_eq!(class.teacher.push_one(offered).await?, MutationOutcome::Applied);
    let (id, _) = class.waiting().await?.pop().ok_or("nothing was received")?;
    let decision = decide(&class.admin, id, "accepted");
    // A former administrator, and a teacher whose group was given to another teacher.
    class.school.run(format!("UPDATE users SET role = 'learner' WHERE id = '{}'", class.admin.user)).await?;
    class.school.run(format!("UPDATE groups SET teacher_id = '{}'", class.colleague.user)).await?;
    assert_eq!(class.admin.refusal(decision.clone()).await?.0, Code::NotAllowed);
    assert_eq!(class.teacher.refusal(decision.set("fields", json!({"status": "present"}))).await?.0, Code::NotAllowed);
    assert_eq!(class.school.count("held_changes").await?, 0);
    // They may still offer what they had received.
    let note = json!({"group_id": class.group, "student_id": class.learner.user, "lesson_date": DAY, "status": "absent"});
    let later = offer(&class.teacher, "attendance_records", cell, class.lost + 1, note);
    assert_eq!(class.teacher.push_one(later).await?, MutationOutcome::Applied);
    assert_eq!(class.school.column("offered_rows", id, "fields ->> 'status'").await?, "absent");
    Ok(())
}

#[tokio::test]
async fn a_lost_row_waits_until_its_lost_parent_is_restored() -> Outcome<()> {
    let mut class = class().await?;
    let (module, topic) = (Uuid::now_v7(), Uuid::now_v7());
    let lost = class.lost;
    let child = json!({"module_id": module, "course_id": class.course.id, "title": "Lost topic", "position": 0});
    let parent = json!({"course_id": class.course.id, "title": "Lost module", "position": 1});
    let both = [offer(&class.teacher, "topics", topic, lost + 1, child), offer(&class.teacher, "modules", module, lost, parent)];
    assert_eq!(class.teacher.push(both.into()).await?, [MutationOutcome::Applied, MutationOutcome::Applied]);
    assert_eq!(class.waiting().await?.len(), 2);
    let [child, parent] = [("topics", topic), ("modules", module)].map(|(table, row)| id_of(&class.teacher, table, row));
    let too_early = decide(&class.admin, child, "accepted");
    let refused = class.admin.refusal(too_early).await?;
    assert_eq!(class.waiting().await?.len(), 2, "{refused:?}, and it keeps waiting");
    let all = [parent, child].map(|id| decide(&class.admin, id, "accepted"));
    assert_eq!(class.admin.push(all.into()).await?, [MutationOutcome::Applied, MutationOutcome::Applied]);
    assert_eq!(class.school.column("topics", topic, "title").await?, "Lost topic");
    Ok(())
}

#[tokio::test]
async fn offers_are_limited_and_are_erased_with_their_person() -> Outcome<()> {
    let mut class = class().await?;
    let lost = class.lost;
    class
        .school
        .run(format!(
            "INSERT INTO offered_rows (organization_id, entity, row_id, row_stamp, fields, offered_by, person_id, created_at, updated_at, stamp) \
             SELECT '{}', 'topics', gen_random_uuid(), '{lost}', '{{}}', '{}', '{}', now(), now(), 0 FROM generate_series(1, {})",
            class.school.organization, class.learner.user, class.colleague.user, OFFERED_ROWS_MAX
        ))
        .await?;
    let topic = class.course.topics[0];
    // A full list refuses every offer, so the refusal does not reveal which rows exist.
    for title in [class.school.column("topics", topic, "title").await?, json!("one more")] {
        let one_more = offer(&class.learner, "topics", topic, lost, json!({"title": title}));
        assert_eq!(class.learner.refusal(one_more).await?.0, Code::TooManyHeld);
    }
    let by_another = offer(&class.teacher, "topics", topic, lost, json!({"title": "one more"}));
    assert_eq!(class.teacher.push_one(by_another).await?, MutationOutcome::Applied, "somebody else may");
    class.school.run(format!("DELETE FROM users WHERE id = '{}'", class.colleague.user)).await?;
    assert_eq!(class.school.count("offered_rows").await?, 1);
    let old = format!("UPDATE offered_rows SET state = 'refused', decided_at = now() - interval '{} days'", OFFERED_DAYS_MAX + 2);
    class.school.run(old).await?;
    remove_old_tombstones(&class._server.server().app().pool, chrono::Utc::now().date_naive()).await?;
    assert_eq!(class.school.count("offered_rows").await?, 0, "old decisions are dropped");
    Ok(())
}

/// Offers by a learner of others' rows, and of columns of their own rows that they may not set.
fn forged(class: &Class) -> Vec<Change> {
    let (by, lost, topic) = (&class.learner, class.lost, class.course.topics[0]);
    let (cell, mark) = class.mark();
    let (other, test) = (class.teacher.user.to_string(), Uuid::now_v7().to_string());
    let progress = derived_id("topic_progress", [Some(other.as_str()), Some(topic.to_string().as_str())]);
    let of_other = json!({"user_id": other, "topic_id": topic, "course_id": class.course.id, "completed": true});
    let profile = derived_id("student_profiles", [Some(by.user.to_string().as_str())]);
    let attempt = json!({"assessment_id": test, "user_id": other, "course_id": class.course.id, "attempt_number": 1, "started_at": 0});
    [
        ("attendance_records", cell, mark),
        ("topics", topic, json!({"title": "forged"})),
        ("modules", class.course.module, json!({"title": "forged"})),
        ("topic_progress", progress, of_other),
        ("student_profiles", profile, json!({"user_id": by.user, "balance_minor": 1_000_000, "currency": "EUR"})),
        ("assessment_attempts", Uuid::now_v7(), attempt),
        ("assessments", Uuid::now_v7(), json!({"course_id": class.course.id, "title": "forged", "graded_by": "laptop"})),
        ("stations", Uuid::now_v7(), json!({"name": "forged"})),
    ]
    .into_iter()
    .zip(0..)
    .map(|((entity, row, fields), more)| offer(by, entity, row, lost + more, fields))
    .collect()
}

#[tokio::test]
async fn a_learner_offers_only_what_they_may_write() -> Outcome<()> {
    let mut class = class().await?;
    for change in forged(&class) {
        let sent = format!("{change:?}");
        assert_eq!(class.learner.push_one(change).await?, MutationOutcome::Applied, "{sent}");
        assert_eq!(class.school.count("offered_rows").await?, 0, "{sent}");
    }
    // Of their own attempt they offer the answers and not the instructor's feedback.
    let test = class.school.test(&class.course, "quiz", "server", &["single"]).await?;
    let attempt = Uuid::now_v7();
    let said = json!({"assessment_id": test.id, "user_id": class.learner.user, "course_id": class.course.id, "attempt_number": 1,
        "started_at": 0, "answers": {"q": "a"}, "feedback": "Very well done.", "given_points": {"q": 100}});
    let offered = offer(&class.learner, "assessment_attempts", attempt, class.lost, said);
    assert_eq!(class.learner.push_one(offered).await?, MutationOutcome::Applied);
    let (_, waits) = class.waiting().await?.pop().ok_or("nothing was received")?;
    assert_eq!(
        json!([waits["fields"]["answers"], waits["fields"]["feedback"], waits["fields"]["given_points"]]),
        json!([{"q": "a"}, null, null])
    );
    Ok(())
}

#[tokio::test]
async fn a_person_offers_one_row_per_stamp_and_blocks_no_other_offer() -> Outcome<()> {
    let mut class = class().await?;
    let (lost, topics) = (class.lost, class.course.topics.clone());
    let said = || json!({"description": "as it was"});
    let both = [offer(&class.teacher, "topics", topics[0], lost, said()), offer(&class.teacher, "topics", topics[1], lost, said())];
    assert_eq!(class.teacher.push(both.into()).await?, [MutationOutcome::Applied, MutationOutcome::Applied]);
    let again = offer(&class.teacher, "modules", class.course.module, lost, said());
    assert_eq!(class.teacher.push_one(again).await?, MutationOutcome::Applied);
    let (id, _) = class.waiting().await?.pop().ok_or("nothing was received")?;
    assert_eq!(id, id_of(&class.teacher, "topics", topics[0]), "the first one stays");
    assert_eq!(class.school.count("offered_rows").await?, 1);
    let true_one = offer(&class.colleague, "topics", topics[1], lost, said());
    assert_eq!(class.colleague.push_one(true_one).await?, MutationOutcome::Applied);
    assert_eq!(class.school.count("offered_rows").await?, 2);
    Ok(())
}

#[tokio::test]
async fn equal_offers_of_others_require_no_second_look() -> Outcome<()> {
    let mut class = class().await?;
    let topic = class.course.topics[0];
    let by_teacher = offer(&class.teacher, "topics", topic, class.lost, json!({"description": "as it was"}));
    assert_eq!(class.teacher.push_one(by_teacher.clone()).await?, MutationOutcome::Applied);
    let (id, _) = class.waiting().await?.pop().ok_or("nothing was received")?;
    let decision = decide(&class.admin, id, "accepted");
    let same = offer(&class.colleague, "topics", topic, class.lost, json!({"description": "as it was"}));
    assert_eq!(class.colleague.push_one(same).await?, MutationOutcome::Applied);
    assert_eq!(class.school.column("offered_rows", id, "seconded").await?, 1);
    assert_eq!(class.admin.push_one(decision).await?, MutationOutcome::Applied);
    // A later state is another one, which no other person supports.
    let later = offer(&class.teacher, "topics", topic, class.lost + 1, json!({"description": "later"}));
    assert_eq!(class.teacher.push_one(later).await?, MutationOutcome::Applied);
    assert_eq!(class.school.column("offered_rows", id, "jsonb_build_array(state, seconded)").await?, json!(["waiting", 0]));
    let same = offer(&class.colleague, "topics", topic, class.lost + 1, json!({"description": "later"}));
    assert_eq!(class.colleague.push_one(same).await?, MutationOutcome::Applied);
    assert_eq!(class.school.column("offered_rows", id, "seconded").await?, 1, "once for each state");
    Ok(())
}
