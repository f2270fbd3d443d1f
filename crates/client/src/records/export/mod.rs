//! A list as a file: exactly its rows and the chosen columns, in their order. Rows are read and written one by one, so that a
//! long list is never in memory as a whole.

mod csv;
pub mod file;
mod xlsx;

use std::fs::File;
use std::path::Path;

use rusqlite::Connection;
use waystation_model::registry::Entity;
use waystation_model::{Code, Problem};

use super::cells::Cell;
use super::label::Labels;
use super::{query, table};
use crate::environment::Clock;
use crate::error::Result;
use crate::store::rows;
use crate::view_models::{ExportRecords, FileFormat, RecordKind};

/// Rows of one file: a sheet of a workbook takes 48,576 more.
pub const EXPORT_ROWS_MAX: usize = 1_000_000;
/// Columns of one file.
pub const EXPORT_COLUMNS_MAX: usize = 200;

/// What a column of the file is filled from.
enum Source {
    Id,
    CreatedAt,
    UpdatedAt,
    Column(usize, RecordKind),
}

/// Takes one line after another.
trait Lines {
    fn write(&mut self, cells: &[Cell]) -> Result<()>;
}

/// Writes a list to an open file. `folder` is where unfinished parts of a workbook may lie.
///
/// # Errors
/// `unknown_column`, `bad_request`, those of a list, `file_too_large`, `disk_full`.
pub fn write(
    connection: &Connection,
    entity: &'static Entity,
    wanted: &ExportRecords,
    clock: &dyn Clock,
    path: &Path,
    file: File,
) -> Result<()> {
    let sources = sources(entity, wanted)?;
    let ids = query::ids(connection, entity, &wanted.query, EXPORT_ROWS_MAX + 1)?;
    if ids.len() > EXPORT_ROWS_MAX {
        return Err(Problem::new(Code::FileTooLarge, format!("more than {EXPORT_ROWS_MAX} rows")).into());
    }
    let all = |lines: &mut dyn Lines| {
        lines.write(&wanted.titles.iter().map(|title| Cell::Text(title.clone())).collect::<Vec<_>>())?;
        let mut labels = Labels::default();
        for id in &ids {
            if let Some(cells) = cells(connection, entity, wanted, &sources, id, &mut labels, clock)? {
                lines.write(&cells)?;
            }
        }
        Ok(())
    };
    match wanted.format {
        FileFormat::Csv => csv::write(path, file, all),
        FileFormat::Xlsx => xlsx::write(path, file, wanted, clock, all),
    }
}

fn sources(entity: &'static Entity, wanted: &ExportRecords) -> Result<Vec<Source>, Problem> {
    if wanted.columns.is_empty() || wanted.columns.len() > EXPORT_COLUMNS_MAX || wanted.columns.len() != wanted.titles.len() {
        let message = format!("1 to {EXPORT_COLUMNS_MAX} columns, and a title for each");
        return Err(Problem::new(Code::BadRequest, message).field("columns"));
    }
    wanted
        .columns
        .iter()
        .map(|name| match name.as_str() {
            "id" => Ok(Source::Id),
            "created_at" => Ok(Source::CreatedAt),
            "updated_at" => Ok(Source::UpdatedAt),
            _ => {
                let index = entity
                    .column_index(name)
                    .ok_or_else(|| Problem::new(Code::UnknownColumn, format!("{} has no column {name}", entity.name)).field(name))?;
                Ok(Source::Column(index, table::kind(&entity.columns[index])))
            }
        })
        .collect()
}

fn cells(
    connection: &Connection,
    entity: &'static Entity,
    wanted: &ExportRecords,
    sources: &[Source],
    id: &str,
    labels: &mut Labels,
    clock: &dyn Clock,
) -> Result<Option<Vec<Cell>>> {
    let Some(row) = rows::read(connection, entity, id)? else { return Ok(None) };
    let mut cells = Vec::with_capacity(sources.len());
    for source in sources {
        cells.push(match source {
            Source::Id => Cell::Text(id.to_owned()),
            Source::CreatedAt => Cell::moment(row.created_at, clock),
            Source::UpdatedAt => Cell::moment(row.updated_at, clock),
            Source::Column(index, kind) => {
                let (column, value) = (&entity.columns[*index], &row.values[*index]);
                let label = match (column.referred(), value.as_str()) {
                    (Some(target), Some(id)) => labels.of(connection, target, id)?,
                    _ => None,
                };
                Cell::of(*kind, column.name, value, label, &wanted.words, clock)
            }
        });
    }
    Ok(Some(cells))
}
