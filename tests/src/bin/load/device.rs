//! One simulated device: a live stream, and a connection for requests.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use waystation_model::chain::{CHAIN_START, Chain, extend};
use waystation_model::limits::PROTOCOL_VERSION;
use waystation_model::wire::{Base, Operation, PullRequest, PushRequest, Run};
use waystation_tests::Outcome;
use waystation_tests::crowd::{Progress, device, token};

/// Bytes per read.
const BUFFER_BYTES: usize = 8 * 1024;

/// How long requests took.
#[derive(Debug, Default)]
pub struct Took {
    /// Each push.
    pub pushes: Vec<Duration>,
    /// Each pull that returned changes.
    pub pulls: Vec<Duration>,
    /// Requests with an unexpected answer.
    pub failures: usize,
}

impl Took {
    /// Adds another device's durations.
    pub fn add(&mut self, other: Took) {
        self.pushes.extend(other.pushes);
        self.pulls.extend(other.pulls);
        self.failures += other.failures;
    }

    /// p50, p95 and p99 in milliseconds.
    pub fn percentiles_ms(&self, times: &[Duration]) -> [f64; 3] {
        let mut sorted = times.to_vec();
        sorted.sort_unstable();
        [0.5, 0.95, 0.99].map(|share| {
            let index = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len().max(1)) - 1;
            sorted.get(index).map_or(f64::NAN, |time| (time.as_secs_f64() * 100_000.0).round() / 100.0)
        })
    }
}

/// One device of one learner.
pub struct Device {
    number: usize,
    address: SocketAddr,
    token: String,
    epoch: i64,
    next_n: i64,
    chain: Chain,
    cursors: BTreeMap<String, i64>,
    stream: TcpStream,
    live: Arc<AtomicBool>,
}

impl Device {
    /// Opens both connections and begins to listen on the first one.
    pub async fn connect(address: SocketAddr, number: usize, epoch: i64) -> Outcome<Device> {
        let token = token(number)?;
        let live = Arc::new(AtomicBool::new(false));
        let mut listening = TcpStream::connect(address).await?;
        let question =
            format!("GET /v1/sync/live HTTP/1.1\r\nhost: load\r\nauthorization: Bearer {token}\r\naccept: text/event-stream\r\n\r\n");
        listening.write_all(question.as_bytes()).await?;
        tokio::spawn({
            let live = Arc::clone(&live);
            async move {
                let mut buffer = vec![0; 512];
                while let Ok(read) = listening.read(&mut buffer).await {
                    if read == 0 {
                        break;
                    }
                    live.store(true, Ordering::Relaxed);
                }
                live.store(false, Ordering::Relaxed);
            }
        });
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut device = Device { number, address, token, epoch, next_n: 1, chain: CHAIN_START, cursors: BTreeMap::new(), stream, live };
        device.pull().await?;
        Ok(device)
    }

    /// Whether the live stream has sent anything.
    pub fn is_live(&self) -> bool {
        self.live.load(Ordering::Relaxed)
    }

    /// Changes, pushes and pulls at this interval until the end.
    pub async fn work(mut self, first: Instant, every: Duration, end: Instant) -> Took {
        let mut took = Took::default();
        let mut next = first;
        while next < end {
            // The interval is what is simulated.
            tokio::time::sleep_until(next.into()).await;
            next += every;
            if self.round(&mut took).await.is_err() {
                took.failures += 1;
                // As a laptop does: a broken connection is opened again.
                if let Ok(stream) = TcpStream::connect(self.address).await {
                    self.stream = stream;
                }
            }
        }
        took.failures += usize::from(!self.is_live());
        took
    }

    async fn round(&mut self, took: &mut Took) -> Outcome<()> {
        let body = self.push_body()?;
        let started = Instant::now();
        let answer = self.ask("/v1/sync/push", &body).await?;
        took.pushes.push(started.elapsed());
        if !answer.contains("\"outcomes\":[]") {
            return Err(format!("a push was answered with {answer}").into());
        }
        self.next_n += 1;

        let started = Instant::now();
        self.pull().await?;
        took.pulls.push(started.elapsed());
        Ok(())
    }

    /// Pulls one page from the current cursors and stores the new ones.
    async fn pull(&mut self) -> Outcome<()> {
        let request = PullRequest {
            protocol: PROTOCOL_VERSION,
            device: device(self.number),
            epoch: self.epoch,
            digest: None,
            cursors: Some(self.cursors.clone()),
            follows: Vec::new(),
            witness: None,
        };
        let answer = self.ask("/v1/sync/pull", &serde_json::to_vec(&request)?).await?;
        if !answer.contains("\"line\":\"end\"") {
            return Err("a page without its end".into());
        }
        for line in answer.lines().filter(|line| line.starts_with("{\"line\":\"scope\"")) {
            let moved: Value = serde_json::from_str(line)?;
            if let (Some(scope), Some(cursor)) = (moved["scope"].as_str(), moved["cursor"].as_i64()) {
                self.cursors.insert(scope.to_owned(), cursor);
            }
        }
        Ok(())
    }

    fn push_body(&mut self) -> Outcome<Vec<u8>> {
        let number = usize::try_from(self.next_n - 1)?;
        let progress = Progress::of(self.number, number);
        let request = PushRequest {
            protocol: PROTOCOL_VERSION,
            device: device(self.number),
            epoch: self.epoch,
            first_n: self.next_n,
            chain: hex::encode(self.chain),
            seen_n: self.next_n - 1,
            sent_at: 0,
            witness: None,
            runs: vec![Run {
                entity: "topic_progress".into(),
                op: Operation::Put,
                columns: Progress::COLUMNS.map(str::to_owned).to_vec(),
                rows: vec![(None, Base::default(), progress.completed_at * 1_000, progress.values())],
            }],
        };
        let body = serde_json::to_vec(&request)?;
        for mutation in request.into_mutations() {
            self.chain = extend(&self.chain, &mutation.content_hash());
        }
        Ok(body)
    }

    /// Sends one request over the kept-alive connection; returns the answer's head and body as text.
    async fn ask(&mut self, path: &str, body: &[u8]) -> Outcome<String> {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: load\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            self.token,
            body.len()
        );
        self.stream.write_all(&[head.as_bytes(), body].concat()).await?;
        let mut answer = Vec::new();
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            let read = self.stream.read(&mut buffer).await?;
            if read == 0 {
                return Err("the server hung up".into());
            }
            answer.extend_from_slice(&buffer[..read]);
            let text = String::from_utf8_lossy(&answer);
            let Some(head_end) = text.find("\r\n\r\n") else { continue };
            let length = text[..head_end]
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .and_then(|value| value.parse::<usize>().ok())
                .ok_or("an answer without its length")?;
            if answer.len() >= head_end + 4 + length {
                return if text.starts_with("HTTP/1.1 200") { Ok(text.into_owned()) } else { Err(text.into_owned().into()) };
            }
        }
    }
}
