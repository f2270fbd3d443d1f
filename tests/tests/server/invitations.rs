//! Invitations: one-time codes with which people choose a password, made by administrators.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;
use waystation_model::{Code, Problem};
use waystation_tests::Outcome;
use waystation_tests::caller::{Answered, Caller, code, look_at_code, put, read, refresh, sign_in, use_code};
use waystation_tests::school::{School, open};
use waystation_tests::server::LocalServer;

/// The password that people choose in these tests.
const CHOSEN: &str = "öyrən 2026";

async fn administrator() -> Outcome<(LocalServer, School, Caller)> {
    let (server, mut school) = open().await?;
    school.person("admin", "vusal").await?;
    let admin = Caller::sign_in(&server.url(), "vusal").await?;
    Ok((server, school, admin))
}

/// Somebody without a password, and without a user name.
async fn newcomer(school: &mut School, full_name: &str) -> Outcome<Uuid> {
    school.insert("users", json!({"full_name": full_name, "first_name": "", "last_name": "", "role": "learner", "status": "active", "email_verified": false, "id": Uuid::now_v7()})).await
}

async fn invite(admin: &Caller, people: &[Uuid], reset_passwords: bool) -> Outcome<Answered<Value>> {
    admin.post("/v1/invitations", &json!({"people": people, "reset_passwords": reset_passwords})).await
}

/// The code for one person.
async fn code_for(admin: &Caller, person: Uuid) -> Outcome<String> {
    let made = invite(admin, &[person], true).await??;
    Ok(made["invitations"][0]["code"].as_str().ok_or("no code")?.to_owned())
}

async fn listed(caller: &Caller, query: &str) -> Outcome<Answered<Value>> {
    read(caller.request(Method::GET, &format!("/v1/invitations{query}")).send().await?).await
}

fn fields(answered: Answered<Value>) -> (Code, Vec<String>) {
    let Problem { code, fields, .. } = answered.expect_err("the server has to refuse this");
    (code, fields)
}

#[tokio::test]
async fn a_person_made_on_a_laptop_is_invited_chooses_a_name_and_signs_in() -> Outcome<()> {
    let (server, mut school, mut admin) = administrator().await?;
    let url = server.url();
    let leyla = Uuid::now_v7();
    admin.push_one(put("users").id(leyla).set("full_name", "Leyla Əliyeva")).await?;
    let made = invite(&admin, &[leyla], false).await??;
    let invitation = &made["invitations"][0];
    assert_eq!(
        (&invitation["user_id"], &invitation["full_name"], &invitation["user_name"]),
        (&json!(leyla), &json!("Leyla Əliyeva"), &Value::Null)
    );
    let typed = invitation["code"].as_str().ok_or("no code")?.to_lowercase().replace('-', " ");
    let stored = school.value("SELECT jsonb_agg(to_jsonb(i)) FROM invitations i").await?.to_string();
    assert!(!stored.contains(invitation["code"].as_str().unwrap_or_default()), "only a hash is stored");
    let seen = look_at_code(&url, &typed).await??;
    assert_eq!(
        seen,
        json!({"user_id": leyla, "full_name": "Leyla Əliyeva", "user_name": null, "organization_name": "School", "expires_at": invitation["expires_at"]})
    );
    let signed_in = use_code(&url, &typed, json!({"user_name": " leyla ", "password": CHOSEN})).await??;
    assert_eq!((&signed_in["user"]["id"], &signed_in["user"]["user_name"]), (&json!(leyla), &json!("leyla")));
    Caller::of(&url, signed_in)?.pull().await?;
    assert_eq!(school.column("users", leyla, "user_name").await?, json!("leyla"));
    sign_in(&url, "leyla", CHOSEN, json!({})).await??;
    let used = listed(&admin, &format!("?user_id={leyla}")).await??;
    assert_eq!(used["invitations"][0]["made_by"], "Full vusal");
    assert!(used["invitations"][0]["used_at"].is_i64() && used["invitations"][0]["revoked_at"].is_null(), "{used}");
    assert!(!used.to_string().contains(invitation["code"].as_str().unwrap_or_default()));
    Ok(())
}

#[tokio::test]
async fn a_code_works_once_not_late_not_revoked_and_not_after_a_newer_one() -> Outcome<()> {
    let (server, mut school, admin) = administrator().await?;
    let url = server.url();
    let leyla = newcomer(&mut school, "Leyla").await?;
    let tried = async |code_text: &str| -> Outcome<[Code; 2]> {
        let used = use_code(&url, code_text, json!({"user_name": "leyla", "password": CHOSEN})).await?;
        Ok([code(look_at_code(&url, code_text).await?), code(used)])
    };
    let first = code_for(&admin, leyla).await?;
    let second = code_for(&admin, leyla).await?;
    assert_eq!(tried(&first).await?, [Code::CodeRevoked; 2], "replaced by the second");
    school.run("UPDATE invitations SET made_at = now() - interval '20 days', expires_at = now() - interval '1 second' WHERE revoked_at IS NULL").await?;
    assert_eq!(tried(&second).await?, [Code::CodeExpired; 2]);
    let third = code_for(&admin, leyla).await?;
    let newest = listed(&admin, "").await??["invitations"][0]["id"].as_str().ok_or("no id")?.to_owned();
    let path = format!("/v1/invitations/{newest}");
    for _ in 0..2 {
        assert_eq!(admin.request(Method::DELETE, &path).send().await?.status(), StatusCode::NO_CONTENT);
    }
    assert_eq!(tried(&third).await?, [Code::CodeRevoked; 2]);
    let fourth = code_for(&admin, leyla).await?;
    use_code(&url, &fourth, json!({"user_name": "leyla", "password": CHOSEN})).await??;
    assert_eq!(tried(&fourth).await?, [Code::CodeUsed; 2]);
    assert_eq!(code(look_at_code(&url, "no code").await?), Code::UnknownCode);
    assert_eq!(code(look_at_code(&url, "2222-2222-2222-2222").await?), Code::UnknownCode);
    Ok(())
}

#[tokio::test]
async fn of_two_uses_of_one_code_at_once_one_succeeds() -> Outcome<()> {
    let (server, mut school, admin) = administrator().await?;
    let url = server.url();
    let leyla = newcomer(&mut school, "Leyla").await?;
    let invited = code_for(&admin, leyla).await?;
    let given = json!({"user_name": "leyla", "password": CHOSEN});
    let (one, other) = tokio::join!(use_code(&url, &invited, given.clone()), use_code(&url, &invited, given));
    let refused: Vec<Code> = [one?, other?].into_iter().filter_map(|answer| answer.err().map(|problem| problem.code)).collect();
    assert_eq!(refused, [Code::CodeUsed]);
    assert_eq!(school.count("devices").await?, 2, "the administrator's and one of hers");
    Ok(())
}

#[tokio::test]
async fn a_refused_use_leaves_the_code_working() -> Outcome<()> {
    let (server, mut school, admin) = administrator().await?;
    let url = server.url();
    let leyla = newcomer(&mut school, "Leyla").await?;
    let invited = code_for(&admin, leyla).await?;
    let long = "x".repeat(1_025);
    for (given, expected, field) in [
        (json!({"user_name": "leyla", "password": "seven77"}), Code::PasswordTooShort, "password"),
        (json!({"user_name": "leyla", "password": ""}), Code::PasswordTooShort, "password"),
        (json!({"user_name": "leyla", "password": long}), Code::BadValue, "password"),
        (json!({"password": CHOSEN}), Code::MissingValue, "user_name"),
        (json!({"user_name": " ", "password": CHOSEN}), Code::MissingValue, "user_name"),
        (json!({"user_name": "a\u{0}b", "password": CHOSEN}), Code::BadValue, "user_name"),
        (json!({"user_name": "x".repeat(151), "password": CHOSEN}), Code::BadValue, "user_name"),
        (json!({"user_name": "VUSAL", "password": CHOSEN}), Code::Taken, "user_name"),
    ] {
        assert_eq!(fields(use_code(&url, &invited, given.clone()).await?), (expected, vec![field.to_owned()]), "{given}");
    }
    let foreign = json!({"user_name": "leyla", "password": CHOSEN, "device": {"id": admin.device}});
    assert_eq!(code(use_code(&url, &invited, foreign).await?), Code::DeviceNotYours);
    assert_eq!(school.column("users", leyla, "password_hash").await?, Value::Null);
    use_code(&url, &invited, json!({"user_name": "leyla", "password": CHOSEN})).await??;
    Ok(())
}

#[tokio::test]
async fn many_are_invited_at_once_and_those_with_a_password_are_left_out() -> Outcome<()> {
    let (server, mut school, admin) = administrator().await?;
    let aysel = school.person("learner", "aysel").await?;
    let mut people = vec![aysel];
    for number in 0..60 {
        people.push(newcomer(&mut school, &format!("Pupil {number}")).await?);
    }
    let made = invite(&admin, &people, false).await??;
    assert_eq!(made["left_out"], json!([aysel]));
    let invitations = made["invitations"].as_array().ok_or("a list")?;
    let invited: Vec<&Value> = invitations.iter().map(|invitation| &invitation["user_id"]).collect();
    assert_eq!(json!(invited), json!(people[1..]), "in the order of the request");
    let codes: std::collections::BTreeSet<&str> = invitations.iter().filter_map(|invitation| invitation["code"].as_str()).collect();
    assert_eq!(codes.len(), 60);
    Caller::sign_in(&server.url(), "aysel").await?;
    assert_eq!(listed(&admin, "").await??["invitations"].as_array().map(Vec::len), Some(60));
    Ok(())
}

#[tokio::test]
async fn a_reset_stops_the_old_password_at_once_and_ends_every_session() -> Outcome<()> {
    let (server, mut school, admin) = administrator().await?;
    let url = server.url();
    let aysel = school.person("learner", "aysel").await?;
    let mut laptop = Caller::sign_in(&url, "aysel").await?;
    laptop.pull().await?;
    let mut pokes = laptop.live().await?;
    let invited = code_for(&admin, aysel).await?;
    pokes.ended().await?;
    assert_eq!(code(laptop.ask_page().await?), Code::SessionEnded);
    assert_eq!(code(refresh(&url, &laptop.refresh_token).await?), Code::SessionEnded);
    assert_eq!(code(sign_in(&url, "aysel", "waystation", json!({})).await?), Code::WrongPassword);
    let device = json!({"id": laptop.device, "name": "test", "platform": "test"});
    let again = use_code(&url, &invited, json!({"user_name": "ignored", "password": CHOSEN, "device": device})).await??;
    assert_eq!((&again["device_id"], &again["user"]["user_name"]), (&json!(laptop.device), &json!("aysel")));
    assert_eq!(again["recovery_secret"], laptop.signed_in["recovery_secret"], "it opens the laptop's database");
    let who = "SELECT jsonb_agg(to_jsonb(a.user_id) ORDER BY a.number) FROM audit_logs a WHERE a.entity = 'users' AND a.op = 'update'";
    assert_eq!(school.value(who).await?, json!([admin.user, aysel]), "the log says who reset the password and who chose the next");
    Ok(())
}

#[tokio::test]
async fn only_administrators_invite_people_of_their_own_organization() -> Outcome<()> {
    let (server, mut school, admin) = administrator().await?;
    let url = server.url();
    let leyla = newcomer(&mut school, "Leyla").await?;
    for role in ["instructor", "teacher", "learner", "parent"] {
        school.person(role, role).await?;
        let caller = Caller::sign_in(&url, role).await?;
        assert_eq!(code(invite(&caller, &[leyla], false).await?), Code::NotAllowed, "{role}");
        assert_eq!(code(listed(&caller, "").await?), Code::NotAllowed, "{role}");
        let answer = caller.request(Method::DELETE, &format!("/v1/invitations/{}", Uuid::now_v7())).send().await?;
        assert_eq!(code(read::<Value>(answer).await?), Code::NotAllowed, "{role}");
    }
    let mut other = School::create(server.database()).await?;
    other.person("admin", "boss").await?;
    let boss = Caller::sign_in(&url, "boss").await?;
    let invited = code_for(&admin, leyla).await?;
    assert_eq!(fields(invite(&boss, &[leyla], true).await?), (Code::NotFound, vec![leyla.to_string()]));
    assert_eq!(listed(&boss, &format!("?user_id={leyla}")).await??["invitations"], json!([]));
    let id = listed(&admin, "").await??["invitations"][0]["id"].as_str().ok_or("no id")?.to_owned();
    for unknown in [id, Uuid::now_v7().to_string(), "nonsense".to_owned()] {
        let answer = boss.request(Method::DELETE, &format!("/v1/invitations/{unknown}")).send().await?;
        assert_eq!(code(read::<Value>(answer).await?), Code::NotFound, "{unknown}");
    }
    look_at_code(&url, &invited).await??;
    Ok(())
}

#[tokio::test]
async fn bad_requests_invite_nobody() -> Outcome<()> {
    let (_server, mut school, admin) = administrator().await?;
    let leyla = newcomer(&mut school, "Leyla").await?;
    let gone = newcomer(&mut school, "Gone").await?;
    school.run(format!("UPDATE users SET deleted_at = now() WHERE id = '{gone}'")).await?;
    let nobody = Uuid::now_v7();
    assert_eq!(fields(invite(&admin, &[], false).await?), (Code::BadValue, vec!["people".to_owned()]));
    let many: Vec<Uuid> = (0..501).map(|_| Uuid::now_v7()).collect();
    assert_eq!(code(invite(&admin, &many, false).await?), Code::BadValue);
    assert_eq!(fields(invite(&admin, &[leyla, nobody], false).await?), (Code::NotFound, vec![nobody.to_string()]));
    assert_eq!(fields(invite(&admin, &[leyla, gone], false).await?), (Code::AccountClosed, vec![gone.to_string()]));
    assert_eq!(code(invite(&admin, &[leyla, admin.user], true).await?), Code::NotAllowed, "the own account");
    assert_eq!(code(admin.post::<Value>("/v1/invitations", &json!({"people": ["x"]})).await?), Code::BadRequest);
    assert_eq!(code(listed(&admin, "?user_id=x").await?), Code::BadRequest);
    assert_eq!(school.count("invitations").await?, 0);
    assert_eq!(invite(&admin, &[leyla, leyla], false).await??["invitations"].as_array().map(Vec::len), Some(1), "named twice");
    Ok(())
}

#[tokio::test]
async fn the_organizations_setting_says_for_how_many_days_a_code_works() -> Outcome<()> {
    let (_server, mut school, admin) = administrator().await?;
    let leyla = newcomer(&mut school, "Leyla").await?;
    for (setting, days) in
        [("{}", 14), (r#"{"invitation_days": 3}"#, 3), (r#"{"invitation_days": 91}"#, 14), (r#"{"invitation_days": "x"}"#, 14)]
    {
        school.run(format!("UPDATE organizations SET settings = '{setting}'")).await?;
        code_for(&admin, leyla).await?;
        let lasts = "SELECT to_jsonb(extract(day FROM expires_at - made_at)::int) FROM invitations WHERE revoked_at IS NULL";
        assert_eq!(school.value(lasts).await?, json!(days), "{setting}");
    }
    Ok(())
}

#[tokio::test]
async fn a_code_of_a_closed_account_or_a_suspended_organization_waits() -> Outcome<()> {
    let (server, mut school, admin) = administrator().await?;
    let url = server.url();
    let leyla = newcomer(&mut school, "Leyla").await?;
    school.run(format!("UPDATE users SET status = 'pending' WHERE id = '{leyla}'")).await?;
    let invited = code_for(&admin, leyla).await?;
    for (close, open, expected) in [
        ("UPDATE users SET status = 'suspended'", "UPDATE users SET status = 'pending'", Code::AccountClosed),
        ("UPDATE organizations SET status = 'suspended'", "UPDATE organizations SET status = 'active'", Code::OrganizationSuspended),
    ] {
        school.run(close).await?;
        assert_eq!(code(look_at_code(&url, &invited).await?), expected);
        assert_eq!(code(use_code(&url, &invited, json!({"user_name": "leyla", "password": CHOSEN})).await?), expected);
        school.run(open).await?;
    }
    use_code(&url, &invited, json!({"user_name": "leyla", "password": CHOSEN})).await??;
    assert_eq!(school.column("users", leyla, "status").await?, "active", "a pending account is open from here on");
    Ok(())
}

#[tokio::test]
async fn wrong_codes_run_out_and_a_right_one_gives_the_attempts_back() -> Outcome<()> {
    let (server, mut school, admin) = administrator().await?;
    let url = server.url();
    let leyla = newcomer(&mut school, "Leyla").await?;
    let invited = code_for(&admin, leyla).await?;
    for _ in 0..3 {
        for _ in 0..7 {
            assert_eq!(code(look_at_code(&url, "2222-2222-2222-2222").await?), Code::UnknownCode);
        }
        look_at_code(&url, &invited).await??;
    }
    let mut last = Code::UnknownCode;
    for _ in 0..30 {
        last = code(look_at_code(&url, "2222-2222-2222-2222").await?);
        if last != Code::UnknownCode {
            break;
        }
    }
    assert_eq!(last, Code::TooManyAttempts);
    assert_eq!(code(use_code(&url, &invited, json!({"user_name": "leyla", "password": CHOSEN})).await?), Code::TooManyAttempts);
    Caller::sign_in(&url, "vusal").await?;
    Ok(())
}
