//! Work that goes on to its end when the client that asked for it goes away. A handler is dropped at whatever await it has
//! reached, and a connection must not go back to the pool in the middle of something.

use std::future::Future;

use sqlx::{PgPool, Postgres, Transaction};
use tracing::Instrument;

use crate::failure::Failure;

/// Runs `work` in a task of its own, so that it ends also when its caller is dropped. For everything between a commit and what
/// has to follow from it.
///
/// # Errors
/// Those of the work.
pub async fn to_the_end<T: Send + 'static>(work: impl Future<Output = Result<T, Failure>> + Send + 'static) -> Result<T, Failure> {
    tokio::spawn(work.in_current_span()).await.map_err(Failure::broken)?
}

/// Begins a transaction. Dropped between sending `BEGIN` and its answer, the driver would not know that one was begun and
/// would give the connection back inside it; here the answer is always awaited, and what nobody takes is rolled back.
///
/// # Errors
/// When no connection comes in time, or PostgreSQL does not answer.
pub async fn begin(pool: &PgPool) -> Result<Transaction<'static, Postgres>, Failure> {
    let pool = pool.clone();
    to_the_end(async move { Ok(pool.begin().await?) }).await
}
