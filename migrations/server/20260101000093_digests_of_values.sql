-- A value that is changed while triggers are off keeps its row's stamp, and no feed, checksum or head shows it. Each live row of
-- a feed keeps a digest of the values that the triggers have seen, and `sync-server verify` compares. It never leaves the
-- database; null is not known.
ALTER TABLE feed ADD COLUMN digest bigint;

-- The columns that the digests of a table are computed of. The generated text computes them again when it names others.
ALTER TABLE feed_entities ADD COLUMN digested text;

-- Makes this session's queue and sees to it that the transaction will drain it.
CREATE OR REPLACE FUNCTION feed_open() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF to_regclass('pg_temp.feed_queue') IS NULL THEN
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
    END IF;
    IF NOT EXISTS (SELECT FROM pg_temp.feed_queue) THEN
        -- A session that made its queue before this migration goes on with it.
        IF NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = 'pg_temp.feed_queue'::regclass AND a.attname = 'digest') THEN
            ALTER TABLE pg_temp.feed_queue ADD COLUMN digest bigint;
        END IF;
        INSERT INTO feed_drain DEFAULT VALUES;
    END IF;
END $$;

-- Moves every queued row forward in its feeds. A sync-server calls it just before its commit, to learn which heads moved;
-- for everybody else the deferred trigger does. The heads are locked first and in order, and the feed is read after
-- that in a new statement, so that it sees what the lock waited for.
CREATE OR REPLACE FUNCTION feed_drain_queue() RETURNS TABLE (moved_scope text, moved_head bigint) LANGUAGE plpgsql AS $$
DECLARE
    scopes text[];
    ids    bigint[];
    heads  bigint[];
    -- Nothing but inserts: no old hash to look up and take from a checksum.
    all_new boolean;
BEGIN
    IF to_regclass('pg_temp.feed_queue') IS NULL THEN
        RETURN;
    END IF;

    SELECT array_agg(q.scope ORDER BY q.scope), bool_and(q.all_new) INTO scopes, all_new
    FROM (SELECT d.scope, bool_and(d.is_new) AS all_new FROM pg_temp.feed_queue d GROUP BY d.scope) q;
    IF scopes IS NULL THEN
        RETURN;
    END IF;

    INSERT INTO scope_heads (scope) SELECT s.scope FROM unnest(scopes) AS s(scope)
    WHERE NOT EXISTS (SELECT FROM scope_heads h WHERE h.scope = s.scope)
    ORDER BY s.scope ON CONFLICT (scope) DO NOTHING;

    SELECT array_agg(l.id ORDER BY l.scope), array_agg(l.version ORDER BY l.scope) INTO ids, heads
    FROM (SELECT h.id, h.scope, h.version FROM scope_heads h WHERE h.scope = ANY(scopes) ORDER BY h.scope FOR UPDATE) l;

    RETURN QUERY
    WITH latest AS (
        SELECT DISTINCT ON (s.id, q.entity, q.row_id) s.id AS scope_id, s.head, q.entity, q.row_id, q.state, q.hash, q.digest
        FROM pg_temp.feed_queue q JOIN unnest(scopes, ids, heads) AS s(scope, id, head) ON s.scope = q.scope
        WHERE q.entity <> 0
        ORDER BY s.id, q.entity, q.row_id, q.stamp DESC, q.state DESC
    ), numbered AS MATERIALIZED (
        SELECT l.scope_id, l.entity, l.row_id, l.state, l.hash, l.digest,
               l.head + row_number() OVER (PARTITION BY l.scope_id ORDER BY l.entity, l.row_id) AS version
        FROM latest l
    ), came AS (
        SELECT n.scope_id, count(*) AS n, sum(n.hash) AS hash FROM numbered n GROUP BY n.scope_id
    ), went AS (
        -- Once for all scopes: asked scope by scope, a change of many rows in many scopes took time by their product.
        SELECT n.scope_id, sum(f.hash) AS hash
        FROM numbered n JOIN feed f ON f.scope_id = n.scope_id AND f.entity = n.entity AND f.row_id = n.row_id
        WHERE NOT all_new
        GROUP BY n.scope_id
    ), moved AS (
        INSERT INTO feed (scope_id, entity, row_id, version, state, hash, digest)
        SELECT n.scope_id, n.entity, n.row_id, n.version, n.state, n.hash, n.digest FROM numbered n
        ON CONFLICT (scope_id, entity, row_id)
        DO UPDATE SET version = excluded.version, state = excluded.state, hash = excluded.hash, digest = excluded.digest
    )
    UPDATE scope_heads h
    SET version = h.version + coalesce(c.n, 1),
        checksum = feed_wrap(h.checksum + coalesce(c.hash, 0) - coalesce(w.hash, 0))
    FROM unnest(ids) AS s(id) LEFT JOIN came c ON c.scope_id = s.id LEFT JOIN went w ON w.scope_id = s.id
    WHERE h.id = s.id
    RETURNING h.scope, h.version;

    DELETE FROM pg_temp.feed_queue;
END $$;
