//! Two people change the same row without having seen each other's change: all laptops converge, and no value is lost unseen.

use serde_json::{Value, json};
use uuid::Uuid;
use waystation_model::Code;
use waystation_model::ids::derived_id;
use waystation_model::wire::Outcome as MutationOutcome;
use waystation_tests::Outcome;
use waystation_tests::caller::{Caller, Change, delete, now_us, put};
use waystation_tests::school::{Course, School, open};
use waystation_tests::server::LocalServer;

const MINUTE_US: i64 = 60_000_000;
const DAY: &str = "2026-03-02";

/// A teacher and an administrator subscribe to one group; an instructor has a course; a learner is in both.
struct Class {
    server: LocalServer,
    school: School,
    course: Course,
    group: Uuid,
    teacher: Caller,
    admin: Caller,
    learner: Caller,
}

async fn class() -> Outcome<Class> {
    let (server, mut school) = open().await?;
    let teacher = school.person("teacher", "sabina").await?;
    school.person("admin", "vusal").await?;
    let learner = school.person("learner", "aysel").await?;
    let group = school.group(teacher, &[learner]).await?;
    let course = school.course(Some(teacher), "published", 2).await?;
    school.enrol(learner, &course).await?;
    let mut callers = Vec::new();
    for name in ["sabina", "vusal", "aysel"] {
        let mut caller = Caller::sign_in(&server.url(), name).await?;
        caller.pull().await?;
        callers.push(caller);
    }
    let [teacher, admin, learner] = <[Caller; 3]>::try_from(callers).map_err(|_| "three callers")?;
    Ok(Class { server, school, course, group, teacher, admin, learner })
}

impl Class {
    fn cell(&self) -> Uuid {
        derived_id("attendance_records", [Some(self.group.to_string().as_str()), Some(self.learner.user.to_string().as_str()), Some(DAY)])
    }

    fn mark(&self, by: &Caller, status: Option<&str>, at: i64) -> Change {
        put("attendance_records")
            .link("group_id", self.group)
            .link("student_id", self.learner.user)
            .set("lesson_date", DAY)
            .set("status", status)
            .link("marked_by", by.user)
            .set("marked_at", at / 1000)
            .at(at)
    }

    async fn status(&mut self) -> Outcome<Value> {
        self.school.column("attendance_records", self.cell(), "status").await
    }

    /// The losing values that are not settled.
    async fn conflicts(&mut self) -> Outcome<Value> {
        self.school
            .value(
                "SELECT coalesce(jsonb_agg(jsonb_build_array(c.field, c.lost_values -> c.field, c.kept_values -> c.field) ORDER BY c.id), '[]') \
                 FROM (SELECT id, lost_values, kept_values, settled_at, CASE field WHEN 'mark' THEN 'status' ELSE field END AS field FROM conflicts) c \
                 WHERE c.settled_at IS NULL AND c.lost_values -> c.field <> c.kept_values -> c.field",
            )
            .await
    }
}

#[tokio::test]
async fn the_later_mark_wins_in_any_order_of_arrival() -> Outcome<()> {
    for earlier_first in [true, false] {
        let mut class = class().await?;
        let now = now_us();
        let absent = class.mark(&class.teacher, Some("absent"), now - 2 * MINUTE_US);
        let late = class.mark(&class.admin, Some("late"), now - MINUTE_US);
        let outcomes = if earlier_first {
            [class.teacher.push_one(absent).await?, class.admin.push_one(late).await?]
        } else {
            let late = class.admin.push_one(late).await?;
            [class.teacher.push_one(absent).await?, late]
        };
        let wanted = if earlier_first {
            [MutationOutcome::Applied, MutationOutcome::Merged]
        } else {
            [MutationOutcome::Superseded, MutationOutcome::Applied]
        };
        assert_eq!(outcomes, wanted, "{earlier_first}");
        assert_eq!(class.status().await?, "late");
        assert_eq!(class.conflicts().await?, json!([["status", "absent", "late"]]));
        assert_eq!(
            class.school.column("attendance_records", class.cell(), "marked_by").await?,
            json!(class.admin.user),
            "a group of columns is merged as one"
        );
        // Staff receive the conflict, pupils do not.
        for caller in [&mut class.teacher, &mut class.admin, &mut class.learner] {
            caller.pull().await?;
        }
        let received = class.teacher.all("conflicts");
        let (id, row) = received.iter().next().ok_or("no conflict was received")?;
        assert_eq!((row.columns["lost_by"].clone(), row.columns["kept_by"].clone()), (json!(class.teacher.user), json!(class.admin.user)));
        assert_eq!(class.learner.all("conflicts").len(), 0);
        assert_eq!(class.learner.row("attendance_records", class.cell()).ok_or("not received")?.columns["status"], "late");
        let settled = put("conflicts").id(*id).on(row.stamp).link("settled_by", class.teacher.user).set("settled_at", now / 1000);
        assert_eq!(class.learner.refusal(settled.clone()).await?.0, Code::NotAllowed);
        assert_eq!(class.teacher.push_one(settled).await?, MutationOutcome::Applied);
        assert_eq!(class.conflicts().await?, json!([]));
    }
    Ok(())
}

#[tokio::test]
async fn equal_values_make_no_conflict() -> Outcome<()> {
    let mut class = class().await?;
    let now = now_us();
    let one = class.mark(&class.teacher, Some("absent"), now - 2 * MINUTE_US);
    let other = class.mark(&class.admin, Some("absent"), now - MINUTE_US);
    class.teacher.push_one(one).await?;
    class.admin.push_one(other).await?;
    assert_eq!((class.status().await?, class.conflicts().await?), (json!("absent"), json!([])));
    Ok(())
}

#[tokio::test]
async fn clearing_a_mark_empties_it_and_keeps_the_row() -> Outcome<()> {
    let mut class = class().await?;
    let now = now_us();
    let marked = class.mark(&class.teacher, Some("absent"), now - 2 * MINUTE_US);
    let cleared = class.mark(&class.teacher, None, now - MINUTE_US).on_own(1);
    assert_eq!(class.teacher.push(vec![marked, cleared]).await?, [MutationOutcome::Applied, MutationOutcome::Applied]);
    assert_eq!((class.status().await?, class.conflicts().await?), (Value::Null, json!([])));
    assert_eq!(class.school.count("attendance_records").await?, 1);
    Ok(())
}

#[tokio::test]
async fn concurrent_changes_of_two_columns_both_apply() -> Outcome<()> {
    let mut class = class().await?;
    let topic = class.course.topics[0];
    let now = now_us();
    let edit =
        |caller: &Caller, column: &str, at: i64| put("topics").id(topic).on(caller.stamp("topics", topic)).set(column, column).at(at);
    let (title, description) = (edit(&class.teacher, "title", now - MINUTE_US), edit(&class.admin, "description", now - 2 * MINUTE_US));
    assert_eq!(class.teacher.push_one(title).await?, MutationOutcome::Applied);
    assert_eq!(class.admin.push_one(description).await?, MutationOutcome::Merged);
    // The teacher has not pulled: columns that the other change does not set keep their value.
    let again = edit(&class.teacher, "title", now).on_own(1);
    let own = edit(&class.admin, "description", now - MINUTE_US).on_own(1);
    class.teacher.push_one(again).await?;
    class.admin.push_one(own).await?;
    let row = class.school.column("topics", topic, "jsonb_build_array(title, description)").await?;
    assert_eq!(row, json!(["title", "description"]));
    assert_eq!(class.school.count("conflicts").await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_change_on_the_received_value_applies_after_other_columns_changed() -> Outcome<()> {
    let mut class = class().await?;
    let topic = class.course.topics[0];
    let now = now_us();
    let stamp = class.teacher.stamp("topics", topic);
    // The administrator sets one column three times; the teacher's older change of another column loses to none of them.
    for round in 0..3 {
        class
            .admin
            .push_one(put("topics").id(topic).on(stamp).on_own(round).set("description", format!("{round}")).at(now + round))
            .await?;
    }
    let older = put("topics").id(topic).on(stamp).set("title", "older and unopposed").at(now - 10 * MINUTE_US);
    assert_eq!(class.teacher.push_one(older).await?, MutationOutcome::Merged);
    assert_eq!(class.school.column("topics", topic, "title").await?, "older and unopposed");
    assert_eq!(class.school.count("conflicts").await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_stale_choice_is_refused_and_nothing_of_its_change_is_applied() -> Outcome<()> {
    let mut class = class().await?;
    let course = class.course.id;
    let stamp = class.teacher.stamp("courses", course);
    let archived = put("courses").id(course).on(stamp).set("title", "half applied").set("status", "archived");
    assert_eq!(class.admin.push_one(put("courses").id(course).on(stamp).set("status", "draft")).await?, MutationOutcome::Applied);
    assert_eq!(class.teacher.refusal(archived.clone()).await?, (Code::ChangedMeanwhile, Some("status".to_owned())));
    assert_eq!(class.school.column("courses", course, "jsonb_build_array(title, status)").await?, json!(["Course", "draft"]));
    // Made again on the current row, it is accepted. An equal value never needed a choice.
    assert_eq!(class.teacher.push_one(put("courses").id(course).on(stamp).set("status", "draft")).await?, MutationOutcome::Merged);
    class.teacher.pull().await?;
    let again = put("courses").id(course).on(class.teacher.stamp("courses", course)).set("status", "archived");
    assert_eq!(class.teacher.push_one(again).await?, MutationOutcome::Applied);
    Ok(())
}

#[tokio::test]
async fn seventy_and_seventy_point_zero_are_equal() -> Outcome<()> {
    let mut class = class().await?;
    let course = class.course.clone();
    let test = class.school.test(&course, "quiz", "server", &[]).await?.id;
    class.teacher.pull().await?;
    let stamp = class.teacher.stamp("assessments", test);
    let passing = |value: Value| put("assessments").id(test).on(stamp).set("passing_percent", value);
    assert_eq!(class.admin.push_one(passing(json!(70))).await?, MutationOutcome::Applied);
    assert_eq!(class.teacher.push_one(passing(json!(70.0))).await?, MutationOutcome::Merged);
    Ok(())
}

#[tokio::test]
async fn progress_only_grows_until_it_is_reset() -> Outcome<()> {
    let mut class = class().await?;
    let mut second = Caller::sign_in(&class.server.url(), "aysel").await?;
    let topic = class.course.topics[0];
    let progress = |user: Uuid| put("topic_progress").link("user_id", user).link("topic_id", topic).link("course_id", class.course.id);
    let (me, first) = (class.learner.user, &mut class.learner);
    let done = progress(me).set("percent", 100).set("completed", true).set("completed_at", 2_000).set("time_spent_seconds", 50);
    let begun = progress(me).set("percent", 40).set("completed", false).set("completed_at", 1_000).set("time_spent_seconds", 30);
    assert_eq!(first.push_one(done).await?, MutationOutcome::Applied);
    assert_eq!(second.push_one(begun).await?, MutationOutcome::Applied);
    let row = "SELECT jsonb_build_array(percent, completed, date_part('epoch', completed_at), time_spent_seconds, reset_number) FROM topic_progress";
    assert_eq!(class.school.value(row).await?, json!([100, true, 1, 80, 0]));
    let reset = progress(me).set("reset_number", 1).set("percent", 5).set("time_spent_seconds", 5);
    let old = progress(me).set("reset_number", 0).set("percent", 90).set("time_spent_seconds", 5);
    first.push_one(reset).await?;
    assert_eq!(second.push_one(old).await?, MutationOutcome::Merged);
    assert_eq!(class.school.value(row).await?, json!([5, false, null, 90, 1]));
    second.pull().await?;
    Ok(())
}

#[tokio::test]
async fn a_delete_never_wins_over_an_edit_outside_its_base() -> Outcome<()> {
    let mut class = class().await?;
    let topic = class.course.topics[0];
    let stamp = class.teacher.stamp("topics", topic);
    let edit = put("topics").id(topic).on(stamp).set("title", "edited");
    assert_eq!(class.admin.push_one(edit).await?, MutationOutcome::Applied);
    for unseeing in [delete("topics", topic).on(stamp), delete("topics", topic), delete("topics", topic).on(stamp).on_own(1)] {
        assert_eq!(class.teacher.refusal(unseeing).await?.0, Code::ChangedMeanwhile);
    }
    class.teacher.pull().await?;
    let seeing = delete("topics", topic).on(class.teacher.stamp("topics", topic));
    assert_eq!(class.teacher.push_one(seeing).await?, MutationOutcome::Applied);
    // An edit of a deleted row does not restore it.
    let late = put("topics").id(topic).on(stamp).on_own(1).set("title", "again");
    assert_eq!(class.admin.refusal(late).await?.0, Code::NotFound);
    assert_eq!(class.school.count("topics").await?, 1);
    // The author's own edit was seen, also before it was answered.
    let other = class.course.topics[1];
    let stamp = class.admin.stamp("topics", other);
    let n = class.admin.next_n;
    let both = vec![put("topics").id(other).on(stamp).set("title", "mine"), delete("topics", other).on(stamp).on_own(n)];
    assert_eq!(class.admin.push(both).await?, [MutationOutcome::Applied, MutationOutcome::Applied]);
    assert_eq!(class.school.count("topics").await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_clock_ahead_of_the_servers_gains_no_precedence() -> Outcome<()> {
    let mut class = class().await?;
    let future = class.mark(&class.teacher, Some("absent"), now_us() + 600 * MINUTE_US);
    class.teacher.push_one(future).await?;
    let now = class.mark(&class.admin, Some("late"), now_us() + 1_000_000);
    class.admin.push_one(now).await?;
    assert_eq!(class.status().await?, "late", "the time of receipt counts");
    Ok(())
}

#[tokio::test]
async fn a_change_by_psql_counts_from_its_receipt() -> Outcome<()> {
    let mut class = class().await?;
    let topic = class.course.topics[0];
    let stamp = class.teacher.stamp("topics", topic);
    let before = now_us() - MINUTE_US;
    class.school.run("UPDATE topics SET title = 'psql'").await?;
    assert_eq!(
        class.teacher.push_one(put("topics").id(topic).on(stamp).set("title", "offline").at(before)).await?,
        MutationOutcome::Superseded
    );
    assert_eq!(class.school.column("topics", topic, "title").await?, "psql");
    assert_eq!(class.conflicts().await?, json!([["title", "offline", "psql"]]));
    let later = put("topics").id(topic).on(stamp).on_own(1).set("title", "later").at(now_us() + MINUTE_US);
    assert_eq!(class.teacher.push_one(later).await?, MutationOutcome::Merged);
    assert_eq!(class.school.column("topics", topic, "title").await?, "later");
    assert_eq!(class.conflicts().await?, json!([["title", "psql", "later"]]), "the value set by psql is a visible losing value");
    Ok(())
}

#[tokio::test]
async fn a_conflict_in_a_course_without_an_instructor_is_settled_by_an_administrator() -> Outcome<()> {
    let mut class = class().await?;
    let topic = class.course.topics[0];
    class.school.person("admin", "second").await?;
    let mut second = Caller::sign_in(&class.server.url(), "second").await?;
    second.pull().await?;
    class.school.run("UPDATE courses SET instructor_id = NULL").await?;
    let now = now_us();
    let rename = |caller: &Caller, at: i64| put("topics").id(topic).on(caller.stamp("topics", topic)).set("title", at.to_string()).at(at);
    let (one, other) = (rename(&class.admin, now - MINUTE_US), rename(&second, now));
    class.admin.push_one(one).await?;
    second.push_one(other).await?;
    second.pull().await?;
    let received = second.all("conflicts");
    let (id, row) = received.iter().next().ok_or("no conflict was received")?;
    let settled = put("conflicts").id(*id).on(row.stamp).link("settled_by", second.user).set("settled_at", now / 1000);
    assert_eq!(second.push_one(settled).await?, MutationOutcome::Applied);
    assert_eq!(class.conflicts().await?, json!([]));
    Ok(())
}

#[tokio::test]
async fn a_change_based_on_a_mark_replaces_it_in_any_order_of_arrival() -> Outcome<()> {
    for stale_first in [true, false] {
        let mut class = class().await?;
        let now = now_us();
        let mut stale = Caller::sign_in(&class.server.url(), "vusal").await?;
        let absent = class.mark(&class.teacher, Some("absent"), now - 3 * MINUTE_US);
        class.teacher.push_one(absent).await?;
        class.admin.pull().await?;
        let stamp = class.admin.stamp("attendance_records", class.cell());
        let seen = class.mark(&class.admin, Some("excused"), now - MINUTE_US).on(stamp);
        let unseen = class.mark(&stale, Some("late"), now - 2 * MINUTE_US);
        if stale_first {
            stale.push_one(unseen).await?;
            class.admin.push_one(seen).await?;
        } else {
            class.admin.push_one(seen).await?;
            stale.push_one(unseen).await?;
        }
        assert_eq!(class.status().await?, "excused");
        assert_eq!(class.conflicts().await?, json!([["status", "late", "excused"]]));
    }
    Ok(())
}

#[tokio::test]
async fn a_concurrent_change_of_price_and_currency_is_refused() -> Outcome<()> {
    let mut class = class().await?;
    let course = class.course.id;
    let stamp = class.teacher.stamp("courses", course);
    let price = |column: &str, value: Value| put("courses").id(course).on(stamp).set(column, value);
    assert_eq!(class.admin.push_one(price("price_minor", json!(4_000))).await?, MutationOutcome::Applied);
    let (code, field) = class.teacher.refusal(price("currency", json!("AZN"))).await?;
    assert_eq!((code, field.as_deref()), (Code::ChangedMeanwhile, Some("currency")));
    assert_eq!(class.school.column("courses", course, "jsonb_build_array(price_minor, currency)").await?, json!([4_000, "EUR"]));
    Ok(())
}
