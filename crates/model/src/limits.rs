//! Every limit that the laptop and the server agree on, in one place.

/// The protocol this build speaks. A request carries the sender's number.
pub const PROTOCOL_VERSION: u32 = 1;
/// How many versions before the newest a server still sends to. It takes what any older one sends.
pub const PROTOCOL_VERSIONS_BACK: u32 = 2;

/// Mutations in one push.
pub const PUSH_MUTATIONS_MAX: usize = 500;
/// Bytes of one push body after decompression.
pub const PUSH_BODY_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of one pull request after decompression: 5,000 cursors fit.
pub const PULL_BODY_BYTES_MAX: usize = 512 * 1024;
/// Bytes of any other request body.
pub const REQUEST_BODY_BYTES_MAX: usize = 64 * 1024;
/// Bytes of one row's values as compact JSON with every number written in full: what a push may make of a row.
pub const ROW_BYTES_MAX: usize = 256 * 1024;
/// Bytes of one row as a page writes it. More than [`ROW_BYTES_MAX`], because PostgreSQL puts spaces between tokens and a
/// conflict holds two values. Plain SQL can write more; such a row is withheld from laptops.
pub const ROW_WRITTEN_BYTES_MAX: usize = 1024 * 1024;
/// Levels of arrays and objects in one value of JSON: half of what a reader takes, because requests and records nest it.
pub const JSON_DEPTH_MAX: usize = 64;
/// Rows in one pulled page.
pub const PAGE_ROWS_MAX: usize = 2_000;
/// Bytes of one pulled page before compression.
pub const PAGE_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Slices that a scope is compared in: as many as an id's last byte has values.
pub const SLICES: usize = 256;
/// Rows that a laptop names in one request for slices.
pub const SLICE_ROWS_MAX: usize = 10_000;
/// Scopes that one user may hear.
pub const SCOPES_PER_USER_MAX: usize = 5_000;
/// Bytes of a witness: what a server gives out and is shown again, to tell by it whether it has gone back in time.
pub const WITNESS_BYTES_MAX: usize = 1_024;
/// Days for which a feed remembers what is gone.
pub const TOMBSTONE_DAYS: u64 = 180;
/// How far a laptop's clock may be off before the person is told, in milliseconds.
pub const CLOCK_OFF_MS_MAX: i64 = 5 * 60 * 1000;
/// Mutations of one device whose outcomes the server keeps for a repeat.
pub const LEDGER_MUTATIONS_MAX: i64 = 100_000;
/// Days after which the server forgets what somebody formerly heard, and refuses what they had the right to then.
pub const FORMER_RIGHTS_DAYS_MAX: i64 = 180;
/// Changes of one person that may wait for somebody else's decision.
pub const HELD_CHANGES_MAX: usize = 1_000;
/// Rows of one person that a server has lost and that wait for a decision.
pub const OFFERED_ROWS_MAX: usize = 1_000;
/// Bytes of all of them together.
pub const OFFERED_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Days for which a decision about an offered row is remembered.
pub const OFFERED_DAYS_MAX: u64 = 180;
/// zstd level of request and answer bodies: beyond it the wire gains under 3 % and the server loses half its speed.
pub const ZSTD_LEVEL: i32 = 3;
