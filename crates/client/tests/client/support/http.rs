//! The in-memory server behind HTTP, with a network that can be cut.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use futures_util::StreamExt;
use serde_json::{Value, json};
use uuid::Uuid;
use waystation_model::access::Role;
use waystation_model::wire::{PullRequest, PushRequest};
use waystation_model::{Code, Problem};

use super::server::Core;
use super::{ORGANIZATION, OTHER, USER, id};

/// How a file is sent.
#[derive(Debug, Clone, Default)]
pub struct Content {
    pub bytes: Vec<u8>,
    /// The connection breaks after this many bytes of an answer.
    pub breaks_after: Option<usize>,
    /// Sends a wrong first byte this many times.
    pub damaged_times: usize,
}

/// A change at the server during a request.
type Meanwhile = Box<dyn FnOnce(&mut Core) + Send>;

pub struct Server {
    pub core: Mutex<Core>,
    pub password: Mutex<String>,
    pub secrets: Mutex<HashMap<Uuid, Vec<u8>>>,
    pub revoked: Mutex<HashSet<Uuid>>,
    pub content: Mutex<BTreeMap<String, Content>>,
    /// The requested ranges.
    pub asked: Mutex<Vec<Option<String>>>,
    /// Every request fails.
    pub cut: AtomicBool,
    /// This many answers to pushes are lost after the push was applied.
    pub lose_answers: AtomicUsize,
    pub session_ended: AtomicBool,
    pub access_generation: AtomicU64,
    /// Access tokens before this one are expired.
    pub oldest_good_access: AtomicU64,
    /// Runs once while the answer to a pull or a push is on its way.
    pub meanwhile: Mutex<Option<Meanwhile>>,
    /// Every push is refused as a whole.
    pub refuse_pushes: Mutex<Option<Code>>,
    /// Whether each pull so far sent only a digest.
    pub digests: Mutex<Vec<bool>>,
    /// Live streams that break right after they open.
    pub breaking_streams: AtomicUsize,
    /// Live streams that were opened.
    pub streams: AtomicUsize,
    /// The answer to slices; without one the server has none.
    pub slices: Mutex<Option<(u16, Vec<u8>)>>,
    /// How often slices were requested.
    pub slices_asked: AtomicUsize,
    pub pulls: AtomicUsize,
    pub pushes: AtomicUsize,
    devices: AtomicU64,
    pub address: Mutex<String>,
}

impl Server {
    pub async fn start(role: Role, subscribed: &[String]) -> Arc<Server> {
        let server = Arc::new(Server {
            core: Mutex::new(Core::new(role, subscribed)),
            password: Mutex::new("right".into()),
            secrets: Mutex::default(),
            revoked: Mutex::default(),
            content: Mutex::default(),
            asked: Mutex::default(),
            cut: AtomicBool::new(false),
            lose_answers: AtomicUsize::new(0),
            session_ended: AtomicBool::new(false),
            access_generation: AtomicU64::new(0),
            oldest_good_access: AtomicU64::new(0),
            meanwhile: Mutex::default(),
            refuse_pushes: Mutex::default(),
            digests: Mutex::default(),
            breaking_streams: AtomicUsize::new(0),
            streams: AtomicUsize::new(0),
            slices: Mutex::default(),
            slices_asked: AtomicUsize::new(0),
            pulls: AtomicUsize::new(0),
            pushes: AtomicUsize::new(0),
            devices: AtomicU64::new(0),
            address: Mutex::default(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        *server.address.lock().unwrap() = format!("http://{}", listener.local_addr().unwrap());
        let routes = Router::new()
            .route("/v1/accounts/sign-in", post(sign_in))
            .route("/v1/accounts/refresh", post(refresh))
            .route("/v1/accounts/sign-out", post(|| async { StatusCode::NO_CONTENT }))
            .route("/v1/accounts/device", post(new_device))
            .route("/v1/sync/pull", post(pull))
            .route("/v1/sync/push", post(push))
            .route("/v1/sync/slices", post(slices))
            .route("/v1/sync/live", get(live))
            .route("/v1/content/{sha256}", get(content))
            .with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        server
    }

    pub fn url(&self) -> String {
        self.address.lock().unwrap().clone()
    }

    fn make_device(&self) -> Uuid {
        let device = id(1000 + u128::from(self.devices.fetch_add(1, Ordering::SeqCst)));
        self.secrets.lock().unwrap().insert(device, vec![device.as_bytes()[15]; 32]);
        device
    }

    fn secret(&self, device: Uuid) -> String {
        base64::engine::general_purpose::STANDARD.encode(&self.secrets.lock().unwrap()[&device])
    }

    fn time_passes(&self, core: &mut Core) {
        if let Some(meanwhile) = self.meanwhile.lock().unwrap().take() {
            meanwhile(core);
        }
    }

    fn tokens(&self) -> (String, String) {
        let generation = self.access_generation.fetch_add(1, Ordering::SeqCst) + 1;
        (format!("access-{generation}"), format!("refresh-{generation}"))
    }
}

fn refusal(problem: Problem) -> Response {
    (StatusCode::from_u16(problem.code.status()).unwrap_or(StatusCode::BAD_GATEWAY), Json(problem)).into_response()
}

/// The answer of a cut network.
fn network_failure(server: &Server) -> Option<Response> {
    server.cut.load(Ordering::SeqCst).then(|| StatusCode::SERVICE_UNAVAILABLE.into_response())
}

async fn sign_in(State(server): State<Arc<Server>>, Json(body): Json<Value>) -> Response {
    if let Some(answer) = network_failure(&server) {
        return answer;
    }
    if body["password"] != json!(*server.password.lock().unwrap()) {
        return refusal(Problem::new(Code::WrongPassword, "wrong"));
    }
    let device = match body["device"]["id"].as_str() {
        Some(text) if !server.secrets.lock().unwrap().contains_key(&Uuid::parse_str(text).unwrap()) => {
            return refusal(Problem::new(Code::DeviceNotYours, "no such device"));
        }
        Some(text) if server.revoked.lock().unwrap().contains(&Uuid::parse_str(text).unwrap()) => {
            return refusal(Problem::new(Code::DeviceRevoked, "revoked"));
        }
        Some(text) => Uuid::parse_str(text).unwrap(),
        None => server.make_device(),
    };
    server.session_ended.store(false, Ordering::SeqCst);
    let (access, refresh) = server.tokens();
    let core = server.core.lock().unwrap();
    let named: Vec<Uuid> = serde_json::from_value(body["device"]["secrets_of"].clone()).unwrap_or_default();
    let owned: Vec<Uuid> = named.into_iter().filter(|device| server.secrets.lock().unwrap().contains_key(device)).collect();
    let secrets: BTreeMap<Uuid, String> = owned.into_iter().map(|device| (device, server.secret(device))).collect();
    let (user, name) = if body["name"] == json!("other") { (OTHER, "other") } else { (USER, "somebody") };
    Json(json!({
        "access_token": access, "access_expires_at": core.now_ms + 900_000, "refresh_token": refresh, "device_id": device,
        "recovery_secret": server.secret(device), "secrets": secrets, "epoch": core.epoch, "server_time": core.now_ms,
        "user": {"id": id(user), "user_name": name, "full_name": "Some Body", "role": core.role, "organization_id": id(ORGANIZATION), "organization_name": "Demo"},
    }))
    .into_response()
}

async fn refresh(State(server): State<Arc<Server>>) -> Response {
    if server.session_ended.load(Ordering::SeqCst) {
        return refusal(Problem::new(Code::SessionEnded, "ended"));
    }
    let (access, refresh) = server.tokens();
    let expires = server.core.lock().unwrap().now_ms + 900_000;
    Json(json!({"access_token": access, "access_expires_at": expires, "refresh_token": refresh})).into_response()
}

async fn new_device(State(server): State<Arc<Server>>) -> Response {
    let device = server.make_device();
    let (access, refresh) = server.tokens();
    let expires = server.core.lock().unwrap().now_ms + 900_000;
    Json(json!({"device_id": device, "recovery_secret": server.secret(device), "access_token": access, "access_expires_at": expires, "refresh_token": refresh}))
        .into_response()
}

fn unpack(headers: &HeaderMap, body: &Bytes) -> Vec<u8> {
    if headers.get(header::CONTENT_ENCODING).is_some_and(|value| value == "zstd") {
        zstd::decode_all(body.as_ref()).unwrap()
    } else {
        body.to_vec()
    }
}

fn refusal_before(server: &Server, headers: &HeaderMap) -> Option<Response> {
    if let Some(answer) = network_failure(server) {
        return Some(answer);
    }
    if server.session_ended.load(Ordering::SeqCst) {
        return Some(refusal(Problem::new(Code::SessionEnded, "ended")));
    }
    let given =
        headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer access-")?.parse::<u64>().ok());
    let oldest = server.oldest_good_access.load(Ordering::SeqCst);
    given.is_none_or(|given| given < oldest).then(|| refusal(Problem::new(Code::TokenExpired, "old")))
}

async fn slices(State(server): State<Arc<Server>>) -> Response {
    server.slices_asked.fetch_add(1, Ordering::SeqCst);
    match server.slices.lock().unwrap().clone() {
        Some((status, body)) => (StatusCode::from_u16(status).unwrap(), body).into_response(),
        None => refusal(Problem::new(Code::NoSuchRoute, "no route of this name and method")),
    }
}

async fn pull(State(server): State<Arc<Server>>, headers: HeaderMap, body: Bytes) -> Response {
    if let Some(answer) = refusal_before(&server, &headers) {
        return answer;
    }
    server.pulls.fetch_add(1, Ordering::SeqCst);
    let request: PullRequest = serde_json::from_slice(&unpack(&headers, &body)).unwrap();
    server.digests.lock().unwrap().push(request.cursors.is_none());
    let mut core = server.core.lock().unwrap();
    let answer = core.pull(&request);
    server.time_passes(&mut core);
    answer.into_response()
}

async fn live(State(server): State<Arc<Server>>, headers: HeaderMap) -> Response {
    if let Some(answer) = refusal_before(&server, &headers) {
        return answer;
    }
    server.streams.fetch_add(1, Ordering::SeqCst);
    let first: Result<Bytes, std::io::Error> = Ok(Bytes::from_static(b": here\n\n"));
    let breaks = server.breaking_streams.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
    let rest = if breaks {
        futures_util::stream::iter([Err(std::io::Error::other("cut"))]).boxed()
    } else {
        futures_util::stream::pending().boxed()
    };
    let pieces = futures_util::stream::iter([first]).chain(rest).then(async |piece| {
        tokio::task::yield_now().await;
        piece
    });
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(pieces)).into_response()
}

async fn push(State(server): State<Arc<Server>>, headers: HeaderMap, body: Bytes) -> Response {
    if let Some(answer) = refusal_before(&server, &headers) {
        return answer;
    }
    server.pushes.fetch_add(1, Ordering::SeqCst);
    if let Some(code) = *server.refuse_pushes.lock().unwrap() {
        return refusal(Problem::new(code, "refused as a whole"));
    }
    let request: PushRequest = serde_json::from_slice(&unpack(&headers, &body)).unwrap();
    let answer = {
        let mut core = server.core.lock().unwrap();
        let answer = core.push(request);
        server.time_passes(&mut core);
        answer
    };
    if server.lose_answers.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    match answer {
        Ok(answer) => Json(answer).into_response(),
        Err(problem) => refusal(problem),
    }
}

async fn content(State(server): State<Arc<Server>>, Path(sha256): Path<String>, headers: HeaderMap) -> Response {
    if let Some(answer) = refusal_before(&server, &headers) {
        return answer;
    }
    let range = headers.get(header::RANGE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    server.asked.lock().unwrap().push(range.clone());
    let mut contents = server.content.lock().unwrap();
    let Some(file) = contents.get_mut(&sha256) else { return refusal(Problem::new(Code::NotFound, "no such file")) };
    let from: usize = range.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()).unwrap_or(0);
    let mut bytes = file.bytes[from..].to_vec();
    if file.damaged_times > 0 && !bytes.is_empty() {
        file.damaged_times -= 1;
        bytes[0] ^= 1;
    }
    let whole = file.bytes.len();
    let sent: Vec<Result<Bytes, std::io::Error>> = match file.breaks_after.take() {
        Some(after) => {
            let sent = bytes[..after.min(bytes.len())].chunks(16 * 1024).map(|chunk| Ok(Bytes::copy_from_slice(chunk)));
            sent.chain([Err(std::io::Error::other("cut"))]).collect()
        }
        None => vec![Ok(Bytes::from(bytes))],
    };
    // Each piece is sent before the next one is made, as over a real network.
    let body = Body::from_stream(futures_util::stream::iter(sent).then(async |piece| {
        tokio::task::yield_now().await;
        piece
    }));
    if from > 0 {
        let range = format!("bytes {from}-{}/{whole}", whole - 1);
        return (StatusCode::PARTIAL_CONTENT, [(header::CONTENT_RANGE, range)], body).into_response();
    }
    body.into_response()
}
