//! The database as one organization's requests meet it. Every transaction begins under the role that row-level security binds to
//! the organization, in the same message as its `BEGIN`: a query that forgets to compare the organization finds no other's rows.
//!
//! What is not one organization's work (signing in, finding a token, the heads of all scopes, deleting old tombstones, commands of the
//! operator) uses the pool itself, as the owner of the tables.

use sqlx::{AssertSqlSafe, PgPool, Postgres, Transaction};
use uuid::Uuid;
use waystation_model::row_security::{BOUND_ROLE, ORGANIZATION_SETTING};

use crate::failure::Failure;
use crate::uninterrupted::begin_with;

/// The database for the requests of one organization.
#[derive(Debug, Clone)]
pub struct Tenant {
    pool: PgPool,
    organization: Uuid,
}

impl Tenant {
    /// The database behind a pool, for one organization.
    pub fn new(pool: &PgPool, organization: Uuid) -> Tenant {
        Tenant { pool: pool.clone(), organization }
    }

    /// The organization.
    pub fn organization(&self) -> Uuid {
        self.organization
    }

    /// The pool, unbound: for what concerns the feeds of all organizations.
    pub(crate) fn unbound(&self) -> &PgPool {
        &self.pool
    }

    /// Begins a transaction. Dropped without a commit, it changes nothing.
    ///
    /// # Errors
    /// When no connection comes in time, or PostgreSQL does not answer.
    pub async fn begin(&self) -> Result<Transaction<'static, Postgres>, Failure> {
        self.begin_as("BEGIN").await
    }

    /// Begins a read-only transaction over one snapshot.
    ///
    /// # Errors
    /// As [`Tenant::begin`].
    pub async fn begin_snapshot(&self) -> Result<Transaction<'static, Postgres>, Failure> {
        self.begin_as("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await
    }

    async fn begin_as(&self, begin: &str) -> Result<Transaction<'static, Postgres>, Failure> {
        // Neither the role nor a setting can be bound as a parameter. A UUID has only hex digits and hyphens.
        let statement =
            format!("{begin}; SET LOCAL ROLE {BOUND_ROLE}; SET LOCAL {ORGANIZATION_SETTING} = '{}'", self.organization.hyphenated());
        begin_with(&self.pool, AssertSqlSafe(statement)).await
    }
}
