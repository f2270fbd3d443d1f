-- What the staff note of a student has a table of its own; an attempt tells the points that a person gave, and whether it
-- came in late.
CREATE TABLE student_notes (
    id         TEXT PRIMARY KEY,
    stamp      INTEGER NOT NULL,
    created_at INTEGER,
    updated_at INTEGER,
    user_id    TEXT NOT NULL,
    notes      TEXT
) STRICT;

ALTER TABLE student_profiles DROP COLUMN notes;
ALTER TABLE assessment_attempts ADD COLUMN given_points TEXT;
ALTER TABLE assessment_attempts ADD COLUMN handed_in_late INTEGER;
