-- A scope whose checksum did not fit is read again from 0, and what that reading does not deliver is not there any more.
-- That a scope was ever read again says nothing about the page at hand: whether it is being read right now is kept apart.
ALTER TABLE scopes ADD COLUMN reading INTEGER NOT NULL DEFAULT 0 CHECK (reading IN (0, 1));
UPDATE scopes SET reading = 1 WHERE rereads > 0 AND whole = 0;

-- Tables of a later program that a scope holds. The server's checksum counts their rows, so such a scope is not compared;
-- a program that knows the table reads the scope again.
CREATE TABLE unknown_tables (
    scope  TEXT NOT NULL REFERENCES scopes (scope) ON DELETE CASCADE,
    entity TEXT NOT NULL,
    PRIMARY KEY (scope, entity)
) STRICT, WITHOUT ROWID;
