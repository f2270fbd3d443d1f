//! The database is restored to an earlier state by stock tools. Changes that the server acknowledged and lost are sent again by the
//! laptops, automatically and once, and every laptop ends with the rows of the tables.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use uuid::Uuid;
use waystation_tests::caller::PASSWORD;
use waystation_tests::failover::{RestoreMethod, SavedState, Site};
use waystation_tests::laptop::Laptop;
use waystation_tests::school::{Course, School};
use waystation_tests::{Outcome, wait};

/// Longest time until all laptops have converged: a laptop polls once a minute without pokes.
const HOME_TIME_MAX: Duration = Duration::from_secs(180);
const PUPILS: usize = 4;
const TOPICS: usize = 6;

/// What happens to the server during the restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Server {
    Restarted,
    Running,
}

/// A group that a teacher marks, and a course that one of its pupils reads.
struct Class {
    site: Site,
    group: Uuid,
    pupils: Vec<Uuid>,
    course: Course,
    item: Uuid,
    teacher: Laptop,
    learner: Laptop,
}

impl Class {
    async fn open() -> Outcome<Class> {
        let site = Site::open().await?;
        let mut school = site.school().await?;
        let teaches = school.person("teacher", "teaches").await?;
        let mut pupils = Vec::new();
        for index in 0..PUPILS {
            pupils.push(school.person("learner", &format!("pupil{index}")).await?);
        }
        let group = school.group(teaches, &pupils).await?;
        let course = school.course(Some(teaches), "published", TOPICS).await?;
        school.enrol(pupils[0], &course).await?;
        // Topics are marked in any order.
        school.run("UPDATE topics SET requires_previous = false").await?;
        let item = json!({"id": Uuid::now_v7(), "course_id": course.id, "module_id": course.module, "topic_id": course.topics[0], "kind": "document", "title": "PDF"});
        let item = school.insert("content_items", item).await?;
        let teacher = Laptop::of("teaches", &site.server.url()).await?;
        let learner = Laptop::of("pupil0", &site.server.url()).await?;
        Ok(Class { site, group, pupils, course, item, teacher, learner })
    }

    /// Marks everybody on one day.
    async fn mark(&self, teacher: &Laptop, date: &str, status: &str) -> Outcome<()> {
        let marks: Vec<Value> =
            self.pupils.iter().map(|pupil| json!({"student_id": pupil, "lesson_date": date, "status": status})).collect();
        teacher.call("set_marks", json!({"group_id": self.group, "marks": marks})).await?;
        Ok(())
    }

    /// The learner reads for this many seconds. Seconds are summed, so a change that is applied twice shows.
    async fn read(&self, seconds: i64) -> Outcome<()> {
        let position = json!({"content_item_id": self.item, "page": 1, "second": null, "percent": 10, "seconds_spent": seconds});
        self.learner.call("note_position", position).await?;
        Ok(())
    }

    async fn wait_until_synced(&self) -> Outcome<()> {
        self.teacher.wait_until_synced().await?;
        self.learner.wait_until_synced().await?;
        Ok(())
    }

    /// Fails unless the laptop shows this mark for everybody on this day. It must hold at every moment.
    async fn shows(&self, teacher: &Laptop, date: &str, status: &str) -> Outcome<()> {
        let grid = teacher.call("grid", json!({"group_id": self.group, "from": date, "to": date})).await?;
        let shown: Vec<&Value> = grid["students"].as_array().into_iter().flatten().map(|student| &student["cells"][0]["status"]).collect();
        assert_eq!(shown, vec![&json!(status); PUPILS], "the laptop shows its own changes at every moment");
        Ok(())
    }

    /// Plain SQL that bypasses the server.
    async fn school(&self) -> Outcome<School> {
        self.site.school().await
    }

    /// Restores the database while the server is restarted or keeps running. `meanwhile` runs on the database before any server has
    /// connected to it.
    async fn restore(&mut self, saved: SavedState, server: Server, meanwhile: &[String]) -> Outcome<()> {
        if server == Server::Restarted {
            self.site.server.stop();
        }
        self.site.restore(saved).await?;
        let mut school = self.school().await?;
        for sql in meanwhile {
            school.run(sql.clone()).await?;
        }
        self.site.lead();
        if server == Server::Restarted {
            self.site.server.start().await?;
        }
        Ok(())
    }

    /// Marks and seconds in the tables.
    async fn stored(&self, date: &str, status: &str) -> Outcome<(i64, i64)> {
        let mut school = self.school().await?;
        let number = |value: Value| value.as_i64().unwrap_or(0);
        let marks = format!("SELECT count(*) FROM attendance_records WHERE lesson_date = '{date}' AND status = '{status}'");
        let marks = number(school.value(marks).await?);
        Ok((marks, number(school.value("SELECT sum(time_spent_seconds)::bigint FROM content_progress").await?)))
    }

    /// Waits until each laptop has the rows of the tables, with the same stamps.
    async fn laptops_equal_the_tables(&self) -> Outcome<()> {
        let tables = [
            ("topics", "title"),
            ("attendance_records", "status"),
            ("content_progress", "time_spent_seconds"),
            ("topic_progress", "completed"),
        ];
        for (laptop, tables) in [(&self.teacher, &tables[..]), (&self.learner, &tables[..1]), (&self.learner, &tables[2..])] {
            for (table, column) in tables {
                wait::until(&format!("a laptop's {table} are the server's"), HOME_TIME_MAX, || async {
                    let (here, there) =
                        (of_laptop(laptop, table, column).await?, of_tables(&mut self.school().await?, table, column).await?);
                    if here == there { Ok(Some(())) } else { Err(format!("{here:?} here, {there:?} there").into()) }
                })
                .await?;
            }
        }
        Ok(())
    }
}

type Rows = BTreeMap<String, (i64, Option<String>)>;

async fn of_laptop(laptop: &Laptop, table: &str, column: &str) -> Outcome<Rows> {
    let sql = format!("SELECT id, stamp, CAST({column} AS TEXT) FROM {table}");
    let store = laptop.app().store()?;
    let rows = store.read(move |connection| {
        let mut statement = connection.prepare(&sql)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?;
        Ok(rows.collect::<Result<Rows, _>>()?)
    });
    Ok(rows.await?)
}

async fn of_tables(school: &mut School, table: &str, column: &str) -> Outcome<Rows> {
    // A laptop's database has no booleans.
    let sql = format!(
        "SELECT id::text, stamp, CASE {column}::text WHEN 'true' THEN '1' WHEN 'false' THEN '0' ELSE {column}::text END FROM {table}"
    );
    let rows: Vec<(String, i64, Option<String>)> = sqlx::query_as(AssertSqlSafe(sql)).fetch_all(&mut school.sql).await?;
    Ok(rows.into_iter().map(|(id, stamp, content)| (id, (stamp, content))).collect())
}

/// Four marks and seven seconds of reading are acknowledged, and the database is restored to the state before them.
async fn acknowledged_changes_return(way: RestoreMethod, server: Server) -> Outcome<()> {
    let mut class = Class::open().await?;
    class.mark(&class.teacher, "2026-03-02", "late").await?;
    class.read(5).await?;
    class.wait_until_synced().await?;
    let saved = class.site.save(way).await?;
    class.mark(&class.teacher, "2026-03-04", "absent").await?;
    class.read(7).await?;
    class.learner.call("mark_topic", json!({"topic_id": class.course.topics[1], "completed": true})).await?;
    class.wait_until_synced().await?;
    assert_eq!(class.stored("2026-03-04", "absent").await?, (4, 12), "all of it was acknowledged");
    class.shows(&class.teacher, "2026-03-04", "absent").await?;

    if server == Server::Restarted {
        class.site.server.stop();
    }
    class.site.restore(saved).await?;
    assert_eq!(class.stored("2026-03-04", "absent").await?, (0, 5), "all of it is lost");
    class.site.lead();
    if server == Server::Restarted {
        class.site.server.start().await?;
    }
    wait::until("the acknowledged changes are in the tables again", HOME_TIME_MAX, || async {
        class.shows(&class.teacher, "2026-03-04", "absent").await?;
        let stored = class.stored("2026-03-04", "absent").await?;
        if stored == (4, 12) { Ok(Some(())) } else { Err(format!("{stored:?}").into()) }
    })
    .await?;
    class.wait_until_synced().await?;
    class.shows(&class.teacher, "2026-03-04", "absent").await?;
    class.shows(&class.teacher, "2026-03-02", "late").await?;
    class.laptops_equal_the_tables().await?;
    assert_eq!(class.stored("2026-03-04", "absent").await?, (4, 12), "nothing was applied twice");
    let mut school = class.school().await?;
    for table in ["conflicts", "held_changes", "offered_rows"] {
        assert_eq!(school.count(table).await?, 0, "{table}: no decision is requested");
    }
    class.site.verify()?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_lost_by_a_promotion_return_to_a_restarted_server() -> Outcome<()> {
    acknowledged_changes_return(RestoreMethod::Promotion, Server::Restarted).await
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_lost_by_a_promotion_return_to_a_running_server() -> Outcome<()> {
    acknowledged_changes_return(RestoreMethod::Promotion, Server::Running).await
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_lost_by_a_point_in_time_recovery_return_to_a_restarted_server() -> Outcome<()> {
    acknowledged_changes_return(RestoreMethod::Recovery, Server::Restarted).await
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_lost_by_a_point_in_time_recovery_return_to_a_running_server() -> Outcome<()> {
    acknowledged_changes_return(RestoreMethod::Recovery, Server::Running).await
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_lost_by_a_dump_in_the_same_cluster_return_to_a_restarted_server() -> Outcome<()> {
    acknowledged_changes_return(RestoreMethod::DumpBeside, Server::Restarted).await
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_lost_by_a_dump_in_the_same_cluster_return_to_a_running_server() -> Outcome<()> {
    acknowledged_changes_return(RestoreMethod::DumpBeside, Server::Running).await
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_lost_by_a_dump_in_another_cluster_return_to_a_restarted_server() -> Outcome<()> {
    acknowledged_changes_return(RestoreMethod::DumpElsewhere, Server::Restarted).await
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_lost_by_a_dump_in_another_cluster_return_to_a_running_server() -> Outcome<()> {
    acknowledged_changes_return(RestoreMethod::DumpElsewhere, Server::Running).await
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_lost_by_a_database_copy_return_to_a_running_server() -> Outcome<()> {
    acknowledged_changes_return(RestoreMethod::Template, Server::Running).await
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_lost_by_a_file_copy_return_to_a_restarted_server() -> Outcome<()> {
    acknowledged_changes_return(RestoreMethod::FileCopy, Server::Restarted).await
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_lost_by_a_file_copy_return_to_a_running_server() -> Outcome<()> {
    acknowledged_changes_return(RestoreMethod::FileCopy, Server::Running).await
}

/// A laptop signs in for the first time in the lost period, and its changes are acknowledged.
async fn a_new_laptop_keeps_its_work(server: Server) -> Outcome<()> {
    let mut class = Class::open().await?;
    let saved = class.site.save(RestoreMethod::Promotion).await?;
    let new = Laptop::of("teaches", &class.site.server.url()).await?;
    class.mark(&new, "2026-03-04", "absent").await?;
    new.wait_until_synced().await?;
    class.shows(&new, "2026-03-04", "absent").await?;
    class.restore(saved, server, &[]).await?;
    assert_eq!(class.stored("2026-03-04", "absent").await?.0, 0, "all of it is lost");
    wait::until("the new laptop's changes are in the tables again", HOME_TIME_MAX, || async {
        class.shows(&new, "2026-03-04", "absent").await?;
        // The server no longer has the session: the person is asked for the password once.
        if new.call("sync_status", json!({})).await?["signed_out"] == true {
            new.call("sign_in", json!({"server": class.site.server.url(), "name": "teaches", "password": PASSWORD})).await?;
        }
        let (marks, _) = class.stored("2026-03-04", "absent").await?;
        if marks == 4 { Ok(Some(())) } else { Err(format!("{marks} marks").into()) }
    })
    .await?;
    new.wait_until_synced().await?;
    class.shows(&new, "2026-03-04", "absent").await?;
    assert_eq!(class.school().await?.count("conflicts").await?, 0);
    class.laptops_equal_the_tables().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_laptop_whose_first_sign_in_was_lost_keeps_its_changes_at_a_restarted_server() -> Outcome<()> {
    a_new_laptop_keeps_its_work(Server::Restarted).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_laptop_whose_first_sign_in_was_lost_keeps_its_changes_at_a_running_server() -> Outcome<()> {
    a_new_laptop_keeps_its_work(Server::Running).await
}

/// In the new epoch, as many changes as were lost are made in the same scope before any server has connected to the database, so that
/// versions and digests equal those of the lost epoch.
async fn as_many_changes_as_were_lost(way: RestoreMethod, server: Server) -> Outcome<()> {
    let mut class = Class::open().await?;
    let saved = class.site.save(way).await?;
    let retitle = |topic: &Uuid, title: &str| format!("UPDATE topics SET title = '{title}' WHERE id = '{topic}'");
    let [lost, same, anew] = [0..2, 2..4, 4..6].map(|range| class.course.topics[range].to_vec());
    let mut school = class.school().await?;
    for topic in lost.iter().chain(&same) {
        school.run(retitle(topic, "Lost")).await?;
    }
    drop(school);
    for laptop in [&class.teacher, &class.learner] {
        wait::until("the laptop has the changes that will be lost", HOME_TIME_MAX, || async {
            let titles = of_laptop(laptop, "topics", "title").await?;
            Ok((titles.values().filter(|(_, title)| title.as_deref() == Some("Lost")).count() == 4).then_some(()))
        })
        .await?;
    }
    let meanwhile: Vec<String> = same.iter().chain(&anew).map(|topic| retitle(topic, "Anew")).collect();
    class.restore(saved, server, &meanwhile).await?;
    class.laptops_equal_the_tables().await?;
    let titles = of_laptop(&class.learner, "topics", "title").await?;
    assert_eq!(titles.values().filter(|(_, title)| title.as_deref() == Some("Anew")).count(), 4);
    class.site.verify()?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_new_changes_as_a_promotion_lost_reach_laptops_of_a_restarted_server() -> Outcome<()> {
    as_many_changes_as_were_lost(RestoreMethod::Promotion, Server::Restarted).await
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_new_changes_as_a_promotion_lost_reach_laptops_of_a_running_server() -> Outcome<()> {
    as_many_changes_as_were_lost(RestoreMethod::Promotion, Server::Running).await
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_new_changes_as_a_file_copy_lost_reach_laptops() -> Outcome<()> {
    as_many_changes_as_were_lost(RestoreMethod::FileCopy, Server::Restarted).await
}

/// PostgreSQL is killed after each of these lessons, until it has lost a commit that it had acknowledged.
const LESSONS: [&str; 8] = ["2026-03-02", "2026-03-04", "2026-03-09", "2026-03-11", "2026-03-16", "2026-03-18", "2026-03-23", "2026-03-25"];

/// With `synchronous_commit = off` PostgreSQL acknowledges commits before they are flushed, and a crash loses them although the identity of
/// the database does not change. Changes are sent to laptops only after the flush.
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_loses_no_published_change_under_asynchronous_commit() -> Outcome<()> {
    let mut class = Class::open().await?;
    class.read(5).await?;
    class.wait_until_synced().await?;
    for setting in ["wal_writer_delay = '10s'", "wal_writer_flush_after = '1GB'", "synchronous_commit = 'off'"] {
        class.site.node.run(format!("ALTER SYSTEM SET {setting}")).await?;
    }
    class.site.node.run("SELECT pg_reload_conf()").await?;
    for date in LESSONS {
        class.mark(&class.teacher, date, "absent").await?;
        class.teacher.wait_until_synced().await?;
        class.shows(&class.teacher, date, "absent").await?;
        class.site.address.lead_nowhere();
        class.site.node.kill();
        class.site.node.start().await?;
        let (marks, _) = class.stored(date, "absent").await?;
        assert_eq!(marks, 4, "{date}");
        class.site.lead();
    }
    class.laptops_equal_the_tables().await
}
