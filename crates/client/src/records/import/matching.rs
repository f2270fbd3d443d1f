//! Which existing row a row of a file is about: by id, by keys, by a code that no two rows share, by its name.

use std::collections::HashMap;

use rusqlite::Connection;
use serde_json::Value;
use uuid::Uuid;
use waystation_model::Code;
use waystation_model::letters::folded;
use waystation_model::registry::{Entity, IdRule, Label, Merge};

use super::super::label::{self, Labels};
use super::super::remove;
use super::values::Meaning;
use crate::error::Result;
use crate::store::rows::{self, Row, id_text};

/// Codes are compared without case, and with their marks.
pub fn lowered(code: &str) -> String {
    code.trim().to_lowercase()
}

/// The row that a row of a file is about.
#[derive(Debug)]
pub enum Match {
    /// An existing one.
    Row {
        /// Its id.
        id: Uuid,
        /// Its values.
        row: Row,
        /// Whether the file names it by its id.
        by_id: bool,
    },
    /// A new one.
    New,
}

/// What is at fault: a column, and why.
pub type Fault = (&'static str, Code);

/// The rows of a table by what names them. Read when they are first asked for.
pub struct Existing {
    entity: &'static Entity,
    rows: Option<Index>,
    labels: Labels,
}

#[derive(Default)]
struct Index {
    by_code: HashMap<(usize, String), String>,
    by_label: HashMap<String, Vec<String>>,
}

impl Existing {
    /// Rows of this table.
    pub fn new(entity: &'static Entity) -> Existing {
        Existing { entity, rows: None, labels: Labels::default() }
    }

    /// The label of an existing row.
    ///
    /// # Errors
    /// When the database fails.
    pub fn label(&mut self, connection: &Connection, entity: &'static Entity, id: &str) -> Result<Option<String>> {
        self.labels.of(connection, entity, id)
    }

    /// The existing row that these cells are about.
    ///
    /// # Errors
    /// When the database fails.
    pub fn find(&mut self, connection: &Connection, id: Option<&str>, cells: &HashMap<usize, Meaning>) -> Result<Result<Match, Fault>> {
        if let Some(text) = id {
            let found = match Uuid::parse_str(text.trim()) {
                Ok(id) => rows::read(connection, self.entity, &id_text(&id))?.map(|row| Match::Row { id, row, by_id: true }),
                Err(_) => None,
            };
            return Ok(found.ok_or(("id", Code::NotFound)));
        }
        if let IdRule::Derived(_) = self.entity.id {
            return Ok(Ok(match derived_id(self.entity, cells) {
                Some(id) => self.read(connection, &id_text(&id))?,
                None => Match::New,
            }));
        }
        match self.by_codes(connection, cells)? {
            Ok(None) => {}
            Ok(Some(id)) => return Ok(Ok(self.read(connection, &id)?)),
            Err(fault) => return Ok(Err(fault)),
        }
        self.by_label(connection, cells)
    }

    /// Another row than `id` that has this code.
    ///
    /// # Errors
    /// When the database fails.
    pub fn code_taken(&mut self, connection: &Connection, id: Option<&Uuid>, index: usize, code: &str) -> Result<bool> {
        let id = id.map(id_text);
        Ok(self.index(connection)?.by_code.get(&(index, lowered(code))).is_some_and(|owner| Some(owner) != id.as_ref()))
    }

    /// What a row with these cells is called.
    ///
    /// # Errors
    /// When the database fails.
    pub fn label_of(&mut self, connection: &Connection, cells: &HashMap<usize, Meaning>) -> Result<String> {
        let mut parts = Vec::new();
        for name in self.entity.record.label.columns() {
            let Some(index) = self.entity.column_index(name) else { continue };
            let Some(Ok(Some(value))) = cells.get(&index) else { continue };
            let part = match (self.entity.columns[index].referred(), value) {
                (Some(target), Value::String(id)) => self.labels.of(connection, target, id)?,
                (_, Value::String(text)) => Some(text.clone()),
                (_, other) => Some(other.to_string()),
            };
            parts.extend(part.filter(|part| !part.is_empty()));
        }
        Ok(match self.entity.record.label {
            Label::First(_) => parts.into_iter().next().unwrap_or_default(),
            Label::All(_) => parts.join(label::BETWEEN),
        })
    }

    fn read(&self, connection: &Connection, id: &str) -> Result<Match> {
        let uuid = Uuid::parse_str(id).map_err(|error| crate::error::ClientError::Damaged(format!("{id}: {error}")))?;
        Ok(rows::read(connection, self.entity, id)?.map_or(Match::New, |row| Match::Row { id: uuid, row, by_id: false }))
    }

    /// The row that all codes name. Codes of two rows on one line are at fault.
    fn by_codes(&mut self, connection: &Connection, cells: &HashMap<usize, Meaning>) -> Result<Result<Option<String>, Fault>> {
        let mut found: Option<String> = None;
        let entity = self.entity;
        for (index, column) in entity.codes() {
            let Some(Ok(Some(Value::String(code)))) = cells.get(&index) else { continue };
            let Some(id) = self.index(connection)?.by_code.get(&(index, lowered(code))) else { continue };
            if found.as_ref().is_some_and(|before| before != id) {
                return Ok(Err((column.name, Code::SeveralFit)));
            }
            found = Some(id.clone());
        }
        Ok(Ok(found))
    }

    /// The one row of this name whose codes and keys are not other ones.
    fn by_label(&mut self, connection: &Connection, cells: &HashMap<usize, Meaning>) -> Result<Result<Match, Fault>> {
        let label = folded(self.label_of(connection, cells)?.trim());
        if label.is_empty() {
            return Ok(Ok(Match::New));
        }
        let entity = self.entity;
        let candidates = self.index(connection)?.by_label.get(&label).cloned().unwrap_or_default();
        let mut fitting = Vec::new();
        for id in candidates {
            if let Match::Row { id, row, by_id } = self.read(connection, &id)?
                && may_be(entity, &row, cells)
            {
                fitting.push(Match::Row { id, row, by_id });
            }
        }
        let first = entity.record.label.columns().first().copied().unwrap_or("id");
        Ok(match fitting.len() {
            0 => Ok(Match::New),
            1 => Ok(fitting.remove(0)),
            _ => Err((first, Code::SeveralFit)),
        })
    }

    fn index(&mut self, connection: &Connection) -> Result<&Index> {
        if self.rows.is_none() {
            self.rows = Some(Index::read(connection, self.entity)?);
        }
        Ok(self.rows.as_ref().expect("just read"))
    }
}

impl Index {
    fn read(connection: &Connection, entity: &'static Entity) -> Result<Index> {
        let mut index = Index::default();
        let places: Vec<usize> = entity.codes().map(|(place, _)| place).collect();
        let columns: Vec<String> = entity.codes().map(|(_, column)| format!(", t.{}", column.name)).collect();
        let deleted = remove::deleted_at(entity).map_or("NULL", |column| column.name);
        let sql = format!("SELECT t.id, {}, {deleted} IS NOT NULL{} FROM {} t", label::sql(entity, "t"), columns.concat(), entity.name);
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let id: String = row.get(0)?;
            let label = row.get::<_, Option<String>>(1)?.map(|label| folded(label.trim())).filter(|label| !label.is_empty());
            if let Some(label) = label.filter(|_| !row.get(2).unwrap_or(true)) {
                index.by_label.entry(label).or_default().push(id.clone());
            }
            for (ordinal, place) in places.iter().enumerate() {
                // A deleted row keeps its codes: the database gives them to no other one.
                if let Some(code) = row.get::<_, Option<String>>(ordinal + 3)?.map(|code| lowered(&code)).filter(|code| !code.is_empty()) {
                    index.by_code.insert((*place, code), id.clone());
                }
            }
        }
        Ok(index)
    }
}

fn derived_id(entity: &Entity, cells: &HashMap<usize, Meaning>) -> Option<Uuid> {
    let fields: Vec<(usize, Value)> = cells.iter().filter_map(|(index, meaning)| Some((*index, meaning.as_ref().ok()?.clone()?))).collect();
    entity.id_of_fields(&fields)
}

/// Whether an existing row of the same name may be meant: it has no other code and no other parent.
fn may_be(entity: &'static Entity, row: &Row, cells: &HashMap<usize, Meaning>) -> bool {
    let given = |index: usize| cells.get(&index).and_then(|meaning| meaning.as_ref().ok()?.as_ref());
    let same_codes = entity.codes().all(|(index, _)| match (given(index).and_then(Value::as_str), row.values[index].as_str()) {
        (Some(code), Some(stored)) => stored.is_empty() || lowered(code) == lowered(stored),
        _ => true,
    });
    let keys = entity.columns.iter().enumerate().filter(|(_, column)| column.merge == Merge::Key);
    same_codes && keys.map(|(index, _)| index).all(|index| given(index).is_none_or(|key| *key == row.values[index]))
}
