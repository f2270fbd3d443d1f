//! Unauthenticated sign-ins, bodies that expand greatly and a shortage of connections lock no other client out.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use futures_util::FutureExt;
use reqwest::header::RANGE;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sync_server::accounts::UNKNOWN_DEVICES_WAITING_MAX;
use sync_server::connections::Peer;
use tokio::task::JoinSet;
use uuid::Uuid;
use waystation_model::Code;
use waystation_model::limits::PROTOCOL_VERSION;
use waystation_tests::Outcome;
use waystation_tests::caller::{Caller, PASSWORD, code, read};
use waystation_tests::school::{School, open};
use waystation_tests::server::{LocalServer, TEST_CONNECTIONS};
use waystation_tests::wait;

/// Longest time for what happens at once.
const SOON: Duration = Duration::from_secs(30);

fn address(last: u8) -> IpAddr {
    Ipv4Addr::new(192, 0, 2, last).into()
}

fn sign_in_from(from: IpAddr, name: &str, device: Value) -> Outcome<Request<Body>> {
    let body = json!({"protocol": PROTOCOL_VERSION, "name": name, "password": PASSWORD, "device": device});
    let request = Request::post("/v1/accounts/sign-in").header("content-type", "application/json").extension(Peer(from));
    Ok(request.body(Body::from(body.to_string()))?)
}

async fn status(server: &LocalServer, request: Request<Body>) -> Outcome<StatusCode> {
    Ok(server.server().answer(request).await?.status())
}

#[tokio::test]
async fn known_devices_and_other_addresses_sign_in_before_waiting_strangers() -> Outcome<()> {
    let (server, mut school) = open().await?;
    school.person("learner", "aysel").await?;
    school.person("learner", "murad").await?;
    let aysel = Caller::sign_in(&server.url(), "aysel").await?;
    let desk = server.server().app().passwords.clone();
    // One person's password is being checked, and many more sign-ins of one address wait.
    let permits = desk.take(Some(address(9))).await?;
    let server = Arc::new(server);
    let mut strangers = JoinSet::new();
    for number in 0..=UNKNOWN_DEVICES_WAITING_MAX {
        let (server, request) = (Arc::clone(&server), sign_in_from(address(1), &format!("nobody-{number}"), json!({}))?);
        strangers.spawn(async move { server.server().answer(request).await.map(|answer| answer.status()) });
    }
    let refused = wait::within("a sign-in beyond the limit is told to retry", SOON, async {
        strangers.join_next().await.ok_or("no sign-in was answered")?.map_err(|error| error.to_string())
    });
    assert_eq!(refused.await??, StatusCode::TOO_MANY_REQUESTS);
    let known = sign_in_from(address(1), "aysel", json!({"id": aysel.device}))?;
    assert_eq!(wait::within("a known device", SOON, status(&server, known)).await?, StatusCode::OK);
    strangers.shutdown().await;
    drop(permits);
    let other = sign_in_from(address(2), "murad", json!({}))?;
    assert_eq!(wait::within("another address", SOON, status(&server, other)).await?, StatusCode::OK);
    Ok(())
}

#[tokio::test]
async fn concurrent_sign_ins_make_no_more_devices_than_the_limit() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let aysel = school.person("learner", "aysel").await?;
    let make = "INSERT INTO devices (organization_id, user_id) SELECT organization_id, id FROM users, generate_series(1, 95) WHERE id";
    school.run(format!("{make} = '{aysel}'")).await?;
    let mut made = JoinSet::new();
    let known = Caller::sign_in(&server.url(), "aysel").await?;
    for _ in 0..3 * TEST_CONNECTIONS {
        let known = known.clone();
        made.spawn(async move { known.post::<Value>("/v1/accounts/device", &json!({"name": "", "platform": ""})).await });
    }
    let mut refused = 0;
    while let Some(answer) = made.join_next().await {
        if let Err(problem) = answer?? {
            assert_eq!(problem.code, Code::TooManyDevices);
            refused += 1;
        }
    }
    assert_eq!(school.count("devices").await?, 100);
    assert_eq!(refused, 3 * TEST_CONNECTIONS as usize - 4);
    Ok(())
}

#[tokio::test]
async fn large_bodies_are_decompressed_only_after_the_tenant_queue() -> Outcome<()> {
    let (server, mut school) = open().await?;
    school.person("learner", "aysel").await?;
    let caller = Caller::sign_in(&server.url(), "aysel").await?;
    let bomb = zstd::bulk::compress(&[b"[".as_slice(), &b"0,".repeat(500_000)].concat(), 19)?;
    assert!(bomb.len() < 1_000);
    let send = |path: &str| {
        let token = format!("Bearer {}", caller.access_token);
        let request = Request::post(path).header("content-type", "application/json").header("content-encoding", "zstd");
        request.header("authorization", token).body(Body::from(bomb.clone()))
    };
    let tenant_queues = &server.server().app().tenant_queues;
    for path in ["/v1/sync/push", "/v1/sync/pull", "/v1/sync/slices"] {
        let mut permits = Vec::new();
        for _ in 0..TEST_CONNECTIONS / 2 {
            permits.push(tenant_queues.take(school.organization).await?);
        }
        let mut waiting = Box::pin(server.server().answer(send(path)?));
        for _ in 0..100 {
            assert!(waiting.as_mut().now_or_never().is_none(), "{path} was decompressed before its permit");
            tokio::task::yield_now().await;
        }
        drop(permits);
        let status = wait::within("the permit", SOON, waiting).await?.status();
        assert!(status.is_client_error(), "{path}: {status}");
    }
    Ok(())
}

#[tokio::test]
async fn a_server_without_a_database_connection_is_not_ready() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let ready = || async { Outcome::Ok(reqwest::get(format!("{}/readyz", server.url())).await?.status().as_u16()) };
    assert_eq!(ready().await?, 200);
    // The open connections stay; new ones are refused.
    let mut elsewhere = waystation_tests::cluster::Cluster::shared().await?.connect("postgres").await?;
    let name = server.database().name();
    let allow = |allowed: bool| sqlx::raw_sql(sqlx::AssertSqlSafe(format!("ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS {allowed}")));
    allow(false).execute(&mut elsewhere).await?;
    assert_eq!(ready().await?, 503);
    allow(true).execute(&mut elsewhere).await?;
    assert_eq!(ready().await?, 200);
    school.run("SELECT 1").await?;
    let mut connections = Vec::new();
    while connections.len() < TEST_CONNECTIONS as usize {
        match server.server().app().pool.try_acquire() {
            Some(connection) => connections.push(connection),
            // The pool opens a connection, or the listener has one.
            None => match tokio::time::timeout(Duration::from_millis(500), server.server().app().pool.acquire()).await {
                Ok(connection) => connections.push(connection?),
                Err(_) => break,
            },
        }
    }
    assert_eq!(ready().await?, 503);
    drop(connections);
    assert_eq!(ready().await?, 200);
    Ok(())
}

/// A file of the course, which its learners may download.
async fn film(server: &LocalServer, school: &mut School, bytes: &'static [u8]) -> Outcome<String> {
    let rauf = school.person("instructor", "rauf").await?;
    let course = school.course(Some(rauf), "published", 0).await?;
    let sha256 = hex::encode(Sha256::digest(bytes));
    sync_server::content::store(server.server().app().files.as_ref(), &sha256, bytes.into()).await?;
    let row = json!({"id": Uuid::now_v7(), "course_id": course.id, "title": "Film", "sha256": sha256, "size_bytes": bytes.len(), "media_type": "video/mp4", "status": "ready"});
    school.insert("media_assets", row).await?;
    Ok(sha256)
}

#[tokio::test]
async fn a_truncated_file_is_not_served() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let sha256 = film(&server, &mut school, &[7; 10_000]).await?;
    let caller = Caller::sign_in(&server.url(), "rauf").await?;
    let path = server.content().join("media").join(&sha256[..2]).join(&sha256);
    for (cut_at, ranges) in [
        (5_000_u64, [None, Some("bytes=6000-"), Some("bytes=0-99"), Some("bytes=4000-6000")]),
        (0, [None, Some("bytes=9999-"), Some("bytes=0-0"), None]),
    ] {
        std::fs::OpenOptions::new().write(true).open(&path)?.set_len(cut_at)?;
        for range in ranges {
            let mut request = caller.request(reqwest::Method::GET, &format!("/v1/content/{sha256}"));
            if let Some(range) = range {
                request = request.header(RANGE, range);
            }
            assert_eq!(code(read::<Value>(request.send().await?).await?), Code::NotFound, "{cut_at} {range:?}");
        }
    }
    Ok(())
}
