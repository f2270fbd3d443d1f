//! The database goes back in time by stock tools. What laptops had acknowledged comes back from them, by itself and once, and
//! every laptop ends with what the tables have.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use uuid::Uuid;
use waystation_tests::caller::PASSWORD;
use waystation_tests::failover::{Kept, Site, WayBack};
use waystation_tests::laptop::Laptop;
use waystation_tests::school::{Course, School};
use waystation_tests::{Outcome, patience};

/// How long it may take until everything is home again: a laptop asks once a minute when nobody pokes it.
const HOME_TIME_MAX: Duration = Duration::from_secs(180);
const PUPILS: usize = 4;
const TOPICS: usize = 6;

/// What becomes of the server while the database goes back.
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
        for place in 0..PUPILS {
            pupils.push(school.person("learner", &format!("pupil{place}")).await?);
        }
        let group = school.group(teaches, &pupils).await?;
        let course = school.course(Some(teaches), "published", TOPICS).await?;
        school.enrol(pupils[0], &course).await?;
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

    /// The learner reads for so many seconds. They are summed: what comes twice shows.
    async fn read(&self, seconds: i64) -> Outcome<()> {
        let place = json!({"content_item_id": self.item, "page": 1, "second": null, "percent": 10, "seconds_spent": seconds});
        self.learner.call("note_position", place).await?;
        Ok(())
    }

    async fn is_in_step(&self) -> Outcome<()> {
        self.teacher.is_in_step().await?;
        self.learner.is_in_step().await?;
        Ok(())
    }

    /// The laptop shows this mark for everybody on this day. To be true at every moment.
    async fn shows(&self, teacher: &Laptop, date: &str, status: &str) -> Outcome<()> {
        let grid = teacher.call("grid", json!({"group_id": self.group, "from": date, "to": date})).await?;
        let shown: Vec<&Value> = grid["students"].as_array().into_iter().flatten().map(|student| &student["cells"][0]["status"]).collect();
        assert_eq!(shown, vec![&json!(status); PUPILS], "the laptop shows what was entered on it, all the time");
        Ok(())
    }

    /// Plain SQL, past the server.
    async fn school(&self) -> Outcome<School> {
        self.site.school().await
    }

    /// Goes back, under a server that is restarted meanwhile or lives through it. `meanwhile` happens to the database before any
    /// server has seen it.
    async fn go_back(&mut self, kept: Kept, server: Server, meanwhile: &[String]) -> Outcome<()> {
        if server == Server::Restarted {
            self.site.server.stop();
        }
        self.site.go_back(kept).await?;
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

    /// Marks and seconds that the tables have.
    async fn stored(&self, date: &str, status: &str) -> Outcome<(i64, i64)> {
        let mut school = self.school().await?;
        let number = |value: Value| value.as_i64().unwrap_or(0);
        let marks = format!("SELECT count(*) FROM attendance_records WHERE lesson_date = '{date}' AND status = '{status}'");
        let marks = number(school.value(marks).await?);
        Ok((marks, number(school.value("SELECT sum(time_spent_seconds)::bigint FROM content_progress").await?)))
    }

    /// Waits until each laptop holds the rows that the tables have, under the same stamps.
    async fn laptops_equal_the_tables(&self) -> Outcome<()> {
        let tables = [
            ("topics", "title"),
            ("attendance_records", "status"),
            ("content_progress", "time_spent_seconds"),
            ("topic_progress", "completed"),
        ];
        for (laptop, tables) in [(&self.teacher, &tables[..]), (&self.learner, &tables[..1]), (&self.learner, &tables[2..])] {
            for (table, column) in tables {
                patience::until(&format!("a laptop's {table} are the server's"), HOME_TIME_MAX, || async {
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

/// Four marks and seven seconds of reading are acknowledged, and the database goes back to before them.
async fn acknowledged_work_comes_back(way: WayBack, server: Server) -> Outcome<()> {
    let mut class = Class::open().await?;
    class.mark(&class.teacher, "2026-03-02", "late").await?;
    class.read(5).await?;
    class.is_in_step().await?;
    let kept = class.site.keep(way).await?;
    class.mark(&class.teacher, "2026-03-04", "absent").await?;
    class.read(7).await?;
    class.learner.call("mark_topic", json!({"topic_id": class.course.topics[1], "completed": true})).await?;
    class.is_in_step().await?;
    assert_eq!(class.stored("2026-03-04", "absent").await?, (4, 12), "all of it was acknowledged");
    class.shows(&class.teacher, "2026-03-04", "absent").await?;

    if server == Server::Restarted {
        class.site.server.stop();
    }
    class.site.go_back(kept).await?;
    assert_eq!(class.stored("2026-03-04", "absent").await?, (0, 5), "all of it is lost");
    class.site.lead();
    if server == Server::Restarted {
        class.site.server.start().await?;
    }
    patience::until("what was acknowledged is in the tables again", HOME_TIME_MAX, || async {
        class.shows(&class.teacher, "2026-03-04", "absent").await?;
        let stored = class.stored("2026-03-04", "absent").await?;
        if stored == (4, 12) { Ok(Some(())) } else { Err(format!("{stored:?}").into()) }
    })
    .await?;
    class.is_in_step().await?;
    class.shows(&class.teacher, "2026-03-04", "absent").await?;
    class.shows(&class.teacher, "2026-03-02", "late").await?;
    class.laptops_equal_the_tables().await?;
    assert_eq!(class.stored("2026-03-04", "absent").await?, (4, 12), "nothing came twice");
    let mut school = class.school().await?;
    for table in ["conflicts", "held_changes", "offered_rows"] {
        assert_eq!(school.count(table).await?, 0, "{table}: nobody is asked about it");
    }
    class.site.verify()?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_promoted_standby_had_not_got_comes_back_to_a_restarted_server() -> Outcome<()> {
    acknowledged_work_comes_back(WayBack::Promotion, Server::Restarted).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_promoted_standby_had_not_got_comes_back_to_a_server_that_lives_through_it() -> Outcome<()> {
    acknowledged_work_comes_back(WayBack::Promotion, Server::Running).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_recovery_to_a_point_in_time_took_back_comes_back_to_a_restarted_server() -> Outcome<()> {
    acknowledged_work_comes_back(WayBack::Recovery, Server::Restarted).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_recovery_to_a_point_in_time_took_back_comes_back_to_a_server_that_lives_through_it() -> Outcome<()> {
    acknowledged_work_comes_back(WayBack::Recovery, Server::Running).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dump_beside_had_not_comes_back_to_a_restarted_server() -> Outcome<()> {
    acknowledged_work_comes_back(WayBack::DumpBeside, Server::Restarted).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dump_beside_had_not_comes_back_to_a_server_that_lives_through_it() -> Outcome<()> {
    acknowledged_work_comes_back(WayBack::DumpBeside, Server::Running).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dump_in_another_cluster_had_not_comes_back_to_a_restarted_server() -> Outcome<()> {
    acknowledged_work_comes_back(WayBack::DumpElsewhere, Server::Restarted).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dump_in_another_cluster_had_not_comes_back_to_a_server_that_lives_through_it() -> Outcome<()> {
    acknowledged_work_comes_back(WayBack::DumpElsewhere, Server::Running).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_copy_of_the_database_had_not_comes_back_to_a_server_that_lives_through_it() -> Outcome<()> {
    acknowledged_work_comes_back(WayBack::Template, Server::Running).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_copy_of_the_files_had_not_comes_back_to_a_restarted_server() -> Outcome<()> {
    acknowledged_work_comes_back(WayBack::FileCopy, Server::Restarted).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_copy_of_the_files_had_not_comes_back_to_a_server_that_lives_through_it() -> Outcome<()> {
    acknowledged_work_comes_back(WayBack::FileCopy, Server::Running).await
}

/// A laptop signs in for the first time in the seconds that are lost, and its work is acknowledged.
async fn a_new_laptop_keeps_its_work(server: Server) -> Outcome<()> {
    let mut class = Class::open().await?;
    let kept = class.site.keep(WayBack::Promotion).await?;
    let new = Laptop::of("teaches", &class.site.server.url()).await?;
    class.mark(&new, "2026-03-04", "absent").await?;
    new.is_in_step().await?;
    class.shows(&new, "2026-03-04", "absent").await?;
    class.go_back(kept, server, &[]).await?;
    assert_eq!(class.stored("2026-03-04", "absent").await?.0, 0, "all of it is lost");
    patience::until("what the new laptop sent is in the tables again", HOME_TIME_MAX, || async {
        class.shows(&new, "2026-03-04", "absent").await?;
        // The server does not know the session any more: the person is asked for their password once.
        if new.call("sync_status", json!({})).await?["signed_out"] == true {
            new.call("sign_in", json!({"server": class.site.server.url(), "name": "teaches", "password": PASSWORD})).await?;
        }
        let (marks, _) = class.stored("2026-03-04", "absent").await?;
        if marks == 4 { Ok(Some(())) } else { Err(format!("{marks} marks").into()) }
    })
    .await?;
    new.is_in_step().await?;
    class.shows(&new, "2026-03-04", "absent").await?;
    assert_eq!(class.school().await?.count("conflicts").await?, 0);
    class.laptops_equal_the_tables().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_laptop_that_signed_in_during_the_lost_seconds_keeps_its_work_at_a_restarted_server() -> Outcome<()> {
    a_new_laptop_keeps_its_work(Server::Restarted).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_laptop_that_signed_in_during_the_lost_seconds_keeps_its_work_at_a_server_that_lives_through_it() -> Outcome<()> {
    a_new_laptop_keeps_its_work(Server::Running).await
}

/// As many changes are made in the new epoch as were lost, in the same scope, before any server has seen the database: then
/// versions and digests are those of the epoch that is gone.
async fn as_many_changes_as_were_lost(way: WayBack, server: Server) -> Outcome<()> {
    let mut class = Class::open().await?;
    let kept = class.site.keep(way).await?;
    let retitle = |topic: &Uuid, title: &str| format!("UPDATE topics SET title = '{title}' WHERE id = '{topic}'");
    let [lost, same, anew] = [0..2, 2..4, 4..6].map(|places| class.course.topics[places].to_vec());
    let mut school = class.school().await?;
    for topic in lost.iter().chain(&same) {
        school.run(retitle(topic, "Lost")).await?;
    }
    drop(school);
    for laptop in [&class.teacher, &class.learner] {
        patience::until("the laptop has what will be lost", HOME_TIME_MAX, || async {
            let titles = of_laptop(laptop, "topics", "title").await?;
            Ok((titles.values().filter(|(_, title)| title.as_deref() == Some("Lost")).count() == 4).then_some(()))
        })
        .await?;
    }
    let meanwhile: Vec<String> = same.iter().chain(&anew).map(|topic| retitle(topic, "Anew")).collect();
    class.go_back(kept, server, &meanwhile).await?;
    class.laptops_equal_the_tables().await?;
    let titles = of_laptop(&class.learner, "topics", "title").await?;
    assert_eq!(titles.values().filter(|(_, title)| title.as_deref() == Some("Anew")).count(), 4);
    class.site.verify()?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_changes_as_a_promotion_lost_leave_no_laptop_behind_a_restarted_server() -> Outcome<()> {
    as_many_changes_as_were_lost(WayBack::Promotion, Server::Restarted).await
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_changes_as_a_promotion_lost_leave_no_laptop_behind_a_server_that_lives_through_it() -> Outcome<()> {
    as_many_changes_as_were_lost(WayBack::Promotion, Server::Running).await
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_changes_as_a_copy_of_the_files_lost_leave_no_laptop_behind() -> Outcome<()> {
    as_many_changes_as_were_lost(WayBack::FileCopy, Server::Restarted).await
}

/// PostgreSQL is killed after each of these lessons, until it has lost something that it had acknowledged.
const LESSONS: [&str; 8] = ["2026-03-02", "2026-03-04", "2026-03-09", "2026-03-11", "2026-03-16", "2026-03-18", "2026-03-23", "2026-03-25"];

/// With `synchronous_commit = off` PostgreSQL acknowledges what it has not written, and a crash takes it back although nothing in
/// the database's identity differs. What laptops are told of waits for the disk all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_takes_nothing_back_although_the_database_lets_commits_go_without_waiting() -> Outcome<()> {
    let mut class = Class::open().await?;
    class.read(5).await?;
    class.is_in_step().await?;
    for setting in ["wal_writer_delay = '10s'", "wal_writer_flush_after = '1GB'", "synchronous_commit = 'off'"] {
        class.site.node.run(format!("ALTER SYSTEM SET {setting}")).await?;
    }
    class.site.node.run("SELECT pg_reload_conf()").await?;
    for date in LESSONS {
        class.mark(&class.teacher, date, "absent").await?;
        class.teacher.is_in_step().await?;
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
