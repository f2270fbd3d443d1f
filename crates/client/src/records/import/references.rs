//! Rows that a cell names: by id, by a code of theirs, or by what they are called.

use std::collections::HashMap;

use rusqlite::Connection;
use uuid::Uuid;
use waystation_model::Code;
use waystation_model::letters::folded;
use waystation_model::registry::Entity;

use super::super::{label, remove};
use super::matching::lowered;
use crate::error::Result;

/// The rows that can be named, each table read once.
#[derive(Default)]
pub struct References {
    tables: HashMap<&'static str, Named>,
}

/// The rows of one table by their names. Two rows of one name are both kept, so that neither is taken for the other.
#[derive(Default)]
struct Named {
    by_id: HashMap<String, ()>,
    by_code: HashMap<String, Vec<String>>,
    by_label: HashMap<String, Vec<String>>,
}

impl References {
    /// The id of the row that a text names, or `missing_reference` or `several_fit`.
    ///
    /// # Errors
    /// When the database fails.
    pub fn find(&mut self, connection: &Connection, target: &'static Entity, text: &str) -> Result<Result<String, Code>> {
        if !self.tables.contains_key(target.name) {
            self.tables.insert(target.name, Named::read(connection, target)?);
        }
        Ok(self.tables[target.name].find(text))
    }
}

impl Named {
    fn find(&self, text: &str) -> Result<String, Code> {
        if let Ok(id) = Uuid::parse_str(text) {
            let id = id.hyphenated().to_string();
            return if self.by_id.contains_key(&id) { Ok(id) } else { Err(Code::MissingReference) };
        }
        let found = self.by_code.get(&lowered(text)).or_else(|| self.by_label.get(&folded(text)));
        match found.map(Vec::as_slice) {
            Some([id]) => Ok(id.clone()),
            Some(_) => Err(Code::SeveralFit),
            None => Err(Code::MissingReference),
        }
    }

    fn read(connection: &Connection, target: &'static Entity) -> Result<Named> {
        let mut named = Named::default();
        let codes: Vec<String> = target.codes().map(|(_, column)| format!(", t.{}", column.name)).collect();
        let deleted = remove::deleted_at(target).map_or("NULL", |column| column.name);
        let sql = format!("SELECT t.id, {}, {deleted} IS NOT NULL{} FROM {} t", label::sql(target, "t"), codes.concat(), target.name);
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let id: String = row.get(0)?;
            named.by_id.insert(id.clone(), ());
            // A deleted row is still named by its id, and its names are free for others.
            if row.get(2)? {
                continue;
            }
            if let Some(label) = row.get::<_, Option<String>>(1)? {
                add(&mut named.by_label, folded(label.trim()), &id);
            }
            for place in 0..codes.len() {
                if let Some(code) = row.get::<_, Option<String>>(place + 3)? {
                    add(&mut named.by_code, lowered(&code), &id);
                }
            }
        }
        named.read_elsewhere(connection, target)?;
        Ok(named)
    }

    /// Rows that this laptop does not have and that other tables name.
    fn read_elsewhere(&mut self, connection: &Connection, target: &'static Entity) -> Result<()> {
        for other in target.record.named_in {
            let sql = format!("SELECT DISTINCT {}, {} FROM {}", other.id, other.name, other.table);
            let mut statement = connection.prepare(&sql)?;
            let mut rows = statement.query([])?;
            let mut found: Vec<(String, Option<String>)> = Vec::new();
            while let Some(row) = rows.next()? {
                found.push((row.get(0)?, row.get(1)?));
            }
            found.retain(|(id, _)| !self.by_id.contains_key(id));
            for (id, name) in &found {
                add(&mut self.by_label, folded(name.as_deref().unwrap_or("").trim()), id);
            }
            self.by_id.extend(found.into_iter().map(|(id, _)| (id, ())));
        }
        Ok(())
    }
}

fn add(names: &mut HashMap<String, Vec<String>>, name: String, id: &str) {
    if !name.is_empty() {
        let ids = names.entry(name).or_default();
        if !ids.iter().any(|known| known == id) {
            ids.push(id.to_owned());
        }
    }
}
