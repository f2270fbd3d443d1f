//! An Excel workbook: the first sheet that has anything on it. A value of merged cells counts for each of them.

use std::io::{Cursor, Read, sink};

use calamine::{DataRef, Dimensions, Reader, SheetVisible, Xlsx, XlsxError};
use waystation_model::{Code, Problem};

use super::sheet::{COLUMNS_MAX, LINES_MAX, Line, Raw, Sheet, too_many_columns};

/// What a workbook is called among the encodings.
pub(super) const ENCODING: &str = "xlsx";
/// Bytes of a workbook when it is unpacked: a small file may unpack to more than the memory holds.
const UNPACKED_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Rows that one merged value may reach over: below the last row with a value of its own there are none.
const MERGED_CELLS_MAX: u64 = 1_000_000;

/// Reads a workbook.
///
/// # Errors
/// `unreadable_file`, also of a file that is cut; `file_too_large`.
pub fn read(bytes: &[u8]) -> Result<Sheet, Problem> {
    check_size(bytes, UNPACKED_BYTES_MAX)?;
    let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(|error| unreadable(&error))?;
    let from_1904 = workbook.has_1904_epoch();
    let visible = workbook.sheets_metadata().iter().filter(|sheet| sheet.visible == SheetVisible::Visible);
    let names: Vec<String> = visible.map(|sheet| sheet.name.clone()).collect();
    for name in names {
        let mut lines = lines(&mut workbook, &name)?;
        if !lines.is_empty() {
            let merged = workbook.merge_cells_by_sheet_name(&name).map_err(|error| unreadable(&error))?;
            spread(&mut lines, &merged);
            return Ok(Sheet { lines, encoding: ENCODING, from_1904 });
        }
    }
    Ok(Sheet { lines: Vec::new(), encoding: ENCODING, from_1904 })
}

fn unreadable(error: &XlsxError) -> Problem {
    Problem::new(Code::UnreadableFile, format!("the workbook cannot be read: {error}"))
}

/// Unpacks all parts into nothing. The sizes that the file states may be wrong.
fn check_size(bytes: &[u8], unpacked_bytes_max: u64) -> Result<(), Problem> {
    let damaged = |error: &dyn std::fmt::Display| Problem::new(Code::UnreadableFile, format!("the workbook cannot be unpacked: {error}"));
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| damaged(&error))?;
    let mut left = unpacked_bytes_max;
    for index in 0..archive.len() {
        let part = archive.by_index(index).map_err(|error| damaged(&error))?;
        let unpacked = std::io::copy(&mut part.take(left + 1), &mut sink()).map_err(|error| damaged(&error))?;
        left = left
            .checked_sub(unpacked)
            .ok_or_else(|| Problem::new(Code::FileTooLarge, format!("the workbook unpacks to more than {unpacked_bytes_max} bytes")))?;
    }
    Ok(())
}

/// The lines of a sheet that have a value, read cell by cell: one value in the last column of the last row must not make room
/// for all cells before it.
fn lines(workbook: &mut Xlsx<Cursor<&[u8]>>, name: &str) -> Result<Vec<Line>, Problem> {
    let mut reader = match workbook.worksheet_cells_reader(name) {
        Ok(reader) => reader,
        // A sheet of charts has no cells.
        Err(XlsxError::NotAWorksheet(_)) => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(&error)),
    };
    let mut lines: Vec<Line> = Vec::new();
    while let Some(cell) = reader.next_cell().map_err(|error| unreadable(&error))? {
        let raw = raw(cell.get_value());
        if raw == Raw::Empty {
            continue;
        }
        let (row, column) = cell.get_position();
        let column = usize::try_from(column).unwrap_or(usize::MAX);
        if column >= COLUMNS_MAX {
            return Err(too_many_columns());
        }
        let number = row + 1;
        match lines.last().map(|line| line.number) {
            Some(last) if last == number => {}
            Some(last) if last > number => return Err(Problem::new(Code::UnreadableFile, "the rows of the sheet are out of order")),
            _ if lines.len() >= LINES_MAX => break,
            _ => lines.push(Line { number, cells: Vec::new(), is_cut: false }),
        }
        if let Some(line) = lines.last_mut() {
            if line.cells.len() <= column {
                line.cells.resize(column + 1, Raw::Empty);
            }
            line.cells[column] = raw;
        }
    }
    Ok(lines)
}

fn raw(value: &DataRef<'_>) -> Raw {
    match value {
        DataRef::Empty => Raw::Empty,
        DataRef::Int(number) => Raw::Number(*number as f64),
        DataRef::Float(number) => Raw::Number(*number),
        DataRef::String(text) => Raw::of(text),
        DataRef::SharedString(text) => Raw::of(text),
        DataRef::Bool(flag) => Raw::Bool(*flag),
        DataRef::DateTime(moment) => moment.as_datetime().map_or(Raw::Number(moment.as_f64()), Raw::Moment),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => Raw::of(text),
        DataRef::Error(error) => Raw::Error(error.to_string()),
    }
}

/// Copies the value of merged cells into each of them, in the lines that are there.
fn spread(lines: &mut [Line], merged: &[Dimensions]) {
    let mut left = MERGED_CELLS_MAX;
    for Dimensions { start, end } in merged {
        let index = |row: u32| lines.partition_point(|line| line.number < row + 1);
        let (first, behind) = (index(start.0), index(end.0.saturating_add(1)));
        let columns = start.1 as usize..=(end.1 as usize).min(COLUMNS_MAX - 1);
        let Some(value) =
            lines.get(first).filter(|line| line.number == start.0 + 1).and_then(|line| line.cells.get(*columns.start())).cloned()
        else {
            continue;
        };
        for line in &mut lines[first..behind] {
            for column in columns.clone() {
                if left == 0 {
                    return;
                }
                left -= 1;
                if line.cells.len() <= column {
                    line.cells.resize(column + 1, Raw::Empty);
                }
                line.cells[column] = value.clone();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workbook_that_unpacks_to_too_much_is_refused() {
        let mut workbook = rust_xlsxwriter::Workbook::new();
        workbook.add_worksheet().write_string(0, 0, "=".repeat(30_000)).expect("a cell");
        let bytes = workbook.save_to_buffer().expect("a workbook");
        assert!(bytes.len() < 20_000);
        assert!(check_size(&bytes, UNPACKED_BYTES_MAX).is_ok());
        assert_eq!(check_size(&bytes, 30_000).map_err(|problem| problem.code), Err(Code::FileTooLarge));
        assert_eq!(check_size(b"PK\x03\x04", 30_000).map_err(|problem| problem.code), Err(Code::UnreadableFile));
    }
}
