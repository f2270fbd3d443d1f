-- Stamps that were given after the backup was made that this database was restored from. No row here was ever seen under one
-- of them: each is larger than every stamp of the backup, up to the one that the life after it began with.
CREATE TABLE lost_lives (
    after_stamp bigint NOT NULL,
    upto_stamp  bigint PRIMARY KEY,
    CONSTRAINT lost_lives_order_check CHECK (after_stamp <= upto_stamp)
);
