-- Stores the scopes that a user subscribes to, and when former ones were lost. Scopes that were read before the stored ones
-- change nothing.
-- $1 the user, $2 the scopes, $3 the days for which a loss is stored, $4 the sum of the heads of their access scopes when the
-- scopes were read
WITH before AS (
    SELECT k.scopes FROM known_rights k WHERE k.user_id = $1 AND k.rights_at <= $4
), lost AS (
    INSERT INTO former_rights (user_id, scope, lost_at)
    SELECT $1, b.scope, now() FROM before, unnest(before.scopes) AS b(scope) WHERE b.scope <> ALL ($2)
    ON CONFLICT (user_id, scope) DO UPDATE SET lost_at = excluded.lost_at
), past AS (
    DELETE FROM former_rights f
    USING before
    WHERE f.user_id = $1
      AND (f.scope = ANY ($2) OR f.lost_at < now() - make_interval(days => $3))
      -- What is lost right now is written above.
      AND NOT (f.scope = ANY (before.scopes) AND f.scope <> ALL ($2))
)
INSERT INTO known_rights (user_id, scopes, rights_at, known_at) VALUES ($1, $2, $4, now())
ON CONFLICT (user_id) DO UPDATE SET scopes = excluded.scopes, rights_at = excluded.rights_at, known_at = excluded.known_at
WHERE known_rights.rights_at <= excluded.rights_at
