//! `rest_list` and `rest_write`: pages of a list and changes of rows per second over HTTP with a personal token, compared with the
//! same statements through sqlx alone: no HTTP, no rights, no merge.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::{PgPool, Row};
use uuid::Uuid;
use waystation_tests::Outcome;
use waystation_tests::cluster::{Cluster, Database};
use waystation_tests::crowd::{INSTRUCTOR, LEARNERS, base, organization, settle, token};
use waystation_tests::server::LocalServer;

use super::raw::Connection;
use super::report::{Figure, Pairs, rounded};

/// Requests at the same time.
const AT_ONCE: usize = 8;
/// How long one side of a pair runs.
const RUN: Duration = Duration::from_secs(3);
/// Rows of a page.
const PAGE_ROWS: usize = 100;
/// Bytes of a page's answer.
const ANSWER_BYTES_MAX: usize = 512 * 1024;

/// A server whose organization has many stations, with a personal token for each connection: one token's changes are made one after
/// the other.
struct Stage {
    database: Database,
    server: LocalServer,
    secrets: Vec<String>,
    stations: Vec<Uuid>,
}

async fn stage(cluster: &Cluster, name: &str, rows: usize) -> Outcome<Stage> {
    let template = base(cluster, LEARNERS, 200).await?;
    let database = cluster.copy(name, template.name()).await?;
    let mut connection = database.connect().await?;
    let fill = "INSERT INTO stations (id, organization_id, name, brand, region, description) \
        SELECT uuid_generate_v5(uuid_ns_oid(), 'station ' || n), $1, 'Station ' || n * 7919 % $2, 'Brand ' || n % 9, 'Region ' || n % 30, repeat('x', 100) \
        FROM generate_series(1, $2) n RETURNING id";
    let stations: Vec<Uuid> = sqlx::query_scalar(fill).bind(organization()).bind(i32::try_from(rows)?).fetch_all(&mut connection).await?;
    settle(&mut connection).await?;
    let server = LocalServer::start(&database).await?;
    let mut secrets = Vec::new();
    for _ in 0..AT_ONCE {
        secrets.push(personal_token(&server.url()).await?);
    }
    Ok(Stage { database, server, secrets, stations })
}

async fn personal_token(url: &str) -> Outcome<String> {
    let made: Value = reqwest::Client::new()
        .post(format!("{url}/v1/tokens"))
        .bearer_auth(token(INSTRUCTOR)?)
        .json(&json!({"name": "bench", "expires_in_days": 1, "may_write": true}))
        .send()
        .await?
        .error_for_status()?
        .json()
        .await?;
    Ok(made["secret"].as_str().ok_or("no secret")?.to_owned())
}

/// Pages per second.
pub async fn measure_list(cluster: &Cluster, rows: usize, pairs: usize) -> Outcome<()> {
    eprintln!("rest_list: pages of {PAGE_ROWS} among {rows} stations");
    let stage = stage(cluster, "bench_rest_list", rows).await?;
    let pool = stage.server.server().app().pool.clone();
    let request = |secret: &String| {
        let head = format!("GET /v1/records/stations?status=active&limit={PAGE_ROWS} HTTP/1.1\r\nhost: bench\r\n");
        vec![format!("{head}authorization: Bearer {secret}\r\n\r\n").into_bytes()]
    };
    let mut measured = Pairs::default();
    let mut answered = 0;
    for _ in 0..pairs {
        let requests = stage.secrets.iter().map(request).collect();
        answered = over_http(stage.server.server().address(), requests, "\"next\":\"").await?;
        let alone = through_sqlx(&pool, list_alone).await?;
        measured.add(1.0 / answered as f64, 1.0 / alone as f64);
    }
    print("rest_list", answered, &measured);
    end(cluster, stage).await
}

async fn list_alone(pool: PgPool, _: usize) -> Outcome<()> {
    let sql = "SELECT t.id, row_to_json(t)::text AS row FROM (SELECT s.* FROM stations s \
        WHERE s.organization_id = $1 AND s.status = $2 ORDER BY s.id LIMIT $3) t";
    let rows = sqlx::query(sql).bind(organization()).bind("active").bind(PAGE_ROWS as i64).fetch_all(&pool).await?;
    let text: Vec<String> = rows.iter().map(|row| row.try_get("row")).collect::<Result<_, _>>()?;
    if text.len() == PAGE_ROWS { Ok(()) } else { Err("a page is too short".into()) }
}

/// Changes per second.
pub async fn measure_write(cluster: &Cluster, rows: usize, pairs: usize) -> Outcome<()> {
    eprintln!("rest_write: changes of one of {rows} stations");
    let stage = stage(cluster, "bench_rest_write", rows).await?;
    let pool = stage.server.server().app().pool.clone();
    let mut measured = Pairs::default();
    let mut answered = 0;
    for round in 0..pairs {
        let of = |(number, secret): (usize, &String)| {
            let stations = stage.stations.iter().skip(number).step_by(AT_ONCE);
            stations.map(|id| change_request(secret, *id, round)).collect()
        };
        let requests = stage.secrets.iter().enumerate().map(of).collect();
        answered = over_http(stage.server.server().address(), requests, "\"stamp\":").await?;
        let stations = Arc::new(stage.stations.clone());
        let alone = through_sqlx(&pool, move |pool, number| change_alone(pool, stations[number % stations.len()], round, number)).await?;
        measured.add(1.0 / answered as f64, 1.0 / alone as f64);
    }
    print("rest_write", answered, &measured);
    end(cluster, stage).await
}

fn change_request(secret: &str, id: Uuid, round: usize) -> Vec<u8> {
    let body = format!("{{\"description\":\"changed {round}\"}}");
    format!(
        "PATCH /v1/records/stations/{id} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {secret}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

async fn change_alone(pool: PgPool, id: Uuid, round: usize, number: usize) -> Outcome<()> {
    let mut transaction = pool.begin().await?;
    let text = format!("changed alone {round} {number}");
    sqlx::query("UPDATE stations SET description = $2 WHERE id = $1").bind(id).bind(text).execute(&mut *transaction).await?;
    transaction.commit().await?;
    let row: String = sqlx::query_scalar("SELECT row_to_json(t)::text FROM stations t WHERE t.id = $1").bind(id).fetch_one(&pool).await?;
    if row.is_empty() { Err("no row".into()) } else { Ok(()) }
}

/// Sends the requests of each connection in turn for [`RUN`]. Returns answers per second.
async fn over_http(address: SocketAddr, requests: Vec<Vec<Vec<u8>>>, expected: &'static str) -> Outcome<usize> {
    let mut tasks = tokio::task::JoinSet::new();
    let started = Instant::now();
    for requests in requests {
        tasks.spawn(async move {
            let mut connection = Connection::open_for(address, ANSWER_BYTES_MAX).await?;
            let mut answered = 0;
            for request in requests.iter().cycle() {
                if started.elapsed() >= RUN {
                    break;
                }
                connection.ask(request, expected).await?;
                answered += 1;
            }
            Ok::<usize, Box<dyn std::error::Error + Send + Sync>>(answered)
        });
    }
    let mut answered = 0;
    while let Some(task) = tasks.join_next().await {
        answered += task??;
    }
    Ok((answered as f64 / started.elapsed().as_secs_f64()) as usize)
}

/// Runs the same number of tasks through the pool for [`RUN`]. Returns how often the work was done per second.
async fn through_sqlx<F>(pool: &PgPool, work: impl Fn(PgPool, usize) -> F + Clone + Send + 'static) -> Outcome<usize>
where
    F: Future<Output = Outcome<()>> + Send,
{
    let next = Arc::new(AtomicUsize::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    let started = Instant::now();
    for _ in 0..AT_ONCE {
        let (next, pool, work) = (Arc::clone(&next), pool.clone(), work.clone());
        tasks.spawn(async move {
            while started.elapsed() < RUN {
                work(pool.clone(), next.fetch_add(1, Ordering::Relaxed)).await?;
            }
            Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
        });
    }
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    Ok((next.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64()) as usize)
}

fn print(name: &'static str, answered: usize, measured: &Pairs) {
    let (seconds, floor_seconds, ratio) = measured.medians();
    Figure {
        name,
        n: answered,
        seconds: Some(rounded(seconds, 8)),
        floor_seconds: Some(rounded(floor_seconds, 8)),
        ratio: Some(rounded(ratio, 2)),
        ..Figure::default()
    }
    .print();
}

async fn end(cluster: &Cluster, stage: Stage) -> Outcome<()> {
    let name = stage.database.name().to_owned();
    stage.server.stop().await;
    cluster.remove_database(&name).await?;
    Ok(())
}
