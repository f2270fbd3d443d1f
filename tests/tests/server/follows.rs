//! Scopes on demand: an administrator follows a learner's scope beside their subscription. The right is checked when a scope is
//! followed and at every pull, and following lets nobody write.

use reqwest::Method;
use serde_json::json;
use uuid::Uuid;
use waystation_model::Code;
use waystation_model::limits::FOLLOWS_MAX;
use waystation_model::wire::PullLine;
use waystation_tests::Outcome;
use waystation_tests::caller::{Caller, code, read};
use waystation_tests::school::{Course, School, open};
use waystation_tests::server::LocalServer;

/// An administrator, and a learner with a course.
struct Office {
    server: LocalServer,
    school: School,
    learner: Uuid,
    course: Course,
    enrollment: Uuid,
    admin: Caller,
}

async fn office() -> Outcome<Office> {
    let (server, mut school) = open().await?;
    school.person("admin", "admin").await?;
    let learner = school.person("learner", "learns").await?;
    let course = school.course(None, "published", 1).await?;
    let enrollment = school.enrol(learner, &course).await?;
    let mut admin = Caller::sign_in(&server.url(), "admin").await?;
    admin.pull().await?;
    Ok(Office { server, school, learner, course, enrollment, admin })
}

impl Office {
    fn scope(&self) -> String {
        scope_of(self.learner)
    }

    async fn follow(&mut self) -> Outcome<()> {
        self.admin.follows = vec![self.scope()];
        let pulled = self.admin.pull().await?;
        assert_eq!(pulled.not_followed, Vec::<String>::new());
        assert!(self.admin.in_scope(&self.scope(), "enrollments", self.enrollment).is_some());
        Ok(())
    }

    /// Changes rows like another server's session whose announcement is lost.
    async fn without_announcement(&mut self, sql: &str) -> Outcome<()> {
        self.school.run(format!("BEGIN; SET LOCAL waystation.server = 'on'; {sql}; COMMIT")).await
    }
}

fn scope_of(learner: Uuid) -> String {
    format!("learner:{learner}")
}

#[tokio::test]
async fn a_followed_learner_arrives_stays_current_and_leaves() -> Outcome<()> {
    let mut office = office().await?;
    let (scope, enrollment) = (office.scope(), office.enrollment);
    assert!(!office.admin.cursors.contains_key(&scope) && office.admin.row("enrollments", enrollment).is_none(), "not held before");
    office.follow().await?;

    office.school.run("UPDATE enrollments SET status = 'completed'").await?;
    office
        .admin
        .pull_until("the change arrives", |admin, _| {
            admin.in_scope(&scope, "enrollments", enrollment).is_some_and(|row| row.columns["status"] == "completed")
        })
        .await?;

    office.admin.follows.clear();
    let pulled = office.admin.pull().await?;
    assert_eq!(pulled.removed, std::slice::from_ref(&scope));
    assert!(office.admin.row("enrollments", enrollment).is_none());
    Ok(())
}

#[tokio::test]
async fn a_digest_knows_what_is_followed() -> Outcome<()> {
    let mut office = office().await?;
    let scope = office.scope();
    office.admin.follows = vec![scope.clone()];
    let pulled = office.admin.pull_by_digest().await?.ok_or("these cursors were given")?;
    assert!(pulled.rows.iter().any(|(of, ..)| *of == scope), "{pulled:?}");
    assert!(matches!(office.admin.ask_digest().await?, PullLine::Unchanged { .. }));
    // Two laptops of one person follow different scopes.
    let mut other = Caller::sign_in(&office.server.url(), "admin").await?;
    other.pull().await?;
    assert!(!other.cursors.contains_key(&scope));
    assert!(matches!(other.ask_digest().await?, PullLine::Unchanged { .. }));
    // The other laptop is a new row for this one.
    office.admin.pull().await?;
    assert!(matches!(office.admin.ask_digest().await?, PullLine::Unchanged { .. }));
    office.admin.follows.clear();
    let pulled = office.admin.pull_by_digest().await?.ok_or("these cursors were given")?;
    assert_eq!(pulled.removed, [scope]);
    Ok(())
}

#[tokio::test]
async fn a_change_of_a_followed_scope_is_poked() -> Outcome<()> {
    let mut office = office().await?;
    office.follow().await?;
    let scope = office.scope();
    let mut pokes = office.admin.live().await?;
    office.school.run("UPDATE enrollments SET status = 'completed'").await?;
    while pokes.next().await?.ok_or("the stream ended")?.scope != scope {}
    Ok(())
}

#[tokio::test]
async fn only_administrators_follow_and_only_people_of_their_organization() -> Outcome<()> {
    let mut office = office().await?;
    let mut elsewhere = School::create(office.server.database()).await?;
    let stranger = elsewhere.person("learner", "stranger").await?;
    let unknown = Uuid::now_v7();
    let course = office.course.id;
    let refused = vec![scope_of(stranger), scope_of(unknown), format!("results:{course}"), format!("user:{}", office.learner), "x".into()];
    office.admin.follows = refused.clone();
    office.admin.follows.push(office.scope());
    let pulled = office.admin.pull().await?;
    let mut expected = refused;
    expected.sort();
    assert_eq!(pulled.not_followed, expected, "another organization's person is as unknown as nobody");
    assert!(office.admin.in_scope(&office.scope(), "enrollments", office.enrollment).is_some(), "the others do not stand in the way");

    for role in ["instructor", "teacher", "learner", "parent"] {
        office.school.person(role, role).await?;
        let mut caller = Caller::sign_in(&office.server.url(), role).await?;
        caller.pull().await?;
        caller.follows = vec![office.scope()];
        let pulled = caller.pull_by_digest().await?.ok_or("these cursors were given")?;
        assert_eq!(pulled.not_followed, [office.scope()], "{role}: told also when nothing else is new");
        assert!(!caller.cursors.contains_key(&office.scope()), "{role}");
    }
    Ok(())
}

#[tokio::test]
async fn what_one_subscribes_to_anyway_is_followed_without_a_change() -> Outcome<()> {
    let office = office().await?;
    let mut learner = Caller::sign_in(&office.server.url(), "learns").await?;
    learner.follows = vec![office.scope()];
    let pulled = learner.pull().await?;
    assert_eq!(pulled.not_followed, Vec::<String>::new());
    learner.follows.clear();
    assert_eq!(learner.pull().await?.removed, Vec::<String>::new());
    assert!(learner.in_scope(&office.scope(), "enrollments", office.enrollment).is_some());
    Ok(())
}

#[tokio::test]
async fn a_refused_follow_is_granted_once_the_person_exists() -> Outcome<()> {
    let mut office = office().await?;
    let later = Uuid::now_v7();
    office.admin.follows = vec![scope_of(later)];
    assert_eq!(office.admin.pull().await?.not_followed, [scope_of(later)]);
    office.without_announcement(&format!(
        "INSERT INTO users (id, organization_id, user_name, full_name, role, status) SELECT '{later}', organization_id, 'later', 'Later', 'learner', 'active' FROM users LIMIT 1"
    ))
    .await?;
    let pulled = office.admin.pull().await?;
    assert_eq!(pulled.not_followed, Vec::<String>::new());
    assert!(office.admin.cursors.contains_key(&scope_of(later)));
    Ok(())
}

#[tokio::test]
async fn a_lost_right_ends_the_follow_at_the_next_pull() -> Outcome<()> {
    let mut office = office().await?;
    office.follow().await?;
    let scope = office.scope();
    office
        .without_announcement("UPDATE users SET role = 'teacher' WHERE user_name = 'admin'; UPDATE enrollments SET status = 'completed'")
        .await?;
    let pulled = office.admin.pull().await?;
    assert!(pulled.removed.contains(&scope) && pulled.not_followed == [scope.clone()], "{pulled:?}");
    assert!(!pulled.rows.iter().any(|(of, ..)| *of == scope), "{pulled:?}");
    Ok(())
}

#[tokio::test]
async fn a_deleted_person_is_followed_no_longer() -> Outcome<()> {
    let mut office = office().await?;
    office.follow().await?;
    let (scope, learner) = (office.scope(), office.learner);
    office.without_announcement(&format!("UPDATE users SET deleted_at = now() WHERE id = '{learner}'")).await?;
    let pulled = office.admin.pull().await?;
    assert!(pulled.removed == [scope.clone()] && pulled.not_followed == [scope], "{pulled:?}");
    Ok(())
}

#[tokio::test]
async fn slices_of_a_followed_scope_are_answered_while_it_is_followed() -> Outcome<()> {
    let mut office = office().await?;
    office.follow().await?;
    let scope = office.scope();
    let ask = |follows: Vec<String>| {
        json!({
            "protocol": 1, "device": office.admin.device, "epoch": office.admin.epoch, "scope": scope,
            "cursor": office.admin.cursors[&scope], "follows": follows,
        })
    };
    let answer = office.admin.request(Method::POST, "/v1/sync/slices").json(&ask(vec![scope.clone()])).send().await?;
    assert!(answer.status().is_success(), "{}", answer.text().await?);
    let answer = office.admin.request(Method::POST, "/v1/sync/slices").json(&ask(Vec::new())).send().await?;
    assert_eq!(code(read::<serde_json::Value>(answer).await?), Code::NotAllowed);
    Ok(())
}

#[tokio::test]
async fn more_follows_than_the_limit_are_refused_and_as_many_are_not() -> Outcome<()> {
    let mut office = office().await?;
    office.admin.follows = (0..FOLLOWS_MAX).map(|_| scope_of(Uuid::now_v7())).collect();
    assert_eq!(office.admin.pull().await?.not_followed.len(), FOLLOWS_MAX);
    office.admin.follows.push(office.scope());
    let refused = office.admin.ask_page().await?.expect_err("one too many");
    assert_eq!((refused.code, refused.fields), (Code::TooManyFollows, vec!["follows".to_owned()]));
    Ok(())
}

#[tokio::test]
async fn following_gives_no_right_to_write() -> Outcome<()> {
    let mut office = office().await?;
    office.follow().await?;
    let scope = office.scope();
    // A push is checked against this subscription, and a change after a loss against the stored rights.
    let own = office.server.server().app().heads.subscription(office.admin.user).ok_or("no subscription")?;
    assert!(!own.actor.scopes.contains(&scope) && !own.scopes.contains(&scope));
    let stored =
        office.school.value(format!("SELECT '{scope}' = ANY(scopes) FROM known_rights WHERE user_id = '{}'", office.admin.user)).await?;
    assert_eq!(stored, json!(false));
    Ok(())
}
