-- Rows that the server lost when a backup took its place wait there for an administrator.
CREATE TABLE offered_rows (
    id                 TEXT PRIMARY KEY,
    stamp              INTEGER NOT NULL,
    created_at         INTEGER,
    updated_at         INTEGER,
    entity             TEXT NOT NULL,
    row_id             TEXT NOT NULL,
    offered_by         TEXT NOT NULL,
    row_stamp          TEXT NOT NULL,
    changed_at         INTEGER,
    fields             TEXT NOT NULL,
    base_stamp         TEXT,
    offered_by_name    TEXT,
    person_id          TEXT,
    person_name        TEXT,
    state              TEXT NOT NULL,
    decided_by         TEXT,
    decided_at         INTEGER,
    digest             INTEGER
) STRICT;
CREATE INDEX offered_rows_by_state ON offered_rows (state, changed_at);

-- Rows of this laptop that the server has lost: it is another life of it, and their stamps were given after its backup was
-- made. They are kept until somebody has sent them again, or this laptop has offered them.
CREATE TABLE lost_rows (
    entity     TEXT NOT NULL,
    row_id     TEXT NOT NULL,
    row_stamp  INTEGER NOT NULL,
    changed_at INTEGER,
    -- Every column but those that the server fills, as a JSON object.
    fields     TEXT NOT NULL,
    -- When the loss was found, by this laptop's clock.
    found_at   INTEGER NOT NULL,
    PRIMARY KEY (entity, row_id)
) STRICT, WITHOUT ROWID;
