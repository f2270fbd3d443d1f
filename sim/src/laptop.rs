//! One laptop: the real client core on a real database. Push and pull advance one step at a time.

mod files;
pub mod records;
mod repair;

use bytes::Bytes;
use rusqlite::params;
use uuid::Uuid;
use waystation_client::error::{ClientError, Result};
use waystation_client::records::undo::History;
use waystation_client::store::apply::Verdict;
use waystation_client::store::outbox::{self, Batch};
use waystation_client::store::page::{self, Answer, Outline};
use waystation_client::store::{Edit, Owner, Writer, overlay, rows};
use waystation_client::sync::exchange::{self, Fetched, PAGES_TOGETHER_MAX, Position, REPAIRS_MAX, ROUNDS_MAX, Repair, Sending};
use waystation_model::access::Role;
use waystation_model::limits::PROTOCOL_VERSION;
use waystation_model::registry::{self, Entity};
use waystation_model::{Code, Problem};

use crate::disk::{Disk, Files, key};
use crate::faults::{Fault, Faults, Finding};
use crate::random::Random;
use crate::server::Route;
use files::FilesHere;
use repair::RepairRequest;

/// A request to the server, and the number that identifies its answer.
pub struct Outgoing {
    /// Identifies the waiting exchange.
    pub number: u64,
    /// The route.
    pub route: Route,
    /// The body.
    pub bytes: Vec<u8>,
}

/// The state of the push.
enum Push {
    /// No request is in transit.
    Idle,
    /// A batch was sent.
    Sent { number: u64, batch: Batch, repairs: u32 },
}

/// The state of the pull.
enum Pull {
    /// No request is in transit and no page waits.
    Idle,
    /// Pages are being fetched and stored.
    Pages { position: Box<Position>, asked: Option<(u64, Asked)>, ready: Vec<Fetched>, rounds: usize },
}

/// How the next page was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// By digest. `full`: ask again with cursors if the answer is `unchanged`.
    Digest { full: bool },
    /// With the cursors.
    Cursors,
}

/// A request for a device of its own, by a laptop that found out that its database is a copy.
struct DeviceRequest {
    number: u64,
    old_device: Uuid,
}

/// One laptop.
pub struct Laptop {
    /// Its user.
    pub user: Uuid,
    /// Their organization.
    pub organization: Uuid,
    /// The laptop's clock minus the true one.
    pub skew_ms: i64,
    /// The server's clock minus the laptop's clock by the last exchange; none if there was none since the clock was set.
    pub offset_ms: Option<i64>,
    /// Whether the server ended its session.
    pub signed_out: bool,
    /// Scopes whose checksum did not match, except after a new epoch.
    pub mismatches: Vec<String>,
    /// Whether rereading a scope from its start is legitimate: after a new epoch, or a crash since the last complete pull.
    pub may_reread: bool,
    /// The protocol version of its program.
    pub protocol: u32,
    /// Whether another program wrote to its database since the last audit.
    touched: bool,
    /// Whether another program ever did. Then each start begins with an audit, as in the real program. Otherwise there is no
    /// audit, because it would repair damage that the simulator has to report.
    was_touched: bool,
    files: FilesHere,
    disk: Disk,
    writer: Option<Writer>,
    push: Push,
    pull: Pull,
    repair_request: Option<RepairRequest>,
    device_request: Option<DeviceRequest>,
    next_number: u64,
    /// What its user can take back until the program ends.
    history: History,
    /// The number of the last command that can be taken back.
    pub last_command: Option<u32>,
    faults: Faults,
}

fn damaged(error: impl std::fmt::Display) -> Finding {
    Finding(format!("a laptop's database: {error}"))
}

impl Laptop {
    /// A laptop on which a person has just signed in as a new device.
    ///
    /// # Errors
    /// When the database cannot be made.
    pub fn new(user: Uuid, organization: Uuid, role: Role, device: Uuid, faults: Faults) -> Result<Laptop, Finding> {
        let disk = Disk::new().map_err(damaged)?;
        let mut laptop = Laptop::on(disk, user, organization, faults)?;
        let path = laptop.disk.database();
        laptop.writer = Some(Writer::open_for(&path, &key(), device, &laptop.owner(role)).map_err(damaged)?);
        laptop.disk.sync();
        Ok(laptop)
    }

    fn on(disk: Disk, user: Uuid, organization: Uuid, faults: Faults) -> Result<Laptop, Finding> {
        Ok(Laptop {
            user,
            organization,
            skew_ms: 0,
            offset_ms: None,
            signed_out: false,
            mismatches: Vec::new(),
            may_reread: false,
            protocol: PROTOCOL_VERSION,
            touched: false,
            was_touched: false,
            files: FilesHere::new().map_err(damaged)?,
            disk,
            writer: None,
            push: Push::Idle,
            pull: Pull::Idle,
            repair_request: None,
            device_request: None,
            next_number: 1,
            history: History::default(),
            last_command: None,
            faults,
        })
    }

    fn owner(&self, role: Role) -> Owner {
        Owner {
            user_id: self.user,
            organization_id: self.organization,
            organization_name: "School".into(),
            user_name: "somebody".into(),
            full_name: "Somebody".into(),
            role,
            server: "http://localhost".into(),
        }
    }

    /// Whether it is switched on.
    pub fn is_on(&self) -> bool {
        self.writer.is_some()
    }

    /// The database.
    ///
    /// # Panics
    /// When the laptop is switched off.
    pub fn writer(&self) -> &Writer {
        self.writer.as_ref().expect("the laptop is switched on")
    }

    fn writer_mut(&mut self) -> &mut Writer {
        self.writer.as_mut().expect("the laptop is switched on")
    }

    /// The device that the database belongs to.
    pub fn device(&self) -> Uuid {
        self.writer().device().device_id
    }

    fn clock(&self, true_ms: i64) -> i64 {
        true_ms + self.skew_ms
    }

    fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    /// Does work that is synced to the disk when it returns.
    fn durably<R>(&mut self, work: impl FnOnce(&mut Writer) -> Result<R>) -> Result<R> {
        let before = self.disk.log_bytes();
        let result = work(self.writer_mut());
        if result.is_ok() && self.disk.log_bytes() != before {
            self.disk.sync();
        }
        result
    }

    // What the person does.

    /// Makes changes, all of them or none.
    ///
    /// # Errors
    /// A refusal.
    pub fn edit(&mut self, true_ms: i64, edits: &[Edit]) -> Result<Vec<i64>> {
        let now = self.clock(true_ms);
        if self.faults.has(Fault::EditsNotSynced) {
            return self.writer_mut().edit(now, edits);
        }
        if self.faults.has(Fault::CoalesceIntoSent) {
            self.writer().connection().execute("UPDATE outbox SET state = 0 WHERE state = 1", [])?;
        }
        self.durably(|writer| writer.edit(now, edits))
    }

    /// Signs in again: the role and the device may have changed. `is_unknown`: the server does not know the database's device.
    ///
    /// # Errors
    /// When the database fails.
    pub fn sign_in(&mut self, role: Role, device: Uuid, is_unknown: bool) -> Result<(), Finding> {
        let path = self.disk.database();
        let owner = self.owner(role);
        self.switch_off();
        self.disk.closed();
        let mut writer = Writer::open_for(&path, &key(), device, &owner).map_err(damaged)?;
        writer
            .durable_transaction(|connection, known| match known.device_id == device {
                true => Ok(()),
                false if is_unknown => outbox::replace_unknown_device(connection, known, device),
                false => outbox::become_device(connection, known, device),
            })
            .map_err(damaged)?;
        self.writer = Some(writer);
        self.disk.sync();
        self.signed_out = false;
        Ok(())
    }

    // Switching it off and on.

    /// Closes the database in order.
    pub fn switch_off(&mut self) {
        self.cancel_exchanges();
        self.writer = None;
        self.forget_commands();
        self.disk.closed();
    }

    /// The power is cut.
    ///
    /// # Errors
    /// When the system's disk fails.
    pub fn cut_power(&mut self, random: &mut Random) -> Result<(), Finding> {
        self.cancel_exchanges();
        if self.writer.is_none() {
            return Ok(());
        }
        let files = self.disk.files_after_power_cut(random).map_err(damaged)?;
        self.cut_power_at(&files)
    }

    /// The power was cut when the disk had these files.
    fn cut_power_at(&mut self, files: &Files) -> Result<(), Finding> {
        self.cancel_exchanges();
        self.writer = None;
        self.forget_commands();
        self.disk.put(files).map_err(damaged)
    }

    /// Switches it on.
    ///
    /// # Errors
    /// When the database does not open.
    pub fn switch_on(&mut self) -> Result<(), Finding> {
        if self.writer.is_none() {
            let path = self.disk.database();
            self.writer = Some(Writer::open(&path, &key()).map_err(damaged)?);
            self.touched = self.was_touched;
            // SQLite has read the log from the disk.
            self.disk.sync();
        }
        Ok(())
    }

    /// Cancels every exchange in progress.
    pub fn cancel_exchanges(&mut self) {
        self.push = Push::Idle;
        self.pull = Pull::Idle;
        self.repair_request = None;
        self.device_request = None;
    }

    /// What can be taken back is not kept when the program ends.
    fn forget_commands(&mut self) {
        self.history = History::default();
        self.last_command = None;
    }

    /// Copies its database to another laptop.
    ///
    /// # Errors
    /// When the system's disk fails.
    pub fn copy(&self) -> Result<Laptop, Finding> {
        let files: Files = self.disk.files().map_err(damaged)?;
        let mut copy = Laptop::on(Disk::with(&files).map_err(damaged)?, self.user, self.organization, self.faults.clone())?;
        copy.protocol = self.protocol;
        copy.was_touched = self.was_touched;
        copy.skew_ms = self.skew_ms;
        copy.may_reread = self.may_reread;
        copy.switch_on()?;
        Ok(copy)
    }

    // The exchanges.

    /// Whether any exchange is in progress.
    pub fn is_busy(&self) -> bool {
        !matches!((&self.push, &self.pull, &self.repair_request, &self.device_request), (Push::Idle, Pull::Idle, None, None))
    }

    /// Starts to push. `None`: nothing is pending, or an exchange is in progress.
    ///
    /// # Errors
    /// When the database fails.
    pub fn start_push(&mut self, true_ms: i64) -> Result<Option<Outgoing>, Finding> {
        if !matches!(self.push, Push::Idle) || self.device_request.is_some() || self.signed_out {
            return Ok(None);
        }
        self.send(true_ms, 0)
    }

    fn send(&mut self, true_ms: i64, repairs: u32) -> Result<Option<Outgoing>, Finding> {
        let now = self.clock(true_ms);
        let Some(Sending { batch, request }) = self.durably(|writer| exchange::take(writer, now)).map_err(damaged)? else {
            self.push = Push::Idle;
            return Ok(None);
        };
        let number = self.number();
        self.push = Push::Sent { number, batch, repairs };
        Ok(Some(Outgoing { number, route: Route::Push, bytes: serde_json::to_vec(&request).map_err(damaged)? }))
    }

    /// Starts to pull: always, or only if the digest differs.
    ///
    /// # Errors
    /// When the database fails.
    pub fn start_pull(&mut self, full: bool) -> Result<Option<Outgoing>, Finding> {
        if !matches!(self.pull, Pull::Idle) || self.repair_request.is_some() || self.device_request.is_some() || self.signed_out {
            return Ok(None);
        }
        let position = Position::of(self.writer()).map_err(damaged)?;
        let full = full || position.has_uncovered_mutations();
        self.ask(position, Vec::new(), 0, full).map(Some)
    }

    /// Asks for the next page, by digest if there is one.
    fn ask(&mut self, position: Position, ready: Vec<Fetched>, rounds: usize, full: bool) -> Result<Outgoing, Finding> {
        let number = self.number();
        let request = position.ask();
        let asked = if request.cursors.is_some() { Asked::Cursors } else { Asked::Digest { full } };
        let bytes = serde_json::to_vec(&request).map_err(damaged)?;
        self.pull = Pull::Pages { position: Box::new(position), asked: Some((number, asked)), ready, rounds };
        Ok(Outgoing { number, route: Route::Pull, bytes })
    }

    fn ask_page(&mut self, position: Position, ready: Vec<Fetched>, rounds: usize) -> Result<Outgoing, Finding> {
        let number = self.number();
        let bytes = serde_json::to_vec(&position.ask_page()).map_err(damaged)?;
        self.pull = Pull::Pages { position: Box::new(position), asked: Some((number, Asked::Cursors)), ready, rounds };
        Ok(Outgoing { number, route: Route::Pull, bytes })
    }

    /// No answer came: the exchange with this number ends.
    pub fn give_up(&mut self, number: u64) {
        if matches!(&self.push, Push::Sent { number: waits, .. } if *waits == number) {
            self.push = Push::Idle;
        }
        if matches!(&self.pull, Pull::Pages { asked: Some((waits, _)), .. } if *waits == number) {
            self.pull = Pull::Idle;
        }
        if self.repair_request.as_ref().is_some_and(|repair_request| repair_request.number == number) {
            self.repair_request = None;
        }
        if self.device_request.as_ref().is_some_and(|device_request| device_request.number == number) {
            self.device_request = None;
        }
    }

    /// Receives an answer. One that no exchange waits for is ignored.
    ///
    /// # Errors
    /// A violated invariant.
    pub fn receive(&mut self, true_ms: i64, number: u64, answer: Result<Vec<u8>, Problem>) -> Result<Option<Outgoing>, Finding> {
        if let Err(Problem { code: Code::SessionEnded | Code::DeviceRevoked | Code::AccountClosed, .. }) = &answer {
            self.give_up(number);
            self.signed_out = true;
            return Ok(None);
        }
        if self.device_request.as_ref().is_some_and(|device_request| device_request.number == number) {
            return self.receive_device(answer);
        }
        if matches!(&self.push, Push::Sent { number: waits, .. } if *waits == number) {
            return self.receive_push(true_ms, answer);
        }
        if self.repair_request.as_ref().is_some_and(|repair_request| repair_request.number == number) {
            return self.receive_slices(true_ms, answer);
        }
        match std::mem::replace(&mut self.pull, Pull::Idle) {
            Pull::Pages { position, asked: Some((waits, asked)), ready, rounds } if waits == number => {
                self.receive_page(true_ms, *position, asked, ready, rounds, answer)
            }
            other => {
                self.pull = other;
                Ok(None)
            }
        }
    }

    fn receive_push(&mut self, true_ms: i64, answer: Result<Vec<u8>, Problem>) -> Result<Option<Outgoing>, Finding> {
        let Push::Sent { batch, repairs, .. } = std::mem::replace(&mut self.push, Push::Idle) else { return Ok(None) };
        let now = self.clock(true_ms);
        let result = match answer {
            Err(problem) => Err(ClientError::Refused(problem)),
            Ok(bytes) => match serde_json::from_slice::<waystation_model::wire::PushAnswer>(&bytes) {
                Err(error) => Err(ClientError::BadAnswer(error.to_string())),
                Ok(mut answer) => {
                    if self.faults.has(Fault::SkipChain) {
                        answer.chain = hex::encode(batch.chain_after);
                    }
                    if self.faults.has(Fault::ForgetRefusal) {
                        answer.outcomes.clear();
                    }
                    self.durably(|writer| exchange::store(writer, &batch, &answer, Some(answer.server_time - now)))
                        .map(|_| answer.server_time - now)
                }
            },
        };
        match result {
            Ok(offset_ms) => {
                self.store_offset(offset_ms)?;
                self.send(true_ms, 0)
            }
            Err(error) if repairs < REPAIRS_MAX => {
                let old_device = self.device();
                match self.durably(|writer| exchange::repair(writer, batch.rewinds, error)) {
                    Ok(Repair::Again) => self.send(true_ms, repairs + 1),
                    Ok(Repair::Pull) => self.start_pull(true),
                    Ok(Repair::NewDevice) => Ok(Some(self.request_device(old_device))),
                    Err(ClientError::Database(error)) => Err(damaged(error)),
                    Err(ClientError::Damaged(what)) => Finding::of(format!("a laptop found itself damaged: {what}")),
                    Err(_) => Ok(None),
                }
            }
            Err(_) => Ok(None),
        }
    }

    fn store_offset(&mut self, offset_ms: i64) -> Result<(), Finding> {
        self.offset_ms = Some(offset_ms);
        if self.faults.has(Fault::UncorrectedClocks) {
            self.durably(|writer| {
                writer.durable_transaction(|connection, device| {
                    device.clock_offset_ms = 0;
                    waystation_client::store::device::save(connection, device)
                })
            })
            .map_err(damaged)?;
        }
        Ok(())
    }

    fn receive_page(
        &mut self,
        true_ms: i64,
        mut position: Position,
        asked: Asked,
        mut ready: Vec<Fetched>,
        rounds: usize,
        answer: Result<Vec<u8>, Problem>,
    ) -> Result<Option<Outgoing>, Finding> {
        let Ok(bytes) = answer else {
            // Pages that were fetched before are stored all the same.
            return self.wait_for_apply(position, ready, rounds);
        };
        let bytes = self.with_page_faults(bytes);
        match page::outline(&bytes) {
            Ok(answer) if asked != Asked::Cursors && position.needs_confirmation(&answer) && !self.faults.has(Fault::KeepAcknowledged) => {
                self.ask_page(position, ready, rounds).map(Some)
            }
            Ok(Answer::Page(outline)) => {
                let outline = self.with_acknowledged(outline);
                let more = position.pass(&outline);
                let offset_ms = Some(outline.server_time - self.clock(true_ms));
                ready.push(Fetched { bytes: Bytes::from(bytes), outline, asked_with_cursors: asked == Asked::Cursors, offset_ms });
                if more { self.ask(position, ready, rounds, true).map(Some) } else { self.wait_for_apply(position, ready, rounds) }
            }
            Ok(Answer::SendCursors) if asked != Asked::Cursors => self.ask_page(position, ready, rounds).map(Some),
            Ok(Answer::Unchanged { .. }) if asked == (Asked::Digest { full: true }) => self.ask_page(position, ready, rounds).map(Some),
            Ok(Answer::Unchanged { server_time }) => {
                let now = self.clock(true_ms);
                exchange::nothing_new(self.writer_mut(), Some(server_time - now), server_time, now).map_err(damaged)?;
                self.store_offset(server_time - now)?;
                if ready.is_empty() {
                    return self.pull_ended(true_ms);
                }
                self.wait_for_apply(position, ready, rounds)
            }
            Ok(Answer::SendCursors) | Err(_) => self.wait_for_apply(position, ready, rounds),
        }
    }

    fn wait_for_apply(&mut self, position: Position, ready: Vec<Fetched>, rounds: usize) -> Result<Option<Outgoing>, Finding> {
        self.pull = if ready.is_empty() { Pull::Idle } else { Pull::Pages { position: Box::new(position), asked: None, ready, rounds } };
        Ok(None)
    }

    /// Applies [`Fault::KeepAcknowledged`] to a page that contains less than was acknowledged.
    fn with_acknowledged(&self, outline: Outline) -> Outline {
        let device = self.writer().device();
        if self.faults.has(Fault::KeepAcknowledged) && outline.applied_upto < device.acknowledged_n {
            return Outline { applied_upto: device.acknowledged_n, chain: hex::encode(device.acknowledged_chain), ..outline };
        }
        outline
    }

    /// Applies the injected faults that change a page.
    fn with_page_faults(&self, bytes: Vec<u8>) -> Vec<u8> {
        let without = |kind: &str| {
            let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
            let marker = format!("{{\"line\":\"{kind}\"");
            lines.into_iter().filter(|line| !line.starts_with(marker.as_bytes())).collect::<Vec<_>>().join(&b'\n')
        };
        if self.faults.has(Fault::KeepLostScope) {
            return without("removed");
        }
        if self.faults.has(Fault::HalfPage) {
            return half(&bytes);
        }
        if self.faults.has(Fault::CursorOnly) && bytes.len().is_multiple_of(3) {
            return without("rows");
        }
        bytes
    }

    /// The number of fetched pages that wait to be stored.
    pub fn pages_ready(&self) -> usize {
        if let Pull::Pages { ready, .. } = &self.pull { ready.len() } else { 0 }
    }

    /// Stores some of the fetched pages in one transaction.
    ///
    /// # Errors
    /// A violated invariant.
    pub fn apply(&mut self, true_ms: i64, count: usize) -> Result<Option<Outgoing>, Finding> {
        let Pull::Pages { position, asked, mut ready, rounds } = std::mem::replace(&mut self.pull, Pull::Idle) else { return Ok(None) };
        let count = count.clamp(1, PAGES_TOGETHER_MAX).min(ready.len());
        if count == 0 {
            self.pull = Pull::Pages { position, asked, ready, rounds };
            return Ok(None);
        }
        let rest = ready.split_off(count);
        let now = self.clock(true_ms);
        let old_device = position.device.device_id;
        let before = self.writer().device().clone();
        let verdict = match exchange::apply(self.writer_mut(), &position.requester(), now, &ready) {
            Ok(Some(verdict)) => verdict,
            // The laptop has become another device meanwhile, its numbers went back, or it follows other scopes: the pages do not apply any more.
            Ok(None) => return Ok(None),
            Err(error) => return Finding::of(format!("a page could not be applied: {error}")),
        };
        match verdict {
            Verdict::Applied(applied) => {
                if let Some(offset_ms) = ready[ready.len() - 1].offset_ms {
                    self.store_offset(offset_ms)?;
                }
                if self.faults.has(Fault::ForgetLost) {
                    self.writer().connection().execute("DELETE FROM lost_rows", []).map_err(damaged)?;
                }
                if !applied.reread.is_empty() {
                    // It is unknown then which page was stored last, and so which offset is stored.
                    self.offset_ms = None;
                }
                if self.faults.has(Fault::ForgetPending) {
                    self.forget_pending()?;
                }
                if !applied.damaged.is_empty() {
                    return Finding::of(format!("scopes stay damaged: {:?}", applied.damaged));
                }
                if applied.reread.is_empty() {
                    if !self.may_reread {
                        self.mismatches.extend(applied.mismatched);
                    }
                    if rest.is_empty() && asked.is_none() {
                        return if applied.more { Ok(None) } else { self.pull_ended(true_ms) };
                    }
                    self.pull = Pull::Pages { position, asked, ready: rest, rounds };
                    return Ok(None);
                }
                if !self.may_reread {
                    self.mismatches.extend(applied.reread);
                }
            }
            // Earlier pages were stored, with their clock offset.
            Verdict::StartAgain => {
                self.may_reread = true;
                self.offset_ms = None;
            }
            Verdict::Copied => {
                self.offset_ms = None;
                if self.device() == old_device {
                    return Ok(Some(self.request_device(old_device)));
                }
                // The push has detected the copy first.
            }
        }
        if rounds + 1 >= ROUNDS_MAX {
            return Finding::of(format!("a pull does not end, since {before:?}"));
        }
        let position = Position::of(self.writer()).map_err(damaged)?;
        self.ask(position, Vec::new(), rounds + 1, true).map(Some)
    }

    fn request_device(&mut self, old_device: Uuid) -> Outgoing {
        let number = self.number();
        self.push = Push::Idle;
        self.device_request = Some(DeviceRequest { number, old_device });
        Outgoing { number, route: Route::NewDevice, bytes: Vec::new() }
    }

    fn receive_device(&mut self, answer: Result<Vec<u8>, Problem>) -> Result<Option<Outgoing>, Finding> {
        let Some(DeviceRequest { old_device, .. }) = self.device_request.take() else { return Ok(None) };
        let Some(id) = answer.ok().and_then(|bytes| String::from_utf8(bytes).ok()).and_then(|text| Uuid::parse_str(&text).ok()) else {
            return Ok(None);
        };
        if self.device() == old_device {
            self.durably(|writer| writer.durable_transaction(|connection, device| outbox::become_device(connection, device, id)))
                .map_err(damaged)?;
        }
        self.pull = Pull::Idle;
        self.repair_request = None;
        Ok(None)
    }

    /// Fetches a file, with an injected failure.
    ///
    /// # Errors
    /// A violated invariant.
    pub fn fetch(&mut self, random: &mut Random) -> Result<(), Finding> {
        self.files.fetch(random, &self.faults)
    }

    /// Downloads the file without failures.
    ///
    /// # Errors
    /// A violated invariant.
    pub fn download(&self, random: &mut Random) -> Result<(), Finding> {
        self.files.download(random)
    }

    fn forget_pending(&mut self) -> Result<(), Finding> {
        let connection = self.writer().connection();
        for (entity, id) in pending_rows(self.writer()).map_err(damaged)? {
            if let Some(row) = overlay::read_shadow(connection, entity, &id).map_err(damaged)?.flatten() {
                rows::write(connection, entity, &id, &row).map_err(damaged)?;
            }
        }
        Ok(())
    }

    // Invariants that hold after every step.

    /// Checks that pending changes are applied to the server's rows, and that numbers have no gap.
    ///
    /// # Errors
    /// The violated invariant.
    pub fn check(&self) -> Result<(), Finding> {
        let Some(writer) = &self.writer else { return Ok(()) };
        let connection = writer.connection();
        for (entity, id) in pending_rows(writer).map_err(damaged)? {
            let Some(server) = overlay::read_shadow(connection, entity, &id).map_err(damaged)? else {
                return Finding::of(format!("{} {id}: something is pending and there is no shadow", entity.name));
            };
            let pending = overlay::pending_of(connection, entity, &id).map_err(damaged)?;
            let wanted = overlay::apply_pending(entity, server, &pending).map(|row| row.values);
            let seen = rows::read(connection, entity, &id).map_err(damaged)?.map(|row| row.values);
            if wanted != seen {
                return Finding::of(format!("{} {id}: the person sees {seen:?} and not {wanted:?}", entity.name));
            }
        }
        let device = writer.device();
        let waiting: i64 = connection
            .query_row("SELECT count(n) FROM outbox WHERE n > ?1", params![device.acknowledged_n], |row| row.get(0))
            .map_err(damaged)?;
        if waiting != device.waiting() {
            return Finding::of(format!("{waiting} changes wait and the numbers say {}", device.waiting()));
        }
        Ok(())
    }
}

/// A page without the last of its lines with rows.
fn half(bytes: &[u8]) -> Vec<u8> {
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let is_rows = |line: &&[u8]| line.starts_with(b"{\"line\":\"rows\"");
    if lines.iter().filter(|line| is_rows(line)).count() > 1
        && let Some(index) = lines.iter().rposition(is_rows)
    {
        lines.remove(index);
    }
    lines.join(&b'\n')
}

/// The rows with pending changes.
pub fn pending_rows(writer: &Writer) -> Result<Vec<(&'static Entity, String)>> {
    let mut statement = writer.connection().prepare_cached("SELECT DISTINCT entity, row_id FROM outbox WHERE state < 3")?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    let mut found = Vec::new();
    for row in rows {
        let (name, id) = row?;
        found.extend(registry::entity(&name).map(|entity| (entity, id)));
    }
    Ok(found)
}
