-- Triggers that look at a parent row by its id alone find rows of every organization, and what they refuse differs from what
-- the foreign key refuses: so the code told whether a row exists elsewhere. Here the reference is asked first, within the
-- row's own organization, and the answer is the foreign key's own: the same for a row of another organization and for none.
--
-- Arguments: pairs of a column and the table it points at, in the order of the foreign keys.
CREATE FUNCTION references_within() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    place   integer := 0;
    parent  uuid;
    is_here boolean;
BEGIN
    WHILE place < TG_NARGS LOOP
        EXECUTE format('SELECT ($1).%I', TG_ARGV[place]) INTO parent USING NEW;
        IF parent IS NOT NULL THEN
            EXECUTE format('SELECT EXISTS (SELECT FROM %I p WHERE p.id = $1 AND p.organization_id = $2)', TG_ARGV[place + 1])
                INTO is_here USING parent, NEW.organization_id;
            IF NOT is_here THEN
                RAISE EXCEPTION 'there is no such row in this organization'
                    USING ERRCODE = 'foreign_key_violation', TABLE = TG_TABLE_NAME, COLUMN = TG_ARGV[place],
                          CONSTRAINT = TG_TABLE_NAME || '_' || TG_ARGV[place] || '_fkey';
            END IF;
        END IF;
        place := place + 2;
    END LOOP;
    RETURN NEW;
END $$;
-- By its name it comes after `a_before`, which makes the id, and before everything that looks at parents.
CREATE TRIGGER a_references BEFORE INSERT ON enrollments FOR EACH ROW EXECUTE FUNCTION references_within('user_id', 'users', 'course_id', 'courses');
CREATE TRIGGER a_references BEFORE INSERT ON assessments FOR EACH ROW EXECUTE FUNCTION references_within('topic_id', 'topics');
CREATE TRIGGER a_references BEFORE INSERT ON questions FOR EACH ROW EXECUTE FUNCTION references_within('assessment_id', 'assessments');
CREATE TRIGGER a_references BEFORE INSERT ON question_options FOR EACH ROW EXECUTE FUNCTION references_within('question_id', 'questions');
CREATE TRIGGER a_references BEFORE INSERT ON answer_keys FOR EACH ROW EXECUTE FUNCTION references_within('assessment_id', 'assessments');
CREATE TRIGGER a_references BEFORE INSERT ON assessment_attempts FOR EACH ROW EXECUTE FUNCTION references_within('user_id', 'users', 'assessment_id', 'assessments');
CREATE TRIGGER a_references BEFORE INSERT ON content_items FOR EACH ROW EXECUTE FUNCTION references_within('topic_id', 'topics');
