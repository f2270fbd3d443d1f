//! `POST /v1/sync/pull`: what is new for a device.
//!
//! An unchanged state costs one digest and no database look-up. Everything else is a page, read from one snapshot.

mod page;
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
use crate::body::Body;
use crate::failure::Failure;
use crate::heads::Subscription;
use crate::state::App;

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
    app.protocols.check_pull(request.protocol)?;
    session.check_device(request.device)?;
    let asks_for_a_page = request.cursors.is_some();
    let turn = if asks_for_a_page { Some(app.turns.take(session.organization_id).await?) } else { None };
    let subscription = heard(&app, session.user_id).await?;
    let text = answer(&app.pool, app.epoch, &session, &subscription, request).await?;
    drop(turn);
    if asks_for_a_page {
        return respond(text, &headers).await;
    }
    Ok(([(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"))], text).into_response())
}

/// What a pull is answered with, as NDJSON.
///
/// # Errors
/// What concerns the request as a whole.
pub async fn answer<A: Authority>(
    authority: &A,
    epoch: i64,
    session: &Session,
    subscription: &Subscription,
    request: PullRequest,
) -> Result<Vec<u8>, Failure> {
    let Some(cursors) = request.cursors else {
        let unchanged = request.epoch == epoch && request.digest.as_deref() == Some(&format!("{:016x}", subscription.digest()));
        let line = if unchanged { PullLine::Unchanged { server_time: authority.now_ms() } } else { PullLine::SendCursors };
        return serde_json::to_vec(&line).map_err(Failure::broken);
    };
    page::read(authority, epoch, session, subscription, request.epoch, cursors).await
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
