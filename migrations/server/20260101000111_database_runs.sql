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

-- Writes down that this run holds the database now. Its stamps begin above all that may have been given before: a crash may lose
-- committed rows, and a file copy knows nothing of the stamps that followed it. A stamp of this moment lies above them, to a
-- 2^30th of a second, unless a clock was set back; then there is a gap that no two runs are likely to share. In a new epoch there
-- always is one: clocks of two machines differ. Fewer than 2^30 stamps are lost at a time.
CREATE FUNCTION epoch_note_run(why text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    system  bigint := (SELECT c.system_identifier FROM pg_control_system() c);
    here    oid := (SELECT d.oid FROM pg_database d WHERE d.datname = current_database());
    given   bigint := (SELECT s.last_value FROM stamp_seq s);
    moment  bigint := (extract(epoch FROM clock_timestamp()) * (1 << 30))::bigint;
    lowest  bigint := given + CASE WHEN why = 'restarted' THEN 1 ELSE 1 << 30 END;
    upto    bigint := CASE WHEN why = 'first' THEN given WHEN lowest <= moment THEN moment
                           ELSE given + (1 << 30) + (random() * (1 << 30))::bigint END;
BEGIN
    PERFORM setval('stamp_seq', upto);
    UPDATE epoch SET system_identifier = system, timeline = wal_timeline(), database_oid = here, run_started_at = pg_postmaster_start_time();
    INSERT INTO database_runs
        (ordinal, epoch, why, system_identifier, timeline, database_oid, started_at, first_lsn, first_stamp, upto_stamp)
    SELECT coalesce((SELECT max(r.ordinal) FROM database_runs r), 0) + 1, e.epoch, why, system, e.timeline, here, e.run_started_at,
           -- A start ends with a checkpoint, after all that it has recovered.
           (SELECT (c.checkpoint_lsn - '0/0'::pg_lsn)::bigint FROM pg_control_checkpoint() c), given, upto
    FROM epoch e;
END $$;

-- Begins a new epoch. Stamps after the first one and up to the second, or up to where the new ones begin, count as given in the
-- epoch that is gone. Stamps of transactions that were open at the same time are committed in any order, so a caller names one
-- that lies a little below the newest that is there.
CREATE FUNCTION epoch_begin(why text, lost_after bigint, lost_upto bigint DEFAULT NULL, epoch_min bigint DEFAULT 0) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    begun bigint;
BEGIN
    -- Whoever else writes waits here, and finds the new epoch.
    PERFORM e.epoch FROM epoch e FOR UPDATE;
    UPDATE epoch e SET epoch = greatest(e.epoch + 1, epoch_min, extract(epoch FROM clock_timestamp())::bigint) RETURNING e.epoch INTO begun;
    PERFORM epoch_note_run(why);
    INSERT INTO lost_lives (after_stamp, upto_stamp)
    SELECT greatest(lost_after, 0), coalesce(lost_upto, r.upto_stamp) FROM database_runs r ORDER BY r.ordinal DESC LIMIT 1
    ON CONFLICT (upto_stamp) DO UPDATE SET after_stamp = least(lost_lives.after_stamp, excluded.after_stamp);
    RETURN begun;
END $$;

-- The epoch, after a new one has begun where the database is another.
CREATE FUNCTION epoch_settle() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    settled bigint := epoch_current();
    known   epoch%ROWTYPE;
    is_same boolean;
BEGIN
    IF settled IS NOT NULL THEN
        RETURN settled;
    END IF;
    SELECT e.* INTO known FROM epoch e FOR UPDATE;
    -- Somebody else may have settled it while this waited for the row.
    settled := epoch_current();
    IF settled IS NOT NULL THEN
        RETURN settled;
    END IF;
    IF known.run_started_at IS NULL THEN
        PERFORM epoch_note_run('first');
        RETURN known.epoch;
    END IF;
    is_same := known.system_identifier = (SELECT c.system_identifier FROM pg_control_system() c)
        AND known.timeline = wal_timeline()
        AND known.database_oid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database());
    IF is_same THEN
        PERFORM epoch_note_run('restarted');
        RETURN known.epoch;
    END IF;
    RETURN epoch_begin('moved', (SELECT s.last_value FROM stamp_seq s) - 65536);
END $$;

-- A commit that does not wait for the disk is lost with a backend that is killed, and PostgreSQL then recovers under the same
-- start: nothing would tell. So what laptops hear of always waits, whatever the session says.
CREATE FUNCTION epoch_before_write() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM epoch_settle();
    IF current_setting('synchronous_commit') = 'off' THEN
        PERFORM set_config('synchronous_commit', 'local', true);
    END IF;
    RETURN NULL;
END $$;

SELECT epoch_settle();
