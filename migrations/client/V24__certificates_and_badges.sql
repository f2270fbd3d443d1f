-- Certificates and badges.

CREATE TABLE certificate_templates (
    id            TEXT PRIMARY KEY,
    stamp         INTEGER NOT NULL,
    created_at    INTEGER,
    updated_at    INTEGER,
    name          TEXT NOT NULL,
    template_html TEXT NOT NULL,
    template_css  TEXT,
    fields        TEXT NOT NULL,
    is_default    INTEGER NOT NULL,
    digest        INTEGER
) STRICT;
CREATE INDEX certificate_templates_by_name ON certificate_templates (name);

CREATE TABLE certificates (
    id                      TEXT PRIMARY KEY,
    stamp                   INTEGER NOT NULL,
    created_at              INTEGER,
    updated_at              INTEGER,
    user_id                 TEXT NOT NULL,
    course_id               TEXT NOT NULL,
    certificate_template_id TEXT,
    certificate_number      TEXT,
    holder_name             TEXT,
    pdf_media_asset_id      TEXT,
    issued_at               INTEGER NOT NULL,
    expires_at              INTEGER,
    revoked_at              INTEGER,
    revoked_reason          TEXT,
    digest                  INTEGER
) STRICT;
CREATE INDEX certificates_by_user ON certificates (user_id);

CREATE TABLE badges (
    id          TEXT PRIMARY KEY,
    stamp       INTEGER NOT NULL,
    created_at  INTEGER,
    updated_at  INTEGER,
    name        TEXT NOT NULL,
    description TEXT,
    image_url   TEXT NOT NULL,
    criteria    TEXT NOT NULL,
    digest      INTEGER
) STRICT;
CREATE INDEX badges_by_name ON badges (name);

CREATE TABLE user_badges (
    id         TEXT PRIMARY KEY,
    stamp      INTEGER NOT NULL,
    created_at INTEGER,
    updated_at INTEGER,
    user_id    TEXT NOT NULL,
    badge_id   TEXT NOT NULL,
    course_id  TEXT,
    earned_at  INTEGER NOT NULL,
    awarded_by TEXT,
    digest     INTEGER
) STRICT;
CREATE INDEX user_badges_by_user ON user_badges (user_id);
