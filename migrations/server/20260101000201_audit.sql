-- Every change of every audited table, by anybody, plain SQL included: who changed what, from which device, when, and the values
-- before and after of the columns that changed. Written by statement triggers that follow from the registry.
--
-- One partition for each month, so that old months are detached and archived without touching the others. The default partition
-- takes what has no month yet, so a change never fails for want of a partition.
CREATE SEQUENCE audit_number;
CREATE TABLE audit_logs (
    number             bigint NOT NULL DEFAULT nextval('audit_number'),
    at                 timestamptz NOT NULL,
    organization_id    uuid NOT NULL,
    entity             text NOT NULL,
    row_id             uuid NOT NULL,
    op                 text NOT NULL,
    -- The person behind the device. Neither is known of a change in plain SQL.
    user_id            uuid,
    device_id          uuid,
    -- The database role and the program that connected.
    program            text NOT NULL,
    -- Columns that changed; all of them for a row that was made or deleted, without those that are null.
    before             jsonb,
    after              jsonb,
    CONSTRAINT audit_logs_op_check CHECK (op IN ('insert', 'update', 'delete'))
) PARTITION BY RANGE (at);
CREATE INDEX audit_logs_by_row ON audit_logs (row_id, number);
CREATE INDEX audit_logs_by_organization ON audit_logs (organization_id, number);
CREATE TABLE audit_logs_default PARTITION OF audit_logs DEFAULT;

-- Nothing that was written is changed or removed row by row, whoever asks.
CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'WS002';
END $$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit_logs FOR EACH ROW EXECUTE FUNCTION audit_append_only();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit_logs FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only();

-- Makes the partitions of this month and the next two. A month of which rows lie in the default partition already stays there.
CREATE FUNCTION audit_make_partitions() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    month date;
    name text;
BEGIN
    FOR ahead IN 0..2 LOOP
        month := (date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => ahead))::date;
        name := 'audit_logs_' || to_char(month, 'YYYY_MM');
        CONTINUE WHEN to_regclass(name) IS NOT NULL;
        BEGIN
            EXECUTE format('CREATE TABLE %I PARTITION OF audit_logs FOR VALUES FROM (%L) TO (%L)', name,
                month::timestamp AT TIME ZONE 'UTC', (month + interval '1 month')::timestamp AT TIME ZONE 'UTC');
        EXCEPTION WHEN check_violation OR duplicate_table THEN
            NULL;
        END;
    END LOOP;
END $$;
SELECT audit_make_partitions();

-- The statement trigger of every audited table. `waystation.device` is set by the server for the transaction of a push.
CREATE FUNCTION audit_statement() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    -- What the database keeps for itself, or what every change changes.
    own CONSTANT text[] := ARRAY['id', 'organization_id', 'created_at', 'updated_at', 'stamp', 'edits'];
    device CONSTANT uuid := nullif(current_setting('waystation.device', true), '')::uuid;
    program CONSTANT text := session_user || ' ' || coalesce(nullif(current_setting('application_name', true), ''), '-');
    person uuid;
BEGIN
    IF device IS NOT NULL THEN
        SELECT d.user_id INTO person FROM devices d WHERE d.id = device;
    END IF;
    IF TG_OP = 'INSERT' THEN
        INSERT INTO audit_logs (at, organization_id, entity, row_id, op, user_id, device_id, program, before, after)
        SELECT now(), n.organization_id, TG_TABLE_NAME, n.id, 'insert', person, device, program, NULL, jsonb_strip_nulls(to_jsonb(n) - own)
        FROM new_rows n;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO audit_logs (at, organization_id, entity, row_id, op, user_id, device_id, program, before, after)
        SELECT now(), o.organization_id, TG_TABLE_NAME, o.id, 'delete', person, device, program, jsonb_strip_nulls(to_jsonb(o) - own), NULL
        FROM old_rows o;
    ELSE
        INSERT INTO audit_logs (at, organization_id, entity, row_id, op, user_id, device_id, program, before, after)
        SELECT now(), n.organization_id, TG_TABLE_NAME, n.id, 'update', person, device, program, changed.before, changed.after
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
