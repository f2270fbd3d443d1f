//! `many_scopes`: pulls of a laptop whose person subscribes to 4,000 scopes, compared with one with a few. Without changes, with one
//! change, and with one change at a server that has just started.

use std::time::{Duration, Instant};

use sqlx::PgConnection;
use waystation_client::sync::engine::Engine;
use waystation_tests::cluster::{Cluster, Database};
use waystation_tests::crowd::{INSTRUCTOR, base, device, id, instructor, settle, subscribe_many_groups, subscription};
use waystation_tests::server::LocalServer;
use waystation_tests::{Outcome, wait};

use super::laptop::instructors_engine;
use super::report::{Figure, Pairs, median, rounded};

/// Groups of the person with many scopes: two scopes each.
const GROUPS: usize = 1_993;
/// Pulls of one side of a pair; the median counts.
const PULLS: usize = 30;
/// Longest time until a change notification reaches the server's memory.
const NOTICE_TIME_MAX: Duration = Duration::from_secs(20);
/// Learners and topics: rows that exist and do not change.
const LEARNERS: usize = 10;
const TOPICS: usize = 20;

/// The case that is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    Unchanged,
    OneChange,
    Cold,
}

impl Case {
    fn name(self) -> &'static str {
        match self {
            Case::Unchanged => "many_scopes_unchanged",
            Case::OneChange => "many_scopes",
            Case::Cold => "many_scopes_cold",
        }
    }
}

struct Side {
    server: LocalServer,
    engine: Engine,
    connection: PgConnection,
    scopes: usize,
    changes: usize,
    _folder: tempfile::TempDir,
}

/// Measures the pairs and prints a line for each case.
pub async fn measure(cluster: &Cluster, pairs: usize) -> Outcome<()> {
    let template = base(cluster, LEARNERS, TOPICS).await?;
    let mut many = Side::of(cluster.copy("bench_many", template.name()).await?, GROUPS).await?;
    let mut few = Side::of(cluster.copy("bench_few", template.name()).await?, 0).await?;
    for case in [Case::Unchanged, Case::OneChange, Case::Cold] {
        eprintln!("{}: {} scopes against {}", case.name(), many.scopes, few.scopes);
        let mut measured = Pairs::default();
        for _ in 0..pairs {
            measured.add(many.pulls(case).await?, few.pulls(case).await?);
        }
        let (seconds, floor_seconds, ratio) = measured.medians();
        Figure {
            name: case.name(),
            n: PULLS,
            seconds: Some(rounded(seconds, 6)),
            floor_seconds: Some(rounded(floor_seconds, 6)),
            ratio: Some(rounded(ratio, 2)),
            scopes: Some(many.scopes),
            ..Figure::default()
        }
        .print();
    }
    many.server.stop().await;
    few.server.stop().await;
    Ok(())
}

impl Side {
    async fn of(database: Database, groups: usize) -> Outcome<Side> {
        let mut connection = database.connect().await?;
        subscribe_many_groups(&mut connection, groups).await?;
        settle(&mut connection).await?;
        let server = LocalServer::start(&database).await?;
        let folder = tempfile::tempdir()?;
        let engine = instructors_engine(&server, folder.path()).await?;
        engine.pull_all(true).await?;
        let scopes = subscription(server.server().app(), instructor()).await?.scopes.len();
        Ok(Side { server, engine, connection, scopes, changes: 0, _folder: folder })
    }

    /// The median of some pulls, in seconds.
    async fn pulls(&mut self, case: Case) -> Outcome<f64> {
        let mut seconds = Vec::with_capacity(PULLS);
        for _ in 0..PULLS {
            if case != Case::Unchanged {
                self.change().await?;
            }
            if case == Case::Cold {
                self.server.server().app().heads.cursor_cache.forget(device(INSTRUCTOR));
            }
            let started = Instant::now();
            self.engine.pull_all(false).await?;
            seconds.push(started.elapsed().as_secs_f64());
            self.check(case).await?;
        }
        Ok(median(seconds))
    }

    /// Changes one row, and waits until the notification reaches the server's memory.
    async fn change(&mut self) -> Outcome<()> {
        self.changes += 1;
        let app = self.server.server().app();
        let before = subscription(app, instructor()).await?.digest();
        sqlx::query("UPDATE topics SET title = $2 WHERE id = $1")
            .bind(id(4, 0))
            .bind(format!("Topic {}", self.changes))
            .execute(&mut self.connection)
            .await?;
        wait::until("the change is received", NOTICE_TIME_MAX, || async {
            Ok((subscription(app, instructor()).await?.digest() != before).then_some(()))
        })
        .await
    }

    async fn check(&self, case: Case) -> Outcome<()> {
        let row = id(4, 0).to_string();
        let title: String = self
            .engine
            .store
            .read(move |connection| Ok(connection.query_row("SELECT title FROM topics WHERE id = ?1", [row], |row| row.get(0))?))
            .await?;
        if case != Case::Unchanged && title != format!("Topic {}", self.changes) {
            return Err(format!("{title} after {} changes", self.changes).into());
        }
        Ok(())
    }
}
