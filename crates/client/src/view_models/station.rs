//! Stations.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A station in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct StationCard {
    /// The station.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where it is.
    pub address: String,
}

/// A station with everything that belongs to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Station {
    /// The station's card.
    pub card: StationCard,
    /// A description.
    pub description: String,
    /// Its main particulars: a word for the screen to translate (`code`, `region`, `phone`, …) and the value.
    pub particulars: Vec<Particular>,
    /// Its equipment.
    pub equipment: Vec<StationPart>,
    /// Its gas supply sources.
    pub gas_supply_sources: Vec<StationPart>,
    /// Its specifications: name and value with unit.
    pub specifications: Vec<Particular>,
    /// Its safety systems, with features as lines.
    pub safety_systems: Vec<StationPart>,
    /// Courses about it.
    pub courses: Vec<super::CourseCard>,
}

/// A name and a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Particular {
    /// The particular's name.
    pub name: String,
    /// The value as text, with its unit.
    pub value: String,
}

/// A piece of equipment, a supply source or a safety system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct StationPart {
    /// The row's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its state, such as `active`; empty when it has none.
    pub status: String,
    /// A description.
    pub description: String,
    /// Its particulars.
    pub particulars: Vec<Particular>,
    /// Its features.
    pub features: Vec<String>,
}
