//! Sessions: how they end, and that a stolen refresh token ends with them.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use waystation_model::Code;
use waystation_tests::Outcome;
use waystation_tests::caller::{Caller, PASSWORD, code, refresh, sign_in};
use waystation_tests::school::{School, open};
use waystation_tests::server::LocalServer;

/// The next refresh token.
async fn next(server: &LocalServer, token: &str) -> Outcome<String> {
    let answer = refresh(&server.url(), token).await??;
    Ok(answer["refresh_token"].as_str().ok_or("no token")?.to_owned())
}

async fn is_refused(server: &LocalServer, token: &str) -> Outcome<bool> {
    Ok(refresh(&server.url(), token).await?.err().is_some_and(|problem| problem.code == Code::SessionEnded))
}

/// Makes earlier tokens older than the longest time that a request may take to arrive.
async fn pass(school: &mut School) -> Outcome<()> {
    school.run("UPDATE left_refresh_tokens SET left_at = left_at - interval '1 hour'").await
}

#[tokio::test]
async fn reuse_of_an_old_refresh_token_ends_the_session() -> Outcome<()> {
    let (server, mut school) = open().await?;
    school.person("learner", "aysel").await?;
    let owner = Caller::sign_in(&server.url(), "aysel").await?;
    let other = Caller::sign_in(&server.url(), "aysel").await?;
    // A thief has the first token, and uses it while the owner's laptop is closed.
    let stolen = owner.refresh_token.clone();
    let mut thief = stolen.clone();
    for _ in 0..3 {
        thief = next(&server, &thief).await?;
    }
    let mut pokes = owner.live().await?;
    pass(&mut school).await?;
    assert!(is_refused(&server, &stolen).await?, "the owner comes back");
    assert!(is_refused(&server, &thief).await?, "and the thief's session ended too");
    pokes.ended().await?;
    assert_eq!(code(owner.ask_page().await?), Code::SessionEnded);
    next(&server, &other.refresh_token).await?;
    Ok(())
}

#[tokio::test]
async fn an_overtaken_refresh_ends_nothing() -> Outcome<()> {
    let (server, mut school) = open().await?;
    school.person("learner", "aysel").await?;
    let caller = Caller::sign_in(&server.url(), "aysel").await?;
    let first = caller.refresh_token.clone();
    let second = next(&server, &first).await?;
    let third = next(&server, &second).await?;
    let fourth = next(&server, &third).await?;
    // All were in transit for a while.
    for late in [&first, &second] {
        assert!(is_refused(&server, late).await?, "a late request is refused");
    }
    assert_eq!(next(&server, &third).await?, fourth, "the two newest are valid");
    next(&server, &fourth).await?;
    Ok(())
}

#[tokio::test]
async fn an_invented_token_ends_no_session() -> Outcome<()> {
    let (server, mut school) = open().await?;
    school.person("learner", "aysel").await?;
    let caller = Caller::sign_in(&server.url(), "aysel").await?;
    let zeros = "0".repeat(64);
    for made_up in ["", ".", "x.y", &zeros, &format!("{}.{zeros}", uuid::Uuid::now_v7().simple()), &"9".repeat(5_000)] {
        assert!(is_refused(&server, made_up).await?, "{made_up}");
    }
    next(&server, &caller.refresh_token).await?;
    Ok(())
}

#[tokio::test]
async fn a_session_with_a_token_of_the_earlier_format_continues() -> Outcome<()> {
    use sha2::{Digest, Sha256};
    let (server, mut school) = open().await?;
    school.person("learner", "aysel").await?;
    let caller = Caller::sign_in(&server.url(), "aysel").await?;
    // Tokens once were 64 hex digits that name no session.
    let old = "ab".repeat(32);
    let hash = hex::encode(Sha256::digest(old.as_bytes()));
    school.run(format!("UPDATE user_sessions SET refresh_token_hash = '\\x{hash}' WHERE device_id = '{}'", caller.device)).await?;
    let second = next(&server, &old).await?;
    assert_eq!(next(&server, &old).await?, second, "an answer may be lost");
    let third = next(&server, &second).await?;
    assert!(is_refused(&server, &old).await?);
    next(&server, &third).await?;
    Ok(())
}

#[tokio::test]
async fn signing_in_again_on_a_device_ends_its_former_session_and_no_other() -> Outcome<()> {
    let (server, mut school) = open().await?;
    school.person("learner", "aysel").await?;
    let former = Caller::sign_in(&server.url(), "aysel").await?;
    let other = Caller::sign_in(&server.url(), "aysel").await?;
    let mut pokes = former.live().await?;
    let again = sign_in(&server.url(), "aysel", PASSWORD, json!({"id": former.device})).await??;
    pokes.ended().await?;
    assert!(is_refused(&server, &former.refresh_token).await?);
    assert_eq!(code(former.ask_page().await?), Code::SessionEnded);
    next(&server, again["refresh_token"].as_str().ok_or("no token")?).await?;
    next(&server, &other.refresh_token).await?;
    let open =
        school.value("SELECT max(n) FROM (SELECT count(*) AS n FROM user_sessions WHERE ended_at IS NULL GROUP BY device_id) d").await?;
    assert_eq!(open, 1, "a device has one session");
    Ok(())
}

#[tokio::test]
async fn a_new_password_ends_every_session() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let aysel = school.person("learner", "aysel").await?;
    school.person("learner", "murad").await?;
    let mut sessions = Vec::new();
    for _ in 0..2 {
        sessions.push(Caller::sign_in(&server.url(), "aysel").await?);
    }
    let mut untouched = Caller::sign_in(&server.url(), "murad").await?;
    let mut pokes = sessions[0].live().await?;
    school
        .run(format!(
            "UPDATE users SET password_hash = '$2b$04$abcdefghijklmnopqrstuu76dfuawWdBS1QY6vcj1MdxyGkWvOi6G' WHERE id = '{aysel}'"
        ))
        .await?;
    pokes.ended().await?;
    for session in &sessions {
        assert!(is_refused(&server, &session.refresh_token).await?);
        assert_eq!(code(session.ask_page().await?), Code::SessionEnded);
    }
    untouched.pull().await?;
    Ok(())
}

#[tokio::test]
async fn rehashing_a_password_ends_no_session() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let aysel = school.person("learner", "aysel").await?;
    let before = Caller::sign_in(&server.url(), "aysel").await?;
    // The same password, hashed by another system and stored by a program that says so.
    let bcrypt = "$2b$04$abcdefghijklmnopqrstuu76dfuawWdBS1QY6vcj1MdxyGkWvOi6G";
    let same = "SET LOCAL waystation.same_password = 'on'";
    school.run(format!("BEGIN; {same}; UPDATE users SET password_hash = '{bcrypt}' WHERE id = '{aysel}'; COMMIT")).await?;
    let pairs = (0..2).map(|_| {
        let url = server.url();
        tokio::spawn(async move { Caller::sign_in(&url, "aysel").await.map(drop).map_err(|error| error.to_string()) })
    });
    // Two at once: the second one finds a new hash of the same password.
    for pair in pairs.collect::<Vec<_>>() {
        pair.await??;
    }
    let stored = school.column("users", aysel, "password_hash").await?;
    assert!(stored.as_str().is_some_and(|text| text.starts_with("$argon2id$")), "{stored}");
    next(&server, &before.refresh_token).await?;
    Ok(())
}

#[tokio::test]
async fn signing_out_everywhere_ends_every_session_of_this_person() -> Outcome<()> {
    let (server, mut school) = open().await?;
    school.person("learner", "aysel").await?;
    school.person("learner", "murad").await?;
    let (here, there) = (Caller::sign_in(&server.url(), "aysel").await?, Caller::sign_in(&server.url(), "aysel").await?);
    let mut untouched = Caller::sign_in(&server.url(), "murad").await?;
    let mut pokes = there.live().await?;
    let everywhere = || here.request(Method::POST, "/v1/accounts/sign-out-everywhere").send();
    assert_eq!(everywhere().await?.status(), StatusCode::NO_CONTENT);
    pokes.ended().await?;
    for session in [&here, &there] {
        assert!(is_refused(&server, &session.refresh_token).await?);
        assert_eq!(code(session.ask_page().await?), Code::SessionEnded);
    }
    // Only an open session can.
    let again = Caller::sign_in(&server.url(), "aysel").await?;
    assert_eq!(code(waystation_tests::caller::read::<Value>(everywhere().await?).await?), Code::SessionEnded);
    next(&server, &again.refresh_token).await?;
    untouched.pull().await?;
    Ok(())
}
