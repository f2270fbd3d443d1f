//! Row-level security: a query that forgets to compare the organization shows nothing of another one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use bytes::Bytes;
use reqwest::Method;
use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use sync_server::Server;
use sync_server::tenant::Tenant;
use uuid::Uuid;
use waystation_model::registry::all;
use waystation_model::row_security::{BOUND_ROLE, POLICY, SERVER_TABLES, Tenancy, VIEWS, condition, tenancies};
use waystation_model::sql::{select_for_change, select_tuples};
use waystation_tests::caller::{Caller, put};
use waystation_tests::cluster::node::Node;
use waystation_tests::cluster::{Cluster, Database};
use waystation_tests::forgetful::{Comparison, ForgetfulConnection, spans};
use waystation_tests::program::Program;
use waystation_tests::school::School;
use waystation_tests::server::LocalServer;
use waystation_tests::{Outcome, paths, server};

/// In every text of the other organization.
const SECRET: &str = "secret";
/// What the table of a station's code suggests for `Q-1` when it sees that the other organization has `Q-1-2`.
const SUGGESTED_BESIDE_THEIRS: &str = "Q-1-3";
/// Comparisons without which the other organization's rows come out where no policy hides them. Behind the others stands another
/// condition that has the same effect, such as a foreign key.
const COMPARISONS_THAT_MATTER: usize = 7;
/// Sources that use the pool itself, as the owner of the tables, and why. Everything else goes through `App::tenant`.
const UNBOUND_SOURCES: &[(&str, &str)] = &[
    ("accounts/code_sign_in.rs", "a code is looked for before its organization is known"),
    ("accounts/imported.rs", "the kinds of all stored password hashes, at the start"),
    ("accounts/names.rs", "a name is looked for before its organization is known"),
    ("accounts/personal_tokens.rs", "a token is looked for before its organization is known"),
    ("accounts/renewal.rs", "a refresh token is looked for before its organization is known"),
    ("accounts/routes.rs", "signing in"),
    ("authority/postgres/mod.rs", "passes the pool on to withhold.rs"),
    ("authority/postgres/withhold.rs", "the feeds of all organizations"),
    ("awards/mod.rs", "finds the learners of all organizations once an hour"),
    ("backup/restore.rs", "a command of the operator"),
    ("bound_role.rs", "makes and checks the role"),
    ("database.rs", "the connection and the schema"),
    ("demo/mod.rs", "a command of the operator"),
    ("epoch.rs", "about the database as a whole"),
    ("instances.rs", "the heads of all organizations"),
    ("organizations/command.rs", "a command of the operator"),
    ("organizations/mod.rs", "a command of the operator"),
    ("records/idempotency.rs", "deletes the old keys of all organizations"),
    ("routes.rs", "whether the database answers"),
    ("server.rs", "starts and stops the server"),
    ("settle.rs", "about the database as a whole"),
    ("state.rs", "holds the pool"),
    ("tenant.rs", "binds its connections"),
    ("tombstones.rs", "deletes the old tombstones of all organizations"),
    ("uninterrupted.rs", "begins transactions"),
    ("verify.rs", "a command of the operator"),
];
/// Sources that use the pool and have queries of one organization's people as well, whose comparisons are tested.
const BOUND_TOO: &[&str] =
    &["accounts/personal_tokens.rs", "accounts/routes.rs", "authority/postgres/mod.rs", "awards/mod.rs", "records/idempotency.rs"];

/// Two organizations in one database, and people of the first one.
struct Two {
    database: Database,
    ours: School,
    theirs: Theirs,
    teacher: Uuid,
    colleague: Uuid,
    group: Uuid,
}

/// What the other organization has.
struct Theirs {
    person: Uuid,
    course: Uuid,
    group: Uuid,
    station: Uuid,
    invitation: Uuid,
    film: Bytes,
}

impl Two {
    async fn open() -> Outcome<Two> {
        let database = Cluster::shared().await?.database().await?;
        let mut school = School::create(&database).await?;
        let teacher = school.person("teacher", "secret teacher").await?;
        let person = school.person("learner", "secret learner").await?;
        let course = school.course(Some(teacher), "published", 1).await?.id;
        school.run(format!("UPDATE courses SET title = 'secret course' WHERE id = '{course}'")).await?;
        let group = school.group(teacher, &[person]).await?;
        let station = school.insert("stations", json!({"id": Uuid::now_v7(), "name": "secret station", "code": "Q-1-2"})).await?;
        let film = Bytes::from_static(b"secret film");
        let row = json!({"title": "secret film", "sha256": hash(&film), "size_bytes": film.len(), "status": "ready"});
        school.insert("media_assets", row).await?;
        let row = json!({"id": Uuid::now_v7(), "user_id": person, "code_hash": format!("\\x{}", hash(b"a code")), "made_at": "2026-01-01T00:00:00Z", "expires_at": "2040-01-01T00:00:00Z"});
        let invitation = school.insert("invitations", row).await?;
        let theirs = Theirs { person, course, group, station, invitation, film };

        let mut ours = School::create(&database).await?;
        ours.person("admin", "vusal").await?;
        let teacher = ours.person("teacher", "kamran").await?;
        let colleague = ours.person("teacher", "sabina").await?;
        let learner = ours.person("learner", "aysel").await?;
        let group = ours.group(teacher, &[learner]).await?;
        ours.insert("stations", json!({"id": Uuid::now_v7(), "name": "Quba", "code": "Q-1"})).await?;
        let course = ours.course(Some(teacher), "published", 1).await?;
        ours.enrol(learner, &course).await?;
        ours.run("UPDATE courses SET is_certified = true; UPDATE enrollments SET status = 'completed', completed_at = now()".to_owned())
            .await?;
        Ok(Two { database, ours, theirs, teacher, colleague, group })
    }

    /// Lets every role see every row, beside what the policies show.
    async fn show_everything(&mut self) -> Outcome<()> {
        let tables = tenancies().filter(|(_, tenancy)| !matches!(tenancy, Tenancy::Shared(_)));
        let sql: String = tables.map(|(name, _)| format!("CREATE POLICY everything ON {name} USING (true);")).collect();
        self.ours.run(sql).await
    }

    /// Everything that the first organization's people are told, over a server that forgets this comparison; and the comparisons of
    /// the queries behind it.
    async fn told(&mut self, forgotten: Option<&Comparison>) -> Outcome<(String, Vec<Comparison>)> {
        let connection = ForgetfulConnection::to(&self.database, forgotten.cloned()).await?;
        let server = LocalServer::start(connection.database()).await?;
        sync_server::content::store(server.server().app().files.as_ref(), &hash(&self.theirs.film), self.theirs.film.clone()).await?;
        let said = self.ask(&server).await?;
        server.stop().await;
        assert!(forgotten.is_none() || connection.was_executed(), "never asked without it: {forgotten:?}");
        Ok((said, connection.comparisons()))
    }

    async fn ask(&mut self, server: &LocalServer) -> Outcome<String> {
        self.ours
            .run(format!("DELETE FROM held_changes; UPDATE groups SET teacher_id = '{}' WHERE id = '{}'", self.teacher, self.group))
            .await?;
        let mut said = Vec::new();
        // A certificate is due.
        self.ours.run("DELETE FROM certificates".to_owned()).await?;
        sync_server::awards::give_all(server.server().app()).await?;
        said.push(self.ours.value("SELECT jsonb_agg(to_jsonb(c)) FROM certificates c").await?.to_string());
        let mut teacher = Caller::sign_in(&server.url(), "kamran").await?;
        said.push(serde_json::to_string(&teacher.ask_page().await?.map_err(|problem| problem.message)?)?);
        teacher.pull().await?;
        let mut admin = Caller::sign_in(&server.url(), "vusal").await?;
        let station = self.theirs.station;
        for path in [format!("/v1/history/stations/{station}"), format!("/v1/content/{}", hash(&self.theirs.film))] {
            said.push(admin.request(Method::GET, &path).send().await?.text().await?);
        }
        let taken = put("stations").id(Uuid::now_v7()).set("name", "Second").set("code", "Q-1");
        said.push(format!("{:?}", admin.push_one(taken).await?));
        said.push(format!("{:?}", admin.push_one(put("stations").id(station).on(1).set("name", "Ours")).await?));
        let theirs = json!({"people": [self.theirs.person], "reset_passwords": false});
        said.push(admin.request(Method::POST, "/v1/invitations").json(&theirs).send().await?.text().await?);
        said.push(admin.request(Method::GET, "/v1/invitations").send().await?.text().await?);
        let invitation = format!("/v1/invitations/{}", self.theirs.invitation);
        said.push(admin.request(Method::DELETE, &invitation).send().await?.text().await?);
        let program = Program::of(&admin, true).await?;
        for path in ["/v1/records/stations".to_owned(), format!("/v1/records/stations/{station}"), "/v1/records/courses".to_owned()] {
            said.push(program.request(Method::GET, &path).send().await?.text().await?);
        }
        // A mark about one of their people, by somebody who has lost the group: it is held with the person's name.
        self.ours.run(format!("UPDATE groups SET teacher_id = '{}' WHERE id = '{}'", self.colleague, self.group)).await?;
        let mark = put("attendance_records").link("group_id", self.group).link("student_id", self.theirs.person);
        let mark = mark.set("lesson_date", "2026-03-02").set("status", "late").link("marked_by", teacher.user).set("marked_at", 0);
        said.push(format!("{:?}", teacher.push_one(mark).await?));
        said.push(self.ours.value("SELECT jsonb_agg(h.person_name) FROM held_changes h").await?.to_string());
        said.push(serde_json::to_string(&admin.ask_page().await?.map_err(|problem| problem.message)?)?);
        Ok(said.join("\n"))
    }

    /// What of the other organization is in a text.
    fn found_in(&self, said: &str) -> Option<String> {
        let Theirs { course, group, .. } = self.theirs;
        let telling = [SECRET.to_owned(), SUGGESTED_BESIDE_THEIRS.to_owned(), course.to_string(), group.to_string()];
        telling.into_iter().find(|text| said.contains(text))
    }
}

fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// The server's sources by their path below its folder.
fn sources() -> Outcome<BTreeMap<String, String>> {
    fn read(folder: &Path, root: &Path, found: &mut BTreeMap<String, String>) -> Outcome<()> {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                read(&path, root, found)?;
            } else {
                let name = path.strip_prefix(root)?.to_string_lossy().replace('\\', "/");
                found.insert(name, std::fs::read_to_string(&path)?);
            }
        }
        Ok(())
    }
    let root = paths::root().join("sync-server/src");
    let mut found = BTreeMap::new();
    read(&root, &root, &mut found)?;
    Ok(found)
}

/// The comparisons of organizations in the sources of bound queries: the file and the text.
fn comparisons_in_sources() -> Outcome<BTreeSet<(String, String)>> {
    let is_bound = |name: &str| BOUND_TOO.contains(&name) || !UNBOUND_SOURCES.iter().any(|(unbound, _)| *unbound == name);
    let mut found = BTreeSet::new();
    for (name, text) in sources()?.into_iter().filter(|(name, _)| is_bound(name)) {
        let is_query = |from: usize| !text[..from].trim_end().ends_with("let");
        let texts = spans(&text).into_iter().filter(|(from, _)| is_query(*from)).map(|(from, upto)| text[from..upto].to_owned());
        found.extend(texts.map(|text| (name.clone(), text)));
    }
    Ok(found)
}

#[test]
fn only_listed_sources_use_the_pool_itself() -> Outcome<()> {
    let uses = |text: &String| text.contains(".pool") || text.contains("PgPool") || text.contains(".unbound()");
    let found: BTreeSet<String> = sources()?.into_iter().filter(|(_, text)| uses(text)).map(|(name, _)| name).collect();
    assert_eq!(found, UNBOUND_SOURCES.iter().map(|(name, _)| (*name).to_owned()).collect());
    Ok(())
}

#[tokio::test]
async fn a_query_that_forgets_the_organization_shows_nothing_of_another_one() -> Outcome<()> {
    let mut two = Two::open().await?;
    let (said, comparisons) = two.told(None).await?;
    assert_eq!(two.found_in(&said), None, "with all comparisons");
    assert!(said.contains("Q-1-2") && said.contains("Quba"), "the people are told of their own: {said}");

    // Every comparison of the sources is among those that were executed.
    let written = comparisons_in_sources()?;
    assert!(written.len() >= COMPARISONS_THAT_MATTER, "{written:?}");
    for (file, text) in &written {
        assert!(comparisons.iter().any(|comparison| comparison.text.starts_with(text)), "{file}: {text} is in no query of this test");
    }

    for comparison in &comparisons {
        let (said, _) = two.told(Some(comparison)).await?;
        assert_eq!(two.found_in(&said), None, "without {comparison:?}");
    }

    // Where nothing hides them, the other organization's rows do come out.
    let mut unprotected = Two::open().await?;
    unprotected.show_everything().await?;
    let (said, comparisons) = unprotected.told(None).await?;
    assert_eq!(unprotected.found_in(&said), None, "with all comparisons and no policy");
    let mut missed = Vec::new();
    for comparison in &comparisons {
        let (said, _) = unprotected.told(Some(comparison)).await?;
        if unprotected.found_in(&said).is_some() {
            missed.push(&comparison.text);
        }
    }
    assert_eq!(missed.len(), COMPARISONS_THAT_MATTER, "{missed:?}");
    Ok(())
}

/// A server over a database with the demonstration organization, which has rows in almost every table.
async fn demonstration() -> Outcome<LocalServer> {
    let database = Cluster::shared().await?.database().await?;
    let server = LocalServer::start(&database).await?;
    let app = server.server().app();
    let folder = paths::root().join("sync-server/demo");
    assert!(sync_server::demo::fill(&app.pool, app.files.as_ref(), &folder, chrono::Utc::now().date_naive()).await?);
    Ok(server)
}

async fn rows(connection: &mut PgConnection, sql: String, ids: Option<&[Uuid]>) -> Result<usize, sqlx::Error> {
    let query = sqlx::query(AssertSqlSafe(sql));
    let query = match ids {
        Some(ids) => query.bind(ids.to_vec()),
        None => query,
    };
    Ok(query.fetch_all(connection).await?.len())
}

#[tokio::test]
async fn without_any_condition_an_organization_meets_only_its_own_rows() -> Outcome<()> {
    let server = demonstration().await?;
    let pool = &server.server().app().pool;
    let theirs: Uuid = sqlx::query_scalar("SELECT id FROM organizations").fetch_one(pool).await?;
    let mut owner = server.database().connect().await?;
    let mut filled = 0;
    for (name, tenancy) in tenancies() {
        let rights = SERVER_TABLES.iter().find(|table| table.name == name).map(|table| table.rights);
        if matches!(tenancy, Tenancy::Shared(_)) || rights.is_some_and(|rights| !rights.contains("SELECT")) {
            continue;
        }
        let count = format!("SELECT 1 FROM {name}");
        let there = rows(&mut owner, count.clone(), None).await?;
        filled += usize::from(there > 0);
        for (organization, visible) in [(theirs, there), (Uuid::now_v7(), 0)] {
            let mut bound = Tenant::new(pool, organization).begin().await?;
            assert_eq!(rows(&mut bound, count.clone(), None).await?, visible, "{name}");
        }
        if tenancy == Tenancy::Column && rights.is_none() {
            let mut stranger = Tenant::new(pool, Uuid::now_v7()).begin().await?;
            let deleted = sqlx::query(AssertSqlSafe(format!("DELETE FROM {name}"))).execute(&mut *stranger).await?;
            assert_eq!(deleted.rows_affected(), 0, "{name}");
        }
    }
    assert!(filled > 50, "only {filled} tables have rows");
    // The queries of push and pull find rows by their ids alone.
    for entity in all() {
        let ids: Vec<Uuid> =
            sqlx::query_scalar(AssertSqlSafe(format!("SELECT id FROM {} LIMIT 5", entity.name))).fetch_all(&mut owner).await?;
        for sql in [select_tuples(entity), select_for_change(entity)] {
            assert_eq!(rows(&mut owner, sql.clone(), Some(&ids)).await?, ids.len(), "{}", entity.name);
            let mut stranger = Tenant::new(pool, Uuid::now_v7()).begin().await?;
            assert_eq!(rows(&mut stranger, sql, Some(&ids)).await?, 0, "{}", entity.name);
        }
    }
    Ok(())
}

#[tokio::test]
async fn nothing_is_written_into_another_organization() -> Outcome<()> {
    let two = Two::open().await?;
    let server = LocalServer::start(&two.database).await?;
    let pool = &server.server().app().pool;
    let theirs: Uuid =
        sqlx::query_scalar("SELECT organization_id FROM stations WHERE id = $1").bind(two.theirs.station).fetch_one(pool).await?;
    let mut bound = Tenant::new(pool, two.ours.organization).begin().await?;
    let insert = sqlx::query("INSERT INTO stations (id, organization_id, name) VALUES ($1, $2, 'Ours')").bind(Uuid::now_v7()).bind(theirs);
    let refused = insert
        .execute(&mut *bound)
        .await
        .map_err(|error| error.as_database_error().and_then(|error| error.code()).map(|code| code.into_owned()));
    assert_eq!(refused.err(), Some(Some("42501".to_owned())));
    drop(bound);
    // Without an organization there are no rows at all, and the binding ends with its transaction.
    let mut connection = two.database.connect().await?;
    let mut transaction = connection.begin().await?;
    sqlx::raw_sql(AssertSqlSafe(format!("SET LOCAL ROLE {BOUND_ROLE}"))).execute(&mut *transaction).await?;
    assert_eq!(rows(&mut transaction, "SELECT 1 FROM stations".to_owned(), None).await?, 0);
    transaction.commit().await?;
    assert_eq!(rows(&mut connection, "SELECT 1 FROM stations".to_owned(), None).await?, 2);
    Ok(())
}

#[tokio::test]
async fn every_table_has_the_policy_that_is_declared_and_no_other() -> Outcome<()> {
    let database = Cluster::shared().await?.database().await?;
    let mut connection = database.connect().await?;
    let mut transaction = connection.begin().await?;
    let declared: BTreeMap<&str, Tenancy> = tenancies().collect();
    let tables: Vec<(String, bool)> = sqlx::query_as(
        "SELECT c.relname::text, c.relrowsecurity FROM pg_class c \
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition",
    )
    .fetch_all(&mut *transaction)
    .await?;
    assert_eq!(tables.iter().map(|(name, _)| name.as_str()).collect::<BTreeSet<_>>(), declared.keys().copied().collect::<BTreeSet<_>>());
    for (name, is_enabled) in tables {
        let condition = condition(&name, declared[name.as_str()]);
        assert_eq!(is_enabled, condition.is_some(), "{name}");
        if let Some(condition) = &condition {
            // PostgreSQL writes an expression in its own way, so it is asked to write the declared one too.
            let twin = format!("CREATE POLICY declared ON {name} USING ({condition})");
            sqlx::raw_sql(AssertSqlSafe(twin)).execute(&mut *transaction).await?;
        }
        let policies: Vec<(String, String)> = sqlx::query_as(
            "SELECT policyname::text, concat_ws(' | ', permissive, roles::text, cmd, qual, with_check) FROM pg_policies \
             WHERE schemaname = 'public' AND tablename = $1 ORDER BY policyname <> 'declared'",
        )
        .bind(&name)
        .fetch_all(&mut *transaction)
        .await?;
        match (condition, policies.as_slice()) {
            (None, []) => {}
            (Some(_), [(_, declared), (policy, found)]) => assert_eq!((policy.as_str(), found), (POLICY, declared), "{name}"),
            (_, policies) => panic!("{name}: {policies:?}"),
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_role_may_do_what_is_declared_and_owns_nothing() -> Outcome<()> {
    let database = Cluster::shared().await?.database().await?;
    let mut connection = database.connect().await?;
    let mut declared: BTreeMap<&str, &str> = all().iter().map(|entity| (entity.name, "SELECT, INSERT, UPDATE, DELETE")).collect();
    declared.extend(SERVER_TABLES.iter().map(|table| (table.name, table.rights)));
    declared.extend(VIEWS.iter().map(|view| (*view, "SELECT")));
    let relations = sqlx::query(
        "SELECT c.relname::text, r.name, has_table_privilege($1, c.oid, r.name) FROM pg_class c, \
             unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS r(name) \
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')",
    )
    .bind(BOUND_ROLE)
    .fetch_all(&mut connection)
    .await?;
    for relation in relations {
        let (name, right, has): (String, String, bool) = (relation.get(0), relation.get(1), relation.get(2));
        // Other views run as their owner, and partitions are reached through their table: it has no right to either.
        let may = declared.get(name.as_str()).is_some_and(|rights| rights.split(", ").any(|declared| declared == right));
        assert_eq!(has, may, "{right} on {name}");
    }
    let bound: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_class c WHERE c.relkind = 'v' AND c.reloptions @> '{security_invoker=true}' ORDER BY 1",
    )
    .fetch_all(&mut connection)
    .await?;
    assert_eq!(bound, VIEWS, "each runs with the rights of its caller");
    let owned: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM pg_shdepend d JOIN pg_roles r ON r.oid = d.refobjid WHERE r.rolname = $1 AND d.deptype = 'o'",
    )
    .bind(BOUND_ROLE)
    .fetch_one(&mut connection)
    .await?;
    assert_eq!(owned, 0);
    let sql = "SELECT r.rolsuper OR r.rolbypassrls OR r.rolcanlogin FROM pg_roles r WHERE r.rolname = $1";
    assert!(!sqlx::query_scalar::<_, bool>(sql).bind(BOUND_ROLE).fetch_one(&mut connection).await?);
    Ok(())
}

/// The message with which a command fails.
fn refusal<T>(result: Result<T, impl std::fmt::Display>) -> String {
    result.err().map(|error| error.to_string()).unwrap_or_default()
}

#[tokio::test]
async fn an_owner_without_special_rights_migrates_and_serves_or_is_told_what_is_missing() -> Outcome<()> {
    let node = Node::unrelated().await?;
    for sql in ["CREATE ROLE plain LOGIN PASSWORD 'plain'", "CREATE DATABASE plain OWNER plain", "CREATE ROLE other LOGIN PASSWORD 'other'"]
    {
        node.run(sql).await?;
    }
    let url = |login: &str| -> Outcome<String> {
        let superuser = node.url("plain");
        let (_, address) = superuser.split_once('@').ok_or("a login")?;
        Ok(format!("postgres://{login}:{login}@{address}"))
    };
    let pool = sync_server::database::connect(&url("plain")?, 2).await?;
    let refused = refusal(sync_server::database::migrate(&pool).await);
    assert!(refused.starts_with("bound_role_missing") && refused.contains("CREATE ROLE waystation_bound NOLOGIN"), "{refused}");
    node.run("ALTER ROLE plain CREATEROLE").await?;
    sync_server::database::migrate(&pool).await?;
    sync_server::database::migrate(&pool).await?;
    pool.close().await;

    let folder = tempfile::tempdir()?;
    let serve = |login: &'static str| {
        let settings = url(login).map(|url| server::settings(&url, folder.path(), 0));
        async move { Ok::<_, Box<dyn std::error::Error + Send + Sync>>(Server::start(settings?).await) }
    };
    let running = serve("plain").await??;
    let mut school = School::of(PgConnection::connect(&url("plain")?).await?).await?;
    school.person("admin", "vusal").await?;
    let mut admin = Caller::sign_in(&format!("http://{}", running.address()), "vusal").await?;
    let station = Uuid::now_v7();
    admin.push(vec![put("stations").id(station).set("name", "Quba")]).await?;
    admin.pull().await?;
    assert!(admin.row("stations", station).is_some());
    running.stop().await;

    let mut superuser = PgConnection::connect(&node.url("plain")).await?;
    for (change, code, undo) in [
        ("ALTER ROLE waystation_bound BYPASSRLS", "bound_role_exempt", "ALTER ROLE waystation_bound NOBYPASSRLS"),
        ("REVOKE SELECT ON users FROM waystation_bound", "bound_role_without_rights", "GRANT SELECT ON users TO waystation_bound"),
        ("ALTER TABLE users DISABLE ROW LEVEL SECURITY", "bound_role_without_rights", "ALTER TABLE users ENABLE ROW LEVEL SECURITY"),
        ("REVOKE waystation_bound FROM plain", "bound_role_not_granted", "GRANT waystation_bound TO plain"),
    ] {
        sqlx::raw_sql(change).execute(&mut superuser).await?;
        let refused = refusal(serve("plain").await?.map(drop));
        assert!(refused.starts_with(code), "{change}: {refused}");
        sqlx::raw_sql(undo).execute(&mut superuser).await?;
    }
    let rights = "GRANT SELECT ON ALL TABLES IN SCHEMA public TO other; GRANT waystation_bound TO other";
    sqlx::raw_sql(rights).execute(&mut superuser).await?;
    let refused = refusal(serve("other").await?.map(drop));
    assert!(refused.starts_with("login_is_bound"), "{refused}");
    Ok(())
}
