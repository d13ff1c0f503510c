-- What happened in one chat: messages (their text only with show_text), assignments, the last heartbeat; the newest so many.
select h.at, h.event, h.operator_id, o.name as operator_name, h.detail
  from (
    (select m.created_at as at,
            case when m.sender_type::text = 'real' then 'user wrote' else 'operator answered' end as event,
            m.handled_by_operator_id as operator_id,
            case when :'show_text'::boolean then m.content else pg_catalog.char_length(m.content)::text || ' characters' end as detail
       from messages m where m.chat_id = :'chat_id'::uuid
      order by m.created_at desc limit :'rows'::bigint)
    union all
    select a.assigned_at, 'assigned', a.operator_id, case when a.released_at is null then 'still open' end
      from chat_assignments a where a.chat_id = :'chat_id'::uuid
    union all
    select a.released_at, 'released', a.operator_id, a.release_reason
      from chat_assignments a where a.chat_id = :'chat_id'::uuid and a.released_at is not null
    union all
    select y.last_activity, 'last heartbeat', y.operator_id, null
      from operator_activity y where y.chat_id = :'chat_id'::uuid
    union all
    select c.created_at, 'created', null::uuid, null
      from chats c where c.id = :'chat_id'::uuid
  ) as h
  left join operators o on o.id = h.operator_id
 order by h.at desc nulls first
 limit :'rows'::bigint
