//! The outbox: a person's changes, from the edit until a pull has brought their results.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;
use waystation_model::chain::{Chain, extend};
use waystation_model::limits::{PUSH_BODY_BYTES_MAX, PUSH_MUTATIONS_MAX};
use waystation_model::registry::{self, IdRule};
use waystation_model::wire::{Base, Mutation, NumberedOutcome, Outcome, PushAnswer};
use waystation_model::{Code, Problem};

use super::device::Device;
use super::lost;
pub use super::numbering::{acknowledge_before, become_device, replace_unknown_device, requeue_all, rewind_to};
use super::overlay::{read_operation, rebuild};
use super::value::{read_json, read_uuid};
use crate::error::{ClientError, Result};

/// Bytes of a push body that are reserved for everything but mutations.
const PUSH_ENVELOPE_BYTES: usize = 4 * 1024;
/// Covered mutations that are kept for the case that the server is restored from a backup.
pub const KEPT_MUTATIONS_MAX: i64 = 10_000;
/// Rows of `merged_log` that are kept.
const MERGED_LOG_MAX: i64 = 500;

/// Mutations to send together.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The device's epoch when the batch was taken.
    pub epoch: i64,
    /// The device's `rewinds` at that time.
    pub rewinds: u32,
    /// The number of the first.
    pub first_n: i64,
    /// The chain before it.
    pub chain_before: Chain,
    /// The mutations, without a gap.
    pub mutations: Vec<Mutation>,
    /// The chain after the last.
    pub chain_after: Chain,
}

/// Takes the oldest unsent mutations, as many as fit into one push, and marks them as sent: from now on nothing is coalesced
/// with them.
///
/// # Errors
/// When the database fails.
pub fn take(connection: &Connection, device: &Device) -> Result<Option<Batch>> {
    let mut statement = connection.prepare_cached(
        "SELECT n, entity, row_id, op, base_stamp, base_own, at, columns, vals, chain FROM outbox WHERE n > ?1 ORDER BY n LIMIT ?2",
    )?;
    let mut rows = statement.query(params![device.acknowledged_n, PUSH_MUTATIONS_MAX as i64])?;
    let mut mutations = Vec::new();
    let mut bytes = PUSH_ENVELOPE_BYTES;
    let mut chain = device.acknowledged_chain;
    let mut chains = Vec::new();
    while let Some(row) = rows.next()? {
        let mutation = as_sent_before(read_mutation(row)?, row.get("chain")?, &chain);
        if mutation.n != device.acknowledged_n + 1 + mutations.len() as i64 {
            return Err(ClientError::Damaged(format!("mutation {} is missing from the outbox", device.acknowledged_n + 1)));
        }
        let canonical = mutation.canonical();
        bytes += canonical.len();
        if bytes > PUSH_BODY_BYTES_MAX && !mutations.is_empty() {
            break;
        }
        chain = extend(&chain, &waystation_model::chain::content_hash(&canonical));
        chains.push((mutation.n, chain));
        mutations.push(mutation);
    }
    drop(rows);
    let mut mark = connection.prepare_cached("UPDATE outbox SET state = max(state, 1), chain = ?2 WHERE n = ?1 AND chain IS NOT ?2")?;
    for (n, chain) in chains {
        mark.execute(params![n, chain.as_slice()])?;
    }
    if mutations.is_empty() {
        return Ok(None);
    }
    Ok(Some(Batch {
        epoch: device.epoch,
        rewinds: device.rewinds,
        first_n: device.acknowledged_n + 1,
        chain_before: device.acknowledged_chain,
        mutations,
        chain_after: chain,
    }))
}

/// The mutation as it was sent before, if it was. An earlier build misread some numbers from its outbox, and computed the chain
/// over the misread values. The server may have them under this number, so a repetition must be identical.
fn as_sent_before(mutation: Mutation, chain_after: Option<Vec<u8>>, chain_before: &Chain) -> Mutation {
    let Some(chain_after) = chain_after else { return mutation };
    let fits = |hash| extend(chain_before, &hash).as_slice() == chain_after;
    if fits(mutation.content_hash()) {
        return mutation;
    }
    let misread = mutation.misread();
    if fits(misread.old_content_hash()) { misread } else { mutation }
}

fn read_mutation(row: &rusqlite::Row<'_>) -> rusqlite::Result<Mutation> {
    let entity: String = row.get("entity")?;
    let columns: Vec<String> = read_json(row, "columns")?;
    let op: String = row.get("op")?;
    let id = read_uuid(row, "row_id")?;
    // The id is not sent when it follows from columns that are sent.
    let follows = registry::entity(&entity).is_some_and(|entity| match entity.id {
        IdRule::Derived(keys) => keys.iter().all(|key| columns.iter().any(|column| column == key)),
        IdRule::Generated => false,
    });
    Ok(Mutation {
        n: row.get("n")?,
        entity: entity.into(),
        op: read_operation(&op),
        id: (!follows).then_some(id),
        base: Base { stamp: row.get("base_stamp")?, own: row.get("base_own")? },
        at: row.get("at")?,
        columns: columns.into(),
        values: read_json::<Vec<Value>>(row, "vals")?,
    })
}

/// Stores the outcomes of a batch. Refused changes are removed from the visible rows and wait for the person. Returns the
/// tables that changed.
///
/// # Errors
/// `bad_answer` when the answer does not belong to the batch.
pub fn store_answer(connection: &Connection, device: &mut Device, batch: &Batch, answer: &PushAnswer) -> Result<Vec<&'static str>> {
    if batch.epoch != device.epoch || batch.rewinds != device.rewinds {
        // The answer is from an earlier epoch, or about numbers that were rewound since: all of these mutations are sent again.
        return Ok(Vec::new());
    }
    let last_n = batch.first_n + batch.mutations.len() as i64 - 1;
    if answer.last_n < last_n {
        return Err(ClientError::BadAnswer(format!("a push up to {last_n} was answered with {}", answer.last_n)));
    }
    if answer.last_n == last_n && answer.chain != hex::encode(batch.chain_after) {
        return Err(ClientError::refused(Code::ChainMismatch, "the server's chain after the push is another one"));
    }
    connection
        .prepare_cached("UPDATE outbox SET state = 2 WHERE n BETWEEN ?1 AND ?2 AND state < 2")?
        .execute(params![batch.first_n, last_n])?;
    forget_refusals_of_taken(connection, batch, answer)?;
    let mut changed = Vec::new();
    for NumberedOutcome { n, outcome } in &answer.outcomes {
        let Some(mutation) = usize::try_from(n - batch.first_n).ok().and_then(|index| batch.mutations.get(index)) else {
            return Err(ClientError::BadAnswer(format!("an outcome for mutation {n}, which was not sent")));
        };
        match outcome {
            // The feed delivers a held change and the decision about it.
            Outcome::Applied | Outcome::Held => {}
            Outcome::Merged => log_merged(connection, mutation, "merged")?,
            Outcome::Superseded => log_merged(connection, mutation, "superseded")?,
            Outcome::Rejected { code, field, message, suggestion } => {
                let field = field.as_deref();
                changed.extend(refuse(connection, *n, mutation, *code, field, message, suggestion.as_deref())?);
            }
            Outcome::BlockedBy { blocked_by } => {
                let message = format!("builds on change {blocked_by}, which was refused");
                changed.extend(refuse(connection, *n, mutation, Code::Blocked, None, &message, None)?);
            }
        }
    }
    device.acknowledged_n = last_n;
    device.acknowledged_chain = batch.chain_after;
    device.receive_witness(answer.witness.as_deref());
    connection.prepare_cached("DELETE FROM outbox WHERE state = 3 AND n <= ?1")?.execute([device.acknowledged_n - KEPT_MUTATIONS_MAX])?;
    super::device::save(connection, device)?;
    Ok(changed)
}

/// Deletes refusals of changes that this answer accepts. A server that went back in time receives refused changes again and may
/// accept them; if the refusal stayed, the person could send the change a second time, and a sum would count twice.
fn forget_refusals_of_taken(connection: &Connection, batch: &Batch, answer: &PushAnswer) -> Result<()> {
    let is_refused = |outcome: &NumberedOutcome| matches!(outcome.outcome, Outcome::Rejected { .. } | Outcome::BlockedBy { .. });
    let refused: HashSet<i64> = answer.outcomes.iter().filter(|outcome| is_refused(outcome)).map(|outcome| outcome.n).collect();
    let mut statement = connection.prepare_cached(
        "SELECT o.n AS n, a.number AS number FROM attention a JOIN outbox o ON o.row_id = a.row_id AND o.at = a.at
         WHERE o.n BETWEEN ?1 AND ?2",
    )?;
    let last_n = batch.first_n + batch.mutations.len() as i64 - 1;
    let known: Vec<(i64, i64)> =
        statement.query_map([batch.first_n, last_n], |row| Ok((row.get("n")?, row.get("number")?)))?.collect::<Result<_, _>>()?;
    for (_, number) in known.iter().filter(|(n, _)| !refused.contains(n)) {
        connection.prepare_cached("DELETE FROM attention WHERE number = ?1")?.execute([number])?;
    }
    Ok(())
}

fn log_merged(connection: &Connection, mutation: &Mutation, outcome: &str) -> Result<()> {
    let row_id = row_id_of(connection, mutation.n)?;
    connection
        .prepare_cached("INSERT INTO merged_log (n, entity, row_id, at, outcome) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING")?
        .execute(params![mutation.n, &*mutation.entity, row_id, mutation.at, outcome])?;
    connection
        .prepare_cached("DELETE FROM merged_log WHERE number <= (SELECT max(number) FROM merged_log) - ?1")?
        .execute([MERGED_LOG_MAX])?;
    Ok(())
}

fn row_id_of(connection: &Connection, n: i64) -> Result<String> {
    Ok(connection.prepare_cached("SELECT row_id FROM outbox WHERE n = ?1")?.query_row([n], |row| row.get(0))?)
}

fn refuse(
    connection: &Connection,
    n: i64,
    mutation: &Mutation,
    code: Code,
    field: Option<&str>,
    message: &str,
    suggestion: Option<&str>,
) -> Result<Option<&'static str>> {
    let row_id = row_id_of(connection, n)?;
    if lost::is_offer(mutation) {
        // The program made the offer, so the person has nothing to correct. Without room at the server it is offered later.
        tracing::warn!(code = code.word(), message, row_id, "the offer of a lost row was refused");
        if matches!(code, Code::TooManyHeld | Code::UnknownEntity | Code::UnknownColumn) {
            lost::take_back(connection, mutation, mutation.at.div_euclid(1000))?;
        }
        connection.prepare_cached("UPDATE outbox SET state = 3 WHERE n = ?1")?.execute([n])?;
        let Some(entity) = registry::entity(&mutation.entity) else { return Ok(None) };
        rebuild(connection, entity, &row_id)?;
        return Ok(Some(entity.name));
    }
    connection
        .prepare_cached(
            "INSERT INTO attention (number, entity, row_id, op, at, code, field, message, suggestion, columns, vals)
             VALUES (CASE WHEN EXISTS (SELECT number FROM attention WHERE number = ?1) THEN (SELECT max(number) + 1 FROM attention) ELSE ?1 END,
                     ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             ON CONFLICT (row_id, at) DO NOTHING",
        )?
        .execute(params![
            n,
            &*mutation.entity,
            row_id,
            super::overlay::operation_word(mutation.op),
            mutation.at,
            code.word(),
            field,
            message,
            suggestion,
            Value::from(mutation.columns.to_vec()).to_string(),
            Value::from(mutation.values.clone()).to_string()
        ])?;
    connection.prepare_cached("UPDATE outbox SET state = 3 WHERE n = ?1")?.execute([n])?;
    let Some(entity) = registry::entity(&mutation.entity) else { return Ok(None) };
    rebuild(connection, entity, &row_id)?;
    Ok(Some(entity.name))
}

/// Marks mutations up to `applied_upto` as covered and removes them from the top of their rows: a complete pull has brought
/// their results. Returns the tables that changed.
///
/// # Errors
/// When the database fails.
pub fn mark_covered(connection: &Connection, applied_upto: i64) -> Result<Vec<&'static str>> {
    let mut statement = connection.prepare_cached("SELECT DISTINCT entity, row_id FROM outbox WHERE n <= ?1 AND state < 3")?;
    let rows: Vec<(String, String)> =
        statement.query_map([applied_upto], |row| Ok((row.get("entity")?, row.get("row_id")?)))?.collect::<Result<_, _>>()?;
    connection
        .prepare_cached("UPDATE outbox SET state = 3, chain = coalesce(chain, zeroblob(32)) WHERE n <= ?1 AND state < 3")?
        .execute([applied_upto])?;
    let mut changed = Vec::new();
    for (entity, id) in rows {
        if let Some(entity) = registry::entity(&entity) {
            rebuild(connection, entity, &id)?;
            changed.push(entity.name);
        }
    }
    Ok(changed)
}

/// Deletes covered mutations that are in a backup of the server: it will not need them again. The one at `safe_upto` stays,
/// because its chain is compared with that of a restored server. Unacknowledged ones stay too, because they are sent again.
///
/// # Errors
/// When the database fails.
pub fn forget_safe(connection: &Connection, safe_upto: i64) -> Result<()> {
    connection.prepare_cached("DELETE FROM outbox WHERE n > 0 AND n < ?1 AND state = 3")?.execute([safe_upto])?;
    Ok(())
}

/// The chain after mutation `n`; none when the mutation or its chain is not stored.
///
/// # Errors
/// When the database fails.
pub fn chain_at(connection: &Connection, n: i64) -> Result<Option<Chain>> {
    let chain: Option<Option<Vec<u8>>> =
        connection.prepare_cached("SELECT chain FROM outbox WHERE n = ?1")?.query_row([n], |row| row.get(0)).optional()?;
    Ok(chain.flatten().and_then(|bytes| bytes.try_into().ok()))
}

/// The number in a refusal of a push as a whole: with `number_gap` the next one that the server accepts, with
/// `number_reused` the one that it has with other content.
pub fn number_in(problem: &Problem) -> Option<i64> {
    problem.fields.iter().find_map(|field| field.parse().ok())
}
