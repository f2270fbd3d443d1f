//! A network that loses answers: the server has processed a request, and the laptop does not learn it. In a storm it also cuts, delays,
//! repeats pushes, and connects to different servers.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

use crate::Outcome;

/// Bytes that are forwarded at once.
const PIECE_BYTES: usize = 16 * 1024;

/// Longest delay of one piece on a rough connection.
const DELAY_MAX: Duration = Duration::from_millis(15);
/// One push in this many is repeated on a rough connection.
const REPEATED_ONE_IN: u32 = 5;

/// A proxy to a server. Dropped, it ends with all its connections.
#[derive(Debug)]
pub struct LossyNetwork {
    address: SocketAddr,
    state: Arc<State>,
    carrying: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct State {
    servers: Vec<SocketAddr>,
    to_lose: AtomicU64,
    lost: AtomicU64,
    cut: Notify,
    /// The random source of a rough connection; none on a smooth one.
    rough: Option<Mutex<StdRng>>,
}

impl LossyNetwork {
    /// A smooth proxy to the server at this address. It loses nothing until told to.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn to(server: SocketAddr) -> Outcome<LossyNetwork> {
        LossyNetwork::over(State { servers: vec![server], ..State::default() }).await
    }

    /// A rough proxy to any of these servers that accepts connections: it delays, and repeats pushes.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn to_any(servers: Vec<SocketAddr>, seed: u64) -> Outcome<LossyNetwork> {
        LossyNetwork::over(State { servers, rough: Some(Mutex::new(StdRng::seed_from_u64(seed))), ..State::default() }).await
    }

    async fn over(state: State) -> Outcome<LossyNetwork> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(state);
        let shared = Arc::clone(&state);
        let carrying = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((laptop, _)) = listener.accept().await {
                connections.spawn(carry(laptop, Arc::clone(&shared)));
            }
        });
        Ok(LossyNetwork { address, state, carrying })
    }

    /// Its URL, as a person types that of a server.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Loses the next `answers` answers to pushes.
    pub fn lose_answers(&self, answers: u64) {
        self.state.to_lose.store(answers, Ordering::SeqCst);
    }

    /// How many answers were lost.
    pub fn lost(&self) -> u64 {
        self.state.lost.load(Ordering::SeqCst)
    }

    /// Ends all open connections.
    pub fn cut(&self) {
        self.state.cut.notify_waiters();
    }
}

impl Drop for LossyNetwork {
    fn drop(&mut self) {
        self.carrying.abort();
    }
}

impl State {
    /// A connection to a server that accepts one; the first candidate is random.
    async fn server(&self) -> Option<(TcpStream, SocketAddr)> {
        let first = self.chance(u32::try_from(self.servers.len()).unwrap_or(1)) as usize;
        for index in 0..self.servers.len() {
            let address = self.servers[(first + index) % self.servers.len()];
            if let Ok(server) = TcpStream::connect(address).await {
                return Some((server, address));
            }
        }
        None
    }

    /// A random number below this one; always 0 on a smooth connection.
    fn chance(&self, below: u32) -> u32 {
        self.rough.as_ref().map_or(0, |random| random.lock().unwrap_or_else(PoisonError::into_inner).random_range(0..below))
    }

    async fn delay(&self) {
        if self.rough.is_some() {
            tokio::time::sleep(DELAY_MAX * self.chance(100) / 100).await;
        }
    }
}

/// Forwards one connection. When an answer to a push is to be lost, the connection ends at the answer's first byte.
async fn carry(mut laptop: TcpStream, state: Arc<State>) {
    let Some((mut server, address)) = state.server().await else { return };
    let (mut asked, mut answered) = (vec![0; PIECE_BYTES], vec![0; PIECE_BYTES]);
    let mut pushes = false;
    // The bytes of a push that will be repeated when it is answered.
    let mut repeated: Option<Vec<u8>> = None;
    loop {
        tokio::select! {
            () = state.cut.notified() => return,
            bytes = laptop.read(&mut asked) => {
                let Ok(bytes @ 1..) = bytes else { return };
                if let Some(is_push) = asks_for_push(&asked[..bytes]) {
                    pushes = is_push;
                    repeated = (is_push && state.rough.is_some() && state.chance(REPEATED_ONE_IN) == 0).then(Vec::new);
                }
                if let Some(push) = &mut repeated {
                    push.extend_from_slice(&asked[..bytes]);
                }
                state.delay().await;
                if server.write_all(&asked[..bytes]).await.is_err() { return }
            }
            bytes = server.read(&mut answered) => {
                let Ok(bytes @ 1..) = bytes else { return };
                if let Some(push) = repeated.take() {
                    tokio::spawn(repeat(address, push));
                }
                let take = |left: u64| left.checked_sub(1);
                if pushes && state.to_lose.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_ok() {
                    state.lost.fetch_add(1, Ordering::SeqCst);
                    return;
                }
                state.delay().await;
                if laptop.write_all(&answered[..bytes]).await.is_err() { return }
            }
        }
    }
}

/// Sends the same bytes once more, as a network may do; the answer is discarded.
async fn repeat(server: SocketAddr, push: Vec<u8>) {
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    if server.write_all(&push).await.is_ok() {
        let _ = server.read(&mut [0; 64]).await;
    }
}

/// Whether a piece begins a push request; none when it begins no request.
fn asks_for_push(piece: &[u8]) -> Option<bool> {
    let line = piece.split(|byte| *byte == b'\r').next()?;
    let is_request = line.starts_with(b"POST ") || line.starts_with(b"GET ");
    is_request.then(|| line.windows(13).any(|part| part == b"/v1/sync/push"))
}
