-- Courses and their tree: course, module, topic, content item.
--
-- Who hears a row follows from the row's own columns, so `published` is carried from the course to all that belongs to it
-- by a composite foreign key with ON UPDATE CASCADE: publishing a course moves its contents from the feed of its staff to
-- the feed of its learners, in one transaction and whoever does it. A deletion goes down the tree and stops at what people
-- have done: nobody's progress disappears with a topic.

-- The card of a course. Slug and code are unique within the organization, for organizations know nothing of each other.
CREATE TABLE courses (
    id                      uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id         uuid NOT NULL REFERENCES organizations,
    title                   text NOT NULL,
    slug                    text,
    course_code             text,
    description             text NOT NULL DEFAULT '',
    status                  text NOT NULL DEFAULT 'draft',
    published               boolean NOT NULL DEFAULT false,
    published_at            timestamptz,
    language                text NOT NULL DEFAULT 'en',
    level                   text,
    instructor_id           uuid,
    station_id              uuid,
    -- No foreign key until departments are there.
    department_id           uuid,
    thumbnail_url           text,
    estimated_seconds       integer,
    price_minor             bigint NOT NULL DEFAULT 0,
    currency                text NOT NULL DEFAULT 'EUR',
    enrollments_max         integer,
    is_certified            boolean NOT NULL DEFAULT false,
    -- No foreign key until certificate templates are there.
    certificate_template_id uuid,
    is_public               boolean NOT NULL DEFAULT false,
    tags                    jsonb NOT NULL DEFAULT '[]',
    metadata                jsonb NOT NULL DEFAULT '{}',
    deleted_at              timestamptz,
    created_at              timestamptz NOT NULL,
    updated_at              timestamptz NOT NULL,
    stamp                   bigint NOT NULL,
    edits                   jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT courses_status_check CHECK (status IN ('draft', 'published', 'archived')),
    CONSTRAINT courses_level_check CHECK (level IN ('beginner', 'intermediate', 'advanced')),
    CONSTRAINT courses_estimated_seconds_check CHECK (estimated_seconds >= 0),
    CONSTRAINT courses_price_minor_check CHECK (price_minor >= 0),
    CONSTRAINT courses_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT courses_enrollments_max_check CHECK (enrollments_max > 0),
    CONSTRAINT courses_tags_check CHECK (jsonb_typeof(tags) = 'array'),
    CONSTRAINT courses_instructor_id_fkey FOREIGN KEY (instructor_id, organization_id) REFERENCES users (id, organization_id),
    CONSTRAINT courses_station_id_fkey FOREIGN KEY (station_id, organization_id) REFERENCES stations (id, organization_id) ON DELETE SET NULL (station_id),
    CONSTRAINT courses_slug_key UNIQUE (organization_id, slug),
    CONSTRAINT courses_course_code_key UNIQUE (organization_id, course_code),
    CONSTRAINT courses_id_organization_id_key UNIQUE (id, organization_id),
    CONSTRAINT courses_id_organization_id_published_key UNIQUE (id, organization_id, published)
);
CREATE INDEX courses_by_instructor ON courses (instructor_id);
CREATE INDEX courses_by_station ON courses (station_id) WHERE station_id IS NOT NULL;

-- Not a generated column: those are filled after the triggers, and a change that changes nothing could not be told.
CREATE FUNCTION course_published() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.published := NEW.status = 'published' AND NEW.deleted_at IS NULL;
    IF NEW.published AND NEW.published_at IS NULL THEN
        NEW.published_at := now();
    END IF;
    IF coalesce(NEW.slug, '') = '' THEN
        -- The end of the id tells courses of one title apart, and does not change when the title does.
        NEW.slug := concat_ws('-', nullif(btrim(left(lower(regexp_replace(NEW.title, '[^[:alnum:]]+', '-', 'g')), 80), '-'), ''), right(NEW.id::text, 8));
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER b_published BEFORE INSERT OR UPDATE ON courses FOR EACH ROW EXECUTE FUNCTION course_published();

-- Fills `published` of what belongs to a course. The lock makes whoever publishes the course at this moment wait, and is the
-- one that the foreign key takes anyway.
CREATE FUNCTION fill_published() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT c.published INTO NEW.published FROM courses c WHERE c.id = NEW.course_id FOR KEY SHARE;
    NEW.published := coalesce(NEW.published, false);
    RETURN NEW;
END $$;

-- Learning outcomes, requirements and target audience of a course.
CREATE TABLE course_facts (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    course_id       uuid NOT NULL,
    kind            text NOT NULL,
    position        integer NOT NULL DEFAULT 0,
    text            text NOT NULL,
    published       boolean NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    stamp           bigint NOT NULL,
    edits           jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT course_facts_kind_check CHECK (kind IN ('learning_outcome', 'requirement', 'target_audience')),
    CONSTRAINT course_facts_course_id_fkey FOREIGN KEY (course_id, organization_id, published) REFERENCES courses (id, organization_id, published) ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE INDEX course_facts_by_course ON course_facts (course_id, position);
CREATE TRIGGER b_published BEFORE INSERT ON course_facts FOR EACH ROW EXECUTE FUNCTION fill_published();

-- A part of a course. Two people may move modules at once, so a position is not unique: order by it and then by id.
CREATE TABLE modules (
    id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id   uuid NOT NULL,
    course_id         uuid NOT NULL,
    position          integer NOT NULL DEFAULT 0,
    title             text NOT NULL,
    description       text NOT NULL DEFAULT '',
    estimated_seconds integer,
    is_required       boolean NOT NULL DEFAULT true,
    unlock_condition  jsonb,
    published         boolean NOT NULL DEFAULT false,
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    stamp             bigint NOT NULL,
    edits             jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT modules_estimated_seconds_check CHECK (estimated_seconds >= 0),
    CONSTRAINT modules_course_id_fkey FOREIGN KEY (course_id, organization_id, published) REFERENCES courses (id, organization_id, published) ON UPDATE CASCADE ON DELETE CASCADE,
    CONSTRAINT modules_id_course_id_key UNIQUE (id, course_id)
);
CREATE INDEX modules_by_course ON modules (course_id, position);
CREATE TRIGGER b_published BEFORE INSERT ON modules FOR EACH ROW EXECUTE FUNCTION fill_published();

-- What is learned in one go. A topic may move to another module of its course.
CREATE TABLE topics (
    id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id   uuid NOT NULL,
    module_id         uuid NOT NULL,
    course_id         uuid NOT NULL,
    position          integer NOT NULL DEFAULT 0,
    title             text NOT NULL,
    description       text NOT NULL DEFAULT '',
    estimated_seconds integer,
    requires_previous boolean NOT NULL DEFAULT true,
    is_free           boolean NOT NULL DEFAULT false,
    published         boolean NOT NULL DEFAULT false,
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    stamp             bigint NOT NULL,
    edits             jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT topics_estimated_seconds_check CHECK (estimated_seconds >= 0),
    CONSTRAINT topics_course_id_fkey FOREIGN KEY (course_id, organization_id, published) REFERENCES courses (id, organization_id, published) ON UPDATE CASCADE ON DELETE CASCADE,
    CONSTRAINT topics_module_id_fkey FOREIGN KEY (module_id, course_id) REFERENCES modules (id, course_id) ON DELETE CASCADE,
    CONSTRAINT topics_id_course_id_organization_id_key UNIQUE (id, course_id, organization_id),
    CONSTRAINT topics_id_module_id_key UNIQUE (id, module_id)
);
CREATE INDEX topics_by_module ON topics (module_id, position);
CREATE INDEX topics_by_course ON topics (course_id);
CREATE TRIGGER b_published BEFORE INSERT ON topics FOR EACH ROW EXECUTE FUNCTION fill_published();

-- A file in the object store. The object key is the truth; an address is made when somebody asks for the file.
CREATE TABLE media_assets (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id  uuid NOT NULL REFERENCES organizations,
    course_id        uuid,
    title            text NOT NULL,
    description      text,
    object_key       text,
    sha256           text,
    size_bytes       bigint,
    media_type       text,
    duration_seconds integer,
    pages            integer,
    provider         text,
    provider_id      text,
    status           text NOT NULL DEFAULT 'processing',
    published        boolean NOT NULL DEFAULT false,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    stamp            bigint NOT NULL,
    edits            jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT media_assets_sha256_check CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    CONSTRAINT media_assets_size_bytes_check CHECK (size_bytes >= 0),
    CONSTRAINT media_assets_duration_seconds_check CHECK (duration_seconds >= 0),
    CONSTRAINT media_assets_pages_check CHECK (pages >= 0),
    CONSTRAINT media_assets_status_check CHECK (status IN ('processing', 'ready', 'failed')),
    CONSTRAINT media_assets_course_id_fkey FOREIGN KEY (course_id, organization_id, published) REFERENCES courses (id, organization_id, published) ON UPDATE CASCADE ON DELETE CASCADE,
    CONSTRAINT media_assets_id_course_id_key UNIQUE (id, course_id),
    CONSTRAINT media_assets_id_organization_id_key UNIQUE (id, organization_id)
);
CREATE INDEX media_assets_by_course ON media_assets (course_id);
CREATE INDEX media_assets_by_sha256 ON media_assets (sha256);
CREATE TRIGGER b_published BEFORE INSERT ON media_assets FOR EACH ROW EXECUTE FUNCTION fill_published();

-- One thing to read, watch or open. It hangs on a module, and on a topic where there is one.
CREATE TABLE content_items (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    module_id       uuid NOT NULL,
    topic_id        uuid,
    course_id       uuid NOT NULL,
    media_asset_id  uuid,
    kind            text NOT NULL,
    role            text,
    position        integer NOT NULL DEFAULT 0,
    title           text NOT NULL,
    description     text,
    body            jsonb NOT NULL DEFAULT '{}',
    is_required     boolean NOT NULL DEFAULT true,
    published       boolean NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    stamp           bigint NOT NULL,
    edits           jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT content_items_kind_check CHECK (kind IN ('video', 'document', 'text', 'link', 'quiz')),
    CONSTRAINT content_items_role_check CHECK (role IN ('main_pdf', 'additional_video', 'additional_document')),
    CONSTRAINT content_items_course_id_fkey FOREIGN KEY (course_id, organization_id, published) REFERENCES courses (id, organization_id, published) ON UPDATE CASCADE ON DELETE CASCADE,
    CONSTRAINT content_items_module_id_fkey FOREIGN KEY (module_id, course_id) REFERENCES modules (id, course_id) ON DELETE CASCADE,
    CONSTRAINT content_items_topic_id_fkey FOREIGN KEY (topic_id, module_id) REFERENCES topics (id, module_id) ON UPDATE CASCADE ON DELETE CASCADE,
    CONSTRAINT content_items_media_asset_id_fkey FOREIGN KEY (media_asset_id, course_id) REFERENCES media_assets (id, course_id),
    CONSTRAINT content_items_id_course_id_organization_id_key UNIQUE (id, course_id, organization_id)
);
CREATE INDEX content_items_by_module ON content_items (module_id, position);
CREATE INDEX content_items_by_topic ON content_items (topic_id, position);
CREATE INDEX content_items_by_course ON content_items (course_id);
CREATE INDEX content_items_by_media_asset ON content_items (media_asset_id);
CREATE TRIGGER b_published BEFORE INSERT ON content_items FOR EACH ROW EXECUTE FUNCTION fill_published();

-- A laptop may not have heard yet that the topic has moved: where the topic is now counts.
CREATE FUNCTION fill_module_of_topic() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.topic_id IS NOT NULL THEN
        SELECT t.module_id INTO NEW.module_id FROM topics t WHERE t.id = NEW.topic_id FOR KEY SHARE;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER b_module BEFORE INSERT ON content_items FOR EACH ROW EXECUTE FUNCTION fill_module_of_topic();
