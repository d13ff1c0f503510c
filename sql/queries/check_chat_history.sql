-- What happened in one chat: messages without their text, and assignments; the newest so many, oldest first.
select h.at, h.event, h.operator_id, o.name as operator_name, h.detail
  from (
    (select m.created_at as at,
            case when m.sender_type = 'real' then 'user wrote' else 'operator answered' end as event,
            m.handled_by_operator_id as operator_id, null::text as detail
       from messages m where m.chat_id = :'chat_id'::uuid
      order by m.created_at desc limit :'rows'::bigint)
    union all
    select a.assigned_at, 'assigned', a.operator_id, case when a.released_at is null then 'still open' end
      from chat_assignments a where a.chat_id = :'chat_id'::uuid
    union all
    select a.released_at, 'released', a.operator_id, a.release_reason
      from chat_assignments a where a.chat_id = :'chat_id'::uuid and a.released_at is not null
  ) as h
  left join operators o on o.id = h.operator_id
 order by h.at desc nulls first
 limit :'rows'::bigint
