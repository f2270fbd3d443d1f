-- Rows that the server has and cannot send: another program has made them larger than a page, or put something into them that
-- JSON has no form for. Only that they are missing is known of them, and the person is told.
CREATE TABLE withheld_rows (
    scope  TEXT NOT NULL,
    entity TEXT NOT NULL,
    row_id TEXT NOT NULL,
    PRIMARY KEY (entity, row_id, scope)
) STRICT, WITHOUT ROWID;
