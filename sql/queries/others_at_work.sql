-- How many other sessions did something within the last second, and how many of them wait for a lock, the disk or memory just now?
-- What a role may not see of them is null, and they count as nobody.
select pg_catalog.count(*) filter (where a.state_change > clock_timestamp() - interval '1 second' or a.state = 'active') as lively,
       pg_catalog.count(*) filter (where a.state = 'active' and a.wait_event_type in ('Lock', 'LWLock', 'IO', 'BufferPin')) as waiting
  from pg_stat_activity a
 where a.pid <> pg_backend_pid()
   and a.backend_type = 'client backend'
