//! Puts right what an audit found damaged: slice by slice, and from the beginning where that does not help.

use std::sync::Arc;

use bytes::Bytes;
use waystation_model::Code;
use waystation_model::wire::SlicesRequest;

use super::engine::Engine;
use crate::error::{ClientError, Result};
use crate::store::page::{self, Slices};
use crate::store::slices::{self, Next};

/// Answers about one scope. A scope that needs more is read from the beginning.
const ANSWERS_MAX: usize = 400;
/// Answers about one scope that were full. Where so much is missing, reading from the beginning costs less.
const FULL_ANSWERS_MAX: u32 = 4;
/// How often a scope may have moved before it is left until the next pull.
const MOVES_MAX: usize = 4;

/// How the repair of one scope ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Right,
    /// It has moved: pull, and try again.
    Moved,
    /// It is read from the beginning.
    ReadAgain,
}

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
                end = match self.put_right(&scope).await {
                    Ok(end) => end,
                    // Whoever has too much to do is not asked for more.
                    Err(ClientError::Refused(problem)) if matches!(problem.code, Code::TooManyRequests | Code::NotReady) => {
                        return Err(problem.into());
                    }
                    // Nothing else that the server says about this scope may keep all others from being read.
                    Err(error @ (ClientError::Refused(_) | ClientError::BadAnswer(_))) => {
                        tracing::warn!(scope, %error, "slices do not help");
                        self.read_again(&scope).await?
                    }
                    Err(error) => return Err(error),
                };
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

    async fn read_again(&self, scope: &str) -> Result<End> {
        let about = scope.to_owned();
        self.store.write(move |writer| writer.pulled(|connection, _| slices::read_again(connection, &about))).await?;
        Ok(End::ReadAgain)
    }

    async fn put_right(&self, scope: &str) -> Result<End> {
        let _busy = self.busy().await;
        let about = scope.to_owned();
        let mut next =
            self.store.write(move |writer| writer.pulled(|connection, device| slices::begin(connection, device, &about))).await?;
        let mut full_answers = 0;
        for _ in 0..ANSWERS_MAX {
            let asked = match next {
                Next::Right => return Ok(End::Right),
                Next::ReadAgain => return Ok(End::ReadAgain),
                Next::Ask(asked) => asked,
            };
            let bytes = self.ask_slices(&asked).await?;
            next = match page::slices(&bytes)? {
                Slices::Moved => return Ok(End::Moved),
                Slices::Sums(sums) => {
                    let compare = move |writer: &mut crate::store::Writer| {
                        writer.pulled(|connection, device| slices::compare(connection, device, &asked, &sums))
                    };
                    self.store.write(compare).await?
                }
                Slices::Differences(answer) => {
                    full_answers += u32::from(answer.more);
                    if full_answers > FULL_ANSWERS_MAX {
                        break;
                    }
                    self.mend(asked.clone(), bytes).await?;
                    // What nothing mended is read again already, and then there is nothing to ask.
                    let about = scope.to_owned();
                    self.store.write(move |writer| writer.pulled(|connection, device| slices::begin(connection, device, &about))).await?
                }
            };
        }
        self.read_again(scope).await
    }

    async fn mend(&self, asked: SlicesRequest, bytes: Bytes) -> Result<()> {
        let now_ms = self.environment.clock.now_ms();
        let applied = self
            .store
            .write(move |writer| {
                let Slices::Differences(answer) = page::slices(&bytes)? else { return Ok(Default::default()) };
                writer.pulled(|connection, device| slices::apply(connection, device, now_ms, &asked, &answer))
            })
            .await?;
        self.tell_changed(&applied.entities);
        Ok(())
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
