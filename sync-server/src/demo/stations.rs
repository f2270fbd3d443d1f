//! The organization and its stations.

use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::demo_id;
use super::insert::insert;
use super::source::Source;
use crate::failure::Failure;

/// The organization itself.
pub async fn organization(connection: &mut PgConnection, id: Uuid, source: &Source) -> Result<(), Failure> {
    let fields = &source.organization.organization;
    let row = json!({
        "id": id, "name": fields.name, "slug": fields.slug, "description": fields.description, "status": "active",
        "subscription_tier": "premium", "subscription_status": "active", "seats_purchased": 100,
        "default_language": fields.default_language, "time_zone": fields.time_zone, "currency": fields.currency,
        "isolation_strategy": "SHARED", "settings": {},
    });
    insert(connection, id, "organizations", vec![row]).await
}

/// The stations with everything that belongs to them.
pub async fn stations(connection: &mut PgConnection, organization: Uuid, source: &Source) -> Result<(), Failure> {
    let mut rows = Vec::new();
    let (mut supplies, mut equipment, mut specifications, mut systems, mut features) = (vec![], vec![], vec![], vec![], vec![]);
    for station in &source.organization.stations {
        let id = demo_id(&format!("station:{}", station.code));
        rows.push(json!({
            "id": id, "code": station.code, "name": station.name, "brand": station.brand, "region": station.region, "address": station.address,
            "phone": station.phone, "email": station.email, "latitude": station.latitude, "longitude": station.longitude,
            "description": station.description, "opened_on": station.opened_on, "opening_hours": station.opening_hours, "status": "active",
        }));
        for (position, entry) in station.gas_supply_sources.iter().enumerate() {
            supplies.push(part(
                &station.code,
                "supply",
                id,
                position,
                entry,
                &["name", "supply_type", "product", "is_primary", "interval_days", "contact_phone"],
            ));
        }
        for (position, entry) in station.equipment.iter().enumerate() {
            let mut row = part(
                &station.code,
                "equipment",
                id,
                position,
                entry,
                &["name", "manufacturer", "model", "serial_number", "installed_on", "status"],
            );
            row["quantity"] = json!(1);
            equipment.push(row);
        }
        for (position, entry) in station.specifications.iter().enumerate() {
            let mut row = part(&station.code, "specification", id, position, entry, &["value", "unit"]);
            row["name"] = entry["key"].clone();
            specifications.push(row);
        }
        for (position, entry) in station.safety_systems.iter().enumerate() {
            let system = demo_id(&format!("safety:{}:{position}", station.code));
            systems.push(json!({"id": system, "station_id": id, "position": position, "name": entry.name, "kind": entry.kind, "description": entry.description}));
            for (index, text) in entry.features.iter().enumerate() {
                features.push(json!({"id": demo_id(&format!("feature:{}:{position}:{index}", station.code)), "safety_system_id": system, "position": index, "text": text}));
            }
        }
    }
    insert(connection, organization, "stations", rows).await?;
    insert(connection, organization, "station_gas_supply_sources", supplies).await?;
    insert(connection, organization, "station_equipment", equipment).await?;
    insert(connection, organization, "station_specifications", specifications).await?;
    insert(connection, organization, "station_safety_systems", systems).await?;
    insert(connection, organization, "station_safety_system_features", features).await
}

fn part(code: &str, what: &str, station: Uuid, position: usize, entry: &Value, columns: &[&str]) -> Value {
    let mut row = json!({"id": demo_id(&format!("{what}:{code}:{position}")), "station_id": station, "position": position});
    for column in columns {
        row[*column] = entry.get(*column).cloned().unwrap_or(Value::Null);
    }
    row
}
