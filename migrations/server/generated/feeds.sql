-- Generated from the entity registry by `cargo xtask generate`. Do not edit.
-- Run after the migrations: it replaces what an older registry left.

INSERT INTO feed_entities (code, name) VALUES
    (1, 'organizations'),
    (12, 'stations'),
    (13, 'station_gas_supply_sources'),
    (14, 'station_equipment'),
    (15, 'station_specifications'),
    (16, 'station_safety_systems'),
    (17, 'station_safety_system_features'),
    (40, 'departments'),
    (2, 'users'),
    (3, 'staff_cards'),
    (4, 'user_profiles'),
    (5, 'student_profiles'),
    (35, 'student_notes'),
    (6, 'parent_profiles'),
    (7, 'teacher_profiles'),
    (8, 'guardian_links'),
    (9, 'groups'),
    (10, 'group_memberships'),
    (11, 'group_membership_periods'),
    (55, 'certificate_templates'),
    (57, 'badges'),
    (18, 'courses'),
    (19, 'course_facts'),
    (41, 'course_prerequisites'),
    (20, 'modules'),
    (21, 'topics'),
    (22, 'media_assets'),
    (23, 'content_items'),
    (24, 'assessments'),
    (25, 'questions'),
    (26, 'question_options'),
    (27, 'answer_keys'),
    (54, 'assessment_assignments'),
    (42, 'learning_paths'),
    (43, 'path_steps'),
    (28, 'enrollments'),
    (29, 'assessment_attempts'),
    (30, 'topic_progress'),
    (31, 'content_progress'),
    (52, 'assignments'),
    (53, 'assignment_submissions'),
    (56, 'certificates'),
    (58, 'user_badges'),
    (50, 'training_sessions'),
    (51, 'session_attendances'),
    (32, 'attendance_records'),
    (44, 'payments'),
    (45, 'subscription_plans'),
    (46, 'purchases'),
    (47, 'subscriptions'),
    (48, 'announcements'),
    (49, 'messages'),
    (59, 'coding_topics'),
    (60, 'coding_tasks'),
    (61, 'coding_test_cases'),
    (62, 'coding_submissions'),
    (33, 'devices'),
    (34, 'conflicts'),
    (36, 'held_changes'),
    (37, 'offered_rows')
ON CONFLICT (code) DO UPDATE SET name = excluded.name;

CREATE OR REPLACE FUNCTION before_organizations() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.deleted_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.deleted_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.deleted_at + interval '500 microseconds') THEN OLD.deleted_at ELSE date_trunc('milliseconds', NEW.deleted_at + interval '500 microseconds') END;
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.name IS NOT NULL OR NEW.edits ? 'name') AND coalesce((NEW.edits #>> '{name,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'name', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.name) IS DISTINCT FROM ROW(OLD.name) OR NEW.edits -> 'name' IS DISTINCT FROM OLD.edits -> 'name' THEN
        NEW.edits := feed_edit(NEW.edits, 'name', OLD.edits -> 'name', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.description IS NOT NULL OR NEW.edits ? 'description') AND coalesce((NEW.edits #>> '{description,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'description', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.description) IS DISTINCT FROM ROW(OLD.description) OR NEW.edits -> 'description' IS DISTINCT FROM OLD.edits -> 'description' THEN
        NEW.edits := feed_edit(NEW.edits, 'description', OLD.edits -> 'description', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.logo_url IS NOT NULL OR NEW.edits ? 'logo_url') AND coalesce((NEW.edits #>> '{logo_url,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'logo_url', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.logo_url) IS DISTINCT FROM ROW(OLD.logo_url) OR NEW.edits -> 'logo_url' IS DISTINCT FROM OLD.edits -> 'logo_url' THEN
        NEW.edits := feed_edit(NEW.edits, 'logo_url', OLD.edits -> 'logo_url', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.default_language IS NOT NULL OR NEW.edits ? 'default_language') AND coalesce((NEW.edits #>> '{default_language,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'default_language', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.default_language) IS DISTINCT FROM ROW(OLD.default_language) OR NEW.edits -> 'default_language' IS DISTINCT FROM OLD.edits -> 'default_language' THEN
        NEW.edits := feed_edit(NEW.edits, 'default_language', OLD.edits -> 'default_language', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.time_zone IS NOT NULL OR NEW.edits ? 'time_zone') AND coalesce((NEW.edits #>> '{time_zone,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'time_zone', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.time_zone) IS DISTINCT FROM ROW(OLD.time_zone) OR NEW.edits -> 'time_zone' IS DISTINCT FROM OLD.edits -> 'time_zone' THEN
        NEW.edits := feed_edit(NEW.edits, 'time_zone', OLD.edits -> 'time_zone', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.currency IS NOT NULL OR NEW.edits ? 'currency') AND coalesce((NEW.edits #>> '{currency,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'currency', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.currency) IS DISTINCT FROM ROW(OLD.currency) OR NEW.edits -> 'currency' IS DISTINCT FROM OLD.edits -> 'currency' THEN
        NEW.edits := feed_edit(NEW.edits, 'currency', OLD.edits -> 'currency', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.settings IS NOT NULL OR NEW.edits ? 'settings') AND coalesce((NEW.edits #>> '{settings,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'settings', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.settings) IS DISTINCT FROM ROW(OLD.settings) OR NEW.edits -> 'settings' IS DISTINCT FROM OLD.edits -> 'settings' THEN
        NEW.edits := feed_edit(NEW.edits, 'settings', OLD.edits -> 'settings', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON organizations FOR EACH ROW EXECUTE FUNCTION before_organizations();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON organizations FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_organizations() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, feed_hash('organizations', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.name, r.slug, r.domain, r.description, r.logo_url, r.status, r.isolation_strategy, r.subscription_tier, r.subscription_status, r.seats_purchased, r.default_language, r.time_zone, r.currency, r.settings, r.deleted_at, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.id, 1::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.id IS NOT NULL
        UNION ALL
        SELECT DISTINCT 'access_all:' || r.organization_id, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM new_rows r WHERE true;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || o.id, 1::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.id IS NOT NULL
        UNION ALL
        SELECT DISTINCT 'access_all:' || r.organization_id, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM old_rows r WHERE true;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, feed_hash('organizations', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.name, r.slug, r.domain, r.description, r.logo_url, r.status, r.isolation_strategy, r.subscription_tier, r.subscription_status, r.seats_purchased, r.default_language, r.time_zone, r.currency, r.settings, r.deleted_at, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.id, 1::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.id IS NOT NULL
        UNION ALL
        SELECT 'org:' || o.id, 1::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.id IS NOT NULL AND NOT (n.id IS NOT NULL AND 'org:' || o.id = 'org:' || n.id)
        UNION ALL
        SELECT DISTINCT 'access_all:' || r.organization_id, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM old_rows r WHERE true
        UNION ALL
        SELECT DISTINCT 'access_all:' || r.organization_id, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM new_rows r WHERE true;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON organizations REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_organizations();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON organizations REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_organizations();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON organizations REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_organizations();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON organizations FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON organizations REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON organizations REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON organizations REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 1) IS DISTINCT FROM 'id organization_id created_at updated_at stamp name slug domain description logo_url status isolation_strategy subscription_tier subscription_status seats_purchased default_language time_zone currency settings deleted_at edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.name, r.slug, r.domain, r.description, r.logo_url, r.status, r.isolation_strategy, r.subscription_tier, r.subscription_status, r.seats_purchased, r.default_language, r.time_zone, r.currency, r.settings, r.deleted_at, r.edits), 0) FROM organizations r WHERE f.entity = 1 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp name slug domain description logo_url status isolation_strategy subscription_tier subscription_status seats_purchased default_language time_zone currency settings deleted_at edits' WHERE e.code = 1;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_stations() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.code IS NOT NULL OR NEW.edits ? 'code') AND coalesce((NEW.edits #>> '{code,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'code', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.code) IS DISTINCT FROM ROW(OLD.code) OR NEW.edits -> 'code' IS DISTINCT FROM OLD.edits -> 'code' THEN
        NEW.edits := feed_edit(NEW.edits, 'code', OLD.edits -> 'code', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.name IS NOT NULL OR NEW.edits ? 'name') AND coalesce((NEW.edits #>> '{name,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'name', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.name) IS DISTINCT FROM ROW(OLD.name) OR NEW.edits -> 'name' IS DISTINCT FROM OLD.edits -> 'name' THEN
        NEW.edits := feed_edit(NEW.edits, 'name', OLD.edits -> 'name', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.brand IS NOT NULL OR NEW.edits ? 'brand') AND coalesce((NEW.edits #>> '{brand,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'brand', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.brand) IS DISTINCT FROM ROW(OLD.brand) OR NEW.edits -> 'brand' IS DISTINCT FROM OLD.edits -> 'brand' THEN
        NEW.edits := feed_edit(NEW.edits, 'brand', OLD.edits -> 'brand', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.region IS NOT NULL OR NEW.edits ? 'region') AND coalesce((NEW.edits #>> '{region,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'region', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.region) IS DISTINCT FROM ROW(OLD.region) OR NEW.edits -> 'region' IS DISTINCT FROM OLD.edits -> 'region' THEN
        NEW.edits := feed_edit(NEW.edits, 'region', OLD.edits -> 'region', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.address IS NOT NULL OR NEW.edits ? 'address') AND coalesce((NEW.edits #>> '{address,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'address', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.address) IS DISTINCT FROM ROW(OLD.address) OR NEW.edits -> 'address' IS DISTINCT FROM OLD.edits -> 'address' THEN
        NEW.edits := feed_edit(NEW.edits, 'address', OLD.edits -> 'address', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.phone IS NOT NULL OR NEW.edits ? 'phone') AND coalesce((NEW.edits #>> '{phone,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'phone', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.phone) IS DISTINCT FROM ROW(OLD.phone) OR NEW.edits -> 'phone' IS DISTINCT FROM OLD.edits -> 'phone' THEN
        NEW.edits := feed_edit(NEW.edits, 'phone', OLD.edits -> 'phone', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.email IS NOT NULL OR NEW.edits ? 'email') AND coalesce((NEW.edits #>> '{email,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'email', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.email) IS DISTINCT FROM ROW(OLD.email) OR NEW.edits -> 'email' IS DISTINCT FROM OLD.edits -> 'email' THEN
        NEW.edits := feed_edit(NEW.edits, 'email', OLD.edits -> 'email', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.latitude IS NOT NULL OR NEW.longitude IS NOT NULL OR NEW.edits ? 'place') AND coalesce((NEW.edits #>> '{place,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'place', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.latitude, NEW.longitude) IS DISTINCT FROM ROW(OLD.latitude, OLD.longitude) OR NEW.edits -> 'place' IS DISTINCT FROM OLD.edits -> 'place' THEN
        NEW.edits := feed_edit(NEW.edits, 'place', OLD.edits -> 'place', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.description IS NOT NULL OR NEW.edits ? 'description') AND coalesce((NEW.edits #>> '{description,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'description', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.description) IS DISTINCT FROM ROW(OLD.description) OR NEW.edits -> 'description' IS DISTINCT FROM OLD.edits -> 'description' THEN
        NEW.edits := feed_edit(NEW.edits, 'description', OLD.edits -> 'description', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.opened_on IS NOT NULL OR NEW.edits ? 'opened_on') AND coalesce((NEW.edits #>> '{opened_on,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'opened_on', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.opened_on) IS DISTINCT FROM ROW(OLD.opened_on) OR NEW.edits -> 'opened_on' IS DISTINCT FROM OLD.edits -> 'opened_on' THEN
        NEW.edits := feed_edit(NEW.edits, 'opened_on', OLD.edits -> 'opened_on', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.opening_hours IS NOT NULL OR NEW.edits ? 'opening_hours') AND coalesce((NEW.edits #>> '{opening_hours,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'opening_hours', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.opening_hours) IS DISTINCT FROM ROW(OLD.opening_hours) OR NEW.edits -> 'opening_hours' IS DISTINCT FROM OLD.edits -> 'opening_hours' THEN
        NEW.edits := feed_edit(NEW.edits, 'opening_hours', OLD.edits -> 'opening_hours', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.status IS NOT NULL OR NEW.edits ? 'status') AND coalesce((NEW.edits #>> '{status,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'status', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.status) IS DISTINCT FROM ROW(OLD.status) OR NEW.edits -> 'status' IS DISTINCT FROM OLD.edits -> 'status' THEN
        NEW.edits := feed_edit(NEW.edits, 'status', OLD.edits -> 'status', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.photo_url IS NOT NULL OR NEW.edits ? 'photo_url') AND coalesce((NEW.edits #>> '{photo_url,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'photo_url', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.photo_url) IS DISTINCT FROM ROW(OLD.photo_url) OR NEW.edits -> 'photo_url' IS DISTINCT FROM OLD.edits -> 'photo_url' THEN
        NEW.edits := feed_edit(NEW.edits, 'photo_url', OLD.edits -> 'photo_url', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON stations FOR EACH ROW EXECUTE FUNCTION before_stations();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON stations FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_stations() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, feed_hash('stations', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.legacy_number, r.code, r.name, r.brand, r.region, r.address, r.phone, r.email, r.latitude, r.longitude, r.description, r.opened_on, r.opening_hours, r.status, r.photo_url, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.organization_id, 12::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || o.organization_id, 12::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, feed_hash('stations', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.legacy_number, r.code, r.name, r.brand, r.region, r.address, r.phone, r.email, r.latitude, r.longitude, r.description, r.opened_on, r.opening_hours, r.status, r.photo_url, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.organization_id, 12::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL
        UNION ALL
        SELECT 'org:' || o.organization_id, 12::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND NOT (n.organization_id IS NOT NULL AND 'org:' || o.organization_id = 'org:' || n.organization_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON stations REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_stations();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON stations REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_stations();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON stations REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_stations();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON stations FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON stations REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON stations REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON stations REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 12) IS DISTINCT FROM 'id organization_id created_at updated_at stamp legacy_number code name brand region address phone email latitude longitude description opened_on opening_hours status photo_url edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.legacy_number, r.code, r.name, r.brand, r.region, r.address, r.phone, r.email, r.latitude, r.longitude, r.description, r.opened_on, r.opening_hours, r.status, r.photo_url, r.edits), 0) FROM stations r WHERE f.entity = 12 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp legacy_number code name brand region address phone email latitude longitude description opened_on opening_hours status photo_url edits' WHERE e.code = 12;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_station_gas_supply_sources() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.station_id) IS DISTINCT FROM (OLD.station_id) THEN
            RAISE EXCEPTION 'a key column of station_gas_supply_sources never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.position IS NOT NULL OR NEW.edits ? 'position') AND coalesce((NEW.edits #>> '{position,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'position', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.position) IS DISTINCT FROM ROW(OLD.position) OR NEW.edits -> 'position' IS DISTINCT FROM OLD.edits -> 'position' THEN
        NEW.edits := feed_edit(NEW.edits, 'position', OLD.edits -> 'position', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.name IS NOT NULL OR NEW.edits ? 'name') AND coalesce((NEW.edits #>> '{name,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'name', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.name) IS DISTINCT FROM ROW(OLD.name) OR NEW.edits -> 'name' IS DISTINCT FROM OLD.edits -> 'name' THEN
        NEW.edits := feed_edit(NEW.edits, 'name', OLD.edits -> 'name', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.supply_type IS NOT NULL OR NEW.edits ? 'supply_type') AND coalesce((NEW.edits #>> '{supply_type,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'supply_type', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.supply_type) IS DISTINCT FROM ROW(OLD.supply_type) OR NEW.edits -> 'supply_type' IS DISTINCT FROM OLD.edits -> 'supply_type' THEN
        NEW.edits := feed_edit(NEW.edits, 'supply_type', OLD.edits -> 'supply_type', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.product IS NOT NULL OR NEW.edits ? 'product') AND coalesce((NEW.edits #>> '{product,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'product', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.product) IS DISTINCT FROM ROW(OLD.product) OR NEW.edits -> 'product' IS DISTINCT FROM OLD.edits -> 'product' THEN
        NEW.edits := feed_edit(NEW.edits, 'product', OLD.edits -> 'product', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.is_primary IS NOT NULL OR NEW.edits ? 'is_primary') AND coalesce((NEW.edits #>> '{is_primary,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'is_primary', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.is_primary) IS DISTINCT FROM ROW(OLD.is_primary) OR NEW.edits -> 'is_primary' IS DISTINCT FROM OLD.edits -> 'is_primary' THEN
        NEW.edits := feed_edit(NEW.edits, 'is_primary', OLD.edits -> 'is_primary', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.interval_days IS NOT NULL OR NEW.edits ? 'interval_days') AND coalesce((NEW.edits #>> '{interval_days,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'interval_days', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.interval_days) IS DISTINCT FROM ROW(OLD.interval_days) OR NEW.edits -> 'interval_days' IS DISTINCT FROM OLD.edits -> 'interval_days' THEN
        NEW.edits := feed_edit(NEW.edits, 'interval_days', OLD.edits -> 'interval_days', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.contact_phone IS NOT NULL OR NEW.edits ? 'contact_phone') AND coalesce((NEW.edits #>> '{contact_phone,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'contact_phone', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.contact_phone) IS DISTINCT FROM ROW(OLD.contact_phone) OR NEW.edits -> 'contact_phone' IS DISTINCT FROM OLD.edits -> 'contact_phone' THEN
        NEW.edits := feed_edit(NEW.edits, 'contact_phone', OLD.edits -> 'contact_phone', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.description IS NOT NULL OR NEW.edits ? 'description') AND coalesce((NEW.edits #>> '{description,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'description', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.description) IS DISTINCT FROM ROW(OLD.description) OR NEW.edits -> 'description' IS DISTINCT FROM OLD.edits -> 'description' THEN
        NEW.edits := feed_edit(NEW.edits, 'description', OLD.edits -> 'description', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON station_gas_supply_sources FOR EACH ROW EXECUTE FUNCTION before_station_gas_supply_sources();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON station_gas_supply_sources FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_station_gas_supply_sources() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, feed_hash('station_gas_supply_sources', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.station_id, r.legacy_number, r.position, r.name, r.supply_type, r.product, r.is_primary, r.interval_days, r.contact_phone, r.description, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.organization_id, 13::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || o.organization_id, 13::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, feed_hash('station_gas_supply_sources', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.station_id, r.legacy_number, r.position, r.name, r.supply_type, r.product, r.is_primary, r.interval_days, r.contact_phone, r.description, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.organization_id, 13::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL
        UNION ALL
        SELECT 'org:' || o.organization_id, 13::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND NOT (n.organization_id IS NOT NULL AND 'org:' || o.organization_id = 'org:' || n.organization_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON station_gas_supply_sources REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_station_gas_supply_sources();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON station_gas_supply_sources REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_station_gas_supply_sources();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON station_gas_supply_sources REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_station_gas_supply_sources();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON station_gas_supply_sources FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON station_gas_supply_sources REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON station_gas_supply_sources REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON station_gas_supply_sources REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 13) IS DISTINCT FROM 'id organization_id created_at updated_at stamp station_id legacy_number position name supply_type product is_primary interval_days contact_phone description edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.station_id, r.legacy_number, r.position, r.name, r.supply_type, r.product, r.is_primary, r.interval_days, r.contact_phone, r.description, r.edits), 0) FROM station_gas_supply_sources r WHERE f.entity = 13 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp station_id legacy_number position name supply_type product is_primary interval_days contact_phone description edits' WHERE e.code = 13;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_station_equipment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.station_id) IS DISTINCT FROM (OLD.station_id) THEN
            RAISE EXCEPTION 'a key column of station_equipment never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.position IS NOT NULL OR NEW.edits ? 'position') AND coalesce((NEW.edits #>> '{position,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'position', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.position) IS DISTINCT FROM ROW(OLD.position) OR NEW.edits -> 'position' IS DISTINCT FROM OLD.edits -> 'position' THEN
        NEW.edits := feed_edit(NEW.edits, 'position', OLD.edits -> 'position', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.name IS NOT NULL OR NEW.edits ? 'name') AND coalesce((NEW.edits #>> '{name,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'name', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.name) IS DISTINCT FROM ROW(OLD.name) OR NEW.edits -> 'name' IS DISTINCT FROM OLD.edits -> 'name' THEN
        NEW.edits := feed_edit(NEW.edits, 'name', OLD.edits -> 'name', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.manufacturer IS NOT NULL OR NEW.edits ? 'manufacturer') AND coalesce((NEW.edits #>> '{manufacturer,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'manufacturer', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.manufacturer) IS DISTINCT FROM ROW(OLD.manufacturer) OR NEW.edits -> 'manufacturer' IS DISTINCT FROM OLD.edits -> 'manufacturer' THEN
        NEW.edits := feed_edit(NEW.edits, 'manufacturer', OLD.edits -> 'manufacturer', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.model IS NOT NULL OR NEW.edits ? 'model') AND coalesce((NEW.edits #>> '{model,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'model', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.model) IS DISTINCT FROM ROW(OLD.model) OR NEW.edits -> 'model' IS DISTINCT FROM OLD.edits -> 'model' THEN
        NEW.edits := feed_edit(NEW.edits, 'model', OLD.edits -> 'model', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.serial_number IS NOT NULL OR NEW.edits ? 'serial_number') AND coalesce((NEW.edits #>> '{serial_number,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'serial_number', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.serial_number) IS DISTINCT FROM ROW(OLD.serial_number) OR NEW.edits -> 'serial_number' IS DISTINCT FROM OLD.edits -> 'serial_number' THEN
        NEW.edits := feed_edit(NEW.edits, 'serial_number', OLD.edits -> 'serial_number', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.quantity IS NOT NULL OR NEW.edits ? 'quantity') AND coalesce((NEW.edits #>> '{quantity,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'quantity', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.quantity) IS DISTINCT FROM ROW(OLD.quantity) OR NEW.edits -> 'quantity' IS DISTINCT FROM OLD.edits -> 'quantity' THEN
        NEW.edits := feed_edit(NEW.edits, 'quantity', OLD.edits -> 'quantity', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.installed_on IS NOT NULL OR NEW.edits ? 'installed_on') AND coalesce((NEW.edits #>> '{installed_on,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'installed_on', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.installed_on) IS DISTINCT FROM ROW(OLD.installed_on) OR NEW.edits -> 'installed_on' IS DISTINCT FROM OLD.edits -> 'installed_on' THEN
        NEW.edits := feed_edit(NEW.edits, 'installed_on', OLD.edits -> 'installed_on', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.status IS NOT NULL OR NEW.edits ? 'status') AND coalesce((NEW.edits #>> '{status,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'status', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.status) IS DISTINCT FROM ROW(OLD.status) OR NEW.edits -> 'status' IS DISTINCT FROM OLD.edits -> 'status' THEN
        NEW.edits := feed_edit(NEW.edits, 'status', OLD.edits -> 'status', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.note IS NOT NULL OR NEW.edits ? 'note') AND coalesce((NEW.edits #>> '{note,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'note', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.note) IS DISTINCT FROM ROW(OLD.note) OR NEW.edits -> 'note' IS DISTINCT FROM OLD.edits -> 'note' THEN
        NEW.edits := feed_edit(NEW.edits, 'note', OLD.edits -> 'note', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON station_equipment FOR EACH ROW EXECUTE FUNCTION before_station_equipment();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON station_equipment FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_station_equipment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, feed_hash('station_equipment', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.station_id, r.legacy_number, r.position, r.name, r.manufacturer, r.model, r.serial_number, r.quantity, r.installed_on, r.status, r.note, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.organization_id, 14::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || o.organization_id, 14::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, feed_hash('station_equipment', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.station_id, r.legacy_number, r.position, r.name, r.manufacturer, r.model, r.serial_number, r.quantity, r.installed_on, r.status, r.note, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.organization_id, 14::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL
        UNION ALL
        SELECT 'org:' || o.organization_id, 14::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND NOT (n.organization_id IS NOT NULL AND 'org:' || o.organization_id = 'org:' || n.organization_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON station_equipment REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_station_equipment();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON station_equipment REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_station_equipment();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON station_equipment REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_station_equipment();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON station_equipment FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON station_equipment REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON station_equipment REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON station_equipment REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 14) IS DISTINCT FROM 'id organization_id created_at updated_at stamp station_id legacy_number position name manufacturer model serial_number quantity installed_on status note edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.station_id, r.legacy_number, r.position, r.name, r.manufacturer, r.model, r.serial_number, r.quantity, r.installed_on, r.status, r.note, r.edits), 0) FROM station_equipment r WHERE f.entity = 14 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp station_id legacy_number position name manufacturer model serial_number quantity installed_on status note edits' WHERE e.code = 14;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_station_specifications() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.station_id) IS DISTINCT FROM (OLD.station_id) THEN
            RAISE EXCEPTION 'a key column of station_specifications never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.position IS NOT NULL OR NEW.edits ? 'position') AND coalesce((NEW.edits #>> '{position,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'position', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.position) IS DISTINCT FROM ROW(OLD.position) OR NEW.edits -> 'position' IS DISTINCT FROM OLD.edits -> 'position' THEN
        NEW.edits := feed_edit(NEW.edits, 'position', OLD.edits -> 'position', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.name IS NOT NULL OR NEW.edits ? 'name') AND coalesce((NEW.edits #>> '{name,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'name', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.name) IS DISTINCT FROM ROW(OLD.name) OR NEW.edits -> 'name' IS DISTINCT FROM OLD.edits -> 'name' THEN
        NEW.edits := feed_edit(NEW.edits, 'name', OLD.edits -> 'name', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.value IS NOT NULL OR NEW.unit IS NOT NULL OR NEW.edits ? 'figure') AND coalesce((NEW.edits #>> '{figure,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'figure', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.value, NEW.unit) IS DISTINCT FROM ROW(OLD.value, OLD.unit) OR NEW.edits -> 'figure' IS DISTINCT FROM OLD.edits -> 'figure' THEN
        NEW.edits := feed_edit(NEW.edits, 'figure', OLD.edits -> 'figure', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON station_specifications FOR EACH ROW EXECUTE FUNCTION before_station_specifications();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON station_specifications FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_station_specifications() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, feed_hash('station_specifications', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.station_id, r.legacy_number, r.position, r.name, r.value, r.unit, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.organization_id, 15::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || o.organization_id, 15::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, feed_hash('station_specifications', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.station_id, r.legacy_number, r.position, r.name, r.value, r.unit, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.organization_id, 15::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL
        UNION ALL
        SELECT 'org:' || o.organization_id, 15::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND NOT (n.organization_id IS NOT NULL AND 'org:' || o.organization_id = 'org:' || n.organization_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON station_specifications REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_station_specifications();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON station_specifications REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_station_specifications();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON station_specifications REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_station_specifications();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON station_specifications FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON station_specifications REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON station_specifications REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON station_specifications REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 15) IS DISTINCT FROM 'id organization_id created_at updated_at stamp station_id legacy_number position name value unit edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.station_id, r.legacy_number, r.position, r.name, r.value, r.unit, r.edits), 0) FROM station_specifications r WHERE f.entity = 15 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp station_id legacy_number position name value unit edits' WHERE e.code = 15;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_station_safety_systems() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.station_id) IS DISTINCT FROM (OLD.station_id) THEN
            RAISE EXCEPTION 'a key column of station_safety_systems never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.position IS NOT NULL OR NEW.edits ? 'position') AND coalesce((NEW.edits #>> '{position,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'position', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.position) IS DISTINCT FROM ROW(OLD.position) OR NEW.edits -> 'position' IS DISTINCT FROM OLD.edits -> 'position' THEN
        NEW.edits := feed_edit(NEW.edits, 'position', OLD.edits -> 'position', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.name IS NOT NULL OR NEW.edits ? 'name') AND coalesce((NEW.edits #>> '{name,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'name', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.name) IS DISTINCT FROM ROW(OLD.name) OR NEW.edits -> 'name' IS DISTINCT FROM OLD.edits -> 'name' THEN
        NEW.edits := feed_edit(NEW.edits, 'name', OLD.edits -> 'name', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.kind IS NOT NULL OR NEW.edits ? 'kind') AND coalesce((NEW.edits #>> '{kind,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'kind', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.kind) IS DISTINCT FROM ROW(OLD.kind) OR NEW.edits -> 'kind' IS DISTINCT FROM OLD.edits -> 'kind' THEN
        NEW.edits := feed_edit(NEW.edits, 'kind', OLD.edits -> 'kind', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.description IS NOT NULL OR NEW.edits ? 'description') AND coalesce((NEW.edits #>> '{description,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'description', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.description) IS DISTINCT FROM ROW(OLD.description) OR NEW.edits -> 'description' IS DISTINCT FROM OLD.edits -> 'description' THEN
        NEW.edits := feed_edit(NEW.edits, 'description', OLD.edits -> 'description', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON station_safety_systems FOR EACH ROW EXECUTE FUNCTION before_station_safety_systems();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON station_safety_systems FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_station_safety_systems() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, feed_hash('station_safety_systems', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.station_id, r.legacy_number, r.position, r.name, r.kind, r.description, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.organization_id, 16::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || o.organization_id, 16::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, feed_hash('station_safety_systems', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.station_id, r.legacy_number, r.position, r.name, r.kind, r.description, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.organization_id, 16::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL
        UNION ALL
        SELECT 'org:' || o.organization_id, 16::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND NOT (n.organization_id IS NOT NULL AND 'org:' || o.organization_id = 'org:' || n.organization_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON station_safety_systems REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_station_safety_systems();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON station_safety_systems REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_station_safety_systems();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON station_safety_systems REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_station_safety_systems();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON station_safety_systems FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON station_safety_systems REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON station_safety_systems REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON station_safety_systems REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 16) IS DISTINCT FROM 'id organization_id created_at updated_at stamp station_id legacy_number position name kind description edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.station_id, r.legacy_number, r.position, r.name, r.kind, r.description, r.edits), 0) FROM station_safety_systems r WHERE f.entity = 16 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp station_id legacy_number position name kind description edits' WHERE e.code = 16;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_station_safety_system_features() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.safety_system_id) IS DISTINCT FROM (OLD.safety_system_id) THEN
            RAISE EXCEPTION 'a key column of station_safety_system_features never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.position IS NOT NULL OR NEW.edits ? 'position') AND coalesce((NEW.edits #>> '{position,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'position', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.position) IS DISTINCT FROM ROW(OLD.position) OR NEW.edits -> 'position' IS DISTINCT FROM OLD.edits -> 'position' THEN
        NEW.edits := feed_edit(NEW.edits, 'position', OLD.edits -> 'position', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.text IS NOT NULL OR NEW.edits ? 'text') AND coalesce((NEW.edits #>> '{text,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'text', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.text) IS DISTINCT FROM ROW(OLD.text) OR NEW.edits -> 'text' IS DISTINCT FROM OLD.edits -> 'text' THEN
        NEW.edits := feed_edit(NEW.edits, 'text', OLD.edits -> 'text', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON station_safety_system_features FOR EACH ROW EXECUTE FUNCTION before_station_safety_system_features();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON station_safety_system_features FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_station_safety_system_features() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, feed_hash('station_safety_system_features', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.safety_system_id, r.legacy_number, r.position, r.text, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.organization_id, 17::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || o.organization_id, 17::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, feed_hash('station_safety_system_features', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.safety_system_id, r.legacy_number, r.position, r.text, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.organization_id, 17::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL
        UNION ALL
        SELECT 'org:' || o.organization_id, 17::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND NOT (n.organization_id IS NOT NULL AND 'org:' || o.organization_id = 'org:' || n.organization_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON station_safety_system_features REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_station_safety_system_features();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON station_safety_system_features REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_station_safety_system_features();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON station_safety_system_features REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_station_safety_system_features();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON station_safety_system_features FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON station_safety_system_features REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON station_safety_system_features REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON station_safety_system_features REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 17) IS DISTINCT FROM 'id organization_id created_at updated_at stamp safety_system_id legacy_number position text edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.safety_system_id, r.legacy_number, r.position, r.text, r.edits), 0) FROM station_safety_system_features r WHERE f.entity = 17 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp safety_system_id legacy_number position text edits' WHERE e.code = 17;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_departments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.name IS NOT NULL OR NEW.edits ? 'name') AND coalesce((NEW.edits #>> '{name,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'name', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.name) IS DISTINCT FROM ROW(OLD.name) OR NEW.edits -> 'name' IS DISTINCT FROM OLD.edits -> 'name' THEN
        NEW.edits := feed_edit(NEW.edits, 'name', OLD.edits -> 'name', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.code IS NOT NULL OR NEW.edits ? 'code') AND coalesce((NEW.edits #>> '{code,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'code', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.code) IS DISTINCT FROM ROW(OLD.code) OR NEW.edits -> 'code' IS DISTINCT FROM OLD.edits -> 'code' THEN
        NEW.edits := feed_edit(NEW.edits, 'code', OLD.edits -> 'code', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.description IS NOT NULL OR NEW.edits ? 'description') AND coalesce((NEW.edits #>> '{description,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'description', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.description) IS DISTINCT FROM ROW(OLD.description) OR NEW.edits -> 'description' IS DISTINCT FROM OLD.edits -> 'description' THEN
        NEW.edits := feed_edit(NEW.edits, 'description', OLD.edits -> 'description', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.manager_id IS NOT NULL OR NEW.edits ? 'manager_id') AND coalesce((NEW.edits #>> '{manager_id,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'manager_id', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.manager_id) IS DISTINCT FROM ROW(OLD.manager_id) OR NEW.edits -> 'manager_id' IS DISTINCT FROM OLD.edits -> 'manager_id' THEN
        NEW.edits := feed_edit(NEW.edits, 'manager_id', OLD.edits -> 'manager_id', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.is_active IS NOT NULL OR NEW.edits ? 'is_active') AND coalesce((NEW.edits #>> '{is_active,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'is_active', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.is_active) IS DISTINCT FROM ROW(OLD.is_active) OR NEW.edits -> 'is_active' IS DISTINCT FROM OLD.edits -> 'is_active' THEN
        NEW.edits := feed_edit(NEW.edits, 'is_active', OLD.edits -> 'is_active', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON departments FOR EACH ROW EXECUTE FUNCTION before_departments();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON departments FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_departments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, feed_hash('departments', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.name, r.code, r.description, r.manager_id, r.is_active, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.organization_id, 40::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || o.organization_id, 40::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, feed_hash('departments', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.name, r.code, r.description, r.manager_id, r.is_active, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.organization_id, 40::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL
        UNION ALL
        SELECT 'org:' || o.organization_id, 40::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND NOT (n.organization_id IS NOT NULL AND 'org:' || o.organization_id = 'org:' || n.organization_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON departments REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_departments();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON departments REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_departments();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON departments REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_departments();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON departments FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON departments REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON departments REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON departments REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 40) IS DISTINCT FROM 'id organization_id created_at updated_at stamp name code description manager_id is_active edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.name, r.code, r.description, r.manager_id, r.is_active, r.edits), 0) FROM departments r WHERE f.entity = 40 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp name code description manager_id is_active edits' WHERE e.code = 40;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_users() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.deleted_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.deleted_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.deleted_at + interval '500 microseconds') THEN OLD.deleted_at ELSE date_trunc('milliseconds', NEW.deleted_at + interval '500 microseconds') END;
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.user_name IS NOT NULL OR NEW.edits ? 'user_name') AND coalesce((NEW.edits #>> '{user_name,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'user_name', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.user_name) IS DISTINCT FROM ROW(OLD.user_name) OR NEW.edits -> 'user_name' IS DISTINCT FROM OLD.edits -> 'user_name' THEN
        NEW.edits := feed_edit(NEW.edits, 'user_name', OLD.edits -> 'user_name', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.email IS NOT NULL OR NEW.edits ? 'email') AND coalesce((NEW.edits #>> '{email,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'email', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.email) IS DISTINCT FROM ROW(OLD.email) OR NEW.edits -> 'email' IS DISTINCT FROM OLD.edits -> 'email' THEN
        NEW.edits := feed_edit(NEW.edits, 'email', OLD.edits -> 'email', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.first_name IS NOT NULL OR NEW.edits ? 'first_name') AND coalesce((NEW.edits #>> '{first_name,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'first_name', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.first_name) IS DISTINCT FROM ROW(OLD.first_name) OR NEW.edits -> 'first_name' IS DISTINCT FROM OLD.edits -> 'first_name' THEN
        NEW.edits := feed_edit(NEW.edits, 'first_name', OLD.edits -> 'first_name', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.last_name IS NOT NULL OR NEW.edits ? 'last_name') AND coalesce((NEW.edits #>> '{last_name,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'last_name', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.last_name) IS DISTINCT FROM ROW(OLD.last_name) OR NEW.edits -> 'last_name' IS DISTINCT FROM OLD.edits -> 'last_name' THEN
        NEW.edits := feed_edit(NEW.edits, 'last_name', OLD.edits -> 'last_name', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.full_name IS NOT NULL OR NEW.edits ? 'full_name') AND coalesce((NEW.edits #>> '{full_name,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'full_name', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.full_name) IS DISTINCT FROM ROW(OLD.full_name) OR NEW.edits -> 'full_name' IS DISTINCT FROM OLD.edits -> 'full_name' THEN
        NEW.edits := feed_edit(NEW.edits, 'full_name', OLD.edits -> 'full_name', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.phone IS NOT NULL OR NEW.edits ? 'phone') AND coalesce((NEW.edits #>> '{phone,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'phone', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.phone) IS DISTINCT FROM ROW(OLD.phone) OR NEW.edits -> 'phone' IS DISTINCT FROM OLD.edits -> 'phone' THEN
        NEW.edits := feed_edit(NEW.edits, 'phone', OLD.edits -> 'phone', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.address IS NOT NULL OR NEW.edits ? 'address') AND coalesce((NEW.edits #>> '{address,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'address', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.address) IS DISTINCT FROM ROW(OLD.address) OR NEW.edits -> 'address' IS DISTINCT FROM OLD.edits -> 'address' THEN
        NEW.edits := feed_edit(NEW.edits, 'address', OLD.edits -> 'address', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.role IS NOT NULL OR NEW.edits ? 'role') AND coalesce((NEW.edits #>> '{role,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'role', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.role) IS DISTINCT FROM ROW(OLD.role) OR NEW.edits -> 'role' IS DISTINCT FROM OLD.edits -> 'role' THEN
        NEW.edits := feed_edit(NEW.edits, 'role', OLD.edits -> 'role', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.status IS NOT NULL OR NEW.edits ? 'status') AND coalesce((NEW.edits #>> '{status,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'status', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.status) IS DISTINCT FROM ROW(OLD.status) OR NEW.edits -> 'status' IS DISTINCT FROM OLD.edits -> 'status' THEN
        NEW.edits := feed_edit(NEW.edits, 'status', OLD.edits -> 'status', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.employee_id IS NOT NULL OR NEW.edits ? 'employee_id') AND coalesce((NEW.edits #>> '{employee_id,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'employee_id', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.employee_id) IS DISTINCT FROM ROW(OLD.employee_id) OR NEW.edits -> 'employee_id' IS DISTINCT FROM OLD.edits -> 'employee_id' THEN
        NEW.edits := feed_edit(NEW.edits, 'employee_id', OLD.edits -> 'employee_id', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.department_id IS NOT NULL OR NEW.edits ? 'department_id') AND coalesce((NEW.edits #>> '{department_id,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'department_id', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.department_id) IS DISTINCT FROM ROW(OLD.department_id) OR NEW.edits -> 'department_id' IS DISTINCT FROM OLD.edits -> 'department_id' THEN
        NEW.edits := feed_edit(NEW.edits, 'department_id', OLD.edits -> 'department_id', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.position IS NOT NULL OR NEW.edits ? 'position') AND coalesce((NEW.edits #>> '{position,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'position', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.position) IS DISTINCT FROM ROW(OLD.position) OR NEW.edits -> 'position' IS DISTINCT FROM OLD.edits -> 'position' THEN
        NEW.edits := feed_edit(NEW.edits, 'position', OLD.edits -> 'position', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.station_id IS NOT NULL OR NEW.edits ? 'station_id') AND coalesce((NEW.edits #>> '{station_id,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'station_id', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.station_id) IS DISTINCT FROM ROW(OLD.station_id) OR NEW.edits -> 'station_id' IS DISTINCT FROM OLD.edits -> 'station_id' THEN
        NEW.edits := feed_edit(NEW.edits, 'station_id', OLD.edits -> 'station_id', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.deleted_at IS NOT NULL OR NEW.edits ? 'deleted_at') AND coalesce((NEW.edits #>> '{deleted_at,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'deleted_at', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.deleted_at) IS DISTINCT FROM ROW(OLD.deleted_at) OR NEW.edits -> 'deleted_at' IS DISTINCT FROM OLD.edits -> 'deleted_at' THEN
        NEW.edits := feed_edit(NEW.edits, 'deleted_at', OLD.edits -> 'deleted_at', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON users FOR EACH ROW EXECUTE FUNCTION before_users();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON users FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_users() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, feed_hash('users', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_name, r.email, r.first_name, r.last_name, r.full_name, r.phone, r.address, r.role, r.status, r.employee_id, r.department_id, r.position, r.station_id, r.email_verified, r.deleted_at, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'people:' || n.organization_id, 2::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL
        UNION ALL
        SELECT 'user:' || n.id, 2::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.id IS NOT NULL
        UNION ALL
        SELECT DISTINCT 'access:' || r.id, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM new_rows r WHERE r.id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'people:' || o.organization_id, 2::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL
        UNION ALL
        SELECT 'user:' || o.id, 2::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.id IS NOT NULL
        UNION ALL
        SELECT DISTINCT 'access:' || r.id, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM old_rows r WHERE r.id IS NOT NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, feed_hash('users', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_name, r.email, r.first_name, r.last_name, r.full_name, r.phone, r.address, r.role, r.status, r.employee_id, r.department_id, r.position, r.station_id, r.email_verified, r.deleted_at, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'people:' || n.organization_id, 2::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || o.organization_id, 2::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND NOT (n.organization_id IS NOT NULL AND 'people:' || o.organization_id = 'people:' || n.organization_id)
        UNION ALL
        SELECT 'user:' || n.id, 2::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.id IS NOT NULL
        UNION ALL
        SELECT 'user:' || o.id, 2::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.id IS NOT NULL AND NOT (n.id IS NOT NULL AND 'user:' || o.id = 'user:' || n.id)
        UNION ALL
        SELECT DISTINCT 'access:' || r.id, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM old_rows r WHERE r.id IS NOT NULL
        UNION ALL
        SELECT DISTINCT 'access:' || r.id, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM new_rows r WHERE r.id IS NOT NULL;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON users REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_users();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON users REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_users();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON users REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_users();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON users FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON users REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON users REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON users REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 2) IS DISTINCT FROM 'id organization_id created_at updated_at stamp user_name email first_name last_name full_name phone address role status employee_id department_id position station_id email_verified deleted_at edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_name, r.email, r.first_name, r.last_name, r.full_name, r.phone, r.address, r.role, r.status, r.employee_id, r.department_id, r.position, r.station_id, r.email_verified, r.deleted_at, r.edits), 0) FROM users r WHERE f.entity = 2 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp user_name email first_name last_name full_name phone address role status employee_id department_id position station_id email_verified deleted_at edits' WHERE e.code = 2;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_staff_cards() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.id := uuid_generate_v5('6f2f98a1-0c5e-5b1c-9d0a-7c6179737461', 'staff_cards:' || coalesce(NEW.user_id::text, '-'));
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.user_id) IS DISTINCT FROM (OLD.user_id) THEN
            RAISE EXCEPTION 'a key column of staff_cards never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON staff_cards FOR EACH ROW EXECUTE FUNCTION before_staff_cards();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON staff_cards FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_staff_cards() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, feed_hash('staff_cards', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.full_name, r.role, r.position, r.department_id, r.station_id, r.is_active), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.organization_id, 3::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || o.organization_id, 3::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, feed_hash('staff_cards', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.full_name, r.role, r.position, r.department_id, r.station_id, r.is_active), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.organization_id, 3::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL
        UNION ALL
        SELECT 'org:' || o.organization_id, 3::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND NOT (n.organization_id IS NOT NULL AND 'org:' || o.organization_id = 'org:' || n.organization_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON staff_cards REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_staff_cards();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON staff_cards REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_staff_cards();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON staff_cards REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_staff_cards();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON staff_cards FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON staff_cards REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON staff_cards REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON staff_cards REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 3) IS DISTINCT FROM 'id organization_id created_at updated_at stamp user_id full_name role position department_id station_id is_active' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.full_name, r.role, r.position, r.department_id, r.station_id, r.is_active), 0) FROM staff_cards r WHERE f.entity = 3 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp user_id full_name role position department_id station_id is_active' WHERE e.code = 3;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_user_profiles() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.id := uuid_generate_v5('6f2f98a1-0c5e-5b1c-9d0a-7c6179737461', 'user_profiles:' || coalesce(NEW.user_id::text, '-'));
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.user_id) IS DISTINCT FROM (OLD.user_id) THEN
            RAISE EXCEPTION 'a key column of user_profiles never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.avatar_url IS NOT NULL OR NEW.edits ? 'avatar_url') AND coalesce((NEW.edits #>> '{avatar_url,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'avatar_url', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.avatar_url) IS DISTINCT FROM ROW(OLD.avatar_url) OR NEW.edits -> 'avatar_url' IS DISTINCT FROM OLD.edits -> 'avatar_url' THEN
        NEW.edits := feed_edit(NEW.edits, 'avatar_url', OLD.edits -> 'avatar_url', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.phone IS NOT NULL OR NEW.edits ? 'phone') AND coalesce((NEW.edits #>> '{phone,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'phone', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.phone) IS DISTINCT FROM ROW(OLD.phone) OR NEW.edits -> 'phone' IS DISTINCT FROM OLD.edits -> 'phone' THEN
        NEW.edits := feed_edit(NEW.edits, 'phone', OLD.edits -> 'phone', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.company IS NOT NULL OR NEW.edits ? 'company') AND coalesce((NEW.edits #>> '{company,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'company', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.company) IS DISTINCT FROM ROW(OLD.company) OR NEW.edits -> 'company' IS DISTINCT FROM OLD.edits -> 'company' THEN
        NEW.edits := feed_edit(NEW.edits, 'company', OLD.edits -> 'company', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.position IS NOT NULL OR NEW.edits ? 'position') AND coalesce((NEW.edits #>> '{position,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'position', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.position) IS DISTINCT FROM ROW(OLD.position) OR NEW.edits -> 'position' IS DISTINCT FROM OLD.edits -> 'position' THEN
        NEW.edits := feed_edit(NEW.edits, 'position', OLD.edits -> 'position', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.location IS NOT NULL OR NEW.edits ? 'location') AND coalesce((NEW.edits #>> '{location,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'location', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.location) IS DISTINCT FROM ROW(OLD.location) OR NEW.edits -> 'location' IS DISTINCT FROM OLD.edits -> 'location' THEN
        NEW.edits := feed_edit(NEW.edits, 'location', OLD.edits -> 'location', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.website IS NOT NULL OR NEW.edits ? 'website') AND coalesce((NEW.edits #>> '{website,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'website', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.website) IS DISTINCT FROM ROW(OLD.website) OR NEW.edits -> 'website' IS DISTINCT FROM OLD.edits -> 'website' THEN
        NEW.edits := feed_edit(NEW.edits, 'website', OLD.edits -> 'website', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.bio IS NOT NULL OR NEW.edits ? 'bio') AND coalesce((NEW.edits #>> '{bio,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'bio', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.bio) IS DISTINCT FROM ROW(OLD.bio) OR NEW.edits -> 'bio' IS DISTINCT FROM OLD.edits -> 'bio' THEN
        NEW.edits := feed_edit(NEW.edits, 'bio', OLD.edits -> 'bio', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.language IS NOT NULL OR NEW.edits ? 'language') AND coalesce((NEW.edits #>> '{language,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'language', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.language) IS DISTINCT FROM ROW(OLD.language) OR NEW.edits -> 'language' IS DISTINCT FROM OLD.edits -> 'language' THEN
        NEW.edits := feed_edit(NEW.edits, 'language', OLD.edits -> 'language', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.notify_by_email IS NOT NULL OR NEW.edits ? 'notify_by_email') AND coalesce((NEW.edits #>> '{notify_by_email,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'notify_by_email', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.notify_by_email) IS DISTINCT FROM ROW(OLD.notify_by_email) OR NEW.edits -> 'notify_by_email' IS DISTINCT FROM OLD.edits -> 'notify_by_email' THEN
        NEW.edits := feed_edit(NEW.edits, 'notify_by_email', OLD.edits -> 'notify_by_email', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.notify_about_courses IS NOT NULL OR NEW.edits ? 'notify_about_courses') AND coalesce((NEW.edits #>> '{notify_about_courses,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'notify_about_courses', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.notify_about_courses) IS DISTINCT FROM ROW(OLD.notify_about_courses) OR NEW.edits -> 'notify_about_courses' IS DISTINCT FROM OLD.edits -> 'notify_about_courses' THEN
        NEW.edits := feed_edit(NEW.edits, 'notify_about_courses', OLD.edits -> 'notify_about_courses', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.notify_about_results IS NOT NULL OR NEW.edits ? 'notify_about_results') AND coalesce((NEW.edits #>> '{notify_about_results,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'notify_about_results', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.notify_about_results) IS DISTINCT FROM ROW(OLD.notify_about_results) OR NEW.edits -> 'notify_about_results' IS DISTINCT FROM OLD.edits -> 'notify_about_results' THEN
        NEW.edits := feed_edit(NEW.edits, 'notify_about_results', OLD.edits -> 'notify_about_results', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.notify_about_deadlines IS NOT NULL OR NEW.edits ? 'notify_about_deadlines') AND coalesce((NEW.edits #>> '{notify_about_deadlines,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'notify_about_deadlines', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.notify_about_deadlines) IS DISTINCT FROM ROW(OLD.notify_about_deadlines) OR NEW.edits -> 'notify_about_deadlines' IS DISTINCT FROM OLD.edits -> 'notify_about_deadlines' THEN
        NEW.edits := feed_edit(NEW.edits, 'notify_about_deadlines', OLD.edits -> 'notify_about_deadlines', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON user_profiles FOR EACH ROW EXECUTE FUNCTION before_user_profiles();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON user_profiles FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_user_profiles() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, r.user_id, feed_hash('user_profiles', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.avatar_url, r.phone, r.company, r.position, r.location, r.website, r.bio, r.language, r.notify_by_email, r.notify_about_courses, r.notify_about_results, r.notify_about_deadlines, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'user:' || n.user_id, 4::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.user_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || n.organization_id, 4::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'user:' || o.user_id, 4::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.user_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || o.organization_id, 4::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, r.user_id, feed_hash('user_profiles', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.avatar_url, r.phone, r.company, r.position, r.location, r.website, r.bio, r.language, r.notify_by_email, r.notify_about_courses, r.notify_about_results, r.notify_about_deadlines, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'user:' || n.user_id, 4::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.user_id IS NOT NULL
        UNION ALL
        SELECT 'user:' || o.user_id, 4::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.user_id IS NOT NULL AND NOT (n.user_id IS NOT NULL AND 'user:' || o.user_id = 'user:' || n.user_id)
        UNION ALL
        SELECT 'people:' || n.organization_id, 4::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || o.organization_id, 4::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND NOT (n.organization_id IS NOT NULL AND 'people:' || o.organization_id = 'people:' || n.organization_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON user_profiles REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_user_profiles();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON user_profiles REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_user_profiles();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON user_profiles REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_user_profiles();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON user_profiles FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON user_profiles REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON user_profiles REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON user_profiles REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 4) IS DISTINCT FROM 'id organization_id created_at updated_at stamp user_id avatar_url phone company position location website bio language notify_by_email notify_about_courses notify_about_results notify_about_deadlines edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.avatar_url, r.phone, r.company, r.position, r.location, r.website, r.bio, r.language, r.notify_by_email, r.notify_about_courses, r.notify_about_results, r.notify_about_deadlines, r.edits), 0) FROM user_profiles r WHERE f.entity = 4 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp user_id avatar_url phone company position location website bio language notify_by_email notify_about_courses notify_about_results notify_about_deadlines edits' WHERE e.code = 4;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_student_profiles() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.deleted_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.deleted_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.deleted_at + interval '500 microseconds') THEN OLD.deleted_at ELSE date_trunc('milliseconds', NEW.deleted_at + interval '500 microseconds') END;
    IF TG_OP = 'INSERT' THEN
        NEW.id := uuid_generate_v5('6f2f98a1-0c5e-5b1c-9d0a-7c6179737461', 'student_profiles:' || coalesce(NEW.user_id::text, '-'));
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.user_id) IS DISTINCT FROM (OLD.user_id) THEN
            RAISE EXCEPTION 'a key column of student_profiles never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.grade IS NOT NULL OR NEW.edits ? 'grade') AND coalesce((NEW.edits #>> '{grade,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'grade', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.grade) IS DISTINCT FROM ROW(OLD.grade) OR NEW.edits -> 'grade' IS DISTINCT FROM OLD.edits -> 'grade' THEN
        NEW.edits := feed_edit(NEW.edits, 'grade', OLD.edits -> 'grade', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.balance_minor IS NOT NULL OR NEW.currency IS NOT NULL OR NEW.edits ? 'balance') AND coalesce((NEW.edits #>> '{balance,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'balance', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.balance_minor, NEW.currency) IS DISTINCT FROM ROW(OLD.balance_minor, OLD.currency) OR NEW.edits -> 'balance' IS DISTINCT FROM OLD.edits -> 'balance' THEN
        NEW.edits := feed_edit(NEW.edits, 'balance', OLD.edits -> 'balance', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.deleted_at IS NOT NULL OR NEW.edits ? 'deleted_at') AND coalesce((NEW.edits #>> '{deleted_at,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'deleted_at', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.deleted_at) IS DISTINCT FROM ROW(OLD.deleted_at) OR NEW.edits -> 'deleted_at' IS DISTINCT FROM OLD.edits -> 'deleted_at' THEN
        NEW.edits := feed_edit(NEW.edits, 'deleted_at', OLD.edits -> 'deleted_at', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON student_profiles FOR EACH ROW EXECUTE FUNCTION before_student_profiles();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON student_profiles FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_student_profiles() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, r.user_id, feed_hash('student_profiles', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.grade, r.balance_minor, r.currency, r.deleted_at, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'user:' || n.user_id, 5::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.user_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || n.organization_id, 5::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL
        UNION ALL
        SELECT 'learner:' || n.user_id, 5::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.user_id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'user:' || o.user_id, 5::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.user_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || o.organization_id, 5::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL
        UNION ALL
        SELECT 'learner:' || o.user_id, 5::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.user_id IS NOT NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, r.user_id, feed_hash('student_profiles', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.grade, r.balance_minor, r.currency, r.deleted_at, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'user:' || n.user_id, 5::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.user_id IS NOT NULL
        UNION ALL
        SELECT 'user:' || o.user_id, 5::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.user_id IS NOT NULL AND NOT (n.user_id IS NOT NULL AND 'user:' || o.user_id = 'user:' || n.user_id)
        UNION ALL
        SELECT 'people:' || n.organization_id, 5::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || o.organization_id, 5::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND NOT (n.organization_id IS NOT NULL AND 'people:' || o.organization_id = 'people:' || n.organization_id)
        UNION ALL
        SELECT 'learner:' || n.user_id, 5::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.user_id IS NOT NULL
        UNION ALL
        SELECT 'learner:' || o.user_id, 5::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.user_id IS NOT NULL AND NOT (n.user_id IS NOT NULL AND 'learner:' || o.user_id = 'learner:' || n.user_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON student_profiles REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_student_profiles();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON student_profiles REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_student_profiles();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON student_profiles REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_student_profiles();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON student_profiles FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON student_profiles REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON student_profiles REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON student_profiles REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 5) IS DISTINCT FROM 'id organization_id created_at updated_at stamp user_id grade balance_minor currency deleted_at edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.grade, r.balance_minor, r.currency, r.deleted_at, r.edits), 0) FROM student_profiles r WHERE f.entity = 5 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp user_id grade balance_minor currency deleted_at edits' WHERE e.code = 5;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_student_notes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.id := uuid_generate_v5('6f2f98a1-0c5e-5b1c-9d0a-7c6179737461', 'student_notes:' || coalesce(NEW.user_id::text, '-'));
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.user_id) IS DISTINCT FROM (OLD.user_id) THEN
            RAISE EXCEPTION 'a key column of student_notes never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.notes IS NOT NULL OR NEW.edits ? 'notes') AND coalesce((NEW.edits #>> '{notes,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'notes', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.notes) IS DISTINCT FROM ROW(OLD.notes) OR NEW.edits -> 'notes' IS DISTINCT FROM OLD.edits -> 'notes' THEN
        NEW.edits := feed_edit(NEW.edits, 'notes', OLD.edits -> 'notes', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON student_notes FOR EACH ROW EXECUTE FUNCTION before_student_notes();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON student_notes FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_student_notes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, feed_hash('student_notes', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.notes, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'people:' || n.organization_id, 35::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'people:' || o.organization_id, 35::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, feed_hash('student_notes', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.notes, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'people:' || n.organization_id, 35::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || o.organization_id, 35::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND NOT (n.organization_id IS NOT NULL AND 'people:' || o.organization_id = 'people:' || n.organization_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON student_notes REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_student_notes();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON student_notes REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_student_notes();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON student_notes REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_student_notes();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON student_notes FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON student_notes REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON student_notes REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON student_notes REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 35) IS DISTINCT FROM 'id organization_id created_at updated_at stamp user_id notes edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.notes, r.edits), 0) FROM student_notes r WHERE f.entity = 35 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp user_id notes edits' WHERE e.code = 35;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_parent_profiles() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.deleted_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.deleted_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.deleted_at + interval '500 microseconds') THEN OLD.deleted_at ELSE date_trunc('milliseconds', NEW.deleted_at + interval '500 microseconds') END;
    IF TG_OP = 'INSERT' THEN
        NEW.id := uuid_generate_v5('6f2f98a1-0c5e-5b1c-9d0a-7c6179737461', 'parent_profiles:' || coalesce(NEW.user_id::text, '-'));
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.user_id) IS DISTINCT FROM (OLD.user_id) THEN
            RAISE EXCEPTION 'a key column of parent_profiles never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.deleted_at IS NOT NULL OR NEW.edits ? 'deleted_at') AND coalesce((NEW.edits #>> '{deleted_at,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'deleted_at', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.deleted_at) IS DISTINCT FROM ROW(OLD.deleted_at) OR NEW.edits -> 'deleted_at' IS DISTINCT FROM OLD.edits -> 'deleted_at' THEN
        NEW.edits := feed_edit(NEW.edits, 'deleted_at', OLD.edits -> 'deleted_at', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON parent_profiles FOR EACH ROW EXECUTE FUNCTION before_parent_profiles();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON parent_profiles FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_parent_profiles() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, r.user_id, feed_hash('parent_profiles', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.deleted_at, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'user:' || n.user_id, 6::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.user_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || n.organization_id, 6::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'user:' || o.user_id, 6::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.user_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || o.organization_id, 6::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, r.user_id, feed_hash('parent_profiles', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.deleted_at, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'user:' || n.user_id, 6::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.user_id IS NOT NULL
        UNION ALL
        SELECT 'user:' || o.user_id, 6::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.user_id IS NOT NULL AND NOT (n.user_id IS NOT NULL AND 'user:' || o.user_id = 'user:' || n.user_id)
        UNION ALL
        SELECT 'people:' || n.organization_id, 6::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || o.organization_id, 6::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND NOT (n.organization_id IS NOT NULL AND 'people:' || o.organization_id = 'people:' || n.organization_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON parent_profiles REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_parent_profiles();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON parent_profiles REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_parent_profiles();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON parent_profiles REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_parent_profiles();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON parent_profiles FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON parent_profiles REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON parent_profiles REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON parent_profiles REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 6) IS DISTINCT FROM 'id organization_id created_at updated_at stamp user_id deleted_at edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.deleted_at, r.edits), 0) FROM parent_profiles r WHERE f.entity = 6 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp user_id deleted_at edits' WHERE e.code = 6;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_teacher_profiles() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.id := uuid_generate_v5('6f2f98a1-0c5e-5b1c-9d0a-7c6179737461', 'teacher_profiles:' || coalesce(NEW.user_id::text, '-'));
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.user_id) IS DISTINCT FROM (OLD.user_id) THEN
            RAISE EXCEPTION 'a key column of teacher_profiles never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.display_title IS NOT NULL OR NEW.edits ? 'display_title') AND coalesce((NEW.edits #>> '{display_title,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'display_title', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.display_title) IS DISTINCT FROM ROW(OLD.display_title) OR NEW.edits -> 'display_title' IS DISTINCT FROM OLD.edits -> 'display_title' THEN
        NEW.edits := feed_edit(NEW.edits, 'display_title', OLD.edits -> 'display_title', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.expertise IS NOT NULL OR NEW.edits ? 'expertise') AND coalesce((NEW.edits #>> '{expertise,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'expertise', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.expertise) IS DISTINCT FROM ROW(OLD.expertise) OR NEW.edits -> 'expertise' IS DISTINCT FROM OLD.edits -> 'expertise' THEN
        NEW.edits := feed_edit(NEW.edits, 'expertise', OLD.edits -> 'expertise', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON teacher_profiles FOR EACH ROW EXECUTE FUNCTION before_teacher_profiles();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON teacher_profiles FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_teacher_profiles() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, r.user_id, feed_hash('teacher_profiles', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.display_title, r.expertise, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'user:' || n.user_id, 7::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.user_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || n.organization_id, 7::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'user:' || o.user_id, 7::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.user_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || o.organization_id, 7::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, r.user_id, feed_hash('teacher_profiles', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.display_title, r.expertise, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'user:' || n.user_id, 7::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.user_id IS NOT NULL
        UNION ALL
        SELECT 'user:' || o.user_id, 7::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.user_id IS NOT NULL AND NOT (n.user_id IS NOT NULL AND 'user:' || o.user_id = 'user:' || n.user_id)
        UNION ALL
        SELECT 'people:' || n.organization_id, 7::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || o.organization_id, 7::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND NOT (n.organization_id IS NOT NULL AND 'people:' || o.organization_id = 'people:' || n.organization_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON teacher_profiles REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_teacher_profiles();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON teacher_profiles REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_teacher_profiles();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON teacher_profiles REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_teacher_profiles();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON teacher_profiles FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON teacher_profiles REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON teacher_profiles REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON teacher_profiles REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 7) IS DISTINCT FROM 'id organization_id created_at updated_at stamp user_id display_title expertise edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.display_title, r.expertise, r.edits), 0) FROM teacher_profiles r WHERE f.entity = 7 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp user_id display_title expertise edits' WHERE e.code = 7;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_guardian_links() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.id := uuid_generate_v5('6f2f98a1-0c5e-5b1c-9d0a-7c6179737461', 'guardian_links:' || coalesce(NEW.parent_id::text, '-') || ':' || coalesce(NEW.student_id::text, '-'));
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.parent_id, NEW.student_id) IS DISTINCT FROM (OLD.parent_id, OLD.student_id) THEN
            RAISE EXCEPTION 'a key column of guardian_links never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.relation IS NOT NULL OR NEW.edits ? 'relation') AND coalesce((NEW.edits #>> '{relation,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'relation', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.relation) IS DISTINCT FROM ROW(OLD.relation) OR NEW.edits -> 'relation' IS DISTINCT FROM OLD.edits -> 'relation' THEN
        NEW.edits := feed_edit(NEW.edits, 'relation', OLD.edits -> 'relation', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON guardian_links FOR EACH ROW EXECUTE FUNCTION before_guardian_links();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON guardian_links FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_guardian_links() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, r.parent_id, feed_hash('guardian_links', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.parent_id, r.student_id, r.relation, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'people:' || n.organization_id, 8::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL
        UNION ALL
        SELECT 'user:' || n.parent_id, 8::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.parent_id IS NOT NULL
        UNION ALL
        SELECT DISTINCT 'access:' || r.parent_id, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM new_rows r WHERE r.parent_id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'people:' || o.organization_id, 8::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL
        UNION ALL
        SELECT 'user:' || o.parent_id, 8::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.parent_id IS NOT NULL
        UNION ALL
        SELECT DISTINCT 'access:' || r.parent_id, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM old_rows r WHERE r.parent_id IS NOT NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, r.parent_id, feed_hash('guardian_links', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.parent_id, r.student_id, r.relation, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'people:' || n.organization_id, 8::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || o.organization_id, 8::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND NOT (n.organization_id IS NOT NULL AND 'people:' || o.organization_id = 'people:' || n.organization_id)
        UNION ALL
        SELECT 'user:' || n.parent_id, 8::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.parent_id IS NOT NULL
        UNION ALL
        SELECT 'user:' || o.parent_id, 8::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.parent_id IS NOT NULL AND NOT (n.parent_id IS NOT NULL AND 'user:' || o.parent_id = 'user:' || n.parent_id)
        UNION ALL
        SELECT DISTINCT 'access:' || r.parent_id, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM old_rows r WHERE r.parent_id IS NOT NULL
        UNION ALL
        SELECT DISTINCT 'access:' || r.parent_id, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM new_rows r WHERE r.parent_id IS NOT NULL;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON guardian_links REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_guardian_links();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON guardian_links REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_guardian_links();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON guardian_links REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_guardian_links();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON guardian_links FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON guardian_links REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON guardian_links REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON guardian_links REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 8) IS DISTINCT FROM 'id organization_id created_at updated_at stamp parent_id student_id relation edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.parent_id, r.student_id, r.relation, r.edits), 0) FROM guardian_links r WHERE f.entity = 8 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp parent_id student_id relation edits' WHERE e.code = 8;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_groups() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.start_time := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('minute', NEW.start_time::interval)::time = date_trunc('minute', OLD.start_time::interval)::time THEN OLD.start_time ELSE date_trunc('minute', NEW.start_time::interval)::time END;
    NEW.deleted_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.deleted_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.deleted_at + interval '500 microseconds') THEN OLD.deleted_at ELSE date_trunc('milliseconds', NEW.deleted_at + interval '500 microseconds') END;
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.teacher_id IS NOT NULL OR NEW.edits ? 'teacher_id') AND coalesce((NEW.edits #>> '{teacher_id,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'teacher_id', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.teacher_id) IS DISTINCT FROM ROW(OLD.teacher_id) OR NEW.edits -> 'teacher_id' IS DISTINCT FROM OLD.edits -> 'teacher_id' THEN
        NEW.edits := feed_edit(NEW.edits, 'teacher_id', OLD.edits -> 'teacher_id', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.code IS NOT NULL OR NEW.edits ? 'code') AND coalesce((NEW.edits #>> '{code,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'code', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.code) IS DISTINCT FROM ROW(OLD.code) OR NEW.edits -> 'code' IS DISTINCT FROM OLD.edits -> 'code' THEN
        NEW.edits := feed_edit(NEW.edits, 'code', OLD.edits -> 'code', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.name IS NOT NULL OR NEW.edits ? 'name') AND coalesce((NEW.edits #>> '{name,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'name', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.name) IS DISTINCT FROM ROW(OLD.name) OR NEW.edits -> 'name' IS DISTINCT FROM OLD.edits -> 'name' THEN
        NEW.edits := feed_edit(NEW.edits, 'name', OLD.edits -> 'name', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.description IS NOT NULL OR NEW.edits ? 'description') AND coalesce((NEW.edits #>> '{description,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'description', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.description) IS DISTINCT FROM ROW(OLD.description) OR NEW.edits -> 'description' IS DISTINCT FROM OLD.edits -> 'description' THEN
        NEW.edits := feed_edit(NEW.edits, 'description', OLD.edits -> 'description', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.days_of_week IS NOT NULL OR NEW.edits ? 'days_of_week') AND coalesce((NEW.edits #>> '{days_of_week,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'days_of_week', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.days_of_week) IS DISTINCT FROM ROW(OLD.days_of_week) OR NEW.edits -> 'days_of_week' IS DISTINCT FROM OLD.edits -> 'days_of_week' THEN
        NEW.edits := feed_edit(NEW.edits, 'days_of_week', OLD.edits -> 'days_of_week', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.start_time IS NOT NULL OR NEW.edits ? 'start_time') AND coalesce((NEW.edits #>> '{start_time,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'start_time', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.start_time) IS DISTINCT FROM ROW(OLD.start_time) OR NEW.edits -> 'start_time' IS DISTINCT FROM OLD.edits -> 'start_time' THEN
        NEW.edits := feed_edit(NEW.edits, 'start_time', OLD.edits -> 'start_time', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.is_active IS NOT NULL OR NEW.edits ? 'is_active') AND coalesce((NEW.edits #>> '{is_active,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'is_active', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.is_active) IS DISTINCT FROM ROW(OLD.is_active) OR NEW.edits -> 'is_active' IS DISTINCT FROM OLD.edits -> 'is_active' THEN
        NEW.edits := feed_edit(NEW.edits, 'is_active', OLD.edits -> 'is_active', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.sort_order IS NOT NULL OR NEW.edits ? 'sort_order') AND coalesce((NEW.edits #>> '{sort_order,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'sort_order', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.sort_order) IS DISTINCT FROM ROW(OLD.sort_order) OR NEW.edits -> 'sort_order' IS DISTINCT FROM OLD.edits -> 'sort_order' THEN
        NEW.edits := feed_edit(NEW.edits, 'sort_order', OLD.edits -> 'sort_order', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.deleted_at IS NOT NULL OR NEW.edits ? 'deleted_at') AND coalesce((NEW.edits #>> '{deleted_at,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'deleted_at', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.deleted_at) IS DISTINCT FROM ROW(OLD.deleted_at) OR NEW.edits -> 'deleted_at' IS DISTINCT FROM OLD.edits -> 'deleted_at' THEN
        NEW.edits := feed_edit(NEW.edits, 'deleted_at', OLD.edits -> 'deleted_at', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON groups FOR EACH ROW EXECUTE FUNCTION before_groups();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON groups FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_groups() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, feed_hash('groups', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.teacher_id, r.code, r.name, r.description, r.days_of_week, r.start_time, r.display_name, r.is_active, r.sort_order, r.deleted_at, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'group:' || n.id, 9::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.id IS NOT NULL
        UNION ALL
        SELECT 'roster:' || n.id, 9::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.id IS NOT NULL
        UNION ALL
        SELECT DISTINCT 'access:' || r.teacher_id, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM new_rows r WHERE r.teacher_id IS NOT NULL
        UNION ALL
        SELECT DISTINCT 'access_org:' || r.organization_id, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM new_rows r WHERE true;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'group:' || o.id, 9::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.id IS NOT NULL
        UNION ALL
        SELECT 'roster:' || o.id, 9::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.id IS NOT NULL
        UNION ALL
        SELECT DISTINCT 'access:' || r.teacher_id, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM old_rows r WHERE r.teacher_id IS NOT NULL
        UNION ALL
        SELECT DISTINCT 'access_org:' || r.organization_id, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM old_rows r WHERE true;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, feed_hash('groups', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.teacher_id, r.code, r.name, r.description, r.days_of_week, r.start_time, r.display_name, r.is_active, r.sort_order, r.deleted_at, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'group:' || n.id, 9::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.id IS NOT NULL
        UNION ALL
        SELECT 'group:' || o.id, 9::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.id IS NOT NULL AND NOT (n.id IS NOT NULL AND 'group:' || o.id = 'group:' || n.id)
        UNION ALL
        SELECT 'roster:' || n.id, 9::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.id IS NOT NULL
        UNION ALL
        SELECT 'roster:' || o.id, 9::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.id IS NOT NULL AND NOT (n.id IS NOT NULL AND 'roster:' || o.id = 'roster:' || n.id)
        UNION ALL
        SELECT DISTINCT 'access:' || r.teacher_id, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM old_rows r WHERE r.teacher_id IS NOT NULL
        UNION ALL
        SELECT DISTINCT 'access:' || r.teacher_id, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM new_rows r WHERE r.teacher_id IS NOT NULL
        UNION ALL
        SELECT DISTINCT 'access_org:' || r.organization_id, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM old_rows r WHERE true
        UNION ALL
        SELECT DISTINCT 'access_org:' || r.organization_id, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM new_rows r WHERE true
        UNION ALL
        SELECT DISTINCT 'access:' || t.user_id, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM new_rows n JOIN old_rows o ON o.id = n.id JOIN group_memberships t ON t.group_id = n.id WHERE n.deleted_at IS DISTINCT FROM o.deleted_at;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON groups REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_groups();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON groups REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_groups();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON groups REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_groups();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON groups FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON groups REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON groups REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON groups REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 9) IS DISTINCT FROM 'id organization_id created_at updated_at stamp teacher_id code name description days_of_week start_time display_name is_active sort_order deleted_at edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.teacher_id, r.code, r.name, r.description, r.days_of_week, r.start_time, r.display_name, r.is_active, r.sort_order, r.deleted_at, r.edits), 0) FROM groups r WHERE f.entity = 9 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp teacher_id code name description days_of_week start_time display_name is_active sort_order deleted_at edits' WHERE e.code = 9;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_group_memberships() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.joined_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.joined_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.joined_at + interval '500 microseconds') THEN OLD.joined_at ELSE date_trunc('milliseconds', NEW.joined_at + interval '500 microseconds') END;
    NEW.left_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.left_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.left_at + interval '500 microseconds') THEN OLD.left_at ELSE date_trunc('milliseconds', NEW.left_at + interval '500 microseconds') END;
    IF TG_OP = 'INSERT' THEN
        NEW.id := uuid_generate_v5('6f2f98a1-0c5e-5b1c-9d0a-7c6179737461', 'group_memberships:' || coalesce(NEW.group_id::text, '-') || ':' || coalesce(NEW.user_id::text, '-'));
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.group_id, NEW.user_id) IS DISTINCT FROM (OLD.group_id, OLD.user_id) THEN
            RAISE EXCEPTION 'a key column of group_memberships never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.is_active IS NOT NULL OR NEW.joined_at IS NOT NULL OR NEW.left_at IS NOT NULL OR NEW.edits ? 'stay') AND coalesce((NEW.edits #>> '{stay,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'stay', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.is_active, NEW.joined_at, NEW.left_at) IS DISTINCT FROM ROW(OLD.is_active, OLD.joined_at, OLD.left_at) OR NEW.edits -> 'stay' IS DISTINCT FROM OLD.edits -> 'stay' THEN
        NEW.edits := feed_edit(NEW.edits, 'stay', OLD.edits -> 'stay', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON group_memberships FOR EACH ROW EXECUTE FUNCTION before_group_memberships();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON group_memberships FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_group_memberships() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.group_id, r.user_id, feed_hash('group_memberships', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.group_id, r.user_id, r.display_name, r.is_active, r.joined_at, r.left_at, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'roster:' || n.group_id, 10::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.group_id IS NOT NULL
        UNION ALL
        SELECT 'learner:' || n.user_id, 10::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.user_id IS NOT NULL
        UNION ALL
        SELECT DISTINCT 'access:' || r.user_id, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM new_rows r WHERE r.user_id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'roster:' || o.group_id, 10::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.group_id IS NOT NULL
        UNION ALL
        SELECT 'learner:' || o.user_id, 10::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.user_id IS NOT NULL
        UNION ALL
        SELECT DISTINCT 'access:' || r.user_id, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM old_rows r WHERE r.user_id IS NOT NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.group_id, r.user_id, feed_hash('group_memberships', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.group_id, r.user_id, r.display_name, r.is_active, r.joined_at, r.left_at, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'roster:' || n.group_id, 10::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.group_id IS NOT NULL
        UNION ALL
        SELECT 'roster:' || o.group_id, 10::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.group_id IS NOT NULL AND NOT (n.group_id IS NOT NULL AND 'roster:' || o.group_id = 'roster:' || n.group_id)
        UNION ALL
        SELECT 'learner:' || n.user_id, 10::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.user_id IS NOT NULL
        UNION ALL
        SELECT 'learner:' || o.user_id, 10::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.user_id IS NOT NULL AND NOT (n.user_id IS NOT NULL AND 'learner:' || o.user_id = 'learner:' || n.user_id)
        UNION ALL
        SELECT DISTINCT 'access:' || r.user_id, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM old_rows r WHERE r.user_id IS NOT NULL
        UNION ALL
        SELECT DISTINCT 'access:' || r.user_id, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM new_rows r WHERE r.user_id IS NOT NULL;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON group_memberships REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_group_memberships();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON group_memberships REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_group_memberships();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON group_memberships REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_group_memberships();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON group_memberships FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON group_memberships REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON group_memberships REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON group_memberships REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 10) IS DISTINCT FROM 'id organization_id created_at updated_at stamp group_id user_id display_name is_active joined_at left_at edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.group_id, r.user_id, r.display_name, r.is_active, r.joined_at, r.left_at, r.edits), 0) FROM group_memberships r WHERE f.entity = 10 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp group_id user_id display_name is_active joined_at left_at edits' WHERE e.code = 10;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_group_membership_periods() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.membership_id, NEW.group_id, NEW.user_id) IS DISTINCT FROM (OLD.membership_id, OLD.group_id, OLD.user_id) THEN
            RAISE EXCEPTION 'a key column of group_membership_periods never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON group_membership_periods FOR EACH ROW EXECUTE FUNCTION before_group_membership_periods();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON group_membership_periods FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_group_membership_periods() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.group_id, r.user_id, feed_hash('group_membership_periods', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.membership_id, r.group_id, r.user_id, r.joined_on, r.left_on), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'roster:' || n.group_id, 11::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.group_id IS NOT NULL
        UNION ALL
        SELECT 'learner:' || n.user_id, 11::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.user_id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'roster:' || o.group_id, 11::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.group_id IS NOT NULL
        UNION ALL
        SELECT 'learner:' || o.user_id, 11::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.user_id IS NOT NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.group_id, r.user_id, feed_hash('group_membership_periods', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.membership_id, r.group_id, r.user_id, r.joined_on, r.left_on), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'roster:' || n.group_id, 11::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.group_id IS NOT NULL
        UNION ALL
        SELECT 'roster:' || o.group_id, 11::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.group_id IS NOT NULL AND NOT (n.group_id IS NOT NULL AND 'roster:' || o.group_id = 'roster:' || n.group_id)
        UNION ALL
        SELECT 'learner:' || n.user_id, 11::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.user_id IS NOT NULL
        UNION ALL
        SELECT 'learner:' || o.user_id, 11::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.user_id IS NOT NULL AND NOT (n.user_id IS NOT NULL AND 'learner:' || o.user_id = 'learner:' || n.user_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON group_membership_periods REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_group_membership_periods();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON group_membership_periods REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_group_membership_periods();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON group_membership_periods REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_group_membership_periods();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON group_membership_periods FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON group_membership_periods REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON group_membership_periods REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON group_membership_periods REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 11) IS DISTINCT FROM 'id organization_id created_at updated_at stamp membership_id group_id user_id joined_on left_on' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.membership_id, r.group_id, r.user_id, r.joined_on, r.left_on), 0) FROM group_membership_periods r WHERE f.entity = 11 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp membership_id group_id user_id joined_on left_on' WHERE e.code = 11;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_certificate_templates() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.name IS NOT NULL OR NEW.edits ? 'name') AND coalesce((NEW.edits #>> '{name,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'name', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.name) IS DISTINCT FROM ROW(OLD.name) OR NEW.edits -> 'name' IS DISTINCT FROM OLD.edits -> 'name' THEN
        NEW.edits := feed_edit(NEW.edits, 'name', OLD.edits -> 'name', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.template_html IS NOT NULL OR NEW.edits ? 'template_html') AND coalesce((NEW.edits #>> '{template_html,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'template_html', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.template_html) IS DISTINCT FROM ROW(OLD.template_html) OR NEW.edits -> 'template_html' IS DISTINCT FROM OLD.edits -> 'template_html' THEN
        NEW.edits := feed_edit(NEW.edits, 'template_html', OLD.edits -> 'template_html', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.template_css IS NOT NULL OR NEW.edits ? 'template_css') AND coalesce((NEW.edits #>> '{template_css,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'template_css', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.template_css) IS DISTINCT FROM ROW(OLD.template_css) OR NEW.edits -> 'template_css' IS DISTINCT FROM OLD.edits -> 'template_css' THEN
        NEW.edits := feed_edit(NEW.edits, 'template_css', OLD.edits -> 'template_css', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.fields IS NOT NULL OR NEW.edits ? 'fields') AND coalesce((NEW.edits #>> '{fields,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'fields', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.fields) IS DISTINCT FROM ROW(OLD.fields) OR NEW.edits -> 'fields' IS DISTINCT FROM OLD.edits -> 'fields' THEN
        NEW.edits := feed_edit(NEW.edits, 'fields', OLD.edits -> 'fields', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.is_default IS NOT NULL OR NEW.edits ? 'is_default') AND coalesce((NEW.edits #>> '{is_default,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'is_default', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.is_default) IS DISTINCT FROM ROW(OLD.is_default) OR NEW.edits -> 'is_default' IS DISTINCT FROM OLD.edits -> 'is_default' THEN
        NEW.edits := feed_edit(NEW.edits, 'is_default', OLD.edits -> 'is_default', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON certificate_templates FOR EACH ROW EXECUTE FUNCTION before_certificate_templates();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON certificate_templates FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_certificate_templates() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, feed_hash('certificate_templates', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.name, r.template_html, r.template_css, r.fields, r.is_default, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.organization_id, 55::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || o.organization_id, 55::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, feed_hash('certificate_templates', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.name, r.template_html, r.template_css, r.fields, r.is_default, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.organization_id, 55::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL
        UNION ALL
        SELECT 'org:' || o.organization_id, 55::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND NOT (n.organization_id IS NOT NULL AND 'org:' || o.organization_id = 'org:' || n.organization_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON certificate_templates REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_certificate_templates();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON certificate_templates REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_certificate_templates();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON certificate_templates REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_certificate_templates();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON certificate_templates FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON certificate_templates REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON certificate_templates REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON certificate_templates REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 55) IS DISTINCT FROM 'id organization_id created_at updated_at stamp name template_html template_css fields is_default edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.name, r.template_html, r.template_css, r.fields, r.is_default, r.edits), 0) FROM certificate_templates r WHERE f.entity = 55 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp name template_html template_css fields is_default edits' WHERE e.code = 55;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_badges() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.name IS NOT NULL OR NEW.edits ? 'name') AND coalesce((NEW.edits #>> '{name,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'name', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.name) IS DISTINCT FROM ROW(OLD.name) OR NEW.edits -> 'name' IS DISTINCT FROM OLD.edits -> 'name' THEN
        NEW.edits := feed_edit(NEW.edits, 'name', OLD.edits -> 'name', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.description IS NOT NULL OR NEW.edits ? 'description') AND coalesce((NEW.edits #>> '{description,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'description', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.description) IS DISTINCT FROM ROW(OLD.description) OR NEW.edits -> 'description' IS DISTINCT FROM OLD.edits -> 'description' THEN
        NEW.edits := feed_edit(NEW.edits, 'description', OLD.edits -> 'description', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.image_url IS NOT NULL OR NEW.edits ? 'image_url') AND coalesce((NEW.edits #>> '{image_url,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'image_url', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.image_url) IS DISTINCT FROM ROW(OLD.image_url) OR NEW.edits -> 'image_url' IS DISTINCT FROM OLD.edits -> 'image_url' THEN
        NEW.edits := feed_edit(NEW.edits, 'image_url', OLD.edits -> 'image_url', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.criteria IS NOT NULL OR NEW.edits ? 'criteria') AND coalesce((NEW.edits #>> '{criteria,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'criteria', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.criteria) IS DISTINCT FROM ROW(OLD.criteria) OR NEW.edits -> 'criteria' IS DISTINCT FROM OLD.edits -> 'criteria' THEN
        NEW.edits := feed_edit(NEW.edits, 'criteria', OLD.edits -> 'criteria', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON badges FOR EACH ROW EXECUTE FUNCTION before_badges();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON badges FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_badges() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, feed_hash('badges', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.name, r.description, r.image_url, r.criteria, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.organization_id, 57::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || o.organization_id, 57::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, feed_hash('badges', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.name, r.description, r.image_url, r.criteria, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.organization_id, 57::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL
        UNION ALL
        SELECT 'org:' || o.organization_id, 57::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND NOT (n.organization_id IS NOT NULL AND 'org:' || o.organization_id = 'org:' || n.organization_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON badges REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_badges();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON badges REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_badges();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON badges REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_badges();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON badges FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON badges REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON badges REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON badges REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 57) IS DISTINCT FROM 'id organization_id created_at updated_at stamp name description image_url criteria edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.name, r.description, r.image_url, r.criteria, r.edits), 0) FROM badges r WHERE f.entity = 57 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp name description image_url criteria edits' WHERE e.code = 57;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_courses() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.published_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.published_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.published_at + interval '500 microseconds') THEN OLD.published_at ELSE date_trunc('milliseconds', NEW.published_at + interval '500 microseconds') END;
    NEW.deleted_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.deleted_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.deleted_at + interval '500 microseconds') THEN OLD.deleted_at ELSE date_trunc('milliseconds', NEW.deleted_at + interval '500 microseconds') END;
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.title IS NOT NULL OR NEW.edits ? 'title') AND coalesce((NEW.edits #>> '{title,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'title', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.title) IS DISTINCT FROM ROW(OLD.title) OR NEW.edits -> 'title' IS DISTINCT FROM OLD.edits -> 'title' THEN
        NEW.edits := feed_edit(NEW.edits, 'title', OLD.edits -> 'title', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.slug IS NOT NULL OR NEW.edits ? 'slug') AND coalesce((NEW.edits #>> '{slug,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'slug', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.slug) IS DISTINCT FROM ROW(OLD.slug) OR NEW.edits -> 'slug' IS DISTINCT FROM OLD.edits -> 'slug' THEN
        NEW.edits := feed_edit(NEW.edits, 'slug', OLD.edits -> 'slug', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.course_code IS NOT NULL OR NEW.edits ? 'course_code') AND coalesce((NEW.edits #>> '{course_code,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'course_code', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.course_code) IS DISTINCT FROM ROW(OLD.course_code) OR NEW.edits -> 'course_code' IS DISTINCT FROM OLD.edits -> 'course_code' THEN
        NEW.edits := feed_edit(NEW.edits, 'course_code', OLD.edits -> 'course_code', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.description IS NOT NULL OR NEW.edits ? 'description') AND coalesce((NEW.edits #>> '{description,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'description', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.description) IS DISTINCT FROM ROW(OLD.description) OR NEW.edits -> 'description' IS DISTINCT FROM OLD.edits -> 'description' THEN
        NEW.edits := feed_edit(NEW.edits, 'description', OLD.edits -> 'description', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.status IS NOT NULL OR NEW.edits ? 'status') AND coalesce((NEW.edits #>> '{status,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'status', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.status) IS DISTINCT FROM ROW(OLD.status) OR NEW.edits -> 'status' IS DISTINCT FROM OLD.edits -> 'status' THEN
        NEW.edits := feed_edit(NEW.edits, 'status', OLD.edits -> 'status', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.language IS NOT NULL OR NEW.edits ? 'language') AND coalesce((NEW.edits #>> '{language,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'language', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.language) IS DISTINCT FROM ROW(OLD.language) OR NEW.edits -> 'language' IS DISTINCT FROM OLD.edits -> 'language' THEN
        NEW.edits := feed_edit(NEW.edits, 'language', OLD.edits -> 'language', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.level IS NOT NULL OR NEW.edits ? 'level') AND coalesce((NEW.edits #>> '{level,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'level', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.level) IS DISTINCT FROM ROW(OLD.level) OR NEW.edits -> 'level' IS DISTINCT FROM OLD.edits -> 'level' THEN
        NEW.edits := feed_edit(NEW.edits, 'level', OLD.edits -> 'level', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.instructor_id IS NOT NULL OR NEW.edits ? 'instructor_id') AND coalesce((NEW.edits #>> '{instructor_id,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'instructor_id', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.instructor_id) IS DISTINCT FROM ROW(OLD.instructor_id) OR NEW.edits -> 'instructor_id' IS DISTINCT FROM OLD.edits -> 'instructor_id' THEN
        NEW.edits := feed_edit(NEW.edits, 'instructor_id', OLD.edits -> 'instructor_id', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.station_id IS NOT NULL OR NEW.edits ? 'station_id') AND coalesce((NEW.edits #>> '{station_id,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'station_id', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.station_id) IS DISTINCT FROM ROW(OLD.station_id) OR NEW.edits -> 'station_id' IS DISTINCT FROM OLD.edits -> 'station_id' THEN
        NEW.edits := feed_edit(NEW.edits, 'station_id', OLD.edits -> 'station_id', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.department_id IS NOT NULL OR NEW.edits ? 'department_id') AND coalesce((NEW.edits #>> '{department_id,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'department_id', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.department_id) IS DISTINCT FROM ROW(OLD.department_id) OR NEW.edits -> 'department_id' IS DISTINCT FROM OLD.edits -> 'department_id' THEN
        NEW.edits := feed_edit(NEW.edits, 'department_id', OLD.edits -> 'department_id', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.thumbnail_url IS NOT NULL OR NEW.edits ? 'thumbnail_url') AND coalesce((NEW.edits #>> '{thumbnail_url,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'thumbnail_url', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.thumbnail_url) IS DISTINCT FROM ROW(OLD.thumbnail_url) OR NEW.edits -> 'thumbnail_url' IS DISTINCT FROM OLD.edits -> 'thumbnail_url' THEN
        NEW.edits := feed_edit(NEW.edits, 'thumbnail_url', OLD.edits -> 'thumbnail_url', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.estimated_seconds IS NOT NULL OR NEW.edits ? 'estimated_seconds') AND coalesce((NEW.edits #>> '{estimated_seconds,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'estimated_seconds', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.estimated_seconds) IS DISTINCT FROM ROW(OLD.estimated_seconds) OR NEW.edits -> 'estimated_seconds' IS DISTINCT FROM OLD.edits -> 'estimated_seconds' THEN
        NEW.edits := feed_edit(NEW.edits, 'estimated_seconds', OLD.edits -> 'estimated_seconds', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.price_minor IS NOT NULL OR NEW.currency IS NOT NULL OR NEW.edits ? 'price') AND coalesce((NEW.edits #>> '{price,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'price', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.price_minor, NEW.currency) IS DISTINCT FROM ROW(OLD.price_minor, OLD.currency) OR NEW.edits -> 'price' IS DISTINCT FROM OLD.edits -> 'price' THEN
        NEW.edits := feed_edit(NEW.edits, 'price', OLD.edits -> 'price', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.enrollments_max IS NOT NULL OR NEW.edits ? 'enrollments_max') AND coalesce((NEW.edits #>> '{enrollments_max,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'enrollments_max', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.enrollments_max) IS DISTINCT FROM ROW(OLD.enrollments_max) OR NEW.edits -> 'enrollments_max' IS DISTINCT FROM OLD.edits -> 'enrollments_max' THEN
        NEW.edits := feed_edit(NEW.edits, 'enrollments_max', OLD.edits -> 'enrollments_max', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.is_certified IS NOT NULL OR NEW.edits ? 'is_certified') AND coalesce((NEW.edits #>> '{is_certified,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'is_certified', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.is_certified) IS DISTINCT FROM ROW(OLD.is_certified) OR NEW.edits -> 'is_certified' IS DISTINCT FROM OLD.edits -> 'is_certified' THEN
        NEW.edits := feed_edit(NEW.edits, 'is_certified', OLD.edits -> 'is_certified', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.certificate_template_id IS NOT NULL OR NEW.edits ? 'certificate_template_id') AND coalesce((NEW.edits #>> '{certificate_template_id,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'certificate_template_id', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.certificate_template_id) IS DISTINCT FROM ROW(OLD.certificate_template_id) OR NEW.edits -> 'certificate_template_id' IS DISTINCT FROM OLD.edits -> 'certificate_template_id' THEN
        NEW.edits := feed_edit(NEW.edits, 'certificate_template_id', OLD.edits -> 'certificate_template_id', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.is_public IS NOT NULL OR NEW.edits ? 'is_public') AND coalesce((NEW.edits #>> '{is_public,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'is_public', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.is_public) IS DISTINCT FROM ROW(OLD.is_public) OR NEW.edits -> 'is_public' IS DISTINCT FROM OLD.edits -> 'is_public' THEN
        NEW.edits := feed_edit(NEW.edits, 'is_public', OLD.edits -> 'is_public', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.tags IS NOT NULL OR NEW.edits ? 'tags') AND coalesce((NEW.edits #>> '{tags,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'tags', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.tags) IS DISTINCT FROM ROW(OLD.tags) OR NEW.edits -> 'tags' IS DISTINCT FROM OLD.edits -> 'tags' THEN
        NEW.edits := feed_edit(NEW.edits, 'tags', OLD.edits -> 'tags', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.metadata IS NOT NULL OR NEW.edits ? 'metadata') AND coalesce((NEW.edits #>> '{metadata,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'metadata', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.metadata) IS DISTINCT FROM ROW(OLD.metadata) OR NEW.edits -> 'metadata' IS DISTINCT FROM OLD.edits -> 'metadata' THEN
        NEW.edits := feed_edit(NEW.edits, 'metadata', OLD.edits -> 'metadata', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.deleted_at IS NOT NULL OR NEW.edits ? 'deleted_at') AND coalesce((NEW.edits #>> '{deleted_at,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'deleted_at', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.deleted_at) IS DISTINCT FROM ROW(OLD.deleted_at) OR NEW.edits -> 'deleted_at' IS DISTINCT FROM OLD.edits -> 'deleted_at' THEN
        NEW.edits := feed_edit(NEW.edits, 'deleted_at', OLD.edits -> 'deleted_at', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON courses FOR EACH ROW EXECUTE FUNCTION before_courses();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON courses FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_courses() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, r.published, feed_hash('courses', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.title, r.slug, r.course_code, r.description, r.status, r.published, r.published_at, r.language, r.level, r.instructor_id, r.station_id, r.department_id, r.thumbnail_url, r.estimated_seconds, r.price_minor, r.currency, r.enrollments_max, r.is_certified, r.certificate_template_id, r.is_public, r.tags, r.metadata, r.deleted_at, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.organization_id, 18::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.published IS TRUE
        UNION ALL
        SELECT 'org_staff:' || n.organization_id, 18::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.published IS NOT TRUE
        UNION ALL
        SELECT DISTINCT 'access:' || r.instructor_id, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM new_rows r WHERE r.instructor_id IS NOT NULL
        UNION ALL
        SELECT DISTINCT 'access_org:' || r.organization_id, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM new_rows r WHERE true;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || o.organization_id, 18::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL AND o.published IS TRUE
        UNION ALL
        SELECT 'org_staff:' || o.organization_id, 18::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL AND o.published IS NOT TRUE
        UNION ALL
        SELECT DISTINCT 'access:' || r.instructor_id, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM old_rows r WHERE r.instructor_id IS NOT NULL
        UNION ALL
        SELECT DISTINCT 'access_org:' || r.organization_id, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM old_rows r WHERE true;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, r.published, feed_hash('courses', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.title, r.slug, r.course_code, r.description, r.status, r.published, r.published_at, r.language, r.level, r.instructor_id, r.station_id, r.department_id, r.thumbnail_url, r.estimated_seconds, r.price_minor, r.currency, r.enrollments_max, r.is_certified, r.certificate_template_id, r.is_public, r.tags, r.metadata, r.deleted_at, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.organization_id, 18::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.published IS TRUE
        UNION ALL
        SELECT 'org:' || o.organization_id, 18::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND o.published IS TRUE AND NOT (n.organization_id IS NOT NULL AND n.published IS TRUE AND 'org:' || o.organization_id = 'org:' || n.organization_id)
        UNION ALL
        SELECT 'org_staff:' || n.organization_id, 18::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.published IS NOT TRUE
        UNION ALL
        SELECT 'org_staff:' || o.organization_id, 18::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND o.published IS NOT TRUE AND NOT (n.organization_id IS NOT NULL AND n.published IS NOT TRUE AND 'org_staff:' || o.organization_id = 'org_staff:' || n.organization_id)
        UNION ALL
        SELECT DISTINCT 'access:' || r.instructor_id, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM old_rows r WHERE r.instructor_id IS NOT NULL
        UNION ALL
        SELECT DISTINCT 'access:' || r.instructor_id, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM new_rows r WHERE r.instructor_id IS NOT NULL
        UNION ALL
        SELECT DISTINCT 'access_org:' || r.organization_id, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM old_rows r WHERE true
        UNION ALL
        SELECT DISTINCT 'access_org:' || r.organization_id, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM new_rows r WHERE true
        UNION ALL
        SELECT DISTINCT 'access:' || t.user_id, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM new_rows n JOIN old_rows o ON o.id = n.id JOIN enrollments t ON t.course_id = n.id WHERE n.published IS DISTINCT FROM o.published;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON courses REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_courses();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON courses REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_courses();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON courses REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_courses();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON courses FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON courses REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON courses REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON courses REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 18) IS DISTINCT FROM 'id organization_id created_at updated_at stamp title slug course_code description status published published_at language level instructor_id station_id department_id thumbnail_url estimated_seconds price_minor currency enrollments_max is_certified certificate_template_id is_public tags metadata deleted_at edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.title, r.slug, r.course_code, r.description, r.status, r.published, r.published_at, r.language, r.level, r.instructor_id, r.station_id, r.department_id, r.thumbnail_url, r.estimated_seconds, r.price_minor, r.currency, r.enrollments_max, r.is_certified, r.certificate_template_id, r.is_public, r.tags, r.metadata, r.deleted_at, r.edits), 0) FROM courses r WHERE f.entity = 18 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp title slug course_code description status published published_at language level instructor_id station_id department_id thumbnail_url estimated_seconds price_minor currency enrollments_max is_certified certificate_template_id is_public tags metadata deleted_at edits' WHERE e.code = 18;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_course_facts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.course_id, NEW.kind) IS DISTINCT FROM (OLD.course_id, OLD.kind) THEN
            RAISE EXCEPTION 'a key column of course_facts never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.position IS NOT NULL OR NEW.edits ? 'position') AND coalesce((NEW.edits #>> '{position,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'position', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.position) IS DISTINCT FROM ROW(OLD.position) OR NEW.edits -> 'position' IS DISTINCT FROM OLD.edits -> 'position' THEN
        NEW.edits := feed_edit(NEW.edits, 'position', OLD.edits -> 'position', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.text IS NOT NULL OR NEW.edits ? 'text') AND coalesce((NEW.edits #>> '{text,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'text', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.text) IS DISTINCT FROM ROW(OLD.text) OR NEW.edits -> 'text' IS DISTINCT FROM OLD.edits -> 'text' THEN
        NEW.edits := feed_edit(NEW.edits, 'text', OLD.edits -> 'text', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON course_facts FOR EACH ROW EXECUTE FUNCTION before_course_facts();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON course_facts FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_course_facts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.course_id, r.published, feed_hash('course_facts', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.course_id, r.kind, r.position, r.text, r.published, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'course:' || n.course_id, 19::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS TRUE
        UNION ALL
        SELECT 'course_staff:' || n.course_id, 19::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS NOT TRUE;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'course:' || o.course_id, 19::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.course_id IS NOT NULL AND o.published IS TRUE
        UNION ALL
        SELECT 'course_staff:' || o.course_id, 19::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.course_id IS NOT NULL AND o.published IS NOT TRUE;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.course_id, r.published, feed_hash('course_facts', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.course_id, r.kind, r.position, r.text, r.published, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'course:' || n.course_id, 19::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS TRUE
        UNION ALL
        SELECT 'course:' || o.course_id, 19::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.course_id IS NOT NULL AND o.published IS TRUE AND NOT (n.course_id IS NOT NULL AND n.published IS TRUE AND 'course:' || o.course_id = 'course:' || n.course_id)
        UNION ALL
        SELECT 'course_staff:' || n.course_id, 19::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS NOT TRUE
        UNION ALL
        SELECT 'course_staff:' || o.course_id, 19::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.course_id IS NOT NULL AND o.published IS NOT TRUE AND NOT (n.course_id IS NOT NULL AND n.published IS NOT TRUE AND 'course_staff:' || o.course_id = 'course_staff:' || n.course_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON course_facts REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_course_facts();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON course_facts REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_course_facts();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON course_facts REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_course_facts();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON course_facts FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON course_facts REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON course_facts REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON course_facts REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 19) IS DISTINCT FROM 'id organization_id created_at updated_at stamp course_id kind position text published edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.course_id, r.kind, r.position, r.text, r.published, r.edits), 0) FROM course_facts r WHERE f.entity = 19 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp course_id kind position text published edits' WHERE e.code = 19;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_course_prerequisites() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.id := uuid_generate_v5('6f2f98a1-0c5e-5b1c-9d0a-7c6179737461', 'course_prerequisites:' || coalesce(NEW.course_id::text, '-') || ':' || coalesce(NEW.prerequisite_course_id::text, '-'));
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.course_id, NEW.prerequisite_course_id) IS DISTINCT FROM (OLD.course_id, OLD.prerequisite_course_id) THEN
            RAISE EXCEPTION 'a key column of course_prerequisites never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.is_mandatory IS NOT NULL OR NEW.edits ? 'is_mandatory') AND coalesce((NEW.edits #>> '{is_mandatory,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'is_mandatory', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.is_mandatory) IS DISTINCT FROM ROW(OLD.is_mandatory) OR NEW.edits -> 'is_mandatory' IS DISTINCT FROM OLD.edits -> 'is_mandatory' THEN
        NEW.edits := feed_edit(NEW.edits, 'is_mandatory', OLD.edits -> 'is_mandatory', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON course_prerequisites FOR EACH ROW EXECUTE FUNCTION before_course_prerequisites();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON course_prerequisites FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_course_prerequisites() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, r.published, feed_hash('course_prerequisites', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.course_id, r.prerequisite_course_id, r.is_mandatory, r.published, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.organization_id, 41::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.published IS TRUE
        UNION ALL
        SELECT 'org_staff:' || n.organization_id, 41::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.published IS NOT TRUE;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || o.organization_id, 41::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL AND o.published IS TRUE
        UNION ALL
        SELECT 'org_staff:' || o.organization_id, 41::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL AND o.published IS NOT TRUE;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, r.published, feed_hash('course_prerequisites', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.course_id, r.prerequisite_course_id, r.is_mandatory, r.published, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.organization_id, 41::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.published IS TRUE
        UNION ALL
        SELECT 'org:' || o.organization_id, 41::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND o.published IS TRUE AND NOT (n.organization_id IS NOT NULL AND n.published IS TRUE AND 'org:' || o.organization_id = 'org:' || n.organization_id)
        UNION ALL
        SELECT 'org_staff:' || n.organization_id, 41::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.published IS NOT TRUE
        UNION ALL
        SELECT 'org_staff:' || o.organization_id, 41::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND o.published IS NOT TRUE AND NOT (n.organization_id IS NOT NULL AND n.published IS NOT TRUE AND 'org_staff:' || o.organization_id = 'org_staff:' || n.organization_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON course_prerequisites REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_course_prerequisites();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON course_prerequisites REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_course_prerequisites();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON course_prerequisites REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_course_prerequisites();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON course_prerequisites FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON course_prerequisites REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON course_prerequisites REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON course_prerequisites REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 41) IS DISTINCT FROM 'id organization_id created_at updated_at stamp course_id prerequisite_course_id is_mandatory published edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.course_id, r.prerequisite_course_id, r.is_mandatory, r.published, r.edits), 0) FROM course_prerequisites r WHERE f.entity = 41 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp course_id prerequisite_course_id is_mandatory published edits' WHERE e.code = 41;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_modules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.course_id) IS DISTINCT FROM (OLD.course_id) THEN
            RAISE EXCEPTION 'a key column of modules never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.position IS NOT NULL OR NEW.edits ? 'position') AND coalesce((NEW.edits #>> '{position,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'position', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.position) IS DISTINCT FROM ROW(OLD.position) OR NEW.edits -> 'position' IS DISTINCT FROM OLD.edits -> 'position' THEN
        NEW.edits := feed_edit(NEW.edits, 'position', OLD.edits -> 'position', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.title IS NOT NULL OR NEW.edits ? 'title') AND coalesce((NEW.edits #>> '{title,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'title', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.title) IS DISTINCT FROM ROW(OLD.title) OR NEW.edits -> 'title' IS DISTINCT FROM OLD.edits -> 'title' THEN
        NEW.edits := feed_edit(NEW.edits, 'title', OLD.edits -> 'title', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.description IS NOT NULL OR NEW.edits ? 'description') AND coalesce((NEW.edits #>> '{description,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'description', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.description) IS DISTINCT FROM ROW(OLD.description) OR NEW.edits -> 'description' IS DISTINCT FROM OLD.edits -> 'description' THEN
        NEW.edits := feed_edit(NEW.edits, 'description', OLD.edits -> 'description', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.estimated_seconds IS NOT NULL OR NEW.edits ? 'estimated_seconds') AND coalesce((NEW.edits #>> '{estimated_seconds,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'estimated_seconds', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.estimated_seconds) IS DISTINCT FROM ROW(OLD.estimated_seconds) OR NEW.edits -> 'estimated_seconds' IS DISTINCT FROM OLD.edits -> 'estimated_seconds' THEN
        NEW.edits := feed_edit(NEW.edits, 'estimated_seconds', OLD.edits -> 'estimated_seconds', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.is_required IS NOT NULL OR NEW.edits ? 'is_required') AND coalesce((NEW.edits #>> '{is_required,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'is_required', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.is_required) IS DISTINCT FROM ROW(OLD.is_required) OR NEW.edits -> 'is_required' IS DISTINCT FROM OLD.edits -> 'is_required' THEN
        NEW.edits := feed_edit(NEW.edits, 'is_required', OLD.edits -> 'is_required', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.unlock_condition IS NOT NULL OR NEW.edits ? 'unlock_condition') AND coalesce((NEW.edits #>> '{unlock_condition,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'unlock_condition', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.unlock_condition) IS DISTINCT FROM ROW(OLD.unlock_condition) OR NEW.edits -> 'unlock_condition' IS DISTINCT FROM OLD.edits -> 'unlock_condition' THEN
        NEW.edits := feed_edit(NEW.edits, 'unlock_condition', OLD.edits -> 'unlock_condition', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON modules FOR EACH ROW EXECUTE FUNCTION before_modules();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON modules FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_modules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.course_id, r.published, feed_hash('modules', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.course_id, r.position, r.title, r.description, r.estimated_seconds, r.is_required, r.unlock_condition, r.published, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'course:' || n.course_id, 20::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS TRUE
        UNION ALL
        SELECT 'course_staff:' || n.course_id, 20::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS NOT TRUE;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'course:' || o.course_id, 20::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.course_id IS NOT NULL AND o.published IS TRUE
        UNION ALL
        SELECT 'course_staff:' || o.course_id, 20::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.course_id IS NOT NULL AND o.published IS NOT TRUE;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.course_id, r.published, feed_hash('modules', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.course_id, r.position, r.title, r.description, r.estimated_seconds, r.is_required, r.unlock_condition, r.published, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'course:' || n.course_id, 20::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS TRUE
        UNION ALL
        SELECT 'course:' || o.course_id, 20::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.course_id IS NOT NULL AND o.published IS TRUE AND NOT (n.course_id IS NOT NULL AND n.published IS TRUE AND 'course:' || o.course_id = 'course:' || n.course_id)
        UNION ALL
        SELECT 'course_staff:' || n.course_id, 20::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS NOT TRUE
        UNION ALL
        SELECT 'course_staff:' || o.course_id, 20::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.course_id IS NOT NULL AND o.published IS NOT TRUE AND NOT (n.course_id IS NOT NULL AND n.published IS NOT TRUE AND 'course_staff:' || o.course_id = 'course_staff:' || n.course_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON modules REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_modules();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON modules REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_modules();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON modules REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_modules();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON modules FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON modules REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON modules REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON modules REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 20) IS DISTINCT FROM 'id organization_id created_at updated_at stamp course_id position title description estimated_seconds is_required unlock_condition published edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.course_id, r.position, r.title, r.description, r.estimated_seconds, r.is_required, r.unlock_condition, r.published, r.edits), 0) FROM modules r WHERE f.entity = 20 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp course_id position title description estimated_seconds is_required unlock_condition published edits' WHERE e.code = 20;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_topics() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.course_id) IS DISTINCT FROM (OLD.course_id) THEN
            RAISE EXCEPTION 'a key column of topics never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.module_id IS NOT NULL OR NEW.edits ? 'module_id') AND coalesce((NEW.edits #>> '{module_id,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'module_id', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.module_id) IS DISTINCT FROM ROW(OLD.module_id) OR NEW.edits -> 'module_id' IS DISTINCT FROM OLD.edits -> 'module_id' THEN
        NEW.edits := feed_edit(NEW.edits, 'module_id', OLD.edits -> 'module_id', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.position IS NOT NULL OR NEW.edits ? 'position') AND coalesce((NEW.edits #>> '{position,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'position', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.position) IS DISTINCT FROM ROW(OLD.position) OR NEW.edits -> 'position' IS DISTINCT FROM OLD.edits -> 'position' THEN
        NEW.edits := feed_edit(NEW.edits, 'position', OLD.edits -> 'position', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.title IS NOT NULL OR NEW.edits ? 'title') AND coalesce((NEW.edits #>> '{title,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'title', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.title) IS DISTINCT FROM ROW(OLD.title) OR NEW.edits -> 'title' IS DISTINCT FROM OLD.edits -> 'title' THEN
        NEW.edits := feed_edit(NEW.edits, 'title', OLD.edits -> 'title', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.description IS NOT NULL OR NEW.edits ? 'description') AND coalesce((NEW.edits #>> '{description,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'description', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.description) IS DISTINCT FROM ROW(OLD.description) OR NEW.edits -> 'description' IS DISTINCT FROM OLD.edits -> 'description' THEN
        NEW.edits := feed_edit(NEW.edits, 'description', OLD.edits -> 'description', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.estimated_seconds IS NOT NULL OR NEW.edits ? 'estimated_seconds') AND coalesce((NEW.edits #>> '{estimated_seconds,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'estimated_seconds', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.estimated_seconds) IS DISTINCT FROM ROW(OLD.estimated_seconds) OR NEW.edits -> 'estimated_seconds' IS DISTINCT FROM OLD.edits -> 'estimated_seconds' THEN
        NEW.edits := feed_edit(NEW.edits, 'estimated_seconds', OLD.edits -> 'estimated_seconds', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.requires_previous IS NOT NULL OR NEW.edits ? 'requires_previous') AND coalesce((NEW.edits #>> '{requires_previous,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'requires_previous', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.requires_previous) IS DISTINCT FROM ROW(OLD.requires_previous) OR NEW.edits -> 'requires_previous' IS DISTINCT FROM OLD.edits -> 'requires_previous' THEN
        NEW.edits := feed_edit(NEW.edits, 'requires_previous', OLD.edits -> 'requires_previous', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.is_free IS NOT NULL OR NEW.edits ? 'is_free') AND coalesce((NEW.edits #>> '{is_free,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'is_free', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.is_free) IS DISTINCT FROM ROW(OLD.is_free) OR NEW.edits -> 'is_free' IS DISTINCT FROM OLD.edits -> 'is_free' THEN
        NEW.edits := feed_edit(NEW.edits, 'is_free', OLD.edits -> 'is_free', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON topics FOR EACH ROW EXECUTE FUNCTION before_topics();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON topics FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_topics() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.course_id, r.published, feed_hash('topics', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.module_id, r.course_id, r.position, r.title, r.description, r.estimated_seconds, r.requires_previous, r.is_free, r.published, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'course:' || n.course_id, 21::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS TRUE
        UNION ALL
        SELECT 'course_staff:' || n.course_id, 21::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS NOT TRUE;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'course:' || o.course_id, 21::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.course_id IS NOT NULL AND o.published IS TRUE
        UNION ALL
        SELECT 'course_staff:' || o.course_id, 21::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.course_id IS NOT NULL AND o.published IS NOT TRUE;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.course_id, r.published, feed_hash('topics', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.module_id, r.course_id, r.position, r.title, r.description, r.estimated_seconds, r.requires_previous, r.is_free, r.published, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'course:' || n.course_id, 21::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS TRUE
        UNION ALL
        SELECT 'course:' || o.course_id, 21::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.course_id IS NOT NULL AND o.published IS TRUE AND NOT (n.course_id IS NOT NULL AND n.published IS TRUE AND 'course:' || o.course_id = 'course:' || n.course_id)
        UNION ALL
        SELECT 'course_staff:' || n.course_id, 21::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS NOT TRUE
        UNION ALL
        SELECT 'course_staff:' || o.course_id, 21::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.course_id IS NOT NULL AND o.published IS NOT TRUE AND NOT (n.course_id IS NOT NULL AND n.published IS NOT TRUE AND 'course_staff:' || o.course_id = 'course_staff:' || n.course_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON topics REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_topics();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON topics REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_topics();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON topics REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_topics();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON topics FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON topics REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON topics REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON topics REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 21) IS DISTINCT FROM 'id organization_id created_at updated_at stamp module_id course_id position title description estimated_seconds requires_previous is_free published edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.module_id, r.course_id, r.position, r.title, r.description, r.estimated_seconds, r.requires_previous, r.is_free, r.published, r.edits), 0) FROM topics r WHERE f.entity = 21 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp module_id course_id position title description estimated_seconds requires_previous is_free published edits' WHERE e.code = 21;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_media_assets() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.course_id) IS DISTINCT FROM (OLD.course_id) THEN
            RAISE EXCEPTION 'a key column of media_assets never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.title IS NOT NULL OR NEW.edits ? 'title') AND coalesce((NEW.edits #>> '{title,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'title', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.title) IS DISTINCT FROM ROW(OLD.title) OR NEW.edits -> 'title' IS DISTINCT FROM OLD.edits -> 'title' THEN
        NEW.edits := feed_edit(NEW.edits, 'title', OLD.edits -> 'title', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.description IS NOT NULL OR NEW.edits ? 'description') AND coalesce((NEW.edits #>> '{description,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'description', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.description) IS DISTINCT FROM ROW(OLD.description) OR NEW.edits -> 'description' IS DISTINCT FROM OLD.edits -> 'description' THEN
        NEW.edits := feed_edit(NEW.edits, 'description', OLD.edits -> 'description', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON media_assets FOR EACH ROW EXECUTE FUNCTION before_media_assets();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON media_assets FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_media_assets() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.course_id, r.organization_id, r.published, feed_hash('media_assets', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.course_id, r.title, r.description, r.object_key, r.sha256, r.size_bytes, r.media_type, r.duration_seconds, r.pages, r.provider, r.provider_id, r.status, r.published, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'course:' || n.course_id, 22::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS TRUE
        UNION ALL
        SELECT 'course_staff:' || n.course_id, 22::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS NOT TRUE
        UNION ALL
        SELECT 'org_staff:' || n.organization_id, 22::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.course_id IS NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'course:' || o.course_id, 22::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.course_id IS NOT NULL AND o.published IS TRUE
        UNION ALL
        SELECT 'course_staff:' || o.course_id, 22::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.course_id IS NOT NULL AND o.published IS NOT TRUE
        UNION ALL
        SELECT 'org_staff:' || o.organization_id, 22::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL AND o.course_id IS NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.course_id, r.organization_id, r.published, feed_hash('media_assets', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.course_id, r.title, r.description, r.object_key, r.sha256, r.size_bytes, r.media_type, r.duration_seconds, r.pages, r.provider, r.provider_id, r.status, r.published, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'course:' || n.course_id, 22::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS TRUE
        UNION ALL
        SELECT 'course:' || o.course_id, 22::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.course_id IS NOT NULL AND o.published IS TRUE AND NOT (n.course_id IS NOT NULL AND n.published IS TRUE AND 'course:' || o.course_id = 'course:' || n.course_id)
        UNION ALL
        SELECT 'course_staff:' || n.course_id, 22::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS NOT TRUE
        UNION ALL
        SELECT 'course_staff:' || o.course_id, 22::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.course_id IS NOT NULL AND o.published IS NOT TRUE AND NOT (n.course_id IS NOT NULL AND n.published IS NOT TRUE AND 'course_staff:' || o.course_id = 'course_staff:' || n.course_id)
        UNION ALL
        SELECT 'org_staff:' || n.organization_id, 22::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.course_id IS NULL
        UNION ALL
        SELECT 'org_staff:' || o.organization_id, 22::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND o.course_id IS NULL AND NOT (n.organization_id IS NOT NULL AND n.course_id IS NULL AND 'org_staff:' || o.organization_id = 'org_staff:' || n.organization_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON media_assets REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_media_assets();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON media_assets REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_media_assets();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON media_assets REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_media_assets();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON media_assets FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON media_assets REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON media_assets REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON media_assets REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 22) IS DISTINCT FROM 'id organization_id created_at updated_at stamp course_id title description object_key sha256 size_bytes media_type duration_seconds pages provider provider_id status published edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.course_id, r.title, r.description, r.object_key, r.sha256, r.size_bytes, r.media_type, r.duration_seconds, r.pages, r.provider, r.provider_id, r.status, r.published, r.edits), 0) FROM media_assets r WHERE f.entity = 22 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp course_id title description object_key sha256 size_bytes media_type duration_seconds pages provider provider_id status published edits' WHERE e.code = 22;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_content_items() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.topic_id, NEW.course_id) IS DISTINCT FROM (OLD.topic_id, OLD.course_id) THEN
            RAISE EXCEPTION 'a key column of content_items never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.media_asset_id IS NOT NULL OR NEW.edits ? 'media_asset_id') AND coalesce((NEW.edits #>> '{media_asset_id,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'media_asset_id', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.media_asset_id) IS DISTINCT FROM ROW(OLD.media_asset_id) OR NEW.edits -> 'media_asset_id' IS DISTINCT FROM OLD.edits -> 'media_asset_id' THEN
        NEW.edits := feed_edit(NEW.edits, 'media_asset_id', OLD.edits -> 'media_asset_id', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.kind IS NOT NULL OR NEW.edits ? 'kind') AND coalesce((NEW.edits #>> '{kind,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'kind', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.kind) IS DISTINCT FROM ROW(OLD.kind) OR NEW.edits -> 'kind' IS DISTINCT FROM OLD.edits -> 'kind' THEN
        NEW.edits := feed_edit(NEW.edits, 'kind', OLD.edits -> 'kind', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.role IS NOT NULL OR NEW.edits ? 'role') AND coalesce((NEW.edits #>> '{role,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'role', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.role) IS DISTINCT FROM ROW(OLD.role) OR NEW.edits -> 'role' IS DISTINCT FROM OLD.edits -> 'role' THEN
        NEW.edits := feed_edit(NEW.edits, 'role', OLD.edits -> 'role', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.position IS NOT NULL OR NEW.edits ? 'position') AND coalesce((NEW.edits #>> '{position,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'position', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.position) IS DISTINCT FROM ROW(OLD.position) OR NEW.edits -> 'position' IS DISTINCT FROM OLD.edits -> 'position' THEN
        NEW.edits := feed_edit(NEW.edits, 'position', OLD.edits -> 'position', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.title IS NOT NULL OR NEW.edits ? 'title') AND coalesce((NEW.edits #>> '{title,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'title', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.title) IS DISTINCT FROM ROW(OLD.title) OR NEW.edits -> 'title' IS DISTINCT FROM OLD.edits -> 'title' THEN
        NEW.edits := feed_edit(NEW.edits, 'title', OLD.edits -> 'title', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.description IS NOT NULL OR NEW.edits ? 'description') AND coalesce((NEW.edits #>> '{description,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'description', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.description) IS DISTINCT FROM ROW(OLD.description) OR NEW.edits -> 'description' IS DISTINCT FROM OLD.edits -> 'description' THEN
        NEW.edits := feed_edit(NEW.edits, 'description', OLD.edits -> 'description', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.body IS NOT NULL OR NEW.edits ? 'body') AND coalesce((NEW.edits #>> '{body,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'body', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.body) IS DISTINCT FROM ROW(OLD.body) OR NEW.edits -> 'body' IS DISTINCT FROM OLD.edits -> 'body' THEN
        NEW.edits := feed_edit(NEW.edits, 'body', OLD.edits -> 'body', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.is_required IS NOT NULL OR NEW.edits ? 'is_required') AND coalesce((NEW.edits #>> '{is_required,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'is_required', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.is_required) IS DISTINCT FROM ROW(OLD.is_required) OR NEW.edits -> 'is_required' IS DISTINCT FROM OLD.edits -> 'is_required' THEN
        NEW.edits := feed_edit(NEW.edits, 'is_required', OLD.edits -> 'is_required', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON content_items FOR EACH ROW EXECUTE FUNCTION before_content_items();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON content_items FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_content_items() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.course_id, r.published, feed_hash('content_items', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.module_id, r.topic_id, r.course_id, r.media_asset_id, r.kind, r.role, r.position, r.title, r.description, r.body, r.is_required, r.published, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'course:' || n.course_id, 23::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS TRUE
        UNION ALL
        SELECT 'course_staff:' || n.course_id, 23::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS NOT TRUE;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'course:' || o.course_id, 23::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.course_id IS NOT NULL AND o.published IS TRUE
        UNION ALL
        SELECT 'course_staff:' || o.course_id, 23::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.course_id IS NOT NULL AND o.published IS NOT TRUE;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.course_id, r.published, feed_hash('content_items', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.module_id, r.topic_id, r.course_id, r.media_asset_id, r.kind, r.role, r.position, r.title, r.description, r.body, r.is_required, r.published, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'course:' || n.course_id, 23::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS TRUE
        UNION ALL
        SELECT 'course:' || o.course_id, 23::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.course_id IS NOT NULL AND o.published IS TRUE AND NOT (n.course_id IS NOT NULL AND n.published IS TRUE AND 'course:' || o.course_id = 'course:' || n.course_id)
        UNION ALL
        SELECT 'course_staff:' || n.course_id, 23::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS NOT TRUE
        UNION ALL
        SELECT 'course_staff:' || o.course_id, 23::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.course_id IS NOT NULL AND o.published IS NOT TRUE AND NOT (n.course_id IS NOT NULL AND n.published IS NOT TRUE AND 'course_staff:' || o.course_id = 'course_staff:' || n.course_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON content_items REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_content_items();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON content_items REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_content_items();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON content_items REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_content_items();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON content_items FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON content_items REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON content_items REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON content_items REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 23) IS DISTINCT FROM 'id organization_id created_at updated_at stamp module_id topic_id course_id media_asset_id kind role position title description body is_required published edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.module_id, r.topic_id, r.course_id, r.media_asset_id, r.kind, r.role, r.position, r.title, r.description, r.body, r.is_required, r.published, r.edits), 0) FROM content_items r WHERE f.entity = 23 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp module_id topic_id course_id media_asset_id kind role position title description body is_required published edits' WHERE e.code = 23;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_assessments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.deleted_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.deleted_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.deleted_at + interval '500 microseconds') THEN OLD.deleted_at ELSE date_trunc('milliseconds', NEW.deleted_at + interval '500 microseconds') END;
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.course_id, NEW.topic_id, NEW.created_by) IS DISTINCT FROM (OLD.course_id, OLD.topic_id, OLD.created_by) THEN
            RAISE EXCEPTION 'a key column of assessments never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.kind IS NOT NULL OR NEW.edits ? 'kind') AND coalesce((NEW.edits #>> '{kind,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'kind', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.kind) IS DISTINCT FROM ROW(OLD.kind) OR NEW.edits -> 'kind' IS DISTINCT FROM OLD.edits -> 'kind' THEN
        NEW.edits := feed_edit(NEW.edits, 'kind', OLD.edits -> 'kind', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.title IS NOT NULL OR NEW.edits ? 'title') AND coalesce((NEW.edits #>> '{title,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'title', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.title) IS DISTINCT FROM ROW(OLD.title) OR NEW.edits -> 'title' IS DISTINCT FROM OLD.edits -> 'title' THEN
        NEW.edits := feed_edit(NEW.edits, 'title', OLD.edits -> 'title', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.description IS NOT NULL OR NEW.edits ? 'description') AND coalesce((NEW.edits #>> '{description,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'description', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.description) IS DISTINCT FROM ROW(OLD.description) OR NEW.edits -> 'description' IS DISTINCT FROM OLD.edits -> 'description' THEN
        NEW.edits := feed_edit(NEW.edits, 'description', OLD.edits -> 'description', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.passing_percent IS NOT NULL OR NEW.edits ? 'passing_percent') AND coalesce((NEW.edits #>> '{passing_percent,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'passing_percent', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.passing_percent) IS DISTINCT FROM ROW(OLD.passing_percent) OR NEW.edits -> 'passing_percent' IS DISTINCT FROM OLD.edits -> 'passing_percent' THEN
        NEW.edits := feed_edit(NEW.edits, 'passing_percent', OLD.edits -> 'passing_percent', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.attempts_max IS NOT NULL OR NEW.edits ? 'attempts_max') AND coalesce((NEW.edits #>> '{attempts_max,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'attempts_max', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.attempts_max) IS DISTINCT FROM ROW(OLD.attempts_max) OR NEW.edits -> 'attempts_max' IS DISTINCT FROM OLD.edits -> 'attempts_max' THEN
        NEW.edits := feed_edit(NEW.edits, 'attempts_max', OLD.edits -> 'attempts_max', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.time_limit_seconds IS NOT NULL OR NEW.edits ? 'time_limit_seconds') AND coalesce((NEW.edits #>> '{time_limit_seconds,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'time_limit_seconds', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.time_limit_seconds) IS DISTINCT FROM ROW(OLD.time_limit_seconds) OR NEW.edits -> 'time_limit_seconds' IS DISTINCT FROM OLD.edits -> 'time_limit_seconds' THEN
        NEW.edits := feed_edit(NEW.edits, 'time_limit_seconds', OLD.edits -> 'time_limit_seconds', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.graded_by IS NOT NULL OR NEW.edits ? 'graded_by') AND coalesce((NEW.edits #>> '{graded_by,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'graded_by', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.graded_by) IS DISTINCT FROM ROW(OLD.graded_by) OR NEW.edits -> 'graded_by' IS DISTINCT FROM OLD.edits -> 'graded_by' THEN
        NEW.edits := feed_edit(NEW.edits, 'graded_by', OLD.edits -> 'graded_by', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.shows_explanations IS NOT NULL OR NEW.edits ? 'shows_explanations') AND coalesce((NEW.edits #>> '{shows_explanations,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'shows_explanations', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.shows_explanations) IS DISTINCT FROM ROW(OLD.shows_explanations) OR NEW.edits -> 'shows_explanations' IS DISTINCT FROM OLD.edits -> 'shows_explanations' THEN
        NEW.edits := feed_edit(NEW.edits, 'shows_explanations', OLD.edits -> 'shows_explanations', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.is_required IS NOT NULL OR NEW.edits ? 'is_required') AND coalesce((NEW.edits #>> '{is_required,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'is_required', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.is_required) IS DISTINCT FROM ROW(OLD.is_required) OR NEW.edits -> 'is_required' IS DISTINCT FROM OLD.edits -> 'is_required' THEN
        NEW.edits := feed_edit(NEW.edits, 'is_required', OLD.edits -> 'is_required', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.position IS NOT NULL OR NEW.edits ? 'position') AND coalesce((NEW.edits #>> '{position,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'position', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.position) IS DISTINCT FROM ROW(OLD.position) OR NEW.edits -> 'position' IS DISTINCT FROM OLD.edits -> 'position' THEN
        NEW.edits := feed_edit(NEW.edits, 'position', OLD.edits -> 'position', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.settings IS NOT NULL OR NEW.edits ? 'settings') AND coalesce((NEW.edits #>> '{settings,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'settings', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.settings) IS DISTINCT FROM ROW(OLD.settings) OR NEW.edits -> 'settings' IS DISTINCT FROM OLD.edits -> 'settings' THEN
        NEW.edits := feed_edit(NEW.edits, 'settings', OLD.edits -> 'settings', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.pdf_media_asset_id IS NOT NULL OR NEW.edits ? 'pdf_media_asset_id') AND coalesce((NEW.edits #>> '{pdf_media_asset_id,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'pdf_media_asset_id', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.pdf_media_asset_id) IS DISTINCT FROM ROW(OLD.pdf_media_asset_id) OR NEW.edits -> 'pdf_media_asset_id' IS DISTINCT FROM OLD.edits -> 'pdf_media_asset_id' THEN
        NEW.edits := feed_edit(NEW.edits, 'pdf_media_asset_id', OLD.edits -> 'pdf_media_asset_id', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.is_active IS NOT NULL OR NEW.edits ? 'is_active') AND coalesce((NEW.edits #>> '{is_active,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'is_active', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.is_active) IS DISTINCT FROM ROW(OLD.is_active) OR NEW.edits -> 'is_active' IS DISTINCT FROM OLD.edits -> 'is_active' THEN
        NEW.edits := feed_edit(NEW.edits, 'is_active', OLD.edits -> 'is_active', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.deleted_at IS NOT NULL OR NEW.edits ? 'deleted_at') AND coalesce((NEW.edits #>> '{deleted_at,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'deleted_at', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.deleted_at) IS DISTINCT FROM ROW(OLD.deleted_at) OR NEW.edits -> 'deleted_at' IS DISTINCT FROM OLD.edits -> 'deleted_at' THEN
        NEW.edits := feed_edit(NEW.edits, 'deleted_at', OLD.edits -> 'deleted_at', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON assessments FOR EACH ROW EXECUTE FUNCTION before_assessments();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON assessments FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_assessments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.course_id, r.organization_id, r.published, feed_hash('assessments', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.course_id, r.module_id, r.topic_id, r.kind, r.title, r.description, r.passing_percent, r.attempts_max, r.time_limit_seconds, r.graded_by, r.shows_explanations, r.is_required, r.position, r.settings, r.pdf_media_asset_id, r.is_active, r.created_by, r.deleted_at, r.published, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'course:' || n.course_id, 24::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS TRUE
        UNION ALL
        SELECT 'course_staff:' || n.course_id, 24::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS NOT TRUE
        UNION ALL
        SELECT 'org_staff:' || n.organization_id, 24::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.course_id IS NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'course:' || o.course_id, 24::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.course_id IS NOT NULL AND o.published IS TRUE
        UNION ALL
        SELECT 'course_staff:' || o.course_id, 24::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.course_id IS NOT NULL AND o.published IS NOT TRUE
        UNION ALL
        SELECT 'org_staff:' || o.organization_id, 24::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL AND o.course_id IS NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.course_id, r.organization_id, r.published, feed_hash('assessments', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.course_id, r.module_id, r.topic_id, r.kind, r.title, r.description, r.passing_percent, r.attempts_max, r.time_limit_seconds, r.graded_by, r.shows_explanations, r.is_required, r.position, r.settings, r.pdf_media_asset_id, r.is_active, r.created_by, r.deleted_at, r.published, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'course:' || n.course_id, 24::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS TRUE
        UNION ALL
        SELECT 'course:' || o.course_id, 24::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.course_id IS NOT NULL AND o.published IS TRUE AND NOT (n.course_id IS NOT NULL AND n.published IS TRUE AND 'course:' || o.course_id = 'course:' || n.course_id)
        UNION ALL
        SELECT 'course_staff:' || n.course_id, 24::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS NOT TRUE
        UNION ALL
        SELECT 'course_staff:' || o.course_id, 24::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.course_id IS NOT NULL AND o.published IS NOT TRUE AND NOT (n.course_id IS NOT NULL AND n.published IS NOT TRUE AND 'course_staff:' || o.course_id = 'course_staff:' || n.course_id)
        UNION ALL
        SELECT 'org_staff:' || n.organization_id, 24::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.course_id IS NULL
        UNION ALL
        SELECT 'org_staff:' || o.organization_id, 24::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND o.course_id IS NULL AND NOT (n.organization_id IS NOT NULL AND n.course_id IS NULL AND 'org_staff:' || o.organization_id = 'org_staff:' || n.organization_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON assessments REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_assessments();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON assessments REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_assessments();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON assessments REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_assessments();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON assessments FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON assessments REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON assessments REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON assessments REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 24) IS DISTINCT FROM 'id organization_id created_at updated_at stamp course_id module_id topic_id kind title description passing_percent attempts_max time_limit_seconds graded_by shows_explanations is_required position settings pdf_media_asset_id is_active created_by deleted_at published edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.course_id, r.module_id, r.topic_id, r.kind, r.title, r.description, r.passing_percent, r.attempts_max, r.time_limit_seconds, r.graded_by, r.shows_explanations, r.is_required, r.position, r.settings, r.pdf_media_asset_id, r.is_active, r.created_by, r.deleted_at, r.published, r.edits), 0) FROM assessments r WHERE f.entity = 24 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp course_id module_id topic_id kind title description passing_percent attempts_max time_limit_seconds graded_by shows_explanations is_required position settings pdf_media_asset_id is_active created_by deleted_at published edits' WHERE e.code = 24;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_questions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.assessment_id) IS DISTINCT FROM (OLD.assessment_id) THEN
            RAISE EXCEPTION 'a key column of questions never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.position IS NOT NULL OR NEW.edits ? 'position') AND coalesce((NEW.edits #>> '{position,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'position', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.position) IS DISTINCT FROM ROW(OLD.position) OR NEW.edits -> 'position' IS DISTINCT FROM OLD.edits -> 'position' THEN
        NEW.edits := feed_edit(NEW.edits, 'position', OLD.edits -> 'position', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.question_type IS NOT NULL OR NEW.edits ? 'question_type') AND coalesce((NEW.edits #>> '{question_type,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'question_type', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.question_type) IS DISTINCT FROM ROW(OLD.question_type) OR NEW.edits -> 'question_type' IS DISTINCT FROM OLD.edits -> 'question_type' THEN
        NEW.edits := feed_edit(NEW.edits, 'question_type', OLD.edits -> 'question_type', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.text IS NOT NULL OR NEW.edits ? 'text') AND coalesce((NEW.edits #>> '{text,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'text', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.text) IS DISTINCT FROM ROW(OLD.text) OR NEW.edits -> 'text' IS DISTINCT FROM OLD.edits -> 'text' THEN
        NEW.edits := feed_edit(NEW.edits, 'text', OLD.edits -> 'text', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.points IS NOT NULL OR NEW.edits ? 'points') AND coalesce((NEW.edits #>> '{points,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'points', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.points) IS DISTINCT FROM ROW(OLD.points) OR NEW.edits -> 'points' IS DISTINCT FROM OLD.edits -> 'points' THEN
        NEW.edits := feed_edit(NEW.edits, 'points', OLD.edits -> 'points', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON questions FOR EACH ROW EXECUTE FUNCTION before_questions();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON questions FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_questions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.course_id, r.organization_id, r.published, feed_hash('questions', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.assessment_id, r.course_id, r.position, r.question_type, r.text, r.points, r.published, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'course:' || n.course_id, 25::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS TRUE
        UNION ALL
        SELECT 'course_staff:' || n.course_id, 25::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS NOT TRUE
        UNION ALL
        SELECT 'org_staff:' || n.organization_id, 25::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.course_id IS NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'course:' || o.course_id, 25::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.course_id IS NOT NULL AND o.published IS TRUE
        UNION ALL
        SELECT 'course_staff:' || o.course_id, 25::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.course_id IS NOT NULL AND o.published IS NOT TRUE
        UNION ALL
        SELECT 'org_staff:' || o.organization_id, 25::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL AND o.course_id IS NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.course_id, r.organization_id, r.published, feed_hash('questions', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.assessment_id, r.course_id, r.position, r.question_type, r.text, r.points, r.published, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'course:' || n.course_id, 25::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS TRUE
        UNION ALL
        SELECT 'course:' || o.course_id, 25::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.course_id IS NOT NULL AND o.published IS TRUE AND NOT (n.course_id IS NOT NULL AND n.published IS TRUE AND 'course:' || o.course_id = 'course:' || n.course_id)
        UNION ALL
        SELECT 'course_staff:' || n.course_id, 25::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS NOT TRUE
        UNION ALL
        SELECT 'course_staff:' || o.course_id, 25::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.course_id IS NOT NULL AND o.published IS NOT TRUE AND NOT (n.course_id IS NOT NULL AND n.published IS NOT TRUE AND 'course_staff:' || o.course_id = 'course_staff:' || n.course_id)
        UNION ALL
        SELECT 'org_staff:' || n.organization_id, 25::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.course_id IS NULL
        UNION ALL
        SELECT 'org_staff:' || o.organization_id, 25::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND o.course_id IS NULL AND NOT (n.organization_id IS NOT NULL AND n.course_id IS NULL AND 'org_staff:' || o.organization_id = 'org_staff:' || n.organization_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON questions REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_questions();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON questions REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_questions();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON questions REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_questions();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON questions FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON questions REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON questions REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON questions REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 25) IS DISTINCT FROM 'id organization_id created_at updated_at stamp assessment_id course_id position question_type text points published edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.assessment_id, r.course_id, r.position, r.question_type, r.text, r.points, r.published, r.edits), 0) FROM questions r WHERE f.entity = 25 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp assessment_id course_id position question_type text points published edits' WHERE e.code = 25;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_question_options() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.question_id) IS DISTINCT FROM (OLD.question_id) THEN
            RAISE EXCEPTION 'a key column of question_options never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.position IS NOT NULL OR NEW.edits ? 'position') AND coalesce((NEW.edits #>> '{position,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'position', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.position) IS DISTINCT FROM ROW(OLD.position) OR NEW.edits -> 'position' IS DISTINCT FROM OLD.edits -> 'position' THEN
        NEW.edits := feed_edit(NEW.edits, 'position', OLD.edits -> 'position', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.text IS NOT NULL OR NEW.edits ? 'text') AND coalesce((NEW.edits #>> '{text,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'text', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.text) IS DISTINCT FROM ROW(OLD.text) OR NEW.edits -> 'text' IS DISTINCT FROM OLD.edits -> 'text' THEN
        NEW.edits := feed_edit(NEW.edits, 'text', OLD.edits -> 'text', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON question_options FOR EACH ROW EXECUTE FUNCTION before_question_options();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON question_options FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_question_options() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.course_id, r.organization_id, r.published, feed_hash('question_options', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.question_id, r.course_id, r.position, r.text, r.published, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'course:' || n.course_id, 26::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS TRUE
        UNION ALL
        SELECT 'course_staff:' || n.course_id, 26::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS NOT TRUE
        UNION ALL
        SELECT 'org_staff:' || n.organization_id, 26::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.course_id IS NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'course:' || o.course_id, 26::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.course_id IS NOT NULL AND o.published IS TRUE
        UNION ALL
        SELECT 'course_staff:' || o.course_id, 26::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.course_id IS NOT NULL AND o.published IS NOT TRUE
        UNION ALL
        SELECT 'org_staff:' || o.organization_id, 26::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL AND o.course_id IS NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.course_id, r.organization_id, r.published, feed_hash('question_options', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.question_id, r.course_id, r.position, r.text, r.published, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'course:' || n.course_id, 26::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS TRUE
        UNION ALL
        SELECT 'course:' || o.course_id, 26::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.course_id IS NOT NULL AND o.published IS TRUE AND NOT (n.course_id IS NOT NULL AND n.published IS TRUE AND 'course:' || o.course_id = 'course:' || n.course_id)
        UNION ALL
        SELECT 'course_staff:' || n.course_id, 26::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS NOT TRUE
        UNION ALL
        SELECT 'course_staff:' || o.course_id, 26::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.course_id IS NOT NULL AND o.published IS NOT TRUE AND NOT (n.course_id IS NOT NULL AND n.published IS NOT TRUE AND 'course_staff:' || o.course_id = 'course_staff:' || n.course_id)
        UNION ALL
        SELECT 'org_staff:' || n.organization_id, 26::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.course_id IS NULL
        UNION ALL
        SELECT 'org_staff:' || o.organization_id, 26::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND o.course_id IS NULL AND NOT (n.organization_id IS NOT NULL AND n.course_id IS NULL AND 'org_staff:' || o.organization_id = 'org_staff:' || n.organization_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON question_options REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_question_options();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON question_options REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_question_options();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON question_options REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_question_options();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON question_options FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON question_options REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON question_options REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON question_options REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 26) IS DISTINCT FROM 'id organization_id created_at updated_at stamp question_id course_id position text published edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.question_id, r.course_id, r.position, r.text, r.published, r.edits), 0) FROM question_options r WHERE f.entity = 26 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp question_id course_id position text published edits' WHERE e.code = 26;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_answer_keys() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.id := uuid_generate_v5('6f2f98a1-0c5e-5b1c-9d0a-7c6179737461', 'answer_keys:' || coalesce(NEW.assessment_id::text, '-'));
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.assessment_id) IS DISTINCT FROM (OLD.assessment_id) THEN
            RAISE EXCEPTION 'a key column of answer_keys never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.keys IS NOT NULL OR NEW.edits ? 'keys') AND coalesce((NEW.edits #>> '{keys,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'keys', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.keys) IS DISTINCT FROM ROW(OLD.keys) OR NEW.edits -> 'keys' IS DISTINCT FROM OLD.edits -> 'keys' THEN
        NEW.edits := feed_edit(NEW.edits, 'keys', OLD.edits -> 'keys', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.explanations IS NOT NULL OR NEW.edits ? 'explanations') AND coalesce((NEW.edits #>> '{explanations,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'explanations', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.explanations) IS DISTINCT FROM ROW(OLD.explanations) OR NEW.edits -> 'explanations' IS DISTINCT FROM OLD.edits -> 'explanations' THEN
        NEW.edits := feed_edit(NEW.edits, 'explanations', OLD.edits -> 'explanations', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.mcq_answers IS NOT NULL OR NEW.edits ? 'mcq_answers') AND coalesce((NEW.edits #>> '{mcq_answers,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'mcq_answers', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.mcq_answers) IS DISTINCT FROM ROW(OLD.mcq_answers) OR NEW.edits -> 'mcq_answers' IS DISTINCT FROM OLD.edits -> 'mcq_answers' THEN
        NEW.edits := feed_edit(NEW.edits, 'mcq_answers', OLD.edits -> 'mcq_answers', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.numeric_answers IS NOT NULL OR NEW.edits ? 'numeric_answers') AND coalesce((NEW.edits #>> '{numeric_answers,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'numeric_answers', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.numeric_answers) IS DISTINCT FROM ROW(OLD.numeric_answers) OR NEW.edits -> 'numeric_answers' IS DISTINCT FROM OLD.edits -> 'numeric_answers' THEN
        NEW.edits := feed_edit(NEW.edits, 'numeric_answers', OLD.edits -> 'numeric_answers', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.written_instructions IS NOT NULL OR NEW.edits ? 'written_instructions') AND coalesce((NEW.edits #>> '{written_instructions,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'written_instructions', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.written_instructions) IS DISTINCT FROM ROW(OLD.written_instructions) OR NEW.edits -> 'written_instructions' IS DISTINCT FROM OLD.edits -> 'written_instructions' THEN
        NEW.edits := feed_edit(NEW.edits, 'written_instructions', OLD.edits -> 'written_instructions', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON answer_keys FOR EACH ROW EXECUTE FUNCTION before_answer_keys();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON answer_keys FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_answer_keys() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.course_id, r.organization_id, r.shared, feed_hash('answer_keys', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.assessment_id, r.course_id, r.shared, r.keys, r.explanations, r.mcq_answers, r.numeric_answers, r.written_instructions, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'course_staff:' || n.course_id, 27::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.course_id IS NOT NULL
        UNION ALL
        SELECT 'course:' || n.course_id, 27::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.shared IS TRUE
        UNION ALL
        SELECT 'org_staff:' || n.organization_id, 27::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.course_id IS NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'course_staff:' || o.course_id, 27::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.course_id IS NOT NULL
        UNION ALL
        SELECT 'course:' || o.course_id, 27::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.course_id IS NOT NULL AND o.shared IS TRUE
        UNION ALL
        SELECT 'org_staff:' || o.organization_id, 27::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL AND o.course_id IS NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.course_id, r.organization_id, r.shared, feed_hash('answer_keys', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.assessment_id, r.course_id, r.shared, r.keys, r.explanations, r.mcq_answers, r.numeric_answers, r.written_instructions, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'course_staff:' || n.course_id, 27::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.course_id IS NOT NULL
        UNION ALL
        SELECT 'course_staff:' || o.course_id, 27::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.course_id IS NOT NULL AND NOT (n.course_id IS NOT NULL AND 'course_staff:' || o.course_id = 'course_staff:' || n.course_id)
        UNION ALL
        SELECT 'course:' || n.course_id, 27::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.shared IS TRUE
        UNION ALL
        SELECT 'course:' || o.course_id, 27::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.course_id IS NOT NULL AND o.shared IS TRUE AND NOT (n.course_id IS NOT NULL AND n.shared IS TRUE AND 'course:' || o.course_id = 'course:' || n.course_id)
        UNION ALL
        SELECT 'org_staff:' || n.organization_id, 27::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.course_id IS NULL
        UNION ALL
        SELECT 'org_staff:' || o.organization_id, 27::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND o.course_id IS NULL AND NOT (n.organization_id IS NOT NULL AND n.course_id IS NULL AND 'org_staff:' || o.organization_id = 'org_staff:' || n.organization_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON answer_keys REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_answer_keys();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON answer_keys REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_answer_keys();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON answer_keys REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_answer_keys();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON answer_keys FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON answer_keys REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON answer_keys REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON answer_keys REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 27) IS DISTINCT FROM 'id organization_id created_at updated_at stamp assessment_id course_id shared keys explanations mcq_answers numeric_answers written_instructions edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.assessment_id, r.course_id, r.shared, r.keys, r.explanations, r.mcq_answers, r.numeric_answers, r.written_instructions, r.edits), 0) FROM answer_keys r WHERE f.entity = 27 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp assessment_id course_id shared keys explanations mcq_answers numeric_answers written_instructions edits' WHERE e.code = 27;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_assessment_assignments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.available_from := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.available_from + interval '500 microseconds') = date_trunc('milliseconds', OLD.available_from + interval '500 microseconds') THEN OLD.available_from ELSE date_trunc('milliseconds', NEW.available_from + interval '500 microseconds') END;
    NEW.available_to := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.available_to + interval '500 microseconds') = date_trunc('milliseconds', OLD.available_to + interval '500 microseconds') THEN OLD.available_to ELSE date_trunc('milliseconds', NEW.available_to + interval '500 microseconds') END;
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.assessment_id, NEW.group_id, NEW.user_id, NEW.created_by) IS DISTINCT FROM (OLD.assessment_id, OLD.group_id, OLD.user_id, OLD.created_by) THEN
            RAISE EXCEPTION 'a key column of assessment_assignments never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.available_from IS NOT NULL OR NEW.available_to IS NOT NULL OR NEW.edits ? 'window') AND coalesce((NEW.edits #>> '{window,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'window', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.available_from, NEW.available_to) IS DISTINCT FROM ROW(OLD.available_from, OLD.available_to) OR NEW.edits -> 'window' IS DISTINCT FROM OLD.edits -> 'window' THEN
        NEW.edits := feed_edit(NEW.edits, 'window', OLD.edits -> 'window', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON assessment_assignments FOR EACH ROW EXECUTE FUNCTION before_assessment_assignments();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON assessment_assignments FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_assessment_assignments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.created_by, r.group_id, r.organization_id, r.user_id, feed_hash('assessment_assignments', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.assessment_id, r.group_id, r.user_id, r.available_from, r.available_to, r.created_by, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'group:' || n.group_id, 54::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.group_id IS NOT NULL
        UNION ALL
        SELECT 'roster:' || n.group_id, 54::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.group_id IS NOT NULL
        UNION ALL
        SELECT 'learner:' || n.user_id, 54::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.user_id IS NOT NULL
        UNION ALL
        SELECT 'user:' || n.created_by, 54::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.created_by IS NOT NULL
        UNION ALL
        SELECT 'people:' || n.organization_id, 54::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.group_id IS NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'group:' || o.group_id, 54::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.group_id IS NOT NULL
        UNION ALL
        SELECT 'roster:' || o.group_id, 54::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.group_id IS NOT NULL
        UNION ALL
        SELECT 'learner:' || o.user_id, 54::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.user_id IS NOT NULL
        UNION ALL
        SELECT 'user:' || o.created_by, 54::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.created_by IS NOT NULL
        UNION ALL
        SELECT 'people:' || o.organization_id, 54::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL AND o.group_id IS NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.created_by, r.group_id, r.organization_id, r.user_id, feed_hash('assessment_assignments', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.assessment_id, r.group_id, r.user_id, r.available_from, r.available_to, r.created_by, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'group:' || n.group_id, 54::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.group_id IS NOT NULL
        UNION ALL
        SELECT 'group:' || o.group_id, 54::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.group_id IS NOT NULL AND NOT (n.group_id IS NOT NULL AND 'group:' || o.group_id = 'group:' || n.group_id)
        UNION ALL
        SELECT 'roster:' || n.group_id, 54::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.group_id IS NOT NULL
        UNION ALL
        SELECT 'roster:' || o.group_id, 54::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.group_id IS NOT NULL AND NOT (n.group_id IS NOT NULL AND 'roster:' || o.group_id = 'roster:' || n.group_id)
        UNION ALL
        SELECT 'learner:' || n.user_id, 54::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.user_id IS NOT NULL
        UNION ALL
        SELECT 'learner:' || o.user_id, 54::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.user_id IS NOT NULL AND NOT (n.user_id IS NOT NULL AND 'learner:' || o.user_id = 'learner:' || n.user_id)
        UNION ALL
        SELECT 'user:' || n.created_by, 54::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.created_by IS NOT NULL
        UNION ALL
        SELECT 'user:' || o.created_by, 54::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.created_by IS NOT NULL AND NOT (n.created_by IS NOT NULL AND 'user:' || o.created_by = 'user:' || n.created_by)
        UNION ALL
        SELECT 'people:' || n.organization_id, 54::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.group_id IS NULL
        UNION ALL
        SELECT 'people:' || o.organization_id, 54::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND o.group_id IS NULL AND NOT (n.organization_id IS NOT NULL AND n.group_id IS NULL AND 'people:' || o.organization_id = 'people:' || n.organization_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON assessment_assignments REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_assessment_assignments();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON assessment_assignments REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_assessment_assignments();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON assessment_assignments REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_assessment_assignments();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON assessment_assignments FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON assessment_assignments REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON assessment_assignments REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON assessment_assignments REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 54) IS DISTINCT FROM 'id organization_id created_at updated_at stamp assessment_id group_id user_id available_from available_to created_by edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.assessment_id, r.group_id, r.user_id, r.available_from, r.available_to, r.created_by, r.edits), 0) FROM assessment_assignments r WHERE f.entity = 54 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp assessment_id group_id user_id available_from available_to created_by edits' WHERE e.code = 54;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_learning_paths() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.author_id) IS DISTINCT FROM (OLD.author_id) THEN
            RAISE EXCEPTION 'a key column of learning_paths never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.title IS NOT NULL OR NEW.edits ? 'title') AND coalesce((NEW.edits #>> '{title,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'title', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.title) IS DISTINCT FROM ROW(OLD.title) OR NEW.edits -> 'title' IS DISTINCT FROM OLD.edits -> 'title' THEN
        NEW.edits := feed_edit(NEW.edits, 'title', OLD.edits -> 'title', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.description IS NOT NULL OR NEW.edits ? 'description') AND coalesce((NEW.edits #>> '{description,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'description', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.description) IS DISTINCT FROM ROW(OLD.description) OR NEW.edits -> 'description' IS DISTINCT FROM OLD.edits -> 'description' THEN
        NEW.edits := feed_edit(NEW.edits, 'description', OLD.edits -> 'description', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.thumbnail_url IS NOT NULL OR NEW.edits ? 'thumbnail_url') AND coalesce((NEW.edits #>> '{thumbnail_url,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'thumbnail_url', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.thumbnail_url) IS DISTINCT FROM ROW(OLD.thumbnail_url) OR NEW.edits -> 'thumbnail_url' IS DISTINCT FROM OLD.edits -> 'thumbnail_url' THEN
        NEW.edits := feed_edit(NEW.edits, 'thumbnail_url', OLD.edits -> 'thumbnail_url', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.status IS NOT NULL OR NEW.edits ? 'status') AND coalesce((NEW.edits #>> '{status,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'status', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.status) IS DISTINCT FROM ROW(OLD.status) OR NEW.edits -> 'status' IS DISTINCT FROM OLD.edits -> 'status' THEN
        NEW.edits := feed_edit(NEW.edits, 'status', OLD.edits -> 'status', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON learning_paths FOR EACH ROW EXECUTE FUNCTION before_learning_paths();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON learning_paths FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_learning_paths() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, r.published, feed_hash('learning_paths', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.title, r.description, r.thumbnail_url, r.author_id, r.status, r.published, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.organization_id, 42::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.published IS TRUE
        UNION ALL
        SELECT 'org_staff:' || n.organization_id, 42::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.published IS NOT TRUE;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || o.organization_id, 42::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL AND o.published IS TRUE
        UNION ALL
        SELECT 'org_staff:' || o.organization_id, 42::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL AND o.published IS NOT TRUE;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, r.published, feed_hash('learning_paths', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.title, r.description, r.thumbnail_url, r.author_id, r.status, r.published, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.organization_id, 42::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.published IS TRUE
        UNION ALL
        SELECT 'org:' || o.organization_id, 42::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND o.published IS TRUE AND NOT (n.organization_id IS NOT NULL AND n.published IS TRUE AND 'org:' || o.organization_id = 'org:' || n.organization_id)
        UNION ALL
        SELECT 'org_staff:' || n.organization_id, 42::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.published IS NOT TRUE
        UNION ALL
        SELECT 'org_staff:' || o.organization_id, 42::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND o.published IS NOT TRUE AND NOT (n.organization_id IS NOT NULL AND n.published IS NOT TRUE AND 'org_staff:' || o.organization_id = 'org_staff:' || n.organization_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON learning_paths REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_learning_paths();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON learning_paths REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_learning_paths();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON learning_paths REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_learning_paths();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON learning_paths FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON learning_paths REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON learning_paths REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON learning_paths REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 42) IS DISTINCT FROM 'id organization_id created_at updated_at stamp title description thumbnail_url author_id status published edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.title, r.description, r.thumbnail_url, r.author_id, r.status, r.published, r.edits), 0) FROM learning_paths r WHERE f.entity = 42 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp title description thumbnail_url author_id status published edits' WHERE e.code = 42;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_path_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.learning_path_id, NEW.course_id, NEW.assessment_id) IS DISTINCT FROM (OLD.learning_path_id, OLD.course_id, OLD.assessment_id) THEN
            RAISE EXCEPTION 'a key column of path_steps never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.position IS NOT NULL OR NEW.edits ? 'position') AND coalesce((NEW.edits #>> '{position,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'position', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.position) IS DISTINCT FROM ROW(OLD.position) OR NEW.edits -> 'position' IS DISTINCT FROM OLD.edits -> 'position' THEN
        NEW.edits := feed_edit(NEW.edits, 'position', OLD.edits -> 'position', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON path_steps FOR EACH ROW EXECUTE FUNCTION before_path_steps();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON path_steps FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_path_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, r.published, feed_hash('path_steps', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.learning_path_id, r.position, r.course_id, r.assessment_id, r.published, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.organization_id, 43::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.published IS TRUE
        UNION ALL
        SELECT 'org_staff:' || n.organization_id, 43::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.published IS NOT TRUE;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || o.organization_id, 43::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL AND o.published IS TRUE
        UNION ALL
        SELECT 'org_staff:' || o.organization_id, 43::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL AND o.published IS NOT TRUE;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, r.published, feed_hash('path_steps', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.learning_path_id, r.position, r.course_id, r.assessment_id, r.published, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.organization_id, 43::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.published IS TRUE
        UNION ALL
        SELECT 'org:' || o.organization_id, 43::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND o.published IS TRUE AND NOT (n.organization_id IS NOT NULL AND n.published IS TRUE AND 'org:' || o.organization_id = 'org:' || n.organization_id)
        UNION ALL
        SELECT 'org_staff:' || n.organization_id, 43::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.published IS NOT TRUE
        UNION ALL
        SELECT 'org_staff:' || o.organization_id, 43::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND o.published IS NOT TRUE AND NOT (n.organization_id IS NOT NULL AND n.published IS NOT TRUE AND 'org_staff:' || o.organization_id = 'org_staff:' || n.organization_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON path_steps REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_path_steps();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON path_steps REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_path_steps();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON path_steps REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_path_steps();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON path_steps FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON path_steps REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON path_steps REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON path_steps REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 43) IS DISTINCT FROM 'id organization_id created_at updated_at stamp learning_path_id position course_id assessment_id published edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.learning_path_id, r.position, r.course_id, r.assessment_id, r.published, r.edits), 0) FROM path_steps r WHERE f.entity = 43 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp learning_path_id position course_id assessment_id published edits' WHERE e.code = 43;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_enrollments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.started_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.started_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.started_at + interval '500 microseconds') THEN OLD.started_at ELSE date_trunc('milliseconds', NEW.started_at + interval '500 microseconds') END;
    NEW.completed_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.completed_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.completed_at + interval '500 microseconds') THEN OLD.completed_at ELSE date_trunc('milliseconds', NEW.completed_at + interval '500 microseconds') END;
    NEW.due_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.due_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.due_at + interval '500 microseconds') THEN OLD.due_at ELSE date_trunc('milliseconds', NEW.due_at + interval '500 microseconds') END;
    IF TG_OP = 'INSERT' THEN
        NEW.id := uuid_generate_v5('6f2f98a1-0c5e-5b1c-9d0a-7c6179737461', 'enrollments:' || coalesce(NEW.user_id::text, '-') || ':' || coalesce(NEW.course_id::text, '-'));
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.user_id, NEW.course_id) IS DISTINCT FROM (OLD.user_id, OLD.course_id) THEN
            RAISE EXCEPTION 'a key column of enrollments never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.enrolled_by IS NOT NULL OR NEW.enrollment_type IS NOT NULL OR NEW.edits ? 'enrolling') AND coalesce((NEW.edits #>> '{enrolling,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'enrolling', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.enrolled_by, NEW.enrollment_type) IS DISTINCT FROM ROW(OLD.enrolled_by, OLD.enrollment_type) OR NEW.edits -> 'enrolling' IS DISTINCT FROM OLD.edits -> 'enrolling' THEN
        NEW.edits := feed_edit(NEW.edits, 'enrolling', OLD.edits -> 'enrolling', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.status IS NOT NULL OR NEW.started_at IS NOT NULL OR NEW.completed_at IS NOT NULL OR NEW.edits ? 'status') AND coalesce((NEW.edits #>> '{status,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'status', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.status, NEW.started_at, NEW.completed_at) IS DISTINCT FROM ROW(OLD.status, OLD.started_at, OLD.completed_at) OR NEW.edits -> 'status' IS DISTINCT FROM OLD.edits -> 'status' THEN
        NEW.edits := feed_edit(NEW.edits, 'status', OLD.edits -> 'status', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.due_at IS NOT NULL OR NEW.edits ? 'due_at') AND coalesce((NEW.edits #>> '{due_at,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'due_at', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.due_at) IS DISTINCT FROM ROW(OLD.due_at) OR NEW.edits -> 'due_at' IS DISTINCT FROM OLD.edits -> 'due_at' THEN
        NEW.edits := feed_edit(NEW.edits, 'due_at', OLD.edits -> 'due_at', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON enrollments FOR EACH ROW EXECUTE FUNCTION before_enrollments();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON enrollments FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_enrollments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.course_id, r.user_id, feed_hash('enrollments', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.course_id, r.display_name, r.enrolled_by, r.enrollment_type, r.status, r.started_at, r.completed_at, r.due_at, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'learner:' || n.user_id, 28::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.user_id IS NOT NULL
        UNION ALL
        SELECT 'results:' || n.course_id, 28::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.course_id IS NOT NULL
        UNION ALL
        SELECT DISTINCT 'access:' || r.user_id, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM new_rows r WHERE r.user_id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'learner:' || o.user_id, 28::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.user_id IS NOT NULL
        UNION ALL
        SELECT 'results:' || o.course_id, 28::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.course_id IS NOT NULL
        UNION ALL
        SELECT DISTINCT 'access:' || r.user_id, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM old_rows r WHERE r.user_id IS NOT NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.course_id, r.user_id, feed_hash('enrollments', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.course_id, r.display_name, r.enrolled_by, r.enrollment_type, r.status, r.started_at, r.completed_at, r.due_at, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'learner:' || n.user_id, 28::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.user_id IS NOT NULL
        UNION ALL
        SELECT 'learner:' || o.user_id, 28::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.user_id IS NOT NULL AND NOT (n.user_id IS NOT NULL AND 'learner:' || o.user_id = 'learner:' || n.user_id)
        UNION ALL
        SELECT 'results:' || n.course_id, 28::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.course_id IS NOT NULL
        UNION ALL
        SELECT 'results:' || o.course_id, 28::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.course_id IS NOT NULL AND NOT (n.course_id IS NOT NULL AND 'results:' || o.course_id = 'results:' || n.course_id)
        UNION ALL
        SELECT DISTINCT 'access:' || r.user_id, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM old_rows r WHERE r.user_id IS NOT NULL
        UNION ALL
        SELECT DISTINCT 'access:' || r.user_id, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM new_rows r WHERE r.user_id IS NOT NULL;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON enrollments REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_enrollments();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON enrollments REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_enrollments();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON enrollments REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_enrollments();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON enrollments FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON enrollments REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON enrollments REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON enrollments REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 28) IS DISTINCT FROM 'id organization_id created_at updated_at stamp user_id course_id display_name enrolled_by enrollment_type status started_at completed_at due_at edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.course_id, r.display_name, r.enrolled_by, r.enrollment_type, r.status, r.started_at, r.completed_at, r.due_at, r.edits), 0) FROM enrollments r WHERE f.entity = 28 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp user_id course_id display_name enrolled_by enrollment_type status started_at completed_at due_at edits' WHERE e.code = 28;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_assessment_attempts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.started_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.started_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.started_at + interval '500 microseconds') THEN OLD.started_at ELSE date_trunc('milliseconds', NEW.started_at + interval '500 microseconds') END;
    NEW.submitted_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.submitted_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.submitted_at + interval '500 microseconds') THEN OLD.submitted_at ELSE date_trunc('milliseconds', NEW.submitted_at + interval '500 microseconds') END;
    NEW.graded_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.graded_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.graded_at + interval '500 microseconds') THEN OLD.graded_at ELSE date_trunc('milliseconds', NEW.graded_at + interval '500 microseconds') END;
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.assessment_id, NEW.user_id, NEW.attempt_number, NEW.started_at) IS DISTINCT FROM (OLD.assessment_id, OLD.user_id, OLD.attempt_number, OLD.started_at) THEN
            RAISE EXCEPTION 'a key column of assessment_attempts never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.feedback IS NOT NULL OR NEW.edits ? 'feedback') AND coalesce((NEW.edits #>> '{feedback,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'feedback', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.feedback) IS DISTINCT FROM ROW(OLD.feedback) OR NEW.edits -> 'feedback' IS DISTINCT FROM OLD.edits -> 'feedback' THEN
        NEW.edits := feed_edit(NEW.edits, 'feedback', OLD.edits -> 'feedback', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.given_points IS NOT NULL OR NEW.edits ? 'given_points') AND coalesce((NEW.edits #>> '{given_points,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'given_points', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.given_points) IS DISTINCT FROM ROW(OLD.given_points) OR NEW.edits -> 'given_points' IS DISTINCT FROM OLD.edits -> 'given_points' THEN
        NEW.edits := feed_edit(NEW.edits, 'given_points', OLD.edits -> 'given_points', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON assessment_attempts FOR EACH ROW EXECUTE FUNCTION before_assessment_attempts();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON assessment_attempts FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_assessment_attempts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.course_id, r.user_id, feed_hash('assessment_attempts', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.assessment_id, r.user_id, r.course_id, r.attempt_number, r.started_at, r.submitted_at, r.answers, r.time_taken_seconds, r.clock_moved, r.status, r.score_raw, r.score_max, r.score_percent, r.passed, r.graded_at, r.graded_by, r.answer_grades, r.feedback, r.given_points, r.handed_in_late, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'learner:' || n.user_id, 29::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.user_id IS NOT NULL
        UNION ALL
        SELECT 'results:' || n.course_id, 29::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.course_id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'learner:' || o.user_id, 29::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.user_id IS NOT NULL
        UNION ALL
        SELECT 'results:' || o.course_id, 29::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.course_id IS NOT NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.course_id, r.user_id, feed_hash('assessment_attempts', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.assessment_id, r.user_id, r.course_id, r.attempt_number, r.started_at, r.submitted_at, r.answers, r.time_taken_seconds, r.clock_moved, r.status, r.score_raw, r.score_max, r.score_percent, r.passed, r.graded_at, r.graded_by, r.answer_grades, r.feedback, r.given_points, r.handed_in_late, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'learner:' || n.user_id, 29::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.user_id IS NOT NULL
        UNION ALL
        SELECT 'learner:' || o.user_id, 29::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.user_id IS NOT NULL AND NOT (n.user_id IS NOT NULL AND 'learner:' || o.user_id = 'learner:' || n.user_id)
        UNION ALL
        SELECT 'results:' || n.course_id, 29::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.course_id IS NOT NULL
        UNION ALL
        SELECT 'results:' || o.course_id, 29::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.course_id IS NOT NULL AND NOT (n.course_id IS NOT NULL AND 'results:' || o.course_id = 'results:' || n.course_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON assessment_attempts REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_assessment_attempts();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON assessment_attempts REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_assessment_attempts();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON assessment_attempts REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_assessment_attempts();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON assessment_attempts FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON assessment_attempts REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON assessment_attempts REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON assessment_attempts REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 29) IS DISTINCT FROM 'id organization_id created_at updated_at stamp assessment_id user_id course_id attempt_number started_at submitted_at answers time_taken_seconds clock_moved status score_raw score_max score_percent passed graded_at graded_by answer_grades feedback given_points handed_in_late edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.assessment_id, r.user_id, r.course_id, r.attempt_number, r.started_at, r.submitted_at, r.answers, r.time_taken_seconds, r.clock_moved, r.status, r.score_raw, r.score_max, r.score_percent, r.passed, r.graded_at, r.graded_by, r.answer_grades, r.feedback, r.given_points, r.handed_in_late, r.edits), 0) FROM assessment_attempts r WHERE f.entity = 29 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp assessment_id user_id course_id attempt_number started_at submitted_at answers time_taken_seconds clock_moved status score_raw score_max score_percent passed graded_at graded_by answer_grades feedback given_points handed_in_late edits' WHERE e.code = 29;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_topic_progress() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.completed_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.completed_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.completed_at + interval '500 microseconds') THEN OLD.completed_at ELSE date_trunc('milliseconds', NEW.completed_at + interval '500 microseconds') END;
    IF TG_OP = 'INSERT' THEN
        NEW.id := uuid_generate_v5('6f2f98a1-0c5e-5b1c-9d0a-7c6179737461', 'topic_progress:' || coalesce(NEW.user_id::text, '-') || ':' || coalesce(NEW.topic_id::text, '-'));
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.user_id, NEW.topic_id) IS DISTINCT FROM (OLD.user_id, OLD.topic_id) THEN
            RAISE EXCEPTION 'a key column of topic_progress never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON topic_progress FOR EACH ROW EXECUTE FUNCTION before_topic_progress();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON topic_progress FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_topic_progress() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.course_id, r.user_id, feed_hash('topic_progress', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.topic_id, r.course_id, r.reset_number, r.completed, r.percent, r.seconds_watched, r.completed_at, r.time_spent_seconds), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'learner:' || n.user_id, 30::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.user_id IS NOT NULL
        UNION ALL
        SELECT 'results:' || n.course_id, 30::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.course_id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'learner:' || o.user_id, 30::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.user_id IS NOT NULL
        UNION ALL
        SELECT 'results:' || o.course_id, 30::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.course_id IS NOT NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.course_id, r.user_id, feed_hash('topic_progress', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.topic_id, r.course_id, r.reset_number, r.completed, r.percent, r.seconds_watched, r.completed_at, r.time_spent_seconds), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'learner:' || n.user_id, 30::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.user_id IS NOT NULL
        UNION ALL
        SELECT 'learner:' || o.user_id, 30::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.user_id IS NOT NULL AND NOT (n.user_id IS NOT NULL AND 'learner:' || o.user_id = 'learner:' || n.user_id)
        UNION ALL
        SELECT 'results:' || n.course_id, 30::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.course_id IS NOT NULL
        UNION ALL
        SELECT 'results:' || o.course_id, 30::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.course_id IS NOT NULL AND NOT (n.course_id IS NOT NULL AND 'results:' || o.course_id = 'results:' || n.course_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON topic_progress REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_topic_progress();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON topic_progress REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_topic_progress();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON topic_progress REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_topic_progress();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON topic_progress FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
DROP TRIGGER IF EXISTS audit_insert ON topic_progress;
DROP TRIGGER IF EXISTS audit_update ON topic_progress;
DROP TRIGGER IF EXISTS audit_delete ON topic_progress;
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 30) IS DISTINCT FROM 'id organization_id created_at updated_at stamp user_id topic_id course_id reset_number completed percent seconds_watched completed_at time_spent_seconds' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.topic_id, r.course_id, r.reset_number, r.completed, r.percent, r.seconds_watched, r.completed_at, r.time_spent_seconds), 0) FROM topic_progress r WHERE f.entity = 30 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp user_id topic_id course_id reset_number completed percent seconds_watched completed_at time_spent_seconds' WHERE e.code = 30;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_content_progress() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.completed_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.completed_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.completed_at + interval '500 microseconds') THEN OLD.completed_at ELSE date_trunc('milliseconds', NEW.completed_at + interval '500 microseconds') END;
    IF TG_OP = 'INSERT' THEN
        NEW.id := uuid_generate_v5('6f2f98a1-0c5e-5b1c-9d0a-7c6179737461', 'content_progress:' || coalesce(NEW.user_id::text, '-') || ':' || coalesce(NEW.content_item_id::text, '-'));
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.user_id, NEW.content_item_id) IS DISTINCT FROM (OLD.user_id, OLD.content_item_id) THEN
            RAISE EXCEPTION 'a key column of content_progress never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.page IS NOT NULL OR NEW.second IS NOT NULL OR NEW.edits ? 'position') AND coalesce((NEW.edits #>> '{position,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'position', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.page, NEW.second) IS DISTINCT FROM ROW(OLD.page, OLD.second) OR NEW.edits -> 'position' IS DISTINCT FROM OLD.edits -> 'position' THEN
        NEW.edits := feed_edit(NEW.edits, 'position', OLD.edits -> 'position', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON content_progress FOR EACH ROW EXECUTE FUNCTION before_content_progress();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON content_progress FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_content_progress() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.course_id, r.user_id, feed_hash('content_progress', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.content_item_id, r.course_id, r.reset_number, r.completed, r.percent, r.page, r.second, r.seconds_watched, r.completed_at, r.time_spent_seconds, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'learner:' || n.user_id, 31::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.user_id IS NOT NULL
        UNION ALL
        SELECT 'results:' || n.course_id, 31::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.course_id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'learner:' || o.user_id, 31::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.user_id IS NOT NULL
        UNION ALL
        SELECT 'results:' || o.course_id, 31::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.course_id IS NOT NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.course_id, r.user_id, feed_hash('content_progress', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.content_item_id, r.course_id, r.reset_number, r.completed, r.percent, r.page, r.second, r.seconds_watched, r.completed_at, r.time_spent_seconds, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'learner:' || n.user_id, 31::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.user_id IS NOT NULL
        UNION ALL
        SELECT 'learner:' || o.user_id, 31::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.user_id IS NOT NULL AND NOT (n.user_id IS NOT NULL AND 'learner:' || o.user_id = 'learner:' || n.user_id)
        UNION ALL
        SELECT 'results:' || n.course_id, 31::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.course_id IS NOT NULL
        UNION ALL
        SELECT 'results:' || o.course_id, 31::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.course_id IS NOT NULL AND NOT (n.course_id IS NOT NULL AND 'results:' || o.course_id = 'results:' || n.course_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON content_progress REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_content_progress();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON content_progress REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_content_progress();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON content_progress REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_content_progress();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON content_progress FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
DROP TRIGGER IF EXISTS audit_insert ON content_progress;
DROP TRIGGER IF EXISTS audit_update ON content_progress;
DROP TRIGGER IF EXISTS audit_delete ON content_progress;
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 31) IS DISTINCT FROM 'id organization_id created_at updated_at stamp user_id content_item_id course_id reset_number completed percent page second seconds_watched completed_at time_spent_seconds edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.content_item_id, r.course_id, r.reset_number, r.completed, r.percent, r.page, r.second, r.seconds_watched, r.completed_at, r.time_spent_seconds, r.edits), 0) FROM content_progress r WHERE f.entity = 31 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp user_id content_item_id course_id reset_number completed percent page second seconds_watched completed_at time_spent_seconds edits' WHERE e.code = 31;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_assignments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.due_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.due_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.due_at + interval '500 microseconds') THEN OLD.due_at ELSE date_trunc('milliseconds', NEW.due_at + interval '500 microseconds') END;
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.course_id, NEW.module_id, NEW.created_by) IS DISTINCT FROM (OLD.course_id, OLD.module_id, OLD.created_by) THEN
            RAISE EXCEPTION 'a key column of assignments never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.title IS NOT NULL OR NEW.edits ? 'title') AND coalesce((NEW.edits #>> '{title,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'title', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.title) IS DISTINCT FROM ROW(OLD.title) OR NEW.edits -> 'title' IS DISTINCT FROM OLD.edits -> 'title' THEN
        NEW.edits := feed_edit(NEW.edits, 'title', OLD.edits -> 'title', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.description IS NOT NULL OR NEW.edits ? 'description') AND coalesce((NEW.edits #>> '{description,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'description', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.description) IS DISTINCT FROM ROW(OLD.description) OR NEW.edits -> 'description' IS DISTINCT FROM OLD.edits -> 'description' THEN
        NEW.edits := feed_edit(NEW.edits, 'description', OLD.edits -> 'description', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.instructions IS NOT NULL OR NEW.edits ? 'instructions') AND coalesce((NEW.edits #>> '{instructions,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'instructions', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.instructions) IS DISTINCT FROM ROW(OLD.instructions) OR NEW.edits -> 'instructions' IS DISTINCT FROM OLD.edits -> 'instructions' THEN
        NEW.edits := feed_edit(NEW.edits, 'instructions', OLD.edits -> 'instructions', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.due_at IS NOT NULL OR NEW.edits ? 'due_at') AND coalesce((NEW.edits #>> '{due_at,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'due_at', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.due_at) IS DISTINCT FROM ROW(OLD.due_at) OR NEW.edits -> 'due_at' IS DISTINCT FROM OLD.edits -> 'due_at' THEN
        NEW.edits := feed_edit(NEW.edits, 'due_at', OLD.edits -> 'due_at', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.score_max IS NOT NULL OR NEW.edits ? 'score_max') AND coalesce((NEW.edits #>> '{score_max,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'score_max', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.score_max) IS DISTINCT FROM ROW(OLD.score_max) OR NEW.edits -> 'score_max' IS DISTINCT FROM OLD.edits -> 'score_max' THEN
        NEW.edits := feed_edit(NEW.edits, 'score_max', OLD.edits -> 'score_max', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.is_required IS NOT NULL OR NEW.edits ? 'is_required') AND coalesce((NEW.edits #>> '{is_required,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'is_required', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.is_required) IS DISTINCT FROM ROW(OLD.is_required) OR NEW.edits -> 'is_required' IS DISTINCT FROM OLD.edits -> 'is_required' THEN
        NEW.edits := feed_edit(NEW.edits, 'is_required', OLD.edits -> 'is_required', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON assignments FOR EACH ROW EXECUTE FUNCTION before_assignments();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON assignments FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_assignments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.course_id, r.published, feed_hash('assignments', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.course_id, r.module_id, r.title, r.description, r.instructions, r.due_at, r.score_max, r.is_required, r.created_by, r.published, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'course:' || n.course_id, 52::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS TRUE
        UNION ALL
        SELECT 'course_staff:' || n.course_id, 52::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS NOT TRUE;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'course:' || o.course_id, 52::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.course_id IS NOT NULL AND o.published IS TRUE
        UNION ALL
        SELECT 'course_staff:' || o.course_id, 52::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.course_id IS NOT NULL AND o.published IS NOT TRUE;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.course_id, r.published, feed_hash('assignments', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.course_id, r.module_id, r.title, r.description, r.instructions, r.due_at, r.score_max, r.is_required, r.created_by, r.published, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'course:' || n.course_id, 52::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS TRUE
        UNION ALL
        SELECT 'course:' || o.course_id, 52::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.course_id IS NOT NULL AND o.published IS TRUE AND NOT (n.course_id IS NOT NULL AND n.published IS TRUE AND 'course:' || o.course_id = 'course:' || n.course_id)
        UNION ALL
        SELECT 'course_staff:' || n.course_id, 52::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS NOT TRUE
        UNION ALL
        SELECT 'course_staff:' || o.course_id, 52::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.course_id IS NOT NULL AND o.published IS NOT TRUE AND NOT (n.course_id IS NOT NULL AND n.published IS NOT TRUE AND 'course_staff:' || o.course_id = 'course_staff:' || n.course_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON assignments REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_assignments();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON assignments REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_assignments();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON assignments REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_assignments();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON assignments FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON assignments REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON assignments REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON assignments REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 52) IS DISTINCT FROM 'id organization_id created_at updated_at stamp course_id module_id title description instructions due_at score_max is_required created_by published edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.course_id, r.module_id, r.title, r.description, r.instructions, r.due_at, r.score_max, r.is_required, r.created_by, r.published, r.edits), 0) FROM assignments r WHERE f.entity = 52 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp course_id module_id title description instructions due_at score_max is_required created_by published edits' WHERE e.code = 52;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_assignment_submissions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.submitted_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.submitted_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.submitted_at + interval '500 microseconds') THEN OLD.submitted_at ELSE date_trunc('milliseconds', NEW.submitted_at + interval '500 microseconds') END;
    NEW.graded_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.graded_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.graded_at + interval '500 microseconds') THEN OLD.graded_at ELSE date_trunc('milliseconds', NEW.graded_at + interval '500 microseconds') END;
    IF TG_OP = 'INSERT' THEN
        NEW.id := uuid_generate_v5('6f2f98a1-0c5e-5b1c-9d0a-7c6179737461', 'assignment_submissions:' || coalesce(NEW.assignment_id::text, '-') || ':' || coalesce(NEW.user_id::text, '-'));
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.assignment_id, NEW.user_id) IS DISTINCT FROM (OLD.assignment_id, OLD.user_id) THEN
            RAISE EXCEPTION 'a key column of assignment_submissions never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.submission_text IS NOT NULL OR NEW.edits ? 'submission_text') AND coalesce((NEW.edits #>> '{submission_text,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'submission_text', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.submission_text) IS DISTINCT FROM ROW(OLD.submission_text) OR NEW.edits -> 'submission_text' IS DISTINCT FROM OLD.edits -> 'submission_text' THEN
        NEW.edits := feed_edit(NEW.edits, 'submission_text', OLD.edits -> 'submission_text', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.media_asset_ids IS NOT NULL OR NEW.edits ? 'media_asset_ids') AND coalesce((NEW.edits #>> '{media_asset_ids,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'media_asset_ids', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.media_asset_ids) IS DISTINCT FROM ROW(OLD.media_asset_ids) OR NEW.edits -> 'media_asset_ids' IS DISTINCT FROM OLD.edits -> 'media_asset_ids' THEN
        NEW.edits := feed_edit(NEW.edits, 'media_asset_ids', OLD.edits -> 'media_asset_ids', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.submitted_at IS NOT NULL OR NEW.edits ? 'submitted_at') AND coalesce((NEW.edits #>> '{submitted_at,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'submitted_at', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.submitted_at) IS DISTINCT FROM ROW(OLD.submitted_at) OR NEW.edits -> 'submitted_at' IS DISTINCT FROM OLD.edits -> 'submitted_at' THEN
        NEW.edits := feed_edit(NEW.edits, 'submitted_at', OLD.edits -> 'submitted_at', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.status IS NOT NULL OR NEW.edits ? 'status') AND coalesce((NEW.edits #>> '{status,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'status', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.status) IS DISTINCT FROM ROW(OLD.status) OR NEW.edits -> 'status' IS DISTINCT FROM OLD.edits -> 'status' THEN
        NEW.edits := feed_edit(NEW.edits, 'status', OLD.edits -> 'status', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.score_raw IS NOT NULL OR NEW.graded_at IS NOT NULL OR NEW.graded_by IS NOT NULL OR NEW.edits ? 'grade') AND coalesce((NEW.edits #>> '{grade,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'grade', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.score_raw, NEW.graded_at, NEW.graded_by) IS DISTINCT FROM ROW(OLD.score_raw, OLD.graded_at, OLD.graded_by) OR NEW.edits -> 'grade' IS DISTINCT FROM OLD.edits -> 'grade' THEN
        NEW.edits := feed_edit(NEW.edits, 'grade', OLD.edits -> 'grade', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.feedback IS NOT NULL OR NEW.edits ? 'feedback') AND coalesce((NEW.edits #>> '{feedback,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'feedback', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.feedback) IS DISTINCT FROM ROW(OLD.feedback) OR NEW.edits -> 'feedback' IS DISTINCT FROM OLD.edits -> 'feedback' THEN
        NEW.edits := feed_edit(NEW.edits, 'feedback', OLD.edits -> 'feedback', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON assignment_submissions FOR EACH ROW EXECUTE FUNCTION before_assignment_submissions();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON assignment_submissions FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_assignment_submissions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.course_id, r.user_id, feed_hash('assignment_submissions', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.assignment_id, r.user_id, r.course_id, r.submission_text, r.media_asset_ids, r.submitted_at, r.status, r.score_raw, r.graded_at, r.graded_by, r.feedback, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'learner:' || n.user_id, 53::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.user_id IS NOT NULL
        UNION ALL
        SELECT 'results:' || n.course_id, 53::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.course_id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'learner:' || o.user_id, 53::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.user_id IS NOT NULL
        UNION ALL
        SELECT 'results:' || o.course_id, 53::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.course_id IS NOT NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.course_id, r.user_id, feed_hash('assignment_submissions', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.assignment_id, r.user_id, r.course_id, r.submission_text, r.media_asset_ids, r.submitted_at, r.status, r.score_raw, r.graded_at, r.graded_by, r.feedback, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'learner:' || n.user_id, 53::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.user_id IS NOT NULL
        UNION ALL
        SELECT 'learner:' || o.user_id, 53::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.user_id IS NOT NULL AND NOT (n.user_id IS NOT NULL AND 'learner:' || o.user_id = 'learner:' || n.user_id)
        UNION ALL
        SELECT 'results:' || n.course_id, 53::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.course_id IS NOT NULL
        UNION ALL
        SELECT 'results:' || o.course_id, 53::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.course_id IS NOT NULL AND NOT (n.course_id IS NOT NULL AND 'results:' || o.course_id = 'results:' || n.course_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON assignment_submissions REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_assignment_submissions();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON assignment_submissions REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_assignment_submissions();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON assignment_submissions REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_assignment_submissions();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON assignment_submissions FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON assignment_submissions REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON assignment_submissions REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON assignment_submissions REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 53) IS DISTINCT FROM 'id organization_id created_at updated_at stamp assignment_id user_id course_id submission_text media_asset_ids submitted_at status score_raw graded_at graded_by feedback edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.assignment_id, r.user_id, r.course_id, r.submission_text, r.media_asset_ids, r.submitted_at, r.status, r.score_raw, r.graded_at, r.graded_by, r.feedback, r.edits), 0) FROM assignment_submissions r WHERE f.entity = 53 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp assignment_id user_id course_id submission_text media_asset_ids submitted_at status score_raw graded_at graded_by feedback edits' WHERE e.code = 53;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_certificates() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.issued_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.issued_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.issued_at + interval '500 microseconds') THEN OLD.issued_at ELSE date_trunc('milliseconds', NEW.issued_at + interval '500 microseconds') END;
    NEW.expires_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.expires_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.expires_at + interval '500 microseconds') THEN OLD.expires_at ELSE date_trunc('milliseconds', NEW.expires_at + interval '500 microseconds') END;
    NEW.revoked_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.revoked_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.revoked_at + interval '500 microseconds') THEN OLD.revoked_at ELSE date_trunc('milliseconds', NEW.revoked_at + interval '500 microseconds') END;
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.user_id, NEW.course_id, NEW.certificate_template_id, NEW.issued_at) IS DISTINCT FROM (OLD.user_id, OLD.course_id, OLD.certificate_template_id, OLD.issued_at) THEN
            RAISE EXCEPTION 'a key column of certificates never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.pdf_media_asset_id IS NOT NULL OR NEW.edits ? 'pdf_media_asset_id') AND coalesce((NEW.edits #>> '{pdf_media_asset_id,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'pdf_media_asset_id', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.pdf_media_asset_id) IS DISTINCT FROM ROW(OLD.pdf_media_asset_id) OR NEW.edits -> 'pdf_media_asset_id' IS DISTINCT FROM OLD.edits -> 'pdf_media_asset_id' THEN
        NEW.edits := feed_edit(NEW.edits, 'pdf_media_asset_id', OLD.edits -> 'pdf_media_asset_id', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.expires_at IS NOT NULL OR NEW.edits ? 'expires_at') AND coalesce((NEW.edits #>> '{expires_at,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'expires_at', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.expires_at) IS DISTINCT FROM ROW(OLD.expires_at) OR NEW.edits -> 'expires_at' IS DISTINCT FROM OLD.edits -> 'expires_at' THEN
        NEW.edits := feed_edit(NEW.edits, 'expires_at', OLD.edits -> 'expires_at', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.revoked_at IS NOT NULL OR NEW.revoked_reason IS NOT NULL OR NEW.edits ? 'revocation') AND coalesce((NEW.edits #>> '{revocation,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'revocation', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.revoked_at, NEW.revoked_reason) IS DISTINCT FROM ROW(OLD.revoked_at, OLD.revoked_reason) OR NEW.edits -> 'revocation' IS DISTINCT FROM OLD.edits -> 'revocation' THEN
        NEW.edits := feed_edit(NEW.edits, 'revocation', OLD.edits -> 'revocation', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON certificates FOR EACH ROW EXECUTE FUNCTION before_certificates();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON certificates FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_certificates() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.course_id, r.organization_id, r.user_id, feed_hash('certificates', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.course_id, r.certificate_template_id, r.certificate_number, r.holder_name, r.pdf_media_asset_id, r.issued_at, r.expires_at, r.revoked_at, r.revoked_reason, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'learner:' || n.user_id, 56::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.user_id IS NOT NULL
        UNION ALL
        SELECT 'results:' || n.course_id, 56::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.course_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || n.organization_id, 56::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'learner:' || o.user_id, 56::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.user_id IS NOT NULL
        UNION ALL
        SELECT 'results:' || o.course_id, 56::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.course_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || o.organization_id, 56::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.course_id, r.organization_id, r.user_id, feed_hash('certificates', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.course_id, r.certificate_template_id, r.certificate_number, r.holder_name, r.pdf_media_asset_id, r.issued_at, r.expires_at, r.revoked_at, r.revoked_reason, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'learner:' || n.user_id, 56::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.user_id IS NOT NULL
        UNION ALL
        SELECT 'learner:' || o.user_id, 56::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.user_id IS NOT NULL AND NOT (n.user_id IS NOT NULL AND 'learner:' || o.user_id = 'learner:' || n.user_id)
        UNION ALL
        SELECT 'results:' || n.course_id, 56::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.course_id IS NOT NULL
        UNION ALL
        SELECT 'results:' || o.course_id, 56::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.course_id IS NOT NULL AND NOT (n.course_id IS NOT NULL AND 'results:' || o.course_id = 'results:' || n.course_id)
        UNION ALL
        SELECT 'people:' || n.organization_id, 56::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || o.organization_id, 56::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND NOT (n.organization_id IS NOT NULL AND 'people:' || o.organization_id = 'people:' || n.organization_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON certificates REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_certificates();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON certificates REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_certificates();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON certificates REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_certificates();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON certificates FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON certificates REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON certificates REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON certificates REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 56) IS DISTINCT FROM 'id organization_id created_at updated_at stamp user_id course_id certificate_template_id certificate_number holder_name pdf_media_asset_id issued_at expires_at revoked_at revoked_reason edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.course_id, r.certificate_template_id, r.certificate_number, r.holder_name, r.pdf_media_asset_id, r.issued_at, r.expires_at, r.revoked_at, r.revoked_reason, r.edits), 0) FROM certificates r WHERE f.entity = 56 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp user_id course_id certificate_template_id certificate_number holder_name pdf_media_asset_id issued_at expires_at revoked_at revoked_reason edits' WHERE e.code = 56;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_user_badges() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.earned_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.earned_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.earned_at + interval '500 microseconds') THEN OLD.earned_at ELSE date_trunc('milliseconds', NEW.earned_at + interval '500 microseconds') END;
    IF TG_OP = 'INSERT' THEN
        NEW.id := uuid_generate_v5('6f2f98a1-0c5e-5b1c-9d0a-7c6179737461', 'user_badges:' || coalesce(NEW.user_id::text, '-') || ':' || coalesce(NEW.badge_id::text, '-') || ':' || coalesce(NEW.course_id::text, '-'));
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.user_id, NEW.badge_id, NEW.course_id) IS DISTINCT FROM (OLD.user_id, OLD.badge_id, OLD.course_id) THEN
            RAISE EXCEPTION 'a key column of user_badges never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.earned_at IS NOT NULL OR NEW.awarded_by IS NOT NULL OR NEW.edits ? 'award') AND coalesce((NEW.edits #>> '{award,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'award', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.earned_at, NEW.awarded_by) IS DISTINCT FROM ROW(OLD.earned_at, OLD.awarded_by) OR NEW.edits -> 'award' IS DISTINCT FROM OLD.edits -> 'award' THEN
        NEW.edits := feed_edit(NEW.edits, 'award', OLD.edits -> 'award', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON user_badges FOR EACH ROW EXECUTE FUNCTION before_user_badges();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON user_badges FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_user_badges() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.course_id, r.organization_id, r.user_id, feed_hash('user_badges', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.badge_id, r.course_id, r.earned_at, r.awarded_by, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'learner:' || n.user_id, 58::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.user_id IS NOT NULL
        UNION ALL
        SELECT 'results:' || n.course_id, 58::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.course_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || n.organization_id, 58::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'learner:' || o.user_id, 58::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.user_id IS NOT NULL
        UNION ALL
        SELECT 'results:' || o.course_id, 58::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.course_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || o.organization_id, 58::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.course_id, r.organization_id, r.user_id, feed_hash('user_badges', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.badge_id, r.course_id, r.earned_at, r.awarded_by, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'learner:' || n.user_id, 58::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.user_id IS NOT NULL
        UNION ALL
        SELECT 'learner:' || o.user_id, 58::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.user_id IS NOT NULL AND NOT (n.user_id IS NOT NULL AND 'learner:' || o.user_id = 'learner:' || n.user_id)
        UNION ALL
        SELECT 'results:' || n.course_id, 58::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.course_id IS NOT NULL
        UNION ALL
        SELECT 'results:' || o.course_id, 58::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.course_id IS NOT NULL AND NOT (n.course_id IS NOT NULL AND 'results:' || o.course_id = 'results:' || n.course_id)
        UNION ALL
        SELECT 'people:' || n.organization_id, 58::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || o.organization_id, 58::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND NOT (n.organization_id IS NOT NULL AND 'people:' || o.organization_id = 'people:' || n.organization_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON user_badges REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_user_badges();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON user_badges REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_user_badges();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON user_badges REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_user_badges();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON user_badges FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON user_badges REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON user_badges REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON user_badges REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 58) IS DISTINCT FROM 'id organization_id created_at updated_at stamp user_id badge_id course_id earned_at awarded_by edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.badge_id, r.course_id, r.earned_at, r.awarded_by, r.edits), 0) FROM user_badges r WHERE f.entity = 58 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp user_id badge_id course_id earned_at awarded_by edits' WHERE e.code = 58;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_training_sessions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.starts_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.starts_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.starts_at + interval '500 microseconds') THEN OLD.starts_at ELSE date_trunc('milliseconds', NEW.starts_at + interval '500 microseconds') END;
    NEW.ends_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.ends_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.ends_at + interval '500 microseconds') THEN OLD.ends_at ELSE date_trunc('milliseconds', NEW.ends_at + interval '500 microseconds') END;
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.course_id) IS DISTINCT FROM (OLD.course_id) THEN
            RAISE EXCEPTION 'a key column of training_sessions never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.title IS NOT NULL OR NEW.edits ? 'title') AND coalesce((NEW.edits #>> '{title,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'title', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.title) IS DISTINCT FROM ROW(OLD.title) OR NEW.edits -> 'title' IS DISTINCT FROM OLD.edits -> 'title' THEN
        NEW.edits := feed_edit(NEW.edits, 'title', OLD.edits -> 'title', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.description IS NOT NULL OR NEW.edits ? 'description') AND coalesce((NEW.edits #>> '{description,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'description', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.description) IS DISTINCT FROM ROW(OLD.description) OR NEW.edits -> 'description' IS DISTINCT FROM OLD.edits -> 'description' THEN
        NEW.edits := feed_edit(NEW.edits, 'description', OLD.edits -> 'description', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.instructor_id IS NOT NULL OR NEW.edits ? 'instructor_id') AND coalesce((NEW.edits #>> '{instructor_id,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'instructor_id', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.instructor_id) IS DISTINCT FROM ROW(OLD.instructor_id) OR NEW.edits -> 'instructor_id' IS DISTINCT FROM OLD.edits -> 'instructor_id' THEN
        NEW.edits := feed_edit(NEW.edits, 'instructor_id', OLD.edits -> 'instructor_id', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.department_id IS NOT NULL OR NEW.edits ? 'department_id') AND coalesce((NEW.edits #>> '{department_id,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'department_id', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.department_id) IS DISTINCT FROM ROW(OLD.department_id) OR NEW.edits -> 'department_id' IS DISTINCT FROM OLD.edits -> 'department_id' THEN
        NEW.edits := feed_edit(NEW.edits, 'department_id', OLD.edits -> 'department_id', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.session_type IS NOT NULL OR NEW.edits ? 'session_type') AND coalesce((NEW.edits #>> '{session_type,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'session_type', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.session_type) IS DISTINCT FROM ROW(OLD.session_type) OR NEW.edits -> 'session_type' IS DISTINCT FROM OLD.edits -> 'session_type' THEN
        NEW.edits := feed_edit(NEW.edits, 'session_type', OLD.edits -> 'session_type', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.starts_at IS NOT NULL OR NEW.ends_at IS NOT NULL OR NEW.edits ? 'time') AND coalesce((NEW.edits #>> '{time,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'time', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.starts_at, NEW.ends_at) IS DISTINCT FROM ROW(OLD.starts_at, OLD.ends_at) OR NEW.edits -> 'time' IS DISTINCT FROM OLD.edits -> 'time' THEN
        NEW.edits := feed_edit(NEW.edits, 'time', OLD.edits -> 'time', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.location IS NOT NULL OR NEW.edits ? 'location') AND coalesce((NEW.edits #>> '{location,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'location', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.location) IS DISTINCT FROM ROW(OLD.location) OR NEW.edits -> 'location' IS DISTINCT FROM OLD.edits -> 'location' THEN
        NEW.edits := feed_edit(NEW.edits, 'location', OLD.edits -> 'location', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.meeting_url IS NOT NULL OR NEW.edits ? 'meeting_url') AND coalesce((NEW.edits #>> '{meeting_url,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'meeting_url', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.meeting_url) IS DISTINCT FROM ROW(OLD.meeting_url) OR NEW.edits -> 'meeting_url' IS DISTINCT FROM OLD.edits -> 'meeting_url' THEN
        NEW.edits := feed_edit(NEW.edits, 'meeting_url', OLD.edits -> 'meeting_url', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.participants_max IS NOT NULL OR NEW.edits ? 'participants_max') AND coalesce((NEW.edits #>> '{participants_max,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'participants_max', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.participants_max) IS DISTINCT FROM ROW(OLD.participants_max) OR NEW.edits -> 'participants_max' IS DISTINCT FROM OLD.edits -> 'participants_max' THEN
        NEW.edits := feed_edit(NEW.edits, 'participants_max', OLD.edits -> 'participants_max', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.status IS NOT NULL OR NEW.edits ? 'status') AND coalesce((NEW.edits #>> '{status,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'status', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.status) IS DISTINCT FROM ROW(OLD.status) OR NEW.edits -> 'status' IS DISTINCT FROM OLD.edits -> 'status' THEN
        NEW.edits := feed_edit(NEW.edits, 'status', OLD.edits -> 'status', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON training_sessions FOR EACH ROW EXECUTE FUNCTION before_training_sessions();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON training_sessions FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_training_sessions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.course_id, r.instructor_id, r.organization_id, r.published, feed_hash('training_sessions', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.course_id, r.title, r.description, r.instructor_id, r.department_id, r.session_type, r.starts_at, r.ends_at, r.location, r.meeting_url, r.participants_max, r.status, r.published, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'course:' || n.course_id, 50::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS TRUE
        UNION ALL
        SELECT 'course_staff:' || n.course_id, 50::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS NOT TRUE
        UNION ALL
        SELECT 'org:' || n.organization_id, 50::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.course_id IS NULL
        UNION ALL
        SELECT 'user:' || n.instructor_id, 50::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.instructor_id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'course:' || o.course_id, 50::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.course_id IS NOT NULL AND o.published IS TRUE
        UNION ALL
        SELECT 'course_staff:' || o.course_id, 50::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.course_id IS NOT NULL AND o.published IS NOT TRUE
        UNION ALL
        SELECT 'org:' || o.organization_id, 50::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL AND o.course_id IS NULL
        UNION ALL
        SELECT 'user:' || o.instructor_id, 50::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.instructor_id IS NOT NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.course_id, r.instructor_id, r.organization_id, r.published, feed_hash('training_sessions', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.course_id, r.title, r.description, r.instructor_id, r.department_id, r.session_type, r.starts_at, r.ends_at, r.location, r.meeting_url, r.participants_max, r.status, r.published, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'course:' || n.course_id, 50::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS TRUE
        UNION ALL
        SELECT 'course:' || o.course_id, 50::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.course_id IS NOT NULL AND o.published IS TRUE AND NOT (n.course_id IS NOT NULL AND n.published IS TRUE AND 'course:' || o.course_id = 'course:' || n.course_id)
        UNION ALL
        SELECT 'course_staff:' || n.course_id, 50::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.published IS NOT TRUE
        UNION ALL
        SELECT 'course_staff:' || o.course_id, 50::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.course_id IS NOT NULL AND o.published IS NOT TRUE AND NOT (n.course_id IS NOT NULL AND n.published IS NOT TRUE AND 'course_staff:' || o.course_id = 'course_staff:' || n.course_id)
        UNION ALL
        SELECT 'org:' || n.organization_id, 50::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.course_id IS NULL
        UNION ALL
        SELECT 'org:' || o.organization_id, 50::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND o.course_id IS NULL AND NOT (n.organization_id IS NOT NULL AND n.course_id IS NULL AND 'org:' || o.organization_id = 'org:' || n.organization_id)
        UNION ALL
        SELECT 'user:' || n.instructor_id, 50::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.instructor_id IS NOT NULL
        UNION ALL
        SELECT 'user:' || o.instructor_id, 50::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.instructor_id IS NOT NULL AND NOT (n.instructor_id IS NOT NULL AND 'user:' || o.instructor_id = 'user:' || n.instructor_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON training_sessions REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_training_sessions();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON training_sessions REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_training_sessions();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON training_sessions REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_training_sessions();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON training_sessions FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON training_sessions REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON training_sessions REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON training_sessions REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 50) IS DISTINCT FROM 'id organization_id created_at updated_at stamp course_id title description instructor_id department_id session_type starts_at ends_at location meeting_url participants_max status published edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.course_id, r.title, r.description, r.instructor_id, r.department_id, r.session_type, r.starts_at, r.ends_at, r.location, r.meeting_url, r.participants_max, r.status, r.published, r.edits), 0) FROM training_sessions r WHERE f.entity = 50 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp course_id title description instructor_id department_id session_type starts_at ends_at location meeting_url participants_max status published edits' WHERE e.code = 50;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_session_attendances() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.checked_in_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.checked_in_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.checked_in_at + interval '500 microseconds') THEN OLD.checked_in_at ELSE date_trunc('milliseconds', NEW.checked_in_at + interval '500 microseconds') END;
    NEW.checked_out_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.checked_out_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.checked_out_at + interval '500 microseconds') THEN OLD.checked_out_at ELSE date_trunc('milliseconds', NEW.checked_out_at + interval '500 microseconds') END;
    IF TG_OP = 'INSERT' THEN
        NEW.id := uuid_generate_v5('6f2f98a1-0c5e-5b1c-9d0a-7c6179737461', 'session_attendances:' || coalesce(NEW.training_session_id::text, '-') || ':' || coalesce(NEW.user_id::text, '-'));
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.training_session_id, NEW.user_id) IS DISTINCT FROM (OLD.training_session_id, OLD.user_id) THEN
            RAISE EXCEPTION 'a key column of session_attendances never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.status IS NOT NULL OR NEW.edits ? 'status') AND coalesce((NEW.edits #>> '{status,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'status', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.status) IS DISTINCT FROM ROW(OLD.status) OR NEW.edits -> 'status' IS DISTINCT FROM OLD.edits -> 'status' THEN
        NEW.edits := feed_edit(NEW.edits, 'status', OLD.edits -> 'status', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.checked_in_at IS NOT NULL OR NEW.checked_out_at IS NOT NULL OR NEW.edits ? 'stay') AND coalesce((NEW.edits #>> '{stay,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'stay', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.checked_in_at, NEW.checked_out_at) IS DISTINCT FROM ROW(OLD.checked_in_at, OLD.checked_out_at) OR NEW.edits -> 'stay' IS DISTINCT FROM OLD.edits -> 'stay' THEN
        NEW.edits := feed_edit(NEW.edits, 'stay', OLD.edits -> 'stay', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.notes IS NOT NULL OR NEW.edits ? 'notes') AND coalesce((NEW.edits #>> '{notes,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'notes', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.notes) IS DISTINCT FROM ROW(OLD.notes) OR NEW.edits -> 'notes' IS DISTINCT FROM OLD.edits -> 'notes' THEN
        NEW.edits := feed_edit(NEW.edits, 'notes', OLD.edits -> 'notes', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON session_attendances FOR EACH ROW EXECUTE FUNCTION before_session_attendances();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON session_attendances FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_session_attendances() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.instructor_id, r.organization_id, r.user_id, feed_hash('session_attendances', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.training_session_id, r.user_id, r.instructor_id, r.display_name, r.status, r.checked_in_at, r.checked_out_at, r.notes, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'learner:' || n.user_id, 51::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.user_id IS NOT NULL
        UNION ALL
        SELECT 'user:' || n.instructor_id, 51::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.instructor_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || n.organization_id, 51::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'learner:' || o.user_id, 51::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.user_id IS NOT NULL
        UNION ALL
        SELECT 'user:' || o.instructor_id, 51::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.instructor_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || o.organization_id, 51::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.instructor_id, r.organization_id, r.user_id, feed_hash('session_attendances', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.training_session_id, r.user_id, r.instructor_id, r.display_name, r.status, r.checked_in_at, r.checked_out_at, r.notes, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'learner:' || n.user_id, 51::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.user_id IS NOT NULL
        UNION ALL
        SELECT 'learner:' || o.user_id, 51::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.user_id IS NOT NULL AND NOT (n.user_id IS NOT NULL AND 'learner:' || o.user_id = 'learner:' || n.user_id)
        UNION ALL
        SELECT 'user:' || n.instructor_id, 51::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.instructor_id IS NOT NULL
        UNION ALL
        SELECT 'user:' || o.instructor_id, 51::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.instructor_id IS NOT NULL AND NOT (n.instructor_id IS NOT NULL AND 'user:' || o.instructor_id = 'user:' || n.instructor_id)
        UNION ALL
        SELECT 'people:' || n.organization_id, 51::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || o.organization_id, 51::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND NOT (n.organization_id IS NOT NULL AND 'people:' || o.organization_id = 'people:' || n.organization_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON session_attendances REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_session_attendances();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON session_attendances REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_session_attendances();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON session_attendances REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_session_attendances();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON session_attendances FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON session_attendances REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON session_attendances REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON session_attendances REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 51) IS DISTINCT FROM 'id organization_id created_at updated_at stamp training_session_id user_id instructor_id display_name status checked_in_at checked_out_at notes edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.training_session_id, r.user_id, r.instructor_id, r.display_name, r.status, r.checked_in_at, r.checked_out_at, r.notes, r.edits), 0) FROM session_attendances r WHERE f.entity = 51 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp training_session_id user_id instructor_id display_name status checked_in_at checked_out_at notes edits' WHERE e.code = 51;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_attendance_records() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.marked_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.marked_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.marked_at + interval '500 microseconds') THEN OLD.marked_at ELSE date_trunc('milliseconds', NEW.marked_at + interval '500 microseconds') END;
    IF TG_OP = 'INSERT' THEN
        NEW.id := uuid_generate_v5('6f2f98a1-0c5e-5b1c-9d0a-7c6179737461', 'attendance_records:' || coalesce(NEW.group_id::text, '-') || ':' || coalesce(NEW.student_id::text, '-') || ':' || coalesce(NEW.lesson_date::text, '-'));
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.group_id, NEW.student_id, NEW.lesson_date) IS DISTINCT FROM (OLD.group_id, OLD.student_id, OLD.lesson_date) THEN
            RAISE EXCEPTION 'a key column of attendance_records never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.status IS NOT NULL OR NEW.marked_by IS NOT NULL OR NEW.marked_at IS NOT NULL OR NEW.edits ? 'mark') AND coalesce((NEW.edits #>> '{mark,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'mark', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.status, NEW.marked_by, NEW.marked_at) IS DISTINCT FROM ROW(OLD.status, OLD.marked_by, OLD.marked_at) OR NEW.edits -> 'mark' IS DISTINCT FROM OLD.edits -> 'mark' THEN
        NEW.edits := feed_edit(NEW.edits, 'mark', OLD.edits -> 'mark', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.note IS NOT NULL OR NEW.edits ? 'note') AND coalesce((NEW.edits #>> '{note,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'note', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.note) IS DISTINCT FROM ROW(OLD.note) OR NEW.edits -> 'note' IS DISTINCT FROM OLD.edits -> 'note' THEN
        NEW.edits := feed_edit(NEW.edits, 'note', OLD.edits -> 'note', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON attendance_records FOR EACH ROW EXECUTE FUNCTION before_attendance_records();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON attendance_records FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_attendance_records() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.group_id, r.student_id, feed_hash('attendance_records', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.group_id, r.student_id, r.lesson_date, r.status, r.marked_by, r.marked_at, r.note, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'roster:' || n.group_id, 32::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.group_id IS NOT NULL
        UNION ALL
        SELECT 'learner:' || n.student_id, 32::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.student_id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'roster:' || o.group_id, 32::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.group_id IS NOT NULL
        UNION ALL
        SELECT 'learner:' || o.student_id, 32::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.student_id IS NOT NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.group_id, r.student_id, feed_hash('attendance_records', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.group_id, r.student_id, r.lesson_date, r.status, r.marked_by, r.marked_at, r.note, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'roster:' || n.group_id, 32::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.group_id IS NOT NULL
        UNION ALL
        SELECT 'roster:' || o.group_id, 32::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.group_id IS NOT NULL AND NOT (n.group_id IS NOT NULL AND 'roster:' || o.group_id = 'roster:' || n.group_id)
        UNION ALL
        SELECT 'learner:' || n.student_id, 32::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.student_id IS NOT NULL
        UNION ALL
        SELECT 'learner:' || o.student_id, 32::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.student_id IS NOT NULL AND NOT (n.student_id IS NOT NULL AND 'learner:' || o.student_id = 'learner:' || n.student_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON attendance_records REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_attendance_records();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON attendance_records REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_attendance_records();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON attendance_records REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_attendance_records();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON attendance_records FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON attendance_records REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON attendance_records REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON attendance_records REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 32) IS DISTINCT FROM 'id organization_id created_at updated_at stamp group_id student_id lesson_date status marked_by marked_at note edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.group_id, r.student_id, r.lesson_date, r.status, r.marked_by, r.marked_at, r.note, r.edits), 0) FROM attendance_records r WHERE f.entity = 32 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp group_id student_id lesson_date status marked_by marked_at note edits' WHERE e.code = 32;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_payments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.deleted_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.deleted_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.deleted_at + interval '500 microseconds') THEN OLD.deleted_at ELSE date_trunc('milliseconds', NEW.deleted_at + interval '500 microseconds') END;
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.student_id, NEW.group_id, NEW.payment_date, NEW.amount_minor, NEW.currency, NEW.method, NEW.created_by) IS DISTINCT FROM (OLD.student_id, OLD.group_id, OLD.payment_date, OLD.amount_minor, OLD.currency, OLD.method, OLD.created_by) THEN
            RAISE EXCEPTION 'a key column of payments never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.title IS NOT NULL OR NEW.edits ? 'title') AND coalesce((NEW.edits #>> '{title,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'title', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.title) IS DISTINCT FROM ROW(OLD.title) OR NEW.edits -> 'title' IS DISTINCT FROM OLD.edits -> 'title' THEN
        NEW.edits := feed_edit(NEW.edits, 'title', OLD.edits -> 'title', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.status IS NOT NULL OR NEW.edits ? 'status') AND coalesce((NEW.edits #>> '{status,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'status', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.status) IS DISTINCT FROM ROW(OLD.status) OR NEW.edits -> 'status' IS DISTINCT FROM OLD.edits -> 'status' THEN
        NEW.edits := feed_edit(NEW.edits, 'status', OLD.edits -> 'status', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.note IS NOT NULL OR NEW.edits ? 'note') AND coalesce((NEW.edits #>> '{note,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'note', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.note) IS DISTINCT FROM ROW(OLD.note) OR NEW.edits -> 'note' IS DISTINCT FROM OLD.edits -> 'note' THEN
        NEW.edits := feed_edit(NEW.edits, 'note', OLD.edits -> 'note', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.deleted_at IS NOT NULL OR NEW.edits ? 'deleted_at') AND coalesce((NEW.edits #>> '{deleted_at,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'deleted_at', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.deleted_at) IS DISTINCT FROM ROW(OLD.deleted_at) OR NEW.edits -> 'deleted_at' IS DISTINCT FROM OLD.edits -> 'deleted_at' THEN
        NEW.edits := feed_edit(NEW.edits, 'deleted_at', OLD.edits -> 'deleted_at', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION before_payments();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON payments FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_payments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, r.student_id, feed_hash('payments', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.student_id, r.group_id, r.payment_date, r.title, r.amount_minor, r.currency, r.method, r.status, r.note, r.receipt_number, r.created_by, r.deleted_at, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'learner:' || n.student_id, 44::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.student_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || n.organization_id, 44::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'learner:' || o.student_id, 44::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.student_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || o.organization_id, 44::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, r.student_id, feed_hash('payments', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.student_id, r.group_id, r.payment_date, r.title, r.amount_minor, r.currency, r.method, r.status, r.note, r.receipt_number, r.created_by, r.deleted_at, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'learner:' || n.student_id, 44::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.student_id IS NOT NULL
        UNION ALL
        SELECT 'learner:' || o.student_id, 44::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.student_id IS NOT NULL AND NOT (n.student_id IS NOT NULL AND 'learner:' || o.student_id = 'learner:' || n.student_id)
        UNION ALL
        SELECT 'people:' || n.organization_id, 44::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || o.organization_id, 44::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND NOT (n.organization_id IS NOT NULL AND 'people:' || o.organization_id = 'people:' || n.organization_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON payments REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_payments();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON payments REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_payments();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON payments REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_payments();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON payments FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON payments REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON payments REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON payments REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 44) IS DISTINCT FROM 'id organization_id created_at updated_at stamp student_id group_id payment_date title amount_minor currency method status note receipt_number created_by deleted_at edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.student_id, r.group_id, r.payment_date, r.title, r.amount_minor, r.currency, r.method, r.status, r.note, r.receipt_number, r.created_by, r.deleted_at, r.edits), 0) FROM payments r WHERE f.entity = 44 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp student_id group_id payment_date title amount_minor currency method status note receipt_number created_by deleted_at edits' WHERE e.code = 44;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_subscription_plans() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.name IS NOT NULL OR NEW.edits ? 'name') AND coalesce((NEW.edits #>> '{name,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'name', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.name) IS DISTINCT FROM ROW(OLD.name) OR NEW.edits -> 'name' IS DISTINCT FROM OLD.edits -> 'name' THEN
        NEW.edits := feed_edit(NEW.edits, 'name', OLD.edits -> 'name', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.description IS NOT NULL OR NEW.edits ? 'description') AND coalesce((NEW.edits #>> '{description,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'description', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.description) IS DISTINCT FROM ROW(OLD.description) OR NEW.edits -> 'description' IS DISTINCT FROM OLD.edits -> 'description' THEN
        NEW.edits := feed_edit(NEW.edits, 'description', OLD.edits -> 'description', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.price_minor IS NOT NULL OR NEW.currency IS NOT NULL OR NEW.edits ? 'price') AND coalesce((NEW.edits #>> '{price,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'price', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.price_minor, NEW.currency) IS DISTINCT FROM ROW(OLD.price_minor, OLD.currency) OR NEW.edits -> 'price' IS DISTINCT FROM OLD.edits -> 'price' THEN
        NEW.edits := feed_edit(NEW.edits, 'price', OLD.edits -> 'price', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.billing_cycle IS NOT NULL OR NEW.edits ? 'billing_cycle') AND coalesce((NEW.edits #>> '{billing_cycle,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'billing_cycle', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.billing_cycle) IS DISTINCT FROM ROW(OLD.billing_cycle) OR NEW.edits -> 'billing_cycle' IS DISTINCT FROM OLD.edits -> 'billing_cycle' THEN
        NEW.edits := feed_edit(NEW.edits, 'billing_cycle', OLD.edits -> 'billing_cycle', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.features IS NOT NULL OR NEW.edits ? 'features') AND coalesce((NEW.edits #>> '{features,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'features', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.features) IS DISTINCT FROM ROW(OLD.features) OR NEW.edits -> 'features' IS DISTINCT FROM OLD.edits -> 'features' THEN
        NEW.edits := feed_edit(NEW.edits, 'features', OLD.edits -> 'features', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.is_active IS NOT NULL OR NEW.edits ? 'is_active') AND coalesce((NEW.edits #>> '{is_active,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'is_active', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.is_active) IS DISTINCT FROM ROW(OLD.is_active) OR NEW.edits -> 'is_active' IS DISTINCT FROM OLD.edits -> 'is_active' THEN
        NEW.edits := feed_edit(NEW.edits, 'is_active', OLD.edits -> 'is_active', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON subscription_plans FOR EACH ROW EXECUTE FUNCTION before_subscription_plans();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON subscription_plans FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_subscription_plans() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.is_active, r.organization_id, feed_hash('subscription_plans', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.name, r.description, r.price_minor, r.currency, r.billing_cycle, r.features, r.is_active, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.organization_id, 45::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.is_active IS TRUE
        UNION ALL
        SELECT 'people:' || n.organization_id, 45::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || o.organization_id, 45::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL AND o.is_active IS TRUE
        UNION ALL
        SELECT 'people:' || o.organization_id, 45::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.is_active, r.organization_id, feed_hash('subscription_plans', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.name, r.description, r.price_minor, r.currency, r.billing_cycle, r.features, r.is_active, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.organization_id, 45::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.is_active IS TRUE
        UNION ALL
        SELECT 'org:' || o.organization_id, 45::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND o.is_active IS TRUE AND NOT (n.organization_id IS NOT NULL AND n.is_active IS TRUE AND 'org:' || o.organization_id = 'org:' || n.organization_id)
        UNION ALL
        SELECT 'people:' || n.organization_id, 45::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || o.organization_id, 45::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND NOT (n.organization_id IS NOT NULL AND 'people:' || o.organization_id = 'people:' || n.organization_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON subscription_plans REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_subscription_plans();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON subscription_plans REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_subscription_plans();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON subscription_plans REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_subscription_plans();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON subscription_plans FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON subscription_plans REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON subscription_plans REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON subscription_plans REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 45) IS DISTINCT FROM 'id organization_id created_at updated_at stamp name description price_minor currency billing_cycle features is_active edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.name, r.description, r.price_minor, r.currency, r.billing_cycle, r.features, r.is_active, r.edits), 0) FROM subscription_plans r WHERE f.entity = 45 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp name description price_minor currency billing_cycle features is_active edits' WHERE e.code = 45;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_purchases() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.purchased_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.purchased_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.purchased_at + interval '500 microseconds') THEN OLD.purchased_at ELSE date_trunc('milliseconds', NEW.purchased_at + interval '500 microseconds') END;
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.user_id, NEW.course_id, NEW.amount_minor, NEW.currency) IS DISTINCT FROM (OLD.user_id, OLD.course_id, OLD.amount_minor, OLD.currency) THEN
            RAISE EXCEPTION 'a key column of purchases never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.status IS NOT NULL OR NEW.purchased_at IS NOT NULL OR NEW.edits ? 'status') AND coalesce((NEW.edits #>> '{status,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'status', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.status, NEW.purchased_at) IS DISTINCT FROM ROW(OLD.status, OLD.purchased_at) OR NEW.edits -> 'status' IS DISTINCT FROM OLD.edits -> 'status' THEN
        NEW.edits := feed_edit(NEW.edits, 'status', OLD.edits -> 'status', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON purchases FOR EACH ROW EXECUTE FUNCTION before_purchases();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON purchases FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_purchases() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, r.user_id, feed_hash('purchases', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.course_id, r.amount_minor, r.currency, r.status, r.purchased_at, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'learner:' || n.user_id, 46::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.user_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || n.organization_id, 46::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'learner:' || o.user_id, 46::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.user_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || o.organization_id, 46::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, r.user_id, feed_hash('purchases', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.course_id, r.amount_minor, r.currency, r.status, r.purchased_at, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'learner:' || n.user_id, 46::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.user_id IS NOT NULL
        UNION ALL
        SELECT 'learner:' || o.user_id, 46::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.user_id IS NOT NULL AND NOT (n.user_id IS NOT NULL AND 'learner:' || o.user_id = 'learner:' || n.user_id)
        UNION ALL
        SELECT 'people:' || n.organization_id, 46::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || o.organization_id, 46::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND NOT (n.organization_id IS NOT NULL AND 'people:' || o.organization_id = 'people:' || n.organization_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON purchases REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_purchases();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON purchases REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_purchases();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON purchases REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_purchases();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON purchases FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON purchases REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON purchases REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON purchases REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 46) IS DISTINCT FROM 'id organization_id created_at updated_at stamp user_id course_id amount_minor currency status purchased_at edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.course_id, r.amount_minor, r.currency, r.status, r.purchased_at, r.edits), 0) FROM purchases r WHERE f.entity = 46 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp user_id course_id amount_minor currency status purchased_at edits' WHERE e.code = 46;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_subscriptions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.starts_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.starts_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.starts_at + interval '500 microseconds') THEN OLD.starts_at ELSE date_trunc('milliseconds', NEW.starts_at + interval '500 microseconds') END;
    NEW.ends_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.ends_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.ends_at + interval '500 microseconds') THEN OLD.ends_at ELSE date_trunc('milliseconds', NEW.ends_at + interval '500 microseconds') END;
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.user_id, NEW.subscription_plan_id) IS DISTINCT FROM (OLD.user_id, OLD.subscription_plan_id) THEN
            RAISE EXCEPTION 'a key column of subscriptions never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.status IS NOT NULL OR NEW.edits ? 'status') AND coalesce((NEW.edits #>> '{status,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'status', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.status) IS DISTINCT FROM ROW(OLD.status) OR NEW.edits -> 'status' IS DISTINCT FROM OLD.edits -> 'status' THEN
        NEW.edits := feed_edit(NEW.edits, 'status', OLD.edits -> 'status', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.starts_at IS NOT NULL OR NEW.ends_at IS NOT NULL OR NEW.edits ? 'period') AND coalesce((NEW.edits #>> '{period,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'period', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.starts_at, NEW.ends_at) IS DISTINCT FROM ROW(OLD.starts_at, OLD.ends_at) OR NEW.edits -> 'period' IS DISTINCT FROM OLD.edits -> 'period' THEN
        NEW.edits := feed_edit(NEW.edits, 'period', OLD.edits -> 'period', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON subscriptions FOR EACH ROW EXECUTE FUNCTION before_subscriptions();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON subscriptions FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_subscriptions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, r.user_id, feed_hash('subscriptions', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.subscription_plan_id, r.status, r.starts_at, r.ends_at, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'learner:' || n.user_id, 47::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.user_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || n.organization_id, 47::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'learner:' || o.user_id, 47::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.user_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || o.organization_id, 47::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, r.user_id, feed_hash('subscriptions', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.subscription_plan_id, r.status, r.starts_at, r.ends_at, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'learner:' || n.user_id, 47::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.user_id IS NOT NULL
        UNION ALL
        SELECT 'learner:' || o.user_id, 47::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.user_id IS NOT NULL AND NOT (n.user_id IS NOT NULL AND 'learner:' || o.user_id = 'learner:' || n.user_id)
        UNION ALL
        SELECT 'people:' || n.organization_id, 47::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || o.organization_id, 47::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND NOT (n.organization_id IS NOT NULL AND 'people:' || o.organization_id = 'people:' || n.organization_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON subscriptions REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_subscriptions();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON subscriptions REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_subscriptions();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON subscriptions REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_subscriptions();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON subscriptions FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON subscriptions REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON subscriptions REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON subscriptions REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 47) IS DISTINCT FROM 'id organization_id created_at updated_at stamp user_id subscription_plan_id status starts_at ends_at edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.subscription_plan_id, r.status, r.starts_at, r.ends_at, r.edits), 0) FROM subscriptions r WHERE f.entity = 47 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp user_id subscription_plan_id status starts_at ends_at edits' WHERE e.code = 47;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_announcements() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.published_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.published_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.published_at + interval '500 microseconds') THEN OLD.published_at ELSE date_trunc('milliseconds', NEW.published_at + interval '500 microseconds') END;
    NEW.expires_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.expires_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.expires_at + interval '500 microseconds') THEN OLD.expires_at ELSE date_trunc('milliseconds', NEW.expires_at + interval '500 microseconds') END;
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.course_id, NEW.department_id, NEW.created_by) IS DISTINCT FROM (OLD.course_id, OLD.department_id, OLD.created_by) THEN
            RAISE EXCEPTION 'a key column of announcements never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.title IS NOT NULL OR NEW.edits ? 'title') AND coalesce((NEW.edits #>> '{title,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'title', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.title) IS DISTINCT FROM ROW(OLD.title) OR NEW.edits -> 'title' IS DISTINCT FROM OLD.edits -> 'title' THEN
        NEW.edits := feed_edit(NEW.edits, 'title', OLD.edits -> 'title', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.content IS NOT NULL OR NEW.edits ? 'content') AND coalesce((NEW.edits #>> '{content,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'content', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.content) IS DISTINCT FROM ROW(OLD.content) OR NEW.edits -> 'content' IS DISTINCT FROM OLD.edits -> 'content' THEN
        NEW.edits := feed_edit(NEW.edits, 'content', OLD.edits -> 'content', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.priority IS NOT NULL OR NEW.edits ? 'priority') AND coalesce((NEW.edits #>> '{priority,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'priority', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.priority) IS DISTINCT FROM ROW(OLD.priority) OR NEW.edits -> 'priority' IS DISTINCT FROM OLD.edits -> 'priority' THEN
        NEW.edits := feed_edit(NEW.edits, 'priority', OLD.edits -> 'priority', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.is_pinned IS NOT NULL OR NEW.edits ? 'is_pinned') AND coalesce((NEW.edits #>> '{is_pinned,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'is_pinned', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.is_pinned) IS DISTINCT FROM ROW(OLD.is_pinned) OR NEW.edits -> 'is_pinned' IS DISTINCT FROM OLD.edits -> 'is_pinned' THEN
        NEW.edits := feed_edit(NEW.edits, 'is_pinned', OLD.edits -> 'is_pinned', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.published_at IS NOT NULL OR NEW.expires_at IS NOT NULL OR NEW.edits ? 'period') AND coalesce((NEW.edits #>> '{period,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'period', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.published_at, NEW.expires_at) IS DISTINCT FROM ROW(OLD.published_at, OLD.expires_at) OR NEW.edits -> 'period' IS DISTINCT FROM OLD.edits -> 'period' THEN
        NEW.edits := feed_edit(NEW.edits, 'period', OLD.edits -> 'period', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON announcements FOR EACH ROW EXECUTE FUNCTION before_announcements();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON announcements FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_announcements() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.audience, r.course_id, r.organization_id, feed_hash('announcements', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.course_id, r.department_id, r.title, r.content, r.priority, r.is_pinned, r.published_at, r.expires_at, r.created_by, r.audience, r.published, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.organization_id, 48::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.audience IS NOT DISTINCT FROM 'organization'
        UNION ALL
        SELECT 'people:' || n.organization_id, 48::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.audience IS NOT DISTINCT FROM 'administrators'
        UNION ALL
        SELECT 'course:' || n.course_id, 48::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.audience IS NOT DISTINCT FROM 'course'
        UNION ALL
        SELECT 'course_staff:' || n.course_id, 48::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.audience IS NOT DISTINCT FROM 'course_staff';
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || o.organization_id, 48::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL AND o.audience IS NOT DISTINCT FROM 'organization'
        UNION ALL
        SELECT 'people:' || o.organization_id, 48::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL AND o.audience IS NOT DISTINCT FROM 'administrators'
        UNION ALL
        SELECT 'course:' || o.course_id, 48::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.course_id IS NOT NULL AND o.audience IS NOT DISTINCT FROM 'course'
        UNION ALL
        SELECT 'course_staff:' || o.course_id, 48::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.course_id IS NOT NULL AND o.audience IS NOT DISTINCT FROM 'course_staff';
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.audience, r.course_id, r.organization_id, feed_hash('announcements', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.course_id, r.department_id, r.title, r.content, r.priority, r.is_pinned, r.published_at, r.expires_at, r.created_by, r.audience, r.published, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.organization_id, 48::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.audience IS NOT DISTINCT FROM 'organization'
        UNION ALL
        SELECT 'org:' || o.organization_id, 48::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND o.audience IS NOT DISTINCT FROM 'organization' AND NOT (n.organization_id IS NOT NULL AND n.audience IS NOT DISTINCT FROM 'organization' AND 'org:' || o.organization_id = 'org:' || n.organization_id)
        UNION ALL
        SELECT 'people:' || n.organization_id, 48::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.audience IS NOT DISTINCT FROM 'administrators'
        UNION ALL
        SELECT 'people:' || o.organization_id, 48::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND o.audience IS NOT DISTINCT FROM 'administrators' AND NOT (n.organization_id IS NOT NULL AND n.audience IS NOT DISTINCT FROM 'administrators' AND 'people:' || o.organization_id = 'people:' || n.organization_id)
        UNION ALL
        SELECT 'course:' || n.course_id, 48::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.audience IS NOT DISTINCT FROM 'course'
        UNION ALL
        SELECT 'course:' || o.course_id, 48::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.course_id IS NOT NULL AND o.audience IS NOT DISTINCT FROM 'course' AND NOT (n.course_id IS NOT NULL AND n.audience IS NOT DISTINCT FROM 'course' AND 'course:' || o.course_id = 'course:' || n.course_id)
        UNION ALL
        SELECT 'course_staff:' || n.course_id, 48::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.audience IS NOT DISTINCT FROM 'course_staff'
        UNION ALL
        SELECT 'course_staff:' || o.course_id, 48::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.course_id IS NOT NULL AND o.audience IS NOT DISTINCT FROM 'course_staff' AND NOT (n.course_id IS NOT NULL AND n.audience IS NOT DISTINCT FROM 'course_staff' AND 'course_staff:' || o.course_id = 'course_staff:' || n.course_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON announcements REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_announcements();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON announcements REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_announcements();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON announcements REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_announcements();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON announcements FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON announcements REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON announcements REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON announcements REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 48) IS DISTINCT FROM 'id organization_id created_at updated_at stamp course_id department_id title content priority is_pinned published_at expires_at created_by audience published edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.course_id, r.department_id, r.title, r.content, r.priority, r.is_pinned, r.published_at, r.expires_at, r.created_by, r.audience, r.published, r.edits), 0) FROM announcements r WHERE f.entity = 48 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp course_id department_id title content priority is_pinned published_at expires_at created_by audience published edits' WHERE e.code = 48;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_messages() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.read_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.read_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.read_at + interval '500 microseconds') THEN OLD.read_at ELSE date_trunc('milliseconds', NEW.read_at + interval '500 microseconds') END;
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.sender_id, NEW.recipient_id, NEW.course_id, NEW.parent_message_id, NEW.subject, NEW.content) IS DISTINCT FROM (OLD.sender_id, OLD.recipient_id, OLD.course_id, OLD.parent_message_id, OLD.subject, OLD.content) THEN
            RAISE EXCEPTION 'a key column of messages never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.is_archived IS NOT NULL OR NEW.edits ? 'is_archived') AND coalesce((NEW.edits #>> '{is_archived,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'is_archived', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.is_archived) IS DISTINCT FROM ROW(OLD.is_archived) OR NEW.edits -> 'is_archived' IS DISTINCT FROM OLD.edits -> 'is_archived' THEN
        NEW.edits := feed_edit(NEW.edits, 'is_archived', OLD.edits -> 'is_archived', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON messages FOR EACH ROW EXECUTE FUNCTION before_messages();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON messages FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_messages() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.audience, r.course_id, r.recipient_id, r.sender_id, feed_hash('messages', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.sender_id, r.recipient_id, r.course_id, r.parent_message_id, r.subject, r.content, r.read_at, r.is_archived, r.sender_name, r.recipient_name, r.audience, r.published, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'user:' || n.sender_id, 49::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.sender_id IS NOT NULL
        UNION ALL
        SELECT 'user:' || n.recipient_id, 49::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.recipient_id IS NOT NULL
        UNION ALL
        SELECT 'course:' || n.course_id, 49::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.audience IS NOT DISTINCT FROM 'course'
        UNION ALL
        SELECT 'course_staff:' || n.course_id, 49::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.audience IS NOT DISTINCT FROM 'course_staff';
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'user:' || o.sender_id, 49::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.sender_id IS NOT NULL
        UNION ALL
        SELECT 'user:' || o.recipient_id, 49::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.recipient_id IS NOT NULL
        UNION ALL
        SELECT 'course:' || o.course_id, 49::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.course_id IS NOT NULL AND o.audience IS NOT DISTINCT FROM 'course'
        UNION ALL
        SELECT 'course_staff:' || o.course_id, 49::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.course_id IS NOT NULL AND o.audience IS NOT DISTINCT FROM 'course_staff';
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.audience, r.course_id, r.recipient_id, r.sender_id, feed_hash('messages', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.sender_id, r.recipient_id, r.course_id, r.parent_message_id, r.subject, r.content, r.read_at, r.is_archived, r.sender_name, r.recipient_name, r.audience, r.published, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'user:' || n.sender_id, 49::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.sender_id IS NOT NULL
        UNION ALL
        SELECT 'user:' || o.sender_id, 49::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.sender_id IS NOT NULL AND NOT (n.sender_id IS NOT NULL AND 'user:' || o.sender_id = 'user:' || n.sender_id)
        UNION ALL
        SELECT 'user:' || n.recipient_id, 49::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.recipient_id IS NOT NULL
        UNION ALL
        SELECT 'user:' || o.recipient_id, 49::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.recipient_id IS NOT NULL AND NOT (n.recipient_id IS NOT NULL AND 'user:' || o.recipient_id = 'user:' || n.recipient_id)
        UNION ALL
        SELECT 'course:' || n.course_id, 49::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.audience IS NOT DISTINCT FROM 'course'
        UNION ALL
        SELECT 'course:' || o.course_id, 49::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.course_id IS NOT NULL AND o.audience IS NOT DISTINCT FROM 'course' AND NOT (n.course_id IS NOT NULL AND n.audience IS NOT DISTINCT FROM 'course' AND 'course:' || o.course_id = 'course:' || n.course_id)
        UNION ALL
        SELECT 'course_staff:' || n.course_id, 49::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.course_id IS NOT NULL AND n.audience IS NOT DISTINCT FROM 'course_staff'
        UNION ALL
        SELECT 'course_staff:' || o.course_id, 49::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.course_id IS NOT NULL AND o.audience IS NOT DISTINCT FROM 'course_staff' AND NOT (n.course_id IS NOT NULL AND n.audience IS NOT DISTINCT FROM 'course_staff' AND 'course_staff:' || o.course_id = 'course_staff:' || n.course_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON messages REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_messages();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON messages REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_messages();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON messages REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_messages();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON messages FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON messages REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON messages REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON messages REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 49) IS DISTINCT FROM 'id organization_id created_at updated_at stamp sender_id recipient_id course_id parent_message_id subject content read_at is_archived sender_name recipient_name audience published edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.sender_id, r.recipient_id, r.course_id, r.parent_message_id, r.subject, r.content, r.read_at, r.is_archived, r.sender_name, r.recipient_name, r.audience, r.published, r.edits), 0) FROM messages r WHERE f.entity = 49 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp sender_id recipient_id course_id parent_message_id subject content read_at is_archived sender_name recipient_name audience published edits' WHERE e.code = 49;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_coding_topics() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.name IS NOT NULL OR NEW.edits ? 'name') AND coalesce((NEW.edits #>> '{name,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'name', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.name) IS DISTINCT FROM ROW(OLD.name) OR NEW.edits -> 'name' IS DISTINCT FROM OLD.edits -> 'name' THEN
        NEW.edits := feed_edit(NEW.edits, 'name', OLD.edits -> 'name', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON coding_topics FOR EACH ROW EXECUTE FUNCTION before_coding_topics();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON coding_topics FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_coding_topics() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, feed_hash('coding_topics', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.name, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.organization_id, 59::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || o.organization_id, 59::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, feed_hash('coding_topics', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.name, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.organization_id, 59::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL
        UNION ALL
        SELECT 'org:' || o.organization_id, 59::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND NOT (n.organization_id IS NOT NULL AND 'org:' || o.organization_id = 'org:' || n.organization_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON coding_topics REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_coding_topics();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON coding_topics REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_coding_topics();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON coding_topics REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_coding_topics();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON coding_topics FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON coding_topics REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON coding_topics REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON coding_topics REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 59) IS DISTINCT FROM 'id organization_id created_at updated_at stamp name edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.name, r.edits), 0) FROM coding_topics r WHERE f.entity = 59 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp name edits' WHERE e.code = 59;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_coding_tasks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.deleted_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.deleted_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.deleted_at + interval '500 microseconds') THEN OLD.deleted_at ELSE date_trunc('milliseconds', NEW.deleted_at + interval '500 microseconds') END;
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.created_by) IS DISTINCT FROM (OLD.created_by) THEN
            RAISE EXCEPTION 'a key column of coding_tasks never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.coding_topic_id IS NOT NULL OR NEW.edits ? 'coding_topic_id') AND coalesce((NEW.edits #>> '{coding_topic_id,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'coding_topic_id', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.coding_topic_id) IS DISTINCT FROM ROW(OLD.coding_topic_id) OR NEW.edits -> 'coding_topic_id' IS DISTINCT FROM OLD.edits -> 'coding_topic_id' THEN
        NEW.edits := feed_edit(NEW.edits, 'coding_topic_id', OLD.edits -> 'coding_topic_id', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.title IS NOT NULL OR NEW.edits ? 'title') AND coalesce((NEW.edits #>> '{title,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'title', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.title) IS DISTINCT FROM ROW(OLD.title) OR NEW.edits -> 'title' IS DISTINCT FROM OLD.edits -> 'title' THEN
        NEW.edits := feed_edit(NEW.edits, 'title', OLD.edits -> 'title', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.description IS NOT NULL OR NEW.edits ? 'description') AND coalesce((NEW.edits #>> '{description,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'description', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.description) IS DISTINCT FROM ROW(OLD.description) OR NEW.edits -> 'description' IS DISTINCT FROM OLD.edits -> 'description' THEN
        NEW.edits := feed_edit(NEW.edits, 'description', OLD.edits -> 'description', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.starter_code IS NOT NULL OR NEW.edits ? 'starter_code') AND coalesce((NEW.edits #>> '{starter_code,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'starter_code', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.starter_code) IS DISTINCT FROM ROW(OLD.starter_code) OR NEW.edits -> 'starter_code' IS DISTINCT FROM OLD.edits -> 'starter_code' THEN
        NEW.edits := feed_edit(NEW.edits, 'starter_code', OLD.edits -> 'starter_code', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.difficulty IS NOT NULL OR NEW.edits ? 'difficulty') AND coalesce((NEW.edits #>> '{difficulty,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'difficulty', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.difficulty) IS DISTINCT FROM ROW(OLD.difficulty) OR NEW.edits -> 'difficulty' IS DISTINCT FROM OLD.edits -> 'difficulty' THEN
        NEW.edits := feed_edit(NEW.edits, 'difficulty', OLD.edits -> 'difficulty', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.points IS NOT NULL OR NEW.edits ? 'points') AND coalesce((NEW.edits #>> '{points,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'points', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.points) IS DISTINCT FROM ROW(OLD.points) OR NEW.edits -> 'points' IS DISTINCT FROM OLD.edits -> 'points' THEN
        NEW.edits := feed_edit(NEW.edits, 'points', OLD.edits -> 'points', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.position IS NOT NULL OR NEW.edits ? 'position') AND coalesce((NEW.edits #>> '{position,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'position', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.position) IS DISTINCT FROM ROW(OLD.position) OR NEW.edits -> 'position' IS DISTINCT FROM OLD.edits -> 'position' THEN
        NEW.edits := feed_edit(NEW.edits, 'position', OLD.edits -> 'position', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.is_active IS NOT NULL OR NEW.edits ? 'is_active') AND coalesce((NEW.edits #>> '{is_active,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'is_active', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.is_active) IS DISTINCT FROM ROW(OLD.is_active) OR NEW.edits -> 'is_active' IS DISTINCT FROM OLD.edits -> 'is_active' THEN
        NEW.edits := feed_edit(NEW.edits, 'is_active', OLD.edits -> 'is_active', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.deleted_at IS NOT NULL OR NEW.edits ? 'deleted_at') AND coalesce((NEW.edits #>> '{deleted_at,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'deleted_at', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.deleted_at) IS DISTINCT FROM ROW(OLD.deleted_at) OR NEW.edits -> 'deleted_at' IS DISTINCT FROM OLD.edits -> 'deleted_at' THEN
        NEW.edits := feed_edit(NEW.edits, 'deleted_at', OLD.edits -> 'deleted_at', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON coding_tasks FOR EACH ROW EXECUTE FUNCTION before_coding_tasks();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON coding_tasks FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_coding_tasks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, r.published, feed_hash('coding_tasks', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.coding_topic_id, r.title, r.description, r.starter_code, r.difficulty, r.points, r.position, r.is_active, r.deleted_at, r.created_by, r.published, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.organization_id, 60::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.published IS TRUE
        UNION ALL
        SELECT 'org_staff:' || n.organization_id, 60::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.published IS NOT TRUE;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || o.organization_id, 60::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL AND o.published IS TRUE
        UNION ALL
        SELECT 'org_staff:' || o.organization_id, 60::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL AND o.published IS NOT TRUE;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, r.published, feed_hash('coding_tasks', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.coding_topic_id, r.title, r.description, r.starter_code, r.difficulty, r.points, r.position, r.is_active, r.deleted_at, r.created_by, r.published, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.organization_id, 60::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.published IS TRUE
        UNION ALL
        SELECT 'org:' || o.organization_id, 60::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND o.published IS TRUE AND NOT (n.organization_id IS NOT NULL AND n.published IS TRUE AND 'org:' || o.organization_id = 'org:' || n.organization_id)
        UNION ALL
        SELECT 'org_staff:' || n.organization_id, 60::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.published IS NOT TRUE
        UNION ALL
        SELECT 'org_staff:' || o.organization_id, 60::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND o.published IS NOT TRUE AND NOT (n.organization_id IS NOT NULL AND n.published IS NOT TRUE AND 'org_staff:' || o.organization_id = 'org_staff:' || n.organization_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON coding_tasks REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_coding_tasks();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON coding_tasks REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_coding_tasks();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON coding_tasks REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_coding_tasks();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON coding_tasks FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON coding_tasks REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON coding_tasks REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON coding_tasks REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 60) IS DISTINCT FROM 'id organization_id created_at updated_at stamp coding_topic_id title description starter_code difficulty points position is_active deleted_at created_by published edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.coding_topic_id, r.title, r.description, r.starter_code, r.difficulty, r.points, r.position, r.is_active, r.deleted_at, r.created_by, r.published, r.edits), 0) FROM coding_tasks r WHERE f.entity = 60 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp coding_topic_id title description starter_code difficulty points position is_active deleted_at created_by published edits' WHERE e.code = 60;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_coding_test_cases() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.coding_task_id) IS DISTINCT FROM (OLD.coding_task_id) THEN
            RAISE EXCEPTION 'a key column of coding_test_cases never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.input IS NOT NULL OR NEW.edits ? 'input') AND coalesce((NEW.edits #>> '{input,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'input', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.input) IS DISTINCT FROM ROW(OLD.input) OR NEW.edits -> 'input' IS DISTINCT FROM OLD.edits -> 'input' THEN
        NEW.edits := feed_edit(NEW.edits, 'input', OLD.edits -> 'input', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.expected IS NOT NULL OR NEW.edits ? 'expected') AND coalesce((NEW.edits #>> '{expected,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'expected', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.expected) IS DISTINCT FROM ROW(OLD.expected) OR NEW.edits -> 'expected' IS DISTINCT FROM OLD.edits -> 'expected' THEN
        NEW.edits := feed_edit(NEW.edits, 'expected', OLD.edits -> 'expected', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.explanation IS NOT NULL OR NEW.edits ? 'explanation') AND coalesce((NEW.edits #>> '{explanation,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'explanation', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.explanation) IS DISTINCT FROM ROW(OLD.explanation) OR NEW.edits -> 'explanation' IS DISTINCT FROM OLD.edits -> 'explanation' THEN
        NEW.edits := feed_edit(NEW.edits, 'explanation', OLD.edits -> 'explanation', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.position IS NOT NULL OR NEW.edits ? 'position') AND coalesce((NEW.edits #>> '{position,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'position', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.position) IS DISTINCT FROM ROW(OLD.position) OR NEW.edits -> 'position' IS DISTINCT FROM OLD.edits -> 'position' THEN
        NEW.edits := feed_edit(NEW.edits, 'position', OLD.edits -> 'position', NEW.stamp);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.is_hidden IS NOT NULL OR NEW.edits ? 'is_hidden') AND coalesce((NEW.edits #>> '{is_hidden,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'is_hidden', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.is_hidden) IS DISTINCT FROM ROW(OLD.is_hidden) OR NEW.edits -> 'is_hidden' IS DISTINCT FROM OLD.edits -> 'is_hidden' THEN
        NEW.edits := feed_edit(NEW.edits, 'is_hidden', OLD.edits -> 'is_hidden', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON coding_test_cases FOR EACH ROW EXECUTE FUNCTION before_coding_test_cases();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON coding_test_cases FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_coding_test_cases() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, r.shown, feed_hash('coding_test_cases', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.coding_task_id, r.input, r.expected, r.explanation, r.position, r.is_hidden, r.published, r.shown, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.organization_id, 61::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.shown IS TRUE
        UNION ALL
        SELECT 'org_staff:' || n.organization_id, 61::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.shown IS NOT TRUE;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || o.organization_id, 61::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL AND o.shown IS TRUE
        UNION ALL
        SELECT 'org_staff:' || o.organization_id, 61::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL AND o.shown IS NOT TRUE;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, r.shown, feed_hash('coding_test_cases', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.coding_task_id, r.input, r.expected, r.explanation, r.position, r.is_hidden, r.published, r.shown, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'org:' || n.organization_id, 61::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.shown IS TRUE
        UNION ALL
        SELECT 'org:' || o.organization_id, 61::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND o.shown IS TRUE AND NOT (n.organization_id IS NOT NULL AND n.shown IS TRUE AND 'org:' || o.organization_id = 'org:' || n.organization_id)
        UNION ALL
        SELECT 'org_staff:' || n.organization_id, 61::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.shown IS NOT TRUE
        UNION ALL
        SELECT 'org_staff:' || o.organization_id, 61::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND o.shown IS NOT TRUE AND NOT (n.organization_id IS NOT NULL AND n.shown IS NOT TRUE AND 'org_staff:' || o.organization_id = 'org_staff:' || n.organization_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON coding_test_cases REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_coding_test_cases();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON coding_test_cases REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_coding_test_cases();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON coding_test_cases REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_coding_test_cases();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON coding_test_cases FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON coding_test_cases REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON coding_test_cases REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON coding_test_cases REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 61) IS DISTINCT FROM 'id organization_id created_at updated_at stamp coding_task_id input expected explanation position is_hidden published shown edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.coding_task_id, r.input, r.expected, r.explanation, r.position, r.is_hidden, r.published, r.shown, r.edits), 0) FROM coding_test_cases r WHERE f.entity = 61 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp coding_task_id input expected explanation position is_hidden published shown edits' WHERE e.code = 61;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_coding_submissions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.submitted_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.submitted_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.submitted_at + interval '500 microseconds') THEN OLD.submitted_at ELSE date_trunc('milliseconds', NEW.submitted_at + interval '500 microseconds') END;
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.coding_task_id, NEW.user_id, NEW.submitted_at, NEW.submitted_code) IS DISTINCT FROM (OLD.coding_task_id, OLD.user_id, OLD.submitted_at, OLD.submitted_code) THEN
            RAISE EXCEPTION 'a key column of coding_submissions never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.status IS NOT NULL OR NEW.passed_count IS NOT NULL OR NEW.failed_count IS NOT NULL OR NEW.error_message IS NOT NULL OR NEW.runtime_ms IS NOT NULL OR NEW.edits ? 'result') AND coalesce((NEW.edits #>> '{result,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'result', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.status, NEW.passed_count, NEW.failed_count, NEW.error_message, NEW.runtime_ms) IS DISTINCT FROM ROW(OLD.status, OLD.passed_count, OLD.failed_count, OLD.error_message, OLD.runtime_ms) OR NEW.edits -> 'result' IS DISTINCT FROM OLD.edits -> 'result' THEN
        NEW.edits := feed_edit(NEW.edits, 'result', OLD.edits -> 'result', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON coding_submissions FOR EACH ROW EXECUTE FUNCTION before_coding_submissions();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON coding_submissions FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_coding_submissions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.group_id, r.organization_id, r.user_id, feed_hash('coding_submissions', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.coding_task_id, r.user_id, r.submitted_at, r.submitted_code, r.attempt_number, r.group_id, r.status, r.passed_count, r.failed_count, r.error_message, r.runtime_ms, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'learner:' || n.user_id, 62::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.user_id IS NOT NULL
        UNION ALL
        SELECT 'roster:' || n.group_id, 62::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.group_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || n.organization_id, 62::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.group_id IS NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'learner:' || o.user_id, 62::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.user_id IS NOT NULL
        UNION ALL
        SELECT 'roster:' || o.group_id, 62::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.group_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || o.organization_id, 62::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL AND o.group_id IS NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.group_id, r.organization_id, r.user_id, feed_hash('coding_submissions', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.coding_task_id, r.user_id, r.submitted_at, r.submitted_code, r.attempt_number, r.group_id, r.status, r.passed_count, r.failed_count, r.error_message, r.runtime_ms, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'learner:' || n.user_id, 62::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.user_id IS NOT NULL
        UNION ALL
        SELECT 'learner:' || o.user_id, 62::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.user_id IS NOT NULL AND NOT (n.user_id IS NOT NULL AND 'learner:' || o.user_id = 'learner:' || n.user_id)
        UNION ALL
        SELECT 'roster:' || n.group_id, 62::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.group_id IS NOT NULL
        UNION ALL
        SELECT 'roster:' || o.group_id, 62::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.group_id IS NOT NULL AND NOT (n.group_id IS NOT NULL AND 'roster:' || o.group_id = 'roster:' || n.group_id)
        UNION ALL
        SELECT 'people:' || n.organization_id, 62::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL AND n.group_id IS NULL
        UNION ALL
        SELECT 'people:' || o.organization_id, 62::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND o.group_id IS NULL AND NOT (n.organization_id IS NOT NULL AND n.group_id IS NULL AND 'people:' || o.organization_id = 'people:' || n.organization_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON coding_submissions REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_coding_submissions();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON coding_submissions REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_coding_submissions();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON coding_submissions REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_coding_submissions();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON coding_submissions FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON coding_submissions REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON coding_submissions REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON coding_submissions REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 62) IS DISTINCT FROM 'id organization_id created_at updated_at stamp coding_task_id user_id submitted_at submitted_code attempt_number group_id status passed_count failed_count error_message runtime_ms edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.coding_task_id, r.user_id, r.submitted_at, r.submitted_code, r.attempt_number, r.group_id, r.status, r.passed_count, r.failed_count, r.error_message, r.runtime_ms, r.edits), 0) FROM coding_submissions r WHERE f.entity = 62 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp coding_task_id user_id submitted_at submitted_code attempt_number group_id status passed_count failed_count error_message runtime_ms edits' WHERE e.code = 62;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_devices() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.revoked_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.revoked_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.revoked_at + interval '500 microseconds') THEN OLD.revoked_at ELSE date_trunc('milliseconds', NEW.revoked_at + interval '500 microseconds') END;
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.user_id) IS DISTINCT FROM (OLD.user_id) THEN
            RAISE EXCEPTION 'a key column of devices never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.name IS NOT NULL OR NEW.edits ? 'name') AND coalesce((NEW.edits #>> '{name,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'name', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.name) IS DISTINCT FROM ROW(OLD.name) OR NEW.edits -> 'name' IS DISTINCT FROM OLD.edits -> 'name' THEN
        NEW.edits := feed_edit(NEW.edits, 'name', OLD.edits -> 'name', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON devices FOR EACH ROW EXECUTE FUNCTION before_devices();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON devices FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_devices() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, r.user_id, feed_hash('devices', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.name, r.platform, r.revoked_at, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'people:' || n.organization_id, 33::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL
        UNION ALL
        SELECT 'user:' || n.user_id, 33::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.user_id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'people:' || o.organization_id, 33::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL
        UNION ALL
        SELECT 'user:' || o.user_id, 33::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.user_id IS NOT NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, r.user_id, feed_hash('devices', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.name, r.platform, r.revoked_at, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'people:' || n.organization_id, 33::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || o.organization_id, 33::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND NOT (n.organization_id IS NOT NULL AND 'people:' || o.organization_id = 'people:' || n.organization_id)
        UNION ALL
        SELECT 'user:' || n.user_id, 33::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.user_id IS NOT NULL
        UNION ALL
        SELECT 'user:' || o.user_id, 33::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.user_id IS NOT NULL AND NOT (n.user_id IS NOT NULL AND 'user:' || o.user_id = 'user:' || n.user_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON devices REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_devices();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON devices REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_devices();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON devices REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_devices();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON devices FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
CREATE OR REPLACE TRIGGER audit_insert AFTER INSERT ON devices REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON devices REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
CREATE OR REPLACE TRIGGER audit_delete AFTER DELETE ON devices REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 33) IS DISTINCT FROM 'id organization_id created_at updated_at stamp user_id name platform revoked_at edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.user_id, r.name, r.platform, r.revoked_at, r.edits), 0) FROM devices r WHERE f.entity = 33 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp user_id name platform revoked_at edits' WHERE e.code = 33;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_conflicts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.lost_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.lost_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.lost_at + interval '500 microseconds') THEN OLD.lost_at ELSE date_trunc('milliseconds', NEW.lost_at + interval '500 microseconds') END;
    NEW.kept_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.kept_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.kept_at + interval '500 microseconds') THEN OLD.kept_at ELSE date_trunc('milliseconds', NEW.kept_at + interval '500 microseconds') END;
    NEW.settled_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.settled_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.settled_at + interval '500 microseconds') THEN OLD.settled_at ELSE date_trunc('milliseconds', NEW.settled_at + interval '500 microseconds') END;
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.settled_by IS NOT NULL OR NEW.settled_at IS NOT NULL OR NEW.edits ? 'settled') AND coalesce((NEW.edits #>> '{settled,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'settled', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.settled_by, NEW.settled_at) IS DISTINCT FROM ROW(OLD.settled_by, OLD.settled_at) OR NEW.edits -> 'settled' IS DISTINCT FROM OLD.edits -> 'settled' THEN
        NEW.edits := feed_edit(NEW.edits, 'settled', OLD.edits -> 'settled', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON conflicts FOR EACH ROW EXECUTE FUNCTION before_conflicts();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON conflicts FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_conflicts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.author_id, r.course_id, r.group_id, feed_hash('conflicts', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.entity, r.row_id, r.field, r.lost_values, r.lost_by, r.lost_at, r.kept_values, r.kept_by, r.kept_at, r.group_id, r.course_id, r.author_id, r.settled_by, r.settled_at, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'roster:' || n.group_id, 34::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.group_id IS NOT NULL
        UNION ALL
        SELECT 'course_staff:' || n.course_id, 34::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.course_id IS NOT NULL
        UNION ALL
        SELECT 'user:' || n.author_id, 34::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.author_id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'roster:' || o.group_id, 34::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.group_id IS NOT NULL
        UNION ALL
        SELECT 'course_staff:' || o.course_id, 34::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.course_id IS NOT NULL
        UNION ALL
        SELECT 'user:' || o.author_id, 34::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.author_id IS NOT NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.author_id, r.course_id, r.group_id, feed_hash('conflicts', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.entity, r.row_id, r.field, r.lost_values, r.lost_by, r.lost_at, r.kept_values, r.kept_by, r.kept_at, r.group_id, r.course_id, r.author_id, r.settled_by, r.settled_at, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'roster:' || n.group_id, 34::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.group_id IS NOT NULL
        UNION ALL
        SELECT 'roster:' || o.group_id, 34::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.group_id IS NOT NULL AND NOT (n.group_id IS NOT NULL AND 'roster:' || o.group_id = 'roster:' || n.group_id)
        UNION ALL
        SELECT 'course_staff:' || n.course_id, 34::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.course_id IS NOT NULL
        UNION ALL
        SELECT 'course_staff:' || o.course_id, 34::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.course_id IS NOT NULL AND NOT (n.course_id IS NOT NULL AND 'course_staff:' || o.course_id = 'course_staff:' || n.course_id)
        UNION ALL
        SELECT 'user:' || n.author_id, 34::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.author_id IS NOT NULL
        UNION ALL
        SELECT 'user:' || o.author_id, 34::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.author_id IS NOT NULL AND NOT (n.author_id IS NOT NULL AND 'user:' || o.author_id = 'user:' || n.author_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON conflicts REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_conflicts();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON conflicts REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_conflicts();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON conflicts REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_conflicts();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON conflicts FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
DROP TRIGGER IF EXISTS audit_insert ON conflicts;
DROP TRIGGER IF EXISTS audit_update ON conflicts;
DROP TRIGGER IF EXISTS audit_delete ON conflicts;
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 34) IS DISTINCT FROM 'id organization_id created_at updated_at stamp entity row_id field lost_values lost_by lost_at kept_values kept_by kept_at group_id course_id author_id settled_by settled_at edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.entity, r.row_id, r.field, r.lost_values, r.lost_by, r.lost_at, r.kept_values, r.kept_by, r.kept_at, r.group_id, r.course_id, r.author_id, r.settled_by, r.settled_at, r.edits), 0) FROM conflicts r WHERE f.entity = 34 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp entity row_id field lost_values lost_by lost_at kept_values kept_by kept_at group_id course_id author_id settled_by settled_at edits' WHERE e.code = 34;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_held_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.held_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.held_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.held_at + interval '500 microseconds') THEN OLD.held_at ELSE date_trunc('milliseconds', NEW.held_at + interval '500 microseconds') END;
    NEW.decided_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.decided_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.decided_at + interval '500 microseconds') THEN OLD.decided_at ELSE date_trunc('milliseconds', NEW.decided_at + interval '500 microseconds') END;
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON held_changes FOR EACH ROW EXECUTE FUNCTION before_held_changes();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON held_changes FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_held_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.author_id, r.course_id, r.group_id, r.organization_id, feed_hash('held_changes', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.entity, r.row_id, r.op, r.fields, r.author_id, r.author_name, r.person_id, r.person_name, r.device_id, r.n, r.base, r.at_us, r.held_at, r.group_id, r.course_id, r.state, r.decided_by, r.decided_at), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'roster:' || n.group_id, 36::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.group_id IS NOT NULL
        UNION ALL
        SELECT 'course_staff:' || n.course_id, 36::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.course_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || n.organization_id, 36::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL
        UNION ALL
        SELECT 'user:' || n.author_id, 36::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.author_id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'roster:' || o.group_id, 36::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.group_id IS NOT NULL
        UNION ALL
        SELECT 'course_staff:' || o.course_id, 36::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.course_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || o.organization_id, 36::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL
        UNION ALL
        SELECT 'user:' || o.author_id, 36::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.author_id IS NOT NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.author_id, r.course_id, r.group_id, r.organization_id, feed_hash('held_changes', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.entity, r.row_id, r.op, r.fields, r.author_id, r.author_name, r.person_id, r.person_name, r.device_id, r.n, r.base, r.at_us, r.held_at, r.group_id, r.course_id, r.state, r.decided_by, r.decided_at), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'roster:' || n.group_id, 36::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.group_id IS NOT NULL
        UNION ALL
        SELECT 'roster:' || o.group_id, 36::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.group_id IS NOT NULL AND NOT (n.group_id IS NOT NULL AND 'roster:' || o.group_id = 'roster:' || n.group_id)
        UNION ALL
        SELECT 'course_staff:' || n.course_id, 36::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.course_id IS NOT NULL
        UNION ALL
        SELECT 'course_staff:' || o.course_id, 36::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.course_id IS NOT NULL AND NOT (n.course_id IS NOT NULL AND 'course_staff:' || o.course_id = 'course_staff:' || n.course_id)
        UNION ALL
        SELECT 'people:' || n.organization_id, 36::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || o.organization_id, 36::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND NOT (n.organization_id IS NOT NULL AND 'people:' || o.organization_id = 'people:' || n.organization_id)
        UNION ALL
        SELECT 'user:' || n.author_id, 36::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.author_id IS NOT NULL
        UNION ALL
        SELECT 'user:' || o.author_id, 36::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.author_id IS NOT NULL AND NOT (n.author_id IS NOT NULL AND 'user:' || o.author_id = 'user:' || n.author_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON held_changes REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_held_changes();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON held_changes REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_held_changes();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON held_changes REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_held_changes();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON held_changes FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
DROP TRIGGER IF EXISTS audit_insert ON held_changes;
DROP TRIGGER IF EXISTS audit_update ON held_changes;
DROP TRIGGER IF EXISTS audit_delete ON held_changes;
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 36) IS DISTINCT FROM 'id organization_id created_at updated_at stamp entity row_id op fields author_id author_name person_id person_name device_id n base at_us held_at group_id course_id state decided_by decided_at' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.entity, r.row_id, r.op, r.fields, r.author_id, r.author_name, r.person_id, r.person_name, r.device_id, r.n, r.base, r.at_us, r.held_at, r.group_id, r.course_id, r.state, r.decided_by, r.decided_at), 0) FROM held_changes r WHERE f.entity = 36 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp entity row_id op fields author_id author_name person_id person_name device_id n base at_us held_at group_id course_id state decided_by decided_at' WHERE e.code = 36;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION before_offered_rows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.changed_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.changed_at + interval '500 microseconds') THEN OLD.changed_at ELSE date_trunc('milliseconds', NEW.changed_at + interval '500 microseconds') END;
    NEW.decided_at := CASE WHEN TG_OP = 'UPDATE' AND date_trunc('milliseconds', NEW.decided_at + interval '500 microseconds') = date_trunc('milliseconds', OLD.decided_at + interval '500 microseconds') THEN OLD.decided_at ELSE date_trunc('milliseconds', NEW.decided_at + interval '500 microseconds') END;
    IF TG_OP = 'INSERT' THEN
        NEW.id := uuid_generate_v5('6f2f98a1-0c5e-5b1c-9d0a-7c6179737461', 'offered_rows:' || coalesce(NEW.entity::text, '-') || ':' || coalesce(NEW.row_id::text, '-') || ':' || coalesce(NEW.offered_by::text, '-'));
        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        IF (NEW.entity, NEW.row_id, NEW.offered_by) IS DISTINCT FROM (OLD.entity, OLD.row_id, OLD.offered_by) THEN
            RAISE EXCEPTION 'a key column of offered_rows never changes' USING ERRCODE = 'WS001';
        END IF;
        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
    IF TG_OP = 'INSERT' THEN
        IF (NEW.row_stamp IS NOT NULL OR NEW.changed_at IS NOT NULL OR NEW.fields IS NOT NULL OR NEW.edits ? 'offer') AND coalesce((NEW.edits #>> '{offer,stamp}')::bigint, 0) = 0 THEN
            NEW.edits := feed_edit(NEW.edits, 'offer', NULL, NEW.stamp);
        END IF;
    ELSIF ROW(NEW.row_stamp, NEW.changed_at, NEW.fields) IS DISTINCT FROM ROW(OLD.row_stamp, OLD.changed_at, OLD.fields) OR NEW.edits -> 'offer' IS DISTINCT FROM OLD.edits -> 'offer' THEN
        NEW.edits := feed_edit(NEW.edits, 'offer', OLD.edits -> 'offer', NEW.stamp);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON offered_rows FOR EACH ROW EXECUTE FUNCTION before_offered_rows();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON offered_rows FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_offered_rows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, feed_hash('offered_rows', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.entity, r.row_id, r.offered_by, r.row_stamp, r.changed_at, r.fields, r.base_stamp, r.offered_by_name, r.person_id, r.person_name, r.state, r.decided_by, r.decided_at, r.seconded, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'people:' || n.organization_id, 37::smallint, n.id, n.stamp, 0::smallint, n.hash, true, n.digest FROM n WHERE n.organization_id IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'people:' || o.organization_id, 37::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE o.organization_id IS NOT NULL;
    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
        WITH n AS MATERIALIZED (
            SELECT r.id, r.stamp, r.organization_id, feed_hash('offered_rows', r.id, r.stamp) AS hash, hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.entity, r.row_id, r.offered_by, r.row_stamp, r.changed_at, r.fields, r.base_stamp, r.offered_by_name, r.person_id, r.person_name, r.state, r.decided_by, r.decided_at, r.seconded, r.edits), 0) AS digest FROM new_rows r
        )
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)
        SELECT 'people:' || n.organization_id, 37::smallint, n.id, n.stamp, 0::smallint, n.hash, false, n.digest FROM n WHERE n.organization_id IS NOT NULL
        UNION ALL
        SELECT 'people:' || o.organization_id, 37::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE o.organization_id IS NOT NULL AND NOT (n.organization_id IS NOT NULL AND 'people:' || o.organization_id = 'people:' || n.organization_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON offered_rows REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_offered_rows();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON offered_rows REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_offered_rows();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON offered_rows REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_offered_rows();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON offered_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
DROP TRIGGER IF EXISTS audit_insert ON offered_rows;
DROP TRIGGER IF EXISTS audit_update ON offered_rows;
DROP TRIGGER IF EXISTS audit_delete ON offered_rows;
DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = 37) IS DISTINCT FROM 'id organization_id created_at updated_at stamp entity row_id offered_by row_stamp changed_at fields base_stamp offered_by_name person_id person_name state decided_by decided_at seconded edits' THEN
        UPDATE feed f SET digest = hash_record_extended(ROW(r.id, r.organization_id, r.created_at, r.updated_at, r.stamp, r.entity, r.row_id, r.offered_by, r.row_stamp, r.changed_at, r.fields, r.base_stamp, r.offered_by_name, r.person_id, r.person_name, r.state, r.decided_by, r.decided_at, r.seconded, r.edits), 0) FROM offered_rows r WHERE f.entity = 37 AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = 'id organization_id created_at updated_at stamp entity row_id offered_by row_stamp changed_at fields base_stamp offered_by_name person_id person_name state decided_by decided_at seconded edits' WHERE e.code = 37;
    END IF;
END $$;
