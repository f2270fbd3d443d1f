-- Somebody loses a right while their work waits offline on a laptop. What they had the right to when they made it is kept here
-- until whoever has the right now accepts or refuses it.

-- What a person was last known to hear, and their role as `role:teacher`: the server compares whenever it computes what they
-- hear. One row a person, written only when something differs.
CREATE TABLE known_rights (
    user_id  uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    scopes   text[] NOT NULL,
    -- The sum of the heads of their access when this was read: what was read earlier never replaces it.
    rights_at bigint NOT NULL,
    known_at timestamptz NOT NULL
);

-- What they do not hear, or are not, any more.
CREATE TABLE former_rights (
    user_id  uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    scope    text NOT NULL,
    lost_at  timestamptz NOT NULL,
    PRIMARY KEY (user_id, scope)
);

-- When a page last told a device that something is heard no more: sent, and known to have been received by what the device
-- asked for afterwards. What it did until then, it did not knowing.
ALTER TABLE device_states ADD COLUMN losses_sent_at timestamptz;
ALTER TABLE device_states ADD COLUMN losses_told_at timestamptz;

-- A change that waits for a decision, or had one. What it is about may be gone or have never been made, so the row, its place
-- and the people in it are named without a foreign key.
CREATE TABLE held_changes (
    id                 uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id    uuid NOT NULL REFERENCES organizations,
    entity             text NOT NULL,
    row_id             uuid NOT NULL,
    op                 text NOT NULL,
    fields             jsonb NOT NULL,
    author_id          uuid NOT NULL,
    author_name        text NOT NULL,
    person_id          uuid,
    person_name        text,
    device_id          uuid NOT NULL,
    n                  bigint NOT NULL,
    base               jsonb,
    at_us              bigint NOT NULL,
    held_at            timestamptz NOT NULL,
    group_id           uuid,
    course_id          uuid,
    state              text NOT NULL DEFAULT 'waiting',
    decided_by         uuid,
    decided_at         timestamptz,
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    stamp              bigint NOT NULL,
    CONSTRAINT held_changes_op_check CHECK (op IN ('put', 'delete')),
    CONSTRAINT held_changes_state_check CHECK (state IN ('waiting', 'accepted', 'refused')),
    CONSTRAINT held_changes_decided_check CHECK ((state = 'waiting') = (decided_at IS NULL)),
    CONSTRAINT held_changes_place_check CHECK (num_nonnulls(group_id, course_id) <= 1),
    CONSTRAINT held_changes_author_id_fkey FOREIGN KEY (author_id, organization_id) REFERENCES users (id, organization_id) ON DELETE CASCADE
);
CREATE INDEX held_changes_by_group ON held_changes (group_id) WHERE group_id IS NOT NULL;
CREATE INDEX held_changes_by_course ON held_changes (course_id) WHERE course_id IS NOT NULL;
CREATE INDEX held_changes_by_author ON held_changes (author_id, state);
