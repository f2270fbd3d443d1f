-- The epoch follows the database's identity. A promoted standby, a point-in-time recovery, a dump that was loaded by hand
-- and a copy made from a template go back in time, and none of them says so. So the database compares by itself: its system
-- identifier, its timeline and its oid are kept beside the epoch, and where they differ a new epoch begins before the first
-- row is written. Triggers ask, so that plain SQL cannot give a stamp a second time either.

ALTER TABLE epoch
    ADD COLUMN system_identifier bigint,
    ADD COLUMN timeline          integer,
    ADD COLUMN database_oid      oid,
    -- When the PostgreSQL that holds the database was started.
    ADD COLUMN run_started_at    timestamptz;

-- Every start of PostgreSQL that has held this database, in order. A file copy that is put in place of the database has the
-- same identity as the original: what a laptop proves to have seen of a run tells the two apart.
CREATE TABLE database_runs (
    ordinal           bigint PRIMARY KEY,
    epoch             bigint NOT NULL,
    why               text NOT NULL,
    system_identifier bigint NOT NULL,
    timeline          integer NOT NULL,
    database_oid      oid NOT NULL,
    started_at        timestamptz NOT NULL,
    -- Where the write-ahead log stood when the run began: what was flushed later is this run's, or a later one's.
    first_lsn         bigint NOT NULL,
    -- The last stamp that had been given when the run began, and the one after which it gives its own.
    first_stamp       bigint NOT NULL,
    upto_stamp        bigint NOT NULL,
    noticed_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT database_runs_why_check CHECK (why IN ('first', 'restarted', 'moved', 'restored', 'went_back'))
);
CREATE INDEX database_runs_by_start ON database_runs (epoch, started_at);

-- The timeline that is written to. Volatile, as what it calls is, so that PostgreSQL puts its text into the calling query.
CREATE FUNCTION wal_timeline() RETURNS integer LANGUAGE sql VOLATILE AS $$
    SELECT ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer
$$;

-- The epoch, or null while the database is not the one that it was when the epoch began. Two clusters are not started in the
-- same microsecond, so the start stands for the system identifier, which costs a file to read. In PL/pgSQL, because that keeps
-- the plan for the session.
CREATE FUNCTION epoch_current() RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
        SELECT e.epoch FROM epoch e
        WHERE e.run_started_at = pg_postmaster_start_time()
          AND e.timeline = wal_timeline()
          AND e.database_oid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
    );
END $$;

-- Stamps jump at the start of a run. What was given before, and where they jumped to, is kept in sequences: a transaction that is
-- rolled back takes back its rows, and not the jump.
CREATE SEQUENCE stamp_given_seq AS bigint MINVALUE 0 START 0;
CREATE SEQUENCE stamp_moved_seq AS bigint MINVALUE 0 START 0;

-- Lets stamps begin above all that may have been given before: a crash may lose committed rows, and a file copy knows nothing of
-- the stamps that followed it. A stamp of this moment lies above them, to a 2^30th of a second, unless a clock was set back; then
-- there is a gap that no two runs are likely to share. In a new epoch there always is one: clocks of two machines differ. Fewer
-- than 2^30 stamps are lost at a time.
CREATE FUNCTION epoch_jump(why text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    last   bigint := (SELECT s.last_value FROM stamp_seq s);
    noted  bigint := coalesce((SELECT max(r.upto_stamp) FROM database_runs r), 0);
    moment bigint := (extract(epoch FROM clock_timestamp()) * (1 << 30))::bigint;
    lowest bigint := last + CASE WHEN why = 'restarted' THEN 1 ELSE 1 << 30 END;
BEGIN
    -- After a jump that no row tells of, what was given before it stays what was given.
    IF (SELECT s.last_value FROM stamp_moved_seq s) <= noted THEN
        PERFORM setval('stamp_given_seq', last);
    END IF;
    PERFORM setval('stamp_moved_seq',
        CASE WHEN lowest <= moment THEN moment ELSE last + (1 << 30) + (random() * (1 << 30))::bigint END);
    PERFORM setval('stamp_seq', (SELECT s.last_value FROM stamp_moved_seq s));
END $$;

-- Whether stamps have jumped since PostgreSQL was started.
CREATE FUNCTION epoch_has_jumped() RETURNS boolean LANGUAGE sql VOLATILE AS $$
    SELECT s.last_value >= (extract(epoch FROM pg_postmaster_start_time()) * (1 << 30))::bigint
        AND s.last_value > coalesce((SELECT max(r.upto_stamp) FROM database_runs r), 0) FROM stamp_moved_seq s
$$;

-- Writes down that this run holds the database now.
CREATE FUNCTION epoch_note_run(why text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    system bigint := (SELECT c.system_identifier FROM pg_control_system() c);
    here   oid := (SELECT d.oid FROM pg_database d WHERE d.datname = current_database());
    last   bigint := (SELECT s.last_value FROM stamp_seq s);
BEGIN
    IF why = 'first' THEN
        PERFORM setval('stamp_given_seq', last), setval('stamp_moved_seq', last);
    ELSIF why <> 'restarted' OR NOT epoch_has_jumped() THEN
        PERFORM epoch_jump(why);
    END IF;
    UPDATE epoch SET system_identifier = system, timeline = wal_timeline(), database_oid = here, run_started_at = pg_postmaster_start_time();
    INSERT INTO database_runs
        (ordinal, epoch, why, system_identifier, timeline, database_oid, started_at, first_lsn, first_stamp, upto_stamp)
    SELECT coalesce((SELECT max(r.ordinal) FROM database_runs r), 0) + 1, e.epoch, why, system, e.timeline, here, e.run_started_at,
           -- A start ends with a checkpoint, after all that it has recovered.
           (SELECT (c.checkpoint_lsn - '0/0'::pg_lsn)::bigint FROM pg_control_checkpoint() c), g.last_value, m.last_value
    FROM epoch e, stamp_given_seq g, stamp_moved_seq m;
END $$;

-- Begins a new epoch. Stamps after the first one and up to the second, or up to where the new ones begin, count as given in the
-- epoch that is gone. Stamps of transactions that were open at the same time are committed in any order, so a caller names one
-- that lies a little below the newest that is there; without one it is 65,536 below.
CREATE FUNCTION epoch_begin(why text, lost_after bigint DEFAULT NULL, lost_upto bigint DEFAULT NULL, epoch_min bigint DEFAULT 0) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    begun bigint;
BEGIN
    -- Whoever else writes waits here, and finds the new epoch.
    PERFORM e.epoch FROM epoch e FOR UPDATE;
    UPDATE epoch e SET epoch = greatest(e.epoch + 1, epoch_min, extract(epoch FROM clock_timestamp())::bigint) RETURNING e.epoch INTO begun;
    PERFORM epoch_note_run(why);
    INSERT INTO lost_lives (after_stamp, upto_stamp)
    SELECT greatest(coalesce(lost_after, r.first_stamp - 65536), 0), coalesce(lost_upto, r.upto_stamp) FROM database_runs r ORDER BY r.ordinal DESC LIMIT 1
    ON CONFLICT (upto_stamp) DO UPDATE SET after_stamp = least(lost_lives.after_stamp, excluded.after_stamp);
    RETURN begun;
END $$;

-- The epoch, after a new one has begun where the database is another. A writer after an ordinary restart only sees to the stamps:
-- were it to write the run down, everybody would wait for its commit. A server does that.
CREATE FUNCTION epoch_settle(by_writer boolean DEFAULT false) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    settled bigint := epoch_current();
    known   epoch%ROWTYPE;
    is_same boolean;
BEGIN
    IF settled IS NOT NULL THEN
        RETURN settled;
    END IF;
    FOR step IN 1..2 LOOP
        IF step = 1 THEN
            SELECT e.* INTO known FROM epoch e;
        ELSE
            SELECT e.* INTO known FROM epoch e FOR UPDATE;
            -- Somebody else may have settled it while this waited for the row.
            settled := epoch_current();
            IF settled IS NOT NULL THEN
                RETURN settled;
            END IF;
        END IF;
        is_same := known.system_identifier = (SELECT c.system_identifier FROM pg_control_system() c)
            AND known.timeline = wal_timeline()
            AND known.database_oid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database());
        IF by_writer AND is_same THEN
            IF NOT epoch_has_jumped() THEN
                PERFORM epoch_jump('restarted');
            END IF;
            RETURN known.epoch;
        END IF;
    END LOOP;
    IF known.run_started_at IS NULL THEN
        PERFORM epoch_note_run('first');
        RETURN known.epoch;
    END IF;
    IF is_same THEN
        PERFORM epoch_note_run('restarted');
        RETURN known.epoch;
    END IF;
    RETURN epoch_begin('moved');
END $$;

-- A commit that does not wait for the disk is lost with a backend that is killed, and PostgreSQL then recovers under the same
-- start: nothing would tell. So what laptops hear of always waits, whatever the session says.
CREATE FUNCTION epoch_before_write() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM epoch_settle(true);
    IF current_setting('synchronous_commit') = 'off' THEN
        PERFORM set_config('synchronous_commit', 'local', true);
    END IF;
    RETURN NULL;
END $$;

SELECT epoch_settle();
