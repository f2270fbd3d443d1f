//! The rows of one set: read, merged in memory and written back.

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use uuid::Uuid;
use waystation_model::merge::{ConflictStep, Merged, Stored};
use waystation_model::registry::Entity;
use waystation_model::wire::Base;

use super::RowId;
use crate::authority::{Found, Writing};
use crate::failure::Failure;

/// The rows of one set.
#[derive(Default)]
pub struct Rows {
    rows: HashMap<RowId, Stored>,
    foreign: HashSet<RowId>,
    found: HashSet<RowId>,
    dirty: Vec<RowId>,
    /// Effects on losing values, in order.
    pub held: Vec<(RowId, ConflictStep)>,
}

impl Rows {
    /// The current row, including this push's changes.
    pub fn current(&self, id: RowId) -> Option<&Stored> {
        self.rows.get(&id)
    }

    /// Whether any row matches.
    pub fn any(&self, wanted: impl Fn(&Stored) -> bool) -> bool {
        self.rows.values().any(wanted)
    }

    /// Whether the id belongs to another organization's row, as far as that was looked for.
    pub fn is_foreign(&self, id: RowId) -> bool {
        self.foreign.contains(&id)
    }

    /// Finds the ids among these that rows of other organizations have.
    pub async fn find_elsewhere<W: Writing>(&mut self, transaction: &mut W, entity: &Entity, ids: &[RowId]) -> Result<(), Failure> {
        let unknown: Vec<RowId> = ids.iter().copied().filter(|id| !self.rows.contains_key(id)).collect();
        if !unknown.is_empty() {
            self.foreign.extend(transaction.ids_elsewhere(entity, &unknown).await?);
        }
        Ok(())
    }

    /// Whether the row does not exist, and the change's base says that another change of the same device creates it.
    pub fn builds_on_own(&self, id: RowId, base: Base) -> bool {
        !self.rows.contains_key(&id) && base.stamp.is_none() && base.own.is_some()
    }

    /// Stores the result of a merge.
    pub fn take(&mut self, id: RowId, merged: Merged) {
        self.held.extend(merged.conflict_steps.into_iter().map(|held| (id, held)));
        if merged.changed {
            self.rows.insert(id, Stored { stamp: None, values: merged.values, edits: merged.edits });
            self.dirty.push(id);
        }
    }

    /// Removes a deleted row.
    pub fn forget(&mut self, id: RowId) {
        self.rows.remove(&id);
        self.dirty.retain(|dirty| *dirty != id);
    }

    /// The rows to write, each once, in id order, so that two pushes of the same rows wait for each other instead of deadlocking.
    pub fn dirty(&self) -> Vec<RowId> {
        let mut ids = self.dirty.clone();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// The values of a row, to be completed before it is written.
    pub fn values_mut(&mut self, id: RowId) -> Option<&mut Vec<Value>> {
        self.rows.get_mut(&id).map(|stored| &mut stored.values)
    }
}

/// Reads written rows again with what the database has set, so that further changes can follow.
pub async fn reload<W: Writing>(transaction: &mut W, entity: &Entity, organization: Uuid, rows: &mut Rows) -> Result<(), Failure> {
    let written = rows.dirty();
    rows.dirty.clear();
    rows.held.clear();
    let fresh = load(transaction, entity, organization, &written).await?;
    rows.found.extend(fresh.found);
    rows.rows.extend(fresh.rows);
    Ok(())
}

/// Reads and locks the rows with these ids.
pub async fn load<W: Writing>(transaction: &mut W, entity: &Entity, organization: Uuid, ids: &[RowId]) -> Result<Rows, Failure> {
    let mut rows = Rows::default();
    if ids.is_empty() {
        return Ok(rows);
    }
    for Found { id, organization_id, stored } in transaction.rows(entity, ids).await? {
        if organization_id == organization {
            rows.found.insert(id);
            rows.rows.insert(id, stored);
        } else {
            rows.foreign.insert(id);
        }
    }
    Ok(rows)
}

/// Writes every changed row: one statement for existing rows, one for new ones. If another transaction has inserted a new row
/// meanwhile, nothing was merged with it, so `insert` fails with `InsertedConcurrently` and the push runs again.
pub async fn write<W: Writing>(transaction: &mut W, entity: &Entity, organization: Uuid, rows: &Rows) -> Result<(), Failure> {
    let (there, new): (Vec<RowId>, Vec<RowId>) = rows.dirty().into_iter().partition(|id| rows.found.contains(id));
    let stored = |ids: &[RowId]| ids.iter().filter_map(|id| rows.rows.get(id)).collect::<Vec<&Stored>>();
    if !new.is_empty() {
        transaction.insert(entity, organization, &new, &stored(&new)).await?;
    }
    if !there.is_empty() {
        transaction.update(entity, &there, &stored(&there)).await?;
    }
    Ok(())
}
