//! Rows that a restored server has lost and some laptop still had. At the end each value is current again, or offered, or was
//! replaced since.

use serde_json::Value;
use uuid::Uuid;
use waystation_client::store::lost::offerable_fields;
use waystation_client::store::{overlay, rows};
use waystation_model::access::Actor;
use waystation_model::offers::{may_be_offered, writable_fields};
use waystation_model::registry::{Column, Entity, Merge, all};

use crate::authority::{Row, State, account, id_in, subscribed_scopes, table, value};
use crate::faults::Finding;
use crate::laptop::Laptop;

/// A row that a laptop had: its table, its id, its stamp, and its columns by their index.
type Lost = (&'static Entity, Uuid, i64, Vec<(usize, Value)>);

/// Rows that laptops had when the server went back.
#[derive(Default)]
pub struct LostRows {
    rows: Vec<Lost>,
    /// The last stamp of the previous epoch that the server still has.
    last_stamp: i64,
}

impl LostRows {
    /// Collects the lost rows after the server went back to this state, whose last stamp is `last_stamp`. Rows of an earlier loss
    /// are dropped: their offers were lost too, and their laptops make them again. Only values count that the laptop's user may
    /// write, by the rights on the laptop and on the server.
    ///
    /// # Errors
    /// When a laptop's database fails.
    pub fn gather(&mut self, last_stamp: i64, laptops: &[Laptop], state: &State) -> Result<(), Finding> {
        self.last_stamp = last_stamp;
        self.rows.clear();
        for laptop in laptops.iter().filter(|laptop| laptop.is_on()) {
            let connection = laptop.writer().connection();
            let Some((organization_id, role)) = account(state, laptop.user) else { continue };
            let scopes = subscribed_scopes(state, laptop.user).into_iter().collect();
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
                        offerable_fields(connection, &laptop.writer().device().owner, entity, &id, &row).map_err(|error| broken(&error))?;
                    let fields: Vec<(usize, Value)> =
                        offered.into_iter().filter_map(|(name, value)| Some((entity.column_index(&name)?, value))).collect();
                    let current = state.row(entity, &row_id).map(|row| row.values.as_slice());
                    let fields = writable_fields(entity, &row_id, current, &fields, &actor);
                    if !fields.is_empty() {
                        self.rows.push((entity, row_id, row.stamp, fields));
                    }
                }
            }
        }
        Ok(())
    }

    /// Drops all rows, because a laptop that had some of them may have lost them.
    pub fn forget(&mut self) {
        self.rows.clear();
    }

    /// Checks that each value is current, offered or replaced. Returns the number of rows.
    ///
    /// # Errors
    /// The first lost value.
    pub fn check_none_lost(&self, state: &State) -> Result<usize, Finding> {
        let offers = table("offered_rows");
        for (entity, id, stamp, fields) in &self.rows {
            let of_row = |offer: &Row| {
                id_in(offers, &offer.values, "row_id") == Some(*id) && value(offers, &offer.values, "entity").as_str() == Some(entity.name)
            };
            let offered: Vec<&Row> = state.rows(offers).filter(|(_, offer)| of_row(offer)).map(|(_, offer)| &**offer).collect();
            // A page of the previous epoch, stored after the server went back, brought a later state.
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
                // It was deleted since.
                continue;
            }
            for (index, had) in fields {
                let column = &entity.columns[*index];
                let is_current = match row {
                    Some(row) => row.values[*index] == *had || self.was_said_since(row, column),
                    None => had.is_null(),
                };
                let is_offered = || offered.iter().any(|offer| value(offers, &offer.values, "fields").get(column.name) == Some(had));
                if !matches!(column.merge, Merge::Server | Merge::Sum | Merge::Carried) && !is_current && !is_offered() {
                    return Finding::of(format!(
                        "{} {id}: {} was {had} on a laptop when the server lost it, and that is nowhere",
                        entity.name, column.name
                    ));
                }
            }
        }
        Ok(self.rows.len())
    }

    /// Whether the column was changed in the new epoch.
    fn was_said_since(&self, row: &Row, column: &Column) -> bool {
        match column.tracked_group() {
            Some(group) => row.edits.get(group).is_some_and(|edit| edit.stamp > self.last_stamp),
            None => row.stamp > self.last_stamp,
        }
    }
}
