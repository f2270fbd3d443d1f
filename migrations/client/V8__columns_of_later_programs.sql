-- Columns of a later program that rows of a scope had. A row that has not changed since is not sent again, so a program that
-- knows the column reads the scope again.
CREATE TABLE unknown_columns (
    scope  TEXT NOT NULL REFERENCES scopes (scope) ON DELETE CASCADE,
    entity TEXT NOT NULL,
    name   TEXT NOT NULL,
    PRIMARY KEY (scope, entity, name)
) STRICT, WITHOUT ROWID;
