//! The exchange down: page by page until the server has no more, the next page fetched while one is applied.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use tokio::sync::mpsc;
use waystation_model::Code;
use waystation_model::wire::PullRequest;

use super::clock::Asked;
use super::engine::Engine;
use super::exchange::{self, Asker, Fetched, PAGES_AHEAD_MAX, PAGES_MAX, PAGES_TOGETHER_MAX, Position, ROUNDS_MAX};
use super::status::Exchange;
use crate::error::{ClientError, Result};
use crate::store::apply::{Applied, Verdict};
use crate::store::audit::{Audit, Step};
use crate::store::page::{self, Answer};

/// How a round of pages ended.
enum Round {
    Done,
    Again,
    Copied,
}

impl Engine {
    /// Pulls until nothing more is there. `full` takes no digest's word that nothing is new, because something is known to be.
    ///
    /// # Errors
    /// A refusal, or a failure of network or database. Pages that were applied stay.
    pub async fn pull_all(&self, full: bool) -> Result<()> {
        let _gate = self.pull_gate.lock().await;
        let mut result = self.pull_pages(full).await;
        if matches!(&result, Err(ClientError::Refused(problem)) if problem.code == Code::ChainMismatch) {
            // The server has no ledger of this device, so nothing would ever be answered to it again.
            result = self.pull_as_new_device().await;
        }
        if result.is_ok() && self.damage_known.load(Ordering::Relaxed) {
            let repaired = self.repair_damaged().await;
            self.damage_known.store(!matches!(repaired, Ok(true)), Ordering::Relaxed);
            result = repaired.map(drop);
        }
        if result.is_ok() {
            self.offer_lost().await;
        }
        self.note(Exchange::Pull, &result);
        self.tell_status().await;
        result
    }

    async fn pull_as_new_device(&self) -> Result<()> {
        let known_as = self.position().await?.device.device_id;
        self.become_new_device(known_as).await?;
        self.pull_pages(true).await
    }

    /// Offers what the server has lost, once whoever entered it had the time to send it again. How a pull ended does not depend
    /// on it.
    async fn offer_lost(&self) {
        let now_ms = self.environment.clock.now_ms();
        match self.store.write(move |writer| exchange::offer_lost(writer, now_ms)).await {
            Ok(true) => self.wake_push.notify_one(),
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "what the server has lost cannot be offered"),
        }
    }

    pub(super) async fn pull_pages(&self, full: bool) -> Result<()> {
        let position = self.position().await?;
        let full = full || position.waits_for_cover();
        let mut first = None;
        if !full {
            first = self.fetch_page(&position, false).await?;
            if first.is_none() {
                return Ok(());
            }
        }
        let _busy = self.busy().await;
        let mut position = Some(position);
        for _ in 0..ROUNDS_MAX {
            let position = match position.take() {
                Some(position) => position,
                None => self.position().await?,
            };
            let asker = position.asker();
            let (found, pages) = mpsc::channel(PAGES_AHEAD_MAX);
            // The next pages are on their way while these are stored. Whatever ends first ends the other.
            let (fetched, applied) = tokio::join!(self.fetch_pages(position, first.take(), found), self.apply_pages(asker, pages));
            match applied? {
                Round::Done => return fetched,
                Round::Again => {}
                Round::Copied => self.become_new_device(asker.device_id).await?,
            }
        }
        Err(ClientError::BadAnswer("a pull without an end".into()))
    }

    /// Fetches page after page from here on, until the server has no more or nobody takes them.
    async fn fetch_pages(&self, mut position: Position, mut first: Option<Fetched>, found: mpsc::Sender<Fetched>) -> Result<()> {
        for _ in 0..PAGES_MAX {
            let page = match first.take() {
                Some(page) => page,
                None => match self.fetch_page(&position, true).await? {
                    Some(page) => page,
                    None => return Ok(()),
                },
            };
            let more = position.pass(&page.outline);
            if found.send(page).await.is_err() || !more {
                return Ok(());
            }
        }
        Err(ClientError::BadAnswer("a pull without an end".into()))
    }

    /// Fetches the page that follows; none when nothing is new. `full` asks once more with the cursors before that is believed:
    /// the server's memory may lag behind its database.
    async fn fetch_page(&self, position: &Position, full: bool) -> Result<Option<Fetched>> {
        let request = position.ask();
        let mut by_digest = request.cursors.is_none();
        let (mut bytes, mut asked) = self.fetch(request).await?;
        let mut answer = page::outline(&bytes)?;
        let is_late = matches!(answer, Answer::SendCursors) || full && matches!(answer, Answer::Unchanged { .. });
        if by_digest && (is_late || position.doubts(&answer)) {
            by_digest = false;
            (bytes, asked) = self.fetch(position.ask_page()).await?;
            answer = page::outline(&bytes)?;
        }
        match answer {
            Answer::Page(outline) => {
                // The page may wait for its turn, so the clocks are compared here.
                let offset_ms = asked.offset_ms(self.environment.clock.as_ref(), outline.server_time);
                Ok(Some(Fetched { bytes, outline, asked_with_cursors: !by_digest, offset_ms }))
            }
            Answer::Unchanged { server_time } => self.nothing_new(asked, server_time).await.map(|()| None),
            Answer::SendCursors => Err(ClientError::BadAnswer("cursors were asked for twice".into())),
        }
    }

    /// Stores pages as they come, all that are there in one transaction.
    async fn apply_pages(&self, asker: Asker, mut pages: mpsc::Receiver<Fetched>) -> Result<Round> {
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
            let Some(verdict) = self.apply(asker, std::mem::take(&mut waiting)).await? else { return Ok(Round::Again) };
            match verdict {
                Verdict::Applied(applied) => {
                    self.report(&applied).await;
                    if !applied.reread.is_empty() {
                        return Ok(Round::Again);
                    }
                }
                Verdict::StartAgain => {
                    // What the server has lost is sent again, although the person did nothing, and counts as waiting until then.
                    self.wake_push.notify_one();
                    self.tell_status().await;
                    return Ok(Round::Again);
                }
                Verdict::Copied => return Ok(Round::Copied),
            }
        }
    }

    /// Counts every row again, step by step, and pulls what turns out to be missing or too much. Tells which scopes that were;
    /// none when somebody wrote meanwhile and nothing can be said.
    ///
    /// # Errors
    /// As a pull, or when the database fails.
    pub async fn audit(&self) -> Result<Option<Vec<String>>> {
        let damaged = {
            // A pull would only disturb it.
            let _gate = self.pull_gate.lock().await;
            let mut audit = self.store.write(|writer| Audit::begin(writer.connection())).await?;
            loop {
                let step;
                (audit, step) = self
                    .store
                    .write(move |writer| {
                        let step = writer.pulled(|connection, _| audit.step(connection))?;
                        Ok((audit, step))
                    })
                    .await?;
                match step {
                    Step::More => {}
                    Step::Disturbed => return Ok(None),
                    Step::Done(damaged) => break damaged,
                }
            }
        };
        if !damaged.is_empty() {
            tracing::error!(?damaged, "rows are missing here, too much, or changed by themselves");
            self.damage_known.store(true, Ordering::Relaxed);
            self.pull_all(true).await?;
        }
        Ok(Some(damaged))
    }

    /// Whether another program wrote to the database since this was last asked.
    pub async fn others_wrote(&self) -> bool {
        self.store.write(crate::store::Writer::others_wrote).await.unwrap_or(false)
    }

    async fn position(&self) -> Result<Position> {
        self.store.write(|writer| Position::of(writer)).await
    }

    async fn fetch(&self, request: PullRequest) -> Result<(Bytes, Asked)> {
        let request = Arc::new(request);
        let clock = self.environment.clock.clone();
        self.session
            .with_token(|link, token| {
                let (request, asked) = (request.clone(), Asked::now(clock.as_ref()));
                async move { Ok((link.pull(&token, &request).await?, asked)) }
            })
            .await
    }

    async fn apply(&self, asker: Asker, pages: Vec<Fetched>) -> Result<Option<Verdict>> {
        let now_ms = self.environment.clock.now_ms();
        self.store.write(move |writer| exchange::apply(writer, asker, now_ms, &pages)).await
    }

    async fn nothing_new(&self, asked: Asked, server_time: i64) -> Result<()> {
        let now_ms = self.environment.clock.now_ms();
        let offset_ms = asked.offset_ms(self.environment.clock.as_ref(), server_time);
        self.store.write(move |writer| exchange::nothing_new(writer, offset_ms, server_time, now_ms)).await
    }

    async fn report(&self, applied: &Applied) {
        if !applied.mismatched.is_empty() {
            self.damage_known.store(true, Ordering::Relaxed);
        }
        for scope in &applied.damaged {
            tracing::error!(scope, "a scope does not match the server's although it was read again");
        }
        self.tell_changed(&applied.entities);
        self.tell_status().await;
    }
}
