//! Recorded conversations between laptops and a server of one protocol version: each request verbatim, and its answer. A server of any
//! later version must answer the same.
//!
//! Values that differ between servers (tokens, stamps, chains, cursors, times) are written in the files as names, such as `$token:rauf` or
//! `$stamp:topics:…`. In a request a name is replaced by the value that this server sent before, as a laptop would do.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use chrono::Utc;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;
use waystation_model::chain::{CHAIN_START, Chain, extend};
use waystation_model::wire::PushRequest;

use crate::Outcome;
use crate::caller::row_of;

/// Times within this of now belong to the conversation.
const NOW_WITHIN_MS: i64 = 24 * 3_600 * 1_000;
/// Longer texts are recorded as their length.
const TEXT_CHARACTERS_MAX: usize = 500;
/// The kinds of line of a pull that version 1 has. A later server may send more.
const LINES: [&str; 8] = ["unchanged", "send_cursors", "page", "removed", "rows", "gone", "scope", "end"];

/// One request and its answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Exchange {
    /// What it shows.
    pub about: String,
    /// The device that asks, named after its person.
    pub who: String,
    /// The route; the method is always POST.
    pub route: String,
    /// The body.
    pub body: Value,
    /// The answer's status.
    #[serde(default)]
    pub status: u16,
    /// The answer's body; an array of lines when it is NDJSON.
    #[serde(default)]
    pub answer: Value,
}

/// What one device remembers.
#[derive(Debug, Default)]
struct Memory {
    access_token: String,
    refresh_token: String,
    device: String,
    epoch: i64,
    /// The chain at each number.
    chains: Vec<Chain>,
    cursors: BTreeMap<String, i64>,
}

/// Plays conversations against one server.
pub struct Stage {
    url: String,
    client: reqwest::Client,
    devices: HashMap<String, Memory>,
    stamps: HashMap<(String, Uuid), i64>,
}

impl Stage {
    /// A stage in front of a server.
    pub fn new(url: String) -> Stage {
        Stage { url, client: reqwest::Client::new(), devices: HashMap::new(), stamps: HashMap::new() }
    }

    /// Sends the request of an exchange, with this protocol version where the body names one, and returns status and answer, with names in
    /// place of this server's own values.
    ///
    /// # Errors
    /// When there is no answer, or a name has no value yet.
    pub async fn ask(&mut self, exchange: &Exchange, protocol: u32) -> Outcome<(u16, Value)> {
        let mut body = exchange.body.clone();
        if body["protocol"].is_number() {
            body["protocol"] = json!(protocol);
        }
        self.fill_in(&exchange.who, &mut body)?;
        let mut request = self.client.post(format!("{}{}", self.url, exchange.route)).header("content-type", "application/json");
        let memory = self.devices.entry(exchange.who.clone()).or_insert_with(|| Memory { chains: vec![CHAIN_START], ..Memory::default() });
        if !memory.access_token.is_empty() {
            request = request.bearer_auth(&memory.access_token);
        }
        let answer = request.body(body.to_string()).send().await?;
        let (status, text) = (answer.status().as_u16(), answer.text().await?);
        if status == 200 {
            self.remember(exchange, &body, &text)?;
        }
        let answer = if exchange.route == "/v1/sync/pull" && status == 200 {
            Value::Array(text.lines().map(|line| Ok(self.name_line(&exchange.who, serde_json::from_str(line)?))).collect::<Outcome<_>>()?)
        } else if text.is_empty() {
            Value::Null
        } else {
            self.name(&exchange.who, serde_json::from_str(&text)?)
        };
        Ok((status, answer))
    }

    fn memory(&self, who: &str) -> Outcome<&Memory> {
        self.devices.get(who).ok_or_else(|| format!("{who} has sent nothing yet").into())
    }

    fn fill_in(&self, who: &str, value: &mut Value) -> Outcome<()> {
        let first_n = value["first_n"].as_i64();
        match value {
            Value::Array(items) => items.iter_mut().try_for_each(|item| self.fill_in(who, item)),
            Value::Object(fields) => fields.values_mut().try_for_each(|field| match (field.as_str(), first_n) {
                (Some("$chain"), Some(first_n)) => {
                    let chain = usize::try_from(first_n - 1).ok().and_then(|n| self.devices.get(who)?.chains.get(n).copied());
                    *field = json!(hex::encode(chain.ok_or("a chain before numbers that were never sent")?));
                    Ok(())
                }
                _ => self.fill_in(who, field),
            }),
            Value::String(text) => {
                let Some(name) = text.strip_prefix('$') else { return Ok(()) };
                let (name, of) = name.split_once(':').unwrap_or((name, who));
                *value = match name {
                    "device" => json!(self.memory(of)?.device),
                    "epoch" => json!(self.memory(of)?.epoch),
                    "refresh" => json!(self.memory(of)?.refresh_token),
                    "cursors" => json!(self.memory(of)?.cursors),
                    "digest" => {
                        let cursors = &self.memory(of)?.cursors;
                        let sum = waystation_model::hash::cursors_digest(cursors.iter().map(|(scope, at)| (scope.as_str(), *at)));
                        json!(format!("{sum:016x}"))
                    }
                    "stamp" => {
                        let (entity, id) = of.split_once(':').ok_or("a stamp of a table and an id")?;
                        json!(self.stamps.get(&(entity.to_owned(), id.parse()?)).ok_or_else(|| format!("{of} was not received"))?)
                    }
                    other => return Err(format!("nothing is called ${other}").into()),
                };
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Remembers what a laptop would remember of an answer.
    fn remember(&mut self, exchange: &Exchange, body: &Value, text: &str) -> Outcome<()> {
        let memory = self.devices.entry(exchange.who.clone()).or_default();
        if exchange.route.starts_with("/v1/accounts/") && !text.is_empty() {
            let answer: Value = serde_json::from_str(text)?;
            for (name, slot) in [
                ("access_token", &mut memory.access_token),
                ("refresh_token", &mut memory.refresh_token),
                ("device_id", &mut memory.device),
            ] {
                if let Some(given) = answer[name].as_str() {
                    *slot = given.to_owned();
                }
            }
            memory.epoch = answer["epoch"].as_i64().unwrap_or(memory.epoch);
        }
        if exchange.route == "/v1/sync/push" {
            let request: PushRequest = serde_json::from_value(body.clone())?;
            for mutation in request.into_mutations() {
                if usize::try_from(mutation.n)? == memory.chains.len() {
                    let before = memory.chains[memory.chains.len() - 1];
                    memory.chains.push(extend(&before, &mutation.content_hash()));
                }
            }
        }
        if exchange.route == "/v1/sync/pull" {
            for line in text.lines() {
                let line: Value = serde_json::from_str(line)?;
                match line["line"].as_str().unwrap_or_default() {
                    "scope" => {
                        let scope = line["scope"].as_str().ok_or("a scope without a name")?;
                        memory.cursors.insert(scope.to_owned(), line["cursor"].as_i64().ok_or("no cursor")?);
                    }
                    "removed" => drop(memory.cursors.remove(line["scope"].as_str().unwrap_or_default())),
                    "rows" => {
                        for row in rows_by_name(&line) {
                            let entity = line["entity"].as_str().unwrap_or_default();
                            let (id, received) = row_of(entity, row)?;
                            self.stamps.insert((entity.to_owned(), id), received.stamp);
                        }
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn name_line(&self, who: &str, mut line: Value) -> Value {
        if line["line"] == "rows" {
            // By name: a later server may send more columns, in any order.
            line["rows"] = rows_by_name(&line).map(Value::Object).collect();
            line.as_object_mut().expect("it has a kind").remove("columns");
        }
        self.name(who, line)
    }

    fn name(&self, who: &str, value: Value) -> Value {
        match value {
            Value::Object(fields) => Value::Object(fields.into_iter().map(|(key, field)| self.name_field(who, key, field)).collect()),
            Value::Array(items) => items.into_iter().map(|item| self.name(who, item)).collect(),
            Value::Number(number) => {
                let is_now = number.as_i64().is_some_and(|ms| (ms - Utc::now().timestamp_millis()).abs() < NOW_WITHIN_MS);
                if is_now { json!("$now") } else { Value::Number(number) }
            }
            // Made by the database: laptops make other ids.
            Value::String(text) if Uuid::parse_str(&text).is_ok_and(|id| id.get_version_num() == 4) => json!("$id"),
            Value::String(text) if text.chars().count() > TEXT_CHARACTERS_MAX => json!(format!("${} characters", text.chars().count())),
            other => other,
        }
    }

    fn name_field(&self, who: &str, key: String, field: Value) -> (String, Value) {
        let chains = self.devices.get(who).map(|memory| memory.chains.as_slice()).unwrap_or_default();
        let is_known_chain = |text: &str| chains.iter().any(|chain| hex::encode(chain) == text);
        let named = match (key.as_str(), &field) {
            ("access_token" | "refresh_token" | "recovery_secret" | "device_id" | "message" | "request_id", Value::String(_)) => {
                json!(format!("${key}"))
            }
            ("stamp" | "checksum" | "epoch" | "cursor" | "head" | "rows_left", Value::Number(_)) => json!(format!("${key}")),
            ("chain", Value::String(text)) if is_known_chain(text) => json!("$chain"),
            _ => self.name(who, field),
        };
        (key, named)
    }
}

fn rows_by_name(line: &Value) -> impl Iterator<Item = Map<String, Value>> {
    let columns: Vec<String> =
        line["columns"].as_array().into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect();
    let rows = line["rows"].as_array().into_iter().flatten();
    rows.map(move |row| columns.iter().cloned().zip(row.as_array().into_iter().flatten().cloned()).collect())
}

/// What an answer lacks compared with a recorded one. Additional fields and kinds of line are no fault.
pub fn lacks(recorded: &Value, answered: &Value, at: &str) -> Vec<String> {
    match (recorded, answered) {
        (Value::Object(fields), Value::Object(_)) => {
            fields.iter().flat_map(|(name, field)| lacks(field, &answered[name], &format!("{at}.{name}"))).collect()
        }
        (Value::Array(items), Value::Array(answers)) => {
            let is_new = |answer: &&Value| answer["line"].as_str().is_some_and(|line| !LINES.contains(&line));
            let answers: Vec<&Value> = answers.iter().filter(|answer| !is_new(answer)).collect();
            if items.len() != answers.len() {
                return vec![format!("{at}: {} instead of {}: {answered}", answers.len(), items.len())];
            }
            let pairs = items.iter().zip(answers).enumerate();
            pairs.flat_map(|(index, (item, answer))| lacks(item, answer, &format!("{at}[{index}]"))).collect()
        }
        _ if recorded == answered => Vec::new(),
        _ => vec![format!("{at}: {answered} instead of {recorded}")],
    }
}

/// Reads a conversation.
///
/// # Errors
/// When the file is not one.
pub fn read(file: &Path) -> Outcome<Vec<Exchange>> {
    Ok(serde_json::from_slice(&std::fs::read(file)?).map_err(|error| format!("{}: {error}", file.display()))?)
}

/// Records a conversation with the answers of now.
///
/// # Errors
/// When the file cannot be written.
pub fn write(file: &Path, exchanges: &[Exchange]) -> Outcome<()> {
    Ok(std::fs::write(file, serde_json::to_string_pretty(exchanges)? + "\n")?)
}
