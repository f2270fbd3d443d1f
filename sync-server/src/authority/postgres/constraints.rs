//! Translates PostgreSQL errors about refused rows.

use sqlx::error::{DatabaseError, ErrorKind};
use waystation_model::Code;

use crate::failure::Refusal;

/// Whether the database refused the data, as opposed to failing, and for what reason.
pub fn refusal(error: &(dyn DatabaseError + 'static)) -> Option<Refusal> {
    let state = error.code();
    let is_refusal =
        !matches!(error.kind(), ErrorKind::Other) || state.as_deref().is_some_and(|code| code.starts_with("WS") || code.starts_with("22"));
    if !is_refusal {
        return None;
    }
    let code = match (error.kind(), state.as_deref()) {
        (ErrorKind::UniqueViolation, _) => Code::Taken,
        (ErrorKind::ForeignKeyViolation, _) => Code::MissingReference,
        (ErrorKind::NotNullViolation, _) => Code::MissingValue,
        (_, Some("WS001")) => Code::KeyChanged,
        (_, Some("WS003")) => Code::NoAttemptsLeft,
        (_, Some("WS004")) => Code::CourseFull,
        (_, Some("WS005")) => Code::PaymentNeeded,
        (_, Some("WS006")) => Code::PrerequisiteMissing,
        (_, Some("WS007")) => Code::NoSeat,
        (ErrorKind::CheckViolation, _) => Code::RuleBroken,
        _ => Code::BadValue,
    };
    Some(Refusal { code, constraint: error.constraint().unwrap_or("").to_owned(), text: error.to_string() })
}
