//! Gas stations and their parts. Everybody in the organization subscribes to all of them.

use super::super::*;
use crate::access::{Role, Rules, Who};

const WRITERS: Rules = &[&[Who::Has(Role::Admin)], &[Who::Has(Role::Instructor)]];
const SCOPES: &[ScopeRule] = &[in_scope(ScopeKind::Org, "organization_id")];

/// One station, or another site where people are trained.
pub static STATIONS: Entity = Entity {
    name: "stations",
    code: 12,
    columns: &[
        // The serial number in the previous system.
        column("legacy_number", Kind::Int, Merge::Server).optional(),
        column("code", Kind::Text, Merge::Ask).optional().length_max(50),
        column("name", Kind::Text, Merge::Latest).length_max(255),
        column("brand", Kind::Text, Merge::Latest).optional().length_max(100),
        column("region", Kind::Text, Merge::Latest).optional().length_max(100),
        column("address", Kind::Text, Merge::Latest).optional().length_max(500),
        column("phone", Kind::Text, Merge::Latest).optional().length_max(30),
        column("email", Kind::Text, Merge::Latest).optional().length_max(255),
        column("latitude", Kind::Float, Merge::Latest).optional().group("place").between(-90, 90),
        column("longitude", Kind::Float, Merge::Latest).optional().group("place").between(-180, 180),
        column("description", Kind::Text, Merge::Latest).optional(),
        column("opened_on", Kind::Date, Merge::Latest).optional(),
        column("opening_hours", Kind::Text, Merge::Latest).optional().length_max(100),
        column("status", Kind::Choice(&["active", "maintenance", "closed"]), Merge::Latest).default("\"active\""),
        column("photo_url", Kind::Text, Merge::Latest).optional().length_max(2_000),
    ],
    id: IdRule::Generated,
    scopes: SCOPES,
    write: WRITERS,
    delete: &[&[Who::Has(Role::Admin)]],
    access: &[],
    constraints: constraints().unique(&[unique(&["code"]), unique(&["legacy_number"])]),
    record: record(Section::Stations, Label::First(&["name"])).search(&["code", "brand", "region", "address"]),
};

/// One source of a station's gas supply.
pub static STATION_GAS_SUPPLY_SOURCES: Entity = Entity {
    name: "station_gas_supply_sources",
    code: 13,
    columns: &[
        key("station_id").references("stations", OnDelete::Cascade, &[]),
        column("legacy_number", Kind::Int, Merge::Server).optional(),
        column("position", Kind::Int, Merge::LatestQuiet),
        column("name", Kind::Text, Merge::Latest).length_max(255),
        // Such as a pipeline or a road tanker.
        column("supply_type", Kind::Text, Merge::Latest).optional().length_max(100),
        column("product", Kind::Text, Merge::Latest).optional().length_max(100),
        column("is_primary", Kind::Bool, Merge::Latest),
        column("interval_days", Kind::Int, Merge::Latest).optional().at_least(1),
        column("contact_phone", Kind::Text, Merge::Latest).optional().length_max(30),
        column("description", Kind::Text, Merge::Latest).optional(),
    ],
    id: IdRule::Generated,
    scopes: SCOPES,
    write: WRITERS,
    delete: WRITERS,
    access: &[],
    constraints: constraints(),
    record: record(Section::Stations, Label::First(&["name"])).search(&["product", "supply_type"]).part_of("station_id"),
};

/// One piece of a station's equipment.
pub static STATION_EQUIPMENT: Entity = Entity {
    name: "station_equipment",
    code: 14,
    columns: &[
        key("station_id").references("stations", OnDelete::Cascade, &[]),
        column("legacy_number", Kind::Int, Merge::Server).optional(),
        column("position", Kind::Int, Merge::LatestQuiet),
        column("name", Kind::Text, Merge::Latest).length_max(255),
        column("manufacturer", Kind::Text, Merge::Latest).optional().length_max(255),
        column("model", Kind::Text, Merge::Latest).optional().length_max(255),
        column("serial_number", Kind::Text, Merge::Latest).optional().length_max(100),
        column("quantity", Kind::Int, Merge::Latest).default("1").at_least(0),
        column("installed_on", Kind::Date, Merge::Latest).optional(),
        column("status", Kind::Choice(&["operational", "maintenance", "out_of_service"]), Merge::Latest).default("\"operational\""),
        column("note", Kind::Text, Merge::Latest).optional().length_max(2_000),
    ],
    id: IdRule::Generated,
    scopes: SCOPES,
    write: WRITERS,
    delete: WRITERS,
    access: &[],
    constraints: constraints(),
    record: record(Section::Stations, Label::First(&["name"])).search(&["manufacturer", "model", "serial_number"]).part_of("station_id"),
};

/// One figure of a station: a name, a value and its unit.
pub static STATION_SPECIFICATIONS: Entity = Entity {
    name: "station_specifications",
    code: 15,
    columns: &[
        key("station_id").references("stations", OnDelete::Cascade, &[]),
        column("legacy_number", Kind::Int, Merge::Server).optional(),
        column("position", Kind::Int, Merge::LatestQuiet),
        column("name", Kind::Text, Merge::Latest).length_max(255),
        column("value", Kind::Text, Merge::Latest).group("figure").length_max(500),
        column("unit", Kind::Text, Merge::Latest).optional().group("figure").length_max(50),
    ],
    id: IdRule::Generated,
    scopes: SCOPES,
    write: WRITERS,
    delete: WRITERS,
    access: &[],
    constraints: constraints(),
    record: record(Section::Stations, Label::First(&["name"])).search(&["value"]).part_of("station_id"),
};

/// A system that keeps a station safe.
pub static STATION_SAFETY_SYSTEMS: Entity = Entity {
    name: "station_safety_systems",
    code: 16,
    columns: &[
        key("station_id").references("stations", OnDelete::Cascade, &[]),
        column("legacy_number", Kind::Int, Merge::Server).optional(),
        column("position", Kind::Int, Merge::LatestQuiet),
        column("name", Kind::Text, Merge::Latest).length_max(255),
        // Such as `fire`, `detection`, `shutdown`, `cooling`.
        column("kind", Kind::Text, Merge::Latest).optional().length_max(100),
        column("description", Kind::Text, Merge::Latest).optional(),
    ],
    id: IdRule::Generated,
    scopes: SCOPES,
    write: WRITERS,
    delete: WRITERS,
    access: &[],
    constraints: constraints(),
    record: record(Section::Stations, Label::First(&["name"])).search(&["kind", "description"]).part_of("station_id"),
};

/// One feature of a safety system.
pub static STATION_SAFETY_SYSTEM_FEATURES: Entity = Entity {
    name: "station_safety_system_features",
    code: 17,
    columns: &[
        key("safety_system_id").references("station_safety_systems", OnDelete::Cascade, &[]),
        column("legacy_number", Kind::Int, Merge::Server).optional(),
        column("position", Kind::Int, Merge::LatestQuiet),
        column("text", Kind::Text, Merge::Latest).length_max(1_000),
    ],
    id: IdRule::Generated,
    scopes: SCOPES,
    write: WRITERS,
    delete: WRITERS,
    access: &[],
    constraints: constraints(),
    record: record(Section::Stations, Label::First(&["text"])).part_of("safety_system_id"),
};
