//! A person loses a right while their changes wait offline: the changes are held until the person with the right decides.

use serde_json::{Value, json};
use sync_server::authority::Authority;
use uuid::Uuid;
use waystation_model::Code;
use waystation_model::ids::derived_id;
use waystation_model::limits::{FORMER_RIGHTS_DAYS_MAX, HELD_CHANGES_MAX, PUSH_MUTATIONS_MAX};
use waystation_model::wire::Outcome as MutationOutcome;
use waystation_tests::Outcome;
use waystation_tests::caller::{Caller, Change, delete, now_us, put};
use waystation_tests::school::{Course, School, open};
use waystation_tests::server::LocalServer;

const MINUTE_US: i64 = 60_000_000;
const WEEK: [&str; 5] = ["2026-03-02", "2026-03-03", "2026-03-04", "2026-03-05", "2026-03-06"];

/// A substitute has a group of two, a colleague will get it, and an administrator watches. All have pulled.
struct Class {
    server: LocalServer,
    school: School,
    course: Course,
    group: Uuid,
    learners: [Uuid; 2],
    substitute: Caller,
    colleague: Caller,
    admin: Caller,
}

async fn class() -> Outcome<Class> {
    let (server, mut school) = open().await?;
    let substitute = school.person("teacher", "kamran").await?;
    school.person("teacher", "sabina").await?;
    school.person("admin", "vusal").await?;
    let learners = [school.person("learner", "aysel").await?, school.person("learner", "murad").await?];
    let group = school.group(substitute, &learners).await?;
    let course = school.course(Some(substitute), "published", 1).await?;
    school.enrol(learners[0], &course).await?;
    let mut callers = Vec::new();
    for name in ["kamran", "sabina", "vusal"] {
        let mut caller = Caller::sign_in(&server.url(), name).await?;
        caller.pull().await?;
        callers.push(caller);
    }
    let [substitute, colleague, admin] = <[Caller; 3]>::try_from(callers).map_err(|_| "three callers")?;
    Ok(Class { server, school, course, group, learners, substitute, colleague, admin })
}

impl Class {
    fn mark(&self, by: Uuid, learner: Uuid, day: &str, status: &str) -> Change {
        put("attendance_records")
            .link("group_id", self.group)
            .link("student_id", learner)
            .set("lesson_date", day)
            .set("status", status)
            .link("marked_by", by)
            .set("marked_at", now_us() / 1000)
    }

    fn cell(&self, learner: Uuid, day: &str) -> Uuid {
        derived_id("attendance_records", [Some(self.group.to_string().as_str()), Some(learner.to_string().as_str()), Some(day)])
    }

    /// The substitute's week, one mark a day for the first learner.
    fn week(&self) -> Vec<Change> {
        WEEK.iter().map(|day| self.mark(self.substitute.user, self.learners[0], day, "late")).collect()
    }

    async fn hand_over(&mut self) -> Outcome<()> {
        self.school.run(format!("UPDATE groups SET teacher_id = '{}' WHERE id = '{}'", self.colleague.user, self.group)).await
    }

    /// The group is handed over, and the substitute's laptop has pulled that.
    async fn hand_over_and_pull(&mut self) -> Outcome<()> {
        self.hand_over().await?;
        let group = self.group;
        self.substitute.pull_until("the group is gone", |caller, _| caller.row("groups", group).is_none()).await?;
        // Asking again shows that it has the page.
        self.substitute.pull().await.map(drop)
    }

    async fn status(&mut self, day: &str) -> Outcome<Value> {
        let cell = self.cell(self.learners[0], day);
        self.school.column("attendance_records", cell, "status").await
    }
}

/// The held changes that a caller has received: by number, with id and state.
fn held(caller: &Caller) -> Vec<(i64, Uuid, String)> {
    let mut held: Vec<(i64, Uuid, String)> = caller
        .all("held_changes")
        .iter()
        .map(|(id, row)| (row.columns["n"].as_i64().expect("a number"), *id, row.columns["state"].as_str().expect("a word").to_owned()))
        .collect();
    held.sort();
    held
}

fn decide(id: Uuid, state: &str) -> Change {
    put("held_changes").id(id).set("state", state)
}

#[tokio::test]
async fn a_week_of_marks_is_held_for_the_new_teacher() -> Outcome<()> {
    let mut class = class().await?;
    class.hand_over().await?;
    assert_eq!(class.substitute.push(class.week()).await?, vec![MutationOutcome::Held; 5]);
    assert_eq!(class.school.count("attendance_records").await?, 0, "no row exists before it is accepted");

    // The author sees the pending changes and no longer receives the group.
    let group = class.group;
    class.substitute.pull_until("the group is gone", |caller, _| caller.row("groups", group).is_none()).await?;
    assert_eq!(held(&class.substitute).len(), 5);
    let row = class.substitute.all("held_changes").into_values().next().ok_or("nothing was received")?.columns.clone();
    assert_eq!(
        ["author_name", "person_name", "state", "entity"].map(|name| row[name].clone()),
        [json!("Full kamran"), json!("Full aysel"), json!("waiting"), json!("attendance_records")]
    );

    // The server restarts in between, and loses nothing.
    class.server = class.server.restart().await?;

    // The new teacher accepts two, refuses two, and leaves one.
    class.colleague.pull_until("the group is there", |caller, _| caller.row("groups", group).is_some()).await?;
    let waiting = held(&class.colleague);
    assert_eq!(waiting.len(), 5);
    let decisions = vec![
        decide(waiting[0].1, "accepted"),
        decide(waiting[1].1, "accepted"),
        decide(waiting[2].1, "refused"),
        decide(waiting[3].1, "refused"),
    ];
    assert_eq!(class.colleague.push(decisions).await?, vec![MutationOutcome::Applied; 4]);
    let mut statuses = Vec::new();
    for day in WEEK {
        statuses.push(class.status(day).await?);
    }
    assert_eq!(statuses, [json!("late"), json!("late"), Value::Null, Value::Null, Value::Null]);
    // The mark names its author, and not the person who accepted it.
    let cell = class.cell(class.learners[0], WEEK[0]);
    let by = class.school.column("attendance_records", cell, "jsonb_build_array(marked_by, edits -> 'mark' -> 'user')").await?;
    assert_eq!(by, json!([class.substitute.user, class.substitute.user]));

    // The author receives both decisions, and still none of the rows.
    class.substitute.pull().await?;
    let states: Vec<String> = held(&class.substitute).into_iter().map(|(.., state)| state).collect();
    assert_eq!(states, ["accepted", "accepted", "refused", "refused", "waiting"]);
    let first = class.substitute.all("held_changes")[&waiting[0].1].columns.clone();
    assert_eq!(first["decided_by"], json!(class.colleague.user));
    assert_eq!(class.substitute.all("attendance_records").len(), 0);
    // An administrator subscribes to the group, and decides about the rest.
    class.admin.pull().await?;
    assert_eq!(class.admin.push_one(decide(waiting[4].1, "accepted")).await?, MutationOutcome::Applied);
    assert_eq!(class.status(WEEK[4]).await?, "late");
    Ok(())
}

#[tokio::test]
async fn a_change_whose_author_never_had_the_right_is_refused() -> Outcome<()> {
    let mut class = class().await?;
    class.hand_over().await?;
    class.school.person("teacher", "stranger").await?;
    let mut stranger = Caller::sign_in(&class.server.url(), "stranger").await?;
    stranger.pull().await?;
    let mark = class.mark(stranger.user, class.learners[0], WEEK[0], "late");
    assert_eq!(stranger.refusal(mark).await?.0, Code::NotAllowed);
    // A right that the author never had beside the lost one is not held either.
    let balance = put("student_profiles").link("user_id", class.learners[0]).set("balance_minor", 5).set("currency", "EUR");
    assert_eq!(class.substitute.refusal(balance).await?.0, Code::NotAllowed);
    assert_eq!(class.school.count("held_changes").await?, 0);
    Ok(())
}

#[tokio::test]
async fn each_laptop_of_a_person_learns_of_a_lost_right_separately() -> Outcome<()> {
    let mut class = class().await?;
    let mut second = Caller::sign_in(&class.server.url(), "kamran").await?;
    second.pull().await?;
    class.hand_over_and_pull().await?;
    let before = now_us() - 10 * MINUTE_US;
    let mark = |day: &str| class.mark(second.user, class.learners[1], day, "absent");
    let (known, unknown, pending) = (mark(WEEK[0]), mark(WEEK[1]), mark(WEEK[2]).at(before));
    assert_eq!(class.substitute.refusal(known).await?.0, Code::NotAllowed, "this laptop had received the loss");
    assert_eq!(class.substitute.push_one(pending).await?, MutationOutcome::Held, "a change made before it received the loss");
    assert_eq!(second.push_one(unknown).await?, MutationOutcome::Held, "the other laptop has not received the loss");
    Ok(())
}

#[tokio::test]
async fn a_lost_right_counts_as_known_only_after_its_page_has_arrived() -> Outcome<()> {
    let mut class = class().await?;
    class.hand_over().await?;
    // The page is read and lost on its way: the laptop still has the earlier state.
    let mut before = class.substitute.clone();
    let group = class.group;
    before.pull_until("the group is gone", |caller, _| caller.row("groups", group).is_none()).await?;
    let mark = |day: &str| class.mark(class.substitute.user, class.learners[0], day, "late");
    let (first, second) = (mark(WEEK[0]), mark(WEEK[1]));
    assert_eq!(class.substitute.push_one(first).await?, MutationOutcome::Held);
    class.substitute.pull().await?;
    class.substitute.pull().await?;
    assert_eq!(class.substitute.refusal(second).await?.0, Code::NotAllowed, "now it knows");
    Ok(())
}

#[tokio::test]
async fn rights_read_earlier_do_not_replace_rights_read_later() -> Outcome<()> {
    let mut class = class().await?;
    class.hand_over_and_pull().await?;
    let tenant = class.server.server().app().tenant(class.school.organization);
    let user = class.substitute.user;
    let lost = format!("SELECT count(*) FROM former_rights WHERE user_id = '{user}'");
    let before = class.school.value(lost.clone()).await?;
    assert_ne!(before, 0);
    let scopes = vec![format!("group:{}", class.group), format!("roster:{}", class.group)];
    tenant.store_rights(user, &scopes, 0).await?;
    assert_eq!(class.school.value(lost).await?, before, "an old read of an instance changes nothing");
    Ok(())
}

#[tokio::test]
async fn held_changes_without_other_deciders_await_the_administrators() -> Outcome<()> {
    let mut class = class().await?;
    // The group is closed, and the week waits.
    class.school.run("UPDATE groups SET deleted_at = now()").await?;
    assert_eq!(class.substitute.push(class.week()).await?, vec![MutationOutcome::Held; 5]);
    class.admin.pull_until("the week is received", |caller, _| held(caller).len() == 5).await?;
    let (_, id, _) = held(&class.admin).remove(0);
    assert_eq!(class.admin.refusal(decide(id, "accepted")).await?.0, Code::NotAllowed, "a closed group accepts no marks");
    class.school.run("UPDATE groups SET deleted_at = NULL").await?;
    class.admin.pull_until("it is open again", |caller, _| caller.row("groups", class.group).is_some()).await?;
    assert_eq!(class.admin.push_one(decide(id, "accepted")).await?, MutationOutcome::Applied);
    assert_eq!(class.status(WEEK[0]).await?, "late");
    // A course by a person who may no longer create one: it has no staff yet who could decide.
    class.school.run(format!("UPDATE users SET role = 'learner' WHERE id = '{}'", class.substitute.user)).await?;
    let course = Uuid::now_v7();
    let made = put("courses").id(course).set("title", "Held").link("instructor_id", class.substitute.user);
    assert_eq!(class.substitute.push_one(made).await?, MutationOutcome::Held);
    class.admin.pull_until("the course is received", |caller, _| held(caller).len() == 6).await?;
    Ok(())
}

#[tokio::test]
async fn a_change_based_on_a_held_one_is_held_after_the_ledger_dropped_it() -> Outcome<()> {
    let mut class = class().await?;
    class.hand_over().await?;
    let (user, learner) = (class.substitute.user, class.learners[0]);
    let cell = class.cell(learner, WEEK[0]);
    assert_eq!(class.substitute.push_one(class.mark(user, learner, WEEK[0], "late")).await?, MutationOutcome::Held);
    // With the next push the device has seen the outcome, and the one after that finds it dropped.
    for _ in 0..2 {
        class.substitute.push(vec![]).await?;
    }
    class.school.run("DELETE FROM device_pushes").await?;
    let note = put("attendance_records").id(cell).set("note", "a note").on_own(1);
    assert_eq!(class.substitute.push_one(note).await?, MutationOutcome::Held);
    Ok(())
}

#[tokio::test]
async fn undoing_a_held_change_is_held_with_it() -> Outcome<()> {
    let mut class = class().await?;
    class.school.run(format!("UPDATE courses SET instructor_id = '{}'", class.colleague.user)).await?;
    let topic = Uuid::now_v7();
    let made = put("topics")
        .id(topic)
        .link("course_id", class.course.id)
        .link("module_id", class.course.module)
        .set("title", "Held")
        .set("position", 9);
    assert_eq!(class.substitute.push_one(made).await?, MutationOutcome::Held);
    let number = class.substitute.next_n - 1;
    assert_eq!(class.substitute.push_one(delete("topics", topic).on_own(number)).await?, MutationOutcome::Held);
    class.colleague.pull_until("both are received", |caller, _| held(caller).len() == 2).await?;
    let waiting = held(&class.colleague);
    assert_eq!(class.colleague.refusal(decide(waiting[1].1, "accepted")).await?.0, Code::Blocked, "there is nothing to undo yet");
    assert_eq!(class.colleague.push_one(decide(waiting[0].1, "accepted")).await?, MutationOutcome::Applied);
    assert_eq!(class.colleague.push_one(decide(waiting[1].1, "accepted")).await?, MutationOutcome::Applied);
    assert_eq!(class.school.value(format!("SELECT count(*) FROM topics WHERE id = '{topic}'")).await?, 0);
    Ok(())
}

#[tokio::test]
async fn points_that_only_others_may_give_are_not_held() -> Outcome<()> {
    let mut class = class().await?;
    let mut aysel = Caller::sign_in(&class.server.url(), "aysel").await?;
    aysel.pull().await?;
    let test = class.school.test(&class.course, "quiz", "server", &["numeric"]).await?;
    class.school.run("UPDATE enrollments SET status = 'dropped'").await?;
    let attempt = put("assessment_attempts")
        .id(Uuid::now_v7())
        .link("assessment_id", test.id)
        .link("user_id", aysel.user)
        .link("course_id", class.course.id)
        .set("attempt_number", 1)
        .set("started_at", now_us() / 1000)
        .set("given_points", json!({"q": 100}));
    assert_eq!(aysel.refusal(attempt).await?.0, Code::NotAllowed);
    assert_eq!(class.school.count("held_changes").await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_right_lost_too_long_ago_does_not_count() -> Outcome<()> {
    let mut class = class().await?;
    let mut second = Caller::sign_in(&class.server.url(), "kamran").await?;
    second.pull().await?;
    class.hand_over_and_pull().await?;
    class.school.run(format!("UPDATE former_rights SET lost_at = now() - interval '{} days'", FORMER_RIGHTS_DAYS_MAX + 1)).await?;
    let mark = class.mark(second.user, class.learners[0], WEEK[0], "late");
    assert_eq!(second.refusal(mark).await?.0, Code::NotAllowed);
    Ok(())
}

#[tokio::test]
async fn a_lost_role_counts_as_well() -> Outcome<()> {
    let mut class = class().await?;
    let user = class.admin.user;
    class.school.run(format!("UPDATE users SET role = 'teacher' WHERE id = '{user}'")).await?;
    let station = put("stations").id(Uuid::now_v7()).set("name", "Sangachal").set("code", "S9");
    let held_station = class.admin.push_one(station).await?;
    let phone = put("users").id(class.learners[0]).on(class.admin.stamp("users", class.learners[0])).set("phone", "1");
    assert_eq!((held_station, class.admin.push_one(phone).await?), (MutationOutcome::Held, MutationOutcome::Held));
    // A change outside of groups and courses waits for the administrators.
    class.school.person("admin", "second").await?;
    let mut second = Caller::sign_in(&class.server.url(), "second").await?;
    second.pull().await?;
    let waiting = held(&second);
    assert_eq!(waiting.len(), 2);
    class.colleague.pull().await?;
    assert_eq!(held(&class.colleague).len(), 0, "a teacher may not decide about stations");
    assert_eq!(class.colleague.refusal(decide(waiting[0].1, "accepted")).await?.0, Code::NotAllowed);
    for (_, id, _) in waiting {
        assert_eq!(second.push_one(decide(id, "accepted")).await?, MutationOutcome::Applied);
    }
    assert_eq!(class.school.column("users", class.learners[0], "phone").await?, "1");
    assert_eq!(class.school.count("stations").await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_decision_is_made_once_by_another_person_with_the_right() -> Outcome<()> {
    let mut class = class().await?;
    class.hand_over().await?;
    class.substitute.push(class.week()[..2].to_vec()).await?;
    class.colleague.pull_until("they are received", |caller, _| held(caller).len() == 2).await?;
    let waiting = held(&class.colleague);
    let (one, other) = (waiting[0].1, waiting[1].1);
    class.school.person("teacher", "stranger").await?;
    let mut stranger = Caller::sign_in(&class.server.url(), "stranger").await?;
    assert_eq!(class.substitute.refusal(decide(one, "accepted")).await?.0, Code::NotAllowed, "the author");
    assert_eq!(stranger.refusal(decide(one, "accepted")).await?.0, Code::NotAllowed, "a stranger");
    assert_eq!(stranger.refusal(decide(Uuid::now_v7(), "accepted")).await?.0, Code::NotFound);
    assert_eq!(class.colleague.push_one(decide(one, "refused")).await?, MutationOutcome::Applied);
    assert_eq!(class.admin.refusal(decide(one, "accepted")).await?, (Code::AlreadySet, Some("state".to_owned())));
    assert_eq!(class.admin.push_one(decide(one, "refused")).await?, MutationOutcome::Applied, "an equal decision needs no correction");
    assert_eq!(class.admin.refusal(decide(one, "waiting")).await?.0, Code::AlreadySet);
    assert_eq!(class.status(WEEK[0]).await?, Value::Null);
    // A person who regains the right decides about others' changes, and still not about their own.
    class.school.run(format!("UPDATE groups SET teacher_id = '{}'", class.substitute.user)).await?;
    assert_eq!(class.substitute.refusal(decide(other, "accepted")).await?.0, Code::NotAllowed);
    // Bad input.
    assert_eq!(class.admin.refusal(decide(other, "perhaps")).await?, (Code::BadValue, Some("state".to_owned())));
    let forged = decide(other, "accepted").set("decided_by", class.colleague.user.to_string());
    assert_eq!(class.admin.refusal(forged).await?, (Code::ServerColumn, Some("decided_by".to_owned())));
    assert_eq!(class.admin.refusal(delete("held_changes", other)).await?.0, Code::NotAllowed);
    Ok(())
}

#[tokio::test]
async fn an_accepted_mark_merges_as_if_it_had_arrived_in_time() -> Outcome<()> {
    let mut class = class().await?;
    let early = now_us() - 10 * MINUTE_US;
    class.hand_over().await?;
    let mark = class.mark(class.substitute.user, class.learners[0], WEEK[0], "late").at(early);
    assert_eq!(class.substitute.push_one(mark).await?, MutationOutcome::Held);
    let later = class.mark(class.colleague.user, class.learners[0], WEEK[0], "absent");
    assert_eq!(class.colleague.push_one(later).await?, MutationOutcome::Applied);
    class.colleague.pull_until("it is received", |caller, _| !held(caller).is_empty()).await?;
    let (_, id, _) = held(&class.colleague).remove(0);
    assert_eq!(class.colleague.push_one(decide(id, "accepted")).await?, MutationOutcome::Applied);
    assert_eq!(class.status(WEEK[0]).await?, "absent", "the later mark wins");
    let kept = class.school.value("SELECT jsonb_build_array(lost_values -> 'status', lost_by) FROM conflicts").await?;
    assert_eq!(kept, json!(["late", class.substitute.user]));
    Ok(())
}

#[tokio::test]
async fn the_later_of_two_held_changes_wins_in_any_order_of_decisions() -> Outcome<()> {
    let mut class = class().await?;
    class.hand_over().await?;
    let (user, learner) = (class.substitute.user, class.learners[0]);
    let first = class.mark(user, learner, WEEK[0], "late");
    let cell = class.cell(learner, WEEK[0]);
    let changed = class.mark(user, learner, WEEK[0], "excused").on_own(1);
    // It does not set the key: only the first change, which creates the row, has it.
    let note = put("attendance_records").id(cell).set("note", "a note").on_own(2);
    assert_eq!(class.substitute.push(vec![first, changed]).await?, [MutationOutcome::Held, MutationOutcome::Held]);
    assert_eq!(class.substitute.push_one(note).await?, MutationOutcome::Held);
    class.colleague.pull_until("they are received", |caller, _| held(caller).len() == 3).await?;
    let waiting = held(&class.colleague);
    assert_eq!(class.colleague.refusal(decide(waiting[2].1, "accepted")).await?.0, Code::Blocked);
    assert_eq!(class.colleague.push_one(decide(waiting[1].1, "accepted")).await?, MutationOutcome::Applied);
    assert_eq!(class.colleague.push_one(decide(waiting[0].1, "accepted")).await?, MutationOutcome::Applied);
    assert_eq!(class.colleague.push_one(decide(waiting[2].1, "accepted")).await?, MutationOutcome::Applied);
    let row = class.school.column("attendance_records", cell, "jsonb_build_array(status, note)").await?;
    assert_eq!(row, json!(["excused", "a note"]));
    assert_eq!(class.school.count("conflicts").await?, 0, "a person's own changes do not conflict");
    Ok(())
}

#[tokio::test]
async fn a_held_deletion_wins_over_no_edit() -> Outcome<()> {
    let mut class = class().await?;
    let topic = class.course.topics[0];
    let stamp = class.substitute.stamp("topics", topic);
    class.school.run(format!("UPDATE courses SET instructor_id = '{}'", class.colleague.user)).await?;
    assert_eq!(class.substitute.push_one(delete("topics", topic).on(stamp)).await?, MutationOutcome::Held);
    class.school.run("UPDATE topics SET title = 'new'").await?;
    class.colleague.pull_until("it is received", |caller, _| !held(caller).is_empty()).await?;
    let (_, id, _) = held(&class.colleague).remove(0);
    assert_eq!(class.colleague.refusal(decide(id, "accepted")).await?.0, Code::ChangedMeanwhile);
    assert_eq!(class.school.column("held_changes", id, "state").await?, "waiting");
    assert_eq!(class.colleague.push_one(decide(id, "refused")).await?, MutationOutcome::Applied);
    assert_eq!(class.school.count("topics").await?, 1);
    Ok(())
}

#[tokio::test]
async fn progress_in_a_course_that_the_learner_left_is_accepted_by_its_instructor() -> Outcome<()> {
    let mut class = class().await?;
    let mut aysel = Caller::sign_in(&class.server.url(), "aysel").await?;
    aysel.pull().await?;
    class.school.run("UPDATE enrollments SET status = 'dropped'").await?;
    let progress = put("topic_progress")
        .link("user_id", aysel.user)
        .link("topic_id", class.course.topics[0])
        .link("course_id", class.course.id)
        .set("percent", 80)
        .set("time_spent_seconds", 30);
    assert_eq!(aysel.push_one(progress).await?, MutationOutcome::Held);
    class.substitute.pull().await?;
    let (_, id, _) = held(&class.substitute).remove(0);
    assert_eq!(class.substitute.push_one(decide(id, "accepted")).await?, MutationOutcome::Applied);
    let row = class.school.value("SELECT jsonb_build_array(user_id, percent, time_spent_seconds) FROM topic_progress").await?;
    assert_eq!(row, json!([aysel.user, 80, 30]));
    Ok(())
}

#[tokio::test]
async fn changes_are_held_up_to_the_limit_and_refused_beyond_it() -> Outcome<()> {
    let mut class = class().await?;
    class.hand_over().await?;
    let note = |number: usize| {
        let day = format!("{:04}-01-{:02}", 2000 + number / 28, 1 + number % 28);
        class.mark(class.substitute.user, class.learners[number % 2], &day, "late")
    };
    let flood: Vec<Change> = (0..HELD_CHANGES_MAX + 3).map(note).collect();
    let mut outcomes = Vec::new();
    for part in flood.chunks(PUSH_MUTATIONS_MAX) {
        outcomes.extend(class.substitute.push(part.to_vec()).await?);
    }
    let (taken, past) = outcomes.split_at(HELD_CHANGES_MAX);
    assert!(taken.iter().all(|outcome| *outcome == MutationOutcome::Held));
    assert_eq!(past.len(), 3);
    assert!(past.iter().all(|outcome| matches!(outcome, MutationOutcome::Rejected { code: Code::TooManyHeld, .. })), "{past:?}");
    // A decision makes room.
    class.colleague.pull_until("it is received", |caller, _| !held(caller).is_empty()).await?;
    let (_, id, _) = held(&class.colleague).remove(0);
    class.colleague.push_one(decide(id, "refused")).await?;
    let again = class.mark(class.substitute.user, class.learners[0], WEEK[0], "late");
    assert_eq!(class.substitute.push_one(again).await?, MutationOutcome::Held);
    Ok(())
}

#[tokio::test]
async fn a_regained_right_counts() -> Outcome<()> {
    let mut class = class().await?;
    class.hand_over_and_pull().await?;
    class.school.run(format!("UPDATE groups SET teacher_id = '{}'", class.substitute.user)).await?;
    assert_eq!(class.substitute.push(class.week()).await?, vec![MutationOutcome::Applied; 5]);
    let group = class.group;
    class.substitute.pull_until("the group is back", |caller, _| caller.row("groups", group).is_some()).await?;
    let lost = class.school.value(format!("SELECT count(*) FROM former_rights WHERE user_id = '{}'", class.substitute.user)).await?;
    assert_eq!(lost, 0);
    Ok(())
}

#[tokio::test]
async fn a_repeated_push_holds_each_change_once() -> Outcome<()> {
    let mut class = class().await?;
    class.hand_over().await?;
    let push = class.substitute.push_of(class.week());
    let first = class.substitute.send(&push).await??;
    let again = class.substitute.send(&push).await??;
    assert_eq!(first.outcomes, again.outcomes);
    assert_eq!(class.school.count("held_changes").await?, 5);
    Ok(())
}

#[tokio::test]
async fn subscriptions_are_stored_only_when_they_change() -> Outcome<()> {
    let mut class = class().await?;
    let known = format!("SELECT known_at FROM known_rights WHERE user_id = '{}'", class.substitute.user);
    let before = class.school.value(known.clone()).await?;
    class.server = class.server.restart().await?;
    class.substitute.pull().await?;
    assert_eq!(class.school.value(known.clone()).await?, before);
    class.hand_over_and_pull().await?;
    assert_ne!(class.school.value(known).await?, before);
    Ok(())
}

#[tokio::test]
async fn two_instances_remember_the_same_rights() -> Outcome<()> {
    let mut class = class().await?;
    let second = LocalServer::start(class.server.database()).await?;
    let mut elsewhere = class.substitute.clone();
    elsewhere.url = second.url();
    class.hand_over().await?;
    // The instance that the laptop never contacted holds the changes by the rights that the other one stored.
    assert_eq!(elsewhere.push(class.week()).await?, vec![MutationOutcome::Held; 5]);
    second.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_moved_row_leaves_one_scope_and_enters_the_other() -> Outcome<()> {
    let mut class = class().await?;
    let membership = class
        .school
        .value(format!("SELECT id FROM group_memberships WHERE user_id = '{}'", class.learners[0]))
        .await?
        .as_str()
        .ok_or("no membership")?
        .parse::<Uuid>()?;
    class.colleague.pull().await?;
    let topic = class.course.topics[0];
    assert!(
        class.substitute.row("group_memberships", membership).is_some() && class.colleague.row("group_memberships", membership).is_none()
    );
    assert!(class.substitute.row("topics", topic).is_some() && class.colleague.row("topics", topic).is_none());
    class.hand_over().await?;
    class.school.run(format!("UPDATE courses SET instructor_id = '{}'", class.colleague.user)).await?;
    let receives = |caller: &Caller| [caller.row("group_memberships", membership).is_some(), caller.row("topics", topic).is_some()];
    class.substitute.pull_until("both are gone", |caller, _| receives(caller) == [false, false]).await?;
    class.colleague.pull_until("both are there", |caller, _| receives(caller) == [true, true]).await?;
    // The course becomes a draft again: its topics leave the learners' feed and stay with the staff.
    let mut aysel = Caller::sign_in(&class.server.url(), "aysel").await?;
    aysel.pull().await?;
    let (open, staff) = (format!("course:{}", class.course.id), format!("course_staff:{}", class.course.id));
    assert!(aysel.in_scope(&open, "topics", topic).is_some());
    class.school.run("UPDATE courses SET status = 'draft'").await?;
    let left = (open.clone(), "topics".to_owned(), topic, false);
    class.colleague.pull_until("it left, and was not deleted", |_, pulled| pulled.gone.contains(&left)).await?;
    assert!(class.colleague.in_scope(&open, "topics", topic).is_none() && class.colleague.in_scope(&staff, "topics", topic).is_some());
    aysel.pull_until("it is gone", |caller, _| caller.row("topics", topic).is_none()).await?;
    Ok(())
}
