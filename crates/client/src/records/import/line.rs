//! What becomes of one row of a file.

use std::collections::{BTreeMap, HashMap};

use rusqlite::Connection;
use serde_json::Value;
use uuid::Uuid;
use waystation_model::registry::{Column, Entity, IdRule, Kind, Merge, normal};
use waystation_model::{Code, Problem};

use super::super::{remove, save};
use super::matching::{Existing, Match, lowered};
use super::sheet::{Line, Raw};
use super::values::{Meaning, Values};
use super::{Import, Planned, Target};
use crate::error::{ClientError, Result};
use crate::store::Owner;
use crate::store::rows::{Row, id_text};
use crate::view_models::{ImportChange, ImportFate, ImportLine, ImportProblem};

/// Characters of a cell that a report shows.
const VALUE_LENGTH_MAX: usize = 200;

/// Plans the rows of one file, one after the other.
pub struct Planner<'i> {
    connection: &'i Connection,
    owner: &'i Owner,
    import: &'i Import,
    entity: &'static Entity,
    values: Values,
    existing: Existing,
    seen: Seen,
}

/// What earlier lines of the file are about, with their numbers.
#[derive(Default)]
struct Seen {
    rows: HashMap<Uuid, u32>,
    codes: HashMap<(usize, String), u32>,
    labels: HashMap<String, u32>,
}

impl<'i> Planner<'i> {
    /// Begins with nothing seen.
    pub fn new(connection: &'i Connection, owner: &'i Owner, import: &'i Import) -> Planner<'i> {
        let entity = import.entity;
        let values = Values::new(entity, &import.words, import.clock.clone(), import.sheet.from_1904);
        Planner { connection, owner, import, entity, values, existing: Existing::new(entity), seen: Seen::default() }
    }

    /// What becomes of this line.
    ///
    /// # Errors
    /// When the database fails.
    pub fn plan(&mut self, line: &Line, new_id: &mut impl FnMut() -> Uuid) -> Result<Planned> {
        let mut planned = Planned { line: empty(line.number), edit: None, before: None };
        let beyond = line.cells.iter().skip(self.import.mapping.len()).find(|cell| **cell != Raw::Empty);
        if line.is_cut {
            self.refuse(&mut planned, line, "", Code::FileCut, None);
            return Ok(planned);
        }
        if beyond.is_some() {
            // More values than titles: one of them is divided, and no value after it is where it belongs.
            self.refuse(&mut planned, line, "", Code::BadValue, None);
            return Ok(planned);
        }
        let cells = self.read(line)?;
        let id = self.raw(line, Target::Id).filter(|raw| **raw != Raw::Empty).map(|raw| raw.text().into_owned());
        let found = match self.existing.find(self.connection, id.as_deref(), &cells)? {
            Ok(found) => found,
            Err((column, code)) => {
                planned.line.label = self.label(&cells, line)?;
                self.refuse(&mut planned, line, column, code, None);
                return Ok(planned);
            }
        };
        let (stored, by_id) = match found {
            Match::Row { id, row, by_id } => (Some((id, row)), by_id),
            Match::New => (None, false),
        };
        let fields = self.fields(&mut planned, line, &cells, stored.as_ref().map(|(_, row)| row), by_id)?;
        planned.line.label = match &stored {
            Some((id, _)) => self.existing.label(self.connection, self.entity, &id_text(id))?.unwrap_or_default(),
            None => self.label(&cells, line)?,
        };
        planned.line.id = stored.as_ref().map(|(id, _)| id_text(id));
        self.find_doubles(&mut planned, line, &cells, stored.as_ref().map(|(id, _)| *id), &fields)?;
        if planned.line.problems.is_empty() {
            self.decide(&mut planned, line, stored, fields, new_id)?;
        }
        Ok(planned)
    }

    fn read(&mut self, line: &Line) -> Result<HashMap<usize, Meaning>> {
        let mut cells = HashMap::new();
        for (target, raw) in self.import.mapping.iter().zip(line.cells.iter().chain(std::iter::repeat(&Raw::Empty))) {
            if let Target::Column(index) = target {
                cells.insert(*index, self.values.read(self.connection, *index, raw)?);
            }
        }
        Ok(cells)
    }

    fn raw<'l>(&self, line: &'l Line, target: Target) -> Option<&'l Raw> {
        let place = self.import.mapping.iter().position(|filled| *filled == target)?;
        line.cells.get(place)
    }

    /// The values that the row gives and that are not there already.
    fn fields(
        &mut self,
        planned: &mut Planned,
        line: &Line,
        cells: &HashMap<usize, Meaning>,
        stored: Option<&Row>,
        by_id: bool,
    ) -> Result<BTreeMap<usize, Value>> {
        let mut fields = BTreeMap::new();
        for (index, column) in self.entity.columns.iter().enumerate() {
            let Some(meaning) = cells.get(&index) else { continue };
            match (stored, meaning) {
                (None, Ok(None)) => {}
                (Some(row), Ok(None)) => {
                    let emptied = emptied(column).filter(|value| self.import.clear_empty && *value != row.values[index]);
                    fields.extend(emptied.map(|value| (index, value)));
                }
                (Some(row), meaning) if self.is_same(line, index, &row.values[index], meaning)? => {}
                (_, Ok(Some(value))) => {
                    fields.insert(index, value.clone());
                }
                (_, Err(code)) => self.refuse(planned, line, column.name, *code, None),
            }
        }
        // A row that was deleted comes back when a file names it by what it is. Its id alone names it as a deleted one.
        if let (Some(row), Some(column), false) = (stored, remove::deleted_at(self.entity), by_id)
            && let Some(index) = self.entity.column_index(column.name)
            && !cells.contains_key(&index)
            && !row.values[index].is_null()
        {
            fields.insert(index, Value::Null);
        }
        if let Some(row) = stored {
            planned.line.changes = self.changes(row, &fields)?;
        }
        Ok(fields)
    }

    /// Whether a cell says what stands in the row. A reference does when it is called so, also where others are called alike.
    fn is_same(&mut self, line: &Line, index: usize, stored: &Value, meaning: &Meaning) -> Result<bool> {
        let column = &self.entity.columns[index];
        if let (Some(target), Some(id)) = (column.referred(), stored.as_str()) {
            let label = self.existing.label(self.connection, target, id)?;
            let text = self.raw(line, Target::Column(index)).map(Raw::text).unwrap_or_default();
            if label.is_some_and(|label| label.trim() == text) || id == text {
                return Ok(true);
            }
        }
        let Ok(Some(value)) = meaning else { return Ok(false) };
        Ok(match (column.kind, value.as_str(), stored.as_str()) {
            (Kind::Text, Some(text), Some(stored)) => Raw::of(stored).text() == text || stored == text,
            _ => normal(column, value.clone()) == *stored,
        })
    }

    fn changes(&mut self, row: &Row, fields: &BTreeMap<usize, Value>) -> Result<Vec<ImportChange>> {
        let mut changes = Vec::new();
        for (index, to) in fields {
            let column = &self.entity.columns[*index];
            let from = &row.values[*index];
            let mut label = |value: &Value| match (column.referred(), value.as_str()) {
                (Some(target), Some(id)) => self.existing.label(self.connection, target, id),
                _ => Ok(None),
            };
            let (from_label, to_label) = (label(from)?, label(to)?);
            changes.push(ImportChange { column: column.name.to_owned(), from: from.clone(), to: to.clone(), from_label, to_label });
        }
        Ok(changes)
    }

    /// Refuses a line about a row, a code or a name that an earlier line is about, and a code of another row.
    fn find_doubles(
        &mut self,
        planned: &mut Planned,
        line: &Line,
        cells: &HashMap<usize, Meaning>,
        id: Option<Uuid>,
        fields: &BTreeMap<usize, Value>,
    ) -> Result<()> {
        let entity = self.entity;
        let derived = match entity.id {
            IdRule::Derived(_) if id.is_none() => {
                let fields: Vec<(usize, Value)> = fields.iter().map(|(index, value)| (*index, value.clone())).collect();
                entity.id_of_fields(&fields)
            }
            _ => None,
        };
        if let Some(earlier) = id.or(derived).and_then(|id| seen(&mut self.seen.rows, id, line.number)) {
            self.refuse(planned, line, "", Code::Taken, Some(earlier));
            return Ok(());
        }
        let mut has_code = false;
        for (index, column) in entity.codes() {
            let Some(Ok(Some(Value::String(code)))) = cells.get(&index) else { continue };
            has_code = true;
            if let Some(earlier) = seen(&mut self.seen.codes, (index, lowered(code)), line.number) {
                self.refuse(planned, line, column.name, Code::Taken, Some(earlier));
            } else if fields.contains_key(&index) && self.existing.code_taken(self.connection, id.as_ref(), index, code)? {
                self.refuse(planned, line, column.name, Code::Taken, None);
            }
        }
        if id.is_none() && derived.is_none() && !has_code && !planned.line.label.is_empty() {
            let keys = entity.columns.iter().enumerate().filter(|(_, column)| column.merge == Merge::Key);
            let keys: Vec<String> = keys.map(|(index, _)| fields.get(&index).map(Value::to_string).unwrap_or_default()).collect();
            let name = format!("{}\n{}", waystation_model::letters::folded(planned.line.label.trim()), keys.join("\n"));
            if let Some(earlier) = seen(&mut self.seen.labels, name, line.number) {
                let column = entity.record.label.columns().first().copied().unwrap_or("");
                self.refuse(planned, line, column, Code::Taken, Some(earlier));
            }
        }
        Ok(())
    }

    /// The change that the row needs.
    fn decide(
        &mut self,
        planned: &mut Planned,
        line: &Line,
        stored: Option<(Uuid, Row)>,
        fields: BTreeMap<usize, Value>,
        new_id: &mut impl FnMut() -> Uuid,
    ) -> Result<()> {
        let edit = match stored {
            Some(_) if fields.is_empty() => {
                planned.line.fate = ImportFate::Same;
                return Ok(());
            }
            Some((id, row)) => {
                planned.line.fate = ImportFate::Changed;
                let edit = save::change_of(self.entity, self.owner, id, &row.values, fields).map_err(ClientError::from);
                planned.before = Some(row.values);
                edit
            }
            None => {
                planned.line.fate = ImportFate::New;
                save::make(self.connection, self.owner, self.entity, fields, new_id).map(|(edit, _)| edit)
            }
        };
        match edit {
            Ok(edit) => planned.edit = edit,
            Err(ClientError::Refused(Problem { code, fields, .. })) => {
                self.refuse(planned, line, fields.first().map_or("", String::as_str), code, None);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// What a new row is called: its label, or what stands in the first cell.
    fn label(&mut self, cells: &HashMap<usize, Meaning>, line: &Line) -> Result<String> {
        let label = self.existing.label_of(self.connection, cells)?;
        let first = || line.cells.iter().find(|cell| **cell != Raw::Empty).map(|cell| shortened(&cell.text())).unwrap_or_default();
        Ok(if label.is_empty() { first() } else { label })
    }

    fn refuse(&self, planned: &mut Planned, line: &Line, column: &str, code: Code, other_line: Option<u32>) {
        let target = if column == "id" { Some(Target::Id) } else { self.entity.column_index(column).map(Target::Column) };
        let value = target.and_then(|target| self.raw(line, target)).map(|raw| shortened(&raw.text())).unwrap_or_default();
        planned.line.fate = ImportFate::Refused;
        planned.line.changes.clear();
        planned.line.problems.push(ImportProblem { column: column.to_owned(), code, value, other_line });
    }
}

fn empty(number: u32) -> ImportLine {
    ImportLine { line: number, fate: ImportFate::Same, label: String::new(), id: None, changes: Vec::new(), problems: Vec::new() }
}

/// The value of a column that is emptied; none for one that cannot be.
fn emptied(column: &Column) -> Option<Value> {
    match (column.is_changed_by_people(), column.nullable, column.kind) {
        (true, true, _) => Some(Value::Null),
        (true, false, Kind::Text) => Some(Value::from("")),
        _ => None,
    }
}

/// The earlier line that had this, if there is one.
fn seen<K: std::hash::Hash + Eq>(known: &mut HashMap<K, u32>, key: K, line: u32) -> Option<u32> {
    match known.entry(key) {
        std::collections::hash_map::Entry::Occupied(earlier) => Some(*earlier.get()),
        std::collections::hash_map::Entry::Vacant(free) => {
            free.insert(line);
            None
        }
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(VALUE_LENGTH_MAX).collect()
}
