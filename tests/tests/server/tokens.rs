//! Personal tokens: shown once, limited in time and rights, and ended by everything that ends a person's sessions.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;
use waystation_model::Code;
use waystation_model::limits::PROTOCOL_VERSION;
use waystation_tests::Outcome;
use waystation_tests::caller::{Caller, code, read, refresh};
use waystation_tests::program::{Program, answer};
use waystation_tests::school::{School, open};
use waystation_tests::server::LocalServer;

async fn admin() -> Outcome<(LocalServer, School, Caller, Program)> {
    let (server, mut school) = open().await?;
    school.person("admin", "vusal").await?;
    let caller = Caller::sign_in(&server.url(), "vusal").await?;
    let program = Program::of(&caller, true).await?;
    Ok((server, school, caller, program))
}

async fn tokens(caller: &Caller) -> Outcome<Vec<Value>> {
    let listed: Value = read(caller.request(Method::GET, "/v1/tokens").send().await?).await??;
    Ok(listed["tokens"].as_array().ok_or("no tokens")?.clone())
}

/// The code with which a program is refused everywhere; none when it is served.
async fn refusal(program: &Program) -> Outcome<Option<Code>> {
    let listed = program.page("stations", &[]).await?.err().map(|problem| problem.code);
    let written = program.make("stations", json!({"name": "x"})).await?;
    assert_eq!(listed.map(Code::word), written.code(), "{}", written.body);
    Ok(listed)
}

#[tokio::test]
async fn a_token_is_shown_once_and_stored_as_a_hash() -> Outcome<()> {
    let (_server, mut school, caller, program) = admin().await?;
    assert!(program.secret.starts_with("wst_") && program.secret.len() == 47, "{}", program.secret.len());
    let listed = tokens(&caller).await?;
    assert_eq!((listed.len(), &listed[0]["name"], &listed[0]["may_write"]), (1, &json!("a script"), &json!(true)));
    assert_eq!((&listed[0]["id"], &listed[0]["last_used_at"]), (&json!(program.token), &Value::Null));
    assert!(!listed[0].to_string().contains(&program.secret));
    let days = (listed[0]["expires_at"].as_i64().ok_or("a time")? - listed[0]["created_at"].as_i64().ok_or("a time")?) / 86_400_000;
    assert_eq!(days, 30);
    let stored = school.value("SELECT jsonb_agg(to_jsonb(p)) FROM personal_tokens p").await?;
    assert!(!stored.to_string().contains(&program.secret[4..]));
    assert_eq!(school.value("SELECT length(token_hash) FROM personal_tokens").await?, 32);
    assert_eq!(refusal(&program).await?, None);
    assert!(tokens(&caller).await?[0]["last_used_at"].is_i64());
    Ok(())
}

#[tokio::test]
async fn a_revoked_an_expired_and_an_unknown_token_are_refused() -> Outcome<()> {
    let (server, mut school, caller, program) = admin().await?;
    let second = Program::of(&caller, true).await?;
    let path = format!("/v1/tokens/{}", program.token);
    for _ in 0..2 {
        assert_eq!(caller.request(Method::DELETE, &path).send().await?.status(), StatusCode::NO_CONTENT);
        assert_eq!(refusal(&program).await?, Some(Code::SessionEnded));
    }
    assert_eq!(tokens(&caller).await?.len(), 1, "the other one is still there");
    assert_eq!(refusal(&second).await?, None);
    school.run("UPDATE personal_tokens SET created_at = now() - interval '2 days', expires_at = now() - interval '1 second'").await?;
    assert_eq!(refusal(&second).await?, Some(Code::TokenExpired));
    assert!(tokens(&caller).await?.is_empty());
    for secret in ["wst_", "wst_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "", &caller.access_token] {
        let mut other = program.clone();
        other.secret = secret.to_owned();
        assert_eq!(refusal(&other).await?, Some(Code::TokenExpired));
    }
    // Nobody else revokes it, and what is no token is not found.
    school.person("admin", "orxan").await?;
    let orxan = Caller::sign_in(&server.url(), "orxan").await?;
    let theirs = Program::of(&orxan, true).await?;
    for id in [theirs.token.to_string(), Uuid::now_v7().to_string(), "1".to_owned()] {
        let answer = answer(caller.request(Method::DELETE, &format!("/v1/tokens/{id}"))).await?;
        assert_eq!(answer.code(), Some("not_found"));
    }
    assert_eq!(refusal(&theirs).await?, None);
    Ok(())
}

#[tokio::test]
async fn a_token_that_reads_does_not_write() -> Outcome<()> {
    let (_server, mut school, caller, program) = admin().await?;
    let id = program.make("stations", json!({"name": "Ucar"})).await?.id();
    let reader = Program::of(&caller, false).await?;
    assert_eq!(reader.list("stations", &[]).await?.len(), 1);
    for refused in [
        reader.make("stations", json!({"name": "x"})).await?,
        reader.change("stations", id, json!({"name": "x"})).await?,
        reader.delete("stations", id).await?,
    ] {
        assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, Some("not_allowed")));
    }
    assert_eq!(school.value("SELECT jsonb_agg(name) FROM stations").await?, json!(["Ucar"]));
    Ok(())
}

#[tokio::test]
async fn what_ends_sessions_ends_tokens() -> Outcome<()> {
    let (server, mut school, caller, program) = admin().await?;
    let everywhere = "/v1/accounts/sign-out-everywhere";
    assert_eq!(caller.request(Method::POST, everywhere).send().await?.status(), StatusCode::NO_CONTENT);
    assert_eq!(refusal(&program).await?, Some(Code::SessionEnded));

    let caller = Caller::sign_in(&server.url(), "vusal").await?;
    let program = Program::of(&caller, true).await?;
    // Signing out on one laptop ends that laptop's session alone.
    assert_eq!(caller.request(Method::POST, "/v1/accounts/sign-out").send().await?.status(), StatusCode::NO_CONTENT);
    assert_eq!(refusal(&program).await?, None);
    school.run("UPDATE users SET password_hash = '!'").await?;
    assert_eq!(refusal(&program).await?, Some(Code::SessionEnded), "another password");

    school.person("admin", "orxan").await?;
    let program = Program::sign_in(&server.url(), "orxan").await?;
    for (close, open, expected) in [
        ("UPDATE users SET status = 'suspended' WHERE user_name = 'orxan'", "UPDATE users SET status = 'active'", Code::AccountClosed),
        ("UPDATE organizations SET status = 'suspended'", "UPDATE organizations SET status = 'active'", Code::OrganizationSuspended),
    ] {
        school.run(close).await?;
        assert_eq!(refusal(&program).await?, Some(expected), "{close}");
        school.run(open).await?;
        assert_eq!(refusal(&program).await?, None, "{open}");
    }
    school.run("UPDATE devices SET revoked_at = now() WHERE platform = 'http'").await?;
    assert_eq!(refusal(&program).await?, Some(Code::DeviceRevoked));
    Ok(())
}

#[tokio::test]
async fn a_token_opens_records_and_nothing_else() -> Outcome<()> {
    let (server, mut school, caller, program) = admin().await?;
    let device = school.value("SELECT id FROM devices WHERE platform = 'http'").await?;
    for (method, path, body) in [
        (
            Method::POST,
            "/v1/sync/push",
            json!({"protocol": PROTOCOL_VERSION, "device": device, "epoch": caller.epoch, "first_n": 1, "chain": "0".repeat(64), "seen_n": 0, "sent_at": 0, "runs": []}),
        ),
        (Method::POST, "/v1/sync/pull", json!({"protocol": PROTOCOL_VERSION, "device": device, "epoch": caller.epoch, "cursors": {}})),
        (Method::POST, "/v1/sync/slices", json!({})),
        (Method::GET, "/v1/sync/live", Value::Null),
        (Method::POST, "/v1/accounts/device", json!({})),
        (Method::POST, "/v1/accounts/sign-out-everywhere", Value::Null),
        (Method::POST, "/v1/tokens", json!({"name": "x", "expires_in_days": 1})),
        (Method::GET, "/v1/tokens", Value::Null),
        (Method::GET, "/v1/content/0000000000000000000000000000000000000000000000000000000000000000", Value::Null),
    ] {
        let request = program.request(method, path);
        let request = if body.is_null() { request } else { request.json(&body) };
        assert_eq!(answer(request).await?.code(), Some("token_expired"), "{path}");
    }
    assert_eq!(code(refresh(&server.url(), &program.secret).await?), Code::SessionEnded);
    assert_eq!(refusal(&program).await?, None, "none of that has ended it");
    Ok(())
}

#[tokio::test]
async fn invalid_tokens_are_not_made() -> Outcome<()> {
    let (_server, mut school, caller, _program) = admin().await?;
    let long = "n".repeat(101);
    for (name, days, field) in [
        ("", 1, "name"),
        ("  ", 1, "name"),
        ("a\u{7}", 1, "name"),
        (&long, 1, "name"),
        ("x", 0, "expires_in_days"),
        ("x", -1, "expires_in_days"),
        ("x", 366, "expires_in_days"),
    ] {
        let asked = json!({"name": name, "expires_in_days": days});
        let problem = caller.post::<Value>("/v1/tokens", &asked).await?.expect_err("the token is refused");
        assert_eq!((problem.code, problem.fields), (Code::BadValue, vec![field.to_owned()]), "{asked}");
    }
    for asked in [json!({}), json!({"name": 1, "expires_in_days": 1}), json!({"name": "x", "expires_in_days": 1.5})] {
        assert_eq!(code(caller.post::<Value>("/v1/tokens", &asked).await?), Code::BadRequest);
    }
    assert_eq!(school.count("personal_tokens").await?, 1);
    Ok(())
}

#[tokio::test]
async fn tokens_that_ended_do_not_count_towards_the_limit_of_devices() -> Outcome<()> {
    let (_server, mut school, caller, program) = admin().await?;
    // The laptop, the token, and 98 more.
    school.run("INSERT INTO devices (organization_id, user_id) SELECT d.organization_id, d.user_id FROM (SELECT organization_id, user_id FROM devices LIMIT 1) d, generate_series(1, 98)").await?;
    let asked = json!({"name": "x", "expires_in_days": 1});
    assert_eq!(code(caller.post::<Value>("/v1/tokens", &asked).await?), Code::TooManyDevices);
    let path = format!("/v1/tokens/{}", program.token);
    assert_eq!(caller.request(Method::DELETE, &path).send().await?.status(), StatusCode::NO_CONTENT);
    caller.post::<Value>("/v1/tokens", &asked).await??;
    Ok(())
}
