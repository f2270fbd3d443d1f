//! Serves media files to the window: an HTTP server on the loopback address, with ranges, so that the window can seek in a
//! video and no file is read whole. It requires the token of this start, and serves only files of which the unlocked person has
//! a row.

use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::net::TcpListener;
use tokio_util::io::ReaderStream;
use tokio_util::sync::CancellationToken;
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::MediaFolder;
use super::folder::is_sha256;
use crate::environment::Environment;
use crate::error::{ClientError, Result};

/// Origins of the window's pages, which differ by system.
const ORIGINS: [&str; 3] = ["tauri://localhost", "http://tauri.localhost", "https://tauri.localhost"];
/// Bytes of a file that are read at a time.
const READ_BYTES: usize = 64 * 1024;

/// Looks up a file's media type in the unlocked person's rows; none when there is no such row or no person is unlocked.
pub type MediaTypeOf = Arc<dyn Fn(String) -> BoxFuture<'static, Option<String>> + Send + Sync>;

struct Served {
    token: String,
    folder: Arc<MediaFolder>,
    media_type_of: MediaTypeOf,
}

/// The running server.
pub struct MediaServer {
    address: String,
    stop: CancellationToken,
}

impl MediaServer {
    /// Starts the server on a free port.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(folder: Arc<MediaFolder>, environment: &Environment, media_type_of: MediaTypeOf) -> Result<MediaServer> {
        let token = hex::encode(environment.random_bytes::<32>());
        let no_port = ClientError::disk(std::path::Path::new("127.0.0.1"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(no_port)?;
        let port = listener.local_addr().map_err(ClientError::disk(std::path::Path::new("127.0.0.1")))?.port();
        let address = format!("http://127.0.0.1:{port}/m/{token}");
        let origins = ORIGINS.iter().map(|origin| HeaderValue::from_static(origin));
        let cors = CorsLayer::new()
            .allow_origin(AllowOrigin::list(origins))
            .allow_methods([Method::GET, Method::HEAD])
            .allow_headers([RANGE])
            .expose_headers([CONTENT_LENGTH, CONTENT_RANGE, ACCEPT_RANGES]);
        let routes = Router::new()
            .route("/m/{token}/{sha256}", get(serve))
            .fallback(|| async { StatusCode::NOT_FOUND })
            .layer(cors)
            .with_state(Arc::new(Served { token, folder, media_type_of }));
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, routes).with_graceful_shutdown(stopped.cancelled_owned()).await {
                tracing::error!(%error, "the server of media ended");
            }
        });
        Ok(MediaServer { address, stop })
    }

    /// The address of a file for the window.
    pub fn url(&self, sha256: &str) -> String {
        format!("{}/{sha256}", self.address)
    }

    /// The prefix of every file's address.
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for MediaServer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Compares in constant time, so that the duration does not reveal how much of a token is correct.
fn is_same(given: &str, right: &str) -> bool {
    given.len() == right.len() && given.bytes().zip(right.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

async fn serve(
    State(served): State<Arc<Served>>,
    Path((token, sha256)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    if !is_same(&token, &served.token) || !is_sha256(&sha256) || !served.folder.has(&sha256) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let Some(media_type) = (served.media_type_of)(sha256.clone()).await else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let range = headers.get(RANGE).and_then(|value| value.to_str().ok());
    match answer(&served.folder, &sha256, &media_type, range, method == Method::HEAD).await {
        Ok(response) => response,
        Err(error) => {
            tracing::warn!(%error, sha256, "a file could not be served");
            StatusCode::NOT_FOUND.into_response()
        }
    }
}

async fn answer(folder: &MediaFolder, sha256: &str, media_type: &str, range: Option<&str>, head_only: bool) -> std::io::Result<Response> {
    let mut file = tokio::fs::File::open(folder.file(sha256)).await?;
    let size = file.metadata().await?.len();
    let (status, first, length) = match range.map(|text| one_range(text, size)) {
        None | Some(RequestedRange::Full) => (StatusCode::OK, 0, size),
        Some(RequestedRange::Part { first, length }) => (StatusCode::PARTIAL_CONTENT, first, length),
        Some(RequestedRange::Outside) => {
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, [(CONTENT_RANGE, format!("bytes */{size}"))]).into_response());
        }
    };
    file.seek(std::io::SeekFrom::Start(first)).await?;
    let body = if head_only { Body::empty() } else { Body::from_stream(ReaderStream::with_capacity(file.take(length), READ_BYTES)) };
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, text: String| {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(name, value);
        }
    };
    set(CONTENT_TYPE, media_type.to_owned());
    set(CONTENT_LENGTH, length.to_string());
    set(ACCEPT_RANGES, "bytes".to_owned());
    set(CACHE_CONTROL, "no-store".to_owned());
    // The browser must not guess another type from the contents.
    set(HeaderName::from_static("x-content-type-options"), "nosniff".to_owned());
    if status == StatusCode::PARTIAL_CONTENT {
        set(CONTENT_RANGE, format!("bytes {first}-{}/{size}", first + length - 1));
    }
    Ok(response)
}

/// The bytes that a range header requests.
#[derive(Debug, PartialEq, Eq)]
enum RequestedRange {
    Full,
    Part { first: u64, length: u64 },
    Outside,
}

/// Parses a header with one range. Several ranges or an invalid header get the whole file, as the standard allows.
fn one_range(text: &str, size: u64) -> RequestedRange {
    let Some((first, last)) = text.trim().strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return RequestedRange::Full;
    };
    let number = |text: &str| text.trim().parse::<u64>();
    match (first.trim(), last.trim()) {
        ("", last) => match number(last) {
            Ok(0) => RequestedRange::Outside,
            Ok(length) if size > 0 => RequestedRange::Part { first: size.saturating_sub(length), length: length.min(size) },
            Ok(_) => RequestedRange::Outside,
            Err(_) => RequestedRange::Full,
        },
        (first, last) => {
            let last_byte = if last.is_empty() { Ok(u64::MAX) } else { number(last) };
            match (number(first), last_byte) {
                (Ok(first), Ok(last)) if last < first => RequestedRange::Full,
                (Ok(first), Ok(_)) if first >= size => RequestedRange::Outside,
                (Ok(first), Ok(last)) => RequestedRange::Part { first, length: last.min(size - 1) - first + 1 },
                _ => RequestedRange::Full,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_parsed_and_an_invalid_header_gets_the_whole_file() {
        assert_eq!(one_range("bytes=0-99", 1000), RequestedRange::Part { first: 0, length: 100 });
        assert_eq!(one_range("bytes=900-", 1000), RequestedRange::Part { first: 900, length: 100 });
        assert_eq!(one_range("bytes=900-5000", 1000), RequestedRange::Part { first: 900, length: 100 });
        assert_eq!(one_range("bytes=-10", 1000), RequestedRange::Part { first: 990, length: 10 });
        assert_eq!(one_range("bytes=-5000", 1000), RequestedRange::Part { first: 0, length: 1000 });
        for outside in ["bytes=1000-", "bytes=-0", "bytes=2000-3000"] {
            assert_eq!(one_range(outside, 1000), RequestedRange::Outside, "{outside}");
        }
        assert_eq!(one_range("bytes=0-", 0), RequestedRange::Outside);
        for nonsense in ["bytes=5-2", "bytes=0-1,5-6", "lines=1-2", "", "bytes=a-b"] {
            assert_eq!(one_range(nonsense, 1000), RequestedRange::Full, "{nonsense}");
        }
    }

    #[test]
    fn tokens_are_compared_whole() {
        assert!(is_same("abc", "abc"));
        assert!(!is_same("abd", "abc"));
        assert!(!is_same("ab", "abc"));
    }
}
