-- Payments, and what people buy or subscribe to. Money is a whole number of minor units and a currency.

-- What somebody has paid, or has to pay. Append only: a payment that was wrong is cancelled and entered again.
CREATE TABLE payments (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    student_id      uuid NOT NULL,
    group_id        uuid,
    payment_date    date NOT NULL,
    title           text,
    amount_minor    bigint NOT NULL,
    currency        text NOT NULL DEFAULT 'EUR',
    method          text NOT NULL DEFAULT 'cash',
    status          text NOT NULL DEFAULT 'paid',
    note            text,
    receipt_number  text,
    created_by      uuid,
    deleted_at      timestamptz,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    stamp           bigint NOT NULL,
    edits           jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT payments_amount_minor_check CHECK (amount_minor > 0),
    CONSTRAINT payments_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT payments_method_check CHECK (method IN ('cash', 'card', 'bank', 'other')),
    CONSTRAINT payments_status_check CHECK (status IN ('paid', 'unpaid', 'partial', 'cancelled')),
    CONSTRAINT payments_student_id_fkey FOREIGN KEY (student_id, organization_id) REFERENCES users (id, organization_id),
    CONSTRAINT payments_group_id_fkey FOREIGN KEY (group_id, organization_id) REFERENCES groups (id, organization_id),
    CONSTRAINT payments_created_by_fkey FOREIGN KEY (created_by, organization_id) REFERENCES users (id, organization_id),
    CONSTRAINT payments_receipt_number_key UNIQUE (organization_id, receipt_number)
);
CREATE INDEX payments_by_student ON payments (student_id, payment_date);
CREATE INDEX payments_by_group ON payments (group_id) WHERE group_id IS NOT NULL;
CREATE INDEX payments_by_date ON payments (organization_id, payment_date);
CREATE INDEX payments_by_creator ON payments (created_by) WHERE created_by IS NOT NULL;

-- The last receipt number of each organization. The row stays locked until the commit, so numbers have no gaps.
CREATE TABLE receipt_counters (
    organization_id uuid PRIMARY KEY REFERENCES organizations ON DELETE CASCADE,
    last_number     bigint NOT NULL
);

CREATE FUNCTION payment_receipt() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    number bigint;
BEGIN
    WHILE NEW.receipt_number IS NULL LOOP
        INSERT INTO receipt_counters AS c (organization_id, last_number) VALUES (NEW.organization_id, 1)
        ON CONFLICT (organization_id) DO UPDATE SET last_number = c.last_number + 1 RETURNING last_number INTO number;
        -- An imported payment may have brought this number with it.
        SELECT r.receipt INTO NEW.receipt_number FROM (SELECT 'R-' || lpad(number::text, greatest(8, length(number::text)), '0') AS receipt) r
        WHERE NOT EXISTS (SELECT FROM payments p WHERE p.organization_id = NEW.organization_id AND p.receipt_number = r.receipt);
    END LOOP;
    RETURN NEW;
END $$;
CREATE TRIGGER a_references BEFORE INSERT ON payments FOR EACH ROW EXECUTE FUNCTION references_within('student_id', 'users', 'group_id', 'groups');
CREATE TRIGGER b_receipt BEFORE INSERT ON payments FOR EACH ROW EXECUTE FUNCTION payment_receipt();

-- What was paid, by whom and when are key columns, which never change anyway.
CREATE FUNCTION payment_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR NEW.receipt_number IS DISTINCT FROM OLD.receipt_number THEN
        RAISE EXCEPTION 'a payment is cancelled and entered again, never rewritten or deleted'
            USING ERRCODE = 'check_violation', TABLE = 'payments', CONSTRAINT = 'payments_append_only_check';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER c_stays BEFORE UPDATE OR DELETE ON payments FOR EACH ROW EXECUTE FUNCTION payment_stays();

-- What each learner has paid and still owes, by currency. Cancelled and deleted payments count nowhere; of a partial payment
-- the amount says what was paid.
CREATE VIEW student_balances AS
SELECT p.organization_id, p.student_id, p.currency,
       coalesce(sum(p.amount_minor) FILTER (WHERE p.status IN ('paid', 'partial')), 0)::bigint AS paid_minor,
       coalesce(sum(p.amount_minor) FILTER (WHERE p.status = 'unpaid'), 0)::bigint AS owed_minor,
       (coalesce(sum(p.amount_minor) FILTER (WHERE p.status IN ('paid', 'partial')), 0)
           - coalesce(sum(p.amount_minor) FILTER (WHERE p.status = 'unpaid'), 0))::bigint AS balance_minor
FROM payments p
WHERE p.deleted_at IS NULL AND p.status <> 'cancelled'
GROUP BY p.organization_id, p.student_id, p.currency;

-- What people subscribe to, its price and its period.
CREATE TABLE subscription_plans (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL REFERENCES organizations,
    name            text NOT NULL,
    description     text,
    price_minor     bigint NOT NULL DEFAULT 0,
    currency        text NOT NULL DEFAULT 'EUR',
    billing_cycle   text NOT NULL DEFAULT 'monthly',
    features        jsonb NOT NULL DEFAULT '{}',
    is_active       boolean NOT NULL DEFAULT true,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    stamp           bigint NOT NULL,
    edits           jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT subscription_plans_price_minor_check CHECK (price_minor >= 0),
    CONSTRAINT subscription_plans_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT subscription_plans_billing_cycle_check CHECK (billing_cycle IN ('weekly', 'monthly', 'quarterly', 'yearly', 'once')),
    CONSTRAINT subscription_plans_id_organization_id_key UNIQUE (id, organization_id)
);
CREATE INDEX subscription_plans_by_organization ON subscription_plans (organization_id);

-- The purchase of one course. The payment service's ids are the server's alone.
CREATE TABLE purchases (
    id                         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id            uuid NOT NULL,
    user_id                    uuid NOT NULL,
    course_id                  uuid NOT NULL,
    amount_minor               bigint NOT NULL,
    currency                   text NOT NULL DEFAULT 'EUR',
    status                     text NOT NULL DEFAULT 'pending',
    purchased_at               timestamptz,
    stripe_payment_intent_id   text,
    stripe_checkout_session_id text,
    created_at                 timestamptz NOT NULL,
    updated_at                 timestamptz NOT NULL,
    stamp                      bigint NOT NULL,
    edits                      jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT purchases_amount_minor_check CHECK (amount_minor >= 0),
    CONSTRAINT purchases_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT purchases_status_check CHECK (status IN ('pending', 'completed', 'failed', 'refunded')),
    CONSTRAINT purchases_purchased_at_check CHECK (status NOT IN ('completed', 'refunded') OR purchased_at IS NOT NULL),
    CONSTRAINT purchases_user_id_fkey FOREIGN KEY (user_id, organization_id) REFERENCES users (id, organization_id),
    CONSTRAINT purchases_course_id_fkey FOREIGN KEY (course_id, organization_id) REFERENCES courses (id, organization_id),
    CONSTRAINT purchases_stripe_checkout_session_id_key UNIQUE (stripe_checkout_session_id)
);
CREATE INDEX purchases_by_user ON purchases (user_id);
CREATE INDEX purchases_by_course ON purchases (course_id);
CREATE INDEX purchases_by_organization ON purchases (organization_id);

CREATE FUNCTION purchase_completed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status = 'completed' AND NEW.purchased_at IS NULL THEN
        NEW.purchased_at := now();
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER b_completed BEFORE INSERT OR UPDATE ON purchases FOR EACH ROW EXECUTE FUNCTION purchase_completed();

-- Somebody's subscription to a plan.
CREATE TABLE subscriptions (
    id                   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id      uuid NOT NULL,
    user_id              uuid NOT NULL,
    subscription_plan_id uuid NOT NULL,
    status               text NOT NULL DEFAULT 'active',
    starts_at            timestamptz NOT NULL,
    ends_at              timestamptz,
    created_at           timestamptz NOT NULL,
    updated_at           timestamptz NOT NULL,
    stamp                bigint NOT NULL,
    edits                jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT subscriptions_status_check CHECK (status IN ('trialing', 'active', 'past_due', 'cancelled', 'expired')),
    CONSTRAINT subscriptions_ends_at_check CHECK (ends_at > starts_at),
    CONSTRAINT subscriptions_user_id_fkey FOREIGN KEY (user_id, organization_id) REFERENCES users (id, organization_id),
    CONSTRAINT subscriptions_subscription_plan_id_fkey FOREIGN KEY (subscription_plan_id, organization_id) REFERENCES subscription_plans (id, organization_id)
);
CREATE INDEX subscriptions_by_user ON subscriptions (user_id, status);
CREATE INDEX subscriptions_by_plan ON subscriptions (subscription_plan_id);
