//! The harness works as documented.

use std::time::Duration;

use sqlx::Connection;
use waystation_tests::children::{Program, Signal};
use waystation_tests::cluster::Cluster;
use waystation_tests::desk::{Desk, Keyring};
use waystation_tests::server::LocalServer;
use waystation_tests::wait::{self, SOON};
use waystation_tests::{Outcome, paths};

#[tokio::test]
async fn two_databases_are_migrated_and_separate() -> Outcome<()> {
    let cluster = Cluster::shared().await?;
    let (one, other) = (cluster.database().await?, cluster.database().await?);
    let mut one = one.connect().await?;
    let mut other = other.connect().await?;
    sqlx::query("CREATE TABLE only_here (a int)").execute(&mut one).await?;
    let is_there = "SELECT to_regclass('only_here') IS NOT NULL, to_regclass('scope_heads') IS NOT NULL";
    let of_one: (bool, bool) = sqlx::query_as(is_there).fetch_one(&mut one).await?;
    let of_other: (bool, bool) = sqlx::query_as(is_there).fetch_one(&mut other).await?;
    assert_eq!((of_one, of_other), ((true, true), (false, true)));
    one.close().await?;
    Ok(())
}

#[tokio::test]
async fn a_server_comes_back_on_the_same_port() -> Outcome<()> {
    let database = Cluster::shared().await?.database().await?;
    let server = LocalServer::start(&database).await?;
    let url = server.url();
    let health = format!("{url}/healthz");
    assert!(reqwest::get(&health).await?.status().is_success());
    let server = server.restart().await?;
    assert_eq!(server.url(), url);
    assert!(reqwest::get(&health).await?.status().is_success());
    server.stop().await;
    assert!(reqwest::get(&health).await.is_err());
    Ok(())
}

#[tokio::test]
async fn a_program_ends_when_it_is_dropped() -> Outcome<()> {
    let log = paths::folder("logs")?.join("sleeper.log");
    let sleeper = Program::new("a sleeper", "sleep").argument("1000").start(&log)?;
    let process = format!("/proc/{}", sleeper.pid());
    assert!(std::path::Path::new(&process).exists());
    drop(sleeper);
    assert!(!std::path::Path::new(&process).exists());
    Ok(())
}

#[tokio::test]
async fn a_program_that_fails_says_why() -> Outcome<()> {
    let log = paths::folder("logs")?.join("failing.log");
    let failing = Program::new("a failing one", "sh").arguments(["-c", "echo the reason >&2; exit 3"]);
    let problem = failing.run(&log, SOON).expect_err("it fails");
    assert!(problem.to_string().contains("the reason"), "{problem}");
    Ok(())
}

#[tokio::test]
async fn a_program_that_ignores_signals_is_killed() -> Outcome<()> {
    let log = paths::folder("logs")?.join("stubborn.log");
    let stubborn =
        Program::new("a stubborn one", "sh").arguments(["-c", "trap '' TERM; echo deaf; while :; do sleep 1; done"]).start(&log)?;
    // Until the signal is ignored, it would end like any other program.
    wait::until("it ignores the signal", SOON, || async { Ok(std::fs::read_to_string(&log)?.contains("deaf").then_some(())) }).await?;
    stubborn.stop(Signal::Terminate, Duration::from_millis(300));
    assert_eq!(stubborn.ended()?, Some(false));
    Ok(())
}

#[tokio::test]
async fn a_desk_has_a_bus_and_a_keyring_of_its_own() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let desk = Desk::set_up(folder.path(), Keyring::Unlocked).await?;
    let has = |name: &str| desk.environment().iter().any(|(of, value)| of == name && value.to_string_lossy().contains("waystation-"));
    assert!(has("DBUS_SESSION_BUS_ADDRESS"));
    Ok(())
}
