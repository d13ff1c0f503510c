-- How many of these sessions wait for a lock?
select pg_catalog.count(*) from pg_stat_activity where pid = any(:'pids'::integer[]) and wait_event_type = 'Lock'
