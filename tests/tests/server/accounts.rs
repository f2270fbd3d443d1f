//! Authentication: signing in, staying signed in, and losing access.

use serde_json::{Value, json};
use sync_server::accounts::Claims;
use uuid::Uuid;
use waystation_model::Code;
use waystation_model::limits::PROTOCOL_VERSION;
use waystation_tests::Outcome;
use waystation_tests::caller::{Caller, PASSWORD, code, read, refresh, sign_in};
use waystation_tests::school::open;
use waystation_tests::wait::{self, SOON};

/// What every kind of request of a session without access is answered.
async fn refusals(caller: &Caller) -> Outcome<Vec<Code>> {
    let mut codes = vec![code(caller.send(&caller.push_of(vec![])).await?), code(caller.ask_page().await?)];
    for path in ["/v1/sync/live".to_owned(), format!("/v1/content/{}", "0".repeat(64))] {
        codes.push(code(read::<Value>(caller.request(reqwest::Method::GET, &path).send().await?).await?));
    }
    codes.push(code(caller.post::<Value>("/v1/accounts/device", &json!({"name": "", "platform": ""})).await?));
    Ok(codes)
}

#[tokio::test]
async fn a_sign_in_accepts_a_user_name_or_an_email_in_any_case() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let aysel = school.person("learner", "aysel").await?;
    school.run(format!("UPDATE users SET email = 'Aysel@Example.az' WHERE id = '{aysel}'")).await?;
    for name in ["aysel", " AYSEL ", "aysel@example.AZ"] {
        let caller = Caller::sign_in(&server.url(), name).await?;
        assert_eq!(caller.user, aysel, "{name}");
        assert_eq!(caller.signed_in["user"]["full_name"], "Full aysel");
        assert_eq!(caller.signed_in["user"]["organization_id"], json!(school.organization));
    }
    let no_device = json!({"name": "", "platform": ""});
    for (name, password) in
        [("aysel", "Waystation"), ("aysel", ""), ("nobody", PASSWORD), ("", ""), ("a\0b", PASSWORD), (&"x".repeat(5_000), PASSWORD)]
    {
        assert_eq!(code(sign_in(&server.url(), name, password, no_device.clone()).await?), Code::WrongPassword, "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn a_user_name_that_is_anothers_email_is_resolved_by_the_password() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let (first, second) = (school.person("learner", "boss@example.az").await?, school.person("admin", "boss").await?);
    school
        .run(format!(
            "ALTER TABLE users DISABLE TRIGGER names_changed; UPDATE users SET email = 'boss@example.az' WHERE id = '{second}'; UPDATE users SET password_hash = NULL WHERE id = '{first}'"
        ))
        .await?;
    assert_eq!(Caller::sign_in(&server.url(), "boss@example.az").await?.user, second);
    Ok(())
}

#[tokio::test]
async fn foreign_password_hashes_are_accepted_and_rehashed() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let hashes = [
        ("django", "pbkdf2_sha256$1000$salt$/mNDtM6ynUebynBLeUl1G0lr9+dJK8x0OBX9/AId3Jk="),
        ("bcrypt", "$2b$04$abcdefghijklmnopqrstuu76dfuawWdBS1QY6vcj1MdxyGkWvOi6G"),
    ];
    for (name, hash) in hashes {
        let user = school.person("learner", name).await?;
        school.run(format!("UPDATE users SET password_hash = '{hash}' WHERE id = '{user}'")).await?;
        assert_eq!(code(sign_in(&server.url(), name, "wrong", json!({})).await?), Code::WrongPassword);
        assert_eq!(school.column("users", user, "password_hash").await?, json!(hash), "a wrong password changes nothing");
        for _ in 0..2 {
            Caller::sign_in(&server.url(), name).await?;
            let stored = school.column("users", user, "password_hash").await?;
            assert!(stored.as_str().is_some_and(|text| text.starts_with("$argon2id$")), "{stored}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn guesses_of_one_name_run_out_and_others_sign_in() -> Outcome<()> {
    let (server, mut school) = open().await?;
    school.person("learner", "aysel").await?;
    school.person("learner", "murad").await?;
    let mut last = Code::WrongPassword;
    for _ in 0..30 {
        last = code(sign_in(&server.url(), "aysel", "guess", json!({})).await?);
        if last != Code::WrongPassword {
            break;
        }
    }
    assert_eq!(last, Code::TooManyAttempts);
    assert!(last.retryable());
    assert_eq!(code(sign_in(&server.url(), " AYSEL", PASSWORD, json!({})).await?), Code::TooManyAttempts, "also with the right one");
    Caller::sign_in(&server.url(), "murad").await?;
    Ok(())
}

#[tokio::test]
async fn only_the_owner_with_the_password_gets_the_secret_of_a_revoked_device() -> Outcome<()> {
    let (server, mut school) = open().await?;
    school.person("learner", "aysel").await?;
    school.person("learner", "murad").await?;
    let first = Caller::sign_in(&server.url(), "aysel").await?;
    school.run(format!("UPDATE devices SET revoked_at = now() WHERE id = '{}'", first.device)).await?;
    let asking = |ids: Vec<Uuid>| json!({"name": "new", "platform": "test", "secrets_of": ids});
    let answer = sign_in(&server.url(), "aysel", PASSWORD, asking(vec![first.device, Uuid::now_v7()])).await??;
    assert_eq!(answer["secrets"], json!({first.device.to_string(): first.signed_in["recovery_secret"]}));
    assert_ne!(answer["device_id"], json!(first.device));
    let other = sign_in(&server.url(), "murad", PASSWORD, asking(vec![first.device])).await??;
    assert_eq!(other["secrets"], json!({}));
    assert_eq!(code(sign_in(&server.url(), "aysel", "guess", asking(vec![first.device])).await?), Code::WrongPassword);
    let many = (0..9).map(|_| Uuid::now_v7()).collect();
    assert_eq!(code(sign_in(&server.url(), "aysel", PASSWORD, asking(many)).await?), Code::BadRequest);
    Ok(())
}

#[tokio::test]
async fn signing_in_again_keeps_the_device() -> Outcome<()> {
    let (server, mut school) = open().await?;
    school.person("learner", "aysel").await?;
    school.person("learner", "murad").await?;
    let first = Caller::sign_in(&server.url(), "aysel").await?;
    let device = json!({"id": first.device, "name": "renamed", "platform": "test"});
    let again = Caller::of(&server.url(), sign_in(&server.url(), "aysel", PASSWORD, device.clone()).await??)?;
    assert_eq!((again.device, &again.signed_in["recovery_secret"]), (first.device, &first.signed_in["recovery_secret"]));
    assert_eq!(school.count("devices").await?, 1);
    let mut caller = again;
    caller.pull().await?;
    assert_eq!(code(sign_in(&server.url(), "murad", PASSWORD, device).await?), Code::DeviceNotYours);
    assert_eq!(code(sign_in(&server.url(), "murad", PASSWORD, json!({"id": Uuid::now_v7()})).await?), Code::DeviceNotYours);
    Ok(())
}

#[tokio::test]
async fn a_session_acts_only_for_its_own_device() -> Outcome<()> {
    let (server, mut school) = open().await?;
    school.person("learner", "aysel").await?;
    let first = Caller::sign_in(&server.url(), "aysel").await?;
    let mut second = Caller::sign_in(&server.url(), "aysel").await?;
    second.device = first.device;
    assert_eq!(code(second.send(&second.push_of(vec![])).await?), Code::DeviceNotYours);
    assert_eq!(code(second.ask_page().await?), Code::DeviceNotYours);
    Ok(())
}

#[tokio::test]
async fn a_lost_refresh_answer_ends_no_session() -> Outcome<()> {
    let (server, mut school) = open().await?;
    school.person("learner", "aysel").await?;
    let mut caller = Caller::sign_in(&server.url(), "aysel").await?;
    let next = |answer: &Value| answer["refresh_token"].as_str().map(str::to_owned).ok_or("no token");
    let old = caller.refresh_token.clone();
    let lost = next(&refresh(&server.url(), &old).await??)?;
    let answer = refresh(&server.url(), &old).await??;
    let new = next(&answer)?;
    assert_eq!(new, lost, "every answer to the repeated request is equal");
    // A delayed request arrives after all: the tokens that the laptop stored meanwhile are still valid.
    refresh(&server.url(), &old).await??;
    refresh(&server.url(), &new).await??;
    assert_eq!(code(refresh(&server.url(), &old).await?), Code::SessionEnded, "the new one was used");
    refresh(&server.url(), &new).await??;
    caller.access_token = answer["access_token"].as_str().ok_or("no token")?.to_owned();
    caller.pull().await?;
    for nonsense in ["", "nonsense", &"0".repeat(64)] {
        assert_eq!(code(refresh(&server.url(), nonsense).await?), Code::SessionEnded);
    }
    school.run("UPDATE user_sessions SET expires_at = now() - interval '1 second'").await?;
    assert_eq!(code(refresh(&server.url(), &new).await?), Code::SessionEnded, "the session was unused for half a year");
    Ok(())
}

#[tokio::test]
async fn a_signed_out_session_is_refused_everywhere() -> Outcome<()> {
    let (server, mut school) = open().await?;
    school.person("learner", "aysel").await?;
    let caller = Caller::sign_in(&server.url(), "aysel").await?;
    let mut other = Caller::sign_in(&server.url(), "aysel").await?;
    for _ in 0..2 {
        let answer = caller.request(reqwest::Method::POST, "/v1/accounts/sign-out").send().await?;
        assert_eq!(answer.status(), reqwest::StatusCode::NO_CONTENT);
    }
    assert_eq!(refusals(&caller).await?, [Code::SessionEnded; 5]);
    assert_eq!(code(refresh(&server.url(), &caller.refresh_token).await?), Code::SessionEnded);
    other.pull().await?;
    Ok(())
}

#[tokio::test]
async fn a_revoked_device_is_refused_everywhere() -> Outcome<()> {
    let (server, mut school) = open().await?;
    school.person("learner", "aysel").await?;
    let caller = Caller::sign_in(&server.url(), "aysel").await?;
    school.run("UPDATE devices SET revoked_at = now()").await?;
    assert_eq!(refusals(&caller).await?, [Code::DeviceRevoked; 5]);
    assert_eq!(code(refresh(&server.url(), &caller.refresh_token).await?), Code::DeviceRevoked);
    assert_eq!(code(sign_in(&server.url(), "aysel", PASSWORD, json!({"id": caller.device})).await?), Code::DeviceRevoked);
    Caller::sign_in(&server.url(), "aysel").await?.pull().await?;
    Ok(())
}

#[tokio::test]
async fn a_closed_account_is_refused_everywhere() -> Outcome<()> {
    let closings = [
        ("users SET status = 'suspended'", Code::AccountClosed),
        ("users SET deleted_at = now()", Code::AccountClosed),
        ("organizations SET status = 'suspended'", Code::OrganizationSuspended),
        ("organizations SET status = 'closed'", Code::AccountClosed),
        ("organizations SET deleted_at = now()", Code::AccountClosed),
    ];
    for (closing, expected) in closings {
        let (server, mut school) = open().await?;
        school.person("learner", "aysel").await?;
        let mut caller = Caller::sign_in(&server.url(), "aysel").await?;
        caller.pull().await?;
        let mut pokes = caller.live().await?;
        school.run(format!("UPDATE {closing}")).await?;
        pokes.ended().await?;
        assert_eq!(refusals(&caller).await?, [expected; 5], "{closing}");
        assert_eq!(code(refresh(&server.url(), &caller.refresh_token).await?), expected);
        assert_eq!(code(sign_in(&server.url(), "aysel", PASSWORD, json!({})).await?), expected);
        // Also when only the cache answers, as soon as the notification has arrived.
        wait::until("the digest is refused", SOON, || async {
            Ok(caller.ask_digest().await.err().filter(|error| error.to_string().starts_with(expected.word())).map(drop))
        })
        .await?;
    }
    Ok(())
}

#[tokio::test]
async fn foreign_and_expired_tokens_are_refused() -> Outcome<()> {
    let (server, mut school) = open().await?;
    school.person("learner", "aysel").await?;
    let mut caller = Caller::sign_in(&server.url(), "aysel").await?;
    let ours = caller.access_token.clone();
    let session: Uuid = school.value("SELECT id FROM user_sessions").await?.as_str().ok_or("no session")?.parse()?;
    let claims = |exp: i64| Claims { sub: caller.user, org: school.organization, dev: caller.device, sid: session, exp };
    let foreign = sync_server::accounts::Tokens::new("another secret of more than thirty-two characters");
    let tokens = &server.server().app().tokens;
    let soon = chrono::Utc::now().timestamp() + 600;
    // {"alg":"none"}
    let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.", ours.split('.').nth(1).unwrap_or(""));
    let bad = [
        String::new(),
        "garbage".into(),
        "a.b.c".into(),
        unsigned,
        foreign.issue(&claims(soon))?,
        tokens.issue(&claims(soon - 601))?,
        format!("{ours}x"),
    ];
    let good = tokens.issue(&claims(soon))?;
    for token in bad {
        caller.access_token = token;
        assert_eq!(refusals(&caller).await?, [Code::TokenExpired; 5], "{}", caller.access_token);
    }
    caller.access_token = good;
    caller.pull().await?;
    let bare = reqwest::Client::new().get(format!("{}/v1/sync/live", server.url())).send().await?;
    assert_eq!(code(read::<Value>(bare).await?), Code::TokenExpired);
    Ok(())
}

#[tokio::test]
async fn a_sign_in_of_another_protocol_version_is_refused() -> Outcome<()> {
    let (server, mut school) = open().await?;
    school.person("learner", "aysel").await?;
    for protocol in [0, PROTOCOL_VERSION + 1] {
        let body = json!({"protocol": protocol, "name": "aysel", "password": PASSWORD, "something_new": 1});
        let answer = reqwest::Client::new().post(format!("{}/v1/accounts/sign-in", server.url())).json(&body).send().await?;
        assert_eq!(code(read::<Value>(answer).await?), Code::UnsupportedProtocol);
    }
    Ok(())
}

#[tokio::test]
async fn a_stream_ends_only_with_its_own_session() -> Outcome<()> {
    let (server, mut school) = open().await?;
    school.person("learner", "aysel").await?;
    let second = waystation_tests::server::LocalServer::start(server.database()).await?;
    for ending in ["sign out", "revoke", "end by hand"] {
        let leaving = Caller::sign_in(&server.url(), "aysel").await?;
        let staying = Caller::sign_in(&server.url(), "aysel").await?;
        // One is notified here, the other by another instance.
        let mut elsewhere = leaving.clone();
        elsewhere.url = second.url();
        let (mut here, mut there, mut stays) = (leaving.live().await?, elsewhere.live().await?, staying.live().await?);
        match ending {
            "sign out" => drop(leaving.request(reqwest::Method::POST, "/v1/accounts/sign-out").send().await?.error_for_status()?),
            "revoke" => school.run(format!("UPDATE devices SET revoked_at = now() WHERE id = '{}'", leaving.device)).await?,
            _ => school.run(format!("UPDATE user_sessions SET ended_at = now() WHERE device_id = '{}'", leaving.device)).await?,
        }
        here.ended().await?;
        there.ended().await?;
        assert!(stays.next().await?.is_some(), "{ending}");
        school.run("UPDATE users SET phone = coalesce(phone, '') || '1'").await?;
        assert!(stays.next().await?.is_some(), "{ending}");
    }
    second.stop().await;
    Ok(())
}

#[tokio::test]
async fn guessing_elsewhere_locks_nobody_out_of_their_own_laptop() -> Outcome<()> {
    let (server, mut school) = open().await?;
    school.person("learner", "aysel").await?;
    school.person("learner", "murad").await?;
    let own = Caller::sign_in(&server.url(), "aysel").await?;
    let foreign = Caller::sign_in(&server.url(), "murad").await?;
    let guess = |device: Value| {
        let url = server.url();
        async move { Outcome::Ok(code(sign_in(&url, "aysel", "guess", device).await?)) }
    };
    while guess(json!({})).await? != Code::TooManyAttempts {}
    for device in [foreign.device, Uuid::now_v7()] {
        assert_eq!(guess(json!({"id": device})).await?, Code::TooManyAttempts, "another person's laptop gives no additional attempts");
    }
    sign_in(&server.url(), "aysel", PASSWORD, json!({"id": own.device})).await??;
    Ok(())
}

#[tokio::test]
async fn many_concurrent_sign_ins_queue() -> Outcome<()> {
    let (server, mut school) = open().await?;
    school.person("learner", "aysel").await?;
    let guesses = (0..40).map(|number| {
        let url = server.url();
        tokio::spawn(async move {
            sign_in(&url, &format!("nobody-{number}"), "guess", json!({})).await.map(code).map_err(|error| error.to_string())
        })
    });
    let guesses: Vec<_> = guesses.collect();
    for guess in guesses {
        assert!(matches!(guess.await??, Code::WrongPassword | Code::TooManyAttempts));
    }
    assert_eq!(server.server().app().passwords.available_permits(), sync_server::accounts::passwords_at_once());
    Caller::sign_in(&server.url(), "aysel").await?;
    Ok(())
}

#[tokio::test]
async fn a_name_with_a_dotted_capital_i_signs_in_as_it_is_written() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let ilqar = school.person("learner", "İlqar").await?;
    for name in ["İlqar", " İlqar ", "İLQAR"] {
        assert_eq!(Caller::sign_in(&server.url(), name).await?.user, ilqar, "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn devices_per_person_are_limited() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let aysel = school.person("learner", "aysel").await?;
    let first = Caller::sign_in(&server.url(), "aysel").await?;
    let make = format!(
        "INSERT INTO devices (organization_id, user_id) SELECT organization_id, id FROM users, generate_series(1, 99) WHERE id = '{aysel}'"
    );
    school.run(make).await?;
    assert_eq!(code(sign_in(&server.url(), "aysel", PASSWORD, json!({})).await?), Code::TooManyDevices);
    assert_eq!(code(first.post::<Value>("/v1/accounts/device", &json!({"name": "", "platform": ""})).await?), Code::TooManyDevices);
    sign_in(&server.url(), "aysel", PASSWORD, json!({"id": first.device})).await??;
    school
        .run(format!("UPDATE devices SET revoked_at = now() WHERE id = (SELECT id FROM devices WHERE id <> '{}' LIMIT 1)", first.device))
        .await?;
    sign_in(&server.url(), "aysel", PASSWORD, json!({})).await??;
    Ok(())
}
