//! `POST /v1/sync/pull`: what is new for a device.
//!
//! An unchanged state costs one digest and no database look-up. Everything else is a page, read from one snapshot; of a device
//! whose cursors are known here it costs as much as what has moved.

mod page;
mod start;
mod tuples;

use axum::extract::State;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use waystation_model::limits::{PULL_BODY_BYTES_MAX, ZSTD_LEVEL};
use waystation_model::wire::{PullLine, PullRequest};

use crate::access::heard;
use crate::accounts::Session;
use crate::authority::Authority;
use crate::body::{Body, check_protocol};
use crate::failure::Failure;
use crate::heads::{Heads, Subscription};
use crate::state::App;
use start::Start;

/// Answers below this many bytes are not worth compressing.
const COMPRESS_FROM_BYTES: usize = 512;

/// Says what is new.
///
/// # Errors
/// What concerns the request as a whole.
#[utoipa::path(post, path = "/v1/sync/pull", security(("access_token" = [])), request_body = PullRequest, responses((status = 200, description = "NDJSON, one PullLine a line.", content_type = "application/x-ndjson", body = PullLine), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn pull(
    State(app): State<App>,
    session: Session,
    headers: HeaderMap,
    Body(request): Body<PullRequest, PULL_BODY_BYTES_MAX>,
) -> Result<Response, Failure> {
    check_protocol(request.protocol)?;
    session.check_device(request.device)?;
    let subscription = heard(&app, session.user_id).await?;
    let text = answer(&app.pool, &app.heads, app.epoch, &session, &subscription, request).await?;
    respond(text, &headers).await
}

/// What a pull is answered with, as NDJSON.
///
/// # Errors
/// What concerns the request as a whole.
pub async fn answer<A: Authority>(
    authority: &A,
    heads: &Heads,
    epoch: i64,
    session: &Session,
    subscription: &Subscription,
    request: PullRequest,
) -> Result<Vec<u8>, Failure> {
    let same_life = request.epoch == epoch;
    let start = match (request.cursors, request.digest.as_deref().and_then(read_digest)) {
        (Some(cursors), _) => Start::told(subscription, cursors, same_life),
        (None, Some(digest)) if same_life => {
            let (device, handed_out) = (session.device_id, &heads.handed_out);
            // What a device has pushed it keeps on top of its rows until a page covers it, whether any head moved or not.
            if digest == subscription.digest() && !handed_out.has_pushed(device) {
                return one_line(&PullLine::Unchanged { server_time: authority.now_ms() });
            }
            match handed_out.find(device, digest) {
                Some(cursors) => Start::handed_out(heads, subscription, digest, &cursors),
                None => return one_line(&PullLine::SendCursors),
            }
        }
        (None, _) => return one_line(&PullLine::SendCursors),
    };
    page::read(authority, heads, epoch, session, subscription, start).await
}

fn one_line(line: &PullLine) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(line).map_err(Failure::broken)
}

/// A digest in its one spelling.
fn read_digest(text: &str) -> Option<i64> {
    let digest = u64::from_str_radix(text, 16).ok().filter(|digest| format!("{digest:016x}") == text)?;
    Some(digest.cast_signed())
}

async fn respond(text: Vec<u8>, headers: &HeaderMap) -> Result<Response, Failure> {
    let content_type = (CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    let takes_zstd = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains("zstd"));
    if !takes_zstd || text.len() < COMPRESS_FROM_BYTES {
        return Ok(([content_type], text).into_response());
    }
    let packed = tokio::task::spawn_blocking(move || zstd::bulk::compress(&text, ZSTD_LEVEL))
        .await
        .map_err(Failure::broken)?
        .map_err(Failure::broken)?;
    Ok(([content_type, (CONTENT_ENCODING, HeaderValue::from_static("zstd"))], packed).into_response())
}
