//! Commands of the desktop that are more than one change: taking back, and importing a file.

use serde_json::{Value, json};
use uuid::Uuid;
use waystation_client::error::ClientError;
use waystation_client::store::Writer;
use waystation_model::access::{Role, Who};
use waystation_model::registry::{Column, Entity, Format, IdRule, Kind, listed};

use crate::entered::{row_of, seen};
use crate::faults::Finding;
use crate::laptop::records::{Done, Imported, ImportedFile};
use crate::random::Random;
use crate::world::World;

/// Rows of an imported file.
const ROWS_MAX: usize = 5;
/// Codes in imported files: few, so that a file is often about rows that exist.
const CODES: usize = 8;

/// Whether a person of this role may make rows of the table, whatever they hold.
fn may_import(entity: &Entity, role: Role) -> bool {
    let holds = |who: &Who| match who {
        Who::Has(needed) => *needed == role,
        Who::Staff => role.is_staff(),
        _ => false,
    };
    entity.write.iter().any(|rule| rule.iter().all(holds))
}

/// Whether a column of a file can fill it with a text.
fn takes_text(column: &Column) -> bool {
    column.is_given_by_people() && column.kind == Kind::Text && matches!(column.format, None | Some(Format::NotEmpty))
}

/// Whether new rows of the table need nothing but texts.
fn needs_texts_alone(entity: &Entity) -> bool {
    let needed = entity.columns.iter().filter(|column| column.is_needed() || column.required).all(takes_text);
    needed && entity.columns.iter().any(takes_text) && entity.id == IdRule::Generated
}

/// A file for this person; none when there is no table that they may fill.
fn file_for(role: Role, serial: u64, random: &mut Random) -> Option<ImportedFile> {
    let tables: Vec<&'static Entity> = listed().filter(|entity| may_import(entity, role) && needs_texts_alone(entity)).collect();
    let entity = *random.pick(&tables)?;
    let is_name = |column: &Column| entity.record.label.columns().first() == Some(&column.name);
    let is_key = |column: &Column| entity.constraints.unique.iter().any(|unique| unique.columns == [column.name]);
    let columns = entity.columns.iter().filter(|column| takes_text(column));
    let columns: Vec<&'static Column> =
        columns.filter(|column| is_name(column) || is_key(column) || column.required || random.one_in(3)).collect();
    let mut codes: Vec<usize> = (0..CODES).collect();
    let mut rows = Vec::new();
    for row in 0..1 + random.below(ROWS_MAX) {
        let code = codes.swap_remove(random.below(codes.len()));
        let text = |column: &&Column| if is_key(column) { format!("i{code}") } else { format!("i{serial}-{row}") };
        rows.push(columns.iter().map(text).collect());
    }
    Some(ImportedFile { entity, columns: columns.iter().map(|column| column.name).collect(), rows })
}

/// The rows of a table as the person sees them.
fn all_rows(writer: &Writer, entity: &Entity) -> Vec<(String, Option<Vec<Value>>)> {
    let sql = format!("SELECT id FROM {} ORDER BY id", entity.name);
    let ids: Vec<String> = writer
        .connection()
        .prepare_cached(&sql)
        .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
        .unwrap_or_default();
    ids.into_iter().map(|id| (id.clone(), Uuid::parse_str(&id).ok().and_then(|id| seen(writer, entity, &id)))).collect()
}

impl World {
    /// Takes back the last command of this laptop that can be taken back. Sometimes the person does it again, and sometimes the
    /// command to take it back comes twice.
    ///
    /// # Errors
    /// The second command has an effect, or another violated invariant.
    pub(crate) fn take_back(&mut self, index: usize, mut random: Random) -> Result<(), Finding> {
        if !self.laptops[index].is_on() {
            return Ok(());
        }
        let Some(number) = self.laptops[index].last_command.take() else { return Ok(()) };
        let Some(done) = self.undo(index, number)? else { return Ok(()) };
        if let Some(again) = done.number.filter(|_| random.one_in(2)) {
            self.undo(index, again)?;
        }
        let before = self.laptops[index].writer().device().next_n;
        if random.one_in(2) && self.undo(index, number)?.is_some() && self.laptops[index].writer().device().next_n != before {
            return Finding::of("what was taken back is taken back a second time");
        }
        Ok(())
    }

    fn undo(&mut self, index: usize, number: u32) -> Result<Option<Done>, Finding> {
        let now = self.now_ms();
        match self.laptops[index].undo(now, number) {
            Ok(done) => {
                *self.tally.entry("undone".to_owned()).or_default() += 1;
                self.record_done(index, &done);
                Ok(Some(done))
            }
            Err(ClientError::Refused(problem)) => {
                *self.tally.entry(format!("undo refused {}", problem.code.word())).or_default() += 1;
                Ok(None)
            }
            Err(error) => Finding::of(format!("an undo failed: {error}")),
        }
    }

    /// Imports a file, and looks that all of it is stored or nothing. The same file again changes nothing.
    ///
    /// # Errors
    /// A part of it is stored, or another violated invariant.
    pub(crate) fn import(&mut self, index: usize, mut random: Random) -> Result<(), Finding> {
        if !self.laptops[index].is_on() {
            return Ok(());
        }
        let (now, serial) = (self.now_ms(), self.number_change());
        let role = self.laptops[index].writer().device().owner.role;
        let Some(file) = file_for(role, serial, &mut random) else { return Ok(()) };
        let cut = random.one_in(4);
        let before = all_rows(self.laptops[index].writer(), file.entity);
        let imported = self.laptops[index].import(now, &file, cut, &mut random)?;
        *self.tally.entry(format!("import {}", how(&imported))).or_default() += 1;
        match imported {
            Imported::Stored(done) => {
                self.record_done(index, &done);
                self.laptops[index].last_command = done.number;
                let again = self.laptops[index].import(now, &file, false, &mut random)?;
                match again {
                    Imported::Stored(done) if done.edits.is_empty() => Ok(()),
                    other => Finding::of(format!("the same file a second time: {other:?}")),
                }
            }
            Imported::Refused | Imported::Cut => {
                let is_cut = matches!(imported, Imported::Cut);
                if is_cut {
                    self.power_was_cut(index)?;
                }
                let after = all_rows(self.laptops[index].writer(), file.entity);
                // What was not on the disk yet may be gone after a cut, but nothing of the file is there.
                let is_new = |row: &(String, Option<Vec<Value>>)| !before.contains(row);
                let is_of_file = |(_, values): &(String, Option<Vec<Value>>)| {
                    let texts = file.rows.iter().flatten().filter(|text| text.contains('-'));
                    values.iter().flatten().any(|value| texts.clone().any(|text| *value == json!(text)))
                };
                match after.iter().find(|row| is_new(row) && is_of_file(row)) {
                    Some((id, _)) => Finding::of(format!("{} {id}: a part of a file is stored", file.entity.name)),
                    None => Ok(()),
                }
            }
        }
    }

    fn record_done(&mut self, index: usize, done: &Done) {
        let laptop = &self.laptops[index];
        let (by, device) = (laptop.writer().device().owner.user_id, laptop.device());
        for (edit, before) in &done.edits {
            if let Some(story) = &mut self.story {
                story.push(format!("    {device} {:?} {} {:?} {:?}", edit.op, edit.entity.name, row_of(edit), edit.fields));
            }
            self.entered.record(by, device, edit, None, before.as_deref());
        }
    }
}

fn how(imported: &Imported) -> &'static str {
    match imported {
        Imported::Stored(done) if done.edits.is_empty() => "changes nothing",
        Imported::Stored(_) => "stored",
        Imported::Refused => "refused",
        Imported::Cut => "cut",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_of_the_staff_imports_into_several_tables() {
        let tables: Vec<&str> =
            listed().filter(|entity| may_import(entity, Role::Admin) && needs_texts_alone(entity)).map(|entity| entity.name).collect();
        assert!(tables.contains(&"stations") && tables.len() >= 4, "{tables:?}");
        assert_eq!(file_for(Role::Learner, 1, &mut Random::of(1)).map(|file| file.entity.name), None);
    }
}
