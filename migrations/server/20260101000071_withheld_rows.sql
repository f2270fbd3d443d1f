-- A row that a laptop cannot be sent, because plain SQL made it too large or gave it a value that JSON has no form for, stops
-- nobody else's page. Its feed says 3, withheld: no laptop holds it, so no checksum counts it.
ALTER TABLE feed DROP CONSTRAINT feed_state_check;
ALTER TABLE feed ADD CONSTRAINT feed_state_check CHECK (state IN (0, 1, 2, 3)); -- 3 withheld

-- Takes rows out of feeds that say they are live, as far as they have not moved since they were read. The heads are locked
-- first, in the order of every commit, so that no writer moves a row between the look and the mark. Returns the rows that
-- were taken out; the caller drains the queue. A later change of such a row makes it live again, and it is judged anew.
CREATE FUNCTION feed_withhold(scope_ids bigint[], entities smallint[], row_ids uuid[], versions bigint[])
RETURNS TABLE (withheld_entity smallint, withheld_row uuid) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM h.id FROM scope_heads h WHERE h.id = ANY(scope_ids) ORDER BY h.scope FOR UPDATE;
    PERFORM feed_open();
    RETURN QUERY
    WITH taken AS (
        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new)
        SELECT h.scope, f.entity, f.row_id, 0, 3, 0, false
        FROM unnest(scope_ids, entities, row_ids, versions) AS r(scope_id, entity, row_id, version)
        JOIN feed f ON f.scope_id = r.scope_id AND f.entity = r.entity AND f.row_id = r.row_id
            AND f.version = r.version AND f.state = 0
        JOIN scope_heads h ON h.id = f.scope_id
        RETURNING entity, row_id
    )
    SELECT DISTINCT t.entity, t.row_id FROM taken t;
END $$;
