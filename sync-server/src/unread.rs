//! What becomes of a request's body that an answer did not wait for, such as one that is too large or of somebody who is not
//! signed in.
//!
//! Closing a connection while the other side still sends resets it, and the reset may overtake the answer. So the answer says
//! that the connection ends with it, and what still arrives is read and thrown away, up to a limit.

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

/// Bytes that are thrown away of one body while its answer is on the way.
const DRAINED_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bytes that are thrown away before the answer, of those that have arrived: a body that ends with them costs no connection.
const DRAINED_AT_ONCE_BYTES_MAX: usize = 256 * 1024;

/// Answers, and lets a body that nobody has read come to its end.
pub async fn drain_unread(State(waits): State<Waits>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if body.is_end_stream() {
        return next.run(Request::from_parts(parts, body)).await;
    }
    // Such a sender waits for a word before it sends the body. An answer is that word, and reading would be another.
    let waits_for_word = parts.headers.contains_key(EXPECT);
    let unread = Unread::of(body);
    let mut answer = next.run(Request::from_parts(parts, unread.to_body())).await;
    let will_arrive = !waits_for_word || unread.lock().is_begun;
    if will_arrive && unread.ends_at_once() {
        return answer;
    }
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    if will_arrive {
        tokio::spawn(unread.drain(waits.body));
    }
    answer
}

/// A body that a handler reads, and that is read on when the handler has answered.
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

    /// Throws away what follows, at most so many bytes. Returns whether the body has ended.
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
        // Where it does not end in time, dropping it ends the connection.
        let _ = tokio::time::timeout(wait, self.drain_bytes(DRAINED_BYTES_MAX)).await;
    }
}
