-- Departments, what a course asks for, and learning paths.

-- A part of an organization. The code is unique within it.
CREATE TABLE departments (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL REFERENCES organizations,
    name            text NOT NULL,
    code            text NOT NULL,
    description     text,
    manager_id      uuid,
    is_active       boolean NOT NULL DEFAULT true,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    stamp           bigint NOT NULL,
    edits           jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT departments_code_check CHECK (code <> ''),
    CONSTRAINT departments_manager_id_fkey FOREIGN KEY (manager_id, organization_id) REFERENCES users (id, organization_id) ON DELETE SET NULL (manager_id),
    CONSTRAINT departments_code_key UNIQUE (organization_id, code),
    CONSTRAINT departments_id_organization_id_key UNIQUE (id, organization_id)
);
CREATE INDEX departments_by_manager ON departments (manager_id);

-- A course that comes before another. Chains of them never come back to their start.
CREATE TABLE course_prerequisites (
    id                     uuid PRIMARY KEY,
    organization_id        uuid NOT NULL,
    course_id              uuid NOT NULL,
    prerequisite_course_id uuid NOT NULL,
    is_mandatory           boolean NOT NULL DEFAULT true,
    published              boolean NOT NULL DEFAULT false,
    created_at             timestamptz NOT NULL,
    updated_at             timestamptz NOT NULL,
    stamp                  bigint NOT NULL,
    edits                  jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT course_prerequisites_prerequisite_course_id_check CHECK (prerequisite_course_id <> course_id),
    CONSTRAINT course_prerequisites_course_id_fkey FOREIGN KEY (course_id, organization_id, published) REFERENCES courses (id, organization_id, published) ON UPDATE CASCADE ON DELETE CASCADE,
    CONSTRAINT course_prerequisites_prerequisite_course_id_fkey FOREIGN KEY (prerequisite_course_id, organization_id) REFERENCES courses (id, organization_id) ON DELETE CASCADE
);
CREATE INDEX course_prerequisites_by_course ON course_prerequisites (course_id);
CREATE INDEX course_prerequisites_by_prerequisite ON course_prerequisites (prerequisite_course_id);
CREATE TRIGGER b_published BEFORE INSERT ON course_prerequisites FOR EACH ROW EXECUTE FUNCTION fill_published();

-- Courses of a row never change, so only a new row can close a cycle. Two transactions could each add one half of it, so they
-- wait for each other within the organization.
CREATE FUNCTION prerequisites_have_no_cycle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('course_prerequisites:' || NEW.organization_id, 0));
    IF EXISTS (
        WITH RECURSIVE needed (course_id) AS (
            SELECT NEW.prerequisite_course_id
            UNION
            SELECT p.prerequisite_course_id FROM course_prerequisites p JOIN needed n ON n.course_id = p.course_id
        )
        SELECT FROM needed n WHERE n.course_id = NEW.course_id
    ) THEN
        RAISE EXCEPTION 'the course would be its own prerequisite'
            USING ERRCODE = 'check_violation', TABLE = 'course_prerequisites', COLUMN = 'prerequisite_course_id',
                  CONSTRAINT = 'course_prerequisites_prerequisite_course_id_check';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER c_cycle BEFORE INSERT ON course_prerequisites FOR EACH ROW EXECUTE FUNCTION prerequisites_have_no_cycle();

-- Courses and tests in the order in which they are taken.
CREATE TABLE learning_paths (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL REFERENCES organizations,
    title           text NOT NULL,
    description     text NOT NULL DEFAULT '',
    thumbnail_url   text,
    author_id       uuid,
    status          text NOT NULL DEFAULT 'draft',
    published       boolean NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    stamp           bigint NOT NULL,
    edits           jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT learning_paths_status_check CHECK (status IN ('draft', 'published', 'archived')),
    CONSTRAINT learning_paths_author_id_fkey FOREIGN KEY (author_id, organization_id) REFERENCES users (id, organization_id),
    CONSTRAINT learning_paths_id_organization_id_published_key UNIQUE (id, organization_id, published)
);
CREATE INDEX learning_paths_by_author ON learning_paths (author_id);

CREATE FUNCTION path_published() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.published := NEW.status = 'published';
    RETURN NEW;
END $$;
CREATE TRIGGER b_published BEFORE INSERT OR UPDATE ON learning_paths FOR EACH ROW EXECUTE FUNCTION path_published();

-- One step: a course or a test, each by a key of its own.
CREATE TABLE path_steps (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id  uuid NOT NULL,
    learning_path_id uuid NOT NULL,
    position         integer NOT NULL DEFAULT 0,
    course_id        uuid,
    assessment_id    uuid,
    published        boolean NOT NULL DEFAULT false,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    stamp            bigint NOT NULL,
    edits            jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT path_steps_course_id_check CHECK (num_nonnulls(course_id, assessment_id) = 1),
    CONSTRAINT path_steps_learning_path_id_fkey FOREIGN KEY (learning_path_id, organization_id, published) REFERENCES learning_paths (id, organization_id, published) ON UPDATE CASCADE ON DELETE CASCADE,
    CONSTRAINT path_steps_course_id_fkey FOREIGN KEY (course_id, organization_id) REFERENCES courses (id, organization_id) ON DELETE CASCADE,
    CONSTRAINT path_steps_assessment_id_fkey FOREIGN KEY (assessment_id, organization_id) REFERENCES assessments (id, organization_id) ON DELETE CASCADE
);
CREATE INDEX path_steps_by_path ON path_steps (learning_path_id, position);
CREATE INDEX path_steps_by_course ON path_steps (course_id) WHERE course_id IS NOT NULL;
CREATE INDEX path_steps_by_assessment ON path_steps (assessment_id) WHERE assessment_id IS NOT NULL;

-- The lock is the one that the foreign key takes anyway.
CREATE FUNCTION step_published() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT p.published INTO NEW.published FROM learning_paths p WHERE p.id = NEW.learning_path_id FOR KEY SHARE;
    NEW.published := coalesce(NEW.published, false);
    RETURN NEW;
END $$;
CREATE TRIGGER b_published BEFORE INSERT ON path_steps FOR EACH ROW EXECUTE FUNCTION step_published();

-- Columns that were there before the departments. An id that names no department named nothing.
UPDATE users u SET department_id = NULL
WHERE u.department_id IS NOT NULL AND NOT EXISTS (SELECT FROM departments d WHERE d.id = u.department_id AND d.organization_id = u.organization_id);
UPDATE staff_cards s SET department_id = NULL
WHERE s.department_id IS NOT NULL AND NOT EXISTS (SELECT FROM departments d WHERE d.id = s.department_id AND d.organization_id = s.organization_id);
UPDATE courses c SET department_id = NULL
WHERE c.department_id IS NOT NULL AND NOT EXISTS (SELECT FROM departments d WHERE d.id = c.department_id AND d.organization_id = c.organization_id);
ALTER TABLE users ADD CONSTRAINT users_department_id_fkey FOREIGN KEY (department_id, organization_id) REFERENCES departments (id, organization_id) ON DELETE SET NULL (department_id);
ALTER TABLE staff_cards ADD CONSTRAINT staff_cards_department_id_fkey FOREIGN KEY (department_id, organization_id) REFERENCES departments (id, organization_id) ON DELETE SET NULL (department_id);
ALTER TABLE courses ADD CONSTRAINT courses_department_id_fkey FOREIGN KEY (department_id, organization_id) REFERENCES departments (id, organization_id) ON DELETE SET NULL (department_id);
CREATE INDEX users_by_department ON users (department_id) WHERE department_id IS NOT NULL;
CREATE INDEX staff_cards_by_department ON staff_cards (department_id) WHERE department_id IS NOT NULL;
CREATE INDEX courses_by_department ON courses (department_id) WHERE department_id IS NOT NULL;
