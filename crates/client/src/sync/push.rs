//! The exchange up: what waits, batch by batch, until nothing does.

use std::collections::BTreeSet;
use std::sync::Arc;

use uuid::Uuid;
use waystation_model::Code;
use waystation_model::limits::PROTOCOL_VERSION;
use waystation_model::wire::{PushRequest, into_runs};

use super::clock::Asked;
use super::engine::Engine;
use super::status::Exchange;
use crate::error::{ClientError, Result};
use crate::store::outbox::{self, Batch};

/// How often one push mends its numbering before it gives up until the next.
const REPAIRS_MAX: u32 = 4;

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
                Ok(device) => device.device_id,
                Err(error) => break Err(error),
            };
            match self.push_batch().await {
                Ok(0) => break Ok(sent),
                Ok(count) => sent += count,
                Err(error) if repairs < REPAIRS_MAX => {
                    repairs += 1;
                    match self.repair(error, device).await {
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
        let taken =
            self.store.write(|writer| writer.person(|connection, device| Ok((outbox::take(connection, device)?, device.clone())))).await?;
        let (Some(batch), device) = taken else { return Ok(0) };
        let _busy = self.busy().await;
        let request = Arc::new(PushRequest {
            protocol: PROTOCOL_VERSION,
            device: device.device_id,
            epoch: device.epoch,
            first_n: batch.first_n,
            chain: hex::encode(batch.chain_before),
            // Outcomes are stored in the transaction that acknowledges them.
            seen_n: device.acknowledged_n,
            sent_at: self.environment.clock.now_ms(),
            runs: into_runs(batch.mutations.clone()),
        });
        let clock = self.environment.clock.clone();
        let (answer, asked) = self
            .session
            .with_token(|link, token| {
                let (request, asked) = (request.clone(), Asked::now(clock.as_ref()));
                async move { Ok((link.push(&token, &request).await?, asked)) }
            })
            .await?;
        let count = batch.mutations.len();
        let offset = asked.offset_ms(clock.as_ref(), answer.server_time);
        let changed: BTreeSet<&'static str> = self.store.write(move |writer| store(writer, &batch, &answer, offset)).await?;
        self.tell_changed(&changed);
        Ok(count)
    }

    /// Mends what the server said about the numbering, so that the push can be tried again.
    async fn repair(&self, error: ClientError, device: Uuid) -> Result<()> {
        let ClientError::Refused(problem) = &error else { return Err(error) };
        match problem.code {
            Code::EpochChanged => self.pull_all(true).await,
            Code::NumberGap => {
                let next_n = outbox::number_in(problem);
                let gone_back = self
                    .store
                    .write(move |writer| {
                        writer.person(|connection, device| {
                            let gone_back = match next_n {
                                Some(next_n) => outbox::go_back_to(connection, device, next_n - 1)?,
                                None => false,
                            };
                            if next_n.is_some() && !gone_back {
                                outbox::wait_again(connection, device)?;
                            }
                            Ok(gone_back)
                        })
                    })
                    .await?;
                if gone_back { Ok(()) } else { self.become_new_device(device).await }
            }
            Code::NumberReused => {
                if let Some(n) = outbox::number_in(problem) {
                    self.store.write(move |writer| writer.person(|connection, device| outbox::taken_before(connection, device, n))).await?;
                }
                self.become_new_device(device).await
            }
            Code::ChainMismatch => self.become_new_device(device).await,
            _ => Err(error),
        }
    }
}

fn store(
    writer: &mut crate::store::Writer,
    batch: &Batch,
    answer: &waystation_model::wire::PushAnswer,
    offset_ms: Option<i64>,
) -> Result<BTreeSet<&'static str>> {
    writer.person(|connection, device| {
        device.clock_offset_ms = offset_ms.unwrap_or(device.clock_offset_ms);
        Ok(outbox::store_answer(connection, device, batch, answer)?.into_iter().collect())
    })
}
