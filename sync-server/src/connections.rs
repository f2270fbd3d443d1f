//! Takes connections and serves them, each with a limit to how long it may keep the server waiting.
//!
//! A body has its own limit where it is read. A stream of pokes is silent for as long as nothing happens, so no limit is set
//! on a connection as a whole.

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

/// How long to wait when no connection can be taken, such as for want of file handles.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// How long somebody may keep the server waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waits {
    /// For the head of a request, from the moment that the connection is free for one.
    pub head: Duration,
    /// For a whole body: a mebibyte over the slowest line that laptops are on.
    pub body: Duration,
    /// For an answer to be read on: how long nothing at all may be taken of it.
    pub answer: Duration,
}

impl Waits {
    /// For people.
    pub const USUAL: Waits = Waits { head: Duration::from_secs(60), body: Duration::from_secs(120), answer: Duration::from_secs(60) };
}

/// The address at the other end of a request's connection.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// Serves until it is told to stop, and then until the running requests have ended.
pub async fn serve(listener: TcpListener, routes: Router, waits: Waits, stopping: CancellationToken) {
    // HTTP/1.1 alone: what encrypts stands before this server and speaks that to it, and whoever opens HTTP/2 may keep a
    // connection for as long as they like without asking anything.
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
        let io = TokioIo::new(Patient::new(stream, waits));
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

/// A connection that ends when nothing of an answer is taken for too long: what was not taken lies in memory.
struct Patient<S> {
    stream: S,
    wait: Duration,
    /// Runs since the other side last took something.
    stuck: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    fn new(stream: S, waits: Waits) -> Patient<S> {
        Patient { stream, wait: waits.answer, stuck: None }
    }

    fn watch<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stuck = None;
            return written;
        }
        let wait = self.wait;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(tokio::time::sleep(wait)));
        ready!(stuck.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "nothing of the answer was taken for too long")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
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
    async fn who_takes_nothing_of_an_answer_is_given_up_and_who_takes_a_little_is_not() {
        let (near, mut far) = tokio::io::duplex(8);
        let mut connection = Patient::new(near, Waits { answer: Duration::from_secs(1), ..Waits::USUAL });
        let reading = tokio::spawn(async move {
            let mut taken = [0; 100];
            far.read_exact(&mut taken).await.expect("what was written");
            // Held, so that the connection is open and takes nothing.
            far
        });
        connection.write_all(&[7; 100]).await.expect("somebody takes it");
        let _far = reading.await.expect("nobody panicked");
        let given_up = connection.write_all(&[7; 100]).await.expect_err("nobody takes it");
        assert_eq!(given_up.kind(), io::ErrorKind::TimedOut);
    }
}
