//! Waits for conditions, never for a fixed time. Every wait has a name and a limit, and its error names both.

use std::time::{Duration, Instant};

use crate::Outcome;

/// How long a test waits for what takes a moment on an idle machine. Only a failing test waits so long: a shorter limit would fail on a
/// busy machine.
pub const SOON: Duration = Duration::from_secs(120);

/// Interval between two checks of a condition.
const LOOK_INTERVAL: Duration = Duration::from_millis(25);

/// The minimum time for one check, however little time is left.
const LOOK_TIME_MIN: Duration = Duration::from_secs(2);

/// Waits for a future.
///
/// # Errors
/// When it fails, or `time_max` is over.
pub async fn within<T, E>(what: &str, time_max: Duration, work: impl Future<Output = Result<T, E>>) -> Outcome<T>
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    match tokio::time::timeout(time_max, work).await {
        Ok(outcome) => outcome.map_err(Into::into),
        Err(_) => Err(format!("{what}: not within {} s", time_max.as_secs_f64()).into()),
    }
}

/// Waits until `condition` returns a value.
///
/// # Errors
/// When `time_max` is over; the message has the last error.
pub async fn until<T, F>(what: &str, time_max: Duration, mut condition: impl FnMut() -> F) -> Outcome<T>
where
    F: Future<Output = Outcome<Option<T>>>,
{
    let begun = Instant::now();
    loop {
        let left = time_max.saturating_sub(begun.elapsed()).max(LOOK_TIME_MIN);
        let last = match tokio::time::timeout(left, condition()).await {
            Ok(Ok(Some(value))) => return Ok(value),
            Ok(Ok(None)) => String::new(),
            Ok(Err(error)) => format!(": {error}"),
            Err(_) => ": looking took too long".to_owned(),
        };
        if begun.elapsed() > time_max {
            return Err(format!("{what}: not within {} s{last}", time_max.as_secs_f64()).into());
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// Like [`until`], for a thread without a runtime.
///
/// # Errors
/// When `time_max` is over.
#[expect(clippy::disallowed_methods, reason = "the pause between two looks at the condition")]
pub fn until_blocking<T>(what: &str, time_max: Duration, mut condition: impl FnMut() -> Outcome<Option<T>>) -> Outcome<T> {
    let begun = Instant::now();
    loop {
        if let Some(value) = condition()? {
            return Ok(value);
        }
        if begun.elapsed() > time_max {
            return Err(format!("{what}: not within {} s", time_max.as_secs_f64()).into());
        }
        std::thread::sleep(LOOK_INTERVAL);
    }
}
