//! Reading a request's body: size limits before and after decompression, and a separate code for each kind of error.

use axum::extract::{FromRequest, Request};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use std::io::Read;
use waystation_model::{Code, Problem};

use crate::failure::Failure;
use crate::protocols::Protocols;
use crate::state::App;

/// The largest zstd window that a frame may require, as a power of two: 8 MiB, which every decoder supports.
const WINDOW_LOG_MAX: u32 = 23;

/// An uncompressed body up to this size may be parsed before its request has a permit of the tenant queue.
const SMALL_BODY_BYTES_MAX: usize = 4 * 1024;

/// A request's JSON body of at most `MAX` bytes, before and after decompression.
#[derive(Debug)]
pub struct Body<T, const MAX: usize>(pub T);

/// A request's JSON body as received: at most `MAX` bytes, neither decompressed nor parsed. Bodies wait in this form, because 286
/// bytes can decompress to a mebibyte, and parsing that can take 18.
#[derive(Debug)]
pub struct RawBody<const MAX: usize> {
    bytes: Bytes,
    zstd: bool,
}

impl<const MAX: usize> RawBody<MAX> {
    /// Whether reading it may take much memory.
    pub fn is_large(&self) -> bool {
        self.zstd || self.bytes.len() > SMALL_BODY_BYTES_MAX
    }

    /// Decompresses and parses it.
    ///
    /// # Errors
    /// `body_too_large`, `body_truncated`, `not_json`, `bad_request`, or the protocol check's error.
    pub fn read<T: DeserializeOwned>(self, protocols: Protocols) -> Result<T, Problem> {
        if self.zstd {
            return read_json(&decompress(&self.bytes, MAX)?, protocols);
        }
        read_json(&self.bytes, protocols)
    }
}

#[derive(Deserialize)]
struct ProtocolOnly {
    protocol: Option<u32>,
}

impl<T: DeserializeOwned, const MAX: usize> FromRequest<App> for Body<T, MAX> {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self, Failure> {
        Ok(Body(RawBody::<MAX>::from_request(request, app).await?.read(app.protocols)?))
    }
}

impl<const MAX: usize> FromRequest<App> for RawBody<MAX> {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
        let (content_type, encoding) = (header(CONTENT_TYPE), header(CONTENT_ENCODING));
        if !content_type.split(';').next().unwrap_or("").trim().eq_ignore_ascii_case("application/json") {
            return Err(Problem::new(Code::UnsupportedEncoding, "the content type must be application/json").into());
        }
        let zstd = match encoding {
            "" | "identity" => false,
            "zstd" => true,
            other => return Err(Problem::new(Code::UnsupportedEncoding, format!("the content encoding {other} is not understood")).into()),
        };
        let bytes = tokio::time::timeout(app.waits.body, read_limited(body, MAX))
            .await
            .map_err(|_| Problem::new(Code::BodyTruncated, "the body did not arrive in time"))??;
        Ok(RawBody { bytes, zstd })
    }
}

async fn read_limited(body: axum::body::Body, max: usize) -> Result<Bytes, Problem> {
    let too_large = || Problem::new(Code::BodyTooLarge, format!("the body is larger than {max} bytes"));
    let mut stream = body.into_data_stream();
    let mut bytes = BytesMut::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| Problem::new(Code::BodyTruncated, error.to_string()))?;
        if bytes.len() + chunk.len() > max {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

fn decompress(raw: &[u8], max: usize) -> Result<Vec<u8>, Problem> {
    let damaged = |error: std::io::Error| Problem::new(Code::BodyTruncated, format!("zstd: {error}"));
    let mut decoder = zstd::stream::read::Decoder::new(raw).map_err(damaged)?;
    decoder.window_log_max(WINDOW_LOG_MAX).map_err(damaged)?;
    let mut text = Vec::new();
    decoder.take(max as u64 + 1).read_to_end(&mut text).map_err(damaged)?;
    if text.len() > max {
        return Err(Problem::new(Code::BodyTooLarge, format!("the body decompresses to more than {max} bytes")));
    }
    Ok(text)
}

/// Parses a body. When it does not parse and names an unsupported protocol, the error is about the protocol.
fn read_json<T: DeserializeOwned>(text: &[u8], protocols: Protocols) -> Result<T, Problem> {
    // serde also accepts a list for a struct, its items in the order of the fields.
    if text.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return Err(Problem::new(code_of(text), "the body must be an object"));
    }
    match serde_json::from_slice::<T>(text) {
        Ok(value) => Ok(value),
        Err(error) => {
            // A request of another protocol version may have another form: then the version is the useful error.
            if let Ok(ProtocolOnly { protocol: Some(protocol) }) = serde_json::from_slice::<ProtocolOnly>(text) {
                protocols.check(protocol)?;
            }
            Err(Problem::new(code_of(text), error.to_string()))
        }
    }
}

/// The code for a body that does not parse into its type. The typed parser stops at the first mismatch and reports a list with too
/// many items as a syntax error, so the whole text is parsed once more to tell whether it is JSON.
fn code_of(text: &[u8]) -> Code {
    let Ok(text) = std::str::from_utf8(text) else { return Code::NotJson };
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => Code::BadRequest,
        Err(error) if error.is_eof() => Code::BodyTruncated,
        Err(_) => Code::NotJson,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Form {
        protocol: u32,
    }

    fn code(text: &str) -> Code {
        read_json::<Form>(text.as_bytes(), Protocols::OURS).expect_err("wrong on purpose").code
    }

    #[test]
    fn each_kind_of_invalid_body_has_its_code() {
        assert_eq!(code("{\"protocol\":1"), Code::BodyTruncated);
        assert_eq!(code("hello"), Code::NotJson);
        assert_eq!(code("{\"protocol\":\"one\"}"), Code::BadRequest);
        assert_eq!(code("{\"protocol\":99,\"new\":1}"), Code::UnsupportedProtocol);
        assert_eq!(code("{\"protocol\":1,\"new\":1}"), Code::BadRequest);
        assert_eq!(code(" [1]"), Code::BadRequest);
        assert_eq!(code("{\"protocol\":\"one\",\"new\""), Code::BodyTruncated);
        assert_eq!(code("{\"protocol\":\"one\",new}"), Code::NotJson);
    }

    #[test]
    fn a_list_with_too_many_items_is_a_bad_request_and_not_invalid_json() {
        let code = |text: &str| read_json::<(i64, i64)>(text.as_bytes(), Protocols::OURS).expect_err("wrong on purpose").code;
        assert_eq!(code("[1,2,3]"), Code::BadRequest);
        assert_eq!(code("[1]"), Code::BadRequest);
        assert_eq!(code("[1,2]]"), Code::NotJson);
        assert_eq!(code("[1,2,3"), Code::BodyTruncated);
        assert_eq!(read_json::<String>(b"\"\xff\"", Protocols::OURS).expect_err("no text").code, Code::NotJson);
    }

    #[test]
    fn a_small_body_that_decompresses_to_a_large_one_is_refused() {
        let bomb = zstd::bulk::compress(&vec![b' '; 4_000_000], 3).expect("compresses");
        assert!(bomb.len() < 2_000);
        assert_eq!(decompress(&bomb, 1_000_000).expect_err("too large").code, Code::BodyTooLarge);
        assert_eq!(decompress(&bomb[..bomb.len() / 2], 8_000_000).expect_err("cut").code, Code::BodyTruncated);
        let mut wide = zstd::stream::write::Encoder::new(Vec::new(), 3).expect("an encoder");
        wide.window_log(WINDOW_LOG_MAX + 1).expect("a window");
        std::io::Write::write_all(&mut wide, b"{}").expect("written");
        let wide = wide.finish().expect("compresses");
        assert_eq!(decompress(&wide, 10).expect_err("asks for too much memory").code, Code::BodyTruncated);
        let plain = zstd::bulk::compress(b"{}", 3).expect("compresses");
        assert_eq!(serde_json::from_slice::<Value>(&decompress(&plain, 10).expect("fits")).expect("json"), serde_json::json!({}));
    }
}
