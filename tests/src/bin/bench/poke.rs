//! `poke`: the time from a commit of a change to its arrival in laptop B's database. The change comes from laptop A through the same
//! server, from laptop A through another server, or from plain SQL.

use std::time::Instant;

use serde_json::json;
use sqlx::PgConnection;
use waystation_client::app::App;
use waystation_tests::Outcome;
use waystation_tests::cluster::{Cluster, Database};
use waystation_tests::server::LocalServer;

use super::floor::copy_with_triggers;
use super::laptop::{call, changed, signed_in};
use super::report::{Figure, percentile, rounded};
use waystation_tests::crowd::{INSTRUCTOR_NAME, LEARNER_NAME, LEARNERS, Progress, base, id, settle};

/// Topics that the changes cycle through.
const TOPICS: usize = 200;
/// Rows of the small side of `poke_growth`.
const FEW: usize = 10_000;

/// The route that a change takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Both laptops at one server.
    OneServer,
    /// Each laptop at a server of its own, over one database.
    TwoServers,
    /// Plain SQL, as in `psql`.
    Sql,
}

impl Way {
    /// The figure's name.
    pub fn name(self) -> &'static str {
        match self {
            Way::OneServer => "poke",
            Way::TwoServers => "poke_two_servers",
            Way::Sql => "poke_sql",
        }
    }
}

enum Source {
    Laptop(App),
    Sql(PgConnection),
}

impl Source {
    /// Makes the `number`th change and returns when it is committed at its source.
    async fn change(&mut self, number: usize) -> Outcome<()> {
        let topic = id(4, number % TOPICS);
        match self {
            Source::Laptop(app) => {
                call(app, "mark_topic", json!({"topic_id": topic, "completed": (number / TOPICS).is_multiple_of(2)})).await?;
            }
            Source::Sql(connection) => {
                sqlx::query("UPDATE topics SET title = $2 WHERE id = $1")
                    .bind(topic)
                    .bind(format!("Topic {number}"))
                    .execute(connection)
                    .await?;
            }
        }
        Ok(())
    }

    /// The table whose rows change.
    fn table(&self) -> &'static str {
        match self {
            Source::Laptop(_) => "topic_progress",
            Source::Sql(_) => "topics",
        }
    }
}

/// Measures and prints the line.
pub async fn measure(cluster: &Cluster, way: Way, changes: usize) -> Outcome<()> {
    eprintln!("{}: {changes} changes", way.name());
    let template = base(cluster, LEARNERS, TOPICS).await?;
    let database = cluster.copy("bench_poke", template.name()).await?;
    let took_ms = pokes(&database, way, changes).await?;
    Figure {
        name: way.name(),
        n: changes,
        p50_ms: Some(rounded(percentile(took_ms.clone(), 0.5), 2)),
        p95_ms: Some(rounded(percentile(took_ms, 0.95), 2)),
        ..Figure::default()
    }
    .print();
    Ok(())
}

/// Measures pokes while laptop B and the database have `many` rows, compared with [`FEW`], and prints the line.
pub async fn measure_growth(cluster: &Cluster, many: usize, changes: usize) -> Outcome<()> {
    eprintln!("poke_growth: {many} rows against {FEW}");
    let mut sides = Vec::new();
    for rows in [FEW, many] {
        let each = rows / LEARNERS;
        let template = base(cluster, LEARNERS, TOPICS + each).await?;
        let database = cluster.copy("bench_poke_growth", template.name()).await?;
        let mut connection = database.connect().await?;
        for learner in 0..LEARNERS {
            // The first topics are left to the changes.
            let progress: Vec<Progress> = (TOPICS..TOPICS + each).map(|number| Progress::of(learner, number)).collect();
            copy_with_triggers(&mut connection, &progress).await?;
        }
        sqlx::query("VACUUM ANALYZE").execute(&mut connection).await?;
        settle(&mut connection).await?;
        sides.push(pokes(&database, Way::OneServer, changes).await?);
    }
    let [few, many_ms] = [0, 1].map(|side: usize| percentile(sides[side].clone(), 0.5));
    Figure {
        name: "poke_growth",
        n: many,
        ratio: Some(rounded(many_ms / few, 2)),
        p50_ms: Some(rounded(many_ms, 2)),
        p95_ms: Some(rounded(percentile(sides[1].clone(), 0.95), 2)),
        ..Figure::default()
    }
    .print();
    Ok(())
}

/// Milliseconds from each commit to laptop B.
async fn pokes(database: &Database, way: Way, changes: usize) -> Outcome<Vec<f64>> {
    let server = LocalServer::start(database).await?;
    let other = if way == Way::TwoServers { Some(LocalServer::start(database).await?) } else { None };
    let (folder_a, folder_b) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let b = signed_in(&server, folder_b.path(), INSTRUCTOR_NAME).await?;
    let mut source = match way {
        Way::Sql => Source::Sql(database.connect().await?),
        _ => Source::Laptop(signed_in(other.as_ref().unwrap_or(&server), folder_a.path(), LEARNER_NAME).await?),
    };
    let mut events = b.events();
    let mut took_ms = Vec::new();
    for number in 0..changes {
        source.change(number).await?;
        let committed = Instant::now();
        changed(&mut events, source.table()).await?;
        took_ms.push(committed.elapsed().as_secs_f64() * 1_000.0);
    }
    if let Source::Laptop(a) = source {
        a.shutdown().await;
    }
    b.shutdown().await;
    if let Some(other) = other {
        other.stop().await;
    }
    server.stop().await;
    Ok(took_ms)
}
