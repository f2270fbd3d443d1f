//! Repairs scopes that a checksum or an audit found damaged: slice by slice, and by reading from 0 where that does not help.

use std::sync::Arc;

use bytes::Bytes;
use waystation_model::Code;
use waystation_model::wire::SlicesRequest;

use super::engine::Engine;
use super::scope_repair::{End, ScopeRepair, Step};
use crate::error::{ClientError, Result};
use crate::store::{Writer, slices};

/// How often the repair of a scope is retried because the scope moved, before it is left for the next pull.
const MOVES_MAX: usize = 4;

impl Engine {
    /// Repairs every damaged scope. The caller holds the pull gate. True when no scope is damaged any more; a scope that keeps
    /// moving is left for the next pull.
    ///
    /// # Errors
    /// When the network or the database fails. Scopes that are not repaired stay marked as damaged.
    pub(super) async fn repair_damaged(&self) -> Result<bool> {
        for scope in self.store.write(|writer| slices::damaged(writer.connection())).await? {
            let mut end = End::Moved;
            for _ in 0..MOVES_MAX {
                end = self.repair_scope(&scope).await?;
                if end == End::Repaired {
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

    async fn repair_scope(&self, scope: &str) -> Result<End> {
        let _busy = self.busy().await;
        let about = scope.to_owned();
        let (mut repair, mut step) = self.store.write(move |writer| ScopeRepair::begin(writer, &about)).await?;
        loop {
            let asked = match step {
                Step::Ended(end) => return Ok(end),
                Step::Ask(asked) => asked,
            };
            step = match self.exchange_slices(&mut repair, asked).await {
                Ok(step) => step,
                // The server is overloaded: send no further requests now.
                Err(ClientError::Refused(problem)) if matches!(problem.code, Code::TooManyRequests | Code::NotReady) => {
                    return Err(problem.into());
                }
                // Any other refusal about this scope must not prevent the pull of all other scopes.
                Err(error @ (ClientError::Refused(_) | ClientError::BadAnswer(_))) => {
                    tracing::warn!(scope, %error, "slices do not help");
                    let repair = repair.clone();
                    self.store.write(move |writer| repair.read_again(writer)).await?
                }
                Err(error) => return Err(error),
            };
        }
    }

    async fn exchange_slices(&self, repair: &mut ScopeRepair, asked: SlicesRequest) -> Result<Step> {
        let bytes = self.ask_slices(&asked).await?;
        let now_ms = self.environment.clock.now_ms();
        let mut next = repair.clone();
        let receive = move |writer: &mut Writer| next.receive(writer, now_ms, &asked, &bytes).map(|(step, applied)| (next, step, applied));
        let (next, step, applied) = self.store.write(receive).await?;
        *repair = next;
        self.emit_changed(&applied.entities);
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
