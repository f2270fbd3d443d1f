//! The database is restored to an earlier state by stock tools: no stamp is issued twice, and the server reports the restore and does not
//! answer from memory; events that only look like a restore begin no epoch.

use std::collections::BTreeMap;
use std::time::Duration;

use sqlx::AssertSqlSafe;
use uuid::Uuid;
use waystation_model::wire::PullLine;
use waystation_tests::caller::{Caller, put};
use waystation_tests::children::{self, Signal};
use waystation_tests::cluster::Cluster;
use waystation_tests::cluster::node::DATABASE;
use waystation_tests::failover::{RestoreMethod, Site, server_of};
use waystation_tests::school::{Course, School};
use waystation_tests::{Outcome, wait};

/// How long a running server may answer from its memory before it reports the restore.
const NOTICED_WITHIN: Duration = wait::SOON;
const TOPICS: usize = 4;

async fn course(site: &Site) -> Outcome<Course> {
    let mut school = site.school().await?;
    let rauf = school.person("instructor", "rauf").await?;
    school.course(Some(rauf), "published", TOPICS).await
}

fn retitle(topic: Uuid, title: &str) -> String {
    format!("UPDATE topics SET title = '{title}' WHERE id = '{topic}'")
}

async fn epoch(site: &Site) -> Outcome<i64> {
    site.school().await?.value("SELECT epoch FROM epoch").await?.as_i64().ok_or_else(|| "no epoch".into())
}

/// Everything that was ever visible: the content of a row under each of its stamps.
#[derive(Default)]
struct Shown(BTreeMap<(Uuid, i64), String>);

impl Shown {
    fn note(&mut self, by: &str, id: Uuid, stamp: i64, title: &str) {
        let known = self.0.entry((id, stamp)).or_insert_with(|| title.to_owned());
        assert_eq!(known, title, "{by} shows other content of {id} under the stamp {stamp}");
    }

    fn last_stamp(&self) -> i64 {
        self.0.keys().map(|(_, stamp)| *stamp).max().unwrap_or(0)
    }

    async fn note_sql(&mut self, school: &mut School) -> Outcome<()> {
        let rows: Vec<(Uuid, i64, String)> =
            sqlx::query_as(AssertSqlSafe("SELECT id, stamp, title FROM topics")).fetch_all(&mut school.sql).await?;
        for (id, stamp, title) in rows {
            self.note("SQL", id, stamp, &title);
        }
        Ok(())
    }

    fn note_caller(&mut self, caller: &Caller) {
        for (id, row) in caller.all("topics") {
            self.note("a laptop", id, row.stamp, row.columns["title"].as_str().unwrap_or_default());
        }
    }
}

/// Rows change, the database is restored, and the same rows change differently before any server has connected to it.
async fn no_stamp_is_issued_twice(way: RestoreMethod) -> Outcome<()> {
    let mut site = Site::open().await?;
    let course = course(&site).await?;
    let mut rauf = Caller::sign_in(&site.server.url(), "rauf").await?;
    rauf.pull().await?;
    let mut shown = Shown::default();
    let saved = site.save(way).await?;
    let mut school = site.school().await?;
    for topic in &course.topics {
        for title in ["Lost", "Lost again"] {
            school.run(retitle(*topic, title)).await?;
            shown.note_sql(&mut school).await?;
        }
    }
    rauf.pull_until("all changes have arrived", |caller, _| caller.all("topics").values().all(|row| row.columns["title"] == "Lost again"))
        .await?;
    rauf.push_one(put("topics").id(course.topics[0]).set("title", "Lost by the laptop")).await?;
    rauf.pull().await?;
    shown.note_caller(&rauf);
    shown.note_sql(&mut school).await?;
    drop(school);
    let last_lost = shown.last_stamp();

    site.server.stop();
    site.restore(saved).await?;
    let mut school = site.school().await?;
    // More changes than were lost, so that they pass every issued stamp.
    for round in 0..4 {
        for topic in &course.topics {
            school.run(retitle(*topic, &format!("Anew {round}"))).await?;
            shown.note_sql(&mut school).await?;
        }
    }
    let first_new = school.value("SELECT min(stamp) FROM topics").await?.as_i64().ok_or("no stamp")?;
    assert!(first_new > last_lost, "{first_new} was issued after {last_lost}");
    site.lead();
    site.server.start().await?;
    // The device existed before; a new sign-in requests everything like a new laptop.
    let mut other = Caller::sign_in(&site.server.url(), "rauf").await?;
    for caller in [&mut rauf, &mut other] {
        caller
            .pull_until("the new titles have arrived", |caller, _| {
                let topics = caller.all("topics");
                topics.len() == TOPICS && topics.values().all(|row| row.columns["title"] == "Anew 3")
            })
            .await?;
        shown.note_caller(caller);
    }
    shown.note_sql(&mut school).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_stamp_is_issued_twice_after_a_promotion() -> Outcome<()> {
    no_stamp_is_issued_twice(RestoreMethod::Promotion).await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_stamp_is_issued_twice_after_a_point_in_time_recovery() -> Outcome<()> {
    no_stamp_is_issued_twice(RestoreMethod::Recovery).await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_stamp_is_issued_twice_after_a_dump_is_loaded_in_the_same_cluster() -> Outcome<()> {
    no_stamp_is_issued_twice(RestoreMethod::DumpBeside).await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_stamp_is_issued_twice_after_a_dump_is_loaded_in_another_cluster() -> Outcome<()> {
    no_stamp_is_issued_twice(RestoreMethod::DumpElsewhere).await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_stamp_is_issued_twice_in_a_copy_of_the_database() -> Outcome<()> {
    no_stamp_is_issued_twice(RestoreMethod::Template).await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_stamp_is_issued_twice_after_the_files_are_restored() -> Outcome<()> {
    no_stamp_is_issued_twice(RestoreMethod::FileCopy).await
}

/// How often a backend is killed until PostgreSQL has lost a commit that it had acknowledged.
const KILLS_MAX: usize = 10;

/// The system may kill one backend when memory is short. PostgreSQL then recovers although its first process keeps running, and loses
/// acknowledged commits when they do not wait for a flush.
#[tokio::test(flavor = "multi_thread")]
async fn no_stamp_is_issued_twice_after_a_killed_backend_lost_asynchronous_commits() -> Outcome<()> {
    let site = Site::open().await?;
    let course = course(&site).await?;
    let mut shown = Shown::default();
    for setting in ["wal_writer_delay = '10s'", "wal_writer_flush_after = '1GB'", "synchronous_commit = 'off'"] {
        site.node.run(format!("ALTER SYSTEM SET {setting}")).await?;
    }
    site.node.run("SELECT pg_reload_conf()").await?;
    for kill in 0..KILLS_MAX {
        let mut school = site.school().await?;
        // More than the 32 values that a sequence logs ahead.
        for _ in 0..20 {
            for topic in &course.topics {
                school.run(retitle(*topic, &format!("Lost {kill}"))).await?;
                school.run(retitle(*topic, "Lost")).await?;
            }
            shown.note_sql(&mut school).await?;
        }
        let last_lost = shown.last_stamp();
        let backend = school.value("SELECT pg_backend_pid()").await?.as_u64().ok_or("no process")?;
        children::send(u32::try_from(backend)?, Signal::Kill);
        let gone = format!("SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = {backend})");
        wait::until("PostgreSQL has recovered", NOTICED_WITHIN, || async { Ok(site.node.query_bool(gone.clone()).await?.then_some(())) })
            .await?;
        let mut school = site.school().await?;
        let is_lost = school.value("SELECT max(stamp) FROM topics").await?.as_i64().ok_or("no stamp")? < last_lost;
        for topic in &course.topics {
            school.run(retitle(*topic, &format!("Anew {kill}"))).await?;
        }
        let first_new = school.value("SELECT min(stamp) FROM topics").await?.as_i64().ok_or("no stamp")?;
        assert!(first_new > last_lost, "{first_new} was issued after {last_lost}");
        if is_lost {
            return Ok(());
        }
    }
    // A database that makes every commit of the server wait for a flush loses nothing, which is equally correct.
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_running_through_a_promotion_does_not_answer_from_memory() -> Outcome<()> {
    let mut site = Site::open().await?;
    let course = course(&site).await?;
    let mut rauf = Caller::sign_in(&site.server.url(), "rauf").await?;
    rauf.pull().await?;
    let saved = site.save(RestoreMethod::Promotion).await?;
    let mut school = site.school().await?;
    school.run(retitle(course.topics[0], "Lost")).await?;
    drop(school);
    rauf.pull_until("it has come", |caller, _| caller.row("topics", course.topics[0]).is_some_and(|row| row.columns["title"] == "Lost"))
        .await?;
    site.restore(saved).await?;
    // As many as were lost: the heads that the server remembers are those of the database.
    site.school().await?.run(retitle(course.topics[1], "Anew")).await?;
    site.lead();
    wait::until("the server does not answer `unchanged`", NOTICED_WITHIN, || async {
        let answer = rauf.ask_digest().await?;
        if matches!(answer, PullLine::Unchanged { .. }) { Err("unchanged".into()) } else { Ok(Some(())) }
    })
    .await?;
    rauf.pull_until("both titles equal those of the tables", |caller, _| {
        let title = |index: usize| caller.row("topics", course.topics[index]).map(|row| row.columns["title"].clone());
        title(0) == Some("Topic 0".into()) && title(1) == Some("Anew".into())
    })
    .await?;
    Ok(())
}

/// The operator is told without asking, and again when asking.
async fn the_operator_is_told(way: RestoreMethod) -> Outcome<()> {
    let mut site = Site::open().await?;
    course(&site).await?;
    let before = epoch(&site).await?;
    let saved = site.save(way).await?;
    let other = site.school().await?.value("SELECT epoch FROM epoch").await?;
    assert_eq!(other.as_i64(), Some(before), "saving a state begins no epoch");
    site.restore(saved).await?;
    site.lead();
    let now = wait::until("a new epoch has begun", NOTICED_WITHIN, || async {
        let now = epoch(&site).await?;
        Ok((now > before).then_some(now))
    })
    .await?;
    wait::until("the log says so", NOTICED_WITHIN, || async {
        let logs = site.logs()?;
        let says = |line: &str| (line.contains("WARN") || line.contains("ERROR")) && line.contains(&now.to_string());
        if logs.lines().any(says) { Ok(Some(())) } else { Err(logs.into()) }
    })
    .await?;
    let report = site.verify()?;
    assert!(report.contains(&now.to_string()), "{report}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_is_told_of_a_promotion() -> Outcome<()> {
    the_operator_is_told(RestoreMethod::Promotion).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_is_told_of_a_point_in_time_recovery() -> Outcome<()> {
    the_operator_is_told(RestoreMethod::Recovery).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_is_told_of_a_dump_that_was_loaded() -> Outcome<()> {
    the_operator_is_told(RestoreMethod::DumpElsewhere).await
}

/// A change by plain SQL and a push are accepted, in the unchanged epoch.
async fn continues_in_its_epoch(site: &Site, course: &Course, caller: &mut Caller, after: &str) -> Outcome<()> {
    site.school().await?.run(retitle(course.topics[0], &format!("By SQL after {after}"))).await?;
    let push = caller.push_of(vec![put("topics").id(course.topics[1]).set("title", format!("By push after {after}"))]);
    // Repeated unchanged until the server has its connections again.
    let answer = wait::until("the server accepts a push", NOTICED_WITHIN, || async { Ok(Some(caller.send(&push).await??)) }).await?;
    caller.acknowledge(&push, &answer);
    caller.pull().await?;
    let begun_with = caller.signed_in["epoch"].as_i64();
    assert_eq!((Some(epoch(site).await?), Some(caller.epoch)), (begun_with, begun_with), "after {after}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_a_crash_a_rename_and_a_second_instance_begin_no_epoch() -> Outcome<()> {
    let mut site = Site::open().await?;
    let course = course(&site).await?;
    let mut rauf = Caller::sign_in(&site.server.url(), "rauf").await?;
    continues_in_its_epoch(&site, &course, &mut rauf, "nothing").await?;
    site.node.stop();
    site.node.start().await?;
    continues_in_its_epoch(&site, &course, &mut rauf, "a restart").await?;
    site.node.kill();
    site.node.start().await?;
    continues_in_its_epoch(&site, &course, &mut rauf, "a crash").await?;

    let folder = tempfile::tempdir()?;
    let mut second = server_of(site.address.address(), folder.path())?;
    second.start().await?;
    continues_in_its_epoch(&site, &course, &mut rauf, "the start of a second instance").await?;
    Caller::sign_in(&second.url(), "rauf").await?.pull().await?;
    continues_in_its_epoch(&site, &course, &mut rauf, "a pull from a second instance").await?;
    second.stop();

    site.node.rename_database(DATABASE, "renamed").await?;
    let mut renamed = site.node.connect("renamed").await?;
    sqlx::query("UPDATE topics SET title = 'Renamed'").execute(&mut renamed).await?;
    drop(renamed);
    site.node.rename_database("renamed", DATABASE).await?;
    continues_in_its_epoch(&site, &course, &mut rauf, "a rename and a rename back").await?;
    assert!(!site.verify()?.contains("epoch"), "there is nothing to report");
    Ok(())
}

/// A promotion is detected by the first change. When that is rolled back, so are the rows that record it.
#[tokio::test]
async fn a_rolled_back_first_change_keeps_the_lost_stamps() -> Outcome<()> {
    let database = Cluster::shared().await?.database().await?;
    let mut sql = database.connect().await?;
    sqlx::query("SELECT epoch_settle()").execute(&mut sql).await?;
    let given: i64 = sqlx::query_scalar("SELECT nextval('stamp_seq')").fetch_one(&mut sql).await?;
    sqlx::query("UPDATE epoch SET timeline = timeline + 1").execute(&mut sql).await?;
    sqlx::raw_sql("BEGIN; UPDATE topics SET title = title; ROLLBACK").execute(&mut sql).await?;
    sqlx::query("SELECT epoch_settle()").execute(&mut sql).await?;
    let (after, upto): (i64, i64) = sqlx::query_as("SELECT after_stamp, upto_stamp FROM lost_lives").fetch_one(&mut sql).await?;
    assert!(after < given && given < upto, "{given} is not between {after} and {upto}");
    Ok(())
}

/// A data import right after a restart, in one long transaction.
#[tokio::test]
async fn a_long_transaction_after_a_restart_delays_no_server() -> Outcome<()> {
    let database = Cluster::shared().await?.database().await?;
    let mut server = database.connect().await?;
    let epoch: i64 = sqlx::query_scalar("SELECT epoch_settle()").fetch_one(&mut server).await?;
    let given: i64 = sqlx::query_scalar("SELECT last_value FROM stamp_seq").fetch_one(&mut server).await?;
    sqlx::query("UPDATE epoch SET run_started_at = run_started_at - interval '1 hour'").execute(&mut server).await?;
    let mut import = database.connect().await?;
    sqlx::raw_sql("BEGIN; UPDATE topics SET title = title").execute(&mut import).await?;
    let jumped: i64 = sqlx::query_scalar("SELECT last_value FROM stamp_seq").fetch_one(&mut server).await?;
    assert!(jumped > given, "its stamps begin above all issued ones");
    sqlx::raw_sql("SET lock_timeout = '10s'").execute(&mut server).await?;
    let settled: i64 = sqlx::query_scalar("SELECT epoch_settle()").fetch_one(&mut server).await?;
    assert_eq!(settled, epoch, "a restart begins no epoch");
    sqlx::raw_sql("ROLLBACK").execute(&mut import).await?;
    Ok(())
}
