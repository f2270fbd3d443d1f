-- What the first schema left open: notes that are for the staff alone, points that a person gives, tests that come in late,
-- courses that are full, and when a value that lost had stood.

-- What the staff write down about a student. A table of its own, because the student and the parents hear the profile.
CREATE TABLE student_notes (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL,
    user_id         uuid NOT NULL,
    notes           text,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    stamp           bigint NOT NULL,
    edits           jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT student_notes_user_id_fkey FOREIGN KEY (user_id, organization_id) REFERENCES users (id, organization_id) ON DELETE CASCADE
);
CREATE INDEX student_notes_by_user ON student_notes (user_id);

-- The table's triggers come after the migrations, so what moves here enters the feed by hand.
INSERT INTO feed_entities (code, name) VALUES (35, 'student_notes');
INSERT INTO student_notes (id, organization_id, user_id, notes, created_at, updated_at, stamp)
SELECT uuid_generate_v5('6f2f98a1-0c5e-5b1c-9d0a-7c6179737461', 'student_notes:' || p.user_id), p.organization_id, p.user_id, p.notes, now(), now(), nextval('stamp_seq')
FROM student_profiles p WHERE p.notes IS NOT NULL;
DO $$
BEGIN
    IF EXISTS (SELECT FROM student_notes) THEN
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new)
        SELECT 'people:' || n.organization_id, 35, n.id, n.stamp, 0, feed_hash('student_notes', n.id, n.stamp), true FROM student_notes n;
    END IF;
END $$;
-- The column stays, empty: an older server that is still running reads it.
UPDATE student_profiles SET notes = NULL WHERE notes IS NOT NULL;
ALTER TABLE student_profiles ADD CONSTRAINT student_profiles_notes_check CHECK (notes IS NULL);

-- The row's stamps under which a value stood before it lost. Whoever changed the row as it was then has answered it.
ALTER TABLE conflicts ADD COLUMN lost_stood_from bigint;
ALTER TABLE conflicts ADD COLUMN lost_stood_upto bigint;

-- A conflict in a course is heard by all who can settle it, also where the course has no instructor: it moves from the feed
-- of the results to the feed of the course's staff. The generated triggers know only where it lives from now on.
DO $$
BEGIN
    IF EXISTS (SELECT FROM conflicts WHERE course_id IS NOT NULL) THEN
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new)
        SELECT 'results:' || c.course_id, 34, c.id, c.stamp, 1, 0, false FROM conflicts c WHERE c.course_id IS NOT NULL
        UNION ALL
        SELECT 'course_staff:' || c.course_id, 34, c.id, c.stamp, 0, feed_hash('conflicts', c.id, c.stamp), true FROM conflicts c WHERE c.course_id IS NOT NULL;
    END IF;
END $$;

-- Points that a person gave, by question: {question id: points}.
ALTER TABLE assessment_attempts ADD COLUMN given_points jsonb;
ALTER TABLE assessment_attempts ADD COLUMN handed_in_late boolean NOT NULL DEFAULT false;
ALTER TABLE assessment_attempts ADD CONSTRAINT assessment_attempts_given_points_check CHECK (jsonb_typeof(given_points) = 'object');

-- A test that comes in after its time is taken and graded, and marked: nobody loses their answers, and the instructor decides.
-- A minute is for the way from the last answer to the button.
CREATE FUNCTION attempt_in_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.submitted_at IS NOT NULL AND (TG_OP = 'INSERT' OR OLD.submitted_at IS NULL) THEN
        NEW.handed_in_late := EXISTS (
            SELECT FROM assessments a
            WHERE a.id = NEW.assessment_id
              AND greatest(extract(epoch FROM NEW.submitted_at - NEW.started_at), NEW.time_taken_seconds) > a.time_limit_seconds + 60
        );
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER c_in_time BEFORE INSERT OR UPDATE ON assessment_attempts FOR EACH ROW EXECUTE FUNCTION attempt_in_time();

-- A laptop lets nobody into a course that is full. The lock makes two who take the last place wait for each other.
CREATE FUNCTION enrollment_finds_room() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    places integer;
BEGIN
    IF NEW.status = 'dropped' OR current_setting('waystation.server', true) IS DISTINCT FROM 'on' THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF OLD.status <> 'dropped' THEN
            RETURN NEW;
        END IF;
    ELSIF EXISTS (SELECT FROM enrollments e WHERE e.id = NEW.id) THEN
        RETURN NEW;
    END IF;
    SELECT c.enrollments_max INTO places FROM courses c WHERE c.id = NEW.course_id;
    IF places IS NULL THEN
        RETURN NEW;
    END IF;
    PERFORM FROM courses c WHERE c.id = NEW.course_id FOR NO KEY UPDATE;
    IF (SELECT count(*) FROM enrollments e WHERE e.course_id = NEW.course_id AND e.status <> 'dropped') >= places THEN
        RAISE EXCEPTION 'this course is full'
            USING ERRCODE = 'WS004', TABLE = 'enrollments', COLUMN = 'course_id', CONSTRAINT = 'enrollments_room_check';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER d_room BEFORE INSERT OR UPDATE ON enrollments FOR EACH ROW EXECUTE FUNCTION enrollment_finds_room();

-- A session that ends is told like a right that is lost, so that its open streams end on every instance.
CREATE FUNCTION session_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM feed_open();
    INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new)
    VALUES ('access:' || NEW.user_id, 0, NULL, 0, 0, 0, true);
    RETURN NULL;
END $$;
CREATE TRIGGER ended AFTER UPDATE ON user_sessions FOR EACH ROW
WHEN (OLD.ended_at IS DISTINCT FROM NEW.ended_at) EXECUTE FUNCTION session_ended();
