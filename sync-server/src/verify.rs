//! `sync-server verify`: compares every feed, checksum and head with the tables, and repairs differences.
//!
//! Values are compared by the digest that each feed stores: a change made without triggers keeps the row's old stamp.
//!
//! A repaired row moves forward in its feed like any change, so laptops receive it with their next pull and do not start again.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use sqlx::{AssertSqlSafe, FromRow, PgConnection, PgPool};
use uuid::Uuid;
use waystation_model::audit::{every_row, live_rows};
use waystation_model::registry::entity_by_code;

use crate::database::commit;
use crate::failure::Failure;

/// Faults that are listed; the rest is only counted.
const FAULTS_LISTED_MAX: usize = 20;
/// Epochs that are listed, the latest ones.
const EPOCHS_LISTED_MAX: i64 = 5;

/// What is wrong with one row in one feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowFault {
    /// The row belongs to the scope and is not in its feed.
    Missing,
    /// The feed contains the row, which does not belong to the scope.
    Ghost,
    /// The feed has an older state of the row.
    Stale,
    /// The row's values changed under the same stamp: triggers were off.
    Changed,
}

/// One difference between tables and feeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// A row in a feed.
    Row {
        /// What is wrong.
        fault: RowFault,
        /// The feed's scope.
        scope: String,
        /// The table.
        entity: &'static str,
        /// The row.
        row_id: Uuid,
    },
    /// A head below the newest version of its feed, or a checksum that is not the sum of its rows.
    Head {
        /// The scope.
        scope: String,
    },
}

impl Fault {
    /// Whether values were changed without a new stamp.
    fn is_change(&self) -> bool {
        matches!(self, Fault::Row { fault: RowFault::Changed, .. })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Row { fault, scope, entity, row_id } => {
                let word = match fault {
                    RowFault::Missing => "missing in",
                    RowFault::Ghost => "wrongly listed in",
                    RowFault::Stale => "older in",
                    RowFault::Changed => "changed without a new stamp in",
                };
                write!(to, "{entity} {row_id} is {word} {scope}")
            }
            Fault::Head { scope } => write!(to, "the head or the checksum of {scope} does not fit its rows"),
        }
    }
}

/// Result of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Live rows that all feeds should contain.
    pub rows: i64,
    /// Number of feeds.
    pub feeds: i64,
    /// Rows that are withheld because they cannot be sent to laptops. Not counted as faults.
    pub withheld: i64,
    /// All differences.
    pub faults: Vec<Fault>,
    /// Epochs that began because the database had been replaced, the latest last.
    pub epochs: Vec<Begun>,
}

/// An epoch that began automatically.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Begun {
    /// Its number.
    pub epoch: i64,
    /// `moved`: a promoted standby, a point-in-time recovery, a dump loaded by hand or a copy. `went_back`: a file copy.
    pub why: String,
    /// When that was noticed.
    pub noticed_at: DateTime<Utc>,
}

impl fmt::Display for Report {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in self.faults.iter().take(FAULTS_LISTED_MAX) {
            writeln!(to, "{fault}")?;
        }
        if self.faults.len() > FAULTS_LISTED_MAX {
            writeln!(to, "… and {} more", self.faults.len() - FAULTS_LISTED_MAX)?;
        }
        for Begun { epoch, why, noticed_at } in &self.epochs {
            let why = if why == "went_back" {
                "a laptop or a server had seen a later state of it"
            } else {
                "it was promoted, recovered, loaded or copied"
            };
            writeln!(
                to,
                "epoch {epoch} began by itself at {}: the database had gone back in time or become another one ({why})",
                noticed_at.to_rfc3339()
            )?;
        }
        write!(to, "verify: {} rows in {} feeds, {} faults", self.rows, self.feeds, self.faults.len())?;
        if self.withheld > 0 {
            write!(to, "; {} rows are withheld from laptops", self.withheld)?;
        }
        Ok(())
    }
}

#[derive(FromRow)]
struct Difference {
    scope: String,
    entity: i16,
    row_id: Uuid,
    should: Option<i64>,
    listed: Option<i64>,
    is_changed: bool,
}

/// Compares without changing anything.
///
/// # Errors
/// When the database fails.
pub async fn verify(pool: &PgPool) -> Result<Report, Failure> {
    let mut transaction = pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let report = compare(&mut transaction).await?;
    transaction.commit().await?;
    Ok(report)
}

/// Compares and repairs. Returns what it found before the repair.
///
/// # Errors
/// When the database fails; then nothing is changed, except that rows with a changed value may have a new stamp.
pub async fn repair(pool: &PgPool) -> Result<Report, Failure> {
    let changed: Vec<Fault> = verify(pool).await?.faults.into_iter().filter(Fault::is_change).collect();
    // In a separate transaction: the following one locks every head, and writers lock their rows before the heads.
    restamp(pool, &changed).await?;
    let mut transaction = pool.begin().await?;
    // Transactions that commit now have drained their queue already; all others wait for the heads. So tables and feeds do not
    // change during the repair.
    sqlx::query("SELECT id FROM scope_heads ORDER BY scope FOR UPDATE").execute(&mut *transaction).await?;
    let report = compare(&mut transaction).await?;
    if !report.faults.is_empty() || report.withheld > 0 {
        sqlx::query("SELECT feed_open()").execute(&mut *transaction).await?;
        sqlx::query(AssertSqlSafe(queue_differences())).execute(&mut *transaction).await?;
        // Withheld rows are tried again: this version may be able to send them.
        sqlx::query(AssertSqlSafe(queue_withheld())).execute(&mut *transaction).await?;
        sqlx::query("SELECT moved_scope FROM feed_drain_queue()").execute(&mut *transaction).await?;
        // The version increases, so that every laptop pulls and receives the right checksum.
        sqlx::query(AssertSqlSafe(format!(
            "UPDATE scope_heads h SET version = w.newest + 1, checksum = w.total FROM ({WRONG_HEADS}) w WHERE w.id = h.id"
        )))
        .execute(&mut *transaction)
        .await?;
        sqlx::query("SELECT pg_notify('waystation_feed', '*')").execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(Report { faults: changed.into_iter().chain(report.faults).collect(), ..report })
}

/// Gives rows whose values changed without a stamp a new one, so that laptops receive them like any change.
async fn restamp(pool: &PgPool, changed: &[Fault]) -> Result<(), Failure> {
    let mut rows: BTreeMap<&str, Vec<Uuid>> = BTreeMap::new();
    for fault in changed {
        if let Fault::Row { entity, row_id, .. } = fault {
            rows.entry(entity).or_default().push(*row_id);
        }
    }
    let mut transaction = pool.begin().await?;
    for (entity, ids) in rows {
        // The row's trigger replaces the 0 by the next stamp.
        sqlx::query(AssertSqlSafe(format!("UPDATE {entity} SET stamp = 0 WHERE id = ANY($1)")))
            .bind(ids)
            .execute(&mut *transaction)
            .await?;
    }
    commit(transaction).await?;
    Ok(())
}

/// Heads that do not match their feed, with the right values.
const WRONG_HEADS: &str = "SELECT s.id, s.scope, greatest(s.version, s.newest) AS newest, s.total FROM ( \
    SELECT h.id, h.scope, h.version, h.checksum, coalesce(max(f.version), 0) AS newest, feed_wrap(coalesce(sum(f.hash), 0)) AS total \
    FROM scope_heads h LEFT JOIN feed f ON f.scope_id = h.id GROUP BY h.id \
) s WHERE s.newest > s.version OR s.total <> s.checksum";

/// `scope`, `entity`, `row_id`, the right hash (`should`) and the feed's (`listed`), where the two differ or the values differ
/// under the same stamp (`is_changed`), and the values' `digest`.
fn differences() -> String {
    format!(
        "SELECT coalesce(s.scope, l.scope) AS scope, coalesce(s.entity, l.entity) AS entity, coalesce(s.row_id, l.row_id) AS row_id, \
         s.hash AS should, l.hash AS listed, s.digest AS digest, coalesce(s.hash = l.hash, false) AS is_changed \
         FROM ({}) s FULL JOIN ( \
             SELECT h.scope, f.entity, f.row_id, f.hash, f.digest, f.state FROM feed f JOIN scope_heads h ON h.id = f.scope_id \
             WHERE f.state IN (0, 3) \
         ) l ON l.scope = s.scope AND l.entity = s.entity AND l.row_id = s.row_id \
         WHERE (s.hash IS DISTINCT FROM l.hash OR s.digest <> l.digest) AND l.state IS DISTINCT FROM 3",
        live_rows()
    )
}

fn queue_differences() -> String {
    format!(
        "INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest) \
         SELECT d.scope, d.entity, d.row_id, 0, CASE WHEN d.should IS NOT NULL THEN 0 WHEN e.row_id IS NOT NULL THEN 1 ELSE 2 END, coalesce(d.should, 0), false, d.digest \
         FROM ({}) d LEFT JOIN ({}) e ON e.entity = d.entity AND e.row_id = d.row_id",
        differences(),
        every_row()
    )
}

fn queue_withheld() -> String {
    format!(
        "INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new) \
         SELECT s.scope, s.entity, s.row_id, 0, 0, s.hash, false FROM ({}) s JOIN scope_heads h ON h.scope = s.scope \
         JOIN feed f ON f.scope_id = h.id AND f.entity = s.entity AND f.row_id = s.row_id AND f.state = 3",
        live_rows()
    )
}

async fn compare(connection: &mut PgConnection) -> Result<Report, Failure> {
    let (rows, feeds): (i64, i64) =
        sqlx::query_as(AssertSqlSafe(format!("SELECT (SELECT count(*) FROM ({}) s), (SELECT count(*) FROM scope_heads)", live_rows())))
            .fetch_one(&mut *connection)
            .await?;
    let withheld: i64 = sqlx::query_scalar("SELECT count(*) FROM (SELECT DISTINCT f.entity, f.row_id FROM feed f WHERE f.state = 3) w")
        .fetch_one(&mut *connection)
        .await?;
    let differences: Vec<Difference> =
        sqlx::query_as(AssertSqlSafe(format!("{} ORDER BY 1, 2, 3", differences()))).fetch_all(&mut *connection).await?;
    let mut faults = Vec::with_capacity(differences.len());
    for Difference { scope, entity, row_id, should, listed, is_changed } in differences {
        let entity = entity_by_code(entity).map_or("an unknown table", |entity| entity.name);
        let fault = match (should, listed) {
            (Some(_), None) => RowFault::Missing,
            (None, _) => RowFault::Ghost,
            (Some(_), Some(_)) if is_changed => RowFault::Changed,
            (Some(_), Some(_)) => RowFault::Stale,
        };
        faults.push(Fault::Row { fault, scope, entity, row_id });
    }
    let heads: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("SELECT w.scope FROM ({WRONG_HEADS}) w ORDER BY w.scope")))
        .fetch_all(&mut *connection)
        .await?;
    faults.extend(heads.into_iter().map(|scope| Fault::Head { scope }));
    let begun = "SELECT epoch, why, noticed_at FROM (SELECT ordinal, epoch, why, noticed_at FROM database_runs \
         WHERE why IN ('moved', 'went_back') ORDER BY ordinal DESC LIMIT $1) r ORDER BY ordinal";
    let epochs = sqlx::query_as(begun).bind(EPOCHS_LISTED_MAX).fetch_all(&mut *connection).await?;
    Ok(Report { rows, feeds, withheld, faults, epochs })
}
