//! The errors of this crate, and the code that the screen gets for each.

use std::path::{Path, PathBuf};

use waystation_model::{Code, Problem};

/// Every error of this crate. Sources are kept for the log; the screen gets a [`Problem`].
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A rule refused the request, here or at the server.
    #[error(transparent)]
    Refused(#[from] Problem),
    /// The database failed.
    #[error("the database: {0}")]
    Database(#[from] rusqlite::Error),
    /// A migration of the database failed.
    #[error("a migration: {0}")]
    Migration(#[from] refinery::Error),
    /// The database was written by a newer version.
    #[error("the database is at version {found}, this program supports {known}")]
    StoreTooNew {
        /// The database's version.
        found: u32,
        /// The newest version that this program supports.
        known: u32,
    },
    /// A file or database is damaged.
    #[error("damaged: {0}")]
    Damaged(String),
    /// The disk failed.
    #[error("{path}: {source}", path = path.display())]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The network failed.
    #[error("the network: {0}")]
    Network(#[from] reqwest::Error),
    /// The server's answer violates the protocol.
    #[error("the server's answer: {0}")]
    BadAnswer(String),
    /// The database was closed meanwhile, because the person was locked.
    #[error("the database is closed")]
    Closed,
    /// A background thread has ended.
    #[error("a worker stopped")]
    WorkerStopped,
}

/// The result type of this crate.
pub type Result<T, E = ClientError> = std::result::Result<T, E>;

impl ClientError {
    /// A refusal with a code.
    pub fn refused(code: Code, message: impl Into<String>) -> ClientError {
        ClientError::Refused(Problem::new(code, message))
    }

    /// Converts an I/O error at a path.
    pub fn disk(path: &Path) -> impl FnOnce(std::io::Error) -> ClientError {
        let path = path.to_owned();
        move |source| ClientError::Disk { path, source }
    }

    /// The code that consumers match.
    pub fn code(&self) -> Code {
        match self {
            ClientError::Refused(problem) => problem.code,
            ClientError::Database(error) => database_code(error),
            ClientError::Migration(error) => migration_code(error),
            ClientError::StoreTooNew { .. } => Code::StoreTooNew,
            ClientError::Damaged(_) => Code::StoreDamaged,
            ClientError::Disk { source, .. } => disk_code(source),
            ClientError::Network(error) if error.is_decode() => Code::BadAnswer,
            ClientError::Network(error) if error.is_builder() => Code::BadAddress,
            ClientError::Network(_) => Code::Offline,
            ClientError::BadAnswer(_) => Code::BadAnswer,
            ClientError::Closed => Code::Locked,
            ClientError::WorkerStopped => Code::Internal,
        }
    }
}

fn database_code(error: &rusqlite::Error) -> Code {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DiskFull) => Code::DiskFull,
        Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) => Code::StoreDamaged,
        Some(rusqlite::ErrorCode::SystemIoFailure | rusqlite::ErrorCode::CannotOpen | rusqlite::ErrorCode::ReadOnly) => Code::DiskFailed,
        _ => Code::Internal,
    }
}

fn migration_code(error: &refinery::Error) -> Code {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(database) = inner.downcast_ref::<rusqlite::Error>() {
            return database_code(database);
        }
        source = inner.source();
    }
    Code::Internal
}

fn disk_code(error: &std::io::Error) -> Code {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Code::DiskFull,
        _ => Code::DiskFailed,
    }
}

impl From<ClientError> for Problem {
    /// What a command returns to the window. Internal details are logged here, once, and are not passed on.
    fn from(error: ClientError) -> Problem {
        match error {
            ClientError::Refused(problem) => problem,
            other => {
                let code = other.code();
                if !matches!(code, Code::Offline | Code::Locked) {
                    tracing::error!(code = code.word(), error = %other, "a command failed");
                }
                Problem::new(code, code.meaning().trim())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_has_its_own_code_in_files_and_in_the_database() {
        let io = ClientError::disk(Path::new("x"))(std::io::Error::from(std::io::ErrorKind::StorageFull));
        assert_eq!(io.code(), Code::DiskFull);
        let sqlite = ClientError::Database(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL), None));
        assert_eq!(Problem::from(sqlite).code, Code::DiskFull);
    }
}
