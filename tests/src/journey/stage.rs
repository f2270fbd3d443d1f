//! The environment of the demonstration: a persistent cluster, a filled database and a server.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::cluster::Cluster;
use crate::server::ServerProcess;
use crate::{Outcome, paths};

/// The password of every demonstration user.
pub const DEMONSTRATION_PASSWORD: &str = "waystation";
/// The server's port when it is free, so that its URL stays the same between runs.
const USUAL_PORT: u16 = 8440;

/// The people that the window offers, with all roles: user name, name, role. README has the same table.
pub const DEMONSTRATION: &[(&str, &str, &str)] = &[
    ("aysel", "Aysel Məmmədova", "learner"),
    ("murad", "Murad İsmayılov", "learner"),
    ("leyla", "Leyla Kərimova", "learner"),
    ("rustam", "Rustam Orlov", "instructor"),
    ("elena", "Elena Sokolova", "instructor"),
    ("nigar", "Nigar Əliyeva", "teacher"),
    ("kamran", "Kamran Quliyev", "teacher"),
    ("sevda", "Sevda Kərimova", "parent"),
    ("gulnar", "Gülnar Hacıyeva", "admin"),
];

/// A running server over a filled database.
pub struct Stage {
    cluster: Cluster,
    database: &'static str,
    folder: PathBuf,
    /// The server, to be stopped and started.
    pub server: ServerProcess,
}

impl Stage {
    /// For people who try things: the database keeps their changes.
    ///
    /// # Errors
    /// When any part does not start.
    pub async fn kept(folder: &Path) -> Outcome<Stage> {
        let cluster = Cluster::kept("demo/cluster").await?;
        let database = "waystation";
        if !cluster.has(database).await? {
            cluster.make_database(database, "template0").await?;
        }
        let usual = std::net::TcpListener::bind(("127.0.0.1", USUAL_PORT)).is_ok();
        let port = if usual { USUAL_PORT } else { paths::free_port()? };
        let server = server(&cluster, database, folder, &folder.join("content"), port)?;
        fill(&server)?;
        Stage::begin(cluster, database, folder, server).await
    }

    /// For the journey: starts from the same state every time, a copy of a database that is filled once a day.
    ///
    /// # Errors
    /// When any part does not start.
    pub async fn fresh(folder: &Path) -> Outcome<Stage> {
        let cluster = Cluster::kept("demo/cluster-journey").await?;
        let template = format!("template_{:016x}", ingredients()?);
        let content = folder.join("content-journey");
        if !cluster.has(&template).await? {
            println!("filling the demonstration organization in");
            for old in cluster.databases_like("template\\_%").await? {
                cluster.remove_database(&old).await?;
            }
            // Under another name until it is complete, so that an interrupted one is never used.
            let half = "template_unfinished";
            cluster.make_database(half, "template0").await?;
            fill(&server(&cluster, half, folder, &content, 0)?)?;
            cluster.rename_database(half, &template).await?;
        }
        let database = "journey";
        cluster.remove_database(database).await?;
        cluster.make_database(database, &template).await?;
        let server = server(&cluster, database, folder, &content, paths::free_port()?)?;
        Stage::begin(cluster, database, folder, server).await
    }

    async fn begin(cluster: Cluster, database: &'static str, folder: &Path, mut server: ServerProcess) -> Outcome<Stage> {
        server.start().await?;
        let stage = Stage { cluster, database, folder: folder.to_path_buf(), server };
        stage.write_people()?;
        Ok(stage)
    }

    /// The environment variables that tell the window about this stage.
    pub fn variables(&self) -> Vec<(String, String)> {
        vec![
            ("WAYSTATION_SERVER".to_owned(), self.server.url()),
            ("WAYSTATION_DEMONSTRATION".to_owned(), self.people_file().to_string_lossy().into_owned()),
        ]
    }

    /// A connection for changes and queries by plain SQL.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn connect(&self) -> Outcome<PgConnection> {
        self.cluster.connect(self.database).await
    }

    /// The URL for `psql`.
    pub fn database_url(&self) -> String {
        self.cluster.url(self.database)
    }

    /// Ends the server, then the cluster.
    pub fn end(mut self) {
        self.server.stop();
        self.cluster.stop();
    }

    fn people_file(&self) -> PathBuf {
        self.folder.join("people.json")
    }

    fn write_people(&self) -> Outcome<()> {
        let people: Vec<Value> = DEMONSTRATION
            .iter()
            .map(|(user_name, full_name, role)| {
                json!({ "user_name": user_name, "password": DEMONSTRATION_PASSWORD, "full_name": full_name, "role": role })
            })
            .collect();
        Ok(std::fs::write(self.people_file(), serde_json::to_string_pretty(&people)?)?)
    }
}

fn server(cluster: &Cluster, database: &str, folder: &Path, content: &Path, port: u16) -> Outcome<ServerProcess> {
    let logs = folder.join("logs");
    for path in [&logs, content] {
        std::fs::create_dir_all(path).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(ServerProcess::new(cluster.url(database), content.to_path_buf(), logs, port))
}

fn fill(server: &ServerProcess) -> Outcome<()> {
    server.chore(&["migrate"])?;
    let words = paths::root().join("sync-server/demo");
    server.chore(&["demo-data", "--folder", &words.to_string_lossy()])
}

/// A hash of everything that a filled database is made from, including the date: marks end yesterday.
fn ingredients() -> Outcome<u64> {
    let mut hasher = DefaultHasher::new();
    chrono::Utc::now().date_naive().hash(&mut hasher);
    for folder in ["migrations/server", "sync-server/demo", "sync-server/src/demo", "crates/model/src/registry"] {
        hash_folder(&paths::root().join(folder), &mut hasher)?;
    }
    Ok(hasher.finish())
}

fn hash_folder(folder: &Path, hasher: &mut DefaultHasher) -> Outcome<()> {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    entries.sort();
    for path in entries {
        if path.is_dir() {
            hash_folder(&path, hasher)?;
        } else {
            path.hash(hasher);
            std::fs::read(&path)?.hash(hasher);
        }
    }
    Ok(())
}
