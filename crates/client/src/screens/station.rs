//! Stations.

use rusqlite::{OptionalExtension, Row};
use waystation_model::registry::{self, Kind};
use waystation_model::{Code, Problem};

use super::Snapshot;
use super::course::{CardsFor, course_cards};
use crate::app::App;
use crate::error::{ClientError, Result};
use crate::view_models::*;

/// Columns of a station that are shown as particulars, besides name, address and description.
const OF_STATION: &[&str] = &["code", "brand", "region", "phone", "email", "opening_hours", "opened_on", "status", "latitude", "longitude"];
/// Columns of a piece of equipment that are shown as particulars.
const OF_EQUIPMENT: &[&str] = &["manufacturer", "model", "serial_number", "quantity", "installed_on"];
/// Columns of a gas supply source that are shown as particulars.
const OF_SUPPLY: &[&str] = &["supply_type", "product", "interval_days", "contact_phone"];
/// Columns of a safety system that are shown as particulars.
const OF_SAFETY: &[&str] = &["kind"];
/// The state of the source that is used first.
const PRIMARY: &str = "primary";

/// Every name of a particular, for the test that each is translated.
pub(crate) fn particular_names() -> Vec<&'static str> {
    [OF_STATION, OF_EQUIPMENT, OF_SUPPLY, OF_SAFETY].concat()
}

/// Every state of a station or of a part of it, for the same test.
pub(crate) fn states() -> Vec<&'static str> {
    let mut states = vec![PRIMARY];
    for table in ["stations", "station_equipment"] {
        let column = registry::entity(table).and_then(|entity| entity.column("status")).expect("a registered column");
        if let Kind::Choice(words) = column.kind {
            states.extend(words);
        }
    }
    states.sort_unstable();
    states.dedup();
    states
}

impl App {
    pub(crate) async fn stations(&self, _arguments: Nothing) -> Result<Vec<StationCard>, Problem> {
        Ok(self.read(station_cards).await?)
    }

    pub(crate) async fn station(&self, arguments: ById) -> Result<Station, Problem> {
        Ok(self.read(move |snapshot| station(snapshot, &arguments.id)).await?)
    }
}

/// Every station, by name.
pub(super) fn station_cards(snapshot: &Snapshot<'_>) -> Result<Vec<StationCard>> {
    let mut statement = snapshot.connection.prepare_cached("SELECT id, name, address FROM stations ORDER BY name, id")?;
    let cards = statement.query_map([], read_card)?.collect::<Result<_, _>>()?;
    Ok(cards)
}

/// One station's card, when it is on this laptop.
pub(super) fn station_card(snapshot: &Snapshot<'_>, id: &str) -> Result<Option<StationCard>> {
    Ok(snapshot.connection.prepare_cached("SELECT id, name, address FROM stations WHERE id = ?1")?.query_row([id], read_card).optional()?)
}

fn read_card(row: &Row<'_>) -> rusqlite::Result<StationCard> {
    Ok(StationCard { id: row.get("id")?, name: row.get("name")?, address: row.get::<_, Option<String>>("address")?.unwrap_or_default() })
}

/// The columns that are not empty, as particulars.
fn particulars(row: &Row<'_>, names: &[&str]) -> rusqlite::Result<Vec<Particular>> {
    let mut particulars = Vec::new();
    for name in names {
        let value = match row.get_ref(*name)? {
            rusqlite::types::ValueRef::Integer(number) => number.to_string(),
            rusqlite::types::ValueRef::Real(number) => number.to_string(),
            rusqlite::types::ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
            _ => continue,
        };
        if !value.is_empty() {
            particulars.push(Particular { name: (*name).to_owned(), value });
        }
    }
    Ok(particulars)
}

fn text(row: &Row<'_>, name: &str) -> rusqlite::Result<String> {
    row.get::<_, Option<String>>(name).map(Option::unwrap_or_default)
}

fn station(snapshot: &Snapshot<'_>, id: &str) -> Result<Station> {
    let (card, description, particulars) = snapshot
        .connection
        .prepare_cached(
            "SELECT id, name, address, description, code, brand, region, phone, email, opening_hours, opened_on, status, latitude, longitude
             FROM stations WHERE id = ?1",
        )?
        .query_row([id], |row| {
            Ok((read_card(row)?, text(row, "description")?, particulars(row, OF_STATION)?))
        })
        .optional()?
        .ok_or_else(|| ClientError::refused(Code::NotFound, "the station is not on this laptop"))?;
    Ok(Station {
        description,
        particulars,
        equipment: equipment(snapshot, id)?,
        gas_supply_sources: gas_supply_sources(snapshot, id)?,
        specifications: specifications(snapshot, id)?,
        safety_systems: safety_systems(snapshot, id)?,
        courses: course_cards(snapshot, CardsFor::Station(id), &snapshot.me())?,
        card,
    })
}

fn equipment(snapshot: &Snapshot<'_>, id: &str) -> Result<Vec<StationPart>> {
    let mut statement = snapshot.connection.prepare_cached(
        "SELECT id, name, manufacturer, model, serial_number, quantity, installed_on, status, note FROM station_equipment
         WHERE station_id = ?1 ORDER BY position, id",
    )?;
    let parts = statement
        .query_map([id], |row| {
            Ok(StationPart {
                id: row.get("id")?,
                name: row.get("name")?,
                status: row.get("status")?,
                description: text(row, "note")?,
                particulars: particulars(row, OF_EQUIPMENT)?,
                features: Vec::new(),
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(parts)
}

fn gas_supply_sources(snapshot: &Snapshot<'_>, id: &str) -> Result<Vec<StationPart>> {
    let mut statement = snapshot.connection.prepare_cached(
        "SELECT id, name, supply_type, product, is_primary, interval_days, contact_phone, description FROM station_gas_supply_sources
         WHERE station_id = ?1 ORDER BY position, id",
    )?;
    let parts = statement
        .query_map([id], |row| {
            Ok(StationPart {
                id: row.get("id")?,
                name: row.get("name")?,
                status: if row.get("is_primary")? { PRIMARY.to_owned() } else { String::new() },
                description: text(row, "description")?,
                particulars: particulars(row, OF_SUPPLY)?,
                features: Vec::new(),
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(parts)
}

fn specifications(snapshot: &Snapshot<'_>, id: &str) -> Result<Vec<Particular>> {
    let mut statement = snapshot
        .connection
        .prepare_cached("SELECT name, value, unit FROM station_specifications WHERE station_id = ?1 ORDER BY position, id")?;
    let specifications = statement
        .query_map([id], |row| {
            let (value, unit): (String, String) = (row.get("value")?, text(row, "unit")?);
            Ok(Particular { name: row.get("name")?, value: if unit.is_empty() { value } else { format!("{value} {unit}") } })
        })?
        .collect::<Result<_, _>>()?;
    Ok(specifications)
}

fn safety_systems(snapshot: &Snapshot<'_>, id: &str) -> Result<Vec<StationPart>> {
    let mut statement = snapshot
        .connection
        .prepare_cached("SELECT id, name, kind, description FROM station_safety_systems WHERE station_id = ?1 ORDER BY position, id")?;
    let mut systems = statement
        .query_map([id], |row| {
            Ok(StationPart {
                id: row.get("id")?,
                name: row.get("name")?,
                status: String::new(),
                description: text(row, "description")?,
                particulars: particulars(row, OF_SAFETY)?,
                features: Vec::new(),
            })
        })?
        .collect::<Result<Vec<_>, _>>()?;
    let mut features = snapshot
        .connection
        .prepare_cached("SELECT text FROM station_safety_system_features WHERE safety_system_id = ?1 ORDER BY position, id")?;
    for system in &mut systems {
        system.features = features.query_map([&system.id], |row| row.get(0))?.collect::<Result<_, _>>()?;
    }
    Ok(systems)
}
