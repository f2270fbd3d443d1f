-- What tells whether the rows that are here are the rows that were stored: a digest of every row's own values, written with
-- them. None: nothing is known of the row yet. A migration that changes a table's columns sets its digests to null.
ALTER TABLE organizations ADD COLUMN digest INTEGER;
ALTER TABLE stations ADD COLUMN digest INTEGER;
ALTER TABLE station_gas_supply_sources ADD COLUMN digest INTEGER;
ALTER TABLE station_equipment ADD COLUMN digest INTEGER;
ALTER TABLE station_specifications ADD COLUMN digest INTEGER;
ALTER TABLE station_safety_systems ADD COLUMN digest INTEGER;
ALTER TABLE station_safety_system_features ADD COLUMN digest INTEGER;
ALTER TABLE users ADD COLUMN digest INTEGER;
ALTER TABLE staff_cards ADD COLUMN digest INTEGER;
ALTER TABLE user_profiles ADD COLUMN digest INTEGER;
ALTER TABLE student_profiles ADD COLUMN digest INTEGER;
ALTER TABLE parent_profiles ADD COLUMN digest INTEGER;
ALTER TABLE teacher_profiles ADD COLUMN digest INTEGER;
ALTER TABLE guardian_links ADD COLUMN digest INTEGER;
ALTER TABLE groups ADD COLUMN digest INTEGER;
ALTER TABLE group_memberships ADD COLUMN digest INTEGER;
ALTER TABLE group_membership_periods ADD COLUMN digest INTEGER;
ALTER TABLE courses ADD COLUMN digest INTEGER;
ALTER TABLE course_facts ADD COLUMN digest INTEGER;
ALTER TABLE modules ADD COLUMN digest INTEGER;
ALTER TABLE topics ADD COLUMN digest INTEGER;
ALTER TABLE media_assets ADD COLUMN digest INTEGER;
ALTER TABLE content_items ADD COLUMN digest INTEGER;
ALTER TABLE assessments ADD COLUMN digest INTEGER;
ALTER TABLE questions ADD COLUMN digest INTEGER;
ALTER TABLE question_options ADD COLUMN digest INTEGER;
ALTER TABLE answer_keys ADD COLUMN digest INTEGER;
ALTER TABLE enrollments ADD COLUMN digest INTEGER;
ALTER TABLE assessment_attempts ADD COLUMN digest INTEGER;
ALTER TABLE topic_progress ADD COLUMN digest INTEGER;
ALTER TABLE content_progress ADD COLUMN digest INTEGER;
ALTER TABLE attendance_records ADD COLUMN digest INTEGER;
ALTER TABLE devices ADD COLUMN digest INTEGER;
ALTER TABLE conflicts ADD COLUMN digest INTEGER;
ALTER TABLE student_notes ADD COLUMN digest INTEGER;
ALTER TABLE held_changes ADD COLUMN digest INTEGER;

-- Whether the row that lies under the changes fitted its digest when the first of them was made.
ALTER TABLE shadows ADD COLUMN sound INTEGER NOT NULL DEFAULT 1 CHECK (sound IN (0, 1));

-- Rows of the scope are missing here, or too much, or changed by themselves: slices of it are fetched again.
ALTER TABLE scopes ADD COLUMN damaged INTEGER NOT NULL DEFAULT 0 CHECK (damaged IN (0, 1));
CREATE INDEX scopes_damaged ON scopes (scope) WHERE damaged = 1;
-- Somebody may hear thousands, and every page asks which of them are being read again.
CREATE INDEX scopes_reading ON scopes (scope) WHERE reading <> 0;

-- What was found damaged and mended, for the person to know. The oldest go.
CREATE TABLE repairs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at     INTEGER NOT NULL,
    scope  TEXT NOT NULL,
    -- Rows that were fetched or taken away.
    rows   INTEGER NOT NULL CHECK (rows > 0)
) STRICT;
