//! A list as an Excel workbook: text stays text, numbers, days and money are what they are.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, Worksheet, XlsxError};
use waystation_model::{Code, Problem};

use super::super::cells::units;
use super::{Cell, Lines};
use crate::environment::Clock;
use crate::error::{ClientError, Result};
use crate::view_models::ExportRecords;

/// Characters of a sheet's name.
const SHEET_NAME_LENGTH_MAX: usize = 31;
/// Characters that a sheet's name must not have.
const NOT_IN_SHEET_NAMES: &[char] = &['[', ']', ':', '*', '?', '/', '\\'];
/// Excel counts days before this year wrongly or not at all: they are written as text.
const FIRST_YEAR: i32 = 1901;
/// Width of a column, in characters.
const COLUMN_WIDTH: f64 = 20.0;

/// Writes the lines that `all` hands over.
pub fn write(
    path: &Path,
    file: File,
    wanted: &ExportRecords,
    clock: &dyn Clock,
    all: impl FnOnce(&mut dyn Lines) -> Result<()>,
) -> Result<()> {
    let mut workbook = Workbook::new();
    let folder = path.parent().unwrap_or(path);
    let failed = |error| failed(path, error);
    workbook.set_tempdir(folder).map_err(failed)?;
    let made = ExcelDateTime::from_timestamp(clock.local_ms() / 1000).map_err(failed)?;
    workbook.set_properties(&DocProperties::new().set_creation_datetime(&made));
    let sheet = workbook.add_worksheet_with_constant_memory().map_err(failed)?;
    sheet.set_name(sheet_name(&wanted.title, &wanted.query.table)).map_err(failed)?;
    sheet.set_freeze_panes(1, 0).map_err(failed)?;
    for column in 0..wanted.columns.len() {
        sheet.set_column_width(u16::try_from(column).unwrap_or(u16::MAX), COLUMN_WIDTH).map_err(failed)?;
    }
    let mut lines = Sheet { path, columns: &wanted.columns, sheet, formats: Formats::new(), next: 0 };
    all(&mut lines)?;
    workbook.save_to_writer(BufWriter::new(file)).map_err(failed)
}

fn failed(path: &Path, error: XlsxError) -> ClientError {
    match error {
        XlsxError::IoError(error) => ClientError::disk(path)(error),
        other => ClientError::disk(path)(std::io::Error::other(other)),
    }
}

/// A name that Excel takes: of limited length and without some characters, not empty, no apostrophe at its ends.
fn sheet_name(title: &str, table: &str) -> String {
    let allowed: String = title.chars().filter(|letter| !NOT_IN_SHEET_NAMES.contains(letter) && !letter.is_control()).collect();
    let mut length = 0;
    let cut: String = allowed
        .trim_matches(|letter: char| letter == '\'' || letter.is_whitespace())
        .chars()
        .take_while(|letter| {
            length += letter.len_utf16();
            length <= SHEET_NAME_LENGTH_MAX
        })
        .collect();
    let cut = cut.trim_end_matches(|letter: char| letter == '\'' || letter.is_whitespace());
    if cut.is_empty() || cut.eq_ignore_ascii_case("history") { table.chars().take(SHEET_NAME_LENGTH_MAX).collect() } else { cut.to_owned() }
}

struct Formats {
    title: Format,
    money: Format,
    date: Format,
    time: Format,
    moment: Format,
}

impl Formats {
    fn new() -> Formats {
        let of = |pattern| Format::new().set_num_format(pattern);
        Formats {
            title: Format::new().set_bold(),
            money: of("0.00"),
            date: of("yyyy-mm-dd"),
            time: of("hh:mm"),
            moment: of("yyyy-mm-dd hh:mm:ss"),
        }
    }
}

struct Sheet<'s> {
    path: &'s Path,
    columns: &'s [String],
    sheet: &'s mut Worksheet,
    formats: Formats,
    next: u32,
}

impl Lines for Sheet<'_> {
    fn write(&mut self, cells: &[Cell]) -> Result<()> {
        for (column, cell) in (0..).zip(cells) {
            self.cell(column, cell).map_err(|error| match error {
                XlsxError::MaxStringLengthExceeded => {
                    let message = "a workbook's cell cannot hold this text; a CSV file can";
                    Problem::new(Code::FileTooLarge, message).field(&self.columns[usize::from(column)]).into()
                }
                other => failed(self.path, other),
            })?;
        }
        self.next += 1;
        Ok(())
    }
}

impl Sheet<'_> {
    fn cell(&mut self, column: u16, cell: &Cell) -> Result<(), XlsxError> {
        let (row, formats, sheet) = (self.next, &self.formats, &mut *self.sheet);
        match cell {
            Cell::Empty => return Ok(()),
            Cell::Text(text) if row == 0 => sheet.write_string_with_format(row, column, text, &formats.title)?,
            // A string cell is never a formula, whatever it begins with.
            Cell::Text(text) => sheet.write_string(row, column, text)?,
            Cell::Int(number) => sheet.write_number(row, column, *number as f64)?,
            Cell::Float(number) => sheet.write_number(row, column, *number)?,
            Cell::Money(hundredths) => sheet.write_number_with_format(row, column, units(*hundredths), &formats.money)?,
            Cell::Date(date) if date.year() >= FIRST_YEAR => {
                sheet.write_number_with_format(row, column, serial(date.and_time(NaiveTime::MIN)), &formats.date)?
            }
            Cell::Time(time) => {
                let day_share = f64::from(time.num_seconds_from_midnight()) / 86_400.0;
                sheet.write_number_with_format(row, column, day_share, &formats.time)?
            }
            Cell::Moment(_, local) if local.year() >= FIRST_YEAR => {
                sheet.write_number_with_format(row, column, serial(*local), &formats.moment)?
            }
            Cell::Date(_) | Cell::Moment(..) => sheet.write_string(row, column, cell.text())?,
        };
        Ok(())
    }
}

/// Days since the day before 1900 began, as Excel counts them from March 1900 on.
fn serial(moment: NaiveDateTime) -> f64 {
    let zero = NaiveDate::from_ymd_opt(1899, 12, 30).expect("a day").and_time(NaiveTime::MIN);
    (moment - zero).num_milliseconds() as f64 / 86_400_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_has_a_name_that_excel_takes() {
        for (title, name) in [
            ("Stations", "Stations"),
            ("A/B: [C]*?", "AB C"),
            ("'Quoted'", "Quoted"),
            ("", "stations"),
            (" '' ", "stations"),
            ("History", "stations"),
            (&"ə".repeat(40), &"ə".repeat(31)),
        ] {
            assert_eq!(sheet_name(title, "stations"), name);
        }
    }

    #[test]
    fn days_are_counted_as_excel_counts_them() {
        let day = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).expect("a day").and_time(NaiveTime::MIN);
        assert_eq!(serial(day(1901, 1, 1)), 367.0);
        assert_eq!(serial(day(2026, 1, 1)), 46_023.0);
        assert_eq!(serial(day(2026, 1, 1) + chrono::Duration::hours(12)), 46_023.5);
    }
}
