//! Instances announce heads that moved to each other after their commits: the first at once, the following ones coalesced.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::PgListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::epoch::Epoch;
use crate::heads::Heads;

/// The channel on which heads are announced.
const CHANNEL: &str = "waystation_feed";
/// After an announcement, the next ones are coalesced for this long.
const COALESCE_FOR: Duration = Duration::from_millis(50);
/// How often all heads are read again, in case an announcement was lost.
const RELOAD_EVERY: Duration = Duration::from_secs(30);
/// How long to wait before listening again after a lost connection.
const LISTEN_AGAIN_AFTER: Duration = Duration::from_millis(500);
/// PostgreSQL takes payloads below 8,000 bytes.
const PAYLOAD_BYTES_MAX: usize = 7_500;

/// The most waiting announcements. Beyond it, other instances see the heads at their next reload.
pub const ANNOUNCEMENTS_MAX: usize = 10_000;

/// Heads that moved, for the other instances.
#[derive(Debug)]
pub struct Announcement {
    /// The epoch in which they moved.
    pub epoch: i64,
    /// The heads.
    pub moved: Vec<(String, i64)>,
}

/// Announces this instance's heads until no request is left that could move one; what is waiting then is still announced. Heads of
/// an earlier epoch are not announced, because other instances would take them for heads of this one.
pub async fn announce(pool: PgPool, epoch: Arc<Epoch>, mut moved: mpsc::Receiver<Announcement>, drained: CancellationToken) {
    loop {
        let first = tokio::select! {
            biased;
            first = moved.recv() => match first { Some(first) => first, None => return },
            () = drained.cancelled() => return,
        };
        let mut waiting = vec![first];
        while let Ok(more) = moved.try_recv() {
            waiting.push(more);
        }
        if let Err(error) = notify(&pool, &epoch, waiting).await {
            tracing::warn!(%error, "could not announce heads; the others find them at their next reload");
        }
        tokio::select! {
            () = drained.cancelled() => {}
            () = tokio::time::sleep(COALESCE_FOR) => {}
        }
    }
}

async fn notify(pool: &PgPool, epoch: &Epoch, waiting: Vec<Announcement>) -> Result<(), sqlx::Error> {
    let mut connection = pool.acquire().await?;
    // Checked only now: a new connection may have led to another database.
    if epoch.is_uncertain() {
        return Ok(());
    }
    let mut newest: HashMap<String, i64> = HashMap::new();
    for announcement in waiting.into_iter().filter(|announcement| announcement.epoch == epoch.number()) {
        coalesce(&mut newest, announcement.moved);
    }
    for payload in payloads(newest) {
        sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(payload).execute(&mut *connection).await?;
    }
    Ok(())
}

fn coalesce(newest: &mut HashMap<String, i64>, moved: Vec<(String, i64)>) {
    for (scope, head) in moved {
        let known = newest.entry(scope).or_insert(head);
        *known = (*known).max(head);
    }
}

fn payloads(newest: HashMap<String, i64>) -> Vec<String> {
    let mut payloads = Vec::new();
    let mut text = String::new();
    for pair in newest {
        let part = serde_json::to_string(&pair).unwrap_or_default();
        if !text.is_empty() && text.len() + part.len() + 3 > PAYLOAD_BYTES_MAX {
            payloads.push(format!("[{text}]"));
            text.clear();
        }
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(&part);
    }
    if !text.is_empty() {
        payloads.push(format!("[{text}]"));
    }
    payloads
}

/// Receives heads moved by other instances and by plain SQL, until the server stops.
pub async fn listen(pool: PgPool, epoch: Arc<Epoch>, heads: Arc<Heads>, stopping: CancellationToken) {
    while !stopping.is_cancelled() {
        let ended = tokio::select! {
            () = stopping.cancelled() => return,
            ended = listen_once(&pool, &heads) => ended,
        };
        if let Err(error) = ended {
            tracing::warn!(%error, "lost the connection that receives heads");
        }
        // Announcements made meanwhile were missed, and the next connection may lead to another database.
        epoch.request_check();
        heads.forget_all_subscriptions();
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(LISTEN_AGAIN_AFTER) => {}
        }
    }
}

async fn listen_once(pool: &PgPool, heads: &Heads) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    // Read after LISTEN, so that no announcement is missed in between.
    heads.advance(&read_heads(pool).await?);
    loop {
        match tokio::time::timeout(RELOAD_EVERY, listener.try_recv()).await {
            Err(_) => heads.advance(&read_heads(pool).await?),
            Ok(notification) => match notification? {
                None => return Ok(()),
                Some(notification) => match serde_json::from_str::<Vec<(String, i64)>>(notification.payload()) {
                    Ok(moved) => heads.advance(&moved),
                    Err(_) => heads.advance(&read_heads(pool).await?),
                },
            },
        }
    }
}

/// All heads in the database.
///
/// # Errors
/// When the database does not answer.
pub async fn read_heads(pool: &PgPool) -> Result<Vec<(String, i64)>, sqlx::Error> {
    sqlx::query_as("SELECT scope, version FROM scope_heads").fetch_all(pool).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_heads_are_split_into_payloads_below_the_limit() {
        let newest: HashMap<String, i64> = (0..1000).map(|n| (format!("learner:{n:036}"), n)).collect();
        let payloads = payloads(newest);
        assert!(payloads.iter().all(|payload| payload.len() < 8_000));
        let total: usize = payloads.iter().map(|payload| serde_json::from_str::<Vec<(String, i64)>>(payload).expect("json").len()).sum();
        assert_eq!(total, 1000);
    }
}
