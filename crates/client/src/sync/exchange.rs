//! The decisions of push and pull between one request and the next: what to request, what an answer means, how to continue.
//!
//! All of it is synchronous and without network, so that the simulator runs the same code.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use rusqlite::Connection;
use uuid::Uuid;
use waystation_model::Code;
use waystation_model::limits::PROTOCOL_VERSION;
use waystation_model::wire::{PullRequest, PushAnswer, PushRequest, into_runs};

use crate::error::{ClientError, Result};
use crate::store::apply::{self, Applied, Verdict};
use crate::store::follows;
use crate::store::lost;
use crate::store::outbox::{self, Batch};
use crate::store::page::{Answer, Outline};
use crate::store::scopes::{self, Reached};
use crate::store::{Device, Writer};

/// How often one push repairs its numbering before it gives up until the next.
pub const REPAIRS_MAX: u32 = 4;
/// Pages of one pull. A server that announces more pages than this never ends the pull.
pub const PAGES_MAX: usize = 100_000;
/// Rounds of one pull. A new round starts after a new epoch, after a copy is noticed, and when scopes are read again.
pub const ROUNDS_MAX: usize = 32;
/// Pages that are fetched ahead of the page that is being stored.
pub const PAGES_AHEAD_MAX: usize = 16;
/// Pages that are stored in one transaction. Each transaction encrypts and rewrites the index pages that it touches, so a few
/// large transactions are cheaper than many small ones.
pub const PAGES_TOGETHER_MAX: usize = 8;

/// A push request and the batch that it carries.
pub struct Sending {
    /// The mutations, with their chain.
    pub batch: Batch,
    /// The request body.
    pub request: PushRequest,
}

/// Takes the oldest unsent changes, as many as fit into one push; none when all are sent. `now_ms` is this laptop's clock.
///
/// # Errors
/// When the database fails.
pub fn take(writer: &mut Writer, now_ms: i64) -> Result<Option<Sending>> {
    let Some(batch) = writer.durable_transaction(|connection, device| outbox::take(connection, device))? else { return Ok(None) };
    let device = writer.device();
    let request = PushRequest {
        protocol: PROTOCOL_VERSION,
        device: device.device_id,
        epoch: device.epoch,
        first_n: batch.first_n,
        chain: hex::encode(batch.chain_before),
        // Outcomes are stored in the transaction that acknowledges them.
        seen_n: device.acknowledged_n,
        sent_at: now_ms,
        witness: device.witness.clone(),
        runs: into_runs(batch.mutations.clone()),
    };
    Ok(Some(Sending { batch, request }))
}

/// Stores the outcomes of a push and returns the tables that changed. `offset_ms` is the server's clock minus this laptop's;
/// none when the answer took too long to measure it.
///
/// # Errors
/// When the answer does not belong to the push, or the database fails.
pub fn store(writer: &mut Writer, batch: &Batch, answer: &PushAnswer, offset_ms: Option<i64>) -> Result<BTreeSet<&'static str>> {
    writer.durable_transaction(|connection, device| {
        device.clock_offset_ms = offset_ms.unwrap_or(device.clock_offset_ms);
        Ok(outbox::store_answer(connection, device, batch, answer)?.into_iter().collect())
    })
}

/// How to continue after a push was refused as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repair {
    /// The numbering was repaired: push again.
    Again,
    /// The server is in another epoch: pull first.
    Pull,
    /// This database is a copy: register a new device for it.
    NewDevice,
}

/// Repairs the numbering after the server refused it, so that the push can be tried again. `rewinds` is the device's
/// `rewinds` when the push was sent.
///
/// # Errors
/// The error itself, when it is not about the numbering.
pub fn repair(writer: &mut Writer, rewinds: u32, error: ClientError) -> Result<Repair> {
    let ClientError::Refused(problem) = &error else { return Err(error) };
    match problem.code {
        Code::EpochChanged => Ok(Repair::Pull),
        // The pull has rewound the numbers meanwhile, so this refusal is about outdated numbers.
        Code::NumberGap | Code::NumberReused | Code::ChainMismatch if writer.device().rewinds != rewinds => Ok(Repair::Again),
        Code::NumberGap => {
            let next_n = outbox::number_in(problem);
            let gone_back = writer.durable_transaction(|connection, device| {
                let Some(next_n) = next_n else { return Ok(false) };
                if next_n > device.acknowledged_n {
                    // The server has everything that it acknowledged, so there is nothing to rewind.
                    return Ok(true);
                }
                let gone_back = outbox::rewind_to(connection, device, next_n - 1)?;
                if !gone_back {
                    outbox::requeue_all(connection, device)?;
                }
                Ok(gone_back)
            })?;
            Ok(if gone_back { Repair::Again } else { Repair::NewDevice })
        }
        Code::NumberReused => {
            if let Some(n) = outbox::number_in(problem) {
                writer.durable_transaction(|connection, device| outbox::acknowledge_before(connection, device, n))?;
            }
            Ok(Repair::NewDevice)
        }
        Code::ChainMismatch => Ok(Repair::NewDevice),
        _ => Err(error),
    }
}

/// From where a pull continues.
pub struct Position {
    /// The device that asks.
    pub device: Device,
    /// The cursor of each scope.
    pub cursors: Arc<BTreeMap<String, i64>>,
    /// The scopes that this laptop follows beside its person's subscription.
    pub follows: Arc<[String]>,
    /// The digest of the cursors; none after a page has moved them.
    digest: Option<Arc<str>>,
    /// Whether any scope is being read again from 0.
    pub rereading: bool,
}

impl Position {
    /// The position of this database.
    ///
    /// # Errors
    /// When the database fails.
    pub fn of(writer: &Writer) -> Result<Position> {
        let Reached { cursors, digest, rereading } = writer.reached()?;
        let follows = follows::asked(writer.connection())?.into();
        Ok(Position { device: writer.device().clone(), cursors, follows, digest: Some(digest), rereading })
    }

    fn request(&self, digest: Option<String>, cursors: Option<BTreeMap<String, i64>>) -> PullRequest {
        PullRequest {
            protocol: PROTOCOL_VERSION,
            device: self.device.device_id,
            epoch: self.device.epoch,
            digest,
            cursors,
            follows: self.follows.to_vec(),
            witness: self.device.witness.clone(),
        }
    }

    /// The request for changes, with the digest of the cursors. It carries the cursors themselves while there are none, and
    /// while a scope is read again from 0: the server may have issued the same cursors before and answer that nothing is new.
    pub fn ask(&self) -> PullRequest {
        if self.cursors.is_empty() || self.rereading {
            return self.ask_page();
        }
        let digest = self.digest.as_deref().map_or_else(|| scopes::digest(&self.cursors), str::to_owned);
        self.request(Some(digest), None)
    }

    /// The device that asks, and what the server had acknowledged at that time.
    pub fn requester(&self) -> Requester {
        let Device { device_id, acknowledged_n, rewinds, .. } = self.device;
        Requester { device_id, acknowledged_n, rewinds, follows: self.follows.clone() }
    }

    /// Whether a page contains fewer mutations than the server has acknowledged. The page for a digest may have been read
    /// before the request, so a request with cursors has to confirm it.
    pub fn needs_confirmation(&self, answer: &Answer) -> bool {
        matches!(answer, Answer::Page(page) if page.epoch == self.device.epoch && page.applied_upto < self.device.acknowledged_n)
    }

    /// Whether the server has acknowledged mutations of this device that no pull has covered: then a page is needed even when
    /// nothing is new.
    pub fn has_uncovered_mutations(&self) -> bool {
        self.device.acknowledged_n > self.device.applied_upto
    }

    /// The request for the next page, with the cursors themselves.
    pub fn ask_page(&self) -> PullRequest {
        self.request(None, Some(BTreeMap::clone(&self.cursors)))
    }

    /// Advances past a page. False when it is the last one.
    pub fn pass(&mut self, page: &Outline) -> bool {
        self.device.epoch = page.epoch;
        if !page.more {
            // No request continues from here, so the cursors need not be updated.
            return false;
        }
        self.digest = None;
        let cursors = Arc::make_mut(&mut self.cursors);
        for step in &page.scopes {
            cursors.insert(step.scope.clone(), step.cursor);
        }
        for scope in &page.removed {
            cursors.remove(scope);
        }
        true
    }
}

/// The device's state when pages were requested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requester {
    /// The device.
    pub device_id: Uuid,
    /// What the server had acknowledged before the first request.
    pub acknowledged_n: i64,
    /// The device's `rewinds` at that time.
    pub rewinds: u32,
    /// The scopes that it followed.
    pub follows: Arc<[String]>,
}

impl Requester {
    /// Whether the device is unchanged since the request. After its numbers were rewound, an earlier answer is about outdated
    /// numbers; after a followed scope was let go, it may contain the second half of a scope whose first half has left.
    fn is(&self, writer: &Writer) -> Result<bool> {
        let device = writer.device();
        let is_same_device = (self.device_id, self.rewinds) == (device.device_id, device.rewinds);
        Ok(is_same_device && *self.follows == *follows::asked(writer.connection())?)
    }

    /// Whether the page proves that the server went back in time: it was read after the server had acknowledged more mutations
    /// than the page contains.
    fn proves_rewind(&self, device: &Device, page: &Fetched) -> bool {
        page.asked_with_cursors && page.outline.epoch == device.epoch && page.outline.applied_upto < self.acknowledged_n
    }
}

/// A page that was received, with the measured clock offset.
pub struct Fetched {
    /// Its bytes.
    pub bytes: Bytes,
    /// Its outline.
    pub outline: Outline,
    /// Whether the request carried the cursors: then the server read the page after the request.
    pub asked_with_cursors: bool,
    /// The server's clock minus this laptop's; none when the page took too long to measure it.
    pub offset_ms: Option<i64>,
}

/// Stores pages in one transaction, up to the first whose verdict is not `Applied`. None when the database has changed its
/// device, rewound its numbers or changed what it follows since the request: the pages do not apply to it then.
///
/// # Errors
/// When a page does not fit or the database fails; then none of them is stored.
pub fn apply(writer: &mut Writer, requester: &Requester, now_ms: i64, pages: &[Fetched]) -> Result<Option<Verdict>> {
    if !requester.is(writer)? {
        return Ok(None);
    }
    let written = writer.connection().total_changes();
    let verdict = writer.relaxed_transaction(|connection, device| apply_all(connection, device, requester, now_ms, pages))?;
    if matches!(&verdict, Verdict::Applied(applied) if applied.reread.is_empty()) {
        writer.advance_reached(written, pages.iter().map(|page| &page.outline));
    }
    Ok(Some(verdict))
}

fn apply_all(connection: &Connection, device: &mut Device, requester: &Requester, now_ms: i64, pages: &[Fetched]) -> Result<Verdict> {
    let mut together = Applied::default();
    for page in pages {
        if requester.proves_rewind(device, page) {
            // The witness is kept: with it the server can tell that it went back.
            return apply::start_again(connection, device, page.outline.applied_upto);
        }
        let Fetched { bytes, outline, offset_ms, .. } = page;
        match apply::apply(connection, device, now_ms, *offset_ms, bytes, outline)? {
            Verdict::Applied(applied) => {
                together.entities.extend(applied.entities);
                together.rows += applied.rows;
                together.more = applied.more;
                together.mismatched.extend(applied.mismatched);
                together.reread.extend(applied.reread);
                together.damaged.extend(applied.damaged);
                if !together.reread.is_empty() {
                    break;
                }
            }
            other => return Ok(other),
        }
    }
    Ok(Verdict::Applied(together))
}

/// Offers rows that the server has lost and that no laptop has sent again. True when changes wait to be sent.
///
/// # Errors
/// When the database fails.
pub fn offer_lost(writer: &mut Writer, now_ms: i64) -> Result<bool> {
    if !lost::is_due(writer.connection(), writer.device(), now_ms)? {
        return Ok(false);
    }
    Ok(writer.durable_transaction(|connection, device| lost::offer(connection, device, now_ms))? > 0)
}

/// Notes that the server has nothing new.
///
/// # Errors
/// When the database fails.
pub fn nothing_new(writer: &mut Writer, offset_ms: Option<i64>, server_time: i64, now_ms: i64) -> Result<()> {
    writer.noted(|connection, device| {
        device.clock_offset_ms = offset_ms.unwrap_or(device.clock_offset_ms);
        device.last_sync_at = Some(now_ms);
        device.receive_server_time(server_time);
        crate::store::device::save(connection, device)
    })
}
