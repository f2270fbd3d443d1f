//! `signin_flood`: how much memory a server retains after 1,000 refused sign-ins, 100 at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::json;
use waystation_model::limits::PROTOCOL_VERSION;
use waystation_tests::cluster::Cluster;
use waystation_tests::server::ServerProcess;
use waystation_tests::{Outcome, paths};

use super::raw::Connection;
use super::report::{Figure, rounded};

/// Refused sign-ins.
const SIGN_INS: usize = 1_000;
/// Concurrent sign-ins.
const AT_ONCE: usize = 100;
/// Memory that the server may retain, in MiB.
const ABOVE_REST_MIB_MAX: f64 = 64.0;

/// Measures and prints a line.
pub async fn measure(cluster: &Cluster) -> Outcome<()> {
    let database = cluster.migrated("bench_signin").await?;
    let folder = tempfile::tempdir()?;
    let path = folder.path();
    let mut server = ServerProcess::new(database.url().to_owned(), path.join("content"), path.to_path_buf(), paths::free_port()?);
    server.start().await?;
    let process = server.process().ok_or("the server does not run")?;
    let rest = rss_mib(process)?;
    let address = ([127, 0, 0, 1], server.port()).into();
    let started = Instant::now();
    let next = Arc::new(AtomicUsize::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..AT_ONCE {
        let next = Arc::clone(&next);
        tasks.spawn(async move {
            let mut connection = Connection::open(address).await?;
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= SIGN_INS {
                    return Ok::<(), Box<dyn std::error::Error + Send + Sync>>(());
                }
                let body = json!({"protocol": PROTOCOL_VERSION, "name": format!("nobody-{number}"), "password": "guess"}).to_string();
                let head = "POST /v1/accounts/sign-in HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n";
                let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
                connection.ask(request.as_bytes(), "\"code\":").await?;
            }
        });
    }
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    let seconds = started.elapsed().as_secs_f64();
    let above_rest = rss_mib(process)? - rest;
    server.stop();
    Figure {
        name: "signin_flood",
        n: SIGN_INS,
        seconds: Some(rounded(seconds, 3)),
        rss_above_rest_mib: Some(rounded(above_rest, 1)),
        ..Figure::default()
    }
    .print();
    eprintln!("  {rest:.1} MiB idle, {above_rest:.1} MiB more after the flood");
    if above_rest > ABOVE_REST_MIB_MAX {
        return Err(format!("the server retains {above_rest:.1} MiB, {ABOVE_REST_MIB_MAX:.0} are allowed").into());
    }
    Ok(())
}

/// Resident memory of a process, in MiB.
fn rss_mib(process: u32) -> Outcome<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    let kib: f64 = line.trim().split(' ').next().unwrap_or_default().parse()?;
    Ok(kib / 1024.0)
}
