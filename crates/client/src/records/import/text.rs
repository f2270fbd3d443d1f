//! A text file with separated values.

use std::borrow::Cow;

use csv::{ReaderBuilder, StringRecord};
use waystation_model::{Code, Problem};

use super::super::cells::unguarded;
use super::decode::{Decoded, decode};
use super::sheet::{COLUMNS_MAX, LINES_MAX, Line, Raw, Sheet, too_many_columns};

/// What values may be separated by.
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];
/// Lines from which the separator is guessed.
const GUESSED_FROM_LINES: usize = 50;
/// Excel's own way to name the separator, in the first line.
const SEPARATOR_LINE: &str = "sep=";
/// Put behind the text: when it does not come back as a line of its own, the text ends within quotes.
const END: &str = "\u{E000}end";

/// Reads a text file.
///
/// # Errors
/// `unreadable_file`, `file_cut`, `file_too_large`.
pub fn read(bytes: &[u8]) -> Result<Sheet, Problem> {
    let Decoded { text, encoding } = decode(bytes)?;
    let (named, skipped) = named_separator(&text);
    let body = if skipped == 0 { text.as_str() } else { text.split_once('\n').map_or("", |(_, rest)| rest) };
    let separator = named.unwrap_or_else(|| guessed_separator(body));
    let ends_with_line = body.ends_with(['\n', '\r']);
    let mut lines = Vec::new();
    let mut width = 0;
    let mut ended = false;
    let marked: Cow<'_, str> = Cow::Owned(format!("{body}\n{END}"));
    let mut numbers = LineNumbers { text: marked.as_bytes(), counted_bytes: 0, number: 1 };
    let mut records = reader(separator).from_reader(marked.as_bytes()).into_records();
    while let Some(record) = records.next() {
        let record = record.map_err(|error| Problem::new(Code::UnreadableFile, error.to_string()))?;
        if record.get(0) == Some(END) && record.len() == 1 {
            ended = true;
            break;
        }
        if record.len() > COLUMNS_MAX && record.iter().skip(COLUMNS_MAX).any(|cell| !cell.trim().is_empty()) {
            return Err(too_many_columns());
        }
        let number = numbers.at(record.position().map_or(0, csv::Position::byte)) + skipped;
        if let Some(cells) = cells(&record) {
            width = width.max(record.len());
            lines.push((record.len(), Line { number, cells, is_cut: false }));
        }
        if lines.len() > LINES_MAX {
            ended = true;
            break;
        }
    }
    if !ended {
        return Err(Problem::new(Code::FileCut, "the file ends within quotes"));
    }
    if let Some((cells, last)) = lines.last_mut()
        && !ends_with_line
        && *cells < width
    {
        last.is_cut = true;
    }
    Ok(Sheet { lines: lines.into_iter().map(|(_, line)| line).collect(), encoding, from_1904: false })
}

fn reader(separator: u8) -> ReaderBuilder {
    let mut builder = ReaderBuilder::new();
    builder.delimiter(separator).has_headers(false).flexible(true);
    builder
}

/// The cells of a record; none when all are empty.
fn cells(record: &StringRecord) -> Option<Vec<Raw>> {
    let cells: Vec<Raw> = record.iter().take(COLUMNS_MAX).map(|cell| Raw::of(unguarded(cell.trim_matches(' ')))).collect();
    cells.iter().any(|cell| *cell != Raw::Empty).then_some(cells)
}

/// Counts lines as an editor does. The reader takes a line's `\n` for the beginning of the next record, and its own numbers
/// are one too low behind `\r\n`.
struct LineNumbers<'t> {
    text: &'t [u8],
    counted_bytes: usize,
    number: u32,
}

impl LineNumbers<'_> {
    /// The line of a record that begins at this byte, or at the first one behind it that ends no line.
    fn at(&mut self, byte: u64) -> u32 {
        let begin = usize::try_from(byte).unwrap_or(usize::MAX).min(self.text.len());
        let breaks = self.text[begin..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let end = (begin + breaks).max(self.counted_bytes);
        let ends_line = |index: &usize| match self.text[*index] {
            b'\n' => true,
            b'\r' => self.text.get(index + 1) != Some(&b'\n'),
            _ => false,
        };
        let lines = (self.counted_bytes..end).filter(ends_line).count();
        self.number += u32::try_from(lines).unwrap_or(u32::MAX);
        self.counted_bytes = end;
        self.number
    }
}

/// The separator that the first line names, and how many lines that takes.
fn named_separator(text: &str) -> (Option<u8>, u32) {
    let first = text.lines().next().unwrap_or("");
    match first.strip_prefix(SEPARATOR_LINE).map(str::as_bytes) {
        Some([separator]) if SEPARATORS.contains(separator) => (Some(*separator), 1),
        _ => (None, 0),
    }
}

/// The separator that divides most lines into the same number of values, and into more than the others do.
fn guessed_separator(text: &str) -> u8 {
    let score = |separator: u8| {
        let records = reader(separator).from_reader(text.as_bytes()).into_records();
        let widths: Vec<usize> = records.take(GUESSED_FROM_LINES).filter_map(|record| Some(record.ok()?.len())).collect();
        let mut sorted = widths.clone();
        sorted.sort_unstable();
        let usual = sorted.get(sorted.len() / 2).copied().unwrap_or(0).max(widths.first().copied().unwrap_or(0));
        let alike = widths.iter().filter(|width| **width == usual).count();
        if usual < 2 { (0, 0) } else { (alike, usual) }
    };
    SEPARATORS.into_iter().rev().max_by_key(|separator| score(*separator)).unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<(u32, Vec<String>)> {
        let sheet = read(text.as_bytes()).expect("a file");
        sheet.lines.iter().map(|line| (line.number, line.cells.iter().map(|cell| cell.text().into_owned()).collect())).collect()
    }

    fn row(number: u32, cells: &[&str]) -> (u32, Vec<String>) {
        (number, cells.iter().map(|cell| (*cell).to_owned()).collect())
    }

    #[test]
    fn the_separator_is_found() {
        let wanted = [row(1, &["name", "address"]), row(2, &["A", "Bakı, Nizami 1; 2"])];
        for text in [
            "name,address\n\"A\",\"Bakı, Nizami 1; 2\"\n",
            "name;address\r\nA;\"Bakı, Nizami 1; 2\"\r\n",
            "name\taddress\nA\tBakı, Nizami 1; 2\n",
        ] {
            assert_eq!(lines(text), wanted, "{text}");
        }
        assert_eq!(lines("sep=;\nname;address\n")[0], row(2, &["name", "address"]));
        assert_eq!(lines("name\nA\n"), [row(1, &["name"]), row(2, &["A"])]);
    }

    #[test]
    fn empty_lines_are_skipped_and_numbers_stay() {
        let text = "a;b\n\n;\n1;\"x\ny\"\n2;z\n";
        for ends in ["\n", "\r\n"] {
            let wanted = [row(1, &["a", "b"]), row(4, &["1", "x\ny"]), row(6, &["2", "z"])];
            assert_eq!(lines(&text.replace('\n', ends)), wanted, "{ends:?}");
        }
        assert_eq!(lines("a;b\r1;2\r"), [row(1, &["a", "b"]), row(2, &["1", "2"])]);
    }

    #[test]
    fn a_file_that_ends_in_the_middle_is_noticed() {
        let code = |text: &str| read(text.as_bytes()).map(|_| ()).map_err(|problem| problem.code);
        assert_eq!(code("name,address\nA,\"Bak"), Err(Code::FileCut));
        let cut = read("name,code,address\nA,1,Bakı\nB,2".as_bytes()).expect("a file");
        assert_eq!(cut.lines.iter().map(|line| line.is_cut).collect::<Vec<_>>(), [false, false, true]);
        let whole = read("name,code\nA,1\nB,2".as_bytes()).expect("a file");
        assert!(whole.lines.iter().all(|line| !line.is_cut), "a last line without an end is whole");
    }

    #[test]
    fn too_many_columns_are_refused() {
        let wide = |columns: usize| format!("{}x\n", "x,".repeat(columns - 1));
        assert!(read(wide(COLUMNS_MAX).as_bytes()).is_ok());
        assert_eq!(read(wide(COLUMNS_MAX + 1).as_bytes()).map(|_| ()).map_err(|problem| problem.code), Err(Code::FileTooLarge));
    }
}
