//! A server starts, reports its health, and stops.

use std::collections::HashMap;

use serde_json::json;
use sync_server::connections::Waits;
use sync_server::protocols::Protocols;
use sync_server::settings::{ContentSettings, Settings};
use waystation_model::wire::Outcome as MutationOutcome;
use waystation_tests::caller::{Caller, put};
use waystation_tests::cluster::Cluster;
use waystation_tests::school::open;
use waystation_tests::server::LocalServer;
use waystation_tests::wait::SOON;
use waystation_tests::{Outcome, paths, wait};

#[tokio::test]
async fn a_server_reports_that_it_runs_and_that_it_is_ready() -> Outcome<()> {
    let (server, mut school) = open().await?;
    for (path, text) in [("healthz", "ok\n"), ("readyz", "ready\n")] {
        let answer = reqwest::get(format!("{}/{path}", server.url())).await?;
        assert!(answer.status().is_success() && answer.headers().contains_key("x-request-id"), "{path}");
        assert_eq!(answer.text().await?, text);
    }
    // A newer program is not ready over an older schema; it runs all the same.
    school.run("DELETE FROM _sqlx_migrations WHERE version = (SELECT max(version) FROM _sqlx_migrations)").await?;
    let answer = reqwest::get(format!("{}/readyz", server.url())).await?;
    assert_eq!(answer.status().as_u16(), 503);
    assert_eq!(answer.json::<serde_json::Value>().await?["code"], "not_ready");
    assert!(reqwest::get(format!("{}/healthz", server.url())).await?.status().is_success());
    Ok(())
}

#[tokio::test]
async fn an_unmigrated_database_is_refused() -> Outcome<()> {
    let cluster = Cluster::shared().await?;
    cluster.make_database("never_migrated", "template0").await?;
    let content = tempfile::tempdir()?;
    let settings = Settings {
        database_url: cluster.url("never_migrated"),
        listen: "127.0.0.1:0".parse()?,
        token_secret: "x".repeat(32),
        content: ContentSettings::Folder(content.path().to_owned()),
        database_connections_max: 2,
        waits: Waits::USUAL,
        protocols: Protocols::OURS,
    };
    let error = sync_server::Server::start(settings).await.err().ok_or("it started")?;
    assert!(error.to_string().contains("sync-server migrate"), "{error}");
    Ok(())
}

#[tokio::test]
async fn an_address_in_use_is_named() -> Outcome<()> {
    let (server, _school) = open().await?;
    let settings = Settings {
        database_url: server.database().url().to_owned(),
        listen: server.server().address(),
        token_secret: "x".repeat(32),
        content: ContentSettings::Folder(server.content().to_owned()),
        database_connections_max: 2,
        waits: Waits::USUAL,
        protocols: Protocols::OURS,
    };
    let error = sync_server::Server::start(settings).await.err().ok_or("it started")?;
    assert!(error.to_string().contains(&server.server().address().to_string()), "{error}");
    Ok(())
}

#[tokio::test]
async fn migrating_twice_changes_nothing() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let triggers = "SELECT jsonb_agg(t.oid::bigint ORDER BY t.oid) FROM pg_trigger t";
    let before = school.value(triggers).await?;
    sync_server::database::migrate(&server.server().app().pool).await?;
    assert_eq!(school.value(triggers).await?, before);
    Ok(())
}

#[tokio::test]
async fn a_stopping_server_finishes_a_running_push() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let rauf = school.person("instructor", "rauf").await?;
    let course = school.course(Some(rauf), "published", 1).await?;
    let mut caller = Caller::sign_in(&server.url(), "rauf").await?;
    let address = server.server().address();
    // Another transaction holds the row, so the push waits inside its transaction.
    let mut holder = server.database().connect().await?;
    sqlx::raw_sql("BEGIN; UPDATE topics SET position = 9").execute(&mut holder).await?;
    let push = tokio::spawn({
        let change = put("topics").id(course.topics[0]).set("title", "at the last moment");
        async move { caller.push_one(change).await }
    });
    let waiting = "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    wait::until("the push waits", SOON, || async {
        assert!(!push.is_finished(), "the push did not wait");
        let mut watcher = server.database().connect().await?;
        let waits: bool = sqlx::query_scalar(waiting).fetch_one(&mut watcher).await?;
        Ok(waits.then_some(()))
    })
    .await?;
    let stopping = tokio::spawn(server.stop());
    wait::until("no new request is accepted", SOON, || async { Ok(tokio::net::TcpStream::connect(address).await.is_err().then_some(())) })
        .await?;
    assert!(!push.is_finished() && !stopping.is_finished());
    sqlx::raw_sql("COMMIT").execute(&mut holder).await?;
    assert_eq!(push.await??, MutationOutcome::Merged);
    stopping.await?;
    assert_eq!(school.column("topics", course.topics[0], "jsonb_build_array(title, position)").await?, json!(["at the last moment", 9]));
    Ok(())
}

#[tokio::test]
async fn a_second_instance_is_notified_of_changes_by_the_first() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let rauf = school.person("instructor", "rauf").await?;
    let course = school.course(Some(rauf), "published", 1).await?;
    let second = LocalServer::start(server.database()).await?;
    let mut here = Caller::sign_in(&server.url(), "rauf").await?;
    let mut there = Caller::sign_in(&second.url(), "rauf").await?;
    there.pull().await?;
    let mut pokes = there.live().await?;
    here.push_one(put("topics").id(course.topics[0]).set("title", "new")).await?;
    while pokes.next().await?.ok_or("the stream ended")?.scope != format!("course:{}", course.id) {}
    there.pull().await?;
    assert_eq!(there.row("topics", course.topics[0]).ok_or("not received")?.columns["title"], "new");
    second.stop().await;
    server.stop().await;
    Ok(())
}

#[tokio::test]
async fn the_last_changes_of_a_stopping_instance_reach_the_others() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let rauf = school.person("instructor", "rauf").await?;
    let course = school.course(Some(rauf), "published", 1).await?;
    let second = LocalServer::start(server.database()).await?;
    let mut here = Caller::sign_in(&server.url(), "rauf").await?;
    let mut there = Caller::sign_in(&second.url(), "rauf").await?;
    there.pull().await?;
    let mut pokes = there.live().await?;
    // The first scope is notified at once, the others wait to be notified together, and the server is stopped before that.
    for title in ["one", "two", "three"] {
        here.push_one(put("topics").id(course.topics[0]).set("title", title)).await?;
    }
    server.stop().await;
    let scope = format!("course:{}", course.id);
    let head = school.value(format!("SELECT version FROM scope_heads WHERE scope = '{scope}'")).await?;
    loop {
        let poke = pokes.next().await?.ok_or("the stream ended")?;
        if poke.scope == scope && json!(poke.head) == head {
            break;
        }
    }
    second.stop().await;
    Ok(())
}

#[test]
fn every_wrong_setting_is_named() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("settings.toml");
    let read = |text: &str, environment: &[(&str, &str)]| {
        std::fs::write(&file, text)?;
        let environment: HashMap<String, String> =
            environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Outcome::Ok(Settings::read(Some(&file), &environment).map_err(|error| error.to_string()))
    };
    let good = "database_url = \"postgres://a@b/c\"\ntoken_secret = \"0123456789012345678901234567890123456789\"\n";
    let settings = read(good, &[("WAYSTATION_LISTEN", "0.0.0.0:1"), ("WAYSTATION_CONTENT_DIR", "/files")])??;
    assert_eq!((settings.listen.port(), settings.content.clone()), (1, ContentSettings::Folder("/files".into())));
    assert!(!format!("{settings:?}").contains("0123456789"), "a secret must not be in a log");
    let wrong = [
        ("", vec![], "DATABASE_URL"),
        ("database_url = 5", vec![], "settings.toml"),
        ("unknown_setting = 1", vec![], "unknown_setting"),
        ("database_url = \"postgres://a@b/c\"", vec![], "WAYSTATION_TOKEN_SECRET"),
        (good, vec![("DATABASE_URL", "mysql://a")], "DATABASE_URL"),
        (good, vec![("WAYSTATION_LISTEN", "nowhere")], "WAYSTATION_LISTEN"),
        (good, vec![("WAYSTATION_TOKEN_SECRET", "short")], "WAYSTATION_TOKEN_SECRET"),
        (good, vec![("WAYSTATION_DATABASE_CONNECTIONS", "0")], "WAYSTATION_DATABASE_CONNECTIONS"),
        (good, vec![("WAYSTATION_S3_ENDPOINT", "http://localhost:9000")], "WAYSTATION_S3_BUCKET"),
    ];
    for (text, environment, name) in wrong {
        let error = read(text, &environment)?.err().ok_or_else(|| format!("{text} {environment:?} was accepted"))?;
        assert!(error.contains(name), "{error}");
    }
    let missing = Settings::read(Some(&folder.path().join("missing.toml")), &HashMap::new()).err().ok_or("read")?;
    assert!(missing.to_string().contains("missing.toml"), "{missing}");
    Ok(())
}

#[test]
fn the_description_of_the_routes_matches_the_docs() -> Outcome<()> {
    let stored = std::fs::read_to_string(paths::root().join("docs/openapi.json"))?;
    assert!(
        stored == sync_server::openapi::text()?,
        "docs/openapi.json is not what the handlers say: write it anew with `cargo xtask generate`"
    );
    Ok(())
}
