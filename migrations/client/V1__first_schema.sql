-- The synced tables as one laptop holds them: the columns of the server, without its rules. A laptop has a part of the whole,
-- so there is no key but the row's own id and no foreign key; what a person enters is checked against the registry before it
-- is stored. Columns that only the server fills may be empty until it has. Truths are 0 or 1, times are milliseconds since
-- 1970, dates and times of day are text, JSON is text. Indexes serve screens.

CREATE TABLE organizations (
    id                  TEXT PRIMARY KEY,
    stamp               INTEGER NOT NULL,
    created_at          INTEGER,
    updated_at          INTEGER,
    name                TEXT NOT NULL,
    slug                TEXT,
    domain              TEXT,
    description         TEXT NOT NULL,
    logo_url            TEXT,
    status              TEXT,
    isolation_strategy  TEXT,
    subscription_tier   TEXT,
    subscription_status TEXT,
    seats_purchased     INTEGER,
    default_language    TEXT NOT NULL,
    time_zone           TEXT NOT NULL,
    currency            TEXT NOT NULL,
    settings            TEXT NOT NULL,
    deleted_at          INTEGER
) STRICT;

CREATE TABLE stations (
    id            TEXT PRIMARY KEY,
    stamp         INTEGER NOT NULL,
    created_at    INTEGER,
    updated_at    INTEGER,
    legacy_number INTEGER,
    code          TEXT,
    name          TEXT NOT NULL,
    brand         TEXT,
    region        TEXT,
    address       TEXT,
    phone         TEXT,
    email         TEXT,
    latitude      REAL,
    longitude     REAL,
    description   TEXT,
    opened_on     TEXT,
    opening_hours TEXT,
    status        TEXT NOT NULL,
    photo_url     TEXT
) STRICT;

CREATE TABLE station_gas_supply_sources (
    id            TEXT PRIMARY KEY,
    stamp         INTEGER NOT NULL,
    created_at    INTEGER,
    updated_at    INTEGER,
    station_id    TEXT NOT NULL,
    legacy_number INTEGER,
    position      INTEGER NOT NULL,
    name          TEXT NOT NULL,
    supply_type   TEXT,
    product       TEXT,
    is_primary    INTEGER NOT NULL,
    interval_days INTEGER,
    contact_phone TEXT,
    description   TEXT
) STRICT;
CREATE INDEX station_gas_supply_sources_by_station ON station_gas_supply_sources (station_id);

CREATE TABLE station_equipment (
    id            TEXT PRIMARY KEY,
    stamp         INTEGER NOT NULL,
    created_at    INTEGER,
    updated_at    INTEGER,
    station_id    TEXT NOT NULL,
    legacy_number INTEGER,
    position      INTEGER NOT NULL,
    name          TEXT NOT NULL,
    manufacturer  TEXT,
    model         TEXT,
    serial_number TEXT,
    quantity      INTEGER NOT NULL,
    installed_on  TEXT,
    status        TEXT NOT NULL,
    note          TEXT
) STRICT;
CREATE INDEX station_equipment_by_station ON station_equipment (station_id);

CREATE TABLE station_specifications (
    id            TEXT PRIMARY KEY,
    stamp         INTEGER NOT NULL,
    created_at    INTEGER,
    updated_at    INTEGER,
    station_id    TEXT NOT NULL,
    legacy_number INTEGER,
    position      INTEGER NOT NULL,
    name          TEXT NOT NULL,
    value         TEXT NOT NULL,
    unit          TEXT
) STRICT;
CREATE INDEX station_specifications_by_station ON station_specifications (station_id);

CREATE TABLE station_safety_systems (
    id            TEXT PRIMARY KEY,
    stamp         INTEGER NOT NULL,
    created_at    INTEGER,
    updated_at    INTEGER,
    station_id    TEXT NOT NULL,
    legacy_number INTEGER,
    position      INTEGER NOT NULL,
    name          TEXT NOT NULL,
    kind          TEXT,
    description   TEXT
) STRICT;
CREATE INDEX station_safety_systems_by_station ON station_safety_systems (station_id);

CREATE TABLE station_safety_system_features (
    id               TEXT PRIMARY KEY,
    stamp            INTEGER NOT NULL,
    created_at       INTEGER,
    updated_at       INTEGER,
    safety_system_id TEXT NOT NULL,
    legacy_number    INTEGER,
    position         INTEGER NOT NULL,
    text             TEXT NOT NULL
) STRICT;
CREATE INDEX station_safety_system_features_by_safety_system ON station_safety_system_features (safety_system_id);

CREATE TABLE users (
    id             TEXT PRIMARY KEY,
    stamp          INTEGER NOT NULL,
    created_at     INTEGER,
    updated_at     INTEGER,
    user_name      TEXT,
    email          TEXT,
    first_name     TEXT NOT NULL,
    last_name      TEXT NOT NULL,
    full_name      TEXT NOT NULL,
    phone          TEXT,
    address        TEXT,
    role           TEXT NOT NULL,
    status         TEXT NOT NULL,
    employee_id    TEXT,
    department_id  TEXT,
    position       TEXT,
    station_id     TEXT,
    email_verified INTEGER,
    deleted_at     INTEGER
) STRICT;
CREATE INDEX users_by_role ON users (role, full_name);

CREATE TABLE staff_cards (
    id            TEXT PRIMARY KEY,
    stamp         INTEGER NOT NULL,
    created_at    INTEGER,
    updated_at    INTEGER,
    user_id       TEXT NOT NULL,
    full_name     TEXT,
    role          TEXT,
    position      TEXT,
    department_id TEXT,
    station_id    TEXT,
    is_active     INTEGER
) STRICT;

CREATE TABLE user_profiles (
    id                     TEXT PRIMARY KEY,
    stamp                  INTEGER NOT NULL,
    created_at             INTEGER,
    updated_at             INTEGER,
    user_id                TEXT NOT NULL,
    avatar_url             TEXT,
    phone                  TEXT,
    company                TEXT,
    position               TEXT,
    location               TEXT,
    website                TEXT,
    bio                    TEXT,
    language               TEXT,
    notify_by_email        INTEGER NOT NULL,
    notify_about_courses   INTEGER NOT NULL,
    notify_about_results   INTEGER NOT NULL,
    notify_about_deadlines INTEGER NOT NULL
) STRICT;

CREATE TABLE student_profiles (
    id            TEXT PRIMARY KEY,
    stamp         INTEGER NOT NULL,
    created_at    INTEGER,
    updated_at    INTEGER,
    user_id       TEXT NOT NULL,
    grade         TEXT,
    balance_minor INTEGER NOT NULL,
    currency      TEXT NOT NULL,
    notes         TEXT,
    deleted_at    INTEGER
) STRICT;

CREATE TABLE parent_profiles (
    id         TEXT PRIMARY KEY,
    stamp      INTEGER NOT NULL,
    created_at INTEGER,
    updated_at INTEGER,
    user_id    TEXT NOT NULL,
    deleted_at INTEGER
) STRICT;

CREATE TABLE teacher_profiles (
    id            TEXT PRIMARY KEY,
    stamp         INTEGER NOT NULL,
    created_at    INTEGER,
    updated_at    INTEGER,
    user_id       TEXT NOT NULL,
    display_title TEXT,
    expertise     TEXT NOT NULL
) STRICT;

CREATE TABLE guardian_links (
    id         TEXT PRIMARY KEY,
    stamp      INTEGER NOT NULL,
    created_at INTEGER,
    updated_at INTEGER,
    parent_id  TEXT NOT NULL,
    student_id TEXT NOT NULL,
    relation   TEXT
) STRICT;
CREATE INDEX guardian_links_by_parent ON guardian_links (parent_id);

CREATE TABLE groups (
    id           TEXT PRIMARY KEY,
    stamp        INTEGER NOT NULL,
    created_at   INTEGER,
    updated_at   INTEGER,
    teacher_id   TEXT NOT NULL,
    code         TEXT,
    name         TEXT NOT NULL,
    description  TEXT,
    days_of_week TEXT NOT NULL,
    start_time   TEXT,
    display_name TEXT,
    is_active    INTEGER NOT NULL,
    sort_order   INTEGER,
    deleted_at   INTEGER
) STRICT;
CREATE INDEX groups_by_teacher ON groups (teacher_id);

CREATE TABLE group_memberships (
    id           TEXT PRIMARY KEY,
    stamp        INTEGER NOT NULL,
    created_at   INTEGER,
    updated_at   INTEGER,
    group_id     TEXT NOT NULL,
    user_id      TEXT NOT NULL,
    display_name TEXT,
    is_active    INTEGER NOT NULL,
    joined_at    INTEGER NOT NULL,
    left_at      INTEGER
) STRICT;
CREATE INDEX group_memberships_by_group ON group_memberships (group_id);
CREATE INDEX group_memberships_by_user ON group_memberships (user_id);

CREATE TABLE group_membership_periods (
    id            TEXT PRIMARY KEY,
    stamp         INTEGER NOT NULL,
    created_at    INTEGER,
    updated_at    INTEGER,
    membership_id TEXT NOT NULL,
    group_id      TEXT NOT NULL,
    user_id       TEXT NOT NULL,
    joined_on     TEXT,
    left_on       TEXT
) STRICT;
CREATE INDEX group_membership_periods_by_group ON group_membership_periods (group_id);

CREATE TABLE courses (
    id                      TEXT PRIMARY KEY,
    stamp                   INTEGER NOT NULL,
    created_at              INTEGER,
    updated_at              INTEGER,
    title                   TEXT NOT NULL,
    slug                    TEXT,
    course_code             TEXT,
    description             TEXT NOT NULL,
    status                  TEXT NOT NULL,
    published               INTEGER,
    published_at            INTEGER,
    language                TEXT NOT NULL,
    level                   TEXT,
    instructor_id           TEXT,
    station_id              TEXT,
    department_id           TEXT,
    thumbnail_url           TEXT,
    estimated_seconds       INTEGER,
    price_minor             INTEGER NOT NULL,
    currency                TEXT NOT NULL,
    enrollments_max         INTEGER,
    is_certified            INTEGER NOT NULL,
    certificate_template_id TEXT,
    is_public               INTEGER NOT NULL,
    tags                    TEXT NOT NULL,
    metadata                TEXT NOT NULL,
    deleted_at              INTEGER
) STRICT;
CREATE INDEX courses_by_instructor ON courses (instructor_id);
CREATE INDEX courses_by_station ON courses (station_id);

CREATE TABLE course_facts (
    id         TEXT PRIMARY KEY,
    stamp      INTEGER NOT NULL,
    created_at INTEGER,
    updated_at INTEGER,
    course_id  TEXT NOT NULL,
    kind       TEXT NOT NULL,
    position   INTEGER NOT NULL,
    text       TEXT NOT NULL,
    published  INTEGER
) STRICT;
CREATE INDEX course_facts_by_course ON course_facts (course_id);

CREATE TABLE modules (
    id                TEXT PRIMARY KEY,
    stamp             INTEGER NOT NULL,
    created_at        INTEGER,
    updated_at        INTEGER,
    course_id         TEXT NOT NULL,
    position          INTEGER NOT NULL,
    title             TEXT NOT NULL,
    description       TEXT NOT NULL,
    estimated_seconds INTEGER,
    is_required       INTEGER NOT NULL,
    unlock_condition  TEXT,
    published         INTEGER
) STRICT;
CREATE INDEX modules_by_course ON modules (course_id);

CREATE TABLE topics (
    id                TEXT PRIMARY KEY,
    stamp             INTEGER NOT NULL,
    created_at        INTEGER,
    updated_at        INTEGER,
    module_id         TEXT NOT NULL,
    course_id         TEXT NOT NULL,
    position          INTEGER NOT NULL,
    title             TEXT NOT NULL,
    description       TEXT NOT NULL,
    estimated_seconds INTEGER,
    requires_previous INTEGER NOT NULL,
    is_free           INTEGER NOT NULL,
    published         INTEGER
) STRICT;
CREATE INDEX topics_by_course ON topics (course_id);
CREATE INDEX topics_by_module ON topics (module_id);

CREATE TABLE media_assets (
    id               TEXT PRIMARY KEY,
    stamp            INTEGER NOT NULL,
    created_at       INTEGER,
    updated_at       INTEGER,
    course_id        TEXT,
    title            TEXT NOT NULL,
    description      TEXT,
    object_key       TEXT,
    sha256           TEXT,
    size_bytes       INTEGER,
    media_type       TEXT,
    duration_seconds INTEGER,
    pages            INTEGER,
    provider         TEXT,
    provider_id      TEXT,
    status           TEXT,
    published        INTEGER
) STRICT;
CREATE INDEX media_assets_by_course ON media_assets (course_id);

CREATE TABLE content_items (
    id             TEXT PRIMARY KEY,
    stamp          INTEGER NOT NULL,
    created_at     INTEGER,
    updated_at     INTEGER,
    module_id      TEXT NOT NULL,
    topic_id       TEXT,
    course_id      TEXT NOT NULL,
    media_asset_id TEXT,
    kind           TEXT NOT NULL,
    role           TEXT,
    position       INTEGER NOT NULL,
    title          TEXT NOT NULL,
    description    TEXT,
    body           TEXT NOT NULL,
    is_required    INTEGER NOT NULL,
    published      INTEGER
) STRICT;
CREATE INDEX content_items_by_topic ON content_items (topic_id);
CREATE INDEX content_items_by_module ON content_items (module_id);
CREATE INDEX content_items_by_course ON content_items (course_id);
CREATE INDEX content_items_by_media_asset ON content_items (media_asset_id);

CREATE TABLE assessments (
    id                 TEXT PRIMARY KEY,
    stamp              INTEGER NOT NULL,
    created_at         INTEGER,
    updated_at         INTEGER,
    course_id          TEXT,
    module_id          TEXT,
    topic_id           TEXT,
    kind               TEXT NOT NULL,
    title              TEXT NOT NULL,
    description        TEXT NOT NULL,
    passing_percent    REAL NOT NULL,
    attempts_max       INTEGER,
    time_limit_seconds INTEGER,
    graded_by          TEXT NOT NULL,
    shows_explanations INTEGER NOT NULL,
    is_required        INTEGER NOT NULL,
    position           INTEGER NOT NULL,
    settings           TEXT NOT NULL,
    pdf_media_asset_id TEXT,
    is_active          INTEGER NOT NULL,
    created_by         TEXT,
    deleted_at         INTEGER,
    published          INTEGER
) STRICT;
CREATE INDEX assessments_by_course ON assessments (course_id);

CREATE TABLE questions (
    id            TEXT PRIMARY KEY,
    stamp         INTEGER NOT NULL,
    created_at    INTEGER,
    updated_at    INTEGER,
    assessment_id TEXT NOT NULL,
    course_id     TEXT,
    position      INTEGER NOT NULL,
    question_type TEXT NOT NULL,
    text          TEXT NOT NULL,
    points        REAL NOT NULL,
    published     INTEGER
) STRICT;
CREATE INDEX questions_by_assessment ON questions (assessment_id);

CREATE TABLE question_options (
    id          TEXT PRIMARY KEY,
    stamp       INTEGER NOT NULL,
    created_at  INTEGER,
    updated_at  INTEGER,
    question_id TEXT NOT NULL,
    course_id   TEXT,
    position    INTEGER NOT NULL,
    text        TEXT NOT NULL,
    published   INTEGER
) STRICT;
CREATE INDEX question_options_by_question ON question_options (question_id);

CREATE TABLE answer_keys (
    id                   TEXT PRIMARY KEY,
    stamp                INTEGER NOT NULL,
    created_at           INTEGER,
    updated_at           INTEGER,
    assessment_id        TEXT NOT NULL,
    course_id            TEXT,
    shared               INTEGER,
    keys                 TEXT NOT NULL,
    explanations         TEXT NOT NULL,
    mcq_answers          TEXT,
    numeric_answers      TEXT,
    written_instructions TEXT
) STRICT;

CREATE TABLE enrollments (
    id              TEXT PRIMARY KEY,
    stamp           INTEGER NOT NULL,
    created_at      INTEGER,
    updated_at      INTEGER,
    user_id         TEXT NOT NULL,
    course_id       TEXT NOT NULL,
    display_name    TEXT,
    enrolled_by     TEXT,
    enrollment_type TEXT NOT NULL,
    status          TEXT NOT NULL,
    started_at      INTEGER,
    completed_at    INTEGER,
    due_at          INTEGER
) STRICT;
CREATE INDEX enrollments_by_user ON enrollments (user_id);
CREATE INDEX enrollments_by_course ON enrollments (course_id);

CREATE TABLE assessment_attempts (
    id                 TEXT PRIMARY KEY,
    stamp              INTEGER NOT NULL,
    created_at         INTEGER,
    updated_at         INTEGER,
    assessment_id      TEXT NOT NULL,
    user_id            TEXT NOT NULL,
    course_id          TEXT,
    attempt_number     INTEGER NOT NULL,
    started_at         INTEGER NOT NULL,
    submitted_at       INTEGER,
    answers            TEXT NOT NULL,
    time_taken_seconds INTEGER,
    clock_moved        INTEGER NOT NULL,
    status             TEXT,
    score_raw          REAL,
    score_max          REAL,
    score_percent      REAL,
    passed             INTEGER,
    graded_at          INTEGER,
    graded_by          TEXT,
    answer_grades      TEXT,
    feedback           TEXT
) STRICT;
CREATE INDEX assessment_attempts_by_user ON assessment_attempts (user_id, assessment_id);
CREATE INDEX assessment_attempts_by_assessment ON assessment_attempts (assessment_id);
CREATE INDEX assessment_attempts_by_course ON assessment_attempts (course_id);

CREATE TABLE topic_progress (
    id                 TEXT PRIMARY KEY,
    stamp              INTEGER NOT NULL,
    created_at         INTEGER,
    updated_at         INTEGER,
    user_id            TEXT NOT NULL,
    topic_id           TEXT NOT NULL,
    course_id          TEXT NOT NULL,
    reset_number       INTEGER NOT NULL,
    completed          INTEGER NOT NULL,
    percent            INTEGER NOT NULL,
    seconds_watched    INTEGER NOT NULL,
    completed_at       INTEGER,
    time_spent_seconds INTEGER NOT NULL
) STRICT;
CREATE INDEX topic_progress_by_course ON topic_progress (course_id, user_id);
CREATE INDEX topic_progress_by_user ON topic_progress (user_id, updated_at);

CREATE TABLE content_progress (
    id                 TEXT PRIMARY KEY,
    stamp              INTEGER NOT NULL,
    created_at         INTEGER,
    updated_at         INTEGER,
    user_id            TEXT NOT NULL,
    content_item_id    TEXT NOT NULL,
    course_id          TEXT NOT NULL,
    reset_number       INTEGER NOT NULL,
    completed          INTEGER NOT NULL,
    percent            INTEGER NOT NULL,
    page               INTEGER,
    second             INTEGER,
    seconds_watched    INTEGER NOT NULL,
    completed_at       INTEGER,
    time_spent_seconds INTEGER NOT NULL
) STRICT;
CREATE INDEX content_progress_by_course ON content_progress (course_id, user_id);
CREATE INDEX content_progress_by_user ON content_progress (user_id, updated_at);

CREATE TABLE attendance_records (
    id          TEXT PRIMARY KEY,
    stamp       INTEGER NOT NULL,
    created_at  INTEGER,
    updated_at  INTEGER,
    group_id    TEXT NOT NULL,
    student_id  TEXT NOT NULL,
    lesson_date TEXT NOT NULL,
    status      TEXT,
    marked_by   TEXT,
    marked_at   INTEGER,
    note        TEXT
) STRICT;
CREATE INDEX attendance_records_by_group ON attendance_records (group_id, lesson_date);
CREATE INDEX attendance_records_by_student ON attendance_records (student_id, lesson_date);

CREATE TABLE devices (
    id         TEXT PRIMARY KEY,
    stamp      INTEGER NOT NULL,
    created_at INTEGER,
    updated_at INTEGER,
    user_id    TEXT NOT NULL,
    name       TEXT NOT NULL,
    platform   TEXT,
    revoked_at INTEGER
) STRICT;

CREATE TABLE conflicts (
    id          TEXT PRIMARY KEY,
    stamp       INTEGER NOT NULL,
    created_at  INTEGER,
    updated_at  INTEGER,
    entity      TEXT,
    row_id      TEXT,
    field       TEXT,
    lost_values TEXT,
    lost_by     TEXT,
    lost_at     INTEGER,
    kept_values TEXT,
    kept_by     TEXT,
    kept_at     INTEGER,
    group_id    TEXT,
    course_id   TEXT,
    author_id   TEXT,
    settled_by  TEXT,
    settled_at  INTEGER
) STRICT;
CREATE INDEX conflicts_by_row ON conflicts (row_id);
