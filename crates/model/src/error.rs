//! The error type over IPC and HTTP. Consumers match the code; the screen shows its translation.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

macro_rules! codes {
    ($( $(#[doc = $doc:literal])* $name:ident = $word:literal, $status:literal, $retryable:literal; )*) => {
        /// An error code. Its value never changes. `docs/ERRORS.md` is generated from this list.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, TS)]
        pub enum Code {
            $( $(#[doc = $doc])* #[serde(rename = $word)] $name, )*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Code] = &[ $( Code::$name, )* ];

            /// Its value on the wire.
            pub const fn word(self) -> &'static str {
                match self { $( Code::$name => $word, )* }
            }

            /// Its HTTP status. 0: it is not an HTTP error.
            pub const fn status(self) -> u16 {
                match self { $( Code::$name => $status, )* }
            }

            /// Whether the same request may succeed later without any action by a person.
            pub const fn retryable(self) -> bool {
                match self { $( Code::$name => $retryable, )* }
            }

            /// Its meaning, for `docs/ERRORS.md`.
            pub const fn meaning(self) -> &'static str {
                match self { $( Code::$name => concat!($( $doc ),*), )* }
            }
        }
    };
}

/// A code of a later version is read as `bad_answer`. If an answer with one unknown code failed to parse, its push would be
/// repeated for ever.
impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Code, D::Error> {
        let word = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
        Ok(Code::ALL.iter().copied().find(|code| code.word() == word).unwrap_or(Code::BadAnswer))
    }
}

impl utoipa::PartialSchema for Code {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        // The derived schema lists the Rust names: it does not see the `rename` attributes that the macro generates.
        let words = Code::ALL.iter().map(|code| code.word());
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some("An error code. Its value never changes. docs/ERRORS.md describes each."))
            .enum_values(Some(words))
            .into()
    }
}

impl ToSchema for Code {}

codes! {
    // A whole request
    /// The body is not JSON.
    NotJson = "not_json", 400, false;
    /// The body is incomplete, or its compression is damaged.
    BodyTruncated = "body_truncated", 400, false;
    /// The JSON does not have the form that this route accepts.
    BadRequest = "bad_request", 400, false;
    /// The body is larger than the route's limit, also after decompression.
    BodyTooLarge = "body_too_large", 413, false;
    /// The content type or encoding is not supported.
    UnsupportedEncoding = "unsupported_encoding", 415, false;
    /// The server does not know the protocol version: the program is newer than the server.
    UnsupportedProtocol = "unsupported_protocol", 426, false;
    /// The protocol version is too old to pull. It may still sign in and push.
    ProtocolTooOld = "protocol_too_old", 426, false;
    /// No route of this name.
    NoSuchRoute = "no_such_route", 404, false;
    /// More mutations in one push than the limit.
    TooManyMutations = "too_many_mutations", 413, false;
    /// Too many attempts in a short time.
    TooManyAttempts = "too_many_attempts", 429, true;
    /// The person subscribes to more scopes than the limit.
    TooManyScopes = "too_many_scopes", 403, false;
    /// The laptop follows more scopes than the limit, or the person pins more of them than may stay.
    TooManyFollows = "too_many_follows", 409, false;
    /// The person has more devices than the limit.
    TooManyDevices = "too_many_devices", 403, false;
    /// The person has more streams open than the limit.
    TooManyStreams = "too_many_streams", 429, true;
    /// Too many requests of the organization are queued.
    TooManyRequests = "too_many_requests", 429, true;
    /// The server failed unexpectedly; the log has the details under the request id.
    Internal = "internal", 500, true;
    /// The server or its database is starting, stopping or unreachable.
    NotReady = "not_ready", 503, true;

    // Accounts and sessions
    /// The name or the password is wrong.
    WrongPassword = "wrong_password", 401, false;
    /// The account is closed.
    AccountClosed = "account_closed", 403, false;
    /// The organization is suspended: its people cannot sign in, push or pull until it is resumed.
    OrganizationSuspended = "organization_suspended", 403, false;
    /// No invitation has this code.
    UnknownCode = "unknown_code", 404, false;
    /// The code of this invitation was used before.
    CodeUsed = "code_used", 410, false;
    /// The code of this invitation is too old.
    CodeExpired = "code_expired", 410, false;
    /// The code of this invitation was revoked, or replaced by a newer one.
    CodeRevoked = "code_revoked", 410, false;
    /// The new password is shorter than the limit.
    PasswordTooShort = "password_too_short", 422, false;
    /// The access token is missing, damaged or expired.
    TokenExpired = "token_expired", 401, false;
    /// The session has ended: sign in again.
    SessionEnded = "session_ended", 401, false;
    /// The device was revoked by an administrator.
    DeviceRevoked = "device_revoked", 403, false;
    /// The device belongs to another person.
    DeviceNotYours = "device_not_yours", 403, false;

    // A push as a whole
    /// The first number leaves a gap after the last one that the server has.
    NumberGap = "number_gap", 409, false;
    /// A number was used again with other content: two laptops are copies of one database.
    NumberReused = "number_reused", 409, false;
    /// The chain before the first number is not the server's.
    ChainMismatch = "chain_mismatch", 409, false;
    /// The laptop's epoch is not the server's.
    EpochChanged = "epoch_changed", 409, false;

    // One mutation
    /// No table of this name is synced.
    UnknownEntity = "unknown_entity", 422, false;
    /// The table has no such column.
    UnknownColumn = "unknown_column", 422, false;
    /// The value does not fit its column.
    BadValue = "bad_value", 422, false;
    /// A value that a new row needs is missing.
    MissingValue = "missing_value", 422, false;
    /// The row is larger than the limit.
    RowTooLarge = "row_too_large", 422, false;
    /// The row has a value by another program that this version cannot read: an administrator corrects it there.
    RowUnreadable = "row_unreadable", 422, false;
    /// Only the server fills this column.
    ServerColumn = "server_column", 422, false;
    /// A key column of a stored row never changes.
    KeyChanged = "key_changed", 422, false;
    /// The id is not the one derived from the key.
    IdMismatch = "id_mismatch", 422, false;
    /// The writer has no right to this row.
    NotAllowed = "not_allowed", 403, false;
    /// The row does not exist, or not in this organization.
    NotFound = "not_found", 404, false;
    /// Another person changed this value meanwhile, and it is not merged automatically.
    ChangedMeanwhile = "changed_meanwhile", 409, false;
    /// The value can be set only once, and it has another one.
    AlreadySet = "already_set", 409, false;
    /// Another row has this name or code.
    Taken = "taken", 409, false;
    /// The row references another row that does not exist.
    MissingReference = "missing_reference", 422, false;
    /// The row violates a rule of its table, such as a percent above one hundred.
    RuleBroken = "rule_broken", 422, false;
    /// Other rows reference this one, or one that would be deleted with it, so it cannot be deleted.
    InUse = "in_use", 409, false;
    /// The course has no free places.
    CourseFull = "course_full", 409, false;
    /// The course has to be bought or subscribed to before somebody enrolls themselves.
    PaymentNeeded = "payment_needed", 422, false;
    /// A course that has to be completed first is not completed.
    PrerequisiteMissing = "prerequisite_missing", 422, false;
    /// The organization has more people than seats: an administrator buys seats or closes accounts.
    NoSeat = "no_seat", 422, false;
    /// No attempt is left for this test.
    NoAttemptsLeft = "no_attempts_left", 422, false;
    /// The test was deleted or is not active: no attempt at it can begin.
    TestClosed = "test_closed", 422, false;
    /// The student was not in the group on the day of this mark.
    NotAMember = "not_a_member", 422, false;
    /// The person has the maximum number of held changes.
    TooManyHeld = "too_many_held", 409, false;
    /// An earlier mutation that this one depends on was refused.
    Blocked = "blocked", 409, false;

    // The laptop
    /// The time of this test is over: it accepts no more answers. The server accepts and grades a late attempt.
    TimeOver = "time_over", 0, false;
    /// The topic or the test is locked: the course's page says what opens it.
    ContentLocked = "content_locked", 0, false;
    /// The server cannot be reached.
    Offline = "offline", 0, true;
    /// The server's address is not valid.
    BadAddress = "bad_address", 0, false;
    /// The network works, but no server answers at this address.
    NoSuchServer = "no_such_server", 0, true;
    /// The server takes the connection and then says nothing.
    ServerSilent = "server_silent", 0, true;
    /// What answers at this address does not speak `https`.
    NotSecure = "not_secure", 0, false;
    /// The server's certificate is not trusted on this laptop.
    BadCertificate = "bad_certificate", 0, false;
    /// Another window of Waystation has this person's data open.
    AlreadyOpen = "already_open", 0, false;
    /// No person is unlocked.
    Locked = "locked", 0, false;
    /// The password does not open this person's data on this laptop.
    CannotUnlock = "cannot_unlock", 0, false;
    /// The data on this laptop is still encrypted with an older password: enter that one once more.
    OldPasswordNeeded = "old_password_needed", 0, false;
    /// The key needs the system's keyring, which is not available: sign in with the server to continue.
    NoKeyring = "no_keyring", 0, false;
    /// The key file or the database is damaged.
    StoreDamaged = "store_damaged", 0, false;
    /// The database was written by a newer version of Waystation.
    StoreTooNew = "store_too_new", 0, false;
    /// The disk is full.
    DiskFull = "disk_full", 0, true;
    /// The disk could not be read or written.
    DiskFailed = "disk_failed", 0, true;
    /// A downloaded file does not have the expected content; it is downloaded again.
    FileDamaged = "file_damaged", 0, true;
    /// The file that is imported has more bytes, rows or columns than allowed, or the exported one would have.
    FileTooLarge = "file_too_large", 0, false;
    /// The file is neither a workbook nor text that can be read.
    UnreadableFile = "unreadable_file", 0, false;
    /// The file ends in the middle of a line, or of a letter.
    FileCut = "file_cut", 0, false;
    /// Several rows fit what a cell says.
    SeveralFit = "several_fit", 0, false;
    /// The file is not on this laptop yet.
    NotDownloaded = "not_downloaded", 0, false;
    /// This version cannot read the server's answer.
    BadAnswer = "bad_answer", 0, true;
}

/// The error type over IPC and HTTP.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, ToSchema, thiserror::Error)]
#[error("{}: {message}", code.word())]
pub struct Problem {
    /// What consumers match.
    pub code: Code,
    /// English, for a log or another client's author. Never shown on a screen.
    pub message: String,
    /// Whether the same request may succeed later by itself.
    pub retryable: bool,
    /// The server's log has the details under this id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub request_id: Option<String>,
    /// The fields at fault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(optional, as = "Option<Vec<String>>")]
    pub fields: Vec<String>,
}

impl Problem {
    /// A problem with an English explanation.
    pub fn new(code: Code, message: impl Into<String>) -> Problem {
        Problem { code, message: message.into(), retryable: code.retryable(), request_id: None, fields: Vec::new() }
    }

    /// Adds a field at fault.
    pub fn field(mut self, field: impl Into<String>) -> Problem {
        self.fields.push(field.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_round_trips_and_an_unknown_one_is_bad_answer() {
        for code in Code::ALL {
            let text = serde_json::to_string(code).expect("json");
            assert_eq!(text, format!("{:?}", code.word()));
            assert_eq!(serde_json::from_str::<Code>(&text).expect("a code"), *code);
        }
        assert_eq!(serde_json::from_str::<Code>("\"of_later_years\"").expect("a code"), Code::BadAnswer);
        assert!(serde_json::from_str::<Code>("7").is_err());
    }
}
