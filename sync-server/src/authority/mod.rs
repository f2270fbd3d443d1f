//! What push and pull ask of whatever keeps the authoritative rows. PostgreSQL keeps them for people; a simulator keeps them
//! in memory, so that the very same rules run a million times.
//!
//! Only words of the rules stand here. How a row is read or locked, and how its feeds come to know of a change, is the
//! keeper's own.

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
use waystation_model::wire::NumberedOutcome;

use crate::accounts::Session;
use crate::epoch::Reached;
use crate::failure::Failure;

/// Keeps the authoritative rows.
pub trait Authority: Sync {
    /// One transaction of a push. Dropped without a commit, it changed nothing.
    type Writing: Writing;
    /// One snapshot that a page is read from.
    type Snapshot: Snapshot;

    /// The server's clock in milliseconds.
    fn now_ms(&self) -> i64;
    /// Rows in one pulled page. A simulator has fewer rows than people do and cuts them into as many pages.
    fn page_rows_max(&self) -> usize {
        PAGE_ROWS_MAX
    }
    /// Begins a push.
    fn write(&self) -> impl Future<Output = Result<Self::Writing, Failure>> + Send;
    /// Remembers what a user hears by now, and when they lost what they heard before. It was read when the heads of their
    /// access summed up to `rights_at`; what was read later is not replaced.
    fn know_rights(&self, user: Uuid, scopes: &[String], rights_at: i64) -> impl Future<Output = Result<(), Failure>> + Send;
    /// Remembers that a device is being told of something that its user hears no more.
    fn tell_losses(&self, device: Uuid) -> impl Future<Output = Result<(), Failure>> + Send;
    /// Remembers that a device has received what it was told of losses at this moment, in microseconds, unless it was told of
    /// more since.
    fn confirm_losses(&self, device: Uuid, sent_us: i64) -> impl Future<Output = Result<(), Failure>> + Send;
    /// Takes rows that cannot be sent out of their feeds, as far as they have not moved since they were read, and returns the
    /// heads that moved.
    fn withhold(&self, rows: &[FeedPlace]) -> impl Future<Output = Result<Vec<(String, i64)>, Failure>> + Send;
    /// Begins to read.
    fn snapshot(&self) -> impl Future<Output = Result<Self::Snapshot, Failure>> + Send;
}

/// A row as it was found for a change.
#[derive(Debug)]
pub struct Found {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub organization_id: Uuid,
    /// Its state.
    pub stored: Stored,
}

/// What the ledger keeps of one push.
#[derive(Debug)]
pub struct Pushed {
    /// The number of its first mutation.
    pub first_n: i64,
    /// The content hash of each of its mutations.
    pub hashes: Vec<[u8; CONTENT_HASH_BYTES]>,
    /// The outcomes that are not plainly `applied`.
    pub outcomes: Vec<NumberedOutcome>,
}

/// A device's ledger as a push finds it.
#[derive(Debug, Clone, Copy)]
pub struct LockedLedger {
    /// The number of its last mutation.
    pub last_n: i64,
    /// The chain there.
    pub chain: Chain,
    /// Where the database is, as far as that is known before anything is written.
    pub reached: Reached,
    /// The last stamp that was given to anything.
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
    /// Up to here the outcomes are forgotten.
    pub forget_upto: i64,
}

/// A conflict that nobody has settled.
#[derive(Debug)]
pub struct OpenConflict {
    /// Its id.
    pub id: Uuid,
    /// The row.
    pub row_id: Uuid,
    /// The tracked group.
    pub field: String,
    /// Who holds the value.
    pub lost_device: Option<Uuid>,
    /// The value held.
    pub lost_values: Value,
    /// The row's stamps under which it stood, the first and the last of each time; none when it never did.
    pub stood: Vec<(i64, i64)>,
}

/// A conflict to write down.
#[derive(Debug)]
pub struct KeptConflict<'a> {
    /// Its id.
    pub id: Uuid,
    /// Whose row it is about.
    pub organization_id: Uuid,
    /// The table.
    pub entity: &'a str,
    /// The row.
    pub row_id: Uuid,
    /// The tracked group.
    pub field: &'a str,
    /// What is held.
    pub lost_values: Map<String, Value>,
    /// Who holds it.
    pub lost_by: Option<Uuid>,
    /// When it was said, in milliseconds.
    pub lost_at_ms: i64,
    /// On which device.
    pub lost_device: Option<Uuid>,
    /// The row's stamps under which it stood, the first and the last of each time; none when it never did.
    pub stood: Vec<(i64, i64)>,
    /// What stands.
    pub kept_values: Map<String, Value>,
    /// Who said it.
    pub kept_by: Option<Uuid>,
    /// When, in milliseconds.
    pub kept_at_ms: Option<i64>,
    /// The group whose staff settle it.
    pub group_id: Option<Uuid>,
    /// The course whose staff settle it.
    pub course_id: Option<Uuid>,
    /// The person who settles it where there are no staff.
    pub author_id: Option<Uuid>,
}

/// A state of a row that somebody has offered.
#[derive(Debug)]
pub struct OfferedState {
    /// The offer.
    pub id: Uuid,
    /// The row's stamp, in digits.
    pub row_stamp: String,
    /// The columns.
    pub fields: Value,
}

/// Which row is offered, and under which stamp it was known.
#[derive(Debug)]
pub struct OfferKey {
    /// The table.
    pub entity: &'static str,
    /// The row.
    pub row_id: Uuid,
    /// The stamp.
    pub row_stamp: i64,
}

/// Something that a person hears, or is, or did or was.
#[derive(Debug)]
pub struct FormerRight {
    /// The scope; a role stands for itself as `role:teacher`.
    pub scope: String,
    /// When their device was last told of a loss, in microseconds, if that was after this one: what was done later was done
    /// knowing it. None: the device knows nothing of it.
    pub told_us: Option<i64>,
}

/// Values of one column to try for a free one.
#[derive(Debug)]
pub struct Tries<'a> {
    /// The table.
    pub entity: &'a Entity,
    /// The column.
    pub field: &'a str,
    /// Free within this organization, or everywhere.
    pub organization: Option<Uuid>,
    /// What to try, in order. Upper and lower case are the same.
    pub texts: Vec<String>,
}

/// One student of a group on the day of a lesson.
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
    /// Whether laptops grade it, and so have its key.
    pub graded_on_laptops: bool,
    /// Whether a learner may see what was right and what was wrong.
    pub shows_explanations: bool,
    /// How often a learner may try it; none: as often as they like.
    pub attempts_max: Option<i64>,
    /// Whether it was deleted or is not active.
    pub is_closed: bool,
    /// The percent that is enough.
    pub passing_percent: f64,
    /// The right answers by question; null when there is no key.
    pub keys: Value,
    /// The questions in their order.
    pub questions: Vec<GradedQuestion>,
}

impl GradingKey {
    /// Of a test that is not there: nothing is graded by it.
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

    /// Whether the marks of each question may be told to somebody who has handed in this many attempts. Before the last one
    /// they would give the key away in as many attempts as a question has options.
    pub fn may_tell_marks(&self, handed_in: usize) -> bool {
        let none_left = || self.attempts_max.is_some_and(|most| i64::try_from(handed_in).unwrap_or(i64::MAX) >= most);
        self.graded_on_laptops || (self.shows_explanations && none_left())
    }
}

/// One transaction of a push.
pub trait Writing: Send + Sized {
    /// Refuses a session, device or account that was closed.
    fn check_alive(&mut self, session: &Session) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Whether any of these scopes has moved since their heads summed up to `sum`. A keeper that nobody else writes to, and
    /// whose heads every push knows, has no need to look.
    fn moved_since(&mut self, scopes: &[String], sum: i64) -> impl Future<Output = Result<bool, Failure>> + Send {
        let _ = (scopes, sum);
        async { Ok(false) }
    }
    /// What a person is and hears by now, what this transaction has changed included; none where the keeper leaves the rights
    /// as they were at the beginning.
    fn rights(&mut self, user: Uuid) -> impl Future<Output = Result<Option<Actor>, Failure>> + Send {
        let _ = user;
        async { Ok(None) }
    }

    /// What a user was last known to hear, and what they lost since this moment, in milliseconds. A role stands among the
    /// scopes as `role:teacher`.
    fn former_rights(&mut self, user: Uuid, device: Uuid, since_ms: i64) -> impl Future<Output = Result<Vec<FormerRight>, Failure>> + Send;
    /// How many changes of this author wait for somebody else's decision.
    fn waiting_changes(&mut self, author: Uuid) -> impl Future<Output = Result<usize, Failure>> + Send;
    /// How many rows wait that this person has offered, and their bytes together.
    fn offers(&mut self, offered_by: Uuid) -> impl Future<Output = Result<(usize, usize), Failure>> + Send;
    /// What was offered of one row, by anybody.
    fn offers_of(&mut self, entity: &Entity, row: Uuid) -> impl Future<Output = Result<Vec<OfferedState>, Failure>> + Send;
    /// Whether this person offers another row than this one under its stamp.
    fn offers_under(&mut self, offered_by: Uuid, key: &OfferKey) -> impl Future<Output = Result<bool, Failure>> + Send;
    /// Counts one more person who offers the very same as an offer that waits, each person once.
    fn second_offer(&mut self, offer: Uuid, seconder: Uuid) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Locks a device's ledger until the transaction ends.
    fn lock_ledger(&mut self, device: Uuid) -> impl Future<Output = Result<LockedLedger, Failure>> + Send;
    /// The remembered pushes that hold any number from `first_n` to `last_n`, in order.
    fn pushes(&mut self, device: Uuid, first_n: i64, last_n: i64) -> impl Future<Output = Result<Vec<Pushed>, Failure>> + Send;
    /// Writes a push down and forgets those whose outcomes the device has seen. Returns where the log of the database is then.
    fn store_push(&mut self, entry: LedgerEntry<'_>) -> impl Future<Output = Result<i64, Failure>> + Send;

    /// Remembers this moment, to come back to it.
    fn savepoint(&mut self) -> impl Future<Output = Result<(), Failure>> + Send;
    /// Forgets the latest savepoint and keeps what was done since.
    fn release(&mut self) -> impl Future<Output = Result<(), Failure>> + Send;
    /// Takes back what was done since the latest savepoint, and forgets it.
    fn roll_back(&mut self) -> impl Future<Output = Result<(), Failure>> + Send;

    /// A person's name, to be shown beside what they did. It locks nothing.
    fn name(&mut self, organization: Uuid, user: Uuid) -> impl Future<Output = Result<Option<String>, Failure>> + Send;

    /// Reads and locks the rows with these ids, in id order.
    fn rows(&mut self, entity: &Entity, ids: &[Uuid]) -> impl Future<Output = Result<Vec<Found>, Failure>> + Send;
    /// Makes rows that were not found before; `MadeMeanwhile` when one of them is there by now.
    fn insert(
        &mut self,
        entity: &Entity,
        organization: Uuid,
        ids: &[Uuid],
        rows: &[&Stored],
    ) -> impl Future<Output = Result<(), Failure>> + Send;
    /// Writes rows that are there.
    fn update(&mut self, entity: &Entity, ids: &[Uuid], rows: &[&Stored]) -> impl Future<Output = Result<(), Failure>> + Send;
    /// Deletes a row.
    fn delete(&mut self, entity: &Entity, id: Uuid) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Whether a stamp was given in a life of this server that a backup took the place of.
    fn is_of_lost_life(&mut self, stamp: i64) -> impl Future<Output = Result<bool, Failure>> + Send;

    /// The open conflicts of these rows, in the order of their ids.
    fn open_conflicts(&mut self, entity: &Entity, rows: Vec<Uuid>) -> impl Future<Output = Result<Vec<OpenConflict>, Failure>> + Send;
    /// Deletes conflicts.
    fn forget_conflicts(&mut self, ids: Vec<Uuid>) -> impl Future<Output = Result<(), Failure>> + Send;
    /// Writes a conflict, over the one of this id; it is open then.
    fn keep_conflict(&mut self, conflict: KeptConflict<'_>) -> impl Future<Output = Result<(), Failure>> + Send;
    /// Writes down under which stamps of the row the value of a conflict stood.
    fn note_stood(&mut self, id: Uuid, stood: &[(i64, i64)]) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Whether each of these students was in the group on that day, in the same order.
    fn belongs_on(&mut self, days: &[LessonDay]) -> impl Future<Output = Result<Vec<bool>, Failure>> + Send;
    /// Which of these tests are deleted or not active.
    fn closed_tests(&mut self, tests: &[Uuid]) -> impl Future<Output = Result<Vec<Uuid>, Failure>> + Send;
    /// The attempts at a test that a person has handed in.
    fn handed_in(&mut self, assessment: Uuid, user: Uuid) -> impl Future<Output = Result<Vec<Uuid>, Failure>> + Send;
    /// How a test is graded.
    fn grading_key(&mut self, assessment: Uuid) -> impl Future<Output = Result<GradingKey, Failure>> + Send;
    /// The first of some values that nobody has.
    fn first_free(&mut self, tries: Tries<'_>) -> impl Future<Output = Result<Option<String>, Failure>> + Send;

    /// Makes everything stand, and returns the heads that moved.
    fn stand(self) -> impl Future<Output = Result<Vec<(String, i64)>, Failure>> + Send;
}

/// How far the server has a device's mutations.
#[derive(Debug, Clone, Copy)]
pub struct DeviceState {
    /// The number of the last one.
    pub last_n: i64,
    /// The chain there.
    pub chain: Chain,
    /// Those up to here are in a backup.
    pub backed_up_n: i64,
    /// When it was told of losses, in microseconds, if it may not have received that.
    pub losses_sent: Option<i64>,
    /// Where the database is: everything that the snapshot sees lies before it, on the disk.
    pub reached: Reached,
}

/// The head of one scope.
#[derive(Debug, Clone)]
pub struct Head {
    /// What the feed calls the scope.
    pub id: i64,
    /// The scope.
    pub scope: String,
    /// The version of its latest change.
    pub version: i64,
    /// The sum of its live rows' hashes.
    pub checksum: i64,
}

/// What became of a row in a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedState {
    /// It is there.
    Live,
    /// It lives elsewhere now.
    Left,
    /// It is nowhere any more.
    Deleted,
    /// It is there and cannot be sent.
    Withheld,
}

/// One row of one feed, as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedPlace {
    /// What the feed calls the scope.
    pub scope_id: i64,
    /// The table's code.
    pub entity: i16,
    /// The row.
    pub row_id: Uuid,
    /// Its version.
    pub version: i64,
}

/// A row of a feed.
#[derive(Debug, Clone)]
pub struct FeedRow {
    /// The place, among those asked for, of the scope it belongs to.
    pub place: i64,
    /// The table's code.
    pub entity: i16,
    /// The row.
    pub row_id: Uuid,
    /// Its version.
    pub version: i64,
    /// What became of it.
    pub state: FeedState,
}

/// From where one scope's feed is read.
#[derive(Debug, Clone, Copy)]
pub struct FeedFrom {
    /// A number that comes back with each row.
    pub place: i64,
    /// What the feed calls the scope.
    pub id: i64,
    /// After this version.
    pub after: i64,
}

/// Rows as JSON tuples, by table and row.
pub type RowTuples = HashMap<(i16, Uuid), String>;

/// One snapshot that a page or a subscription is read from.
pub trait Snapshot: Send + Sized {
    /// Refuses a session, device or account that was closed.
    fn check_alive(&mut self, session: &Session) -> impl Future<Output = Result<(), Failure>> + Send;
    /// How far the server has a device's mutations.
    fn device_state(&mut self, device: Uuid) -> impl Future<Output = Result<DeviceState, Failure>> + Send;
    /// The heads of these scopes, of those that have one.
    fn heads(&mut self, scopes: &[String]) -> impl Future<Output = Result<Vec<Head>, Failure>> + Send;
    /// The next rows of these feeds, feed after feed and each in version order, at most so many.
    fn feed(&mut self, from: &[FeedFrom], rows_max: usize) -> impl Future<Output = Result<Vec<FeedRow>, Failure>> + Send;
    /// Rows of some tables, by the tables' codes. One that cannot be sent is left out.
    fn tuples(&mut self, ids: &HashMap<i16, Vec<Uuid>>) -> impl Future<Output = Result<RowTuples, Failure>> + Send;
    /// Organization and role of an account that is open.
    fn account(&mut self, user: Uuid) -> impl Future<Output = Result<Option<(Uuid, Role)>, Failure>> + Send;
    /// The scopes that a user hears, in any order.
    fn scopes(&mut self, user: Uuid) -> impl Future<Output = Result<Vec<String>, Failure>> + Send;
    /// The sum of the hashes of each slice of a feed, of those that hold anything. A row's slice is the last byte of its id.
    fn slice_sums(&mut self, feed: i64) -> impl Future<Output = Result<Vec<(u8, i64)>, Failure>> + Send;
    /// The live rows of some slices of a feed whose hashes were not named, at most so many.
    fn slice_rows_but(
        &mut self,
        feed: i64,
        slices: &[u8],
        named: &[i64],
        rows_max: usize,
    ) -> impl Future<Output = Result<Vec<FeedPlace>, Failure>> + Send;
    /// Which of these hashes live rows of a feed have.
    fn known_hashes(&mut self, feed: i64, named: &[i64]) -> impl Future<Output = Result<Vec<i64>, Failure>> + Send;
    /// Between which stamps the lives of this server gave theirs that a backup took the place of: after the first, up to the
    /// second.
    fn lost_lives(&mut self) -> impl Future<Output = Result<Vec<(i64, i64)>, Failure>> + Send;
    /// What a user was last known to hear, in order; none for somebody of whom nothing was remembered yet.
    fn known_rights(&mut self, user: Uuid) -> impl Future<Output = Result<Option<Vec<String>>, Failure>> + Send;
    /// Nothing more is read.
    fn end(self) -> impl Future<Output = Result<(), Failure>> + Send;
}
