//! The messages between a laptop and the server. `docs/PROTOCOL.md` describes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::canonical::{Integers, write_items, write_json};
use crate::chain::{CONTENT_HASH_BYTES, content_hash};
use crate::error::Code;

/// What a mutation does with its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// Create the row, or change some of its columns.
    Put,
    /// Delete the row.
    Delete,
}

/// The state of a row that the author of a change saw.
///
/// On the wire: `null`, a stamp, or `[stamp or null, n]` when no pull had confirmed the device's own mutation `n` of the same
/// row yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Base {
    /// The stamp of the server's row on the laptop; none when the laptop had no such row.
    pub stamp: Option<i64>,
    /// The device's latest earlier mutation of this row that was still pending.
    pub own: Option<i64>,
}

impl Base {
    /// Drops a stamp above `last_stamp`, the last one that this server has given: it does not prove what the laptop has seen.
    #[must_use]
    pub fn limited_to(self, last_stamp: i64) -> Base {
        Base { stamp: self.stamp.filter(|stamp| *stamp <= last_stamp), ..self }
    }
}

impl Serialize for Base {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.own {
            None => self.stamp.serialize(serializer),
            Some(own) => (self.stamp, own).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Base {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Own(Option<i64>, i64),
            Stamp(Option<i64>),
        }
        Ok(match Form::deserialize(deserializer)? {
            Form::Own(stamp, own) => Base { stamp, own: Some(own) },
            Form::Stamp(stamp) => Base { stamp, own: None },
        })
    }
}

/// One change by a person. On the wire it is a row of a [`Run`].
#[derive(Debug, Clone, PartialEq)]
pub struct Mutation {
    /// Its number on its device: 1, 2, 3 and so on without a gap.
    pub n: i64,
    /// The table. All mutations of a run share this text and the column names.
    pub entity: Arc<str>,
    /// What it does with the row.
    pub op: Operation,
    /// The row's id; none when it is derived from key columns among the values.
    pub id: Option<Uuid>,
    /// The state of the row that its author saw.
    pub base: Base,
    /// Its corrected hybrid time (microseconds).
    pub at: i64,
    /// The columns that it changes.
    pub columns: Arc<[String]>,
    /// Their new values, in the same order.
    pub values: Vec<Value>,
}

impl Mutation {
    /// The text that is hashed for this mutation: the compact JSON array
    /// `[n, entity, op, id, base, at, [columns], [values]]`, object keys inside values sorted.
    ///
    /// `n`, `base` and `at` are 64-bit integers and keep their digits. Numbers inside values are written as ECMAScript writes
    /// them, so that a client in a language with one number type agrees.
    pub fn canonical(&self) -> Vec<u8> {
        self.canonical_with(Integers::AsDoubles)
    }

    pub(crate) fn canonical_with(&self, integers: Integers) -> Vec<u8> {
        let mut text = Vec::with_capacity(256);
        write_json(&mut text, &(self.n, &*self.entity, self.op, self.id, self.base, self.at, &*self.columns));
        // The head was written as an array of its own. Remove its closing bracket to append the values.
        text.pop();
        text.push(b',');
        write_items(&mut text, &self.values, integers);
        text.push(b']');
        text
    }

    /// The first eight bytes of the hash of its canonical text.
    pub fn content_hash(&self) -> [u8; CONTENT_HASH_BYTES] {
        content_hash(&self.canonical())
    }
}

/// Consecutive mutations of one table that change the same columns: names once, values as tuples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Run {
    /// The table.
    pub entity: String,
    /// The operation on the rows.
    pub op: Operation,
    /// The columns whose values are in the last element of each row.
    pub columns: Vec<String>,
    /// `[id or null, base, at, [value, value, …]]` per mutation. `base` is null, a stamp, or `[stamp or null, n]`.
    #[schema(value_type = Vec<Vec<serde_json::Value>>)]
    pub rows: Vec<(Option<Uuid>, Base, i64, Vec<Value>)>,
}

/// `POST /v1/sync/push`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PushRequest {
    /// The sender's protocol.
    pub protocol: u32,
    /// The sender's device.
    #[schema(value_type = String, format = Uuid)]
    pub device: Uuid,
    /// The epoch on the laptop.
    pub epoch: i64,
    /// The number of the first mutation; the others follow without a gap.
    pub first_n: i64,
    /// The chain before `first_n`, 64 hex digits.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub chain: String,
    /// The device has stored every outcome up to this number, so the server may delete them.
    pub seen_n: i64,
    /// The laptop's clock when it sends, in milliseconds. Only for logs and analysis.
    pub sent_at: i64,
    /// The newest witness that the laptop has received from this server, unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witness: Option<String>,
    /// The mutations.
    pub runs: Vec<Run>,
}

impl PushRequest {
    /// How many mutations there are.
    pub fn mutations(&self) -> usize {
        self.runs.iter().map(|run| run.rows.len()).sum()
    }

    /// The mutations one by one, numbered.
    pub fn into_mutations(self) -> Vec<Mutation> {
        let mut n = self.first_n;
        let mut mutations = Vec::new();
        for run in self.runs {
            let (entity, columns): (Arc<str>, Arc<[String]>) = (run.entity.into(), run.columns.into());
            for (id, base, at, values) in run.rows {
                mutations.push(Mutation {
                    n,
                    entity: Arc::clone(&entity),
                    op: run.op,
                    id,
                    base,
                    at,
                    columns: Arc::clone(&columns),
                    values,
                });
                n += 1;
            }
        }
        mutations
    }
}

/// Packs numbered mutations into runs, keeping their order.
pub fn into_runs(mutations: impl IntoIterator<Item = Mutation>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for mutation in mutations {
        let row = (mutation.id, mutation.base, mutation.at, mutation.values);
        match runs.last_mut() {
            Some(run) if *run.entity == *mutation.entity && run.op == mutation.op && run.columns == *mutation.columns => run.rows.push(row),
            _ => {
                runs.push(Run { entity: mutation.entity.to_string(), op: mutation.op, columns: mutation.columns.to_vec(), rows: vec![row] })
            }
        }
    }
    runs
}

/// The result of one mutation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Stored as sent.
    Applied,
    /// Stored together with another person's change.
    Merged,
    /// A later change is current; this one is kept in `conflicts`.
    Superseded,
    /// Kept until a person who has the right now decides.
    Held,
    /// Refused. The author corrects or discards it.
    Rejected {
        /// Why.
        code: Code,
        /// The column at fault.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        field: Option<String>,
        /// English, for a log.
        message: String,
        /// A value that would be accepted, if there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        suggestion: Option<String>,
    },
    /// It depends on another mutation, which was refused.
    BlockedBy {
        /// The refused mutation.
        blocked_by: i64,
    },
}

/// An outcome with its number. `applied` is not listed: what is not listed was applied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NumberedOutcome {
    /// The mutation.
    pub n: i64,
    /// Its result.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// The answer to a push.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PushAnswer {
    /// The server has this device's mutations up to here.
    pub last_n: i64,
    /// The chain at `last_n`, 64 hex digits.
    pub chain: String,
    /// All outcomes of the request's mutations except `applied`.
    pub outcomes: Vec<NumberedOutcome>,
    /// The server's clock, in milliseconds.
    pub server_time: i64,
    /// Witness of the server's state: an opaque text of at most 1,024 bytes that the laptop stores and sends with its next requests.
    /// A server that receives a witness of a later state than its own detects that its database went back in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witness: Option<String>,
}

/// `POST /v1/sync/pull`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PullRequest {
    /// The sender's protocol.
    pub protocol: u32,
    /// The sender's device.
    #[schema(value_type = String, format = Uuid)]
    pub device: Uuid,
    /// The epoch of the cursors; 0 before the first answer.
    pub epoch: i64,
    /// The sum of cursor hashes, 16 hex digits. Left out to ask for a full answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The cursor of each scope. Left out to ask by digest only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursors: Option<BTreeMap<String, i64>>,
    /// Scopes that this laptop follows beside those of its person's subscription, at most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub follows: Vec<String>,
    /// The newest witness that the laptop has received from this server, unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witness: Option<String>,
}

/// Asks for the content of a scope, slice by slice, after a laptop has found that its own rows are damaged. A row's slice is the
/// last byte of its id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SlicesRequest {
    /// The sender's protocol.
    pub protocol: u32,
    /// The sender's device.
    #[schema(value_type = String, format = Uuid)]
    pub device: Uuid,
    /// The epoch of the cursor.
    pub epoch: i64,
    /// The scope.
    pub scope: String,
    /// The laptop's cursor. Any other value than the head is answered with `moved`.
    pub cursor: i64,
    /// None: asks for the sums of all slices. Otherwise the hashes of the laptop's undamaged rows in some slices: the answer
    /// contains the missing rows and the unknown hashes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<std::collections::HashMap<String, Vec<i64>>>)]
    pub slices: Option<BTreeMap<u8, Vec<i64>>>,
    /// Scopes that this laptop follows, as in a pull.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub follows: Vec<String>,
    /// The newest witness that the laptop has received from this server, unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witness: Option<String>,
}

/// One line of the answer to [`SlicesRequest`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "line", rename_all = "snake_case")]
pub enum SliceLine {
    /// The laptop's cursor is not the head of the scope: pull first.
    Moved,
    /// The sum of the row hashes of each slice, modulo 2^64; 256 of them.
    Sums {
        /// By slice.
        sums: Vec<i64>,
    },
    /// Live rows whose hashes were not in the request.
    Rows {
        /// The scope.
        scope: String,
        /// The table.
        entity: String,
        /// The columns of each tuple, in order.
        columns: Vec<String>,
        /// The tuples.
        #[schema(value_type = Vec<Vec<serde_json::Value>>)]
        rows: Vec<Vec<Value>>,
    },
    /// Hashes in the request that belong to no row of the scope.
    Unknown {
        /// The hashes.
        hashes: Vec<i64>,
    },
    /// The last line.
    End {
        /// Whether more rows are missing than one answer carries.
        more: bool,
    },
}

/// One line of a pull's answer (NDJSON).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "line", rename_all = "snake_case")]
pub enum PullLine {
    /// Nothing changed since the digest.
    Unchanged {
        /// The server's clock, in milliseconds.
        server_time: i64,
    },
    /// The digest differs: ask again with cursors.
    SendCursors,
    /// First line of a page.
    Page {
        /// The server's epoch. If it differs from the request's, cursors start again from 0.
        epoch: i64,
        /// The device's mutations up to here are in this page's snapshot.
        applied_upto: i64,
        /// The device's mutations up to here are in a backup; 0 without a backup.
        #[serde(default)]
        safe_upto: i64,
        /// The chain at `applied_upto`, 64 hex digits.
        chain: String,
        /// The server's clock, in milliseconds.
        server_time: i64,
        /// The number of rows after this page, estimated from the heads.
        rows_left: i64,
        /// For a laptop from another epoch: ranges `[after, up to]` of stamps that were lost with earlier epochs. The server has
        /// lost every row that the laptop has with such a stamp.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[schema(value_type = Vec<Vec<i64>>)]
        lost: Vec<(i64, i64)>,
        /// Witness of the server's state: an opaque text of at most 1,024 bytes that the laptop stores and sends with its next
        /// requests. A server that receives a witness of a later state than its own detects that its database went back in time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        witness: Option<String>,
    },
    /// The subscription to this scope has ended: remove its rows unless another scope contains them.
    Removed {
        /// The scope.
        scope: String,
    },
    /// The laptop asked to follow this scope, and its person may not, or there is no such scope in their organization.
    NotFollowed {
        /// The scope.
        scope: String,
    },
    /// Live rows of one table in one scope.
    Rows {
        /// The scope.
        scope: String,
        /// The table.
        entity: String,
        /// The columns of each tuple, in order.
        columns: Vec<String>,
        /// The tuples.
        #[schema(value_type = Vec<Vec<serde_json::Value>>)]
        rows: Vec<Vec<Value>>,
    },
    /// Rows that were deleted, or that left this scope.
    Gone {
        /// The scope.
        scope: String,
        /// The table.
        entity: String,
        /// True: deleted. False: they left this scope and may be in another one.
        deleted: bool,
        /// The ids.
        #[schema(value_type = Vec<String>)]
        ids: Vec<Uuid>,
    },
    /// Rows on the server that cannot be sent: too large, or with a value that JSON cannot represent. The page also lists them
    /// as gone, and no checksum includes them.
    Withheld {
        /// The scope.
        scope: String,
        /// The table.
        entity: String,
        /// The ids.
        #[schema(value_type = Vec<String>)]
        ids: Vec<Uuid>,
    },
    /// The new position of one scope.
    Scope {
        /// The scope.
        scope: String,
        /// The new cursor.
        cursor: i64,
        /// The scope's head in this snapshot. If it equals the cursor, the scope is complete.
        head: i64,
        /// The checksum of the scope's live rows at the head.
        checksum: i64,
    },
    /// Last line of a page. A page without it was truncated and is discarded.
    End {
        /// Whether there are more pages: ask again at once.
        more: bool,
    },
}

/// One event of `GET /v1/sync/live`: a scope has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Poke {
    /// The scope that changed; `*`: pull in any case.
    pub scope: String,
    /// Its new head; 0 with `*`.
    pub head: i64,
}

/// A part of what happened to one row, the newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HistoryAnswer {
    /// What happened.
    pub entries: Vec<HistoryEntry>,
    /// Given as `before`, it continues with what is older; none when this is the oldest.
    pub next: Option<i64>,
}

/// One change of a row in the audit log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HistoryEntry {
    /// Its number; later changes have larger ones.
    pub number: i64,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// `insert`, `update` or `delete`.
    pub op: String,
    /// The person; none for a change in plain SQL.
    pub user_id: Option<Uuid>,
    /// Their name, when the account is still there.
    pub user_name: Option<String>,
    /// Their device.
    pub device_id: Option<Uuid>,
    /// Its name.
    pub device_name: Option<String>,
    /// The database role and the program.
    pub program: String,
    /// The columns that changed, with their values before. Values are as PostgreSQL writes them.
    pub before: Option<serde_json::Value>,
    /// … and after.
    pub after: Option<serde_json::Value>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_base_reads_back_in_each_of_its_forms() {
        for (base, text) in [
            (Base { stamp: None, own: None }, "null"),
            (Base { stamp: Some(7), own: None }, "7"),
            (Base { stamp: None, own: Some(3) }, "[null,3]"),
            (Base { stamp: Some(7), own: Some(3) }, "[7,3]"),
        ] {
            assert_eq!(serde_json::to_string(&base).expect("json"), text);
            assert_eq!(serde_json::from_str::<Base>(text).expect("base"), base);
        }
        assert!(serde_json::from_str::<Base>("\"7\"").is_err());
    }

    #[test]
    fn the_canonical_text_is_the_published_one() {
        let mutation = Mutation {
            n: 3,
            entity: "topics".into(),
            op: Operation::Put,
            id: None,
            base: Base { stamp: Some(7), own: None },
            at: 9,
            columns: ["a".to_owned(), "b".to_owned()].into(),
            values: vec![json!({"z": 1.0, "a": [true, null, 2.5]}), json!("ə")],
        };
        let text = r#"[3,"topics","put",null,7,9,["a","b"],[{"a":[true,null,2.5],"z":1},"ə"]]"#;
        assert_eq!(String::from_utf8(mutation.canonical()).expect("text"), text);
    }

    #[test]
    fn packing_keeps_numbers_and_order() {
        let make = |n, entity: &str, column: &str| Mutation {
            n,
            entity: entity.into(),
            op: Operation::Put,
            id: None,
            base: Base::default(),
            at: n * 10,
            columns: [column.to_owned()].into(),
            values: vec![json!(n)],
        };
        let mutations = vec![make(5, "a", "x"), make(6, "a", "x"), make(7, "b", "x"), make(8, "a", "x"), make(9, "a", "y")];
        let runs = into_runs(mutations.clone());
        assert_eq!(runs.iter().map(|run| run.rows.len()).collect::<Vec<_>>(), [2, 1, 1, 1]);
        let request = PushRequest {
            protocol: 1,
            device: Uuid::nil(),
            epoch: 1,
            first_n: 5,
            chain: String::new(),
            seen_n: 0,
            sent_at: 0,
            witness: None,
            runs,
        };
        assert_eq!(request.into_mutations(), mutations);
    }
}
