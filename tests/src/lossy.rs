//! A network that loses answers: the server has heard and done it, and the laptop never learns so.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::Outcome;

/// Bytes that are carried at once.
const PIECE_BYTES: usize = 16 * 1024;

/// A way to a server. Dropped, it is gone with everything on it.
#[derive(Debug)]
pub struct LossyNetwork {
    address: SocketAddr,
    to_lose: Arc<AtomicU64>,
    lost: Arc<AtomicU64>,
    carrying: JoinHandle<()>,
}

impl LossyNetwork {
    /// A way to the server at this address. At first it loses nothing.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn to(server: SocketAddr) -> Outcome<LossyNetwork> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (to_lose, lost) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (losing, counting) = (to_lose.clone(), lost.clone());
        let carrying = tokio::spawn(async move {
            let mut ways = JoinSet::new();
            while let Ok((laptop, _)) = listener.accept().await {
                ways.spawn(carry(laptop, server, losing.clone(), counting.clone()));
            }
        });
        Ok(LossyNetwork { address, to_lose, lost, carrying })
    }

    /// Its address, as a person would type the server's.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on, this many answers to pushes are lost.
    pub fn lose_answers(&self, answers: u64) {
        self.to_lose.store(answers, Ordering::SeqCst);
    }

    /// How many were lost.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::SeqCst)
    }
}

impl Drop for LossyNetwork {
    fn drop(&mut self) {
        self.carrying.abort();
    }
}

/// Carries one connection. An answer to a push that is to be lost ends it at the answer's first byte.
async fn carry(mut laptop: TcpStream, server: SocketAddr, to_lose: Arc<AtomicU64>, lost: Arc<AtomicU64>) {
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    let (mut asked, mut answered) = (vec![0; PIECE_BYTES], vec![0; PIECE_BYTES]);
    let mut pushes = false;
    loop {
        tokio::select! {
            bytes = laptop.read(&mut asked) => {
                let Ok(bytes @ 1..) = bytes else { return };
                if let Some(is_push) = asks_for_push(&asked[..bytes]) {
                    pushes = is_push;
                }
                if server.write_all(&asked[..bytes]).await.is_err() { return }
            }
            bytes = server.read(&mut answered) => {
                let Ok(bytes @ 1..) = bytes else { return };
                let take = |left: u64| left.checked_sub(1);
                if pushes && to_lose.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_ok() {
                    lost.fetch_add(1, Ordering::SeqCst);
                    return;
                }
                if laptop.write_all(&answered[..bytes]).await.is_err() { return }
            }
        }
    }
}

/// Whether a piece begins a request for a push; none when it begins no request.
fn asks_for_push(piece: &[u8]) -> Option<bool> {
    let line = piece.split(|byte| *byte == b'\r').next()?;
    let is_request = line.starts_with(b"POST ") || line.starts_with(b"GET ");
    is_request.then(|| line.windows(13).any(|part| part == b"/v1/sync/push"))
}
