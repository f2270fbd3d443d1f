//! Draining a request's body that the handler did not read, such as one that is too large or whose sender is not signed in.
//!
//! Closing a connection while the client still sends resets it, and the reset may overtake the answer. So the answer has
//! `Connection: close`, and the rest of the body is read and discarded, up to a limit.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, HttpBody};
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::{CONNECTION, EXPECT};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream};

use crate::connections::Waits;

/// The most bytes of one body that are discarded while its answer is sent.
const DRAINED_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The most bytes that are discarded before the answer, among those that have arrived: if the body ends within them, the connection
/// stays open.
const DRAINED_AT_ONCE_BYTES_MAX: usize = 256 * 1024;

/// Answers, and drains a body that the handler has not read.
pub async fn drain_unread(State(waits): State<Waits>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if body.is_end_stream() {
        return next.run(Request::from_parts(parts, body)).await;
    }
    // The client waits for `100 Continue` before it sends the body. Answering replaces it, and reading would send it.
    let expects_continue = parts.headers.contains_key(EXPECT);
    let unread = Unread::of(body);
    let mut answer = next.run(Request::from_parts(parts, unread.to_body())).await;
    let will_arrive = !expects_continue || unread.lock().is_begun;
    if will_arrive && unread.ends_at_once() {
        return answer;
    }
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    if will_arrive {
        tokio::spawn(unread.drain(waits.body));
    }
    answer
}

/// A body that the handler reads, and that is drained after the answer.
#[derive(Clone)]
struct Unread(Arc<Mutex<Rest>>);

struct Rest {
    stream: BodyDataStream,
    is_begun: bool,
    is_ended: bool,
}

impl Unread {
    fn of(body: Body) -> Unread {
        Unread(Arc::new(Mutex::new(Rest { stream: body.into_data_stream(), is_begun: false, is_ended: false })))
    }

    fn lock(&self) -> MutexGuard<'_, Rest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll_next(&self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, axum::Error>>> {
        let mut rest = self.lock();
        rest.is_begun = true;
        if rest.is_ended {
            return Poll::Ready(None);
        }
        let next = rest.stream.poll_next_unpin(context);
        rest.is_ended = matches!(next, Poll::Ready(None | Some(Err(_))));
        next
    }

    fn to_body(&self) -> Body {
        let unread = self.clone();
        Body::from_stream(stream::poll_fn(move |context| unread.poll_next(context)))
    }

    /// Discards at most so many bytes. Returns whether the body has ended.
    async fn drain_bytes(&self, bytes_max: usize) -> bool {
        let mut bytes = 0;
        while bytes <= bytes_max {
            match poll_fn(|context| self.poll_next(context)).await {
                Some(Ok(chunk)) => bytes += chunk.len(),
                Some(Err(_)) | None => return true,
            }
        }
        false
    }

    fn ends_at_once(&self) -> bool {
        self.drain_bytes(DRAINED_AT_ONCE_BYTES_MAX).now_or_never().unwrap_or(false)
    }

    async fn drain(self, wait: Duration) {
        // If it does not end in time, dropping it closes the connection.
        let _ = tokio::time::timeout(wait, self.drain_bytes(DRAINED_BYTES_MAX)).await;
    }
}
