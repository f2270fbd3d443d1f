//! `first_sync`: rows over HTTP into an empty laptop database.

use std::time::Instant;

use serde_json::Value;
use waystation_model::registry::entity;
use waystation_tests::Outcome;
use waystation_tests::cluster::Cluster;
use waystation_tests::server::LocalServer;

use super::floor::copy_with_triggers;
use super::laptop::{instructors_engine, key};
use super::report::{Figure, Pairs, rounded};
use waystation_tests::crowd::{LEARNERS, Progress, base, settle};

/// Measures the pairs and prints the line.
pub async fn measure(cluster: &Cluster, rows: usize, pairs: usize) -> Outcome<()> {
    let each = (rows / LEARNERS).max(1);
    let rows = each * LEARNERS;
    eprintln!("first_sync: {rows} rows");
    let template = base(cluster, LEARNERS, each).await?;
    let database = cluster.copy("bench_first_sync", template.name()).await?;
    let progress: Vec<Progress> = (0..LEARNERS).flat_map(|learner| (0..each).map(move |number| Progress::of(learner, number))).collect();
    let mut connection = database.connect().await?;
    copy_with_triggers(&mut connection, &progress).await?;
    settle(&mut connection).await?;
    drop(connection);
    let server = LocalServer::start(&database).await?;
    let mut measured = Pairs::default();
    for _ in 0..pairs {
        let folder = tempfile::tempdir()?;
        let engine = instructors_engine(&server, folder.path()).await?;
        let started = Instant::now();
        engine.pull_all(true).await?;
        let seconds = started.elapsed().as_secs_f64();
        let there: i64 =
            engine.store.read(|connection| Ok(connection.query_row("SELECT count(*) FROM topic_progress", [], |row| row.get(0))?)).await?;
        if usize::try_from(there)? != rows {
            return Err(format!("{there} rows arrived").into());
        }
        measured.add(seconds, floor(&server, &progress).await?);
    }
    server.stop().await;
    let (seconds, floor_seconds, ratio) = measured.medians();
    Figure {
        name: "first_sync",
        n: rows,
        seconds: Some(rounded(seconds, 3)),
        floor_seconds: Some(rounded(floor_seconds, 3)),
        ratio: Some(rounded(ratio, 2)),
        ..Figure::default()
    }
    .print();
    Ok(())
}

/// Inserts the same rows by prepared statements in one transaction into the same encrypted schema. Returns seconds.
async fn floor(server: &LocalServer, rows: &[Progress]) -> Outcome<f64> {
    let folder = tempfile::tempdir()?;
    // The engine creates the schema; then the file is opened directly.
    drop(instructors_engine(server, folder.path()).await?);
    let mut connection = waystation_client::store::open::open_writer(&folder.path().join("store.db"), &key())?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    let table = entity("topic_progress").ok_or("no such table")?;
    let prepared: Vec<(String, Vec<Value>)> = rows.iter().map(|row| (row.row_id().to_string(), row.values())).collect();
    let names: Vec<&str> = Progress::COLUMNS.to_vec();
    let sql = format!(
        "INSERT INTO {} (id, stamp, created_at, updated_at, {}) VALUES (?, ?, ?, ?{})",
        table.name,
        names.join(", "),
        ", ?".repeat(names.len())
    );
    let started = Instant::now();
    let transaction = connection.transaction()?;
    {
        let mut insert = transaction.prepare(&sql)?;
        for (index, (id, values)) in prepared.iter().enumerate() {
            insert.raw_bind_parameter(1, id)?;
            insert.raw_bind_parameter(2, 1_900_000_000_000_000_000 + index as i64)?;
            insert.raw_bind_parameter(3, 1_790_000_000_000_i64)?;
            insert.raw_bind_parameter(4, 1_790_000_000_000_i64)?;
            for (at, value) in values.iter().enumerate() {
                match value {
                    Value::String(text) => insert.raw_bind_parameter(at + 5, text)?,
                    Value::Bool(boolean) => insert.raw_bind_parameter(at + 5, boolean)?,
                    Value::Number(number) => insert.raw_bind_parameter(at + 5, number.as_i64())?,
                    _ => insert.raw_bind_parameter(at + 5, None::<i64>)?,
                }
            }
            insert.raw_execute()?;
        }
    }
    transaction.commit()?;
    Ok(started.elapsed().as_secs_f64())
}
