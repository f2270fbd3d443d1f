//! Columns that name the author of a change are filled with its author, and some columns of an enrollment may be set only by some people.

use serde_json::json;
use uuid::Uuid;
use waystation_model::Code;
use waystation_model::wire::Outcome as MutationOutcome;
use waystation_tests::Outcome;
use waystation_tests::caller::{Caller, Change, put};
use waystation_tests::school::{Course, School, open};
use waystation_tests::server::LocalServer;

struct Class {
    _server: LocalServer,
    school: School,
    course: Course,
    group: Uuid,
    rauf: Caller,
    sabina: Caller,
    aysel: Caller,
    murad: Uuid,
}

/// An instructor with a course, a teacher with a group, and two learners: the first in both, the second in none.
async fn class() -> Outcome<Class> {
    let (server, mut school) = open().await?;
    let rauf = school.person("instructor", "rauf").await?;
    let sabina = school.person("teacher", "sabina").await?;
    let aysel = school.person("learner", "aysel").await?;
    let murad = school.person("learner", "murad").await?;
    let course = school.course(Some(rauf), "published", 1).await?;
    school.enrol(aysel, &course).await?;
    let group = school.group(sabina, &[aysel]).await?;
    let url = server.url();
    let (rauf, sabina, aysel) =
        (Caller::sign_in(&url, "rauf").await?, Caller::sign_in(&url, "sabina").await?, Caller::sign_in(&url, "aysel").await?);
    Ok(Class { _server: server, school, course, group, rauf, sabina, aysel, murad })
}

impl Class {
    fn mark(&self, day: &str) -> Change {
        put("attendance_records").link("group_id", self.group).link("student_id", self.aysel.user).set("lesson_date", day)
    }

    fn enrollment(&self, user: Uuid) -> Change {
        put("enrollments").link("user_id", user).link("course_id", self.course.id)
    }

    async fn marked_by(&mut self, day: &str) -> Outcome<serde_json::Value> {
        self.school.value(format!("SELECT marked_by FROM attendance_records WHERE lesson_date = '{day}'")).await
    }

    async fn enrolled(&mut self, user: Uuid) -> Outcome<serde_json::Value> {
        self.school.value(format!("SELECT jsonb_build_array(enrollment_type, enrolled_by) FROM enrollments WHERE user_id = '{user}'")).await
    }
}

fn refused(field: &str) -> (Code, Option<String>) {
    (Code::NotAllowed, Some(field.to_owned()))
}

#[tokio::test]
async fn a_mark_names_its_author() -> Outcome<()> {
    let mut class = class().await?;
    let day = "2026-03-02";
    let forged = class.mark(day).set("status", "present").link("marked_by", class.rauf.user);
    assert_eq!(class.sabina.refusal(forged).await?, refused("marked_by"));
    assert_eq!(class.school.count("attendance_records").await?, 0);
    let unsigned = class.mark(day).set("status", "present");
    assert_eq!(class.sabina.push_one(unsigned).await?, MutationOutcome::Applied);
    assert_eq!(class.marked_by(day).await?, json!(class.sabina.user));
    // Another person who corrects it becomes its author, whether the change names them or not.
    let vusal = class.school.person("admin", "vusal").await?;
    let mut admin = Caller::sign_in(&class.sabina.url, "vusal").await?;
    admin.pull().await?;
    let corrected = class.mark(day).set("status", "late");
    assert!(matches!(admin.push_one(corrected).await?, MutationOutcome::Applied | MutationOutcome::Merged));
    assert_eq!(class.marked_by(day).await?, json!(vusal));
    Ok(())
}

#[tokio::test]
async fn a_settled_conflict_names_the_person_who_settled_it() -> Outcome<()> {
    let mut class = class().await?;
    let (group, aysel) = (class.group, class.aysel.user);
    let conflict = json!({"id": Uuid::now_v7(), "entity": "attendance_records", "row_id": aysel, "field": "mark", "lost_values": {}, "kept_values": {}, "lost_at": "2026-03-02T08:00:00Z", "group_id": group});
    let conflict = class.school.insert("conflicts", conflict).await?;
    let settled = |by: Uuid| put("conflicts").id(conflict).link("settled_by", by).set("settled_at", 1_772_500_000_000_i64);
    assert_eq!(class.sabina.refusal(settled(class.rauf.user)).await?, refused("settled_by"));
    let unsigned = put("conflicts").id(conflict).set("settled_at", 1_772_500_000_000_i64);
    assert!(matches!(class.sabina.push_one(unsigned).await?, MutationOutcome::Applied | MutationOutcome::Merged));
    assert_eq!(class.school.column("conflicts", conflict, "settled_by").await?, json!(class.sabina.user));
    Ok(())
}

#[tokio::test]
async fn an_enrollment_names_its_author_and_its_kind() -> Outcome<()> {
    let mut class = class().await?;
    let (rauf, murad) = (class.rauf.user, class.murad);
    // An instructor who enrols a person assigned them, also when the change does not say so.
    let forged = class.enrollment(murad).set("enrollment_type", "assigned").link("enrolled_by", class.sabina.user);
    assert_eq!(class.rauf.refusal(forged).await?, refused("enrolled_by"));
    let as_themselves = class.enrollment(murad).set("enrollment_type", "self");
    assert_eq!(class.rauf.refusal(as_themselves).await?, refused("enrollment_type"));
    let unsaid = class.enrollment(murad);
    assert_eq!(class.rauf.push_one(unsaid).await?, MutationOutcome::Applied);
    assert_eq!(class.enrolled(murad).await?, json!(["assigned", rauf]));
    // A learner can neither change how an enrollment by others was made, nor declare it completed.
    let me = class.aysel.user;
    for (column, value) in [
        ("enrollment_type", json!("assigned")),
        ("enrollment_type", json!("bulk")),
        ("enrolled_by", json!(me)),
        ("completed_at", json!(1_772_500_000_000_i64)),
    ] {
        let said = class.enrollment(me).set(column, value);
        assert_eq!(class.aysel.refusal(said).await?, refused(column));
    }
    let with_a_status = class.enrollment(me).set("status", "in_progress").set("completed_at", 1_772_500_000_000_i64);
    assert_eq!(class.aysel.refusal(with_a_status).await?, refused("completed_at"));
    assert_eq!(class.enrolled(me).await?, json!(["assigned", null]));
    // A laptop sends the whole group of columns when its person begins.
    let begun = class.enrollment(me).set("status", "in_progress").set("completed_at", json!(null));
    assert!(matches!(class.aysel.push_one(begun).await?, MutationOutcome::Applied | MutationOutcome::Merged));
    let completed = class.enrollment(me).set("status", "completed").set("completed_at", 1_772_500_000_000_i64);
    assert!(matches!(class.rauf.push_one(completed).await?, MutationOutcome::Applied | MutationOutcome::Merged));
    Ok(())
}

#[tokio::test]
async fn a_self_enrollment_concurrent_with_an_assignment_is_not_refused() -> Outcome<()> {
    let mut class = class().await?;
    class.school.run("UPDATE courses SET is_public = true").await?;
    let murad = class.murad;
    let assigned = class.enrollment(murad).set("enrollment_type", "assigned");
    assert_eq!(class.rauf.push_one(assigned).await?, MutationOutcome::Applied);
    let mut himself = Caller::sign_in(&class.rauf.url, "murad").await?;
    let earlier = class.enrollment(murad).set("enrollment_type", "self").link("enrolled_by", murad).at(1_772_500_000_000_000);
    assert!(matches!(himself.push_one(earlier).await?, MutationOutcome::Applied | MutationOutcome::Merged));
    assert_eq!(class.enrolled(murad).await?, json!(["assigned", class.rauf.user]), "the later change wins");
    Ok(())
}

#[tokio::test]
async fn a_test_cannot_name_another_person_as_its_author() -> Outcome<()> {
    let mut class = class().await?;
    let (id, me, course) = (Uuid::now_v7(), class.rauf.user, class.course.id);
    let test = |by: Uuid| put("assessments").id(id).link("course_id", course).set("title", "Test").link("created_by", by);
    assert_eq!(class.rauf.refusal(test(class.sabina.user)).await?, refused("created_by"));
    assert_eq!(class.rauf.push_one(test(me)).await?, MutationOutcome::Applied);
    // An administrator who sends the whole row does not become its author.
    class.school.person("admin", "vusal").await?;
    let mut admin = Caller::sign_in(&class.rauf.url, "vusal").await?;
    assert!(matches!(admin.push_one(test(me).set("description", "Changed")).await?, MutationOutcome::Applied | MutationOutcome::Merged));
    Ok(())
}

#[tokio::test]
async fn a_mark_requires_membership_on_its_day() -> Outcome<()> {
    let mut class = class().await?;
    let not_a_member = (Code::NotAMember, Some("student_id".to_owned()));
    let stranger =
        |day: &str| put("attendance_records").link("group_id", class.group).link("student_id", class.murad).set("lesson_date", day);
    assert_eq!(class.sabina.refusal(stranger("2026-03-02").set("status", "present")).await?, not_a_member);
    assert_eq!(class.sabina.refusal(stranger("2026-03-02").set("note", "who is he?")).await?, not_a_member);
    let before = class.mark("2025-12-31").set("status", "present");
    assert_eq!(class.sabina.refusal(before).await?, not_a_member, "she joined on the first of January");
    // Without the right, the answer does not reveal who is in a group.
    assert_eq!(class.rauf.refusal(stranger("2026-03-02").set("status", "present")).await?.0, Code::NotAllowed);
    assert_eq!(class.school.count("attendance_records").await?, 0);
    // The student has left by the time the mark arrives: the day of the mark decides.
    class.school.run("UPDATE group_memberships SET is_active = false, left_at = '2026-03-09T10:00:00Z'").await?;
    let days = ["2026-03-02", "2026-03-09", "2026-03-10"].map(|day| class.mark(day).set("status", "present"));
    let outcomes = class.sabina.push(days.to_vec()).await?;
    assert!(
        matches!(
            &outcomes[..],
            [MutationOutcome::Applied, MutationOutcome::Applied, MutationOutcome::Rejected { code: Code::NotAMember, .. }]
        ),
        "{outcomes:?}"
    );
    // A mark outside of the membership can be cleared.
    class.school.run("UPDATE group_membership_periods SET left_on = '2026-03-02'").await?;
    class.sabina.pull().await?;
    let taken_back = class.mark("2026-03-09").set("status", json!(null)).set("marked_by", json!(null));
    assert!(matches!(class.sabina.push_one(taken_back).await?, MutationOutcome::Applied | MutationOutcome::Merged));
    // A student who joins and is marked in one push counts as a member.
    let joined =
        put("group_memberships").link("group_id", class.group).link("user_id", class.murad).set("joined_at", 1_770_000_000_000_i64);
    let outcomes = class.sabina.push(vec![joined, stranger("2026-03-02").set("status", "late")]).await?;
    assert_eq!(outcomes, [MutationOutcome::Applied, MutationOutcome::Applied]);
    Ok(())
}
