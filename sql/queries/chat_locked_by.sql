-- Which sessions have locked a chat's row? Who did stands in the row (xmax): one transaction, or several as one number. chat_id
-- What they run is told without literals: they may be what a user wrote.
with mark as (
  select c.xmax as xid from chats c where c.id = :'chat_id'::uuid and c.xmax::text <> '0'
), granted as materialized (
  select l.pid, l.transactionid from pg_locks l
   where l.locktype = 'transactionid' and l.mode = 'ExclusiveLock' and l.granted and l.pid <> pg_catalog.pg_backend_pid()
), lockers as (
  select m.xid from mark m
  union
  select k.xid
    from mark m
   cross join lateral pg_catalog.pg_get_multixact_members(
     case when pg_catalog.mxid_age(m.xid) between 1 and (select pg_catalog.max(pg_catalog.mxid_age(d.datminmxid)) from pg_database d)
           and not exists (select from granted g where g.transactionid = m.xid) then m.xid end) as k
   where k.mode <> 'keysh'
)
select 'chats' as waits_for, g.pid, a.usename::text as role, a.application_name, a.state, a.backend_type, a.xact_start,
       pg_catalog.left(pg_catalog.regexp_replace(a.query, '''[^'']*(''|$)', '''...''', 'g'), 300) as query,
       true as granted, pg_catalog.clock_timestamp() as now
  from lockers k
  join granted g on g.transactionid = k.xid
  left join pg_stat_activity a on a.pid = g.pid
 order by a.xact_start, g.pid
