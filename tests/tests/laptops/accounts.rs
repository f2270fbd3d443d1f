//! Accounts from nothing, on real laptops: codes, passwords, and what happens to a laptop meanwhile.

use serde_json::{Value, json};
use sync_server::database::connect;
use sync_server::organizations::{NewOrganization, add, reset_password, resume, suspend};
use waystation_model::Code;
use waystation_tests::Outcome;
use waystation_tests::caller::PASSWORD;
use waystation_tests::cluster::Cluster;
use waystation_tests::laptop::Laptop;
use waystation_tests::school::{School, open};
use waystation_tests::server::LocalServer;

const NEXT: &str = "another password";

async fn teacher() -> Outcome<(LocalServer, School, Laptop)> {
    let (server, mut school) = open().await?;
    school.run("UPDATE organizations SET slug = 'school'").await?;
    school.person("teacher", "nigar").await?;
    let laptop = Laptop::of("nigar", &server.url()).await?;
    Ok((server, school, laptop))
}

async fn profile_with(laptop: &Laptop, phone: &str) -> Outcome<()> {
    laptop.call("edit_profile", json!({"phone": phone, "company": "", "position": "", "bio": "", "language": ""})).await?;
    Ok(())
}

async fn unlock(laptop: &Laptop, password: &str) -> Result<Value, waystation_model::Problem> {
    let start = laptop.call("start", json!({})).await?;
    laptop.call("unlock", json!({"user_id": start["people"][0]["user_id"], "password": password})).await
}

#[tokio::test]
async fn an_organization_begins_with_a_command_a_code_and_a_window_that_survives_restarts() -> Outcome<()> {
    let database = Cluster::shared().await?.database().await?;
    let server = LocalServer::start(&database).await?;
    let pool = connect(database.url(), 2).await?;
    let new = NewOrganization {
        name: "Caspian Fuel".into(),
        slug: "caspian-fuel".into(),
        time_zone: "Asia/Baku".into(),
        currency: "AZN".into(),
        admin: "Gülnar Əliyeva".into(),
        user_name: None,
    };
    let pasted = add(&pool, &new).await?.code.to_lowercase().replace('-', " ");
    let laptop = Laptop::new().await?;
    let seen = laptop.call("look_at_code", json!({"server": server.url(), "code": pasted})).await?;
    assert_eq!(
        (&seen["full_name"], &seen["organization_name"], &seen["user_name"]),
        (&json!("Gülnar Əliyeva"), &json!("Caspian Fuel"), &Value::Null)
    );
    let form = json!({"server": server.url(), "code": pasted, "user_name": "gulnar", "password": PASSWORD});
    let person = laptop.call("sign_in_with_code", form.clone()).await?;
    assert_eq!(
        (&person["user_name"], &person["role"], &person["organization_name"]),
        (&json!("gulnar"), &json!("admin"), &json!("Caspian Fuel"))
    );
    laptop.wait_until_synced().await?;
    let steps = json!({"people": false, "groups": false, "stations": false, "courses": false});
    laptop.until("home", json!({}), |home| home["first_steps"] == steps).await?;
    let save = json!({"table": "users", "rows": [{"id": null, "fields": {"full_name": "Leyla Əliyeva", "role": "learner"}}]});
    let leyla = laptop.call("save_records", save).await?["ids"][0].clone();
    laptop.wait_until_synced().await?;

    let server = server.restart().await?;
    let laptop = laptop.restart().await?;
    laptop.until("home", json!({}), |home| home["first_steps"]["people"] == true).await?;
    laptop.wait_until_synced().await?;
    let made = laptop.call("invite", json!({"people": [leyla], "reset_passwords": false})).await?;
    let code = made["invitations"][0]["code"].clone();
    let pupil = Laptop::new().await?;
    let again = pupil.call("sign_in_with_code", form).await;
    assert_eq!(again.map(|person| person["user_name"].clone())?, json!("gulnar"), "a code whose answer was lost: the password is chosen");
    let other = json!({"server": server.url(), "code": code, "user_name": "leyla", "password": NEXT});
    assert_eq!(pupil.call("sign_in_with_code", other).await?["full_name"], "Leyla Əliyeva");
    let listed = laptop.call("invitations_of", json!({"id": leyla})).await?;
    assert!(listed[0]["used_at"].is_i64(), "{listed}");
    Ok(())
}

#[tokio::test]
async fn a_used_code_with_another_password_says_that_it_was_used() -> Outcome<()> {
    let (server, _school, laptop) = teacher().await?;
    let pool = connect(server.database().url(), 2).await?;
    let code = reset_password(&pool, "school", "nigar").await?.code;
    let form = |password: &str| json!({"server": server.url(), "code": code, "user_name": "nigar", "password": password});
    laptop.call("sign_in_with_code", form(NEXT)).await?;
    let elsewhere = Laptop::new().await?;
    let refused = elsewhere.call("sign_in_with_code", form("a third password")).await;
    assert_eq!(refused.expect_err("used").code, Code::CodeUsed);
    Ok(())
}

#[tokio::test]
async fn a_laptop_that_was_offline_when_its_password_was_reset_keeps_and_sends_its_work() -> Outcome<()> {
    let (server, mut school, laptop) = teacher().await?;
    let port = server.server().address().port();
    let database = server.database().clone();
    server.stop().await;
    profile_with(&laptop, "+994 50").await?;
    let pool = connect(database.url(), 2).await?;
    let code = reset_password(&pool, "school", "nigar").await?.code;
    laptop.call("lock", json!({})).await?;
    unlock(&laptop, PASSWORD).await?;
    let server = LocalServer::start_on(&database, port).await?;
    let status = laptop.until("sync_status", json!({}), |status| status["signed_out"] == true).await?;
    assert_eq!(status["waiting"], 1);
    profile_with(&laptop, "+994 51").await?;
    laptop.call("lock", json!({})).await?;
    unlock(&laptop, PASSWORD).await?;
    let form = json!({"server": server.url(), "code": code, "user_name": "nigar", "password": NEXT});
    laptop.call("sign_in_with_code", form).await?;
    laptop.wait_until_synced().await?;
    assert_eq!(school.value("SELECT phone FROM user_profiles").await?, "+994 51");
    assert_eq!(school.count("devices").await?, 1, "the same device goes on");
    laptop.call("lock", json!({})).await?;
    assert_eq!(unlock(&laptop, PASSWORD).await.expect_err("the old one").code, Code::CannotUnlock);
    unlock(&laptop, NEXT).await?;
    Ok(())
}

#[tokio::test]
async fn a_password_changed_on_one_laptop_opens_the_other_after_a_sign_in() -> Outcome<()> {
    let (server, _school, one) = teacher().await?;
    let other = Laptop::of("nigar", &server.url()).await?;
    other.call("lock", json!({})).await?;
    let change = |old: &str, new: &str| json!({"old_password": old, "new_password": new, "end_other_sessions": true});
    assert_eq!(one.call("change_password", change("wrong", NEXT)).await.expect_err("wrong").code, Code::WrongPassword);
    assert_eq!(one.call("change_password", change(PASSWORD, "short")).await.expect_err("short").code, Code::PasswordTooShort);
    one.call("change_password", change(PASSWORD, NEXT)).await?;
    one.wait_until_synced().await?;
    one.call("lock", json!({})).await?;
    assert_eq!(unlock(&one, PASSWORD).await.expect_err("the old one").code, Code::CannotUnlock);
    unlock(&one, NEXT).await?;
    unlock(&other, PASSWORD).await?;
    other.until("sync_status", json!({}), |status| status["signed_out"] == true).await?;
    other.call("sign_in", json!({"server": server.url(), "name": "nigar", "password": NEXT})).await?;
    other.wait_until_synced().await?;
    other.call("lock", json!({})).await?;
    unlock(&other, NEXT).await?;
    let sessions = one.call("own_sessions", json!({})).await?;
    let of_other = sessions.as_array().into_iter().flatten().find(|session| session["is_this"] == false).ok_or("no session")?;
    one.call("end_session", json!({"id": of_other["id"]})).await?;
    other.until("sync_status", json!({}), |status| status["signed_out"] == true).await?;
    one.call("end_other_sessions", json!({})).await?;
    assert_eq!(one.call("own_sessions", json!({})).await?.as_array().map(Vec::len), Some(1));
    server.stop().await;
    assert_eq!(one.call("change_password", change(NEXT, PASSWORD)).await.expect_err("offline").code, Code::Offline);
    one.call("lock", json!({})).await?;
    unlock(&one, NEXT).await?;
    Ok(())
}

#[tokio::test]
async fn a_laptop_of_a_suspended_organization_keeps_its_work_says_why_and_goes_on() -> Outcome<()> {
    let (server, mut school, laptop) = teacher().await?;
    let pool = connect(server.database().url(), 2).await?;
    suspend(&pool, "school").await?;
    laptop.until("sync_status", json!({}), |status| status["problem"] == "organization_suspended").await?;
    profile_with(&laptop, "+994 50").await?;
    let status = laptop.until("sync_status", json!({}), |status| status["waiting"] == 1 && status["busy"] == false).await?;
    assert_eq!((&status["problem"], &status["signed_out"]), (&json!("organization_suspended"), &json!(false)));
    laptop.call("lock", json!({})).await?;
    let refused = laptop.call("sign_in", json!({"server": server.url(), "name": "nigar", "password": PASSWORD})).await;
    assert_eq!(refused.expect_err("suspended").code, Code::OrganizationSuspended);
    let laptop = laptop.restart().await?;
    laptop.until("sync_status", json!({}), |status| status["problem"] == "organization_suspended").await?;
    resume(&pool, "school").await?;
    laptop.call("sync_now", json!({})).await?;
    laptop.wait_until_synced().await?;
    assert_eq!(school.value("SELECT phone FROM user_profiles").await?, "+994 50");
    Ok(())
}

#[tokio::test]
async fn an_invitation_is_revoked_from_a_laptop_and_only_administrators_invite() -> Outcome<()> {
    let (server, mut school, teacher) = teacher().await?;
    let leyla = school.person("learner", "leyla").await?;
    school.person("admin", "boss").await?;
    let boss = Laptop::of("boss", &server.url()).await?;
    let invite = json!({"people": [leyla], "reset_passwords": true});
    assert_eq!(teacher.call("invite", invite.clone()).await.expect_err("a teacher").code, Code::NotAllowed);
    let made = boss.call("invite", invite).await?;
    boss.call("revoke_invitation", json!({"id": made["invitations"][0]["id"]})).await?;
    let look = json!({"server": server.url(), "code": made["invitations"][0]["code"]});
    assert_eq!(boss.call("look_at_code", look).await.expect_err("revoked").code, Code::CodeRevoked);
    assert_eq!(boss.call("invite", json!({"people": ["x"], "reset_passwords": false})).await.expect_err("no id").code, Code::BadRequest);
    Ok(())
}
