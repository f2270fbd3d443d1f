//! Files: downloaded despite interruptions and damage, and served only to the window.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::support::http::{Content, Server};
use crate::support::*;
use reqwest::StatusCode;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use waystation_client::app::{App, Config};
use waystation_client::commands;
use waystation_model::Problem;
use waystation_model::access::Role;

const TOPIC: u128 = 40;

async fn call(app: &App, name: &str, arguments: Value) -> Result<Value, Problem> {
    commands::call(app, name, arguments).await
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Bytes that differ from index to index.
fn film(size: usize) -> Vec<u8> {
    (0..size).map(|index| (index * 31 + index / 255) as u8).collect()
}

/// A learner with one course that has one topic with these files.
async fn study(files: &[&[u8]]) -> (Arc<Server>, Laptop, App) {
    let server = Server::start(Role::Learner, &[learner_scope(), course_scope(), format!("org:{}", id(ORGANIZATION))]).await;
    {
        let mut core = server.core.lock().unwrap();
        let published = ("published", json!(true));
        core.put("courses", Some(id(COURSE)), &[("title", json!("Safety")), ("status", json!("published")), published.clone()]);
        core.put("enrollments", None, &[("user_id", json!(id(USER))), ("course_id", json!(id(COURSE)))]);
        core.put("modules", Some(id(30)), &[("course_id", json!(id(COURSE))), ("title", json!("One")), published.clone()]);
        let topic = [("course_id", json!(id(COURSE))), ("module_id", json!(id(30))), ("title", json!("Fuels")), published.clone()];
        core.put("topics", Some(id(TOPIC)), &topic);
        for (index, bytes) in files.iter().enumerate() {
            let (media, item) = (id(60 + index as u128), id(50 + index as u128));
            let fields = [
                ("course_id", json!(id(COURSE))),
                ("title", json!("file")),
                ("sha256", json!(sha256(bytes))),
                ("size_bytes", json!(bytes.len())),
                ("media_type", json!("video/mp4")),
                published.clone(),
            ];
            core.put("media_assets", Some(media), &fields);
            let fields = [
                ("course_id", json!(id(COURSE))),
                ("module_id", json!(id(30))),
                ("topic_id", json!(id(TOPIC))),
                ("media_asset_id", json!(media)),
                ("kind", json!("video")),
                ("position", json!(index)),
                ("title", json!(format!("Film {index}"))),
                published.clone(),
            ];
            core.put("content_items", Some(item), &fields);
            server.content.lock().unwrap().insert(sha256(bytes), Content { bytes: bytes.to_vec(), ..Content::default() });
        }
    }
    let laptop = Laptop::new();
    let app = App::new(Config::new(laptop.folder.path()), laptop.environment.clone()).await.unwrap();
    call(&app, "sign_in", json!({"server": server.url(), "name": "somebody", "password": "right"})).await.unwrap();
    call(&app, "sync_now", json!({})).await.unwrap();
    (server, laptop, app)
}

async fn topic(app: &App) -> Value {
    call(app, "topic", json!({"id": id(TOPIC)})).await.unwrap()
}

async fn all_here(app: &App, count: usize) -> bool {
    let topic = topic(app).await;
    topic["items"].as_array().unwrap().iter().filter(|item| item["url"].is_string()).count() == count
}

#[tokio::test(flavor = "multi_thread")]
async fn a_downloaded_course_plays_from_the_laptop() {
    let bytes = film(300_000);
    let (_server, laptop, app) = study(&[&bytes, b"a small card"]).await;
    assert!(all_here(&app, 0).await);
    call(&app, "download_course", json!({"id": id(COURSE)})).await.unwrap();
    until(async || all_here(&app, 2).await).await;
    assert_eq!(std::fs::read(laptop.folder.path().join("media").join(sha256(&bytes))).unwrap(), bytes);
    let url = topic(&app).await["items"][0]["url"].as_str().unwrap().to_owned();
    let answer = reqwest::get(&url).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "video/mp4");
    assert_eq!(answer.bytes().await.unwrap(), bytes);
    let course = call(&app, "course", json!({"id": id(COURSE)})).await.unwrap();
    assert_eq!(course["card"]["bytes_here"], course["card"]["bytes_all"]);
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_download_resumes() {
    let bytes = film(500_000);
    let (server, _laptop, app) = study(&[&bytes]).await;
    server.content.lock().unwrap().get_mut(&sha256(&bytes)).unwrap().breaks_after = Some(200_000);
    call(&app, "download_topic", json!({"id": id(TOPIC)})).await.unwrap();
    until(async || {
        // Any successful exchange shows that the network is back.
        call(&app, "resume_downloads", json!({})).await.unwrap();
        all_here(&app, 1).await
    })
    .await;
    let asked = server.asked.lock().unwrap().clone();
    assert_eq!(asked.first(), Some(&None));
    assert!(asked.iter().skip(1).any(Option::is_some), "the second request asks only for the rest: {asked:?}");
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partial_file_of_a_killed_run_is_reused_unless_damaged() {
    let (good, rotten) = (film(100_000), film(100_001));
    let (server, laptop, app) = study(&[&good, &rotten]).await;
    let media = laptop.folder.path().join("media");
    std::fs::write(media.join(format!("{}.part", sha256(&good))), &good[..60_000]).unwrap();
    std::fs::write(media.join(format!("{}.part", sha256(&rotten))), vec![9; 60_000]).unwrap();
    call(&app, "download_course", json!({"id": id(COURSE)})).await.unwrap();
    until(async || all_here(&app, 2).await).await;
    let asked = server.asked.lock().unwrap().clone();
    assert_eq!(asked, [Some("bytes=60000-".to_owned()), Some("bytes=60000-".to_owned()), None]);
    assert_eq!(std::fs::read(media.join(sha256(&rotten))).unwrap(), rotten);
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_is_fetched_again_and_lasting_damage_is_reported() {
    let (twice, always) = (film(1_000), film(2_000));
    let (server, laptop, app) = study(&[&twice, &always]).await;
    server.content.lock().unwrap().get_mut(&sha256(&twice)).unwrap().damaged_times = 2;
    server.content.lock().unwrap().get_mut(&sha256(&always)).unwrap().damaged_times = 1_000;
    call(&app, "download_course", json!({"id": id(COURSE)})).await.unwrap();
    let failed = async || {
        let downloads = call(&app, "downloads", json!({})).await.unwrap();
        downloads["items"]
            .as_array()
            .unwrap()
            .iter()
            .any(|item| item["state"] == json!("failed") && item["problem"] == json!("file_damaged"))
    };
    until(failed).await;
    assert!(all_here(&app, 1).await);
    assert!(!laptop.folder.path().join("media").join(sha256(&always)).exists(), "a damaged file never gets its final name");
    server.content.lock().unwrap().get_mut(&sha256(&always)).unwrap().damaged_times = 0;
    call(&app, "resume_downloads", json!({})).await.unwrap();
    until(async || all_here(&app, 2).await).await;
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_a_download_and_is_reported() {
    let bytes = film(1_000);
    let (_server, laptop, app) = study(&[&bytes]).await;
    laptop.disk.0.store(10_000, Ordering::SeqCst);
    call(&app, "download_course", json!({"id": id(COURSE)})).await.unwrap();
    until(async || call(&app, "downloads", json!({})).await.unwrap()["items"][0]["problem"] == json!("disk_full")).await;
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_survives_a_restart_and_resuming_fetches_the_rest() {
    let bytes = film(1_000);
    let (_server, laptop, app) = study(&[&bytes]).await;
    call(&app, "pause_downloads", json!({})).await.unwrap();
    call(&app, "download_course", json!({"id": id(COURSE)})).await.unwrap();
    app.shutdown().await;
    drop(app);
    let app = App::new(Config::new(laptop.folder.path()), laptop.environment.clone()).await.unwrap();
    call(&app, "unlock", json!({"user_id": id(USER), "password": "right"})).await.unwrap();
    let downloads = call(&app, "downloads", json!({})).await.unwrap();
    assert_eq!((&downloads["paused"], &downloads["items"][0]["state"]), (&json!(true), &json!("waiting")));
    call(&app, "resume_downloads", json!({})).await.unwrap();
    until(async || all_here(&app, 1).await).await;
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn removing_a_course_frees_its_files() {
    let bytes = film(1_000);
    let (_server, laptop, app) = study(&[&bytes]).await;
    call(&app, "download_course", json!({"id": id(COURSE)})).await.unwrap();
    until(async || all_here(&app, 1).await).await;
    let downloads = call(&app, "remove_downloads", json!({"id": id(COURSE)})).await.unwrap();
    assert_eq!(downloads["bytes_here"], json!(0));
    assert!(!laptop.folder.path().join("media").join(sha256(&bytes)).exists());
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_file_is_removed_with_its_last_user() {
    let bytes = film(1_000);
    let (server, laptop, app) = study(&[&bytes]).await;
    let file = laptop.folder.path().join("media").join(sha256(&bytes));
    call(&app, "download_course", json!({"id": id(COURSE)})).await.unwrap();
    until(async || all_here(&app, 1).await).await;

    call(&app, "sign_in", json!({"server": server.url(), "name": "other", "password": "right"})).await.unwrap();
    call(&app, "sync_now", json!({})).await.unwrap();
    assert!(all_here(&app, 0).await, "they have not requested it");
    server.cut.store(true, Ordering::SeqCst);
    let asked = server.asked.lock().unwrap().len();
    let downloads = call(&app, "download_course", json!({"id": id(COURSE)})).await.unwrap();
    assert_eq!(downloads["items"], json!([]), "a present file needs no network");
    assert!(all_here(&app, 1).await);
    call(&app, "remove_downloads", json!({"id": id(COURSE)})).await.unwrap();
    assert!(all_here(&app, 0).await);
    assert!(file.exists(), "the first person still uses it");

    call(&app, "unlock", json!({"user_id": id(USER), "password": "right"})).await.unwrap();
    assert!(all_here(&app, 1).await);
    call(&app, "remove_downloads", json!({"id": id(COURSE)})).await.unwrap();
    assert!(!file.exists());
    assert_eq!(server.asked.lock().unwrap().len(), asked);
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_without_a_list_of_users_belong_to_everybody() {
    let bytes = film(1_000);
    let (server, laptop, app) = study(&[&bytes]).await;
    let media = laptop.folder.path().join("media");
    call(&app, "download_course", json!({"id": id(COURSE)})).await.unwrap();
    until(async || all_here(&app, 1).await).await;
    call(&app, "sign_in", json!({"server": server.url(), "name": "other", "password": "right"})).await.unwrap();
    call(&app, "sync_now", json!({})).await.unwrap();
    call(&app, "lock", json!({})).await.unwrap();
    std::fs::remove_dir_all(media.join("wanted")).unwrap();

    call(&app, "unlock", json!({"user_id": id(USER), "password": "right"})).await.unwrap();
    assert!(all_here(&app, 1).await);
    call(&app, "remove_downloads", json!({"id": id(COURSE)})).await.unwrap();
    assert!(media.join(sha256(&bytes)).exists(), "the other person may still use it");
    call(&app, "unlock", json!({"user_id": id(OTHER), "password": "right"})).await.unwrap();
    assert!(all_here(&app, 1).await);
    call(&app, "remove_downloads", json!({"id": id(COURSE)})).await.unwrap();
    assert!(!media.join(sha256(&bytes)).exists());
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn present_files_are_not_fetched_and_files_of_unknown_size_are() {
    let bytes = film(1_000);
    let (server, laptop, app) = study(&[&bytes]).await;
    // A size that is not recorded.
    server.core.lock().unwrap().put("media_assets", Some(id(60)), &[("size_bytes", Value::Null)]);
    call(&app, "sync_now", json!({})).await.unwrap();
    call(&app, "download_course", json!({"id": id(COURSE)})).await.unwrap();
    until(async || all_here(&app, 1).await).await;
    assert_eq!(server.asked.lock().unwrap().len(), 1);

    // The crash came between renaming the file and recording that it is present.
    call(&app, "pause_downloads", json!({})).await.unwrap();
    std::fs::rename(laptop.folder.path().join("media").join(sha256(&bytes)), laptop.folder.path().join("kept")).unwrap();
    app.shutdown().await;
    drop(app);
    let app = App::new(Config::new(laptop.folder.path()), laptop.environment.clone()).await.unwrap();
    call(&app, "unlock", json!({"user_id": id(USER), "password": "right"})).await.unwrap();
    call(&app, "download_course", json!({"id": id(COURSE)})).await.unwrap();
    app.shutdown().await;
    drop(app);
    std::fs::rename(laptop.folder.path().join("kept"), laptop.folder.path().join("media").join(sha256(&bytes))).unwrap();
    server.cut.store(true, Ordering::SeqCst);
    let app = App::new(Config::new(laptop.folder.path()), laptop.environment.clone()).await.unwrap();
    call(&app, "unlock", json!({"user_id": id(USER), "password": "right"})).await.unwrap();
    call(&app, "resume_downloads", json!({})).await.unwrap();
    until(async || call(&app, "downloads", json!({})).await.unwrap()["items"] == json!([])).await;
    assert_eq!(server.asked.lock().unwrap().len(), 1);
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_media_server_answers_ranges_and_refuses_unauthorized_requests() {
    let bytes = film(10_000);
    let (server, laptop, app) = study(&[&bytes]).await;
    app.shutdown().await;
    drop(app);
    // The app finds it in the folder when it starts.
    let other = sha256(b"somebody else's");
    std::fs::write(laptop.folder.path().join("media").join(&other), b"somebody else's").unwrap();
    let app = App::new(Config::new(laptop.folder.path()), laptop.environment.clone()).await.unwrap();
    call(&app, "unlock", json!({"user_id": id(USER), "password": "right"})).await.unwrap();
    call(&app, "download_course", json!({"id": id(COURSE)})).await.unwrap();
    until(async || all_here(&app, 1).await).await;
    let url = topic(&app).await["items"][0]["url"].as_str().unwrap().to_owned();
    let client = reqwest::Client::new();
    let part = client.get(&url).header("range", "bytes=100-199").header("origin", "tauri://localhost").send().await.unwrap();
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.headers()["content-range"], "bytes 100-199/10000");
    assert_eq!(part.headers()["access-control-allow-origin"], "tauri://localhost");
    assert_eq!(part.bytes().await.unwrap(), bytes[100..200]);
    let outside = client.get(&url).header("range", "bytes=10000-").send().await.unwrap();
    assert_eq!(outside.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    // Any program on this machine may listen on a port, also on one that a development server once used.
    for stranger in
        ["https://evil.example", "http://localhost:5173", "http://127.0.0.1:5173", "http://localhost", "http://127.0.0.1", "null"]
    {
        let answer = client.get(&url).header("origin", stranger).send().await.unwrap();
        assert!(answer.headers().get("access-control-allow-origin").is_none(), "{stranger}");
    }

    // Another file in the folder without a row, and paths out of the folder.
    let (base, hash) = url.rsplit_once('/').unwrap();
    let (host, _token) = base.rsplit_once('/').unwrap();
    let wrong_token = "0".repeat(64);
    let upper = hash.to_uppercase();
    for address in [
        format!("{base}/{other}"),
        format!("{host}/{wrong_token}/{hash}"),
        format!("{host}//{hash}"),
        format!("{base}/..%2f..%2fpeople.json"),
        format!("{base}/%2e%2e/%2e%2e/people.json"),
        format!("{base}/{hash}.part"),
        format!("{base}/{upper}"),
        format!("{base}/{hash}/"),
        format!("{base}/"),
        host.to_owned(),
    ] {
        let answer = client.get(&address).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{address}");
        assert!(answer.bytes().await.unwrap().is_empty());
    }
    // A person whose laptop has no access to the course, although the file is in the folder.
    server.core.lock().unwrap().subscribed.remove(&course_scope());
    call(&app, "sign_in", json!({"server": server.url(), "name": "other", "password": "right"})).await.unwrap();
    call(&app, "sync_now", json!({})).await.unwrap();
    assert_eq!(client.get(&url).send().await.unwrap().status(), StatusCode::NOT_FOUND, "they may not");
    call(&app, "lock", json!({})).await.unwrap();
    assert_eq!(client.get(&url).send().await.unwrap().status(), StatusCode::NOT_FOUND, "nobody is unlocked");
    app.shutdown().await;
}
