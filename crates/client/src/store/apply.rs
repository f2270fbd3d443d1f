//! Applies a pulled page in one transaction. Rows are stored as the server sent them; this device's changes after the page's
//! snapshot are applied on top again.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashSet};

use rusqlite::{Connection, params};
use serde_json::Value;
use uuid::Uuid;
use waystation_model::registry::{self, Entity};
use waystation_model::scope::ScopeKind;

use super::cell::Cell;
use super::device::Device;
use super::follows;
use super::lost;
use super::outbox;
use super::overlay::{self, rebuild, write_shadow};
use super::page::{self, Change, GoneLine, Outline, RowsLine, WithheldLine};
use super::plan::{Fixed, Plan};
use super::rows::{self, Row, id_text};
use super::scopes::{self, Sums};
use super::withheld;
use crate::error::{ClientError, Result};

/// The result of an applied page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// The tables that changed.
    pub entities: BTreeSet<&'static str>,
    /// How many rows it carried.
    pub rows: usize,
    /// Whether another page follows.
    pub more: bool,
    /// Scopes whose checksum did not match, to repair slice by slice.
    pub mismatched: Vec<String>,
    /// Scopes whose checksum did not match and that are read again from 0.
    pub reread: Vec<String>,
    /// Scopes whose checksum still did not match after the maximum of rereads.
    pub damaged: Vec<String>,
}

/// Whether a page was applied, and otherwise why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It was applied.
    Applied(Applied),
    /// The server is in another epoch, or went back in time within one: the cursors were set to 0, pull again.
    StartAgain,
    /// The server has mutations of this device that were never made here: this database is a copy.
    Copied,
}

/// Applies a complete page at `now_ms`. `offset_ms` is the server's clock minus this laptop's, measured when the page was
/// received; none when it could not be measured.
///
/// # Errors
/// When the database fails or a row does not fit its table; the caller rolls back then.
pub fn apply(
    connection: &Connection,
    device: &mut Device,
    now_ms: i64,
    offset_ms: Option<i64>,
    bytes: &[u8],
    outline: &Outline,
) -> Result<Verdict> {
    // A client that was too old to pull has pushed without receiving an epoch.
    let never_pulled = device.epoch == 0 && outline.applied_upto >= device.acknowledged_n;
    if outline.epoch != device.epoch && !never_pulled {
        device.epoch = outline.epoch;
        device.receive_witness(outline.witness.as_deref());
        lost::remember(connection, &device.owner, &outline.lost, now_ms)?;
        // No push was accepted in the new epoch yet, so `applied_upto` is all that the server has of this device.
        return start_again(connection, device, outline.applied_upto);
    }
    if is_copy(connection, device, outline)? {
        return Ok(Verdict::Copied);
    }
    device.epoch = outline.epoch;
    if outline.applied_upto >= device.acknowledged_n {
        // A page that is older than the last push answer has an older witness.
        device.receive_witness(outline.witness.as_deref());
    }
    device.clock_offset_ms = offset_ms.unwrap_or(device.clock_offset_ms);

    let mut page = Page::begin(connection, outline)?;
    for change in page::changes(bytes) {
        match change? {
            Change::Rows(line) => page.rows(&line)?,
            Change::Gone(line) => page.gone(&line)?,
            Change::Removed(scope) => page.removed(&scope)?,
            Change::Withheld(line) => page.withheld(&line)?,
        }
    }
    let mut applied = page.end()?;
    if note_follows(connection, outline)? {
        applied.entities.insert(follows::FOLLOWS);
    }
    if !applied.more {
        device.applied_upto = outline.applied_upto;
        outbox::forget_safe(connection, outline.safe_upto.min(device.acknowledged_n))?;
        if applied.reread.is_empty() {
            device.first_sync_done = true;
            device.last_sync_at = Some(now_ms);
            device.receive_server_time(outline.server_time);
        }
    }
    super::device::save(connection, device)?;
    Ok(Verdict::Applied(applied))
}

/// Notes which follows the server refuses. True when the page says anything about a followed scope.
fn note_follows(connection: &Connection, outline: &Outline) -> Result<bool> {
    let mut changed = follows::is_any_followed(connection, outline.scopes.iter().map(|step| step.scope.as_str()))?;
    for scope in &outline.not_followed {
        changed |= follows::refuse(connection, scope)?;
    }
    Ok(changed)
}

/// Removes a scope that this laptop gives up by itself, as a page does that removes it. Returns the tables that changed. When a page
/// that was requested before brings the scope back, the next one removes it again.
///
/// # Errors
/// When the database fails.
pub fn leave(connection: &Connection, device: &Device, scope: &str) -> Result<BTreeSet<&'static str>> {
    let outline = Outline { removed: vec![scope.to_owned()], ..Outline::of_no_page(device) };
    let mut page = Page::begin(connection, &outline)?;
    page.removed(scope)?;
    std::mem::take(&mut page.sums).store(connection)?;
    let mut entities = page.applied.entities;
    entities.insert(follows::FOLLOWS);
    Ok(entities)
}

/// The server has lost data or is in a new epoch: every scope is read again, and mutations beyond `applied_upto` are queued to
/// be sent again. The page itself is not applied.
///
/// # Errors
/// When the database fails.
pub fn start_again(connection: &Connection, device: &mut Device, applied_upto: i64) -> Result<Verdict> {
    device.first_sync_done = false;
    scopes::start_again(connection)?;
    if applied_upto < device.acknowledged_n && !outbox::rewind_to(connection, device, applied_upto)? {
        outbox::requeue_all(connection, device)?;
        return Ok(Verdict::Copied);
    }
    super::device::save(connection, device)?;
    Ok(Verdict::StartAgain)
}

/// Whether the server received other mutations from this device than this database has sent.
fn is_copy(connection: &Connection, device: &Device, outline: &Outline) -> Result<bool> {
    if outline.applied_upto >= device.next_n {
        return Ok(true);
    }
    let known = match outline.applied_upto.cmp(&device.acknowledged_n) {
        // The page is older than the last push answer. The caller decides whether that is possible.
        Ordering::Less => return Ok(false),
        Ordering::Equal => Some(device.acknowledged_chain),
        // A mutation gets its chain before it is sent: one that the server has and that has no chain here was made elsewhere.
        Ordering::Greater => outbox::chain_at(connection, outline.applied_upto)?,
    };
    Ok(known.is_none_or(|chain| hex::encode(chain) != outline.chain))
}

/// A page while it is being applied.
pub(super) struct Page<'c> {
    pub(super) connection: &'c Connection,
    pub(super) outline: &'c Outline,
    organization_id: Uuid,
    /// Scopes that are being read again from 0.
    pub(super) rereading: HashSet<String>,
    /// Tables that this build does not know, with the scopes that hold them: scope, table.
    pub(super) unknown: BTreeSet<(String, String)>,
    /// Columns that this build does not know, with the scopes that hold rows with them: scope, table, column.
    pub(super) unknown_columns: BTreeSet<(String, &'static str, String)>,
    /// Rows with a shadow, that is with pending changes on top: table, id.
    shadowed: HashSet<(String, String)>,
    /// Whether any row is withheld. Otherwise received rows need not be looked up among the withheld ones.
    any_withheld: bool,
    pub(super) sums: Sums,
    pub(super) applied: Applied,
}

impl<'c> Page<'c> {
    pub(super) fn begin(connection: &'c Connection, outline: &'c Outline) -> Result<Page<'c>> {
        let organization_id: String = connection.query_row("SELECT organization_id FROM device", [], |row| row.get(0))?;
        let mut statement = connection.prepare_cached("SELECT scope FROM scopes WHERE reading <> 0")?;
        let rereading = statement.query_map([], |row| row.get("scope"))?.collect::<Result<_, _>>()?;
        let mut statement = connection.prepare_cached("SELECT entity, row_id FROM shadows")?;
        let shadowed = statement.query_map([], |row| Ok((row.get("entity")?, row.get("row_id")?)))?.collect::<Result<_, _>>()?;
        Ok(Page {
            connection,
            outline,
            organization_id: Uuid::parse_str(&organization_id).map_err(|_| ClientError::Damaged("the organization's id".into()))?,
            rereading,
            unknown: BTreeSet::new(),
            unknown_columns: BTreeSet::new(),
            shadowed,
            any_withheld: withheld::count(connection)? > 0,
            sums: Sums::default(),
            applied: Applied { more: outline.more, ..Applied::default() },
        })
    }

    fn scopes_of(&self, entity: &Entity, id: &Uuid, values: &[Value]) -> Vec<String> {
        entity.scopes_of(id, &self.organization_id, values)
    }

    /// Whether this laptop subscribes to the scope once this page is applied.
    fn is_subscribed(&self, scope: &str) -> Result<bool> {
        if self.outline.removed.iter().any(|removed| removed == scope) {
            return Ok(false);
        }
        Ok(self.outline.scopes.iter().any(|step| step.scope == scope) || scopes::is_subscribed(self.connection, scope)?)
    }

    pub(super) fn is_shadowed(&self, entity: &Entity, id: &str) -> bool {
        !self.shadowed.is_empty() && self.shadowed.contains(&(entity.name.to_owned(), id.to_owned()))
    }

    pub(super) fn rows(&mut self, line: &RowsLine<'_>) -> Result<()> {
        let Some(entity) = registry::entity(&line.entity) else {
            self.unknown.insert((line.scope.clone().into_owned(), line.entity.clone().into_owned()));
            return Ok(());
        };
        let plan = Plan::of(entity, &line.columns)?;
        for column in Plan::unknown(entity, &line.columns) {
            self.unknown_columns.insert((line.scope.clone().into_owned(), entity.name, column.clone()));
        }
        let reread = self.rereading.contains(line.scope.as_ref());
        if !line.rows.is_empty() {
            self.applied.entities.insert(entity.name);
        }
        self.applied.rows += line.rows.len();
        let mut read = line.rows.iter().map(|cells| Ok((plan.read(cells)?, cells))).collect::<Result<Vec<_>>>()?;
        // Sorted by id, because sequential writes to the index touch fewer pages than random ones.
        read.sort_unstable_by_key(|(row, _)| row.id);
        let mut insert = self.connection.prepare_cached(&rows::sql(entity).insert)?;
        let mut scope_values = vec![Value::Null; entity.columns.len()];
        for (row, cells) in read {
            let id = id_text(&row.id);
            if self.any_withheld {
                withheld::forget(self.connection, entity.name, &row.id)?;
            }
            for index in &rows::sql(entity).scope_columns {
                scope_values[*index] = plan.cell(cells, *index).map_or(Value::Null, Cell::to_value);
            }
            let scopes = self.scopes_of(entity, &row.id, &scope_values);
            if self.is_shadowed(entity, &id) {
                self.store_under_pending(entity, &row.id, &id, plan.row(cells, &row), &scopes)?;
            } else if plan.execute(&mut insert, cells, &row, &id)? == 1 {
                // Most rows of a first sync are new, and the insert itself shows that with one statement.
                self.sums.add(entity, &row.id, row.stamp, &scopes);
            } else {
                self.overwrite(&plan, cells, &row, &id, &scopes, reread)?;
            }
            if reread {
                self.connection
                    .prepare_cached("INSERT INTO reread_rows (scope, entity, row_id) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")?
                    .execute(params![line.scope, entity.name, id])?;
            }
        }
        Ok(())
    }

    /// Overwrites an existing row that has no pending changes.
    fn overwrite(&mut self, plan: &Plan, cells: &[Cell<'_>], row: &Fixed, id: &str, scopes: &[String], reread: bool) -> Result<()> {
        let entity = plan.entity;
        let before = rows::read_scope_columns(self.connection, entity, id)?;
        if let Some((stamp, scope_values)) = &before {
            // The row was already received through another of its scopes.
            if *stamp == row.stamp && !reread {
                return Ok(());
            }
            let scopes = self.scopes_of(entity, &row.id, scope_values);
            self.sums.subtract(entity, &row.id, *stamp, &scopes);
        }
        let mut update = self.connection.prepare_cached(&rows::sql(entity).update)?;
        plan.execute(&mut update, cells, row, id)?;
        self.sums.add(entity, &row.id, row.stamp, scopes);
        Ok(())
    }

    /// Stores the server's row in the shadow, under the pending changes.
    fn store_under_pending(&mut self, entity: &'static Entity, id: &Uuid, text: &str, row: Row, scopes: &[String]) -> Result<()> {
        self.forget_server_row(entity, id, text)?;
        self.sums.add(entity, id, row.stamp, scopes);
        write_shadow(self.connection, entity, text, Some(&row))?;
        self.reapply_pending(entity, text)
    }

    /// Subtracts the shadow's row from the sums, before it is replaced or removed.
    fn forget_server_row(&mut self, entity: &Entity, id: &Uuid, text: &str) -> Result<()> {
        if let Some(Some(before)) = overlay::read_shadow(self.connection, entity, text)? {
            let scopes = self.scopes_of(entity, id, &before.values);
            self.sums.subtract(entity, id, before.stamp, &scopes);
        }
        Ok(())
    }

    /// Marks the row's mutations that the page's snapshot contains as covered, and applies the remaining ones on top again.
    fn reapply_pending(&mut self, entity: &'static Entity, text: &str) -> Result<()> {
        self.connection
            .prepare_cached(
                "UPDATE outbox SET state = 3, chain = coalesce(chain, zeroblob(32)) WHERE row_id = ?1 AND entity = ?2 AND state < 3 AND n <= ?3",
            )?
            .execute(params![text, entity.name, self.outline.applied_upto])?;
        rebuild(self.connection, entity, text)?;
        if overlay::read_shadow(self.connection, entity, text)?.is_none() {
            self.shadowed.remove(&(entity.name.to_owned(), text.to_owned()));
        }
        Ok(())
    }

    fn gone(&mut self, line: &GoneLine<'_>) -> Result<()> {
        let Some(entity) = registry::entity(&line.entity) else { return Ok(()) };
        for id in &line.ids {
            if self.any_withheld {
                withheld::forget(self.connection, entity.name, id)?;
            }
            self.remove_row(entity, id, (!line.deleted).then_some(line.scope.as_ref()))?;
        }
        Ok(())
    }

    /// Stores the ids of withheld rows. An earlier line of the page has removed the rows themselves.
    fn withheld(&mut self, line: &WithheldLine<'_>) -> Result<()> {
        let Some(entity) = registry::entity(&line.entity) else { return Ok(()) };
        self.any_withheld = true;
        withheld::remember(self.connection, &line.scope, entity.name, &line.ids)
    }

    /// Removes the server's row, unless this laptop subscribes to another scope than `left` that holds it.
    pub(super) fn remove_row(&mut self, entity: &'static Entity, id: &Uuid, left: Option<&str>) -> Result<()> {
        let text = id_text(id);
        let shadowed = self.is_shadowed(entity, &text);
        let before = if shadowed {
            overlay::read_shadow(self.connection, entity, &text)?.flatten().map(|row| (row.stamp, row.values))
        } else {
            rows::read_scope_columns(self.connection, entity, &text)?
        };
        let Some((stamp, values)) = before else { return Ok(()) };
        let scopes = self.scopes_of(entity, id, &values);
        if let Some(left) = left {
            for scope in scopes.iter().filter(|scope| *scope != left) {
                if self.is_subscribed(scope)? {
                    return Ok(());
                }
            }
        }
        self.applied.entities.insert(entity.name);
        self.sums.subtract(entity, id, stamp, &scopes);
        if shadowed {
            write_shadow(self.connection, entity, &text, None)?;
            self.reapply_pending(entity, &text)
        } else {
            rows::delete(self.connection, entity, &text)
        }
    }

    fn removed(&mut self, scope: &str) -> Result<()> {
        for (entity, id) in self.rows_in_scope(scope)? {
            self.remove_row(entity, &id, Some(scope))?;
        }
        self.connection.execute("DELETE FROM scopes WHERE scope = ?1", [scope])?;
        withheld::forget_scope(self.connection, scope)?;
        lost::make_due_now(self.connection)
    }

    /// The rows whose columns put them into `scope`, by the server's last known state of them.
    pub(super) fn rows_in_scope(&self, scope: &str) -> Result<Vec<(&'static Entity, Uuid)>> {
        let Some((kind, key)) = ScopeKind::parse(scope) else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for entity in registry::all() {
            // Two rules of one kind may find the same row.
            let mut seen = HashSet::new();
            for rule in entity.scopes.iter().filter(|rule| rule.kind == kind) {
                let sql = match rule.column {
                    "organization_id" => format!("SELECT id FROM {} WHERE ?1 = ?1", entity.name),
                    column => format!("SELECT id FROM {} WHERE {column} = ?1", entity.name),
                };
                let sql = format!("{sql} UNION SELECT row_id FROM shadows WHERE entity = '{}'", entity.name);
                let mut statement = self.connection.prepare(&sql)?;
                let ids: Vec<String> = statement.query_map([key], |row| row.get(0))?.collect::<Result<_, _>>()?;
                for text in ids {
                    if seen.contains(&text) {
                        continue;
                    }
                    let values = if self.is_shadowed(entity, &text) {
                        overlay::read_shadow(self.connection, entity, &text)?.flatten().map(|row| row.values)
                    } else {
                        rows::read_scope_columns(self.connection, entity, &text)?.map(|(_, values)| values)
                    };
                    let (Some(values), Ok(id)) = (values, Uuid::parse_str(&text)) else { continue };
                    if self.scopes_of(entity, &id, &values).iter().any(|found| found == scope) {
                        found.push((*entity, id));
                    }
                    seen.insert(text);
                }
            }
        }
        Ok(found)
    }
}
