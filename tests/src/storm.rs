//! Real processes that are killed: two servers over one PostgreSQL, laptops that work without a pause, networks that cut, delay and repeat,
//! and random kills during push, pull and download. Afterwards nothing that was acknowledged is lost, nothing was applied twice, and every
//! file is complete.

mod journal;
pub mod laptop;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::children::{Child, Program, Signal};
use crate::cluster::Cluster;
use crate::lossy::LossyNetwork;
use crate::school::{Course, School};
use crate::server::ServerProcess;
use crate::wait::SOON;
use crate::{Outcome, paths, wait};
use journal::Journal;

/// Laptops, each of a different learner.
const LAPTOPS: usize = 3;
/// Topics, each with a document, that each learner works on.
const TOPICS: usize = 8;
/// Bytes of each document: large enough for kills during its download.
const FILE_BYTES: usize = 2_345_678;
/// Longest pause between two kills.
const PAUSE_MAX: Duration = Duration::from_millis(400);
/// How long a killed laptop may take to end.
const END_TIME_MAX: Duration = SOON;
/// How long all laptops may take to send and receive everything after the storm.
const SETTLE_TIME_MAX: Duration = Duration::from_secs(600);

/// Counters of a storm.
#[derive(Debug, Default)]
pub struct Storm {
    /// Servers that were killed.
    pub servers: usize,
    /// Laptops that were killed.
    pub laptops: usize,
    /// How often PostgreSQL was killed.
    pub databases: usize,
    /// Networks that were cut.
    pub cuts: usize,
    /// Edits that a laptop acknowledged to its person.
    pub edits: usize,
    /// Complete files on the laptops at the end.
    pub files: usize,
}

impl Storm {
    /// Processes that were killed.
    pub fn kills(&self) -> usize {
        self.servers + self.laptops + self.databases
    }
}

/// A laptop's process, its data and its connection to the servers.
struct Station {
    name: String,
    folder: PathBuf,
    network: LossyNetwork,
    course: Uuid,
    topics: Vec<Uuid>,
    items: Vec<Uuid>,
    runs: u64,
    child: Option<Child>,
}

impl Station {
    fn start(&mut self, seed: u64) -> Outcome<()> {
        self.runs += 1;
        let words = |ids: &[Uuid]| ids.iter().map(Uuid::to_string).collect::<Vec<_>>().join(",");
        let child = Program::new(format!("laptop of {}", self.name), paths::program("storm")?)
            .arguments(["laptop", "--name", &self.name, "--server", &self.network.url()])
            .arguments(["--course", &self.course.to_string()])
            .arguments(["--topics", &words(&self.topics), "--items", &words(&self.items)])
            .arguments(["--seed", &(seed * 1_000 + self.runs).to_string()])
            .argument("--folder")
            .argument(&self.folder)
            .start(&self.folder.join(format!("run-{}.log", self.runs)))?;
        self.child = Some(child);
        Ok(())
    }

    fn kill(&mut self) {
        if let Some(child) = self.child.take() {
            child.stop(Signal::Kill, END_TIME_MAX);
        }
    }
}

/// Runs a storm of this many kills over a cluster of its own.
///
/// # Errors
/// The first broken guarantee.
pub async fn run(cluster: &mut Cluster, folder: &Path, kills: usize, seed: u64) -> Outcome<Storm> {
    let mut random = StdRng::seed_from_u64(seed);
    let database = cluster.migrated("storm").await?;
    let mut school = School::create(&database).await?;
    let course = school.course(None, "published", TOPICS).await?;
    // Laptops mark the topics in any order.
    school.run("UPDATE topics SET requires_previous = false").await?;
    let (items, files) = documents(&mut school, &course, &folder.join("content")).await?;
    let ports = [paths::free_port()?, paths::free_port()?];
    let mut servers = Vec::new();
    for port in ports {
        let logs = folder.join(format!("server-{port}"));
        std::fs::create_dir_all(&logs)?;
        let mut server = ServerProcess::new(database.url().to_owned(), folder.join("content"), logs, port);
        server.start().await?;
        servers.push(server);
    }
    let addresses: Vec<SocketAddr> = ports.iter().map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, *port))).collect();
    let mut stations = Vec::new();
    for number in 0..LAPTOPS {
        let name = format!("learner{number}");
        let learner = school.person("learner", &name).await?;
        school.insert("enrollments", json!({"user_id": learner, "course_id": course.id})).await?;
        let network = LossyNetwork::to_any(addresses.clone(), seed * 10 + number as u64).await?;
        let folder = folder.join(&name);
        std::fs::create_dir_all(&folder)?;
        let (topics, items) = (course.topics.clone(), items.clone());
        let mut station = Station { name, folder, network, course: course.id, topics, items, runs: 0, child: None };
        station.start(seed)?;
        stations.push(station);
    }

    let mut storm = Storm::default();
    while storm.kills() < kills {
        // The seed determines the pauses, not what happens during them.
        tokio::time::sleep(PAUSE_MAX.mul_f64(random.random())).await;
        match random.random_range(0..10) {
            0..4 => {
                let server = &mut servers[random.random_range(0..2)];
                server.kill();
                server.start().await?;
                storm.servers += 1;
            }
            4..7 => {
                let station = &mut stations[random.random_range(0..LAPTOPS)];
                station.kill();
                station.start(seed)?;
                storm.laptops += 1;
            }
            7 => {
                cluster.crash().await?;
                storm.databases += 1;
            }
            _ => {
                let station = &stations[random.random_range(0..LAPTOPS)];
                station.network.cut();
                station.network.lose_answers(1);
                storm.cuts += 1;
            }
        }
    }

    for station in &stations {
        std::fs::write(station.folder.join(laptop::STOP), "")?;
    }
    wait::until("every laptop has sent everything", SETTLE_TIME_MAX, || async {
        for station in &mut stations.iter() {
            let child = station.child.as_ref().ok_or("a laptop without a process")?;
            match child.ended()? {
                None => return Ok(None),
                Some(true) => {}
                Some(false) => return Ok(Some(Err(child.report("ended badly")))),
            }
        }
        Ok(Some(Ok(())))
    })
    .await??;
    // The connection was made before PostgreSQL was killed.
    school.sql = database.connect().await?;
    for station in &stations {
        storm.edits += holds(&mut school, station).await?;
        storm.files += has_files(station, &files)?;
    }
    let pool = sync_server::database::connect(database.url(), 1).await?;
    let report = sync_server::verify::verify(&pool).await?;
    pool.close().await;
    for server in &mut servers {
        server.stop();
    }
    if report.faults.is_empty() { Ok(storm) } else { Err(report.to_string().into()) }
}

/// Creates a document for each topic; returns their ids and the hashes of their files.
async fn documents(school: &mut School, course: &Course, content: &Path) -> Outcome<(Vec<Uuid>, Vec<String>)> {
    let store = sync_server::backup::folder(content)?;
    let (mut items, mut files) = (Vec::new(), Vec::new());
    for (number, topic) in course.topics.iter().enumerate() {
        let bytes: Bytes = (0..FILE_BYTES).map(|index| u8::try_from((index * 31 + index / 251 + number) % 256).unwrap_or(0)).collect();
        let sha256 = hex::encode(Sha256::digest(&bytes));
        sync_server::content::store(store.as_ref(), &sha256, bytes).await?;
        let media = json!({"id": Uuid::now_v7(), "course_id": course.id, "title": "PDF", "sha256": sha256, "size_bytes": FILE_BYTES, "media_type": "application/pdf", "status": "ready"});
        let media = school.insert("media_assets", media).await?;
        let item = json!({"id": Uuid::now_v7(), "course_id": course.id, "module_id": course.module, "topic_id": topic, "kind": "document", "title": "PDF", "media_asset_id": media});
        items.push(school.insert("content_items", item).await?);
        files.push(sha256);
    }
    Ok((items, files))
}

/// Whether every file is on the laptop and complete. Returns their number.
fn has_files(station: &Station, files: &[String]) -> Outcome<usize> {
    for sha256 in files {
        let path = station.folder.join("data").join("media").join(sha256);
        let bytes = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        if hex::encode(Sha256::digest(&bytes)) != *sha256 {
            return Err(format!("{} is not what it says", path.display()).into());
        }
    }
    Ok(files.len())
}

/// Compares the server's rows with the laptop's journal. Returns how many edits were acknowledged.
async fn holds(school: &mut School, station: &Station) -> Outcome<usize> {
    let journal = Journal::read(&station.folder)?;
    let of_person = format!("(SELECT id FROM users WHERE user_name = '{}')", station.name);
    for (item, seconds) in &journal.seconds {
        let sql = format!("SELECT time_spent_seconds FROM content_progress WHERE user_id = {of_person} AND content_item_id = '{item}'");
        let stored = school.value(sql).await?.as_i64().unwrap_or(0);
        // An edit that was begun and not acknowledged may have been applied or not.
        if !(seconds.acknowledged..=seconds.begun).contains(&stored) {
            return Err(format!("{} {item}: {stored} s instead of {seconds:?}", station.name).into());
        }
    }
    for (topic, marks) in &journal.marks {
        let sql = format!("SELECT completed FROM topic_progress WHERE user_id = {of_person} AND topic_id = '{topic}'");
        let stored = school.value(sql).await?;
        let may_be: Vec<Value> = [marks.acknowledged, marks.begun].into_iter().flatten().map(Value::from).collect();
        let never = marks.acknowledged.is_none() && stored.is_null();
        if !never && !may_be.contains(&stored) {
            return Err(format!("{} {topic}: {stored} instead of {marks:?}", station.name).into());
        }
    }
    Ok(journal.acknowledged)
}
