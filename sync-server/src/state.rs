//! What every request handler shares.

use std::sync::Arc;

use chrono::Utc;
use object_store::ObjectStore;
use sqlx::PgPool;
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::accounts::{MostRounds, PasswordQueue, SignInLimiter, Tokens};
use crate::awards::Due;
use crate::connections::Waits;
use crate::epoch::Epoch;
use crate::heads::Heads;
use crate::instances::Announcement;
use crate::protocols::Protocols;
use crate::pull::ReadAhead;
use crate::tenant::Tenant;
use crate::tenant_queues::TenantQueues;

/// The state that all request handlers share. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The database as its owner. For what belongs to one organization: [`App::tenant`].
    pub pool: PgPool,
    /// Heads, subscriptions and open streams.
    pub heads: Arc<Heads>,
    /// Pages that are read before they are requested.
    pub read_ahead: Arc<ReadAhead>,
    /// The store of files.
    pub files: Arc<dyn ObjectStore>,
    /// Makes and reads access tokens.
    pub tokens: Arc<Tokens>,
    /// Slows down guessing of passwords.
    pub sign_ins: Arc<SignInLimiter>,
    /// The dummy work of each password check.
    pub most_rounds: Arc<MostRounds>,
    /// The queue for password checks.
    pub passwords: Arc<PasswordQueue>,
    /// Heads that moved, for the other instances.
    pub announcements: mpsc::Sender<Announcement>,
    /// Fires when the server is to stop.
    pub stopping: CancellationToken,
    /// Each organization's share of the database connections.
    pub tenant_queues: Arc<TenantQueues>,
    /// Changes after which an award may be due.
    pub awards: Arc<Due>,
    /// Time-outs for slow clients.
    pub waits: Waits,
    /// The supported versions of the protocol.
    pub protocols: Protocols,
    /// The epoch as this instance knows it.
    pub epoch: Arc<Epoch>,
    /// Held during a readiness check.
    pub readiness_probe: Arc<Mutex<()>>,
    /// Held while the epoch is read or begun.
    pub settle_lock: Arc<Mutex<()>>,
}

impl App {
    /// The database for the requests of one organization.
    pub fn tenant(&self, organization: Uuid) -> Tenant {
        Tenant::new(&self.pool, organization)
    }

    /// The server's clock in milliseconds.
    pub fn now_ms(&self) -> i64 {
        Utc::now().timestamp_millis()
    }

    /// Applies heads that moved to this instance's streams and announces them to the other instances. Called after the commit.
    pub fn moved(&self, moved: Vec<(String, i64)>) {
        if moved.is_empty() {
            return;
        }
        self.heads.advance(&moved);
        // The channel is closed only when the server has stopped, and full only when the database is unreachable: then other
        // instances see the change at their next reload.
        let _ = self.announcements.try_send(Announcement { epoch: self.epoch.number(), moved });
    }
}
