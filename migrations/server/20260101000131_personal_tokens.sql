-- Personal tokens: other programs read and write a person's rows over HTTP. A token has a device, so that its changes are numbered,
-- merged, held and attributed like a laptop's, and a session of that device, so that whatever ends the person's sessions ends the
-- token: a new password, signing out everywhere, a revoked device. Tokens are kept as hashes.
CREATE TABLE personal_tokens (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL,
    user_id         uuid NOT NULL,
    device_id       uuid NOT NULL REFERENCES devices ON DELETE CASCADE,
    session_id      uuid NOT NULL REFERENCES user_sessions ON DELETE CASCADE,
    name            text NOT NULL,
    may_write       boolean NOT NULL,
    token_hash      bytea NOT NULL,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    last_used_at    timestamptz,
    CONSTRAINT personal_tokens_token_hash_key UNIQUE (token_hash),
    CONSTRAINT personal_tokens_session_id_key UNIQUE (session_id),
    CONSTRAINT personal_tokens_token_hash_check CHECK (length(token_hash) = 32),
    CONSTRAINT personal_tokens_name_check CHECK (name <> ''),
    CONSTRAINT personal_tokens_expires_at_check CHECK (expires_at > created_at),
    CONSTRAINT personal_tokens_user_id_fkey FOREIGN KEY (user_id, organization_id) REFERENCES users (id, organization_id) ON DELETE CASCADE
);
CREATE INDEX personal_tokens_by_user ON personal_tokens (user_id);
CREATE INDEX personal_tokens_by_device ON personal_tokens (device_id);

-- Requests that made a row under an `Idempotency-Key`, kept for a day, so that a repeated request makes no second row.
CREATE TABLE idempotency_keys (
    token_id     uuid NOT NULL REFERENCES personal_tokens ON DELETE CASCADE,
    key          text NOT NULL,
    -- SHA-256 of table and body: the same key with another request is a mistake.
    request_hash bytea NOT NULL,
    row_id       uuid NOT NULL,
    -- Whether the change waits for a decision instead of having made the row.
    is_held      boolean NOT NULL,
    made_at      timestamptz NOT NULL,
    PRIMARY KEY (token_id, key)
);
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (made_at);
