-- Scopes that this laptop follows beside those of its person's subscription, because somebody opened them here: an administrator's
-- laptop does not hold the work of every learner. They are sent with each pull, so the server keeps none of this.
CREATE TABLE follows (
    scope   TEXT PRIMARY KEY,
    -- Counts openings: the smallest is let go first. A clock may be set back, so this is no time.
    used    INTEGER NOT NULL CHECK (used > 0),
    pinned  INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1)),
    -- The server does not let this person follow it. It is not asked for again before it is opened again.
    refused INTEGER NOT NULL DEFAULT 0 CHECK (refused IN (0, 1)),
    CHECK (pinned = 0 OR refused = 0)
) STRICT, WITHOUT ROWID;
