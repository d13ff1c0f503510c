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
-- Available: worked within the hour around, and had no chat at that moment. Half hours by number find who worked then without
-- a look at all that an operator ever did; a turn longer than that is looked for by itself. Where many were found it takes long,
-- so it is asked by itself.
with late_turns as materialized (
  select id, chat_id, operator_id, assigned_at, released_at
    from chat_assignments
   where released_at is null
      or released_at >= now() - :'since'::interval - interval '30 minutes'
      or assigned_at >= now() - :'since'::interval - interval '30 minutes'
), again as materialized (
  select a.chat_id, a.operator_id, a.assigned_at, pg_catalog.floor(extract(epoch from a.assigned_at) / 1800::numeric)::bigint as half_hour
    from late_turns a
   cross join lateral (
     select p.operator_id from chat_assignments p
      where p.chat_id = a.chat_id and p.id <> a.id and p.assigned_at < a.assigned_at and p.released_at is not null
      order by p.assigned_at desc
      limit 1
   ) as previous
   where a.assigned_at >= now() - :'since'::interval
     and previous.operator_id = a.operator_id
), soon as materialized (
  select a.*, a.assigned_at - waited.since as user_waited
    from again a
   cross join lateral (
     select pg_catalog.min(m.created_at) as since from messages m
      where m.chat_id = a.chat_id and m.sender_type = 'real' and m.created_at <= a.assigned_at
        and m.created_at > coalesce((select r.created_at from messages r
                                      where r.chat_id = a.chat_id and r.sender_type = 'fictional' and r.created_at < a.assigned_at
                                      order by r.created_at desc limit 1), '-infinity')
   ) as waited
   where coalesce(a.assigned_at - waited.since, interval '0') < pg_catalog.make_interval(secs => :'own_chat_after_seconds'::double precision)
), worked as materialized (
  select distinct a.chat_id, a.assigned_at, w.operator_id
    from soon a
   cross join (values (-1), (0), (1)) as beside (half_hours)
    join late_turns w on pg_catalog.floor(extract(epoch from w.assigned_at) / 1800::numeric)::bigint = a.half_hour + beside.half_hours
    join operators f on f.id = w.operator_id and f.is_active
   where w.operator_id <> a.operator_id
     and w.assigned_at between a.assigned_at - interval '30 minutes' and a.assigned_at + interval '30 minutes'
), busy as (
  select a.chat_id, a.assigned_at, b.operator_id
    from soon a
   cross join (values (-1), (0)) as beside (half_hours)
    join late_turns b on pg_catalog.floor(extract(epoch from b.assigned_at) / 1800::numeric)::bigint = a.half_hour + beside.half_hours
   where b.assigned_at <= a.assigned_at
     and coalesce(b.released_at, 'infinity') > a.assigned_at - interval '5 seconds'
  union all
  select a.chat_id, a.assigned_at, b.operator_id
    from late_turns b
    join soon a on b.assigned_at <= a.assigned_at and coalesce(b.released_at, 'infinity') > a.assigned_at - interval '5 seconds'
   where b.released_at is null or b.released_at - b.assigned_at > interval '29 minutes'
)
select a.chat_id, a.operator_id, o.name as operator, a.assigned_at, a.user_waited
  from soon a
  join operators o on o.id = a.operator_id
 where exists (
   select from worked w
    where w.chat_id = a.chat_id and w.assigned_at = a.assigned_at
      and not exists (select from busy b
                       where b.chat_id = w.chat_id and b.assigned_at = w.assigned_at and b.operator_id = w.operator_id))
 order by a.assigned_at desc, a.chat_id
