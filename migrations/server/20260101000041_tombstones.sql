-- What is gone is remembered in its feed for a time and then forgotten. A feed has no times; every few days the heads are
-- written down instead, and what was gone at a head of long ago has been gone since.
CREATE TABLE feed_marks (
    day      date   NOT NULL,
    scope_id bigint NOT NULL REFERENCES scope_heads ON DELETE CASCADE,
    version  bigint NOT NULL,
    PRIMARY KEY (day, scope_id)
);

-- Only what is gone: a feed of live rows costs nothing.
CREATE INDEX feed_gone ON feed (scope_id, version) WHERE state <> 0;
