//! Failures inside the server: logged once, with the request id, and never shown to the client.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use waystation_model::{Code, Problem};

use crate::authority::postgres;

tokio::task_local! {
    /// The id of the request that this task answers.
    pub static REQUEST_ID: String;
}

/// Why the database refused a row, as opposed to failing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The code for the client.
    pub code: Code,
    /// The constraint's name; empty when it has none.
    pub constraint: String,
    /// For the log.
    pub text: String,
}

/// A failure of one request.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// An error of the request, returned to the client as it is.
    #[error(transparent)]
    Problem(#[from] Problem),
    /// PostgreSQL.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// A row was refused by a rule outside PostgreSQL.
    #[error("refused: {}", .0.text)]
    Refused(Refusal),
    /// The store of files.
    #[error("files: {0}")]
    Files(#[from] object_store::Error),
    /// The database's epoch is not the one for which the request was accepted.
    #[error("the database is of another epoch")]
    EpochMoved,
    /// Another transaction inserted the same row concurrently.
    #[error("somebody made the same row at the same moment")]
    InsertedConcurrently,
    /// The rights changed between the subscription and the snapshot: the read starts again.
    #[error("the reader's rights have moved")]
    RightsMoved,
    /// An invariant did not hold.
    #[error("{0}")]
    Broken(String),
}

impl Failure {
    /// An invariant did not hold.
    pub fn broken(what: impl std::fmt::Display) -> Failure {
        Failure::Broken(what.to_string())
    }

    /// Whether the whole transaction can be retried: a serialization failure, a deadlock, or a row inserted concurrently.
    pub fn is_transient(&self) -> bool {
        match self {
            Failure::InsertedConcurrently => true,
            Failure::Database(sqlx::Error::Database(error)) => matches!(error.code().as_deref(), Some("40001" | "40P01")),
            _ => false,
        }
    }

    /// Why a row was refused; none for any other failure.
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Failure::Refused(refusal) => Some(refusal.clone()),
            Failure::Database(sqlx::Error::Database(error)) => postgres::refusal(&**error),
            _ => None,
        }
    }

    fn into_problem(self) -> Problem {
        match self {
            Failure::Problem(problem) => problem,
            Failure::Database(error) if is_out_of_reach(&error) => {
                tracing::error!(%error, "the database is out of reach");
                Problem::new(Code::NotReady, "the database is out of reach")
            }
            Failure::EpochMoved => Problem::new(Code::EpochChanged, "the server's epoch is another one: pull first"),
            Failure::RightsMoved => {
                tracing::warn!("the reader's rights moved again with every try");
                Problem::new(Code::NotReady, "the rights of this person are changing")
            }
            other => {
                tracing::error!(error = %other, "the request failed");
                Problem::new(Code::Internal, "the server failed; its log has the request id")
            }
        }
    }
}

fn is_out_of_reach(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => true,
        // admin_shutdown, crash_shutdown, cannot_connect_now, too_many_connections; read_only_sql_transaction and
        // object_not_in_prerequisite_state of a standby that is not promoted; lock_not_available
        sqlx::Error::Database(error) => {
            matches!(error.code().as_deref(), Some("57P01" | "57P02" | "57P03" | "53300" | "25006" | "55000" | "55P03"))
        }
        _ => false,
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut problem = self.into_problem();
        problem.request_id = REQUEST_ID.try_with(Clone::clone).ok();
        let status = StatusCode::from_u16(problem.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(problem)).into_response()
    }
}
