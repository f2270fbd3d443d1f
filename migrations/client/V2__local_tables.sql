-- What only this laptop keeps: who it is to the server, what waits to be sent, what lies under it, and how far each
-- scope was read. None of it is synced, so these tables hold their constraints strictly.

CREATE TABLE device (
    only_row        INTEGER PRIMARY KEY CHECK (only_row = 1),
    device_id       TEXT NOT NULL,
    user_id         TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    organization_name TEXT NOT NULL,
    user_name       TEXT NOT NULL,
    full_name       TEXT NOT NULL,
    role            TEXT NOT NULL CHECK (role IN ('admin', 'instructor', 'teacher', 'learner', 'parent')),
    server          TEXT NOT NULL,
    epoch           INTEGER NOT NULL DEFAULT 0,
    -- The server has mutations up to here, and the chain there.
    acknowledged_n     INTEGER NOT NULL DEFAULT 0 CHECK (acknowledged_n >= 0),
    acknowledged_chain BLOB NOT NULL DEFAULT (zeroblob(32)) CHECK (length(acknowledged_chain) = 32),
    -- A complete pull covered mutations up to here.
    applied_upto    INTEGER NOT NULL DEFAULT 0,
    -- Server's clock minus this laptop's.
    clock_offset_ms INTEGER NOT NULL DEFAULT 0,
    last_sync_at    INTEGER,
    first_sync_done INTEGER NOT NULL DEFAULT 0 CHECK (first_sync_done IN (0, 1))
) STRICT;

-- The session with the server. The refresh token is replaced before the new one is used.
CREATE TABLE user_sessions (
    only_row          INTEGER PRIMARY KEY CHECK (only_row = 1) REFERENCES device (only_row),
    access_token      TEXT NOT NULL,
    access_expires_at INTEGER NOT NULL,
    refresh_token     TEXT NOT NULL,
    ended             INTEGER NOT NULL DEFAULT 0 CHECK (ended IN (0, 1))
) STRICT;

CREATE TABLE scopes (
    scope    TEXT PRIMARY KEY,
    cursor   INTEGER NOT NULL DEFAULT 0 CHECK (cursor >= 0),
    head     INTEGER NOT NULL DEFAULT 0,
    checksum INTEGER NOT NULL DEFAULT 0,
    whole    INTEGER NOT NULL DEFAULT 0 CHECK (whole IN (0, 1)),
    -- Being read once more from 0, because the server changed its life or the checksum did not fit. How often in a row.
    rereads  INTEGER NOT NULL DEFAULT 0 CHECK (rereads >= 0)
) STRICT, WITHOUT ROWID;

-- The sum of row hashes of every scope that a row of this laptop lives in, heard or not: a scope that is heard later
-- starts with the right sum.
CREATE TABLE scope_sums (
    scope TEXT PRIMARY KEY,
    sum   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What a scope that is being read again has delivered so far. What it does not deliver is not there any more.
CREATE TABLE reread_rows (
    scope  TEXT NOT NULL REFERENCES scopes (scope) ON DELETE CASCADE,
    entity TEXT NOT NULL,
    row_id TEXT NOT NULL,
    PRIMARY KEY (scope, entity, row_id)
) STRICT, WITHOUT ROWID;

-- What a person did, numbered. 0 waits, 1 was sent and not answered, 2 is at the server and waits for the pull that
-- brings it, 3 is covered and kept for a server that comes back from a backup.
CREATE TABLE outbox (
    n          INTEGER PRIMARY KEY,
    entity     TEXT NOT NULL,
    row_id     TEXT NOT NULL,
    op         TEXT NOT NULL CHECK (op IN ('put', 'delete')),
    base_stamp INTEGER,
    base_own   INTEGER,
    at         INTEGER NOT NULL,
    columns    TEXT NOT NULL,
    vals       TEXT NOT NULL,
    state      INTEGER NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 3),
    -- The chain after this mutation, from the moment it is sent.
    chain      BLOB CHECK (length(chain) = 32),
    CHECK (state = 0 OR chain IS NOT NULL)
) STRICT;
CREATE INDEX outbox_pending ON outbox (row_id, n) WHERE state < 3;

-- The server's row under the changes that lie on top of it: a JSON array of the row's values, or null where the server
-- has none.
CREATE TABLE shadows (
    entity     TEXT NOT NULL,
    row_id     TEXT NOT NULL,
    stamp      INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER,
    updated_at INTEGER,
    row        TEXT,
    PRIMARY KEY (entity, row_id),
    CHECK ((row IS NULL) = (stamp = 0))
) STRICT, WITHOUT ROWID;

-- What the server refused, until the person mends it or lets it go.
CREATE TABLE attention (
    number     INTEGER PRIMARY KEY,
    entity     TEXT NOT NULL,
    row_id     TEXT NOT NULL,
    op         TEXT NOT NULL CHECK (op IN ('put', 'delete')),
    at         INTEGER NOT NULL,
    code       TEXT NOT NULL,
    field      TEXT,
    message    TEXT NOT NULL,
    suggestion TEXT,
    columns    TEXT NOT NULL,
    vals       TEXT NOT NULL,
    UNIQUE (row_id, at)
) STRICT;

-- What met somebody else's change. The oldest go.
CREATE TABLE merged_log (
    number  INTEGER PRIMARY KEY AUTOINCREMENT,
    n       INTEGER NOT NULL,
    entity  TEXT NOT NULL,
    row_id  TEXT NOT NULL,
    at      INTEGER NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('merged', 'superseded', 'held')),
    UNIQUE (row_id, at)
) STRICT;

-- Files that are wanted and not here yet.
CREATE TABLE downloads (
    sha256          TEXT PRIMARY KEY CHECK (length(sha256) = 64),
    content_item_id TEXT NOT NULL,
    course_id       TEXT NOT NULL,
    title           TEXT NOT NULL,
    size_bytes      INTEGER NOT NULL CHECK (size_bytes >= 0),
    position        INTEGER NOT NULL,
    state           TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'failed')),
    problem         TEXT,
    CHECK ((state = 'failed') = (problem IS NOT NULL))
) STRICT, WITHOUT ROWID;

-- Answers of a test that is being taken: stored one by one, sent as a whole when it is handed in.
CREATE TABLE attempt_drafts (
    attempt_id  TEXT PRIMARY KEY,
    answers     TEXT NOT NULL DEFAULT '{}',
    flags       TEXT NOT NULL DEFAULT '[]',
    at_question INTEGER NOT NULL DEFAULT 0 CHECK (at_question >= 0),
    -- Time spent up to the checkpoint, and both clocks there.
    elapsed_ms    INTEGER NOT NULL DEFAULT 0 CHECK (elapsed_ms >= 0),
    wall_ms       INTEGER NOT NULL,
    monotonic_ms  INTEGER NOT NULL,
    boot          TEXT NOT NULL,
    clock_moved   INTEGER NOT NULL DEFAULT 0 CHECK (clock_moved IN (0, 1)),
    -- What this laptop made of it, until the server has spoken: a grade as JSON.
    grade         TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
