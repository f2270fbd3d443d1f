//! Issues certificates that are due and gives badges whose criteria are met, by the rules that the laptops know too.
//!
//! The people whom a change is about are looked at after its commit, and everybody once an hour: a server that stops in between
//! loses nothing. Several instances may do so at once, because the id of each award follows from what it is for.

mod due;

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use serde_json::Value;
use sqlx::{AssertSqlSafe, FromRow, PgConnection};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use waystation_model::ids::derived_id;
use waystation_model::rules::{badges, certificates};

use crate::database::commit;
use crate::failure::Failure;
use crate::state::App;
use crate::tenant::Tenant;
use crate::uninterrupted::run_to_end;
use due::STEP_PEOPLE;
pub use due::{Due, Touched};

/// How often everybody is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(3_600);

/// Gives what a committed change of this organization has made due, without making its author wait.
pub fn after(app: &App, organization: Uuid, touched: Touched) {
    if touched.is_empty() || !app.awards.add(organization, touched) {
        return;
    }
    let app = app.clone();
    tokio::spawn(async move {
        while let Some((organization, touched)) = app.awards.next() {
            match give(app.tenant(organization), touched).await {
                Ok(moved) => app.moved(moved),
                Err(error) => tracing::warn!(%error, "could not look for awards that are due; the next look finds them"),
            }
        }
    });
}

/// Looks at everybody regularly, until the server stops.
pub async fn give_periodically(app: App, stopping: CancellationToken) {
    loop {
        // First a wait: every start of every instance would read what everybody has done.
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        if let Err(error) = give_all(&app).await {
            tracing::warn!(%error, "could not look for awards that are due; the next look finds them");
        }
    }
}

/// Looks at everybody once.
///
/// # Errors
/// When the database fails; what was given until then stays.
pub async fn give_all(app: &App) -> Result<(), Failure> {
    let mut last = Uuid::nil();
    loop {
        let learners = "SELECT id, organization_id FROM users WHERE id > $1 AND role = 'learner' ORDER BY id LIMIT $2";
        let people: Vec<(Uuid, Uuid)> = sqlx::query_as(learners).bind(last).bind(STEP_PEOPLE as i64).fetch_all(&app.pool).await?;
        let Some((end, _)) = people.last() else { return Ok(()) };
        last = *end;
        let mut organizations: HashMap<Uuid, Touched> = HashMap::new();
        for (person, organization) in people {
            organizations.entry(organization).or_default().people.insert(person);
        }
        for (organization, touched) in organizations {
            app.moved(give(app.tenant(organization), touched).await?);
        }
    }
}

/// Gives what is due to people of one organization, in one transaction. Returns the heads that moved.
///
/// # Errors
/// When the database fails; then nothing was given.
pub async fn give(tenant: Tenant, touched: Touched) -> Result<Vec<(String, i64)>, Failure> {
    run_to_end(async move {
        let mut transaction = tenant.begin().await?;
        let people = find(touched, &mut transaction).await?;
        // Certificates first: badges count them.
        let issued = issue(&mut transaction, &people).await?;
        let given = give_badges(&mut transaction, &people).await?;
        if issued + given == 0 {
            return Ok(Vec::new());
        }
        tracing::info!(issued, given, "issued certificates and gave badges");
        commit(transaction).await
    })
    .await
}

/// The people, with those whom the rows are about.
async fn find(touched: Touched, connection: &mut PgConnection) -> Result<Vec<Uuid>, Failure> {
    let mut people: BTreeSet<Uuid> = touched.people.into_iter().collect();
    for ((table, person), ids) in touched.rows {
        let sql = format!("SELECT DISTINCT {person} FROM {table} WHERE id = ANY($1)");
        let ids: Vec<Uuid> = ids.into_iter().collect();
        people.extend(sqlx::query_scalar::<_, Uuid>(AssertSqlSafe(sql)).bind(ids).fetch_all(&mut *connection).await?);
    }
    Ok(people.into_iter().collect())
}

#[derive(FromRow)]
struct Enrolled {
    user_id: Uuid,
    course_id: Uuid,
    is_certified: bool,
    completed: bool,
    has_one: bool,
    is_active: bool,
}

async fn issue(connection: &mut PgConnection, people: &[Uuid]) -> Result<u64, Failure> {
    let enrolled: Vec<Enrolled> = sqlx::query_as(
        "SELECT e.user_id, e.course_id, c.is_certified, e.status = 'completed' AS completed, \
             EXISTS (SELECT FROM certificates f WHERE f.user_id = e.user_id AND f.course_id = e.course_id) AS has_one, \
             u.status = 'active' AND u.deleted_at IS NULL AS is_active \
         FROM enrollments e JOIN courses c ON c.id = e.course_id JOIN users u ON u.id = e.user_id \
         WHERE e.user_id = ANY($1) AND c.is_certified",
    )
    .bind(people)
    .fetch_all(&mut *connection)
    .await?;
    let mut issued = 0;
    for row in enrolled {
        let Enrolled { is_certified, completed, has_one, is_active, .. } = row;
        if !certificates::is_due(certificates::Facts { is_certified, completed, has_one, is_active }) {
            continue;
        }
        let (user, course) = (row.user_id.to_string(), row.course_id.to_string());
        issued += sqlx::query(
            "INSERT INTO certificates (id, organization_id, user_id, course_id, certificate_template_id) \
             SELECT $1, c.organization_id, $2, c.id, coalesce(c.certificate_template_id, \
                 (SELECT t.id FROM certificate_templates t WHERE t.organization_id = c.organization_id AND t.is_default)) \
             FROM courses c WHERE c.id = $3 ON CONFLICT (id) DO NOTHING",
        )
        .bind(derived_id("certificates", [Some(user.as_str()), Some(course.as_str())]))
        .bind(row.user_id)
        .bind(row.course_id)
        .execute(&mut *connection)
        .await?
        .rows_affected();
    }
    Ok(issued)
}

#[derive(FromRow)]
struct DoneRow {
    organization_id: Uuid,
    user_id: Uuid,
    courses_completed: Vec<Uuid>,
    topics_completed: i64,
    tests_passed: i64,
    certificates: i64,
    coding_points: i64,
}

#[derive(FromRow)]
struct Badge {
    id: Uuid,
    organization_id: Uuid,
    criteria: Value,
}

async fn give_badges(connection: &mut PgConnection, people: &[Uuid]) -> Result<u64, Failure> {
    let badges: Vec<Badge> = sqlx::query_as(
        "SELECT b.id, b.organization_id, b.criteria FROM badges b \
         WHERE b.criteria <> '{}' AND b.organization_id IN (SELECT u.organization_id FROM users u WHERE u.id = ANY($1))",
    )
    .bind(people)
    .fetch_all(&mut *connection)
    .await?;
    if badges.is_empty() {
        return Ok(0);
    }
    let done: Vec<DoneRow> =
        sqlx::query_as(include_str!("../sql/what_people_have_done.sql")).bind(people).fetch_all(&mut *connection).await?;
    let mut given = 0;
    for row in done {
        let done = badges::Done {
            courses_completed: row.courses_completed.iter().map(Uuid::to_string).collect(),
            topics_completed: row.topics_completed,
            tests_passed: row.tests_passed,
            certificates: row.certificates,
            coding_points: row.coding_points,
        };
        for badge in badges.iter().filter(|badge| badge.organization_id == row.organization_id) {
            let Some(earned) = badges::earned(&badge.criteria, &done) else { continue };
            let course = earned.course_id.and_then(|id| Uuid::parse_str(&id).ok());
            let (user, badge_id) = (row.user_id.to_string(), badge.id.to_string());
            let course_id = course.map(|course| course.to_string());
            given += sqlx::query(
                "INSERT INTO user_badges (id, organization_id, user_id, badge_id, course_id) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING",
            )
            .bind(derived_id("user_badges", [Some(user.as_str()), Some(badge_id.as_str()), course_id.as_deref()]))
            .bind(row.organization_id)
            .bind(row.user_id)
            .bind(badge.id)
            .bind(course)
            .execute(&mut *connection)
            .await?
            .rows_affected();
        }
    }
    Ok(given)
}
