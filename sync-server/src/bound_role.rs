//! The PostgreSQL role under which requests run: row-level security shows it the rows of one organization. `migrate` makes it, and a
//! server does not start without it.

use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use waystation_model::row_security::{BOUND_ROLE, grants};

use crate::failure::Failure;

/// Why requests cannot run under the role. The code comes first in the message; docs/OPERATIONS.md lists the codes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BoundRoleError {
    /// The role does not exist, and this login may not make it.
    #[error(
        "bound_role_missing: the role {BOUND_ROLE} does not exist, and {login:?} may not make it. As a superuser: CREATE ROLE {BOUND_ROLE} NOLOGIN; GRANT {BOUND_ROLE} TO {login:?}"
    )]
    Missing {
        /// The login of `DATABASE_URL`.
        login: String,
    },
    /// This login may not act as the role.
    #[error("bound_role_not_granted: {login:?} may not act as the role {BOUND_ROLE}. As a superuser: GRANT {BOUND_ROLE} TO {login:?}")]
    NotGranted {
        /// The login of `DATABASE_URL`.
        login: String,
    },
    /// Policies do not apply to the role.
    #[error(
        "bound_role_exempt: policies do not apply to the role {BOUND_ROLE}: it is a superuser, has BYPASSRLS, or acts as the owner of the tables. Take that from it"
    )]
    Exempt,
    /// The role lacks its rights, or the tables their policies.
    #[error(
        "bound_role_without_rights: the role {BOUND_ROLE} lacks its rights, or the tables lack their policies: run `sync-server migrate`"
    )]
    WithoutRights,
    /// Policies apply to the login itself, which has to find people of any organization when they sign in.
    #[error(
        "login_is_bound: {login:?} sees only a part of the rows. DATABASE_URL needs the owner of the tables, or a login with BYPASSRLS"
    )]
    LoginBound {
        /// The login of `DATABASE_URL`.
        login: String,
    },
}

impl From<BoundRoleError> for Failure {
    fn from(error: BoundRoleError) -> Failure {
        Failure::broken(error)
    }
}

/// Makes the role where it is missing, lets this login act as it, and gives it its rights. Needs an open transaction.
///
/// # Errors
/// [`BoundRoleError::Missing`], [`BoundRoleError::NotGranted`], or when PostgreSQL refuses the rights.
pub async fn make(connection: &mut PgConnection) -> Result<(), Failure> {
    if !exists(connection).await? {
        // Roles belong to the whole cluster: another database of it may be making the same one at this moment.
        attempt(connection, format!("CREATE ROLE {BOUND_ROLE} NOLOGIN"), "duplicate_object OR unique_violation").await?;
        if !exists(connection).await? {
            return Err(BoundRoleError::Missing { login: login(connection).await? }.into());
        }
    }
    if !can_act(connection).await? {
        attempt(connection, format!("GRANT {BOUND_ROLE} TO CURRENT_USER"), "duplicate_object").await?;
        if !can_act(connection).await? {
            return Err(BoundRoleError::NotGranted { login: login(connection).await? }.into());
        }
    }
    sqlx::raw_sql(AssertSqlSafe(grants())).execute(connection).await?;
    Ok(())
}

/// Checks that requests can run under the role and are bound by the policies, and that this login is not.
///
/// # Errors
/// A [`BoundRoleError`], or when PostgreSQL does not answer.
pub async fn check(pool: &PgPool) -> Result<(), Failure> {
    let mut connection = pool.acquire().await?;
    let login = login(&mut connection).await?;
    if !exists(&mut connection).await? {
        return Err(BoundRoleError::Missing { login }.into());
    }
    if !can_act(&mut connection).await? {
        return Err(BoundRoleError::NotGranted { login }.into());
    }
    let (is_exempt, has_rights, has_policies, is_login_bound): (bool, bool, bool, bool) = sqlx::query_as(
        "SELECT r.rolsuper OR r.rolbypassrls OR pg_has_role(r.oid, c.relowner, 'MEMBER'), has_table_privilege(r.oid, c.oid, 'SELECT'), \
             c.relrowsecurity, row_security_active(c.oid) \
         FROM pg_roles r, pg_class c WHERE r.rolname = $1 AND c.oid = 'users'::regclass",
    )
    .bind(BOUND_ROLE)
    .fetch_one(&mut *connection)
    .await?;
    if is_exempt {
        return Err(BoundRoleError::Exempt.into());
    }
    if !has_rights || !has_policies {
        return Err(BoundRoleError::WithoutRights.into());
    }
    if is_login_bound {
        return Err(BoundRoleError::LoginBound { login }.into());
    }
    Ok(())
}

async fn exists(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)").bind(BOUND_ROLE).fetch_one(connection).await
}

async fn login(connection: &mut PgConnection) -> Result<String, sqlx::Error> {
    sqlx::query_scalar("SELECT current_user::text").fetch_one(connection).await
}

/// Whether this login may act as the role, found by trying it: what a membership permits differs between versions of PostgreSQL.
async fn can_act(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let mut trial = connection.begin().await?;
    let acted = sqlx::raw_sql(AssertSqlSafe(format!("SET LOCAL ROLE {BOUND_ROLE}"))).execute(&mut *trial).await;
    trial.rollback().await?;
    match acted {
        Ok(_) => Ok(true),
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42501") => Ok(false),
        Err(error) => Err(error),
    }
}

/// Runs a statement and goes on where this login lacks the privilege, or another session was first.
async fn attempt(connection: &mut PgConnection, statement: String, first: &str) -> Result<(), sqlx::Error> {
    let block = format!("DO $$ BEGIN {statement}; EXCEPTION WHEN insufficient_privilege OR {first} THEN NULL; END $$");
    sqlx::raw_sql(AssertSqlSafe(block)).execute(connection).await?;
    Ok(())
}
