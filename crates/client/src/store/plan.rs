//! Maps the tuples of one line to rows of their table. The plan is built once per line and used for every tuple.

use rusqlite::Statement;
use uuid::Uuid;
use waystation_model::registry::{self, Entity};

use super::cell::Cell;
use super::rows::Row;
use crate::error::{ClientError, Result};

/// The positions of a table's columns in the tuples of one line.
pub struct Plan {
    /// The table.
    pub entity: &'static Entity,
    id: Option<usize>,
    stamp: usize,
    created_at: usize,
    updated_at: usize,
    /// For each column of the registry its position in a tuple.
    columns: Vec<Option<usize>>,
}

/// The columns that every row has.
const FIXED_COLUMNS: [&str; 4] = ["id", "stamp", "created_at", "updated_at"];

/// The values of the columns that every row has.
pub struct Fixed {
    /// Its id.
    pub id: Uuid,
    /// Its stamp.
    pub stamp: i64,
    /// When it was created.
    pub created_at: i64,
    /// When it last changed.
    pub updated_at: i64,
}

impl Plan {
    /// The plan for tuples of these columns.
    ///
    /// # Errors
    /// `bad_answer` when a column that every row has is missing.
    pub fn of(entity: &'static Entity, columns: &[String]) -> Result<Plan> {
        let position_of = |name: &str| columns.iter().position(|column| column == name);
        let need = |name: &str| position_of(name).ok_or_else(|| ClientError::BadAnswer(format!("rows of {} without {name}", entity.name)));
        Ok(Plan {
            entity,
            id: position_of("id"),
            stamp: need("stamp")?,
            created_at: need("created_at")?,
            updated_at: need("updated_at")?,
            columns: entity.columns.iter().map(|column| position_of(column.name)).collect(),
        })
    }

    /// The columns that this build does not know.
    pub fn unknown<'c>(entity: &'static Entity, columns: &'c [String]) -> impl Iterator<Item = &'c String> {
        columns.iter().filter(|name| !FIXED_COLUMNS.contains(&name.as_str()) && entity.column(name).is_none())
    }

    /// The cell of a column of the registry.
    pub fn cell<'r, 'a>(&self, cells: &'r [Cell<'a>], index: usize) -> Option<&'r Cell<'a>> {
        self.columns[index].and_then(|position| cells.get(position))
    }

    /// Reads the columns that every row has.
    ///
    /// # Errors
    /// `bad_answer` when one is missing or has another type.
    pub fn read(&self, cells: &[Cell<'_>]) -> Result<Fixed> {
        let bad = || ClientError::BadAnswer(format!("a row of {} without its id or times", self.entity.name));
        let integer = |position: usize| cells.get(position).and_then(Cell::as_i64);
        let id = match self.id.and_then(|position| cells.get(position)?.as_str()) {
            Some(text) => Uuid::parse_str(text).ok(),
            None => self.derived_id(cells),
        };
        Ok(Fixed {
            id: id.ok_or_else(bad)?,
            stamp: integer(self.stamp).ok_or_else(bad)?,
            created_at: integer(self.created_at).ok_or_else(bad)?,
            updated_at: integer(self.updated_at).ok_or_else(bad)?,
        })
    }

    fn derived_id(&self, cells: &[Cell<'_>]) -> Option<Uuid> {
        let registry::IdRule::Derived(keys) = self.entity.id else { return None };
        let key = |name: &&str| self.entity.column_index(name).and_then(|index| self.cell(cells, index)).and_then(Cell::as_str);
        Some(waystation_model::ids::derived_id(self.entity.name, keys.iter().map(key)))
    }

    /// The complete row.
    pub fn row(&self, cells: &[Cell<'_>], fixed: &Fixed) -> Row {
        let values = self
            .entity
            .columns
            .iter()
            .enumerate()
            .map(|(index, column)| self.cell(cells, index).map_or_else(|| column.default_value(), Cell::to_value));
        Row { stamp: fixed.stamp, created_at: fixed.created_at, updated_at: fixed.updated_at, values: values.collect() }
    }

    /// Binds the row to a statement of [`super::rows::Sql`] and runs it.
    ///
    /// # Errors
    /// When the database fails.
    pub fn execute(&self, statement: &mut Statement<'_>, cells: &[Cell<'_>], fixed: &Fixed, id: &str) -> Result<usize> {
        statement.raw_bind_parameter(1, id)?;
        statement.raw_bind_parameter(2, fixed.stamp)?;
        statement.raw_bind_parameter(3, fixed.created_at)?;
        statement.raw_bind_parameter(4, fixed.updated_at)?;
        for (index, column) in self.entity.columns.iter().enumerate() {
            match self.cell(cells, index) {
                Some(cell) => statement.raw_bind_parameter(index + 5, cell.stored(column.kind))?,
                None => statement.raw_bind_parameter(index + 5, super::value::to_stored(column.kind, &column.default_value()))?,
            }
        }
        Ok(statement.raw_execute()?)
    }
}
