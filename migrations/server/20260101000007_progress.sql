-- Who takes which course, and how far they have come. Their ids follow from their keys, so there is no second unique index:
-- it would cost every insert, and two laptops that make the same row at once would hit it before ON CONFLICT (id) is asked.

-- One person's place in one course. How far they are is not stored: see `course_progress`.
CREATE TABLE enrollments (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL,
    user_id         uuid NOT NULL,
    course_id       uuid NOT NULL,
    display_name    text NOT NULL DEFAULT '',
    enrolled_by     uuid,
    enrollment_type text NOT NULL DEFAULT 'self',
    status          text NOT NULL DEFAULT 'enrolled',
    started_at      timestamptz,
    completed_at    timestamptz,
    due_at          timestamptz,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    stamp           bigint NOT NULL,
    edits           jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT enrollments_enrollment_type_check CHECK (enrollment_type IN ('self', 'assigned', 'bulk')),
    CONSTRAINT enrollments_status_check CHECK (status IN ('enrolled', 'in_progress', 'completed', 'dropped')),
    CONSTRAINT enrollments_user_id_fkey FOREIGN KEY (user_id, organization_id) REFERENCES users (id, organization_id),
    CONSTRAINT enrollments_course_id_fkey FOREIGN KEY (course_id, organization_id) REFERENCES courses (id, organization_id),
    CONSTRAINT enrollments_enrolled_by_fkey FOREIGN KEY (enrolled_by, organization_id) REFERENCES users (id, organization_id)
);
CREATE INDEX enrollments_by_user ON enrollments (user_id);
CREATE INDEX enrollments_by_course ON enrollments (course_id);
CREATE TRIGGER b_display_name BEFORE INSERT ON enrollments FOR EACH ROW EXECUTE FUNCTION fill_display_name();

-- A laptop may enrol its own user only where the course is open to all and free. Everybody else who may write here knows.
CREATE FUNCTION enrollment_of_oneself() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.enrollment_type = 'self' AND current_setting('waystation.server', true) = 'on'
        AND NOT EXISTS (SELECT FROM enrollments e WHERE e.id = NEW.id)
        AND EXISTS (SELECT FROM courses c WHERE c.id = NEW.course_id AND NOT (c.published AND c.is_public AND c.price_minor = 0))
    THEN
        RAISE EXCEPTION 'this course is not open to everybody'
            USING ERRCODE = 'check_violation', TABLE = 'enrollments', COLUMN = 'course_id', CONSTRAINT = 'enrollments_self_check';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER c_self BEFORE INSERT ON enrollments FOR EACH ROW EXECUTE FUNCTION enrollment_of_oneself();

-- A person's new name goes to the rows that carry it.
CREATE FUNCTION user_renamed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE group_memberships m SET display_name = NEW.full_name WHERE m.user_id = NEW.id;
    UPDATE enrollments e SET display_name = NEW.full_name WHERE e.user_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER renamed AFTER UPDATE ON users FOR EACH ROW
WHEN (OLD.full_name IS DISTINCT FROM NEW.full_name) EXECUTE FUNCTION user_renamed();

-- One learner's way through one topic. The busiest table: one index beside the primary key, for a topic's deletion and its
-- report. What one learner did is found through the topics of their courses, or by the derived id.
CREATE TABLE topic_progress (
    id                 uuid PRIMARY KEY,
    organization_id    uuid NOT NULL,
    user_id            uuid NOT NULL,
    topic_id           uuid NOT NULL,
    course_id          uuid NOT NULL,
    reset_number       integer NOT NULL DEFAULT 0,
    completed          boolean NOT NULL DEFAULT false,
    percent            integer NOT NULL DEFAULT 0,
    seconds_watched    bigint NOT NULL DEFAULT 0,
    completed_at       timestamptz,
    time_spent_seconds bigint NOT NULL DEFAULT 0,
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    stamp              bigint NOT NULL,
    CONSTRAINT topic_progress_reset_number_check CHECK (reset_number >= 0),
    CONSTRAINT topic_progress_percent_check CHECK (percent BETWEEN 0 AND 100),
    CONSTRAINT topic_progress_seconds_watched_check CHECK (seconds_watched >= 0),
    CONSTRAINT topic_progress_time_spent_seconds_check CHECK (time_spent_seconds >= 0),
    CONSTRAINT topic_progress_user_id_fkey FOREIGN KEY (user_id, organization_id) REFERENCES users (id, organization_id),
    CONSTRAINT topic_progress_topic_id_fkey FOREIGN KEY (topic_id, course_id, organization_id) REFERENCES topics (id, course_id, organization_id) ON UPDATE CASCADE
);
CREATE INDEX topic_progress_by_topic ON topic_progress (topic_id, user_id);

-- One learner's way through one content item, and the page or second where they stopped.
CREATE TABLE content_progress (
    id                 uuid PRIMARY KEY,
    organization_id    uuid NOT NULL,
    user_id            uuid NOT NULL,
    content_item_id    uuid NOT NULL,
    course_id          uuid NOT NULL,
    reset_number       integer NOT NULL DEFAULT 0,
    completed          boolean NOT NULL DEFAULT false,
    percent            integer NOT NULL DEFAULT 0,
    page               integer,
    second             integer,
    seconds_watched    bigint NOT NULL DEFAULT 0,
    completed_at       timestamptz,
    time_spent_seconds bigint NOT NULL DEFAULT 0,
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    stamp              bigint NOT NULL,
    edits              jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT content_progress_reset_number_check CHECK (reset_number >= 0),
    CONSTRAINT content_progress_percent_check CHECK (percent BETWEEN 0 AND 100),
    CONSTRAINT content_progress_page_check CHECK (page > 0),
    CONSTRAINT content_progress_second_check CHECK (second >= 0),
    CONSTRAINT content_progress_seconds_watched_check CHECK (seconds_watched >= 0),
    CONSTRAINT content_progress_time_spent_seconds_check CHECK (time_spent_seconds >= 0),
    CONSTRAINT content_progress_user_id_fkey FOREIGN KEY (user_id, organization_id) REFERENCES users (id, organization_id),
    CONSTRAINT content_progress_content_item_id_fkey FOREIGN KEY (content_item_id, course_id, organization_id) REFERENCES content_items (id, course_id, organization_id) ON UPDATE CASCADE
);
CREATE INDEX content_progress_by_content_item ON content_progress (content_item_id, user_id);
