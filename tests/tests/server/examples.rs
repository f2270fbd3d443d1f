//! Generates `docs/EXAMPLES.md` from the answers of a server. Values that differ between servers, such as tokens, stamps and times, are
//! replaced by those of one imaginary server on one day, and values derived from them (chains, checksums, digests) are computed from the
//! replacements.

use std::collections::BTreeMap;
use std::fmt::Write;

use chrono::Utc;
use reqwest::Method;
use serde_json::{Map, Value, json};
use uuid::Uuid;
use waystation_model::chain::{CHAIN_START, Chain, extend};
use waystation_model::hash::{cursors_digest, row_hash};
use waystation_model::wire::PushRequest;
use waystation_tests::Outcome;
use waystation_tests::caller::{PASSWORD, row_of};
use waystation_tests::paths;
use waystation_tests::school::{School, open};

/// 2026-01-01T08:00:00Z: the day of the examples.
const DAY_MS: i64 = 1_767_254_400_000;
/// Times within this of now belong to the examples.
const NOW_WITHIN_MS: i64 = 24 * 3_600 * 1_000;
/// The first stamp of the examples.
const STAMP: i64 = 1_893_456_000_000_000_001;
const DEVICE: &str = "0192a000-0000-7000-8000-0000000000d1";

const fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x0192_a000_0000_7000_8000_0000_0000_0000 + number)
}

const ORGANIZATION: Uuid = id(0x01);
const AYSEL: Uuid = id(0x02);
const COURSE: Uuid = id(0x03);
const MODULE: Uuid = id(0x04);
const TOPICS: [Uuid; 2] = [id(0x05), id(0x06)];

/// Plays the examples and writes them down.
struct Scribe {
    url: String,
    client: reqwest::Client,
    text: String,
    /// Values of this server, and their replacements.
    named: BTreeMap<String, Value>,
    stamps: BTreeMap<i64, i64>,
    /// The chain of this server, and that of the examples.
    chains: (Chain, Chain),
    /// State of the examples: rows by scope, and cursors.
    rows: BTreeMap<String, BTreeMap<(String, Uuid), i64>>,
    cursors: BTreeMap<String, i64>,
    token: String,
    /// Of this server.
    epoch: i64,
    device: String,
}

impl Scribe {
    fn say(&mut self, words: &str) {
        let _ = writeln!(self.text, "{words}\n");
    }

    /// Sends a request, given in the form of the examples, and writes request and answer down.
    async fn ask(&mut self, route: &str, written: Value) -> Outcome<()> {
        let sent = self.real(&written);
        let token = std::mem::take(&mut self.token);
        let mut request = self.client.request(Method::POST, format!("{}{route}", self.url)).json(&sent);
        let _ = writeln!(self.text, "```http\nPOST {route}\nContent-Type: application/json");
        if !token.is_empty() {
            request = request.bearer_auth(&token);
            let _ = writeln!(self.text, "Authorization: Bearer eyJ0eXAiOiJKV1QiLCJhbGciOi…");
        }
        self.token = token;
        let _ = writeln!(self.text, "\n{written}\n```\n");
        let answer = request.send().await?;
        let status = answer.status();
        let body = answer.text().await?;
        if route.ends_with("/push") && status.is_success() {
            self.pushed(&sent, &written)?;
        }
        let _ = writeln!(self.text, "```http\n{status}\n");
        for line in body.lines() {
            let line = self.told(serde_json::from_str(line)?)?;
            let _ = writeln!(self.text, "{line}");
        }
        let _ = writeln!(self.text, "```\n");
        Ok(())
    }

    /// A request of the examples with this server's values in index of the replacements.
    fn real(&self, written: &Value) -> Value {
        match written {
            Value::Array(items) => items.iter().map(|item| self.real(item)).collect(),
            Value::Object(fields) => fields
                .iter()
                .map(|(name, field)| {
                    let real = match name.as_str() {
                        "epoch" => json!(self.epoch),
                        "chain" => json!(hex::encode(self.chains.0)),
                        "digest" => json!(self.digest()),
                        _ => self.real(field),
                    };
                    (name.clone(), real)
                })
                .collect(),
            Value::String(text) if text == DEVICE => json!(self.device),
            Value::Number(_) => {
                let real = self.stamps.iter().find(|(_, written_as)| json!(written_as) == *written).map(|(real, _)| json!(real));
                real.unwrap_or_else(|| written.clone())
            }
            other => other.clone(),
        }
    }

    fn digest(&self) -> String {
        format!("{:016x}", cursors_digest(self.cursors.iter().map(|(scope, version)| (scope.as_str(), *version))))
    }

    fn pushed(&mut self, sent: &Value, written: &Value) -> Outcome<()> {
        let mutations =
            |request: &Value| Ok::<_, serde_json::Error>(serde_json::from_value::<PushRequest>(request.clone())?.into_mutations());
        for (real, written) in mutations(sent)?.iter().zip(mutations(written)?) {
            self.chains = (extend(&self.chains.0, &real.content_hash()), extend(&self.chains.1, &written.content_hash()));
        }
        Ok(())
    }

    /// An answer in the form of the examples.
    fn told(&mut self, mut answer: Value) -> Outcome<Value> {
        let line = answer["line"].as_str().unwrap_or_default().to_owned();
        let scope = answer["scope"].as_str().unwrap_or_default().to_owned();
        if line == "rows" {
            let columns: Vec<String> = serde_json::from_value(answer["columns"].clone())?;
            let index = columns.iter().position(|name| name == "stamp").ok_or("rows have stamps")?;
            for row in answer["rows"].as_array_mut().into_iter().flatten() {
                row[index] = json!(self.stamp(row[index].as_i64().ok_or("a stamp is a number")?));
            }
        }
        let mut answer = self.named_all(answer);
        if line == "rows" {
            self.receive(&scope, &answer)?;
        }
        match line.as_str() {
            "scope" => {
                self.cursors.insert(scope.clone(), answer["cursor"].as_i64().ok_or("a cursor")?);
                answer["checksum"] = json!(self.hashes(&scope).fold(0_i64, |sum, (_, hash)| sum.wrapping_add(hash)));
            }
            "sums" => {
                let scope = format!("course:{COURSE}");
                let mut sums = vec![0_i64; 256];
                for (id, hash) in self.hashes(&scope) {
                    let sum = &mut sums[usize::from(id.as_bytes()[15])];
                    *sum = sum.wrapping_add(hash);
                }
                answer["sums"] = json!(sums);
            }
            _ => {}
        }
        Ok(answer)
    }

    fn hashes(&self, scope: &str) -> impl Iterator<Item = (Uuid, i64)> {
        let rows = self.rows.get(scope).into_iter().flatten();
        rows.map(|((entity, id), stamp)| (*id, row_hash(entity, id, *stamp))).collect::<Vec<_>>().into_iter()
    }

    fn receive(&mut self, scope: &str, line: &Value) -> Outcome<()> {
        let name = line["entity"].as_str().ok_or("rows of a table")?;
        let columns: Vec<String> = serde_json::from_value(line["columns"].clone())?;
        for row in line["rows"].as_array().into_iter().flatten() {
            let values = columns.iter().cloned().zip(row.as_array().into_iter().flatten().cloned()).collect();
            let (id, received) = row_of(name, values)?;
            self.rows.entry(scope.to_owned()).or_default().insert((name.to_owned(), id), received.stamp);
        }
        Ok(())
    }

    fn stamp(&mut self, real: i64) -> i64 {
        let next = STAMP + i64::try_from(self.stamps.len()).unwrap_or(0);
        *self.stamps.entry(real).or_insert(next)
    }

    fn named_all(&mut self, value: Value) -> Value {
        match value {
            Value::Array(items) => items.into_iter().map(|item| self.named_all(item)).collect(),
            Value::Object(fields) => fields
                .into_iter()
                .map(|(name, field)| {
                    let written = self.named_one(&name, field);
                    (name, written)
                })
                .collect::<Map<_, _>>()
                .into(),
            Value::Number(number) => {
                let is_now = number.as_i64().is_some_and(|ms| (ms - Utc::now().timestamp_millis()).abs() < NOW_WITHIN_MS);
                if is_now { json!(DAY_MS) } else { Value::Number(number) }
            }
            Value::String(text) => self.named.get(&text).cloned().unwrap_or(Value::String(text)),
            other => other,
        }
    }

    fn named_one(&mut self, name: &str, field: Value) -> Value {
        match name {
            "access_token" => {
                field.as_str().unwrap_or_default().clone_into(&mut self.token);
                json!("eyJ0eXAiOiJKV1QiLCJhbGciOi…")
            }
            "refresh_token" => json!("kq1v0mHkq1v0mHkq1v0mHkq1v0mHkq1v0mHkq1v0mH"),
            "recovery_secret" => json!("bWFkZSB1cCBmb3IgdGhpcyBwYWdlLCAzMiBieXRlcyE="),
            "witness" => json!("an opaque text"),
            "request_id" => json!(id(0xff)),
            "device_id" => {
                field.as_str().unwrap_or_default().clone_into(&mut self.device);
                self.named.insert(self.device.clone(), json!(DEVICE));
                json!(DEVICE)
            }
            "epoch" => {
                self.epoch = field.as_i64().unwrap_or_default();
                json!(1)
            }
            "access_expires_at" => json!(DAY_MS + 15 * 60 * 1000),
            "chain" => {
                assert_eq!(field, json!(hex::encode(self.chains.0)), "the chain is the one that was sent");
                json!(hex::encode(self.chains.1))
            }
            _ => self.named_all(field),
        }
    }
}

/// One learner in one course with two topics, made as an operator would.
async fn make(school: &mut School) -> Outcome<()> {
    let organization =
        "INSERT INTO organizations (id, organization_id, name, slug, status) VALUES ($1, $1, 'Caspian Fuels', 'caspian', 'active')";
    sqlx::query(organization).bind(ORGANIZATION).execute(&mut school.sql).await?;
    school.organization = ORGANIZATION;
    school.person_of(AYSEL, "learner", "aysel").await?;
    let course = json!({"id": COURSE, "title": "Safety at the pump", "slug": "safety", "status": "published", "instructor_id": null, "is_public": false, "price_minor": 0, "currency": "EUR", "is_certified": false, "tags": [], "metadata": {}, "description": "", "language": "en"});
    school.insert("courses", course).await?;
    school.insert("modules", json!({"id": MODULE, "course_id": COURSE, "title": "Fire", "position": 0})).await?;
    for (position, (topic, title)) in TOPICS.iter().zip(["Extinguishers", "Alarms"]).enumerate() {
        let row = json!({"id": topic, "module_id": MODULE, "course_id": COURSE, "title": title, "position": position});
        school.insert("topics", row).await?;
    }
    let enrollment = json!({"user_id": AYSEL, "course_id": COURSE, "enrollment_type": "assigned", "status": "enrolled"});
    school.insert("enrollments", enrollment).await?;
    Ok(())
}

async fn written(url: String) -> Outcome<String> {
    let mut scribe = Scribe {
        url,
        client: reqwest::Client::new(),
        text: String::new(),
        named: BTreeMap::new(),
        stamps: BTreeMap::new(),
        chains: (CHAIN_START, CHAIN_START),
        rows: BTreeMap::new(),
        cursors: BTreeMap::new(),
        token: String::new(),
        epoch: 0,
        device: String::new(),
    };
    let course = format!("course:{COURSE}");
    let zeros = hex::encode(CHAIN_START);
    scribe.say("# Worked requests");
    scribe.say("<!-- Written by a test (`tests/tests/server/examples.rs`), which plays it against a real server. Do not edit. -->");
    scribe.say("One learner on a new laptop, from the first sign-in on. Each answer is what a server says, word for word (with its fields sorted) but for what no two servers have in common: tokens, the device's id, stamps, the epoch and times. What follows from those is right for the values that stand here: a client that hashes these requests and rows has to come to these chains, checksums, sums and digests. The words behind it are in `PROTOCOL.md`, the columns in `DOMAIN.md`, and more to compute in `vectors/`.");

    scribe.say("## Signing in");
    scribe.say("There is no device yet, so its id is left out and the server gives one.");
    scribe
        .ask(
            "/v1/accounts/sign-in",
            json!({"protocol": 1, "name": "aysel", "password": PASSWORD, "device": {"name": "Aysel's laptop", "platform": "linux"}}),
        )
        .await?;

    scribe.say("## The first pull");
    scribe.say("Nothing was read yet, so there are no cursors. The page ends with `end`; every scope in it is whole, because its `cursor` is its `head`. Rows of `enrollments` come without an id: it is derived from `user_id` and `course_id`.");
    scribe.ask("/v1/sync/pull", json!({"protocol": 1, "device": DEVICE, "epoch": 1, "cursors": {}})).await?;

    scribe.say("## Nothing new");
    scribe.say("From now on the cursors are named by their digest.");
    let digest = scribe.digest();
    scribe.ask("/v1/sync/pull", json!({"protocol": 1, "device": DEVICE, "epoch": 1, "digest": digest})).await?;

    scribe.say("## A push");
    scribe.say("Two changes, made offline. Both make a row of `topic_progress`, whose id is derived, so `id` and `base` are null. The first is taken: it is not listed. The second says 101 percent and is refused. Both numbers are used up.");
    let at = DAY_MS * 1000;
    let row = |topic: Uuid, percent: i64, at: i64| json!([null, null, at, [AYSEL, topic, COURSE, 0, percent, 60]]);
    let columns = json!(["user_id", "topic_id", "course_id", "reset_number", "percent", "time_spent_seconds"]);
    let run =
        json!({"entity": "topic_progress", "op": "put", "columns": columns, "rows": [row(TOPICS[0], 40, at), row(TOPICS[1], 101, at + 1)]});
    let push =
        json!({"protocol": 1, "device": DEVICE, "epoch": 1, "first_n": 1, "chain": zeros, "seen_n": 0, "sent_at": DAY_MS, "runs": [run]});
    scribe.ask("/v1/sync/push", push).await?;

    scribe.say("## What the push came to");
    scribe.say("The page holds the device's mutations up to `applied_upto`: they are taken from what lies on top, in the transaction that stores the page. The server remembers having given this device the cursors of this digest, so it answers with a page at once.");
    let digest = scribe.digest();
    scribe.ask("/v1/sync/pull", json!({"protocol": 1, "device": DEVICE, "epoch": 1, "digest": digest})).await?;

    scribe.say("## A change of what is there, and one on top of it");
    scribe.say("The first is made on the row that the page brought, named by its stamp. The second was made before anything was heard of the first: its base is that stamp and the number of the first. `time_spent_seconds` is a *sum*: 30 more, and 15 more.");
    let stamp = *scribe.rows.values().flatten().find(|((entity, _), _)| entity == "topic_progress").ok_or("the row was received")?.1;
    let progress =
        waystation_model::ids::derived_id("topic_progress", [Some(AYSEL.to_string().as_str()), Some(TOPICS[0].to_string().as_str())]);
    let rows = json!([[progress, stamp, at + 2, [0, 80, 30]], [progress, [stamp, 3], at + 3, [0, 100, 15]]]);
    let run = json!({"entity": "topic_progress", "op": "put", "columns": ["reset_number", "percent", "time_spent_seconds"], "rows": rows});
    let chain = hex::encode(scribe.chains.1);
    let push =
        json!({"protocol": 1, "device": DEVICE, "epoch": 1, "first_n": 3, "chain": chain, "seen_n": 2, "sent_at": DAY_MS, "runs": [run]});
    scribe.ask("/v1/sync/push", push).await?;

    scribe.say("## Numbers that leave a gap");
    scribe.say("The push as a whole is refused; `fields` has the number to send from.");
    let run = json!({"entity": "topic_progress", "op": "delete", "columns": [], "rows": [[progress, stamp, at, []]]});
    let chain = hex::encode(scribe.chains.1);
    let push =
        json!({"protocol": 1, "device": DEVICE, "epoch": 1, "first_n": 9, "chain": chain, "seen_n": 4, "sent_at": DAY_MS, "runs": [run]});
    scribe.ask("/v1/sync/push", push).await?;

    scribe.say("## Rows that are damaged");
    scribe.say("The laptop finds that the checksum of its course does not fit, and asks for the sums of the scope's 256 slices.");
    let cursor = scribe.cursors[&course];
    scribe.ask("/v1/sync/slices", json!({"protocol": 1, "device": DEVICE, "epoch": 1, "scope": course, "cursor": cursor})).await?;
    scribe.say("Its sums differ in slice 5, where it has no sound row, and one that the server does not know. It names that row's hash, is given what it lacks, and told what to take away.");
    scribe
        .ask(
            "/v1/sync/slices",
            json!({"protocol": 1, "device": DEVICE, "epoch": 1, "scope": course, "cursor": cursor, "slices": {"5": [1234567890]}}),
        )
        .await?;
    Ok(scribe.text.trim_end().to_owned() + "\n")
}

#[tokio::test]
async fn the_examples_are_what_a_server_answers() -> Outcome<()> {
    let (server, mut school) = open().await?;
    make(&mut school).await?;
    let text = written(server.url()).await?;
    let stored = std::fs::read_to_string(paths::root().join("docs/EXAMPLES.md")).unwrap_or_default().replace("\r\n", "\n");
    if stored != text {
        let renewed = paths::target()?.join("EXAMPLES.md");
        std::fs::write(&renewed, &text)?;
        return Err(format!("docs/EXAMPLES.md is not what a server answers; {} is: compare, and copy it", renewed.display()).into());
    }
    Ok(())
}
