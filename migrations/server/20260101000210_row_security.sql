-- Requests of a signed-in person run under the role `waystation_bound`, which sees the rows of one organization. Its policies
-- follow from the registry (see `generated/row_security.sql`), and `sync-server migrate` makes the role and gives it its rights.
--
-- What belongs to the database as a whole (feeds, heads, the epoch, the audit log, the names that people sign in with) is written
-- by functions that run as their owner. Their search path is fixed, so that nobody gives them other tables to work on.

-- The queue is this session's temporary table, and the functions below work on it as their owner. A table of this name that
-- another role made could have triggers, which would then run as the owner too.
CREATE FUNCTION feed_queue_is_there() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    trusted boolean;
BEGIN
    SELECT r.rolsuper OR r.rolname = current_user INTO trusted
    FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE c.oid = to_regclass('pg_temp.feed_queue');
    IF trusted IS FALSE THEN
        RAISE EXCEPTION 'the temporary table feed_queue is not the one of the feeds'
            USING ERRCODE = 'insufficient_privilege', HINT = 'A session that was open before the schema changed connects again.';
    END IF;
    RETURN trusted IS TRUE;
END $$;

-- Makes this session's queue and sees to it that the transaction will drain it. Every role of this session may queue rows in it.
CREATE OR REPLACE FUNCTION feed_open() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT feed_queue_is_there() THEN
        CREATE TEMP TABLE feed_queue (
            scope  text COLLATE "C" NOT NULL,
            entity smallint NOT NULL, -- 0: nobody's row, only the scope's head moves
            row_id uuid,
            stamp  bigint NOT NULL,
            state  smallint NOT NULL,
            hash   bigint NOT NULL,  -- row-hash-1 of a live row, otherwise 0
            is_new boolean NOT NULL, -- an INSERT says so: before it, no feed counted the row
            digest bigint            -- of the values of a live row
        ) ON COMMIT DELETE ROWS;
        GRANT SELECT, INSERT ON pg_temp.feed_queue TO PUBLIC;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_temp.feed_queue) THEN
        -- A session that made its queue before it had this column goes on with it.
        IF NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = 'pg_temp.feed_queue'::regclass AND a.attname = 'digest') THEN
            ALTER TABLE pg_temp.feed_queue ADD COLUMN digest bigint;
        END IF;
        INSERT INTO feed_drain DEFAULT VALUES;
    END IF;
END $$;

ALTER FUNCTION feed_drain_queue() RENAME TO feed_drain_own_queue;
CREATE FUNCTION feed_drain_queue() RETURNS TABLE (moved_scope text, moved_head bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF feed_queue_is_there() THEN
        RETURN QUERY SELECT d.moved_scope, d.moved_head FROM feed_drain_own_queue() d;
    END IF;
END $$;
ALTER FUNCTION feed_drain_deferred() SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION epoch_settle(boolean) SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp;
-- Called from these and from the server's queries: with two search paths in turn, its query would be planned anew each time.
ALTER FUNCTION epoch_current() SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION audit_statement() SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp;
-- These two look for a text that is unique over all organizations.
ALTER FUNCTION user_sign_in_names() SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION certificate_number() SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp;

-- Those of these ids that rows of other organizations have: an id is unique over all of them, and an insert that meets one has to
-- be told apart from two inserts of one row at the same moment.
CREATE FUNCTION ids_elsewhere(of_table text, ids uuid[]) RETURNS SETOF uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN QUERY EXECUTE format('SELECT r.id FROM %I r WHERE r.id = ANY($1) AND r.organization_id IS DISTINCT FROM $2', of_table)
        USING ids, nullif(current_setting('waystation.organization', true), '')::uuid;
END $$;
