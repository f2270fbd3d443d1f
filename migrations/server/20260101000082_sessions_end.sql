-- A refresh token that somebody has stolen is worth nothing once its owner signs in again, signs out, or gets a new password.

-- Tokens that were the current one a moment ago. A request that names one may have been overtaken on its way by the next one,
-- so it ends nothing. Any other older token ends its session: two programs use it, and one of them is not its owner's.
CREATE TABLE left_refresh_tokens (
    session_id uuid NOT NULL REFERENCES user_sessions ON DELETE CASCADE,
    hash       bytea NOT NULL,
    left_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (session_id, hash)
);

-- A device has one session: the one of the newest sign-in.
UPDATE user_sessions s SET ended_at = now()
WHERE s.ended_at IS NULL AND EXISTS (SELECT FROM user_sessions t WHERE t.device_id = s.device_id AND t.id > s.id AND t.ended_at IS NULL);

-- A new password ends all sessions of its account, also when it is written in plain SQL. A server that hashes the same
-- password anew says so for its transaction; without that word the sessions end, which is the safe mistake.
CREATE FUNCTION password_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('waystation.same_password', true) IS DISTINCT FROM 'on' THEN
        UPDATE user_sessions s SET ended_at = now() WHERE s.user_id = NEW.id AND s.ended_at IS NULL;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER password_changed AFTER UPDATE ON users FOR EACH ROW
WHEN (OLD.password_hash IS DISTINCT FROM NEW.password_hash) EXECUTE FUNCTION password_changed();
