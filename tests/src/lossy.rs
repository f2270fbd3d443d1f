//! A network that loses answers: the server has heard and done it, and the laptop never learns so. In a storm it also cuts,
//! delays, repeats pushes, and leads now to one server and now to another.

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

/// Bytes that are carried at once.
const PIECE_BYTES: usize = 16 * 1024;

/// Longest delay of one piece on a rough way.
const DELAY_MAX: Duration = Duration::from_millis(15);
/// One push in so many is repeated on a rough way.
const REPEATED_ONE_IN: u32 = 5;

/// A way to a server. Dropped, it is gone with everything on it.
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
    /// What a rough way does; none on a smooth one.
    rough: Option<Mutex<StdRng>>,
}

impl LossyNetwork {
    /// A way to the server at this address. At first it loses nothing.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn to(server: SocketAddr) -> Outcome<LossyNetwork> {
        LossyNetwork::over(State { servers: vec![server], ..State::default() }).await
    }

    /// A rough way to whichever of these servers answers: it delays, and repeats pushes.
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
            let mut ways = JoinSet::new();
            while let Ok((laptop, _)) = listener.accept().await {
                ways.spawn(carry(laptop, Arc::clone(&shared)));
            }
        });
        Ok(LossyNetwork { address, state, carrying })
    }

    /// Its address, as a person would type the server's.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on, this many answers to pushes are lost.
    pub fn lose_answers(&self, answers: u64) {
        self.state.to_lose.store(answers, Ordering::SeqCst);
    }

    /// How many were lost.
    pub fn lost(&self) -> u64 {
        self.state.lost.load(Ordering::SeqCst)
    }

    /// Ends every connection that is open now.
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
    /// A connection to a server that answers; which one is tried first is chance.
    async fn server(&self) -> Option<(TcpStream, SocketAddr)> {
        let first = self.chance(u32::try_from(self.servers.len()).unwrap_or(1)) as usize;
        for place in 0..self.servers.len() {
            let address = self.servers[(first + place) % self.servers.len()];
            if let Ok(server) = TcpStream::connect(address).await {
                return Some((server, address));
            }
        }
        None
    }

    /// A number below this one; always 0 on a smooth way.
    fn chance(&self, below: u32) -> u32 {
        self.rough.as_ref().map_or(0, |random| random.lock().unwrap_or_else(PoisonError::into_inner).random_range(0..below))
    }

    async fn delay(&self) {
        if self.rough.is_some() {
            tokio::time::sleep(DELAY_MAX * self.chance(100) / 100).await;
        }
    }
}

/// Carries one connection. An answer to a push that is to be lost ends it at the answer's first byte.
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

/// Sends the same bytes once more, as a network does that lost sight of them; nobody reads what is answered.
async fn repeat(server: SocketAddr, push: Vec<u8>) {
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    if server.write_all(&push).await.is_ok() {
        let _ = server.read(&mut [0; 64]).await;
    }
}

/// Whether a piece begins a request for a push; none when it begins no request.
fn asks_for_push(piece: &[u8]) -> Option<bool> {
    let line = piece.split(|byte| *byte == b'\r').next()?;
    let is_request = line.starts_with(b"POST ") || line.starts_with(b"GET ");
    is_request.then(|| line.windows(13).any(|part| part == b"/v1/sync/push"))
}
