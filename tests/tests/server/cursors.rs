//! A device names its cursors by their digest: the server that has handed them out answers with what moved, and whoever does
//! not know them asks for the cursors themselves.

use waystation_model::limits::PAGE_ROWS_MAX;
use waystation_model::wire::{Outcome as Fate, PullLine};
use waystation_tests::caller::{Caller, Pulled, put};
use waystation_tests::patience::SOON;
use waystation_tests::school::{Course, School, open};
use waystation_tests::server::LocalServer;
use waystation_tests::{Outcome, patience};

struct Class {
    server: LocalServer,
    school: School,
    course: Course,
    rauf: Caller,
    aysel: Caller,
}

/// An instructor and a learner who have both heard everything.
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
        let fate = self.rauf.push_one(change).await?;
        assert!(matches!(fate, Fate::Applied | Fate::Merged), "{fate:?}");
        Ok(())
    }

    fn title(&self, caller: &Caller) -> Outcome<String> {
        let row = caller.row("topics", self.course.topics[0]).ok_or("not heard")?;
        Ok(row.columns["title"].as_str().ok_or("no title")?.to_owned())
    }
}

fn known(pulled: Option<Pulled>) -> Outcome<Pulled> {
    pulled.ok_or_else(|| "the server asked for the cursors".into())
}

#[tokio::test]
async fn page_after_page_needs_no_cursors() -> Outcome<()> {
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
async fn pages_that_were_read_ahead_lack_nothing_that_changed_meanwhile() -> Outcome<()> {
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
    // Two pages are being read when the first has come.
    let mut pages = known(class.aysel.pull_by_digest().await?)?.pages;
    class
        .school
        .run("UPDATE topics SET title = 'changed' WHERE title = 'Many 1'; DELETE FROM topics WHERE title IN ('Many 2', 'Many 7000')")
        .await?;
    // What the database says is late for as long as this instance has not heard of it, and then it is there.
    let caller = tokio::sync::Mutex::new((&mut class.aysel, &mut pages));
    patience::until("the changes", SOON, || async {
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
async fn what_was_forgotten_is_asked_for() -> Outcome<()> {
    let mut class = class().await?;
    class.rename("new").await?;
    class.server.server().app().heads.handed_out.forget(class.aysel.device);
    assert_eq!(class.aysel.pull_by_digest().await?, None);
    class.aysel.pull().await?;
    class.rename("newer").await?;
    known(class.aysel.pull_by_digest().await?)?;
    assert_eq!(class.title(&class.aysel)?, "newer");
    Ok(())
}

#[tokio::test]
async fn a_restart_forgets_and_says_so() -> Outcome<()> {
    let mut class = class().await?;
    class.rename("new").await?;
    class.server = class.server.restart().await?;
    assert_eq!(class.aysel.pull_by_digest().await?, None);
    class.aysel.pull().await?;
    assert_eq!(class.title(&class.aysel)?, "new");
    Ok(())
}

#[tokio::test]
async fn another_devices_digest_says_nothing() -> Outcome<()> {
    let mut class = class().await?;
    let mut other = Caller::sign_in(&class.server.url(), "aysel").await?;
    other.cursors = class.aysel.cursors.clone();
    class.rename("new").await?;
    assert_eq!(other.pull_by_digest().await?, None);
    known(class.aysel.pull_by_digest().await?)?;
    Ok(())
}

#[tokio::test]
async fn a_digest_of_another_spelling_or_of_nothing_is_no_digest() -> Outcome<()> {
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
async fn a_scope_that_came_or_went_meanwhile_is_in_the_page() -> Outcome<()> {
    let mut class = class().await?;
    let aysel = class.aysel.user;
    let other = class.school.course(None, "published", 1).await?;
    class.school.enrol(aysel, &other).await?;
    class.school.run(format!("UPDATE enrollments SET status = 'dropped' WHERE course_id = '{}'", class.course.id)).await?;
    let (came, went) = (format!("course:{}", other.id), format!("course:{}", class.course.id));
    let caller = tokio::sync::Mutex::new(&mut class.aysel);
    patience::until("the subscription is another one", SOON, || async {
        let mut caller = caller.lock().await;
        known(caller.pull_by_digest().await?)?;
        Ok((caller.cursors.contains_key(&came) && !caller.cursors.contains_key(&went)).then_some(()))
    })
    .await?;
    assert!(class.aysel.row("topics", other.topics[0]).is_some());
    Ok(())
}

#[tokio::test]
async fn a_commit_that_this_instance_has_not_heard_of_is_late_and_not_lost() -> Outcome<()> {
    let mut class = class().await?;
    let second = LocalServer::start(class.server.database()).await?;
    class.rauf.url = second.url();
    class.rename("elsewhere").await?;
    let caller = tokio::sync::Mutex::new(&mut class.aysel);
    let course = format!("course:{}", class.course.id);
    patience::until("the change came", SOON, || async {
        // Each page holds what it says, or the checksums would not fit.
        let pulled = known(caller.lock().await.pull_by_digest().await?)?;
        Ok(pulled.rows.iter().any(|(scope, ..)| *scope == course).then_some(()))
    })
    .await?;
    assert_eq!(class.title(&class.aysel)?, "elsewhere");
    second.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_page_that_covers_a_push_through_another_instance_has_what_it_changed() -> Outcome<()> {
    let mut class = class().await?;
    let second = LocalServer::start(class.server.database()).await?;
    let first = class.rauf.url.clone();
    for round in 0..20 {
        let title = format!("round {round}");
        class.rauf.url = second.url();
        class.rename(&title).await?;
        // At once: the first instance may have heard of some of it, of all, or of nothing.
        class.rauf.url = first.clone();
        let pulled = known(class.rauf.pull_by_digest().await?)?;
        let covered = pulled.applied_upto == class.rauf.next_n - 1;
        assert_eq!(pulled.pages == 1, covered, "a page says what it holds");
        if covered {
            assert_eq!(class.title(&class.rauf)?, title);
        } else {
            // It said that nothing is new; whoever waits for more says the cursors.
            let pulled = class.rauf.pull().await?;
            assert_eq!(pulled.applied_upto, class.rauf.next_n - 1);
            assert_eq!(class.title(&class.rauf)?, title);
        }
    }
    second.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_push_that_moves_nothing_is_covered_all_the_same() -> Outcome<()> {
    let mut class = class().await?;
    let topic = class.course.topics[0];
    let fate = class.aysel.push_one(put("topics").id(topic).on(class.aysel.stamp("topics", topic)).set("title", "mine")).await?;
    assert!(matches!(fate, Fate::Rejected { .. }), "{fate:?}");
    let pulled = known(class.aysel.pull_by_digest().await?)?;
    assert_eq!((pulled.pages, pulled.applied_upto), (1, 1));
    assert_eq!(known(class.aysel.pull_by_digest().await?)?, Pulled::default(), "once");
    Ok(())
}
