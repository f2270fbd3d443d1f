//! What the laptop acknowledged to its person. One line before each edit and one after it, each flushed before the next.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

use uuid::Uuid;

use crate::Outcome;

const FILE: &str = "journal";

/// Seconds spent on one document.
#[derive(Debug, Default, Clone, Copy)]
pub struct Seconds {
    /// The sum that the laptop acknowledged.
    pub acknowledged: i64,
    /// The sum of edits that were begun and not acknowledged.
    pub begun: i64,
}

/// Marks of one topic.
#[derive(Debug, Default, Clone, Copy)]
pub struct Marks {
    /// The last value that the laptop acknowledged.
    pub acknowledged: Option<bool>,
    /// A value that was begun after it.
    pub begun: Option<bool>,
}

/// The content of one laptop's journal.
#[derive(Debug, Default)]
pub struct Journal {
    /// By document.
    pub seconds: BTreeMap<Uuid, Seconds>,
    /// By topic.
    pub marks: BTreeMap<Uuid, Marks>,
    /// Edits that were acknowledged.
    pub acknowledged: usize,
}

impl Journal {
    /// Reads a laptop's journal.
    pub fn read(folder: &Path) -> Outcome<Journal> {
        let mut journal = Journal::default();
        for line in std::fs::read_to_string(folder.join(FILE))?.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            // A kill may have cut the last line of a run: then its edit was not begun.
            let [step, what, id, value] = words[..] else { continue };
            let (Ok(id), Ok(value)) = (id.parse::<Uuid>(), value.parse::<i64>()) else { continue };
            let is_done = step == "done";
            journal.acknowledged += usize::from(is_done);
            if what == "seconds" {
                let seconds = journal.seconds.entry(id).or_default();
                if is_done { seconds.acknowledged += value } else { seconds.begun += value }
            } else {
                let marks = journal.marks.entry(id).or_default();
                if is_done {
                    *marks = Marks { acknowledged: Some(value == 1), begun: None };
                } else {
                    marks.begun = Some(value == 1);
                }
            }
        }
        Ok(journal)
    }
}

/// Writes a journal.
pub struct JournalWriter(File);

impl JournalWriter {
    /// Continues after the lines of earlier runs.
    pub fn open(folder: &Path) -> Outcome<JournalWriter> {
        let mut file = OpenOptions::new().create(true).append(true).open(folder.join(FILE))?;
        // Ends a line that a kill cut.
        file.write_all(b"\n")?;
        Ok(JournalWriter(file))
    }

    /// Writes and flushes one line.
    pub fn write(&mut self, step: &str, what: &str, id: &str, value: i64) -> Outcome<()> {
        self.0.write_all(format!("{step} {what} {id} {value}\n").as_bytes())?;
        Ok(self.0.sync_data()?)
    }
}
