-- Makes the session report what it has counted as soon as this is over; and the number of the oldest transaction that runs: whatever
-- is written from now on, that one or a later one has written.
select pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::xid::text as since, pg_catalog.pg_stat_force_next_flush() as flushed;
