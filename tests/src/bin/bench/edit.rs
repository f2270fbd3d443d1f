//! `edit`: one progress change by a client command, committed, compared with a bare one-row transaction in the same file.

use std::time::Instant;

use rusqlite::params;
use serde_json::json;
use waystation_tests::Outcome;
use waystation_tests::cluster::Cluster;
use waystation_tests::server::LocalServer;

use super::laptop::{call, key, signed_in};
use super::report::{Figure, Pairs, median, rounded};
use waystation_tests::crowd::{LEARNER_NAME, LEARNERS, base, id};

/// Edits of one round.
const EDITS: usize = 200;

/// Measures the pairs and prints the line.
pub async fn measure(cluster: &Cluster, pairs: usize) -> Outcome<()> {
    eprintln!("edit: {EDITS} changes a round");
    let template = base(cluster, LEARNERS, 200).await?;
    let database = cluster.copy("bench_edit", template.name()).await?;
    let server = LocalServer::start(&database).await?;
    let folder = tempfile::tempdir()?;
    let app = signed_in(&server, folder.path(), LEARNER_NAME).await?;
    // Offline, as at a station, so that only the laptop is measured.
    server.stop().await;
    // A file with the same cipher, schema and settings on the same disk.
    let bare = waystation_client::store::open::open_writer(&folder.path().join("bare.db"), &key())?;
    bare.execute_batch("CREATE TABLE bare (id INTEGER PRIMARY KEY, words TEXT NOT NULL) STRICT")?;
    let words = "x".repeat(200);
    let mut measured = Pairs::default();
    for round in 0..pairs {
        let (mut edits, mut floors) = (Vec::new(), Vec::new());
        for number in 0..EDITS {
            let completed = (round + number / 200) % 2 == 0;
            let started = Instant::now();
            call(&app, "mark_topic", json!({"topic_id": id(4, number), "completed": completed})).await?;
            edits.push(started.elapsed().as_secs_f64());
            let started = Instant::now();
            bare.execute("INSERT INTO bare (words) VALUES (?1)", params![words])?;
            floors.push(started.elapsed().as_secs_f64());
        }
        measured.add(median(edits), median(floors));
    }
    app.shutdown().await;
    let (seconds, floor_seconds, ratio) = measured.medians();
    Figure {
        name: "edit",
        n: EDITS,
        seconds: Some(rounded(seconds, 6)),
        floor_seconds: Some(rounded(floor_seconds, 6)),
        ratio: Some(rounded(ratio, 2)),
        ..Figure::default()
    }
    .print();
    Ok(())
}
