//! No client can make the server slow, large or wrong for others: every limit holds at its edge, and its code names it.

use std::sync::Arc;
use std::time::Duration;

use chrono::{Days, Utc};
use reqwest::Method;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE};
use serde_json::{Value, json};
use sync_server::connections::Waits;
use sync_server::tenant_queues::REQUESTS_WAITING_MAX;
use sync_server::tombstones::remove_old_tombstones;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use uuid::Uuid;
use waystation_model::limits::{ROW_BYTES_MAX, SCOPES_PER_USER_MAX, TOMBSTONE_DAYS};
use waystation_model::wire::{Outcome as MutationOutcome, PushAnswer, PushRequest};
use waystation_model::{Code, Problem};
use waystation_tests::caller::{Caller, code, put, read};
use waystation_tests::cluster::Cluster;
use waystation_tests::laptop::Laptop;
use waystation_tests::school::{Course, School, open};
use waystation_tests::server::{LocalServer, TEST_CONNECTIONS};
use waystation_tests::wait::SOON;
use waystation_tests::{Outcome, wait};

/// Tiny requests of one device.
const TINY_REQUESTS: usize = 10_000;
/// Of these, concurrent requests.
const TINY_AT_ONCE: usize = 64;

/// The number of pushes that wait for a lock inside their transaction, each on a connection of its own.
async fn stuck(sql: &mut sqlx::PgConnection) -> Outcome<i64> {
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    Ok(sqlx::query_scalar(waiting).fetch_one(sql).await?)
}

async fn send_all(callers: Vec<(Caller, PushRequest)>) -> JoinSet<Outcome<Result<PushAnswer, Problem>>> {
    let mut sent = JoinSet::new();
    for (caller, push) in callers {
        sent.spawn(async move { caller.send(&push).await });
    }
    sent
}

#[tokio::test]
async fn an_organization_that_floods_the_server_delays_only_itself() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let rauf = school.person("instructor", "rauf").await?;
    let course = school.course(Some(rauf), "published", 1).await?;
    let mut other = School::create(server.database()).await?;
    let sabina = other.person("instructor", "sabina").await?;
    let elsewhere = other.course(Some(sabina), "published", 1).await?;
    let mut neighbour = Caller::sign_in(&server.url(), "sabina").await?;
    let mut flood = Vec::new();
    for number in 0..3 * TEST_CONNECTIONS {
        let caller = Caller::sign_in(&server.url(), "rauf").await?;
        let push = caller.push_of(vec![put("topics").id(course.topics[0]).set("title", format!("flood {number}"))]);
        flood.push((caller, push));
    }
    let count = flood.len();

    // Another transaction locks the row, so that each of these pushes waits.
    let mut holder = server.database().connect().await?;
    sqlx::raw_sql("BEGIN; UPDATE topics SET position = 9").execute(&mut holder).await?;
    let mut watcher = server.database().connect().await?;
    let mut sent = send_all(flood).await;
    let share = i64::from(TEST_CONNECTIONS / 2);
    let watched = Arc::new(tokio::sync::Mutex::new(&mut watcher));
    wait::until("the flood has its share", SOON, || async { Ok((stuck(&mut **watched.lock().await).await? == share).then_some(())) })
        .await?;
    // Its own row is another one, although the lock covers all rows that the table had.
    let topic = put("topics").id(Uuid::now_v7()).link("module_id", elsewhere.module).link("course_id", elsewhere.id).set("title", "x");
    assert_eq!(neighbour.push_one(topic).await?, MutationOutcome::Applied);
    neighbour.pull().await?;
    assert!(sent.try_join_next().is_none(), "the flood still waits");
    assert_eq!(stuck(&mut **watched.lock().await).await?, share, "it never had more than its share");

    sqlx::raw_sql("COMMIT").execute(&mut holder).await?;
    let mut answered = 0;
    while let Some(answer) = sent.join_next().await {
        assert_eq!(answer??.map(|answer| answer.last_n), Ok(1));
        answered += 1;
    }
    assert_eq!(answered, count, "and all of it was accepted");
    Ok(())
}

#[tokio::test]
async fn requests_beyond_the_queue_limit_are_told_to_retry_and_nothing_is_lost() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let rauf = school.person("instructor", "rauf").await?;
    let course = school.course(Some(rauf), "published", 1).await?;
    let caller = Caller::sign_in(&server.url(), "rauf").await?;
    let push = caller.push_of(vec![put("topics").id(course.topics[0]).set("title", "once")]);
    let mut holder = server.database().connect().await?;
    sqlx::raw_sql("BEGIN; UPDATE topics SET position = 9").execute(&mut holder).await?;
    let too_many = 5;
    let count = TEST_CONNECTIONS as usize / 2 + REQUESTS_WAITING_MAX + too_many;
    let mut sent = send_all(vec![(caller.clone(), push.clone()); count]).await;
    for _ in 0..too_many {
        let refused = sent.join_next().await.ok_or("all were accepted")???;
        assert_eq!(refused.err().map(|problem| (problem.code, problem.retryable)), Some((Code::TooManyRequests, true)));
    }
    sqlx::raw_sql("COMMIT").execute(&mut holder).await?;
    while let Some(answer) = sent.join_next().await {
        assert_eq!(answer??.map(|answer| answer.last_n), Ok(1));
    }
    assert_eq!(caller.send(&push).await?.map(|answer| answer.last_n), Ok(1), "a refused request succeeds later");
    Ok(())
}

#[tokio::test]
async fn ten_thousand_tiny_requests_are_all_answered() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let rauf = school.person("instructor", "rauf").await?;
    school.course(Some(rauf), "published", 1).await?;
    let mut caller = Caller::sign_in(&server.url(), "rauf").await?;
    caller.pull().await?;
    let mut asked = JoinSet::new();
    for _ in 0..TINY_AT_ONCE {
        let caller = caller.clone();
        asked.spawn(async move {
            let mut answered = 0;
            for _ in 0..TINY_REQUESTS.div_ceil(TINY_AT_ONCE) {
                let line = caller.ask_digest().await?;
                assert!(matches!(line, waystation_model::wire::PullLine::Unchanged { .. }), "{line:?}");
                answered += 1;
            }
            Outcome::Ok(answered)
        });
    }
    let mut answered = 0;
    while let Some(many) = asked.join_next().await {
        answered += many??;
    }
    assert!(answered >= TINY_REQUESTS, "{answered}");
    Ok(())
}

/// Peak memory of this process, in KiB.
fn most_memory_kib() -> Outcome<u64> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no memory in status")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse()?)
}

#[tokio::test]
async fn a_body_that_decompresses_to_gigabytes_costs_only_its_limit() -> Outcome<()> {
    let (server, mut school) = open().await?;
    school.person("instructor", "rauf").await?;
    let caller = Caller::sign_in(&server.url(), "rauf").await?;
    let mut bomb = zstd::stream::write::Encoder::new(Vec::new(), 3)?;
    let spaces = vec![b' '; 1024 * 1024];
    for _ in 0..2 * 1024 {
        std::io::Write::write_all(&mut bomb, &spaces)?;
    }
    let bomb = bomb.finish()?;
    assert!(bomb.len() < 1024 * 1024, "{} bytes pass the first limit", bomb.len());
    let before = most_memory_kib()?;
    for _ in 0..8 {
        let request = caller.request(Method::POST, "/v1/sync/push").header(CONTENT_TYPE, "application/json");
        let answer = request.header(CONTENT_ENCODING, "zstd").body(bomb.clone()).send().await?;
        assert_eq!(code(read::<Value>(answer).await?), Code::BodyTooLarge);
    }
    let grown = most_memory_kib()? - before;
    // The other tests of this program run beside it; two gibibytes would not hide among them.
    assert!(grown < 512 * 1024, "{grown} KiB more");
    Ok(())
}

#[tokio::test]
async fn slow_requests_are_cut_off_and_others_are_not() -> Outcome<()> {
    let database = Cluster::shared().await?.database().await?;
    let mut school = School::create(&database).await?;
    school.person("instructor", "rauf").await?;
    // A busy machine may take a second between a connection and its first byte; each later step takes this long once.
    let short = Duration::from_secs(3);
    let server = LocalServer::start_with_waits(&database, Waits { head: short, body: short, ..Waits::USUAL }).await?;
    let caller = Caller::sign_in(&server.url(), "rauf").await?;
    let mut silent = TcpStream::connect(server.server().address()).await?;
    let mut no_request = TcpStream::connect(server.server().address()).await?;
    no_request.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await?;
    let mut slow_head = TcpStream::connect(server.server().address()).await?;
    slow_head.write_all(b"POST /v1/sync/push HTTP/1.1\r\nhost: localhost\r\nx-wait: ").await?;
    let mut slow_body = TcpStream::connect(server.server().address()).await?;
    let head = format!(
        "POST /v1/sync/push HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nauthorization: Bearer {}\r\ncontent-length: 100\r\n\r\n{{",
        caller.access_token
    );
    slow_body.write_all(head.as_bytes()).await?;
    // Each ends by itself, or this test never does.
    let mut said = String::new();
    silent.read_to_string(&mut said).await?;
    assert!(!said.contains("200"), "{said}");
    said.clear();
    no_request.read_to_string(&mut said).await?;
    assert!(!said.contains("200"), "{said}");
    said.clear();
    slow_head.read_to_string(&mut said).await?;
    assert!(!said.contains("200"), "{said}");
    said.clear();
    slow_body.read_to_string(&mut said).await?;
    assert!(said.contains("body_truncated"), "{said}");
    // A stream of pokes is silent for longer, and stays.
    let mut pokes = caller.live().await?;
    school.run("UPDATE users SET full_name = 'Another' WHERE user_name = 'rauf'").await?;
    assert!(pokes.next().await?.is_some());
    Ok(())
}

#[tokio::test]
async fn a_row_at_the_limit_is_accepted_and_one_byte_more_is_not() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let rauf = school.person("instructor", "rauf").await?;
    let course = school.course(Some(rauf), "published", 0).await?;
    let mut caller = Caller::sign_in(&server.url(), "rauf").await?;
    let test = school.test(&course, "quiz", "server", &[]).await?;
    school.run("DELETE FROM answer_keys").await?;
    let key = |bytes: usize| {
        let text = |bytes: usize| json!({"a": "x".repeat(bytes)});
        put("answer_keys")
            .link("assessment_id", test.id)
            .link("course_id", course.id)
            .set("keys", text(99_000))
            .set("explanations", text(99_000))
            .set("mcq_answers", text(19_000))
            .set("numeric_answers", text(19_000))
            // A character of two bytes, and one of one byte where their number is odd.
            .set("written_instructions", "ə".repeat(bytes / 2) + &"x".repeat(bytes % 2))
    };
    let (mut taken, mut refused) = (0_usize, 40_000_usize);
    while refused - taken > 1 {
        let middle = usize::midpoint(taken, refused);
        match caller.push_one(key(middle)).await? {
            MutationOutcome::Applied | MutationOutcome::Merged => taken = middle,
            MutationOutcome::Rejected { code: Code::RowTooLarge, .. } => refused = middle,
            other => return Err(format!("{middle}: {other:?}").into()),
        }
    }
    // Each text is its content and the eight bytes of `{"a":""}`; the two ids are 36 bytes each, and every other value is eight.
    assert_eq!(2 * 99_008 + 2 * 19_008 + 2 * 36 + 8 + taken, ROW_BYTES_MAX, "the last accepted row has the limit's size");
    Ok(())
}

#[tokio::test]
async fn subscribed_scopes_are_limited() -> Outcome<()> {
    let (server, mut school) = open().await?;
    school.person("admin", "vusal").await?;
    let mut caller = Caller::sign_in(&server.url(), "vusal").await?;
    caller.pull().await?;
    let before = caller.cursors.len();
    // A course is two scopes to an administrator: its contents and its staff's.
    let courses = (SCOPES_PER_USER_MAX - before) / 2;
    school
        .run(format!(
            "INSERT INTO courses (organization_id, title) SELECT id, 'Course' FROM organizations, generate_series(1, {courses}) n"
        ))
        .await?;
    let mut fresh = Caller::sign_in(&server.url(), "vusal").await?;
    let scopes = wait::until("every course is received", SOON, || async {
        let mut caller = fresh.clone();
        caller.pull().await?;
        Ok((caller.cursors.len() > before).then_some(caller.cursors.len()))
    })
    .await?;
    assert!((SCOPES_PER_USER_MAX - 1..=SCOPES_PER_USER_MAX).contains(&scopes), "{scopes}");
    school.run("INSERT INTO courses (organization_id, title) SELECT id, 'One more' FROM organizations").await?;
    let refused =
        wait::until("the pull is refused", SOON, || async { Ok(fresh.ask_page().await?.err().map(|problem| problem.code)) }).await?;
    assert_eq!(refused, Code::TooManyScopes);
    assert_eq!(fresh.push(vec![]).await?, [], "too many scopes do not prevent a push");
    Ok(())
}

#[tokio::test]
async fn old_tombstones_are_dropped_and_recreated_rows_stay() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let rauf = school.person("instructor", "rauf").await?;
    let course = school.course(Some(rauf), "published", 4).await?;
    let pool = &server.server().app().pool;
    let gone = "SELECT count(*) FROM feed WHERE state <> 0";
    let today = Utc::now().date_naive();
    let after = |days: u64| today + Days::new(days);
    let delete = |topic: Uuid| format!("DELETE FROM topics WHERE id = '{topic}'");
    school.run(delete(course.topics[0])).await?;
    assert_eq!(school.value(gone).await?, 1);
    assert_eq!(remove_old_tombstones(pool, today).await?, 0);
    school.run(delete(course.topics[1])).await?;
    assert_eq!(remove_old_tombstones(pool, after(TOMBSTONE_DAYS - 1)).await?, 0);
    assert_eq!(school.value(gone).await?, 2);
    assert_eq!(
        remove_old_tombstones(pool, after(TOMBSTONE_DAYS)).await?,
        1,
        "the rows deleted before the first mark, and not those deleted later"
    );
    assert_eq!(remove_old_tombstones(pool, after(TOMBSTONE_DAYS)).await?, 0, "once");
    assert_eq!(remove_old_tombstones(pool, after(3 * TOMBSTONE_DAYS)).await?, 1);
    assert_eq!(remove_old_tombstones(pool, after(4 * TOMBSTONE_DAYS)).await?, 0);
    assert_eq!(school.value("SELECT count(*) FROM feed_marks").await?, 0, "no mark without information is kept");
    // Heads and checksums are unchanged: laptops that were up to date receive nothing.
    assert_eq!(sync_server::verify::verify(pool).await?.faults, []);
    Caller::sign_in(&server.url(), "rauf").await?.pull().await?;
    Ok(())
}

#[tokio::test]
async fn a_laptop_away_for_longer_than_tombstones_are_kept_converges_and_loses_nothing() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let rauf = school.person("instructor", "rauf").await?;
    let learner = school.person("learner", "aysel").await?;
    let course: Course = school.course(Some(rauf), "published", 3).await?;
    school.enrol(learner, &course).await?;
    let laptop = Laptop::of("aysel", &server.url()).await?;
    let (database, port) = (server.database().clone(), server.server().address().port());
    server.stop().await;
    laptop.wait_until_offline().await?;
    laptop.call("mark_topic", json!({"topic_id": course.topics[0], "completed": true})).await?;
    school.run(format!("DELETE FROM topics WHERE id = '{}'", course.topics[1])).await?;
    let pool = sync_server::database::connect(database.url(), 2).await?;
    let today = Utc::now().date_naive();
    remove_old_tombstones(&pool, today).await?;
    assert!(remove_old_tombstones(&pool, today + Days::new(TOMBSTONE_DAYS)).await? > 0, "the laptop can no longer receive the tombstone");
    pool.close().await;
    let server = LocalServer::start_on(&database, port).await?;
    laptop.wait_until_synced().await?;
    laptop
        .until("course", json!({"id": course.id}), |answer| {
            let text = answer.to_string();
            text.contains(&course.topics[2].to_string()) && !text.contains(&course.topics[1].to_string())
        })
        .await?;
    assert_eq!(school.value("SELECT completed FROM topic_progress").await?, true, "its changes have arrived");
    server.stop().await;
    Ok(())
}
