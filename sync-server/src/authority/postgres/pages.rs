//! The snapshot from which pages and subscriptions are read.

use std::collections::HashMap;

use sqlx::{AssertSqlSafe, FromRow, Postgres, Transaction};
use uuid::Uuid;
use waystation_model::access::Role;
use waystation_model::registry::{Kind, entity_by_code, is_readable_tuple};
use waystation_model::sql::select_tuples;

use super::super::{DeviceState, FeedFrom, FeedRow, FeedRowKey, FeedState, Head, RowTuples, Snapshot};
use super::{ledger, rights};
use crate::accounts::Session;
use crate::epoch::LogPosition;
use crate::failure::Failure;
use crate::tenant::Tenant;

const LIVE: i16 = 0;
const DELETED: i16 = 2;
const WITHHELD: i16 = 3;
/// The most lost epochs that are sent to a laptop, the latest first.
const LOST_EPOCHS_MAX: i64 = 100;

/// A read-only transaction over one snapshot.
pub struct ReadOnly {
    transaction: Transaction<'static, Postgres>,
}

#[derive(FromRow)]
struct DeviceRow {
    last_n: i64,
    chain: Vec<u8>,
    backed_up_n: i64,
    losses_sent: Option<i64>,
    epoch: Option<i64>,
    run_us: i64,
    lsn: i64,
}

#[derive(FromRow)]
struct HeadRow {
    id: i64,
    scope: String,
    version: i64,
    checksum: i64,
}

#[derive(FromRow)]
struct Row {
    place: i64,
    entity: i16,
    row_id: Uuid,
    version: i64,
    state: i16,
}

impl ReadOnly {
    /// Begins the transaction.
    pub async fn begin(tenant: &Tenant) -> Result<ReadOnly, Failure> {
        Ok(ReadOnly { transaction: tenant.begin_snapshot().await? })
    }
}

impl Snapshot for ReadOnly {
    async fn check_alive(&mut self, session: &Session) -> Result<(), Failure> {
        session.check_alive(&mut self.transaction).await
    }

    async fn device_state(&mut self, device: Uuid) -> Result<DeviceState, Failure> {
        let row: Option<DeviceRow> =
            sqlx::query_as(include_str!("../../sql/device_state.sql")).bind(device).fetch_optional(&mut *self.transaction).await?;
        let row = row.ok_or_else(ledger::no_ledger)?;
        Ok(DeviceState {
            last_n: row.last_n,
            chain: ledger::chain(row.chain)?,
            backed_up_n: row.backed_up_n,
            losses_sent: row.losses_sent,
            reached: LogPosition { epoch: row.epoch, run_us: row.run_us, lsn: row.lsn },
        })
    }

    async fn heads(&mut self, scopes: &[String]) -> Result<Vec<Head>, Failure> {
        let heads: Vec<HeadRow> = sqlx::query_as("SELECT id, scope, version, checksum FROM scope_heads WHERE scope = ANY($1)")
            .bind(scopes)
            .fetch_all(&mut *self.transaction)
            .await?;
        Ok(heads.into_iter().map(|HeadRow { id, scope, version, checksum }| Head { id, scope, version, checksum }).collect())
    }

    async fn feed(&mut self, from: &[FeedFrom], rows_max: usize) -> Result<Vec<FeedRow>, Failure> {
        let places: Vec<i64> = from.iter().map(|from| from.place).collect();
        let ids: Vec<i64> = from.iter().map(|from| from.id).collect();
        let after: Vec<i64> = from.iter().map(|from| from.after).collect();
        let rows: Vec<Row> = sqlx::query_as(include_str!("../../sql/feed_page.sql"))
            .bind(places)
            .bind(ids)
            .bind(after)
            .bind(i64::try_from(rows_max).map_err(Failure::broken)?)
            .fetch_all(&mut *self.transaction)
            .await?;
        let state = |state| match state {
            LIVE => FeedState::Live,
            DELETED => FeedState::Deleted,
            WITHHELD => FeedState::Withheld,
            _ => FeedState::Left,
        };
        Ok(rows
            .into_iter()
            .map(|row| FeedRow { place: row.place, entity: row.entity, row_id: row.row_id, version: row.version, state: state(row.state) })
            .collect())
    }

    /// One statement per table. PostgreSQL writes the tuples, and the server forwards them without parsing.
    async fn tuples(&mut self, ids: &HashMap<i16, Vec<Uuid>>) -> Result<RowTuples, Failure> {
        let mut tuples = HashMap::new();
        for (code, ids) in ids {
            let entity = entity_by_code(*code).ok_or_else(|| Failure::broken(format!("unknown table code {code}")))?;
            let rows: Vec<(Uuid, Option<String>)> =
                sqlx::query_as(AssertSqlSafe(select_tuples(entity))).bind(ids).fetch_all(&mut *self.transaction).await?;
            // Only JSON columns can contain numbers or nesting that readers refuse.
            let has_json = entity.columns.iter().any(|column| column.kind == Kind::Json);
            let sendable = |tuple: &String| !has_json || is_readable_tuple(tuple);
            tuples.extend(rows.into_iter().filter_map(|(id, tuple)| Some(((*code, id), tuple.filter(sendable)?))));
        }
        Ok(tuples)
    }

    async fn account(&mut self, user: Uuid) -> Result<Option<(Uuid, Role)>, Failure> {
        rights::account(&mut self.transaction, user).await
    }

    async fn scopes(&mut self, user: Uuid) -> Result<Vec<String>, Failure> {
        rights::scopes(&mut self.transaction, user).await
    }

    async fn people(&mut self, organization: Uuid, ids: &[Uuid]) -> Result<Vec<Uuid>, Failure> {
        rights::people(&mut self.transaction, organization, ids).await
    }

    async fn slice_sums(&mut self, scope_id: i64) -> Result<Vec<(u8, i64)>, Failure> {
        let sums: Vec<(i32, i64)> = sqlx::query_as(
            "SELECT get_byte(uuid_send(row_id), 15) AS slice, feed_wrap(sum(hash)) AS sum \
             FROM feed WHERE scope_id = $1 AND state = 0 GROUP BY slice",
        )
        .bind(scope_id)
        .fetch_all(&mut *self.transaction)
        .await?;
        sums.into_iter().map(|(slice, sum)| Ok((u8::try_from(slice).map_err(Failure::broken)?, sum))).collect()
    }

    async fn slice_rows_but(&mut self, scope_id: i64, slices: &[u8], named: &[i64], rows_max: usize) -> Result<Vec<FeedRowKey>, Failure> {
        let slices: Vec<i32> = slices.iter().map(|slice| i32::from(*slice)).collect();
        let rows: Vec<(i16, Uuid, i64)> = sqlx::query_as(
            "SELECT f.entity, f.row_id, f.version FROM feed f \
             WHERE f.scope_id = $1 AND f.state = 0 AND get_byte(uuid_send(f.row_id), 15) = ANY($2) \
                 AND NOT EXISTS (SELECT FROM unnest($3::bigint[]) AS named(hash) WHERE named.hash = f.hash) \
             ORDER BY f.entity, f.row_id LIMIT $4",
        )
        .bind(scope_id)
        .bind(slices)
        .bind(named)
        .bind(i64::try_from(rows_max).map_err(Failure::broken)?)
        .fetch_all(&mut *self.transaction)
        .await?;
        Ok(rows.into_iter().map(|(entity, row_id, version)| FeedRowKey { scope_id, entity, row_id, version }).collect())
    }

    async fn known_hashes(&mut self, scope_id: i64, named: &[i64]) -> Result<Vec<i64>, Failure> {
        Ok(sqlx::query_scalar("SELECT hash FROM feed WHERE scope_id = $1 AND state = 0 AND hash = ANY($2)")
            .bind(scope_id)
            .bind(named)
            .fetch_all(&mut *self.transaction)
            .await?)
    }

    async fn lost_epochs(&mut self) -> Result<Vec<(i64, i64)>, Failure> {
        let sql = "SELECT after_stamp, upto_stamp FROM lost_lives ORDER BY upto_stamp DESC LIMIT $1";
        Ok(sqlx::query_as(sql).bind(LOST_EPOCHS_MAX).fetch_all(&mut *self.transaction).await?)
    }

    async fn known_rights(&mut self, user: Uuid) -> Result<Option<Vec<String>>, Failure> {
        rights::known(&mut self.transaction, user).await
    }

    async fn end(self) -> Result<(), Failure> {
        Ok(self.transaction.commit().await?)
    }
}
