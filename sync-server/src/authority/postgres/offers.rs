//! Storage of offered rows.

use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;
use waystation_model::registry::Entity;

use super::{OfferKey, OfferedState};
use crate::failure::Failure;

/// Number of undecided rows that this person has offered, and their bytes in total.
pub async fn waiting(connection: &mut PgConnection, offered_by: Uuid) -> Result<(usize, usize), Failure> {
    let sql = "SELECT count(*), coalesce(sum(length(fields::text)), 0)::bigint FROM offered_rows \
         WHERE offered_by = $1 AND state = 'waiting'";
    let (rows, bytes): (i64, i64) = sqlx::query_as(sql).bind(offered_by).fetch_one(connection).await?;
    Ok((usize::try_from(rows).map_err(Failure::broken)?, usize::try_from(bytes).map_err(Failure::broken)?))
}

/// All offers of one row, the oldest first.
pub async fn of_row(connection: &mut PgConnection, entity: &Entity, row: Uuid) -> Result<Vec<OfferedState>, Failure> {
    let sql = "SELECT id, row_stamp, fields FROM offered_rows WHERE row_id = $1 AND entity = $2 ORDER BY created_at, id";
    let offered: Vec<(Uuid, String, Value)> = sqlx::query_as(sql).bind(row).bind(entity.name).fetch_all(connection).await?;
    Ok(offered.into_iter().map(|(id, row_stamp, fields)| OfferedState { id, row_stamp, fields }).collect())
}

/// Whether this person offers a different row under the same stamp.
pub async fn under(connection: &mut PgConnection, offered_by: Uuid, key: &OfferKey) -> Result<bool, Failure> {
    let sql = "SELECT EXISTS (SELECT FROM offered_rows WHERE offered_by = $1 AND row_stamp = $2 AND (row_id <> $3 OR entity <> $4))";
    let stamp = key.row_stamp.to_string();
    Ok(sqlx::query_scalar(sql).bind(offered_by).bind(stamp).bind(key.row_id).bind(key.entity).fetch_one(connection).await?)
}

/// Counts a further person who offers the same state as a waiting offer, each person once per state of the row.
pub async fn second(connection: &mut PgConnection, offer: Uuid, seconder: Uuid) -> Result<(), Failure> {
    sqlx::query(
        "WITH seconder AS ( \
             INSERT INTO offered_row_seconders (offer_id, row_stamp, user_id) \
             SELECT o.id, o.row_stamp, $2 FROM offered_rows o WHERE o.id = $1 AND o.state = 'waiting' \
             ON CONFLICT (offer_id, row_stamp, user_id) DO NOTHING RETURNING offer_id \
         ) \
         UPDATE offered_rows o SET seconded = o.seconded + 1 FROM seconder s WHERE o.id = s.offer_id",
    )
    .bind(offer)
    .bind(seconder)
    .execute(connection)
    .await?;
    Ok(())
}
