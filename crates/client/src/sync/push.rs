//! The exchange up: what waits, batch by batch, until nothing does.

use std::sync::Arc;

use super::clock::Asked;
use super::engine::Engine;
use super::exchange::{self, REPAIRS_MAX, Repair, Sending};
use super::status::Exchange;
use crate::error::{ClientError, Result};
use crate::store::Device;

impl Engine {
    /// Sends everything that waits and then pulls what came of it. Returns how many changes were sent.
    ///
    /// # Errors
    /// The refusal of a push as a whole, or a failure of network or database. What waits goes on waiting.
    pub async fn push_all(&self) -> Result<usize> {
        let gate = self.push_gate.lock().await;
        let mut sent = 0;
        let mut repairs = 0;
        let result = loop {
            let device = match self.store.device().await {
                Ok(device) => device,
                Err(error) => break Err(error),
            };
            match self.push_batch().await {
                Ok(0) => break Ok(sent),
                Ok(count) => sent += count,
                Err(error) if repairs < REPAIRS_MAX => {
                    repairs += 1;
                    match self.repair(error, &device).await {
                        Ok(()) => {}
                        Err(error) => break Err(error),
                    }
                }
                Err(error) => break Err(error),
            }
        };
        drop(gate);
        // An outbox that was empty says nothing about the network.
        if sent > 0 || result.is_err() {
            self.note(Exchange::Push, &result);
        } else {
            self.network().push_problem = None;
        }
        if sent > 0 {
            self.pull_all(true).await?;
        }
        self.tell_status().await;
        result
    }

    async fn push_batch(&self) -> Result<usize> {
        let clock = self.environment.clock.clone();
        let Some(Sending { batch, request }) = self.store.write(move |writer| exchange::take(writer, clock.now_ms())).await? else {
            return Ok(0);
        };
        let _busy = self.busy().await;
        let request = Arc::new(request);
        let clock = self.environment.clock.clone();
        let (answer, asked) = self
            .session
            .with_token(|link, token| {
                let (request, asked) = (request.clone(), Asked::now(clock.as_ref()));
                async move { Ok((link.push(&token, &request).await?, asked)) }
            })
            .await?;
        let count = batch.mutations.len();
        let offset_ms = asked.offset_ms(self.environment.clock.as_ref(), answer.server_time);
        let changed = self.store.write(move |writer| exchange::store(writer, &batch, &answer, offset_ms)).await?;
        self.tell_changed(&changed);
        Ok(count)
    }

    /// Mends what the server said about the numbering, so that the push can be tried again.
    async fn repair(&self, error: ClientError, device: &Device) -> Result<()> {
        let went_back = device.went_back;
        match self.store.write(move |writer| exchange::repair(writer, went_back, error)).await? {
            Repair::Again => Ok(()),
            Repair::Pull => self.pull_all(true).await,
            Repair::NewDevice => self.become_new_device(device.device_id).await,
        }
    }
}
