-- Organizations, accounts and the laptops that people work on. Secrets stand in columns that the registry does not know, so
-- no feed carries them.
--
-- Of every synced table: ids, stamps, times and `edits` are filled by the generated trigger `a_before` (see
-- `generated/feeds.sql`), which comes first by its name; what else fills a column has a name that sorts after it. A
-- constraint's name is the error that a person sees, so every constraint has one that is meant.

-- A company or a school. It is its own organization.
CREATE TABLE organizations (
    id                     uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id        uuid NOT NULL,
    name                   text NOT NULL,
    slug                   text NOT NULL,
    domain                 text,
    description            text NOT NULL DEFAULT '',
    logo_url               text,
    status                 text NOT NULL DEFAULT 'trial',
    isolation_strategy     text NOT NULL DEFAULT 'SHARED',
    subscription_tier      text NOT NULL DEFAULT 'free',
    subscription_status    text NOT NULL DEFAULT 'trialing',
    seats_purchased        integer NOT NULL DEFAULT 1,
    default_language       text NOT NULL DEFAULT 'en',
    time_zone              text NOT NULL DEFAULT 'UTC',
    currency               text NOT NULL DEFAULT 'EUR',
    settings               jsonb NOT NULL DEFAULT '{}',
    deleted_at             timestamptz,
    -- Server only, like the payment ids.
    connection_string      text,
    stripe_customer_id     text,
    stripe_subscription_id text,
    created_at             timestamptz NOT NULL,
    updated_at             timestamptz NOT NULL,
    stamp                  bigint NOT NULL,
    edits                  jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT organizations_status_check CHECK (status IN ('trial', 'active', 'suspended', 'closed')),
    CONSTRAINT organizations_isolation_strategy_check CHECK (isolation_strategy IN ('SHARED', 'DEDICATED')),
    CONSTRAINT organizations_subscription_tier_check CHECK (subscription_tier IN ('free', 'basic', 'premium', 'enterprise')),
    CONSTRAINT organizations_subscription_status_check CHECK (subscription_status IN ('trialing', 'active', 'past_due', 'cancelled')),
    CONSTRAINT organizations_seats_purchased_check CHECK (seats_purchased >= 0),
    CONSTRAINT organizations_time_zone_check CHECK (timezone(time_zone, timestamptz '2000-01-01 00:00+00') IS NOT NULL),
    CONSTRAINT organizations_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT organizations_slug_key UNIQUE (slug),
    CONSTRAINT organizations_domain_key UNIQUE (domain),
    CONSTRAINT organizations_stripe_customer_id_key UNIQUE (stripe_customer_id),
    CONSTRAINT organizations_stripe_subscription_id_key UNIQUE (stripe_subscription_id),
    CONSTRAINT organizations_organization_id_check CHECK (organization_id = id)
);

CREATE FUNCTION organization_is_its_own() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.organization_id := NEW.id;
    RETURN NEW;
END $$;
CREATE TRIGGER b_organization BEFORE INSERT ON organizations FOR EACH ROW EXECUTE FUNCTION organization_is_its_own();

-- A person's account. A user name and an e-mail address are each unique over all organizations, for people sign in
-- with nothing else; upper and lower case are the same.
CREATE TABLE users (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL REFERENCES organizations,
    user_name       text,
    email           text,
    first_name      text NOT NULL DEFAULT '',
    last_name       text NOT NULL DEFAULT '',
    full_name       text NOT NULL DEFAULT '',
    phone           text,
    address         text,
    role            text NOT NULL DEFAULT 'learner',
    status          text NOT NULL DEFAULT 'active',
    employee_id     text,
    -- No foreign key until departments are there.
    department_id   uuid,
    position        text,
    station_id      uuid,
    email_verified  boolean NOT NULL DEFAULT false,
    deleted_at      timestamptz,
    -- Argon2, or PBKDF2 and bcrypt of those who came from elsewhere. Server only; empty: cannot sign in.
    password_hash   text,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    stamp           bigint NOT NULL,
    edits           jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT users_email_check CHECK (email LIKE '%_@_%'),
    CONSTRAINT users_role_check CHECK (role IN ('admin', 'instructor', 'teacher', 'learner', 'parent')),
    CONSTRAINT users_status_check CHECK (status IN ('pending', 'active', 'suspended')),
    CONSTRAINT users_name_check CHECK (coalesce(user_name, '') <> '' OR coalesce(email, '') <> ''),
    CONSTRAINT users_employee_id_key UNIQUE (organization_id, employee_id),
    CONSTRAINT users_id_organization_id_key UNIQUE (id, organization_id)
);
CREATE UNIQUE INDEX users_user_name_key ON users (lower(user_name));
CREATE UNIQUE INDEX users_email_key ON users (lower(email));

CREATE FUNCTION user_full_name() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.full_name = '' THEN
        NEW.full_name := coalesce(nullif(btrim(NEW.first_name || ' ' || NEW.last_name), ''), NEW.user_name, NEW.email, '');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER b_full_name BEFORE INSERT OR UPDATE ON users FOR EACH ROW EXECUTE FUNCTION user_full_name();

-- What everybody in the organization may know of those who work there. Another table and not a narrower copy of the same
-- one, so that what a laptop holds never depends on who looks.
CREATE TABLE staff_cards (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL,
    user_id         uuid NOT NULL,
    full_name       text NOT NULL DEFAULT '',
    role            text NOT NULL,
    position        text,
    department_id   uuid,
    station_id      uuid,
    is_active       boolean NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    stamp           bigint NOT NULL,
    CONSTRAINT staff_cards_user_id_fkey FOREIGN KEY (user_id, organization_id) REFERENCES users (id, organization_id) ON DELETE CASCADE
);
CREATE INDEX staff_cards_by_user ON staff_cards (user_id);

-- Somebody who stops working here keeps the card, marked as gone: their courses go on naming them.
CREATE FUNCTION user_keeps_staff_card() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.role IN ('admin', 'instructor', 'teacher') OR EXISTS (SELECT FROM staff_cards s WHERE s.user_id = NEW.id) THEN
        INSERT INTO staff_cards (organization_id, user_id, full_name, role, position, department_id, station_id, is_active)
        VALUES (NEW.organization_id, NEW.id, NEW.full_name, NEW.role, NEW.position, NEW.department_id, NEW.station_id,
                NEW.role IN ('admin', 'instructor', 'teacher') AND NEW.status = 'active' AND NEW.deleted_at IS NULL)
        ON CONFLICT (id) DO UPDATE SET
            full_name = excluded.full_name, role = excluded.role, position = excluded.position,
            department_id = excluded.department_id, station_id = excluded.station_id, is_active = excluded.is_active;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER staff_card AFTER INSERT OR UPDATE ON users FOR EACH ROW EXECUTE FUNCTION user_keeps_staff_card();

-- One person's database on one laptop.
CREATE TABLE devices (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    user_id         uuid NOT NULL,
    name            text NOT NULL DEFAULT '',
    platform        text NOT NULL DEFAULT '',
    revoked_at      timestamptz,
    -- Opens the laptop's data again after a forgotten password. Server only.
    recovery_secret bytea NOT NULL DEFAULT (uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())),
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    stamp           bigint NOT NULL,
    edits           jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT devices_user_id_fkey FOREIGN KEY (user_id, organization_id) REFERENCES users (id, organization_id) ON DELETE CASCADE,
    CONSTRAINT devices_recovery_secret_check CHECK (length(recovery_secret) = 32)
);
CREATE INDEX devices_by_user ON devices (user_id);

-- How far a device's mutations were taken. Written by every push, so it is not synced: laptops would poke each other for ever.
CREATE TABLE device_states (
    device_id    uuid PRIMARY KEY REFERENCES devices ON DELETE CASCADE,
    last_n       bigint NOT NULL DEFAULT 0 CHECK (last_n >= 0),
    -- The hash chain of its mutations up to `last_n`.
    chain        bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex') CHECK (length(chain) = 32),
    -- The device has seen the outcomes up to here.
    seen_n       bigint NOT NULL DEFAULT 0 CHECK (seen_n >= 0),
    last_seen_at timestamptz
);

-- The ledger: what every taken push looked like and what became of it, until the device has seen the outcomes.
CREATE TABLE device_pushes (
    device_id uuid   NOT NULL REFERENCES devices ON DELETE CASCADE,
    first_n   bigint NOT NULL CHECK (first_n > 0),
    last_n    bigint NOT NULL,
    hashes    bytea  NOT NULL,
    outcomes  jsonb  NOT NULL,
    PRIMARY KEY (device_id, first_n),
    CONSTRAINT device_pushes_last_n_check CHECK (last_n >= first_n)
);

-- Tokens are kept as hashes. The next refresh token is good beside the current one until it is used, so a lost answer costs
-- nothing.
CREATE TABLE user_sessions (
    id                      uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id                 uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    device_id               uuid NOT NULL REFERENCES devices ON DELETE CASCADE,
    refresh_token_hash      bytea NOT NULL,
    next_refresh_token_hash bytea,
    created_at              timestamptz NOT NULL DEFAULT now(),
    last_used_at            timestamptz NOT NULL DEFAULT now(),
    expires_at              timestamptz NOT NULL,
    ended_at                timestamptz,
    ip_address              text,
    user_agent              text,
    CONSTRAINT user_sessions_refresh_token_hash_key UNIQUE (refresh_token_hash),
    CONSTRAINT user_sessions_next_refresh_token_hash_key UNIQUE (next_refresh_token_hash)
);
CREATE INDEX user_sessions_by_user ON user_sessions (user_id);
CREATE INDEX user_sessions_by_device ON user_sessions (device_id);
