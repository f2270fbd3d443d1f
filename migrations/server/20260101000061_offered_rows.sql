-- A backup takes the place of a server, and rows that were made after it are gone there. What people did comes back from their
-- own laptops; what nobody sends again (a laptop that is gone, what was written in plain SQL) other laptops still have. They
-- offer it, and it waits here for an administrator. What it is about may be gone or have never been made, so it is named
-- without a foreign key. Who offered it and whom it is about are not: whoever is erased leaves nothing here.
CREATE TABLE offered_rows (
    id                 uuid PRIMARY KEY,
    organization_id    uuid NOT NULL REFERENCES organizations,
    entity             text NOT NULL,
    row_id             uuid NOT NULL,
    -- The stamp under which a laptop had the row: the larger one is the later state. In digits,
    -- because a value of a row is no larger than every JSON reader keeps exactly.
    row_stamp          text NOT NULL,
    changed_at         timestamptz,
    fields             jsonb NOT NULL,
    base_stamp         text,
    offered_by         uuid NOT NULL,
    offered_by_name    text,
    person_id          uuid,
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
    CONSTRAINT offered_rows_decided_check CHECK ((state = 'waiting') = (decided_at IS NULL)),
    CONSTRAINT offered_rows_offered_by_fkey FOREIGN KEY (offered_by, organization_id) REFERENCES users (id, organization_id) ON DELETE CASCADE,
    CONSTRAINT offered_rows_person_id_fkey FOREIGN KEY (person_id, organization_id) REFERENCES users (id, organization_id) ON DELETE CASCADE
);
CREATE INDEX offered_rows_by_offerer ON offered_rows (offered_by, state);
CREATE INDEX offered_rows_by_row ON offered_rows (row_id);
CREATE INDEX offered_rows_by_person ON offered_rows (person_id) WHERE person_id IS NOT NULL;
