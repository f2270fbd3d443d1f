//! The pull: page by page until the server has no more. The next pages are fetched while one is applied.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use tokio::sync::mpsc;
use waystation_model::Code;
use waystation_model::wire::PullRequest;

use super::clock::RequestTime;
use super::engine::Engine;
use super::exchange::{self, Fetched, PAGES_AHEAD_MAX, PAGES_MAX, PAGES_TOGETHER_MAX, Position, ROUNDS_MAX, Requester};
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
    /// Pulls until the server has nothing more. With `full` the cursors are sent even when the digest says that nothing is new.
    ///
    /// # Errors
    /// A refusal, or a failure of network or database. Pages that were applied stay.
    pub async fn pull_all(&self, full: bool) -> Result<()> {
        let _gate = self.pull_gate.lock().await;
        let mut result = self.pull_pages(full).await;
        if matches!(&result, Err(ClientError::Refused(problem)) if problem.code == Code::ChainMismatch) {
            // The server has no ledger of this device and would refuse every further request of it.
            result = self.pull_as_new_device().await;
        }
        if result.is_ok() && self.maybe_damaged.load(Ordering::Relaxed) {
            let repaired = self.repair_damaged().await;
            self.maybe_damaged.store(!matches!(repaired, Ok(true)), Ordering::Relaxed);
            result = repaired.map(drop);
        }
        if result.is_ok() {
            self.offer_lost().await;
        }
        self.note(Exchange::Pull, &result);
        self.emit_status().await;
        result
    }

    async fn pull_as_new_device(&self) -> Result<()> {
        let expected_id = self.position().await?.device.device_id;
        self.become_new_device(expected_id).await?;
        self.pull_pages(true).await
    }

    /// Offers rows that the server has lost, after their authors had time to send them again. A failure here does not fail the
    /// pull.
    async fn offer_lost(&self) {
        let now_ms = self.environment.clock.now_ms();
        match self.store.write(move |writer| exchange::offer_lost(writer, now_ms)).await {
            Ok(true) => self.wake_push.notify_one(),
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "rows that the server has lost cannot be offered"),
        }
    }

    pub(super) async fn pull_pages(&self, full: bool) -> Result<()> {
        let position = self.position().await?;
        let full = full || position.has_uncovered_mutations();
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
            let requester = position.requester();
            let (found, pages) = mpsc::channel(PAGES_AHEAD_MAX);
            // Pages are fetched while earlier ones are stored. When either side ends, the channel closes and ends the other.
            let (fetched, applied) =
                tokio::join!(self.fetch_pages(position, first.take(), found), self.apply_pages(requester.clone(), pages));
            match applied? {
                Round::Done => return fetched,
                Round::Again => {}
                Round::Copied => self.become_new_device(requester.device_id).await?,
            }
        }
        Err(ClientError::BadAnswer("a pull without an end".into()))
    }

    /// Fetches page after page from `position` on, until the server has no more or the receiver is dropped.
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

    /// Fetches the next page; none when nothing is new. With `full` a second request with the cursors confirms that, because the
    /// server's cache may lag behind its database.
    async fn fetch_page(&self, position: &Position, full: bool) -> Result<Option<Fetched>> {
        let request = position.ask();
        let mut by_digest = request.cursors.is_none();
        let (mut bytes, mut asked) = self.fetch(request).await?;
        let mut answer = page::outline(&bytes)?;
        let is_late = matches!(answer, Answer::SendCursors) || full && matches!(answer, Answer::Unchanged { .. });
        if by_digest && (is_late || position.needs_confirmation(&answer)) {
            by_digest = false;
            (bytes, asked) = self.fetch(position.ask_page()).await?;
            answer = page::outline(&bytes)?;
        }
        match answer {
            Answer::Page(outline) => {
                // The page may wait in the channel, so the clock offset is measured here.
                let offset_ms = asked.offset_ms(self.environment.clock.as_ref(), outline.server_time);
                Ok(Some(Fetched { bytes, outline, asked_with_cursors: !by_digest, offset_ms }))
            }
            Answer::Unchanged { server_time } => self.nothing_new(asked, server_time).await.map(|()| None),
            Answer::SendCursors => Err(ClientError::BadAnswer("cursors were asked for twice".into())),
        }
    }

    /// Stores pages as they are received, several in one transaction.
    async fn apply_pages(&self, requester: Requester, mut pages: mpsc::Receiver<Fetched>) -> Result<Round> {
        let mut waiting = Vec::with_capacity(PAGES_TOGETHER_MAX);
        // The first page is stored alone, so that it is shown at once; a long first sync then stores more and more together.
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
            let Some(verdict) = self.apply(requester.clone(), std::mem::take(&mut waiting)).await? else { return Ok(Round::Again) };
            match verdict {
                Verdict::Applied(applied) => {
                    self.report(&applied).await;
                    if !applied.reread.is_empty() {
                        return Ok(Round::Again);
                    }
                }
                Verdict::StartAgain => {
                    // Changes that the server has lost count as unsent again: push them and update the chip.
                    self.wake_push.notify_one();
                    self.emit_status().await;
                    return Ok(Round::Again);
                }
                Verdict::Copied => return Ok(Round::Copied),
            }
        }
    }

    /// Audits the database step by step and repairs the damaged scopes. Returns those scopes; none when a write interrupted the
    /// audit.
    ///
    /// # Errors
    /// As a pull, or when the database fails.
    pub async fn audit(&self) -> Result<Option<Vec<String>>> {
        let damaged = {
            // A pull would interrupt the audit.
            let _gate = self.pull_gate.lock().await;
            let mut audit = self.store.write(|writer| Audit::begin(writer.connection())).await?;
            loop {
                let step;
                (audit, step) = self
                    .store
                    .write(move |writer| {
                        let step = writer.relaxed_transaction(|connection, _| audit.step(connection))?;
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
            tracing::error!(?damaged, "rows of these scopes are missing, surplus or damaged");
            self.maybe_damaged.store(true, Ordering::Relaxed);
            self.pull_all(true).await?;
        }
        Ok(Some(damaged))
    }

    /// Whether another program wrote to the database since this was last asked.
    pub async fn was_written_by_others(&self) -> bool {
        self.store.write(crate::store::Writer::was_written_by_others).await.unwrap_or(false)
    }

    async fn position(&self) -> Result<Position> {
        self.store.write(|writer| Position::of(writer)).await
    }

    async fn fetch(&self, request: PullRequest) -> Result<(Bytes, RequestTime)> {
        let request = Arc::new(request);
        let clock = self.environment.clock.clone();
        self.session
            .with_token(|link, token| {
                let (request, asked) = (request.clone(), RequestTime::now(clock.as_ref()));
                async move { Ok((link.pull(&token, &request).await?, asked)) }
            })
            .await
    }

    async fn apply(&self, requester: Requester, pages: Vec<Fetched>) -> Result<Option<Verdict>> {
        let now_ms = self.environment.clock.now_ms();
        self.store.write(move |writer| exchange::apply(writer, &requester, now_ms, &pages)).await
    }

    async fn nothing_new(&self, asked: RequestTime, server_time: i64) -> Result<()> {
        let now_ms = self.environment.clock.now_ms();
        let offset_ms = asked.offset_ms(self.environment.clock.as_ref(), server_time);
        self.store.write(move |writer| exchange::nothing_new(writer, offset_ms, server_time, now_ms)).await
    }

    async fn report(&self, applied: &Applied) {
        if !applied.mismatched.is_empty() {
            self.maybe_damaged.store(true, Ordering::Relaxed);
        }
        for scope in &applied.damaged {
            tracing::error!(scope, "a scope does not match the server's although it was read again");
        }
        self.emit_changed(&applied.entities);
        self.emit_status().await;
    }
}
