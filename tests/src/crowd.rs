//! An organization with hundreds of learners, made by plain SQL, for benches and load tests.

use std::sync::Arc;

use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use sync_server::access::subscription_of;
use sync_server::heads::Subscription;
use sync_server::state::App;
use uuid::Uuid;
use waystation_model::registry::entity;

use crate::cluster::{Cluster, Database};
use crate::{Outcome, server};

/// The learners of every figure.
pub const LEARNERS: usize = 500;
/// The number of the instructor among people, devices and sessions.
pub const INSTRUCTOR: usize = 999_999;
/// The password of the two people who sign in.
pub const PASSWORD: &str = "bench";
/// The user name of the first learner.
pub const LEARNER_NAME: &str = "learner";
/// The user name of the instructor.
pub const INSTRUCTOR_NAME: &str = "instructor";
const COURSES: usize = 4;

/// Ids derived from a number, so that request bodies need no query.
pub fn id(kind: u8, number: usize) -> Uuid {
    // Distributed like random ids: ids with a common prefix would make compression and index look better than they are.
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{kind}:{number}").as_bytes())
}

/// The scopes that a person of the organization subscribes to, as the server has them.
///
/// # Errors
/// When the database does not answer.
pub async fn subscription(app: &App, user: Uuid) -> Outcome<Arc<Subscription>> {
    Ok(subscription_of(&app.tenant(organization()), &app.heads, user).await?)
}

/// The organization.
pub fn organization() -> Uuid {
    id(0, 0)
}
/// The instructor of all courses.
pub fn instructor() -> Uuid {
    id(1, INSTRUCTOR)
}
/// A person.
pub fn learner(number: usize) -> Uuid {
    id(1, number)
}
/// A person's device.
pub fn device(number: usize) -> Uuid {
    id(5, number)
}
fn session(number: usize) -> Uuid {
    id(6, number)
}
fn course(topic: usize) -> Uuid {
    id(2, topic % COURSES)
}
fn topic(number: usize) -> Uuid {
    id(4, number)
}

/// One learner's progress in one topic, in its wire form.
pub struct Progress {
    /// The learner.
    pub user: Uuid,
    /// The topic.
    pub topic: Uuid,
    /// Its course.
    pub course: Uuid,
    /// Seconds of video.
    pub seconds_watched: i64,
    /// Completion time, in milliseconds.
    pub completed_at: i64,
    /// Seconds spent.
    pub time_spent_seconds: i64,
}

impl Progress {
    /// The `number`th change of a learner, with plausible times and durations.
    pub fn of(learner_number: usize, number: usize) -> Progress {
        let seed = id(9, learner_number * 1_000 + number).as_u128();
        let day = (number as i64 / 8) * 86_400_000;
        Progress {
            user: learner(learner_number),
            topic: topic(number),
            course: course(number),
            seconds_watched: (seed % 900) as i64,
            completed_at: 1_790_000_000_000 + day + ((seed >> 20) % 40_000_000) as i64,
            time_spent_seconds: 60 + ((seed >> 60) % 1_500) as i64,
        }
    }

    /// The columns that it sets.
    pub const COLUMNS: [&'static str; 9] = [
        "user_id",
        "topic_id",
        "course_id",
        "reset_number",
        "completed",
        "percent",
        "seconds_watched",
        "completed_at",
        "time_spent_seconds",
    ];

    /// Their values.
    pub fn values(&self) -> Vec<Value> {
        vec![
            json!(self.user),
            json!(self.topic),
            json!(self.course),
            json!(0),
            json!(true),
            json!(100),
            json!(self.seconds_watched),
            json!(self.completed_at),
            json!(self.time_spent_seconds),
        ]
    }

    /// The row's id.
    ///
    /// # Panics
    /// Never: the key is always present.
    pub fn row_id(&self) -> Uuid {
        entity("topic_progress").and_then(|entity| entity.id_of(&self.values())).expect("a derived id")
    }
}

/// A migrated database with `learners` learners, enrolled in four courses with `topics` topics in total.
///
/// # Errors
/// When the database refuses.
pub async fn base(cluster: &Cluster, learners: usize, topics: usize) -> Outcome<Database> {
    let database = cluster.migrated("bench_base").await?;
    fill(&database, learners, topics).await?;
    Ok(database)
}

/// Creates them in a migrated database.
///
/// # Errors
/// When the database refuses.
pub async fn fill(database: &Database, learners: usize, topics: usize) -> Outcome<()> {
    let mut connection = database.connect().await?;
    let mut transaction = connection.begin().await?;
    let people: Vec<Uuid> = (0..learners).map(learner).collect();
    sqlx::query("INSERT INTO organizations (id, name, slug) VALUES ($1, 'Bench', 'bench')")
        .bind(organization())
        .execute(&mut *transaction)
        .await?;
    for (ids, role) in [(vec![instructor()], "instructor"), (people.clone(), "learner")] {
        sqlx::query("INSERT INTO users (id, organization_id, user_name, full_name, first_name, last_name, role) SELECT u, $2, u::text, 'Bench Person', 'Bench', 'Person', $3 FROM unnest($1::uuid[]) u")
            .bind(ids)
            .bind(organization())
            .bind(role)
            .execute(&mut *transaction)
            .await?;
    }
    let hash = sync_server::accounts::hash_password(PASSWORD)?;
    for (id, name) in [(learner(0), LEARNER_NAME), (instructor(), INSTRUCTOR_NAME)] {
        sqlx::query("UPDATE users SET user_name = $2, password_hash = $3 WHERE id = $1")
            .bind(id)
            .bind(name)
            .bind(&hash)
            .execute(&mut *transaction)
            .await?;
    }
    let courses: Vec<Uuid> = (0..COURSES).map(|number| id(2, number)).collect();
    sqlx::query("INSERT INTO courses (id, organization_id, title, slug, course_code, status, instructor_id) SELECT c, $2, 'Course', c::text, c::text, 'published', $3 FROM unnest($1::uuid[]) c")
        .bind(&courses)
        .bind(organization())
        .bind(instructor())
        .execute(&mut *transaction)
        .await?;
    sqlx::query(
        "INSERT INTO modules (id, organization_id, course_id, position, title) SELECT c, $2, c, 0, 'Module' FROM unnest($1::uuid[]) c",
    )
    .bind(&courses)
    .bind(organization())
    .execute(&mut *transaction)
    .await?;
    let (topic_ids, topic_courses): (Vec<Uuid>, Vec<Uuid>) = (0..topics).map(|number| (topic(number), course(number))).unzip();
    sqlx::query("INSERT INTO topics (id, organization_id, module_id, course_id, position, title) SELECT t.id, $3, t.course, t.course, t.place, 'Topic' FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS t(id, course, place)")
        .bind(topic_ids)
        .bind(topic_courses)
        .bind(organization())
        .execute(&mut *transaction)
        .await?;
    sqlx::query("INSERT INTO enrollments (organization_id, user_id, course_id) SELECT $3, u, c FROM unnest($1::uuid[]) u CROSS JOIN unnest($2::uuid[]) c")
        .bind(&people)
        .bind(&courses)
        .bind(organization())
        .execute(&mut *transaction)
        .await?;
    for number in (0..learners).chain([INSTRUCTOR]) {
        let user = learner(number);
        sqlx::query(
            "INSERT INTO devices (id, organization_id, user_id, name, platform, recovery_secret) VALUES ($1, $2, $3, 'bench', 'linux', $4)",
        )
        .bind(device(number))
        .bind(organization())
        .bind(user)
        .bind(vec![7u8; 32])
        .execute(&mut *transaction)
        .await?;
        sqlx::query("INSERT INTO device_states (device_id) VALUES ($1)").bind(device(number)).execute(&mut *transaction).await?;
        sqlx::query("INSERT INTO user_sessions (id, user_id, device_id, refresh_token_hash, created_at, last_used_at, expires_at) VALUES ($1, $2, $3, $4, now(), now(), now() + interval '1 day')")
            .bind(session(number))
            .bind(user)
            .bind(device(number))
            .bind(session(number).as_bytes().as_slice())
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// An access token for a person's device.
///
/// # Errors
/// When it cannot be signed.
pub fn token(number: usize) -> Outcome<String> {
    let claims = sync_server::accounts::Claims {
        sub: learner(number),
        org: organization(),
        dev: device(number),
        sid: session(number),
        exp: chrono::Utc::now().timestamp() + 3_600,
    };
    Ok(server::tokens().issue(&claims)?)
}

/// Gives the instructor this many groups, two scopes each. They get the role of a teacher, who may instruct courses too.
///
/// # Errors
/// When the database refuses.
pub async fn subscribe_many_groups(connection: &mut PgConnection, groups: usize) -> Outcome<()> {
    sqlx::query("UPDATE users SET role = 'teacher' WHERE id = $1").bind(instructor()).execute(&mut *connection).await?;
    sqlx::query("INSERT INTO groups (organization_id, teacher_id, name) SELECT $1, $2, 'Group ' || n FROM generate_series(1, $3) n")
        .bind(organization())
        .bind(instructor())
        .bind(i32::try_from(groups)?)
        .execute(connection)
        .await?;
    Ok(())
}

/// Lets PostgreSQL finish the work that earlier rounds left, so that it does not slow the next round down.
///
/// # Errors
/// When the database does not answer.
pub async fn settle(connection: &mut PgConnection) -> Outcome<()> {
    sqlx::query("CHECKPOINT").execute(connection).await?;
    Ok(())
}
