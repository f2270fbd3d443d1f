//! `hot_scope`: commits by 16 writers whose rows are all in one scope, compared with 16 writers with one scope each. Writers of one scope
//! wait for its head row, from the drain to the commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sqlx::PgConnection;
use uuid::Uuid;
use waystation_tests::Outcome;
use waystation_tests::cluster::{Cluster, Database};

use super::report::{Figure, Pairs, rounded};
use waystation_tests::crowd::{LEARNERS, base, id, organization, settle};

const WRITERS: usize = 16;
/// How long one side of a pair runs.
const RUN: Duration = Duration::from_secs(3);
/// Kinds of ids that no other bench uses.
const COURSE: u8 = 20;
const TOPIC: u8 = 21;

/// Measures the pairs and prints the line: seconds a commit.
pub async fn measure(cluster: &Cluster, pairs: usize) -> Outcome<()> {
    eprintln!("hot_scope: {WRITERS} writers");
    let template = base(cluster, LEARNERS, 200).await?;
    let database = cluster.copy("bench_hot", template.name()).await?;
    let mut connection = database.connect().await?;
    courses(&mut connection).await?;
    settle(&mut connection).await?;
    let mut measured = Pairs::default();
    let mut commits = 0;
    for _ in 0..pairs {
        let hot = write(&database, true).await?;
        let spread = write(&database, false).await?;
        commits = hot;
        measured.add(RUN.as_secs_f64() / hot as f64, RUN.as_secs_f64() / spread as f64);
    }
    let (seconds, floor_seconds, ratio) = measured.medians();
    Figure {
        name: "hot_scope",
        n: commits,
        seconds: Some(rounded(seconds, 6)),
        floor_seconds: Some(rounded(floor_seconds, 6)),
        ratio: Some(rounded(ratio, 2)),
        ..Figure::default()
    }
    .print();
    eprintln!("  {:.0} commits/s on one scope, {:.0} on {WRITERS}", 1.0 / seconds, 1.0 / floor_seconds);
    Ok(())
}

/// One course per writer; the first one has a topic for each of them.
async fn courses(connection: &mut PgConnection) -> Outcome<()> {
    for number in 0..WRITERS {
        let course = id(COURSE, number);
        sqlx::query("INSERT INTO courses (id, organization_id, title, slug, course_code, status) VALUES ($1, $2, 'Course', $1::text, $1::text, 'published')")
            .bind(course)
            .bind(organization())
            .execute(&mut *connection)
            .await?;
        sqlx::query("INSERT INTO modules (id, organization_id, course_id, position, title) VALUES ($1, $2, $1, 0, 'Module')")
            .bind(course)
            .bind(organization())
            .execute(&mut *connection)
            .await?;
    }
    for number in 0..WRITERS {
        for hot in [true, false] {
            sqlx::query(
                "INSERT INTO topics (id, organization_id, module_id, course_id, position, title) VALUES ($1, $2, $3, $3, $4, 'Topic')",
            )
            .bind(topic(number, hot))
            .bind(organization())
            .bind(id(COURSE, if hot { 0 } else { number }))
            .bind(i32::try_from(number)? + if hot { 100 } else { 0 })
            .execute(&mut *connection)
            .await?;
        }
    }
    Ok(())
}

fn topic(writer: usize, hot: bool) -> Uuid {
    id(TOPIC, writer + if hot { 0 } else { WRITERS })
}

/// Commits one row at a time, by all writers concurrently for [`RUN`]. Returns the number of commits.
async fn write(database: &Database, hot: bool) -> Outcome<usize> {
    let (stop, commits) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut connections = Vec::new();
    for _ in 0..WRITERS {
        connections.push(database.connect().await?);
    }
    let started = Instant::now();
    let mut writers = tokio::task::JoinSet::new();
    for (writer, mut connection) in connections.into_iter().enumerate() {
        let (stop, commits) = (Arc::clone(&stop), Arc::clone(&commits));
        writers.spawn(async move {
            let mut number = 0;
            while !stop.load(Ordering::Relaxed) {
                number += 1;
                sqlx::query("UPDATE topics SET title = $2 WHERE id = $1")
                    .bind(topic(writer, hot))
                    .bind(format!("Topic {number}"))
                    .execute(&mut connection)
                    .await?;
                commits.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
        });
    }
    // Real time is measured here.
    tokio::time::sleep(RUN).await;
    let counted = commits.load(Ordering::Relaxed) as f64 * RUN.as_secs_f64() / started.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    while let Some(writer) = writers.join_next().await {
        writer??;
    }
    Ok(counted as usize)
}
