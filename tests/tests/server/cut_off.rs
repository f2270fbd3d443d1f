//! A request that is cancelled at any moment leaves a clean connection or none: the pool continues, heads are notified, and PostgreSQL
//! never receives `BEGIN` inside a transaction.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use serde_json::json;
use waystation_model::Code;
use waystation_model::limits::PROTOCOL_VERSION;
use waystation_model::wire::Outcome as MutationOutcome;
use waystation_tests::caller::{Caller, code, put};
use waystation_tests::cluster::Cluster;
use waystation_tests::laptop::Laptop;
use waystation_tests::school::open;
use waystation_tests::server::{LocalServer, TEST_CONNECTIONS};
use waystation_tests::{Outcome, wait};

/// Longest time for what happens at once.
const SOON: Duration = Duration::from_secs(30);
/// Longest time until a commit is notified: less than the slow poll that finds every change.
const HEARD_TIME_MAX: Duration = Duration::from_secs(20);
/// Upper limit of the moments at which a handler is cancelled.
const MOMENTS_MAX: usize = 400;

/// Polls its future this many times and is ready then, with or without a result: dropped, it cancels the future.
struct CancelAfter<F> {
    work: F,
    polls_left: usize,
}

impl<F: Future + Unpin> Future for CancelAfter<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<F::Output>> {
        if self.polls_left == 0 {
            return Poll::Ready(None);
        }
        self.polls_left -= 1;
        match Pin::new(&mut self.work).poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            // The next moment comes after the next wake-up, or right now when it is the last.
            Poll::Pending if self.polls_left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// One request to the server's routes, in this task, so that dropping it has the effect of a closed connection.
fn ask(server: &LocalServer, path: &str, token: Option<&str>, body: &serde_json::Value) -> Outcome<axum::http::Request<axum::body::Body>> {
    let mut request = axum::http::Request::post(format!("{}{path}", server.url())).header("content-type", "application/json");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let peer = sync_server::connections::Peer(std::net::Ipv4Addr::LOCALHOST.into());
    Ok(request.extension(peer).body(axum::body::Body::from(body.to_string()))?)
}

/// Cancels requests at every moment until one completes, and returns how many moments there were.
async fn at_every_moment(server: &LocalServer, make: impl Fn() -> Outcome<axum::http::Request<axum::body::Body>>) -> Outcome<usize> {
    for polls in 1..MOMENTS_MAX {
        let work = Box::pin(server.server().answer(make()?));
        if (CancelAfter { work, polls_left: polls }).await.is_some() {
            return Ok(polls);
        }
    }
    Err("a request with more moments than the limit".into())
}

async fn is_clean(server: &LocalServer) -> Outcome<()> {
    // All connections at once: one that was left inside a transaction is among them.
    let pool = &server.server().app().pool;
    // One of them listens and never returns to the pool.
    wait::until("every connection is in the pool", SOON, || async { Ok((pool.num_idle() + 1 >= pool.size() as usize).then_some(())) })
        .await?;
    // A dropped connection leaves the pool a moment before PostgreSQL notices it.
    wait::until("no connection is inside a transaction", SOON, || async {
        let mut watcher = server.database().connect().await?;
        let inside: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'",
        )
        .fetch_one(&mut watcher)
        .await?;
        Ok((inside == 0).then_some(()))
    })
    .await?;
    let log = std::fs::read(Cluster::shared().await?.folder().join("log"))?;
    assert!(!String::from_utf8_lossy(&log).contains("there is already a transaction in progress"));
    Ok(())
}

#[tokio::test]
async fn requests_cancelled_at_any_moment_leave_clean_connections() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let rauf = school.person("instructor", "rauf").await?;
    let course = school.course(Some(rauf), "published", 1).await?;
    let caller = Caller::sign_in(&server.url(), "rauf").await?;
    let token = caller.access_token.as_str();

    let pull = json!({"protocol": PROTOCOL_VERSION, "device": caller.device, "epoch": caller.epoch, "cursors": {}});
    let moments = at_every_moment(&server, || ask(&server, "/v1/sync/pull", Some(token), &pull)).await?;
    assert!(moments > 5, "a page has more moments than {moments}");
    let refresh = json!({"refresh_token": caller.refresh_token});
    at_every_moment(&server, || ask(&server, "/v1/accounts/refresh", None, &refresh)).await?;
    let slices = json!({"protocol": PROTOCOL_VERSION, "device": caller.device, "epoch": caller.epoch, "scope": format!("course:{}", course.id), "cursor": 1});
    at_every_moment(&server, || ask(&server, "/v1/sync/slices", Some(token), &slices)).await?;
    is_clean(&server).await?;

    // Each is a push of its own that may have been committed; then everybody is notified, with or without an answer to the client.
    let topic = course.topics[0];
    let mut watcher = Caller::sign_in(&server.url(), "rauf").await?;
    watcher.pull().await?;
    let mut ended = false;
    for polls in 1..MOMENTS_MAX {
        let writer = Caller::sign_in(&server.url(), "rauf").await?;
        let title = format!("cut off after {polls}");
        let push = serde_json::to_value(writer.push_of(vec![put("topics").id(topic).set("title", title.as_str())]))?;
        let work = Box::pin(server.server().answer(ask(&server, "/v1/sync/push", Some(&writer.access_token), &push)?));
        school.run("DELETE FROM conflicts").await?;
        ended = (CancelAfter { work, polls_left: polls }).await.is_some();
        if ended {
            break;
        }
        // The number of devices per person is limited.
        school.run(format!("UPDATE devices SET revoked_at = now() WHERE id = '{}'", writer.device)).await?;
    }
    assert!(ended, "a push with more moments than the limit");
    is_clean(&server).await?;
    let title = school.column("topics", topic, "title").await?;
    let watcher = tokio::sync::Mutex::new(watcher);
    wait::until("the title is received", HEARD_TIME_MAX, || async {
        let mut watcher = watcher.lock().await;
        watcher.pull_by_digest().await?;
        Ok((watcher.row("topics", topic).ok_or("not received")?.columns["title"] == title).then_some(()))
    })
    .await
}

#[tokio::test]
async fn a_push_cancelled_while_it_waits_for_a_row_takes_effect_once() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let rauf = school.person("instructor", "rauf").await?;
    let course = school.course(Some(rauf), "published", 1).await?;
    let mut caller = Caller::sign_in(&server.url(), "rauf").await?;
    let mut holder = server.database().connect().await?;
    sqlx::raw_sql("BEGIN; UPDATE topics SET position = 9").execute(&mut holder).await?;
    let watcher = tokio::sync::Mutex::new(server.database().connect().await?);
    let push = caller.push_of(vec![put("topics").id(course.topics[0]).set("title", "Waits")]);
    let mut work =
        Box::pin(server.server().answer(ask(&server, "/v1/sync/push", Some(&caller.access_token), &serde_json::to_value(&push)?)?));
    let waits = wait::until("the push waits for the row", SOON, || async {
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
        let count: i64 = sqlx::query_scalar(waiting).fetch_one(&mut *watcher.lock().await).await?;
        Ok((count == 1).then_some(()))
    });
    tokio::select! {
        _ = &mut work => return Err("the push did not wait".into()),
        waits = waits => waits?,
    }
    drop(work);
    sqlx::raw_sql("COMMIT").execute(&mut holder).await?;
    is_clean(&server).await?;
    // Sent again, as by a laptop that received no answer.
    let answer = caller.send(&push).await??;
    caller.acknowledge(&push, &answer);
    assert_eq!(school.column("topics", course.topics[0], "title").await?, json!("Waits"));
    for number in 0..2 * TEST_CONNECTIONS {
        assert_ne!(
            caller.push_one(put("topics").id(course.topics[0]).set("title", format!("after {number}"))).await?,
            MutationOutcome::Superseded
        );
        caller.pull().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_device_without_its_ledger_is_told_to_become_a_new_device() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let rauf = school.person("instructor", "rauf").await?;
    let course = school.course(Some(rauf), "published", 1).await?;
    let caller = Caller::sign_in(&server.url(), "rauf").await?;
    let laptop = Laptop::of("rauf", &server.url()).await?;
    school.run("DELETE FROM device_states").await?;
    assert_eq!(code(caller.ask_page().await?), Code::ChainMismatch);
    let push = caller.push_of(vec![put("topics").id(course.topics[0]).set("title", "x")]);
    assert_eq!(code(caller.send(&push).await?), Code::ChainMismatch);
    // The real client does it automatically.
    school.run(format!("UPDATE topics SET title = 'Received by the new device' WHERE id = '{}'", course.topics[0])).await?;
    laptop.until("topic", json!({"id": course.topics[0]}), |topic| topic.to_string().contains("Received by the new device")).await?;
    laptop.wait_until_synced().await?;
    Ok(())
}

#[tokio::test]
async fn a_database_without_its_epoch_begins_a_new_one() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let rauf = school.person("instructor", "rauf").await?;
    let course = school.course(Some(rauf), "published", 1).await?;
    let mut caller = Caller::sign_in(&server.url(), "rauf").await?;
    caller.pull().await?;
    let before = caller.epoch;
    school.run("DELETE FROM epoch").await?;
    caller.pull().await?;
    assert!(caller.epoch > before, "{} follows {before}", caller.epoch);
    let server = server.restart().await?;
    let again = Caller::sign_in(&server.url(), "rauf").await?;
    assert_eq!(again.epoch, caller.epoch);
    assert!(matches!(
        caller.push_one(put("topics").id(course.topics[0]).set("title", "x")).await?,
        MutationOutcome::Applied | MutationOutcome::Merged
    ));
    Ok(())
}
