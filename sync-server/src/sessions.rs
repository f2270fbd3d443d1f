//! Settings of every PostgreSQL session of this server. They are set after connecting and not as start options, which a pooler may
//! ignore.
//!
//! Uses the simple query protocol: behind a pooler that shares sessions, a prepared statement may not exist when it is executed,
//! and the operator would not see the real error.

use sqlx::{AssertSqlSafe, PgConnection, Row};
use uuid::Uuid;

use crate::failure::Failure;

/// Names and values. `waystation.server` tells the feed's trigger not to announce, because the server announces its own heads.
/// `waystation.unchecked` enforces rules that another program may have disabled for its imports, also in the role's or database's
/// defaults.
const SETTINGS: &[(&str, &str)] = &[
    ("waystation.server", "on"),
    ("waystation.unchecked", "off"),
    ("TimeZone", "UTC"),
    ("DateStyle", "ISO, MDY"),
    ("extra_float_digits", "3"),
    ("jit", "off"),
];
/// Checked and not set: with another value, no trigger fires.
const TRIGGERS_FIRE: (&str, &str) = ("session_replication_role", "origin");
/// The setting that distinguishes two sessions.
const MARK: &str = "waystation.session";

/// Sets up a new session and verifies the settings.
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

/// Checks that a session stays the same from one statement to the next. Behind a pooler in transaction or statement mode it does
/// not: settings, temporary tables and `LISTEN` would apply to other clients.
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

/// Names and values are constants of this file and contain no quotes.
fn set(name: &str, value: &str) -> String {
    format!("set_config('{name}', '{value}', false)")
}

fn get(name: &str) -> String {
    format!("coalesce(current_setting('{name}', true), '')")
}
