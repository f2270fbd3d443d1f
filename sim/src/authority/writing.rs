//! One transaction in memory: a journal undoes its changes on a rollback, and the feeds move at its commit.

use std::mem;
use std::sync::Arc;

use serde_json::Value;
use sync_server::accounts::Session;
use sync_server::authority::{
    Candidates, FormerRight, Found, GradingKey, KeptConflict, LedgerEntry, LessonDay, LockedLedger, OfferKey, OfferedState, OpenConflict,
    Pushed, Writing,
};
use sync_server::failure::Failure;
use uuid::Uuid;
use waystation_model::access::Actor;
use waystation_model::grading::GradedQuestion;
use waystation_model::merge::{Edits, Stored};
use waystation_model::registry::{Entity, Merge};

use super::feed::Queue;
use super::snapshot::check_alive;
use super::tables::{Row, State, StoredPush, Undo, id_in, set, value};
use super::{Memory, access, constraints, table, triggers};
use crate::faults::Fault;

/// One transaction.
pub struct MemoryWriting {
    memory: Memory,
    journal: Vec<Undo>,
    queue: Queue,
    savepoints: Vec<(usize, usize)>,
    /// Rows that the current `DELETE` has deleted so far.
    deleted: Vec<(&'static Entity, Uuid)>,
    committed: bool,
}

impl Drop for MemoryWriting {
    fn drop(&mut self) {
        if !self.committed {
            self.undo_to(0);
        }
    }
}

impl MemoryWriting {
    /// Begins a transaction.
    pub fn begin(memory: Memory) -> MemoryWriting {
        MemoryWriting {
            memory,
            journal: Vec::new(),
            queue: Queue::default(),
            savepoints: Vec::new(),
            deleted: Vec::new(),
            committed: false,
        }
    }

    fn undo_to(&mut self, length: usize) {
        let mut state = self.memory.state();
        for undo in self.journal.drain(length..).rev() {
            undo.undo(&mut state);
        }
    }

    /// Counts one step of the transaction, and fails it if the server crashes here.
    fn step(&self) -> Result<(), Failure> {
        let mut state = self.memory.state();
        match &mut state.steps_left {
            Some(0) => Err(Failure::broken("the server has crashed")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Reads the state as this transaction sees it.
    pub fn read<R>(&self, read: impl FnOnce(&State) -> R) -> R {
        read(&self.memory.state())
    }

    /// The server's clock.
    pub fn now_ms(&self) -> i64 {
        self.memory.state().now_ms
    }

    /// A new stamp.
    pub fn next_stamp(&self) -> i64 {
        let mut state = self.memory.state();
        state.last_stamp += 1;
        state.last_stamp
    }

    /// One row.
    pub fn row(&self, entity: &Entity, id: Uuid) -> Option<Arc<Row>> {
        self.memory.state().row(entity, &id).cloned()
    }

    /// The rows that meet a condition, in id order.
    pub fn find(&self, entity: &Entity, wanted: impl Fn(&Row) -> bool) -> Vec<(Uuid, Arc<Row>)> {
        self.memory.state().rows(entity).filter(|(_, row)| wanted(row)).map(|(id, row)| (*id, Arc::clone(row))).collect()
    }

    fn replace(&mut self, entity: &Entity, id: Uuid, row: Option<Arc<Row>>) {
        let before = self.memory.state().replace(entity.code, id, row);
        self.journal.push(Undo::Row(entity.code, id, before));
    }

    /// `INSERT`, with all triggers. False: a row with this id exists.
    ///
    /// # Errors
    /// A refusal by the database.
    pub fn insert_row(
        &mut self,
        entity: &'static Entity,
        organization_id: Uuid,
        id: Uuid,
        values: Vec<Value>,
        edits: Edits,
    ) -> Result<bool, Failure> {
        let now = self.now_ms();
        let mut row = Row {
            organization_id,
            stamp: self.next_stamp(),
            created_at: now,
            updated_at: now,
            values,
            edits,
            lost_device: None,
            stood: Vec::new(),
        };
        triggers::track(entity, None, &mut row, now);
        triggers::before(self, entity, &id, None, &mut row)?;
        if self.row(entity, id).is_some() {
            return Ok(false);
        }
        self.write_new(entity, id, row)?;
        Ok(true)
    }

    fn write_new(&mut self, entity: &'static Entity, id: Uuid, row: Row) -> Result<(), Failure> {
        constraints::check(self, entity, &id, &row)?;
        let row = Arc::new(row);
        self.replace(entity, id, Some(Arc::clone(&row)));
        constraints::references(self, entity, None, &row)?;
        self.queue.made(&self.memory.state(), entity, &id, &row);
        triggers::after(self, entity, id, None, &row)
    }

    /// `UPDATE` of one row, with all triggers.
    ///
    /// # Errors
    /// A refusal by the database.
    pub fn update_row(&mut self, entity: &'static Entity, id: Uuid, values: Vec<Value>, edits: Edits) -> Result<(), Failure> {
        let Some(before) = self.row(entity, id) else { return Ok(()) };
        self.update_whole(entity, id, &before, values, edits, before.stood.clone())
    }

    fn update_whole(
        &mut self,
        entity: &'static Entity,
        id: Uuid,
        before: &Arc<Row>,
        values: Vec<Value>,
        edits: Edits,
        stood: Vec<(i64, i64)>,
    ) -> Result<(), Failure> {
        if before.values == values && before.edits == edits && before.stood == stood {
            return Ok(());
        }
        let now = self.now_ms();
        let mut row = Row {
            organization_id: before.organization_id,
            stamp: self.next_stamp(),
            created_at: before.created_at,
            updated_at: now,
            values,
            edits,
            lost_device: before.lost_device,
            stood,
        };
        triggers::track(entity, Some(before), &mut row, now);
        triggers::before(self, entity, &id, Some(before), &mut row)?;
        constraints::check(self, entity, &id, &row)?;
        let row = Arc::new(row);
        self.replace(entity, id, Some(Arc::clone(&row)));
        constraints::references(self, entity, Some(before), &row)?;
        self.queue.changed(&self.memory.state(), entity, &id, before, &row);
        constraints::follow(self, entity, id, before, &row)?;
        triggers::after(self, entity, id, Some(before), &row)
    }

    /// `DELETE` of one row, with its cascades.
    ///
    /// # Errors
    /// `missing_reference` while a row that is not deleted with it references it.
    pub fn delete_row(&mut self, entity: &'static Entity, id: Uuid) -> Result<(), Failure> {
        self.delete_one(entity, id)?;
        // References are checked when all cascades are done: what is deleted too does not refuse the delete.
        for (entity, id) in mem::take(&mut self.deleted) {
            constraints::check_deleted(self, entity, id)?;
        }
        Ok(())
    }

    /// Deletes one row with its cascades, as a part of a `DELETE`.
    ///
    /// # Errors
    /// A refusal by the database.
    pub fn delete_one(&mut self, entity: &'static Entity, id: Uuid) -> Result<(), Failure> {
        let Some(row) = self.row(entity, id) else { return Ok(()) };
        self.replace(entity, id, None);
        self.queue.deleted(&self.memory.state(), entity, &id, &row);
        self.deleted.push((entity, id));
        constraints::cascade(self, entity, id)
    }

    /// Whether this fault is injected.
    pub fn has(&self, fault: Fault) -> bool {
        self.memory.faults.has(fault)
    }

    /// Records that a row is deleted by its parent's cascade.
    pub fn note_cascaded(&self, id: Uuid) {
        self.memory.state().cascaded.insert(id);
    }

    /// Records that a reference is emptied because the row that it named is deleted.
    pub fn note_emptied(&self, id: Uuid, column: &'static str) {
        self.memory.state().emptied.insert((id, column));
    }

    /// Creates the ledger of a new device.
    pub fn open_ledger(&mut self, device: Uuid) {
        let before = self.memory.state().devices.insert(device, Default::default());
        self.journal.push(Undo::Device(device, before));
    }

    /// Commits the transaction, and returns the heads that moved.
    pub fn commit_now(mut self) -> Vec<(String, i64)> {
        self.committed = true;
        let queue = mem::take(&mut self.queue);
        let faults = self.memory.faults.clone();
        let mut state = self.memory.state();
        state.lsn += 1;
        queue.drain(&mut state.feeds, &faults)
    }
}

/// Whether a test is deleted or not active.
fn is_closed(test: &Row) -> bool {
    let of = |name: &str| value(table("assessments"), &test.values, name);
    !of("deleted_at").is_null() || of("is_active") != true
}

impl Writing for MemoryWriting {
    async fn check_alive(&mut self, session: &Session) -> Result<(), Failure> {
        self.step()?;
        check_alive(&self.memory.state(), session)
    }

    async fn moved_since(&mut self, scopes: &[String], sum: i64) -> Result<bool, Failure> {
        self.step()?;
        let state = self.memory.state();
        Ok(scopes.iter().filter_map(|scope| state.feeds.scopes.get(scope)).map(|feed| feed.version).sum::<i64>() != sum)
    }

    async fn rights(&mut self, user: Uuid) -> Result<Option<Actor>, Failure> {
        self.step()?;
        let state = self.memory.state();
        let account = access::account(&state, user);
        let (organization_id, role) = account.ok_or_else(|| access::refusal(&state, user))?;
        Ok(Some(Actor { user_id: user, organization_id, role, scopes: access::scopes(&state, user).into_iter().collect() }))
    }

    async fn former_rights(&mut self, user: Uuid, device: Uuid, since_ms: i64) -> Result<Vec<FormerRight>, Failure> {
        self.step()?;
        let state = self.memory.state();
        let told_ms = state.devices.get(&device).and_then(|device| device.losses_told_ms);
        let known = state.known_rights.get(&user).into_iter().flat_map(|(scopes, _)| scopes).map(|scope| (scope, None));
        let former = state.former_rights.get(&user).into_iter().flatten();
        let former = former.filter(|(_, lost_at)| **lost_at >= since_ms);
        let former = former.map(|(scope, lost_at)| (scope, told_ms.filter(|told_ms| told_ms >= lost_at)));
        let right =
            |(scope, told_ms): (&String, Option<i64>)| FormerRight { scope: scope.clone(), confirmed_us: told_ms.map(|ms| ms * 1000) };
        Ok(known.chain(former).map(right).collect())
    }

    async fn name(&mut self, organization: Uuid, user: Uuid) -> Result<Option<String>, Failure> {
        self.step()?;
        let users = table("users");
        let row = self.row(users, user).filter(|row| row.organization_id == organization);
        Ok(row.and_then(|row| value(users, &row.values, "full_name").as_str().map(str::to_owned)))
    }

    async fn waiting_changes(&mut self, author: Uuid) -> Result<usize, Failure> {
        self.step()?;
        let held = table("held_changes");
        let waits = |row: &Row| id_in(held, &row.values, "author_id") == Some(author) && value(held, &row.values, "state") == "waiting";
        Ok(self.find(held, waits).len())
    }

    async fn offers(&mut self, offered_by: Uuid) -> Result<(usize, usize), Failure> {
        self.step()?;
        let offered = table("offered_rows");
        let waits =
            |row: &Row| id_in(offered, &row.values, "offered_by") == Some(offered_by) && value(offered, &row.values, "state") == "waiting";
        let rows = self.find(offered, waits);
        let bytes = rows.iter().map(|(_, row)| value(offered, &row.values, "fields").to_string().len()).sum();
        Ok((rows.len(), bytes))
    }

    async fn offers_of(&mut self, entity: &Entity, row_id: Uuid) -> Result<Vec<OfferedState>, Failure> {
        self.step()?;
        let offered = table("offered_rows");
        let text = |row: &Row, name: &str| value(offered, &row.values, name).as_str().unwrap_or_default().to_owned();
        let is_of_row = |row: &Row| text(row, "entity") == entity.name && id_in(offered, &row.values, "row_id") == Some(row_id);
        let mut found = self.find(offered, is_of_row);
        found.sort_by_key(|(id, row)| (row.created_at, *id));
        let state = |(id, row): (Uuid, Arc<Row>)| OfferedState {
            id,
            row_stamp: text(&row, "row_stamp"),
            fields: value(offered, &row.values, "fields").clone(),
        };
        Ok(found.into_iter().map(state).collect())
    }

    async fn offers_under(&mut self, offered_by: Uuid, key: &OfferKey) -> Result<bool, Failure> {
        self.step()?;
        let offered = table("offered_rows");
        let stamp = key.row_stamp.to_string();
        let is_other = |row: &Row| {
            let is_same = value(offered, &row.values, "entity") == key.entity && id_in(offered, &row.values, "row_id") == Some(key.row_id);
            id_in(offered, &row.values, "offered_by") == Some(offered_by)
                && value(offered, &row.values, "row_stamp").as_str() == Some(stamp.as_str())
                && !is_same
        };
        Ok(!self.find(offered, is_other).is_empty())
    }

    async fn second_offer(&mut self, offer: Uuid, seconder: Uuid) -> Result<(), Failure> {
        self.step()?;
        let offered = table("offered_rows");
        let Some(row) = self.row(offered, offer).filter(|row| value(offered, &row.values, "state") == "waiting") else { return Ok(()) };
        let of_state = (offer, value(offered, &row.values, "row_stamp").as_str().unwrap_or_default().to_owned(), seconder);
        if !self.memory.state().seconded.insert(of_state.clone()) {
            return Ok(());
        }
        self.journal.push(Undo::Seconded(of_state));
        let mut values = row.values.clone();
        let seconded = value(offered, &values, "seconded").as_i64().unwrap_or_default();
        set(offered, &mut values, "seconded", seconded + 1);
        self.update_row(offered, offer, values, row.edits.clone())
    }

    async fn lock_ledger(&mut self, device: Uuid) -> Result<LockedLedger, Failure> {
        self.step()?;
        let state = self.memory.state();
        let device = state.devices.get(&device).ok_or_else(|| Failure::broken("no such device"))?;
        let reached = state.reached();
        Ok(LockedLedger { last_n: device.last_n, chain: device.chain, reached, last_stamp: state.last_stamp })
    }

    async fn pushes(&mut self, device: Uuid, first_n: i64, last_n: i64) -> Result<Vec<Pushed>, Failure> {
        self.step()?;
        let state = self.memory.state();
        let stored = state.devices.get(&device).into_iter().flat_map(|device| device.pushes.iter());
        Ok(stored
            .filter(|push| push.first_n <= last_n && push.last_n >= first_n)
            .map(|push| Pushed { first_n: push.first_n, hashes: push.hashes.clone(), outcomes: push.outcomes.clone() })
            .collect())
    }

    async fn store_push(&mut self, entry: LedgerEntry<'_>) -> Result<i64, Failure> {
        self.step()?;
        if self.memory.faults.has(Fault::ForgetLedger) {
            return Ok(0);
        }
        let mut state = self.memory.state();
        let before = state.devices.get(&entry.device).cloned();
        let mut device = before.clone().unwrap_or_default();
        let mut pushes: Vec<StoredPush> = device.pushes.iter().filter(|push| push.last_n > entry.forget_upto).cloned().collect();
        if entry.first_n <= entry.last_n {
            pushes.push(StoredPush {
                first_n: entry.first_n,
                last_n: entry.last_n,
                hashes: entry.hashes.to_vec(),
                outcomes: entry.outcomes.to_vec(),
            });
        }
        device.last_n = entry.last_n;
        device.chain = *entry.chain;
        device.pushes = Arc::new(pushes);
        state.devices.insert(entry.device, device);
        let lsn = state.reached().lsn;
        drop(state);
        self.journal.push(Undo::Device(entry.device, before));
        Ok(lsn)
    }

    async fn savepoint(&mut self) -> Result<(), Failure> {
        self.savepoints.push((self.journal.len(), self.queue.len()));
        Ok(())
    }

    async fn release(&mut self) -> Result<(), Failure> {
        self.savepoints.pop();
        Ok(())
    }

    async fn roll_back(&mut self) -> Result<(), Failure> {
        self.deleted.clear();
        let (journal, queue) = self.savepoints.pop().ok_or_else(|| Failure::broken("no savepoint"))?;
        self.undo_to(journal);
        self.queue.truncate(queue);
        Ok(())
    }

    async fn rows(&mut self, entity: &Entity, ids: &[Uuid]) -> Result<Vec<Found>, Failure> {
        self.step()?;
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        Ok(ids
            .into_iter()
            .filter_map(|id| {
                let row = self.row(entity, id)?;
                let stored = Stored { stamp: Some(row.stamp), values: row.values.clone(), edits: row.edits.clone() };
                Some(Found { id, organization_id: row.organization_id, stored })
            })
            .collect())
    }

    async fn insert(&mut self, entity: &Entity, organization: Uuid, ids: &[Uuid], rows: &[&Stored]) -> Result<(), Failure> {
        self.step()?;
        let entity = table(entity.name);
        if entity.name == "held_changes" && self.memory.faults.has(Fault::DropHeldChange) {
            return Ok(());
        }
        for (id, row) in ids.iter().zip(rows) {
            if !self.insert_row(entity, organization, *id, row.values.clone(), row.edits.clone())? {
                return Err(Failure::InsertedConcurrently);
            }
        }
        Ok(())
    }

    async fn update(&mut self, entity: &Entity, ids: &[Uuid], rows: &[&Stored]) -> Result<(), Failure> {
        self.step()?;
        let entity = table(entity.name);
        for (id, row) in ids.iter().zip(rows) {
            let Some(before) = self.row(entity, *id) else { continue };
            let mut values = row.values.clone();
            for (index, column) in entity.columns.iter().enumerate() {
                if matches!(column.merge, Merge::Key | Merge::Carried) {
                    values[index] = before.values[index].clone();
                }
            }
            self.update_row(entity, *id, values, row.edits.clone())?;
        }
        Ok(())
    }

    async fn delete(&mut self, entity: &Entity, id: Uuid) -> Result<(), Failure> {
        self.step()?;
        self.delete_row(table(entity.name), id)
    }

    async fn is_of_lost_epoch(&mut self, stamp: i64) -> Result<bool, Failure> {
        self.step()?;
        Ok(self.memory.state().lost_stamps.iter().any(|(after, upto)| stamp > *after && stamp <= *upto))
    }

    async fn open_conflicts(&mut self, entity: &Entity, rows: Vec<Uuid>) -> Result<Vec<OpenConflict>, Failure> {
        self.step()?;
        let conflicts = table("conflicts");
        let open = self.find(conflicts, |row| {
            value(conflicts, &row.values, "entity") == entity.name
                && value(conflicts, &row.values, "settled_at").is_null()
                && id_in(conflicts, &row.values, "row_id").is_some_and(|id| rows.contains(&id))
        });
        Ok(open
            .into_iter()
            .filter_map(|(id, row)| {
                Some(OpenConflict {
                    id,
                    row_id: id_in(conflicts, &row.values, "row_id")?,
                    field: value(conflicts, &row.values, "field").as_str()?.to_owned(),
                    lost_device: row.lost_device,
                    lost_values: value(conflicts, &row.values, "lost_values").clone(),
                    stood: row.stood.clone(),
                })
            })
            .collect())
    }

    async fn forget_conflicts(&mut self, ids: Vec<Uuid>) -> Result<(), Failure> {
        self.step()?;
        for id in ids {
            self.delete_row(table("conflicts"), id)?;
        }
        Ok(())
    }

    async fn keep_conflict(&mut self, kept: KeptConflict<'_>) -> Result<(), Failure> {
        self.step()?;
        if self.memory.faults.has(Fault::DropLosingValue) {
            return Ok(());
        }
        let entity = table("conflicts");
        let text = |id: Option<Uuid>| id.map_or(Value::Null, |id| id.to_string().into());
        let before = self.row(entity, kept.id);
        let mut values = before.as_ref().map_or_else(|| entity.empty_values(), |row| row.values.clone());
        set(entity, &mut values, "lost_values", kept.lost_values);
        set(entity, &mut values, "lost_by", text(kept.lost_by));
        set(entity, &mut values, "lost_at", kept.lost_at_ms);
        set(entity, &mut values, "kept_values", kept.kept_values);
        set(entity, &mut values, "kept_by", text(kept.kept_by));
        set(entity, &mut values, "kept_at", kept.kept_at_ms);
        let Some(before) = before else {
            set(entity, &mut values, "entity", kept.entity);
            set(entity, &mut values, "row_id", kept.row_id.to_string());
            set(entity, &mut values, "field", kept.field);
            set(entity, &mut values, "group_id", text(kept.group_id));
            set(entity, &mut values, "course_id", text(kept.course_id));
            set(entity, &mut values, "author_id", text(kept.author_id));
            let now = self.now_ms();
            let mut row = Row {
                organization_id: kept.organization_id,
                stamp: self.next_stamp(),
                created_at: now,
                updated_at: now,
                values,
                edits: Edits::new(),
                lost_device: kept.lost_device,
                stood: kept.stood,
            };
            triggers::track(entity, None, &mut row, now);
            return self.write_new(entity, kept.id, row);
        };
        set(entity, &mut values, "settled_by", Value::Null);
        set(entity, &mut values, "settled_at", Value::Null);
        let edits = before.edits.clone();
        self.update_whole(entity, kept.id, &before, values, edits, kept.stood)
    }

    async fn store_current_ranges(&mut self, id: Uuid, stood: &[(i64, i64)]) -> Result<(), Failure> {
        self.step()?;
        let entity = table("conflicts");
        let Some(before) = self.row(entity, id) else { return Ok(()) };
        self.update_whole(entity, id, &before, before.values.clone(), before.edits.clone(), stood.to_vec())
    }

    async fn belongs_on(&mut self, days: &[LessonDay]) -> Result<Vec<bool>, Failure> {
        self.step()?;
        let periods = table("group_membership_periods");
        let belongs = |lesson: &LessonDay| {
            let covers = |row: &Row| {
                let day = |name: &str| value(periods, &row.values, name).as_str();
                id_in(periods, &row.values, "group_id") == Some(lesson.group)
                    && id_in(periods, &row.values, "user_id") == Some(lesson.student)
                    && day("joined_on").is_some_and(|joined| joined <= lesson.day.as_str())
                    && day("left_on").is_none_or(|left| left >= lesson.day.as_str())
            };
            !self.find(periods, covers).is_empty()
        };
        Ok(days.iter().map(belongs).collect())
    }

    async fn closed_tests(&mut self, tests: &[Uuid]) -> Result<Vec<Uuid>, Failure> {
        self.step()?;
        let assessments = table("assessments");
        Ok(tests.iter().copied().filter(|test| self.row(assessments, *test).is_some_and(|row| is_closed(&row))).collect())
    }

    async fn handed_in(&mut self, assessment: Uuid, user: Uuid) -> Result<Vec<Uuid>, Failure> {
        self.step()?;
        let attempts = table("assessment_attempts");
        let is_one = |row: &Row| {
            id_in(attempts, &row.values, "assessment_id") == Some(assessment)
                && id_in(attempts, &row.values, "user_id") == Some(user)
                && !value(attempts, &row.values, "submitted_at").is_null()
        };
        Ok(self.find(attempts, is_one).into_iter().map(|(id, _)| id).collect())
    }

    async fn grading_key(&mut self, assessment: Uuid) -> Result<GradingKey, Failure> {
        self.step()?;
        let (assessments, keys, questions) = (table("assessments"), table("answer_keys"), table("questions"));
        let Some(test) = self.row(assessments, assessment) else { return Ok(GradingKey::none()) };
        let of_test = |name: &str| value(assessments, &test.values, name);
        let key = self.find(keys, |row| id_in(keys, &row.values, "assessment_id") == Some(assessment)).into_iter().next();
        let keys = key.map_or(Value::Null, |(_, row)| value(keys, &row.values, "keys").clone());
        let mut found = self.find(questions, |row| id_in(questions, &row.values, "assessment_id") == Some(assessment));
        found.sort_by_key(|(id, row)| (value(questions, &row.values, "position").as_i64(), *id));
        let questions = found
            .into_iter()
            .map(|(id, row)| GradedQuestion {
                id: id.to_string(),
                question_type: value(questions, &row.values, "question_type").as_str().unwrap_or_default().to_owned(),
                points: value(questions, &row.values, "points").as_f64().unwrap_or(0.0),
            })
            .collect();
        Ok(GradingKey {
            graded_on_laptops: of_test("graded_by") == "laptop",
            shows_explanations: of_test("shows_explanations") == true,
            attempts_max: of_test("attempts_max").as_i64(),
            is_closed: is_closed(&test),
            passing_percent: of_test("passing_percent").as_f64().unwrap_or(100.0),
            keys,
            questions,
        })
    }

    async fn first_free(&mut self, tries: Candidates<'_>) -> Result<Option<String>, Failure> {
        self.step()?;
        let taken: Vec<String> = self
            .find(tries.entity, |row| tries.organization.is_none_or(|organization| organization == row.organization_id))
            .into_iter()
            .filter_map(|(_, row)| value(tries.entity, &row.values, tries.field).as_str().map(str::to_lowercase))
            .collect();
        Ok(tries.texts.into_iter().find(|text| !taken.contains(&text.to_lowercase())))
    }

    async fn commit(self) -> Result<Vec<(String, i64)>, Failure> {
        self.step()?;
        Ok(self.commit_now())
    }
}
