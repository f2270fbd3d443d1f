//! `cargo xtask load`: many devices at one server over the loopback. Each keeps a live stream open, pushes its changes and pulls new ones.
//! It prints one JSON line with the cost.

mod device;
mod spent;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use serde::Serialize;
use waystation_tests::cluster::Cluster;
use waystation_tests::server::ServerProcess;
use waystation_tests::{Outcome, crowd, paths, wait};

use device::{Device, Took};
use spent::Spent;

/// Topics of the four courses together.
const TOPICS: usize = 200;
/// Longest time until the server has accepted every stream.
const STREAMS_TIME_MAX: Duration = Duration::from_secs(120);

/// Simulates many devices. Run it from a release build, on an idle machine.
#[derive(Parser)]
struct Arguments {
    /// How many devices there are.
    #[arg(long, default_value_t = 2_000)]
    devices: usize,
    /// How long they work, in seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Interval between the changes of one device, in seconds.
    #[arg(long, default_value_t = 10.0)]
    every: f64,
}

#[derive(Serialize)]
struct Line {
    devices: usize,
    seconds: f64,
    pushes_per_second: f64,
    pulls_per_second: f64,
    push_ms: [f64; 3],
    pull_ms: [f64; 3],
    failures: usize,
    server_kib_per_idle_device: f64,
    server_mib: f64,
    server_cpu_share: f64,
    postgres_cpu_share: f64,
    postgres_ms_per_push: f64,
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let arguments = Arguments::parse();
    if cfg!(debug_assertions) {
        eprintln!("load: this is a debug build; its figures mean nothing");
    }
    let cluster = Cluster::kept("bench/cluster").await?;
    eprintln!("load: an organization with {} learners", arguments.devices);
    let database = crowd::base(&cluster, arguments.devices, TOPICS).await?;
    crowd::settle(&mut database.connect().await?).await?;
    let folder: PathBuf = paths::folder("load")?;
    let mut server = ServerProcess::new(database.url().to_owned(), folder.join("content"), folder, paths::free_port()?);
    server.start().await?;
    let line = run(&arguments, &cluster, &server).await;
    server.stop();
    cluster.stop();
    println!("{}", serde_json::to_string(&line?)?);
    Ok(())
}

async fn run(arguments: &Arguments, cluster: &Cluster, server: &ServerProcess) -> Outcome<Line> {
    let process = server.process().ok_or("the server does not run")?;
    let empty_kib = spent::resident_kib(process)?;
    let epoch: i64 = sqlx::query_scalar("SELECT epoch FROM epoch").fetch_one(&mut cluster.connect("bench_base").await?).await?;

    eprintln!("load: {} live streams", arguments.devices);
    let address = format!("127.0.0.1:{}", server.port()).parse()?;
    let mut devices = Vec::with_capacity(arguments.devices);
    for number in 0..arguments.devices {
        devices.push(Device::connect(address, number, epoch).await?);
    }
    wait::until("every stream is open", STREAMS_TIME_MAX, || async { Ok(devices.iter().all(Device::is_live).then_some(())) }).await?;
    let idle_kib = spent::resident_kib(process)?;

    eprintln!("load: {} seconds of work", arguments.seconds);
    let before = Spent::now(process, cluster.process())?;
    let started = Instant::now();
    let end = started + Duration::from_secs(arguments.seconds);
    let every = Duration::from_secs_f64(arguments.every);
    let work = Arc::new(tokio::sync::Mutex::new(Took::default()));
    let mut tasks = tokio::task::JoinSet::new();
    for (index, device) in devices.into_iter().enumerate() {
        let work = Arc::clone(&work);
        // Spread over the whole interval, as changes of people are.
        let first = started + every.mul_f64(index as f64 / arguments.devices as f64);
        tasks.spawn(async move {
            let took = device.work(first, every, end).await;
            work.lock().await.add(took);
        });
    }
    while let Some(task) = tasks.join_next().await {
        task?;
    }
    let seconds = started.elapsed().as_secs_f64();
    let after = Spent::now(process, cluster.process())?;
    let took = work.lock().await;
    let (server_cpu, postgres_cpu) = after.since(&before);
    Ok(Line {
        devices: arguments.devices,
        seconds,
        pushes_per_second: took.pushes.len() as f64 / seconds,
        pulls_per_second: took.pulls.len() as f64 / seconds,
        push_ms: took.percentiles_ms(&took.pushes),
        pull_ms: took.percentiles_ms(&took.pulls),
        failures: took.failures,
        server_kib_per_idle_device: idle_kib.saturating_sub(empty_kib) as f64 / arguments.devices as f64,
        server_mib: spent::resident_kib(process)? as f64 / 1024.0,
        server_cpu_share: server_cpu / seconds,
        postgres_cpu_share: postgres_cpu / seconds,
        postgres_ms_per_push: postgres_cpu * 1_000.0 / took.pushes.len().max(1) as f64,
    })
}
