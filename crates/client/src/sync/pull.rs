//! The exchange down: page by page until the server has no more, the next page fetched while one is applied.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use waystation_model::limits::PROTOCOL_VERSION;
use waystation_model::wire::PullRequest;

use super::engine::Engine;
use crate::error::{ClientError, Result};
use crate::store::apply::{self, Applied, Verdict};
use crate::store::page::{self, Answer, Outline};
use crate::store::{Device, scopes};

/// Pages of one pull. A laptop that needs more than this has been told of an end that does not come.
const PAGES_MAX: usize = 100_000;

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
        self.note(&result);
        self.tell_status().await;
        result
    }

    async fn pull_pages(&self, full: bool) -> Result<()> {
        let mut position = self.position().await?;
        if !full && !position.cursors.is_empty() {
            let digest = scopes::digest(&position.cursors);
            let bytes = self.fetch(&position.device, Some(digest), None).await?;
            if let Answer::Unchanged { server_time } = page::outline(&bytes)? {
                return self.nothing_new(server_time).await;
            }
        }
        let _busy = self.busy().await;
        let mut bytes = self.fetch(&position.device, None, Some(position.cursors)).await?;
        for _ in 0..PAGES_MAX {
            let outline = match page::outline(&bytes)? {
                Answer::Page(outline) => outline,
                Answer::Unchanged { server_time } => return self.nothing_new(server_time).await,
                Answer::SendCursors => return Err(ClientError::BadAnswer("cursors were asked for twice".into())),
            };
            self.network().rows_left = Some(outline.rows_left);
            let next = if outline.more { Some(self.cursors_after(&outline).await?) } else { None };
            let (verdict, prefetched) = match next {
                Some(cursors) => {
                    let mut device = self.store.device().await?;
                    device.epoch = outline.epoch;
                    let (verdict, fetched) =
                        tokio::join!(self.apply(bytes, outline), self.fetch(&device, None, Some(cursors)));
                    (verdict?, Some(fetched))
                }
                None => (self.apply(bytes, outline).await?, None),
            };
            let again = match verdict {
                Verdict::Applied(applied) => {
                    self.report(&applied).await;
                    if applied.more && applied.reread.is_empty() {
                        bytes = prefetched.unwrap_or_else(|| Err(ClientError::BadAnswer("no next page".into())))?;
                        continue;
                    }
                    !applied.reread.is_empty()
                }
                Verdict::EpochChanged => true,
                Verdict::Copied => {
                    self.become_new_device(position.device.device_id).await?;
                    true
                }
            };
            if !again {
                return Ok(());
            }
            position = self.position().await?;
            bytes = self.fetch(&position.device, None, Some(position.cursors)).await?;
        }
        Err(ClientError::BadAnswer("a pull without an end".into()))
    }

    async fn position(&self) -> Result<Position> {
        self.store.write(|writer| Ok(Position { device: writer.device().clone(), cursors: scopes::cursors(writer.connection())? })).await
    }

    /// The cursors as they will be once the page is applied.
    async fn cursors_after(&self, outline: &Outline) -> Result<BTreeMap<String, i64>> {
        let mut cursors = self.position().await?.cursors;
        for step in &outline.scopes {
            cursors.insert(step.scope.clone(), step.cursor);
        }
        for scope in &outline.removed {
            cursors.remove(scope);
        }
        Ok(cursors)
    }

    async fn fetch(&self, device: &Device, digest: Option<String>, cursors: Option<BTreeMap<String, i64>>) -> Result<Bytes> {
        let request =
            Arc::new(PullRequest { protocol: PROTOCOL_VERSION, device: device.device_id, epoch: device.epoch, digest, cursors });
        self.session
            .with_token(|link, token| {
                let request = request.clone();
                async move { link.pull(&token, &request).await }
            })
            .await
    }

    async fn apply(&self, bytes: Bytes, outline: Outline) -> Result<Verdict> {
        let now_ms = self.environment.clock.now_ms();
        self.store
            .write(move |writer| writer.pulled(|connection, device| apply::apply(connection, device, now_ms, &bytes, &outline)))
            .await
    }

    async fn nothing_new(&self, server_time: i64) -> Result<()> {
        let now_ms = self.environment.clock.now_ms();
        self.store
            .write(move |writer| {
                writer.pulled(|connection, device| {
                    device.clock_offset_ms = server_time - now_ms;
                    device.last_sync_at = Some(now_ms);
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
