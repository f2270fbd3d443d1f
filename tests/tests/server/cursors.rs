//! A device names its cursors by their digest: a server that has issued them answers with the changes, and one without them in its cache
//! requests the cursors.

use waystation_model::limits::PAGE_ROWS_MAX;
use waystation_model::wire::{Outcome as MutationOutcome, PullLine};
use waystation_tests::caller::{Caller, Pulled, put};
use waystation_tests::school::{Course, School, open};
use waystation_tests::server::LocalServer;
use waystation_tests::wait::SOON;
use waystation_tests::{Outcome, wait};

struct Class {
    server: LocalServer,
    school: School,
    course: Course,
    rauf: Caller,
    aysel: Caller,
}

/// An instructor and a learner who have both received everything.
async fn class() -> Outcome<Class> {
    let (server, mut school) = open().await?;
    let rauf = school.person("instructor", "rauf").await?;
    let aysel = school.person("learner", "aysel").await?;
    let course = school.course(Some(rauf), "published", 2).await?;
    school.enrol(aysel, &course).await?;
    let (mut rauf, mut aysel) = (Caller::sign_in(&server.url(), "rauf").await?, Caller::sign_in(&server.url(), "aysel").await?);
    rauf.pull().await?;
    aysel.pull().await?;
    Ok(Class { server, school, course, rauf, aysel })
}

impl Class {
    async fn rename(&mut self, title: &str) -> Outcome<()> {
        let topic = self.course.topics[0];
        let change = put("topics").id(topic).on(self.rauf.stamp("topics", topic)).set("title", title);
        let outcome = self.rauf.push_one(change).await?;
        assert!(matches!(outcome, MutationOutcome::Applied | MutationOutcome::Merged), "{outcome:?}");
        Ok(())
    }

    fn title(&self, caller: &Caller) -> Outcome<String> {
        let row = caller.row("topics", self.course.topics[0]).ok_or("not received")?;
        Ok(row.columns["title"].as_str().ok_or("no title")?.to_owned())
    }
}

fn known(pulled: Option<Pulled>) -> Outcome<Pulled> {
    pulled.ok_or_else(|| "the server requested the cursors".into())
}

#[tokio::test]
async fn following_pages_need_no_cursors() -> Outcome<()> {
    let mut class = class().await?;
    for title in ["one", "two", "three"] {
        class.rename(title).await?;
        let pulled = known(class.aysel.pull_by_digest().await?)?;
        assert_eq!((pulled.pages, pulled.rows.len()), (1, 1));
        assert_eq!(class.title(&class.aysel)?, title);
    }
    Ok(())
}

#[tokio::test]
async fn pages_read_ahead_lack_no_concurrent_change() -> Outcome<()> {
    let mut class = class().await?;
    let (module, course) = (class.course.module, class.course.id);
    let rows = PAGE_ROWS_MAX * 4;
    class
        .school
        .run(format!(
            "INSERT INTO topics (organization_id, module_id, course_id, title) \
             SELECT organization_id, '{module}', id, 'Many ' || n FROM courses, generate_series(1, {rows}) n WHERE id = '{course}'"
        ))
        .await?;
    // Two pages are being read when the first one arrives.
    let mut pages = known(class.aysel.pull_by_digest().await?)?.pages;
    class
        .school
        .run("UPDATE topics SET title = 'changed' WHERE title = 'Many 1'; DELETE FROM topics WHERE title IN ('Many 2', 'Many 7000')")
        .await?;
    // A commit is missing until this instance is notified, and then it is included.
    let caller = tokio::sync::Mutex::new((&mut class.aysel, &mut pages));
    wait::until("the changes", SOON, || async {
        let (caller, pages) = &mut *caller.lock().await;
        **pages += known(caller.pull_by_digest().await?)?.pages;
        let topics = caller.all("topics");
        let changed = topics.values().filter(|row| row.columns["title"] == "changed").count();
        Ok((topics.len() == rows && changed == 1).then_some(()))
    })
    .await?;
    assert!(pages >= 4, "{pages} pages");
    Ok(())
}

#[tokio::test]
async fn evicted_cursors_are_requested() -> Outcome<()> {
    let mut class = class().await?;
    class.rename("new").await?;
    class.server.server().app().heads.cursor_cache.forget(class.aysel.device);
    assert_eq!(class.aysel.pull_by_digest().await?, None);
    class.aysel.pull().await?;
    class.rename("newer").await?;
    known(class.aysel.pull_by_digest().await?)?;
    assert_eq!(class.title(&class.aysel)?, "newer");
    Ok(())
}

#[tokio::test]
async fn a_restarted_server_requests_the_cursors() -> Outcome<()> {
    let mut class = class().await?;
    class.rename("new").await?;
    class.server = class.server.restart().await?;
    assert_eq!(class.aysel.pull_by_digest().await?, None);
    class.aysel.pull().await?;
    assert_eq!(class.title(&class.aysel)?, "new");
    Ok(())
}

#[tokio::test]
async fn a_digest_of_another_device_is_unknown() -> Outcome<()> {
    let mut class = class().await?;
    let mut other = Caller::sign_in(&class.server.url(), "aysel").await?;
    other.cursors = class.aysel.cursors.clone();
    class.rename("new").await?;
    assert_eq!(other.pull_by_digest().await?, None);
    known(class.aysel.pull_by_digest().await?)?;
    Ok(())
}

#[tokio::test]
async fn a_malformed_or_empty_digest_is_refused() -> Outcome<()> {
    let mut class = class().await?;
    class.rename("new").await?;
    class.aysel.cursors.insert("course:of nobody".to_owned(), 1);
    assert_eq!(class.aysel.pull_by_digest().await?, None);
    let device = class.aysel.device;
    for digest in ["", "0", "+000000000000001", "00000000000000000001", "FFFFFFFFFFFFFFFF", "zzzzzzzzzzzzzzzz"] {
        let body = serde_json::json!({"protocol": 1, "device": device, "epoch": class.aysel.epoch, "digest": digest});
        let answer: PullLine = class.aysel.post("/v1/sync/pull", &body).await??;
        assert_eq!(answer, PullLine::SendCursors, "{digest}");
    }
    Ok(())
}

#[tokio::test]
async fn scopes_added_or_removed_meanwhile_are_in_the_page() -> Outcome<()> {
    let mut class = class().await?;
    let aysel = class.aysel.user;
    let other = class.school.course(None, "published", 1).await?;
    class.school.enrol(aysel, &other).await?;
    class.school.run(format!("UPDATE enrollments SET status = 'dropped' WHERE course_id = '{}'", class.course.id)).await?;
    let (came, went) = (format!("course:{}", other.id), format!("course:{}", class.course.id));
    let caller = tokio::sync::Mutex::new(&mut class.aysel);
    wait::until("the subscription changed", SOON, || async {
        let mut caller = caller.lock().await;
        known(caller.pull_by_digest().await?)?;
        Ok((caller.cursors.contains_key(&came) && !caller.cursors.contains_key(&went)).then_some(()))
    })
    .await?;
    assert!(class.aysel.row("topics", other.topics[0]).is_some());
    Ok(())
}

#[tokio::test]
async fn a_commit_unknown_to_this_instance_is_delayed_and_not_lost() -> Outcome<()> {
    let mut class = class().await?;
    let second = LocalServer::start(class.server.database()).await?;
    class.rauf.url = second.url();
    class.rename("elsewhere").await?;
    let caller = tokio::sync::Mutex::new(&mut class.aysel);
    let course = format!("course:{}", class.course.id);
    wait::until("the change came", SOON, || async {
        // Each page is consistent, or the checksums would differ.
        let pulled = known(caller.lock().await.pull_by_digest().await?)?;
        Ok(pulled.rows.iter().any(|(scope, ..)| *scope == course).then_some(()))
    })
    .await?;
    assert_eq!(class.title(&class.aysel)?, "elsewhere");
    second.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_page_that_covers_a_push_to_another_instance_has_its_changes() -> Outcome<()> {
    let mut class = class().await?;
    let second = LocalServer::start(class.server.database()).await?;
    let first = class.rauf.url.clone();
    for round in 0..20 {
        let title = format!("round {round}");
        class.rauf.url = second.url();
        class.rename(&title).await?;
        // At once: the first instance may have been notified of some changes, of all, or of none.
        class.rauf.url = first.clone();
        let pulled = known(class.rauf.pull_by_digest().await?)?;
        let covered = pulled.applied_upto == class.rauf.next_n - 1;
        assert_eq!(pulled.pages == 1, covered, "a page's cursors match its rows");
        if covered {
            assert_eq!(class.title(&class.rauf)?, title);
        } else {
            // The server answered that nothing is new; a client that expects changes sends its cursors.
            let pulled = class.rauf.pull().await?;
            assert_eq!(pulled.applied_upto, class.rauf.next_n - 1);
            assert_eq!(class.title(&class.rauf)?, title);
        }
    }
    second.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_push_without_effect_is_covered_too() -> Outcome<()> {
    let mut class = class().await?;
    let topic = class.course.topics[0];
    let outcome = class.aysel.push_one(put("topics").id(topic).on(class.aysel.stamp("topics", topic)).set("title", "mine")).await?;
    assert!(matches!(outcome, MutationOutcome::Rejected { .. }), "{outcome:?}");
    let pulled = known(class.aysel.pull_by_digest().await?)?;
    assert_eq!((pulled.pages, pulled.applied_upto), (1, 1));
    assert_eq!(known(class.aysel.pull_by_digest().await?)?, Pulled::default(), "once");
    Ok(())
}
