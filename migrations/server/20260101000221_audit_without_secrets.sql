-- The audit log had the values of columns that are secret: the hash of a password, a device's recovery secret. Administrators read the
-- log, so they could have tried passwords of other people against a hash. From here on the log says that such a value changed, and
-- not what it is; what was written before is masked.
CREATE FUNCTION audit_masked(row_values jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(jsonb_object_agg(v.key, CASE
        WHEN v.key IN ('password_hash', 'recovery_secret', 'connection_string') AND v.value <> 'null' THEN '"secret"'::jsonb ELSE v.value END), '{}')
    FROM jsonb_each(row_values) v
$$;

CREATE OR REPLACE FUNCTION audit_statement() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    -- What the database keeps for itself, or what every change changes.
    own CONSTANT text[] := ARRAY['id', 'organization_id', 'created_at', 'updated_at', 'stamp', 'edits'];
    -- Tables with a column whose value is a secret.
    is_masked CONSTANT boolean := TG_TABLE_NAME IN ('users', 'devices', 'organizations');
    device CONSTANT uuid := nullif(current_setting('waystation.device', true), '')::uuid;
    program CONSTANT text := session_user || ' ' || coalesce(nullif(current_setting('application_name', true), ''), '-');
    person uuid;
BEGIN
    IF device IS NOT NULL THEN
        SELECT d.user_id INTO person FROM devices d WHERE d.id = device;
    END IF;
    IF TG_OP = 'INSERT' THEN
        INSERT INTO audit_logs (at, organization_id, entity, row_id, op, user_id, device_id, program, before, after)
        SELECT now(), n.organization_id, TG_TABLE_NAME, n.id, 'insert', person, device, program, NULL,
               CASE WHEN is_masked THEN audit_masked(jsonb_strip_nulls(to_jsonb(n) - own)) ELSE jsonb_strip_nulls(to_jsonb(n) - own) END
        FROM new_rows n;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO audit_logs (at, organization_id, entity, row_id, op, user_id, device_id, program, before, after)
        SELECT now(), o.organization_id, TG_TABLE_NAME, o.id, 'delete', person, device, program,
               CASE WHEN is_masked THEN audit_masked(jsonb_strip_nulls(to_jsonb(o) - own)) ELSE jsonb_strip_nulls(to_jsonb(o) - own) END, NULL
        FROM old_rows o;
    ELSE
        INSERT INTO audit_logs (at, organization_id, entity, row_id, op, user_id, device_id, program, before, after)
        SELECT now(), n.organization_id, TG_TABLE_NAME, n.id, 'update', person, device, program,
               CASE WHEN is_masked THEN audit_masked(changed.before) ELSE changed.before END,
               CASE WHEN is_masked THEN audit_masked(changed.after) ELSE changed.after END
        FROM new_rows n
        JOIN old_rows o ON o.id = n.id
        CROSS JOIN LATERAL (
            SELECT jsonb_object_agg(was.key, was.value) AS before, jsonb_object_agg(was.key, now_is.value) AS after
            FROM jsonb_each(to_jsonb(o) - own) was
            JOIN jsonb_each(to_jsonb(n) - own) now_is ON now_is.key = was.key
            WHERE now_is.value IS DISTINCT FROM was.value
        ) changed
        WHERE changed.after IS NOT NULL;
    END IF;
    RETURN NULL;
END $$;

-- The log refuses every change of a row, so its triggers rest for this one.
ALTER TABLE audit_logs DISABLE TRIGGER audit_append_only;
UPDATE audit_logs SET
    before = CASE WHEN before IS NOT NULL THEN audit_masked(before) END,
    after = CASE WHEN after IS NOT NULL THEN audit_masked(after) END
WHERE entity IN ('users', 'devices', 'organizations')
    AND (before ?| ARRAY['password_hash', 'recovery_secret', 'connection_string'] OR after ?| ARRAY['password_hash', 'recovery_secret', 'connection_string']);
ALTER TABLE audit_logs ENABLE TRIGGER audit_append_only;
