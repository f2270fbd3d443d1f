//! Work that runs to its end when the client disconnects. A handler is dropped at any await, and a connection must not go back to
//! the pool in the middle of a transaction.

use std::future::Future;

use sqlx::{AssertSqlSafe, PgPool, Postgres, Transaction};
use tracing::Instrument;

use crate::failure::{Failure, REQUEST_ID};

/// Runs `work` in a task of its own, under the same request id, so that it completes also when its caller is dropped. For everything between a commit and its
/// consequences.
///
/// # Errors
/// Those of the work.
pub async fn run_to_end<T: Send + 'static>(work: impl Future<Output = Result<T, Failure>> + Send + 'static) -> Result<T, Failure> {
    let request = REQUEST_ID.try_with(Clone::clone).ok();
    let work = async move {
        match request {
            Some(id) => REQUEST_ID.scope(id, work).await,
            None => work.await,
        }
    };
    tokio::spawn(work.in_current_span()).await.map_err(Failure::broken)?
}

/// Begins a transaction. If the caller is dropped between sending `BEGIN` and its answer, the driver does not know about the
/// transaction and returns the connection inside it; here the answer is always awaited, and an unused transaction is rolled back.
///
/// # Errors
/// When no connection comes in time, or PostgreSQL does not answer.
pub async fn begin(pool: &PgPool) -> Result<Transaction<'static, Postgres>, Failure> {
    let pool = pool.clone();
    run_to_end(async move { Ok(pool.begin().await?) }).await
}

/// As [`begin`], with statements that the first message contains.
///
/// # Errors
/// As [`begin`].
pub async fn begin_with(pool: &PgPool, statements: AssertSqlSafe<String>) -> Result<Transaction<'static, Postgres>, Failure> {
    let pool = pool.clone();
    run_to_end(async move { Ok(pool.begin_with(statements).await?) }).await
}
