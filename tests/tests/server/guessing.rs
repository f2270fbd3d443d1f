//! Guessing of passwords: limits per name, and what the answers reveal about accounts.

use serde_json::{Value, json};
use uuid::Uuid;
use waystation_model::Code;
use waystation_model::wire::Outcome as MutationOutcome;
use waystation_tests::Outcome;
use waystation_tests::caller::{Caller, PASSWORD, code, put, sign_in};
use waystation_tests::school::{School, open};
use waystation_tests::server::LocalServer;

/// More guesses than any bucket has.
const GUESSES: usize = 30;

/// Guesses until the limit refuses; returns how many passwords were checked.
async fn guess(server: &LocalServer, name: &str, device: Value) -> Outcome<usize> {
    for looked_at in 0..GUESSES {
        if code(sign_in(&server.url(), name, "guess", device.clone()).await?) == Code::TooManyAttempts {
            return Ok(looked_at);
        }
    }
    Ok(GUESSES)
}

/// Two people; the second has the other's email as a user name, from a time when that was allowed. Only the second one's password is known
/// here.
async fn namesakes(school: &mut School, own_id: u128, other_id: u128) -> Outcome<()> {
    school.run("ALTER TABLE users DISABLE TRIGGER USER; ALTER TABLE users ENABLE TRIGGER a_before").await?;
    school.person_of(Uuid::from_u128(own_id), "learner", "aysel").await?;
    school.run("UPDATE users SET email = 'aysel@example.az', password_hash = NULL").await?;
    school.person_of(Uuid::from_u128(other_id), "learner", "aysel@example.az").await?;
    school.run("ALTER TABLE users ENABLE TRIGGER USER").await
}

#[tokio::test]
async fn a_namesakes_sign_in_gives_no_other_account_new_attempts() -> Outcome<()> {
    // In either order of the accounts.
    for (own_id, other_id) in [(1, 2), (2, 1)] {
        let (server, mut school) = open().await?;
        namesakes(&mut school, own_id, other_id).await?;
        let mut guesses = 0;
        for _ in 0..6 {
            // Each success of the namesake used to fill the bucket of the person with that email.
            for _ in 0..9 {
                guesses += usize::from(code(sign_in(&server.url(), "aysel@example.az", "guess", json!({})).await?) == Code::WrongPassword);
            }
            drop(sign_in(&server.url(), "aysel@example.az", PASSWORD, json!({})).await?);
        }
        assert!(guesses < 20, "{guesses} guesses were looked at");
    }
    Ok(())
}

#[tokio::test]
async fn a_namesakes_laptops_allow_no_additional_guesses() -> Outcome<()> {
    let (server, mut school) = open().await?;
    namesakes(&mut school, 2, 1).await?;
    let mut guesses = 0;
    for _ in 0..3 {
        let Ok(answer) = sign_in(&server.url(), "aysel@example.az", PASSWORD, json!({})).await? else { break };
        guesses += guess(&server, "aysel@example.az", json!({"id": answer["device_id"]})).await?;
    }
    assert!((1..20).contains(&guesses), "{guesses} guesses were looked at");
    Ok(())
}

#[tokio::test]
async fn a_refusal_does_not_link_a_user_name_to_an_email() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let aysel = school.person("learner", "aysel").await?;
    school.run(format!("UPDATE users SET email = 'a.q@example.az' WHERE id = '{aysel}'")).await?;
    // One attempt returns every six seconds, and a guess takes as long as the machine is busy.
    let begun = std::time::Instant::now();
    let back = || usize::try_from(begun.elapsed().as_secs() / 6).unwrap_or(usize::MAX) + 1;
    // User name, email, and two unused names: each has as many attempts, whatever was asked before.
    for name in ["aysel", "a.q@example.az", "nobody", "nobody@example.az"] {
        let looked_at = guess(&server, name, json!({})).await?;
        assert!((10..=10 + back()).contains(&looked_at), "{name}: {looked_at}");
    }
    // Another spelling of a name is the same name, also of an unused one.
    for name in ["AYSEL ", "A.Q@example.az", "NOBODY"] {
        let looked_at = guess(&server, name, json!({})).await?;
        assert!(looked_at <= back(), "{name}: {looked_at}");
    }
    Ok(())
}

#[tokio::test]
async fn a_user_name_and_an_email_of_two_people_are_never_equal() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let aysel = school.person("learner", "aysel").await?;
    school.run(format!("UPDATE users SET email = 'aysel@example.az' WHERE id = '{aysel}'")).await?;
    let mut elsewhere = School::create(server.database()).await?;
    let boss = elsewhere.person("admin", "boss").await?;
    elsewhere.person("learner", "murad@example.az").await?;
    let mut admin = Caller::sign_in(&server.url(), "boss").await?;
    let taken = |field: &str| (Code::Taken, Some(field.to_owned()));
    let account = |name: Value, email: Value| {
        let id = Uuid::now_v7();
        put("users").id(id).set("user_name", name).set("email", email).set("full_name", "Somebody")
    };
    let by_name = account(json!("AYSEL@example.az"), Value::Null);
    assert_eq!(admin.refusal(by_name).await?, taken("user_name"), "in another organization too");
    let by_address = account(json!("sevda"), json!("Murad@example.az"));
    assert_eq!(admin.refusal(by_address).await?, taken("email"));
    // A person's own email may be their user name, and a released name is free.
    let own = account(json!("leyla@example.az"), json!("Leyla@example.az"));
    assert_eq!(admin.push_one(own).await?, MutationOutcome::Applied);
    school.run(format!("UPDATE users SET email = 'a.q@example.az' WHERE id = '{aysel}'")).await?;
    let freed = account(json!("aysel@example.az"), Value::Null);
    assert_eq!(admin.push_one(freed).await?, MutationOutcome::Applied);
    // By plain SQL as well.
    let error = elsewhere.run(format!("UPDATE users SET email = 'leyla@example.az' WHERE id = '{boss}'")).await.expect_err("taken");
    assert!(error.to_string().contains("users_email_key"), "{error}");
    let error = elsewhere.run(format!("UPDATE users SET user_name = 'a.q@example.az' WHERE id = '{boss}'")).await.expect_err("taken");
    assert!(error.to_string().contains("users_user_name_key"), "{error}");
    Ok(())
}

#[tokio::test]
async fn of_two_concurrent_claims_of_a_name_one_succeeds() -> Outcome<()> {
    let (server, mut first) = open().await?;
    let mut second = School::create(server.database()).await?;
    let (a, b) = (first.person("learner", "aysel").await?, second.person("learner", "murad").await?);
    first.run(format!("BEGIN; UPDATE users SET user_name = 'both@example.az' WHERE id = '{a}'")).await?;
    let take = tokio::spawn(async move {
        let taken = second.run(format!("UPDATE users SET email = 'both@example.az' WHERE id = '{b}'")).await;
        taken.map_err(|error| error.to_string())
    });
    // It waits for the first, whether that commits or not: only its lock shows it from outside.
    waystation_tests::wait::until("the second waits", std::time::Duration::from_secs(60), || async {
        let mut look = server.database().connect().await?;
        let waits: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted AND a.datname = current_database())")
            .fetch_one(&mut look)
            .await?;
        Ok(waits.then_some(()))
    })
    .await?;
    first.run("COMMIT").await?;
    let error = take.await?.expect_err("the first has it");
    assert!(error.contains("users_email_key"), "{error}");
    Ok(())
}
