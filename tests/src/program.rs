//! Another program: reads and writes rows over HTTP with a personal token, as `docs/REST.md` describes.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Outcome;
use crate::caller::{Answered, Caller, read};

/// Pages of one list; more would mean that it does not end.
const PAGES_MAX: usize = 1_000;

/// A program with a personal token.
#[derive(Debug, Clone)]
pub struct Program {
    client: reqwest::Client,
    url: String,
    /// The token's id.
    pub token: Uuid,
    /// For `Authorization: Bearer`.
    pub secret: String,
}

/// An answer about one row.
#[derive(Debug, Clone, PartialEq)]
pub struct RowAnswer {
    /// The status.
    pub status: StatusCode,
    /// The `ETag`; empty when there is none.
    pub tag: String,
    /// The `Location`; empty when there is none.
    pub location: String,
    /// The body; null when there is none.
    pub body: Value,
}

impl RowAnswer {
    /// The row's id.
    ///
    /// # Panics
    /// When the body has none.
    pub fn id(&self) -> Uuid {
        self.body["id"].as_str().and_then(|text| text.parse().ok()).expect("the answer has an id")
    }

    /// The error code; none for a success.
    pub fn code(&self) -> Option<&str> {
        self.body["code"].as_str()
    }
}

impl Program {
    /// Makes a token for a person who has signed in.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn of(caller: &Caller, may_write: bool) -> Outcome<Program> {
        let asked = json!({"name": "a script", "expires_in_days": 30, "may_write": may_write});
        let made: Value = caller.post("/v1/tokens", &asked).await??;
        let text = |value: &Value| value.as_str().map(str::to_owned).ok_or("no text");
        let (token, secret) = (text(&made["token"]["id"])?.parse()?, text(&made["secret"])?);
        Ok(Program { client: reqwest::Client::new(), url: caller.url.clone(), token, secret })
    }

    /// Signs a person in and makes a token that may write.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn sign_in(url: &str, name: &str) -> Outcome<Program> {
        Program::of(&Caller::sign_in(url, name).await?, true).await
    }

    /// A request with the token.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).bearer_auth(&self.secret)
    }

    /// One page of a list.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn page(&self, table: &str, pairs: &[(&str, &str)]) -> Outcome<Answered<Value>> {
        let url = reqwest::Url::parse_with_params(&format!("{}/v1/records/{table}", self.url), pairs)?;
        read(self.client.get(url).bearer_auth(&self.secret).send().await?).await
    }

    /// Every row of a list, page by page.
    ///
    /// # Errors
    /// When the server refuses or the list does not end.
    pub async fn list(&self, table: &str, pairs: &[(&str, &str)]) -> Outcome<Vec<Value>> {
        let mut rows = Vec::new();
        let mut after: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let mut pairs = pairs.to_vec();
            pairs.extend(after.as_deref().map(|after| ("after", after)));
            let page = self.page(table, &pairs).await??;
            rows.extend(page["rows"].as_array().ok_or("no rows")?.iter().cloned());
            match page["next"].as_str() {
                Some(next) => after = Some(next.to_owned()),
                None => return Ok(rows),
            }
        }
        Err("the list does not end".into())
    }

    /// The code of a list that must be refused, and the field at fault.
    ///
    /// # Errors
    /// When it was not refused.
    pub async fn list_refusal(&self, table: &str, pairs: &[(&str, &str)]) -> Outcome<(&'static str, String)> {
        let problem = self.page(table, pairs).await?.err().ok_or("the list was not refused")?;
        Ok((problem.code.word(), problem.fields.first().cloned().unwrap_or_default()))
    }

    /// Reads a row.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn get(&self, table: &str, id: Uuid) -> Outcome<RowAnswer> {
        answer(self.request(Method::GET, &format!("/v1/records/{table}/{id}"))).await
    }

    /// Makes a row.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn make(&self, table: &str, row: Value) -> Outcome<RowAnswer> {
        answer(self.request(Method::POST, &format!("/v1/records/{table}")).json(&row)).await
    }

    /// Changes a row.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn change(&self, table: &str, id: Uuid, fields: Value) -> Outcome<RowAnswer> {
        answer(self.request(Method::PATCH, &format!("/v1/records/{table}/{id}")).json(&fields)).await
    }

    /// Changes a row if it still has this `ETag`.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn change_if(&self, table: &str, id: Uuid, tag: &str, fields: Value) -> Outcome<RowAnswer> {
        answer(self.request(Method::PATCH, &format!("/v1/records/{table}/{id}")).header("if-match", tag).json(&fields)).await
    }

    /// Deletes a row.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn delete(&self, table: &str, id: Uuid) -> Outcome<RowAnswer> {
        answer(self.request(Method::DELETE, &format!("/v1/records/{table}/{id}"))).await
    }
}

/// Sends a request and reads its answer.
///
/// # Errors
/// When there is no answer, or its body is not JSON.
pub async fn answer(request: reqwest::RequestBuilder) -> Outcome<RowAnswer> {
    let answer = request.send().await?;
    let status = answer.status();
    let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let (tag, location) = (header("etag"), header("location"));
    let text = answer.text().await?;
    let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))? };
    Ok(RowAnswer { status, tag, location, body })
}
