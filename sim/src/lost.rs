//! What a restored server has lost and some laptop still had: in the end it stands again, or is offered, or somebody has said
//! something else since.

use serde_json::Value;
use uuid::Uuid;
use waystation_client::store::{overlay, rows};
use waystation_model::registry::{Column, Entity, Merge, all};

use crate::authority::{Row, State, id_in, table, value};
use crate::faults::Finding;
use crate::laptop::Laptop;

/// Tables of which nothing is offered; an account that is gone stays gone.
const NEVER_OFFERED: &[&str] = &["conflicts", "held_changes", "offered_rows", "devices", "users", "organizations"];

/// Rows that laptops had when the server went back.
#[derive(Default)]
pub struct LostRows {
    rows: Vec<(&'static Entity, Uuid, i64, Vec<Value>)>,
    /// The last stamp that the server knows of its former life.
    last_stamp: i64,
}

impl LostRows {
    /// The server went back to where this was its last stamp. What was lost before is lost with its offers: whoever made them
    /// makes them again.
    ///
    /// # Errors
    /// When a laptop's database fails.
    pub fn gather(&mut self, last_stamp: i64, laptops: &[Laptop]) -> Result<(), Finding> {
        self.last_stamp = last_stamp;
        self.rows.clear();
        for laptop in laptops.iter().filter(|laptop| laptop.is_on()) {
            let connection = laptop.writer().connection();
            let broken = |error: &dyn std::fmt::Display| Finding(error.to_string());
            for entity in all().iter().filter(|entity| !NEVER_OFFERED.contains(&entity.name) && !entity.write.is_empty()) {
                let sql = format!("SELECT id FROM {} WHERE stamp > ?1 ORDER BY id", entity.name);
                let mut statement = connection.prepare_cached(&sql).map_err(|error| broken(&error))?;
                let ids = statement.query_map([last_stamp], |row| row.get::<_, String>(0)).map_err(|error| broken(&error))?;
                for id in ids {
                    let id = id.map_err(|error| broken(&error))?;
                    let row = match overlay::read_shadow(connection, entity, &id).map_err(|error| broken(&error))? {
                        Some(shadow) => shadow,
                        None => rows::read(connection, entity, &id).map_err(|error| broken(&error))?,
                    };
                    if let (Some(row), Ok(id)) = (row.filter(|row| row.stamp > last_stamp), Uuid::parse_str(&id)) {
                        self.rows.push((entity, id, row.stamp, row.values));
                    }
                }
            }
        }
        Ok(())
    }

    /// Something happened to a laptop that may have had them.
    pub fn forget(&mut self) {
        self.rows.clear();
    }

    /// Each of them stands, or waits, or was answered.
    ///
    /// # Errors
    /// The first one that is nowhere.
    pub fn find_all(&self, state: &State) -> Result<usize, Finding> {
        let offers = table("offered_rows");
        for (entity, id, stamp, values) in &self.rows {
            let of_row = |offer: &Row| {
                id_in(offers, &offer.values, "row_id") == Some(*id) && value(offers, &offer.values, "entity").as_str() == Some(entity.name)
            };
            let offered: Vec<&Row> = state.rows(offers).filter(|(_, offer)| of_row(offer)).map(|(_, offer)| &**offer).collect();
            // A page of the former life that was stored after the server went back brought a later state.
            let is_later = |offer: &&Row| {
                let offered = value(offers, &offer.values, "row_stamp").as_str().and_then(|digits| digits.parse::<i64>().ok());
                offered.is_some_and(|offered| offered > *stamp)
            };
            if offered.iter().any(is_later) {
                continue;
            }
            let row = state.row(entity, id);
            if row.is_none()
                && state.feeds.scopes.values().any(|feed| feed.rows.get(&(entity.code, *id)).is_some_and(|entry| entry.hash == 0))
            {
                // Somebody has deleted it since.
                continue;
            }
            for (index, column) in entity.columns.iter().enumerate() {
                let had = &values[index];
                let stands = match row {
                    Some(row) => row.values[index] == *had || self.was_said_since(row, column),
                    None => had.is_null(),
                };
                let is_offered = || offered.iter().any(|offer| value(offers, &offer.values, "fields").get(column.name) == Some(had));
                if !matches!(column.merge, Merge::Server | Merge::Sum | Merge::Carried) && !stands && !is_offered() {
                    return Finding::of(format!(
                        "{} {id}: {} was {had} on a laptop when the server lost it, and that is nowhere",
                        entity.name, column.name
                    ));
                }
            }
        }
        Ok(self.rows.len())
    }

    /// Whether somebody has said something else of this column in the new life.
    fn was_said_since(&self, row: &Row, column: &Column) -> bool {
        match column.tracked_group() {
            Some(group) => row.edits.get(group).is_some_and(|edit| edit.stamp > self.last_stamp),
            None => row.stamp > self.last_stamp,
        }
    }
}
