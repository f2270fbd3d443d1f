-- The newest text by which a server can tell that it has gone back in time: it gave it out itself, and is shown it with every
-- request. This program never looks into it.
ALTER TABLE device ADD COLUMN witness TEXT CHECK (length(witness) <= 1024);
