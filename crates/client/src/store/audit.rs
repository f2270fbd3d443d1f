//! The background audit: recomputes the scope sums from the rows, and compares each row with its stored digest. The stored sums
//! are only updated by pulls, so they do not show rows that a damaged disk or another program removed, added or changed.
//! Scopes in which the audit finds something are marked as damaged.
//!
//! It reads the whole database in small steps, and stops when anything was written meanwhile.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, params};
use uuid::Uuid;
use waystation_model::hash::row_hash;
use waystation_model::registry::{self, Entity};

use super::{overlay, rows, scopes, slices};
use crate::error::{ClientError, Result};

/// Rows that one step reads. Limits how long a write has to wait for the audit.
pub const STEP_ROWS_MAX: i64 = 500;

/// A running audit.
pub struct Audit {
    organization: Uuid,
    /// SQLite's `total_changes` of the connection at the end of the last step.
    began_at: u64,
    table: usize,
    /// The id of the last row that was counted.
    after: String,
    counted: HashMap<String, i64>,
    /// Scopes with rows that do not match their digests.
    changed: HashSet<String>,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// There is more to count.
    More,
    /// Something was written meanwhile: the counts are invalid.
    Disturbed,
    /// Everything was counted. These scopes do not match and are now marked as damaged.
    Done(Vec<String>),
}

impl Audit {
    /// Begins at the first row.
    ///
    /// # Errors
    /// When the database fails.
    pub fn begin(connection: &Connection) -> Result<Audit> {
        let organization: String = connection.query_row("SELECT organization_id FROM device", [], |row| row.get(0))?;
        Ok(Audit {
            organization: Uuid::parse_str(&organization).map_err(|_| ClientError::Damaged("the organization's id".into()))?,
            began_at: connection.total_changes(),
            table: 0,
            after: String::new(),
            counted: HashMap::new(),
            changed: HashSet::new(),
        })
    }

    /// Counts the next rows. After the last row, compares the sums.
    ///
    /// # Errors
    /// When the database fails.
    pub fn step(&mut self, connection: &Connection) -> Result<Step> {
        if connection.total_changes() != self.began_at {
            return Ok(Step::Disturbed);
        }
        let Some(entity) = registry::all().get(self.table) else {
            self.count_shadows(connection)?;
            return self.compare(connection).map(Step::Done);
        };
        // Rows with pending changes are counted from their shadows, at the end.
        let mut statement = connection.prepare_cached(&format!(
            "SELECT id, digest IS NULL AS unknown, {1} AS fits FROM {0} r
             WHERE id > ?1 AND NOT EXISTS (SELECT row_id FROM shadows s WHERE s.entity = '{0}' AND s.row_id = r.id)
             ORDER BY id LIMIT ?2",
            entity.name,
            rows::sql(entity).digest_matches
        ))?;
        let found: Vec<(String, bool, bool)> = statement
            .query_map(params![self.after, STEP_ROWS_MAX], |row| Ok((row.get("id")?, row.get("unknown")?, row.get("fits")?)))?
            .collect::<Result<_, _>>()?;
        for (id, unknown, fits) in &found {
            // The server only sends ids in canonical form.
            if !Uuid::parse_str(id).is_ok_and(|parsed| rows::id_text(&parsed) == *id) {
                tracing::warn!(table = entity.name, id, "a row with an invalid id is deleted");
                rows::delete(connection, entity, id)?;
                continue;
            }
            let Some((stamp, values)) = rows::read_scope_columns(connection, entity, id)? else { continue };
            self.count(entity, id, stamp, &values);
            if *unknown {
                rows::store_digest(connection, entity, id)?;
            } else if !fits && let Ok(id) = Uuid::parse_str(id) {
                self.changed.extend(entity.scopes_of(&id, &self.organization, &values));
            }
        }
        self.began_at = connection.total_changes();
        match found.into_iter().next_back() {
            Some((last, ..)) => self.after = last,
            None => {
                self.table += 1;
                self.after.clear();
            }
        }
        Ok(Step::More)
    }

    fn count_shadows(&mut self, connection: &Connection) -> Result<()> {
        let mut statement = connection.prepare_cached("SELECT entity, row_id FROM shadows WHERE stamp <> 0")?;
        let shadows: Vec<(String, String)> =
            statement.query_map([], |row| Ok((row.get("entity")?, row.get("row_id")?)))?.collect::<Result<_, _>>()?;
        for (name, id) in &shadows {
            let Some(entity) = registry::entity(name) else { continue };
            if let Some(Some(row)) = overlay::read_shadow(connection, entity, id)? {
                self.count(entity, id, row.stamp, &row.values);
                if !overlay::is_sound(connection, entity, id)?
                    && let Ok(id) = Uuid::parse_str(id)
                {
                    self.changed.extend(entity.scopes_of(&id, &self.organization, &row.values));
                }
            }
        }
        Ok(())
    }

    fn count(&mut self, entity: &Entity, id: &str, stamp: i64, values: &[serde_json::Value]) {
        // A row with an invalid id is in no sum.
        let Ok(id) = Uuid::parse_str(id) else { return };
        let hash = row_hash(entity.name, &id, stamp);
        for scope in entity.scopes_of(&id, &self.organization, values) {
            let sum = self.counted.entry(scope).or_default();
            *sum = sum.wrapping_add(hash);
        }
    }

    /// Corrects the stored sums, and marks every scope as damaged whose rows do not match its checksum or their digests.
    fn compare(&self, connection: &Connection) -> Result<Vec<String>> {
        let mut statement = connection.prepare_cached(
            "SELECT coalesce(s.scope, h.scope) AS scope, coalesce(s.sum, 0) AS sum, h.checksum AS checksum, coalesce(h.whole, 0) AS whole
             FROM scope_sums s FULL JOIN scopes h ON h.scope = s.scope",
        )?;
        let known: Vec<(String, i64, Option<i64>, bool)> = statement
            .query_map([], |row| Ok((row.get("scope")?, row.get("sum")?, row.get("checksum")?, row.get("whole")?)))?
            .collect::<Result<_, _>>()?;
        let mut kept: HashMap<String, i64> = HashMap::new();
        let mut damaged = Vec::new();
        for (scope, sum, checksum, whole) in known {
            let counted = self.counted.get(&scope).copied().unwrap_or(0);
            // A correct sum may differ from the checksum: a row received through another scope is ahead of this scope's cursor.
            let fits = !whole || counted == sum || checksum == Some(counted) || scopes::has_unknown_tables(connection, &scope)?;
            if !fits || whole && self.changed.contains(&scope) {
                damaged.push(scope.clone());
            }
            kept.insert(scope, sum);
        }
        for (scope, counted) in &self.counted {
            kept.entry(scope.clone()).or_insert(0);
            if kept[scope] != *counted {
                scopes::set_sum(connection, scope, *counted)?;
            }
        }
        for (scope, _) in kept.iter().filter(|(scope, sum)| **sum != 0 && !self.counted.contains_key(*scope)) {
            scopes::set_sum(connection, scope, 0)?;
        }
        let mut marked = Vec::new();
        for scope in damaged {
            if slices::set_damaged(connection, &scope)? {
                marked.push(scope);
            }
        }
        Ok(marked)
    }
}
