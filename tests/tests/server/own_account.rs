//! What people do with their own accounts: another password, and the end of their other sessions.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;
use waystation_model::Code;
use waystation_tests::Outcome;
use waystation_tests::caller::{Answered, Caller, PASSWORD, code, read, refresh, sign_in};
use waystation_tests::program::Program;
use waystation_tests::school::{School, open};
use waystation_tests::server::LocalServer;

const NEXT: &str = "another password";

async fn two_laptops() -> Outcome<(LocalServer, School, Caller, Caller)> {
    let (server, mut school) = open().await?;
    school.person("teacher", "nigar").await?;
    let (one, other) = (Caller::sign_in(&server.url(), "nigar").await?, Caller::sign_in(&server.url(), "nigar").await?);
    Ok((server, school, one, other))
}

/// Changes the password; none for a success.
async fn change(caller: &Caller, old: &str, new: &str, end_others: bool) -> Outcome<Option<Code>> {
    let body = json!({"old_password": old, "new_password": new, "end_other_sessions": end_others});
    let answer = caller.request(Method::POST, "/v1/accounts/password").json(&body).send().await?;
    if answer.status() == StatusCode::NO_CONTENT {
        return Ok(None);
    }
    Ok(Some(code(read::<Value>(answer).await?)))
}

async fn sessions(caller: &Caller) -> Outcome<Vec<Value>> {
    let listed: Answered<Value> = read(caller.request(Method::GET, "/v1/accounts/sessions").send().await?).await?;
    Ok(listed?["sessions"].as_array().ok_or("no sessions")?.clone())
}

#[tokio::test]
async fn a_changed_password_opens_the_account_and_the_old_one_does_not() -> Outcome<()> {
    let (server, mut school, mut one, mut other) = two_laptops().await?;
    let url = server.url();
    assert_eq!(change(&one, PASSWORD, NEXT, false).await?, None);
    assert_eq!(code(sign_in(&url, "nigar", PASSWORD, json!({})).await?), Code::WrongPassword);
    sign_in(&url, "nigar", NEXT, json!({})).await??;
    one.pull().await?;
    other.pull().await?;
    assert_eq!(change(&one, PASSWORD, NEXT, false).await?, None, "the same request again, because its answer was lost");
    let who = school.value("SELECT user_id FROM audit_logs WHERE entity = 'users' AND op = 'update' ORDER BY number DESC LIMIT 1").await?;
    assert_eq!(who, json!(one.user));
    assert_eq!(change(&one, NEXT, "yet another one", true).await?, None);
    one.pull().await?;
    assert_eq!(code(other.ask_page().await?), Code::SessionEnded, "by choice");
    assert_eq!(code(refresh(&url, &other.refresh_token).await?), Code::SessionEnded);
    refresh(&url, &one.refresh_token).await??;
    Ok(())
}

#[tokio::test]
async fn a_wrong_old_password_and_a_bad_new_one_change_nothing() -> Outcome<()> {
    let (server, mut school, one, _other) = two_laptops().await?;
    let before = school.column("users", one.user, "password_hash").await?;
    assert_eq!(change(&one, "wrong", NEXT, true).await?, Some(Code::WrongPassword));
    assert_eq!(change(&one, &"x".repeat(2_000), NEXT, true).await?, Some(Code::WrongPassword));
    assert_eq!(change(&one, PASSWORD, "short", true).await?, Some(Code::PasswordTooShort));
    assert_eq!(change(&one, PASSWORD, &"x".repeat(1_025), true).await?, Some(Code::BadValue));
    let mut last = None;
    for _ in 0..30 {
        last = change(&one, "wrong", NEXT, true).await?;
        if last != Some(Code::WrongPassword) {
            break;
        }
    }
    assert_eq!(last, Some(Code::TooManyAttempts));
    assert_eq!(school.column("users", one.user, "password_hash").await?, before);
    assert_eq!(sessions(&one).await?.len(), 2);
    Caller::sign_in(&server.url(), "nigar").await?;
    Ok(())
}

#[tokio::test]
async fn sessions_are_listed_and_one_or_all_others_end() -> Outcome<()> {
    let (server, mut school, one, other) = two_laptops().await?;
    let url = server.url();
    let program = Program::of(&one, false).await?;
    let listed = sessions(&one).await?;
    assert_eq!(listed.len(), 3, "two laptops and a token");
    let this: Vec<&Value> = listed.iter().filter(|session| session["is_this"] == true).map(|session| &session["device_id"]).collect();
    assert_eq!(this, [&json!(one.device)]);
    assert!(listed.iter().all(|session| session["last_used_at"].is_i64() && session["created_at"].is_i64()), "{listed:?}");
    let of_other = listed.iter().find(|session| session["device_id"] == json!(other.device)).ok_or("no session")?;
    let path = format!("/v1/accounts/sessions/{}", of_other["id"].as_str().ok_or("no id")?);
    school.person("teacher", "kamran").await?;
    let stranger = Caller::sign_in(&url, "kamran").await?;
    for unknown in [path.clone(), format!("/v1/accounts/sessions/{}", Uuid::now_v7()), "/v1/accounts/sessions/x".to_owned()] {
        let answer = stranger.request(Method::DELETE, &unknown).send().await?;
        assert_eq!(code(read::<Value>(answer).await?), Code::NotFound, "{unknown}");
    }
    let mut pokes = other.live().await?;
    for _ in 0..2 {
        assert_eq!(one.request(Method::DELETE, &path).send().await?.status(), StatusCode::NO_CONTENT);
    }
    pokes.ended().await?;
    assert_eq!(code(refresh(&url, &other.refresh_token).await?), Code::SessionEnded);
    assert_eq!(sessions(&one).await?.len(), 2);
    let answer = one.request(Method::POST, "/v1/accounts/sign-out-others").send().await?;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(sessions(&one).await?.len(), 1);
    assert_eq!(program.page("stations", &[]).await?.err().map(|problem| problem.code), Some(Code::SessionEnded));
    refresh(&url, &one.refresh_token).await??;
    Ok(())
}

#[tokio::test]
async fn an_ended_session_changes_nothing() -> Outcome<()> {
    let (_server, _school, one, other) = two_laptops().await?;
    one.request(Method::POST, "/v1/accounts/sign-out-others").send().await?;
    assert_eq!(change(&other, PASSWORD, NEXT, true).await?, Some(Code::SessionEnded));
    for (method, path) in [
        (Method::GET, "/v1/accounts/sessions".to_owned()),
        (Method::POST, "/v1/accounts/sign-out-others".to_owned()),
        (Method::DELETE, format!("/v1/accounts/sessions/{}", Uuid::now_v7())),
    ] {
        let answer = other.request(method, &path).send().await?;
        assert_eq!(code(read::<Value>(answer).await?), Code::SessionEnded, "{path}");
    }
    Ok(())
}
