//! `push`: offline changes of topic progress by 500 learners, over HTTP, committed with feeds and ledger.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use waystation_model::chain::CHAIN_START;
use waystation_model::limits::{PROTOCOL_VERSION, PUSH_MUTATIONS_MAX, ZSTD_LEVEL};
use waystation_model::wire::{Base, Operation, PushAnswer, PushRequest, Run};
use waystation_tests::Outcome;
use waystation_tests::cluster::Cluster;
use waystation_tests::server::LocalServer;

use super::floor::copy_and_insert;
use super::report::{Figure, Pairs, rounded};
use waystation_tests::crowd::{LEARNERS, Progress, base, device, settle, token};

/// Laptops that push at the same time.
const AT_ONCE: usize = 8;

/// Measures the pairs and prints the line.
pub async fn measure(cluster: &Cluster, rows: usize, pairs: usize) -> Outcome<()> {
    let each = (rows / LEARNERS).clamp(1, PUSH_MUTATIONS_MAX);
    let rows = each * LEARNERS;
    eprintln!("push: {rows} changes by {LEARNERS} learners");
    let template = base(cluster, LEARNERS, each).await?;
    let mut measured = Pairs::default();
    let mut bytes = 0;
    for round in 0..pairs {
        let (seconds, sent) = push_round(cluster, template.name(), round, each).await?;
        bytes = sent;
        let floor = floor_round(cluster, template.name(), round, each).await?;
        measured.add(seconds, floor);
    }
    let (seconds, floor_seconds, ratio) = measured.medians();
    Figure {
        name: "push",
        n: rows,
        seconds: Some(rounded(seconds, 3)),
        floor_seconds: Some(rounded(floor_seconds, 3)),
        ratio: Some(rounded(ratio, 2)),
        bytes_per_row: Some(rounded(bytes as f64 / rows as f64, 1)),
        ..Figure::default()
    }
    .print();
    Ok(())
}

async fn push_round(cluster: &Cluster, template: &str, round: usize, each: usize) -> Outcome<(f64, usize)> {
    let name = format!("bench_push_{round}");
    let database = cluster.copy(&name, template).await?;
    let server = LocalServer::start(&database).await?;
    settle(&mut database.connect().await?).await?;
    let epoch = server.server().app().epoch.number();
    let bodies: Vec<Vec<u8>> = (0..LEARNERS).map(|learner| body(learner, each, epoch)).collect::<Outcome<_>>()?;
    let tokens: Vec<String> = (0..LEARNERS).map(token).collect::<Outcome<_>>()?;
    let sent = bodies.iter().map(Vec::len).sum();
    let http = reqwest::Client::builder().pool_max_idle_per_host(AT_ONCE).build()?;
    let url = format!("{}/v1/sync/push", server.url());
    let work = Arc::new((bodies, tokens, AtomicUsize::new(0)));

    let started = Instant::now();
    let mut laptops = tokio::task::JoinSet::new();
    for _ in 0..AT_ONCE {
        let (http, url, work) = (http.clone(), url.clone(), Arc::clone(&work));
        laptops.spawn(async move {
            loop {
                let next = work.2.fetch_add(1, Ordering::Relaxed);
                let Some(body) = work.0.get(next) else { return Ok::<(), Box<dyn std::error::Error + Send + Sync>>(()) };
                let answer: PushAnswer = http
                    .post(&url)
                    .bearer_auth(&work.1[next])
                    .header("content-type", "application/json")
                    .header("content-encoding", "zstd")
                    .body(body.clone())
                    .send()
                    .await?
                    .error_for_status()?
                    .json()
                    .await?;
                if !answer.outcomes.is_empty() {
                    return Err(format!("not everything was applied: {:?}", answer.outcomes.first()).into());
                }
            }
        });
    }
    while let Some(laptop) = laptops.join_next().await {
        laptop??;
    }
    let seconds = started.elapsed().as_secs_f64();

    let mut connection = database.connect().await?;
    let (stored, fed): (i64, i64) =
        sqlx::query_as("SELECT (SELECT count(*) FROM topic_progress), (SELECT count(*) FROM feed f JOIN feed_entities e ON e.code = f.entity WHERE e.name = 'topic_progress')").fetch_one(&mut connection).await?;
    if stored != (each * LEARNERS) as i64 || fed != 2 * stored {
        return Err(format!("{stored} rows and {fed} feed rows arrived").into());
    }
    drop(connection);
    server.stop().await;
    cluster.remove_database(&name).await?;
    Ok((seconds, sent))
}

fn body(learner: usize, each: usize, epoch: i64) -> Outcome<Vec<u8>> {
    let rows = (0..each)
        .map(|number| {
            let progress = Progress::of(learner, number);
            (None, Base::default(), progress.completed_at * 1_000, progress.values())
        })
        .collect();
    let request = PushRequest {
        protocol: PROTOCOL_VERSION,
        device: device(learner),
        epoch,
        first_n: 1,
        chain: hex::encode(CHAIN_START),
        seen_n: 0,
        sent_at: 0,
        witness: None,
        runs: vec![Run {
            entity: "topic_progress".into(),
            op: Operation::Put,
            columns: Progress::COLUMNS.map(str::to_owned).to_vec(),
            rows,
        }],
    };
    Ok(zstd::bulk::compress(&serde_json::to_vec(&request)?, ZSTD_LEVEL)?)
}

async fn floor_round(cluster: &Cluster, template: &str, round: usize, each: usize) -> Outcome<f64> {
    let name = format!("bench_push_floor_{round}");
    let database = cluster.copy(&name, template).await?;
    let mut connection = database.connect().await?;
    settle(&mut connection).await?;
    let rows: Vec<Progress> = (0..LEARNERS).flat_map(|learner| (0..each).map(move |number| Progress::of(learner, number))).collect();
    let seconds = copy_and_insert(&mut connection, &rows).await?;
    drop(connection);
    cluster.remove_database(&name).await?;
    Ok(seconds)
}
