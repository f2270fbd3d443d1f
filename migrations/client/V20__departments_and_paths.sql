-- Departments, what a course asks for, and learning paths.

CREATE TABLE departments (
    id          TEXT PRIMARY KEY,
    stamp       INTEGER NOT NULL,
    created_at  INTEGER,
    updated_at  INTEGER,
    name        TEXT NOT NULL,
    code        TEXT NOT NULL,
    description TEXT,
    manager_id  TEXT,
    is_active   INTEGER NOT NULL,
    digest      INTEGER
) STRICT;
CREATE INDEX departments_by_name ON departments (name);

CREATE TABLE course_prerequisites (
    id                     TEXT PRIMARY KEY,
    stamp                  INTEGER NOT NULL,
    created_at             INTEGER,
    updated_at             INTEGER,
    course_id              TEXT NOT NULL,
    prerequisite_course_id TEXT NOT NULL,
    is_mandatory           INTEGER NOT NULL,
    published              INTEGER,
    digest                 INTEGER
) STRICT;
CREATE INDEX course_prerequisites_by_course ON course_prerequisites (course_id);

CREATE TABLE learning_paths (
    id            TEXT PRIMARY KEY,
    stamp         INTEGER NOT NULL,
    created_at    INTEGER,
    updated_at    INTEGER,
    title         TEXT NOT NULL,
    description   TEXT NOT NULL,
    thumbnail_url TEXT,
    author_id     TEXT,
    status        TEXT NOT NULL,
    published     INTEGER,
    digest        INTEGER
) STRICT;
CREATE INDEX learning_paths_by_title ON learning_paths (title);

CREATE TABLE path_steps (
    id               TEXT PRIMARY KEY,
    stamp            INTEGER NOT NULL,
    created_at       INTEGER,
    updated_at       INTEGER,
    learning_path_id TEXT NOT NULL,
    position         INTEGER NOT NULL,
    course_id        TEXT,
    assessment_id    TEXT,
    published        INTEGER,
    digest           INTEGER
) STRICT;
CREATE INDEX path_steps_by_path ON path_steps (learning_path_id, position);
