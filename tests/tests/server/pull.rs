//! A laptop receives the rows of its scopes, page by page, and can verify at the end that it has all of them.

use reqwest::Method;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use serde_json::json;
use uuid::Uuid;
use waystation_model::limits::PAGE_ROWS_MAX;
use waystation_model::wire::{Outcome as MutationOutcome, PullLine};
use waystation_tests::Outcome;
use waystation_tests::caller::{Caller, Pulled, delete, put};
use waystation_tests::school::{Course, School, open};
use waystation_tests::server::LocalServer;
use waystation_tests::wait;

struct Class {
    server: LocalServer,
    school: School,
    course: Course,
}

async fn class(status: &str, topics: usize) -> Outcome<Class> {
    let (server, mut school) = open().await?;
    let rauf = school.person("instructor", "rauf").await?;
    let aysel = school.person("learner", "aysel").await?;
    let course = school.course(Some(rauf), status, topics).await?;
    school.enrol(aysel, &course).await?;
    Ok(Class { server, school, course })
}

impl Class {
    async fn caller(&self, name: &str) -> Outcome<Caller> {
        Caller::sign_in(&self.server.url(), name).await
    }

    fn scope(&self, kind: &str) -> String {
        format!("{kind}:{}", self.course.id)
    }
}

#[tokio::test]
async fn a_pull_without_changes_costs_one_digest() -> Outcome<()> {
    let class = class("published", 2).await?;
    let (mut aysel, mut rauf) = (class.caller("aysel").await?, class.caller("rauf").await?);
    assert_eq!(aysel.ask_digest().await?, PullLine::SendCursors);
    for caller in [&mut aysel, &mut rauf] {
        // What plain SQL announced about rights may arrive after the first pull and renew the subscription.
        let started = std::time::Instant::now();
        caller.pull().await?;
        while !matches!(caller.ask_digest().await?, PullLine::Unchanged { .. }) {
            assert!(started.elapsed() < wait::SOON, "the subscription is never settled");
            caller.pull().await?;
        }
        assert_eq!(caller.pull().await?, Pulled { pages: 1, ..Pulled::default() });
    }
    let title = put("topics").id(class.course.topics[0]).on(rauf.stamp("topics", class.course.topics[0])).set("title", "new");
    assert_eq!(rauf.push_one(title).await?, MutationOutcome::Applied);
    let pulled = aysel.pull_by_digest().await?.ok_or("the server has these cursors cached")?;
    assert_eq!(pulled.rows, [(class.scope("course"), "topics".to_owned(), class.course.topics[0])], "the change and nothing else");
    assert!(matches!(aysel.ask_digest().await?, PullLine::Unchanged { .. }));
    Ok(())
}

#[tokio::test]
async fn a_first_sync_resumes_at_any_page() -> Outcome<()> {
    let mut class = class("published", 0).await?;
    let (module, course) = (class.course.module, class.course.id);
    let rows = PAGE_ROWS_MAX * 2 + 500;
    class
        .school
        .run(format!(
            "INSERT INTO topics (organization_id, module_id, course_id, title, description) \
             SELECT organization_id, '{module}', id, 'Topic ' || n, repeat('x', 700) FROM courses, generate_series(1, {rows}) n WHERE id = '{course}'"
        ))
        .await?;
    let mut pulled = Pulled::default();
    let mut steps = vec![class.caller("aysel").await?];
    loop {
        let mut caller = steps[steps.len() - 1].clone();
        let more = caller.pull_page(&mut pulled).await?;
        steps.push(caller);
        if !more {
            break;
        }
    }
    assert!(steps.len() > 3, "{} pages", steps.len() - 1);
    let whole = steps[steps.len() - 1].rows.clone();
    assert_eq!(whole[&class.scope("course")].len(), rows + 1);
    // An interrupted pull continues after the page that the laptop has, also when rows change meanwhile.
    let changed = class.school.value("SELECT id FROM topics WHERE title = 'Topic 1'").await?;
    class.school.run("UPDATE topics SET title = 'changed' WHERE title = 'Topic 1'; DELETE FROM topics WHERE title = 'Topic 2'").await?;
    let changed: Uuid = changed.as_str().ok_or("no id")?.parse()?;
    for mut step in steps {
        step.pull().await?;
        assert_eq!(step.rows[&class.scope("course")].len(), rows);
        assert_eq!(step.row("topics", changed).ok_or("not received")?.columns["title"], "changed");
    }
    Ok(())
}

#[tokio::test]
async fn a_deleted_row_is_sent_as_deleted() -> Outcome<()> {
    let class = class("published", 2).await?;
    let (mut aysel, mut rauf) = (class.caller("aysel").await?, class.caller("rauf").await?);
    aysel.pull().await?;
    rauf.pull().await?;
    let topic = class.course.topics[0];
    assert_eq!(rauf.push_one(delete("topics", topic).on(rauf.stamp("topics", topic))).await?, MutationOutcome::Applied);
    assert_eq!(aysel.pull().await?.gone, [(class.scope("course"), "topics".to_owned(), topic, true)]);
    assert_eq!(rauf.push_one(delete("topics", topic)).await?, MutationOutcome::Applied, "deleting twice is no error");
    // A tombstone is sent once, and never to a laptop that starts from nothing.
    assert!(aysel.pull().await?.gone.is_empty());
    let mut fresh = class.caller("aysel").await?;
    fresh.pull().await?;
    let (course, learner) = (class.scope("course"), format!("learner:{}", aysel.user));
    for scope in [course, learner, format!("org:{}", class.school.organization)] {
        assert_eq!(fresh.rows.get(&scope), aysel.rows.get(&scope), "{scope}");
    }
    Ok(())
}

#[tokio::test]
async fn publishing_a_course_moves_its_rows_to_its_learners_and_back() -> Outcome<()> {
    let mut class = class("draft", 3).await?;
    let (mut aysel, mut rauf) = (class.caller("aysel").await?, class.caller("rauf").await?);
    aysel.pull().await?;
    rauf.pull().await?;
    assert!(aysel.all("topics").is_empty() && aysel.all("courses").is_empty());
    assert_eq!(rauf.rows[&class.scope("course_staff")].len(), 4);

    let course = class.course.id;
    let status = |caller: &Caller, word: &str| put("courses").id(course).on(caller.stamp("courses", course)).set("status", word);
    let publish = status(&rauf, "published");
    assert_eq!(rauf.push_one(publish).await?, MutationOutcome::Applied);
    aysel.pull().await?;
    assert_eq!((aysel.all("topics").len(), aysel.all("courses").len()), (3, 1), "in the very next pull");
    let moved = rauf.pull().await?;
    assert_eq!(moved.gone.len(), 5, "{:?}", moved.gone);
    assert!(moved.gone.iter().all(|(.., deleted)| !deleted), "left, not deleted");
    assert!(rauf.rows[&class.scope("course_staff")].is_empty());
    assert_eq!(rauf.rows[&class.scope("course")].len(), 4);

    let withdraw = status(&rauf, "draft");
    assert_eq!(rauf.push_one(withdraw).await?, MutationOutcome::Applied);
    let pulled = aysel.pull().await?;
    assert_eq!(pulled.removed, [class.scope("course")]);
    assert!(aysel.all("topics").is_empty() && aysel.all("courses").is_empty());
    rauf.pull().await?;
    assert_eq!(rauf.rows[&class.scope("course_staff")].len(), 4);

    class.school.run("UPDATE courses SET status = 'published'").await?;
    aysel.pull_until("the course is back", |caller, _| caller.all("topics").len() == 3).await?;
    Ok(())
}

#[tokio::test]
async fn people_who_are_dropped_or_leave_lose_the_scope() -> Outcome<()> {
    let mut class = class("published", 1).await?;
    let teacher = class.school.person("teacher", "sabina").await?;
    let aysel_id = class.caller("aysel").await?.user;
    let group = class.school.group(teacher, &[aysel_id]).await?;
    let mut aysel = class.caller("aysel").await?;
    aysel.pull().await?;
    assert!(aysel.row("topics", class.course.topics[0]).is_some() && aysel.row("groups", group).is_some());
    let steps = [
        ("UPDATE enrollments SET status = 'dropped'", class.scope("course")),
        ("UPDATE group_memberships SET is_active = false", format!("group:{group}")),
    ];
    for (sql, scope) in steps {
        class.school.run(sql).await?;
        let pulled = aysel.pull_until(&scope, |_, pulled| !pulled.removed.is_empty()).await?;
        assert_eq!(pulled.removed, [scope]);
    }
    assert!(aysel.row("topics", class.course.topics[0]).is_none());
    assert_eq!(aysel.all("enrollments").len(), 1, "their own copy stays");
    class.school.run("UPDATE group_memberships SET is_active = true").await?;
    aysel.pull_until("back in the group", |caller, _| caller.row("groups", group).is_some()).await?;
    class.school.run("UPDATE groups SET deleted_at = now()").await?;
    let pulled = aysel.pull_until("the group is gone", |_, pulled| !pulled.removed.is_empty()).await?;
    assert_eq!(pulled.removed, [format!("group:{group}")]);
    Ok(())
}

#[tokio::test]
async fn the_key_of_a_test_reaches_no_learner_unless_laptops_grade() -> Outcome<()> {
    let mut class = class("published", 1).await?;
    let course = class.course.clone();
    let test = class.school.test(&course, "quiz", "server", &["single", "numeric"]).await?;
    let (mut aysel, mut rauf) = (class.caller("aysel").await?, class.caller("rauf").await?);
    aysel.pull().await?;
    rauf.pull().await?;
    assert_eq!((aysel.all("questions").len(), aysel.all("answer_keys").len(), rauf.all("answer_keys").len()), (2, 0, 1));
    let graded_by =
        |caller: &Caller, word: &str| put("assessments").id(test.id).on(caller.stamp("assessments", test.id)).set("graded_by", word);
    let laptop = graded_by(&rauf, "laptop");
    assert_eq!(rauf.push_one(laptop).await?, MutationOutcome::Applied);
    aysel.pull().await?;
    assert_eq!(aysel.all("answer_keys").len(), 1);
    rauf.pull().await?;
    let server = graded_by(&rauf, "server");
    assert_eq!(rauf.push_one(server).await?, MutationOutcome::Applied);
    aysel.pull().await?;
    assert!(aysel.all("answer_keys").is_empty());
    Ok(())
}

#[tokio::test]
async fn a_cursor_that_the_server_never_issued_is_repaired() -> Outcome<()> {
    let class = class("published", 2).await?;
    let mut aysel = class.caller("aysel").await?;
    aysel.pull().await?;
    let right = (aysel.cursors.clone(), aysel.rows.clone());
    for wrong in [i64::MAX, 1_000, -1, i64::MIN] {
        for cursor in aysel.cursors.values_mut() {
            *cursor = wrong;
        }
        let foreign = format!("course:{}", Uuid::now_v7());
        aysel.cursors.insert(foreign.clone(), 3);
        aysel.cursors.insert("zero \0 character".to_owned(), 3);
        let pulled = aysel.pull().await?;
        assert_eq!(pulled.removed, [foreign, "zero \0 character".to_owned()]);
        assert_eq!((aysel.cursors.clone(), aysel.rows.clone()), right, "{wrong}");
    }
    Ok(())
}

#[tokio::test]
async fn a_change_in_psql_is_received_at_once() -> Outcome<()> {
    let mut class = class("published", 1).await?;
    let mut aysel = class.caller("aysel").await?;
    let mut rauf = class.caller("rauf").await?;
    aysel.pull().await?;
    rauf.pull().await?;
    let mut pokes = aysel.live().await?;
    class.school.run("UPDATE courses SET title = 'Renamed'").await?;
    let poke = pokes.next().await?.ok_or("the stream ended")?;
    assert_eq!(poke.scope, format!("org:{}", class.school.organization));
    assert!(poke.head > aysel.cursors[&poke.scope]);
    aysel.pull_by_digest().await?.ok_or("the server has these cursors cached")?;
    assert_eq!(aysel.row("courses", class.course.id).ok_or("not received")?.columns["title"], "Renamed");
    assert_eq!(aysel.cursors[&poke.scope], poke.head);
    // A push by another person is received, too.
    assert_eq!(rauf.push_one(put("topics").id(class.course.topics[0]).set("position", 7)).await?, MutationOutcome::Merged);
    assert_eq!(pokes.next().await?.ok_or("the stream ended")?.scope, class.scope("course"));
    class.server.stop().await;
    assert_eq!(pokes.next().await?, None, "a server that stops ends its streams");
    Ok(())
}

#[tokio::test]
async fn a_page_is_compressed_for_clients_that_accept_it() -> Outcome<()> {
    let class = class("published", 20).await?;
    let aysel = class.caller("aysel").await?;
    let body = json!({"protocol": 1, "device": aysel.device, "epoch": aysel.epoch, "cursors": {}});
    let mut texts = Vec::new();
    for encoding in ["zstd", "identity"] {
        // With a plain client, so that the test sees the encoding itself.
        let client = reqwest::Client::builder().no_zstd().build()?;
        let request = client.request(Method::POST, format!("{}/v1/sync/pull", aysel.url)).bearer_auth(&aysel.access_token);
        let answer = request.header(ACCEPT_ENCODING, encoding).json(&body).send().await?;
        let packed = answer.headers().get(CONTENT_ENCODING).is_some_and(|value| value == "zstd");
        assert_eq!(packed, encoding == "zstd");
        let bytes = answer.bytes().await?;
        let text = if packed { zstd::decode_all(bytes.as_ref())? } else { bytes.to_vec() };
        texts.push(String::from_utf8(text)?.lines().filter(|line| !line.contains("server_time")).map(str::to_owned).collect::<Vec<_>>());
    }
    assert_eq!(texts[0], texts[1]);
    assert!(texts[0].len() > 5);
    Ok(())
}

#[tokio::test]
async fn pages_are_limited_by_bytes_and_by_number_of_scopes() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let rauf = school.person("instructor", "rauf").await?;
    let mut courses = Vec::new();
    for _ in 0..3 {
        courses.push(school.course(Some(rauf), "published", 1).await?);
    }
    let large = "INSERT INTO content_items (organization_id, module_id, course_id, kind, title, body) \
         SELECT m.organization_id, m.id, m.course_id, 'text', 'Large', jsonb_build_object('text', repeat('x', 150000)) FROM modules m, generate_series(1, 20)";
    school.run(large).await?;
    let many = "INSERT INTO course_facts (organization_id, course_id, kind, text) SELECT organization_id, id, 'requirement', 'x' FROM courses, generate_series(1, 1500)";
    school.run(many).await?;
    let mut caller = Caller::sign_in(&server.url(), "rauf").await?;
    let pulled = caller.pull().await?;
    assert!(pulled.pages >= 5, "nine million bytes in {} pages", pulled.pages);
    assert_eq!((caller.all("content_items").len(), caller.all("course_facts").len()), (60, 4_500));
    assert!(courses.iter().all(|course| caller.row("topics", course.topics[0]).is_some()));
    Ok(())
}
