//! One change of one row, as a test writes it.

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

/// A row to make or to change.
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

/// A row to delete.
pub fn delete(entity: &str, id: Uuid) -> Change {
    Change { op: Operation::Delete, ..put(entity).id(id) }
}

impl Change {
    /// … of this id.
    #[must_use]
    pub fn id(mut self, id: Uuid) -> Change {
        self.id = Some(id);
        self
    }

    /// … made on the server's row of this stamp.
    #[must_use]
    pub fn on(mut self, stamp: i64) -> Change {
        self.base.stamp = Some(stamp);
        self
    }

    /// … made on top of the device's own mutation of this number.
    #[must_use]
    pub fn on_own(mut self, n: i64) -> Change {
        self.base.own = Some(n);
        self
    }

    /// … made at this time, in microseconds. Now, if it does not say.
    #[must_use]
    pub fn at(mut self, at_us: i64) -> Change {
        self.at = Some(at_us);
        self
    }

    /// … with this value.
    #[must_use]
    pub fn set(mut self, column: &str, value: impl Into<Value>) -> Change {
        self.columns.push(column.to_owned());
        self.values.push(value.into());
        self
    }

    /// … with an id as a value.
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
