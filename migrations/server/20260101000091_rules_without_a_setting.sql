-- Three rules held only in sessions that said `waystation.server = on`, and a pooler may drop what a session says when it
-- starts. They hold in every session from now on. A program that brings in old data switches them off for itself with
-- `SET waystation.unchecked = on`; a sync-server sets it to off in each of its sessions.

-- What plain SQL does not say otherwise is an enrollment that somebody with the right to it has made.
ALTER TABLE enrollments ALTER COLUMN enrollment_type SET DEFAULT 'assigned';

-- Somebody enrols themselves only where the course is open to all and free.
CREATE OR REPLACE FUNCTION enrollment_of_oneself() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.enrollment_type = 'self' AND current_setting('waystation.unchecked', true) IS DISTINCT FROM 'on'
        AND NOT EXISTS (SELECT FROM enrollments e WHERE e.id = NEW.id)
        AND EXISTS (SELECT FROM courses c WHERE c.id = NEW.course_id AND NOT (c.published AND c.is_public AND c.price_minor = 0))
    THEN
        RAISE EXCEPTION 'this course is not open to everybody'
            USING ERRCODE = 'check_violation', TABLE = 'enrollments', COLUMN = 'course_id', CONSTRAINT = 'enrollments_self_check',
                HINT = 'An enrollment that somebody else makes has the type assigned or bulk.';
    END IF;
    RETURN NEW;
END $$;

-- A test that may be tried three times has the attempts 1, 2 and 3, and each number is there once.
CREATE OR REPLACE FUNCTION attempt_is_left() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('waystation.unchecked', true) IS DISTINCT FROM 'on'
        AND NOT EXISTS (SELECT FROM assessment_attempts t WHERE t.id = NEW.id)
        AND EXISTS (SELECT FROM assessments a WHERE a.id = NEW.assessment_id AND NEW.attempt_number > a.attempts_max)
    THEN
        RAISE EXCEPTION 'no attempt is left for this test' USING ERRCODE = 'WS003', TABLE = 'assessment_attempts', COLUMN = 'attempt_number';
    END IF;
    RETURN NEW;
END $$;

-- No place is given in a course that is full. The lock makes two who take the last place wait for each other.
CREATE OR REPLACE FUNCTION enrollment_finds_room() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    places integer;
BEGIN
    IF NEW.status = 'dropped' OR current_setting('waystation.unchecked', true) = 'on' THEN
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
