-- Announcements, messages and training sessions.

-- News, from the time of publication until they expire.
CREATE TABLE announcements (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL REFERENCES organizations,
    course_id       uuid,
    department_id   uuid,
    title           text NOT NULL,
    content         text NOT NULL,
    priority        text NOT NULL DEFAULT 'normal',
    is_pinned       boolean NOT NULL DEFAULT false,
    published_at    timestamptz,
    expires_at      timestamptz,
    created_by      uuid,
    audience        text NOT NULL DEFAULT 'administrators',
    published       boolean NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    stamp           bigint NOT NULL,
    edits           jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT announcements_content_check CHECK (content <> ''),
    CONSTRAINT announcements_priority_check CHECK (priority IN ('low', 'normal', 'high', 'urgent')),
    CONSTRAINT announcements_expires_at_check CHECK (expires_at > published_at),
    CONSTRAINT announcements_audience_check CHECK (audience IN ('organization', 'administrators', 'course', 'course_staff')),
    CONSTRAINT announcements_department_id_check CHECK (num_nonnulls(course_id, department_id) <= 1),
    CONSTRAINT announcements_course_id_fkey FOREIGN KEY (course_id, organization_id, published) REFERENCES courses (id, organization_id, published) ON UPDATE CASCADE ON DELETE CASCADE,
    CONSTRAINT announcements_department_id_fkey FOREIGN KEY (department_id, organization_id) REFERENCES departments (id, organization_id) ON DELETE CASCADE,
    CONSTRAINT announcements_created_by_fkey FOREIGN KEY (created_by, organization_id) REFERENCES users (id, organization_id)
);
CREATE INDEX announcements_by_organization ON announcements (organization_id, published_at);
CREATE INDEX announcements_by_course ON announcements (course_id) WHERE course_id IS NOT NULL;
CREATE INDEX announcements_by_department ON announcements (department_id) WHERE department_id IS NOT NULL;
CREATE INDEX announcements_by_creator ON announcements (created_by) WHERE created_by IS NOT NULL;
CREATE INDEX announcements_pinned ON announcements (organization_id) WHERE is_pinned;
CREATE TRIGGER b_published BEFORE INSERT ON announcements FOR EACH ROW EXECUTE FUNCTION fill_published();

CREATE FUNCTION announcement_audience() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.audience := CASE
        WHEN NEW.course_id IS NOT NULL AND NEW.published AND NEW.published_at IS NOT NULL THEN 'course'
        WHEN NEW.course_id IS NOT NULL THEN 'course_staff'
        WHEN NEW.published_at IS NOT NULL THEN 'organization'
        ELSE 'administrators'
    END;
    RETURN NEW;
END $$;
CREATE TRIGGER c_audience BEFORE INSERT OR UPDATE ON announcements FOR EACH ROW EXECUTE FUNCTION announcement_audience();

-- A message to one person, or to the people of a course. Chains of answers never come back to their start.
CREATE TABLE messages (
    id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id   uuid NOT NULL,
    sender_id         uuid NOT NULL,
    recipient_id      uuid,
    course_id         uuid,
    parent_message_id uuid,
    subject           text,
    content           text NOT NULL,
    read_at           timestamptz,
    is_archived       boolean NOT NULL DEFAULT false,
    sender_name       text NOT NULL DEFAULT '',
    recipient_name    text,
    audience          text NOT NULL DEFAULT 'person',
    published         boolean NOT NULL DEFAULT false,
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    stamp             bigint NOT NULL,
    edits             jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT messages_parent_message_id_check CHECK (parent_message_id <> id),
    CONSTRAINT messages_content_check CHECK (content <> ''),
    CONSTRAINT messages_read_at_check CHECK (read_at IS NULL OR recipient_id IS NOT NULL),
    CONSTRAINT messages_audience_check CHECK (audience IN ('person', 'course', 'course_staff')),
    CONSTRAINT messages_recipient_id_check CHECK (num_nonnulls(recipient_id, course_id) > 0),
    CONSTRAINT messages_sender_id_fkey FOREIGN KEY (sender_id, organization_id) REFERENCES users (id, organization_id),
    CONSTRAINT messages_recipient_id_fkey FOREIGN KEY (recipient_id, organization_id) REFERENCES users (id, organization_id),
    CONSTRAINT messages_course_id_fkey FOREIGN KEY (course_id, organization_id, published) REFERENCES courses (id, organization_id, published) ON UPDATE CASCADE ON DELETE CASCADE,
    CONSTRAINT messages_parent_message_id_fkey FOREIGN KEY (parent_message_id, organization_id) REFERENCES messages (id, organization_id),
    CONSTRAINT messages_id_organization_id_key UNIQUE (id, organization_id)
);
CREATE INDEX messages_by_sender ON messages (sender_id, created_at);
CREATE INDEX messages_by_recipient ON messages (recipient_id, created_at) WHERE recipient_id IS NOT NULL;
CREATE INDEX messages_unread ON messages (recipient_id) WHERE read_at IS NULL;
CREATE INDEX messages_by_course ON messages (course_id) WHERE course_id IS NOT NULL;
CREATE INDEX messages_by_parent ON messages (parent_message_id) WHERE parent_message_id IS NOT NULL;
CREATE INDEX messages_by_organization ON messages (organization_id, created_at);
CREATE TRIGGER b_published BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION fill_published();

CREATE FUNCTION message_names() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT u.full_name INTO NEW.sender_name FROM users u WHERE u.id = NEW.sender_id AND u.organization_id = NEW.organization_id;
    NEW.sender_name := coalesce(NEW.sender_name, '');
    SELECT u.full_name INTO NEW.recipient_name FROM users u WHERE u.id = NEW.recipient_id AND u.organization_id = NEW.organization_id;
    RETURN NEW;
END $$;
CREATE TRIGGER b_names BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION message_names();

CREATE FUNCTION message_audience() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.audience := CASE WHEN NEW.recipient_id IS NOT NULL THEN 'person' WHEN NEW.published THEN 'course' ELSE 'course_staff' END;
    RETURN NEW;
END $$;
CREATE TRIGGER c_audience BEFORE INSERT OR UPDATE ON messages FOR EACH ROW EXECUTE FUNCTION message_audience();

-- A message never changes what it answers, so a laptop cannot make a cycle. One INSERT of two messages that answer each other
-- can: the foreign key looks at the end of the statement.
CREATE FUNCTION messages_have_no_cycle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.parent_message_id IS NOT NULL THEN
        IF EXISTS (
            WITH RECURSIVE answered (id) AS (
                SELECT NEW.parent_message_id
                UNION
                SELECT m.parent_message_id FROM messages m JOIN answered a ON a.id = m.id WHERE m.parent_message_id IS NOT NULL
            )
            SELECT FROM answered a WHERE a.id = NEW.id
        ) THEN
            RAISE EXCEPTION 'the message would answer itself'
                USING ERRCODE = 'check_violation', TABLE = 'messages', COLUMN = 'parent_message_id', CONSTRAINT = 'messages_parent_message_id_check';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER d_cycle BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION messages_have_no_cycle();

-- A session at a certain time, of a course or of none.
CREATE TABLE training_sessions (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id  uuid NOT NULL REFERENCES organizations,
    course_id        uuid,
    title            text NOT NULL,
    description      text NOT NULL DEFAULT '',
    instructor_id    uuid NOT NULL,
    department_id    uuid,
    session_type     text NOT NULL DEFAULT 'live',
    starts_at        timestamptz NOT NULL,
    ends_at          timestamptz NOT NULL,
    location         text,
    meeting_url      text,
    participants_max integer,
    status           text NOT NULL DEFAULT 'scheduled',
    published        boolean NOT NULL DEFAULT false,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    stamp            bigint NOT NULL,
    edits            jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT training_sessions_session_type_check CHECK (session_type IN ('live', 'webinar', 'workshop', 'meeting')),
    CONSTRAINT training_sessions_ends_at_check CHECK (ends_at > starts_at),
    CONSTRAINT training_sessions_participants_max_check CHECK (participants_max > 0),
    CONSTRAINT training_sessions_status_check CHECK (status IN ('scheduled', 'ongoing', 'completed', 'cancelled')),
    CONSTRAINT training_sessions_course_id_fkey FOREIGN KEY (course_id, organization_id, published) REFERENCES courses (id, organization_id, published) ON UPDATE CASCADE ON DELETE CASCADE,
    CONSTRAINT training_sessions_instructor_id_fkey FOREIGN KEY (instructor_id, organization_id) REFERENCES users (id, organization_id),
    CONSTRAINT training_sessions_department_id_fkey FOREIGN KEY (department_id, organization_id) REFERENCES departments (id, organization_id) ON DELETE SET NULL (department_id),
    CONSTRAINT training_sessions_id_organization_id_instructor_id_key UNIQUE (id, organization_id, instructor_id)
);
CREATE INDEX training_sessions_by_course ON training_sessions (course_id) WHERE course_id IS NOT NULL;
CREATE INDEX training_sessions_by_instructor ON training_sessions (instructor_id);
CREATE INDEX training_sessions_by_department ON training_sessions (department_id) WHERE department_id IS NOT NULL;
CREATE INDEX training_sessions_by_time ON training_sessions (organization_id, starts_at, ends_at);
CREATE TRIGGER b_published BEFORE INSERT ON training_sessions FOR EACH ROW EXECUTE FUNCTION fill_published();

-- Who has registered for a session, and who came.
CREATE TABLE session_attendances (
    id                  uuid PRIMARY KEY,
    organization_id     uuid NOT NULL,
    training_session_id uuid NOT NULL,
    user_id             uuid NOT NULL,
    instructor_id       uuid NOT NULL,
    display_name        text NOT NULL DEFAULT '',
    status              text NOT NULL DEFAULT 'registered',
    checked_in_at       timestamptz,
    checked_out_at      timestamptz,
    notes               text,
    created_at          timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL,
    stamp               bigint NOT NULL,
    edits               jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT session_attendances_status_check CHECK (status IN ('registered', 'attended', 'absent', 'excused')),
    CONSTRAINT session_attendances_checked_out_at_check CHECK (checked_out_at >= checked_in_at),
    CONSTRAINT session_attendances_training_session_id_fkey FOREIGN KEY (training_session_id, organization_id, instructor_id) REFERENCES training_sessions (id, organization_id, instructor_id) ON UPDATE CASCADE,
    CONSTRAINT session_attendances_user_id_fkey FOREIGN KEY (user_id, organization_id) REFERENCES users (id, organization_id)
);
CREATE INDEX session_attendances_by_session ON session_attendances (training_session_id, status);
CREATE INDEX session_attendances_by_user ON session_attendances (user_id);
CREATE INDEX session_attendances_by_instructor ON session_attendances (instructor_id);
CREATE TRIGGER b_display_name BEFORE INSERT ON session_attendances FOR EACH ROW EXECUTE FUNCTION fill_display_name();

-- A person's new name goes to the rows that carry it.
CREATE OR REPLACE FUNCTION user_renamed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE group_memberships m SET display_name = NEW.full_name WHERE m.user_id = NEW.id;
    UPDATE enrollments e SET display_name = NEW.full_name WHERE e.user_id = NEW.id;
    UPDATE session_attendances a SET display_name = NEW.full_name WHERE a.user_id = NEW.id;
    RETURN NULL;
END $$;

-- Nobody registers for a session that is full. The lock makes two who take the last place wait for each other.
CREATE FUNCTION session_has_room() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    places integer;
BEGIN
    SELECT s.participants_max INTO places FROM training_sessions s
    WHERE s.id = NEW.training_session_id AND s.organization_id = NEW.organization_id;
    IF places IS NOT NULL AND NEW.status = 'registered' AND current_setting('waystation.unchecked', true) IS DISTINCT FROM 'on' THEN
        PERFORM FROM training_sessions s WHERE s.id = NEW.training_session_id FOR NO KEY UPDATE;
        IF (SELECT count(*) FROM session_attendances a WHERE a.training_session_id = NEW.training_session_id AND a.id <> NEW.id) >= places THEN
            RAISE EXCEPTION 'this session is full'
                USING ERRCODE = 'check_violation', TABLE = 'session_attendances', COLUMN = 'training_session_id', CONSTRAINT = 'session_attendances_room_check';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER c_room BEFORE INSERT ON session_attendances FOR EACH ROW EXECUTE FUNCTION session_has_room();

-- How many came to each session.
CREATE VIEW session_statistics AS
SELECT s.organization_id, s.id AS training_session_id,
       count(a.id) AS registered,
       count(a.id) FILTER (WHERE a.status = 'attended') AS attended,
       count(a.id) FILTER (WHERE a.status = 'absent') AS absent,
       count(a.id) FILTER (WHERE a.status = 'excused') AS excused,
       round(100.0 * count(a.id) FILTER (WHERE a.status = 'attended')
           / nullif(count(a.id) FILTER (WHERE a.status IN ('attended', 'absent')), 0), 2)::double precision AS percent_attended
FROM training_sessions s
LEFT JOIN session_attendances a ON a.training_session_id = s.id
GROUP BY s.id;
