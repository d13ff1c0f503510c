-- Which chats that wait does a transaction keep locked that is no assigning any more, and whose? Assigning passes over them.
-- needs: chat_queue
-- Who did stands in the row (xmax), as in chat_locked_by.sql; of another's session a role without pg_read_all_stats sees no times.
with granted as materialized (
  select l.pid, l.transactionid
    from pg_catalog.pg_locks l
    left join pg_catalog.pg_stat_activity a on a.pid = l.pid
   where l.locktype = 'transactionid' and l.mode = 'ExclusiveLock' and l.granted and l.pid is distinct from pg_catalog.pg_backend_pid()
     and coalesce(pg_catalog.clock_timestamp() - a.xact_start >= interval '2 seconds', true)
), marks as materialized (
  select c.id as chat_id, c.xmax as mark
    from chat_queue q
    join chats c on c.id = q.chat_id
   where c.xmax::text <> '0' and exists (select from granted)
), lockers as (
  select m.chat_id, m.mark as transactionid from marks m
  union
  select m.chat_id, k.xid
    from marks m
   cross join lateral pg_catalog.pg_get_multixact_members(
     case when pg_catalog.mxid_age(m.mark) between 1 and (select pg_catalog.max(pg_catalog.mxid_age(d.datminmxid)) from pg_catalog.pg_database d)
           and not exists (select from granted g where g.transactionid = m.mark) then m.mark end) as k
   where k.mode <> 'keysh'
)
select k.chat_id, pg_catalog.min(g.pid) as pid
  from lockers k
  join granted g on g.transactionid = k.transactionid
 group by k.chat_id
