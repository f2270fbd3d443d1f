//! `idle_pull`: unchanged pulls per second over 500 connections, compared with the same server answering one index look-up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use sqlx::PgPool;
use waystation_model::hash::cursors_digest;
use waystation_model::limits::PROTOCOL_VERSION;
use waystation_model::wire::PullRequest;
use waystation_tests::Outcome;
use waystation_tests::cluster::Cluster;
use waystation_tests::server::LocalServer;

use super::raw::Connection;
use super::report::{Figure, Pairs, rounded};
use waystation_tests::crowd::{INSTRUCTOR, LEARNERS, base, device, learner, subscribe_many_groups, subscription, token};

/// Concurrent connections.
const CONNECTIONS: usize = 500;
/// How long one side of a pair runs.
const RUN: Duration = Duration::from_secs(3);

/// Measures for a device with few scopes and for one with many, and prints a line each.
pub async fn measure(cluster: &Cluster, pairs: usize) -> Outcome<()> {
    let template = base(cluster, LEARNERS, 200).await?;
    let database = cluster.copy("bench_idle", template.name()).await?;
    subscribe_many_groups(&mut database.connect().await?, 290).await?;
    let server = LocalServer::start(&database).await?;
    let pool = server.server().app().pool.clone();
    let floor_address = floor_server(pool).await?;
    for number in [0, INSTRUCTOR] {
        let user = learner(number);
        let subscription = subscription(server.server().app(), user).await?;
        let scopes = subscription.scopes.len();
        eprintln!("idle_pull: {scopes} scopes, {CONNECTIONS} connections");
        let request = PullRequest {
            protocol: PROTOCOL_VERSION,
            device: device(number),
            epoch: server.server().app().epoch.number(),
            digest: Some(format!("{:016x}", subscription.digest())),
            cursors: None,
            follows: Vec::new(),
            witness: None,
        };
        debug_assert_ne!(subscription.digest(), cursors_digest([]));
        let body = serde_json::to_string(&request)?;
        let authorization = format!("authorization: Bearer {}\r\n", token(number)?);
        let mut measured = Pairs::default();
        let mut answered = 0;
        for _ in 0..pairs {
            let pulls = hammer(server.server().address(), "/v1/sync/pull", &authorization, &body, "\"unchanged\"").await?;
            let lookups = hammer(floor_address, "/lookup", &authorization, &body, "version").await?;
            answered = pulls;
            measured.add(1.0 / pulls as f64, 1.0 / lookups as f64);
        }
        let (seconds, floor_seconds, ratio) = measured.medians();
        Figure {
            name: "idle_pull",
            n: answered,
            seconds: Some(rounded(seconds, 8)),
            floor_seconds: Some(rounded(floor_seconds, 8)),
            ratio: Some(rounded(ratio, 2)),
            scopes: Some(scopes),
            ..Figure::default()
        }
        .print();
        eprintln!("  {:.0} pulls/s", 1.0 / seconds);
    }
    server.stop().await;
    Ok(())
}

/// A server like sync-server that answers each request with one index look-up.
async fn floor_server(pool: PgPool) -> Outcome<std::net::SocketAddr> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let scope = format!("user:{}", learner(0));
    let lookup = move |State(pool): State<PgPool>, _body: String| {
        let scope = scope.clone();
        async move {
            let version: Option<i64> = sqlx::query_scalar("SELECT version FROM scope_heads WHERE scope = $1")
                .bind(scope)
                .fetch_optional(&pool)
                .await
                .unwrap_or(None);
            format!("{{\"version\":{}}}", version.unwrap_or(0))
        }
    };
    let router = Router::new().route("/lookup", post(lookup)).with_state(pool);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

/// Sends requests over all connections for [`RUN`], each as soon as the previous one is answered. Returns answers per second.
async fn hammer(address: std::net::SocketAddr, path: &str, headers: &str, body: &str, expected: &'static str) -> Outcome<usize> {
    let request: Arc<[u8]> = format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
    .into();
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        connections.push(Connection::open(address).await?);
    }
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for mut connection in connections {
        let (request, stop, answered) = (Arc::clone(&request), Arc::clone(&stop), Arc::clone(&answered));
        tasks.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                connection.ask(&request, expected).await?;
                answered.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
        });
    }
    // Real time is measured here.
    tokio::time::sleep(RUN).await;
    let counted = answered.load(Ordering::Relaxed);
    let seconds = started.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    Ok((counted as f64 / seconds) as usize)
}
