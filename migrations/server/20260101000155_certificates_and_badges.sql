-- Certificates and badges.

-- The layout of certificates. At most one of an organization is the default.
CREATE TABLE certificate_templates (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL REFERENCES organizations,
    name            text NOT NULL,
    template_html   text NOT NULL,
    template_css    text,
    fields          jsonb NOT NULL DEFAULT '{}',
    is_default      boolean NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    stamp           bigint NOT NULL,
    edits           jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT certificate_templates_template_html_check CHECK (template_html <> ''),
    CONSTRAINT certificate_templates_id_organization_id_key UNIQUE (id, organization_id)
);
CREATE UNIQUE INDEX certificate_templates_is_default_key ON certificate_templates (organization_id) WHERE is_default;
CREATE INDEX certificate_templates_by_organization ON certificate_templates (organization_id);

-- What somebody has been certified for. An invalid certificate has the date when it became so.
CREATE TABLE certificates (
    id                      uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id         uuid NOT NULL,
    user_id                 uuid NOT NULL,
    course_id               uuid NOT NULL,
    certificate_template_id uuid,
    certificate_number      text,
    holder_name             text NOT NULL DEFAULT '',
    pdf_media_asset_id      uuid,
    issued_at               timestamptz NOT NULL DEFAULT now(),
    expires_at              timestamptz,
    revoked_at              timestamptz,
    revoked_reason          text,
    created_at              timestamptz NOT NULL,
    updated_at              timestamptz NOT NULL,
    stamp                   bigint NOT NULL,
    edits                   jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT certificates_expires_at_check CHECK (expires_at > issued_at),
    CONSTRAINT certificates_revoked_reason_check CHECK (revoked_reason IS NULL OR revoked_at IS NOT NULL),
    CONSTRAINT certificates_user_id_fkey FOREIGN KEY (user_id, organization_id) REFERENCES users (id, organization_id),
    CONSTRAINT certificates_course_id_fkey FOREIGN KEY (course_id, organization_id) REFERENCES courses (id, organization_id),
    CONSTRAINT certificates_certificate_template_id_fkey FOREIGN KEY (certificate_template_id, organization_id) REFERENCES certificate_templates (id, organization_id),
    CONSTRAINT certificates_pdf_media_asset_id_fkey FOREIGN KEY (pdf_media_asset_id, organization_id) REFERENCES media_assets (id, organization_id),
    CONSTRAINT certificates_certificate_number_key UNIQUE (certificate_number)
);
CREATE INDEX certificates_by_user ON certificates (user_id);
CREATE INDEX certificates_by_course ON certificates (course_id);
CREATE INDEX certificates_by_template ON certificates (certificate_template_id) WHERE certificate_template_id IS NOT NULL;
CREATE INDEX certificates_by_pdf ON certificates (pdf_media_asset_id) WHERE pdf_media_asset_id IS NOT NULL;
CREATE INDEX certificates_valid ON certificates (organization_id) WHERE revoked_at IS NULL;
CREATE TRIGGER b_enrollment BEFORE INSERT ON certificates FOR EACH ROW EXECUTE FUNCTION needs_enrollment();

CREATE SEQUENCE certificate_seq AS bigint;

-- One sequence for all organizations: whoever checks a certificate has nothing but its number.
CREATE FUNCTION certificate_number() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    number bigint;
BEGIN
    WHILE NEW.certificate_number IS NULL LOOP
        number := nextval('certificate_seq');
        -- An imported certificate, or one from before a restore, may have this number.
        SELECT n.number INTO NEW.certificate_number
        FROM (SELECT 'CERT-' || to_char(NEW.issued_at AT TIME ZONE 'UTC', 'YYYY') || '-' || lpad(number::text, greatest(8, length(number::text)), '0') AS number) n
        WHERE NOT EXISTS (SELECT FROM certificates c WHERE c.certificate_number = n.number);
    END LOOP;
    SELECT u.full_name INTO NEW.holder_name FROM users u WHERE u.id = NEW.user_id AND u.organization_id = NEW.organization_id;
    NEW.holder_name := coalesce(NEW.holder_name, '');
    RETURN NEW;
END $$;
CREATE TRIGGER c_number BEFORE INSERT ON certificates FOR EACH ROW EXECUTE FUNCTION certificate_number();

CREATE FUNCTION certificate_number_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.certificate_number IS DISTINCT FROM OLD.certificate_number THEN
        RAISE EXCEPTION 'a certificate keeps its number'
            USING ERRCODE = 'check_violation', TABLE = 'certificates', COLUMN = 'certificate_number', CONSTRAINT = 'certificates_number_stays_check';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER c_number_stays BEFORE UPDATE ON certificates FOR EACH ROW EXECUTE FUNCTION certificate_number_stays();

-- Whether a certificate is valid at a moment.
CREATE FUNCTION certificate_is_valid(certificate certificates, moment timestamptz) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT certificate.issued_at <= moment
        AND (certificate.revoked_at IS NULL OR moment < certificate.revoked_at)
        AND (certificate.expires_at IS NULL OR moment < certificate.expires_at)
$$;

-- What people may earn, and the conditions for it.
CREATE TABLE badges (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL REFERENCES organizations,
    name            text NOT NULL,
    description     text,
    image_url       text NOT NULL,
    criteria        jsonb NOT NULL DEFAULT '{}',
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    stamp           bigint NOT NULL,
    edits           jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT badges_image_url_check CHECK (image_url <> ''),
    CONSTRAINT badges_id_organization_id_key UNIQUE (id, organization_id)
);
CREATE INDEX badges_by_organization ON badges (organization_id);

-- Who has earned which badge. The id follows from person, badge and course, and a missing course counts as one.
CREATE TABLE user_badges (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL,
    user_id         uuid NOT NULL,
    badge_id        uuid NOT NULL,
    course_id       uuid,
    earned_at       timestamptz NOT NULL DEFAULT now(),
    awarded_by      uuid,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    stamp           bigint NOT NULL,
    edits           jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT user_badges_user_id_fkey FOREIGN KEY (user_id, organization_id) REFERENCES users (id, organization_id),
    CONSTRAINT user_badges_badge_id_fkey FOREIGN KEY (badge_id, organization_id) REFERENCES badges (id, organization_id),
    CONSTRAINT user_badges_course_id_fkey FOREIGN KEY (course_id, organization_id) REFERENCES courses (id, organization_id),
    CONSTRAINT user_badges_awarded_by_fkey FOREIGN KEY (awarded_by, organization_id) REFERENCES users (id, organization_id)
);
CREATE INDEX user_badges_by_user ON user_badges (user_id);
CREATE INDEX user_badges_by_badge ON user_badges (badge_id);
CREATE INDEX user_badges_by_course ON user_badges (course_id) WHERE course_id IS NOT NULL;

-- An id that names no template named nothing.
UPDATE courses c SET certificate_template_id = NULL
WHERE c.certificate_template_id IS NOT NULL AND NOT EXISTS (SELECT FROM certificate_templates t WHERE t.id = c.certificate_template_id AND t.organization_id = c.organization_id);
ALTER TABLE courses ADD CONSTRAINT courses_certificate_template_id_fkey FOREIGN KEY (certificate_template_id, organization_id) REFERENCES certificate_templates (id, organization_id) ON DELETE SET NULL (certificate_template_id);
CREATE INDEX courses_by_certificate_template ON courses (certificate_template_id) WHERE certificate_template_id IS NOT NULL;

-- One row per person: what they have done in all, and what they have earned.
CREATE OR REPLACE VIEW user_stats AS
SELECT u.id AS user_id, u.organization_id,
       e.courses_enrolled, e.courses_completed,
       t.topics_completed, t.time_spent_seconds,
       a.attempts_submitted, a.attempts_passed, a.score_percent_average,
       s.last_sign_in_at,
       greatest(e.last_at, t.last_at, a.last_at) AS last_active_at,
       b.badges_earned, c.certificates_valid
FROM users u
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE e.status <> 'dropped') AS courses_enrolled,
           count(*) FILTER (WHERE e.status = 'completed') AS courses_completed,
           max(e.started_at) AS last_at
    FROM enrollments e WHERE e.user_id = u.id
) e
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE p.completed) AS topics_completed,
           coalesce(sum(p.time_spent_seconds), 0)::bigint AS time_spent_seconds,
           max(p.updated_at) AS last_at
    FROM enrollments e
    JOIN topics t ON t.course_id = e.course_id
    JOIN topic_progress p ON p.topic_id = t.id AND p.user_id = e.user_id
    WHERE e.user_id = u.id
) t
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE a.submitted_at IS NOT NULL) AS attempts_submitted,
           count(*) FILTER (WHERE a.passed) AS attempts_passed,
           avg(a.score_percent) AS score_percent_average,
           max(coalesce(a.submitted_at, a.started_at)) AS last_at
    FROM assessment_attempts a WHERE a.user_id = u.id
) a
CROSS JOIN LATERAL (SELECT max(s.created_at) AS last_sign_in_at FROM user_sessions s WHERE s.user_id = u.id) s
CROSS JOIN LATERAL (SELECT count(*) AS badges_earned FROM user_badges b WHERE b.user_id = u.id) b
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE certificate_is_valid(c, now())) AS certificates_valid FROM certificates c WHERE c.user_id = u.id
) c;
