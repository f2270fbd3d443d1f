//! Changes by any client and any method enter the feeds once, in order, and without a gap.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;
use waystation_model::wire::Outcome as MutationOutcome;
use waystation_tests::Outcome;
use waystation_tests::caller::{Caller, put};
use waystation_tests::cluster::Database;
use waystation_tests::school::{Course, School, open};
use waystation_tests::server::LocalServer;

/// Half of them are laptops that push, half are programs that use SQL.
const WRITERS: usize = 16;
const CHANGES_PER_WRITER: usize = 25;
/// One plain transaction in this many is rolled back.
const ROLLED_BACK_ONE_IN: usize = 5;
/// One plain transaction in this many stays open while others begin and commit.
const LONG_ONE_IN: usize = 7;
/// Queries of a long transaction before it commits.
const LONG_QUESTIONS: usize = 40;

async fn course() -> Outcome<(LocalServer, School, Course)> {
    let (server, mut school) = open().await?;
    let rauf = school.person("instructor", "rauf").await?;
    let course = school.course(Some(rauf), "published", 4).await?;
    Ok((server, school, course))
}

async fn heads(school: &mut School) -> Outcome<BTreeMap<String, i64>> {
    Ok(serde_json::from_value(school.value("SELECT jsonb_object_agg(h.scope, h.version) FROM scope_heads h").await?)?)
}

/// How far the head of each changed scope moved.
async fn moved(school: &mut School, before: &BTreeMap<String, i64>) -> Outcome<BTreeMap<String, i64>> {
    let after = heads(school).await?;
    let step = |(scope, head): (String, i64)| (head - before.get(&scope).copied().unwrap_or(0), scope);
    Ok(after.into_iter().map(step).filter(|(by, _)| *by > 0).map(|(by, scope)| (scope, by)).collect())
}

#[tokio::test]
async fn several_statements_of_one_transaction_move_each_row_once() -> Outcome<()> {
    let (server, mut school, course) = course().await?;
    let mut rauf = Caller::sign_in(&server.url(), "rauf").await?;
    rauf.pull().await?;
    let before = heads(&mut school).await?;
    let [first, second, third, fourth] = course.topics[..] else { return Err("four topics".into()) };
    school
        .run(format!(
            "BEGIN; UPDATE topics SET title = 'a'; UPDATE topics SET title = 'b' WHERE id = '{first}'; DELETE FROM topics WHERE id = '{second}'; \
             INSERT INTO modules (organization_id, course_id, title) SELECT organization_id, id, 'Second' FROM courses; \
             DELETE FROM modules WHERE title = 'Second'; UPDATE courses SET title = 'Renamed'; COMMIT"
        ))
        .await?;
    let scope = format!("course:{}", course.id);
    assert_eq!(moved(&mut school, &before).await?[&scope], 5, "four topics and a module that came and went");
    let pulled = rauf.pull().await?;
    let titles: Vec<Value> =
        [first, third, fourth].iter().map(|id| rauf.row("topics", *id).expect("received").columns["title"].clone()).collect();
    assert_eq!(titles, [json!("b"), json!("a"), json!("a")]);
    let deleted: Vec<Uuid> = pulled.gone.iter().filter(|(of, ..)| *of == scope).map(|(_, _, id, _)| *id).collect();
    assert!(deleted.contains(&second) && deleted.len() == 2, "{deleted:?}");
    Ok(())
}

#[tokio::test]
async fn a_recreated_row_replaces_the_deleted_one() -> Outcome<()> {
    let (server, mut school, course) = course().await?;
    let mut rauf = Caller::sign_in(&server.url(), "rauf").await?;
    rauf.pull().await?;
    let again = course.topics[0];
    school.run(format!("DELETE FROM topics WHERE id = '{again}'")).await?;
    rauf.pull_until("it is gone", |caller, _| caller.row("topics", again).is_none()).await?;
    let before = heads(&mut school).await?;
    // One transaction that only inserts rows: one of them has a tombstone in the feed, and one is new to it.
    let new = Uuid::now_v7();
    let made = |id: Uuid| {
        format!(
            "INSERT INTO topics (id, organization_id, module_id, course_id, title) \
             SELECT '{id}', organization_id, '{}', id, 'Made' FROM courses WHERE id = '{}'; ",
            course.module, course.id
        )
    };
    school.run(format!("BEGIN; {}{}COMMIT", made(new), made(again))).await?;
    assert_eq!(moved(&mut school, &before).await?[&format!("course:{}", course.id)], 2);
    // The checksums of every page match.
    rauf.pull_until("both are here", |caller, _| [new, again].iter().all(|id| caller.row("topics", *id).is_some())).await?;
    let report = sync_server::verify::verify(&server.server().app().pool).await?;
    assert!(report.faults.is_empty(), "{report}");
    Ok(())
}

#[tokio::test]
async fn statements_without_effect_enter_no_feed() -> Outcome<()> {
    let (_server, mut school, _course) = course().await?;
    let before = heads(&mut school).await?;
    for sql in [
        "UPDATE topics SET title = title",
        "UPDATE courses SET title = title, status = status",
        "UPDATE users SET full_name = full_name",
        "DELETE FROM topics WHERE title = 'no such topic'",
        "UPDATE device_states SET last_seen_at = now()",
    ] {
        school.run(sql).await?;
        assert_eq!(moved(&mut school, &before).await?, BTreeMap::new(), "{sql}");
    }
    Ok(())
}

#[tokio::test]
async fn a_rolled_back_transaction_leaves_nothing() -> Outcome<()> {
    let (server, mut school, course) = course().await?;
    let before = heads(&mut school).await?;
    school.run("BEGIN; UPDATE topics SET title = 'x'; DELETE FROM topics; ROLLBACK").await?;
    assert_eq!(moved(&mut school, &before).await?, BTreeMap::new());
    school
        .run(format!(
            "BEGIN; UPDATE modules SET title = 'kept'; SAVEPOINT a; UPDATE topics SET title = 'x'; ROLLBACK TO a; COMMIT; \
             UPDATE topics SET position = 3 WHERE id = '{}'",
            course.topics[0]
        ))
        .await?;
    assert_eq!(moved(&mut school, &before).await?, BTreeMap::from([(format!("course:{}", course.id), 2)]));
    Caller::sign_in(&server.url(), "rauf").await?.pull().await?;
    Ok(())
}

#[tokio::test]
async fn truncate_is_refused() -> Outcome<()> {
    let (_server, mut school, _course) = course().await?;
    for sql in ["TRUNCATE attendance_records", "TRUNCATE courses CASCADE", "TRUNCATE topics, modules CASCADE"] {
        let error = school.run(sql).await.expect_err("the feeds would not know");
        assert!(error.to_string().contains("use DELETE"), "{error}");
    }
    assert_eq!(school.count("topics").await?, 4);
    Ok(())
}

#[tokio::test]
async fn keys_are_immutable() -> Outcome<()> {
    let (_server, mut school, course) = course().await?;
    school.run(format!("UPDATE topics SET id = gen_random_uuid() WHERE id = '{}'", course.topics[0])).await?;
    assert_eq!(school.column("topics", course.topics[0], "title").await?, "Topic 0", "an id is immutable");
    let error = school.run("UPDATE topics SET course_id = gen_random_uuid()").await.expect_err("a key");
    assert!(error.to_string().contains("never changes"), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_follower_of_sixteen_concurrent_writers_misses_nothing() -> Outcome<()> {
    let (server, mut school, course) = course().await?;
    let scope = format!("course:{}", course.id);
    let database = server.database().clone();
    let mut callers = Vec::new();
    for _ in 0..WRITERS / 2 {
        callers.push(Caller::sign_in(&server.url(), "rauf").await?);
    }
    let writing = AtomicBool::new(true);
    let writers = async {
        let by_sql = join_all((0..WRITERS / 2).map(|writer| write(&database, &course, writer)));
        let by_push = join_all(callers.iter_mut().map(|caller| push(caller, &course)));
        let (by_sql, by_push) = tokio::join!(by_sql, by_push);
        writing.store(false, Ordering::Release);
        by_sql.into_iter().chain(by_push).sum::<Outcome<usize>>()
    };
    let follower = async {
        let mut seen = Vec::new();
        let mut connection = database.connect().await?;
        loop {
            let last = !writing.load(Ordering::Acquire);
            seen.extend(follow(&mut connection, &scope, seen.last().copied().unwrap_or(0)).await?);
            if last {
                return Outcome::Ok(seen);
            }
        }
    };
    let laptop = async {
        let mut rauf = Caller::sign_in(&server.url(), "rauf").await?;
        while writing.load(Ordering::Acquire) {
            rauf.pull().await?;
        }
        rauf.pull().await?;
        Outcome::Ok(rauf)
    };
    let (steps, seen, rauf) = tokio::join!(writers, follower, laptop);
    let head = heads(&mut school).await?[&scope];
    // Every entry in the final feed was seen under its version; an entry that was not seen has moved forward since.
    let stored: Vec<i64> = serde_json::from_value(
        school
            .value(format!(
                "SELECT jsonb_agg(f.version ORDER BY f.version) FROM feed f JOIN scope_heads h ON h.id = f.scope_id WHERE h.scope = '{scope}'"
            ))
            .await?,
    )?;
    let seen = seen?;
    assert!(seen.is_sorted_by(|before, after| before < after), "a version was repeated or out of order");
    assert!(stored.iter().all(|version| seen.contains(version)), "a version was missed");
    assert_eq!((seen.last(), stored.last()), (Some(&head), Some(&head)));
    let committed = (0..CHANGES_PER_WRITER).filter(|change| !is_rolled_back(*change)).count();
    let rows = 1 + 4 + WRITERS / 2 * (committed + CHANGES_PER_WRITER);
    assert_eq!(stored.len(), rows);
    assert_eq!(rauf?.rows[&scope].len(), rows);
    // Dense: the earlier versions, and one for each time that a committed transaction changed a row.
    assert_eq!(head, i64::try_from(5 + steps?)?);
    Ok(())
}

fn is_rolled_back(change: usize) -> bool {
    change % ROLLED_BACK_ONE_IN == 1
}

/// Transactions of two statements: a row of its own, and a row that all writers change. Returns how many rows the committed ones changed.
async fn write(database: &Database, course: &Course, writer: usize) -> Outcome<usize> {
    let mut connection = database.connect().await?;
    let mut touched = 0;
    for change in 0..CHANGES_PER_WRITER {
        let own = format!(
            "INSERT INTO topics (organization_id, module_id, course_id, title) SELECT organization_id, module_id, course_id, 'own {writer}' FROM topics WHERE id = '{}'",
            course.topics[0]
        );
        let shared = format!("UPDATE topics SET title = '{writer} {change}' WHERE id = '{}'", course.topics[change % course.topics.len()]);
        let mut transaction = connection.begin().await?;
        // Half of them in the reverse order, as two people may.
        let statements = if writer.is_multiple_of(2) { [own, shared] } else { [shared, own] };
        for statement in statements {
            sqlx::query(AssertSqlSafe(statement)).execute(&mut *transaction).await?;
        }
        if change % LONG_ONE_IN == 0 {
            for _ in 0..LONG_QUESTIONS {
                sqlx::query("SELECT 1").execute(&mut *transaction).await?;
            }
        }
        if is_rolled_back(change) {
            transaction.rollback().await?;
        } else {
            transaction.commit().await?;
            touched += 2;
        }
    }
    Ok(touched)
}

/// Pushes of one new row each. Returns how many rows were changed.
async fn push(caller: &mut Caller, course: &Course) -> Outcome<usize> {
    for _ in 0..CHANGES_PER_WRITER {
        let topic = put("topics").id(Uuid::now_v7()).link("module_id", course.module).link("course_id", course.id).set("title", "pushed");
        let outcome = caller.push_one(topic).await?;
        assert_eq!(outcome, MutationOutcome::Applied);
    }
    Ok(CHANGES_PER_WRITER)
}

async fn follow(connection: &mut PgConnection, scope: &str, after: i64) -> Outcome<Vec<i64>> {
    let sql =
        "SELECT f.version FROM feed f JOIN scope_heads h ON h.id = f.scope_id WHERE h.scope = $1 AND f.version > $2 ORDER BY f.version";
    Ok(sqlx::query_scalar(sql).bind(scope).bind(after).fetch_all(connection).await?)
}

#[tokio::test]
async fn laptops_and_psql_that_write_one_row_converge() -> Outcome<()> {
    let (server, mut school, course) = course().await?;
    let mut callers = Vec::new();
    for _ in 0..4 {
        callers.push(Caller::sign_in(&server.url(), "rauf").await?);
    }
    let topic = course.topics[0];
    let pushes = callers.iter_mut().enumerate().map(|(number, caller)| async move {
        for round in 0..5 {
            caller.push_one(put("topics").id(topic).set("title", format!("laptop {number} {round}"))).await?;
        }
        Outcome::Ok(())
    });
    let psql = async {
        for round in 0..10 {
            school.run(format!("UPDATE topics SET position = {round}")).await?;
        }
        Outcome::Ok(())
    };
    let (pushed, by_hand) = tokio::join!(join_all(pushes), psql);
    by_hand?;
    pushed.into_iter().collect::<Outcome<Vec<()>>>()?;
    let title = school.column("topics", topic, "title").await?;
    for mut caller in callers {
        caller.pull().await?;
        assert_eq!(caller.row("topics", topic).ok_or("not received")?.columns["title"], title);
    }
    Ok(())
}

#[tokio::test]
async fn every_table_of_the_registry_has_its_triggers() -> Outcome<()> {
    let (_server, mut school) = open().await?;
    let triggers = "SELECT jsonb_object_agg(c.relname, t.names) FROM pg_class c JOIN LATERAL (
            SELECT jsonb_agg(t.tgname ORDER BY t.tgname) AS names FROM pg_trigger t
            WHERE t.tgrelid = c.oid AND t.tgenabled = 'O' AND t.tgname IN ('a_before', 'feed_insert', 'feed_update', 'feed_delete', 'feed_truncate')
        ) t ON t.names IS NOT NULL WHERE c.relnamespace = 'public'::regnamespace";
    let there: BTreeMap<String, Vec<String>> = serde_json::from_value(school.value(triggers).await?)?;
    let wanted = ["a_before", "feed_delete", "feed_insert", "feed_truncate", "feed_update"].map(str::to_owned);
    let registered = waystation_model::registry::all().iter().map(|entity| (entity.name.to_owned(), wanted.to_vec()));
    assert_eq!(there, registered.collect());
    Ok(())
}

#[tokio::test]
async fn a_time_set_by_plain_sql_is_not_the_edit_of_the_next_writer() -> Outcome<()> {
    let (server, mut school, course) = course().await?;
    let learner = school.person("learner", "aysel").await?;
    let enrolment = school.enrol(learner, &course).await?;
    // She may set who made an enrollment of her own.
    school.run("UPDATE enrollments SET due_at = '2027-01-01 00:00:00.123987+00', enrollment_type = 'self'").await?;
    // The state of a row that was written before times were stored as sent.
    school.run("ALTER TABLE enrollments DISABLE TRIGGER a_before").await?;
    school.run("UPDATE enrollments SET started_at = '2026-01-01 00:00:00.123987+00'").await?;
    school.run("ALTER TABLE enrollments ENABLE TRIGGER a_before").await?;
    let edits = "jsonb_build_array(edits -> 'due_at', edits -> 'enrolling')";
    let before = school.column("enrollments", enrolment, edits).await?;
    let mut aysel = Caller::sign_in(&server.url(), "aysel").await?;
    aysel.pull().await?;
    assert_eq!(aysel.row("enrollments", enrolment).ok_or("not received")?.columns["due_at"], json!(1_798_761_600_124_i64));
    let again = put("enrollments").link("user_id", learner).link("course_id", course.id).link("enrolled_by", learner);
    let started = put("enrollments").link("user_id", learner).link("course_id", course.id).set("status", "in_progress");
    aysel.push_one(started.on(aysel.stamp("enrollments", enrolment))).await?;
    assert_eq!(school.column("enrollments", enrolment, edits).await?, before);
    let status = "edits -> 'status' -> 'n'";
    assert_eq!(school.column("enrollments", enrolment, status).await?, json!(1));
    assert!(matches!(aysel.push_one(again.on_own(1)).await?, MutationOutcome::Applied | MutationOutcome::Merged));
    assert_eq!(school.column("enrollments", enrolment, status).await?, json!(1), "the finer time of the old row was set by no person");
    Ok(())
}
