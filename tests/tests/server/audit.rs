//! The audit log has every change by anybody, keeps it, and is shown to administrators alone.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;
use waystation_model::Code;
use waystation_model::wire::{HistoryAnswer, Outcome as MutationOutcome};
use waystation_tests::Outcome;
use waystation_tests::caller::{Caller, code, put, read};
use waystation_tests::school::open;

async fn history(
    caller: &Caller,
    entity: &str,
    id: Uuid,
    before: Option<i64>,
) -> Outcome<Result<HistoryAnswer, waystation_model::Problem>> {
    let query = before.map(|number| format!("?before={number}")).unwrap_or_default();
    let answer = caller.request(Method::GET, &format!("/v1/history/{entity}/{id}{query}")).send().await?;
    read(answer).await
}

#[tokio::test]
async fn changes_by_laptops_and_by_plain_sql_are_in_the_history() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let admin_id = school.person("admin", "vusal").await?;
    let mut admin = Caller::sign_in(&server.url(), "vusal").await?;
    let station = Uuid::now_v7();
    let made = put("stations").id(station).set("name", "Quba").set("code", "Q-1");
    assert_eq!(admin.push_one(made).await?, MutationOutcome::Applied);
    assert!(matches!(
        admin.push_one(put("stations").id(station).set("name", "Quba 2")).await?,
        MutationOutcome::Applied | MutationOutcome::Merged
    ));
    school.run(format!("UPDATE stations SET phone = '+994 12' WHERE id = '{station}'")).await?;
    school.run(format!("UPDATE stations SET phone = '+994 12' WHERE id = '{station}'")).await?;
    school.run(format!("DELETE FROM stations WHERE id = '{station}'")).await?;
    let told = history(&admin, "stations", station, None).await?.map_err(|problem| problem.message)?;
    let ops: Vec<&str> = told.entries.iter().map(|entry| entry.op.as_str()).collect();
    assert_eq!(ops, ["delete", "update", "update", "insert"], "a change of nothing is none");
    let [gone, phoned, renamed, made] = told.entries.as_slice() else { return Err("four entries".into()) };
    assert_eq!((made.user_id, made.device_id), (Some(admin_id), Some(admin.device)));
    assert_eq!(made.after.as_ref().map(|row| row["code"].clone()), Some(json!("Q-1")));
    assert_eq!((renamed.before.clone(), renamed.after.clone()), (Some(json!({"name": "Quba"})), Some(json!({"name": "Quba 2"}))));
    assert_eq!((phoned.user_id, phoned.before.clone()), (None, Some(json!({"phone": null}))), "plain SQL names no person");
    assert!(phoned.program.contains(' '), "but a role and a program: {}", phoned.program);
    assert_eq!((gone.after.clone(), gone.before.as_ref().map(|row| row["name"].clone())), (None, Some(json!("Quba 2"))));
    Ok(())
}

#[tokio::test]
async fn only_administrators_of_the_organization_read_it() -> Outcome<()> {
    let (server, mut school) = open().await?;
    school.person("admin", "vusal").await?;
    school.person("instructor", "rauf").await?;
    let station = school.insert("stations", json!({"name": "Quba"})).await?;
    let admin = Caller::sign_in(&server.url(), "vusal").await?;
    let instructor = Caller::sign_in(&server.url(), "rauf").await?;
    assert_eq!(code(history(&instructor, "stations", station, None).await?), Code::NotAllowed);
    assert_eq!(code(history(&admin, "nothing", station, None).await?), Code::UnknownEntity);
    assert_eq!(code(history(&admin, "conflicts", station, None).await?), Code::UnknownEntity);
    let (other, theirs) = (Uuid::now_v7(), Uuid::now_v7());
    let insert = format!(
        "INSERT INTO organizations (id, organization_id, name, slug, status) VALUES ('{other}', '{other}', 'Other', '{other}', 'active');
         INSERT INTO stations (id, organization_id, name) VALUES ('{theirs}', '{other}', 'Theirs')"
    );
    school.run(insert).await?;
    let unseen = history(&admin, "stations", theirs, None).await?.map_err(|problem| problem.message)?;
    assert_eq!((unseen.entries.len(), unseen.next), (0, None), "as a row that never was");
    assert_eq!(history(&admin, "stations", station, None).await?.map_err(|problem| problem.message)?.entries.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_long_history_comes_in_parts() -> Outcome<()> {
    let (server, mut school) = open().await?;
    school.person("admin", "vusal").await?;
    let admin = Caller::sign_in(&server.url(), "vusal").await?;
    let station = school.insert("stations", json!({"name": "Quba 0"})).await?;
    let rename =
        format!("DO $$ BEGIN FOR n IN 1..149 LOOP UPDATE stations SET name = 'Quba ' || n WHERE id = '{station}'; END LOOP; END $$");
    school.run(rename).await?;
    let first = history(&admin, "stations", station, None).await?.map_err(|problem| problem.message)?;
    let rest = history(&admin, "stations", station, first.next).await?.map_err(|problem| problem.message)?;
    assert_eq!((first.entries.len(), rest.entries.len(), rest.next), (100, 50, None));
    assert!(first.entries.iter().chain(&rest.entries).map(|entry| entry.number).is_sorted_by(|newer, older| newer > older));
    Ok(())
}

#[tokio::test]
async fn nobody_changes_what_is_in_it() -> Outcome<()> {
    let (_server, mut school) = open().await?;
    school.insert("stations", json!({"name": "Quba"})).await?;
    for sql in ["UPDATE audit_logs SET op = 'delete'", "DELETE FROM audit_logs", "TRUNCATE audit_logs"] {
        let refused = school.run(sql).await.map_err(|error| error.to_string());
        assert!(refused.is_err_and(|error| error.contains("append-only")), "{sql}");
    }
    Ok(())
}

#[tokio::test]
async fn every_table_is_audited_or_says_why_not() -> Outcome<()> {
    let (_server, mut school) = open().await?;
    for entity in waystation_model::registry::all() {
        let triggers = school
            .value(format!("SELECT count(*) FROM pg_trigger WHERE tgrelid = '{}'::regclass AND tgname LIKE 'audit_%'", entity.name))
            .await?;
        let wanted: Value = if entity.record.unaudited.is_some() { json!(0) } else { json!(3) };
        assert_eq!(triggers, wanted, "{}", entity.name);
    }
    Ok(())
}

#[tokio::test]
async fn secrets_are_masked_and_their_change_is_named() -> Outcome<()> {
    let (server, mut school) = open().await?;
    school.person("admin", "vusal").await?;
    let aysel = school.person("learner", "aysel").await?;
    let admin = Caller::sign_in(&server.url(), "vusal").await?;
    school.run(format!("UPDATE users SET password_hash = '$2b$04$guess' WHERE id = '{aysel}'")).await?;
    school.run(format!("UPDATE users SET password_hash = NULL WHERE id = '{aysel}'")).await?;
    let told = history(&admin, "users", aysel, None).await?.map_err(|problem| problem.message)?;
    let changed = |value: Value| Some(json!({"password_hash": value}));
    let [cleared, replaced, made] = told.entries.as_slice() else { return Err("three entries".into()) };
    assert_eq!((&cleared.before, &cleared.after), (&changed(json!("secret")), &changed(Value::Null)));
    assert_eq!((&replaced.before, &replaced.after), (&changed(json!("secret")), &changed(json!("secret"))));
    assert_eq!(made.after.as_ref().map(|row| row["password_hash"].clone()), Some(json!("secret")));
    let kept = "SELECT to_jsonb(count(*)) FROM audit_logs WHERE concat(before, after) ~ '[$](argon2id|2b)[$]'";
    assert_eq!(school.value(kept).await?, json!(0));
    let device = history(&admin, "devices", admin.device, None).await?.map_err(|problem| problem.message)?;
    assert_eq!(device.entries[0].after.as_ref().map(|row| row["recovery_secret"].clone()), Some(json!("secret")));
    Ok(())
}
