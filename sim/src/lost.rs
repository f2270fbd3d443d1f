//! What a restored server has lost and some laptop still had: in the end it stands again, or is offered, or somebody has said
//! something else since.

use serde_json::Value;
use uuid::Uuid;
use waystation_client::store::lost::offered_of;
use waystation_client::store::{overlay, rows};
use waystation_model::access::Actor;
use waystation_model::offers::{may_be_offered, of_writer};
use waystation_model::registry::{Column, Entity, Merge, all};

use crate::authority::{Row, State, account, id_in, scopes_heard, table, value};
use crate::faults::Finding;
use crate::laptop::Laptop;

/// A row that a laptop had: its table, its id, its stamp, and its columns by their index.
type Lost = (&'static Entity, Uuid, i64, Vec<(usize, Value)>);

/// Rows that laptops had when the server went back.
#[derive(Default)]
pub struct LostRows {
    rows: Vec<Lost>,
    /// The last stamp that the server knows of its former life.
    last_stamp: i64,
}

impl LostRows {
    /// The server went back to this state, where this was its last stamp. What was lost before is lost with its offers: their
    /// laptops make them again. Only what a laptop's person may write counts, by what the laptop and the server say.
    ///
    /// # Errors
    /// When a laptop's database fails.
    pub fn gather(&mut self, last_stamp: i64, laptops: &[Laptop], state: &State) -> Result<(), Finding> {
        self.last_stamp = last_stamp;
        self.rows.clear();
        for laptop in laptops.iter().filter(|laptop| laptop.is_on()) {
            let connection = laptop.writer().connection();
            let Some((organization_id, role)) = account(state, laptop.user) else { continue };
            let scopes = scopes_heard(state, laptop.user).into_iter().collect();
            let actor = Actor { user_id: laptop.user, organization_id, role, scopes };
            let broken = |error: &dyn std::fmt::Display| Finding(error.to_string());
            for entity in all().iter().filter(|entity| may_be_offered(entity)) {
                let sql = format!("SELECT id FROM {} WHERE stamp > ?1 ORDER BY id", entity.name);
                let mut statement = connection.prepare_cached(&sql).map_err(|error| broken(&error))?;
                let ids = statement.query_map([last_stamp], |row| row.get::<_, String>(0)).map_err(|error| broken(&error))?;
                for id in ids {
                    let id = id.map_err(|error| broken(&error))?;
                    let row = match overlay::read_shadow(connection, entity, &id).map_err(|error| broken(&error))? {
                        Some(shadow) => shadow,
                        None => rows::read(connection, entity, &id).map_err(|error| broken(&error))?,
                    };
                    let (Some(row), Ok(row_id)) = (row.filter(|row| row.stamp > last_stamp), Uuid::parse_str(&id)) else { continue };
                    let offered =
                        offered_of(connection, &laptop.writer().device().owner, entity, &id, &row).map_err(|error| broken(&error))?;
                    let fields: Vec<(usize, Value)> =
                        offered.into_iter().filter_map(|(name, value)| Some((entity.column_index(&name)?, value))).collect();
                    let stands = state.row(entity, &row_id).map(|row| row.values.as_slice());
                    let fields = of_writer(entity, &row_id, stands, &fields, &actor);
                    if !fields.is_empty() {
                        self.rows.push((entity, row_id, row.stamp, fields));
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
        for (entity, id, stamp, fields) in &self.rows {
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
            for (index, had) in fields {
                let column = &entity.columns[*index];
                let stands = match row {
                    Some(row) => row.values[*index] == *had || self.was_said_since(row, column),
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
