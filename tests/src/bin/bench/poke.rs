//! `poke`: from a change committed on laptop A to the same in laptop B's database, through one server.

use std::time::Instant;

use serde_json::json;
use waystation_tests::Outcome;
use waystation_tests::cluster::Cluster;
use waystation_tests::server::LocalServer;

use super::arrange::{INSTRUCTOR_NAME, LEARNER_NAME, base, id};
use super::laptop::{call, changed, signed_in};
use super::report::{Figure, percentile, rounded};

/// Measures and prints the line.
pub async fn measure(cluster: &Cluster, changes: usize) -> Outcome<()> {
    eprintln!("poke: {changes} changes");
    let template = base(cluster, 200).await?;
    let database = cluster.copy("bench_poke", template.name()).await?;
    let server = LocalServer::start(&database).await?;
    let (folder_a, folder_b) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let a = signed_in(&server, folder_a.path(), LEARNER_NAME).await?;
    let b = signed_in(&server, folder_b.path(), INSTRUCTOR_NAME).await?;
    let mut events = b.events();
    let mut took_ms = Vec::new();
    for number in 0..changes {
        let topic = id(4, number % 200);
        call(&a, "mark_topic", json!({"topic_id": topic, "completed": (number / 200) % 2 == 0})).await?;
        let committed = Instant::now();
        changed(&mut events, "topic_progress").await?;
        took_ms.push(committed.elapsed().as_secs_f64() * 1_000.0);
    }
    a.shutdown().await;
    b.shutdown().await;
    server.stop().await;
    Figure {
        name: "poke",
        n: changes,
        p50_ms: Some(rounded(percentile(took_ms.clone(), 0.5), 2)),
        p95_ms: Some(rounded(percentile(took_ms, 0.95), 2)),
        ..Figure::default()
    }
    .print();
    Ok(())
}
