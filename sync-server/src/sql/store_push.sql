-- Stores one push of a device and deletes those whose outcomes it has seen. Returns the log position: all of the push but its
-- feeds lies before it, and the commit flushes everything before itself.
-- $1 device, $2 first number, $3 last number, $4 content hashes, $5 outcomes, $6 chain, $7 delete up to this number
WITH kept AS (
    INSERT INTO device_pushes (device_id, first_n, last_n, hashes, outcomes)
    SELECT $1, $2, $3, $4, $5 WHERE $2 <= $3
), forgotten AS (
    DELETE FROM device_pushes WHERE device_id = $1 AND last_n <= $7
)
UPDATE device_states
SET last_n = $3, chain = $6, seen_n = greatest(seen_n, $7), last_seen_at = now()
WHERE device_id = $1
RETURNING (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint
