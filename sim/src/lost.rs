//! What a restored server has lost and some laptop still had: in the end it stands again, or is offered, or somebody has said
//! something else since.

use uuid::Uuid;
use waystation_client::store::{overlay, rows};
use waystation_model::ids::derived_id;
use waystation_model::registry::{Entity, Merge, all};

use crate::authority::{State, table};
use crate::faults::Finding;
use crate::laptop::Laptop;

/// Tables of which nothing is offered; an account that is gone stays gone.
const NEVER_OFFERED: &[&str] = &["conflicts", "held_changes", "offered_rows", "devices", "users"];

/// Rows that laptops had when the server went back.
#[derive(Default)]
pub struct LostRows {
    rows: Vec<(&'static Entity, Uuid, Vec<serde_json::Value>)>,
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
            for entity in all().iter().filter(|entity| !NEVER_OFFERED.contains(&entity.name)) {
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
                        self.rows.push((entity, id, row.values));
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
        for (entity, id, values) in &self.rows {
            let offer = derived_id("offered_rows", [Some(entity.name), Some(id.to_string().as_str())]);
            let is_offered = state.row(table("offered_rows"), &offer).is_some();
            let same = |(index, value): (usize, &serde_json::Value)| {
                matches!(entity.columns[index].merge, Merge::Server | Merge::Sum) || *value == values[index]
            };
            let stands = match state.row(entity, id) {
                Some(row) => row.stamp > self.last_stamp || row.values.iter().enumerate().all(same),
                None => state.feeds.scopes.values().any(|feed| feed.rows.get(&(entity.code, *id)).is_some_and(|entry| entry.hash == 0)),
            };
            if !is_offered && !stands {
                return Finding::of(format!("{} {id} was on a laptop when the server lost it, and is nowhere", entity.name));
            }
        }
        Ok(self.rows.len())
    }
}
