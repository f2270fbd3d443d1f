//! Taking back, and importing files: the client's own code, in the order in which its commands call it.

use std::sync::Arc;

use rusqlite::Connection;
use serde_json::Value;
use uuid::Uuid;
use waystation_client::environment::Clock;
use waystation_client::error::{ClientError, Result};
use waystation_client::records::import::{self, Import, Planned};
use waystation_client::records::undo;
use waystation_client::store::{Edit, rows};
use waystation_client::view_models::ImportFate;
use waystation_model::registry::Entity;
use waystation_model::{Code, Problem};

use super::{Laptop, damaged};
use crate::faults::{Fault, Finding};
use crate::random::Random;

/// What a command that can be taken back has done.
#[derive(Debug, Default)]
pub struct Done {
    /// Its changes, each with the row that the person saw before.
    pub edits: Vec<(Edit, Option<Vec<Value>>)>,
    /// The number under which it can be taken back; none when nothing changed.
    pub number: Option<u32>,
}

/// A clock that stands still while a file is read. Local time is UTC.
struct StandingClock(i64);

impl Clock for StandingClock {
    fn now_ms(&self) -> i64 {
        self.0
    }

    fn monotonic_ms(&self) -> i64 {
        self.0
    }

    fn boot(&self) -> String {
        "boot".to_owned()
    }

    fn local_ms(&self) -> i64 {
        self.0
    }
}

/// A file to import.
#[derive(Debug, Clone)]
pub struct ImportedFile {
    /// Its table.
    pub entity: &'static Entity,
    /// Its columns.
    pub columns: Vec<&'static str>,
    /// Its rows, as texts without commas and quotes.
    pub rows: Vec<Vec<String>>,
}

impl ImportedFile {
    fn text(&self) -> String {
        let lines = std::iter::once(self.columns.join(",")).chain(self.rows.iter().map(|row| row.join(",")));
        lines.map(|line| line + "\n").collect()
    }

    fn read(&self, now_ms: i64) -> Result<Import, Problem> {
        let sheet = import::sheet::read(self.text().as_bytes())?;
        let names: Vec<String> = self.columns.iter().map(|name| (*name).to_owned()).collect();
        let mapping = import::mapping(self.entity, &names)?;
        let clock = Arc::new(StandingClock(now_ms));
        Ok(Import { entity: self.entity, sheet, first_line: 2, mapping, words: Vec::new(), clear_empty: false, clock })
    }
}

/// How an import ended.
#[derive(Debug)]
pub enum Imported {
    /// All rows are stored.
    Stored(Done),
    /// Rows were refused, so none is stored.
    Refused,
    /// The power was cut in the middle of it.
    Cut,
}

fn is_refused(planned: &[Planned]) -> bool {
    planned.iter().any(|row| row.line.fate == ImportFate::Refused)
}

fn image(connection: &Connection, edit: &Edit) -> Result<Option<Vec<Value>>> {
    let Some(id) = edit.id else { return Ok(None) };
    Ok(rows::read(connection, edit.entity, &id.to_string())?.map(|row| row.values))
}

impl Laptop {
    /// Makes changes that can be taken back, all of them or none.
    ///
    /// # Errors
    /// A refusal.
    pub fn edit_with_undo(&mut self, true_ms: i64, edits: Vec<Edit>) -> Result<Done> {
        let connection = self.writer().connection();
        let images = undo::images(connection, &edits)?;
        let before = edits.iter().map(|edit| image(connection, edit)).collect::<Result<Vec<_>>>()?;
        self.edit(true_ms, &edits)?;
        let changes = undo::changes(self.writer().connection(), images)?;
        let number = self.history.keep(changes);
        Ok(Done { edits: edits.into_iter().zip(before).collect(), number })
    }

    /// Makes changes, and remembers them as the last command.
    ///
    /// # Errors
    /// A refusal.
    pub fn command(&mut self, true_ms: i64, edits: Vec<Edit>) -> Result<()> {
        let done = self.edit_with_undo(true_ms, edits)?;
        self.last_command = done.number.or(self.last_command);
        Ok(())
    }

    /// Takes back what was done under a number.
    ///
    /// # Errors
    /// `not_found` when it was taken back already, or another refusal.
    pub fn undo(&mut self, true_ms: i64, number: u32) -> Result<Done> {
        let step = self.history.step(number).ok_or_else(|| Problem::new(Code::NotFound, "this cannot be taken back any more"))?;
        let now = self.clock(true_ms);
        let edits = undo::plan(self.writer().connection(), &self.writer().device().owner, now, &step)?;
        let done = self.edit_with_undo(true_ms, edits)?;
        if !self.faults.has(Fault::UndoTwice) {
            self.history.forget(number);
        }
        Ok(done)
    }

    /// Imports a file: all rows, or none. `cut`: the power is cut in the middle of it.
    ///
    /// # Errors
    /// A violated invariant.
    pub fn import(&mut self, true_ms: i64, file: &ImportedFile, cut: bool, random: &mut Random) -> Result<Imported, Finding> {
        let now_ms = self.clock(true_ms);
        let import = file.read(now_ms).map_err(damaged)?;
        let cut = cut.then(|| Random::of(random.number()));
        let ids = Random::of(random.number());
        if self.faults.has(Fault::HalfImport) && cut.is_some() {
            self.import_a_part(now_ms, &import, ids.clone())?;
        }
        let mut files = None;
        let (writer, disk) = (self.writer.as_mut().expect("the laptop is switched on"), &self.disk);
        let stored = writer.durable_transaction(|connection, device| {
            let mut planned = import::plan(connection, &device.owner, &import, new_id(ids))?;
            if is_refused(&planned) {
                return Err(ClientError::refused(Code::RuleBroken, "rows of the file are refused"));
            }
            if let Some(mut cut) = cut {
                let upto = cut.below(planned.len() + 1);
                import::make(connection, device, now_ms, &mut planned[..upto])?;
                files = Some(disk.files_after_power_cut(&mut cut));
                return Err(ClientError::refused(Code::RuleBroken, "the power is cut"));
            }
            let edits: Vec<Edit> = planned.iter().filter_map(|row| row.edit.clone()).collect();
            let before = edits.iter().map(|edit| image(connection, edit)).collect::<Result<Vec<_>>>()?;
            let changes = import::make(connection, device, now_ms, &mut planned)?;
            if is_refused(&planned) {
                return Err(ClientError::refused(Code::RuleBroken, "rows of the file are refused"));
            }
            Ok((changes, edits.into_iter().zip(before).collect()))
        });
        if let Some(files) = files {
            self.cut_power_at(&files.map_err(damaged)?)?;
            return Ok(Imported::Cut);
        }
        self.disk.sync();
        match stored {
            Ok((changes, edits)) => Ok(Imported::Stored(Done { edits, number: self.history.keep(changes) })),
            Err(ClientError::Refused(_)) => Ok(Imported::Refused),
            Err(error) => Err(damaged(error)),
        }
    }

    /// Applies [`Fault::HalfImport`]: the first row is stored by itself.
    fn import_a_part(&mut self, now_ms: i64, import: &Import, ids: Random) -> Result<(), Finding> {
        let stored = self.durably(|writer| {
            writer.durable_transaction(|connection, device| {
                let mut planned = import::plan(connection, &device.owner, import, new_id(ids))?;
                let first = planned.iter().position(|row| row.edit.is_some()).map_or(0, |index| index + 1);
                import::make(connection, device, now_ms, &mut planned[..first]).map(drop)
            })
        });
        stored.map_err(damaged)
    }
}

fn new_id(mut random: Random) -> impl FnMut() -> Uuid {
    move || Uuid::from_u128(0x0191_0000_0000_7000_8000_0000_0000_0000 | u128::from(random.number() >> 2))
}
