-- Tests, their keys, and what people answered. Which answer is right and why stands in the key alone, so that who may hear
-- the questions does not decide who may hear the answers.

-- A test of a topic, a module, a course or of none. An exam is graded by the server alone.
CREATE TABLE assessments (
    id                 uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id    uuid NOT NULL REFERENCES organizations,
    course_id          uuid,
    module_id          uuid,
    topic_id           uuid,
    kind               text NOT NULL DEFAULT 'quiz',
    title              text NOT NULL,
    description        text NOT NULL DEFAULT '',
    passing_percent    double precision NOT NULL DEFAULT 70,
    attempts_max       integer,
    time_limit_seconds integer,
    graded_by          text NOT NULL DEFAULT 'server',
    shows_explanations boolean NOT NULL DEFAULT true,
    is_required        boolean NOT NULL DEFAULT true,
    position           integer NOT NULL DEFAULT 0,
    settings           jsonb NOT NULL DEFAULT '{}',
    pdf_media_asset_id uuid,
    is_active          boolean NOT NULL DEFAULT true,
    created_by         uuid,
    deleted_at         timestamptz,
    published          boolean NOT NULL DEFAULT false,
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    stamp              bigint NOT NULL,
    edits              jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT assessments_kind_check CHECK (kind IN ('quiz', 'exam', 'assignment')),
    CONSTRAINT assessments_passing_percent_check CHECK (passing_percent BETWEEN 0 AND 100),
    CONSTRAINT assessments_attempts_max_check CHECK (attempts_max > 0),
    CONSTRAINT assessments_time_limit_seconds_check CHECK (time_limit_seconds > 0),
    CONSTRAINT assessments_graded_by_check CHECK (graded_by IN ('laptop', 'server')),
    CONSTRAINT assessments_course_id_fkey FOREIGN KEY (course_id, organization_id, published) REFERENCES courses (id, organization_id, published) ON UPDATE CASCADE ON DELETE CASCADE,
    CONSTRAINT assessments_module_id_fkey FOREIGN KEY (module_id, course_id) REFERENCES modules (id, course_id) ON DELETE CASCADE,
    CONSTRAINT assessments_topic_id_fkey FOREIGN KEY (topic_id, module_id) REFERENCES topics (id, module_id) ON UPDATE CASCADE ON DELETE CASCADE,
    CONSTRAINT assessments_pdf_media_asset_id_fkey FOREIGN KEY (pdf_media_asset_id, organization_id) REFERENCES media_assets (id, organization_id),
    CONSTRAINT assessments_created_by_fkey FOREIGN KEY (created_by, organization_id) REFERENCES users (id, organization_id),
    CONSTRAINT assessments_id_organization_id_key UNIQUE (id, organization_id),
    CONSTRAINT assessments_place_check CHECK ((module_id IS NULL OR course_id IS NOT NULL) AND (topic_id IS NULL OR module_id IS NOT NULL)),
    CONSTRAINT assessments_exam_check CHECK (kind <> 'exam' OR graded_by = 'server')
);
CREATE INDEX assessments_by_course ON assessments (course_id, position);
CREATE INDEX assessments_by_module ON assessments (module_id) WHERE module_id IS NOT NULL;
CREATE INDEX assessments_by_topic ON assessments (topic_id) WHERE topic_id IS NOT NULL;
CREATE INDEX assessments_by_pdf ON assessments (pdf_media_asset_id) WHERE pdf_media_asset_id IS NOT NULL;
CREATE TRIGGER b_published BEFORE INSERT ON assessments FOR EACH ROW EXECUTE FUNCTION fill_published();
CREATE TRIGGER b_module BEFORE INSERT ON assessments FOR EACH ROW EXECUTE FUNCTION fill_module_of_topic();

-- Parts of a test may have no course, and then a composite foreign key does not look: what a part says of its course has to
-- be what the test says, or somebody could put a question into a course that is not theirs.
CREATE FUNCTION course_of_test() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    course uuid;
BEGIN
    IF TG_TABLE_NAME = 'question_options' THEN
        SELECT q.course_id INTO course FROM questions q WHERE q.id = NEW.question_id;
    ELSE
        SELECT a.course_id INTO course FROM assessments a WHERE a.id = NEW.assessment_id;
    END IF;
    -- Without the test itself the foreign key speaks.
    IF FOUND AND NEW.course_id IS DISTINCT FROM course THEN
        RAISE EXCEPTION 'the course of a row in % is not the course of its test', TG_TABLE_NAME
            USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, COLUMN = 'course_id', CONSTRAINT = TG_TABLE_NAME || '_course_id_check';
    END IF;
    RETURN NEW;
END $$;

-- One question.
CREATE TABLE questions (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    assessment_id   uuid NOT NULL,
    course_id       uuid,
    position        integer NOT NULL DEFAULT 0,
    question_type   text NOT NULL DEFAULT 'single',
    text            text NOT NULL DEFAULT '',
    points          double precision NOT NULL DEFAULT 1,
    published       boolean NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    stamp           bigint NOT NULL,
    edits           jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT questions_question_type_check CHECK (question_type IN ('single', 'multiple', 'true_false', 'numeric', 'short_answer', 'written')),
    CONSTRAINT questions_points_check CHECK (points >= 0),
    CONSTRAINT questions_assessment_id_fkey FOREIGN KEY (assessment_id, organization_id) REFERENCES assessments (id, organization_id) ON DELETE CASCADE,
    CONSTRAINT questions_course_id_fkey FOREIGN KEY (course_id, organization_id, published) REFERENCES courses (id, organization_id, published) ON UPDATE CASCADE ON DELETE CASCADE,
    CONSTRAINT questions_id_organization_id_key UNIQUE (id, organization_id)
);
CREATE INDEX questions_by_assessment ON questions (assessment_id, position);
CREATE INDEX questions_by_course ON questions (course_id);
CREATE TRIGGER b_published BEFORE INSERT ON questions FOR EACH ROW EXECUTE FUNCTION fill_published();
CREATE TRIGGER b_course BEFORE INSERT ON questions FOR EACH ROW EXECUTE FUNCTION course_of_test();

-- One answer to choose. Whether it is right is in the key.
CREATE TABLE question_options (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    question_id     uuid NOT NULL,
    course_id       uuid,
    position        integer NOT NULL DEFAULT 0,
    text            text NOT NULL,
    published       boolean NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    stamp           bigint NOT NULL,
    edits           jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT question_options_question_id_fkey FOREIGN KEY (question_id, organization_id) REFERENCES questions (id, organization_id) ON DELETE CASCADE,
    CONSTRAINT question_options_course_id_fkey FOREIGN KEY (course_id, organization_id, published) REFERENCES courses (id, organization_id, published) ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE INDEX question_options_by_question ON question_options (question_id, position);
CREATE INDEX question_options_by_course ON question_options (course_id);
CREATE TRIGGER b_published BEFORE INSERT ON question_options FOR EACH ROW EXECUTE FUNCTION fill_published();
CREATE TRIGGER b_course BEFORE INSERT ON question_options FOR EACH ROW EXECUTE FUNCTION course_of_test();

-- The right answers of one test, and why they are right. Learners hear them only when their laptops grade the test.
CREATE TABLE answer_keys (
    id                   uuid PRIMARY KEY,
    organization_id      uuid NOT NULL,
    assessment_id        uuid NOT NULL,
    course_id            uuid,
    shared               boolean NOT NULL DEFAULT false,
    keys                 jsonb NOT NULL DEFAULT '{}',
    explanations         jsonb NOT NULL DEFAULT '{}',
    mcq_answers          jsonb,
    numeric_answers      jsonb,
    written_instructions text,
    created_at           timestamptz NOT NULL,
    updated_at           timestamptz NOT NULL,
    stamp                bigint NOT NULL,
    edits                jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT answer_keys_keys_check CHECK (jsonb_typeof(keys) = 'object'),
    CONSTRAINT answer_keys_explanations_check CHECK (jsonb_typeof(explanations) = 'object'),
    CONSTRAINT answer_keys_assessment_id_fkey FOREIGN KEY (assessment_id, organization_id) REFERENCES assessments (id, organization_id) ON DELETE CASCADE,
    CONSTRAINT answer_keys_course_id_fkey FOREIGN KEY (course_id, organization_id) REFERENCES courses (id, organization_id) ON DELETE CASCADE
);
CREATE INDEX answer_keys_by_assessment ON answer_keys (assessment_id);
CREATE INDEX answer_keys_by_course ON answer_keys (course_id);
CREATE TRIGGER b_course BEFORE INSERT ON answer_keys FOR EACH ROW EXECUTE FUNCTION course_of_test();

-- Nobody shares a key by hand: it follows from who grades the test. The lock makes whoever changes that at this moment wait.
CREATE FUNCTION key_shared() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT a.graded_by = 'laptop' INTO NEW.shared FROM assessments a WHERE a.id = NEW.assessment_id FOR SHARE;
    NEW.shared := coalesce(NEW.shared, false);
    RETURN NEW;
END $$;
CREATE TRIGGER b_shared BEFORE INSERT OR UPDATE ON answer_keys FOR EACH ROW EXECUTE FUNCTION key_shared();

CREATE FUNCTION assessment_shares_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE answer_keys k SET shared = NEW.graded_by = 'laptop' WHERE k.assessment_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER shares_key AFTER UPDATE ON assessments FOR EACH ROW
WHEN (OLD.graded_by IS DISTINCT FROM NEW.graded_by) EXECUTE FUNCTION assessment_shares_key();

-- One person's attempt at one test. Raw, maximum and percent scores are all kept: none of them is guessed from another.
CREATE TABLE assessment_attempts (
    id                 uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id    uuid NOT NULL,
    assessment_id      uuid NOT NULL,
    user_id            uuid NOT NULL,
    course_id          uuid,
    attempt_number     integer NOT NULL,
    started_at         timestamptz NOT NULL DEFAULT now(),
    submitted_at       timestamptz,
    answers            jsonb NOT NULL DEFAULT '{}',
    time_taken_seconds integer,
    clock_moved        boolean NOT NULL DEFAULT false,
    status             text NOT NULL DEFAULT 'started',
    score_raw          double precision,
    score_max          double precision,
    score_percent      double precision,
    passed             boolean,
    graded_at          timestamptz,
    graded_by          uuid,
    answer_grades      jsonb,
    feedback           text,
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    stamp              bigint NOT NULL,
    edits              jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT assessment_attempts_attempt_number_check CHECK (attempt_number > 0),
    CONSTRAINT assessment_attempts_answers_check CHECK (jsonb_typeof(answers) = 'object'),
    CONSTRAINT assessment_attempts_time_taken_seconds_check CHECK (time_taken_seconds >= 0),
    CONSTRAINT assessment_attempts_status_check CHECK (status IN ('started', 'submitted', 'graded')),
    CONSTRAINT assessment_attempts_score_raw_check CHECK (score_raw >= 0),
    CONSTRAINT assessment_attempts_score_max_check CHECK (score_max >= 0),
    CONSTRAINT assessment_attempts_score_percent_check CHECK (score_percent BETWEEN 0 AND 100),
    CONSTRAINT assessment_attempts_user_id_fkey FOREIGN KEY (user_id, organization_id) REFERENCES users (id, organization_id),
    CONSTRAINT assessment_attempts_assessment_id_fkey FOREIGN KEY (assessment_id, organization_id) REFERENCES assessments (id, organization_id),
    CONSTRAINT assessment_attempts_course_id_fkey FOREIGN KEY (course_id, organization_id) REFERENCES courses (id, organization_id),
    CONSTRAINT assessment_attempts_graded_by_fkey FOREIGN KEY (graded_by, organization_id) REFERENCES users (id, organization_id),
    CONSTRAINT assessment_attempts_attempt_number_key UNIQUE (user_id, assessment_id, attempt_number)
);
CREATE INDEX assessment_attempts_by_assessment ON assessment_attempts (assessment_id);
CREATE INDEX assessment_attempts_by_course ON assessment_attempts (course_id);
CREATE TRIGGER b_course BEFORE INSERT ON assessment_attempts FOR EACH ROW EXECUTE FUNCTION course_of_test();

CREATE FUNCTION attempt_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status = 'started' AND NEW.submitted_at IS NOT NULL THEN
        NEW.status := 'submitted';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER b_status BEFORE INSERT OR UPDATE ON assessment_attempts FOR EACH ROW EXECUTE FUNCTION attempt_status();
