-- Assignments with their submissions, and who has to take which test.

-- Work that the learners of a course hand in.
CREATE TABLE assignments (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    course_id       uuid NOT NULL,
    module_id       uuid,
    title           text NOT NULL,
    description     text NOT NULL DEFAULT '',
    instructions    text NOT NULL DEFAULT '',
    due_at          timestamptz,
    score_max       integer NOT NULL DEFAULT 100,
    is_required     boolean NOT NULL DEFAULT true,
    created_by      uuid,
    published       boolean NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    stamp           bigint NOT NULL,
    edits           jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT assignments_score_max_check CHECK (score_max > 0),
    CONSTRAINT assignments_course_id_fkey FOREIGN KEY (course_id, organization_id, published) REFERENCES courses (id, organization_id, published) ON UPDATE CASCADE ON DELETE CASCADE,
    CONSTRAINT assignments_module_id_fkey FOREIGN KEY (module_id, course_id) REFERENCES modules (id, course_id) ON DELETE CASCADE,
    CONSTRAINT assignments_created_by_fkey FOREIGN KEY (created_by, organization_id) REFERENCES users (id, organization_id),
    CONSTRAINT assignments_id_course_id_organization_id_key UNIQUE (id, course_id, organization_id)
);
CREATE INDEX assignments_by_course ON assignments (course_id);
CREATE INDEX assignments_by_module ON assignments (module_id) WHERE module_id IS NOT NULL;
CREATE INDEX assignments_by_due_time ON assignments (organization_id, due_at);
CREATE INDEX assignments_by_creator ON assignments (created_by) WHERE created_by IS NOT NULL;
CREATE TRIGGER b_published BEFORE INSERT ON assignments FOR EACH ROW EXECUTE FUNCTION fill_published();

-- What one learner has handed in: one submission per assignment, as there is one enrollment per course.
CREATE TABLE assignment_submissions (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL,
    assignment_id   uuid NOT NULL,
    user_id         uuid NOT NULL,
    course_id       uuid NOT NULL,
    submission_text text,
    media_asset_ids jsonb NOT NULL DEFAULT '[]',
    submitted_at    timestamptz NOT NULL DEFAULT now(),
    status          text NOT NULL DEFAULT 'submitted',
    score_raw       double precision,
    graded_at       timestamptz,
    graded_by       uuid,
    feedback        text,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    stamp           bigint NOT NULL,
    edits           jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT assignment_submissions_media_asset_ids_check CHECK (jsonb_typeof(media_asset_ids) = 'array'),
    CONSTRAINT assignment_submissions_status_check CHECK (status IN ('submitted', 'graded', 'returned')),
    CONSTRAINT assignment_submissions_score_raw_check CHECK (score_raw >= 0),
    CONSTRAINT assignment_submissions_assignment_id_fkey FOREIGN KEY (assignment_id, course_id, organization_id) REFERENCES assignments (id, course_id, organization_id) ON UPDATE CASCADE,
    CONSTRAINT assignment_submissions_user_id_fkey FOREIGN KEY (user_id, organization_id) REFERENCES users (id, organization_id),
    CONSTRAINT assignment_submissions_graded_by_fkey FOREIGN KEY (graded_by, organization_id) REFERENCES users (id, organization_id)
);
CREATE INDEX assignment_submissions_by_assignment ON assignment_submissions (assignment_id, status);
CREATE INDEX assignment_submissions_by_user ON assignment_submissions (user_id);
CREATE INDEX assignment_submissions_by_course ON assignment_submissions (course_id);

-- What a person gets in a course needs their enrollment. It has a derived id and no second unique key, so no foreign key can
-- name it by person and course; the refusal is that of a missing reference.
CREATE FUNCTION needs_enrollment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM enrollments e WHERE e.user_id = NEW.user_id AND e.course_id = NEW.course_id AND e.organization_id = NEW.organization_id) THEN
        RAISE EXCEPTION 'this person is not enrolled in the course'
            USING ERRCODE = 'foreign_key_violation', TABLE = TG_TABLE_NAME, COLUMN = 'user_id', CONSTRAINT = TG_TABLE_NAME || '_user_id_fkey';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER b_enrollment BEFORE INSERT ON assignment_submissions FOR EACH ROW EXECUTE FUNCTION needs_enrollment();

CREATE FUNCTION submission_score() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.score_raw > (SELECT a.score_max FROM assignments a WHERE a.id = NEW.assignment_id AND a.organization_id = NEW.organization_id) THEN
        RAISE EXCEPTION 'the score is above the maximum of the assignment'
            USING ERRCODE = 'check_violation', TABLE = 'assignment_submissions', COLUMN = 'score_raw', CONSTRAINT = 'assignment_submissions_score_raw_check';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER c_score BEFORE INSERT OR UPDATE OF score_raw ON assignment_submissions FOR EACH ROW EXECUTE FUNCTION submission_score();

-- Who has to take a test, and when: a group, a learner, or a learner of a group.
CREATE TABLE assessment_assignments (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    assessment_id   uuid NOT NULL,
    group_id        uuid,
    user_id         uuid,
    available_from  timestamptz,
    available_to    timestamptz,
    created_by      uuid,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    stamp           bigint NOT NULL,
    edits           jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT assessment_assignments_available_to_check CHECK (available_to > available_from),
    CONSTRAINT assessment_assignments_group_id_check CHECK (num_nonnulls(group_id, user_id) > 0),
    CONSTRAINT assessment_assignments_assessment_id_fkey FOREIGN KEY (assessment_id, organization_id) REFERENCES assessments (id, organization_id) ON DELETE CASCADE,
    CONSTRAINT assessment_assignments_group_id_fkey FOREIGN KEY (group_id, organization_id) REFERENCES groups (id, organization_id) ON DELETE CASCADE,
    CONSTRAINT assessment_assignments_user_id_fkey FOREIGN KEY (user_id, organization_id) REFERENCES users (id, organization_id) ON DELETE CASCADE,
    CONSTRAINT assessment_assignments_created_by_fkey FOREIGN KEY (created_by, organization_id) REFERENCES users (id, organization_id)
);
CREATE INDEX assessment_assignments_by_assessment ON assessment_assignments (assessment_id);
CREATE INDEX assessment_assignments_by_group ON assessment_assignments (group_id) WHERE group_id IS NOT NULL;
CREATE INDEX assessment_assignments_by_user ON assessment_assignments (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX assessment_assignments_by_creator ON assessment_assignments (created_by) WHERE created_by IS NOT NULL;
