-- A change whose author had lost the right by the time it arrived waits on the server for somebody else's decision. Its author
-- sees it, and so does whoever decides.
CREATE TABLE held_changes (
    id                 TEXT PRIMARY KEY,
    stamp              INTEGER NOT NULL,
    created_at         INTEGER,
    updated_at         INTEGER,
    entity             TEXT,
    row_id             TEXT,
    op                 TEXT,
    fields             TEXT,
    author_id          TEXT,
    author_name        TEXT,
    person_id          TEXT,
    person_name        TEXT,
    device_id          TEXT,
    n                  INTEGER,
    base               TEXT,
    at_us              INTEGER,
    held_at            INTEGER,
    group_id           TEXT,
    course_id          TEXT,
    state              TEXT NOT NULL,
    decided_by         TEXT,
    decided_at         INTEGER
) STRICT;
CREATE INDEX held_changes_by_state ON held_changes (state, at_us);
