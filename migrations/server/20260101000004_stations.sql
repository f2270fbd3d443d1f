-- Stations and what belongs to them.

-- A gas station, or another site where people are trained. It keeps the serial number that it had before.
CREATE TABLE stations (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL REFERENCES organizations,
    legacy_number   integer,
    code            text,
    name            text NOT NULL,
    brand           text,
    region          text,
    address         text,
    phone           text,
    email           text,
    latitude        double precision,
    longitude       double precision,
    description     text,
    opened_on       date,
    opening_hours   text,
    status          text NOT NULL DEFAULT 'active',
    photo_url       text,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    stamp           bigint NOT NULL,
    edits           jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT stations_latitude_check CHECK (latitude BETWEEN -90 AND 90),
    CONSTRAINT stations_longitude_check CHECK (longitude BETWEEN -180 AND 180),
    CONSTRAINT stations_status_check CHECK (status IN ('active', 'maintenance', 'closed')),
    CONSTRAINT stations_code_key UNIQUE (organization_id, code),
    CONSTRAINT stations_legacy_number_key UNIQUE (organization_id, legacy_number),
    CONSTRAINT stations_id_organization_id_key UNIQUE (id, organization_id)
);

ALTER TABLE users ADD CONSTRAINT users_station_id_fkey FOREIGN KEY (station_id, organization_id)
    REFERENCES stations (id, organization_id) ON DELETE SET NULL (station_id);
CREATE INDEX users_by_station ON users (station_id) WHERE station_id IS NOT NULL;

-- Where a station's gas comes from.
CREATE TABLE station_gas_supply_sources (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    station_id      uuid NOT NULL,
    legacy_number   integer,
    position        integer NOT NULL DEFAULT 0,
    name            text NOT NULL,
    supply_type     text,
    product         text,
    is_primary      boolean NOT NULL DEFAULT false,
    interval_days   integer,
    contact_phone   text,
    description     text,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    stamp           bigint NOT NULL,
    edits           jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT station_gas_supply_sources_interval_days_check CHECK (interval_days > 0),
    CONSTRAINT station_gas_supply_sources_station_id_fkey FOREIGN KEY (station_id, organization_id) REFERENCES stations (id, organization_id) ON DELETE CASCADE
);
CREATE INDEX station_gas_supply_sources_by_station ON station_gas_supply_sources (station_id, position);

-- One piece of a station's equipment.
CREATE TABLE station_equipment (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    station_id      uuid NOT NULL,
    legacy_number   integer,
    position        integer NOT NULL DEFAULT 0,
    name            text NOT NULL,
    manufacturer    text,
    model           text,
    serial_number   text,
    quantity        integer NOT NULL DEFAULT 1,
    installed_on    date,
    status          text NOT NULL DEFAULT 'operational',
    note            text,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    stamp           bigint NOT NULL,
    edits           jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT station_equipment_quantity_check CHECK (quantity >= 0),
    CONSTRAINT station_equipment_status_check CHECK (status IN ('operational', 'maintenance', 'out_of_service')),
    CONSTRAINT station_equipment_station_id_fkey FOREIGN KEY (station_id, organization_id) REFERENCES stations (id, organization_id) ON DELETE CASCADE
);
CREATE INDEX station_equipment_by_station ON station_equipment (station_id, position);

-- One figure of a station.
CREATE TABLE station_specifications (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    station_id      uuid NOT NULL,
    legacy_number   integer,
    position        integer NOT NULL DEFAULT 0,
    name            text NOT NULL,
    value           text NOT NULL DEFAULT '',
    unit            text,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    stamp           bigint NOT NULL,
    edits           jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT station_specifications_station_id_fkey FOREIGN KEY (station_id, organization_id) REFERENCES stations (id, organization_id) ON DELETE CASCADE
);
CREATE INDEX station_specifications_by_station ON station_specifications (station_id, position);

-- A system that keeps a station safe.
CREATE TABLE station_safety_systems (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    station_id      uuid NOT NULL,
    legacy_number   integer,
    position        integer NOT NULL DEFAULT 0,
    name            text NOT NULL,
    kind            text,
    description     text,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    stamp           bigint NOT NULL,
    edits           jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT station_safety_systems_station_id_fkey FOREIGN KEY (station_id, organization_id) REFERENCES stations (id, organization_id) ON DELETE CASCADE,
    CONSTRAINT station_safety_systems_id_organization_id_key UNIQUE (id, organization_id)
);
CREATE INDEX station_safety_systems_by_station ON station_safety_systems (station_id, position);

-- One thing that a safety system does.
CREATE TABLE station_safety_system_features (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id  uuid NOT NULL,
    safety_system_id uuid NOT NULL,
    legacy_number    integer,
    position         integer NOT NULL DEFAULT 0,
    text             text NOT NULL,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    stamp            bigint NOT NULL,
    edits            jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT station_safety_system_features_safety_system_id_fkey FOREIGN KEY (safety_system_id, organization_id) REFERENCES station_safety_systems (id, organization_id) ON DELETE CASCADE
);
CREATE INDEX station_safety_system_features_by_safety_system ON station_safety_system_features (safety_system_id, position);
