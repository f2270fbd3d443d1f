//! Automatic sync: loops that wait for an event, and back off after failures.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::engine::Engine;
use crate::error::ClientError;

/// The first wait after a failure.
pub const BACK_OFF_MS_MIN: u64 = 1_000;
/// The longest wait after failures.
pub const BACK_OFF_MS_MAX: u64 = 30_000;

/// How often the database is audited, while nothing new is pulled. Once a day is enough, because damage is rare.
pub const AUDIT_EVERY_MS: i64 = 24 * 60 * 60 * 1000;
/// How long after the start of the program the first audit runs: the file may have been changed while the program was closed.
pub const AUDIT_FIRST_AFTER_MS: i64 = 60 * 1000;

/// Waiting times that double up to a limit.
#[derive(Debug, Default)]
pub struct BackOff {
    failures: u32,
}

impl BackOff {
    /// How long to wait after one more failure, before jitter.
    pub fn next_ms(&mut self) -> u64 {
        let wait = BACK_OFF_MS_MIN.saturating_mul(1 << self.failures.min(16)).min(BACK_OFF_MS_MAX);
        self.failures = self.failures.saturating_add(1);
        wait
    }

    /// Starts again from the shortest wait, after a success.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

/// Starts the loops. They end when `stop` is cancelled.
pub fn start(engine: &Arc<Engine>, stop: &CancellationToken, tasks: &mut JoinSet<()>) {
    tasks.spawn(until(stop.clone(), push_loop(engine.clone())));
    tasks.spawn(until(stop.clone(), pull_loop(engine.clone())));
    tasks.spawn(until(stop.clone(), live_loop(engine.clone())));
    tasks.spawn(until(stop.clone(), status_loop(engine.clone())));
}

async fn until(stop: CancellationToken, work: impl Future<Output = ()>) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = work => {}
    }
}

/// Whether retrying is useless until the person signs in again, which starts new loops.
fn is_final(error: &ClientError, engine: &Engine) -> bool {
    engine.session.ended() || is_over(error)
}

/// Whether the database was closed. After a panic (`WorkerStopped`) the database's thread continues, so that is not the end.
fn is_over(error: &ClientError) -> bool {
    matches!(error, ClientError::Closed)
}

async fn push_loop(engine: Arc<Engine>) {
    let mut back_off = BackOff::default();
    loop {
        match engine.push_all().await {
            Ok(_) => {
                back_off.reset();
                engine.wake_push.notified().await;
            }
            Err(error) if is_final(&error, &engine) => return,
            Err(_) => wait_out(&engine, &mut back_off).await,
        }
    }
}

async fn pull_loop(engine: Arc<Engine>) {
    let mut back_off = BackOff::default();
    // The first pull sends cursors. After that the live stream wakes a full pull, and the timer only sends the digest.
    let mut full = true;
    let mut audited_at = engine.environment.clock.now_ms() - AUDIT_EVERY_MS + AUDIT_FIRST_AFTER_MS;
    loop {
        match engine.pull_all(full).await {
            Ok(()) => {
                back_off.reset();
                let now_ms = engine.environment.clock.now_ms();
                let touched = engine.was_written_by_others().await;
                if touched {
                    tracing::warn!("another program wrote to the database");
                    audited_at = now_ms - AUDIT_EVERY_MS;
                }
                if (!full || touched) && now_ms - audited_at >= AUDIT_EVERY_MS {
                    match engine.audit().await {
                        // A write interrupted the audit: retry after the next pull.
                        Ok(None) => {}
                        Ok(Some(_)) => audited_at = now_ms,
                        Err(error) => {
                            tracing::warn!(%error, "the audit of the database failed");
                            audited_at = now_ms;
                        }
                    }
                }
                full = tokio::select! {
                    () = engine.wake_pull.notified() => true,
                    () = tokio::time::sleep(Duration::from_millis(engine.environment.jittered(engine.environment.slow_poll_ms))) => false,
                };
            }
            Err(error) if is_final(&error, &engine) => return,
            Err(_) => {
                full = true;
                wait_out(&engine, &mut back_off).await;
            }
        }
    }
}

async fn live_loop(engine: Arc<Engine>) {
    let mut back_off = BackOff::default();
    loop {
        // A stream may end or break at any time; only failures to open it lengthen the waits.
        if let Err(error) = engine.listen(|| back_off.reset()).await
            && is_final(&error, &engine)
        {
            return;
        }
        wait_out(&engine, &mut back_off).await;
    }
}

/// Emits the chip's state after it may have changed. `Notify` coalesces several changes into one wake-up.
async fn status_loop(engine: Arc<Engine>) {
    loop {
        engine.status_changed.notified().await;
        engine.emit_status().await;
    }
}

/// Waits for the back-off, or until the server is reachable again.
async fn wait_out(engine: &Engine, back_off: &mut BackOff) {
    let wait = Duration::from_millis(engine.environment.jittered(back_off.next_ms()));
    tokio::select! {
        () = engine.back_online.notified() => {}
        () = tokio::time::sleep(wait) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_closed_database_ends_the_loops() {
        assert!(is_over(&ClientError::Closed));
        assert!(!is_over(&ClientError::WorkerStopped));
    }

    #[test]
    fn waits_double_up_to_half_a_minute() {
        let mut back_off = BackOff::default();
        let waits: Vec<u64> = (0..8).map(|_| back_off.next_ms()).collect();
        assert_eq!(waits, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
        back_off.reset();
        assert_eq!(back_off.next_ms(), 1_000);
    }
}
