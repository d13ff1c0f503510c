-- How long was the longest wait at moments of the last hour, the oldest first?
-- needs: chat_queue
-- A chat waited at a moment when it had come into the queue and was given to somebody later, or still waits. Chats that were
-- closed while they waited are not known any more. Reads the assignments of the last hour: dear where there are millions.
with served as materialized (
  select coalesce(a.queued_since, a.waiting_since) as came, a.waiting_since, a.assigned_at
    from chat_assignments a
   where a.assigned_at > now() - interval '1 hour'
     and a.waiting_since is not null
), moments as (
  select now() - n::double precision * interval '5 minutes' as moment from pg_catalog.generate_series(12, 1, -1) as n
), oldest as (
  select m.moment,
         least((select pg_catalog.min(s.waiting_since) from served s where s.came <= m.moment and s.assigned_at > m.moment),
               (select pg_catalog.min(q.waiting_since) from chat_queue q where q.waiting_since <= m.moment)) as since
    from moments m
)
select o.moment, coalesce(greatest(pg_catalog.date_part('epoch', o.moment) - pg_catalog.date_part('epoch', o.since), 0), 0) as seconds
  from oldest o
 order by o.moment
