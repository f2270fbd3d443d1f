//! An organization for tests, made by plain SQL.

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use crate::Outcome;
use crate::cluster::{Cluster, Database};
use crate::server::LocalServer;

/// The hash of [`crate::caller::PASSWORD`], with the least memory that Argon2 allows: a test signs in many people.
const PASSWORD_HASH: &str = "$argon2id$v=19$m=8,t=1,p=1$sQFQp+vy89E$ZPEFgltqevv9Hxi5MOfvxqMknKa6aB4H6DqKgW3sh8A";

/// An organization in a database.
pub struct School {
    /// The organization.
    pub organization: Uuid,
    /// A direct connection, as a `psql` session would have it.
    pub sql: PgConnection,
}

/// A course with one module.
#[derive(Debug, Clone)]
pub struct Course {
    /// The course.
    pub id: Uuid,
    /// Its module.
    pub module: Uuid,
    /// The module's topics, in order.
    pub topics: Vec<Uuid>,
}

/// A test with one question of each requested type.
#[derive(Debug, Clone)]
pub struct Test {
    /// The test.
    pub id: Uuid,
    /// Its questions, in order.
    pub questions: Vec<Uuid>,
}

/// A server over a database of its own, with an empty organization.
///
/// # Errors
/// When the cluster or the server does not start.
pub async fn open() -> Outcome<(LocalServer, School)> {
    let database = Cluster::shared().await?.database().await?;
    let school = School::create(&database).await?;
    Ok((LocalServer::start(&database).await?, school))
}

impl School {
    /// Creates one more organization in a database.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn create(database: &Database) -> Outcome<School> {
        School::of(database.connect().await?).await
    }

    /// Creates one more organization over a connection.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn of(sql: PgConnection) -> Outcome<School> {
        let mut school = School { organization: Uuid::now_v7(), sql };
        let (id, slug) = (school.organization, format!("school-{}", school.organization));
        let insert = "INSERT INTO organizations (id, organization_id, name, slug, status) VALUES ($1, $1, 'School', $2, 'active')";
        sqlx::query(insert).bind(id).bind(slug).execute(&mut school.sql).await?;
        Ok(school)
    }

    /// Inserts one row, given by its columns, and returns its id.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn insert(&mut self, table: &str, row: Value) -> Outcome<Uuid> {
        let names: Vec<&str> = row.as_object().ok_or("a row is an object")?.keys().map(String::as_str).collect();
        let names = names.join(", ");
        let sql = format!(
            "INSERT INTO {table} (organization_id, {names}) SELECT $1, {names} FROM jsonb_populate_record(NULL::{table}, $2) RETURNING id"
        );
        Ok(sqlx::query_scalar(AssertSqlSafe(sql)).bind(self.organization).bind(row).fetch_one(&mut self.sql).await?)
    }

    /// Runs statements by plain SQL.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn run(&mut self, sql: impl Into<String>) -> Outcome<()> {
        sqlx::raw_sql(AssertSqlSafe(sql.into())).execute(&mut self.sql).await?;
        Ok(())
    }

    /// One value of one row.
    ///
    /// # Errors
    /// When the query does not return exactly one row.
    pub async fn value(&mut self, sql: impl Into<String>) -> Outcome<Value> {
        let sql = format!("SELECT coalesce((SELECT to_jsonb(v) FROM ({}) AS t(v)), 'null'::jsonb)", sql.into());
        Ok(sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut self.sql).await?)
    }

    /// One column of one row by its id.
    ///
    /// # Errors
    /// When there is no such table, row or column.
    pub async fn column(&mut self, table: &str, id: Uuid, column: &str) -> Outcome<Value> {
        self.value(format!("SELECT {column} FROM {table} WHERE id = '{id}'")).await
    }

    /// The number of rows of a table.
    ///
    /// # Errors
    /// When there is no such table.
    pub async fn count(&mut self, table: &str) -> Outcome<i64> {
        Ok(self.value(format!("SELECT count(*) FROM {table}")).await?.as_i64().ok_or("no count")?)
    }

    /// A person who can sign in by this name.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn person(&mut self, role: &str, name: &str) -> Outcome<Uuid> {
        self.person_of(Uuid::now_v7(), role, name).await
    }

    /// A person with this id.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn person_of(&mut self, id: Uuid, role: &str, name: &str) -> Outcome<Uuid> {
        let full_name = format!("Full {name}");
        self.insert("users", json!({"user_name": name, "full_name": full_name, "role": role, "password_hash": PASSWORD_HASH, "first_name": "", "last_name": "", "status": "active", "email_verified": true, "id": id})).await
    }

    /// A course with a module and this many topics.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn course(&mut self, instructor: Option<Uuid>, status: &str, topics: usize) -> Outcome<Course> {
        let id = Uuid::now_v7();
        self.insert("courses", json!({"id": id, "title": "Course", "slug": null, "status": status, "instructor_id": instructor, "is_public": false, "price_minor": 0, "currency": "EUR", "is_certified": false, "tags": [], "metadata": {}, "description": "", "language": "en"}))
            .await?;
        let module = Uuid::now_v7();
        self.insert("modules", json!({"id": module, "course_id": id, "title": "Module", "position": 0})).await.map(drop)?;
        let mut course = Course { id, module, topics: Vec::new() };
        for number in 0..topics {
            course.topics.push(self.topic(&course, &format!("Topic {number}")).await?);
        }
        Ok(course)
    }

    /// One more topic.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn topic(&mut self, course: &Course, title: &str) -> Outcome<Uuid> {
        let row = json!({"id": Uuid::now_v7(), "module_id": course.module, "course_id": course.id, "title": title, "position": 0});
        self.insert("topics", row).await
    }

    /// Enrols a person in a course.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn enrol(&mut self, user: Uuid, course: &Course) -> Outcome<Uuid> {
        let row = json!({"user_id": user, "course_id": course.id, "enrollment_type": "assigned", "status": "enrolled"});
        self.insert("enrollments", row).await
    }

    /// A group and its members.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn group(&mut self, teacher: Uuid, members: &[Uuid]) -> Outcome<Uuid> {
        let row = json!({"id": Uuid::now_v7(), "teacher_id": teacher, "name": "Group", "days_of_week": [1, 3], "start_time": "11:00"});
        let group = self.insert("groups", row).await?;
        for member in members {
            self.insert("group_memberships", json!({"group_id": group, "user_id": member, "joined_at": "2026-01-01T08:00:00Z"})).await?;
        }
        Ok(group)
    }

    /// A test of a course with one question of each type, each worth two points. The key: `"yes"`, `2.5`, and the word `fire`.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn test(&mut self, course: &Course, kind: &str, graded_by: &str, types: &[&str]) -> Outcome<Test> {
        let row = json!({"id": Uuid::now_v7(), "course_id": course.id, "kind": kind, "graded_by": graded_by, "title": "Test", "passing_percent": 50.0, "attempts_max": 2});
        let mut test = Test { id: self.insert("assessments", row).await?, questions: Vec::new() };
        let mut keys = serde_json::Map::new();
        for (position, question_type) in types.iter().enumerate() {
            let row = json!({"id": Uuid::now_v7(), "assessment_id": test.id, "course_id": course.id, "position": position, "question_type": question_type, "text": "?", "points": 2.0});
            let question = self.insert("questions", row).await?;
            keys.insert(question.to_string(), key_of(question_type));
            test.questions.push(question);
        }
        self.insert("answer_keys", json!({"assessment_id": test.id, "course_id": course.id, "keys": keys})).await?;
        Ok(test)
    }
}

fn key_of(question_type: &str) -> Value {
    match question_type {
        "numeric" => json!({"number": 2.5, "tolerance": 0.1}),
        "short_answer" => json!({"accepted": ["fire"]}),
        "written" => json!({}),
        _ => json!({"options": ["yes"]}),
    }
}
