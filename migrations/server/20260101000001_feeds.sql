-- The versioned change feeds. Every synced table queues (scope, row) in its statement triggers, and one deferred
-- trigger drains the queue at commit with the scopes sorted. So a change is in its feeds whoever makes it, versions are
-- dense and in commit order, and two transactions never take the heads in different orders.

CREATE EXTENSION IF NOT EXISTS "uuid-ossp";

-- Stamps start at the second of creation times 2^30, and start again there after a restore: none is ever given twice.
CREATE SEQUENCE stamp_seq AS bigint;
SELECT setval('stamp_seq', (extract(epoch FROM clock_timestamp())::bigint) << 30);

-- One row: which life of this database the laptops' cursors belong to.
CREATE TABLE epoch (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    epoch    bigint NOT NULL
);
INSERT INTO epoch (epoch) VALUES (extract(epoch FROM clock_timestamp())::bigint);

-- Which generated trigger text is in force, so that a start with the same text skips it.
CREATE TABLE feed_generated (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    sha256   text NOT NULL
);

CREATE TABLE feed_entities (
    code smallint PRIMARY KEY CHECK (code > 0),
    name text NOT NULL UNIQUE
);

CREATE TABLE scope_heads (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    scope      text NOT NULL UNIQUE,
    version    bigint NOT NULL DEFAULT 0,
    -- The sum of row-hash-1 over live rows, modulo 2^64.
    checksum   bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 70);

-- One row per (scope, row): the version of its latest change. As large as what is alive, plus tombstones.
CREATE TABLE feed (
    scope_id bigint   NOT NULL,
    entity   smallint NOT NULL,
    row_id   uuid     NOT NULL,
    version  bigint   NOT NULL,
    state    smallint NOT NULL CHECK (state IN (0, 1, 2)), -- 0 live, 1 left this scope, 2 deleted
    hash     bigint   NOT NULL, -- row-hash-1 of a live row, otherwise 0
    PRIMARY KEY (scope_id, entity, row_id)
);
CREATE UNIQUE INDEX feed_by_version ON feed (scope_id, version);

-- A row here makes the deferred trigger fire once for its transaction.
CREATE UNLOGGED TABLE feed_drain (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);

-- Written so that PostgreSQL puts it into the calling query instead of calling it: no STRICT, and nothing inside that is
-- less than immutable (convert_to is only stable). The text has no backslash, so the cast to bytea takes it as it is.
CREATE FUNCTION feed_hash(entity text, row_id uuid, stamp bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ('x' || encode(substring(sha256((entity || ':' || row_id::text || ':' || stamp::text)::bytea), 1, 8), 'hex'))::bit(64)::bigint
$$;

-- An integer of any size as the signed 64-bit number it wraps to.
CREATE FUNCTION feed_wrap(total numeric) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT (mod(mod(total + 9223372036854775808, 18446744073709551616) + 18446744073709551616, 18446744073709551616) - 9223372036854775808)::bigint
$$;

-- Makes this session's queue and sees to it that the transaction will drain it.
CREATE FUNCTION feed_open() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF to_regclass('pg_temp.feed_queue') IS NULL THEN
        CREATE TEMP TABLE feed_queue (
            scope  text NOT NULL,
            entity smallint NOT NULL, -- 0: nobody's row, only the scope's head moves
            row_id uuid,
            stamp  bigint NOT NULL,
            state  smallint NOT NULL
        ) ON COMMIT DELETE ROWS;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_temp.feed_queue) THEN
        INSERT INTO feed_drain DEFAULT VALUES;
    END IF;
END $$;

-- Moves every queued row forward in its feeds. A sync-server calls it just before its commit, to learn which heads moved;
-- for everybody else the deferred trigger does. The heads are locked first and in order, and the feed is read after
-- that in a new statement, so that it sees what the lock waited for.
CREATE FUNCTION feed_drain_queue() RETURNS TABLE (moved_scope text, moved_head bigint) LANGUAGE plpgsql AS $$
DECLARE
    scopes text[];
    counts bigint[];
    ids    bigint[];
    heads  bigint[];
BEGIN
    IF to_regclass('pg_temp.feed_queue') IS NULL THEN
        RETURN;
    END IF;

    SELECT array_agg(q.scope ORDER BY q.scope), array_agg(q.n ORDER BY q.scope) INTO scopes, counts
    FROM (SELECT d.scope, count(*) AS n FROM (SELECT DISTINCT scope, entity, row_id FROM pg_temp.feed_queue) d GROUP BY d.scope) q;
    IF scopes IS NULL THEN
        RETURN;
    END IF;

    INSERT INTO scope_heads (scope) SELECT s.scope FROM unnest(scopes) AS s(scope)
    WHERE NOT EXISTS (SELECT FROM scope_heads h WHERE h.scope = s.scope)
    ORDER BY s.scope ON CONFLICT (scope) DO NOTHING;

    SELECT array_agg(l.id ORDER BY l.scope), array_agg(l.version ORDER BY l.scope) INTO ids, heads
    FROM (SELECT h.id, h.scope, h.version FROM scope_heads h WHERE h.scope = ANY(scopes) ORDER BY h.scope FOR UPDATE) l;

    WITH latest AS (
        SELECT DISTINCT ON (q.scope, q.entity, q.row_id) q.scope, q.entity, q.row_id, q.stamp, q.state
        FROM pg_temp.feed_queue q
        WHERE q.entity <> 0
        ORDER BY q.scope, q.entity, q.row_id, q.stamp DESC, q.state DESC
    ), numbered AS MATERIALIZED (
        SELECT s.id AS scope_id, l.entity, l.row_id, l.state,
               s.head + row_number() OVER (PARTITION BY s.id ORDER BY l.entity, l.row_id) AS version,
               CASE WHEN l.state = 0 THEN feed_hash(e.name, l.row_id, l.stamp) ELSE 0 END AS hash
        FROM latest l
        JOIN unnest(scopes, ids, heads) AS s(scope, id, head) ON s.scope = l.scope
        JOIN feed_entities e ON e.code = l.entity
    ), sums AS (
        -- Once for all scopes: asked scope by scope, a change of many rows in many scopes took time by their product.
        SELECT n.scope_id, sum(n.hash) - coalesce(sum(f.hash), 0) AS gain
        FROM numbered n LEFT JOIN feed f ON f.scope_id = n.scope_id AND f.entity = n.entity AND f.row_id = n.row_id
        GROUP BY n.scope_id
    ), moved AS (
        INSERT INTO feed (scope_id, entity, row_id, version, state, hash)
        SELECT n.scope_id, n.entity, n.row_id, n.version, n.state, n.hash FROM numbered n
        ON CONFLICT (scope_id, entity, row_id)
        DO UPDATE SET version = excluded.version, state = excluded.state, hash = excluded.hash
    )
    UPDATE scope_heads h
    SET version = h.version + s.n,
        checksum = feed_wrap(h.checksum + coalesce(g.gain, 0))
    FROM unnest(ids, counts) AS s(id, n) LEFT JOIN sums g ON g.scope_id = s.id
    WHERE h.id = s.id;

    DELETE FROM pg_temp.feed_queue;
    RETURN QUERY SELECT s.scope, s.head + s.n FROM unnest(scopes, heads, counts) AS s(scope, head, n);
END $$;

-- More heads than this in one plain-SQL transaction are announced as one word: read them all again.
CREATE FUNCTION feed_drain_deferred() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moved record;
    told  integer := 0;
BEGIN
    FOR moved IN SELECT moved_scope, moved_head FROM feed_drain_queue() LOOP
        -- A sync-server tells the others itself, after its commit: a notification inside the writing transaction
        -- takes a lock that all writers share.
        IF current_setting('waystation.server', true) IS DISTINCT FROM 'on' THEN
            told := told + 1;
            IF told <= 100 THEN
                PERFORM pg_notify('waystation_feed', json_build_array(json_build_array(moved.moved_scope, moved.moved_head))::text);
            ELSIF told = 101 THEN
                PERFORM pg_notify('waystation_feed', '*');
            END IF;
        END IF;
    END LOOP;
    DELETE FROM feed_drain WHERE id = NEW.id;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER drain AFTER INSERT ON feed_drain DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION feed_drain_deferred();

CREATE FUNCTION feed_refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'TRUNCATE would leave the feeds of % without a word: use DELETE', TG_TABLE_NAME USING ERRCODE = 'WS002';
END $$;

-- The edit of one tracked group under its new stamp. A writer that says who it is has set the group's edit itself;
-- whoever did not is plain SQL, and that counts as the server's time.
CREATE FUNCTION feed_edit(edits jsonb, tracked text, before jsonb, stamp bigint) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    said jsonb := edits -> tracked;
BEGIN
    IF said IS NULL OR said IS NOT DISTINCT FROM before THEN
        said := jsonb_build_object('at', (date_part('epoch', clock_timestamp()) * 1000)::bigint * 1000, 'device', NULL, 'n', 0, 'user', NULL);
    END IF;
    RETURN edits || jsonb_build_object(tracked, said || jsonb_build_object('stamp', stamp));
END $$;
