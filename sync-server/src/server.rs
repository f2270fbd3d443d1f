//! Starting and stopping a server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::accounts::{MostRounds, SignInLimiter, Tokens};
use crate::epoch::Epoch;
use crate::failure::Failure;
use crate::heads::Heads;
use crate::settings::Settings;
use crate::state::App;
use crate::tenant_queues::TenantQueues;
use crate::{awards, bound_role, connections, content, database, instances, routes, settle, tombstones};

/// How long running requests may take to end at a stop.
const STOP_WAIT: Duration = Duration::from_secs(20);

/// A running server.
pub struct Server {
    address: SocketAddr,
    stopping: CancellationToken,
    /// Fires when no request is left that could move a head.
    drained: CancellationToken,
    serving: JoinHandle<()>,
    tasks: Vec<JoinHandle<()>>,
    app: App,
}

impl Server {
    /// Starts serving. The database must have been migrated.
    ///
    /// # Errors
    /// When the database does not answer or has another schema, requests cannot run under their role, or the address is taken.
    pub async fn start(settings: Settings) -> Result<Server, Failure> {
        database::check_sessions(&settings.database_url).await?;
        let epoch = Arc::new(Epoch::default());
        let pool = database::connect_watched(&settings.database_url, settings.database_connections_max, &epoch).await?;
        if !database::is_migrated(&pool).await.unwrap_or(false) {
            return Err(Failure::broken("the database has not been migrated: run `sync-server migrate`"));
        }
        bound_role::check(&pool).await?;
        let stopping = CancellationToken::new();
        let (announcements, moved) = mpsc::channel(instances::ANNOUNCEMENTS_MAX);
        let heads = Arc::new(Heads::default());
        let app = App {
            files: content::open(&settings.content)?,
            tokens: Arc::new(Tokens::new(&settings.token_secret)),
            sign_ins: Arc::new(SignInLimiter::default()),
            most_rounds: Arc::new(MostRounds::read(&pool).await?),
            passwords: Arc::default(),
            stopping: stopping.clone(),
            heads: Arc::clone(&heads),
            read_ahead: Arc::default(),
            pool: pool.clone(),
            announcements,
            awards: Arc::default(),
            tenant_queues: Arc::new(TenantQueues::new(settings.database_connections_max)),
            waits: settings.waits,
            protocols: settings.protocols,
            epoch,
            readiness_probe: Arc::default(),
            settle_lock: Arc::default(),
        };
        app.settle().await?;
        let listener = TcpListener::bind(settings.listen)
            .await
            .map_err(|error| Failure::broken(format!("cannot listen on {}: {error}", settings.listen)))?;
        let address = listener.local_addr().map_err(Failure::broken)?;
        let drained = CancellationToken::new();
        let serving = tokio::spawn(connections::serve(listener, routes::router(app.clone()), settings.waits, stopping.clone()));
        let tasks = vec![
            tokio::spawn(instances::announce(pool.clone(), Arc::clone(&app.epoch), moved, drained.clone())),
            tokio::spawn(instances::listen(pool.clone(), Arc::clone(&app.epoch), heads, stopping.clone())),
            tokio::spawn(settle::watch(app.clone(), stopping.clone())),
            tokio::spawn(awards::give_periodically(app.clone(), stopping.clone())),
            tokio::spawn(tombstones::forget_periodically(pool, stopping.clone())),
        ];
        Ok(Server { address, stopping, drained, serving, tasks, app })
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The state that its handlers share, for tests and benchmarks in the same process.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Answers one request in the caller's task, for tests: dropping it cancels the request as a closed connection does.
    ///
    /// # Errors
    /// None: every failure is an answer.
    pub async fn answer(&self, request: Request<Body>) -> Result<Response, std::convert::Infallible> {
        routes::router(self.app.clone()).oneshot(request).await
    }

    /// Accepts no more requests, waits for the running ones, and closes the database pool.
    pub async fn stop(self) {
        self.stopping.cancel();
        let mut serving = self.serving;
        if tokio::time::timeout(STOP_WAIT, &mut serving).await.is_err() {
            tracing::warn!("requests did not end in time");
            serving.abort();
        }
        self.drained.cancel();
        for mut task in self.tasks {
            if tokio::time::timeout(STOP_WAIT, &mut task).await.is_err() {
                tracing::warn!("a task did not end in time");
                task.abort();
            }
        }
        self.app.pool.close().await;
    }
}
