//! A file as rows of a table: what becomes of each row is known before anything is stored, and then all rows are, or none.
//!
//! [`sheet::read`] makes lines of a file, [`header::find`] finds the titles, [`plan`] compares every row with what is here,
//! [`check`] asks the rules without storing, [`make`] stores.

mod day;
mod decode;
pub mod header;
mod line;
mod matching;
mod number;
mod references;
pub mod sheet;
mod text;
mod values;
mod workbook;

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::Connection;
use serde_json::Value;
use uuid::Uuid;
use waystation_model::registry::Entity;
use waystation_model::{Code, Problem};

use super::undo::Change;
use crate::environment::Clock;
use crate::error::{ClientError, Result};
use crate::store::rows::{self, id_text};
use crate::store::{Device, Edit, Owner, edit};
use crate::view_models::{ImportFate, ImportLine, ImportProblem, ImportReport, ValueWords};

/// Lines of one fate that a report shows.
pub const LINES_SHOWN_MAX: usize = 2_000;

/// What is imported, and how it is read.
pub struct Import {
    /// The table.
    pub entity: &'static Entity,
    /// The file.
    pub sheet: sheet::Sheet,
    /// The line of its first row.
    pub first_line: u32,
    /// For each column of the file what it fills.
    pub mapping: Vec<Target>,
    /// The words of values in every language.
    pub words: Vec<ValueWords>,
    /// Whether an empty cell empties a value.
    pub clear_empty: bool,
    /// Local time.
    pub clock: Arc<dyn Clock>,
}

/// What a column of the file fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Nothing.
    Nothing,
    /// The id of the row.
    Id,
    /// The column with this index.
    Column(usize),
}

/// Reads which columns of the table the columns of a file fill.
///
/// # Errors
/// `unknown_column`, `server_column`, `bad_request` when two columns fill the same one or none fills any.
pub fn mapping(entity: &'static Entity, names: &[String]) -> Result<Vec<Target>, Problem> {
    let mut targets: Vec<Target> = Vec::with_capacity(names.len());
    for name in names {
        let target = target(entity, name)?;
        if target != Target::Nothing && targets.contains(&target) {
            return Err(Problem::new(Code::BadRequest, format!("two columns of the file fill {name}")).field(name));
        }
        targets.push(target);
    }
    if targets.iter().all(|target| !matches!(target, Target::Column(_))) {
        return Err(Problem::new(Code::BadRequest, "no column of the file fills one of the table").field("mapping"));
    }
    if targets.len() > sheet::COLUMNS_MAX {
        return Err(sheet::too_many_columns());
    }
    Ok(targets)
}

fn target(entity: &'static Entity, name: &str) -> Result<Target, Problem> {
    match (name, entity.column_index(name)) {
        ("", _) => Ok(Target::Nothing),
        ("id", _) => Ok(Target::Id),
        (_, Some(index)) if entity.columns[index].is_given_by_people() => Ok(Target::Column(index)),
        (_, Some(_)) => Err(Problem::new(Code::ServerColumn, format!("{name} is not given by a person")).field(name)),
        (_, None) => Err(Problem::new(Code::UnknownColumn, format!("{} has no column {name}", entity.name)).field(name)),
    }
}

/// A row of the file with what has to be done about it.
pub struct Planned {
    /// What the report says.
    pub line: ImportLine,
    /// The change that it needs; none when it is refused or changes nothing.
    pub edit: Option<Edit>,
    /// The values of the existing row.
    before: Option<Vec<Value>>,
}

impl Planned {
    fn refuse(&mut self, problem: &Problem) {
        self.line.fate = ImportFate::Refused;
        self.line.problems.push(ImportProblem {
            column: problem.fields.first().cloned().unwrap_or_default(),
            code: problem.code,
            value: String::new(),
            other_line: None,
        });
        self.edit = None;
    }
}

/// Compares each row of the file with what this laptop has.
///
/// # Errors
/// `file_too_large`, and when the database fails. A refused row is no error.
pub fn plan(connection: &Connection, owner: &Owner, import: &Import, mut new_id: impl FnMut() -> Uuid) -> Result<Vec<Planned>> {
    let rows = import.sheet.rows(import.first_line)?;
    let mut planner = line::Planner::new(connection, owner, import);
    rows.iter().map(|row| planner.plan(row, &mut new_id)).collect()
}

/// Asks the rules that a change has to keep, without making any.
///
/// # Errors
/// When the database fails.
pub fn check(connection: &Connection, device: &Device, planned: &mut [Planned]) -> Result<()> {
    for row in planned {
        if let Some(edit) = &row.edit {
            let checked = edit::check(connection, device, edit);
            refuse(row, checked)?;
        }
    }
    Ok(())
}

/// Makes all changes within the caller's transaction, which has to be rolled back when the report has refused rows. Returns
/// how to take them back.
///
/// # Errors
/// When the database fails.
pub fn make(connection: &Connection, device: &mut Device, now_ms: i64, planned: &mut [Planned]) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    for row in planned {
        let Some(edit) = &row.edit else { continue };
        let (entity, id) = (edit.entity, edit.id);
        let made = edit::make(connection, device, now_ms, edit).map(|_| ());
        refuse(row, made)?;
        if let Some(id) = id.filter(|_| row.line.fate != ImportFate::Refused) {
            let after = rows::read(connection, entity, &id_text(&id))?.map(|row| row.values);
            changes.push(Change::new(entity, id, row.before.take(), after));
        }
    }
    Ok(changes)
}

fn refuse(row: &mut Planned, outcome: Result<()>) -> Result<()> {
    match outcome {
        Err(ClientError::Refused(problem)) => {
            row.refuse(&problem);
            Ok(())
        }
        other => other,
    }
}

/// What the plan comes to.
pub fn report(planned: Vec<Planned>) -> ImportReport {
    let mut counts: HashMap<ImportFate, usize> = HashMap::new();
    let mut lines = Vec::new();
    for Planned { line, .. } in planned {
        let count = counts.entry(line.fate).or_default();
        *count += 1;
        if *count <= LINES_SHOWN_MAX {
            lines.push(line);
        }
    }
    let count = |fate| counts.get(&fate).map_or(0, |count| u32::try_from(*count).unwrap_or(u32::MAX));
    ImportReport {
        new: count(ImportFate::New),
        changed: count(ImportFate::Changed),
        same: count(ImportFate::Same),
        refused: count(ImportFate::Refused),
        lines,
        stored: false,
        undo: None,
    }
}
