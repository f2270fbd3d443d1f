//! `POST /v1/sync/slices`: what a laptop needs to repair a scope in which rows are missing, invented or changed.
//!
//! The laptop first compares the sums of the scope's slices; then it names its rows in slices that differ and receives the missing
//! ones. So repairing a few rows costs a few rows, however large the scope is.

use std::collections::{BTreeMap, HashMap, HashSet};

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use uuid::Uuid;
use waystation_model::limits::{PAGE_BYTES_MAX, PULL_BODY_BYTES_MAX, SLICE_ROWS_MAX, SLICES};
use waystation_model::registry::entity_by_code;
use waystation_model::wire::{SliceLine, SlicesRequest};
use waystation_model::{Code, Problem};

use crate::access::{RIGHTS_TRIES_MAX, check_rights, readable_subscription_of};
use crate::accounts::Session;
use crate::authority::{Authority, FeedRowKey, Head, Snapshot};
use crate::body::RawBody;
use crate::failure::Failure;
use crate::heads::{Heads, Subscription};
use crate::pull::rows_line;
use crate::state::App;

/// Answers with the sums of a scope's slices, or with missing rows.
///
/// # Errors
/// `not_allowed` for a scope that the user does not subscribe to, and errors of the request as a whole.
#[utoipa::path(post, path = "/v1/sync/slices", security(("access_token" = [])), request_body = SlicesRequest, responses((status = 200, description = "NDJSON, one SliceLine a line.", content_type = "application/x-ndjson", body = SliceLine), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn slices(State(app): State<App>, session: Session, body: RawBody<PULL_BODY_BYTES_MAX>) -> Result<Response, Failure> {
    let permit = app.tenant_queues.take(session.organization_id).await?;
    let request: SlicesRequest = body.read(app.protocols)?;
    app.protocols.check_pull(request.protocol)?;
    session.check_device(request.device)?;
    app.note_witness(&session, request.witness.as_deref()).await?;
    let text = answer(&app.tenant(session.organization_id), &app.heads, app.epoch.number(), &session, &request).await?;
    drop(permit);
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], text).into_response())
}

/// The answer to a slices request, as NDJSON.
///
/// # Errors
/// As [`slices`].
pub async fn answer<A: Authority>(
    authority: &A,
    heads: &Heads,
    epoch: i64,
    session: &Session,
    request: &SlicesRequest,
) -> Result<Vec<u8>, Failure> {
    if request.slices.as_ref().is_some_and(|slices| slices.values().map(Vec::len).sum::<usize>() > SLICE_ROWS_MAX) {
        return Err(Problem::new(Code::BadRequest, format!("at most {SLICE_ROWS_MAX} rows in one request")).field("slices").into());
    }
    for _ in 0..RIGHTS_TRIES_MAX {
        let subscription = readable_subscription_of(authority, heads, session.user_id, &request.follows).await?;
        match read(authority, epoch, session, &subscription, request).await {
            Err(Failure::RightsMoved) => heads.forget_subscription(&subscription),
            answered => return answered,
        }
    }
    Err(Failure::RightsMoved)
}

async fn read<A: Authority>(
    authority: &A,
    epoch: i64,
    session: &Session,
    subscription: &Subscription,
    request: &SlicesRequest,
) -> Result<Vec<u8>, Failure> {
    let rows_max = authority.page_rows_max();
    let mut snapshot = authority.snapshot().await?;
    snapshot.check_alive(session).await?;
    let reached = snapshot.device_state(session.device_id).await?.reached;
    let is_same_epoch = request.epoch == epoch && reached.epoch == Some(epoch);
    check_rights(&mut snapshot, subscription).await?;
    if !subscription.actor.scopes.contains(&request.scope) {
        return Err(Problem::new(Code::NotAllowed, "the scope is not heard").field("scope").into());
    }
    let head = snapshot.heads(std::slice::from_ref(&request.scope)).await?.pop();
    let mut text = Vec::new();
    match head.filter(|head| is_same_epoch && head.version == request.cursor) {
        None => line(&mut text, &SliceLine::Moved)?,
        Some(head) => match &request.slices {
            None => line(&mut text, &SliceLine::Sums { sums: sums(&mut snapshot, &head).await? })?,
            Some(named) => {
                let unsendable = differences(&mut text, &mut snapshot, &head, named, rows_max).await?;
                if !unsendable.is_empty() {
                    // The laptop pulls, receives them as `gone`, and compares again.
                    snapshot.end().await?;
                    authority.withhold(&unsendable).await?;
                    text.clear();
                    line(&mut text, &SliceLine::Moved)?;
                    return Ok(text);
                }
            }
        },
    }
    snapshot.end().await?;
    Ok(text)
}

async fn sums<S: Snapshot>(snapshot: &mut S, head: &Head) -> Result<Vec<i64>, Failure> {
    let mut sums = vec![0; SLICES];
    for (slice, sum) in snapshot.slice_sums(head.id).await? {
        sums[usize::from(slice)] = sum;
    }
    Ok(sums)
}

/// Writes missing rows and unknown hashes. Returns missing rows that cannot be sent; then the written text is void.
async fn differences<S: Snapshot>(
    text: &mut Vec<u8>,
    snapshot: &mut S,
    head: &Head,
    named: &BTreeMap<u8, Vec<i64>>,
    rows_max: usize,
) -> Result<Vec<FeedRowKey>, Failure> {
    let hashes: Vec<i64> = named.values().flatten().copied().collect();
    let slices: Vec<u8> = named.keys().copied().collect();
    // One more row than an answer carries shows whether there are more.
    let mut found = snapshot.slice_rows_but(head.id, &slices, &hashes, rows_max + 1).await?;
    let mut more = found.len() > rows_max;
    found.truncate(rows_max);
    let mut missing: HashMap<i16, Vec<Uuid>> = HashMap::new();
    for row in &found {
        missing.entry(row.entity).or_default().push(row.row_id);
    }
    let known: HashSet<i64> = snapshot.known_hashes(head.id, &hashes).await?.into_iter().collect();
    let tuples = snapshot.tuples(&missing).await?;
    found.retain(|row| !tuples.contains_key(&(row.entity, row.row_id)));
    if !found.is_empty() {
        return Ok(found);
    }
    let mut bytes = 0;
    for (code, ids) in &missing {
        let entity = entity_by_code(*code).ok_or_else(|| Failure::broken(format!("unknown table code {code}")))?;
        let mut rows: Vec<&str> = Vec::with_capacity(ids.len());
        for id in ids {
            let tuple = tuples.get(&(*code, *id)).ok_or_else(|| Failure::broken(format!("live row {id} was not read")))?;
            // The first row always fits, or a large one would block the repair.
            if bytes > 0 && bytes + tuple.len() > PAGE_BYTES_MAX {
                more = true;
                break;
            }
            bytes += tuple.len();
            rows.push(tuple);
        }
        if !rows.is_empty() {
            rows_line(text, &head.scope, entity, &rows)?;
        }
    }
    let unknown = hashes.into_iter().filter(|hash| !known.contains(hash)).collect();
    line(text, &SliceLine::Unknown { hashes: unknown })?;
    line(text, &SliceLine::End { more })?;
    Ok(Vec::new())
}

fn line(text: &mut Vec<u8>, line: &SliceLine) -> Result<(), Failure> {
    serde_json::to_writer(&mut *text, line).map_err(Failure::broken)?;
    text.push(b'\n');
    Ok(())
}
