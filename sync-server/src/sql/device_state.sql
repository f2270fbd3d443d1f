-- The state of a device, and the log position: what is visible to this snapshot lies before the flushed end of the log.
-- $1 device
SELECT d.last_n, d.chain, d.backed_up_n, (extract(epoch FROM d.losses_sent_at) * 1000000)::bigint AS losses_sent,
       epoch_current() AS epoch, (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint AS run_us,
       (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::bigint AS lsn
FROM device_states d WHERE d.device_id = $1
