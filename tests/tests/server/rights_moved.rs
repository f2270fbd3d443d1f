//! Rights that another program revokes without an announcement are lost from the next page on: the rows are no longer read, also by a
//! server that was not notified.

use reqwest::{Method, StatusCode};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;
use waystation_model::Code;
use waystation_model::hash::cursors_digest;
use waystation_model::wire::PullLine;
use waystation_tests::Outcome;
use waystation_tests::caller::{Caller, Pulled, code, read};
use waystation_tests::school::{Course, School, open};
use waystation_tests::server::LocalServer;

/// Rows that fill more pages than are read ahead.
const MANY_TOPICS: usize = 9_000;

struct Class {
    server: LocalServer,
    school: School,
    course: Course,
    aysel: Caller,
}

async fn class() -> Outcome<Class> {
    let (server, mut school) = open().await?;
    let aysel = school.person("learner", "aysel").await?;
    let course = school.course(None, "published", 2).await?;
    school.enrol(aysel, &course).await?;
    let aysel = Caller::sign_in(&server.url(), "aysel").await?;
    Ok(Class { server, school, course, aysel })
}

impl Class {
    fn scope(&self) -> String {
        format!("course:{}", self.course.id)
    }

    /// Changes rows like another server's session whose announcement is lost.
    async fn without_announcement(&mut self, sql: &str) -> Outcome<()> {
        self.school.run(format!("BEGIN; SET LOCAL waystation.server = 'on'; {sql}; COMMIT")).await
    }

    async fn drop_everybody(&mut self) -> Outcome<()> {
        self.without_announcement("UPDATE enrollments SET status = 'dropped'; UPDATE topics SET title = 'Written after that'").await
    }
}

#[tokio::test]
async fn a_page_is_read_with_the_rights_of_its_snapshot() -> Outcome<()> {
    let mut class = class().await?;
    class.aysel.pull().await?;
    assert!(class.aysel.row("topics", class.course.topics[0]).is_some());
    class.drop_everybody().await?;
    let pulled = class.aysel.pull().await?;
    assert_eq!(pulled.removed, [class.scope()]);
    assert!(!pulled.rows.iter().any(|(scope, ..)| *scope == class.scope()), "{:?}", pulled.rows);
    // Rights that are restored without an announcement apply as well.
    class.without_announcement("UPDATE enrollments SET status = 'enrolled'").await?;
    class.aysel.pull().await?;
    let topic = class.aysel.row("topics", class.course.topics[0]).ok_or("not received again")?;
    assert_eq!(topic.columns["title"], "Written after that");
    Ok(())
}

#[tokio::test]
async fn editing_a_course_renews_no_subscription_of_its_learners() -> Outcome<()> {
    let mut class = class().await?;
    class.aysel.pull().await?;
    let app = class.server.server().app();
    let before = app.heads.subscription(class.aysel.user).ok_or("no subscription")?.number;
    class.school.run("UPDATE courses SET description = 'Edited'; UPDATE topics SET title = 'Edited'").await?;
    let edited = class.course.topics[0];
    class
        .aysel
        .pull_until("the edit arrives", |aysel, _| aysel.row("topics", edited).is_some_and(|row| row.columns["title"] == "Edited"))
        .await?;
    let after = class.server.server().app().heads.subscription(class.aysel.user).ok_or("no subscription")?.number;
    assert_eq!(before, after);
    Ok(())
}

#[tokio::test]
async fn a_page_read_ahead_is_discarded_after_the_right_was_revoked() -> Outcome<()> {
    let mut class = class().await?;
    let many = format!(
        "INSERT INTO topics (organization_id, module_id, course_id, title, position) \
         SELECT organization_id, id, course_id, 'Topic', g FROM modules, generate_series(1, {MANY_TOPICS}) g"
    );
    class.school.run(many).await?;
    let mut pulled = Pulled::default();
    // Waits until the page after this one contains only the course, and is being read.
    while class.aysel.pull_page(&mut pulled).await? && !pulled.rows.iter().any(|(scope, ..)| *scope == class.scope()) {}
    class.without_announcement("UPDATE enrollments SET status = 'dropped'").await?;
    let digest = cursors_digest(class.aysel.cursors.iter().map(|(scope, version)| (scope.as_str(), *version)));
    let ask = json!({"protocol": 1, "device": class.aysel.device, "epoch": class.aysel.epoch, "digest": format!("{digest:016x}")});
    let answer = class.aysel.request(Method::POST, "/v1/sync/pull").json(&ask).send().await?.text().await?;
    let lines = answer.lines().map(serde_json::from_str).collect::<Result<Vec<PullLine>, _>>()?;
    let scope = class.scope();
    assert!(!lines.iter().any(|line| matches!(line, PullLine::Rows { scope: of, .. } if *of == scope)), "rows of {scope}");
    // An announcement that arrives late makes the server forget the cursors; with them, the next page says the same.
    let lines = if lines == [PullLine::SendCursors] { class.aysel.ask_page().await?? } else { lines };
    assert!(lines.iter().any(|line| matches!(line, PullLine::Removed { scope: of } if *of == scope)), "{lines:?}");
    Ok(())
}

#[tokio::test]
async fn slices_and_files_are_read_with_the_current_rights() -> Outcome<()> {
    let mut class = class().await?;
    let bytes = bytes::Bytes::from_static(b"a film");
    let sha256 = hex::encode(Sha256::digest(&bytes));
    sync_server::content::store(class.server.server().app().files.as_ref(), &sha256, bytes).await?;
    let film = json!({"id": Uuid::now_v7(), "course_id": class.course.id, "title": "Film", "sha256": sha256, "size_bytes": 6, "media_type": "video/mp4", "status": "ready"});
    class.school.insert("media_assets", film).await?;
    class.aysel.pull().await?;
    let path = format!("/v1/content/{sha256}");
    assert_eq!(class.aysel.request(Method::GET, &path).send().await?.status(), StatusCode::OK);
    let cursor = class.aysel.cursors[&class.scope()];
    let sums = json!({"protocol": 1, "device": class.aysel.device, "epoch": class.aysel.epoch, "scope": class.scope(), "cursor": cursor});
    let slices = |body: serde_json::Value| class.aysel.request(Method::POST, "/v1/sync/slices").json(&body).send();
    assert_eq!(slices(sums.clone()).await?.status(), StatusCode::OK);

    let unannounced = "BEGIN; SET LOCAL waystation.server = 'on'; UPDATE enrollments SET status = 'dropped'; COMMIT";
    class.school.run(unannounced).await?;
    assert_eq!(class.aysel.request(Method::GET, &path).send().await?.status(), StatusCode::NOT_FOUND);
    assert_eq!(code(read::<serde_json::Value>(slices(sums).await?).await?), Code::NotAllowed);
    Ok(())
}
