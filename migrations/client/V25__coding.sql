-- Coding tasks with their test cases, and what learners hand in.

CREATE TABLE coding_topics (
    id         TEXT PRIMARY KEY,
    stamp      INTEGER NOT NULL,
    created_at INTEGER,
    updated_at INTEGER,
    name       TEXT NOT NULL,
    digest     INTEGER
) STRICT;
CREATE INDEX coding_topics_by_name ON coding_topics (name);

CREATE TABLE coding_tasks (
    id              TEXT PRIMARY KEY,
    stamp           INTEGER NOT NULL,
    created_at      INTEGER,
    updated_at      INTEGER,
    coding_topic_id TEXT,
    title           TEXT NOT NULL,
    description     TEXT NOT NULL,
    starter_code    TEXT NOT NULL,
    difficulty      TEXT NOT NULL,
    points          INTEGER,
    position        INTEGER NOT NULL,
    is_active       INTEGER NOT NULL,
    deleted_at      INTEGER,
    created_by      TEXT,
    published       INTEGER,
    digest          INTEGER
) STRICT;
CREATE INDEX coding_tasks_by_topic ON coding_tasks (coding_topic_id, position);

CREATE TABLE coding_test_cases (
    id             TEXT PRIMARY KEY,
    stamp          INTEGER NOT NULL,
    created_at     INTEGER,
    updated_at     INTEGER,
    coding_task_id TEXT NOT NULL,
    input          TEXT NOT NULL,
    expected       TEXT NOT NULL,
    explanation    TEXT,
    position       INTEGER NOT NULL,
    is_hidden      INTEGER NOT NULL,
    published      INTEGER,
    shown          INTEGER,
    digest         INTEGER
) STRICT;
CREATE INDEX coding_test_cases_by_task ON coding_test_cases (coding_task_id, position);

CREATE TABLE coding_submissions (
    id             TEXT PRIMARY KEY,
    stamp          INTEGER NOT NULL,
    created_at     INTEGER,
    updated_at     INTEGER,
    coding_task_id TEXT NOT NULL,
    user_id        TEXT NOT NULL,
    submitted_at   INTEGER NOT NULL,
    submitted_code TEXT NOT NULL,
    attempt_number INTEGER,
    group_id       TEXT,
    status         TEXT,
    passed_count   INTEGER,
    failed_count   INTEGER,
    error_message  TEXT,
    runtime_ms     INTEGER,
    digest         INTEGER
) STRICT;
CREATE INDEX coding_submissions_by_task ON coding_submissions (coding_task_id);
CREATE INDEX coding_submissions_by_user ON coding_submissions (user_id);
