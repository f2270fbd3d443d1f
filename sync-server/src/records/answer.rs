//! Answers about one row: its stamp as `ETag`, and problems with the values at stake.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::header::{CONTENT_TYPE, ETAG, IF_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use waystation_model::{Code, Problem};

use super::page::RecordRow;
use crate::failure::{Failure, REQUEST_ID};

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub struct RecordList {
    /// The rows. Each has `id`, `stamp` (as text), `created_at`, `updated_at` and the columns of its table.
    #[schema(value_type = Vec<serde_json::Map<String, serde_json::Value>>)]
    pub rows: Vec<Box<RawValue>>,
    /// `after` of the next page; null after the last.
    pub next: Option<String>,
}

/// A value that somebody has changed meanwhile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Values {
    /// The value of the request.
    pub given: Value,
    /// The value of the row now.
    pub current: Value,
}

/// A problem with one row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RecordProblem {
    /// The problem.
    #[serde(flatten)]
    pub problem: Problem,
    /// With `changed_meanwhile`: the columns of the request whose value differs from the row's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, Values>,
    /// With `changed_meanwhile`: the row's stamp now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stamp: Option<String>,
    /// With `taken`: a free value that is similar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

impl RecordProblem {
    /// The problem of a stale `If-Match`: what the request gives and what the row has now.
    ///
    /// # Errors
    /// When the row is no JSON object.
    pub fn changed_meanwhile(given: &Map<String, Value>, current: &RecordRow) -> Result<RecordProblem, Failure> {
        let row: Map<String, Value> = serde_json::from_str(current.json.get()).map_err(Failure::broken)?;
        let mut problem = Problem::new(Code::ChangedMeanwhile, "the row has another stamp: it was changed meanwhile");
        let mut values = BTreeMap::new();
        for (name, given) in given {
            let now = row.get(name).unwrap_or(&Value::Null);
            if now != given {
                problem.fields.push(name.clone());
                values.insert(name.clone(), Values { given: given.clone(), current: now.clone() });
            }
        }
        Ok(RecordProblem { problem, values, stamp: Some(current.stamp.to_string()), suggestion: None })
    }
}

impl From<Problem> for RecordProblem {
    fn from(problem: Problem) -> RecordProblem {
        RecordProblem { problem, values: BTreeMap::new(), stamp: None, suggestion: None }
    }
}

impl IntoResponse for RecordProblem {
    fn into_response(mut self) -> Response {
        self.problem.request_id = REQUEST_ID.try_with(Clone::clone).ok();
        let status = StatusCode::from_u16(self.problem.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(self)).into_response()
    }
}

/// A row with its `ETag`.
pub fn row(status: StatusCode, row: &RecordRow) -> Response {
    let mut answer = (status, row.json.get().to_owned()).into_response();
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", row.stamp)) {
        answer.headers_mut().insert(ETAG, tag);
    }
    answer
}

/// Which state of a row a request is made on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Whatever is stored now.
    Any,
    /// The one with this stamp.
    Stamp(i64),
}

/// Reads `If-Match`: one `ETag`, or `*` for any.
///
/// # Errors
/// `bad_request`.
pub fn expected(headers: &HeaderMap) -> Result<Expected, Problem> {
    let mut given = headers.get_all(IF_MATCH).iter();
    let (Some(value), None) = (given.next(), given.next()) else {
        return if headers.contains_key(IF_MATCH) { Err(bad_tag()) } else { Ok(Expected::Any) };
    };
    let text = value.to_str().map_err(|_| bad_tag())?.trim();
    if text == "*" {
        return Ok(Expected::Any);
    }
    let digits = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    digits.parse().map(Expected::Stamp).map_err(|_| bad_tag())
}

fn bad_tag() -> Problem {
    Problem::new(Code::BadRequest, "If-Match is the ETag of the row, or *").field("If-Match")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&'static str]) -> Result<Expected, Code> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(IF_MATCH, HeaderValue::from_static(value));
        }
        expected(&headers).map_err(|problem| problem.code)
    }

    #[test]
    fn if_match_is_a_stamp_or_any() {
        assert_eq!(read(&[]), Ok(Expected::Any));
        assert_eq!(read(&["*"]), Ok(Expected::Any));
        assert_eq!(read(&["\"1903\""]), Ok(Expected::Stamp(1903)));
        assert_eq!(read(&["1903"]), Ok(Expected::Stamp(1903)));
        for wrong in ["", "\"x\"", "W/\"1903\"", "\"1\", \"2\"", "\"99999999999999999999\""] {
            assert_eq!(read(&[wrong]), Err(Code::BadRequest), "{wrong}");
        }
        assert_eq!(read(&["\"1\"", "\"2\""]), Err(Code::BadRequest));
    }
}
