-- Invitations: a one-time code with which a person chooses a password. An administrator makes one for a person who has no password
-- yet, or to replace a forgotten one; the operator makes one for the first administrator of an organization. Codes are kept as hashes.
CREATE TABLE invitations (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL,
    user_id         uuid NOT NULL,
    -- Null: the operator of the server.
    made_by         uuid,
    code_hash       bytea NOT NULL,
    made_at         timestamptz NOT NULL DEFAULT now(),
    expires_at      timestamptz NOT NULL,
    used_at         timestamptz,
    revoked_at      timestamptz,
    CONSTRAINT invitations_code_hash_key UNIQUE (code_hash),
    CONSTRAINT invitations_code_hash_check CHECK (length(code_hash) = 32),
    CONSTRAINT invitations_expires_at_check CHECK (expires_at > made_at),
    CONSTRAINT invitations_ended_check CHECK (used_at IS NULL OR revoked_at IS NULL),
    CONSTRAINT invitations_user_id_fkey FOREIGN KEY (user_id, organization_id) REFERENCES users (id, organization_id) ON DELETE CASCADE,
    -- Who made it may be erased; the invitation stays.
    CONSTRAINT invitations_made_by_fkey FOREIGN KEY (made_by) REFERENCES users (id) ON DELETE SET NULL
);
CREATE INDEX invitations_by_organization ON invitations (organization_id, made_at DESC);
CREATE INDEX invitations_by_maker ON invitations (made_by);
-- A person has one code that works: a new one replaces it.
CREATE UNIQUE INDEX invitations_open_key ON invitations (user_id) WHERE used_at IS NULL AND revoked_at IS NULL;

-- An account needed a user name or an e-mail address. Now any name is enough: a person who is invited chooses the user name when
-- they sign in for the first time, and many pupils have no address.
ALTER TABLE users DROP CONSTRAINT users_name_check;
ALTER TABLE users ADD CONSTRAINT users_name_check
    CHECK (coalesce(user_name, '') <> '' OR coalesce(email, '') <> '' OR full_name <> '' OR first_name <> '' OR last_name <> '');
