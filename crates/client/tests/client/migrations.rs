//! A database of every released schema migrates to the current one, also when a power cut interrupts the migration at any page that it
//! writes, and no pending change is lost.

use std::path::{Path, PathBuf};

use crate::support::*;
use refinery::Target;
use rusqlite::Connection;
use serde_json::json;
use waystation_client::store::{Writer, open, outbox};
use waystation_model::access::Role;

mod every {
    #![allow(missing_docs)]
    refinery::embed_migrations!("../../migrations/client");
}

/// The first schema with an outbox.
const FIRST_WITH_WORK: u32 = 2;
/// SQLite's log begins with a header of this many bytes, and each of its pages with the other header.
const LOG_HEAD_BYTES: u64 = 32;
const LOG_PAGE_HEAD_BYTES: u64 = 24;

/// The released schemas. Numbers may be missing.
fn released() -> Vec<u32> {
    every::migrations::runner().get_migrations().iter().map(|migration| u32::try_from(migration.version()).unwrap()).collect()
}

/// A closed database as the program of schema `version` left it, with changes in every state.
fn left_by(version: u32, path: &Path) {
    let mut connection = Connection::open(path).unwrap();
    connection.execute_batch(&format!("PRAGMA key = \"x'{}'\"", "07".repeat(32))).unwrap();
    connection.pragma_update(None, "journal_mode", "WAL").unwrap();
    every::migrations::runner().set_grouped(true).set_target(Target::Version(version as _)).run(&mut connection).unwrap();
    let topic = id(50);
    connection
        .execute(
            "INSERT INTO topics (id, stamp, module_id, course_id, position, title, description, requires_previous, is_free) \
             VALUES (?1, 7, ?1, ?1, 0, 'third', '', 0, 0)",
            [topic.to_string()],
        )
        .unwrap();
    if version < FIRST_WITH_WORK {
        return;
    }
    connection
        .execute(
            "INSERT INTO device (only_row, device_id, user_id, organization_id, organization_name, user_name, full_name, role, server, epoch, \
             acknowledged_n, applied_upto) VALUES (1, ?1, ?2, ?3, 'Demo', 'somebody', 'Some Body', 'instructor', 'http://127.0.0.1:9', 4, 2, 1)",
            [id(DEVICE).to_string(), id(USER).to_string(), id(ORGANIZATION).to_string()],
        )
        .unwrap();
    // Contained in a pull, stored by the server, sent without an answer, waiting.
    for (n, state, title) in [(1, 3, "zeroth"), (2, 2, "first"), (3, 1, "second"), (4, 0, "third")] {
        connection
            .execute(
                "INSERT INTO outbox (n, entity, row_id, op, base_stamp, base_own, at, columns, vals, state, chain) \
                 VALUES (?1, 'topics', ?2, 'put', 7, nullif(?1 - 1, 0), ?1, '[\"title\"]', json_array(?3), ?4, iif(?4 > 0, zeroblob(32), NULL))",
                (n, topic.to_string(), title, state),
            )
            .unwrap();
    }
    connection
        .execute_batch(&format!(
            "INSERT INTO shadows (entity, row_id, stamp, created_at, updated_at, row) VALUES ('topics', '{topic}', 7, 1, 1, '[]');
             INSERT INTO scopes (scope, cursor, head, whole, rereads) VALUES ('course:x', 9, 9, 1, 0), ('org:x', 3, 9, 0, 1);
             INSERT INTO attention (number, entity, row_id, op, at, code, message, columns, vals)
                 VALUES (1, 'topics', '{topic}', 'put', 1, 'taken', '', '[\"title\"]', '[\"refused\"]');
             INSERT INTO attempt_drafts (attempt_id, answers, wall_ms, monotonic_ms, boot) VALUES ('a', '{{\"q\":\"yes\"}}', 1, 1, 'b');"
        ))
        .unwrap();
}

/// Opens it with the current program and compares everything that a person entered.
fn is_complete(path: &Path, version: u32) {
    let mut writer = match version < FIRST_WITH_WORK {
        true => Writer::open_for(path, &key(), id(DEVICE), &owner(Role::Instructor)).unwrap(),
        false => Writer::open(path, &key()).unwrap(),
    };
    let newest: u32 = writer.connection().query_row("SELECT max(version) FROM refinery_schema_history", [], |row| row.get(0)).unwrap();
    assert_eq!(newest, open::known_version());
    let text = |sql: &str| writer.connection().query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(text("SELECT title FROM topics"), "third");
    assert_eq!(text("PRAGMA integrity_check"), "ok");
    if version < FIRST_WITH_WORK {
        return;
    }
    assert_eq!(
        text("SELECT json_group_array(json_array(n, state, json(vals)) ORDER BY n) FROM outbox"),
        r#"[[1,3,["zeroth"]],[2,2,["first"]],[3,1,["second"]],[4,0,["third"]]]"#
    );
    assert_eq!(text("SELECT vals FROM attention"), r#"["refused"]"#);
    assert_eq!(text("SELECT answers FROM attempt_drafts"), r#"{"q":"yes"}"#);
    assert_eq!(text("SELECT json_group_object(scope, cursor) FROM scopes"), r#"{"course:x":9,"org:x":3}"#);
    let device = writer.device().clone();
    assert_eq!((device.device_id, device.epoch, device.acknowledged_n, device.next_n), (id(DEVICE), 4, 2, 5));
    let batch = writer.durable_transaction(|connection, device| outbox::take(connection, device)).unwrap().unwrap();
    assert_eq!(batch.mutations.iter().map(|mutation| mutation.values.clone()).collect::<Vec<_>>(), [[json!("second")], [json!("third")]]);
}

/// What SQLite recovers before any migration runs: the version, and its whole schema with everything that a person entered.
fn recovered(path: &Path) -> (u32, String) {
    let connection = Connection::open(path).unwrap();
    connection.execute_batch(&format!("PRAGMA key = \"x'{}'\"", "07".repeat(32))).unwrap();
    let text = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    let version = connection.query_row("SELECT max(version) FROM refinery_schema_history", [], |row| row.get(0)).unwrap();
    let mut all = vec![text("PRAGMA integrity_check"), text("SELECT json_group_array(sql ORDER BY name) FROM sqlite_schema")];
    assert_eq!(all[0], "ok");
    all.push(text("SELECT json_group_array(title) FROM topics"));
    if version >= FIRST_WITH_WORK {
        for (table, column) in
            [("outbox", "vals"), ("attention", "vals"), ("attempt_drafts", "answers"), ("scopes", "scope"), ("device", "epoch")]
        {
            all.push(text(&format!("SELECT json_group_array({column} ORDER BY {column}) FROM {table}")));
        }
    }
    (version, all.join("\n"))
}

fn log_of(path: &Path) -> PathBuf {
    path.with_extension("db-wal")
}

#[test]
fn every_released_schema_migrates_with_its_pending_changes() {
    for version in released() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        left_by(version, &path);
        is_complete(&path, version);
        assert!(Writer::open(&path, &key()).is_ok(), "and once more");
    }
}

/// A power cut while the log of the migration is written: each of its pages is on the disk not at all, in part or completely.
#[test]
fn a_migration_interrupted_at_any_log_page_completes_at_the_next_start() {
    let mut cuts = 0;
    for version in released().into_iter().filter(|version| *version < open::known_version()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        left_by(version, &path);
        let before = std::fs::read(&path).unwrap();
        // SavedState open, so that the log is not checkpointed into the database.
        let connection = open::open_writer(&path, &key()).unwrap();
        let page_bytes = connection.query_row("PRAGMA page_size", [], |row| row.get::<_, String>(0)).unwrap();
        let page_bytes: u64 = page_bytes.parse().unwrap();
        let log = std::fs::read(log_of(&path)).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), before, "the migration is in the log alone");
        drop(connection);
        let page = LOG_PAGE_HEAD_BYTES + page_bytes;
        let pages = (log.len() as u64 - LOG_HEAD_BYTES) / page;
        let mut completed: Vec<String> = Vec::new();
        assert!(pages > 2, "{pages} pages in the log of {version}");
        for cut in (0..=pages).flat_map(|whole| [LOG_HEAD_BYTES + whole * page, LOG_HEAD_BYTES + whole * page + page / 3]) {
            let copy = folder.path().join("copy.db");
            std::fs::write(&copy, &before).unwrap();
            std::fs::write(log_of(&copy), &log[..usize::try_from(cut).unwrap().min(log.len())]).unwrap();
            let _ = std::fs::remove_file(folder.path().join("copy.db-shm"));
            let (found, schema) = recovered(&copy);
            assert!(found == version || found == open::known_version(), "{found} is neither before nor after the migration of {version}");
            // Most cuts leave the same database, and migrating each of them once more would say nothing new.
            if !completed.contains(&schema) {
                is_complete(&copy, version);
                completed.push(schema);
            }
            cuts += 1;
        }
    }
    assert!(cuts > 50, "only {cuts} cuts were tried");
}

/// A statement of the migration fails, at each version in turn: the database is unchanged, and the current program migrates it later.
#[test]
fn a_failed_migration_changes_nothing() {
    let all = every::migrations::runner().get_migrations().clone();
    for migration in all.iter().filter(|migration| migration.version() > 1) {
        let version = u32::try_from(migration.version()).unwrap();
        let before = all.iter().map(refinery::Migration::version).filter(|earlier| *earlier < migration.version()).max().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        left_by(u32::try_from(before).unwrap(), &path);
        let mut connection = Connection::open(&path).unwrap();
        connection.execute_batch(&format!("PRAGMA key = \"x'{}'\"", "07".repeat(32))).unwrap();
        let broken: Vec<refinery::Migration> = all
            .iter()
            .filter(|each| each.version() <= migration.version())
            .map(|each| {
                let cut = each.version() == migration.version();
                let sql = format!("{}\n{}", each.sql().unwrap(), if cut { "SELECT nothing FROM nowhere;" } else { "" });
                refinery::Migration::unapplied(
                    &format!("V{}__{}", each.version(), each.name()),
                    if cut { &sql } else { each.sql().unwrap() },
                )
                .unwrap()
            })
            .collect();
        assert!(refinery::Runner::new(&broken).set_grouped(true).run(&mut connection).is_err(), "V{version} must fail");
        drop(connection);
        is_complete(&path, u32::try_from(before).unwrap());
    }
}
