//! The exchange down: page by page until the server has no more, the next page fetched while one is applied.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use rusqlite::Connection;
use tokio::sync::mpsc;
use uuid::Uuid;
use waystation_model::limits::PROTOCOL_VERSION;
use waystation_model::wire::PullRequest;

use super::clock::Asked;
use super::engine::Engine;
use super::status::Exchange;
use crate::error::{ClientError, Result};
use crate::store::apply::{self, Applied, Verdict};
use crate::store::page::{self, Answer, Outline};
use crate::store::{Device, scopes};

/// Pages of one pull. A laptop that needs more than this has been told of an end that does not come.
const PAGES_MAX: usize = 100_000;
/// Rounds of one pull: a new epoch, a copy noticed, scopes read again.
const ROUNDS_MAX: usize = 32;
/// Pages that are fetched before the ones before them are stored.
const PAGES_AHEAD_MAX: usize = 16;
/// Pages that are stored in one transaction. Each transaction encrypts and writes again what it touches of the indexes, so
/// few large ones are cheaper than many small ones.
const PAGES_TOGETHER_MAX: usize = 8;

/// How a round of pages ended.
enum Round {
    Done,
    Again,
    Copied,
}

/// A page that came, and how far the clocks were apart then.
struct Fetched {
    bytes: Bytes,
    outline: Outline,
    offset_ms: Option<i64>,
}

/// What to ask for next.
struct Position {
    device: Device,
    cursors: BTreeMap<String, i64>,
}

impl Engine {
    /// Pulls until nothing more is there. `full` asks with cursors at once, because something new is known to be there.
    ///
    /// # Errors
    /// A refusal, or a failure of network or database. Pages that were applied stay.
    pub async fn pull_all(&self, full: bool) -> Result<()> {
        let _gate = self.pull_gate.lock().await;
        let result = self.pull_pages(full).await;
        self.note(Exchange::Pull, &result);
        self.tell_status().await;
        result
    }

    async fn pull_pages(&self, full: bool) -> Result<()> {
        let position = self.position().await?;
        if !full && !position.cursors.is_empty() {
            let digest = scopes::digest(&position.cursors);
            let (bytes, asked) = self.fetch(&position.device, Some(digest), None).await?;
            if let Answer::Unchanged { server_time } = page::outline(&bytes)? {
                return self.nothing_new(asked, server_time).await;
            }
        }
        let _busy = self.busy().await;
        for _ in 0..ROUNDS_MAX {
            let position = self.position().await?;
            let known_as = position.device.device_id;
            let (found, pages) = mpsc::channel(PAGES_AHEAD_MAX);
            // The next pages are on their way while these are stored. Whatever ends first ends the other.
            let (fetched, applied) = tokio::join!(self.fetch_pages(position, found), self.apply_pages(known_as, pages));
            match applied? {
                Round::Done => return fetched,
                Round::Again => {}
                Round::Copied => self.become_new_device(known_as).await?,
            }
        }
        Err(ClientError::BadAnswer("a pull without an end".into()))
    }

    /// Fetches page after page from here on, until the server has no more or nobody takes them.
    async fn fetch_pages(&self, position: Position, found: mpsc::Sender<Fetched>) -> Result<()> {
        let Position { mut device, mut cursors } = position;
        for _ in 0..PAGES_MAX {
            let (bytes, asked) = self.fetch(&device, None, Some(cursors.clone())).await?;
            let outline = match page::outline(&bytes)? {
                Answer::Page(outline) => outline,
                Answer::Unchanged { server_time } => return self.nothing_new(asked, server_time).await,
                Answer::SendCursors => return Err(ClientError::BadAnswer("cursors were asked for twice".into())),
            };
            device.epoch = outline.epoch;
            for step in &outline.scopes {
                cursors.insert(step.scope.clone(), step.cursor);
            }
            for scope in &outline.removed {
                cursors.remove(scope);
            }
            let more = outline.more;
            // The page may wait for its turn, so the clocks are compared here.
            let offset_ms = asked.offset_ms(self.environment.clock.as_ref(), outline.server_time);
            if found.send(Fetched { bytes, outline, offset_ms }).await.is_err() || !more {
                return Ok(());
            }
        }
        Err(ClientError::BadAnswer("a pull without an end".into()))
    }

    /// Stores pages as they come, all that are there in one transaction.
    async fn apply_pages(&self, known_as: Uuid, mut pages: mpsc::Receiver<Fetched>) -> Result<Round> {
        let mut waiting = Vec::with_capacity(PAGES_TOGETHER_MAX);
        // The first page is shown at once; a long first sync then stores more and more of them together.
        let mut together = 1;
        loop {
            while waiting.len() < together
                && let Some(page) = pages.recv().await
            {
                waiting.push(page);
            }
            if waiting.is_empty() {
                return Ok(Round::Done);
            }
            together = (together * 2).min(PAGES_TOGETHER_MAX);
            if let Some(last) = waiting.last() {
                self.network().rows_left = Some(last.outline.rows_left);
            }
            let Some(verdict) = self.apply(known_as, std::mem::take(&mut waiting)).await? else { return Ok(Round::Again) };
            match verdict {
                Verdict::Applied(applied) => {
                    self.report(&applied).await;
                    if !applied.reread.is_empty() {
                        return Ok(Round::Again);
                    }
                }
                Verdict::EpochChanged => return Ok(Round::Again),
                Verdict::Copied => return Ok(Round::Copied),
            }
        }
    }

    async fn position(&self) -> Result<Position> {
        self.store.write(|writer| Ok(Position { device: writer.device().clone(), cursors: scopes::cursors(writer.connection())? })).await
    }

    async fn fetch(&self, device: &Device, digest: Option<String>, cursors: Option<BTreeMap<String, i64>>) -> Result<(Bytes, Asked)> {
        let request = Arc::new(PullRequest { protocol: PROTOCOL_VERSION, device: device.device_id, epoch: device.epoch, digest, cursors });
        let clock = self.environment.clock.clone();
        self.session
            .with_token(|link, token| {
                let (request, asked) = (request.clone(), Asked::now(clock.as_ref()));
                async move { Ok((link.pull(&token, &request).await?, asked)) }
            })
            .await
    }

    /// Applies pages that were asked for as `known_as`; none when the database has become another device meanwhile, of which
    /// they say nothing.
    async fn apply(&self, known_as: Uuid, pages: Vec<Fetched>) -> Result<Option<Verdict>> {
        let now_ms = self.environment.clock.now_ms();
        self.store
            .write(move |writer| {
                if writer.device().device_id != known_as {
                    return Ok(None);
                }
                writer.pulled(|connection, device| apply_all(connection, device, now_ms, &pages)).map(Some)
            })
            .await
    }

    async fn nothing_new(&self, asked: Asked, server_time: i64) -> Result<()> {
        let now_ms = self.environment.clock.now_ms();
        let offset_ms = asked.offset_ms(self.environment.clock.as_ref(), server_time);
        self.store
            .write(move |writer| {
                writer.pulled(|connection, device| {
                    device.clock_offset_ms = offset_ms.unwrap_or(device.clock_offset_ms);
                    device.last_sync_at = Some(now_ms);
                    device.hear_time(server_time);
                    crate::store::device::save(connection, device)
                })
            })
            .await
    }

    async fn report(&self, applied: &Applied) {
        for scope in &applied.damaged {
            tracing::error!(scope, "a scope does not match the server's although it was read again");
        }
        self.tell_changed(&applied.entities);
        self.tell_status().await;
    }
}

/// Applies pages one after the other, up to the first that is not plainly applied.
fn apply_all(connection: &Connection, device: &mut Device, now_ms: i64, pages: &[Fetched]) -> Result<Verdict> {
    let mut together = Applied::default();
    for Fetched { bytes, outline, offset_ms } in pages {
        match apply::apply(connection, device, now_ms, *offset_ms, bytes, outline)? {
            Verdict::Applied(applied) => {
                together.entities.extend(applied.entities);
                together.rows += applied.rows;
                together.more = applied.more;
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
