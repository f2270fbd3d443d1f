-- A test that may be tried three times has the attempts 1, 2 and 3, and each number is there once: so an attempt past the
-- last one is refused by its number. Only laptops are asked: who brings in old results knows.
CREATE FUNCTION attempt_is_left() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('waystation.server', true) = 'on'
        AND NOT EXISTS (SELECT FROM assessment_attempts t WHERE t.id = NEW.id)
        AND EXISTS (SELECT FROM assessments a WHERE a.id = NEW.assessment_id AND NEW.attempt_number > a.attempts_max)
    THEN
        RAISE EXCEPTION 'no attempt is left for this test' USING ERRCODE = 'WS003', TABLE = 'assessment_attempts', COLUMN = 'attempt_number';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER c_attempts_left BEFORE INSERT ON assessment_attempts FOR EACH ROW EXECUTE FUNCTION attempt_is_left();
