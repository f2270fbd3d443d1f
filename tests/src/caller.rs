//! A client without a laptop: signs in, pushes and pulls over plain HTTP, and keeps the received rows by scope.
//!
//! It implements only `docs/PROTOCOL.md`, so a test can also do what the real client never does.

mod change;
mod pages;

use std::collections::BTreeMap;

use chrono::Utc;
use reqwest::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;
use waystation_model::chain::{self, CHAIN_START, Chain};
use waystation_model::limits::PROTOCOL_VERSION;
use waystation_model::wire::{Mutation, NumberedOutcome, Outcome as MutationOutcome, PushAnswer, PushRequest, into_runs};
use waystation_model::{Code, Problem};

use crate::Outcome;

pub use change::{Change, delete, put};
pub use pages::{Pulled, ReceivedRow, row_of};

/// The password of everybody whom [`crate::school`] creates.
pub const PASSWORD: &str = "waystation";

/// What a request returned: an answer, or the server's problem.
pub type Answered<T> = Result<T, Problem>;

/// A device that uses the protocol.
#[derive(Debug, Clone)]
pub struct Caller {
    client: reqwest::Client,
    /// The server's address.
    pub url: String,
    /// The signed-in person.
    pub user: Uuid,
    /// The device.
    pub device: Uuid,
    /// For the next request.
    pub access_token: String,
    /// For the next refresh.
    pub refresh_token: String,
    /// The answer to the sign-in.
    pub signed_in: Value,
    /// The server's epoch.
    pub epoch: i64,
    /// The number of the next mutation.
    pub next_n: i64,
    /// The chain before it.
    pub chain: Chain,
    /// Outcomes are stored up to this number.
    pub seen_n: i64,
    /// The cursor of each scope.
    pub cursors: BTreeMap<String, i64>,
    /// The rows of each scope.
    pub rows: BTreeMap<String, BTreeMap<(String, Uuid), ReceivedRow>>,
    /// The scopes that it follows beside its person's subscription.
    pub follows: Vec<String>,
    /// The newest witness of a page.
    pub witness: Option<String>,
}

impl Caller {
    /// Signs somebody in with a new device.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn sign_in(url: &str, name: &str) -> Outcome<Caller> {
        let answer = sign_in(url, name, PASSWORD, json!({"name": "test", "platform": "test"})).await?;
        Caller::of(url, answer?)
    }

    /// The device of a sign-in answer.
    ///
    /// # Errors
    /// When the answer does not have the form that the protocol describes.
    pub fn of(url: &str, signed_in: Value) -> Outcome<Caller> {
        let text = |name: &str| signed_in[name].as_str().map(str::to_owned).ok_or_else(|| format!("no {name}"));
        Ok(Caller {
            client: reqwest::Client::new(),
            url: url.to_owned(),
            user: signed_in["user"]["id"].as_str().ok_or("no user")?.parse()?,
            device: text("device_id")?.parse()?,
            access_token: text("access_token")?,
            refresh_token: text("refresh_token")?,
            epoch: signed_in["epoch"].as_i64().ok_or("no epoch")?,
            signed_in,
            next_n: 1,
            chain: CHAIN_START,
            seen_n: 0,
            cursors: BTreeMap::new(),
            rows: BTreeMap::new(),
            follows: Vec::new(),
            witness: None,
        })
    }

    /// A request with this session's token.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).bearer_auth(&self.access_token)
    }

    /// Posts JSON and reads the answer.
    ///
    /// # Errors
    /// When there is no answer, or one that is neither of the expected form nor a problem.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl serde::Serialize) -> Outcome<Answered<T>> {
        read(self.request(Method::POST, path).json(body).send().await?).await
    }

    /// The push of these changes under the next numbers, not sent.
    pub fn push_of(&self, changes: Vec<Change>) -> PushRequest {
        PushRequest {
            protocol: PROTOCOL_VERSION,
            device: self.device,
            epoch: self.epoch,
            first_n: self.next_n,
            chain: hex::encode(self.chain),
            seen_n: self.seen_n,
            sent_at: Utc::now().timestamp_millis(),
            witness: self.witness.clone(),
            runs: into_runs(self.mutations_of(changes)),
        }
    }

    fn mutations_of(&self, changes: Vec<Change>) -> Vec<Mutation> {
        // In this order, a microsecond apart.
        let now = now_us();
        (self.next_n..).zip(changes).map(|(n, change)| change.numbered(n, now + n)).collect()
    }

    /// Sends a push without recording its answer.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn send(&self, push: &PushRequest) -> Outcome<Answered<PushAnswer>> {
        self.post("/v1/sync/push", push).await
    }

    /// Pushes changes in a push that the server must accept, whatever the outcome of each, and acknowledges the answer.
    ///
    /// # Errors
    /// When the server refuses the push as a whole.
    pub async fn push(&mut self, changes: Vec<Change>) -> Outcome<Vec<MutationOutcome>> {
        let push = self.push_of(changes);
        let answer = self.send(&push).await??;
        self.acknowledge(&push, &answer);
        Ok(outcomes_of(&push, &answer.outcomes))
    }

    /// Pushes one change.
    ///
    /// # Errors
    /// When the server refuses the push as a whole.
    pub async fn push_one(&mut self, change: Change) -> Outcome<MutationOutcome> {
        Ok(self.push(vec![change]).await?.remove(0))
    }

    /// Pushes one change that must be refused, and returns the code and the field at fault.
    ///
    /// # Errors
    /// When it was not refused.
    pub async fn refusal(&mut self, change: Change) -> Outcome<(Code, Option<String>)> {
        match self.push_one(change).await? {
            MutationOutcome::Rejected { code, field, .. } => Ok((code, field)),
            other => Err(format!("not refused: {other:?}").into()),
        }
    }

    /// Records a push that the server has accepted.
    ///
    /// # Panics
    /// When the answer's number or chain is not the expected one.
    pub fn acknowledge(&mut self, push: &PushRequest, answer: &PushAnswer) {
        for mutation in push.clone().into_mutations() {
            if mutation.n >= self.next_n {
                self.chain = chain::extend(&self.chain, &mutation.content_hash());
                self.next_n = mutation.n + 1;
            }
        }
        assert_eq!((answer.last_n, answer.chain.as_str()), (self.next_n - 1, hex::encode(self.chain).as_str()));
    }
}

/// The outcome of each mutation of a push.
pub fn outcomes_of(push: &PushRequest, listed: &[NumberedOutcome]) -> Vec<MutationOutcome> {
    let count: usize = push.runs.iter().map(|run| run.rows.len()).sum();
    let of = |n: i64| listed.iter().find(|outcome| outcome.n == n).map_or(MutationOutcome::Applied, |outcome| outcome.outcome.clone());
    (push.first_n..).take(count).map(of).collect()
}

/// Asks for a session.
///
/// # Errors
/// When there is no answer.
pub async fn sign_in(url: &str, name: &str, password: &str, device: Value) -> Outcome<Answered<Value>> {
    let body = json!({"protocol": PROTOCOL_VERSION, "name": name, "password": password, "device": device});
    read(reqwest::Client::new().post(format!("{url}/v1/accounts/sign-in")).json(&body).send().await?).await
}

/// Asks whom a one-time code invites.
///
/// # Errors
/// When there is no answer.
pub async fn look_at_code(url: &str, code: &str) -> Outcome<Answered<Value>> {
    let body = json!({"protocol": PROTOCOL_VERSION, "code": code});
    read(reqwest::Client::new().post(format!("{url}/v1/accounts/code")).json(&body).send().await?).await
}

/// Signs in with a one-time code. `given` has what the request contains besides the code.
///
/// # Errors
/// When there is no answer.
pub async fn use_code(url: &str, code: &str, given: Value) -> Outcome<Answered<Value>> {
    let mut body = json!({"protocol": PROTOCOL_VERSION, "code": code, "device": {"name": "test", "platform": "test"}});
    body.as_object_mut().ok_or("an object")?.extend(given.as_object().cloned().unwrap_or_default());
    read(reqwest::Client::new().post(format!("{url}/v1/accounts/sign-in-with-code")).json(&body).send().await?).await
}

/// Asks for the next tokens.
///
/// # Errors
/// When there is no answer.
pub async fn refresh(url: &str, refresh_token: &str) -> Outcome<Answered<Value>> {
    let body = json!({"refresh_token": refresh_token});
    read(reqwest::Client::new().post(format!("{url}/v1/accounts/refresh")).json(&body).send().await?).await
}

/// Reads an answer: JSON of the expected form, or a problem that matches the status and the request id.
///
/// # Errors
/// When it is neither.
pub async fn read<T: DeserializeOwned>(answer: reqwest::Response) -> Outcome<Answered<T>> {
    let (status, headers) = (answer.status(), answer.headers().clone());
    let text = answer.text().await?;
    if status.is_success() {
        return Ok(Ok(serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))?));
    }
    let problem: Problem = serde_json::from_str(&text).map_err(|error| format!("{status}, {error}: {text}"))?;
    assert_eq!(StatusCode::from_u16(problem.code.status())?, status, "{problem}");
    let id = headers.get("x-request-id").and_then(|value| value.to_str().ok());
    assert_eq!(problem.request_id.as_deref(), id, "the log names this id");
    assert_eq!(problem.retryable, problem.code.retryable());
    Ok(Err(problem))
}

/// The code of an expected refusal.
///
/// # Panics
/// When it is not a refusal.
pub fn code<T: std::fmt::Debug>(answered: Answered<T>) -> Code {
    answered.expect_err("the server has to refuse this").code
}

/// The clock in microseconds, the unit of a mutation's `at`.
pub fn now_us() -> i64 {
    Utc::now().timestamp_micros()
}
