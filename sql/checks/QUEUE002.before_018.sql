-- Which waiting chats were passed over by several that began to wait later?
-- needs: chat_queue
\set late_turns `cat sql/checks/shared/late_turns.sql`
with late_turns as materialized (:late_turns),
waiting as materialized (
  select q.chat_id, q.waiting_since, q.last_operator_id from chat_queue q
), taken as materialized (
  -- When the users of the chats that were taken had begun to wait.
  select a.operator_id, began.since
    from late_turns a
   cross join lateral (
     select pg_catalog.min(m.created_at) as since from messages m
      where m.chat_id = a.chat_id and m.sender_type::text = 'real' and m.created_at <= a.assigned_at
        and m.created_at > coalesce((select r.created_at from messages r
                                      where r.chat_id = a.chat_id and r.sender_type::text = 'fictional'
                                        and r.created_at < a.assigned_at
                                      order by r.created_at desc limit 1), '-infinity')
   ) as began
   where a.assigned_at > greatest((select pg_catalog.min(w.waiting_since) from waiting w), now() - :'since'::interval)
     and began.since is not null
), everybody as (
  select coalesce(pg_catalog.array_agg(t.since order by t.since), '{}') as starts from taken t
), own as (
  select t.operator_id, pg_catalog.array_agg(t.since order by t.since) as starts from taken t group by t.operator_id
), passed as (
  select w.chat_id, w.waiting_since,
         pg_catalog.cardinality(e.starts) - pg_catalog.width_bucket(limit_.instant, e.starts)
         - coalesce(pg_catalog.cardinality(o.starts) - pg_catalog.width_bucket(limit_.instant, o.starts), 0) as overtaken
    from waiting w
   cross join everybody e
   cross join lateral (
     select w.waiting_since + pg_catalog.make_interval(secs => :'overtaken_seconds'::double precision) as instant
   ) as limit_
    left join own o on o.operator_id = w.last_operator_id
   where exists (select 1 from taken)
)
select p.chat_id, now() - p.waiting_since as waiting_for, p.overtaken
  from passed p
 where p.overtaken::numeric >= :'overtaken_by'::numeric
 order by p.overtaken desc, p.chat_id
