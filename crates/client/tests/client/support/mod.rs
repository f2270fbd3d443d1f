//! Shared by the tests of this crate: a laptop whose clock and random source are set by hand, and an in-memory server.
#![allow(dead_code, clippy::unwrap_used)]

pub mod http;
pub mod server;

use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use waystation_client::environment::{Clock, Disk, Environment, Randomness};
use waystation_client::keys::{KeyCost, MemorySecrets};
use waystation_client::store::{DatabaseKey, Edit, Owner, Writer};
use waystation_model::access::Role;
use waystation_model::registry;

pub const NOW_MS: i64 = 1_767_225_600_000; // 2026-01-01

/// A clock that advances only when told.
#[derive(Debug)]
pub struct HandClock {
    pub now: AtomicI64,
    pub monotonic: AtomicI64,
    pub boot: Mutex<String>,
}

impl HandClock {
    pub fn new() -> Arc<HandClock> {
        Arc::new(HandClock { now: AtomicI64::new(NOW_MS), monotonic: AtomicI64::new(0), boot: Mutex::new("first".into()) })
    }

    pub fn pass(&self, ms: i64) {
        self.now.fetch_add(ms, Ordering::SeqCst);
        self.monotonic.fetch_add(ms, Ordering::SeqCst);
    }

    pub fn set_wall(&self, by_ms: i64) {
        self.now.fetch_add(by_ms, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now_ms(&self) -> i64 {
        self.now.load(Ordering::SeqCst)
    }
    fn monotonic_ms(&self) -> i64 {
        self.monotonic.load(Ordering::SeqCst)
    }
    fn boot(&self) -> String {
        self.boot.lock().unwrap().clone()
    }
    fn local_ms(&self) -> i64 {
        self.now_ms()
    }
}

/// A random source that is the same in every run.
#[derive(Debug, Default)]
pub struct Seeded(AtomicU64);

impl Randomness for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let n = self.0.fetch_add(1, Ordering::SeqCst);
            chunk.copy_from_slice(&Sha256::digest(n.to_be_bytes())[..chunk.len()]);
        }
    }
}

/// A disk with a settable amount of free space.
#[derive(Debug)]
pub struct Room(pub AtomicU64);

impl Disk for Room {
    fn free_bytes(&self, _folder: &Path) -> Option<u64> {
        Some(self.0.load(Ordering::SeqCst))
    }
}

/// A laptop's environment, with handles to control it.
pub struct Laptop {
    pub environment: Environment,
    pub clock: Arc<HandClock>,
    pub secrets: Arc<MemorySecrets>,
    pub disk: Arc<Room>,
    pub folder: tempfile::TempDir,
}

impl Laptop {
    pub fn new() -> Laptop {
        let (clock, secrets, disk) = (HandClock::new(), Arc::new(MemorySecrets::default()), Arc::new(Room(AtomicU64::new(1 << 40))));
        Laptop {
            environment: Environment {
                clock: clock.clone(),
                random: Arc::new(Seeded::default()),
                secrets: secrets.clone(),
                disk: disk.clone(),
                key_cost: KeyCost::TESTS_ONLY,
                slow_poll_ms: 60_000,
            },
            clock,
            secrets,
            disk,
            folder: tempfile::tempdir().unwrap(),
        }
    }
}

pub fn id(n: u128) -> Uuid {
    Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0000 + n)
}

pub const USER: u128 = 1;
/// A second person, who signs in as `other`.
pub const OTHER: u128 = 4;
pub const ORGANIZATION: u128 = 2;
pub const DEVICE: u128 = 3;
pub const GROUP: u128 = 10;
pub const COURSE: u128 = 20;

pub fn owner(role: Role) -> Owner {
    Owner {
        user_id: id(USER),
        organization_id: id(ORGANIZATION),
        organization_name: "Demo".into(),
        user_name: "somebody".into(),
        full_name: "Some Body".into(),
        role,
        server: "http://127.0.0.1:9".into(),
    }
}

pub fn key() -> DatabaseKey {
    DatabaseKey::new([7; 32])
}

pub fn roster() -> String {
    format!("roster:{}", id(GROUP))
}

pub fn course_scope() -> String {
    format!("course:{}", id(COURSE))
}

pub fn learner_scope() -> String {
    format!("learner:{}", id(USER))
}

/// A database whose owner subscribes to these scopes.
pub fn open_writer(folder: &Path, role: Role, scopes: &[String]) -> Writer {
    let mut writer = Writer::open_for(&folder.join("store.db"), &key(), id(DEVICE), &owner(role)).unwrap();
    writer
        .relaxed_transaction(|connection, _| {
            for scope in scopes {
                connection.execute("INSERT INTO scopes (scope) VALUES (?1) ON CONFLICT DO NOTHING", [scope])?;
            }
            Ok(())
        })
        .unwrap();
    writer
}

pub fn mark(student: u128, day: u32, status: Value) -> Edit {
    Edit::put(
        registry::entity("attendance_records").unwrap(),
        None,
        vec![
            ("group_id", json!(id(GROUP))),
            ("student_id", json!(id(student))),
            ("lesson_date", json!(format!("2026-01-{day:02}"))),
            ("status", status),
            ("marked_by", json!(id(USER))),
            ("marked_at", json!(NOW_MS)),
        ],
    )
}

pub fn mark_id(student: u128, day: u32) -> Uuid {
    let (group, student, day) = (id(GROUP).to_string(), id(student).to_string(), format!("2026-01-{day:02}"));
    waystation_model::ids::derived_id("attendance_records", [Some(group.as_str()), Some(student.as_str()), Some(day.as_str())])
}

/// One value of a row as the person sees it; none when the row does not exist.
pub fn visible(writer: &Writer, entity: &str, id: Uuid, column: &str) -> Option<Value> {
    let entity = registry::entity(entity).unwrap();
    let row = waystation_client::store::rows::read(writer.connection(), entity, &id.to_string()).unwrap()?;
    Some(row.values[entity.column_index(column).unwrap()].clone())
}

pub fn count(writer: &Writer, sql: &str) -> i64 {
    writer.connection().query_row(sql, [], |row| row.get(0)).unwrap()
}

/// How long a test waits for what takes a moment on an idle machine. Only a failing test waits so long.
pub const SOON: std::time::Duration = std::time::Duration::from_secs(120);

/// Waits until `holds`, checking again on every event; a test that waits for ever times out.
pub async fn until<F: Future<Output = bool>>(mut holds: impl FnMut() -> F) {
    tokio::time::timeout(SOON, async {
        while !holds().await {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the condition never came true");
}
