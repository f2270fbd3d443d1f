//! Puts right what a checksum or an audit found damaged: slice by slice, and from the beginning where that does not help.

use std::sync::Arc;

use bytes::Bytes;
use waystation_model::Code;
use waystation_model::wire::SlicesRequest;

use super::engine::Engine;
use super::mending::{End, Mending, Step};
use crate::error::{ClientError, Result};
use crate::store::{Writer, slices};

/// How often a scope may have moved before it is left until the next pull.
const MOVES_MAX: usize = 4;

impl Engine {
    /// Puts every damaged scope right. The pull gate is held. Tells whether none is damaged any more; one that moves all the
    /// time is left for the next pull.
    ///
    /// # Errors
    /// When the network or the database fails. What was not put right stays damaged until the next time.
    pub(super) async fn repair_damaged(&self) -> Result<bool> {
        for scope in self.store.write(|writer| slices::damaged(writer.connection())).await? {
            let mut end = End::Moved;
            for _ in 0..MOVES_MAX {
                end = self.put_right(&scope).await?;
                if end == End::Right {
                    break;
                }
                self.pull_pages(true).await?;
                if end == End::ReadAgain {
                    break;
                }
            }
            tracing::warn!(scope, ?end, "a scope of this laptop was damaged");
        }
        Ok(self.store.write(|writer| slices::damaged(writer.connection())).await?.is_empty())
    }

    async fn put_right(&self, scope: &str) -> Result<End> {
        let _busy = self.busy().await;
        let about = scope.to_owned();
        let (mut mending, mut step) = self.store.write(move |writer| Mending::begin(writer, &about)).await?;
        loop {
            let asked = match step {
                Step::Ended(end) => return Ok(end),
                Step::Ask(asked) => asked,
            };
            step = match self.ask_and_hear(&mut mending, asked).await {
                Ok(step) => step,
                // Whoever has too much to do is not asked for more.
                Err(ClientError::Refused(problem)) if matches!(problem.code, Code::TooManyRequests | Code::NotReady) => {
                    return Err(problem.into());
                }
                // Nothing else that the server says about this scope may keep all others from being read.
                Err(error @ (ClientError::Refused(_) | ClientError::BadAnswer(_))) => {
                    tracing::warn!(scope, %error, "slices do not help");
                    let mending = mending.clone();
                    self.store.write(move |writer| mending.read_again(writer)).await?
                }
                Err(error) => return Err(error),
            };
        }
    }

    async fn ask_and_hear(&self, mending: &mut Mending, asked: SlicesRequest) -> Result<Step> {
        let bytes = self.ask_slices(&asked).await?;
        let now_ms = self.environment.clock.now_ms();
        let mut heard = mending.clone();
        let hear = move |writer: &mut Writer| heard.hear(writer, now_ms, &asked, &bytes).map(|(step, applied)| (heard, step, applied));
        let (heard, step, applied) = self.store.write(hear).await?;
        *mending = heard;
        self.tell_changed(&applied.entities);
        Ok(step)
    }

    async fn ask_slices(&self, request: &SlicesRequest) -> Result<Bytes> {
        let request = Arc::new(request.clone());
        self.session
            .with_token(|link, token| {
                let request = request.clone();
                async move { link.slices(&token, &request).await }
            })
            .await
    }
}
