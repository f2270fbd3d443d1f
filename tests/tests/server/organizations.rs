//! What the operator does with organizations: `sync-server organization …`.

use std::process::Output;

use serde_json::{Value, json};
use sync_server::database::connect;
use sync_server::organizations::{NewOrganization, OrganizationError, add, list, rename, reset_password, resume, suspend};
use waystation_model::Code;
use waystation_tests::caller::{Caller, code, look_at_code, refresh, sign_in, use_code};
use waystation_tests::cluster::{Cluster, Database};
use waystation_tests::school::open;
use waystation_tests::server::LocalServer;
use waystation_tests::{Outcome, paths};

const CHOSEN: &str = "a chosen password";

fn caspian() -> NewOrganization {
    NewOrganization {
        name: " Caspian Fuel ".into(),
        slug: "caspian-fuel".into(),
        time_zone: "asia/baku".into(),
        currency: "azn".into(),
        admin: "Gülnar Əliyeva".into(),
        user_name: None,
    }
}

/// Runs the program as an operator does.
async fn program(database: &Database, arguments: &[&str]) -> Outcome<Output> {
    let mut command = tokio::process::Command::new(paths::program("sync-server")?);
    command
        .args(arguments)
        .env("DATABASE_URL", database.url())
        .env("WAYSTATION_TOKEN_SECRET", "x".repeat(32))
        .env("WAYSTATION_LOG", "error");
    Ok(command.output().await?)
}

#[tokio::test]
async fn the_command_makes_an_organization_and_its_administrator_signs_in_with_the_code() -> Outcome<()> {
    let database = Cluster::shared().await?.database().await?;
    let server = LocalServer::start(&database).await?;
    let arguments = "organization add --slug caspian-fuel --time-zone Asia/Baku --currency AZN --name";
    let mut arguments: Vec<&str> = arguments.split(' ').collect();
    arguments.extend(["Caspian Fuel", "--admin", "Gülnar Əliyeva"]);
    let ran = program(&database, &arguments).await?;
    let printed = String::from_utf8(ran.stdout)?;
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let line = printed.lines().find_map(|line| line.strip_prefix("one-time code: ")).ok_or("no code")?;
    let seen = look_at_code(&server.url(), line).await??;
    assert_eq!(
        (&seen["full_name"], &seen["organization_name"], &seen["user_name"]),
        (&json!("Gülnar Əliyeva"), &json!("Caspian Fuel"), &Value::Null)
    );
    let signed_in = use_code(&server.url(), line, json!({"user_name": "gulnar", "password": CHOSEN})).await??;
    assert_eq!(signed_in["user"]["role"], "admin");
    let mut admin = Caller::of(&server.url(), signed_in)?;
    admin.pull().await?;
    let again = program(&database, &arguments).await?;
    let error = String::from_utf8(again.stderr)?;
    assert!(!again.status.success() && error.contains("another organization has the slug"), "{error}");
    let listed = String::from_utf8(program(&database, &["organization", "list"]).await?.stdout)?;
    assert!(listed.lines().nth(1).is_some_and(|line| line.starts_with("caspian-fuel  active")), "{listed}");
    for (arguments, expected) in [
        (vec!["organization", "suspend", "--slug", "caspian-fuel"], "is suspended"),
        (vec!["organization", "resume", "--slug", "caspian-fuel"], "is resumed"),
        (vec!["organization", "rename", "--slug", "caspian-fuel", "--name", "Caspian"], "renamed"),
        (vec!["organization", "reset-password", "--slug", "caspian-fuel", "--user-name", "gulnar"], "one-time code: "),
    ] {
        let ran = program(&database, &arguments).await?;
        let printed = String::from_utf8(ran.stdout)?;
        assert!(ran.status.success() && printed.contains(expected), "{arguments:?}: {printed}");
    }
    let nothing = program(&database, &["organization", "rename", "--slug", "caspian-fuel"]).await?;
    assert!(!nothing.status.success(), "a new name or a new slug is needed");
    Ok(())
}

#[tokio::test]
async fn bad_arguments_have_clear_errors_and_make_nothing() -> Outcome<()> {
    let (server, mut school) = open().await?;
    school.person("learner", "aysel").await?;
    let pool = connect(server.database().url(), 2).await?;
    let changed = |change: fn(&mut NewOrganization)| {
        let mut new = caspian();
        change(&mut new);
        new
    };
    for (new, expected) in [
        (changed(|new| new.slug = "Caspian Fuel".into()), "is no slug"),
        (changed(|new| new.time_zone = "Asia/Bakuu".into()), "is no time zone"),
        (changed(|new| new.time_zone = "MSK".into()), "is no time zone"),
        (changed(|new| new.time_zone = String::new()), "is no time zone"),
        (changed(|new| new.currency = "manat".into()), "is no currency"),
        (changed(|new| new.name = " ".into()), "the organization's name needs"),
        (changed(|new| new.admin = String::new()), "the administrator's name needs"),
        (changed(|new| new.user_name = Some(" ".into())), "the user name needs"),
        (changed(|new| new.user_name = Some("AYSEL".into())), "another account signs in with"),
    ] {
        let refused = add(&pool, &new).await.expect_err("wrong on purpose").to_string();
        assert!(refused.contains(expected), "{refused}");
    }
    assert_eq!((school.count("organizations").await?, school.count("users").await?, school.count("invitations").await?), (1, 1, 0));
    let made = add(&pool, &caspian()).await?;
    assert_eq!((made.full_name.as_str(), made.user_name), ("Gülnar Əliyeva", None));
    assert!(matches!(add(&pool, &caspian()).await, Err(OrganizationError::SlugTaken(_))));
    let stored = school
        .value("SELECT jsonb_build_array(name, slug, status, time_zone, currency) FROM organizations WHERE slug LIKE 'caspian%'")
        .await?;
    assert_eq!(stored, json!(["Caspian Fuel", "caspian-fuel", "active", "Asia/Baku", "AZN"]));
    for refused in [
        suspend(&pool, "nobody").await,
        resume(&pool, "nobody").await,
        rename(&pool, "nobody", Some("x"), None).await,
        reset_password(&pool, "nobody", "x").await.map(drop),
    ] {
        assert!(matches!(refused, Err(OrganizationError::NoOrganization(_))));
    }
    assert!(matches!(rename(&pool, "caspian-fuel", None, Some("Bad Slug")).await, Err(OrganizationError::BadSlug(_))));
    let taken = school.column("organizations", school.organization, "slug").await?;
    let taken = taken.as_str().ok_or("no slug")?.to_owned();
    assert!(matches!(rename(&pool, "caspian-fuel", None, Some(&taken)).await, Err(OrganizationError::SlugTaken(_))));
    assert!(
        matches!(reset_password(&pool, "caspian-fuel", "aysel").await, Err(OrganizationError::NoAccount(_))),
        "of another organization"
    );
    Ok(())
}

#[tokio::test]
async fn a_database_without_the_schema_is_named() -> Outcome<()> {
    let database = Cluster::shared().await?.empty_database().await?;
    let pool = connect(database.url(), 1).await?;
    assert!(matches!(add(&pool, &caspian()).await, Err(OrganizationError::NotMigrated)));
    assert!(matches!(list(&pool).await, Err(OrganizationError::NotMigrated)));
    Ok(())
}

#[tokio::test]
async fn a_suspended_organization_is_refused_at_once_and_goes_on_when_it_is_resumed() -> Outcome<()> {
    let (server, mut school) = open().await?;
    school.person("teacher", "nigar").await?;
    let (url, pool) = (server.url(), connect(server.database().url(), 2).await?);
    let mut caller = Caller::sign_in(&url, "nigar").await?;
    caller.pull().await?;
    let slug = school.column("organizations", school.organization, "slug").await?;
    let slug = slug.as_str().ok_or("no slug")?.to_owned();
    let mut pokes = caller.live().await?;
    for _ in 0..2 {
        suspend(&pool, &slug).await?;
    }
    pokes.ended().await?;
    assert_eq!(code(caller.send(&caller.push_of(vec![])).await?), Code::OrganizationSuspended);
    assert_eq!(code(caller.ask_page().await?), Code::OrganizationSuspended);
    assert_eq!(code(refresh(&url, &caller.refresh_token).await?), Code::OrganizationSuspended);
    assert_eq!(code(sign_in(&url, "nigar", "waystation", json!({})).await?), Code::OrganizationSuspended);
    assert_eq!(list(&pool).await?[0].status, "suspended");
    for _ in 0..2 {
        resume(&pool, &slug).await?;
    }
    caller.pull().await?;
    refresh(&url, &caller.refresh_token).await??;
    rename(&pool, &slug, Some("Another name"), Some("another-slug")).await?;
    rename(&pool, "another-slug", Some("Another name"), None).await?;
    let listed = list(&pool).await?;
    assert_eq!(
        (listed[0].name.as_str(), listed[0].slug.as_str(), listed[0].people, listed[0].with_password),
        ("Another name", "another-slug", 1, 1)
    );
    caller.pull().await?;
    Ok(())
}

#[tokio::test]
async fn a_closed_organization_cannot_be_resumed() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let pool = connect(server.database().url(), 2).await?;
    school.run("UPDATE organizations SET status = 'closed', slug = 'closed-one'").await?;
    assert!(matches!(resume(&pool, "closed-one").await, Err(OrganizationError::NoOrganization(_))));
    assert!(matches!(suspend(&pool, "closed-one").await, Err(OrganizationError::NoOrganization(_))));
    Ok(())
}

#[tokio::test]
async fn the_operator_lets_somebody_in_who_lost_the_password() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let vusal = school.person("admin", "vusal").await?;
    school
        .run(format!("UPDATE organizations SET slug = 'school'; UPDATE users SET email = 'Vusal@Example.az' WHERE id = '{vusal}'"))
        .await?;
    let pool = connect(server.database().url(), 2).await?;
    let invitation = reset_password(&pool, "school", "vusal@example.az").await?;
    assert_eq!((invitation.user_id, invitation.user_name.as_deref()), (vusal, Some("vusal")));
    assert_eq!(code(sign_in(&server.url(), "vusal", "waystation", json!({})).await?), Code::WrongPassword);
    use_code(&server.url(), &invitation.code, json!({"password": CHOSEN})).await??;
    school.run(format!("UPDATE users SET status = 'suspended' WHERE id = '{vusal}'")).await?;
    assert!(matches!(reset_password(&pool, "school", "vusal").await, Err(OrganizationError::AccountClosed(_))));
    Ok(())
}
