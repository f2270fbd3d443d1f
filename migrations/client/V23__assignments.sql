-- Assignments with their submissions, and who has to take which test.

CREATE TABLE assignments (
    id           TEXT PRIMARY KEY,
    stamp        INTEGER NOT NULL,
    created_at   INTEGER,
    updated_at   INTEGER,
    course_id    TEXT NOT NULL,
    module_id    TEXT,
    title        TEXT NOT NULL,
    description  TEXT NOT NULL,
    instructions TEXT NOT NULL,
    due_at       INTEGER,
    score_max    INTEGER NOT NULL,
    is_required  INTEGER NOT NULL,
    created_by   TEXT,
    published    INTEGER,
    digest       INTEGER
) STRICT;
CREATE INDEX assignments_by_course ON assignments (course_id);

CREATE TABLE assignment_submissions (
    id              TEXT PRIMARY KEY,
    stamp           INTEGER NOT NULL,
    created_at      INTEGER,
    updated_at      INTEGER,
    assignment_id   TEXT NOT NULL,
    user_id         TEXT NOT NULL,
    course_id       TEXT NOT NULL,
    submission_text TEXT,
    media_asset_ids TEXT NOT NULL,
    submitted_at    INTEGER NOT NULL,
    status          TEXT NOT NULL,
    score_raw       REAL,
    graded_at       INTEGER,
    graded_by       TEXT,
    feedback        TEXT,
    digest          INTEGER
) STRICT;
CREATE INDEX assignment_submissions_by_assignment ON assignment_submissions (assignment_id);
CREATE INDEX assignment_submissions_by_user ON assignment_submissions (user_id);

CREATE TABLE assessment_assignments (
    id             TEXT PRIMARY KEY,
    stamp          INTEGER NOT NULL,
    created_at     INTEGER,
    updated_at     INTEGER,
    assessment_id  TEXT NOT NULL,
    group_id       TEXT,
    user_id        TEXT,
    available_from INTEGER,
    available_to   INTEGER,
    created_by     TEXT,
    digest         INTEGER
) STRICT;
CREATE INDEX assessment_assignments_by_assessment ON assessment_assignments (assessment_id);
