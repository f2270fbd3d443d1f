//! `POST /v1/sync/pull`: what is new for a device.
//!
//! An unchanged state costs one digest and no database look-up. Otherwise the answer is a page read from one snapshot; for a device
//! whose cursors are cached, its cost depends on what has moved.

mod page;
mod read_ahead;
mod start;
mod tuples;

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use waystation_model::limits::{PULL_BODY_BYTES_MAX, ZSTD_LEVEL};
use waystation_model::wire::{PullLine, PullRequest};

use crate::access::{RIGHTS_TRIES_MAX, readable_subscription, readable_subscription_of};
use crate::accounts::Session;
use crate::authority::Authority;
use crate::authority::postgres::check_rights_now;
use crate::body::RawBody;
use crate::failure::Failure;
use crate::heads::Subscription;
use crate::settle::Instance;
use crate::state::App;
use crate::tenant_queues::QueuePermit;
pub use page::Page;
use read_ahead::PageKey;
pub use read_ahead::ReadAhead;
use start::Start;
pub use tuples::rows_line;

/// Answers below this many bytes are not worth compressing.
const COMPRESS_FROM_BYTES: usize = 512;

/// Answers a pull.
///
/// # Errors
/// What concerns the request as a whole.
#[utoipa::path(post, path = "/v1/sync/pull", security(("access_token" = [])), request_body = PullRequest, responses((status = 200, description = "NDJSON, one PullLine a line.", content_type = "application/x-ndjson", body = PullLine), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn pull(
    State(app): State<App>,
    session: Session,
    headers: HeaderMap,
    body: RawBody<PULL_BODY_BYTES_MAX>,
) -> Result<Response, Failure> {
    // A digest alone is small and needs no permit; cursors are parsed only with one.
    let mut permit = if body.is_large() { Some(app.tenant_queues.take(session.organization_id).await?) } else { None };
    let request: PullRequest = body.read(app.protocols)?;
    app.protocols.check_pull(request.protocol)?;
    session.check_device(request.device)?;
    app.note_witness(&session, request.witness.as_deref()).await?;
    let zstd = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains("zstd"));
    let mut moved = Failure::RightsMoved;
    for _ in 0..RIGHTS_TRIES_MAX {
        let subscription = readable_subscription(&app, &session, &request.follows).await?;
        let reader = Reader { app: app.clone(), session, subscription, protocol: request.protocol, zstd };
        moved = match reader.answer(request.clone(), permit.take()).await {
            Err(moved @ Failure::RightsMoved) => {
                app.heads.forget_subscription(&reader.subscription);
                moved
            }
            // The database was replaced: the cached access of the caller belongs to the former one.
            Err(moved @ Failure::EpochMoved) => {
                app.settle().await?;
                moved
            }
            answered => return Ok(answered?.into_response()),
        };
    }
    Err(moved)
}

/// Reads the pages of one pull.
#[derive(Clone)]
struct Reader {
    app: App,
    session: Session,
    subscription: Arc<Subscription>,
    protocol: u32,
    zstd: bool,
}

impl Reader {
    fn page_key(&self, digest: i64) -> PageKey {
        PageKey {
            session: self.session.session_id,
            device: self.session.device_id,
            digest,
            subscription: self.subscription.number,
            zstd: self.zstd,
        }
    }

    /// The page that was read ahead, if it is the requested one and the rights still hold; otherwise a new one.
    async fn answer(&self, request: PullRequest, permit: Option<QueuePermit>) -> Result<Packed, Failure> {
        let epoch = self.app.epoch.number();
        let digest = request.digest.as_deref().and_then(read_digest).filter(|_| request.epoch == epoch && request.cursors.is_none());
        if let Some(digest) = digest
            && let Some(Ok(page)) = self.app.read_ahead.take(self.page_key(digest)).await
        {
            let mut transaction = self.app.tenant(self.session.organization_id).begin().await?;
            self.session.check_alive(&mut transaction).await?;
            check_rights_now(&mut transaction, &self.subscription).await?;
            drop(transaction);
            self.read_ahead(page.next);
            return Ok(page);
        }
        self.clone().read(request, true, permit).await
    }

    async fn read(self, request: PullRequest, is_requested: bool, permit: Option<QueuePermit>) -> Result<Packed, Failure> {
        let app = &self.app;
        let instance = app.instance();
        let page = match open(app.now_ms(), instance, &self.session, &self.subscription, request)? {
            Opening::Answered(page) => page,
            Opening::Reads(start) => {
                let permit = match permit {
                    Some(permit) => permit,
                    None => app.tenant_queues.take(self.session.organization_id).await?,
                };
                let start = Start { is_requested, ..start };
                let page =
                    page::read(&app.tenant(self.session.organization_id), instance, &self.session, &self.subscription, start).await?;
                drop(permit);
                self.read_ahead(page.next);
                page
            }
        };
        Packed::of(page, self.zstd).await
    }

    /// Begins to read the page after the cursors of this digest.
    fn read_ahead(&self, next: Option<i64>) {
        let Some(digest) = next else { return };
        let request = PullRequest {
            protocol: self.protocol,
            device: self.session.device_id,
            epoch: self.app.epoch.number(),
            digest: Some(format!("{digest:016x}")),
            cursors: None,
            follows: self.subscription.follows.asked.clone(),
            witness: None,
        };
        // Boxed, because it is recursive.
        let page: BoxFuture<'static, Result<Packed, Failure>> = Box::pin(self.clone().read(request, false, None));
        self.app.read_ahead.read(self.page_key(digest), page);
    }
}

/// The answer to a pull, as NDJSON.
///
/// # Errors
/// What concerns the request as a whole.
pub async fn answer<A: Authority>(authority: &A, instance: Instance<'_>, session: &Session, request: PullRequest) -> Result<Page, Failure> {
    for _ in 0..RIGHTS_TRIES_MAX {
        let subscription = readable_subscription_of(authority, instance.heads, session.user_id, &request.follows).await?;
        let read = match open(authority.now_ms(), instance, session, &subscription, request.clone())? {
            Opening::Answered(page) => return Ok(page),
            Opening::Reads(start) => page::read(authority, instance, session, &subscription, start).await,
        };
        match read {
            Err(Failure::RightsMoved) => instance.heads.forget_subscription(&subscription),
            answered => return answered,
        }
    }
    Err(Failure::RightsMoved)
}

/// The first step of an answer.
enum Opening {
    /// The answer is complete without the database.
    Answered(Page),
    /// A page is read from here on.
    Reads(Start),
}

fn open(
    now_ms: i64,
    instance: Instance<'_>,
    session: &Session,
    subscription: &Subscription,
    request: PullRequest,
) -> Result<Opening, Failure> {
    let heads = instance.heads;
    let same_epoch = request.epoch == instance.epoch;
    let start = match (request.cursors, request.digest.as_deref().and_then(read_digest)) {
        (Some(cursors), _) => Start::from_cursors(subscription, cursors, same_epoch),
        (None, Some(digest)) if same_epoch && !instance.is_uncertain => {
            let (device, cursor_cache) = (session.device_id, &heads.cursor_cache);
            // A refused follow is told in a page.
            let is_page_required = cursor_cache.is_page_required(device) || !subscription.follows.refused.is_empty();
            if digest == subscription.digest() && !is_page_required {
                return one_line(&PullLine::Unchanged { server_time: now_ms });
            }
            match cursor_cache.find(device, digest) {
                Some(cursors) => Start::from_cache(heads, subscription, digest, &cursors),
                None => return one_line(&PullLine::SendCursors),
            }
        }
        (None, _) => return one_line(&PullLine::SendCursors),
    };
    Ok(Opening::Reads(start))
}

fn one_line(line: &PullLine) -> Result<Opening, Failure> {
    Ok(Opening::Answered(Page { text: serde_json::to_vec(line).map_err(Failure::broken)?, next: None }))
}

/// Parses a digest; none for any other spelling.
fn read_digest(text: &str) -> Option<i64> {
    let digest = u64::from_str_radix(text, 16).ok().filter(|digest| format!("{digest:016x}") == text)?;
    Some(digest.cast_signed())
}

/// An answer as it goes over the wire.
struct Packed {
    bytes: Vec<u8>,
    zstd: bool,
    next: Option<i64>,
}

impl Packed {
    /// Compresses the page if the laptop accepts it and the page is large enough.
    async fn of(Page { text, next }: Page, takes_zstd: bool) -> Result<Packed, Failure> {
        if !takes_zstd || text.len() < COMPRESS_FROM_BYTES {
            return Ok(Packed { bytes: text, zstd: false, next });
        }
        let packed = tokio::task::spawn_blocking(move || zstd::bulk::compress(&text, ZSTD_LEVEL)).await.map_err(Failure::broken)?;
        Ok(Packed { bytes: packed.map_err(Failure::broken)?, zstd: true, next })
    }
}

impl IntoResponse for Packed {
    fn into_response(self) -> Response {
        let content_type = (CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
        if self.zstd {
            return ([content_type, (CONTENT_ENCODING, HeaderValue::from_static("zstd"))], self.bytes).into_response();
        }
        ([content_type], self.bytes).into_response()
    }
}
