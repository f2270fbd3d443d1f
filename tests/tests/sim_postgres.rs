//! The simulator's authority and PostgreSQL play the same histories: every outcome, feed row, head, checksum and row must be equal.
//!
//! `WAYSTATION_TWINS=1000` plays a thousand of them, `WAYSTATION_TWINS_FROM` sets the first.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgConnection, PgPool};
use sync_server::access::subscription_of;
use sync_server::failure::Failure;
use sync_server::heads::Heads;
use sync_server::push::Batch;
use sync_server::tenant::Tenant;
use uuid::Uuid;
use waystation_model::hash::row_hash;
use waystation_model::merge::{Edit, Edits};
use waystation_model::registry::{Entity, Kind, Merge, all, normal};
use waystation_model::sql::select_for_change;
use waystation_model::wire::{NumberedOutcome, Outcome as MutationOutcome, PushAnswer};
use waystation_sim::authority::Row;
use waystation_sim::faults::{Fault, Faults};
use waystation_sim::twin::{Change, Device, EVERY_TABLE_FROM, Op, Played, Seen, Twin, word};
use waystation_tests::Outcome;
use waystation_tests::cluster::Cluster;

/// Histories that run with the other tests.
const HISTORIES: u64 = 60;
/// Steps of each.
const STEPS: usize = 30;

/// PostgreSQL as the authority.
struct PostgresTwin {
    pool: PgPool,
    sql: PgConnection,
    organization: Uuid,
    devices: Vec<Device>,
    epoch: i64,
}

#[tokio::test]
async fn postgresql_and_the_simulator_agree_on_every_history() -> Outcome<()> {
    let number = |name: &str, otherwise: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let (from, count) = (number("WAYSTATION_TWINS_FROM", 0), number("WAYSTATION_TWINS", HISTORIES));
    let mut real = PostgresTwin::open().await?;
    let ranges = [from..from + count, EVERY_TABLE_FROM + from..EVERY_TABLE_FROM + from + count];
    for seed in ranges.into_iter().flatten() {
        play(&mut real, seed, Faults::default()).await.map_err(|error| format!("history {seed}: {error}"))?;
    }
    // Rights must be lost and decided about in them, or the comparison would not cover that.
    let states: Vec<String> = sqlx::query_scalar("SELECT DISTINCT state FROM held_changes ORDER BY state").fetch_all(&mut real.sql).await?;
    assert!(count < HISTORIES || states == ["accepted", "refused", "waiting"], "{states:?}");
    Ok(())
}

#[tokio::test]
async fn a_faulty_simulator_is_detected() -> Outcome<()> {
    for fault in
        [Fault::DropTombstone, Fault::OneFeedOfTwo, Fault::SkipVersions, Fault::DropLosingValue, Fault::DropHeldChange, Fault::ForgetLedger]
    {
        let mut real = PostgresTwin::open().await?;
        let mut found = false;
        for seed in 0..20 {
            if !found {
                found = play(&mut real, seed, Faults::only(fault)).await.is_err();
            }
        }
        assert!(found, "{fault:?} was not detected");
    }
    Ok(())
}

async fn play(real: &mut PostgresTwin, seed: u64, faults: Faults) -> Outcome<()> {
    let now: i64 = sqlx::query_scalar("SELECT (extract(epoch FROM now()) * 1000)::bigint").fetch_one(&mut real.sql).await?;
    let mut twin = Twin::new(seed, u32::try_from(seed)?, now, faults);
    let setup = twin.setup();
    real.organization = twin.organization;
    real.devices = twin.devices.clone();
    for op in setup {
        step(real, &mut twin, &op).await?;
    }
    compare(real, &twin).await?;
    for number in 0..STEPS {
        let op = twin.next_op();
        step(real, &mut twin, &op).await.map_err(|error| format!("step {number} {op:?}: {error}"))?;
    }
    compare(real, &twin).await
}

async fn step(real: &mut PostgresTwin, twin: &mut Twin, op: &Op) -> Outcome<()> {
    let refused_on_laptops = refused_on_laptops(twin, op);
    let simulated = shown(twin.play(op));
    let stored = shown(real.play(op).await?);
    if simulated != stored {
        return Err(format!("the simulator says {simulated:?} and PostgreSQL {stored:?}").into());
    }
    let (Op::Push(..), Ok(Some((last_n, outcomes)))) = (op, stored) else { return Ok(()) };
    for (count_from_last, column) in refused_on_laptops {
        let n = last_n - count_from_last;
        // A mutation without an outcome of its own was applied.
        let outcome = outcomes.iter().find(|outcome| outcome.n == n).map(|outcome| &outcome.outcome);
        if matches!(outcome, None | Some(MutationOutcome::Applied | MutationOutcome::Merged)) {
            return Err(format!("a laptop would refuse {column} of mutation {n}, which the server accepts").into());
        }
    }
    Ok(())
}

/// The new rows that a laptop would refuse to store: how many drafts follow each one, and the column.
fn refused_on_laptops(twin: &Twin, op: &Op) -> Vec<(i64, &'static str)> {
    let Op::Push(_, drafts) = op else { return Vec::new() };
    (0..).zip(drafts.iter().rev()).filter_map(|(after, draft)| Some((after, twin.would_refuse(draft)?))).collect()
}

/// The comparable parts of an answer: chains follow from stamps, and texts are only for a log.
fn shown(played: Played) -> Result<Option<(i64, Vec<NumberedOutcome>)>, String> {
    let plain = |PushAnswer { last_n, outcomes, .. }| {
        let outcomes = outcomes.into_iter().map(|NumberedOutcome { n, outcome }| NumberedOutcome {
            n,
            outcome: match outcome {
                MutationOutcome::Rejected { code, field, suggestion, .. } => {
                    MutationOutcome::Rejected { code, field, suggestion, message: String::new() }
                }
                other => other,
            },
        });
        (last_n, outcomes.collect())
    };
    played.map(|answer| answer.map(plain))
}

impl PostgresTwin {
    /// Opens it over a database of its own.
    async fn open() -> Outcome<PostgresTwin> {
        let database = Cluster::shared().await?.database().await?;
        let mut sql = database.connect().await?;
        // A membership gets an unpredictable id, unless a comparison needs a predictable one.
        sqlx::raw_sql(
            "CREATE FUNCTION foreseen_id() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             NEW.id := uuid_generate_v5('6f2f98a1-0c5e-5b1c-9d0a-7c6179737461', 'period:' || NEW.membership_id || ':' || to_char(NEW.joined_on, 'YYYY-MM-DD')); RETURN NEW; END $$; \
             CREATE TRIGGER z_id BEFORE INSERT ON group_membership_periods FOR EACH ROW EXECUTE FUNCTION foreseen_id()",
        )
        .execute(&mut sql)
        .await?;
        let pool = sync_server::database::connect(database.url(), 2).await?;
        let epoch = sqlx::query_scalar("SELECT epoch FROM epoch").fetch_one(&pool).await?;
        Ok(PostgresTwin { pool, sql, organization: Uuid::nil(), devices: Vec::new(), epoch })
    }

    async fn play(&mut self, op: &Op) -> Outcome<Played> {
        match op {
            Op::ByOtherProgram(changes) => self.by_other_program(changes).await,
            Op::Pull(device) => {
                self.devices[*device].seen = self.stamps().await?;
                Ok(Ok(None))
            }
            Op::Push(device, drafts) => {
                let request = self.devices[*device].request(self.epoch, drafts);
                Ok(self.take(*device, request).await)
            }
            Op::RepeatPush(device) => match self.devices[*device].last.clone() {
                Some(request) => Ok(self.take(*device, request).await),
                None => Ok(Ok(None)),
            },
        }
    }

    async fn take(&self, device: usize, request: waystation_model::wire::PushRequest) -> Played {
        let Device { id, session, user, .. } = self.devices[device];
        let session =
            sync_server::accounts::Session { user_id: user, organization_id: self.organization, device_id: id, session_id: session };
        let taken = async {
            let batch = Batch::read(request, self.epoch)?;
            let tenant = Tenant::new(&self.pool, self.organization);
            let subscription = subscription_of(&tenant, &Heads::default(), user).await?;
            batch.take(&tenant, None, session, &subscription.actor).await
        };
        taken.await.map(|(answer, _)| Some(answer)).map_err(|failure: Failure| word(&failure))
    }

    async fn by_other_program(&mut self, changes: &[Change]) -> Outcome<Played> {
        sqlx::raw_sql("BEGIN").execute(&mut self.sql).await?;
        for change in changes {
            if let Err(error) = sqlx::raw_sql(AssertSqlSafe(self.statement(change))).execute(&mut self.sql).await {
                sqlx::raw_sql("ROLLBACK").execute(&mut self.sql).await?;
                return Ok(Err(word(&Failure::Database(error))));
            }
        }
        match sqlx::raw_sql("COMMIT").execute(&mut self.sql).await {
            Ok(_) => Ok(Ok(None)),
            Err(error) => Ok(Err(word(&Failure::Database(error)))),
        }
    }

    fn statement(&self, change: &Change) -> String {
        match change {
            Change::Make(entity, id, given) => {
                let names: Vec<&str> = given.iter().map(|(name, _)| *name).collect();
                let values: Vec<String> = given.iter().map(|(name, value)| literal(entity, name, value)).collect();
                let (names, values) = (names.join(", "), values.join(", "));
                let mut sql = format!(
                    "INSERT INTO {} (id, organization_id, {names}) VALUES ('{id}', '{}', {values});",
                    entity.name, self.organization
                );
                if let Some(device) = self.devices.iter().find(|device| device.id == *id) {
                    sql.push_str(&format!(
                        "INSERT INTO device_states (device_id) VALUES ('{id}'); \
                         INSERT INTO user_sessions (id, user_id, device_id, refresh_token_hash, expires_at) \
                         VALUES ('{}', '{}', '{id}', '{}'::bytea, now() + interval '1 day')",
                        device.session, device.user, device.session
                    ));
                }
                sql
            }
            Change::Set(entity, id, given) => {
                let sets: Vec<String> = given.iter().map(|(name, value)| format!("{name} = {}", literal(entity, name, value))).collect();
                format!("UPDATE {} SET {} WHERE id = '{id}'", entity.name, sets.join(", "))
            }
            Change::Delete(entity, id) => format!("DELETE FROM {} WHERE id = '{id}'", entity.name),
        }
    }

    async fn stamps(&mut self) -> Outcome<Seen> {
        let mut seen = Seen::new();
        for entity in all() {
            let sql = format!("SELECT id, stamp FROM {} WHERE organization_id = '{}'", entity.name, self.organization);
            let rows: Vec<(Uuid, i64)> = sqlx::query_as(AssertSqlSafe(sql)).fetch_all(&mut self.sql).await?;
            seen.extend(rows.into_iter().map(|(id, stamp)| ((entity.code, id), stamp)));
        }
        Ok(seen)
    }
}

fn literal(entity: &Entity, name: &str, value: &Value) -> String {
    let kind = entity.column(name).expect("a registered column").kind;
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    match (kind, value) {
        (_, Value::Null) => "NULL".to_owned(),
        (Kind::Timestamp, value) => format!("to_timestamp({value} / 1000.0)"),
        (Kind::Json, value) => format!("{}::jsonb", quoted(&value.to_string())),
        (_, Value::String(text)) => quoted(text),
        (_, value) => value.to_string(),
    }
}

/// A row of a feed: its version, its state, and whether its hash matches the row.
type FeedRow = (i64, i16, bool);
/// Heads and feeds by scope, and whether the checksum is the sum of the hashes.
type Feeds = BTreeMap<String, (i64, bool, BTreeMap<(i16, Uuid), FeedRow>)>;
/// Every row by table and id.
type Rows = BTreeMap<(i16, Uuid), Row>;

async fn compare(real: &mut PostgresTwin, twin: &Twin) -> Outcome<()> {
    let (simulated, simulated_feeds) = simulated(twin);
    let stored = rows_of(real).await?;
    let plain = |rows: &Rows| rows.iter().map(|(key, row)| (*key, plain(named(key.0), row))).collect::<BTreeMap<_, _>>();
    same("row", &plain(&simulated), &plain(&stored))?;
    let stored_feeds = stored_feeds(real, simulated_feeds.keys().cloned().collect(), &stored).await?;
    same("feed", &simulated_feeds, &stored_feeds)?;
    for device in 0..twin.devices.len() {
        let simulated = twin.hears(device).map(|subscription| subscription.scopes.clone()).map_err(|failure| word(&failure));
        let user = twin.devices[device].user;
        let stored = subscription_of(&Tenant::new(&real.pool, real.organization), &Heads::default(), user)
            .await
            .map(|subscription| subscription.scopes.clone())
            .map_err(|failure| word(&failure));
        if simulated != stored {
            return Err(format!("{user} subscribes to {simulated:?} in the simulator and {stored:?} in PostgreSQL").into());
        }
    }
    Ok(())
}

fn named(code: i16) -> &'static Entity {
    all().iter().find(|entity| entity.code == code).expect("a registered table")
}

fn hash_of(rows: &Rows, key: &(i16, Uuid), state: i16) -> i64 {
    if state != 0 { 0 } else { rows.get(key).map_or(0, |row| row_hash(named(key.0).name, &key.1, row.stamp)) }
}

fn simulated(twin: &Twin) -> (Rows, Feeds) {
    let state = twin.memory.state();
    let rows: Rows = all()
        .iter()
        .flat_map(|entity| state.rows(entity).map(|(id, row)| ((entity.code, *id), Row::clone(row))).collect::<Vec<_>>())
        .collect();
    let feeds = state.feeds.scopes.iter().map(|(scope, feed)| {
        let sum = feed.rows.values().fold(0i64, |sum, entry| sum.wrapping_add(entry.hash));
        let entries =
            feed.rows.iter().map(|(key, entry)| (*key, (entry.version, entry.state, entry.hash == hash_of(&rows, key, entry.state))));
        (scope.clone(), (feed.version, sum == feed.checksum, entries.collect()))
    });
    let feeds = feeds.collect();
    (rows, feeds)
}

async fn stored_feeds(real: &mut PostgresTwin, scopes: Vec<String>, rows: &Rows) -> Outcome<Feeds> {
    let heads: Vec<(i64, String, i64, i64)> = sqlx::query_as("SELECT id, scope, version, checksum FROM scope_heads WHERE scope = ANY($1)")
        .bind(&scopes)
        .fetch_all(&mut real.sql)
        .await?;
    let ids: Vec<i64> = heads.iter().map(|(id, ..)| *id).collect();
    let all: Vec<(i64, i16, Uuid, i64, i16, i64)> =
        sqlx::query_as("SELECT scope_id, entity, row_id, version, state, hash FROM feed WHERE scope_id = ANY($1)")
            .bind(&ids)
            .fetch_all(&mut real.sql)
            .await?;
    let feeds = heads.into_iter().map(|(id, scope, version, checksum)| {
        let feed = || all.iter().filter(move |(of, ..)| *of == id);
        let sum = feed().fold(0i64, |sum, (.., hash)| sum.wrapping_add(*hash));
        let entries = feed().map(|(_, code, row, version, state, hash)| {
            ((*code, *row), (*version, *state, *hash == hash_of(rows, &(*code, *row), *state)))
        });
        (scope, (version, sum == checksum, entries.collect()))
    });
    Ok(feeds.collect())
}

fn same<K: Ord + std::fmt::Debug, V: PartialEq + std::fmt::Debug>(
    what: &str,
    simulated: &BTreeMap<K, V>,
    stored: &BTreeMap<K, V>,
) -> Outcome<()> {
    for key in simulated.keys().chain(stored.keys()) {
        if simulated.get(key) != stored.get(key) {
            return Err(format!("{what} {key:?}: {:?} in the simulator, {:?} in PostgreSQL", simulated.get(key), stored.get(key)).into());
        }
    }
    Ok(())
}

async fn rows_of(real: &mut PostgresTwin) -> Outcome<Rows> {
    use sqlx::Row as _;
    let mut rows = BTreeMap::new();
    for entity in all() {
        let sql = format!("SELECT id FROM {} WHERE organization_id = $1", entity.name);
        let ids: Vec<Uuid> = sqlx::query_scalar(AssertSqlSafe(sql)).bind(real.organization).fetch_all(&mut real.sql).await?;
        for row in sqlx::query(AssertSqlSafe(select_for_change(entity))).bind(&ids).fetch_all(&mut real.sql).await? {
            let Value::Array(values) = row.try_get::<Value, _>("tuple")? else { return Err("a tuple is not an array".into()) };
            let edits: Option<Value> = row.try_get("edits")?;
            rows.insert(
                (entity.code, row.try_get("row_id")?),
                Row {
                    organization_id: real.organization,
                    stamp: row.try_get("stamp")?,
                    created_at: 0,
                    updated_at: 0,
                    values: entity.columns.iter().zip(values).map(|(column, value)| normal(column, value)).collect(),
                    edits: edits.map(serde_json::from_value::<Edits>).transpose()?.unwrap_or_default(),
                    lost_device: None,
                    stood: Vec::new(),
                },
            );
        }
    }
    Ok(rows)
}

/// The comparable parts of a row: of times that the server fills in only their presence, and of stamps only their order within the row.
fn plain(entity: &Entity, row: &Row) -> Value {
    let filled =
        |name: &str| matches!((entity.name, name), ("group_memberships", "joined_at" | "left_at") | ("conflicts", "kept_at" | "lost_at"));
    let values: Vec<Value> = entity
        .columns
        .iter()
        .zip(&row.values)
        .map(|(column, value)| {
            let own = column.kind == Kind::Timestamp && (column.merge == Merge::Server || filled(column.name));
            match (entity.name, column.name) {
                _ if value.is_null() => Value::Null,
                _ if own => json!("a moment"),
                // A sequence also counts what was rolled back.
                ("certificates", "certificate_number") => json!("a number"),
                // Stamps differ, and a time in the future counts as the time of receipt.
                ("held_changes", "base") => json!("a base"),
                ("held_changes", "at_us") if value.as_i64().is_some_and(|at| at % 1_000 == 999) => json!("the server's"),
                _ => value.clone(),
            }
        })
        .collect();
    let remembered_stamps = |edit: &Edit| {
        let seconders = edit.seconders.iter().map(|seconder| seconder.stamp);
        seconders.chain(edit.after.iter().map(|turn| turn.stamp)).chain([edit.stamp]).collect::<Vec<_>>()
    };
    let mut stamps: Vec<i64> = row.edits.values().flat_map(remembered_stamps).collect();
    stamps.sort_unstable();
    stamps.dedup();
    let rank_of = |stamp: i64| stamps.binary_search(&stamp).unwrap_or(usize::MAX);
    let remembered = |edit: &Edit| {
        let seconders: Vec<_> = edit.seconders.iter().map(|seconder| (seconder.device, seconder.n, rank_of(seconder.stamp))).collect();
        // Which of two times of receipt is later depends on the side.
        let clamped = |at: i64| at % 1_000 == 999;
        let after = edit.after.iter().filter(|turn| !(clamped(turn.at) && clamped(edit.at)));
        let after: Vec<_> = after.map(|turn| (turn.device, rank_of(turn.stamp))).collect();
        json!([seconders, after])
    };
    let edits: BTreeMap<&String, Value> = row
        .edits
        .iter()
        .map(|(group, edit)| {
            let rank = rank_of(edit.stamp);
            // A time in the future counts as the time of receipt, and plain SQL as that of the server.
            let clamped = edit.device.is_none() || edit.at % 1_000 == 999;
            let at = if clamped { json!("the server's") } else { json!(edit.at) };
            (group, json!([rank, edit.stamp == row.stamp, at, edit.device, edit.n, edit.user, edit.is_unsaid, remembered(edit)]))
        })
        .collect();
    json!([values, edits])
}
