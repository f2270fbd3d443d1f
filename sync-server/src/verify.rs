//! `sync-server verify`: compares every feed, checksum and head with the tables, and mends what differs.
//!
//! Values are compared by the digest that each feed keeps of them: a change that no trigger has seen has the stamp of before.
//!
//! A mended row moves forward in its feed like any change. So laptops hear of it with their next pull and nobody starts
//! again.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use sqlx::{AssertSqlSafe, FromRow, PgConnection, PgPool};
use uuid::Uuid;
use waystation_model::audit::{every_row, live_rows};
use waystation_model::registry::entity_by_code;

use crate::database::commit;
use crate::failure::Failure;

/// Faults that are named one by one; the rest is only counted.
const FAULTS_LISTED_MAX: usize = 20;
/// Epochs that are named, the latest ones.
const EPOCHS_LISTED_MAX: i64 = 5;

/// What is wrong with one row in one feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowFault {
    /// The row lives in the scope, and its feed does not say so.
    Missing,
    /// The feed says that the row lives there, and it does not.
    Ghost,
    /// The feed has an older state of the row.
    Stale,
    /// The row's values are not those that it had under its stamp: they were changed with triggers off.
    Changed,
}

/// One thing that does not fit.
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
                    RowFault::Ghost => "not living in",
                    RowFault::Stale => "older in",
                    RowFault::Changed => "changed without a new stamp in",
                };
                write!(to, "{entity} {row_id} is {word} {scope}")
            }
            Fault::Head { scope } => write!(to, "the head or the checksum of {scope} does not fit its rows"),
        }
    }
}

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Live rows in all feeds, as they ought to be.
    pub rows: i64,
    /// Feeds.
    pub feeds: i64,
    /// Rows that some feed withholds, because no laptop can be sent them. That is no fault of a feed.
    pub withheld: i64,
    /// Everything that does not fit.
    pub faults: Vec<Fault>,
    /// Epochs that began because the database was found to be another one, the latest last.
    pub epochs: Vec<Begun>,
}

/// An epoch that the database began by itself.
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

/// Compares, and changes nothing.
///
/// # Errors
/// When the database fails.
pub async fn verify(pool: &PgPool) -> Result<Report, Failure> {
    let mut transaction = pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let report = compare(&mut transaction).await?;
    transaction.commit().await?;
    Ok(report)
}

/// Compares and mends. Returns what it found before.
///
/// # Errors
/// When the database fails; then nothing is changed, but for values that were changed without a stamp and have one by then.
pub async fn repair(pool: &PgPool) -> Result<Report, Failure> {
    let changed: Vec<Fault> = verify(pool).await?.faults.into_iter().filter(Fault::is_change).collect();
    // In a transaction of its own: below every head is locked, and a writer holds its rows when it comes to the heads.
    stamp_again(pool, &changed).await?;
    let mut transaction = pool.begin().await?;
    // Whoever commits now has drained before; everybody else waits for the heads. So tables and feeds stand still together.
    sqlx::query("SELECT id FROM scope_heads ORDER BY scope FOR UPDATE").execute(&mut *transaction).await?;
    let report = compare(&mut transaction).await?;
    if !report.faults.is_empty() || report.withheld > 0 {
        sqlx::query("SELECT feed_open()").execute(&mut *transaction).await?;
        sqlx::query(AssertSqlSafe(queue_differences())).execute(&mut *transaction).await?;
        // What is withheld is tried again: a program of another version may be able to send it.
        sqlx::query(AssertSqlSafe(queue_withheld())).execute(&mut *transaction).await?;
        sqlx::query("SELECT moved_scope FROM feed_drain_queue()").execute(&mut *transaction).await?;
        // One version further, so that every laptop asks again and hears the right sum.
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

/// Gives rows whose values changed without a stamp a new one, as any change does. So laptops hear of them as they are.
async fn stamp_again(pool: &PgPool, changed: &[Fault]) -> Result<(), Failure> {
    let mut rows: BTreeMap<&str, Vec<Uuid>> = BTreeMap::new();
    for fault in changed {
        if let Fault::Row { entity, row_id, .. } = fault {
            rows.entry(entity).or_default().push(*row_id);
        }
    }
    let mut transaction = pool.begin().await?;
    for (entity, ids) in rows {
        // The row's trigger puts the next stamp in its place.
        sqlx::query(AssertSqlSafe(format!("UPDATE {entity} SET stamp = 0 WHERE id = ANY($1)")))
            .bind(ids)
            .execute(&mut *transaction)
            .await?;
    }
    commit(transaction).await?;
    Ok(())
}

/// Heads that do not fit their feed, with what they ought to be.
const WRONG_HEADS: &str = "SELECT s.id, s.scope, greatest(s.version, s.newest) AS newest, s.total FROM ( \
    SELECT h.id, h.scope, h.version, h.checksum, coalesce(max(f.version), 0) AS newest, feed_wrap(coalesce(sum(f.hash), 0)) AS total \
    FROM scope_heads h LEFT JOIN feed f ON f.scope_id = h.id GROUP BY h.id \
) s WHERE s.newest > s.version OR s.total <> s.checksum";

/// `scope`, `entity`, `row_id`, the hash as it `should` be and as it is `listed`, where the two differ or the values are others
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
