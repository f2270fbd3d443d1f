//! A laptop's database is damaged behind the program's back: the laptop detects the damage and repairs it.

use serde_json::{Value, json};
use uuid::Uuid;
use waystation_tests::laptop::{Laptop, SYNC_TIME_MAX};
use waystation_tests::school::{Course, School, open};
use waystation_tests::server::LocalServer;
use waystation_tests::{Outcome, wait};

const TOPICS: usize = 30;

struct Class {
    server: Option<LocalServer>,
    school: School,
    course: Course,
    laptop: Laptop,
}

async fn class() -> Outcome<Class> {
    let (server, mut school) = open().await?;
    let teaches = school.person("instructor", "teaches").await?;
    let learns = school.person("learner", "learns").await?;
    let course = school.course(Some(teaches), "published", TOPICS).await?;
    school.enrol(learns, &course).await?;
    let laptop = Laptop::of("learns", &server.url()).await?;
    Ok(Class { server: Some(server), school, course, laptop })
}

impl Class {
    fn scope(&self) -> String {
        format!("course:{}", self.course.id)
    }

    /// Writes directly, bypassing the code that updates checksums.
    async fn damage(&self, sql: String) -> Outcome<usize> {
        Ok(self.laptop.app().store()?.write(move |writer| Ok(writer.connection().execute(&sql, [])?)).await?)
    }

    async fn number(&self, sql: String) -> Outcome<i64> {
        Ok(self.laptop.app().store()?.read(move |connection| Ok(connection.query_row(&sql, [], |row| row.get(0))?)).await?)
    }

    /// Audits the database at a moment without writes.
    async fn audit(&self) -> Outcome<Vec<String>> {
        wait::until("no write is running", SYNC_TIME_MAX, || async { Ok(self.laptop.app().audit().await?) }).await
    }
}

#[tokio::test]
async fn a_sound_database_is_left_alone() -> Outcome<()> {
    let class = class().await?;
    class.laptop.call("mark_topic", json!({"topic_id": class.course.topics[0], "completed": true})).await?;
    assert_eq!(class.audit().await?, Vec::<String>::new());
    class.laptop.wait_until_synced().await?;
    assert_eq!(class.audit().await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn missing_rows_are_fetched_again() -> Outcome<()> {
    let class = class().await?;
    assert_eq!(class.damage("DELETE FROM topics WHERE id IN (SELECT id FROM topics LIMIT 10)".to_owned()).await?, 10);
    assert_eq!(class.audit().await?, [class.scope()]);
    assert_eq!(class.number("SELECT count(*) FROM topics".to_owned()).await?, i64::try_from(TOPICS)?);
    assert_eq!(class.number("SELECT sum(rows) FROM repairs".to_owned()).await?, 10, "no other row was fetched");
    assert_eq!(class.audit().await?, Vec::<String>::new(), "once");
    let centre = class.laptop.call("sync_centre", json!({})).await?;
    assert_eq!(centre["repairs"][0]["rows"], 10, "the person is informed");
    Ok(())
}

#[tokio::test]
async fn corrupted_rows_are_fetched_again() -> Outcome<()> {
    let class = class().await?;
    let [retitled, lost] = [class.course.topics[3], class.course.topics[4]];
    assert_eq!(class.damage(format!("UPDATE topics SET title = 'Another' WHERE id = '{retitled}'")).await?, 1);
    // A row moved to another course is missing in its scope and unknown in the other one.
    assert_eq!(class.damage(format!("UPDATE topics SET course_id = '{}' WHERE id = '{lost}'", Uuid::now_v7())).await?, 1);
    assert_eq!(class.audit().await?, [class.scope()]);
    let right = "SELECT count(*) FROM topics WHERE title LIKE 'Topic %' AND course_id = (SELECT id FROM courses)";
    assert_eq!(class.number(right.to_owned()).await?, i64::try_from(TOPICS)?);
    assert_eq!(class.number("SELECT sum(rows) FROM repairs".to_owned()).await?, 2);
    assert_eq!(class.audit().await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn a_row_with_a_corrupted_id_or_scope_is_repaired() -> Outcome<()> {
    let mut class = class().await?;
    let learns = class.school.value("SELECT id FROM users WHERE user_name = 'learns'").await?;
    let learns: Uuid = learns.as_str().ok_or("an id")?.parse()?;
    let other = class.school.course(None, "published", 2).await?;
    class.school.enrol(learns, &other).await?;
    wait::until("the other course is here", SYNC_TIME_MAX, || async {
        let count = class.number(format!("SELECT count(*) FROM topics WHERE course_id = '{}'", other.id)).await?;
        Ok((count == 2).then_some(()))
    })
    .await?;
    class.laptop.wait_until_synced().await?;
    let [renamed, moved] = [class.course.topics[3], class.course.topics[4]];
    assert_eq!(class.damage(format!("UPDATE topics SET id = '{}' WHERE id = '{renamed}'", Uuid::now_v7())).await?, 1);
    assert_eq!(class.damage(format!("UPDATE topics SET course_id = '{}' WHERE id = '{moved}'", other.id)).await?, 1);
    let mut damaged = class.audit().await?;
    damaged.sort();
    let mut both = [class.scope(), format!("course:{}", other.id)];
    both.sort();
    assert_eq!(damaged, both);
    let of = |course: Uuid| format!("SELECT count(*) FROM topics WHERE course_id = '{course}'");
    assert_eq!((class.number(of(class.course.id)).await?, class.number(of(other.id)).await?), (i64::try_from(TOPICS)?, 2));
    assert_eq!(class.number(format!("SELECT count(*) FROM topics WHERE id IN ('{renamed}', '{moved}')")).await?, 2);
    assert_eq!(class.audit().await?, Vec::<String>::new());
    assert_eq!(class.number("SELECT coalesce(max(rereads), 0) FROM scopes".to_owned()).await?, 0, "slices were enough");
    Ok(())
}

#[tokio::test]
async fn a_change_does_not_hide_a_damaged_row() -> Outcome<()> {
    let mut class = class().await?;
    let topic = class.course.topics[0];
    class.laptop.call("mark_topic", json!({"topic_id": topic, "completed": true})).await?;
    class.laptop.wait_until_synced().await?;
    // The change is acknowledged before its row is pulled, and until then the row has a shadow that is sound.
    wait::until("the row is the server's", SYNC_TIME_MAX, || async {
        let own = class.number("SELECT count(*) FROM shadows".to_owned()).await?;
        let pulled = class.number("SELECT count(*) FROM topic_progress WHERE stamp > 0".to_owned()).await?;
        Ok((own == 0 && pulled == 1).then_some(()))
    })
    .await?;
    let server = class.server.take().ok_or("no server")?;
    let (database, port) = (server.database().clone(), server.server().address().port());
    server.stop().await;
    class.laptop.wait_until_offline().await?;
    assert_eq!(class.damage("UPDATE topic_progress SET time_spent_seconds = 4711".to_owned()).await?, 1);
    class.laptop.call("mark_topic", json!({"topic_id": topic, "completed": false})).await?;
    assert_eq!(class.number("SELECT count(*) FROM shadows WHERE sound = 0".to_owned()).await?, 1);
    class.server = Some(LocalServer::start_on(&database, port).await?);
    class.laptop.wait_until_synced().await?;
    class.audit().await?;
    assert_eq!(class.number("SELECT count(*) FROM topic_progress WHERE time_spent_seconds = 4711".to_owned()).await?, 0);
    assert_eq!(class.school.value("SELECT completed FROM topic_progress").await?, json!(false));
    assert_eq!(class.audit().await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn only_the_damaged_of_twenty_thousand_rows_are_fetched() -> Outcome<()> {
    const ROWS: i64 = 20_000;
    let mut class = class().await?;
    class
        .school
        .run(format!(
            "INSERT INTO topics (organization_id, module_id, course_id, title, position) \
             SELECT organization_id, module_id, course_id, 'Topic ' || n, n \
             FROM topics, generate_series(1, {ROWS} - {TOPICS}) n WHERE id = '{}'",
            class.course.topics[0]
        ))
        .await?;
    let all = wait::until("every row is here", SYNC_TIME_MAX, || async {
        let count = class.number("SELECT count(*) FROM topics".to_owned()).await?;
        Ok((count == ROWS).then_some(count))
    });
    all.await?;
    class.laptop.wait_until_synced().await?;
    // One row in a hundred: half of them are deleted, a quarter is changed, and a quarter is invented.
    assert_eq!(class.damage("DELETE FROM topics WHERE id IN (SELECT id FROM topics ORDER BY title LIMIT 100)".to_owned()).await?, 100);
    let changed = "UPDATE topics SET title = 'x' || title WHERE id IN (SELECT id FROM topics ORDER BY title DESC LIMIT 50)";
    assert_eq!(class.damage(changed.to_owned()).await?, 50);
    let columns = "stamp, created_at, updated_at, module_id, course_id, position, title, description, estimated_seconds, \
         requires_previous, is_free, published";
    let invented = format!(
        "INSERT INTO topics (id, {columns}) SELECT substr(id, 1, 24) || lower(hex(randomblob(6))), {columns} \
         FROM topics ORDER BY title LIMIT 50"
    );
    assert_eq!(class.damage(invented).await?, 50);
    assert_eq!(class.audit().await?, [class.scope()]);
    assert_eq!(class.number("SELECT sum(rows) FROM repairs".to_owned()).await?, 200);
    assert_eq!(class.number("SELECT count(*) FROM topics WHERE title LIKE 'Topic %'".to_owned()).await?, ROWS);
    assert_eq!(class.audit().await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn damage_without_a_server_is_repaired_when_the_server_returns() -> Outcome<()> {
    let mut class = class().await?;
    let server = class.server.take().ok_or("no server")?;
    let (database, port) = (server.database().clone(), server.server().address().port());
    server.stop().await;
    class.laptop.wait_until_offline().await?;
    assert_eq!(class.damage("DELETE FROM topics WHERE id IN (SELECT id FROM topics LIMIT 3)".to_owned()).await?, 3);
    assert!(class.laptop.app().audit().await.is_err(), "there is no server to ask");
    assert_eq!(class.number("SELECT count(*) FROM scopes WHERE damaged = 1".to_owned()).await?, 1);
    class.server = Some(LocalServer::start_on(&database, port).await?);
    wait::until("it is repaired", SYNC_TIME_MAX, || async {
        let whole = class.number("SELECT count(*) FROM topics".to_owned()).await? == i64::try_from(TOPICS)?;
        Ok(whole.then_some(()))
    })
    .await?;
    assert_eq!(class.number("SELECT sum(rows) FROM repairs".to_owned()).await?, 3);
    Ok(())
}

#[tokio::test]
async fn rows_that_a_pull_finds_missing_are_fetched_by_slices() -> Outcome<()> {
    let mut class = class().await?;
    // Missing without a trace, as after a deletion whose tombstone is no longer kept.
    assert_eq!(class.damage("DELETE FROM topics WHERE id IN (SELECT id FROM topics LIMIT 4)".to_owned()).await?, 4);
    assert_eq!(class.damage(format!("UPDATE scope_sums SET sum = 0 WHERE scope = '{}'", class.scope())).await?, 1);
    class.school.run(format!("UPDATE topics SET title = 'Topic of today' WHERE id = '{}'", class.course.topics[9])).await?;
    wait::until("it is repaired", SYNC_TIME_MAX, || async {
        let whole = class.number("SELECT count(*) FROM topics".to_owned()).await? == i64::try_from(TOPICS)?;
        Ok(whole.then_some(()))
    })
    .await?;
    wait::until("nothing is damaged", SYNC_TIME_MAX, || async {
        Ok((class.number("SELECT count(*) FROM scopes WHERE damaged = 1".to_owned()).await? == 0).then_some(()))
    })
    .await?;
    assert_eq!(class.number("SELECT sum(rows) FROM repairs".to_owned()).await?, 4, "no other row was fetched");
    assert_eq!(class.number("SELECT coalesce(max(rereads), 0) FROM scopes".to_owned()).await?, 0, "slices were enough");
    assert_eq!(class.audit().await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn an_invented_row_is_removed() -> Outcome<()> {
    let class = class().await?;
    let invented = Uuid::now_v7();
    let columns = "stamp, created_at, updated_at, module_id, course_id, position, title, description, estimated_seconds, \
         requires_previous, is_free, published";
    let known = class.damage(format!(
        "INSERT INTO topics (id, {columns}) SELECT '{invented}', {columns} FROM topics WHERE id = '{}'",
        class.course.topics[0]
    ));
    assert_eq!(known.await?, 1);
    assert_eq!(class.audit().await?, [class.scope()]);
    assert_eq!(class.number(format!("SELECT count(*) FROM topics WHERE id = '{invented}'")).await?, 0);
    assert_eq!(class.number("SELECT sum(rows) FROM repairs".to_owned()).await?, 1);
    for id in [invented.to_string().to_uppercase(), "no id at all".to_owned()] {
        let again = format!("INSERT INTO topics (id, {columns}) SELECT '{id}', {columns} FROM topics LIMIT 1");
        assert_eq!(class.damage(again).await?, 1);
    }
    assert_eq!(class.audit().await?, Vec::<String>::new(), "no scope contains such rows");
    assert_eq!(class.number("SELECT count(*) FROM topics".to_owned()).await?, i64::try_from(TOPICS)?);
    Ok(())
}

#[tokio::test]
async fn a_wrong_checksum_is_repaired_without_a_request() -> Outcome<()> {
    let class = class().await?;
    assert_eq!(class.damage(format!("UPDATE scope_sums SET sum = sum + 1 WHERE scope = '{}'", class.scope())).await?, 1);
    assert_eq!(class.audit().await?, Vec::<String>::new());
    let rereads = class.number("SELECT coalesce(max(rereads), 0) FROM scopes".to_owned()).await?;
    assert_eq!(rereads, 0);
    Ok(())
}

#[tokio::test]
async fn pending_changes_stay_on_top_of_a_repaired_row() -> Outcome<()> {
    let mut class = class().await?;
    let topic = class.course.topics[0];
    class.laptop.call("mark_topic", json!({"topic_id": topic, "completed": true})).await?;
    class.laptop.wait_until_synced().await?;
    let server = class.server.take().ok_or("no server")?;
    let (database, port) = (server.database().clone(), server.server().address().port());
    server.stop().await;
    class.laptop.wait_until_offline().await?;
    class.laptop.call("mark_topic", json!({"topic_id": topic, "completed": false})).await?;
    assert_eq!(class.damage("DELETE FROM topic_progress".to_owned()).await?, 1);
    assert_eq!(class.damage("DELETE FROM topics WHERE id IN (SELECT id FROM topics LIMIT 1)".to_owned()).await?, 1);
    class.server = Some(LocalServer::start_on(&database, port).await?);
    class.laptop.wait_until_synced().await?;
    class.audit().await?;
    assert_eq!(class.number("SELECT count(*) FROM topics".to_owned()).await?, i64::try_from(TOPICS)?);
    let card = class.laptop.call("topic", json!({"id": topic})).await?["card"].clone();
    assert_eq!(card["completed"], false, "{card:#}");
    let stored: Value = class.school.value("SELECT completed FROM topic_progress").await?;
    assert_eq!(stored, json!(false));
    Ok(())
}
