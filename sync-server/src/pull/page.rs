//! One page of changes, read from one snapshot.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use uuid::Uuid;
use waystation_model::hash::cursor_hash;
use waystation_model::limits::PAGE_BYTES_MAX;
use waystation_model::registry::{Entity, entity_by_code};
use waystation_model::wire::PullLine;
use waystation_model::{Code, Problem};

use super::start::Start;
use super::tuples::rows_line;
use crate::access::check_rights;
use crate::accounts::Session;
use crate::authority::{Authority, DeviceState, FeedFrom, FeedRow, FeedRowKey, FeedState, Head, RowTuples, Snapshot};
use crate::cursor_cache::Cursors;
use crate::failure::Failure;
use crate::heads::Subscription;
use crate::settle::Instance;
use crate::witness::Witness;

/// Rows that are read at a time: with rows of the largest size, this bounds the memory of a page.
const SLICE_ROWS: usize = 250;

/// How often a page is read again because it contains rows that cannot be sent. Each time they are removed from their feeds.
const WITHHOLD_TRIES_MAX: usize = 8;

/// One scope of this page: the laptop's cursor and the head.
struct Wanted<'s> {
    scope: &'s str,
    id: i64,
    from: i64,
    head: i64,
    checksum: i64,
    known: bool,
}

/// A page, or the single line that is sent instead.
pub struct Page {
    /// NDJSON.
    pub text: Vec<u8>,
    /// The digest of the cursors after it, when another page follows.
    pub next: Option<i64>,
}

/// Reads the next page.
pub async fn read<A: Authority>(
    authority: &A,
    instance: Instance<'_>,
    session: &Session,
    subscription: &Subscription,
    start: Start,
) -> Result<Page, Failure> {
    let rows_max = authority.page_rows_max();
    let SnapshotRead { state, wanted, feed, read_upto, tuples, lost } =
        read_snapshot(authority, instance, session, subscription, &start).await?;
    let DeviceState { last_n: applied_upto, chain, backed_up_n, losses_sent, reached } = state;

    let mut text = Vec::with_capacity(feed.len() * 96 + 1024);
    let cursors_reached = cursors_reached(&wanted, &feed, read_upto, rows_max);
    let rows_left: i64 = wanted.iter().zip(&cursors_reached).map(|(scope, cursor)| scope.head - cursor).sum();
    line(
        &mut text,
        &PullLine::Page {
            epoch: instance.epoch,
            applied_upto,
            safe_upto: backed_up_n,
            chain: hex::encode(chain),
            server_time: authority.now_ms(),
            rows_left,
            lost,
            witness: instance.tokens.and_then(|tokens| Witness::give(tokens, session.device_id, reached)),
        },
    )?;
    if !start.removed.is_empty() {
        authority.mark_losses_sent(session.device_id).await?;
    } else if let Some(sent_us) = losses_sent.filter(|_| start.is_requested) {
        // The request names no lost scope, so the page that told the device of the losses has arrived.
        authority.confirm_losses(session.device_id, sent_us).await?;
    }
    for scope in &start.removed {
        line(&mut text, &PullLine::Removed { scope: scope.clone() })?;
    }
    for scope in &subscription.follows.refused {
        line(&mut text, &PullLine::NotFollowed { scope: scope.clone() })?;
    }
    let mut rest = feed.as_slice();
    while let Some(first) = rest.first() {
        let length = rest.iter().take_while(|row| row.place == first.place).count();
        let (rows, after) = rest.split_at(length);
        rest = after;
        let index = usize::try_from(first.place - 1).map_err(Failure::broken)?;
        write_scope(&mut text, wanted[index].scope, rows, &tuples)?;
    }
    for (scope, cursor) in wanted.iter().zip(&cursors_reached) {
        if !scope.known || *cursor != scope.from {
            let step = PullLine::Scope { scope: scope.scope.to_owned(), cursor: *cursor, head: scope.head, checksum: scope.checksum };
            line(&mut text, &step)?;
        }
    }
    line(&mut text, &PullLine::End { more: rows_left > 0 })?;
    let digest = digest(&start, &wanted, &cursors_reached);
    let complete_at = (rows_left == 0).then_some(applied_upto);
    let cursors = Cursors {
        subscription: subscription.number,
        ordinals: Arc::clone(&subscription.ordinals),
        versions: cursors_reached.into(),
        complete_at,
    };
    instance.heads.cursor_cache.keep(session.device_id, digest, cursors);
    if !start.removed.is_empty() || losses_sent.is_some() && !start.is_requested {
        instance.heads.cursor_cache.require_page(session.device_id);
    }
    Ok(Page { text, next: (rows_left > 0).then_some(digest) })
}

/// What a page needs, read from one snapshot.
struct SnapshotRead<'s> {
    state: DeviceState,
    wanted: Vec<Wanted<'s>>,
    feed: Vec<FeedRow>,
    read_upto: i64,
    tuples: RowTuples,
    lost: Vec<(i64, i64)>,
}

/// Reads a snapshot. Rows that cannot be sent are first removed from their feeds, and another snapshot is read. So heads and
/// checksums cover only rows that laptops can store, and one row never blocks the others.
async fn read_snapshot<'s, A: Authority>(
    authority: &A,
    instance: Instance<'_>,
    session: &Session,
    subscription: &'s Subscription,
    start: &Start,
) -> Result<SnapshotRead<'s>, Failure> {
    for _ in 0..WITHHOLD_TRIES_MAX {
        let mut snapshot = authority.snapshot().await?;
        if start.is_requested {
            // For a page that is read ahead, the session and the rights are checked when it is used.
            snapshot.check_alive(session).await?;
        }
        let state = snapshot.device_state(session.device_id).await?;
        if state.reached.epoch != Some(instance.epoch) {
            return Err(Failure::EpochMoved);
        }
        if start.is_requested {
            check_rights(&mut snapshot, subscription).await?;
        }
        let moved = start.moved.as_ref().filter(|moved| moved.last_n == state.last_n).map(|moved| moved.scopes.as_slice());
        let wanted = wanted(&mut snapshot, subscription, &start.cursors, moved).await?;
        let (feed, read_upto) = read_feed(&mut snapshot, &wanted, authority.page_rows_max()).await?;
        let (feed, tuples) = fill(&mut snapshot, feed).await?;
        let lost = if start.other_epoch { snapshot.lost_epochs().await? } else { Vec::new() };
        snapshot.end().await?;
        let unsendable = unsendable(&wanted, &feed, &tuples)?;
        if unsendable.is_empty() {
            return Ok(SnapshotRead { state, wanted, feed, read_upto, tuples, lost });
        }
        instance.heads.advance(&authority.withhold(&unsendable).await?);
    }
    Err(Problem::new(Code::NotReady, "rows that cannot be sent are written faster than they are withheld").into())
}

/// Live rows of the page that have no tuple.
fn unsendable(wanted: &[Wanted<'_>], feed: &[FeedRow], tuples: &RowTuples) -> Result<Vec<FeedRowKey>, Failure> {
    feed.iter()
        .filter(|row| row.state == FeedState::Live && !tuples.contains_key(&(row.entity, row.row_id)))
        .map(|row| {
            let index = usize::try_from(row.place - 1).map_err(Failure::broken)?;
            Ok(FeedRowKey { scope_id: wanted[index].id, entity: row.entity, row_id: row.row_id, version: row.version })
        })
        .collect()
}

/// The digest of the cursors that the laptop has after this page: from what it had, as far as that is known.
fn digest(start: &Start, wanted: &[Wanted<'_>], reached: &[i64]) -> i64 {
    let mut digest = start.digest.unwrap_or(0);
    for ((scope, had), cursor) in wanted.iter().zip(&start.cursors).zip(reached) {
        let had = had.filter(|_| start.digest.is_some());
        if had != Some(*cursor) {
            digest = digest.wrapping_add(cursor_hash(scope.scope, *cursor));
            digest = digest.wrapping_sub(had.map_or(0, |had| cursor_hash(scope.scope, had)));
        }
    }
    digest
}

/// The subscribed scopes in their order, each with the laptop's cursor and the head. Scopes that are not in `moved` are taken to be
/// at the laptop's cursor.
async fn wanted<'s, S: Snapshot>(
    snapshot: &mut S,
    subscription: &'s Subscription,
    cursors: &[Option<i64>],
    moved: Option<&[usize]>,
) -> Result<Vec<Wanted<'s>>, Failure> {
    let heads = match moved {
        None => snapshot.heads(&subscription.scopes).await?,
        Some([]) => Vec::new(),
        Some(moved) => {
            let scopes: Vec<String> = moved.iter().map(|order| subscription.scopes[*order].clone()).collect();
            snapshot.heads(&scopes).await?
        }
    };
    let mut heads: HashMap<String, Head> = heads.into_iter().map(|head| (head.scope.clone(), head)).collect();
    let mut wanted = Vec::with_capacity(subscription.scopes.len());
    for (scope, cursor) in subscription.scopes.iter().zip(cursors.iter().copied()) {
        let head = if heads.is_empty() { None } else { heads.remove(scope) };
        if let (Some(_), None, Some(cursor)) = (moved, &head, cursor) {
            wanted.push(Wanted { scope, id: 0, from: cursor, head: cursor, checksum: 0, known: true });
            continue;
        }
        let (id, version, checksum) = head.map_or((0, 0, 0), |head| (head.id, head.version, head.checksum));
        if cursor.is_some_and(|cursor| cursor > version) {
            tracing::error!(scope, cursor, head = version, "a laptop is ahead of the head: this database was set back");
        }
        let from = cursor.filter(|cursor| (0..=version).contains(cursor)).unwrap_or(0);
        wanted.push(Wanted { scope, id, from, head: version, checksum, known: cursor == Some(from) });
    }
    Ok(wanted)
}

/// The next feed rows after the cursors, scope by scope, each in version order; at most a page. Also returns the ordinal of the
/// last scope that was read.
async fn read_feed<S: Snapshot>(snapshot: &mut S, wanted: &[Wanted<'_>], rows_max: usize) -> Result<(Vec<FeedRow>, i64), Failure> {
    // There are at most as many rows as versions, so scopes after the first ones that fill a page are not read. A version may have
    // no row, when the row has moved to a later version: then the page is short and the next one continues.
    let mut versions = 0;
    let behind: Vec<FeedFrom> = (1..)
        .zip(wanted)
        .filter(|(_, scope)| scope.from < scope.head)
        .take_while(|(_, scope)| {
            let starts = versions < rows_max as i64;
            versions += scope.head - scope.from;
            starts
        })
        .map(|(place, scope)| FeedFrom { place, id: scope.id, after: scope.from })
        .collect();
    let Some(last) = behind.last() else { return Ok((Vec::new(), i64::MAX)) };
    Ok((snapshot.feed(&behind, rows_max).await?, last.place))
}

fn live_ids(feed: &[FeedRow]) -> HashMap<i16, Vec<Uuid>> {
    let mut ids: HashMap<i16, Vec<Uuid>> = HashMap::new();
    for row in feed.iter().filter(|row| row.state == FeedState::Live) {
        ids.entry(row.entity).or_default().push(row.row_id);
    }
    ids
}

/// Reads the page's rows in slices, and cuts the page where it would exceed its size: rows may be large, and rows beyond the limit
/// are not read. The first row always fits, or a large one would block the pull.
async fn fill<S: Snapshot>(snapshot: &mut S, mut feed: Vec<FeedRow>) -> Result<(Vec<FeedRow>, RowTuples), Failure> {
    let mut tuples = RowTuples::new();
    let (mut bytes, mut length) = (0, 0);
    'page: for slice in feed.chunks(SLICE_ROWS) {
        tuples.extend(snapshot.tuples(&live_ids(slice)).await?);
        for row in slice {
            bytes += tuples.get(&(row.entity, row.row_id)).map_or(40, String::len);
            if bytes > PAGE_BYTES_MAX && length > 0 {
                break 'page;
            }
            length += 1;
        }
    }
    feed.truncate(length);
    Ok((feed, tuples))
}

/// The cursor of each wanted scope after this page.
fn cursors_reached(wanted: &[Wanted<'_>], feed: &[FeedRow], read_upto: i64, rows_max: usize) -> Vec<i64> {
    let mut cursors: Vec<i64> = wanted.iter().map(|scope| scope.from).collect();
    for row in feed {
        if let Some(cursor) = usize::try_from(row.place - 1).ok().and_then(|index| cursors.get_mut(index)) {
            *cursor = row.version;
        }
    }
    // A head may have moved without a row left to send.
    let last_ordinal = feed.last().map_or(read_upto.saturating_add(1), |row| row.place);
    for ((ordinal, scope), cursor) in (1i64..).zip(wanted).zip(&mut cursors) {
        if ordinal < last_ordinal && feed.len() < rows_max {
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
    withheld: Vec<Uuid>,
}

fn write_scope(text: &mut Vec<u8>, scope: &str, rows: &[FeedRow], tuples: &RowTuples) -> Result<(), Failure> {
    let mut by_entity: BTreeMap<i16, Changes<'_>> = BTreeMap::new();
    for row in rows {
        let Changes { live, left, deleted, withheld } = by_entity.entry(row.entity).or_default();
        match row.state {
            FeedState::Live => live.push(
                tuples.get(&(row.entity, row.row_id)).ok_or_else(|| Failure::broken(format!("live row {} was not read", row.row_id)))?,
            ),
            FeedState::Deleted => deleted.push(row.row_id),
            FeedState::Left => left.push(row.row_id),
            FeedState::Withheld => {
                // The laptop deletes its older state of the row.
                deleted.push(row.row_id);
                withheld.push(row.row_id);
            }
        }
    }
    for (code, Changes { live, left, deleted, withheld }) in by_entity {
        let entity: &Entity = entity_by_code(code).ok_or_else(|| Failure::broken(format!("unknown table code {code}")))?;
        if !live.is_empty() {
            rows_line(text, scope, entity, &live)?;
        }
        for (ids, deleted) in [(left, false), (deleted, true)] {
            if !ids.is_empty() {
                line(text, &PullLine::Gone { scope: scope.to_owned(), entity: entity.name.to_owned(), deleted, ids })?;
            }
        }
        if !withheld.is_empty() {
            line(text, &PullLine::Withheld { scope: scope.to_owned(), entity: entity.name.to_owned(), ids: withheld })?;
        }
    }
    Ok(())
}

fn line(text: &mut Vec<u8>, line: &PullLine) -> Result<(), Failure> {
    serde_json::to_writer(&mut *text, line).map_err(Failure::broken)?;
    text.push(b'\n');
    Ok(())
}
