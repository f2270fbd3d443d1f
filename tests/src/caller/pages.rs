//! Pulls: pages are applied scope by scope, and every complete scope must match the checksum that the server sent.

use std::collections::BTreeMap;

use futures_util::StreamExt;
use reqwest::Method;
use serde_json::{Map, Value, json};
use uuid::Uuid;
use waystation_model::hash::{cursors_digest, row_hash};
use waystation_model::limits::PROTOCOL_VERSION;
use waystation_model::registry;
use waystation_model::wire::{Poke, PullLine};

use super::{Answered, Caller, read};
use crate::wait::SOON;
use crate::{Outcome, wait};

/// Pages of one pull; more would mean that the pull does not end.
const PAGES_MAX: usize = 200;

/// One row of a scope.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceivedRow {
    /// Its stamp.
    pub stamp: i64,
    /// Its columns.
    pub columns: Map<String, Value>,
}

/// The content of a pull, all pages combined.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Pulled {
    /// How many pages there were.
    pub pages: usize,
    /// Scopes that the person no longer subscribes to.
    pub removed: Vec<String>,
    /// Scopes that were asked for and may not be followed.
    pub not_followed: Vec<String>,
    /// Received rows, by scope and table.
    pub rows: Vec<(String, String, Uuid)>,
    /// Rows that left a scope: scope, table, row, and whether it was deleted.
    pub gone: Vec<(String, String, Uuid, bool)>,
    /// Rows that the server cannot send: scope, table, row.
    pub withheld: Vec<(String, String, Uuid)>,
    /// The device's mutations up to this number are contained in the pages.
    pub applied_upto: i64,
}

impl Caller {
    /// Pulls until there are no more pages, and checks every checksum.
    ///
    /// # Errors
    /// When the server refuses or an answer breaks the protocol.
    pub async fn pull(&mut self) -> Outcome<Pulled> {
        let mut pulled = Pulled::default();
        while self.pull_page(&mut pulled).await? {
            if pulled.pages >= PAGES_MAX {
                return Err("the pull does not end".into());
            }
        }
        Ok(pulled)
    }

    /// Pulls until a condition holds: a change by plain SQL reaches the server's memory a moment later.
    ///
    /// # Errors
    /// When it does not hold in time.
    pub async fn pull_until(&mut self, what: &str, is_so: impl Fn(&Caller, &Pulled) -> bool) -> Outcome<Pulled> {
        let caller = tokio::sync::Mutex::new(self);
        wait::until(what, SOON, || async {
            let mut caller = caller.lock().await;
            let pulled = caller.pull().await?;
            Ok(is_so(&caller, &pulled).then_some(pulled))
        })
        .await
    }

    /// Pulls one page and returns whether there is more.
    ///
    /// # Errors
    /// When the server refuses or the answer breaks the protocol.
    pub async fn pull_page(&mut self, pulled: &mut Pulled) -> Outcome<bool> {
        let lines = self.ask_page().await??;
        pulled.pages += 1;
        let Some(PullLine::End { more }) = lines.last() else { return Err("the page was truncated".into()) };
        let more = *more;
        for line in lines {
            self.apply(line, pulled)?;
        }
        Ok(more)
    }

    /// Requests a page with the current cursors, and applies nothing.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn ask_page(&self) -> Outcome<Answered<Vec<PullLine>>> {
        let body = json!({"protocol": PROTOCOL_VERSION, "device": self.device, "epoch": self.epoch, "cursors": self.cursors, "follows": self.follows, "witness": self.witness});
        self.ask_lines(&body).await
    }

    /// Asks with the digest of the cursors whether there are changes.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn ask_digest(&self) -> Outcome<PullLine> {
        let digest = cursors_digest(self.cursors.iter().map(|(scope, version)| (scope.as_str(), *version)));
        let body = json!({
            "protocol": PROTOCOL_VERSION, "device": self.device, "epoch": self.epoch, "digest": format!("{digest:016x}"),
            "follows": self.follows, "witness": self.witness
        });
        self.ask_lines(&body).await??.pop().ok_or_else(|| "no line".into())
    }

    /// Pulls with the digest of the cursors, and applies the answer when it is a page. None: the server requests the cursors themselves.
    ///
    /// # Errors
    /// When the server refuses or the answer breaks the protocol.
    pub async fn pull_by_digest(&mut self) -> Outcome<Option<Pulled>> {
        let digest = cursors_digest(self.cursors.iter().map(|(scope, version)| (scope.as_str(), *version)));
        let body = json!({
            "protocol": PROTOCOL_VERSION, "device": self.device, "epoch": self.epoch, "digest": format!("{digest:016x}"),
            "follows": self.follows, "witness": self.witness
        });
        let lines = self.ask_lines(&body).await??;
        if lines == [PullLine::SendCursors] {
            return Ok(None);
        }
        let mut pulled = Pulled::default();
        if let [PullLine::Unchanged { .. }] = lines.as_slice() {
            return Ok(Some(pulled));
        }
        if !matches!(lines.last(), Some(PullLine::End { .. })) {
            return Err("the page was truncated".into());
        }
        pulled.pages = 1;
        for line in lines {
            self.apply(line, &mut pulled)?;
        }
        Ok(Some(pulled))
    }

    async fn ask_lines(&self, body: &Value) -> Outcome<Answered<Vec<PullLine>>> {
        let answer = self.request(Method::POST, "/v1/sync/pull").json(body).send().await?;
        if !answer.status().is_success() {
            return Ok(Err(read::<Value>(answer).await?.expect_err("it is no success")));
        }
        let text = answer.text().await?;
        Ok(Ok(text.lines().map(serde_json::from_str).collect::<Result<Vec<PullLine>, _>>()?))
    }

    fn apply(&mut self, line: PullLine, pulled: &mut Pulled) -> Outcome<()> {
        match line {
            PullLine::Page { epoch, applied_upto, witness, .. } => {
                self.witness = witness.or_else(|| self.witness.take());
                if epoch != self.epoch {
                    // Every scope starts again from 0.
                    self.cursors.clear();
                    self.rows.clear();
                    self.epoch = epoch;
                }
                pulled.applied_upto = applied_upto;
            }
            PullLine::Removed { scope } => {
                self.cursors.remove(&scope);
                self.rows.remove(&scope);
                pulled.removed.push(scope);
            }
            PullLine::NotFollowed { scope } => pulled.not_followed.push(scope),
            PullLine::Rows { scope, entity, columns, rows } => {
                for row in rows {
                    let (id, row) = received_row(&entity, &columns, row)?;
                    pulled.rows.push((scope.clone(), entity.clone(), id));
                    self.rows.entry(scope.clone()).or_default().insert((entity.clone(), id), row);
                }
            }
            PullLine::Gone { scope, entity, deleted, ids } => {
                for id in ids {
                    self.rows.entry(scope.clone()).or_default().remove(&(entity.clone(), id));
                    pulled.gone.push((scope.clone(), entity.clone(), id, deleted));
                }
            }
            PullLine::Withheld { scope, entity, ids } => {
                pulled.withheld.extend(ids.into_iter().map(|id| (scope.clone(), entity.clone(), id)));
            }
            PullLine::Scope { scope, cursor, head, checksum } => {
                if cursor == head {
                    let found = self.checksum(&scope);
                    assert_eq!(found, checksum, "{scope} at {head} does not match the server's checksum");
                }
                self.cursors.insert(scope, cursor);
            }
            PullLine::End { .. } => {}
            other => return Err(format!("{other:?} does not belong in a page").into()),
        }
        Ok(())
    }

    /// The sum of the hashes of the rows of one scope.
    pub fn checksum(&self, scope: &str) -> i64 {
        let rows = self.rows.get(scope).into_iter().flatten();
        rows.fold(0, |sum: i64, ((entity, id), row)| sum.wrapping_add(row_hash(entity, id, row.stamp)))
    }

    /// A row in one scope.
    pub fn in_scope(&self, scope: &str, entity: &str, id: Uuid) -> Option<&ReceivedRow> {
        self.rows.get(scope)?.get(&(entity.to_owned(), id))
    }

    /// A row, from any scope.
    pub fn row(&self, entity: &str, id: Uuid) -> Option<&ReceivedRow> {
        self.rows.keys().find_map(|scope| self.in_scope(scope, entity, id))
    }

    /// The stamp of a received row.
    ///
    /// # Panics
    /// When the row was not received.
    pub fn stamp(&self, entity: &str, id: Uuid) -> i64 {
        self.row(entity, id).unwrap_or_else(|| panic!("{entity} {id} was not received")).stamp
    }

    /// All rows of one table, each once.
    pub fn all(&self, entity: &str) -> BTreeMap<Uuid, &ReceivedRow> {
        let rows = self.rows.values().flatten();
        rows.filter(|((of, _), _)| of == entity).map(|((_, id), row)| (*id, row)).collect()
    }

    /// Opens the stream of pokes and waits for its first message.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn live(&self) -> Outcome<Pokes> {
        let answer = self.request(Method::GET, "/v1/sync/live").send().await?;
        if !answer.status().is_success() {
            return Err(read::<Value>(answer).await?.expect_err("it is no success").into());
        }
        let mut pokes = Pokes { stream: answer.bytes_stream().boxed(), text: String::new() };
        let hello = pokes.next().await?.ok_or("the stream ended at once")?;
        assert_eq!(hello.scope, "*");
        Ok(pokes)
    }
}

/// An open stream of pokes.
pub struct Pokes {
    stream: futures_util::stream::BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    text: String,
}

impl Pokes {
    /// Waits until the server ends the stream, whatever it sends before.
    ///
    /// # Errors
    /// When it stays open.
    pub async fn ended(&mut self) -> Outcome<()> {
        while self.next().await?.is_some() {}
        Ok(())
    }

    /// The next poke; none when the stream has ended.
    ///
    /// # Errors
    /// When none comes in time.
    pub async fn next(&mut self) -> Outcome<Option<Poke>> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let poke = event.strip_prefix("data:").map(|json| serde_json::from_str(json.trim())).transpose()?;
                self.text = rest.to_owned();
                if poke.is_some() {
                    return Ok(poke);
                }
                continue;
            }
            let chunk = tokio::time::timeout(SOON, self.stream.next()).await.map_err(|_| "no poke in time")?;
            let Some(chunk) = chunk.transpose()? else { return Ok(None) };
            self.text.push_str(std::str::from_utf8(&chunk)?);
        }
    }
}

fn received_row(entity: &str, columns: &[String], row: Vec<Value>) -> Outcome<(Uuid, ReceivedRow)> {
    row_of(entity, columns.iter().cloned().zip(row).collect())
}

/// A row from its named columns, with its id, which is derived from the key where the table says so.
///
/// # Errors
/// When a column that every row has is missing.
pub fn row_of(entity: &str, columns: Map<String, Value>) -> Outcome<(Uuid, ReceivedRow)> {
    let known = registry::entity(entity).ok_or_else(|| format!("unknown table {entity}"))?;
    let id = match columns.get("id").and_then(Value::as_str) {
        Some(id) => id.parse()?,
        None => {
            let values: Vec<Value> = known.columns.iter().map(|column| columns[column.name].clone()).collect();
            known.id_of(&values).ok_or("a row without an id")?
        }
    };
    let stamp = columns["stamp"].as_i64().ok_or("a row without a stamp")?;
    Ok((id, ReceivedRow { stamp, columns }))
}
