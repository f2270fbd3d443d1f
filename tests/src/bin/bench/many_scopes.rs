//! `many_scopes`: pulls of a laptop whose person hears 4,000 scopes, against one with a handful. Unchanged, with one change,
//! and with one change at a server that has just started.

use std::time::{Duration, Instant};

use sqlx::PgConnection;
use waystation_client::sync::engine::Engine;
use waystation_tests::cluster::{Cluster, Database};
use waystation_tests::crowd::{INSTRUCTOR, base, device, hear_many_groups, id, instructor, settle};
use waystation_tests::server::LocalServer;
use waystation_tests::{Outcome, patience};

use super::laptop::instructors_engine;
use super::report::{Figure, Pairs, median, rounded};

/// Groups of the one with many: two scopes each.
const GROUPS: usize = 1_993;
/// Pulls of one side of a pair, of which the median counts.
const PULLS: usize = 30;
/// How long the word of a change may take to the server's memory.
const NOTICE_TIME_MAX: Duration = Duration::from_secs(20);
/// Learners and topics: rows that are there and do not move.
const LEARNERS: usize = 10;
const TOPICS: usize = 20;

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Unchanged,
    OneChange,
    Cold,
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Way::Unchanged => "many_scopes_unchanged",
            Way::OneChange => "many_scopes",
            Way::Cold => "many_scopes_cold",
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

/// Measures the pairs and prints a line for each way.
pub async fn measure(cluster: &Cluster, pairs: usize) -> Outcome<()> {
    let template = base(cluster, LEARNERS, TOPICS).await?;
    let mut many = Side::of(cluster.copy("bench_many", template.name()).await?, GROUPS).await?;
    let mut few = Side::of(cluster.copy("bench_few", template.name()).await?, 0).await?;
    for way in [Way::Unchanged, Way::OneChange, Way::Cold] {
        eprintln!("{}: {} scopes against {}", way.name(), many.scopes, few.scopes);
        let mut measured = Pairs::default();
        for _ in 0..pairs {
            measured.add(many.pulls(way).await?, few.pulls(way).await?);
        }
        let (seconds, floor_seconds, ratio) = measured.medians();
        Figure {
            name: way.name(),
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
        hear_many_groups(&mut connection, groups).await?;
        settle(&mut connection).await?;
        let server = LocalServer::start(&database).await?;
        let folder = tempfile::tempdir()?;
        let engine = instructors_engine(&server, folder.path()).await?;
        engine.pull_all(true).await?;
        let scopes = sync_server::access::subscription(server.server().app(), instructor()).await?.scopes.len();
        Ok(Side { server, engine, connection, scopes, changes: 0, _folder: folder })
    }

    /// The median of some pulls, in seconds.
    async fn pulls(&mut self, way: Way) -> Outcome<f64> {
        let mut seconds = Vec::with_capacity(PULLS);
        for _ in 0..PULLS {
            if way != Way::Unchanged {
                self.change().await?;
            }
            if way == Way::Cold {
                self.server.server().app().heads.handed_out.forget(device(INSTRUCTOR));
            }
            let started = Instant::now();
            self.engine.pull_all(false).await?;
            seconds.push(started.elapsed().as_secs_f64());
            self.check(way).await?;
        }
        Ok(median(seconds))
    }

    /// Changes one row, and waits until the server's memory has heard of it.
    async fn change(&mut self) -> Outcome<()> {
        self.changes += 1;
        let app = self.server.server().app();
        let before = sync_server::access::subscription(app, instructor()).await?.digest();
        sqlx::query("UPDATE topics SET title = $2 WHERE id = $1")
            .bind(id(4, 0))
            .bind(format!("Topic {}", self.changes))
            .execute(&mut self.connection)
            .await?;
        patience::until("the change is heard of", NOTICE_TIME_MAX, || async {
            Ok((sync_server::access::subscription(app, instructor()).await?.digest() != before).then_some(()))
        })
        .await
    }

    async fn check(&self, way: Way) -> Outcome<()> {
        let row = id(4, 0).to_string();
        let title: String = self
            .engine
            .store
            .read(move |connection| Ok(connection.query_row("SELECT title FROM topics WHERE id = ?1", [row], |row| row.get(0))?))
            .await?;
        if way != Way::Unchanged && title != format!("Topic {}", self.changes) {
            return Err(format!("{title} after {} changes", self.changes).into());
        }
        Ok(())
    }
}
