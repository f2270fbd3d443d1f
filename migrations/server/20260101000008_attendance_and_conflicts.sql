-- Attendance of groups, and values that lost against a later one.

-- One cell of the attendance grid. No row and an empty status both mean not marked, never "present".
CREATE TABLE attendance_records (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL,
    group_id        uuid NOT NULL,
    student_id      uuid NOT NULL,
    lesson_date     date NOT NULL,
    status          text,
    marked_by       uuid,
    marked_at       timestamptz,
    note            text,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    stamp           bigint NOT NULL,
    edits           jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT attendance_records_status_check CHECK (status IN ('present', 'late', 'absent', 'excused')),
    CONSTRAINT attendance_records_group_id_fkey FOREIGN KEY (group_id, organization_id) REFERENCES groups (id, organization_id),
    CONSTRAINT attendance_records_student_id_fkey FOREIGN KEY (student_id, organization_id) REFERENCES users (id, organization_id),
    CONSTRAINT attendance_records_marked_by_fkey FOREIGN KEY (marked_by, organization_id) REFERENCES users (id, organization_id)
);
CREATE INDEX attendance_records_by_group ON attendance_records (group_id, lesson_date);
CREATE INDEX attendance_records_by_student ON attendance_records (student_id, lesson_date);

-- A value that lost against a later one, until somebody settles it. Exactly one column says who hears it. What it is about
-- may be gone, so the row and the people in it are named without a foreign key.
CREATE TABLE conflicts (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL REFERENCES organizations,
    entity          text NOT NULL,
    row_id          uuid NOT NULL,
    field           text NOT NULL,
    lost_values     jsonb NOT NULL,
    lost_by         uuid,
    lost_at         timestamptz NOT NULL,
    lost_device     uuid, -- never leaves the server: one row per device and field
    kept_values     jsonb NOT NULL,
    kept_by         uuid,
    kept_at         timestamptz,
    group_id        uuid,
    course_id       uuid,
    author_id       uuid,
    settled_by      uuid,
    settled_at      timestamptz,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    stamp           bigint NOT NULL,
    edits           jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT conflicts_group_id_fkey FOREIGN KEY (group_id, organization_id) REFERENCES groups (id, organization_id) ON DELETE CASCADE,
    CONSTRAINT conflicts_course_id_fkey FOREIGN KEY (course_id, organization_id) REFERENCES courses (id, organization_id) ON DELETE CASCADE,
    CONSTRAINT conflicts_author_id_fkey FOREIGN KEY (author_id, organization_id) REFERENCES users (id, organization_id) ON DELETE CASCADE,
    CONSTRAINT conflicts_audience_check CHECK (num_nonnulls(group_id, course_id, author_id) = 1)
);
CREATE INDEX conflicts_open ON conflicts (row_id) WHERE settled_at IS NULL;
CREATE INDEX conflicts_by_group ON conflicts (group_id) WHERE group_id IS NOT NULL;
CREATE INDEX conflicts_by_course ON conflicts (course_id) WHERE course_id IS NOT NULL;
CREATE INDEX conflicts_by_author ON conflicts (author_id) WHERE author_id IS NOT NULL;
