-- Which operators got the chat that they just had, while another operator was available?
-- code: OPER002
-- invariant: I11
-- title: {count} times an operator got the chat they just had
-- title-one: once an operator got the chat they just had
-- severity: advice
-- group: data
-- kind: history
-- expected: nobody gets the chat they just had while another operator is available
-- why: when all other chats are locked for a moment, the assign function takes the queue for empty and falls back to the
--   operator's own chat
-- consequence: the promise of the deploy guide is broken; users notice one and the same hand
-- help-text: nothing mends what has happened; chatops migrate picks without that fall-back ({made by function take_next_chat} and up)
-- says: gets the same chat again
-- reads: chat_assignments, operators, messages
-- limits: own_chat_after_seconds
-- compares: all
-- shares: late_turns
-- Available: began to work on a chat within half an hour around, and had none at that moment. Each operator's turns are two sorted
-- lists, when they began and until when all so far had ended, so that a moment is looked up in them however many turns there are.
\set late_turns `cat sql/checks/shared/late_turns.sql`
with late_turns as materialized (:late_turns),
again as materialized (
  select a.chat_id, a.operator_id, a.assigned_at
    from late_turns a
   cross join lateral (
     select p.operator_id from chat_assignments p
      where p.chat_id = a.chat_id and p.id <> a.id and p.assigned_at < a.assigned_at and p.released_at is not null
      order by p.assigned_at desc
      limit 1
   ) as previous
   where a.assigned_at >= now() - :'since'::interval
     and pg_catalog.isfinite(a.assigned_at)
     and previous.operator_id = a.operator_id
), soon as materialized (
  select a.*, a.assigned_at - waited.since as user_waited
    from again a
   cross join lateral (
     select pg_catalog.min(m.created_at) as since from messages m
      where m.chat_id = a.chat_id and m.sender_type::text = 'real' and m.created_at <= a.assigned_at and pg_catalog.isfinite(m.created_at)
        and m.created_at > coalesce((select r.created_at from messages r
                                      where r.chat_id = a.chat_id and r.sender_type::text = 'fictional' and r.created_at < a.assigned_at
                                      order by r.created_at desc limit 1), '-infinity')
   ) as waited
   where coalesce(a.assigned_at - waited.since, interval '0') < pg_catalog.make_interval(secs => :'own_chat_after_seconds'::double precision)
), shift as materialized (
  select t.operator_id, pg_catalog.array_agg(t.assigned_at order by t.assigned_at, t.busy_until) as begins,
         pg_catalog.array_agg(t.busy_until order by t.assigned_at, t.busy_until) as busy_until
    from (
      select w.operator_id, w.assigned_at,
             pg_catalog.max(coalesce(w.released_at, 'infinity')) over (
               partition by w.operator_id order by w.assigned_at rows unbounded preceding) as busy_until
        from late_turns w
       where w.assigned_at is not null
    ) as t
    join operators f on f.id = t.operator_id and f.is_active
   where exists (select from soon)
   group by t.operator_id
)
select a.chat_id, a.operator_id, o.name as operator, a.assigned_at, a.user_waited
  from soon a
  join operators o on o.id = a.operator_id
 where exists (
   select from shift s
    where s.operator_id <> a.operator_id
      and pg_catalog.width_bucket(a.assigned_at + interval '30 minutes', s.begins)
          > pg_catalog.width_bucket(a.assigned_at - interval '30 minutes' - interval '1 microsecond', s.begins)
      and coalesce(s.busy_until[pg_catalog.width_bucket(a.assigned_at, s.begins)], '-infinity')
          <= a.assigned_at - interval '5 seconds')
 order by a.assigned_at desc, a.chat_id
