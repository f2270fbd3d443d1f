-- A backup takes the place of a server, and rows that were made after it are gone there. What people did comes back from their
-- own laptops; what nobody sends again (a laptop that is gone, what was written in plain SQL) other laptops still have. They
-- offer it, and it waits here for an administrator. What it is about may be gone or have never been made, so it is named
-- without a foreign key.
CREATE TABLE offered_rows (
    id                 uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id    uuid NOT NULL REFERENCES organizations,
    entity             text NOT NULL,
    row_id             uuid NOT NULL,
    -- The stamp under which a laptop had the row: the larger one is the later state. In digits,
    -- because a value of a row is no larger than every JSON reader keeps exactly.
    row_stamp          text NOT NULL,
    changed_at         timestamptz,
    fields             jsonb NOT NULL,
    base_stamp         text,
    offered_by         uuid,
    offered_by_name    text,
    person_name        text,
    state              text NOT NULL DEFAULT 'waiting',
    decided_by         uuid,
    decided_at         timestamptz,
    edits              jsonb NOT NULL DEFAULT '{}',
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    stamp              bigint NOT NULL,
    CONSTRAINT offered_rows_entity_check CHECK (length(entity) <= 63),
    CONSTRAINT offered_rows_row_stamp_check CHECK (row_stamp ~ '^-?[0-9]{1,19}$'),
    CONSTRAINT offered_rows_state_check CHECK (state IN ('waiting', 'accepted', 'refused')),
    CONSTRAINT offered_rows_decided_check CHECK ((state = 'waiting') = (decided_at IS NULL))
);
CREATE INDEX offered_rows_waiting ON offered_rows (offered_by) WHERE state = 'waiting';
