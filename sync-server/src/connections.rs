//! Accepts connections and serves them, with time limits on slow clients.
//!
//! The body's limit is applied where it is read. A stream of pokes may be silent for any time, so there is no limit for a
//! connection as a whole.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpListener;
use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;
use tower::util::MapRequest;

/// Pause after a failed accept, such as when no file handles are left.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// Time-outs for slow clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waits {
    /// For the head of a request, from when the connection is idle.
    pub head: Duration,
    /// For a whole body: enough for a mebibyte over the slowest lines that laptops use.
    pub body: Duration,
    /// For writing an answer: the longest time without any byte being taken.
    pub answer: Duration,
}

impl Waits {
    /// The values in production.
    pub const USUAL: Waits = Waits { head: Duration::from_secs(60), body: Duration::from_secs(120), answer: Duration::from_secs(60) };
}

/// The address at the other end of a request's connection.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// Serves until `stopping` fires, and then until the running requests have ended.
pub async fn serve(listener: TcpListener, routes: Router, waits: Waits, stopping: CancellationToken) {
    // HTTP/1.1 only: the TLS proxy in front of this server speaks it, and an HTTP/2 client could keep a connection open without
    // ever sending a request.
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(waits.head);
    let open = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            () = stopping.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok((stream, address)) => (stream, Peer(address.ip().to_canonical())),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(ACCEPT_AGAIN_AFTER).await;
                continue;
            }
        };
        let io = TokioIo::new(StallTimeout::new(stream, waits));
        let routes = MapRequest::new(routes.clone(), move |mut request: Request<_>| {
            request.extensions_mut().insert(peer);
            request
        });
        let connection = builder.serve_connection(io, TowerToHyperService::new(routes)).into_owned();
        let connection = open.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error, "a connection broke off");
            }
        });
    }
    drop(listener);
    open.shutdown().await;
}

/// A connection that fails when the client takes no byte of an answer for too long: unsent bytes stay in memory.
struct StallTimeout<S> {
    stream: S,
    wait: Duration,
    /// Timer since the last successful write.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> StallTimeout<S> {
    fn new(stream: S, waits: Waits) -> StallTimeout<S> {
        StallTimeout { stream, wait: waits.answer, stalled: None }
    }

    fn watch<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let wait = self.wait;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(wait)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "nothing of the answer was taken for too long")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for StallTimeout<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for StallTimeout<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(context, written)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.watch(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn stalled_connections_time_out_and_slow_ones_do_not() {
        let (near, mut far) = tokio::io::duplex(8);
        let mut connection = StallTimeout::new(near, Waits { answer: Duration::from_secs(1), ..Waits::USUAL });
        let reading = tokio::spawn(async move {
            let mut taken = [0; 100];
            far.read_exact(&mut taken).await.expect("what was written");
            // Held, so that the connection is open and takes nothing.
            far
        });
        connection.write_all(&[7; 100]).await.expect("the client reads");
        let _far = reading.await.expect("no panic");
        let given_up = connection.write_all(&[7; 100]).await.expect_err("the client reads nothing");
        assert_eq!(given_up.kind(), io::ErrorKind::TimedOut);
    }
}
