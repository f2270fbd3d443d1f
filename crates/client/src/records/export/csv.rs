//! A list as comma-separated text: UTF-8 with a byte order mark, without which Excel shows `ə` as two other letters.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use super::{Cell, Lines};
use crate::error::{ClientError, Result};

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Writes the lines that `all` hands over.
pub fn write(path: &Path, file: File, all: impl FnOnce(&mut dyn Lines) -> Result<()>) -> Result<()> {
    let mut out = BufWriter::new(file);
    out.write_all(BYTE_ORDER_MARK).map_err(ClientError::disk(path))?;
    let writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out);
    let mut text = Text { path, writer };
    all(&mut text)?;
    text.writer.flush().map_err(ClientError::disk(path))
}

struct Text<'p> {
    path: &'p Path,
    writer: csv::Writer<BufWriter<File>>,
}

impl Lines for Text<'_> {
    fn write(&mut self, cells: &[Cell]) -> Result<()> {
        let written = self.writer.write_record(cells.iter().map(|cell| cell.text().into_owned()));
        written.map_err(|error| ClientError::disk(self.path)(std::io::Error::from(error)))
    }
}
