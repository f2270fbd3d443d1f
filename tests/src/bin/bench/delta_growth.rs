//! `delta_growth`: a pull of ten changes with a million rows in the feeds, compared with ten thousand rows.

use std::collections::BTreeMap;
use std::time::Instant;

use sqlx::PgConnection;
use waystation_model::limits::PROTOCOL_VERSION;
use waystation_model::wire::PullRequest;
use waystation_tests::Outcome;
use waystation_tests::cluster::Cluster;
use waystation_tests::server::LocalServer;

use super::floor::copy_with_triggers;
use super::report::{Figure, Pairs, median, rounded};
use waystation_tests::crowd::{INSTRUCTOR, LEARNERS, Progress, base, device, instructor, settle, subscription, token};

/// Changes in one pull.
const CHANGES: usize = 10;
/// Pulls of one round.
const PULLS: usize = 40;
/// Rows of the small database.
const FEW: usize = 10_000;

/// A server over a database with many or few rows.
struct Side {
    server: LocalServer,
    connection: PgConnection,
    http: reqwest::Client,
    rows: usize,
}

/// Measures the pairs and prints the line.
pub async fn measure(cluster: &Cluster, many: usize, pairs: usize) -> Outcome<()> {
    eprintln!("delta_growth: {many} rows against {FEW}");
    let large = Side::open(cluster, "bench_delta_large", many).await?;
    let small = Side::open(cluster, "bench_delta_small", FEW).await?;
    let (mut large, mut small) = (large, small);
    let mut measured = Pairs::default();
    for _ in 0..pairs {
        measured.add(large.round().await?, small.round().await?);
    }
    large.server.stop().await;
    small.server.stop().await;
    let (seconds, floor_seconds, ratio) = measured.medians();
    Figure {
        name: "delta_growth",
        n: many,
        seconds: Some(rounded(seconds, 6)),
        floor_seconds: Some(rounded(floor_seconds, 6)),
        ratio: Some(rounded(ratio, 2)),
        ..Figure::default()
    }
    .print();
    Ok(())
}

impl Side {
    async fn open(cluster: &Cluster, name: &str, rows: usize) -> Outcome<Side> {
        let each = rows / LEARNERS;
        let template = base(cluster, LEARNERS, each).await?;
        let database = cluster.copy(name, template.name()).await?;
        let mut connection = database.connect().await?;
        for learner in 0..LEARNERS {
            let progress: Vec<Progress> = (0..each).map(|number| Progress::of(learner, number)).collect();
            copy_with_triggers(&mut connection, &progress).await?;
        }
        sqlx::query("VACUUM ANALYZE").execute(&mut connection).await?;
        settle(&mut connection).await?;
        Ok(Side { server: LocalServer::start(&database).await?, connection, http: reqwest::Client::new(), rows: each })
    }

    /// The median time of a pull of ten changes, in seconds.
    async fn round(&mut self) -> Outcome<f64> {
        let subscription = subscription(self.server.server().app(), instructor()).await?;
        let mut took = Vec::with_capacity(PULLS);
        for pull in 0..PULLS {
            let heads: Vec<(String, i64)> = sqlx::query_as("SELECT scope, version FROM scope_heads WHERE scope = ANY($1)")
                .bind(&subscription.scopes)
                .fetch_all(&mut self.connection)
                .await?;
            let cursors: BTreeMap<String, i64> = heads.into_iter().collect();
            for change in 0..CHANGES {
                let row = Progress::of((pull * CHANGES + change) % LEARNERS, pull % self.rows).row_id();
                sqlx::query("UPDATE topic_progress SET time_spent_seconds = time_spent_seconds + 1 WHERE id = $1")
                    .bind(row)
                    .execute(&mut self.connection)
                    .await?;
            }
            let request = PullRequest {
                protocol: PROTOCOL_VERSION,
                device: device(INSTRUCTOR),
                epoch: self.server.server().app().epoch.number(),
                digest: None,
                cursors: Some(cursors),
                follows: Vec::new(),
                witness: None,
            };
            let started = Instant::now();
            let answer = self
                .http
                .post(format!("{}/v1/sync/pull", self.server.url()))
                .bearer_auth(token(INSTRUCTOR)?)
                .json(&request)
                .send()
                .await?
                .error_for_status()?
                .text()
                .await?;
            took.push(started.elapsed().as_secs_f64());
            // Ten rows, each in the instructor's scope of results.
            let rows =
                answer.lines().filter(|line| line.contains("\"rows\":[[")).map(|line| line.matches("],[").count() + 1).sum::<usize>();
            if rows != CHANGES {
                return Err(format!("{rows} rows came instead of {CHANGES}").into());
            }
        }
        Ok(median(took))
    }
}
