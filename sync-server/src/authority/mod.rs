//! The storage interface of push and pull. In production the authoritative rows are in PostgreSQL; a simulator keeps them in
//! memory, so that the same rules run a million times.
//!
//! The traits contain only what the rules need. How a row is read or locked, and how feeds are updated after a change, is left to
//! the implementation.

pub mod postgres;

use std::collections::HashMap;

use serde_json::{Map, Value};
use uuid::Uuid;
use waystation_model::access::{Actor, Role};
use waystation_model::chain::{CONTENT_HASH_BYTES, Chain};
use waystation_model::grading::GradedQuestion;
use waystation_model::limits::PAGE_ROWS_MAX;
use waystation_model::merge::Stored;
use waystation_model::registry::Entity;
use waystation_model::rules::attempts;
use waystation_model::wire::NumberedOutcome;

use crate::accounts::Session;
use crate::epoch::LogPosition;
use crate::failure::Failure;

/// Storage of the authoritative rows.
pub trait Authority: Sync {
    /// One transaction of a push. Dropped without a commit, it changes nothing.
    type Writing: Writing;
    /// A read-only snapshot for one page.
    type Snapshot: Snapshot;

    /// The server's clock in milliseconds.
    fn now_ms(&self) -> i64;
    /// The most rows in one pulled page. The simulator has few rows and uses a smaller limit to get several pages.
    fn page_rows_max(&self) -> usize {
        PAGE_ROWS_MAX
    }
    /// Begins the transaction of a push.
    fn write(&self) -> impl Future<Output = Result<Self::Writing, Failure>> + Send;
    /// Stores the scopes that a user subscribes to, and when former ones were lost. `rights_at`: the sum of the heads of the user's
    /// access scopes when the scopes were read; what was read later is not overwritten.
    fn store_rights(&self, user: Uuid, scopes: &[String], rights_at: i64) -> impl Future<Output = Result<(), Failure>> + Send;
    /// Records that a page telling the device of a lost scope is being sent.
    fn mark_losses_sent(&self, device: Uuid) -> impl Future<Output = Result<(), Failure>> + Send;
    /// Records that the device has received the losses sent at this moment, in microseconds, unless newer ones were sent since.
    fn confirm_losses(&self, device: Uuid, sent_us: i64) -> impl Future<Output = Result<(), Failure>> + Send;
    /// Removes rows that cannot be sent from their feeds, unless they have changed since they were read. Returns the heads that
    /// moved.
    fn withhold(&self, rows: &[FeedRowKey]) -> impl Future<Output = Result<Vec<(String, i64)>, Failure>> + Send;
    /// Begins a snapshot.
    fn snapshot(&self) -> impl Future<Output = Result<Self::Snapshot, Failure>> + Send;
}

/// A row as it was read before a change.
#[derive(Debug)]
pub struct Found {
    /// UUID.
    pub id: Uuid,
    /// Organization that owns the row.
    pub organization_id: Uuid,
    /// Values and edits.
    pub stored: Stored,
}

/// One push as the ledger stores it.
#[derive(Debug)]
pub struct Pushed {
    /// The number of its first mutation.
    pub first_n: i64,
    /// The content hash of each of its mutations.
    pub hashes: Vec<[u8; CONTENT_HASH_BYTES]>,
    /// The outcomes that are not plainly `applied`.
    pub outcomes: Vec<NumberedOutcome>,
}

/// A device's ledger, locked by a push.
#[derive(Debug, Clone, Copy)]
pub struct LockedLedger {
    /// The number of its last mutation.
    pub last_n: i64,
    /// The chain there.
    pub chain: Chain,
    /// Log position of the database, as known before anything is written.
    pub reached: LogPosition,
    /// The last stamp that was issued.
    pub last_stamp: i64,
}

/// What a push adds to its device's ledger.
#[derive(Debug)]
pub struct LedgerEntry<'a> {
    /// The device.
    pub device: Uuid,
    /// The number of the first new mutation.
    pub first_n: i64,
    /// The number of the last one; smaller than the first when there is none.
    pub last_n: i64,
    /// The chain at `last_n`.
    pub chain: &'a Chain,
    /// The content hash of each new mutation.
    pub hashes: &'a [[u8; CONTENT_HASH_BYTES]],
    /// The outcomes that are not plainly `applied`.
    pub outcomes: &'a [NumberedOutcome],
    /// Outcomes up to this number are deleted.
    pub forget_upto: i64,
}

/// A conflict that is not settled.
#[derive(Debug)]
pub struct OpenConflict {
    /// UUID.
    pub id: Uuid,
    /// The row.
    pub row_id: Uuid,
    /// The tracked group.
    pub field: String,
    /// The device that wrote the losing value.
    pub lost_device: Option<Uuid>,
    /// The losing value: columns and values.
    pub lost_values: Value,
    /// Ranges of row stamps during which the value was current, first and last; empty when it never was.
    pub stood: Vec<(i64, i64)>,
}

/// A conflict to store.
#[derive(Debug)]
pub struct KeptConflict<'a> {
    /// UUID.
    pub id: Uuid,
    /// Organization that owns the row.
    pub organization_id: Uuid,
    /// The table.
    pub entity: &'a str,
    /// The row.
    pub row_id: Uuid,
    /// The tracked group.
    pub field: &'a str,
    /// The losing values by column.
    pub lost_values: Map<String, Value>,
    /// The user who wrote the losing value.
    pub lost_by: Option<Uuid>,
    /// When the losing value was written, in milliseconds.
    pub lost_at_ms: i64,
    /// The device on which it was written.
    pub lost_device: Option<Uuid>,
    /// Ranges of row stamps during which the value was current, first and last; empty when it never was.
    pub stood: Vec<(i64, i64)>,
    /// The current values by column.
    pub kept_values: Map<String, Value>,
    /// The user who wrote the current values.
    pub kept_by: Option<Uuid>,
    /// When they were written, in milliseconds.
    pub kept_at_ms: Option<i64>,
    /// The group whose staff settle it.
    pub group_id: Option<Uuid>,
    /// The course whose staff settle it.
    pub course_id: Option<Uuid>,
    /// The person who settles it when the row has neither group nor course.
    pub author_id: Option<Uuid>,
}

/// An offered state of a row.
#[derive(Debug)]
pub struct OfferedState {
    /// The offer.
    pub id: Uuid,
    /// The row's stamp, as decimal digits.
    pub row_stamp: String,
    /// Columns and values.
    pub fields: Value,
}

/// Identifies an offered state: the row and its stamp.
#[derive(Debug)]
pub struct OfferKey {
    /// The table.
    pub entity: &'static str,
    /// The row.
    pub row_id: Uuid,
    /// The stamp.
    pub row_stamp: i64,
}

/// A right that a user has or had: a scope or a role.
#[derive(Debug)]
pub struct FormerRight {
    /// The scope; a role is written as `role:teacher`.
    pub scope: String,
    /// When the device last confirmed receiving losses, in microseconds, if that was after this right was lost: changes made later
    /// were made with knowledge of the loss. None: the device has not been told.
    pub confirmed_us: Option<i64>,
}

/// Candidates for a free value of one column.
#[derive(Debug)]
pub struct Candidates<'a> {
    /// The table.
    pub entity: &'a Entity,
    /// The column.
    pub field: &'a str,
    /// The organization in which the value has to be free; none: everywhere.
    pub organization: Option<Uuid>,
    /// Candidates in order. Compared without regard to case.
    pub texts: Vec<String>,
}

/// A student, a group and the day of a lesson.
#[derive(Debug)]
pub struct LessonDay {
    /// The group.
    pub group: Uuid,
    /// The student.
    pub student: Uuid,
    /// The day, `YYYY-MM-DD`.
    pub day: String,
}

/// How a test is graded.
#[derive(Debug)]
pub struct GradingKey {
    /// Whether laptops grade it; then they have its key.
    pub graded_on_laptops: bool,
    /// Whether a learner may see what was right and what was wrong.
    pub shows_explanations: bool,
    /// Attempts per learner; none: unlimited.
    pub attempts_max: Option<i64>,
    /// Whether it was deleted or is not active.
    pub is_closed: bool,
    /// Percent needed to pass.
    pub passing_percent: f64,
    /// The correct answers by question; null when there is no key.
    pub keys: Value,
    /// The questions in their order.
    pub questions: Vec<GradedQuestion>,
}

impl GradingKey {
    /// The key of a test that does not exist: nothing is graded by it.
    pub fn none() -> GradingKey {
        GradingKey {
            graded_on_laptops: false,
            shows_explanations: false,
            attempts_max: None,
            is_closed: true,
            passing_percent: 100.0,
            keys: Value::Null,
            questions: Vec::new(),
        }
    }

    /// Whether the marks of each question may be shown to a learner who has handed in this many attempts. Shown before the last
    /// attempt, they would reveal the key after as many attempts as a question has options.
    pub fn may_tell_marks(&self, handed_in: usize) -> bool {
        let none_left = || attempts::left(self.attempts_max, i64::try_from(handed_in).unwrap_or(i64::MAX)) == Some(0);
        self.graded_on_laptops || (self.shows_explanations && none_left())
    }
}

/// One transaction of a push.
pub trait Writing: Send + Sized {
    /// Refuses a session, device or account that was closed.
    fn check_alive(&mut self, session: &Session) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Whether the heads of these scopes no longer sum up to `sum`. The default, false, is for an implementation without other
    /// writers, where every push uses the current heads.
    fn moved_since(&mut self, scopes: &[String], sum: i64) -> impl Future<Output = Result<bool, Failure>> + Send {
        let _ = (scopes, sum);
        async { Ok(false) }
    }
    /// The user's current role and scopes, including changes made by this transaction. None: the implementation leaves the rights
    /// as they were at the beginning.
    fn rights(&mut self, user: Uuid) -> impl Future<Output = Result<Option<Actor>, Failure>> + Send {
        let _ = user;
        async { Ok(None) }
    }

    /// The scopes and role that were last stored for a user, and those lost since this moment, in milliseconds. A role is written
    /// as `role:teacher`.
    fn former_rights(&mut self, user: Uuid, device: Uuid, since_ms: i64) -> impl Future<Output = Result<Vec<FormerRight>, Failure>> + Send;
    /// Number of held changes of this author that are not decided.
    fn waiting_changes(&mut self, author: Uuid) -> impl Future<Output = Result<usize, Failure>> + Send;
    /// Number of undecided rows that this person has offered, and their bytes in total.
    fn offers(&mut self, offered_by: Uuid) -> impl Future<Output = Result<(usize, usize), Failure>> + Send;
    /// All offers of one row.
    fn offers_of(&mut self, entity: &Entity, row: Uuid) -> impl Future<Output = Result<Vec<OfferedState>, Failure>> + Send;
    /// Whether this person offers a different row under the same stamp.
    fn offers_under(&mut self, offered_by: Uuid, key: &OfferKey) -> impl Future<Output = Result<bool, Failure>> + Send;
    /// Counts a further person who offers the same state as a waiting offer, each person once.
    fn second_offer(&mut self, offer: Uuid, seconder: Uuid) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Locks a device's ledger until the transaction ends.
    fn lock_ledger(&mut self, device: Uuid) -> impl Future<Output = Result<LockedLedger, Failure>> + Send;
    /// The stored pushes that contain any number from `first_n` to `last_n`, in order.
    fn pushes(&mut self, device: Uuid, first_n: i64, last_n: i64) -> impl Future<Output = Result<Vec<Pushed>, Failure>> + Send;
    /// Stores a push and deletes those whose outcomes the device has seen. Returns the position of the database's log after that.
    fn store_push(&mut self, entry: LedgerEntry<'_>) -> impl Future<Output = Result<i64, Failure>> + Send;

    /// Sets a savepoint.
    fn savepoint(&mut self) -> impl Future<Output = Result<(), Failure>> + Send;
    /// Releases the latest savepoint and keeps the changes made since.
    fn release(&mut self) -> impl Future<Output = Result<(), Failure>> + Send;
    /// Rolls back to the latest savepoint and releases it.
    fn roll_back(&mut self) -> impl Future<Output = Result<(), Failure>> + Send;

    /// A person's full name, shown next to what they did. Locks nothing.
    fn name(&mut self, organization: Uuid, user: Uuid) -> impl Future<Output = Result<Option<String>, Failure>> + Send;

    /// Reads and locks the rows with these ids, in id order. Rows of other organizations may be left out.
    fn rows(&mut self, entity: &Entity, ids: &[Uuid]) -> impl Future<Output = Result<Vec<Found>, Failure>> + Send;
    /// Those of these ids that rows of other organizations have. The default, none, is for an implementation whose `rows` returns
    /// such rows.
    fn ids_elsewhere(&mut self, entity: &Entity, ids: &[Uuid]) -> impl Future<Output = Result<Vec<Uuid>, Failure>> + Send {
        let _ = (entity, ids);
        async { Ok(Vec::new()) }
    }
    /// Inserts rows that did not exist when they were read; `InsertedConcurrently` when one of them exists now.
    fn insert(
        &mut self,
        entity: &Entity,
        organization: Uuid,
        ids: &[Uuid],
        rows: &[&Stored],
    ) -> impl Future<Output = Result<(), Failure>> + Send;
    /// Updates existing rows.
    fn update(&mut self, entity: &Entity, ids: &[Uuid], rows: &[&Stored]) -> impl Future<Output = Result<(), Failure>> + Send;
    /// Deletes a row.
    fn delete(&mut self, entity: &Entity, id: Uuid) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Whether a stamp was issued in a lost epoch: one whose end is missing because the database went back in time.
    fn is_of_lost_epoch(&mut self, stamp: i64) -> impl Future<Output = Result<bool, Failure>> + Send;

    /// The open conflicts of these rows, in the order of their ids.
    fn open_conflicts(&mut self, entity: &Entity, rows: Vec<Uuid>) -> impl Future<Output = Result<Vec<OpenConflict>, Failure>> + Send;
    /// Deletes conflicts.
    fn forget_conflicts(&mut self, ids: Vec<Uuid>) -> impl Future<Output = Result<(), Failure>> + Send;
    /// Inserts a conflict or overwrites the one with this id, and marks it open.
    fn keep_conflict(&mut self, conflict: KeptConflict<'_>) -> impl Future<Output = Result<(), Failure>> + Send;
    /// Stores the ranges of row stamps during which the conflict's value was current.
    fn store_current_ranges(&mut self, id: Uuid, stood: &[(i64, i64)]) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Whether each of these students was in the group on that day, in the same order.
    fn belongs_on(&mut self, days: &[LessonDay]) -> impl Future<Output = Result<Vec<bool>, Failure>> + Send;
    /// Which of these tests are deleted or not active.
    fn closed_tests(&mut self, tests: &[Uuid]) -> impl Future<Output = Result<Vec<Uuid>, Failure>> + Send;
    /// The attempts at a test that a person has handed in.
    fn handed_in(&mut self, assessment: Uuid, user: Uuid) -> impl Future<Output = Result<Vec<Uuid>, Failure>> + Send;
    /// How a test is graded.
    fn grading_key(&mut self, assessment: Uuid) -> impl Future<Output = Result<GradingKey, Failure>> + Send;
    /// The first of the candidates that is not taken.
    fn first_free(&mut self, tries: Candidates<'_>) -> impl Future<Output = Result<Option<String>, Failure>> + Send;

    /// Commits, and returns the heads that moved.
    fn commit(self) -> impl Future<Output = Result<Vec<(String, i64)>, Failure>> + Send;
}

/// How many of a device's mutations the server has.
#[derive(Debug, Clone, Copy)]
pub struct DeviceState {
    /// The number of the last one.
    pub last_n: i64,
    /// The chain there.
    pub chain: Chain,
    /// Mutations up to this number are in a backup.
    pub backed_up_n: i64,
    /// When losses were last sent to the device, in microseconds, if it has not confirmed them.
    pub losses_sent: Option<i64>,
    /// Log position of the database: everything in the snapshot lies before it, on disk.
    pub reached: LogPosition,
}

/// The head of one scope.
#[derive(Debug, Clone)]
pub struct Head {
    /// The feed's numeric id of the scope.
    pub id: i64,
    /// The scope.
    pub scope: String,
    /// Version of its latest change.
    pub version: i64,
    /// The sum of its live rows' hashes.
    pub checksum: i64,
}

/// State of a row in one feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedState {
    /// The row belongs to the scope.
    Live,
    /// The row now belongs to other scopes only.
    Left,
    /// The row was deleted.
    Deleted,
    /// The row exists and cannot be sent.
    Withheld,
}

/// One entry of one feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedRowKey {
    /// The feed's numeric id of the scope.
    pub scope_id: i64,
    /// The table's code.
    pub entity: i16,
    /// The row.
    pub row_id: Uuid,
    /// Version of the entry in its feed.
    pub version: i64,
}

/// A row of a feed.
#[derive(Debug, Clone)]
pub struct FeedRow {
    /// `place` of the [`FeedFrom`] to which it belongs.
    pub place: i64,
    /// The table's code.
    pub entity: i16,
    /// The row.
    pub row_id: Uuid,
    /// Version of the entry in its feed.
    pub version: i64,
    /// The row's state in the feed.
    pub state: FeedState,
}

/// Where reading one scope's feed starts.
#[derive(Debug, Clone, Copy)]
pub struct FeedFrom {
    /// Ordinal of the scope in the page, returned with each row.
    pub place: i64,
    /// The feed's numeric id of the scope.
    pub id: i64,
    /// Rows after this version are read.
    pub after: i64,
}

/// Rows as JSON tuples, by table and row.
pub type RowTuples = HashMap<(i16, Uuid), String>;

/// A snapshot that a page or a subscription is read from.
pub trait Snapshot: Send + Sized {
    /// Refuses a session, device or account that was closed.
    fn check_alive(&mut self, session: &Session) -> impl Future<Output = Result<(), Failure>> + Send;
    /// How many of a device's mutations the server has.
    fn device_state(&mut self, device: Uuid) -> impl Future<Output = Result<DeviceState, Failure>> + Send;
    /// The heads of these scopes; scopes without a head are left out.
    fn heads(&mut self, scopes: &[String]) -> impl Future<Output = Result<Vec<Head>, Failure>> + Send;
    /// The next rows of these feeds, feed by feed and each in version order, at most `rows_max`.
    fn feed(&mut self, from: &[FeedFrom], rows_max: usize) -> impl Future<Output = Result<Vec<FeedRow>, Failure>> + Send;
    /// Rows as tuples, by table code and id. A row that cannot be sent is left out.
    fn tuples(&mut self, ids: &HashMap<i16, Vec<Uuid>>) -> impl Future<Output = Result<RowTuples, Failure>> + Send;
    /// Organization and role of an account that is open. Fails with `organization_suspended` where that is the reason.
    fn account(&mut self, user: Uuid) -> impl Future<Output = Result<Option<(Uuid, Role)>, Failure>> + Send;
    /// The scopes that a user subscribes to, in any order.
    fn scopes(&mut self, user: Uuid) -> impl Future<Output = Result<Vec<String>, Failure>> + Send;
    /// Those of these people who are in the organization.
    fn people(&mut self, organization: Uuid, ids: &[Uuid]) -> impl Future<Output = Result<Vec<Uuid>, Failure>> + Send;
    /// The sum of row hashes of each slice of a feed; empty slices are left out. A row's slice is the last byte of its id.
    fn slice_sums(&mut self, feed: i64) -> impl Future<Output = Result<Vec<(u8, i64)>, Failure>> + Send;
    /// The live rows of these slices whose hashes are not in `named`, at most `rows_max`.
    fn slice_rows_but(
        &mut self,
        feed: i64,
        slices: &[u8],
        named: &[i64],
        rows_max: usize,
    ) -> impl Future<Output = Result<Vec<FeedRowKey>, Failure>> + Send;
    /// Those of these hashes that live rows of the feed have.
    fn known_hashes(&mut self, feed: i64, named: &[i64]) -> impl Future<Output = Result<Vec<i64>, Failure>> + Send;
    /// The stamp ranges of lost epochs, whose ends are missing because the database went back in time: after the first stamp, up to
    /// the second.
    fn lost_epochs(&mut self) -> impl Future<Output = Result<Vec<(i64, i64)>, Failure>> + Send;
    /// The rights that were last stored for a user, sorted; none when nothing is stored.
    fn known_rights(&mut self, user: Uuid) -> impl Future<Output = Result<Option<Vec<String>>, Failure>> + Send;
    /// Ends the snapshot.
    fn end(self) -> impl Future<Output = Result<(), Failure>> + Send;
}
