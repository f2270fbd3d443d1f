-- The next rows after each scope's cursor, the scopes in the order given and each in version order.
-- $1 ordinals, $2 scope ids, $3 cursors, $4 at most this many rows
SELECT w.place, f.entity, f.row_id, f.version, f.state
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS w(place, scope_id, cursor)
CROSS JOIN LATERAL (
    SELECT f.entity, f.row_id, f.version, f.state
    FROM feed f
    WHERE f.scope_id = w.scope_id AND f.version > w.cursor
    ORDER BY f.version
    LIMIT $4
) f
ORDER BY w.place, f.version
LIMIT $4
