-- Payments, and what people buy or subscribe to.

CREATE TABLE payments (
    id             TEXT PRIMARY KEY,
    stamp          INTEGER NOT NULL,
    created_at     INTEGER,
    updated_at     INTEGER,
    student_id     TEXT NOT NULL,
    group_id       TEXT,
    payment_date   TEXT NOT NULL,
    title          TEXT,
    amount_minor   INTEGER NOT NULL,
    currency       TEXT NOT NULL,
    method         TEXT NOT NULL,
    status         TEXT NOT NULL,
    note           TEXT,
    receipt_number TEXT,
    created_by     TEXT,
    deleted_at     INTEGER,
    digest         INTEGER
) STRICT;
CREATE INDEX payments_by_student ON payments (student_id, payment_date);

CREATE TABLE subscription_plans (
    id            TEXT PRIMARY KEY,
    stamp         INTEGER NOT NULL,
    created_at    INTEGER,
    updated_at    INTEGER,
    name          TEXT NOT NULL,
    description   TEXT,
    price_minor   INTEGER NOT NULL,
    currency      TEXT NOT NULL,
    billing_cycle TEXT NOT NULL,
    features      TEXT NOT NULL,
    is_active     INTEGER NOT NULL,
    digest        INTEGER
) STRICT;
CREATE INDEX subscription_plans_by_name ON subscription_plans (name);

CREATE TABLE purchases (
    id           TEXT PRIMARY KEY,
    stamp        INTEGER NOT NULL,
    created_at   INTEGER,
    updated_at   INTEGER,
    user_id      TEXT NOT NULL,
    course_id    TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    currency     TEXT NOT NULL,
    status       TEXT NOT NULL,
    purchased_at INTEGER,
    digest       INTEGER
) STRICT;
CREATE INDEX purchases_by_user ON purchases (user_id);

CREATE TABLE subscriptions (
    id                   TEXT PRIMARY KEY,
    stamp                INTEGER NOT NULL,
    created_at           INTEGER,
    updated_at           INTEGER,
    user_id              TEXT NOT NULL,
    subscription_plan_id TEXT NOT NULL,
    status               TEXT NOT NULL,
    starts_at            INTEGER NOT NULL,
    ends_at              INTEGER,
    digest               INTEGER
) STRICT;
CREATE INDEX subscriptions_by_user ON subscriptions (user_id);
