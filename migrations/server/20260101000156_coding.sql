-- Coding tasks with their test cases, and what learners hand in.

-- A subject of coding tasks, by a name that is unique in the organization.
CREATE TABLE coding_topics (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL REFERENCES organizations,
    name            text NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    stamp           bigint NOT NULL,
    edits           jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT coding_topics_name_check CHECK (name <> ''),
    CONSTRAINT coding_topics_name_key UNIQUE (organization_id, name),
    CONSTRAINT coding_topics_id_organization_id_key UNIQUE (id, organization_id)
);

-- A program to write.
CREATE TABLE coding_tasks (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL REFERENCES organizations,
    coding_topic_id uuid,
    title           text NOT NULL,
    description     text NOT NULL DEFAULT '',
    starter_code    text NOT NULL DEFAULT '',
    difficulty      text NOT NULL DEFAULT 'easy',
    points          integer,
    position        integer NOT NULL DEFAULT 0,
    is_active       boolean NOT NULL DEFAULT true,
    deleted_at      timestamptz,
    created_by      uuid,
    published       boolean NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    stamp           bigint NOT NULL,
    edits           jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT coding_tasks_difficulty_check CHECK (difficulty IN ('easy', 'medium', 'hard')),
    CONSTRAINT coding_tasks_points_check CHECK (points >= 0),
    CONSTRAINT coding_tasks_coding_topic_id_fkey FOREIGN KEY (coding_topic_id, organization_id) REFERENCES coding_topics (id, organization_id) ON DELETE SET NULL (coding_topic_id),
    CONSTRAINT coding_tasks_created_by_fkey FOREIGN KEY (created_by, organization_id) REFERENCES users (id, organization_id),
    CONSTRAINT coding_tasks_id_organization_id_key UNIQUE (id, organization_id),
    CONSTRAINT coding_tasks_id_organization_id_published_key UNIQUE (id, organization_id, published)
);
CREATE INDEX coding_tasks_by_topic ON coding_tasks (coding_topic_id, position);
CREATE INDEX coding_tasks_by_organization ON coding_tasks (organization_id);
CREATE INDEX coding_tasks_by_creator ON coding_tasks (created_by) WHERE created_by IS NOT NULL;

CREATE FUNCTION coding_task_published() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.published := NEW.is_active AND NEW.deleted_at IS NULL;
    RETURN NEW;
END $$;
CREATE TRIGGER b_published BEFORE INSERT OR UPDATE ON coding_tasks FOR EACH ROW EXECUTE FUNCTION coding_task_published();

-- An input and what is expected. A hidden case is the staff's alone.
CREATE TABLE coding_test_cases (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    coding_task_id  uuid NOT NULL,
    input           text NOT NULL,
    expected        text NOT NULL,
    explanation     text,
    position        integer NOT NULL DEFAULT 0,
    is_hidden       boolean NOT NULL DEFAULT false,
    published       boolean NOT NULL DEFAULT false,
    shown           boolean NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    stamp           bigint NOT NULL,
    edits           jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT coding_test_cases_coding_task_id_fkey FOREIGN KEY (coding_task_id, organization_id, published) REFERENCES coding_tasks (id, organization_id, published) ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE INDEX coding_test_cases_by_task ON coding_test_cases (coding_task_id, position);

-- The lock is the one that the foreign key takes anyway.
CREATE FUNCTION coding_test_case_shown() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT t.published INTO NEW.published FROM coding_tasks t WHERE t.id = NEW.coding_task_id FOR KEY SHARE;
        NEW.published := coalesce(NEW.published, false);
    END IF;
    NEW.shown := NEW.published AND NOT NEW.is_hidden;
    RETURN NEW;
END $$;
CREATE TRIGGER b_shown BEFORE INSERT OR UPDATE ON coding_test_cases FOR EACH ROW EXECUTE FUNCTION coding_test_case_shown();

-- A program that somebody has handed in.
CREATE TABLE coding_submissions (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    coding_task_id  uuid NOT NULL,
    user_id         uuid NOT NULL,
    submitted_at    timestamptz NOT NULL DEFAULT now(),
    submitted_code  text NOT NULL,
    attempt_number  integer,
    group_id        uuid,
    status          text,
    passed_count    integer,
    failed_count    integer,
    error_message   text,
    runtime_ms      integer,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    stamp           bigint NOT NULL,
    edits           jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT coding_submissions_submitted_code_check CHECK (submitted_code <> ''),
    CONSTRAINT coding_submissions_attempt_number_check CHECK (attempt_number > 0),
    CONSTRAINT coding_submissions_status_check CHECK (status IN ('passed', 'failed', 'error', 'timeout')),
    CONSTRAINT coding_submissions_passed_count_check CHECK (passed_count >= 0),
    CONSTRAINT coding_submissions_failed_count_check CHECK (failed_count >= 0),
    CONSTRAINT coding_submissions_runtime_ms_check CHECK (runtime_ms >= 0),
    CONSTRAINT coding_submissions_coding_task_id_fkey FOREIGN KEY (coding_task_id, organization_id) REFERENCES coding_tasks (id, organization_id),
    CONSTRAINT coding_submissions_user_id_fkey FOREIGN KEY (user_id, organization_id) REFERENCES users (id, organization_id),
    CONSTRAINT coding_submissions_group_id_fkey FOREIGN KEY (group_id, organization_id) REFERENCES groups (id, organization_id) ON DELETE SET NULL (group_id)
);
CREATE INDEX coding_submissions_by_task ON coding_submissions (coding_task_id);
CREATE INDEX coding_submissions_by_user ON coding_submissions (user_id, coding_task_id);
CREATE INDEX coding_submissions_by_group ON coding_submissions (group_id) WHERE group_id IS NOT NULL;
CREATE INDEX coding_submissions_by_time ON coding_submissions (organization_id, submitted_at);
CREATE TRIGGER a_references BEFORE INSERT ON coding_submissions FOR EACH ROW EXECUTE FUNCTION references_within('coding_task_id', 'coding_tasks', 'user_id', 'users');

-- Which attempt it is, and which teacher reads it: that of the group that the learner joined last.
CREATE FUNCTION coding_submission_facts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.attempt_number IS NULL THEN
        SELECT coalesce(max(s.attempt_number), 0) + 1 INTO NEW.attempt_number FROM coding_submissions s
        WHERE s.user_id = NEW.user_id AND s.coding_task_id = NEW.coding_task_id;
    END IF;
    IF NEW.group_id IS NULL THEN
        SELECT m.group_id INTO NEW.group_id FROM group_memberships m JOIN groups g ON g.id = m.group_id AND g.deleted_at IS NULL
        WHERE m.user_id = NEW.user_id AND m.is_active ORDER BY m.joined_at DESC, m.group_id LIMIT 1;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER b_facts BEFORE INSERT ON coding_submissions FOR EACH ROW EXECUTE FUNCTION coding_submission_facts();

-- How far each learner is with each task that they have tried.
CREATE VIEW coding_progress AS
SELECT s.organization_id, s.user_id, s.coding_task_id,
       CASE WHEN bool_or(coalesce(s.status = 'passed', false)) THEN 'solved' ELSE 'tried' END AS status,
       CASE WHEN bool_or(coalesce(s.status = 'passed', false)) THEN coalesce(max(t.points), 0) ELSE 0 END AS score,
       count(*) AS attempts,
       min(s.submitted_at) FILTER (WHERE s.status = 'passed') AS solved_at
FROM coding_submissions s
JOIN coding_tasks t ON t.id = s.coding_task_id AND t.deleted_at IS NULL
GROUP BY s.organization_id, s.user_id, s.coding_task_id;

-- Learners by points; with the same points, whoever needed fewer attempts comes first.
CREATE VIEW coding_ranking AS
SELECT p.organization_id, p.user_id,
       count(*) FILTER (WHERE p.status = 'solved') AS solved,
       sum(p.score)::bigint AS points,
       sum(p.attempts)::bigint AS attempts,
       rank() OVER (PARTITION BY p.organization_id ORDER BY sum(p.score) DESC, sum(p.attempts)) AS place
FROM coding_progress p
GROUP BY p.organization_id, p.user_id;
