//! The HTTP client for one server: addresses, bodies, time limits and problems. It keeps no session.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, RANGE};
use reqwest::{Client, RequestBuilder, Response, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use waystation_model::limits::{PAGE_BYTES_MAX, PROTOCOL_VERSION, ZSTD_LEVEL};
use waystation_model::wire::{HistoryAnswer, PullRequest, PushAnswer, PushRequest, SlicesRequest};
use waystation_model::{Code, Problem};

use super::accounts::{CodeAnswer, CodeSignInRequest, DeviceRequest, NewDevice, RefreshAnswer, SignInAnswer, SignInRequest};
use crate::error::{ClientError, Result};

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer may pause between two chunks. The heartbeat of a live stream is much shorter.
const SILENCE_MAX: Duration = Duration::from_secs(45);
/// How long a whole request may take, other than a stream or a file.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(90);
/// Largest answer to a pull: a page, with room for the lines around its rows.
const ANSWER_BYTES_MAX: usize = 4 * PAGE_BYTES_MAX;
/// Largest other answer, problems included.
const SMALL_ANSWER_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Smaller bodies are sent uncompressed.
const COMPRESS_BYTES_MIN: usize = 1024;

/// The HTTP client for one server.
#[derive(Debug, Clone)]
pub struct Link {
    client: Client,
    base: Url,
}

/// Reads a server's address as a person types it.
///
/// # Errors
/// `bad_address`.
pub fn read_address(text: &str) -> Result<Url> {
    let bad = || ClientError::refused(Code::BadAddress, "not the address of a server");
    let text = text.trim();
    let text = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let url = Url::parse(&text).map_err(|_| bad())?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) || url.query().is_some() {
        return Err(bad());
    }
    Ok(url)
}

/// An address as it is stored and compared.
pub fn address_text(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

impl Link {
    /// A client for this server.
    ///
    /// # Errors
    /// `bad_address`, or when the system has no usable TLS.
    pub fn to(address: &str) -> Result<Link> {
        let base = read_address(address)?;
        let client = Client::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(SILENCE_MAX).build()?;
        Ok(Link { client, base })
    }

    /// The server's address.
    pub fn address(&self) -> String {
        address_text(&self.base)
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.base.as_str().trim_end_matches('/'))
    }

    /// Signs in.
    ///
    /// # Errors
    /// The server's refusal, or `offline`.
    pub async fn sign_in(&self, name: &str, password: &str, device: DeviceRequest) -> Result<SignInAnswer> {
        let body = SignInRequest { protocol: PROTOCOL_VERSION, name, password, device };
        self.ask(self.client.post(self.url("v1/accounts/sign-in")), &body).await
    }

    /// Asks whom a one-time code invites.
    ///
    /// # Errors
    /// The server's refusal, or `offline`.
    pub async fn look_at_code(&self, code: &str) -> Result<CodeAnswer> {
        let body = serde_json::json!({ "protocol": PROTOCOL_VERSION, "code": code });
        self.ask(self.client.post(self.url("v1/accounts/code")), &body).await
    }

    /// Signs in with a one-time code, which chooses the password.
    ///
    /// # Errors
    /// The server's refusal, or `offline`.
    pub async fn sign_in_with_code(&self, code: &str, user_name: &str, password: &str, device: DeviceRequest) -> Result<SignInAnswer> {
        let body = CodeSignInRequest { protocol: PROTOCOL_VERSION, code, user_name, password, device };
        self.ask(self.client.post(self.url("v1/accounts/sign-in-with-code")), &body).await
    }

    /// Posts a body whose answer has none.
    ///
    /// # Errors
    /// The server's refusal, or `offline`.
    pub async fn tell(&self, token: &str, path: &str, body: &impl Serialize) -> Result<()> {
        let request = self.client.post(self.url(path)).header(AUTHORIZATION, format!("Bearer {token}"));
        check(with_body(request, body)?.timeout(REQUEST_TIMEOUT).send().await?).await.map(drop)
    }

    /// Posts a body and reads the answer.
    ///
    /// # Errors
    /// The server's refusal, `offline`, or `bad_answer`.
    pub async fn post<T: DeserializeOwned>(&self, token: &str, path: &str, body: &impl Serialize) -> Result<T> {
        self.ask(self.client.post(self.url(path)).header(AUTHORIZATION, format!("Bearer {token}")), body).await
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// The server's refusal, `offline`, or `bad_answer`.
    pub async fn get<T: DeserializeOwned>(&self, token: &str, path: &str) -> Result<T> {
        let http = self.client.get(self.url(path)).header(AUTHORIZATION, format!("Bearer {token}"));
        let response = check(http.timeout(REQUEST_TIMEOUT).send().await?).await?;
        let body = read_whole(response, SMALL_ANSWER_BYTES_MAX).await?;
        serde_json::from_slice(&body).map_err(|error| ClientError::BadAnswer(error.to_string()))
    }

    /// Deletes what a path names.
    ///
    /// # Errors
    /// The server's refusal, or `offline`.
    pub async fn delete(&self, token: &str, path: &str) -> Result<()> {
        let request = self.client.delete(self.url(path)).header(AUTHORIZATION, format!("Bearer {token}"));
        check(request.timeout(REQUEST_TIMEOUT).send().await?).await.map(drop)
    }

    /// Gets the next pair of tokens.
    ///
    /// # Errors
    /// `session_ended`, another refusal, or `offline`.
    pub async fn refresh(&self, refresh_token: &str) -> Result<RefreshAnswer> {
        let body = serde_json::json!({ "refresh_token": refresh_token });
        self.ask(self.client.post(self.url("v1/accounts/refresh")), &body).await
    }

    /// Ends the session at the server.
    ///
    /// # Errors
    /// The server's refusal, or `offline`.
    pub async fn sign_out(&self, token: &str) -> Result<()> {
        let request = self.client.post(self.url("v1/accounts/sign-out")).header(AUTHORIZATION, format!("Bearer {token}"));
        check(request.timeout(REQUEST_TIMEOUT).send().await?).await.map(drop)
    }

    /// A new device for this session, because the database turned out to be a copy.
    ///
    /// # Errors
    /// The server's refusal, or `offline`.
    pub async fn new_device(&self, token: &str) -> Result<NewDevice> {
        let device = DeviceRequest::this(None);
        let body = serde_json::json!({ "name": device.name, "platform": device.platform });
        let request = self.client.post(self.url("v1/accounts/device")).header(AUTHORIZATION, format!("Bearer {token}"));
        self.ask(request, &body).await
    }

    /// Sends a pull and reads the complete answer.
    ///
    /// # Errors
    /// The server's refusal, `offline`, or `bad_answer` past the size limit.
    pub async fn pull(&self, token: &str, request: &PullRequest) -> Result<Bytes> {
        let http = self.client.post(self.url("v1/sync/pull")).header(AUTHORIZATION, format!("Bearer {token}"));
        let response = check(with_body(http, request)?.timeout(REQUEST_TIMEOUT).send().await?).await?;
        read_whole(response, ANSWER_BYTES_MAX).await
    }

    /// Asks for the sums or the rows of a scope's slices.
    ///
    /// # Errors
    /// The server's refusal, `offline`, or `bad_answer` past the size limit.
    pub async fn slices(&self, token: &str, request: &SlicesRequest) -> Result<Bytes> {
        let http = self.client.post(self.url("v1/sync/slices")).header(AUTHORIZATION, format!("Bearer {token}"));
        let response = check(with_body(http, request)?.timeout(REQUEST_TIMEOUT).send().await?).await?;
        read_whole(response, ANSWER_BYTES_MAX).await
    }

    /// Sends mutations.
    ///
    /// # Errors
    /// The server's refusal, or `offline`.
    pub async fn push(&self, token: &str, request: &PushRequest) -> Result<PushAnswer> {
        self.ask(self.client.post(self.url("v1/sync/push")).header(AUTHORIZATION, format!("Bearer {token}")), request).await
    }

    /// Asks what happened to a row.
    ///
    /// # Errors
    /// The server's refusal, `offline`, or `bad_answer`.
    pub async fn history(&self, token: &str, entity: &str, id: &str, before: Option<i64>) -> Result<HistoryAnswer> {
        let query = before.map(|number| format!("?before={number}")).unwrap_or_default();
        self.get(token, &format!("v1/history/{entity}/{id}{query}")).await
    }

    /// Opens the live stream.
    ///
    /// # Errors
    /// The server's refusal, or `offline`.
    pub async fn live(&self, token: &str) -> Result<Response> {
        let request =
            self.client.get(self.url("v1/sync/live")).header(ACCEPT, "text/event-stream").header(AUTHORIZATION, format!("Bearer {token}"));
        check(request.send().await?).await
    }

    /// Requests a file's bytes, starting at `from`.
    ///
    /// # Errors
    /// The server's refusal, or `offline`.
    pub async fn content(&self, token: &str, sha256: &str, from: u64) -> Result<Response> {
        let mut request = self.client.get(self.url(&format!("v1/content/{sha256}"))).header(AUTHORIZATION, format!("Bearer {token}"));
        if from > 0 {
            request = request.header(RANGE, format!("bytes={from}-"));
        }
        check(request.send().await?).await
    }

    async fn ask<T: DeserializeOwned>(&self, request: RequestBuilder, body: &impl Serialize) -> Result<T> {
        let response = check(with_body(request, body)?.timeout(REQUEST_TIMEOUT).send().await?).await?;
        let bytes = read_whole(response, SMALL_ANSWER_BYTES_MAX).await?;
        serde_json::from_slice(&bytes).map_err(|error| ClientError::BadAnswer(error.to_string()))
    }
}

fn with_body(request: RequestBuilder, body: &impl Serialize) -> Result<RequestBuilder> {
    let bytes = serde_json::to_vec(body).map_err(|error| ClientError::BadAnswer(error.to_string()))?;
    let request = request.header(CONTENT_TYPE, "application/json");
    if bytes.len() < COMPRESS_BYTES_MIN {
        return Ok(request.body(bytes));
    }
    match zstd::bulk::compress(&bytes, ZSTD_LEVEL) {
        Ok(packed) => Ok(request.header(CONTENT_ENCODING, "zstd").body(packed)),
        Err(_) => Ok(request.body(bytes)),
    }
}

async fn read_whole(mut response: Response, bytes_max: usize) -> Result<Bytes> {
    let mut whole = BytesMut::new();
    while let Some(chunk) = response.chunk().await? {
        if whole.len() + chunk.len() > bytes_max {
            return Err(ClientError::BadAnswer("an answer is larger than the limit".into()));
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.freeze())
}

/// The answer when it is successful, otherwise the problem in its body.
async fn check(response: Response) -> Result<Response> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let bytes = read_whole(response, SMALL_ANSWER_BYTES_MAX).await.unwrap_or_default();
    match serde_json::from_slice::<Problem>(&bytes) {
        Ok(problem) => Err(ClientError::Refused(problem)),
        // The answer comes from a proxy or from another kind of server.
        Err(_) if status.is_server_error() => Err(ClientError::refused(Code::NotReady, format!("the server answered {status}"))),
        Err(_) => Err(ClientError::BadAnswer(format!("the server answered {status}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_with_spaces_and_without_scheme() {
        let text = |typed: &str| read_address(typed).map(|url| address_text(&url));
        assert_eq!(text(" school.example ").expect("an address"), "https://school.example");
        assert_eq!(text("http://127.0.0.1:8080/").expect("an address"), "http://127.0.0.1:8080");
        assert_eq!(text("https://example.org/way/").expect("an address"), "https://example.org/way");
        for wrong in ["", "ftp://example.org", "http://", "https://exa mple.org"] {
            assert!(matches!(text(wrong), Err(error) if error.code() == Code::BadAddress), "{wrong}");
        }
    }
}
