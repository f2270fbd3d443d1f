//! What the two exchanges decide between one request and the next: what to ask, what an answer means, and how to go on.
//!
//! All of it is synchronous and knows no network, so a simulator makes the very same decisions.

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
use crate::store::lost;
use crate::store::outbox::{self, Batch};
use crate::store::page::{Answer, Outline};
use crate::store::scopes::{self, Reached};
use crate::store::{Device, Writer};

/// How often one push mends its numbering before it gives up until the next.
pub const REPAIRS_MAX: u32 = 4;
/// Pages of one pull. A laptop that needs more than this has been told of an end that does not come.
pub const PAGES_MAX: usize = 100_000;
/// Rounds of one pull: a new epoch, a copy noticed, scopes read again.
pub const ROUNDS_MAX: usize = 32;
/// Pages that are fetched before the ones before them are stored.
pub const PAGES_AHEAD_MAX: usize = 16;
/// Pages that are stored in one transaction. Each transaction encrypts and writes again what it touches of the indexes, so
/// few large ones are cheaper than many small ones.
pub const PAGES_TOGETHER_MAX: usize = 8;

/// A push on its way.
pub struct Sending {
    /// What it carries.
    pub batch: Batch,
    /// How it is sent.
    pub request: PushRequest,
}

/// Takes what waits, as much as one push carries. `now_ms` is this laptop's clock.
///
/// # Errors
/// When the database fails.
pub fn take(writer: &mut Writer, now_ms: i64) -> Result<Option<Sending>> {
    let Some(batch) = writer.person(|connection, device| outbox::take(connection, device))? else { return Ok(None) };
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

/// Stores what the server made of a push, and returns the tables that changed. `offset_ms`: how far the clocks are apart, when
/// the answer came soon enough to tell.
///
/// # Errors
/// When the answer does not belong to the push, or the database fails.
pub fn store(writer: &mut Writer, batch: &Batch, answer: &PushAnswer, offset_ms: Option<i64>) -> Result<BTreeSet<&'static str>> {
    writer.person(|connection, device| {
        device.clock_offset_ms = offset_ms.unwrap_or(device.clock_offset_ms);
        Ok(outbox::store_answer(connection, device, batch, answer)?.into_iter().collect())
    })
}

/// How to go on after a push was refused as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repair {
    /// The numbering was mended: try again.
    Again,
    /// The server's epoch is another one: pull first.
    Pull,
    /// This database is a copy: it needs a device of its own.
    NewDevice,
}

/// Mends what the server said about the numbering, so that the push can be tried again. `went_back`: how often the numbers had
/// gone back before it was sent.
///
/// # Errors
/// The error itself, when nothing here mends it.
pub fn repair(writer: &mut Writer, went_back: u32, error: ClientError) -> Result<Repair> {
    let ClientError::Refused(problem) = &error else { return Err(error) };
    match problem.code {
        Code::EpochChanged => Ok(Repair::Pull),
        // The other exchange has changed the numbers meanwhile, and what was said about the old ones is no longer so.
        Code::NumberGap | Code::NumberReused | Code::ChainMismatch if writer.device().went_back != went_back => Ok(Repair::Again),
        Code::NumberGap => {
            let next_n = outbox::number_in(problem);
            let gone_back = writer.person(|connection, device| {
                let Some(next_n) = next_n else { return Ok(false) };
                if next_n > device.acknowledged_n {
                    // There is nothing to go back to.
                    return Ok(true);
                }
                let gone_back = outbox::go_back_to(connection, device, next_n - 1)?;
                if !gone_back {
                    outbox::wait_again(connection, device)?;
                }
                Ok(gone_back)
            })?;
            Ok(if gone_back { Repair::Again } else { Repair::NewDevice })
        }
        Code::NumberReused => {
            if let Some(n) = outbox::number_in(problem) {
                writer.person(|connection, device| outbox::taken_before(connection, device, n))?;
            }
            Ok(Repair::NewDevice)
        }
        Code::ChainMismatch => Ok(Repair::NewDevice),
        _ => Err(error),
    }
}

/// What to ask for next.
pub struct Position {
    /// The device that asks.
    pub device: Device,
    /// How far each scope was read.
    pub cursors: Arc<BTreeMap<String, i64>>,
    /// The digest of these; none when a page has moved them.
    digest: Option<Arc<str>>,
    /// Whether any scope is being read once more from 0.
    pub rereading: bool,
}

impl Position {
    /// Where this database is.
    ///
    /// # Errors
    /// When the database fails.
    pub fn of(writer: &Writer) -> Result<Position> {
        let Reached { cursors, digest, rereading } = writer.reached()?;
        Ok(Position { device: writer.device().clone(), cursors, digest: Some(digest), rereading })
    }

    fn request(&self, digest: Option<String>, cursors: Option<BTreeMap<String, i64>>) -> PullRequest {
        PullRequest {
            protocol: PROTOCOL_VERSION,
            device: self.device.device_id,
            epoch: self.device.epoch,
            digest,
            cursors,
            witness: self.device.witness.clone(),
        }
    }

    /// Asks for what is new, naming the cursors by their digest; by themselves where there are none yet. A scope that starts
    /// again from 0 may be where it was when a server that has not heard of its rows since knew it.
    pub fn ask(&self) -> PullRequest {
        if self.cursors.is_empty() || self.rereading {
            return self.ask_page();
        }
        let digest = self.digest.as_deref().map_or_else(|| scopes::digest(&self.cursors), str::to_owned);
        self.request(Some(digest), None)
    }

    /// Who asks, and what the server had acknowledged by then.
    pub fn asker(&self) -> Asker {
        let Device { device_id, acknowledged_n, went_back, .. } = self.device;
        Asker { device_id, acknowledged_n, went_back }
    }

    /// Whether an answer says less than the server has acknowledged. To a digest it may have been read before it was asked for,
    /// so the cursors ask again before that is believed.
    pub fn doubts(&self, answer: &Answer) -> bool {
        matches!(answer, Answer::Page(page) if page.epoch == self.device.epoch && page.applied_upto < self.device.acknowledged_n)
    }

    /// Whether the server has mutations of this device that no pull has covered: then a page is needed although nothing is new.
    pub fn waits_for_cover(&self) -> bool {
        self.device.acknowledged_n > self.device.applied_upto
    }

    /// Asks for the next page with the cursors themselves.
    pub fn ask_page(&self) -> PullRequest {
        self.request(None, Some(BTreeMap::clone(&self.cursors)))
    }

    /// Goes on after a page. False: there is no next one.
    pub fn pass(&mut self, page: &Outline) -> bool {
        self.device.epoch = page.epoch;
        if !page.more {
            // Nobody asks from there.
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

/// Who asks for pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asker {
    /// The device.
    pub device_id: Uuid,
    /// What the server had acknowledged before the first page was asked for.
    pub acknowledged_n: i64,
    /// How often the numbers had gone back by then.
    pub went_back: u32,
}

impl Asker {
    /// Whether the database is still what asked. After its numbers went back, an answer from before says nothing of them.
    fn is(self, device: &Device) -> bool {
        (self.device_id, self.went_back) == (device.device_id, device.went_back)
    }

    /// Whether the page proves that the server went back in time: it was read after the server had acknowledged more than it
    /// holds.
    fn was_forgotten(self, device: &Device, page: &Fetched) -> bool {
        page.asked_with_cursors && page.outline.epoch == device.epoch && page.outline.applied_upto < self.acknowledged_n
    }
}

/// A page that came, and how far the clocks were apart then.
pub struct Fetched {
    /// Its bytes.
    pub bytes: Bytes,
    /// Its outline.
    pub outline: Outline,
    /// Whether it was asked for with the cursors: then it was read after it was asked for.
    pub asked_with_cursors: bool,
    /// How far the clocks were apart, when the page came soon enough to tell.
    pub offset_ms: Option<i64>,
}

/// Stores pages in one transaction, up to the first that is not plainly applied. None when the database has become another
/// device than the one that asked, or its numbers went back meanwhile: they say nothing of it then.
///
/// # Errors
/// When a page does not fit or the database fails; then none of them is stored.
pub fn apply(writer: &mut Writer, asker: Asker, now_ms: i64, pages: &[Fetched]) -> Result<Option<Verdict>> {
    if !asker.is(writer.device()) {
        return Ok(None);
    }
    let written = writer.connection().total_changes();
    let verdict = writer.pulled(|connection, device| apply_all(connection, device, asker, now_ms, pages))?;
    if matches!(&verdict, Verdict::Applied(applied) if applied.reread.is_empty()) {
        writer.passed(written, pages.iter().map(|page| &page.outline));
    }
    Ok(Some(verdict))
}

fn apply_all(connection: &Connection, device: &mut Device, asker: Asker, now_ms: i64, pages: &[Fetched]) -> Result<Verdict> {
    let mut together = Applied::default();
    for page in pages {
        if asker.was_forgotten(device, page) {
            // The witness stays the one that tells the server so.
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

/// Offers rows that the server has lost and nobody has sent again. True: something waits to be sent then.
///
/// # Errors
/// When the database fails.
pub fn offer_lost(writer: &mut Writer, now_ms: i64) -> Result<bool> {
    if !lost::is_due(writer.connection(), writer.device(), now_ms)? {
        return Ok(false);
    }
    Ok(writer.person(|connection, device| lost::offer(connection, device, now_ms))? > 0)
}

/// The server has nothing new.
///
/// # Errors
/// When the database fails.
pub fn nothing_new(writer: &mut Writer, offset_ms: Option<i64>, server_time: i64, now_ms: i64) -> Result<()> {
    writer.noted(|connection, device| {
        device.clock_offset_ms = offset_ms.unwrap_or(device.clock_offset_ms);
        device.last_sync_at = Some(now_ms);
        device.hear_time(server_time);
        crate::store::device::save(connection, device)
    })
}
