//! One page of changes, read from one snapshot.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;
use waystation_model::limits::PAGE_BYTES_MAX;
use waystation_model::registry::{Entity, entity_by_code};
use waystation_model::wire::PullLine;

use super::tuples::rows_line;
use crate::accounts::Session;
use crate::authority::{Authority, FeedFrom, FeedRow, FeedState, Head, RowTuples, Snapshot};
use crate::failure::Failure;
use crate::heads::Subscription;

/// One scope of this page: where the laptop is and where the head is.
struct Wanted {
    scope: String,
    id: i64,
    from: i64,
    head: i64,
    checksum: i64,
    known: bool,
}

/// The page's text, as NDJSON.
pub async fn read<A: Authority>(
    authority: &A,
    server_epoch: i64,
    session: &Session,
    subscription: &Subscription,
    epoch: i64,
    cursors: BTreeMap<String, i64>,
) -> Result<Vec<u8>, Failure> {
    let mut snapshot = authority.snapshot().await?;
    snapshot.check_alive(session).await?;
    let (applied_upto, chain) = snapshot.device_state(session.device_id).await?;
    let wanted = wanted(&mut snapshot, subscription, &cursors, epoch == server_epoch).await?;
    let rows_max = authority.page_rows_max();
    let feed = read_feed(&mut snapshot, &wanted, rows_max).await?;
    let tuples = snapshot.tuples(&live_ids(&feed)).await?;
    snapshot.end().await?;

    let feed = cut(feed, &tuples);
    let mut text = Vec::with_capacity(feed.len() * 96 + 1024);
    let reached = reached(&wanted, &feed, rows_max);
    let rows_left: i64 = wanted.iter().zip(&reached).map(|(scope, cursor)| scope.head - cursor).sum();
    line(
        &mut text,
        &PullLine::Page { epoch: server_epoch, applied_upto, chain: hex::encode(chain), server_time: authority.now_ms(), rows_left },
    )?;
    for scope in cursors.keys().filter(|scope| !subscription.actor.scopes.contains(*scope)) {
        line(&mut text, &PullLine::Removed { scope: scope.clone() })?;
    }
    let mut rest = feed.as_slice();
    while let Some(first) = rest.first() {
        let length = rest.iter().take_while(|row| row.place == first.place).count();
        let (rows, after) = rest.split_at(length);
        rest = after;
        let place = usize::try_from(first.place - 1).map_err(Failure::broken)?;
        write_scope(&mut text, &wanted[place].scope, rows, &tuples)?;
    }
    for (scope, cursor) in wanted.iter().zip(&reached) {
        if !scope.known || *cursor != scope.from {
            line(&mut text, &PullLine::Scope { scope: scope.scope.clone(), cursor: *cursor, head: scope.head, checksum: scope.checksum })?;
        }
    }
    line(&mut text, &PullLine::End { more: rows_left > 0 })?;
    Ok(text)
}

/// The subscribed scopes in their order, with the laptop's place and the head.
async fn wanted<S: Snapshot>(
    snapshot: &mut S,
    subscription: &Subscription,
    cursors: &BTreeMap<String, i64>,
    same_epoch: bool,
) -> Result<Vec<Wanted>, Failure> {
    let heads = snapshot.heads(&subscription.scopes).await?;
    let mut heads: HashMap<String, Head> = heads.into_iter().map(|head| (head.scope.clone(), head)).collect();
    let mut wanted = Vec::with_capacity(subscription.scopes.len());
    for scope in &subscription.scopes {
        let cursor = cursors.get(scope).copied().filter(|_| same_epoch);
        let head = heads.remove(scope);
        let (id, version, checksum) = head.map_or((0, 0, 0), |head| (head.id, head.version, head.checksum));
        if cursor.is_some_and(|cursor| cursor > version) {
            tracing::error!(scope, cursor, head = version, "a laptop is ahead of the head: this database was set back");
        }
        let from = cursor.filter(|cursor| (0..=version).contains(cursor)).unwrap_or(0);
        wanted.push(Wanted { scope: scope.clone(), id, from, head: version, checksum, known: cursor == Some(from) });
    }
    Ok(wanted)
}

/// The next feed rows after the cursors, scope after scope, each in version order; a page at most.
async fn read_feed<S: Snapshot>(snapshot: &mut S, wanted: &[Wanted], rows_max: usize) -> Result<Vec<FeedRow>, Failure> {
    let behind: Vec<FeedFrom> = (1..)
        .zip(wanted)
        .filter(|(_, scope)| scope.from < scope.head)
        .map(|(place, scope)| FeedFrom { place, id: scope.id, after: scope.from })
        .collect();
    if behind.is_empty() {
        return Ok(Vec::new());
    }
    snapshot.feed(&behind, rows_max).await
}

fn live_ids(feed: &[FeedRow]) -> HashMap<i16, Vec<Uuid>> {
    let mut ids: HashMap<i16, Vec<Uuid>> = HashMap::new();
    for row in feed.iter().filter(|row| row.state == FeedState::Live) {
        ids.entry(row.entity).or_default().push(row.row_id);
    }
    ids
}

/// Cuts the page where it would grow past its size. One row always fits, or a large one would stop everything.
fn cut(mut feed: Vec<FeedRow>, tuples: &RowTuples) -> Vec<FeedRow> {
    let mut bytes = 0;
    let mut length = 0;
    for row in &feed {
        bytes += tuples.get(&(row.entity, row.row_id)).map_or(40, String::len);
        if bytes > PAGE_BYTES_MAX && length > 0 {
            break;
        }
        length += 1;
    }
    feed.truncate(length);
    feed
}

/// The cursor that each wanted scope reaches with this page.
fn reached(wanted: &[Wanted], feed: &[FeedRow], rows_max: usize) -> Vec<i64> {
    let mut cursors: Vec<i64> = wanted.iter().map(|scope| scope.from).collect();
    for row in feed {
        if let Some(cursor) = usize::try_from(row.place - 1).ok().and_then(|place| cursors.get_mut(place)) {
            *cursor = row.version;
        }
    }
    // A head may have moved without any row of its own left to send.
    let last_place = feed.last().map_or(i64::MAX, |row| row.place);
    for ((place, scope), cursor) in (1i64..).zip(wanted).zip(&mut cursors) {
        if place < last_place && feed.len() < rows_max {
            *cursor = scope.head;
        }
    }
    cursors
}

/// One table's rows of one scope.
#[derive(Default)]
struct Changes<'a> {
    live: Vec<&'a str>,
    left: Vec<Uuid>,
    deleted: Vec<Uuid>,
}

fn write_scope(text: &mut Vec<u8>, scope: &str, rows: &[FeedRow], tuples: &RowTuples) -> Result<(), Failure> {
    let mut by_entity: BTreeMap<i16, Changes<'_>> = BTreeMap::new();
    for row in rows {
        let Changes { live, left, deleted } = by_entity.entry(row.entity).or_default();
        match row.state {
            FeedState::Live => live.push(
                tuples.get(&(row.entity, row.row_id)).ok_or_else(|| Failure::broken(format!("live row {} is not there", row.row_id)))?,
            ),
            FeedState::Deleted => deleted.push(row.row_id),
            FeedState::Left => left.push(row.row_id),
        }
    }
    for (code, Changes { live, left, deleted }) in by_entity {
        let entity: &Entity = entity_by_code(code).ok_or_else(|| Failure::broken(format!("unknown table code {code}")))?;
        if !live.is_empty() {
            rows_line(text, scope, entity, &live)?;
        }
        for (ids, deleted) in [(left, false), (deleted, true)] {
            if !ids.is_empty() {
                line(text, &PullLine::Gone { scope: scope.to_owned(), entity: entity.name.to_owned(), deleted, ids })?;
            }
        }
    }
    Ok(())
}

fn line(text: &mut Vec<u8>, line: &PullLine) -> Result<(), Failure> {
    serde_json::to_writer(&mut *text, line).map_err(Failure::broken)?;
    text.push(b'\n');
    Ok(())
}
