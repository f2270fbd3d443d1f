//! A person writes only what their rights permit, and receives only the rows of their scopes.

use serde_json::{Value, json};
use uuid::Uuid;
use waystation_model::Code;
use waystation_model::registry;
use waystation_model::wire::Outcome as MutationOutcome;
use waystation_tests::Outcome;
use waystation_tests::caller::{Caller, Change, delete, put};
use waystation_tests::school::{Course, School, open};
use waystation_tests::server::LocalServer;
use waystation_tests::wait::{self, SOON};

/// Two instructors with a course each, two teachers with a group each, two learners, and the first one's parent.
struct Town {
    server: LocalServer,
    school: School,
    gas: Course,
    fire: Course,
    groups: [Uuid; 2],
    murad: Uuid,
}

async fn town() -> Outcome<Town> {
    let (server, mut school) = open().await?;
    let rauf = school.person("instructor", "rauf").await?;
    let nigar = school.person("instructor", "nigar").await?;
    let (sabina, tofiq) = (school.person("teacher", "sabina").await?, school.person("teacher", "tofiq").await?);
    let (aysel, murad) = (school.person("learner", "aysel").await?, school.person("learner", "murad").await?);
    let parent = school.person("parent", "leyla").await?;
    school.insert("guardian_links", json!({"parent_id": parent, "student_id": aysel})).await?;
    let gas = school.course(Some(rauf), "published", 1).await?;
    let fire = school.course(Some(nigar), "published", 1).await?;
    school.enrol(aysel, &gas).await?;
    school.enrol(murad, &fire).await?;
    let groups = [school.group(sabina, &[aysel]).await?, school.group(tofiq, &[murad]).await?];
    Ok(Town { server, school, gas, fire, groups, murad })
}

impl Town {
    async fn caller(&self, name: &str) -> Outcome<Caller> {
        Caller::sign_in(&self.server.url(), name).await
    }
}

fn progress(user: Uuid, course: &Course) -> Change {
    put("topic_progress").link("user_id", user).link("topic_id", course.topics[0]).link("course_id", course.id).set("percent", 100)
}

fn topic(course: &Course) -> Change {
    put("topics").id(Uuid::now_v7()).link("module_id", course.module).link("course_id", course.id).set("title", "x")
}

fn mark(group: Uuid, student: Uuid) -> Change {
    put("attendance_records").link("group_id", group).link("student_id", student).set("lesson_date", "2026-03-02").set("status", "present")
}

fn enrolment(user: Uuid, course: &Course) -> Change {
    put("enrollments").link("user_id", user).link("course_id", course.id)
}

/// Pushes changes that must be refused for want of a right, all in one batch.
async fn not_allowed(caller: &mut Caller, changes: Vec<Change>) -> Outcome<()> {
    let outcomes = caller.push(changes.clone()).await?;
    for (change, outcome) in changes.iter().zip(outcomes) {
        assert!(matches!(outcome, MutationOutcome::Rejected { code: Code::NotAllowed, .. }), "{change:?}: {outcome:?}");
    }
    caller.pull().await?;
    Ok(())
}

#[tokio::test]
async fn a_learner_writes_only_their_own_learning() -> Outcome<()> {
    let mut town = town().await?;
    let mut aysel = town.caller("aysel").await?;
    let me = aysel.user;
    let changes = vec![
        progress(town.murad, &town.gas),
        progress(me, &town.fire),
        topic(&town.gas),
        put("topics").id(town.gas.topics[0]).set("title", "x"),
        put("courses").id(Uuid::now_v7()).link("instructor_id", me).set("title", "x"),
        put("courses").id(town.gas.id).set("status", "archived"),
        mark(town.groups[0], me),
        put("group_memberships").link("group_id", town.groups[1]).link("user_id", me).set("joined_at", 0),
        put("groups").id(town.groups[0]).link("teacher_id", me),
        put("users").id(me).set("role", "admin"),
        put("users").id(Uuid::now_v7()).set("user_name", "second"),
        put("student_profiles").link("user_id", me).set("balance_minor", 1_000_000),
        put("guardian_links").link("parent_id", me).link("student_id", town.murad),
        put("stations").id(Uuid::now_v7()).set("name", "x"),
        put("organizations").id(town.school.organization).set("name", "x"),
        put("organizations").id(Uuid::now_v7()).set("name", "x"),
        put("user_profiles").link("user_id", town.murad).set("bio", "x"),
        enrolment(me, &town.fire).set("enrollment_type", "assigned"),
        enrolment(town.murad, &town.gas),
        enrolment(me, &town.gas).set("due_at", 4_000_000_000_000_i64),
        delete("topics", town.gas.topics[0]),
        delete("guardian_links", town.school.value("SELECT id FROM guardian_links").await?.as_str().ok_or("no link")?.parse()?),
    ];
    not_allowed(&mut aysel, changes).await?;
    assert_eq!(town.school.count("topic_progress").await?, 0);
    assert_eq!(aysel.push_one(progress(me, &town.gas)).await?, MutationOutcome::Applied);
    assert_eq!(aysel.push_one(put("user_profiles").link("user_id", me).set("bio", "x")).await?, MutationOutcome::Applied);
    Ok(())
}

#[tokio::test]
async fn a_right_given_away_is_lost_for_the_next_change_of_the_same_table() -> Outcome<()> {
    let mut town = town().await?;
    let mut rauf = town.caller("rauf").await?;
    rauf.pull().await?;
    let stamp = rauf.stamp("courses", town.gas.id);
    let course = || put("courses").id(town.gas.id).on(stamp);
    let outcomes = rauf
        .push(vec![
            course().set("description", "mine"),
            course().on_own(1).set("instructor_id", Value::Null),
            course().on_own(2).set("title", "No longer mine"),
            topic(&town.gas),
        ])
        .await?;
    assert_eq!(outcomes[..2], [MutationOutcome::Applied, MutationOutcome::Applied]);
    for outcome in &outcomes[2..] {
        assert!(matches!(outcome, MutationOutcome::Rejected { code: Code::NotAllowed, .. }), "{outcomes:?}");
    }
    let stored = town.school.value(&format!("SELECT to_jsonb(title) FROM courses WHERE id = '{}'", town.gas.id)).await?;
    assert_eq!(stored, json!("Course"));
    Ok(())
}

#[tokio::test]
async fn a_row_made_by_a_push_is_writable_by_the_next_change_of_the_same_table() -> Outcome<()> {
    let mut town = town().await?;
    let mut rauf = town.caller("rauf").await?;
    let (made, me) = (Uuid::now_v7(), rauf.user);
    let course = || put("courses").id(made);
    let outcomes = rauf
        .push(vec![
            course().set("title", "New").link("instructor_id", me),
            course().on_own(1).set("title", "Newer"),
            course().on_own(2).set("description", "x"),
        ])
        .await?;
    assert_eq!(outcomes, [MutationOutcome::Applied, MutationOutcome::Applied, MutationOutcome::Applied]);
    let stored = town.school.value(&format!("SELECT jsonb_build_array(title, description) FROM courses WHERE id = '{made}'")).await?;
    assert_eq!(stored, json!(["Newer", "x"]));
    rauf.pull().await?;
    Ok(())
}

#[tokio::test]
async fn a_parent_reads_and_writes_nothing() -> Outcome<()> {
    let mut town = town().await?;
    let mut aysel = town.caller("aysel").await?;
    aysel.push_one(progress(aysel.user, &town.gas)).await?;
    let mut parent = town.caller("leyla").await?;
    parent.pull().await?;
    assert_eq!(parent.all("topic_progress").len(), 1, "of their own child");
    let child = aysel.user;
    let changes = vec![
        progress(child, &town.gas),
        mark(town.groups[0], child),
        put("student_profiles").link("user_id", child).set("grade", "x"),
        topic(&town.gas),
    ];
    not_allowed(&mut parent, changes).await?;
    assert!(
        parent.rows.keys().all(|scope| scope.starts_with("user:") || scope.starts_with("org:") || *scope == format!("learner:{child}"))
    );
    assert_eq!(town.school.count("attendance_records").await?, 0);
    Ok(())
}

#[tokio::test]
async fn an_instructor_reads_and_writes_only_their_own_course() -> Outcome<()> {
    let mut town = town().await?;
    let (mut aysel, mut murad) = (town.caller("aysel").await?, town.caller("murad").await?);
    aysel.push_one(progress(aysel.user, &town.gas)).await?;
    murad.push_one(progress(murad.user, &town.fire)).await?;
    let mut rauf = town.caller("rauf").await?;
    rauf.pull().await?;
    let received: Vec<_> = rauf.all("topic_progress").values().map(|row| row.columns["course_id"].clone()).collect();
    assert_eq!(received, [json!(town.gas.id)]);
    assert_eq!(rauf.all("enrollments").len(), 1);
    let (learner, me) = (aysel.user, rauf.user);
    let changes = vec![
        topic(&town.fire),
        put("topics").id(town.fire.topics[0]).set("title", "x"),
        put("courses").id(town.fire.id).link("instructor_id", me),
        progress(learner, &town.gas),
        enrolment(learner, &town.fire).set("enrollment_type", "assigned"),
        mark(town.groups[0], learner),
        put("users").id(me).set("role", "admin"),
        delete("courses", town.gas.id),
    ];
    not_allowed(&mut rauf, changes).await?;
    assert_eq!(rauf.push_one(topic(&town.gas)).await?, MutationOutcome::Applied);
    // A part of one course cannot be moved into another one.
    let moved = put("topics").id(town.gas.topics[0]).link("module_id", town.fire.module);
    assert_eq!(rauf.refusal(moved).await?.0, Code::MissingReference);
    let test = town.school.test(&town.fire.clone(), "quiz", "server", &[]).await?;
    let question = put("questions").id(Uuid::now_v7()).link("assessment_id", test.id);
    assert_eq!(rauf.refusal(question.clone().link("course_id", town.gas.id)).await?.0, Code::RuleBroken);
    assert_eq!(rauf.refusal(question).await?.0, Code::RuleBroken, "a file outside of courses is covered by another test");
    assert_eq!(town.school.count("questions").await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_teacher_marks_their_own_group_only() -> Outcome<()> {
    let mut town = town().await?;
    let mut sabina = town.caller("sabina").await?;
    sabina.pull().await?;
    let mine = put("groups").id(Uuid::now_v7()).link("teacher_id", town.murad).set("name", "x");
    let changes = vec![mark(town.groups[1], town.murad), put("groups").id(town.groups[1]).link("teacher_id", sabina.user), mine];
    not_allowed(&mut sabina, changes).await?;
    assert_eq!(town.school.count("attendance_records").await?, 0);
    let aysel = town.caller("aysel").await?.user;
    assert_eq!(sabina.push_one(mark(town.groups[0], aysel)).await?, MutationOutcome::Applied);
    assert_eq!(sabina.all("group_memberships").len(), 1);
    Ok(())
}

#[tokio::test]
async fn rows_that_only_the_server_makes_are_refused() -> Outcome<()> {
    let mut town = town().await?;
    town.school.person("admin", "vusal").await?;
    let mut admin = town.caller("vusal").await?;
    let sabina = town.caller("sabina").await?;
    let changes = vec![
        put("conflicts").id(Uuid::now_v7()),
        put("staff_cards").link("user_id", admin.user),
        put("group_membership_periods")
            .id(Uuid::now_v7())
            .link("membership_id", Uuid::now_v7())
            .link("group_id", town.groups[0])
            .link("user_id", admin.user),
        put("devices").id(Uuid::now_v7()).link("user_id", admin.user).set("name", "x"),
        put("devices").id(Uuid::now_v7()).link("user_id", sabina.user).set("name", "x"),
        delete("devices", sabina.device),
    ];
    not_allowed(&mut admin, changes).await?;
    let forged = put("conflicts").id(Uuid::now_v7()).link("author_id", admin.user);
    assert_eq!(admin.refusal(forged).await?, (Code::ServerColumn, Some("author_id".to_owned())));
    let renamed = put("devices").id(sabina.device).on(admin.stamp("devices", sabina.device)).set("name", "renamed");
    assert_eq!(admin.push_one(renamed).await?, MutationOutcome::Applied);
    assert_eq!(town.school.column("devices", sabina.device, "name").await?, "renamed");
    assert_eq!(town.school.count("devices").await?, 2);
    Ok(())
}

#[tokio::test]
async fn server_columns_are_accepted_from_no_client() -> Outcome<()> {
    let mut town = town().await?;
    town.school.person("admin", "vusal").await?;
    let mut admin = town.caller("vusal").await?;
    for entity in registry::all() {
        for column in entity.columns.iter().filter(|column| column.merge == registry::Merge::Server) {
            let given = put(entity.name).id(Uuid::now_v7()).set(column.name, column.default_value());
            assert_eq!(admin.refusal(given).await?, (Code::ServerColumn, Some(column.name.to_owned())), "{}", entity.name);
        }
    }
    Ok(())
}

#[tokio::test]
async fn organizations_are_isolated() -> Outcome<()> {
    let mut town = town().await?;
    let mut other = School::create(town.server.database()).await?;
    let stranger = other.person("admin", "stranger").await?;
    let theirs = other.course(None, "published", 1).await?;
    town.school.person("admin", "vusal").await?;
    let (mut ours, mut strangers) = (town.caller("vusal").await?, town.caller("stranger").await?);
    strangers.pull().await?;
    assert_eq!(strangers.all("courses").len(), 1);
    assert_eq!(strangers.all("users").len(), 1);
    let taken_over = |id: Uuid| put("courses").id(id).set("title", "taken over");
    // An existing id cannot be used again, in any organization; a delete is answered as for a missing row.
    assert_eq!(ours.refusal(taken_over(theirs.id)).await?.0, Code::Taken);
    assert_eq!(strangers.refusal(taken_over(town.gas.id)).await?.0, Code::Taken);
    assert_eq!(ours.push_one(delete("courses", theirs.id)).await?, MutationOutcome::Applied);
    strangers.pull().await?;
    assert_eq!(strangers.all("courses").len(), 1);
    // No row of this organization can refer to a row of the other one.
    let pointing = vec![
        enrolment(stranger, &town.gas).set("enrollment_type", "assigned"),
        put("courses").id(Uuid::now_v7()).set("title", "x").link("instructor_id", stranger),
        put("groups").id(Uuid::now_v7()).set("name", "x").link("teacher_id", stranger),
        put("guardian_links").link("parent_id", ours.user).link("student_id", stranger),
        put("user_profiles").link("user_id", stranger).set("bio", "x"),
    ];
    for (change, outcome) in pointing.clone().iter().zip(ours.push(pointing).await?) {
        assert!(matches!(outcome, MutationOutcome::Rejected { code: Code::MissingReference, .. }), "{change:?}: {outcome:?}");
    }
    assert_eq!(ours.refusal(put("courses").id(theirs.id).on(0).set("title", "x")).await?.0, Code::NotFound);
    assert_eq!(other.column("courses", theirs.id, "title").await?, "Course");
    ours.pull().await?;
    assert!(!ours.all("users").contains_key(&stranger));
    Ok(())
}

#[tokio::test]
async fn self_enrolment_requires_an_open_and_free_course() -> Outcome<()> {
    let mut town = town().await?;
    let mut aysel = town.caller("aysel").await?;
    let fire = town.fire.clone();
    assert_eq!(aysel.refusal(enrolment(aysel.user, &fire)).await?.0, Code::RuleBroken, "it is not open");
    town.school.run("UPDATE courses SET is_public = true").await?;
    assert_eq!(aysel.push_one(enrolment(aysel.user, &fire)).await?, MutationOutcome::Applied);
    aysel.pull().await?;
    assert!(aysel.row("topics", fire.topics[0]).is_some());
    // A dropped person cannot enrol again by themselves.
    let mut nigar = town.caller("nigar").await?;
    nigar.pull().await?;
    assert_eq!(nigar.push_one(enrolment(aysel.user, &fire).set("status", "dropped")).await?, MutationOutcome::Merged);
    let removed = aysel.pull().await?.removed;
    assert_eq!(removed, [format!("course:{}", fire.id)]);
    // Continuing from there shows that the laptop has the page.
    aysel.pull().await?;
    assert_eq!(aysel.refusal(enrolment(aysel.user, &fire).set("status", "enrolled")).await?.0, Code::NotAllowed);
    assert_eq!(aysel.refusal(progress(aysel.user, &fire)).await?.0, Code::NotAllowed);
    Ok(())
}

#[tokio::test]
async fn enrolled_people_of_any_role_receive_their_own_learning() -> Outcome<()> {
    let mut town = town().await?;
    let sabina = town.caller("sabina").await?.user;
    let fire = town.fire.clone();
    town.school.enrol(sabina, &fire).await?;
    let mut sabina = town.caller("sabina").await?;
    sabina.pull().await?;
    assert_eq!(sabina.all("enrollments").len(), 1);
    assert_eq!(sabina.push_one(progress(sabina.user, &fire)).await?, MutationOutcome::Applied);
    sabina.pull().await?;
    assert_eq!(sabina.all("topic_progress").len(), 1);
    Ok(())
}

#[tokio::test]
async fn an_administrator_receives_the_results_of_their_own_course() -> Outcome<()> {
    let mut town = town().await?;
    let vusal = town.school.person("admin", "vusal").await?;
    let gas = town.gas.clone();
    town.school.run(format!("UPDATE courses SET instructor_id = '{vusal}' WHERE id = '{}'", gas.id)).await?;
    let mut admin = town.caller("vusal").await?;
    admin.pull().await?;
    let received: Vec<_> = admin.all("enrollments").values().map(|row| row.columns["course_id"].clone()).collect();
    assert_eq!(received, [json!(gas.id)]);
    let mut aysel = town.caller("aysel").await?;
    aysel.pull().await?;
    let due = enrolment(aysel.user, &gas).set("due_at", 4_000_000_000_000_i64);
    assert!(matches!(admin.push_one(due).await?, MutationOutcome::Applied | MutationOutcome::Merged));
    Ok(())
}

#[tokio::test]
async fn an_instructor_who_makes_a_group_leads_it() -> Outcome<()> {
    let mut town = town().await?;
    let mut rauf = town.caller("rauf").await?;
    let group = Uuid::now_v7();
    let made = put("groups").id(group).link("teacher_id", rauf.user).set("name", "Evening");
    assert_eq!(rauf.push_one(made).await?, MutationOutcome::Applied);
    rauf.pull().await?;
    assert!(rauf.row("groups", group).is_some());
    let member = put("group_memberships").link("group_id", group).link("user_id", town.murad).set("joined_at", 1_770_000_000_000_i64);
    assert_eq!(rauf.push(vec![member, mark(group, town.murad)]).await?, [MutationOutcome::Applied, MutationOutcome::Applied]);
    rauf.pull().await?;
    assert_eq!((rauf.all("group_memberships").len(), rauf.all("attendance_records").len()), (1, 1));
    assert_eq!(town.school.count("attendance_records").await?, 1);
    Ok(())
}

#[tokio::test]
async fn notes_of_a_student_are_sent_to_administrators_only() -> Outcome<()> {
    let mut town = town().await?;
    town.school.person("admin", "vusal").await?;
    let mut admin = town.caller("vusal").await?;
    let mut aysel = town.caller("aysel").await?;
    let profile = put("student_profiles").link("user_id", aysel.user).set("grade", "10");
    let note = put("student_notes").link("user_id", aysel.user).set("notes", "Speak to the parents first.");
    assert_eq!(admin.push(vec![profile, note.clone()]).await?, [MutationOutcome::Applied, MutationOutcome::Applied]);
    let (mut parent, mut sabina) = (town.caller("leyla").await?, town.caller("sabina").await?);
    for (caller, notes, profiles) in [(&mut admin, 1, 1), (&mut aysel, 0, 1), (&mut parent, 0, 1), (&mut sabina, 0, 0)] {
        caller.pull().await?;
        assert_eq!((caller.all("student_notes").len(), caller.all("student_profiles").len()), (notes, profiles));
    }
    for caller in [&mut aysel, &mut parent, &mut sabina] {
        not_allowed(caller, vec![note.clone()]).await?;
    }
    assert_eq!(town.school.count("student_notes").await?, 1);
    Ok(())
}

#[tokio::test]
async fn learners_cannot_declare_their_own_completion() -> Outcome<()> {
    let town = town().await?;
    let mut aysel = town.caller("aysel").await?;
    aysel.pull().await?;
    let gas = town.gas.clone();
    let me = aysel.user;
    let done = enrolment(me, &gas).set("status", "completed").set("completed_at", 1_770_000_000_000_i64);
    not_allowed(&mut aysel, vec![done.clone()]).await?;
    for status in ["in_progress", "dropped"] {
        assert_eq!(aysel.push_one(enrolment(me, &gas).set("status", status)).await?, MutationOutcome::Merged, "{status}");
    }
    let mut rauf = town.caller("rauf").await?;
    rauf.pull().await?;
    assert_eq!(rauf.push_one(done).await?, MutationOutcome::Merged);
    Ok(())
}

#[tokio::test]
async fn a_full_course_accepts_nobody_until_somebody_leaves() -> Outcome<()> {
    let mut town = town().await?;
    let fire = town.fire.clone();
    let mut nigar = town.caller("nigar").await?;
    let (aysel, murad) = (town.caller("aysel").await?.user, town.murad);
    town.school.run(format!("UPDATE courses SET enrollments_max = 1, is_public = true WHERE id = '{}'", fire.id)).await?;
    let assign = |user: Uuid| enrolment(user, &fire).set("enrollment_type", "assigned");
    let mut herself = town.caller("aysel").await?;
    assert_eq!(herself.refusal(enrolment(aysel, &fire)).await?.0, Code::CourseFull);
    assert_eq!(nigar.refusal(assign(aysel)).await?.0, Code::CourseFull);
    // A person who is already enrolled continues.
    assert!(matches!(
        nigar.push_one(enrolment(murad, &fire).set("status", "in_progress")).await?,
        MutationOutcome::Applied | MutationOutcome::Merged
    ));
    assert!(matches!(
        nigar.push_one(enrolment(murad, &fire).set("status", "dropped")).await?,
        MutationOutcome::Applied | MutationOutcome::Merged
    ));
    assert_eq!(nigar.push_one(assign(aysel)).await?, MutationOutcome::Applied);
    assert_eq!(
        nigar.refusal(enrolment(murad, &fire).set("status", "enrolled")).await?.0,
        Code::CourseFull,
        "enrolling again takes a place"
    );
    // Two concurrent enrolments compete for one place.
    town.school.run(format!("UPDATE courses SET enrollments_max = 2 WHERE id = '{}'", fire.id)).await?;
    let (sabina, tofiq) = (town.caller("sabina").await?.user, town.caller("tofiq").await?.user);
    let outcomes = nigar.push(vec![assign(sabina), assign(tofiq)]).await?;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == MutationOutcome::Applied).count(), 1, "{outcomes:?}");
    Ok(())
}

#[tokio::test]
async fn too_many_scopes_for_a_laptop_are_reported_and_nothing_is_lost() -> Outcome<()> {
    let mut town = town().await?;
    town.school.person("admin", "vusal").await?;
    let mut admin = town.caller("vusal").await?;
    admin.pull().await?;
    let more = "INSERT INTO courses (organization_id, title) SELECT id, 'Course' FROM organizations, generate_series(1, 2600)";
    town.school.run(more).await?;
    let refused = pull_until_refused(&admin).await?;
    assert_eq!(refused, Code::TooManyScopes);
    assert_eq!(admin.push_one(put("courses").id(town.gas.id).set("title", "Renamed")).await?, MutationOutcome::Merged);
    Ok(())
}

/// Pulls until the changed rights apply, which takes a moment.
async fn pull_until_refused(caller: &Caller) -> Outcome<Code> {
    wait::until("the pull is refused", SOON, || async { Ok(caller.ask_page().await?.err().map(|problem| problem.code)) }).await
}

#[tokio::test]
async fn a_row_and_its_children_are_made_in_the_same_push() -> Outcome<()> {
    let town = town().await?;
    let mut rauf = town.caller("rauf").await?;
    let (course, module, group) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    let changes = vec![
        put("courses").id(course).link("instructor_id", rauf.user).set("title", "New"),
        put("modules").id(module).link("course_id", course).set("title", "First"),
        put("topics").id(Uuid::now_v7()).link("module_id", module).link("course_id", course).set("title", "First"),
        put("groups").id(group).link("teacher_id", rauf.user).set("name", "Evening"),
        put("group_memberships").link("group_id", group).link("user_id", town.murad).set("joined_at", 1_770_000_000_000_i64),
        mark(group, town.murad),
    ];
    assert!(rauf.push(changes).await?.iter().all(|outcome| *outcome == MutationOutcome::Applied));
    Ok(())
}

#[tokio::test]
async fn a_right_given_away_is_lost_for_the_rest_of_the_push() -> Outcome<()> {
    let mut town = town().await?;
    let nigar = town.caller("nigar").await?.user;
    let mut rauf = town.caller("rauf").await?;
    rauf.pull().await?;
    let gas = town.gas.clone();
    let given = put("courses").id(gas.id).on(rauf.stamp("courses", gas.id)).link("instructor_id", nigar);
    let refused = |outcome: &MutationOutcome| matches!(outcome, MutationOutcome::Rejected { code: Code::NotAllowed, .. });
    let outcomes = rauf.push(vec![topic(&gas), given, topic(&gas)]).await?;
    assert!(outcomes[0] == MutationOutcome::Applied && outcomes[1] == MutationOutcome::Applied && refused(&outcomes[2]), "{outcomes:?}");
    // Nor at another instance that has not been notified yet.
    let second = LocalServer::start(town.server.database()).await?;
    let mut murad = Caller::sign_in(&second.url(), "murad").await?;
    murad.pull().await?;
    // Like a session of the server: nothing is announced from here, so the second instance has to look.
    town.school.run("SET waystation.server = 'on'; UPDATE enrollments SET status = 'dropped'").await?;
    // They had the right when they made the change, and no page has told them otherwise.
    assert_eq!(murad.push_one(progress(murad.user, &town.fire)).await?, MutationOutcome::Held);
    second.stop().await;
    Ok(())
}
