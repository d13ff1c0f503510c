-- Which operators got the chat that they just had, while another operator was available?
-- code: OPER002
-- invariant: I11
-- title: {count} times an operator got the chat they just had
-- title-one: once an operator got the chat they just had
-- severity: advice
-- group: data
-- kind: history
-- expected: nobody gets the chat they just had while another operator is available
-- why: [before function take_next_chat: when all other chats are locked for a moment, the assign function takes the queue for empty and
--   falls back to the operator's own chat;] [from function take_next_chat: an admin gave it to them, or the chat's wait for somebody else (own_chat_after_seconds) was over]
-- consequence: the promise of the deploy guide is broken; users notice one and the same hand
-- help-text: it is past, nothing mends it, and after --since (24 h) it is no longer told; a person decides whether to hide it until then: `snooze OPER002 --for 24h --reason past`[before function take_next_chat: ; chatops migrate picks without that fall-back]
-- says: gets the same chat again
-- reads: chat_assignments, operators, messages
-- limits: own_chat_after_seconds
-- compares: all
-- shares: late_turns
-- Available: began to work on a chat within half an hour around, and had none at that moment nor five seconds before. Each turn makes
-- two spans in which its operator was, after it and before the next; how many spans a moment lies in is told by its places among
-- all beginnings and all ends, so that it is looked up however many operators there are.
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
     and (pg_catalog.cardinality(:'about_chats'::uuid[]) = 0 or a.chat_id = any(:'about_chats'::uuid[]))
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
), turns as (
  -- When each turn of an active operator began, until when all so far had ended, and when the next one began.
  select t.operator_id, t.began, pg_catalog.max(t.ended) over so_far + interval '5 seconds' as free_at,
         pg_catalog.lead(t.began) over so_far as next_at, pg_catalog.row_number() over so_far as place
    from (
      -- Within what can be reckoned with.
      select w.operator_id, least(greatest(w.assigned_at, '4000-01-01 BC'), '200000-01-01') as began,
             least(w.released_at, '200000-01-01') as ended
        from late_turns w
        join operators f on f.id = w.operator_id and f.is_active
       where w.assigned_at is not null
         and exists (select from soon)
    ) as t
  window so_far as (partition by t.operator_id order by t.began, t.ended rows unbounded preceding)
), spans as materialized (
  select span.operator_id, span.begins, span.ends
    from (
      select t.operator_id, greatest(t.began, t.free_at) as begins,
             least(t.next_at, t.began + interval '30 minutes 1 microsecond') as ends from turns t
      union all
      select t.operator_id, greatest(t.began, t.free_at, t.next_at - interval '30 minutes'), t.next_at from turns t
      union all
      select t.operator_id, t.began - interval '30 minutes', t.began from turns t where t.place = 1
    ) as span
   where span.begins < span.ends
), everybody as materialized (
  select coalesce(pg_catalog.array_agg(s.begins order by s.begins), '{}') as begins,
         coalesce(pg_catalog.array_agg(s.ends order by s.ends), '{}') as ends
    from spans s
), own as materialized (
  select s.operator_id, pg_catalog.array_agg(s.begins order by s.begins) as begins, pg_catalog.array_agg(s.ends order by s.ends) as ends
    from spans s
   group by s.operator_id
)
select a.chat_id, a.operator_id, o.name as operator, a.assigned_at, a.user_waited
  from soon a
  join operators o on o.id = a.operator_id
 cross join everybody e
  left join own on own.operator_id = a.operator_id
 where pg_catalog.width_bucket(a.assigned_at, e.begins) - pg_catalog.width_bucket(a.assigned_at, e.ends)
       > coalesce(pg_catalog.width_bucket(a.assigned_at, own.begins) - pg_catalog.width_bucket(a.assigned_at, own.ends), 0)
 order by a.assigned_at desc, a.chat_id
