//! One change of one row: whether an actor may make it, and its result.

use serde_json::Value;
use waystation_model::access::{Actor, allows, refused_column};
use waystation_model::merge::{Change, Merged, Stored, merge, was_seen};
use waystation_model::registry::Entity;
use waystation_model::{Code, Problem};

use super::RowId;

/// The columns that a change sets, by index, with their values.
pub type Fields = Vec<(usize, Value)>;

/// One change of one row, from a push or from an accepted decision.
pub struct RowChange<'a> {
    /// The table.
    pub entity: &'static Entity,
    /// The row.
    pub id: RowId,
    /// Fields, author, time and base of the change.
    pub change: Change<'a>,
}

impl RowChange<'_> {
    /// Merges the change into the row with the actor's rights.
    pub fn put(&self, current: Option<&Stored>, actor: &Actor) -> Result<Merged, Problem> {
        let RowChange { entity, id, change } = self;
        if current.is_none() && change.base.stamp.is_some() {
            return Err(Problem::new(Code::NotFound, "the row was deleted meanwhile"));
        }
        let may = |values: &[Value]| allows(entity.write, entity, id, values, actor);
        if current.is_some_and(|stored| !may(&stored.values)) {
            return Err(Problem::new(Code::NotAllowed, "the writer has no right to this row"));
        }
        let merged = merge(entity, current, change)?;
        if !may(&merged.values) {
            return Err(Problem::new(Code::NotAllowed, "the writer has no right to this row"));
        }
        let stored = current.map(|stored| stored.values.as_slice());
        if let Some(column) = refused_column(entity, id, stored, change.fields, &merged.values, actor) {
            return Err(Problem::new(Code::NotAllowed, format!("the writer has no right to give {}", column.name)).field(column.name));
        }
        Ok(merged)
    }

    /// Whether the actor may delete the row. A delete never overrides an edit that it has not seen.
    pub fn delete(&self, stored: &Stored, actor: &Actor) -> Result<(), Problem> {
        if !allows(self.entity.delete, self.entity, &self.id, &stored.values, actor) {
            return Err(Problem::new(Code::NotAllowed, "the writer has no right to delete this row"));
        }
        if !was_seen(stored, self.change.device, self.change.base) {
            return Err(Problem::new(Code::ChangedMeanwhile, "the row was changed meanwhile"));
        }
        Ok(())
    }
}
