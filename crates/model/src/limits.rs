//! The limits that the laptop and the server share.

/// The protocol this build speaks. A request carries the sender's number.
pub const PROTOCOL_VERSION: u32 = 1;
/// How many versions before the newest may pull. Any older one may push.
pub const PROTOCOL_VERSIONS_BACK: u32 = 2;

/// Mutations in one push.
pub const PUSH_MUTATIONS_MAX: usize = 500;
/// Bytes of one push body after decompression.
pub const PUSH_BODY_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of one pull request after decompression: 5,000 cursors fit.
pub const PULL_BODY_BYTES_MAX: usize = 512 * 1024;
/// Bytes of any other request body.
pub const REQUEST_BODY_BYTES_MAX: usize = 64 * 1024;
/// Bytes of one row's values after a push, as compact JSON with every number written in full.
pub const ROW_BYTES_MAX: usize = 256 * 1024;
/// Bytes of one row as a page writes it. More than [`ROW_BYTES_MAX`], because PostgreSQL puts spaces between tokens and a
/// conflict contains two values. Plain SQL can write larger rows; these are withheld from laptops.
pub const ROW_WRITTEN_BYTES_MAX: usize = 1024 * 1024;
/// Levels of arrays and objects in one JSON value: half of what a parser accepts, because requests and records nest it.
pub const JSON_DEPTH_MAX: usize = 64;
/// Rows in one pulled page.
pub const PAGE_ROWS_MAX: usize = 2_000;
/// Bytes of one pulled page before compression.
pub const PAGE_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Slices of a scope: one per value of an id's last byte.
pub const SLICES: usize = 256;
/// Rows that a laptop names in one request for slices.
pub const SLICE_ROWS_MAX: usize = 10_000;
/// Scopes that one user may subscribe to.
pub const SCOPES_PER_USER_MAX: usize = 5_000;
/// The most scopes that one laptop follows beside those of its person's subscription. Each costs the server a look-up in every page.
pub const FOLLOWS_MAX: usize = 50;
/// The most of them that a person pins. The others are let go in turn, so there is always room for one more.
pub const FOLLOWS_PINNED_MAX: usize = 40;
/// Bytes of a witness: a token that the server issues and later receives again, to detect that its database went back in time.
pub const WITNESS_BYTES_MAX: usize = 1_024;
/// Days for which a feed keeps tombstones.
pub const TOMBSTONE_DAYS: u64 = 180;
/// Clock error of a laptop from which on the person is warned, in milliseconds.
pub const CLOCK_OFF_MS_MAX: i64 = 5 * 60 * 1000;
/// Mutations of one device whose outcomes the server keeps to answer a repeated push.
pub const LEDGER_MUTATIONS_MAX: i64 = 100_000;
/// Days for which the server keeps a user's former scopes. A change under a right lost earlier is refused instead of held.
pub const FORMER_RIGHTS_DAYS_MAX: i64 = 180;
/// Held changes of one person that may wait for a decision.
pub const HELD_CHANGES_MAX: usize = 1_000;
/// Rows offered by one person that may wait for a decision.
pub const OFFERED_ROWS_MAX: usize = 1_000;
/// Bytes of all rows that one person offers and that wait for a decision.
pub const OFFERED_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Days for which a decision about an offered row is remembered.
pub const OFFERED_DAYS_MAX: u64 = 180;
/// Characters that a new password needs.
pub const PASSWORD_LENGTH_MIN: usize = 8;
/// zstd level of request and answer bodies: a higher one saves under 3 % of the bytes and halves the server's speed.
pub const ZSTD_LEVEL: i32 = 3;
