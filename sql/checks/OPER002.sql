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
-- help-text: nothing mends what has happened; chatops migrate picks without that fall-back (021 and up)
-- says: gets the same chat again
-- reads: chat_assignments, operators, messages
-- limits: own_chat_after_seconds
-- Available: worked within the hour around, and had no chat at that moment.
select a.chat_id,
       a.operator_id,
       o.name as operator,
       a.assigned_at,
       a.assigned_at - waited.since as user_waited
  from chat_assignments a
  join operators o on o.id = a.operator_id
 cross join lateral (
   select p.operator_id, p.release_reason from chat_assignments p
    where p.chat_id = a.chat_id and p.id <> a.id and p.assigned_at < a.assigned_at and p.released_at is not null
    order by p.assigned_at desc
    limit 1
 ) as previous
 cross join lateral (
   select min(m.created_at) as since from messages m
    where m.chat_id = a.chat_id and m.sender_type = 'real' and m.created_at <= a.assigned_at
      and m.created_at > coalesce((select r.created_at from messages r
                                    where r.chat_id = a.chat_id and r.sender_type = 'fictional' and r.created_at < a.assigned_at
                                    order by r.created_at desc limit 1), '-infinity')
 ) as waited
 where a.assigned_at >= now() - :'since'::interval
   and previous.operator_id = a.operator_id
   and coalesce(a.assigned_at - waited.since, interval '0') < make_interval(secs => :'own_chat_after_seconds'::double precision)
   and exists (
     select 1 from operators f
      where f.id <> a.operator_id
        and f.is_active
        and exists (select 1 from chat_assignments w
                     where w.operator_id = f.id
                       and w.assigned_at between a.assigned_at - interval '30 minutes' and a.assigned_at + interval '30 minutes')
        and not exists (select 1 from chat_assignments b
                         where b.operator_id = f.id
                           and b.assigned_at <= a.assigned_at
                           and coalesce(b.released_at, 'infinity') > a.assigned_at - interval '5 seconds'))
 order by a.assigned_at desc, a.chat_id
