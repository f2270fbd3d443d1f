-- Remembers what a person hears, and since when they do not hear what they heard before. $1: the user, $2: the scopes,
-- $3: the days that a loss is remembered.
WITH before AS (
    SELECT k.scopes FROM known_rights k WHERE k.user_id = $1
), lost AS (
    INSERT INTO former_rights (user_id, scope, lost_at)
    SELECT $1, b.scope, now() FROM before, unnest(before.scopes) AS b(scope) WHERE b.scope <> ALL ($2)
    ON CONFLICT (user_id, scope) DO UPDATE SET lost_at = excluded.lost_at
), past AS (
    DELETE FROM former_rights f
    WHERE f.user_id = $1
      AND (f.scope = ANY ($2) OR f.lost_at < now() - make_interval(days => $3))
      -- What is lost right now is written above.
      AND NOT EXISTS (SELECT FROM before WHERE f.scope = ANY (before.scopes) AND f.scope <> ALL ($2))
)
INSERT INTO known_rights (user_id, scopes, known_at) VALUES ($1, $2, now())
ON CONFLICT (user_id) DO UPDATE SET scopes = excluded.scopes, known_at = excluded.known_at
