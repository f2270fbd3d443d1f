//! A backup is made, work continues, the backup is restored: changes that it lacks return from the laptops.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use sync_server::backup;
use uuid::Uuid;
use waystation_tests::cluster::Cluster;
use waystation_tests::laptop::{Laptop, SYNC_TIME_MAX};
use waystation_tests::school::{Course, School, open};
use waystation_tests::server::{LocalServer, ServerProcess};
use waystation_tests::{Outcome, wait};

async fn course_with_a_learner(school: &mut School, topics: usize) -> Outcome<Course> {
    let instructor = school.person("instructor", "rauf").await?;
    let learner = school.person("learner", "learns").await?;
    let course = school.course(Some(instructor), "published", topics).await?;
    school.insert("enrollments", json!({"user_id": learner, "course_id": course.id})).await?;
    Ok(course)
}

async fn mark(laptop: &Laptop, course: &Course, ordinals: std::ops::Range<usize>) -> Outcome<()> {
    for topic in &course.topics[ordinals] {
        laptop.call("mark_topic", json!({"topic_id": topic, "completed": true})).await?;
    }
    Ok(())
}

/// Waits until a laptop retains this many changes for a server that is restored from a backup.
async fn keeps(laptop: &Laptop, wanted: i64) -> Outcome<()> {
    let store = laptop.app().store()?;
    wait::until("the expected number of changes is retained", SYNC_TIME_MAX, || async {
        let count = store.read(|connection| Ok(connection.query_row("SELECT count(n) FROM outbox WHERE state = 3", [], |row| row.get(0))?));
        let kept: i64 = count.await?;
        if kept == wanted { Ok(Some(())) } else { Err(format!("{kept} are kept and not {wanted}").into()) }
    })
    .await
}

#[tokio::test]
async fn changes_missing_from_a_backup_return_from_the_laptops() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let course = course_with_a_learner(&mut school, 6).await?;
    let learner = Laptop::of("learns", &server.url()).await?;
    mark(&learner, &course, 0..2).await?;
    learner.wait_until_synced().await?;

    let store = tempfile::tempdir()?;
    let to = backup::folder(store.path())?;
    let files = server.server().app().files.clone();
    let made = backup::make(server.database().url(), &*files, &*to, false).await?;
    assert_eq!(backup::list(&*to).await?.as_slice(), std::slice::from_ref(&made));
    let sent = school.value("SELECT last_n FROM device_states").await?;
    assert_eq!(json!(made.manifest.devices.values().collect::<Vec<_>>()), json!([sent]));
    assert_eq!(school.value("SELECT backed_up_n FROM device_states").await?, sent, "laptops may drop the changes in it");
    // Before the first notice of a backup, everything is retained.
    keeps(&learner, sent.as_i64().ok_or("no number")?).await?;

    // Two more changes reach the server after the backup, two never do.
    mark(&learner, &course, 2..4).await?;
    learner.wait_until_synced().await?;
    // The last change in the backup, and those that are not in it.
    let now = school.value("SELECT last_n FROM device_states").await?.as_i64().ok_or("no number")?;
    keeps(&learner, now - sent.as_i64().ok_or("no number")? + 1).await?;
    let (port, old_epoch) = (server.server().address().port(), server.server().app().epoch.number());
    server.stop().await;
    mark(&learner, &course, 4..6).await?;

    let database = Cluster::shared().await?.empty_database().await?;
    let restored = backup::restore(database.url(), &*files, &*to, false, None).await?;
    assert_eq!(restored.backup, made);
    assert!(restored.report.faults.is_empty() && restored.epoch > old_epoch, "{}", restored.report);
    let mut after = School { organization: school.organization, sql: database.connect().await? };
    assert_eq!(after.value("SELECT count(*) FROM topic_progress").await?, json!(2), "the changes in the backup");
    let stamps = after.value("SELECT max(stamp) < nextval('stamp_seq') FROM topic_progress").await?;
    assert_eq!(stamps, json!(true), "no stamp is issued twice");

    let again = LocalServer::start_on(&database, port).await?;
    learner.wait_until_synced().await?;
    assert_eq!(after.value("SELECT count(*) FROM topic_progress WHERE completed").await?, json!(6));
    assert!(sync_server::verify::verify(&again.server().app().pool).await?.faults.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_backup_made_during_writes_contains_every_stamp_that_it_claims() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let course = course_with_a_learner(&mut school, 3).await?;
    let store = tempfile::tempdir()?;
    let to = backup::folder(store.path())?;
    let files = server.server().app().files.clone();
    let over = AtomicBool::new(false);
    let writes = async {
        let mut given: Vec<(Uuid, i64)> = Vec::new();
        let mut after = 0;
        // Some commit before the dump, some during it, and some after it.
        for topic in course.topics.iter().cycle() {
            let title = format!("Title {}", given.len());
            school.run(format!("UPDATE topics SET title = '{title}' WHERE id = '{topic}'")).await?;
            given.push((*topic, school.column("topics", *topic, "stamp").await?.as_i64().ok_or("a stamp")?));
            after += usize::from(over.load(Ordering::SeqCst));
            if after > 5 {
                break;
            }
        }
        Outcome::Ok(given)
    };
    let makes = async {
        let made = backup::make(server.database().url(), &*files, &*to, false).await;
        over.store(true, Ordering::SeqCst);
        made
    };
    let (given, made) = tokio::join!(writes, makes);
    let (given, made) = (given?, made?);
    let database = Cluster::shared().await?.empty_database().await?;
    let restored = backup::restore(database.url(), &*files, &*to, false, None).await?;
    assert!(restored.report.faults.is_empty(), "{}", restored.report);
    let last = made.manifest.last_stamp.ok_or("a stamp")?;
    let mut after = School { organization: school.organization, sql: database.connect().await? };
    assert!(given.iter().any(|(_, stamp)| *stamp > last), "somebody wrote after it");
    for topic in &course.topics {
        let restored = after.column("topics", *topic, "stamp").await?.as_i64().ok_or("a stamp")?;
        let known = given.iter().filter(|(of, stamp)| of == topic && *stamp <= last).map(|(_, stamp)| *stamp).max();
        assert!(known.is_none_or(|known| restored >= known), "{topic} has stamp {restored} and had {known:?}");
    }
    let lost = after.value("SELECT min(after_stamp) FROM lost_lives").await?;
    assert!(lost.as_i64().is_some_and(|after_stamp| after_stamp <= last), "{lost}");
    Ok(())
}

#[tokio::test]
async fn a_backup_waits_for_transactions_open_at_its_start() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let course = course_with_a_learner(&mut school, 1).await?;
    let store = tempfile::tempdir()?;
    let to = backup::folder(store.path())?;
    let files = server.server().app().files.clone();
    let mut looks = server.database().connect().await?;
    school.run(format!("BEGIN; UPDATE topics SET title = 'Under way' WHERE id = '{}'", course.topics[0])).await?;
    let commits = async {
        let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
             AND query LIKE '%backend_xid IS NOT NULL%'";
        let mut looks_seen = 0;
        loop {
            let looking: i64 = sqlx::query_scalar(waits).fetch_one(&mut looks).await?;
            looks_seen += looking;
            // Longer than one look: the backup looks again whether this one is over.
            if looks_seen > 20 {
                return school.run("COMMIT").await;
            }
            tokio::task::yield_now().await;
        }
    };
    let made = backup::make(server.database().url(), &*files, &*to, false);
    let (made, committed) = tokio::time::timeout(SYNC_TIME_MAX, async { tokio::join!(made, commits) }).await?;
    committed?;
    let database = Cluster::shared().await?.empty_database().await?;
    backup::restore(database.url(), &*files, &*to, false, Some(&made?.name)).await?;
    let mut after = School { organization: school.organization, sql: database.connect().await? };
    assert_eq!(after.column("topics", course.topics[0], "title").await?, "Under way");
    Ok(())
}

#[tokio::test]
async fn a_restore_refuses_existing_targets_and_damaged_backups() -> Outcome<()> {
    let (server, _school) = open().await?;
    let store = tempfile::tempdir()?;
    let to = backup::folder(store.path())?;
    let files = server.server().app().files.clone();
    let none = backup::restore(server.database().url(), &*files, &*to, false, None).await.expect_err("there is none");
    assert!(none.to_string().contains("there is no backup"), "{none}");
    let made = backup::make(server.database().url(), &*files, &*to, false).await?;
    let full = backup::restore(server.database().url(), &*files, &*to, false, None).await.expect_err("it is full");
    assert!(full.to_string().contains("not empty"), "{full}");

    let dump = store.path().join("backups").join(&made.name).join("database.dump");
    let mut bytes = std::fs::read(&dump)?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&dump, bytes)?;
    let database = Cluster::shared().await?.empty_database().await?;
    let damaged = backup::restore(database.url(), &*files, &*to, false, Some(&made.name)).await.expect_err("a bit is wrong");
    assert!(damaged.to_string().contains("damaged"), "{damaged}");
    std::fs::remove_file(dump.with_file_name("manifest.json"))?;
    assert_eq!(backup::list(&*to).await?, [], "a folder without a manifest is no backup");
    Ok(())
}

/// Every folder and file below this one, with its permissions.
#[cfg(unix)]
fn permissions_below(folder: &std::path::Path) -> Outcome<Vec<(std::path::PathBuf, u32)>> {
    use std::os::unix::fs::PermissionsExt;
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        found.push((folder.clone(), std::fs::metadata(&folder)?.permissions().mode() & 0o777));
        for entry in std::fs::read_dir(&folder)? {
            let (path, kind) = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)))?;
            if kind.is_dir() {
                folders.push(path);
            } else {
                found.push((path.clone(), std::fs::metadata(&path)?.permissions().mode() & 0o777));
            }
        }
    }
    Ok(found)
}

#[cfg(unix)]
#[tokio::test]
async fn a_backup_is_readable_only_by_its_owner() -> Outcome<()> {
    use sha2::{Digest, Sha256};
    let (server, mut school) = open().await?;
    let course = course_with_a_learner(&mut school, 1).await?;
    // A file of the course, as a server stores it.
    let bytes = b"a film";
    let sha256 = hex::encode(Sha256::digest(bytes));
    let media = server.content().join("media").join(&sha256[..2]);
    std::fs::create_dir_all(&media)?;
    std::fs::write(media.join(&sha256), bytes)?;
    school
        .insert("media_assets", json!({"id": Uuid::now_v7(), "course_id": course.id, "title": "Film", "sha256": sha256, "status": "ready"}))
        .await?;
    let work = tempfile::tempdir()?;
    let (logs, elsewhere) = (work.path().join("logs"), work.path().join("backups of a day"));
    std::fs::create_dir_all(&logs)?;
    let process = ServerProcess::new(server.database().url().to_owned(), server.content().to_path_buf(), logs, 0);
    let to = elsewhere.to_str().ok_or("a path")?.to_owned();
    // Into a folder that it creates, and beside the files.
    tokio::task::spawn_blocking(move || {
        process.chore(&["backup", "--to", &to]).and_then(|()| process.chore(&["backup"])).map_err(|error| error.to_string())
    })
    .await??;
    let mut found = permissions_below(&elsewhere)?;
    let copied = found.iter().filter(|(path, _)| path.is_file()).count();
    assert_eq!(copied, 3, "the dump, its manifest and the film: {found:?}");
    found.extend(permissions_below(&server.content().join("backups"))?);
    for (path, mode) in found {
        assert_eq!(mode, if path.is_dir() { 0o700 } else { 0o600 }, "{}: {mode:o}", path.display());
    }
    Ok(())
}
