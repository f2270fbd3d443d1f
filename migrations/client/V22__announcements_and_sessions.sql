-- Announcements, messages and training sessions.

CREATE TABLE announcements (
    id            TEXT PRIMARY KEY,
    stamp         INTEGER NOT NULL,
    created_at    INTEGER,
    updated_at    INTEGER,
    course_id     TEXT,
    department_id TEXT,
    title         TEXT NOT NULL,
    content       TEXT NOT NULL,
    priority      TEXT NOT NULL,
    is_pinned     INTEGER NOT NULL,
    published_at  INTEGER,
    expires_at    INTEGER,
    created_by    TEXT,
    audience      TEXT,
    published     INTEGER,
    digest        INTEGER
) STRICT;
CREATE INDEX announcements_by_time ON announcements (published_at);

CREATE TABLE messages (
    id                TEXT PRIMARY KEY,
    stamp             INTEGER NOT NULL,
    created_at        INTEGER,
    updated_at        INTEGER,
    sender_id         TEXT NOT NULL,
    recipient_id      TEXT,
    course_id         TEXT,
    parent_message_id TEXT,
    subject           TEXT,
    content           TEXT NOT NULL,
    read_at           INTEGER,
    is_archived       INTEGER NOT NULL,
    sender_name       TEXT,
    recipient_name    TEXT,
    audience          TEXT,
    published         INTEGER,
    digest            INTEGER
) STRICT;
CREATE INDEX messages_by_time ON messages (created_at);
CREATE INDEX messages_by_parent ON messages (parent_message_id);

CREATE TABLE training_sessions (
    id               TEXT PRIMARY KEY,
    stamp            INTEGER NOT NULL,
    created_at       INTEGER,
    updated_at       INTEGER,
    course_id        TEXT,
    title            TEXT NOT NULL,
    description      TEXT NOT NULL,
    instructor_id    TEXT NOT NULL,
    department_id    TEXT,
    session_type     TEXT NOT NULL,
    starts_at        INTEGER NOT NULL,
    ends_at          INTEGER NOT NULL,
    location         TEXT,
    meeting_url      TEXT,
    participants_max INTEGER,
    status           TEXT NOT NULL,
    published        INTEGER,
    digest           INTEGER
) STRICT;
CREATE INDEX training_sessions_by_time ON training_sessions (starts_at);

CREATE TABLE session_attendances (
    id                  TEXT PRIMARY KEY,
    stamp               INTEGER NOT NULL,
    created_at          INTEGER,
    updated_at          INTEGER,
    training_session_id TEXT NOT NULL,
    user_id             TEXT NOT NULL,
    instructor_id       TEXT NOT NULL,
    display_name        TEXT,
    status              TEXT NOT NULL,
    checked_in_at       INTEGER,
    checked_out_at      INTEGER,
    notes               TEXT,
    digest              INTEGER
) STRICT;
CREATE INDEX session_attendances_by_session ON session_attendances (training_session_id);
CREATE INDEX session_attendances_by_user ON session_attendances (user_id);
