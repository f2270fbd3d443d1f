//! What every session of this server with PostgreSQL is set to. It is said after connecting and not as start options, which a
//! pooler between them may be told to ignore.
//!
//! The simple query protocol is used throughout: behind a pooler that shares sessions a prepared statement may be gone by the
//! time that it runs, and the operator has to hear what is really wrong.

use sqlx::{AssertSqlSafe, PgConnection, Row};
use uuid::Uuid;

use crate::failure::Failure;

/// Names and values. The feed's trigger announces what other programs write, and not what a sync-server does. Rules that a
/// program may have switched off for its own imports hold here, also when the role or the database has them off.
const SETTINGS: &[(&str, &str)] = &[
    ("waystation.server", "on"),
    ("waystation.unchecked", "off"),
    ("TimeZone", "UTC"),
    ("DateStyle", "ISO, MDY"),
    ("extra_float_digits", "3"),
    ("jit", "off"),
];
/// What has to be so already: otherwise no trigger fires.
const TRIGGERS_FIRE: (&str, &str) = ("session_replication_role", "origin");
/// The setting by which two sessions are told apart.
const MARK: &str = "waystation.session";

/// Sets up a new session and reads back what it is set to.
///
/// # Errors
/// When PostgreSQL does not answer, or the session is not what it has to be.
pub async fn prepare(session: &mut PgConnection) -> Result<(), sqlx::Error> {
    let set: Vec<String> = SETTINGS.iter().map(|(name, value)| set(name, value)).collect();
    sqlx::raw_sql(AssertSqlSafe(format!("SELECT {}", set.join(", ")))).execute(&mut *session).await?;
    let wanted: Vec<(&str, &str)> = SETTINGS.iter().copied().chain([TRIGGERS_FIRE]).collect();
    let get: Vec<String> = wanted.iter().map(|(name, _)| get(name)).collect();
    let there = sqlx::raw_sql(AssertSqlSafe(format!("SELECT {}", get.join(", ")))).fetch_one(session).await?;
    for (column, (name, value)) in wanted.iter().enumerate() {
        let is: String = there.try_get(column)?;
        if is != *value {
            let what =
                format!("the database's session has {name} = {is:?}, and {value:?} is needed: is there a pooler that shares sessions?");
            return Err(sqlx::Error::Configuration(what.into()));
        }
    }
    Ok(())
}

/// Holds that a session stays the same from one statement to the next. Behind a pooler in transaction or statement mode it
/// does not: settings, temporary tables and `LISTEN` of one client would be another's.
///
/// # Errors
/// When PostgreSQL does not answer, or sessions are shared.
pub async fn check_apart(one: &mut PgConnection, other: &mut PgConnection) -> Result<(), Failure> {
    let marks = [Uuid::new_v4().to_string(), Uuid::new_v4().to_string()];
    for (session, mark) in [&mut *one, &mut *other].into_iter().zip(&marks) {
        sqlx::raw_sql(AssertSqlSafe(format!("SELECT {}", set(MARK, mark)))).execute(session).await?;
    }
    for (session, mark) in [one, other].into_iter().zip(&marks) {
        let there = sqlx::raw_sql(AssertSqlSafe(format!("SELECT {}", get(MARK)))).fetch_one(session).await?;
        if there.try_get::<String, _>(0)? != *mark {
            return Err(Failure::broken(
                "sessions with the database are not kept apart: a pooler in front of it has to be in session mode (pool_mode = session)",
            ));
        }
    }
    Ok(())
}

/// Names and values are this file's own and have no quotes.
fn set(name: &str, value: &str) -> String {
    format!("set_config('{name}', '{value}', false)")
}

fn get(name: &str) -> String {
    format!("coalesce(current_setting('{name}', true), '')")
}
