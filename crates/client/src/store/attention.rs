//! Changes that the server refused and the person has to correct. All refused changes of one row are shown as one: the last
//! values that were entered, and why the first change was refused.

use rusqlite::Connection;
use serde_json::Value;
use uuid::Uuid;
use waystation_model::Code;
use waystation_model::registry::{self, Entity};
use waystation_model::wire::Operation;

use super::edit::overlay_fields;
use super::overlay::read_operation;
use super::value::{read_json, read_uuid};
use crate::error::{ClientError, Result};

/// All refused changes of one row.
#[derive(Debug, Clone)]
pub struct Refused {
    /// The number of the change whose code is shown.
    pub number: i64,
    /// The numbers of all refused changes, the oldest first.
    pub numbers: Vec<i64>,
    /// The table's name: this build may not know a table that an earlier one knew.
    pub entity: String,
    /// The row's id.
    pub row_id: Uuid,
    /// The operation of the last change.
    pub op: Operation,
    /// When the last change was made (microseconds).
    pub at: i64,
    /// Why the first change that was not blocked by another one was refused.
    pub code: Code,
    /// The column at fault.
    pub field: Option<String>,
    /// A value that the server would accept.
    pub suggestion: Option<String>,
    /// The columns that the changes set.
    pub columns: Vec<String>,
    /// Their values; later changes override earlier ones.
    pub values: Vec<Value>,
}

impl Refused {
    /// Adds a later change of the same row.
    fn add_later(&mut self, later: Refused) {
        // A blocked change only follows from an earlier refusal, so its own code explains nothing.
        if self.code == Code::Blocked && later.code != Code::Blocked {
            (self.number, self.code, self.field, self.suggestion) = (later.number, later.code, later.field, later.suggestion);
        }
        self.numbers.extend(later.numbers);
        self.at = later.at;
        match (self.op, later.op, registry::entity(&self.entity)) {
            (Operation::Put, Operation::Put, Some(entity)) => {
                overlay_fields(entity, &mut self.columns, &mut self.values, &later.columns, &later.values);
            }
            _ => (self.columns, self.values) = (later.columns, later.values),
        }
        self.op = later.op;
    }

    /// The table, when this build knows it.
    pub fn known_entity(&self) -> Option<&'static Entity> {
        registry::entity(&self.entity)
    }
}

/// All refused changes, grouped by row, the newest first.
///
/// # Errors
/// When the database fails.
pub fn all(connection: &Connection) -> Result<Vec<Refused>> {
    let mut statement = connection.prepare_cached(
        "SELECT number, entity, row_id, op, at, code, field, suggestion, columns, vals FROM attention ORDER BY entity, row_id, at, number",
    )?;
    let mut rows = statement.query([])?;
    let mut all: Vec<Refused> = Vec::new();
    while let Some(row) = rows.next()? {
        let number = row.get("number")?;
        let (op, code): (String, String) = (row.get("op")?, row.get("code")?);
        let refused = Refused {
            number,
            numbers: vec![number],
            entity: row.get("entity")?,
            row_id: read_uuid(row, "row_id")?,
            op: read_operation(&op),
            at: row.get("at")?,
            code: read_code(&code),
            field: row.get("field")?,
            suggestion: row.get("suggestion")?,
            columns: read_json(row, "columns")?,
            values: read_json(row, "vals")?,
        };
        match all.last_mut() {
            Some(last) if last.row_id == refused.row_id && last.entity == refused.entity => last.add_later(refused),
            _ => all.push(refused),
        }
    }
    all.sort_by_key(|refused| std::cmp::Reverse(refused.at));
    Ok(all)
}

/// How many rows have refused changes.
///
/// # Errors
/// When the database fails.
pub fn count(connection: &Connection) -> Result<i64> {
    Ok(connection
        .prepare_cached("SELECT count(row_id) FROM (SELECT DISTINCT entity, row_id FROM attention)")?
        .query_row([], |row| row.get(0))?)
}

/// All refused changes of the row of change `number`.
///
/// # Errors
/// `not_found`.
pub fn of_number(connection: &Connection, number: i64) -> Result<Refused> {
    all(connection)?
        .into_iter()
        .find(|refused| refused.numbers.contains(&number))
        .ok_or_else(|| ClientError::refused(Code::NotFound, "no refused change has this number"))
}

/// Deletes all refused changes of one row.
///
/// # Errors
/// When the database fails.
pub fn forget(connection: &Connection, refused: &Refused) -> Result<()> {
    for number in &refused.numbers {
        connection.prepare_cached("DELETE FROM attention WHERE number = ?1")?.execute([number])?;
    }
    Ok(())
}

/// The code of a stored word.
pub fn read_code(word: &str) -> Code {
    Code::ALL.iter().copied().find(|code| code.word() == word).unwrap_or(Code::Internal)
}
