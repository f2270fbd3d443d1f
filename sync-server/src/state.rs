//! What every request handler shares.

use std::sync::Arc;

use chrono::Utc;
use object_store::ObjectStore;
use sqlx::PgPool;
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use crate::accounts::{MostRounds, PasswordDesk, SignInLimiter, Tokens};
use crate::connections::Waits;
use crate::epoch::Epoch;
use crate::heads::Heads;
use crate::instances::Announcement;
use crate::protocols::Protocols;
use crate::pull::Ahead;
use crate::push::Constraints;
use crate::turns::Turns;

/// What every request handler shares. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The database.
    pub pool: PgPool,
    /// Heads, subscriptions and open streams.
    pub heads: Arc<Heads>,
    /// Pages that are read before they are asked for.
    pub ahead: Arc<Ahead>,
    /// The store of files.
    pub files: Arc<dyn ObjectStore>,
    /// Makes and reads access tokens.
    pub tokens: Arc<Tokens>,
    /// Slows down guessing of passwords.
    pub sign_ins: Arc<SignInLimiter>,
    /// What each check of a password spends beside its own hash.
    pub most_rounds: Arc<MostRounds>,
    /// Where passwords are looked at.
    pub passwords: Arc<PasswordDesk>,
    /// The database's constraints by name.
    pub constraints: Arc<Constraints>,
    /// Heads that moved, for the other instances.
    pub announcements: mpsc::Sender<Announcement>,
    /// Fires when the server is to stop.
    pub stopping: CancellationToken,
    /// Whose turn it is at the database.
    pub turns: Arc<Turns>,
    /// How long somebody may keep the server waiting.
    pub waits: Waits,
    /// The versions of the protocol that are spoken.
    pub protocols: Protocols,
    /// Which epoch of the database this is.
    pub epoch: Arc<Epoch>,
    /// Held by the one who looks whether the database gives connections.
    pub looking: Arc<Mutex<()>>,
    /// Held by the one who asks the database which epoch it is.
    pub settling: Arc<Mutex<()>>,
}

impl App {
    /// The server's clock in milliseconds.
    pub fn now_ms(&self) -> i64 {
        Utc::now().timestamp_millis()
    }

    /// Tells this instance's streams and the other instances that heads moved. Called after the commit.
    pub fn moved(&self, moved: Vec<(String, i64)>) {
        if moved.is_empty() {
            return;
        }
        self.heads.advance(&moved);
        // The receiver is gone only when the server has stopped, and full only when the database is out of reach: then the
        // others' slow poll finds the change.
        let _ = self.announcements.try_send(Announcement { epoch: self.epoch.number(), moved });
    }
}
