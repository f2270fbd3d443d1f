-- A transaction that made rows and changed none is drained by plain inserts. INSERT … ON CONFLICT looks into the key's index
-- before it writes, and confirms each row with a record of its own in the log: a fifth of what the drain costs, while the heads
-- of its scopes are locked and everybody else who writes there waits. Whether the feed has one of the rows already, because it
-- was deleted before, is told by the key itself: then the statement is taken back, and the general one runs.
CREATE OR REPLACE FUNCTION feed_drain_queue() RETURNS TABLE (moved_scope text, moved_head bigint) LANGUAGE plpgsql AS $$
DECLARE
    -- Four arrays in one order: the scopes, and their heads' ids and versions before; what their checksums gain.
    scopes text[];
    ids    bigint[];
    heads  bigint[];
    gains  numeric[];
    -- How many rows each scope gets a version for.
    counts bigint[];
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

    IF all_new THEN
        BEGIN
            WITH numbered AS MATERIALIZED (
                SELECT s.id AS scope_id, q.entity, q.row_id, q.state, q.hash, q.digest,
                       s.head + row_number() OVER (PARTITION BY s.id ORDER BY q.entity, q.row_id) AS version
                FROM pg_temp.feed_queue q JOIN unnest(scopes, ids, heads) AS s(scope, id, head) ON s.scope = q.scope
                WHERE q.entity <> 0
            ), came AS (
                SELECT n.scope_id, count(*) AS n, sum(n.hash) AS hash FROM numbered n GROUP BY n.scope_id
            ), moved AS (
                INSERT INTO feed (scope_id, entity, row_id, version, state, hash, digest)
                SELECT n.scope_id, n.entity, n.row_id, n.version, n.state, n.hash, n.digest FROM numbered n
            )
            SELECT array_agg(coalesce(c.n, 1) ORDER BY s.place), array_agg(coalesce(c.hash, 0) ORDER BY s.place) INTO counts, gains
            FROM unnest(ids) WITH ORDINALITY AS s(id, place) LEFT JOIN came c ON c.scope_id = s.id;
        EXCEPTION WHEN unique_violation THEN
            -- One of the rows was there before, or two rules place one row in the same scope.
            counts := NULL;
        END;
    END IF;

    IF counts IS NULL THEN
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
        SELECT array_agg(coalesce(c.n, 1) ORDER BY s.place),
               array_agg(coalesce(c.hash, 0) - coalesce(w.hash, 0) ORDER BY s.place) INTO counts, gains
        FROM unnest(ids) WITH ORDINALITY AS s(id, place)
        LEFT JOIN came c ON c.scope_id = s.id LEFT JOIN went w ON w.scope_id = s.id;
    END IF;

    RETURN QUERY
    UPDATE scope_heads h
    SET version = h.version + s.n, checksum = feed_wrap(h.checksum + s.gain)
    FROM unnest(ids, counts, gains) AS s(id, n, gain)
    WHERE h.id = s.id
    RETURNING h.scope, h.version;

    DELETE FROM pg_temp.feed_queue;
END $$;
