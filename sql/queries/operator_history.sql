-- What one operator did: chats taken and given back, answers, the last heartbeat; the newest so many, newest first.
select h.at, h.event, h.chat_id, h.detail
  from (
    (select a.assigned_at as at, 'took' as event, a.chat_id, case when a.released_at is null then 'still open' end as detail
       from chat_assignments a where a.operator_id = :'operator'::uuid order by a.assigned_at desc limit :'rows'::bigint)
    union all
    (select a.released_at, 'gave back', a.chat_id, a.release_reason
       from chat_assignments a where a.operator_id = :'operator'::uuid and a.released_at is not null
                                 and a.release_reason::text is distinct from 'operator_sent_message'  -- answered, which stands below
      order by a.released_at desc limit :'rows'::bigint)
    union all
    (select m.created_at, 'answered', m.chat_id, pg_catalog.char_length(m.content)::text || ' characters'
       from messages m where m.handled_by_operator_id = :'operator'::uuid order by m.created_at desc limit :'rows'::bigint)
    union all
    select y.last_activity, 'last heartbeat', y.chat_id, null
      from operator_activity y where y.operator_id = :'operator'::uuid
  ) as h
 order by h.at desc nulls first
 limit :'rows'::bigint
