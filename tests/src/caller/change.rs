//! Builds one change of one row.

use serde_json::Value;
use uuid::Uuid;
use waystation_model::wire::{Base, Mutation, Operation};

/// One change of one row.
#[derive(Debug, Clone)]
pub struct Change {
    entity: String,
    op: Operation,
    id: Option<Uuid>,
    base: Base,
    at: Option<i64>,
    columns: Vec<String>,
    values: Vec<Value>,
}

/// Creates or changes a row.
pub fn put(entity: &str) -> Change {
    Change {
        entity: entity.to_owned(),
        op: Operation::Put,
        id: None,
        base: Base::default(),
        at: None,
        columns: Vec::new(),
        values: Vec::new(),
    }
}

/// Deletes a row.
pub fn delete(entity: &str, id: Uuid) -> Change {
    Change { op: Operation::Delete, ..put(entity).id(id) }
}

impl Change {
    /// Sets the id.
    #[must_use]
    pub fn id(mut self, id: Uuid) -> Change {
        self.id = Some(id);
        self
    }

    /// Sets the base: the server's row with this stamp.
    #[must_use]
    pub fn on(mut self, stamp: i64) -> Change {
        self.base.stamp = Some(stamp);
        self
    }

    /// Sets the base: the device's own mutation with this number.
    #[must_use]
    pub fn on_own(mut self, n: i64) -> Change {
        self.base.own = Some(n);
        self
    }

    /// Sets the time of the edit in microseconds. Without it, the time of the push.
    #[must_use]
    pub fn at(mut self, at_us: i64) -> Change {
        self.at = Some(at_us);
        self
    }

    /// Sets a column.
    #[must_use]
    pub fn set(mut self, column: &str, value: impl Into<Value>) -> Change {
        self.columns.push(column.to_owned());
        self.values.push(value.into());
        self
    }

    /// Sets a column to an id.
    #[must_use]
    pub fn link(self, column: &str, id: Uuid) -> Change {
        self.set(column, id.to_string())
    }

    pub(super) fn numbered(self, n: i64, now_us: i64) -> Mutation {
        Mutation {
            n,
            entity: self.entity.into(),
            op: self.op,
            id: self.id,
            base: self.base,
            at: self.at.unwrap_or(now_us),
            columns: self.columns.into(),
            values: self.values,
        }
    }
}
