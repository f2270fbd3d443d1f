-- Profiles, families, groups and the stays in them.

-- What a person says about themselves.
CREATE TABLE user_profiles (
    id                     uuid PRIMARY KEY,
    organization_id        uuid NOT NULL,
    user_id                uuid NOT NULL,
    avatar_url             text,
    phone                  text,
    company                text,
    position               text,
    location               text,
    website                text,
    bio                    text,
    language               text,
    notify_by_email        boolean NOT NULL DEFAULT true,
    notify_about_courses   boolean NOT NULL DEFAULT true,
    notify_about_results   boolean NOT NULL DEFAULT true,
    notify_about_deadlines boolean NOT NULL DEFAULT true,
    created_at             timestamptz NOT NULL,
    updated_at             timestamptz NOT NULL,
    stamp                  bigint NOT NULL,
    edits                  jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT user_profiles_user_id_fkey FOREIGN KEY (user_id, organization_id) REFERENCES users (id, organization_id) ON DELETE CASCADE
);
CREATE INDEX user_profiles_by_user ON user_profiles (user_id);

-- What the school knows of a student.
CREATE TABLE student_profiles (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL,
    user_id         uuid NOT NULL,
    grade           text,
    balance_minor   bigint NOT NULL DEFAULT 0,
    currency        text NOT NULL DEFAULT 'EUR',
    notes           text,
    deleted_at      timestamptz,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    stamp           bigint NOT NULL,
    edits           jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT student_profiles_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT student_profiles_user_id_fkey FOREIGN KEY (user_id, organization_id) REFERENCES users (id, organization_id) ON DELETE CASCADE
);
CREATE INDEX student_profiles_by_user ON student_profiles (user_id);

-- That somebody is a parent here.
CREATE TABLE parent_profiles (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL,
    user_id         uuid NOT NULL,
    deleted_at      timestamptz,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    stamp           bigint NOT NULL,
    edits           jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT parent_profiles_user_id_fkey FOREIGN KEY (user_id, organization_id) REFERENCES users (id, organization_id) ON DELETE CASCADE
);
CREATE INDEX parent_profiles_by_user ON parent_profiles (user_id);

-- What a teacher or an instructor says of their work.
CREATE TABLE teacher_profiles (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL,
    user_id         uuid NOT NULL,
    display_title   text,
    expertise       jsonb NOT NULL DEFAULT '[]',
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    stamp           bigint NOT NULL,
    edits           jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT teacher_profiles_expertise_check CHECK (jsonb_typeof(expertise) = 'array'),
    CONSTRAINT teacher_profiles_user_id_fkey FOREIGN KEY (user_id, organization_id) REFERENCES users (id, organization_id) ON DELETE CASCADE
);
CREATE INDEX teacher_profiles_by_user ON teacher_profiles (user_id);

-- Whose parent somebody is.
CREATE TABLE guardian_links (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL,
    parent_id       uuid NOT NULL,
    student_id      uuid NOT NULL,
    relation        text,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    stamp           bigint NOT NULL,
    edits           jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT guardian_links_parent_id_fkey FOREIGN KEY (parent_id, organization_id) REFERENCES users (id, organization_id) ON DELETE CASCADE,
    CONSTRAINT guardian_links_student_id_fkey FOREIGN KEY (student_id, organization_id) REFERENCES users (id, organization_id) ON DELETE CASCADE,
    CONSTRAINT guardian_links_student_id_check CHECK (student_id <> parent_id)
);
CREATE INDEX guardian_links_by_parent ON guardian_links (parent_id);
CREATE INDEX guardian_links_by_student ON guardian_links (student_id);

-- A group with its schedule. `display_name` is made from the rest: "Qrup1: 1-4 11:00".
CREATE TABLE groups (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    teacher_id      uuid NOT NULL,
    code            text,
    name            text NOT NULL,
    description     text,
    days_of_week    jsonb NOT NULL DEFAULT '[]',
    start_time      time,
    display_name    text NOT NULL DEFAULT '',
    is_active       boolean NOT NULL DEFAULT true,
    sort_order      integer,
    deleted_at      timestamptz,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    stamp           bigint NOT NULL,
    edits           jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT groups_days_of_week_check CHECK (jsonb_typeof(days_of_week) = 'array' AND '[1, 2, 3, 4, 5, 6, 7]' @> days_of_week),
    CONSTRAINT groups_teacher_id_fkey FOREIGN KEY (teacher_id, organization_id) REFERENCES users (id, organization_id),
    CONSTRAINT groups_id_organization_id_key UNIQUE (id, organization_id)
);
CREATE INDEX groups_by_teacher ON groups (teacher_id);

-- Days as people write them: three or more in a row become a span, so [1,2,3,4] is "1-4" and [1,3,5] is "1,3,5".
CREATE FUNCTION group_days_text(days jsonb) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT string_agg(
        CASE WHEN run.last - run.first >= 2 THEN run.first || '-' || run.last
             WHEN run.last > run.first THEN run.first || ',' || run.last
             ELSE run.first::text END,
        ',' ORDER BY run.first)
    FROM (
        SELECT min(n.day) AS first, max(n.day) AS last
        FROM (SELECT d.day, d.day - row_number() OVER (ORDER BY d.day) AS run
              FROM (SELECT DISTINCT e.value::integer AS day FROM jsonb_array_elements_text(days) AS e(value)) d) n
        GROUP BY n.run
    ) run
$$;

CREATE FUNCTION group_display_name() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    schedule text;
BEGIN
    -- A list that is none is for the check to refuse, and that comes after this.
    IF jsonb_typeof(NEW.days_of_week) = 'array' AND '[1, 2, 3, 4, 5, 6, 7]' @> NEW.days_of_week THEN
        schedule := concat_ws(' ', group_days_text(NEW.days_of_week), to_char(NEW.start_time, 'HH24:MI'));
        NEW.display_name := coalesce(nullif(btrim(NEW.code), ''), NEW.name) || coalesce(': ' || nullif(schedule, ''), '');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER b_display_name BEFORE INSERT OR UPDATE ON groups FOR EACH ROW EXECUTE FUNCTION group_display_name();

-- One person's place in one group, however often they come and go.
CREATE TABLE group_memberships (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL,
    group_id        uuid NOT NULL,
    user_id         uuid NOT NULL,
    display_name    text NOT NULL DEFAULT '',
    is_active       boolean NOT NULL DEFAULT true,
    joined_at       timestamptz NOT NULL DEFAULT now(),
    left_at         timestamptz,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    stamp           bigint NOT NULL,
    edits           jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT group_memberships_group_id_fkey FOREIGN KEY (group_id, organization_id) REFERENCES groups (id, organization_id),
    CONSTRAINT group_memberships_user_id_fkey FOREIGN KEY (user_id, organization_id) REFERENCES users (id, organization_id),
    CONSTRAINT group_memberships_left_at_check CHECK (is_active = (left_at IS NULL) AND left_at >= joined_at)
);
CREATE INDEX group_memberships_by_group ON group_memberships (group_id);
CREATE INDEX group_memberships_by_user ON group_memberships (user_id);

-- Rows that carry a person's name for those who do not hear the person. The lock makes whoever renames them at this moment
-- wait, and finds the row after that.
CREATE FUNCTION fill_display_name() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT u.full_name INTO NEW.display_name FROM users u WHERE u.id = NEW.user_id FOR SHARE;
    NEW.display_name := coalesce(NEW.display_name, '');
    RETURN NEW;
END $$;
CREATE TRIGGER b_display_name BEFORE INSERT ON group_memberships FOR EACH ROW EXECUTE FUNCTION fill_display_name();

-- Whoever says only half of a coming or going gets the other half.
CREATE FUNCTION membership_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.is_active AND NOT OLD.is_active AND NEW.left_at IS NOT DISTINCT FROM OLD.left_at THEN
        NEW.left_at := NULL;
        IF NEW.joined_at = OLD.joined_at THEN
            NEW.joined_at := now();
        END IF;
    ELSIF NEW.is_active AND NEW.left_at < NEW.joined_at THEN
        NEW.left_at := NULL; -- of the stay before
    ELSIF NEW.is_active AND NEW.left_at IS NOT NULL THEN
        NEW.is_active := false;
    ELSIF NOT NEW.is_active AND NEW.left_at IS NULL THEN
        IF TG_OP = 'UPDATE' AND NOT OLD.is_active THEN
            NEW.is_active := true;
        ELSE
            NEW.left_at := greatest(now(), NEW.joined_at);
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER b_stay BEFORE INSERT OR UPDATE ON group_memberships FOR EACH ROW EXECUTE FUNCTION membership_stay();

-- Each stay in a group, kept from the memberships by the trigger below: somebody who leaves and comes back does not change
-- the old attendance grid.
CREATE TABLE group_membership_periods (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    membership_id   uuid NOT NULL,
    group_id        uuid NOT NULL,
    user_id         uuid NOT NULL,
    joined_on       date NOT NULL,
    left_on         date,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    stamp           bigint NOT NULL,
    CONSTRAINT group_membership_periods_membership_id_fkey FOREIGN KEY (membership_id) REFERENCES group_memberships ON DELETE CASCADE,
    CONSTRAINT group_membership_periods_group_id_fkey FOREIGN KEY (group_id, organization_id) REFERENCES groups (id, organization_id),
    CONSTRAINT group_membership_periods_user_id_fkey FOREIGN KEY (user_id, organization_id) REFERENCES users (id, organization_id),
    CONSTRAINT group_membership_periods_joined_on_key UNIQUE (membership_id, joined_on),
    CONSTRAINT group_membership_periods_left_on_check CHECK (left_on >= joined_on)
);
CREATE INDEX group_membership_periods_by_group ON group_membership_periods (group_id);
CREATE INDEX group_membership_periods_by_user ON group_membership_periods (user_id);

CREATE FUNCTION membership_periods() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    zone   text;
    joined date;
    gone   date;
    latest group_membership_periods%ROWTYPE;
BEGIN
    SELECT o.time_zone INTO STRICT zone FROM organizations o WHERE o.id = NEW.organization_id;
    joined := (NEW.joined_at AT TIME ZONE zone)::date;
    gone := (NEW.left_at AT TIME ZONE zone)::date;
    SELECT p.* INTO latest FROM group_membership_periods p WHERE p.membership_id = NEW.id ORDER BY p.joined_on DESC LIMIT 1;
    IF latest.id IS NULL OR (TG_OP = 'UPDATE' AND NEW.joined_at > OLD.left_at AND joined > latest.left_on) THEN
        INSERT INTO group_membership_periods (organization_id, membership_id, group_id, user_id, joined_on, left_on)
        VALUES (NEW.organization_id, NEW.id, NEW.group_id, NEW.user_id, joined, gone);
    ELSE
        -- The same stay, mended; or back on the day of leaving, which goes on with it.
        UPDATE group_membership_periods p
        SET joined_on = CASE WHEN TG_OP = 'UPDATE' AND (NEW.joined_at = OLD.joined_at OR NEW.joined_at > OLD.left_at) THEN p.joined_on ELSE joined END,
            left_on = gone
        WHERE p.id = latest.id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER periods AFTER INSERT OR UPDATE OF is_active, joined_at, left_at ON group_memberships
FOR EACH ROW EXECUTE FUNCTION membership_periods();
