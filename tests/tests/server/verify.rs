//! `sync-server verify`: the feeds are compared with the tables, and repaired so that no laptop has to start again.

use sync_server::verify::{Fault, RowFault, repair, verify};
use waystation_tests::Outcome;
use waystation_tests::caller::{Caller, put};
use waystation_tests::school::{Course, School, open};
use waystation_tests::server::LocalServer;

async fn course() -> Outcome<(LocalServer, School, Course)> {
    let (server, mut school) = open().await?;
    let rauf = school.person("instructor", "rauf").await?;
    let course = school.course(Some(rauf), "published", 4).await?;
    Ok((server, school, course))
}

/// Runs SQL with triggers off, as a fault of the disk or of a person with too many rights would.
async fn without_triggers(school: &mut School, sql: impl AsRef<str>) -> Outcome<()> {
    school.run(format!("BEGIN; SET LOCAL session_replication_role = replica; {}; COMMIT", sql.as_ref())).await
}

#[tokio::test]
async fn feeds_written_by_triggers_have_no_fault() -> Outcome<()> {
    let (server, mut school, course) = course().await?;
    let mut rauf = Caller::sign_in(&server.url(), "rauf").await?;
    rauf.pull().await?;
    let stamp = rauf.stamp("topics", course.topics[0]);
    rauf.push(vec![put("topics").id(course.topics[0]).on(stamp).set("title", "Valves")]).await?;
    school
        .run("UPDATE courses SET published = false, status = 'draft'; UPDATE courses SET published = true, status = 'published'; DELETE FROM topics WHERE position = 3")
        .await?;
    let report = verify(&server.server().app().pool).await?;
    assert!(report.faults.is_empty(), "{report}");
    assert!(report.rows > 10 && report.feeds > 3, "{report}");
    Ok(())
}

#[tokio::test]
async fn every_kind_of_fault_is_named_and_repaired_without_a_new_sync() -> Outcome<()> {
    let (server, mut school, course) = course().await?;
    let pool = &server.server().app().pool;
    let mut rauf = Caller::sign_in(&server.url(), "rauf").await?;
    rauf.pull().await?;
    let scope = format!("course:{}", course.id);
    let [missing, stale, ghost, kept] = course.topics[..] else { return Err("four topics".into()) };
    let of_row = |row| format!("entity = (SELECT code FROM feed_entities WHERE name = 'topics') AND row_id = '{row}'");
    without_triggers(&mut school, format!("DELETE FROM feed WHERE {}", of_row(missing))).await?;
    without_triggers(&mut school, format!("UPDATE topics SET title = 'Untriggered', stamp = nextval('stamp_seq') WHERE id = '{stale}'"))
        .await?;
    without_triggers(&mut school, format!("DELETE FROM topics WHERE id = '{ghost}'")).await?;
    without_triggers(&mut school, "UPDATE scope_heads SET checksum = checksum + 1 WHERE scope LIKE 'org:%'").await?;

    let report = verify(pool).await?;
    let faults_of = |id| {
        let row = |fault: &&Fault| matches!(fault, Fault::Row { row_id, scope: of, .. } if *row_id == id && *of == scope);
        report
            .faults
            .iter()
            .filter(row)
            .map(|fault| if let Fault::Row { fault, .. } = fault { Some(*fault) } else { None })
            .collect::<Vec<_>>()
    };
    assert_eq!(faults_of(missing), [Some(RowFault::Missing)]);
    assert_eq!(faults_of(stale), [Some(RowFault::Stale)]);
    assert_eq!(faults_of(ghost), [Some(RowFault::Ghost)]);
    assert_eq!(faults_of(kept), []);
    assert!(report.faults.iter().any(|fault| matches!(fault, Fault::Head { scope } if scope.starts_with("org:"))), "{report}");
    assert_eq!(verify(pool).await?, report, "looking changes nothing");

    assert_eq!(repair(pool).await?, report, "the report lists the faults");
    let after = verify(pool).await?;
    assert!(after.faults.is_empty(), "{after}");

    // The pull itself compares every checksum with the received rows.
    let pulled = rauf.pull().await?;
    assert!(rauf.row("topics", missing).is_some());
    assert_eq!(rauf.row("topics", stale).expect("received").columns["title"], "Untriggered");
    assert!(rauf.row("topics", ghost).is_none(), "the laptop removed the row");
    assert!(!pulled.rows.iter().any(|(_, _, id)| *id == kept), "correct rows are not sent again");
    Ok(())
}

#[tokio::test]
async fn values_changed_with_triggers_off_are_found_and_reported() -> Outcome<()> {
    let (server, mut school, course) = course().await?;
    let aysel = school.person("learner", "aysel").await?;
    school.enrol(aysel, &course).await?;
    let pool = &server.server().app().pool;
    let mut rauf = Caller::sign_in(&server.url(), "rauf").await?;
    rauf.pull().await?;
    let report = verify(pool).await?;
    assert!(report.faults.is_empty(), "{report}");
    let [topic, kept, ..] = course.topics[..] else { return Err("four topics".into()) };
    without_triggers(&mut school, format!("UPDATE topics SET title = 'Untriggered' WHERE id = '{topic}'")).await?;
    without_triggers(&mut school, "UPDATE enrollments SET status = 'completed'").await?;

    let report = verify(pool).await?;
    let mut found: Vec<(&str, RowFault)> = report
        .faults
        .iter()
        .filter_map(|fault| if let Fault::Row { entity, fault, .. } = fault { Some((*entity, *fault)) } else { None })
        .collect();
    found.sort_by_key(|(entity, _)| *entity);
    // The enrollment is in the feeds of its learner and of the course's results.
    let expected = [("enrollments", RowFault::Changed), ("enrollments", RowFault::Changed), ("topics", RowFault::Changed)];
    assert_eq!(found, expected, "{report}");

    assert_eq!(repair(pool).await?, report, "the report lists the faults");
    let after = verify(pool).await?;
    assert!(after.faults.is_empty(), "{after}");
    let pulled = rauf.pull().await?;
    assert_eq!(rauf.row("topics", topic).ok_or("not received")?.columns["title"], "Untriggered", "laptops receive it");
    assert!(!pulled.rows.iter().any(|(_, _, id)| *id == kept), "correct rows are not sent again");
    Ok(())
}

#[tokio::test]
async fn columns_of_a_later_version_make_no_fault() -> Outcome<()> {
    let (server, mut school, _) = course().await?;
    // As a migration adds a column: the generated text then names other columns than the digests were computed from.
    school.run("ALTER TABLE topics ADD COLUMN later text NOT NULL DEFAULT 'x'").await?;
    let pool = &server.server().app().pool;
    assert!(verify(pool).await?.faults.is_empty());
    without_triggers(
        &mut school,
        "UPDATE topics SET title = 'Untriggered'; UPDATE feed_entities SET digested = 'title'; DELETE FROM feed_generated",
    )
    .await?;
    sync_server::database::migrate(pool).await?;
    let after = verify(pool).await?;
    assert!(after.faults.is_empty(), "the rows are accepted as they are when the columns change: {after}");
    Ok(())
}
