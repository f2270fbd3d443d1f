//! The push: sends the outbox batch by batch until it is empty.

use std::sync::Arc;

use super::clock::RequestTime;
use super::engine::Engine;
use super::exchange::{self, REPAIRS_MAX, Repair, Sending};
use super::status::Exchange;
use crate::error::{ClientError, Result};
use crate::store::Device;

impl Engine {
    /// Sends all unsent changes and then pulls their results. Returns how many changes were sent.
    ///
    /// # Errors
    /// The refusal of a push as a whole, or a failure of network or database. Unsent changes stay in the outbox.
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
        // With an empty outbox no request was made, so nothing is known about the network.
        if sent > 0 || result.is_err() {
            self.note(Exchange::Push, &result);
        } else {
            self.network().push_problem = None;
        }
        if sent > 0 {
            self.pull_all(true).await?;
        }
        self.emit_status().await;
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
                let (request, asked) = (request.clone(), RequestTime::now(clock.as_ref()));
                async move { Ok((link.push(&token, &request).await?, asked)) }
            })
            .await?;
        let count = batch.mutations.len();
        let offset_ms = asked.offset_ms(self.environment.clock.as_ref(), answer.server_time);
        let changed = self.store.write(move |writer| exchange::store(writer, &batch, &answer, offset_ms)).await?;
        self.emit_changed(&changed);
        Ok(count)
    }

    /// Repairs the numbering after the server refused it, so that the push can be tried again.
    async fn repair(&self, error: ClientError, device: &Device) -> Result<()> {
        let rewinds = device.rewinds;
        match self.store.write(move |writer| exchange::repair(writer, rewinds, error)).await? {
            Repair::Again => Ok(()),
            Repair::Pull => self.pull_all(true).await,
            Repair::NewDevice => self.become_new_device(device.device_id).await,
        }
    }
}
